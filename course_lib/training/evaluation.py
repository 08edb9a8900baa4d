"""A loss on data that nothing is learned from."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
    """Within the block the model is in eval mode and no gradient is recorded.

    Afterwards every part is in the mode in which it was, whatever was raised.
    """
    modes = [(part, part.training) for part in model.modules()]
    try:
        with torch.no_grad():
            yield model.eval()
    finally:
        for part, mode in modes:
            part.training = mode


def evaluate(
    model: nn.Module,
    loss: Callable[[Any], Tensor],
    batches: Iterable[Any],
    weight: Callable[[Any], float] = lambda batch: 1,
) -> float:
    """Return the mean of `loss(batch)` over batches, each with its weight.

    Where batches hold unequal counts of tokens, `weight` counts them. Raises `ValueError` when the
    weights are nothing in all, as without a batch.
    """
    total = weights = 0.0
    with evaluating(model):
        for batch in batches:
            if counted := float(weight(batch)):  # a loss of nothing is no number
                total, weights = total + counted * float(loss(batch)), weights + counted
    if not weights > 0:
        raise ValueError(f"the weights of the batches must be more than 0 in all, got {weights}")
    return total / weights
