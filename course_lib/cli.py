"""The `course` command: one table of commands, each loaded only when it is called."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from course_lib.commands.chapters import joined
from course_lib.paths import ROOT

COMMANDS = {
    "lab": ("lab", "open the course in JupyterLab; your copies live in work/"),
    "check": ("check", "check your answers: a chapter's number, or a notebook"),
    "progress": ("progress", "what is solved and what is left"),
    "reset": ("reset", "take a fresh copy of a chapter and keep the old one"),
    "doctor": ("doctor", "versions, device, data and weights: what is there and what is missing"),
    "exercises": ("exercises", "list the exercises"),
    "release": ("release", "make the course for a class, without its solutions"),
    "collect": ("collect", "sort what a platform gave you into a folder for each student"),
    "grade": ("grade", "grade a folder of submissions into a gradebook"),
    "similar": ("similar", "pairs of students whose answers are worth a look, side by side"),
    "export": ("export", "a gradebook for Canvas, Moodle, Gradescope, nbgrader, or as CSV"),
    "build": ("build", "make the notebooks and exercises from their sources"),
    "test": ("tests", "run every check of the course itself"),
}
# All others make, hand out or grade a course: they need its solutions, which not every copy has.
LEARNERS = ("lab", "check", "progress", "reset", "doctor", "exercises")
INSTALL = "install the course's tools with python -m pip install -e '.[course]'"


def overview() -> str:
    """The commands that work in this copy of the course, and what each does."""
    width = max(map(len, COMMANDS))
    there = {name: told for name, (_, told) in COMMANDS.items() if not _is_missing(name)}
    lines = [f"  {name:<{width}}  {help_line}" for name, help_line in there.items()]
    lines.append("\nEach has its own help: course NAME --help")
    return "\n".join(["usage: course NAME …\n", *lines])


def _is_missing(name: str) -> bool:
    """Does a command need solutions that this copy of the course doesn't have?"""
    return name not in LEARNERS and not (ROOT / "solutions").is_dir()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 is well, 1 is not, 2 is a wrong call."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # where a terminal lacks "−", its line still shows
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if arguments else 2
    name, *rest = arguments
    if name not in COMMANDS:
        print(f"course: no command {name!r}\n\n{overview()}", file=sys.stderr)
        return 2
    if _is_missing(name):
        told = "needs the course with its solutions; this copy was handed out without them"
        print(f"course {name}: {told}", file=sys.stderr)
        return 2
    module_name, help_line = COMMANDS[name]
    try:
        module = importlib.import_module(f"course_lib.commands.{module_name}")
    except ModuleNotFoundError as missing:
        print(f"course {name}: {missing}; {INSTALL}", file=sys.stderr)
        return 2
    parser = argparse.ArgumentParser(prog=f"course {name}", description=help_line)
    module.add_arguments(parser)
    try:
        status = module.run(parser.parse_args(joined(rest)))
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # who reads has read enough, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more to flush
        return 128 + getattr(signal, "SIGPIPE", 13)


if __name__ == "__main__":
    sys.exit(main())
