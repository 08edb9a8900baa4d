"""What an answer may notice of all that ran: what shares a name with it, or changes Python itself.

A `time.sleep(600)` or an endless loop of the learner's own shares nothing with most answers.
"""

import ast

from .notebook import Notebook
from .statements import BUILT_IN, DEFINITIONS, imported

# Whoever touches these may change what every line after does.
EVERYWHERE = frozenset(("torch", "numpy", "random", "sys", "builtins", "os")) | frozenset(
    ("gc", "warnings", "threading", "importlib")
)


def noticed(notebook: Notebook, needed: list[int], ran: list[int]) -> list[int]:
    """Of the statements that `ran`, those that an answer made of `needed` ones may notice.

    What one of them reads it may have got from any other, so they are gathered until none is added.
    """
    packages = _packages(notebook)
    touched = {i: _touched(notebook, i, packages) for i in {*needed, *ran}}
    read = {i: _known(notebook.placed[i].told.reads, packages) for i in touched}
    kept, shared = set[int](), EVERYWHERE
    more = {*needed, *(i for i in ran if notebook.placed[i].told.anything)}
    while more:
        kept |= more
        shared = shared.union(*(read[i] for i in more))
        more = {i for i in ran if i not in kept and touched[i] & shared}
    return sorted(kept)


def _touched(notebook: Notebook, place: int, packages: dict[str, str]) -> frozenset[str]:
    told = notebook.placed[place].told
    if all(isinstance(node, DEFINITIONS) and not node.decorator_list for node in told.nodes):
        # It runs nothing; but a class of the notebook's own may be told of its heirs.
        bases = {n.id for c in told.nodes for b in _bases(c) for n in ast.walk(b) if _is_name(n)}
        return _known(told.binds | (bases & notebook.bound - packages.keys()), packages)
    return _known(told.binds | told.reads | told.stores | told.gone, packages)


def _bases(node: ast.stmt) -> list[ast.expr]:
    return [*node.bases, *node.keywords] if isinstance(node, ast.ClassDef) else []


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def _known(names: frozenset[str], packages: dict[str, str]) -> frozenset[str]:
    """Names but for Python's own; an imported one stands for its package."""
    return frozenset(packages.get(name, name) for name in names - BUILT_IN)


def _packages(notebook: Notebook) -> dict[str, str]:
    """The package of each name that an import binds: `F` is of `torch`."""
    aliases = (alias for placed in notebook.placed for alias in imported(placed.told))
    return {name: path.split(".")[0] for name, path in aliases}
