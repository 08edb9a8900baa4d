"""How fast a class is graded, and whether the grader's memory stays flat over the run.

    python benchmarks/grading.py [--students 200] [--jobs 2] [--scheduler ADDRESS]

The class is generated from the keys: right answers, mistakes that a key knows by name, answers that
are wrong in their own way, and cells left as handed out. Every third student's notebooks are
untidy, and everything goes through Canvas's zip. What each should get is known, so the run also
counts verdicts that are not as they should be.
"""

import argparse
import contextlib
import io
import itertools
import os
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

from made_up_class import write_class
from untidy import canvas

from course_lib.cli import main as course
from course_lib.commands.grade import _executor
from course_lib.grader.book import batch, one_student
from course_lib.grader.book.gradebook import all_rows, open_book
from course_lib.grader.course.files import exercises, key_files
from course_lib.paths import ROOT


def main() -> None:
    """Generate a class, grade it, print a small table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--scheduler")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        due = write_class(Path(folder) / "written", args.students, args.seed)
        hand_in(Path(folder))
        measured = grade(Path(folder), args)
        wrong = unexpected(list(all_rows(Path(folder) / "book")), due)
    for name, value in measured.items():
        print(f"{name:40} {value}")
    print(f"{'verdicts that are not as they should be':40} {len(wrong)}")
    for line in wrong[:10]:
        print("   ", *line)


def hand_in(folder: Path) -> None:
    """Send the class through Canvas: its zip and its list of students, collected."""
    archive, roster = folder / "submissions.zip", folder / "canvas.csv"
    canvas(folder / "written", archive, roster)
    out = ["--out", str(folder / "submissions"), "--roster", str(roster)]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        status = course(["collect", str(archive), *out])
    if status:
        raise SystemExit(said.getvalue())


def grade(folder: Path, args: argparse.Namespace) -> dict[str, str]:
    """Grade the class; rates and memory as text."""
    level, seed = one_student.level_for(None), open_book(folder / "book", args.seed)
    chapters = tuple(path.name[:2] for path in key_files(ROOT))
    students = sorted(path for path in (folder / "submissions").iterdir() if path.is_dir())
    tasks = [one_student.Task(ROOT, student, chapters, seed, level) for student in students]
    memory, spent, ended = [], {}, threading.Event()
    watcher = threading.Thread(target=watch, args=(memory, spent, ended))
    load = os.getloadavg()[0]
    began, finished = time.perf_counter(), []
    watcher.start()
    with _executor(SimpleNamespace(jobs=args.jobs, scheduler=args.scheduler)) as executor:
        for student, trouble in batch.grade_class(executor, folder / "book", tasks):
            finished.append(time.perf_counter() - began)
            if trouble:
                print(f"{student}: {trouble}")
    ended.set()
    watcher.join()
    each = len(exercises(ROOT))
    count = each * len(tasks)
    rest = (len(tasks) - args.jobs) * each / (finished[-1] - finished[args.jobs - 1])
    wall, cpu = finished[-1], sum(spent.values())
    places = [len(memory) // 4, len(memory) // 2, len(memory) * 9 // 10]
    return {
        "students × exercises": f"{len(tasks)} × {each}, isolation {level}, {args.jobs} jobs",
        "seconds, all": f"{wall:.1f}, load {load:.1f} before and {os.getloadavg()[0]:.1f} after",
        "exercises/s, all": f"{count / wall:.1f}",
        "processor time, seconds": f"{cpu:.1f}, {1000 * cpu / count:.1f} ms an exercise",
        "exercises/s, if no core of two ever waits": f"{2 * count / cpu:.1f}",
        "exercises/s, after each job's first student": f"{rest:.1f}",
        "MiB of all grader processes, at ¼, ½, ⁹⁄₁₀": ", ".join(f"{memory[p]:.0f}" for p in places),
    }


def watch(memory: list[float], spent: dict[Path, float], ended: threading.Event) -> None:
    """Note what this process and its descendants hold, in MiB, and have spent since the start.

    Memory is counted page by page, which takes a tenth of a second: only every tenth time.
    """
    own = Path("/proc/self").resolve()
    before = seconds(own)
    for number in itertools.count():
        if ended.wait(0.5):
            break
        found = descendants(own)
        spent.update((process, seconds(process)) for process in found if process.exists())
        if number % 10 == 0:
            memory.append(sum(map(held, found)) / 1024)
    spent[own] -= before  # making the class up


def seconds(process: Path) -> float:
    """Its seconds of processor time; those of the sealed children with the process that forks."""
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        forks = b"warm_process" in (process / "cmdline").read_bytes()
    except OSError:
        return 0.0
    return sum(map(int, fields[11 : 15 if forks else 13])) / os.sysconf("SC_CLK_TCK")


def descendants(process: Path) -> list[Path]:
    """A process and all below it, sealed children left out: they come and go."""
    found = [process]
    for children in process.glob("task/*/children"):
        try:
            for pid in children.read_text().split():
                below = Path("/proc", pid)
                if b"warm_process" not in (process / "cmdline").read_bytes():
                    found += descendants(below)
        except OSError:
            continue
    return found


def held(process: Path) -> int:
    """Its share of memory in KiB; pages that several processes hold count once."""
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def unexpected(rows: list[dict], due: dict[tuple[str, str], str]) -> list[tuple[str, ...]]:
    """Lines that say something else than the class was made for."""
    told = {(r["student"], r["exercise"]): r["mistake"] or r["verdict"] for r in rows}
    return [
        (*key, want, "->", told.get(key, "no line"))
        for key, want in due.items()
        if told.get(key) != want and not (want == "wrong" and told.get(key) == "crashed")
    ]


if __name__ == "__main__":
    main()
