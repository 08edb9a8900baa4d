"""What a student's lines of the gradebook come to under the rules of the class."""

from collections.abc import Iterable
from dataclasses import dataclass

from .dated import MARKED
from .rules import Rules


@dataclass(frozen=True)
class ChapterTotal:
    """A chapter's points: as given, after its lateness, and after that with the best-of rule.

    `marked_late`: the platform calls it late and tells no time, so that no day can be counted.
    `late_ones` are the exercises that are late where others came in time.
    """

    raw: float
    late: float
    points: float
    out_of: int
    days_late: int
    submitted: str | None
    marked_late: bool = False
    late_ones: tuple[str, ...] = ()


@dataclass(frozen=True)
class Total:
    """A student's points. `marks` are those of each exercise after lateness.

    `dropped` names the exercises that the best-of rule leaves out.
    """

    raw: float
    points: float
    out_of: int
    chapters: dict[str, ChapterTotal]
    marks: dict[str, float]
    dropped: tuple[str, ...]


def by_student(rows: Iterable[dict]) -> dict[str, list[dict]]:
    """The lines of each student."""
    students: dict[str, list[dict]] = {}
    for row in rows:
        students.setdefault(row["student"], []).append(row)
    return students


def total(rows: list[dict], rules: Rules) -> Total:
    """Apply the rules to one student's lines: first lateness, then the best of what is left.

    What counts is the share reached of the exercises kept, scaled to the points of all, so that
    everybody's points are out of the same number.
    """
    marks = {r["exercise"]: r["points"] * rules.share(_days(r, rules)) for r in rows}
    chapters: dict[str, ChapterTotal] = {}
    dropped: list[str] = []
    for number, own in _by_chapter(rows).items():
        kept = _best(own, marks, len(own) - rules.drop)
        dropped += [r["exercise"] for r in own if r not in kept]
        late = [r["exercise"] for r in own if _days(r, rules)]
        chapters[number] = ChapterTotal(
            sum(r["points"] for r in own),
            sum(marks[r["exercise"]] for r in own),
            _scaled(kept, own, marks),
            sum(r["out_of"] for r in own),
            max(_days(r, rules) for r in own),
            next((r["submitted"] for r in own if r.get("submitted")), None),
            any(r.get(MARKED) for r in own),
            tuple(late) if len(late) < len(own) else (),
        )
    points = sum(chapter.points for chapter in chapters.values())
    if rules.count is not None:
        kept = _best(rows, marks, rules.count)
        dropped = [r["exercise"] for r in rows if r not in kept]
        points = _scaled(kept, rows, marks)
    raw, out_of = sum(r["points"] for r in rows), sum(r["out_of"] for r in rows)
    return Total(raw, points, out_of, chapters, marks, tuple(dropped))


def number(value: float) -> str:
    """Points as people write them: at most two decimals, and none that say nothing."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _days(row: dict, rules: Rules) -> int:
    return rules.days_late(row["exercise"][:2], row.get("submitted"))


def _by_chapter(rows: list[dict]) -> dict[str, list[dict]]:
    chapters: dict[str, list[dict]] = {}
    for row in sorted(rows, key=lambda row: row["exercise"][:2]):
        chapters.setdefault(row["exercise"][:2], []).append(row)
    return chapters


def _best(rows: list[dict], marks: dict[str, float], count: int) -> list[dict]:
    """The rows with the largest shares, at least one; of equal ones, the lightest are kept.

    A wrong answer that weighs much is the one that a student would leave out.
    """
    ordered = sorted(rows, key=lambda r: (-marks[r["exercise"]] / (r["out_of"] or 1), r["out_of"]))
    return ordered[: max(1, count)]


def _scaled(kept: list[dict], rows: list[dict], marks: dict[str, float]) -> float:
    weight = sum(row["out_of"] for row in kept)
    share = sum(marks[row["exercise"]] for row in kept) / weight if weight else 0.0
    return share * sum(row["out_of"] for row in rows)
