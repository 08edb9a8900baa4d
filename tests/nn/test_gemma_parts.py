"""What Gemma 2 adds: capped scores, norms on both sides, layers with a window by turns."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_lib.nn import (
    CappedHead,
    LayerNorm,
    MultiHeadAttention,
    RMSNorm,
    SandwichNorm,
    TokenEmbedding,
    WindowedAttention,
    causal_mask,
    combine_masks,
    hide_unseen,
    padding_mask,
    prefix_mask,
    scaled_dot_product_attention,
    soft_cap,
    soft_capped_attention,
    within_window,
)

BATCH, HEADS, QUERY, KEY, D_HEAD = 2, 3, 5, 7, 11
X = torch.randn(BATCH, KEY, 12, generator=torch.manual_seed(0))


def heads(dtype=torch.float64):
    shapes = ((QUERY, D_HEAD), (KEY, D_HEAD), (KEY, 4))
    return [torch.randn(BATCH, HEADS, *shape).to(dtype).requires_grad_() for shape in shapes]


def test_no_score_is_beyond_the_cap_and_small_ones_stay():
    scores = torch.tensor([-1e9, -3.0, -1e-3, 0.0, 1e-3, 3.0, 1e9]).double()
    capped = soft_cap(scores, 3)
    assert_close(capped[[0, -1]].abs(), torch.tensor([3.0, 3.0]).double())
    assert_close(capped[2:5], scores[2:5], rtol=1e-6, atol=0)
    assert capped[1] == pytest.approx(-3 * 0.76159416) and (capped.diff() > 0).all()


@pytest.mark.parametrize("scale", [None, 0.7])
def test_attention_is_its_formula_and_a_row_that_sees_nothing_is_zero(scale):
    (query, key, value), mask = heads(), causal_mask(QUERY, KEY)[None, None].clone()
    mask[:, :, 1] = False
    factor = D_HEAD**-0.5 if scale is None else scale
    scores = 2.0 * torch.tanh(factor * query @ key.mT / 2.0)
    weights = scores.masked_fill(~mask, -1e9).softmax(-1).masked_fill(~mask, 0.0)
    output, found = soft_capped_attention(query, key, value, mask, cap=2.0, scale=scale)
    assert_close(found, weights)
    assert_close(output, weights @ value)
    output.square().sum().backward()
    assert all(x.grad.isfinite().all() and x.grad.any() for x in (query, key, value))


def test_a_cap_out_of_reach_is_none():
    given = *heads(), causal_mask(QUERY, KEY)[None, None]
    plain, capped = scaled_dot_product_attention(*given), soft_capped_attention(*given, cap=1e6)
    assert_close(capped, plain, rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_large_scores_survive_half_precision(dtype):
    query, key, value = heads(dtype)
    output, weights = soft_capped_attention(300 * query, 300 * key, value, cap=50.0)
    assert output.dtype == weights.dtype == dtype and output.isfinite().all()
    exact, _ = soft_capped_attention(
        *(x.double() for x in (300 * query, 300 * key, value)), cap=50.0
    )
    assert_close(output.double(), exact, rtol=0, atol=0.05)


@pytest.mark.parametrize("cap", [0, -1.0, float("inf"), float("nan")])
def test_a_cap_that_is_no_limit_is_refused(cap):
    message = f"a cap must be positive and finite, got cap={cap}"
    with pytest.raises(ValueError, match=message):
        soft_cap(torch.ones(3), cap)
    with pytest.raises(ValueError, match=message):
        CappedHead(TokenEmbedding(5, 4), cap=cap)


def test_a_capped_head_reads_the_table():
    embedding = TokenEmbedding(5, 4)
    head, x = CappedHead(embedding, cap=2.0), torch.randn(3, 4)
    assert_close(head(x), 2 * torch.tanh(x @ embedding.table.weight.T / 2))
    assert not list(head.parameters())


@pytest.mark.parametrize("norm", [RMSNorm, LayerNorm, partial(LayerNorm, bias=False)])
def test_both_sides_are_normed_each_by_its_own(norm):
    around, linear = SandwichNorm(norm(12)).double(), nn.Linear(12, 12).double()
    for parameter in around.parameters():
        nn.init.normal_(parameter, mean=1.0)
    x = X.double()
    assert_close(around(x, linear), x + around.after(linear(around.norm(x))))
    names = [name for name, _ in norm(12).named_parameters()]
    assert list(dict(around.named_parameters())) == [
        f"{side}.{name}" for side in ("norm", "after") for name in names
    ]
    dropped = SandwichNorm(norm(12), 0.5).double()
    assert not torch.equal(dropped(x, linear), dropped.eval()(x, linear))


def windowed(window):
    plain, narrow = MultiHeadAttention(12, 3), WindowedAttention(12, 3, window=window)
    narrow.load_state_dict(plain.state_dict())
    return plain, narrow


@pytest.mark.parametrize("window", [1, 3, 100])
def test_a_window_narrows_every_mask(window):
    plain, narrow = windowed(window)
    seen = torch.ones(BATCH, KEY, dtype=torch.bool)
    seen[0, :2] = False
    near = causal_mask(KEY, window=window)[None, None]
    padded = padding_mask(torch.tensor([[0, 0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7]]), 0)
    for mask, expected in (
        (None, near),
        (causal_mask, near),
        (causal_mask(KEY)[None, None], near),
        (hide_unseen(causal_mask, seen), near & seen[:, None, None]),
        (combine_masks(causal_mask(KEY)[None, None], padded), near & padded),
    ):
        assert_close(narrow(X, mask=mask), plain(X, mask=expected))
        found, weights = narrow(X, mask=mask, return_weights=True)
        assert_close(found, plain(X, mask=expected))
        assert not weights[(~expected).expand_as(weights)].any()


def test_a_prefix_stays_visible_within_the_window_and_ahead():
    mask = within_window(partial(prefix_mask, prefix=4), 2, KEY)(KEY, KEY, device=None)
    rows, columns = torch.arange(KEY)[:, None], torch.arange(KEY)
    assert torch.equal(mask, ((columns < 4) | (columns <= rows)) & (rows - columns < 2))


@pytest.mark.parametrize("window", [0, -3])
def test_a_window_below_one_is_refused(window):
    with pytest.raises(ValueError, match=f"window must be 1 or more, got window={window}"):
        WindowedAttention(12, 3, window=window)


def test_it_names_its_window():
    assert "num_heads=3, d_head=4, window=5" in repr(WindowedAttention(12, 3, window=5))
