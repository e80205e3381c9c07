import pytest

from voicebot.parts import end_of, split, units


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", [""]),
        ("short", ["short"]),
        ("One is here. Two is there.", ["One is here.", "Two is there."]),
        ("He said “no.” Two is there.", ["He said “no.”", "Two is there."]),
        ("It is 3.14159 in all of it", ["It is 3.14159 in all", "of it"]),
        ("no sentences at all in this text", ["no sentences at all", "in this text"]),
        ("x" * 45, ["x" * 20, "x" * 20, "x" * 5]),
        ("你好吗我很好谢谢大家。今天天气很好我们去公园。", ["你好吗我很好谢谢大家。", "今天天气很好我们去公园。"]),
        ("[0:00] one two\n[0:05] three four", ["[0:00] one two", "[0:05] three four"]),
        ("A. bcdefghijklmnopq rstuv", ["A. bcdefghijklmnopq", "rstuv"]),
    ],
)
def test_a_text_is_cut_after_a_sentence_else_after_a_word_else_anywhere(text: str, parts: list[str]) -> None:
    assert split(text, 20) == parts


def test_an_emoji_counts_as_two_and_is_never_cut_in_half() -> None:
    assert units("😀") == 2
    assert split("😀" * 5, 5) == ["😀😀", "😀😀", "😀"]


@pytest.mark.parametrize("text", ["One sentence. " * 400, "слово " * 900, "x" * 9000, "😀" * 3000, "a. " * 3000])
def test_parts_are_of_the_size_and_nothing_but_white_space_is_lost(text: str) -> None:
    parts = split(text, 1000)
    assert all(0 < units(part) <= 1000 for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("short", "short"),
        ("one two three four", "… three four"),
        ("x" * 30, "… " + "x" * 12),
        ("😀" * 9, "… " + "😀" * 6),
    ],
)
def test_the_end_of_a_text_begins_with_a_whole_word(text: str, end: str) -> None:
    assert end_of(text, 12) == end
