"""What a bundle shows to whoever gets it: its README, and notebooks as before their first run."""

import json
from pathlib import Path

from course_lib.commands.signposts import only_to
from course_lib.grader.course.listing import listed, pages
from course_lib.notebooks import cleared, read_cells, text_of
from course_lib.paths import ROOT

README = """# The Transformer from one dot product up

This is a course in notebooks. You read, guess, run, and write the parts of a Transformer
yourself; a check compares what you wrote with the right answer and with what learners usually
get wrong, and says which it is. It all runs on your own machine, and nothing is sent anywhere.
In this copy: {chapters}.

## Two commands

You need Python 3.11, 3.12 or 3.13 and about 3 GB of free disk. In this folder:

    python3 course.py lab        # sets up what is missing and opens the course in your browser
    python3 course.py check {first}   # says what is right in chapter {first}, and what went wrong

The first start downloads about 1.5 GB and takes some minutes. On Windows write `py` instead of
`python3`.

## Which file to hand in

One for each chapter: your notebook of its exercises. Save it in JupyterLab and hand it in as it
is, under its own name.

| chapter | points | hand in |
|---|---|---|
{table}

Panels in a notebook are about what you ran, in the order in which you ran it. What counts is what
stands in the file, from the top: cells that you changed, moved or deleted since may make another
answer. So save, and let `python3 course.py check {first}` read the file before you hand it in.

Not the chapters, which lie directly in `work/`, and not the folder `exercises/` beside this page,
which holds them as they were. If you set `COURSE_WORK`, that folder takes the place of `work/`.

## While you work

- The first `lab` copies everything into `work/`. Edit there: a newer course never changes what you
  touched. Settings that you make in its JupyterLab are kept there too, in `work/.lab`.
- Each exercise has its check in the notebook. `python3 course.py progress` shows what is solved.
- `python3 course.py reset {first}` takes a fresh copy of chapter {first} and keeps yours beside it.
- Something wrong? `python3 course.py doctor` says what is missing and what repairs it. A set-up
  that was interrupted is repeated: start the same command again.
- The checks run your code as you, on your machine; nothing is sandboxed.

What names and axes mean: [notation](docs/notation.md). Where texts and weights come from:
[data](docs/data.md). Licence: [MIT](LICENSE).
"""


def readme(bundle: Path) -> str:
    """The README of a bundle, about the chapters that are in it."""
    there = pages(bundle)
    rows = [
        f"| {title(bundle, number)} | {points(number)} | `work/exercises/{page.name}` |"
        for number, page in there.items()
    ]
    chapters = ", ".join(there)
    told = f"chapter {chapters}" if len(there) == 1 else f"chapters {chapters}"
    return README.format(chapters=told, first=min(there), table="\n".join(rows))


def points(number: str) -> int:
    """What all exercises of a chapter are worth."""
    return sum(exercise.points for exercise in listed(ROOT, number))


def title(bundle: Path, number: str) -> str:
    """A chapter's number and title, as its first line has them."""
    (page,) = (bundle / "notebooks").glob(f"{number}_*.ipynb")
    return read_cells(page)[0].source.splitlines()[0].lstrip("# ")


def page(path: Path, chapters: set[str]) -> str:
    """A notebook as it is handed out: without outputs, and leading to what else is handed out."""
    return text_of(only_to(cleared(json.loads(path.read_text(encoding="utf-8"))), chapters))
