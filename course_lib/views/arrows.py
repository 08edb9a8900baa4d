"""Two vectors as arrows in the plane, the angle between them, and their dot product."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from course_lib.views.page import View, escape, framed, table

REACH = 5  # the plane that is drawn goes from -REACH to REACH


class Arrows(View):
    """Two arrows that can be dragged: what their dot product, lengths, angle and cosine are."""

    def __init__(
        self,
        a: Sequence[float],
        b: Sequence[float],
        names: Sequence[str],
        axes: Sequence[str],
        title: str,
    ) -> None:
        self.a, self.b = _in_the_plane(a), _in_the_plane(b)
        if len(names) != 2 or len(axes) != 2:
            raise ValueError(f"two arrows, two axes: got {len(names)} names and {len(axes)} axes")
        self.names, self.axes, self.title = list(names), list(axes), title

    def rows(self) -> list[tuple[str, str, str, str]]:
        """As given, then with the first arrow halved and turned: dot product, angle, cosine."""
        x, y = self.a
        name = self.names[0]
        size = math.hypot(x, y) / math.hypot(*self.b)
        settings = {
            "as drawn": (x, y),
            f"“{name}” half as long": (x / 2, y / 2),
            f"“{name}” turned to a right angle": (-size * self.b[1], size * self.b[0]),
            f"“{name}” turned against it": (-size * self.b[0], -size * self.b[1]),
        }
        return [(setting, *_told(arrow, self.b)) for setting, arrow in settings.items()]

    def text(self) -> str:
        arrows = zip(self.names, (self.a, self.b), strict=True)
        drawn = " and ".join(f"{name} ({x:g}, {y:g})" for name, (x, y) in arrows)
        lines = [f"{self.title}: {drawn}"]
        for setting, dot, angle, cosine in self.rows():
            lines.append(f"  {setting}: dot product {dot}, angle {angle}°, cosine {cosine}")
        return "\n".join(lines)

    def html(self) -> str:
        data = {
            "arrows": [self.a, self.b],
            "names": self.names,
            "axes": self.axes,
            "reach": REACH,
            "title": self.title,
        }
        return framed("arrows", self.title, self._table(), data)

    def _table(self) -> str:
        """What the arrows say at the start, and after three moves that a learner would make."""
        heads = ("arrows", "dot product", "angle", "cosine")
        top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
        rows = []
        for setting, dot, angle, cosine in self.rows():
            cells = (escape(setting), dot, f"{angle}°", cosine)
            told = "".join(f'<td style="padding:2px 10px">{cell}</td>' for cell in cells)
            rows.append(f"<tr>{told}</tr>")
        caption = self.text().splitlines()[0]
        note = "Run the cell, and two arrows appear that follow the mouse and the arrow keys."
        return table(caption, top, rows, note)


def two_arrows(
    a: Sequence[float],
    b: Sequence[float],
    *,
    names: Sequence[str] = ("a", "b"),
    axes: Sequence[str] = ("first number", "second number"),
    title: str = "Two arrows and their dot product",
) -> Arrows:
    """Two vectors of two numbers as arrows that mouse, touch and arrow keys move.

    Beside them stand their dot product, lengths, angle and cosine, and the shadow of the first on
    the second. `axes` says what the two numbers count.
    Raises `ValueError` if an arrow is no pair of numbers from -5 to 5, or has length 0, and unless
    there are two names and two axes.
    """
    return Arrows(a, b, names, axes, title)


def _in_the_plane(arrow: Any) -> list[float]:
    arrow = arrow.tolist() if hasattr(arrow, "tolist") else arrow
    numbers = [float(number) for number in arrow]
    if len(numbers) != 2 or not all(abs(number) <= REACH for number in numbers):
        raise ValueError(f"an arrow is a pair of numbers from -{REACH} to {REACH}, got {numbers}")
    if not any(numbers):
        raise ValueError(f"an arrow of length 0 has no angle to another: got {numbers}")
    # rounded: the digits beyond differ between machines and show nowhere
    return [float(f"{number:.6g}") for number in numbers]


def _told(a: Sequence[float], b: Sequence[float]) -> tuple[str, str, str]:
    """Dot product, angle in degrees and cosine, as they are written."""
    dot = a[0] * b[0] + a[1] * b[1]
    cosine = dot / (math.hypot(*a) * math.hypot(*b))
    angle = math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
    # + 0.0 after rounding: no "-0" where rounding leaves nothing
    return f"{round(dot, 2) + 0.0:g}", f"{angle:.0f}", f"{round(cosine, 2) + 0.0:.2f}"
