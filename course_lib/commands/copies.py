"""The learner's copies: made once from the course's notebooks, never overwritten."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.paths import write_atomic

RECORD = ".copies.json"


@dataclass(frozen=True)
class Copied:
    """What `make_copies` did: names relative to work/."""

    new: list[str] = field(default_factory=list)
    newer: list[str] = field(default_factory=list)  # the course's has changed since the copy


def sources(root: Path) -> dict[str, Path]:
    """Every notebook a learner gets: its place under work/ and the file it comes from."""
    found = {path.name: path for path in sorted((root / "notebooks").glob("*.ipynb"))}
    for path in sorted((root / "exercises").glob("*.ipynb")):
        found[f"exercises/{path.name}"] = path
    return found


def chapters(root: Path) -> list[str]:
    """The chapters that can be copied, in order: `02_attention`, …"""
    return sorted(
        {Path(name).stem for name in sources(root) if re.match(r"\d\d_", Path(name).name)}
    )


def find_chapter(root: Path, text: str) -> str:
    """The chapter meant by `2`, `02` or `02_attention`.

    Raises `ValueError`, naming the chapters there are.
    """
    there = chapters(root)
    wanted = text.strip().removesuffix(".ipynb")
    number = f"{int(wanted):02d}_" if wanted.isdecimal() else None
    for name in there:
        if name == wanted or (number and name.startswith(number)):
            return name
    known = ", ".join(there) if there else "none yet"
    raise ValueError(f"there is no chapter {text!r}; the chapters are: {known}")


def make_copies(root: Path, work: Path) -> Copied:
    """Copy what work/ does not have yet. What is there stays as it is, whatever it holds."""
    work.mkdir(parents=True, exist_ok=True)
    done, record = Copied(), _read_record(work)
    for name, source in sources(root).items():
        target = work / name
        if not target.exists() and not target.is_symlink():
            fresh_copy(source, target)
            record[name] = _digest(source)
            done.new.append(name)
        elif record.get(name) not in (None, _digest(source)):
            done.newer.append(name)
    if done.new:
        _write_record(work, record)
    return done


def keep_and_renew(root: Path, work: Path, chapter: str) -> list[tuple[str, str | None]]:
    """Fresh copies of one chapter; each with the name its old copy is kept under, if it had one."""
    record, renewed = _read_record(work), []
    for name, source in sources(root).items():
        if Path(name).stem != chapter:
            continue
        target = work / name
        kept = _keep(target)
        fresh_copy(source, target)
        record[name] = _digest(source)
        renewed.append((name, kept.relative_to(work).as_posix() if kept else None))
    _write_record(work, record)
    return renewed


def fresh_copy(source: Path, target: Path) -> None:
    """Copy whole or not at all: a crash half way leaves nothing that looks like a notebook."""
    write_atomic(target, source.read_bytes())


def _keep(path: Path) -> Path | None:
    """Move a file to `NAME.kept-N.ipynb` with the first free N; None when there is none."""
    if not path.exists() and not path.is_symlink():
        return None
    number = 1
    while (kept := path.with_name(f"{path.stem}.kept-{number}{path.suffix}")).exists():
        number += 1
    path.rename(kept)
    return kept


def _read_record(work: Path) -> dict[str, str]:
    """Which version each copy was made from; lost or broken, it only costs the update notices."""
    try:
        record = json.loads((work / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write_record(work: Path, record: dict[str, str]) -> None:
    write_atomic(work / RECORD, json.dumps(record, indent=1, sort_keys=True) + "\n")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
