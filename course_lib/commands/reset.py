"""`course reset`: a fresh copy of one chapter; the old one is kept beside it."""

import argparse
import sys

from course_lib.commands.copies import find_chapter, keep_and_renew
from course_lib.paths import ROOT, WORK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course reset`."""
    parser.add_argument("chapter", metavar="NN", help="the chapter's number, such as 02")


def run(args: argparse.Namespace) -> int:
    """Say for each file where the old one is; exit code 2 for an unknown chapter."""
    try:
        renewed = keep_and_renew(ROOT, WORK, find_chapter(ROOT, args.chapter))
    except ValueError as error:
        print(f"course reset: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        reason = error.strerror or error
        told = "your notebooks are where they were"
        print(f"course reset: {WORK} cannot be written: {reason}; {told}", file=sys.stderr)
        return 1
    for name, kept in renewed:
        before = f"; yours is kept as {kept}" if kept else ""
        print(f"fresh: {WORK.name}/{name}{before}")
    print("If one is open in JupyterLab: close its tab, open it again.")
    return 0
