"""One job in a Python of its own: `python -I cold_process.py ROOT SECONDS`, job in, report out.

It holds no key. It says when it is ready, so that importing PyTorch costs the learner no time.
"""

import contextlib
import os
import sys
import tempfile

READY = b"ready\n"


def main(root: str, seconds: str) -> None:
    """Import, wait for the job, run it, write the report, and leave without a goodbye."""
    report = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)  # what answers print has no reader
    sys.path.insert(0, root)
    import torch

    torch.set_num_threads(1)
    from course_lib import device  # noqa: F401
    from course_lib.grader.running import child, library

    library.hide_course()
    tempfile.tempdir = os.path.abspath(os.sep)  # torch.func wants one and writes nothing
    report.write(READY)
    report.flush()
    job = sys.stdin.buffer.read()
    os.dup2(nothing, 0)
    os.chdir(os.path.abspath(os.sep))
    limit(int(seconds))
    try:
        report.write(child.do(job))
        report.flush()
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}"[:500].encode())
        os._exit(97)
    os._exit(0)


def limit(seconds: int) -> None:
    """Cap processor time, written files and core dumps where the system has such limits.

    Not memory: macOS ignores that limit, and Windows has none of them.
    """
    with contextlib.suppress(ImportError):
        import resource

        caps = {
            resource.RLIMIT_CPU: seconds,
            resource.RLIMIT_FSIZE: 0,
            resource.RLIMIT_CORE: 0,
        }
        for kind, cap in caps.items():
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(kind, (cap, cap + (kind == resource.RLIMIT_CPU)))


if __name__ == "__main__":
    main(*sys.argv[1:3])
