"""A vocabulary that grows: words in pieces, and the pair that is joined next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from course_lib.views.page import View, escape, framed, table

Pieces = Sequence[str]


class Merges(View):
    """Words as rows of boxes; each step joins one pair of neighbours wherever it stands."""

    def __init__(
        self, counts: Mapping[str, int], steps: Sequence[Mapping[str, Pieces]], title: str
    ) -> None:
        if not counts or min(counts.values()) < 1 or not steps:
            raise ValueError(f"need words that occur and at least one step, got {dict(counts)}")
        for number, step in enumerate(steps):
            whole = {word: "".join(pieces) for word, pieces in step.items()}
            if whole != {word: word for word in counts}:
                raise ValueError(f"step {number}: the pieces {whole} are not the words {[*counts]}")
        self.counts, self.title = dict(counts), title
        self.steps = [{word: list(step[word]) for word in counts} for step in steps]
        self.made = [self._made(*both) for both in pairwise(self.steps)]

    def pairs(self, number: int) -> Counter[tuple[str, str]]:
        """How often each pair of neighbours stands in the words, at a step."""
        found: Counter[tuple[str, str]] = Counter()
        for word, pieces in self.steps[number].items():
            for pair in pairwise(pieces):
                found[pair] += self.counts[word]
        return found

    def _made(self, before: Mapping[str, Pieces], after: Mapping[str, Pieces]) -> tuple[str, str]:
        """The pair that one step joined. Raises `ValueError` unless it is one pair, everywhere."""
        new = {piece for pieces in after.values() for piece in pieces}
        new -= {piece for pieces in before.values() for piece in pieces}
        pairs = {pair for pieces in before.values() for pair in pairwise(pieces)}
        joined = [pair for pair in pairs if "".join(pair) in new]
        if len(new) != 1 or len(joined) != 1:
            raise ValueError(f"a step joins one pair of neighbours, got the new pieces {new}")
        return joined[0]

    def _told(self, number: int) -> str:
        if number == 0:
            return "the start"
        left, right = self.made[number - 1]
        times = self.pairs(number - 1)[left, right]
        return f"{left} + {right} → {left + right} (stood {times} times)"

    def text(self) -> str:
        lines = [f"{self.title}: " + ", ".join(f"{w} × {n}" for w, n in self.counts.items())]
        for number, step in enumerate(self.steps):
            rows = "   ".join("|".join(pieces) for pieces in step.values())
            lines.append(f"  {number}: {self._told(number)}:   {rows}")
        return "\n".join(lines)

    def html(self) -> str:
        data = {
            "title": self.title,
            "counts": list(self.counts.values()),
            "steps": [
                {
                    "words": list(step.values()),
                    "pairs": sorted([*pair, n] for pair, n in self.pairs(number).items()),
                    "next": list(self.made[number]) if number < len(self.made) else None,
                }
                for number, step in enumerate(self.steps)
            ],
        }
        return framed("merges", self.title, self._table(), data)

    def _table(self) -> str:
        heads = ("step", "joined", *(f"{word} × {n}" for word, n in self.counts.items()))
        top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
        rows = []
        for number, step in enumerate(self.steps):
            cells = (str(number), self._told(number), *("|".join(p) for p in step.values()))
            told = "".join(f'<td style="padding:2px 8px">{escape(cell)}</td>' for cell in cells)
            rows.append(f"<tr>{told}</tr>")
        note = "Run the cell, and you join the pairs, by mouse or by keyboard."
        return table(self.title, top, rows, note)


def merge_steps(
    counts: Mapping[str, int],
    steps: Sequence[Mapping[str, Pieces]],
    *,
    title: str = "Merges growing words",
) -> Merges:
    """Words that are joined from pieces, pair by pair; the reader guesses each pair.

    `counts` says how often each word occurs, each of `steps` into which pieces each word falls;
    from one step to the next one pair is joined. The slider or the arrow keys walk through the
    steps; a pair that is pointed at lights up in the words; the commonest one, chosen, is joined.
    Raises `ValueError` if pieces are not their word, and unless each step joins one pair.

    Source: Sennrich et al. 2016, section 3.2 (arXiv:1508.07909).
    """
    return Merges(counts, steps, title)
