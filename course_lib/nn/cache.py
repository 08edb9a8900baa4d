"""A cache: keys and values of the past, kept for the tokens to come."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

Keys = Float[Tensor, "batch kv_heads _ d_head"]
Values = Float[Tensor, "batch kv_heads _ d_value"]


@runtime_checkable
class Cache(Protocol):
    """What attention asks of a cache; `GrowingCache` and `StaticCache` are two.

    Keys and values are kept as they were projected and split, before positions: every method of
    `positions` then sees all keys, and the queries as the last of them. `length` counts the tokens
    read, which is the place of the next one.
    """

    length: int

    def append(self, layer: Any, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Keep new keys and values, (batch, kv_heads, key, d_head); return the past and these.

        `layer` tells the attentions of a model apart: each hands in itself.
        """
        ...


@dataclass
class _Past:
    """Keys and values of one layer. Those in use end at `end`; `read` counts all there were."""

    key: Tensor
    value: Tensor
    end: int = 0
    read: int = 0


class _Layers:
    """What caches share: the past of each layer, and what is made once of a memory."""

    def __init__(self, window: int | None):
        if window is not None and window < 1:
            raise ValueError(f"a query sees at least itself: window must be 1 or more, {window=}")
        self.window, self.length = window, 0
        self.layers: dict[Any, _Past] = {}
        self.memories: dict[Any, tuple[Tensor, Tensor]] = {}

    def once(
        self, layer: Any, project: Callable[[], tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, Tensor]:
        """Return what `project` gives, called when this layer first asks: a memory stays as it is.

        A cache serves one source: another one needs a new cache.
        """
        if layer not in self.memories:
            self.memories[layer] = project()
        return self.memories[layer]

    def reorder(self, rows: Int[Tensor, " rows"]) -> None:
        """Let row i go on from what row `rows[i]` has read: fewer rows, more, or in another order.

        Raises `ValueError` when `rows` is not (rows,), or there is no such row.
        """
        kept = [past.key for past in self.layers.values()]
        _check_rows(rows, [*kept, *(key for key, _ in self.memories.values())])
        for past in self.layers.values():
            past.key, past.value = (x.index_select(0, rows) for x in (past.key, past.value))
        for layer, kept in self.memories.items():
            self.memories[layer] = tuple(x.index_select(0, rows) for x in kept)

    def _open(self, layer: Any, past: _Past, new: int) -> _Past:
        if self.length > new:  # another model, or a twin made anew, would see no past
            raise ValueError(
                f"a cache serves one model from its first token on: it has read {self.length} "
                f"tokens, and a layer comes that has read none, with {new}"
            )
        self.layers[layer] = past
        return past

    @property
    def nbytes(self) -> int:
        """Bytes of memory that keys and values take."""
        kept = [(past.key, past.value) for past in self.layers.values()]
        return sum(x.nbytes for pair in (*kept, *self.memories.values()) for x in pair)


class GrowingCache(_Layers):
    """Keys and values of each layer, made longer by what is new.

        keys = (kept, new),   kept = keys;   with a window: the last window - 1 of them

    Gradients flow through it. With a `window` older keys are dropped, and one new token sees
    `window` keys, itself among them; a model that reads several at a time needs the mask of the
    same window too.

    Raises `ValueError` when `window` is below 1.

    Source: Shazeer 2019, section 2.4 (arXiv:1911.02150), the incremental form.
    """

    def __init__(self, window: int | None = None):
        super().__init__(window)

    def append(self, layer: Any, key: Keys, value: Values) -> tuple[Keys, Values]:
        """Keep new keys and values; return the past and these.

        Raises `ValueError` when they are of another batch or other heads than the past, and for a
        layer that was not there from the first token on.
        """
        new, past = key.shape[2], self.layers.get(layer)
        if past is None:
            past = self._open(layer, _Past(key, value), new)
        else:
            _check_fits(past, key, value)
            key = torch.cat((past.key, key), dim=2)
            value = torch.cat((past.value, value), dim=2)
        drop = 0 if self.window is None else max(0, key.shape[2] - self.window + 1)
        past.key, past.value = key[:, :, drop:], value[:, :, drop:]
        past.read = self.length = past.read + new
        return key, value


class StaticCache(_Layers):
    """Keys and values of each layer, written into memory that is set aside once.

        keys[end ... end + new - 1] = new,   returned: keys[0 ... end + new - 1], a view

    A step copies the new tokens alone, where a `GrowingCache` copies the whole past. What was
    returned before is overwritten, so it is for reading, not for training. With a `window` older
    keys are dropped, as there: when the memory is full, what is still seen moves to its front.

    Raises `ValueError` when `max_len` or `window` is below 1.
    """

    def __init__(self, max_len: int, window: int | None = None):
        if max_len < 1:
            raise ValueError(f"a cache holds at least one token, got {max_len=}")
        super().__init__(window)
        self.max_len = max_len

    def append(self, layer: Any, key: Keys, value: Values) -> tuple[Keys, Values]:
        """Keep new keys and values; return the past and these, views of the memory.

        Raises `ValueError` as `GrowingCache` does, and for more than `max_len` tokens, or with a
        window for more at a time than it leaves room for.
        """
        new, start, past = key.shape[2], 0, self.layers.get(layer)
        if past is None:
            past = self._open(layer, _Past(self._room(key), self._room(value)), new)
        else:
            _check_fits(past, key, value)
        if self.window is not None:
            start = max(0, past.end - self.window + 1)
            if past.end + new > self.max_len:
                start = self._move_to_front(past, start)
        end = past.end + new
        if end > self.max_len:
            raise ValueError(
                f"a cache of max_len={self.max_len} that holds {past.end} tokens can't take {new}"
            )
        past.key.narrow(2, past.end, new).copy_(key)
        past.value.narrow(2, past.end, new).copy_(value)
        past.end, past.read = end, past.read + new
        self.length = past.read
        return past.key.narrow(2, start, end - start), past.value.narrow(2, start, end - start)

    def _room(self, x: Tensor) -> Tensor:
        return x.new_empty(*x.shape[:2], self.max_len, x.shape[3])

    def _move_to_front(self, past: _Past, start: int) -> int:
        seen = past.end - start
        for kept in (past.key, past.value):
            kept[:, :, :seen] = kept[:, :, start : past.end].clone()  # the two may overlap
        past.end = seen
        return 0


def _check_fits(past: _Past, key: Tensor, value: Tensor) -> None:
    for kept, new in ((past.key, key), (past.value, value)):
        if kept.shape[:2] != new.shape[:2] or kept.shape[3] != new.shape[3]:
            had, got = ((*x.shape[:2], x.shape[3]) for x in (kept, new))
            raise ValueError(f"the cache keeps (batch, kv_heads, d_head) = {had}, got {got}")


def _check_rows(rows: Tensor, kept: list[Tensor]) -> None:
    if rows.ndim != 1:
        raise ValueError(f"rows must be (rows,), got shape {tuple(rows.shape)}")
    count = min((len(x) for x in kept), default=0)
    if kept and len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < count:
        raise ValueError(f"the cache has rows 0 to {count - 1}, asked for {rows.tolist()}")
