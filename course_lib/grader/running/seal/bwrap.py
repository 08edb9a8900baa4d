"""bubblewrap: a program that starts another one with hardly any files, network or processes.

For kernels that have namespaces but no Landlock. Only the files named here exist inside.
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
# What the warm process imports of the course: no key, no solution, no working attention.
COURSE = ("__init__.py", "device.py", "notebooks.py", "paths.py", "grader")
SYSTEM = ("/lib", "/lib64", "/usr/lib", "/etc/ld.so.cache", "/sys/devices/system/cpu")
ALONE = (
    "--die-with-parent", "--new-session", "--cap-drop", "ALL",
    "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--chdir", "/",
)  # fmt: skip
# Root keeps what it takes to make each child a user apart, and to end it. In a user namespace,
# which others need, there would be no other user to become.
AS_ROOT = (
    "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
    "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_KILL",
)  # fmt: skip
AS_OTHERS = ("--unshare-all",)
# One answer must not leave a note for the next. (In /tmp, where matplotlib wants to be allowed to
# write, seccomp refuses it.)
NOTHING_STAYS = ("--remount-ro", "/dev", "--remount-ro", "/")


def wrapped(command: list[str], root: Path) -> list[str]:
    """The command as bubblewrap starts it: alone with Python's libraries and the grader's code."""
    python = [str(Path(sys.executable).parent), sys.prefix, sys.base_prefix]
    course = [str(root / "course_lib" / name) for name in COURSE]
    above = {str(Path(path).parent) for path in (*SYSTEM, *python, *course)}
    shown = [arg for path in sorted(above) for arg in ("--dir", path)]  # or only root may enter
    shown += [arg for path in (*SYSTEM, *python) for arg in ("--ro-bind-try", path, path)]
    shown += [arg for path in course for arg in ("--ro-bind", path, path)]
    who = AS_OTHERS if os.geteuid() else AS_ROOT
    return ["bwrap", *ALONE, *who, *shown, *NOTHING_STAYS, "--", *command]


@cache
def missing() -> str:
    """Why bubblewrap can't be used here; nothing where it was tried and works."""
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed"
    command = wrapped([sys.executable, "-I", "-c", "pass"], ROOT)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start ({type(error).__name__})"
    said = done.stderr.strip().split("\n")[0][:200]
    return f"bubblewrap is refused here: {said}" if done.returncode else ""
