"""Positions as clocks: a hand for each pair of columns, one place is one tick."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from course_lib.views.page import View, escape, framed, table

TURN = 2 * math.pi
SHOWN = 12  # pairs that fit side by side


class Clocks(View):
    """A query's hand and a key's hand for each pair of columns, and the angle between them."""

    def __init__(
        self,
        frequencies: Mapping[str, Any],
        length: int,
        trained: int | None,
        place: int,
        distance: int,
        title: str,
    ) -> None:
        self.frequencies = {str(name): _numbers(given) for name, given in frequencies.items()}
        if not self.frequencies:
            raise ValueError(
                "no frequencies to show: give at least one list, such as {'base 10': w}"
            )
        counts = {len(given) for given in self.frequencies.values()}
        if len(counts) > 1 or not 1 <= max(counts) <= SHOWN:
            raise ValueError(f"each list needs the same number of pairs, 1 to {SHOWN}: {counts=}")
        if not 0 <= distance < length or not distance <= place < length:
            raise ValueError(
                f"need 0 <= distance <= place < length: {distance=} {place=} {length=}"
            )
        if trained is not None and trained < 1:
            raise ValueError(f"training showed at least one place, got {trained=}")
        self.length, self.trained, self.title = length, trained, title
        self.place, self.distance = place, distance

    def rows(self, name: str) -> list[tuple[str, str, str, str]]:
        """For each pair: its number, places in a turn, the angle between the hands, its state."""
        seen = self._seen()
        rows = []
        for i, frequency in enumerate(self.frequencies[name]):
            angle = frequency * self.distance % TURN
            new = self.trained is not None and angle > seen[i]
            state = "new" if new else "seen"
            rows.append((str(i), f"{TURN / frequency:,.1f}", f"{math.degrees(angle):.0f}", state))
        return rows

    def text(self) -> str:
        name = next(iter(self.frequencies))
        lines = [f"{self.title}: query at {self.place}, key {self.distance} places before"]
        for pair, turn, angle, state in self.rows(name):
            told = "" if self.trained is None else f", {state}"
            lines.append(
                f"  pair {pair}: a turn in {turn} places, {angle}° between the hands{told}"
            )
        return "\n".join(lines)

    def html(self) -> str:
        data = {
            "names": list(self.frequencies),
            "frequencies": list(self.frequencies.values()),
            "seen": self._seen(),
            "length": self.length,
            "trained": self.trained or 0,
            "place": self.place,
            "distance": self.distance,
            "title": self.title,
        }
        return framed("clocks", self.title, self._table(), data)

    def _seen(self) -> list[float]:
        """For each pair, the largest angle between query and key that training showed."""
        first = next(iter(self.frequencies.values()))
        return [frequency * ((self.trained or self.length) - 1) for frequency in first]

    def _table(self) -> str:
        """What the clocks say at the start, as a table; a bar in each row stands for its hand."""
        name = next(iter(self.frequencies))
        heads = ("pair", "places in a turn", "degrees between the hands")
        heads += () if self.trained is None else (f"seen in {self.trained} places?",)
        top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
        rows = []
        for row in self.rows(name):
            cells = "".join(
                f'<td style="padding:2px 10px">{cell}</td>' for cell in row[: len(heads)]
            )
            rows.append(f"<tr>{cells}</tr>")
        caption = (
            f"{self.title} ({name}): query at {self.place}, key {self.distance} places before."
        )
        note = "Run the cell, and the hands follow two sliders, by mouse or by arrow keys."
        return table(caption, top, rows, note)


def position_clocks(
    frequencies: Any,
    *,
    length: int = 256,
    trained: int | None = None,
    place: int = 12,
    distance: int = 5,
    title: str = "Positions as clocks",
) -> Clocks:
    """A clock for each pair of columns: two hands, for a query and for a key before it.

    `frequencies` are the angles per place in radians, one for each pair, or several such lists by
    name, between which buttons choose. Sliders move both hands together or one away from the
    other, up to `length` places. With `trained`, a ring marks the angles that texts of so many
    places show to the first list, and a pair beyond its ring is marked as new.
    Raises `ValueError` if there are no frequencies, more than 12, lists of unequal length or
    frequencies outside 0 to pi, and if place and distance are not within `length`.
    """
    named = frequencies if isinstance(frequencies, Mapping) else {"frequencies": frequencies}
    return Clocks(named, length, trained, place, distance, title)


def _numbers(frequencies: Any) -> list[float]:
    frequencies = (
        frequencies.detach().cpu().tolist() if hasattr(frequencies, "detach") else list(frequencies)
    )
    if not all(0 < frequency <= math.pi for frequency in frequencies):
        raise ValueError(f"a frequency is an angle from 0 to pi for each place, got {frequencies}")
    # rounded: the digits beyond differ between machines and show nowhere
    return [float(f"{frequency:.6g}") for frequency in frequencies]
