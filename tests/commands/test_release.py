"""What a class gets: enough to work alone, and no answer in any dress."""

import ast
import inspect
import json
import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from course_lib.cli import main
from course_lib.commands import release as handing_out
from course_lib.commands import released
from course_lib.commands.release import release, release_each, wanted
from course_lib.grader.course.files import exercises, load_solution, solution_cells
from course_lib.grader.similar.normal import body_of
from course_lib.notebooks import read_cells, with_solution, without_solution
from course_lib.paths import ROOT


@pytest.fixture(scope="module", params=["for all", "for one"])
def bundle(request, tmp_path_factory, light_sheets):
    folder = tmp_path_factory.mktemp("release")
    if request.param == "for all":
        assert release(folder / "class", wanted()) == len(exercises(ROOT))
        return folder / "class"
    (folder / "names.txt").write_text("ada\ngrace\n")
    assert release_each(folder / "zips", wanted(), folder / "names.txt") == 2
    shutil.unpack_archive(folder / "zips" / "grace.zip", folder / "home")
    return folder / "home" / "zips"


def functions(source):
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def bodies(sources):
    """Names by body; of several names that say the same, the first in the alphabet."""
    found = [(body_of(f), f.name) for source in sources for f in functions(source)]
    return dict(sorted(found, key=lambda pair: pair[1], reverse=True))


def code_of(folder):
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".ipynb" or (path.suffix == ".py" and path.name != "course.py"):
            for cell in read_cells(path) if path.suffix == ".ipynb" else []:
                if cell.kind == "code":
                    yield cell.source
            if path.suffix == ".py":
                yield path.read_text(encoding="utf-8")


def cell_of(exercise):
    cells = solution_cells(ROOT, exercise.chapter)
    return next(cell for cell in cells if exercise.id in cell.tags)


def stub_of(exercise):
    """What a learner is handed to begin with; a method that is written there is no secret."""
    return without_solution(cell_of(exercise).source)


def test_no_key_and_no_solution_file_is_in_it(bundle):
    names = {path.relative_to(bundle).parts[0] for path in bundle.rglob("*")}
    assert names == {
        "course.py", "course_lib", "requirements", "pyproject.toml", "README.md", "LICENSE",
        "docs", "notebooks", "exercises", "sheets",
    }  # fmt: skip
    assert not list(bundle.rglob("*.pyc")) and not (bundle / "notebooks" / "src").exists()
    assert {path.stem for path in (bundle / "sheets").iterdir()} == {e.id for e in exercises(ROOT)}


# Wrong code that a chapter prints on purpose, because seeing it fail is the lesson.
SHOWN = {"reshaped_merge", "never", "one_for_each_row"}


def test_no_mistakes_code_is_in_it(bundle):
    given = bodies(code_of(bundle))
    wrong = {m.function for e in exercises(ROOT) for m in e.mistakes}
    parts = [part for f in wrong for part in [f, *getattr(f, "__dict__", {}).values()]]
    written = [part for part in parts if inspect.isfunction(part)]
    secret = bodies(textwrap.dedent(inspect.getsource(f)) for f in written)
    handed_out = {body for e in exercises(ROOT) for body in bodies([stub_of(e)])}
    assert len(secret.keys() - handed_out) > 50
    assert {secret[body] for body in secret.keys() & given.keys() - handed_out} <= SHOWN


def test_no_solution_body_is_in_it_outside_the_library(bundle):
    outside = [*code_of(bundle / "exercises"), *code_of(bundle / "notebooks")]
    given = bodies(outside)
    for exercise in exercises(ROOT):
        solved = bodies([with_solution(cell_of(exercise).source)])
        secret = solved.keys() - bodies([stub_of(exercise)]).keys()
        assert secret, exercise.id
        assert not [solved[body] for body in secret & given.keys()], exercise.id


def test_the_leak_test_sees_through_other_names_and_layout():
    one = "def f(query, key):\n    '''Text.'''\n    s = query @ key.T\n    return s.softmax(-1)\n"
    other = "def g(a,  b):\n    # a comment\n    x = (a @\n b.T)\n    return x.softmax(-1)\n"
    assert bodies([one]).keys() == bodies([other]).keys()
    assert bodies([one]).keys() != bodies([other.replace("-1", "0")]).keys()


def test_its_checks_work_with_nothing_else_on_the_path(bundle, tmp_path):
    """In a process of its own: its `course_lib`, its sheets, no answer keys."""
    exercise = exercises(ROOT)[0]
    assert load_solution(ROOT, exercise)
    source = next(c for c in solution_cells(ROOT, "00") if exercise.id in c.tags)
    script = tmp_path / "try.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(bundle)!r})\n"
        f"{with_solution(source.source)}\n"
        "import course_lib\n"
        "from course_lib.check import check\n"
        f"assert course_lib.__file__.startswith({str(bundle)!r})\n"
        f"print(check({exercise.id!r}, {exercise.name}))\n"
        f"print(check({exercise.id!r}, lambda *a: a[0]))\n"
    )
    env = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=env, cwd=tmp_path
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[0].startswith(f"[right] {exercise.id}")
    assert f"[wrong] {exercise.id}" in told.stdout or "[crashed]" in told.stdout


def test_the_records_that_chapters_show_are_in_it(bundle):
    there = {path.name for path in (bundle / "notebooks" / "studies").iterdir()}
    assert "06_positions.json" in there
    assert there == {path.name for path in (ROOT / "notebooks" / "studies").glob("[0-9][0-9]_*")}


def test_only_the_chapters_asked_for_are_in_it(tmp_path):
    release(tmp_path / "class", wanted("02-03"))
    assert {p.name[:2] for p in (tmp_path / "class/exercises").iterdir()} == {"02", "03"}
    assert {p.name[:2] for p in (tmp_path / "class/sheets").iterdir()} == {"02", "03"}
    notebook = next((tmp_path / "class/notebooks").glob("02*.ipynb"))
    assert json.loads(notebook.read_text())["cells"]


def test_a_folder_that_exists_is_never_overwritten(tmp_path):
    (tmp_path / "class").mkdir()
    with pytest.raises(ValueError, match="exists already"):
        release(tmp_path / "class", {"02"})
    assert list((tmp_path / "class").iterdir()) == []


@pytest.mark.parametrize("chapters", ["99", "02-99"])
def test_chapters_that_are_not_there_are_listed(chapters):
    with pytest.raises(ValueError, match=r"no chapter '99'; there are: 00, 01, 02"):
        wanted(chapters)


def test_a_release_is_noted_for_grading(tmp_path, capsys):
    assert main(["release", str(tmp_path / "class"), "--chapters", "2, 4-5"]) == 0
    assert "class: chapters 02, 04, 05 with" in capsys.readouterr().out
    (noted,) = released.noted()
    assert (noted.out, noted.chapters) == (str(tmp_path / "class"), ("02", "04", "05"))


def test_a_record_that_cannot_be_read_is_told_and_hurts_no_bundle(tmp_path, capsys, record):
    record.write_text("{")
    assert main(["release", str(tmp_path / "class"), "--chapters", "00"]) == 0
    assert "`course grade` won't know what was handed out" in capsys.readouterr().err
    assert (tmp_path / "class" / "exercises").is_dir() and record.read_text() == "{"


def test_an_empty_release_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(handing_out, "exercises", lambda root: [])
    for more in ([], ["--chapters", "00"]):
        assert main(["release", str(tmp_path / "class"), *more]) == 2
        assert "have no exercises: there is nothing to hand out" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_chapter_whose_exercises_are_not_made_yet_is_named(tmp_path, monkeypatch):
    (tmp_path / "exercises").mkdir()
    monkeypatch.setattr(handing_out, "ROOT", tmp_path)
    monkeypatch.setattr(handing_out, "exercises", lambda root: exercises(ROOT))
    with pytest.raises(ValueError, match="no exercise notebook of chapter 02: run `course build`"):
        release(tmp_path / "class", {"02"})
    assert [path.name for path in tmp_path.iterdir()] == ["exercises"]
