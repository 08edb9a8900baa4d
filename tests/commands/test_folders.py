"""Wrong folders: refused with what was found and expected, before anything is written."""

import importlib.util
import os
import subprocess
import sys

import pytest

from course_lib.cli import main
from course_lib.commands.folders import refuse_target, students_in
from course_lib.grader.book.times import load_times
from course_lib.paths import ROOT

EXPECTED = "expected one folder for each student, such as submissions/ada/02_attention.ipynb"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Make files, by name; a name that ends in / is a folder."""
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            path = tmp_path / name
            if name.endswith("/"):
                path.mkdir(parents=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}")
        return tmp_path

    return make


KINDS = [
    (["x.zip"], "x.zip", "x.zip is not a folder of submissions, but a file; if a platform gave "
     "it to you, `course collect x.zip --out submissions` makes the folders"),
    ([], "w", "w is not a folder of submissions; " + EXPECTED),
    (["w/02_attention.ipynb", "w/pictures/"], "w",
     "w looks like the folder of one student (02_attention.ipynb); " + EXPECTED),
    (["w/ada.zip", "w/bob.zip"], "w", "w holds archives (ada.zip, bob.zip) and nobody's notebook"),
    (["w/book.json"], "w", "w is a gradebook; " + EXPECTED),
    (["w/results/ada.jsonl"], "w", "w is a gradebook; " + EXPECTED),
    (["w/ada_101_7_02.ipynb", "w/bob_LATE_102_8_02{x}.py"], "w", "w is a download of Canvas "
     "(ada_101_7_02.ipynb, bob_LATE_102_8_02{x}.py): `course collect w --out submissions` makes"),
    (["w/Ada L_1_assignsubmission_file_/02.ipynb"], "w",
     "w is a download of Moodle (Ada L_1_assignsubmission_file_): `course collect w"),
    (["w/sub/ada/02.ipynb", "w/sub/bob/02.py"], "w", "w holds only sub, and that holds folders "
     f"(ada, bob); {EXPECTED}. Is it w/sub that you mean?"),
    (["w/"], "w", f"w has no folder 'of a student'; {EXPECTED}, found nothing"),
    (["w/.git/config", "w/notes.txt"], "w",
     f"w has no folder 'of a student'; {EXPECTED}, found 1 folder (.git) and 1 file (notes.txt)"),
    ([], str(ROOT), f"{ROOT} is the course itself; {EXPECTED}"),
]  # fmt: skip


@pytest.mark.parametrize("names, folder, told", KINDS)
@pytest.mark.parametrize("command", ["grade", "similar"])
def test_a_folder_of_another_kind_is_refused(tree, capsys, command, names, folder, told):
    if command == "similar" and not importlib.util.find_spec("rapidfuzz"):
        pytest.skip("RapidFuzz is not installed")
    tree(*names)
    assert main([command, folder, "--out", "book"]) == 2
    assert f"course {command}: {told}" in capsys.readouterr().err
    assert not (tree() / "book").exists()


def test_what_is_no_student_is_passed_by_and_said(tree):
    names = [
        "ada/02.py", ".git/config", "__MACOSX/ada/x", "__pycache__/", "book/book.json",
        "02_loose.ipynb", "dan.zip", "submitted.csv", ".collected.json", "notes.txt",
    ]  # fmt: skip
    folder = tree(*(f"w/{name}" for name in names)) / "w"
    (folder / "eve").symlink_to("/etc")
    students, passed = students_in(folder)
    assert [path.name for path in students] == ["ada"]
    assert passed == [
        ".git (no student)", "__MACOSX (no student)", "__pycache__ (no student)",
        "book (a gradebook)", "eve (a link)", "02_loose.ipynb (in nobody's folder)",
        "dan.zip (in nobody's folder)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "names",
    [
        ["ada/", "bob/"],  # nobody handed in anything
        ["ada/work/02.py"],  # one student, in a folder of their own
        ["ada/work/02.py", "bob/deep/er/02.py"],
        ["ada/02.py", "x_1_2_y.ipynb", "old.zip"],
    ],
)
def test_a_class_that_looks_odd_is_a_class(tree, names):
    students, _ = students_in(tree(*(f"w/{name}" for name in names)) / "w")
    assert students


def test_a_gradebook_needs_a_folder_of_its_own(tree):
    folder = tree("w/ada/02.py", "mine/thesis.txt", "old/book.json", "rules/rules.toml", "new/")
    for name in ("old", "rules", "new", "none"):
        refuse_target(folder / name, folder / "w")
    with pytest.raises(ValueError, match="the gradebook needs a folder of its own"):
        refuse_target(folder / "w" / "." / "ada" / "..", folder / "w")
    with pytest.raises(ValueError, match=r"is no gradebook, and not empty: it has 1 file \(thesis"):
        refuse_target(folder / "mine", folder / "w")


def test_an_export_of_something_else_is_refused(tree, capsys):
    tree("w/ada/02.py", "w/submitted.csv")
    assert main(["export", "w", "--format", "csv", "--out", "x.csv"]) == 2
    found = "w is not a gradebook: it has 1 folder (ada) and 1 file (submitted.csv)"
    assert f"{found}; expected the folder that `course grade` made" in capsys.readouterr().err
    assert main(["export", "nowhere", "--format", "csv"]) == 2
    assert "nowhere is not a gradebook: it has nothing" in capsys.readouterr().err


def test_a_student_called_like_a_file_of_ours_stops_nobody(tree):
    names = ["ada/02.py", "results/02.py", "results/x.jsonl", "submitted.csv/02.py"]
    folder = tree(*(f"w/{name}" for name in [*names, "eve/02.py", "eve/book.json"])) / "w"
    students, passed = students_in(folder)
    assert [path.name for path in students] == ["ada", "eve", "results", "submitted.csv"]
    assert passed == [] and load_times(folder) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no path is that long")
def test_a_folder_of_thousands_of_folders_stops_nobody(tree, monkeypatch):
    folder = tree("w/ada/", "w/bob/02.py") / "w"
    monkeypatch.chdir(folder / "ada")
    for _ in range(3000):  # longer than a path may be, and deeper than Python calls itself
        os.mkdir("d")
        os.chdir("d")
    os.chdir(folder)
    try:
        assert [path.name for path in students_in(folder)[0]] == ["ada", "bob"]
    finally:  # pytest would not be able to
        subprocess.run(["rm", "-r", "ada"], check=True)
