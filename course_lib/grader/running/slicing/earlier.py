"""What stands below an answer and ran before it: its decorators, say, or its defaults.

A notebook tells by its numbers which cell ran first, and may have lost them.
"""

import ast

from .notebook import Notebook
from .statements import BUILT_IN, Statement, outer


def in_turn(notebook: Notebook, chosen: int, kept: list[int]) -> list[list[int]]:
    """The statements that an answer needs, in groups that run in turn."""
    first = _wanted_at_once(notebook, chosen, kept)
    if not first:
        return [sorted(kept)]
    above = [i for i in kept if notebook.cell(i) < notebook.cell(chosen)]
    return [sorted(above), sorted(first), sorted({*kept} - {*above} - first)]


def _wanted_at_once(notebook: Notebook, chosen: int, kept: list[int]) -> set[int]:
    """What below an answer's cell binds names that its own statement reads as it runs."""
    above = {name for i in kept if i < chosen for name in notebook.placed[i].told.binds}
    there = above | notebook.provided | BUILT_IN
    wanted, found = _read_at_once(notebook.placed[chosen].told) - there, set[int]()
    below = [i for i in kept if notebook.cell(i) > notebook.cell(chosen)]
    for i in sorted(below, reverse=True):
        told = notebook.placed[i].told
        if told.binds & wanted:
            found.add(i)
            wanted |= told.reads - there
    return found


def _read_at_once(told: Statement) -> set[str]:
    nodes = (each for node in told.nodes for each in outer(node))
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
