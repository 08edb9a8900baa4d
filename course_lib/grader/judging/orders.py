"""Objects made by the order of a constructor's arguments, as a text writes it and a page uses it.

A key hands them over by name, which a learner's signature survives in any order.
"""

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from .cases import Case

BY_ORDER = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def made_by_order(solution: Callable, cases: Iterable[Case]) -> Iterator[Case]:
    """The cases; of those that give the same arguments, every second one gives them by order."""
    seen: Counter = Counter()
    for case in cases:
        seen[names := tuple(case.init or ())] += 1
        turn = names and seen[names] % 2 == 0
        yield _by_order(solution, case) if turn else case


def _by_order(solution: Callable, case: Case) -> Case:
    """The case with all arguments up to the last that is given; itself, where one has no place."""
    init = _filled(inspect.signature(solution), case.init)
    if init is None:
        return case
    told = ", ".join(map(repr, init.values()))
    label = f"{case.label}; made as {solution.__name__}({told})"
    return replace(case, label=label, init=init, by_order=True)


def _filled(signature: inspect.Signature, given: dict[str, Any]) -> dict[str, Any] | None:
    places = [n for n, p in signature.parameters.items() if p.kind in BY_ORDER]
    if not set(given) <= set(places):
        return None
    bound = signature.bind(**given)
    bound.apply_defaults()
    return {n: bound.arguments[n] for n in places[: 1 + max(map(places.index, given))]}
