"""Languages that people speak to the bot, by their ISO 639-1 codes."""

NAMES = {
    "en": "English",
    "ru": "Русский",
    "uk": "Українська",
    "be": "Беларуская",
    "kk": "Қазақша",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "pt": "Português",
    "it": "Italiano",
    "pl": "Polski",
    "nl": "Nederlands",
    "cs": "Čeština",
    "tr": "Türkçe",
    "he": "עברית",
    "ar": "العربية",
    "fa": "فارسی",
    "hi": "हिन्दी",
    "id": "Indonesia",
    "vi": "Tiếng Việt",
    "zh": "中文",
    "ja": "日本語",
    "ko": "한국어",
}
"""Those of Whisper's hundred that most people speak, each in its own words."""


def name(code: str) -> str:
    return NAMES.get(code, code)


def primary(language_code: str | None) -> str:
    """Of what Telegram says of a user: `pt-br` is `pt`. Empty if it says nothing."""
    return (language_code or "").partition("-")[0].lower()
