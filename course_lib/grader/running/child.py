"""The sealed side: run a learner's cells, then one exercise's cases, and report what came out."""

import linecache
import re
import sys
import types
from dataclasses import dataclass, field
from typing import Any

from course_lib.notebooks import tree_of

from ..judging.bake import case_from, shallow
from ..judging.frames import pack, unpack
from ..judging.outcome import learner_lines, run_case

TEXT_CAP = 300


@dataclass(frozen=True)
class Job:
    """What a child is told. It never holds an expected value."""

    name: str
    cells: list[str]
    cases: list[dict]
    answers: int  # the place of the exercise's own cell, or -1
    lent: dict[str, str] = field(default_factory=dict)  # parts of the library, by module


def run_job(data: bytes) -> bytes:
    """Run the cells, then the cases; the report is a frame."""
    job = Job(**unpack(data))
    for module, source in job.lent.items():
        lend(module, source)
    # A notebook has `display` without an import.
    namespace: dict[str, Any] = {"__name__": "exercises", "display": lambda *a, **k: None}
    failed = [run_cell(source, namespace, i) for i, source in enumerate(job.cells, 1)]
    if job.answers >= 0 and failed[job.answers]:
        return pack({"stopped": capped(failed[job.answers])})
    if job.name not in namespace:
        return pack({"missing": True})
    answer = namespace[job.name]
    if not callable(answer):
        return pack({"not_callable": type(answer).__name__})
    outcomes = [run_case(answer, case_from(case)) for case in job.cases]
    return pack({"outcomes": [shallow(o) | {"crash": capped(o.crash)} for o in outcomes]})


def run_cell(source: str, namespace: dict, number: int) -> tuple[str, ...]:
    """Execute one cell; the error and the learner's line when it fails."""
    name, source = f"<exercise cell {number}>", plain_python(source)
    # So that a traceback can quote the learner's line: there is no file to read it from.
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    try:
        exec(compile(source, name, "exec"), namespace)
    except (Exception, SystemExit) as error:
        return learner_lines(error)
    return ()


def plain_python(source: str) -> str:
    """Magics and shell lines are for the notebook; a judged answer doesn't need them."""
    if tree_of(source):  # then a line that begins with % goes on with the one before
        return source
    return re.sub(r"^([ \t]*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)


def capped(lines: tuple[str, ...]) -> tuple[str, ...]:
    """A learner's own text, cut to a length that fits a report."""
    return tuple(line[:TEXT_CAP] for line in lines[:3])


def lend(name: str, source: str) -> None:
    """Make a module of the library from the source that the grader lends, and no file of it."""
    for parent in [name[:i] for i, letter in enumerate(name) if letter == "."]:
        if parent not in sys.modules:
            sys.modules[parent] = types.ModuleType(parent)
            sys.modules[parent].__path__ = []
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, f"<{name}>", "exec"), module.__dict__)


def hide_course() -> None:
    """Leave of `course_lib` only a `check` that does nothing: the rest holds answers."""
    silent = types.ModuleType("course_lib.check")
    silent.check = lambda id, answer: None
    for name in [n for n in sys.modules if n.split(".")[0] == "course_lib"]:
        del sys.modules[name]
    shell = types.ModuleType("course_lib")
    shell.__path__ = []  # a package without a folder: nothing below it can be imported
    shell.check = silent
    sys.modules |= {"course_lib": shell, "course_lib.check": silent}
    # An installation in place finds the course by a finder of its own, whatever the path says.
    others = [f for f in sys.meta_path if "__editable__" not in getattr(f, "__module__", "")]
    sys.meta_path[:] = others
