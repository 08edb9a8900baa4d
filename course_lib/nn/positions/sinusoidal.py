"""Places written as waves of many lengths, added to the input. Nothing is learned."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.positions.places import add_rows


def sinusoidal_positions(
    max_len: int, d_model: int, base: float | int = 10_000.0, *, dtype: torch.dtype | None = None
) -> Float[Tensor, "{max_len} {d_model}"]:
    """Write each place as sines and cosines, each pair of columns slower than the last.

        table[p, 2i] = sin(p / base^(2i / d_model)),   table[p, 2i + 1] = cos(the same)

    Sines stand in the even columns and cosines in the odd ones; some libraries put all sines
    first. Computed in float64 and rounded once, to `dtype` (PyTorch's default).

    Raises `ValueError` when `d_model` is odd: each sine needs its cosine.

    Source: Vaswani et al. 2017, section 3.5 (arXiv:1706.03762).
    """
    if d_model < 2 or d_model % 2:
        raise ValueError(f"a sine and a cosine share each wave: need an even {d_model=}")
    place = torch.arange(max_len, dtype=torch.float64)[:, None]
    even = torch.arange(0, d_model, 2, dtype=torch.float64)
    angles = place / base ** (even / d_model)  # (max_len, d_model / 2)
    table = torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)
    return table.to(torch.get_default_dtype() if dtype is None else dtype)


class Sinusoidal(nn.Module):
    """Add a row of `sinusoidal_positions` to each token.

        output[p] = x[p] + table[offset + p]

    The table moves with the module and is not saved: it can be made again.

    Raises `ValueError` when `d_model` is odd.

    Source: Vaswani et al. 2017, section 3.5 (arXiv:1706.03762).
    """

    def __init__(self, d_model: int, max_len: int = 5000, base: float | int = 10_000.0):
        super().__init__()
        table = sinusoidal_positions(max_len, d_model, base)
        self.register_buffer("table", table, persistent=False)

    def forward(
        self,
        x: Float[Tensor, "*batch seq d_model"],
        offset: int = 0,
        *,
        places: Int[Tensor, "*_ seq"] | None = None,
    ) -> Float[Tensor, "*batch seq d_model"]:
        """Return x with its places, the first of which is `offset`, or with the given `places`.

        Raises `ValueError` past the end of the table, or for places that don't fit.
        """
        return add_rows(x, self.table, offset, places)
