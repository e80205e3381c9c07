"""One way to hear a file, in a process of its own: `python -m tests.bench.hearing WAY MODEL FILE`, which prints JSON.

What is done once (loading the model, its first notes) is done before anything is measured.
The options are the same. There are no retries: Whisper takes a text of ten different words for a loop.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from faster_whisper import WhisperModel

from tests import speech
from tests.bench.processes import measured
from voicebot.settings import WhisperSettings, processors
from voicebot.whisper import Whisper


def _directly(model: str) -> Callable[[Path], str]:
    loaded = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=processors())

    def hear(file: Path) -> str:
        segments, _ = loaded.transcribe(
            str(file), beam_size=5, temperature=0.0, condition_on_previous_text=False, vad_filter=True
        )
        return " ".join(segment.text.strip() for segment in segments)

    return hear


def _voicebot(model: str) -> Callable[[Path], str]:
    whisper = Whisper(WhisperSettings(model=model, workers=1, threads=processors(), retries=0))
    return lambda file: " ".join(segment.text for piece in whisper.transcribe(file) for segment in piece.segments)


WAYS = {"directly": _directly, "voicebot": _voicebot}


def main(way: str, model: str, file: str) -> None:
    hear = WAYS[way](model)
    with tempfile.NamedTemporaryFile() as note:
        Path(note.name).write_bytes(speech.encoded(speech.groups(["7294"] * 12)))
        hear(Path(note.name))
        Path(note.name).write_bytes(speech.voice_note("7294"))
        if (heard := hear(Path(note.name))) != speech.words("7294"):
            sys.exit(f"bench: {model} heard {heard!r}")
    with measured(os.getpid()) as taken:
        hear(Path(file))
    print(json.dumps(asdict(taken)))


if __name__ == "__main__":
    main(*sys.argv[1:])
