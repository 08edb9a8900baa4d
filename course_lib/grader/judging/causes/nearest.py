"""A known mistake that an answer shares most of: said where none fits on every case.

Somebody who makes a known mistake and one thing more, or who makes it in another way where little
comes in, agrees with it in most of what is wrong, to the last number. That is no guess. Truths and
small counts agree by chance, so only those values tell that few mistakes have, and no count that is
one off.
"""

from collections.abc import Sequence

from torch import Tensor

from ..compare import differences
from ..outcome import Outcome
from ..sheet import Recorded, Sheet
from ..trees import leaves

SHARE = 2 / 3  # of the cases that one of the two has wrong
FEW = 6  # one in six of the mistakes that have a case wrong, or two of them


def nearest(
    sheet: Sheet, found: tuple[Outcome, ...], failing: Sequence[int]
) -> tuple[Recorded, int] | None:
    """The single mistake with most of the failing cases in common, and how many these are."""
    singles, wrong = sheet.singles, sheet.in_values
    alike = [
        {i for i in failing if i in its and _alike(sheet, known, found, i)}
        for known, its in zip(singles, wrong, strict=True)
    ]
    telling = {
        i
        for i in failing
        if sum(i in its for its in alike) <= max(2, sum(i in its for its in wrong) // FEW)
        and not _one_off(sheet.expected[i], found[i])
    }
    best = None
    for known, its, same in zip(singles, wrong, alike, strict=True):
        enough = len(same & telling) > 1 and len(same) >= SHARE * len(its | set(failing))
        if enough and (best is None or len(same) > best[1]):
            best = known, len(same)
    return best


def named(known: Recorded | None) -> dict:
    """What a verdict says of a mistake that fits everywhere."""
    if known is None:
        return {}
    return {"mistake": known.says, "mistake_name": known.name, "hints": known.hints}


def mostly(known: Recorded, same: int, failing: int) -> dict:
    """What a verdict says of it, in a sentence that begins "This is what you get when".

    It bears no name: only an answer that fits everywhere does.
    """
    where = f"{same} of {failing} failing cases" if same < failing else "each failing case"
    return {"mistake": f"{known.says} (so in {where})", "hints": known.hints}


def _alike(sheet: Sheet, known: Recorded, found: tuple[Outcome, ...], i: int) -> bool:
    one, other = known.outcomes[i].bare, found[i].bare
    if one.raised or other.raised:
        return False
    return not differences(one, other, sheet.terms[i]) and not _lost(other)


def _one_off(want: Outcome, got: Outcome) -> bool:
    """Is all that is wrong a whole number next to the right one?"""
    pairs = zip(leaves(want.values), leaves(got.values), strict=False)
    return all(type(a) is type(b) is int and abs(a - b) <= 1 for a, b in pairs)


def _lost(outcome: Outcome) -> bool:
    """Is there nan in it? That comes from many mistakes, and is the same from all."""
    tensors = [x for x in leaves(list(outcome.values)) if isinstance(x, Tensor)]
    return any(x.is_floating_point() and bool(x.isnan().any()) for x in tensors)
