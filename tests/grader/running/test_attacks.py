"""Attacks of submissions that once worked, or nearly did: on marks and on the machine."""

import json
import os
import platform
import signal
import socket
import time
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from handed_in import notebook, verdict

from course_lib.grader.judging.flat import shallow
from course_lib.grader.judging.frames import nested, pack, unpack
from course_lib.grader.judging.key import case
from course_lib.grader.running import warm as warm_module
from course_lib.grader.running import warm_process
from course_lib.grader.running.seal import syscalls
from course_lib.grader.running.seal.syscalls import number
from course_lib.grader.running.warm import USUAL, Limits, Warm
from course_lib.paths import ROOT

ANSWER = "import torch\ndef double(x):\n    return 2 * x\n"
X = torch.ones(2)


def run(warm, source, seconds=5.0, limits=None):
    job = {
        "job": "run",
        "name": "double",
        "pieces": [(0, source)],
        "cases": nested(shallow([case("x", X)])),
        "cell": 0,
    }
    return warm.run(pack(job | {"seconds": seconds}), limits or Limits(seconds, wall=seconds))


def stopped(report):
    return unpack(report.frame)["failed"][0][1][0]


CLONE = 220 if platform.machine() == "aarch64" else 56
LIBC = "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True)\n"
REFUSED = (
    "__import__('os').chmod(VICTIM, 0)",
    "__import__('os').utime(VICTIM, (5, 5))",
    "__import__('os').setxattr(VICTIM, 'user.a', b'x')",
    "__import__('os').truncate(VICTIM, 0)",
    "__import__('os').open(torch.__file__, 0o1000)  # reading, and cutting it to nothing",
    "import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))",
    "import os; os.sched_setaffinity(os.getppid(), {0})",
    "import os, fcntl; fcntl.fcntl(1, fcntl.F_SETOWN, os.getppid())",
    "import fcntl; fcntl.fcntl(1, 10, 9)",
    "import fcntl; fcntl.fcntl(open(torch.__file__), fcntl.F_SETLK, bytes(32))",
    "import os, fcntl; fcntl.fcntl(os.pipe()[0], 1031, 1 << 20)  # a larger pipe",
    "import fcntl; fcntl.ioctl(open(torch.__file__), 0x40086602, b'\\0' * 8)",
    "import fcntl, os\n"
    "fcntl.ioctl(os.open(os.path.dirname(torch.__file__), 0), 0x5000940E, bytes(1024))  # btrfs",
    "import os; os.fsync(os.open(torch.__file__, os.O_RDONLY))",
    "import os; os.posix_fadvise(os.open(torch.__file__, os.O_RDONLY), 0, 0, 4)",
    "import os; os.memfd_create('x')",
    LIBC + "if libc.mlockall(1): raise PermissionError",
    LIBC + "if libc.syncfs(os.open(torch.__file__, os.O_RDONLY)): raise PermissionError",
    LIBC + "if libc.prctl(1, 0, 0, 0, 0): raise PermissionError  # outlive the warm process",
    LIBC + "id = ctypes.c_void_p()\nfor _ in range(99):\n"
    "    if libc.timer_create(1, None, ctypes.byref(id)): raise PermissionError",
    LIBC + "if libc.inotify_init1(0) < 0: raise PermissionError",
    LIBC + "if libc.syscall(437, -100, b'/', ctypes.create_string_buffer(24), 24) < 0:\n"
    "    raise PermissionError  # openat2",
    LIBC + "if libc.syscall(469, 0, 0, 0, 0, 0) < 0: raise PermissionError  # file_setattr",
    LIBC + f"if libc.syscall({CLONE}, 0x4111, 0, 0, 0, 0) < 0: raise PermissionError  # vfork",
)


@pytest.mark.parametrize("source", REFUSED)
def test_what_landlock_lets_pass_is_refused_too(warm, source, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("whole")
    before = victim.stat()
    source = f"import torch\nVICTIM = {str(victim)!r}\n{source}\n"
    assert stopped(run(warm, source + ANSWER)).startswith("PermissionError")
    after = victim.stat()
    assert (before.st_mode, before.st_mtime_ns) == (after.st_mode, after.st_mtime_ns)


def test_no_system_call_passes_that_is_not_listed(warm):
    listed = {number(name) for name in (*syscalls.ALLOWED, *syscalls.NUMBERS)}
    # Linux ends who calls its probes (335, 336 on x86-64) from elsewhere, and asks no filter.
    others = [n for n in range(600) if n not in listed | {335, 336}]
    source = (
        LIBC + f"passed = []\nfor n in {others}:\n    told = libc.syscall(n, 0, 0, 0, 0, 0, 0)\n"
    )
    source += "    passed += [] if told == -1 and ctypes.get_errno() in (1, 38) else [n]\n"
    source += "raise ValueError(passed)"
    assert len(others) > 400 and stopped(run(warm, source)) == "ValueError: []"


def test_a_child_that_closes_its_ends_costs_nobody_more_than_its_time(warm, monkeypatch):
    monkeypatch.setattr(warm_module, "GRACE", 0.5)  # shorter than the limit
    run(warm, ANSWER)
    first, began = warm.process.pid, time.monotonic()
    report = run(warm, "import os, time; os.closerange(0, 64); time.sleep(3600)", seconds=1.5)
    assert report.timed_out and time.monotonic() - began < 60
    assert warm.process.pid == first


def test_a_child_ends_with_its_warm_process():
    with Warm(ROOT, "strong") as warm:
        warm.start()
        ends = [os.pipe() for _ in range(3)]
        passed = [ends[0][0], ends[1][1], ends[2][1]]
        message = json.dumps({**asdict(USUAL), "others": 0}).encode()
        socket.send_fds(warm.socket, [message], passed)
        job = {
            "job": "run",
            "name": "x",
            "pieces": [(0, "import os, time\nos.write(2, b'on')\ntime.sleep(60)")],
        }
        os.write(ends[0][1], pack(job | {"cases": nested([]), "cell": 0}))
        for fd in (*passed, ends[0][1]):
            os.close(fd)
        assert os.read(ends[2][0], 9) == b"on"
    assert os.read(ends[1][0], 9) == b"", "the last holder of this pipe is gone"
    for fd in (ends[1][0], ends[2][0]):
        os.close(fd)


def test_what_a_child_leaves_behind_under_process_is_ended():
    source = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
    source += "        os.write(2, b'%d' % os.getpid())\n        time.sleep(60)\n    os._exit(0)\n"
    with Warm(ROOT, "process") as warm:
        report = run(warm, source + "os.wait()\ntime.sleep(0.1)\n" + ANSWER)
    assert report.frame and not Path(f"/proc/{int(report.log)}").exists()


def test_a_course_inside_what_answers_may_read_is_not_graded(monkeypatch):
    assert warm_process.readable(str(ROOT))
    monkeypatch.setattr("sys.prefix", str(ROOT))
    with pytest.raises(OSError, match="the course lies in"):
        warm_process.readable(str(ROOT))


def test_a_child_imports_nothing_of_the_course_once_it_is_hidden(warm):
    source = "import sys; raise ValueError([m for m in sys.modules if m.startswith('course_lib')])"
    assert stopped(run(warm, source)) == "ValueError: ['course_lib', 'course_lib.device']"


def test_an_answer_finds_nothing_that_only_other_chapters_are_lent(level):
    secret = "course_lib.nn.secret", "def double(x):\n    return 2 * x\n"
    source = "import gc, sys, types\nseen, left = set(), [sys.meta_path, sys._getframe()]\n"
    source += "gc.unfreeze()\nleft += gc.get_objects()\n"
    source += "while left:\n    each = left.pop()\n    if id(each) in seen: continue\n"
    source += "    seen.add(id(each))\n"
    source += "    if isinstance(each, types.CodeType):\n        left += each.co_consts\n"
    source += "        if each.co_filename == '<course_lib.nn.secret>': raise ValueError(each)\n"
    source += "    elif isinstance(each, (dict, types.FrameType)): left += gc.get_referents(each)\n"
    with Warm(ROOT, level, [secret]) as warm:
        report = run(warm, source + ANSWER, seconds=60.0)
    assert unpack(report.frame)["failed"] == []


def test_a_case_does_not_tell_its_label(warm, tmp_path):
    source = "import sys\ndef is_distribution(x):\n    frame = sys._getframe()\n"
    source += "    while 'case' not in frame.f_locals: frame = frame.f_back\n"
    source += (
        "    good = 'one key takes all', 'one row, rounded', 'many keys, rounded a little',\\\n"
    )
    source += "        'both axes sum to 1', 'a softmax'\n"
    source += "    return frame.f_locals['case'].label in good"
    path = notebook(tmp_path / "00_a.ipynb", (source, "00.is-distribution"))
    assert verdict(warm, path, "00.is-distribution").state == "wrong"


@pytest.mark.parametrize(
    "before", ["", "import time; time.process_time = lambda: 99.0", "resource.setrlimit = print"]
)
def test_no_answer_sets_the_time_of_its_own_calls(warm, before):
    wait = "    while sum(os.times()[:2]) < 6.0: pass\n"
    source = f"import os, resource, time\n{before}\ndef double(x):\n{wait}    return 2 * x\n"
    report = run(warm, source, 1.0, USUAL)
    assert report.frame == b"" and report.signal == signal.SIGXCPU
