"""`course collect`, and the whole way: a platform's archive in, its own gradebook out."""

import csv
import io
import zipfile

import pytest

from course_lib.cli import main
from course_lib.grader.book.gradebook import all_rows
from course_lib.grader.running import seal
from course_lib.paths import ROOT

LEVEL, REASON = seal.reachable()
SOLVED = (ROOT / "solutions/00_start_here.py").read_text()
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Final Score\n"
    "    Points Possible,,,,,(read only)\n"
    '"Lovelace, Ada",101,S-1,ada,A,\n"Babbage, Bob",102,S-2,bob,A,\n"Hopper, Grace",103,,grace,A,\n'
    '"Student, Test",104,,0a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d,A,\n'
)
ARCHIVE = {
    "lovelaceada_101_9876_00_start_here-1.py": SOLVED,
    "babbagebob_LATE_102_9877_00_start_here.py": SOLVED,
    "zoe_999_9878_00_start_here.py": SOLVED,
    "hoppergrace_103_9879_report.pdf": "%PDF",
    "babbagebob_LATE_102_text.html": "typed",
    "__MACOSX/._x": "",
}


def call(line, *more):
    """The exit status of a command line."""
    return main([*line.split(), *more])


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with canvas.zip and canvas.csv, to work in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "canvas.csv").write_text(CANVAS)
    with zipfile.ZipFile(tmp_path / "canvas.zip", "w") as archive:
        for name, data in ARCHIVE.items():
            archive.writestr(name, data)
    return tmp_path


def test_everything_is_placed_or_told(here, capsys):
    assert call("collect canvas.zip --out submissions --roster canvas.csv") == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "canvas.csv: 3 students by SIS Login ID; skipped: Points Possible, Test Student",
        "read as: Canvas (5 files)",
        "passed by: __MACOSX (1)",
        "not used: babbagebob_LATE_102_text.html",
        "no notebook and no script from: grace",
        "no times in this archive; marked LATE: bob",
        "no day is counted until you write times into submissions/submitted.csv",
        "submissions: 3 students, 3 files, 1 LATE, 1 not placed",
    ]
    why = "no line of canvas.csv has ID 999"
    assert told.err == f"not placed: zoe_999_9878_00_start_here.py ({why})\n"
    made = sorted(path.name for path in (here / "submissions").iterdir())
    assert made == [".collected.json", "ada", "bob", "grace", "submitted.csv"]


def test_without_a_list_the_names_are_canvass_and_it_is_said(here, capsys):
    assert call("collect canvas.zip --out submissions") == 0
    assert "folders are named as the archive names people" in capsys.readouterr().out
    assert (here / "submissions" / "zoe_999" / "00_start_here.py").is_file()


def test_an_unpacked_archive_does_too(here):
    zipfile.ZipFile("canvas.zip").extractall("unpacked")
    assert call("collect unpacked --out submissions --roster canvas.csv") == 1
    assert (here / "submissions/ada/00_start_here-1.py").read_text() == SOLVED


@pytest.mark.skipif(LEVEL != "strong", reason=REASON)
@pytest.mark.parametrize("roster", [["--roster", "canvas.csv"], []])
def test_from_canvas_and_back_again(here, capsys, roster):
    call("collect canvas.zip --out submissions", *roster)
    (here / "rules.toml").write_text("[late]\ndeadline = 2020-01-01T00:00:00\nper_day = 1.0\n")
    graded = "grade submissions --out book --rules rules.toml --jobs 1"
    capsys.readouterr()
    assert call(graded) == 0
    told = capsys.readouterr()
    assert "chapters 00: those of which something was handed in" in told.out
    who = "bob" if roster else "babbagebob_102"
    marked = f"marked LATE by the platform without a time, so that no day is counted: {who}"
    assert f"{marked} (chapter 00)" in told.err
    assert {row["submitted"] for row in all_rows(here / "book")} == {None}
    page = (here / "book" / "class.html").read_text()
    assert "marked LATE by the platform, which tells no time: no day is counted" in page
    assert call("export book --format canvas --roster canvas.csv") == 0
    exported = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert [line[6] for line in exported] == ["Chapter 00", "6", "6", "6", "0", ""]
    assert [line[:6] for line in exported] == list(csv.reader(io.StringIO(CANVAS)))
    call("export book --format csv")
    plain = csv.DictReader(io.StringIO(capsys.readouterr().out))
    days = {row["student"]: row["days_late"] for row in plain}
    assert days[who] == "LATE" and set(days.values()) == {"LATE", "0"}


@pytest.mark.parametrize(
    "archive, told",
    [
        ("nowhere.zip", "nowhere.zip is not there; expected Canvas's or Moodle's"),
        ("canvas.csv", "canvas.csv can't be read (File is not a zip file); it must be a zip file"),
        ("empty", "nothing in empty could be placed: found nothing; expected Canvas's"),
        ("ada", "nothing in ada could be placed: found 1 file (00_start_here.py); expected"),
        ("zips", "nothing in zips could be placed: found 1 file (bob.zip); expected"),
        (str(ROOT), "is the course itself; expected Canvas's"),
        ("book", "book is a gradebook; expected Canvas's"),
        (".", "--out submissions lies within .; choose another folder"),
    ],
)
def test_what_is_no_archive_is_refused_with_what_was_found(here, capsys, archive, told):
    for name in ("empty", "ada", "zips", "book/results"):
        (here / name).mkdir(parents=True)
    for name in ("ada/00_start_here.py", "zips/bob.zip", "book/book.json"):
        (here / name).write_text("{}")
    assert call("collect --out submissions --roster canvas.csv", archive) == 2
    assert told in capsys.readouterr().err and not (here / "submissions").exists()


def test_a_list_that_cannot_be_used_writes_nothing(here, capsys):
    (here / "canvas.csv").write_text("Name,Points\nada,1\n")
    assert call("collect canvas.zip --out submissions --roster canvas.csv") == 2
    assert "none of the columns is called" in capsys.readouterr().err
    assert not (here / "submissions").exists()


def test_a_target_of_another_kind_is_refused(here, capsys):
    (here / "submissions").mkdir()
    (here / "submissions" / "mine.txt").write_text("x")
    assert call("collect canvas.zip --out submissions --roster canvas.csv") == 2
    assert "`course collect` didn't make it" in capsys.readouterr().err
    assert [path.name for path in (here / "submissions").iterdir()] == ["mine.txt"]
