"""Three small letter models write Shakespeare in every way of chapter 11, and search for lines."""

from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_lib import nn as parts
from course_lib.data.batches import windows
from course_lib.data.corpora import shakespeare
from course_lib.generation import beam_search, beam_steps, generate, power_penalty, sample
from course_lib.nn import StaticCache
from course_lib.studies import write_record
from course_lib.training import Muon

SEEDS = (0, 1, 2)
STAGE = ("Exit", "Exeunt", "Enter", "Re-enter", "SCENE", "ACT", "[")
CONTEXT, BATCH, STEPS, WARM_UP = 128, 8, 500, 30
MUON, ADAM = 0.04, 0.008  # chosen on the development part, with seed 0
PROMPT, NEW, ROWS = 32, 96, 32
LINE, MOST, LINES, EXACT = 48, 70, 16, 8  # letters before a line, in it; lines searched
WIDTHS = (1, 4, 16, 64)
TREE = "My lord, I "
WAYS = {
    "greedy": {"temperature": 0},
    **{f"temperature {t}": {"temperature": t} for t in (0.3, 0.5, 0.7, 1.0)},
    **{f"top-k {k}": {"top_k": k} for k in (2, 5, 10, 20)},
    **{f"top-p {p}": {"top_p": p} for p in (0.5, 0.8, 0.9, 0.95)},
}


class Writer(nn.Module):
    """Decoder-only: two pre-norm blocks with rotary positions."""

    def __init__(self, vocab_size, d_model=96, num_heads=4, num_layers=2):
        super().__init__()
        self.embed = parts.TokenEmbedding(vocab_size, d_model)
        rotary, norm = parts.Rotary(d_model // num_heads), partial(parts.LayerNorm, d_model)
        blocks = [
            parts.EncoderBlock(
                parts.MultiHeadAttention(d_model, num_heads, position=rotary),
                parts.FeedForward(d_model, 4 * d_model),
                lambda: parts.PreNorm(norm()),
            )
            for _ in range(num_layers)
        ]
        self.stack = parts.Encoder(blocks, norm())
        self.head = nn.Linear(d_model, vocab_size, bias=False)

    def forward(self, ids, mask=parts.causal_mask, *, places=None, cache=None):
        x = self.embed(ids[:, 0 if cache is None else cache.length :])
        return self.head(self.stack(x, mask, places=places, cache=cache))


def text_ids():
    """The letters, and the lines of speech as three tensors of ids."""
    lines = [line.strip() for line in shakespeare().split("\n")]
    lines = [x for x in lines if x and not x.endswith(":") and not x.startswith(STAGE)]
    text = "\n".join(lines) + "\n"
    letters = "".join(sorted(set(text)))
    number = {letter: i for i, letter in enumerate(letters)}
    ids = torch.tensor([number[letter] for letter in text])
    cuts = int(0.9 * len(ids)), int(0.95 * len(ids))
    return letters, ids[: cuts[0]], ids[cuts[0] : cuts[1]], ids[cuts[1] :]


def train(vocab_size, ids, seed, steps=STEPS):
    """Take `steps` of the planned steps; the model and its losses."""
    torch.manual_seed(seed)
    model, losses = Writer(vocab_size), []
    matrices = [p for p in model.stack.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if all(p is not other for other in matrices)]
    optimizers = (
        Muon(matrices),
        torch.optim.AdamW(others, lr=ADAM, betas=(0.9, 0.98), weight_decay=0.0),
    )
    batches = windows(ids, CONTEXT, BATCH, torch.Generator().manual_seed(seed))
    for step, (given, asked) in zip(range(steps), batches, strict=False):
        for optimizer, rate in zip(optimizers, (MUON, ADAM), strict=True):
            optimizer.param_groups[0]["lr"] = rate * min((step + 1) / WARM_UP, 1 - step / STEPS)
            optimizer.zero_grad()
        loss = F.cross_entropy(model(given).flatten(0, 1), asked.flatten())
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
    return model.eval(), losses


@torch.no_grad()
def nats(model, ids, start=1):
    """-ln of the probability of each letter from place `start` on, given those before it."""
    logits = torch.cat([model(some[:, :-1]) for some in ids.split(16)])
    return F.cross_entropy(logits.mT, ids[:, 1:], reduction="none")[:, start - 1 :]


def words_of(text):
    """Its words in small letters, without the first and the last, which may be cut."""
    return "".join(c if c.isalpha() or c == "'" else " " for c in text.lower()).split()[1:-1]


def different(row, n=4):
    """The share of a row's n-grams that are different ones."""
    grams = [tuple(row[i : i + n]) for i in range(len(row) - n + 1)]
    return len(set(grams)) / len(grams)


def measured(model, ids, known, letters):
    """Nats per letter, share of different 4-grams and of real words in what follows the prompts."""
    rows = ids[:, PROMPT:].tolist()
    texts = ["".join(letters[i] for i in row) for row in rows]
    words = [word for text in texts for word in words_of(text)]
    return {
        "nats": nats(model, ids, PROMPT).mean().item(),
        "different": sum(map(different, rows)) / len(rows),
        "words": sum(word in known for word in words) / max(len(words), 1),
        "text": texts[0],
    }


def ways(model, rows, known, letters):
    """What every way of picking writes after the prompts, beside what the poet wrote."""
    found = {"human": measured(model, rows, known, letters)}
    for name, how in WAYS.items():
        pick = sample(**how, generator=torch.Generator().manual_seed(0))
        cache = StaticCache(PROMPT + NEW)
        ids = generate(model, rows[:, :PROMPT], max_new_tokens=NEW, pick=pick, cache=cache)
        found[name] = measured(model, ids, known, letters)
    for width in (4, 16):
        cache, prompts = StaticCache(PROMPT + NEW), rows[:, :PROMPT]
        best = beam_search(model, prompts, num_beams=width, max_new_tokens=NEW, cache=cache)
        found[f"beam {width}"] = measured(model, best.ids[:, 0], known, letters)
    return found


def log_prob(model, prompt, line):
    """ln of the probability of a line, its end included."""
    return -nats(model, torch.cat([prompt, line])[None], len(prompt)).sum().item()


def line_searches(model, prompts, end, letters):
    """The line that beam search finds after each prompt, by width and length penalty."""
    found = {}
    for alpha in (0.0, 1.0):
        for width in WIDTHS:
            best = beam_search(
                model,
                prompts,
                num_beams=width,
                max_new_tokens=MOST,
                end_id=end,
                penalty=partial(power_penalty, alpha=alpha),
                cache=StaticCache(LINE + MOST),
            )
            texts = ["".join(letters[i] for i in row[0, LINE:]) for row in best.ids]
            found[f"{width}, {alpha:g}"] = [text.partition("\n")[0] for text in texts]
    return found


@torch.no_grad()
def likeliest_line(model, prompt, end, letters):
    """The likeliest of all lines: no beginning that is still likelier than it is left out."""
    best, line, front = -torch.inf, "", [((), 0.0)]
    while front:
        longer = []
        for at in range(0, len(front), 256):
            some = front[at : at + 256]
            tails = torch.tensor([path for path, _ in some]).long().view(len(some), -1)
            logits = model(torch.cat([prompt.expand(len(some), -1), tails], dim=1))[:, -1]
            totals = logits.log_softmax(-1) + torch.tensor([[score] for _, score in some])
            first = int(totals[:, end].argmax())
            if totals[first, end] > best:
                best, line = totals[first, end].item(), "".join(letters[i] for i in some[first][0])
            for row, letter in (totals > best).nonzero().tolist():
                longer.append(((*some[row][0], letter), totals[row, letter].item()))
        front = [(path, score) for path, score in longer if score > best and path[-1] != end]
    return line, best


def tree(model, letters, end):
    """A small search, all that went on and all that ended: text and log-probability."""
    start, paths = torch.tensor([[letters.index(c) for c in TREE]]), {}
    how = {"num_beams": 3, "max_new_tokens": 12, "end_id": end}
    for search in beam_steps(model, start, **how, penalty=lambda length: 1.0):
        for found in search:
            for ids, score in zip(found.ids[0], found.scores[0].tolist(), strict=True):
                text = "".join(letters[i] for i in ids[start.shape[1] :])
                text = text[: text.index("\n") + 1] if "\n" in text else text
                if score > -torch.inf:
                    paths[text] = score
    ended = {text: score for text, score in paths.items() if text[-1] == "\n" or len(text) == 12}
    return {"start": TREE, "paths": paths, "best": max(ended, key=ended.get)}


def study_one(seed, letters, learn, develop, test):
    """One model, trained and used in every way."""
    model, losses = train(len(letters), learn, seed)
    rows = next(windows(test, PROMPT + NEW, ROWS, torch.Generator().manual_seed(3)))[0]
    known = set(words_of("".join(letters[i] for i in learn)))
    text, end = "".join(letters[i] for i in test), letters.index("\n")
    starts = [i + 1 for i in range(LINE, len(text) - 200) if text[i] == "\n"]
    dice = torch.Generator().manual_seed(5)
    starts = [starts[i] for i in torch.randperm(len(starts), generator=dice)[:LINES]]
    prompts = torch.stack([test[i - LINE : i] for i in starts])
    human = [test[i : text.index("\n", i) + 1] for i in starts]
    score = partial(log_prob, model)
    evaluated = next(windows(develop, CONTEXT, 200, torch.Generator().manual_seed(1)))
    both = torch.cat([evaluated[0], evaluated[1][:, -1:]], dim=1)
    exact = [likeliest_line(model, prompt, end, letters) for prompt in prompts[:EXACT]]
    return {
        "develop": nats(model, both).mean().item(),
        "curve": losses[::25],
        "ways": ways(model, rows, known, letters),
        "human lines": [len(line) - 1 for line in human],
        "human scores": [score(prompt, line) for prompt, line in zip(prompts, human, strict=True)],
        "empty scores": [score(prompt, torch.tensor([end])) for prompt in prompts],
        "lines": line_searches(model, prompts, end, letters),
        "exact": exact,
        "tree": tree(model, letters, end),
    }


def first_steps():
    """The first losses of the first seed."""
    letters, learn, _, _ = text_ids()
    return {"losses": train(len(letters), learn, SEEDS[0], steps=4)[1]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    texts, script = text_ids(), Path(__file__).resolve()
    runs = [study_one(seed, *texts) for seed in SEEDS]
    write_record(script, seeds=SEEDS, first_steps=first_steps(), results={"runs": runs})
