"""ALiBi: each head likes near keys better, by its own slope. Nothing is learned."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.positions.places import relative_places


def alibi_slopes(num_heads: int) -> Float[Tensor, "{num_heads}"]:
    """Give each head its slope: the first looks nearest, the last furthest.

        slope[h] = 2^(-8 (h + 1) / num_heads),   when num_heads is a power of two

    For other counts: the slopes of the power of two below, then every other slope of the power
    of two above. The tensor is float64 on the CPU: how far to round and where to go is decided
    where it is used.

    Raises `ValueError` when `num_heads` is below 1.

    Source: Press et al. 2021, section 3 (arXiv:2108.12409); other counts: the authors' code.
    """
    if num_heads < 1:
        raise ValueError(f"need at least one head, got {num_heads=}")
    power = 1 << (num_heads.bit_length() - 1)  # the largest power of two that is not more
    exact = {"dtype": torch.float64, "device": "cpu"}  # has numbers while a model is built on meta
    own = torch.arange(1, power + 1, **exact) * 8 / power
    between = torch.arange(1, 2 * power, 2, **exact)[: num_heads - power] * 4 / power
    return 2.0 ** -torch.cat((own, between))


class Alibi(nn.Module):
    """Lower the score of each key by its distance, in every head by another slope.

        bias[h, i, j] = -slope[h] |at_key[j] - at_query[i]|

    Both directions count alike. Under a causal mask these are the paper's numbers; its code adds
    slope[h] at_key[j] instead, which differs by a constant in each row, and softmax does not
    see a constant.

    Raises `ValueError` when `num_heads` is below 1.

    Source: Press et al. 2021, section 3 (arXiv:2108.12409).
    """

    def __init__(self, num_heads: int):
        super().__init__()
        self.slopes = alibi_slopes(num_heads)  # not a buffer: `module.half()` would round it

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        return f"num_heads={len(self.slopes)}"

    def forward(
        self,
        query: Float[Tensor, "batch heads query d_head"],
        key: Float[Tensor, "batch kv_heads key d_head"],
        places: Int[Tensor, "*_ key"] | None = None,
    ) -> tuple[Tensor, Tensor, Float[Tensor, "*_ query key"]]:
        """Return queries and keys as they are, and the bias, (heads, query, key).

        Given `places`, (key,) or (batch, key), replace 0, 1, 2 …; those of each sequence make the
        bias (batch, heads, query, key).

        Raises `ValueError` when there are more queries than keys, or other heads.
        """
        distance = relative_places(query, key, len(self.slopes), places).abs()
        exact = torch.promote_types(query.dtype, torch.float32)
        slopes = self.slopes.to(device=key.device, dtype=exact)
        return query, key, (-slopes[:, None, None] * distance).to(query.dtype)
