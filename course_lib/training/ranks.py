"""What changes when several processes train one model, as under `torchrun`: very little."""

import os

from torch import Tensor, distributed, nn


def mean_over_ranks(value: Tensor) -> Tensor:
    """The mean of a number over the processes of the group; the number itself without a group."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total / distributed.get_world_size()


def share_of(count: int) -> range:
    """Which rows of a batch of `count` are this process's own: an equal run of them.

    Raises `ValueError` when the processes don't divide `count`: unequal shares would weigh rows
    unequally, since gradients are averaged over processes.
    """
    grouped = distributed.is_available() and distributed.is_initialized()
    rank, size = (distributed.get_rank(), distributed.get_world_size()) if grouped else (0, 1)
    if count % size:
        raise ValueError(f"{size} processes can't share {count} rows equally")
    return range(count // size * rank, count // size * (rank + 1))


def on_every_rank(model: nn.Module) -> nn.Module:
    """Join the group that `torchrun` announces and wrap the model; alone, give it back as it is.

    Each process gets the first one's weights, and gradients are averaged over all of them.
    """
    if "WORLD_SIZE" not in os.environ:
        return model
    device = next(model.parameters()).device
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    ids = [device] if device.type == "cuda" else None
    return nn.parallel.DistributedDataParallel(model, device_ids=ids)
