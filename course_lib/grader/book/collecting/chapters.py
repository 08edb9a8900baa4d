"""The chapters that handed-in work may be for, by what it holds, else by its name.

Whoever collects doesn't run or parse what students wrote. So this says every chapter for which
grading may find something in a file: those of its ids, and without ids those whose answers it
defines.
"""

import re
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from ...course.finding.archives import START, opened
from ...course.finding.candidates import Candidate, like_work
from ...running.reading.handed_in import MAX_FILE

Chapters = Mapping[str, Collection[str]]  # the names that its answers have, by chapter
ID = re.compile(rb"(?:[\"']|## )(\d\d)\.[a-z][a-z0-9-]*[\"'\\ ]")
LETTER = re.compile(rb"\\u00([4-7][0-9a-fA-F])")  # as JSON may have it
BEFORE = rb"\b(?:def|class)\b(?:\\n|\W)+"  # a line may be broken there


def chapters_of(name: str, data: bytes, chapters: Chapters) -> set[str]:
    """The chapters that a file may be work for; none where neither it nor its name says any."""
    texts = _unpacked(name, data) if data.startswith(START) else [data]
    if texts is None:
        return set()
    found = set().union(*(_held(text, chapters) for text in texts))
    return found or {name[:2]} & chapters.keys()


def _held(data: bytes, chapters: Chapters) -> set[str]:
    plain = LETTER.sub(lambda match: bytes([int(match[1], 16)]), data.replace(b"\0", b""))
    ids = {match.decode() for match in ID.findall(plain)} & chapters.keys()
    words = {c: rb"|".join(map(str.encode, names)) for c, names in chapters.items() if names}
    defined = {
        c for c, any_of in words.items() if re.search(rb"%b(?:%b)\b" % (BEFORE, any_of), plain)
    }
    # An id in a comment, of a chapter none of whose answers is there, doesn't make it that one's.
    return ids & defined or ids | defined


def _unpacked(name: str, data: bytes) -> list[bytes] | None:
    """The notebooks and scripts of an archive; None where there is more than anybody looks at."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "work.zip")
        path.write_bytes(data)
        inner = opened(path, Candidate(name, len(data), load=lambda: data))
        inner = [each for each in inner if like_work(each.name)]
        if any(each.trouble for each in inner) or sum(each.size for each in inner) > MAX_FILE:
            return None
        try:
            return [each.load() for each in inner]
        except (OSError, ValueError):
            return None
