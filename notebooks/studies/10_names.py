"""Arabic names in Latin letters: an encoder–decoder against three who count, the best by far joint
n-grams, on names that none has seen."""

import time
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path

import torch
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein
from torch import nn
from torch.optim import AdamW, Muon, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from course_lib.data.batches import by_tokens, pad
from course_lib.data.characters import CharTokenizer
from course_lib.data.names import arabic_names
from course_lib.data.splits import split
from course_lib.generation import beam_search
from course_lib.models.seq2seq import Seq2Seq, Seq2SeqConfig
from course_lib.nn.blocks import PreNorm
from course_lib.nn.cache import GrowingCache
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import RMSNorm
from course_lib.nn.positions.rotary import Rotary
from course_lib.studies import write_record
from course_lib.training import cross_entropy, train

SEEDS = (0, 1, 2)
NAMES = arabic_names()
PARTS = split(NAMES, dev=1000, test=2000)
SPELLINGS = 1  # of each name, the commonest: what all sides learn from
PAD, START, END = 0, 1, 2
SPECIALS = ("<pad>", "<start>", "<end>")
READ = CharTokenizer(NAMES, SPECIALS)
WRITTEN = CharTokenizer([s for spellings in NAMES.values() for s in spellings], SPECIALS)
SIZES = {"d_model": 96, "num_heads": 4, "num_layers": (2, 2), "d_ff": 192, "dropout": 0.1}
EPOCHS, TOKENS, RATES, WARM_UP, BEAMS = 10, 1200, (0.02, 0.004), 100, 4
ORDERS, LONGEST, ROUNDS, KEPT = (1, 2, 3, 4, 5, 6, 7), 4, 6, 20
EDGE = ("", "")


def pairs(names):
    """What is learned from: each name with its commonest spellings."""
    return [(name, spelling) for name in names for spelling in NAMES[name][:SPELLINGS]]


# %% the sides that count


def spans(source, target):
    """Each (i, j, k) such that letter i may stand for target[j:k], in order."""
    n, m = len(source), len(target)
    for i in range(n):
        for j in range(max(0, m - (n - i) * LONGEST), min(m, i * LONGEST) + 1):
            for k in range(j, min(m, j + LONGEST) + 1):
                yield i, j, k


def expected(known, chances):
    """How often each unit (letter, what it stands for) is expected: all alignments, weighed."""
    found = Counter()
    for source, target in known:
        n, m = len(source), len(target)
        edges = [(i, j, k, chances(source[i], target[j:k])) for i, j, k in spans(source, target)]
        before = [[0.0] * (m + 1) for _ in range(n + 1)]
        after = [[0.0] * (m + 1) for _ in range(n + 1)]
        before[0][0] = after[n][m] = 1.0
        for i, j, k, p in edges:
            before[i + 1][k] += before[i][j] * p
        for i, j, k, p in reversed(edges):
            after[i][j] += p * after[i + 1][k]
        if whole := before[n][m]:
            for i, j, k, p in edges:
                found[source[i], target[j:k]] += before[i][j] * p * after[i + 1][k] / whole
    return found


def align(known, rounds=ROUNDS):
    """P(what it stands for | letter), by expectation and maximisation; one sign each to begin."""

    def chances(letter, part):
        return 0.1 ** abs(len(part) - 1)

    for _ in range(rounds):
        found, of = expected(known, chances), Counter()
        for (letter, _), count in found.items():
            of[letter] += count
        table = {unit: count / of[unit[0]] for unit, count in found.items() if count > 1e-6}

        def chances(letter, part, table=table):
            return table.get((letter, part), 0.0)

    return table


def path(source, target, table):
    """The likeliest units of a pair; None when a letter would stand for too much."""
    n, m = len(source), len(target)
    best = {(0, 0): (1.0, ())}
    for i, j, k in spans(source, target):
        unit = source[i], target[j:k]
        if (i, j) in best and unit in table:
            chance, units = best[i, j]
            best[i + 1, k] = max(
                best.get((i + 1, k), (0.0, ())), (chance * table[unit], (*units, unit))
            )
    return best[n, m][1] if (n, m) in best else None


class JointNgrams:
    """A name as a sequence of units, each given the `order - 1` before it (Kneser and Ney 1995).

    Source: Bisani and Ney 2008, joint-sequence models; smoothing as in Chen and Goodman 1998.
    """

    def __init__(self, paths, order):
        self.seen, self.counts = order - 1, defaultdict(Counter)
        for units in paths:
            row = [EDGE, *units, EDGE]
            for i in range(1, len(row)):
                self.counts[tuple(row[max(0, i - self.seen) : i])][row[i]] += 1
        for length in range(self.seen, 0, -1):  # shorter: after how many others, not how often
            for past in [each for each in self.counts if len(each) == length]:
                for unit in self.counts[past]:
                    self.counts[past[1:]][unit] += 1
        of = defaultdict(set)
        for unit in (EDGE, *(unit for units in paths for unit in units)):
            of[unit[0]].add(unit)
        self.units = {letter: sorted(found) for letter, found in of.items()}
        self.discount, self.known = self._discounts(), {}

    def _discounts(self):
        how_often = defaultdict(Counter)
        for past, counted in self.counts.items():
            how_often[len(past)].update(counted.values())
        return {length: n[1] / (n[1] + 2 * n[2]) for length, n in how_often.items()}

    def chances(self, past, letter):
        """P(unit | past) of each unit of a letter."""
        if (past, letter) in self.known:
            return self.known[past, letter]
        units = self.units[letter]
        if past:
            lower = self.chances(past[1:], letter)
        else:
            lower = [1 / sum(map(len, self.units.values()))] * len(units)
        if counted := self.counts.get(past):
            total, less = sum(counted.values()), self.discount[len(past)]
            rest = less * len(counted) / total
            lower = [
                max(0, counted[unit] - less) / total + rest * p
                for unit, p in zip(units, lower, strict=True)
            ]
        self.known[past, letter] = lower
        return lower

    def write(self, source):
        """The likeliest spelling, over all of its units, that `KEPT` beginnings at a time find."""
        going = {((EDGE,), ""): 1.0}
        for letter in (*(each for each in source if each in self.units), ""):
            found = defaultdict(float)
            for (past, written), chance in going.items():
                seen = past[len(past) - min(len(past), self.seen) :]
                units = self.units[letter]
                for unit, p in zip(units, self.chances(seen, letter), strict=True):
                    now = (*seen, unit)[-max(1, self.seen) :]
                    found[now, written + unit[1]] += chance * p
            going = dict(sorted(found.items(), key=lambda item: -item[1])[:KEPT])
        spelled = defaultdict(float)
        for (_, written), chance in going.items():
            spelled[written] += chance
        return max(spelled, key=spelled.get)


class LetterTable:
    """What a letter most often stands for at the beginning, in the middle and at the end."""

    def __init__(self, paths):
        counts = defaultdict(Counter)
        for units in paths:
            for i, (letter, part) in enumerate(units):
                counts[letter, i == 0, i == len(units) - 1][part] += 1
                counts[letter][part] += 1
        self.best = {key: counted.most_common(1)[0][0] for key, counted in counts.items()}

    def write(self, source):
        """Letter by letter; one that was never seen there as it is anywhere."""
        places = [(each, i == 0, i == len(source) - 1) for i, each in enumerate(source)]
        return "".join(self.best.get(key, self.best.get(key[0], "")) for key in places)


def neighbours(names):
    """Of each name, the name to learn from that is nearest, and how far it is in letters."""
    found = {}
    for name in names:
        near, far, _ = process.extractOne(name, PARTS.train, scorer=Levenshtein.distance)
        found[name] = near, far
    return found


# %% the model


class Both(Optimizer):
    """Muon for the matrices inside the model, AdamW for the tables and the rest."""

    def __init__(self, model, matrix_rate, other_rate):
        inner = [*model.encoder.parameters(), *model.decoder.parameters()]
        matrices = [p for p in inner if p.ndim == 2]
        kept = {id(p) for p in matrices}
        rest = [p for p in model.parameters() if id(p) not in kept]
        self.parts = (
            Muon(matrices, lr=matrix_rate, weight_decay=0.0),
            AdamW(rest, lr=other_rate, betas=(0.9, 0.98), weight_decay=0.0),
        )
        super().__init__([group for part in self.parts for group in part.param_groups], {})

    def step(self, closure=None):
        for part in self.parts:
            part.step()


def make(seed):
    """A fresh model."""
    torch.manual_seed(seed)
    config = Seq2SeqConfig(len(READ), len(WRITTEN), **SIZES, max_len=64)
    turning = Rotary(SIZES["d_model"] // SIZES["num_heads"])
    return Seq2Seq(
        config,
        attention=partial(MultiHeadAttention, position=turning),
        cross_attention=MultiHeadAttention,
        position=lambda *_: nn.Identity(),
        residual=PreNorm,
        norm=RMSNorm,
        last_norm=RMSNorm,
    )


def batches(seed):
    """For each epoch, each pair once: what is read, and what is written between its ends."""
    known, dice = pairs(PARTS.train), torch.Generator().manual_seed(seed)
    read = [[*READ.encode(name), END] for name, _ in known]
    written = [[START, *WRITTEN.encode(spelling), END] for _, spelling in known]
    lengths = [len(a) + len(b) for a, b in zip(read, written, strict=True)]
    for _ in range(EPOCHS):
        for group in by_tokens(lengths, TOKENS, dice):
            yield pad([read[i] for i in group], PAD)[0], pad([written[i] for i in group], PAD)[0]


def learn(model, seed):
    """The records of a run: the rate rises, then falls in a line to nothing."""
    total = sum(1 for _ in batches(seed))

    def rate(step):
        return min((step + 1) / WARM_UP, 1 - step / total)

    def loss(batch):
        source, target = batch
        return cross_entropy(model(source, target[:, :-1]), target[:, 1:], pad_id=PAD)

    both = Both(model, *RATES)
    return train(loss, batches(seed), both, LambdaLR(both, rate), max_norm=1.0)


@torch.no_grad()
def spell(model, names, beams=BEAMS):
    """What the model writes for each name: the likeliest that its beams find."""
    found, names = {}, sorted(names, key=len)
    model.eval()
    for some in (names[i : i + 200] for i in range(0, len(names), 200)):
        source = pad([[*READ.encode(name), END] for name in some], PAD)[0]
        memory = model.encode(source)

        def score(ids, cache, memory=memory, source=source):
            each = len(ids) // len(source)  # beams of a name stand one after the other
            memory, source = (x.repeat_interleave(each, 0) for x in (memory, source))
            return model.decode(ids, memory, source, cache=cache)

        start = torch.full((len(some), 1), START)
        how = {"end_id": END, "pad_id": PAD, "cache": GrowingCache()}
        written = beam_search(score, start, num_beams=beams, max_new_tokens=32, **how)
        for name, ids in zip(some, written.ids[:, 0, 1:].tolist(), strict=True):
            found[name] = WRITTEN.decode(ids[: ids.index(END)] if END in ids else ids)
    return found


# %% what they wrote


def nearest_spelling(name, written):
    """Of the spellings that are known, the one with the fewest edits a letter, and the edits."""
    counted = ((Levenshtein.distance(written, known), known) for known in NAMES[name])
    edits, known = min(counted, key=lambda each: each[0] / len(each[1]))
    return known, edits


def scores(written):
    """Share written as some source does, and edits a letter against the nearest such spelling."""
    near = [nearest_spelling(name, each) for name, each in written.items()]
    exact = sum(not edits for _, edits in near) / len(near)
    return {
        "exact": exact,
        "error": sum(edits for _, edits in near) / sum(len(known) for known, _ in near),
        "first": sum(NAMES[name][0] == each for name, each in written.items()) / len(near),
    }


def kind(wanted, written):
    """Where two spellings first differ in kind: signs, doubled letters, vowels, or consonants."""
    for name, fold in FOLDS.items():
        wanted, written = fold(wanted), fold(written)
        if wanted == written:
            return name
    return "consonants"


FOLDS = {
    "capitals and hyphens": lambda text: "".join(c for c in text.lower() if c.isalpha()),
    "doubled letters": lambda text: "".join(
        c for i, c in enumerate(text) if not i or text[i - 1] != c
    ),
    "vowels": lambda text: "".join(c for c in text if c not in "aeiouy"),
}


def misses(written, table, places):
    """How many misses are of which kind, and how many vowels are written so elsewhere."""
    found = Counter()
    for name, each in written.items():
        wanted, edits = nearest_spelling(name, each)
        if edits:
            which = kind(wanted, each)
            found[which] += 1
            found["vowels, written so elsewhere"] += which == "vowels" and elsewhere(
                name, wanted, each, table, places
            )
    return dict(found)


def elsewhere(name, wanted, written, table, places):
    """Is each unit that differs written so in a name to learn from, between the same letters?"""
    right, wrong = path(name, wanted, table), path(name, written, table)
    if not (right and wrong):
        return False
    differ = [i for i, (a, b) in enumerate(zip(right, wrong, strict=True)) if a != b]
    return all((name[max(0, i - 1) : i + 2], i > 0, wrong[i]) in places for i in differ)


def places_of(paths):
    """Each unit that was learned from, with the letters around it."""
    found = set()
    for units in paths:
        name = "".join(letter for letter, _ in units)
        found.update((name[max(0, i - 1) : i + 2], i > 0, unit) for i, unit in enumerate(units))
    return found


def groups_of(name, far):
    """The groups that a name belongs to."""
    letters = "2–4 letters" if len(name) < 5 else "5–6 letters" if len(name) < 7 else "7 or more"
    near = "one letter from a known name" if far == 1 else "two or more letters from any"
    many = "one spelling" if len(NAMES[name]) == 1 else "several spellings"
    return letters, near, many


def who_wins(mine, theirs, near):
    """For each group of names: how many both, each alone and neither wrote as a source does."""
    found = defaultdict(Counter)
    for name in mine:
        ours, counted = mine[name] in NAMES[name], theirs[name] in NAMES[name]
        who = {(1, 1): "both", (1, 0): "model", (0, 1): "ngrams", (0, 0): "neither"}
        for group in ("all", *groups_of(name, near[name][1])):
            found[group][who[ours, counted]] += 1
    return {group: dict(counted) for group, counted in found.items()}


def study_one(seed):
    """Train one model; what it writes for the test, and how it went."""
    model, began = make(seed), time.process_time()
    losses = [record.loss for record in learn(model, seed)]
    seconds, steps = time.process_time() - began, len(losses)
    found = {
        "steps": steps,
        "seconds": seconds,
        "parameters": sum(p.numel() for p in model.parameters()),
        "loss": sum(losses[-100:]) / 100,
        "curve": [sum(losses[i : i + 50]) / 50 for i in range(0, steps - 49, 50)],
        "dev": scores(spell(model, PARTS.dev)),
        "dev, greedy": scores(spell(model, PARTS.dev, beams=1)),
    }
    print(seed, found, flush=True)
    return found, spell(model, PARTS.test)


def counting():
    """The sides that count: dev scores of each order, and what the best writes for the test."""
    known = pairs(PARTS.train)
    table = align(known)
    paths = [units for pair in known if (units := path(*pair, table))]
    models = {order: JointNgrams(paths, order) for order in ORDERS}
    dev = {}
    for order, model in models.items():
        dev[order] = scores({name: model.write(name) for name in PARTS.dev})
        print(order, dev[order], flush=True)
    best = max(ORDERS, key=lambda order: dev[order]["exact"])
    return {"table": table, "paths": paths, "dev": dev, "best": best, "models": models}


def first_steps():
    """The model's first losses, and three of the aligner's first chances."""
    model, few = make(SEEDS[0]), pairs(PARTS.train)[:300]
    table = align(few, rounds=2)
    losses = [record.loss for record, _ in zip(learn(model, SEEDS[0]), range(5), strict=False)]
    return {"losses": losses, "aligner": [table["ش", "sh"], table["م", "m"], table["م", "ma"]]}


def run():
    """Count, train three models, and look at the test once."""
    counted, near = counting(), neighbours(PARTS.test)
    letters, ngrams = LetterTable(counted["paths"]), counted["models"][counted["best"]]
    found = {
        "letter table": {name: letters.write(name) for name in PARTS.test},
        "nearest name": {name: NAMES[near[name][0]][0] for name in PARTS.test},
        "ngrams": {name: ngrams.write(name) for name in PARTS.test},
    }
    results = {"test": {side: scores(written) for side, written in found.items()}}
    print(results, flush=True)
    runs, written = zip(*map(study_one, SEEDS), strict=True)
    results["test"]["model"] = [scores(each) for each in written]
    places = places_of(counted["paths"])
    results |= {
        "sizes": {
            "train": len(PARTS.train),
            "pairs": len(pairs(PARTS.train)),
            "dev": len(PARTS.dev),
            "test": len(PARTS.test),
            "units": len({unit for units in counted["paths"] for unit in units}),
        },
        "runs": runs,
        "ngrams by order, dev": counted["dev"],
        "order": counted["best"],
        "misses": {
            "model": [misses(each, counted["table"], places) for each in written],
            "ngrams": misses(found["ngrams"], counted["table"], places),
        },
        "who wins": [who_wins(each, found["ngrams"], near) for each in written],
        "examples": [
            [name, *(side[name] for side in (*found.values(), written[0])), list(NAMES[name][:4])]
            for name in PARTS.test[:40]
        ],
    }
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
