# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 15 · T5 and choosing an architecture
#
# **Which of the three should I use?** You have built an encoder–decoder (09), a decoder alone (13) and an encoder alone (14). Each has its
# friends. Give all three the same number of weights, the same three tasks and the same lessons: who wins?
#
# After this chapter you can
#
# - say in one line what an encoder and a decoder differ in, and prove it,
# - train an encoder–decoder on plain text by hiding spans,
# - write any task as text in, text out, and train one model on two of them,
# - read a table of three architectures and three tasks, and say what "equal" hides,
# - look into a real encoder–decoder that hears, and find where it listens.
#
# You need 06, 09, 13 and 14; 10 and 11 help. About 70 minutes, and 135 more for the exercises.

# %%
from functools import partial
from itertools import islice, permutations, product
from random import Random

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from course_lib.claims import claim
from course_lib.data.audio import RATE, log_mel
from course_lib.data.batches import by_tokens, pad
from course_lib.data.characters import CharTokenizer
from course_lib.data.dates import KINDS, all_days, spelled
from course_lib.data.spans import corrupt_spans, random_spans
from course_lib.data.splits import split
from course_lib.generation import generate
from course_lib.models import Seq2Seq, Seq2SeqConfig, Writer, count_parameters
from course_lib.models.t5 import T5, T5S
from course_lib.nn import GrowingCache, MultiHeadAttention, PreNorm, RMSNorm, Rotary
from course_lib.plots import CYCLE, transformer_map
from course_lib.plots.transformer import PARTS
from course_lib.pretrained.packages import MissingPackage
from course_lib.studies import study
from course_lib.views import outcome, predict, quiz, show, span_corruption

torch.set_num_threads(1)

# %% [markdown]
# Both towers, for the last time: from here on the question is which of them to keep.

# %%
show(
    transformer_map(
        here=("self-attention", "masked self-attention", "cross-attention", "feed-forward"),
        built=PARTS,
    ),
    alt="Drawing of the Transformer, every box built. The attentions and feed-forward networks of both towers are lit.",
)

# %% [markdown]
# ## 15.1 Three that are nearly one
#
# Here is a stack of blocks over one row of tokens. Is it an encoder or a decoder?

# %%
from course_lib.nn import EncoderBlock, FeedForward, TiedHead, TokenEmbedding, causal_mask
from course_lib.nn.stacks import Encoder

look = partial(MultiHeadAttention, bias=False)
network = partial(FeedForward, bias=False)


class OneStack(nn.Module):
    """Blocks over one row of tokens: an encoder or a decoder, as the mask says."""

    def __init__(self, vocab_size, width=64, layers=4):
        super().__init__()
        self.embed = TokenEmbedding(vocab_size, width)
        self.stack = Encoder([self.block(width) for _ in range(layers)], RMSNorm(width))
        self.head = TiedHead(self.embed)

    def block(self, width):
        attention = look(width, width // 32, position=Rotary(32))

        def around():
            return PreNorm(RMSNorm(width), 0.0)

        return EncoderBlock(attention, network(width, 4 * width), around)

    def forward(self, ids, mask=None):
        return self.head(self.stack(self.embed(ids), mask))  # (batch, seq, vocab)


# %% [markdown]
# With a causal mask it is the library's decoder-only model; without one, an encoder. The weights are the same:

# %%
from course_lib.models.gpt import Gpt, GptConfig

parts = {"norm": RMSNorm, "attention": look, "feed_forward": partial(network, activation=F.relu)}
sizes = GptConfig(
    100, 64, 2, 4, 256, 64, embed_scale=8.0, input_position=None, attention_position=Rotary, **parts
)
ours, theirs = OneStack(100), Gpt(sizes)
theirs.load_state_dict(ours.state_dict())
ids = torch.randint(100, (2, 11), generator=torch.Generator().manual_seed(0))
all_see = torch.ones(1, 1, 11, 11, dtype=torch.bool)
with torch.no_grad():
    both = ours(ids, causal_mask), ours(ids)
    claim("with a causal mask: the decoder", torch.allclose(both[0], theirs(ids), atol=1e-4))
    claim("without: the encoder", torch.allclose(both[1], theirs(ids, all_see), atol=1e-4))
    claim("and these are two functions", (both[0] - both[1]).abs().max() > 0.1)

# %% [markdown]
# So **encoder-only** and **decoder-only** differ in a mask, and in what they are asked. The **encoder–decoder** differs in its matrices: a
# block that looks over at the other side has four more.

# %%
predict(
    "15.blocks",
    "A feed-forward network is four times as wide as the model. How many times the weights of an encoder's block has a decoder's block with cross-attention?",
)


# %%
def in_matrices(model):
    """Numbers in the matrices of the blocks."""
    return sum(p.numel() for n, p in model.named_parameters() if "blocks" in n and p.ndim == 2)


def pair(layers, d_ff):
    """An encoder–decoder of the same kind."""
    return Seq2Seq(
        Seq2SeqConfig(100, 100, 64, 2, layers, d_ff, tied=True),
        attention=partial(look, position=Rotary(32)),
        cross_attention=look,
        feed_forward=network,
        norm=RMSNorm,
        residual=PreNorm,
        last_norm=RMSNorm,
        position=None,
    )


reads, writes = in_matrices(pair((1, 0), 256)), in_matrices(pair((0, 1), 256))
print(f"a block that reads {reads:,}, one that also looks over {writes:,}")
outcome("15.blocks", f"{writes / reads:.2f}")

# %% [markdown]
# For equal weights we take two blocks on each side, and networks three times as wide in place of four:

# %%
print(f"one stack {in_matrices(ours):,}, two and two {in_matrices(pair((2, 2), 192)):,}")

# %% [markdown]
# ## 15.2 Text in, text out
#
# An encoder needs a head for each task (14). T5 (Raffel et al. 2019) keeps one, over its tokens: **every task is
# written as text**, or **text-to-text**. A **task prefix** in front says which one, and the answer is text too:
#
# | goes in | comes out |
# |---|---|
# | `translate English to German: That is good.` | `Das ist gut.` |
# | `cola sentence: The course is jumping well.` | `not acceptable` |
# | `stsb sentence1: … sentence2: …` | `3.8` |
#
# A label is a word, a number is its digits. One loss for everything, one model for everything: learn from plain text first, go on with tasks. That is **transfer
# learning**; text-to-text, transfer and Transformer make the five Ts of the name. To choose among given labels, score each one's
# text.
#
# ## 15.3 Hide spans, ask for spans
#
# And without labels? BERT's game asks for single tokens in their places. T5 cuts out **spans**: neighbours go together, one
# **sentinel** marks where they were, and the target is what was cut out, each span behind its sentinel. One more sentinel ends it. This is
# **span corruption**, one way of **denoising**: spoil a text, learn to restore it. Try it: hide tokens, and watch both lines.

# %%
sentence = "The animal didn't cross the street because it was too tired".split()
span_corruption(sentence, [2, 3, 9])

# %% [markdown]
# What does it save? BERT runs over the whole text and asks at 15 % of its places. Here the input gets shorter, and the decoder reads and writes what was hidden, no more.

# %%
predict(
    "15.target",
    "Of 512 tokens 15 % are hidden, in spans of three on average. How many tokens has the input, and how many the target?",
)

# %% [markdown]
# Twenty draws:

# %%
generator = torch.Generator().manual_seed(0)
lengths = [
    tuple(map(len, corrupt_spans(range(512), random_spans(512, generator=generator), 999)))
    for _ in range(20)
]
print("twenty draws:", set(lengths))
outcome("15.target", "{} and {}".format(*lengths[0]))

# %% [markdown]
# Always the same: where the spans stand is chance, how many there are is not. Each sentinel costs a token on both sides, so many short spans are dearer than a few long
# ones. Move both:


# %% tags=["nbval-ignore-output"]
def cost(share, mean):
    """How long input and target are."""
    found = random_spans(512, share / 100, mean, torch.Generator().manual_seed(0))
    read, write = map(len, corrupt_spans(range(512), found, 999))
    print(f"{len(found)} spans: {read} tokens to read, {write} to write, {read + write} in all")


widgets.interactive(
    cost,
    share=widgets.IntSlider(value=15, min=5, max=50, step=5, description="% hidden"),
    mean=widgets.FloatSlider(value=3, min=1, max=10, step=1, description="mean span"),
)

# %% [markdown]
# The paper tried 10 to 50 % and means of 2 to 10, and found little between them but the time, save that 50 % was too much (its tables 6 and 7). **Your turn**: the cutting in `15.corrupt`,
# lengths in `15.lengths`.
#
# ## 15.4 What else T5 changed
#
# | | 2017 | T5 |
# |---|---|---|
# | norm | LayerNorm, after each sum | RMSNorm, before each part, and one at the end |
# | places | waves, added to the tokens | a learned number for each head and distance, added to the scores |
# | biases of layers | yes | none |
# | scores divided by √d | yes | no: queries start smaller by that much |
# | last layer | tied | tied, and what it reads divided by √d_model |
#
# A checkpoint of T5 loads without complaint into a layer that divides by √d, and then attends too evenly. In the library it is the same `Seq2Seq` as in 09, given other parts:

# %%
with torch.device("meta"):
    t5 = T5(T5S["t5-small"])
print(*dict.fromkeys(type(part).__name__ for part in t5.modules()), sep=", ")
claim("a T5 is a Seq2Seq", isinstance(t5, Seq2Seq))
for name in ("t5-small", "t5-base", "t5-11b"):
    print(f"{name:9} {count_parameters(T5, T5S[name]):>14,}")

# %% [markdown]
# The places are those of 06: distances near by have a **bucket** each, far ones share wider and wider buckets, and each head learns one number for each bucket. All layers of a
# side share the table; cross-attention has none.
#
# **Your turn**: from table to bias, `15.bias`; all of it, `15.t5`; a layer that is not T5's, `15.scale`; and an answer chosen among several, `15.label`.
#
# ## 15.5 One model, two tasks
#
# A small one, live. Dates again, in fourteen languages. In front of each stands what is wanted: `iso` the date as 2019-02-05, `language` the language's name.

# %%
LANGUAGES = {
    **{"de": "deutsch", "fr": "français", "es": "español", "it": "italiano", "pt": "português"},
    **{"nl": "nederlands", "sv": "svenska", "pl": "polski", "cs": "čeština", "ru": "русский"},
    **{"tr": "türkçe", "fi": "suomi", "ja": "日本語", "en_US": "english", "en_GB": "english"},
}
PAD, END = 0, 1


def examples(days, count, seed):
    """Texts and answers: half of them ask for the date, half for its language."""
    draw, found = Random(seed), []
    for _ in range(count):
        day, (locale, style) = draw.choice(days), draw.choice(KINDS)
        if draw.random() < 0.5:
            found.append((f"iso: {spelled(day, locale, style)}", day.isoformat()))
        else:
            style = draw.choice(("full", "long"))  # the others are numbers in many languages
            found.append((f"language: {spelled(day, locale, style)}", LANGUAGES[locale]))
    return found


# %% [markdown]
# Days are dealt out as in chapter 10.

# %%
days = split(all_days(), dev=2000, test=4000)
lessons, exam = examples(days.train, 20_000, 0), examples(days.test, 1000, 1)
for text, answer in lessons[:4]:
    print(f"{text:38} -> {answer}")

# %% [markdown]
# The model is an encoder–decoder with T5's places. One thing is not T5's: queries and keys are brought to one length (QK-norm, 10).

# %%
from course_lib.nn import scaled_dot_product_attention as attend
from course_lib.nn.positions.relative import RelativeBias


def attend_evenly(query, key, value, *seen, **how):
    query, key = (F.rms_norm(x, x.shape[-1:]) for x in (query, key))
    return attend(query, key, value, *seen, **how)


# %% [markdown]
# The model, with one module of places for each side:

# %%
letters = CharTokenizer([text + answer for text, answer in lessons], ("<pad>", "<end>"))


def make(width=64, heads=2):
    torch.manual_seed(0)
    look = partial(MultiHeadAttention, bias=False, attend=attend_evenly)
    places = partial(RelativeBias, heads, 16, 32)  # one for each side: its layers share it
    return Seq2Seq(
        Seq2SeqConfig(len(letters), len(letters), width, heads, 2, 3 * width, 0.0, tied=True),
        attention=partial(look, position=places()),
        decoder_attention=partial(look, position=places(bidirectional=False)),
        cross_attention=look,
        norm=RMSNorm,
        residual=PreNorm,
        last_norm=RMSNorm,
        position=None,
    )


# %% [markdown]
# Muon for matrices, AdamW for the rest; the buckets, which have far to go, at a higher rate. (The library's `Both` would give them to Muon: they
# are a matrix, too.)

# %%
from course_lib.training import Muon, cross_entropy, progress, train


class Both(torch.optim.Optimizer):
    """Muon for the matrices of the blocks, AdamW for the rest, as one optimiser."""

    def __init__(self, model, rate=0.03):
        kinds = {"buckets": [], "inner": [], "outer": []}
        for name, p in model.named_parameters():
            inside = ".blocks." in name and p.ndim == 2
            kinds["buckets" if "buckets" in name else "inner" if inside else "outer"].append(p)
        buckets, inner, outer = kinds.values()
        groups = [{"params": outer, "lr": rate / 5}, {"params": buckets, "lr": 0.05}]
        adam = torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=0.0)
        super().__init__([*inner, *outer, *buckets], {})
        self.parts = (adam, Muon(inner, rate))
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    def step(self):
        for part in self.parts:
            part.step()


# %% [markdown]
# Batches of like lengths; the target starts with the padding's id, as in T5.


# %%
def rows(pairs):
    """What is read and what is asked, each with its end."""
    read, asked = ([[*letters.encode(t), END] for t in texts] for texts in zip(*pairs))
    return pad(read, PAD)[0], pad(asked, PAD)[0]


def loss_of(batch):
    read, asked = batch
    start = F.pad(asked, (1, 0), value=PAD)[:, :-1]
    return cross_entropy(model(read, start), asked, pad_id=PAD)


def batches(pairs, seed=0):
    generator = torch.Generator().manual_seed(seed)
    while True:
        for group in by_tokens([len(text) + 1 for text, _ in pairs], 800, generator):
            yield rows([pairs[i] for i in group])


# %% [markdown]
# About fifteen seconds on one core.

# %% tags=["nbval-ignore-output"]
steps, model = 480, make()  # anew, should you run this cell again
optimizer = Both(model)
plan = LambdaLR(optimizer, lambda step: min((step + 1) / 20, 1 - step / steps))
run = train(loss_of, islice(batches(lessons), steps), optimizer, plan, max_norm=1.0)
losses = [record.loss for record in progress(run, total=steps)]  # a bar, made of widgets

# %% [markdown]
# It writes with a cache (11):


# %%
def answers(texts):
    """What the model writes, letter by letter."""
    read = pad([[*letters.encode(text), END] for text in texts], PAD)[0]
    start, how = torch.zeros(len(read), 1, dtype=torch.long), {"end_id": END, "pad_id": PAD}
    ids = generate(Writer(model, read), start, max_new_tokens=12, cache=GrowingCache(), **how)
    return [letters.decode([i for i in row.tolist() if i > END]) for row in ids]


# %% [markdown]
# The exam: a thousand questions about days that no lesson had.


# %%
def right(pairs):
    """The share of answers without a mistake, for each task."""
    said = answers([text for text, _ in pairs])
    marks = {"iso": [], "language": []}
    for word, (text, answer) in zip(said, pairs):
        marks[text.partition(":")[0]].append(word == answer)
    return {task: sum(each) / len(each) for task, each in marks.items()}


learned = right(exam)
claim("iso: more than 80 of 100, of days that it never met", learned["iso"] > 0.8)
claim("language: more than 85 of 100", learned["language"] > 0.85)
print(*answers(["iso: 5 février 2019", "language: 5 février 2019"]), sep="\n")

# %% [markdown]
# Two tasks, one head, one loss: the words in front decide. What did the buckets learn? For each head, what is added to the score of a token so
# many places away:


# %%
def by_distance(places, reach=24):
    """What a side adds for each distance, (heads, 2 reach + 1)."""
    token = torch.zeros(1, 2, 2 * reach + 1, 32)  # only how many there are counts
    return places(token, token)[2][:, reach].detach()  # seen from the one in the middle


reads, writes = model.encoder.blocks[0], model.decoder.blocks[0]
sides = {"encoder": reads.attention.position, "decoder": writes.self_attention.position}

# %% [markdown]
# Both sides, both heads:

# %% jupyter={"source_hidden": true}
fig, axes = plt.subplots(1, 2, figsize=(9, 2.8), sharey=True, layout="constrained")
for ax, (side, places) in zip(axes, sides.items()):
    for head, line in enumerate(by_distance(places)):
        far = 25 if side == "decoder" else 49  # a decoder never looks ahead
        look_at = range(-24, far - 24)
        ax.step(look_at, line[:far], where="mid", color=CYCLE[head], label=f"head {head}")
    ax.set(xlabel="place of the key, from the query", title=side)
axes[0].set_ylabel("added to the score")
axes[0].legend()
fig.suptitle("Each head has its favourite distances, and steps that widen with distance")
show(
    fig,
    alt="Two panels of step lines over distance, one for each side, with two heads each. Near the query the lines jump from one place to the next; far away they run level over many places. The decoder's end at distance 0.",
)

# %% [markdown]
# (The decoder's far buckets stayed where they began: no answer is so long.) Does it lean on them? Give each number to the bucket five further on, or take all away, and look at the exam again:

# %%
kept = {side: places.buckets.weight.detach().clone() for side, places in sides.items()}
for name, change in (("moved by five", lambda x: x.roll(5, 0)), ("all zero", torch.zeros_like)):
    for side, places in sides.items():
        places.buckets.weight.data = change(kept[side])
    found = right(exam[:200])
    learned[f"iso with buckets {name}"] = found["iso"]
    claim(f"{name}: fewer than 20 of 100 dates", found["iso"] < 0.2)
twins = answers(["iso: 12 mai 2019", "iso: 21 mai 2019"])
claim("with all zero, 12 and 21 May are one day", twins[0] == twins[1])
for side, places in sides.items():
    places.buckets.weight.data = kept[side]

# %% [markdown]
# That says what *this* model leans on. One trained without places would find other means, but never for 12 and 21: an encoder without them reads a bag of letters.
#
# Here are the shares, as they came out on your machine. Ask it yourself, or ask for what no lesson had:


# %% tags=["nbval-ignore-output"]
def ask(line):
    try:
        print(*answers([line]))
    except ValueError as error:  # a letter that no lesson has
        print(error)


print(*(f"{what}: {share:.3f}" for what, share in learned.items()), sep="\n")
widgets.interactive(ask, line=widgets.Text("language: 1 de maio de 2031", continuous_update=False))

# %% [markdown]
# ## 15.6 Three by three
#
# Now the race. All three have 196,608 numbers in their blocks, one table of tokens and the same parts, and take as many steps with the same lessons. The tasks:
#
# - **judge**: is a review for the film? (14; words, films never seen)
# - **go on**: the next letter of Shakespeare, for letters 33 to 64 of a window
# - **translate**: a date in fourteen languages to ISO, whole dates right
#
# Each takes a way that should suit it: see the table. Two of these ways were the better of two on development data: the decoder's of judging, and the
# encoder's of going on. The rates were chosen there, too: of four at judging, of two elsewhere. At going on the higher one won each time; none above
# it was tried.
#
# | | judge | go on | translate |
# |---|---|---|---|
# | encoder | mean of the vectors | ▢ (a hidden letter, 14) at the end, and at a fifth of the other places | ten ▢ behind the date, all said at once |
# | decoder | mean of the vectors | every letter of a window | date, then answer; the letters of the date see each other (a **prefix language model**) |
# | both | the first word written | reads 32 letters, writes 32 | reads the date, writes the answer |

# %%
TASKS = {"reviews": "judge", "letters": "go on", "dates": "translate"}
NAMES = {"encoder": "encoder", "decoder": "decoder", "both": "encoder–decoder"}
predict("15.race", "Who wins each? Three names, in the order judge, go on, translate.")

# %% [markdown]
# Two studies ran it, three seeds each. In the first, judging had one rate, which was compared with no other. The second lets each choose its own, and
# looks at the same test a second time; its marks are shown:

# %%
race, judged = study("15_three")["results"], study("15_judging")["results"]
at_first, race["test"]["reviews"] = race["test"]["reviews"], judged["test"]
means = {t: {k: sum(r) / len(r) for k, r in race["test"][t].items()} for t in TASKS}
for task, kind in product(TASKS, NAMES):
    print(f"{TASKS[task]:10}{NAMES[kind]:16}", *(f"{r:.3f}" for r in race["test"][task][kind]))
best = {t: (min if t == "letters" else max)(means[t], key=means[t].get) for t in TASKS}
outcome("15.race", ", ".join(NAMES[best[t]] for t in TASKS))

# %% [markdown]
# (*Go on* is in nats a letter: less is better.) Which of these gaps are more than chance?

# %% tags=["tells"]
runs = race["test"]
ahead = zip(*(runs["letters"][kind] for kind in ("decoder", "both", "encoder")))
claim("go on: with each seed decoder, both, encoder", all(a < b < c for a, b, c in ahead))
pairs = zip(runs["reviews"]["encoder"], runs["reviews"]["decoder"])
claim("judge: with each seed the encoder ahead of the decoder", all(a > b for a, b in pairs))
gap = abs(means["reviews"]["encoder"] - means["reviews"]["both"])
claim("judge: encoder and both within a point", gap < 0.01)
low, high = (pick(runs["dates"]["decoder"]) for pick in (min, max))
claim("translate: encoder below decoder, with every run", max(runs["dates"]["encoder"]) < low)
both = runs["dates"]["both"]
claim("but the runs of both are on either side of them", min(both) < low and max(both) > high)
for kind, name in NAMES.items():
    tried = ", ".join(f"{rate} {mark:.3f}" for rate, mark in judged["development"][kind].items())
    gain = 100 * (means["reviews"][kind] - sum(at_first[kind]) / 3)
    print(f"{name:16} judge, to develop: {tried}; test: {gain:.1f} points over the first rate's")

# %% [markdown] tags=["tells"]
# One clear win: the decoder is the one for going on. At judging it is behind with each seed (the way it does so was chosen at the first rate). (All three chose the same rate, four times the first one, and
# gained five to six points by it; their order stayed.) At translating it is ahead of the encoder, by
# less than the encoder's seeds differ, and the encoder–decoder of 2017, made for this, is anywhere around them. The picture to keep:
# darkest is the best mean, paler is what overlaps with it.


# %% tags=["tells"] jupyter={"source_hidden": true}
def shade(task, kind):
    """1 for the best mean, a half where runs overlap with the best one's, else 0."""
    mine, top = runs[task][kind], runs[task][best[task]]
    overlap = max(min(mine), min(top)) <= min(max(mine), max(top))
    return 1.0 if kind == best[task] else 0.5 * overlap


fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
shades = torch.tensor([[shade(task, kind) for task in TASKS] for kind in NAMES])
ax.imshow(0.45 * shades, cmap="Blues", vmin=0, vmax=1, aspect="auto")
for column, task in enumerate(TASKS):
    for row, kind in enumerate(NAMES):
        spread = (max(runs[task][kind]) - min(runs[task][kind])) / 2
        ax.text(column, row, f"{means[task][kind]:.3f} ± {spread:.3f}", ha="center", va="center")
ax.set_xticks(range(3), ["judge\n(right)", "go on\n(nats, less is better)", "translate\n(right)"])
ax.set_yticks(range(3), NAMES.values())
ax.set_title("Equal weights: the decoder goes on best and judges worst; nobody wins all")
show(
    fig,
    alt="A table of three architectures and three tasks, each with half the spread of three seeds. Judging: encoder 0.721, encoder–decoder 0.719 and paler, decoder 0.697 and white. Going on: the decoder alone is dark, 2.064 nats, before 2.249 and 2.585. Translating: decoder 0.902, encoder–decoder 0.885 and paler, encoder 0.872.",
)

# %% [markdown]
# ## 15.7 What "equal" hides
#
# Equal weights are not equal work. A decoder learns from each of 63 letters of a window; an encoder that is asked for the next letter gets
# one honest question a window, the letter with which it ends (the 33rd to the 64th, by chance: on average 47.5 stand before it), and a fifth of
# those before, which are not quite the exam's; the encoder–decoder asks for half. Is it the questions? Another study asked the decoder for less, with
# the same lessons, rate and exam: for a sixth of the letters, drawn by chance, as many as the encoder's; or for the second half, the encoder–decoder's.

# %%
asked = {"encoder": 1 + 0.2 * 47.5, "decoder": 63, "both": 32}  # on average 47.5 before the last
for kind, name in NAMES.items():
    times = [sum(race["cpu seconds"][t][kind]) / 3 for t in TASKS]
    print(
        f"{name:16} about {asked[kind]:4.1f} questions a window;",
        "CPU seconds of training for each task:",
        *(f"{t:.0f}" for t in times),
    )

# %%
fewer, goes_on = study("15_asked")["results"]["test"], means["letters"]
for (way, each), kind in zip(fewer.items(), ("encoder", "both")):
    kept = (goes_on[kind] - sum(each) / 3) / (goes_on[kind] - goes_on["decoder"])
    print(f"decoder asked for {way}:", *(f"{run:.3f}" for run in each), end=" ")
    print(f"nats; it keeps {kept:.2f} of its lead over the {NAMES[kind]}")

# %% [markdown]
# Asked for as little as they are, the decoder loses more than half of either lead, and is still ahead with each seed. So more than half was questions, and a part was not. (The rate was
# the one for all questions; fewer might want another.)
#
# And to write 32 letters the encoder reads the text 32 times, for hardly anything that it computed may be kept: each new letter changes all vectors from the first block on. A decoder keeps
# its keys and values (11).
#
# These are seconds of training, not weeks. Does anyone do well? Chapter 14's counted words, learning from the same reviews, and 13's tables of letters (another exam
# of the same plays):

# %%
words = study("14_reviews")["results"]["curve"]["words"]
tables = study("13_tables")["results"]["bits"]
nats = 0.6931 * sum(tables["140800"]) / 3
print(f"counted words, right: {words['8987'][0]:.3f}")
print(f"letters counted, of 140,800 that were read: {nats:.3f} nats a letter")
claim("counting beats all three at judging", words["8987"][0] > max(means["reviews"].values()))
claim("and at going on", nats < min(means["letters"].values()))

# %% [markdown]
# So the table orders three beginners. It shows what each can be asked; how good each can get, and who leads after weeks, it does not.
#
# **A control for the translation.** Saying all ten letters at once works since a date has one right answer, and every letter of it hangs on the source alone. So give it two: in
# each lesson a coin decides between `2019-02-05` and `05/02/2019`, and either is right.

# %%
predict(
    "15.forms",
    "Two right forms, a coin for each lesson. Of 100 dates, how many does the encoder that says all at once still write rightly?",
)

# %% [markdown]
# The same study, the same settings:

# %%
forms = race["test"]["dates in two forms"]
for kind, runs in forms.items():
    print(f"{NAMES[kind]:16}", *(f"{run:.3f}" for run in runs))
outcome("15.forms", f"{100 * sum(forms['encoder']) / 3:.0f} of 100")

# %% [markdown]
# At each place both forms are as likely, and each place chooses by itself, so they mix: the **multimodality** problem of **non-autoregressive** models (Gu et al.
# 2017). Who writes in turn chooses once, and reads what it chose. Names, sentences and answers have many right forms, so translators write word by word.
#
# ## 15.8 When to use which
#
# | you want | take | since | in the field |
# |---|---|---|---|
# | a label, a vector, a span of a text | an encoder | everything is in view, one pass, small | BERT and its heirs, search, ModernBERT |
# | a text from a text, the source known at once | an encoder–decoder | the source is read both ways, once | T5, BART, Marian, Whisper |
# | a text that goes on; many tasks, hardly a label | a decoder | every token teaches, one cache, the prompt is the task | GPT, LLaMA, Qwen |
#
# Writing what was hidden, an encoder–decoder was best in T5's own comparison (its table 2): ahead of the decoders at equal cost, with twice their
# weights, and also at equal weights, one set for both towers. Wang and others (2022) found a decoder trained on next tokens the better **zero-shot** model (no example seen), and those that see their input both ways, trained on what was hidden, the
# better ones after fine-tuning on many other tasks. That the largest models are decoders is also a matter of plumbing: one stack, one loss, one cache, and every token
# of the web is a question.
#
# So: one task, and some labels? A *pretrained* encoder, as in 14. Sound or pictures in, text out? Both towers. Conversation? A decoder.
#
# ## 15.9 A real one that hears
#
# Whisper (Radford et al. 2022) is an encoder–decoder whose source is sound, as a **spectrogram**: how loud each of 80 pitches on the **mel** scale is, a hundred times a second. Its decoder is the one of 09, in
# pre-norm; here are its weights in our code, and ten seconds of a man who reads Beckett.

# %%
from course_lib.data.speech import speech
from course_lib.pretrained import whisper_tiny

try:
    (whisper, pieces), sound = whisper_tiny.load_whisper_tiny(), speech()
except MissingPackage as error:
    whisper = None
    print(error)


# %% [markdown]
# What it hears, and where each token looked: the cross-attention of all layers.


# %%
def looked_at(samples, ids):
    """Where each token looked while these were written: (layer, head, token, frame)."""
    with torch.no_grad():
        encoded = whisper.encode(log_mel(samples)[None])
        _, looked = whisper.decode(ids[:, :-1], encoded, return_weights=True)
    # two tokens start; where the second stands, the first word is written
    frames = 50 * len(samples) // RATE  # fifty vectors a second; the rest is silence, filled up
    return torch.cat([cross for _, cross in looked])[:, :, 1:, :frames]


def hear(samples):
    """The ids of what is said, and where each looked."""
    start, how = torch.tensor([whisper_tiny.START]), {"end_id": whisper_tiny.END}
    writer = Writer(whisper, log_mel(samples)[None])
    ids = generate(writer, start, max_new_tokens=40, cache=GrowingCache(), **how)[:, :-1]
    return ids[0, 2:].tolist(), looked_at(samples, ids)


if whisper:
    middle = int(4.9 * RATE)  # a pause
    first, second = hear(sound[:middle]), hear(sound[middle:])
    print(pieces.decode(first[0]) + pieces.decode(second[0]))

# %% [markdown]
# Whoever writes "failed" must have listened somewhere. There are 24 heads of cross-attention: for each, is the loudest place of each token later than
# the one before it? Choose the head by the first half of the recording, and look at it in the second.


# %%
def in_order(looked):
    """For each head, how well the places looked at rise with the tokens: a correlation."""
    at = looked.argmax(dim=-1).float()
    steps = torch.arange(at.shape[-1]).expand_as(at).float()
    at, steps = (x - x.mean(dim=-1, keepdim=True) for x in (at, steps))
    norms = at.norm(dim=-1) * steps.norm(dim=-1)
    return (at * steps).sum(dim=-1) / norms.clamp(min=1e-6)


if whisper:
    layer, head = divmod(in_order(first[1]).argmax().item(), 6)
    others = in_order(second[1]).flatten().sort().values
    mine = in_order(second[1])[layer, head].item()
    print(f"layer {layer}, head {head}: {mine:.3f} in the second half")
    print(f"the 24 heads there: median {others.median():.3f}, lowest {others[0]:.3f}")

# %% [markdown]
# That head, in the half by which it was not chosen:

# %% jupyter={"source_hidden": true}
if whisper:
    words = [pieces.decode([i]).replace(" ", "␣") for i in second[0]]
    fig, ax = plt.subplots(figsize=(9, 2.9), layout="constrained")
    ax.imshow(second[1][layer, head], aspect="auto", cmap="viridis", extent=(0, 5.06, 9, 0))
    ax.set_yticks([i + 0.5 for i in range(len(words))], words)
    ax.set(xlabel="seconds into the second half", ylabel="token to be written")
    ax.set_title("A head that follows the voice: a word is written where it is heard")
    view = show(
        fig,
        alt="Nine tokens of 'Try again. Fail again. Fail better.' as rows over five seconds. Bright spots walk down from the upper left to the lower right, with gaps where the voice pauses.",
    )
view if whisper else None

# %% [markdown]
# Is that listening, or counting, tokens from left to right or stretches of voice? Leave the sound as it is, and force other words on the decoder:
# the last phrase first. A head that counts looks where it did before; one that listens goes where the word is heard.

# %%
if whisper:
    phrases = [0, 1, 2], [3, 4, 5], [6, 7, 8]  # Try again. Fail again. Fail better.
    start = torch.tensor([whisper_tiny.START])
    was = second[1].flatten(0, 1).argmax(dim=-1) / 50

    def forced(order):
        ids = torch.cat((start, torch.tensor([second[0]])[:, order]), dim=1)
        return looked_at(sound[middle:], ids).flatten(0, 1).argmax(dim=-1) / 50

    order = [*phrases[2], *phrases[0], *phrases[1]]
    for place, at in zip(order, forced(order)[6 * layer + head]):
        before = was[6 * layer + head, place]
        print(f"{words[place]:8} looked at {before:.1f} s before, {at:.1f} s now")
    print("\nhow many of 24 heads have half of their places, or more, at most 0.1 s from")
    for some in list(permutations(phrases))[1:]:
        order = [place for phrase in some for place in phrase]
        follows, stays = (
            (forced(order) - where).abs().median(dim=1).values < 0.1
            for where in (was[:, order], was)
        )
        told = "".join(words[place] for place in order).replace("␣", " ")
        alone = [(one & ~other).sum().item() for one, other in ((follows, stays), (stays, follows))]
        print(f"{told:38} the word alone {alone[0]:2}, the old place alone {alone[1]:2}")

# %% [markdown]
# Six of nine are where it looked for this word before. The other three it could not know: the first word, what follows the first *Fail*, and what follows
# the first end. There it looks at what comes next in the sound: the start, the *again* behind a *Fail*, the silence. So it listens for the word that is due.
#
# How many heads do so hangs on the order: half of the 24 in two of five, none in one. (One that looks at the same place for nearly every word agrees with both, and isn't counted.) Whisper's times of words are made of several such heads, and of the cheapest path through their mean (**your turn**: `15.path`).
#
# ## Summary
#
# - An encoder and a decoder are one stack under two masks. An encoder–decoder's writing block has a third more weights.
# - Span corruption cuts spans out of plain text: the input gets shorter, the target holds what was hidden.
# - T5 adds a learned number for each head and bucket of distance; the scale of the scores went into the weights.
# - Text in, text out: one model, one loss, and the words in front say which task.
# - Equal weights, three tasks, no single winner: the decoder went on best and judged worst; dates were nearly a draw. Equal weights are not
#   equal work, nor equally many questions: asked for as little as the others, the decoder lost about half of its lead, or more.
# - Saying everything at once works where there is one right answer.
#
# Sound went into a Transformer, fifty vectors a second. What about a picture? Chapter 16.
#
# ## Quiz

# %%
quiz("15")

# %% [markdown]
# ## Interview questions
#
# Answer aloud before you open the answer.
#
# <details><summary>What is the difference between an encoder and a decoder?</summary>
#
# In a stack of one row, the mask, and with it what can be asked: who sees both sides can't be asked for the next token. In an encoder–decoder the
# decoder also has cross-attention, with weights of its own.
#
# </details>
#
# <details><summary>Why is T5's target short?</summary>
#
# It holds what was hidden, a sentinel for each span and one to end, not the whole text. So the decoder has few places, and a step of training costs less.
#
# </details>
#
# <details><summary>Two models have equally many weights. What else do you ask before you compare them?</summary>
#
# How many tokens each read, how many of them were asked for, what a step cost, whether each had its own rate, how the outputs are
# made (one pass, or one for each token), and how many seeds there were.
#
# </details>
#
# ## Exercises
#
# Open [exercises/15_t5.ipynb](exercises/15_t5.ipynb). About 135 minutes.
#
# | exercise | asks you to |
# |---|---|
# | `15.corrupt` | cut spans out and put sentinels in |
# | `15.lengths` | say how long input and target are |
# | `15.bias` | make the bias from a table of buckets |
# | `15.t5` | build a small T5 |
# | `15.scale` | mend a layer that is not T5's |
# | `15.label` | choose a label by the likelihood of its text |
# | `15.path` | find the cheapest path from corner to corner |
#
# Into your box goes a T5 that loads given weights.
#
# ## Further reading
#
# - Raffel et al. 2019, *Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer*, arXiv:1910.10683.
# - Lewis et al. 2019, *BART*: an encoder–decoder that mends spoiled text. arXiv:1910.13461.
# - Wang et al. 2022, *What Language Model Architecture and Pretraining Objective Work Best for Zero-Shot Generalization?*, arXiv:2204.05832.
# - Tay et al. 2022, *UL2*: hidden spans of many kinds, in either architecture. arXiv:2205.05131.
# - Gu et al. 2017, *Non-Autoregressive Neural Machine Translation*: all words at once. arXiv:1711.02281.
# - Radford et al. 2022, *Robust Speech Recognition via Large-Scale Weak Supervision* (Whisper), arXiv:2212.04356.
#
# ## Glossary
#
# - **text-to-text**: said of a task whose input and answer are both written as text.
# - **task prefix**: words in front of an input that say which task is meant.
# - **transfer learning**: training on one task or on plain text first, and going on with another.
# - **span corruption**: cutting spans out of plain text and learning to write them.
# - **sentinel**: a special token that stands where a span was cut out, and before that span in the target.
# - **denoising**: learning to restore a text that was spoiled on purpose.
# - **prefix language model**: a decoder whose first tokens, the given ones, all see each other.
# - **non-autoregressive**: saying all tokens of an answer at once, not one after the other.
# - **multimodality**: several right answers, of which one must be chosen as a whole.
# - **zero-shot**: doing a task without having seen an example of it.
# - **spectrogram**: how loud each pitch of a sound is, frame by frame.
# - **mel**: a scale of pitches on which equal steps sound alike.
