"""Answer sheets of one grading run: each is baked once, and read by all the processes that grade.

They tell every answer for the secret seed. So they lie in a folder that nobody else can look into,
fresh for each run and gone after it: nothing that an older run or anyone else wrote is ever read.
"""

import contextlib
import gc
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from course_lib.paths import make_private, write_private

from ..course.files import sheet_for
from ..judging.bake import baked, load_sheet
from ..judging.frames import FrameError
from ..judging.sheet import Sheet

NAME = ".sheets-"


@contextlib.contextmanager
def shelf(book: Path) -> Iterator[Path]:
    """A private folder in the gradebook for the sheets of one run.

    What a killed run has left is removed. Should that run be alive, it bakes its own sheets.
    """
    make_private(book)
    for left in book.glob(f"{NAME}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=NAME, dir=book, ignore_cleanup_errors=True) as made:
        yield Path(made).resolve()


def shared_sheet(
    folder: Path | None, root: Path, id: str, seed: int, values: Mapping[str, Any] | None = None
) -> Sheet:
    """A sheet as `sheet_for` gives it, from the shelf if it is there, and put there if it isn't.

    A worker that can't reach the folder, as on another machine of a cluster, does without.
    """
    return _shared(folder, root, id, seed, tuple((values or {}).items()))


@cache
def _shared(
    folder: Path | None, root: Path, id: str, seed: int, own: tuple[tuple[str, Any], ...]
) -> Sheet:
    sheet = _read_or_baked(folder, root, id, seed, dict(own))
    # It stays as long as the process: collecting garbage would look through it again and again,
    # which took most of the time of reading frames.
    gc.freeze()
    return sheet


def _read_or_baked(
    folder: Path | None, root: Path, id: str, seed: int, own: dict[str, Any]
) -> Sheet:
    if folder is None or not folder.is_dir():
        return sheet_for(root, id, seed, own)
    path = folder / hashlib.sha256(repr((id, seed, sorted(own.items()))).encode()).hexdigest()
    with contextlib.suppress(OSError, FrameError):
        return load_sheet(path)
    sheet = sheet_for(root, id, seed, own)
    with contextlib.suppress(OSError):  # a full disk costs time and no marks
        write_private(path, baked(sheet))
    return sheet
