"""Gradescope: a `results.json` for each student, and an autograder that makes one itself.

Source: Gradescope's autograder specifications.
"""

import json
import shutil
import tempfile
from pathlib import Path

from course_lib.paths import write_private

from ..gradebook import GradebookError, result_file
from ..totals import number
from .autograder import RUN, SETUP
from .marks import Marks
from .roster import Roster

VISIBILITIES = ("visible", "after_due_date", "after_published", "hidden")
# What `course grade` needs; Gradescope's students never see it.
COURSE = ("course.py", "course_lib", "requirements", "pyproject.toml", "README.md", "solutions")


def text(marks: Marks, roster: Roster | None) -> tuple[str, list[str]]:
    """The results of a gradebook's only student. Raises GradebookError when there are more."""
    if len(marks.rows) != 1:
        raise GradebookError(
            f"{len(marks.rows)} students need a folder: say --out FOLDER (stdout holds only one)"
        )
    return results(marks, next(iter(marks.rows))), []


def results(marks: Marks, student: str) -> str:
    """A student's `results.json`. Like all feedback it shows one hint and never a solution."""
    came = marks.totals[student]
    levels = sorted({row["isolation"] for row in marks.rows[student]})
    told = {
        "score": round(came.points, 2),
        "output": f"{number(came.points)} of {came.out_of} points",
        "output_format": "text",
        "visibility": marks.visibility,
        "stdout_visibility": "hidden",
        "extra_data": {"isolation": levels, "raw": came.raw},
        "tests": [_test(marks, row, came.marks[row["exercise"]]) for row in marks.rows[student]],
    }
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _test(marks: Marks, row: dict, points: float) -> dict:
    named = [f"This is what you get when {row['says']}."] if row["says"] else []
    hint = [f"Hint: {row['hints'][0]}"] if row["hints"] else []
    return {
        "name": row["exercise"],
        "score": round(points, 2),
        "max_score": row["out_of"],
        "status": "passed" if row["verdict"] == "right" else "failed",
        "output": "\n".join([row["summary"], *named, *row["details"], *hint]),
        "output_format": "text",
        "visibility": marks.visibility,
    }


def folder(marks: Marks, root: Path, out: Path) -> None:
    """Write `results/STUDENT/results.json` and `autograder/`, whole or not at all.

    Raises GradebookError when `out` exists.
    """
    if out.exists():
        raise GradebookError(f"{out} exists already; choose another folder or move it away")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as made:
        whole = Path(made) / "gradescope"
        for student in marks.rows:
            place = whole / "results" / result_file(whole, student).stem
            write_private(place / "results.json", results(marks, student))
        autograder(marks, root, whole / "autograder")
        whole.rename(out)


def autograder(marks: Marks, root: Path, place: Path) -> None:
    """The folder to zip and upload: two scripts and the course with its solutions."""
    (place / "course").mkdir(parents=True)
    chapters = sorted({chapter for came in marks.totals.values() for chapter in came.chapters})
    run = RUN.replace("CHAPTERS", ",".join(chapters)).replace("VISIBILITY", marks.visibility)
    for name, script in (("setup.sh", SETUP), ("run_autograder", run)):
        (place / name).write_text(script, encoding="utf-8", newline="\n")
        (place / name).chmod(0o755)
    for name in COURSE:
        source, target = root / name, place / "course" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy(source, target)
