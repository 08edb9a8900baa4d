"""`course test`: what it counts is what ran, and a kernel that dies at start gets one more try."""

import argparse
import json
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest

from course_lib.commands import reports, tests
from course_lib.commands.reports import Case

SAMPLE = """
import pytest
def test_right(): pass
def test_also_right(): pass
def test_wrong(): assert False, "as asked"
@pytest.mark.skip(reason="as asked")
def test_left_out(): pass
"""
# Ends the first kernel before it answers, and lets the next ones live.
DYING = """
import os, pathlib, sys
mark = pathlib.Path(__file__).with_name("died")
if any("ipykernel" in word for word in sys.orig_argv) and not mark.exists():
    mark.touch()
    os._exit(3)
"""


def cell(notebook, name="Cell 0", state="passed", text="", seconds=1.0):
    return Case(f"notebooks.{notebook}.ipynb", name, state, seconds, text)


def write_notebook(path, source="print(1 + 1)", printed="2\n"):
    output = nbformat.v4.new_output("stream", name="stdout", text=printed)
    code = nbformat.v4.new_code_cell(source, execution_count=1, outputs=[output])
    nbformat.write(nbformat.v4.new_notebook(cells=[code]), path)
    return path


def test_a_report_is_read_from_a_real_run(tmp_path):
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    command = [sys.executable, "-m", "pytest", "-q", "--junitxml=report.xml", "test_sample.py"]
    subprocess.run(command, cwd=tmp_path, capture_output=True)
    cases = reports.read_report(tmp_path / "report.xml")
    states = {state: reports.count(cases, state) for state in ("passed", "failed", "skipped")}
    assert states == {"passed": 2, "failed": 1, "skipped": 1}
    assert "as asked" in next(case.text for case in cases if case.state == "failed")


@pytest.mark.parametrize("text", ["", "<testsuites", None])
def test_a_report_that_was_not_written_counts_nothing(tmp_path, text):
    path = tmp_path / "report.xml"
    path.write_text(text) if text is not None else None
    assert reports.read_report(path) == []


def test_only_a_kernel_that_died_earns_another_try():
    died = cell("01_a", state="failed", text=f"RuntimeError: {reports.DIED} to kernel_info")
    wrong = cell("02_b", state="failed", text="Cell outputs differ")
    assert reports.died_at_start([died, wrong, cell("03_c")]) == {"01_a"}


def test_a_dead_kernel_is_started_again_and_a_wrong_output_still_fails(
    tmp_path, monkeypatch, capfd
):
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "sitecustomize.py").write_text(DYING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "early"))
    monkeypatch.setattr(tests, "TWO_AT_A_TIME", ())
    bench = tests.Bench(tmp_path)
    status, cases = bench.nbval([write_notebook(tmp_path / "01_good.ipynb")])
    assert (tmp_path / "early" / "died").exists()
    assert "run once more: 01_good" in capfd.readouterr().out
    assert status == 0 and [case.state for case in cases] == ["passed"]
    status, cases = bench.nbval([write_notebook(tmp_path / "02_bad.ipynb", printed="3\n")])
    assert status != 0 and [case.state for case in cases] == ["failed"]


def test_the_html_of_a_view_is_not_compared_and_its_text_is(tmp_path, monkeypatch):
    monkeypatch.setattr(tests, "TWO_AT_A_TIME", ())
    shown = "display({'text/plain': 'seen', 'text/html': %r}, raw=True)"
    made = []
    for number, (text, tag) in enumerate((("seen", "div"), ("other", "div"), ("seen", "details"))):
        source = shown % f'<{tag} class="course-view course-hover">\nnow</{tag}>'
        html = f'<{tag} class="course-view course-hover">\nbefore</{tag}>'
        data = {"text/plain": text, "text/html": html}
        output = nbformat.v4.new_output("display_data", data)
        code = nbformat.v4.new_code_cell(source, execution_count=1, outputs=[output])
        made.append(tmp_path / f"{number:02d}_view.ipynb")
        nbformat.write(nbformat.v4.new_notebook(cells=[code]), made[-1])
    _, cases = tests.Bench(tmp_path).nbval(made)
    states = {case.notebook: case.state for case in cases}
    assert states == {"00_view": "passed", "01_view": "failed", "02_view": "passed"}


def test_the_environment_is_the_runs_own(tmp_path, monkeypatch):
    theirs = ("MPLBACKEND", "PYTHONWARNINGS", "PYTHONSTARTUP", "JUPYTER_PATH", "IPYTHON_X")
    for name in theirs:
        monkeypatch.setenv(name, "theirs")
    environment = tests.Bench(tmp_path).environment
    assert "theirs" not in environment.values()
    assert environment["OMP_NUM_THREADS"] == environment["COURSE_TEST"] == "1"
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "COURSE_WORK"):
        assert environment[name].startswith(str(tmp_path))


def test_a_solved_exercise_that_is_not_judged_right_fails_the_step(tmp_path, monkeypatch):
    verdicts = ["[right] 02.weights: all cases agree", "[wrong] 02.scale: differs", "2 of 3"]

    class Solved(tests.Bench):
        def call(self, *command):
            folder = command[-1]
            folder.mkdir()
            outputs = [{"data": {"text/plain": [text]}} for text in verdicts]
            cells = [{"cell_type": "code", "outputs": outputs}, {"cell_type": "markdown"}]
            (folder / "02_attention.ipynb").write_text(json.dumps({"cells": cells}))
            return 0

        def nbval(self, notebooks):
            return 0, [cell("02_attention")]

    result = tests.exercises(Solved(tmp_path))
    assert not result.ok and result.counted == "2 exercises"
    assert {"02.scale: wrong", "03.cross-shapes: no verdict"} <= set(result.remarks)


def test_every_exercise_of_the_course_needs_a_verdict(tmp_path, monkeypatch):
    class Solved(tests.Bench):
        def call(self, *command):
            command[-1].mkdir(parents=True)
            output = {"data": {"text/plain": ["[right] 02.weights: all cases agree"]}}
            cells = [{"cell_type": "code", "outputs": [output]}]
            (command[-1] / "02_attention.ipynb").write_text(json.dumps({"cells": cells}))
            return 0

        def nbval(self, notebooks):
            return 0, [cell("02_attention")]

    asked = [SimpleNamespace(id="02.weights"), SimpleNamespace(id="02.scale")]
    for there in (asked[:1], asked):
        monkeypatch.setattr(tests.files, "exercises", lambda root, there=there: there)
        result = tests.exercises(Solved(tmp_path / str(len(there))))
        assert result.ok == (len(there) == 1)
    assert "02.scale: no verdict" in result.remarks


def test_a_notebook_that_did_not_run_fails_the_step(tmp_path, monkeypatch):
    bench = tests.Bench(tmp_path)
    monkeypatch.setattr(bench, "nbval", lambda paths: (0, [cell("01_a")]))
    result = tests._notebooks(bench, [tmp_path / "01_a.ipynb", tmp_path / "02_b.ipynb"])
    assert not result.ok and result.remarks[0] == "did not run: 02_b"
    assert not tests._notebooks(bench, []).ok


def test_all_steps_run_after_a_failure_and_the_last_line_tells(monkeypatch, capsys):
    def broken(bench):
        """breaks"""
        return tests.Result(False, "7 tests", cases=[cell("01_a", state="failed")])

    def well(bench):
        """works"""
        return tests.Result(True, "3 notebooks")

    monkeypatch.setattr(tests, "STEPS", {"tests": broken, "notebooks": well})
    assert tests.run(argparse.Namespace(only=None)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "7 tests and 3 notebooks: failed: tests"
    assert "failed in tests: 01_a: Cell 0" in lines
    assert tests.run(argparse.Namespace(only=["notebooks"])) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "3 notebooks: all passed"


def test_the_closing_line_counts_all_three_kinds():
    results = {
        name: tests.Result(True, counted)
        for name, counted in zip(
            tests.STEPS, ("", "", "9 tests", "6 notebooks", "18 exercises"), strict=True
        )
    }
    assert tests.summary(results).endswith("9 tests, 6 notebooks and 18 exercises: all passed")
