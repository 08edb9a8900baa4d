"""What attention is given, checked by its axes: a missing one would give wrong numbers unseen."""

from typing import Any

from torch import Tensor
from torch import bool as boolean


def check_tokens(x: Tensor, d_model: int, name: str = "x") -> None:
    """Say what is wrong with vectors that should be (batch, seq, d_model).

    Raises `ValueError` when an axis is missing, or the width is another.
    """
    shape = tuple(x.shape)
    if x.dtype == boolean:
        raise ValueError(f"{name} is bool {shape}: is it a mask? Hand it in by name, mask=…")
    if len(shape) != 3 or shape[-1] != d_model:
        raise ValueError(f"{name} must be (batch, seq, d_model={d_model}), got {shape}")


def check_looking(query: Tensor, key: Tensor, value: Tensor, d_model: int) -> None:
    """Say what is wrong with three sets of vectors of which the first looks at the others.

    Raises `ValueError` as `check_tokens` does, and when the numbers of sequences differ or not
    every key has its value.
    """
    if query is key is value:
        return check_tokens(query, d_model, "query")
    for name, x in (("query", query), ("key", key), ("value", value)):
        check_tokens(x, d_model, name)
    if not len(query) == len(key) == len(value) or key.shape[1] != value.shape[1]:
        shapes = ", ".join(str(tuple(x.shape[:2])) for x in (query, key, value))
        raise ValueError(f"query, key and value don't fit: (batch, seq) are {shapes}")


def unread(ids: Tensor, cache: Any) -> Tensor:
    """Return those of all ids, (batch, seq), that a cache has not read; without one, all.

    Raises `ValueError` when none are left: nothing would be scored.
    """
    read = 0 if cache is None else cache.length
    if read and read >= ids.shape[1]:
        raise ValueError(f"the cache has read {read} tokens, and ids have {ids.shape[1]}: none new")
    return ids[:, read:]


def check_bias(bias: Tensor, scores_shape: tuple[int, ...]) -> None:
    """Say what is wrong with a bias for scores of this shape, (query, key) last.

    Three axes for four are refused: (batch, query, key) would be read as (heads, query, key).

    Raises `ValueError` when it has axes or sizes that don't fit.
    """
    shape, wanted = tuple(bias.shape), tuple(scores_shape)
    sizes = zip(shape[::-1], wanted[::-1], strict=False)
    if len(shape) not in (2, len(wanted)) or any(size not in (1, full) for size, full in sizes):
        raise ValueError(
            f"bias {shape} does not fit scores {wanted}: it must be (query, key) or have one axis "
            "for each of theirs, such as (1, heads, query, key) or (batch, 1, query, key)"
        )


def check_heads(
    d_model: int, num_heads: int, num_kv_heads: int, d_head: int | None, dropout: float
) -> None:
    """Say what is wrong with the sizes of an attention with several heads.

    Raises `ValueError` when heads don't divide the width, groups don't divide the heads, a head
    is empty, or `dropout` is outside [0, 1).
    """
    uneven = d_head is None and num_heads > 0 and d_model % num_heads
    if min(num_heads, num_kv_heads) < 1 or uneven or num_heads % num_kv_heads:
        raise ValueError(
            "need num_kv_heads | num_heads | d_model (| is divides), "
            f"got {num_kv_heads=}, {num_heads=}, {d_model=}"
        )
    if d_head is not None and d_head < 1:
        raise ValueError(f"a head needs at least one number, got {d_head=}")
    if not 0.0 <= dropout < 1.0:
        raise ValueError(f"dropout must be at least 0 and below 1, got {dropout=}")
