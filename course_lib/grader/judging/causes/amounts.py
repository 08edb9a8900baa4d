"""Counts that miss by the same product of the sizes each time: what is missing, or too much."""

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, combinations_with_replacement
from math import prod

from .relations import ENOUGH, Pair

DEGREE = 3  # of num_layers * d_model * d_ff
LARGEST = 20  # times a product: what is more is chance
Row = tuple[int, ...]


def of_amounts(pairs: Sequence[Pair]) -> str:
    """By how much all these whole numbers are off, in terms of what came in; "" if by no product.

    A layer with its bias is a sum of two products, as `d_ff` times `d_model` and `d_ff`.
    """
    if len(pairs) < ENOUGH or not all(type(p.want) is type(p.got) is int for p in pairs):
        return ""
    if told := next(_as_given(pairs), ""):
        return told
    off = [pair.got - pair.want for pair in pairs]
    if len({*off}) < ENOUGH:
        return ""
    products = dict(_products(pairs))
    sums = combinations(products.items(), 2)
    both = (
        (f"({a} + {b})", tuple(x + y for x, y in zip(one, other, strict=True)))
        for (a, one), (b, other) in sums
    )
    for told, row in chain(products.items(), both):
        if times := _times(off, row):
            factor = f"{abs(times)} · " if abs(times) > 1 else ""
            way = "more" if times > 0 else "less"
            return f"each wrong number is {factor}{told} {way} than the right one"
    return ""


def _as_given(pairs: Sequence[Pair]) -> Iterator[str]:
    """The number that came in and stands in every wrong place."""
    if len({pair.got for pair in pairs}) >= ENOUGH:
        for name in _names(pairs):
            if all(pair.got == pair.sizes[name] for pair in pairs):
                yield f"each wrong number is {name}, as it came in"


def _names(pairs: Sequence[Pair]) -> list[str]:
    """The plain numbers that came in with every pair."""
    return [n for n in pairs[0].sizes if n[0] == "`" and all(n in p.sizes for p in pairs)]


def _times(off: Sequence[int], row: Row) -> int:
    """How many times the row the differences are; 0 where they are no such thing."""
    times = off[0] // row[0] if row[0] else 0
    fits = all(difference == times * x for difference, x in zip(off, row, strict=True))
    return times if fits and abs(times) <= LARGEST else 0


def _products(pairs: Sequence[Pair]) -> Iterator[tuple[str, Row]]:
    """The products of plain numbers that came in, the short ones first, each once."""
    names = _names(pairs)
    seen: set[Row] = set()
    for degree in range(1, DEGREE + 1):
        for chosen in combinations_with_replacement(names, degree):
            row = tuple(prod(pair.sizes[name] for name in chosen) for pair in pairs)
            if row not in seen and len({*row}) >= ENOUGH:
                seen.add(row)
                yield " · ".join(chosen), row
