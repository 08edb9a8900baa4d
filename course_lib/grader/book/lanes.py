"""Local processes that grade side by side, each of which costs only its own student if it dies.

The pool of the standard library is broken for good when one of its processes dies: every student
that waits is refused, and which one it was is not told.
"""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from queue import SimpleQueue
from typing import Any


class LaneError(RuntimeError):
    """A task that ends the process which works on it."""


class Lanes(Executor):
    """So many processes, with one task at a time each; one that dies gets a successor.

    A task is tried in a second process before it is called guilty: the first may have been ended
    from outside, as by a system short of memory.
    """

    def __init__(self, jobs: int) -> None:
        self._threads = ThreadPoolExecutor(jobs)
        self._free: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
        for _ in range(jobs):
            self._free.put(_process())

    def submit(self, function: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Run it in the next process that is free. Its future raises LaneError for a guilty one."""
        return self._threads.submit(self._run, function, *args, **kwargs)

    def _run(self, function: Callable, *args: Any, **kwargs: Any) -> Any:
        process = self._free.get()
        try:
            for _ in range(2):
                try:
                    return process.submit(function, *args, **kwargs).result()
                except BrokenProcessPool:
                    process.shutdown()
                    process = _process()
            raise LaneError("grading this work ends the grader's process; look at it by hand")
        finally:
            self._free.put(process)

    def __exit__(self, *exception: object) -> None:
        # Whoever interrupts a batch waits for those at work and not for the whole class.
        self.shutdown(cancel_futures=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes when their tasks are done."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        while not self._free.empty():
            self._free.get().shutdown(wait)


def _process() -> ProcessPoolExecutor:
    # A fresh one: a fork would copy PyTorch's threads half.
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
