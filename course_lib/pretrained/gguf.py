"""GGUF files, llama.cpp's format: what is known about a model, and its numbers in a few bits each.

Layout, little endian: "GGUF", version, how many tensors, how many facts; the facts, each a key, a
kind and a value; of each tensor its name, sizes (innermost first), kind and place; the tensors.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SINGLE = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}  # kinds of facts, for `struct`
TEXT, LIST = 8, 9
MOST_AXES = 4  # llama.cpp's own


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

    Raises `ValueError` when the file is no GGUF of version 2 or 3, is cut off, contradicts itself,
    or holds a tensor of an unknown kind.
    """

    def __init__(self, path: Path):
        head = _Head(path)
        self.facts, places, first = head.read()
        size = path.stat().st_size
        ends = first
        for name, (shape, kind, start) in sorted(places.items(), key=lambda item: item[1][2]):
            if kind not in KINDS:
                raise ValueError(f"{path}: {name} is of kind {kind}, known are {list(KINDS)}")
            if (shape[-1] if shape else 1) % KINDS[kind][0]:
                raise ValueError(f"{path}: rows of {name} {shape} are no whole blocks of its kind")
            if start < ends:
                raise ValueError(f"{path}: {name} begins at {start}, where another tensor stands")
            ends = start + _size(shape, kind)
            if ends > size:
                raise ValueError(f"{path} is cut off: {name} ends after its {size} bytes")
        self._places = places
        self._bytes = torch.from_file(str(path), size=size, dtype=torch.uint8)  # not read yet

    def __getitem__(self, name: str) -> Tensor:
        shape, kind, start = self._places[name]
        _, width, read = KINDS[kind]
        blocks = self._bytes[start : start + _size(shape, kind)].view(-1, width)
        return read(blocks).view(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class _Head:
    """A file up to its tensors. Whatever it claims, no more is set aside than it has bytes."""

    def __init__(self, path: Path):
        self.path, self.size = path, path.stat().st_size

    def read(self) -> tuple[dict[str, Any], dict[str, tuple], int]:
        """Return the facts, where the tensors are: (shape, kind, start), and where they begin."""
        with open(self.path, "rb") as self.file:
            if self.file.read(4) != b"GGUF":
                raise self.wrong("is not a GGUF file: it does not begin with these letters")
            version, num_tensors, num_facts = self.numbers("IQQ")
            if version not in (2, 3):
                raise self.wrong(f"must be of GGUF's version 2 or 3, got {version}")
            facts = self.by_name(num_facts, lambda: self.fact(*self.numbers("I")))
            places = self.by_name(num_tensors, self.place)
            step, end = facts.get("general.alignment", 32), self.file.tell()
        if not isinstance(step, int) or step < 8 or step % 8:
            raise self.wrong(f"asks for an alignment of {step!r}, not of 8, 16, 24 … bytes")
        for name, (_, _, at) in places.items():
            if at % step:
                raise self.wrong(f"has {name} at {at}, which is no multiple of {step}")
        first = -(-end // step) * step
        return (
            facts,
            {n: (shape, kind, first + at) for n, (shape, kind, at) in places.items()},
            first,
        )

    def wrong(self, what: str) -> ValueError:
        return ValueError(f"{self.path} {what}")

    def by_name(self, count: int, read: Callable[[], Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(count):
            name = self.text()
            if name in found:
                raise self.wrong(f"has two of {name}")
            found[name] = read()
        return found

    def place(self) -> tuple[tuple[int, ...], int, int]:
        (axes,) = self.numbers("I")
        if axes > MOST_AXES:
            raise self.wrong(f"has a tensor of {axes} axes, more than {MOST_AXES}")
        shape = self.numbers(f"{axes}Q")[::-1]
        return (shape, *self.numbers("IQ"))

    def fact(self, kind: int) -> Any:
        if kind == TEXT:
            return self.text()
        if kind in SINGLE:
            return self.numbers(SINGLE[kind])[0]
        if kind != LIST:
            raise self.wrong(f"has a fact of kind {kind}, known are 0 to 12")
        kind, length = self.numbers("IQ")
        if kind in SINGLE:
            width = struct.calcsize(f"<{SINGLE[kind]}")
            raw = self.take(length * width)
            return list(struct.unpack(f"<{length}{SINGLE[kind]}", raw))
        if kind == LIST:
            raise self.wrong("has lists within a list, which nothing asks for")
        return [self.fact(kind) for _ in range(length)]

    def text(self) -> str:
        raw = self.take(*self.numbers("Q"))
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise self.wrong(f"has a text that is no UTF-8: {raw[:20]!r}") from None

    def numbers(self, kinds: str) -> tuple:
        return struct.unpack(f"<{kinds}", self.take(struct.calcsize(f"<{kinds}")))

    def take(self, count: int) -> bytes:
        if count > self.size - self.file.tell():  # before memory for it is set aside
            raise self.wrong("is cut off: its head ends too early")
        return self.file.read(count)


def _size(shape: tuple[int, ...], kind: int) -> int:
    numbers, width, _ = KINDS[kind]
    return prod(shape) // numbers * width
