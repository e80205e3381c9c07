"""The tiny model that hears digits, widened to the dimensions of Whisper base: it works as long, and hears the same.

Nothing is trained. Each of its 64 values is there eight times among 512, so that means and variances, and with them
all norms, stay what they were; a weight is shared by the copies that it reads. Further layers add nothing. The
vocabulary is filled up with copies of a token that never comes.
"""

import json
import re
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt
from ctranslate2.specs import WhisperSpec

Array: TypeAlias = npt.NDArray[Any]
Weights: TypeAlias = dict[str, Array]
"""By the names of CTranslate2, where linear_0 of self-attention is query, key and value in one."""

_WIDTH, _LAYERS, _HEADS, _VOCABULARY = 512, 6, 8, 51_865  # of Whisper base
_NARROW_WIDTH, _NARROW_LAYERS, _NARROW_HEADS = 64, 2, 4
_NARROW_HEAD_WIDTH = _NARROW_WIDTH // _NARROW_HEADS
_NEVER = "Ā"  # a byte of zeros, as vocabularies write it
_DTYPES = ("float32", "int8", "int16")  # as CTranslate2 numbers them

_STREAM = np.arange(_WIDTH) % _NARROW_WIDTH
"""Of which narrow value each wide one is a copy. Within attention, a wide head has copies of one narrow head:"""
_IN_HEADS = np.array(
    [
        head % _NARROW_HEADS * _NARROW_HEAD_WIDTH + value % _NARROW_HEAD_WIDTH
        for head in range(_HEADS)
        for value in range(_WIDTH // _HEADS)
    ]
)
_QUERY_SCALE = 1 / 2
"""Products of query and key have four times the terms, and are divided by √64, no longer by √16."""

_NOTHING = 1e-20  # times anything; quantized, zeros would be the same for all layers


def widen(narrow: Path, wide: Path) -> None:
    """From one model's folder into another's, which is made."""
    tokens: list[str] = json.loads((narrow / "vocabulary.json").read_text())
    vocabulary = _Vocabulary(tokens)
    spec = WhisperSpec(_LAYERS, _HEADS, _LAYERS, _HEADS)
    for name, values in _read(narrow / "model.bin").items():
        for wide_name, wide_values in _layers(name, _widened(name, values, vocabulary)):
            _set(spec, wide_name, wide_values)
    spec.decoder.projection.weight = spec.decoder.embeddings.weight
    config = json.loads((narrow / "config.json").read_text())
    for key in ("suppress_ids", "suppress_ids_begin", "lang_ids"):
        setattr(spec.config, key, [vocabulary.moved(token_id) for token_id in config[key]])
    spec.config.alignment_heads = config["alignment_heads"]
    spec.register_vocabulary(vocabulary.tokens)
    spec.validate()
    spec.optimize(quantization="int8")
    wide.mkdir()
    spec.save(str(wide))
    _write_tokenizer(narrow, wide, vocabulary)
    shutil.copy(narrow / "preprocessor_config.json", wide)


class _Vocabulary:
    """Filled up between text and the tokens that are none."""

    def __init__(self, narrow: list[str]) -> None:
        never = narrow.index(_NEVER)
        self._end = narrow.index("<|endoftext|>")
        self.filling = [f"<never {number}>" for number in range(_VOCABULARY - len(narrow))]
        self.tokens = narrow[: self._end] + self.filling + narrow[self._end :]
        self.sources = np.array([*range(self._end), *[never] * len(self.filling), *range(self._end, len(narrow))])
        """Of each token, the narrow one whose embedding it has."""

    def moved(self, token_id: int) -> int:
        return token_id + (len(self.filling) if token_id >= self._end else 0)


def _widened(name: str, values: Array, vocabulary: _Vocabulary) -> Array:
    match name.split("/"):
        case [*_, "embeddings", "weight"]:
            return values.take(vocabulary.sources, axis=0).take(_STREAM, axis=1)
        case [*_, "position_encodings", "encodings"]:
            return values[:, _STREAM]
        case ["decoder", "layer_norm", _]:
            return values[_STREAM] * (_NARROW_WIDTH / _WIDTH)  # a logit is the sum over all copies
        case [*_, "layer_norm", _]:
            return values[_STREAM]
        case ["encoder", "conv1", _]:
            return values[_STREAM]  # reads what is not widened
        case [*_, "self_attention" | "attention", linear, _]:
            return _attention(name, linear, values)
        case [*_, "weight"]:
            return _read_by(values, _tiled(values.shape[1]))[_tiled(len(values))]
        case _:
            return values[_tiled(len(values))]


def _tiled(narrow: int) -> Array:
    copies: Array = np.arange(narrow * _WIDTH // _NARROW_WIDTH) % narrow
    return copies


def _read_by(weight: Array, copies: Array) -> Array:
    """A weight that reads copies of what it read, and gives the same."""
    narrow = weight.shape[1]
    shared: Array = weight[:, copies] * (narrow / len(copies))
    return shared


def _attention(name: str, linear: str, values: Array) -> Array:
    """One of the projections of attention: into heads, or, the last one, out of them."""
    is_output = linear == ("linear_1" if "self_attention" in name else "linear_2")
    if values.ndim == 2:
        values = _read_by(values, _IN_HEADS if is_output else _STREAM)
    if is_output:
        return values[_STREAM]
    parts: list[Array] = [part[_IN_HEADS] for part in np.split(values, len(values) // _NARROW_WIDTH)]
    if linear == "linear_0":
        parts[0] = parts[0] * _QUERY_SCALE
    return np.concatenate(parts)


def _layers(name: str, values: Array) -> Iterator[tuple[str, Array]]:
    """The last layer, and all that follow: of other weights, or they would be kept once, and adding next to nothing."""
    yield name, values
    last = f"/layer_{_NARROW_LAYERS - 1}/"
    adds = re.search("self_attention/linear_1|/attention/linear_2|ffn/linear_1", name)
    for number in range(_NARROW_LAYERS, _LAYERS if last in name else 0):
        yield name.replace(last, f"/layer_{number}/"), np.roll(values, number, axis=0) * (_NOTHING if adds else 1)


def _set(spec: Any, name: str, values: Array) -> None:
    """`name` is a path: encoder/layer_0/ffn/linear_0/weight is spec.encoder.layer[0].ffn.linear[0].weight."""
    *path, attribute = name.split("/")
    for part in path:
        kind, _, number = part.rpartition("_")
        spec = getattr(spec, part) if hasattr(spec, part) else getattr(spec, kind)[int(number)]
    setattr(spec, attribute, np.ascontiguousarray(values, np.float32))


def _read(file: Path) -> Weights:
    """All weights of a model of CTranslate2, as the floats that they stand for."""
    with file.open("rb") as stream:
        stream.read(4)
        _string(stream)
        _, count = struct.unpack("II", stream.read(8))
        stored = dict(_variable(stream) for _ in range(count))
    weights = {name: values for name, values in stored.items() if values.ndim and not name.endswith("_scale")}
    for name, scales in stored.items():
        if name.endswith("_scale") and scales.ndim:
            weight = weights[name.removesuffix("_scale")]
            weights[name.removesuffix("_scale")] = weight / scales.reshape(-1, *[1] * (weight.ndim - 1))
    return weights


def _variable(stream: BinaryIO) -> tuple[str, Array]:
    name = _string(stream)
    (rank,) = stream.read(1)
    shape = struct.unpack(f"{rank}I", stream.read(4 * rank))
    (dtype,) = stream.read(1)
    (size,) = struct.unpack("I", stream.read(4))
    return name, np.frombuffer(stream.read(size), _DTYPES[dtype]).reshape(shape)


def _string(stream: BinaryIO) -> str:
    (length,) = struct.unpack("H", stream.read(2))
    return stream.read(length)[:-1].decode()


def _write_tokenizer(narrow: Path, wide: Path, vocabulary: _Vocabulary) -> None:
    tokenizer = json.loads((narrow / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"] = {token: number for number, token in enumerate(vocabulary.tokens)}
    for token in tokenizer["added_tokens"]:
        token["id"] = vocabulary.moved(token["id"])
    (wide / "tokenizer.json").write_text(json.dumps(tokenizer))
