"""The numbers that stand in a text, or in the text of functions and classes."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator

from course_lib.notebooks import tree_of

LARGEST = 10**15  # a number of thousands of digits can't even be printed


def numbers_in(source: str, name: str = "") -> set[int | float]:
    """Those in the definition of `name`, or in the whole text where there is none."""
    tree = tree_of(source) or ast.Module([], [])
    found = [node for node in tree.body if name and getattr(node, "name", "") == name]
    inside = found[-1] if found else tree
    nodes = list(_outside_of_init(inside))
    signed = [n for n in nodes if isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.USub)]
    below = {id(n.operand) for n in signed}
    values = [(n.value, id(n) in below) for n in nodes if isinstance(n, ast.Constant)]
    numbers = [(x, turned) for x, turned in values if type(x) in (int, float)]
    return {-x if turned else x for x, turned in numbers if abs(x) < LARGEST}


def _outside_of_init(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those of an `__init__`: first numbers may be anything."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if getattr(each, "name", "") != "__init__":
            yield each
            waiting += ast.iter_child_nodes(each)


def numbers_of(answers: Iterable[Callable]) -> set[int | float]:
    """Those in the texts of several answers, as far as these can be found."""
    parts = [part for each in answers for part in _parts(each)]
    return {x for part in parts for x in numbers_in(_text(part))}


def _parts(answer: Callable) -> list[Callable]:
    """The function itself, or the methods of a class."""
    made = vars(answer).values() if isinstance(answer, type) else [answer]
    return [each for each in made if callable(each)]


def _text(part: Callable) -> str:
    try:
        return textwrap.dedent(inspect.getsource(part))
    except (OSError, TypeError):
        return ""
