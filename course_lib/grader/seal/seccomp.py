"""seccomp: a filter in the kernel that refuses the system calls no answer needs.

Source: Linux kernel documentation, "Seccomp BPF (SECure COMPuting with filters)".
"""

import ctypes
import errno
import os
import platform
import struct

from .syscalls import ARCHITECTURES, FORBIDDEN, LIBC, call, number

ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000
CLONE_THREAD = 0x10000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER_AT, ARCHITECTURE_AT, FIRST_ARGUMENT_AT = 0, 4, 16
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
    """The filter: threads may start and signal themselves; the forbidden calls fail with EPERM."""
    refuse = _return(ERRNO | errno.EPERM)
    steps = [
        _step(LOAD, ARCHITECTURE_AT),
        _step(EQUAL, AUDIT[platform.machine()], 1, 0),
        _return(KILL_PROCESS),
        _step(LOAD, NUMBER_AT),
    ]
    if platform.machine() == ARCHITECTURES[0]:
        steps += [_step(AT_LEAST, X32_BIT, 0, 1), _return(KILL_PROCESS)]
    # clone3 passes its flags in memory, which a filter can't read; libc then falls back to clone.
    steps += [_step(EQUAL, number("clone3"), 0, 1), _return(ERRNO | errno.ENOSYS)]
    steps += [
        _step(EQUAL, number("clone"), 0, 4),
        _step(LOAD, FIRST_ARGUMENT_AT),
        _step(ANY_BIT, CLONE_THREAD, 0, 1),
        _return(ALLOW),
        refuse,
        _step(EQUAL, number("tgkill"), 0, 4),
        _step(LOAD, FIRST_ARGUMENT_AT),
        _step(EQUAL, pid, 0, 1),
        _return(ALLOW),
        refuse,
    ]
    for forbidden in filter(None, map(number, FORBIDDEN)):
        steps += [_step(EQUAL, forbidden, 0, 1), refuse]
    return b"".join([*steps, _return(ALLOW)])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction; the two numbers say how many to skip."""
    return struct.pack("HBBI", code, if_true, if_false, value)


def _return(value: int) -> bytes:
    return _step(RETURN, value)
