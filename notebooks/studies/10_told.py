"""The model of study 10_names once more: does it gain by being told the country of a name?"""

import runpy
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from course_lib.data.batches import by_tokens, pad
from course_lib.data.characters import CharTokenizer
from course_lib.generation import beam_search
from course_lib.models.seq2seq import Seq2Seq, Seq2SeqConfig
from course_lib.nn.blocks import PreNorm
from course_lib.nn.cache import GrowingCache
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import RMSNorm
from course_lib.nn.positions.rotary import Rotary
from course_lib.studies import write_record
from course_lib.training import Both, cross_entropy, train

# Lessons, split, sizes, rates, length of training and marks are those of 10_names, the country of
# a name is that of 10_places. Nothing was chosen here. Only Muon is another: the course's own,
# which turns in float32, so the model that isn't told is trained again beside the one that is.
NAMES, PLACES = (
    SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name(f"{name}.py"))))
    for name in ("10_names", "10_places")
)
SEEDS, PARTS, PAD, START, END = NAMES.SEEDS, NAMES.PARTS, NAMES.PAD, NAMES.START, NAMES.END
HOMES, COUNTRIES = PLACES.HOMES, tuple(sorted(set(PLACES.HOMES.values())))
READ = CharTokenizer(NAMES.NAMES, (*NAMES.SPECIALS, *COUNTRIES))
SIDES = ("not told", "told")


def make(seed):
    """A fresh model. Its table has a row for each country, told or not."""
    torch.manual_seed(seed)
    config = Seq2SeqConfig(len(READ), len(NAMES.WRITTEN), **NAMES.SIZES, max_len=64)
    return Seq2Seq(
        config,
        attention=partial(MultiHeadAttention, position=Rotary(config.d_model // config.num_heads)),
        cross_attention=MultiHeadAttention,
        position=lambda *_: nn.Identity(),
        residual=PreNorm,
        norm=RMSNorm,
        last_norm=RMSNorm,
    )


def reading(name, side):
    """What is read: the country, when it is told, the letters, and the end."""
    country = [READ.ids[HOMES[name]]] if side == "told" else []
    return [*country, *READ.encode(name), END]


def batches(side, seed):
    """The batches of 10_names, pair for pair, so that there are as many steps."""
    known, dice = NAMES.pairs(PARTS.train), torch.Generator().manual_seed(seed)
    read = [reading(name, side) for name, _ in known]
    written = [[START, *NAMES.WRITTEN.encode(spelling), END] for _, spelling in known]
    lengths = [len(name) + 1 + len(b) for (name, _), b in zip(known, written, strict=True)]
    for _ in range(NAMES.EPOCHS):
        for group in by_tokens(lengths, NAMES.TOKENS, dice):
            yield pad([read[i] for i in group], PAD)[0], pad([written[i] for i in group], PAD)[0]


def learn(model, side, seed):
    """The records of a run: the rate rises, then falls in a line to nothing."""
    total = sum(1 for _ in batches(side, seed))

    def rate(step):
        return min((step + 1) / NAMES.WARM_UP, 1 - step / total)

    def loss(batch):
        source, target = batch
        return cross_entropy(model(source, target[:, :-1]), target[:, 1:], pad_id=PAD)

    both = Both(model, *NAMES.RATES, betas=(0.9, 0.98))
    return train(loss, batches(side, seed), both, LambdaLR(both, rate), max_norm=1.0)


@torch.no_grad()
def spell(model, some_names, side):
    """What the model writes for each name: the likeliest that its beams find."""
    found, order = {}, sorted(some_names, key=len)
    model.eval()
    for some in (order[i : i + 200] for i in range(0, len(order), 200)):
        source = pad([reading(name, side) for name in some], PAD)[0]
        memory = model.encode(source)

        def score(ids, cache, memory=memory, source=source):
            each = len(ids) // len(source)  # beams of a name stand one after the other
            memory, source = (x.repeat_interleave(each, 0) for x in (memory, source))
            return model.decode(ids, memory, source, cache=cache)

        start = torch.full((len(some), 1), START)
        how = {"end_id": END, "pad_id": PAD, "cache": GrowingCache()}
        written = beam_search(score, start, num_beams=NAMES.BEAMS, max_new_tokens=32, **how)
        for name, ids in zip(some, written.ids[:, 0, 1:].tolist(), strict=True):
            found[name] = NAMES.WRITTEN.decode(ids[: ids.index(END)] if END in ids else ids)
    return found


def study_one(side, seed):
    """Train one model, and mark what it writes."""
    torch.set_num_threads(1)
    model = make(seed)
    losses = [record.loss for record in learn(model, side, seed)]
    found = {"steps": len(losses), "loss": sum(losses[-100:]) / 100}
    for part in ("dev", "test"):
        found[part] = NAMES.scores(spell(model, getattr(PARTS, part), side))
    print(side, seed, found, flush=True)
    return found


def first_steps():
    """The first losses of both sides."""
    return {
        side: [record.loss for record in islice(learn(make(SEEDS[0]), side, SEEDS[0]), 5)]
        for side in SIDES
    }


def run():
    """Both sides with every seed, two at a time."""
    jobs = [(side, seed) for seed in SEEDS for side in SIDES]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        rows = list(pool.map(study_one, *zip(*jobs, strict=True)))
    return {
        side: [row for (of, _), row in zip(jobs, rows, strict=True) if of == side] for side in SIDES
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
