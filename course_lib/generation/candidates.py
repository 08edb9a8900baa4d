"""The bookkeeping of a beam search: which beginnings go on, which have ended, when all is over."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

NEVER = float("-inf")  # the score of a beginning that there is not


class Beams(NamedTuple):
    """Sequences of each row, the best first, and their scores."""

    ids: Int[Tensor, "batch beams seq"]
    scores: Float[Tensor, "batch beams"]


def power_penalty(length: int, alpha: float | int = 1.0) -> float | int:
    """Divide a sum of log probabilities by a power of the length: Hugging Face's `length_penalty`.

        penalty = length^alpha

    0 gives the sum itself, which favours the short, 1 the mean of each token.
    """
    return length**alpha


def wu_penalty(length: int, alpha: float | int = 0.6) -> float | int:
    """Divide by a power of the length, five tokens later: the first tokens matter less.

        penalty = (5 + length)^alpha / (5 + 1)^alpha

    Source: Wu et al. 2016, eq. 14 (arXiv:1609.08144); the 0.6: Vaswani et al. 2017, section 6.1.
    """
    return ((5 + length) / (5 + 1)) ** alpha


class Search:
    """Beginnings that go on, and sequences that have ended, of each row the best `num_beams`.

    Of each row's `2 num_beams` best continuations those that don't end go on, and those that end
    are kept if they are among the first `num_beams`. A row is settled when the best that goes on
    can't enter its kept ones any more (`early_stopping=False`: as if it ended now; "never": at the
    length that favours it most); `early_stopping=True` ends it when `num_beams` are kept.
    """

    def __init__(
        self,
        ids: Int[Tensor, "batch seq"],
        num_beams: int,
        max_new_tokens: int,
        *,
        end_id: int | None = None,
        pad_id: int | None = None,
        penalty: Callable[[int], float | int] = power_penalty,
        early_stopping: bool | str = False,
    ):
        _check(num_beams, max_new_tokens, early_stopping)
        self.num_beams, self.max_new_tokens = num_beams, max_new_tokens
        self.end_id, self.penalty, self.early_stopping = end_id, penalty, early_stopping
        batch, seq = ids.shape
        self.prompt, self.written = seq, 0
        fill = next(x for x in (pad_id, end_id, 0) if x is not None)
        full = ids.new_full((batch, num_beams, seq + max_new_tokens), fill)
        full[:, :, :seq] = ids[:, None]
        self.ids, self.done_ids, self.done_lengths = full, full.clone(), full[..., 0] * 0
        self.done_scores = torch.full(full.shape[:2], NEVER, device=ids.device)
        self.scores = self.done_scores.clone()
        self.scores[:, 0] = 0.0  # all begin alike: one of them is enough
        self.open = torch.ones_like(ids[:, 0], dtype=torch.bool)

    @property
    def running(self) -> Beams:
        """The beginnings that go on, with the sums of their log probabilities."""
        return Beams(self.ids[:, :, : self.prompt + self.written], self.scores)

    @property
    def done(self) -> Beams:
        """What has ended so far; where fewer have, a score of -inf."""
        lengths = self.done_lengths[self.done_scores > NEVER]
        longest = int(lengths.max()) if len(lengths) else 0
        return Beams(self.done_ids[:, :, : self.prompt + longest], self.done_scores)

    @property
    def over(self) -> bool:
        """Can nothing change any more?"""
        full = self.early_stopping is True and bool((self.done_scores > NEVER).all())
        return full or self.written == self.max_new_tokens or not bool(self.open.any())

    def step(self, log_probs: Float[Tensor, "rows vocab"]) -> Int[Tensor, " rows"]:
        """Go on by one token, likely by `log_probs`; return the row that each beam comes from."""
        batch, vocab = len(self.ids), log_probs.shape[-1]
        log_probs = log_probs.reshape(batch, self.num_beams, vocab)
        totals = (self.scores[..., None] + log_probs).flatten(1)
        best, index = totals.topk(min(2 * self.num_beams, totals.shape[1]))
        parents = index // vocab
        ids = _rows_of(self.ids, parents)
        ids[:, :, self.prompt + self.written] = index % vocab
        self.written += 1
        ends = self._ends(index % vocab)
        self._keep(ids, best, ends)
        goes_on = ends.int().sort(dim=1, stable=True).indices[:, : self.num_beams]
        self.ids, parents = _rows_of(ids, goes_on), parents.gather(1, goes_on)
        self.scores = best.masked_fill(ends, NEVER).gather(1, goes_on)
        self.open = self.open & (self._hope() > self.done_scores.amin(dim=1))
        first = torch.arange(batch, device=ids.device)[:, None] * self.num_beams
        return (first + parents).flatten()

    def _ends(self, tokens: Tensor) -> Bool[Tensor, "batch found"]:
        if self.written == self.max_new_tokens:
            return torch.ones_like(tokens, dtype=torch.bool)
        return tokens == self.end_id if self.end_id is not None else tokens < 0

    def _keep(self, ids: Tensor, totals: Tensor, ends: Tensor) -> None:
        """Put what ends among the kept ones of its row, the best first."""
        closed = ~self.open
        if self.early_stopping is True:
            closed = closed | (self.done_scores > NEVER).all(dim=1)
        among_first = torch.arange(ends.shape[1], device=ids.device) < self.num_beams
        scores = totals / self.penalty(self.written)
        scores = scores.masked_fill(~(ends & among_first) | closed[:, None], NEVER)
        scores = torch.cat((self.done_scores, scores), dim=1)
        self.done_scores, kept = scores.topk(self.num_beams)
        self.done_ids = _rows_of(torch.cat((self.done_ids, ids), dim=1), kept)
        lengths = torch.full_like(ids[..., 0], self.written)
        self.done_lengths = torch.cat((self.done_lengths, lengths), dim=1).gather(1, kept)

    def _hope(self) -> Float[Tensor, " batch"]:
        """The best score that a beginning may still reach."""
        best = self.scores[:, 0]
        now = best / self.penalty(self.written)
        if self.early_stopping != "never":
            return now
        return torch.maximum(now, best / self.penalty(self.max_new_tokens))


def _rows_of(ids: Int[Tensor, "batch beams seq"], beams: Int[Tensor, "batch some"]) -> Tensor:
    return ids.gather(1, beams[..., None].expand(-1, -1, ids.shape[-1]))


def _check(num_beams: int, max_new_tokens: int, early_stopping: bool | str) -> None:
    if num_beams < 1 or max_new_tokens < 1:
        raise ValueError(f"need a beam and a token at least, got {num_beams=}, {max_new_tokens=}")
    if not (isinstance(early_stopping, bool) or early_stopping == "never"):
        raise ValueError(f"early_stopping is False, True or 'never', got {early_stopping!r}")
