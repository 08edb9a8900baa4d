"""Hidden letters of Shakespeare: how many are found, and what it changes to hide them all as ▢."""

import time
from functools import partial
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F

from course_lib.data.backoff import Neighbours
from course_lib.data.batches import windows
from course_lib.data.characters import CharTokenizer
from course_lib.data.corpora import shakespeare
from course_lib.data.hiding import hide
from course_lib.models import BertConfig, MaskedLM
from course_lib.nn import MultiHeadAttention, Rotary
from course_lib.studies import write_record
from course_lib.training import Muon, train

# The rates were chosen on the part to develop, with 400 steps; the test was looked at once.
WIDTH, LAYERS, LENGTH, SIZE, STEPS = 96, 3, 64, 16, 900
MUON_RATE, ADAM_RATE = 0.02, 0.004
WAYS = {  # how the chosen tokens are hidden while it learns, and the seeds
    "80/10/10": ({"share": 0.3}, (0, 1, 2)),
    "all [MASK]": ({"share": 0.3, "masked": 1.0, "swapped": 0.0}, (0, 1)),
}
PAD, MASK = 0, 1
NARROW = ((1, 1), (1, 0), (0, 1), (0, 0))
WIDE = (  # the list that found most on the part to develop, of six
    *((3, 3), (3, 2), (2, 3), (2, 2), (3, 1), (1, 3), (2, 1), (1, 2)),
    *((3, 0), (0, 3), (1, 1), (2, 0), (0, 2), (1, 0), (0, 1), (0, 0)),
)

PLAYS = shakespeare()
LETTERS = CharTokenizer(PLAYS, ("<pad>", "▢"))
TEXT = torch.tensor(LETTERS.encode(PLAYS))
CUTS = int(0.9 * len(PLAYS)), int(0.95 * len(PLAYS))
LEARN, TEST = TEXT[: CUTS[0]], TEXT[CUTS[1] :]


def hidden_in(ids, generator, **how):
    """What stands there, what is given, and which places are asked for."""
    return ids, *hide(ids, MASK, len(LETTERS), specials=[PAD], generator=generator, **how)


def lessons(seed, how):
    """Windows of the plays with letters hidden, without end."""
    generator = torch.Generator().manual_seed(seed)
    for ids, _ in windows(LEARN, LENGTH, SIZE, generator):
        yield hidden_in(ids, generator, **how)


def make(seed):
    """The chapter's small BERT with rotary places."""
    torch.manual_seed(seed)
    config = BertConfig(len(LETTERS), WIDTH, WIDTH // 32, LAYERS, 4 * WIDTH, LENGTH, dropout=0.0)
    return MaskedLM(config, attention=partial(MultiHeadAttention, position=Rotary(32)))


class Both(torch.optim.Optimizer):
    """Muon for the matrices of the blocks, AdamW for the rest, as one optimiser."""

    def __init__(self, model):
        named = [("blocks" in n and p.ndim == 2, p) for n, p in model.named_parameters()]
        inner, outer = ([p for is_inner, p in named if is_inner == wanted] for wanted in (1, 0))
        adam = torch.optim.AdamW(outer, ADAM_RATE, (0.9, 0.95), weight_decay=0.0)
        super().__init__([*inner, *outer], {})
        self.parts = [adam, Muon(inner, MUON_RATE)]
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    def step(self):
        """Let both take their step."""
        for part in self.parts:
            part.step()


def learn(model, seed, how, stop=STEPS):
    """Take the updates, or the first `stop` of them; the losses."""

    def loss(batch):
        ids, given, hidden = batch
        return F.cross_entropy(model(given)[hidden], ids[hidden])

    optimizer = Both(model)
    plan = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / 20, 1 - step / STEPS)
    )
    some = islice(lessons(seed, how), stop)
    return [record.loss for record in train(loss, some, optimizer, plan, max_norm=1.0)]


def exam(**how):
    """Windows of the test with 15 % of their letters hidden."""
    ids = TEST[: 800 * LENGTH].view(-1, LENGTH)
    return hidden_in(ids, torch.Generator().manual_seed(9), **how)


@torch.no_grad()
def marks(model):
    """On test: chosen letters found, visible ones said as they are, and what a swap becomes."""

    def scores(given):
        return torch.cat([model(part) for part in given.split(100)])

    def share(said, wanted, where):
        return (said == wanted)[where].float().mean().item()

    ids, given, hidden = exam()
    logits = scores(given)
    said, swapped = logits.argmax(dim=-1), hidden & (given != MASK) & (given != ids)
    _, blank, _ = exam(masked=1.0, swapped=0.0)
    return {
        "found": share(said, ids, hidden),
        "nats": F.cross_entropy(logits[hidden], ids[hidden]).item(),
        "found under ▢": share(said, ids, hidden & (given == MASK)),
        "visible": share(said, ids, ~hidden),
        "mended": share(said, ids, swapped),
        "left": share(said, given, swapped),
        "found, all ▢": share(scores(blank).argmax(dim=-1), ids, hidden),
        "nothing hidden": share(scores(ids).argmax(dim=-1), ids, ids != PAD),
    }


def by_tables(letters):
    """What tables of both neighbours, and of up to three a side, find after so many letters."""
    ids, given, hidden = exam()
    rows, places = [tuple(row) for row in given.tolist()], hidden.nonzero().tolist()
    shares = []
    for sides in (NARROW, WIDE):
        table = Neighbours(LEARN[:letters].tolist(), sides)
        right = [table.say(rows[r], i) == ids[r, i].item() for r, i in places]
        shares.append(sum(right) / len(right))
    return shares


def first_steps():
    """Losses of the first updates, hidden in two ways."""
    return {way: learn(make(0), 0, how, stop=4) for way, (how, _) in WAYS.items()}


def main():
    """The tables, then every way with its seeds."""
    torch.set_num_threads(1)
    begun = first_steps()
    results = {"letters a step": SIZE * LENGTH, "steps": STEPS}
    results["tables"] = {str(n): by_tables(n) for n in (400_000, STEPS * SIZE * LENGTH)}
    print(results, flush=True)
    for seed in (0, 1, 2):
        for way, (how, seeds) in WAYS.items():
            if seed in seeds:
                model, start = make(seed), time.process_time()
                learn(model, seed, how)
                told = {"cpu_seconds": time.process_time() - start}
                results.setdefault(way, []).append(told | marks(model.eval()))
                print(seed, way, results[way][-1], flush=True)
    write_record(Path(__file__), seeds=(0, 1, 2), first_steps=begun, results=results)


if __name__ == "__main__":
    main()
