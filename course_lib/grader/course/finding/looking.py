"""One file of a student, seen beside what the work on a chapter looks like."""

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Protocol

from course_lib.notebooks import Cell

from ...running.reading.kinds import HAND_IN, not_text
from ...running.slicing.plans import alone_that_ran, as_it_ran
from .candidates import Candidate, one_line, refusal
from .facts import ChapterFacts, definitions, is_written, layout

MARK = 32  # letters: of two files with sixteen, a student finds some that meet
ID = r"(\d\d)\.[a-z][a-z0-9-]*"
HEADING = re.compile(rf"^(?:# |\"\"\")?#{{1,6}} {ID}", re.MULTILINE)  # in a script's text too
CHECK = re.compile(rf"\bcheck\(\s*[\"']{ID}")
MENTIONED = re.compile(rb"(?:\"|check\(\\?[\"']|## )(\d\d)\.[a-z][a-z0-9-]*[\"'\\ ]")


class Read(Protocol):
    """Gives the cells in a file's bytes in plain Python, for as long as a student can afford it."""

    def __call__(self, data: bytes, name: str) -> list[Cell]:
        """Raises ValueError, saying why not, and OSError."""

    def afford(self) -> None:
        """Raises ValueError where the files before took all that a student's files may take."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A file that was looked at: the trouble with it, or its cells."""

    candidate: Candidate
    digest: str
    trouble: str = ""
    cells: tuple[Cell, ...] = ()
    code: tuple = ()  # the texts of cells, and their tags
    orders: tuple = ((), ())  # in which they ran, where they didn't as they stand
    defined: tuple[dict[str, str], ...] = ()  # by each cell
    layouts: tuple[str, ...] = ()  # of each cell
    marks: frozenset[str] = frozenset()  # the chapters whose ids its tags and headings have
    checked: frozenset[str] = frozenset()  # those whose ids it checks, as a chapter may too

    def holds(self, other: "Seen") -> bool:
        """Would an answer taken from the other file have been taken from this one?

        So it is where the other was only opened and saved, or run again from its top.
        """
        orders = zip(self.orders, other.orders, strict=True)
        alike = self.code == other.code and all(its in ((), own) for own, its in orders)
        return alike or self.digest == other.digest


def seen(candidate: Candidate) -> tuple[Seen, bytes]:
    """A file with its digest, and its bytes; with the trouble where they can't be had."""
    told, data = candidate.trouble, b""
    try:
        data = b"" if told else candidate.load()
    except OSError as error:
        told = refusal(error)
    except ValueError as error:
        told = one_line(error)
    digest = told or hashlib.sha256(data).hexdigest()[:MARK]
    return Seen(candidate, digest, told), data


def cells_or_reason(
    data: bytes, name: str, chapters: tuple[ChapterFacts, ...], read: Read
) -> tuple[Cell, ...] | str:
    """The cells of a file, or why it can't be work on these chapters."""
    if told := not_text(data):
        return f"not a notebook: {told}; {HAND_IN}"
    try:
        read.afford()  # looking for names costs, too, in a file of many short words
    except ValueError as error:
        return one_line(error)
    plain = data.replace(b"\0", b"")  # what UTF-16 puts between Latin letters
    words = [rf"{each.name}\b" for facts in chapters for each in facts.exercises]
    words += [rf"{facts.number}\.[a-z]" for facts in chapters]
    if not words or not re.search(rf"\b(?:{'|'.join(words)})".encode(), plain):
        return of_chapters({match.decode() for match in MENTIONED.findall(plain)})
    try:
        return tuple(read(data, name))
    except OSError as error:
        return refusal(error)
    except ValueError as error:
        return one_line(error)


def look(file: Seen, cells: tuple[Cell, ...]) -> Seen:
    """The file with its cells, what they define, and the chapters whose ids they hold."""
    defined = (definitions(cell.source) if cell.kind == "code" else {} for cell in cells)
    tags = (re.fullmatch(ID, tag) for cell in cells for tag in cell.tags)
    marks = [tag[1] for tag in tags if tag]
    marks += [mark for cell in cells for mark in HEADING.findall(cell.source)]
    checked = [mark for cell in cells for mark in CHECK.findall(cell.source)]
    code, orders = _code(cells)
    return replace(
        file,
        cells=cells,
        code=code,
        orders=orders,
        defined=tuple(defined),
        layouts=tuple(layout(cell.source) for cell in cells),
        marks=frozenset(marks),
        checked=frozenset(checked),
    )


def _code(cells: tuple[Cell, ...]) -> tuple[tuple, tuple]:
    """The texts and tags of the cells of code, and the orders in which they ran.

    Only line ends are taken off: other blanks before a text decide if Python reads it.
    """
    code = [cell for cell in cells if cell.kind == "code"]
    every = [*range(len(code))]
    orders = (() if order == every else order for order in (as_it_ran(code), alone_that_ran(code)))
    return tuple((cell.source.strip("\n"), cell.tags) for cell in code), tuple(orders)


def answered(file: Seen, facts: ChapterFacts) -> frozenset[str] | None:
    """The chapter's exercises that a file answers; None where it is no work on the chapter."""
    own = facts.number in file.marks or (
        facts.number in file.checked and not is_made_of(file, facts.page_definitions)
    )
    if not own and (file.marks | file.checked) - {facts.number}:
        return None  # another chapter's notebook may well define a helper of the same name
    found: dict[str, set[str]] = {}
    for cell, defined, lines in zip(file.cells, file.defined, file.layouts, strict=True):
        if own and (cell.tags or lines not in facts.page):
            taken = list(defined)
        else:
            taken = [name for name, text in defined.items() if is_written(text)]
            taken = [name for name in taken if defined[name] not in facts.all_definitions]
        for name in taken:
            found.setdefault(name, set()).add(defined[name])
    written = [each.id for each in facts.exercises if found.get(each.name, set()) - each.stubs]
    handed_out = any(each.name in found for each in facts.exercises)
    return frozenset(written) if own or handed_out else None


def is_made_of(file: Seen, definitions: frozenset[str]) -> bool:
    """Is half of what a file defines, or more, among these?"""
    texts = [text for defined in file.defined for text in defined.values()]
    return 2 * sum(text in definitions for text in texts) >= max(len(texts), 6)


def of_chapters(numbers: set[str]) -> str:
    """Why a file is not used that has ids of these other chapters, or none."""
    if not numbers:
        return "no exercise of this course in it"
    if len(numbers) == 1:
        return f"of chapter {min(numbers)}, which is not asked for"
    return f"of chapters {', '.join(sorted(numbers))}, which are not asked for"
