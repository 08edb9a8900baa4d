# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 14 · BERT
#
# **What if both sides are visible?** A model that writes may look back only. But who reads a review, or looks for a name in a letter,
# has the whole text before them. Take the encoder of chapter 07 and let every token see every other: what can it be trained on, and what
# is it good for?
#
# After this chapter you can
#
# - train an encoder on plain text by hiding letters, and say what that costs,
# - find a fair opponent for it, and say who wins,
# - put a head on an encoder: for a text, for each token, for a span,
# - judge film reviews in four ways, and choose one,
# - fine-tune a pretrained model by a few new weights.
#
# You need 07, 10 and 12. About 75 minutes, and 115 more for the exercises.

# %%
import math
import re
from functools import partial
from itertools import islice

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from course_lib.claims import claim
from course_lib.data.characters import CharTokenizer
from course_lib.data.corpora import shakespeare
from course_lib.data.reviews import reviews_by_film
from course_lib.models import MINILM, Bert, BertConfig, MaskedLM
from course_lib.plots import BLUE, CYCLE, GREY, named_curves, transformer_map
from course_lib.plots.transformer import PARTS
from course_lib.pretrained.minilm import encode, load_minilm
from course_lib.pretrained.packages import MissingWeights
from course_lib.studies import study
from course_lib.views import attention_hover, outcome, predict, quiz, show

torch.set_num_threads(1)

# %% [markdown]
# You are in the left tower. There is no other in this chapter.

# %%
show(
    transformer_map(here=("self-attention", "feed-forward"), built=PARTS, tower="encoder"),
    alt="Drawing of the Transformer, every box built. The encoder's self-attention and feed-forward are lit: this chapter has no decoder.",
)

# %% [markdown]
# ## 14.1 A game for one who sees everything
#
# Chapter 13's game was: what comes next? For a model that sees both sides the game is void, for it sees the answer. A fresh model
# shows it: change the letter at place 6, and look where the scores move.

# %%
plays = shakespeare()
cuts = int(0.9 * len(plays)), int(0.95 * len(plays))
PAD, MASK = 0, 1
letters = CharTokenizer(plays, ("<pad>", "▢"))
text = torch.tensor(letters.encode(plays))
learn, develop = text[: cuts[0]], text[cuts[0] : cuts[1]]
print(len(letters), "tokens;", f"{len(learn):,} letters to learn from")

# %% [markdown]
# The model: BERT's blocks, small, with a head for every token. Its places are rotary (06); 14.3 says why.


# %%
from course_lib.nn import MultiHeadAttention, Rotary


def make(vocab_size, *more, width=96, layers=2, model=MaskedLM):
    """A small BERT with a head; each head of attention has 32 numbers."""
    torch.manual_seed(0)
    sizes = BertConfig(vocab_size, width, width // 32, layers, 4 * width, 64, dropout=0.0)
    return model(sizes, *more, attention=partial(MultiHeadAttention, position=Rotary(32)))


reader = make(len(letters))
line = develop[:12][None]
changed = line.clone()
changed[0, 6] = line[0, 6] + 1
with torch.no_grad():
    moved = (reader(line) - reader(changed)).abs().amax(dim=(0, 2)) > 1e-6
print("scores move at places", *moved.nonzero()[:, 0].tolist())

# %% [markdown]
# Everywhere, so also at place 5, which should say what comes at 6: it need only look. BERT's game hides the answer. Choose 15 % of the tokens, give the
# model something else in their place, and ask for what was there: **masked language modelling**, after the **cloze test** (Taylor 1953),
# a text with words left out for readers to fill in, which measured how readable it is. Of the chosen tokens
#
# - 80 % become a special token, [MASK], here ▢,
# - 10 % become a random token,
# - 10 % stay as they are, and are asked for all the same.
#
# `hide` does that. (**Your turn**: `14.hide`.) The loss counts the chosen places only.


# %%
from course_lib.data.hiding import hide


def lesson(part, count, share=0.15, seed=0, length=64):
    """Windows of a text: what stands there, what is given, and which places are asked for."""
    generator = torch.Generator().manual_seed(seed)
    ids = part[: count * length].view(count, length)
    return ids, *hide(ids, MASK, len(letters), specials=[PAD], share=share, generator=generator)


def spelled_out(ids):
    return "".join(letters.tokens[i] for i in ids).replace("\n", "⏎")


ids, given, hidden = lesson(develop, 3, seed=3)
for row, start in zip(ids, given):
    print(spelled_out(row), spelled_out(start), sep="\n", end="\n\n")

# %% [markdown]
# ## 14.2 The opponent: a table
#
# Before a model, count. A table of both neighbours knows for each pair of letters which one stands between most often. Is that
# a fair opponent? It is a weak one. A better one looks at three letters on each side; where it never saw those six, at fewer, and so
# on: back-off (13.2). 400,000 letters are enough to start with: somewhat more than the model will read.

# %%
predict(
    "14.tables",
    "Of 100 hidden letters, how many does each table find: both neighbours; up to three a side?",
)

# %%
from course_lib.data.backoff import Neighbours

pairs = [(a, b) for a in (3, 2, 1, 0) for b in (3, 2, 1, 0)]  # letters before, letters after
WIDE = sorted(pairs, key=lambda pair: (-sum(pair), abs(pair[0] - pair[1])))  # the first met counts
NARROW = [pair for pair in WIDE if max(pair) < 2]
wide, narrow = (Neighbours(learn[:400_000].tolist(), sides) for sides in (WIDE, NARROW))
for name, each in {"three a side": wide, "both neighbours": narrow}.items():
    print(f"{name:15} {sum(map(len, each.tables.values())):7,} rows")

# %% [markdown]
# The exam: 400 windows of text that neither table nor model learned from, with 15 % hidden.


# %%
def found_by(table, ids, given, hidden):
    """The share of the chosen letters that a table says rightly."""
    rows = [tuple(row) for row in given.tolist()]
    right = [table.say(rows[r], i) == ids[r, i].item() for r, i in hidden.nonzero().tolist()]
    return sum(right) / len(right)


exam = lesson(develop, 400, seed=1)
shares = [found_by(table, *exam) for table in (narrow, wide)]
print(f"both neighbours {shares[0]:.3f}, up to three on each side {shares[1]:.3f}")
outcome("14.tables", f"{100 * shares[0]:.0f} and {100 * shares[1]:.0f}")

# %% [markdown]
# ## 14.3 Train it
#
# The model: two blocks, 96 wide. Two differences from BERT matter here. Places are rotary (06): BERT's table
# of places would have to be learned as well. And 30 % are hidden while it learns, for a reason that 14.5 gives. The
# exam always hides 15 %. Muon for matrices, AdamW for the rest: `Both` of 10.10, now from the library.
#
# Places that are not asked for become padding among the targets, which `cross_entropy` leaves out. (**Your turn**: `14.loss`,
# another way that goes wrong; then `14.bert`, the model.)


# %%
from course_lib.data.batches import pad, windows
from course_lib.training import Both, cross_entropy, progress, train


def loss_of(batch):
    ids, given, hidden = batch
    return cross_entropy(reader(given), ids.where(hidden, PAD), pad_id=PAD)


def lessons(share, generator):
    for ids, _ in windows(learn, 64, 12, generator):
        how = {"specials": [PAD], "share": share, "generator": generator}
        yield ids, *hide(ids, MASK, len(letters), **how)


# %% [markdown]
# The rate rises for 20 steps and falls in a line. About twenty seconds on one core.

# %% tags=["nbval-ignore-output"]
steps, reader = 400, make(len(letters))  # anew, should you run this cell again
optimizer = Both(reader, muon_rate=0.04, adam_rate=0.008)
plan = LambdaLR(optimizer, lambda step: min((step + 1) / 20, 1 - step / steps))
some = islice(lessons(0.3, torch.Generator().manual_seed(0)), steps)
run = train(loss_of, some, optimizer, plan, max_norm=1.0)
losses = [record.loss for record in progress(run, total=steps)]  # a bar, made of widgets
claim("the first loss is about ln V", abs(losses[0] - math.log(len(letters))) < 0.3)

# %% [markdown]
# The same exam:


# %%
@torch.no_grad()
def found_by_model(model, ids, given, hidden):
    """The share of the chosen letters that the model finds likeliest."""
    return (model(given).argmax(dim=-1) == ids)[hidden].float().mean().item()


ours = found_by_model(reader, *exam)
few, many = (100 * share for share in shares)
claim("it finds 46 to 50 of 100", 46 < 100 * ours < 50)
claim(f"five more than the {few:.0f} of both neighbours, or better", 100 * ours > few + 5)
claim(f"fewer than the {many:.0f} of the table that backs off", 100 * ours < many)

# %% [markdown]
# Twenty seconds of training find nearly half of the letters: some more than both neighbours, and far fewer than a table that looks at
# six letters. Had we stopped at the first table, the model would have "won". And longer? A study gave three blocks 900 steps of
# 16 windows, at half these rates, with three seeds, on text that no choice was made by:

# %%
masked = study("14_masked")["results"]
for count, (few, many) in masked["tables"].items():
    print(f"tables of {int(count):,} letters: both neighbours {few:.3f}, backing off {many:.3f}")
for key in ("found", "found under ▢"):
    print(f"the model, {key}:", *(f"{run[key]:.3f}" for run in masked["80/10/10"]))

# %% [markdown]
# So it stays nearly five of a hundred behind the table that read as many letters. Under ▢, where nothing of the letter is left to see, it finds
# three fewer still; to the table, which never looks at the place itself, that makes no difference.
#
# What the model has that this table has not: it may look further than three letters a side, and gives every letter a probability. Write a line of up to 64 letters, with `_` for
# what you hide, and point at a letter to see what else it might have been.

# %% tags=["nbval-ignore-output"]
SHOWN = "_abcdefghijklmnopqrstuvwxyz '"


@torch.no_grad()
def fill(model, line):
    """The line with each `_` said by the model, and its probabilities (place, letter)."""
    ids = torch.tensor([[MASK if c == "_" else letters.encode(c)[0] for c in line]])
    told = model(ids).softmax(dim=-1)[0]
    best = told[:, 2:].argmax(dim=-1) + 2
    return letters.decode(best.where(ids[0] == MASK, ids[0])), told


def ask(line):
    line = line[:64] or "_"
    try:
        said, told = fill(reader, line)
    except ValueError as error:  # a letter that no play has
        print(error)
        return
    shown = SHOWN + "".join(sorted({*line} - {*SHOWN}))
    some = told[:, [MASK if c == "_" else letters.encode(c)[0] for c in shown]]
    seen, names = (list(text.replace(" ", "␣")) for text in (line, shown))
    display(attention_hover(seen, some, names, title=said, verb="says"))


widgets.interactive(
    ask, line=widgets.Text("My lord, I wi_l not spe_k of th_s", continuous_update=False)
)

# %% [markdown]
# The same without Python, for one line that it never read.


# %% jupyter={"source_hidden": true}
shown_line, gaps = "What is your will with this good man?", [5, 13, 19, 25]
blank = torch.tensor([letters.encode(shown_line)])
blank[0, gaps] = MASK
with torch.no_grad():
    told = reader(blank).softmax(dim=-1)[0, gaps]
fig, axes = plt.subplots(1, 4, figsize=(9, 2.8), sharey=True, layout="constrained")
for ax, gap, chances in zip(axes, gaps, told):
    likely = chances.argsort(descending=True)[:5]
    names = [letters.tokens[i].replace(" ", "␣").replace("\n", "⏎") for i in likely]
    colours = [BLUE if name == shown_line[gap] else "lightgray" for name in names]
    ax.bar(names, chances[likely], color=colours)
    around = f"{shown_line[gap - 4 : gap]}▢{shown_line[gap + 1 : gap + 4]}"
    ax.set(title=around.replace(" ", "␣"), xlabel="letter")
axes[0].set_ylabel("probability")
fig.suptitle("Every gap has its favourite, and its rivals (blue: what stood there)")
show(
    fig,
    alt="Four gaps in the line 'What is your will with this good man?', a panel each with its five likeliest letters as bars. Two or three "
    "letters share most of the probability; the letter that stood there is blue.",
)

# %% [markdown]
# ## 14.4 Why not hide them all the same way?
#
# ▢ stands in no review, and no question that the model will ever read. If only ▢ were asked for, the model might keep nothing of the letters
# that it can see: no one asks. So some are asked for although they are visible, right or wrong. What does our model make of
# letters that were not chosen? And of one that we swapped?

# %%
predict(
    "14.visible",
    "It was never asked for a letter that it knew to be right. Of 100 visible letters, how many does it say as they are?",
)

# %%
ids, given, hidden = exam
with torch.no_grad():
    said = reader(given).argmax(dim=-1)
kept = (said == ids)[~hidden].float().mean().item()
outcome("14.visible", f"{10 * int(10 * kept)} to {10 * int(10 * kept) + 9} of 100")

# %% [markdown]
# It keeps what it sees, and doubts what is rare or doesn't fit: a letter that we swapped is more often mended than left, though nobody told it which
# letters were swapped. Is it so? And the control, from the same study: models that learned with ▢ for every chosen letter. (*All ▢*: the
# exam with ▢ in all gaps; *mended* and *left*: of the swapped letters.)

# %% tags=["tells"]
swapped = hidden & (given != MASK) & (given != ids)
rare = ~hidden & (ids == letters.encode("q")[0])
stays, mends = ((said == what)[swapped].float().mean().item() for what in (given, ids))
claim("a swapped letter is more often mended than left", mends > stays)
claim("of the right q in view, fewer than half are kept", (said == ids)[rare].float().mean() < 0.5)
for way in ("80/10/10", "all [MASK]"):
    for key in ("found, all ▢", "visible", "nothing hidden", "mended", "left"):
        print(f"{way:10} {key:14}", *(f"{run[key]:.3f}" for run in masked[way]))

# %% [markdown]
# Why does it doubt? That is in the recipe. Of the letters in view that are asked for, half are right: those that stay. They are as frequent as in the
# text, while a swap draws all letters alike. So a frequent letter in view is probably right, and one rarer than one in eighty probably not, unless
# its neighbours speak for it. (A right *q* is doubted, too.)
#
# And the control: a model that was asked for ▢ alone says two of three letters in view wrongly, even where nothing is hidden, and finds no more of what ▢ hides. (The vectors
# may hold the letter all the same: the head was never asked.) Does it matter for what comes later? The authors tried (their table 8): with [MASK] alone, fine-tuning was as good
# at telling whether one sentence follows from another (MNLI, 84.3 against 84.2) and half a point worse for names (94.9 against 95.4), and vectors of the frozen model a
# point worse (94.0 against 94.9). For a later task, then, 80/10/10 is a habit with a small reason.
#
# ## 14.5 What hiding costs
#
# Of a text read once, next-token prediction asks for every token, this game for 15 %. The rest is read, multiplied, paid for,
# and teaches nothing by itself. That is why we hid 30 %: twice the questions for the same work (what that
# is worth here we have not measured; nor which of the two games teaches more for equal work. Their scores answer different questions, so a later task,
# the same for both, would have to judge). Wettig and others (2022) found 40 % better than 15 % for the large BERT. Hide too much, and there is no text left to answer from.
#
# ## 14.6 From letters to opinions
#
# Now a task with a use. Critics wrote a sentence or two on each of 507 films: for it, or against? The films are dealt out, not the
# reviews: two reviews of one film share names, and often their verdict.

# %%
reviews = reviews_by_film(dev=50, test=100)
for part, some in zip(("to learn from", "to develop", "test"), reviews):
    fresh = sum(review.fresh for review in some) / len(some)
    print(
        f"{part:14} {len(some):5} reviews of {len({r.film for r in some}):3} films, {fresh:.3f} for the film"
    )
for review in reviews.dev[:4]:
    print("+" if review.fresh else "-", review.text[:110])

# %% [markdown]
# Four ways to judge them:
#
# 1. **Counting words**: which words and pairs of words are there, each with a weight.
# 2. **From scratch**: a small encoder that knows nothing, trained on the 9,000 reviews.
# 3. **Frozen**: MiniLM, the pretrained encoder of 03, as it is; only a linear layer on top learns.
# 4. **Fine-tuning**: MiniLM goes on learning, from the same reviews.
#
# The first, now. A word that is in few reviews says more: **tf-idf** weights how often it stands here by how rare it is
# elsewhere. Then a **logistic regression**: one weight for each word, kept small by a decay that the films to develop chose; a sum
# above zero says "for".

# %%
from course_lib.data.counted import TfIdf, logistic_regression

labels = [torch.tensor([float(review.fresh) for review in part]) for part in reviews]
texts = [[review.text for review in part] for part in reviews]
rows = TfIdf(texts[0])
weight, bias = logistic_regression(rows(texts[0]), labels[0], decay=0.3)
right = ((rows(texts[1]) @ weight + bias > 0) == labels[1].bool()).float().mean()
print(f"{len(rows.words):,} words and pairs; right of the films to develop: {right:.3f}")
order = weight.argsort()
print("against:", *(rows.words[i] for i in order[:12]), sep="  ")
print("for:    ", *(rows.words[i] for i in order.flip(0)[:12]), sep="  ")

# %% [markdown]
# It reads like a critic's dictionary. It knows nothing of order beyond pairs, and nothing of a word that it never met.
#
# ## 14.7 A head for a text
#
# How does an encoder judge a text? It gives a vector for each token. BERT puts a token in front that means nothing, [CLS], and judges
# by its vector: attention fills it with what the task needs. Or one takes the mean over the tokens that are no padding, **mean
# pooling**. Two texts go in as [CLS] a [SEP] b [SEP] (**your turn**: `14.pair`), and each token is a sum of three vectors: its own, its place's,
# and its **segment**'s, which says which of the two texts it stands in.

# %%
try:
    minilm, tokenizer = load_minilm()
    print(f"MiniLM: {sum(p.numel() for p in minilm.parameters()):,} numbers")
    print(*encode(tokenizer, "A fine film.")[1])
except MissingWeights as missing:  # the rest of the page runs without it
    minilm = None
    print(missing)

# %% [markdown]
# Both sides visible, in a trained model: choose a head, point at a word, and see what it takes from its right.

# %%
if minilm:
    ids, tokens = encode(tokenizer, "The animal didn't cross the street because it was too tired.")
    with torch.no_grad():
        _, layers = minilm(ids, return_weights=True)
    ahead = torch.stack(layers)[:, 0].triu(1).sum(dim=-1).mean().item()
    print(f"of all weight, {ahead:.3f} goes to tokens further right")
    view = attention_hover(tokens, layers[3][0], title="MiniLM, layer 3", head=1, start=9)
view if minilm else None

# %% [markdown]
# MiniLM is a BERT of six layers: every second one of a model that was trained to imitate a larger one. Then it learned to bring sentences of like meaning together.
# So its mean vector should say something of a sentence. What? For each review of twelve films, take the nearest other one: is it
# on the same film? Does it have the same verdict? (**Your turn**, the mean: `14.pool`.) The control is the overlap of words.

# %%
films = sorted({review.film for review in reviews.dev})[:12]
some = [review for review in reviews.dev if review.film in films]
same_film = torch.tensor([[a.film == b.film for b in some] for a in some])
same_verdict = torch.tensor([[a.fresh == b.fresh for b in some] for a in some])
off = ~torch.eye(len(some), dtype=bool)
by_chance = [each[off].float().mean() for each in (same_film, same_verdict)]
print(len(some), "reviews; by chance same film {:.3f}, same verdict {:.3f}".format(*by_chance))


# %%
def nearest(vectors):
    """For each row the most similar other one; how often it has the same film and verdict."""
    vectors = F.normalize(vectors, dim=-1)
    best = (vectors @ vectors.T).fill_diagonal_(-1).argmax(dim=-1)
    places = torch.arange(len(best))
    return best, [each[places, best].float().mean().item() for each in (same_film, same_verdict)]


by_words = nearest(rows([review.text for review in some]).to_dense())[1]
print("by words: same film {:.3f}, same verdict {:.3f}".format(*by_words))

# %% [markdown]
# And MiniLM:

# %%
if minilm:
    with torch.no_grad():
        vectors = [minilm(encode(tokenizer, r.text)[0])[0].mean(dim=0) for r in some]
    best, by_meaning = nearest(torch.stack(vectors))
    print("by MiniLM: same film {:.3f}, same verdict {:.3f}".format(*by_meaning))
    for i in (3, 40):
        print("", some[i].text[:100], some[best[i]].text[:100], sep="\n  ")

# %% [markdown]
# It finds the film more often than words do. On these twelve films it finds the verdict no more often than they do: "a dull film on chess" is near to "a fine film on chess". That is what it
# was trained for. Is the verdict in the vector all the same, for a layer that may choose its directions? 14.9 will say.
#
# ## 14.8 Fine-tuning, with few weights
#
# The fourth way lets MiniLM learn on. All 22.6 million numbers, from 9,000 reviews? **LoRA**, low-rank adaptation, leaves each matrix $W$ alone and learns a thin
# product beside it:
#
# $$y = W x + b + \tfrac{\alpha}{r}\, B A x \qquad A: (r, d_{in}),\ B: (d_{out}, r)$$
#
# $B$ begins at zero, so at first the model is what it was. The rank $r$ is 8 here, $\alpha$ a fixed factor, 16. What is learned can be added to $W$ at the end: the
# model then costs what it did before.


# %%
from course_lib.nn import LoRALinear, add_lora


class LowRank(nn.Module):
    """A linear layer that stays, and a thin product beside it that learns."""

    def __init__(self, linear, rank, alpha):
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.in_features, self.scale = linear.in_features, alpha / rank
        self.down = nn.Parameter(torch.randn(rank, linear.in_features) / linear.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x):
        return self.linear(x) + self.scale * (x @ self.down.T) @ self.up.T


# %% [markdown]
# Is it what the library has, and can it be added in?

# %%
linear, x = nn.Linear(48, 32), torch.randn(5, 48)
ours, theirs = LowRank(linear, 8, 16), LoRALinear(linear, 8, 16)
claim("at first nothing has changed", torch.equal(ours(x), linear(x)))
nn.init.normal_(ours.up)
theirs.load_state_dict(ours.state_dict())
claim("the library's is the same", torch.allclose(ours(x), theirs(x), atol=1e-5))
claim("so is one plain layer with both", torch.allclose(theirs.merged()(x), ours(x), atol=1e-4))

# %% [markdown]
# Beside all 36 matrices of MiniLM's blocks:

# %%
predict(
    "14.lora",
    "Rank 8 beside each matrix of six layers, width 384: how many numbers learn, as a share of MiniLM's?",
)

# %% [markdown]
# On the device "meta" tensors have a shape and no numbers, so counting costs nothing.

# %%
with torch.device("meta"):
    counted_model = Bert(MINILM)
before = sum(p.numel() for p in counted_model.parameters())
names = add_lora(counted_model, rank=8, alpha=16)
thin = sum(p.numel() for p in counted_model.parameters() if p.requires_grad)
print(f"{len(names)} matrices; {thin:,} numbers learn beside {before:,} that do not")
outcome("14.lora", f"{thin / before:.1%}")

# %% [markdown]
# ## 14.9 Four ways on one axis
#
# A study trained them. Settings were chosen on the films to develop: the decay of both regressions (of four for words, three for MiniLM), the layers of the frozen
# model, five designs of the encoder from scratch (width, depth, dropout, rate, [CLS] or mean). LoRA's come from an
# earlier trial and were not tuned. LoRA ran for 150 steps, so it read six of ten reviews, once; in bfloat16 (10.16). Three
# seeds where there is chance in it, and one look at the test.

# %%
predict("14.four", "Order the four by accuracy on films never seen, best first.")

# %%
found = study("14_reviews")["results"]
everything = str(found["sizes"]["train"])
names = {
    "words": "counting words",
    "scratch": "from scratch",
    "frozen": "MiniLM, frozen",
    "LoRA": "MiniLM, LoRA",
}
ways = {name: found["curve"][name][everything] for name in names}
for name, runs in ways.items():
    print(f"{names[name]:15} right on test:", *(f"{run:.3f}" for run in runs))
for at in ("mean", "[CLS]"):
    known = found[f"frozen, {at} of the last layer"]["test"]
    print(f"frozen, {at:6} of the last layer alone: {known:.3f}")
mean = {name: sum(runs) / len(runs) for name, runs in ways.items()}
outcome("14.four", "; ".join(names[n] for n in sorted(mean, key=mean.get, reverse=True)))

# %% [markdown]
# The picture to keep. Each dot is one run.

# %% tags=["tells"] jupyter={"source_hidden": true}
fig, ax = plt.subplots(figsize=(8, 2.9), layout="constrained")
for place, runs in enumerate(ways.values()):
    ax.plot(runs, [place] * len(runs), "o", color=CYCLE[place], markersize=10, alpha=0.7)
ax.axvline(found["fresh"]["test"], color=GREY, linestyle=":")
ax.text(found["fresh"]["test"], 3.35, " always 'for'", color="black", fontsize=8)
ax.set_yticks(range(len(ways)), names.values())
ax.set(xlabel="share of 2,492 reviews of unseen films judged rightly", ylim=(3.6, -0.5))
ax.set_title("What was read before wins; a small encoder alone is no better than counted words")
show(
    fig,
    alt="Dots on one axis of accuracy. Counting words and an encoder from scratch lie together around 0.76, frozen MiniLM at 0.79, "
    "MiniLM with LoRA to the right of all, around 0.80. A dotted line at 0.535 is always answering 'for'.",
)

# %% [markdown]
# Is the gap chance? Draw the hundred test films anew, with repeats, a thousand times, and look at the middle 95 % of the gaps:

# %% tags=["tells"]
for name, (gain, low, high) in found["gain"].items():
    print(
        f"LoRA over {names[name]:15} {gain:4.1f} points, films drawn anew: {low:4.1f} to {high:4.1f}"
    )
claim(
    "LoRA is ahead of each, with each seed",
    min(ways["LoRA"]) > max(max(ways[n]) for n in ways if n != "LoRA"),
)
longer = study("14_longer")["results"]
tried = "; ".join(f"{rate}: {right:.3f}" for rate, right in longer["tried on dev"].items())
gain, low, high = longer["gain over frozen"]
print(f"LoRA for {longer['steps']} steps, its rate chosen on films to develop ({tried}):")
print("right on test:", *(f"{run:.3f}" for run in longer["test"]), end=", over frozen ")
print(f"{gain:.1f} points, films drawn anew: {low:.1f} to {high:.1f}")

# %% [markdown] tags=["tells"]
# A small encoder that learns from 9,000 reviews alone judges as well as counted words, and no better. What wins is what MiniLM read before: three
# points over counting are there while it is frozen, and the gain grows when the model may bend to the question: by two points at first, by four where LoRA reads each
# review twice, at the best of three rates (the highest of the three: a higher one may be better still). That was a second study, and a second look at the test.
#
# Where is it, in the frozen model? The third way takes the means of the embedding and of all six layers (a choice made on the films to develop). From the
# last layer alone it is no better than counting, and from [CLS], by which this model was not trained, far behind: see the last two rows of this section's first output.
#
# **How many labels is that worth?** The same with fewer to learn from, drawn three times (the decays are
# still chosen on all reviews to develop; not every way at every size):

# %%
lines = {}
for name in names:
    sizes = sorted(map(int, found["curve"][name]))
    if len(sizes) > 1:
        runs = [found["curve"][name][str(size)] for size in sizes]
        lines[names[name]] = sizes, [sum(each) / len(each) for each in runs]
for name, (sizes, means) in lines.items():
    print(f"{name:15}", *(f"{size:5}: {right:.3f}" for size, right in zip(sizes, means)))
ticks = (300, 1000, 3000, 9000)
about = (
    "labelled reviews",
    "right on test",
    "With few labels, what was read before is worth the most",
)
ax = named_curves(lines, *about, log=(ticks,))
show(
    ax,
    alt="Accuracy on test against the number of labelled reviews, from 300 to 8,987, on a logarithmic axis, one line for each way. All rise; "
    "MiniLM's two ways are ahead of counting words at 300, and LoRA is ahead of all at the end.",
)

# %% [markdown]
# On average frozen MiniLM judges as well with 300 labels as counted words do with 3,000. (With 1,000 it is not yet where they are with all 8,987.)
#
# ## 14.10 A head for each token, and for a span
#
# One linear layer on *each* vector makes a **tagger**: which of these letters of a date are the year, the month, the day? On
# names in a text the same is **named entity recognition** (when a word has several pieces, the first one carries the label; **your turn**:
# `14.pieces`). With two scores for each token, "starts here" and "ends here", it answers questions by a **span** of the text (**your turn**: `14.span`).
#
# The opponent is a rule: four digits (or the last two) are the year, a run of letters without a comma is the month, the
# first number left is the day. Which run? The longest, says a hasty rule. Where it failed it had taken weekdays, so the second
# one takes the last before the year.


# %%
def rule(text, hasty=False):
    """y, M, d or . for each letter of a date, by rule."""
    numbers = [m.span() for m in re.finditer(r"\d+", text)]
    named = [m.span() for m in re.finditer(r"[^\W\d]{3,}\.?(?!\w|,)", text)]
    year = next((n for n in numbers if n[1] - n[0] == 4), numbers[-1])
    if not hasty:
        named = [n for n in named if n[1] <= year[0]][-1:]
    rest = [n for n in numbers if n != year]
    told, taken = ["."] * len(text), [(year, "y")]
    if named:
        taken.append((max(named, key=lambda n: n[1] - n[0]), "M"))
    elif len(rest) == 2:
        first_month = year[0] < rest[0][0]  # after a year comes the month
        taken.append((rest.pop(0 if first_month else 1), "M"))
    taken += [(n, "d") for n in rest[:1]]
    for (start, end), tag in taken:
        told[start:end] = tag * (end - start)
    return "".join(told)


for text in ("Tuesday, 5 February 2019", "2019年2月5日", "05.02.19"):
    print(text, rule(text), sep="\n")

# %% [markdown]
# The tagger: the same small BERT, with one linear layer on each vector. Days are dealt out as in chapter 10.


# %%
from course_lib.data.dates import KINDS, all_days, fields, spelled
from course_lib.data.splits import split
from course_lib.models import Tagger
from course_lib.nn import padding_mask


def dates_of(days):
    return [(spelled(d, *KINDS[i % 58]), fields(d, *KINDS[i % 58])) for i, d in enumerate(days)]


days = split(all_days(), dev=2000, test=4000)
known, test = dates_of(days.train[:9600]), dates_of(days.test)
print(*known[4], sep="\n")

# %% [markdown]
# Two hundred batches, a few seconds:


# %%
TAGS, marks = ".yMd", CharTokenizer([text for text, _ in known], ("<pad>",))
tagger = make(len(marks), len(TAGS), width=64, model=Tagger)


def dates_in(pairs):
    ids, _ = pad([marks.encode(text) for text, _ in pairs], PAD)
    return ids, pad([[TAGS.index(t) for t in told] for _, told in pairs], PAD)[0]


def tag_loss(batch):
    ids, told = batch
    losses = F.cross_entropy(tagger(ids, padding_mask(ids, PAD)).mT, told, reduction="none")
    return losses[ids != PAD].mean()


batches = (dates_in(known[at : at + 48]) for at in range(0, 9600, 48))
tag_losses = [record.loss for record in train(tag_loss, batches, Both(tagger), max_norm=1.0)]
claim("the last loss is below a tenth", tag_losses[-1] < 0.1)

# %% [markdown]
# On days that it never met, whole dates and the year alone; then both rules:

# %%
ids, told = dates_in(test)
with torch.no_grad():
    best = tagger(ids, padding_mask(ids, PAD)).argmax(dim=-1)
real = ids != PAD
whole = ((best == told) | ~real).all(dim=1).float().mean().item()
years = (((best == 1) == (told == 1)) | ~real).all(dim=1).float().mean().item()
claim("the tagger: more than 94 of 100 whole dates", whole > 0.94)
claim("and more than 96 of 100 years", years > 0.96)

by_rule = []
for hasty in (True, False):
    said = [rule(text, hasty) for text, _ in test]
    by_rule.append(sum(a == b for a, (_, b) in zip(said, test)) / len(test))
    year = [[c == "y" for c in a] == [c == "y" for c in b] for a, (_, b) in zip(said, test)]
    print(f"rule: whole dates {by_rule[-1]:.3f}, the year {sum(year) / len(year):.3f}")
claim("whole dates: the tagger is ahead of the hasty rule", whole > by_rule[0])
claim("the second rule: level with it within a point, or ahead", by_rule[1] > whole - 0.01)

# %% [markdown]
# Against the hasty rule the tagger "won"; the second one, which knows no word of any language, is level with it at least. What that rule
# still gets wrong is one style, the American 7/21/73. Such dates were written by rules, so rules read them: write the rule. What the
# tagger spared us is looking at failures, for 9,600 labels and a few seconds; it pays where no rule is in sight, as for names.
#
# ## 14.11 The family
#
# | | what is other |
# |---|---|
# | BERT (2018) | hidden tokens, and a second game: does sentence b follow a? |
# | RoBERTa (2019) | longer, on more text, without the second game; what is hidden is drawn anew in each pass |
# | ALBERT (2019) | one block, used twelve times; narrow tables |
# | MiniLM (2020) | small layers that imitate the attention of a larger model |

# %%
from course_lib.models import BERTS, count_parameters

for name in ("bert-base-uncased", "bert-large-uncased", "roberta-base", "albert-base-v2"):
    print(f"{name:20} {count_parameters(MaskedLM, BERTS[name]):>12,} with its head")
print(f"{'our reader':20} {sum(p.numel() for p in reader.parameters()):>12,}")

# %% [markdown]
# ALBERT has a tenth of BERT's weights and does as much work: sharing saves memory, not time. BERT read its 3.3 billion words about forty times;
# our reader, 300,000 letters once.
#
# ## Summary
#
# - Who sees both sides can't be asked for what it sees: hide some tokens, and ask for those.
# - Only 15 % of the tokens are asked for: most of the work is done without a question.
# - A fair table beats a short training. Ask who the opponent is.
# - An encoder from scratch judges reviews about as well as counted words. A pretrained one is better, frozen, and
#   better still fine-tuned; with 300 labels it is far ahead.
# - LoRA learns 1.5 % as many numbers as MiniLM has, and can be added in at the end.
# - One linear layer on each vector makes a tagger; two scores make a span.
#
# Now there are three: the encoder–decoder, the writer, and the reader. Which one should you use? Chapter 15.

# %% [markdown]
# ## Quiz

# %%
quiz("14")

# %% [markdown]
# ## Interview questions
#
# Answer aloud before you open the answer.
#
# <details><summary>Why can't BERT be trained on next-token prediction?</summary>
#
# Its attention sees the next token, so it would copy it. With a causal mask it could, and would be a GPT. Hidden tokens give it a question
# whose answer isn't in view.
#
# </details>
#
# <details><summary>You have 300 labelled texts. What do you do?</summary>
#
# Count words, for a floor. Then a pretrained encoder with a linear layer, and with LoRA. Choose by texts held out by source, not at
# random. Training an encoder from nothing is the last thing to try.
#
# </details>
#
# <details><summary>What does LoRA save, and what not?</summary>
#
# The optimiser's memory and the size of what is stored for each task. Not the forward pass, and only part of the backward one: gradients
# still flow through every layer.
#
# </details>
#
# ## Exercises
#
# Open [exercises/14_bert.ipynb](exercises/14_bert.ipynb). About 115 minutes.
#
# | exercise | asks you to |
# |---|---|
# | `14.hide` | hide tokens in three ways, special ones never |
# | `14.loss` | mend a loss that counts too much |
# | `14.bert` | build an encoder with the head that says hidden tokens |
# | `14.pair` | join two texts, the longer one cut first |
# | `14.pool` | take the mean over real tokens |
# | `14.pieces` | label pieces from labelled words |
# | `14.span` | find the best span of an answer |
#
# Into your box goes an encoder that loads real weights.

# %% [markdown]
# ## Further reading
#
# - Devlin et al. 2018, *BERT: Pre-training of Deep Bidirectional Transformers*, arXiv:1810.04805; table 8 for 80/10/10.
# - Liu et al. 2019, *RoBERTa*, arXiv:1907.11692; Lan et al. 2019, *ALBERT*, arXiv:1909.11942.
# - Wang et al. 2020, *MiniLM*, arXiv:2002.10957; Reimers and Gurevych 2019, *Sentence-BERT*, arXiv:1908.10084.
# - Hu et al. 2021, *LoRA*, arXiv:2106.09685.
# - Wettig et al. 2022, *Should You Mask 15 % in Masked Language Modeling?*, arXiv:2202.08005.
# - Clark et al. 2020, *ELECTRA*: every token teaches. arXiv:2003.10555.
# - Pang and Lee 2005, *Seeing Stars*: reviews of films. arXiv:cs/0506075.
# - Warner et al. 2024, *ModernBERT*: the encoder with what was learned since. arXiv:2412.13663.
#
# ## Glossary
#
# - **masked language modelling**: hiding some tokens of a text and learning to say them from both sides.
# - **cloze test**: a text with words left out, for readers to fill in.
# - **tf-idf**: a word's weight in a text: how often it is there, times how rare it is elsewhere.
# - **logistic regression**: one weight for each feature; their sum becomes a probability.
# - **tagger**: a model that gives each token of a text a label.
# - **mean pooling**: one vector for a text, the mean of its tokens' without padding.
# - **segment**: which of two joined texts a token belongs to, told by a vector of its own.
# - **frozen**: said of weights that don't learn while others do.
# - **fine-tuning**: going on with the training of a pretrained model on a task of one's own.
# - **LoRA**: a thin product of two matrices that learns beside a matrix that does not.
# - **named entity recognition**: tagging the tokens of a text that name a person, a place, a date.
# - **span**: a stretch of a text, given by where it starts and where it ends.
