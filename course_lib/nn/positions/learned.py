"""Places as learned vectors, added to the input."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.positions.places import add_rows


class LearnedPositions(nn.Module):
    """Add a learned vector to each token, one for each place.

        output[p] = x[p] + table[offset + p]

    A place that training never showed keeps the small random vector it started with, and a
    place past the table has none. It starts at N(0, 0.02^2), as GPT-2 and BERT do.

    Source: Gehring et al. 2017, section 3.1 (arXiv:1705.03122).
    """

    def __init__(self, d_model: int, max_len: int):
        super().__init__()
        self.table = nn.Parameter(0.02 * torch.randn(max_len, d_model))

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        max_len, d_model = self.table.shape
        return f"{d_model=}, {max_len=}"

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
