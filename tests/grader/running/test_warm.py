"""A sealed child: what it returns, what it is refused, and that nothing it does outlives it."""

import os
import platform
import threading
import time
from pathlib import Path

import pytest
import torch

from course_lib.grader.judging.flat import outcomes_from, shallow
from course_lib.grader.judging.frames import nested, pack, unpack
from course_lib.grader.judging.key import case
from course_lib.grader.running import seal
from course_lib.grader.running.exchange import LOG_CAP
from course_lib.grader.running.seal import bwrap, seccomp
from course_lib.grader.running.warm import Limits, Report, Warm
from course_lib.paths import ROOT

ANSWER = "import torch\ndef double(x):\n    return 2 * x\n"
X = torch.arange(6.0).reshape(2, 3)


def run(warm, source, seconds=5.0):
    job = {
        "job": "run",
        "name": "double",
        "pieces": [(0, source)],
        "cases": nested(shallow([case("x", X)])),
        "cell": 0,
    }
    return warm.run(pack(job), Limits(seconds, wall=seconds))


def stopped(report):
    return unpack(report.frame)["failed"][0][1][0]


def is_right(report):
    (outcome,) = outcomes_from(unpack(report.frame)["outcomes"])
    return torch.equal(outcome.values[0], 2 * X)


def test_an_answer_comes_back(warm):
    report = run(warm, ANSWER)
    assert is_right(report) and (report.exit, report.signal, report.timed_out) == (0, 0, False)


REFUSED = {
    "read a file": "open('/etc/passwd')",
    "read the solutions": f"open({str(ROOT / 'solutions/02_attention.py')!r})",
    "list the keys": f"import os; os.listdir({str(ROOT / 'solutions/keys')!r})",
    "read its own environment": "open('/proc/self/environ')",
    "read the grader's memory": "import os; open(f'/proc/{os.getppid()}/mem')",
    "remove a file": f"import os; os.remove({str(ROOT / 'README.md')!r})",
    "link a file": "import os; os.symlink('/etc/passwd', '/tmp/course-test-escape')",
    "link a file twice": "import os; os.link(os.__file__, '/tmp/course-test-escape')",
    "make a pipe": "import os; os.mkfifo('/tmp/course-test-escape')",
    "open a socket": "import socket; socket.socket()",
    "open a datagram socket": "import socket; socket.socket(type=socket.SOCK_DGRAM)",
    "start a program": "import subprocess; subprocess.run(['/bin/true'])",
    "replace itself": "import os; os.execv('/bin/true', ['true'])",
    "fork": "import os; os.fork()",
    "spawn": "import os; os.posix_spawn('/bin/true', ['true'], {})",
    "signal the grader": "import os; os.kill(os.getppid(), 9)",
    "signal everything": "import os; os.kill(-1, 9)",
    "leave its session": "import os; os.setsid()",
    "become root": "import os; os.setuid(0)",
    "import the answer": "from course_lib.nn.attention import scaled_dot_product_attention",
    "raise a limit": (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))"
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_may_not(warm, name):
    if warm.level == "bwrap" and name == "read its own environment":
        pytest.skip("inside bubblewrap it may: nothing of the grader is in it")
    told = stopped(run(warm, REFUSED[name] + "\n" + ANSWER))
    kinds = "PermissionError", "ValueError", "ModuleNotFoundError", "BlockingIOError"
    if warm.level == "bwrap":
        kinds = *kinds, "FileNotFoundError", "OSError"  # not there, or on a read-only system
    assert told.split(":")[0] in kinds, told
    assert is_right(run(warm, ANSWER))


WRITES = {
    "write a file": "open('/tmp/course-test-escape', 'w').write('x')",
    "write into the course": f"open({str(ROOT / 'README.md')!r}, 'a').write('x')",
    "make a folder": "import os; os.mkdir('/tmp/course-test-escape')",
}


@pytest.mark.parametrize("name", WRITES)
def test_what_it_writes_goes_nowhere_and_stops_nothing(warm, name):
    before = (ROOT / "README.md").read_bytes()
    assert is_right(run(warm, WRITES[name] + "\n" + ANSWER))
    assert not Path("/tmp/course-test-escape").exists()
    assert (ROOT / "README.md").read_bytes() == before


ENDS = {
    "an endless loop": "while True: pass",
    "a loop that ignores signals": (
        "import signal\nfor s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\nwhile True: pass"
    ),
    "a loop in C": "sum(range(10**15))",
    "sleeping": "import time; time.sleep(3600)",
    "leaving": "import os; os._exit(0)",
    "leaving with an error": "import os; os._exit(3)",
    "a segfault": "import ctypes; ctypes.string_at(0)",
    "an abort": "import os; os.abort()",
    "a thread that never ends": (
        "import threading\nthreading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()\n"
        "while True: pass"
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_it_ends_in_time_without_a_result(warm, name):
    began = time.monotonic()
    report = run(warm, ENDS[name] + "\n" + ANSWER, seconds=1.0)
    # Left alone they take an hour or for ever, so a minute is in time on a busy machine too.
    assert report.frame == b"" and time.monotonic() - began < 60
    assert is_right(run(warm, ANSWER))


def test_more_memory_than_allowed_is_an_error_of_the_learner(warm):
    assert stopped(run(warm, "x = bytearray(50 << 30)\n" + ANSWER)).startswith("MemoryError")


def test_many_threads_are_refused(warm):
    source = "import threading, time\nfor _ in range(2000):\n"
    source += "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    assert "can't start new thread" in stopped(run(warm, source + ANSWER))


def test_a_flood_costs_the_grader_little(warm):
    began = time.process_time()
    report = run(warm, "import os\nwhile True: os.write(2, bytes(10**6))", seconds=8.0)
    spent = time.process_time() - began
    assert not report.frame and spent < 2, (spent, report.cpu)
    assert is_right(run(warm, ANSWER))


def test_what_it_prints_is_cut(warm):
    report = run(warm, "import os\nfor _ in range(10**4): os.write(2, b'x' * 10**5)\n" + ANSWER)
    assert len(report.log) == LOG_CAP
    assert is_right(run(warm, ANSWER))


def test_a_forged_frame_is_only_its_own(warm):
    forged = "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'forged')\n"
    forged += "    except OSError: pass\nos._exit(0)\n"
    report = run(warm, forged)
    assert report.frame in (b"", b"forged")
    assert is_right(run(warm, ANSWER))


def test_nothing_of_one_job_is_left_for_the_next(warm):
    run(warm, "import builtins, torch\nbuiltins.leak = 1\ntorch.softmax = None\n" + ANSWER)
    assert stopped(run(warm, "leak\n" + ANSWER)).startswith("NameError")


def test_a_lost_warm_process_is_replaced(warm):
    warm.process.kill()
    warm.process.wait()
    assert is_right(run(warm, ANSWER))


def below(pid):
    """The processes that one has started, and those that they have."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [*children, *(each for child in children for each in below(child))]


def test_no_file_descriptor_and_no_process_is_left(warm):
    run(warm, ANSWER)
    before, processes = len(os.listdir("/proc/self/fd")), below(warm.process.pid)
    for source in ("while True: pass", "import os; os._exit(1)", ANSWER):
        run(warm, source, seconds=0.5)
    assert len(os.listdir("/proc/self/fd")) == before
    assert below(warm.process.pid) == processes
    assert len(processes) == (0 if warm.level == "strong" else 2), "bubblewrap's, and the warm one"
    assert not Path("/tmp/course-test-escape").exists()


def test_the_filter_is_built_for_the_machine_it_runs_on(monkeypatch):
    here = seccomp.program(1)
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises((OSError, KeyError)):
        seccomp.program(1)
    assert len(here) % 8 == 0 and len(here) // 8 < 4096


@pytest.mark.skipif(bwrap.missing() != "", reason=bwrap.missing())
def test_without_landlock_bubblewrap_is_used_where_it_works_and_else_said(monkeypatch, tmp_path):
    monkeypatch.setattr(seal.landlock, "version", lambda: 0)
    assert seal.reachable()[0] == "bwrap" and "no Landlock" in seal.reachable()[1]
    refused = tmp_path / "bwrap"
    refused.write_text("#!/bin/sh\necho 'bwrap: No permissions to create namespace' >&2; exit 1\n")
    refused.chmod(0o755)
    for path, told in ((tmp_path, "refused here: bwrap: No permissions"), ("", "not installed")):
        bwrap.missing.cache_clear()
        monkeypatch.setenv("PATH", str(path))
        assert seal.reachable()[0] == "process" and told in seal.reachable()[1]
    bwrap.missing.cache_clear()


def test_inside_bubblewrap_there_is_only_what_is_shown(warm):
    if warm.level != "bwrap":
        pytest.skip("about bubblewrap")
    source = "import os; raise ValueError(sorted(os.listdir('{}')))"
    assert "solutions" not in stopped(run(warm, source.format(ROOT)))
    inside = stopped(run(warm, source.format(ROOT / "course_lib")))
    assert "grader" in inside and "nn" not in inside and "models" not in inside
    pids = "import os; raise ValueError(len([p for p in os.listdir('/proc') if p.isdigit()]))"
    assert stopped(run(warm, pids)) == "ValueError: 3"


def test_a_machine_that_cannot_seal_says_why(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert seal.reachable() == ("process", "no system call numbers for riscv64")


def test_a_warm_process_that_is_killed_gets_a_successor(warm):
    run(warm, ANSWER)
    first = warm.process.pid
    os.kill(first, 9)
    assert is_right(run(warm, ANSWER)) and warm.process.pid != first
    slow = ANSWER + "import time; time.sleep(1)"
    killer = threading.Timer(0.5, os.kill, (warm.process.pid, 9))
    killer.start()
    assert is_right(run(warm, slow)), "nobody is blamed for what happened to the grader"
    killer.join()


def test_a_machine_that_cannot_seal_is_told_before_any_answer_runs(monkeypatch):
    warm = Warm(ROOT, "no such level")
    monkeypatch.setattr(Warm, "_try", lambda *a, **k: Report(b"", b"OSError: no seccomp"))
    with pytest.raises(RuntimeError, match=r"can be sealed here under .*: OSError: no seccomp"):
        warm.start()
    assert warm.process is None


def test_a_level_that_there_is_not_seals_nothing_and_says_so():
    with pytest.raises(RuntimeError, match="'' is none of strong, bwrap, process"):
        Warm(ROOT, "").start()
