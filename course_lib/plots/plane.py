"""Vectors of two numbers as arrows: a query among keys, and what is added to a word."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from course_lib.plots.palette import BLACK, CYCLE, GREY


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
    for key, weight, name, color in zip(keys.tolist(), weights.tolist(), names, cycle(CYCLE)):
        draw_arrow(ax, key, f"{name} {weight:.2f}", color=color, width=1 + 6 * weight)
    draw_arrow(ax, query.tolist(), "query", color=BLACK, width=2)
    if reach is None:
        reach = 1.8 * float(max(query.norm(), keys.norm(dim=-1).max()))
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title)
    ax.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    ax.axvline(0, color=GREY, linewidth=0.5, zorder=0)
    return ax


def draw_arrow(
    ax: Axes,
    to: Sequence[float],
    name: str,
    *,
    color: str,
    start: Sequence[float] = (0.0, 0.0),
    width: float = 2.0,
) -> None:
    """One arrow from `start`, with its name at the tip."""
    ax.annotate("", to, start, arrowprops={"arrowstyle": "->", "color": color, "linewidth": width})
    right, above = to[0] >= start[0], to[1] >= start[1]
    ax.annotate(
        name,
        to,
        (4 if right else -4, 4 if above else -4),
        textcoords="offset points",
        color=color,
        ha="left" if right else "right",
        va="bottom" if above else "top",
    )
