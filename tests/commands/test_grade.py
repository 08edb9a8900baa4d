"""`course grade` on a small class: marks, resuming, appeals, and trouble told to the right one."""

import json
import os
import shutil

import pytest

from course_lib.cli import main
from course_lib.commands import grade
from course_lib.grader.book import one_student, report
from course_lib.grader.book.gradebook import all_rows, load_rows, save_rows
from course_lib.grader.running import seal
from course_lib.paths import ROOT

LEVEL, REASON = seal.reachable()
pytestmark = pytest.mark.skipif(LEVEL != "strong", reason=REASON)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A class of five, graded once, by two workers."""
    folder = tmp_path_factory.mktemp("class")
    work, book = folder / "submissions", folder / "gradebook"
    for student in ("ada", "bob", "cy", "dan", "eve"):
        (work / student).mkdir(parents=True)
    shutil.copy(ROOT / "solutions/00_start_here.py", work / "ada")
    shutil.copy(ROOT / "exercises/00_start_here.ipynb", work / "bob")
    solved = (ROOT / "solutions/00_start_here.py").read_text()
    wrong = solved.replace("x.amax(dim=-1, keepdim=True)", "x.max()")
    (work / "cy" / "00_start_here.py").write_text(wrong)
    (work / "eve" / "00_start_here.ipynb").symlink_to("/etc/passwd")
    umask = os.umask(0)  # of somebody whose other files everybody may read
    status = main(["grade", str(work), "--out", str(book), "--chapters", "00"])
    os.umask(umask)
    return work, book, status


def points(book):
    total = {}
    for row in all_rows(book):
        total[row["student"]] = total.get(row["student"], 0) + row["points"]
    return total


def test_everybody_gets_the_marks_of_their_work(graded):
    _, book, status = graded
    assert status == 0
    assert points(book) == {"ada": 6, "bob": 0, "cy": 4, "dan": 0, "eve": 0}
    named = {r["mistake"] for r in all_rows(book) if r["student"] == "cy" and r["mistake"]}
    assert named == {"one-maximum"}
    assert {r["isolation"] for r in all_rows(book)} == {"strong"}
    told = [r["summary"] for r in all_rows(book) if r["student"] in ("dan", "eve")]
    none = "no notebook of chapter 00 was handed in"
    link = f"{none}; `00_start_here.ipynb` is not used: a link; links are not followed"
    assert set(told) == {none, link}
    assert sum(r["out_of"] for r in all_rows(book) if r["student"] == "dan") == 6


def test_a_second_run_grades_nothing_again_and_new_work_is_graded(graded, capsys, same_lanes):
    work, book, _ = graded
    before = {p.name: p.read_bytes() for p in (book / "results").iterdir()}
    assert main(["grade", str(work), "--out", str(book), "--chapters", "00"]) == 0
    assert "0 to grade, 5 graded already" in capsys.readouterr().out
    assert before == {p.name: p.read_bytes() for p in (book / "results").iterdir()}
    (book / "results" / "cy.jsonl").unlink()  # as if the batch had been killed before this one
    assert main(["grade", str(work), "--out", str(book), "--chapters", "00"]) == 0
    assert "1 to grade, 4 graded already" in capsys.readouterr().out
    assert points(book)["cy"] == 4


def test_an_appeal_gives_the_same_verdicts(graded, capsys, same_lanes):
    work, book, _ = graded
    seed = json.loads((book / "book.json").read_text())["seed"]

    def verdicts():
        rows = [r for r in all_rows(book) if r["student"] == "cy"]
        return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]

    first = verdicts()
    again = ["--chapters", "00", "--student", "cy", "--seed", str(seed)]
    assert main(["grade", str(work), "--out", str(book), *again]) == 0
    assert verdicts() == first
    assert "cy: same verdicts" in capsys.readouterr().out
    handed_in = (work / "cy" / "00_start_here.py").read_text()
    (work / "cy" / "00_start_here.py").write_text("# %%\nx = 1\n")
    main(["grade", str(work), "--out", str(book), *again])
    assert "cy: changed: 00.scores" in capsys.readouterr().out
    (work / "cy" / "00_start_here.py").write_text(handed_in)
    main(["grade", str(work), "--out", str(book), *again])
    assert points(book)["cy"] == 4


def test_pages_are_written(graded):
    _, book, _ = graded
    assert "one maximum away from all rows" in (book / "class.html").read_text()
    told = (book / "feedback" / "cy.md").read_text()
    assert "4 of 6 points" in told and "Hint:" in told
    assert "amax" not in told, "feedback must not show a solution"


def test_nobody_else_can_read_the_gradebook_and_its_exports(graded, tmp_path):
    _, book, _ = graded
    for format, out in (("csv", tmp_path / "marks.csv"), ("gradescope", tmp_path / "scope")):
        assert main(["export", str(book), "--format", format, "--out", str(out)]) == 0
    made = [book, *book.rglob("*"), tmp_path / "marks.csv", tmp_path / "scope"]
    assert len(made) > 12
    open_to_others = [p for p in made if p.stat().st_mode & 0o077]
    assert not open_to_others


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["nowhere", "--out", "book"], "nowhere is not a folder of submissions"),
        ([".", "--out", "book", "--chapters", "77"], "no chapter '77'; there are: 00"),
        ([".", "--out", "book", "--student", "zoe"], "has no folder 'zoe'"),
    ],
)
def test_what_cannot_be_graded_is_said(tmp_path, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ada").mkdir()
    assert main(["grade", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "book").exists()


def test_before_a_collecting_was_ended_nothing_is_graded(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in" / "ada").mkdir(parents=True)
    (tmp_path / "in" / ".collected.json").write_text('{"aside": {"ada": {"a.py": "b.py"}}}')
    assert main(["grade", "in", "--out", "book"]) == 2
    assert "collect once more" in capsys.readouterr().err and not (tmp_path / "book").exists()


def test_less_isolation_than_required_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        one_student.seal, "reachable", lambda: ("process", "this kernel has no Landlock")
    )
    arguments = [
        "grade",
        str(tmp_path),
        "--out",
        str(tmp_path / "b"),
        "--require-isolation",
        "strong",
    ]
    assert main(arguments) == 2
    assert "isolation 'strong' is not to be had here: this kernel has no" in capsys.readouterr().err


def test_one_students_trouble_is_not_the_batchs(tmp_path, monkeypatch, capsys):
    (tmp_path / "w" / "ada").mkdir(parents=True)
    (tmp_path / "w" / "bob").mkdir()

    class Inline:
        """An executor without processes, in which grading ada fails."""

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            pass

        def submit(self, function, task):
            from concurrent.futures import Future

            future = Future()
            if task.folder.name == "ada":
                future.set_exception(MemoryError("too much"))
            else:
                future.set_result(function(task))
            return future

    monkeypatch.setattr(grade, "_executor", lambda args: Inline())
    out = ["--out", str(tmp_path / "b"), "--chapters", "00"]
    assert main(["grade", str(tmp_path / "w"), *out]) == 1
    assert "not graded: ada (MemoryError: too much; run" in capsys.readouterr().err
    assert set(points(tmp_path / "b")) == {"bob"}


def test_a_mended_key_makes_lines_out_of_date_and_totals_never_mix(graded, capsys):
    work, book, _ = graded
    again = ["grade", str(work), "--out", str(book), "--chapters", "00"]
    main(again)
    before = {r["student"]: r["submitted"] for r in all_rows(book)}
    rows = load_rows(book, "cy")
    save_rows(book, "cy", [row | {"key": "of before it was mended"} for row in rows])
    report.write(book)
    assert "so that totals mix: 00.dot-shape" in (book / "class.html").read_text()
    capsys.readouterr()
    assert main(["export", str(book), "--format", "csv"]) == 2
    assert "judged by different keys, so that totals would mix" in capsys.readouterr().err
    assert main(again) == 0
    told = capsys.readouterr().out
    assert "4 lines are out of date, as the key of 00 changed: graded again" in told
    assert "1 to grade, 4 graded already" in told
    assert {r["student"]: r["submitted"] for r in all_rows(book)} == before
    assert "so that totals mix" not in (book / "class.html").read_text()
    assert main(["export", str(book), "--format", "csv"]) == 0
