"""Make a child a user apart, so that Linux counts its threads for it alone and stops at a few.

Linux counts threads by user and doesn't count those of root at all: one answer that starts
thousands in a moment would leave none for the others. Root's children become users that nobody
else is. Those of others go into a user namespace, where Linux counts anew since version 5.14.
Where neither works, what the user runs already has to be added to the limit.
"""

import ctypes
import os
import platform
import re

from .syscalls import call, number

NEW_USER, NEW_NETWORK, NEW_IPC = 0x10000000, 0x40000000, 0x08000000
# systemd's table of user ids has these for nobody: far above people, below the 2**31 that few bear.
FIRST_USER = 0x7A000000
COUNTED_APART = (5, 14)
RIGHTS = 1 << 6 | 1 << 7  # CAP_SETGID and CAP_SETUID


def apart(level: str, reading: bool) -> bool:
    """Make this process a user apart; under `strong` also leave the network and IPC of others.

    Returns whether its threads are counted for it alone. Namespaces are a bonus that many systems
    refuse; the rest of the seal has to hold without them. `reading` is for `own_user`.
    """
    left = level == "bwrap" or _leave(
        NEW_NETWORK | NEW_IPC
    )  # root may at once, who else in its own
    own = own_user(reading)
    rest = 0 if left else NEW_NETWORK | NEW_IPC
    namespace = (_leave(NEW_USER | rest) or _leave(NEW_USER)) if level == "strong" or not own else 0
    return own or (bool(namespace) and _version() >= COUNTED_APART)


def own_user(reading: bool) -> bool:
    """Become a user who is nobody else, in no group. Only root can; returns whether it did.

    With `reading`, root's right to read files stays, without which Python may lie out of reach: in
    root's home, say. It is the real user whose threads are counted, not the effective one.
    """
    if os.geteuid():
        return False
    user = FIRST_USER + int.from_bytes(os.urandom(3), "little")
    effective = 0 if reading else user
    try:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, effective, effective)
    except OSError:  # a container that has few users, and none of these
        return False
    return True


def uncounted() -> str:
    """Why nothing here can limit a child's threads; nothing where something can."""
    with open("/proc/self/status", encoding="ascii") as file:
        rights = int(re.search(r"CapEff:\s*(\w+)", file.read())[1], 16)
    with open("/proc/self/uid_map", encoding="ascii") as file:
        is_root = file.read().split()[:2] == ["0", "0"] and os.geteuid() == 0
    if is_root and rights & RIGHTS != RIGHTS:
        return "root may not change users here (CAP_SETUID): grade as an ordinary user"
    return ""


def running() -> int:
    """How many threads this user has on the machine."""
    own, count = str(os.getuid()), 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/status", encoding="utf-8", errors="replace") as file:
                about = dict(line.split(":", 1) for line in file)
        except OSError:  # it has ended
            continue
        count += int(about["Threads"]) if about["Uid"].split()[0] == own else 0
    return count


def _leave(kinds: int) -> bool:
    """Leave for namespaces of its own. No user is mapped into one, so no privilege comes along."""
    try:
        call(number("unshare"), ctypes.c_int(kinds))
    except OSError:
        return False
    return True


def _version() -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", platform.release())[:2]))
