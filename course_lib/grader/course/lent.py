"""What a chapter's own setup cell takes from the library, cut out of it for sealed answers.

A child knows nothing of `course_lib`, which holds answers. Yet chapter 05 builds on the attention
of chapter 02 and says so in its setup cell. Such names are lent: as source, with what they use and
not a line more, so that their neighbours in the file can't be reached from them.
"""

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from ..judging.scopes import bound
from .setup import setup_cells

PACKAGE = "course_lib"
STUBBED = f"{PACKAGE}.check"  # the child has one that does nothing


@cache
def lent(root: Path, chapter: str) -> dict[str, str]:
    """Source by module, what is used before what uses it; empty where nothing is lent.

    Raises KeyError when a module doesn't define a name that is taken from it.
    """
    wanted: dict[str, set[str]] = {}
    for module, name in lent_names(root, chapter):
        wanted.setdefault(module, set()).add(name)
    taken: dict[str, list[ast.stmt]] = {}
    for module, names in wanted.items():
        _take(root, module, names, taken)
    used = {module: _modules_used(kept) & taken.keys() for module, kept in taken.items()}
    order = TopologicalSorter(used).static_order()
    return {module: "\n".join(map(ast.unparse, taken[module])) for module in order}


@cache
def lent_names(root: Path, chapter: str) -> frozenset[tuple[str, str]]:
    """What a chapter's set-up takes from the library: (module, name)."""
    trees = [ast.parse(source) for source in setup_cells(root, chapter)]
    return frozenset(
        pair for tree in trees for node in ast.walk(tree) for pair in _from_package(node)
    )


def _modules_used(nodes: list[ast.stmt]) -> set[str]:
    """The modules of the package that these statements import from."""
    inside = (node for top in nodes for node in ast.walk(top))
    return {module for node in inside for module, _ in _from_package(node)}


def _from_package(node: ast.AST) -> list[tuple[str, str]]:
    """(module, name) for each name that a statement takes from the package."""
    if not isinstance(node, ast.ImportFrom) or node.level or node.module == STUBBED:
        return []
    inside = (node.module or "").startswith(f"{PACKAGE}.")
    return [(node.module, alias.name) for alias in node.names] if inside else []


def _take(root: Path, module: str, names: set[str], taken: dict[str, list[ast.stmt]]) -> None:
    """Add what these names of a module need, in the order of its file.

    Raises KeyError when the module doesn't define one of them at its top level.
    """
    there = _top_level(root, module)
    kept, waiting = {}, sorted(names)
    while waiting:
        name = waiting.pop()
        node = there[name]
        if name in kept:
            continue
        kept[name] = node
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        waiting += sorted(used & there.keys())
        for other, inner in _from_package(node):
            _take(root, other, {inner}, taken)
    before = taken.get(module, [])
    added = {ast.unparse(node): node for node in [*before, *kept.values()]}
    taken[module] = sorted(added.values(), key=lambda node: (node.lineno, node.col_offset))


@cache
def _top_level(root: Path, module: str) -> dict[str, ast.stmt]:
    """What each name of a module stands for; an import is cut down to that name."""
    path = root.joinpath(*module.split(".")).with_suffix(".py")
    found: dict[str, ast.stmt] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {bound(alias): _one_name(node, alias) for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    return found


def _one_name(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.stmt:
    if isinstance(node, ast.Import):
        made: ast.stmt = ast.Import([alias])
    else:
        made = ast.ImportFrom(node.module, [alias], node.level)
    return ast.copy_location(made, node)
