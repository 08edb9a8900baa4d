"""Files that are imported in place of a library: a `torch.py` beside a notebook."""

import importlib
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from pathlib import Path

from course_lib.paths import ROOT, WORK

OWN = "course_lib"  # lies in the root, and is linked to the environment


def in_the_way(root: Path = ROOT, work: Path = WORK) -> list[dict[str, str]]:
    """Every such file where notebooks lie or Python starts: `what` it does, and its `repair`."""
    found = shadows({root, root / "notebooks", root / "exercises", work, *_with_notebooks(work)})
    return [
        {"what": f"{path} is imported in place of the library {name}", "repair": "rename it"}
        for name, path in found
    ]


def shadows(folders: Iterable[Path]) -> list[tuple[str, Path]]:
    """(name, file or folder) for what Python would take from these before its own libraries."""
    folders = sorted(folder.resolve() for folder in folders if folder.is_dir())
    importlib.invalidate_caches()
    elsewhere = [p for p in sys.path if p and Path(p).resolve() not in folders]
    found = []
    for folder in folders:
        names = {path.name.split(".")[0] for path in folder.iterdir()}
        for name in sorted(filter(str.isidentifier, names)):
            path = _imported(name, [str(folder)])
            if path and path != ROOT / OWN and _is_a_library(name, elsewhere):
                found.append((name, path))
    return found


def _is_a_library(name: str, places: list[str]) -> bool:
    own = name == OWN or name in sys.stdlib_module_names
    return own or _imported(name, places) is not None


def _imported(name: str, places: list[str]) -> Path | None:
    """What importing a name from these places takes; a bare folder gives way to a library."""
    spec = PathFinder.find_spec(name, places)
    if spec is None or not spec.has_location:
        return None
    path = Path(spec.origin)
    return path.parent if path.stem == "__init__" else path


def _with_notebooks(work: Path) -> set[Path]:
    seen = work.rglob("*.ipynb") if work.is_dir() else ()
    folders = {path.parent for path in seen}
    return {f for f in folders if not any(p.startswith(".") for p in f.relative_to(work).parts)}
