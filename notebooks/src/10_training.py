# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10 · Training
#
# **What makes it learn?** So far a loop that we hardly explained made the model learn. Now we open it, and at the end a
# model of yours reads dates in fourteen languages: try your birthday.
#
# After this chapter you can
#
# - say what an untrained model must lose, and what another number tells you,
# - find many broken models with a single batch,
# - write the loop, and say what Adam, warm-up, clipping and smoothing do in it,
# - measure whether a model knows how sure it may be,
# - train, save, load and use a model on real data.
#
# You need 04, 08 and 09. About 95 minutes, 20 of them in the optional 10.13 and 10.14; exercises: 120 more.

# %%
from functools import partial
from itertools import islice, product

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from course_lib.claims import claim, rounded
from course_lib.data.batches import by_tokens, pad
from course_lib.data.characters import CharTokenizer
from course_lib.data.dates import KINDS, LOCALES, STYLES, all_days, date_pairs, fields, spelled
from course_lib.data.splits import split
from course_lib.plots import CYCLE, attention_map, transformer_map
from course_lib.plots.transformer import PARTS
from course_lib.studies import study
from course_lib.training import Muon, cross_entropy, progress, train
from course_lib.training.schedules import cosine, noam, warmup_stable_decay
from course_lib.views import attention_hover, outcome, predict, quiz, show

torch.set_num_threads(1)
show(
    transformer_map(here=None, built=PARTS),
    alt="Drawing of the Transformer with every part built. In this chapter all of it learns.",
)

# %% [markdown]
# ## 10.1 A task whose answers one can check
#
# People write a day in many ways. We want them all as ISO 8601 has it: year, month, day, in digits. The package Babel knows how
# each language writes them, in four lengths: real formats, and one right answer for each.
#
# What is unseen must be unseen *as a day*: who has met it in Polish half knows it in French. So days are dealt out, not strings: 4,000
# for the test, 2,000 to choose settings by (for short: develop), the rest to learn from.

# %%
days = split(all_days(), dev=2000, test=4000)
pairs = date_pairs(days.train, 20_000)
for text, iso in pairs[:6]:
    print(f"{text:>32}   {iso}")
claim("no day is in two parts", not set(days.train) & {*days.dev, *days.test})

# %% [markdown]
# Tokens are characters, on both sides. Batches hold dates of like lengths, so there is little padding, and about 680 tokens each.

# %%
MARKS, PAD, START, END = ("<pad>", "<bos>", "<eos>"), 0, 1, 2
reads = CharTokenizer([text for text, _ in pairs], MARKS)
writes = CharTokenizer("0123456789-", MARKS)


def ids_of(pairs):
    """Pairs -> what is read and what is asked, with END behind each."""
    read, _ = pad([[*reads.encode(text), END] for text, _ in pairs], PAD)
    asked, _ = pad([[*writes.encode(iso), END] for _, iso in pairs], PAD)
    return read, asked


def batches(pairs, seed=0, tokens=680):
    """Batches of dates of like lengths, pass after pass without end."""
    generator = torch.Generator().manual_seed(seed)
    lengths = [len(text) + 1 for text, _ in pairs]
    while True:
        for group in by_tokens(lengths, tokens, generator):
            yield ids_of([pairs[i] for i in group])


read, asked = next(batches(pairs))
print(
    len(reads), "tokens to read,", len(writes), "to write;", tuple(read.shape), tuple(asked.shape)
)

# %% [markdown]
# The model is chapter 09's with rotary positions (06), pre-norm and RMSNorm (07). Two blocks read, one writes.


# %%
from course_lib.models import Seq2Seq, Seq2SeqConfig, Writer
from course_lib.nn import GrowingCache, MultiHeadAttention, PreNorm, Rotary
from course_lib.nn import scaled_dot_product_attention as attend


def make(attend=attend, seed=0, width=64, heads=4):
    """A fresh encoder–decoder; `attend` is how all its attentions look."""
    torch.manual_seed(seed)
    look = partial(MultiHeadAttention, attend=attend)
    return Seq2Seq(
        Seq2SeqConfig(len(reads), len(writes), width, heads, (2, 1), 2 * width, dropout=0.0),
        attention=partial(look, position=Rotary(width // heads)),
        cross_attention=look,
        norm=nn.RMSNorm,
        residual=PreNorm,
        last_norm=nn.RMSNorm,
        position=lambda *sizes: nn.Identity(),  # rotary positions are all there are
    )


def shifted(asked):
    """What is given while `asked` is asked: one step behind, as in 8.6."""
    return F.pad(asked, (1, 0), value=START)[:, :-1]


# %% [markdown]
# ## 10.2 The first number
#
# Before the first step, look at the loss. A model that knows nothing should find all 14 tokens about equally likely.

# %%
model = make()
with torch.no_grad():
    logits = model(read, shifted(asked))
predict("10.first", "Nobody trained it, 14 tokens: what is the loss?")

# %%
first, blind = cross_entropy(logits, asked).item(), torch.tensor(14.0).log().item()
print(f"ln 14 is {blind:.2f}")
outcome("10.first", f"{first:.2f}")

# %% [markdown]
# A bit above $\ln V$: a fresh model has random opinions, and they cost, with logits of variance $s^2$ about $s^2/2$. Let us check, and
# break the model.

# %% tags=["tells"]
spread = logits.var(dim=-1).mean().item()
print(f"ln V {blind:.2f} + half the variance {spread / 2:.2f} = {blind + spread / 2:.2f}")
zeros, ten = cross_entropy(0 * logits, asked), cross_entropy(10 * logits, asked)
added = F.cross_entropy(logits.mT, asked, reduction="sum")
twice = cross_entropy(logits.softmax(dim=-1), asked)
names = "head of zeros", "logits times ten", "summed, not averaged", "a softmax before the loss"
for name, loss in zip(names, (zeros, ten, added, twice)):
    print(f"{name:26} {loss:8.2f}")

# %% [markdown] tags=["tells"]
# | the first loss | look for |
# |---|---|
# | about $\ln V$ | nothing: go on |
# | several times $\ln V$ | first weights too large: an output head of size 1 (9.4), a forgotten norm |
# | hundreds | a sum in place of a mean |
# | well below $\ln V$ | a mean over too many: tokens that are padding, with a loss of 0 each |
#
# The last line of the output is the bug that this test does *not* find. `cross_entropy` wants logits; given probabilities it starts at
# $\ln V$ as it should, and then can't fall far: with the right token at 1 and the others at 0 the second softmax still gives it
# only $e/(e + 13)$, a loss of 1.75.

# %% [markdown]
# ## 10.3 One batch by heart
#
# Take one small batch and train on nothing else. A healthy model knows it by heart after a few dozen steps: it **overfits**, on purpose.
# If it doesn't, something is broken.


# %%
def by_heart(scores, steps=70, rate=0.005, count=16):
    """Losses of learning one batch; `scores(model, read, given)` is how the model is called."""
    model, losses = make(), []
    read, asked = ids_of(pairs[:count])
    optimizer = torch.optim.AdamW(model.parameters(), rate)
    for _ in range(steps):
        loss = cross_entropy(scores(model, read, shifted(asked)), asked)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def healthy(model, read, given):
    return model.decode(given, model.encode(read), read)


def deaf(model, read, given):
    return model.decode(given, torch.zeros_like(model.encode(read)), read)


predict("10.deaf", "The decoder hears nothing of the source. Its loss on 16 dates, by heart?")

# %%
runs = {
    "healthy": by_heart(healthy),
    "softmax before the loss": by_heart(lambda *x: healthy(*x).softmax(dim=-1)),
    "deaf": by_heart(deaf),
}
print(f"the healthy one: {runs['healthy'][-1]:.2f}")
outcome("10.deaf", f"{runs['deaf'][-1]:.2f}")

# %%
floor = torch.tensor(16.0).log().item() / 11
print(f"ln 16 over 11 tokens: {floor:.3f}")
claim("deaf: less than 0.1 from it", abs(runs["deaf"][-1] - floor) < 0.1)
claim("softmax twice: not below 1.7", min(runs["softmax before the loss"]) > 1.7)

# %% [markdown]
# The deaf model learns! After four digits (here no two dates share a year) it knows which of the 16 this is, and recites the rest.
# What it can't know is which one comes: $\ln 16$ nats for a date of 11 tokens. On one batch it stops at a number that one can calculate.
#
# And the opposite, a loss *too good*? Then the answer is in what is given. The test: change one token of what is asked, and
# see which scores move. None at or before its place may.


# %%
def first_to_move(scores, place=6):
    """The first place whose scores change when the token asked at `place` does."""
    changed = asked.clone()
    changed[:, place] = 3 + (asked[:, place] - 2) % 11  # another digit
    with torch.no_grad():
        gap = (scores(asked) - scores(changed)).abs().amax(dim=(0, 2))
    return next((i for i, moved in enumerate(gap.tolist()) if moved > 1e-5), None)


print("shifted by one:", first_to_move(lambda asked: model(read, shifted(asked))))
print("not shifted:   ", first_to_move(lambda asked: model(read, asked)))

# %% [markdown]
# Healthy, the token of place 6 is felt from place 7 on. Not shifted, place 6 is given what it is asked.

# %% [markdown]
# ## 10.4 The loop
#
# Here it is, in five steps.


# %%
def plain_train(model, batches, optimizer, scheduler, max_norm=1.0):
    """One update for each batch; yields loss, rate and gradient norm."""
    for read, asked in batches:
        loss = cross_entropy(model(read, shifted(asked)), asked)  # 1 how wrong?
        optimizer.zero_grad()
        loss.backward()  # 2 which way?
        norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)  # 3 not too far
        rate = optimizer.param_groups[0]["lr"]
        optimizer.step()  # 4 go
        scheduler.step()  # 5 how far next time?
        yield loss.item(), rate, norm.item()


def loss_of(model):
    return lambda batch: cross_entropy(model(batch[0], shifted(batch[1])), batch[1])


def equipped(model, rate=0.004, total=100):
    """AdamW, and a schedule that rises for 10 steps and falls as a cosine."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    return optimizer, LambdaLR(optimizer, partial(cosine, total=total, warmup=10))


# %% [markdown]
# `course_lib.training.train` is the same, for any model: it takes a function that makes one number of a batch, and yields a
# record of each update: *you* decide when to print, save or stop.


# %%
ours, theirs = make(), make()
plain = [*plain_train(ours, islice(batches(pairs), 12), *equipped(ours))]
records = [*train(loss_of(theirs), islice(batches(pairs), 12), *equipped(theirs), max_norm=1.0)]
same = torch.tensor([(r.loss, r.lr, r.grad_norm) for r in records])
claim("12 updates: loss, rate and norm are equal", torch.allclose(torch.tensor(plain), same))
print("losses:", *(f"{loss:.2f}" for loss, _, _ in plain))

# %% [markdown]
# **A run that stops can go on.** What does the next step need? The weights; Adam's memory of each of them; where the schedule is;
# and which batches it has had. A **checkpoint** is all of that in a file. Here a run of twelve, broken off after eight:

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

from course_lib.training.checkpoints import load_checkpoint, save_checkpoint

with TemporaryDirectory() as folder:
    path, half = Path(folder) / "run.safetensors", make()
    optimizer, scheduler = equipped(half)
    [*train(loss_of(half), islice(batches(pairs), 8), optimizer, scheduler, max_norm=1.0)]
    save_checkpoint(path, 8, model=half, optimizer=optimizer, scheduler=scheduler)

    again = make(seed=1)  # another start: everything comes from the file
    optimizer, scheduler = equipped(again)
    done = load_checkpoint(path, model=again, optimizer=optimizer, scheduler=scheduler)
    rest = islice(batches(pairs), done, 12)  # the first eight are passed over
    late = [r.loss for r in train(loss_of(again), rest, optimizer, scheduler, max_norm=1.0)]
claim("the last four losses, bit for bit", late == [record.loss for record in records[8:]])

# %% [markdown]
# With the weights alone, Adam and the schedule would start anew.

# %% [markdown]
# ## 10.5 Adam: how far, in each weight
#
# The gradient says which way. Plain gradient descent also lets it say how far. Adam doesn't. For each weight it keeps two running
# averages: of the gradients (the **momentum**, `exp_avg` in PyTorch) and of their squares (`exp_avg_sq`).
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g \qquad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2 \qquad
# w \leftarrow w - \text{rate} \cdot \frac{\hat m}{\sqrt{\hat v} + \epsilon}$$
#
# Both start at 0, which makes them too small at first; the hats divide each by its $1-\beta^t$, with $t$ the step. The paper has
# $\beta_1 = 0.9$ (about ten steps), $\beta_2 = 0.98$ (about fifty), $\epsilon = 10^{-9}$.


# %%
def walk(gradients, rate=0.1):
    """The way of a few weights under Adam, (step, weight), and Adam's two averages at the end."""
    weights = nn.Parameter(torch.zeros(gradients.shape[1]))
    optimizer, way = torch.optim.Adam([weights], rate, betas=(0.9, 0.98), eps=1e-9), []
    for gradient in gradients:
        weights.grad = gradient.clone()
        optimizer.step()
        way.append(weights.detach().clone())
    kept = optimizer.state[weights]
    return torch.stack(way), kept["exp_avg"], kept["exp_avg_sq"]


predict(
    "10.adam",
    "The gradient of one weight is 0.001 at each step, of another 1,000. After 100 steps, how many times as far is the second?",
)

# %%
torch.manual_seed(0)
noise = torch.randn(100)
gradients = torch.stack(
    [torch.full((100,), 0.001), torch.full((100,), 1000.0), noise, noise + 0.5], dim=1
)
way, mean, square = walk(gradients)
display(outcome("10.adam", f"{(way[-1, 1] / way[-1, 0]).item():.1f} times"))
print("after the first step:", rounded(way[0]), " after 100:", rounded(way[-1], 1))
names = (
    "0.001, always",
    "1,000, always (on the same line)",
    "pure noise",
    "noise, and a little agreement",
)
fig, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
for line, name, color, style in zip(way.T, names, CYCLE, ("-", ":", "-", "--")):
    ax.plot(range(1, 101), line, style, label=name, color=color, linewidth=2.5)
ax.set(xlabel="step", ylabel="where the weight is")
ax.set_title("Adam goes by how much gradients agree, not by how large they are")
ax.legend(title="gradient", fontsize=8)
show(
    fig,
    alt="Four weights over 100 steps of Adam. Those with a gradient of 0.001 and of 1,000 fall along the same straight line to -10. The one "
    "with noise wanders near zero. Noise with a mean of a half goes the same way as the first two, less than half as far.",
)

# %% [markdown]
# Sizes cancel (while $\epsilon$ is small beside them): gradients a million times larger take the same way. What counts is agreement. And
# look at the first step: *every* weight moved by the whole rate, 0.1, the noise too. After one gradient $\hat m/\sqrt{\hat v}$ is
# $g/|g|$: +1 or -1, or no step where $g$ is 0. The average of the squares knows one example and vouches for it. That is a reason to make
# the first steps small.
#
# **AdamW** (chapter 09) also shrinks each weight by rate × decay at each step, past both averages: **decoupled weight decay**.
#
# **Your turn**: `10.adam`.

# %% [markdown]
# ## 10.6 The rate over time
#
# Few runs want the same **learning rate** from start to end. Three plans, a
# **schedule** each: the paper's **Noam schedule** rises in a line for 4,000 steps, the
# warm-up, and then falls as $1/\sqrt{\text{step}}$. A **cosine schedule** ends near 0 at a step that one has to know
# beforehand. **Warm-up, stable, decay** stays at the top, and one decides late when to come down.


# %% jupyter={"source_hidden": true}
def rates_of(warmup, total, decay):
    """Three schedules, each scaled to a highest rate of 1."""
    top = noam(warmup - 1, 512, warmup)
    return {
        "Noam": [noam(step, 512, warmup) / top for step in range(total)],
        "cosine": [cosine(step, total, warmup) for step in range(total)],
        "warm-up, stable, decay": [
            warmup_stable_decay(step, total, warmup, decay) for step in range(total)
        ],
    }


def draw_rates(warmup=400, total=4000, decay=800):
    fig, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
    for (name, rates), color, style in zip(
        rates_of(warmup, total, decay).items(), CYCLE, ("-", "--", ":")
    ):
        ax.plot(rates, style, color=color, label=name, linewidth=2.5)
    ax.set(
        xlabel="step",
        ylabel="share of the highest rate",
        title="Two come down at a step that is planned; Noam never arrives",
    )
    ax.legend(fontsize=8)
    told = f"Noam, cosine and warm-up-stable-decay: up for {warmup} of {total} steps, then down."
    return show(fig, alt=told)


# %%
print(f"the paper's highest rate, at step 4,000, for d_model 512: {noam(3999, 512):.6f}")
draw_rates()

# %% [markdown]
# Try: what is left of Noam's rate at the end?

# %% tags=["nbval-ignore-output"]
widgets.interactive(
    lambda **given: display(draw_rates(**given)),
    warmup=widgets.IntSlider(400, 10, 1000, 10, continuous_update=False),
    total=widgets.IntSlider(4000, 2000, 10_000, 500, continuous_update=False),
    decay=widgets.IntSlider(800, 0, 1000, 100, continuous_update=False),
)

# %% [markdown]
# **Your turn**: `10.rate`.
#
# What is it worth? A study: two blocks on each side, post-norm as in the paper or pre-norm, 150 steps on our dates, plain AdamW.
# Each way got its own rate, chosen among six on develop days; then three other seeds and the test days.

# %%
tricks = study("10_tricks")["results"]
predict(
    "10.no-warm-up",
    "Post-norm without warm-up, at *its* best rate: how much larger is the loss than with?",
)

# %%
warm, cold = (tricks["schedules"][f"post-norm, {how}"] for how in ("warm-up", "no warm-up"))
share = sum(cold["test"]) / sum(warm["test"])
display(outcome("10.no-warm-up", f"{share:.1f} times as large"))
print(f"{'develop, by rate:':22}", *(f"{rate:>6}" for rate in warm["dev"]), "  test, best rate:")
for name, found in tricks["schedules"].items():
    tried, test = found["dev"].values(), (f"{loss:.2f}" for loss in found["test"])
    print(f"{name:22}", *(f"{loss:6.2f}" for loss in tried), " ", *test)

# %% [markdown]
# Not the catastrophe that one hears of. At its own rate each way learns; without warm-up somewhat worse, with each seed (in pre-norm the worst
# with it only equals the best without). The catastrophe is made by the rate: at 0.004, post-norm's best *with* warm-up, it has 0.84
# without, against 0.64; at 0.016, 2.28. What warm-up buys is a rate twice as high. (150 steps are few.)


# %% [markdown]
# ## 10.7 Clipping: when one batch is garbage
#
# Chapter 08 clipped: if the norm of all gradients, as one long vector, is above 1, they are scaled down to 1. What for, if Adam divides
# by their size anyway? In the same study, at step 90, one batch had every answer moved to the next date: garbage.

# %%
for name, found in tricks["clipping"].items():
    told = f"{min(found['norms']):5.1f} to {max(found['norms']):5.1f}; rate {found['best']}; test:"
    print(f"{name:22} norm at step 90: {told}", *(f"{loss:.2f}" for loss in found["test"]))
for name, found in list(tricks["clipping"].items())[:2]:
    print(f"{name:14} develop, by rate:", *(f"{loss:.2f}" for loss in found["dev"].values()))
print("clean, of 150 steps with a norm above 1:", *tricks["clipping"]["clean"]["above 1"])
at = walk(torch.where(torch.arange(100) == 49, -1000.0, 1.0)[:, None])[0][[48, 68, 98], 0]
print("Adam, gradient 1, at step 50 -1,000: the weight after 49, 69, 99:", rounded(at, 1))

# %% [markdown]
# Each row has its own rate. Garbage did little: it was hardly louder than a good batch. *Loud* garbage (its loss times a hundred, as if
# summed, not averaged) nearly doubled the loss, at the best rate tried. Adam's averages don't forget: the step back is small,
# but $v$ is then so large that the weight stands still, for the 60 steps left. With clipping, loud garbage did no more harm
# than quiet. Where all is clean it may help a little: at five of six rates on develop dates, with two seeds of three on the test.
#
# **Your turn**: `10.clip`.

# %% [markdown]
# ## 10.8 Smoothing, and how sure one may be
#
# The paper smooths its labels: the right token is to get 0.9, and 0.1 is shared out over all of them (**label smoothing**,
# `smoothing=0.1` in `cross_entropy`). The best answer is then what is asked for, and its loss the labels' entropy, not 0: such a model should be less sure of itself. Good?
#
# That depends on how sure it *may* be. **Confidence** is the probability of the likeliest token. A model is **calibrated** if, of all answers
# with 80 % confidence, 80 % are right. The **expected calibration error** sorts answers into bins by confidence and takes the mean gap
# between confidence and share right. The study trained with 20,000 dates and with 400, with smoothing and without.

# %% jupyter={"source_hidden": true}
smooth, kinds = tricks["smoothing"], ("as it is", "at that temperature")
errors = {
    name: [[run[kind]["error"] for run in runs] for kind in kinds] for name, runs in smooth.items()
}
print("means of right and sure; calibration error; the same with a temperature from develop:")
for name, runs in smooth.items():
    right, sure = (sum(run["as it is"][k] for run in runs) / len(runs) for k in ("right", "sure"))
    plain, heated = (" ".join(f"{error:.3f}" for error in each) for each in errors[name])
    print(f"{name:29} {right:6.3f} {sure:6.3f}   {plain}      {heated}")
fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
for ax, many in zip(axes, ("20,000 pairs", "400 pairs")):
    for smoothing, color, style in ((0.0, CYCLE[0], "o-"), (0.1, CYCLE[1], "s--")):
        runs = smooth[f"{many}, smoothing {smoothing}"]
        bins = sum(torch.tensor(run["as it is"]["bins"]) for run in runs)
        bins = bins[bins[:, 0] >= 30]  # count, confidence, right; a few answers are no share
        ax.plot(
            bins[:, 1] / bins[:, 0], bins[:, 2] / bins[:, 0], style, color=color, label=smoothing
        )
    ax.plot([0, 1], [0, 1], ":", color="black")
    ax.set(xlabel="confidence", title=many)
axes[0].set_ylabel("share right")
axes[0].legend(title="smoothing")
fig.suptitle("Smoothing lowers confidence, also where it was right")
show(
    fig,
    alt="Two panels, share right against confidence. Left, much to learn from: without smoothing the points lie on the diagonal, with it above. Right, little to learn from: without smoothing they lie below the diagonal; with it on the diagonal, and above it where confidence is highest.",
)

# %% [markdown]
# With much to learn from, the model knew how sure it could be, and smoothing spoilt it: 86 % right, 77 % sure, far above the diagonal. With
# little, it was too sure, and smoothing made it as much too unsure. The tokens right are as many (with little, 1 or 2 % more).
#
# The control is a **temperature** (chapter 02): divide all logits by one number, chosen on the develop days. It changes no answer and leaves
# an error of 0.01 to 0.02 without smoothing, 0.02 to 0.04 with.
#
# **Your turn**: `10.smoothing`, then `10.first-loss`; and `10.train`, which takes all since 10.4 together.

# %% [markdown]
# ## 10.9 Find the bug: answers of unequal length
#
# Turn our task round: from ISO to the date as people write it, so that short answers are
# padded. A table of what follows each letter (chapter 09) will do. Somebody
# counts it, and measures its loss, like this. What is wrong?


# %%
def answers(batch):
    """What is given and asked when the written dates are the answers."""
    texts = [[*reads.encode(text), END] for text, _ in batch]
    asked, _ = pad(texts, PAD)
    return shifted(asked), asked


def buggy_loss(logits, asked):
    return F.cross_entropy(logits.flatten(0, 1), asked.flatten())


def mean_loss(loss, pairs, size=64):
    """The mean over batches of `size`."""
    each = [answers(pairs[i : i + size]) for i in range(0, len(pairs), size)]
    return sum(loss(table[given], asked).item() for given, asked in each) / len(each)


given, asked_texts = answers(pairs[:4000])
counts = torch.full((len(reads), len(reads)), 0.1)
counts.index_put_((given, asked_texts), torch.tensor(1.0), accumulate=True)
table = counts.log()  # logits: softmax makes shares of them
new = date_pairs(days.dev, 1920, seed=1)
by_length = sorted(new, key=lambda pair: len(pair[0]))
print(f"padding, of all tokens asked: {(asked_texts == PAD).float().mean():.0%}")
predict("10.padding", "Batches of 64: at random, or of like lengths. Does the table's loss change?")


# %%
random, alike = mean_loss(buggy_loss, new), mean_loss(buggy_loss, by_length)
display(outcome("10.padding", f"yes: {random:.2f} at random, {alike:.2f} for like lengths"))
without = partial(cross_entropy, pad_id=PAD)
for name, order in (("at random", new), ("of like lengths", by_length)):
    print(f"padding left out, {name}: {mean_loss(without, order):.2f}")

# %% [markdown]
# The same table, the same dates; only the order of the rows differs. Padding follows padding, at a loss near 0: the more of it, the
# better the number. And in training a batch with more padding gets smaller gradients. (`pad_id=` here, `ignore_index=` in PyTorch. What is
# left between the last two lines: a mean of means weighs a short batch like a long one; `training.evaluate` can weigh tokens.)


# %% [markdown]
# ## 10.10 Dates, for real
#
# Now the whole, with three new things, tried on develop dates. (What each is worth by itself is not measured.)
#
# - **QK-norm**: queries and keys are brought to one length before they meet, so that scores can't grow beyond
#   $\sqrt{d_{head}}$. An attention takes its steps as arguments.
# - **Muon**, for the matrices inside the blocks. A gradient of a matrix is mostly large (*singular value*) in a few directions. Muon takes its momentum
#   and makes all directions about equally large: so the rare ones are learned too, its author guesses. AdamW
#   keeps the tables, the head and the norms.
# - More short dates: `12/3/41` is hard (no name of a month, half of a year), so they get more lessons.


# %%
def even(x):
    """Every vector at the same length, the root of how many numbers it has."""
    return F.rms_norm(x, x.shape[-1:])


def attend_evenly(query, key, value, mask):
    return attend(even(query), even(key), value, mask)


# %%
class Both(torch.optim.Optimizer):
    """Muon for the matrices of the blocks, AdamW for the rest, as one optimiser."""

    def __init__(self, model, muon_rate=0.02, adam_rate=0.004):
        named = [(".blocks." in n and p.ndim == 2, p) for n, p in model.named_parameters()]
        inner, outer = ([p for is_inner, p in named if is_inner == wanted] for wanted in (1, 0))
        muon = Muon(inner, muon_rate)  # torch.optim.Muon's steps, in float32
        adam = torch.optim.AdamW(outer, adam_rate, betas=(0.9, 0.95), weight_decay=0.0)
        super().__init__([*inner, *outer], {})
        self.parts, self.param_groups = (adam, muon), [*adam.param_groups, *muon.param_groups]

    def step(self):
        for part in self.parts:
            part.step()


model = make(attend_evenly, heads=2)
optimizer = Both(model, muon_rate=1.0)
matrix = model.encoder.blocks[0].feed_forward.up.weight
before = matrix.detach().clone()
loss_of(model)(next(batches(pairs))).backward()
optimizer.step()
for name, moved in (("gradient", matrix.grad), ("step", (before - matrix).detach())):
    sizes = torch.linalg.svdvals(moved)
    print(f"{name:9} largest : median = {sizes[0] / sizes.median():.1f} : 1")

# %% [markdown]
# Train. The bar shows loss and time left: about half a minute on one core.

# %% tags=["nbval-ignore-output"]
more = date_pairs(days.train, 60_000, seed=100)
lessons = pairs + [pair for pair in more if len(pair[0]) <= 8]
steps, model = 700, make(attend_evenly, heads=2)
optimizer = Both(model)
fall = LambdaLR(optimizer, lambda step: 1 - step / steps)
run = train(loss_of(model), islice(batches(lessons), steps), optimizer, fall)
records = list(progress(run, total=steps))  # a bar, made of widgets
claim("mean of the last hundred losses: below 0.02", sum(r.loss for r in records[-100:]) < 2)

# %% jupyter={"source_hidden": true}
fig, axes = plt.subplots(3, 1, figsize=(8, 5.5), sharex=True, layout="constrained")
for ax, name in zip(axes, ("lr", "loss", "grad_norm")):
    ax.plot([getattr(r, name) for r in records], color=CYCLE[0], linewidth=0.8)
    ax.set(ylabel={"lr": "learning rate", "loss": "loss", "grad_norm": "gradient norm"}[name])
smooth = torch.tensor([r.loss for r in records]).view(-1, 25).mean(dim=1)
axes[1].plot(torch.arange(12, steps, 25), smooth, color=CYCLE[3], linewidth=2.5)
axes[1].axhline(blind, color="black", linestyle=":")
axes[1].set_yscale("log")
axes[2].set_yscale("log")
axes[2].set_xlabel("step")
axes[0].set_title("Loss and gradient norm jump together, and fall to the end of the rate")
show(
    fig,
    alt="Three panels over 700 steps. The learning rate (AdamW's) falls in a line from 0.004 to 0. The loss, on a logarithmic axis, starts "
    "above ln 14 and falls below a thousandth. The gradient norm falls with it, with bursts.",
)


# %%
from course_lib.generation import generate


@torch.no_grad()
def to_iso(model, texts):
    """Dates as they are written -> ISO, greedily."""
    read, _ = pad([[*reads.encode(text), END] for text in texts], PAD)
    start = torch.full((len(read), 1), START)
    ids = generate(Writer(model, read), start, max_new_tokens=11, end_id=END, cache=GrowingCache())
    return [writes.decode(row) for row in ids]


test = [(kind, day) for i, kind in enumerate(KINDS) for day in days.test[i : 2000 : len(KINDS)]]
said = to_iso(model, [spelled(day, *kind) for kind, day in test])
wrong = [(*one, iso) for one, iso in zip(test, said) if iso != one[1].isoformat()]
claim("of 2,000 dates on unseen days, more than 99 % are right", len(wrong) < 20)

# %% [markdown]
# ## 10.11 How good, how surely, and where not
#
# A study took 1,100 steps, three seeds, and three times a second model, *plain*: dot products as they are, four heads,
# and chapter 06's sinusoidal positions. (Settings were changed after two earlier tests; none of this one's days was in those; some of the page's were.)


# %% jupyter={"source_hidden": true}
dates = study("10_dates")["results"]
for name in ("QK-norm", "plain"):
    told = [f"{run['test'] / run['of']:.2%}" for run in dates[name]]
    slowest = max(run["cpu_seconds"] for run in dates[name])
    print(f"{name:8} right of 4,000 test dates:", *told, f" ({slowest:.0f} seconds of one core)")
for run in dates["QK-norm"][:2]:
    told = "   ".join(f"{text} ({iso})" for text, iso in run["wrong"][:4])
    print("read wrongly (and what is right):", told)
print(f"a pass in bfloat16 takes {dates['bfloat16 / float32']:.2f} of the time in float32")
grid = torch.full((len(STYLES), len(LOCALES)), float("nan"))
for (locale, style), _ in test:
    grid[STYLES.index(style), LOCALES.index(locale)] = 0
for (locale, style), *_ in wrong:
    grid[STYLES.index(style), LOCALES.index(locale)] += 1
fig, ax = plt.subplots(figsize=(9, 2.6), layout="constrained")
ax.imshow(grid, cmap="Reds", vmin=0, vmax=8)
for (row, column), count in zip(
    torch.cartesian_prod(torch.arange(4), torch.arange(15)), grid.flatten()
):
    ax.text(column, row, "–" if count.isnan() else int(count), ha="center", va="center")
ax.set_xticks(range(15), LOCALES, rotation=45)
ax.set_yticks(range(4), STYLES)
ax.set_xlabel("–: left out, for there 3/2/19 is in February, in America in March")
ax.set_title(f"{len(wrong)} wrong of 2,000, here: nearly every kind is read without a mistake")
show(
    fig,
    alt="A table of four styles by fifteen locales with the number of wrong dates of some 34. Nearly all cells are 0; Spanish and Italian have no short style.",
)

# %% [markdown]
# The first model reads nearly everything, with each seed. The second is behind; but differs in
# three parts at once, so this says nothing of QK-norm alone.
#
# **Save it, and load it elsewhere.** A path that stays, `Path("dates.safetensors")`, makes it yours in any other notebook. What the file does
# not hold is the code: `make`, and which token has which number.

# %%
with TemporaryDirectory() as folder:
    path = Path(folder) / "dates.safetensors"
    save_checkpoint(path, steps, model=model)
    reader = make(attend_evenly, seed=5, heads=2)
    load_checkpoint(path, model=reader)
mine = ["Thursday, 4 July 1991", "4. Juli 1991", "4 juillet 1991", "1991年7月4日"]
print(*to_iso(reader, mine))


# %%
@torch.no_grad()
def looks(model, text, iso):
    """Cross-attention while `iso` is written, mean over heads, (written, read)."""
    read, asked = ids_of([(text, iso)])
    _, (_, written) = model(read, shifted(asked), return_weights=True)
    return written[0][1][0].mean(dim=0)


def read_date(date):
    try:
        iso = to_iso(reader, [date])[0]
    except ValueError as error:  # a letter that no date has
        print(error)
        return
    told = f"{date} → {iso}"
    display(attention_hover([*iso, "$"], looks(reader, date, iso), [*date, "$"], title=told))


# %% [markdown]
# Type a day between 1950 and 2049 as you would write it, and point at a digit to see what it was read from. Then break it: a wrong
# weekday, the 31st of February, a language that it never saw.

# %% tags=["nbval-ignore-output"]
widgets.interactive(read_date, date=widgets.Text("Thursday, 4 July 1991", continuous_update=False))

# %% [markdown]
# ## 10.12 Where it looks
#
# A date is an **alignment** that one knows: the year is written from the year. How much of a digit's weight lies on the letters it
# comes from? The study measured it on the test days. (`$` is the end.)

# %% jupyter={"source_hidden": true}
mass = {name: [run["mass"] for run in dates[name]] for name in ("QK-norm", "plain")}
for name, runs in mass.items():
    parts = [" ".join(f"{run[part]:.2f}" for run in runs) for part in ("y", "M", "d", "all")]
    print(f"{name:8} year, month, day, all; three seeds each:", "   ".join(parts))
owned = [fields(day, *kind) for kind in KINDS for day in all_days()[::997]]
alike = {part: sum(x.count(part) / (len(x) + 1) for x in owned) / len(owned) for part in "yMd"}
print("if it looked at all letters alike:", *(f"{share:.2f}" for share in alike.values()))
maps = {name: dates[name][0]["maps"] for name in ("QK-norm", "plain")}
fig, axes = plt.subplots(2, 1, figsize=(9, 7.5), layout="constrained")
for ax, (name, each) in zip(axes, maps.items()):
    text, iso, weights = each[0]
    attention_map(torch.tensor(weights), [*iso, "$"], [*text, "$"], ax=ax, title=name)
    ax.set(ylabel="is written", xlabel="is read" if name == "plain" else "")
fig.suptitle("Mostly year from year, month from its name, day from day")
show(
    fig,
    alt="Two maps of cross-attention for a German date, digits written against letters read. In both the year's digits look at the year, the "
    "month's at the name of the month, the day's at the day.",
)

# %% [markdown]
# Most of the weight, twice what equal looks would put there or more, is where it belongs, and not all: when the decoder looks, the source's letters have talked with each
# other, so a month may be found beside its name. The better reader has less of it there. A map is a hint of what was read, no proof.
#
# **Your turn**: `10.softest`.

# %% [markdown]
# ## 10.13 Names: when the answer is a matter of taste (optional)
#
# Dates have one right answer. Arabic names in Latin letters don't: short vowels are not written, and Wikidata often has several spellings;
# any is right enough. A study trained on 23,515 names, beside each letter's usual spelling, the most similar known name, and a fair
# opponent: n-grams of an Arabic letter with what stands for it, five in a row.


# %%
found = study("10_names")["results"]
names, misses = found["test"], found["misses"]["model"][0]
rows = [(side, names[side]) for side in ("letter table", "nearest name", "ngrams")]
for side, run in rows + [("model", run) for run in names["model"]]:
    print(f"{side:13} exact {run['exact']:.3f}, errors a letter {run['error']:.3f}")
for name, _, _, counted, said, known in found["examples"][2:8]:
    print(f"  ngrams {counted:12} model {said:12} known:", ", ".join(known), " ", name)
print("what the model misses:", {kind: n for kind, n in misses.items() if "," not in kind})

# %% [markdown]
# Counting does as well as attention on whole names; by letters the model is a little nearer. Half of its misses
# are in the vowels alone, and one that isn't written can only be guessed.
#
# Unless one knows where. Two more studies told the country in which most bear a name: n-grams of all names, mixed with those of that
# country's (how, was chosen on develop names), and a model that reads one token more than its twin:

# %%
places = study("10_places")["results"]
print("Told the country (one of 25), or not; `there`: as someone in that country writes it")
for side, r in places["test"].items():
    print(f"{side:18} exact {r['exact']:.3f}, errors a letter {r['error']:.3f}", end=", ")
    print(f"there {r['there']:.3f}")
for side, runs in study("10_told")["results"].items():
    marks = [[f"{run['test'][key]:.3f}" for run in runs] for key in ("exact", "error")]
    print(f"model, {side:11} exact {', '.join(marks[0])}, errors a letter {', '.join(marks[1])}")
wrong = [f"{r['exact']:.3f}" for r in places["test, told a wrong country"]]
print("n-grams, countries dealt out anew, three draws: exact", *wrong)
rows = places["countries"].items()
print("n-grams, by country:", *(f"{at} {a:.2f} → {b:.2f}," for at, (_, a, b) in rows))
alike = {at: f"{r['alike']:.2f}" for at, r in places["agreement, test"].items()}
print("two of one name write it alike: in a country {within}, across {across}".format(**alike))
four = [said for said in places["asked"]["names"].items() if len(set(said[1])) == 4]
for name, said in four[:3]:  # the first that are written in four ways
    print("  ", *map(": ".join, zip(places["asked"]["countries"], said)), " ", name)

# %% [markdown]
# Both gain, the model more. With
# countries dealt out anew the n-grams' gain is gone: a spelling is a convention of a place. (Egypt gains nothing, Lebanon loses.)
#
# ## 10.14 French: when there is little (optional)
#
# Real sentences, as five programs (JupyterLab, Wagtail, Django, Sphinx, Spyder) have them in English and French: 6,274 pairs to learn
# from, 600 sentences for the test, which no other is close to. Many translations are right and one is known, so likeness is counted, up to
# 100: **chrF** by runs of up to six letters, **BLEU** by runs of up to four words.
#
# Beside the model (pieces of words, chapter 12; four beams, chapter 11) stand the English itself, the French of the most similar
# sentence, and a dictionary that counted which words go together (IBM's model 1), word by word.

# %%
french = study("10_french")["results"]
for side in ("english", "french", "nearest", "dictionary"):
    print(f"{side:12}", *(f"{one[side]:44}" for one in french["examples"][:2]))
predict("10.french", "Model against dictionary: who has more chrF, and who more BLEU?")


# %%
first = {side: french["test"][side][0] for side in ("model", "dictionary")}
told = (f"{side}: chrF {r['chrf']:.1f}, BLEU {r['bleu']:.1f}" for side, r in first.items())
display(outcome("10.french", "; ".join(told)))
groups = {"all": french["test"]} | {x: french["groups"][x] for x in ("far", "between", "near")}
print("chrF, BLEU, exact; the model: three seeds. Far to near: how similar the most similar one is")
for group, side in product(groups, ("copy", "nearest", "dictionary", "model")):
    told = (f"{r['chrf']:4.1f} {r['bleu']:4.1f} {r['exact']:5.1%}" for r in groups[group][side])
    print(f"{group:8} {side:10}", *told, sep="   ")

# %% [markdown]
# In letters the dictionary wins; in runs of words the model, and one sentence in ten is the translator's own. Far from all that was learned
# from, the dictionary leads in both; near it, the neighbour's French has more chrF than the model.
#
# ## 10.15 The paper's numbers, and ours
#
# | | the paper, base (sections 5, 6) | 10.10 |
# |---|---|---|
# | data | 4.5 million pairs of sentences | 20,000 dates, and more short ones |
# | tokens in a batch | about 25,000 on each side | about 680 to read |
# | steps | 100,000 (big: 300,000) | 700 (study: 1,100) |
# | optimiser | Adam, 0.9, 0.98, $10^{-9}$ | Muon and AdamW (0.9, 0.95) |
# | rate | Noam, warm-up 4,000, at most 0.0007 | 0.02 and 0.004, falling in a line |
# | dropout | 0.1 | none: data enough |
# | label smoothing | 0.1 | none |
# | weights kept | mean of the last 5 checkpoints (big: 20) | the last |
#
# ## 10.16 On a GPU, on a Mac
#
# Not measured. The loop stays; model and batches move to the device that `course_lib.device` picks (`cuda`, `mps` for Apple's chips,
# `cpu`), and batches grow until it is busy. On a GPU **autocast**, `with torch.autocast("cuda", torch.bfloat16):` around the loss, runs
# matrix products in bfloat16 (16 bits: float32's range, 8 binary digits for its 24) and leaves the weights in float32. (On 10.11's processor it saved no time.)
#
# ## Summary
#
# - Before the first step the loss is about $\ln V$; then one batch by heart; then a look whether the answer leaks.
# - Five steps make the loop: loss, gradient, clip, step, rate. A checkpoint holds the weights, the optimiser, the schedule and the
#   place in the data.
# - Adam goes by agreement, not by size, and its first step is a full one in every weight.
# - Warm-up lets the rate be higher; with each side at its own it still gains a little. Smoothing lowers confidence; in the paper's dose it made
#   our models no better calibrated on average.
# - Deal out days, not strings; choose on some, report on others; three seeds.
#
# The model gives probabilities; here the likeliest token was nearly always right. When it isn't, who writes? Chapter 11.
#
# ## Quiz

# %%
quiz("10")

# %% [markdown]
# ## Interview questions
#
# Answer aloud before you open the answer.
#
# <details><summary>Your new model does not learn. What do you do first?</summary>
#
# Look at the loss before the first step: about $\ln V$? Then learn one small batch by heart. If that fails, something does not
# reach. If it works, look at the rate, by factors of two; then at the data.
#
# </details>
#
# <details><summary>Does label smoothing make a model better calibrated?</summary>
#
# It makes it less sure: bad for one that was right about itself, and good for one that is too sure only in the right dose.
#
# </details>
#
# ## Exercises
#
# Open [exercises/10_training.ipynb](exercises/10_training.ipynb). About 120 minutes.
#
# | exercise | asks you to |
# |---|---|
# | `10.adam` | take one step of AdamW by hand |
# | `10.rate` | write the paper's schedule |
# | `10.clip` | mend a clipping that also scales up |
# | `10.smoothing` | smooth labels, and leave padding out |
# | `10.first-loss` | say what an untrained model loses |
# | `10.train` | train with batches that are too large for the memory |
# | `10.softest` | say how sharp attention can be when its scores are capped |
#
# Your box gets loss, schedule, loop.

# %% [markdown]
# ## Further reading
#
# - Vaswani et al. 2017, *Attention Is All You Need*, sections 5 and 6. arXiv:1706.03762.
# - Kingma and Ba 2014, *Adam*, arXiv:1412.6980; Loshchilov and Hutter 2017, *Decoupled Weight Decay Regularization*, arXiv:1711.05101.
# - Xiong et al. 2020, *On Layer Normalization in the Transformer Architecture*: warm-up. arXiv:2002.04745.
# - Müller et al. 2019, *When Does Label Smoothing Help?*, arXiv:1906.02629.
# - Guo et al. 2017, *On Calibration of Modern Neural Networks*, arXiv:1706.04599.
# - Henry et al. 2020, *Query-Key Normalization for Transformers*, arXiv:2010.04245.
# - Jordan et al. 2024, *Muon*, kellerjordan.github.io/posts/muon.
# - Karpathy 2019, *A Recipe for Training Neural Networks*, karpathy.github.io/2019/04/25/recipe.
#
# ## Glossary
#
# - **overfit**: to learn the training data by heart, with no gain, or a loss, on others.
# - **momentum**: the running average of a weight's gradients, by which it moves.
# - **decoupled weight decay**: shrinking each weight by a share of itself at each step, beside the gradient.
# - **schedule**: a plan that gives the learning rate of each step.
# - **Noam schedule**: up in a line during the warm-up, then down as one over the root of the step (2017).
# - **cosine schedule**: down along half a cosine, to nearly nothing at a step known beforehand.
# - **checkpoint**: a file with all that the next step of a training needs.
# - **label smoothing**: giving a small share of what is asked to all tokens, so that none is asked for with certainty.
# - **calibrated**: said of a model whose answers are right as often as it is sure of them.
# - **expected calibration error**: the mean gap between confidence and the share that is right, over bins.
# - **QK-norm**: queries and keys brought to one length, so that scores stay within a cap.
# - **Muon**: an optimiser for matrices that moves all directions of a matrix about equally far.
