"""MiniLM with LoRA on film reviews once more: twice over all of them, at a rate that was chosen."""

import runpy
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import torch

from course_lib.pretrained.minilm import load_minilm
from course_lib.studies import write_record

# Reviews, films set apart, model and marks are those of 14_reviews. Chosen here, on the films to
# develop and with one seed: LoRA's rate, of three, as the frozen model's decay is one of three.
BEFORE = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("14_reviews.py"))))
SEEDS, PARTS, DEAL = BEFORE.SEEDS, BEFORE.PARTS, BEFORE.DEAL
RATES = (6e-4, 1.2e-3, 2.4e-3)
STEPS, TOKENS = 500, 1024  # about 36 reviews a step: each is read twice


@cache
def given():
    """Labels and ids of the reviews of each part."""
    _, tokenizer = load_minilm()
    y = {part: BEFORE.labels(getattr(DEAL, part)) for part in PARTS}
    return y, {part: BEFORE.encoded(getattr(DEAL, part), tokenizer) for part in PARTS}


def learn(rate, seed, steps=STEPS, tokens=TOKENS):
    """A judge that has learned, and its losses."""
    y, rows = given()
    judge, how = BEFORE.tuned(seed), {"rate": rate, "steps": steps, "tokens": tokens, "seed": seed}
    return judge, BEFORE.fit(judge, rows["train"], y["train"], **how)


def trained(rate, seed):
    """How many reviews to develop a run judges rightly, and the numbers that it learned."""
    torch.set_num_threads(1)
    judge, losses = learn(rate, seed)
    y, rows = given()
    right = BEFORE.accuracy(BEFORE.scores_of(judge, rows["dev"]), y["dev"])
    print(
        f"rate {rate}, seed {seed}: loss {sum(losses[-50:]) / 50:.3f}, dev {right:.4f}", flush=True
    )
    return right, {name: p.data for name, p in judge.named_parameters() if p.requires_grad}


def right_on_test(learned):
    """For each review to test: is it judged rightly?"""
    y, rows = given()
    judge = BEFORE.tuned(0)
    judge.load_state_dict(learned, strict=False)
    return ((BEFORE.scores_of(judge, rows["test"]) > 0) == y["test"].bool()).float()


def frozen_on_test():
    """The same for the linear layer on all layers of MiniLM as it is, and what it was given."""
    y, rows = given()
    model, _ = load_minilm()
    features = {part: BEFORE.layers_of(model, rows[part])[:, :, 0].flatten(1) for part in PARTS}
    told, scores = BEFORE.frozen(y, features, BEFORE.drawn(None, 0))
    return told, ((scores["test"] > 0) == y["test"].bool()).float()


def first_steps():
    """Losses of the first updates."""
    return {"LoRA": learn(RATES[1], SEEDS[0], steps=4, tokens=512)[1]}


def main():
    """Choose the rate with the first seed, train the others, look at the test."""
    torch.set_num_threads(1)
    begun = first_steps()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        runs = dict(zip(RATES, pool.map(trained, RATES, [SEEDS[0]] * len(RATES)), strict=True))
        rate = max(RATES, key=lambda each: runs[each][0])
        told, frozen = frozen_on_test()
        others = list(pool.map(trained, *zip(*product([rate], SEEDS[1:]), strict=True)))
    correct = [right_on_test(learned) for _, learned in (runs[rate], *others)]
    results = {
        "rate": rate,
        "tried on dev": {str(each): right for each, (right, _) in runs.items()},
        "dev": [right for right, _ in (runs[rate], *others)],
        "test": [each.mean().item() for each in correct],
        "frozen": told,
        "gain over frozen": BEFORE.between_films(torch.stack(correct).mean(0), frozen),
        "steps": STEPS,
    }
    print(results, flush=True)
    write_record(Path(__file__), seeds=SEEDS, first_steps=begun, results=results)


if __name__ == "__main__":
    main()
