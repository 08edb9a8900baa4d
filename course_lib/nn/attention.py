"""Attention, from one formula to many heads. Checked against PyTorch's own in tests/nn."""

import math
from collections.abc import Callable

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.nn.masks import Mask, check_mask


def scaled_dot_product_attention(
    query: Float[Tensor, "*#batch query d_head"],
    key: Float[Tensor, "*#batch key d_head"],
    value: Float[Tensor, "*#batch key d_value"],
    mask: Mask | None = None,
) -> tuple[Float[Tensor, "*#batch query d_value"], Float[Tensor, "*#batch query key"]]:
    """Mix the values, each query weighting the keys by similarity.

        weights = softmax(query key^T / sqrt(d_head)),   output = weights value

    `mask` is True where looking is allowed. Returns the output and the weights, because a
    notebook plots the weights. A query that may look nowhere gets weights and an output of
    zero, and a finite gradient. A `#` in the signature marks axes that may broadcast.

    Raises `ValueError` when the mask is not bool or does not fit (query, key).

    Source: Vaswani et al. 2017, eq. 1 (arXiv:1706.03762).
    """
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if mask is not None:
        check_mask(mask, scores.shape)
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = scores.softmax(dim=-1)
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)  # a row that may look nowhere: 0, not NaN
    return weights @ value, weights


def split_heads(
    x: Float[Tensor, "batch seq d_model"], num_heads: int
) -> Float[Tensor, "batch heads seq d_head"]:
    """Cut the last axis into heads and move them in front of the positions.

    Raises `ValueError` when `num_heads` does not divide the last axis.
    """
    if num_heads < 1 or x.shape[-1] % num_heads:
        raise ValueError(f"num_heads must divide d_model, got {num_heads=}, d_model={x.shape[-1]}")
    return rearrange(x, "b t (h d) -> b h t d", h=num_heads)


def merge_heads(x: Float[Tensor, "batch heads seq d_head"]) -> Float[Tensor, "batch seq d_model"]:
    """Lay the heads side by side again: the inverse of `split_heads`."""
    return rearrange(x, "b h t d -> b t (h d)")


class QKVProjection(nn.Module):
    """Read three things from each token: what it asks, what it offers, what it says.

        q = x W_q + b_q,   k = x W_k + b_k,   v = x W_v + b_v

    Source: Vaswani et al. 2017, section 3.2.2 (arXiv:1706.03762).
    """

    def __init__(self, d_model: int, d_head: int | None = None, bias: bool = True):
        super().__init__()
        d_head = d_model if d_head is None else d_head
        self.to_q = nn.Linear(d_model, d_head, bias=bias)
        self.to_k = nn.Linear(d_model, d_head, bias=bias)
        self.to_v = nn.Linear(d_model, d_head, bias=bias)

    def forward(self, x: Float[Tensor, "*batch seq d_model"]) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, each (*batch, seq, d_head)."""
        return self.to_q(x), self.to_k(x), self.to_v(x)


class SelfAttention(nn.Module):
    """One head: every position asks all positions of the same sequence.

        q, k, v = project(x),   output = attend(q, k, v)

    Masks are those of `MultiHeadAttention`, for one head: (query, key) or (batch, 1, 1, key).
    """

    def __init__(
        self, d_model: int, d_head: int | None = None, *, attend=scaled_dot_product_attention
    ):
        super().__init__()
        self.project = QKVProjection(d_model, d_head)
        self.attend = attend

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        mask: Mask | None = None,
        *,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch seq d_head"] | tuple[Tensor, Float[Tensor, "batch seq seq"]]:
        """Return the output, or the output and the weights."""
        q, k, v = (part[:, None] for part in self.project(x))  # an axis of one head
        output, weights = self.attend(q, k, v, mask)
        return (output[:, 0], weights[:, 0]) if return_weights else output[:, 0]


class MultiHeadAttention(nn.Module):
    """Several heads look at once, each in its own slice of the width.

        head_i = attend(q_i, k_i, v_i),   output = merge(head_1 ... head_h) W_out

    With `num_kv_heads` below `num_heads`, consecutive query heads share one key and value
    head (grouped queries). Its steps are arguments: an own `attend(q, k, v, mask)` returns
    (output, weights); `split` and `merge` are called as `split_heads` and `merge_heads` are.
    `dropout` hides weights during training; the weights returned are those before it.

    Raises `ValueError` when heads don't divide the width, groups don't divide the heads, or
    `dropout` is outside [0, 1).

    Source: Vaswani et al. 2017, section 3.2.2 (arXiv:1706.03762); grouped queries: Ainslie et
    al. 2023, section 2.2 (arXiv:2305.13245).
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        num_kv_heads: int | None = None,
        *,
        dropout: float = 0.0,
        bias: bool = True,
        attend: Callable = scaled_dot_product_attention,
        split: Callable = split_heads,
        merge: Callable = merge_heads,
    ):
        super().__init__()
        num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        _check_sizes(d_model, num_heads, num_kv_heads, dropout)
        d_head = d_model // num_heads
        self.num_heads, self.num_kv_heads, self.dropout = num_heads, num_kv_heads, dropout
        self.attend, self.split, self.merge = attend, split, merge
        self.to_q = nn.Linear(d_model, d_model, bias=bias)
        self.to_k = nn.Linear(d_model, num_kv_heads * d_head, bias=bias)
        self.to_v = nn.Linear(d_model, num_kv_heads * d_head, bias=bias)
        self.to_out = nn.Linear(d_model, d_model, bias=bias)

    def forward(
        self,
        query: Float[Tensor, "batch query d_model"],
        key: Float[Tensor, "batch key d_model"] | None = None,
        value: Float[Tensor, "batch key d_model"] | None = None,
        mask: Mask | None = None,
        *,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch query d_model"] | tuple[Tensor, Float[Tensor, "batch heads query _"]]:
        """Let `query` look at `key` and collect `value`; key defaults to query, value to key.

        Returns the output, or the output and the weights (batch, heads, query, key).
        """
        key = query if key is None else key
        value = key if value is None else value
        q = self.split(self.to_q(query), self.num_heads)
        k = self.split(self.to_k(key), self.num_kv_heads)
        v = self.split(self.to_v(value), self.num_kv_heads)
        if return_weights or self.attend is not scaled_dot_product_attention:
            mixed, weights = self._mix(q, k, v, mask)
        else:
            mixed, weights = self._mix_fused(q, k, v, mask), None
        output = self.to_out(self.merge(mixed))
        return (output, weights) if return_weights else output

    def _mix(self, q: Tensor, k: Tensor, v: Tensor, mask: Mask | None) -> tuple[Tensor, Tensor]:
        group = self.num_heads // self.num_kv_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        mixed, weights = self.attend(q, k, v, mask)
        if self.training and self.dropout:  # falls between the two steps of `attend`
            mixed = F.dropout(weights, self.dropout) @ v
        return mixed, weights

    def _mix_fused(self, q: Tensor, k: Tensor, v: Tensor, mask: Mask | None) -> Tensor:
        if mask is not None:  # PyTorch would add a float mask to the scores
            check_mask(mask, (*q.shape[:-1], k.shape[-2]))
        dropout = self.dropout if self.training else 0.0
        grouped = self.num_heads != self.num_kv_heads
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, dropout_p=dropout, enable_gqa=grouped
        )


def _check_sizes(d_model: int, num_heads: int, num_kv_heads: int, dropout: float) -> None:
    if min(num_heads, num_kv_heads) < 1 or d_model % num_heads or num_heads % num_kv_heads:
        raise ValueError(
            "need num_kv_heads | num_heads | d_model (| is divides), "
            f"got {num_kv_heads=}, {num_heads=}, {d_model=}"
        )
    if not 0.0 <= dropout < 1.0:
        raise ValueError(f"dropout must be at least 0 and below 1, got {dropout=}")
