"""Which place each row has. Queries are the last of the keys, as in `causal_mask`."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def aligned_places(
    query: Float[Tensor, "*batch query d_head"], key: Float[Tensor, "*kv_batch key d_head"]
) -> tuple[Int[Tensor, " query"], Int[Tensor, " key"]]:
    """Number the keys from 0; the queries are the last of them.

        at_key = 0 ... n_key - 1,   at_query = n_key - n_query ... n_key - 1

    Returns (at_query, at_key), on the device of the keys.

    Raises `ValueError` when there are more queries than keys.
    """
    n_query, n_key = query.shape[-2], key.shape[-2]
    if n_query > n_key:
        raise ValueError(f"the queries are the last of the keys, got {n_query=}, {n_key=}")
    at_key = torch.arange(n_key, device=key.device)
    return at_key[n_key - n_query :], at_key


def relative_places(
    query: Float[Tensor, "batch heads query d_head"],
    key: Float[Tensor, "batch kv_heads key d_head"],
    num_heads: int,
) -> Int[Tensor, "query key"]:
    """Measure how far each key stands to the right of each query; negative is the past.

        relative[i, j] = at_key[j] - at_query[i]

    Raises `ValueError` when there are more queries than keys, or when the queries do not have
    the `num_heads` heads that a bias was made for.
    """
    if query.shape[1] != num_heads:
        raise ValueError(f"a bias for {num_heads=} can't serve {query.shape[1]} heads of queries")
    at_query, at_key = aligned_places(query, key)
    return at_key[None, :] - at_query[:, None]


def table_rows(
    table: Float[Tensor, "max_len d_model"], seq: int, offset: int
) -> Float[Tensor, "{seq} d_model"]:
    """Take the rows of the places offset ... offset + seq - 1.

    Raises `ValueError` when the table does not have them all.
    """
    max_len = len(table)
    if not 0 <= offset <= max_len - seq:
        raise ValueError(
            f"the table has places 0 to {max_len - 1}, asked for {seq=} of them from {offset=}"
        )
    return table[offset : offset + seq]
