"""What of a notebook's session an answer is made of, as grading would take it."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_lib.notebooks import Cell

from ..judging.scopes import names_of
from ..running.reading.plain import readable_cells
from ..running.slicing.checks import named_answers
from ..running.slicing.notebook import Notebook
from ..running.slicing.slices import BUILT_IN, slices
from ..running.slicing.statements import Statement, outer, statements_of
from ..running.slicing.written import written
from ..running.warm import USUAL
from .differing import differing
from .missing import SHOWN
from .ran import Typed, never_ran, too_long, took
from .setup import provided

LAST = 400  # cells that ran, looked at one by one; of those before, each once
# What IPython has in every session beside what a cell showed.
IPYTHONS = frozenset(("get_ipython", "__builtin__", "__builtins__"))
# Methods that change what they belong to anew each time.
CHANGING = frozenset(
    ["append", "appendleft", "extend", "insert", "pop", "popitem", "popleft", "reverse", "step"]
)
CHANGING |= frozenset(("add_", "sub_", "mul_", "div_"))
TEXT = re.compile(r"\A\s*%%|^[ \t]*%time[ \t]", re.MULTILINE)  # what IPython hands on as a text
GIVEN = re.compile(r"\buser_ns\[[\"'](\w+)")  # to IPython's shell
LOST = (
    'this answer is not found when it is graded: call it `{name}`, or write check("{id}", …) '
    "on a line of its own"
)
TWICE = "`{line}` ran {n} times; when this is graded, each cell runs once, from the top"
UNBOUND = "`{name}` is not there when this is graded: no line of a cell binds it by name"


def in_session(
    root: Path,
    id: str,
    name: str,
    answer: object = None,
    stub: str = "",
    wall: float = USUAL.wall,
) -> tuple[str, tuple[str, ...]]:
    """The source of an answer and of what it needs, from the cells that ran; and what isn't there.

    A check sees what stands above it. So the last definition counts, however often a cell ran.
    What of the session grading won't find is told in sentences. Both are empty without a session.
    `stub` is the text of a definition that is no answer, such as the one handed out; `wall` is how
    long grading waits.
    """
    shell, typed, ran = _ran()
    if shell is None:
        return "", ()
    try:
        cells = readable_cells([Cell("code", source) for source in ran])
        cells = named_answers(cells, {id: name})
        names = provided(root, id[:2])
        made = slices(Notebook(cells, names), id, name, stub)
    except RecursionError:  # some cell is too deep
        return "", ()
    if not any(_holds(each.source, answer, shell.user_ns) for each in made):
        return "", (LOST.format(name=name, id=id),)
    source = made[0].source
    both = list(zip(typed, cells, strict=True))
    below = dict.fromkeys(never_ran(both, made[0]))
    other = () if below else differing(source, name, shell.user_ns)
    slow = too_long(*took(both, made[0]), wall)
    unbound = _unbound(source, cells, names, shell)
    files = written(cells, source)
    return source, (*files, *unbound, *_twice(source), *below, *other, *slow)


def _unbound(source: str, cells: list[Cell], names: frozenset[str], shell: Any) -> Iterator[str]:
    """The names that a source reads, that the session has and no line binds, in sentences."""
    binds, reads = names_of(source)
    if any(each.anything for each in statements_of(source)):
        return
    # Not `user_ns_hidden`: what start-up files and %pylab bind is in there, too.
    there = {name for name in shell.user_ns if not SHOWN.fullmatch(name)} - IPYTHONS
    given = {name for cell in cells for name in GIVEN.findall(cell.source)}
    for name in sorted(reads & there - binds - names - BUILT_IN - given):
        yield UNBOUND.format(name=name)


def _twice(source: str) -> list[str]:
    """The lines that ran more than once and make another value each time, in sentences."""
    lines = source.split("\n")
    many = Counter(
        tuple(lines[each.first - 1 : each.last]) for each in filter(_changes, statements_of(source))
    )
    return [TWICE.format(line=text[-1].strip(), n=n) for text, n in many.items() if n > 1]


def _changes(told: Statement) -> bool:
    """Does it make another value of one, so that to run it again makes a third?"""
    return any(_changing(each) for node in told.nodes for each in outer(node))


def _changing(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        bound = {n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
        return any(isinstance(n, ast.Name) and n.id in bound for n in ast.walk(node.value))
    method = getattr(getattr(node, "func", None), "attr", "")
    return isinstance(node, ast.AugAssign) or method in CHANGING


def _holds(source: str, answer: object, session: dict[str, Any]) -> bool:
    """May an answer be what a source defines? It isn't where its own name is not in there."""
    if getattr(answer, "__globals__", None) is not session:  # such as a library's decorator
        return True
    return answer.__code__.co_name.strip("<>") in re.findall(r"\w+", source)


def _ran() -> tuple[Any, list[Typed], list[str]]:
    """IPython's shell, and the cells that ran, by number and as typed, and in plain Python.

    None and nothing without such a history.
    """
    interactive = sys.modules.get("IPython")
    shell = interactive and interactive.get_ipython()
    history = getattr(shell, "history_manager", None)
    if not history:
        return None, [], []
    # IPython has made plain Python of them but for some magics, which hold theirs as a text.
    both = zip(history.input_hist_raw, history.input_hist_parsed, strict=False)
    ran = [
        ((number, raw), raw if TEXT.search(raw) else parsed)
        for number, (raw, parsed) in enumerate(both)
    ]
    # Who works on one cell runs it often.
    last = {typed[1]: number for number, (typed, _) in enumerate(ran[:-LAST])}
    older = [ran[number] for number in sorted(last.values())[-LAST:]]
    ran = [*older, *ran[-LAST:]]
    # Some front ends, and nbval, keep no history: then nothing is known of what ran.
    if not any(source.strip() for _, source in ran):
        return None, [], []
    return shell, [typed for typed, _ in ran], [source for _, source in ran]
