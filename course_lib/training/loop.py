"""The training loop: one update after another, and a record of each."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_lib.training.ranks import mean_over_ranks
from course_lib.training.trees import tensors


@dataclass(frozen=True)
class Record:
    """What one update did; `lr` is the rate that it used, `grad_norm` that before clipping."""

    step: int
    loss: float
    lr: float
    grad_norm: float
    tokens_per_second: float


def count_ids(batch: Any) -> int:
    """How many whole numbers are in the tensors of a batch, padding included."""
    whole = (x for x in tensors(batch) if not (x.is_floating_point() or x.dtype == torch.bool))
    return sum(x.numel() for x in whole)


def train(
    loss: Callable[[Any], Tensor],
    batches: Iterable[Any],
    optimizer: Optimizer,
    scheduler: LRScheduler | None = None,
    *,
    max_norm: float = torch.inf,
    first: int = 0,
    tokens: Callable[[Any], int] = count_ids,
) -> Iterator[Record]:
    """Update once for each batch, and yield a record after each update.

        gradient of loss(batch) -> clipped to max_norm -> optimiser's step -> scheduler's step

    `loss` runs the model and gives one number; devices and autocast are its own. Nothing happens
    until a record is asked for: a loop can stop, print, save and go on between any two. `first` is
    the first update's number, for a run that goes on. Processes of a group record their mean loss.

    Raises `ValueError` when a loss is no single number with a gradient, when none of the
    optimiser's parameters gets one, or `max_norm` is not positive.
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm must be positive, got {max_norm=}")
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    began = time.perf_counter()
    for step, batch in enumerate(batches, first):
        found = loss(batch)
        _check(found)
        optimizer.zero_grad(set_to_none=True)
        found.backward()
        norm = _clipped(parameters, max_norm)
        rate = float(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if scheduler:
            scheduler.step()
        value = mean_over_ranks(found.detach()).item()
        speed = tokens(batch) / max(time.perf_counter() - began, 1e-9)
        yield Record(step, value, rate, norm.item(), speed)
        began = time.perf_counter()


def _check(loss: Any) -> None:
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        shape = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"a loss is one number in a tensor, got {shape}")
    if not loss.requires_grad:
        raise ValueError("the loss depends on no parameter that learns: are all frozen?")


def _clipped(parameters: list[Tensor], max_norm: float) -> Tensor:
    """The norm of all gradients, which are scaled down to `max_norm` where it is more."""
    found = [p.grad for p in parameters if p.grad is not None]
    if not found:
        raise ValueError("no parameter of the optimiser got a gradient: is it another model's?")
    norm = torch.nn.utils.get_total_norm(found)
    if max_norm < torch.inf:  # infinity over a norm that overflows would be no number
        torch.nn.utils.clip_grads_with_norm_(parameters, max_norm, norm)
    return norm
