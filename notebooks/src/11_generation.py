# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11 · Generation
#
# **The model gives probabilities; who writes?** A trained model answers every text with one number for each token that could come
# next. It never says *which* to take. That is decided outside of it, by a few lines of code, and the text hangs on them. Take the likeliest token? The likeliest text? You will see both fail.
#
# After this chapter you can
#
# - write the loop that writes, with an end, a context and a batch of unequal rows,
# - choose with temperature, top-k and nucleus, and say what each trades for what,
# - measure a text: how likely it is, how often it repeats itself, how many of its words exist,
# - read a beam tree, and say why a wide beam prefers short texts, down to the empty one,
# - keep keys and values, prove that nothing changes, and count what it saves and costs.
#
# You need 06 to 10. About 75 minutes, and 115 more for the exercises.

# %%
import time
from functools import partial

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from IPython.display import display
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_lib import generation
from course_lib import nn as parts
from course_lib.claims import claim
from course_lib.data.batches import windows
from course_lib.data.characters import CharTokenizer
from course_lib.data.corpora import shakespeare
from course_lib.generation import generate, probabilities, sample
from course_lib.nn import GrowingCache, StaticCache
from course_lib.plots import BLUE, named_curves, transformer_map
from course_lib.plots.transformer import PARTS
from course_lib.studies import study
from course_lib.views import beam_tree, outcome, predict, quiz, show

torch.set_num_threads(1)
show(
    transformer_map(here="linear + softmax", built=PARTS),
    alt="Drawing of the Transformer, every box built. Lit: linear and softmax at the top of the decoder, where probabilities come out.",
)

# %% [markdown]
# **Your turn, before you read on**: `11.temperature`, the shortest of all deciders.
#
# ## 11.1 A writer in twenty seconds
#
# We need a model that writes. The text is Shakespeare again, this time nearly only what is *spoken*: speakers, scenes and
# blank lines are cut (a *Dies* or *Aside* slips through). So every line holds something, and the sign behind it, the newline, is our **end token**: whoever
# writes one has finished a line.

# %%
STAGE = ("Exit", "Exeunt", "Enter", "Re-enter", "SCENE", "ACT", "[")
lines = [line.strip() for line in shakespeare().split("\n")]
lines = [x for x in lines if x and not x.endswith(":") and not x.startswith(STAGE)]
plays = "\n".join(lines) + "\n"
tokens = CharTokenizer(plays)
stream = torch.tensor(tokens.encode(plays))
learn, develop, held_out = stream.tensor_split([int(0.9 * len(stream)), int(0.95 * len(stream))])
print(
    f"{len(lines):,} lines, empty: {lines.count('')}; {len(tokens)} signs, {len(learn):,} to learn from"
)

# %% [markdown]
# The model is **decoder-only** (09.9), put together from the library's parts: two pre-norm blocks (07), rotary positions (06), and small.
# It takes a cache, of which more in 11.9: then it reads only the letters that the cache has not read.


# %%
class Writer(nn.Module):
    """A table, blocks that look back, a norm, an output head: ids -> logits of what follows."""

    def __init__(self, vocab_size, d_model=96, num_heads=4, num_layers=2, dropout=0.0):
        super().__init__()
        self.embed = parts.TokenEmbedding(vocab_size, d_model)
        rotary, norm = parts.Rotary(d_model // num_heads), partial(parts.LayerNorm, d_model)
        blocks = [
            parts.EncoderBlock(
                parts.MultiHeadAttention(d_model, num_heads, position=rotary),
                parts.FeedForward(d_model, 4 * d_model),
                lambda: parts.PreNorm(norm(), dropout),
            )
            for _ in range(num_layers)
        ]
        self.stack = parts.Encoder(blocks, norm())
        self.head = nn.Linear(d_model, vocab_size, bias=False)

    def forward(self, ids, mask=parts.causal_mask, *, places=None, cache=None):
        x = self.embed(ids[:, 0 if cache is None else cache.length :])
        return self.head(self.stack(x, mask, places=places, cache=cache))


# %% [markdown]
# It learns from windows of 128 letters: that is its **context window**, the longest past that it has ever seen. The matrices of its
# blocks are trained by Muon (chapter 10), the rest by AdamW.

# %%
from course_lib.training import Muon

torch.manual_seed(0)
writer, CONTEXT, STEPS = Writer(len(tokens)), 128, 500
matrices = [p for p in writer.stack.parameters() if p.ndim == 2]
others = [p for p in writer.parameters() if all(p is not other for other in matrices)]
optimizers = {
    Muon(matrices): 0.04,
    torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0): 0.008,
}
batches = windows(learn, CONTEXT, 8, torch.Generator().manual_seed(0))
for step, (given, asked) in zip(range(STEPS), batches):
    for optimizer, rate in optimizers.items():
        optimizer.param_groups[0]["lr"] = rate * min((step + 1) / 30, 1 - step / STEPS)
        optimizer.zero_grad()
    F.cross_entropy(writer(given).flatten(0, 1), asked.flatten()).backward()
    for optimizer in optimizers:
        optimizer.step()
writer.eval()
print(f"{sum(p.numel() for p in writer.parameters()):,} numbers")


# %% [markdown]
# How good? In **nats per letter** (09.10): the mean of $-\ln p$ of the letter that came. Held-out text is the last twentieth.


# %%
@torch.no_grad()
def nats(ids, start=1, model=writer):
    """-ln of the probability of each letter from place `start` on, given those before it."""
    logits = torch.cat([model(some[:, :-1]) for some in ids.split(16)])
    return F.cross_entropy(logits.mT, ids[:, 1:], reduction="none")[:, start - 1 :]


PROMPT, NEW = 32, 96  # letters that are given, letters that follow
human = next(windows(held_out, PROMPT + NEW, 32, torch.Generator().manual_seed(3)))[0]
prompts = human[:, :PROMPT]
reached = nats(human, PROMPT).mean().item()
claim("between 1.6 and 1.95 nats per letter on held-out text", 1.6 < reached < 1.95)

# %% [markdown]
# Better than a table that knows two letters (2.05 in 09.10, on nearly the same text), and no poet. Its text will be broken English;
# what we are after shows all the better.
#
# ## 11.2 The loop
#
# Score, pick, append, and again. Here is the whole of it. `pick` makes ids of logits; the likeliest, **greedy decoding**, is one way.


# %%
END = tokens.ids["\n"]


@torch.no_grad()
def write_on(model, ids, new, pick, context=CONTEXT, end=None):
    """ids (batch, seq) -> ids (batch, more): at most `new` tokens, until every row has ended."""
    model.eval()
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for _ in range(new):
        logits = model(ids[:, -context:])[:, -1]  # the last place is the only one asked
        token = pick(logits)
        if end is not None:
            token = token.masked_fill(ended, end)  # whoever has ended stays so
            ended = ended | (token == end)
        ids = torch.cat([ids, token[:, None]], dim=1)
        if ended.all():
            break
    return ids


# %% [markdown]
# Is it the library's? Same letters, greedily and by the same dice:

# %%
some, how = prompts[:8], {"max_new_tokens": 40, "end_id": END}
ours = write_on(writer, some, 40, generation.greedy, end=END)
claim("greedy, with an end: the library's ids", torch.equal(ours, generate(writer, some, **how)))
torch.manual_seed(1)
ours = write_on(writer, some, 40, lambda logits: torch.multinomial(logits.softmax(-1), 1)[:, 0])
torch.manual_seed(1)
theirs = generate(writer, some, max_new_tokens=40, pick=sample())
claim("drawn with the same dice: the library's ids", torch.equal(ours, theirs))

# %% [markdown]
# Two pieces of it are often forgotten, and nothing crashes. `model.eval()` is the first: in training mode **dropout** (09.1) stays on,
# and the same text gets another answer each time. We trained without dropout; give a twin some, with the same weights. (The library's
# `generate` rests the model itself, and gives every part its own mode back.)
#
# The second is `ids[:, -context:]`, the **crop**. Rotary positions have no table that ends, so a longer past is accepted.

# %%
twin = Writer(len(tokens), dropout=0.1)
twin.load_state_dict(writer.state_dict())
with torch.no_grad():
    first, second = (twin.train()(human).argmax(dim=-1) for _ in range(2))
    gap = (twin.eval()(human) - writer(human)).abs().max()
claim("training mode, asked twice: 1 in 5 differ", (first != second).float().mean() > 0.2)
claim("evaluation mode: the twin's logits are ours", gap < 1e-5)
predict("11.crop", "Letter 570: all 569 before it, or the last 128. Which costs more nats?")

# %% [markdown]
# We ask 24 texts of 576 letters, each letter with all that came before it, and every sixteenth one with the last 128.

# %%
texts = next(windows(held_out, 576, 24, torch.Generator().manual_seed(1)))[0]
whole = nats(texts)[:, 127:].unflatten(1, (7, 64)).mean(dim=(0, 2))  # letters 128 to 575
pieces = texts.unfold(1, CONTEXT + 1, 16)  # (row, window, letter): the last is asked
cropped = nats(pieces.flatten(0, 1), CONTEXT).view(24, 7, -1).mean(dim=(0, 2))
worse = whole[-1] - cropped[-1] > 0.5
outcome("11.crop", f"all 569, by {'more' if worse else 'less'} than half a nat")

# %% [markdown]
# Here is the whole way there (the lower curve has 96 letters a point, so its bends are chance):

# %% tags=["tells"]
middle = range(160, 576, 64)
curves = {"all that came": (middle, whole), "the last 128": (middle, cropped)}
title = "Beyond the window that it knows, a longer past makes it worse"
show(
    named_curves(curves, "place in the text", "nats per letter", title),
    alt="Nats per letter over the place in the text, 160 to 544. With all that came the curve climbs; with the last 128 letters alone it "
    "stays between 1.5 and 2.1, without a trend.",
)

# %% [markdown]
# (Chapter 06 met this as extrapolation. A learned table of positions would have raised an error instead.)
#
# ## 11.3 Always the likeliest

# %%
predict(
    "11.loop",
    "Greedy, 96 letters: what share of its 4-letter pieces are different ones? (Shakespeare: 96 %)",
)

# %%
record = study("11_three_writers")["results"]["runs"]
by_way = {name: [run["ways"][name] for run in record] for name in record[0]["ways"]}
for name in ("human", "greedy", "beam 16"):
    print(f"--- {name}\n{by_way[name][0]['text']}\n")
shares = sorted(run["different"] for run in by_way["greedy"])
outcome("11.loop", f"{shares[0]:.0%} to {shares[-1]:.0%}, with three models")

# %% [markdown]
# A *study* (1.5) trained the model above with three seeds and let each of them write in every way of this page. These are texts of its first model.
# (Its seed is ours: on a processor of the same kind they are the weights from above.) It writes real words, in a loop. (So does *beam 16*, which looks ahead: 11.6.) This is **degeneration**. Is it the
# small model's fault? Holtzman et al. 2020 found it in GPT-2 with 762 million numbers. There each
# turn of a loop made the next one surer. Here?

# %% tags=["tells"]
loops = generate(writer, prompts, max_new_tokens=NEW, cache=StaticCache(PROMPT + NEW))
curves = {}
for name, ids in (("Shakespeare, held out", human), ("greedy", loops)):
    by_place = nats(ids, PROMPT).unflatten(1, (-1, 8)).mean(dim=(0, 2))
    curves[name] = range(4, NEW, 8), by_place
claim("greedy: below 1.4 nats all the way", max(curves["greedy"][1]) < 1.4)
written = [tokens.decode(ids) for ids in loops[:, PROMPT:]]
few = [len({text[i : i + 4] for i in range(NEW - 3)}) / (NEW - 3) for text in written]
claim("fewer than 40 of 100 of its 4-letter pieces are different", sum(few) < 0.4 * len(few))
title = "Greedy text is far less surprising than people's, from the start"
ax = named_curves(curves, "letters written", "nats per letter", title)
ax.legend(loc="center right")
show(
    ax,
    alt="Nats per letter over letters written, mean of 32 texts. Shakespeare stays between 1.6 and 2, greedy text near 1; neither falls.",
)

# %% [markdown]
# Here the curve does not fall: no turn makes our model surer. (Its circles needn't be exact; it comes back to the same few words.) What is the same is the gap: people's
# text surprises the model far more than its own greedy one. *Likely* is not what people write.
#
# ## 11.4 Draw, but not everything
#
# So draw the next letter by its probability: **ancestral sampling**. Then the text is as surprising as the model believes text to
# be. But the model also gives a little to each of many letters that are wrong, and a text has many places.
# Three knobs take from the unlikely and give to the likely (a temperature above 1 does the reverse):
#
# | knob | does | its extreme |
# |---|---|---|
# | **temperature** (chapter 02) | divides the logits by $T$ | $T \to 0$: greedy |
# | **top-k sampling** | only the $k$ likeliest may be drawn | $k = 1$: greedy |
# | **nucleus** sampling, or top-p | only the fewest likeliest that hold a mass of $p$ | $p \to 0$: greedy |
#
# Turn them on your own beginning: grey is what the model gives, blue what is drawn from. (Without Python: see the next figure.)


# %% tags=["nbval-ignore-output"]
def as_known(text):
    """What the writer knows of a text, and its ids; it says what it leaves out."""
    if strange := sorted({*text} - {*tokens.ids}):
        print("left out, for the writer has never seen it:", *strange)
    kept = "".join(letter for letter in text if letter in tokens.ids)
    return kept, torch.tensor([[tokens.ids[letter] for letter in kept] or [END]])


def explore(text, temperature, top_k, top_p):
    ids = as_known(text)[1][:, -PROMPT:]
    with torch.no_grad():
        logits, knobs = writer(ids)[0, -1], {"top_k": top_k, "top_p": top_p}
    chances, order = probabilities(logits, temperature, **knobs), logits.argsort(descending=True)
    _, ax = plt.subplots(figsize=(9, 2.8), layout="constrained")
    names = [tokens.tokens[i].replace(" ", "␣").replace("\n", "⏎") for i in order[:30]]
    ax.bar(names, probabilities(logits)[order[:30]], color="lightgray", width=0.9)
    ax.bar(names, chances[order[:30]], color=BLUE, width=0.5)
    ax.set(ylabel="probability", title=f"letters that may follow: {(chances > 0).sum()}")
    plt.show()
    drawn = generate(writer, ids, max_new_tokens=NEW, pick=sample(temperature, **knobs))
    print(tokens.decode(drawn[0]))


widgets.interactive(
    explore,
    text=widgets.Text("O my lord, the q", continuous_update=False),
    temperature=widgets.FloatSlider(1.0, min=0, max=2, step=0.05, continuous_update=False),
    top_k=widgets.IntSlider(78, 1, 78, continuous_update=False),
    top_p=widgets.FloatSlider(1.0, min=0, max=1, step=0.05, continuous_update=False),
)

# %% [markdown]
# Why a mass, if a count is simpler? Behind `q` one letter is enough; at the start of a word many are possible. At 6,144 held-out
# places, how many letters hold 0.9?

# %%
given, asked = next(windows(held_out, CONTEXT, 64, torch.Generator().manual_seed(4)))
with torch.no_grad():
    chances = writer(given)[:, PROMPT:].softmax(dim=-1).flatten(0, 1)  # (place, letter)
size = (probabilities(chances.log(), top_p=0.9) > 0).sum(dim=1)
print(f"{len(size):,} places, {size.float().mean():.0f} letters on average")
begins = torch.tensor([tokens.tokens[i] in " \n" for i in given[:, PROMPT:].flatten()])
hump = begins[(size >= 14) & (size <= 19)].float().mean()
claim("14 to 19 letters: more than 8 times of 10 at the start of a word", hump > 0.8)
fig, ax = plt.subplots(figsize=(8, 2.6), layout="constrained")
ax.hist(size, bins=torch.arange(0.5, 40), color=BLUE, rwidth=0.85)
ax.set(xlabel="letters in the nucleus of 0.9", ylabel="places")
ax.set_title("One letter may be enough; at the start of a word it takes seventeen")
show(
    fig,
    alt="Histogram of the number of letters that hold nine tenths of the probability: one letter at nearly a tenth of all places, most "
    "often four or five, a second hump at seventeen, and a thin tail up to thirty.",
)

# %% [markdown]
# The fair comparison is a top-k that lets through as many letters *on average*. Which of the two shuts out fewer of the letters
# that Shakespeare wrote?

# %%
true, k = asked[:, PROMPT:].flatten()[:, None], round(size.float().mean().item())
lost = {}
for name, limit in {"nucleus": {"top_p": 0.9}, "top-k": {"top_k": k}}.items():
    kept = probabilities(chances.log(), **limit).gather(1, true) > 0
    lost[name] = 1 - kept.float().mean().item()
claim("outside of the nucleus: 6 to 9 of 100", 0.06 < lost["nucleus"] < 0.09)
claim(f"outside of the {k} likeliest: 10 to 13 of 100", 0.10 < lost["top-k"] < 0.13)

# %% [markdown]
# (Less than a tenth, as it must be if the probabilities are right: the set holds 0.9 or more.) A set that grows with doubt keeps more of what may come. Does the *text* get better for it?
#
# **Your turn**: `11.top-k` and `11.nucleus`. Both borders have a catch.
#
# ## 11.5 Which is better?
#
# Better needs measures, more than one, and people on the same axes. Ours: nats per letter (by the model itself); the share of different
# 4-letter pieces in a text (its **distinct-n**, for n = 4); the share of its words that occur in the training text. Three plain
# functions:


# %%
def different(row, n=4):
    """The share of a row's n-grams that are different ones."""
    grams = [tuple(row[i : i + n]) for i in range(len(row) - n + 1)]
    return len(set(grams)) / len(grams)


def words_of(text):
    """Its words in small letters, without the first and the last, which may be cut."""
    return "".join(c if c.isalpha() or c == "'" else " " for c in text.lower()).split()[1:-1]


def measured(ids):
    """The mean share of different pieces, and the share of words that occur in the training text."""
    rows = ids[:, PROMPT:].tolist()
    words = [word in known for row in rows for word in words_of(tokens.decode(row))]
    return sum(map(different, rows)) / len(rows), sum(words) / len(words)


known = set(words_of(tokens.decode(learn.tolist())))
print(words_of("\nThe the shallour of thy bloud, "), different([1, 2, 1, 2, 1, 2, 1, 2]))

# %% [markdown]
# Over three seeds, 32 beginnings of held-out text each, 96 letters; lowest and highest of the three. (The beams come in 11.6.)

# %%
print(f"{'':16}{'nats per letter':^18}{'different':^18}{'real words':^18}")
for name, runs in by_way.items():
    told = [sorted(run[axis] for run in runs) for axis in ("nats", "different", "words")]
    print(f"{name:16}", *(f"{low:.2f} to {high:.2f}" for low, _, high in told), sep="    ")
predict("11.knobs", "At equal distinctness, which of the three knobs gives most real words?")

# %% [markdown]
# Each knob at four settings, from strong (left) to weak or none; the median of three seeds.


# %%
def swept(knob, seeds=(0, 1, 2)):
    """The medians of a knob's settings: shares of different pieces, and of real words."""
    found = [[runs[i] for i in seeds] for name, runs in by_way.items() if name.startswith(knob)]
    return tuple(
        [sorted(run[x] for run in runs)[len(runs) // 2] for runs in found]
        for x in ("different", "words")
    )


ways = ("temperature", "top-k", "top-p", "human")
curves, title = {name: swept(name) for name in ways}, "Three knobs, nearly one curve"
show(
    named_curves(curves, "different 4-letter pieces", "words that exist", title),
    alt="Share of real words over share of different 4-letter pieces. Temperature, top-k and top-p run along nearly the same curve, down "
    "to the right. Shakespeare is at the upper right, away from all of them.",
)

# %% [markdown]
# Read off the curves (a straight line between settings) where nineteen pieces of twenty are different, near Shakespeare's share:


# %%
level = {knob: np.interp(0.95, *swept(knob)) for knob in ways[:3]}
outcome("11.knobs", ", ".join(f"{knob} {share:.1%}" for knob, share in level.items()))

# %%
for knob in level:
    alone = (np.interp(0.95, *swept(knob, [seed])) for seed in range(3))
    print(f"{knob:12}", *(f"{share:.1%}" for share in alone))

# %% [markdown]
# Top-k is last with each seed, by two or three words in a hundred, and three seeds are few. Of the other two the nucleus leads with two seeds, temperature with the third, and the medians are level:
# no clear winner. *How far* you turn decides. All three move along one trade: fewer inventions, more repetition. Sampling is not better than
# greedy: it loses in words and wins in distinctness, and Shakespeare has both. A better *model* moves the curve, a knob walks along it. (These measures don't ask whether a text makes sense.)
#
# There is a brake for repetition alone. A **repetition penalty** lowers the logits of what was written already, here in the last 16
# letters; the model then picks greedily again.


# %%
def adjust(logits, ids):
    return generation.penalize_repeats(logits, ids[:, -16:], 1.5)


# %%
cache = StaticCache(PROMPT + NEW)  # saves time, changes nothing: see 11.9
braked = generate(writer, prompts, max_new_tokens=NEW, adjust=adjust, cache=cache)
(few, exist), (many, fewer_exist) = measured(loops), measured(braked)
claim(
    "with the penalty more than 60 of 100 are different, more than twice", many > max(0.6, 2 * few)
)
claim("greedy invents 1 word of 100 at most", exist > 0.99)
claim("the penalty more than 2 of 100", fewer_exist < 0.98)

# %% [markdown]
# It works, and has a price of the same kind, invented words: letters *must* repeat. (The longer tokens of chapter 12 need it less.) **Your turn**: one line of it
# is easily got wrong, `11.repeats`.
#
# ## 11.6 Look ahead: the beam tree
#
# Greedy can't take a step back. A likely letter may lead into a corner, where an unlikelier one would have led on. **Beam search**
# keeps the best few beginnings instead of one; their number is the **beam width**. At each step every beginning is continued with every letter, and the best
# few of all go on. A beginning that writes the end is finished and put aside; the best of these is the answer. Probabilities of steps multiply, so their logarithms add up: a branch's *score* is a sum. Here is a search of width 3 by
# the study's first model, for the end of a line. Point at a branch.

# %%
seen = record[0]["tree"]
beam_tree(
    {tuple(path): score for path, score in seen["paths"].items()},
    tuple(seen["best"]),
    start=seen["start"],
    end="\n",
    title="Three beginnings at a time",
)

# %% [markdown]
# This is the picture to keep. Follow the broad lines from the left, as greedy would. A branch with a cross was once among the three best. The
# answer is a short one, for a score only falls: no probability is above 1, so **every step costs**. (Your own tree follows; with Python.)


# %% tags=["nbval-ignore-output"]
def grow(start, beams, steps):
    (start, ids), paths = as_known(start), {}
    search = generation.beam_steps(
        writer, ids, num_beams=beams, max_new_tokens=steps, penalty=lambda n: 1.0
    )
    for goes_on, done in search:
        for found in (goes_on, done):
            for row, score in zip(found.ids[0], found.scores[0].tolist()):
                if score > -torch.inf:
                    paths[tuple(tokens.decode(row[ids.shape[1] :]))] = score
    best = tuple(tokens.decode(done.ids[0, 0, ids.shape[1] :]))
    display(beam_tree(paths, best, start=start, title=f"Beginnings at a time: {beams}"))


start = widgets.Text("To be or not to ", continuous_update=False)
widgets.interactive(grow, start=start, beams=(1, 6), steps=(3, 15))

# %% [markdown]
# **Your turn**: `11.beam`, a whole beam search with an end and a length penalty.
#
# ## 11.7 The likeliest line
#
# If looking ahead is good, looking further is better? Then the best of all would be the likeliest line there is, the *mode*; to look for it is **MAP decoding**. Let us ask for
# lines that follow 48 letters of held-out text. What could be likelier than the one that Shakespeare wrote?

# %%
text, most = tokens.decode(held_out.tolist()), len(held_out) - 200
starts = torch.tensor([i + 1 for i in range(48, most) if text[i] == "\n"])
dice = torch.Generator().manual_seed(5)
starts = starts[torch.randperm(len(starts), generator=dice)[:16]]
lead = torch.stack([held_out[i - 48 : i] for i in starts])  # ends with a line's end
written = [text[i : text.index("\n", i) + 1] for i in starts]
predict("11.mode", "The very likeliest of all lines after a given one: what is it?")

# %% [markdown]
# The probability of a line is the product over its letters, its end among them; the logarithm is a sum.


# %%
def score(prompt, line):
    ids = torch.cat([prompt, torch.tensor(tokens.encode(line))])
    return -nats(ids[None], len(prompt)).sum().item()


poet = [score(prompt, line) for prompt, line in zip(lead, written)]
empty = [score(prompt, "\n") for prompt in lead]

# %% [markdown]
# What is the likeliest of all? The study looked *exactly*, for 8 of these beginnings and three models: it followed every beginning of a
# line that was still likelier than the best line so far.

# %%
exact = [line for run in record for line, _ in run["exact"]]
counted = sorted(((exact.count(line), line) for line in set(exact)), reverse=True)
told = ", ".join(f"{line!r} {n}" for n, line in counted if n > 1)
outcome("11.mode", f"of {len(exact)} times: {told}; others once")

# %% [markdown]
# Nothing at all, or one word, seldom one that stands alone in the plays (*Ay.* does). Which of the two hangs on the seed (below); no seed finds a line of two words. The
# empty line never occurred in four million letters of training, and is far before his: the model had to give the end
# *something*, and a line of forty letters has to pay forty times. Log-probabilities, in the study and here:

# %% tags=["tells"]
nothing = [sum(line == "" for line, _ in run["exact"]) for run in record]
print("the likeliest is the empty line, per model:", *nothing, "of 8")
for name, key in {"his line": "human scores", "the empty line": "empty scores"}.items():
    scores = sorted(score for run in record for score in run[key])
    print(
        f"{name:15} {scores[0]:6.1f} to {scores[-1]:6.1f}, median {scores[len(scores) // 2]:6.1f}"
    )
claim("here, empty beats his at least 14 times of 16", sum(map(float.__gt__, empty, poet)) >= 14)

# %% [markdown]
# How far does a beam see? Width 1 is greedy; lines are cut at 70 letters, and each style below has three lines, one for each model. The **length penalty** divides a score by the length (to a power $\alpha$; $\alpha = 1$ makes it the
# mean of the letters), so that long lines may compete.


# %% jupyter={"source_hidden": true}
def mean_length(lines):
    return sum(map(len, lines)) / len(lines)


curves, widths = {}, (1, 4, 16, 64)
for alpha, name in enumerate(("no penalty", "mean of the letters")):
    found = [[mean_length(run["lines"][f"{w}, {alpha}"]) for w in widths] for run in record]
    curves[name] = widths, found
title = "Without a penalty, a wide beam finds short lines, at last nothing"
ax = named_curves(curves, "beam width", "letters in a line", title, log=(widths,))
ax.axhline(mean_length(written) - 1, color="gray", linestyle=":", label="Shakespeare")
ax.legend()
show(
    ax,
    alt="Letters in the best line over beam width, three models. Without penalty they fall from 52 and 70, the limit, at width 1 to none at "
    "width 64; one model's rise first, to 58. Divided by the length they stay above 41. Shakespeare's mean is a dotted line near 40.",
)

# %% [markdown]
# And what do they say? The commonest line of each search, and how many are empty:

# %%
for name in record[0]["lines"]:
    found = [line for run in record for line in run["lines"][name]]
    often = max(sorted(set(found)), key=found.count)
    print(f"width, alpha {name:5}: {found.count('') / len(found):4.0%} empty; {often[:44]!r}")
once = sum(lines.count(line) == 1 for line in lines[::500]) / len(lines[::500])
print(f"in the plays: {once:.0%} of lines are there once, 'No.' {lines.count('No.')} times")

# %% [markdown]
# So a narrow beam keeps its length *because* it searches badly. (64 beams keep 64 of the 78 first letters, the end among them: so they find the empty line, also where a word would be likelier.) Stahlberg and Byrne 2019 found the same in translation: exact search preferred the
# empty translation for half of the sentences. Two causes meet. The model leaks probability to the end. And even a perfect model's mode can be a
# poor text (Eikema and Aziz 2020): nearly each of his lines is there once, *No.* many times, as printed above. A length penalty keeps lines long.
# Read what it writes: it doesn't mend dullness.
#
# Where one answer is right, as with dates in chapter 10, the mode *is* the answer, and beams are at home. Where many are, draw.
#
# ## 11.8 Many at once
#
# Beginnings have different lengths, and all must end on the right, where the next letter comes. So padding goes in front: **left padding**. Two
# things must know of it: the mask, and the places, which count from the first real letter (rotary ones, which tell distances only, can do
# without). `seen` tells both.

# %%
begun = ["To be, or not to be", "O ", "My lord, the king "]
rows = [torch.tensor(tokens.encode(text)) for text in begun]
ids, real = generation.pad_left(rows, pad_id=0)
together = generate(writer, ids, seen=real, max_new_tokens=30)[:, ids.shape[1] :]
alone = [generate(writer, row[None], max_new_tokens=30)[0, len(row) :] for row in rows]
claim("in company each row writes what it writes alone", torch.equal(together, torch.stack(alone)))
with torch.no_grad():
    gaps = [
        (writer(ids)[i, -1] - writer(row[None])[0, -1]).abs().max() for i, row in enumerate(rows)
    ]
claim("without seen: the longest row is as it was", gaps[0] < 1e-4)
claim("the shortest has other logits, by more than 0.5", gaps[1] > 0.5)

# %% [markdown]
# Told `pad_id`, the library refuses rows that look padded when `seen` is missing. Rows also *end* at different times; ours go on with the end token until
# all have (11.2), and what stands behind a row's first end is no text.
#
# ## 11.9 Keep what was computed
#
# The loop of 11.2 reads the whole text again for each new letter. But under a causal mask the past never looks at the future: keys and
# values of old letters are what they were. A **KV cache** (08) keeps them, and a step computes those of one letter alone: its query looks
# at all keys, old and new.


# %%
def first_letters(cache):
    return generate(writer, prompts[:8], max_new_tokens=NEW, cache=cache)


plain = first_letters(None)
claim("a growing cache: the same ids", torch.equal(first_letters(GrowingCache()), plain))
claim("a static one too", torch.equal(first_letters(StaticCache(PROMPT + NEW)), plain))
cache = GrowingCache()
with torch.no_grad():
    in_pieces = torch.cat([writer(human[:, :n], cache=cache) for n in (5, 6, 40, 41, 128)], dim=1)
    gap = (in_pieces - writer(human)).abs().max()
claim("read in five pieces: every logit within 1e-4", gap < 1e-4)

# %% [markdown]
# Nothing is approximated: it is the same sum, done once. (After a crop, what is kept still remembers letters that are gone, and tables would give new places: the library
# refuses.)
#
# What does it save? PyTorch can count: `FlopCounterMode` adds up the multiplications and additions of all matrix products. And the clock? Predict
# both for a text of 128 letters, one row.


# %%
def operations(job):
    with FlopCounterMode(display=False) as counter:
        job()
    return counter.get_total_flops()


def seconds(job):
    """CPU seconds, the lesser of two runs."""
    times = []
    for _ in range(2):
        began = time.process_time()
        job()
        times.append(time.process_time() - began)
    return min(times)


predict(
    "11.cache", "128 letters: how many times fewer operations with a cache? How many times faster?"
)

# %% [markdown]
# Each job goes on from 8 letters, up to so many in all:


# %%
def spent(size, cached):
    def job():
        cache = StaticCache(size) if cached else None
        generate(writer, human[:1, :8], max_new_tokens=size - 8, cache=cache)

    return operations(job), seconds(job)


sizes, ticks = (16, 32, 64, 128), (1, 2, 5, 10, 20, 50)
costs = [[spent(size, cached) for cached in (False, True)] for size in sizes]
fewer, faster = ([a[i] / b[i] for a, b in costs] for i in (0, 1))
much = "less than 6 times" if faster[-1] < 6 else "6 times or more"
outcome("11.cache", f"{fewer[-1]:.0f} times fewer operations; of time, {much}")

# %% [markdown]
# The operations saved grow with the length, the time much less. A short text may even take longer with a cache:

# %% tags=["tells"]
curves = {"operations, counted": (sizes, fewer), "time, measured here": (sizes, faster)}
title = "Operations saved grow with the length; much less time is saved"
show(
    named_curves(curves, "letters in all", "times less with a cache", title, log=(sizes, ticks)),
    alt="Times less with a cache, over letters in all, both on logarithmic axes. Operations: 6 at 16 letters to 64 at 128. Time stays far "
    "below: around 1 at 16, between one and a few times at 128.",
)

# %% [markdown] tags=["tells"]
# Why so much less? Because at one letter a step the arithmetic is not what takes the time. Read 100 letters into a cache, first one by one,
# then all at once: the *same* operations. Reading the beginning at once is **prefill**; writing is one at a time by nature.


# %%
@torch.no_grad()
def read(upto):
    cache = StaticCache(CONTEXT)
    for n in upto:
        writer(human[:1, :n], cache=cache)


one_by_one, at_once = partial(read, range(1, 101)), partial(read, [100])
counts = [operations(job) / 1e6 for job in (one_by_one, at_once)]
print("operations, one by one and at once:", *(f"{count:.1f} million" for count in counts))
claim("at once is more than five times as fast", seconds(one_by_one) > 5 * seconds(at_once))

# %% [markdown]
# Is that Python, which calls each part a hundred times? In part. Take Python away: one large matrix in a single call of C,
# `torch.addmm`, against 100 rows, and against one row a hundred times.

# %%
weight, bias, many = torch.randn(2048, 4096), torch.zeros(4096), torch.randn(100, 2048)
print(f"the matrix: {weight.nbytes / 1e6:.0f} megabytes")
alone = seconds(lambda: [torch.addmm(bias, row, weight) for row in many.split(1)])
claim(
    "the rows one at a time take more than twice as long",
    alone > 2 * seconds(lambda: torch.addmm(bias, many, weight)),
)

# %% [markdown]
# Each call has to fetch the whole matrix from memory, 34 megabytes, and uses each number once; 100 rows use it a hundred times. So a large model's writing waits for
# memory, not for arithmetic; ours, one megabyte in all, waits for the calls. Either way several texts at once cost little more than one. And the cache itself takes memory: keys and values, in
# each layer, for each head:
#
# $$\text{bytes per token} = 2 \cdot \text{num\_layers} \cdot \text{num\_kv\_heads} \cdot d_{head} \cdot \text{bytes per number}$$

# %%
cache = GrowingCache()
with torch.no_grad():
    writer(human[:1, :100], cache=cache)
kept = [(past.key.shape, past.value.shape) for past in cache.layers.values()]
print(f"{len(kept)} layers, keys {tuple(kept[0][0])}; {cache.nbytes:,} bytes for 100 letters")
claim(
    "the formula: 2 x 2 layers x 4 heads x 24 numbers x 4 bytes",
    cache.nbytes == 100 * 2 * 2 * 4 * 24 * 4,
)
for name, layers, heads, d_head, window in (
    ("GPT-2", 12, 12, 64, 1024),
    ("Llama 2 7B", 32, 32, 128, 4096),
    ("Llama 3 8B", 32, 8, 128, 8192),
):
    each = 2 * layers * heads * d_head * 2  # two bytes for a number in float16
    whole = f"{each * window / 2**30:.2f} GiB for its {window:,}"
    print(f"{name:11} {each / 1024:4.0f} KiB a token, {whole}")

# %% [markdown]
# Llama 3 shares keys and values among four heads each (5.5): a quarter a token.
#
# **Your turn**: `11.cached-attention` and `11.cache-bytes`.
#
# ## Summary
#
# - A model gives probabilities; a loop of ten lines writes. Rest the model (`eval()`), crop to its context, end every row.
# - Always the likeliest: real words, in loops, little more than half as surprising to the model as people's text.
# - Temperature, top-k and nucleus walk along one trade of invention and repetition. How far you turn decides.
# - Beam search keeps several beginnings. Every step costs, so a wide beam finds a short text; the likeliest lines are a word,
#   or nothing. A length penalty keeps texts long, and dull.
# - Unequal rows: padding in front, `seen` for mask and places.
# - A KV cache changes no id (up to rounding). Operations saved grow with the length; time is saved less, for a step waits for memory and calls.
#
# What a token should be, we have never asked: chapter 12.
#
# ## Quiz

# %%
quiz("11")

# %% [markdown]
# ## Interview questions
#
# Answer aloud before you open the answer.
#
# <details><summary>Top-k or nucleus: which do you take, and how do you find out?</summary>
#
# The nucleus adapts to how sure the model is, and at an equal mean size shuts out fewer of the true tokens. On the texts themselves the difference was
# small here. Compare at an equal level of another measure (distinctness, say), with people's text on the same axes, not at settings that you happen to know.
#
# </details>
#
# <details><summary>Why does a larger beam sometimes make a translation worse?</summary>
#
# It comes nearer to the likeliest output, which is too short or empty: every token costs log-probability, and the model leaks some to the end. A small
# beam misses it. Length penalties repair part of that.
#
# </details>
#
# <details><summary>What limits the speed of prefill, what that of decoding?</summary>
#
# Prefill multiplies many rows with each matrix: arithmetic limits it. Decoding multiplies one row a sequence: weights and cache have to be
# fetched for little arithmetic, so memory (and here the overhead of calls) limits it. Hence batching helps decoding most.
#
# </details>
#
# ## Exercises
#
# Open [exercises/11_generation.ipynb](exercises/11_generation.ipynb). About 115 minutes.
#
# | exercise | asks you to |
# |---|---|
# | `11.temperature` | turn logits into probabilities, hot or cold |
# | `11.top-k` | mend a top-k with two holes |
# | `11.nucleus` | keep the fewest that hold a mass |
# | `11.repeats` | mend a penalty that rewards |
# | `11.beam` | build a beam search with an end and a length penalty |
# | `11.cached-attention` | attend with a past |
# | `11.cache-bytes` | say what a cache of your own takes |

# %% [markdown]
# ## Further reading
#
# - Holtzman et al. 2020, *The Curious Case of Neural Text Degeneration*: loops, and the nucleus. arXiv:1904.09751.
# - Fan, Lewis and Dauphin 2018, *Hierarchical Neural Story Generation*: top-k. arXiv:1805.04833.
# - Stahlberg and Byrne 2019, *On NMT Search Errors and Model Errors: Cat Got Your Tongue?*: the empty translation. arXiv:1908.10090.
# - Eikema and Aziz 2020, *Is MAP Decoding All You Need? The Inadequacy of the Mode in Neural Machine Translation*. arXiv:2005.10283.
# - Wu et al. 2016, *Google's Neural Machine Translation System*, section 7: length penalty. arXiv:1609.08144.
# - Keskar et al. 2019, *CTRL*, section 4.1: the repetition penalty. arXiv:1909.05858.
# - Jordan et al. 2024, *Muon: An optimizer for hidden layers in neural networks*, kellerjordan.github.io/posts/muon.
# - Pope et al. 2022, *Efficiently Scaling Transformer Inference*: prefill and decoding, counted. arXiv:2211.05102.
#
# ## Glossary
#
# - **ancestral sampling**: each token is drawn by the model's own probabilities, unchanged.
# - **top-k sampling**: only the k likeliest tokens may be drawn.
# - **nucleus**: the fewest likeliest tokens that hold a mass of p; top-p sampling draws from it.
# - **degeneration**: text of the likeliest tokens falls into loops.
# - **distinct-n**: the share of different ones among a text's pieces of n tokens.
# - **repetition penalty**: lowers the logits of tokens that were written already.
# - **beam search**: several beginnings at a time, the likeliest of which go on.
# - **beam width**: how many beginnings go on at a time.
# - **MAP decoding**: looking for the likeliest of all outputs, their mode.
# - **length penalty**: divides a score by a power of the length, so that long texts may compete.
# - **context window**: the longest past that a model was trained to see.
# - **prefill**: the beginning is read at once, and its keys and values are kept.
