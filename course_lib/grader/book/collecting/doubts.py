"""What an instructor may know better about whose a file is, each in a sentence."""

from collections.abc import Iterator, Mapping

from ..exports.people import People, Person
from ..exports.spelling import in_full, unaccented, written_out
from .naming import Who


def called_so(who: Who, person: Person) -> bool:
    """Has a student this name, as it may be spelled?"""
    return any(
        spelled(who.name) in map(spelled, person.names)
        for spelled in (unaccented, written_out, in_full)
    )


def group(who: Who, person: Person | None) -> list[str]:
    """A group's work comes under its own name and the number of one of its students."""
    if not (person and person.names and who.name) or who.column != "ID" or called_so(who, person):
        return []
    told = f"{who.folder}: given to {person.account} for the number, though the name is another"
    return [f"{told}. If it is a group's, its other students have no file"]


def doubtful(people: People, known: Mapping[Person, Mapping[str, Who]]) -> Iterator[str]:
    """Several names that were taken for one student, and one that is two students' but for accents.

    `known` has what each student is called by the archive.
    """
    for person, names in known.items():
        if len(names) > 1:
            told = " and ".join(f"`{name}`" for name in sorted(names))
            yield f"{told} are put into one folder, as {person} ({person.account})"
        for who in names.values():
            for other in people.alike(who.name) if not _by_id(people, who) else ():
                if other not in known:
                    told = (
                        f"`{who.name}` is taken for {person} ({person.account}); spelled otherwise"
                    )
                    yield f"{told} it could be {other} ({other.account}), of whom nothing is here"


def _by_id(people: People, who: Who) -> bool:
    return bool(who.column and people.has(who.column))
