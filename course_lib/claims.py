"""What a chapter says must hold, checked where it is said; numbers that print the same twice."""

from __future__ import annotations

from typing import Any

import torch


class ClaimError(AssertionError):
    """A sentence of the course did not hold on this machine."""


def claim(text: str, condition: Any) -> None:
    """Print `text: True`, or stop the notebook when the condition is false.

    `condition` is anything with one truth value, such as a bool or a tensor of one element.
    Raises `ClaimError` when it is false, `ValueError` for a tensor of several elements.
    """
    if isinstance(condition, torch.Tensor) and condition.numel() != 1:
        shape = tuple(condition.shape)
        raise ValueError(f"a claim is one truth value, got {shape=}: say .all() or .any()")
    if not condition:
        raise ClaimError(f"does not hold here: {text}")
    print(f"{text}: True")


def rounded(values: Any, decimals: int = 3) -> Any:
    """Numbers as plain Python, rounded: a float, or nested lists that print in columns.

    Takes a tensor, an array, a list or a number. Minus zero becomes zero, so that a sign which
    says nothing does not differ between machines. Raises `ValueError` if `decimals` is negative.
    """
    if decimals < 0:
        raise ValueError(f"decimals counts digits after the point, got {decimals=}")
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().tolist()
    elif hasattr(values, "tolist"):
        values = values.tolist()
    return _round(values, decimals)


def _round(value: Any, decimals: int) -> Any:
    if isinstance(value, (list, tuple)):
        return Rounded((_round(item, decimals) for item in value), decimals)
    if isinstance(value, float):
        return round(value, decimals) + 0.0  # -0.0 + 0.0 is 0.0
    return value


class Rounded(list):
    """A list that prints with a fixed number of decimals, one row of the matrix per line."""

    def __init__(self, items: Any, decimals: int) -> None:
        super().__init__(items)
        self.decimals = decimals

    def __repr__(self) -> str:
        width = max((len(cell) for cell in self._cells()), default=0)
        return self._text(width, indent=1)

    def _cells(self) -> list[str]:
        nested = [item for item in self if isinstance(item, Rounded)]
        flat = [self._cell(item) for item in self if not isinstance(item, Rounded)]
        return flat + [cell for item in nested for cell in item._cells()]

    def _cell(self, item: Any) -> str:
        return f"{item:.{self.decimals}f}" if isinstance(item, float) else repr(item)

    def _text(self, width: int, indent: int) -> str:
        if any(isinstance(item, Rounded) for item in self):
            blank = "\n" if any(isinstance(row, Rounded) for item in self for row in item) else ""
            rows = (item._text(width, indent + 1) for item in self)
            return "[" + f",\n{blank}{' ' * indent}".join(rows) + "]"
        return "[" + ", ".join(self._cell(item).rjust(width) for item in self) + "]"
