"""No exercise is answered by its page: nothing defined there passes one of its checks."""

import ast

import pytest

from course_lib.grader.book.grading import grade_cells
from course_lib.grader.book.one_student import level_for, runner
from course_lib.grader.course.files import exercises, solution_cells
from course_lib.notebooks import Cell, read_cells
from course_lib.paths import ROOT

SOURCES = sorted((ROOT / "notebooks" / "src").glob("[0-9][0-9]_*.py"))
DEFINED = (ast.FunctionDef, ast.ClassDef)


@pytest.fixture(scope="module")
def warm():
    """Sealed and with limits: what a page defines may run for ever on other arguments."""
    with runner(ROOT, level_for(None)) as warm:
        yield warm


def statements(source):
    """The imports and definitions of a page, without what it computes."""
    cells = [cell.source for cell in read_cells(source) if cell.kind == "code"]
    found = [node for cell in cells for node in ast.parse(cell).body]
    kept = [n for n in found if isinstance(n, (ast.Import, ast.ImportFrom, *DEFINED))]
    for node in kept:
        if isinstance(node, DEFINED):
            node.decorator_list = []  # a control would be drawn
    return kept


def fits(made, wanted):
    """Could it be called as the exercise's own is? By kind, and by its number of arguments."""
    if type(made) is not type(wanted) or isinstance(made, ast.ClassDef):
        return type(made) is type(wanted)
    arguments, given = made.args, len(wanted.args.posonlyargs + wanted.args.args)
    many = len(arguments.posonlyargs + arguments.args)
    return many - len(arguments.defaults) <= given and (many >= given or arguments.vararg)


def asked(exercise):
    """How the exercise's stub is defined; None where it is no function or class."""
    cells = [c for c in solution_cells(ROOT, exercise.chapter) if exercise.id in c.tags]
    nodes = [node for cell in cells for node in ast.parse(cell.source).body]
    return next((n for n in nodes if getattr(n, "name", "") == exercise.name), None)


def answered_by(warm, exercise, page):
    """The names on a page that are right for an exercise."""
    wanted, right = asked(exercise), []
    code = Cell("code", ast.unparse(ast.Module(page, [])), ())
    for node in page:
        if wanted is None or not isinstance(node, DEFINED) or not fits(node, wanted):
            continue
        answer = Cell("code", f"{exercise.name} = {node.name}", (exercise.id,))
        (graded,), _ = grade_cells(warm, [code, answer], [exercise.id], seed=1)
        if graded.verdict.state == "right":
            right.append(node.name)
    return right


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_exercise_is_answered_by_its_page(warm, source):
    page = statements(source)
    own = [e for e in exercises(ROOT) if e.chapter == source.name[:2]]
    found = {e.id: right for e in own if (right := answered_by(warm, e, page))}
    assert found == {}


def test_a_page_that_answers_is_found(warm):
    page = ast.parse(
        "import torch\ndef close_by(query, keys, more=0):\n    return keys @ query"
    ).body
    exercise = next(e for e in exercises(ROOT) if e.id == "00.scores")
    assert answered_by(warm, exercise, page) == ["close_by"]
