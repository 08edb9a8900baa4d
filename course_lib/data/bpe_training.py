"""Byte-pair encoding learned from text: the commonest pair of neighbours becomes a token."""

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from course_lib.data.bpe import FIRST, Pair, joined
from course_lib.data.words import words


def train_bpe(
    texts: str | Iterable[str],
    vocab_size: int,
    split: Callable[[str], list[str]] = words,
) -> list[Pair]:
    """Return the merges that make a vocabulary of `vocab_size` from the 256 bytes, in order.

        repeat: count neighbours within words -> the commonest pair becomes a new token

    Of equally common pairs the one with the smaller ids goes first. There are fewer merges when
    every word has become one token.

    Raises `ValueError` when `vocab_size` is below 256.

    Source: Sennrich et al. 2016, section 3.2 (arXiv:1508.07909); on bytes: Radford et al. 2019.
    """
    if vocab_size < len(FIRST):
        raise ValueError(f"the {len(FIRST)} bytes are in every vocabulary, got {vocab_size=}")
    found = Counter(w for text in _listed(texts) for w in split(text))
    table = _Pairs({tuple(map(FIRST.index, _bytes(w))): n for w, n in found.items()})
    merges: list[Pair] = []
    while len(merges) < vocab_size - len(FIRST) and (pair := table.commonest()):
        table.merge(pair, len(FIRST) + len(merges))
        merges.append(pair)
    return merges


class _Pairs:
    """How often each pair of neighbours occurs, kept up to date while words are merged."""

    def __init__(self, counted: dict[tuple[int, ...], int]):
        self.words, self.times = list(map(list, counted)), list(counted.values())
        self.counts: Counter[Pair] = Counter()
        self.where: defaultdict[Pair, set[int]] = defaultdict(set)
        for number in range(len(self.words)):
            self._add(number, 1)
        self.heap = [(-n, pair) for pair, n in self.counts.items()]
        heapq.heapify(self.heap)

    def commonest(self) -> Pair | None:
        """The pair that occurs most; None when there is none left."""
        while self.heap:
            count, pair = heapq.heappop(self.heap)
            if -count == self.counts[pair] > 0:  # else it changed since: there is a later entry
                return pair
        return None

    def merge(self, pair: Pair, token: int) -> None:
        """Write `token` for the pair, in every word that has it."""
        touched: set[Pair] = set()
        for number in sorted(self.where[pair]):
            touched.update(self._add(number, -1))
            self.words[number] = joined(self.words[number], pair, token)
            touched.update(self._add(number, 1))
        for each in touched:
            heapq.heappush(self.heap, (-self.counts[each], each))

    def _add(self, number: int, sign: int) -> list[Pair]:
        word, times = self.words[number], self.times[number]
        pairs = list(itertools.pairwise(word))
        for pair in pairs:
            self.counts[pair] += sign * times
            (self.where[pair].add if sign > 0 else self.where[pair].discard)(number)
        return pairs


def _listed(texts: str | Iterable[str]) -> Iterable[str]:
    return [texts] if isinstance(texts, str) else texts


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")
