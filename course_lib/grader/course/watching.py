"""An answer that doesn't end, or asks somebody, while a learner waits for its verdict."""

import _thread
import builtins
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SAY, STOP = 10, 60  # seconds of computing; of waiting, five count as one
WAITING = 5
AGAIN = 5  # seconds until the next try to stop what caught the first
ENDLESS = "does a loop of yours ever end, or does its work grow much faster than its input?"


class StoppedError(Exception):
    """An answer was stopped before it ended; the message says by whom and when."""


@contextmanager
def watched(say: Callable[[str], None]) -> Iterator[None]:
    """Say when an answer takes long, and stop it when it takes too long.

    It asks nobody: `input()` raises `RuntimeError`. Raises `StoppedError` when the watch or the
    learner stopped it. Only Python's main thread can be stopped.
    """
    watch = _Watch(say)
    asked, builtins.input = builtins.input, _asks_nobody
    try:
        with _interruptible(watch.can_stop):
            watch.start()
            try:
                yield
            finally:
                watch.end()
    except KeyboardInterrupt as stopped:
        raise StoppedError(watch.told(*stopped.args[:1])) from None
    finally:
        builtins.input = asked


@contextmanager
def _interruptible(can_stop: bool) -> Iterator[None]:
    """What a shell starts in the background ignores interrupts, and so would an endless answer."""
    if not can_stop or signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Watch:
    """A thread that looks at the clocks twice a second."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say, self.over = say, False
        self.began, self.computed = time.monotonic(), time.process_time()
        self.ended, self.deciding = threading.Event(), threading.Lock()
        self.can_stop = threading.current_thread() is threading.main_thread()

    def start(self) -> None:
        """Begin to look."""
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def end(self) -> None:
        """From now on nothing is stopped."""
        with self.deciding:
            self.ended.set()
        self.thread.join(1)

    def told(self, where: object = "") -> str:
        """Who stopped it, when, and where, if that is known."""
        seconds = f"{time.monotonic() - self.began:.0f} s{f' {where}' if where else ''}"
        return (
            f"stopped after {seconds}: {ENDLESS}"
            if self.over
            else (f"you stopped it after {seconds}")
        )

    def _spent(self) -> float:
        waited = (time.monotonic() - self.began) / WAITING
        return max(time.process_time() - self.computed, waited)

    def _look(self) -> None:
        said, pause = False, 0.5
        while not self.ended.wait(pause):
            if self._spent() > SAY and not said:
                said = True
                passed = f"{time.monotonic() - self.began:.0f} s"
                self.say(f"still running after {passed}: {ENDLESS}")
            if self._spent() > STOP and self.can_stop:
                with self.deciding:
                    if not self.ended.is_set():
                        self.over = True
                        _thread.interrupt_main()
                pause = AGAIN  # one may be lost in an `except` of the answer's or of a library


def _asks_nobody(prompt: object = "") -> str:
    raise RuntimeError("an answer asks nobody: what it needs comes to it as arguments, not input()")
