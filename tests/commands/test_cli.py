"""The `course` command: its table, and `course doctor`."""

import argparse
import importlib
import json
import os
import subprocess
import sys

import pytest

from course_lib import cli
from course_lib.commands import doctor
from course_lib.grader.running import seal


def test_help_lists_every_command(capsys):
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    for name, (_, line) in cli.COMMANDS.items():
        assert f"  {name} " in text and line in text


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_its_own_help(name, capsys):
    module = importlib.import_module(f"course_lib.commands.{cli.COMMANDS[name][0]}")
    assert callable(module.run)
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    assert end.value.code == 0 and f"usage: course {name}" in capsys.readouterr().out


def test_an_unknown_command_is_a_wrong_call(capsys):
    assert cli.main(["teach"]) == 2
    assert "no command 'teach'" in capsys.readouterr().err
    assert cli.main([]) == 2


@pytest.mark.parametrize("name", ["lab", "reset"])
def test_a_quick_command_does_not_load_pytorch(name):
    code = (
        f"import sys, course_lib.cli, course_lib.commands.{name}; "
        "print('torch' in sys.modules, 'jupyterlab' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False False\n"


def test_ctrl_c_ends_a_command_without_a_traceback(monkeypatch, capsys):
    from course_lib.commands import exercises

    def interrupted(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(exercises, "run", interrupted)
    assert cli.main(["exercises"]) == 130
    assert "Stopped" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="pipes of a POSIX shell")
@pytest.mark.parametrize("unbuffered", [["-u"], []], ids=["each line", "all at once"])
def test_who_reads_no_further_sees_no_traceback(unbuffered):
    """As `| head` does; here the reader is gone before the first line, whoever is quicker."""
    call = [sys.executable, *unbuffered, "-m", "course_lib.cli", "exercises"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(call, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.stderr, done.returncode) == (b"", 141)


def test_doctor_prints_json_of_a_known_shape(capsys):
    status = doctor.run(argparse.Namespace(json=True))
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {
        "python", "platform", "cores", "device", "packages", "data", "weights", "isolation",
        "problems",
    }  # fmt: skip
    for kind in ("packages", "data", "weights"):
        assert found[kind]
        assert all(set(entry) == {"name", "wanted", "installed"} for entry in found[kind])
    names = [entry["name"] for entry in found["packages"]]
    assert "torch" in names and "jupyterlab" in names and "pytest" not in names
    assert found["isolation"]["level"] in seal.LEVELS
    assert status == int(bool(found["problems"]))


def test_doctor_names_what_is_missing_and_the_repair(tmp_path):
    folder = tmp_path / "requirements"
    folder.mkdir()
    (folder / "weights.txt").write_text("no-such-model==1.0 --hash=sha256:0\n# a comment\n")
    found = doctor.diagnosis(tmp_path)
    missing = {"what": "no-such-model is not installed", "repair": "python3 course.py setup"}
    assert missing in found["problems"]
    assert "no-such-model MISSING" in doctor.as_text(found)
    assert "to repair: python3 course.py setup" in doctor.as_text(found)


def test_doctor_says_which_isolation_grading_reaches_and_what_is_missing(monkeypatch):
    monkeypatch.setattr(seal, "reachable", lambda: ("process", "this kernel has no Landlock"))
    told = doctor.as_text(doctor.diagnosis())
    assert "isolation  process (of `course grade`; your own checks are not sandboxed" in told
    assert "they run as you; this kernel has no Landlock)" in told


def test_doctor_tells_a_device_that_is_not_there(monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "abacus")
    name, problem = doctor.device()
    assert name is None and "abacus" in problem["what"] and "COURSE_DEVICE" in problem["repair"]


def test_doctor_marks_another_version_than_the_tested_one():
    entry = {"name": "torch", "wanted": "2.13.0", "installed": "2.13.0+cpu"}
    assert doctor.state(entry) == "2.13.0+cpu"
    assert doctor.state(entry | {"installed": "2.14.0"}) == "2.14.0 (tested with 2.13.0)"
