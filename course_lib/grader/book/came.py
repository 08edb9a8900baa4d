"""When each collected file came, as `course collect` keeps it in `.collected.json`.

A student may name a file as they like, for another chapter, too. So an exercise is dated by the
file that its answer was taken from: a zip of last week's work is no later for being in this week's
folder, and no earlier for its name.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ..course.finding.candidates import shown
from .exports.spelling import normal
from .times import Times, TimesError, Told, spelled

RECORD = ".collected.json"


@dataclass(frozen=True)
class File(Told):
    """What is known of a file: also the chapter of the course that its name says, or ""."""

    chapter: str = ""


@dataclass(frozen=True)
class Came:
    """What is known of files, by student and name, and the lines of times that collecting wrote."""

    files: Mapping[str, Mapping[str, File]] = field(default_factory=dict)
    lines: Times = field(default_factory=dict)

    def of(self, row: dict, times: Times) -> Told | None:
        """When the answer of a line came: in its file, or in one with the same code before.

        A line of the list that isn't as collecting wrote it is the instructor's, and goes first. On
        a platform without times it holds for the files that are not named for another chapter.
        """
        student, chapter = normal(row["student"]), row["exercise"][:2]
        key = (student, chapter) if (student, chapter) in times else (student, "")
        listed, known = times.get(key), _by_label(self.files.get(student, {}))
        labels = [row.get("file") or "", *row.get("copies", ())]
        found = [known[name] for name in map(_outer, labels) if name in known]
        dated = [(self._by_its_line(file, student, times), file) for file in found]
        if not dated:
            return listed
        own, file = min(dated, key=lambda each: (each[0].late, *order(each[0])))
        about = file.chapter in (chapter, "") and self._is_about(key, file)
        written = listed is not None and self.lines.get(key) != listed
        return listed if written and (file.submitted or about) else own

    def _by_its_line(self, file: File, student: str, times: Times) -> Told:
        """What the platform told, or else what an instructor wrote of the chapter in its name."""
        line = times.get(key := (student, file.chapter))
        return line if line and not file.submitted and self._is_about(key, file) else file

    def _is_about(self, key: tuple[str, str], file: File) -> bool:
        """Is a line about such a file? Not if it was written for one in time and this was LATE."""
        wrote = self.lines.get(key)
        return wrote is None or wrote.late == file.late


def order(told: Told) -> tuple[bool, float, bool]:
    """Sorts what is known of hand-ins: the earliest first, and those without a time last."""
    time = datetime.fromisoformat(told.submitted).timestamp() if told.submitted else 0.0
    return not told.submitted, time, told.late


def load_came(submissions: Path, *, moving: bool = False) -> Came:
    """What collecting kept with submissions; nothing where they were not collected.

    Raises TimesError for a record that is damaged and, unless files are `moving`, for one of a
    collecting that was ended before it had moved them all.
    """
    path = submissions / RECORD
    if not path.is_file():
        return Came()
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        files = {
            normal(student): {name: _spelled(File(**about)) for name, about in names.items()}
            for student, names in kept.get("files", {}).items()
        }
        lines = {
            (normal(student), chapter): _spelled(Told(**about))
            for student, chapters in kept.get("lines", {}).items()
            for chapter, about in chapters.items()
        }
    except (OSError, ValueError, AttributeError, TypeError) as error:
        told = "the times of collected files are not known; collect once more into a new folder"
        raise TimesError(f"{path} can't be read ({error}): {told}") from error
    if kept.get("aside") and not moving:
        told = "collecting was ended on its way, and files may not have their names yet"
        raise TimesError(f"{path}: {told}; collect once more")
    return Came(files, lines)


def as_record(told: Mapping[str, Told]) -> dict[str, Any]:
    """What is known, as the record has it."""
    return {name: asdict(each) for name, each in sorted(told.items())}


def _spelled(told: Told) -> Told:
    time = datetime.fromisoformat(told.submitted) if told.submitted else None
    return replace(told, submitted=spelled(time) if time else "")


def _by_label(files: Mapping[str, File]) -> dict[str, File]:
    """By what a line of the gradebook calls them; where that is the same for two, the later."""
    found: dict[str, File] = {}
    for name, told in files.items():
        found[shown(name)] = max(told, found.get(shown(name), told), key=order)
    return found


def _outer(label: str) -> str:
    """The name of the file in the student's folder: the zip's, of a file in one."""
    return label.partition("/")[0]
