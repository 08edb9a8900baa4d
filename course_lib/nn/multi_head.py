"""Attention with many heads: split, look, merge. Checked against PyTorch's own in tests/nn."""

from collections.abc import Callable

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.cache import Cache
from course_lib.nn.fused import fused_attention
from course_lib.nn.grouped import share_heads
from course_lib.nn.masks import Mask, mask_for
from course_lib.nn.shapes import check_heads, check_looking


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

    With `num_kv_heads` below `num_heads`, consecutive query heads share one key and value head
    (grouped queries). `d_head` is d_model / num_heads and `scale` 1 / sqrt(d_head) unless given;
    `bias_out` gives W_out another choice than `bias`.

    Its steps are arguments: an own `attend(q, k, v, mask)` returns (output, weights or None) and
    brings its own scale and dropout; `split` and `merge` are called as `split_heads` and
    `merge_heads` are. `position(query, key)` tells where tokens stand: it gets the split queries
    and keys, then given places, and returns both, and a bias (heads, query, key) for the scores
    or None; see `nn.positions`. The bias reaches an own `attend` as a fifth argument, (1, heads,
    query, key).

    `dropout` hides weights during training; the weights returned are those before it. While
    nobody asks for weights, PyTorch's fused function runs, which can't be differentiated twice:
    for second derivatives ask for the weights.

    Raises `ValueError` when heads don't divide the width, groups don't divide the heads,
    `dropout` is outside [0, 1), or an own `attend` is to be scaled.

    Source: Vaswani et al. 2017, section 3.2.2 (arXiv:1706.03762); grouped queries: Ainslie et
    al. 2023, section 2.2 (arXiv:2305.13245).
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        num_kv_heads: int | None = None,
        *,
        d_head: int | None = None,
        dropout: float = 0.0,
        bias: bool = True,
        bias_out: bool | None = None,
        scale: float | None = None,
        attend: Callable = scaled_dot_product_attention,
        split: Callable = split_heads,
        merge: Callable = merge_heads,
        position: Callable | None = None,
    ):
        super().__init__()
        num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        check_heads(d_model, num_heads, num_kv_heads, d_head, dropout)
        if scale is not None and attend is not scaled_dot_product_attention:
            raise ValueError(f"an own attend scales as it likes: it can't be given {scale=}")
        d_head = d_model // num_heads if d_head is None else d_head
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        self.dropout, self.scale = dropout, scale
        self.attend, self.split, self.merge, self.position = attend, split, merge, position
        self.to_q = nn.Linear(d_model, num_heads * d_head, bias=bias)
        self.to_k = nn.Linear(d_model, num_kv_heads * d_head, bias=bias)
        self.to_v = nn.Linear(d_model, num_kv_heads * d_head, bias=bias)
        bias_out = bias if bias_out is None else bias_out
        self.to_out = nn.Linear(num_heads * d_head, d_model, bias=bias_out)

    def forward(
        self,
        query: Float[Tensor, "batch query d_model"],
        key: Float[Tensor, "batch key d_model"] | None = None,
        value: Float[Tensor, "batch key d_model"] | None = None,
        mask: Mask | None = None,
        *,
        places: Int[Tensor, "*_ keys"] | None = None,
        cache: Cache | None = None,
        projected: tuple[Tensor, Tensor] | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch query d_model"] | tuple[Tensor, Float[Tensor, "batch heads query _"]]:
        """Let `query` look at `key` and collect `value`; key defaults to query, value to key.

        `mask` is a tensor, or a rule that makes one: `causal_mask` itself is the fastest. `places`,
        (key,) or (batch, key), say where the keys stand; the queries are the last of them. With
        a `cache` the keys are those of the past and these. What `project` made of key and value
        before may be given, `projected`. Returns the output, or it and the weights (batch, heads,
        query, key). Raises `ValueError` for inputs, masks, places or a bias that don't fit, for
        dropout with an own `attend`, and when an own `attend` has no weights to return.
        """
        key = query if key is None else key
        value = key if value is None else value
        check_looking(query, key, value, self.to_q.in_features)
        q = self.split(self.to_q(query), self.num_heads)
        k, v = self.project(key, value) if projected is None else projected
        mixed, weights = self.look(q, k, v, mask, places, cache, return_weights)
        output = self.to_out(self.merge(mixed))
        return (output, weights) if return_weights else output

    def project(
        self, key: Float[Tensor, "batch key d_model"], value: Float[Tensor, "batch key d_model"]
    ) -> tuple[Float[Tensor, "batch kv_heads key d_head"], Float[Tensor, "batch kv_heads key _"]]:
        """Return the keys and values that queries will look at, split into heads."""
        k = self.split(self.to_k(key), self.num_kv_heads)
        return k, self.split(self.to_v(value), self.num_kv_heads)

    def look(
        self,
        q: Float[Tensor, "batch heads query d_head"],
        k: Float[Tensor, "batch kv_heads new d_head"],
        v: Float[Tensor, "batch kv_heads new d_value"],
        mask: Mask | None = None,
        places: Int[Tensor, "*_ keys"] | None = None,
        cache: Cache | None = None,
        return_weights: bool = False,
    ) -> tuple[Float[Tensor, "batch heads query d_value"], Tensor | None]:
        """Let split queries look at these keys and those of the past: what is seen, the weights."""
        k, v = (k, v) if cache is None else cache.append(self, k, v)
        if cache is not None and places is not None:  # a cache with a window drops the first keys
            places = places[..., max(0, places.shape[-1] - k.shape[2]) :]
        q, k, bias = self._place(q, k, places)
        dropout = self.dropout if self.training else 0.0
        if not return_weights and self.attend is scaled_dot_product_attention:
            given = {"dropout": dropout, "scale": self.scale}
            return fused_attention(q, k, v, mask, bias, **given), None
        mixed, weights = self._mix(q, k, v, mask_for(mask, q, k), bias, dropout)
        if return_weights and weights is None:
            raise ValueError("this attend returns no weights: call it with return_weights=False")
        return mixed, weights

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        sizes = {"d_model": self.to_q.in_features, "num_heads": self.num_heads}
        if self.num_kv_heads != self.num_heads:
            sizes["num_kv_heads"] = self.num_kv_heads
        sizes["d_head"] = self.to_q.out_features // self.num_heads
        sizes |= {"dropout": self.dropout} if self.dropout else {}
        sizes |= {} if self.scale is None else {"scale": self.scale}
        return ", ".join(f"{name}={size}" for name, size in sizes.items())

    def _place(
        self, q: Tensor, k: Tensor, places: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        if self.position is None:
            return q, k, None
        q, k, bias = self.position(q, k, *(() if places is None else (places,)))
        if bias is not None and bias.ndim == 3:  # of each head, the same for all sequences
            bias = bias[None]
        return q, k, bias

    def _mix(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        mask: Tensor | None,
        bias: Tensor | None,
        dropout: float,
    ) -> tuple[Tensor, Tensor | None]:
        k, v = share_heads(k, self.num_heads), share_heads(v, self.num_heads)
        if self.attend is not scaled_dot_product_attention:
            if dropout:
                raise ValueError(
                    f"an own attend brings its own dropout: build it without {dropout=}"
                )
            return self.attend(q, k, v, mask, *(() if bias is None else (bias,)))
        mixed, weights = self.attend(q, k, v, mask, bias, scale=self.scale)
        if dropout:  # falls between the two steps of `attend`
            mixed = F.dropout(weights, dropout) @ v
        return mixed, weights
