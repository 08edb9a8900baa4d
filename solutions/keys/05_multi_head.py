"""Answer key of chapter 05: many heads, what they cost, how to draw, score and remove them."""

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from course_lib.grader.judging.edges import in_dtype, in_front
from course_lib.grader.judging.key import Case, Edges, Exercise, Mistake, call, case


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


# --- 05.split-heads -------------------------------------------------------------------------


def split_cases(generator):
    return [
        case("3 heads of 7", normal(generator, 2, 5, 21), 3, grad=True),
        case("one sentence, 5 heads of 2", normal(generator, 1, 7, 10), 5, grad=True),
        case("one word, as many heads as numbers", normal(generator, 3, 1, 5), 5),
        case("more heads than numbers", normal(generator, 1, 2, 5), 7),
        case("a single head", normal(generator, 2, 3, 5), 1),
        case("as many heads as words", normal(generator, 2, 3, 12), 3),
        case("a width that the heads don't divide", normal(generator, 2, 5, 11), 3),
    ]


def named_split(x, num_heads):
    return rearrange(x, "b t (h d) -> b h t d", h=num_heads)


def torch_split(x, num_heads):
    width = x.shape[-1] // num_heads
    return x.reshape(*x.shape[:2], num_heads, width).transpose(1, 2)


def wrong_split(x, num_heads, *, check=True, cut=torch_split, drop_rest=False, swap_counts=False):
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


def odd_split(x, num_heads, how):
    """Other axes, other kinds, and other ways to refuse."""
    rest = x.shape[-1] % num_heads
    if how == "assert":
        assert rest == 0, "num_heads must divide d_model"
    if how == "another" and rest:
        raise Exception("num_heads must divide d_model")
    if how == "none" and rest:
        return None
    if (how == "fits" and rest == 0) or (how == "remainder" and num_heads % x.shape[-1]):
        raise ValueError("num_heads must divide d_model")
    if rest and how not in ("fits", "remainder"):
        raise ValueError("num_heads must divide d_model")
    heads = torch_split(x, num_heads)
    return {
        "behind": lambda: heads.permute(0, 2, 3, 1),
        "heads first": lambda: heads.transpose(0, 1),
        "one axis": lambda: heads.flatten(0, 1),
        "pieces": lambda: x.chunk(num_heads, dim=-1),
        "copies": lambda: x[:, None].expand(-1, num_heads, -1, -1),
        "detached": heads.detach,
    }.get(how, lambda: heads)()


def unflattened_split(x, num_heads):
    if rest := x.shape[-1] % num_heads:
        raise ArithmeticWidthError(f"{num_heads} heads leave {rest} of {x.shape[-1]} numbers over")
    return x.unflatten(-1, (num_heads, -1)).movedim(2, 1)


class ArithmeticWidthError(ValueError):
    """A kind of ValueError is a ValueError."""


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
            says="the heads don't divide the width, and the last numbers of each word are "
            "silently lost",
            hints=(
                "With d_model = 11 and num_heads = 3, how many numbers of a word survive?",
                "d_model // num_heads rounds down. What becomes of the rest?",
                "Raise a ValueError when the remainder is not 0.",
            ),
        ),
        Mistake(
            "width-before-heads",
            odd_split,
            {"how": "behind"},
            says="your axes are (batch, seq, d_head, heads): words and heads have not changed "
            "places",
            hints=(
                "Name the four axes of what you return, one by one.",
                "The text asks for (batch, num_heads, seq, d_head).",
                "Split the last axis in two, which gives (batch, seq, num_heads, d_head); then "
                "exchange axes 1 and 2, and no others.",
            ),
        ),
        Mistake(
            "heads-first",
            odd_split,
            {"how": "heads first"},
            says="your axes are (heads, batch, seq, d_head): the heads stand before the batch",
            hints=(
                "Name the four axes of what you return, one by one.",
                "The text asks for (batch, num_heads, seq, d_head).",
                "Split the last axis in two, which gives (batch, seq, num_heads, d_head); then "
                "exchange axes 1 and 2, and no others.",
            ),
        ),
        Mistake(
            "three-axes",
            odd_split,
            {"how": "one axis"},
            says="your heads share one axis with the sentences: three axes instead of four",
            hints=(
                "Name the four axes of what you return, one by one.",
                "The text asks for (batch, num_heads, seq, d_head).",
                "Split the last axis in two, which gives (batch, seq, num_heads, d_head); then "
                "exchange axes 1 and 2, and no others.",
            ),
        ),
        Mistake(
            "pieces",
            odd_split,
            {"how": "pieces"},
            says="you return the pieces one by one, not one tensor",
            hints=(
                "Name the four axes of what you return, one by one.",
                "The text asks for (batch, num_heads, seq, d_head).",
                "Split the last axis in two, which gives (batch, seq, num_heads, d_head); then "
                "exchange axes 1 and 2, and no others.",
            ),
        ),
        Mistake(
            "whole-width-for-all",
            odd_split,
            {"how": "copies"},
            says="every head holds the whole width: nothing is cut",
            hints=(
                "How wide is a head in your output?",
                "d_head is d_model / num_heads.",
                "Split the last axis in two; no number is copied.",
            ),
        ),
        Mistake(
            "assert",
            odd_split,
            {"how": "assert"},
            says="a width that the heads don't divide is refused with `assert`, which is an "
            "AssertionError",
            hints=(
                "Call your function with d_model = 11 and num_heads = 3. What happens?",
                "The text asks for a ValueError, and for a sentence that says why.",
                "`if …:` with the remainder, then `raise ValueError(…)`.",
            ),
        ),
        Mistake(
            "nothing-raised",
            odd_split,
            {"how": "none"},
            says="a width that the heads don't divide is not refused: None comes back",
            hints=(
                "Call your function with d_model = 11 and num_heads = 3. What happens?",
                "The text asks for a ValueError, and for a sentence that says why.",
                "`if …:` with the remainder, then `raise ValueError(…)`.",
            ),
        ),
        Mistake(
            "another-error",
            odd_split,
            {"how": "another"},
            says="a width that the heads don't divide is refused with another error than "
            "ValueError",
            hints=(
                "Call your function with d_model = 11 and num_heads = 3. What happens?",
                "The text asks for a ValueError, and for a sentence that says why.",
                "`if …:` with the remainder, then `raise ValueError(…)`.",
            ),
        ),
        Mistake(
            "refuses-what-fits",
            odd_split,
            {"how": "fits"},
            says="your check is the wrong way round: it refuses the widths that the heads divide",
            hints=(
                "Which remainder has a width that the heads divide?",
                "A remainder of 0 counts as False.",
                "Refuse when the remainder is not 0.",
            ),
        ),
        Mistake(
            "remainder-turned",
            odd_split,
            {"how": "remainder"},
            says="your check divides the number of heads by the width",
            hints=(
                "What is 3 % 12, and what is 12 % 3?",
                "The heads divide the width, so the width stands in front of %.",
                "d_model % num_heads has to be 0.",
            ),
        ),
        Mistake(
            "no-gradient",
            odd_split,
            {"how": "detached"},
            says="your values are right, and no gradient goes back to x",
            hints=(
                "Call `sum().backward()` on your result. Does anything reach the input?",
                "Which part of your code leaves the graph: detach, no_grad, item, numbers made "
                "anew?",
                "Use views, transposes and products of the input itself.",
            ),
        ),
    ],
    also_right=[unflattened_split, sliced_split, looped_split],
    axes="batch heads seq d_head",
    hints=(
        "Fill a tensor of shape (1, 4, 6) with the number of the word, another with 0 … 5 in "
        "every word, and look at head 0 of both.",
        "The text fixes four things: the axes, which numbers a head gets, a width that doesn't "
        "fit, and gradients.",
        "First split the last axis in two, which keeps the order of the numbers; then exchange "
        "the axes of words and heads.",
    ),
    allows=Edges(
        sizes=(1, 5, 7),
        labels=("one sentence", "a single head", "as many heads as words", "don't divide"),
    ),
)


# --- 05.split-test --------------------------------------------------------------------------


def whole(generator, *shape):
    """Whole numbers, so that no rounding tells two sums apart; no number occurs twice."""
    count = math.prod(shape)
    return (torch.randperm(count, generator=generator) - count // 3).float().reshape(shape)


def split_test_cases(generator):
    def tried(label, cut, *, heads=3):
        x = whole(generator, 2, 5, 7 * heads)
        return case(label, x, cut(x, heads))

    def spoiled(change, share=1):
        x = whole(generator, 2, 5, 21) / share
        return x, change(named_split(x, 3).clone())

    # The same sentence twice, the same word throughout: what is missing would broadcast.
    x = whole(generator, 1, 5, 21).repeat(2, 1, 1)
    y = whole(generator, 2, 1, 21).repeat(1, 5, 1)
    z = whole(generator, 2, 5, 22)
    return [
        case("a number of each word is missing", z, named_split(z[..., :21], 3)),
        case(
            "two sentences are strung together to one long one",
            x,
            named_split(x.reshape(1, 10, 21), 3),
        ),
        tried("a right one", named_split),
        tried("a right one with two heads", named_split, heads=2),
        tried("a right one with a single head", named_split, heads=1),
        tried("cut by a view alone, without a transpose", viewed_split),
        tried("numbers are dealt out to the heads in turn", interleaved_split),
        tried("heads in reverse order", backwards_split),
        tried("all heads get the same block of numbers", repeated_split),
        tried("words before heads: the two axes are not exchanged", words_first_split),
        tried("words and the numbers of a head have changed places", turned_split),
        case("one number is off", *spoiled(one_number_off)),
        case("two numbers are off, by opposite amounts", *spoiled(opposite_amounts)),
        case("only the last word is wrong", *spoiled(last_word_wrong)),
        case("only one word of the first sentence is wrong", *spoiled(middle_word_wrong)),
        case("not cut at all, three axes", *[whole(generator, 2, 5, 21)] * 2),
        case("one number is slightly off", *spoiled(slightly_off)),
        # Of small numbers, or a sum's own rounding would be as large.
        case("one number is a little smaller", *spoiled(slightly_smaller, 1024)),
        case("one number is smaller", *spoiled(one_number_below)),
        case("one sentence is missing", x, named_split(x, 3)[:1]),
        case("one word is missing", y, named_split(y, 3)[:, :, :1]),
        case("sentences exchanged", *spoiled(lambda heads: heads.flip(0))),
        case("words in reverse order", *spoiled(lambda heads: heads.flip(2))),
        case("numbers within a head reversed", *spoiled(lambda heads: heads.flip(-1))),
    ]


def one_number_off(heads):
    heads[1, 2, 3, 4] += 0.75
    return heads


def slightly_off(heads):
    heads[1, 1, 3, 2] += 0.05
    return heads


def slightly_smaller(heads):
    heads[0, 2, 1, 5] -= 0.0005
    return heads


def one_number_below(heads):
    heads[1, 0, 4, 6] -= 0.75
    return heads


def opposite_amounts(heads):
    heads[1, 2, 3, 4] += 0.75
    heads[1, 0, 3, 1] -= 0.75
    return heads


def last_word_wrong(heads):
    heads[:, :, -1] = heads[:, :, -2]
    return heads


def middle_word_wrong(heads):
    heads[0, :, 2] = heads[0, :, 1]
    return heads


def same_as_split(x, heads):
    return torch.equal(torch_split(x, heads.shape[1]), heads)


def lenient_test(x, heads, *, looks_at=same_as_split, rest="missed"):
    """Looks at less than everything; `rest` is what it does with numbers that no head holds."""
    if heads.dim() != 4:
        return False
    num_heads = heads.shape[1]
    width, over = divmod(x.shape[-1], num_heads)
    if heads.shape != (x.shape[0], num_heads, x.shape[1], width) or (over and rest == "missed"):
        return False
    if over and rest == "dropped":
        x = x[..., : num_heads * width]
    return looks_at(torch_split(x, num_heads).transpose(1, 2).flatten(2), heads)


def same_shape(x, heads):
    return True


def agrees_somewhere(x, heads):
    return bool((heads.transpose(1, 2).flatten(2) == x).any())


def same_numbers(x, heads):
    return torch.equal(x.flatten().sort().values, heads.flatten().sort().values)


def same_numbers_in_each_word(x, heads):
    return torch.equal(x.sort(-1).values, heads.transpose(1, 2).flatten(2).sort(-1).values)


def same_sums(x, heads):
    return torch.allclose(x.sum(-1), heads.sum(dim=(1, 3)), atol=1e-5)


def nearly_equal(x, heads):
    return torch.allclose(torch_split(x, heads.shape[1]), heads, atol=0.1)


def nearer(x, heads):
    return torch.allclose(torch_split(x, heads.shape[1]), heads, atol=0.01)


def no_larger(x, heads):
    return bool((heads - torch_split(x, heads.shape[1])).max() < 1e-6)


def no_smaller(x, heads):
    return bool((torch_split(x, heads.shape[1]) - heads).max() < 1e-6)


def mean_difference(x, heads):
    return bool((torch_split(x, heads.shape[1]) - heads).mean().abs() < 1e-6)


def same_head_sums(x, heads):
    return torch.allclose(torch_split(x, heads.shape[1]).sum((2, 3)), heads.sum((2, 3)), atol=1e-4)


def same_means_over_words(x, heads):
    return torch.allclose(torch_split(x, heads.shape[1]).mean(2), heads.mean(2))


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


def stopping(mistake):
    """The same, by a `view` that stops where the heads leave a number over."""
    return replace(
        mistake,
        name=f"{mistake.name}-and-stops",
        flags=mistake.flags | {"rest": "stops"},
        says=f"{mistake.says}; and it stops where the heads leave a number over",
    )


def odd_test(x, heads, how):
    """Tests that stop, or that look at something else."""
    num_heads = heads.shape[1]
    if how == "unpacked":
        _, num_heads, _, width = heads.shape
        return num_heads * width == x.shape[-1] and torch.equal(torch_split(x, num_heads), heads)
    if how == "shape, unpacked":
        batch, num_heads, seq, width = heads.shape
        return (batch, seq, num_heads * width) == tuple(x.shape)
    if how == "stops":
        return torch.equal(sliced_split(x, num_heads), heads)
    if how == "glued":
        return x.numel() == heads.numel() and torch.equal(heads.reshape(x.shape), x)
    if how == "strung":
        fits = heads.dim() == 4 and heads.numel() == x.numel()
        return fits and torch.equal(heads.transpose(1, 2).reshape(x.shape), x)
    if how == "bare total":
        return bool(torch.isclose(x.sum(), heads.sum()))
    if how == "sorted":
        numbers = (t.flatten().sort().values for t in (x, heads))
        return x.numel() == heads.numel() and torch.equal(*numbers)
    if how == "broadcast":
        fits = x.shape[-1] % num_heads == 0 and x.shape[-1] == num_heads * heads.shape[-1]
        return fits and heads.dim() == 4 and bool((torch_split(x, num_heads) == heads).all())
    if x.shape[-1] % num_heads:
        return how == "inverted"
    wanted = torch_split(x, num_heads)
    if how == "inverted" or wanted.shape != heads.shape:
        return how == "inverted" and not torch.equal(wanted, heads)
    return {
        "total": lambda: bool(torch.isclose(x.sum(), heads.sum())),
        "interleaved": lambda: torch.equal(interleaved_split(x, num_heads), heads),
        "corners": lambda: (
            torch.equal(wanted[:, 0, :, 0], heads[:, 0, :, 0])
            and torch.equal(wanted[:, -1, :, -1], heads[:, -1, :, -1])
        ),
    }[how]()


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
        Mistake(
            "stops-on-another-shape",
            odd_test,
            {"how": "stops"},
            says="your test stops with an error when the shape is not right; asked for is False",
            hints=(
                "Hand in `heads` with three axes, with five, and with a number of heads that "
                "doesn't divide d_model.",
                "The text: `False`, and no crash, when the shape is not even right.",
                "Look at the shape first, and say False before anything can stop.",
            ),
        ),
        Mistake(
            "shape-only-and-counts-on-four-axes",
            odd_test,
            {"how": "shape, unpacked"},
            says="your test looks at the shape only, and every wrong split with the right shape "
            "passes; it stops with an error when `heads` hasn't four axes",
            hints=(
                "Which of the wrong splits of the chapter had the wrong shape?",
                "The numbers themselves have to be compared.",
                "Ask `heads.ndim` first; then build what should have come out, and compare it "
                "with `heads`, number by number.",
            ),
        ),
        Mistake(
            "counts-on-four-axes",
            odd_test,
            {"how": "unpacked"},
            says="your test stops with an error when `heads` hasn't four axes; asked for is False",
            hints=(
                "Hand in `heads` with three axes, with five, and with a number of heads that "
                "doesn't divide d_model.",
                "The text: `False`, and no crash, when the shape is not even right.",
                "Look at the shape first, and say False before anything can stop.",
            ),
        ),
        Mistake(
            "shape-broadcasts",
            odd_test,
            {"how": "broadcast"},
            says="your test compares without looking at the shape, and an axis of size 1 fits "
            "any: a missing sentence or word goes unseen",
            hints=(
                "Hand in a split of one sentence for two that are alike.",
                "`==` stretches an axis of size 1; `torch.equal` doesn't.",
                "Compare the two shapes as well.",
            ),
        ),
        Mistake(
            "any-is-enough",
            lenient_test,
            {"looks_at": agrees_somewhere},
            says="your test is content when a single number is right",
            hints=(
                "Try your test on a right split, then on one with a single number changed.",
                "A test of a few places, or of a sum, lets a wrong split through that is right "
                "there.",
                "Compare place by place: head h, word t, number d.",
            ),
        ),
        Mistake(
            "loose",
            lenient_test,
            {"looks_at": nearly_equal},
            says="your test is content with numbers that are about right",
            hints=(
                "Change one number by 0.05. What does your test say?",
                "A split moves numbers; it computes nothing, so nothing is rounded.",
                "Compare exactly, with torch.equal.",
            ),
        ),
        lenient(
            "loose-by-a-hundredth",
            nearer,
            "your test is content with numbers that are about right",
            "Change one number by 0.0005. What does your test say?",
            "A split moves numbers; it computes nothing, so nothing is rounded.",
            "Compare exactly, with torch.equal.",
        ),
        lenient(
            "means-over-words",
            same_means_over_words,
            "your test compares sums or means over the words, which forget their order",
            "Let the words of a sentence change places. What does your test say?",
            "Each word must be where it was.",
            "Compare number by number, and ask for all of them.",
        ),
        lenient(
            "signed-and-blind-to-less",
            no_larger,
            "your test takes differences with their sign: a number that is too small passes",
            "Make one number smaller. What does your test say?",
            "A largest difference below 0 is a difference, too.",
            "Take the absolute value, or compare with torch.equal.",
        ),
        lenient(
            "signed-and-blind-to-more",
            no_smaller,
            "your test takes differences with their sign: a number that is too large passes",
            "Make one number larger. What does your test say?",
            "A largest difference below 0 is a difference, too.",
            "Take the absolute value, or compare with torch.equal.",
        ),
        Mistake(
            "bare-total",
            odd_test,
            {"how": "bare total"},
            says="your test adds everything up and doesn't even look at the shape: numbers in the "
            "wrong place have the same sum",
            hints=(
                "Exchange two heads. Does the sum change?",
                "One number up and another down leave every sum as it was.",
                "Look at the shape first, then compare number by number with the right split.",
            ),
        ),
        Mistake(
            "mean-difference",
            lenient_test,
            {"looks_at": mean_difference},
            says="your test looks at the mean of the differences, where up and down cancel",
            hints=(
                "Exchange two heads. What is the mean of all differences then?",
                "Differences have a sign, and all numbers are still there.",
                "Compare number by number, and ask for all of them.",
            ),
        ),
        Mistake(
            "reshaped-to-fit",
            odd_test,
            {"how": "strung"},
            says="your test reshapes `heads` to the shape of `x`, and so takes another number of "
            "sentences and words as well",
            hints=(
                "Try heads of shape (1, heads, batch · seq, d_head).",
                "`reshape` takes any shape with as many numbers.",
                "Compare the four lengths with batch, heads, seq and d_head first.",
            ),
        ),
        Mistake(
            "stops-at-a-rest",
            lenient_test,
            {"rest": "stops"},
            says="your test stops where the heads leave a number of each word over; that split is "
            "wrong, and no reason to crash",
            hints=(
                "Try a word of 22 numbers and 3 heads of 7.",
                "`//` drops what is left over, and `view` doesn't.",
                "Is heads times d_head the width of `x`? If not, return False.",
            ),
        ),
        Mistake(
            "rest-not-missed",
            lenient_test,
            {"rest": "dropped"},
            says="your test compares the blocks that are there, and doesn't miss numbers that no "
            "head holds",
            hints=(
                "Try a word of 22 numbers and 3 heads of 7.",
                "`//` drops what is left over.",
                "Is heads times d_head the width of `x`?",
            ),
        ),
        Mistake(
            "one-total",
            odd_test,
            {"how": "total"},
            says="your test compares one sum of everything, which is the same in whatever order "
            "the numbers stand",
            hints=(
                "Try your test on a right split, then on one with a single number changed.",
                "A test of a few places, or of a sum, lets a wrong split through that is right "
                "there.",
                "Compare place by place: head h, word t, number d.",
            ),
        ),
        Mistake(
            "head-sums",
            lenient_test,
            {"looks_at": same_head_sums},
            says="your test compares a sum for each head, which forgets the order within the head",
            hints=(
                "Try your test on a right split, then on one with a single number changed.",
                "A test of a few places, or of a sum, lets a wrong split through that is right "
                "there.",
                "Compare place by place: head h, word t, number d.",
            ),
        ),
        Mistake(
            "first-and-last",
            odd_test,
            {"how": "corners"},
            says="your test looks at the first and the last number only",
            hints=(
                "Try your test on a right split, then on one with a single number changed.",
                "A test of a few places, or of a sum, lets a wrong split through that is right "
                "there.",
                "Compare place by place: head h, word t, number d.",
            ),
        ),
        Mistake(
            "interleaved-wanted",
            odd_test,
            {"how": "interleaved"},
            says="your test wants every num_heads-th number in a head, not its own block",
            hints=(
                "Try your test on a right split first.",
                "Head 0 gets the first d_head numbers, head 1 the next.",
                "Build what should have come out with `split_heads`.",
            ),
        ),
        Mistake(
            "glued-from-any-shape",
            odd_test,
            {"how": "glued"},
            says="your test reshapes the heads straight back to x, which accepts the view without "
            "a transpose, and refuses the right split",
            hints=(
                "Try your test on a right split first.",
                "Two wrongs cancel: the reshape undoes the view. The way back needs a transpose "
                "too.",
                "Exchange the axes of heads and words before you flatten.",
            ),
        ),
        Mistake(
            "same-numbers-any-shape",
            odd_test,
            {"how": "sorted"},
            says="your test only asks whether the same numbers are there, in whatever shape and "
            "place",
            hints=(
                "A view without a transpose loses no number either.",
                "Sorting throws away exactly what you want to test.",
                "Compare the shape, then place by place: head h, word t, number d.",
            ),
        ),
        Mistake(
            "inverted",
            odd_test,
            {"how": "inverted"},
            says="your test says True when the split is wrong",
            hints=(
                "Read the function's name aloud.",
                "True means: every head holds its own block of every word.",
                "Turn the answer round.",
            ),
        ),
    ],
    also_right=[merging_test, slicing_test],
    hints=(
        "Try your test on a right split, on each wrong one of the chapter, and on `x` itself.",
        "The text says what makes a split right, and what to say when not even the shape is.",
        "Settle the shape first; then build what should have come out, or go the way back, and "
        "compare all numbers at once.",
    ),
    allows=Edges(
        axes=(3, 4),
        sizes=(1,),
        labels=("a right one with a single head", "words before heads", "slightly off", "missing"),
    ),
)


# --- 05.merge-heads -------------------------------------------------------------------------


SPLIT_TEST = replace(
    SPLIT_TEST,
    mistakes=[
        *SPLIT_TEST.mistakes,
        *(stopping(mistake) for mistake in SPLIT_TEST.mistakes if "looks_at" in mistake.flags),
    ],
)


def merge_cases(generator):
    double = case("3 heads", normal(generator, 2, 3, 5, 7), exact=True)
    return [
        in_dtype(double, torch.float64),
        case("3 heads of 7", normal(generator, 2, 3, 5, 7), grad=True, exact=True),
        case("one sentence, 2 heads", normal(generator, 1, 2, 7, 3), grad=True, exact=True),
        case("a single head", normal(generator, 2, 1, 3, 5), exact=True),
        case("as many heads as words", normal(generator, 2, 3, 3, 5), exact=True),
        case("one word", normal(generator, 2, 3, 1, 5), exact=True),
        case("heads of one number", normal(generator, 2, 3, 5, 1), exact=True),
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
    out = heads.new_zeros(batch, seq, num_heads * width)
    for h in range(num_heads):
        out[..., h * width : (h + 1) * width] = heads[:, h]
    return out


def odd_merge(heads, how):
    """Other shapes and kinds."""
    words = heads.transpose(1, 2)
    right = words.flatten(2)
    return {
        "view": lambda: words.view(*words.shape[:2], -1),
        "unmerged": lambda: words,
        "long": lambda: words.flatten(1, 2),
        "two axes": lambda: words.flatten(1),
        "batch": lambda: torch.cat(heads.unbind(1), dim=0),
        "squeezed": right.squeeze,
        "two": lambda: right.flatten(0, 1),
        "detached": right.detach,
        "float64": right.double,
        "float32": right.float,
    }[how]()


def reversed_merge(heads):
    return heads.permute(2, 0, 1, 3).reshape(heads.shape[2], heads.shape[0], -1).transpose(0, 1)


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
        Mistake(
            "view-on-a-transpose",
            odd_merge,
            {"how": "view"},
            says="after the transpose the numbers no longer lie in a row, and `view` stops",
            hints=(
                "Read the error: which method does it name, and what does it propose?",
                "A view never moves a number. Behind a transpose it would have to.",
                "Take `reshape` or `flatten`, which copy where they must.",
            ),
        ),
        Mistake(
            "not-flattened",
            odd_merge,
            {"how": "unmerged"},
            says="your result still has an axis of heads: the last two axes are not one yet",
            hints=(
                "Name the axes of what you return, one by one.",
                "The text asks for three axes: (batch, seq, heads · d_head).",
                "After the transpose the last two axes are heads and d_head: flatten these two, "
                "and no others.",
            ),
        ),
        Mistake(
            "two-axes",
            odd_merge,
            {"how": "two axes"},
            says="`flatten` begins one axis too early: the words are lined up as well",
            hints=(
                "Print the shape before and after you flatten.",
                "`flatten(1)` joins every axis from number 1 on.",
                "After the transpose the axes are batch, seq, heads, d_head. Join the last two.",
            ),
        ),
        Mistake(
            "words-and-heads-joined",
            odd_merge,
            {"how": "long"},
            says="you flatten words and heads into one axis; a word gets no wider",
            hints=(
                "Name the axes of what you return, one by one.",
                "The text asks for three axes: (batch, seq, heads · d_head).",
                "After the transpose the last two axes are heads and d_head: flatten these two, "
                "and no others.",
            ),
        ),
        Mistake(
            "sentences-joined",
            odd_merge,
            {"how": "batch"},
            says="the heads are joined along the batch: there are num_heads times as many "
            "sentences",
            hints=(
                "Name the axes of what you return, one by one.",
                "The text asks for three axes: (batch, seq, heads · d_head).",
                "After the transpose the last two axes are heads and d_head: flatten these two, "
                "and no others.",
            ),
        ),
        Mistake(
            "axes-lost",
            odd_merge,
            {"how": "squeezed"},
            says="axes of size 1 disappear from your result: a single sentence or word loses its "
            "axis",
            hints=(
                "Name the axes of what you return, one by one.",
                "The text asks for three axes: (batch, seq, heads · d_head).",
                "After the transpose the last two axes are heads and d_head: flatten these two, "
                "and no others.",
            ),
        ),
        Mistake(
            "sentences-and-words-joined",
            odd_merge,
            {"how": "two"},
            says="batch and words became one axis",
            hints=(
                "Name the axes of what you return, one by one.",
                "The text asks for three axes: (batch, seq, heads · d_head).",
                "After the transpose the last two axes are heads and d_head: flatten these two, "
                "and no others.",
            ),
        ),
        Mistake(
            "no-gradient",
            odd_merge,
            {"how": "detached"},
            says="your values are right, and no gradient goes back to the heads",
            hints=(
                "Call `sum().backward()` on your result. Does anything reach the input?",
                "Which part of your code leaves the graph: detach, no_grad, item, numbers made "
                "anew?",
                "Use views, transposes and products of the input itself.",
            ),
        ),
        Mistake(
            "float32",
            odd_merge,
            {"how": "float32"},
            says="your result is float32, whatever the heads are",
            hints=(
                "Merge heads in float64. Which dtype comes out?",
                "The text: to the last digit; merging computes nothing.",
                "What you make yourself can have the heads' dtype: `heads.new_zeros(...)`.",
            ),
        ),
        Mistake(
            "float64",
            odd_merge,
            {"how": "float64"},
            says="your result is float64; the heads are float32",
            hints=(
                "Print the dtype of each step.",
                "The text: to the last digit; merging computes nothing.",
                "Look for `.double()`, a NumPy array, or a tensor made with another dtype.",
            ),
        ),
    ],
    also_right=[reversed_merge, catting_merge, named_merge, looped_merge],
    axes="batch seq d_model",
    hints=(
        "Put the number of the head into every place of `heads`, and look at one word of the "
        "result; then the same with the number of the word.",
        "The text says it: the way back. After which step of the split do words stand before "
        "heads?",
        "Exchange the two axes that split exchanged; then make one axis of the last two.",
    ),
    allows=Edges(
        dtypes=("float32", "float64"),
        sizes=(1,),
        labels=("one sentence", "a single head", "one word"),
    ),
)


# --- 05.multi-head --------------------------------------------------------------------------


def layer_state(generator, d_model, width, bias=True):
    sizes = dict.fromkeys(("to_q", "to_k", "to_v"), (width, d_model))
    sizes |= {"to_out": (d_model, width)}
    weights = {
        f"{name}.weight": 1.5 * normal(generator, *size) / size[1] ** 0.5
        for name, size in sizes.items()
    }
    if not bias:
        return weights
    return weights | {f"{n}.bias": 0.3 * normal(generator, size[0]) for n, size in sizes.items()}


def layer_cases(generator):
    def tried(label, num_heads, d_head, *planned, d_model=None, **more):
        own = {} if d_model is None else {"d_head": d_head}  # as many numbers as it likes
        d_model = num_heads * d_head if d_model is None else d_model
        state = layer_state(generator, d_model, num_heads * d_head, more.get("bias", True))
        init = {"d_model": d_model, "num_heads": num_heads} | own | more
        return Case(label, planned, init=init, state=state)

    query, key, value = (normal(generator, 2, n, 15) for n in (4, 7, 7))
    long = normal(generator, 2, 7, 15)
    causal = torch.ones(7, 7, dtype=torch.bool).tril()
    padding = torch.tensor([[True] * 7, [False] * 2 + [True] * 5])[:, None, None]
    each = torch.rand(1, 5, 5, 5, generator=generator) < 0.5
    each |= torch.eye(5, dtype=torch.bool)
    ten = normal(generator, 2, 4, 10)
    train, rest = call(method="train"), call(method="eval")
    return [
        tried("self-attention", 3, 5, call(long)),
        tried("cross-attention, key only", 3, 5, call(query, key)),
        tried("cross-attention, other values", 3, 5, call(query, key, value)),
        tried("causal, with weights", 3, 5, call(long, mask=causal, return_weights=True)),
        tried(
            "padded on the left, all by their order, with weights",
            3,
            5,
            call(long, long, long, padding, return_weights=True),
        ),
        tried("one head", 1, 11, call(normal(generator, 1, 3, 11))),
        tried(
            "as many heads as words, a mask for each head, then none",
            5,
            2,
            call(normal(generator, 1, 5, 10), mask=each, return_weights=True),
            call(normal(generator, 1, 2, 10)),
        ),
        tried("cross-attention, as many keys as queries", 3, 5, call(long[:1], value[:1])),
        tried("other values, no key", 3, 5, call(long, None, value)),
        tried(
            "one word looks at others",
            3,
            5,
            call(query[:, :1], key, return_weights=True),
        ),
        tried("heads wider than their share", 3, 7, call(ten, return_weights=True), d_model=10),
        tried("heads narrower than their share", 2, 3, call(ten), d_model=10),
        tried("without bias", 2, 5, call(ten, ten.flip(1)), bias=False),
        tried("in training, nothing dropped", 2, 5, train, call(ten[:1])),
        # At 1 the lot decides nothing, so what comes out is known.
        tried(
            "dropout of 1, not in training",
            2,
            5,
            call(ten[:1], return_weights=True),
            dropout=1.0,
        ),
        tried(
            "dropout of 1, in training and after it",
            2,
            5,
            train,
            call(ten, return_weights=True),
            rest,
            call(ten),
            dropout=1.0,
        ),
        tried("dropout of 1, in training", 2, 5, train, call(ten[:1]), dropout=1.0),
        dropping(
            "dropout of 0.5: what is left of 400 weights of 1/400 sums to about 1 again",
            call(torch.zeros(4, 30, 5), torch.zeros(4, 400, 5)),
            0.5,
            {1: (1.0, 0.0, 0.0), 0: (0.0, 0.0, 0.75), 2: (2.0, 0.0, -1.25)},
            0.9,
        ),
        dropping(
            "dropout of 0.5: a dropped weight takes all numbers of a value with it",
            call(torch.zeros(4, 30, 5), torch.zeros(4, 40, 5)),
            0.5,
            {1: (0.0, 0.0, 0.1), 0: (9.0, -9.0, 0.0), 2: (-9.0, 9.0, 0.0)},
            0.9,
        ),
        dropping(
            "dropout of 0.1: a lone weight of 1 is 0 or 1/0.9 afterwards",
            call(torch.zeros(4, 300, 5), torch.zeros(4, 1, 5)),
            0.1,
            {1: (1.0, 0.0, 0.0), 0: (0.0, 0.0, 1.05), 2: (2.0, 0.0, -1.2)},
            0.8,  # nine in ten, on the average
        ),
        dropping(
            "dropout of 0.5: a lone weight survives in one head and not in the other, now and then",
            call(torch.zeros(4, 300, 5), torch.zeros(4, 1, 5)),
            0.5,
            {1: (1.0, -1.0, 0.0), 0: (0.0, 0.0, 0.5)},
            0.17,  # one in four, on the average
            reads=(0, 2),
        ),
        # With one lot for all of them none survives, as a rule; two in a hundred should.
        dropping(
            "dropout of 0.98: among 1500 sentences a lone weight survives now and then",
            call(torch.zeros(1500, 1, 5)),
            0.98,
            {1: (1.0, 0.0, 0.0), 0: (0.0, 0.0, 1.0)},
            0.004,
        ),
        dropping(
            "dropout of 0.98: among 1500 words a lone weight survives now and then",
            call(torch.zeros(1, 1500, 5), torch.zeros(1, 1, 5)),
            0.98,
            {1: (1.0, 0.0, 0.0), 0: (0.0, 0.0, 1.0)},
            0.004,
        ),
    ]


def dropping(label, planned, dropout, classes, at_least, reads=(0, 1)):
    """In training, every weight the same and every value 1: class 1 should win in enough places.

    What the lot decides is not known, but how it comes out on the average is. `classes` weighs
    two of the four merged numbers, those that it `reads`, and adds a third, for each class.
    """
    weight, bias = torch.zeros(5, 4), torch.full((5,), -99.0)
    for number, (first, second, added) in classes.items():
        weight[number, list(reads)], bias[number] = torch.tensor([first, second]), added
    state = {f"{name}.weight": torch.zeros(4, 5) for name in ("to_q", "to_k", "to_v")}
    state |= {f"{name}.bias": torch.zeros(4) for name in ("to_q", "to_k")}
    state |= {"to_v.bias": torch.ones(4), "to_out.weight": weight, "to_out.bias": bias}
    init = {"d_model": 5, "num_heads": 2, "d_head": 2, "dropout": dropout}
    target = torch.ones(planned.args[0].shape[:2], dtype=torch.long)
    calls = [call(method="train"), planned]
    return Case(label, calls, init=init, state=state, target=target, at_least=at_least)


def attend(q, k, v, mask, scale):
    scores = q @ k.transpose(-2, -1) * scale
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = scores.softmax(dim=-1)
    # As in the course's own: a row that may look nowhere is all zeros.
    weights = weights if mask is None else weights.masked_fill(~mask, 0.0)
    return weights @ v, weights


def attend_dropping(q, k, v, mask, scale, layer):
    """The same with dropout on the weights; those that come back are whole."""
    mixed, weights = attend(q, k, v, mask, scale)
    if layer.training and layer.dropout:
        mixed = F.dropout(weights, layer.dropout) @ v
    return mixed, weights


def plain_merge(heads, x):
    return heads.transpose(1, 2).flatten(2)


def viewed_merge(heads, x):
    return heads.reshape(heads.shape[0], heads.shape[2], -1)


def interleaved_merge(heads, x):
    return heads.permute(0, 2, 3, 1).flatten(2)


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
        d_head=None,
        dropout=0.0,
        bias=True,
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
        d_head = d_model // num_heads if d_head is None else d_head
        self.num_heads, self.split, self.merge = num_heads, split, merge
        self.dropout = dropout
        self.width = {"d_model": d_model, "all heads": num_heads * d_head}.get(scale_by, d_head)
        self.scale = {"nothing": 1.0, "twice": 1 / self.width}.get(scale_by, self.width**-0.5)
        self.project_out, self.masked, self.only_self = project_out, masked, only_self
        self.values_from, self.draw, self.always_both = values_from, draw, always_both
        self.value_layer, self.key_layer = value_layer, key_layer
        for name in ("to_q", "to_k", "to_v"):
            setattr(self, name, BareLinear(d_model, num_heads * d_head, bias=bias))
        self.to_out = BareLinear(num_heads * d_head, d_model, bias=bias)

    def forward(self, query, key=None, value=None, mask=None, *, return_weights=False):
        key = query if key is None or self.only_self else key
        value = key if value is None or self.only_self or self.values_from == "key" else value
        q = self.split(self.to_q(query), self.num_heads)
        k = self.split(getattr(self, self.key_layer)(key), self.num_heads)
        v = self.split(getattr(self, self.value_layer)(value), self.num_heads)
        mask = ~mask if self.masked == "inverted" and mask is not None else mask
        mixed, weights = attend_dropping(q, k, v, mask if self.masked else None, self.scale, self)
        output = self.merge(mixed, query)
        output = self.to_out(output) if self.project_out else output
        weights = self.draw(weights) if self.draw else weights
        return (output, weights) if return_weights or self.always_both else output


class WrongInputs(WrongLayer):
    """Mistakes about what goes in; a class of its own, so that these are tried in pairs among
    themselves only, and the check stays fast."""


class WrongOutputs(WrongLayer):
    """Mistakes about what comes out, for the same reason."""


class WrongMasks(WrongLayer):
    """Mistakes about the mask, for the same reason."""


class WrongCuts(WrongLayer):
    """Mistakes about split and merge, for the same reason."""


ATTENDING = (
    "queries share",
    "mask turned",
    "mask added",
    "mask times",
    "mask late",
    "mask on its side",
    "mask widened",
    "scores back",
    "zero by zero",
    "heads share",
)


def attend_oddly(q, k, v, mask, scale, layer):
    """Attention written anew, with a slip."""
    scores, how = q @ k.mT * scale, layer.how
    if mask is not None and how == "mask added":
        scores = scores + mask
    elif mask is not None and how == "mask times":
        scores = scores * mask
    elif mask is not None and how != "mask late":
        hidden = mask if how == "mask turned" else ~mask
        hidden = hidden.unsqueeze(1) if how == "mask widened" else hidden
        hidden = hidden.mT if how == "mask on its side" else hidden
        scores = scores.masked_fill(hidden, float("-inf"))
    weights = scores.softmax({"queries share": -2, "heads share": 1}.get(how, -1))
    if mask is not None and how == "mask late":
        weights = weights * mask
    dropped = weights
    if layer.training and how == "zero by zero":
        dropped = weights * (torch.rand_like(weights) >= layer.dropout) / (1 - layer.dropout)
    elif layer.training:
        dropped = F.dropout(weights, layer.dropout)
    return dropped @ v, scores if how == "scores back" else weights


class OddLayer(WrongLayer):
    """Rarer mistakes, one at a time."""

    def __init__(self, d_model, num_heads, d_head=None, dropout=0.0, bias=True, *, how):
        super().__init__(d_model, num_heads, d_head, dropout, bias)
        self.how = how

    def inputs(self, query, key, value):
        if self.how == "value from query":
            value = query if value is None else value
        if self.how == "value needs key":
            value = None if key is None else value
        if self.how == "query overwritten":
            query = self.to_q(query)
            key = self.to_k(query if key is None else key)
            return query, key, self.to_v(key if value is None else value)
        if self.how == "truth":
            key = key or query
            return self.to_q(query), self.to_k(key), self.to_v(value or key)
        if self.how == "defaults":
            return self.to_q(query), self.to_k(key), self.to_v(value)
        key = query if key is None else key
        if self.how == "key overwritten":
            key = self.to_k(key)
            return self.to_q(query), key, self.to_v(key if value is None else value)
        value = key if value is None else value
        if self.how == "keys from query":
            key = query
        if self.how == "values from query":
            value = query
        if self.how == "keys from value":
            key = value
        layers = {
            "same for all": (self.to_q, self.to_q, self.to_q),
            "exchanged": (self.to_k, self.to_q, self.to_v),
            "values as keys": (self.to_q, self.to_v, self.to_k),
        }.get(self.how, (self.to_q, self.to_k, self.to_v))
        return [layer(x) for layer, x in zip(layers, (query, key, value), strict=True)]

    def forward(self, query, key=None, value=None, mask=None, *, return_weights=False):
        split = interleaved_split if self.how == "split in turns" else torch_split
        merge = interleaved_merge if self.how == "merged in turns" else plain_merge
        parts = [split(x, self.num_heads) for x in self.inputs(query, key, value)]
        if self.how in ATTENDING:
            mixed, weights = attend_oddly(*parts, mask, self.scale, self)
        else:
            mixed, weights = attend_dropping(*parts, mask, self.scale, self)
        merged, out = merge(mixed, query), self.to_out
        output = {
            "no bias": lambda: merged @ out.weight.T,
            "untransposed": lambda: untransposed(merged, out),
            "twice": lambda: out(out(merged)),
            "residual": lambda: query + out(merged),
        }.get(self.how, lambda: out(merged))()
        if not return_weights or self.how == "never both":
            return output
        drawn = {
            "first head": lambda: weights[:, 0],
            "detached": weights.detach,
        }.get(self.how, lambda: weights)()
        return (drawn, output) if self.how == "weights first" else (output, drawn)


def untransposed(x, layer):
    return x @ layer.weight + (0.0 if layer.bias is None else layer.bias)


class WrongMaking(WrongLayer):
    """Made wrongly: sizes, biases or names."""

    def __init__(self, d_model, num_heads, d_head=None, dropout=0.0, bias=True, *, how):
        share = d_model // num_heads
        given = share if how == "share" or d_head is None else d_head
        super().__init__(
            d_model, num_heads, given, dropout, how == "biased" or (bias and how != "bare")
        )
        if how == "scaled by the share":
            self.scale = share**-0.5
        if how == "float":
            for name in ("to_q", "to_k", "to_v"):
                width = num_heads * (d_model / num_heads if d_head is None else d_head)
                setattr(self, name, BareLinear(d_model, width, bias=bias))
        if how == "biased output":
            self.to_out = BareLinear(num_heads * given, d_model)
        if how == "bare output":
            self.to_out = BareLinear(num_heads * given, d_model, bias=False)
        if how == "square output":
            self.to_out = BareLinear(d_model, d_model, bias=bias)
        if how == "one head wide":
            for name in ("to_q", "to_k", "to_v"):
                setattr(self, name, BareLinear(d_model, given, bias=bias))


def exchanging_layer(d_model, num_heads, d_head=None, bias=True, dropout=0.0):
    return WrongLayer(d_model, num_heads, d_head, dropout, bias)


class WrongDropping(WrongLayer):
    """Dropout in the wrong place, or at the wrong time."""

    def __init__(self, d_model, num_heads, d_head=None, dropout=0.0, bias=True, *, where):
        super().__init__(d_model, num_heads, d_head, dropout, bias)
        self.where = where

    def drop(self, x, where, training=None):
        training = self.training if training is None else training
        return F.dropout(x, self.dropout, training) if self.where == where else x

    def forward(self, query, key=None, value=None, mask=None, *, return_weights=False):
        key = query if key is None else key
        value = key if value is None else value
        query = self.drop(query, "input")
        inputs = zip((self.to_q, self.to_k, self.to_v), (query, key, value), strict=True)
        q, k, v = (torch_split(layer(x), self.num_heads) for layer, x in inputs)
        scores = self.drop(q @ k.mT * self.scale, "scores")
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        weights = scores.softmax(-1) if mask is None else scores.softmax(-1).nan_to_num(0.0)
        weights = self.drop(weights, "returned")
        dropped = self.drop(weights, "always", True)
        if self.where == "kept":
            dropped = F.dropout(weights, 1 - self.dropout, self.training)
        output = self.drop(self.to_out(plain_merge(dropped @ v, query)), "output")
        return (output, weights) if return_weights else output


class OneWideHead(WrongLayer):
    """Never splits: one head over the full width."""

    def __init__(self, d_model, num_heads, d_head=None, dropout=0.0, bias=True):
        d_head = d_model // num_heads if d_head is None else d_head
        super().__init__(d_model, 1, num_heads * d_head, dropout, bias)


class NeverSplit(WrongLayer):
    """Goes past the heads: three axes meet a mask that has one for the heads."""

    def forward(self, query, key=None, value=None, mask=None, *, return_weights=False):
        key = query if key is None else key
        value = key if value is None else value
        if mask is not None and mask.dim() == 4:
            raise ValueError("a mask of four axes for scores of three")
        parts = self.to_q(query), self.to_k(key), self.to_v(value)
        mixed, weights = attend_dropping(*parts, mask, parts[0].shape[-1] ** -0.5, self)
        output = self.to_out(mixed)
        return (output, weights) if return_weights else output


class LoopingLayer(nn.Module):
    """Right: one head after the other, each with its rows of the weight matrices."""

    def __init__(self, d_model, num_heads, d_head=None, dropout=0.0, bias=True):
        super().__init__()
        self.num_heads, self.width = num_heads, d_head or d_model // num_heads
        wide = self.num_heads * self.width
        self.to_q, self.to_k, self.to_v = (nn.Linear(d_model, wide, bias) for _ in "qkv")
        self.to_out = nn.Linear(wide, d_model, bias)
        self.drop = nn.Dropout(dropout)

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
            q, k, v = (layer(x)[..., rows] for x, layer in parts)
            scores = q @ k.mT / math.sqrt(self.width)
            if wide is not None:
                scores = scores.masked_fill(~wide[:, h], float("-inf"))
            drawn.append(scores.softmax(-1))
            mixed.append(self.drop(drawn[-1]) @ v)
        output = self.to_out(torch.cat(mixed, -1))
        return (output, torch.stack(drawn, 1)) if return_weights else output


class EinsumLayer(LoopingLayer):
    """Right: einsum over a stacked weight tensor, and each head's own share of the output."""

    def forward(self, query, key=None, value=None, mask=None, *, return_weights=False):
        key = query if key is None else key
        value = key if value is None else value

        def heads_of(x, layer):
            weight = rearrange(layer.weight, "(h d) m -> h d m", h=self.num_heads)
            made = torch.einsum("btm,hdm->bhtd", x, weight)
            if layer.bias is None:
                return made
            return made + rearrange(layer.bias, "(h d) -> h 1 d", h=self.num_heads)

        q, k, v = heads_of(query, self.to_q), heads_of(key, self.to_k), heads_of(value, self.to_v)
        scores = torch.einsum("bhtd,bhsd->bhts", q, k) / self.width**0.5
        if mask is not None:
            scores = scores + torch.where(mask, 0.0, float("-inf"))
        weights = scores.softmax(-1)
        out = rearrange(self.to_out.weight, "m (h d) -> h d m", h=self.num_heads)
        mixed = torch.einsum("bhts,bhsd,hdm->btm", self.drop(weights), v, out)
        mixed = mixed if self.to_out.bias is None else mixed + self.to_out.bias
        return (mixed, weights) if return_weights else mixed


def averaged_over_heads(weights):
    return weights.mean(dim=1)


LAYER = Exercise(
    id="05.multi-head",
    title="The whole layer",
    kind="build",
    points=4,
    name="MultiHeadAttention",
    cases=layer_cases,
    any_sequence=True,  # the text asks for two things
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
            "scaled-by-all-heads",
            WrongLayer,
            {"scale_by": "all heads"},
            says="the scores are divided by the root of the width of all heads together, but a "
            "head's queries are only d_head wide",
            hints=(
                "How many products are added up in one score of one head?",
                "Which width has the last axis of your queries before the split, which after it?",
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
            WrongCuts,
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
            WrongCuts,
            {"merge": viewed_merge},
            says="the heads are merged by a reshape without a transpose",
            hints=(
                "Does `05.merge-heads` say that your merge is right?",
                "Put the number of the word into every place and merge: what does word 0 hold?",
                "Exchange the axes of heads and words before you flatten.",
            ),
        ),
        Mistake(
            "split-in-turns",
            OddLayer,
            {"how": "split in turns"},
            says="the heads take turns, number by number; each should get a slice of its own",
            hints=(
                "Does `05.split-heads` say that your split is right?",
                "Head 0 gets the *first* d_head numbers of every word.",
                "Split the last axis into (num_heads, d_head), in this order.",
            ),
        ),
        Mistake(
            "merged-in-turns",
            OddLayer,
            {"how": "merged in turns"},
            says="after the merge the heads take turns, number by number; each should stand in "
            "one piece",
            hints=(
                "Does `05.merge-heads` say that your merge is right?",
                "Head 0's numbers are the *first* of every word again.",
                "Before you flatten, the last two axes should be (num_heads, d_head).",
            ),
        ),
        Mistake(
            "sealed-pieces",
            WrongCuts,
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
            WrongMasks,
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
            WrongMasks,
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
        Mistake(
            "never-split",
            NeverSplit,
            {},
            says="there is one head over the full width: nothing is split",
            hints=(
                "How many axes do your queries have when they meet the keys?",
                "A mask has an axis for the heads, and your scores have none.",
                "All three, queries, keys and values, go through split_heads.",
            ),
        ),
        Mistake(
            "defaults-not-filled",
            OddLayer,
            {"how": "defaults"},
            says="your layer stops when `key` or `value` is left out: it projects None",
            hints=(
                "Call your layer with a query alone. What is `key` then?",
                "The text says what stands in for a missing key, and for a missing value.",
                "Before you project: `if key is None`, take the query. Then the same for the "
                "value.",
            ),
        ),
        Mistake(
            "truth-of-a-tensor",
            OddLayer,
            {"how": "truth"},
            says="`key or query` asks whether a whole tensor is true, which nobody can say",
            hints=(
                "Call your layer with a key. Which line stops?",
                "`or` and `if key` ask for one True or False, and a tensor holds many numbers.",
                "Ask `if key is None`.",
            ),
        ),
        Mistake(
            "value-falls-back-to-query",
            OddLayer,
            {"how": "value from query"},
            says="a missing value is taken from `query`, even when there is a key",
            hints=(
                "Call your layer with a key of another length and no value.",
                "The text: without `value`, what is looked at is also what is collected.",
                "Fill in the key first, then a missing value from the key.",
            ),
        ),
        Mistake(
            "value-lost-without-key",
            OddLayer,
            {"how": "value needs key"},
            says="a value that comes without a key is ignored",
            hints=(
                "Call your layer with `value` and no `key`.",
                "The two fall back one by one: the key to the query, the value to the key.",
                "Two lines, each with an `is None` of its own.",
            ),
        ),
        Mistake(
            "query-overwritten",
            OddLayer,
            {"how": "query overwritten"},
            says="`query` is projected first and then used again where the keys are missing: the "
            "keys go through two projections",
            hints=(
                "Which variable holds the input after your first line?",
                "Each of the three inputs goes through one projection.",
                "Fill in what is missing first, and give the projected ones names of their own.",
            ),
        ),
        Mistake(
            "key-overwritten",
            OddLayer,
            {"how": "key overwritten"},
            says="`key` is projected first and then used again for the values: they go through "
            "two projections",
            hints=(
                "Which variable holds the input when the values are made?",
                "Each of the three inputs goes through one projection.",
                "Fill in what is missing first, and give the projected ones names of their own.",
            ),
        ),
        Mistake(
            "one-projection-for-all",
            OddLayer,
            {"how": "same for all"},
            says="queries, keys and values all go through to_q",
            hints=(
                "Four layers are made in __init__. Which of them do you call?",
                "A line that is copied needs to be changed in every place.",
                "Queries through to_q, keys through to_k, values through to_v.",
            ),
        ),
        Mistake(
            "queries-and-keys-exchanged",
            OddLayer,
            {"how": "exchanged"},
            says="queries go through to_k and keys through to_q",
            hints=(
                "Read the three projections aloud.",
                "With trained weights it matters which matrix makes the questions.",
                "Queries through to_q, keys through to_k, values through to_v.",
            ),
        ),
        Mistake(
            "keys-and-values-exchanged",
            OddLayer,
            {"how": "values as keys"},
            says="keys go through to_v and values through to_k",
            hints=(
                "Which layer does each of the three inputs meet?",
                "The names say it: query, key and value, and a layer for each.",
                "to_q(query), to_k(key), to_v(value).",
            ),
        ),
        Mistake(
            "output-bias-lost",
            OddLayer,
            {"how": "no bias"},
            says="the output projection is done without its bias",
            hints=(
                "What does nn.Linear hold beside its matrix?",
                "`layer.weight` is only half of a layer.",
                "Call the layer itself: it knows both.",
            ),
        ),
        Mistake(
            "output-matrix-turned",
            OddLayer,
            {"how": "untransposed"},
            says="the output is multiplied by to_out.weight as it stands; nn.Linear multiplies by "
            "its transpose",
            hints=(
                "What does nn.Linear compute, in its documentation?",
                "The matrix is (out, in), so that x meets it transposed.",
                "Call the layer itself: it knows both matrix and bias.",
            ),
        ),
        Mistake(
            "output-projected-twice",
            OddLayer,
            {"how": "twice"},
            says="the output goes through to_out twice",
            hints=(
                "How often does to_out occur in your code?",
                "After the merge there is one projection, and it is the end.",
                "Keep one of the two calls.",
            ),
        ),
        Mistake(
            "input-added",
            OddLayer,
            {"how": "residual"},
            says="the input is added to the output: that belongs to the block around the layer",
            hints=(
                "What does your layer return when all weights of to_out are 0?",
                "The residual connection is a part of another chapter's block.",
                "Return what to_out gives.",
            ),
        ),
        Mistake(
            "one-heads-weights",
            OddLayer,
            {"how": "first head"},
            says="the weights that you return are those of one head",
            hints=(
                "What shape do your weights have? Which axis is missing?",
                "The text asks for the weights of all heads, (batch, heads, query, key).",
                "Return the weights as scaled_dot_product_attention gives them.",
            ),
        ),
        Mistake(
            "never-both",
            OddLayer,
            {"how": "never both"},
            says="the weights don't come back, not even with return_weights=True",
            hints=(
                "Where in forward does `return_weights` occur?",
                "With return_weights=True two things come back.",
                "Return a pair in that case, and the output alone otherwise.",
            ),
        ),
        Mistake(
            "weights-first",
            OddLayer,
            {"how": "weights first"},
            says="output and weights come back in the wrong order",
            hints=(
                "Read again what comes first.",
                "The output first, then the weights.",
                "Exchange the two that you return.",
            ),
        ),
        Mistake(
            "weights-detached",
            OddLayer,
            {"how": "detached"},
            says="the values are right, but no gradient goes through the weights that you return",
            hints=(
                "Call backward on the weights that come back.",
                "Who trains on the weights needs their gradient.",
                "Return the weights as they are; whoever draws them can detach them.",
            ),
        ),
        Mistake(
            "keys-from-query",
            OddLayer,
            {"how": "keys from query"},
            says="the keys are computed from `query` even when a `key` is given",
            hints=(
                "Which of the three inputs goes into to_k?",
                "With as many keys as queries nothing stops: the words look at themselves.",
                "`to_k` takes `key`, once a missing one is filled in.",
            ),
        ),
        Mistake(
            "values-from-query",
            OddLayer,
            {"how": "values from query"},
            says="the values are computed from `query` even when a `key` or `value` is given",
            hints=(
                "Which of the three inputs goes into to_v?",
                "What is collected stands where the keys stand, not where the queries do.",
                "`to_v` takes `value`, once a missing one is filled in.",
            ),
        ),
        Mistake(
            "keys-from-value",
            OddLayer,
            {"how": "keys from value"},
            says="the keys are computed from `value`",
            hints=(
                "Which of the three inputs goes into to_k?",
                "It shows where keys and values differ.",
                "`to_k` takes `key`, once a missing one is filled in.",
            ),
        ),
        Mistake(
            "queries-share",
            OddLayer,
            {"how": "queries share"},
            says="your softmax runs over the queries: the columns sum to 1 instead of the rows",
            hints=(
                "Sum your weights along each axis. Which one gives 1?",
                "A query shares its attention out over the keys.",
                "Keys are the last axis.",
            ),
        ),
        Mistake(
            "heads-share",
            OddLayer,
            {"how": "heads share"},
            says="your softmax runs over the heads: they share 1 out among themselves",
            hints=(
                "Sum your weights along each axis. Which one gives 1?",
                "Each head shares its attention out by itself, over the keys.",
                "Keys are the last axis, whatever stands in front.",
            ),
        ),
        Mistake(
            "mask-added",
            OddLayer,
            {"how": "mask added"},
            says="the mask is added to the scores as ones and zeros, which hides nothing",
            hints=(
                "Which weight does a hidden key have, in your layer?",
                "True counts as 1, False as 0: e to the 0 is 1.",
                "Fill the scores with minus infinity where the mask is False.",
            ),
        ),
        Mistake(
            "mask-turned",
            OddLayer,
            {"how": "mask turned"},
            says="the words look exactly where the mask forbids it, and a row that may look "
            "anywhere becomes nan",
            hints=(
                "In this course, what does True in a mask mean?",
                "`masked_fill` fills where it is told True.",
                "Turn the mask round with ~ where you fill.",
            ),
        ),
        Mistake(
            "mask-times",
            OddLayer,
            {"how": "mask times"},
            says="the scores are multiplied by the mask: a hidden score becomes 0, which is an "
            "ordinary score",
            hints=(
                "Which weight does a hidden key have, in your layer?",
                "e to the 0 is 1.",
                "Fill the scores with minus infinity where the mask is False.",
            ),
        ),
        Mistake(
            "mask-after-the-softmax",
            OddLayer,
            {"how": "mask late"},
            says="the mask falls on the weights, after the softmax: what is left of a row no "
            "longer sums to 1",
            hints=(
                "Add up each row of the weights that you return.",
                "A word shares 1 out among those that it may look at. Who gets the rest in yours?",
                "Hide scores, with −inf, and take the softmax then; or hand `mask` to "
                "scaled_dot_product_attention.",
            ),
        ),
        Mistake(
            "mask-on-its-side",
            OddLayer,
            {"how": "mask on its side"},
            says="you transpose the mask: what hides a key hides a query",
            hints=(
                "Hand in a causal mask. Which words may the first one look at in your layer?",
                "The mask comes as (…, query, key), like the scores.",
                "Hand the mask on as it comes.",
            ),
        ),
        Mistake(
            "mask-given-another-axis",
            OddLayer,
            {"how": "mask widened"},
            says="you put an axis into the mask, which lines up with all four axes as it comes",
            hints=(
                "Print the shapes of your scores and of the mask.",
                "The text says that the mask broadcasts to (batch, heads, query, key). Whose work "
                "is it to put in an axis for the heads?",
                "Hand the mask on as it comes.",
            ),
        ),
        Mistake(
            "scores-back",
            OddLayer,
            {"how": "scores back"},
            says="the scores come back in the place of the weights",
            hints=(
                "What do the rows of what you return sum to?",
                "Weights are what the softmax gives.",
                "Return the weights as scaled_dot_product_attention gives them.",
            ),
        ),
        Mistake(
            "zero-by-zero",
            OddLayer,
            {"how": "zero by zero"},
            says="with a dropout of 1 you divide 0 by 0",
            hints=(
                "Make a layer with dropout=1.0 and call train(). What comes out?",
                "The text says from 0 to 1, and at 1 there is nothing left to make up for.",
                "F.dropout knows that case.",
            ),
        ),
        Mistake(
            "d-head-ignored",
            WrongMaking,
            {"how": "share"},
            says="a given d_head is ignored: the heads keep their share of d_model",
            hints=(
                "Make a layer with d_model 10, 2 heads and d_head 3. What shape has to_q.weight?",
                "d_head is the share only where none is given.",
                "One line first: d_head, or d_model divided by num_heads where it is None.",
            ),
        ),
        Mistake(
            "scaled-by-the-share",
            WrongMaking,
            {"how": "scaled by the share"},
            says="the scores are divided by the root of d_model / num_heads even when another "
            "d_head is given",
            hints=(
                "How many products are added up in one score of one head?",
                "The divisor goes by the width that queries and keys have after the split.",
                "Let scaled_dot_product_attention do it: it reads the width off its last axis.",
            ),
        ),
        Mistake(
            "always-biased",
            WrongMaking,
            {"how": "biased"},
            says="the layers keep their biases when `bias` is False",
            hints=(
                "Print the names in the state dict of a layer that was made with bias=False.",
                "nn.Linear has a bias unless it is told otherwise.",
                "Hand `bias` on to all four layers.",
            ),
        ),
        Mistake(
            "output-without-bias",
            WrongMaking,
            {"how": "bare output"},
            says="to_out has no bias, whatever `bias` says",
            hints=(
                "Print the names in the state dict of your layer and hold them against the "
                "text's table.",
                "All four layers follow `bias`.",
                "Hand `bias` on to to_out as well.",
            ),
        ),
        Mistake(
            "never-biased",
            WrongMaking,
            {"how": "bare"},
            says="the layers have no bias, whatever `bias` says",
            hints=(
                "Print the names in the state dict of your layer and hold them against the "
                "text's table.",
                "`bias` is True where nobody says otherwise.",
                "Hand `bias` on to all four layers.",
            ),
        ),
        Mistake(
            "output-always-biased",
            WrongMaking,
            {"how": "biased output"},
            says="to_out keeps its bias when `bias` is False",
            hints=(
                "Print the names in the state dict of a layer that was made with bias=False.",
                "nn.Linear has a bias unless it is told otherwise.",
                "All four layers follow `bias`: hand it on to to_out as well.",
            ),
        ),
        Mistake(
            "width-of-a-head-is-a-float",
            WrongMaking,
            {"how": "float"},
            says="your layers can't be made: `/` gives a float, and nn.Linear wants whole numbers",
            hints=(
                "Print `d_model / num_heads`, and its type.",
                "A number of rows can't be 5.0.",
                "`//` divides whole numbers into a whole number.",
            ),
        ),
        Mistake(
            "square-output",
            WrongMaking,
            {"how": "square output"},
            says="to_out is (d_model, d_model), but the merged heads are num_heads times d_head "
            "wide",
            hints=(
                "Make a layer with d_model 10, 2 heads and d_head 3. How wide are its heads "
                "side by side?",
                "What goes into to_out is as wide as what comes out of the merge.",
                "It leads from num_heads * d_head back to d_model.",
            ),
        ),
        Mistake(
            "one-head-wide",
            WrongMaking,
            {"how": "one head wide"},
            says="to_q, to_k and to_v give d_head numbers, enough for one head",
            hints=(
                "How many numbers do all heads of one word have together?",
                "All heads come out of one product; the split cuts it up.",
                "They lead from d_model to num_heads * d_head.",
            ),
        ),
        Mistake(
            "bias-before-dropout",
            exchanging_layer,
            {},
            says="your `__init__` takes `bias` before `dropout`: whoever hands them over by order "
            "gets no dropout",
            hints=(
                "Make a layer as the text does it, `MultiHeadAttention(10, 2, None, 1.0)`, and "
                "print what each name holds.",
                "Compare your first line with the one that was there, from left to right.",
                "`def __init__(self, d_model, num_heads, d_head=None, dropout=0.0, bias=True)`.",
            ),
        ),
        Mistake(
            "no-dropout",
            WrongDropping,
            {"where": "nowhere"},
            says="nothing is dropped in training: `dropout` is never used",
            hints=(
                "Make a layer with dropout=1.0, call train(), and look at its output. Which "
                "numbers should it be?",
                "In training each weight is dropped with the chance `dropout`.",
                "F.dropout on the weights, with training=self.training, before the values.",
            ),
        ),
        Mistake(
            "dropout-always",
            WrongDropping,
            {"where": "always"},
            says="weights are dropped outside of training, too",
            hints=(
                "Call eval() and run your layer twice. Does the same come out?",
                "F.dropout drops unless it is told that nobody trains; a module knows that "
                "as self.training.",
                "F.dropout(..., training=self.training), or an nn.Dropout made in __init__.",
            ),
        ),
        Mistake(
            "dropout-on-the-output",
            WrongDropping,
            {"where": "output"},
            says="dropout falls on the output, not on the weights",
            hints=(
                "Make a layer with dropout=1.0 and call train(). The output should still "
                "hold to_out's bias.",
                "The text drops weights: words that one word looks at.",
                "Between the softmax and the values.",
            ),
        ),
        Mistake(
            "dropout-before-the-softmax",
            WrongDropping,
            {"where": "scores"},
            says="dropout falls on scores or queries, before the softmax: a score of 0 is no "
            "weight of 0",
            hints=(
                "Make a layer with dropout=1.0 and call train(). What weight does a score of "
                "0 get?",
                "What is dropped are weights, and those exist after the softmax.",
                "Between the softmax and the values.",
            ),
        ),
        Mistake(
            "dropout-on-the-input",
            WrongDropping,
            {"where": "input"},
            says="dropout falls on the input, not on the weights",
            hints=(
                "Make a layer with dropout=1.0 and call train(). What do your weights look like?",
                "What is dropped are weights, and those exist after the softmax.",
                "Between the softmax and the values.",
            ),
        ),
        Mistake(
            "dropped-weights-returned",
            WrongDropping,
            {"where": "returned"},
            says="the weights that you return are those that dropout left",
            hints=(
                "Call train() on a layer with dropout. Do the rows of its weights sum to 1?",
                "The text returns the weights from before dropout, to be drawn.",
                "Give what dropout leaves a name of its own (5.8).",
            ),
        ),
        Mistake(
            "chance-to-keep",
            WrongDropping,
            {"where": "kept"},
            says="`dropout` is taken for the chance to keep a weight; it is the chance to drop it",
            hints=(
                "Make a layer with dropout=0.0 and call train(). Is anything lost?",
                "PyTorch's p is the share that is dropped, and so is ours.",
                "Hand `dropout` to F.dropout as it is.",
            ),
        ),
    ],
    also_right=[LoopingLayer, EinsumLayer],
    axes="batch query d_model",
    hints=(
        "Check the pieces first: do `05.split-heads` and `05.merge-heads` say right? Then the "
        "names and shapes in `state_dict()`, then the shape after each line of forward.",
        "The text has six rules: how wide the layers are, what a missing key and a missing value "
        "are, where the mask goes, what is dropped and when, and what comes back.",
        "Fill in what is missing, project each of the three, split each, attend, drop weights, mix "
        "the values, merge, project once more.",
    ),
    allows=Edges(
        axes=(2, 3, 4),
        sizes=(1,),
        special=("full row",),
        labels=(
            "key only",
            "other values, no key",
            "as many keys as queries",
            "with weights",
            "a mask for each head",
            "one head",
            "wider than",
            "narrower than",
            "without bias",
            "in training",
            "not in training",
        ),
    ),
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


def odd_counts(d_model, num_heads, n, *, layers, how):
    """Counts that come near."""
    stored, products, weights = wrong_counts(d_model, num_heads, n, layers=layers)
    square, each = d_model * d_model, layers * n * n
    once = 4 * (n - 1) * square
    return {
        "words": lambda: (stored, products - layers * once, weights),
        "biases": lambda: (stored, products + layers * 4 * n * d_model, weights),
        "one bias": lambda: (stored - layers * 3 * d_model, products, weights),
        "numbers": lambda: (stored, products, layers * n * d_model),
        "wide numbers": lambda: (stored, products, layers * num_heads * n * d_model),
        "width": lambda: (stored, products, each * d_model),
        "matrices": lambda: (stored, products, layers * 4 * square),
        "softmax": lambda: (stored, products + weights, weights),
        "floats": lambda: (float(stored), float(products), float(weights)),
        "order": lambda: (products, stored, weights),
        "one layer": lambda: (stored, products // layers, weights // layers),
        "pairs": lambda: (stored, layers * (4 * n * square + 2 * n * square), weights),
        "three biases": lambda: (stored - layers * d_model, products, weights),
    }[how]()


def counted_by_head(d_model, num_heads, n, *, layers):
    width = d_model // num_heads
    stored = num_heads * 3 * (d_model + 1) * width + (d_model + 1) * d_model
    products = num_heads * (3 * n * d_model * width + 2 * n * n * width) + n * d_model * d_model
    return [layers * x for x in (stored, products, num_heads * n**2)]


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
        Mistake(
            "projections-of-one-word",
            odd_counts,
            {"how": "words"},
            says="the projections are counted for a single word",
            hints=(
                "Write down the two shapes of each matrix product, then multiply their three "
                "numbers.",
                "A projection takes n words of d_model numbers each.",
                "Four projections take n · d_model · d_model each, scores and mixing n · n · "
                "d_model each.",
            ),
        ),
        Mistake(
            "biases-multiplied",
            odd_counts,
            {"how": "biases"},
            says="the biases are counted among the multiplications; they are added",
            hints=(
                "Write down the two shapes of each matrix product, then multiply their three "
                "numbers.",
                "A projection takes n words of d_model numbers each.",
                "Four projections take n · d_model · d_model each, scores and mixing n · n · "
                "d_model each.",
            ),
        ),
        Mistake(
            "one-bias-only",
            odd_counts,
            {"how": "one bias"},
            says="only one of the four layers' biases is counted",
            hints=(
                "Print the shapes of a layer's parameters and add them up.",
                "Each nn.Linear has a bias of its own.",
                "Four matrices, and four vectors of d_model.",
            ),
        ),
        Mistake(
            "no-pairs-at-all",
            wrong_counts,
            {"pairs": 0},
            says="your multiplications are those of the projections; scores and mixing are missing",
            hints=(
                "Which matrix products does attention make between projecting in and out?",
                "The scores are a product, and so is mixing the values.",
                "Each of the two takes n · n · d_model, over all heads together.",
            ),
        ),
        Mistake(
            "weights-as-wide-as-d-model",
            odd_counts,
            {"how": "wide numbers"},
            says="your third number has d_model for each word and head; a weight belongs to a pair "
            "of words",
            hints=(
                "What is the shape of one head's weights?",
                "Each word looks at each word.",
                "n · n for each head.",
            ),
        ),
        Mistake(
            "matrices-for-weights",
            odd_counts,
            {"how": "matrices"},
            says="your third number counts the four matrices: they are among the parameters, and "
            "the attention weights are what softmax gives",
            hints=(
                "Does your third number change with n? Should it?",
                "One head has an attention weight for each pair of words.",
                "A table of n by n, for how many heads?",
            ),
        ),
        Mistake(
            "numbers-of-the-output",
            odd_counts,
            {"how": "numbers"},
            says="you count the numbers of the words, n · d_model, instead of the weights",
            hints=(
                "What is the shape of the weights?",
                "Each head has one number for each pair of words.",
                "num_heads tables of n by n.",
            ),
        ),
        Mistake(
            "weights-over-the-width",
            odd_counts,
            {"how": "width"},
            says="you count n · n · d_model weights: a pair of words has one weight in each head, "
            "not one for each number",
            hints=(
                "What is the shape of the weights?",
                "Each head has one number for each pair of words.",
                "num_heads tables of n by n.",
            ),
        ),
        Mistake(
            "softmax-counted",
            odd_counts,
            {"how": "softmax"},
            says="scaling or softmax is counted among the multiplications",
            hints=(
                "Write down the two shapes of each matrix product, then multiply their three "
                "numbers.",
                "A projection takes n words of d_model numbers each.",
                "Four projections take n · d_model · d_model each, scores and mixing n · n · "
                "d_model each.",
            ),
        ),
        Mistake(
            "width-for-words",
            odd_counts,
            {"how": "pairs"},
            says="scores and mixing are counted like projections, with d_model · d_model; they go "
            "over pairs of words",
            hints=(
                "Write down the two shapes of each matrix product, then multiply their three "
                "numbers.",
                "A projection takes n words of d_model numbers each.",
                "Four projections take n · d_model · d_model each, scores and mixing n · n · "
                "d_model each.",
            ),
        ),
        Mistake(
            "floats",
            odd_counts,
            {"how": "floats"},
            says="your counts are floats; asked for are whole numbers",
            hints=(
                "Print the type of each of your numbers.",
                "`/` always gives a float, and so does 4.0.",
                "`//` divides whole numbers into a whole number.",
            ),
        ),
        Mistake(
            "order",
            odd_counts,
            {"how": "order"},
            says="parameters and multiplications stand in the wrong order",
            hints=(
                "Read again what comes first.",
                "Parameters, multiplications, weights.",
                "Exchange the first two.",
            ),
        ),
        Mistake(
            "three-biases",
            odd_counts,
            {"how": "three biases"},
            says="one of the four layers' biases is not counted",
            hints=(
                "Count the numbers of one `nn.Linear`, then of all four.",
                "to_out has a bias, too.",
                "Each of the four holds d_model² weights and d_model biases.",
            ),
        ),
    ],
    also_right=[counted_by_head, counted_by_hand],
    choices={"layers": (1, 6, 12, 24)},
    any_sequence=True,
    hints=(
        "Count a layer small enough for paper: d_model = 4, two heads, three words.",
        "Each of the three questions says what to count and what not; the third number is about a "
        "tensor whose shape you know.",
        "Write the shapes of all six products under each other: four projections, the scores, the "
        "mixing; over all heads, num_heads · d_head is d_model.",
    ),
    allows=Edges(sizes=(1, 2, 3, 5, 7), labels=("one head", "one word")),
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
        tried("a batch of two heads", (3, 2, 5, 4), 0.5, grad=True),
        tried("three quarters are dropped", (5, 3), 0.75),
        tried("a batch without heads", (2, 3, 5), 0.25),
        in_front(tried("groups of heads", (3, 5), 0.5), 2, 1, 3),
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


def odd_dropout(query, key, value, keep, p, how):
    """Other cures that harm."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = scores.softmax(dim=-1)
    survivors = weights * keep / (1 - p)
    output = survivors @ value
    masked = scores.masked_fill(~keep, -math.inf).softmax(dim=-1)
    if how == "same tensor":
        survivors = weights
        survivors *= keep / (1 - p)
        return survivors @ value, weights
    return {
        "renormalised": lambda: (output, survivors / survivors.sum(dim=-1, keepdim=True)),
        "shrunk": lambda: ((weights * keep * (1 - p)) @ value, weights),
        "masked": lambda: ((masked / (1 - p)) @ value, weights),
        "a mask for both": lambda: (masked @ value, masked),
        "a mask for both, divided": lambda: (masked @ value / (1 - p), masked),
        "scores times": lambda: ((scores * keep / (1 - p)).softmax(dim=-1) @ value, weights),
        "only scaled": lambda: (weights @ value / (1 - p), weights),
        "exchanged": lambda: (weights, output),
        "output": lambda: output,
        "scores": lambda: (output, scores),
        "detached picture": lambda: (output, weights.detach()),
        "detached": lambda: (output.detach(), weights.detach()),
    }[how]()


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
            {"rescale": lambda p: 1 / p if p else math.inf},
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
        Mistake(
            "picture-divided",
            odd_dropout,
            {"how": "renormalised"},
            says="the weights that you return are those after dropout, made to sum to 1 again; "
            "asked for are those before it",
            hints=(
                "Does your picture change with `keep`?",
                "Dividing by the sum hides the dropout in the rows' sums, not in the rows.",
                "Return the weights as softmax made them.",
            ),
        ),
        Mistake(
            "shrunk",
            odd_dropout,
            {"how": "shrunk"},
            says="the surviving weights are multiplied by 1 - p, not divided",
            hints=(
                "With half of the weights gone, should the others grow or shrink?",
                "The text: the others are divided by 1 - p.",
                "Divide, as the old third line did.",
            ),
        ),
        Mistake(
            "mask-for-both",
            odd_dropout,
            {"how": "a mask for both"},
            says="dropout is gone from both results: weights that are 0 where `keep` is False, "
            "and share out what was lost, are a mask",
            hints=(
                "Do the weights that mix the values sum to 1? With dropout they don't.",
                "The output was right as it stood: weights times `keep`, divided by 1 - p.",
                "Leave that, under a name of its own, and return the weights of softmax.",
            ),
        ),
        Mistake(
            "mask-for-both-and-divided",
            odd_dropout,
            {"how": "a mask for both, divided"},
            says="`keep` hides scores before the softmax, so that the rest shares out what was "
            "lost; the output is divided by 1 - p all the same, and a row of nothing is nan",
            hints=(
                "Do the weights that mix the values sum to 1? With dropout they don't.",
                "Dropout falls after the softmax, and divides by 1 - p whatever fell out.",
                "Multiply the weights, not the scores, by `keep`; return the weights of softmax.",
            ),
        ),
        Mistake(
            "scores-times-keep",
            odd_dropout,
            {"how": "scores times"},
            says="you drop scores instead of weights: a score of 0 is an ordinary score, and its "
            "key still weighs",
            hints=(
                "Are the weights that mix the values 0 where `keep` is False?",
                "e to the 0 is 1.",
                "Multiply the weights, after the softmax, by `keep`, and divide by 1 - p.",
            ),
        ),
        Mistake(
            "masked-and-scaled",
            odd_dropout,
            {"how": "masked"},
            says="you hide the scores and divide by 1 - p as well: what was lost is made up for "
            "twice",
            hints=(
                "Compare what you return with what the broken version returns: which of the two "
                "should have changed?",
                "Only the returned weights were wrong. The output was right.",
                "Keep the old lines for the output, and give the weights before dropout a name of "
                "their own.",
            ),
        ),
        Mistake(
            "scaled-only",
            odd_dropout,
            {"how": "only scaled"},
            says="the output is divided by 1 - p, and no weight was dropped",
            hints=(
                "Does your output depend on `keep`?",
                "Dropout has two parts: what falls out, and what makes up for it.",
                "Multiply the weights by `keep` before they mix the values.",
            ),
        ),
        Mistake(
            "exchanged",
            odd_dropout,
            {"how": "exchanged"},
            says="output and weights come back in the wrong order",
            hints=(
                "Read again what comes first.",
                "The output first, then the weights.",
                "Exchange the two that you return.",
            ),
        ),
        Mistake(
            "output-only",
            odd_dropout,
            {"how": "output"},
            says="you return the output alone; the weights for the picture are missing",
            hints=(
                "The text asks for two things. Which is the second?",
                "The picture needs the weights as they were before dropout.",
                "Return both, the output first.",
            ),
        ),
        Mistake(
            "scores-drawn",
            odd_dropout,
            {"how": "scores"},
            says="you return the scores for the picture: what softmax made of them is asked for",
            hints=(
                "Sum the rows of what you return as weights.",
                "Before dropout means: after softmax.",
                "Give the weights a name before `keep` comes in, and return that.",
            ),
        ),
        Mistake(
            "same-tensor",
            odd_dropout,
            {"how": "same tensor"},
            says="your two names hold the same tensor: what dropout writes into one is in the "
            "other",
            hints=(
                "Is there `*=` or `x[…] =` in your code? What else has the name of that tensor?",
                "`a = b` makes no copy.",
                "Write `a = b * …`, which makes a new tensor.",
            ),
        ),
        Mistake(
            "picture-without-gradient",
            odd_dropout,
            {"how": "detached picture"},
            says="the values are right, but no gradient goes back through the weights that you "
            "return",
            hints=(
                "Call backward on the weights that come back.",
                "The text: gradients flow back through both.",
                "Return the weights as they are; whoever draws them can detach them.",
            ),
        ),
        Mistake(
            "no-gradient",
            odd_dropout,
            {"how": "detached"},
            says="your values are right, and no gradient goes back to the inputs",
            hints=(
                "Call `sum().backward()` on your result. Does anything reach the input?",
                "Which part of your code leaves the graph: detach, no_grad, item, numbers made "
                "anew?",
                "Use views, transposes and products of the input itself.",
            ),
        ),
    ],
    also_right=[fused_dropout, einsum_dropout],
    any_sequence=True,
    hints=(
        "Take p = 0.5 and a `keep` by hand, and print the weights before and after the third line.",
        "The text says which part is right and must stay, and what is to be returned beside it.",
        "Two things need two names: the weights as softmax made them, and what survives of them.",
    ),
    allows=Edges(
        axes=(2, 3, 4, 5),
        special=("empty row", "full row"),
        labels=("none is dropped", "all are dropped"),
    ),
)


# --- 05.previous-token ----------------------------------------------------------------------


def previous_cases(generator, back):
    def tried(label, batch, heads, lengths, seq, *, left=False):
        weights = (2 * normal(generator, batch, heads, seq, seq)).softmax(dim=-1)
        places = torch.arange(seq).expand(batch, seq)
        lengths = torch.tensor(lengths)[:, None]
        return case(label, weights, places >= seq - lengths if left else places < lengths)

    sharp = torch.eye(5).roll(back, dims=0).expand(1, 3, 5, 5).clone()
    sharp[0, 1], sharp[0, 2] = 0.2, torch.eye(5)
    wide = (2 * normal(generator, 2, 3, 7, 7)).softmax(dim=-1)
    middle = torch.tensor([[False] + [True] * 5 + [False], [False] * 2 + [True] * 5])
    return [
        tried("no padding", 2, 3, [5, 5], 5),
        tried("padded on the right", 3, 2, [7, 4, 3], 7),
        tried("padded on the left", 2, 5, [3, 7], 7, left=True),
        tried("just long enough", 1, 3, [back + 1], back + 1),
        case("perfect, even, and never there", sharp, torch.ones(1, 5, dtype=torch.bool)),
        case("padded on both sides", wide, middle),
        tried("a sentence too short to count", 3, 2, [7, 1, back], 7),
        tried("a sentence of padding only", 2, 2, [0, 5], 5, left=True),
        tried("one head", 2, 1, [5, 4], 5),
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


def odd_previous(weights, real, *, back, how):
    """Other averages, and other shapes."""
    found = weights.diagonal(offset=-back, dim1=-2, dim2=-1)
    here, before = real[:, back:], real[:, :-back]
    counts = here & before
    kept = found * counts[:, None]
    total = kept.sum(dim=(0, 2))
    seq = torch.arange(real.shape[1])
    if how == "wrap":
        found, counts = weights[..., seq, seq - back], real & real.roll(back, dims=1)
        return (found * counts[:, None]).sum(dim=(0, 2)) / counts.sum()
    if how == "lengths":
        counts = (seq[back:] < real.sum(dim=1, keepdim=True)).expand(counts.shape)
        return (found * counts[:, None]).sum(dim=(0, 2)) / counts.sum()
    either, neither = here | before, ~here & ~before
    sentences = counts.sum(dim=1)[:, None]
    return {
        "places": lambda: total / real.numel(),
        "mean": lambda: kept.mean(dim=(0, 2)),
        "heads": lambda: kept.sum(dim=(1, 2)) / counts.sum(),
        "table": lambda: kept.sum(dim=2) / sentences,
        "guarded": lambda: (kept.sum(dim=2) / sentences.clamp(min=1)).mean(dim=0),
        "one": lambda: total.sum() / counts.sum(),
        "mean of heads": lambda: total.mean() / counts.sum(),
        "either": lambda: (found * either[:, None]).sum(dim=(0, 2)) / either.sum(),
        "first": lambda: kept[0].sum(dim=-1) / counts[0].sum(),
        "nonzero": lambda: total / (kept != 0).sum(dim=(0, 2)),
        "list": (total / counts.sum()).tolist,
        "padding": lambda: (found * neither[:, None]).sum(dim=(0, 2)) / neither.sum(),
        "whole": lambda: total / (real.sum() - back * len(real)),
        "lookers": lambda: total / here.sum(),
        "looked at": lambda: total / before.sum(),
    }[how]()


def selected_previous(weights, real, *, back):
    found = weights.diagonal(offset=-back, dim1=-2, dim2=-1).movedim(1, -1)
    return found[real[:, back:] & real[:, :-back]].mean(dim=0)


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
        Mistake(
            "divided-by-all-places",
            odd_previous,
            {"how": "places"},
            says="you divide by all places of the batch, padding and first words included",
            hints=(
                "A perfect head should score exactly 1, whatever the padding. Does it, with yours?",
                "A position counts when it is real, has a position that far back, and that one is "
                "real too.",
                "Divide by the number of positions that you added up.",
            ),
        ),
        Mistake(
            "averaged-with-zeros",
            odd_previous,
            {"how": "mean"},
            says="you average over all places that have one that far back: those that don't count "
            "are in as zeros",
            hints=(
                "A perfect head should score exactly 1, whatever the padding. Does it, with yours?",
                "A position counts when it is real, has a position that far back, and that one is "
                "real too.",
                "Divide by the number of positions that you added up.",
            ),
        ),
        Mistake(
            "zeros-left-out",
            odd_previous,
            {"how": "nonzero"},
            says="you divide by the number of weights that are not 0: a head that never looks "
            "there is lost",
            hints=(
                "What does your function say of a head that looks only at itself?",
                "A weight of 0 at a position that counts is a number like any other.",
                "Count with `real`, not with the weights.",
            ),
        ),
        Mistake(
            "lengths-minus-back",
            odd_previous,
            {"how": "whole"},
            says="you subtract as many words from every sentence, also from one that is too short",
            hints=(
                "Take a sentence shorter than the way back. How many positions of it count?",
                "A sentence can't have fewer than no positions.",
                "Count the positions that you added up, with `real`.",
            ),
        ),
        Mistake(
            "from-the-left",
            odd_previous,
            {"how": "lengths"},
            says="you count the real words and take as many positions from the left: wrong for "
            "padding on the left",
            hints=(
                "Try a sentence that is padded on the left.",
                "`real` says where the words stand, not only how many there are.",
                "Combine `real` with itself, moved by as many places as you look back.",
            ),
        ),
        Mistake(
            "either-is-enough",
            odd_previous,
            {"how": "either"},
            says="a position counts in your average when one of the two is real",
            hints=(
                "A perfect head should score exactly 1, whatever the padding. Does it, with yours?",
                "A position counts when it is real, has a position that far back, and that one is "
                "real too.",
                "Divide by the number of positions that you added up.",
            ),
        ),
        Mistake(
            "padding-only",
            odd_previous,
            {"how": "padding"},
            says="you average over the padding instead of the words",
            hints=(
                "A perfect head should score exactly 1, whatever the padding. Does it, with yours?",
                "A position counts when it is real, has a position that far back, and that one is "
                "real too.",
                "Divide by the number of positions that you added up.",
            ),
        ),
        Mistake(
            "wraps-around",
            odd_previous,
            {"how": "wrap"},
            says="your first words look back to the end of the sentence: an index below 0 counts "
            "from the end",
            hints=(
                "What is the position before position 0, in your code?",
                "`roll` and negative indices go round; a sentence doesn't.",
                "Leave the first positions out, as many as you look back.",
            ),
        ),
        Mistake(
            "over-the-heads",
            odd_previous,
            {"how": "heads"},
            says="you average over heads and positions: one number for each sentence",
            hints=(
                "Print the shape of your result.",
                "The text asks for (heads,): one number for each head.",
                "Sum over batch and positions, and over nothing else.",
            ),
        ),
        Mistake(
            "one-for-each-sentence",
            odd_previous,
            {"how": "table"},
            says="your result is (batch, heads): the sentences are not averaged",
            hints=(
                "Print the shape of your result.",
                "The text asks for (heads,): one number for each head.",
                "Sum over batch and positions, and over nothing else.",
            ),
        ),
        Mistake(
            "one-number",
            odd_previous,
            {"how": "one"},
            says="you add up over the heads, too: one number for all",
            hints=(
                "Print the shape of your result.",
                "The text asks for (heads,): one number for each head.",
                "Sum over batch and positions, and over nothing else.",
            ),
        ),
        Mistake(
            "one-mean",
            odd_previous,
            {"how": "mean of heads"},
            says="you average over the heads, too: one number for all",
            hints=(
                "Print the shape of your result.",
                "The text asks for (heads,): one number for each head.",
                "Sum over batch and positions, and over nothing else.",
            ),
        ),
        Mistake(
            "first-sentence-only",
            odd_previous,
            {"how": "first"},
            says="you look at the first sentence only",
            hints=(
                "Print the shape of your result.",
                "The text asks for (heads,): one number for each head.",
                "Sum over batch and positions, and over nothing else.",
            ),
        ),
        Mistake(
            "a-list",
            odd_previous,
            {"how": "list"},
            says="you return a list of numbers; asked for is a tensor",
            hints=(
                "Print the shape of your result.",
                "The text asks for (heads,): one number for each head.",
                "Sum over batch and positions, and over nothing else.",
            ),
        ),
        Mistake(
            "sentences-weigh-the-same-guarded",
            odd_previous,
            {"how": "guarded"},
            says="you average within each sentence first, so that a word of a short sentence "
            "counts for more, and one too short counts as 0",
            hints=(
                "Take sentences of two and of ten words. How much does each word count?",
                "The text asks for one average over all positions of all sentences.",
                "Add up over batch and positions together, then divide once.",
            ),
        ),
        Mistake(
            "divided-by-those-who-look",
            odd_previous,
            {"how": "lookers"},
            says="you divide by the positions that look, also by those whose earlier position "
            "is padding",
            hints=(
                "Take a sentence that is padded on the left. Which of its words count?",
                "Both ends of a pair have to be real, in the sum and in the number.",
                "Sum and count with the same mask.",
            ),
        ),
        Mistake(
            "divided-by-those-looked-at",
            odd_previous,
            {"how": "looked at"},
            says="you divide by the positions that are looked at, also by those at which only "
            "padding looks",
            hints=(
                "Take a sentence that is padded on the right. Which of its words count?",
                "Both ends of a pair have to be real, in the sum and in the number.",
                "Sum and count with the same mask.",
            ),
        ),
    ],
    also_right=[selected_previous, looped_previous, masked_previous],
    choices={"back": (1, 2, 3)},
    axes="heads",
    hints=(
        "Make a head by hand that puts all of its weight on the right place. It should score "
        "exactly 1, with padding on either side.",
        "The text has three conditions for a position that counts, and says over what to average "
        "at once.",
        "Take the diagonal that lies that far below the main one, and a table of the positions "
        "that count: multiply, add up, divide.",
    ),
    allows=Edges(
        sizes=(1,),
        special=("empty row", "full row"),
        labels=("on the right", "on the left", "both sides", "too short", "just long enough"),
    ),
)


# --- 05.ablate ------------------------------------------------------------------------------


def ablate_cases(generator):
    return [
        case("head 1 of 3", normal(generator, 4, 3, 5, 7), [1]),
        case("the last head", normal(generator, 4, 3, 5, 2), [2], grad=True),
        case("a single head", normal(generator, 1, 1, 3, 5), [0]),
        case("no head of one", normal(generator, 2, 1, 3, 5), []),
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
    over = {"mean": (2,), "mean of all": (0, 2)}  # words, sentences and words
    quiet = heads.mean(dim=over[fill], keepdim=True) if fill in over else torch.zeros(())
    left = heads * loud + quiet * (1 - loud)
    if grow:
        left = left * heads.shape[1] / (heads.shape[1] - len(removed))
    return merge(left)


def in_place_ablation(heads, removed):
    for h in removed:
        heads[:, h] = 0
    return named_merge(heads)


def quiet_in_place_ablation(heads, removed):
    with torch.no_grad():
        in_place_ablation(heads, removed)
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


def odd_ablation(heads, removed, how):
    """Other fillings, other places, other shapes."""
    silent = torch.tensor([h in removed for h in range(heads.shape[1])])[:, None, None]
    quiet = heads.masked_fill(silent, 0.0)
    right, width = quiet.transpose(1, 2).flatten(2), heads.shape[-1]
    merged = heads.transpose(1, 2).flatten(2)
    return {
        "mean": lambda: torch.where(silent, heads.mean(), heads).transpose(1, 2).flatten(2),
        "others": lambda: (
            torch.where(silent, heads.mean(1, keepdim=True), heads).transpose(1, 2).flatten(2)
        ),
        "one-based": lambda: odd_ablation(heads, [(h - 1) % heads.shape[1] for h in removed], ""),
        "unmerged": lambda: quiet,
        "untouched": lambda: right if removed else heads,
        "one turn": lambda: odd_ablation(heads, removed[:1], "") if removed else None,
        "infinite": lambda: heads.masked_fill(silent, -torch.inf).transpose(1, 2).flatten(2),
        "interleaved": lambda: merged.masked_fill(silent[:, 0, 0].repeat(width), 0.0),
        "at the end": lambda: F.pad(
            cut_out_ablation(heads, removed), (0, width * int(silent.sum()))
        ),
        "detached": right.detach,
        "anew": lambda: odd_ablation(heads, removed[-1:], ""),
        "first": lambda: odd_ablation(heads, [removed[0]], ""),
    }.get(how, lambda: right)()


def copying_ablation(heads, removed):
    """A copy in each turn, so that there is none for an empty list."""
    for h in removed:
        left = heads.clone()
        left[:, h] = 0
    return named_merge(left)


def indexed_ablation(heads, removed):
    """Stops for an empty list, of which a float tensor is made."""
    loud = torch.ones(heads.shape[1])
    loud[torch.tensor(removed)] = 0
    return named_merge(heads * loud[:, None, None])


def stacking_ablation(heads, removed):
    blocks = [h * (i not in removed) for i, h in enumerate(heads.unbind(1))]
    return torch.stack(blocks, dim=2).flatten(2)


ABLATE = Exercise(
    id="05.ablate",
    title="Merge without some heads",
    kind="code",
    points=2,
    name="merge_without",
    cases=ablate_cases,
    exact_zeros=True,
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
            "replaced-by-common-average",
            wrong_ablation,
            {"fill": "mean of all"},
            says="a removed head still contributes its average over all sentences and words",
            hints=(
                "Look at the block of a removed head in your output.",
                "The page tries that too (5.7), but here the block shall be 0.",
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
        Mistake(
            "overall-average",
            odd_ablation,
            {"how": "mean"},
            says="a removed head contributes the average of everything",
            hints=(
                "Look at the block of a removed head in your output.",
                "The text: the removed heads contribute zeros.",
                "Silence is zeros, not an average.",
            ),
        ),
        Mistake(
            "only-the-last",
            odd_ablation,
            {"how": "anew"},
            says="only the last head of the list is removed: each turn begins with a new copy",
            hints=(
                "Remove two heads. Which of them is silent at the end?",
                "Each turn of your loop starts from `heads` as they came.",
                "Make the copy once, in front of the loop.",
            ),
        ),
        Mistake(
            "copied-in-the-loop",
            copying_ablation,
            {},
            says="the copy is made inside the loop: only the last head is removed, and for an "
            "empty list there is no copy at all",
            hints=(
                "Remove two heads. Which of them is silent at the end?",
                "Each turn of your loop starts from `heads` as they came.",
                "Make the copy once, in front of the loop.",
            ),
        ),
        Mistake(
            "first-of-none",
            odd_ablation,
            {"how": "first"},
            says="only the first head of the list is removed, and an empty list has no first",
            hints=(
                "Try `removed` with two heads in it, then with none.",
                "`removed` is a list: its numbers can stand in an index all together.",
                "Every head whose number is in the list becomes silent.",
            ),
        ),
        Mistake(
            "one-turn-only",
            odd_ablation,
            {"how": "one turn"},
            says="your loop returns in its first turn: one head is silenced, and for an empty list "
            "nothing is returned",
            hints=(
                "Remove two heads, then none.",
                "`return` ends the function, also in the middle of a loop.",
                "Merge and return behind the loop.",
            ),
        ),
        Mistake(
            "minus-infinity",
            odd_ablation,
            {"how": "infinite"},
            says="the removed heads contribute minus infinity; that silences scores before a "
            "softmax, and there is none here",
            hints=(
                "Print what you return, with one head removed.",
                "What comes next is a product with the output matrix.",
                "Silence is 0 here.",
            ),
        ),
        Mistake(
            "average-of-the-heads",
            odd_ablation,
            {"how": "others"},
            says="a removed head contributes the average of all heads",
            hints=(
                "Look at the block of a removed head in your output.",
                "The text: the removed heads contribute zeros.",
                "Silence is zeros, not an average.",
            ),
        ),
        Mistake(
            "counted-from-1",
            odd_ablation,
            {"how": "one-based"},
            says="your heads are counted from 1: each time the neighbour falls silent",
            hints=(
                "Remove head 0 and look at which block is 0.",
                "The numbers in `removed` count from 0, as all indices do.",
                "Use the numbers as they come.",
            ),
        ),
        Mistake(
            "not-merged",
            odd_ablation,
            {"how": "unmerged"},
            says="the heads are silenced, but not merged",
            hints=(
                "How many axes has your output?",
                "The text asks for (batch, seq, d_model).",
                "Send the heads through merge_heads at the end.",
            ),
        ),
        Mistake(
            "empty-list-not-merged",
            odd_ablation,
            {"how": "untouched"},
            says="for an empty list the heads come back as they were, unmerged",
            hints=(
                "Call your function with an empty list, and print the shape.",
                "An empty list removes nothing; the heads are merged all the same.",
                "No case of its own is needed for it.",
            ),
        ),
        Mistake(
            "every-other-number",
            odd_ablation,
            {"how": "interleaved"},
            says="in each word every num_heads-th number is silenced, not the block of a head",
            hints=(
                "Which numbers of a word are 0 in your output?",
                "Head h holds the numbers from h · d_head to (h + 1) · d_head.",
                "Silence the heads before you merge them.",
            ),
        ),
        Mistake(
            "zeros-at-the-end",
            odd_ablation,
            {"how": "at the end"},
            says="the removed heads are cut out, and zeros are put at the end: the heads behind "
            "them move to other places",
            hints=(
                "Which numbers of a word are 0 in your output?",
                "The output projection finds a head by its place.",
                "Put zeros where the removed head was.",
            ),
        ),
        Mistake(
            "no-gradient",
            odd_ablation,
            {"how": "detached"},
            says="your values are right, and no gradient goes back to the heads that stay",
            hints=(
                "Call `sum().backward()` on your result. Does anything reach the input?",
                "Which part of your code leaves the graph: detach, no_grad, item, numbers made "
                "anew?",
                "Use views, transposes and products of the input itself.",
            ),
        ),
        Mistake(
            "stops-on-an-empty-list",
            indexed_ablation,
            {},
            says="your function stops when the list is empty",
            hints=(
                "Call your function with an empty list.",
                "A tensor made from an empty list holds floats, and floats can't be indices.",
                "A list can be an index itself, or go through a loop.",
            ),
        ),
        Mistake(
            "in-place-unseen",
            quiet_in_place_ablation,
            {},
            says="the caller's own `heads` are overwritten, behind the back of the gradient",
            hints=(
                "Print `heads` before and after calling your function.",
                "`no_grad` and `.data` silence the error, but the caller's tensor is overwritten "
                "all the same.",
                "Work on a copy, or multiply by ones and zeros, which makes a new tensor.",
            ),
        ),
    ],
    also_right=[stacking_ablation, cloning_ablation, column_ablation],
    axes="batch seq d_model",
    hints=(
        "Put the number of the head into every place of `heads`, remove one, and look at one word.",
        "The text says what a removed head contributes, what an empty list means, and what has to "
        "stay as it was.",
        "One number for each head, 1 or 0, along the axis of heads; multiply, then merge.",
    ),
    allows=Edges(sizes=(0, 1, 2), labels=("no head", "every head", "a single head")),
)


EXERCISES = [SPLIT, SPLIT_TEST, MERGE, LAYER, COUNTS, PREVIOUS, ABLATE, DROPOUT]
