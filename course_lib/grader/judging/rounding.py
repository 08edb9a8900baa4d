"""How far right answers differ on a case: what the rounding of its inputs does to the reference.

Scores near −20,000 are rounded to a five-hundredth, so two right formulas give shares that differ
by more than any fixed tolerance. What moves the last bit of the inputs can do, a right answer may.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from .cases import Case
from .outcome import Outcome, run_case
from .trees import leaves, tree_map

DRAWS = 2
FACTOR = 4.0
NEGLIGIBLE = 1e-5  # any tolerance has room for it
JUMP = 0.05  # more than rounding does: there a step of the reference was crossed


def noise(answer: Callable, case: Case, expected: Outcome) -> float:
    """How far rounding moves the reference, as a share of a tensor's largest number, and more."""
    if not any(map(_fine, [*leaves(case.state), *case.inputs])):
        return 0.0
    generator = torch.Generator().manual_seed(0)
    moved = [run_case(answer, _nudged(case, generator)) for _ in range(DRAWS)]
    shares = [_share(expected, outcome) for outcome in moved if not outcome.raised]
    share = FACTOR * max((share for share in shares if share < JUMP), default=0.0)
    return share if share > NEGLIGIBLE else 0.0


def _nudged(case: Case, generator: torch.Generator) -> Case:
    """The case with each float input moved to a neighbouring number, up or down.

    Not in half precision: its steps are wide, and its tolerance has room for them.
    """

    def nudge(leaf: object) -> object:
        if not _fine(leaf):
            return leaf
        signs = torch.randint(0, 2, leaf.shape, generator=generator) * 2 - 1
        return leaf * (1 + signs.to(leaf.dtype) * torch.finfo(leaf.dtype).eps)

    moved = case.with_inputs(nudge)
    return replace(moved, state=tree_map(nudge, case.state))


def _fine(leaf: object) -> bool:
    return isinstance(leaf, Tensor) and leaf.dtype in (torch.float32, torch.float64)


def _share(one: Outcome, other: Outcome) -> float:
    pairs = zip(
        leaves([one.values, one.gradients]), leaves([other.values, other.gradients]), strict=False
    )
    shares = [0.0]
    for a, b in pairs:
        if isinstance(a, Tensor) and isinstance(b, Tensor) and a.shape == b.shape and a.numel():
            a, b = (x.double().nan_to_num() for x in (a, b))
            shares.append(float((a - b).abs().max() / a.abs().max().clamp(min=1e-30)))
    return max(shares)
