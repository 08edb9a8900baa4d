"""GGUF files, packed here by hand; tests/pretrained/test_smollm2.py reads a real one."""

import struct

import pytest
import torch
from torch.testing import assert_close

from course_lib.pretrained.gguf import GgufFile


def text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def q4_1(row):
    """32 numbers as llama.cpp packs them: a step, the least, then two numbers in each byte."""
    least = row.min()
    step = ((row.max() - least) / 15).half()
    least = least.half()
    whole = ((row - least) / step).round().clamp(0, 15).to(torch.uint8).tolist()
    halves = bytes(low | high << 4 for low, high in zip(whole[:16], whole[16:], strict=True))
    numbers = torch.tensor(whole).float() * step.float() + least.float()
    return struct.pack("<2e", step.item(), least.item()) + halves, numbers


def q8_0(row):
    step = (row.abs().max() / 127).half()
    whole = (row / step).round().clamp(-127, 127).to(torch.int8).tolist()
    return struct.pack("<e32b", step.item(), *whole), torch.tensor(whole) * step.float()


def packed(rows, kind):
    pieces, numbers = zip(*(kind(row) for row in rows.view(-1, 32)), strict=True)
    return b"".join(pieces), torch.cat(numbers).view(rows.shape)


def a_file(tensors, facts=b"", num_facts=0):
    """(name, shape, kind, bytes) of each tensor, and facts that are packed already."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), num_facts) + facts
    body = b""
    for name, shape, kind, data in tensors:
        sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape[::-1])
        head += text(name) + sizes + struct.pack("<IQ", kind, len(body))
        body += data + bytes(-len(data) % 32)
    return head + bytes(-len(head) % 32) + body


@pytest.fixture
def written(tmp_path):
    def write(data):
        path = tmp_path / "a.gguf"
        path.write_bytes(data)
        return path

    return write


def test_tensors_of_every_kind_have_their_shape_and_their_numbers(written):
    torch.manual_seed(0)
    x = torch.randn(3, 64)
    four, eight = packed(x, q4_1), packed(x, q8_0)
    plain = x.numpy().tobytes(), x
    half = x.half().numpy().tobytes(), x.half().float()
    kinds = {"f32": (0, plain), "f16": (1, half), "q4_1": (3, four), "q8_0": (8, eight)}
    tensors = [(name, (3, 64), kind, data) for name, (kind, (data, _)) in kinds.items()]
    file = GgufFile(written(a_file(tensors)))
    assert list(file) == list(kinds) and len(file) == 4
    for name, (_, (_, numbers)) in kinds.items():
        assert file[name].dtype == torch.float32
        assert_close(file[name], numbers, rtol=0, atol=1e-6)
    assert (file["q4_1"] - x).abs().max() < 0.25 and (file["q8_0"] - x).abs().max() < 0.02


def test_facts_of_every_sort_are_read(written):
    facts = (
        (text("a.number") + struct.pack("<II", 4, 70000)),
        (text("a.sign") + struct.pack("<Ib", 1, -3)),
        (text("a.rate") + struct.pack("<If", 6, 0.5)),
        (text("a.truth") + struct.pack("<I?", 7, True)),
        (text("a.name") + struct.pack("<I", 8) + text("Ġé")),
        (text("a.list") + struct.pack("<IIQ3i", 9, 5, 3, 1, -2, 3)),
        (text("a.texts") + struct.pack("<IIQ", 9, 8, 2) + text("x") + text("")),
    )
    file = GgufFile(written(a_file([], b"".join(facts), len(facts))))
    assert file.facts == {
        "a.number": 70000,
        "a.sign": -3,
        "a.rate": 0.5,
        "a.truth": True,
        "a.name": "Ġé",
        "a.list": [1, -2, 3],
        "a.texts": ["x", ""],
    }


WHOLE = a_file([("x", (2, 32), 0, bytes(256))])


@pytest.mark.parametrize(
    "data, told",
    [
        (b"PK\x03\x04 something else", "a.gguf is not a GGUF file"),
        (WHOLE[:20], "a.gguf is cut off: its head ends too early"),
        (WHOLE[:50], "a.gguf is cut off: its head ends too early"),
        (WHOLE[:-1], "a.gguf is cut off: x ends after its [0-9]+ bytes"),
        (a_file([("x", (2, 256), 14, bytes(420))]), "x is of kind 14, known are"),
    ],
)
def test_a_file_that_can_not_be_read_says_why(written, data, told):
    with pytest.raises(ValueError, match=told):
        GgufFile(written(data))


HUGE = 2**63


def head(num_tensors=0, num_facts=0, version=3):
    return b"GGUF" + struct.pack("<IQQ", version, num_tensors, num_facts)


def a_fact(kind, value, key="general.alignment"):
    return text(key) + struct.pack("<I", kind) + value


def placed(*places, names="xy"):
    """Tensors of 2 x 32 numbers that say they stand at these places."""
    data = head(len(places))
    for name, at in zip(names, places, strict=True):
        data += text(name) + struct.pack("<IQQIQ", 2, 32, 2, 0, at)
    return data + bytes(-len(data) % 32) + bytes(512)


NUMBERS = [("x", (2, 32), 0, bytes(256))]


@pytest.mark.parametrize(
    "data, told",
    [
        (head(version=1), "version 2 or 3, got 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version 2 or 3, got 50331648"),
        (head(0, 1) + struct.pack("<Q", HUGE) + b"x" * 40, "is cut off"),
        (head(0, 1) + struct.pack("<Q", 2**40) + b"x" * 40, "is cut off"),
        (head(0, 1) + text("a") + struct.pack("<IIQ", 9, 5, 2**40), "is cut off"),
        (head(0, 1) + text("a") + struct.pack("<IIQ", 9, 8, HUGE), "is cut off"),
        (head(0, 1) + text("a") + struct.pack("<IIQ", 9, 9, 1) * 5000, "lists within a list"),
        (head(0, 1) + text("a") + struct.pack("<I", 77) + bytes(40), "a fact of kind 77"),
        (head(0, 1) + struct.pack("<Q", 2) + b"\xff\xfe" + bytes(40), "no UTF-8: b'.xff.xfe'"),
        (head(0, HUGE), "is cut off"),
        (head(HUGE), "is cut off"),
        (head(1) + text("x") + struct.pack("<I", 2**31) + bytes(90), "2147483648 axes, more than"),
        (a_file([("x", (2, 40), 8, bytes(85))]), r"x \(2, 40\) are no whole blocks"),
        (a_file([("x", (2, 16), 8, bytes(34))]), r"x \(2, 16\) are no whole blocks"),
        (a_file([("x", (), 8, bytes(34))]), r"x \(\) are no whole blocks"),
        (a_file(NUMBERS, a_fact(4, struct.pack("<I", 0)), 1), "alignment of 0, not of 8"),
        (a_file(NUMBERS, a_fact(5, struct.pack("<i", -32)), 1), "alignment of -32, not of 8"),
        (a_file(NUMBERS, a_fact(4, struct.pack("<I", 7)), 1), "alignment of 7, not of 8"),
        (a_file(NUMBERS, a_fact(8, text("32")), 1), "alignment of '32', not of 8"),
        (placed(0, 257), "has y at 257, which is no multiple of 32"),
        (placed(0, 128), "y begins at [0-9]+, where another tensor stands"),
        (placed(0, 256, names="xx"), "has two of x"),
        (a_file([], a_fact(7, b"1", "a") + a_fact(7, b"1", "a"), 2), "has two of a"),
    ],
)
def test_a_hostile_file_is_refused_before_memory_is_set_aside(written, data, told):
    with pytest.raises(ValueError, match=f"a.gguf.* {told}"):
        GgufFile(written(data))


def test_places_that_touch_are_read(written):
    assert list(GgufFile(written(placed(256, 0)))) == ["x", "y"]


def test_an_unknown_tensor_is_a_key_error(written):
    with pytest.raises(KeyError, match="nowhere"):
        GgufFile(written(WHOLE))["nowhere"]
