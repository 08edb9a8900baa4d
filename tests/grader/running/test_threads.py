"""One answer that starts all the threads it can, and the others, who start theirs meanwhile."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from course_lib.grader.judging.flat import shallow
from course_lib.grader.judging.frames import nested, pack, unpack
from course_lib.grader.judging.key import case
from course_lib.grader.running import seal
from course_lib.grader.running.seal import bwrap, limits
from course_lib.grader.running.warm import Limits, Warm
from course_lib.paths import ROOT

# Threads that share one stack and wait for ever: they take no memory, so that no limit on memory
# stops them. 0x50f00: CLONE_VM, FS, FILES, SIGHAND, THREAD and SYSVSEM.
FLOOD = """import ctypes, time
libc = ctypes.CDLL(None, use_errno=True)
stack = ctypes.create_string_buffer(1 << 16)
top = ctypes.c_void_p((ctypes.addressof(stack) + (1 << 16) - 64) & ~15)
libc.clone.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
pause = ctypes.cast(libc.pause, ctypes.c_void_p)
made = [libc.clone(pause, top, 0x50F00, None) for _ in range(999)]
started, error = sum(pid > 0 for pid in made), ctypes.get_errno()
"""
TOLD = "raise ValueError(started, error)\n"
HONEST = """import threading
told = []
threads = [threading.Thread(target=told.append, args=(i,)) for i in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
def double(x): return 2 * x if len(told) == 8 else None
"""


def run(warm, source, seconds=60.0):
    cases = nested(shallow([case("x", torch.ones(2))]))
    job = {"job": "run", "name": "double", "pieces": [(0, source)], "cases": cases, "cell": 0}
    return warm.run(pack(job), Limits(seconds, wall=seconds))


def stopped(report):
    return unpack(report.frame)["failed"][0][1][0]


def test_an_answer_starts_no_more_threads_than_a_few(warm):
    assert stopped(run(warm, FLOOD + TOLD)) == f"ValueError: ({limits.THREADS - 1}, 11)"


def test_the_others_start_theirs_meanwhile(warm):
    flood = threading.Thread(target=run, args=(warm, FLOOD + "time.sleep(60)\n"))
    flood.start()
    try:
        guilty = full(warm.process.pid)
        with Warm(ROOT, warm.level) as other:
            (outcome,) = unpack(run(other, HONEST).frame)["outcomes"]
            assert outcome["values"][0].tolist() == [2, 2]
            assert stopped(run(other, FLOOD + TOLD)) == f"ValueError: ({limits.THREADS - 1}, 11)"
        assert len(os.listdir(f"/proc/{guilty}/task")) == limits.THREADS
    finally:
        os.kill(guilty, signal.SIGKILL)
        flood.join()


def full(pid):
    """The process below this one that has all of its threads, once there is one."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError):  # one has ended
            for process in below(pid):
                if len(os.listdir(f"/proc/{process}/task")) == limits.THREADS:
                    return process
        time.sleep(0.05)
    raise AssertionError("nobody started threads")


def below(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children] + [p for child in children for p in below(int(child))]


ALONE = f"""import sys
sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]
from test_threads import FLOOD, TOLD, Warm, ROOT, run, stopped
with Warm(ROOT, sys.argv[1]) as warm:
    print(stopped(run(warm, FLOOD + TOLD)), warm.alone)
"""


@pytest.mark.parametrize("namespaces", ["allowed", "refused"])
@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user already")
@pytest.mark.skipif(bool(bwrap.missing()), reason=bwrap.missing())
@pytest.mark.skipif(seal.reachable()[0] != "strong", reason=seal.reachable()[1])
def test_an_ordinary_users_answers_are_limited_too(namespaces):
    if namespaces == "refused" and "--disable-userns" not in help_of("bwrap"):
        pytest.skip("this bubblewrap can't refuse namespaces")
    command = [*as_ordinary_user(namespaces), sys.executable, "-c", ALONE, "strong"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    most, alone = done.stdout.split(" (")[1].split(", 11) ")
    assert alone.strip() == str(namespaces == "allowed")
    assert limits.THREADS - 1 <= int(most) < 900, "with what the user runs elsewhere"


@pytest.mark.skipif(os.geteuid() != 0, reason="about root")
def test_a_root_who_may_not_change_users_seals_nothing():
    code = "from course_lib.grader.running import seal; print(*seal.reachable())"
    command = ["setpriv", "--bounding-set=-setuid", sys.executable, "-c", code]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60).stdout
    assert told.startswith("process root may not change users here (CAP_SETUID)")


def help_of(program):
    return subprocess.run([program, "--help"], capture_output=True, text=True).stdout


def as_ordinary_user(namespaces):
    """How root starts a Python as a user who may read it, and this course, and change nothing."""
    paths = [Path(sys.base_prefix), Path(sys.prefix), ROOT]
    home = ["--tmpfs", "/root"] if any(p.is_relative_to("/root") for p in paths) else []
    above = [arg for path in paths for arg in ("--dir", str(path.parent))]
    shown = [arg for path in paths for arg in ("--ro-bind", str(path), str(path))]
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    refuse = ["bwrap", "--unshare-user", "--disable-userns", "--dev-bind", "/", "/"]
    inner = refuse if namespaces == "refused" else []
    return ["bwrap", "--dev-bind", "/", "/", *home, *above, *shown, *user, *inner]
