"""Each cell of a page runs twice more in its kernel: what works only once is found."""

import nbformat
import pytest

from course_lib.commands import tests
from course_lib.commands.reports import slowest

ONCE = ("rows = [3]", "assert rows.pop() == 3")
COUNTED = (
    "runs = globals().get('runs', 0) + 1",
    "import time; slow = globals().get('slow', 0) + 1; time.sleep(2.1)",
    "assert (runs, slow) in {(1, 1), (3, 2)}, (runs, slow)",
)
RAISES = ("raise ValueError('on purpose')",)


def write(path, sources, tags=()):
    cells = [
        nbformat.v4.new_code_cell(text, execution_count=n, metadata={"tags": list(tags)})
        for n, text in enumerate(sources, 1)
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(tests, "TWO_AT_A_TIME", ())

    def run(sources, *more, tags=()):
        page = write(tmp_path / "01_page.ipynb", sources, tags)
        status, cases = tests.Bench(tmp_path).nbval([page], *more)
        return status, {case.name: case for case in cases}

    return run


def test_a_cell_that_works_only_once_is_found(run):
    status, cases = run(ONCE)
    assert status == 0 and list(cases) == ["Cell 0", "Cell 1"]
    status, cases = run(ONCE, *tests.AGAIN)
    states = {name: case.state for name, case in cases.items()}
    assert status == 1
    assert states == {
        "Cell 0": "passed",
        "Cell 1": "passed",
        "Cell 0 again": "passed",
        "Cell 1 again": "failed",
    }
    assert "IndexError" in cases["Cell 1 again"].text


def test_a_slow_cell_runs_once_more_and_others_twice(run):
    status, cases = run(COUNTED, *tests.AGAIN)
    assert status == 0 and len(cases) == 6
    every = sum(case.seconds for case in cases.values())
    once = every - sum(case.seconds for name, case in cases.items() if name.endswith("again"))
    assert slowest({"01_page": cases.values()}) == f"slowest: 01_page {once:.0f} s"
    assert once < every - 2


def test_an_error_on_purpose_may_come_again(run):
    _, cases = run(RAISES, *tests.AGAIN, tags=("raises-exception",))
    assert cases["Cell 0 again"].state == "passed"
    _, cases = run(RAISES, *tests.AGAIN)
    assert cases["Cell 0 again"].state == "failed"


def test_pages_are_run_again_and_solved_exercises_are_not(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(tests, "_notebooks", lambda bench, paths, *more: asked.append(more))
    tests.notebooks(tests.Bench(tmp_path))
    assert asked == [tests.AGAIN]
