"""One or two more cases for every exercise: the same function, or object, called several times.

What is kept between calls (a cache that forgets an argument, a counter, a changed weight) shows in
no single call. Nor does a dropout that nobody asked for, in evaluation mode: where the reference
is the same in both modes, a module is called again in training mode.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import torch

from .cases import Case
from .inputs import size
from .outcome import run_case
from .trees import identical

AGAIN = "called again"
TRAINING = f"{AGAIN}, in training mode"


class Drawn:
    """Cases found by label, drawn one after the other and only as far as somebody asks."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self.left, self.found = iter(cases), dict[str, Case]()

    def like(self, case: Case) -> Case:
        """The case of the same label; the given one, if there is none."""
        while case.label not in self.found and (drawn := next(self.left, None)):
            self.found[drawn.label] = drawn
        return self.found.get(case.label, case)


def called_again(answer: Callable, sound: list[Case], second: Drawn) -> list[Case]:
    """The cases, made of those that the reference takes; none when it takes none.

    One case's calls come first and last. Between them come its calls as drawn a `second` time, the
    same sizes with other values, and another case's calls, other sizes. Where an object has several
    methods and that case calls few of them, the smallest that calls most is called again, too.
    """
    if not sound:
        return []
    order = sorted(sound, key=size)
    pairs = [(one, other) for one in order for other in order if other_sizes(one, other)]
    most = max(order, key=methods)
    rich = [pair for pair in pairs if methods(pair[0]) == methods(most)]
    chosen = [_telling(answer, rich or pairs or [(most, most)], second)]
    if methods(chosen[0][0]) < methods(most):
        chosen.append((most, most))
    return [_again(answer, one, [second.like(one), other]) for one, other in chosen]


def _telling(answer: Callable, pairs: list[tuple[Case, Case]], second: Drawn) -> tuple[Case, Case]:
    """The first pair whose case gives other values when drawn a second time; else the first.

    An empty text gives the same each time, and what is kept by size does no harm to it. An object
    is called as its smallest case says: a training that is long enough to move tells rounding, too.
    """
    firsts: dict[str, tuple[Case, Case]] = {}
    for pair in pairs:
        firsts.setdefault(pair[0].label, pair)
    drawn = ((pair, second.like(pair[0])) for pair in firsts.values())
    return next((pair for pair, other in drawn if _moves(answer, pair[0], other)), pairs[0])


def _moves(answer: Callable, one: Case, second: Case) -> bool:
    if one.init is not None or not same_object(one, second):
        return False
    tried, n = run_case(answer, _joined(one, second), gradients=False), len(one.calls)
    return not tried.raised and not identical(tried.values[:n], tried.values[n:])


def _again(answer: Callable, one: Case, between: list[Case]) -> Case:
    fitting = [case for case in between if same_object(one, case)]
    # Without what the reference refuses once it holds the first case's weights.
    kept = [case for case in fitting if not run_case(answer, _joined(one, case)).raised]
    return _in_training(answer, _joined(one, *kept, one))


def _in_training(answer: Callable, case: Case) -> Case:
    """The case in training mode, if that is no other for the reference."""
    moved = replace(case, label=case.label.replace(AGAIN, TRAINING, 1), training=True)
    both = [] if case.init is None else [case, moved]
    tried = [run_case(answer, each, gradients=False).values for each in both]
    return moved if tried and identical(*tried) else case


def _joined(one: Case, *others: Case) -> Case:
    calls = [call for case in (one, *others) for call in case.calls]
    return replace(one, label=f"{AGAIN}: {one.label}", calls=calls)


def methods(case: Case) -> int:
    """How many methods a case calls, but for those of every module."""
    return len({planned.method for planned in case.calls} - {"train", "eval"})


def same_object(one: Case, other: Case) -> bool:
    """Can one object, or the function itself, take the calls of both cases?"""
    return identical(one.init, other.init)


def other_sizes(one: Case, other: Case) -> bool:
    """Do two cases call the same object with the same methods, but with inputs of other sizes?"""
    alike = [c.method for c in one.calls] == [c.method for c in other.calls]
    return alike and same_object(one, other) and _shapes(one) != _shapes(other)


def _shapes(case: Case) -> list:
    return [tuple(x.shape) if isinstance(x, torch.Tensor) else x for x in case.inputs]
