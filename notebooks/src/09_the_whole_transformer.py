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
# **Does the whole thing work?** For seven chapters you have made parts. Now we write down the model of the paper, the one that
# started it all, in about 120 lines. We count its numbers, and make it do two things that nobody programs into it: copy a word, and
# turn it round. At the end we take it apart again: half of it is GPT, and it writes.
#
# After this chapter you can
#
# - write an encoder–decoder from nothing, and say what each line is in the paper,
# - count any such model before you build it, and check a published number,
# - say what its first weights should be, and why one table can do three jobs,
# - train it until it hardly makes a mistake, and read in its attention how it does it,
# - find the mistake that shows only in company,
# - make an encoder-only and a decoder-only model from the same parts, and judge one that writes.
#
# You need 04 to 08. About 80 minutes, and 100 more for the exercises.

# %%
import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display
from torch import nn

from course_lib.claims import claim
from course_lib.data.corpora import shakespeare
from course_lib.models.seq2seq import BASE, BIG, Seq2Seq, Seq2SeqConfig
from course_lib.nn.masks import causal_mask
from course_lib.plots import CYCLE, head_grid, transformer_map
from course_lib.plots.transformer import PARTS
from course_lib.studies import study
from course_lib.views import attention_hover, outcome, predict, quiz, show, transformer_diagram

torch.set_num_threads(1)
_ = torch.manual_seed(0)
show(
    transformer_map(here=None, built=PARTS),
    alt="Drawing of the Transformer: the inside of attention, the encoder and the decoder. Every box is filled in "
    "as built.",
)

# %% [markdown]
# **Your turn, before you read on**: `09.tied-head`, a table that turns tokens into vectors, and vectors into scores.
#
# ## 9.1 The whole model on the page
#
# Here is every line, and beside each part what the paper says, with its section.
#
# *Section 3.4*: tokens become vectors of $d_{model}$ numbers by a learned table, multiplied by $\sqrt{d_{model}}$ (9.4 says why).
# *3.5*: sines and cosines of many wavelengths, chapter 06's **positional encoding**, are added. *5.4*: then **dropout** (chapter
# 05): in training a tenth of all numbers, drawn anew each time, becomes 0, and the others grow by 1/0.9.


# %%
class Embedding(nn.Module):
    """Ids -> vectors that say what stands there, and where."""

    def __init__(self, vocab_size, d_model, dropout, max_len=512):
        super().__init__()
        self.scale = d_model**0.5
        self.table = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.table.weight, std=1 / self.scale)
        self.dropout = nn.Dropout(dropout)
        place = torch.arange(max_len)[:, None]
        angles = place / 10_000 ** (torch.arange(0, d_model, 2) / d_model)
        positions = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
        self.register_buffer("positions", positions, persistent=False)  # (max_len, d_model)

    def forward(self, ids):
        x = self.table(ids) * self.scale  # (batch, seq, d_model)
        return self.dropout(x + self.positions[: ids.shape[1]])


way_in = Embedding(29, 48, dropout=0.1)
print("buffers:", [name for name, _ in way_in.named_buffers()], " saved:", [*way_in.state_dict()])

# %% [markdown]
# The encoding is not learned, so it is no parameter. It is a **buffer** (chapter 04), which goes along when the model moves to a GPU.
# `persistent=False` keeps it out of saved files: it can be computed again.
#
# *3.2.2*: attention runs in $h$ heads at once, each in $d_{model}/h$ numbers; their outputs are laid side by side and projected.
# *3.2.1*: in each head softmax$(QK^T/\sqrt{d_k})V$. *3.2.3*: what must not be seen becomes $-\infty$ before the softmax.


# %%
class MultiHeadAttention(nn.Module):
    """`x` asks, `memory` is asked; `mask` is True where looking is allowed."""

    def __init__(self, d_model, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.to_q = nn.Linear(d_model, d_model)
        self.to_k = nn.Linear(d_model, d_model)
        self.to_v = nn.Linear(d_model, d_model)
        self.to_out = nn.Linear(d_model, d_model)

    def split(self, x):
        """(batch, seq, d_model) -> (batch, heads, seq, d_head)"""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def forward(self, x, memory, mask):
        q = self.split(self.to_q(x))
        k, v = self.split(self.to_k(memory)), self.split(self.to_v(memory))
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5  # (batch, heads, query, key)
        weights = scores.masked_fill(~mask, float("-inf")).softmax(dim=-1)
        return self.to_out((weights @ v).transpose(1, 2).flatten(-2))


# %% [markdown]
# *3.3*: two linear layers with a ReLU between them, the same at every position. *3.1* and *5.4*: the output of a sublayer gets
# dropout, is added to what went in, and then normed (post-norm).


# %%
class FeedForward(nn.Module):
    """The same two layers for every position."""

    def __init__(self, d_model, d_ff):
        super().__init__()
        self.up, self.down = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)

    def forward(self, x):
        return self.down(self.up(x).relu())


class AddAndNorm(nn.Module):
    """What goes around every sublayer."""

    def __init__(self, d_model, dropout):
        super().__init__()
        self.norm, self.dropout = nn.LayerNorm(d_model), nn.Dropout(dropout)

    def forward(self, x, said):
        return self.norm(x + self.dropout(said))


# %% [markdown]
# *3.1*: an encoder block has two sublayers, self-attention and feed-forward; a decoder block has a third between them, which
# attends to the output of the encoder (*3.2.3*: queries from the decoder, keys and values from that output).


# %%
class EncoderBlock(nn.Module):
    """All words talk, then each thinks alone."""

    def __init__(self, d_model, num_heads, d_ff, dropout):
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.around_attention = AddAndNorm(d_model, dropout)
        self.around_feed_forward = AddAndNorm(d_model, dropout)

    def forward(self, x, mask):
        x = self.around_attention(x, self.attention(x, x, mask))
        return self.around_feed_forward(x, self.feed_forward(x))


# %% [markdown]
# Masks are made from ids, on the device where the ids are (a new tensor is on the CPU unless one says `device=`).


# %%
def may_look(ids, causal=False, pad_id=0):
    mask = (ids != pad_id)[:, None, None, :]  # (batch, 1, 1, key)
    if causal:
        n = ids.shape[1]
        mask = mask & torch.ones(n, n, dtype=torch.bool, device=ids.device).tril()
    return mask  # (batch, 1, 1 or query, key)


class DecoderBlock(nn.Module):
    """Self-attention, cross-attention, feed-forward."""

    def __init__(self, d_model, num_heads, d_ff, dropout):
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.around_self = AddAndNorm(d_model, dropout)
        self.around_cross = AddAndNorm(d_model, dropout)
        self.around_feed_forward = AddAndNorm(d_model, dropout)

    def forward(self, x, memory, mask, memory_mask):
        x = self.around_self(x, self.self_attention(x, x, mask))
        x = self.around_cross(x, self.cross_attention(x, memory, memory_mask))
        return self.around_feed_forward(x, self.feed_forward(x))


# %% [markdown]
# *3* and *3.1*: $N$ blocks on each side; the encoder runs once, the decoder reads its output, the **memory**. *3.4*: a last linear
# layer and a softmax turn vectors into probabilities. We stop at the logits, as the loss wants them, and call that layer the
# **output head**. (3.4 also shares one table among the three; ours doesn't yet: 9.2.)


# %%
class Transformer(nn.Module):
    """Reads `source` once, and scores what follows each token of `target`."""

    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, dropout=0.1):
        super().__init__()
        sizes = (d_model, num_heads, d_ff, dropout)
        self.embed_source = Embedding(vocab_size, d_model, dropout)
        self.embed_target = Embedding(vocab_size, d_model, dropout)
        self.encoder = nn.ModuleList(EncoderBlock(*sizes) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderBlock(*sizes) for _ in range(num_layers))
        self.head = nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, source):
        x = self.embed_source(source)
        for block in self.encoder:
            x = block(x, may_look(source))
        return x

    def decode(self, target, memory, source):
        x, mask = self.embed_target(target), may_look(target, causal=True)
        for block in self.decoder:
            x = block(x, memory, mask, may_look(source))
        return self.head(x)

    def forward(self, source, target):
        return self.decode(target, self.encode(source), source)


# %% [markdown]
# Is it the model? The library's is called `Seq2Seq`, and a **configuration** holds its sizes. Both have the same parts under nearly
# the same names, so weights can move over. (`eval()` switches dropout off.)
#
# Tokens shall be letters, with three marks in front: padding, start (BOS) and end (EOS), here `·`, `^` and `$`. Two words go in
# together, to be turned round. Three columns: what is read, what is given to the decoder, what she is asked for.

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


source, asked = ids_of(["animal", "it"]), ids_of(["lamina", "ti"])
given = F.pad(asked, (1, 0), value=START)[:, :-1]  # one step apart, as in 8.6
for row in zip(source, given, asked):
    print(*("".join(tokens[i] for i in ids) for ids in row), sep="   ")

# %%
sizes = Seq2SeqConfig(29, 29, d_model=48, num_heads=2, num_layers=2, d_ff=96)
theirs, ours = Seq2Seq(sizes).eval(), Transformer(29, 48, 2, 2, 96).eval()
state = {name.replace(".blocks", ""): weight for name, weight in theirs.state_dict().items()}
ours.load_state_dict(state)  # an error if a name or a shape did not fit
scores, alone = ours(source, given), ours(source[1:, :3], given[1:, :3])
gap = (scores - theirs(source, given)).abs().max()
claim(f"{len(state)} tensors moved over, {scores.numel()} logits differ by < 1e-5", gap < 1e-5)
claim('"it" gets the same scores without company', torch.allclose(alone, scores[1:, :3], atol=1e-5))

# %% [markdown]
# The last line is the promise of the masks: what a word gets does not depend on its neighbours in the batch (9.8).
#
# ## 9.2 How many numbers?
#
# The paper's own model is called **base**: 512 numbers for each token, eight heads, six blocks on each side, 2,048 numbers inside
# the feed-forward network. English and German share one vocabulary of about 37,000 tokens, and one table serves three times: for
# the source, for the target, and as the output head. Such sharing is called **weight tying**.


# %%
def count(part):
    """How many numbers a part learns; what is shared inside it counts once."""
    return sum(parameter.numel() for parameter in part.parameters())


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
# The encoder's block has one attention, one network, two norms; the decoder's has two attentions and three norms. The number of
# heads doesn't appear: they share the width (chapter 05). Nor does the length of the text: the positional encoding is calculated.
#
# To see it in code we need a base model, but not its numbers. On PyTorch's **meta device** a tensor has a shape and nothing in it,
# so the largest model is built in no time. (From here on we use the library's model.)

# %%
with torch.device("meta"):
    base, big = Seq2Seq(BASE), Seq2Seq(BIG)
    untied = Transformer(32_000, 512, 8, 6, 2048)
table = count(base.embed_source) / count(base)
outcome("09.base", f"{count(base) / 1e6:.1f} million, {table:.0%} of them in the table")

# %% [markdown]
# Do the lines of the table hold? And is the output head really the table, or a copy of it?

# %% tags=["tells"]
reader, writer = base.encoder.blocks[0], base.decoder.blocks[0]
attention, network = count(reader.attention), count(reader.feed_forward)
claim(f"attention: {attention:,}", attention == 4 * (512 * 512 + 512))
claim(f"network: {network:,}", network == 2 * 512 * 2048 + 2048 + 512)
claim("the head is the table", base.head.weight is base.embed_source.table.weight)
counted = {"encoder block": reader, "decoder block": writer, "base": base, "big": big}
for name, part in (counted | {"ours of 9.1": untied}).items():
    print(f"{name:18} {count(part):>11,}")

# %% [markdown] tags=["tells"]
# The last line is our class of 9.1: 32,000 tokens on each side, *fewer* than the paper's 37,000, and thirty million numbers more.
# Nothing is tied there: three tables instead of one. (The paper prints 65 million for base and 213 for big. We count 63.1 and 214.2:
# two less, one more, so no large part was forgotten.)
#
# **Your turn**: `09.parameter-count`.
#
# Where do they sit? Point at a box, or click beside it and walk with the arrow keys. A bar in each box is its share.

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
read = "source embedding", "source positions", *(name for name in parts if "encoder" in name)
wrote = {*parts, *nothing} - {*read, "head"}
shapes = dict.fromkeys(read, "(batch, source, 512)") | dict.fromkeys(wrote, "(batch, target, 512)")
shapes["head"] = "(batch, target, 37000)"
counts = {name: count(part) for name, part in parts.items()} | nothing
drawing = transformer_diagram(shapes, counts, num_layers=6, title="Base, the model of 2017")
claim("the boxes add up to the model", drawing.total == count(base))
drawing

# %% [markdown] tags=["tells"]
# Two fifths are in the networks, three tenths in all attentions together, three tenths in the table of tokens. What the model is
# famous for holds no more numbers than its vocabulary.

# %% [markdown]
# ## 9.3 The first weights
#
# A new model is random numbers. Which? If each layer doubles the size of what passes through, ten make it a thousand times larger.
# One that halves it leaves nothing. Each of the $n_{out}$ outputs of a matrix sums $n_{in}$ products; if all is independent with
# mean 0, its variance is $n_{in}$ times that of a product. So weights of variance $1/n_{in}$ keep the size on the way forward. On
# the way back the gradient meets the same matrix from its other side, and wants $1/n_{out}$. **Xavier initialisation** (Xavier
# Glorot and Bengio 2010) takes the middle, and draws evenly between $-b$ and $b$:
#
# $$\text{variance} = \frac{2}{n_{in} + n_{out}} = \frac{b^2}{3}, \qquad b =
# \sqrt{\frac{6}{n_{in} + n_{out}}}$$


# %%
def keeps(n_in, n_out, start=None):
    """Size (standard deviation) of what comes out of a fresh layer, for inputs of size 1."""
    layer = nn.Linear(n_in, n_out, bias=False)
    if start is not None:
        start(layer.weight)
    return layer(torch.randn(2000, n_in)).std().item()


# %%
starts = {"Xavier": nn.init.xavier_uniform_, "nn.Linear's own": None, "N(0, 1)": nn.init.normal_}
print(f"{'':16} {'square':>7} {'up':>7} {'down':>7}")
for name, start in starts.items():
    row = (keeps(512, 512, start), keeps(512, 2048, start), keeps(2048, 512, start))
    print(f"{name:16}", *(f"{size:7.2f}" for size in row))

# %% [markdown]
# Up leads from 512 numbers to 2,048, down leads back. Square matrices keep the size, up is too small, down too large: the
# compromise. PyTorch's own start for a linear layer shrinks everything to 0.58; weights of size 1 explode. (A Transformer also
# norms after each sublayer; these bare matrices don't. The paper names no start.)
#
# **Your turn**: `09.xavier`.

# %% [markdown]
# ## 9.4 One table, three jobs
#
# Tying saves base two tables of three. But the jobs want different things. As the *output head*, the table is multiplied with vectors
# of 512 numbers of size 1; for scores of size 1 its own numbers must be of size $1/\sqrt{512}$. As an *embedding*, such small rows
# meet positions between -1 and 1. The usual reason for the factor: keep the table small, and multiply by $\sqrt{d_{model}}$ on the
# way in.
#
# What if it isn't small? `nn.Embedding` starts with numbers of size 1. A model that knows nothing should lose about $\ln V$, as
# chapter 04 said; here 6.9.


# %%
def untrained(num_layers, tied=True, size=None):
    """A fresh model of 1,000 tokens, 256 wide; `size` redraws its embeddings."""
    torch.manual_seed(0)
    made = Seq2Seq(Seq2SeqConfig(1000, 1000, 256, 4, num_layers, 1024, 0.0, tied=tied))
    if size is not None:
        for embedding in (made.embed_source, made.embed_target):
            nn.init.normal_(embedding.table.weight, std=size)
    return made


# sixteen random texts, four models, nobody trained
heard, said = torch.randint(1, 1000, (16, 12)), torch.randint(1, 1000, (16, 13))
for tied in (False, True):
    for name, size in (("small", None), ("of size 1", 1.0)):
        with torch.no_grad():
            scores = untrained(6, tied, size)(heard, said[:, :-1]).flatten(0, 1)
        loss = F.cross_entropy(scores, said[:, 1:].flatten())
        print(f"{'tied' if tied else 'apart':6} table {name:10} loss {loss:5.1f}")

# %% [markdown]
# Apart, this loss does not mind. (Training does: times the root, a large table drowns the positions, and 9.6's model hardly learns
# to reverse.) Tied and large, a score sums 256 products of numbers of size 1, so it is of size $\sqrt{256} = 16$. The model begins
# by being *sure*, and wrong.
#
# **Your turn**: `09.transformer`, a younger sister of this model.

# %% [markdown]
# ## 9.5 Copy
#
# Copying is no easy test: to write the fifth letter the model has to look at the fifth letter of the source, among
# twelve, knowing neither *fifth* nor *look*.
#
# Words of up to twelve letters are drawn at random, so that nobody can learn them by heart. In training each has at most five
# different letters, which repeat as in *banana*: "what stands behind the n" is then no way to find one's place. (Any letters do as
# well, 9.7.) The test has all.
#
# Training draws new words all the time, so "unseen" needs a rule: the last digit of the sum of a word's ids. Words with a 0 are for
# the test. Those with a 1 helped to choose the settings; such data are called the **validation set**, `develop` in our code.
# Training gets the rest.


# %%
def draw(n, part, few=5):
    """n random words, each from an alphabet of `few` letters, (n, 12), filled up with PAD."""
    many = 2 * n + 50 if part == "train" else 20 * n  # enough, as nine of ten may be dropped
    length = torch.randint(1, 13, (many, 1))
    length[torch.rand(many) < 0.3] = 12  # the long ones are hard, so there are more of them
    letters = 3 + torch.rand(many, 26).argsort(dim=1)[:, :few]
    words = letters.gather(1, torch.randint(few, (many, 12)))
    words = words.masked_fill(torch.arange(12) >= length, PAD)
    digit = words.sum(dim=1) % 10
    return words[{"train": digit > 1, "develop": digit == 1, "test": digit == 0}[part]][:n]


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
# The loop is that of chapter 08, with two things of the paper: the learning rate first rises from nothing, here over 60 steps, before
# it falls, and `betas`, how long Adam remembers. The optimiser is **AdamW**, Adam that also pulls every number a little
# towards zero. Rate and warm-up were chosen on the validation words; chapter 10 explains both.
#
# The model is judged by what it writes, greedily, as in 8.4: right means every letter and END (the **exact match**).


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


@torch.no_grad()
def write(model, read):
    """read (n, seq) -> n words, greedily."""
    memory, given = model.encode(read), torch.full((len(read), 1), START)
    for _ in range(13):
        best = model.decode(given, memory, read)[:, -1:].argmax(dim=-1)
        given = torch.cat([given, best], dim=1)
    return [text(row) for row in given[:, 1:]]


# %%
small = Seq2SeqConfig(29, 29, d_model=48, num_heads=2, num_layers=1, d_ff=48, dropout=0.0)
torch.manual_seed(0)
copier = Seq2Seq(small, norm=nn.LayerNorm)  # PyTorch's norm, as in 7.8
train(copier, copying, steps=400)
read, _, _ = copying(test)
wrote = write(copier, read)
good = sum(word == text(row) for word, row in zip(wrote, read))
claim("over 495 of 500 unseen words are copied, to the last letter", good > 495)

# %% [markdown]
# How does it do it? For twelve-letter words, where do the two heads of the cross-attention look while they write?


# %%
@torch.no_grad()
def looks(model, task, words):
    """Cross-attention of the only decoder block, (batch, heads, query, key)."""
    read, given, _ = task(words)
    _, weights = model.decode(given, model.encode(read), read, return_weights=True)
    return weights[0][1]  # of block 0, (self, cross)


long = test[(test != PAD).all(dim=1)]
copied = looks(copier, copying, long).mean(dim=(0, 1))  # (query, key)
claim("letter by letter, most at the same place", copied[:12].argmax(-1).equal(torch.arange(12)))
own = copied[:12].diagonal()
claim(f"over half of it, at each of {len(own)} places", own.min() > 0.5)

# %% [markdown]
# A diagonal. Nobody said that a query from place 5 should fit a key from place 5; it learned so.
#
# **Your turn**: `09.exact-match`, and `09.too-good`: was the test a fair one?

# %% [markdown]
# ## 9.6 Backwards
#
# Now turn the word round. A network that reads and writes step by step carries each letter from where it was read to where it is
# written: the last of twelve one step, the first twenty-three. For attention every letter is one look away, in any order. But it
# has to find out how long the word is: letter $t$, counted from 0, looks at $\text{length} - 1 - t$.


# %%
def reversing(words):
    place = (words != PAD).sum(dim=1, keepdim=True) - 1 - torch.arange(12)  # from the last one down
    return pair(words, words.gather(1, place.clamp(min=0)).masked_fill(words == PAD, PAD))


torch.manual_seed(0)
turner = Seq2Seq(small, norm=nn.LayerNorm)
train(turner, reversing, steps=600)
read, _, _ = reversing(test)
wrote = write(turner, read)
good = sum(word == text(row)[::-1] for word, row in zip(wrote, read))
claim("over 495 of 500 unseen words are reversed", good > 495)
reached = []
for scale in (48**0.5, 1.0):  # 9.4: large tables, apart, with the root and without it
    torch.manual_seed(0)
    large = Seq2Seq(Seq2SeqConfig(29, 29, 48, 2, 1, 48, 0.0, tied=False), norm=nn.LayerNorm)
    for embedding in (large.embed_source, large.embed_target):
        nn.init.normal_(embedding.table.weight)
        embedding.scale = scale
    train(large, reversing, steps=600)
    reached.append(sum(w == text(row)[::-1] for w, row in zip(write(large, read), read)))
claim("with large tables apart, times the root, fewer than 100", reached[0] < 100)
claim("with large tables apart, not times the root, over 450", reached[1] > 450)
sentence = "the animal didnt cross the street because it was too tired"
print(*write(turner, ids_of(sentence.split())))

# %% [markdown]
# The sentence of this course, every word turned by a model that has seen neither English nor a rule.

# %%
turned = looks(turner, reversing, long).mean(dim=0)  # (heads, query, key)
peaks = turned.mean(dim=0)[:12].argmax(dim=-1)
claim("letter 1 looks at letter 12, letter 12 at letter 1", peaks.equal(torch.arange(12).flip(0)))

# %%
places = [*map(str, range(1, 13)), "END"]
three = torch.stack([copied, *turned])
grid = head_grid(three, places, titles=("copy, both heads", "reverse, head 0", "reverse, head 1"))
grid[0, 0].figure.suptitle("A diagonal and an anti-diagonal (rows are written, columns read)")
alt = "Three attention maps, letters written against letters read, mean over all twelve-letter test words. Copying, both heads: the "
alt += "bright line runs from upper left to lower right. Reversing, each head: from upper right to lower left."
show(grid[0, 0], alt=alt)

# %% [markdown]
# This is the picture to keep. The first letter and the last are *one look* apart, and all twelve looks were trained at the same time.
# Chapter 01 asked what was wrong with reading from left to right; here is the answer.
#
# Choose a word. Point at a letter that is written. (Without Python: see the map above.)


# %% tags=["nbval-ignore-output"]
def turn_round(word):
    padded = F.pad(ids_of([word])[:, :-1], (0, 12 - len(word)))
    weights = looks(turner, reversing, padded)[0].mean(dim=0)
    told, size = f"{word} → {write(turner, ids_of([word]))[0]}, both heads", len(word) + 1
    display(attention_hover([*word[::-1], "$"], weights[:size, :size], [*word, "$"], title=told))


widgets.interactive(turn_round, word=["mississippi", "animal", "banana", "transformer"])

# %% [markdown]
# ## 9.7 Luck, and what it takes
#
# One run may be luck. A *study* (as in 1.5) trained both tasks with three seeds, the second one also with one head, on any letters,
# at other rates with and without warm-up, and without positions.

# %%
record = study("09_copy_and_reverse")["results"]
for name in ("copy", "reverse", "one head", "any letters"):
    print(f"{name:11}", *(f"{run['test']} of 500" for run in record["runs"][name]), sep="   ")
for warm_up, rows in record["tuning"].items():
    told = [f"{rate}: {min(shares):.2f} to {max(shares):.2f}" for rate, shares in rows.items()]
    print(f"warm-up {warm_up:>2}, share of develop words right by rate:", ";  ".join(told))
predict("09.no-positions", "No positions on either side: how many of 500 are reversed?")

# %%
without = sorted(run["test"] for run in record["runs"]["no positions"])
outcome("09.no-positions", f"{without[0]} to {without[-1]} of 500")

# %% [markdown]
# Few, but not none: one letter is easily turned, and of two or three, luck does it. To a model without positions a source is a
# bag of letters (chapter 06).
#
# **One head is enough.** The game of 5.1 asked two questions at once. Here every letter asks one.
#
# **The learning rate decides**, as the two lines on warm-up show. With half of it you would say that 600 steps are not enough; with
# twice of it and no warm-up, that such a model is a matter of luck. Before you compare two models, tune the
# rate of each.

# %% [markdown]
# ## 9.8 Find the bug
#
# A common way to write it: `forward` takes masks from its caller, and if it gets none, `src_mask=None`, nothing is hidden. Here it
# writes with *our* trained weights. The caller forgets the mask. What goes wrong?


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
predict("09.company", "All in one batch: what percent of words below twelve letters is right?")

# %%
lengths = (test != PAD).sum(dim=1)
read, _, _ = reversing(test)
correct = {}
for name, writer in (("masks from the ids", write), ("no masks", write_unmasked)):
    hits = torch.tensor([w == text(r)[::-1] for w, r in zip(writer(turner, read), read)])
    correct[name] = [hits[lengths == n].float().mean().item() for n in range(1, 13)]
short = hits[lengths < 12].float().mean().item()
outcome("09.company", f"about {round(short, 1):.0%}")

# %%
claim("no mask, at each length below 12: fewer than 1 in 10", max(correct["no masks"][:11]) < 0.1)
claim("no mask, twelve letters, no padding: more than 9 in 10", correct["no masks"][11] > 0.9)
claim("with masks, any length: more than 9 in 10", min(correct["masks from the ids"]) > 0.9)
hits = torch.tensor([w == text(r) for w, r in zip(write_unmasked(copier, read), read)])
claim("the copier, no mask, below 12: more than 6 in 10", hits[lengths < 12].float().mean() > 0.6)

# %% [markdown]
# The same word, the same weights, a longer neighbour in the batch: another answer. Reversing has to find where the word ends, and
# padding lies just there. (The copier still gets most short words right: a mistake may also sleep.) Nothing crashes, and a
# test with one word at a time, or with words of equal length, passes. A mask that the caller may forget will be forgotten: ours are
# made from the ids.
#
# **Your turn**: another bug of whole models, `09.shared-blocks-bug`.

# %% [markdown]
# ## 9.9 Three models from one box
#
# Most models that you hear of keep only a part of this one. Take the cross-attention out of a decoder block. What is left?

# %%
sublayers = {"self_attention": "attention", "around_self": "around_attention"}
left = {name for name, _ in EncoderBlock(48, 2, 48, 0.0).named_parameters()}
right = {name for name, _ in DecoderBlock(48, 2, 48, 0.0).named_parameters() if "cross" not in name}
for old, new in sublayers.items():
    right = {name.replace(old, new) for name in right}
claim(f"an encoder block, all {len(left)} tensors of it", left == right)

# %% [markdown]
# The two towers differ in cross-attention, and in the mask of their self-attention. So there are three models in the box:
#
# | keep | mask of the self-attention | is trained to | family |
# |---|---|---|---|
# | both towers | padding; causal in the decoder | write a target for a source | **encoder–decoder**: 2017, T5, Whisper |
# | no cross-attention | causal | tell the next token | **decoder-only**: GPT, and nearly all chat models |
# | no decoder | padding | fill in hidden tokens | **encoder-only**: BERT, search engines |
#
# The second and the third are one class and one flag.


# %%
class Tower(nn.Module):
    """One tower and an output head. Decoder-only if it is `causal`, else encoder-only."""

    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, causal, dropout=0.0):
        super().__init__()
        self.causal = causal
        self.embed = Embedding(vocab_size, d_model, dropout)
        blocks = [EncoderBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers)]
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Linear(d_model, vocab_size, bias=False)

    def forward(self, ids):
        x, mask = self.embed(ids), may_look(ids, self.causal)
        for block in self.blocks:
            x = block(x, mask)
        return self.head(x)  # (batch, seq, vocab)


# %% [markdown]
# Give both the very same weights, and change the sixth letter of *animal*. Whose scores change?

# %%
gpt, bert = Tower(29, 48, 2, 2, 96, causal=True), Tower(29, 48, 2, 2, 96, causal=False)
bert.load_state_dict(gpt.state_dict())
before, after = ids_of(["animal", "animas"])
for name, model in (("decoder-only", gpt), ("encoder-only", bert)):
    gap = (model(before[None]) - model(after[None])).abs().amax(dim=(0, 2))
    print(f"{name}:", *(f"{'changes' if moved > 1e-5 else '·':7}" for moved in gap))

# %% [markdown]
# Encoder-only, every vector knows the whole text: good for understanding, but whoever sees the next token can't be asked for it.
# Decoder-only, each position is a question with a known answer, and the model can write. Chapters 13 to 15 train both kinds.
#
# ## 9.10 Half of the box writes
#
# So let it. The text: all plays of Shakespeare, five million letters; 90 % to learn from, 5 % to choose settings by, 5 % for the
# test. A token is a letter, and our model may look back at 32 of them. It has one block, 60,000 parameters, and about ten seconds.
#
# Who judges? The loss, in **nats per letter**: guessing blindly among 80 letters costs $\ln 80 = 4.4$. And the opponent is no network
# at all: an **n-gram table** counts what follows each letter of the training text (one letter *known*), each pair of letters (two),
# each three.

# %%
plays = shakespeare()
letters = "·" + "".join(sorted(set(plays)))  # id 0 stays padding
number = {letter: i for i, letter in enumerate(letters)}
stream = torch.tensor([number[letter] for letter in plays])
cuts = int(0.9 * len(stream)), int(0.95 * len(stream))
learn, develop, held_out = stream[: cuts[0]], stream[cuts[0] : cuts[1]], stream[cuts[1] :]

V = len(letters)
pairs = torch.bincount(learn[:-1] * V + learn[1:], minlength=V * V).view(V, V).float()
pairs += 0.1  # what never occurred is not impossible
chances = pairs / pairs.sum(dim=1, keepdim=True)  # (this letter, next letter)
by_counting = -chances[held_out[:-1], held_out[1:]].log().mean().item()
print(f"{len(plays):,} letters, {V - 1} kinds; one known: {by_counting:.2f} nats per letter")
predict("09.letters", "Ten seconds of training: as good as a table that knows how many letters?")


# %%
def rows_of(ids, starts):
    """Rows of 33 letters: the first 32 are given, the last 32 asked."""
    rows = ids[starts[:, None] + torch.arange(33)]
    return rows[:, :-1], rows[:, 1:]


torch.manual_seed(0)
writer, steps = Tower(V, 64, 4, 1, 256, causal=True), 900
optimizer, losses = torch.optim.AdamW(writer.parameters(), betas=(0.9, 0.98)), []
for step in range(steps):
    optimizer.param_groups[0]["lr"] = 0.012 * min((step + 1) / 50, 1 - step / steps)
    given, asked = rows_of(learn, torch.randint(len(learn) - 33, (32,)))
    loss = F.cross_entropy(writer(given).flatten(0, 1), asked.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

# %% [markdown]
# A study trained the same model for a minute, with three seeds, and counted with tables of up to seven letters (each leaning
# on shorter ones, as suits *develop* best).

# %%
results = study("09_shakespeare")["results"]
tables, late, runs = map(results.get, ("tables", "table_places", "runs"))
given, asked = rows_of(held_out, torch.linspace(0, len(held_out) - 34, 500).long())
with torch.no_grad():
    each = F.cross_entropy(writer(given).mT, asked, reduction="none")  # (row, place)
reached = each.mean().item()
best = max(int(known) for known, nats in tables.items() if nats > reached)
outcome("09.letters", f"better than a table of {best} letters, not than one of {best + 1}")

# %% jupyter={"source_hidden": true}
claim("it beats the table that knows one by more than a quarter nat", reached < by_counting - 0.25)
late_ones = each[:, 16:].mean().item()  # without the first 16 places of each row
both = tables["3"] < late_ones < tables["2"] and tables["3"] < reached < tables["2"]
claim("it lies between the tables of two and three letters, at late places too", both)
print("the study's models, after a minute:", *(f"{run['test']:.2f}" for run in runs))
print("tables, by letters known:", *(f"{known}: {nats:.2f}  " for known, nats in tables.items()))
print("at places 1–8, 9–16, 17–24, 25–32 (the tables: two and three known):")
for nats in (*(run["places"] for run in runs), late["2"], late["3"]):
    print("  ", *(f"{x:.2f}" for x in nats))
fig, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
smooth = torch.tensor(losses).view(-1, 20).mean(dim=1)
ax.plot(torch.arange(20, steps + 1, 20), smooth, label="here: its rate ends at 900", color=CYCLE[0])
for run in runs:
    ax.plot([int(step) for step in run["curve"]], run["curve"].values(), color=CYCLE[1], alpha=0.7)
ax.plot([], [], color=CYCLE[1], label="study, validation set")
for known, nats in list(tables.items())[:6]:  # the others would overlap
    ax.axhline(nats, color="gray", linewidth=0.8, linestyle=":")
    side = 6650 if known == "5" else 6100
    ax.text(side, nats, f"{known} known", fontsize=7, va="center", backgroundcolor="white")
ax.set(xlabel="training step", ylabel="nats per letter", xlim=(-100, 7200), ylim=(1.4, 3.5))
ax.set_title("A minute of a small model: between two and three letters known")
ax.legend()
show(
    fig,
    alt="Nats per letter over training steps. Our curve falls from above 3 to below 2 in 900 steps; the study's three fall to about 1.84 in "
    "6,000. Dotted lines mark tables that know 0 to 5 letters: one at 2.5, two at 2.05, three at 1.75, four at 1.6, five at 1.55.",
)

# %% [markdown]
# A minute of attention comes close to three known letters, and all curves still fall: chapter 13 goes on. (The exam favours the
# tables: they know their letters, the model's first places hardly any. From place 9 on all three stay 0.02 to 0.04 behind three known.)
#
# To write, it draws the next letter by the probabilities, appends it, and goes on (chapter 11). One of the study's models on its way:

# %%
for step, sample in runs[0]["texts"].items():
    print(f"--- after {step} steps\n{sample[:180]}\n")

# %% [markdown]
# Noise; then letters as frequent as they should be; then syllables, speakers in capitals with a colon (ROMEO: was ours), lines of
# the right length. Let *yours* go on. (Without Python: see above.)


# %%
@torch.no_grad()
def go_on(start):
    ids = torch.tensor([[number.get(letter, 1) for letter in start or "O"]])
    for _ in range(150):
        chances = writer(ids[:, -32:])[0, -1].softmax(dim=-1)
        ids = torch.cat([ids, torch.multinomial(chances, 1)[None]], dim=1)
    print("".join(letters[i] for i in ids[0]))


# %% tags=["nbval-ignore-output"]
widgets.interactive(go_on, start=widgets.Text("JULIET: O ", continuous_update=False))

# %% [markdown]
# ## Summary
#
# - The model of 2017 has 120 lines. Its masks are made from the ids.
# - Attention $4(d^2+d)$, network $2df+f+d$, norm $2d$, table $Vd$. Base has 63.1 million at 37,000 tokens. Count what is shared once:
#   three tables, of 32,000, make 93.3 million.
# - Xavier is a compromise between the way forward and the way back. A tied table starts small, and the paper multiplies by
#   $\sqrt{d_{model}}$ on the way in.
# - Copy is a diagonal, reverse an anti-diagonal: any two places are one look apart.
# - Keep the test words apart by a rule, tune the learning rate, and test batches with unequal lengths.
# - Without cross-attention a decoder block is an encoder block under a causal mask: **decoder-only**, and it writes. Without that
#   mask: **encoder-only**.
#
# The loop that trained it is a black box still: chapter 10.
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
# In a block of width $d$ with $d_{ff} = 4d$: $4d^2$ in each attention, $8d^2$ in the network, next to nothing in the norms. The tables
# have $Vd$ each. Twice the width makes blocks four times as large and tables only twice: small models are mostly tables, large ones
# mostly blocks.
#
# </details>
#
# <details><summary>What is weight tying, and what has to change with it?</summary>
#
# One table serves as embedding and as output head, which saves $Vd$ numbers for each table less. The output head needs numbers of size
# $1/\sqrt{d}$, or the untrained model is sure of nonsense; a factor of $\sqrt{d}$ makes up for it on the way in.
#
# </details>
#
# <details><summary>BERT, GPT, T5: what does each keep of the model of 2017?</summary>
#
# BERT the encoder: everyone sees both sides, so it is trained to fill gaps. GPT the decoder without cross-attention, which is an
# encoder under a causal mask: it is trained to tell the next token, and can write. T5 both: the source is read in both directions.
#
# </details>


# %% [markdown]
# ## Exercises
#
# Open [exercises/09_the_whole_transformer.ipynb](exercises/09_the_whole_transformer.ipynb). About 100 minutes.
#
# | exercise | asks you to |
# |---|---|
# | `09.tied-head` | give one table two jobs |
# | `09.parameter-count` | count a model before it is built |
# | `09.xavier` | draw the first weights |
# | `09.transformer` | build a whole model of your own |
# | `09.exact-match` | judge words, right to the end |
# | `09.too-good` | write the test that a leaked word does not pass |
# | `09.shared-blocks-bug` | mend a stack of six blocks with the parameters of one |
#
# Into your box of parts goes the model itself. The box is full: everything in the drawing is yours.

# %% [markdown]
# ## Further reading
#
# - Vaswani et al. 2017, *Attention Is All You Need*, sections 3 and 5, table 3. arXiv:1706.03762.
# - Glorot and Bengio 2010, *Understanding the difficulty of training deep feedforward neural networks*: Xavier's rule.
# - Press and Wolf 2017, *Using the Output Embedding to Improve Language Models*: tying. arXiv:1608.05859.
# - Kingma and Ba 2014, *Adam*, arXiv:1412.6980; Loshchilov and Hutter 2017, *Decoupled Weight Decay Regularization*
#   (AdamW), arXiv:1711.05101.
# - Radford et al. 2018, *Improving Language Understanding by Generative Pre-Training* (GPT); Devlin et al. 2018, *BERT*,
#   arXiv:1810.04805.
# - Rush 2018, *The Annotated Transformer*: the paper's text beside code, nlp.seas.harvard.edu/annotated-transformer.
#
# ## Glossary
#
# - **encoder-only**: blocks that see a whole text in both directions, and an output head; BERT is one.
# - **decoder-only**: the same blocks under a causal mask; it tells the next token and can write; GPT is one.
# - **output head**: the last linear layer, which turns each vector into one logit for each token.
# - **weight tying**: one table serves as embedding and as output head.
# - **Xavier initialisation**: first weights of variance 2/(n_in + n_out), between what forward and backward want.
# - **configuration**: an object that holds all sizes of a model.
# - **meta device**: PyTorch's device on which tensors have a shape and no numbers.
# - **AdamW**: Adam that also pulls every weight a little towards zero at each step.
# - **validation set**: data kept from training to choose settings by; *develop* in our code.
# - **exact match**: an answer counts as right only when every token of it is, the end included.
# - **n-gram table**: counts of what followed the last n - 1 tokens; a language model without learning.
# - **nats per letter**: the average of -ln of the probability given to the letter that came.
