"""A bundle for each student: what is the same for all, and exercises with values of their own."""

import shutil
import tempfile
import zipfile
from pathlib import Path

from course_lib.commands.build import stub_notebook
from course_lib.commands.signposts import only_to
from course_lib.grader.book.gradebook import label
from course_lib.grader.book.students import Draw
from course_lib.grader.course.files import sheet_for
from course_lib.grader.judging.bake import save_sheet, sheet_file
from course_lib.notebooks import text_of
from course_lib.paths import ROOT, write_atomic


def zip_each(bundle: Path, out: Path, draw: Draw) -> None:
    """From one finished bundle, write `out/STUDENT.zip` for everybody on the list."""
    notebooks = sorted((bundle / "exercises").glob("*.ipynb"))
    sources = [ROOT / "solutions" / f"{path.stem}.py" for path in notebooks]
    ids = [id for id in draw.choices if sheet_file(bundle, id).exists()]
    own = {*notebooks, *(sheet_file(bundle, id) for id in ids)}
    out.mkdir()
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        common = Path(folder) / "common.zip"
        add(common, bundle, [p for p in sorted(bundle.rglob("*")) if p not in own], out.name)
        for student in draw.students:
            mine = Path(folder) / "mine"
            write_own(mine, sources, ids, draw.values(student))
            path = out / f"{label(student)}.zip"
            shutil.copy(common, path)
            add(path, mine, sorted(mine.rglob("*")), out.name)
            shutil.rmtree(mine)


def write_own(folder: Path, sources: list[Path], ids: list[str], values: dict) -> None:
    """A student's own exercises, and the sheets that check them."""
    chapters = {source.stem[:2] for source in sources}
    for source in sources:
        text = text_of(only_to(stub_notebook(source, values), chapters))
        write_atomic(folder / "exercises" / f"{source.stem}.ipynb", text)
    for id in ids:
        save_sheet(sheet_file(folder, id), sheet_for(ROOT, id, values=values[id]))


def add(archive: Path, folder: Path, paths: list[Path], top: str) -> None:
    """Add files of a folder to an archive, below a folder `top`."""
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        for path in paths:
            if path.is_file():
                file.write(path, f"{top}/{path.relative_to(folder)}")
