"""Zip archives, looked into where they lie.

An archive's own words are never trusted: its names are labels, its sizes are bounds for reading.
What it packs in unusual ways is left alone, since only deflate can be read piece by piece.
"""

import io
import zipfile
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from .candidates import (
    Candidate,
    cut,
    is_passed,
    like_work,
    moment,
    one_line,
    refusal,
    shown,
    too_large,
)

MAX_MEMBERS = 2_000
START, ENTRY = b"PK\x03\x04", b"PK\x01\x02"  # of an archive, of each line in its table
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LOCKED, UTF8 = 0x1, 0x800  # bits of a member's flags


def opened(path: Path, archive: Candidate) -> list[Candidate]:
    """The files of an archive that has a notebook or a script in it; any other file as it is."""
    try:
        with path.open("rb") as file:
            if file.read(len(START)) != START:
                return [archive]
        data = archive.load()
        if (entries := data.count(ENTRY)) > MAX_MEMBERS:
            told = f"an archive of {entries:,} files; at most {MAX_MEMBERS:,} are looked at"
            return [replace(archive, trouble=told)]
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            members = [(i, info) for i, info in enumerate(file.infolist()) if not info.is_dir()]
    except OSError as error:
        return [replace(archive, trouble=refusal(error))]
    except Exception as error:  # zipfile raises many kinds for what is damaged
        return [replace(archive, trouble=f"a broken archive ({one_line(error)})")]
    named = [(_parts(info), _member(path, archive.label, i, info)) for i, info in members]
    kept = [member for parts, member in named if not any(map(is_passed, parts))]
    return kept if any(like_work(member.name) for member in kept) else [archive]


def zip_name(info: zipfile.ZipInfo) -> str:
    """A file's name in UTF-8, also where the archive doesn't say that it is."""
    if info.flag_bits & UTF8:
        return info.filename
    try:  # then it should be code page 437, and on a Mac is not
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _parts(info: zipfile.ZipInfo) -> list[str]:
    parts = zip_name(info).replace("\\", "/").split("/")
    return [shown(part) for part in parts if part not in ("", ".", "..")]


def _member(path: Path, archive: str, place: int, info: zipfile.ZipInfo) -> Candidate:
    label = cut("/".join([archive, *(_parts(info) or ["…"])]))
    changed = moment(lambda: datetime(*info.date_time))
    told = too_large(info.file_size)
    if info.flag_bits & LOCKED:
        told = "locked with a password"
    elif info.compress_type not in METHODS:
        told = f"packed in an unusual way (method {info.compress_type})"
    return Candidate(label, info.file_size, changed, told, partial(_load, path, place))


def _load(path: Path, place: int) -> bytes:
    """A member's bytes, never more than it says it has."""
    try:
        with zipfile.ZipFile(path) as file, file.open(file.infolist()[place]) as member:
            return member.read()
    except OSError:
        raise
    except Exception as error:  # as above
        raise ValueError(f"a broken archive ({one_line(error)})") from error
