"""What a student's work may take of the grader's own memory, and what happens beyond it."""

import contextlib
import resource

import pytest
import torch
from handed_in import notebook

from course_lib.grader.book import batch, memory, one_student
from course_lib.grader.book.gradebook import load_rows
from course_lib.grader.book.grading import grade_submission
from course_lib.grader.book.lanes import Lanes
from course_lib.grader.book.one_student import Task
from course_lib.grader.judging import frames
from course_lib.grader.judging.frames import FrameError, pack, unpack
from course_lib.grader.running import seal
from course_lib.paths import ROOT

ID = "00.scores"
LIMIT = resource.getrlimit(resource.RLIMIT_AS)


def peak_of(function, *args):
    """MiB that a call adds to what this process has at most."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew
    before = of_status("VmRSS")
    function(*args)
    return (of_status("VmHWM") - before) >> 10


def of_status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name))


def refused(data):
    with pytest.raises(FrameError):
        unpack(data)


def test_a_block_has_so_much_and_the_process_has_its_limit_back():
    with memory.within(256 << 20):
        assert len(bytes(64 << 20)) == 64 << 20
    for take in (lambda: bytes(512 << 20), lambda: [0] * (100 << 20)):
        told = pytest.raises(memory.TooMuchMemory, match="more than 256 MiB of the grader's own")
        with told, memory.within(256 << 20):
            take()
    with memory.within(256 << 20), pytest.raises(RuntimeError, match="memory"):
        torch.zeros(512 << 18)
    assert resource.getrlimit(resource.RLIMIT_AS) == LIMIT


def many(tree):
    """A frame whose header is as long as one may be, made of these."""
    count = frames.MAX_HEADER // (len(tree) + 2)
    header = b'{"list": [' + b", ".join([tree] * count) + b"]}"
    return frames.LENGTHS.pack(len(header), 0) + header


def many_tensors():
    entry = b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    names = b"{" + b",".join(entry % i for i in range(500_000)) + b"}"
    body = len(names).to_bytes(8, "little") + names
    return frames.LENGTHS.pack(14, len(body)) + b'{"tensor":"0"}' + body


CLAIMS = {
    "lists": lambda: many(b'{"list": []}'),
    "dicts": lambda: many(b'{"dict": [["a", 1]]}'),
    "numbers": lambda: many(b"0.1"),
    "bare lists": lambda: many(b"[]"),
    "tensors of nothing": many_tensors,
    "a tensor that it hasn't": lambda: pack(torch.ones(2)).replace(b"[2]", b"[9]"),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_reading_what_an_answer_claims_takes_little(name):
    data = CLAIMS[name]()

    def read():
        with contextlib.suppress(FrameError):
            unpack(data)

    assert peak_of(read) < 600


HUGE = {
    "bytes of text": "'x' * (200 << 20)",
    "a whole number": "1 << (1 << 30)",
    "a list": "[0] * (20 << 20)",
    "nested lists": "functools.reduce(lambda x, _: [x, x], range(40), [])",
    "deep lists": "functools.reduce(lambda x, _: [x], range(10**5), [])",
    "a tensor": "torch.zeros(150 << 20)",
    "an expanded tensor": "torch.zeros(1).expand(1 << 40)",
    "a view of it": "query.expand(1 << 32, *query.shape)",
}


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_answer_costs_its_own_mark_and_no_memory(warm, tmp_path, name):
    source = f"import functools, torch\ndef scores(query, keys):\n    return {HUGE[name]}"
    path = notebook(tmp_path / "00_a.ipynb", (source, ID))
    told = []
    assert peak_of(lambda: told.extend(grade_submission(warm, path, [ID], 7))) < 400
    assert told[0].verdict.points == 0 and told[0].verdict.state in ("crashed", "wrong")


def hungry(task):
    """A worker to which one student's work is too much, by a flaw that nobody has found yet."""
    plain = one_student.find_work

    def find_work(folder, *rest):
        if folder.name == "bob":
            return [bytes(1 << 30) for _ in range(9)]
        return plain(folder, *rest)

    one_student.find_work = find_work
    return one_student.grade_student(task)


@pytest.mark.skipif(seal.reachable()[0] != "strong", reason=seal.reachable()[1])
def test_work_that_takes_too_much_is_that_students_message(tmp_path, monkeypatch):
    for student in ("ada", "bob", "cy"):
        (tmp_path / "work" / student).mkdir(parents=True)
        source = (ROOT / "solutions/00_start_here.py").read_text()
        (tmp_path / "work" / student / "00_start_here.py").write_text(source)
    tasks = [
        Task(ROOT, tmp_path / "work" / name, ("00",), 5, "strong") for name in ("ada", "bob", "cy")
    ]
    monkeypatch.setattr(batch, "grade_student", hungry)
    with Lanes(1) as lanes:
        told = dict(batch.grade_class(lanes, tmp_path / "book", tasks))
    assert told.pop("bob").startswith("grading this work takes more than 2048 MiB of the grader's")
    assert told == {"ada": "", "cy": ""}
    rows = [row for name in told for row in load_rows(tmp_path / "book", name)]
    assert {row["verdict"] for row in rows} == {"right"}
