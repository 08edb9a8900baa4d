"""Where the course's folders are."""

import hashlib
import os
import tempfile
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
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
        os.chmod(name, 0o644)  # mkstemp makes it private to its owner
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
