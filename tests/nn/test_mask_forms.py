"""More masks as pictures: x may look, . may not; and combining where one is missing."""

from functools import partial

import pytest
import torch
from test_nn_masks import picture
from torch.testing import assert_close

from course_lib.nn.mask_forms import (
    hide_unseen,
    length_mask,
    prefix_mask,
    segment_mask,
    window_mask,
)
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.positions.rotary import Rotary


def test_a_window_to_both_sides():
    expected = picture("""
        x x . . .
        x x x . .
        x x x x .
        . x x x x
        . . x x x
    """)
    assert torch.equal(window_mask(5, before=2, after=1), expected)
    assert torch.equal(window_mask(2, 5, before=2, after=1), expected[-2:])


def test_a_window_to_the_left_alone_is_causal():
    assert torch.equal(window_mask(3, 7, before=2), causal_mask(3, 7, window=3))


def test_everyone_sees_the_prefix():
    expected = picture("""
        x x x . .
        x x x . .
        x x x . .
        x x x x .
        x x x x x
    """)
    assert torch.equal(prefix_mask(5, prefix=3), expected)
    assert torch.equal(prefix_mask(2, 5, prefix=3), expected[-2:])
    assert torch.equal(prefix_mask(3, 5, prefix=0), causal_mask(3, 5))


def test_lengths_hide_what_stands_behind():
    expected = picture("""
        x x x .
        . . . .
        x x x x
    """)
    mask = length_mask(torch.tensor([3, 0, 9]), 4)
    assert mask.shape == (3, 1, 1, 4) and torch.equal(mask[:, 0, 0], expected)


def test_texts_in_one_row_do_not_see_each_other():
    mask = segment_mask(torch.tensor([[1, 1, 2, 2, 2]]))
    expected = picture("""
        x x . . .
        x x . . .
        . . x x x
        . . x x x
        . . x x x
    """)
    assert mask.shape == (1, 1, 5, 5) and torch.equal(mask[0, 0], expected)


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: window_mask(3, before=-1), "before=-1, after=0"),
        (lambda: window_mask(3, before=0, after=-2), "before=0, after=-2"),
        (lambda: window_mask(5, 3, before=1), "n_query=5, n_key=3"),
        (lambda: prefix_mask(5, 3, prefix=1), "n_query=5, n_key=3"),
        (lambda: prefix_mask(5, prefix=-1), "prefix=-1"),
        (lambda: length_mask(torch.ones(2, 3).long(), 4), r"\(batch,\), got shape \(2, 3\)"),
        (lambda: segment_mask(torch.ones(3).long()), r"\(batch, seq\), got shape \(3,\)"),
        (lambda: combine_masks(causal_mask(3), causal_mask), "a mask must be a tensor, got"),
    ],
)
def test_what_makes_no_mask_is_refused(make, says, unchecked):
    with pytest.raises(ValueError, match=says):
        make()


def test_combining_passes_by_what_is_not_there():
    padding = padding_mask(torch.tensor([[5, 6, 0]]), 0)
    assert torch.equal(
        combine_masks(None, causal_mask(3), None, padding), combine_masks(causal_mask(3), padding)
    )
    assert torch.equal(combine_masks(None, padding), padding)
    assert combine_masks(None) is None and combine_masks(None, None) is None


@pytest.mark.parametrize(
    "rule", [causal_mask, partial(window_mask, before=2, after=1), partial(prefix_mask, prefix=3)]
)
@pytest.mark.parametrize("return_weights", [False, True])
def test_each_rule_may_be_handed_to_attention(rule, return_weights):
    layer, x = MultiHeadAttention(12, 3).double(), torch.randn(2, 7, 12).double()
    for n_query in (7, 2):
        output = layer(x[:, -n_query:], x, mask=rule, return_weights=return_weights)
        output = output[0] if return_weights else output
        expected = layer(x[:, -n_query:], x, mask=rule(n_query, 7)[None, None])
        assert_close(output, expected)


def test_texts_packed_in_one_row_are_read_as_each_alone():
    layer = MultiHeadAttention(12, 3, position=Rotary(4)).double()
    one, two = torch.randn(1, 3, 12).double(), torch.randn(1, 4, 12).double()
    packed, segments = torch.cat((one, two), 1), torch.tensor([[0, 0, 0, 1, 1, 1, 1]])
    mask = combine_masks(causal_mask(7), segment_mask(segments))
    output = layer(packed, mask=mask, places=torch.tensor([[0, 1, 2, 0, 1, 2, 3]]))
    assert_close(output[:, :3], layer(one, mask=causal_mask))
    assert_close(output[:, 3:], layer(two, mask=causal_mask))


def test_a_rule_without_the_keys_that_are_padding():
    seen = torch.tensor([[False, True, True, True], [True] * 4])
    rule = hide_unseen(causal_mask, seen)
    expected = picture("""
        . . . .
        . x . .
        . x x .
        . x x x
    """)
    assert rule(4).shape == (2, 1, 4, 4)
    assert torch.equal(rule(4)[0, 0], expected) and torch.equal(rule(4)[1, 0], causal_mask(4))
    assert torch.equal(rule(2, 3)[0, 0], expected[-2:, -3:])  # the last keys, as after a window
    assert torch.equal(
        hide_unseen(partial(causal_mask, window=2), seen)(1, 4)[1, 0].int(),
        torch.tensor([[0, 0, 1, 1]], dtype=torch.int32),
    )


def test_a_rule_needs_to_know_of_all_keys(unchecked):
    with pytest.raises(ValueError, match="tells of 3 keys, asked for 4"):
        hide_unseen(causal_mask, torch.ones(2, 3).bool())(1, 4)
    for wrong in (torch.ones(2, 3), torch.ones(3).bool()):
        with pytest.raises(ValueError, match=r"seen must be bool \(batch, key\)"):
            hide_unseen(causal_mask, wrong)
