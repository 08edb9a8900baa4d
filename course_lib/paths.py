"""Where the course's folders are, and how its files are written."""

import hashlib
import os
import secrets
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The learner's copies; elsewhere where one installation serves many.
WORK = Path(os.environ.get("COURSE_WORK") or ROOT / "work").expanduser().resolve()


def text_digest(content: bytes) -> str:
    """The SHA-256 of a text, whichever way its lines end: a checkout may change that."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all: a crash half way leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, content, 0o666)  # less what the user's umask takes


def write_private(path: Path, content: str | bytes) -> None:
    """The same for what nobody else on this machine may read: marks, seeds, students' values."""
    make_private(path.parent)
    _replace(path, content, 0o600)


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for nobody else to look into.

    A folder that is there already stays as its owner made it.
    """
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _replace(path: Path, content: str | bytes, mode: int) -> None:
    made = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())  # or a machine that stops may leave the new name and no content
        os.replace(made, path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
