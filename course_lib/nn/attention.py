"""Attention, from one formula to one head. Checked against PyTorch's own in tests/nn."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.nn.masks import Mask, check_mask, mask_for
from course_lib.nn.shapes import check_bias, check_tokens


def scaled_dot_product_attention(
    query: Float[Tensor, "*#batch query d_head"],
    key: Float[Tensor, "*#batch key d_head"],
    value: Float[Tensor, "*#batch key d_value"],
    mask: Tensor | None = None,
    bias: Float[Tensor, "*#batch query key"] | None = None,
    *,
    scale: float | None = None,
) -> tuple[Float[Tensor, "*#batch query d_value"], Float[Tensor, "*#batch query key"]]:
    """Mix the values, each query weighting the keys by similarity.

        weights = softmax(query key^T / sqrt(d_head) + bias),   output = weights value

    `mask` is True where looking is allowed; `bias` makes a distance more or less likely to be
    looked at; `scale` replaces 1 / sqrt(d_head). Returns the output and the weights, because a
    notebook plots the weights. A query that may look nowhere gets weights and an output of zero,
    and a finite gradient. A `#` in the signature marks axes that may broadcast.

    Raises `ValueError` when the mask is not bool or does not fit (query, key), or when the bias
    does not fit.

    Source: Vaswani et al. 2017, eq. 1 (arXiv:1706.03762).
    """
    scores = _scores(query, key, math.sqrt(query.shape[-1]) if scale is None else 1 / scale)
    if bias is not None:
        check_bias(bias, scores.shape)
        scores = scores + bias
    if mask is not None:
        check_mask(mask, scores.shape)
        nowhere = ~mask.any(dim=-1, keepdim=True)  # -inf alone would be NaN: it is hidden below
        scores = scores.masked_fill(~(mask | nowhere), float("-inf"))
    weights = scores.softmax(dim=-1).to(query.dtype)
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)  # a row that may look nowhere: 0
    return weights @ value, weights


def _scores(query: Tensor, key: Tensor, root: float) -> Tensor:
    exact = torch.promote_types(query.dtype, torch.float32)
    if exact != query.dtype:  # half overflows early; divided first, as autocast narrows the product
        return query.to(exact) / root @ key.to(exact).transpose(-2, -1)
    return query @ key.transpose(-2, -1) / root


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
        """Return the output, or the output and the weights.

        Raises `ValueError` when x is not (batch, seq, d_model).
        """
        check_tokens(x, self.project.to_q.in_features)
        q, k, v = (part[:, None] for part in self.project(x))  # an axis of one head
        output, weights = self.attend(q, k, v, mask_for(mask, q, k))
        if return_weights and weights is None:
            raise ValueError("this attend returns no weights: call it with return_weights=False")
        return (output[:, 0], weights[:, 0]) if return_weights else output[:, 0]
