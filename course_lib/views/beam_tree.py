"""A search as a tree: beginnings that went on, were dropped, or ended, and how likely each was."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from course_lib.views.page import View, escape, framed, table

SHOWN = 200  # nodes that can still be told apart
Path = tuple[str, ...]


class BeamTree(View):
    """Beginnings of a text, each a node behind the one that it goes on from."""

    def __init__(
        self, paths: Mapping[Path, float], best: Path, start: str, end: str | None, title: str
    ) -> None:
        found = {tuple(path): float(score) for path, score in paths.items() if len(path)}
        _check(found)
        self.best, self.start, self.end, self.title = tuple(best), start, end, title
        if self.best not in found:
            raise ValueError(f"the best path {self.best} is none of the {len(found)} paths")
        # rounded: the digits beyond differ between machines and show nowhere
        self.scores = {path: round(score, 3) for path, score in sorted(found.items(), key=_order)}

    def fate(self, path: Path) -> str:
        """What became of a beginning: it went on, ended, or was dropped."""
        if path == self.best:
            return "the answer"
        if self.end is not None and path[-1] == self.end:
            return "ended"
        on = any(other[: len(path)] == path for other in self.scores if len(other) > len(path))
        return "went on" if on else "dropped"

    def rows(self) -> list[tuple[str, str, str, str]]:
        """For each beginning: its text, its log-probability, its last step's, its fate."""
        return [
            (self._told(path), f"{score:.2f}", f"{self._step(path):.2f}", self.fate(path))
            for path, score in self.scores.items()
        ]

    def _told(self, path: Path) -> str:
        """The text in one line."""
        return (self.start + "".join(path)).replace("\n", "⏎")

    def text(self) -> str:
        lines = [f"{self.title}: {len(self.scores)} beginnings"]
        leaves = [row for row in self.rows() if row[3] != "went on"]
        lines += [f"  {score} {text} ({fate})" for text, score, _, fate in leaves]
        return "\n".join(lines)

    def html(self) -> str:
        numbers = {path: i for i, path in enumerate(self.scores)}
        nodes = [
            {
                "token": path[-1],
                "parent": numbers.get(path[:-1], -1),
                "score": score,
                "step": round(self._step(path), 3),
                "fate": self.fate(path),
                "best": self.best[: len(path)] == path,
            }
            for path, score in self.scores.items()
        ]
        data = {"nodes": nodes, "start": self.start, "title": self.title}
        return framed("beam_tree", self.title, self._table(), data)

    def _step(self, path: Path) -> float:
        """The log-probability of the last token alone."""
        return self.scores[path] - self.scores.get(path[:-1], 0.0)

    def _table(self) -> str:
        heads = ("beginning", "log-probability", "what became of it")
        top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
        rows = []
        for text, score, _, fate in self.rows():
            if fate == "went on":
                continue
            told = "".join(
                f'<td style="padding:2px 10px;text-align:left">{escape(cell)}</td>'
                for cell in (text, score, fate)
            )
            rows.append(f"<tr>{told}</tr>")
        note = "Run the cell, and the tree answers the mouse and the arrow keys."
        return table(f"{self.title}: where its branches stop", top, rows, note)


def beam_tree(
    paths: Mapping[Sequence[str], float],
    best: Sequence[str],
    *,
    start: str = "",
    end: str | None = None,
    title: str = "The beam tree",
) -> BeamTree:
    """A search as a tree whose branches tell, under the mouse or the keys, how likely they are.

    `paths` gives each beginning, as a tuple of tokens, its log-probability; what it goes on from
    must be among them. `best` is the path that was chosen, `start` the text before all of them, and
    a path that stops with the token `end` has ended by itself.
    Raises `ValueError` if there are no paths or more than 200, one lacks its beginning or is
    likelier than it, and if `best` is none of them.
    """
    return BeamTree(paths, tuple(best), start, end, title)


def _order(item: tuple[Path, float]) -> tuple[int, float, Path]:
    """Short before long, likely before unlikely."""
    path, score = item
    return len(path), -score, path


def _check(paths: Mapping[Path, float]) -> None:
    if not 1 <= len(paths) <= SHOWN:
        raise ValueError(f"a tree has 1 to {SHOWN} beginnings, got {len(paths)}")
    for path, score in paths.items():
        if len(path) > 1 and path[:-1] not in paths:
            raise ValueError(f"{path} goes on from {path[:-1]}, which is not among the paths")
        above = paths.get(path[:-1], 0.0)
        if not (math.isfinite(score) and score <= above + 1e-4):
            raise ValueError(
                f"the log-probability of {path} is {score:.4g}, of its beginning {above:.4g}"
            )
