"""`await` at the top of a cell, as IPython allows it, where no socket may be made."""

import asyncio
import selectors
from collections.abc import Coroutine
from functools import cache
from typing import Any


class Loop(asyncio.SelectorEventLoop):
    """An event loop that no other thread can wake: for that it would need a pair of sockets."""

    def __init__(self) -> None:
        super().__init__(selectors.SelectSelector())

    def _make_self_pipe(self) -> None:
        pass

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def give_loops() -> None:
    """Let `asyncio.run` work too, which asks for a new loop."""
    asyncio.new_event_loop = asyncio.events.new_event_loop = Loop


def finish(waiting: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine comes to. Tasks that it leaves behind go on at the next call."""
    return _loop().run_until_complete(waiting)


@cache
def _loop() -> Loop:
    return Loop()
