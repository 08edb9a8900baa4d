"""A factor, or a step, that leads from all right numbers to the wrong ones of an answer."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from .relations import ENOUGH, Pair, Pairs

NEAR = 2e-3  # a factor is read off numbers that are rounded
KNOWN = {
    "the root of 2": math.sqrt(2),
    "the root of 3": math.sqrt(3),
    "ln 2": math.log(2),
    "ln 10": math.log(10),
    "π": math.pi,
    "2 π": 2 * math.pi,
}


def of_numbers(pairs: Pairs) -> str:
    """By which factor or step all of these pairs differ; "" where it isn't one."""
    numbers = _numbers(pairs)
    return _factor(pairs, numbers) or _step(pairs, numbers) if numbers else ""


def _numbers(pairs: Pairs) -> list[tuple[Tensor, Tensor]]:
    """The finite numbers of each pair; none of any where these are few or all alike."""
    found = []
    for pair in pairs:
        want, got = torch.as_tensor(pair.want), torch.as_tensor(pair.got)
        if want.shape != got.shape or torch.bool in (want.dtype, got.dtype):
            return []
        fine = want.isfinite() & got.isfinite()
        if not fine.any():
            return []
        found.append((want[fine].double(), got[fine].double()))
    wants = torch.cat([want for want, _ in found]) if found else torch.empty(0)
    return found if len(wants) >= ENOUGH and wants.max() - wants.min() > 1e-3 else []


def _factor(pairs: Pairs, numbers: list[tuple[Tensor, Tensor]]) -> str:
    largest = [(int(want.abs().argmax()), want, got) for want, got in numbers]
    factors = [float(got[at] / want[at]) if want[at] else 0.0 for at, want, got in largest]
    if not all(factors) or not all(
        pair.gives(_like(pair, lambda x, f=f: x * f))
        for pair, f in zip(pairs, factors, strict=True)
    ):
        return ""
    first = factors[0]
    alike = all(math.isclose(f, first, rel_tol=NEAR) for f in factors)
    if alike and math.isclose(first, -1, rel_tol=NEAR):
        return "each wrong number is right but for its sign"
    if told := next(_by_length(pairs, factors), ""):
        return told
    if not alike:
        return ""
    for name, number in KNOWN.items():
        for way, factor in (("times", number), ("divided by", 1 / number)):
            if math.isclose(first, factor, rel_tol=NEAR / 4):
                return f"each wrong number is the right one {way} {name}"
    if math.isclose(first, 1, rel_tol=0.01):
        return f"each wrong number is {first:.6g} times the right one: is a constant rounded?"
    return f"each wrong number is {first:.4g} times the right one"


def _by_length(pairs: Pairs, factors: list[float]) -> Iterator[str]:
    """Lengths that came in and go with the factor in every case."""
    if len({round(f, 3) for f in factors}) < 2 and math.isclose(factors[0], round(factors[0])):
        return  # a whole number needs no length to explain it
    for name in pairs[0].sizes:
        lengths = [pair.sizes.get(name, 1) for pair in pairs]
        for told, power in ((f"the root of {name}", 0.5), (name, 1.0)):
            for way, sign in (("times", power), ("divided by", -power)):
                both = zip(lengths, factors, strict=True)
                if all(n > 1 and math.isclose(f, n**sign, rel_tol=NEAR) for n, f in both):
                    yield f"each wrong number is the right one {way} {told}"


def _step(pairs: Pairs, numbers: list[tuple[Tensor, Tensor]]) -> str:
    step = float(torch.cat([got - want for want, got in numbers]).median())
    if abs(step) < 1e-3 or not all(pair.gives(_like(pair, lambda x: x + step)) for pair in pairs):
        return ""
    return (
        f"each wrong number is {abs(step):.4g} {'more' if step > 0 else 'less'} than the right one"
    )


def _like(pair: Pair, change: Any) -> Any:
    """The right value, changed, as what the answer gave: whole numbers stay whole."""
    if isinstance(pair.want, Tensor):
        changed = change(pair.want.double())
        whole = not pair.want.is_floating_point()
        return (changed.round() if whole else changed).to(pair.want.dtype)
    changed = change(pair.want)
    return round(changed) if isinstance(pair.want, int) else changed
