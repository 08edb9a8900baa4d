"""The gradebook: a folder of results, one file a student, written whole or not at all.

`book.json` holds the secret seed, for appeals; `results/STUDENT.jsonl` has one line an exercise.
A student whose file is there, for the same work and seed, is done: a batch that was killed is
finished by running it again.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from course_lib.paths import write_private

from .grading import Graded

MARK = 32  # letters: of two names with eight, a student finds some that meet
MARKED = re.compile(rf"-[0-9a-f]{{{MARK}}}")


class GradebookError(ValueError):
    """A gradebook that can't be read, or that belongs to something else."""


def open_book(folder: Path, seed: int | None = None) -> int:
    """The book's seed. A new book draws one, or takes the one given; an old one keeps its own.

    Raises GradebookError when the book is damaged or was made with another seed.
    """
    path = folder / "book.json"
    if not path.exists():
        chosen = secrets.randbits(60) if seed is None else seed
        write_private(path, json.dumps({"seed": chosen}) + "\n")
        return chosen
    try:
        kept = int(json.loads(path.read_text(encoding="utf-8"))["seed"])
    except (ValueError, KeyError, TypeError) as error:
        raise GradebookError(f"{path} can't be read ({error})") from error
    if seed not in (None, kept):
        raise GradebookError(f"{path} was made with seed {kept}, not {seed}")
    return kept


def row(student: str, graded: Graded, **about: object) -> dict:
    """One line of the gradebook."""
    verdict, report = graded.verdict, graded.report
    return {
        "student": student,
        "exercise": verdict.id,
        "points": verdict.points,
        "out_of": verdict.out_of,
        "verdict": verdict.state,
        "summary": verdict.summary,
        "mistake": verdict.mistake_name,
        "says": verdict.mistake,
        "hints": list(verdict.hints),
        "details": [*verdict.crash, *verdict.details],
        "where": verdict.where,
        "seconds": report.seconds,
        **about,
    }


def result_file(folder: Path, student: str) -> Path:
    """Where a student's lines lie."""
    return folder / "results" / f"{label(student)}.jsonl"


def label(student: str) -> str:
    """A file's name for a student. It is a label: it never leads out of a folder."""
    safe = "".join(c if c.isalnum() or c in "-_.@" else "_" for c in student).lstrip(".") or "_"
    if safe != student or len(safe) > 50 or MARKED.fullmatch(safe[-MARK - 1 :]):
        # Two names must not meet in one file because of a character that files can't have, or
        # because they differ only where a file's name has to end, or because one is made to look
        # like the other with its mark.
        mark = hashlib.sha256(student.encode(errors="surrogateescape")).hexdigest()[:MARK]
        safe = f"{safe[:50]}-{mark}"
    return safe


def save_rows(folder: Path, student: str, rows: list[dict]) -> None:
    """Write a student's lines, replacing older ones."""
    text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in rows)
    write_private(result_file(folder, student), text)


def merged(before: list[dict], rows: list[dict]) -> list[dict]:
    """The new lines, and the old ones of chapters that were not graded anew."""
    chapters = {row["exercise"][:2] for row in rows}
    old = [row for row in before if row["exercise"][:2] not in chapters]
    return sorted([*old, *rows], key=lambda row: row["exercise"][:2])


def load_rows(folder: Path, student: str) -> list[dict]:
    """A student's lines; none when there are none or a line is damaged."""
    try:
        text = result_file(folder, student).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.split("\n") if line]
    except (OSError, ValueError):
        return []


def is_done(
    folder: Path,
    student: str,
    handed_in: str,
    seed: int,
    ids: list[str],
    values: Mapping[str, Any] | None = None,
    key: str | None = None,
) -> bool:
    """Is this very work graded already, with this seed, these values and this key?"""
    values = values or {}
    chapters = {id[:2] for id in ids}
    rows = [r for r in load_rows(folder, student) if r["exercise"][:2] in chapters]
    same = all(r.get("folder") == handed_in and r.get("seed") == seed for r in rows)
    same &= all(r.get("key") == key for r in rows)
    same &= all(r.get("values", {}) == values.get(r["exercise"], {}) for r in rows)
    return same and sorted(r["exercise"] for r in rows) == sorted(ids)


def mixed(rows: Iterable[dict]) -> list[str]:
    """The exercises whose lines were judged by different keys: their points don't add up."""
    keys: dict[str, set] = {}
    for row in rows:
        keys.setdefault(row["exercise"], set()).add((row.get("key"), row["out_of"]))
    return sorted(exercise for exercise, told in keys.items() if len(told) > 1)


def all_rows(folder: Path) -> Iterator[dict]:
    """Every line of the gradebook, student by student.

    Raises GradebookError, naming the file, for a damaged line.
    """
    for path in sorted((folder / "results").glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if not line:
                continue
            try:
                yield json.loads(line)
            except ValueError as error:
                raise GradebookError(f"{path}, line {number}: {error}; grade it again") from error
