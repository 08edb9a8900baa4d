"""Seal a process that is about to run code nobody has read.

Levels, from the strongest: `strong` (Landlock, seccomp, limits, no privileges, and namespaces of
its own where the system allows them), `bwrap` (the same without Landlock, inside bubblewrap, which
shows it no other files) and `process` (limits and a time limit only: it stops accidents; an answer
that wants to can read the keys and change files). A level is what was reached, never what was hoped
for.
"""

import platform
import sys

if sys.platform == "linux":  # here and not below: a child has no course to import from
    from . import bwrap, landlock, limits, seccomp, users
    from .syscalls import ARCHITECTURES

LEVELS = ("strong", "bwrap", "process")


def reachable() -> tuple[str, str]:
    """The strongest level of this machine, and why it isn't a stronger one."""
    if sys.platform != "linux":
        return "process", f"sealing needs Linux; this is {sys.platform}"
    if platform.machine() not in ARCHITECTURES:
        return "process", f"no system call numbers for {platform.machine()}"
    if why := users.uncounted():
        return "process", why
    if landlock.version():
        return "strong", ""
    why = "this kernel has no Landlock (Linux 5.13 or newer has)"
    if missing := bwrap.missing():
        return "process", f"{why}, and {missing}"
    return "bwrap", why


def seal(level: str, readable: list[str], seconds: int, memory: int, others: int) -> None:
    """Put the level on this process, for good. Raises OSError if any part of it fails,
    ValueError for a level that there isn't.

    `others` are threads that Linux counts together with its own.
    """
    if level not in LEVELS:
        raise ValueError(f"{level!r} is none of {', '.join(LEVELS)}")
    limits.limit(seconds, memory, others)
    if level == "process":
        return
    if level == "strong":
        landlock.restrict(readable)
    limits.drop_capabilities()
    seccomp.restrict()
