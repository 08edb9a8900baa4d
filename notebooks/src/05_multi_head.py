# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · Multi-head attention
#
# **Why many small looks instead of one big one?** Chapter 03 met real heads: twelve in each layer of MiniLM, 72 in all.
# Why are there so many, how does a layer hold twelve of them, and does the model need them all?
#
# After this chapter you can
#
# - say, with an experiment, what a second head makes easy,
# - split a width into heads and merge them again, and catch the mistake that keeps every shape and breaks
#   every sentence,
# - write the whole layer as a class, with dropout, and count what heads cost,
# - score what a head looks at on real text, and find out what happens when you take it away.
#
# You need 02, 03 and 04. About 65 minutes, 25 of them in 5.6 and 5.7, which are optional; and 105 more for the
# exercises, 35 of them for a layer of your own.

# %%
from collections import Counter
from copy import deepcopy

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from einops import rearrange
from matplotlib.colors import ListedColormap
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_lib.claims import claim, rounded
from course_lib.data.corpora import sentences
from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.masks import causal_mask, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention, merge_heads, split_heads
from course_lib.plots import CYCLE, GREY, RED, WEIGHTS, attention_map, mask_picture, transformer_map
from course_lib.pretrained.minilm import encode, encode_batch, load_minilm
from course_lib.studies import study
from course_lib.views import attention_hover, outcome, predict, quiz, show

_ = torch.manual_seed(0)

# %% [markdown]
# Today's part is the last of the enlargement, the cards behind it: several heads at once, **multi-head attention**.

# %% jupyter={"source_hidden": true}
done = ("queries, keys, values", "scores", "masks", "softmax", "weighted sum")
show(
    transformer_map(here="heads", built=done),
    alt="Drawing of the Transformer. Inside the enlarged attention box the part named heads is lit; queries, keys, "
    "values, scores, masks, softmax and weighted sum are filled in as built.",
)

# %% [markdown]
# ## 5.1 One look, one answer
#
# A head, in chapter 03, was one attention with its own three matrices. What would a second one be good for?
#
# Here is a game. Eight notes lie on a table. Each has a name, the same eight names in every round, and
# something written on it: one of ten things, drawn anew. A question names two *different* notes, a first and
# a second. The answer is what is written on the first, then what is written on the second.
#
# It is cross-attention: one query, eight keys. A note is its name and its thing, 8 numbers each, and the question is
# the two names, in 8 numbers each. All these numbers are drawn once and stay; the matrices are learned. They sit in
# `MultiHeadAttention`, the layer that this chapter takes apart. For now it is a box with a dial, `num_heads`;
# `layer(question, notes)` lets the first look at the second. After it stands one linear layer, `read`, which turns
# the result into ten scores for the first answer and ten for the second.
#
# The number of parameters does not depend on the dial (5.5), so this is a fair comparison.


# %%
def play(num_heads, seed):
    """Train on the game; the share of right answers, (first, second, both), on new rounds."""
    torch.manual_seed(seed)
    first, second, name, thing = (torch.randn(n, 8) for n in (8, 8, 8, 10))
    layer, read = MultiHeadAttention(16, num_heads), nn.Linear(16, 20)

    def round_of(size):
        written = torch.randint(10, (size, 8))  # (batch, note)
        wanted = torch.rand(size, 8).argsort(dim=-1)[:, :2]  # two different notes
        question = torch.cat([first[wanted[:, 0]], second[wanted[:, 1]]], -1)  # (batch, d_model)
        notes = torch.cat([name.expand(size, 8, 8), thing[written]], -1)  # (batch, note, d_model)
        answers = written.gather(1, wanted)  # what is written on the two notes
        return read(layer(question[:, None], notes)).view(size, 2, 10), answers

    optimizer = torch.optim.Adam([*layer.parameters(), *read.parameters()], lr=0.02)
    for _ in range(200):
        scores, answers = round_of(64)
        loss = F.cross_entropy(scores.flatten(0, 1), answers.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        scores, answers = round_of(2000)
    right = (scores.argmax(dim=-1) == answers).float()  # (batch, 2)
    return [*right.mean(dim=0).tolist(), right.prod(dim=1).mean().item()]


predict("05.one-head", "ONE head, trained: in what share of the rounds are BOTH answers right?")

# %%
dial = (1, 2, 4, 8, 16)
results = {heads: [play(heads, seed) for seed in range(3)] for heads in dial}
both = torch.tensor([[run[2] for run in results[heads]] for heads in dial])  # (dial, seed)
outcome("05.one-head", f"in about {10 * both[0].mean():.0f} of 10")

# %% jupyter={"source_hidden": true}
claim("one head gets both in fewer than 1 of 4 rounds", both[0].max() < 0.25)
claim("two heads get both in more than 9 of 10", both[1].min() > 0.9)
claim("sixteen heads in fewer than 6 of 10", both[4].max() < 0.6)
means = rounded(both.mean(dim=1).tolist(), 1)
print("both right, by heads, mean of three seeds:", dict(zip(dial, means)))
worse, better = torch.tensor([sorted(run[:2]) for run in results[1]]).mean(dim=0)
print(f"one head, mean: its better answer right in {10 * better:.0f} of 10 rounds", end=", ")
print(f"its worse in 1 of {1 / worse:.0f} (a guess: 1 of 10)")
fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
ax.plot(dial, both.mean(dim=1), color=GREY, linewidth=1)
for seed, shape in enumerate("os^"):
    ax.plot(dial, both[:, seed], shape, color=CYCLE[0], alpha=0.7, label=f"seed {seed}")
ax.set_xscale("log", base=2)
ax.set_xticks(dial, [f"{heads}\n({16 // heads} wide)" for heads in dial])
ax.set(xlabel="heads (width of each)", ylabel="both answers right", ylim=(0, 1.05))
ax.set_title("200 steps, a linear reader: one head is lost, sixteen get a third")
ax.legend()
show(
    fig,
    alt="Share of rounds with both answers right, for 1, 2, 4, 8 and 16 heads and three seeds each. One head "
    "stays below 0.2; two and four heads reach 1; eight are nearly there; sixteen fall to about a third.",
)

# %% [markdown]
# One head gets one of its answers nearly always right, and nearly guesses the other. A head takes *one weighted
# average*. Look at both notes alike, and half *a* plus half *b* is half *b* plus half *a*: which was first is lost. Look
# at one of them harder, and the order is in the average, as a loud voice and a soft one. But `read` is linear: whatever
# makes it hear a thing makes it hear the louder one more. Two heads take two averages and keep them apart.
#
# So one head can't do it? Careful. What failed is one head *with a linear reader*, after 200 steps. Give it a reader
# that bends (**non-linear**): linear → a curve (GELU) → linear, which chapter 07 puts behind every attention. And
# give everyone thirty times as many steps. That takes minutes, so it is a study:

# %% tags=["tells"] jupyter={"source_hidden": true}
record = study("05_one_head")
runs = {name: torch.tensor(r) for name, r in record["results"]["both right"].items()}
at = record["results"]["every"] * torch.arange(1, 61)  # training steps
kinds = "two heads, linear reader", "one head, reader bends", "sixteen heads, linear reader"
fig, ax = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
for name, color, style in zip((*kinds, "one head, linear reader"), CYCLE, ("-", "--", ":", "-.")):
    ax.plot(at, runs[name].T, style, color=color, alpha=0.35, linewidth=1)
    ax.plot(at, runs[name].mean(dim=0), style, color=color, linewidth=2.5, label=name)
ax.set(xlabel="training step", ylabel="both answers right", ylim=(0, 1.05))
ax.set_title("One head gets there, if its reader bends and has time")
ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1), handlelength=4)
for name in ("one head, linear reader", *kinds):
    print(f"{name:>28}: after 200 steps {rounded(runs[name][:, 1], 2)}, 6,000", end=" ")
    print(rounded(runs[name][:, -1], 2))
late = at[(runs["one head, reader bends"].amin(dim=0) < 0.95)].max() + 100
weights = torch.tensor(record["results"]["weights"]["one head, reader bends"]).mean(dim=0)
print(
    f"one head, reader bends: above 0.95 for good from step {late}; its weights on the two notes:",
    end=" ",
)
print(rounded(weights, 2))
show(
    fig,
    alt="Share of both right over 6,000 steps, three seeds each. Two heads are at 1 from the first point. One head with a "
    "reader that bends climbs past 0.9 and reaches 1 after about 2,000. Sixteen heads climb slowly past 0.6. "
    "One head with a linear reader stays below 0.25.",
)

# %% [markdown]
# One head is enough, with all three seeds: its reader learns to tell loud from soft, the two weights in the last
# line.
#
# Does it always get there? A second study gave two players plans of 100 to 4,000 steps, the learning rate
# falling in every one, at two rates, with five seeds. The two worst and the one in the middle:

# %%
for name, rates in study("05_plans")["results"]["both right"].items():
    for rate, plans in rates.items():
        told = (f"{steps}: {rounded(sorted(shares)[:3], 2)}" for steps, shares in plans.items())
        print(f"{name}, rate {rate}, after", *told, sep="  ")

# %% [markdown]
# Two heads are right with every seed after 100 steps, or 400 at half the rate. One head needs 400 or more, and at the
# higher rate two seeds are lost even after 4,000. At half the rate the worst gets to 0.9. **Heads don't make it
# possible, but easy and safe.**
#
# And sixteen? Each of them asks with one number and answers with one, and even 6,000 steps are too few. The paper, too,
# found both one head and 32 worse than eight (table 3, rows A).

# %% [markdown]
# ## 5.2 Cut the width
#
# Heads could each have the full width, $h$ times the work. The paper does something thriftier: each of the
# $h$ heads gets its share of it,
#
# $$d_{head} = d_{model} / h.$$
#
# In code it is **d_head**. Three heads over words of 12 numbers are 4 wide. The obvious way has three small matrices, one
# head after the other. But put them side by side, and one product does:

# %%
words = "The animal didn't cross the street because it was too tired".split()
d_model, num_heads = 12, 3
x = torch.randn(1, len(words), d_model)  # (batch, seq, d_model)
small = [torch.randn(d_model, d_model // num_heads) for _ in range(num_heads)]
queries = [x @ w_q for w_q in small]  # (batch, seq, d_head), three times
q = x @ torch.cat(small, dim=1)  # (batch, seq, 3 · d_head) = (batch, seq, d_model)
same = [torch.allclose(queries[h], q[..., 4 * h : 4 * h + 4], atol=1e-5) for h in range(3)]
claim("each head's queries are a slice of the wide ones", all(same))

# %% [markdown]
# So a layer of many heads has ordinary matrices of (d_model, d_model), and a head is *a slice of columns*.
# What is left: bring the slices into an axis of their own, so that one attention formula serves all heads at once.
#
# That takes two steps. `view` reads the same numbers with other commas; it moves nothing. `transpose` then exchanges two
# axes, so that the last two are (seq, d_head), the two that attention multiplies. The library **einops** says both in
# one line: a string that names every axis before and after. `(h d)` is an axis made of two, and `t` counts the words.
#
# **Your turn**, before you look: `05.split-heads`.

# %%
slices = q.view(1, len(words), num_heads, 4)  # (batch, seq, heads, d_head)
heads = slices.transpose(1, 2)  # (batch, heads, seq, d_head)
print(tuple(q.shape), tuple(slices.shape), tuple(heads.shape), sep=" → ")
claim("head 2 holds its own queries", torch.allclose(heads[:, 2], queries[2], atol=1e-5))
named = rearrange(q, "b t (h d) -> b h t d", h=num_heads)
claim("the string says the same", torch.equal(heads, named))

# %% [markdown]
# ## 5.3 Right shape, wrong sentence
#
# Why two steps? `q.view(1, 3, 11, 4)` has the same numbers and the right shape, in one. To see what it does,
# follow labels instead of numbers. Four words, six numbers each, three heads:

# %% jupyter={"source_hidden": true}
short = ["it", "was", "too", "tired"]
place = torch.arange(4 * 6).view(1, 4, 6)  # number 6·t + c is number c of word t
right = split_heads(place, 3)[0]  # (heads, seq, d_head)
wrong = place.view(1, 3, 4, 2)[0]


def draw_cut(ax, places, title):
    """Cells of (row, number), coloured and named by the word that each comes from."""
    origin = places // 6
    ax.imshow(origin, cmap=ListedColormap(CYCLE[:4]), vmin=0, vmax=3, alpha=0.55)
    for row, column in origin.new_ones(origin.shape).nonzero().tolist():
        ax.text(column, row, short[origin[row, column]], ha="center", va="center", fontsize=9)
    ax.set(title=title, xticks=range(places.shape[1]), yticks=range(4), xlabel="number")


fig, axes = plt.subplot_mosaic(
    [["x", "s0", "s1", "s2"], ["x", "v0", "v1", "v2"]],
    figsize=(9, 5), layout="constrained", width_ratios=[3, 1, 1, 1],
)  # fmt: skip
draw_cut(axes["x"], place[0], "four words, six numbers")
for h in range(3):
    draw_cut(axes[f"s{h}"], right[h], f"split:\nhead {h}")
    draw_cut(axes[f"v{h}"], wrong[h], f"view alone:\nhead {h}")
fig.suptitle("View alone cuts the sentence, not the width")
show(
    fig,
    alt="Left, four words as rows of six cells. Right, two rows of three heads. Above, after a right split, every "
    "head has a row for each word. Below, after a view alone, head 0 holds three rows of it and one of was.",
)

# %% [markdown]
# A view fills head 0 with the first third *of the sentence*. Its four "words" are three pieces of *it* and
# one of *was*. No error, every shape fits, and rows of softmax still sum to 1. Worse: `merge` can be wrong in
# the same way, and then the two mistakes fit each other. What is left of such a layer?


# %%
def viewed_split(x, num_heads):
    return x.reshape(x.shape[0], num_heads, x.shape[1], -1)


def viewed_merge(heads):
    return heads.reshape(heads.shape[0], heads.shape[2], -1)


def reach(layer, mask=None, seq=12):
    """(output, changed): does the output at one place notice a change at another?"""
    x, notices = torch.randn(1, seq, 24), []
    for t in range(seq):
        changed = x.clone()
        changed[:, t] += 1
        difference = layer(changed, mask=mask) - layer(x, mask=mask)
        notices.append(difference[0].abs().amax(dim=-1) > 1e-5)
    return torch.stack(notices, dim=1)


asked = "3 heads, split AND merge by view alone: the last word changes. How many of 12 outputs do?"
predict("05.reach", asked)

# %%
good = MultiHeadAttention(24, num_heads=3)
half = MultiHeadAttention(24, num_heads=3, split=viewed_split)
full = MultiHeadAttention(24, num_heads=3, split=viewed_split, merge=viewed_merge)
sealed, leaky = reach(full), reach(half, causal_mask(12))
twelve = [*words, "[end]"]
outcome("05.reach", f"{sealed[:, -1].sum()} of 12")

# %% jupyter={"source_hidden": true}
future = ~causal_mask(12)
claim("split by view: the past notices the future", (leaky & future).any())
claim("both by view: the past does not", not (reach(full, causal_mask(12)) & future).any())
print("pairs that can't see each other in the sealed layer:", int((~sealed).sum()), "of 144")
with torch.random.fork_rng():  # what is drawn below stays the same
    blind = [int((~reach(lambda x, mask: full(x + full(x)), seq=n)).sum()) for n in (12, 11)]
print("in two such layers, the input added between them:", blind[0], "and with 11 words:", blind[1])
fig, axes = plt.subplots(1, 3, figsize=(12.5, 4.6), layout="constrained")
mask_picture(reach(good), twelve, ax=axes[0], title="right: everyone notices")
mask_picture(sealed, twelve, ax=axes[1], title="both by view: three sealed pieces")
mask_picture(leaky, twelve, ax=axes[2], title="split by view, causal mask: it leaks")
axes[2].plot((0, 12), (0, 12), color=RED, linewidth=3)
plt.setp(axes, xlabel="the word that is changed", ylabel="the output that notices")
alt = """Three grids, output against changed word. Right layer: full. Both by view: three squares on the
diagonal. Split by view, causal mask: bright columns above the diagonal, which is drawn in red."""
show(fig, alt=alt)

# %% [markdown]
# Four. The sentence has fallen into three sealed pieces, one for each head, and *it* can't look back at *animal*. (Were its
# length no multiple of 3, words on a border would belong to two pieces, and in the next layers news would leak through.) If
# only the split is wrong (right picture), a causal mask no longer hides the future: above the red line it is bright.
#
# The test of chapter 04, change the future and watch the past, *passes* on the sealed layer. This
# mistake needs the opposite question, of a single layer: does a word notice what it *should*?
#
# **Your turn**: `05.split-test`.

# %% [markdown]
# ## 5.4 Merge, and one matrix more
#
# On the way back the axis of heads returns beside `d_head`, then the two become one. With the tool you know:

# %% tags=["raises-exception"]
mixed, _ = scaled_dot_product_attention(heads, heads, heads)  # (batch, heads, seq, d_head)
mixed.transpose(1, 2).view(1, len(words), d_model)

# %% [markdown]
# In the computer a tensor is one long row of numbers, and for each axis a **stride**: how far to jump for the next
# index. `transpose` exchanges strides and moves no number. Read axis by axis, the numbers then no longer lie one
# behind another (but for one head or one word); the tensor is not **contiguous**. Here **view and reshape** differ: a view never moves numbers, and
# refuses; reshape is a view where it can be, and a copy otherwise.
#
# **Your turn**, before you look: `05.merge-heads`.

# %%
turned = mixed.transpose(1, 2)
print("strides", mixed.stride(), "→", turned.stride(), "contiguous:", turned.is_contiguous())
merged = turned.reshape(1, len(words), d_model)  # (batch, seq, d_model)
claim("the string says the same", torch.equal(merged, rearrange(mixed, "b h t d -> b t (h d)")))
claim("merge undoes split", torch.equal(merge_heads(split_heads(q, 3)), q))

# %% [markdown]
# After the merge, each head's result stands in its own slice of the word's vector. One more matrix, the **output
# projection** $W_O$, lets the slices mix. It is part of the definition:
#
# $$\text{head}_i = \text{attention}(x W_Q^i,\, x W_K^i,\, x W_V^i)$$
#
# $$\text{output} = [\text{head}_1 \dots \text{head}_h]\, W_O$$
#
# The whole layer, without biases:


# %%
def multi_head(x, w_q, w_k, w_v, w_o, num_heads, mask=None):
    """Self-attention with several heads: x (batch, seq, d_model) -> the same shape."""
    q = split_heads(x @ w_q, num_heads)  # (batch, heads, seq, d_head)
    k = split_heads(x @ w_k, num_heads)
    v = split_heads(x @ w_v, num_heads)
    mixed, _ = scaled_dot_product_attention(q, k, v, mask)  # (batch, heads, seq, d_head)
    return merge_heads(mixed) @ w_o  # (batch, seq, d_model)


# %% [markdown]
# Is it the layer everyone uses? PyTorch's own keeps the three projections *stacked in one matrix*, `in_proj_weight`, and
# one product with it gives queries, keys and values together: a **fused projection**. (`nn.Linear` multiplies by the
# transpose, hence the `.T`.)

# %%
theirs = nn.MultiheadAttention(d_model, num_heads=3, bias=False, batch_first=True)
w_q, w_k, w_v = theirs.in_proj_weight.T.chunk(3, dim=1)  # each (d_model, d_model)
w_o = theirs.out_proj.weight.T
ours = multi_head(x, w_q, w_k, w_v, w_o, num_heads=3)
expected, averaged = theirs(x, x, x)
claim("ours equals PyTorch's to 1e-5", torch.allclose(ours, expected, atol=1e-5))
apart = torch.cat([x @ w_q, x @ w_k, x @ w_v], dim=-1)  # (batch, seq, 3 · d_model)
claim("fused or apart, the same", torch.allclose(x @ theirs.in_proj_weight.T, apart, atol=1e-5))

# %% [markdown]
# The formula hides something. A product with slices side by side is a *sum* over the slices: each head adds its own
# contribution to the output, and $W_O$ holds for each head the rows that say how.

# %%
q, k, v = (split_heads(x @ w, 3) for w in (w_q, w_k, w_v))
mixed, weights = scaled_dot_product_attention(q, k, v)
shares = [mixed[:, h] @ w_o[4 * h : 4 * h + 4] for h in range(3)]  # each (batch, seq, d_model)
claim("the output is the sum of the shares", torch.allclose(sum(shares), ours, atol=1e-5))
print("weights: PyTorch's", tuple(averaged.shape), " ours", tuple(weights.shape))

# %% [markdown]
# A last trap in that line: PyTorch returns weights *averaged over the heads*, unless you say
# `average_attn_weights=False`.

# %% [markdown]
# ### Dropout
#
# One part is left. While it trains, a layer may use **dropout**: each weight is set to 0 with probability $p$, drawn anew
# at every step, and the others are divided by $1-p$, so that on average nothing changes. A module knows whether it is in
# **training mode**: `train()` and `eval()` switch it, and a new one is in it.

# %%
drop, row = nn.Dropout(0.5), torch.tensor([0.5, 0.3, 0.2])
for _ in range(3):
    print("in training: ", rounded(drop(row)))
print("mean of 10,000:", rounded(drop(row.expand(10_000, 3)).mean(dim=0), 2))
print("after eval():", rounded(drop.eval()(row)))

# %% [markdown]
# **Your turn**, before you scroll: `05.multi-head`, this chapter's large one. You write the class, `__init__` and all.
# When it is right, it runs MiniLM.

# %% [markdown]
# ### The layer on one page
#
# One such class in plain lines. It is not quite yours: keys and values come from one `context`, in one product of twice
# the width. (A row that may look nowhere is `nan` here; chapter 04 mends it.)


# %%
class MultiHead(nn.Module):
    """Attention with several heads: `x` looks at `context`, or at itself."""

    def __init__(self, d_model, num_heads, dropout=0.0):
        super().__init__()
        self.num_heads = num_heads
        self.to_q = nn.Linear(d_model, d_model)
        self.to_kv = nn.Linear(d_model, 2 * d_model)  # keys and values in one product
        self.to_out = nn.Linear(d_model, d_model)
        self.dropout = nn.Dropout(dropout)

    def split(self, x):
        parts = x.view(*x.shape[:2], self.num_heads, -1)  # (batch, seq, heads, d_head)
        return parts.transpose(1, 2)  # (batch, heads, seq, d_head)

    def forward(self, x, context=None, mask=None):
        key, value = self.to_kv(x if context is None else context).chunk(2, dim=-1)
        q, k, v = self.split(self.to_q(x)), self.split(key), self.split(value)
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5  # (batch, heads, query, key)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        weights = self.dropout(scores.softmax(dim=-1))
        mixed = (weights @ v).transpose(1, 2)  # (batch, query, heads, d_head)
        return self.to_out(mixed.reshape(x.shape))


# %%
plain, ours = MultiHead(d_model, 3), MultiHeadAttention(d_model, 3)
own = ours.state_dict()
for kind in ("weight", "bias"):
    own[f"to_kv.{kind}"] = torch.cat([own.pop(f"to_k.{kind}"), own.pop(f"to_v.{kind}")])
plain.load_state_dict(own)
context, seen = torch.randn(1, 7, d_model), torch.rand(1, 1, len(words), 7) < 0.8
gap = (plain(x, context, seen) - ours(x, context, mask=seen)).abs().max()
claim("the same numbers as the course's layer, to 1e-5", gap < 1e-5)

# %% [markdown]
# ## 5.5 What heads cost
#
# Twelve attentions instead of one: twelve times the work? PyTorch can count multiplications while a layer runs.
# (It reports twice as many operations, because each multiplication comes with an addition.) One sentence of 128
# words:

# %%
counted = {}
for num_heads in (1, 8, 128):
    layer = MultiHeadAttention(512, num_heads)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        _, weights = layer(torch.randn(1, 128, 512), return_weights=True)
    parameters = sum(p.numel() for p in layer.parameters())
    counted[num_heads] = parameters, counter.get_total_flops() // 2, weights.numel()
predict("05.cost", "512 wide, from 1 head to 8: parameters, multiplications, weights: times what?")

# %%
for num_heads, numbers in counted.items():
    print(num_heads, "heads: {:,} parameters, {:,} multiplications, {:,} weights".format(*numbers))
growth = [eight / one for eight, one in zip(counted[8], counted[1])]
told = "parameters × {:.0f}, multiplications × {:.0f}, weights × {:.0f}"
outcome("05.cost", told.format(*growth))

# %% [markdown]
# The parameters are the same: four matrices and their biases, cut differently. So are the multiplications: a
# score of a head of width $d_{head}$ takes $d_{head}$ of them, and $h \cdot d_{head} = d_{model}$. Eight
# heads cost what one wide head costs.
#
# One thing grows: the weights. Every head has its own table of $n \times n$ to store and put through softmax, whatever
# its width.
#
# (**Grouped queries** let several query heads share one key and value head: 11.9 counts what that saves.)
#
# **Your turn**: `05.counts`.

# %% [markdown]
# ## 5.6 A wall of heads (optional)
#
# All 72 heads of MiniLM on the course sentence, one small map each:

# %%
model, tokenizer = load_minilm()
ids, tokens = encode(tokenizer, "The animal didn't cross the street because it was too tired")
with torch.no_grad():
    _, layers = model(ids, return_weights=True)
wall = torch.cat(layers)  # (layer, head, query, key)

fig, axes = plt.subplots(6, 12, figsize=(12, 6.6), layout="constrained")
for layer in range(6):
    for head, ax in enumerate(axes[layer]):
        ax.imshow(wall[layer, head], cmap=WEIGHTS, vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[], title="" if layer else f"head {head}")
    axes[layer, 0].set_ylabel(f"layer {layer}")
fig.suptitle("72 heads, one sentence: lines, haze, many bright first columns")
fig.colorbar(axes[0, 0].images[0], ax=axes, label="weight", shrink=0.5)
show(
    fig,
    alt="Six rows of twelve small attention maps, one row a layer. Layer 0, head 2 shows a clean line below the "
    "diagonal; layer 1, head 8 one above it; nearly all the rest of layer 0 is haze; most maps of layers 1 to 4 have a bright first column.",
)

# %% [markdown]
# Layer 0, head 2 is a line below the diagonal: everyone looks one word back. Here is layer 1. Point at words; the buttons
# change the head. Head 8 opens; try 4 and 10 too.

# %%
attention_hover(tokens, wall[1], title="MiniLM, layer 1", head=8, start=tokens.index("it"))

# %% [markdown]
# One sentence is an anecdote. Let us score habits on sixty lines of Shakespeare. A habit is a *target*:
# for each looking word, which position? The score of a head is the share of its attention that words give to the
# target, on average. Five targets: the word before, the word after, the two markers, and the rarest word of the line, by
# a count over 4,000 sentences.
#
# **Your turn**, before you look: `05.previous-token`, the first of the five.

# %%
lines = sentences(60)
ids, _ = encode_batch(tokenizer, lines)  # (batch, seq)
mask = padding_mask(ids, tokenizer.token_to_id("[PAD]"))  # (batch, 1, 1, seq)
with torch.no_grad():
    _, layers = model(ids, mask, return_weights=True)
weights = torch.stack(layers, dim=1)  # (batch, layer, head, query, key)
start, end = (ids == tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]"))
word = mask[:, 0, 0] & ~start & ~end  # (batch, seq): neither padding nor marker
seq = ids.shape[1]
query, key = torch.arange(seq)[:, None], torch.arange(seq)
counts = Counter(i for encoding in tokenizer.encode_batch(sentences(4000)) for i in encoding.ids)
common = torch.tensor([[counts[i] for i in row] for row in ids.tolist()]).masked_fill(~word, 10**6)


def score(target, lines=slice(None)):
    """(layer, head): the share that words give to `target`, a bool (batch, query, key)."""
    share = (weights[lines] * target[lines, None, None]).sum(dim=-1)  # (batch, layer, head, query)
    asks = word[lines, None, None]
    return (share * asks).sum(dim=(0, 3)) / asks.sum()


in_long = []  # what [CLS] gets in texts of 8 lines, and of 24
for n in (8, 24):
    long, _ = encode_batch(tokenizer, [" ".join(lines[i : i + n]) for i in range(0, 48, n)])
    with torch.no_grad():
        _, layers = model(long, padding_mask(long, 0), return_weights=True)
    in_long.append(torch.stack(layers)[..., 0].mean(dim=(0, 2))[long != 0].mean().item())
predict("05.cls", "All 72 heads: what share do words give to the marker [CLS]? (Even: 0.08.)")

# %%
rarest = key == common.argmin(dim=-1)[:, None]  # (batch, seq)
wanted = {"[CLS]": start, "[SEP]": end, "the rarest word": rarest}  # the same for every query
targets = {name: place[:, None].expand(-1, seq, -1) for name, place in wanted.items()}
targets["the word before"] = (key == query - 1).expand(60, -1, -1)
targets["the word after"] = (key == query + 1).expand(60, -1, -1)
scores = {name: score(target) for name, target in targets.items()}  # each (layer, head)
outcome("05.cls", f"{scores['[CLS]'].mean():.2f}")

# %%
even = ((1 / mask.sum(dim=-1)[:, 0]) * word).sum() / word.sum()
print("an even share:", rounded(even, 2), " [CLS], 8 and 24 lines at once:", rounded(in_long, 2))
for name, table in scores.items():
    layer, head = divmod(table.argmax().item(), 12)
    told = f"all heads {table.mean():.2f}, best {table.max():.2f} (layer {layer}, head {head})"
    print(f"{name:>16}: {told}")
favourite = torch.stack(list(scores.values())).argmax(dim=0)  # (layer, head): which target
claim("over 8 of 10 heads prefer [CLS] to the other four", (favourite == 0).float().mean() > 0.8)

# %% [markdown]
# The strongest habit by far is to look at no word at all: half of all attention goes to [CLS], a marker. (On lines as
# short as these; in longer texts less.) One reading: softmax makes a head spend its whole 1 somewhere, and a head that
# finds nothing to do parks it. BERT (chapter 14) parks on [SEP] instead (Clark et al. 2019). The *rare-word heads* of a
# translator (Voita et al. 2019) don't show here.
#
# What about grammar? From a **verb to its object**, with one to four words between them, so that counting
# places can't do it. Among 72 heads one may be good at anything by luck. So we *choose* the best head on four
# verbs and *measure* it on four others.


# %%
def looks(cases):
    """(layer, head): over all (text, looking, target), the mean weight of the one word on the other."""
    rows = []
    for text, looking, target in cases:
        ids, tokens = encode(tokenizer, text)
        with torch.no_grad():
            _, layers = model(ids, return_weights=True)
        rows.append(torch.cat(layers)[:, :, tokens.index(looking), tokens.index(target)])
    return torch.stack(rows).mean(dim=0)


def objects(pairs, looking=None):
    """Sentences with a verb and its object, near and far; the verb looks, or another word."""
    cases = []
    for verb, noun in pairs:
        for gap in ("", "old ", "heavy old ", "very heavy old "):
            cases.append((f"She {verb} the {gap}{noun} again.", looking or verb, noun))
    return cases


some_verbs = [("read", "book"), ("opened", "door"), ("sold", "house"), ("carried", "box")]
other_verbs = [("built", "wall"), ("found", "ring"), ("painted", "chair"), ("washed", "cup")]
verbs = "wrote closed drove broke cut threw caught rang".split()
nouns = "letter window car glass bread ball fish bell".split()
chosen, measured = looks(objects(some_verbs)), looks(objects(other_verbs))
layer, head = divmod(chosen.argmax().item(), 12)
print(f"layer {layer}, head {head}: chosen at {chosen[layer, head]:.2f},", end=" ")
print(f"measured {measured[layer, head]:.2f}")

# %% [markdown]
# A verb head, until it met other verbs. The sentences that choose a head must not judge it.
#
# Was it luck, then? The three best heads on all eight verbs now meet eight *new* ones, and three controls. Exchange
# the nouns, "she closed the car": a head for grammar should not mind. Let *again*, or *the*, look at the noun: a head
# for verbs should not.


# %%
new_verbs, exchanged = list(zip(verbs, nouns)), list(zip(verbs, nouns[1:] + nouns[:1]))
tests = {"the old verbs": objects(some_verbs + other_verbs), "new verbs": objects(new_verbs)}
tests["nouns exchanged"] = objects(exchanged)
tests |= {f"from '{looking}'": objects(new_verbs, looking) for looking in ("again", "the")}
best = looks(tests["the old verbs"]).flatten().topk(3).indices.tolist()
print(" " * 16, *(f"  L{i // 12} H{i % 12:<2}" for i in best))
for name, cases in tests.items():
    print(f"{name:>16}", *(f"{share:8.2f}" for share in looks(cases).flatten()[best]))

# %% [markdown]
# Not luck: head 4 of layer 0 finds the nouns of eight new verbs. And not grammar: with the nouns exchanged it is lost.
# It knows which words keep company, driving and the car. Head 11 of layer 5 does
# not mind the exchange, but looks at the noun whoever asks. So does head 7 of layer 1 when *the* asks. None of the
# three needs to know what a verb is. Only the controls tell.
#
# One habit more: from **he** or **she** to the noun of that gender, in both orders. Its control is the other
# noun:


# %%
def people(pairs):
    """Both orders of each pair; for every sentence the noun that fits, and the other one."""
    right, wrong = [], []
    for he, she in pairs:
        for told in (f"The {he} told the {she} that", f"The {she} told the {he} that"):
            right += [(f"{told} he was late.", "he", he), (f"{told} she was late.", "she", she)]
            wrong += [(f"{told} he was late.", "he", she), (f"{told} she was late.", "she", he)]
    return right, wrong


first_pairs = looks(people([("king", "queen"), ("boy", "girl"), ("man", "woman")])[0])
layer, head = divmod(first_pairs.argmax().item(), 12)
right, wrong = people([("father", "mother"), ("brother", "sister"), ("uncle", "aunt")])
shares = [[looks([case])[layer, head].item() for case in cases] for cases in (right, wrong)]
told = "layer {}, head {}, on other pairs: right noun {:.2f}, other noun {:.2f}"
print(told.format(layer, head, *(sum(each) / 12 for each in shares)))
print("the right noun gets more in", sum(a > b for a, b in zip(*shares)), "of 12 sentences")

# %% [markdown]
# That one stands. Whether it *knows* anything is another question (chapters 03 and 23).

# %% [markdown]
# ## 5.7 Take one away (optional)
#
# A map shows where a head looks, not whether it matters. The direct test is **ablation**: have the head say something
# else, and see what changes. That is clean, because the output is a sum over heads (5.4). *Zeros* are the usual choice,
# and something that the head may never say; the other is what it says *on average*, over words of other lines.
#
# **Your turn**, before you look: `05.ablate`, which silences heads at the merge. The page does it in $W_O$: zeros for
# the head's slice, and its average into the bias.

# %% [markdown]
# MiniLM compares sentences by the mean of its output vectors. So the damage of a removal is $1 - \cos$ between that
# vector before and after. For scale, we damage the *text*: without its last mark, and without its third word.


# %%
@torch.no_grad()
def projection_without(to_out, removed, instead):
    """A copy of W_O for which the heads in `removed` say `instead`, (heads, d_head)."""
    changed, d_head = deepcopy(to_out), instead.shape[1]
    for head in removed:
        own = changed.weight[:, d_head * head : d_head * (head + 1)]  # a view: (d_model, d_head)
        changed.bias += own @ instead[head]
        own.zero_()
    return changed


def sentence_vectors(x, mask, blocks):
    """Run the rest of the model; the mean over real tokens, of length 1."""
    with torch.no_grad():
        for block in blocks:
            x = block(x, mask)
    return F.normalize((x * mask[:, 0, 0, :, None]).sum(dim=1), dim=-1)


def vectors_of(texts):
    ids, _ = encode_batch(tokenizer, texts)
    return sentence_vectors(model.embedding(ids), padding_mask(ids, 0), model.blocks)


def damage(vectors, whole):
    """How far sentence vectors have moved from the whole model's, on average."""
    return (1 - (vectors * whole).sum(dim=-1)).mean().item()


# %%
some, others = lines[::5], lines[2::5]  # 12 sentences each
whole = vectors_of(some)
no_mark = damage(vectors_of([line[:-1] for line in some]), whole)
no_word = damage(
    vectors_of([" ".join(line.split()[:2] + line.split()[3:]) for line in some]), whole
)
print(f"without the last mark: {no_mark:.3f}   without one word: {no_word:.3f}")

heard, reference = [], [line for i, line in enumerate(lines) if i % 5 not in (0, 2)]  # 36 lines


def listening(heads):
    heard.append(heads)
    return merge_heads(heads)


for block in model.blocks:
    block.attention.merge = listening
vectors_of(reference)
for block in model.blocks:
    block.attention.merge = merge_heads
real = encode_batch(tokenizer, reference)[0] != 0  # (batch, seq)
mean = torch.stack([h.transpose(1, 2)[real].mean(dim=0) for h in heard])  # (layer, head, d_head)
zeros = torch.zeros_like(mean)

predict("05.ablation", "Which is missed more: layer 0, head 2 (the word before), or the last mark?")


# %%
ids, _ = encode_batch(tokenizer, some)
mask = padding_mask(ids, 0)
change = torch.zeros(2, 6, 12)  # (way, layer, head)
x = model.embedding(ids).detach()
for layer, block in enumerate(model.blocks):
    w_o = block.attention.to_out
    for head in range(12):
        for way, filling in enumerate((zeros, mean)):
            block.attention.to_out = projection_without(w_o, [head], filling[layer])
            end = sentence_vectors(x, mask, model.blocks[layer:])
            change[way, layer, head] = damage(end, whole)
    block.attention.to_out = w_o
    with torch.no_grad():
        x = block(x, mask)
by_zeros, by_average = change
told = (
    f"head {by_zeros[0, 2]:.3f}, last mark {no_mark:.3f}, the median head {by_zeros.median():.3f}"
)
outcome("05.ablation", told)

# %% jupyter={"source_hidden": true}
claim("no head of layers 0 to 4 matters as much as the last mark", change[:, :5].max() < no_mark)
claim("no head at all matters as much as one word", change.max() < no_word)
ratio = (by_average / by_zeros).median()
print(f"the average in its place leaves {ratio:.2f} of the damage of zeros (the median head)")
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for layer, (resting, changed) in enumerate(zip(scores["[CLS]"], by_zeros)):
    ax.plot(resting, changed, "osD^vP"[layer], color=CYCLE[layer], label=f"layer {layer}")
    ax.plot(resting, by_average[layer], "osD^vP"[layer], color=CYCLE[layer], mfc="none", alpha=0.5)
for y, text in ((no_mark, "last mark removed"), (no_word, "one word removed")):
    ax.axhline(y, color=GREY, linestyle="--")
    ax.text(0.9, y * 1.05, text, ha="right", va="bottom", fontsize=8)
ax.text(scores["[CLS]"][0, 2] + 0.01, by_zeros[0, 2] * 0.72, "L0 H2", fontsize=8)
ax.set(yscale="log", xlabel="share of attention on [CLS]", ylabel="change of the sentence vector")
ax.set_title("Before the last layer, every single head matters less than the last mark")
ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1), title="full: zeros\nhollow: average")
show(
    fig,
    alt="Scatter of 72 heads: attention on [CLS] against the change when the head says zeros or its average, log scale. Heads "
    "of layers 0 to 4 lie below the line of a removed last mark, those of layer 5 around it, all below one removed word.",
)

# %% [markdown]
# The cleanest head of this model is hardly missed, either way.
#
# Are the heads useless? Remove many, in the order of the damage each did alone, measured on `some`,
# tested on `others`:


# %%
def remove(chosen, texts):
    """Sentence vectors when the heads in `chosen`, numbers from 0 to 71, say zeros."""
    kept = [block.attention.to_out for block in model.blocks]
    for layer, block in enumerate(model.blocks):
        silent = [i % 12 for i in chosen if i // 12 == layer]
        block.attention.to_out = projection_without(kept[layer], silent, zeros[layer])
    vectors = vectors_of(texts)
    for block, w_o in zip(model.blocks, kept):
        block.attention.to_out = w_o
    return vectors


whole = vectors_of(others)
least = by_zeros.flatten().argsort().tolist()
orders = {"least important first": least, "most important first": least[::-1]}
orders["at random"] = torch.randperm(72).tolist()
for name, order in orders.items():
    moved = [damage(remove(order[:k], others), whole) for k in (6, 12, 24, 48, 72)]
    print(f"{name:>21}, 6, 12, 24, 48, 72 removed:", rounded(moved, 2))
print(f"one word removed: {no_word:.2f}")
whole = vectors_of(some)
for name, first, end in (("all 72", 0, 72), ("layers 0 to 4", 0, 60), ("layer 5", 60, 72)):
    together, alone = damage(remove(range(first, end), some), whole), by_zeros.flatten()[first:end]
    print(f"`some`, {name}: at once {together:.2f}, each alone, added up {alone.sum():.2f}")

# %% [markdown]
# Each head does little, and the little adds up: all at once do hardly more than the sum of each alone. But two things
# cancel there: together, the heads of layers 0 to 4 do more (some stand in for others, or push the same way),
# those of layer 5 less. (We measured sentence vectors on short lines; a head that is idle here may be busy elsewhere.)
#
# Try it: search 150 lines of Shakespeare for your sentence, without some heads.

# %% tags=["nbval-ignore-output"]
shelf = sentences(150)
whole_shelf = vectors_of(shelf)


def search(text, removed, order):
    chosen = orders[order][:removed]
    near = remove(chosen, [text]) @ (remove(chosen, shelf) if removed else whole_shelf).T
    for i in near[0].topk(3).indices.tolist():
        print(f"{near[0, i]:.2f}  {shelf[i]}")


asked = widgets.Text("I am in love", description="sentence", continuous_update=False)
slider = widgets.IntSlider(0, 0, 72, 6, description="removed", continuous_update=False)
buttons = widgets.ToggleButtons(options=list(orders))
widgets.interactive(search, text=asked, removed=slider, order=buttons)

# %% [markdown]
# ## 5.8 Find the bug
#
# Somebody draws the heads of a small layer that trains with dropout. What is wrong with the picture?
#
# **Your turn**, before you read on: `05.dropout-bug`, the same mistake.


# %%
def broken_attend(layer, x):
    """Output and weights of one step."""
    parts = (layer.to_q, layer.to_k, layer.to_v)
    q, k, v = (split_heads(part(x), layer.num_heads) for part in parts)
    weights = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(dim=-1)
    weights = F.dropout(weights, p=0.2, training=layer.training)
    return layer.to_out(merge_heads(weights @ v)), weights


torch.manual_seed(0)
layer, sentence = MultiHeadAttention(32, num_heads=4), 3 * torch.randn(1, len(words), 32)
_, drawn = broken_attend(layer, sentence)
print("sums of the rows:", rounded(drawn[0, 0].sum(dim=-1), 2))
drawing = attention_map(drawn[0, 0], words, title="Head 0: find the bug", values=True)
drawing.collections[0].set_clim(0, 1.25)  # this once: no weight should be above 1
show(
    drawing,
    alt="Attention map of eleven words with scattered black cells, some of them where a bright cell would be expected.",
)

# %% [markdown]
# Attention that sums to 0.24 or to 1.25. A new layer is in training mode, so dropout is at work; and one name,
# `weights`, holds first the weights, then what dropout left of them. The picture shows the second.
#
# `layer.eval()` before drawing repairs the picture. Better is a layer that returns the weights from before
# dropout, in both modes. PyTorch's does not; ours does:


# %%
theirs = nn.MultiheadAttention(32, 4, dropout=0.2, batch_first=True)
ours = MultiHeadAttention(32, num_heads=4, dropout=0.2)
shown = {"PyTorch's, training": theirs(sentence, sentence, sentence)[1]}
shown["PyTorch's, after eval()"] = theirs.eval()(sentence, sentence, sentence)[1]
shown["ours, training"] = ours(sentence, return_weights=True)[1]
for name, weights in shown.items():
    print(f"{name}: furthest from 1 is a row off by {(weights.sum(dim=-1) - 1).abs().max():.2f}")

# %% [markdown]
# ## Summary
#
# - A head takes one weighted average. Two answers fit into it only as a loud and a soft one, which a linear reader
#   can't tell apart and a bent one learns late. Several heads keep them apart.
# - $d_{head} = d_{model} / h$. A head is a slice of columns of ordinary matrices; split is a view *and* a
#   transpose, merge is the way back.
# - Without the transposes every shape fits and the sentence falls into sealed pieces. A test for leaks does
#   not see it; a test for reach does.
# - Parameters and multiplications don't depend on the number of heads. The weights do: $h\,n^2$ of them.
# - The output is a sum over heads, through $W_O$. Dropout falls on the weights, in training only.
# - In MiniLM, on short lines, half of all attention rests on [CLS]. Choose a head on some sentences, measure on others,
#   and give every habit its control.
# - One head less is rarely noticed; many are. Draw weights from before dropout.
#
# With this, every attention box of the drawing is yours. But one head of MiniLM looks *one word back* (5.6): how can
# it, when chapter 02 proved that attention does not see the order? That is chapter 06.
#
# ## Quiz
#
# (Questions 7 and 8 are about the optional 5.6 and 5.7.)

# %%
quiz("05")

# %% [markdown]
# ## Interview questions
#
# <details><summary>Why several heads instead of one of full width?</summary>
#
# A head returns one weighted average for each query. Two needs at once are blended; only unequal weights tell which
# came from where, and only what is not linear can use that (5.1). Several heads keep their results in separate slices,
# at the same parameters and multiplications. The price is a narrower query, key and value for each.
# </details>
#
# <details><summary>Does doubling the number of heads double the cost?</summary>
#
# Not the parameters and not the multiplications, as $h \cdot d_{head} = d_{model}$. The attention weights
# double: in the work of softmax and, where they are stored, in memory.
# </details>
#
# <details><summary>A colleague replaced view + transpose by a single view. All tests of shapes pass. What happens?</summary>
#
# Each head receives a stretch of the sentence instead of a slice of the width. With the same mistake in the merge, the
# words fall into sealed groups; without it, a causal mask leaks. Look for it by changing
# one word and watching who notices.
# </details>
#
# <details><summary>Your attention weights don't sum to 1. Name three reasons.</summary>
#
# They were taken after dropout in training mode; softmax ran over another axis; a mask was applied after the
# softmax.
# </details>

# %% [markdown]
# ## Exercises
#
# Open [exercises/05_multi_head.ipynb](exercises/05_multi_head.ipynb).
#
# | exercise | asks you to |
# |---|---|
# | `05.split-heads` | cut the width into heads |
# | `05.split-test` | write a test that no wrong split passes |
# | `05.merge-heads` | lay the heads side by side again |
# | `05.multi-head` | build the layer, then see it run MiniLM |
# | `05.counts` | count parameters, multiplications and weights |
# | `05.previous-token` | score a habit, with padding on either side |
# | `05.ablate` | merge without some heads |
# | `05.dropout-bug` | mend the picture and keep the dropout |
#
# Into your box of parts go `split_heads`, `merge_heads` and `MultiHeadAttention`.
#
# ## Further reading
#
# - Vaswani et al. 2017, *Attention Is All You Need*, section 3.2.2 and table 3 (rows A: heads),
#   arXiv:1706.03762.
# - Clark et al. 2019, *What Does BERT Look At?*, arXiv:1906.04341.
# - Voita et al. 2019, *Analyzing Multi-Head Self-Attention*, arXiv:1905.09418. Heads of a translator, and pruning.
# - Michel, Levy and Neubig 2019, *Are Sixteen Heads Really Better than One?*, arXiv:1905.10650.
# - Wang et al. 2020, *MiniLM*, arXiv:2002.10957: small layers taught to imitate a large model's attention.
# - Srivastava et al. 2014, *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR 15.

# %% [markdown]
# ## Glossary
#
# - **multi-head attention**: several attentions side by side, each in its own slice of the width, then merged.
# - **d_head**: the width of one head's queries and keys, mostly d_model divided by the number of heads.
# - **output projection**: the matrix after the merge, which lets the heads' results mix.
# - **fused projection**: one matrix that makes queries, keys and values in a single product.
# - **view and reshape**: the same numbers in another shape; a view never copies, reshape copies if it must.
# - **stride**: how far to jump in memory for the next index along an axis.
# - **contiguous**: said of a tensor whose numbers lie in memory in the order of its axes.
# - **einops**: a library that rearranges axes by a string that names them.
# - **dropout**: in training, setting some numbers to 0 by chance and scaling the others up.
# - **training mode**: the state of a module in which dropout is on; `eval()` ends it, `train()` begins it.
# - **grouped queries**: several query heads that share one head of keys and values.
# - **ablation**: taking a part out of a model, to measure what it was good for.
