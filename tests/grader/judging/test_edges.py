"""Edges that a key declares, and cases made for them."""

import pytest
import torch

from course_lib.grader.judging.edges import Edges, around, in_dtype, in_front, uncovered
from course_lib.grader.judging.key import Case, call, case

X, IDS = torch.rand(3, 5), torch.arange(7)
MASK = torch.tensor([[True, False], [False, False]])
CASES = [case("a table", X, 9), case("ids and a mask", IDS, mask=MASK, words=["a", "b", "c", "d"])]


@pytest.mark.parametrize(
    "covered, missing, told",
    [
        ({"dtypes": ("float32", "int64")}, {"dtypes": ("bfloat16",)}, "no input is bfloat16"),
        ({"axes": (1, 2)}, {"axes": (3,)}, "no tensor has 3 axes"),
        ({"sizes": (3, 7, 9, 4)}, {"sizes": (0,)}, "no axis, list or number is 0"),
        ({"special": ("empty row", "zeros")}, {"special": ("nan",)}, "nothing holds nan"),
        ({}, {"special": ("full row",)}, "nothing holds full row"),
        ({"labels": ("Mask",)}, {"labels": ("left",)}, "no label says 'left'"),
    ],
)
def test_an_edge_is_covered_when_a_case_has_it(covered, missing, told):
    cases = [*CASES, case("nothing", torch.zeros(2))]
    assert uncovered(Edges(**covered), cases) == []
    assert uncovered(Edges(**missing), cases) == [told]


@pytest.mark.parametrize("name, value", [("nan", "nan"), ("inf", "inf"), ("-inf", "-inf")])
def test_numbers_that_are_none_are_seen(name, value):
    edges = Edges(special=(name,))
    assert uncovered(edges, [case("odd", torch.tensor([1.0, float(value)]))]) == []
    assert uncovered(edges, [case("plain", X)]) != []


def test_the_number_of_arguments_is_no_size():
    assert uncovered(Edges(sizes=(2,)), [case("two", torch.rand(3), torch.rand(3))]) != []
    assert uncovered(Edges(sizes=(2,)), [case("two", [1.0, 1.5])]) == []


def test_edges_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="'float12' is no dtype of torch"):
        Edges(dtypes=("float12",))
    with pytest.raises(ValueError, match=r"special must be among nan, inf, .*; got 'ties'"):
        Edges(special=("ties",))


def test_a_case_in_another_dtype_keeps_masks_and_ids():
    given = Case("a", [call(X, IDS, mask=MASK)], {"n": 1}, {"weight": X})
    half = in_dtype(given, torch.bfloat16)
    assert half.label == "a, bfloat16" and half.state["weight"].dtype == torch.bfloat16
    (x, ids), mask = half.calls[0].args, half.calls[0].kwargs["mask"]
    assert (x.dtype, ids.dtype, mask.dtype) == (torch.bfloat16, torch.int64, torch.bool)
    assert in_dtype(given, torch.int32).calls[0].args[1].dtype == torch.int32


def test_axes_in_front_hold_different_numbers():
    more = in_front(case("a", X, 3), 2, 7)
    (x, n) = more.calls[0].args
    assert x.shape == (2, 7, 3, 5) and n == 3 and more.label == "a, 2 by 7 in front"
    assert torch.equal(x[0, 0], X) and not torch.equal(x[0, 1], X)
    assert in_front(case("a", X), 0).calls[0].args[0].shape == (0, 3, 5)


@pytest.mark.parametrize("tolerance", [1e-5, 1e-4, 1e-3, 0.01])
@pytest.mark.parametrize("near", [0.0, 1.0, 1000.0, -1000.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_numbers_around_a_tolerance_stand_on_both_sides_of_it(tolerance, near, dtype):
    numbers = torch.tensor([near, *around(tolerance, near, dtype)], dtype=dtype)
    within, outside = (numbers[1:] - numbers[0]).abs().tolist()
    assert within < tolerance < outside < 7 * tolerance + 1e-4
    if near == 0 or dtype == torch.float64:
        assert 0.85 * tolerance < within and outside < 1.15 * tolerance


def test_a_relative_tolerance_left_on_is_found_at_a_thousand():
    within, outside = (torch.tensor(x) for x in around(1e-4, 1000.0))
    thousand = torch.tensor(1000.0)
    assert torch.allclose(thousand, outside, atol=1e-4)  # rtol is 1e-5 unless told otherwise
    assert not torch.allclose(thousand, outside, rtol=0, atol=1e-4)
    assert torch.allclose(thousand, within, rtol=0, atol=1e-4)
