"""Masks of more forms: windows to both sides, prefixes, lengths, several texts in one row."""

from collections.abc import Callable
from functools import partial

from jaxtyping import Bool, Int
from torch import Tensor, arange
from torch import bool as boolean

from course_lib.nn.masks import Mask, causal_mask, combine_masks


def window_mask(
    n_query: int, n_key: int | None = None, *, before: int, after: int = 0, device=None
) -> Bool[Tensor, "{n_query} key"]:
    """Let each query see itself, `before` keys on its left and `after` on its right.

        mask[i, j] = -before <= j - p <= after,   p = i + n_key - n_query

    The queries are the last of the keys, as in `causal_mask`, whose `window` also counts the
    query itself.

    Raises `ValueError` when there are more queries than keys, or when a side is below 0.

    Source: Beltagy et al. 2020, section 3.1 (arXiv:2004.05150).
    """
    if min(before, after) < 0:
        raise ValueError(f"a query sees at least itself, got {before=}, {after=}")
    n_key = n_query if n_key is None else n_key
    if not 0 <= n_query <= n_key:
        raise ValueError(f"the queries are the last of the keys, got {n_query=}, {n_key=}")
    query = arange(n_key - n_query, n_key, device=device)[:, None]
    distance = arange(n_key, device=device)[None, :] - query
    return (distance >= -before) & (distance <= after)


def prefix_mask(
    n_query: int, n_key: int | None = None, *, prefix: int, device=None
) -> Bool[Tensor, "{n_query} key"]:
    """Let every query see the first `prefix` keys, and of the others itself and the past.

        mask[i, j] = (j < prefix) or (j <= p),   p = i + n_key - n_query

    Raises `ValueError` as `causal_mask` does, and when `prefix` is below 0.

    Source: Raffel et al. 2019, section 3.2.1 (arXiv:1910.10683).
    """
    if prefix < 0:
        raise ValueError(f"a prefix has no tokens or more, got {prefix=}")
    past = causal_mask(n_query, n_key, device=device)
    return past | (arange(past.shape[-1], device=device) < prefix)


def length_mask(lengths: Int[Tensor, " batch"], n_key: int) -> Bool[Tensor, "batch 1 1 {n_key}"]:
    """Let every query see the first tokens of its sequence, as many as its length.

        mask[b, 0, 0, j] = j < lengths[b]

    Raises `ValueError` when `lengths` is not (batch,).
    """
    if lengths.ndim != 1:
        raise ValueError(f"lengths must be (batch,), got shape {tuple(lengths.shape)}")
    return (arange(n_key, device=lengths.device) < lengths[:, None])[:, None, None]


def segment_mask(segments: Int[Tensor, "batch seq"]) -> Bool[Tensor, "batch 1 seq seq"]:
    """Let tokens see those of their own text, where several texts stand in one row.

        mask[b, 0, i, j] = segments[b, i] == segments[b, j]

    Combine it with `causal_mask`, and give each text its own `places`.

    Raises `ValueError` when `segments` is not (batch, seq).
    """
    if segments.ndim != 2:
        raise ValueError(f"segments must be (batch, seq), got shape {tuple(segments.shape)}")
    return (segments[:, :, None] == segments[:, None, :])[:, None]


def hide_unseen(rule: Callable[..., Tensor], seen: Bool[Tensor, "batch key"]) -> Callable:
    """Make a rule of a rule: what it allows, without the keys that are padding.

        mask[b, 0, i, j] = rule[i, j] and seen[b, j]

    `seen` is True for tokens and False for padding. Asked for fewer keys it takes the last of
    them, so it also serves a cache with a window, which has dropped the first.

    Raises `ValueError` when `seen` is not a bool (batch, key), or when asked for more keys.
    """
    if seen.ndim != 2 or seen.dtype != boolean:
        raise ValueError(f"seen must be bool (batch, key), got {seen.dtype} {tuple(seen.shape)}")

    def made(n_query: int, n_key: int | None = None, *, device=None) -> Tensor:
        n_key = n_query if n_key is None else n_key
        hidden = seen.shape[1] - n_key
        if hidden < 0:
            raise ValueError(f"seen tells of {seen.shape[1]} keys, asked for {n_key}")
        return rule(n_query, n_key, device=device) & seen[:, None, None, hidden:]

    return made


def within_window(mask: Mask | None, window: int, n_query: int) -> Mask:
    """Narrow a mask, or a rule that makes one, to `window` keys up to each query; None is causal.

        mask[…, i, j] and (p - j < window),   p = i + n_key - n_query

    A tensor is one for `n_query` queries.

    Raises `ValueError` when `window` is below 1, and for masks that don't fit.
    """
    if window < 1:
        raise ValueError(f"a query sees at least itself: window must be 1 or more, got {window=}")
    if mask is None or mask is causal_mask:
        return partial(causal_mask, window=window)

    def near(n_query: int, n_key: int, device=None) -> Tensor:
        return window_mask(n_query, n_key, before=window - 1, after=n_key, device=device)

    if isinstance(mask, Tensor):
        return combine_masks(mask, near(n_query, mask.shape[-1], mask.device))
    return lambda *sizes, device=None: mask(*sizes, device=device) & near(*sizes, device)
