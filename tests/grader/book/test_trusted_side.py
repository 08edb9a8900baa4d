"""Reports, files and names made to stop, hold or flood the grader, and honest work beside them."""

import json
import time

import nbformat
import pytest
import torch
from handed_in import notebook, verdict

from course_lib.grader.book import reported
from course_lib.grader.book.gradebook import all_rows, load_rows, result_file, save_rows
from course_lib.grader.course.files import sheet_for
from course_lib.grader.judging import frames
from course_lib.grader.judging.flat import shallow
from course_lib.grader.judging.frames import FrameError, pack, unpack
from course_lib.grader.running.reading.plain import plain_python
from course_lib.grader.running.warm import USUAL, Report
from course_lib.paths import ROOT

X = torch.ones(2)


@pytest.fixture(scope="module")
def sheet():
    return sheet_for(ROOT, "00.safe-softmax", 5)


def forged(sheet, **fields):
    return pack({"failed": [], "outcomes": [shallow(o) | fields for o in sheet.expected]})


def raw(header, body=b""):
    return frames.LENGTHS.pack(len(header), len(body)) + header + body


ODD = {
    "float8": lambda s: forged(s, values=(torch.ones(3).to(torch.float8_e4m3fn),)),
    "float8 gradients": lambda s: forged(s, gradients=((X.to(torch.float8_e4m3fn),),)),
    "a tensor": lambda s: pack(torch.zeros(2)),
    "raised is a tensor": lambda s: forged(s, raised=torch.zeros(2)),
    "crash is a tensor": lambda s: forged(s, crash=torch.zeros(2, 2)),
    "a huge empty tensor": lambda s: forged(s, values=(torch.zeros(2**31, 0),)),
    "a huge number": lambda s: forged(s, values=(10**400,)),
    "many empty lists": lambda s: raw(b"[" + b"[]," * 10**7 + b"1]"),
    "deep lists": lambda s: raw(b'{"list":[' * 10**5),
    "surrogates": lambda s: forged(s, raised="\ud800", crash=("\ud800\u2028<script>", "|")),
    "long texts": lambda s: forged(s, raised="E", crash=("x" * 10**6,) * 3, changed=("y",) * 10**4),
    "many lines": lambda s: pack({"failed": [[0, ["z" * 100] * 10**4]] * 99}),
}


@pytest.mark.parametrize("name", ODD)
def test_a_forged_report_is_no_result(sheet, name):
    began = time.process_time()
    told = reported.printable(reported.judge_report(sheet, Report(ODD[name](sheet), b""), USUAL))
    assert told.points == 0 and time.process_time() - began < 2
    lines = [told.summary, *told.details, *told.crash]
    assert len(lines) < 20 and all(len(line) <= 400 and line.isprintable() for line in lines)


def test_a_large_number_is_an_answer_like_others():
    cost = sheet_for(ROOT, "02.cost", 5)
    outcomes = [shallow(o) | {"values": (10**400,) * len(o.values)} for o in cost.expected]
    report = Report(pack({"failed": [], "outcomes": outcomes}), b"")
    told = reported.judge_report(cost, report, USUAL)
    assert told.state == "wrong"


def test_a_header_and_a_shape_have_their_limits():
    for frame in (raw(b'"' + b"x" * (5 << 20) + b'"'), pack(torch.zeros(2**31, 0))):
        with pytest.raises(FrameError):
            unpack(frame)


CELLS = {
    "deep": "-" * 10**5 + "1",
    "chained": "a" + ".b" * 10**5,
    "nearly too deep": "def scores():\n    a" + ".b" * 900,
    "surrogates": "x = '\ud800'",
    "only lines": "\n" * (255 << 10),
    "a large list": "[" + "1," * 10**6 + "]",
    "no text": 5,
    "none": None,
}


@pytest.mark.parametrize("name", CELLS)
def test_no_source_text_stops_or_holds_the_grader(tmp_path, name):
    class Gone:
        root = ROOT

        def run(self, job, limits):
            return Report(b"", b"")

    path = tmp_path / "00_a.ipynb"
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("") for _ in range(2)])
    for cell, tag in zip(made.cells, (7, "00.scores"), strict=True):
        cell.update(source=CELLS[name], metadata={"tags": [tag]})
    path.write_text(json.dumps(made))
    began = time.process_time()  # however busy the machine is
    assert verdict(Gone(), path, "00.scores").points == 0
    assert time.process_time() - began < 5


def test_one_students_text_does_not_break_the_class(warm, tmp_path):
    source = "def scores(q, k):\n    raise type('a\\u2028\\x85\\ud800b', (Exception,), {})"
    told = verdict(warm, notebook(tmp_path / "00_a.ipynb", (source, "00.scores")), "00.scores")
    rows = [{"student": "eve\u2028\x85", "exercise": told.id, "details": list(told.crash)}]
    save_rows(tmp_path, "eve", rows)
    assert load_rows(tmp_path, "eve") == rows == list(all_rows(tmp_path))


def test_long_names_do_not_meet_in_one_file(tmp_path):
    for name in ("a" * 90, "a b" * 30, "\u5b57" * 80):
        one, other = result_file(tmp_path, name + "1"), result_file(tmp_path, name + "2")
        assert one != other and len(one.name.encode()) < 230


HONEST = {
    "a remainder on its own line": "def scores(q, k):\n    return (0 * (7\n    % 2) + k @ q)",
    "display": "def scores(q, k):\n    return k @ q\ndisplay(scores)",
    "magics": "%%time\n!ls\ndef scores(q, k):\n    %matplotlib inline\n    return k @ q",
    "matplotlib": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nscores = lambda q, k: k @ q",
    "einops and numpy": (
        "import numpy, einops, functools, dataclasses, typing\n@functools.cache\ndef f(): pass\n"
        "def scores(q, k):\n    return einops.einsum(q, k, 'd, n d -> n')"
    ),
    "a lot of print": (
        "print('x' * 10**7)\ndef scores(q, k):\n    return torch.einsum('d,nd->n', q, k)"
    ),
    "two threads": "torch.set_num_threads(2)\ndef scores(q, k):\n    return k @ q",
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_work_is_right(warm, tmp_path, name):
    cells = ("import torch", "setup"), (HONEST[name], "00.scores")
    told = verdict(warm, notebook(tmp_path / "00_a.ipynb", *cells), "00.scores")
    assert told.state == "right", told


def test_plain_python_keeps_what_python_reads():
    assert plain_python("x = (7\n    % 2)") == "x = (7\n    % 2)"
    assert plain_python("%%time\n\n!ls\nx").splitlines()[3] == "x"
    assert plain_python("%%bash\nls") == ""
    lines = "\n" * 10**5 + "("
    assert plain_python(lines) == lines
