"""What a sealed answer sees of `course_lib`: what it is lent, what does nothing, and no more.

The library holds answers. A chapter's set-up cell may take parts of it, which the grader lends as
source. What only shows or checks something is there and does nothing. All else is refused by name.
"""

import importlib.util
import sys
import types
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec

from .cells import Silent

PACKAGE = "course_lib"
SILENT = ("check", "claims", "plots", "studies", "views")
KEPT = ("course_lib.device",)  # as it is: it picks a device and knows no answer
COMPILED: dict[tuple[str, str], types.CodeType] = {}  # what will be lent, by name and source


class Shelf(MetaPathFinder, Loader):
    """Finds the silent modules of the library, and says that all others are not there."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        """A spec for a silent module. Raises ModuleNotFoundError for the rest of the library."""
        package, _, rest = name.partition(".")
        if package != PACKAGE:
            return None
        if rest.split(".")[0] in SILENT:
            return importlib.util.spec_from_loader(name, self, is_package=True)
        told = f"`{name}` is not there while an answer is graded: the library holds answers"
        raise ModuleNotFoundError(told, name=name)

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        """A module that does nothing."""
        return Silent(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing is to be run."""


def hide_course() -> None:
    """Leave of `course_lib` what holds no answer."""
    kept = {name: sys.modules[name] for name in KEPT if name in sys.modules}
    for name in [n for n in sys.modules if n.split(".")[0] == PACKAGE]:
        del sys.modules[name]
    shell = types.ModuleType(PACKAGE)
    shell.__path__ = []  # a package without a folder
    sys.modules |= {PACKAGE: shell, **kept}
    for name, module in kept.items():
        setattr(shell, name.split(".")[-1], module)
    # An installation in place finds the course by a finder of its own, whatever the path says.
    others = [f for f in sys.meta_path if "__editable__" not in getattr(f, "__module__", "")]
    sys.meta_path[:] = [Shelf(), *others]


def compile_lent(name: str, source: str) -> types.CodeType:
    """A lent module's code, kept for whoever is forked from here."""
    if (name, source) not in COMPILED:
        COMPILED[name, source] = compile(source, f"<{name}>", "exec")
    return COMPILED[name, source]


def lend_all(parts: dict[str, str]) -> None:
    """Lend these parts of the library, by module; what other chapters are lent is forgotten.

    From here on an answer can look at what this process holds, and theirs may do its work.
    """
    for name, source in parts.items():
        lend(name, source)
    COMPILED.clear()


def lend(name: str, source: str) -> None:
    """Make a module of the library from the source that the grader lends, and no file of it."""
    for parent in [name[:i] for i, letter in enumerate(name) if letter == "."]:
        if parent not in sys.modules:
            sys.modules[parent] = types.ModuleType(parent)
            sys.modules[parent].__path__ = []
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile_lent(name, source), module.__dict__)
