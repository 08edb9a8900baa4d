"""Byte-pair encoding learned from text: the commonest pair of neighbours becomes a token."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from course_lib.data.bpe import FIRST
from course_lib.data.linked import GONE, Linked, Pair
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
    """How often each pair of neighbours occurs and where, kept up to date while they are joined."""

    def __init__(self, counted: dict[tuple[int, ...], int]):
        self.row = Linked(x for word in counted for x in (*word, GONE))
        self.times = [n for word, n in counted.items() for _ in (*word, GONE)]
        self.counts: Counter[Pair] = Counter()
        self.where: defaultdict[Pair, set[int]] = defaultdict(set)
        for place in range(len(self.times)):
            self._add(place, 1)
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
        """Write `token` for the pair, wherever it stands."""
        touched: set[Pair | None] = set()
        for i in sorted(self.where[pair]):
            if self.row.pair(i) != pair:  # the place before took its first, as in "aaa"
                continue
            before = self.row.before[i]
            touched.update(self._add(place, -1) for place in (before, i, self.row.after[i]))
            self.row.join(i, token)
            touched.update(self._add(place, 1) for place in (before, i))
        for each in touched - {None}:
            heapq.heappush(self.heap, (-self.counts[each], each))

    def _add(self, place: int, sign: int) -> Pair | None:
        """Count the pair that begins at a place, or count it no more."""
        pair = self.row.pair(place)
        if pair:
            self.counts[pair] += sign * self.times[place]
            (self.where[pair].add if sign > 0 else self.where[pair].discard)(place)
        return pair


def _listed(texts: str | Iterable[str]) -> Iterable[str]:
    return [texts] if isinstance(texts, str) else texts


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")
