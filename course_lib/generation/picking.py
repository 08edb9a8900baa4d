"""From scores to the next token: the likeliest one, or one drawn from those likely enough.

Checked against Hugging Face's in tests/generation.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from course_lib.nn.norms import widened

Logits = Float[Tensor, "*batch vocab"]


def greedy(logits: Logits) -> Int[Tensor, "*batch"]:
    """Take the likeliest token; of equals the first.

    id = argmax logits
    """
    return logits.argmax(dim=-1)


def keep_top_k(logits: Logits, k: int) -> Logits:
    """Leave the `k` likeliest tokens a chance, the others none (-inf).

        kept = {i : logits[i] >= the k-th largest}

    What is as likely as the k-th stays, so there may be more than k. A k above the size of the
    vocabulary keeps all.

    Raises `ValueError` when `k` is below 1.

    Source: Fan et al. 2018, section 5.4 (arXiv:1805.04833); ties: Hugging Face's TopKLogitsWarper.
    """
    if k < 1:
        raise ValueError(f"at least one token must stay possible, got {k=}")
    kth = logits.topk(min(k, logits.shape[-1]), dim=-1).values[..., -1:]
    return logits.masked_fill(logits < kth, -math.inf)


def keep_top_p(logits: Logits, p: float | int) -> Logits:
    """Leave the smallest set of tokens that holds at least the mass `p` a chance: the nucleus.

        sorted upwards, a token goes when it and all below it hold at most 1 - p

    The likeliest stays whatever `p` is, and at p = 1 every token, however small. Two equal ones at
    the border may part: one of them can be enough.

    Raises `ValueError` when `p` is outside [0, 1].

    Source: Holtzman et al. 2019, section 3.1 (arXiv:1904.09751); the border: Hugging Face's
    TopPLogitsWarper.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"a mass is between 0 and 1, got {p=}")
    upwards, order = torch.sort(logits, dim=-1)
    goes = widened(upwards).softmax(dim=-1).cumsum(dim=-1) <= 1 - p
    goes[..., -1:] = False
    goes &= p < 1  # a chance can be so small that it rounds to 0
    return logits.masked_fill(_back(goes, order), -math.inf)


def keep_min_p(logits: Logits, p: float | int) -> Logits:
    """Leave tokens a chance that are at least `p` times as likely as the likeliest.

        kept = {i : prob[i] >= p max prob}

    Raises `ValueError` when `p` is outside [0, 1].

    Source: Nguyen et al. 2024, section 3 (arXiv:2407.01082).
    """
    if not 0 <= p <= 1:
        raise ValueError(f"a share of the largest probability is between 0 and 1, got {p=}")
    probs = widened(logits).softmax(dim=-1)
    return logits.masked_fill(probs < p * probs.amax(dim=-1, keepdim=True), -math.inf)


def penalize_repeats(
    logits: Float[Tensor, "batch vocab"], ids: Int[Tensor, "batch seq"], penalty: float | int
) -> Float[Tensor, "batch vocab"]:
    """Make tokens that are in `ids` already less likely, each once however often it is there.

        logit / penalty where it is positive,   logit penalty where it is negative

    CTRL divides every one, which would reward a negative logit; the case of two signs is Hugging
    Face's. A penalty of 1 changes nothing, one below 1 rewards.

    Raises `ValueError` when `penalty` is not above 0, the batches differ, or an id has no logit.

    Source: Keskar et al. 2019, section 4.1 (arXiv:1909.05858).
    """
    if not penalty > 0:
        raise ValueError(f"a penalty must be above 0, got {penalty=}")
    if len(ids) != len(logits):
        raise ValueError(f"{len(ids)} rows of ids for {len(logits)} rows of logits")
    if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < logits.shape[-1]:
        found, last = f"{ids.min()} to {ids.max()}", logits.shape[-1] - 1
        raise ValueError(f"ids must be 0 to {last}, got {found}")
    there = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, ids.long(), True)
    lower = torch.where(logits < 0, logits * penalty, logits / penalty)
    return torch.where(there, lower, logits)


def probabilities(
    logits: Logits,
    temperature: float | int = 1.0,
    *,
    top_k: int | None = None,
    top_p: float | int | None = None,
    min_p: float | int | None = None,
) -> Logits:
    """Say how likely each token is to be drawn, in float32 or wider.

        probs = softmax(keep(logits / temperature))

    A temperature below 1 makes the likely likelier; 0 gives the likeliest token all: it is
    `greedy`. Then `top_k`, `top_p` and `min_p` keep what they keep, in this order.

    Raises `ValueError` when the temperature is below 0 or no number, and as the three do.

    Source: Holtzman et al. 2019, section 3 (arXiv:1904.09751).
    """
    if not 0 <= temperature < math.inf:
        raise ValueError(f"a temperature is 0 or more, got {temperature=}")
    logits = widened(logits)
    if temperature == 0:
        best = greedy(logits)[..., None]
        logits = torch.full_like(logits, -math.inf).scatter(-1, best, 0.0)
    else:  # from the largest down, so that a temperature near 0 makes no second infinity
        down = logits - logits.amax(dim=-1, keepdim=True)
        logits = down / max(temperature, torch.finfo(logits.dtype).tiny)
    for keep, limit in ((keep_top_k, top_k), (keep_top_p, top_p), (keep_min_p, min_p)):
        logits = logits if limit is None else keep(logits, limit)
    return logits.softmax(dim=-1)


def sample(
    temperature: float | int = 1.0,
    *,
    top_k: int | None = None,
    top_p: float | int | None = None,
    min_p: float | int | None = None,
    generator: torch.Generator | None = None,
) -> Callable[[Tensor], Tensor]:
    """Make a pick that draws a token by its `probabilities`; with a `generator`, the same again.

        id ~ probs

    Raises `ValueError` as `probabilities` does, when it is made.
    """
    kept = {"top_k": top_k, "top_p": top_p, "min_p": min_p}
    probabilities(torch.zeros(1, 2), temperature, **kept)  # a wrong limit shows here already

    def pick(logits: Tensor) -> Tensor:
        if temperature == 0:
            return greedy(logits)
        probs = probabilities(logits, temperature, **kept).reshape(-1, logits.shape[-1])
        drawn = torch.multinomial(probs, 1, generator=generator)
        return drawn.reshape(logits.shape[:-1])

    return pick


def _back(sorted_values: Bool[Tensor, "*batch vocab"], order: Tensor) -> Tensor:
    return sorted_values.scatter(-1, order, sorted_values)
