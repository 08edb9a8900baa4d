"""A checkout whose lines end as on Windows: nothing in it is stale."""

import os
import shutil
import subprocess
import sys

import pytest

from course_lib.paths import ROOT
from course_lib.studies import source_hash

PARTS = ("course_lib", "notebooks", "exercises", "solutions", "requirements", "docs")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The course with every line end changed, as `core.autocrlf` does it."""
    root = tmp_path_factory.mktemp("crlf") / "course"
    for name in PARTS:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("course.py", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    for path in (p for p in root.rglob("*") if p.is_file()):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    return root


def course(checkout, *arguments):
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout), "HOME": str(checkout.parent)}
    command = [sys.executable, "-m", "course_lib.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=checkout)


def test_what_is_built_is_not_stale(checkout):
    done = course(checkout, "build", "--check")
    assert done.returncode == 0, done.stderr


def test_copies_made_from_either_are_the_same(checkout, tmp_path):
    assert "New: " in course(checkout, "lab", "--prepare-only").stdout
    shutil.copytree(checkout / "work", tmp_path / "work")
    env = os.environ | {"COURSE_WORK": str(tmp_path / "work")}
    command = [sys.executable, "-m", "course_lib.cli", "lab", "--prepare-only"]
    told = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT).stdout
    assert told.count("\n") == 1, told  # nothing new, renewed or newer


def test_a_study_is_the_same_script(checkout):
    scripts = sorted((ROOT / "notebooks/studies").glob("*.py"))
    assert scripts
    for path in scripts:
        assert source_hash(path) == source_hash(checkout / path.relative_to(ROOT))


def test_answers_are_checked(checkout):
    course(checkout, "lab", "--prepare-only")
    told = course(checkout, "check", str(checkout / "solutions/00_start_here.py"))
    assert told.stdout.endswith("4 of 4 right\n"), told.stdout + told.stderr


def test_git_is_asked_for_the_same_bytes_everywhere():
    rules = (ROOT / ".gitattributes").read_text().splitlines()
    assert "* text=auto eol=lf" in rules
