"""One more case for every exercise: the same function, or object, called several times.

What is kept between calls (a cache that forgets an argument, a counter, a changed weight) shows in
no single call.
"""

from collections.abc import Callable

import torch

from .cases import Case
from .outcome import run_case
from .trees import identical, leaves

AGAIN = "called again"


def called_again(answer: Callable, first: list[Case], second: list[Case]) -> list[Case]:
    """The case, made of what was drawn first and drawn once more; none when every case raises.

    One case's calls come first and last. Between them come its calls as drawn a second time, the
    same sizes with other values, and another case's calls, other sizes.
    """
    order = sorted(range(len(first)), key=lambda i: size(first[i]))
    sound = [i for i in order if not run_case(answer, first[i]).raised]
    if not sound:
        return []
    pairs = [(i, j) for i in sound for j in sound if other_sizes(first[i], first[j])]
    i, j = pairs[0] if pairs else (sound[0], sound[0])
    one = first[i]
    between = [case for case in (second[i], first[j]) if same_object(one, case)]
    # Without what the reference refuses once it holds the first case's weights.
    kept = [case for case in between if not run_case(answer, _joined(one, case)).raised]
    return [_joined(one, *kept, one)]


def _joined(one: Case, *others: Case) -> Case:
    calls = [call for case in (one, *others) for call in case.calls]
    return Case(f"{AGAIN}: {one.label}", calls, one.init, one.state, one.grad, one.exact)


def same_object(one: Case, other: Case) -> bool:
    """Can one object, or the function itself, take the calls of both cases?"""
    return identical(one.init, other.init)


def other_sizes(one: Case, other: Case) -> bool:
    """Do two cases call the same object with the same methods, but with inputs of other sizes?"""
    alike = [c.method for c in one.calls] == [c.method for c in other.calls]
    return alike and same_object(one, other) and _shapes(one) != _shapes(other)


def _shapes(case: Case) -> list:
    inputs = leaves([[c.args, c.kwargs] for c in case.calls])
    return [tuple(x.shape) if isinstance(x, torch.Tensor) else x for x in inputs]


def size(case: Case) -> tuple[bool, int, float]:
    """How hard a case is to think about; the failing case that is smallest is shown.

    Extreme numbers in tensors come last, then it is how many there are, then plain numbers.
    """
    inputs = leaves([[c.args, c.kwargs] for c in case.calls])
    tensors = [x for x in inputs if isinstance(x, torch.Tensor)]
    plain = [abs(x) for x in inputs if isinstance(x, int | float) and x == x]
    extreme = any(x.numel() and not (x.float().abs() < 100).all() for x in tensors)
    return extreme, sum(x.numel() for x in tensors), sum(plain)
