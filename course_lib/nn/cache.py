"""What attention asks of a cache: keys and values of the past, kept for the tokens to come."""

from typing import Any, Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Cache(Protocol):
    """Keys and values of each layer, in the order in which they were read.

    They are kept as they were projected and split, before positions: every method of `positions`
    then sees all keys, and the queries as the last of them. `length` counts the tokens kept, which
    is the `offset` of the next ones in a table of positions.
    """

    length: int

    def append(self, layer: Any, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Keep new keys and values, (batch, kv_heads, key, d_head); return the past and these.

        `layer` tells the attentions of a model apart: each hands in itself.
        """
        ...
