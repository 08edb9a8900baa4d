"""Batches: sequences of like length padded together, and windows of one long text."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Int
from torch import Tensor


def pad(
    sequences: Sequence[Sequence[int]], pad_id: int
) -> tuple[Int[Tensor, "batch longest"], Int[Tensor, " batch"]]:
    """Return the sequences as one table of ids, filled up behind with `pad_id`, and their lengths.

    (To generate, padding stands in front: see `course_lib.generation.pad_left`.)

    Raises `ValueError` when there is no sequence.
    """
    if not len(sequences):
        raise ValueError("a batch needs at least one sequence, got none")
    lengths = torch.tensor([len(each) for each in sequences])
    ids = torch.full((len(sequences), int(lengths.max())), pad_id)
    for row, each in zip(ids, sequences, strict=True):
        row[: len(each)] = torch.tensor(each, dtype=torch.long)
    return ids, lengths


def by_tokens(
    lengths: Sequence[int], most: int, generator: torch.Generator | None = None
) -> list[list[int]]:
    """Return groups of indices of like lengths, in random order, each once.

        size of a group x its longest length <= most

    So a batch holds about as many tokens whatever their sentences' lengths, and little padding.

    Raises `ValueError` when one sequence alone has more than `most` tokens, or a length is below 1.

    Source: Vaswani et al. 2017, section 5.1: "batched together by approximate sequence length".
    """
    wrong = [(i, n) for i, n in enumerate(lengths) if not 1 <= n <= most]
    if wrong:
        raise ValueError(f"lengths must be 1 to {most}, got {wrong[0][1]} at index {wrong[0][0]}")
    order = torch.randperm(len(lengths), generator=generator).tolist()
    order.sort(key=lambda i: lengths[i])  # of equal lengths the random order stays
    groups: list[list[int]] = []
    for i in order:
        if not groups or (len(groups[-1]) + 1) * lengths[i] > most:
            groups.append([])
        groups[-1].append(i)
    return [groups[g] for g in torch.randperm(len(groups), generator=generator).tolist()]


def windows(
    ids: Int[Tensor, " text"], length: int, size: int, generator: torch.Generator | None = None
) -> Iterator[tuple[Int[Tensor, "size length"], Int[Tensor, "size length"]]]:
    """Yield batches of windows of a text and what follows each of their tokens, without end.

    A pass begins at a random place, cuts the text into windows and takes each once, in random
    order; the last batch of a pass is left out when it isn't full. A run goes on at batch n with
    `islice(windows(…), n, None)` and a new generator of the same seed.

    Raises `ValueError` when the text has less than one batch of windows.
    """
    room = len(ids) - 1
    if min(length, size) < 1 or room < length * size:
        asked = f"{size} windows of {length} tokens and the next"
        raise ValueError(f"the text has {len(ids)} tokens, too few for {asked}")
    while True:
        spare = min(length, room - length * size + 1)
        start = int(torch.randint(spare, (), generator=generator))
        count = (room - start) // length
        order = torch.randperm(count, generator=generator)
        starts = start + length * order
        for some in starts.split(size):
            if len(some) == size:
                places = some[:, None] + torch.arange(length)
                yield ids[places], ids[places + 1]
