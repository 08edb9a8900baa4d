"""The warm process: imports PyTorch once, then forks a fresh, sealed child for every job.

It holds no key and never runs a learner's line itself. Started by `warm.Warm` as
`python -I warm_process.py SOCKET LEVEL ROOT`, with the parts of the library that jobs will be lent
on its standard input. For each job it gets a message and three file
descriptors (job in, report out, log out), and it answers with how the child ended.
"""

import contextlib
import gc
import importlib.util
import json
import os
import signal
import socket
import sys

# prctl's PR_SET_PDEATHSIG, PR_SET_DUMPABLE and PR_SET_CHILD_SUBREAPER
KILLED_WITH_PARENT, DUMPABLE, HEIR = 1, 4, 36
FAILED_TO_SEAL = 97
READING = ("nbformat", "jupytext", "IPython.core.inputtransformer2")
EMPTY = {"a.py": b"# %%\nx = 1\n", "a.ipynb": b'{"cells": [], "nbformat": 4}'}


def main(fd: str, level: str, root: str) -> None:
    """Serve jobs until the grader closes its end."""
    sys.path.insert(0, root)
    tools = warm_up(json.load(sys.stdin))
    tools |= {"root": root, "pid": os.getpid()}
    tools["prctl"](KILLED_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    if level == "bwrap":  # a child sees this process in /proc; its memory is nobody's business
        tools["prctl"](DUMPABLE, 0, 0, 0, 0)
    tools["prctl"](HEIR, 1, 0, 0, 0)  # to find what a child under `process` leaves behind
    grader = socket.socket(fileno=int(fd))
    alone, tools["reading"] = probe(tools, level)
    say(grader, {"threads": len(os.listdir("/proc/self/task")), "alone": alone})
    while True:
        message, fds, _, _ = socket.recv_fds(grader, 1 << 16, 3)
        if not message:
            return
        told = json.loads(message)
        pid = os.fork()
        if pid == 0:
            grader.close()
            child(tools, level, told, *fds)
        for each in fds:
            os.close(each)
        say(grader, tools["wait"](pid, told["wall"]))


def say(grader: socket.socket, told: dict) -> None:
    """One line of JSON to the grader."""
    grader.sendall(json.dumps(told).encode() + b"\n")


def warm_up(lent: list) -> dict:
    """Load what every job needs, and hide the course from what comes after."""
    import torch

    torch.set_num_threads(1)
    from course_lib import device  # noqa: F401
    from course_lib.grader.judging import frames
    from course_lib.grader.running import child, ending, library, pages, seal
    from course_lib.grader.running.seal import limits, syscalls, users

    # What lent parts of the library and readers import: a child would spend seconds on it.
    sys.modules["rfc3987_syntax"] = None  # checks of web addresses: 3 of nbformat's 3 seconds
    for name in ("einops", "jaxtyping", *READING):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name, data in EMPTY.items():  # the first notebook read costs as much as ten others
        child.read(name, torch.frombuffer(bytearray(data), dtype=torch.uint8))
    for name, source in lent:
        library.compile_lent(name, source)
    # One small computation, forward and backward: PyTorch loads parts of itself on first use.
    x = torch.ones(2, 2, requires_grad=True)
    (x @ x).softmax(-1).sum().backward()
    frames.unpack(frames.pack(x))
    # It loads a compiler the first time, which wants a temporary folder and a second.
    torch.func.grad(torch.sum)(torch.ones(2))
    library.hide_course()
    gc.collect()
    gc.freeze()  # or collecting garbage would make every child copy all pages
    pages.collapse()
    return {
        "apart": users.apart,
        "seal": seal.seal,
        "do": child.do,
        "close_all_but": limits.close_all_but,
        "prctl": syscalls.LIBC.prctl,
        "wait": ending.wait,
    }


def probe(tools: dict, level: str) -> tuple[bool, bool]:
    """Are a child's threads counted for it alone, and does it need root's rights to read Python?

    Found out by a child that runs nothing.
    """
    if level == "process":
        return False, False
    modules = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    found = importlib.util.find_spec("matplotlib")
    files = [f for f in (*modules, found and found.origin) if f and os.access(f, os.R_OK)]
    for reading in (False, True):
        pid = os.fork()
        if pid == 0:
            try:
                alone = tools["apart"](level, reading)
                os._exit(int(alone) + 2 * all(os.access(file, os.R_OK) for file in files))
            finally:
                os._exit(0)
        told = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if told & 2:
            break
    return bool(told & 1), reading


def child(tools: dict, level: str, told: dict, job: int, report: int, log: int) -> None:
    """The child's whole life; it never returns."""
    try:
        os.dup2(log, 2)
        # What answers print has no reader, and a full pipe must not end who prints a lot.
        for standard in (0, 1):
            os.dup2(os.open(os.devnull, os.O_RDWR), standard)
        with os.fdopen(job, "rb") as file:
            data = file.read()
        os.setpgid(0, 0)
        os.chdir("/")
        tools["close_all_but"]({0, 1, 2, report})
        if level != "process":
            tools["apart"](level, tools["reading"])
        tools["prctl"](KILLED_WITH_PARENT, signal.SIGKILL, 0, 0, 0)  # a new user has it unset
        if os.getppid() != tools["pid"]:  # it died before that
            os._exit(FAILED_TO_SEAL)
        allowed = readable(tools["root"]) if level != "process" else []
        cpu = int(told["prepare"] + told["seconds"]) + 1
        tools["seal"](level, allowed, cpu, told["memory"], told["others"])
        result = tools["do"](data)
        with os.fdopen(report, "wb") as file:
            file.write(result)
        os._exit(0)
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}"[:500].encode())
    finally:
        os._exit(FAILED_TO_SEAL)


def readable(root: str) -> list[str]:
    """What Python and PyTorch read after the seal is on: libraries, and a few facts.

    Raises OSError when the course, which holds the solutions, lies inside of them.
    """
    libraries = [sys.prefix, sys.base_prefix, "/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache"]
    for library in map(os.path.realpath, libraries):
        if os.path.commonpath([library, os.path.realpath(root)]) == library:
            raise OSError(f"the course lies in {library}, which every answer may read: move it")
    return [*libraries, "/dev/null", "/dev/urandom", "/proc/cpuinfo", "/sys/devices/system/cpu"]


if __name__ == "__main__":
    main(*sys.argv[1:4])
