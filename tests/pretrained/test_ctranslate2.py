"""CTranslate2's files: what was written is read, and what is broken is said to be."""

import struct

import pytest
import torch

from course_lib.pretrained.ctranslate2 import KINDS, read_ctranslate2


def text(string):
    return struct.pack("<H", len(string) + 1) + string.encode() + b"\0"


def written(tensors, aliases=(), version=6):
    parts = [struct.pack("<I", version), text("SomeSpec"), struct.pack("<II", 1, len(tensors))]
    for name, tensor in tensors.items():
        raw = tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()
        sizes = struct.pack(f"<B{tensor.ndim}I", tensor.ndim, *tensor.shape)
        kind = struct.pack("<BI", KINDS.index(tensor.dtype), len(raw))
        parts += [text(name), sizes, kind, raw]
    parts.append(struct.pack("<I", len(aliases)))
    return b"".join(parts) + b"".join(text(a) + text(b) for a, b in aliases)


TENSORS = {
    "a/weight": torch.randn(2, 3).half(),
    "a/scale": torch.tensor(7, dtype=torch.int16),
    "b": torch.randn(5).bfloat16(),
    "nothing": torch.empty(0, 4),
}


def test_what_was_written_is_read_and_aliases_are_too(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(written(TENSORS, [("c/weight", "a/weight")]))
    spec, tensors = read_ctranslate2(path)
    assert spec == "SomeSpec" and list(tensors) == [*TENSORS, "c/weight"]
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype and torch.equal(tensors[name], tensor)
    assert tensors["c/weight"] is tensors["a/weight"]


GOOD = written(TENSORS)


def one(*sizes, kind=0, raw=b"", name=b"x", count=1):
    """A file with one tensor, and `count` that are said to be there."""
    start = struct.pack("<I", 6) + text("SomeSpec") + struct.pack("<II", 1, count)
    named = struct.pack("<H", len(name) + 1) + name + b"\0"
    shape = struct.pack(f"<B{len(sizes)}I", len(sizes), *sizes)
    return start + named + shape + struct.pack("<BI", kind, len(raw)) + raw + struct.pack("<I", 0)


MOST = 2**32 - 1


@pytest.mark.parametrize(
    "data, message",
    [
        (written(TENSORS, version=5), "version 6, got 5"),
        (GOOD[:60], "ends after 60 bytes, not"),
        (GOOD + b"more", "goes on after its end: 4 bytes more"),
        (written(TENSORS, [("x", "y")]), "x stands for y, which is not there"),
        (GOOD.replace(b"\x04\x0c\0\0\0", b"\x09\x0c\0\0\0"), r"kind 9 are no tensor of \[2, 3\]"),
        (GOOD.replace(b"\x04\x0c\0\0\0", b"\x04\x0d\0\0\0"), r"13 bytes of kind 4 are no tensor"),
        (one(0, MOST, MOST, MOST), r"no tensor of \[0, 4294967295, 4294967295, 4294967295\]"),
        (one(MOST, MOST, raw=bytes(4)), r"4 bytes of kind 0 are no tensor of \[4294967295, "),
        (one(1, raw=bytes(4), count=MOST), "ends after [0-9]+ bytes"),
        (one(1, raw=bytes(4), name=b"\xff\xfe"), "no UTF-8: b'.xff.xfe'"),
        (written(TENSORS, [("b", "a/scale")]), "model.bin has two of b"),
        (one(1, raw=bytes(4), count=2)[:-4] + one(1, raw=bytes(4))[23:], "has two of x"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",  # the bytes hold random numbers
)
def test_a_broken_file_is_said_to_be(data, message, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_ctranslate2(path)
