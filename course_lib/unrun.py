"""A check whose answer is not there yet says which cell to run, instead of a bare NameError."""

import ast
import linecache
import sys
import traceback
from types import TracebackType
from typing import Any

from course_lib.grader.course.listing import find_listed, listed
from course_lib.grader.judging.verdict import Verdict
from course_lib.paths import ROOT
from course_lib.stale import missing_note
from course_lib.views.panel import panel

UNRUN = (
    "nothing is called `{name}` yet. The cell that defines it has not run since the kernel "
    "started, it stopped, or it uses another name. Run it (Shift+Enter), then this one"
)


def explain_unrun() -> None:
    """In a notebook: from now on a check of a name that doesn't exist shows a panel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None and not shell.custom_exceptions:  # another's handler stays
        shell.set_custom_exc((NameError,), _explain)


def _explain(
    shell: Any, kind: type, error: NameError, trace: TracebackType, tb_offset: int | None = None
) -> None:
    """As ever, but for a `check(id, name)` of the cell itself."""
    id = _checked(shell, error, trace)
    if not id:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
        return
    from IPython.display import display  # here is a notebook

    display(panel(_missing(id, error.name)))


def _missing(id: str, name: str) -> Verdict:
    """The verdict on an answer that is not there: its cell stopped, or it is to be run."""
    try:
        title = find_listed(ROOT, id).title
        note = missing_note(name, [each.name for each in listed(ROOT, id[:2])])
    except KeyError:
        title, note = "the answer is missing", missing_note(name)
    if note and note.crash:
        return Verdict(id, title, "crashed", note.told, crash=note.crash)
    told = f"{UNRUN.format(name=name)}{f'; {note.told}' if note else ''}"
    return Verdict(id, "the answer is missing", "not attempted", told)


def _checked(shell: Any, error: NameError, trace: TracebackType) -> str:
    """The id of the check that stopped; "" when something else did."""
    frame, line = list(traceback.walk_tb(trace))[-1]
    if frame.f_globals is not shell.user_ns or frame.f_code.co_name != "<module>":
        return ""
    source = "".join(linecache.getlines(frame.f_code.co_filename))
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Name(id="check"), args=[ast.Constant(value=str(id)), ast.Name(id=name), *_]
            ) if name == error.name and node.lineno <= line <= (node.end_lineno or line):
                return id
    return ""
