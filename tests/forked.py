"""Commands of a course, each in a process of its own that begins with PyTorch loaded.

To load it is most of what a command costs. All else is imported anew, from the path of `env`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

SERVER = """
import json, os, runpy, sys, traceback
import torch

def become(arguments, out, err):
    for number, path in ((0, os.devnull), (1, out), (2, err)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    sys.argv = ["course", *arguments]
    status = 0
    try:
        runpy.run_module("course_lib.cli", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)

for line in sys.stdin:
    child = os.fork()
    if not child:
        become(*json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Course:
    """Call it with the words of a command: gives what `subprocess.run` gives."""

    def __init__(self, server: subprocess.Popen, folder: Path) -> None:
        self.server, self.folder = server, folder

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run one command; raises AssertionError when it shows a traceback."""
        for name in ("out", "err"):
            (self.folder / name).write_text("")
        places = str(self.folder / "out"), str(self.folder / "err")
        self.server.stdin.write(json.dumps([arguments, *places]) + "\n")
        self.server.stdin.flush()
        status = int(self.server.stdout.readline())
        out, err = ((self.folder / name).read_text("utf-8") for name in ("out", "err"))
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(arguments, status, out, err)


@contextmanager
def forked(env: Mapping[str, str], cwd: Path) -> Iterator[Course]:
    """The course that is on the path of `env`, with its commands given in the folder `cwd`."""
    if not hasattr(os, "fork"):  # Windows: each loads PyTorch for itself
        command = [sys.executable, "-m", "course_lib.cli"]
        options = {"capture_output": True, "text": True, "env": env, "cwd": cwd}
        yield lambda *arguments: subprocess.run([*command, *arguments], **options)
        return
    with TemporaryDirectory() as folder, subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=env, cwd=cwd,
    ) as server:  # fmt: skip
        yield Course(server, Path(folder))
