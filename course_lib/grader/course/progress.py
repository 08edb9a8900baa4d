"""What a learner has solved so far, kept in one small file under `work/`."""

import json
from pathlib import Path

from course_lib.paths import write_atomic

from ..judging.verdict import Verdict

STATES = ("right", "wrong", "crashed", "not attempted")


def record(folder: Path, verdict: Verdict) -> None:
    """Note a verdict. A solved exercise stays solved, whatever is tried afterwards."""
    path = folder / "progress.json"
    seen = load(folder)
    entry = seen.get(verdict.id, {"state": "not attempted", "tries": 0})
    if verdict.state == "not attempted" or entry["state"] == "right":
        return
    seen[verdict.id] = {"state": verdict.state, "tries": entry["tries"] + 1}
    write_atomic(path, json.dumps(seen, indent=1, sort_keys=True) + "\n")


def load(folder: Path) -> dict[str, dict]:
    """States and tries by exercise id; empty before the first check.

    Raises ValueError naming the file when it isn't what `record` wrote.
    """
    path = folder / "progress.json"
    if not path.exists():
        return {}
    try:
        seen = json.loads(path.read_text(encoding="utf-8"))
        there = {id: {"state": e["state"], "tries": int(e["tries"])} for id, e in seen.items()}
        if unknown := {entry["state"] for entry in there.values()} - {*STATES}:
            raise ValueError(f"no state is called {min(unknown)!r}")
        return there
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} can't be read ({error}): move it away to start anew") from error
