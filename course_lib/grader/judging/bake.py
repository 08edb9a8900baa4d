"""Answer sheets as files, for learners who get the course without its solutions."""

import zlib
from dataclasses import replace
from pathlib import Path

from course_lib.paths import write_atomic

from .flat import case_from, outcomes_from, shallow
from .frames import FrameError, pack, unpack
from .sheet import Recorded, Sheet
from .terms import Terms

MAX_BYTES = 64 << 20


def sheet_file(root: Path, id: str) -> Path:
    """Where the baked sheet of an exercise lies."""
    return root / "sheets" / f"{id}.sheet"


def baked(sheet: Sheet) -> bytes:
    """A sheet without its solution: what is right, and what each mistake gives."""
    return zlib.compress(pack(shallow(replace(sheet, solution="", mistakes=tuple(sheet.mistakes)))))


def save_sheet(path: Path, sheet: Sheet) -> None:
    """Write a sheet, without its solution, for everybody."""
    write_atomic(path, baked(sheet))


def load_sheet(path: Path) -> Sheet:
    """Read a baked sheet. Raises FrameError, naming the file, when it is damaged."""
    try:
        tree = unpack(_inflated(path.read_bytes()), MAX_BYTES)
        mistakes = tuple(
            Recorded(**(m | {"outcomes": outcomes_from(m["outcomes"])})) for m in tree["mistakes"]
        )
        cases = tuple(case_from(case) for case in tree["cases"])
        expected = outcomes_from(tree["expected"])
        terms = tuple(Terms(**each) for each in tree["terms"])
        made = {"mistakes": mistakes, "cases": cases, "expected": expected, "terms": terms}
        return Sheet(**(tree | made))
    except (FrameError, KeyError, TypeError, zlib.error) as error:
        raise FrameError(f"{path} is damaged ({error}): take a fresh copy") from error


def _inflated(data: bytes) -> bytes:
    reader = zlib.decompressobj()
    whole = reader.decompress(data, MAX_BYTES)
    if not reader.eof:
        raise FrameError(f"cut short, or more than {MAX_BYTES} bytes")
    return whole
