"""What `course release` handed out from this checkout, so that `course grade` can go by it.

The record lies in the course's own folder and is no part of it: a bundle may be sent and deleted,
and a gradebook comes later. An entry for each bundle; the same bundle made anew replaces its own.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from course_lib.commands.chapters import chosen
from course_lib.grader.course.files import chapters_of
from course_lib.grader.course.finding.work import mentioned
from course_lib.paths import ROOT, write_private

RECORD = ROOT / ".released.json"


@dataclass(frozen=True)
class Release:
    """One bundle: its chapters, the day, and the list of students, if it was made for one."""

    out: str
    chapters: tuple[str, ...]
    day: str
    roster: str = ""


def note(out: Path, chapters: Iterable[str], roster: Path | None) -> None:
    """Write down a bundle. Raises OSError or ValueError when the record can't be kept."""
    listed = str(roster.resolve()) if roster else ""
    new = Release(str(out.resolve()), tuple(sorted(chapters)), date.today().isoformat(), listed)
    kept = [release for release in noted() if release.out != new.out]
    text = json.dumps([asdict(release) for release in [*kept, new]], indent=1, ensure_ascii=False)
    write_private(RECORD, text + "\n")


def noted(roster: Path | None = None) -> list[Release]:
    """The bundles noted; with a list of students, those made for it if there are any.

    Raises ValueError, naming the record, when it can't be read.
    """
    if not RECORD.exists():
        return []
    try:
        entries = json.loads(RECORD.read_text(encoding="utf-8"))
        found = [Release(**e | {"chapters": tuple(e["chapters"])}) for e in entries]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{RECORD} can't be read ({error}); remove it") from error
    own = [release for release in found if roster and release.roster == str(roster.resolve())]
    return own or found


def to_grade(
    given: str | None, roster: Path | None, students: list[Path]
) -> tuple[tuple[str, ...], str]:
    """The chapters to grade, and why these: given, released, or else handed in by anybody.

    Raises ValueError for chapters that are not there, and when nobody handed in any.
    """
    there = chapters_of(ROOT)
    if given is not None:
        return chosen(given, there), "given"
    releases = noted(roster)
    if released := tuple(n for n in there if any(n in r.chapters for r in releases)):
        each = [f"on {r.day} ({', '.join(r.chapters)} in {Path(r.out).name})" for r in releases]
        days = each if len(each) > 1 else [f"on {releases[0].day}"]
        return released, f"as released {' and '.join(days)}"
    handed_in = {number for folder in students for number in mentioned(folder)}
    found = tuple(number for number in there if number in handed_in)
    if not found:
        told = f"nobody handed in a notebook of a chapter ({', '.join(there)})"
        raise ValueError(f"{told}, and no release is noted here; say which with --chapters")
    return found, "those of which something was handed in, as no release is noted here"
