"""Attention rolled out: how much of each input token arrives at each token, layer after layer."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def rollout(
    weights: Sequence[Float[Tensor, "batch heads token token"]],
) -> Float[Tensor, "batch token token"]:
    """Multiply the layers' weights, each the mean over heads and half the identity.

        A_l = (I + mean over heads W_l) / 2, rows to 1,   rollout = A_L ... A_2 A_1

    Row i says how much of each token of the input arrives at token i behind the last layer, as
    if attention and residual connections were all that there is. A token that looks nowhere keeps
    itself.

    Raises `ValueError` without a layer.

    Source: Abnar and Zuidema 2020, section 3 (arXiv:2005.00928).
    """
    if not weights:
        raise ValueError("roll-out needs the weights of at least one layer, got none")
    one = torch.eye(weights[0].shape[-1], dtype=weights[0].dtype, device=weights[0].device)
    rolled = one.expand(len(weights[0]), -1, -1)
    for each in weights:
        mixed = each.mean(dim=1) + one
        rolled = mixed / mixed.sum(dim=-1, keepdim=True) @ rolled
    return rolled
