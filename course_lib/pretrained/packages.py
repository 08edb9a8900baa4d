"""Where an installed package keeps its files. The package itself is never imported."""

from importlib.util import find_spec
from pathlib import Path


class MissingPackage(RuntimeError):
    """Files that a chapter needs are not installed; the message says what installs them."""


class MissingWeights(MissingPackage):
    """The weights of a pretrained model are not installed."""


def package_folder(
    name: str, missing: type[MissingPackage] = MissingWeights, setup: str = "setup"
) -> Path:
    """Return the folder of the installed top-level package `name`, without running its code.

    Raises `missing` when there is no such package, with the `setup` that brings it.
    """
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        package = name.replace("_", "-")
        raise missing(f"{package} is not installed: run `python3 course.py {setup}` and try again")
    return Path(spec.submodule_search_locations[0])
