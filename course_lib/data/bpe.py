"""Byte-pair encoding: text to tokens by merges that were learned, and back."""

import itertools
from collections.abc import Callable, Iterable
from functools import lru_cache

from course_lib.data.words import words

Pair = tuple[int, int]
# The 256 bytes as GPT-2 numbers them: those first that print as a sign of their own.
_PRINTED = [*range(33, 127), *range(161, 173), *range(174, 256)]
FIRST = bytes([*_PRINTED, *(b for b in range(256) if b not in _PRINTED)])


class BytePairEncoding:
    """A vocabulary of the 256 bytes, one token for each merge, and the special tokens.

    A merge is a pair of ids; the token that it makes has the next free id. Any text has tokens,
    since every byte is one, and `decode` gives it back exactly.

    Raises `ValueError` when a merge names a token that is not made before it, or a special token
    is named twice.

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
            self.ranks[left, right] = len(self.tokens)
            self.tokens.append(self.tokens[left] + self.tokens[right])
        listed = tuple(specials)
        if len(set(listed)) < len(listed):
            raise ValueError(f"a special token is named twice in {', '.join(listed)}")
        self.specials = {name: len(self.tokens) + i for i, name in enumerate(listed)}
        self.split = split
        self._word = lru_cache(maxsize=1 << 16)(self._merged)

    def __len__(self) -> int:
        return len(self.tokens) + len(self.specials)

    def encode(self, text: str) -> list[int]:
        """The ids of a text. A special token's name is text like any other."""
        return [i for word in self.split(text) for i in self._word(word)]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these ids, specials by name; bytes that are no UTF-8 become "�".

        Raises `ValueError` for an id outside the vocabulary.
        """
        names = {i: name.encode() for name, i in self.specials.items()}
        parts = []
        for i in map(int, ids):
            if not 0 <= i < len(self):
                raise ValueError(f"ids must be 0 to {len(self) - 1}, got {i}")
            parts.append(names.get(i) or self.tokens[i])
        whole = b"".join(parts)
        try:
            return whole.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return whole.decode("utf-8", "replace")

    def _merged(self, word: str) -> tuple[int, ...]:
        """Join the pair that was learned first, again and again, until none is known."""
        ids = [FIRST.index(b) for b in word.encode("utf-8", "surrogatepass")]
        while len(ids) > 1:
            pairs = list(itertools.pairwise(ids))
            best = min(pairs, key=lambda pair: self.ranks.get(pair, len(self.tokens)))
            if best not in self.ranks:
                break
            ids = joined(ids, best, self.ranks[best])
        return tuple(ids)


def joined(ids: list[int], pair: Pair, token: int) -> list[int]:
    """The ids with `token` for each occurrence of the pair, from the left."""
    made, i = [], 0
    while i < len(ids):
        here = tuple(ids[i : i + 2]) == pair
        made.append(token if here else ids[i])
        i += 2 if here else 1
    return made
