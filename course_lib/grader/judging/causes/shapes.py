"""What probably made a wrong shape of the right one: one plain sentence, or none."""

from collections.abc import Callable, Sequence

from torch import Tensor


def by_shape(pairs: Sequence[tuple[Tensor, Tensor]]) -> str:
    """Which axis too many or too few makes all wrong shapes of the right ones."""
    shapes = [(tuple(want.shape), tuple(got.shape)) for want, got in pairs]
    if not shapes or any(want == got for want, got in shapes):
        return ""
    return next((told for fits, told in SHAPES if all(fits(*both) for both in shapes)), "")


def _more(few: tuple, many: tuple) -> list[int]:
    """The lengths of the axis that `many` has and `few` hasn't, wherever it may stand."""
    if len(many) != len(few) + 1:
        return []
    return [many[i] for i in range(len(many)) if many[:i] + many[i + 1 :] == few]


def _long(shape: tuple) -> tuple:
    return tuple(n for n in shape if n != 1)


SHAPES: tuple[tuple[Callable[[tuple, tuple], bool], str], ...] = (
    (
        lambda want, got: 1 in _more(want, got),
        "an axis of length 1 is left over: from `keepdim=True`, `unsqueeze` or an index [None]",
    ),
    (
        lambda want, got: len(got) - len(want) > 1 and _long(got) == _long(want),
        "axes of length 1 are left over: from `keepdim=True`, `unsqueeze` or an index [None]",
    ),
    (
        lambda want, got: 1 in _more(got, want),
        "an axis of length 1 is lost: `squeeze` drops it, and so does x[0], but x[:1] keeps it",
    ),
    (
        lambda want, got: len(want) - len(got) > 1 and _long(want) == got,
        "all axes of length 1 are lost: `squeeze` without an axis drops every one of them",
    ),
    (
        lambda want, got: len(want) == 1 and want[0] > 1 and got == want * 2,
        "a column met a row, and each number was combined with each: one axis too many came in",
    ),
    (
        lambda want, got: bool(_more(want, got)),
        "an axis is left over: one to sum, average or pick from, or one that broadcasting made",
    ),
    (
        lambda want, got: bool(_more(got, want)),
        "an axis is lost: summed or averaged away, flattened, or only one part of it comes back",
    ),
    (
        lambda want, got: (
            len(want) == len(got) and all(n in (1, m) for m, n in zip(want, got, strict=True))
        ),
        "an axis has length 1 where it should be longer: it is summed up, or was never widened",
    ),
    (
        lambda want, got: (
            len(want) == len(got)
            and sorted(m - n for m, n in zip(want, got, strict=True)) == [0] * (len(want) - 1) + [1]
        ),
        "an axis is one too short: a loop or a slice leaves one out, often the first or the last",
    ),
)
