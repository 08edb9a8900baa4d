"""An image in patches under the mouse: point at one and see where it looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from course_lib.views.page import View, framed, table

SHADES = " .:-=+*#%@"
SLACK = 1e-4  # products of weights in single precision may exceed 1 by that


class Patches(View):
    """Named weights between the patches of one image, with or without a [CLS] in front."""

    def __init__(self, image: Any, weights: Mapping[str, Any], title: str, start: int) -> None:
        self.image = _array(image)
        if self.image.ndim != 2 or self.image.shape[0] != self.image.shape[1]:
            raise ValueError(f"a square grey image (height, width) expected, {self.image.shape}")
        self.weights = {str(name): _array(given) for name, given in weights.items()}
        if not self.weights:
            raise ValueError("no weights to show: give at least one table, such as {'layer 0': w}")
        shapes = {given.shape for given in self.weights.values()}
        (tokens, *_), *more = shapes
        self.side = int(tokens**0.5)
        self.front = tokens - self.side**2  # 1 with [CLS], 0 without
        if more or shapes != {(tokens, tokens)} or self.front > 1:
            raise ValueError(f"weights are (tokens, tokens), a square or one more: {shapes}")
        if self.image.shape[0] % self.side:
            raise ValueError(f"{self.side} patches a side don't fill {self.image.shape[0]} pixels")
        if not 0 <= start < tokens:
            raise ValueError(f"{start=} of {tokens} tokens, counted from 0")
        for name, given in self.weights.items():
            if not ((given >= 0) & (given <= 1 + SLACK)).all():
                raise ValueError(f"weights lie between 0 and 1, {name!r} doesn't")
        self.title, self.start = title, start

    def text(self) -> str:
        """The image in characters, a patch each: trained weights differ between machines."""
        size = self.image.shape[0] // self.side
        ink = self.image.reshape(self.side, size, self.side, size).mean(axis=(1, 3))
        marks = np.minimum((ink * len(SHADES)).astype(int), len(SHADES) - 1)
        rows = ["  " + "".join(2 * SHADES[mark] for mark in row) for row in marks]
        named = f"{self.title}: {self.side} × {self.side} patches; {', '.join(self.weights)}"
        return "\n".join([named, *rows])

    def html(self) -> str:
        data = {
            "image": (255 * self.image).round().astype(int).tolist(),
            "names": list(self.weights),
            # rounded: the digits beyond differ between machines and show nowhere
            "weights": [given.round(4).clip(0, 1).tolist() for given in self.weights.values()],
            "side": self.side,
            "front": self.front,
            "start": self.start,
            "title": self.title,
        }
        return framed("patches", self.title, self._table(), data)

    def _table(self) -> str:
        """Where the token at the start looks, as a table, with colours inline."""
        name, given = next(iter(self.weights.items()))
        row = given[self.start][self.front :].reshape(self.side, self.side)
        most = max(row.max(), 1e-9)
        lines = "".join(
            "<tr>" + "".join(_cell(weight, weight / most) for weight in line) + "</tr>"
            for line in row
        )
        about = f"{self.title}, {name}: where {self.called(self.start)} looks, in percent."
        note = "Run the cell, and the patches answer the mouse and the arrow keys."
        return table(about, "", lines, note)

    def called(self, token: int) -> str:
        """The name of a token: [CLS], or row and column of its patch."""
        if token < self.front:
            return "[CLS]"
        row, column = divmod(token - self.front, self.side)
        return f"row {row}, column {column}"


def patch_hover(
    image: Any, weights: Mapping[str, Any], title: str = "Patches", *, start: int = 0
) -> Patches:
    """An image whose patches show, under the mouse or the arrow keys, where they look.

    `image` is (height, width) from 0 to 1, a square. `weights` are tables (token, token) by name,
    between which buttons choose: one token for each patch, row by row, and one more in front
    where there is a [CLS]. `start` is the token pinned at first.
    Raises `ValueError` if shapes or the start don't fit, or a weight is outside 0 to 1.
    """
    return Patches(image, weights, title, start)


def _array(values: Any) -> np.ndarray:
    values = values.detach().cpu().float().numpy() if hasattr(values, "detach") else values
    return np.asarray(values, dtype=float)


def _cell(weight: float, strength: float) -> str:
    style = f"background-color:rgba(0,114,178,{0.75 * strength:.2f});text-align:center;padding:4px"
    return f'<td style="{style}">{round(100 * weight)}</td>'
