"""The pipes of one job: its bytes in, its report and what it prints out, each up to a cap."""

import os
import select
import time

REPORT_CAP, LOG_CAP = 32 << 20, 64 << 10
FLOOD = 1 << 30  # bytes that nobody prints who is honest


def exchange(
    job: bytes, job_in: int, report_out: int, log_out: int, until: float
) -> tuple[bytearray, bytearray]:
    """Feed the job and drain report and log, keeping each up to its cap; close all three.

    Who prints more than the log's cap may go on: an answer must not fail for a warning. A flood is
    slowed down, or reading it would cost as much as printing it does. A report that is too long
    ends.
    """
    caps = {report_out: (bytearray(), REPORT_CAP), log_out: (bytearray(), LOG_CAP)}
    reading, writing, rest, logged = set(caps), {job_in}, memoryview(job), 0
    os.set_blocking(job_in, False)
    while reading and (left := until - time.monotonic()) > 0:
        readable, writable, _ = select.select(reading, writing, [], left)
        if writable:
            rest = _feed(job_in, rest)
            if not rest:
                os.close(job_in)
                writing.clear()
        for fd in readable:
            buffer, cap = caps[fd]
            part = os.read(fd, 1 << 16)
            buffer += part[: cap - len(buffer)]
            logged += len(part) if fd == log_out else 0
            if logged > FLOOD:
                time.sleep(0.001)
            if not part or (fd == report_out and len(buffer) >= cap):
                os.close(fd)
                reading.discard(fd)
    for fd in reading | writing:
        os.close(fd)
    return caps[report_out][0], caps[log_out][0]


def _feed(fd: int, rest: memoryview) -> memoryview:
    try:
        return rest[os.write(fd, rest) :]
    except BlockingIOError:
        return rest
    except BrokenPipeError:
        return rest[:0]
