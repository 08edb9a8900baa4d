"""What platforms call their columns: who a student is, in the order in which it is asked.

Sources: Canvas's `gradebook_exporter.rb`; Moodle's participants, grader report and grading
worksheet; Gradescope's roster; Blackboard's "Work offline"; nbgrader's `db student import`.
"""

import re
from dataclasses import dataclass

from .roster import Roster, RosterError
from .spelling import plain


@dataclass(frozen=True)
class Form:
    """A platform's list: told by having all columns of one of `marks`.

    The first of `accounts` that a line fills is the student's account.
    """

    marks: tuple[tuple[str, ...], ...]
    accounts: tuple[str, ...]


CANVAS = Form(
    (("SIS Login ID",), ("SIS User ID",), ("Student", "ID", "Section"), ("LastName", "ID")),
    ("SIS Login ID", "SIS User ID", "ID"),
)
OWN = Form((("student",),), ("student",))
GRADESCOPE = Form((("SID", "Email"),), ("Email", "SID"))
NBGRADER = Form(
    (("id", "first_name"), ("id", "last_name"), ("id", "email"), ("student_id",)),
    ("id", "student_id"),
)
MOODLE_IDS = ("Username", "Email address", "Email", "ID number", "idnumber")
# Blackboard has Username too. A worksheet of blind marking has the Identifier only.
MOODLE = Form(tuple((name,) for name in (*MOODLE_IDS, "Identifier")), (*MOODLE_IDS, "Identifier"))
FORMS = (CANVAS, OWN, GRADESCOPE, NBGRADER, MOODLE)
# Others by which a platform may call somebody, for instance in the files of an archive.
OTHER_IDS = ("ID", "Student ID", "SID", "Identifier")

WHOLE = ("Full name", "Name")
GIVEN = ("FirstName", "First name", "first_name")
FAMILY = ("LastName", "Last name", "last_name", "Surname")
NOBODY = ("points possible", "manual posting")
TEST = ("student, test", "test student")


def form_of(roster: Roster) -> Form:
    """Whose list this is. Raises RosterError, with the columns there are, for nobody's."""
    for form in FORMS:
        if any(all(roster.place(name) is not None for name in mark) for mark in form.marks):
            return form
    there = ", ".join(cell.strip() for cell in roster.header[:8])
    known = "student, SIS Login ID, Email address, Username, SID or id"
    raise RosterError(f"{roster.name}: none of the columns is called {known}; there are: {there}")


def id_columns(roster: Roster, form: Form) -> tuple[str, ...]:
    """The columns of a list that say who a student is, the best one first."""
    named = {name.casefold(): name for name in (*MOODLE_IDS, *OTHER_IDS, *form.accounts)}
    order = [*form.accounts, *(name for name in named.values() if name not in form.accounts)]
    return tuple(name for name in order if roster.place(name) is not None)


def names_of(roster: Roster, form: Form, line: list[str], ids: dict[str, str]) -> tuple[str, ...]:
    """A student's name as it is listed, and in the other orders in which people write it.

    The last one is Canvas's in the names of files: `lovelaceada_101`.
    """
    columns = [("Student",) if form is CANVAS else (), WHOLE, GIVEN, FAMILY]
    places = [roster.place(*names) for names in columns]
    student, whole, given, family = ("" if p is None else line[p].strip() for p in places)
    listed = [name for name in (student, whole) if name]
    if given or family:
        listed += [", ".join(filter(None, (family, given))), f"{given} {family}".strip()]
        listed += [f"{family} {given}".strip()]
    number = ids.get("ID") if form is CANVAS and listed else None
    in_files = [f"{plain(listed[0])}_{number}"] if number else []
    return tuple(dict.fromkeys([*turned(listed), *in_files]))


def turned(names: list[str]) -> tuple[str, ...]:
    """Names, also with the family's name first or last."""
    others = [turn(name) for name in names for turn in (first_name_first, last_name_first)]
    return tuple(dict.fromkeys([*names, *others]))


def first_name_first(name: str) -> str:
    """`Lovelace, Ada` as people say it."""
    return re.sub(r"^(.*?), *(.*)$", r"\2 \1", name)


def last_name_first(name: str) -> str:
    """`Ada Lovelace` as lists have it; of several names the last is taken for the family's."""
    return name if "," in name else re.sub(r"^(.*) (\S+)$", r"\2, \1", name)


def is_nobody(ids: dict[str, str], names: tuple[str, ...], line: list[str]) -> bool:
    """Is this a line of the platform's own: points possible, or the student that tests a course?

    Canvas gives that one no SIS ID, and a hash for a login.
    """
    first = next((cell.strip() for cell in line if cell.strip()), "")
    if first.casefold().startswith(NOBODY):
        return True
    login = ids.get("SIS Login ID", "")
    made_up = not ids.get("SIS User ID") and re.fullmatch(r"[0-9a-f]*", login) is not None
    return made_up and (len(login) == 40 or any(name.casefold() in TEST for name in names))
