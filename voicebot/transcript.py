"""What was heard: the nouns that model, storage and views share. Times are seconds from the start of the audio."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A phrase."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of the audio between two silences, transcribed in one go. Pieces follow each other without a gap."""

    start: float
    end: float
    language: str
    """ISO 639-1 code of what was heard or asked for, as Whisper names it; empty while no speech was heard."""
    segments: tuple[Segment, ...]


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """All that was heard in one file."""

    duration: float
    language: str
    segments: tuple[Segment, ...]
