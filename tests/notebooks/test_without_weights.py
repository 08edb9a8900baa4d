"""A chapter says which command brings a pretrained model, and runs on without it."""

import subprocess
import sys

import pytest

from course_lib.notebooks import read_cells
from course_lib.paths import ROOT

ABSENT = """
import matplotlib
matplotlib.use("agg")
from course_lib import claims
from course_lib.pretrained import smollm2
from course_lib.pretrained.packages import package_folder
smollm2.package_folder = lambda _: package_folder("no_such_smollm2")
smollm2.hub_folder = lambda *_: package_folder("no_such_hub")
claims.claim = lambda text, holds: print("claimed:", text)  # three steps of training: may not hold
"""


def test_13_runs_on_without_smollm2():
    """With its own small model, which is trained for three steps here."""
    cells = read_cells(ROOT / "notebooks" / "src" / "13_gpt.py")
    code = "\n".join(cell.source for cell in cells if cell.kind == "code")
    assert code.count(", 137, ") == 1  # its steps
    page = ABSENT + code.replace(", 137, ", ", 3, ") + "\nprint('end', smol is writer)"
    command = [sys.executable, "-W", "ignore", "-c", page]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr[-2000:]
    before, said, after = run.stdout.partition("no-such-smollm2 is not installed: run `python3 ")
    assert said and "course.py setup`" in after and after.endswith("end True\n")
    assert "library's logits" in before and "library's logits" not in after


HEARING = """
import matplotlib
matplotlib.use("agg")
import course_lib.data.speech as recording
import course_lib.pretrained.whisper_tiny as weights
from course_lib.generation import generate
from course_lib.nn import GrowingCache
from course_lib.pretrained.packages import package_folder
"""


@pytest.mark.parametrize("what", ["weights", "recording"])
def test_15_runs_on_without_what_it_hears(what):
    """Its section on Whisper, without the model or without the sound."""
    cells = read_cells(ROOT / "notebooks" / "src" / "15_t5.py")
    code = [cell.source for cell in cells if cell.kind == "code"]
    start = next(i for i, cell in enumerate(code) if "load_whisper_tiny()" in cell)
    absent = f'{what}.package_folder = lambda *_: package_folder("no_such_{what}")\n'
    page = "\n".join([HEARING, absent, code[0], *code[start:], "print('end', whisper)"])
    command = [sys.executable, "-W", "ignore", "-c", page]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr[-2000:]
    assert f"no-such-{what} is not installed: run `python3 course.py setup`" in run.stdout
    assert "second half" not in run.stdout and run.stdout.endswith("end None\n")
