"""Hiding some tokens of a text, for a model that is to say them: masked language modelling."""

from collections.abc import Collection

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def hide(
    ids: Int[Tensor, "batch seq"],
    mask_id: int,
    vocab_size: int,
    *,
    specials: Collection[int] = (),
    share: float = 0.15,
    masked: float = 0.8,
    swapped: float = 0.1,
    generator: torch.Generator | None = None,
) -> tuple[Int[Tensor, "batch seq"], Bool[Tensor, "batch seq"]]:
    """Return what the model is given, and which of its tokens it has to say.

    Each token is chosen with probability `share`. Of the chosen, a share `masked` becomes
    `mask_id`, a share `swapped` a random token, and the rest stays as it is. `specials` (and
    `mask_id`) are never chosen and never drawn.

    Raises `ValueError` for shares that are none, and when no token is left to draw.

    Source: Devlin et al. 2018, section 3.1 (arXiv:1810.04805).
    """
    if not (0 <= share <= 1 and min(masked, swapped) >= 0 and masked + swapped <= 1):
        raise ValueError(f"these are no shares: {share=}, {masked=}, {swapped=}")
    special = torch.zeros(vocab_size, dtype=torch.bool)
    special[[mask_id, *specials]] = True
    usual = (~special).nonzero()[:, 0]
    if not len(usual):
        raise ValueError(f"of {vocab_size} tokens all are special: none is left to draw")
    chosen, fate = torch.rand(2, *ids.shape, generator=generator)
    hidden = (chosen < share) & ~special[ids]
    others = usual[torch.randint(len(usual), ids.shape, generator=generator)]
    given = ids.where(~(hidden & (fate < masked)), torch.tensor(mask_id))
    return given.where(~(hidden & (fate >= masked) & (fate < masked + swapped)), others), hidden
