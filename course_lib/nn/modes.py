"""Evaluation mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(module: nn.Module) -> Iterator[nn.Module]:
    """Within the block a module is in evaluation mode: its dropout is off.

    After it every part is in the mode in which it was, whatever was raised.
    """
    modes = [(part, part.training) for part in module.modules()]
    try:
        yield module.eval()
    finally:
        module.train(modes[0][1])  # a `train` of its own may do more
        for part, mode in modes:
            part.training = mode
