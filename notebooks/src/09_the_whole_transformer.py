# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09 · The whole transformer
#
# **Does the whole thing work?** For seven chapters you have made parts. Chapter 08 put some of them together
# for one job, to its own taste. Now we build the model of the paper, the one that started it all, count every
# number in it, and make it do two things that nobody programs into it: copy a word, and turn it round.
#
# After this chapter you can
#
# - put an encoder–decoder together and follow one word through it, shape by shape,
# - count any such model before you build it, and check a published number,
# - say what its first weights should be, and why one table can do three jobs,
# - train it until it hardly makes a mistake, and read in its attention how it does it,
# - find the mistake that shows only in company.
#
# You need 04 to 08. About 70 minutes, and 90 more for the exercises.

# %%
from dataclasses import replace

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display
from torch import nn

from course_lib.claims import claim
from course_lib.models.seq2seq import BASE, BIG, Seq2Seq, Seq2SeqConfig
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.positions.sinusoidal import sinusoidal_positions
from course_lib.plots import CYCLE, STYLES, attention_map, transformer_map
from course_lib.plots.transformer import PARTS
from course_lib.studies import study
from course_lib.views import attention_hover, outcome, predict, quiz, show, transformer_diagram

torch.set_num_threads(1)
_ = torch.manual_seed(0)

# %% [markdown]
# The drawing, for the first time without a gap:

# %%
show(
    transformer_map(here=None, built=PARTS),
    alt="Drawing of the Transformer: the inside of attention, the encoder and the decoder. Every box is filled in "
    "as built.",
)

# %% [markdown]
# ## 9.1 From letters to scores
#
# `Seq2Seq` is the paper's model, made of the parts that you know. A **configuration** holds all its sizes.
# Ours is small enough to train while you wait: one block on each side, 48 numbers for each token.

# %%
sizes = Seq2SeqConfig(
    source_vocab=29, target_vocab=29, d_model=48, num_heads=2, num_layers=1, d_ff=48, dropout=0.0
)
model = Seq2Seq(sizes)
print(*(name for name, _ in model.named_children()), sep=", ")

# %% [markdown]
# Its tokens are letters, with the three marks of chapter 08 in front: padding, start, end. In this chapter we
# write them as `·`, `^` and `$`. A source ends with `$` too, so that the reader can see where the word is
# over.

# %%
tokens = "·^$abcdefghijklmnopqrstuvwxyz"
PAD, START, END = 0, 1, 2


def ids_of(words):
    """Words -> ids (word, letter), END behind each, filled up with PAD on the right."""
    rows = [torch.tensor([tokens.index(letter) for letter in word + "$"]) for word in words]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)


def text(ids):
    """What stands before the first END."""
    return "".join(tokens[i] for i in ids.tolist()).split("$")[0]


# %% [markdown]
# Two words go in together, and the model shall turn them round. So the shorter one is padded. Three columns:
# what is read, what is given to the writer, what she is asked for.

# %%
source, asked = ids_of(["animal", "it"]), ids_of(["lamina", "ti"])
given = F.pad(asked, (1, 0), value=START)[:, :-1]  # one step apart, as in 8.6
for row in zip(source, given, asked):
    print(*("".join(tokens[i] for i in ids) for ids in row), sep="   ")

# %% [markdown]
# Now through the model, one step a line. Three details are unlike chapter 08:
#
# - **Tokens are scaled.** Each token's row of the table is multiplied by $\sqrt{d_{model}}$ (9.5 says why); then
#   the *waves*, chapter 06's clocks, are added.
# - **The blocks are post-norm**: add, then norm. So no norm is needed after the last one.
# - **The head**, the last layer, which turns vectors into scores, **has no bias**: a score is the dot product
#   of a vector with one row of weights. (The paper does not speak of a bias. It says that the head shares the
#   table's weights, section 3.4, and a table has none.)

# %%
waves = sinusoidal_positions(source.shape[1], 48)
x = model.embed_source.table(source) * 48**0.5 + waves  # (batch, source, d_model)
memory = model.encoder(x, padding_mask(source, PAD))  # (batch, source, d_model)

y = model.embed_target.table(given) * 48**0.5 + waves  # (batch, target, d_model)
back = combine_masks(causal_mask(given.shape[1]), padding_mask(given, PAD))
y = model.decoder(y, memory, back, padding_mask(source, PAD))  # (batch, target, d_model)
scores = y @ model.head.weight.T  # (batch, target, vocab)

# %%
claim("step by step, it is the model", torch.allclose(scores, model(source, given), atol=1e-5))
print("read", tuple(source.shape), "→ memory", tuple(memory.shape), "→ scores", tuple(scores.shape))
alone = model(source[1:, :3], given[1:, :3])
claim('"it" gets the same scores without company', torch.allclose(alone, scores[1:, :3], atol=1e-5))

# %% [markdown]
# The masks are made inside, from the ids, and the last line is their promise: what a word gets does not
# depend on its neighbours in the batch. We come back to it in 9.9.
#
# That is all. The whole model is seven lines of parts that you have written.
#
# **Your turn**: `09.transformer`.

# %% [markdown]
# ## 9.2 How many numbers?
#
# The paper's own model is called **base**: 512 numbers for each token, eight heads, six blocks on each side,
# 2,048 numbers inside the feed-forward network. English and German share one vocabulary of about 37,000
# tokens, and one table serves three times: for the source, for the target, and as the head. Such sharing is
# called **tying**.

# %%
print(BASE)
predict("09.base", "How many million numbers does it learn? What share of them is the table?")

# %% [markdown]
# Every part is counted in a line. Write $d$ for $d_{model}$ and $f$ for $d_{ff}$.
#
# | part | numbers | because |
# |---|---|---|
# | attention | $4(d^2 + d)$ | four layers, each a matrix and a bias |
# | network | $2df + f + d$ | up and down |
# | norm | $2d$ | a weight and a bias |
# | table | $V d$ | one row for each of $V$ tokens |
#
# The encoder's block has one attention, one network, two norms; the decoder's has two attentions and three
# norms. The number of heads doesn't appear: they share the width (chapter 05). Nor does the length of the
# text: the waves are calculated.
#
# To see it in code we need a base model, but not its numbers. On PyTorch's device `meta` a tensor has a shape and
# nothing in it, so the largest model is built in no time.

# %%
with torch.device("meta"):
    base, big = Seq2Seq(BASE), Seq2Seq(BIG)


def count(part):
    """How many numbers a part learns; what is shared inside it counts once."""
    return sum(parameter.numel() for parameter in part.parameters())


table = count(base.embed_source) / count(base)
outcome("09.base", f"{count(base) / 1e6:.1f} million, {table:.0%} of them in the table")

# %% [markdown]
# Do the lines of the table hold? And is the head really the table, or a copy of it?

# %%
reader, writer = base.encoder.blocks[0], base.decoder.blocks[0]
claim("attention", count(reader.attention) == 4 * (512 * 512 + 512))
claim("network", count(reader.feed_forward) == 2 * 512 * 2048 + 2048 + 512)
claim("norm", count(reader.around_attention) == 2 * 512)
claim("the head is the table", base.head.weight is base.embed_source.table.weight)
counted = {"reader's block": reader, "writer's block": writer, "base": base, "big": big}
for name, part in counted.items():
    print(f"{name:14} {count(part):>11,}")

# %% [markdown]
# Where do they sit? The library has a drawing that answers. Point at a box, or walk through it with the arrow
# keys. A bar in each box is its share.

# %%
parts = {
    "source embedding": base.embed_source,
    "encoder self-attention": reader.attention,
    "encoder add & norm 1": reader.around_attention,
    "encoder feed-forward": reader.feed_forward,
    "encoder add & norm 2": reader.around_feed_forward,
    "masked self-attention": writer.self_attention,
    "decoder add & norm 1": writer.around_self,
    "cross-attention": writer.cross_attention,
    "decoder add & norm 2": writer.around_cross,
    "decoder feed-forward": writer.feed_forward,
    "decoder add & norm 3": writer.around_feed_forward,
}
nothing = dict.fromkeys(["source positions", "target embedding", "target positions", "head"], 0)

# %% [markdown]
# (The last line: those that learn nothing of their own.) And each box says what comes out of it:

# %%
read = "source embedding", "source positions", *(name for name in parts if "encoder" in name)
wrote = {*parts, *nothing} - {*read, "head"}
shapes = dict.fromkeys(read, "(batch, source, 512)") | dict.fromkeys(wrote, "(batch, target, 512)")
shapes["head"] = "(batch, target, 37000)"
counts = {name: count(part) for name, part in parts.items()} | nothing
drawing = transformer_diagram(shapes, counts, num_layers=6, title="Base, the model of 2017")
claim("the boxes add up to the model", drawing.total == count(base))
drawing

# %% [markdown]
# Two fifths think (the networks), three tenths look (all attentions together), three tenths know the tokens.
# What the model is famous for holds no more numbers than its vocabulary. And the norms, half of chapter 07,
# are one number in two thousand.

# %% [markdown]
# ## 9.3 What others count
#
# Somebody rebuilds the same model with 32,000 tokens on each side and counts 93.3 million parameters. With *fewer*
# tokens than the paper? Look at what is shared.

# %%
with torch.device("meta"):
    untied = Seq2Seq(replace(BASE, source_vocab=32_000, target_vocab=32_000, tied=False))
    tied = Seq2Seq(replace(BASE, source_vocab=32_000, target_vocab=32_000))
print(f"three tables and a bias in the head: {count(untied) + 32_000:,}")
print(f"one table for all: {count(tied):,}")

# %% [markdown]
# Nothing is tied there: three tables of 32,000 rows instead of one, and a bias in the head. The blocks are
# the same to the last number. A third of that model is two more tables.


# %%
def shares(model):
    """Millions of numbers in tables, attentions, networks and norms."""
    kinds = {"tables": 0, "attentions": 0, "networks": 0, "norms": 0}
    for name, parameter in model.named_parameters():
        if "embed" in name or "head" in name:
            kind = "tables"
        elif "norm" in name:
            kind = "norms"
        else:
            kind = "networks" if "feed_forward" in name else "attentions"
        kinds[kind] += parameter.numel() / 1e6
    return kinds


def draw_shares(ax, models):
    left = [0.0] * len(models)
    for kind, color in zip(("tables", "attentions", "networks", "norms"), CYCLE):
        widths = [shares(model)[kind] for model in models.values()]
        hatch = {"tables": "//", "networks": ".."}.get(kind)
        ax.barh(list(models), widths, left=left, color=color, label=kind, hatch=hatch)
        left = [a + b for a, b in zip(left, widths)]
    ax.set(xlabel="million numbers")
    ax.invert_yaxis()
    ax.legend(fontsize=8, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.25))


# %%
fig, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
draw_shares(ax, {"untied, 32,000": untied, "base, 37,000": base, "big, 37,000": big})
ax.set_title("Untied, most of it is tables; wide, the blocks win")
show(
    fig,
    alt="Three stacked bars of parameters. Untied: 93 million, more than half in tables. Base: 63 million, three "
    "tenths in the table, the rest in attentions and networks. Big: 214 million, mostly attentions and networks.",
)

# %% [markdown]
# **Your turn**: `09.parameter-count`.
#
# ### A detective story (optional)
#
# Now compare with the paper. Its table 3 gives base 65 million and big 213 million. We count 63.1 and 214.2:
# too few, and too many. Did we forget a part? Table 3 has eleven models with a number. Turn the question
# round: *how many tokens would each model need* to come out at the printed number, give or take the half
# million that rounding hides?

# %%
table3 = {  # N blocks, d_model, d_ff, width of all queries, millions printed
    "base": (6, 512, 2048, 512, 65), "d_k = 16": (6, 512, 2048, 128, 58),
    "d_k = 32": (6, 512, 2048, 256, 60), "N = 2": (2, 512, 2048, 512, 36),
    "N = 4": (4, 512, 2048, 512, 50), "N = 8": (8, 512, 2048, 512, 80),
    "d_model = 256": (6, 256, 2048, 256, 28), "d_model = 1024": (6, 1024, 2048, 1024, 168),
    "d_ff = 1024": (6, 512, 1024, 512, 53), "d_ff = 4096": (6, 512, 4096, 512, 90),
    "big": (6, 1024, 4096, 1024, 213),
}  # fmt: skip


# %%
def allowed(bias):
    """For each model the vocabularies that fit; with biases in its attentions (1) or without (0)."""
    ranges = {}
    for name, (n, d, f, narrow, millions) in table3.items():  # queries and keys may be narrower
        attention = 2 * (d * narrow + bias * narrow) + 2 * (d * d + bias * d)
        blocks = n * (3 * attention + 2 * (2 * d * f + f + d) + 5 * 2 * d)
        ranges[name] = [((millions + off) * 1e6 - blocks) / d for off in (-0.5, 0.5)]
    return ranges


for bias, told in ((1, "with biases in attention"), (0, "without")):
    ranges = allowed(bias)
    low = max(start for name, (start, _) in ranges.items() if name != "big")
    high = min(end for name, (_, end) in ranges.items() if name != "big")
    print(f"{told}: one vocabulary fits all but big, {low:,.0f} to {high:,.0f} tokens")
    claim("none of the eleven fits 37,000", not any(a < 37_000 < b for a, b in ranges.values()))

# %%
fig, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
ax.axvspan(low, high, color=CYCLE[1], alpha=0.5, label="fits ten of eleven (no biases)")
ax.axvline(37_000, label="section 5.1: about 37,000", **STYLES["theory"])
for row, (start, end) in enumerate(ranges.values()):
    ax.plot([start, end], [row, row], color=CYCLE[0], linewidth=4, solid_capstyle="butt")
ax.set_yticks(range(len(ranges)), ranges)
ax.invert_yaxis()
ax.set(xlabel="tokens that the printed number allows")
ax.set_title("Ten models of table 3 agree on a vocabulary, but not on the paper's")
ax.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.17))
show(
    fig,
    alt="For each of eleven models a short horizontal bar of possible vocabulary sizes. Ten bars overlap in a narrow "
    "strip at 41,000 tokens. The bar of big lies around 36,000. A dotted line marks 37,000; no bar touches it.",
)

# %% [markdown]
# Ten of the eleven numbers fit our count, if the table has 41,000 rows, whether the attentions have biases (the
# paper does not say) or not. None of them fits 37,000, and the eleventh, *big*, wants 36,000. So we forgot no large
# part of the blocks: that would grow with depth or $d_{ff}$, and these ten would not agree. What is missing is as
# wide as the model and 4,000 rows high. Perhaps "about 37,000" was 41,000 in ten models and not in the eleventh.
# Nobody outside knows.
#
# Mind what a formula can do. It reproduces a table that was printed years ago, and points at the one row that
# needs a question.

# %% [markdown]
# ## 9.4 The first weights
#
# A new model is random numbers. Which? If each layer doubles the size of what passes through, ten make it
# a thousand times larger. One that halves it leaves nothing. Each of the $n_{out}$ outputs of a matrix sums
# $n_{in}$ products; if all is independent with mean 0, its variance is $n_{in}$ times that of a product. So
# weights of variance $1/n_{in}$ keep the size on the way forward. On the way back the gradient meets the same
# matrix from its other side, and wants $1/n_{out}$. **Xavier's** rule (Glorot and Bengio 2010; Xavier is the
# first author's first name) takes the middle:
#
# $$\text{variance} = \frac{2}{n_{in} + n_{out}}, \qquad \text{evenly between } -b \text{ and } b, \quad b =
# \sqrt{\frac{6}{n_{in} + n_{out}}}$$


# %%
def keeps(n_in, n_out, start=None):
    """Size (standard deviation) of what comes out of a fresh layer, for inputs of size 1."""
    layer = nn.Linear(n_in, n_out, bias=False)
    if start is not None:
        start(layer.weight)
    return layer(torch.randn(2000, n_in)).std().item()


starts = {"Xavier": nn.init.xavier_uniform_, "nn.Linear's own": None, "N(0, 1)": nn.init.normal_}
print(f"{'':16} {'square':>7} {'up':>7} {'down':>7}")
for name, start in starts.items():
    row = (keeps(512, 512, start), keeps(512, 2048, start), keeps(2048, 512, start))
    print(f"{name:16}", *(f"{size:7.2f}" for size in row))

# %% [markdown]
# Up leads from 512 numbers to 2,048, down leads back, as in the feed-forward network. Square matrices keep
# the size. Up is too small, down too large: that is the compromise, and one follows the other. PyTorch's own
# start for a linear layer is another rule and shrinks everything to 0.58; weights of size 1 explode. (A norm
# sets the size right again after every sublayer, so a Transformer forgives more than a bare stack of layers
# would.)
#
# **Your turn**: `09.xavier`.

# %% [markdown]
# ## 9.5 One table, three jobs
#
# Tying saves base two tables of three. But the jobs want different things. As the *head*, the table is
# multiplied with vectors of 512 numbers of size 1; for scores of size 1 its own numbers must be of size
# $1/\sqrt{512}$. As an *embedding*, its rows meet waves between -1 and 1, and rows that small would drown.
# Hence the factor on the way in: keep the table small, and multiply by $\sqrt{d_{model}}$.
#
# How much does it matter? `nn.Embedding` starts with numbers of size 1. A model that knows nothing should
# lose about $\ln V$, as chapter 04 said; here 6.9.


# %%
def untrained(num_layers, tied=True, size=None):
    """A fresh model of 1,000 tokens, 256 wide; `size` redraws its embeddings."""
    torch.manual_seed(0)
    made = Seq2Seq(Seq2SeqConfig(1000, 1000, 256, 4, num_layers, 1024, 0.0, tied=tied))
    if size is not None:
        for embedding in (made.embed_source, made.embed_target):
            nn.init.normal_(embedding.table.weight, std=size)
    return made


# %% [markdown]
# Sixteen random texts, four models, nobody trained:

# %%
heard, said = torch.randint(1, 1000, (16, 12)), torch.randint(1, 1000, (16, 13))
for tied in (False, True):
    for name, size in (("small", None), ("of size 1", 1.0)):
        with torch.no_grad():
            scores = untrained(6, tied, size)(heard, said[:, :-1]).flatten(0, 1)
        loss = F.cross_entropy(scores, said[:, 1:].flatten())
        print(f"{'tied' if tied else 'apart':6} table {name:10} loss {loss:5.1f}")

# %% [markdown]
# Apart, the embeddings may start large. Tied and large, the model begins by being *sure*, and wrong: it
# first has to unlearn what it never learned.
#
# Tying has another effect, before any training. Give a tied model a text; its favourite next token at each
# position is whatever scores best.

# %%
predict("09.next", "ONE tied block, untrained: which token does it expect next, at each position?")

# %%
with torch.no_grad():
    favourite = {n: untrained(n)(heard, said[:, :-1]).argmax(dim=-1) for n in (1, 2, 6)}
read, next_one = said[0, :4].tolist(), favourite[1][0, :4].tolist()
outcome("09.next", f"given the tokens {read}, it expects {next_one}")

# %%
for n, expected in favourite.items():
    echo = (expected == said[:, :-1]).float().mean()
    print(f"{n} blocks: in {echo:.0%} of the places, the very token it was given")

# %% [markdown]
# It is an echo. The way around each sublayer (chapter 07) carries the token's own row up to the head, and
# there nothing fits a row better than itself. Six untrained blocks add enough noise to drown it. A stuttering
# model is often not broken, just young.
#
# **Your turn**: `09.tied-head`.

# %% [markdown]
# ## 9.6 Copy
#
# Now the first question: does it work? Copying sounds too easy to be a test. It is not. To write the fifth
# letter the model has to look at the fifth letter of the source, among twelve, knowing neither *fifth* nor
# *look*. All it is given are pairs.
#
# Words are drawn at random, so that nobody can learn them by heart: up to twelve letters. The model practises
# on hard ones, each written with five letters only. They repeat as in *banana*, so "what stands behind the n"
# is no way to find one's place. It is tested on words of any letters.
#
# And "unseen" needs a rule. Training draws new words all the time, so how do we keep 500 for the test? By a
# check digit: the last digit of the sum of a word's ids. Words with a 0 are for the test, those with a 1,
# *develop*, helped to choose the settings, and training gets only the rest.


# %%
def draw(n, part, few=5):
    """n random words, each from an alphabet of `few` letters, (n, 12), filled up with PAD."""
    many = 2 * n + 50 if part == "train" else 20 * n
    length = torch.randint(1, 13, (many, 1))
    length[torch.rand(many) < 0.3] = 12  # the long ones are hard, so there are more of them
    letters = 3 + torch.rand(many, 26).argsort(dim=1)[:, :few]
    words = letters.gather(1, torch.randint(few, (many, 12)))
    words = words.masked_fill(torch.arange(12) >= length, PAD)
    digit = words.sum(dim=1) % 10
    return words[{"train": digit > 1, "develop": digit == 1, "test": digit == 0}[part]][:n]


# %% [markdown]
# What is read, given and asked is built as in 9.1, for a whole batch at once:


# %%
def pair(words, answer):
    """Words and answers (n, 12) -> what is read, given and asked, each (n, 13)."""
    length = (words != PAD).sum(dim=1, keepdim=True)
    read, asked = (F.pad(ids, (0, 1)).scatter(1, length, END) for ids in (words, answer))
    return read, F.pad(asked, (1, 0), value=START)[:, :-1], asked


def copying(words):
    return pair(words, words)


torch.manual_seed(0)  # run again, it is the same words
test = draw(500, "test", few=26)
print(*map(text, copying(draw(6, "train"))[0]))

# %% [markdown]
# The loop is that of chapter 08, with two things of the paper. The rate of learning has a **warm-up**: it rises from
# nothing, here over 60 steps, since a post-norm model minds a hot start (7.8); then it falls to nothing. And
# `betas` are the paper's own. The optimiser is AdamW, Adam's younger brother, which also pulls every number a little
# towards zero. Rate and warm-up were chosen on the develop words, in the middle of what works: 9.8 shows what hangs
# on them, chapter 10 explains.


# %%
def train(model, task, steps, rate=0.008, warm_up=60):
    """Teach `model`; `task(words)` says what is read, given and asked."""
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98))
    for step in range(steps):
        rise, fall = (step + 1) / warm_up, 1 - step / steps
        optimizer.param_groups[0]["lr"] = rate * min(rise, fall)
        read, given, asked = task(draw(64, "train"))
        scores = model(read, given).flatten(0, 1)
        loss = F.cross_entropy(scores, asked.flatten(), ignore_index=PAD)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


# %% [markdown]
# It is judged by what it writes, greedily, as in 8.4. Then the test, once all is chosen.


# %%
@torch.no_grad()
def write(model, read):
    """read (n, seq) -> n words, greedily."""
    memory, given = model.encode(read), torch.full((len(read), 1), START)
    for _ in range(13):
        best = model.decode(given, memory, read)[:, -1:].argmax(dim=-1)
        given = torch.cat([given, best], dim=1)
    return [text(row) for row in given[:, 1:]]


torch.manual_seed(0)
copier = Seq2Seq(sizes, norm=nn.LayerNorm)  # PyTorch's norm, as in 7.8
train(copier, copying, steps=400)
read, _, _ = copying(test)
wrote = write(copier, read)
good = sum(word == text(row) for word, row in zip(wrote, read))
claim("over 495 of 500 unseen words are copied, to the last letter", good > 495)

# %% [markdown]
# All of them, or all but a few: to copy a word takes every letter and END. (Section 9.8 repeats it.) How does it do it? For twelve-letter words, where do the two
# heads look while they write?


# %%
@torch.no_grad()
def looks(model, task, words):
    """Cross-attention of the only decoder block, (batch, heads, query, key)."""
    read, given, _ = task(words)
    _, weights = model.decode(given, model.encode(read), read, return_weights=True)
    return weights[0][1]  # of block 0, (self, cross)


long = test[(test != PAD).all(dim=1)]
places, columns = [*map(str, range(1, 13)), "END"], [*map(str, range(1, 13)), "END"]
copied = looks(copier, copying, long).mean(dim=0)  # (heads, query, key)


def draw_looks(weights, finding, alt):
    """Both heads together, then each of them."""
    fig, axes = plt.subplots(1, 3, figsize=(12.5, 4.4), layout="constrained")
    for ax, table, title in zip(
        axes, [weights.mean(dim=0), *weights], ("both", "head 0", "head 1")
    ):
        attention_map(table, places, columns, ax=ax, title=title)
        ax.set(xlabel="letter that is read", ylabel="letter that is written")
    fig.colorbar(axes[0].collections[0], ax=axes, label="weight", shrink=0.8)
    fig.suptitle(finding)
    return show(fig, alt=alt)


# %%
peaks = copied.mean(dim=0)[:12].argmax(dim=-1)
claim("on average, letter by letter, they look at the same place", peaks.equal(torch.arange(12)))
draw_looks(
    copied,
    "Copying: each letter looks at its own place",
    "Three attention maps of letters written against letters read, averaged over all twelve-letter test words: both "
    "heads together, then each. The diagonal is bright in all of them.",
)

# %% [markdown]
# A diagonal, in both heads. The model was not told that there are places. It was given waves, and learned
# that a query from place 5 should fit a key from place 5.
#
# **Your turn**: `09.exact-match`, and `09.too-good`: was the test a fair one?

# %% [markdown]
# ## 9.7 Backwards
#
# Now turn the word round. A network that reads and writes step by step carries each letter from where it was
# read to where it is written: the last of twelve one step, the first twenty-three. For attention every letter
# is one look away, in any order.
#
# Still, it is not the same task in a mirror. Letter $t$, counted from 0, looks at $\text{length} - 1 - t$, so
# somebody has to know how long the word is. The drawing says who can find out: in the encoder every letter
# may look at END.


# %%
def reversing(words):
    place = (words != PAD).sum(dim=1, keepdim=True) - 1 - torch.arange(12)  # from the last one down
    return pair(words, words.gather(1, place.clamp(min=0)).masked_fill(words == PAD, PAD))


torch.manual_seed(0)
turner = Seq2Seq(sizes, norm=nn.LayerNorm)
train(turner, reversing, steps=600)
read, _, _ = reversing(test)
wrote = write(turner, read)
good = sum(word == text(row)[::-1] for word, row in zip(wrote, read))
claim("over 495 of 500 unseen words are reversed", good > 495)
sentence = "the animal didnt cross the street because it was too tired"
print(*write(turner, ids_of(sentence.split())))

# %% [markdown]
# The sentence of this course, every word turned by a model that has seen neither English nor a rule. Where
# does it look?

# %%
turned = looks(turner, reversing, long).mean(dim=0)
peaks = turned.mean(dim=0)[:12].argmax(dim=-1)
claim("letter 1 looks at letter 12, letter 12 at letter 1", peaks.equal(torch.arange(12).flip(0)))
alt = "Three attention maps as before. The bright line runs from upper right to lower left: the first letter written looks at the twelfth read, the twelfth at the first."
draw_looks(turned, "Reversing: the anti-diagonal", alt)

# %% [markdown]
# This is the picture to keep. No step walks back through the word. The first letter and the last are *one
# look* apart, whatever lies between, and all twelve looks were trained at the same time. Chapter 01 asked
# what was wrong with reading from left to right; here is the answer.
#
# And the length? If the encoder finds it by looking at END, then it should be lost without. So we hide END,
# from the encoder only, with the tool made for it (as in 8.7). And the control: hide a letter instead.


# %%
@torch.no_grad()
def right_without(hidden):
    """Of the words of four letters and more, the share that is right; `hidden` (n, key) not read."""
    seen = padding_mask(read, PAD) & ~hidden[:, None, None]
    memory = turner.encoder(turner.position(turner.embed_source(read)), seen)
    given = torch.full((len(read), 1), START)
    for _ in range(13):
        best = turner.decode(given, memory, read)[:, -1:].argmax(dim=-1)
        given = torch.cat([given, best], dim=1)
    good = [text(row) == text(word)[::-1] for row, word in zip(given[:, 1:], read)]
    return torch.tensor(good)[(read != PAD).sum(dim=1) > 4].float().mean()


place = torch.arange(13).expand(len(read), -1)
letters = [right_without(place == t) for t in range(4)]
claim("with END hidden, fewer than 1 in 10 is right", right_without(read == END) < 0.1)
claim("with any of the first four letters hidden, more than 7 in 10", min(letters) > 0.7)

# %% [markdown]
# It is END that the encoder needs, not any key: two looks, one in the encoder, to find out where the word ends, and
# one across. Try your own: up to twelve letters, a to z. Point at a letter that is written. (Without Python: the map above is what
# you would see.)


# %% tags=["nbval-ignore-output"]
def turn_round(word):
    word = "".join(letter for letter in word.lower() if letter in tokens[3:])[:12] or "a"
    source, size = ids_of([word]), len(word) + 1
    wrote = write(turner, source)[0]
    print(word, "→", wrote, "✓" if wrote == word[::-1] else "✗")
    padded = F.pad(source[:, :-1], (0, 12 - len(word)))
    weights = looks(turner, reversing, padded)[0].mean(dim=0)[:size, :size]
    display(attention_hover([*word[::-1], "$"], weights, [*word, "$"], title="Both heads"))


widgets.interactive(turn_round, word=widgets.Text("mississippi", continuous_update=False))

# %% [markdown]
# ## 9.8 Luck, and what it takes
#
# One run may be luck. A *study* (as in 5.1) trained both tasks with three seeds, the second one also in three
# variants, and over rates and warm-ups.

# %%
record = study("09_copy_and_reverse")
results = record["results"]["runs"]
print(record["command"], "· seeds", record["seeds"], "· torch", record["versions"]["torch"])
for name in ("copy", "reverse"):
    print(f"{name:8}", *(f"{run['test']} of 500" for run in results[name]), sep="   ")
predict("09.no-positions", "No waves on either side, trained alike: how many of 500 are reversed?")

# %%
without = sorted(run["test"] for run in results["no positions"])
outcome("09.no-positions", f"{without[0]} to {without[-1]} of 500")

# %% [markdown]
# Few, but not zero: words of one letter are easily turned, and some are lucky. To this model a source is a
# bag of letters, as chapter 06 said. Now all the runs, first on the way, then at the end. The end is told
# twice: on the test words, and on words written with two letters only, such as *affaf*.

# %%
fig, axes = plt.subplots(1, 2, figsize=(12, 3.8), layout="constrained", width_ratios=[5, 6])
for name, color, style in (("copy", CYCLE[0], "-"), ("reverse", CYCLE[1], "--")):
    for seed, run in enumerate(results[name]):
        steps = torch.arange(len(run["curve"])) * 50
        axes[0].plot(steps, run["curve"], style, color=color, label=None if seed else name)
axes[0].set(xlabel="training step", ylabel="develop words right", ylim=(0, 1.05))
axes[0].set_title("Six runs, six times all the way up")
axes[0].legend()

kinds = ("reverse", "one head", "any letters", "no positions")
for row, kind in enumerate(kinds):
    for run, marker in zip(results[kind], "os^"):
        axes[1].plot(run["test"] / 5, row - 0.15, marker, color=CYCLE[0])
        axes[1].plot(run["two letters"] / 20, row + 0.15, marker, color=CYCLE[3], mfc="none")
axes[1].plot([], [], "o", color=CYCLE[0], label="test words")
axes[1].plot([], [], "o", color=CYCLE[3], mfc="none", label="words of two letters")
axes[1].set_yticks(range(len(kinds)), ["as above", *kinds[1:]])
axes[1].invert_yaxis()
axes[1].set(xlabel="percent reversed without a mistake", xlim=(-3, 103))
axes[1].set_title("Positions are needed; good practice shows on hard words")
axes[1].legend(loc="center left", bbox_to_anchor=(0.05, 0.55))
show(
    fig,
    alt="Left, share of words right over training steps, three runs each: copying nears 1 within 200 steps, reversing later, all six end at 1. "
    "Right, percent reversed by four kinds of model, on test words and on words of two letters: as above and one head at 100; any letters a little "
    "lower on words of two letters; no positions near 10.",
)

# %%
for kind in ("copy", *kinds):
    runs = results[kind]
    wrong = sum(2000 - run["two letters"] for run in runs)
    told = f"{kind:>12}: test {[run['test'] for run in runs]} of 500 right, "
    print(told + f"{wrong} of 6,000 words of two letters wrong")

tuning = record["results"]["tuning"]
fig, ax = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
for (warm_up, rows), style in zip(tuning.items(), ("theirs", "ours")):
    found = torch.tensor(list(rows.values()))  # (rate, seed)
    label = f"warm-up over {warm_up} steps" if int(warm_up) else "no warm-up"
    line = ax.plot(list(rows), found.median(dim=1).values, label=label, **STYLES[style])[0]
    ax.plot(list(rows), found, ".", color=line.get_color(), alpha=0.6)
    print(f"{label:>22}:", *(f"rate {r} {min(s):.2f} to {max(s):.2f};" for r, s in rows.items()))
ax.set(xlabel="highest rate of learning", ylabel="develop words reversed", ylim=(-0.03, 1.05))
ax.set_title("Half the rate is too slow; twice the rate needs a warm-up")
ax.legend()
show(
    ax,
    alt="Share of develop words reversed after 600 steps against the rate, three seeds each. At 0.008 both curves are at 1. At 0.004 both are lower, with the warm-up "
    "more so. At 0.016 it is 1 with the warm-up, and falls apart without it.",
)

# %% [markdown]
# **One head is enough.** The game of 5.1 asked two questions at once. Here every letter asks one.
#
# **Practice matters more than it seems.** Trained on words of any letters, the model is as good on such
# words. Words of two letters find it out. In random words the letter just written mostly stands only once in
# the source, so "go to its neighbour" is nearly as good as counting places, and it looks as if the model had
# learned a little of that. Words that repeat their letters teach it to count.
#
# **So does the rate.** With half of it you would say that 600 steps are not enough for this task; with twice of it
# and no warm-up, that such a model is a matter of luck. Both would be true of the setting, and of nothing
# else. Before you compare two models, tune the rate of each.

# %% [markdown]
# ## 9.9 Find the bug
#
# A common way to write it: `forward` takes masks from its caller, and says what happens if it gets none,
# `src_mask=None`, nothing is hidden. Here is such a forward, writing with *our* trained weights, which hardly make
# a mistake. The caller forgets the mask. What goes wrong?


# %%
@torch.no_grad()
def write_unmasked(model, read, src_mask=None):
    """Whoever calls may pass a mask."""
    memory = model.encoder(model.position(model.embed_source(read)), src_mask)
    given = torch.full((len(read), 1), START)
    for _ in range(13):
        y = model.position(model.embed_target(given))
        y = model.decoder(y, memory, causal_mask(given.shape[1]), src_mask)
        given = torch.cat([given, model.head(y)[:, -1:].argmax(dim=-1)], dim=1)
    return [text(row) for row in given[:, 1:]]


words = sentence.split()
one_by_one = [write_unmasked(turner, ids_of([word]))[0] for word in words]
claim("each word alone: all are right", one_by_one == [word[::-1] for word in words])
predict("09.company", "All test words in one batch: what percent of 11-letter words is right?")

# %%
lengths = (test != PAD).sum(dim=1)
read, _, _ = reversing(test)
correct = {}
for name, writer in (("masks from the ids", write), ("no masks", write_unmasked)):
    hits = torch.tensor([w == text(r)[::-1] for w, r in zip(writer(turner, read), read)])
    correct[name] = [hits[lengths == n].float().mean().item() for n in range(1, 13)]
outcome("09.company", f"about {round(correct['no masks'][10], 1):.0%}")

# %%
claim("one letter of padding: fewer than 1 in 10 is right", correct["no masks"][10] < 0.1)
fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
for (name, curve), style in zip(correct.items(), ("ours", "theirs")):
    ax.plot(range(1, 13), curve, label=name, **STYLES[style])
ax.set(xlabel="letters in the word", ylabel="share right")
ax.set(
    xticks=range(1, 13),
    ylim=(-0.05, 1.05),
    title="Without masks, a single letter of filler is too much",
)
ax.legend(loc="center left")
show(
    ax,
    alt="Share of words right against the number of letters. With masks from the ids it is 1, or nearly, for all lengths. Without "
    "masks it is 1 for twelve letters, which need no padding, and 0 for nearly all shorter words.",
)

# %% [markdown]
# The same word, the same weights, a longer neighbour in the batch: another answer. The model looks for END to
# count from, and everything behind it, which it has never seen, joins in. Nothing crashes, the shapes fit,
# and a test with one word at a time, or with words of equal length, passes. (A model that is *trained* this
# way may learn to live with filler, of the lengths that it saw.) Two lessons. A test for a batch needs
# unequal lengths. And a mask that the caller may forget will be forgotten: `Seq2Seq` builds its masks itself,
# from the ids.
#
# **Your turn**: another bug of whole models, `09.shared-blocks-bug`. It would have shown in 9.2.

# %% [markdown]
# ## Summary
#
# - The model of 2017 in short: table, scale, waves, encoder; table, scale, waves, decoder; head. Masks
#   are made from the ids.
# - Attention $4(d^2+d)$, network $2df+f+d$, norm $2d$, table $Vd$. Base has 63.1 million at 37,000 tokens;
#   ten of the eleven printed counts fit 41,000, and none fits 37,000.
# - Count what is shared once: three tables instead of one make 93.3 million.
# - Xavier is a compromise between the way forward and the way back. A tied table must start small, hence
#   $\sqrt{d_{model}}$ on
#   the way in; untrained and shallow, it echoes.
# - Copy is a diagonal, reverse an anti-diagonal: any two places are one look apart.
# - Practise on what is hard, keep the test words apart by a rule, tune the rate, and repeat with other seeds.
# - Test batches with unequal lengths.
#
# The loop that trained it is a black box still: an optimiser, a rate that rises and falls, a loss. What makes it
# learn? Chapter 10.
#
# ## Quiz

# %%
quiz("09")

# %% [markdown]
# ## Interview questions
#
# Answer aloud before you open the answer.
#
# <details><summary>Where are the parameters of a Transformer, and what changes the shares?</summary>
#
# In a block of width $d$ with $d_{ff} = 4d$: $4d^2$ in each attention, $8d^2$ in the network, next to nothing
# in the norms. The tables have $Vd$ each. Twice the width makes blocks four times as large and tables only
# twice: small models are mostly tables, large ones mostly blocks.
#
# </details>
#
# <details><summary>What is weight tying, and what has to change with it?</summary>
#
# One table serves as embedding and as head (and for both languages, if they share a vocabulary). It saves
# $Vd$ numbers for each table saved. The head needs numbers of size $1/\sqrt{d}$, or the untrained model is
# sure of nonsense; the way in makes up for it with a factor of $\sqrt{d}$.
#
# </details>
#
# <details><summary>Why not start with all weights zero, or with N(0, 1)?</summary>
#
# With zeros all units of a layer get the same gradient and stay alike, or get none. With $N(0, 1)$ every
# layer multiplies sizes by $\sqrt{n_{in}}$. Xavier's variance $2/(n_{in}+n_{out})$ is the compromise between
# keeping outputs and keeping gradients.
#
# </details>
#
# <details><summary>One training step of an encoder–decoder: which masks, which shift?</summary>
#
# Source ids go through the encoder under their padding mask. The target, shifted right behind a start token,
# goes through the decoder: looking back under causal and padding mask, looking over under the *source's*
# padding mask. The logits are compared with the target that ends with END; padding is left out of the loss.
#
# </details>
#
# <details><summary>Your model is perfect alone and wrong in a batch. What do you look for?</summary>
#
# Padding that somebody looks at: a mask that is missing in the encoder or in cross-attention, of the wrong
# shape, or turned round. Then padding that takes part in a mean or in the loss. Test one sequence alone and
# in longer company.
#
# </details>
#
# <details><summary>Why is reversing hardly harder than copying for attention, and what makes it so?</summary>
#
# Any two places are one look apart, so distance costs nothing. But the place to look at depends on the
# length, and somebody has to find that out first: here the encoder, by looking at END.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Open [exercises/09_the_whole_transformer.ipynb](exercises/09_the_whole_transformer.ipynb). About 90 minutes.
# Each check names your mistake if it knows it.
#
# | exercise | asks you to |
# |---|---|
# | `09.parameter-count` | count a model before it is built |
# | `09.xavier` | draw the first weights |
# | `09.tied-head` | give one table two jobs |
# | `09.transformer` | write the whole model from given parts |
# | `09.shared-blocks-bug` | mend a stack of six blocks with the parameters of one |
# | `09.exact-match` | judge words, right to the end |
# | `09.too-good` | write the test that a leaked word does not pass |
#
# Into your box of parts goes the model itself. The box is full: everything in the drawing is yours.

# %% [markdown]
# ## Further reading
#
# - Vaswani et al. 2017, *Attention Is All You Need*, sections 3 and 5, table 3. arXiv:1706.03762.
# - Glorot and Bengio 2010, *Understanding the difficulty of training deep feedforward neural networks*:
#   Xavier's rule.
# - Press and Wolf 2017, *Using the Output Embedding to Improve Language Models*: tying. arXiv:1608.05859.
# - Graves et al. 2014, *Neural Turing Machines*: copying as a test of memory. arXiv:1410.5401.
# - Kingma and Ba 2014, *Adam*, arXiv:1412.6980; Loshchilov and Hutter 2017, *Decoupled Weight Decay Regularization*
#   (AdamW), arXiv:1711.05101.
# - Rush 2018, *The Annotated Transformer*: the paper's text beside code,
#   nlp.seas.harvard.edu/annotated-transformer.
