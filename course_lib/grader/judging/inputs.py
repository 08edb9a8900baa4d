"""The inputs of a case in words, and how hard they are to think about."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch

from .cases import Case
from .outcome import build


def parameters(solution: Callable, cases: Iterable[Case]) -> dict[str, tuple[str, ...]]:
    """The names of the parameters of each method that is called."""
    found = {}
    for case in cases:
        made = None
        for method in {c.method for c in case.calls} - found.keys():
            made = made or build(solution, case)
            plain = method == "__call__"
            target = getattr(made, "forward", made) if plain else getattr(made, method)
            found[method] = tuple(inspect.signature(target).parameters)
    return found


def came_in(names: dict[str, tuple[str, ...]], case: Case, number: int = 0) -> str:
    """The inputs of one call of a case in a few words: `query (3, 5), key (7, 5)`."""
    named = named_inputs(names, case, number)
    return ", ".join(_size(name, value) for name, value in named.items())


def named_inputs(names: dict[str, tuple[str, ...]], case: Case, number: int = 0) -> dict[str, Any]:
    """The inputs of one call of a case by what the reference calls them."""
    planned = case.calls[number]
    known = names.get(planned.method, ())
    extra = [f"argument {i + 1}" for i in range(len(known), len(planned.args))]
    return dict(zip([*known, *extra], planned.args, strict=False)) | planned.kwargs


def _size(name: str, value: object) -> str:
    if not isinstance(value, torch.Tensor):
        return f"{name}={value!r}" if len(repr(value)) < 40 else name
    told = f"{name} {tuple(value.shape)}"
    if value.dtype != torch.float32:
        told += f" {value.dtype}".replace("torch.", "")
    if value.numel() <= 6:
        numbers = value.flatten().tolist()
        listed = [float(f"{x:.3g}") if isinstance(x, float) else x for x in numbers]
        told += f" holding {listed}"
    return told


def size(case: Case) -> tuple[bool, int, float]:
    """How hard a case is to think about; the failing case that is smallest is shown.

    Extreme numbers in tensors come last, then it is how many there are, then plain numbers.
    """
    inputs = case.inputs
    tensors = [x for x in inputs if isinstance(x, torch.Tensor)]
    plain = [abs(x) for x in inputs if isinstance(x, int | float) and x == x]
    extreme = any(x.numel() and not (x.float().abs() < 100).all() for x in tensors)
    return extreme, sum(x.numel() for x in tensors), sum(plain)
