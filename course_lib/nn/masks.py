"""Masks. One convention everywhere: bool, True = this query may look at this key."""

from collections.abc import Callable

from jaxtyping import Bool, Int
from torch import Tensor, arange
from torch import bool as boolean

# A mask is (query, key), or has one axis (of size 1 or full) for each axis of the scores:
# (batch, heads, query, key). Not a jaxtyping shape, because `check_mask` explains more.
# Modules also take a rule that makes one, called as `causal_mask` is.
Mask = Tensor | Callable[..., Tensor]


def causal_mask(
    n_query: int, n_key: int | None = None, window: int | None = None, *, device=None
) -> Bool[Tensor, "{n_query} key"]:
    """Let each query see itself and the past, at most `window` keys including itself.

        mask[i, j] = (j <= p) and (p - j < window),   p = i + n_key - n_query

    The queries are the *last* `n_query` of the `n_key` positions (bottom-right alignment), so
    one call serves training (n_query == n_key) and cached decoding (n_query == 1).

    Raises `ValueError` when there are more queries than keys, or when `window` is below 1.

    Source: Vaswani et al. 2017, section 3.2.3 (arXiv:1706.03762); the window: Beltagy et al.
    2020, section 3.1 (arXiv:2004.05150).
    """
    n_key = n_query if n_key is None else n_key
    if not 0 <= n_query <= n_key:
        raise ValueError(f"the queries are the last of the keys, got {n_query=}, {n_key=}")
    if window is not None and window < 1:
        raise ValueError(f"a query sees at least itself: window must be 1 or more, got {window=}")
    query = arange(n_key - n_query, n_key, device=device)[:, None]
    key = arange(n_key, device=device)[None, :]
    allowed = key <= query
    return allowed if window is None else allowed & (query - key < window)


def padding_mask(ids: Int[Tensor, "batch key"], pad_id: int) -> Bool[Tensor, "batch 1 1 key"]:
    """Let every query of a sequence see the tokens that are not padding, wherever they stand.

        mask[b, 0, 0, j] = ids[b, j] != pad_id

    The two axes of size 1 stand for heads and queries: padding is a matter of the key alone.

    Raises `ValueError` when `ids` is not (batch, key).
    """
    if ids.ndim != 2:
        raise ValueError(f"ids must be (batch, key), got shape {tuple(ids.shape)}")
    return (ids != pad_id)[:, None, None, :]


def combine_masks(*masks: Tensor | None) -> Tensor | None:
    """Let a query look only where every mask lets it look; their axes broadcast.

    None hides nothing and is passed by; of nothing but None comes None.

    Raises `ValueError` when there is no mask, when one is not bool, or when two don't fit.
    """
    if not masks:
        raise ValueError("combine_masks needs at least one mask, got none")
    combined = None
    for mask in masks:
        if mask is None:
            continue
        _require_bool(mask)
        if combined is not None and not _broadcast(mask.shape, combined.shape):
            shapes = ", ".join(str(tuple(each.shape)) for each in masks if each is not None)
            raise ValueError(f"these masks don't fit together: {shapes}")
        combined = mask if combined is None else combined & mask
    return combined


def mask_for(mask: Mask | None, query: Tensor, key: Tensor) -> Tensor | None:
    """Return the mask for these queries and keys, (…, seq, d_head): a rule makes its own.

    A mask made here gets axes for batch and heads, so nobody takes its first axis for the batch.
    """
    if mask is None or isinstance(mask, Tensor):
        return mask
    made = mask(query.shape[-2], key.shape[-2], device=query.device)
    return made[None, None] if made.ndim == 2 else made


def check_mask(mask: Tensor, scores_shape: tuple[int, ...]) -> None:
    """Say what is wrong with a mask for scores of this shape, (query, key) last.

    Three axes for four are refused on purpose: (batch, query, key) would be read as
    (heads, query, key), which gives wrong numbers and no error when the sizes agree. So are two
    when there are as many sequences as queries: the mask could be (batch, key).

    Raises `ValueError` when the mask is not bool, or has axes or sizes that don't fit.
    """
    _require_bool(mask)
    shape, wanted = tuple(mask.shape), tuple(scores_shape)
    if len(shape) not in (2, len(wanted)):
        raise ValueError(
            f"mask must be (query, key) or have one axis for each of the scores' axes: "
            f"got {len(shape)} axes {shape} for scores {wanted}"
        )
    if any(size not in (1, full) for size, full in zip(shape[::-1], wanted[::-1], strict=False)):
        padding = ", ".join(["batch", *["1"] * (len(wanted) - 2), "key"])
        raise ValueError(
            f"mask {shape} does not broadcast to scores {wanted}, whose last axes are (query, "
            f"key); a padding mask needs ({padding})"
        )
    if len(wanted) == 4 and len(shape) == 2 and shape[0] == wanted[0] > 1:
        raise ValueError(
            f"mask {shape} may be (query, key) or (batch, key), as {wanted[0]} sequences have "
            f"{wanted[2]} queries each: write mask[None, None] for the first, "
            "mask[:, None, None] for the second, or hand in a rule, mask=causal_mask"
        )


def check_padding(mask: Tensor, ids: Int[Tensor, "batch key"]) -> Bool[Tensor, "batch 1 1 key"]:
    """Return a model's padding mask if it is one for these ids; all four axes are asked for.

    Raises `ValueError` when the mask is not bool or not (batch, 1, 1, key): a (batch, key) mask
    would be read as (query, key) when the sizes agree.
    """
    _require_bool(mask)
    wanted = (ids.shape[0], 1, 1, ids.shape[-1])
    if tuple(mask.shape) != wanted:
        raise ValueError(
            f"need a padding mask (batch, 1, 1, key) = {wanted}, got {tuple(mask.shape)}"
        )
    return mask


def _require_bool(mask: Tensor) -> None:
    if not isinstance(mask, Tensor):
        raise ValueError(f"a mask must be a tensor, got {mask}: call a rule with its sizes")
    if mask.dtype != boolean:
        raise ValueError(f"mask must be bool, True = may look; got {mask.dtype}")


def _broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    sizes = zip(one[::-1], other[::-1], strict=False)
    return all(a == b or 1 in (a, b) for a, b in sizes)
