"""Where a module comes from: the learner, the course's own installation, or somewhere else."""

import importlib.metadata
import importlib.util
import re
import sys
from functools import cache
from pathlib import Path


def own_module(top: str) -> str:
    """The file of a module that no package brought; "" for what one did, or for none at all."""
    if top in sys.stdlib_module_names:
        return ""
    try:
        found = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # it was made in the session
        return f"the module {top}"
    if found is None:  # then the import fails here as well, and that is told
        return ""
    places = [found.origin, *(found.submodule_search_locations or ())]
    file = next((Path(place) for place in places if place and Path(place).exists()), None)
    installed = file is None or {"site-packages", "dist-packages"} & set(file.parts)
    return "" if installed else (f"the folder {top}" if file.name == "__init__.py" else file.name)


@cache
def is_of_the_course(root: Path, top: str) -> bool:
    """Is a module Python's, of a package that the course installs, or not there at all?"""
    pinned = root / "requirements" / "constraints.txt"
    if top in sys.stdlib_module_names or not pinned.exists():
        return True
    lines = pinned.read_text(encoding="utf-8").splitlines()
    there = {_plain(line.split("==")[0]) for line in lines if "==" in line}
    if _plain(top) in there:
        return True
    brings = importlib.metadata.packages_distributions().get(top, ())  # which takes a while
    return not brings or any(_plain(each) in there for each in brings)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).strip().lower()
