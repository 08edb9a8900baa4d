"""Honest work as people hand it in: cells out of order, other names, a platform's zip."""

import csv
import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat

Cells = list[tuple[str, tuple[str, ...]]]  # source and tags
NAMES = (
    "{stem}.ipynb", "Copy of {stem}.ipynb", "{stem} (1).ipynb", "ada_{stem}.IPYNB", "{short}.ipynb",
    "homework/final/{stem}.ipynb", "{stem}.ipynb.txt", "mine.ipynb",
)  # fmt: skip
SCRATCH = (
    "import time\ntime.sleep(600)",
    "while True:\n    pass",
    "1 / 0",
    "import pandas as pd\npd.DataFrame()",
    "!pip install einops",
    "query = 3\nscores = [query]",
    "x = torch.ones(2, 3)\nplt.plot(x)",
    "def broken(:",
    "name = input('who? ')",
)


def scratch_between(cells: Cells, chance: random.Random) -> Cells:
    """Cells of one's own anywhere: slow, failing, endless, in no Python at all."""
    made = list(cells)
    for source in chance.sample(SCRATCH, 3):
        made.insert(chance.randrange(len(made) + 1), (source, ()))
    return made


def tags_lost(cells: Cells, chance: random.Random) -> Cells:
    """Another editor kept none of the tags."""
    return [(source, ()) for source, _ in cells]


def setup_gone(cells: Cells, chance: random.Random) -> Cells:
    """The set-up cell was deleted, or a line of it fails now."""
    rest = [(source, tags) for source, tags in cells if "setup" not in tags]
    return (
        rest if chance.random() < 0.5 else [("import not_there\n" + cells[0][0], ("setup",)), *rest]
    )


def merged_with_the_next(cells: Cells, chance: random.Random) -> Cells:
    """Every second cell was merged with the one below."""
    pairs = [cells[i : i + 2] for i in range(1, len(cells), 2)]
    joined = [("\n\n".join(source for source, _ in pair), pair[0][1]) for pair in pairs]
    return [cells[0], *joined]


def failing_lines(cells: Cells, chance: random.Random) -> Cells:
    """A line that fails stands below each answer, in its own cell."""
    return [cells[0], *((f"{source}\n\nprint(1 / 0)", tags) for source, tags in cells[1:])]


WAYS: tuple[Callable[[Cells, random.Random], Cells], ...] = (
    scratch_between, tags_lost, setup_gone, merged_with_the_next, failing_lines,
)  # fmt: skip


def write_untidy(folder: Path, stem: str, cells: Cells, chance: random.Random) -> None:
    """Write a chapter's cells as some student would hand them in."""
    made = chance.choice(WAYS)(cells, chance)
    notebook = nbformat.v4.new_notebook()
    for source, tags in made:
        notebook.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)}))
    name = chance.choice(NAMES).format(stem=stem, short=stem.lstrip("0").partition("_")[2])
    data = json.dumps(notebook).encode(chance.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16")))
    path = folder / stem / name  # so that no two chapters meet in one name
    path.parent.mkdir(parents=True)
    if chance.random() < 0.25:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(f"my work/{path.name}", data)
        path, data = path.with_name("submission.zip"), buffer.getvalue()
    path.write_bytes(data)


def canvas(submissions: Path, archive: Path, roster: Path) -> None:
    """The same work as Canvas gives it: one flat zip, and the gradebook's export."""
    students = sorted(submissions.iterdir())
    with roster.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section"])
        lines.writerow(["    Points Possible", "", "", "", ""])
        for number, student in enumerate(students):
            lines.writerow([f"Doe{number}, Jo", str(100 + number), "", student.name, "A"])
    with zipfile.ZipFile(archive, "w") as made:
        for number, student in enumerate(students):
            for place, path in enumerate(sorted(p for p in student.rglob("*") if p.is_file())):
                late = "LATE_" if number % 7 == 3 else ""
                flat = path.name if path.suffix == ".py" else f"{path.parent.name}-{path.name}"
                name = f"doe{number}jo_{late}{100 + number}_{1000 * number + place}_{flat}"
                made.write(path, name.replace("/", "-"))
