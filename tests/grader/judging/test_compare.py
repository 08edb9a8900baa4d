"""What the comparison says, and that it says it for the right reason."""

from dataclasses import replace

import pytest
import torch

from course_lib.grader.judging.cases import case
from course_lib.grader.judging.compare import compare, differences, tensors
from course_lib.grader.judging.errors.crash import kind_of_error
from course_lib.grader.judging.outcome import Outcome, run_case
from course_lib.grader.judging.terms import Terms, exactly

X = torch.arange(6.0).reshape(2, 3)


def test_equal_values_have_no_difference():
    assert compare(X, X.clone()) == ()
    assert compare((1, 2.0, "a", None, True), (1, 2.0, "a", None, True)) == ()


def test_nan_equals_nan_only():
    nan = torch.full((2,), float("nan"))
    assert compare(nan, nan) == ()
    assert "nan or infinite" in compare(torch.zeros(2), nan)[0]


def test_a_transpose_is_named_by_the_axes():
    x = torch.zeros(2, 3, 5, 7)
    told = tensors(x, x.transpose(1, 2), Terms(axes="batch heads seq d_head"))[0]
    assert "expected shape (batch, heads, seq, d_head) = (2, 3, 5, 7)" in told
    assert "that is (batch, seq, heads, d_head), so a transpose is missing" in told


def test_a_zero_is_told_without_a_sign():
    told = compare(torch.tensor([-0.0, 1.0]), torch.tensor([0.5, 1.0]))[0]
    assert told.endswith("expected 0, found 0.5")


def test_two_numbers_are_told_with_digits_that_tell_them_apart():
    exact = Terms(rtol=1e-12, atol=1e-12)
    one, other = (torch.tensor([x], dtype=torch.float64) for x in (0.1 + 0.2, 0.3000000000099))
    assert tensors(one, other, exact)[0].endswith("expected 0.3, found 0.3000000000099")
    assert compare(0.3, 0.3000000000099, exact) == ("expected 0.3, found 0.3000000000099",)


def test_another_shape_is_told_without_guessing():
    assert compare(X, torch.zeros(2, 4)) == ("expected shape (2, 3), found (2, 4)",)


def test_the_first_difference_is_told_with_its_place_and_the_largest_error():
    found = X.clone()
    found[1, 0], found[1, 2] = 3.5, 9.0
    first, largest = compare(X, found)
    assert first == "2 of 6 values differ; the first at [1, 0]: expected 3, found 3.5"
    assert largest == "largest error 4"


@pytest.mark.parametrize(
    "expected, found, told",
    [
        (X, None, "is a return missing?"),
        (X, (X, X), "found 2 results (shape (2, 3), shape (2, 3))"),
        (X, [], "expected a tensor of shape (2, 3), found 0 results"),
        (2.5, [torch.tensor(2.5)], "expected 2.5 (float), found 1 result (2.5)"),
        (3, (3, None, [4, 5], "x"), "found 4 results (3, None, a list of 2, …)"),
        (
            (1, 2),
            ("a" * 30, {"k": 1}, torch.empty((), device="meta")),
            f"found 3 ('{'a' * 20}…', a dict, shape ())",
        ),
        ((X, X), (X,), "expected 2 results, found 1 (shape (2, 3))"),
        ((X,), (X, X), "expected 1 result, found 2"),
        (X, 3.0, "expected a tensor of shape (2, 3), found 3.0 (float)"),
        (X, X.double(), "found torch.float64: something is float64"),
        (X, X.long(), "found torch.int64: decimal numbers are asked for"),
        (X.long(), X, "found torch.float32: whole numbers are asked for"),
        (X, X.to("meta"), "expected a plain cpu tensor, found meta"),
        (True, 1, "expected True, found 1 (int)"),
        (True, torch.tensor(False), "expected True, found False"),
        (12, 13, "expected 12, found 13"),
        (67_108_864, 536_870_912, "expected 67,108,864, found 536,870,912"),
        (67_108_864, 67_108_865.0, "expected 67,108,864, found 67,108,865"),
        (12, 12.0, "expected the whole number 12, found 12.0 (float)"),
        (12, torch.tensor([12]), "expected a number, found a tensor of shape (1,)"),
        ((2, 3), None, "expected 2 results, (2, 3), found None"),
        ((1, 2), [1, 2], "expected a tuple, found a list of as many results"),
        ([(1, 2)], [[1, 2]], "expected a tuple, found a list of as many results"),
        (X, X.numpy(), "expected a tensor of shape (2, 3), found a NumPy ndarray"),
        (3, 2.75, "expected 3, found 2.75"),
        (0.5, 0.1 + 0.2, "expected 0.5, found 0.3"),
        (1.3, 1.3004, "expected 1.3, found 1.3004"),
        (0.7272381784, 0.7280000001, "expected 0.727238, found 0.728"),
        (12, True, "expected a number, found True (bool)"),
        ({"a": 1}, {"b": 1}, "expected the keys ['a'], found ['b']"),
        ({"a": 1, "b": (1, 2)}, {"a": 1, "b": (1,)}, "in `b`: expected 2 results, found 1"),
        ([1, 2, 3], [1, 2], "expected a list of 3, found one of 2 (1, 2)"),
    ],
)
def test_each_kind_of_difference_is_told(expected, found, told):
    assert told in " ".join(compare(expected, found))


def test_the_place_of_a_difference_is_told():
    assert compare((X, X), (X, X + 1))[0].startswith("in result 2 of 2: 6 of 6 values differ")
    assert compare({"b": 1, "a": (2, 3)}, {"a": (2, 4), "b": 1}) == (
        "in `a`, result 2 of 2: expected 3, found 4",
    )


def test_a_dict_may_have_its_keys_in_any_order():
    assert compare({"b": X, "a": 1}, {"a": 1, "b": X}) == ()


def test_a_count_must_be_exact_and_a_measure_near():
    assert compare(1_000_000, 1_000_001) != ()
    assert compare(1.0, 1.0 + 1e-6) == ()


def test_an_exception_is_compared_by_its_type():
    raised = Outcome(raised="ValueError")
    assert differences(raised, raised) == ()
    assert differences(raised, Outcome((X,))) == (
        "expected your code to raise ValueError here, found a result",
    )
    assert differences(Outcome((X,)), raised) == ("your code raised ValueError",)


def test_what_is_a_kind_of_the_error_asked_for_is_right_and_an_assert_is_not():
    asked = Outcome(raised="ValueError", kinds=("Exception",))
    assert differences(asked, Outcome(raised="OwnError", kinds=("ValueError", "Exception"))) == ()
    told = differences(asked, Outcome(raised="AssertionError", kinds=("Exception",)))
    assert told[0].endswith(
        "found an AssertionError: not `assert`, but `if …: raise ValueError(…)`"
    )


def test_a_list_may_stand_for_a_tuple_where_the_key_says_so():
    assert compare((1, [2]), [1, (2,)], Terms(any_sequence=True)) == ()
    assert compare((1, 2), torch.Size([1, 2])) == ()


def test_none_may_be_meant():
    assert compare(X, None, Terms(none_is_legal=True)) == (
        "expected a tensor of shape (2, 3), found None",
    )


def test_half_precision_gets_what_it_can_do_and_no_other_dtype_does():
    for dtype, step in ((torch.float16, 1e-3), (torch.bfloat16, 8e-3), (torch.float32, 1e-6)):
        x = torch.ones(2, dtype=dtype)
        assert compare(x, x + step) == () != compare(x, x + 200 * step)
    own = Terms(by_dtype={"float64": (0.0, 1e-12)})
    assert compare(X.double(), X.double() + 1e-9, own) != () == compare(X, X + 1e-9, own)


def test_zeros_can_be_asked_for_exactly_and_so_can_everything():
    zeros = torch.tensor([0.0, 0.5])
    assert (
        compare(zeros, zeros + 2e-9) == () != compare(zeros, zeros + 2e-9, Terms(exact_zeros=True))
    )
    assert compare(zeros, zeros + torch.tensor([0.0, 1e-7]), Terms(exact_zeros=True)) == ()
    one, other = (Outcome((zeros,), ({"x": zeros + step},)) for step in (0.0, 2e-9))
    assert differences(one, other, Terms(exact_zeros=True)) == ()  # a gradient's zeros may round
    strict = exactly(Terms(rtol=1e-2))
    told = compare(X + 1, (X + 1) * (1 + 2e-7), strict)
    assert compare(X, X.clone(), strict) == () and "expected 1, found 1.00000" in told[0]


def test_a_changed_input_is_a_difference():
    told = differences(Outcome((X,)), Outcome((X,), changed=("call 1: argument 1",)))
    assert "changed its input in place (call 1: argument 1)" in told[0]


def test_a_weight_that_only_rounding_moves_may_move_where_weights_are_trained():
    trained = Outcome((X,), changed=("to_v.weight",))
    more = ("to_v.weight", "to_k.bias")
    assert not differences(trained, Outcome((X,), changed=more))
    assert differences(Outcome((X,)), Outcome((X,), changed=more)), "nothing is trained here"
    told = differences(trained, Outcome((X,), changed=(*more, "call 1: argument 1")))
    assert "(call 1: argument 1)" in told[0]


def test_a_gradient_that_differs_or_is_missing_is_told_with_what_it_reaches():
    want = Outcome((X,), gradients=({"key": X},))
    lost = differences(want, Outcome((X,), gradients=({"key": None},)))
    assert lost == ("the values agree, but no gradient flows back to key",)
    wrong = differences(want, Outcome((X,), gradients=({"key": X + 1},)))
    assert "the gradient that flows back to key" in wrong[0] and "expected 0, found 1" in wrong[1]
    twice = Outcome((X, X), gradients=({"key": X}, {"key": X}))
    assert differences(twice, replace(twice, gradients=({"key": X}, {"key": None})))[0] == (
        "call 2 of 2"
    )


def test_gradients_that_were_not_kept_agree_with_none():
    """A mistake that shows in its values has none on the sheet; another mistake may have some."""
    kept = Outcome((1.0,), ({"argument 1": torch.ones(2)},))
    bare = Outcome((1.0,))
    assert differences(kept, bare)
    assert not differences(bare, kept)


def test_a_gradient_that_cancels_may_round_in_proportion_to_the_largest_of_its_call():
    """The bias of an attention's keys moves nothing, so what flows back to it is rounding."""
    flows = {"bias": torch.tensor([0.0]), "weight": torch.tensor([100.0])}
    want = Outcome((X,), gradients=(flows,))

    def bias(value):
        return replace(want, gradients=({**flows, "bias": torch.tensor([value])},))

    assert differences(want, bias(5e-5)) == () != differences(want, bias(1e-3))


def test_a_gradient_may_round_in_proportion_to_its_largest_number():
    want = Outcome((X,), gradients=({"key": torch.tensor([0.0, 1e4])},))
    near = replace(want, gradients=({"key": torch.tensor([0.01, 1e4])},))
    far = replace(want, gradients=({"key": torch.tensor([1.0, 1e4])},))
    assert differences(want, near) == () != differences(want, far)


@pytest.mark.parametrize(
    "one, other, same",
    [
        (lambda: [].shape, lambda: torch.ones(2).load, False),
        (lambda: [].shape, lambda: ().shape, False),
        (lambda: [].shape, lambda: [].size, True),
        (lambda: {}["a"], lambda: {}["b"], True),
    ],
)
def test_a_type_tells_crashes_apart_and_names_of_ones_own_do_not(one, other, same):
    told = []
    for each in (one, other):
        try:
            each()
        except Exception as error:
            told.append(kind_of_error(error))
    assert len(told) == 2 and (told[0] == told[1]) is same


def test_a_tensor_is_no_plain_number_where_plain_ones_are_asked_for():
    lists = [1.5, 2], [torch.tensor(1.5), 2]
    assert compare(*lists) == ()
    assert compare(*lists, Terms(plain_numbers=True))
    assert compare(lists[0], [1.5, 2], Terms(plain_numbers=True)) == ()


class Unprintable(torch.Tensor):
    def __repr__(self):
        raise AssertionError("a leaf is never printed to find its place")


def test_of_a_dict_the_first_wrong_key_is_told_as_the_reference_filled_it():
    call = case("a call")
    expected = run_case(lambda: {"rate": 2, "loss": [3, 5]}, call)
    both = run_case(lambda: {"loss": [3, 7], "rate": 11}, call)
    assert differences(expected, both) == ("in `rate`: expected 2, found 11",)
    one = run_case(lambda: {"loss": [3, 7], "rate": 2}, call)
    assert differences(expected, one) == ("in `loss`, result 2 of 2: expected 5, found 7",)


@pytest.mark.parametrize(
    "found, told",
    [
        ("line\n", "they agree up to 'bbbbbbbbbbbb'; then should come '\\nline', found 'line\\n'"),
        ("\nlin", "they agree up to 'bbbbbbbb\\nlin'; then should come 'e', found its end"),
        ("\nlines", "they agree up to 'bbbbbbb\\nline'; then should come its end, found 's'"),
    ],
)
def test_where_two_long_texts_part_is_told(found, told):
    assert compare("b" * 40 + "\nline", "b" * 40 + found)[1:] == (told,)
    assert compare("b" * 20 + "\nline", "b" * 20 + found)[1:] == ()  # short enough to read
    assert compare("b" * 50, "a")[1].startswith("at the beginning should come 'bbbb")


def test_keys_of_several_kinds_are_told_apart():
    (told,) = compare({1: 2, "a": 3}, {("a", 1): 2, 0.5: 3})
    assert told == "expected the keys ['a', 1], found [('a', 1), 0.5]"


def test_the_leaves_of_a_dict_are_found_by_their_keys_alone():
    expected = {"b": torch.ones(2).as_subclass(Unprintable), "a": 3}
    found = {"a": 4, "b": torch.ones(2).as_subclass(Unprintable)}
    assert compare(expected, found)[0] == "in `a`: expected 3, found 4"


def test_a_single_value_for_several_is_called_one():
    assert compare((1, 2), 0) == ("expected 2 results, (1, 2), found a single one, 0 (int)",)
    assert compare([0.5], 0) == ("expected 1 result, found 0 (int)",)
