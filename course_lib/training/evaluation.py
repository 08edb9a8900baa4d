"""A loss on data that nothing is learned from."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.nn.modes import evaluating


def evaluate(
    model: nn.Module,
    loss: Callable[[Any], Tensor],
    batches: Iterable[Any],
    weight: Callable[[Any], float] = lambda batch: 1,
) -> float:
    """Return the mean of `loss(batch)` over batches, each with its weight.

    The model is in evaluation mode meanwhile, and no gradient is recorded. Where batches hold
    unequal counts of tokens, `weight` counts them.

    Raises `ValueError` when the weights are nothing in all, as without a batch.
    """
    total = weights = 0.0
    with evaluating(model), torch.no_grad():
        for batch in batches:
            if counted := float(weight(batch)):  # a loss of nothing is no number
                total, weights = total + counted * float(loss(batch)), weights + counted
    if not weights > 0:
        raise ValueError(f"the weights of the batches must be more than 0 in all, got {weights}")
    return total / weights
