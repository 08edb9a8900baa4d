"""A text of which spans are hidden: what the encoder reads, and what the decoder has to write."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby

from course_lib.views.page import View, escape, framed


class Spans(View):
    """Tokens that can be hidden one by one; neighbours that are hidden share a sentinel."""

    def __init__(self, tokens: Sequence[str], hidden: Collection[int], title: str) -> None:
        wrong = [i for i in hidden if not 0 <= i < len(tokens)]
        if not tokens or wrong:
            raise ValueError(f"can't hide {wrong or 'nothing'} of {len(tokens)} tokens")
        self.tokens, self.hidden, self.title = list(tokens), sorted(set(hidden)), title

    def rows(self) -> tuple[list[str], list[str]]:
        """The input and the target, token by token."""
        inputs, targets, count = [], [], 0
        for gone, group in groupby(enumerate(self.tokens), lambda pair: pair[0] in self.hidden):
            words = [word for _, word in group]
            if gone:
                inputs.append(f"<{count}>")
                targets += [f"<{count}>", *words]
                count += 1
            else:
                inputs += words
        return inputs, [*targets, f"<{count}>"]

    def text(self) -> str:
        inputs, targets = self.rows()
        return (
            f"{self.title}\n"
            f"  input  ({len(inputs)} tokens): {' '.join(inputs)}\n"
            f"  target ({len(targets)} tokens): {' '.join(targets)}"
        )

    def html(self) -> str:
        named = zip(("text", "input", "target"), (self.tokens, *self.rows()), strict=True)
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left;padding-right:1em">{name}</th>'
            f"<td>{escape(' '.join(words))}</td></tr>"
            for name, words in named
        )
        note = "Run the cell, and you choose what is hidden, by mouse or by keyboard."
        fallback = (
            f'<div class="fallback" style="overflow-x:auto"><table>'
            f"<caption>{escape(self.title)}</caption>{rows}</table><p>{note}</p></div>"
        )
        data = {"title": self.title, "tokens": self.tokens, "hidden": self.hidden}
        return framed("spans", self.title, fallback, data)


def span_corruption(
    tokens: Sequence[str],
    hidden: Collection[int] = (),
    *,
    title: str = "What the encoder reads, and what the decoder has to write",
) -> Spans:
    """A text whose tokens are hidden by a click; the input and the target follow.

    `hidden` are the places that are hidden at first. Hidden neighbours make one span, with one
    sentinel: <0>, <1>, and one more to end the target. Raises `ValueError` for an empty text and
    for places outside it.

    Source: Raffel et al. 2019, figure 2 (arXiv:1910.10683).
    """
    return Spans(tokens, hidden, title)
