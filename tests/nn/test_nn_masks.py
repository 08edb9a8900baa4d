"""Masks as pictures: x may look, . may not. Rows are queries, columns are keys."""

import inspect

import pytest
import torch

from course_lib.nn.masks import causal_mask, check_mask, combine_masks, padding_mask


def picture(text):
    return torch.tensor([[c == "x" for c in row.split()] for row in text.strip().splitlines()])


def test_causal_sees_itself_and_the_past():
    expected = picture("""
        x . . .
        x x . .
        x x x .
        x x x x
    """)
    assert torch.equal(causal_mask(4), expected)


def test_window_of_two_sees_itself_and_one_back():
    expected = picture("""
        x . . .
        x x . .
        . x x .
        . . x x
    """)
    assert torch.equal(causal_mask(4, window=2), expected)


def test_window_of_one_sees_only_itself():
    assert torch.equal(causal_mask(3, window=1), torch.eye(3, dtype=torch.bool))


def test_a_window_wider_than_the_text_is_plain_causal():
    assert torch.equal(causal_mask(4, window=9), causal_mask(4))


def test_fewer_queries_than_keys_are_the_last_ones():
    expected = picture("""
        x x x . .
        x x x x .
        x x x x x
    """)
    assert torch.equal(causal_mask(3, 5), expected)


def test_a_window_slides_along_the_bottom_right():
    expected = picture("""
        . x x . .
        . . x x .
        . . . x x
    """)
    assert torch.equal(causal_mask(3, 5, window=2), expected)


def test_one_new_token_sees_the_whole_cache():
    assert torch.equal(causal_mask(1, 4), picture("x x x x"))


def test_no_queries_make_an_empty_mask():
    assert causal_mask(0, 3).shape == (0, 3)


def test_causal_mask_is_made_where_it_is_asked_for():
    mask = causal_mask(3, window=2, device="meta")
    assert mask.device.type == "meta" and mask.dtype == torch.bool


@pytest.mark.parametrize("sizes", [(5, 3), (-1, 3), (-1, None)])
def test_more_queries_than_keys_are_refused(sizes):
    with pytest.raises(ValueError, match=f"got n_query={sizes[0]}, n_key="):
        causal_mask(*sizes)


@pytest.mark.parametrize("window", [0, -2])
def test_a_window_without_itself_is_refused(window):
    with pytest.raises(ValueError, match=f"window={window}"):
        causal_mask(3, window=window)


def test_padding_is_found_on_the_right_on_the_left_and_in_between():
    ids = torch.tensor([[5, 6, 7, 9], [9, 9, 5, 6], [5, 9, 6, 9], [9, 9, 9, 9], [0, 1, 2, 3]])
    expected = picture("""
        x x x .
        . . x x
        x . x .
        . . . .
        x x x x
    """)
    mask = padding_mask(ids, pad_id=9)
    assert mask.shape == (5, 1, 1, 4)
    assert torch.equal(mask[:, 0, 0], expected)


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4)])
def test_ids_without_a_batch_are_refused(shape):
    without_type_check = inspect.unwrap(padding_mask)
    with pytest.raises(
        ValueError, match=r"ids must be \(batch, key\), got shape \(" + str(shape[0])
    ):
        without_type_check(torch.ones(shape, dtype=torch.int64), pad_id=0)


def test_combined_masks_let_through_what_all_let_through():
    padding = padding_mask(torch.tensor([[9, 5, 6], [5, 6, 9]]), pad_id=9)
    both = combine_masks(causal_mask(3), padding)
    assert both.shape == (2, 1, 3, 3)
    assert torch.equal(both[0, 0], picture("""
        . . .
        . x .
        . x x
    """))  # fmt: skip
    assert torch.equal(both[1, 0], picture("""
        x . .
        x x .
        x x .
    """))  # fmt: skip
    assert torch.equal(combine_masks(padding, causal_mask(3)), both)
    assert torch.equal(combine_masks(causal_mask(3), padding, causal_mask(3, window=1)),
                       combine_masks(causal_mask(3, window=1), padding))  # fmt: skip


def test_combining_one_mask_gives_it_back():
    assert torch.equal(combine_masks(causal_mask(3)), causal_mask(3))


def test_combining_nothing_is_refused():
    with pytest.raises(ValueError, match="got none"):
        combine_masks()


def test_combining_a_float_mask_is_refused():
    with pytest.raises(ValueError, match=r"True = may look; got torch\.float32"):
        combine_masks(causal_mask(3), torch.zeros(3, 3))


def test_combining_masks_that_do_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"don't fit together: \(3, 3\), \(4, 4\)"):
        combine_masks(causal_mask(3), causal_mask(4))


@pytest.mark.parametrize("shape", [(5, 7), (1, 7), (2, 3, 5, 7), (2, 1, 1, 7), (1, 1, 5, 7)])
def test_masks_that_fit_are_accepted(shape):
    check_mask(torch.ones(shape, dtype=torch.bool), (2, 3, 5, 7))
