"""Texts in tokens, and what they cost in other languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from course_lib.plots.palette import CYCLE

SHADES = ("#CFE6F5", "#FBE3B0")


def token_rows(
    rows: Mapping[str, Sequence[str]], *, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw one text cut in several ways: a row of boxes for each, as wide as their letters.

    Raises `ValueError` unless all rows make the same text.
    """
    texts = {"".join(pieces) for pieces in rows.values()}
    if len(texts) != 1:
        raise ValueError(f"every row is to be the same text, got {len(texts)} texts")
    length, size = len(texts.pop()), (10, 0.5 * len(rows) + 0.8)
    ax = plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax
    for height, pieces in enumerate(rows.values()):
        left = 0
        for i, piece in enumerate(pieces):
            wide = len(piece)
            box = FancyBboxPatch(
                (left + 0.12, height - 0.34),
                wide - 0.24,
                0.68,
                boxstyle="round,pad=0.06,rounding_size=0.15",
                facecolor=SHADES[i % 2],
                edgecolor="#374151",
                linewidth=0.9,
            )
            ax.add_patch(box)
            for k, sign in enumerate(piece):
                ax.text(left + k + 0.5, height, sign, ha="center", va="center", family="monospace")
            left += wide
        ax.text(length + 0.6, height, f"{len(pieces)}", ha="left", va="center", color="black")
    ax.set(xlim=(-0.3, length + 3), ylim=(len(rows) - 0.4, -0.6), title=title)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def language_dots(
    series: Mapping[str, Mapping[str, float]], *, xlabel: str, title: str, ax: Axes | None = None
) -> Axes:
    """Draw a ratio for each language on a scale of doublings: one kind of dot for each name.

    `series` holds the ratios by name and by language; the first name's languages set the order.
    """
    ax = plt.subplots(figsize=(8, 4.2), layout="constrained")[1] if ax is None else ax
    languages = list(next(iter(series.values())))
    markers: Any = ("o", "s", "^", "D")
    for place, (name, ratios) in enumerate(series.items()):
        values = [ratios[language] for language in languages]
        style = {"marker": markers[place % 4], "color": CYCLE[place], "linestyle": ""}
        ax.plot(values, range(len(languages)), label=name, **style)
    ax.axvline(1, color="gray", linewidth=0.8, linestyle=":")
    ax.set_xscale("log", base=2)
    ticks = [t for t in (0.5, 1, 2, 4, 8, 16, 32) if t <= 2 * max(*ax.get_xlim(), 1)]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.set_yticks(range(len(languages)), languages)
    ax.invert_yaxis()
    ax.set(xlabel=xlabel, title=title)
    ax.legend()
    return ax
