"""Which two students' answers share what hardly anybody else wrote. Never a verdict.

Answers to one small exercise are alike because the exercise is small. So what counts is not how
much two answers share but how rare it is: a statement that half the class wrote says nothing, one
that only these two wrote says much. What the course itself shows counts for nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .normal import Piece

NEAR = 0.9  # how alike two statements are that count as one
USUAL = 0.1  # a student's likeness to the nearest tenth of the class is their usual one
CHANCE = 1 / 500  # of naming anybody, were a class's statements written independently
HALF = 0.5  # a person who was not asked: no share is ever nothing
LACKING = 4.0  # bits against, for a piece that the other has not
BLOCK = 500


@dataclass(frozen=True)
class Pair:
    """Two students: what they share in bits, exercise by exercise, and how far that is unusual."""

    one: str
    other: str
    bits: dict[str, float]
    beyond: float  # the bits above what either shares with the nearest of the rest
    needed: float  # so many are needed to be named

    @property
    def clear(self) -> bool:
        """Is it twice as much as is needed?"""
        return self.beyond >= 2 * self.needed


def alike(
    answers: Mapping[str, Mapping[str, Sequence[Piece]]],
    given: Mapping[str, Sequence[Piece]],
) -> list[Pair]:
    """The pairs that stand out from their class, the most unusual first.

    `answers` holds pieces by exercise and student, `given` what the course shows by exercise.
    """
    names = sorted({student for own in answers.values() for student in own})
    if len(names) < 3:
        return []
    place = {name: i for i, name in enumerate(names)}
    shared = {}
    for id, own in answers.items():
        students = sorted(own)
        table = shared_bits([own[s] for s in students], given.get(id, ()))
        shared[id] = np.zeros((len(names), len(names)))
        rows = [place[s] for s in students]
        shared[id][np.ix_(rows, rows)] = table
    beyond = unusual(sum(shared.values()))
    needed = np.log2(len(names) * (len(names) - 1) / 2 / CHANCE)
    ones, others = np.nonzero(np.triu(beyond, 1) >= needed)
    found = []
    for i, j in zip(ones, others, strict=True):
        bits = {id: float(t[i, j]) for id, t in shared.items() if t[i, j] > 0}
        bits = dict(sorted(bits.items(), key=lambda entry: -entry[1]))
        found.append(Pair(names[i], names[j], bits, float(beyond[i, j]), float(needed)))
    return sorted(found, key=lambda pair: -pair.beyond)


def shared_lines(
    one: Sequence[Piece],
    other: Sequence[Piece],
    rest: Sequence[Sequence[Piece]],
    given: Sequence[Piece],
) -> list[tuple[Piece, Piece, int]]:
    """What two answers share and the course doesn't show, and how many of the rest wrote it too."""
    near = Nearness([piece.tokens for piece in one])
    shown = near.to([piece.tokens for piece in given])
    wrote = sum((near.to([p.tokens for p in own]) for own in rest), np.zeros(len(one), dtype=int))
    theirs = Nearness([piece.tokens for piece in other])
    matched = []
    for piece, is_shown, others in zip(one, shown, wrote, strict=True):
        same = theirs.to([piece.tokens])
        if same.any() and not is_shown:
            matched.append((piece, other[int(same.argmax())], int(others)))
    return matched


def shared_bits(answers: Sequence[Sequence[Piece]], given: Sequence[Piece]) -> np.ndarray:
    """How surprising it is, in bits, that two answers share what they share: (student, student)."""
    count, known = len(answers), {}
    for own in answers:
        for piece in own:
            known.setdefault(piece.tokens, len(known))
    if count < 3 or not known:
        return np.zeros((count, count))
    near = Nearness([*known])
    writers = np.zeros((len(known), count), dtype=bool)
    for student, own in enumerate(answers):
        writers[[known[piece.tokens] for piece in own], student] = True
    has = near.join(writers)
    shown = near.to([piece.tokens for piece in given])
    table = np.zeros((count, count))
    for student, own in enumerate(answers):
        kept = sorted({known[p.tokens] for p in own if not shown[known[p.tokens]]})
        if kept:
            table[student] = _chain(has[kept], student)
    table = np.minimum(table, table.T)
    np.fill_diagonal(table, 0)
    return table


def _chain(has: np.ndarray, student: int) -> np.ndarray:
    """Bits that one student's pieces, (piece, student), tell about each other student.

    Statements come in company: who computes the mean also computes the variance. So each piece is
    counted given the pieces before it: of those others who wrote them too, how many wrote this one?
    When nobody else is left, a piece counts two bits. One that the other lacks speaks against.
    """
    count = has.shape[1]
    having = np.ones((count, count), dtype=bool)  # row: the pair's other; who has all so far
    bits = np.zeros(count)
    for piece in has[np.argsort(-has.sum(1), kind="stable")]:
        rows = np.flatnonzero(piece & (np.arange(count) != student))
        before = having[rows].sum(1) - 2  # without the two themselves
        having[rows] &= piece
        after = having[rows].sum(1) - 2
        bits[rows] -= np.log2((after + HALF) / (before + 2))
        bits[~piece] -= LACKING
    return bits.clip(0)


def unusual(total: np.ndarray) -> np.ndarray:
    """Bits above what either of two students shares with the nearest tenth of all others."""
    count = len(total)
    others = total[~np.eye(count, dtype=bool)].reshape(count, count - 1)
    ranked = -np.sort(-others, axis=1)
    at = int(USUAL * (count - 2))
    # A pair is not measured by its own likeness: where it is among the nearest, one further.
    among = total >= ranked[:, [at]]
    usual = np.where(among, ranked[:, [min(at + 1, count - 2)]], ranked[:, [at]])
    return total - np.maximum(usual, usual.T)


class Nearness:
    """Which of many pieces are nearly the same."""

    def __init__(self, known: list[tuple[str, ...]]) -> None:
        self.letters: dict[str, str] = {}
        self.texts = [self._text(tokens) for tokens in known]

    def _text(self, tokens: Sequence[str]) -> str:
        """A piece as a text with one letter for each token: the library is fastest with texts."""
        first = 0x10000  # beyond the surrogates
        new = (self.letters.setdefault(t, chr(first + len(self.letters))) for t in tokens)
        return "".join(new)

    def join(self, writers: np.ndarray) -> np.ndarray:
        """Who wrote a piece or one near it: (piece, student), from who wrote exactly that piece."""
        blocks = [self.texts[i : i + BLOCK] for i in range(0, len(self.texts), BLOCK)]
        wrote = writers.astype(np.float32)
        return np.concatenate([self._near(block, self.texts) @ wrote > 0 for block in blocks])

    def to(self, pieces: Sequence[tuple[str, ...]]) -> np.ndarray:
        """Which pieces are near any of these."""
        if not pieces or not self.texts:
            return np.zeros(len(self.texts), dtype=bool)
        return self._near(self.texts, [self._text(tokens) for tokens in pieces]).any(1)

    @staticmethod
    def _near(some: list[str], others: list[str]) -> np.ndarray:
        from rapidfuzz.distance import Indel  # an extra: only this report needs it
        from rapidfuzz.process import cdist

        scorer = Indel.normalized_similarity
        likeness = cdist(some, others, scorer=scorer, score_cutoff=NEAR, dtype=np.float32)
        return (likeness > 0).astype(np.float32)
