"""Attention under the mouse: point at a word and see where it looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from course_lib.views.page import View, escape, framed, table

TOP = 3
SLACK = 1e-5  # a softmax in single precision may exceed 1 by that


class AttentionHover(View):
    """Weights of one or several heads over the words of a sentence."""

    def __init__(
        self,
        tokens: Sequence[str],
        weights: Any,
        key_tokens: Sequence[str] | None,
        title: str,
        head: int,
        start: int | None,
        verb: str,
    ) -> None:
        self.tokens = [str(token) for token in tokens]
        self.crossed = key_tokens is not None
        self.keys = [str(token) for token in key_tokens] if self.crossed else self.tokens
        self.weights, self.many = _heads(weights, len(self.tokens), len(self.keys))
        self.title, self.head, self.start, self.verb = title, head, start, verb
        if not 0 <= head < len(self.weights):
            raise ValueError(f"{head=} of {len(self.weights)} heads, counted from 0")
        if start is not None and not 0 <= start < len(self.tokens):
            raise ValueError(f"{start=} of {len(self.tokens)} words, counted from 0")

    def heading(self) -> str:
        """The title, with the head where there are several."""
        return f"{self.title}, head {self.head}" if self.many else self.title

    def text(self) -> str:
        width = max(len(token) for token in self.tokens)
        lines = [f"{self.heading()}: each word and the {TOP} it {self.verb} most"]
        for token, row in zip(self.tokens, self.weights[self.head], strict=True):
            top = sorted(range(len(row)), key=lambda k: -row[k])[:TOP]
            seen = ", ".join(f"{self.keys[k]} {round(100 * row[k])}%" for k in top)
            lines.append(f"  {token:>{width}} → {seen}")
        return "\n".join(lines)

    def html(self) -> str:
        data = {
            "queries": self.tokens,
            "keys": self.keys,
            "crossed": self.crossed,
            "weights": self.weights,
            "many": self.many,
            "title": self.title,
            "head": self.head,
            "start": -1 if self.start is None else self.start,
            "verb": self.verb,
        }
        return framed("hover", self.title, self._table(), data)

    def _table(self) -> str:
        """The heat map of one head as a table; colours inline, which sanitisers leave."""
        names = "".join(f'<th scope="col">{escape(key)}</th>' for key in self.keys)
        rows = []
        for token, row in zip(self.tokens, self.weights[self.head], strict=True):
            cells = "".join(_cell(weight) for weight in row)
            rows.append(f'<tr><th scope="row">{escape(token)}</th>{cells}</tr>')
        more = f" One of {len(self.weights)} heads." if self.many else ""
        caption = f"{self.heading()}: the row {self.verb} the column, in percent.{more}"
        note = "Run the cell, and the words answer the mouse and the arrow keys."
        return table(caption, f"<td></td>{names}", rows, note)


def attention_hover(
    tokens: Sequence[str],
    weights: Any,
    key_tokens: Sequence[str] | None = None,
    title: str = "Attention",
    *,
    head: int = 0,
    start: int | None = None,
    verb: str = "looks at",
) -> AttentionHover:
    """A sentence whose words show, under the mouse or the arrow keys, where they look.

    `weights` is (query, key) or (heads, query, key); with heads, buttons choose one and `head` is
    the first shown. `key_tokens` are the words looked at, when they are others than `tokens`
    (cross-attention). `start` is the word pinned at first; `verb` says what else a weight may mean.
    Raises `ValueError` if shapes, numbers of words, head or start don't fit, or a weight is
    outside 0 to 1.
    """
    return AttentionHover(tokens, weights, key_tokens, title, head, start, verb)


def _heads(weights: Any, n_query: int, n_key: int) -> tuple[list[list[list[float]]], bool]:
    """Weights as nested lists (heads, query, key), and whether there was an axis of heads."""
    weights = weights.detach().cpu().float() if hasattr(weights, "detach") else weights
    weights = np.asarray(weights, dtype=float)
    if weights.ndim not in (2, 3):
        raise ValueError(f"(query, key) or (heads, query, key) expected, got {weights.shape}")
    many = weights.ndim == 3
    heads = weights if many else weights[None]
    if heads.shape[1:] != (n_query, n_key):
        found = f"{heads.shape[1]} × {heads.shape[2]}"
        raise ValueError(f"weights are {found}; {n_query} × {n_key} (query × key) expected")
    if not ((heads >= 0) & (heads <= 1 + SLACK)).all():
        worst = heads[~((heads >= 0) & (heads <= 1 + SLACK))][0]
        raise ValueError(f"weights lie between 0 and 1, got {worst:.4g}")
    # rounded: the digits beyond differ between machines and show nowhere
    return heads.round(4).clip(0, 1).tolist(), many


def _cell(weight: float) -> str:
    colour = f"rgba(0,114,178,{0.75 * weight:.2f})"
    style = f"background-color:{colour};text-align:center;padding:4px"
    return f'<td style="{style}">{round(100 * weight)}</td>'
