"""How many numbers a model learns, counted without making one of them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def count_parameters(make: Callable[..., nn.Module], *given: Any) -> int:
    """Count the parameters of the model that `make(*given)` builds; a shared one counts once.

        count_parameters(Gpt, GPT2) == 124_439_808

    It is built on PyTorch's device "meta", where tensors have a shape and no numbers, so any size
    fits into memory.
    """
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in make(*given).parameters())
