"""A bound on the memory that one student's work may take of the grader's own process."""

import contextlib
import sys
from collections.abc import Iterator

MOST = 2 << 30  # bytes beyond what the process has before


class TooMuchMemory(MemoryError):
    """Work that the grader has no room for."""


@contextlib.contextmanager
def within(most: int = MOST) -> Iterator[None]:
    """Run the block with so many bytes more than this process has mapped, on Linux.

    Whatever a student's bytes become in here, the machine keeps its memory for the others. Raises
    TooMuchMemory where the block needs more; an allocation deep in C may end the process instead.
    """
    if sys.platform != "linux":  # macOS doesn't count what is mapped, Windows has no such limit
        yield
        return
    import resource

    from ..running.seal.limits import mapped

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    cap = mapped() + most
    if soft == resource.RLIM_INFINITY or cap < soft:
        resource.setrlimit(resource.RLIMIT_AS, (cap, hard))
    try:
        yield
    except MemoryError as error:
        told = f"grading this work takes more than {most >> 20} MiB of the grader's own memory"
        raise TooMuchMemory(f"{told}; look at it by hand") from error
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
