"""The race's decoder goes on once more, asked for fewer letters: how much of its lead is that?"""

import runpy
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F

from course_lib.studies import write_record

# All is the race's: the model, the lessons, their number, the rate, the exam. Nothing was chosen.
RACE = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("15_three.py"))))
SEEDS = (0, 1, 2)
HOW = {"kind": "decoder", "rate": RACE.CHOSEN["letters"]["decoder"]["rate"]}
WAYS = ("a sixth", "the second half")


class FewerQuestions(RACE.Letters):
    """Lessons that ask a decoder for a part of each window's letters."""

    def loss(self, model, kind, way, ids, generator):
        """Cross-entropy of a sixth of the letters, drawn by chance, or of the second half."""
        if way == "the second half":
            return RACE.flat_loss(self.logits(model, kind, ids, RACE.HALF), ids[:, RACE.HALF :])
        asked = torch.rand(ids[:, 1:].shape, generator=generator) < 1 / 6
        return F.cross_entropy(self.logits(model, kind, ids, 1)[asked], ids[:, 1:][asked])


def first_steps():
    """Losses of the first updates of both ways."""
    task = FewerQuestions()
    return {w: RACE.learn(task, "letters", way=w, seed=0, stop=3, **HOW)[1] for w in WAYS}


def main():
    """Nats a letter on the race's exam, three seeds each."""
    torch.set_num_threads(1)
    begun, task, results = first_steps(), FewerQuestions(), {"test": {}}
    for seed in SEEDS:
        for way in WAYS:
            model, _ = RACE.learn(task, "letters", way=way, seed=seed, **HOW)
            mark = task.mark(model.eval(), "decoder", way, "test")
            results["test"].setdefault(way, []).append(mark)
            print(seed, way, f"{mark:.4f}", flush=True)
    write_record(Path(__file__), seeds=SEEDS, first_steps=begun, results=results)


if __name__ == "__main__":
    main()
