"""Landlock: a process gives up all files but those it names, and TCP and signals with them.

Source: Linux kernel documentation, "Landlock: unprivileged access control".
"""

import ctypes
import os

from .syscalls import LIBC, call

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same number on every architecture
EXECUTE, READ_FILE, READ_DIR = 1, 4, 8
PATH_BENEATH = 1
VERSION_QUERY = 1
NO_NEW_PRIVS = 38
UNLOGGED = 1  # an answer that asks for files in a loop must not fill the machine's audit log


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scope", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("fd", ctypes.c_int32))


def version() -> int:
    """The kernel's Landlock version; 0 where there is none."""
    try:
        size, flags = ctypes.c_size_t(0), ctypes.c_uint32(VERSION_QUERY)
        return call(CREATE_RULESET, None, size, flags)
    except OSError:
        return 0


def restrict(readable: list[str]) -> None:
    """Allow reading below these paths, and no other use of files; no TCP, no signals outward.

    Raises OSError where the kernel has no Landlock.
    """
    known = version()
    if not known:
        raise OSError("this kernel has no Landlock")
    handled = _Ruleset(_file_rights(known), 3 if known >= 4 else 0, 3 if known >= 6 else 0)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    ruleset = call(CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for path in readable:
            _allow_reading(ruleset, path)
        LIBC.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
        flags = UNLOGGED if known >= 7 else 0
        call(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(flags))
    finally:
        os.close(ruleset)


def _file_rights(known: int) -> int:
    """Every right that this version can withhold."""
    rights = (1 << 13) - 1
    rights |= 1 << 13 if known >= 2 else 0  # moving files between folders
    rights |= 1 << 14 if known >= 3 else 0  # truncating
    rights |= 1 << 15 if known >= 5 else 0  # device control
    return rights


def _allow_reading(ruleset: int, path: str) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rights = READ_FILE | EXECUTE | (READ_DIR if os.path.isdir(path) else 0)
        rule = _PathRule(rights, fd)
        call(
            ADD_RULE,
            ctypes.c_int(ruleset),
            ctypes.c_int(PATH_BENEATH),
            ctypes.byref(rule),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(fd)
