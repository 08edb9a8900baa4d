"""What of a notebook's session an answer is made of, as grading would take it."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_lib.notebooks import LONGEST, Cell

from ..judging.scopes import names_of
from ..running.reading.plain import readable_cells
from ..running.slicing.checks import named_answers
from ..running.slicing.notebook import Notebook
from ..running.slicing.slices import BUILT_IN, Slice, slices
from ..running.slicing.statements import Statement, advanced, outer, statements_of
from ..running.slicing.written import written
from ..running.warm import USUAL
from .differing import differing
from .missing import SHOWN
from .ran import Typed, never_ran
from .setup import provided
from .spent import too_long, took
from .standing import Run, standing

LAST = 400  # cells that ran, looked at one by one; of those before, each once
# What IPython has in every session beside what a cell showed.
IPYTHONS = frozenset(("get_ipython", "__builtin__", "__builtins__"))
# Methods that change what they belong to anew each time.
CHANGING = frozenset(("append", "appendleft", "extend", "insert", "pop", "popitem", "popleft"))
CHANGING |= frozenset(("remove", "reverse", "rotate", "step"))
CHANGING |= frozenset(("add_", "sub_", "mul_", "div_", "neg_", "pow_", "square_", "sqrt_"))
CHANGING |= frozenset(("rsqrt_", "exp_", "log_", "reciprocal_", "cumsum_", "t_", "transpose_"))
CHANGING |= frozenset(("swapaxes_", "unsqueeze_", "index_add_", "scatter_add_"))
TEXT = re.compile(r"\A\s*%%|^[ \t]*%time[ \t]", re.MULTILINE)  # what IPython hands on as a text
GIVEN = re.compile(r"\buser_ns\[[\"'](\w+)")  # to IPython's shell
LOST = (
    'this answer is not found when it is graded: call it `{name}`, or write check("{id}", …) '
    "on a line of its own"
)
LONG = (
    "`{name}` is not there when this is graded: its cell has more than "
    f"{LONGEST >> 10} KiB; put data, or what was pasted, into a cell of its own"
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
    right: bool = False,
) -> tuple[str, tuple[str, ...]]:
    """The source of an answer and of what it needs, from the cells that ran; and what isn't there.

    A check sees what stands above it. So the last definition counts, however often a cell ran; a
    `right` one may be so in another order of cells. What of the session grading won't find is told
    in sentences. Both are empty without a session. `stub` is the text of a definition that is no
    answer, such as the one handed out; `wall` is how long grading waits.
    """
    shell, typed, ran = _ran()
    if shell is None:
        return "", ()
    names = provided(root, id[:2])
    try:
        read = list(zip(typed, readable_cells([Cell("code", each) for each in ran]), strict=True))
        every, once = _made_of(read, names, id, name, stub)
        runs, made = _made_of(standing(read), names, id, name, stub)
    except RecursionError:  # some cell is too deep
        return "", ()
    if not _among(made, answer, shell.user_ns):  # its own cell was edited, and stopped
        runs, made = every, once
    if not _among(made, answer, shell.user_ns):
        told = LONG if _is_in_long(name, ran) else LOST
        return "", (told.format(name=name, id=id),)
    taken = _fitting(made, name, shell.user_ns) if right else made[0]
    lost = _unbound(taken.source, [cell for _, cell in runs], names, shell)
    told = _otherwise(taken, runs, every, name, shell.user_ns)
    twice = _twice(once[0].source if once else "", taken.source)
    return taken.source, (*lost, *twice, *told, *too_long(*took(runs, taken), wall))


def _made_of(
    runs: list[Run], names: frozenset[str], id: str, name: str, stub: str
) -> tuple[list[Run], list[Slice]]:
    """Some runs, their answers with names of their own, and what an answer may be made of."""
    cells = named_answers([cell for _, cell in runs], {id: name})
    made = slices(Notebook(cells, names), id, name, stub)
    return [(typed, cell) for (typed, _), cell in zip(runs, cells, strict=True)], made


def _otherwise(
    taken: Slice, runs: list[Run], every: list[Run], name: str, session: dict[str, Any]
) -> list[str]:
    """What ran otherwise than it does when graded, or else what is otherwise, in sentences."""
    below = list(dict.fromkeys(never_ran(runs, taken, every)))
    return below or list(differing(taken.source, name, session))


def _fitting(made: list[Slice], name: str, session: dict[str, Any]) -> Slice:
    """The likeliest slice in which nothing is otherwise than here, or else the likeliest."""
    return next((each for each in made if not any(differing(each.source, name, session))), made[0])


def _unbound(source: str, cells: list[Cell], names: frozenset[str], shell: Any) -> Iterator[str]:
    """What a source reads that the session has and no line binds, in sentences."""
    yield from written(cells, source)
    binds, reads = names_of(source)
    if any(each.anything for each in statements_of(source)):
        return
    # Not `user_ns_hidden`: what start-up files and %pylab bind is in there, too.
    there = {name for name in shell.user_ns if not SHOWN.fullmatch(name)} - IPYTHONS
    given = {name for cell in cells for name in GIVEN.findall(cell.source)}
    for name in sorted(reads & there - binds - names - BUILT_IN - given):
        long = _is_in_long(name, [cell.source for cell in cells])
        yield (LONG if long else UNBOUND).format(name=name)


def _is_in_long(name: str, texts: list[str]) -> bool:
    long = (text for text in texts if len(text) > LONGEST)
    return any(re.search(rf"\b{name}\b", text) for text in long)


def _twice(ran: str, source: str) -> list[str]:
    """The lines of a source that ran more than once, each time with another value, in sentences."""
    lines, there = ran.split("\n"), _texts(source)
    many = Counter(
        tuple(lines[each.first - 1 : each.last]) for each in filter(_changes, statements_of(ran))
    )
    return [
        TWICE.format(line=text[-1].strip(), n=n)
        for text, n in many.items()
        if n > 1 and text in there
    ]


def _texts(source: str) -> set[tuple[str, ...]]:
    lines = source.split("\n")
    return {tuple(lines[each.first - 1 : each.last]) for each in statements_of(source)}


def _changes(told: Statement) -> bool:
    """Does it make another value of one, so that to run it again makes a third?"""
    return any(_changing(each) for node in told.nodes for each in outer(node))


def _changing(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        bound = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
        return any(isinstance(n, ast.Name) and n.id in bound for n in ast.walk(node.value))
    if isinstance(node, ast.Delete):
        return any(isinstance(target, ast.Subscript) for target in node.targets)
    method = getattr(getattr(node, "func", None), "attr", "")
    return isinstance(node, ast.AugAssign) or method in CHANGING or bool(advanced(node))


def _among(made: list[Slice], answer: object, session: dict[str, Any]) -> bool:
    """May an answer be what a slice defines? It isn't where its own name is not in there."""
    if not made or getattr(answer, "__globals__", None) is not session:  # a library's decorator
        return bool(made)
    own = answer.__code__.co_name.strip("<>")
    return any(own in re.findall(r"\w+", each.source) for each in made)


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
