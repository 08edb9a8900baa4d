import numpy as np
import pytest
import torch

from course_lib.claims import ClaimError, claim, rounded


def test_a_true_claim_is_printed(capsys):
    claim("rows sum to 1", torch.tensor(True))
    assert capsys.readouterr().out == "rows sum to 1: True\n"


def test_a_false_claim_stops_the_notebook_and_prints_nothing(capsys):
    with pytest.raises(ClaimError, match="does not hold here: it is faster"):
        claim("it is faster", 2 < 1)
    assert issubclass(ClaimError, AssertionError)
    assert capsys.readouterr().out == ""


def test_several_truths_are_not_one_claim():
    with pytest.raises(ValueError, match=r"shape=\(2,\)"):
        claim("both", torch.tensor([True, True]))


def test_rounded_gives_plain_nested_lists():
    values = rounded(torch.tensor([[0.12345, 1.0], [2.0, 3.98765]], requires_grad=True))
    assert values == [[0.123, 1.0], [2.0, 3.988]]
    assert isinstance(values, list) and isinstance(values[0], list)


def test_rounded_takes_numbers_lists_arrays_and_leaves_integers():
    assert rounded(0.12345) == 0.123
    assert rounded(torch.tensor(0.12345), 1) == 0.1
    assert rounded([0.12345, (1, True)]) == [0.123, [1, True]]
    assert rounded(np.array([0.5])) == [0.5]
    assert repr(rounded(torch.tensor([1, 20]))) == "[ 1, 20]"


def test_rounded_prints_rows_in_columns_with_fixed_decimals():
    values = torch.tensor([[0.5, -13.0], [2.25, 1.0]])
    assert repr(rounded(values, 2)) == "[[  0.50, -13.00],\n [  2.25,   1.00]]"
    assert repr(rounded(torch.stack([values, values]), 2)).count("\n\n") == 1


@pytest.mark.parametrize("value", [-0.0, -1e-9])
def test_minus_zero_is_never_printed(value):
    assert str(rounded(value)) == "0.0"
    assert repr(rounded([value])) == "[0.000]"


def test_infinities_and_nan_are_printed_as_they_are():
    assert repr(rounded([float("-inf"), float("nan")])) == "[-inf,  nan]"


def test_negative_decimals_are_refused():
    with pytest.raises(ValueError, match="decimals=-1"):
        rounded(1.0, -1)
