"""What is trained freely: right when enough of its answers are."""

from typing import Any

from torch import Tensor


def too_few(target: Tensor, found: Any, at_least: float) -> tuple[str, ...]:
    """What is wrong with class ids, or with scores of the classes along one more axis."""
    ids = _ids(target, found)
    if ids is None:
        shape = tuple(target.shape)
        told = f"a tensor of shape {tuple(found.shape)}" if isinstance(found, Tensor) else None
        got = told or f"a {type(found).__name__}"
        return (f"expected class ids of shape {shape}, or their scores along one more axis; {got}",)
    right = int((ids == target).sum())
    if right >= at_least * target.numel():
        return ()
    share = right / target.numel()
    return (f"{share:.3f} of {target.numel()} answers are right, {at_least:g} are asked for",)


def _ids(target: Tensor, found: Any) -> Tensor | None:
    if not isinstance(found, Tensor) or found.is_complex():
        return None
    if found.shape == target.shape and not found.is_floating_point():
        return found
    scores = found.shape[:-1] == target.shape and found.ndim and found.shape[-1] > 1
    if not scores or not found.is_floating_point() or found.isnan().any():
        return None
    return found.argmax(-1)
