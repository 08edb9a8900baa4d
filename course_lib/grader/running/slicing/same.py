"""Which slices come to the same: then one of them is enough to try.

Whoever begins each cell with `import torch` has as many slices of an answer as cells below it.
"""

from .imports import IMPORTS, imported
from .notebook import Notebook


def told_apart(notebook: Notebook, kept: list[int]) -> tuple:
    """The statements of a slice but for its imports, and what the names they read stand for."""
    told = {i: notebook.placed[i].told for i in kept}
    imports = {i for i in kept if all(isinstance(node, IMPORTS) for node in told[i].nodes)}
    rest = tuple(i for i in kept if i not in imports)
    read = {name for i in rest for name in told[i].reads}
    pairs = {pair for i in imports for pair in imported(told[i].nodes)}
    stands = frozenset(pair for pair in pairs if pair[0] in read)
    stars = tuple(i for i in imports if told[i].anything)
    return rest, stands, stars
