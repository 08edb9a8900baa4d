"""The learner's copies: made from the course's notebooks, and theirs from the first touch on."""

import json
import platform
import re
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.commands.signposts import in_work
from course_lib.notebooks import cleared, text_of
from course_lib.paths import text_digest, write_atomic

RECORD = ".copies.json"


@dataclass(frozen=True)
class Copied:
    """What `make_copies` did: names relative to work/."""

    new: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)  # nobody had touched the copy
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
    """Copy what work/ does not have yet, and renew what nobody touched.

    What a learner changed or ran stays as it is, whatever it holds.
    """
    work.mkdir(parents=True, exist_ok=True)
    done, record = Copied(), _read_record(work)
    try:
        for name, source in sources(root).items():
            _copy_one(work, name, source, record, done)
    finally:  # what was written is known, also after a crash half way
        if done.new or done.renewed:
            _write_record(work, record)
    return done


def _copy_one(work: Path, name: str, source: Path, record: dict[str, str], done: Copied) -> None:
    target, fresh, known = work / name, fresh_copy(source), record.get(name)
    if not target.exists() and not target.is_symlink():
        told = done.new
    elif known in (None, version(fresh)):
        return
    elif _untouched(target, known):
        told = done.renewed
    else:
        if known != text_digest(source.read_bytes()):
            done.newer.append(name)
        return
    write_atomic(target, fresh)
    record[name] = version(fresh)
    told.append(name)


def keep_and_renew(root: Path, work: Path, chapter: str) -> list[tuple[str, str | None]]:
    """Fresh copies of one chapter; each with the name its old copy is kept under, if it had one.

    Raises OSError when a fresh copy can't be written; then the old one is in its place again.
    """
    record, renewed = _read_record(work), []
    for name, source in sources(root).items():
        if Path(name).stem != chapter:
            continue
        target, fresh = work / name, fresh_copy(source)
        kept = _keep(target)
        try:
            write_atomic(target, fresh)
        except OSError:
            if kept:  # a full disk costs nobody their notebook
                kept.rename(target)
            raise
        record[name] = version(fresh)
        renewed.append((name, kept.relative_to(work).as_posix() if kept else None))
    _write_record(work, record)
    return renewed


def fresh_copy(source: Path) -> str:
    """A course's notebook as a learner gets it: before its first run, its links true in work/.

    It names this Python, as JupyterLab would on opening it: then there is nothing to save.
    Raises ValueError, naming the file, for what is no notebook.
    """
    try:
        notebook = cleared(json.loads(source.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{source} is no notebook: take a fresh copy of the course") from error
    notebook["metadata"] = notebook["metadata"] | {"language_info": language()}
    return in_work(text_of(notebook))


def language() -> dict:
    """What a kernel of this Python says about its language."""
    return {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": platform.python_version(),
    }


def version(text: str) -> str:
    """A digest of a notebook's cells, however its file is laid out and whichever Python it names.

    Raises ValueError for a text that is no notebook.
    """
    try:
        cells = json.loads(text)["cells"]
        kinds = [[c["cell_type"], c["metadata"].get("tags")] for c in cells]
        seen = [["".join(c["source"]), c.get("outputs"), c.get("execution_count")] for c in cells]
    except (KeyError, TypeError) as error:
        raise ValueError(f"no notebook: {error}") from error
    return text_digest(json.dumps([kinds, seen]).encode())


def _untouched(target: Path, known: str) -> bool:
    """Is a copy still what was written, of which `known` was noted?"""
    try:
        content = target.read_bytes()
        # Copies of before were byte for byte the course's, and noted as such.
        return not target.is_symlink() and known in (
            version(content.decode()),
            text_digest(content),
        )
    except (OSError, ValueError):
        return False


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
