"""Soft caps: scores that can't grow beyond a limit, however large the products are."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.embeddings import TiedHead, TokenEmbedding


def soft_cap(scores: Float[Tensor, "*axes"], cap: float | int) -> Float[Tensor, "*axes"]:
    """Bend scores so that none is beyond the cap; small ones stay nearly as they are.

        cap tanh(scores / cap)

    Raises `ValueError` when `cap` is not positive or not finite.

    Source: Bello et al. 2016, section 5 (arXiv:1611.09940); Gemma team 2024, section 2
    (arXiv:2408.00118).
    """
    _check_cap(cap)
    return cap * torch.tanh(scores / cap)


def soft_capped_attention(
    query: Float[Tensor, "*#batch query d_head"],
    key: Float[Tensor, "*#batch key d_head"],
    value: Float[Tensor, "*#batch key d_value"],
    mask: Tensor | None = None,
    *,
    cap: float | int,
    scale: float | None = None,
) -> tuple[Float[Tensor, "*#batch query d_value"], Float[Tensor, "*#batch query key"]]:
    """Do as `scaled_dot_product_attention` does, with scores that are capped before the softmax.

        weights = softmax(cap tanh(scale query key^T / cap)),   output = weights value

    Raises `ValueError` as that does, and as `soft_cap` does.

    Source: Gemma team 2024, section 2 (arXiv:2408.00118).
    """
    exact = torch.promote_types(query.dtype, torch.float32)  # half overflows early
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query.to(exact) * scale) @ key.to(exact).transpose(-2, -1)
    nothing = torch.zeros_like(query)  # what remains are the capped scores, and the mask
    return scaled_dot_product_attention(nothing, key, value, mask, soft_cap(scores, cap))


class CappedHead(TiedHead):
    """A tied head whose scores are capped.

        logits = cap tanh(x table^T / cap)

    Raises `ValueError` as `soft_cap` does.

    Source: Gemma team 2024, section 2 (arXiv:2408.00118).
    """

    def __init__(self, embedding: TokenEmbedding, *, cap: float | int):
        super().__init__(embedding)
        _check_cap(cap)
        self.cap = cap

    def forward(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch vocab"]:
        """Return one score for each token of the vocabulary."""
        return soft_cap(super().forward(x), self.cap)


def _check_cap(cap: float | int) -> None:
    if not 0 < cap < math.inf:
        raise ValueError(f"a cap must be positive and finite, got {cap=}")
