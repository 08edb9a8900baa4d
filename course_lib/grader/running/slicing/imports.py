"""What imports bind, and what for."""

import ast
from collections.abc import Iterable, Iterator

from ...judging.scopes import bound

IMPORTS = ast.Import | ast.ImportFrom


def imported(nodes: Iterable[ast.stmt]) -> Iterator[tuple[str, str]]:
    """What imports among statements bind: names, with the full names of what they stand for."""
    for node in nodes:
        for alias in node.names if isinstance(node, IMPORTS) else ():
            module = f"{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
            yield bound(alias), f"{module}{alias.name}"
