"""Vectors of two numbers as arrows: a query among keys, and what is added to a word."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import cycle

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.path import Path
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from torch import Tensor

from course_lib.plots.palette import BLACK, CYCLE, GREY

LINE = 14  # points, of a name's height and the space over it


def query_among_keys(
    query: Tensor,
    keys: Tensor,
    weights: Tensor,
    names: Sequence[str],
    *,
    ax: Axes | None = None,
    title: str | None = None,
    reach: float | None = None,
) -> Axes:
    """Draw a query and the keys in the plane; a key's arrow is the thicker, the more weight it has.

    The query is black; the keys take the colours of `CYCLE` in turn, as a curve of each would. The
    plane goes as far as `reach`, where it is given: a control needs one that stays. `query` is
    (2,), `keys` (key, 2) and `weights` (key,). Raises `ValueError` when they don't fit.
    """
    if query.shape != (2,) or keys.shape != (len(names), 2) or weights.shape != (len(names),):
        told = f"query {tuple(query.shape)}, keys {tuple(keys.shape)}, {tuple(weights.shape)}"
        raise ValueError(f"{len(names)} keys of the plane need shapes that fit; got {told}")
    ax = plt.subplots(figsize=(4, 4), layout="constrained")[1] if ax is None else ax
    labels = [
        draw_arrow(ax, key, f"{name} {weight:.2f}", color=color, width=1 + 6 * weight)
        for key, weight, name, color in zip(keys.tolist(), weights.tolist(), names, cycle(CYCLE))
    ]
    labels.append(draw_arrow(ax, query.tolist(), "query", color=BLACK, width=2))
    if reach is None:
        reach = 1.8 * float(max(query.norm(), keys.norm(dim=-1).max()))
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title)
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    ax.axvline(0, color=GREY, linewidth=0.5, zorder=0)
    _keep_apart(ax, labels)
    return ax


def draw_arrow(
    ax: Axes,
    to: Sequence[float],
    name: str,
    *,
    color: str,
    start: Sequence[float] = (0.0, 0.0),
    width: float = 2.0,
) -> Annotation:
    """One arrow from `start`, with its name at the tip, which is returned."""
    ax.annotate("", to, start, arrowprops={"arrowstyle": "->", "color": color, "linewidth": width})
    right, above = to[0] >= start[0], to[1] >= start[1]
    label = ax.annotate(name, to, (0, 0), textcoords="offset points", color=color)
    _put(label, right, above)
    return label


def _keep_apart(ax: Axes, labels: Sequence[Annotation]) -> None:
    """Move each name that lies on an earlier one, on an arrow or over the edge, around its tip.

    All arrows are taken to start in the middle of the plane.
    """
    ax.figure.draw_without_rendering()  # the layout says where the axes stand
    shafts = [Path(ax.transData.transform([(0.0, 0.0), label.xy])) for label in labels]
    placed: list[Bbox] = []
    for label in labels:
        right, above = label.get_ha() == "left", label.get_va() == "bottom"
        ways = [(right, above), (right, not above), (not right, above), (not right, not above)]
        # a line's height further off, where all four are taken
        ways = [(*way, further) for further in (0, LINE, 2 * LINE) for way in ways]
        _put(label, *min(ways, key=partial(_in_the_way, label, placed, shafts)))
        placed.append(label.get_window_extent())


def _in_the_way(
    label: Annotation, placed: Sequence[Bbox], shafts: Sequence[Path], way: tuple[bool, bool, int]
) -> tuple[bool, bool, int]:
    """Whether a name put there lies on another, whether over the edge, and on how many arrows."""
    _put(label, *way)
    box, inside = label.get_window_extent(), label.axes.bbox.padded(1)
    outside = not (inside.contains(*box.min) and inside.contains(*box.max))
    crossed = sum(shaft.intersects_bbox(box, filled=False) for shaft in shafts)
    return any(box.padded(2).overlaps(other) for other in placed), outside, crossed


def _put(label: Annotation, right: bool, above: bool, further: int = 0) -> None:
    """A name beside a tip: to its right or left, above it or below."""
    label.set_position((4 if right else -4, (4 + further) * (1 if above else -1)))
    label.set(ha="left" if right else "right", va="bottom" if above else "top")
