"""Large pages: what is in memory stays what it is, and most of the warm process lies in them."""

import ctypes
import os
import platform
import re
from pathlib import Path

import pytest

from course_lib.grader.running import pages
from course_lib.grader.running.warm import Warm
from course_lib.paths import ROOT

VERSION = tuple(map(int, re.findall(r"\d+", platform.release())[:2]))
THERE = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def kib(pid, name):
    told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(rf"^{name}:\s+(\d+)", told, re.MULTILINE)[1])


def test_memory_stays_as_it_is():
    blocks = [os.urandom(3 << 20) for _ in range(4)]
    copies = [bytearray(block) for block in blocks]
    pages.collapse()
    assert copies == blocks
    copies[0][5] ^= 1
    assert copies[0] != blocks[0] and copies[1:] == blocks[1:]


def test_a_system_that_refuses_changes_nothing(monkeypatch):
    monkeypatch.setattr(pages, "COLLAPSE", 9999)
    pages.collapse()
    assert ctypes.CDLL(None).getpid() == os.getpid()


@pytest.mark.skipif(
    VERSION < (6, 1) or not THERE.exists() or "[never]" in THERE.read_text(),
    reason="Linux 6.1 collapses pages, where large ones are switched on",
)
def test_most_of_the_warm_process_lies_in_large_pages():
    with Warm(ROOT, "process") as warm:
        warm.start()
        pid = warm.process.pid
        assert kib(pid, "AnonHugePages") > kib(pid, "Anonymous") / 2
