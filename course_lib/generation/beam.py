"""Beam search: several beginnings at a time, the likeliest of them go on.

Checked against Hugging Face's generate in tests/generation.
"""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Int
from torch import Tensor

from course_lib.generation.candidates import Beams, Search, power_penalty
from course_lib.generation.scoring import Scorer, at_rest
from course_lib.nn.norms import widened


def beam_steps(
    model: Callable[..., Tensor],
    ids: Int[Tensor, "batch seq"],
    *,
    num_beams: int,
    max_new_tokens: int,
    end_id: int | None = None,
    pad_id: int | None = None,
    penalty: Callable[[int], float | int] = power_penalty,
    early_stopping: bool | str = False,
    adjust: Callable[[Tensor, Tensor], Tensor] | None = None,
    **seeing,
) -> Iterator[tuple[Beams, Beams]]:
    """Search token by token; show after each one what goes on, and what has ended so far.

    The scores of what goes on are sums of log probabilities. The rest is as in `beam_search`.
    """
    ending = {"end_id": end_id, "pad_id": pad_id}
    stopping = {"penalty": penalty, "early_stopping": early_stopping}
    score = Scorer(model, ids, max_new_tokens, pad_id=pad_id, **seeing)
    search = Search(ids, num_beams, max_new_tokens, **ending, **stopping)
    with at_rest(model):
        logits = score(ids).repeat_interleave(num_beams, dim=0)  # all beams of a row begin alike
        score.reorder(torch.arange(len(ids), device=ids.device).repeat_interleave(num_beams))
        while True:
            beams = search.running.ids.flatten(0, 1)
            log_probs = widened(logits).log_softmax(-1)
            if adjust is not None:
                log_probs = adjust(log_probs, score.written(beams))
            score.reorder(search.step(log_probs))
            yield search.running, search.done
            if search.over:
                return
            logits = score(search.running.ids.flatten(0, 1))


def beam_search(model: Callable[..., Tensor], ids: Int[Tensor, "batch seq"], **how) -> Beams:
    """Find the likeliest continuations that a few beginnings at a time lead to, the best first.

        score = log P(new tokens | ids) / penalty(number of new tokens, the end among them)

    Returns ids (batch, num_beams, seq), and scores (batch, num_beams).

    - `num_beams` beginnings go on at a time, for `max_new_tokens` at most; `end_id` ends one.
    - `penalty(length)` is `power_penalty`, `wu_penalty` (with another alpha: by
      `functools.partial`) or any positive function of the length.
    - `early_stopping`: a row is settled when none that goes on could enter its best `num_beams`
      if it ended now (False), or now or at `max_new_tokens` ("never"), or when `num_beams` have
      ended (True). The first can miss a long one that a penalty would have raised later.
    - `adjust(log_probs, ids)`, `pad_id`, `seen`, `mask`, `context` and `cache` are those of
      `generate`. The model gets `num_beams` rows for each row, one after the other; a cache needs
      `reorder`.

    Raises `ValueError` as `generate` does, and when `num_beams` or `max_new_tokens` is below 1 or
    `early_stopping` is none of the three.

    Source: Wu et al. 2016, section 7 (arXiv:1609.08144); where it ends: Hugging Face's generate.
    """
    for _, done in beam_steps(model, ids, **how):
        best = done
    return best
