"""What there is to export: each student's lines, their totals, and the columns that others see."""

from dataclasses import dataclass
from pathlib import Path

from ..gradebook import GradebookError, all_rows, mixed
from ..rules import Rules, rules_of
from ..totals import Total, by_student, number, total

COURSE = "Course"


@dataclass(frozen=True)
class Marks:
    """A gradebook's lines by student, and what they come to under its rules."""

    rows: dict[str, list[dict]]
    totals: dict[str, Total]
    rules: Rules
    visibility: str = "visible"

    def columns(self) -> dict[str, int]:
        """The columns for a system that adds them up, with what each is out of.

        One a chapter; a rule on the best of all exercises leaves only the course as a whole.
        """
        if self.rules.count is not None:
            return {COURSE: max(t.out_of for t in self.totals.values())}
        found: dict[str, int] = {}
        for came in self.totals.values():
            for chapter, own in came.chapters.items():
                name = column(chapter)
                found[name] = max(found.get(name, 0), own.out_of)
        return dict(sorted(found.items()))

    def cells(self, student: str) -> dict[str, str]:
        """A student's points by column; a chapter that was never graded has no cell."""
        came = self.totals[student]
        if self.rules.count is not None:
            return {COURSE: number(came.points)}
        return {column(chapter): number(own.points) for chapter, own in came.chapters.items()}


def load_marks(book: Path, visibility: str = "visible") -> Marks:
    """Read a gradebook. Raises GradebookError when there is none, RulesError for its rules."""
    rows, rules = by_student(all_rows(book)), rules_of(book)
    if not rows:
        raise GradebookError(f"{book} is not a gradebook: it has no results")
    if found := mixed(row for own in rows.values() for row in own):
        told = f"{book}: judged by different keys, so that totals would mix: {', '.join(found)}"
        raise GradebookError(f"{told}; run `course grade` again without --student or --chapters")
    totals = {student: total(own, rules) for student, own in rows.items()}
    return Marks(dict(sorted(rows.items())), totals, rules, visibility)


def column(chapter: str) -> str:
    """The name of a chapter's column."""
    return f"Chapter {chapter}"
