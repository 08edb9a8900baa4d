# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Why transformers
#
# **What was wrong with reading left to right?** You are doing it now, and so did most networks that translated or
# wrote, until 2017: one word after the other, with a summary in mind. Then a paper called *Attention Is All You Need*
# threw that away and let all words look at each other at once. Here you race the two; some of what is commonly said is
# false.
#
# After this chapter you can
#
# - write one step of a recurrent network, and say what it keeps and what it loses;
# - measure how strongly the last word depends on the first;
# - say what a bottleneck is, and what attention does about it;
# - count the steps from one word to another in three kinds of network;
# - say when *not* to use a Transformer.
#
# You need chapter 00: shapes, dot products, softmax. About 60 minutes, 10 of them in a section marked *optional*, and
# 85 more for the exercises.

# %%
import time
from functools import partial

import ipywidgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display
from torch import nn

from course_lib.claims import claim, rounded
from course_lib.plots import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    runs_over,
    training_waits,
    transformer_map,
)
from course_lib.studies import study
from course_lib.views import attention_hover, outcome, predict, quiz, show

torch.manual_seed(0)
torch.set_num_threads(1)  # one core for each reader: a fair race
GRU_LINE = {"color": ORANGE, "linestyle": "--"}
ATTENTION_LINE = {"color": BLUE, "linestyle": "-"}
OPEN_LINE = {"color": RED, "linestyle": "-."}  # a GRU whose gate starts open

# %% [markdown]
# Today you meet the three boxes called *attention*, from outside. Chapter 02 opens them.

# %%
attentions = ["self-attention", "masked self-attention", "cross-attention"]
alt = "The Transformer's map: the three attention boxes are lit, softmax is built."
show(transformer_map(attentions, built=["softmax"]), alt)

# %% [markdown]
# ## 1.1 Reading left to right
#
# Each word becomes 64 random numbers; equal words get equal vectors. Their width is called `d_model`, the number of
# words `seq`. This sentence, from the article that presented the Transformer on Google's blog, goes with you through the whole course:

# %%
words = "The animal didn't cross the street because it was too tired".split()
vector = {word: torch.randn(64) for word in dict.fromkeys(w.lower() for w in words)}
x = torch.stack([vector[w.lower()] for w in words])  # (seq, d_model)
print(x.shape)

# %% [markdown]
# A **recurrent network** reads it as you do. It keeps one vector $h$, its **hidden state**, and mixes each word into
# it. The simplest mixture has two matrices $W$ and $U$, here random, since nothing is learned yet:
#
# $$h_{t} = \tanh(W x_t + U h_{t-1})$$
#
# $\tanh$ squeezes any number into the range from −1 to 1, so that the state cannot grow without end.

# %%
W, U = torch.randn(64, 64) / 8, torch.randn(64, 64) / 8  # / 8 keeps the sums small
h = torch.zeros(64)
for word in x:
    h = torch.tanh(W @ word + U @ h)
print(h.shape)

# %% [markdown]
# This network rewrites all of $h$ at every word. The **gated recurrent unit** (**GRU**, 2014) decides, number by
# number, what to keep. It has two *gates*: numbers between 0 and 1, made by the function $\sigma(a) = 1/(1+e^{-a})$.
# The sign $\odot$ multiplies number by number; $h$ is now the old state and $h'$ the next.
#
# $$\begin{aligned}
# r &= \sigma(W_r x + b_r + U_r h + c_r) && \text{reset gate: how much of the old state to consult} \\
# z &= \sigma(W_z x + b_z + U_z h + c_z) && \text{update gate: how much of the old state to keep} \\
# n &= \tanh(W_n x + b_n + r \odot (U_n h + c_n)) && \text{the new content} \\
# h' &= (1 - z) \odot n + z \odot h && \text{the next state}
# \end{aligned}$$
#
# PyTorch stacks the three $W$ into one tall matrix of $3 \cdot 64 = 192$ rows, in the order $r$, $z$, $n$, and does the
# same with the $U$ and with the constants $b$ and $c$ (the *biases*). All these numbers, which learning will change,
# are the network's **parameters** (or *weights*). Its `nn.GRUCell` takes one step. The state's width is called
# `d_hidden`.

# %%
cell = nn.GRUCell(64, 64)
h, states = torch.zeros(64), []
for word in x:
    h = cell(word, h)
    states.append(h)
# `detach` and, below, `no_grad` switch off bookkeeping that we need from 1.4 on.
states = torch.stack(states).detach()  # (seq, d_hidden)
print(states.shape, "stacked W and U:", cell.weight_ih.shape, cell.weight_hh.shape)

# %% [markdown]
# Eleven rows, one a word. The last is *everything* the network knows about the sentence, and each needs the one
# above. Remember: **a state of fixed size**, and **waiting in line**.
#
# `nn.GRU` is the same loop, run inside PyTorch. We wrap it so that it takes a text and returns all its states. In
# PyTorch a network is a class: `__init__` makes its parameters, and `gru(x)` runs `forward`. (`keep` comes into play in
# 1.4. Three dots in a shape are any axes in front. Texts that are read together are a **batch**.)


# %%
class Recurrent(nn.Module):
    """A GRU read left to right: (..., seq, d_model) -> (..., seq, d_model)."""

    def __init__(self, d_model, keep=0.0):
        super().__init__()
        self.gru = nn.GRU(d_model, d_model, batch_first=True)  # shapes: (batch, seq, d_model)
        with torch.no_grad():  # the update gate's share of the biases
            self.gru.bias_ih_l0[d_model : 2 * d_model] += keep

    def forward(self, x):
        states, _ = self.gru(x)  # all states; `_` is the last one once more
        return states


gru = Recurrent(64)
# The same weights as our cell has.
gru.gru.load_state_dict({f"{name}_l0": weight for name, weight in cell.state_dict().items()})
claim("nn.GRU gives the same states as our loop", torch.allclose(gru(x), states, atol=1e-6))

# %% [markdown]
# **Your turn**: `01.gru-step`, the four lines of the formula.
#
# ## 1.2 What is left of word 2?
#
# Change one word early in the sentence: "The *robot* didn't cross the street …". Right after word 2 the two states are
# far apart. Nine words later, at "tired", how far? Take the distance at word 2 as 1.

# %%
changed = x.clone()
changed[1] = torch.randn(64)  # animal -> robot
with torch.no_grad():
    difference = (gru(x) - gru(changed)).norm(dim=-1)  # (seq,): a length for each word
left = difference / difference[1]
print(rounded(left))

# %% [markdown]
# Every further word leaves little more than half of what was left; at the end it is less than a hundredth.

# %% [markdown]
# ## 1.3 Looking everywhere at once
#
# Attention drops the line. Every word compares itself with every word by a dot product, softmax turns the scores into
# shares, and the output is the average of the vectors in these shares. Apart from three matrices and a division, that
# is all:


# %%
class Attention(nn.Module):
    """Every word looks at every word: (..., seq, d_model) -> (..., seq, d_model)."""

    def __init__(self, d_model):
        super().__init__()
        self.to_q = nn.Linear(d_model, d_model, bias=False)
        self.to_k = nn.Linear(d_model, d_model, bias=False)
        self.to_v = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x):
        scores = self.to_q(x) @ self.to_k(x).mT / x.shape[-1] ** 0.5  # (..., seq, seq)
        return scores.softmax(dim=-1) @ self.to_v(x)


attention = Attention(64)
print(attention(x).shape)

# %% [markdown]
# `.mT` swaps the last two axes; `nn.Linear` holds a matrix. What the matrices and the division are for: chapters 02 and
# 03. Today only this counts: **no loop over words**. The same experiment, for both readers:

# %%
with torch.no_grad():
    difference = (attention(x) - attention(changed)).norm(dim=-1)
kept = difference / difference[1]
print(f"at the last word: GRU {rounded(left[-1])}, attention {rounded(kept[-1])}")

ax = runs_over(
    range(len(words)),
    {"GRU": left, "attention": kept},
    styles={"GRU": GRU_LINE | {"marker": "s"}, "attention": ATTENTION_LINE | {"marker": "o"}},
    xlabel="output at this word",
    ylabel="difference, word 2 = 1",
    title="In this GRU the change fades; in attention it does not",
)
ax.set_xticks(range(len(words)), words, rotation=30)
alt = "GRU: the change fades to nearly 0 at the last word. Attention: up and down, never near 0."
show(ax, alt)

# %% [markdown]
# Distance plays no part for attention. And changing word 2 has changed the output at word *1*: it looks ahead, a help
# in reading, cheating in writing (chapter 04).

# %% [markdown]
# ## 1.4 How much of a nudge arrives
#
# Networks learn from tiny pushes: move one number of word $t$ by a hair; how much does the last output move? These
# ratios, for all numbers of all words, are the **gradient**. Training follows it (1.5); where it is 0, training does
# not notice the word.
#
# PyTorch computes it for you. `requires_grad_()` asks it to keep track of `x`; then it goes through the computation
# from end to start and multiplies the ratio of each step to those of the steps after it: **backpropagation**. It needs
# one number to start from, so we add up the last output; and we keep one length for each word. First row GRU, second
# row attention:


# %%
def reach(read, x, at=-1):
    """How strongly the output at position `at` depends on each word: (seq, d_model) -> (seq,)."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(read(x)[at].sum(), x)  # (seq, d_model)
    return gradient.norm(dim=-1)


print(rounded(torch.stack([reach(gru, x), reach(attention, x)])))

# %% [markdown]
# **Predict first.** In a text of 100 words, take the GRU's gradient at the last word as 1. How much reaches word 1: a
# hundredth, a millionth?

# %%
predict("01.gradient", "What share of the gradient reaches word 1 of 100?")


# %%
def reaches(make, n=100, runs=5):
    """Five fresh networks, five random texts: (runs, seq)."""
    torch.manual_seed(1)
    return torch.stack([reach(make(), torch.randn(n, 64)) for _ in range(runs)])


by_gru, by_attention = reaches(lambda: Recurrent(64)), reaches(lambda: Attention(64))
share = (by_gru[:, 0] / by_gru[:, -1]).median()
outcome("01.gradient", f"about 10 to the power {share.log10():.0f}")

# %% jupyter={"source_hidden": true}
least = (by_attention[:, 0] / by_attention[:, -1]).min()
print(f"GRU: word 1 of 100 gets 10 to the power {share.log10():.0f} of what the last word gets,")
print(f"since each word multiplies by about {share ** (1 / 99):.1f}")
print(f"attention: word 1 of 100 gets {least:.2f} of what the last word gets, or more (five runs)")
alone = torch.stack([reaches(lambda: Attention(64), n)[:, 0].median() for n in (10, 100, 1000)])
print("attention, the gradient itself, at word 1 of 10, of 100, of 1,000:", rounded(alone))


def draw_reach(runs, title, **styles):
    """The gradient against distance: the median run, and a band from lowest to highest."""
    runs = {name: numbers.flip(-1) for name, numbers in runs.items()}  # distance 0 first
    words = {"xlabel": "words back from the last", "ylabel": "gradient that arrives"}
    ax = runs_over(range(100), runs, styles=styles, title=title, **words)
    ax.set(yscale="log")
    return ax


title = "The GRU's gradient fades word by word; attention's does not"
both, lines = {"GRU": by_gru, "attention": by_attention}, {"attention": ATTENTION_LINE}
alt = "GRU: a straight line down by 20 powers of ten over 99 words. Attention: a flat line."
show(draw_reach(both, title, GRU=GRU_LINE, **lines), alt)

# %% [markdown]
# The axis on the left is *logarithmic*: equal distances are equal factors, and a straight line means that each word
# multiplies by the same one, here about 0.6. A product of a hundred such factors is nothing. This is the **vanishing
# gradient**. Attention has no product of steps, so its line is flat. Free it is not: before training, an average over
# $n$ words gives each about $1/n$ (last line above).
#
# Now the same for *every* output: row $i$ says whose nudges reach output $i$, as shares of 1. Point at a word, or click
# beside it and use the arrow keys: on whom does it depend? First the GRU, below it attention.


# %%
def influence(read, x):
    """Row i: the share of each word in what moves output i. (seq, d_model) -> (seq, seq)."""
    rows = torch.stack([reach(read, x, at=i) for i in range(len(x))])
    return rows / rows.sum(dim=-1, keepdim=True)


for name, read in (("GRU", gru), ("Attention", attention)):
    display(attention_hover(words, influence(read, x), title=name, start=10, verb="depends on"))

# %% [markdown]
# The GRU never looks ahead, and what it depends on fades to the left.
#
# Be fair to the GRU. Its update gate starts near $\sigma(0) = ½$: *keep half*, at every word. Add a constant to that
# gate's bias (our `keep`), and the gate is more *open* from the start: it keeps more. Move the slider.


# %% tags=["nbval-ignore-output"]
@ipywidgets.interact(keep=(0.0, 6.0, 0.5))
def reach_when_keeping(keep=0.0):
    runs = {"GRU": reaches(lambda: Recurrent(64, keep)), "attention": by_attention}
    title = f"keep = {keep}: the gate starts near {torch.tensor(keep).sigmoid():.0%}"
    ax = draw_reach(runs, title, GRU=GRU_LINE, **lines)
    ax.set(ylim=(1e-25, 10))
    return show(ax, alt=f"Gradient against distance: a GRU with keep {keep}, and attention.")


# %% jupyter={"source_hidden": true}
reached = {keep: reaches(lambda keep=keep: Recurrent(64, keep)) for keep in (0.0, 2.0, 4.0)}
before, after = (reached[keep].median(dim=0).values for keep in (0.0, 4.0))
print(f"keep = 4: word 1 gets {after[0] / after[-1]:.0%} of what the last word gets;")
print(f"but the last word gets {after[-1] / before[-1]:.0%} of what it got with keep = 0")

kinds = {f"GRU, keep = {keep:.0f}": runs for keep, runs in reached.items()}
marked = zip(kinds, "s^v", strict=True)
styles = {name: GRU_LINE | {"marker": marker, "markevery": 20} for name, marker in marked}
title = "One constant brings the GRU's gradient back to life"
alt = (
    "With keep = 0 the line falls by 20 powers of ten; with 4 it is nearly as flat as attention's."
)
show(draw_reach(kinds | {"attention": by_attention}, title, **styles, **lines), alt)

# %% [markdown]
# So the vanishing gradient is a habit, not a law. Its cure has a price: a state that keeps 98 % has room for 2 % of
# each new word.
#
# **Your turn**: `01.gradient-reach`, without the shortcut of adding up the output.

# %% [markdown]
# ## 1.5 Can it learn?
#
# A gradient is only a promise. So train three readers where the first word decides: a row of 30 symbols out of 8 kinds,
# the first one underlined. After the last symbol, say which one was underlined. Guessing is right one time in eight.


# %%
def batch(size, generator):
    """Rows of symbols (size, 30, 9) and the underlined symbol of each (size,)."""
    symbols = torch.randint(8, (size, 30), generator=generator)
    x = F.one_hot(symbols, 9).float()  # symbol 3: a row of zeros with a 1 at place 3
    x[:, 0, 8] = 1.0  # the ninth number underlines the first symbol
    return x, symbols[:, 0]


class Recall(nn.Module):
    """Symbols in, one of the readers, eight scores out at the last position."""

    def __init__(self, body):
        super().__init__()
        self.embed, self.body, self.answer = nn.Linear(9, 32), body, nn.Linear(32, 8)

    def forward(self, x):
        return self.answer(self.body(self.embed(x))[:, -1])  # -1: the last position


# %% [markdown]
# Training is a loop of four moves: answer a batch of fresh examples; compute how wrong the answers are, the **loss**;
# ask for the gradient of the loss, with one ratio for each parameter (`backward`); and move every parameter a little
# against it. Our loss is the **cross-entropy**: the softmax of the scores gives the right answer some share, and the
# loss is minus its natural logarithm, 0 where the share is 1. How far a step moves is the **learning rate**. **Adam**
# takes the steps: it divides each by the usual size of its gradient (chapter 10).


# %%
def train(make, seed, rate=0.01, steps=100):
    """Share of right answers at each step, on examples not seen before."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model, right = Recall(make()), []
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(steps):
        x, symbol = batch(32, generator)
        scores = model(x)
        right.append((scores.argmax(dim=-1) == symbol).float().mean())
        optimizer.zero_grad()  # gradients add up: clear those of the step before
        F.cross_entropy(scores, symbol).backward()  # the loss, and its gradient
        optimizer.step()
    return torch.stack(right)


# %% [markdown]
# Three readers of width 32: a GRU, a GRU with `keep` = 4, and attention, each from three different random starts
# (*seeds*). Which of them are right more often than one time in eight after 100 steps?

# %%
predict(
    "01.recall", "Which of the three know it after 100 steps: GRU, GRU with keep = 4, attention?"
)

# %%
readers = {"GRU": lambda: Recurrent(32), "GRU, keep = 4": lambda: Recurrent(32, keep=4.0)}
readers["attention"] = lambda: Attention(32)
styles = dict(zip(readers, (GRU_LINE, OPEN_LINE, ATTENTION_LINE), strict=True))
late = {}
for name, make in readers.items():
    late[name] = torch.stack([train(make, seed)[-20:].mean() for seed in range(3)])
told = [f"{name} {rounded(right, 1)}" for name, right in late.items()]
outcome("01.recall", f"right in steps 81 to 100, three seeds: {'; '.join(told)}")

# %% [markdown]
# As the gradient told us: the ordinary GRU still guesses. Many texts stop here and say that it *cannot* learn this. But
# all three had the same learning rate, 0.01. Was that fair? Take 0.1.

# %%
predict(
    "01.rate", "The ordinary GRU, 100 steps, a rate of 0.1: how many of three seeds know symbol 1?"
)


# %%
late = torch.stack([train(readers["GRU"], seed, rate=0.1)[-20:].mean() for seed in range(3)])
outcome("01.rate", f"{(late > 0.9).sum()} of 3; right in steps 81 to 100: {rounded(late, 1)}")

# %% [markdown]
# It can. So give every reader its own best rate. A script in `notebooks/studies` did it beforehand:
# a *study*. Three rates for each, chosen on other seeds than those reported, and two ways of moving: Adam, and plain
# *SGD*, where a step is the rate times the gradient.

# %% tags=["tells"] jupyter={"source_hidden": true}
record = study("01_first_symbol")
results = record["results"]
limits = [f"· {way}: {steps} steps at most" for way, steps in results["steps"].items()]
print(record["command"], "· seeds", record["seeds"], *limits)
print("steps until 90 % are right, for each seed, every reader at its best rate")
for name, waits in results["waits"].items():
    at_30 = waits[results["lengths"].index(30)] if len(waits) > 1 else waits[0]
    far = f"; {results['lengths'][-1]} symbols: {waits[-1]}" if len(waits) > 1 else ""
    print(f"{name:19} rate {results['best'][name]:<4} 30 symbols: {at_30}{far}")
print("the same for the ordinary GRU with Adam at each rate, on the seeds used for choosing")
for rate, waits in zip(results["rates"]["Adam"], results["tuning"]["GRU, Adam"], strict=True):
    print(f"rate {rate:<4} {waits}")
undone = study("01_undone")["results"]
print(f"first word's gradient : last word's; labels drawn at random, {undone['updates']} updates")
for way, runs in undone["reach"].items():
    told = (" ".join(f"{10**power:.0e}" for power in powers) for powers in runs)
    print(f"{way:9}", "; ".join(told))
kicked = study("01_kicked")["results"]
for way, waits in kicked["waits"].items():
    print(f"{way:21} rate {kicked['best'][way]:<4} 30 symbols: {waits}")

fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
for ax, (way, most) in zip(axes, results["steps"].items(), strict=True):
    runs = {name: results["tuning"][f"{name}, {way}"] for name in readers}
    training_waits(runs, results["rates"][way], most=most, styles=styles, ax=ax, title=way)
axes[0].legend()
fig.suptitle("The ordinary GRU, as PyTorch draws it, learns it by Adam, not by plain SGD")
show(fig, alt="Adam: the ordinary GRU falls from 1,800 steps to 40. SGD: not done at any rate.")

# %% [markdown]
# With Adam at its own best rate the ordinary GRU is as quick as attention, at 80 symbols, too. With SGD it is not done
# after 1,000 at three rates, unlike its twin and attention at rate 1. Adam's
# steps are about as long as the rate, whatever they are about: ten of 0.1, on labels *drawn at random*, lift the first
# word's share of the gradient from a millionth to a hundredth or more. *Kicked* so, it learns by plain SGD, too:
# the start was at fault.
#
# ## 1.6 A suitcase of fixed size
#
# So a GRU can learn from far away. But its state has a fixed size. Pack $n$ random symbols of 8 kinds into 64
# numbers, let one fitted matrix read them out of the last state again, and count how many come out beyond guessing.
# Packed by a GRU as PyTorch draws it, untrained, a handful of 16 comes out.
#
# Now *train* a GRU (`keep` = 2) and its matrix on this task, 4,000 steps. How many of 16 then?

# %%
predict("01.suitcase", "How many of 16 symbols come back out of 64 trained numbers?")

# %%
record = study("01_suitcase")
results, sizes = record["results"], record["results"]["sizes"]
came_out = {
    name: torch.tensor(runs)
    for name, runs in results.items()
    if "trained" in name and "1000 texts" not in name
}
controls = study("01_controls")["results"]
came_out["well drawn, untrained, 20000 texts"] = torch.tensor(controls["well drawn, untrained"])
came_out["untrained, steps undone"] = torch.tensor(study("01_undone")["results"]["undone"])
outcome("01.suitcase", f"{came_out['trained'][sizes.index(16)].median():.0f} of 16")

# %% jupyter={"source_hidden": true}
print(
    record["command"], "· seeds", record["seeds"], "· packed", sizes, "· spread: standard deviation"
)
for name, runs in came_out.items():  # (size, seed)
    middle, spread = rounded(runs.median(dim=1).values, 1), rounded(runs.std(dim=1).max(), 1)
    print(f"{name.replace(' texts', ' texts to fit'):41} {middle}, spread {spread}")

shown = {
    "all that are packed": {"color": "black", "linestyle": ":"},
    "trained": {"color": GREEN},
    "well drawn, untrained, 20000 texts": {"color": BLUE, "linestyle": "-."},
    "untrained, steps undone": {"color": PURPLE, "linestyle": (0, (5, 1))},
    "untrained, read by a network, keep = 0": {"color": RED},
    "untrained, 20000 texts, keep = 0": GRU_LINE,
}
runs = {"all that are packed": sizes} | {
    name: runs.mT for name, runs in came_out.items() if name in shown
}
title = "All 32 that PyTorch's first draw packs are there; fitted readers find few"
ax = runs_over(
    sizes, runs, styles=shown, title=title, xlabel="symbols packed", ylabel="symbols read out"
)
alt = """A trained GRU gives back 16 of 16 and 19 of 32; a well drawn one, untrained, 14 and 16; fitted
readers get three to six out of those that PyTorch drew, and who undoes their steps gets all."""
show(ax, alt)

# %% [markdown]
# All 16. Untrained, fitted readers find few in PyTorch's draw; who knows its weights and undoes its steps, one by one,
# minding how rounding blurs each, finds all 32: they are there, but hard to read. *Well drawn*, so that each word turns the old state without shrinking it
# and writes only a tenth, it gives a matrix 14. What stays is the form: *one* size for any text.

# %% [markdown]
# ### The bottleneck
#
# In 2014 this suitcase had a famous job. One recurrent network, the *encoder*, read a sentence; a second one, the
# *decoder*, got the encoder's last state and wrote the translation. Such a pair is an **encoder–decoder**, and that one
# vector its **bottleneck**: all that the decoder needs passes through it. In the network of Cho et al. long sentences
# came out badly; in that of Sutskever et al., which read them backwards, they did not. Bahdanau, Cho and Bengio kept *all*
# states of the encoder: before each word the decoder's state is compared with each of them, and their average joins it.
# That was attention, three years before the Transformer.
#
# In small: two GRUs of width 64 learn in 2,000 steps to read rows of 4 to 32 symbols and to write them again; with one
# vector between them, or with attention.

# %%
predict("01.bottleneck", "How many of 32 symbols arrive: with one vector, and with attention?")

# %%
record, both_ways = study("01_bottleneck"), study("01_wide_and_long")  # the 5th way
results, lengths = record["results"], torch.tensor(record["results"]["lengths"])
right = results["right"] | both_ways["results"]["right"]
right = {name: torch.tensor(runs) for name, runs in right.items()}  # (seed, length)
arrived = {name: lengths * (share - 1 / 8) / (1 - 1 / 8) for name, share in right.items()}
of_32 = {name: runs[:, lengths == 32].median() for name, runs in arrived.items()}
outcome("01.bottleneck", " and ".join(f"{of_32[name]:.0f}" for name in list(right)[:2]))

# %% jupyter={"source_hidden": true}
for made in (record, both_ways):
    print(made["command"], "· seeds", made["seeds"])
print("symbols in a row:", lengths.tolist())
for name, runs in arrived.items():
    spread = rounded(runs.std(dim=0).max(), 1)
    print(f"{name:36} {rounded(runs.median(dim=0).values, 1)}, spread {spread}")
print("one vector of 64, rows of 32: symbols that arrive; share of places 1 to 4, 5 to 8, …")
for name, shares in controls["told"].items():
    shares, places = torch.tensor(shares), controls["places"]  # (seed, group of places)
    of_all, of_each = places * shares.sum(dim=1).median(), shares.median(dim=0).values
    print(f"{name:36} {of_all:4.1f}; {rounded(of_each, 2)}")

dots = {"color": GREEN, "linestyle": ":"}
looks = (GRU_LINE, ATTENTION_LINE, dots, OPEN_LINE, dots | {"linestyle": "-"})
title = "One vector: what arrives levels off; more steps lift the level"
ax = runs_over(
    lengths,
    arrived,
    styles=dict(zip(arrived, looks, strict=True)),
    title=title,
    xlabel="symbols in a row (trained on 4 to 32)",
    ylabel="symbols that arrive",
)
alt = """Symbols that arrive over length. One vector: flat near 8 from rows of 8 on, near 13 after four
times the steps, near 15 with twice the width as well; attention: nearly all, 42 of 48."""
show(ax, alt)

# %% [markdown]
# With one vector rows of 4 arrive whole, and of longer ones some eight symbols: a suitcase of one size. They are the
# first ones; of the second half of 32 next to nothing arrives. With attention it is 31, and 42 of 48, longer than any
# row in training.
#
# Not all of the loss is the vector's. The writer reads what it wrote, mistakes included (chapter 08). Told the right
# symbols instead, it gets 15 or 16 out of the same vector (out of another row's none). And twice the vector adds half a
# symbol, four times the steps over five, both seven: room takes practice to fill.
#
# Attention keeps the vectors of all words instead. The bill: to write on, a Transformer must have two vectors for each
# word so far (which two: chapter 03). At width 64, after 1,000 words, that is 2,000 times as much as one state.

# %% [markdown]
# ## 1.7 How far is it from word to word?
#
# How many factors did 1.4 multiply? The **path length**: the number of steps between a word and the output that needs
# it. From word 1 to the output at word $n$:
#
# - *recurrent*: word 1 enters the state in its own step, then the state is handed on, word by word;
# - *attention*: one look, whatever $n$;
# - *convolution*: in between. A **convolutional network** (CNN) computes each output from the words in a small window,
#   the *kernel*: here the word itself and the $k - 1$ before it. One such round is a **layer**; a second one reads the
#   outputs of the first, and reaches twice as far back.
#
# We stack layers until a gradient arrives:


# %%
def layers_needed(n, k, growth=1):
    """Stack convolutions of width k until the last of n outputs depends on the first input."""
    x = torch.ones(1, 1, n, requires_grad=True)
    y, kernel = x, torch.ones(1, 1, k)
    for layer in range(1, n + 1):
        gap = growth ** (layer - 1)  # 1: the words of a window stand side by side
        y = F.conv1d(F.pad(y, (gap * (k - 1), 0)), kernel, dilation=gap)  # ends at the word itself
        (gradient,) = torch.autograd.grad(y[0, 0, -1], x, retain_graph=True)
        if gradient[0, 0, 0] != 0:
            return layer


for n, k in ((11, 3), (11, 5), (61, 3), (61, 7)):
    wide = layers_needed(n, k, growth=k)
    print(f"{n} words, kernel {k}: {layers_needed(n, k)} layers; with growing gaps {wide}")


# %% jupyter={"source_hidden": true}
def draw_path(ax, layers, step, title, **line):
    """One row of dots a layer, and the path from word 1 to the last output."""
    for layer in range(layers + 1):
        ax.plot(range(11), [layer] * 11, "o", color="lightgrey", markersize=5)
    path = [min(layer * step, 10) for layer in range(layers + 1)]
    ax.plot(path, range(layers + 1), marker="o", linewidth=2, **line)
    ax.set_xticks(range(11), words, rotation=90)
    ax.set(title=title, yticks=range(11), ylim=(-0.5, 10.5))


fig, axes = plt.subplots(1, 3, figsize=(10, 4.2), sharey=True, layout="constrained")
draw_path(axes[0], 10, 1, "recurrent: 10 steps", **GRU_LINE)
draw_path(axes[1], 5, 2, "kernel of 3: 5 layers", color=GREEN, linestyle="-.")
draw_path(axes[2], 1, 10, "attention: 1 look", **ATTENTION_LINE)
axes[0].set_ylabel("steps taken")
fig.supxlabel("word")
fig.suptitle("From “The” to “tired”: attention takes one step, the others queue")
alt = "From word 1 to word 11: 10 steps recurrent, 5 layers of convolution, 1 look of attention."
show(fig, alt)

# %% [markdown]
# In short: $O(n)$ steps of recurrence, $O(n/k)$ of convolution, $O(1)$ of attention. ($O$ reads "of the order of":
# constants are dropped.) With gaps in the window that grow $k$-fold from layer to layer (*dilation*), a convolution gets by with
# $O(\log n)$. Work along a path is done in order, and gradients are multiplied along it: a short path helps twice.
#
# **Your turn**: `01.path-length`, then `01.recall-gru`.

# %% [markdown]
# ## 1.8 The clock (optional)
#
# Short paths mean work that can be done at once. First the arithmetic. In a GRU each word meets six matrices of
# $64 \times 64$. In attention it meets three, and each *pair* of words costs 64 multiplications twice: for the score,
# and for the average.


# %%
def multiplications(n, d):
    """For reading n words of width d: (by a GRU, by attention)."""
    return n * 6 * d * d, n * 3 * d * d + 2 * n * n * d


for d, n in ((64, 11), (64, 96), (64, 1024), (512, 100), (512, 768), (512, 10_000)):
    by_recurrence, by_looking = multiplications(n, d)
    print(f"width {d}, {n} words: attention needs {by_looking / by_recurrence:.2f} of the GRU's")

# %% [markdown]
# Who needs less is a matter of *width against length*: attention does, until the text is $1.5 \, d$ words long. (Ours:
# 96; width 512: 768.) (A whole layer of a Transformer adds $9d^2$ a
# word, chapters 05 and 07: always more than a GRU.)
#
# And by the clock? 1,024 words.

# %%
predict(
    "01.clock",
    "Which reads one text of 1,024 words faster, on one core? And 32 such texts at once?",
)


# %%
@torch.no_grad()
def milliseconds(work, repeats=3):
    """The best of a few runs, so that a busy machine disturbs little."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def in_one_call(x):
    """The same attention, by PyTorch's own function, which wants an axis of heads: of one."""
    q, k, v = (to(x)[:, None] for to in (attention.to_q, attention.to_k, attention.to_v))
    return F.scaled_dot_product_attention(q, k, v)[:, 0]


lengths = {1: [2**i for i in range(2, 13)], 32: [2**i for i in range(2, 11)]}  # by number of texts
racers = {"GRU": gru, "attention": attention, "attention, one call": in_one_call}

# %%
clock = {}  # milliseconds, by racer and number of texts, by words in a text
for count, places in lengths.items():
    for n in places:
        x_n = torch.randn(count, n, 64)
        for name, read in racers.items():
            clock.setdefault((name, count), {})[n] = milliseconds(partial(read, x_n))

winners = {}  # by number of texts: the first word of the fastest racer's name
for count in lengths:
    winners[count] = min(racers, key=lambda name: clock[name, count][1024]).split(",")[0]
outcome("01.clock", "; ".join(f"{count} at once: {winner}" for count, winner in winners.items()))

# %% jupyter={"source_hidden": true}
ahead = clock["GRU", 1][128] > 3 * clock["attention", 1][128]
claim("one text of 128 words: attention is over 3 times faster", ahead)
claim("one text of 1,024 words: attention is faster", winners[1] == "attention")
claim("32 texts of 1,024 words: the GRU is faster", winners[32] == "GRU")
shared = clock["GRU", 32][64] < 32 * clock["GRU", 1][64]
claim("32 texts of 64 words cost the GRU less than 32 times as much as one", shared)

fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained", sharey=True)
racer_lines = {"GRU": GRU_LINE, "attention": ATTENTION_LINE}
racer_lines["attention, one call"] = ATTENTION_LINE | {"linestyle": ":"}
for (name, count), times in clock.items():
    ax = axes[0] if count == 1 else axes[1]
    ax.loglog(times.keys(), times.values(), label=name, marker=".", **racer_lines[name])
for ax, places in zip(axes, lengths.values(), strict=True):
    ax.axvline(96, color="black", linestyle="-.", linewidth=1, label="96 words: equal arithmetic")
    ax.set(xlabel="words in a text")
    ax.set_xticks(places, places, rotation=60)
axes[0].set(ylabel="milliseconds", title="One text: the GRU waits in line")
axes[1].set(title="32 texts at once: each step has enough to do")
axes[0].legend()
alt = """Time over length, both axes logarithmic. One text: attention far below the GRU, until the lines
meet in the thousands. 32 texts: attention below on short texts, above at 1,024 words."""
show(fig, alt)

# %% [markdown]
# With one text the $n^2$ bites far later than the multiplications say, with 32 nearer to where they say. The GRU's
# steps wait in line, and with one text a step is tiny: each call has a fixed price, and a matrix is fetched for one
# vector. Thirty-two texts share both.
#
# ## 1.9 Which one, when?
#
# A GRU knows the order of the words, because it read them in order. Does attention?

# %%
order = torch.cat([torch.randperm(10), torch.tensor([10])])  # shuffle all but the last word
with torch.no_grad():
    moved = {read: (read(x)[-1] - read(x[order])[-1]).norm() for read in (gru, attention)}
print("words shuffled, the last output moves by: attention", rounded(moved[attention]), end="")
print(", GRU", rounded(moved[gru]))

# %% [markdown]
# It does not; chapter 06 gives it positions. The whole comparison (the **LSTM** is the GRU's older
# relative):
#
# | | recurrent (GRU, LSTM) | convolution | attention |
# |---|---|---|---|
# | steps from word 1 to word $n$ (1.7) | grows like $n$ | like $n/k$; fewer with gaps | 1 |
# | gradient from far away, untrained | fades, unless drawn otherwise: open gates (1.4) | exactly 0 beyond its layers (1.7) | arrives, about $1/n$ (1.4) |
# | one text in parallel (1.8) | no: $n$ steps in line | yes, a few layers | yes, a few products |
# | work for $n$ words (1.8) | $6nd^2$ | grows like $n$ | $3nd^2 + 2n^2d$ |
# | kept while writing (1.6) | one state | the last few words of each layer | every word |
# | order of the words (1.9) | built in | built in | has to be added |
#
# And what to do with it:
#
# | you want to | take |
# |---|---|
# | classify texts, find names | a Transformer that reads both ways (chapter 14) |
# | write, chat, complete code | a Transformer that reads only back (13) |
# | translate, summarise | one that reads and one that writes (09, 15) |
# | label images | a Transformer (16); with few images a convolution |
# | follow an endless stream, with little memory | a recurrent network, or a shrunken Transformer (19, 22) |

# %% [markdown]
# ## Summary
#
# - A recurrent network carries a **state of fixed size** and reads **in line**.
# - Untrained, as PyTorch draws it, its gradient shrinks with every word. From there plain SGD did
#   not learn it in 1,000 steps; Adam did, in some 40.
# - Of 16 symbols in a state of 64 numbers our fitted readers find 3 to 6 untrained as PyTorch draws it (all are
#   there), 14 well drawn, all 16 trained.
# - Between an encoder and a decoder one such vector is the **bottleneck**: some 8 of 32 symbols came through, 31 with
#   attention to all states, which have to be stored.
# - Attention is one step from every word to every word. It needs *less* arithmetic than a GRU up to $1.5\,d$ words, and
#   comes as a few large products.
# - It does not know the order of the words.

# %% [markdown]
# ## Quiz

# %%
quiz("01")

# %% [markdown]
# ## Interview questions
#
# <details><summary>Why did Transformers replace recurrent networks?</summary>
#
# Training is parallel over positions: a few large products, not $n$ steps in line. And any two words are one step
# apart, so nothing has to survive $n$ steps in a state of fixed size. The price: work that grows with $n^2$, storage
# that grows with $n$.
# </details>
#
# <details><summary>Do GRUs and LSTMs solve the vanishing gradient?</summary>
#
# They can. Along the state the gradient is multiplied mainly by the gate that keeps the old state, near ½ at the start.
# A bias can open it (1.4). And with Adam at its own rate an ordinary GRU learned across 80 symbols (1.5).
# What remains is the fixed size and the work in line.
# </details>

# %% [markdown]
# ## Exercises
#
# In [`exercises/01_why_transformers.ipynb`](exercises/01_why_transformers.ipynb):
#
# - `01.gru-step`: one step of a GRU, from its four lines.
# - `01.gradient-reach`: how strongly the whole last state depends on each word.
# - `01.path-length`: the steps from word 1 to word $n$ in all three networks.
# - `01.recall-gru`: build a GRU of your own, and train it to remember.

# %% [markdown]
# ## Further reading
#
# - Vaswani et al. 2017, *Attention Is All You Need*, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762). Table 1: our
#   1.7. Uszkoreit 2017, *Transformer*, on Google's blog: our sentence, and its twin.
# - Cho et al. 2014, [arXiv:1406.1078](https://arxiv.org/abs/1406.1078): the GRU, in which $r$ meets $h$ before $U_n$
#   does; and [arXiv:1409.1259](https://arxiv.org/abs/1409.1259): long sentences. Sutskever et al. 2014,
#   [arXiv:1409.3215](https://arxiv.org/abs/1409.3215).
# - Pascanu et al. 2012, [arXiv:1211.5063](https://arxiv.org/abs/1211.5063). Jozefowicz et al. 2015, ICML: the open
#   gate.
# - Bahdanau et al. 2014, *Neural Machine Translation by Jointly Learning to Align and Translate*,
#   [arXiv:1409.0473](https://arxiv.org/abs/1409.0473). With dot products: Luong et al. 2015,
#   [arXiv:1508.04025](https://arxiv.org/abs/1508.04025).
# - Jaeger 2001, *The “Echo State” Approach*, GMD Report 148: well-drawn states.
# - Kalchbrenner et al. 2016, [arXiv:1610.10099](https://arxiv.org/abs/1610.10099): dilation. Jelassi et al. 2024,
#   *Repeat After Me*, [arXiv:2402.01032](https://arxiv.org/abs/2402.01032): the suitcase, on large models.

# %% [markdown]
# ## Glossary
#
# - **recurrent network**: reads a text word by word and carries one vector along.
# - **hidden state**: that vector; of one size, whatever the length of the text.
# - **GRU**: a recurrent network whose gates decide, number by number, what the state keeps.
# - **parameter**: a number of a network that training changes; all of them are also called its weights.
# - **batch**: several examples that are computed together.
# - **gradient**: for each number that goes in, how much the result moves when that number moves a little.
# - **backpropagation**: computing gradients from the end of a computation to its start.
# - **vanishing gradient**: one that shrinks with every step it goes back, until almost nothing arrives.
# - **loss**: one number that says how wrong the answers are; training makes it smaller. Ours, **cross-entropy**: minus the logarithm of the right answer's share.
# - **learning rate**: how far a step of training moves the parameters.
# - **encoder–decoder**: two networks; one reads a text, the other writes one from what the first has made of it.
# - **bottleneck**: one vector of fixed size through which all that the decoder needs has to pass.
