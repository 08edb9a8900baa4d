"""Frames come back as they went in, and nothing else is taken for one."""

import pickle
import struct

import numpy as np
import pytest
import torch

from course_lib.grader.judging.frames import Foreign, FrameError, pack, unpack

TREE = {
    "numbers": [1, 2.5, -3, True, None, "text", float("inf")],
    "pair": (torch.arange(6.0).reshape(2, 3), torch.tensor([True, False])),
    "nested": [{"deep": torch.tensor(7)}, []],
}


def test_a_tree_comes_back():
    back = unpack(pack(TREE))
    assert back["numbers"] == TREE["numbers"] and type(back["numbers"][3]) is bool
    assert isinstance(back["pair"], tuple)
    for got, want in zip(back["pair"], TREE["pair"], strict=True):
        assert got.dtype == want.dtype and torch.equal(got, want)
    assert back["nested"][0]["deep"].shape == ()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64])
def test_dtypes_and_special_values_survive(dtype):
    x = torch.tensor([0, 1, 2], dtype=dtype)
    assert torch.equal(unpack(pack(x)), x)
    assert unpack(pack(torch.tensor([float("nan")]))).isnan().all()


def test_views_and_shared_memory_survive():
    x = torch.arange(6.0).reshape(2, 3)
    back = unpack(pack([x.T, x[0], x, x.expand(2, 2, 3)]))
    assert torch.equal(back[0], x.T) and torch.equal(back[3], x.expand(2, 2, 3))


def test_equal_tensors_are_held_once_and_come_back_each_with_its_own_bits():
    x = torch.arange(1000.0)
    assert len(pack([x, x.clone(), [x + 0]])) < len(pack([x])) + 100
    other = [torch.tensor([0.0]), torch.tensor([-0.0]), torch.tensor([0]), torch.tensor(0.0)]
    for want, got in zip(other, unpack(pack(other)), strict=True):
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        assert torch.equal(got.signbit(), want.signbit())


@pytest.mark.parametrize(
    "value, kind",
    [
        ((i for i in range(3)), "generator"),
        (np.zeros(3), "ndarray"),
        ({1: 2}, "dict"),
        (torch.zeros(2, device="meta"), "meta tensor"),
        (torch.zeros(2, 2).to_sparse(), "sparse"),
    ],
)
def test_what_no_frame_can_hold_is_named(value, kind):
    back = unpack(pack(value))
    assert isinstance(back, Foreign) and kind in back.kind


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"short",
        b"\x00" * 64,
        pickle.dumps({"a": 1}),
        pack(TREE)[:-1],
        pack(TREE) + b"x",
        struct.pack("<II", 2**31, 2**31) + b"x",
        struct.pack("<II", 2, 0) + b"[]",
        struct.pack("<II", 14, 0) + b'{"tensor":"0"}',
        struct.pack("<II", 12, 0) + b'{"system":1}',
        struct.pack("<II", 200_000, 0) + b'{"list":[' * 20_000 + b" " * 20_000,
    ],
)
def test_anything_else_is_refused(data):
    with pytest.raises(FrameError):
        unpack(data)


def test_a_frame_too_large_is_refused_before_it_is_read():
    with pytest.raises(FrameError, match="are more than the 100 allowed"):
        unpack(pack(torch.zeros(1000)), max_bytes=100)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([1 + 2j]).conj(),
        torch.tensor([1 + 2j]).imag,  # one number, and two steps to the next
        torch.tensor([1 + 2j, 3 - 1j]).conj().imag,
        torch.ones(2, 3).T,
        torch.ones(1).expand(4),
        torch.ones(0, 3),
        torch.tensor(3),
    ],
    ids=str,
)
def test_a_tensor_comes_back_however_it_lies_in_memory(tensor):
    one, other = unpack(pack([tensor, tensor]))
    assert torch.equal(one, tensor.resolve_conj().resolve_neg()) and torch.equal(one, other)
