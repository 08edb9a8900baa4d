"""`await` at the top of a cell, as IPython allows it, where no socket may be made."""

import asyncio
import selectors
import types
from collections.abc import Coroutine
from functools import cache
from typing import Any

MOMENT = 1.0  # seconds for the tasks that a statement leaves behind
NO_LOOP = "no running event loop"  # what asyncio says to who starts a task outside of one


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


def within(code: types.CodeType, namespace: dict[str, Any]) -> None:
    """Execute code that starts tasks, as a notebook's kernel does inside of its own loop.

    The tasks then have a moment to end, as before the next cell.
    """
    finish(_within(code, namespace))


async def _within(code: types.CodeType, namespace: dict[str, Any]) -> None:
    try:
        eval(code, namespace)
    finally:
        if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(tasks, timeout=MOMENT)


def finish(waiting: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine comes to. Tasks that it leaves behind go on at the next call."""
    return _loop().run_until_complete(waiting)


@cache
def _loop() -> Loop:
    return Loop()
