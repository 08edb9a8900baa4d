"""The names of its module that a piece of source text binds and reads, found by scope."""

import ast
import symtable


def bound(alias: ast.alias) -> str:
    """The name that a part of an import binds: `import a.b` binds a, `from a import b` b."""
    return alias.asname or alias.name.partition(".")[0]


def names_of(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """The module's names that a piece of code binds, and those that it reads, now or later.

    A class's body reads a name that it binds itself from the module first: `axis = axis`.
    """
    try:
        top = symtable.symtable(source, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset(), frozenset()
    binds = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    reads = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    waiting = list(top.get_children())
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        body = table.get_type() == "class"
        for symbol in table.get_symbols():
            outer = symbol.is_global() or (body and symbol.is_local() and symbol.is_assigned())
            if outer and symbol.is_referenced():
                reads.add(symbol.get_name())
            if symbol.is_global() and symbol.is_assigned():  # `global x`, bound when called;
                binds.add(symbol.get_name())
                reads.add(symbol.get_name())  # and for all we know read, as by `x += 1`
    return frozenset(binds), frozenset(reads)
