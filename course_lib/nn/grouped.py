"""Grouped queries: several query heads share one head of keys and values."""

from jaxtyping import Float
from torch import Tensor

from course_lib.nn.attention import scaled_dot_product_attention


def share_heads(
    x: Float[Tensor, "batch kv_heads key width"], num_heads: int
) -> Float[Tensor, "batch {num_heads} key width"]:
    """Repeat each head for the consecutive query heads that share it.

    Raises `ValueError` when the query heads can't be shared out evenly.
    """
    num_kv_heads = x.shape[1]
    if num_kv_heads == num_heads:
        return x
    if min(num_kv_heads, num_heads) < 1 or num_heads % num_kv_heads:
        raise ValueError(f"need num_kv_heads | num_heads, got {num_kv_heads=}, {num_heads=}")
    return x.repeat_interleave(num_heads // num_kv_heads, dim=1)


def grouped_query_attention(
    query: Float[Tensor, "batch heads query d_head"],
    key: Float[Tensor, "batch kv_heads key d_head"],
    value: Float[Tensor, "batch kv_heads key d_value"],
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    scale: float | None = None,
) -> tuple[Float[Tensor, "batch heads query d_value"], Float[Tensor, "batch heads query key"]]:
    """Attend with fewer heads of keys and values than of queries.

        output[h] = attend(query[h], key[g], value[g]),   g = h num_kv_heads // num_heads

    Returns the output and the weights, as `scaled_dot_product_attention` does.

    Raises `ValueError` as that function does, and when heads can't be shared out evenly.

    Source: Ainslie et al. 2023, section 2.2 (arXiv:2305.13245).
    """
    key, value = (share_heads(part, query.shape[1]) for part in (key, value))
    return scaled_dot_product_attention(query, key, value, mask, bias, scale=scale)
