"""The portable `process` level, run here on whatever system this is."""

import os
import sys
import time
from pathlib import Path

import pytest
import torch

from course_lib.grader.book import one_student
from course_lib.grader.judging.flat import outcomes_from, shallow
from course_lib.grader.judging.frames import nested, pack, unpack
from course_lib.grader.judging.key import case
from course_lib.grader.running import seal
from course_lib.grader.running.cold import Cold
from course_lib.grader.running.exchange import LOG_CAP
from course_lib.grader.running.warm import Limits
from course_lib.paths import ROOT

ANSWER = "import torch\ndef double(x):\n    return 2 * x\n"
X = torch.arange(6.0)


def run(source, seconds=5.0):
    job = {
        "job": "run",
        "name": "double",
        "pieces": [(0, source)],
        "cases": nested(shallow([case("x", X)])),
        "cell": 0,
    }
    return Cold(ROOT).run(pack(job), Limits(seconds, wall=seconds))


def is_right(report):
    (outcome,) = outcomes_from(unpack(report.frame)["outcomes"])
    return torch.equal(outcome.values[0], 2 * X)


def test_an_answer_comes_back_and_starting_costs_it_no_time():
    began = time.monotonic()
    report = run("print('x' * 10**6)\n" + ANSWER, seconds=60)
    assert is_right(report) and not report.timed_out and report.exit == report.signal == 0
    # Importing PyTorch takes a hundred times as long as the answer, on a busy machine too.
    assert report.seconds < (time.monotonic() - began) / 2


ENDS = {
    "an endless loop": "while True: pass",
    "sleeping": "import time; time.sleep(3600)",
    "leaving": "import os; os._exit(3)",
    "an abort": "import os; os.abort()",
    "printing for ever": "import os\nwhile True: os.write(2, b'x' * 10**5)",
    "closing its ends": "import os, time; os.closerange(0, 64); time.sleep(3600)",
}


@pytest.mark.parametrize("name", ENDS)
def test_it_ends_in_time_without_a_result(name):
    report = run(ENDS[name] + "\n" + ANSWER, seconds=1.0)
    assert report.frame == b"" and report.seconds < 60 and len(report.log) <= LOG_CAP
    assert report.timed_out or report.exit == 3 or report.signal


@pytest.mark.skipif(os.name != "posix", reason="starts a child with fork")
def test_what_it_started_ends_with_it(tmp_path):
    source = "import os, time\nif os.fork() == 0: time.sleep(3600)\nos.write(2, b'on')\n"
    began = time.monotonic()
    report = run(source + ANSWER, seconds=5.0)
    assert is_right(report) and report.log == b"on" and time.monotonic() - began < 60


def test_it_sees_neither_answers_nor_the_graders_environment(monkeypatch):
    monkeypatch.setenv("SECRET", "1")
    source = "import os; raise ValueError('SECRET' in os.environ)"
    assert unpack(run(source).frame)["failed"][0][1][0] == "ValueError: False"
    source = "from course_lib.nn.attention import scaled_dot_product_attention"
    assert "ModuleNotFoundError" in unpack(run(source).frame)["failed"][0][1][0]


def test_a_python_that_does_not_start_is_no_learners_fault(tmp_path):
    (tmp_path / "course_lib.py").write_text("raise OSError('no disk')\n")
    with pytest.raises(RuntimeError, match=r"(?s)Python did not start: .*no disk"):
        Cold(tmp_path).run(b"")


def test_elsewhere_than_on_linux_grading_uses_it_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert seal.reachable() == ("process", "sealing needs Linux; this is darwin")
    assert isinstance(one_student.runner.__wrapped__(ROOT, "process"), Cold)
    monkeypatch.setattr(one_student, "runner", lambda root, level: Cold(root))
    folder = tmp_path / "ada"
    folder.mkdir()
    source = '# %% tags=["00.scores"]\ndef scores(query, keys):\n    return keys @ query\n'
    (folder / "00_start_here.py").write_text(source)
    rows, _ = one_student.grade_student(one_student.Task(Path(ROOT), folder, ("00",), 5, "process"))
    told = {row["exercise"]: (row["verdict"], row["isolation"]) for row in rows}
    assert told["00.scores"] == ("right", "process")
    assert told["00.safe-softmax"] == ("not attempted", "process")
