"""The grader's end of a warm process: hand over a job, get a report, whatever happens to it."""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ..judging.frames import nested, pack
from .ending import PATIENCE
from .exchange import exchange
from .seal import bwrap

if sys.platform == "linux":
    from .seal import users

NOTHING = pack({"job": "run", "name": "nothing", "cases": nested([]), "pieces": [], "cell": -1})
GRACE = 5.0  # beyond its own limit; after that the warm process itself is given up


@dataclass(frozen=True)
class Limits:
    """What one exercise may use: processor time for the answer's own calls, and for all before.

    Waiting costs no processor time; `wall` ends it, and doesn't count while the answer is ready
    and no processor is free, up to three times as long.
    """

    seconds: float = 5.0
    prepare: float = 15.0
    wall: float = 30.0
    memory: int = 1 << 30


USUAL = Limits()


@dataclass(frozen=True)
class Report:
    """How a job ended: its frame, what it printed, and how its process died."""

    frame: bytes
    log: bytes
    timed_out: bool = False
    signal: int = 0
    exit: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


class Warm:
    """A warm process, restarted when it is lost. Not for use by two threads at a time."""

    def __init__(self, root: Path, level: str, lent: Iterable[tuple[str, str]] = ()) -> None:
        """`lent` are parts of the library, by name and source, to be compiled only once."""
        self.root, self.level, self.lent = root, level, sorted(set(lent))
        self.alone = False  # are a child's threads counted for it alone?
        self.process: subprocess.Popen | None = None
        self.socket: socket.socket | None = None

    def start(self) -> None:
        """Start it and wait until it is warm. Raises RuntimeError when it isn't fit to fork."""
        ours, theirs = socket.socketpair()
        script = Path(__file__).with_name("warm_process.py")
        command = [sys.executable, "-I", str(script), str(theirs.fileno()), self.level]
        command.append(str(self.root))
        if self.level == "bwrap":
            command = bwrap.wrapped(command, self.root)
        # Nothing of the grader's environment: a submission can read its own.
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
        if self.level != "process":
            # Learners import matplotlib; it wants a folder that looks writable, and none is.
            environment |= {"MPLCONFIGDIR": "/tmp", "MPLBACKEND": "agg"}
        self.process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.PIPE
        )
        theirs.close()
        with contextlib.suppress(BrokenPipeError):  # it shows below
            self.process.stdin.write(json.dumps(self.lent).encode())
            self.process.stdin.close()
        self.socket = ours
        told = self._line(time.monotonic() + 120)
        if told is None:
            self.close()
            raise RuntimeError("the warm process did not start")
        if told["threads"] > 1:  # a fork would copy their locks and not the threads
            self.close()
            raise RuntimeError(f"the warm process has {told['threads']} threads, expected 1")
        self.alone = told["alone"]
        tried = self._try(NOTHING, USUAL)
        if tried is None or not tried.frame:  # or a learner would be blamed for it
            self.close()
            said = tried.log.decode(errors="replace").strip() if tried else "it died"
            raise RuntimeError(f"no child can be sealed here under {self.level!r}: {said}")

    def run(self, job: bytes, limits: Limits = USUAL) -> Report:
        """Run a job in a fresh child; the answer comes within its limits and a few seconds.

        A warm process that was ended from outside, as by a system short of memory, gets one
        successor: no learner is blamed for it.
        """
        for _ in range(2):
            if self.process is None or self.process.poll() is not None:
                self.start()
            if report := self._try(job, limits):
                return report
        return Report(b"", b"", timed_out=True)

    def _try(self, job: bytes, limits: Limits) -> Report | None:
        """Run a job; None when the warm process dies over it."""
        pipes = [os.pipe() for _ in range(3)]
        (job_end, job_start), (report_end, report_start), (log_end, log_start) = pipes
        others = 0 if self.alone else users.running()
        message = json.dumps({**asdict(limits), "others": others}).encode()
        with contextlib.suppress(BrokenPipeError):  # it shows below
            socket.send_fds(self.socket, [message], [job_end, report_start, log_start])
        for theirs in (job_end, report_start, log_start):
            os.close(theirs)
        until = time.monotonic() + PATIENCE * limits.wall + GRACE
        frame, log = exchange(job, job_start, report_end, log_end, until)
        # A child may close its ends at once and live on: its limit is what counts.
        told = self._line(until)
        if told is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1.0)  # its socket closes a moment before it is gone
            died = self.process.poll() is not None
            self.close()
            return None if died else Report(b"", bytes(log), timed_out=True)
        return Report(bytes(frame), bytes(log), **told)

    def _line(self, until: float) -> dict | None:
        """One line from the warm process, or None when it is gone or late."""
        data = b""
        while not data.endswith(b"\n"):
            if not select.select([self.socket], [], [], max(0.0, until - time.monotonic()))[0]:
                return None
            try:
                part = self.socket.recv(4096)
            except ConnectionResetError:
                return None
            if not part:
                return None
            data += part
        return json.loads(data)

    def close(self) -> None:
        """End it; its children die with it."""
        if self.socket is not None:
            self.socket.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = self.socket = None

    def __enter__(self) -> "Warm":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
