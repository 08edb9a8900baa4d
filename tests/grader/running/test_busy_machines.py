"""On a machine with more to do than it can, an answer isn't charged for the time of others."""

import contextlib
import os
import subprocess
import sys
import time

import pytest

from course_lib.grader.judging.flat import outcomes_from, shallow
from course_lib.grader.judging.frames import nested, pack, unpack
from course_lib.grader.judging.key import case
from course_lib.grader.running.ending import PATIENCE
from course_lib.grader.running.warm import Limits, Warm
from course_lib.paths import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is sealed")
WALL, BURNT = 2.0, 1.6  # seconds: too long by the clock, with two thirds of a processor
BURNS = """import time
def f(s):
    began = time.process_time()
    while time.process_time() - began < s:
        pass
    return s
"""
THREADS = """import threading, time, torch
def burn():
    while time.process_time() < 1.5:
        torch.ones(300, 300) @ torch.ones(300, 300)
def f(s):
    others = [threading.Thread(target=burn) for _ in range(4)]
    for each in others:
        each.start()
    burn()
    return s
"""
SLEEPS = "import time\ndef f(s):\n    time.sleep(60)\n"
FOREVER = "while True: pass"


@pytest.fixture(scope="module")
def pinned(level):
    """A warm process that has one processor for all its children, and another wants it, too."""
    with contextlib.ExitStack() as after:
        after.callback(os.sched_setaffinity, 0, os.sched_getaffinity(0))
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        process = after.enter_context(Warm(ROOT, level))
        process.start()
        other = after.enter_context(subprocess.Popen([sys.executable, "-c", FOREVER]))
        after.callback(other.kill)
        yield process


def run(warm, source, seconds):
    cases = nested(shallow([case("some", seconds)]))
    job = {"job": "run", "name": "f", "pieces": [(0, source)], "cases": cases, "cell": 0}
    began = time.monotonic()
    return warm.run(pack(job), Limits(5.0, wall=WALL)), time.monotonic() - began


def test_who_waits_for_a_processor_is_not_ended(pinned):
    report, passed = run(pinned, BURNS, BURNT)
    if report.timed_out:  # the machine has six others to serve
        assert passed > PATIENCE * WALL
        return
    (outcome,) = outcomes_from(unpack(report.frame)["outcomes"])
    assert outcome.values == (BURNT,)
    assert passed > WALL and report.seconds < WALL + 0.2  # by the clock it had been ended


def test_who_sleeps_is_ended_all_the_same(pinned):
    report, passed = run(pinned, SLEEPS, 1.0)
    assert report.timed_out and not report.frame
    assert passed < PATIENCE * WALL + 5


def test_who_waits_for_threads_of_its_own_is_charged_for_them(pinned):
    report, _ = run(pinned, THREADS, 1.0)
    assert report.cpu > 1 and report.seconds >= report.cpu
