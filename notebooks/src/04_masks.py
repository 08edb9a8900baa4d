# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · Masks
#
# **How do you hide the answer from a model that sees everything at once?** In chapter 02 every word looked at
# every other. That is fine for reading and fatal for writing: whoever may look at the next word has no need to
# guess it. And in a batch of sentences short ones are filled up with words that mean nothing, **padding**, which
# nobody should look at.
#
# One tool does both. A **mask** is a grid of yes and no, one row for each query, one column for each key. In
# this course `True` means *may look* (papers say *attend to*).
#
# **After this chapter you can**
#
# - build a causal mask, a padding mask and both together, and prove that nothing leaks;
# - say what becomes of a query that may look nowhere, and keep it from spoiling your model;
# - find three mask bugs that raise no error;
# - look up what `True` means before you hand a mask to PyTorch;
# - build a model that writes, letter by letter.
#
# **You need** chapters 01 to 03. **Time**: about 65 minutes, and 100 more for the exercises, 40 of them for the
# model.

# %%
import math

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display

from course_lib.claims import claim, rounded
from course_lib.data.corpora import shakespeare
from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.plots import RED, STYLES, attention_map, mask_picture, transformer_map
from course_lib.pretrained.minilm import encode, encode_batch, load_minilm
from course_lib.views import attention_hover, outcome, predict, quiz, show

torch.manual_seed(0)
torch.set_num_threads(1)
print("ready")

# %% jupyter={"source_hidden": true}
built = ("queries, keys, values", "scores", "softmax", "weighted sum")
show(
    transformer_map("masks", built),
    alt="The Transformer of 2017. Lit: masks, between scores and softmax inside every attention "
    "box. Already built: queries, keys and values, scores, softmax, weighted sum.",
)

# %% [markdown]
# ## 4.1 Sixteen guesses at once
#
# Take 16 letters of Shakespeare. At every position the model has to guess the letter that comes next. We know
# all 17, so all 16 guesses are trained in one go.
#
# A model that gives probabilities for the next piece of a text is a **language model**. It writes by guessing one
# piece, putting it behind the text, and reading on from there: such a model is called **autoregressive**.
#
# Our model is attention with nearly everything taken away. Its scores are a table of 16 × 16 learned numbers,
# the same for every text. So it cannot learn *what* to look at, only *where*: rows are queries, columns are
# keys. Its values are a second learned table: each letter's opinion of every letter that might come next.
#
# The loss is the cross-entropy of chapter 01, averaged over all guesses; 0 is perfect. Two marks to compare with:
# guessing blindly among $V$ letters costs $\ln V$, and who knows how often each letter comes, and no more, does better.

# %%
text = shakespeare()[:200_000]
letters = sorted(set(text))
ids = torch.tensor([letters.index(letter) for letter in text])
windows = ids.unfold(0, 17, 1)  # (start, 17): every stretch of 16 letters and the next
blind = math.log(len(letters))  # the loss of guessing blindly
share = ids.bincount() / len(ids)  # how often each letter comes
frequent = float(-(share * share.log()).sum())  # the loss of who knows only that
print(repr(text[:17]), "→", windows[0, :5].tolist(), "…", len(letters), "different letters")

# %% [markdown]
# What a mask hides gets the score $-\infty$ (`masked_fill`), and with it no weight; why so, in 4.2.


# %%
everything = torch.ones(16, 16, dtype=torch.bool)  # every query may look everywhere
past = everything.tril()  # only at itself and what came before


def guess_loss(scores, table, mask, batch):
    """batch (batch, 17); scores (query, key); table (letter, letter) -> mean loss."""
    weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    guesses = weights @ table[batch[:, :-1]]  # (batch, query, letter)
    return F.cross_entropy(guesses.flatten(0, 1), batch[:, 1:].flatten())


def train(mask, rate=0.3):
    """Learn scores and table under a mask; at each step, the loss and the loss when writing."""
    scores = torch.zeros(16, 16, requires_grad=True)
    table = torch.zeros(len(letters), len(letters), requires_grad=True)
    optimizer = torch.optim.Adam([scores, table], lr=rate)
    losses = []
    for _ in range(200):
        batch = windows[torch.randint(len(windows), (64,))]
        loss = guess_loss(scores, table, mask, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append((loss.item(), guess_loss(scores, table, past, batch).item()))
    return scores.detach(), table.detach(), losses


# %% [markdown]
# We train it once with a mask that hides the future, and six times as it is: on other batches, and at two learning
# rates. When you *write*, the future is not there yet. So we judge all with the future hidden.

# %%
masked = train(past)
free = [train(everything, rate) for rate in (0.3, 0.3, 0.3, 0.1, 0.1, 0.1)]
print(f"loss: blind guessing {blind:.2f}, by how often each letter comes {frequent:.2f}")
print("last step without a mask", rounded([losses[-1][0] for _, _, losses in free], 2), end=", ")
print(f"with it {masked[2][-1][0]:.2f}")
predict("04.cheat", "How many of the six write better than the letters' frequencies?")

# %%
fresh = windows[torch.randint(len(windows), (2000,))]
writing = [guess_loss(s, table, past, fresh).item() for s, table, _ in free]
outcome("04.cheat", f"{sum(loss < frequent for loss in writing)} of 6")

# %% jupyter={"source_hidden": true}
print("loss when writing: trained without a mask", rounded(writing, 2), end=", ")
print(f"with it {guess_loss(*masked[:2], past, fresh):.2f}")
fig, axes = plt.subplots(1, 3, figsize=(12, 3.9), layout="constrained")
orange = STYLES["theirs"]["color"]
for i, (_, _, losses) in enumerate(free):
    name = "" if i else "six without a mask, writing"
    axes[0].plot([loss for _, loss in losses], label=name, color=orange, linestyle=":")
axes[0].axhline(frequent, label="letters' frequencies", color="black", linewidth=1)
axes[0].plot([loss for loss, _ in masked[2]], label="future hidden", color=STYLES["ours"]["color"])
cheat = [loss for loss, _ in free[0][2]]
axes[0].plot(cheat, label="one of them, training", color=orange, linestyle="--")
axes[0].set(xlabel="training step", ylabel="loss", title="Without a mask: too good", ylim=(0, None))
axes[0].legend(loc="center right", bbox_to_anchor=(1, 0.28), fontsize=8)
for ax, (scores, _, _), seen, title in (
    (axes[1], free[0], everything, "No mask: everyone looks one ahead"),
    (axes[2], masked, past, "Future hidden: the last letters count"),
):
    weights = scores.masked_fill(~seen, -torch.inf).softmax(dim=-1)
    attention_map(weights, range(16), mask=seen, ax=ax, title=title)
fig.colorbar(axes[2].collections[0], ax=axes[2], label="weight")
show(
    fig,
    alt="Left: without a mask the training loss falls almost to 0, while the six losses when writing dip just below "
    "the line of the letters' frequencies and rise far above it; with the future hidden the loss stays well below. "
    "Middle: weights without a mask, a bright line just above the diagonal and a dim last row. Right: weights with "
    "the mask, bright on the diagonal, upper half hatched.",
)

# %% [markdown]
# The models with the best training loss write worse than somebody who only knows how often each letter comes. It was
# not so all along. Follow the dotted curves: all six learn something about letters first, and fall below the black
# line. Then they find a shorter way.
#
# The picture in the middle shows it. Nobody told the model to cheat; training found the line one step *above* the
# diagonal, where the answer lies. (Only the last row has no answer to copy, and is left with a blur.) On the right the
# same training, with the future hidden, finds something honest: the current letter and the one before it.
#
# A loss that is too good is the symptom. You will meet it again in chapter 08.

# %% [markdown]
# ## 4.2 The causal mask
#
# The rule is one comparison of positions: key $j$ may be seen by query $i$ when $j \le i$. Such a mask is
# called a **causal mask**.

# %%
tokens = "The animal didn't cross the street".split()
position = torch.arange(len(tokens))
may_look = position[None, :] <= position[:, None]  # (query, key)
claim("the same as the course's builder", torch.equal(may_look, causal_mask(len(tokens))))
show(
    mask_picture(may_look, tokens, title="Causal: each word sees itself and the past"),
    alt="A grid of six words by six: bright on and below the diagonal, hatched (hidden) above it.",
)

# %% [markdown]
# And this is how a mask acts: before the softmax, hidden scores become $-\infty$. Since $e^{-\infty} = 0$,
# they weigh exactly nothing, and the others share the whole.
#
# $$\text{weights} = \operatorname{softmax}(\text{scores with } -\infty \text{ where hidden})$$


# %%
def attention_weights(scores, mask):
    """scores (query, key), mask (query, key), True = may look -> weights (query, key)."""
    return scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)


print(rounded(attention_weights(torch.randn(4, 4), causal_mask(4))))

# %% [markdown]
# Every row sums to 1. The first word can only look at itself. With equal scores each row shares 1 out evenly over its
# past, and weights times values are the *averages of the past*, at all places at once:

# %%
values = torch.tensor([[2.0], [4.0], [9.0], [1.0]])  # (key, 1)
even = attention_weights(torch.zeros(4, 4), causal_mask(4))
print(rounded(even))
print("one product:", rounded((even @ values)[:, 0]))
print("one by one: ", [rounded(values[:n].mean()) for n in range(1, 5)])

# %% [markdown]
# One triangle replaces a loop over the past. Attention puts shares that it chooses in place of the
# even ones.
#
# **Does nothing leak?** Don't trust the picture; change the future and see who notices. MiniLM, the real model of
# chapter 03, reads our sentence and its twin, which differs in one word near the end. It has six layers, and through
# each of them news can travel on.

# %%
model, tokenizer = load_minilm()
tired, names = encode(tokenizer, "The animal didn't cross the street because it was too tired")
wide, _ = encode(tokenizer, "The animal didn't cross the street because it was too wide")
changed = (tired != wide).nonzero()[0, 1].item()
no_future = causal_mask(len(names))
print(changed, "tokens stand before the changed one:", *names[:changed])
predict("04.future", "How many of these 13 get another output: without a mask, with a causal one?")


# %%
@torch.no_grad()
def shift(mask=None):
    """How far each token's output moves between the twins, (seq,)."""
    return (model(tired, mask) - model(wide, mask))[0].abs().amax(dim=-1)


reached = [int((moved[:changed] > 0).sum()) for moved in (shift(), shift(no_future))]
outcome("04.future", f"{reached[0]} without a mask, {reached[1]} with")

# %% jupyter={"source_hidden": true}
fig, ax = plt.subplots(figsize=(9, 3.4), layout="constrained")
place = torch.arange(len(names))
ax.bar(place - 0.2, shift(), 0.4, label="no mask", color=STYLES["theirs"]["color"], hatch="//")
ax.bar(place + 0.2, shift(no_future), 0.4, label="causal mask", color=STYLES["ours"]["color"])
ax.set_xticks(place, names, rotation=60)
ax.set_ylabel("largest change of the output")
ax.set_title("Change one word: with a causal mask the past feels nothing")
ax.legend()
show(
    ax,
    alt="Bars for the fifteen tokens. Without a mask every token's output moves. With a causal mask only "
    "the changed word and the closing token move; the thirteen before them have no bar at all.",
)

# %% [markdown]
# Not small: zero. Every path into the past is cut in every layer, so no depth can bring it back.
#
# **Your turn**: `04.no-peeking`. This test is worth more than any look at a mask.
#
# There is a gift in it. The output at "it" under a causal mask is *the same as if the text had ended there*.
# So one pass over a text of $n$ words gives $n$ guesses, each as honest as if you had cut the text by hand:

# %%
with torch.no_grad():
    together = model(tired, no_future)[0]  # (seq, d_model), one pass
    gap = max(
        (model(tired[:, :n], causal_mask(n))[0, -1] - together[n - 1]).abs().max()
        for n in range(1, len(names) + 1)
    )
claim("one masked pass equals fifteen passes over the beginnings", gap < 1e-4)

# %% [markdown]
# MiniLM was trained without a mask, so this is not how it wants to be used. But its weights show who can look where.
# Point at "it", then at "animal":

# %%
with torch.no_grad():
    _, layers = model(tired, no_future, return_weights=True)
head = layers[3][0, 1]  # (query, key): layer 3, the only sentence, head 1
attention_hover(names, head, title="Layer 3 head 1, future hidden", start=names.index("it"))

# %% [markdown]
# "it" finds "animal", which came before it. In the twin it would look the same way: the word that decides, "tired" or
# "wide", comes later, and is hidden. "animal" cannot find "it": those columns are closed.

# %% [markdown]
# ## 4.3 Fewer queries than keys
#
# A model that writes has read five words, say, and asks only for the newest two: two queries, five keys.
# Which row of the grid is theirs? They are the *last* two words, so the mask is aligned at the bottom right.
# `tril` of a grid that is not square starts at the top left:

# %%
naive = torch.ones(2, 5, dtype=torch.bool).tril()
fig, axes = plt.subplots(1, 2, figsize=(8, 2.6), layout="constrained")
newest = ["word 3", "word 4"]
read = [f"word {i}" for i in range(5)]
mask_picture(naive, newest, read, ax=axes[0], title="tril: they see the oldest words")
mask_picture(causal_mask(2, 5), newest, read, ax=axes[1], title="ours: they see their past")
show(
    fig,
    alt="Two grids of two queries and five keys. Left, tril: word 3 sees word 0 alone, word 4 sees words 0 "
    "and 1. Right: word 3 sees words 0 to 3, word 4 sees all five.",
)

# %% [markdown]
# On the left, the newest word cannot see itself. Nothing crashes: the shape is right, the rows sum to 1.
# PyTorch's own shortcut `is_causal=True` takes the left picture:

# %%
query, key, value = torch.randn(1, 2, 8), torch.randn(1, 5, 8), torch.randn(1, 5, 8)
shortcut = F.scaled_dot_product_attention(query, key, value, is_causal=True)
ours, _ = scaled_dot_product_attention(query, key, value, causal_mask(2, 5))
top_left, _ = scaled_dot_product_attention(query, key, value, naive)
claim("is_causal aligns at the top left", torch.allclose(shortcut, top_left, atol=1e-5))
claim("and gives other numbers than our mask", not torch.allclose(shortcut, ours, atol=1e-2))

# %% [markdown]
# With as many queries as keys both agree, so a test with square sizes does not notice.
#
# **Your turn**: `04.causal-mask`.

# %% [markdown]
# ## 4.4 Padding
#
# Three sentences as one batch, filled up with the token `[PAD]`. Its number, here 0, is the **pad id**; other
# vocabularies choose others.

# %%
batch_ids, batch_tokens = encode_batch(
    tokenizer, ["The animal was tired", "It slept", "The street was too wide to cross"]
)  # (batch, key)
for row in batch_tokens:
    print(*row)
print(batch_ids.shape, padding_mask(batch_ids, pad_id=0).shape)

# %% [markdown]
# The **padding mask** compares each id with the pad id, and gets two axes of size 1: the shape is `(batch, 1, 1, key)`.
# Whether a key is padding is the same for every head and every query, so those axes are stretched (broadcasting, chapter
# 00; its trap comes in 4.8). The padded positions still ask; nobody reads what they get.
#
# How bad is it to forget the mask? The same sentence, with more and more padding behind it:


# %%
@torch.no_grad()
def padded(ids, pads, masked):
    """MiniLM's outputs for `ids` and `pads` tokens of padding, (seq + pads, d_model)."""
    ids = F.pad(ids, (0, pads), value=0)
    return model(ids, padding_mask(ids, 0) if masked else None)[0]


alone, many = model(tired)[0].detach(), (0, 1, 2, 4, 8, 16, 32, 64)
drift = {
    masked: [float((padded(tired, p, masked)[: len(names)] - alone).abs().max()) for p in many]
    for masked in (True, False)
}
claim("with the mask, padding changes nothing", max(drift[True]) < 1e-4)
print("without it, by number of pads:", dict(zip(many, rounded(drift[False], 2), strict=True)))

# %% [markdown]
# Without the mask the answer for your sentence depends on *who else was in the batch*, and no error tells. (Padding can
# stand on the left as well. When texts are to be continued it mostly does, so that all end at the same place.)
#
# **Your turn**: `04.padding-mask`.

# %% [markdown]
# ## 4.5 Several masks at once
#
# A query may look where *every* mask lets it: masks combine with `&`, *and*, and their shapes broadcast. (Here `w` is a
# word, a dot is padding.)

# %% jupyter={"source_hidden": true}
right = padding_mask(torch.tensor([[7, 3, 9, 4, 0, 0]]), 0)  # four words, two pads
left = padding_mask(torch.tensor([[0, 0, 7, 3, 9, 4]]), 0)
causal, both = causal_mask(6), combine_masks(causal_mask(6), right)
print(*(tuple(m.shape) for m in (causal, right)), "→", tuple(both.shape))
pictures = {
    "causal": (causal, "w w w w w w"),
    "padding on the right": (right[0, 0].expand(6, 6), "w w w w • •"),
    "causal & right padding": (both[0, 0], "w w w w • •"),
    "causal & left padding": (combine_masks(causal, left)[0, 0], "• • w w w w"),
}
fig, axes = plt.subplots(1, 4, figsize=(12, 3.6), layout="constrained")
for ax, (title, (grid, marks)) in zip(axes, pictures.items(), strict=True):
    mask_picture(grid, marks.split(), ax=ax, title=title)
axes[3].add_patch(plt.Rectangle((0, 0), 6, 2, fill=False, edgecolor=RED, lw=4))
fig.suptitle("Four masks, and two rows that may look nowhere\n")
show(
    fig,
    alt="Four grids of six by six; w is a word, a dot is padding. Causal: a triangle. Padding on the right: "
    "the last two columns hidden. Both: the triangle without those columns. Causal with padding on the "
    "left: a smaller triangle at the bottom right, and the first two rows, framed in red, are hidden altogether.",
)

# %% [markdown]
# Look at the last grid. The first two rows are `False` everywhere: padding at the very start may look at nothing, since
# up to it there is nothing but padding.
#
# **Your turn**: play with the four knobs, and make such a row in another way, without padding on the left. (A *window*
# keeps only the newest few keys.) Then predict both numbers of the title without the
# machine: `04.visible-pairs`.


# %% tags=["nbval-ignore-output"]
@widgets.interact(left=(0, 4), right=(0, 4), window=(1, 8), causal=True)
def draw(left=2, right=1, window=8, causal=True):
    ids = torch.tensor([[0] * left + [1] * (8 - left - right) + [0] * right])
    looking = causal_mask(8, window=window) if causal else torch.ones(8, 8, dtype=torch.bool)
    grid = combine_masks(looking, padding_mask(ids, 0))[0, 0]
    empty = int((~grid.any(dim=1)).sum())
    title = f"{int(grid.sum())} pairs may look, {empty} rows are empty"
    marks = ["w" if i else "•" for i in ids[0].tolist()]
    display(show(mask_picture(grid, marks, title=title), alt=f"A mask of eight by eight: {title}."))


# %% [markdown]
# Two more that papers use. With a **prefix mask** a question is read in both directions and only the answer is
# guessed: the first few keys are open to everyone, so for once masks combine with `|`, *or*. **Packing** saves
# the padding: short texts stand end to end in one row, and here each sees only itself. (Absolute positions must start anew: chapter 06.)

# %%
text_number = torch.tensor([0, 0, 0, 1, 1, 1, 1, 2])  # three texts in one row
packed = causal_mask(8) & (text_number[:, None] == text_number)  # (query, key)
prefix = causal_mask(8) | (torch.arange(8) < 3)  # a question of three words
row = torch.randn(1, 8, 4)
together, _ = scaled_dot_product_attention(row, row, row, packed)
alone = [
    scaled_dot_product_attention(part, part, part, causal_mask(part.shape[1]))[0]
    for part in row.split([3, 4, 1], dim=1)
]
claim(
    "packed, each text attends as by itself",
    torch.allclose(together, torch.cat(alone, 1), atol=1e-6),
)
print("tokens: padded to the longest", 3 * 4, " packed", 8)

# %% jupyter={"source_hidden": true}
fig, axes = plt.subplots(1, 2, figsize=(8.5, 4), layout="constrained")
mask_picture(prefix, [*"qqqaaaaa"], ax=axes[0], title="Prefix: all see the question")
mask_picture(packed, [*"11122223"], ax=axes[1], title="Packed: three texts, three triangles")
show(
    fig,
    alt="Two grids of eight by eight. Prefix, three tokens of a question (q) and five of an answer (a): the first "
    "three columns are open to all rows, the rest is a triangle. Packed: three triangles on the diagonal, of sizes "
    "three, four and one; all else is hidden.",
)

# %% [markdown]
# ## 4.6 The row that may look at nothing
#
# Softmax divides by the sum of what is left. In an empty row nothing is left.

# %%
predict("04.hidden-row", "Three keys with scores 2, 1 and 0, all hidden: which three weights?")

# %%
scores = torch.tensor([[2.0, 1.0, 0.0]])  # (query, key)
nothing = torch.zeros(1, 3, dtype=torch.bool)  # may look: nowhere
value = torch.ones(3, 4, requires_grad=True)
(attention_weights(scores, nothing) @ value).sum().backward()
outcome("04.hidden-row", rounded(attention_weights(scores, nothing)))

# %% [markdown]
# Every score became $-\infty$, and $e^{-\infty} / \sum e^{-\infty}$ is $0/0$: `nan`, not a number. One such
# row is enough: the loss becomes `nan`, and with the gradient all that the model has learned. Where the loss leaves the row out,
# only the gradient is `nan`.
#
# "Then take a large negative number instead." Some code *fills* hidden scores with such a number, some *adds*
# it to them. Try them all on our row:

# %% tags=["tells"]
claim("every gradient that came back to the values was nan, too", value.grad.isnan().all())
row_two_empty = torch.tensor([[True, True, True], [False, False, False]])
loss = (attention_weights(scores.expand(2, 3), row_two_empty) @ value)[0].sum()  # without row 2
print(
    "loss without it:", rounded(loss), " gradient:", torch.autograd.grad(loss, value)[0][0].tolist()
)
half = scores.half()  # float16: two bytes a number
recipes = {
    "fill −∞": attention_weights(scores, nothing),
    "fill −10⁹": scores.masked_fill(~nothing, -1e9).softmax(dim=-1),
    "add −10⁹": (scores - 1e9).softmax(dim=-1),
    "add −10⁶": (scores - 1e6).softmax(dim=-1),
    "add −10⁴": (scores - 1e4).softmax(dim=-1),
    "add −10⁴, float16": (half - 1e4).softmax(dim=-1).float(),
    "add −10⁹, float16": (half + torch.tensor(-1e9).half()).softmax(dim=-1).float(),
}

# %% tags=["tells"] jupyter={"source_hidden": true}
for number, dtype in ((1e9, torch.float32), (1e6, torch.float32), (1e4, torch.float16)):
    here, infinity = torch.tensor([number, torch.inf], dtype=dtype)
    step = torch.nextafter(here, infinity) - here  # to the next number this type knows
    print(dtype, f"near {number:,.0f}: steps of", step.item())
print("float16 ends at", torch.finfo(torch.float16).max)
ax = attention_map(
    torch.cat(list(recipes.values())),
    list(recipes),
    ["score 2", "score 1", "score 0"],
    values=True,
    title="One hidden row, three answers; all are wrong",
)
ax.set(ylabel="what the code does")
for row in (0, 6):
    ax.text(1.5, row + 0.5, "nan   nan   nan", ha="center", va="center", backgroundcolor="white")
show(
    ax,
    alt="A table of seven recipes by three keys. Minus infinity, and adding in float16 minus ten to the nine, "
    "are hatched: nan. Filling with or adding minus ten to the nine gives a third each. Adding minus ten to the "
    "six or to the four gives 0.67, 0.24 and 0.09, as if nothing were hidden; in float16 a third each.",
)

# %% [markdown] tags=["tells"]
# Three different answers, and no error message. The reason is how finely a float can count (the lines above the table):
#
# - **`nan`**, hatched, with $-\infty$. Float16 ends at 65,504, so there $-10^9$ *is* $-\infty$.
# - **An average** over everything the row was told not to see. Near $10^9$, in steps of 64, our scores 2, 1
#   and 0 are rounded away. In float16 that happens at $10^4$ already.
# - **No mask at all**: in float32, $-10^6$ keeps the differences, to the nearest 1/16, and differences are all
#   that softmax feels.
#
# What would be right? A query that may look nowhere has nothing to say: weights of 0, and an output of 0. That is
# what the course's function gives:

# %%
inputs = [torch.randn(2, 3), torch.randn(3, 3), torch.randn(3, 4)]  # queries, keys, values
two_rows = torch.tensor([[False, False, False], [True, True, False]])
print(rounded(scaled_dot_product_attention(*inputs, two_rows)[1]))

# %% [markdown]
# How would you get there? Two repairs that look as good: fill the *output* of empty rows with 0; or add $-\infty$
# instead of filling, then turn `nan` into 0. Look at the gradients that they send back, too:


# %%
def fill_the_output(scores, values):
    """Attention as before; then 0 in the rows that may look nowhere."""
    output = attention_weights(scores, two_rows) @ values
    return output.masked_fill(~two_rows.any(dim=-1, keepdim=True), 0.0)


def add_and_patch(scores, values):
    """Hide by adding minus infinity, and turn nan into 0."""
    hidden = torch.zeros(two_rows.shape).masked_fill(~two_rows, -torch.inf)
    return (scores + hidden).softmax(dim=-1).nan_to_num(0.0) @ values


query, key, value = inputs
for repair in (fill_the_output, add_and_patch):
    s, v = (query @ key.T / 3**0.5).requires_grad_(), value.clone().requires_grad_()
    output = repair(s, v)
    right = scaled_dot_product_attention(*inputs, two_rows)[0]
    claim(f"{repair.__name__}: the right output", torch.allclose(output, right, atol=1e-6))
    output.sum().backward()
    for name, gradient in (("scores", s.grad), ("values", v.grad)):
        print(f"  gradient at the {name}: {int(gradient.isnan().sum())} of {gradient.numel()} nan")

# %% [markdown]
# Right outputs both, and each would destroy the model at the first step. The first zeroes *after* the weights, still
# `nan`, have met the values: a gradient of 0 times `nan` is `nan`. The second adds, and an addition passes every
# gradient on, `nan` included. `masked_fill` *replaces* a number, so no gradient passes through the filled place.
#
# **Your turn**: `04.masked-softmax`. Its check compares gradients, too.

# %% [markdown]
# ## 4.7 Another place to hide a key
#
# **Your turn**, before you read on: `04.leaky-average-bug`. There every hidden key weighs 0, exactly, and it is felt all
# the same. How? Below it acts on three scores, of which the third is hidden:

# %%
mask = torch.tensor([[True, True, False]])  # the third key is hidden
print("weight of the first key: masked before, after, after and divided, the same in float16")
for hidden in (0.0, 3.0, 10.0, 30.0, 100.0, 110.0):
    row = torch.tensor([[2.0, 1.0, hidden]])
    early, late = attention_weights(row, mask), row.softmax(dim=-1) * mask
    short = row.half().softmax(dim=-1) * mask
    ways = torch.cat([early, late, late / late.sum(), short.float() / short.float().sum()])
    print(f"hidden score {hidden:3g}:", *(f"{weight:.3f}" for weight in ways[:, 0].tolist()))

# %% [markdown]
# Masked before the softmax, the first key weighs 0.731, whatever the hidden score. Masked afterwards (second column), the
# hidden key takes its share *and then vanishes with it*: the larger its score, the less is left for the others.
#
# "Then divide by what is left." On paper that is exact. With the sums of $e^{s}$ over all keys and over those seen,
# $e^{s_1} / \sum_{all}$ divided by $\sum_{seen} / \sum_{all}$ gives $e^{s_1} / \sum_{seen}$. But beside $e^{110}$ the
# visible numbers are too small for a float32 and become 0, and 0/0 is `nan`; in float16 it happens at a score of 30
# already. Hide before the softmax, and they are never compared with the hidden one.

# %% [markdown]
# ## 4.8 Find the bug
#
# This function hides padding. Its author tested it on one sentence, and it was right.
#
# **Your turn**, before you go on: `04.flat-mask-bug` is the same bug in a whole attention.


# %%
def hide_padding(scores, ids, pad_id=0):
    """scores (batch, query, key), ids (batch, key) -> weights that leave out padding."""
    mask = ids != pad_id
    return attention_weights(scores, mask)


one, flat = torch.tensor([[7, 3, 9, 0]]), torch.ones(1, 4, 4)  # ids, and scores that are all 1
found = hide_padding(flat, one)[0, 0]
claim("right for one sentence", rounded(found) == [0.333, 0.333, 0.333, 0.0])
predict("04.flat", "2 sentences of 4 tokens; 4 of 4; 3 with 1 query: right, wrong or an error?")

# %%
verdicts = []
for batch, queries in ((2, 4), (4, 4), (3, 1)):
    ids = torch.tensor([[7, 3, 9, 0], [5, 0, 0, 0], [8, 2, 6, 1], [4, 4, 0, 0]])[:batch]
    flat = torch.ones(1, queries, 4)
    good = torch.cat([hide_padding(flat, one[None]) for one in ids])  # one sentence at a time
    try:
        found = hide_padding(flat.repeat(batch, 1, 1), ids)
        verdicts.append("right" if torch.equal(found, good) else "wrong")
    except RuntimeError:
        verdicts.append("error")
told = f"2: {verdicts[0]}; 4: {verdicts[1]}; 3 with one query: {verdicts[2]}"
outcome("04.flat", f"{told}, shape {tuple(found.shape)} for {tuple(good.shape)}")

# %% [markdown]
# Shapes line up from the right. `(batch, key)` next to `(batch, query, key)` puts the batch *under the queries*: query 2
# of every sentence gets the mask of sentence 2. With one sentence that broadcasts to the right answer, with most numbers
# of them it crashes, and with as many sentences as queries it is silently wrong. With *one* query the scores are
# stretched instead, and even the shape grows.
#
# Give a mask **one axis for each axis of the scores**, and test with sizes that all differ, none of them 1.
#
# ## 4.9 Padding outside attention
#
# Attention is not the only place that adds up over positions. To compare whole sentences, MiniLM averages its
# output vectors. The cosine similarity of two vectors (chapter 00) is 1 if they point the same way and near 0 if they
# have nothing in common.

# %%
cat, _ = encode(tokenizer, "A cat sleeps on the sofa")
bank, _ = encode(tokenizer, "The bank raised its interest rates this morning")


def similarity(pads, masked, mean_over_words):
    """Cosine similarity of the two sentences, both followed by `pads` tokens of padding."""
    means = []
    for ids in (cat, bank):
        hidden = padded(ids, pads, masked)  # (seq + pads, d_model)
        means.append((hidden[: ids.shape[1]] if mean_over_words else hidden).mean(dim=0))
    return F.cosine_similarity(*means, dim=0)


print("alone:", rounded(similarity(0, masked=True, mean_over_words=True), 2))
print("64 pads, masks everywhere:", rounded(similarity(64, masked=True, mean_over_words=True), 2))
print("64 pads, mean over all:", rounded(similarity(64, masked=True, mean_over_words=False), 2))
predict("04.twins", "Again 64 pads, and no mask in attention either: how similar?")

# %%
outcome("04.twins", f"{similarity(64, masked=False, mean_over_words=False):.2f}")

# %% [markdown]
# Two sentences with nothing in common become near-twins: mostly, both are about padding. The 0.51 is far off already:
# attention was masked there, the *mean* was not. A mean over real tokens has a trap of its own: in a row of padding
# alone both sum and count are 0, and 0/0 is `nan` again. Let the count be 1 at least.
#
# **Your turn**: `04.masked-mean`.
#
# The third place is the loss. Take a model that knows one thing only: after padding comes padding. Elsewhere it
# guesses blindly.

# %%
targets = torch.tensor([5, 9, 2, 0, 0, 0, 0, 0])  # three letters, five pads
guesses = torch.zeros(8, len(letters))
guesses[targets == 0, 0] = 20.0  # sure about padding, blind otherwise
everywhere = F.cross_entropy(guesses, targets)
on_letters = F.cross_entropy(guesses, targets, ignore_index=0)
told = zip(("all positions", "letters only", "blind"), (everywhere, on_letters, blind))
print("loss:", *(f"{name} {rounded(loss, 2)}," for name, loss in told))

# %% [markdown]
# The more padding, the better the loss looks, and nothing was learned. `ignore_index` leaves those
# positions out of the sum *and* out of the count.
#
# ## 4.10 What does True mean here?
#
# PyTorch has several functions that take a mask, and they don't agree. Measure. We say `True, True, False` for three
# words, change the third, and watch the first. If it doesn't notice, the third was hidden, and `True` means *look*.

# %%
said = torch.tensor([True, True, False])
square = said.expand(3, 3)  # (query, key)


def true_means(run):
    """`look` if word 0 is deaf to word 2, which was given False."""
    words = torch.randn(1, 3, 4)
    changed = words.clone()
    changed[:, 2] += 1.0
    with torch.no_grad():
        return "look" if torch.equal(run(words)[0, 0], run(changed)[0, 0]) else "hide"


# %% [markdown]
# Five calls of PyTorch's, and ours. (`nn.TransformerEncoderLayer` is chapter 07 ready-made; `eval()` switches off
# everything random.)

# %%
mha = torch.nn.MultiheadAttention(4, 1, batch_first=True).eval()
layer = torch.nn.TransformerEncoderLayer(4, 1, 8, batch_first=True).eval()
q, row = torch.randn(1, 3, 4), said[None]  # row: (batch, key)
fused = F.scaled_dot_product_attention
calls = {
    "F.scaled_dot_product_attention attn_mask": lambda x: fused(q, x, x, attn_mask=square),
    "nn.MultiheadAttention attn_mask": lambda x: mha(q, x, x, attn_mask=square)[0],
    "nn.MultiheadAttention key_padding_mask": lambda x: mha(q, x, x, key_padding_mask=row)[0],
    "nn.TransformerEncoderLayer src_mask": lambda x: layer(x, src_mask=square),
    "nn.TransformerEncoderLayer src_key_padding_mask": lambda x: layer(x, None, row),
    "our scaled_dot_product_attention mask": lambda x: scaled_dot_product_attention(
        q, x, x, square
    )[0],
}
for name, run in calls.items():
    print(f"{name:48} True = {true_means(run)}")
nowhere = torch.zeros(3, 3, dtype=torch.bool)
empty = {"function": fused(q, q, q, attn_mask=nowhere)}
for weights in (True, False):
    said_so = mha(q, q, q, attn_mask=~nowhere, need_weights=weights)[0]
    empty[f"module, need_weights={weights}"] = said_so.detach()
for name, each in empty.items():
    print(f"an empty row, {name:27}", rounded(each[0, 0]))

# %% [markdown]
# One library, one word `attn_mask`, two meanings; `~` turns one into the other. An empty row (4.6)
# gets zeros from its function, `nan` from its module (zeros with `need_weights=False`).
#
# A mask of *numbers*, an **additive mask**, is a third language: it is added to the scores, so 0 means look and
# $-\infty$ means hide. That makes `mask.float()` a trap. Values that are the identity matrix let us see the weights:

# %%
q, k, mask = torch.randn(1, 2, 4), torch.randn(1, 3, 4), said.expand(1, 2, 3)
see = torch.eye(3)[None]  # the output is the weights
for name, given in (("bool", mask), ("float", mask.float())):
    print(f"{name:6}", rounded(F.scaled_dot_product_attention(q, k, see, attn_mask=given)[0, 0]))
theirs = torch.nn.Transformer.generate_square_subsequent_mask(3)
print("PyTorch's own causal mask:", theirs.tolist())

# %% [markdown]
# As floats, 1 and 0 only push the scores a little: the hidden key has weight again. So our library takes booleans and
# refuses anything else.
#
# | given to | `True` or 1 | `False` or 0 |
# |---|---|---|
# | this course; `F.scaled_dot_product_attention`, bool | look | hide |
# | `nn.MultiheadAttention` and `nn.Transformer…`, bool, both kinds of mask | hide | look |
# | either, float (hide with $-\infty$) | look, score 1 higher | look |
#
# ## 4.11 Where a mask lives
#
# In a model of your own, the causal mask is made once and kept in the `nn.Module`. It has to move to the graphics
# card with the weights, and must not be trained. Four ways to keep it:


# %%
class FourWays(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.plain = causal_mask(4)
        self.learned = torch.nn.Parameter(torch.ones(4, 4))
        self.register_buffer("kept", causal_mask(4))
        self.register_buffer("remade", causal_mask(4), persistent=False)


ways = FourWays()
trained, saved = dict(ways.named_parameters()), ways.state_dict()
ways.to("meta")  # a device that every machine has, here in place of a graphics card
for name in ("plain", "learned", "kept", "remade"):
    told = name in trained, name in saved, getattr(ways, name).is_meta
    print(f"{name:8} trained {told[0]!s:6} saved {told[1]!s:6} moved {told[2]}")

# %% [markdown]
# A **buffer** is a tensor that moves with its module and is no parameter, so no optimizer touches it. The **state
# dict** is the table of names and tensors that is saved with a model; buffers are in it unless
# `persistent=False`. A causal mask follows from its size, so there is no need to save it. The plain tensor stays
# behind when the model moves, and then PyTorch stops with an error.
#
# **Your turn**: `04.letter-model`, this chapter's large one. You write the model, its mask, its loss and its training;
# then it writes Shakespeare, more or less.

# %% [markdown]
# ## Summary
#
# - A mask is a grid (query, key) of booleans; here `True` means *may look*. Hidden scores become $-\infty$
#   **before** the softmax.
# - Without a causal mask, training learns to copy the answer. With one, the past feels exactly nothing of the
#   future, however deep the model, and one pass trains every position.
# - Fewer queries than keys: the queries are the last ones. `tril` and `is_causal` take them for the first.
# - Padding is a matter of the key: `(batch, 1, 1, key)`. Masks combine with `&`; a prefix joins with `|`.
# - A query that may look nowhere gives `nan`, an average or no mask at all, depending on a constant. We give
#   zeros, with a finite gradient.
# - Padding also has to leave means and losses.
# - In a module a mask is a buffer: it moves along and isn't trained.
# - Test with sizes that differ and aren't 1, and look up what `True` means.
#
# ## Quiz

# %%
quiz("04")

# %% [markdown]
# ## Interview questions
#
# <details><summary>Why does training a language model need a causal mask, although all words of the text are known?</summary>
#
# Because they are known. The target of position $i$ is the input of position $i + 1$. Without a mask, the model learns to
# copy it (4.1) and has nothing to copy when it writes. With the mask, one pass gives $n$ honest guesses (4.2).
# </details>
#
# <details><summary>Why minus infinity, and not a large negative number?</summary>
#
# $-\infty$ gives weights of exactly 0 for any scores. A finite constant fails where scores lie below it, overflows in
# float16, and turns an empty row into an average or into no mask at all (4.6). The price of $-\infty$ is `nan` in empty
# rows, which one more fill removes.
# </details>
#
# <details><summary>Your loss becomes nan in the middle of training. How could a mask be to blame?</summary>
#
# One row of one batch may look nowhere: an empty document, left padding with a causal mask. Look for `~mask.any(-1)`. If
# the outputs are clean, look at the gradient: $-\infty$ that was added, then patched, poisons it (4.6).
# </details>
#
# <details><summary>How do you prove that a model doesn't see the future?</summary>
#
# Change words from position $p$ on, after `eval()` (4.10): the outputs before $p$ must not move. Do it for several $p$,
# with fewer queries than keys, too. A picture of the mask proves only that the mask is right, not that it is used.
# </details>
#
# ## Exercises
#
# In [exercises/04_masks.ipynb](exercises/04_masks.ipynb):
#
# - `04.no-peeking`: write the test that catches a leak
# - `04.causal-mask`: hide the future
# - `04.padding-mask`: hide the padding
# - `04.visible-pairs`: predict how many pairs are left
# - `04.masked-softmax`: zeros for empty rows, with a finite gradient
# - `04.leaky-average-bug`: find the bug
# - `04.flat-mask-bug`: another
# - `04.masked-mean`: one vector for a sentence
# - `04.letter-model`: build a language model of letters, train it, and let it write
#
# **You have built** a mask builder, a safe softmax, a leak test and a small language model. Chapter 05
# looks many times at once.
#
# ## Further reading
#
# - Vaswani et al. 2017, *Attention Is All You Need*, section 3.2.3: masking "all values in the input of the
#   softmax". [arXiv:1706.03762](https://arxiv.org/abs/1706.03762)
# - Dai et al. 2019, *Transformer-XL*: fewer queries than keys. [arXiv:1901.02860](https://arxiv.org/abs/1901.02860)
# - Raffel et al. 2020, *T5*, sections 3.1.2 and 3.2.1: packing; causal and prefix masks side by side.
#   [arXiv:1910.10683](https://arxiv.org/abs/1910.10683)
# - Karpathy 2023, *Let's build GPT: from scratch, in code, spelled out* (video).

# %% [markdown]
# ## Glossary
#
# - **mask**: a grid (query, key) of booleans; here True means that the query may look at the key.
# - **causal mask**: a mask that lets each query see itself and the past, and nothing after it.
# - **padding**: tokens without meaning that fill short texts up to the length of the longest in a batch.
# - **pad id**: the number that stands for padding in a vocabulary.
# - **padding mask**: True where a key is a real token; its shape is (batch, 1, 1, key).
# - **language model**: a model that gives probabilities for the next piece of a text.
# - **autoregressive**: writing piece by piece, each guessed from all that stands before it.
# - **prefix mask**: a causal mask whose first keys are open to every query.
# - **packing**: several short texts in one row, instead of padding; here each sees only itself.
# - **additive mask**: numbers added to the scores: 0 means look, minus infinity means hide.
# - **buffer**: a tensor that moves with its module and isn't trained.
# - **state dict**: the table of names and tensors that is saved with a model.
