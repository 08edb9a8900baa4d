"""The students on a list: their accounts, and everything else that they are known by."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from .forms import (
    Form,
    first_name_first,
    form_of,
    id_columns,
    is_nobody,
    names_of,
    turned,
)
from .headers import participant
from .roster import BOM, Roster, RosterError, load_roster, text_of
from .spelling import exact, in_full, loose, plain, unaccented, written_out

TABLES = (".csv", ".tsv", ".xls", ".xlsx", ".ods", ".html", ".htm")
SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
# Of names; the first that fits counts.
SPELLINGS = (exact, loose, plain, unaccented, written_out, in_full)


@dataclass(frozen=True)
class Person:
    """A student: `account` is the name of the folder, `line` the place in the list.

    `more` are other places, where a list has somebody for each group or assignment; `row` is the
    line of the file.
    """

    account: str
    line: int
    ids: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()
    more: tuple[int, ...] = ()
    row: int = 0

    def __str__(self) -> str:
        return self.names[0] if self.names else self.account


@dataclass(frozen=True)
class People:
    """The students of a list, and one sentence (`told`) on what was read and skipped."""

    name: str
    students: tuple[Person, ...]
    told: str

    def known_as(self, text: str) -> tuple[Person, ...]:
        """Whom a text names: by account, else by another id, else by name.

        More than one is ambiguous. Spelling goes before case, and case before hyphens and spaces.
        """
        return next((found for _, found in self._readings(text) if found), ())

    def by_id(self, column: str, text: str) -> tuple[Person, ...]:
        """Who has this in a column of ids."""
        ways = (self._index[column, spelled].get(spelled(text)) for spelled in (exact, loose))
        return next(filter(None, ways), ())

    def by_name(self, text: str) -> tuple[Person, ...]:
        """Who has this name: spelled so, else in other capitals, marks or accents."""
        ways = (self._index["", spelled].get(spelled(text)) for spelled in SPELLINGS)
        return next(filter(None, ways), ())

    def alike(self, text: str) -> tuple[Person, ...]:
        """Everybody whose name may be meant, without its accents or written out."""
        found = [self._index["", spelled].get(spelled(text), ()) for spelled in SPELLINGS]
        return tuple(dict.fromkeys(person for each in found for person in each))

    def has(self, column: str) -> bool:
        """Does the list have this column of ids?"""
        return (column, exact) in self._index

    def matched(self, students: Iterable[str]) -> tuple[dict[int, str], list[str]]:
        """Which line is which student, and what is to be told: no match, or more than one."""
        found: dict[int, str] = {}
        notes: list[str] = []
        known = {student: self.known_as(student) for student in students}
        claimed = Counter(people[0].line for people in known.values() if len(people) == 1)
        for student, people in known.items():
            why = "more than one match in" if people else "no line of"
            told = f"{student}: {why} {self.name}; their points are not in the export"
            if len(people) == 1 and claimed[people[0].line] == 1:
                found |= dict.fromkeys((people[0].line, *people[0].more), student)
                notes += self._also(student, people[0])
            elif len(people) == 1:  # a number may be chosen as a name: nobody gets another's points
                notes.append(told.replace(why, f"another is {people[0]}, too, in", 1))
            else:
                notes.append(told)
        return found, notes

    def _also(self, student: str, taken: Person) -> list[str]:
        """One student's account may be another's number."""
        others = {o for column, found in self._readings(student) if column for o in found} - {taken}
        who = ", ".join(sorted(str(other) for other in others))
        return [f"{student}: taken for {taken}; it is also an id of {who}"] if who else []

    def _readings(self, text: str) -> Iterator[tuple[str, tuple[Person, ...]]]:
        for (column, spelled), found in self._index.items():
            yield column, found.get(spelled(text), ())

    @cached_property
    def _index(self) -> dict[tuple[str, Callable], dict[str, tuple[Person, ...]]]:
        """By column ("" for names) and way of spelling, in the order in which they are tried."""
        columns = list(dict.fromkeys(name for person in self.students for name, _ in person.ids))
        index: dict = {(c, spelled): {} for c in columns for spelled in (exact, loose)}
        index |= {("", spelled): {} for spelled in SPELLINGS}
        for (column, spelled), found in index.items():
            for person in self.students:
                texts = [dict(person.ids).get(column, "")] if column else person.names
                for key in {spelled(text) for text in texts} - {""}:
                    found[key] = (*found.get(key, ()), person)
        return index


def load_people(path: Path) -> People:
    """The students of a platform's export, or of a text file with one name on each line.

    Raises RosterError for a file that can't be read or that doesn't say who a student is.
    """
    try:
        return people_of(load_roster(path))
    except RosterError:
        text = text_of(path)[0].removeprefix(BOM)
        # A table with a fault in it is no list of names, whatever the file is called.
        if path.suffix.casefold() in TABLES or max(map(text.split("\n")[0].count, ",;\t")) > 1:
            raise
    lines = [(row, exact(line)) for row, line in enumerate(text.splitlines(), 1) if line.strip()]
    students = [
        Person(name, i, (("student", name),), turned([name]), row=row)
        for i, (row, name) in enumerate(lines)
    ]
    told = f"{path.name}: {len(students)} students, one on each line"
    return People(path.name, tuple(students), told)


def people_of(roster: Roster, form: Form | None = None) -> People:
    """The students of a table. Raises RosterError when no column says who a student is."""
    form = form or form_of(roster)
    columns = id_columns(roster, form)
    students: dict[Any, Person] = {}
    taken, skipped, short = Counter(), [], Counter()
    for i, line in enumerate(roster.lines):
        ids = {name: exact(participant(line[roster.place(name)])) for name in columns}
        names = names_of(roster, form, line, ids)
        column = next((name for name in form.accounts if ids.get(name)), None)
        if column is None or is_nobody(ids, names, line):
            skipped += map(first_name_first, [*names, *filter(None, map(str.strip, line))][:1])
            continue
        short.update(name for name, id in ids.items() if SHORTENED.fullmatch(id))
        if SHORTENED.fullmatch(ids[column]):
            told = f"{roster.where(i)}: {column} {ids[column]} is a number that a spreadsheet"
            raise RosterError(f"{told} shortened; take the list anew from where it came")
        about = tuple(ids.items()), names
        if about in students:
            students[about] = replace(students[about], more=(*students[about].more, i))
            continue
        taken[column] += 1
        students[about] = Person(ids[column], i, *about, row=roster.numbers[i])
    told = _told(roster, taken, skipped, form)
    told += "".join(f"; {n} of {name} shortened by a spreadsheet" for name, n in short.items())
    return People(roster.name, tuple(students.values()), told)


def _told(roster: Roster, taken: Counter, skipped: list[str], form: Form) -> str:
    (first, count), *rest = taken.most_common() or [(form.accounts[0], 0)]
    counts = [f"{count} {'student' if count == 1 else 'students'} by {first}"]
    told = f"{roster.name}: " + ", ".join([*counts, *(f"{n} by {name}" for name, n in rest)])
    told += f"; skipped: {', '.join(skipped)}" if skipped else ""
    return told + ("" if roster.encoding == "UTF-8" else f"; read as {roster.encoding}")
