"""A model as the loops use it: the scores of each row's next token, whatever it needs for them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course_lib.generation.rows import check_rows, check_seen
from course_lib.nn.mask_forms import hide_unseen
from course_lib.nn.masks import causal_mask
from course_lib.nn.modes import evaluating


class Scorer:
    """Score the token after the last of each row; `generate` says what the arguments are.

    Raises `ValueError` when ids are not whole numbers (batch, seq) or have no tokens, when rows
    look padded and there is no `seen` or it does not fit, when `max_new_tokens` is below 0 or
    `context` below 1, and when a cache has read everything or would have to slide.
    """

    def __init__(
        self,
        model: Callable[..., Tensor],
        ids: Int[Tensor, "batch seq"],
        max_new_tokens: int,
        *,
        pad_id: int | None = None,
        seen: Bool[Tensor, "batch seq"] | None = None,
        mask: Callable[..., Tensor] | None = None,
        context: int | None = None,
        cache: Any = None,
    ):
        check_rows(ids)
        check_seen(seen, ids, pad_id)
        if max_new_tokens < 0:
            raise ValueError(f"can't write fewer than no tokens, got {max_new_tokens=}")
        _check_room(ids.shape[1], max_new_tokens, context, cache)
        self.model, self.seen, self.mask = model, seen, mask
        self.context, self.cache = context, cache

    @torch.no_grad()  # here, since a generator's own would depend on who wraps it
    def __call__(self, ids: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch vocab"]:
        """Return the scores; the model gets a mask and places only for rows that are padded.

        Raises `ValueError` when the model's logits are not (batch, seq, vocab).
        """
        given, seen = {"mask": self.mask, "cache": self.cache}, self._seen(ids)
        if self.context is not None:
            ids, seen = ids[:, -self.context :], None if seen is None else seen[:, -self.context :]
        if seen is not None:
            given["mask"] = hide_unseen(self.mask or causal_mask, seen)
            given["places"] = (seen.cumsum(dim=-1) - 1).clamp(min=0)
        logits = self.model(ids, **{name: x for name, x in given.items() if x is not None})
        if not isinstance(logits, Tensor):
            raise ValueError(f"a model must return a tensor of logits, got {type(logits).__name__}")
        if logits.ndim != 3 or len(logits) != len(ids) or not logits.shape[1]:
            wanted = f"({len(ids)}, seq, vocab)"
            raise ValueError(f"a model's logits must be {wanted}, got {tuple(logits.shape)}")
        return logits[:, -1]

    def written(self, ids: Int[Tensor, "batch seq"]) -> Int[Tensor, "batch seq"]:
        """Put each row's last token in place of its padding: nothing that was not written."""
        seen = self._seen(ids)
        return ids if seen is None else ids.where(seen, ids[:, -1:])

    def reorder(self, rows: Int[Tensor, " rows"]) -> None:
        """Let row i go on from row `rows[i]`."""
        self.seen = None if self.seen is None else self.seen[rows]
        if self.cache is not None:
            self.cache.reorder(rows)

    def _seen(self, ids: Tensor) -> Tensor | None:
        if self.seen is None:
            return None
        return F.pad(self.seen, (0, ids.shape[1] - self.seen.shape[1]), value=True)  # all is new


def at_rest(model: Callable) -> AbstractContextManager:
    """Switch a model's dropout off for a while, as `evaluating` does.

    Reaches a module, the owner of a bound method, what a partial is of, and what a callable names
    as its `module`.
    """
    module = _module_of(model)
    return nullcontext() if module is None else evaluating(module)


def _module_of(model: Any) -> nn.Module | None:
    if isinstance(model, nn.Module):
        return model
    if isinstance(model, partial):
        return _module_of(model.func)
    owner = getattr(model, "__self__", getattr(model, "module", None))
    return owner if isinstance(owner, nn.Module) else None


def _check_room(seq: int, max_new_tokens: int, context: int | None, cache: Any) -> None:
    if cache is not None and cache.length >= seq:
        raise ValueError(f"the cache has read {cache.length} tokens, and ids have {seq}: none new")
    if context is None:
        return
    if context < 1:
        raise ValueError(f"a model sees at least one token, got {context=}")
    longest = seq + max_new_tokens - 1
    if cache is not None and longest > context:  # what it keeps was made in its old place
        raise ValueError(
            f"a cache can't slide: {longest} tokens are to be read, and {context=}. Write fewer, "
            "or without a cache; a model with a window of its own takes a cache with a window"
        )
