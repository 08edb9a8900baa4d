"""What an answer takes from outside of Python that only its session has: IPython, the system."""

import ast
import os
from collections.abc import Iterator

ASKING = ("os.getenv", "os.environ.get")
MEMORY = ("io.StringIO", "io.BytesIO")
LOOKING = ("os.path.exists", "os.path.isfile", "os.path.isdir")


def of_ipython(tree: ast.Module) -> Iterator[str]:
    """Where what a magic or a shell line gives is used, and not only shown."""
    nodes = list(ast.walk(tree))
    shown = {id(n.value) for n in nodes if isinstance(n, ast.Expr)}
    bound = [n for n in nodes if isinstance(n, ast.Assign) and _is_shell(n.value)]
    names = {t.id for n in bound for t in n.targets if isinstance(t, ast.Name)}
    for node in nodes:
        if isinstance(node, ast.Call) and id(node) not in shown:
            base = getattr(node.func, "value", None)
            if _is_shell(base) or getattr(base, "id", "") in names:
                yield "what a line with `!` or `%` gives is not there; write its value down"


def _is_shell(node: ast.expr | None) -> bool:
    """Is this `get_ipython()`, also as IPython's own attribute?"""
    called = node.func if isinstance(node, ast.Call) else None
    return "get_ipython" in (getattr(called, "id", ""), getattr(called, "attr", ""))


def of_environment(tree: ast.Module, named: dict[str, str]) -> Iterator[str]:
    """Variables of the system that nothing in the source sets."""
    parts = [n for n in ast.walk(tree) if isinstance(n, ast.Subscript)]
    parts = [n for n in parts if isinstance(n.slice, ast.Constant)]
    parts = [n for n in parts if in_full(n.value, named) == "os.environ"]
    own = {n.slice.value for n in parts if isinstance(n.ctx, ast.Store)}
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and n.args]
    asked = [n for n in calls if in_full(n.func, named) in ASKING]
    wanted = [(n, n.slice.value) for n in parts]
    wanted += [(n, text) for n in asked if (text := getattr(n.args[0], "value", "")) in os.environ]
    for node, text in wanted:
        if text not in own:
            yield f"`{ast.unparse(node)}` is not there: it is a variable of your system"


def without_files(tree: ast.Module, named: dict[str, str]) -> set[int]:
    """The functions, by `id`, that are called for what is in memory, or ask for what isn't here."""
    nodes = list(ast.walk(tree))
    bound = [n for n in nodes if isinstance(n, ast.Assign) and _in_memory(n.value, named)]
    names = {t.id for n in bound for t in n.targets if isinstance(t, ast.Name)}
    calls = [n for n in nodes if isinstance(n, ast.Call) and n.args]
    given = [(n, n.args[0]) for n in calls]
    held = [n for n, a in given if _in_memory(a, named) or getattr(a, "id", "") in names]
    texts = [(n, getattr(a, "value", 0)) for n, a in given if in_full(n.func, named) in LOOKING]
    absent = [n for n, text in texts if isinstance(text, str) and not os.path.exists(text)]
    return {id(n.func) for n in (*held, *absent)}


def _in_memory(node: ast.expr, named: dict[str, str]) -> bool:
    return isinstance(node, ast.Call) and in_full(node.func, named) in MEMORY


def own_attributes(tree: ast.Module) -> set[str]:
    """Methods that the source defines, and attributes that it sets: they are what it says."""
    nodes = list(ast.walk(tree))
    attributes = [n for n in nodes if isinstance(n, ast.Attribute)]
    stored = {n.attr for n in attributes if isinstance(n.ctx, ast.Store)}
    classes = [n for n in nodes if isinstance(n, ast.ClassDef)]
    return stored | {getattr(each, "name", "") for one in classes for each in one.body}


def in_full(node: ast.expr, named: dict[str, str]) -> str:
    """A dotted name written in full; "" for anything else, or a name that isn't imported."""
    if isinstance(node, ast.Attribute):
        base = in_full(node.value, named)
        return f"{base}.{node.attr}" if base else ""
    return named.get(node.id, "") if isinstance(node, ast.Name) else ""
