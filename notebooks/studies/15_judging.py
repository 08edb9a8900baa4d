"""The race's judging once more, each of the three at its own rate."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import torch

from course_lib.studies import write_record

# The models, lessons and exam are those of the race, which judged at 0.02, the one rate that it
# had tried. Here another seed and the reviews to develop choose among three; the test, which the
# race had seen, is used once more.
RACE = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("15_three.py"))))
SEEDS, OTHER_SEED, RATES = (0, 1, 2), 3, (0.02, 0.04, 0.08)
HOW = RACE.CHOSEN["reviews"]


def judge(task, kind, rate, seed, part):
    """The share of reviews judged rightly by a new model."""
    how = {**HOW[kind], "rate": rate}
    model, _ = RACE.learn(task, "reviews", kind, **how, seed=seed)
    return task.mark(model.eval(), kind, how["way"], part)


def first_steps():
    """Losses of the first updates at the middle rate."""
    task = RACE.Reviews()
    some = {kind: {**how, "rate": 0.04, "seed": 0, "stop": 3} for kind, how in HOW.items()}
    return {kind: RACE.learn(task, "reviews", kind, **how)[1] for kind, how in some.items()}


def main():
    """Each rate by development data; past the ends, as long as one there is the best."""
    torch.set_num_threads(1)
    begun, task = first_steps(), RACE.Reviews()
    results = {"development": {}, "rate": {}, "test": {}}
    for kind in HOW:
        found = {rate: judge(task, kind, rate, OTHER_SEED, "dev") for rate in RATES}
        while (best := max(found, key=found.get)) in (min(found), max(found)):
            further = 2 * best if best == max(found) else best / 2
            found[further] = judge(task, kind, further, OTHER_SEED, "dev")
        results["development"][kind], results["rate"][kind] = found, best
        print(kind, best, found, flush=True)
    for seed in SEEDS:
        for kind, rate in results["rate"].items():
            mark = judge(task, kind, rate, seed, "test")
            results["test"].setdefault(kind, []).append(mark)
            print(seed, kind, f"{mark:.4f}", flush=True)
    write_record(Path(__file__), seeds=SEEDS, first_steps=begun, results=results)


if __name__ == "__main__":
    main()
