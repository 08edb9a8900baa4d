"""Exercise notebooks run to their end untouched, as a learner would run them.

Solved, they are a step of `course test` of their own: every check in them says right.
"""

import contextlib
import io
import json

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.commands.build import execute
from course_lib.grader.course.files import exercises
from course_lib.grader.course.submission import answers
from course_lib.notebooks import read_cells
from course_lib.paths import ROOT

STUBS = sorted((ROOT / "exercises").glob("*.ipynb"))
IDS = {path.name[:2]: [e.id for e in exercises(ROOT, path.name[:2])] for path in STUBS}


def panels(notebook):
    """The first line of every check panel."""
    checks = [c for c in notebook["cells"] if "check" in c["metadata"].get("tags", [])]
    shown = ["".join(c["outputs"][-1]["data"]["text/plain"]) for c in checks]
    return [text.splitlines()[0] for text in shown]


@pytest.mark.parametrize("path", STUBS, ids=lambda p: p.stem)
def test_an_unsolved_notebook_runs_and_reports_not_attempted(path, tmp_path):
    ran = execute(json.loads(path.read_text(encoding="utf-8")), tmp_path)
    told = panels(ran)
    assert [line.split(":")[0] for line in told] == [
        f"[not attempted] {i}" for i in IDS[path.name[:2]]
    ]


@pytest.mark.parametrize("path", STUBS, ids=lambda p: p.stem)
def test_the_command_line_judges_as_the_notebook_does(path):
    unsolved = [v.state for v in answers(ROOT, path, IDS[path.name[:2]])]
    assert set(unsolved) == {"not attempted"}
    solved = answers(ROOT, ROOT / "solutions" / f"{path.stem}.py", IDS[path.name[:2]])
    assert {v.state for v in solved} == {"right"}


def test_no_answer_is_left_in_what_learners_get():
    for path in STUBS:
        text = path.read_text(encoding="utf-8")
        assert "SOLUTION" not in text and "BEGIN STUB" not in text, path.name


@pytest.mark.parametrize("path", STUBS, ids=lambda p: p.stem)
def test_exercises_can_be_taken_in_any_order(path):
    """Whoever runs the first cell can go to any exercise: `check` is there."""
    setup = next(c for c in read_cells(path) if "setup" in c.tags)
    assert "from course_lib.check import check" in setup.source


@pytest.mark.parametrize("path", STUBS, ids=lambda p: p.stem)
def test_a_demo_above_an_answer_that_has_not_run_says_what_to_write(path):
    """As after a restart: every cell of the course's own, and none of an exercise."""
    matplotlib.use("Agg")
    space, said = {"__name__": "__main__"}, io.StringIO()
    cells = [c for c in read_cells(path) if c.kind == "code" and "check" not in c.tags]
    demos = [c for c in cells if not set(IDS[path.name[:2]]) & set(c.tags)]
    with contextlib.redirect_stdout(said), torch.random.fork_rng(devices=[]):
        for cell in demos:
            exec(compile(cell.source, "<cell>", "exec"), space)
    plt.close("all")
    waiting = sum("NotImplementedError" in cell.source for cell in demos)
    assert said.getvalue().count("First write and run") == waiting
