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

    Raises `ValueError` when a loss is no single number, or `max_norm` is not positive.
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm must be positive, got {max_norm=}")
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    began = time.perf_counter()
    for step, batch in enumerate(batches, first):
        found = loss(batch)
        if found.numel() != 1:
            raise ValueError(f"a loss is one number, got the shape {tuple(found.shape)}")
        optimizer.zero_grad(set_to_none=True)
        found.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
        rate = optimizer.param_groups[0]["lr"]
        optimizer.step()
        if scheduler:
            scheduler.step()
        value = mean_over_ranks(found.detach()).item()
        speed = tokens(batch) / max(time.perf_counter() - began, 1e-9)
        yield Record(step, value, rate, norm.item(), speed)
        began = time.perf_counter()
