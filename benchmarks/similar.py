"""What `course similar` finds in a class where it is known who copied, and whom it names wrongly.

    python benchmarks/similar.py [--students 200] [--classes 3] [--copied 3 6 12] [--chapters 02]

Every student of the class writes on their own: one of the right or wrong ways that a key knows, in
a style of their own (methods or functions, `@` or `matmul`, temporaries, keywords, names, a print
left behind). Then pairs are planted: one hands in some of the other's answers with every variable
renamed, independent statements reordered, and new layout.
"""

import argparse
import ast
import itertools
import random
import tempfile
import time
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from made_up_class import mistaken, setup
from styles import Style, disguised, styled

from course_lib.grader.book.one_student import Task, level_for
from course_lib.grader.course.files import exercises, find, key_files, solution_cells
from course_lib.grader.judging.key import Exercise
from course_lib.grader.similar.answers import gather, given
from course_lib.grader.similar.nearness import alike
from course_lib.notebooks import with_solution
from course_lib.paths import ROOT

PAIRS = 10  # planted in a class, for each number of copied answers
CHAPTERS = tuple(path.name[:2] for path in key_files(ROOT))
RIGHT, WRITTEN = 0.75, 0.9  # shares: of right answers, and of exercises that a student tries


def main() -> None:
    """Print, for each kind of class, who is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, nargs="+", default=[30, 200])
    parser.add_argument("--classes", type=int, default=3)
    parser.add_argument("--copied", type=int, nargs="+", default=[0, 2, 4, 6, 12])
    parser.add_argument("--chapters", default="", help="handed in; such as 02,05")
    args = parser.parse_args()
    chapters = tuple(args.chapters.split(",")) if args.chapters else CHAPTERS
    print("students copied planted found clearly wrongly named of pairs seconds")
    for students, copied in itertools.product(args.students, args.copied):
        rows = [tried(students, copied, seed, chapters) for seed in range(args.classes)]
        planted, found, clear, wrong, pairs, seconds = map(sum, zip(*rows, strict=True))
        told = f"{students:8} {copied:6} {planted:7} {found:5} {clear:7} {wrong:13} {pairs:8}"
        print(f"{told} {seconds / len(rows):7.1f}", flush=True)


def tried(students: int, copied: int, seed: int, chapters: tuple[str, ...]) -> tuple[float, ...]:
    """Planted, found, found clearly, named wrongly, pairs in the class, seconds."""
    with tempfile.TemporaryDirectory() as folder:
        planted = write(Path(folder), students, copied, random.Random(seed), chapters)
        began = time.perf_counter()
        named = report(Path(folder))
        seconds = time.perf_counter() - began
    found = {frozenset((pair.one, pair.other)): pair for pair in named}
    clear = sum(pair in planted and found[pair].clear for pair in found)
    right = len(planted & found.keys())
    return len(planted), right, clear, len(found) - right, students * (students - 1) // 2, seconds


def report(submissions: Path) -> list:
    """The pairs that `course similar` would name."""
    tasks = [
        Task(ROOT, path, CHAPTERS, 0, level_for(None)) for path in sorted(submissions.iterdir())
    ]
    handed_in = gather(tasks)
    return alike(handed_in.pieces, given(ROOT, handed_in))


def write(
    folder: Path, students: int, copied: int, chance: random.Random, chapters: tuple[str, ...]
) -> set[frozenset]:
    """Write the class; returns the planted pairs."""
    answers = [answers_of(Style(chance), chance, chapters) for _ in range(students)]
    planted = set()
    for number in range(min(PAIRS, students // 6) if copied else 0):
        one, other = 2 * number, 2 * number + 1
        taken = chance.sample(sorted(answers[one]), min(copied, len(answers[one])))
        answers[other] |= {id: disguised(answers[one][id], chance) for id in taken}
        planted.add(frozenset((name_of(one), name_of(other))))
    for number, own in enumerate(answers):
        target = folder / name_of(number)
        target.mkdir()
        for key in key_files(ROOT):
            cells = [
                f'# %% tags=["{id}"]\n{text}' for id, text in own.items() if id[:2] == key.name[:2]
            ]
            first = '# %% tags=["setup"]\n' + "\n".join(setup(key.name[:2]))
            (target / f"{key.stem}.py").write_text("\n\n".join([first, *cells]) + "\n")
    return planted


def name_of(number: int) -> str:
    """A student's folder."""
    return f"student{number:04}"


def answers_of(style: Style, chance: random.Random, chapters: tuple[str, ...]) -> dict[str, str]:
    """A student's answers, by exercise."""
    made = {}
    for exercise in exercises(ROOT):
        if exercise.chapter in chapters and chance.random() < WRITTEN:
            right, wrong = ways(exercise.id)
            way = chance.choice(right if chance.random() < RIGHT or not wrong else wrong)
            made[exercise.id] = styled(way, style, chance)
    return made


@cache
def ways(id: str) -> tuple[list[str], list[str]]:
    """Sources of the right ways to answer that the key knows, and of the wrong ones."""
    exercise = find(ROOT, id)[1]
    cell = next(c for c in solution_cells(ROOT, exercise.chapter) if exercise.id in c.tags)
    solution = ast.unparse(ast.parse(with_solution(cell.source)))
    right = [solution] + [written(exercise, f, {}) for f in exercise.also_right]
    wrong = [written(exercise, m.function, m.flags) for m in exercise.mistakes]
    return [way for way in right if way], [way for way in wrong if way]


def written(exercise: Exercise, function: object, flags: dict) -> str:
    """The source of a function of the key; nothing when it isn't one by itself."""
    named = getattr(function, "__qualname__", "").isidentifier()
    plain = all(isinstance(value, int | float | str) for value in flags.values())
    if not (named and plain):
        return ""
    return mistaken(exercise, SimpleNamespace(function=function, flags=flags, values={}))


if __name__ == "__main__":
    main()
