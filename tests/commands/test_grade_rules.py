"""`course grade` with rules, and one gradebook for a class graded chapter by chapter."""

import json
import os
import shutil
import zipfile
from datetime import UTC, datetime

import pytest

from course_lib.cli import main
from course_lib.commands import grade
from course_lib.grader.book import report
from course_lib.grader.book.gradebook import all_rows
from course_lib.grader.book.rules import Rules
from course_lib.grader.book.totals import total
from course_lib.grader.running import seal
from course_lib.paths import ROOT

LEVEL, REASON = seal.reachable()
pytestmark = pytest.mark.skipif(LEVEL != "strong", reason=REASON)


class Inline:
    """An executor without processes of its own."""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def submit(self, function, task):
        from concurrent.futures import Future

        future = Future()
        future.set_result(function(task))
        return future


@pytest.fixture
def ada(tmp_path, monkeypatch):
    monkeypatch.setattr(grade, "_executor", lambda args: Inline())
    work = tmp_path / "submissions" / "ada"
    work.mkdir(parents=True)
    shutil.copy(ROOT / "solutions/00_start_here.py", work)
    os.utime(work / "00_start_here.py", (1_764_633_600, 1_764_633_600))  # 2025-12-02 00:00 UTC
    return tmp_path


def run(folder, *arguments):
    book = folder / "book"
    status = main(["grade", str(folder / "submissions"), "--out", str(book), *arguments])
    return status, book


def test_rules_change_totals_and_never_the_lines(ada, capsys):
    rules = ada / "rules.toml"
    rules.write_text("[late]\ndeadline = 2025-12-01T00:00:00Z\nper_day = 0.1\n")
    status, book = run(ada, "--chapters", "00", "--rules", str(rules))
    assert status == 0
    lines = list(all_rows(book))
    assert sum(r["points"] for r in lines) == 6
    assert {r["submitted"][:7] for r in lines} <= {"2025-12", "2025-11"}
    told = (book / "feedback" / "ada.md").read_text()
    assert "# ada: 5.4 of 6 points" in told and "before the rules of the class: 6 of 6" in told
    assert "chapter 00: 1 day late, 5.4 of 6 points are left" in told
    assert "5.4 of 6" in (book / "class.html").read_text()
    (ada / "submissions" / "submitted.csv").write_text(
        "student,submitted\nada,2025-11-30T10:00:00Z\nadda,2025-11-30T10:00:00Z\n"
    )
    assert run(ada, "--chapters", "00")[0] == 0
    said = capsys.readouterr()
    assert "0 to grade, 1 graded already" in said.out
    assert "submitted.csv has lines for nobody's folder: adda\n" in said.err
    assert "# ada: 6 of 6 points" in (book / "feedback" / "ada.md").read_text()


def test_an_answer_in_a_late_file_is_late_whatever_the_file_is_called(ada, capsys):
    """And what was in time stays so, beside it and in it."""
    source, right = (
        (ROOT / "solutions/00_start_here.py").read_text(),
        "01-09-30-00_00_start_here.py",
    )
    packed = ada / "07_notes.zip"
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("n/00_start_here.py", source)
    with zipfile.ZipFile(ada / "class.zip", "w") as file:
        file.writestr(f"A_early_attempt_2025-12-{right}", source)
        file.writestr("A_early_attempt_2025-12-03-09-30-00_07_notes.zip", packed.read_bytes())
        file.writestr("A_late_attempt_2025-12-03-09-30-00_07_notes.zip", packed.read_bytes())
    work, rules = ada / "submissions", ada / "rules.toml"
    shutil.rmtree(work)
    assert main(["collect", str(ada / "class.zip"), "--out", str(work)]) == 0
    rules.write_text("[late]\ndeadline = 2025-12-02T00:00:00\nper_day = 0.1\n")
    _, book = run(ada, "--chapters", "00", "--rules", str(rules))
    assert "# early: 6 of 6 points" in (book / "feedback" / "early.md").read_text()
    late = (book / "feedback" / "late.md").read_text()
    assert "# late: 4.8 of 6 points" in late and "chapter 00: 2 days late" in late


def test_which_exercises_are_late_is_told_where_others_are_not():
    def row(id, day):
        about = {"points": 2, "out_of": 2, "submitted": f"2025-12-0{day}T12:00:00+00:00"}
        return {"student": "ada", "exercise": id, **about}

    rules = Rules(deadline=datetime(2025, 12, 2, tzinfo=UTC), per_day=0.5)
    came = total([row("00.a", 1), row("00.b", 2)], rules)
    assert came.points == 3 and came.chapters["00"].late_ones == ("00.b",)
    assert report._rules_applied(came)[1] == (
        "chapter 00: 1 day late, 3 of 4 points are left (late: 00.b)"
    )
    assert total([row("00.b", 2)], rules).chapters["00"].late_ones == ()


def test_bad_rules_stop_before_anything_is_graded(ada, capsys):
    (ada / "r.toml").write_text("[late]\nper_dya = 1")
    status, book = run(ada, "--chapters", "00", "--rules", str(ada / "r.toml"))
    assert status == 2 and not book.exists()
    assert "r.toml: unknown key late.per_dya" in capsys.readouterr().err


def test_chapters_graded_one_by_one_share_a_gradebook(ada, capsys):
    assert run(ada, "--chapters", "00")[0] == 0
    (ada / "submissions" / "ada" / "01_why_transformers.py").write_text("# %%\nx = 1\n")
    _, book = run(ada, "--chapters", "01")
    kept = {r["exercise"][:2]: r["points"] for r in all_rows(book)}
    assert set(kept) == {"00", "01"} and kept["00"] > 0
    capsys.readouterr()
    run(ada, "--chapters", "00,01")
    assert "0 to grade, 1 graded already" in capsys.readouterr().out
    before = [r for r in all_rows(book) if r["exercise"][:2] == "01"]
    run(ada, "--chapters", "00", "--student", "ada")
    assert [r for r in all_rows(book) if r["exercise"][:2] == "01"] == before


def test_a_huge_file_is_told_and_not_read(ada):
    huge = ada / "submissions" / "ada" / "01_why_transformers.py"
    with huge.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte of nothing
    _, book = run(ada, "--chapters", "01")
    (told,) = {r["summary"] for r in all_rows(book)}
    assert told.endswith(
        "`01_why_transformers.py` is not used: 1,048,576.0 MiB; at most 64 are read"
    )
    assert json.loads((book / "book.json").read_text())["seed"]
