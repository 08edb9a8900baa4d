"""The files below a student's folder, those in its zip archives too.

A folder comes from anywhere: nothing is followed, nothing is unpacked onto the disk, everything has
a bound, and what can't be read is told instead of raised.
"""

import os
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from ...running.reading.handed_in import MAX_FILE
from .archives import opened
from .candidates import Candidate, cut, is_passed, like_work, moment, refusal, shown, too_large

MAX_DEPTH, MAX_NAMES = 10, 10_000  # folders within folders; names in all of them
MAX_FILES, MAX_TOTAL = 500, 256 << 20  # looked at; bytes of them together
PASSED = "hidden, or made by a program; nothing else is here"


def walk(folder: Path) -> list[Candidate]:
    """Every file below a folder, likely ones first; what a program made only where it is alone."""
    found, passed, members = [], [], 0
    for path, candidate in below(folder):
        if candidate.trouble == PASSED:
            passed.append(candidate)
        else:
            closed = candidate.trouble or len(found) > MAX_NAMES  # a thousand archives, say
            inside, members = ([candidate], members) if closed else opened(path, candidate, members)
            found += inside
    return _bounded(sorted(found or passed, key=_likely))


def _likely(candidate: Candidate) -> tuple:
    return not like_work(candidate.name), candidate.label.count("/"), candidate.label


def _bounded(found: list[Candidate]) -> list[Candidate]:
    kept, total = [], 0
    for candidate in found[:MAX_FILES]:
        if not candidate.trouble and total + candidate.size > MAX_TOTAL:
            told = f"not looked at: with the others more than {MAX_TOTAL >> 20} MiB"
            candidate = replace(candidate, trouble=told)
        total += 0 if candidate.trouble else candidate.size
        kept.append(candidate)
    if (more := len(found) - MAX_FILES) > 0:
        told = f"not looked at: more than {MAX_FILES} files"
        kept.append(Candidate(f"{more:,} more", trouble=told))
    return kept


def below(folder: Path) -> Iterator[tuple[Path, Candidate]]:
    """Every file below a folder, and its path; a folder that isn't looked into is told as one."""
    waiting, left = deque([(folder, "", 0)]), MAX_NAMES
    while waiting:
        path, inside, depth = waiting.popleft()
        try:
            with os.scandir(path) as entries:
                found = sorted(islice(entries, left + 1), key=lambda entry: entry.name)
        except OSError as error:
            yield path, Candidate(inside.rstrip("/") or shown(path.name), trouble=refusal(error))
            continue
        for entry in found[:left]:
            label = inside + shown(entry.name)
            enter = _is_folder(entry) and not is_passed(entry.name)
            if enter and depth < MAX_DEPTH:
                waiting.append((path / entry.name, f"{label}/", depth + 1))
            if not enter or depth == MAX_DEPTH or like_work(entry.name):
                yield path / entry.name, _candidate(entry, label)
        if len(found) > left:
            told = f"more than {MAX_NAMES:,} files and folders; the rest was not looked at"
            yield path, Candidate(f"{inside}…", trouble=told)
            return
        left -= len(found)


def _is_folder(entry: os.DirEntry) -> bool:
    """Is it a folder itself, and no link to one?"""
    try:
        junction = getattr(entry, "is_junction", bool)()  # Python 3.12
        return entry.is_dir(follow_symlinks=False) and not junction
    except OSError:
        return False


def _candidate(entry: os.DirEntry, label: str) -> Candidate:
    if is_passed(entry.name):
        return Candidate(cut(label), trouble=PASSED)
    if entry.name.endswith(".icloud"):
        told = "a placeholder of iCloud; the file itself was never downloaded"
        return Candidate(label, trouble=told)
    try:
        about = entry.stat(follow_symlinks=False)
    except OSError as error:
        return Candidate(label, trouble=refusal(error))
    changed = moment(lambda: datetime.fromtimestamp(about.st_mtime, UTC))
    told = _kind(entry, label, about.st_mode) or too_large(about.st_size)
    return Candidate(cut(label), about.st_size, changed, told, partial(_load, Path(entry.path)))


def _kind(entry: os.DirEntry, label: str, mode: int) -> str:
    """What an entry is when it is no file; ""."""
    if stat.S_ISREG(mode):
        return ""
    if _is_folder(entry):
        deep = label.count("/") == MAX_DEPTH
        return f"within {MAX_DEPTH} folders; not looked into" if deep else "a folder, not a file"
    if stat.S_ISDIR(mode) or stat.S_ISLNK(mode):
        return "a link; links are not followed"
    return "a pipe or a device, not a file"


def _load(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_FILE + 1)
