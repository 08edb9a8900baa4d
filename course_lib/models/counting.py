"""How many numbers a model learns, counted without making one of them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

# what draws first values: on "meta" there is nothing to draw, and PyTorch does it slowly, in Python
DRAWS = {draw for name, draw in vars(nn.init).items() if name.endswith("_") and callable(draw)}
DRAWS |= {Tensor.normal_, Tensor.uniform_}


class _Undrawn(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in DRAWS:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


def count_parameters(make: Callable[..., nn.Module], *given: Any) -> int:
    """Count the parameters of the model that `make(*given)` builds; a shared one counts once.

        count_parameters(Gpt, GPT2) == 124_439_808

    It is built on PyTorch's device "meta", where tensors have a shape and no numbers, so any size
    fits into memory.
    """
    with torch.device("meta"), _Undrawn():
        return sum(parameter.numel() for parameter in make(*given).parameters())
