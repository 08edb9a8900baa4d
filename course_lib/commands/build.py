"""`course build`: notebooks and exercises from their sources; only what changed is executed."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from course_lib.commands import server, words
from course_lib.commands.signposts import in_chapter, in_exercises
from course_lib.grader.course.files import solution_cells
from course_lib.notebooks import Cell, read_cells, text_of, with_solution, without_solution
from course_lib.paths import ROOT, text_digest, write_atomic

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET = "application/vnd.jupyter.widget-view+json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `course build`."""
    parser.add_argument("names", nargs="*", help="chapters, such as 02; all when left out")
    parser.add_argument("--check", action="store_true", help="fail when anything is stale")
    parser.add_argument("--all", action="store_true", help="execute unchanged notebooks too")
    parser.add_argument("--solved", metavar="DIR", help="write executed, solved exercises to DIR")


def run(args: argparse.Namespace) -> int:
    """Build, or only say what is stale; the exit code is 1 when something is."""
    for name in ("COURSE_TEST", "OMP_NUM_THREADS", "TQDM_DISABLE"):  # no bar prints the same twice
        os.environ.setdefault(name, "1")
    if args.solved:
        return _build_solved(args.names, Path(args.solved))
    stale = [*_notebooks(args), *_exercises(args), *_words(args), *_orphans()]
    for path in stale if args.check else ():
        print(f"stale: {path.relative_to(ROOT)}", file=sys.stderr)
    if args.check and stale:
        print("run `course build` and commit what it makes", file=sys.stderr)
    return int(args.check and bool(stale))


def sources(folder: Path, names: list[str]) -> list[Path]:
    """Percent sources in a folder, all or those of the named chapters."""
    found = sorted(folder.glob("[0-9][0-9]_*.py"))
    unknown = [n for n in names if not any(p.stem.startswith(n) for p in found)]
    if unknown:
        there = ", ".join(p.stem for p in found)
        raise SystemExit(f"no chapter {unknown[0]!r}; there are: {there}")
    return [p for p in found if not names or any(p.stem.startswith(n) for n in names)]


def notebook_of(cells: list[Cell], **course: str) -> dict:
    """A notebook without outputs. The same cells give the same bytes."""
    made = []
    for number, cell in enumerate(cells):
        metadata = {"tags": list(cell.tags)} if cell.tags else {}
        metadata |= {"jupyter": {"source_hidden": True}} if cell.folded else {}
        entry = {"cell_type": cell.kind, "id": f"cell-{number:03d}", "metadata": metadata}
        entry["source"] = cell.source.splitlines(keepends=True)
        run = {} if cell.kind == "markdown" else {"execution_count": None, "outputs": []}
        made.append(entry | run)
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}, "course": course}
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def execute(notebook: dict, folder: Path) -> dict:
    """Run a notebook by nbclient in a fresh kernel in `folder`; raises on an untagged error."""
    import matplotlib.font_manager  # noqa: F401  # two kernels that list fonts print a warning
    import nbformat
    from nbclient import NotebookClient
    from traitlets.config import Config

    from course_lib.commands.kernels import OwnKernel

    node = nbformat.reads(json.dumps(notebook), as_version=4)  # joins the lines of each cell
    # Widgets with pictures inside need their state while running; _scrubbed leaves it out.
    # coalesced, or the text is cut wherever the clock says
    options = {"timeout": 300, "record_timing": False, "coalesce_streams": True}
    options |= {"kernel_name": "python3", "kernel_manager_class": OwnKernel}
    options["resources"] = {"metadata": {"path": str(folder)}}
    with server.temporary() as name:
        apart = Path(name)
        own = {"connection_file": str(apart / "kernel.json"), **server.talking(apart)}
        client = NotebookClient(node, config=Config({"OwnKernel": own}), **options)
        client.execute(env=server.environment(apart, apart, ""))
    return json.loads(nbformat.writes(_scrubbed(node)))


def _scrubbed(node):
    """Take out what differs from run to run or names this machine."""
    node.metadata = {k: v for k, v in node.metadata.items() if k in ("kernelspec", "course")}
    node.metadata["language_info"] = {"name": "python"}
    for output in (o for c in node.cells if c.cell_type == "code" for o in c.outputs):
        if output.output_type == "error":
            output.traceback = [f"{output.ename}: {output.evalue}"]
        if WIDGET in output.get("data", {}):
            # Without its kernel a widget is an error message; this is what a clone shows instead.
            output.data = {"text/plain": "Run the page down to this cell to use the control."}
    return node


def _read(path: Path) -> dict | None:
    with suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    return None


def _fresh(made: dict | None, wanted: dict) -> bool:
    """Does a notebook hold the wanted cells, all of them run?"""
    if made is None or made.get("metadata", {}).get("course") != wanted["metadata"]["course"]:
        return False
    run = [c for c in made["cells"] if "outputs" in c]
    empty = {"outputs": [], "execution_count": None}
    cleared = [c | empty if "outputs" in c else c for c in made["cells"]]
    return all(c["execution_count"] for c in run) and cleared == wanted["cells"]


def _notebooks(args: argparse.Namespace) -> list[Path]:
    """Build the chapters; with --check, only list the stale ones."""
    stale = []
    for source in sources(ROOT / "notebooks" / "src", args.names):
        target = ROOT / "notebooks" / f"{source.stem}.ipynb"
        cells = in_chapter(read_cells(source), source)
        shown = [source, *(ROOT / "notebooks" / "quizzes").glob(f"{source.stem}.toml")]
        wanted = notebook_of(cells, source=text_digest(b"".join(p.read_bytes() for p in shown)))
        if _fresh(_read(target), wanted) and not args.all:
            continue
        stale.append(target)
        if not args.check:
            print(f"running {target.relative_to(ROOT)}", flush=True)
            write_atomic(target, text_of(execute(wanted, target.parent)))
    return stale


def _words(args: argparse.Namespace) -> list[Path]:
    target = ROOT / "docs" / "glossary.md"
    wanted = words.page(sources(ROOT / "notebooks" / "src", []))
    if target.exists() and target.read_text(encoding="utf-8") == wanted:
        return []
    if not args.check:
        write_atomic(target, wanted)
    return [target]


def _exercises(args: argparse.Namespace) -> list[Path]:
    stale = []
    for source in sources(ROOT / "solutions", args.names):
        target = ROOT / "exercises" / f"{source.stem}.ipynb"
        wanted = stub_notebook(source)
        if _read(target) == wanted:
            continue
        stale.append(target)
        if not args.check:
            print(f"writing {target.relative_to(ROOT)}", flush=True)
            write_atomic(target, text_of(wanted))
    return stale


def stub_notebook(source: Path, values: Mapping[str, Mapping[str, Any]] | None = None) -> dict:
    """What a learner gets of a chapter's solved exercises, with a student's values by exercise."""
    cells = solution_cells(ROOT, source.stem[:2], values)
    stubs = [_changed(cell, without_solution, source) for cell in cells]
    return notebook_of(in_exercises(stubs, source))


def _changed(cell: Cell, change, source: Path) -> Cell:
    try:
        return Cell(cell.kind, change(cell.source), cell.tags)
    except ValueError as error:
        raise ValueError(f"{source}, cell {cell.tags}: {error}") from error


def _orphans() -> list[Path]:
    """Products without a source."""
    pairs = (("notebooks", ROOT / "notebooks" / "src"), ("exercises", ROOT / "solutions"))
    return [
        made
        for folder, source in pairs
        for made in sorted((ROOT / folder).glob("*.ipynb"))
        if not (source / f"{made.stem}.py").exists()
    ]


def _build_solved(names: list[str], folder: Path) -> int:
    """Every exercise notebook with its answers in place, executed, two at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for source in sources(ROOT / "solutions", names):
        solved = solution_cells(ROOT, source.stem[:2])
        made[source.stem] = notebook_of([_changed(c, with_solution, source) for c in solved])
    with ThreadPoolExecutor(2) as kernels:
        ran = kernels.map(lambda notebook: execute(notebook, folder), made.values())
        for stem, notebook in zip(made, ran, strict=True):
            print(f"ran {stem}", flush=True)
            write_atomic(folder / f"{stem}.ipynb", text_of(notebook))
    return 0
