"""Byte-pair encoding: text to tokens by merges that were learned, and back."""

import heapq
from collections.abc import Callable, Iterable
from functools import lru_cache

from course_lib.data.linked import Linked, Pair
from course_lib.data.specials import listed
from course_lib.data.words import words

# The 256 bytes as GPT-2 numbers them: those first that print as a sign of their own.
_PRINTED = [*range(33, 127), *range(161, 173), *range(174, 256)]
FIRST = bytes([*_PRINTED, *(b for b in range(256) if b not in _PRINTED)])


class BytePairEncoding:
    """A vocabulary of the 256 bytes, one token for each merge, and the special tokens.

    A merge is a pair of ids; the token that it makes has the next free id. Any text has tokens,
    since every byte is one, and `decode` gives it back exactly.

    Raises `ValueError` when a merge names a token that is not made before it, or comes twice, or a
    special token is named twice or not at all.

    Source: Sennrich et al. 2016 (arXiv:1508.07909); Radford et al. 2019, section 2.2.
    """

    def __init__(
        self,
        merges: Iterable[Pair],
        specials: Iterable[str] = (),
        split: Callable[[str], list[str]] = words,
    ):
        self.tokens = [bytes([b]) for b in FIRST]
        self.ranks: dict[Pair, int] = {}
        for left, right in merges:
            if not (0 <= left < len(self.tokens) and 0 <= right < len(self.tokens)):
                told = f"merge {len(self.ranks)} joins {left} and {right}"
                raise ValueError(f"{told}, but only 0 to {len(self.tokens) - 1} are made before it")
            if (left, right) in self.ranks:
                raise ValueError(f"merge {len(self.ranks)} joins {left} and {right} once more")
            self.ranks[left, right] = len(self.tokens)
            self.tokens.append(self.tokens[left] + self.tokens[right])
        self.specials = {name: len(self.tokens) + i for i, name in enumerate(listed(specials))}
        self.split = split
        self._word = lru_cache(maxsize=1 << 16)(self._merged)

    def __reduce__(self) -> tuple:
        """What a copy in another process is made of: all but the words met so far."""
        return type(self), (list(self.ranks), list(self.specials), self.split)

    def __len__(self) -> int:
        return len(self.tokens) + len(self.specials)

    def encode(self, text: str) -> list[int]:
        """The ids of a text. A special token's name is text like any other."""
        return [i for word in self.split(text) for i in self._word(word)]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these ids, specials by name; bytes that are no UTF-8 become "�".

        Raises `ValueError` for an id outside the vocabulary.
        """
        names = {i: name.encode("utf-8", "surrogatepass") for name, i in self.specials.items()}
        parts = []
        for i in map(int, ids):
            if not 0 <= i < len(self):
                raise ValueError(f"ids must be 0 to {len(self) - 1}, got {i}")
            parts.append(names[i] if i in names else self.tokens[i])
        whole = b"".join(parts)
        try:
            return whole.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return whole.decode("utf-8", "replace")

    def _merged(self, word: str) -> tuple[int, ...]:
        """Join the pair that was learned first, leftmost first, until none is known."""
        ids = Linked(map(FIRST.index, word.encode("utf-8", "surrogatepass")))
        known = [(self.ranks[p], i, p) for i, p in ids.pairs() if p in self.ranks]
        heapq.heapify(known)
        while known:
            token, i, pair = heapq.heappop(known)
            if ids.pair(i) == pair:  # else one of them has been joined to another
                ids.join(i, token)
                for near in (ids.before[i], i):
                    if (found := ids.pair(near)) in self.ranks:
                        heapq.heappush(known, (self.ranks[found], near, found))
        return tuple(ids)
