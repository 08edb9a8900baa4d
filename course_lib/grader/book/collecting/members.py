"""The files of an archive, or of a folder that was one: by name, and read only into memory.

An archive comes from strangers. Nothing is ever unpacked by the path that it gives, links are not
followed, and its size is looked at before it is read.
"""

import contextlib
import lzma
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ...course.finding.archives import zip_name

MEMBERS, MEMBER, NAME = 200_000, 64 << 20, 500  # of a class: some hand in environments
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError)
BIDI = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
LITTER = ("__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini")


class CollectError(ValueError):
    """An archive, a file of it or a target that can't be used."""


@dataclass(frozen=True)
class Member:
    """A file: where it lies, its bytes, when it was changed as the archive says, how to read it.

    `read` raises CollectError, saying why, for a file that can't be read.
    """

    path: tuple[str, ...]
    size: int
    changed: float
    read: Callable[[], bytes]

    def __str__(self) -> str:
        return "/".join(self.path)


@dataclass
class Archive:
    """What is in it: files, litter of other programs by name, and what is not touched, with why."""

    members: list[Member] = field(default_factory=list)
    litter: Counter = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, size: int, changed: float, read: Callable[[], bytes]) -> None:
        """Take a file, unless it is litter, leads out or is too large."""
        shown = printed(name)
        parts = re.split(r"[/\\]", unicodedata.normalize("NFC", name))
        path = tuple(part for part in parts if part not in ("", "."))
        if not path or ".." in path or not parts[0] or parts[0].endswith(":"):
            self.refused.append((shown, "its path leads out of the archive"))
        elif found := [part for part in path if is_litter(part)]:
            self.litter[found[0]] += 1
        elif len(name) > NAME:
            self.refused.append((f"{shown[:60]}…", f"its name has more than {NAME} letters"))
        elif shown != name:
            self.refused.append((shown, "its name has characters that no name has"))
        elif size > MEMBER:
            self.refused.append((name, f"it has {size >> 20} MiB, more than {MEMBER >> 20}"))
        else:
            self.members.append(Member(path, size, changed, read))


def printed(name: str) -> str:
    """A name as it may be shown."""
    return "".join("?" if is_harmful(c) else c for c in name)


def is_harmful(character: str) -> bool:
    """Could this steer a terminal, turn a line round, or not be written at all?"""
    turns = unicodedata.bidirectional(character) in BIDI
    return turns or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


def is_litter(name: str) -> bool:
    """Is this what a system or a program leaves in a folder: hidden, or known by its name?"""
    return name.startswith(".") or name in LITTER


@contextlib.contextmanager
def opened(source: Path) -> Iterator[Archive]:
    """An archive or a folder for reading. Raises CollectError for one that can't be."""
    found = Archive()
    if source.is_dir():
        _walk(source, found)
        yield found
        return
    try:
        archive = zipfile.ZipFile(source)
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        told = "it must be a zip file, or the folder that one became"
        raise CollectError(f"{source} can't be read ({error}); {told}") from error
    with archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        _bounded(source, len(infos))
        for info in infos:
            if stat.S_ISLNK(info.external_attr >> 16):
                found.refused.append((printed(info.filename)[:NAME], "a link"))
            else:
                read = _reader(archive, info)
                found.add(zip_name(info), info.file_size, _changed(info), read)
        yield found


def _bounded(source: Path, count: int) -> None:
    if count > MEMBERS:
        raise CollectError(f"{source} has {count:,} files, more than {MEMBERS:,}")


def _changed(info: zipfile.ZipInfo) -> float:
    try:
        return datetime(*info.date_time).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            # It never gives more than the size that was looked at.
            return archive.read(info)
        except RuntimeError as error:  # a password, or a method that Python doesn't know
            raise CollectError(f"it can't be unpacked ({error})") from error
        except (*DAMAGED, OSError, EOFError, ValueError) as error:
            raise CollectError(f"it is damaged ({error})") from error

    return read


def _plain_reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise CollectError(f"it can't be read ({error.strerror})") from error

    return read


def _walk(source: Path, found: Archive) -> None:
    files = []
    for folder, below, names in os.walk(source):
        found.litter.update(filter(is_litter, below))
        below[:] = sorted(name for name in below if not is_litter(name))
        links = [name for name in below if (Path(folder) / name).is_symlink()]
        files += [Path(folder) / name for name in sorted([*names, *links])]
    _bounded(source, len(files))
    abouts = [path.lstat() for path in files]
    for path, about in zip(files, abouts, strict=True):
        name = path.relative_to(source).as_posix()
        if stat.S_ISREG(about.st_mode):
            found.add(name, about.st_size, about.st_mtime, _plain_reader(path))
        else:
            found.refused.append((printed(name), "a link" if path.is_symlink() else "no file"))
