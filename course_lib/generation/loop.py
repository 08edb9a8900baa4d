"""The loop that writes: score, pick, append, and again. Checked against Hugging Face's generate."""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Int
from torch import Tensor

from course_lib.generation.picking import greedy
from course_lib.generation.scoring import Scorer, at_rest


def stream(
    model: Callable[..., Tensor],
    ids: Int[Tensor, "batch seq"],
    *,
    max_new_tokens: int,
    pick: Callable[[Tensor], Tensor] = greedy,
    adjust: Callable[[Tensor, Tensor], Tensor] | None = None,
    end_id: int | None = None,
    pad_id: int | None = None,
    **seeing,
) -> Iterator[Int[Tensor, " batch"]]:
    """Write token by token, and hand out each row's next id as soon as it is picked.

        new = pick(adjust(model(ids)[:, -1], ids)),   ids = (ids, new)

    `generate` says what the arguments are; `seeing` are `seen`, `mask`, `context` and `cache`.

    Raises `ValueError` as `generate` does.
    """
    score = Scorer(model, ids, max_new_tokens, pad_id=pad_id, **seeing)
    pad_id = end_id if pad_id is None else pad_id
    ended = torch.zeros_like(ids[:, 0], dtype=torch.bool)
    with at_rest(model):
        for _ in range(max_new_tokens):
            logits = score(ids)
            new = pick(logits if adjust is None else adjust(logits, score.written(ids)))
            if new.shape != ended.shape:
                raise ValueError(f"need an id for each of {len(ids)} rows, got {tuple(new.shape)}")
            if end_id is not None:
                new = new.masked_fill(ended, pad_id)
                ended = ended | (new == end_id)
            yield new
            if end_id is not None and ended.all():
                return
            ids = torch.cat((ids, new[:, None]), dim=1)


def generate(
    model: Callable[..., Tensor], ids: Int[Tensor, "batch seq"], **how
) -> Int[Tensor, "batch all"]:
    """Go on from `ids` for `max_new_tokens`, or until every row has ended; return all ids.

        generate(model, ids, max_new_tokens=20, pick=sample(0.8, top_k=40), end_id=2)

    - `model(ids)` returns logits (batch, seq, vocab). It runs without gradients and in evaluation
      mode; after that every part has its own mode again.
    - `pick(logits)` (batch, vocab) -> (batch,): `greedy`, or what `sample` makes.
    - `adjust(logits, ids)` changes logits by what is written, as `penalize_repeats` does.
    - `end_id` ends a row; from there it is filled with `pad_id` (`end_id` if there is none).
    - `seen` (batch, seq) is False where a row is padded in front: see `pad_left`. The model then
      gets `mask=`, a rule, and `places=` (batch, seq) too.
    - `mask` is a rule that replaces the model's own, such as one with a window.
    - `context` is how many tokens the model can see: it gets the last of them.
    - `cache` goes to the model, called as `model(ids, cache=cache)`: of the ids it reads only
      `ids[:, cache.length:]`. One that has read their beginning goes on from there.

    Raises `ValueError` when ids are not whole numbers (batch, seq) or have no tokens, when rows
    look padded and there is no `seen` or it does not fit, when `max_new_tokens` is below 0 or
    `context` below 1, when a cache has read everything or would have to slide, and when logits or
    picks have other axes.
    """
    return torch.cat((ids, *(new[:, None] for new in stream(model, ids, **how))), dim=1)
