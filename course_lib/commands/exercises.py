"""`course exercises`: what there is to solve."""

import argparse
import json
import sys

from course_lib.grader.course.listing import listed
from course_lib.paths import ROOT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course exercises`."""
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(args: argparse.Namespace) -> int:
    """List every exercise with its kind, points and named mistakes."""
    try:
        there = listed(ROOT)
    except (KeyError, ValueError) as error:
        print(f"course exercises: {error.args[0]}", file=sys.stderr)
        return 2
    rows = [
        {
            "id": e.id,
            "chapter": e.chapter,
            "title": e.title,
            "kind": e.kind,
            "points": e.points,
            "mistakes": list(e.mistakes),
        }
        for e in there
    ]
    if args.json:
        print(json.dumps(rows, indent=1))
        return 0
    for row in rows:
        print(f"{row['id']:28} {row['kind']:8} {row['points']:2}  {row['title']}")
    print(f"{len(rows)} exercises, {sum(row['points'] for row in rows)} points")
    return 0
