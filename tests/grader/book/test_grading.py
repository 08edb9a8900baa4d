"""A submission graded under seal: fair to honest work, unmoved by the rest."""

import zlib
from dataclasses import replace

import nbformat
import pytest

from course_lib.grader.book import grading
from course_lib.grader.book.grading import grade_cells, grade_submission
from course_lib.grader.course.files import sheet_for, solution_cells
from course_lib.grader.course.setup import setup_cells
from course_lib.grader.judging.verdict import judge
from course_lib.notebooks import Cell, with_solution
from course_lib.paths import ROOT

SCORES, SOFTMAX = "00.scores", "00.safe-softmax"
RIGHT_SCORES = "def scores(query, keys):\n    return keys @ query"
RIGHT_SOFTMAX = "def safe_softmax(x):\n    return torch.softmax(x, -1)"
WRONG_SOFTMAX = "def safe_softmax(x):\n    return torch.softmax(x, 0)"
SETUP = "import torch\n\nfrom course_lib.check import check", "setup"


def submit(tmp_path, *cells):
    made = nbformat.v4.new_notebook()
    for source, *tags in (SETUP, *cells):
        made.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": tags}))
    nbformat.write(made, tmp_path / "00_start_here.ipynb")
    return tmp_path / "00_start_here.ipynb"


def verdicts(warm, path, seed=7):
    graded = grade_submission(warm, path, [SCORES, SOFTMAX], seed)
    return {g.verdict.id: g.verdict for g in graded}


def test_right_and_wrong_work_get_their_marks_and_the_mistake_its_name(warm, tmp_path):
    told = verdicts(warm, submit(tmp_path, (RIGHT_SCORES, SCORES), (WRONG_SOFTMAX, SOFTMAX)))
    assert (told[SCORES].state, told[SCORES].points) == ("right", 1)
    assert (told[SOFTMAX].state, told[SOFTMAX].points) == ("wrong", 0)
    assert told[SOFTMAX].mistake_name == "wrong-axis"


def test_a_mistake_known_by_a_long_error_is_named_under_seal_too(warm):
    id, wrong = "09.shared-blocks-bug", "for _ in range(1)"
    source = with_solution(next(c.source for c in solution_cells(ROOT, "09") if id in c.tags))
    assert "for _ in range(num_layers)" in source
    source = source.replace("for _ in range(num_layers)", wrong)
    (graded,), _ = grade_cells(warm, [Cell("code", source, (id,))], [id], 7)
    assert graded.verdict.mistake_name == "one-block"


def test_an_error_of_the_lent_library_is_not_the_answers_own(warm):
    """Under seal the library has no files; its `raise` is still none that a learner wrote."""
    id = "08.cross-mask-bug"
    source = with_solution(next(c.source for c in solution_cells(ROOT, "08") if id in c.tags))
    assert "[:, None, :]" in source
    source = source.replace("[:, None, :]", "[:, None, None, :]")
    namespace = {}
    for setup in setup_cells(ROOT, "08"):
        exec(setup, namespace)
    exec(source, namespace)
    here = judge(sheet_for(ROOT, id, 7 ^ zlib.crc32(id.encode())), namespace["look_over"])
    (graded,), _ = grade_cells(warm, [Cell("code", source, (id,))], [id], 7)
    assert here.mistake_name
    sealed = graded.verdict
    assert (sealed.state, sealed.mistake_name) == (here.state, here.mistake_name)


def test_a_cell_that_sleeps_longer_than_the_clock_is_told_to_have_waited(
    warm, monkeypatch, tmp_path
):
    sheet = grading.shared_sheet
    monkeypatch.setattr(grading, "shared_sheet", lambda *which: replace(sheet(*which), wall=2.0))
    asleep = "import time\ndef late():\n    time.sleep(60)\n    return -1\naxis = late()"
    path = submit(tmp_path, (asleep,), (RIGHT_SOFTMAX.replace("-1", "axis"), SOFTMAX))
    (graded,) = grade_submission(warm, path, [SOFTMAX], 7)
    told = graded.verdict.summary
    assert told.startswith("your code was still running after 2 seconds; it computed for 0.")
    assert "waited for the rest: look for `sleep` and the like, also in cells that it needs" in told


def test_the_same_seed_gives_the_same_verdicts(warm, tmp_path):
    path = submit(tmp_path, (RIGHT_SCORES, SCORES), ("def safe_softmax(x):\n    return x", SOFTMAX))
    assert verdicts(warm, path, seed=3) == verdicts(warm, path, seed=3)


def test_untouched_work_is_not_attempted(warm):
    told = verdicts(warm, ROOT / "exercises" / "00_start_here.ipynb")
    assert {v.state for v in told.values()} == {"not attempted"}


def test_the_solutions_are_right(warm):
    told = verdicts(warm, ROOT / "solutions" / "00_start_here.py")
    assert {v.state for v in told.values()} == {"right"}


SABOTAGE = {
    "hangs": "while True: pass",
    "leaves": "import os; os._exit(0)",
    "dies": "import ctypes; ctypes.string_at(0)",
    "patches the comparison": (
        "import torch\ntorch.allclose = torch.isclose = torch.equal = lambda *a, **k: True"
    ),
    "patches the grader": (
        "import sys\nfor name, module in list(sys.modules.items()):\n"
        "    if 'grader' in name:\n        module.judge = module.differences = lambda *a, **k: ()"
    ),
    "clears the modules": "import sys; sys.modules.clear()",
    "replaces errors": "import builtins; builtins.Exception = builtins.BaseException = int",
    "prints a verdict": f"print('[right] {SOFTMAX}: agrees'); print('x' * 10**6)",
}


@pytest.mark.parametrize("name", SABOTAGE)
def test_sabotage_in_one_answer_gains_nothing_and_costs_only_itself(warm, tmp_path, name):
    bad = SABOTAGE[name] + "\n" + WRONG_SOFTMAX
    told = verdicts(warm, submit(tmp_path, (bad, SOFTMAX), (RIGHT_SCORES, SCORES)))
    assert told[SOFTMAX].state in ("wrong", "crashed") and told[SOFTMAX].points == 0
    if name not in ("patches the comparison", "clears the modules", "replaces errors"):
        assert told[SCORES].state == "right", "another exercise's cell must not cost this one"


ANSWERS = {
    "equal to everything": (
        "class Equal(torch.Tensor):\n    def __eq__(self, other): return True\n"
        "    @classmethod\n    def __torch_function__(cls, f, types, args=(), kwargs=None):\n"
        "        return True\n"
        "def safe_softmax(x):\n    return torch.zeros(3).as_subclass(Equal)"
    ),
    "a generator": "def safe_softmax(x):\n    yield x",
    "a coroutine": "async def safe_softmax(x):\n    return x",
    "meta": "def safe_softmax(x):\n    return x.to('meta')",
    "sparse": "def safe_softmax(x):\n    return x.to_sparse()",
    "float64": "def safe_softmax(x):\n    return torch.softmax(x.double(), -1)",
    "nan": "def safe_softmax(x):\n    return x * float('nan')",
    "a huge result": "def safe_softmax(x):\n    return torch.zeros(20_000, 20_000)",
    "a deep result": (
        "def safe_softmax(x):\n    r = x\n    for _ in range(900): r = [r]\n    return r"
    ),
    "different each time": (
        "def safe_softmax(x):\n    return torch.rand_like(x.float()).to(x.dtype)"
    ),
    "changes its input": (
        "def safe_softmax(x):\n    y = torch.softmax(x, -1)\n    x.zero_()\n    return y"
    ),
    "a number": "safe_softmax = 3",
    "an exception for everybody": "def safe_softmax(x):\n    raise BaseException",
    "deep recursion": "def safe_softmax(x):\n    return safe_softmax(x)",
    "not implemented": "def safe_softmax(x):\n    raise NotImplementedError",
    "memorised": (
        "seen = iter([torch.full((3,), 1 / 3)] * 99)\ndef safe_softmax(x):\n    return next(seen)"
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_no_odd_answer_gains_a_mark_or_costs_another(warm, tmp_path, name):
    told = verdicts(warm, submit(tmp_path, (ANSWERS[name], SOFTMAX), (RIGHT_SCORES, SCORES)))
    assert told[SOFTMAX].state != "right" and told[SOFTMAX].points == 0
    assert told[SCORES].state == "right"


FILES = {
    "not json": b"{",
    "not utf-8": b"\xff\xfe\x00",
    "empty": b"",
    "a list": b"[]",
    "cells that are none": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [7]}',
}


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_is_that_students_message(warm, tmp_path, name):
    path = tmp_path / "00_start_here.ipynb"
    path.write_bytes(FILES[name])
    told = verdicts(warm, path)
    assert {v.points for v in told.values()} == {0}
    assert str(tmp_path) not in " ".join(v.summary for v in told.values())


def test_a_missing_file_and_a_huge_one_are_told(warm, tmp_path):
    assert {v.points for v in verdicts(warm, tmp_path / "none.ipynb").values()} == {0}
    huge = tmp_path / "00_huge.ipynb"
    with huge.open("wb") as file:
        file.truncate(200 << 20)
    assert "200 MiB, more than the 64 allowed" in verdicts(warm, huge)[SCORES].summary


def test_an_answer_that_should_raise_and_does_not_is_wrong_and_named(warm, tmp_path):
    source = "def split_heads(x, n):\n    d = x.shape[-1] // n\n    x = x[..., : n * d]\n"
    source += "    return x.reshape(*x.shape[:2], n, d).transpose(1, 2)"
    made = nbformat.v4.new_notebook()
    made.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": ["05.split-heads"]}))
    nbformat.write(made, tmp_path / "05_multi_head.ipynb")
    graded = grade_submission(warm, tmp_path / "05_multi_head.ipynb", ["05.split-heads"], 7)
    (verdict,) = [g.verdict for g in graded]
    assert (verdict.state, verdict.mistake_name) == ("wrong", "drops-the-rest")
