"""Half the box writes Shakespeare: a minute, three seeds; and what counting letters does."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.data.corpora import shakespeare
from course_lib.nn.blocks import EncoderBlock, PostNorm
from course_lib.nn.embeddings import TokenEmbedding
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.positions.sinusoidal import Sinusoidal
from course_lib.nn.stacks import Encoder
from course_lib.studies import write_record

SEEDS = (0, 1, 2)
D_MODEL, HEADS, D_FF, SEEN, BATCH, WARM_UP = 64, 4, 256, 32, 32, 50
STEPS, RATE = 6000, 0.012  # the rate is chosen on the development part, as `tune` shows
RATES, TUNING_STEPS = (0.004, 0.008, 0.012, 0.016), 1000
LOOKS = (0, 100, 1000, 6000)  # after how many steps it writes something
MOST_KNOWN, SHARES = 7, (1, 5, 20, 50, 100, 200, 500)  # of the tables; a share is chosen for each
BASE = 128  # more than there are letters
TRAIN, DEVELOP = 0.9, 0.95  # of the text; what is left is the test
PLACES = 8  # in a row, that are averaged


def text_ids():
    """The letters, id 0 for padding in front, and the plays as three tensors of ids."""
    plays = shakespeare()
    letters = "·" + "".join(sorted(set(plays)))
    number = {letter: i for i, letter in enumerate(letters)}
    ids = torch.tensor([number[letter] for letter in plays])
    cuts = int(TRAIN * len(ids)), int(DEVELOP * len(ids))
    return letters, ids[: cuts[0]], ids[cuts[0] : cuts[1]], ids[cuts[1] :]


class Writer(nn.Module):
    """Decoder-only: an encoder's blocks under a causal mask, and a head."""

    def __init__(self, vocab_size):
        super().__init__()
        self.embed = nn.Sequential(TokenEmbedding(vocab_size, D_MODEL), Sinusoidal(D_MODEL))
        block = EncoderBlock(
            MultiHeadAttention(D_MODEL, HEADS),
            FeedForward(D_MODEL, D_FF),
            lambda: PostNorm(nn.LayerNorm(D_MODEL)),
        )
        self.blocks = Encoder([block])
        self.head = nn.Linear(D_MODEL, vocab_size, bias=False)
        for part in self.modules():
            if isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight)

    def forward(self, ids):
        return self.head(self.blocks(self.embed(ids), causal_mask))


def loss_of(model, rows):
    """Nats a letter, over rows (n, SEEN + 1)."""
    return F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())


@torch.no_grad()
def held_out(model, ids):
    """The loss on 500 rows spread evenly over a text."""
    starts = torch.linspace(0, len(ids) - SEEN - 1, 500).long()
    return loss_of(model, ids[starts[:, None] + torch.arange(SEEN + 1)]).item()


def by_places(nats):
    """The means at places 1 to 8, 9 to 16, … of rows of SEEN; `nats` of a text's last letters."""
    whole = nats[len(nats) % SEEN :]
    return whole.view(-1, SEEN // PLACES, PLACES).mean(dim=(0, 2)).tolist()


@torch.no_grad()
def at_places(model, ids):
    """What `by_places` says of a model; the rows end with the text and ask each letter once."""
    rows = ids[(len(ids) - 1) % SEEN :].unfold(0, SEEN + 1, SEEN)
    nats = [
        F.cross_entropy(model(some[:, :-1]).mT, some[:, 1:], reduction="none").flatten()
        for some in rows.split(500)
    ]
    return by_places(torch.cat(nats))


@torch.no_grad()
def written(model, letters, start="ROMEO:\n", more=160):
    """What it writes: each letter drawn by the probabilities; dice of its own."""
    dice = torch.Generator().manual_seed(1)
    ids = torch.tensor([[letters.index(letter) for letter in start]])
    for _ in range(more):
        chances = model(ids[:, -SEEN:])[0, -1].softmax(dim=-1)
        ids = torch.cat([ids, torch.multinomial(chances, 1, generator=dice)[None]], dim=1)
    return "".join(letters[i] for i in ids[0])


def train(ids, vocab_size, seed, *, planned=STEPS, steps=None, rate=RATE, watch=None):
    """Take `steps` of the planned steps; the model and the losses."""
    torch.manual_seed(seed)
    model, losses = Writer(vocab_size), []
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98))
    for step in range(planned if steps is None else steps):
        if watch:
            watch(model, step)
        optimizer.param_groups[0]["lr"] = rate * min((step + 1) / WARM_UP, 1 - step / planned)
        starts = torch.randint(len(ids) - SEEN, (BATCH, 1))
        loss = loss_of(model, ids[starts + torch.arange(SEEN + 1)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, losses


def study_one(seed, letters, ids, develop, test):
    """One model: its curve on the development part, texts on the way, and the test, once."""
    curve, texts = {}, {}

    def watch(model, step):
        if step % 500 == 0 or step in LOOKS:
            curve[step] = held_out(model, develop)
        if step in LOOKS:
            texts[step] = written(model, letters)

    model, _ = train(ids, len(letters), seed, watch=watch)
    watch(model, STEPS)
    return {
        "curve": curve,
        "texts": texts,
        "test": held_out(model, test),
        "places": at_places(model, test),
    }


def groups(ids, n):
    """Each n letters in a row as one number."""
    return sum(ids[i : len(ids) - n + 1 + i] * BASE ** (n - 1 - i) for i in range(n))


def times(kinds, counts, asked):
    """How often each group in `asked` was counted; `kinds` is sorted."""
    at = torch.searchsorted(kinds, asked).clamp(max=len(kinds) - 1)
    return torch.where(kinds[at] == asked, counts[at], 0)


def counted(ids, part):
    """For each number of known letters the nats (share, letter) on `part`.

    The tables lean on the shorter ones by `share`; the first letters are not asked. And the share
    of its groups (the known letters and the next) that never occur in `ids`.
    """
    share, nats, new = torch.tensor(SHARES, dtype=torch.float64)[:, None], [], []
    chances = torch.full((len(SHARES), len(part)), 1 / 80, dtype=torch.float64)
    for known in range(MOST_KNOWN + 1):
        kinds, counts = groups(ids, known + 1).unique(return_counts=True)
        before, at = (kinds // BASE).unique(return_inverse=True)
        of_all = torch.zeros_like(before).index_add(0, at, counts)
        asked = groups(part, known + 1)
        found = times(kinds, counts, asked)
        total = times(before, of_all, asked // BASE)
        chances = (found + share * chances[:, -len(asked) :]) / (total + share)
        nats.append(-chances.log())
        new.append((found == 0).double().mean().item())
    return nats, new


def count_letters(ids, develop, test):
    """For each number of letters known: the share (chosen on the development part), the test."""
    best = [nats.mean(dim=1).argmin() for nats in counted(ids, develop)[0]]
    nats, new = counted(ids, test)
    chosen = [of_all[share] for of_all, share in zip(nats, best, strict=True)]
    found = {
        "tables": [one.mean().item() for one in chosen],
        "table_places": [by_places(one) for one in chosen],  # the letters of `at_places`
        "shares": [SHARES[share] for share in best],
        "new": new,
    }
    return {name: dict(enumerate(x)) for name, x in found.items()}


def first_steps():
    """The losses of the first steps, for a test to repeat."""
    letters, ids, *_ = text_ids()
    return {"writer": train(ids, len(letters), SEEDS[0], steps=5)[1]}


def run():
    """Tables of 0 to 7 letters, the rates, and a minute of training for each seed."""
    letters, ids, develop, test = text_ids()
    tuning = {
        rate: [
            held_out(train(ids, len(letters), seed, planned=TUNING_STEPS, rate=rate)[0], develop)
            for seed in SEEDS
        ]
        for rate in RATES
    }
    runs = [study_one(seed, letters, ids, develop, test) for seed in SEEDS]
    return {"runs": runs, **count_letters(ids, develop, test), "tuning": tuning}


if __name__ == "__main__":
    torch.set_num_threads(1)
    script = Path(__file__).resolve()
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results=run())
