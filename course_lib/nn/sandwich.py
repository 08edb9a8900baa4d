"""A residual that norms twice: what a sublayer reads, and what it says."""

import copy
from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn


class SandwichNorm(nn.Module):
    """Norm what the sublayer reads, norm what it says, then add it to the unnormed rest.

        output = x + dropout(after(sublayer(norm(x))))

    So no sublayer can add a vector that is far larger than the others'. `after` begins as a copy of
    `norm`. Nothing norms the last sum: a stack of these needs one norm at its end.

    Source: Ding et al. 2021, section 2.4 (arXiv:2105.13290); Gemma team 2024, section 2
    (arXiv:2408.00118).
    """

    def __init__(self, norm: nn.Module, dropout: float = 0.0):
        super().__init__()
        self.norm, self.after = norm, copy.deepcopy(norm)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "batch seq d_model"], sublayer: Callable[[Tensor], Tensor]
    ) -> Float[Tensor, "batch seq d_model"]:
        """Return the sum, not normed."""
        return x + self.dropout(self.after(sublayer(self.norm(x))))
