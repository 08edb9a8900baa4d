"""Schedules, clipping and label smoothing on dates, each against a tuned other side."""

from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.data.batches import by_tokens, pad
from course_lib.data.characters import CharTokenizer
from course_lib.data.dates import all_days, date_pairs
from course_lib.data.splits import split
from course_lib.models.seq2seq import Seq2Seq, Seq2SeqConfig
from course_lib.nn import PostNorm, PreNorm, evaluating
from course_lib.studies import write_record
from course_lib.training import cross_entropy

CHOOSING, SEEDS = 10, (0, 1, 2)  # rates are chosen with another seed than are reported
START, END, PAD = 1, 2, 0
MARKS = ("<pad>", "<bos>", "<eos>")
STEPS, TOKENS, WARM_UP = 150, 320, 40
RATES = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016)
ORDERS = {"post-norm": PostNorm, "pre-norm": PreNorm}
PLENTY, FEW = 20_000, 400
SPIKE, LOUD = 90, 100.0  # the step of the garbage; a loss that was summed, not averaged
BINS = 15

DAYS = split(all_days(), dev=2000, test=4000)
DEV, TEST = (date_pairs(days, 1000, seed=i) for i, days in enumerate((DAYS.dev, DAYS.test)))
READ = CharTokenizer([text for text, _ in date_pairs(DAYS.train, PLENTY)], MARKS)
WRITE = CharTokenizer("0123456789-", MARKS)


def ids_of(pairs):
    """What is read, given and asked."""
    read, _ = pad([[*READ.encode(text), END] for text, _ in pairs], PAD)
    asked, _ = pad([[*WRITE.encode(iso), END] for _, iso in pairs], PAD)
    return read, F.pad(asked, (1, 0), value=START)[:, :-1], asked


def batches(pairs, seed):
    """Batches of dates of like lengths, pass after pass."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        for group in by_tokens([len(text) + 1 for text, _ in pairs], TOKENS, generator):
            yield ids_of([pairs[i] for i in group])


def make(order, seed):
    """Two blocks on each side, as the paper but for the order of the norms."""
    torch.manual_seed(seed)
    sizes = Seq2SeqConfig(len(READ), len(WRITE), 64, 2, 2, 128, dropout=0.0)
    last = nn.LayerNorm if order == "pre-norm" else None
    return Seq2Seq(sizes, norm=nn.LayerNorm, residual=ORDERS[order], last_norm=last)


def train(model, seed, rate, *, warm_up=WARM_UP, steps=None, many=PLENTY, **how):
    """Take `steps` of the planned ones; each one's loss and gradient norm."""
    smoothing, clip = how.get("smoothing", 0.0), how.get("clip", torch.inf)
    spike, loud, planned = how.get("spike"), how.get("loud", 1.0), how.get("planned", STEPS)
    pairs, seen = date_pairs(DAYS.train, many, seed=seed), []
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.0)
    for step, batch in enumerate(islice(batches(pairs, seed), steps or planned)):
        read, given, asked = batch
        if step == spike:  # one batch of garbage: every answer belongs to another date
            asked = asked.roll(1, 0)
        rise = (step + 1) / warm_up if warm_up else 1
        optimizer.param_groups[0]["lr"] = rate * min(rise, 1 - step / planned)
        loss = cross_entropy(model(read, given), asked, smoothing=smoothing)
        optimizer.zero_grad()
        (loss * (loud if step == spike else 1.0)).backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        seen.append((loss.item(), norm.item()))
    return seen


@torch.no_grad()
def logits_of(model, pairs):
    """Logits of every token of the answers, given the right beginning, and the tokens."""
    read, given, asked = ids_of(pairs)
    with evaluating(model):
        return model(read, given).flatten(0, 1), asked.flatten()


def judged(logits, asked):
    """Loss, share of tokens right, and how far confidence and that share are apart."""
    sure, best = logits.softmax(-1).max(-1)
    right, places = (best == asked).float(), (sure * BINS).ceil().clamp(1, BINS).long() - 1
    count, confidence, share = (
        torch.zeros(BINS).index_add(0, places, x) for x in (torch.ones_like(sure), sure, right)
    )
    return {
        "loss": F.cross_entropy(logits, asked).item(),
        "right": right.mean().item(),
        "sure": sure.mean().item(),
        "error": ((confidence - share).abs().sum() / count.sum()).item(),
        "bins": torch.stack([count, confidence, share]).T.tolist(),
    }


def chosen(name, order, how):
    """Dev losses by rate, the best rate, and what came of it on the test, with new seeds."""
    tried, runs = {}, []
    for rate in RATES:
        model = make(order, CHOOSING)
        train(model, CHOOSING, rate, **how)
        tried[rate] = judged(*logits_of(model, DEV))["loss"]
    best = min(tried, key=tried.get)
    for seed in SEEDS:
        model = make(order, seed)
        seen = train(model, seed, best, **how)
        runs.append((judged(*logits_of(model, TEST))["loss"], seen))
    print(name, tried, best, [loss for loss, _ in runs], flush=True)
    return {"dev": tried, "best": best, "test": [loss for loss, _ in runs]}, runs


def schedules():
    """Each order without and with warm-up, at its own rate."""
    return {
        f"{order}, {kind}": chosen(f"{order}, {kind}", order, how)[0]
        for order in ORDERS
        for kind, how in (("no warm-up", {"warm_up": 0}), ("warm-up", {}))
    }


def clipped():
    """Without and with one batch of garbage, quiet or loud, and clipping, at their own rates."""
    found = {}
    for name, how in {
        "clean": {},
        "garbage": {"spike": SPIKE},
        "loud garbage": {"spike": SPIKE, "loud": LOUD},
    }.items():
        for row, clip in ((name, torch.inf), (f"{name}, clipped", 1.0)):
            kept, runs = chosen(row, "pre-norm", how | {"clip": clip})
            found[row] = kept | {
                "norms": [seen[SPIKE][1] for _, seen in runs],
                "above 1": [sum(norm > 1 for _, norm in seen) for _, seen in runs],
            }
    return found


def smoothed(rate):
    """Much and little to learn from, without and with smoothing; then with a temperature."""
    found = {}
    for name, many in (("20,000 pairs", PLENTY), ("400 pairs", FEW)):
        for smoothing in (0.0, 0.1):
            for seed in SEEDS:
                model = make("pre-norm", seed)
                train(model, seed, rate, many=many, smoothing=smoothing, planned=250)
                (dev, asked), test = (logits_of(model, part) for part in (DEV, TEST))
                heats = [2 ** (i / 8) for i in range(-16, 25)]
                best = min(heats, key=lambda t: F.cross_entropy(dev / t, asked).item())
                run = {"as it is": judged(*test), "temperature": best}
                run["at that temperature"] = judged(test[0] / best, test[1])
                found.setdefault(f"{name}, smoothing {smoothing}", []).append(run)
                told = [
                    run[k][w]
                    for k in ("as it is", "at that temperature")
                    for w in ("right", "sure", "error", "loss")
                ]
                print(name, smoothing, best, [round(x, 3) for x in told], flush=True)
    return found


def first_steps():
    """The losses of the first steps of each order, for a test to repeat."""
    return {o: [x for x, _ in train(make(o, 0), 0, 0.001, steps=5)] for o in ORDERS}


def run():
    """Schedules and clipping first; smoothing at the rate that was chosen for pre-norm."""
    found = {"schedules": schedules(), "clipping": clipped()}
    rate = found["schedules"]["pre-norm, warm-up"]["best"]
    return found | {"smoothing": smoothed(rate)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
