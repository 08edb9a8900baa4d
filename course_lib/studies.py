"""Studies: runs too long for a notebook. A script makes a record; a chapter shows the record."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import torch

from course_lib.paths import ROOT, text_digest, write_atomic

STUDIES = ROOT / "notebooks" / "studies"


def study(name: str) -> dict[str, Any]:
    """Read the record of a study, such as `06_positions`.

    It holds `results`, and how they were made: `command`, `seeds`, `versions`, `source` (the
    hash of the script), `cpu_seconds`, and `first_steps`, which a test replays.
    Raises `ValueError` if there is no such record.
    """
    path = STUDIES / f"{name}.json"
    if not path.is_file():
        there = ", ".join(sorted(path.stem for path in STUDIES.glob("*.json")))
        raise ValueError(f"no study {name!r}; there are: {there}")
    return json.loads(path.read_text(encoding="utf-8"))


def source_hash(script: Path) -> str:
    """The SHA-256 of a script, whichever way its lines end."""
    return text_digest(script.read_bytes())


def write_record(script: Path, *, seeds: Any, first_steps: Any, results: Any) -> None:
    """Write what a study found beside its script, with all that is needed to make it again."""
    record = {
        "command": f"python notebooks/studies/{script.name}",
        "source": source_hash(script),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "cpu_seconds": round(sum(os.times()[:4])),  # those of its processes, too
        "seeds": list(seeds),
        "first_steps": first_steps,
        "results": results,
    }
    text = json.dumps(_rounded(record), indent=1, ensure_ascii=False)
    write_atomic(script.with_suffix(".json"), text + "\n")


def _rounded(value: Any) -> Any:
    """Four decimals: more than a picture shows and than a second run repeats."""
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value
