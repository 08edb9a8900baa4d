# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 · The decoder
#
# **How does the writer look at the reader's notes?** The encoder of chapter 07 reads a sentence and leaves one vector for each
# word, a *note*. All notes together are the **encoder output**, or **memory**. Somebody else, the **decoder**, has to write the
# answer: in another language, of another length, in another order. She has the memory on her desk, and what she has written so
# far. This chapter builds her, teaches her German, and watches her eyes.
#
# After this chapter you can
#
# - build the block with two attentions: one back to its own words, one over to the memory,
# - say which mask goes where, and which one can be forgotten without anyone noticing,
# - train all positions at once, and recognise the loss that is too good,
# - let a model write, token by token, and read the curves of a run that fails,
# - draw an alignment, and test whether the picture tells the truth.
#
# You need 03 to 07. About 75 minutes, and 110 more for the exercises.

# %%
import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display
from torch import nn

from course_lib.claims import claim, rounded
from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.sinusoidal import Sinusoidal
from course_lib.nn.stacks import Decoder, Encoder
from course_lib.plots import STYLES, attention_map, mask_picture, transformer_map
from course_lib.studies import study
from course_lib.views import attention_hover, outcome, predict, quiz, show

torch.set_num_threads(1)
_ = torch.manual_seed(0)

# %% [markdown]
# Today the right tower. Most of it you have built already.

# %%
inside = ("queries, keys, values", "scores", "masks", "softmax", "weighted sum", "heads")
done = (*inside, "embedding", "positions", "self-attention", "add & norm", "feed-forward")
today = ("masked self-attention", "cross-attention", "linear + softmax")
show(
    transformer_map(here=today, built=done),
    alt="Drawing of the Transformer, all built but three lit boxes on the right: masked self-attention, "
    "cross-attention, linear + softmax.",
)

# %% [markdown]
# ## 8.1 A language that counts backwards
#
# Ask a German for 23, and you hear *drei und zwanzig*: three and twenty. 4,923 is *vier tausend neun hundert drei und zwanzig*.
# The thousands come first, then the hundreds, as in English, and then the units overtake the tens: the smallest translation in
# which the order changes.
#
# (We cut the words apart and leave the pieces whole: *sieben zehn*, *ein* for *siebzehn*, *eins*.) Beside each word stands the place
# whose digit it tells, 3 for thousands down to 0 for units. The model never sees it.

# %%
low = "ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf".split()
tens = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split()


def spoken(n):
    """0 < n < 10,000 in German: a list of (word, the place whose digit it tells)."""
    if n >= 1000:
        return [(low[n // 1000 - 1], 3), ("tausend", None), *spoken(n % 1000)]
    if n >= 100:
        return [(low[n // 100 - 1], 2), ("hundert", None), *spoken(n % 100)]
    if n >= 20:
        unit = [(low[n % 10 - 1], 0), ("und", None)] if n % 10 else []
        return [*unit, (tens[n // 10 - 2], 1)]
    if n > 12:
        return [(low[n - 11], 0), ("zehn", 1)]
    return [(low[n - 1], 0 if n < 10 else 1)] if n else []


for n in (23, 17, 407, 4923):
    print(f"{n:>5}", *(word for word, _ in spoken(n)))

# %% [markdown]
# Look at 407: nobody says the zero. The writer has to notice that nothing was said.
#
# Every word becomes an id, every digit too, and short rows are filled up with padding, `[pad]`, id 0. The digits get two marks:
# `[start]` (in papers **BOS**, beginning of sequence), to have something to look at before the first digit is written, and `[end]`
# (**EOS**), which the writer writes when it is done.

# %%
words = ["[pad]", "null", *low, *tens, "und", "hundert", "tausend"]  # null is 0
digits = ["[pad]", "[start]", "[end]", *"0123456789"]
START, END = 1, 2
told = [spoken(n) or [("null", 0)] for n in range(10_000)]


def ids_of(rows, vocabulary):
    """Lists of tokens -> ids (row, seq), filled up with 0 on the right."""
    ids = [torch.tensor([vocabulary.index(token) for token in row]) for row in rows]
    return nn.utils.rnn.pad_sequence(ids, batch_first=True)


# Row n of both tables is the number n.
source = ids_of([[word for word, _ in row] for row in told], words)  # (number, key)
target = ids_of([["[start]", *str(n), "[end]"] for n in range(10_000)], digits)  # (number, query)
for n in (23, 4923):
    print(source[n].tolist(), "→", target[n].tolist())

# %% [markdown]
# The model learns from two thousand of the ten thousand numbers: all below 100, five times as often as others, and 1,900 of the
# rest. One thousand more, `unseen`, only judge. (Two thousand others helped to choose all settings before this page was written.)

# %%
torch.manual_seed(0)  # run again, it is the same numbers
shuffled = 100 + torch.randperm(9900)
seen = torch.cat([torch.arange(100).repeat(5), shuffled[:1900]])
unseen = shuffled[4000:5000]
claim("no number is in both", not set(seen.tolist()) & set(unseen.tolist()))
print(len(set(seen.tolist())), "numbers to learn from,", len(unseen), "to be judged by")

# %% [markdown]
# ## 8.2 Self-attention, cross-attention, feed-forward
#
# An encoder block has two sublayers: words talk, then each thinks alone. A **decoder block** has three:
#
# 1. The **masked self-attention**: look back at what is written so far, with a causal mask (chapter 04).
# 2. The cross-attention (chapter 03): look over at the memory. Queries from the writer, keys and values from the memory.
# 3. The feed-forward network of chapter 07: think.
#
# Each is wrapped as in chapter 07, here in pre-norm:
#
# $$x \leftarrow x + \text{self-attention}(\text{norm}(x))$$
#
# $$x \leftarrow x + \text{cross-attention}(\text{norm}(x),\ \text{memory})$$
#
# $$x \leftarrow x + \text{feed-forward}(\text{norm}(x))$$
#
# The memory comes normed already: the encoder ends with a norm of its own.
#
# **Your turn, before you read on**: `08.decoder-block`. In full, folded:


# %% jupyter={"source_hidden": true}
class Block(nn.Module):
    """A decoder block, pre-norm: three sublayers, each with a norm of its own."""

    def __init__(self, d_model, num_heads, d_ff):
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.norm1, self.norm2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.norm3 = nn.LayerNorm(d_model)

    def forward(self, x, memory, mask=None, memory_mask=None):
        x = x + self.self_attention(self.norm1(x), mask=mask)
        x = x + self.cross_attention(self.norm2(x), memory, mask=memory_mask)
        return x + self.feed_forward(self.norm3(x))


# %% [markdown]
# The library's block takes its parts from outside, so that they can be swapped, and can return its weights. We use it from here
# on.

# %%
d_model = 48


def around():
    return PreNorm(LayerNorm(d_model))  # x + sublayer(norm(x))


def look(num_heads):  # a new attention at each call
    return MultiHeadAttention(d_model, num_heads)


block = DecoderBlock(look(2), look(2), FeedForward(d_model, 96), around)
x = torch.randn(1, 5, d_model)  # (batch, query, d_model): five digits
memory = torch.randn(1, 7, d_model)  # (batch, key, d_model): seven words
past = causal_mask(5)

# %%
plain, state = Block(d_model, 2, 96), block.state_dict()  # its weights, under our names:
for name, ours in (("self", "norm1"), ("cross", "norm2"), ("feed_forward", "norm3")):
    state = {key.replace(f"around_{name}.norm", ours): w for key, w in state.items()}
plain.load_state_dict(state)  # an error if a name did not fit
out, weights = block(x, memory, past, return_weights=True)
gap = (plain(x, memory, past) - out).abs().max()
claim(f"{len(state)} tensors moved over, {out.numel()} numbers differ by < 1e-5", gap < 1e-5)
print("self, cross:", *(tuple(looked.shape) for looked in weights))  # (batch, heads, query, key)

# %% [markdown]
# The table of cross-attention is not square: one row for each digit, one column for each word. Whatever the lengths, the output
# is as long as what is *written*. Blocks are stacked as before, and all of them look at the *same* memory, that of the encoder's
# last layer.

# %% [markdown]
# ## 8.3 Which mask goes where
#
# Two attentions, so two masks. **Your turn, before you read on**: `08.decoder-masks`.
#
# Take 23, in a batch with 4,923, so that both of its rows are padded.

# %% jupyter={"source_hidden": true}
pair = torch.tensor([23, 4923])
given, heard = target[pair, :5], source[pair]  # (batch, query), (batch, key); why :5, see 8.6
mask = combine_masks(causal_mask(5), padding_mask(given, 0))  # (batch, 1, query, query)
memory_mask = padding_mask(heard, 0)  # (batch, 1, 1, key)
print("self:", tuple(mask.shape), " cross:", tuple(memory_mask.shape))
row = [digits[i] for i in given[0]]
column = [words[i] for i in heard[0]]
fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", width_ratios=[5, 7])
mask_picture(mask[0, 0], row, ax=axes[0], title="Self-attention: the past, no padding")
grid = memory_mask[0, 0].expand(5, 7)
mask_picture(grid, row, column, ax=axes[1], title="Cross-attention: every word, no padding")
show(
    fig,
    alt="Two grids for the number 23. Left, digits by digits: a triangle, with the column of padding hatched. "
    "Right, digits by words: the columns drei, und, zwanzig are bright in every row, the padding is hatched.",
)

# %% [markdown]
# Nothing is causal on the right. The whole sentence has been read before the first digit is written, so the writer may look at
# all of it. For 23 she has good reason: she writes the 2 first, and its word comes last.
#
# One rule for both: **a padding mask is made from the ids of the keys.** In the self-attention the keys are digits, in the
# cross-attention words.
#
# That makes three reasons to hide something: the future, the target's padding, the source's padding. How bad is it to forget one?
# For ten numbers of all lengths we compute what the block says when each is alone in its batch. Then all ten together, padded,
# with one mask left out. An output *changes* if it moves by more than $10^{-4}$; we count real positions only.


# %%
write_table, read_table = nn.Embedding(13, d_model), nn.Embedding(25, d_model)
ten = torch.tensor([7, 40, 23, 100, 407, 999, 5000, 4923, 17, 8012])


def said(numbers, leave_out=None):
    """The block's outputs (batch, query, d_model) for some numbers, without one of the masks."""
    given, heard = target[numbers], source[numbers]
    given = given[:, : (given > 0).sum(dim=1).max()]  # no more padding than they need
    heard = heard[:, : (heard > 0).sum(dim=1).max()]
    look_back = {"causal": causal_mask(given.shape[1]), "target padding": padding_mask(given, 0)}
    look_back.pop(leave_out, None)
    over = None if leave_out == "source padding" else padding_mask(heard, 0)
    back = combine_masks(*look_back.values())
    return block(write_table(given), read_table(heard), back, over)


predict("08.three-masks", "Without one of the three masks, nothing at all changes. Which one?")

# %%
alone = [said(n[None])[0] for n in ten]  # each (its own length, d_model)
counts = {}
for name in (None, "causal", "target padding", "source padding"):
    together = said(ten, leave_out=name)
    moved = [(together[i, : len(a)] - a).abs().amax(dim=-1) > 1e-4 for i, a in enumerate(alone)]
    counts[name] = int(torch.cat(moved).sum())
idle = [name for name, moved in counts.items() if name and moved == 0]
outcome("08.three-masks", f"the mask for {', '.join(idle)}")

# %% [markdown]
# The target's own padding. It stands *behind* every real digit, and behind is where the causal mask hides everything anyway. With
# padding on the left it would matter, so leave the mask in. But don't expect a test with right padding to notice that you forgot it.
#
# The counts. The first line is a promise: with all masks, a number is treated as if it were alone.

# %% tags=["tells"]
for name, moved in counts.items():
    print(f"without {name or 'nothing'}: {moved} of {sum(map(len, alone))} outputs change")

# %% [markdown]
# ## 8.4 All digits at once
#
# Here is the whole translator. `nn.Embedding` is a table with one learned vector for each token, `Sinusoidal` is chapter 06. One
# encoder block reads, two decoder blocks write. The last layer, `to_scores`, gives every target token a score, at every position.
#
# One peculiarity: our reader is a little deaf. Each word hears two neighbours on either side, which is enough to tell the *drei*
# of *drei hundert* from that of *drei und zwanzig*. Section 8.8 says why.


# %%
class Translator(nn.Module):
    """Words in, a score for every next digit out."""

    def __init__(self, hears=2):
        super().__init__()
        self.hears = hears
        self.read_table = nn.Embedding(len(words), d_model)
        self.write_table = nn.Embedding(len(digits), d_model)
        self.positions = Sinusoidal(d_model)
        reader = EncoderBlock(look(2), FeedForward(d_model, 96), around)
        writers = [DecoderBlock(look(2), look(1), FeedForward(d_model, 96), around) for _ in (1, 2)]
        self.encoder = Encoder([reader], LayerNorm(d_model))
        self.decoder = Decoder(writers, LayerNorm(d_model))
        self.to_scores = nn.Linear(d_model, len(digits))

    def read(self, source):
        place = torch.arange(source.shape[1])
        near = (place[:, None] - place).abs() <= self.hears  # (key, key)
        x = self.positions(self.read_table(source))
        return self.encoder(x, combine_masks(near, padding_mask(source, 0)))

    def score(self, given, memory, memory_mask):
        """Scores (batch, query, token), and each block's weights."""
        x = self.positions(self.write_table(given))
        mask = combine_masks(causal_mask(given.shape[1]), padding_mask(given, 0))
        x, weights = self.decoder(x, memory, mask, memory_mask, return_weights=True)
        return self.to_scores(x), weights

    def forward(self, source, given):
        return self.score(given, self.read(source), padding_mask(source, 0))[0]


# %% [markdown]
# It **writes** in a loop. Read the words once. Hand over `[start]`, take the token with the best score at the last position,
# append it, and hand over everything again. Always taking the best is called **greedy decoding**; chapter 11 knows other ways.
#
# This loop writes on to a fixed length; what follows the first `[end]` is cut off. A number is right when every digit is, and the
# end stands where it should. (The keys and values of what is written can't change under a causal mask, and yet they are computed
# again at each step. Whoever keeps them has a **KV cache**, chapters 11 and 18.)


# %%
@torch.no_grad()
def write(model, source, steps=5, given=None):
    """Greedy writing: source (batch, key) -> ids (batch, 1 + steps), `[start]` included."""
    memory, memory_mask = model.read(source), padding_mask(source, 0)
    given = torch.full((len(source), 1), START) if given is None else given
    for _ in range(steps):
        scores, _ = model.score(given, memory, memory_mask)
        given = torch.cat([given, scores[:, -1:].argmax(dim=-1)], dim=1)
    return given


# %%
def text(ids):
    """What stands between `[start]` and the first `[end]`."""
    tokens = [digits[i] for i in ids[1:].tolist()] + ["[end]"]
    return "".join(tokens[: tokens.index("[end]")])


def right(model, numbers):
    """(number,) -> bool: which of them does the model write without a mistake?"""
    written = write(model, source[numbers])
    return torch.tensor([text(row) == str(n) for row, n in zip(written, numbers.tolist())])


print("untrained:", text(write(Translator(), source[[4923]])[0]).replace("[", " ["))

# %% [markdown]
# Training needs no loop over positions. The right answer is known, so hand over *all* of it at once, and let every position guess
# in one pass; the causal mask sees to it that each guess rests on the past alone. Whatever the model would have written itself, at
# every position it is shown the *right* beginning, as by a teacher who corrects each digit before asking for the next. Hence the
# name: **teacher forcing**.

# %%
model = Translator()
together = model(heard, given)  # 23 and 4,923 again: (batch, query, token), one pass
gaps = []
for t in range(5):
    cut = model(heard, given[:, : t + 1])[:, -1]  # as if the rest had not been written yet
    gaps.append((cut - together[:, t]).abs().max())
claim("one pass gives what five steps of the loop would", max(gaps) < 1e-5)

# %% [markdown]
# ## 8.5 A loss that is too good
#
# The loop, in full. `F.cross_entropy` is the loss of chapter 04: $-\ln$ of the probability given to the right token, averaged;
# padding doesn't count. The optimiser, Adam, then moves every parameter a small step in the direction in which the loss falls
# (its rate, `lr`, shrinks to nothing towards the end). `zero_grad` comes first, since `backward` *adds* to the gradients that are
# there. Chapter 10 explains all this. What the decoder is *given* and *asked* is left open: `task` says it.


# %%
def train(model, task, steps):
    """Teach `model`; `task(target)` says what the decoder is given and asked. The losses."""
    optimizer = torch.optim.Adam(model.parameters())
    losses = []
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.005 * (1 - step / steps)
        numbers = seen[torch.randint(len(seen), (64,))]
        given, asked = task(target[numbers])
        scores = model(source[numbers], given)
        loss = F.cross_entropy(scores.flatten(0, 1), asked.flatten(), ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% [markdown]
# A first attempt. The target goes in, the target should come out; the causal mask hides the future. After sixty steps the loss is
# below 0.05: the right token gets a probability of about $e^{-0.05}$, 95 percent.

# %%
torch.manual_seed(0)
eager = Translator()
eager_losses = train(eager, lambda target: (target, target), steps=60)  # given, asked
claim("after 60 steps the loss is below 0.05", max(eager_losses[-5:]) < 0.05)
predict("08.too-good", "How many of the 1,000 unseen numbers will it write right?")

# %%
with torch.no_grad():
    guesses = eager(source[unseen], target[unseen]).argmax(dim=-1)
real = target[unseen] > 0
hits = (guesses == target[unseen])[real].float().mean()
outcome("08.too-good", f"{int(right(eager, unseen).sum())} of 1,000")

# %% [markdown]
# Not one. What does it write?

# %% tags=["tells"]
claim("asked as in training, it is right at every position of all unseen numbers", hits == 1)
for n in (4923, 23):
    print(n, "→", *(digits[i] for i in write(eager, source[[n]])[0]))

# %% [markdown] tags=["tells"]
# It repeats what it was given. At position $t$ the causal mask shows it tokens $0$ to $t$, and we asked for token $t$: the answer
# lies on the desk. Nothing is wrong with the mask. **The leak is in the batch**: question and answer are the same token.
#
# See who was silent. The loss looked splendid, on numbers kept apart (*held-out* data), too, since copying works on any number. The
# test of chapter 04, to change the future and watch the past, finds nothing. What *would* have cried out?

# %%
changed = target[unseen].clone()
changed[:, 3:] = 5
swapped = source[unseen.roll(1)]  # everyone gets the words of another number
with torch.no_grad():
    scores, later = (eager(source[unseen], ids) for ids in (target[unseen], changed))
    guesses = eager(swapped, target[unseen]).argmax(dim=-1)
claim("the future is hidden", torch.equal(scores[:, :3], later[:, :3]))
claim("with another's words it is still never wrong", (guesses == target[unseen])[real].all())

# %% [markdown]
# A translator that does not care what it translates. So there are three alarms: a loss that is too good too soon, a result that
# does not depend on the source, and, above all, *letting it write*. Judge a writer by what she writes.

# %% [markdown]
# ## 8.6 One step apart
#
# The repair is one step to the side, a **shifted target**. Position $t$ is given token $t$ and asked for token $t+1$:
#
# | position | 0 | 1 | 2 |
# |---|---|---|---|
# | given | `[start]` | 2 | 3 |
# | asked | 2 | 3 | `[end]` |
#
# What is asked for is called the **labels**. (In a batch, shorter rows keep their `[end]` among the given. What is asked there is
# padding, which doesn't count. `08.shift` leaves it out.)
#
# **Your turn**: `08.shift`, then `08.leak-test`, which would have saved section 8.5.


# %%
def shifted(target):
    """(batch, seq) with both marks -> given and asked, each (batch, seq - 1)."""
    return target[:, :-1], target[:, 1:]


torch.manual_seed(0)
model = Translator()
losses = train(model, shifted, steps=300)

# %% jupyter={"source_hidden": true}
fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
ax.plot(eager_losses, label="not shifted", color=STYLES["theirs"]["color"], linestyle="--")
ax.plot(losses, label="one step apart", color=STYLES["ours"]["color"])
ax.axhline(torch.tensor(11.0).log(), label="guessing among 10 digits and [end]", **STYLES["theory"])
ax.set(xlabel="training step", ylabel="loss", yscale="log", title="The steeper curve cannot write")
ax.legend(loc="upper right", bbox_to_anchor=(1, 0.92))
show(
    ax,
    alt="Loss over training steps, log scale. Not shifted: falls steeply to about 0.01 within 60 steps and "
    "ends. One step apart: starts at the same height and falls more slowly, at 60 steps about ten times higher.",
)

# %% [markdown]
# At step 60 the honest model is far behind. Now it writes.

# %%
good = right(model, unseen)
claim("at step 60 the honest loss was more than 3 times as high", losses[59] > 3 * eager_losses[59])
claim("more than 97 of 100 unseen numbers are written right", good.float().mean() > 0.97)
claim("and all of those below 100, which it practised", right(model, torch.arange(100)).all())

# %% [markdown]
# Teacher forcing has a price: the model has never seen a mistake of its own. Put one into its mouth, a wrong digit, and let it
# write on. We take the unseen numbers of seven words, like 4,923.

# %%
full = torch.tensor([n for n in unseen.tolist() if n > 999 and len(told[n]) == 7])


def after_slip(model, at):
    """With a wrong digit at `at`: what is written behind it, what should be, the digit taken away."""
    begun = target[full, : at + 1].clone()
    begun[:, at] = 4 + (begun[:, at] - 3) % 9  # one more than the right digit; 9 becomes 1
    wrote = write(model, source[full], steps=5 - at, given=begun)
    return wrote[:, at + 1 :], target[full, at + 1 :], target[full, at]


def slipping(target):  # a tenth of the given digits, drawn at random
    given, asked = shifted(target)
    slip = (given > END) & (torch.rand(given.shape) < 0.1)
    return torch.where(slip, torch.randint(3, 13, given.shape), given), asked


torch.manual_seed(0)
practised = Translator()
train(practised, slipping, steps=300)
wrote, wanted, taken = after_slip(model, at=1)  # the thousands
wrong = wrote[:, 0] != wanted[:, 0]
claim("thousands wrong: more than 1 of 50 hundreds become wrong", wrong.float().mean() > 0.02)
late, back = (wrote[:, 0] == taken)[wrong], (wrote == wanted)[:, 1:].float()
claim("more than 4 of 5 of these are the digit taken away", late.float().mean() > 0.8)
claim("tens, units, [end] behind it: each right in 9 of 10", back.mean(dim=0).min() > 0.9)
for at, place in enumerate(("thousands", "hundreds", "tens"), start=1):
    wrote, wanted, _ = after_slip(practised, at)
    share = (wrote == wanted).float().mean(dim=0)
    claim(f"with practice, {place} wrong: all behind right in 98 of 100", share.min() > 0.98)

# %% [markdown]
# After a wrong thousands digit, hundreds become wrong, too: mostly the model says what we took from its mouth, one place late. Then
# it finds its way back, as the words can still be read. (How often, and after which other slips, depends on the seed and even on
# the machine.) The gap between training on right beginnings and writing on from one's own is **exposure bias**. Train with a tenth
# of the given digits at random (*with practice*), and no slip shakes it.
#
# **Your turn**: the full writing loop, `08.greedy`.

# %% [markdown]
# ## 8.7 Runs that fail
#
# Other mistakes raise no error either. A *study* (as in 1.5) trained a smaller translator (numbers below 1,000, dropout 0.1)
# and noted the training loss, the share of unseen numbers that it writes right, and the **gradient norm**, the length of all
# gradients taken as one vector. A norm above 1 is scaled down to 1 before the step: **gradient clipping**.
#
# Then the same with one of seven mistakes, three seeds each: gradients never set to zero; no shift; padding counted in the loss;
# the causal mask transposed; a rate a hundred times too high; judged with dropout on; clipped only after the step.

# %%
predict("08.curves", "Seven mistakes: how many end above ten times the healthy training loss?")

# %%
failed = study("08_failed_runs")["results"]


def middle(kind, curve, at=-1):
    """The median of the three seeds, at the end of a curve or earlier."""
    return torch.tensor([run[curve][at] for run in failed[kind]]).median().item()


print(f"{'':29}   loss  unseen   norm   unseen right: step 60, end")
for kind in failed:
    row = f"{middle(kind, 'loss'):.3f}   {middle(kind, 'unseen loss'):.3f}   {middle(kind, 'norm'):.2f}"
    print(f"{kind:29}  {row}   {middle(kind, 'written', 3):.2f}, {middle(kind, 'written'):.2f}")
limit = 10 * middle("healthy", "loss")
given_away = [kind for kind in failed if middle(kind, "loss") > limit]
outcome("08.curves", f"{len(given_away)} of 7: {given_away[0]}")

# %% [markdown]
# *Not shifted* and *mask transposed* are the dangerous ones. At the end their training loss alarms nobody (the first one's fell too
# soon, 8.5), their loss on unseen numbers is far too good, and nothing can be written.
#
# *Never set to zero* learns, late, and ends with a norm near 1. It survives because we clip: at every step the heap of old
# gradients is shrunk to length 1, and fades.
#
# The other three end as well as the healthy run *here*, where few rows are padded, little dropout is on and little is clipped.
# Elsewhere they cost; read the loop. Watch the norm beside the loss, and something written beside both.
#
# **Your turn**: the curves themselves, and a loop to mend, in `08.failed-run`.

# %% [markdown]
# ## 8.8 The crossing
#
# Watch her eyes. The cross-attention of the last block has a row for each position and a column for each word. Careful with
# the rows: position $t$ is *given* token $t$ but *writes* token $t+1$. We name rows by what they write.


# %%
@torch.no_grad()
def eyes(numbers, layer):
    """The cross-attention of one block, (batch, query, key); row t writes token t + 1."""
    given, _ = shifted(target[numbers])
    memory, memory_mask = model.read(source[numbers]), padding_mask(source[numbers], 0)
    _, weights = model.score(given, memory, memory_mask)
    return weights[layer][1][:, 0]  # (self, cross); the only head


# %% [markdown]
# It was taught 4,923. Of the unseen numbers of this form, here is the nearest to it:

# %% jupyter={"source_hidden": true}
claim("4,923 was taught", 4923 in seen.tolist())
n = min(full.tolist(), key=lambda n: abs(n - 4923))
writes, heard = [*str(n), "[end]"], [word for word, _ in told[n]]
fig, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
for layer, title in enumerate(("First block", "Second block: the looks cross")):
    attention_map(eyes(torch.tensor([n]), layer)[0], writes, heard, ax=axes[layer], title=title)
    axes[layer].set(ylabel="writes", xlabel="word that is looked at")
fig.colorbar(axes[1].collections[0], ax=axes, label="weight", shrink=0.7)
show(
    fig,
    alt="Two cross-attention maps. Right, second block: the first two digits look at the first and third word, "
    "then the tens at the last word and the units back at the fifth: the bright cells cross. Left: less clear.",
)

# %% [markdown]
# Nobody told the model which word belongs to which digit. It was shown pairs, and the loss did the rest. Down the first rows the
# bright cell moves right; then the tens reach for the last word, the units come back, and the two looks cross. Such a map is
# called an **alignment**.
#
# One number is an anecdote. So: all unseen numbers of this form; then, in every unseen number, *every* digit that some word tells.

# %%
mean = eyes(full, layer=1).mean(dim=0)  # (query, key)
claim("on average, digits look at words 1, 3, 7, 5", mean[:4].argmax(-1).tolist() == [0, 2, 6, 4])
found = []
for number, weights in zip(unseen.tolist(), eyes(unseen, layer=1)):
    for word, (_, place) in enumerate(told[number]):
        if place is not None:
            found.append(weights[len(str(number)) - 1 - place].argmax() == word)
claim("over 85 of 100 such digits look most at their own word", sum(found) > 0.85 * len(found))

# %% [markdown]
# Choose a number, and point at a digit. Try 407: where does one look for what was not said? (Without Python: the right map, of
# 4,896.)


# %% tags=["nbval-ignore-output"]
def follow(number):
    wrote = text(write(model, source[[number]])[0])
    print("writes", wrote, "✓" if wrote == str(number) else "✗")
    heard, weights = [word for word, _ in told[number]], eyes(torch.tensor([number]), layer=1)[0]
    rows = [*str(number), "[end]"]
    shown = weights[: len(rows), : len(heard)]
    display(attention_hover(rows, shown, heard, title="Where each digit looks"))


widgets.interactive(follow, number=widgets.BoundedIntText(4923, 0, 9999, continuous_update=False))

# %% [markdown]
# A bright map says where a head looks, not that it matters (chapter 05). So test it: hide a single note from the writer, in both
# blocks, with the tool made for it, the mask. We take all unseen numbers of seven words and count wrong digits. Every digit
# is given the right beginning, so that one mistake can't cause the next.


# %%
@torch.no_grad()
def wrong_without(*hidden):
    """The share of wrong digits, (4,), when some notes are hidden."""
    given, asked = shifted(target[full])
    memory_mask = padding_mask(source[full], 0).clone()
    memory_mask[..., list(hidden)] = False
    scores, _ = model.score(given, model.read(source[full]), memory_mask)
    return (scores.argmax(dim=-1) != asked)[:, :4].float().mean(dim=0)


# %%
predict("08.hide", "4,923 with the note of zwanzig hidden: which of the four digits become wrong?")

# %%
places = ["thousands", "hundreds", "tens", "units"]
harm = torch.stack([wrong_without(word) for word in range(7)])  # (word, digit)
lost = [place for place, share in zip(places, harm[6]) if share > 0.3]
outcome("08.hide", f"only the {', '.join(lost)}" if len(lost) == 1 else f"{len(lost)}: {lost}")

# %%
own = harm[[0, 2, 6, 4], [0, 1, 2, 3]]  # each digit without its own word
claim("each digit is mostly lost without its own word", own.min() > 0.5)
others = harm[[0, 2, 6, 4]].sum(dim=1) - own
claim("and then the three others together suffer little", others.max() < 0.15)
notes_of = ["[thousands]", "tausend", "[hundreds]", "hundert", "[units]", "und", "[tens]"]
fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
attention_map(mean[:4], places, notes_of, ax=axes[0], title="Where each digit looks, on average")
attention_map(harm.T, places, notes_of, ax=axes[1], title="Hide a note: which digits are wrong?")
axes[0].set(ylabel="digit that is written", xlabel="word that is looked at")
axes[1].set(ylabel="", xlabel="word whose note is hidden")
fig.colorbar(axes[1].collections[0], ax=axes, label="weight; share of wrong digits", shrink=0.7)
show(
    fig,
    alt="Two maps of four digits by seven words. Left, mean weights: each digit bright at its own word, crossing "
    "at the end. Right, share of wrong digits when a note is hidden: the same four cells are bright.",
)

# %% [markdown]
# Take away the note where a digit looks, and this digit is lost, while its neighbours don't notice.
#
# Don't count on it elsewhere. The words have talked, so the note under *hundert* may know what comes three words later. That is why
# we made our reader deaf. What if every word hears the whole sentence, `Translator(hears=7)`? A study trained both
# kinds with five seeds. In how many is the map right? How many tens are wrong without their word?

# %% jupyter={"source_hidden": true}
found, crossing = study("08_ears")["results"], torch.tensor([0, 2, 6, 4])
fig, ax = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
for (name, runs), style in zip(found.items(), ("ours", "theirs")):
    maps = torch.tensor([run["map"] for run in runs])  # (seed, digit, word)
    hidden = torch.tensor([run["one hidden"] for run in runs])  # (seed, word, digit)
    hidden = hidden[:, crossing, torch.arange(4)]  # (seed, digit), each without its own note
    *others, tens = hidden[:, [0, 1, 3, 2]].T
    same = (maps.argmax(dim=-1) == crossing).all(dim=-1)
    print(f"{name}: the map above in {same.sum()} of 5; tens wrong:", rounded(tens, 2))
    print(
        f"{'':9}the three others wrong: {min(map(min, others)):.2f} to {max(map(max, others)):.2f}"
    )
    points = STYLES[style] | {"linestyle": "", "alpha": 0.8}
    ax.plot(maps[:, 2, 6], tens, label=name, **points)
ax.set(xlabel="weight of the tens digit on its own word", ylabel="tens wrong without it")
ax.set(xlim=(-0.03, 1.03), ylim=(-0.05, 1.05))
ax.set_title("Tens: equally bright, not equally needed")
ax.legend(loc="upper left")
show(
    ax,
    alt="Scatter, five seeds each: weight of the tens digit on its word against the share wrong when that note is hidden. Hears 2: all five at "
    "the upper right. Hears 7: four as bright, but wrong in a fifth to four fifths only; the fifth at weight and share near zero.",
)

# %% [markdown]
# Four maps of five are right, and as bright as before. But without the note where they look, the tens often come out right, how
# often depends on the seed: other notes have heard *zwanzig*, too. The fifth map shows the tens under another word, and there
# *zwanzig* is not needed at all. (The three other digits still need their own.) So the picture may be right and the explanation,
# "it was computed from this word", wrong.

# %% [markdown]
# ## 8.9 Find the bug
#
# A part of a translator. Its author tested it on 23 and 57, and it was right.


# %%
def look_over(block, x, memory, source, given):
    """Cross-attention that leaves out padding."""
    mask = padding_mask(given, 0)
    return block.cross_attention(x, memory, mask=mask)


predict("08.whose-mask", "23 with 57, with 40, with 4,923: which is right, wrong, an error?")

# %%
verdicts = []
for numbers in ([23, 57], [23, 40], [23, 4923]):
    heard = source[numbers][:, : max(len(told[n]) for n in numbers)]
    given = target[numbers][:, : 1 + max(len(str(n)) for n in numbers)]
    x, memory = write_table(given), read_table(heard)
    good = block.cross_attention(x, memory, mask=padding_mask(heard, 0))
    try:
        same = torch.allclose(look_over(block, x, memory, heard, given), good, atol=1e-5)
        verdicts.append("right" if same else "wrong")
    except ValueError as error:
        verdicts.append(f"an error, {str(error).split(', whose')[0]!r}")
outcome("08.whose-mask", ", ".join(verdicts))

# %% [markdown]
# The mask was made from the ids of the *writer*, but the keys are the *reader's* words. *drei und zwanzig* is three words, `[start]`
# 2 3 three tokens, so the shapes fit by chance; nothing is padded, so even the result is right. With 40, *vierzig*, padding gets
# looked at, and no one says a word. Only different lengths raise the error (at the first token not even they: one column
# stretches over all).
#
# **Your turn**: `08.cross-mask-bug`.

# %% [markdown]
# ## Summary
#
# - A decoder block looks back (masked self-attention), looks over (cross-attention: queries from the writer, keys and values from
#   the memory), then thinks. All blocks look at the same memory.
# - A padding mask is made from the ids of the **keys**: the target's (and a causal mask) for self-attention, the source's for
#   cross-attention.
# - **Teacher forcing**: the right beginning at every position, all positions in one pass. Its price is that the model never meets
#   its own mistakes.
# - Given and asked are **one step apart**. Without the step the loss is splendid, the mask test passes, unseen data agree, and
#   nothing can be written. Let it write; swap the sources.
# - Writing is a loop: the memory once, then one token at a time, until `[end]`.
# - A cross-attention map is an **alignment**. Hide a note to see whether it tells the truth: where the reader's words hear each
#   other, the picture may be right and the explanation wrong.
#
# Both towers stand. Chapter 09 puts them together.
#
# ## Quiz

# %%
quiz("08")

# %% [markdown]
# ## Interview questions
#
# Answer aloud before you open the answer.
#
# <details><summary>What are the three sublayers of a decoder block, and where do queries, keys and values come from in each?</summary>
#
# Masked self-attention: all three from what is written so far. Cross-attention: queries from what is written, keys and values from
# the encoder's output. Feed-forward: no attention, each position alone. A residual connection and a norm go around each (8.2).
#
# </details>
#
# <details><summary>Which masks does an encoder–decoder need in training?</summary>
#
# Source padding in the encoder and again in the cross-attention, of shape (batch, 1, 1, key). Causal and target padding in the
# decoder's self-attention, (batch, 1, query, query). No causal mask in the cross-attention: the source is known in full. Padding
# also has to leave the loss.
#
# </details>
#
# <details><summary>Training loss 0.01 after a minute; the model generates garbage. What do you check first?</summary>
#
# Whether the labels are shifted against the decoder's input: print one row of both. Then whether the result depends on the source
# at all, then the causal mask. A leak in the batch passes every test of the mask and looks fine on held-out data (8.5).
#
# </details>
#
# <details><summary>What is teacher forcing, why is it fast, and what does it cost?</summary>
#
# In training every position is given the right beginning, which is known in advance, so all positions are trained in one parallel
# pass; in writing, each input is the output before it. The price: the model never learns to go on after its own mistake, exposure
# bias (8.4, 8.6).
#
# </details>
#
# <details><summary>Is cross-attention an explanation of the translation?</summary>
#
# It says where keys got weight, not what their values held: the encoder has mixed words, so a note may carry its neighbours. In
# 8.8 two kinds of model had equally bright maps; in one the hidden note cost the digit, in the other the tens often survived it.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Open [exercises/08_decoder.ipynb](exercises/08_decoder.ipynb). About 110 minutes.
#
# | exercise | asks you to |
# |---|---|
# | `08.decoder-block` | write the block's forward |
# | `08.decoder-masks` | build both masks from ids |
# | `08.shift` | make the decoder's input and the labels from raw rows |
# | `08.leak-test` | write a test that finds the leak in a batch |
# | `08.greedy` | write until everyone has ended |
# | `08.failed-run` | read the curves of runs that fail, and mend the loop |
# | `08.cross-mask-bug` | mend a cross-attention that looks at padding |
#
# Into your box of parts go the shift, both masks, `DecoderBlock` and a writing loop.

# %% [markdown]
# ## Further reading
#
# - Vaswani et al. 2017, *Attention Is All You Need*, sections 3.1 and 3.2.3, arXiv:1706.03762.
# - Bahdanau, Cho and Bengio 2014, *Neural Machine Translation by Jointly Learning to Align and Translate*,
#   arXiv:1409.0473. Cross-attention is invented; figure 3 shows French and English crossing.
# - Jain and Wallace 2019, *Attention is not Explanation*, arXiv:1902.10186; Wiegreffe and Pinter 2019, *Attention is not not
#   Explanation*, arXiv:1908.04626.
# - Williams and Zipser 1989, *A Learning Algorithm for Continually Running Fully Recurrent Neural Networks*, Neural Computation
#   1(2): teacher forcing gets its name. Ranzato et al. 2015, *Sequence Level Training with Recurrent Neural Networks*,
#   arXiv:1511.06732: exposure bias, and what was tried against it.
#
# ## Glossary
#
# - **decoder block**: masked self-attention, cross-attention and feed-forward network, each with a norm around it.
# - **encoder output**: one vector for each token of the source; also called memory.
# - **BOS**: the mark that stands before the first token of a target; here `[start]`.
# - **EOS**: the mark that says that a sequence is over; here `[end]`.
# - **shifted target**: what is asked stands one position ahead of what is given.
# - **teacher forcing**: in training each position is given the right beginning, not the model's own.
# - **exposure bias**: a model trained on right beginnings has never seen its own mistakes.
# - **greedy decoding**: writing the token with the best score, again and again.
# - **KV cache**: keys and values of what is written already, kept for the next token.
# - **alignment**: a map of which written token belongs to which token that was read.
# - **gradient norm**: the length of all gradients taken as one vector.
# - **gradient clipping**: scaling the gradients down when their norm is above a limit.
