"""No exercise is answered by its page: nothing defined there passes one of its checks."""

import ast
import signal
from contextlib import contextmanager, redirect_stdout, suppress
from io import StringIO

import matplotlib.pyplot as plt
import pytest

from course_lib.grader.book.grading import grade_cells
from course_lib.grader.book.one_student import level_for, runner
from course_lib.grader.course.files import exercises, load_solution, solution_cells
from course_lib.grader.judging.making import bare_sheet
from course_lib.grader.judging.verdict import judge
from course_lib.notebooks import Cell, read_cells
from course_lib.paths import ROOT

SOURCES = sorted((ROOT / "notebooks" / "src").glob("[0-9][0-9]_*.py"))
DEFINED = (ast.FunctionDef, ast.ClassDef)


@pytest.fixture(scope="module")
def warm():
    """Where what seems right is graded: there a ban counts, too."""
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


class Late(BaseException):
    """Nothing that an answer runs catches it by chance."""


@contextmanager
def at_most(seconds):
    """What a page defines may run for ever on other arguments: so long of processor time."""

    def late(*_):
        raise Late

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 0.1)  # again, should the first one be lost
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def seems_right(sheet, made):
    """Is it right when it runs here, without the seconds that a sealed process takes?"""
    try:
        with at_most(seconds=5), redirect_stdout(StringIO()):
            return judge(sheet, made).state == "right"
    except (Late, Exception):
        return False
    finally:
        plt.close("all")


def defined(page):
    """What these statements define; a default may be a value that the page computes: left out."""
    made = {}
    for node in page:
        with suppress(NameError):
            exec(ast.unparse(node), made)
    return made


def answered_by(warm, exercise, page):
    """The names on a page that are right for an exercise, by a check and then by a grade."""
    wanted, right, made = asked(exercise), [], defined(page)
    code = Cell("code", ast.unparse(ast.Module(page, [])), ())
    sheet = bare_sheet(exercise, load_solution(ROOT, exercise), seed=1)
    for node in page:
        if wanted is None or not isinstance(node, DEFINED) or not fits(node, wanted):
            continue
        if node.name not in made or not seems_right(sheet, made[node.name]):
            continue
        answer = Cell("code", f"{exercise.name} = {node.name}", (exercise.id,))
        (graded,), _ = grade_cells(warm, [code, answer], [exercise.id], seed=1)
        if graded.verdict.state == "right":
            right.append(node.name)
    return right


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_exercise_is_answered_by_its_page(warm, source):
    page = statements(source)
    own = exercises(ROOT, source.name[:2])
    found = {e.id: right for e in own if (right := answered_by(warm, e, page))}
    assert found == {}


def test_what_never_ends_is_not_waited_for():
    with pytest.raises(Late), at_most(seconds=0.1):
        while True:
            pass


def test_a_page_that_answers_is_found(warm):
    page = ast.parse(
        "import torch\ndef close_by(query, keys, more=0):\n    return keys @ query"
    ).body
    exercise = next(e for e in exercises(ROOT) if e.id == "00.scores")
    assert answered_by(warm, exercise, page) == ["close_by"]
