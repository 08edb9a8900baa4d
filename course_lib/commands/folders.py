"""What a folder is, before a command takes it for submissions or for a gradebook."""

from collections.abc import Iterable
from pathlib import Path

from course_lib.grader.book.collecting.members import is_litter
from course_lib.grader.book.collecting.naming import from_platform
from course_lib.grader.course.finding.walking import below

WORK = (".ipynb", ".py")
EXPECTED = "expected one folder for each student, such as submissions/ada/02_attention.ipynb"


def students_in(folder: Path) -> tuple[list[Path], list[str]]:
    """The students' folders, and what else is there and was passed by, in words.

    Raises ValueError, saying what was found and what was expected, for a folder of another kind.
    """
    refuse_other(folder)
    entries = sorted(folder.iterdir())
    folders = [path for path in entries if path.is_dir()]
    students = [path for path in folders if not _no_student(path)]
    files = [path for path in entries if path.is_file() and not is_litter(path.name)]
    if platform := _download(students, files):
        raise ValueError(f"{folder} is a download of {platform}: {_collect(folder)}")
    if told := _one_student(students, files) or _too_high(students):
        raise ValueError(f"{folder} {told}")
    passed = [f"{path.name}{_no_student(path)}" for path in folders if _no_student(path)]
    loose = [path.name for path in files if path.suffix in (*WORK, ".zip")]
    return students, [*passed, *(f"{name} (in nobody's folder)" for name in loose)]


def _download(students: list[Path], files: list[Path]) -> str:
    """The platform that this was downloaded from and no more than unpacked, and what tells it."""
    names = [path.name for path in students if from_platform(path.name) == "Moodle"]
    if not names and not any(map(_has_work, students)):
        names = [path.name for path in files if from_platform(path.name)]
    return f"{from_platform(names[0])} ({some(names)})" if names else ""


def _one_student(students: list[Path], files: list[Path]) -> str:
    """Is this one student's folder, or a folder of archives?"""
    if any(map(_has_work, students)):
        return ""
    if work := [path.name for path in files if path.suffix in WORK]:
        return f"looks like the folder of one student ({some(work)}); {EXPECTED}"
    packed = [path.name for path in files if path.suffix == ".zip"]
    return f"holds archives ({some(packed)}) and nobody's notebook; {EXPECTED}" if packed else ""


def _too_high(students: list[Path]) -> str:
    """Is there one folder only, and in it the folders of several students?"""
    if len(students) != 1 or any(path.suffix in WORK for path in students[0].iterdir()):
        return ""
    inner = [path for path in sorted(students[0].iterdir()) if path.is_dir()]
    found = [p.name for p in inner if any(q.suffix in WORK for q in p.iterdir())]
    if len(found) < 2:
        return ""
    told = f"holds only {students[0].name}, and that holds folders ({some(found)})"
    return f"{told}; {EXPECTED}. Is it {students[0]} that you mean?"


def refuse_other(folder: Path, expected: str = EXPECTED) -> None:
    """Raises ValueError for what is no folder, for the course itself, and for a gradebook."""
    if not folder.is_dir():
        told = f"{folder} is not a folder of submissions"
        if folder.is_file():
            told += f", but a file; if a platform gave it to you, {_collect(folder)}"
        raise ValueError(f"{told}; {expected}")
    if (folder / "course_lib").is_dir() and (folder / "course.py").is_file():
        raise ValueError(f"{folder} is the course itself; {expected}")
    if is_gradebook(folder):
        raise ValueError(f"{folder} is a gradebook; {expected}")


def _collect(folder: Path) -> str:
    return f"`course collect {folder} --out submissions` makes the folders"


def is_gradebook(folder: Path) -> bool:
    """Did `course grade` make this folder? In one of a class somebody may be called `results`."""
    if (folder / "book.json").is_file():
        return True
    return any((folder / "results").glob("*.jsonl")) and not _has_work(folder)


def refuse_target(book: Path, submissions: Path) -> None:
    """Raises ValueError where a gradebook would land among other files, or among students."""
    if book.resolve() == submissions.resolve():
        raise ValueError(f"--out {book}: the gradebook needs a folder of its own")
    if book.exists() and not (book.is_dir() and (is_gradebook(book) or _only_ours(book))):
        raise ValueError(f"--out {book} is no gradebook, and not empty: it has {held(book)}")


def _only_ours(book: Path) -> bool:
    """A gradebook that isn't graded into yet: empty, or with rules or values put there before."""
    there = {path.name for path in book.iterdir() if not is_litter(path.name)}
    return there <= {"rules.toml", "values.json", "results"}


def held(folder: Path) -> str:
    """What a folder has, in a few words."""
    if folder.is_file():
        return "a file"
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    folders = [path.name for path in entries if path.is_dir()]
    files = [path.name for path in entries if not path.is_dir()]
    parts = [
        f"{len(names)} {kind}{'s' if len(names) > 1 else ''} ({some(names)})"
        for kind, names in (("folder", folders), ("file", files))
        if names
    ]
    return " and ".join(parts) or "nothing"


def some(names: Iterable[str]) -> str:
    """The first few of many names."""
    listed = list(names)
    return ", ".join(listed[:3]) + (", …" if len(listed) > 3 else "")


def _no_student(path: Path) -> str:
    """Why a folder is no student's, in words; empty for one that is."""
    if path.is_symlink():
        return " (a link)"
    if is_litter(path.name):
        return " (no student)"
    return " (a gradebook)" if is_gradebook(path) and not _has_work(path) else ""


def _has_work(folder: Path) -> bool:
    files = (Path(file.name) for _, file in below(folder) if not file.trouble)
    return any(file.suffix in (*WORK, ".zip") for file in files)
