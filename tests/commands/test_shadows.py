"""A file beside the notebooks that Python takes for a library is named, and nothing else is."""

import argparse
import os
import subprocess
import sys

import pytest

from course_lib.commands import doctor, lab, shadows
from course_lib.commands.shadows import in_the_way
from course_lib.paths import ROOT


@pytest.fixture
def work(tmp_path):
    for name in ("a.ipynb", "exercises/a.ipynb", "mine/a.ipynb", ".lab/a.ipynb"):
        (tmp_path / "work" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "work" / name).touch()
    return tmp_path / "work"


@pytest.mark.parametrize(
    "path, name",
    [
        ("torch.py", "torch"),
        ("exercises/random.py", "random"),
        ("mine/einops.py", "einops"),
        ("numpy/__init__.py", "numpy"),
        ("course_lib.py", "course_lib"),
        ("IPython.py", "IPython"),
    ],
)
def test_it_is_named_with_what_it_stands_for(work, path, name):
    (work / path).parent.mkdir(exist_ok=True)
    (work / path).touch()
    (problem,) = in_the_way(work.parent, work)
    shown = (work / path).parent if path.endswith("__init__.py") else work / path
    assert problem["what"] == f"{shown} is imported in place of the library {name}"
    assert problem["repair"] == "rename it"


@pytest.mark.parametrize("path", ["helpers.py", "torch.txt", "numpy/data.csv", ".lab/torch.py"])
def test_what_takes_no_librarys_place_is_not(work, path):
    (work / path).parent.mkdir(exist_ok=True)
    (work / path).touch()
    assert in_the_way(work.parent, work) == []


def test_the_course_as_it_is_has_none(tmp_path):
    assert in_the_way(ROOT, tmp_path / "not there yet") == []


def test_python_agrees(work):
    """What is named is what a kernel that starts there would import."""
    (work / "einops.py").touch()
    (work / "numpy").mkdir()
    asked = "import einops, numpy; print(einops.__file__); print(numpy.__file__)"
    env = {name: told for name, told in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", asked]
    done = subprocess.run(command, capture_output=True, text=True, cwd=work, env=env)
    einops, numpy = done.stdout.splitlines()
    assert einops == str(work / "einops.py") and not numpy.startswith(str(work))
    assert [name for name, _ in shadows.shadows([work])] == ["einops"]


def test_doctor_and_the_start_of_the_lab_say_it(work, monkeypatch, capsys):
    (work / "torch.py").touch()
    told = in_the_way(work.parent, work)
    for module in (doctor, lab):
        monkeypatch.setattr(module, "in_the_way", lambda: told)
    monkeypatch.setattr(lab, "WORK", work)
    assert told[0] in doctor.diagnosis()["problems"]
    assert lab.run(argparse.Namespace(prepare_only=True)) == 0
    assert f"{work}/torch.py is imported in place of the library torch: rename it" in (
        capsys.readouterr().err
    )


def test_doctor_survives_a_torch_that_is_none(monkeypatch):
    def broken():
        raise AttributeError("module 'torch' has no attribute 'cuda'")

    monkeypatch.setattr("course_lib.device.device", broken)
    name, problem = doctor.device()
    assert name is None and "PyTorch does not load: module 'torch'" in problem["what"]
