"""What a value is called in a message: its shape, its type, how many it holds and which."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .frames import foreign_kind
from .outcome import ITSELF

SHOWN = 3
SHAPE = 5  # lengths, shown in full
LONG, AROUND = 40, 12  # signs of a text that isn't read at one look, and of what is shown of it


def kind(value: Any) -> str:
    """Such as `a tensor of shape (2, 3)`, `0.5 (float)` or `2 results`."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, list | tuple):
        return f"{len(value)} result{'' if len(value) == 1 else 's'}"
    if isinstance(value, bool | int | float | str | type(None)):
        return value if value == ITSELF else f"{value!r} ({type(value).__name__})"
    return with_article(foreign_kind(value))


def wanted(value: Any) -> str:
    """The kind of what is right; a few whole numbers, as of a shape, in full."""
    few = isinstance(value, list | tuple) and 1 < len(value) <= SHAPE
    whole = few and all(type(each) is int for each in value)
    return f"{kind(value)}, {value}" if whole else kind(value)


def with_article(word: str) -> str:
    """Such as `an AssertionError` or `a ValueError`."""
    return f"{'an' if word[:1] in 'aeioAEIO' else 'a'} {word}"


def contents(values: Sequence) -> str:
    """` (0.5, a list of 3, shape (2, 3), …)`: the first that a list or tuple holds."""
    told = [_short(value) for value in values[:SHOWN]] + ["…"] * (len(values) > SHOWN)
    return f" ({', '.join(told)})" if told else ""


def found_kind(value: Any) -> str:
    """The kind of what an answer gave; of a list or tuple also what it holds."""
    return kind(value) + (contents(value) if isinstance(value, list | tuple) else "")


def parting(expected: str, found: str) -> tuple[str, ...]:
    """Where two long texts part, with what stands there."""
    pairs = enumerate(zip(expected, found, strict=False))
    end = min(len(expected), len(found))
    place = next((i for i, (a, b) in pairs if a != b), end)
    if max(len(expected), len(found)) <= LONG:
        return ()
    shown = [text[place : place + AROUND] for text in (expected, found)]
    want, got = (repr(text) if text else "its end" for text in shown)
    before = expected[max(0, place - AROUND) : place]
    agree = f"they agree up to {before!r}; then" if place else "at the beginning"
    return (f"{agree} should come {want}, found {got}",)


def _short(value: Any) -> str:
    if isinstance(value, Tensor):
        return (
            f"shape {tuple(value.shape)}" if value.ndim or value.is_meta else f"{value.item():.4g}"
        )
    if isinstance(value, list | tuple):
        return f"a {'list' if isinstance(value, list) else 'tuple'} of {len(value)}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str) and len(value) > 20:
        return repr(value[:20] + "…")
    return repr(value) if isinstance(value, bool | int | str | type(None)) else kind(value)
