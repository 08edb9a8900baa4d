"""Local processes that grade side by side, each of which costs only its own student if it dies.

The pool of the standard library is broken for good when one of its processes dies: every student
that waits is refused, and which one it was is not told.
"""

import contextlib
import faulthandler
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from queue import SimpleQueue
from typing import Any

_late_to = 2  # where a process says that its time was up, before it ends


class LaneError(RuntimeError):
    """A task that ends the process which works on it."""


class Lanes(Executor):
    """So many processes, with one task at a time each; one that dies gets a successor.

    A task is tried in a second process before it is called guilty: the first may have been ended
    from outside, as by a system short of memory. One whose time was up would only take it again.
    """

    def __init__(self, jobs: int) -> None:
        self._notes = tempfile.TemporaryDirectory()
        self._threads = ThreadPoolExecutor(jobs)
        self._free: SimpleQueue[tuple[ProcessPoolExecutor, Path]] = SimpleQueue()
        for number in range(jobs):
            note = Path(self._notes.name, str(number))
            self._free.put((_process(note), note))

    def submit(self, function: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Run it in the next process that is free. Its future raises LaneError for a guilty one."""
        return self._threads.submit(self._run, function, *args, **kwargs)

    def _run(self, function: Callable, *args: Any, **kwargs: Any) -> Any:
        process, note = self._free.get()
        try:
            for _ in range(2):
                try:
                    return process.submit(function, *args, **kwargs).result()
                except BrokenProcessPool:
                    process.shutdown()
                    late = note.read_text() if note.exists() else ""
                    process = _process(note)
                if late:
                    print(late, file=sys.stderr)
                    raise LaneError("grading this work takes too long; look at it by hand")
            raise LaneError("grading this work ends the grader's process; look at it by hand")
        finally:
            self._free.put((process, note))

    def __exit__(self, *exception: object) -> None:
        # Whoever interrupts a batch waits for those at work and not for the whole class.
        self.shutdown(cancel_futures=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes when their tasks are done."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        while not self._free.empty():
            self._free.get()[0].shutdown(wait)
        if wait:
            self._notes.cleanup()


@contextlib.contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """End this process, saying where it is, when the block takes longer.

    Answers have limits of their own. This is for a text that holds up the grader itself, deep in
    C perhaps, where no exception can reach.
    """
    faulthandler.dump_traceback_later(seconds, exit=True, file=_late_to)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _process(note: Path) -> ProcessPoolExecutor:
    # A fresh one: a fork would copy PyTorch's threads half.
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, spawn, initializer=_say_late_in, initargs=(note,))


def _say_late_in(note: Path) -> None:
    global _late_to
    _late_to = note.open("wb", buffering=0)
