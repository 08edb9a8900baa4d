"""Commands for somebody who may not write where a folder's mode forbids it."""

import os
import sys
from pathlib import Path

# Root writes everywhere, by a capability that is dropped here: PR_CAPBSET_DROP, CAP_DAC_OVERRIDE.
DROPPED = """
import ctypes, os, sys
assert ctypes.CDLL(None).prctl(24, 1, 0, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


def as_another(command: list[str]) -> list[str]:
    """The same command, without what only root may."""
    if os.geteuid():
        return command
    return [sys.executable, "-c", DROPPED, *command]


def make_read_only(root: Path) -> None:
    """Take away the right to write from a folder and all in it."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
