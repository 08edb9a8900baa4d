"""What is trained freely: right when enough of its answers are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:  # both compare, and a comparison scores
    from .outcome import Outcome
    from .sheet import Sheet

CHANCE = (
    "all that needs no chance is right: where does your dropout stand, how often, by what is the "
    "rest divided, and does each call draw anew?"
)
TRAINED = (
    "all else is right, but too little is learned: do all parameters move, for enough rounds, at "
    "a rate that makes the loss fall?"
)
STARTED = (
    "from the check's weights all is right, and from your own first numbers nothing is learned: "
    "are they finite, and not all 0?"
)


def too_few(target: Tensor, found: Any, at_least: float) -> tuple[str, ...]:
    """What is wrong with class ids, or with scores of the classes along one more axis."""
    ids = _ids(target, found)
    if ids is None:
        if isinstance(found, Tensor) and found.isnan().any():
            return ("there is nan among the results: no answer can be read from it",)
        shape = tuple(target.shape)
        told = f"a tensor of shape {tuple(found.shape)}" if isinstance(found, Tensor) else None
        got = told or f"a {type(found).__name__}"
        return (f"expected class ids of shape {shape}, or their scores along one more axis; {got}",)
    right = int((ids == target).sum())
    if right >= at_least * target.numel():
        return ()
    share = right / target.numel()
    return (f"{share:.3f} of {target.numel()} answers are right, {at_least:g} are asked for",)


def only_scored(sheet: "Sheet", found: Sequence["Outcome"], failing: Sequence[tuple]) -> str:
    """What to look at where nothing fails but what is scored; "" when something else does."""
    if not all(sheet.terms[i].at_least and not found[i].raised for i, _ in failing):
        return ""
    if all(
        sheet.cases[i].state is None and "own first" in sheet.cases[i].label for i, _ in failing
    ):
        return STARTED
    return CHANCE if "dropout" in sheet.cases[failing[0][0]].label else TRAINED


def _ids(target: Tensor, found: Any) -> Tensor | None:
    if not isinstance(found, Tensor) or found.is_complex():
        return None
    if found.shape == target.shape and not found.is_floating_point():
        return found
    scores = found.shape[:-1] == target.shape and found.ndim and found.shape[-1] > 1
    if not scores or not found.is_floating_point() or found.isnan().any():
        return None
    return found.argmax(-1)
