"""What a learner guessed and chose in the notebooks' views, kept with the work in `kept.json`."""

import json
import re
from pathlib import Path

from course_lib.paths import write_atomic

NAME = "kept.json"
KEY = re.compile(r"(guess|quiz)\.\d\d\.[a-z0-9][a-z0-9-]{0,60}")
LONGEST, MOST = 200, 12


def load(work: Path) -> dict[str, str | list[str]]:
    """Guesses (`guess.02.scaling`: a text) and tries (`quiz.02.q1`: options, as they were tried).

    Raises ValueError naming the file when it isn't what `keep` wrote.
    """
    path = work / NAME
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} can't be read ({error}): move it away to start anew") from error
    if not isinstance(there, dict) or not all(_fits(key, told) for key, told in there.items()):
        raise ValueError(f"{path} is not what the course wrote: move it away to start anew")
    return there


def keep(work: Path, given: object) -> None:
    """Add to what is kept; an empty guess or an empty list of tries takes the old one away.

    Raises ValueError for anything but guesses and tries by their names, OSError where `work` can't
    be written. A broken file is set aside as `kept.broken.json`.
    """
    if not isinstance(given, dict) or not all(_fits(key, told) for key, told in given.items()):
        raise ValueError("expected guesses or tries by name, such as {'guess.02.scaling': '0.5'}")
    try:
        there = load(work)
    except ValueError:
        (work / NAME).replace(work / "kept.broken.json")
        there = {}
    there = {key: told for key, told in (there | given).items() if told}
    write_atomic(
        work / NAME, json.dumps(there, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    )


def _fits(key: object, told: object) -> bool:
    """Is it a guess, or the tries at a question?"""
    if not isinstance(key, str) or not KEY.fullmatch(key):
        return False
    if key.startswith("guess."):
        return isinstance(told, str) and len(told) <= LONGEST
    many = isinstance(told, list) and len(told) <= MOST
    return many and all(isinstance(each, str) and len(each) <= LONGEST for each in told)
