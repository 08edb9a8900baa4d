"""A class by name, and the values that each student's exercises were handed out with.

Beside the instructor's list of students, `class.csv`, lies `class.csv.values.json`: a secret seed,
and the choices as they were when the exercises were handed out. A student's values follow from
these and from the name, so months later they are drawn again as they were. The gradebook keeps a
copy. None of it belongs into what students get.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from course_lib.paths import write_private

from ..judging.key import Exercise
from .exports.people import People, load_people
from .exports.roster import RosterError
from .exports.spelling import normal

KEPT = "values.json"


class StudentsError(ValueError):
    """A list of students that can't be used, or whose seed is lost."""


@dataclass(frozen=True)
class Draw:
    """What everybody's values follow from: a seed, and the choices for each exercise."""

    seed: int
    choices: dict[str, dict[str, list]]
    students: tuple[str, ...] = ()

    def values(self, student: str) -> dict[str, dict[str, Any]]:
        """A student's values by exercise: the same ones whenever they are drawn."""
        return {
            id: {name: self._one(student, id, name, there) for name, there in choices.items()}
            for id, choices in self.choices.items()
        }

    def _one(self, student: str, id: str, name: str, there: list) -> Any:
        ticket = json.dumps([self.seed, normal(student), id, name]).encode()
        return there[int.from_bytes(hashlib.sha256(ticket).digest()[:8], "big") % len(there)]

    def knows(self, student: str) -> bool:
        """Is this folder's name on the list?"""
        return normal(student) in self.students


def load_class(path: Path) -> People:
    """The students on a list, whose accounts are the names of the folders of submissions.

    Raises StudentsError for a list that can't be read, and for accounts that can't be such names.
    """
    try:
        people = load_people(path)
    except RosterError as error:
        raise StudentsError(str(error)) from error
    if not people.students:
        raise StudentsError(f"{path}: there is nobody on this list ({people.told})")
    for person in people.students:
        name = person.account
        if name in (".", "..") or not name.isprintable() or set("/\\") & set(name):
            told = f"{path}, line {person.row}: {name!r} can't be the name of a folder"
            raise StudentsError(told)
    rows: dict[str, list[int]] = {}
    for person in people.students:
        rows.setdefault(person.account.casefold(), []).append(person.row)
    for name, found in rows.items():
        if len(found) > 1:
            lines = " and ".join(map(str, found))
            raise StudentsError(f"{path}: {name!r} is there more than once, in lines {lines}")
    return people


def load_students(path: Path) -> tuple[str, ...]:
    """The accounts of a class. Raises StudentsError as `load_class` does."""
    return tuple(person.account for person in load_class(path).students)


def beside(roster: Path) -> Path:
    """Where the seed of a list of students is kept."""
    return roster.with_name(f"{roster.name}.{KEPT}")


def for_release(roster: Path, exercises: Iterable[Exercise]) -> Draw:
    """The draw for these exercises, kept beside the list; what was drawn before stays.

    Raises StudentsError when the list or what was kept can't be read.
    """
    students, kept = load_students(roster), beside(roster)
    before = _load(kept) if kept.exists() else Draw(secrets.randbits(60), {})
    offered = {e.id: {name: list(there) for name, there in e.choices.items()} for e in exercises}
    choices = {id: names for id, names in offered.items() if names} | before.choices
    draw = Draw(before.seed, choices, students)
    _keep(kept, draw)
    return draw


def for_grading(book: Path, roster: Path | None, exercises: Iterable[Exercise]) -> Draw | None:
    """The draw that a class was handed out with: what the list has, or what the gradebook kept.

    None for a class without one. Raises StudentsError when the seed is lost, when it isn't that of
    the gradebook, and when an exercise has no such value any more.
    """
    kept = _load(book / KEPT) if (book / KEPT).exists() else None
    if roster is None:
        draw = kept
    else:
        draw = replace(_recorded(roster, kept), students=load_students(roster))
        if kept and kept.seed != draw.seed:
            raise StudentsError(f"{book} was graded with the values of another list of students")
    for exercise in exercises if draw else ():
        try:
            exercise.with_values(draw.choices.get(exercise.id, {}))
        except ValueError as error:
            raise StudentsError(f"{error}: grade with the course as it was handed out") from error
    if draw and draw != kept:
        _keep(book / KEPT, draw)
    return draw


def _recorded(roster: Path, kept: Draw | None) -> Draw:
    path = beside(roster)
    if path.exists():
        return _load(path)
    if kept:
        return kept
    told = "it has the seed of everybody's values, and without it they are not known"
    raise StudentsError(f"{path} is not there: {told}. Put it back where `course release` wrote it")


def _load(path: Path) -> Draw:
    try:
        draw = Draw(**json.loads(path.read_text(encoding="utf-8")))
        draw.values("anybody")
        return replace(draw, seed=int(draw.seed), students=tuple(draw.students))
    except (OSError, ValueError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise StudentsError(f"{path} can't be read ({error}): put a copy in its place") from error


def _keep(path: Path, draw: Draw) -> None:
    write_private(path, json.dumps(asdict(draw), indent=1, ensure_ascii=False) + "\n")
