"""What a source text does, without how it is written: for finding the same code in other dress.

Names, layout, comments, docstrings and annotations are taken out of the syntax tree.
"""

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass

from course_lib.notebooks import tree_of

MAX_SOURCE, MAX_PIECES, MAX_TOKENS = 20_000, 60, 200
MIN_TOKENS = 6  # less, such as `x + y`, is nobody's own
BUILTINS = frozenset(dir(builtins))


class Anonymous(ast.NodeTransformer):
    """Names become v0, v1, … in the order in which they appear; texts become one text."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """A name that is read or bound."""
        return ast.Name(self._new(node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """A parameter; its annotation goes."""
        return ast.arg(self._new(node.arg))

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        """Numbers stay."""
        return ast.Constant("text") if isinstance(node.value, str) else node

    def _new(self, name: str) -> str:
        return self.names.setdefault(name, f"v{len(self.names)}")


def body_of(function: ast.FunctionDef) -> str:
    """A function's body in a form that is the same for every choice of names and layout."""
    copied = Anonymous().visit(ast.parse(ast.unparse(function)))
    body = copied.body[0].body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]  # the docstring is not the answer
    return "\n".join(ast.dump(statement) for statement in body)


@dataclass(frozen=True)
class Piece:
    """What one statement computes, and its lines."""

    tokens: tuple[str, ...]
    first: int
    last: int


def answer_pieces(source: str) -> list[Piece]:
    """Like `pieces`; raises ValueError also for more code than an answer has."""
    if len(source) > MAX_SOURCE:
        raise ValueError(f"more than {MAX_SOURCE} letters of code")
    found = pieces(source)
    if len(found) > MAX_PIECES:
        raise ValueError(f"more than {MAX_PIECES} statements")
    return found


def pieces(source: str) -> list[Piece]:
    """The statements of a source text, each with names of its own, so that order can't matter.

    Raises ValueError, saying why, for a text that can't be read as Python.
    """
    tree = tree_of(source)
    if tree is None:
        raise ValueError("not readable as Python")
    found = [Piece(_tokens(part), node.lineno, part.end_lineno) for node, part in _computed(tree)]
    kept = [piece for piece in found if len(piece.tokens) >= MIN_TOKENS]
    return sorted(kept, key=lambda piece: piece.first)


def _computed(tree: ast.AST) -> Iterator[tuple[ast.stmt, ast.AST]]:
    """Each statement with its part that computes: returned or named first is style."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            if node.value is not None:
                yield node, node if _changes(node) else node.value
        elif isinstance(node, ast.Return | ast.Expr) and node.value is not None:
            yield node, node.value
        elif isinstance(node, ast.If | ast.While | ast.Assert):
            yield node, node.test
        elif isinstance(node, ast.For):
            yield node, node.iter
        elif isinstance(node, ast.Raise) and node.exc is not None:
            yield node, node.exc


def _changes(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    into = any(isinstance(target, ast.Subscript | ast.Attribute) for target in targets)
    return into or isinstance(node, ast.AugAssign)


def _tokens(part: ast.AST) -> tuple[str, ...]:
    """The parts of an expression in order, by a loop: answers may be nested deep."""
    names: dict[str, str] = {}
    found: list[str] = []
    waiting: list[ast.AST] = [part]
    while waiting and len(found) < MAX_TOKENS:
        node = waiting.pop()
        if isinstance(node, ast.expr_context | ast.arguments):
            continue
        found.append(_token(node, names))
        waiting += reversed(list(ast.iter_child_nodes(node)))
    return tuple(found)


def _token(node: ast.AST, names: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        known = node.id in BUILTINS
        return node.id if known else names.setdefault(node.id, f"v{len(names)}")
    if isinstance(node, ast.Attribute):
        # A learner names what belongs to `self`; other names after a dot are the library's.
        own = isinstance(node.value, ast.Name) and node.value.id == "self"
        return ".own" if own else f".{node.attr}"
    if isinstance(node, ast.Constant):
        plain = isinstance(node.value, int | float) and abs(node.value) < 1e12
        return str(node.value) if plain else type(node.value).__name__
    return getattr(node, "arg", None) or type(node).__name__
