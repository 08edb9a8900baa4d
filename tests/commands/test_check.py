"""`course check` and `course progress` on a learner's own copy."""

import json
import shutil

import pytest

from course_lib import check as notebook_check
from course_lib.cli import main
from course_lib.commands import check, progress
from course_lib.grader.course.listing import listed
from course_lib.grader.course.progress import load
from course_lib.notebooks import cleared
from course_lib.paths import ROOT

WRONG = (
    "def safe_softmax(x):\n    powers = x.exp()\n    return powers / powers.sum(-1, keepdim=True)"
)


@pytest.fixture
def work(tmp_path, monkeypatch):
    for module in (check, progress, notebook_check):
        monkeypatch.setattr(module, "WORK", tmp_path)
    (tmp_path / "exercises").mkdir()
    return tmp_path


def test_untouched_exercises_are_not_attempted(work, capsys):
    shutil.copy(ROOT / "exercises/00_start_here.ipynb", work / "exercises")
    assert main(["check", "00"]) == 1
    told = capsys.readouterr().out
    assert told.count("[not attempted]") == 4 and told.endswith("0 of 4 right\n")
    assert load(work) == {}


def test_solved_exercises_are_right_and_remembered(work, capsys):
    assert main(["check", str(ROOT / "solutions/00_start_here.py")]) == 0
    assert "4 of 4 right" in capsys.readouterr().out
    assert main(["progress"]) == 0
    told = capsys.readouterr().out
    assert "✓ right" in told and "○ not attempted" in told and "6 of" in told


def test_a_mistake_is_named_with_as_many_hints_as_asked_for(work, tmp_path, capsys):
    path = tmp_path / "00_mine.py"
    path.write_text(f'# %%\nimport torch\n\n# %% tags=["00.safe-softmax"]\n{WRONG}\n')
    assert main(["check", str(path), "--hints", "2"]) == 1
    told = capsys.readouterr().out
    assert "this is what you get when you raise e to the scores as they are" in told
    assert "hint 2 of 3" in told and "hint 3 of 3" not in told
    assert "a solution:" not in told
    main(["check", str(path), "--hints", "3", "--solution"])
    assert "a solution:" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Copy of Untitled3", "notebook1a2b3c", "2_attention", "2024-01"])
def test_a_notebook_of_any_name_is_known_by_its_exercises(work, tmp_path, capsys, name):
    path = tmp_path / f"{name}.ipynb"
    shutil.copy(ROOT / "exercises/00_start_here.ipynb", path)
    assert main(["check", str(path)]) == 1
    assert "0 of 4 right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1", "mine.py names no exercise of this course"),
        ('check("00.scores", 1); check("02.cost", 2)', "names exercises of chapters 00, 02"),
    ],
)
def test_a_notebook_of_no_one_chapter_is_refused(work, tmp_path, capsys, text, told):
    path = tmp_path / "mine.py"
    path.write_text(text)
    assert main(["check", str(path)]) == 2
    said = capsys.readouterr().err
    assert told in said and "02_mine.py" in said


def test_one_exercise_can_be_asked_for(work, capsys):
    shutil.copy(ROOT / "exercises/00_start_here.ipynb", work / "exercises")
    main(["check", "00.scores"])
    assert capsys.readouterr().out.splitlines()[-1] == "0 of 1 right"


def test_a_chapter_may_be_called_without_its_zero(work, capsys):
    shutil.copy(ROOT / "exercises/00_start_here.ipynb", work / "exercises")
    assert main(["check", "0"]) == 1
    assert capsys.readouterr().out.endswith("0 of 4 right\n")
    main(["check", "0.scores"])
    assert capsys.readouterr().out.splitlines()[-1] == "0 of 1 right"


def test_progress_of_one_chapter_is_its_own(work, capsys):
    assert main(["check", str(ROOT / "solutions/00_start_here.py")]) == 0
    capsys.readouterr()
    assert main(["progress", "0"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in told[:4]] == [
        exercise.id for exercise in listed(ROOT, "00")
    ]
    assert told[4] == "6 of 6 points"
    assert main(["progress", "02"]) == 0
    assert "00." not in capsys.readouterr().out
    assert main(["progress", "77"]) == 2
    assert "there is no chapter '77'; the chapters are: 00_start_here, " in capsys.readouterr().err


def test_guesses_and_quiz_answers_count(work, capsys):
    from course_lib import kept
    from course_lib.views.quiz import key_of, quiz

    chapters = [path.name[:2] for path in (ROOT / "notebooks/quizzes").glob("*.toml")]
    count = sum(len(quiz(chapter).questions) for chapter in chapters)
    first, second = quiz("02").questions[:2]
    right = next(key_of(o) for o in first.options if o.right)
    kept.keep(work, {"guess.02.x": "7", "guess.03.y": "8", f"quiz.{first.id}": [right]})
    main(["progress"])
    assert (
        f"1 of {count} quiz questions, 1 at the first try; 2 predictions made"
        in capsys.readouterr().out
    )
    other = next(key_of(o) for o in second.options if not o.right)
    right = next(key_of(o) for o in second.options if o.right)
    kept.keep(work, {f"quiz.{second.id}": [other, right], "guess.03.y": ""})
    main(["progress"])
    assert (
        f"2 of {count} quiz questions, 1 at the first try; 1 prediction made"
        in capsys.readouterr().out
    )
    assert main(["progress", "2"]) == 0
    count = len(quiz("02").questions)
    told = capsys.readouterr().out
    assert f"2 of {count} quiz questions, 1 at the first try; 1 prediction made" in told
    assert main(["progress", "03"]) == 0
    told = capsys.readouterr().out
    assert "0 of " in told and "; 0 predictions made" in told
    (work / "kept.json").write_text("{")
    assert main(["progress"]) == 0
    told = capsys.readouterr()
    assert " points" in told.out and "kept.json can't be read" in told.err


@pytest.mark.parametrize(
    "what, told",
    [
        ("99", "no exercises for chapter '99'; there are: 00"),
        ("00.nothing", "00_start_here.ipynb is not there: run `python3 course.py lab` once"),
        ("nowhere.ipynb", "neither a chapter, an exercise id nor a file"),
    ],
)
def test_what_cannot_be_checked_is_said(work, capsys, what, told):
    assert main(["check", what]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("ran", [True, False])
def test_a_chapters_page_has_no_free_points(work, capsys, ran):
    page = json.loads((ROOT / "notebooks/00_start_here.ipynb").read_text(encoding="utf-8"))
    page["cells"].append(page["cells"][5] | {"source": ["print('my own try')"]})
    copy = work / "00_start_here.ipynb"
    copy.write_text(json.dumps(page if ran else cleared(page)))
    assert main(["check", str(copy)]) == 2
    told = capsys.readouterr()
    assert "is the chapter's page, its answers are elsewhere: `course check 00`" in told.err
    assert "[right]" not in told.out and load(work) == {}


def test_a_check_in_a_notebook_under_work_is_remembered(work, monkeypatch):
    monkeypatch.chdir(work / "exercises")
    notebook_check.check("00.scores", lambda query, keys: keys @ query)
    assert load(work)["00.scores"] == {"state": "right", "tries": 1}


@pytest.mark.parametrize("on_a_page", [True, False])
def test_a_check_elsewhere_leaves_no_trace(work, monkeypatch, on_a_page):
    """A chapter's page shows what a check says of wrong answers: they are nobody's tries."""
    monkeypatch.chdir(work if on_a_page else ROOT)
    notebook_check.check("00.scores", lambda query, keys: keys @ query)
    assert load(work) == {}


def test_an_unknown_exercise_in_a_notebook_is_a_panel_not_an_error(work):
    assert "no exercise '00.score'" in repr(notebook_check.check("00.score", len))


def test_a_damaged_sheet_is_a_panel_that_names_the_file(tmp_path, monkeypatch):
    (tmp_path / "sheets").mkdir()
    (tmp_path / "sheets/00.scores.sheet").write_bytes(b"cut short")
    monkeypatch.setattr(notebook_check, "ROOT", tmp_path)
    told = repr(notebook_check.check("00.scores", len))
    assert "00.scores.sheet is damaged" in told and "take a fresh copy" in told
