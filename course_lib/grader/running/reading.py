"""What a student handed in, as cells."""

from course_lib.notebooks import Cell, read_notebook, read_percent


def cells_in(data: bytes, name: str) -> list[Cell]:
    """Cells."""
    text = data.decode()
    return read_notebook(text) if name.endswith(".ipynb") else read_percent(text)
