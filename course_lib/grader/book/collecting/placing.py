"""Whose folder each file belongs into, and why one has none."""

from collections import Counter, defaultdict
from dataclasses import replace

from ..exports.cells import escaped
from ..exports.people import People, Person
from ..exports.spelling import unaccented
from ..times import FILE
from .doubts import called_so, doubtful, group
from .members import Archive, Member
from .naming import HandedIn, Who, every_form, from_platform
from .plan import Placed, Plan

NUMBERS = ("ID", "Identifier")  # Canvas's and Moodle's
WORK = (".ipynb", ".py")
TWO = "two people are called so; a list of students with Moodle's Identifier tells them apart"
SHARED = "two numbers of the platform have names of the same student; a list with these tells more"
PACKED = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz")


def planned(archive: Archive, people: People | None) -> Plan:
    """Place every file of an archive, with a list of students or by the names that it gives."""
    plan = Plan(left=list(archive.refused), litter=Counter(archive.litter))
    members = _unwrapped(archive.members, people)
    told = _told(members)
    twice, numbers = _same_names([handed for _, handed in told if handed]), defaultdict(set)
    known: dict[Person, dict[str, Who]] = defaultdict(dict)
    for member, handed in told:
        if handed is None:
            _loose(plan, member)
            continue
        plan.platforms[handed.platform] += 1
        who, person, why = _whose(handed, people, twice)
        if not who.file and handed.platform == "Blackboard":
            plan.litter["Blackboard's notes"] += 1
        elif not who.file:
            plan.unused.append(str(member))
        elif why:
            plan.left.append((str(member), why))
        else:
            student = person.account if person else who.folder
            plan.placed.append(Placed(student, who.file, member, who.late, handed.time))
            plan.notes += [told for told in group(who, person) if told not in plan.notes]
            if person:
                known[person].setdefault(who.folder, who)
            if person and who.column in NUMBERS and not people.has(who.column):
                numbers[student].add(who.id)
    _part(plan, {student for student, ids in numbers.items() if len(ids) > 1})
    plan.notes += doubtful(people, known) if people else []
    return plan


def _part(plan: Plan, shared: set[str]) -> None:
    """Take out the work of people with numbers of their own who were taken for the same student."""
    plan.left += [(str(p.member), SHARED) for p in plan.placed if p.student in shared]
    plan.placed = [p for p in plan.placed if p.student not in shared]


def _told(members: list[Member]) -> list[tuple[Member, HandedIn | None]]:
    """What each path says in the form that most of the archive has.

    Below its platform's words a file is called as a student likes, such as by another platform's
    words for somebody else. Where two forms are as usual, both are readings, and no time is sure.
    """
    forms = [every_form(member.path) for member in members]
    usual = Counter(form.platform for each in forms for form in each)
    told = []
    for member, each in zip(members, forms, strict=True):
        most = max((usual[form.platform] for form in each), default=0)
        fit = [form for form in each if usual[form.platform] == most]
        if len(fit) > 1:
            both = tuple(who for form in fit for who in form.readings)
            fit = [replace(fit[0], readings=both, time=None)]
        told.append((member, fit[0] if fit else None))
    return told


def _unwrapped(members: list[Member], people: People | None) -> list[Member]:
    """The files without a folder that is around all of them, unless it is a student's own."""
    tops = {member.path[0] for member in members}
    top = next(iter(tops)) if len(tops) == 1 else ""
    inner = [member.path[1:] for member in members]
    if not top or not all(inner) or from_platform(top) or (people and people.known_as(top)):
        return members
    flat = [path[0] for path in inner if len(path) == 1 and path[0].casefold().endswith(WORK)]
    if flat and not any(map(from_platform, flat)):
        return members
    return [replace(m, path=path) for m, path in zip(members, inner, strict=True)]


def _loose(plan: Plan, member: Member) -> None:
    if str(member).casefold().endswith((*WORK, *PACKED)):
        plan.left.append((str(member), "it is in no student's folder, and its name names nobody"))
    else:
        plan.unused.append(str(member))


def _same_names(told: list[HandedIn]) -> set[str]:
    """Folders that two people would share: Moodle's number tells them apart, but only there."""
    numbers = defaultdict(set)
    for handed in told:
        if handed.platform == "Moodle":
            # Folders whose names differ in capitals are one on many systems.
            numbers[handed.readings[0].folder.casefold()].add(handed.readings[0].id)
    return {folder for folder, ids in numbers.items() if len(ids) > 1}


def _whose(
    handed: HandedIn, people: People | None, twice: set[str]
) -> tuple[Who, Person | None, str]:
    """The reading that fits, the student it names, and why there is none."""
    first = handed.readings[0]
    numbered = people is not None and people.has("Identifier")
    if first.folder.casefold() in twice and not numbered:
        return first, None, TWO
    if people is None:
        return first, None, _no_folder(first.folder)
    found = [(who, person) for who in handed.readings for person in _named(people, who)]
    if len({person for _, person in found}) > 1:
        found = [(who, p) for who, p in found if called_so(who, p)] or found
    if len({person for _, person in found}) == 1:
        who, person = found[0]
        return who, person, _another(who, person) or _no_folder(person.account)
    if found:
        names = "; ".join(dict.fromkeys(f"{person} ({person.account})" for _, person in found))
        return first, None, f"more than one match in {people.name}: {names}"
    told = f"{first.column} {first.id}".strip()
    told = first.name or first.id if first.column == "Identifier" else told
    return first, None, f"no line of {people.name} has {told}"


def _named(people: People, who: Who) -> tuple[Person, ...]:
    if who.column and people.has(who.column):
        return people.by_id(who.column, who.id)
    if who.column in NUMBERS:  # one that says nothing to this list
        return people.by_name(who.name)
    return people.known_as(who.id)


def _another(who: Who, person: Person) -> str:
    """A group's number in Moodle is one of groups: it may be somebody's among students."""
    unnamed = who.column != "Identifier" or not unaccented(who.name) or not person.names
    if unnamed or called_so(who, person):
        return ""
    told = f"its number is {person}'s, and its name is another"
    return f"{told}: a group's, or of another assignment's worksheet"


def _no_folder(name: str) -> str:
    bad = (
        name.casefold() in ("", ".", "..", FILE)
        or name.strip() != name  # a list of times would take two people for one
        or set('/\\:*?"<>|') & set(name)
        or len(name.encode()) > 200
    )
    if not bad and escaped(name, id=True) != name:
        return "a spreadsheet would take its student's name for a formula"
    return "its student's name can't be the name of a folder" if bad else ""
