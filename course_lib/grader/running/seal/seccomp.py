"""seccomp: a filter in the kernel that refuses the system calls no answer needs.

Source: Linux kernel documentation, "Seccomp BPF (SECure COMPuting with filters)".
"""

import ctypes
import errno
import os
import platform
import struct

from .syscalls import ARCHITECTURES, FORBIDDEN, LIBC, REFUSED_ARGUMENTS, call, number

ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000
CLONE_THREAD = 0x10000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16
UNKNOWN = 463  # Linux 6.13 gave this number out; what such calls do is not known here
WRITING = 0o1 | 0o2 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
SET_FILTER, ALL_THREADS, NO_NEW_PRIVS = 1, 1, 38


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def restrict() -> None:
    """Put the filter on this process, for good. Raises OSError where it can't be."""
    raw = program(os.getpid())
    buffer = ctypes.create_string_buffer(raw, len(raw))
    loaded = _Program(len(raw) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    LIBC.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
    arguments = ctypes.c_uint(SET_FILTER), ctypes.c_uint(ALL_THREADS), ctypes.byref(loaded)
    call(number("seccomp"), *arguments)


def program(pid: int) -> bytes:
    """The filter: forbidden calls fail with EPERM, some only with some of their arguments."""
    steps = [
        _step(LOAD, ARCHITECTURE_AT),
        _step(EQUAL, AUDIT[platform.machine()], 1, 0),
        _return(KILL_PROCESS),
        _step(LOAD, NUMBER_AT),
    ]
    if platform.machine() == ARCHITECTURES[0]:
        steps += [_step(AT_LEAST, X32_BIT, 0, 1), _return(KILL_PROCESS)]
    steps += [_step(AT_LEAST, UNKNOWN, 0, 1), _return(ERRNO | errno.ENOSYS)]
    # These pass flags in memory, which a filter can't read; libc then falls back to older calls.
    for name in ("clone3", "openat2"):
        steps += [_step(EQUAL, number(name), 0, 1), _return(ERRNO | errno.ENOSYS)]
    # Threads may start, and signal and limit their own process; files open for reading only.
    steps += _only_if("clone", 0, ANY_BIT, CLONE_THREAD)
    steps += _only_if("tgkill", 0, EQUAL, pid)
    steps += _only_if("prlimit64", 0, EQUAL, 0)
    steps += _unless("open", 1, ANY_BIT, WRITING)
    steps += _unless("openat", 2, ANY_BIT, WRITING)
    for name, place, values in REFUSED_ARGUMENTS:
        for value in values:
            steps += _unless(name, place, EQUAL, value)
    for forbidden in filter(None, map(number, FORBIDDEN)):
        steps += [_step(EQUAL, forbidden, 0, 1), _return(ERRNO | errno.EPERM)]
    return b"".join([*steps, _return(ALLOW)])


def _only_if(name: str, place: int, test: int, value: int) -> list[bytes]:
    """Allow a call when its argument passes the test, and refuse it otherwise."""
    return [
        _step(EQUAL, number(name), 0, 4),
        _step(LOAD, ARGUMENTS_AT + 8 * place),
        _step(test, value, 0, 1),
        _return(ALLOW),
        _return(ERRNO | errno.EPERM),
    ]


def _unless(name: str, place: int, test: int, value: int) -> list[bytes]:
    """Refuse a call when its argument passes the test, and go on with the filter otherwise."""
    known = number(name)
    if known is None:
        return []
    return [
        _step(EQUAL, known, 0, 4),
        _step(LOAD, ARGUMENTS_AT + 8 * place),
        _step(test, value, 0, 1),
        _return(ERRNO | errno.EPERM),
        _step(LOAD, NUMBER_AT),
    ]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction; the two numbers say how many to skip."""
    return struct.pack("HBBI", code, if_true, if_false, value)


def _return(value: int) -> bytes:
    return _step(RETURN, value)
