"""Pictures of weights, scores and masks: one row for each query, one column for each key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle

from course_lib.plots.palette import GREY, SIGNED, WEIGHTS, YELLOW

HATCH = "////"
QUERY_LABEL = "query (looks)"
KEY_LABEL = "key (is looked at)"


def attention_map(
    weights: Any,
    query_tokens: Sequence[str],
    key_tokens: Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    mask: Any = None,
    values: bool = False,
) -> Axes:
    """Draw the weights of one head, (query, key), on a scale from 0 to 1.

    `mask` (bool, True = may look) hatches what is hidden; `values=True` writes the numbers into
    the cells. Without `ax` a new figure of fitting size is made, with a colour bar.
    Raises `ValueError` if the shapes and the numbers of tokens differ.
    """
    key_tokens = query_tokens if key_tokens is None else key_tokens
    weights, hidden = _matrix(weights, "weights", query_tokens, key_tokens, mask)
    style = {"cmap": WEIGHTS, "vmin": 0, "vmax": 1, "digits": 2}
    return _draw(weights, hidden, query_tokens, key_tokens, ax, title, values, "weight", style)


def score_map(
    scores: Any,
    query_tokens: Sequence[str],
    key_tokens: Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    mask: Any = None,
    values: bool = False,
) -> Axes:
    """Draw signed scores, (query, key), on a scale that is symmetric about zero.

    Arguments and errors as in `attention_map`; infinite scores are hatched.
    """
    key_tokens = query_tokens if key_tokens is None else key_tokens
    scores, hidden = _matrix(scores, "scores", query_tokens, key_tokens, mask)
    seen = np.abs(scores[~hidden])
    limit = float(seen.max()) if seen.size and seen.max() > 0 else 1.0
    style = {"cmap": SIGNED, "vmin": -limit, "vmax": limit, "digits": 1}
    return _draw(scores, hidden, query_tokens, key_tokens, ax, title, values, "score", style)


def mask_picture(
    mask: Any,
    query_tokens: Sequence[str] | None = None,
    key_tokens: Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw a mask, (query, key), True = may look: bright may be looked at, hatched is hidden.

    Without tokens the positions are numbered. Raises `ValueError` if the mask is not boolean or
    the shapes and the numbers of tokens differ.
    """
    mask = _array(mask)
    if mask.dtype != bool:
        raise ValueError(f"a mask is boolean, True = may look; got dtype {mask.dtype}")
    if mask.ndim != 2:
        raise ValueError(f"a mask picture shows (query, key), got shape {mask.shape}")
    n_query, n_key = mask.shape
    query_tokens = [str(i) for i in range(n_query)] if query_tokens is None else query_tokens
    if key_tokens is None:
        key_tokens = query_tokens if n_key == n_query else [str(i) for i in range(n_key)]
    allowed, hidden = _matrix(mask, "mask", query_tokens, key_tokens, mask)
    style = {"cmap": ListedColormap([YELLOW]), "vmin": 0, "vmax": 1, "digits": 0}
    return _draw(allowed, hidden, query_tokens, key_tokens, ax, title, False, None, style)


def head_grid(
    weights: Any,
    tokens: Sequence[str],
    *,
    titles: Sequence[str] | None = None,
    mask: Any = None,
) -> np.ndarray:
    """Draw the weights of all heads, (heads, query, key), side by side; the array of Axes.

    Only the first column and the last row carry the tokens. Raises `ValueError` if the shapes,
    the numbers of tokens or of titles differ.
    """
    weights = _array(weights)
    if weights.ndim != 3:
        raise ValueError(f"a head grid shows (heads, query, key), got shape {weights.shape}")
    heads = len(weights)
    titles = [f"head {h}" for h in range(heads)] if titles is None else titles
    if len(titles) != heads:
        raise ValueError(f"{len(titles)} titles for {heads} heads")
    columns = min(heads, 4)
    rows = -(-heads // columns)
    side = min(3.2, max(1.9, 0.17 * len(tokens)))
    size = (side * columns + 1.2, side * rows + 1.0)
    fig, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for h, ax in enumerate(axes.flat):
        if h >= heads:
            ax.set_axis_off()
            continue
        attention_map(weights[h], tokens, ax=ax, title=titles[h], mask=mask)
        small = {"labelsize": 7, "length": 0}
        ax.tick_params(axis="x", labelbottom=h + columns >= heads, **small)
        ax.tick_params(axis="y", labelleft=h % columns == 0, **small)
        ax.set(xlabel="", ylabel="")
    fig.supxlabel(KEY_LABEL, fontsize=10)
    fig.supylabel(QUERY_LABEL, fontsize=10)
    fig.colorbar(axes[0, 0].collections[0], ax=axes, label="weight", shrink=0.6, aspect=30)
    return axes


def _array(values: Any) -> np.ndarray:
    """A NumPy array from a tensor, on any device and with or without gradient."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)


def _matrix(
    values: Any, name: str, query_tokens: Sequence[str], key_tokens: Sequence[str], mask: Any
) -> tuple[np.ndarray, np.ndarray]:
    """The values as floats and which of them are hidden, both (query, key)."""
    values = _array(values).astype(float)
    expected = (len(query_tokens), len(key_tokens))
    if values.shape != expected:
        raise ValueError(
            f"{name} of shape {values.shape} for {expected[0]} query tokens and "
            f"{expected[1]} key tokens: (query, key) = {expected} expected"
        )
    hidden = ~np.isfinite(values)
    if mask is not None:
        mask = _array(mask)
        if mask.dtype != bool or mask.shape != expected:
            raise ValueError(f"mask must be bool {expected}, got {mask.dtype} {mask.shape}")
        hidden |= ~mask
    return values, hidden


def _draw(
    values: np.ndarray,
    hidden: np.ndarray,
    query_tokens: Sequence[str],
    key_tokens: Sequence[str],
    ax: Axes | None,
    title: str | None,
    annotate: bool,
    bar: str | None,
    style: dict[str, Any],
) -> Axes:
    """One heat map; hidden cells are left blank and hatched."""
    import seaborn as sns  # here: most pages draw no map, and it takes over a second

    ours = ax is None
    if ours:
        width, height = (_inches(len(tokens)) for tokens in (key_tokens, query_tokens))
        _, ax = plt.subplots(figsize=(width + 0.8, height), layout="constrained")
    bar = {"label": bar, "shrink": 0.8} if ours and bar else None
    digits = style.pop("digits")
    numbers = np.round(values, digits) + 0.0 if annotate else False  # never "-0.0"
    sns.heatmap(
        values, mask=hidden, ax=ax, square=True, annot=numbers, fmt=f".{digits}f",
        cbar=bar is not None, cbar_kws=bar, linewidths=0.5, linecolor="white", **style,
    )  # fmt: skip
    for row, column in zip(*np.nonzero(hidden), strict=True):
        box = Rectangle((column, row), 1, 1, facecolor="#F3F4F6", edgecolor=GREY, hatch=HATCH, lw=0)
        ax.add_patch(box)
    ax.set_xticks(np.arange(len(key_tokens)) + 0.5, key_tokens, rotation=90)
    ax.set_yticks(np.arange(len(query_tokens)) + 0.5, query_tokens, rotation=0)
    ax.set(xlabel=KEY_LABEL, ylabel=QUERY_LABEL, title=title)
    return ax


def _inches(n_tokens: int) -> float:
    return min(9.0, max(3.0, 1.6 + 0.36 * n_tokens))
