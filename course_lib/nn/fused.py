"""PyTorch's fused attention, called by our conventions: fast, and silent about its weights."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from course_lib.nn.masks import Mask, causal_mask, check_mask, mask_for
from course_lib.nn.shapes import check_bias


def fused_attention(
    query: Float[Tensor, "batch heads query d_head"],
    key: Float[Tensor, "batch kv_heads key d_head"],
    value: Float[Tensor, "batch kv_heads key d_value"],
    mask: Mask | None = None,
    bias: Tensor | None = None,
    *,
    dropout: float = 0.0,
    scale: float | None = None,
) -> Float[Tensor, "batch heads query d_value"]:
    """Mix the values as `grouped_query_attention` does, and return the output alone.

    With the rule `causal_mask` itself, PyTorch skips what is hidden and makes no mask. It can't be
    differentiated twice.

    Raises `ValueError` when mask or bias don't fit.
    """
    scores_shape = (*query.shape[:-1], key.shape[-2])
    # PyTorch's rule is aligned top-left, which is ours only where queries are all the keys.
    causal = mask is causal_mask and bias is None and scores_shape[-2] == scores_shape[-1]
    alone = mask is causal_mask and scores_shape[-2] == 1  # the last token sees all: no mask
    mask = None if causal or alone else mask_for(mask, query, key)
    if mask is not None:  # PyTorch would add a float mask to the scores
        check_mask(mask, scores_shape)
    if bias is not None:
        check_bias(bias, scores_shape)
        mask = bias if mask is None else bias.masked_fill(~mask, float("-inf"))
    return F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        dropout_p=dropout,
        is_causal=causal,
        scale=scale,
        enable_gqa=query.shape[1] != key.shape[1],
    )
