"""System calls by number, for the two architectures that the seal knows."""

import ctypes
import os
import platform
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
ARCHITECTURES = ("x86_64", "aarch64")

# Tables of this file hold name: (x86-64, aarch64); None where the architecture has no such call.
Table = dict[str, tuple[int | None, int | None]]

# What Python, NumPy, PyTorch, matplotlib and threads were seen to call, and near relations of it
# that other versions of the C library call instead. None of these leaves anything behind.
ALLOWED: Table = {
    # memory of its own
    "mmap": (9, 222), "munmap": (11, 215), "mprotect": (10, 226), "mremap": (25, 216),
    "brk": (12, 214),
    # what is open, what files there are, and pipes to itself
    "read": (0, 63), "readv": (19, 65), "pread64": (17, 67), "write": (1, 64), "writev": (20, 66),
    "lseek": (8, 62), "close": (3, 57), "fstat": (5, 80), "stat": (4, None), "lstat": (6, None),
    "newfstatat": (262, 79), "statx": (332, 291), "access": (21, None), "faccessat": (269, 48),
    "readlink": (89, None), "readlinkat": (267, 78), "getdents64": (217, 61), "getcwd": (79, 17),
    "chdir": (80, 49), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "pipe": (22, None),
    "pipe2": (293, 59), "select": (23, None), "pselect6": (270, 72), "poll": (7, None),
    "ppoll": (271, 73),
    # time
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101), "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153),
    "getrusage": (98, 165), "getitimer": (36, 102), "setitimer": (38, 103), "alarm": (37, None),
    # threads, and signals to itself
    "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "gettid": (186, 178),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "getcpu": (309, 168),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133),
    "sigaltstack": (131, 132), "pause": (34, None), "restart_syscall": (219, 128),
    "exit": (60, 93), "exit_group": (231, 94),
    # who and where it is
    "getpid": (39, 172), "getppid": (110, 173), "getuid": (102, 174), "geteuid": (107, 175),
    "getgid": (104, 176), "getegid": (108, 177), "getresuid": (118, 148),
    "getresgid": (120, 150), "uname": (63, 160), "sysinfo": (99, 179), "getrlimit": (97, 163),
    "setrlimit": (160, 164), "getrandom": (318, 278), "arch_prctl": (158, None),
}  # fmt: skip

# Allowed only with some arguments, or used by the seal itself before the filter is on.
NUMBERS: Table = {
    "capset": (126, 91),
    "clone": (56, 220),
    "fcntl": (72, 25),
    "ioctl": (16, 29),
    "madvise": (28, 233),
    "open": (2, None),
    "openat": (257, 56),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "seccomp": (317, 277),
    "tgkill": (234, 131),
    "unshare": (272, 97),
}

# (call, place of an argument, the values of it that are allowed)
ALLOWED_ARGUMENTS: tuple[tuple[str, int, tuple[int, ...]], ...] = (
    # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC: no locks, leases, signals to
    # others, or larger pipes
    ("fcntl", 1, (0, 1, 2, 3, 4, 1030)),
    # Is it a terminal, in two ways, and how wide? How much is there to read? FIONBIO, FIONCLEX,
    # FIOCLEX. A file system can have calls of its own, and one makes a folder.
    ("ioctl", 1, (0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),
    # MADV_DONTNEED, FREE, HUGEPAGE, NOHUGEPAGE, DONTDUMP, and the guards of a stack
    ("madvise", 2, (4, 8, 14, 15, 16, 102, 103)),
    # a thread's name, set and read; is there a capability? a mapping's name
    ("prctl", 0, (15, 16, 23, 0x53564D41)),
    ("prlimit64", 0, (0,)),  # its own limits
)


def number(name: str) -> int | None:
    """The number of a call here. Raises OSError on an architecture that isn't known."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise OSError(f"no system call numbers for {machine}; known: {', '.join(ARCHITECTURES)}")
    return (NUMBERS | ALLOWED)[name][ARCHITECTURES.index(machine)]


def call(number: int, *arguments: Any) -> int:
    """Make a system call. Raises OSError when it fails."""
    result = LIBC.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
