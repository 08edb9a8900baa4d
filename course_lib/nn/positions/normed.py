"""Queries and keys brought to one length before they meet, so that scores can't run away."""

from collections.abc import Callable

from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.nn.norms import RMSNorm


class QKNorm(nn.Module):
    """Norm each head's queries and keys, then tell where they stand; it takes a position's place.

        query, key, bias = position(norm_q(query), norm_k(key))

    Source: Henry et al. 2020, section 2 (arXiv:2010.04245); as an RMSNorm of each head: Qwen team
    2025, section 2 (arXiv:2505.09388).
    """

    def __init__(
        self,
        d_head: int,
        *,
        position: Callable[[int], Callable],
        norm: Callable[[int], nn.Module] = RMSNorm,
    ):
        super().__init__()
        self.norm_q, self.norm_k = norm(d_head), norm(d_head)
        self.position = position(d_head)

    def forward(
        self,
        query: Float[Tensor, "batch heads query d_head"],
        key: Float[Tensor, "batch kv_heads key d_head"],
        places: Int[Tensor, "*_ key"] | None = None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return what the position makes of the normed queries and keys."""
        return self.position(self.norm_q(query), self.norm_k(key), places)
