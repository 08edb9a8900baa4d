"""A file that may be a student's work: what to call it, and how to get at its bytes."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ...running.reading.handed_in import MAX_FILE

PROGRAMS = ("__MACOSX", "__pycache__", "course_lib", "node_modules", "site-packages", "venv")
LONGEST = 300  # words about an error, a path that is shown; in characters


@dataclass(frozen=True)
class Candidate:
    """A file, or the trouble with it. Loading raises ValueError or OSError where more turns up."""

    label: str  # its path below the folder, `archive.zip/inner.ipynb`; for showing only
    size: int = 0
    changed: datetime | None = None  # None too for a time that no calendar has
    trouble: str = ""
    load: Callable[[], bytes] = field(default=bytes, repr=False, compare=False)
    sent: datetime | None = None  # of an archive's file: the archive's, inside a student sets times

    @property
    def came(self) -> datetime | None:
        """When it was handed in, as far as files tell."""
        return self.sent or self.changed

    @property
    def outer(self) -> str:
        """The first part of its label: below a student's folder the archive's name, say."""
        return self.label.partition("/")[0]

    @property
    def name(self) -> str:
        """The last part of its label."""
        return self.label.rsplit("/", 1)[-1]


def shown(name: str) -> str:
    """A name that can be printed, whatever the file system or the archive holds."""
    # An archive's names can be long, and made to take long to normalise.
    plain = unicodedata.normalize("NFC", name if len(name) <= LONGEST else f"{name[:LONGEST]}…")
    return "".join(letter if letter.isprintable() else "�" for letter in plain)


def cut(label: str) -> str:
    """The end of a path that is longer than anybody reads, of thousands of folders perhaps."""
    return label if len(label) <= LONGEST else f"…{label[1 - LONGEST :]}"


def is_passed(name: str) -> bool:
    """Is this hidden, a lock or a program's own, so that nobody means to hand it in?"""
    hidden = name.startswith(".") and not name.endswith(".icloud")
    return hidden or name.startswith("~$") or name in PROGRAMS


def like_work(name: str) -> bool:
    """Does a file's name speak of a notebook or a script?"""
    return bool(re.search(r"\.(?:ipynb|py|md|rmd|qmd)(?![a-z])", name, re.IGNORECASE))


def chapters_named(name: str) -> set[str]:
    """The chapters in the name of a notebook or a script."""
    return set(re.findall(r"(?<!\d)(\d\d)_", name))


def too_large(size: int) -> str:
    """The trouble with a file of that many bytes, or ""."""
    large = size > MAX_FILE
    return f"{size / 2**20:,.1f} MiB; at most {MAX_FILE >> 20} are read" if large else ""


def moment(make: Callable[[], datetime]) -> datetime | None:
    """A time with its offset; None for one that no calendar has."""
    try:
        return make().astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def one_line(error: Exception) -> str:
    """An error's own words, cut short and without what a page or a table chokes on."""
    return shown(" ".join(str(error).split()))[:LONGEST] or type(error).__name__


def refusal(error: OSError) -> str:
    """Why a file can't be opened, without its place on this machine."""
    return f"cannot be opened: {error.strerror or one_line(error)}"
