"""What the text of a wrong answer says: another's value, a lone number, one row for all."""

import ast
from dataclasses import replace

from course_lib.notebooks import tree_of

from .sheet import Sheet
from .values import changed
from .verdict import Verdict
from .written import numbers_in

USUAL = {0, 1, 2, 3, 0.5, -100}  # nobody asks where they come from
ONE_ROW = "`[row] * n` holds one row n times: what is written into one of them is in all"
LONE = "`{}` stands in your code: is it the text's number, and right for every input?"


def with_changed_values(sheet: Sheet, verdict: Verdict, source: str) -> Verdict:
    """A wrong answer with what its code says: first, of a value that isn't the student's own.

    Last, where the mistake has no name, of a number that the course's own answer does without: a
    size that is written down is right for the one example that a learner tried.
    """
    if verdict.state not in ("wrong", "crashed"):
        return verdict
    told = changed(source, sheet.values, sheet.name)
    rows = ONE_ROW if not verdict.mistake_name and _one_row(source) else ""
    lone = "" if told or verdict.mistake_name or not sheet.solution else _lone(sheet, source)
    details = (*filter(None, [told, rows]), *verdict.details, *filter(None, [lone]))
    return replace(verdict, details=details)


def _one_row(source: str) -> bool:
    """Is a list of lists multiplied?"""
    products = (
        n for n in ast.walk(tree_of(source) or ast.Module([], [])) if isinstance(n, ast.BinOp)
    )
    lists = (side for n in products for side in (n.left, n.right) if isinstance(n.op, ast.Mult))
    rows = (row for each in lists if isinstance(each, ast.List) for row in each.elts)
    return any(isinstance(getattr(row, "left", row), ast.List | ast.ListComp) for row in rows)


def _lone(sheet: Sheet, source: str) -> str:
    """Of the one number that stands neither in the stub nor in a right answer; "" for several."""
    right = numbers_in(sheet.solution) | numbers_in(sheet.stub) | {*sheet.numbers}
    known = USUAL | right | {-x for x in right | {0, 1, 2, 3, 0.5}}
    own = numbers_in(source, sheet.name) - known
    return LONE.format(f"{own.pop():_}") if len(own) == 1 else ""
