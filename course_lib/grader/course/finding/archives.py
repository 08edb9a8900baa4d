"""Zip archives, looked into where they lie.

An archive's own words are never trusted: its names are labels, its sizes are bounds for reading.
What it packs in unusual ways is left alone, since only deflate can be read piece by piece.
"""

import io
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
START, ENTRY, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"  # of a file, a line, the table
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LOCKED, UTF8 = 0x1, 0x800  # bits of a member's flags


class RefusedError(Exception):
    """An archive that is not looked into; the message says why."""


def opened(path: Path, archive: Candidate, before: int = 0) -> tuple[list[Candidate], int]:
    """The files of an archive that has a notebook or a script in it; any other file as it is.

    Also how many files the archives have that were opened by now, with those of `before`.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(START)) != START:
                return [archive], before
        members, count = _members(archive.load(), before)
    except OSError as error:
        return [replace(archive, trouble=refusal(error))], before
    except RefusedError as error:
        return [replace(archive, trouble=str(error))], before
    except Exception as error:  # zipfile raises many kinds for what is damaged
        told = f"a broken archive ({one_line(error)})"
        return [replace(archive, trouble=told)], before
    own = [info for info in members if not any(map(is_passed, _parts(info)))]
    kept = [_member(path, archive, info) for info in own]
    works = any(like_work(member.name) for member in kept)
    return kept if works else [archive], before + count


def _members(data: bytes, before: int) -> tuple[list[zipfile.ZipInfo], int]:
    """The files that an archive's table lists, and how many lines that may have."""
    if before + (entries := data.count(ENTRY)) > MAX_MEMBERS:
        told = f"an archive of {entries:,} files; at most {MAX_MEMBERS:,} are looked at"
        raise RefusedError(told + (", with those of others" if before else ""))
    if _table(data) > LINE * entries + LONG:  # it would take zipfile minutes
        raise RefusedError("an archive whose table is longer than its files need")
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = [info for info in file.infolist() if not info.is_dir()]
    if sum(info.compress_size for info in members) > len(data):
        raise RefusedError("an archive whose files overlap")
    return members, entries


def _table(data: bytes) -> int:
    """The bytes of an archive's table, as its end says."""
    end = data.rfind(END)
    return int.from_bytes(data[end + 12 : end + 16], "little") if end >= 0 else 0


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
        return western if _is_latin(western) and not _is_latin(info.filename) else info.filename


def _is_latin(name: str) -> bool:
    return all(c.isascii() or unicodedata.name(c, "").startswith("LATIN ") for c in name)


def _parts(info: zipfile.ZipInfo) -> list[str]:
    parts = zip_name(info).replace("\\", "/").split("/")
    return [shown(part) for part in parts if part not in ("", ".", "..")]


def _member(path: Path, archive: Candidate, info: zipfile.ZipInfo) -> Candidate:
    # The archive's name stays: by it, it is known when it came.
    label = f"{archive.label}/{cut('/'.join(_parts(info) or ['…']))}"
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
