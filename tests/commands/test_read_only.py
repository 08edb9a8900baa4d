"""One installation that nobody may write serves a class: each works in a folder of their own."""

import json
import os
import subprocess
import sys

import nbformat
import pytest
from as_another import as_another, make_read_only
from running_lab import running_lab

from course_lib.commands.release import release
from course_lib.grader.course.files import exercises
from course_lib.paths import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="folders have no such mode on Windows")
RIGHT = (
    "def attention_weights(query, key):\n"
    "    return (query @ key.T / query.shape[-1] ** 0.5).softmax(-1)"
)
COUNT = sum(e.chapter == "02" for e in exercises(ROOT))


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The course of a class, all of it read-only."""
    root = tmp_path_factory.mktemp("opt") / "course"
    release(root, {"02"})
    make_read_only(root)
    yield root
    for path in (root, *root.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


def course(installed, home, *arguments, work="~/course-work"):
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "HOME": str(home)}
    env |= {"COURSE_WORK": work} if work else {}
    command = as_another([sys.executable, "-m", "course_lib.cli", *arguments])
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=home)


def seen(root):
    return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in (root, *root.rglob("*"))}


def solve(path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "02.attention-weights" in cell.metadata.get("tags", ()):
            cell.source = RIGHT
    nbformat.write(notebook, path)


def test_every_command_works_and_writes_only_in_the_students_folder(installed, home):
    before, work = seen(installed), home / "course-work"
    done = course(installed, home, "lab", "--prepare-only")
    assert done.returncode == 0 and f"Your notebooks are in {work}" in done.stdout
    solve(work / "exercises/02_attention.ipynb")
    assert f"1 of {COUNT} right" in course(installed, home, "check", "02").stdout
    assert "✓ right          02.attention-weights" in course(installed, home, "progress").stdout
    assert f"{COUNT} exercises" in course(installed, home, "exercises").stdout
    doctor = course(installed, home, "doctor")
    assert doctor.returncode == 0, doctor.stdout
    reset = course(installed, home, "reset", "02")
    assert reset.returncode == 0 and "02_attention.kept-1.ipynb" in reset.stdout
    assert seen(installed) == before
    assert {path.name for path in home.iterdir()} <= {"course-work", ".cache", ".config"}


def test_the_lab_runs_and_a_check_in_a_notebook_is_remembered(installed, tmp_path):
    before, work = seen(installed), tmp_path / "mine"
    given = {"COURSE_WORK": work, "PYTHONPATH": installed}
    with running_lab(tmp_path, as_whom=as_another, **given) as lab:
        session = {"path": "exercises/02_attention.ipynb", "type": "notebook", "name": "x"}
        session["kernel"] = {"name": "python3"}
        kernel = lab.ask("api/sessions", session)["kernel"]["id"]
        asked = f"import torch\nfrom course_lib.check import check\n{RIGHT}\n"
        asked += "print(check('02.attention-weights', attention_weights))"
        assert lab.run(kernel, asked).startswith("[right] 02.attention-weights")
        page = lab.ask("api/contents/02_attention.ipynb")
        lab.ask("api/contents/02_attention.ipynb", page, "PUT")
    assert json.loads((work / "progress.json").read_text())["02.attention-weights"]["tries"] == 1
    assert "Traceback" not in lab.log.read_text()
    assert seen(installed) == before


def test_without_a_folder_of_ones_own_it_is_said_how_to_name_one(installed, home):
    done = course(installed, home, "lab", "--prepare-only", work="")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "Permission denied; set COURSE_WORK to a folder of your own" in done.stderr


def test_a_verdict_that_cannot_be_kept_is_still_told(installed, home, tmp_path):
    work = tmp_path / "work"
    course(installed, home, "lab", "--prepare-only", work=str(work))
    solve(work / "exercises/02_attention.ipynb")
    make_read_only(work)
    done = course(installed, home, "check", "02", work=str(work))
    work.chmod(0o755)
    assert "[right] 02.attention-weights" in done.stdout and f"1 of {COUNT} right" in done.stdout
    assert "not kept for `course progress`" in done.stderr and "Permission denied" in done.stderr
