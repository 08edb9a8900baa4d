"""Limits on what a process may use, and the loss of every privilege it may have."""

import ctypes
import os
import resource

from .syscalls import call, number

CAPABILITY_VERSION = 0x20080522
THREADS = 64  # PyTorch is set to one; memory for more than about twenty of Python's is not there


def limit(seconds: int, memory: int, others: int) -> None:
    """Cap processor time, added memory in bytes, threads, files, timers and core dumps.

    `others` are threads that Linux counts for the same user.
    """
    # PyTorch has mapped much before the learner's first line; that doesn't count against them.
    address_space = mapped() + memory
    caps = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: address_space,
        resource.RLIMIT_NPROC: THREADS + others,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_SIGPENDING: 64,  # timers too; one user's processes share the rest
    }
    for kind, cap in caps.items():
        # One more second of processor time: the first limit's signal says what happened.
        resource.setrlimit(kind, (cap, cap + (kind == resource.RLIMIT_CPU)))


def mapped() -> int:
    """Bytes of memory that this process has mapped."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets."""

    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    header, none = Header(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    call(number("capset"), ctypes.byref(header), ctypes.byref(none))


def close_all_but(kept: set[int]) -> None:
    """Close every file descriptor that isn't kept."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:  # the one that listed the folder
                continue
