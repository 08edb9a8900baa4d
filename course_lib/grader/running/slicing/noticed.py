"""What an answer may notice of all that ran: what shares a name with it, or changes Python itself.

A `time.sleep(600)` or an endless loop of the learner's own shares nothing with most answers.
"""

from .imports import imported
from .notebook import Notebook
from .statements import BUILT_IN, DEFINITIONS, Statement

# Whoever touches these may change what every line after does.
EVERYWHERE = frozenset(("torch", "numpy", "random", "sys", "builtins", "os")) | frozenset(
    ("gc", "warnings", "threading", "importlib")
)


def noticed(
    notebook: Notebook, needed: list[int], ran: list[int], others: bool = False
) -> list[int]:
    """Of the statements that `ran`, those that an answer made of `needed` ones may notice.

    What one of them reads it may have got from any other, so they are gathered until none is added.
    With `others`, a name that one of them binds may be another name for what the answer reads.
    """
    packages = _packages(notebook)
    told = {i: notebook.placed[i].told for i in {*needed, *ran}}
    touched = {i: _touched(each, packages) for i, each in told.items()}
    leads = {i: _known(each.reads, packages) for i, each in told.items()}
    for i in (i for i, each in told.items() if _only_defines(each)):
        # Who calls it does what it does. An answer's helpers only give results, as a rule.
        sets_globals = len(told[i].binds) > 1
        leads[i] |= told[i].binds if i not in needed or sets_globals else frozenset()
    if others:
        leads = {i: found | _known(told[i].holds, packages) for i, found in leads.items()}
    kept, shared = set[int](), EVERYWHERE
    more = {*needed, *(i for i in ran if told[i].anything)}
    while more:
        kept |= more
        shared = shared.union(*(leads[i] for i in more))
        more = {i for i in ran if i not in kept and touched[i] & shared}
    return sorted(kept)


def _touched(told: Statement, packages: dict[str, str]) -> frozenset[str]:
    names = _known(told.binds | told.reads | told.stores | told.gone, packages)
    return names - EVERYWHERE if _only_defines(told) else names


def _only_defines(told: Statement) -> bool:
    """Does it run nothing by itself?"""
    return all(isinstance(node, DEFINITIONS) and not node.decorator_list for node in told.nodes)


def _known(names: frozenset[str], packages: dict[str, str]) -> frozenset[str]:
    """Names but for Python's own; an imported one stands for its package."""
    return frozenset(packages.get(name, name) for name in names - BUILT_IN)


def _packages(notebook: Notebook) -> dict[str, str]:
    """The package of each name that an import binds: `F` is of `torch`."""
    aliases = (alias for placed in notebook.placed for alias in imported(placed.told.nodes))
    return {name: path.split(".")[0] for name, path in aliases}
