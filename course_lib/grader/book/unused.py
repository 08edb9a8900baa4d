"""What students handed in that nothing was taken from: files and cells, in words."""


def unused(rows: list[dict]) -> list[str]:
    """The files and cells of a student's lines that no answer needs."""
    used = {row.get("file") for row in rows}
    files = [tuple(each) for row in rows for each in row.get("files_not_used", ())]
    told = [f"`{label}`: {reason}" for label, reason in dict.fromkeys(files) if label not in used]
    cells = {row["file"]: row["cells_not_used"] for row in rows if row.get("cells_not_used")}
    return told + [f"of `{file}`, {'; '.join(left)}" for file, left in cells.items()]
