"""GGUF files, llama.cpp's format: what is known about a model, and its numbers in a few bits each.

Layout, little endian: "GGUF", version, how many tensors, how many facts; the facts, each a key, a
kind and a value; of each tensor its name, sizes (innermost first), kind and place; the tensors.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

SINGLE = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}  # kinds of facts, for `struct`
TEXT, LIST = 8, 9


def _numbers(dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    # a copy, so that the file is let go
    return lambda blocks: blocks.view(dtype).to(torch.float32, copy=True)


def _q4_1(blocks: Tensor) -> Tensor:
    """32 numbers of 4 bits: step * number + least; low halves of the bytes are the first 16."""
    step, least = blocks[:, :4].view(torch.float16).float().split(1, dim=1)
    halves = torch.cat((blocks[:, 4:] & 15, blocks[:, 4:] >> 4), dim=1)
    return torch.addcmul(least, step, halves.float())


def _q8_0(blocks: Tensor) -> Tensor:
    """32 numbers of 8 bits, with a sign: step * number."""
    return blocks[:, :2].view(torch.float16).float() * blocks[:, 2:].view(torch.int8)


# a kind of tensor: numbers in a block, bytes in a block, how a block is read
KINDS = {
    0: (1, 4, _numbers(torch.float32)),
    1: (1, 2, _numbers(torch.float16)),
    3: (32, 20, _q4_1),
    8: (32, 34, _q8_0),
}


class GgufFile(Mapping):
    """A file's tensors by name, each made float32 when it is asked for; its `facts` by key.

    Raises `ValueError` when the file is no GGUF, is cut off, or holds a tensor of an unknown kind.
    """

    def __init__(self, path: Path):
        with open(path, "rb") as file:
            if file.read(4) != b"GGUF":
                raise ValueError(f"{path} is not a GGUF file: it does not begin with these letters")
            try:
                self._read_head(file)
            except struct.error:
                raise ValueError(f"{path} is cut off: its head ends too early") from None
        size = path.stat().st_size
        self._bytes = torch.from_file(str(path), size=size, dtype=torch.uint8)  # not read yet
        for name, (shape, kind, start) in self._places.items():
            if kind not in KINDS:
                raise ValueError(f"{path}: {name} is of kind {kind}, known are {list(KINDS)}")
            if start + _size(shape, kind) > size:
                raise ValueError(f"{path} is cut off: {name} ends after its {size} bytes")

    def __getitem__(self, name: str) -> Tensor:
        shape, kind, start = self._places[name]
        _, width, read = KINDS[kind]
        blocks = self._bytes[start : start + _size(shape, kind)].view(-1, width)
        return read(blocks).view(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _read_head(self, file: BinaryIO) -> None:
        _, num_tensors, num_facts = _read(file, "IQQ")
        self.facts = {_text(file): _fact(file, *_read(file, "I")) for _ in range(num_facts)}
        places = {}
        for _ in range(num_tensors):
            name, (axes,) = _text(file), _read(file, "I")
            shape = _read(file, f"{axes}Q")[::-1]
            places[name] = (shape, *_read(file, "IQ"))
        step = self.facts.get("general.alignment", 32)
        first = -(-file.tell() // step) * step
        self._places = {n: (shape, kind, first + at) for n, (shape, kind, at) in places.items()}


def _size(shape: tuple[int, ...], kind: int) -> int:
    numbers, width, _ = KINDS[kind]
    return prod(shape) // numbers * width


def _fact(file: BinaryIO, kind: int) -> Any:
    if kind == TEXT:
        return _text(file)
    if kind != LIST:
        return _read(file, SINGLE[kind])[0]
    kind, length = _read(file, "IQ")
    if kind in SINGLE:
        return list(_read(file, f"{length}{SINGLE[kind]}"))
    return [_fact(file, kind) for _ in range(length)]


def _text(file: BinaryIO) -> str:
    return file.read(*_read(file, "Q")).decode("utf-8")


def _read(file: BinaryIO, kinds: str) -> tuple:
    return struct.unpack(f"<{kinds}", file.read(struct.calcsize(f"<{kinds}")))
