"""The "you are here" drawing: the encoder–decoder Transformer, part by part."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle

from course_lib.plots.palette import BLUE, GREY

SIZE = (8.0, 4.5)
RIGHT = {"ha": "right"}
STEP, HEIGHT = 0.43, 0.3  # from one box to the next; of one box
INSIDE = ("queries, keys, values", "scores", "masks", "softmax", "weighted sum", "heads")
ENCODER = ("embedding", "positions", "self-attention", "add & norm", "feed-forward", "add & norm")
DECODER = (
    "embedding", "positions", "masked self-attention", "add & norm", "cross-attention",
    "add & norm", "feed-forward", "add & norm", "linear + softmax",
)  # fmt: skip
PARTS = tuple(dict.fromkeys(INSIDE + ENCODER + DECODER))

# ground, edge, edge width, sign: told apart without colour by the frame and the sign
LOOK = {
    "here": ("#FFD27F", "#8A4B00", 2.4, "▸ "),
    "built": ("#CFE6F5", BLUE, 1.1, "✓ "),
    "open": ("#FFFFFF", "#9CA3AF", 0.9, ""),
}


@dataclass(frozen=True)
class Column:
    """A stack of boxes, drawn from the bottom up."""

    parts: tuple[str, ...]
    left: float
    width: float
    bottom: float

    def middle(self, i: int) -> float:
        """Height of the middle of box `i`."""
        return self.bottom + i * STEP + HEIGHT / 2

    @property
    def centre(self) -> float:
        """Where an arrow enters from below."""
        return self.left + self.width / 2

    @property
    def right(self) -> float:
        """The right edge of its boxes."""
        return self.left + self.width


INSIDE_COLUMN = Column(INSIDE, 0.3, 1.85, 1.0)
ENCODER_COLUMN = Column(ENCODER, 3.25, 1.65, 0.34)
DECODER_COLUMN = Column(DECODER, 5.7, 1.65, 0.34)
COLUMNS = {"inside": INSIDE_COLUMN, "encoder": ENCODER_COLUMN, "decoder": DECODER_COLUMN}


def transformer_map(
    here: str | Iterable[str] | None,
    built: str | Iterable[str] = (),
    *,
    tower: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the Transformer of 2017 with the part `here` lit and the parts `built` filled.

    Both take one name or several of `PARTS`. With a `tower`, "encoder" or "decoder", parts are lit
    in that one alone. On the left stands what happens inside every attention box.
    Raises `ValueError` for a name that is no part, and for another tower.

    Source: Vaswani et al. 2017, figures 1 and 2 (arXiv:1706.03762).
    """
    lit, filled = _names(here), _names(built)
    if tower not in (None, "encoder", "decoder"):
        raise ValueError(f"tower is 'encoder' or 'decoder', got {tower!r}")
    ax = plt.subplots(figsize=SIZE, layout="constrained")[1] if ax is None else ax
    ax.set(xlim=(0, SIZE[0]), ylim=(0, SIZE[1]), aspect="equal")
    ax.set_axis_off()
    for drawn in (_repeated, _inside, _residuals, _arrows):
        drawn(ax)
    for name, column in COLUMNS.items():
        for i, part in enumerate(column.parts):
            lights = part in lit and tower in (None, name)
            state = "here" if lights else "built" if part in filled else "open"
            _box(ax, column.left, column.bottom + i * STEP, column.width, part, state)
    _words(ax)
    _legend(ax)
    return ax


def _names(given: str | Iterable[str] | None) -> set[str]:
    """The parts meant, with the spaces around + and & made equal."""
    given = () if given is None else (given,) if isinstance(given, str) else given
    names = {re.sub(r"\s*([+&])\s*", r" \1 ", name.strip().lower()) for name in given}
    if unknown := sorted(names - set(PARTS)):
        raise ValueError(f"no such part: {unknown}; the parts are {list(PARTS)}")
    return names


def _box(ax: Axes, left: float, bottom: float, width: float, text: str, state: str) -> None:
    ground, edge, line, sign = LOOK[state]
    shape = FancyBboxPatch(
        (left, bottom), width, HEIGHT, boxstyle="round,pad=0,rounding_size=0.06",
        facecolor=ground, edgecolor=edge, linewidth=line, zorder=3, label=text, gid=state,
    )  # fmt: skip
    ax.add_patch(shape)
    weight = "bold" if state == "here" else "normal"
    middle = (left + width / 2, bottom + HEIGHT / 2)
    ax.text(*middle, sign + text, ha="center", va="center", fontsize=8, weight=weight, zorder=4)


def _inside(ax: Axes) -> None:
    """The frame of the enlarged attention box, as cards: one for each head."""
    left, bottom, width = 0.18, INSIDE_COLUMN.bottom - 0.13, 2.09
    height = STEP * len(INSIDE) + 0.13
    for shift in (0.16, 0.08, 0.0):
        card = Rectangle(
            (left + shift, bottom + shift), width, height, facecolor="#F9FAFB",
            edgecolor="#9CA3AF", linewidth=0.8, zorder=1,
        )  # fmt: skip
        ax.add_patch(card)
    target = ENCODER_COLUMN.bottom + 2 * STEP
    for y, end in ((bottom + 0.16, target), (bottom + height + 0.16, target + HEIGHT)):
        line = ([left + width + 0.16, ENCODER_COLUMN.left], [y, end])
        ax.plot(*line, color=GREY, linewidth=0.8, linestyle=":", zorder=0)


def _arrows(ax: Axes) -> None:
    for column in COLUMNS.values():
        for i in range(len(column.parts) - 1):
            foot = column.bottom + i * STEP + HEIGHT
            _arrow(ax, [(column.centre, foot), (column.centre, foot + STEP - HEIGHT)])
    _arrow(ax, [(DECODER_COLUMN.centre, 4.08), (DECODER_COLUMN.centre, 4.3)])
    top, cross = ENCODER_COLUMN.middle(5), DECODER_COLUMN.middle(4)
    turn = (ENCODER_COLUMN.right + DECODER_COLUMN.left) / 2
    path = [(ENCODER_COLUMN.right, top), (turn, top), (turn, cross), (DECODER_COLUMN.left, cross)]
    _arrow(ax, path)


def _arrow(ax: Axes, path: list[tuple[float, float]]) -> None:
    x, y = zip(*path[:-1], strict=True)
    ax.plot(x, y, color=GREY, linewidth=1.0, zorder=2)
    style = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", path[-1], path[-2], arrowprops=style | {"mutation_scale": 7}, zorder=2)


def _residuals(ax: Axes) -> None:
    """The way around each sub-layer, to the box that adds it back."""
    for column, side in ((ENCODER_COLUMN, "left"), (DECODER_COLUMN, "right")):
        edge, out = (column.left, -0.12) if side == "left" else (column.right, 0.12)
        for i, part in enumerate(column.parts):
            if part == "add & norm":
                low, high = column.middle(i - 1) - STEP / 2, column.middle(i)
                path = [(column.centre, low), (edge + out, low), (edge + out, high), (edge, high)]
                _arrow(ax, path)


def _words(ax: Axes) -> None:
    small = {"ha": "center", "va": "center", "fontsize": 8, "color": "#374151"}
    ax.text(ENCODER_COLUMN.centre, 0.13, "source tokens", **small)
    ax.text(DECODER_COLUMN.centre, 0.13, "target tokens so far", **small)
    ax.text(DECODER_COLUMN.centre, 4.38, "next token", **small)
    bold = small | {"fontsize": 9, "weight": "bold"}
    ax.text(ENCODER_COLUMN.centre, ENCODER_COLUMN.middle(6), "encoder: reads", **bold)
    ax.text(DECODER_COLUMN.left - 0.2, DECODER_COLUMN.middle(8), "decoder: writes", **bold | RIGHT)
    ax.text(1.3, 3.98, "inside every attention box", **bold)


def _repeated(ax: Axes) -> None:
    """The ground under the layers that are stacked N times."""
    for column, low, high in ((ENCODER_COLUMN, 2, 5), (DECODER_COLUMN, 2, 7)):
        outside = 0.22
        bottom = column.middle(low) - STEP / 2 - 0.04
        height = column.middle(high) - column.middle(low) + STEP + 0.04
        ground = FancyBboxPatch(
            (column.left - outside, bottom), column.width + 2 * outside, height,
            boxstyle="round,pad=0,rounding_size=0.1", facecolor="#F3F4F6", edgecolor="none",
            zorder=0,
        )  # fmt: skip
        ax.add_patch(ground)
        x, y = column.right + outside + 0.18, bottom + 0.12
        ax.text(x, y, "N ×", ha="center", va="center", fontsize=8, color="#374151")


def _legend(ax: Axes) -> None:
    for i, (state, text) in enumerate(
        (("here", "you are here"), ("built", "built"), ("open", "to come"))
    ):
        ground, edge, line, sign = LOOK[state]
        left = (0.18, 1.35, 2.05)[i]
        spot = Rectangle((left, 0.36), 0.14, 0.14, facecolor=ground, edgecolor=edge, linewidth=line)
        ax.add_patch(spot)
        ax.text(left + 0.2, 0.43, sign + text, va="center", fontsize=7.5, color="#374151")
