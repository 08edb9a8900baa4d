"""Colours that stay apart for colour-blind readers, and in print by line style.

Source: Okabe and Ito 2008, Color Universal Design.
"""

from __future__ import annotations

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
RED = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#6B7280"

CYCLE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK)

WEIGHTS = "cividis"  # 0 to 1: dark is nothing, bright is everything
SIGNED = "PuOr"  # below and above zero, white in the middle

# Keyword arguments for `ax.plot`: the same role looks the same in every chapter.
STYLES = {
    "train": {"color": BLUE, "linestyle": "-"},
    "validation": {"color": RED, "linestyle": "--"},
    "ours": {"color": BLUE, "linestyle": "-", "marker": "o"},
    "theirs": {"color": ORANGE, "linestyle": "--", "marker": "s"},
    "theory": {"color": BLACK, "linestyle": ":"},
}
