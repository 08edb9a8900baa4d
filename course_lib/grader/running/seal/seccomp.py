"""seccomp: a filter in the kernel that lets pass only the system calls that an answer needs.

A list of what is forbidden was here before. It had holes: `sync` holds up the whole machine, some
file systems make a folder on an `ioctl`, and each new kernel brings calls that nobody listed.

Source: Linux kernel documentation, "Seccomp BPF (SECure COMPuting with filters)".
"""

import ctypes
import errno
import os
import platform
import struct

from .syscalls import ALLOWED, ALLOWED_ARGUMENTS, ARCHITECTURES, LIBC, call, number

ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000
CLONE_THREAD = 0x10000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16
# From here on, Linux 5.1 and the same on all architectures, a C library does without a call that
# doesn't exist. Of clone3 and openat2 it must not know: a filter can't read their flags.
YOUNG = 424
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
    """The filter: what isn't listed fails with EPERM, or as if this kernel were older."""
    steps = [
        _step(LOAD, ARCHITECTURE_AT),
        _step(EQUAL, AUDIT[platform.machine()], 1, 0),
        _return(KILL_PROCESS),
        _step(LOAD, NUMBER_AT),
    ]
    if platform.machine() == ARCHITECTURES[0]:
        steps += [_step(AT_LEAST, X32_BIT, 0, 1), _return(KILL_PROCESS)]
    for allowed in filter(lambda n: n is not None, map(number, ALLOWED)):
        steps += [_step(EQUAL, allowed, 0, 1), _return(ALLOW)]
    # Threads may start, and signal their own process; files open for reading only.
    steps += _by_argument("clone", 0, [_step(ANY_BIT, CLONE_THREAD, 0, 1), _return(ALLOW)])
    steps += _by_argument("tgkill", 0, [_step(EQUAL, pid, 0, 1), _return(ALLOW)])
    for name, place in (("open", 1), ("openat", 2)):
        steps += _by_argument(name, place, [_step(ANY_BIT, WRITING, 1, 0), _return(ALLOW)])
    for name, place, values in ALLOWED_ARGUMENTS:
        tests = [step for v in values for step in (_step(EQUAL, v, 0, 1), _return(ALLOW))]
        steps += _by_argument(name, place, tests)
    steps += [_step(AT_LEAST, YOUNG, 0, 1), _return(ERRNO | errno.ENOSYS)]
    return b"".join([*steps, _return(ERRNO | errno.EPERM)])


def _by_argument(name: str, place: int, tests: list[bytes]) -> list[bytes]:
    """Load an argument of the call for tests that may allow it; without that it is refused."""
    known = number(name)
    if known is None:
        return []
    body = [_step(LOAD, ARGUMENTS_AT + 8 * place), *tests, _return(ERRNO | errno.EPERM)]
    return [_step(EQUAL, known, 0, len(body)), *body]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction; the two numbers say how many to skip."""
    return struct.pack("HBBI", code, if_true, if_false, value)


def _return(value: int) -> bytes:
    return _step(RETURN, value)
