"""Which definitions of the library need which: a graph over `course_lib`, read from its source."""

import ast
from collections.abc import Iterator
from pathlib import Path

from course_lib.grader.judging.scopes import bound

PACKAGE = "course_lib"
DEFINITIONS = ast.FunctionDef | ast.ClassDef
IMPORTS = ast.Import | ast.ImportFrom
Place = tuple[Path, str]  # a file and a name in it; "" stands for what importing it runs


class Needs:
    """Every definition below a root's `course_lib`, and what it needs to work."""

    def __init__(self, root: Path) -> None:
        self.root = root
        files = sorted((root / PACKAGE).rglob("*.py"))
        self.trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}
        self.aliases = {path: self._imported(path, tree) for path, tree in self.trees.items()}
        self.places: dict[Place, list[ast.stmt]] = {}
        for path, tree in self.trees.items():
            self.places[path, ""] = []
            for node in tree.body:
                name = node.name if isinstance(node, DEFINITIONS) else ""
                if not isinstance(node, IMPORTS):
                    self.places.setdefault((path, name), []).append(node)
            for name in self.aliases[path]:
                self.places.setdefault((path, name), [])
        self.of = {place: self._needs(place) for place in self.places}

    def of_code(self, tree: ast.AST) -> set[Place]:
        """What a page's code takes from the library."""
        imports = (node for node in ast.walk(tree) if isinstance(node, IMPORTS))
        return {place for node in imports for each in self._targets(node) for place in each[1]}

    def reached(self, start: set[Place]) -> set[Place]:
        """The start and all that it needs."""
        found, waiting = set(), [place for place in start if place in self.places]
        while waiting:
            place = waiting.pop()
            if place not in found:
                found.add(place)
                waiting += self.of[place]
        return found

    def relying_on(self, gone: set[Place]) -> set[Place]:
        """These, and whatever can't work without them."""
        found, before = set(gone), set()
        while found != before:
            before = set(found)
            found |= {place for place, needs in self.of.items() if needs & before}
            # A file that can't be imported takes all that is in it along.
            broken = {path for path, name in found if not name}
            found |= {place for place in self.places if place[0] in broken}
        return found

    def _needs(self, place: Place) -> set[Place]:
        path, name = place
        found = {(path, "")} if name else set()
        found |= self.aliases[path].get(name, set())
        for node in self.places[place]:
            found |= self.of_code(node)
            for read in (n.id for n in ast.walk(node) if isinstance(n, ast.Name)):
                found |= {(path, read)} & self.places.keys()
        return (found & self.places.keys()) - {place}

    def _imported(self, path: Path, tree: ast.Module) -> dict[str, set[Place]]:
        nodes = [node for node in tree.body if isinstance(node, IMPORTS)]
        return {name: places for node in nodes for name, places in self._targets(node, path)}

    def _targets(
        self, node: ast.Import | ast.ImportFrom, path: Path | None = None
    ) -> Iterator[tuple[str, set[Place]]]:
        """(bound name, what it stands for) for each name that a statement takes."""
        for alias in node.names:
            name = bound(alias)
            if isinstance(node, ast.Import):
                yield name, self._module(alias.name)
                continue
            base = node.module or ""
            if node.level and path is not None:
                above = path.relative_to(self.root).parts[: -node.level]
                base = ".".join([*above, *([base] if base else [])])
            file = self._file(base)
            inside = self._module(f"{base}.{alias.name}")
            inside = inside or (self._served(file).get(alias.name, set()) if file else set())
            yield name, inside or ({(file, alias.name), (file, "")} if file else set())

    def _module(self, name: str) -> set[Place]:
        """A whole module: who holds it may use anything of it."""
        file = self._file(name)
        found = (
            (n.name for n in self.trees[file].body if isinstance(n, DEFINITIONS)) if file else ()
        )
        own = {(file, name) for name in (*found, *(self._names(file)), "")} if file else set()
        return own.union(*self._served(file).values()) if file else own

    def _served(self, room: Path) -> dict[str, set[Place]]:
        """What a room hands out of its files, as `course_lib.nn.lazily` does: where each is."""
        found: dict[str, set[Place]] = {}
        for node in self.trees[room].body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PLACES":
                for module, names in ast.literal_eval(node.value).items():
                    parts = room.parent.relative_to(self.root).parts
                    file = self._file(".".join((*parts, module)))
                    for name in names.split() if file else ():
                        found[name] = {(file, name), (file, ""), (room, "")}
        return found

    def _names(self, file: Path) -> set[str]:
        nodes = [n for n in self.trees[file].body if isinstance(n, ast.ImportFrom)]
        return {bound(alias) for node in nodes for alias in node.names}

    def _file(self, name: str) -> Path | None:
        if name.split(".")[0] != PACKAGE:
            return None
        path = self.root.joinpath(*name.split("."))
        found = (path.with_suffix(".py"), path / "__init__.py")
        return next((file for file in found if file in self.trees), None)
