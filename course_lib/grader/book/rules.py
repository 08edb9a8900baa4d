"""Rules of a class that turn points into totals: late work, and the best of many exercises.

They are read from a small TOML file and kept beside the gradebook as `rules.toml`:

    [late]
    deadline = 2026-12-01T23:59:00   # local time of this machine unless it has an offset
    per_day = 0.1                    # each day begun costs a tenth of the points
    max_days = 5                     # later than this counts nothing; may be left out

    [late.chapters]                  # other deadlines for single chapters; may be left out
    "05" = 2026-12-08T23:59:00

    [best_of]
    drop = 1                         # the worst exercise of each chapter, or instead of it:
    # count = 10                     # the ten best of all

The lines of a gradebook keep the points as they were given: changing a rule loses nothing.
"""

import math
import tomllib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from course_lib.paths import write_private

FILE = "rules.toml"
SECONDS_A_DAY = 86_400
KEYS = {"late": ("deadline", "per_day", "max_days", "chapters"), "best_of": ("drop", "count")}


class RulesError(ValueError):
    """A rules file that says something else than rules; names the file and the key."""


@dataclass(frozen=True)
class Rules:
    """What a class agreed on. Without anything set, points stay as they are.

    `drop` leaves out the worst exercises of each chapter, `count` keeps the best of all.
    """

    deadline: datetime | None = None
    chapters: dict[str, datetime] = field(default_factory=dict)
    per_day: float = 0.0
    max_days: int | None = None
    drop: int = 0
    count: int | None = None

    def days_late(self, chapter: str, submitted: str | None) -> int:
        """Days begun after the chapter's deadline; 0 without a deadline or a submission."""
        deadline = self.chapters.get(chapter, self.deadline)
        if deadline is None or submitted is None:
            return 0
        # astimezone reads a time without an offset as local: both sides are then comparable.
        late = datetime.fromisoformat(submitted).astimezone() - deadline.astimezone()
        return max(0, math.ceil(late.total_seconds() / SECONDS_A_DAY))

    def share(self, days: int) -> float:
        """What is left of a point after so many days."""
        if self.max_days is not None and days > self.max_days:
            return 0.0
        return max(0.0, 1.0 - self.per_day * days)


def rules_of(book: Path) -> Rules:
    """The rules kept with a gradebook; none when there is no file."""
    path = book / FILE
    return load_rules(path) if path.exists() else Rules()


def keep_rules(book: Path, path: Path) -> None:
    """Read rules, and keep them with the gradebook. Raises RulesError when they can't be used."""
    load_rules(path)
    write_private(book / FILE, path.read_bytes())


def load_rules(path: Path) -> Rules:
    """Read a rules file. Raises RulesError, naming the file and the key."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RulesError(f"{path}: not a readable TOML file ({error})") from error
    try:
        _known("", told, tuple(KEYS))
        for section, keys in KEYS.items():
            _known(f"{section}.", _table(section, told.get(section, {})), keys)
        return Rules(**_late(told.get("late")), **_best_of(told.get("best_of", {})))
    except RulesError as error:
        raise RulesError(f"{path}: {error}") from error


def _late(told: dict | None) -> dict[str, Any]:
    if told is None:
        return {}
    chapters = _table("late.chapters", told.get("chapters", {}))
    for chapter in chapters:
        if not (len(chapter) == 2 and chapter.isdigit()):
            raise RulesError(f'late.chapters: a chapter reads like "02", got "{chapter}"')
    missing = [key for key in ("deadline", "per_day") if key not in told]
    if missing and not (missing == ["deadline"] and chapters):
        raise RulesError(f"late.{missing[0]} is missing")
    deadline = told.get("deadline")
    return {
        "deadline": None if deadline is None else _time("late.deadline", deadline),
        "chapters": {c: _time(f"late.chapters.{c}", time) for c, time in chapters.items()},
        "per_day": _between("late.per_day", told["per_day"], 0, 1),
        "max_days": _whole("late.max_days", told["max_days"], 0) if "max_days" in told else None,
    }


def _best_of(told: dict) -> dict[str, Any]:
    if len(told) > 1:
        raise RulesError("best_of takes drop or count, not both")
    found: dict[str, Any] = {}
    if "drop" in told:
        found["drop"] = _whole("best_of.drop", told["drop"], 0)
    if "count" in told:
        found["count"] = _whole("best_of.count", told["count"], 1)
    return found


def _known(place: str, told: dict, keys: tuple[str, ...]) -> None:
    for key in told:
        if key not in keys:
            raise RulesError(f"unknown key {place}{key}; there are: {', '.join(keys)}")


def _table(key: str, value: Any) -> dict:
    if not isinstance(value, dict):
        raise RulesError(f"{key} must be a table, got {value!r}")
    return value


def _time(key: str, value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise RulesError(f"{key} must be a time such as 2026-12-01T23:59:00, got {value!s:.60}")
    return value


def _between(key: str, value: Any, least: float, most: float) -> float:
    if type(value) not in (int, float) or not least <= value <= most:
        raise RulesError(f"{key} must be a number from {least} to {most}, got {value!s:.60}")
    return float(value)


def _whole(key: str, value: Any, least: int) -> int:
    if type(value) is not int or value < least:
        raise RulesError(f"{key} must be a whole number from {least} on, got {value!s:.60}")
    return value
