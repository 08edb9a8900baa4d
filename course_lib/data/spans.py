"""Spans of a text taken out and asked for, in the order in which they stood: span corruption."""

from collections.abc import Sequence
from itertools import pairwise

import torch

Spans = list[tuple[int, int]]  # from the first to the last, not included


def random_spans(
    length: int, share: float = 0.15, mean: float = 3.0, generator: torch.Generator | None = None
) -> Spans:
    """Draw spans that hide about a `share` of a text, `mean` tokens each on average.

        hidden = round(share length),   spans = round(hidden / mean),   at least one of each

    The hidden tokens are dealt out to the spans at random, and the others to the stretches before
    them. So a text begins with a token that stays, and spans never touch.

    Raises `ValueError` for a text of fewer than two tokens, a share outside (0, 1), or a mean
    below 1.

    Source: Raffel et al. 2019, section 3.3.4 (arXiv:1910.10683), the authors' code.
    """
    if length < 2 or not 0 < share < 1 or mean < 1:
        raise ValueError(f"no spans can be drawn for {length=}, {share=}, {mean=}")
    hidden = min(max(round(share * length), 1), length - 1)
    count = min(max(round(hidden / mean), 1), length - hidden)
    stays, goes = (_parts(total, count, generator) for total in (length - hidden, hidden))
    spans, at = [], 0
    for kept, gone in zip(stays, goes, strict=True):
        spans.append((at + kept, at + kept + gone))
        at += kept + gone
    return spans


def _parts(total: int, count: int, generator: torch.Generator | None) -> list[int]:
    """`count` whole numbers from 1 with this sum, each way as likely."""
    cuts = torch.randperm(total - 1, generator=generator)[: count - 1].sort().values + 1
    edges = [0, *cuts.tolist(), total]
    return [end - start for start, end in pairwise(edges)]


def corrupt_spans(
    ids: Sequence[int], spans: Sequence[tuple[int, int]], first_sentinel: int
) -> tuple[list[int], list[int]]:
    """Return the text with a sentinel for each span, and the spans behind their sentinels.

        a b c d e f, (1, 3), (4, 5)  ->  a X d Y f,   X b c Y e Z

    The sentinels are `first_sentinel` and the ids below it, as in T5's vocabulary; one more ends
    the target. Nothing else is added.

    Raises `ValueError` when spans overlap, are empty, out of order or outside the text.

    Source: Raffel et al. 2019, section 3.1.4 and figure 2 (arXiv:1910.10683).
    """
    inputs, targets, at = [], [], 0
    for number, (start, stop) in enumerate(spans):
        if not at <= start < stop <= len(ids):
            raise ValueError(
                f"a span must lie within {at} to {len(ids)} and hide a token, got {start} to {stop}"
            )
        sentinel = first_sentinel - number
        inputs += [*ids[at:start], sentinel]
        targets += [sentinel, *ids[start:stop]]
        at = stop
    return [*inputs, *ids[at:]], [*targets, first_sentinel - len(spans)]
