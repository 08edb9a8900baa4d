"""A process of its own for each job, on any system: slower than a warm one, and it seals nothing.

Where there is no Linux there is no warm process either. Python starts anew for every exercise, with
a time limit, and what it started is ended with it as far as the system allows.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

from .cold_process import READY
from .exchange import LOG_CAP, REPORT_CAP
from .warm import USUAL, Limits, Report

START = 120.0  # seconds until PyTorch is imported; antivirus programs read it all
KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Cold:
    """Runs jobs as a warm process does, and has nothing to keep between them."""

    level = "process"

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, job: bytes, limits: Limits = USUAL) -> Report:
        """Run a job in a fresh Python. Raises RuntimeError when that one doesn't start."""
        script = Path(__file__).with_name("cold_process.py")
        command = [sys.executable, "-I", str(script), str(self.root)]
        command.append(str(int(limits.prepare + limits.seconds) + 1))
        # Nothing of the grader's environment beyond what a Python needs to start.
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
        pipe, alone = subprocess.PIPE, {"start_new_session": os.name == "posix"}
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, **alone
        )
        try:
            return _exchange(process, job, limits.wall)
        finally:
            if process.poll() is None:
                end_tree(process)
            for end in (process.stdin, process.stdout, process.stderr):
                with contextlib.suppress(OSError):  # what was not sent yet has no reader
                    end.close()

    def close(self) -> None:
        """Nothing is left to end."""


def _exchange(process: subprocess.Popen, job: bytes, seconds: float) -> Report:
    log = Drain(process.stderr, LOG_CAP)
    late = threading.Timer(START, process.kill)
    late.start()
    ready = process.stdout.read(len(READY)) == READY
    late.cancel()
    if not ready:
        raise RuntimeError(f"Python did not start: {log.text(1.0)}")
    began, timed_out = time.monotonic(), False
    report = Drain(process.stdout, REPORT_CAP)
    feeder = threading.Thread(target=_feed, args=(process.stdin, job), daemon=True)
    feeder.start()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        timed_out = True
    end_tree(process)
    feeder.join(1.0)
    code = process.returncode
    return Report(
        b"" if timed_out else report.data(2.0),
        log.data(1.0),
        timed_out,
        signal=-code if code < 0 and not timed_out else 0,
        exit=max(code, 0),
        seconds=round(time.monotonic() - began, 3),
    )


def _feed(end: BinaryIO, job: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):  # it may be gone
        end.write(job)
        end.close()


def end_tree(process: subprocess.Popen) -> None:
    """End a process and what it started, but for what left its group; wait for it."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        tree = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(tree, capture_output=True, check=False)
    if process.poll() is None:
        process.kill()
    process.wait()


class Drain:
    """Reads a pipe to its end in a thread of its own, and keeps the first part."""

    def __init__(self, pipe: BinaryIO, cap: int) -> None:
        self.pipe, self.cap, self.kept = pipe, cap, bytearray()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # closed under it
            while part := self.pipe.read1(1 << 16):
                self.kept += part[: self.cap - len(self.kept)]

    def data(self, seconds: float) -> bytes:
        """What came until the end, or until now when that isn't soon."""
        self.thread.join(seconds)
        return bytes(self.kept)

    def text(self, seconds: float) -> str:
        """The same as text, for a message."""
        return self.data(seconds).decode(errors="replace").strip()[-300:]
