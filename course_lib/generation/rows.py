"""Rows of unequal lengths, brought to one length, and checked."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def pad_left(
    rows: Sequence[Tensor | Sequence[int]], pad_id: int
) -> tuple[Int[Tensor, "batch seq"], Bool[Tensor, "batch seq"]]:
    """Bring rows to one length with padding in front, so that all of them go on at the right end.

        ids[b] = pad_id ... pad_id, row b,   seen[b, j] = is ids[b, j] of row b?

    Returns the ids and `seen`, which is True for tokens and False for padding.

    Raises `ValueError` when there are no rows, or one has no tokens or more axes than one.
    """
    rows = [torch.as_tensor(row) for row in rows]
    if not rows or any(row.ndim != 1 or not len(row) for row in rows):
        shapes = ", ".join(str(tuple(row.shape)) for row in rows)
        raise ValueError(f"need rows (seq,) of at least one token each, got {shapes or 'none'}")
    seq = max(len(row) for row in rows)
    ids = rows[0].new_full((len(rows), seq), pad_id)
    seen = torch.zeros_like(ids, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, seq - len(row) :], seen[i, seq - len(row) :] = row, True
    return ids, seen


def check_rows(ids: Tensor) -> None:
    """Say what is wrong with ids that are to be gone on from.

    Raises `ValueError` when they are not whole numbers, not (batch, seq), or without a token.
    """
    whole = not (ids.is_floating_point() or ids.dtype == torch.bool)
    if ids.ndim != 2 or not whole or not ids.shape[1]:
        raise ValueError(
            "ids must be whole numbers (batch, seq), a token or more in each row: got "
            f"{ids.dtype} {tuple(ids.shape)}"
        )


def check_seen(seen: Tensor | None, ids: Int[Tensor, "batch seq"], pad_id: int | None) -> None:
    """Say what is wrong with `seen`, True for tokens and False for the padding in front of them.

    Raises `ValueError` when it is not bool, of another shape, or False behind a token; and when
    there is none and some rows begin with `pad_id`, but not all.
    """
    if seen is None:
        padded = ids[:, 0] == pad_id if pad_id is not None else ids[:, 0] < 0
        if padded.any() and not padded.all():  # of rows padded in front, the longest is not
            raise ValueError(
                f"{int(padded.sum())} of {len(ids)} rows begin with {pad_id=}: hand in seen=, True "
                "for tokens and False for padding, as pad_left returns it"
            )
    elif seen.dtype != torch.bool or seen.shape != ids.shape:
        wanted, got = tuple(ids.shape), tuple(seen.shape)
        raise ValueError(f"seen must be bool {wanted}, got {seen.dtype} {got}")
    elif (seen[:, 1:] < seen[:, :-1]).any() or not seen[:, -1].all():
        wrong = int(((seen[:, 1:] < seen[:, :-1]).any(dim=1) | ~seen[:, -1]).sum())
        raise ValueError(f"padding must stand in front: {wrong} of {len(ids)} rows have it behind")
