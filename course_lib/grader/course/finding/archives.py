"""Zip archives, looked into where they lie.

An archive's own words are never trusted: its names are labels, its sizes are bounds for reading.
What it packs in unusual ways is left alone, since only deflate can be read piece by piece.
"""

import io
import re
import struct
import unicodedata
import zipfile
import zlib
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

MAX_MEMBERS = 20_000  # of a student's archives together: an environment has that many
LINE, LONG = 1 << 10, 1 << 17  # bytes of the table for each file, and for a few with long names
START, ENTRY = b"PK\x03\x04", b"PK\x01\x02"  # of a file, and of its line in the table
LENGTHS = re.compile(ENTRY + rb"(?=.{24}(.{6}))", re.DOTALL)  # of name, extra field and comment
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LOCKED, UTF8 = 0x1, 0x800  # bits of a member's flags

# Of both code pages in which old programs write names: asked letter by letter, it takes seconds.
PAGES = "".join(bytes(range(256)).decode(page, errors="ignore") for page in ("cp437", "cp1252"))
LATIN = frozenset(c for c in PAGES if c.isascii() or unicodedata.name(c).startswith("LATIN "))


class RefusedError(Exception):
    """An archive that is not looked into; the message says why."""


def opened(path: Path, archive: Candidate, before: int = 0) -> tuple[list[Candidate], int]:
    """The files of an archive that has a notebook or a script in it; any other file as it is.

    Also how many files the archives list that were opened by now, with those of `before`.
    """
    listed = before
    try:
        with path.open("rb") as file:
            if file.read(len(START)) != START:
                return [archive], listed
        data = archive.load()
        entries = _entries(data, before)
        listed += entries  # also of what turns out to be damaged only when it is read
        members = _members(data)
    except OSError as error:
        return [replace(archive, trouble=refusal(error))], listed
    except RefusedError as error:
        return [replace(archive, trouble=str(error))], listed
    except Exception as error:  # zipfile raises many kinds for what is damaged
        told = f"a broken archive ({one_line(error)})"
        return [replace(archive, trouble=told)], listed
    named = [(info, _parts(info)) for info in members]
    own = [(info, parts) for info, parts in named if not any(map(is_passed, parts))]
    kept = [_member(path, archive, info, parts) for info, parts in own]
    works = any(like_work(member.name) for member in kept)
    return kept if works else [archive], listed


def _entries(data: bytes, before: int) -> int:
    """How many lines an archive's table may have. Raises RefusedError for more than are read."""
    if before + (entries := data.count(ENTRY)) > MAX_MEMBERS:
        told = f"an archive of {entries:,} files; at most {MAX_MEMBERS:,} are looked at"
        raise RefusedError(told + (", with those of others" if before else ""))
    if _beyond(data) > LONG:  # it would take zipfile minutes
        raise RefusedError("an archive whose table is longer than its files need")
    return entries


def _members(data: bytes) -> list[zipfile.ZipInfo]:
    """The files that an archive's table lists."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = [info for info in file.infolist() if not info.is_dir()]
    if sum(info.compress_size for info in members) > len(data):
        raise RefusedError("an archive whose files overlap")
    return members


def _beyond(data: bytes) -> int:
    """The bytes by which lines of tables are longer than a file needs, as each of them says.

    What the archive's end says of its table can be a lie.
    """
    lengths = (struct.unpack("<3H", line[1]) for line in LENGTHS.finditer(data))
    return sum(max(0, 46 + sum(each) - LINE) for each in lengths)


def zip_name(info: zipfile.ZipInfo) -> str:
    """A file's name in UTF-8, also where the archive doesn't say that it is, or in Windows-1252."""
    if info.flag_bits & UTF8:
        return info.filename
    try:  # then it should be code page 437, and on a Mac is not
        raw = info.filename.encode("cp437")
        return raw.decode("utf-8")
    except UnicodeEncodeError:
        return info.filename
    except UnicodeDecodeError:
        western = raw.decode("cp1252", errors="replace")
        is_western = LATIN.issuperset(western) and not LATIN.issuperset(info.filename)
        return western if is_western else info.filename


def _parts(info: zipfile.ZipInfo) -> list[str]:
    parts = zip_name(info).replace("\\", "/").split("/")
    return [part for part in parts if part not in ("", ".", "..")]


def _member(path: Path, archive: Candidate, info: zipfile.ZipInfo, parts: list[str]) -> Candidate:
    # The archive's name stays: by it, it is known when it came.
    label = f"{archive.label}/{shown(cut('/'.join(parts) or '…'))}"
    changed = moment(lambda: datetime(*info.date_time))
    told = too_large(info.file_size)
    if info.flag_bits & LOCKED:
        told = "locked with a password"
    elif info.compress_type not in METHODS:
        told = f"packed in an unusual way (method {info.compress_type})"
    load = partial(_load, path, info)
    return Candidate(label, info.file_size, changed, told, load, sent=archive.changed)


def _load(path: Path, info: zipfile.ZipInfo) -> bytes:
    """A member's bytes, never more than it says it has; without reading the table once more."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(30)
        file.seek(sum(int.from_bytes(header[i : i + 2], "little") for i in (26, 28)), io.SEEK_CUR)
        packed = file.read(info.compress_size)
    try:
        if info.compress_type == zipfile.ZIP_DEFLATED:
            packed = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, info.file_size or 1)
    except zlib.error as error:
        raise ValueError(f"a broken archive ({one_line(error)})") from error
    if header[: len(START)] != START or zlib.crc32(packed) != info.CRC:
        raise ValueError(f"a broken archive (bad CRC-32 for file {shown(info.filename)!r})")
    return packed
