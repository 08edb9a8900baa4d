"""Which place each row has. Queries are the last of the keys, as in `causal_mask`."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def aligned_places(
    query: Float[Tensor, "*batch query d_head"],
    key: Float[Tensor, "*kv_batch key d_head"],
    places: Int[Tensor, "*_ key"] | None = None,
) -> tuple[Int[Tensor, "*_ query"], Int[Tensor, "*_ key"]]:
    """Number the keys from 0, or take their given `places`; the queries are the last of them.

        at_key = 0 ... n_key - 1,   at_query = at_key[n_key - n_query ...]

    Given places are (key,), or (batch, key) where each sequence has its own: padding on the left,
    several texts in one row. Returns (at_query, at_key), on the device of the keys.

    Raises `ValueError` when there are more queries than keys, or not one place for each key.
    """
    n_query, n_key = query.shape[-2], key.shape[-2]
    if n_query > n_key:
        raise ValueError(f"the queries are the last of the keys, got {n_query=}, {n_key=}")
    if places is None:
        at_key = torch.arange(n_key, device=key.device)
    elif tuple(places.shape) in ((n_key,), (len(key), n_key)):
        at_key = places
    else:
        wanted = f"({n_key},) or ({len(key)}, {n_key})"
        raise ValueError(f"need a place for each key, {wanted}, got {tuple(places.shape)}")
    return at_key[..., n_key - n_query :], at_key


def relative_places(
    query: Float[Tensor, "batch heads query d_head"],
    key: Float[Tensor, "batch kv_heads key d_head"],
    num_heads: int,
    places: Int[Tensor, "*_ key"] | None = None,
) -> Int[Tensor, "*_ query key"]:
    """Measure how far each key stands to the right of each query; negative is the past.

        relative[i, j] = at_key[j] - at_query[i]

    With `places` of each sequence, (batch, 1, query, key): the same for all heads.

    Raises `ValueError` as `aligned_places` does, and when the queries do not have the `num_heads`
    heads that a bias was made for, or no axis for them.
    """
    if query.ndim != 4:
        raise ValueError(f"need queries (batch, heads, query, d_head), got {tuple(query.shape)}")
    if query.shape[1] != num_heads:
        raise ValueError(f"a bias for {num_heads=} can't serve {query.shape[1]} heads of queries")
    at_query, at_key = aligned_places(query, key, places)
    relative = at_key[..., None, :] - at_query[..., :, None]
    return relative if relative.ndim == 2 else relative[:, None]


def table_rows(
    table: Float[Tensor, "max_len d_model"],
    seq: int,
    offset: int = 0,
    places: Int[Tensor, "*batch seq"] | None = None,
) -> Float[Tensor, "*batch seq d_model"]:
    """Take the rows of the places offset ... offset + seq - 1, or of the given `places`.

    Raises `ValueError` when the table does not have them all.
    """
    max_len = len(table)
    if places is not None:
        try:
            return F.embedding(places, table)
        except IndexError:
            found = f"{places.min()} to {places.max()}"
            raise ValueError(f"the table has places 0 to {max_len - 1}, got {found}") from None
    if not 0 <= offset <= max_len - seq:
        raise ValueError(
            f"the table has places 0 to {max_len - 1}, asked for {seq=} of them from {offset=}"
        )
    return table[offset : offset + seq]


def add_rows(
    x: Float[Tensor, "*batch seq d_model"],
    table: Float[Tensor, "max_len d_model"],
    offset: int,
    places: Int[Tensor, "*_ seq"] | None,
) -> Float[Tensor, "*batch seq d_model"]:
    """Add to each token the row of its place; see `table_rows`.

    Raises `ValueError` as that does, when given places are neither one row nor one for each, and
    when there is an offset too.
    """
    if places is not None and offset:
        raise ValueError(f"places say where each token stands: there can't be an {offset=} too")
    if places is not None and places.shape not in (x.shape[-2:-1], x.shape[:-1]):
        wanted = f"{tuple(x.shape[-2:-1])} or {tuple(x.shape[:-1])}"
        raise ValueError(f"need a place for each token, {wanted}, got {tuple(places.shape)}")
    return x + table_rows(table, x.shape[-2], offset, places).to(x.dtype)
