"""How a child ends: by itself in time, or by us, with all that it started."""

import contextlib
import os
import select
import signal
import time
from pathlib import Path

PATIENCE = 4  # times the limit by the clock, for who finds no free processor
MOMENT = 0.05  # seconds: less is not worth another look


def wait(pid: int, seconds: float) -> dict:
    """Let the child finish in time, or end it with all it started; tell which it was.

    `seconds` are by the clock, but for those in which it was ready and no processor was free.
    """
    began, timed_out = time.monotonic(), False
    handle = os.pidfd_open(pid)
    try:
        until = began + seconds
        while not select.select([handle], [], [], max(0.0, until - time.monotonic()))[0]:
            later = began + seconds + min(queued(pid), (PATIENCE - 1) * seconds)
            if later < until + MOMENT:
                timed_out = True
                os.kill(pid, signal.SIGKILL)
                break
            until = later
        waited = queued(pid)
        _, status, used = os.wait4(pid, 0)
    finally:
        os.close(handle)
    passed, cpu = time.monotonic() - began, used.ru_utime + used.ru_stime
    end_strays(time.monotonic() + 2)
    return {
        "timed_out": timed_out,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1,
        # Threads of its own may have made the first one wait, and each other.
        "seconds": round(max(passed - waited, cpu), 3),
        "cpu": round(cpu, 3),
    }


def queued(pid: int) -> float:
    """Seconds that a process was ready to run and waited for a processor; 0 where none tells.

    Of its first thread alone: so it is never more than the time that it lived.
    """
    try:
        told = Path(f"/proc/{pid}/schedstat").read_text()
        return int(told.split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def clock() -> float:
    """Seconds, but for those in which this process found no free processor."""
    return time.monotonic() - queued(os.getpid())


def end_strays(until: float) -> None:
    """End what the child started and left behind; only under `process` can there be such."""
    while time.monotonic() < until:
        with contextlib.suppress(OSError), open("/proc/thread-self/children", "rb") as file:
            for stray in file.read().split():
                os.kill(int(stray), signal.SIGKILL)
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.001)
        except ChildProcessError:
            return
