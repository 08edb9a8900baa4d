"""CTranslate2's `model.bin`: names and tensors, one after the other. It can hold no code.

    u32 version, text spec, u32 revision
    u32 count,   then for each tensor: text name, u8 rank, u32 sizes, u8 kind, u32 bytes, numbers
    u32 count,   then for each alias: text name, text of the tensor that it stands for

All numbers are little-endian; a text is its u16 length, itself and a zero, which is counted.
Source: https://github.com/OpenNMT/CTranslate2, python/ctranslate2/specs/model_spec.py.
"""

import math
import struct
from pathlib import Path

import torch
from torch import Tensor

KINDS = (torch.float32, torch.int8, torch.int16, torch.int32, torch.float16, torch.bfloat16)
VERSION = 6


class _Reader:
    """Bytes, and how far they are read."""

    def __init__(self, path: Path):
        self.path, self.at, self.data = path, 0, bytearray(path.read_bytes())

    def take(self, size: int) -> bytearray:
        """Return the next bytes.

        Raises `ValueError` when the file ends before.
        """
        self.at += size
        if self.at > len(self.data):
            raise ValueError(f"{self.path} ends after {len(self.data)} bytes, not {self.at}")
        return self.data[self.at - size : self.at]

    def number(self, form: str) -> int:
        """Return one number: "B", "H" or "I" for one, two or four bytes."""
        return struct.unpack(f"<{form}", self.take(struct.calcsize(form)))[0]

    def text(self) -> str:
        """Return one text, without the zero at its end.

        Raises `ValueError` when it is none.
        """
        raw = bytes(self.take(self.number("H")).rstrip(b"\0"))
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"{self.path} has a text that is no UTF-8: {raw[:20]!r}") from None

    def tensor(self) -> Tensor:
        """Return one tensor in its own dtype.

        Raises `ValueError` for a kind that is not known, or bytes that are not its numbers.
        """
        sizes = [self.number("I") for _ in range(self.number("B"))]
        kind, nbytes = self.number("B"), self.number("I")
        wild = math.prod(size or 1 for size in sizes) >= 2**60  # next to a size of 0
        if kind >= len(KINDS) or wild or nbytes != math.prod(sizes) * KINDS[kind].itemsize:
            raise ValueError(f"{self.path}: {nbytes} bytes of kind {kind} are no tensor of {sizes}")
        if not nbytes:
            return torch.empty(sizes, dtype=KINDS[kind])
        return torch.frombuffer(self.take(nbytes), dtype=KINDS[kind]).view(sizes)


def read_ctranslate2(path: Path) -> tuple[str, dict[str, Tensor]]:
    """Return a model's spec, such as "WhisperSpec", and its tensors by name, aliases too.

    Raises `ValueError` when the file is of another version, ends early or goes on, has a
    name twice, or when an alias stands for nothing.
    """
    reader = _Reader(path)
    version = reader.number("I")
    if version != VERSION:
        raise ValueError(f"{path} must be of CTranslate2's version {VERSION}, got {version}")
    spec = reader.text()
    reader.number("I")  # the spec's revision
    tensors: dict[str, Tensor] = {}
    for _ in range(reader.number("I")):
        name = reader.text()
        if name in tensors:
            raise ValueError(f"{path} has two of {name}")
        tensors[name] = reader.tensor()
    for _ in range(reader.number("I")):
        alias, name = reader.text(), reader.text()
        if alias in tensors:
            raise ValueError(f"{path} has two of {alias}")
        if name not in tensors:
            raise ValueError(f"{path}: {alias} stands for {name}, which is not there")
        tensors[alias] = tensors[name]
    if reader.at != len(reader.data):
        raise ValueError(f"{path} goes on after its end: {len(reader.data) - reader.at} bytes more")
    return spec, tensors
