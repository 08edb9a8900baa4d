"""Answer key of chapter 05: many heads, what they cost, how to draw, score and remove them."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from course_lib.grader.judging.key import Case, Exercise, Mistake, call, case


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


# --- 05.split-heads -------------------------------------------------------------------------


def split_cases(generator):
    return [
        case("3 heads of 7", normal(generator, 2, 5, 21), 3),
        case("one sentence, 5 heads of 2", normal(generator, 1, 7, 10), 5),
        case("a single head", normal(generator, 2, 3, 5), 1),
        case("as many heads as words", normal(generator, 2, 3, 12), 3),
        case("a width that the heads don't divide", normal(generator, 2, 5, 11), 3),
    ]


def named_split(x, num_heads):
    return rearrange(x, "b t (h d) -> b h t d", h=num_heads)


def wrong_split(x, num_heads, *, check=True, cut=named_split, drop_rest=False, swap_counts=False):
    if check and x.shape[-1] % num_heads:
        raise ValueError("num_heads must divide d_model")
    if drop_rest:
        x = x[..., : x.shape[-1] // num_heads * num_heads]
    return cut(x, x.shape[-1] // num_heads if swap_counts else num_heads)


def viewed_split(x, num_heads):
    return x.reshape(x.shape[0], num_heads, x.shape[1], x.shape[2] // num_heads)


def interleaved_split(x, num_heads):
    return rearrange(x, "b t (d h) -> b h t d", h=num_heads)


def transposed_first_split(x, num_heads):
    batch, seq, d_model = x.shape
    return x.transpose(1, 2).reshape(batch, num_heads, seq, d_model // num_heads)


def words_first_split(x, num_heads):
    return rearrange(x, "b t (h d) -> b t h d", h=num_heads)


def turned_split(x, num_heads):
    return rearrange(x, "b t (h d) -> b h d t", h=num_heads)


def backwards_split(x, num_heads):
    return named_split(x, num_heads).flip(1)


def repeated_split(x, num_heads):
    first = x[..., : x.shape[-1] // num_heads]
    return first[:, None].repeat(1, num_heads, 1, 1)


def sliced_split(x, num_heads):
    width, rest = divmod(x.shape[-1], num_heads)
    if rest:
        raise ValueError(f"{num_heads} heads don't divide {x.shape[-1]}")
    return torch.stack([x[..., h * width : (h + 1) * width] for h in range(num_heads)], dim=1)


def looped_split(x, num_heads):
    if x.shape[-1] % num_heads != 0:
        raise ValueError(f"{num_heads} heads don't divide {x.shape[-1]}")
    width = x.shape[-1] // num_heads
    out = torch.empty(x.shape[0], num_heads, x.shape[1], width)
    for h in range(num_heads):
        for t in range(x.shape[1]):
            out[:, h, t] = x[:, t, h * width : (h + 1) * width]
    return out


SPLIT = Exercise(
    id="05.split-heads",
    title="Cut the width into heads",
    kind="code",
    points=2,
    name="split_heads",
    cases=split_cases,
    mistakes=[
        Mistake(
            "view-only",
            wrong_split,
            {"cut": viewed_split},
            says="the sentence is cut, not the width: a head holds whole pieces of neighbouring "
            "words, because the shape was changed in one step without a transpose",
            hints=(
                "Fill a tensor of shape (1, 4, 6) with the number of the word. What does head 0 "
                "hold?",
                "A view only reads the same numbers in the same order with other commas. Does the "
                "order change when heads come before words?",
                "First split the last axis in two, which keeps the order. Then exchange two axes.",
            ),
        ),
        Mistake(
            "interleaved",
            wrong_split,
            {"cut": interleaved_split},
            says="every head gets every num_heads-th number of a word instead of one block",
            hints=(
                "Write down which of the numbers 0 … 5 of a word belong to head 0 of 2.",
                "Head 0 shall get the first d_head numbers. When you split the last axis in two, "
                "which of the two new axes runs fastest?",
                "The split last axis must be (num_heads, d_head) in this order, not (d_head, "
                "num_heads).",
            ),
        ),
        Mistake(
            "transpose-first",
            wrong_split,
            {"cut": transposed_first_split},
            says="words and width are exchanged before the cut, and the reshape then scrambles "
            "words within a head",
            hints=(
                "Fill a tensor of shape (1, 4, 6) with the number of the word. What does row 0 of "
                "head 0 hold?",
                "Cut while a word's numbers still stand together, that is, before any transpose.",
                "First split the last axis into two, then exchange the axes of words and heads.",
            ),
        ),
        Mistake(
            "words-first",
            wrong_split,
            {"cut": words_first_split},
            says="the axes stand as (batch, seq, heads, d_head): attention would mix the heads "
            "of one word instead of the words",
            hints=(
                "Which two axes does attention multiply? Those must be words and numbers.",
                "The last two axes are the ones that matter: (seq, d_head).",
                "One transpose is missing, between the axis of words and the axis of heads.",
            ),
        ),
        Mistake(
            "turned",
            wrong_split,
            {"cut": turned_split},
            says="the last two axes are exchanged: (batch, heads, d_head, seq)",
            hints=(
                "Name the four axes of what you return, one by one.",
                "The transpose before a matrix product belongs to the keys, and comes later.",
                "Exchange axes 1 and 2 after the split, and no others.",
            ),
        ),
        Mistake(
            "heads-and-width-swapped",
            wrong_split,
            {"swap_counts": True},
            says="num_heads was taken for the width of a head",
            hints=(
                "How many heads does your output have, and how wide are they?",
                "`num_heads` is how many blocks, `d_head` is how wide a block is.",
                "In the split of the last axis, the known number stands first; the -1 second.",
            ),
        ),
        Mistake(
            "same-block-for-all",
            wrong_split,
            {"cut": repeated_split},
            says="every head holds the same first block of the width",
            hints=(
                "Compare your head 0 with your head 1.",
                "Does the block you take depend on the head's number?",
                "Head h begins at h · d_head, not at 0.",
            ),
        ),
        Mistake(
            "no-check",
            wrong_split,
            {"check": False},
            says="a width that the heads don't divide is not refused with a ValueError",
            hints=(
                "Call your function with d_model = 11 and num_heads = 3. What does the error say?",
                "The learner who passes a wrong number deserves a sentence about that number.",
                "Look at the remainder of d_model divided by num_heads, before anything else.",
            ),
        ),
        Mistake(
            "drops-the-rest",
            wrong_split,
            {"check": False, "drop_rest": True},
            says="when the heads don't divide the width, the last numbers of each word are "
            "silently lost",
            hints=(
                "With d_model = 11 and num_heads = 3, how many numbers of a word survive?",
                "d_model // num_heads rounds down. What becomes of the rest?",
                "Raise a ValueError when the remainder is not 0.",
            ),
        ),
    ],
    also_right=[sliced_split, looped_split],
    axes="batch heads seq d_head",
)


# --- 05.split-test --------------------------------------------------------------------------


def split_test_cases(generator):
    def tried(label, cut, *, heads=3):
        x = normal(generator, 2, 5, 7 * heads)
        return case(label, x, cut(x, heads))

    def spoiled(change):
        x = normal(generator, 2, 5, 21)
        return x, change(named_split(x, 3).clone())

    return [
        tried("a right one", named_split),
        tried("a right one with two heads", named_split, heads=2),
        tried("a right one with a single head", named_split, heads=1),
        tried("a view without a transpose", viewed_split),
        tried("interleaved", interleaved_split),
        tried("heads in reverse order", backwards_split),
        tried("the same block for all heads", repeated_split),
        tried("words before heads", words_first_split),
        tried("last axes exchanged", turned_split),
        case("one number is off", *spoiled(one_number_off)),
        case("two numbers are off, by opposite amounts", *spoiled(opposite_amounts)),
        case("last word wrong", *spoiled(last_word_wrong)),
        case("a word of the first sentence wrong", *spoiled(middle_word_wrong)),
        case("not cut at all, three axes", *[normal(generator, 2, 5, 21)] * 2),
        case("sentences exchanged", *spoiled(lambda heads: heads.flip(0))),
        case("numbers within a head reversed", *spoiled(lambda heads: heads.flip(-1))),
    ]


def one_number_off(heads):
    heads[1, 2, 3, 4] += 0.5
    return heads


def opposite_amounts(heads):
    heads[1, 2, 3, 4] += 0.5
    heads[1, 0, 3, 1] -= 0.5
    return heads


def last_word_wrong(heads):
    heads[:, :, -1] = heads[:, :, -2]
    return heads


def middle_word_wrong(heads):
    heads[0, :, 2] = heads[0, :, 1]
    return heads


def lenient_test(x, heads, *, looks_at):
    fits = heads.dim() == 4 and (x.shape[0], x.shape[1], x.shape[2]) == (
        heads.shape[0],
        heads.shape[2],
        heads.shape[1] * heads.shape[3],
    )
    return fits and looks_at(x, heads)


def same_shape(x, heads):
    return True


def same_numbers(x, heads):
    return torch.equal(x.flatten().sort().values, heads.flatten().sort().values)


def same_numbers_in_each_word(x, heads):
    return torch.equal(x.sort(-1).values, heads.transpose(1, 2).flatten(2).sort(-1).values)


def same_sums(x, heads):
    return torch.allclose(x.sum(-1), heads.sum(dim=(1, 3)), atol=1e-5)


def glued_back(x, heads):
    return torch.equal(heads.reshape(x.shape), x)


def first_word(x, heads):
    return torch.equal(heads[:, :, 0].flatten(1), x[:, 0])


def last_word(x, heads):
    return torch.equal(heads[:, :, -1].flatten(1), x[:, -1])


def first_head(x, heads):
    return torch.equal(heads[:, 0], x[..., : heads.shape[-1]])


def first_sentence(x, heads):
    return torch.equal(named_split(x, heads.shape[1])[0], heads[0])


def merging_test(x, heads):
    merged = heads.transpose(1, 2).flatten(2)
    return merged.shape == x.shape and bool((merged == x).all())


def slicing_test(x, heads):
    num_heads = heads.shape[1]
    blocks = x.chunk(num_heads, dim=-1)
    right = len(blocks) == num_heads and all(
        torch.equal(heads[:, h], block) for h, block in enumerate(blocks)
    )
    return torch.tensor(right)


def lenient(name, looks_at, says, *hints):
    return Mistake(name, lenient_test, {"looks_at": looks_at}, says=says, hints=hints)


SPLIT_TEST = Exercise(
    id="05.split-test",
    title="A test that a wrong split does not pass",
    kind="test",
    points=1,
    name="is_good_split",
    cases=split_test_cases,
    mistakes=[
        lenient(
            "shape-only",
            same_shape,
            "your test looks at the shape only, and every wrong split with the right shape passes",
            "Which of the wrong splits of the chapter had the wrong shape?",
            "The numbers themselves have to be compared.",
            "Build what should have come out, and compare it with `heads`, number by number.",
        ),
        lenient(
            "same-numbers",
            same_numbers,
            "your test only asks whether the same numbers are there, wherever they stand",
            "A view without a transpose loses no number either.",
            "Sorting throws away exactly what you want to test.",
            "Compare place by place: head h, word t, number d.",
        ),
        lenient(
            "same-numbers-in-each-word",
            same_numbers_in_each_word,
            "your test asks whether each word kept its numbers, but not which head has which",
            "Exchange two heads. Does your test notice?",
            "Head 0 must hold the first block, head 1 the second.",
            "Compare place by place: head h, word t, number d.",
        ),
        lenient(
            "same-sums",
            same_sums,
            "your test compares sums over a word, which are the same in whatever order the "
            "word's numbers stand",
            "Exchange two heads. Does the sum over all heads change?",
            "A sum forgets the order, and the order is what a split is about.",
            "Compare place by place: head h, word t, number d.",
        ),
        lenient(
            "glued-back",
            glued_back,
            "your test reshapes the heads straight back to x, which accepts the view without a "
            "transpose and refuses the right split",
            "Try your test on a right split first.",
            "Two wrongs cancel: the reshape undoes the view. The way back needs a transpose too.",
            "Exchange the axes of heads and words before you flatten.",
        ),
        lenient(
            "first-word-only",
            first_word,
            "your test looks at the first word only",
            "Which wrong split could be right for word 0 and wrong for the last?",
            "Is there a 0 in your code where all positions should stand?",
            "Compare the whole tensors at once: then no index can be forgotten.",
        ),
        lenient(
            "last-word-only",
            last_word,
            "your test looks at the last word only",
            "Which wrong split could be right for the last word and wrong for word 2?",
            "Is there a -1 in your code where all positions should stand?",
            "Compare the whole tensors at once: then no index can be forgotten.",
        ),
        lenient(
            "first-head-only",
            first_head,
            "your test looks at head 0 only",
            "All heads could hold the block of head 0, and your test would be content.",
            "Is there a 0 in your code where all heads should stand?",
            "Compare the whole tensors at once: then no index can be forgotten.",
        ),
        lenient(
            "first-sentence-only",
            first_sentence,
            "your test looks at the first sentence of the batch only",
            "A mistake in the second sentence gets through. Which axis is the batch?",
            "Is there a 0 in your code where all sentences should stand?",
            "Compare the whole tensors at once: then no index can be forgotten.",
        ),
    ],
    also_right=[merging_test, slicing_test],
)


# --- 05.merge-heads -------------------------------------------------------------------------


def merge_cases(generator):
    return [
        case("3 heads of 7", normal(generator, 2, 3, 5, 7)),
        case("one sentence, 2 heads", normal(generator, 1, 2, 7, 3)),
        case("a single head", normal(generator, 2, 1, 3, 5)),
        case("as many heads as words", normal(generator, 2, 3, 3, 5)),
    ]


def wrong_merge(heads, *, order, flip=False):
    heads = heads.flip(1) if flip else heads
    batch, num_heads, seq, d_head = heads.shape
    return heads.permute(order).reshape(batch, seq, num_heads * d_head)


def averaged_merge(heads, *, add=False):
    return heads.sum(dim=1) if add else heads.mean(dim=1)


def end_to_end_merge(heads):
    return torch.cat(heads.unbind(dim=1), dim=1)


def catting_merge(heads):
    return torch.cat(heads.unbind(dim=1), dim=-1)


def named_merge(heads):
    return rearrange(heads, "b h t d -> b t (h d)")


def looped_merge(heads):
    batch, num_heads, seq, width = heads.shape
    out = torch.zeros(batch, seq, num_heads * width)
    for h in range(num_heads):
        out[..., h * width : (h + 1) * width] = heads[:, h]
    return out


MERGE = Exercise(
    id="05.merge-heads",
    title="Lay the heads side by side again",
    kind="code",
    points=1,
    name="merge_heads",
    cases=merge_cases,
    mistakes=[
        Mistake(
            "reshape-only",
            wrong_merge,
            {"order": (0, 1, 2, 3)},
            says="the heads are reshaped without a transpose: a word gets the numbers of several "
            "words of one head",
            hints=(
                "Put the number of the word into every place of `heads`. What does word 0 hold "
                "after your merge?",
                "A reshape reads the numbers in their order, and here a whole head comes before "
                "the next one.",
                "Bring the axis of heads next to d_head first; then flatten these two.",
            ),
        ),
        Mistake(
            "interleaved",
            wrong_merge,
            {"order": (0, 2, 3, 1)},
            says="the heads' numbers are interleaved: first number of every head, then the second",
            hints=(
                "Where do head 0's numbers stand in a word after your merge?",
                "They shall stand side by side, at the front.",
                "Before flattening, the last two axes must be (heads, d_head) in this order.",
            ),
        ),
        Mistake(
            "width-before-words",
            wrong_merge,
            {"order": (0, 1, 3, 2)},
            says="the last two axes were exchanged instead of the axes of heads and words",
            hints=(
                "Which axis must come to the front so that a word's numbers stand together?",
                "`transpose(-2, -1)` turns words and numbers. Which two should change places?",
                "Exchange axes 1 and 2.",
            ),
        ),
        Mistake(
            "all-turned",
            wrong_merge,
            {"order": (0, 3, 2, 1)},
            says="the axes of heads and d_head were exchanged; words still don't come first",
            hints=(
                "After your transpose, what are the four axes called?",
                "A word's numbers can only stand together when the word's axis comes before them.",
                "Exchange axes 1 and 2, not 1 and 3.",
            ),
        ),
        Mistake(
            "backwards",
            wrong_merge,
            {"order": (0, 2, 1, 3), "flip": True},
            says="the heads stand in reverse order: the last head's numbers come first",
            hints=(
                "Where do head 0's numbers stand in a word after your merge?",
                "Merge must undo split, and split gave head 0 the first block.",
                "Join the heads in the order 0, 1, 2 …",
            ),
        ),
        Mistake(
            "averaged",
            averaged_merge,
            {},
            says="the heads are averaged, so nobody can tell any more which head said what",
            hints=(
                "How wide is a word after your merge? How wide was it before the split?",
                "The chapter's first experiment shows what an average of two answers is worth.",
                "Lay the heads side by side, so that each keeps its own numbers.",
            ),
        ),
        Mistake(
            "summed",
            averaged_merge,
            {"add": True},
            says="the heads are added up, so nobody can tell any more which head said what",
            hints=(
                "How wide is a word after your merge? How wide was it before the split?",
                "The output is a sum over heads, but only after each went through its part of W_O.",
                "Lay the heads side by side, so that each keeps its own numbers.",
            ),
        ),
        Mistake(
            "end-to-end",
            end_to_end_merge,
            {},
            says="the heads are joined along the words: the sentence becomes num_heads times as "
            "long",
            hints=(
                "How many words does your output have?",
                "There are two axes along which the heads could be joined.",
                "Join along the last axis: a word keeps its place and gets wider.",
            ),
        ),
    ],
    also_right=[catting_merge, named_merge, looped_merge],
    axes="batch seq d_model",
)


# --- 05.multi-head --------------------------------------------------------------------------


def layer_state(generator, d_model):
    names = ("to_q", "to_k", "to_v", "to_out")
    weights = {
        f"{n}.weight": 1.5 * normal(generator, d_model, d_model) / d_model**0.5 for n in names
    }
    return weights | {f"{n}.bias": 0.3 * normal(generator, d_model) for n in names}


def layer_cases(generator):
    def tried(label, num_heads, d_head, planned, **more):
        d_model = num_heads * d_head
        state = layer_state(generator, d_model)
        init = {"d_model": d_model, "num_heads": num_heads}
        return Case(label, [planned], init=init, state=state, **more)

    query, key, value = (normal(generator, 2, n, 15) for n in (4, 7, 7))
    long = normal(generator, 2, 7, 15)
    causal = torch.ones(7, 7, dtype=torch.bool).tril()
    padding = torch.tensor([[True] * 7, [False] * 2 + [True] * 5])[:, None, None]
    return [
        tried("self-attention", 3, 5, call(long), grad=True),
        tried("cross-attention, key only", 3, 5, call(query, key)),
        tried("cross-attention, other values", 3, 5, call(query, key, value)),
        tried("causal, with weights", 3, 5, call(long, mask=causal, return_weights=True)),
        tried(
            "padded on the left, with weights", 3, 5, call(long, mask=padding, return_weights=True)
        ),
        tried("one head", 1, 11, call(normal(generator, 1, 3, 11))),
        tried("as many heads as words", 5, 2, call(normal(generator, 1, 5, 10))),
    ]


def attend(q, k, v, mask, scale):
    scores = q @ k.transpose(-2, -1) * scale
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = scores.softmax(dim=-1)
    return weights @ v, weights


def plain_merge(heads, x):
    return heads.transpose(1, 2).flatten(2)


def viewed_merge(heads, x):
    return heads.reshape(heads.shape[0], heads.shape[2], -1)


class BareLinear(nn.Linear):
    """Without first weights: each case hands its own in, and drawing them takes the most time."""

    def reset_parameters(self):
        pass


class WrongLayer(nn.Module):
    """The layer with its parts exchangeable, so that each mistake is one of them."""

    def __init__(
        self,
        d_model,
        num_heads,
        dropout=0.0,
        *,
        split=named_split,
        merge=plain_merge,
        scale_by="d_head",
        project_out=True,
        masked=True,
        only_self=False,
        values_from="value",
        value_layer="to_v",
        key_layer="to_k",
        draw=None,
        always_both=False,
    ):
        super().__init__()
        self.num_heads, self.split, self.merge = num_heads, split, merge
        self.width = d_model if scale_by == "d_model" else d_model // num_heads
        self.scale = {"nothing": 1.0, "twice": 1 / self.width}.get(scale_by, self.width**-0.5)
        self.project_out, self.masked, self.only_self = project_out, masked, only_self
        self.values_from, self.draw, self.always_both = values_from, draw, always_both
        self.value_layer, self.key_layer = value_layer, key_layer
        for name in ("to_q", "to_k", "to_v", "to_out"):
            setattr(self, name, BareLinear(d_model, d_model))

    def forward(self, query, key=None, value=None, mask=None, *, return_weights=False):
        key = query if key is None or self.only_self else key
        value = key if value is None or self.only_self or self.values_from == "key" else value
        q = self.split(self.to_q(query), self.num_heads)
        k = self.split(getattr(self, self.key_layer)(key), self.num_heads)
        v = self.split(getattr(self, self.value_layer)(value), self.num_heads)
        mask = ~mask if self.masked == "inverted" and mask is not None else mask
        mixed, weights = attend(q, k, v, mask if self.masked else None, self.scale)
        output = self.merge(mixed, query)
        output = self.to_out(output) if self.project_out else output
        weights = self.draw(weights) if self.draw else weights
        return (output, weights) if return_weights or self.always_both else output


class WrongInputs(WrongLayer):
    """Mistakes about what goes in; a class of its own, so that these are tried in pairs among
    themselves only, and the check stays fast."""


class WrongOutputs(WrongLayer):
    """Mistakes about what comes out, for the same reason."""


class OneWideHead(WrongLayer):
    """Never splits: one head over the full width."""

    def __init__(self, d_model, num_heads, dropout=0.0):
        super().__init__(d_model, 1)


class LoopingLayer(nn.Module):
    """Right: one head after the other, each with its rows of the weight matrices."""

    def __init__(self, d_model, num_heads, dropout=0.0):
        super().__init__()
        self.num_heads, self.width = num_heads, d_model // num_heads
        self.to_q, self.to_k, self.to_v, self.to_out = (nn.Linear(d_model, d_model) for _ in "qkvo")

    def forward(self, query, key=None, value=None, mask=None, *, return_weights=False):
        key = query if key is None else key
        value = key if value is None else value
        wide = None
        if mask is not None:
            sizes = (query.shape[0], self.num_heads, query.shape[1], key.shape[1])
            wide = mask.expand(sizes)
        mixed, drawn = [], []
        for h in range(self.num_heads):
            rows = slice(h * self.width, (h + 1) * self.width)
            parts = ((query, self.to_q), (key, self.to_k), (value, self.to_v))
            q, k, v = (F.linear(x, layer.weight[rows], layer.bias[rows]) for x, layer in parts)
            scores = q @ k.mT / math.sqrt(self.width)
            if wide is not None:
                scores = scores.masked_fill(~wide[:, h], float("-inf"))
            drawn.append(scores.softmax(-1))
            mixed.append(drawn[-1] @ v)
        output = self.to_out(torch.cat(mixed, -1))
        return (output, torch.stack(drawn, 1)) if return_weights else output


class EinsumLayer(LoopingLayer):
    """Right: einsum over a stacked weight tensor, and each head's own share of the output."""

    def forward(self, query, key=None, value=None, mask=None, *, return_weights=False):
        key = query if key is None else key
        value = key if value is None else value

        def heads_of(x, layer):
            weight = rearrange(layer.weight, "(h d) m -> h d m", h=self.num_heads)
            bias = rearrange(layer.bias, "(h d) -> h 1 d", h=self.num_heads)
            return torch.einsum("btm,hdm->bhtd", x, weight) + bias

        q, k, v = heads_of(query, self.to_q), heads_of(key, self.to_k), heads_of(value, self.to_v)
        scores = torch.einsum("bhtd,bhsd->bhts", q, k) / self.width**0.5
        if mask is not None:
            scores = scores + torch.where(mask, 0.0, float("-inf"))
        weights = scores.softmax(-1)
        out = rearrange(self.to_out.weight, "m (h d) -> h d m", h=self.num_heads)
        mixed = torch.einsum("bhts,bhsd,hdm->btm", weights, v, out) + self.to_out.bias
        return (mixed, weights) if return_weights else mixed


def averaged_over_heads(weights):
    return weights.mean(dim=1)


LAYER = Exercise(
    id="05.multi-head",
    title="The whole layer",
    kind="code",
    points=3,
    name="MultiHeadAttention",
    cases=layer_cases,
    mistakes=[
        Mistake(
            "scaled-by-the-full-width",
            WrongLayer,
            {"scale_by": "d_model"},
            says="the scores are divided by the root of d_model, but a head's queries are only "
            "d_head wide",
            hints=(
                "How many products are added up in one score of one head?",
                "The divisor undoes the growth of the score's spread, and that grows with d_head.",
                "Let scaled_dot_product_attention do it: it reads the width off its last axis, "
                "after the split.",
            ),
        ),
        Mistake(
            "not-scaled",
            WrongLayer,
            {"scale_by": "nothing"},
            says="the scores are not divided by the root of d_head",
            hints=(
                "Compare your scores with the formula of chapter 02.",
                "Something is missing between the matrix product and the softmax.",
                "scaled_dot_product_attention has the scaling inside.",
            ),
        ),
        Mistake(
            "scaled-twice",
            WrongLayer,
            {"scale_by": "twice"},
            says="the scores are divided by the root of d_head twice, so by d_head",
            hints=(
                "Who divides the scores, you or scaled_dot_product_attention?",
                "The function from chapter 02 has the scaling inside.",
                "Hand queries and keys over as they come from the split.",
            ),
        ),
        Mistake(
            "split-by-view",
            WrongLayer,
            {"split": viewed_split},
            says="the heads are split by a view without a transpose, so that a head mixes pieces "
            "of neighbouring words",
            hints=(
                "Does `05.split-heads` say that your split is right?",
                "Split the last axis in two first; the order of the numbers stays.",
                "Then exchange the axes of words and heads.",
            ),
        ),
        Mistake(
            "merged-by-view",
            WrongLayer,
            {"merge": viewed_merge},
            says="the heads are merged by a reshape without a transpose",
            hints=(
                "Does `05.merge-heads` say that your merge is right?",
                "Put the number of the word into every place and merge: what does word 0 hold?",
                "Exchange the axes of heads and words before you flatten.",
            ),
        ),
        Mistake(
            "sealed-pieces",
            WrongLayer,
            {"split": viewed_split, "merge": viewed_merge},
            says="split and merge both lack their transpose: the sentence falls into num_heads "
            "pieces, and no word sees beyond its piece",
            hints=(
                "Change the last word of a sentence. Does the output of the first word change?",
                "Shapes are right all the way, because the two mistakes undo each other there.",
                "Both split and merge need a transpose between the axes of heads and words.",
            ),
        ),
        Mistake(
            "no-output-projection",
            WrongLayer,
            {"project_out": False},
            says="the layer ends after the merge: to_out is never used",
            hints=(
                "Four layers are made in __init__. Which of them do you call?",
                "After the merge each head's numbers still stand in their own block.",
                "The merged tensor goes through to_out, then it is the output.",
            ),
        ),
        Mistake(
            "mask-not-passed",
            WrongLayer,
            {"masked": False},
            says="the mask is ignored: every word sees everything",
            hints=(
                "Where in forward does the word `mask` occur?",
                "scaled_dot_product_attention takes a fourth argument.",
                "The mask broadcasts to all heads by itself; it only has to be handed on.",
            ),
        ),
        Mistake(
            "mask-inverted",
            WrongLayer,
            {"masked": "inverted"},
            says="the words look exactly where the mask forbids it",
            hints=(
                "In this course, what does True in a mask mean?",
                "PyTorch's key_padding_mask has it the other way round; ours is not that.",
                "Hand the mask on as it comes.",
            ),
        ),
        Mistake(
            "only-looks-at-itself",
            WrongInputs,
            {"only_self": True},
            says="key and value are ignored: the words look at themselves even when they are "
            "given others to look at",
            hints=(
                "Call your layer with a key of another length, and look at the weights' shape.",
                "Only when no key is given do the words look at themselves.",
                "Keys come from `key`, values from `value`, each through its own projection.",
            ),
        ),
        Mistake(
            "values-from-keys",
            WrongInputs,
            {"values_from": "key"},
            says="the values are computed from `key` even when a `value` is given",
            hints=(
                "Which of the three inputs goes into to_v?",
                "`value` falls back to `key` only when it is None.",
                "Look at the line that fills in a missing value, and at the one that projects it.",
            ),
        ),
        Mistake(
            "keys-projected-as-values",
            WrongInputs,
            {"value_layer": "to_k"},
            says="the values go through to_k: what a word says is what it offers as a key",
            hints=(
                "Read the three projections aloud. Is one of them there twice?",
                "A line copied from the keys to the values needs two changes.",
                "Queries through to_q, keys through to_k, values through to_v.",
            ),
        ),
        Mistake(
            "keys-projected-as-queries",
            WrongInputs,
            {"key_layer": "to_q"},
            says="the keys go through to_q: what a word offers is what it asks for",
            hints=(
                "Read the three projections aloud. Is one of them there twice?",
                "With queries as keys, every word mostly admires itself (chapter 03).",
                "Queries through to_q, keys through to_k, values through to_v.",
            ),
        ),
        Mistake(
            "always-both",
            WrongOutputs,
            {"always_both": True},
            says="output and weights come back even when nobody asked for the weights",
            hints=(
                "What does your layer return when return_weights is False?",
                "A model adds the output to its input; it can't add a pair.",
                "Return the pair only when return_weights is True.",
            ),
        ),
        Mistake(
            "weights-averaged",
            WrongOutputs,
            {"draw": averaged_over_heads},
            says="the weights that you return are averaged over the heads",
            hints=(
                "What shape do your weights have? Which axis is missing?",
                "PyTorch's nn.MultiheadAttention averages unless told not to. Here all are wanted.",
                "Return the weights as scaled_dot_product_attention gives them.",
            ),
        ),
        Mistake(
            "one-wide-head",
            OneWideHead,
            {},
            says="there is one head over the full width: nothing is split",
            hints=(
                "How many axes do your queries have when they meet the keys?",
                "The output's shape is the same with one head, so it tells you nothing.",
                "All three, queries, keys and values, go through split_heads.",
            ),
        ),
    ],
    also_right=[LoopingLayer, EinsumLayer],
    axes="batch query d_model",
)


# --- 05.counts ------------------------------------------------------------------------------


def count_cases(generator, layers):
    def size(low, high):
        return int(torch.randint(low, high, (), generator=generator))

    drawn = []
    for heads in (2, 3, 5):
        drawn.append(case(f"{heads} heads", heads * size(7, 40), heads, size(50, 90)))
    return [
        *drawn,
        case("one head", size(30, 60), 1, size(5, 20)),
        case("one word", 7 * size(3, 9), 7, 1),
    ]


def wrong_counts(
    d_model,
    num_heads,
    n,
    *,
    layers,
    matrices=4,
    bias=True,
    per_head=1,
    pairs=2,
    pairs_over="all",
    products_per_head=False,
    projections=4,
    operations=1,
    weights_per_head=True,
):
    width = d_model // num_heads
    square = matrices * (d_model * d_model + bias * d_model)
    if per_head == "heads":
        square *= num_heads
    elif per_head == "narrow":
        square = matrices * (d_model * width + bias * width)
    pair_width = {"all": d_model, "one": width, "full": num_heads * d_model}[pairs_over]
    products = projections * n * d_model * d_model + pairs * n * n * pair_width
    products *= operations * (num_heads if products_per_head else 1)
    weights = (num_heads if weights_per_head else 1) * n * n
    return layers * square, layers * products, layers * weights


def counted_by_hand(d_model, num_heads, n, *, layers):
    stack = [nn.MultiheadAttention(d_model, num_heads) for _ in range(layers)]
    d_head = d_model // num_heads
    project = n * d_model * d_head
    one_head = 3 * project + n * d_head * n + n * n * d_head
    products = num_heads * one_head + n * d_model * d_model
    stored = sum(p.numel() for layer in stack for p in layer.parameters())
    return stored, layers * products, layers * n * n * num_heads


COUNTS = Exercise(
    id="05.counts",
    title="What a layer costs",
    kind="predict",
    points=1,
    name="multi_head_counts",
    cases=count_cases,
    mistakes=[
        Mistake(
            "no-biases",
            wrong_counts,
            {"bias": False},
            says="the biases are not counted among the parameters",
            hints=(
                "nn.Linear(d, d) holds more than one matrix.",
                "Print the shapes of a layer's parameters and add them up.",
                "Each of the projections has d_model biases.",
            ),
        ),
        Mistake(
            "output-matrix-forgotten",
            wrong_counts,
            {"matrices": 3},
            says="the output projection is missing among the parameters",
            hints=(
                "Which layers does __init__ make?",
                "Queries, keys, values, and one more after the merge.",
                "There are four matrices of d_model by d_model, each with its biases.",
            ),
        ),
        Mistake(
            "output-product-forgotten",
            wrong_counts,
            {"projections": 3},
            says="the output projection is missing among the multiplications",
            hints=(
                "Which product comes after the merge?",
                "Queries, keys and values are three projections. Where is the fourth?",
                "Four projections take n · d_model · d_model each.",
            ),
        ),
        Mistake(
            "additions-counted-too",
            wrong_counts,
            {"operations": 2},
            says="your multiplications are twice as many: additions are counted too",
            hints=(
                "A dot product of width 3: how many multiplications does it take?",
                "A counter of operations doubles the number; the question is about "
                "multiplications.",
                "A product of (a, b) and (b, c) takes a · b · c of them, without a factor 2.",
            ),
        ),
        Mistake(
            "parameters-times-heads",
            wrong_counts,
            {"per_head": "heads"},
            says="the parameters are multiplied by num_heads, as if each head were d_model wide",
            hints=(
                "How wide is one head?",
                "num_heads matrices of (d_model, d_head) side by side make one of which size?",
                "num_heads · d_head is d_model: the number of heads cancels.",
            ),
        ),
        Mistake(
            "one-head-only",
            wrong_counts,
            {"per_head": "narrow"},
            says="only the parameters of a single head are counted",
            hints=(
                "How many heads does the layer have?",
                "One head's matrix is (d_model, d_head). All of them together?",
                "num_heads · d_head is d_model.",
            ),
        ),
        Mistake(
            "no-mixing",
            wrong_counts,
            {"pairs": 1},
            says="only one of the two products over all pairs of words is counted",
            hints=(
                "Attention multiplies twice: which matrices?",
                "First queries with keys; then the weights with something else.",
                "Scores and the mixing of the values each take n · n · d_model.",
            ),
        ),
        Mistake(
            "pairs-at-full-width",
            wrong_counts,
            {"pairs_over": "full"},
            says="scores and mixing are counted as if each head were d_model wide",
            hints=(
                "How wide are the queries of one head?",
                "A head's score takes d_head multiplications, and there are num_heads heads.",
                "num_heads · d_head is d_model: the number of heads cancels.",
            ),
        ),
        Mistake(
            "pairs-of-one-head",
            wrong_counts,
            {"pairs_over": "one"},
            says="scores and mixing are counted for a single head",
            hints=(
                "Every head compares every word with every word.",
                "One head takes n · n · d_head for its scores. All of them?",
                "num_heads · d_head is d_model.",
            ),
        ),
        Mistake(
            "multiplications-times-heads",
            wrong_counts,
            {"products_per_head": True},
            says="the multiplications are counted as if each head were d_model wide",
            hints=(
                "How many multiplications does one score of one head take?",
                "A head's score takes d_head of them, and num_heads · d_head is d_model.",
                "The number of heads cancels in every product.",
            ),
        ),
        Mistake(
            "no-projections",
            wrong_counts,
            {"projections": 0},
            says="the multiplications of the four projections are missing",
            hints=(
                "Which matrix products happen before the scores and after the merge?",
                "n words of d_model numbers each meet a matrix of d_model by d_model.",
                "Four projections take n · d_model · d_model each.",
            ),
        ),
        Mistake(
            "weights-of-one-head",
            wrong_counts,
            {"weights_per_head": False},
            says="the weights of a single head are counted",
            hints=(
                "What is the shape of the weights?",
                "This is the one of the three counts that depends on num_heads.",
                "Every head has its own n by n table.",
            ),
        ),
    ],
    also_right=[counted_by_hand],
    choices={"layers": (1, 6, 12, 24)},
)


# --- 05.dropout-bug -------------------------------------------------------------------------


def dropout_cases(generator):
    def tried(label, shape, p, **more):
        *front, n_query, n_key = shape
        q, k = normal(generator, *front, n_query, 7), normal(generator, *front, n_key, 7)
        keep = torch.rand(*shape, generator=generator) >= p
        keep[..., 0, 0] = False  # something is always dropped
        keep[..., 0, 1] = True  # and never a whole row
        keep[..., 1:, -1] = True
        return case(label, q, k, normal(generator, *front, n_key, 11), keep, p, **more)

    nothing = torch.zeros(2, 3, dtype=torch.bool)
    everything = torch.ones(2, 5, dtype=torch.bool)
    return [
        tried("a quarter is dropped", (3, 5), 0.25, grad=True),
        tried("a batch of two heads", (3, 2, 5, 4), 0.5),
        tried("three quarters are dropped", (5, 3), 0.75),
        case("none is dropped", *(normal(generator, n, 3) for n in (2, 5, 5)), everything, 0.0),
        case("all are dropped", *(normal(generator, n, 7) for n in (2, 3, 3)), nothing, 0.5),
    ]


def wrong_dropout(
    query,
    key,
    value,
    keep,
    p,
    *,
    drawn="before",
    mixed="survivors",
    rescale=lambda p: 1 / (1 - p),
    drop="weights",
    turned=False,
):
    keep = ~keep if turned else keep
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = scores.softmax(dim=-1)
    survivors = weights * keep * rescale(p)
    if drop == "scores":
        survivors = scores.masked_fill(~keep, float("-inf")).softmax(dim=-1)
    elif drop == "renormalised":
        survivors = weights * keep / (weights * keep).sum(dim=-1, keepdim=True)
    output = (survivors if mixed == "survivors" else weights) @ value
    return output, {"before": weights, "after": survivors, "holes": weights * keep}[drawn]


def fused_dropout(query, key, value, keep, p):
    even = F.scaled_dot_product_attention(
        query, key, torch.eye(key.shape[-2]).expand(*key.shape[:-2], -1, -1)
    )
    return even.masked_fill(~keep, 0.0).div(1 - p) @ value, even


def einsum_dropout(query, key, value, keep, p):
    scores = torch.einsum("...td,...sd->...ts", query, key) * query.shape[-1] ** -0.5
    weights = (scores - scores.logsumexp(dim=-1, keepdim=True)).exp()
    return torch.einsum("...ts,...sd->...td", torch.where(keep, weights, 0.0), value) / (
        1 - p
    ), weights


DROPOUT = Exercise(
    id="05.dropout-bug",
    title="The weights in the picture don't sum to 1",
    kind="bug",
    points=2,
    name="attend_with_dropout",
    cases=dropout_cases,
    mistakes=[
        Mistake(
            "drawn-after-dropout",
            wrong_dropout,
            {"drawn": "after"},
            says="the weights that you return have been through dropout: their rows don't sum to 1",
            hints=(
                "Sum the rows of what you return as weights.",
                "One name holds two different things, one after the other.",
                "Give the surviving weights a name of their own, and return the old ones.",
            ),
        ),
        Mistake(
            "drawn-with-holes",
            wrong_dropout,
            {"drawn": "holes"},
            says="the weights that you return are not scaled up any more, but those that were "
            "dropped are still missing",
            hints=(
                "Sum the rows of what you return as weights.",
                "Scaling is only half of what dropout does to them.",
                "Return the weights as softmax made them, with no `keep` in them.",
            ),
        ),
        Mistake(
            "dropout-gone",
            wrong_dropout,
            {"mixed": "weights"},
            says="the picture is right, but the output no longer has any dropout",
            hints=(
                "Does your output depend on `keep`?",
                "Only the returned weights were wrong. The output was right.",
                "The values are mixed by the surviving weights; the picture shows the others.",
            ),
        ),
        Mistake(
            "not-rescaled",
            wrong_dropout,
            {"rescale": lambda p: 1.0},
            says="the surviving weights are no longer divided by 1 - p",
            hints=(
                "Which part of the old third line have you lost?",
                "With half of the weights gone, the output would shrink to half on average.",
                "Dividing by 1 - p makes up for what is dropped.",
            ),
        ),
        Mistake(
            "rescaled-by-p",
            wrong_dropout,
            {"rescale": lambda p: 1 / p if p else 1.0},
            says="the surviving weights are divided by p, the share that is dropped",
            hints=(
                "What share of the weights survives?",
                "With p = 0.25, three of four survive on average, and should count 4/3 each.",
                "The divisor is the share that survives: 1 - p.",
            ),
        ),
        Mistake(
            "scores-dropped",
            wrong_dropout,
            {"drop": "scores"},
            says="the weights that survive share out what was lost and sum to 1 again: that is "
            "a mask, not dropout",
            hints=(
                "Do the weights that mix the values sum to 1? With dropout they don't.",
                "Dropout falls after the softmax, and divides by 1 - p whatever fell out.",
                "Multiply the weights, not the scores, by `keep`, and divide by 1 - p only.",
            ),
        ),
        Mistake(
            "inverted",
            wrong_dropout,
            {"turned": True},
            says="the weights survive where `keep` is False",
            hints=(
                "What does True mean in `keep`?",
                "A bool times a number is the number where it is True, and 0 elsewhere.",
                "Use `keep` as it comes, without turning it round.",
            ),
        ),
    ],
    also_right=[fused_dropout, einsum_dropout],
)


# --- 05.previous-token ----------------------------------------------------------------------


def previous_cases(generator, back):
    def tried(label, batch, heads, lengths, seq, *, left=False):
        weights = (2 * normal(generator, batch, heads, seq, seq)).softmax(dim=-1)
        places = torch.arange(seq).expand(batch, seq)
        lengths = torch.tensor(lengths)[:, None]
        return case(label, weights, places >= seq - lengths if left else places < lengths)

    sharp = torch.eye(5).roll(back, dims=0).expand(1, 2, 5, 5).clone()
    sharp[0, 1] = 0.2
    return [
        tried("no padding", 2, 3, [5, 5], 5),
        tried("padded on the right", 3, 2, [7, 4, 3], 7),
        tried("padded on the left", 2, 5, [3, 7], 7, left=True),
        tried("just long enough", 1, 3, [back + 1], back + 1),
        case("a perfect head and an even one", sharp, torch.ones(1, 5, dtype=torch.bool)),
    ]


def wrong_previous(
    weights,
    real,
    *,
    back,
    to="before",
    counted="both",
    divide_by="pairs",
    average="all",
    what="share",
):
    if what == "hits":
        weights = F.one_hot(weights.argmax(-1), weights.shape[-1]).to(weights.dtype)
    offset = {"before": -back, "itself": 0, "after": back}[to]
    found = weights.diagonal(offset=offset, dim1=-2, dim2=-1)
    size = found.shape[-1]
    here, before = real[:, -size:], real[:, :size]
    counts = {"both": here & before, "here": here, "before": before, "any": here | True}[counted]
    kept = found * counts[:, None]
    if average == "sentences":
        return (kept.sum(-1) / counts.sum(-1)[:, None]).mean(0)
    total = kept.sum(dim=(0, 2)) if average == "all" else kept.sum(dim=(1, 2))
    if divide_by == "words":
        return total / (real.numel() if counted == "any" else real.sum())
    return total / counts.sum() if divide_by == "pairs" else total


def looped_previous(weights, real, *, back):
    scores = torch.zeros(weights.shape[1])
    count = 0
    for b in range(weights.shape[0]):
        for t in range(back, weights.shape[2]):
            if real[b, t] and real[b, t - back]:
                scores += weights[b, :, t, t - back]
                count += 1
    return scores / count


def masked_previous(weights, real, *, back):
    seq = weights.shape[-1]
    before = torch.arange(seq)[:, None] - back == torch.arange(seq)
    wanted = before & real[:, :, None] & real[:, None, :]
    return torch.einsum("bhts,bts->h", weights, wanted.to(weights.dtype)) / wanted.sum()


PREVIOUS = Exercise(
    id="05.previous-token",
    title="Does this head look a fixed way back?",
    kind="code",
    points=2,
    name="previous_token_score",
    cases=previous_cases,
    mistakes=[
        Mistake(
            "next-instead",
            wrong_previous,
            {"to": "after"},
            says="your score is that of a word *after*: rows and columns are exchanged",
            hints=(
                "Rows look, columns are looked at. In which column is a word before row 3's?",
                "Such places lie below the main diagonal.",
                "The offset of a diagonal below the main one is negative.",
            ),
        ),
        Mistake(
            "itself",
            wrong_previous,
            {"to": "itself"},
            says="your score is the weight that a word gives to itself",
            hints=(
                "Which places of the table belong to a row and a column before it?",
                "The main diagonal is (t, t).",
                "You need a diagonal below the main one.",
            ),
        ),
        Mistake(
            "padding-counted",
            wrong_previous,
            {"counted": "any"},
            says="padding counts like words",
            hints=(
                "Does your result change when `real` changes?",
                "A position counts when it is real and the one it looks back to is real too.",
                "Multiply by a table of 1 and 0 for these positions, and divide by its sum.",
            ),
        ),
        Mistake(
            "padding-before-counted",
            wrong_previous,
            {"counted": "here"},
            says="a first word with padding in front of it counts, though no word is before it",
            hints=(
                "Where does padding stand when a batch is padded on the left?",
                "A position counts when it is real and the one it looks back to is real too.",
                "Combine `real` with itself, moved by as many places as you look back.",
            ),
        ),
        Mistake(
            "padding-after-counted",
            wrong_previous,
            {"counted": "before"},
            says="the first padding after a sentence counts as a word that looks",
            hints=(
                "Your condition looks at the word before. Who is the one that looks?",
                "A position counts when it is real and the one it looks back to is real too.",
                "Combine `real` with itself, moved by as many places as you look back.",
            ),
        ),
        Mistake(
            "first-word-counted",
            wrong_previous,
            {"divide_by": "words"},
            says="you divide by the number of all words, though the first word of a sentence has "
            "none before it to look at",
            hints=(
                "A perfect head should score exactly 1. Does it, with yours?",
                "In a sentence of five words, how many have a word that far before them?",
                "Divide by the number of positions that you added up.",
            ),
        ),
        Mistake(
            "summed",
            wrong_previous,
            {"divide_by": "nothing"},
            says="your score is a sum, not an average: it grows with the length",
            hints=(
                "Can a score of this kind be more than 1?",
                "How many positions went into your sum?",
                "Divide by the number of positions that you added up.",
            ),
        ),
        Mistake(
            "sentences-weigh-the-same",
            wrong_previous,
            {"average": "sentences"},
            says="you average within each sentence first, so that a word of a short sentence "
            "counts for more",
            hints=(
                "Take sentences of two and of ten words. How much does each word count?",
                "The text asks for one average over all positions of all sentences.",
                "Add up over batch and positions together, then divide once.",
            ),
        ),
        Mistake(
            "hits-counted",
            wrong_previous,
            {"what": "hits"},
            says="you count how often the word looked for gets the *largest* weight, instead of "
            "averaging the weight",
            hints=(
                "Is there an argmax in your code?",
                "A head that always gives it 0.3, and 0.2 to others: what should it score?",
                "Use the weights themselves.",
            ),
        ),
    ],
    also_right=[looped_previous, masked_previous],
    choices={"back": (1, 2, 3)},
    axes="heads",
)


# --- 05.ablate ------------------------------------------------------------------------------


def ablate_cases(generator):
    return [
        case("head 1 of 3", normal(generator, 4, 3, 5, 7), [1]),
        case("two heads of 5", normal(generator, 6, 5, 7, 2), [4, 0]),
        case("no head", normal(generator, 2, 3, 5, 2), []),
        case("every head", normal(generator, 3, 2, 5, 3), [0, 1]),
    ]


def nothing_removed(heads, removed):
    return named_merge(heads)


def wrong_ablation(
    heads,
    removed,
    *,
    axis=1,
    keep_only=False,
    merge=named_merge,
    fill="zero",
    first=False,
    grow=False,
):
    removed = removed[:1] if first else removed
    loud = torch.ones(heads.shape[axis])
    loud[removed] = 0
    loud = 1 - loud if keep_only else loud
    loud = loud.view([-1 if i == axis else 1 for i in range(4)])
    quiet = heads.mean(dim=2, keepdim=True) if fill == "mean" else torch.zeros(())
    left = heads * loud + quiet * (1 - loud)
    if grow and len(removed) < heads.shape[1]:
        left = left * heads.shape[1] / (heads.shape[1] - len(removed))
    return merge(left)


def in_place_ablation(heads, removed):
    for h in removed:
        heads[:, h] = 0
    return named_merge(heads)


def cut_out_ablation(heads, removed):
    kept = [h for h in range(heads.shape[1]) if h not in removed]
    return named_merge(heads[:, kept])


def number_ablation(heads, removed):
    merged = named_merge(heads).clone()
    merged[..., removed] = 0
    return merged


def reshaped_merge(heads):
    return heads.reshape(heads.shape[0], heads.shape[2], -1)


def cloning_ablation(heads, removed):
    copy = heads.clone()
    copy[:, removed] = 0.0
    return torch.cat(list(copy.unbind(1)), dim=-1)


def column_ablation(heads, removed):
    merged, width = named_merge(heads).clone(), heads.shape[-1]
    for h in removed:
        merged[..., h * width : (h + 1) * width] = 0
    return merged


ABLATE = Exercise(
    id="05.ablate",
    title="Merge without some heads",
    kind="code",
    points=2,
    name="merge_without",
    cases=ablate_cases,
    mistakes=[
        Mistake(
            "words-silenced",
            wrong_ablation,
            {"axis": 2},
            says="words are silenced instead of heads: the numbers in `removed` index the wrong "
            "axis",
            hints=(
                "What are the four axes of `heads`, in order?",
                "The numbers in `removed` belong to axis 1.",
                "Everything of a removed head is 0: all sentences, all words, all its numbers.",
            ),
        ),
        Mistake(
            "sentences-silenced",
            wrong_ablation,
            {"axis": 0},
            says="whole sentences of the batch are silenced instead of heads",
            hints=(
                "What are the four axes of `heads`, in order?",
                "`heads[i]` is sentence i with all its heads.",
                "Put a `:` for the batch in front of the heads' numbers.",
            ),
        ),
        Mistake(
            "kept-instead",
            wrong_ablation,
            {"keep_only": True},
            says="the heads in `removed` are the only ones left",
            hints=(
                "What should come out when `removed` is empty?",
                "Ones and zeros have changed places.",
                "A removed head is multiplied by 0, the others by 1.",
            ),
        ),
        Mistake(
            "only-the-first",
            wrong_ablation,
            {"first": True},
            says="only the first head of the list is removed",
            hints=(
                "Try `removed` with two heads in it.",
                "Does your loop return too early, or do you take one element of the list?",
                "Every head whose number is in the list becomes silent.",
            ),
        ),
        Mistake(
            "others-made-louder",
            wrong_ablation,
            {"grow": True},
            says="the remaining heads are made louder to make up for the removed ones, as dropout "
            "does",
            hints=(
                "Do the heads that stay come out unchanged?",
                "Here you want to see what is missing, so nothing should make up for it.",
                "Multiply by 0 and by 1 only.",
            ),
        ),
        Mistake(
            "replaced-by-average",
            wrong_ablation,
            {"fill": "mean"},
            says="a removed head still contributes its average over the words",
            hints=(
                "Look at the block of a removed head in your output.",
                "That is a good experiment too, but here the block shall be 0.",
                "Silence is zeros.",
            ),
        ),
        Mistake(
            "merged-by-view",
            wrong_ablation,
            {"merge": reshaped_merge},
            says="the heads are merged by a reshape without a transpose",
            hints=(
                "What does your function return when `removed` is empty?",
                "It should be what merge_heads returns.",
                "Exchange the axes of heads and words before you flatten.",
            ),
        ),
        Mistake(
            "nothing-removed",
            nothing_removed,
            {},
            says="all heads are still there: your zeros went into a copy, or nowhere",
            hints=(
                "Compare your output for an empty list with that for one head.",
                "`heads[removed]` with a list makes a copy; writing into a copy changes nothing.",
                "Multiply by ones and zeros, one for each head, before the merge.",
            ),
        ),
        Mistake(
            "single-numbers",
            number_ablation,
            {},
            says="after the merge one number of each word is silenced for each removed head, not a "
            "block of d_head numbers",
            hints=(
                "How many numbers of a word belong to one head?",
                "After the merge there is no axis of heads any more. Before it there is.",
                "Silence the heads before you merge them.",
            ),
        ),
        Mistake(
            "in-place",
            in_place_ablation,
            {},
            says="the caller's own `heads` are overwritten",
            hints=(
                "Print `heads` before and after calling your function.",
                "Assigning to `heads[:, h]` writes into the caller's tensor.",
                "Work on a copy, or multiply by ones and zeros, which makes a new tensor.",
            ),
        ),
        Mistake(
            "cut-out",
            cut_out_ablation,
            {},
            says="the removed heads are cut out, so that a word becomes narrower and the next "
            "layer no longer fits",
            hints=(
                "How wide is a word in your output?",
                "The output projection expects d_model numbers, whatever you remove.",
                "Keep the block of a removed head, and fill it with 0.",
            ),
        ),
    ],
    also_right=[cloning_ablation, column_ablation],
    axes="batch seq d_model",
)


EXERCISES = [SPLIT, SPLIT_TEST, MERGE, LAYER, COUNTS, DROPOUT, PREVIOUS, ABLATE]
