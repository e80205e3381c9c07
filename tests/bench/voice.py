"""Hearing: by faster-whisper directly, through voicebot's pipeline, through the whole bot; same file, same options.

Time is that of a model with the dimensions of Whisper base that hears digits (tests/bench/wide.py), since the tiny one
is so quick that all else would count double. None of this tells how well real models hear.
"""

import json
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests import speech
from tests.bench.hearing import WAYS
from tests.bench.processes import Taken, measured
from tests.bench.report import Row
from tests.bench.wide import widen
from tests.fakes.telegram import Telegram
from tests.voicebots import voicebot
from voicebot.settings import processors

_MINUTES = 5
_RUNS = 3
_BOT = "the whole bot"


def measure_voice(say: Callable[[str], None]) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as name:
        folder = Path(name)
        model, minutes, hour = folder / "model", folder / "minutes.ogg", folder / "hour.ogg"
        widen(speech.MODEL, model)
        minutes.write_bytes(speech.encoded(_spoken(_MINUTES * 60)))
        hour.write_bytes(minutes.read_bytes() * (60 // _MINUTES))  # recordings in Ogg may follow each other in a file
        yield from _minutes(model, minutes, folder, say)
        say("an hour of speech")
        directly, ours = (_heard(way, speech.MODEL, hour).added for way in WAYS)
        yield _row("an hour of speech: memory, above the model's own", "MB", [ours], "≤ 400")
        yield _row("  faster-whisper directly", "MB", [directly])


def _minutes(model: Path, file: Path, folder: Path, say: Callable[[str], None]) -> Iterator[Row]:
    taken: dict[str, list[Taken]] = defaultdict(list)
    for number in range(_RUNS):
        say(f"speech, {number + 1} of {_RUNS}")
        for way in WAYS:
            taken[way].append(_heard(way, model, file))
        taken[_BOT].append(_answered(model, file, folder / str(number)))
    directly = taken["directly"]
    what = f"{_MINUTES} minutes of speech"
    yield _row(f"{what}, faster-whisper directly", "s", [each.seconds for each in directly])
    for way in ("voicebot", _BOT):
        pairs = list(zip(taken[way], directly, strict=True))
        yield _row(f"  {way}, against that", "×", [one.seconds / other.seconds for one, other in pairs], "≤ 1.05")
        used = [one.processor_seconds / other.processor_seconds for one, other in pairs]
        yield _row("    processor time", "×", used)
    yield _row(f"{what}: peak of the process, directly", "MB", [each.peak for each in directly])
    more = [one.peak - other.peak for one, other in zip(taken[_BOT], directly, strict=True)]
    yield _row(f"  {_BOT}, above that", "MB", more, "≤ 30")


def _heard(way: str, model: Path, file: Path) -> Taken:
    command = [sys.executable, "-m", "tests.bench.hearing", way, str(model), str(file)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Taken(**json.loads(done.stdout))


def _answered(model: Path, file: Path, folder: Path) -> Taken:
    """From when the voice message is sent until the answer to it is the whole text."""
    folder.mkdir()
    with (
        Telegram() as telegram,
        voicebot(
            telegram,
            f"sqlite:///{folder}/bot.db",
            folder,
            WHISPER_MODEL=str(model),
            WHISPER_WORKERS="1",
            WHISPER_THREADS=str(processors()),
            WHISPER_PIECE_SECONDS="30",
            WHISPER_RETRIES="0",
        ) as bot,
    ):
        bot.becomes("active")
        _answer(telegram, speech.encoded(speech.groups(["7294"] * 12)))
        with measured(bot.process.pid) as taken:
            _answer(telegram, file)
    return taken


def _answer(telegram: Telegram, voice: bytes | Path) -> None:
    person = telegram.add_user()
    sent = person.sends_voice(voice, duration=_MINUTES * 60)
    person.chat.wait_until(
        lambda: [answer for answer in person.chat.answers_to(sent) if not answer.labels],
        "an answer that can no longer be cancelled",
        within=600,
    )


def _spoken(seconds: float) -> speech.Sound:
    """Digits with pauses of a breath, of a sentence, and of a thought."""
    chance = random.Random(0)
    parts: list[speech.Sound] = []
    while sum(map(len, parts)) < seconds * speech.RATE:
        digits = "".join(chance.choices("0123456789", k=chance.randint(2, 5)))
        shortest, longest = chance.choice([(0.3, 0.8), (0.5, 2.0), (1.0, 4.0)])
        parts += [speech.say(digits), speech.silence(chance.uniform(shortest, longest))]
    return np.concatenate(parts)


def _row(what: str, unit: str, samples: list[float], wanted: str = "") -> Row:
    return Row(what=what, unit=unit, samples={0.0: samples}, wanted=wanted)
