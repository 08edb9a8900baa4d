# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · Queries, keys, values
#
# **Why three vectors, not one?** In chapter 02 a word asked with one vector, was found by another and gave a third. But
# a word has only one vector of its own. Why not use that one for all three jobs? You try it, you see it fail, and you
# mend it with three matrices. Then you find these inside a real model, at work on a sentence you know.
#
# After this chapter you can
#
# - say what a query, a key and a value are for, and make them from a word's vector;
# - let one sequence ask another, and name all shapes before you run it;
# - spot the setting with which PyTorch's attention silently mixes up your sentences;
# - read a map of attention weights with numbers, and say what it does *not* show.
#
# You need chapters 00 and 02. About 60 minutes, and 85 more for the exercises.

# %%
import ipywidgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.claims import claim, rounded
from course_lib.nn.attention import SelfAttention, scaled_dot_product_attention
from course_lib.nn.multi_head import split_heads
from course_lib.plots import (
    BLUE,
    ORANGE,
    attention_map,
    head_grid,
    transformer_map,
)
from course_lib.pretrained.minilm import encode, load_minilm
from course_lib.views import attention_hover, outcome, predict, quiz, show

torch.manual_seed(0)
torch.set_num_threads(1)

# %% [markdown]
# You are here. Scores, softmax and the weighted sum stand since chapter 02; today you build what goes in at the bottom
# of the box. On the way *cross-attention* lights up too: the same box, fed from two places.

# %%
here, built = ["queries, keys, values", "cross-attention"], ["scores", "softmax", "weighted sum"]
show(
    transformer_map(here, built),
    alt="Map of the Transformer. Lit: queries, keys, values inside the attention box, and "
    "the cross-attention box of the decoder. Built so far: scores, softmax and the "
    "weighted sum.",
)

# %% [markdown]
# ## 3.1 Three jobs
#
# Chapter 02 built a dictionary for questions that fit *more or less*. Three jobs are in it. The query says *what I am
# looking for*. The key says *what I am found by*. The value says *what I give*. A query must be as wide as a key,
# since a dot product compares them. A value may have any width, and may hold things that no key mentions: *it* asked for a
# being, and got "77 % alive".

# %% [markdown]
# ## 3.2 One vector for all three jobs
#
# The shortest attention there is uses each word's own vector as query, as key and as value.

# %%
predict(
    "03.admire",
    "Twelve words, each 32 random numbers. What weight, 0 to 1, falls on the word itself?",
)


# %%
def on_itself(q, k):
    """Mean weight that words give themselves: query i and key i."""
    _, weights = scaled_dot_product_attention(q, k, k)
    return (weights * torch.eye(q.shape[-2])).sum(dim=-1).mean()


x = torch.randn(200, 12, 32)  # 200 sentences (batch, seq, d_model)
outcome("03.admire", on_itself(x, x))

# %% [markdown]
# Nine tenths, where an even share would be one twelfth. The score of a word with itself is $x \cdot x$: every product
# in that sum is a square, so nothing cancels. With another word, the products have both signs. The sum of squares grows
# with the width, faster than the root that we divide by. (It is a matter of length, too: our numbers have spread 1.
# Halve them, and the scores shrink to a quarter.)

# %% tags=["tells"]
print("half as long, weight on itself:", rounded(on_itself(x / 2, x / 2)))
print("a tenth as long:", rounded(on_itself(x / 10, x / 10)), "(even: 0.083)")

words = "The animal didn't cross the street because it was too tired".split()
vector = {word: torch.randn(32) for word in dict.fromkeys(w.lower() for w in words)}
sentence = torch.stack([vector[w.lower()] for w in words])  # (seq, d_model)

# %% tags=["tells"] jupyter={"source_hidden": true}
fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.2), layout="constrained")
_, own = scaled_dot_product_attention(sentence, sentence, sentence)
attention_map(own, words, ax=left, title="Everyone looks into the mirror")
widths = [2, 4, 8, 16, 32, 64, 128, 256]
for width in widths:
    drawn = torch.randn(200, 12, width)
    right.plot(width, on_itself(drawn, drawn), "o", color=BLUE)
right.axhline(1 / 12, color="black", linestyle=":", label="even share, 1/12")
right.set(xscale="log", ylim=(0, 1.05), xlabel="d_model (width)", ylabel="weight on itself")
right.set_xticks(widths, widths, minor=False)
right.minorticks_off()
right.set_title("The wider the vector, the vainer the word")
right.legend(loc="center right")
show(
    fig,
    alt="Left: attention map of the course sentence with random vectors, bright only on the "
    "diagonal and where 'The' and 'the' meet. Right: weight on itself, rising from 0.2 "
    "at width 2 to 1 at width 128.",
)

# %% [markdown] tags=["tells"]
# The left picture is an **attention map**: a row for each query, a column for each key, a colour for each weight. A
# word that looks only at itself learns nothing from the others. (Two spots off the diagonal are half bright: "The" and
# "the" have the same vector here.)
#
# There is a second trouble, which no width cures. Looking is not mutual: "it" wants to find "animal", but the animal
# has no business with "it". With one vector for both jobs $x_i \cdot x_j = x_j \cdot x_i$: every look is returned with
# the same score.

# %% [markdown]
# ## 3.3 Three matrices
#
# So give each word three vectors, made from its own by three matrices:
#
# $$q = x\,W_Q \qquad k = x\,W_K \qquad v = x\,W_V$$
#
# Such a product is called a **projection**. Each column of $W_Q$ takes one dot product with $x$, so it reads off one
# number: "how much of *this* is in the word?" The matrices are the same for every word, and they are *learned*. $W_Q$
# and $W_K$ are (d_model, d_head), $W_V$ is (d_model, d_value).

# %%
w_q, w_k, w_v = torch.randn(32, 8), torch.randn(32, 8), torch.randn(32, 5)
q, k, v = sentence @ w_q, sentence @ w_k, sentence @ w_v  # (seq, d_head) twice, (seq, d_value)
before, after = sentence @ sentence.T, q @ k.T  # (query, key)
claim("before: score (i, j) is score (j, i)", torch.allclose(before, before.T, atol=1e-4))
claim("after: they differ", not torch.allclose(after, after.T, atol=1e-4))
print(q.shape, k.shape, v.shape, "->", scaled_dot_product_attention(q, k, v)[0].shape)

# %% [markdown]
# The library packs the three into a module, `QKVProjection`, with PyTorch's `nn.Linear` for each. Such a **linear
# layer** also adds a **bias**, a learned number for each column, and it keeps its matrix the other way round: (d_out,
# d_in), a row for each number that comes out. With the formula of chapter 02 behind it, it becomes a whole **head**,
# `SelfAttention`.

# %%
head = SelfAttention(d_model=32, d_head=8)
project = head.project  # a QKVProjection: to_q, to_k, to_v
q, k, v = project(sentence)
row, shift = project.to_q.weight[5], project.to_q.bias[5]  # what makes number 5 of every query
print(
    "number 5 of word 2's query:", rounded(q[2, 5]), "by hand:", rounded(row @ sentence[2] + shift)
)
output, _ = scaled_dot_product_attention(q, k, v)
# `[None]` puts an axis in front: a batch of one sentence
claim("a head: project, then attend", torch.allclose(head(sentence[None])[0], output, atol=1e-6))
print(project.to_q.weight.shape, project.to_q.bias.shape, "->", q.shape)

# %% [markdown]
# ### Around the table
#
# Are two matrices for queries and keys worth it? Here is a game. Eight guests sit around a table, each with one of six
# dishes. Every guest has to name the dish of the guest to the *left*. A guest's vector says which seat and which dish:
# 8 + 6 numbers, a 1 at each of the two and 0 elsewhere.
#
# They play with one attention, whose output has a score for each dish. (Scores of answers, before a softmax, are called
# **logits**.) Training repeats four steps: play 64 tables, measure how wrong the answers are (`cross_entropy`, the
# loss; its softmax is built in), ask in which direction each number of the matrices should move (`backward`, which
# *adds* to what is there, so `zero_grad` clears it first), move it a little (`step`). With `tied`, queries and keys
# share one matrix.


# %%
def tables(count):
    """Guests (batch, seat, 14) and the right answers (batch, seat), numbers from 0 to 5."""
    dish = torch.randint(6, (count, 8))
    seat = torch.eye(8).expand(count, -1, -1)
    return torch.cat([seat, F.one_hot(dish, 6)], dim=-1), dish.roll(1, dims=1)


def train(tied):
    torch.manual_seed(0)
    w_q, w_k = 0.3 * torch.randn(2, 14, 16)
    w_v = torch.zeros(14, 6)
    w_k = w_q if tied else w_k
    learned = [w_q, w_v] if tied else [w_q, w_k, w_v]
    optimizer = torch.optim.Adam([w.requires_grad_() for w in learned], lr=0.02)
    for _ in range(300):
        x, answers = tables(64)
        output, _ = scaled_dot_product_attention(x @ w_q, x @ w_k, x @ w_v)
        loss = F.cross_entropy(output.flatten(0, 1), answers.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return w_q.detach(), w_k.detach(), w_v.detach()


# %% [markdown]
# With separate matrices all eight guests get it right, at every one of 500 new tables. With one matrix for both?

# %%
predict("03.table", "One matrix for both: how many of the 8 guests learn to answer right?")

# %%
matrices = {name: train(tied=name == "tied") for name in ("separate", "tied")}
x, answers = tables(500)
success, maps, scores = {}, {}, {}
for name, (w_q, w_k, w_v) in matrices.items():
    output, weights = scaled_dot_product_attention(x @ w_q, x @ w_k, x @ w_v)
    success[name] = (output.argmax(dim=-1) == answers).float().mean(dim=0)  # share for each guest
    maps[name] = weights.mean(dim=0)
    scores[name] = (x @ w_q @ (x @ w_k).mT / 16**0.5).mean(dim=0)
outcome("03.table", f"{int((success['tied'] > 0.9).sum())} of 8")

# %% jupyter={"source_hidden": true}
claim("separate: every guest is right at every table", success["separate"].min() == 1)
print("tied, share right of each guest:", rounded(success["tied"], 2))
fig, axes = plt.subplots(1, 3, figsize=(12, 3.9), layout="constrained")
seats = [str(i) for i in range(8)]
attention_map(maps["separate"], seats, ax=axes[0], title="Two matrices: everyone looks left")
attention_map(maps["tied"], seats, ax=axes[1], title="One matrix: not everyone")
guest = torch.arange(8)
left, right_hand = (scores["tied"][guest, (guest + step) % 8] for step in (-1, 1))
axes[2].vlines(guest, left, right_hand, color="0.8", linewidth=3, zorder=0)
axes[2].plot(guest, left, "o", color=BLUE, label="with the guest to the left")
axes[2].plot(guest, right_hand, "s", color=ORANGE, label="with the guest to the right")
axes[2].set(xlabel="guest", ylabel="score", title="One matrix: blue should be on top")
axes[2].legend()
show(
    fig,
    alt="Two attention maps over eight seats. With two matrices every row is bright at its "
    "left neighbour; with one matrix the rows of guests 1 and 7 are not. Third panel, one matrix: "
    "each guest's score for the left and the right neighbour. The orange square of a guest is as "
    "high as the blue point of the next; left is the higher one except for guests 1 and 7.",
)

# %% [markdown]
# The third panel says why. With one matrix, the score of guest 3 with guest 2 *is* the score of guest 2 with guest 3:
# each orange square is as high as the next guest's blue point. A guest looks left only if its own blue point is above
# its square, so above the next guest's blue point. If all eight looked left, the blue points would **fall** from guest
# to guest, all the way round the table, until the first lay below itself. So somewhere they rise, and the guest
# *before* the rise is wrong: here 1, and 7, whose next is 0. It holds at any width and after any training.

# %% [markdown]
# And why a third matrix? See what the trained ones read. Each row of a matrix belongs to one input number, so a row's
# length says how much that number matters.

# %% jupyter={"source_hidden": true}
rows = torch.stack([w.norm(dim=-1) for w in matrices["separate"]])  # (matrix, input)
fig, ax = plt.subplots(figsize=(9, 2.2), layout="constrained")
image = ax.imshow(rows / rows.amax(dim=1, keepdim=True), cmap="cividis", vmin=0, aspect="auto")
ax.set_xticks(
    range(14), [f"seat {i}" for i in range(8)] + [f"dish {i}" for i in range(6)], rotation=45
)
ax.set_yticks(range(3), ["$W_Q$", "$W_K$", "$W_V$"])
ax.set(xlabel="input number", title="Queries and keys read the seat, values read the dish")
fig.colorbar(image, label="length / longest")
show(
    fig,
    alt="Heat map, three matrices by fourteen inputs. The rows for W_Q and W_K are bright "
    "at the eight seats and dim at the six dishes; the row for W_V is dark at the seats "
    "and bright at the dishes.",
)

# %% [markdown]
# What you are found by (the seat) and what you give (the dish) are different things, so they get different matrices.
#
# **Your turn:** `03.project`, the bug `03.self-lookup-bug`, and the build: in `03.table-head` you write the module and
# its training, for guests who do not know whose dish they are asked for.

# %% [markdown]
# ## 3.4 Asking another sequence
#
# Nothing says that questions and answers come from the same text. In **self-attention** all three projections read the
# same $x$. In **cross-attention** the queries read $x$, and keys and values read another sequence, the *context*. This
# is how a translator looks into the sentence that it translates.
#
# | | self-attention | cross-attention |
# |---|---|---|
# | scores | (seq, seq) | (query, key) |
# | output | one row for each word of $x$ | one row for each word of $x$ |
#
# **Your turn:** `03.cross-shapes` and `03.cross-attention`.
#
# ### A taste of it
#
# Now with a **pretrained model**, one that comes with numbers that others have trained. **MiniLM** is a small
# Transformer that gives similar vectors to sentences of similar meaning. Let four questions ask a shelf of five lines.
# Keys are the lines' vectors, values are page numbers. All vectors have length 1, so scores lie between −1 and 1, and a
# temperature of 0.05 (chapter 02) sharpens them. Say the shapes of weights and answers before you run it.

# %%
model, tokenizer = load_minilm()
model.requires_grad_(False)  # we only look: its parameters need no gradients


def meaning(lines):
    """One vector for each line (lines, d_model): the mean over its words, at length 1."""
    means = [model(encode(tokenizer, line)[0])[0].mean(dim=0) for line in lines]
    return F.normalize(torch.stack(means), dim=-1)


shelf = [
    "The cat sleeps on the sofa",
    "House prices rose again",
    "How to boil an egg",
    "The orchestra played",
    "A storm is on its way",
]
asked = [
    "a kitten takes a nap",
    "mortgage rates",
    "cooking breakfast",
    "a cat listens to a symphony",
]
weights = (meaning(asked) @ meaning(shelf).T / 0.05).softmax(dim=-1)  # (query, key)
pages = weights @ torch.tensor([[3.0], [20.0], [41.0], [88.0], [95.0]])  # (query, d_value)
print("weights", weights.shape, " answers", pages.shape)
for question, row, page in zip(asked, rounded(weights, 2), rounded(pages, 1), strict=True):
    print(f"{question:27}  weights {row}  page {page[0]}")

# %% [markdown]
# However long the context, each question gets one answer. None of the first three shares a word with its line, and each
# finds it. The fourth fits two lines and gets a mixture of two pages, and there is nothing on page 59.7. A value has to
# be something that *can* be mixed. Vectors of meaning can, page numbers can't.

# %% [markdown]
# ## 3.5 PyTorch's module and its trap
#
# `nn.MultiheadAttention` holds the three projections, the attention and one more matrix at the end. (With several
# heads, which is chapter 05; here we take one.) Two sentences of five words go in. Then the *second* sentence is
# replaced. The first one's output must stay as it is, and it doesn't:

# %%
attention = nn.MultiheadAttention(embed_dim=8, num_heads=1)
x = torch.randn(2, 5, 8)  # (batch, seq, d_model)
y = torch.stack([x[0], torch.randn(5, 8)])  # another second sentence
(output, weights), (other, _) = attention(x, x, x), attention(y, y, y)
print("sentence 0 changed by up to", rounded((output[0] - other[0]).abs().max()))
print("output", output.shape, " weights", weights.shape)

# %% [markdown]
# By default this module takes (seq, batch, d_model), a habit from recurrent networks. It read your batch as two words
# of five sentences, and let word 3 of one sentence look at word 3 of the other. No error, and an output of the shape
# you hoped for. Only the weights gave it away: (5, 2, 2) instead of (2, 5, 5). The cure is one argument. Then our own
# steps give the same numbers; its three matrices lie in one, `in_proj_weight`.

# %%
attention = nn.MultiheadAttention(embed_dim=8, num_heads=1, batch_first=True)
(output, weights), (other, _) = attention(x, x, x), attention(y, y, y)
claim("sentence 0 keeps its output", torch.allclose(output[0], other[0], atol=1e-6))
w_q, w_k, w_v = attention.in_proj_weight.chunk(3)  # (d_out, d_model) each
b_q, b_k, b_v = attention.in_proj_bias.chunk(3)
mixed, ours = scaled_dot_product_attention(x @ w_q.T + b_q, x @ w_k.T + b_k, x @ w_v.T + b_v)
claim("our weights equal its weights", torch.allclose(ours, weights, atol=1e-5))
claim("our output equals its output", torch.allclose(attention.out_proj(mixed), output, atol=1e-5))

# %% [markdown]
# **Your turn:** `03.no-cross-talk`, the test that would have caught it. (`x[torch.arange(5) != 2]` is a batch of five
# without its sentence 2.)
#
# ## 3.6 A head of a real model
#
# Now look inside MiniLM. It has six **layers**, one after the other, and in each layer twelve heads: twelve attentions
# with their own three matrices, which look at the same time. Both are counted from 0. A word's vector is 384 wide, a
# head's queries, keys and values are 32 wide. Text goes in as tokens:

# %%
text = "The animal didn't cross the street because it was too tired"
ids, tokens = encode(tokenizer, text)
weights = torch.stack(model(ids, return_weights=True)[1])[:, 0]  # (layer, head, query, key)
it, animal, street = (tokens.index(word) for word in ("it", "animal", "street"))
print(tokens, weights.shape)

# %% [markdown]
# `didn't` became three tokens, and two were added: **[CLS]** at the start and [SEP] at the end of every text.
#
# What does "it" refer to, the animal or the street? Among the model's 72 heads is one that may help.

# %%
predict(
    "03.it", "Layer 3, head 1: what share of its attention, 0 to 1, does `it` give to `animal`?"
)

# %%
outcome("03.it", weights[3, 1, it, animal])

# %% [markdown]
# Point at `it` below, or click beside it and use the arrow keys. Colour and number on each word say how much the word under
# your pointer looks at it. Then point at `animal`: does it look back?

# %%
attention_hover(tokens, weights[3, 1], title="MiniLM, layer 3, head 1")

# %%
show(
    attention_map(weights[3, 1], tokens, title="Layer 3, head 1: “it” looks at “animal”"),
    alt="Attention map of layer 3, head 1 on the course sentence. The row of 'it' is bright "
    "at 'animal'. Most other rows are brightest at the first column, [CLS].",
)

# %% [markdown]
# Nothing inside the head is new. Here it is by hand, from MiniLM's published numbers: three layers to get the
# vectors that go in, then the steps of section 3.3. (`split_heads` cuts 384 numbers into 12 times 32; `[0, 1]` takes
# head 1 of the first sentence. Chapter 05 builds it.)

# %% tags=["tells"]
x = model.embedding(ids)
for block in model.blocks[:3]:
    x = block(x)  # (batch, seq, d_model)
layer = model.blocks[3].attention
q, k, v = (split_heads(part(x), 12)[0, 1] for part in (layer.to_q, layer.to_k, layer.to_v))
_, ours = scaled_dot_product_attention(q, k, v)
claim("by hand and by the model: the same weights", torch.allclose(ours, weights[3, 1], atol=1e-5))
print("it at animal:", rounded(ours[it, animal]), "animal at it:", rounded(ours[animal, it]))

# %% [markdown]
# ### Does it understand?
#
# One word in one sentence is an anecdote. Change the last word: "… because it was too **wide**". Now *it* is
# the street.

# %%
predict(
    "03.twin", "With `wide` for `tired`: what shares does `it` give to `animal` and to `street`?"
)


# %%
def looks(sentence, *words):
    """Shares that "it" gives to each of `words`, (word, layer, head)."""
    ids, tokens = encode(tokenizer, sentence)
    row = torch.stack(model(ids, return_weights=True)[1])[:, 0, :, tokens.index("it")]
    return torch.stack([row[..., tokens.index(word)] for word in words])


print("tired: animal, street", rounded(looks(text, "animal", "street")[:, 3, 1]))
twin = looks(text.replace("tired", "wide"), "animal", "street")[:, 3, 1]
outcome("03.twin", "animal {:.3f}, street {:.3f}".format(*twin.tolist()))

# %% [markdown]
# The animal falls from 0.640 to 0.266 and the street rises from 0.052 to 0.128. The last word matters, and in the right
# direction. But the animal still leads. Does the head just like the first noun? Exchange the two nouns:

# %%
exchanged = "The street didn't cross the animal because it was too tired"
print("tired: animal, street", rounded(looks(exchanged, "animal", "street")[:, 3, 1]))

# %% [markdown]
# The same words, and now a tired street gets the attention. So test the head on twelve pairs. In each only the end
# differs, and decides which noun is meant. (Such pairs are called **Winograd schemas**; trophy and suitcase come from
# the collection that made them known.) Always taking the first noun is right 12 times of 24: this baseline, the
# **base rate**, costs no understanding. And since one in 72 may do well by luck, all take the test.

# %%
pairs = """The animal didn't cross the street because it was too|animal tired|street wide
The trophy didn't fit in the suitcase because it was too|trophy big|suitcase small
The boat couldn't cross the river because it was too|boat old|river deep
The dog chased the ball because it was|dog hungry|ball rolling
The cat ate the fish because it was|cat hungry|fish fresh
The truck hit the wall because it was too|truck fast|wall low
The key didn't turn in the lock because it was|key bent|lock frozen
The child dropped the cup because it was|child clumsy|cup hot
The bird left the tree because it was|bird afraid|tree burning
The horse ignored the fence because it was|horse calm|fence broken
The bus avoided the bridge because it was too|bus heavy|bridge weak
The student finished the book because it was|student curious|book short"""
shares, names, sentences = [], [], []
for line in pairs.splitlines():
    start, *ends = line.split("|")
    (first, end_1), (second, end_2) = (end.split() for end in ends)
    sentences += [f"{start} {end_1}", f"{start} {end_2}"]
    names.append(f"{first} / {second}")
    looked = torch.stack([looks(sentence, first, second) for sentence in sentences[-2:]])
    shares.append(looked[:, 0] / looked.sum(dim=1))  # of the first noun (end, layer, head)
meant, not_meant = torch.stack(shares, dim=1)  # (pair, layer, head) each
hits = (meant > 0.5).sum(dim=0) + (not_meant < 0.5).sum(dim=0)
moved, wrongly = ((side > 1e-6).sum(dim=0) for side in (meant - not_meant, not_meant - meant))
print(f"layer 3 head 1: right {hits[3, 1]} of 24, moved in the right direction {moved[3, 1]} of 12")
print(f"mean of all 72: right {hits.float().mean():.1f}; as often as ours: {(hits >= 15).sum()}")
print("pairs in which a head of layer 0 moves:", (moved + wrongly)[0].sum().item())
as_ours = [(each >= moved[3, 1]).sum().item() for each in (moved, wrongly)]
print("of the other 60, moved as often as ours:", as_ours[0], " the wrong way:", as_ours[1])

# %% jupyter={"source_hidden": true}
fig, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
circles, squares = meant[:, 3, 1], not_meant[:, 3, 1]
ax.hlines(range(12), circles, squares, color="0.7", zorder=0)
ax.plot(circles, range(12), "o", color=BLUE, label="first noun is meant")
ax.plot(squares, range(12), "s", color=ORANGE, label="second noun is meant")
ax.axvline(0.5, color="black", linestyle=":")
ax.set_yticks(range(12), names)
ax.set(
    xlim=(0, 1), ylim=(11.5, -0.5), xlabel="share of the first noun among the two", ylabel="nouns"
)
ax.set_title("The end of the sentence nudges, the nouns decide: layer 3, head 1")
ax.legend(loc="lower left", bbox_to_anchor=(1, 0))
show(
    fig,
    alt="For twelve sentence pairs, the first noun's share when the first noun is meant and "
    "when the second is. In nine pairs both points lie on the same side of the middle line.",
)

# %% [markdown]
# A head that understands would have every circle right of the line and every square left. This one is right 15
# times of 24. The end moves it the right way in 10 of 12 pairs, mostly too little.
#
# Is that much? An average head is right 12 times, like a coin. In layer 0 the end moves nobody: *it* and the nouns
# haven't heard it yet. Of the other 60 heads, ten (with ours) move the right way as often, three the *wrong* way; of 60
# coins, one each way. But ours we chose on the first pair. Control: exchange the nouns in all pairs. The ends stay, and
# mostly mean the same nouns as before.

# %%
turned = []
for line in pairs.splitlines():
    start, *ends = line.split("|")
    (first, end_1), (second, end_2) = (end.split() for end in ends)
    start = start.replace(first, "…").replace(second, first).replace("…", second)
    looked = torch.stack([looks(f"{start} {end}", first, second) for end in (end_1, end_2)])
    turned.append(looked[:, 0] / looked.sum(dim=1))  # of the same noun as before
again = (torch.stack([one - other for one, other in turned]) > 1e-6).sum(dim=0)
alike = moved >= moved[3, 1]
alike[3, 1] = False
print(f"nouns exchanged: ours moved in the right direction {again[3, 1]} of 12")
print("the other nine:", sorted(again[alike].tolist()), f"mean {again[alike].float().mean():.1f};")
print(f"all 60: mean {again[1:].float().mean():.1f}")

# %% [markdown]
# Ours is a coin now. The other nine still move the right way in 9 of 12 on average, all 60 in 6.3. The end reaches some
# heads; that ours understands it isn't shown. (Twelve pairs are few, ten were made up, exchanged some are odd: add your own.)

# %% [markdown]
# ## 3.7 Reading a map
#
# To compare 72 maps you need numbers. The first is chapter 02's effective number of words, 1 to 15 here, as mean over a head's
# rows. The others are mean weights along a line of the map: on the word itself (the main diagonal), on the word before, on
# the word after, on [CLS] (a column).
#
# **Your turn** first: `03.head-entropy` and `03.diagonal-share` ask for relatives of these. Then run ours:


# %%
def habits(weights):
    """Effective words; mean weight on itself, word before, word after, [CLS]: (5, layer, head)."""
    # what chapter 02 calls the effective number of words, PyTorch calls perplexity
    effective = torch.distributions.Categorical(weights).perplexity().mean(dim=-1)
    i = torch.arange(weights.shape[-1])
    pairs = (i, i), (i[1:], i[:-1]), (i[:-1], i[1:])  # (query, key)
    lines = [weights[..., query, key].mean(dim=-1) for query, key in pairs]
    return torch.stack([effective, *lines, weights[..., 0].mean(dim=-1)])


chosen = {
    (0, 2): "the word before",
    (1, 8): "the word after",
    (4, 5): "[CLS]",
    (0, 0): "everything",
}
print("                words  itself  before   after   [CLS]")
for layer, head in chosen:
    print(
        f"layer {layer} head {head}:", "".join(f"{x:8.2f}" for x in habits(weights)[:, layer, head])
    )
titles = [f"L{layer} H{head}: {name}" for (layer, head), name in chosen.items()]
show(
    head_grid(torch.stack([weights[place] for place in chosen]), tokens, titles=titles),
    alt="Four attention maps: a bright line just below the diagonal; a line above the "
    "diagonal, broken; a bright first column; an even haze.",
)

# %% [markdown]
# Diagonal, column, haze: the textbook's patterns are there. Try other heads, and a sentence of your own. (How can a
# head know which word is the one before, when attention ignores the order? The model adds the place to each word's
# vector: chapter 06.)


# %% tags=["nbval-ignore-output"]
@ipywidgets.interact(
    sentence=ipywidgets.Text(text, continuous_update=False, layout={"width": "600px"}),
    layer=ipywidgets.IntSlider(3, 0, 5, continuous_update=False),
    head=ipywidgets.IntSlider(1, 0, 11, continuous_update=False),
)
def look(sentence, layer, head):
    ids, tokens = encode(tokenizer, sentence)
    weights = torch.stack(model(ids, return_weights=True)[1])[:, 0]
    title = (
        f"Layer {layer}, head {head}: {habits(weights)[0, layer, head]:.1f} of {len(tokens)} words"
    )
    return show(
        attention_map(weights[layer, head], tokens, title=title), alt=f"Attention map. {title}"
    )


# %% [markdown]
# Two things are often said about such maps. "Early layers look everywhere, later ones pick." And "many heads look along
# the diagonal". Does either hold here, averaged over all 24 sentences? (Points are heads, bars their means.)

# %% jupyter={"source_hidden": true}
every = [
    torch.stack(model(encode(tokenizer, s)[0], return_weights=True)[1])[:, 0] for s in sentences
]
broad, itself, *beside, _ = torch.stack([habits(w) for w in every]).mean(dim=0)
print("effective words, mean of each layer:", rounded(broad.mean(dim=1), 1))
even = torch.tensor([1 / w.shape[-1] for w in every]).mean()
print("most that a head gives to the word itself:", rounded(itself.max()), "even:", rounded(even))
print("heads with over half on the word before, after:", *(int((x > 0.5).sum()) for x in beside))
fig, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
for layer in range(6):
    ax.plot(layer + torch.linspace(-0.25, 0.25, 12), broad[layer], "o", color=BLUE, alpha=0.6)
    ax.hlines(broad[layer].mean(), layer - 0.3, layer + 0.3, color=ORANGE, linewidth=3)
ax.set(xlabel="layer (heads 0 to 11 from left to right)", ylabel="effective words", ylim=(0, 12))
ax.set_title("Broad at both ends, narrow in between")
show(
    fig,
    alt="Effective words of 72 heads by layer, with the mean of each layer: high in layer 0, low in "
    "layers 1 and 2, higher in 3 and 4, and second in layer 5.",
)

# %% [markdown]
# The first does not: layer 0 is broad, and the last comes second. The second depends on what "diagonal" means. In the
# literature it includes the lines beside the main one, and two heads of this small model hold one. The main diagonal,
# where section 3.2 put nearly everything, no head fills by a quarter on average, at this length (of three tokens, one
# word's worth, an even share is a third).
#
# ### What a map does not show
#
# In the hover map, `animal` spends most of its attention on [CLS]. What does it want there? The output is weights
# *times values*. So look at the values too: how long are they in this head?

# %%
x, lengths = model.embedding(ids), []
for block in model.blocks:
    lengths.append(split_heads(block.attention.to_v(x), 12)[0].norm(dim=-1))  # (head, seq)
    x = block(x)
lengths = torch.stack(lengths)  # (layer, head, seq)
print("animal looks at [CLS]:", rounded(weights[3, 1, animal, 0]))
for i in (0, animal, street, it):
    print(f"length of the value of {tokens[i]:8}", rounded(lengths[3, 1, i]))

# %% [markdown]
# The value of [CLS] is almost nothing. A row of weights must sum to 1, so a query that finds nothing of interest has to
# put its attention *somewhere*. On [CLS] it does little harm: a parking place, an **attention
# sink** ([Xiao et al. 2023](https://arxiv.org/abs/2309.17453)). Is that so in every head that parks much there, and only in those? A word takes home weight **times** value;
# what share of that comes from [CLS]?

# %%
home = weights * lengths[:, :, None, :]  # (layer, head, query, key)
home = home / home.sum(dim=-1, keepdim=True)
off = ~torch.eye(len(tokens), dtype=torch.bool)  # only what others give
given, arrived = ((w * off).sum(dim=-2) / (len(tokens) - 1) for w in (weights, home))
relative = lengths[..., 0] / lengths[..., 1:].mean(dim=-1)  # “short”: under a sixth of the others
parked = given[..., 0]  # what the other words give to [CLS] (layer, head)
for name, low, high in (("over half", 0.5, 1), ("a fifth to half", 0.2, 0.5), ("less", 0, 0.2)):
    which = (parked > low) & (parked <= high)
    means = [share[..., 0][which].mean() for share in (given, arrived)]
    told = f"{which.sum()} heads; its value is short in {(relative[which] < 1 / 6).sum()}"
    print(f"{name} goes to [CLS]: {told};", end=" ")
    print(f"weight on it {means[0]:.2f}, of what arrives {means[1]:.2f}")

# %% jupyter={"source_hidden": true}
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
sets = (
    (
        given[..., 1:],
        arrived[..., 1:],
        {"marker": ".", "color": "0.7", "label": "another token in a head"},
    ),
    (given[..., 0], arrived[..., 0], {"marker": "o", "color": BLUE, "label": "[CLS] in a head"}),
    (
        given[3, 1, 0],
        arrived[3, 1, 0],
        {"marker": "s", "color": ORANGE, "label": "[CLS], layer 3 head 1"},
    ),
)
for across, up, style in sets:
    ax.plot(across.flatten(), up.flatten(), linestyle="", **style)
ax.plot([0, 1], [0, 1], color="black", linestyle=":", label="arrives as it is looked at")
ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="share of the weight", ylabel="share of weight × length")
ax.set_title("[CLS] is looked at, and little arrives from it")
ax.legend(loc="upper left")
show(
    fig,
    alt="Scatter plot over 72 heads, share of weight across, share of weight times value length up. "
    "[CLS] lies far below the dotted diagonal, but for three heads that give it hardly any weight. Most "
    "other tokens lie on the diagonal or above it.",
)

# %% [markdown]
# On our sentence, in all 28 heads that park much, the value of [CLS] is short: a headline, if it were not short in 33 of
# the next 37, too. (Of the seven that look least, in one.) More looking does bring more home, but in the first two rows
# less than a fifth of what the weight promises. (Kobayashi et al. measure so, one matrix later.)
#
# So a bright cell says where a query looks, not what it takes home. And what it takes home is only *added* to the
# word's vector, to which each layer adds more of its own (chapter 07): this running vector is the **residual stream**. A
# map shows where *part* of a change comes from. Before you tell a story about one, look at the values, try a second
# sentence, and count.

# %% [markdown]
# ## 3.8 Find the bug
#
# A colleague puts the three matrices of layer 3 into one, as PyTorch does, and runs head 1 by hand. Shapes fit, each
# row sums to 1, no warning. But "it" does not find the animal. What went wrong?

# %%
x = model.embedding(ids)
for block in model.blocks[:3]:
    x = block(x)
parts = [model.blocks[3].attention.get_submodule(name) for name in ("to_k", "to_q", "to_v")]
weight, bias = torch.cat([p.weight for p in parts]), torch.cat([p.bias for p in parts])
q, k, v = (split_heads(part, 12)[0, 1] for part in (x @ weight.T + bias).chunk(3, dim=-1))
_, found = scaled_dot_product_attention(q, k, v)
print(
    "it looks at animal:",
    rounded(found[it, animal]),
    " animal looks at it:",
    rounded(found[animal, it]),
)

# %% [markdown]
# <details><summary>Show the answer</summary>
#
# The matrices are stacked as keys, queries, values, and read as queries, keys, values. All have the same shape, so
# nothing complains. The scores come out transposed: each word asks with its key and is found by its query.
# </details>

# %%
_, mended = scaled_dot_product_attention(k, q, v)
claim("exchanged, the head is itself again", torch.allclose(mended, weights[3, 1], atol=1e-5))

# %% [markdown]
# Libraries store these matrices in different orders, so this happens. No shape can catch it. A number that you know
# can: "this head must give 0.640 here".

# %% [markdown]
# ## Summary
#
# - A query says what a word looks for, a key what it is found by, a value what it gives. Three learned matrices make
#   them from the word's one vector.
# - With one wide random vector of spread 1 for all jobs every word mostly admires itself, and every look is returned.
#   With one matrix for queries and keys, eight guests can't all look left.
# - Self-attention takes all three from one sequence; cross-attention takes keys and values from another. Scores are
#   (query, key), and the output has one row for each query.
# - `nn.MultiheadAttention` wants `batch_first=True`, or it mixes your sentences without a word.
# - MiniLM's layer 3, head 1 sends "it" to "animal". On twelve pairs it is right 15 times of 24; with the nouns exchanged
#   it follows the end no better than a coin.
# - A map shows where a head looks. What comes of it depends on the values too: on our sentence [CLS] gets much weight
#   in many heads and has little to give in nearly all but those that look at it least.
#
# **You have built** a projection, cross-attention, two scores for heads and a test against mixed-up batches.
#
# ## Quiz

# %%
quiz("03")

# %% [markdown]
# ## Interview questions
#
# <details><summary>Why do queries, keys and values have separate projections?</summary>
#
# So that looking need not be mutual. The scores are $x\,W_Q W_K^\top x^\top$. A shared matrix makes them symmetric, and
# a word tends to fit itself best, because its own score is a sum of squares. And what a word is found by need not be
# what it hands over: around the table queries and keys learned to read the seat, values the dish.
# </details>
#
# <details><summary>Is an attention map an explanation?</summary>
#
# Not by itself. A large weight on a short value changes little, the vectors in deeper layers are mixtures already, and
# one sentence is an anecdote. Look at weights times values, compare with a baseline, and change the input or remove the
# head.
# </details>

# %% [markdown]
# ## Exercises
#
# In [`exercises/03_queries_keys_values.ipynb`](exercises/03_queries_keys_values.ipynb):
#
# - `03.project`: three vectors from one, with the matrices as PyTorch keeps them.
# - `03.self-lookup-bug`: mend a head that looks only at itself.
# - `03.table-head`: build a head and train it at the table.
# - `03.cross-shapes`: all shapes before the program runs.
# - `03.cross-attention`: let one sequence ask another.
# - `03.no-cross-talk`: a test that catches a mixed-up batch.
# - `03.head-entropy`: how undecided each head is, in bits.
# - `03.diagonal-share`: how much a head looks to its left, or anywhere along the text.
#
# ## Further reading
#
# - Vaswani et al. 2017, *Attention Is All You Need*, section 3.2, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762).
# - Wang et al. 2020, *MiniLM*, [arXiv:2002.10957](https://arxiv.org/abs/2002.10957), and Reimers, Gurevych 2019,
#   *Sentence-BERT*, [arXiv:1908.10084](https://arxiv.org/abs/1908.10084): how our model was made.
# - Clark et al. 2019, *What Does BERT Look At?*, [arXiv:1906.04341](https://arxiv.org/abs/1906.04341).
# - Levesque et al. 2012, *The Winograd Schema Challenge* (KR 2012).
# - Kovaleva et al. 2019, *Revealing the Dark Secrets of BERT*, [arXiv:1908.08593](https://arxiv.org/abs/1908.08593).
#   The patterns by name; "diagonal" includes the neighbours.
# - Kobayashi et al. 2020, *Attention is Not Only a Weight*, [arXiv:2004.10102](https://arxiv.org/abs/2004.10102).
#   Weights times the length of the values; and beside the word that they are added to, 2021,
#   [arXiv:2109.07152](https://arxiv.org/abs/2109.07152).
# - Jain, Wallace 2019, *Attention is not Explanation*, [arXiv:1902.10186](https://arxiv.org/abs/1902.10186).
#
# ## Glossary
#
# - **projection**: a word's vector times a learned matrix; it makes queries, keys and values.
# - **linear layer**: a learned matrix and a bias, `nn.Linear`; it keeps the matrix as (d_out, d_in).
# - **head**: one attention with its own projections; a model has many of them.
# - **cross-attention**: attention whose queries come from one sequence, keys and values from another.
# - **attention map**: the table of weights as a picture; rows ask, columns are asked.
# - **logits**: scores of answers before a softmax makes probabilities of them.
# - **pretrained model**: a model that comes with parameters that others have trained.
# - **[CLS]**: a token put in front of every text, in MiniLM and its relatives.
# - **attention sink**: a token that gets much weight and hands over little.
# - **Winograd schema**: two sentences alike but for a word that decides what a pronoun means.
# - **base rate**: how often one is right without looking, by always saying the same.
# - **residual stream**: a word's vector on its way through the layers, whose parts add to it.
