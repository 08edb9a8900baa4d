"""Which of a student's files is the work on which chapter, and why the others are not.

A file's name is the last thing to go by. Exercises are known by their ids in tags, headings and
calls of `check`, and where those are lost by the names that answers define. Among several files the
one with most answers counts; then the one with the proper name; then the newest.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from course_lib.notebooks import Cell

from .candidates import Candidate, chapters_named, like_work
from .facts import ChapterFacts
from .looking import (
    MENTIONED,
    Read,
    Seen,
    answered,
    cells_or_reason,
    is_made_of,
    look,
    of_chapters,
    seen,
)
from .ranking import rank, why_not
from .walking import walk

COPIES = 20  # of a file, named with an answer: those that came first
MOST_FILES = 3  # beside the one that counts, where no more of them add an answer


@dataclass(frozen=True)
class Used:
    """The file that counts for a chapter, and how many of its exercises it answers.

    `more` are other files with answers to the chapter: one may hold what this one lacks. `copies`
    are the names of others with the same code, or of zips with such.
    """

    label: str
    cells: tuple[Cell, ...]
    digest: str
    changed: datetime | None
    answers: int
    more: tuple["Used", ...] = ()
    copies: tuple[str, ...] = ()

    @property
    def work(self) -> str:
        """A digest of all that may count for the chapter."""
        parts = [self.digest, *(each.digest for each in self.more)]
        return _short("".join(parts)) if self.more else self.digest


@dataclass(frozen=True)
class Unused:
    """A file that counts for no chapter, and why, in plain words."""

    label: str
    reason: str


@dataclass(frozen=True)
class Work:
    """A student's file for each chapter or None, the files not used, and a digest of them all."""

    used: dict[str, Used | None]
    unused: tuple[Unused, ...]
    digest: str


def find_work(folder: Path, chapters: Iterable[ChapterFacts], read: Read) -> Work:
    """A student's work on these chapters; what is wrong with a file is its reason, never raised.

    `read` gives cells in plain Python. It is called once at most for a file, and not for one that
    can't hold any such work.
    """
    chapters = tuple(chapters)
    files = _looked_at(folder, chapters, read)
    contents = {file.digest: file for file in files}
    used: dict[str, Used | None] = {}
    reasons: dict[Seen, list[str]] = {file: [file.trouble] for file in files if file.trouble}
    chosen = []
    for facts in chapters:
        given = {content: answered(file, facts) for content, file in contents.items()}
        written = {f: ids for f in files if (ids := given[f.digest]) is not None}
        found = {file: len(ids) for file, ids in written.items()}
        best = max(found, key=lambda file: rank(file, found[file], facts), default=None)
        used[facts.number] = best and _used(best, written, facts)
        chosen.append(best)
        for file in found.keys() - {best}:
            why = why_not(file, found[file], best, found[best], facts)
            adds = written[file] - written[best]
            why += "; looked through for what is not right there" if adds else ""
            reasons.setdefault(file, []).append(why)
    unused = (file for file in files if file not in chosen)
    told = (Unused(f.candidate.label, _reason(f, reasons.get(f, []), chapters)) for f in unused)
    return Work(used, tuple(told), _digest_of(files))


def digest(folder: Path) -> str:
    """The digest that `find_work` gives, without reading what the files hold."""
    return _digest_of([seen(candidate)[0] for candidate in walk(folder)])


def mentioned(folder: Path) -> set[str]:
    """The chapters that a folder's files speak of in names or ids, without reading them as work."""
    found = set[str]()
    for candidate in (each for each in walk(folder) if like_work(each.name)):
        file, data = seen(candidate)
        if not file.trouble:
            found |= {match.decode() for match in MENTIONED.findall(data.replace(b"\0", b""))}
            found |= chapters_named(candidate.name)
    return found


def _looked_at(folder: Path, chapters: tuple[ChapterFacts, ...], read: Read) -> list[Seen]:
    files, known = [], dict[str, Seen]()  # by digest: who hands in 500 copies is read once
    for candidate in walk(folder):
        file, data = seen(candidate)
        if not file.trouble and file.digest not in known:
            cells = cells_or_reason(data, candidate.name, chapters, read)
            told = isinstance(cells, str)
            known[file.digest] = replace(file, trouble=cells) if told else look(file, cells)
        same = file if file.trouble else known[file.digest]
        files.append(replace(same, candidate=candidate))
    return files


def _digest_of(files: list[Seen]) -> str:
    lines = [f"{f.candidate.label}\n{f.candidate.size}\n{f.digest}\n" for f in files]
    return _short("".join(sorted(lines)))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def _used(best: Seen, written: dict[Seen, frozenset[str]], facts: ChapterFacts) -> Used:
    """The best file, with those that add an answer to it, and the next best that hold others."""
    ranked = sorted(written, key=lambda f: rank(f, len(written[f]), facts), reverse=True)
    ranked = [file for file in ranked if written[file] and file.digest != best.digest]
    there, adding = written[best], []
    for file in ranked:
        if written[file] - there:
            adding.append(file)
            there |= written[file]
    others: dict[str, Seen] = {}
    for file in (*adding, *ranked):
        others.setdefault(file.digest, file)
    most = max(MOST_FILES, len(adding))
    more = tuple(_one(file, written) for file in list(others.values())[:most])
    return replace(_one(best, written), more=more)


def _one(file: Seen, written: dict[Seen, frozenset[str]]) -> Used:
    same = sorted((f.candidate for f in written if f.holds(file)), key=_came)
    came = next((each.came for each in same if each.came), None)
    copies = dict.fromkeys(each.outer for each in same if each.outer != file.candidate.outer)
    return Used(
        file.candidate.label,
        file.cells,
        file.digest,
        came,
        len(written[file]),
        copies=tuple(copies)[:COPIES],
    )


def _came(candidate: Candidate) -> float:
    return candidate.came.timestamp() if candidate.came else float("inf")


def _reason(file: Seen, reasons: list[str], chapters: tuple[ChapterFacts, ...]) -> str:
    if reasons:
        return "; ".join(dict.fromkeys(reasons))
    page = next((facts for facts in chapters if is_made_of(file, facts.page_definitions)), None)
    if page:
        return f"the chapter itself, not its exercises: hand in work/exercises/{page.stem}.ipynb"
    if any(is_made_of(file, facts.all_definitions) for facts in chapters):
        return "a chapter that is not asked for, and not its exercises"
    return of_chapters(file.marks | file.checked)
