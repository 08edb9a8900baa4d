"""Attention with many heads: split, look, merge. Checked against PyTorch's own in tests/nn."""

from collections.abc import Callable

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.masks import Mask, check_mask


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


class MultiHeadAttention(nn.Module):
    """Several heads look at once, each in its own slice of the width.

        head_i = attend(q_i, k_i, v_i),   output = merge(head_1 ... head_h) W_out

    With `num_kv_heads` below `num_heads`, consecutive query heads share one key and value
    head (grouped queries). Its steps are arguments: an own `attend(q, k, v, mask)` returns
    (output, weights); `split` and `merge` are called as `split_heads` and `merge_heads` are.
    `position(query, key)` tells where tokens stand: it gets the split queries and keys and
    returns both, and a bias (heads, query, key) for the scores or None; see `nn.positions`.
    The bias reaches an own `attend` as a fifth argument.

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
        position: Callable | None = None,
    ):
        super().__init__()
        num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        _check_sizes(d_model, num_heads, num_kv_heads, dropout)
        d_head = d_model // num_heads
        self.num_heads, self.num_kv_heads, self.dropout = num_heads, num_kv_heads, dropout
        self.attend, self.split, self.merge, self.position = attend, split, merge, position
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
        q, k, bias = (q, k, None) if self.position is None else self.position(q, k)
        if return_weights or self.attend is not scaled_dot_product_attention:
            mixed, weights = self._mix(q, k, v, mask, bias)
        else:
            mixed, weights = self._mix_fused(q, k, v, mask, bias), None
        output = self.to_out(self.merge(mixed))
        return (output, weights) if return_weights else output

    def _mix(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Mask | None, bias: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        group = self.num_heads // self.num_kv_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        mixed, weights = self.attend(q, k, v, mask, *(() if bias is None else (bias,)))
        if self.training and self.dropout:  # falls between the two steps of `attend`
            mixed = F.dropout(weights, self.dropout) @ v
        return mixed, weights

    def _mix_fused(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Mask | None, bias: Tensor | None
    ) -> Tensor:
        if mask is not None:  # PyTorch would add a float mask to the scores
            check_mask(mask, (*q.shape[:-1], k.shape[-2]))
        if bias is not None:
            mask = bias if mask is None else bias.masked_fill(~mask, float("-inf"))
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
