"""The course's own budgets, measured side by side in one run: imports and checks.

    python benchmarks/budgets.py

Times are processor seconds of one thread. A machine that is busy makes them larger, so the import
is given as a ratio to `import torch` in the same run.
"""

import os
import statistics
import subprocess
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
IMPORT_BUDGET, CHECK_BUDGET = 0.15, 0.3
ROUNDS = 5


def import_seconds(statement: str) -> float:
    """Processor seconds of a fresh Python that runs `statement`; the median of a few."""
    code = f"import time; t = time.process_time(); {statement}; print(time.process_time() - t)"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True) for _ in range(ROUNDS)
    ]
    return statistics.median(float(run.stdout) for run in runs)


def imports() -> None:
    """What `course_lib` adds to `import torch`."""
    torch_alone = import_seconds("import torch")
    both = import_seconds("import torch, course_lib.nn.attention")
    added = both - torch_alone
    verdict = "within" if added <= IMPORT_BUDGET else "OVER"
    print(f"import torch {torch_alone:.2f} s; course_lib.nn.attention adds {added:.3f} s", end=" ")
    print(f"({added / torch_alone:.1%}; {verdict} the budget of {IMPORT_BUDGET} s)")


def checks() -> None:
    """The first and the second check of every exercise, with its solution and its first mistake."""
    from course_lib.grader.course.checking import verdict_on
    from course_lib.grader.course.files import exercises, load_solution
    from course_lib.paths import ROOT

    print(f"\n{'exercise':28} first  again  wrong   seconds")
    slow = []
    for exercise in exercises(ROOT):
        solution, wrong = load_solution(ROOT, exercise), exercise.mistakes[0].answer
        spent = []
        for answer in (solution, solution, wrong):
            began = time.process_time()
            verdict_on(ROOT, exercise.id, answer)
            spent.append(time.process_time() - began)
        print(f"{exercise.id:28} " + "  ".join(f"{seconds:5.3f}" for seconds in spent))
        slow += [exercise.id] if max(spent) > CHECK_BUDGET else []
    print(f"over the budget of {CHECK_BUDGET} s: {', '.join(slow) or 'none'}")


if __name__ == "__main__":
    imports()
    checks()
