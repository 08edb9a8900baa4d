# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 · The encoder
#
# **How do you stack a hundred of these?** Your attention looks, and since chapter 06 it knows where. One look
# finds "animal" for "it". To understand *why* nothing was crossed takes looks at what other looks have found:
# layer on layer. Simply piling them up fails. Two small inventions mend that, and they are most of what the
# word *encoder* means.
#
# After this chapter you can
#
# - say what goes wrong in a bare stack, and which of the two inventions mends what,
# - write LayerNorm and RMSNorm to the last digit, and spot the two mistakes that hide in published ones,
# - read a feed-forward network as a memory, and find the neuron that fires for animals,
# - build the encoder block, in both orders of the norm, train it, and say from measurements what each order
#   needs.
#
# You need 02 to 06. About 70 minutes without the optional parts, and two hours more for the exercises.

# %%
from functools import partial

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display
from torch import nn

from course_lib.claims import claim, rounded
from course_lib.nn.blocks import EncoderBlock, PostNorm, PreNorm
from course_lib.nn.embeddings import TokenEmbedding
from course_lib.nn.feedforward import FeedForward, SwiGLU
from course_lib.nn.masks import padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm, RMSNorm
from course_lib.nn.positions.sinusoidal import sinusoidal_positions
from course_lib.nn.stacks import Encoder
from course_lib.plots import CYCLE, GREY, WEIGHTS, mask_picture, transformer_map
from course_lib.pretrained.minilm import encode, load_minilm
from course_lib.studies import study
from course_lib.views import attention_hover, outcome, predict, quiz, show

BLUE, ORANGE, GREEN, RED, *_, BLACK = CYCLE
_ = torch.manual_seed(0)

# %%
inside = ("queries, keys, values", "scores", "masks", "softmax", "weighted sum", "heads")
done = (*inside, "positions", "self-attention")
show(
    transformer_map(("embedding", "add & norm", "feed-forward"), done, tower="encoder"),
    alt="Drawing of the Transformer. Lit in the encoder: embedding, feed-forward, and every add and norm. Built already: "
    "everything inside the attention box, positions, self-attention.",
)

# %% [markdown]
# ## 7.1 A hundred bare layers
#
# A layer of the encoder, an **encoder block**, is an attention followed by a small network that treats every
# word alone. Call each of the two a **sublayer**. Nothing is trained yet; the matrices are drawn by *Xavier's
# rule*: random numbers with variance $2 / (\text{inputs} + \text{outputs})$, meant to hand numbers on at about
# the size they came. We watch two dials on the way up:
#
# - **size**: the standard deviation of all the numbers;
# - **alike**: the cosine between two different words of a sentence, averaged over all pairs. Near 0 the words
#   have little in common, at 1 they all point the same way.
#
# In the code, notice `around`: what becomes of a sublayer's output. `bare` hands it on. (`PreNorm` and `last`
# wait for 7.7.)


# %%
def bare(norm):
    """What a sublayer says is all that goes on; no norm is used."""
    return lambda x, sublayer: sublayer(x)


def stack(around, depth, d_model=64, norm=LayerNorm, xavier=True):
    """An untrained encoder of `depth` blocks; `around` says how a sublayer is used."""
    blocks = []
    for _ in range(depth):
        parts = MultiHeadAttention(d_model, num_heads=4), FeedForward(d_model, 2 * d_model)
        blocks.append(EncoderBlock(*parts, lambda: around(norm(d_model))))  # section 7.6
    made = Encoder(blocks, norm(d_model) if around is PreNorm else None)
    for part in made.modules():
        if xavier and isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
    return made


# %%
def alike(x):
    """(batch, seq, d_model) -> the mean cosine between two different words of a sentence."""
    direction = x / x.norm(dim=-1, keepdim=True)
    cosines = direction @ direction.transpose(-2, -1)  # (batch, seq, seq)
    n = x.shape[1]
    return ((cosines.sum(dim=(1, 2)) - n) / (n * n - n)).mean().item()


@torch.no_grad()
def dials(around, depth=100, last=1.0, seed=0):
    """(size, alike) before the first block and after each. Double precision, to see extremes."""
    torch.manual_seed(seed)
    made, x = stack(around, depth).double(), torch.randn(4, 16, 64).double()
    for block in made.blocks:  # what writes into the stream, times `last`: section 7.7
        block.attention.to_out.weight *= last
        block.feed_forward.down.weight *= last
    seen = [(x.std().item(), alike(x))]
    for block in made.blocks:
        x = block(x)
        seen.append((x.std().item(), alike(x)))
    return torch.tensor(seen).T  # (dial, depth + 1)


predict("07.alike", "After how many bare layers is the cosine between two words above 0.99?")

# %%
ways = {"bare": dials(bare)}
size, same = ways["bare"]
print(f"size after 10 layers: {size[10]:.3f}, after 100: {size[100]:.0e}")
outcome("07.alike", f"after {int((same > 0.99).nonzero()[0])}")

# %% [markdown]
# Two layers, and every word of the sentence is all but the same word. An untrained attention looks at
# everything a little, so what comes out is close to the sentence's average, for every word. Average the
# averages and no difference is left. The size goes, too.

# %% [markdown]
# ## 7.2 Add, don't replace
#
# The first invention is one plus sign:
#
# $$x + f(x)$$
#
# where $f$ is a sublayer. It no longer says what the word *is*, only what to **add** to it. The way around $f$
# is called **residual connection**, or skip connection; the running sum is the **residual stream**. A word
# keeps itself, and the gradient has a road down on which nothing is multiplied: the derivative of $x$ is 1,
# whatever $f$ does.


# %%
def residual(norm):
    return lambda x, sublayer: x + sublayer(x)


ways["residual"] = dials(residual)
size, same = ways["residual"]
print("size after 3, 6 and 10 layers:", *rounded(size[[3, 6, 10]], 1))
print("alike after 3:", rounded(same[3], 2), " bare:", rounded(ways["bare"][1, 3], 2))

# %% [markdown]
# ## 7.3 Bring every word back to one size
#
# The words live longer. But now the size explodes: $f$ answers in proportion to what it is given. The second
# invention keeps what $f$ *reads* at one size. **LayerNorm** takes one word's vector $x$ of $d$ numbers,
# subtracts its mean, and divides by its standard deviation:
#
# $$\mu = \frac1d \sum_i x_i \qquad \sigma^2 = \frac1d \sum_i (x_i - \mu)^2 \qquad
# \text{output} = w \cdot \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + b$$
#
# $w$ and $b$ are learned, one number for each column; they start as 1 and 0. $\varepsilon$, a tiny constant,
# keeps the division alive when all $d$ numbers are equal. By hand, without $w$ and $b$:

# %%
x = torch.tensor([1.0, 2.0, 3.0, 6.0])  # one word, (d_model,)
mean = x.sum() / 4
variance = (x - mean).square().sum() / 4
by_hand = (x - mean) / (variance + 1e-5).sqrt()
print(f"mean {mean:.2f}, variance {variance:.2f}, torch.var {x.var():.2f}")
print(rounded(by_hand))
claim("the same as PyTorch's", torch.allclose(by_hand, F.layer_norm(x, (4,)), atol=1e-5))

# %% [markdown]
# Mind `torch.var`: it divides by $d - 1$, the *unbiased* estimate for samples of a population. LayerNorm
# divides by $d$, the **biased** one. And $\varepsilon$ stands **inside the root**. A LayerNorm that many
# projects have copied from a well-known walk-through of the paper (Rush 2018) differs in both, and lives:


# %%
def published_norm(x, eps=1e-6):
    return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + eps)


for d_model, size in ((4, 1), (64, 1), (512, 1), (512, 0.001)):  # the last: faint words
    x = size * torch.randn(1000, d_model)
    off = (published_norm(x) / F.layer_norm(x, (d_model,), eps=1e-6) - 1).abs().median()
    print(f"{d_model} numbers, size {size}: off by {100 * off:.2f} %")

# %% [markdown]
# At real widths the variance costs a tenth of a percent. It bites when you load somebody's weights and want
# *their* numbers. The place of $\varepsilon$ decides how loud a faint word becomes.
#
# What does a norm take away? With three numbers to a word we can look. **RMSNorm**, beside it, is the simpler
# kind that many recent models use: it subtracts nothing and divides by the root of the mean square,
#
# $$\text{output} = w \cdot \frac{x}{\sqrt{\frac1d \sum_i x_i^2 + \varepsilon}}.$$

# %% jupyter={"source_hidden": true}
torch.manual_seed(1)
cloud = torch.randn(400, 3) * torch.tensor([1.0, 0.6, 1.4]) + torch.tensor([0.5, 0.0, 0.3])
with torch.no_grad():
    clouds = {"words, 3 numbers each": cloud, "LayerNorm: a circle": LayerNorm(3)(cloud)}
    clouds["RMSNorm: a sphere"] = RMSNorm(3)(cloud)
fig = plt.figure(figsize=(10, 3.6), layout="constrained")
for place, (title, points) in enumerate(clouds.items(), 1):
    ax = fig.add_subplot(1, 3, place, projection="3d")
    ax.scatter(*points.T, s=7, color=BLUE)
    ax.set(title=title, xlim=(-2.5, 2.5), ylim=(-2.5, 2.5), zlim=(-2.5, 2.5))
    ax.set(xlabel="first", ylabel="second", zlabel="third", xticks=[], yticks=[], zticks=[])
    ax.xaxis.labelpad = ax.yaxis.labelpad = ax.zaxis.labelpad = -14
    ax.view_init(18, 20)
show(
    fig,
    alt="Three clouds of points in space, one point a word. Left, scattered. Middle, after LayerNorm, "
    "all lie on one circle. Right, after RMSNorm, all lie on the surface of a sphere.",
)

# %% [markdown]
# LayerNorm takes two of the $d$ freedoms of a vector: its mean becomes 0 (the points fall onto a plane), its
# length becomes $\sqrt d$ (they move to a circle in it). RMSNorm takes only the length, and leaves the
# direction as it was. Are these PyTorch's norms? And does a word feel its neighbours?

# %%
x = torch.randn(2, 5, 512)  # (batch, seq, d_model)
pairs = (LayerNorm(512), nn.LayerNorm(512)), (RMSNorm(512), nn.RMSNorm(512, eps=1e-6))
for ours, theirs in pairs:
    name = type(ours).__name__
    claim(f"our {name} is PyTorch's", torch.allclose(ours(x), theirs(x), atol=1e-5))
    changed = torch.cat([x[:, :4], torch.randn(2, 1, 512)], dim=1)  # another last word
    claim("the other words feel nothing", torch.equal(ours(x)[:, :4], ours(changed)[:, :4]))

# %% [markdown]
# The last line is one reason against *batch norm*, whose mean is over other words: under a causal mask the
# future would leak through it.
#
# **Your turn**: `07.layer-norm`, then `07.rms-norm`.

# %% [markdown]
# ## 7.4 Each word thinks alone
#
# Attention moves news between words; it takes averages of values, and averages are all it can say. The second
# sublayer, the **feed-forward network**, works on what has arrived, for every word with the same matrices:
#
# $$\text{FF}(x) = W_{down}\, \max(0,\, W_{up}\, x + b_{up}) + b_{down}$$
#
# It goes up to a width $d_{ff}$, four times $d_{model}$ in the paper, bends, and comes back down. The bend is
# called **activation**. This one, $\max(0, \cdot)$, is ReLU; without it the two matrices would melt into one.

# %%
network = FeedForward(512, 2048)
apart = torch.stack([network(x[:, t]) for t in range(5)], dim=1)
claim("all words at once or one by one: the same", torch.allclose(network(x), apart, atol=1e-5))
up = F.conv1d(x.mT, network.up.weight[..., None], network.up.bias).mT
claim("its first matrix is a 1 × 1 convolution", torch.allclose(network.up(x), up, atol=1e-5))
for name, part in (("attention", MultiHeadAttention(512, 8)), ("feed-forward", network)):
    print(f"{name}: {sum(p.numel() for p in part.parameters()):,} parameters")

# %% [markdown]
# Two thirds of a block's parameters sit in the network that never looks at another word.
#
# **Your turn**: `07.missing-residual-bug`, a block that forgets its words.
#
# ### Which bend? (optional)
#
# Three are common. **GELU** is a ReLU with its corner rounded off. **SwiGLU** has three matrices: one proposes
# numbers, another opens or shuts a *gate* for each, and the two are multiplied:
#
# $$W_{down}\,(\text{silu}(W_{gate}\, x) \cdot W_{up}\, x), \qquad \text{silu}(a) = a \cdot
# \text{sigmoid}(a) = \frac{a}{1 + e^{-a}}$$
#
# Three matrices where there were two: to compare fairly, $d_{ff}$ shrinks to two thirds. All three get the same
# two small tasks on 12 random numbers: output each number's *product* with its neighbour, or the *larger* of
# the two.

# %%
networks = {
    "ReLU": lambda: FeedForward(12, 48, bias=False),
    "GELU": lambda: FeedForward(12, 48, activation=F.gelu, bias=False),
    "SwiGLU": lambda: SwiGLU(12, 32),
}
tasks = {
    "the product": lambda x: x * x.roll(1, -1),
    "the larger one": lambda x: torch.maximum(x, x.roll(1, -1)),
}


def unexplained(make, target, seed, steps=120):
    """Train, then: the share of the target's variance that is missed on new numbers."""
    torch.manual_seed(seed)
    network = make()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(steps):
        x = torch.randn(128, 12)
        loss = F.mse_loss(network(x), target(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = torch.randn(2000, 12)
    return (F.mse_loss(network(x), target(x)) / target(x).var()).item()


# %% jupyter={"source_hidden": true}
missed = torch.tensor(
    [[[unexplained(n, t, s) for s in range(3)] for n in networks.values()] for t in tasks.values()]
)  # (task, network, seed)
counts = {sum(p.numel() for p in make().parameters()) for make in networks.values()}
print("parameters of each:", *counts)
claim("the product: SwiGLU misses least, on all seeds", missed[0, 2].max() < missed[0, :2].min())
claim("the larger: ReLU misses least, on all seeds", missed[1, 0].max() < missed[1, 1:].min())

fig, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
line = torch.linspace(-4, 4, 200)
for bend, name, style in ((F.relu, "ReLU", "-"), (F.gelu, "GELU", "--"), (F.silu, "silu", ":")):
    axes[0].plot(line, bend(line), style, label=name)
axes[0].set(title="Three bends", xlabel="in", ylabel="out")
axes[0].legend()
for ax, task, shares in zip(axes[1:], tasks, missed):
    ax.bar(list(networks), shares.mean(dim=1), color=CYCLE[:3], alpha=0.6)
    ax.plot(list(networks), shares, "o", color=BLACK, markersize=4)
    ax.set(title=f"Target: {task}", ylabel="variance missed", ylim=(0, None))
show(
    fig,
    alt="Left, curves of ReLU, GELU and silu: all flat on the left and rising on the right, two of them with a "
    "rounded corner. Middle, target product: SwiGLU misses least, then GELU, then ReLU. Right, target larger "
    "one: ReLU misses almost nothing, GELU little, SwiGLU most. Dots are three seeds, close together.",
)

# %% [markdown]
# Each wins where the task is made of its own stuff: a gate multiplies, a ReLU compares. Language models train a
# little better with SwiGLU at equal size (Shazeer 2020, whose explanation is "divine benevolence").
#
# **Your turn**: `07.swiglu`, and the sum behind "two thirds": `07.equal-width`.

# %% [markdown]
# ## 7.5 A memory with labels (optional)
#
# Write the network column by column. $k_i$ is row $i$ of $W_{up}$, $v_i$ is column $i$ of $W_{down}$, and $a$
# is the activation:
#
# $$\text{FF}(x) = \sum_i a(k_i \cdot x + b_i)\; v_i \; + \; b_{down}$$
#
# Compare with chapter 02: the word is a query, $k_i$ a key, $v_i$ a value. But there is no softmax, so several
# keys may answer, or none; and keys and values are *learned*, the same for every text: a **memory**. Each $i$
# is a **neuron**, and it *fires* when its key fits. Here is the whole layer 0 of MiniLM as such a sum:

# %%
model, tokenizer = load_minilm()
ids, _ = encode(tokenizer, "The animal didn't cross the street because it was too tired")
first = model.blocks[0]
with torch.no_grad():
    x = model.embedding(ids)
    x = first.norm_attention(x + first.attention(x))[0]  # what it reads: (seq, d_model)
    fires = first.feed_forward[:2](x)  # a(k·x + b): (seq, neuron)
    values, constant = first.feed_forward[2].weight.T, first.feed_forward[2].bias
    total = sum(fires[:, i, None] * values[i] for i in range(1536)) + constant
claim(
    "1,536 memories added up are the layer", torch.allclose(total, first.feed_forward(x), atol=1e-4)
)
print("share of them above 0.1, on average:", rounded((fires > 0.1).float().mean(), 2))

# %% [markdown]
# A sixth of the memory answers. What is stored there? Put lists of words, one by one, into the sentence "I said
# … again.", and look for a neuron that fires for one list only. Among so many neurons somebody will, by luck.
# So *choose* the neuron on half of each list, *measure* it on the other half.

# %%
lists = {
    "animals": "dog horse lion bird cow wolf sheep fish tiger mouse bear duck",
    "colours": "red green blue black white yellow brown grey pink purple orange gold",
    "numbers": "two three four five six seven eight nine ten twelve twenty hundred",
    "body": "hand eye nose arm leg foot head heart ear neck knee back",
    "calendar": "monday tuesday wednesday thursday friday saturday sunday january march april july august",
    "cities": "london paris rome berlin madrid vienna tokyo moscow boston dublin cairo athens",
    "things": "table house stone river bread letter door ship book tree road chair",
}


@torch.no_grad()
def firing(word):
    """(layer, neuron): how strongly each neuron fires at this word."""
    ids, tokens = encode(tokenizer, f"I said {word} again.")
    x, seen = model.embedding(ids), []
    for block in model.blocks:
        read = block.norm_attention(x + block.attention(x))
        seen.append(block.feed_forward[:2](read)[0, tokens.index(word)])
        x = block(x)
    return torch.stack(seen)


all_firing = torch.stack([torch.stack([firing(w) for w in row.split()]) for row in lists.values()])
chosen_on, measured_on = all_firing[:, ::2], all_firing[:, 1::2]  # (list, word, layer, neuron)
predict(
    "07.memory",
    "Seven lists. For how many does the chosen neuron tell NEW words of its list from all others?",
)

# %%
found, others = [], torch.arange(7)
for i in range(7):
    gap = chosen_on[i].amin(dim=0) - chosen_on[others != i].amax(dim=(0, 1))  # (layer, neuron)
    found.append(divmod(gap.argmax().item(), 1536))
values = torch.stack([measured_on[:, :, layer, n] for layer, n in found])  # (neuron, list, word)
clean = [bool(values[i, i].min() > values[i, others != i].max()) for i in range(7)]
outcome("07.memory", f"{sum(clean)} of 7, without a single error")

# %% jupyter={"source_hidden": true}
print("not told apart:", *(name for name, good in zip(lists, clean) if not good))
names = [f"{name} (L{layer} N{n})" for name, (layer, n) in zip(lists, found)]
columns = [w for row in lists.values() for w in row.split()[1::2]]
fig, ax = plt.subplots(figsize=(11, 3.2), layout="constrained")
drawn = ax.imshow(values.flatten(1), cmap=WEIGHTS, vmin=0, aspect="auto")
ax.set_yticks(range(7), names)
ax.set_xticks(range(len(columns)), columns, rotation=90, fontsize=8)
ax.set(title="One neuron for each list, chosen on other words", xlabel="words not used to choose")
fig.colorbar(drawn, label="fires")
show(
    fig,
    alt="Heat map of seven neurons by 42 words in seven groups. Six neurons are bright for the words of their own "
    "group and dark elsewhere, with a few dim cells: a block diagonal. The seventh, for things, is dark throughout.",
)

# %% [markdown]
# For plain *things* there is none: what we think of as one idea need not be one to the model. And most of the
# others sit in layer 0 (the L of each label), which reads little more than the bare word: a list of words, not
# yet a thought about the sentence.
#
# Point at a neuron and see its words.

# %%
attention_hover(
    names,
    values.flatten(1).clamp(min=0) / values.max(),
    columns,
    title="MiniLM's memory",
    verb="fires at",
)

# %% [markdown]
# ## 7.6 The block
#
# All parts lie on the table. The only open question is their order. The paper's text norms the sum, *after*
# adding: **post-norm**, $\text{norm}(x + f(x))$. Most large models since norm what the sublayer *reads*:
# **pre-norm**, $x + f(\text{norm}(x))$, and one norm more on top of the stack.
#
# **Your turn**, before you look below: `07.encoder-block`, the paper's order as a class.


# %%
def post_norm_block(x, attend, think, norm_1, norm_2):
    x = norm_1(x + attend(x))  # words talk
    return norm_2(x + think(x))  # each thinks alone


def pre_norm_block(x, attend, think, norm_1, norm_2):
    x = x + attend(norm_1(x))
    return x + think(norm_2(x))


# %% [markdown]
# In pre-norm the residual stream runs from bottom to top untouched. In post-norm it passes through a norm after
# every sublayer.
#
# Is it the block that everyone uses? PyTorch's own has both orders, and lends us its parts:

# %%
x, one_look = torch.randn(2, 7, 24), lambda attention, x: attention(x, x, x)[0]
for norm_first, block in ((False, post_norm_block), (True, pre_norm_block)):
    theirs = nn.TransformerEncoderLayer(24, 3, 40, 0.0, batch_first=True, norm_first=norm_first)
    attend = partial(one_look, theirs.self_attn)
    think = nn.Sequential(theirs.linear1, nn.ReLU(), theirs.linear2)
    by_hand = block(x, attend, think, theirs.norm1, theirs.norm2)
    claim(f"{block.__name__}: {norm_first=}", torch.allclose(theirs(x), by_hand, atol=1e-5))

# %% [markdown]
# ### The class, to copy
#
# Here is the other order, pre-norm, whole. New is **dropout** (chapter 05) in its places: the paper hides a
# tenth of what each sublayer says, *before* it is added, and of the embedded words below the first block
# (section 5.4).


# %%
class PlainBlock(nn.Module):
    """One encoder block in pre-norm."""

    def __init__(self, d_model, num_heads, d_ff, dropout=0.1):
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.up, self.down = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        said = self.attention(self.norm_1(x), mask=mask)
        x = x + self.dropout(said)  # words talk
        thought = self.down(self.up(self.norm_2(x)).relu())
        return x + self.dropout(thought)  # each thinks alone


# %%
plain = PlainBlock(24, 3, 40).eval()
for norm in (plain.norm_1, plain.norm_2):
    nn.init.normal_(norm.weight)  # fresh norms are all alike: section 7.10
think = nn.Sequential(plain.up, nn.ReLU(), plain.down)
by_hand = pre_norm_block(x, plain.attention, think, plain.norm_1, plain.norm_2)
claim("the class says what the function says", torch.allclose(plain(x), by_hand, atol=1e-5))
print("two runs in training: apart by", rounded((plain.train()(x) - plain(x)).abs().max(), 1))

# %% [markdown]
# The library's `EncoderBlock` has parts that can be swapped: an attention, a network, and what goes around
# them, `PreNorm` or `PostNorm`. Is it the block inside a real model? We put MiniLM's trained parts into six of
# them:


# %%
def minilm_in(around):
    """MiniLM's trained parts in six blocks."""
    blocks = []
    for old in model.blocks:
        network = FeedForward(384, 1536, activation=F.gelu)
        network.up, network.down = old.feed_forward[0], old.feed_forward[2]
        norms = iter([old.norm_attention, old.norm_feed_forward])
        blocks.append(EncoderBlock(old.attention, network, lambda norms=norms: around(next(norms))))
    return Encoder(blocks, LayerNorm(384) if around is PreNorm else None).eval()


start = model.embedding(ids)
claim("it is MiniLM", torch.allclose(minilm_in(PostNorm)(start), model(ids), atol=1e-4))

# %% [markdown]
# Below the first block ids become vectors by a table, and positions are added. The two should be of one size,
# or one may drown the other (in 9.6, words too large drown positions). The authors draw their table
# small, with standard deviation $1/\sqrt{d_{model}}$, and multiply it by $\sqrt{d_{model}}$:

# %%
embed, places = TokenEmbedding(vocab_size=1000, d_model=512), sinusoidal_positions(50, 512)
words = embed(torch.arange(50))  # (seq, d_model)
print("size of a word without the factor", rounded(embed.table.weight.std(), 2), end=", ")
print("with it", rounded(words.std(), 2), " of a position", rounded(places.std(), 2))

# %% [markdown]
# **Your turn**: a broken stack, `07.pre-post-bug`; then the whole, written and trained by you:
# `07.reader`.

# %% [markdown]
# ## 7.7 Where does the norm go?
#
# A hundred untrained blocks, three seeds: the two orders, and *scaled*, drawn smaller (below):

# %%
small = (2 * 100) ** -0.5  # 1/√(2N) for N = 100 blocks
trials = {"post-norm": (PostNorm, 1), "pre-norm": (PreNorm, 1), "scaled": (PreNorm, small)}
trials |= {"post-norm, scaled": (PostNorm, small), "no norm, scaled": (residual, small)}
hundred = {}  # by name: (seed, dial, depth + 1)
for name, (way, last) in trials.items():
    hundred[name] = torch.stack([dials(way, last=last, seed=seed) for seed in range(3)])
    low, high = hundred[name][:, [0, 1, 1], [100, 12, 100]].aminmax(dim=0)
    print(f"{name}: size at 100, cosine at 12 and 100:", rounded(low, 2), "to", rounded(high, 2))

# %% jupyter={"source_hidden": true}
fig, axes = plt.subplots(1, 2, figsize=(10.5, 3.6), layout="constrained")
looks = {"bare": (GREY, ":"), "residual": (RED, "-."), "post-norm": (ORANGE, "--")}
looks |= {"pre-norm": (BLUE, "-"), "scaled": (GREEN, (0, (6, 1, 1, 1)))}
drawn = {name: ways[name][None] for name in ("bare", "residual")} | hundred
for name, runs in ((name, drawn[name]) for name in looks):
    color, style = looks[name]
    for ax, seen in zip(axes, runs.unbind(dim=1)):  # each (seed, depth + 1)
        ax.plot(seen.T, linestyle=style, color=color, alpha=0.35, lw=1)
        ax.plot(seen.median(dim=0).values, linestyle=style, color=color, label=name)
axes[0].set(yscale="log", ylim=(1e-12, 1e12), xlabel="blocks", ylabel="size (log)")
axes[0].set_title("Size: one vanishes, one explodes, three live")
axes[1].set(xlabel="blocks", ylabel="cosine between words")
axes[1].set_title("Alike, by Xavier's rule: pre-norm takes long, scaled longer")
axes[1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
show(
    fig,
    alt="Two panels over 100 blocks. Left, size on a log scale: bare falls, residual alone rises, both out of the "
    "picture; post-norm and scaled pre-norm stay at 1, pre-norm rises slowly. Right, likeness of words: bare reaches 1 after two blocks, "
    "post-norm within fifteen, residual within twenty; pre-norm climbs slowly and stays below 1; scaled stays below 0.2.",
)

# %% [markdown]
# In pre-norm a sublayer reads a word of size 1 and adds something of about that size, so the *variance* grows
# like the number of blocks and the size like its root. Post-norm holds it at 1 by cutting back the whole sum
# each time, the old part with the new; after a dozen blocks hardly anything of the word is left. *Scaled*
# is GPT-2's **residual scaling**: the matrices that *write* into the stream, `to_out` and `down`, are drawn
# smaller by $1/\sqrt{2N}$ for $N$ blocks. Size and words stay nearly as they came, in post-norm, too, and
# without any norm.
#
# The usual story is about *gradients*: in post-norm they die on the way down, so that the first layers don't
# learn. Let us measure their length in each of 24 blocks: those of queries and keys, which decide *where to
# look*, and all the rest. Five seeds, a random task with ten classes.


# %%
def gradients(around, depth=24, seed=0, xavier=True):
    """An untrained stack: gradient (part, block) of all but queries and keys, and of these; alike (block,)."""
    torch.manual_seed(seed)
    made, x = stack(around, depth, xavier=xavier).double(), torch.randn(4, 16, 64).double()
    same, found = [], torch.zeros(2, depth)
    for block in made.blocks:
        x = block(x)
        same.append(alike(x.detach()))
    guesses = nn.Linear(64, 10).double()(made.norm(x)).flatten(0, 1)
    F.cross_entropy(guesses, torch.randint(10, (64,))).backward()
    for number, block in enumerate(made.blocks):
        for name, parameter in block.named_parameters():
            looking = "to_q" in name or "to_k" in name
            found[int(looking), number] += parameter.grad.square().sum()
    return found.sqrt(), torch.tensor(same)


rules = {"Xavier's rule": True, "PyTorch's default": False}
orders = {"post-norm": PostNorm, "pre-norm": PreNorm, "bare": bare}
predict(
    "07.gradient",
    "Post-norm, 24 blocks, Xavier's rule, all but queries and keys: the gradient at block 1, as a multiple of that at block 24?",
)

# %%
runs = {
    (rule, name): [gradients(way, seed=s, xavier=rules[rule]) for s in range(5)]
    for rule in rules
    for name, way in orders.items()
}
xavier = {name: torch.stack([g for g, _ in runs["Xavier's rule", name]]) for name in orders}
ratio = xavier["post-norm"][:, 0, 0] / xavier["post-norm"][:, 0, -1]  # (seed,)
outcome("07.gradient", f"{ratio.min():.1f} to {ratio.max():.1f} times, by seed")


# %% jupyter={"source_hidden": true}
def draw_depth(axes, run, name):
    color, style = looks[name]
    rows = [torch.stack(each) for each in zip(*((g[0], g[1], same) for g, same in run))]
    for ax, each in zip(axes, rows):  # each (seed, block)
        blocks = range(1, each.shape[1] + 1)
        ax.plot(blocks, each.T, style, color=color, alpha=0.35)
        ax.plot(blocks, each.median(dim=0).values, style, color=color, lw=2.5, label=name)


for name in ("post-norm", "pre-norm"):
    for part, told in enumerate(("all the rest", "queries, keys")):
        middle = xavier[name][:, part, [0, 9, 11, 23]].median(dim=0).values.tolist()
        print(f"{name:>9}, {told:>13}, blocks 1, 10, 12, 24:", *(f"{size:.1e}" for size in middle))
fig, axes = plt.subplots(2, 3, figsize=(12, 6), layout="constrained", sharex=True)
for row, rule in zip(axes, rules):
    for name in orders:
        draw_depth(row, runs[rule, name], name)
    for ax, title in zip(row, ("all but queries and keys", "queries and keys")):
        ax.set(yscale="log", ylim=(1e-9, 30), title=title, ylabel=f"gradient ({rule})")
    row[2].set(title="words of a sentence", ylabel="cosine", ylim=(-0.05, 1.05))
for ax in axes[1]:
    ax.set_xlabel("block")
axes[0, 2].legend()
fig.suptitle("Post-norm: the gradient lives, but that of looking dies where words are alike")
show(
    fig,
    alt="Six panels over 24 blocks, five seeds each; above by Xavier's rule, below by PyTorch's default. Left, the gradient without queries "
    "and keys: flat near 1 in post-norm, falling gently in pre-norm, rising steeply from nearly nothing in a bare stack. Middle, queries and keys by "
    "Xavier's rule: post-norm falls to some millionths of what it is at block 1, pre-norm a little; by the default both fall gently. Right, likeness: it rises where the middle falls.",
)

# %% [markdown]
# The story is wrong: nothing dies on the way *down*, and block 1 of post-norm gets about as much as block 24.
# But look at the middle. The gradient of queries and keys dies on the way *up*: at block 24 it is a few
# millionths of what it is at block 1. The right panel says why. By block 10 all words of a sentence point the
# same way, and among sixteen copies of one word it makes no difference where you look; nothing tells a query
# how to change. It is **rank collapse** (Dong et al. 2021); Noci et al. (2022) proved this of gradients.
#
# Post-norm's other trouble is at the end of the left panel: its gradient at block 24 is 1.1, pre-norm's 0.24.
# That is why the paper needs its **warm-up**, small steps at first, say Xiong et al. (2020).
#
# And all hangs on how the matrices were drawn. PyTorch's default for `nn.Linear` draws them smaller (variance
# $1/(3 \cdot \text{inputs})$), so every sublayer says less, the words stay apart for longer, and the middle
# panel falls gently. Try depths.


# %% tags=["nbval-ignore-output"]
@widgets.interact(depth=(2, 48), xavier=True, seed=(0, 9))
def explore(depth=12, xavier=True, seed=0):
    fig, axes = plt.subplots(1, 3, figsize=(11, 2.8), layout="constrained")
    for name, way in list(orders.items())[:2]:
        draw_depth(axes, [gradients(way, depth, seed, xavier)], name)
    for ax, told in zip(axes, ("gradient, all the rest", "queries and keys", "cosine of words")):
        ax.set(xlabel="block", ylabel=told, yscale="linear" if ax is axes[2] else "log")
    display(show(fig, alt=f"Gradients and likeness over {depth} blocks, both orders."))


# %% [markdown]
# ## 7.8 The paper says one thing, its code another
#
# Section 3.1 of the paper norms after adding: $\text{LayerNorm}(x + \text{Sublayer}(x))$. The authors'
# library, Tensor2Tensor, did so at first. From its settings `transformer_base_v2` on it normed *before* each
# sublayer and once at the end. MiniLM's weights, in both orders:

# %%
text, code = minilm_in(PostNorm), minilm_in(PreNorm)
counts = [sum(p.numel() for p in made.parameters()) for made in (code, text)]
print("more parameters in the later order:", counts[0] - counts[1], "= 2 · d_model, the last norm")
cosine = F.cosine_similarity(text(start), code(start), dim=-1).mean()
print("MiniLM and MiniLM in the other order: cosine", rounded(cosine, 2))

# %% [markdown]
# Two different functions.
#
# Do both *learn*? A small task: six letters in any order; for each say how many of the six come before it in
# the alphabet. That takes looking and counting, but no positions. A model that knows nothing about the letter
# it stands on can only guess, at a loss of about $\ln 6$. The rate of learning is one that suits pre-norm.


# %%
def learn(around, depth, seed, steps=48):
    """The loss at each step of learning ranks."""
    torch.manual_seed(seed)
    embed, read = nn.Embedding(12, 32), nn.Linear(32, 6)
    encoder = stack(around, depth, 32, nn.LayerNorm)  # PyTorch's norm: the same, faster
    parameters = [*embed.parameters(), *encoder.parameters(), *read.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=3e-3)
    losses = []
    for _ in range(steps):
        letters = torch.randint(12, (32, 6))  # (batch, seq)
        ranks = (letters[:, None] < letters[:, :, None]).sum(dim=-1)  # (batch, seq)
        loss = F.cross_entropy(read(encoder(embed(letters))).flatten(0, 1), ranks.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


settings = {"post-norm, 6 blocks": (PostNorm, 6), "post-norm, 12 blocks": (PostNorm, 12)}
settings["pre-norm, 12 blocks"] = PreNorm, 12
ends = {name: [sum(learn(*s, i)[-8:]) / 8 for i in range(3)] for name, s in settings.items()}
print("mean loss:", *(f"{name}: {sum(each) / 3:.1f};" for name, each in ends.items()))
claim("pre-norm, 12 blocks: below 1.0 with all three seeds", max(ends["pre-norm, 12 blocks"]) < 1)
claim("post-norm, 6 blocks: below 1.5 with all three", max(ends["post-norm, 6 blocks"]) < 1.5)
claim("post-norm, 12 blocks: above 1.7 with all three", min(ends["post-norm, 12 blocks"]) > 1.7)

# %% [markdown]
# Twelve post-norm blocks stay at a guess (1.79). Before one writes "can't", one tries. A study did: 400 steps,
# other rates, a gentle start, drawn in other ways, three seeds each.

# %%
predict(
    "07.cooler",
    "The same twelve post-norm blocks, at a sixth of the rate, 400 steps, no other change: the loss? (A guess is 1.79.)",
)

# %%
results = study("07_twelve_blocks")["results"]
cool = [run["curve"][-1] for run in results["runs"]["post-norm"]["0.0005, warm-up 0"]]
outcome("07.cooler", f"{min(cool):.2f} to {max(cool):.2f}")

# %% jupyter={"source_hidden": true}
print("at the end, the worst of three seeds:")
for order, found in results["runs"].items():
    for name, each in found.items():
        loss, same = torch.tensor([[r["curve"][-1], r["alike"]] for r in each]).amax(dim=0)
        print(f"{order:>9}, rate {name:>18}: loss {loss:.2f}, cosine of words {same:5.2f}")

hot = results["runs"]["post-norm"]
curves = {"post-norm": hot["0.003, warm-up 0"], "with a warm-up": hot["0.003, warm-up 200"]}
drawn = results["drawn otherwise"]["post-norm"]
curves["last matrices × 1/√(2N)"] = drawn["last matrices times 1/sqrt(2N)"]
curves["PyTorch's default"] = drawn["PyTorch's default"]
curves["pre-norm"] = results["runs"]["pre-norm"]["0.003, warm-up 0"]
fig, ax = plt.subplots(figsize=(8.5, 3.8), layout="constrained")
for (name, found), color, style in zip(curves.items(), CYCLE, ("-", "--", ":", "-.", "-")):
    losses = torch.tensor([run["curve"] for run in found]).T  # (ten steps, seed)
    at = 10 * torch.arange(1, len(losses) + 1) - 5
    ax.plot(at, losses, style, color=color, alpha=0.3)
    ax.plot(at, losses.mean(dim=1), style, color=color, lw=2.5, label=name)
ax.axhline(torch.tensor(6.0).log(), color=BLACK, lw=1)
ax.text(395, 1.82, "a guess", ha="right", fontsize=8)
ax.set(xlabel="training step", ylabel="loss", ylim=(0, 2.0))
ax.set_title("Twelve blocks at rate 0.003: three ways out for post-norm")
ax.legend(fontsize=8, handlelength=4, loc="upper left", bbox_to_anchor=(1, 1))
show(
    fig,
    alt="Loss over 400 steps, three seeds each, rate 0.003. Post-norm stays on the line of a guess. With a warm-up it leaves it after some "
    "100 steps and reaches 0. With its last matrices drawn smaller, or by PyTorch's default, it falls at once, as soon as pre-norm.",
)

# %% [markdown]
# It was the rate. Where post-norm is stuck, its words are still copies of each other. At a third or a sixth of
# the rate it learns, with every seed; at the full rate after a warm-up, the paper's own cure (chapter 10), or
# drawn smaller: by residual scaling, by PyTorch's default. (Three seeds of these six slip, and recover.)
#
# What pre-norm buys is comfort: it learns at all three rates without a warm-up, at this one at once.
# MiniLM, six layers, is post-norm. GPT-3, 96 layers, is pre-norm.

# %% [markdown]
# ## 7.9 Padding, through a stack
#
# In chapter 04 a mask kept padding out of one attention. In a stack one leak is enough: what leaks in block 1
# is a word's own content in block 2. Four ways to handle the mask in three blocks, and the test of chapter 05:
# change one input, see which outputs notice.


# %%
def reach(masks):
    """(output, input): does the output notice a change of the input? One mask a block."""
    torch.manual_seed(0)
    made, x, rows = stack(PreNorm, 3, 24), torch.randn(1, 9, 24), []
    for t in range(9):
        pair = [x, x.clone()]
        pair[1][:, t] = torch.randn(24)  # another word
        for block, mask in zip(made.blocks, masks):
            pair = [block(each, mask) for each in pair]
        rows.append((pair[0] - pair[1])[0].abs().amax(dim=-1) > 1e-5)
    return torch.stack(rows, dim=1)


mask = padding_mask(torch.tensor([[5, 8, 2, 7, 4, 6, 0, 0, 0]]), pad_id=0)  # (batch, 1, 1, key)
handled = {
    "every block": [mask] * 3,
    "nowhere": [None] * 3,
    "rows for columns": [mask.transpose(-2, -1)] * 3,
    "first block only": [mask, None, None],
}
reached = {name: reach(masks) for name, masks in handled.items()}

# %% jupyter={"source_hidden": true}
print("leaks:", ", ".join(name for name, felt in reached.items() if felt[:6, 6:].any()))
marks = [*"wwwwww", *"···"]
fig, axes = plt.subplots(1, 4, figsize=(12.5, 3.6), layout="constrained")
for ax, (name, felt) in zip(axes, reached.items()):
    mask_picture(felt, marks, ax=ax, title=name)
    ax.set(xlabel="input that is changed", ylabel="output that notices")
    ax.add_patch(plt.Rectangle((6, 0), 3, 6, fill=False, edgecolor=RED, lw=3))
fig.suptitle("The red box must be empty: words may not feel padding")
show(
    fig,
    alt="Four grids of nine outputs by nine inputs, six words and three of padding; a red box marks words feeling "
    "padding. Mask in every block: the box is empty. Nowhere, rows for columns, first block only: it is full.",
)

# %% [markdown]
# "Rows for columns" hides what padding *looks at*, and leaves open who looks at padding. The last is the
# likeliest in real code: a loop that hands the mask to one block only. All three give right shapes.
#
# **Your turn**: `07.pad-test`.

# %% [markdown]
# ## 7.10 Find the bug
#
# This block passes a **parity test**: with the same parts it gives the same numbers, as in 7.6. Where is the
# bug?


# %%
class AuthorsBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff):
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.norm_1 = LayerNorm(d_model)
        self.norm_2 = LayerNorm(d_model)

    def forward(self, x, mask=None):
        x = self.norm_1(x + self.attention(x, mask=mask))
        return self.norm_1(x + self.feed_forward(x))


authors, x = AuthorsBlock(24, 3, 40), torch.randn(2, 7, 24)
parts = authors.attention, authors.feed_forward, authors.norm_1, authors.norm_2
right = post_norm_block(x, *parts)
claim("new, it equals the right block", torch.equal(authors(x), right))

# %% [markdown]
# One character. `norm_1` is used twice and `norm_2` never. Every new LayerNorm holds the same numbers, ones and
# zeros, so at the start the two *are* equal. Let the norms learn something, and see who gets a gradient:

# %%
for norm in parts[2:]:
    nn.init.normal_(norm.weight)
difference = (authors(x) - post_norm_block(x, *parts)).abs().max()
authors(x).square().sum().backward()
print("largest difference with trained norms:", rounded(difference, 1))
print("norm_1 has a gradient:", parts[2].weight.grad is not None, " norm_2:", parts[3].weight.grad)

# %% [markdown]
# Two lessons. A parity test on *fresh* parts can't see an exchange: draw every weight at random first, norms
# included. And ask after one `backward`: does every parameter have a gradient? That finds every part that you
# built and forgot to use.

# %% [markdown]
# ## Summary
#
# - A bare stack forgets: after a few layers all words are alike. **Residual** connections let a sublayer add
#   instead of replace; alone, drawn by Xavier's rule, they let the size explode.
# - **LayerNorm** centres and scales each word's vector, alone: biased variance, $\varepsilon$ inside the root.
#   **RMSNorm** only scales.
# - The **feed-forward** network treats each word alone, with the same matrices: two thirds of the parameters,
#   and a memory with learned keys and values.
# - **Post-norm**, $\text{norm}(x + f(x))$, is the paper's text; **pre-norm**, $x + f(\text{norm}(x))$ and one
#   last norm, its later code.
# - In 24 new blocks no gradient dies going down. In post-norm words become alike on the way up, the sooner the
#   larger the matrices are drawn, and with that the gradient of queries and keys dies.
# - Twelve post-norm blocks learn: at a lower rate, after a warm-up, or drawn smaller. Pre-norm is less
#   particular.
# - The padding mask goes to *every* block.
#
# The reading half is complete. The other tower writes, and has to look over at what has been read: chapter 08.

# %% [markdown]
# ## Quiz

# %%
quiz("07")

# %% [markdown]
# ## Interview questions
#
# Answer aloud before you open the answer.
#
# <details><summary>What is a residual connection for?</summary>
#
# A sublayer adds to its input instead of replacing it. Forward, a word keeps itself, where a bare stack averages all
# words into one. Backward, the gradient has a path that no matrix multiplies.
#
# </details>
#
# <details><summary>LayerNorm or RMSNorm: what differs, and what stays?</summary>
#
# LayerNorm subtracts the mean, divides by the (biased) standard deviation, and has a weight and a bias. RMSNorm
# divides by the root mean square and has a weight. Both act on each token alone. Many newer models use RMSNorm: it is
# a little less work.
#
# </details>
#
# <details><summary>Pre-norm or post-norm for 48 layers? What would you check first?</summary>
#
# Pre-norm, with a final norm: it minds the rate of learning less. Post-norm can be made to work by a warm-up, a lower
# rate, or smaller initial matrices. Check the untrained stack first: size and likeness of words by depth, and the
# gradient of queries and keys apart from the rest.
#
# </details>
#
# <details><summary>The same sentence gets another vector in another batch. What do you suspect?</summary>
#
# Padding reaches real tokens: no mask, a mask on the wrong axis, a mask that one block didn't get, a mean over
# padded positions. Change the padding and find the first block whose words notice. (Or dropout, if `eval()` was
# forgotten.)
#
# </details>

# %% [markdown]
# ## Exercises
#
# Open [exercises/07_encoder.ipynb](exercises/07_encoder.ipynb). About two hours. Each check names your
# mistake if it knows it.
#
# | exercise | asks you to |
# |---|---|
# | `07.layer-norm` | write LayerNorm to the last digit |
# | `07.rms-norm` | write RMSNorm, safe in half precision |
# | `07.missing-residual-bug` | mend a block that forgets its words |
# | `07.swiglu` | write the gated network's forward |
# | `07.equal-width` | say how wide it may be at equal parameters |
# | `07.encoder-block` | write the block, then see it run MiniLM |
# | `07.pre-post-bug` | mend a block between two orders |
# | `07.reader` | build a reader from nothing, dropout and training included |
# | `07.pad-test` | write a test that catches every leak of padding |
#
# Into your box of parts go the two norms, `SwiGLU` and `EncoderBlock`.

# %% [markdown]
# ## Further reading
#
# - Vaswani et al. 2017, *Attention Is All You Need*, sections 3.1, 3.3, 3.4, arXiv:1706.03762.
# - He et al. 2015, *Deep Residual Learning*, arXiv:1512.03385, and 2016, *Identity Mappings*, arXiv:1603.05027.
# - Ba, Kiros and Hinton 2016, *Layer Normalization*, arXiv:1607.06450; Zhang and Sennrich 2019, *Root Mean
#   Square Layer Normalization*, arXiv:1910.07467.
# - Xiong et al. 2020, *On Layer Normalization in the Transformer Architecture*, arXiv:2002.04745: why post-norm
#   needs its warm-up. The other voice: Takase et al. 2023, arXiv:2206.00330.
# - Noci et al. 2022, *Signal Propagation in Transformers*, arXiv:2206.03126, and Dong, Cordonnier and Loukas
#   2021, *Attention Is Not All You Need*, arXiv:2103.03404: words become alike.
# - Radford et al. 2019 (GPT-2), *Language Models are Unsupervised Multitask Learners*, section 2.3: residual
#   scaling. Brown et al. 2020 (GPT-3), arXiv:2005.14165.
# - Rush 2018, *The Annotated Transformer*. Vaswani et al. 2018, *Tensor2Tensor*, arXiv:1803.07416.
# - Geva et al. 2021, *Transformer Feed-Forward Layers Are Key-Value Memories*, arXiv:2012.14913.
# - Shazeer 2020, *GLU Variants Improve Transformer*, arXiv:2002.05202.

# %% [markdown]
# ## Glossary
#
# - **encoder block**: self-attention and a feed-forward network, each with a residual connection and a norm.
# - **sublayer**: one of the parts of a block that read the stream and add to it: the attention, the network.
# - **residual connection**: the way around a sublayer: its output is added to its input, x + f(x).
# - **LayerNorm**: brings each token's vector to mean 0 and variance 1, then scales and shifts it by learned numbers.
# - **RMSNorm**: divides each token's vector by its root mean square; nothing is subtracted.
# - **feed-forward network**: up to a larger width, a bend, and back down; the same matrices for every token.
# - **activation**: the bend between two linear layers: ReLU, GELU, silu.
# - **SwiGLU**: a feed-forward network with three matrices, in which a gate multiplies what another proposes.
# - **pre-norm**: x + f(norm(x)): norms what a sublayer reads; the stack ends with one more norm.
# - **post-norm**: norm(x + f(x)): norms the sum, as in the text of 2017.
# - **residual scaling**: drawing the matrices that write into the stream smaller, by 1/√(2N) for N blocks.
# - **rank collapse**: all tokens of a text become alike on the way up, and queries and keys get no gradient.
