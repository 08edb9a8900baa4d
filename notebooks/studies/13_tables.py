"""Guessing the next letter without a network: tables that count, and programs that compress."""

import bz2
import gzip
import lzma
from pathlib import Path

import torch

from course_lib.data.corpora import shakespeare
from course_lib.studies import write_record

SEEDS = (0, 1, 2)  # which part of the text is read, and the dice of what is written
READ = (140_800, 563_200, 2_252_800)  # letters, as many as 13_letters' models; and the whole
TRAIN, DEVELOP = 0.9, 0.95  # of the text; what is left is the test
BASE = KINDS = 80  # as many as there are letters; of nine, a number still fits 64 bits
PIECES, LONG = (0, 80_000, 160_000), 300  # of the test: where the chapter's pieces start, how long
LENGTHS = range(5, 9)  # of the groups of letters, the asked one included: chosen on develop


def text_ids():
    """The plays as text, and as three tensors of ids: learn, develop, test."""
    plays = shakespeare()
    number = {letter: i for i, letter in enumerate(sorted(set(plays)))}
    ids = torch.tensor([number[letter] for letter in plays])
    cuts = int(TRAIN * len(ids)), int(DEVELOP * len(ids))
    return plays, ids[: cuts[0]], ids[cuts[0] : cuts[1]], ids[cuts[1] :]


def groups(ids, n):
    """Each n letters in a row as one number."""
    return sum(ids[i : len(ids) - n + 1 + i] * BASE ** (n - 1 - i) for i in range(n))


def found_in(kinds, values, asked):
    """The values of the groups in `asked`, 0 for one that is not there; `kinds` is sorted."""
    at = torch.searchsorted(kinds, asked).clamp(max=len(kinds) - 1)
    return torch.where(kinds[at] == asked, values[at], 0)


class Table:
    """Modified Kneser–Ney: each count gives a little to the next shorter past.

    The longest past counts how often a letter came; a shorter one, behind how many different
    letters it did. How much is given hangs on the count (1, 2, more), by Chen and Goodman's rule.
    Source: Chen and Goodman 1999, section 3.
    """

    def __init__(self, ids, longest):
        self.longest, self.levels = longest, []
        kinds = groups(ids, longest)
        for n in range(longest, 0, -1):  # below the longest: one for each letter in front
            kinds, counts = (kinds % BASE**n).unique(return_counts=True)
            less = discounts(counts)[counts.clamp(max=3)]
            before, at = (kinds // BASE).unique(return_inverse=True)
            total = torch.zeros_like(before).index_add(0, at, counts)
            given = torch.zeros(len(before), dtype=torch.float64).index_add(0, at, less)
            self.levels.append((n, kinds, counts - less, before, total, given))

    def chances(self, part):
        """The probability of each letter of `part` but the first `longest` - 1."""
        chances = torch.full((len(part) - self.longest + 1,), 1 / KINDS, dtype=torch.float64)
        for n, kinds, kept, before, total, given in reversed(self.levels):
            asked = groups(part, n)[self.longest - n :]
            past = asked // BASE
            of_all = found_in(before, total, past)
            mixed = found_in(kinds, kept, asked) + found_in(before, given, past) * chances
            chances = torch.where(of_all > 0, mixed / of_all.clamp(min=1), chances)
        return chances

    def bits(self, part):
        """Bits for each letter of `part` but the first `longest` - 1."""
        return -self.chances(part).log2()


def discounts(counts):
    """What is taken from a count of 0, 1, 2, more (Chen and Goodman 1999, equation 26)."""
    ones, twos, threes, fours = (float((counts == n).sum()) for n in (1, 2, 3, 4))
    if not (ones and twos and threes and fours):  # single letters: none is that rare
        return torch.tensor([0, 0.5, 0.5, 0.5], dtype=torch.float64)
    y = ones / (ones + 2 * twos)
    taken = [0, 1 - 2 * y * twos / ones, 2 - 3 * y * threes / twos, 3 - 4 * y * fours / threes]
    return torch.tensor(taken, dtype=torch.float64)


def best_table(ids, develop):
    """The table of the length that the development part likes best."""
    return min((Table(ids, n) for n in LENGTHS), key=lambda one: one.bits(develop).mean().item())


@torch.no_grad()
def written(table, letters, seed, start="ROMEO:\n", more=250):
    """What a table writes: each letter drawn by its probabilities."""
    dice, number = torch.Generator().manual_seed(seed), {x: i for i, x in enumerate(letters)}
    ids = torch.tensor([number[letter] for letter in start])
    for _ in range(more):
        past = torch.full((len(letters), table.longest), 0)  # every letter tried behind the past
        past[:, :-1] = ids[-table.longest + 1 :]
        past[:, -1] = torch.arange(len(letters))
        chances = table.chances(past.flatten())[:: table.longest]
        ids = torch.cat([ids, torch.multinomial(chances, 1, generator=dice)])
    return "".join(letters[i] for i in ids)


def compressed(plays):
    """Bits for each letter of the test: by itself, and behind the text that was learned from."""
    cuts = int(TRAIN * len(plays)), int(DEVELOP * len(plays))
    learn, test = (text.encode() for text in (plays[: cuts[0]], plays[cuts[1] :]))
    letters, found = len(plays) - cuts[1], {}
    for name, squeeze in (("gzip", gzip.compress), ("bz2", bz2.compress), ("lzma", lzma.compress)):
        alone = len(squeeze(test))
        behind = len(squeeze(learn + test)) - len(squeeze(learn))
        found[name] = {"alone": 8 * alone / letters, "behind": 8 * behind / letters}
    return found


def parts(learn, size):
    """A part of the text for each seed: they begin as far from each other as they can."""
    starts = [seed * (len(learn) - size) // (len(SEEDS) - 1) for seed in SEEDS]
    return [learn[start : start + size] for start in starts]


def by_pieces(table, before, test):
    """Bits for each letter of each piece; the table also sees the few letters in front of it."""
    ids, seen = torch.cat([before, test]), table.longest - 1
    starts = [len(before) - seen + piece for piece in PIECES]
    return [table.bits(ids[at : at + seen + LONG]).mean().item() for at in starts]


def run():
    """The best table for each number of letters read, on the test; and what compresses it."""
    plays, learn, develop, test = text_ids()
    letters, bits = sorted(set(plays)), {}
    for size in READ:
        tables = [best_table(part, develop) for part in parts(learn, size)]
        bits[size] = [table.bits(test).mean().item() for table in tables]
    by_length = {n - 1: Table(learn, n).bits(test).mean().item() for n in range(1, 10)}
    whole = best_table(learn, develop)
    bits[len(learn)] = [whole.bits(test).mean().item()]
    texts = [written(whole, letters, seed) for seed in SEEDS]
    return {
        "bits": bits,
        "known": whole.longest - 1,
        "by letters known": by_length,
        "pieces": by_pieces(whole, develop, test),
        "texts": texts,
        "compressed": compressed(plays),
    }


def first_steps():
    """Bits of the first letters of the test by small tables."""
    _, learn, _, test = text_ids()
    tables = [Table(learn[:20_000], n) for n in (3, 6)]
    return {"bits": [table.bits(test[:2000]).mean().item() for table in tables]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
