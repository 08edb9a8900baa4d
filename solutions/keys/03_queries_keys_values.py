"""Answer keys of chapter 03: cases, and the mistakes that learners write."""

import math
from functools import partial

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from course_lib.grader.judging.edges import around, in_dtype
from course_lib.grader.judging.key import Case, Edges, Exercise, Mistake, call, case

from .wrong_loops import WrongLoop, descend, loop_mistakes


def randn(generator: Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


def soft_rows(generator: Generator, *shape: int, sharp: float = 2.0) -> Tensor:
    return (sharp * randn(generator, *shape)).softmax(dim=-1)


def nothing(*args, **kwargs) -> None:
    return None


def nothing_returned(what: str) -> Mistake:
    """For a function that ends without `return`; `what` the text asks for."""
    return Mistake(
        "nothing-returned",
        nothing,
        {},
        "your function returns nothing: the result stays inside of it",
        (
            "Print what a call of your function gives.",
            f"The text asks you to return {what}. Which line hands it out?",
            "A value that is computed, or printed, in a function is lost without `return`.",
        ),
    )


# 03.project


def linear(generator: Generator, d_out: int, d_in: int) -> tuple[Tensor, Tensor]:
    return randn(generator, d_out, d_in), randn(generator, d_out)


def project_cases(generator: Generator) -> list[Case]:
    def one(
        label: str, batch: int, seq: int, d_model: int, d_head: int, d_value: int, **more
    ) -> Case:
        parts = [linear(generator, d_out, d_model) for d_out in (d_head, d_head, d_value)]
        return case(label, randn(generator, batch, seq, d_model), *parts, **more)

    return [
        one("as wide out as in", 2, 3, 5, 5, 5),
        one("as wide out as in, longer", 3, 4, 7, 7, 7),
        one("every size different", 2, 5, 7, 3, 11),
        one("one token", 1, 1, 4, 4, 4),
        one("all sizes equal", 5, 5, 5, 5, 5),
        one("one number for each", 2, 3, 5, 1, 1),
        one("gradients", 2, 3, 5, 2, 3, grad=True),
        in_dtype(one("tokens", 2, 3, 5, 2, 7), torch.float64),
    ]


def wrong_project(
    x: Tensor,
    to_q: tuple,
    to_k: tuple,
    to_v: tuple,
    *,
    transpose: bool = True,
    bias: bool = True,
    keys_from: str = "k",
    values_from: str = "v",
    order: str = "qkv",
    scale: bool = False,
) -> tuple[Tensor, ...]:
    parts = {"q": to_q, "k": to_k, "v": to_v}

    def apply(name: str) -> Tensor:
        weight, shift = parts[name]
        out = x @ (weight.T if transpose else weight)
        return out + shift if bias else out

    made = {"q": apply("q"), "k": apply(keys_from), "v": apply(values_from)}
    if scale:
        made["q"] = made["q"] / made["q"].shape[-1] ** 0.5
    return tuple(made[name] for name in order)


def one_bias(x, to_q, to_k, to_v):
    return tuple(x @ weight.T + to_q[1] for weight, _ in (to_q, to_k, to_v))


def weight_first(x, to_q, to_k, to_v):
    return tuple(weight @ x + bias for weight, bias in (to_q, to_k, to_v))


def reshaped(x, to_q, to_k, to_v):
    return tuple(x @ w.reshape(x.shape[-1], -1) + b for w, b in (to_q, to_k, to_v))


def turned_where_it_must(x, to_q, to_k, to_v):
    def apply(weight, bias):
        return x @ (weight if len(weight) == x.shape[-1] else weight.T) + bias

    return tuple(apply(*pair) for pair in (to_q, to_k, to_v))


def overwritten(x, to_q, to_k, to_v):
    q = F.linear(x, *to_q)
    k = F.linear(q, *to_k)
    return q, k, F.linear(k, *to_v)


def keys_from_queries(x, to_q, to_k, to_v):
    q = F.linear(x, *to_q)
    return q, F.linear(q, *to_k), F.linear(x, *to_v)


def stacked(x, to_q, to_k, to_v):
    return torch.stack([F.linear(x, *pair) for pair in (to_q, to_k, to_v)])


def side_by_side(x, to_q, to_k, to_v):
    return torch.cat([F.linear(x, *pair) for pair in (to_q, to_k, to_v)], dim=-1)


def weights_turned_in_place(x, to_q, to_k, to_v):
    return tuple(x @ weight.t_() + bias for weight, bias in (to_q, to_k, to_v))


def weights_cut_off(x, to_q, to_k, to_v):
    return tuple(F.linear(x, w.detach(), b.detach()) for w, b in (to_q, to_k, to_v))


def projected_and_cut(x, to_q, to_k, to_v):
    return tuple(F.linear(x, *pair).detach() for pair in (to_q, to_k, to_v))


def pair_not_unpacked(x, to_q, to_k, to_v):
    return tuple(x @ weight.T for weight in (to_q, to_k, to_v))


def pair_called(x, to_q, to_k, to_v):
    return to_q(x), to_k(x), to_v(x)


def pair_as_matrix(x, to_q, to_k, to_v):
    return tuple(x @ weight for weight in (to_q, to_k, to_v))


def keys_with_other_bias(x, to_q, to_k, to_v):
    return F.linear(x, *to_q), F.linear(x, to_k[0], to_q[1]), F.linear(x, *to_v)


def queries_alone_turned(x, to_q, to_k, to_v):
    return F.linear(x, *to_q), x @ to_k[0] + to_k[1], x @ to_v[0] + to_v[1]


def queries_only(x, to_q, to_k, to_v):
    return F.linear(x, *to_q)


def value_bias_missing(x, to_q, to_k, to_v):
    return F.linear(x, *to_q), F.linear(x, *to_k), F.linear(x, to_v[0])


def bias_turned(x, to_q, to_k, to_v):
    return tuple(x @ weight.T + bias[:, None] for weight, bias in (to_q, to_k, to_v))


def pair_for_a_weight(x, to_q, to_k, to_v):
    return F.linear(x, to_q), F.linear(x, to_k), F.linear(x, to_v)


def one_bias_missing(x, to_q, to_k, to_v, *, of):
    made = {"q": F.linear(x, *to_q), "k": F.linear(x, *to_k), "v": F.linear(x, *to_v)}
    made[of] = F.linear(x, {"q": to_q, "k": to_k}[of][0])
    return tuple(made.values())


def bias_taken_off(x, to_q, to_k, to_v):
    return tuple(x @ weight.T - bias for weight, bias in (to_q, to_k, to_v))


def keys_with_queries_weight(x, to_q, to_k, to_v):
    return F.linear(x, *to_q), F.linear(x, to_q[0], to_k[1]), F.linear(x, *to_v)


def values_with_keys_weight(x, to_q, to_k, to_v):
    return F.linear(x, *to_q), F.linear(x, *to_k), x @ to_k[0].T + to_v[1]


PROJECT_MISTAKES = [
    Mistake(
        "not-transposed",
        wrong_project,
        {"transpose": False},
        "you multiply by the weight as it is kept, without transposing it",
        (
            "Compare the shape of `weight` with the shape that the product needs.",
            "`nn.Linear` keeps one row for each *output* number: (d_out, d_model).",
            "For `x @ …` the first axis of the matrix must be d_model, so turn it round.",
        ),
    ),
    Mistake(
        "no-bias",
        wrong_project,
        {"bias": False},
        "the bias is never added",
        (
            "What would your function return for an `x` of zeros? What should it?",
            "Each pair has two parts, and you use one.",
            "Add the second part of the pair to the product; it broadcasts over batch and seq.",
        ),
    ),
    Mistake(
        "tied",
        wrong_project,
        {"keys_from": "q"},
        "queries and keys come from the same pair, so they are equal",
        (
            "Compare your first and your second result.",
            "A copied line keeps the name that it was copied with.",
            "The keys need the pair `to_k`.",
        ),
    ),
    Mistake(
        "values-are-keys",
        wrong_project,
        {"values_from": "k"},
        "the values are made with the keys' pair",
        (
            "Look at the third result, and at what it was made from.",
            "What a word is found by and what it gives are two different things.",
            "The values need the pair `to_v`.",
        ),
    ),
    Mistake(
        "keys-first",
        wrong_project,
        {"order": "kqv"},
        "you return the keys before the queries",
        (
            "All three are computed well; read the text again for what to hand back.",
            "The order in which you return them matters.",
            "Queries first, then keys, then values.",
        ),
    ),
    Mistake(
        "scaled-early",
        wrong_project,
        {"scale": True},
        "the queries are already divided by the root of d_head",
        (
            "Your first result is right up to a factor.",
            "Scaling belongs to the scores, and attention does it later.",
            "A projection is only a product and a bias: take the division out.",
        ),
    ),
    Mistake(
        "values-before-keys",
        wrong_project,
        {"order": "qvk"},
        "you return the values before the keys",
        (
            "All three are computed well; read the text again for what to hand back.",
            "The order in which you return them matters.",
            "Queries first, then keys, then values.",
        ),
    ),
    Mistake(
        "one-bias",
        one_bias,
        {},
        "the queries' bias is added to all three",
        (
            "Compare your keys with a product that has the keys' own bias.",
            "Each of the three pairs has a bias of its own.",
            "Take weight and bias from the same pair.",
        ),
    ),
    Mistake(
        "weight-first",
        weight_first,
        {},
        "the weight stands on the left of the product, so it meets the positions instead of "
        "d_model",
        (
            "Write the two shapes side by side.",
            "In a product `a @ b` the last axis of a meets the last but one of b.",
            "`x` comes first, and its last axis is d_model.",
        ),
    ),
    Mistake(
        "reshaped",
        reshaped,
        {},
        "`reshape` makes the right shape, but it does not transpose: the numbers are dealt out "
        "anew",
        (
            "Print a 2 by 3 matrix, reshaped to 3 by 2, beside its transpose.",
            "Reshaping keeps the order in which numbers are read, row by row.",
            "Use `.T` to exchange rows and columns.",
        ),
    ),
    Mistake(
        "turned-where-it-must",
        turned_where_it_must,
        {},
        "a square weight is left as it is, and it has to be turned as well",
        (
            "Right when the widths differ, wrong when they are equal.",
            "The shape can't tell you whether a square matrix is turned. The text can.",
            "`nn.Linear` always keeps (d_out, d_model): turn every weight.",
        ),
    ),
    Mistake(
        "overwritten",
        overwritten,
        {},
        "each projection is made from the one before: queries, then keys from queries, values "
        "from keys",
        (
            "Does your third result still read `x`?",
            "All three are different views of the same words.",
            "Keep `x` under its own name, and project it three times.",
        ),
    ),
    Mistake(
        "keys-from-queries",
        keys_from_queries,
        {},
        "the keys are made from the queries instead of from `x`",
        (
            "Look at what your second product reads.",
            "All three are different views of the same words.",
            "Project `x` itself with `to_k`.",
        ),
    ),
    Mistake(
        "stacked",
        stacked,
        {},
        "you return one stacked tensor; three are asked for",
        (
            "What if the values are wider than the keys?",
            "Tensors of different widths can't be stacked.",
            "Return the three side by side, with commas.",
        ),
    ),
    Mistake(
        "side-by-side",
        side_by_side,
        {},
        "you return one tensor with all three side by side; three tensors are asked for",
        (
            "Count what you return.",
            "Who calls wants to write `q, k, v = project(…)`.",
            "Return the three, with commas.",
        ),
    ),
    Mistake(
        "weights-edited",
        weights_turned_in_place,
        {},
        "your code turns the caller's weights in place",
        (
            "Print a weight before and after a call of your function.",
            "Writing into an argument changes the tensor that the caller still needs.",
            "Make a new tensor (`clone`, `where`, `.T`) and leave the old one as it was.",
        ),
    ),
    Mistake(
        "weights-cut-off",
        weights_cut_off,
        {},
        "the numbers are right, but no gradient flows back to weights and biases",
        (
            "Give a weight `requires_grad=True`, call your function, and call `backward()` on a "
            "sum.",
            "A new `nn.Linear` with copied numbers, or `.data`, is cut off from the weights you "
            "were given.",
            "Multiply with the very tensors that come in.",
        ),
    ),
    Mistake(
        "no-gradient",
        projected_and_cut,
        {},
        "the numbers are right, but no gradient flows back to anything",
        (
            "Give the inputs `requires_grad=True`, call your function, and call `backward()` on a "
            "sum.",
            "The numbers are right. But a model learns by what flows back through them.",
            "`detach`, `.data`, `.item()`, `no_grad` and NumPy cut the way back: do without them.",
        ),
    ),
    Mistake(
        "pair-not-unpacked",
        pair_not_unpacked,
        {},
        "a pair is used as if it were a matrix",
        (
            "Print `to_q`. How many things does it hold?",
            "`to_q` is a pair `(weight, bias)`, not a matrix.",
            "Take the pair apart: `weight, bias = to_q`.",
        ),
    ),
    Mistake(
        "pair-as-matrix",
        pair_as_matrix,
        {},
        "`x` is multiplied with a pair as if it were a matrix",
        (
            "Print `to_q`. How many things does it hold?",
            "`to_q` is a pair `(weight, bias)`, not a matrix.",
            "Take the pair apart: `weight, bias = to_q`.",
        ),
    ),
    Mistake(
        "pair-called",
        pair_called,
        {},
        "a pair is called as if it were a layer: only the layer's two tensors are here",
        (
            "Print `to_q`. What kind of thing is it?",
            "`to_q` is a pair `(weight, bias)`, not an `nn.Linear`.",
            "Take the pair apart, and do by hand what the layer does with the two.",
        ),
    ),
    Mistake(
        "queries-only",
        queries_only,
        {},
        "you return the queries alone",
        (
            "Count what you return.",
            "Three results are asked for.",
            "Return queries, keys and values, with commas.",
        ),
    ),
    Mistake(
        "value-bias-missing",
        value_bias_missing,
        {},
        "the values lack their bias",
        (
            "Your third result is off by the same numbers at every position.",
            "All three pairs have a bias.",
            "Treat the third pair like the first two.",
        ),
    ),
    nothing_returned("queries, keys and values"),
    Mistake(
        "values-first",
        wrong_project,
        {"order": "vkq"},
        "you return the values first and the queries last",
        (
            "All three are computed well; read the text again for what to hand back.",
            "The order in which you return them matters.",
            "Queries first, then keys, then values.",
        ),
    ),
    Mistake(
        "keys-with-queries-bias",
        keys_with_other_bias,
        {},
        "the keys get the queries' bias",
        (
            "Your second result is off by the same numbers at every position.",
            "A copied line keeps the name that it was copied with.",
            "Take weight and bias from the same pair.",
        ),
    ),
    Mistake(
        "queries-alone-turned",
        queries_alone_turned,
        {},
        "only the queries' weight is transposed",
        (
            "Your first result is right. What did you do to its weight?",
            "All three weights are kept as (d_out, d_model).",
            "Turn the other two as well.",
        ),
    ),
    Mistake(
        "bias-along-the-words",
        bias_turned,
        {},
        "the bias is given an axis behind it: it runs along the words, where it "
        "should run along each vector",
        (
            "Print the shapes of the product and of the bias.",
            "Shapes are lined up from the right: (d_out,) fits the last axis as it is.",
            "Add the bias as it comes.",
        ),
    ),
    Mistake(
        "pair-for-a-weight",
        pair_for_a_weight,
        {},
        "`F.linear` is handed the pair; it wants its two tensors one by one",
        (
            "What does `type(to_q)` say?",
            "Its second argument is a weight, its third a bias.",
            "Take the pair apart, by name or with a star.",
        ),
    ),
    Mistake(
        "query-bias-missing",
        one_bias_missing,
        {"of": "q"},
        "the queries lack their bias",
        (
            "Your first result is off by the same numbers at every position.",
            "All three pairs have a bias.",
            "Treat the first pair like the other two.",
        ),
    ),
    Mistake(
        "key-bias-missing",
        one_bias_missing,
        {"of": "k"},
        "the keys lack their bias",
        (
            "Your second result is off by the same numbers at every position.",
            "All three pairs have a bias.",
            "Treat the second pair like the other two.",
        ),
    ),
    Mistake(
        "bias-taken-off",
        bias_taken_off,
        {},
        "the bias is subtracted",
        (
            "What would your function return for an `x` of zeros? What should it?",
            "Your results are off by twice the bias.",
            "A layer adds its bias.",
        ),
    ),
    Mistake(
        "keys-with-queries-weight",
        keys_with_queries_weight,
        {},
        "the keys are made with the queries' weight",
        (
            "Take your first result from your second. What is left?",
            "A copied line keeps the name that it was copied with.",
            "Take weight and bias from the same pair.",
        ),
    ),
    Mistake(
        "values-with-keys-weight",
        values_with_keys_weight,
        {},
        "the values are made with the keys' weight",
        (
            "Take your second result from your third. What is left?",
            "A copied line keeps the name that it was copied with.",
            "Take weight and bias from the same pair.",
        ),
    ),
]


def project_with_linear(x, to_q, to_k, to_v):
    return F.linear(x, *to_q), F.linear(x, *to_k), F.linear(x, *to_v)


def project_with_einsum(x, to_q, to_k, to_v):
    def apply(pair):
        return torch.einsum("bsi,oi->bso", x, pair[0]) + pair[1]

    return [apply(to_q), apply(to_k), apply(to_v)]


def project_fused(x, to_q, to_k, to_v):
    weight = torch.cat([to_q[0], to_k[0], to_v[0]])
    bias = torch.cat([to_q[1], to_k[1], to_v[1]])
    return torch.split(x @ weight.T + bias, [len(pair[1]) for pair in (to_q, to_k, to_v)], dim=-1)


def project_with_loops(x, to_q, to_k, to_v):
    def apply(weight, bias):
        columns = [(x * row).sum(dim=-1) + b for row, b in zip(weight, bias, strict=True)]
        return torch.stack(columns, dim=-1)

    return apply(*to_q), apply(*to_k), apply(*to_v)


def project_functionally(x, to_q, to_k, to_v):
    def apply(pair):
        names = dict(zip(("weight", "bias"), pair, strict=True))
        return torch.func.functional_call(torch.nn.Linear(*pair[0].shape[::-1]), names, x)

    return tuple(map(apply, (to_q, to_k, to_v)))


# 03.cross-attention


def cross_cases(generator: Generator) -> list[Case]:
    def one(
        label: str,
        batch: int,
        n: int,
        m: int,
        d: int,
        c: int,
        head: int,
        value: int,
        by=1.0,
        **more,
    ):
        return case(
            label,
            by * randn(generator, batch, n, d),
            randn(generator, batch, m, c),
            randn(generator, d, head),
            randn(generator, c, head),
            randn(generator, c, value),
            **more,
        )

    return [
        one("two sequences of one length and width", 2, 4, 4, 5, 5, 3, 7),
        one("one length, one width, large scores", 1, 3, 3, 6, 6, 5, 6, by=40.0),
        one("every size different", 2, 3, 5, 7, 11, 13, 17),
        one("a single key", 2, 5, 1, 3, 7, 4, 6),
        one("all sizes equal", 4, 4, 4, 4, 4, 4, 4),
        one("a batch of one, a single query", 1, 1, 3, 2, 5, 7, 2),
        one("queries of one number", 2, 3, 5, 2, 7, 1, 1),
        one("gradients", 2, 3, 2, 5, 3, 2, 3, grad=True),
        in_dtype(one("two sequences", 2, 3, 5, 2, 7, 3, 2), torch.float64),
    ]


def wrong_cross(
    x: Tensor,
    context: Tensor,
    w_q: Tensor,
    w_k: Tensor,
    w_v: Tensor,
    *,
    swapped: bool = False,
    keys_from_x: bool = False,
    values_from_x: bool = False,
    scale: str = "d_head",
    axis: int = -1,
    weights_first: bool = False,
    scores_out: bool = False,
) -> tuple[Tensor, Tensor]:
    asking, answering = (context, x) if swapped else (x, context)
    q = asking @ w_q
    k = (asking if keys_from_x else answering) @ w_k
    v = (asking if values_from_x else answering) @ w_v
    width = {
        "d_head": q.shape[-1],
        "none": 1,
        "d_model": x.shape[-1],
        "square": q.shape[-1] ** 2,
        "d_value": v.shape[-1],
        "d_context": context.shape[-1],
        "keys": k.shape[1],
        "inverse": 1 / q.shape[-1],
    }
    scores = q @ k.transpose(-2, -1) / width[scale] ** 0.5
    weights = scores.softmax(dim=axis)
    output, second = weights @ v, scores if scores_out else weights
    return (second, output) if weights_first else (output, second)


def attend(q, k, v, share=lambda scores: scores.softmax(dim=-1)):
    weights = share(q @ k.mT / q.shape[-1] ** 0.5)
    return weights @ v, weights


def context_alone(x, context, w_q, w_k, w_v):
    return attend(context @ w_q, context @ w_k, context @ w_v)


def cross_output_only(x, context, w_q, w_k, w_v):
    return wrong_cross(x, context, w_q, w_k, w_v)[0]


def weights_turned(x, context, w_q, w_k, w_v):
    output, weights = wrong_cross(x, context, w_q, w_k, w_v)
    return output, weights.mT


def matrices_turned(x, context, w_q, w_k, w_v):
    return attend(x @ w_q.T, context @ w_k.T, context @ w_v.T)


def all_axes_reversed(x, context, w_q, w_k, w_v):
    keys = (context @ w_k).permute(2, 1, 0)
    weights = (x @ w_q @ keys / w_q.shape[1] ** 0.5).softmax(dim=-1)
    return weights @ (context @ w_v), weights


def key_not_turned(x, context, w_q, w_k, w_v):
    weights = ((x @ w_q) @ (context @ w_k) / w_q.shape[1] ** 0.5).softmax(dim=-1)
    return weights @ (context @ w_v), weights


def matrices_exchanged(x, context, w_q, w_k, w_v):
    return attend(x @ w_q, context @ w_v, context @ w_k)


def keys_mixed(x, context, w_q, w_k, w_v):
    return attend(x @ w_q, context @ w_k, context @ w_k)


def joined_sequences(x, context, w_q, w_k, w_v):
    both = torch.cat([x, context], dim=1)
    return attend(x @ w_q, both @ w_k, both @ w_v)


def adds_x(x, context, w_q, w_k, w_v):
    output, weights = wrong_cross(x, context, w_q, w_k, w_v)
    return x + output, weights


def unsafe_share(scores):
    return scores.exp() / scores.exp().sum(dim=-1, keepdim=True)


def swaps_batch(x, context, w_q, w_k, w_v):
    weights = ((x @ w_q) @ (context @ w_k).transpose(0, 1) / w_q.shape[1] ** 0.5).softmax(dim=-1)
    return weights @ (context @ w_v), weights


def cross_overflow(x, context, w_q, w_k, w_v):
    return attend(x @ w_q, context @ w_k, context @ w_v, unsafe_share)


def divides_late(x, context, w_q, w_k, w_v):
    weights = ((x @ w_q) @ (context @ w_k).mT).softmax(dim=-1) / w_q.shape[1] ** 0.5
    return weights @ (context @ w_v), weights


def unused_weights(x, context, w_q, w_k, w_v):
    _, weights = wrong_cross(x, context, w_q, w_k, w_v)
    return weights.detach() @ (context @ w_v), weights


def mixing_cut_off(x, context, w_q, w_k, w_v):
    _, weights = wrong_cross(x, context, w_q, w_k, w_v)
    weights = weights.detach()
    return weights @ (context @ w_v), weights


def weights_cut(x, context, w_q, w_k, w_v):
    output, weights = wrong_cross(x, context, w_q, w_k, w_v)
    return output, weights.detach()


def cross_without_gradient(x, context, w_q, w_k, w_v):
    return tuple(part.detach() for part in wrong_cross(x, context, w_q, w_k, w_v))


def raw_context(x, context, w_q, w_k, w_v):
    q = x @ w_q
    weights = (q @ (context @ w_k).mT / q.shape[-1] ** 0.5).softmax(dim=-1)
    return weights @ context, weights


def future_hidden(x, context, w_q, w_k, w_v):
    def share(scores):
        seen = torch.ones_like(scores, dtype=torch.bool).tril()
        return scores.masked_fill(~seen, -torch.inf).softmax(dim=-1)

    return attend(x @ w_q, context @ w_k, context @ w_v, share)


def products_returned(x, context, w_q, w_k, w_v):
    q, k = x @ w_q, context @ w_k
    return attend(q, k, context @ w_v)[0], q @ k.mT


CROSS_MISTAKES = [
    Mistake(
        "swapped-sources",
        wrong_cross,
        {"swapped": True},
        "the queries come from `context`, and the keys and values from `x`",
        (
            "Who asks, and who is asked?",
            "There must be one row of output for each position of `x`.",
            "Make the queries from `x`, the other two from `context`.",
        ),
    ),
    Mistake(
        "self-attention",
        wrong_cross,
        {"keys_from_x": True, "values_from_x": True},
        "everything comes from `x`: this is self-attention, and `context` is never read",
        (
            "Does your result change when `context` changes?",
            "One of the three projections reads `x`. Which?",
            "Keys and values are what is looked up: they belong to `context`.",
        ),
    ),
    Mistake(
        "keys-from-x",
        wrong_cross,
        {"keys_from_x": True},
        "the keys come from `x`, so a query is matched with its own sequence",
        (
            "Your weights don't depend on `context`. Should they?",
            "A key says what a value is found by, so the two belong together.",
            "Make the keys from `context`, like the values.",
        ),
    ),
    Mistake(
        "values-from-x",
        wrong_cross,
        {"values_from_x": True},
        "the values come from `x`: the words found in `context` are never handed over",
        (
            "Your weights are right and your output isn't.",
            "A value belongs to the position that was found, not to the one that asked.",
            "Make the values from `context`, like the keys.",
        ),
    ),
    Mistake(
        "no-scale",
        wrong_cross,
        {"scale": "none"},
        "the scores are not divided by the root of d_head",
        (
            "Your weights are more extreme than they should be.",
            "Chapter 02: what happens to the spread of a dot product in wide vectors?",
            "Divide the scores by the square root of the queries' last axis.",
        ),
    ),
    Mistake(
        "scale-by-d-model",
        wrong_cross,
        {"scale": "d_model"},
        "the scores are divided by the root of d_model, the width of `x`",
        (
            "Your weights are off by a little: look at the number under the root.",
            "How many products does one score add up?",
            "The width that counts is that of a query, d_head.",
        ),
    ),
    Mistake(
        "divide-by-d-head",
        wrong_cross,
        {"scale": "square"},
        "the scores are divided by d_head itself, not by its root",
        (
            "Your weights are flatter than they should be.",
            "The spread of a sum of d numbers grows with the root of d.",
            "Take the square root before you divide.",
        ),
    ),
    Mistake(
        "softmax-over-queries",
        wrong_cross,
        {"axis": -2},
        "softmax runs over the queries: every column sums to 1",
        (
            "Add up one row of your weights, then one column.",
            "A query shares out its attention over the keys.",
            "Keys are the last axis of the scores.",
        ),
    ),
    Mistake(
        "weights-first",
        wrong_cross,
        {"weights_first": True},
        "you return the weights before the output",
        (
            "Both parts are right; look at the order.",
            "Read in the text what is returned first.",
            "Output first, then weights.",
        ),
    ),
    Mistake(
        "scores-out",
        wrong_cross,
        {"scores_out": True},
        "your second result holds the scores, not the weights",
        (
            "Add up one row of your second result.",
            "Weights are what comes out of softmax.",
            "Keep the result of softmax under a name of its own, and return that.",
        ),
    ),
    Mistake(
        "scale-by-d-value",
        wrong_cross,
        {"scale": "d_value"},
        "the scores are divided by the root of d_value, and the values make no score",
        (
            "Your weights are off by a little: look at the number under the root.",
            "How many products does one score add up?",
            "The width that counts is that of a query, d_head.",
        ),
    ),
    Mistake(
        "scale-by-d-context",
        wrong_cross,
        {"scale": "d_context"},
        "the scores are divided by the root of d_context, the width before the projection",
        (
            "Your weights are off by a little: look at the number under the root.",
            "How many products does one score add up?",
            "The width that counts is that of a query, d_head.",
        ),
    ),
    Mistake(
        "scale-by-keys",
        wrong_cross,
        {"scale": "keys"},
        "the scores are divided by the root of the number of keys",
        (
            "Your weights are off by a little: look at the number under the root.",
            "How many products does one score add up?",
            "The width that counts is that of a query, d_head.",
        ),
    ),
    Mistake(
        "multiplied-by-root",
        wrong_cross,
        {"scale": "inverse"},
        "the scores are multiplied by the root of d_head instead of divided by it",
        (
            "Your weights are far too extreme.",
            "The spread of the scores should come down to about 1.",
            "Divide by the root.",
        ),
    ),
    Mistake(
        "softmax-over-batch",
        wrong_cross,
        {"axis": 0},
        "softmax runs over the batch: sentences compete with each other",
        (
            "Add up one row of your weights.",
            "Axis 0 counts sentences. They should not know of each other.",
            "Keys are the last axis of the scores.",
        ),
    ),
    Mistake(
        "context-alone",
        context_alone,
        {},
        "everything comes from `context`, and `x` is never read",
        (
            "Does your result change when `x` changes?",
            "Who asks, and who is asked?",
            "Make the queries from `x`.",
        ),
    ),
    Mistake(
        "output-only",
        cross_output_only,
        {},
        "you return the output alone",
        (
            "Count what you return.",
            "The weights are asked for as well.",
            "Return both, output first.",
        ),
    ),
    Mistake(
        "weights-turned",
        weights_turned,
        {},
        "the weights you return lie on their side: a row for each key",
        (
            "Compare the shape of your second result with (batch, query, key).",
            "Rows ask, columns are asked.",
            "Return the weights as they were used for the output.",
        ),
    ),
    Mistake(
        "matrices-turned",
        matrices_turned,
        {},
        "the matrices are transposed, but here they are kept as (d_in, d_out)",
        (
            "Write the shapes of `x` and `w_q` side by side.",
            "The exercise before kept its weights as `nn.Linear` does. This one does not.",
            "Multiply with the matrices as they come.",
        ),
    ),
    Mistake(
        "reverses-all-axes",
        all_axes_reversed,
        {},
        "`.T` turns round all three axes, the batch too",
        (
            "Print the shape of the keys before and after you turn them.",
            "Only the last two axes should change places.",
            "`transpose(-2, -1)`, or `.mT`, leaves the batch where it is.",
        ),
    ),
    Mistake(
        "key-not-turned",
        key_not_turned,
        {},
        "the keys are not transposed before the product",
        (
            "Write the two shapes side by side: (query, d_head) times (key, d_head).",
            "In a product `a @ b` the last axis of a meets the last but one of b.",
            "Exchange the keys' last two axes.",
        ),
    ),
    Mistake(
        "matrices-exchanged",
        matrices_exchanged,
        {},
        "keys are made with `w_v` and values with `w_k`",
        (
            "Look at the width of your output.",
            "Which matrix makes what a word is found by?",
            "Keys with `w_k`, values with `w_v`.",
        ),
    ),
    Mistake(
        "mixes-keys",
        keys_mixed,
        {},
        "the keys are mixed, not the values: `w_v` is never used",
        (
            "Look at the width of your output.",
            "What a word is found by and what it gives are two different things.",
            "Multiply the weights with the values.",
        ),
    ),
    Mistake(
        "mixes-context",
        raw_context,
        {},
        "`context` itself is mixed: the values were never projected",
        (
            "Look at the width of your output: is it d_value?",
            "What a word gives comes out of its own matrix.",
            "Multiply the weights with `context @ w_v`.",
        ),
    ),
    Mistake(
        "joined-sequences",
        joined_sequences,
        {},
        "`x` and `context` are joined, so a word also looks at its own sequence",
        (
            "How many columns should the weights have?",
            "In cross-attention only the other sequence is asked.",
            "Keys and values from `context` alone.",
        ),
    ),
    Mistake(
        "adds-x",
        adds_x,
        {},
        "`x` is added to the output; nothing in this exercise asks for it",
        (
            "Try it with values of zeros. The output should be 0.",
            "A sum with the input comes in later chapters.",
            "Return the mixture of the values as it is.",
        ),
    ),
    Mistake(
        "overflow",
        cross_overflow,
        {},
        "exp of a large score overflows, and infinity over infinity is nan",
        (
            "Right as long as the scores are small. One case has large ones.",
            "e to the power of 100 does not fit a float32. Chapter 00 had a way around that.",
            "Use `softmax`, or take each row's largest score off first.",
        ),
    ),
    Mistake(
        "divides-late",
        divides_late,
        {},
        "the division comes after the softmax, so it shrinks the weights, not the scores",
        (
            "Add up one of your rows.",
            "The division should make the softmax softer. After the softmax it can't any more.",
            "Scores first, then the division, then the softmax.",
        ),
    ),
    Mistake(
        "weights-detached",
        mixing_cut_off,
        {},
        "the numbers are right, but no gradient flows back through the weights",
        (
            "Give the inputs `requires_grad=True`, call your function, and call `backward()` on a "
            "sum.",
            "The numbers are right. But a model learns by what flows back through them.",
            "`detach`, `.data`, `.item()`, `no_grad` and NumPy cut the way back: do without them.",
        ),
    ),
    Mistake(
        "mixture-detached",
        unused_weights,
        {},
        "the numbers are right, but the output lets no gradient through its weights",
        (
            "Give the inputs `requires_grad=True`, call your function, and call `backward()` on a "
            "sum.",
            "The numbers are right. But a model learns by what flows back through them.",
            "`detach`, `.data`, `.item()`, `no_grad` and NumPy cut the way back: do without them.",
        ),
    ),
    Mistake(
        "second-result-detached",
        weights_cut,
        {},
        "the numbers are right, but no gradient flows back through the weights you return",
        (
            "Give the inputs `requires_grad=True`, call your function, and call `backward()` on a "
            "sum.",
            "The numbers are right. But a model learns by what flows back through them.",
            "`detach`, `.data`, `.item()`, `no_grad` and NumPy cut the way back: do without them.",
        ),
    ),
    Mistake(
        "no-gradient",
        cross_without_gradient,
        {},
        "the numbers are right, but no gradient flows back to anything",
        (
            "Give the inputs `requires_grad=True`, call your function, and call `backward()` on a "
            "sum.",
            "The numbers are right. But a model learns by what flows back through them.",
            "`detach`, `.data`, `.item()`, `no_grad` and NumPy cut the way back: do without them.",
        ),
    ),
    nothing_returned("output and weights"),
    Mistake(
        "swaps-batch",
        swaps_batch,
        {},
        "the batch is exchanged with the words: `transpose` got the first two axes",
        (
            "Print the shape of the keys before and after you turn them.",
            "With a batch in front, axes 0 and 1 are sentences and words.",
            "Exchange the last two axes.",
        ),
    ),
    Mistake(
        "future-hidden",
        future_hidden,
        {},
        "later words of `context` are hidden; the text doesn't ask for a mask, and "
        "here is no future",
        (
            "Which words of `context` may the first word of `x` look at?",
            "The other sequence is there as a whole.",
            "Softmax the scores as they are, without a mask.",
        ),
    ),
    Mistake(
        "products-for-weights",
        products_returned,
        {},
        "your second result is the bare products of queries and keys",
        (
            "Add up a row of your second result.",
            "The text asks for the weights with which the values are mixed.",
            "Keep what comes out of the softmax under a name, and return that.",
        ),
    ),
]


def cross_with_einsum(x, context, w_q, w_k, w_v):
    q = torch.einsum("bnd,dh->bnh", x, w_q)
    k = torch.einsum("bmc,ch->bmh", context, w_k)
    weights = torch.softmax(torch.einsum("bnh,bmh->bnm", q, k) / w_q.shape[1] ** 0.5, dim=2)
    return torch.einsum("bnm,bmv->bnv", weights, context @ w_v), weights


def cross_with_loops(x, context, w_q, w_k, w_v):
    rows = []
    for sentence, other in zip(x, context, strict=True):
        for word in sentence:
            query = (word @ w_q) / w_q.shape[1] ** 0.5
            rows.append(torch.stack([query @ (key @ w_k) for key in other]).softmax(dim=0))
    weights = torch.stack(rows).view(x.shape[0], x.shape[1], context.shape[1])
    return [weights @ (context @ w_v), weights]


def cross_mixes_first(x, context, w_q, w_k, w_v):
    scores = x @ (w_q @ w_k.T) @ context.mT / w_q.shape[1] ** 0.5
    weights = F.softmax(scores, dim=-1)
    return (weights @ context) @ w_v, weights


def cross_with_vmap(x, context, w_q, w_k, w_v):
    def one(words, others):
        scores = (words @ w_q) @ (others @ w_k).T * w_q.shape[1] ** -0.5
        shares = (scores - scores.amax(dim=1, keepdim=True)).exp()
        shares = shares / shares.sum(dim=1, keepdim=True)
        return shares @ (others @ w_v), shares

    return torch.func.vmap(one)(x, context)


def cross_with_sdpa(x, context, w_q, w_k, w_v):
    q, k, v = F.linear(x, w_q.T), F.linear(context, w_k.T), F.linear(context, w_v.T)
    weights = F.softmax(torch.bmm(q, k.mT).div_(math.sqrt(q.size(-1))), dim=-1)
    return F.scaled_dot_product_attention(q, k, v), weights


# 03.cross-shapes


def shapes_cases(generator: Generator) -> list[Case]:
    def sizes() -> list[int]:
        # six different numbers, so that no shape is right by luck
        return (torch.randperm(40, generator=generator)[:6] + 2).tolist()

    even = [3, 8, 8, 32, 16, 16]  # a self-attention's sizes: many mistakes are right here
    small = [1, 1, 3, 5, 1, 7]
    return [case(f"sizes {s}", *s) for s in (sizes(), sizes(), sizes(), even, small)]


def wrong_shapes(
    batch: int,
    n_query: int,
    n_key: int,
    d_model: int,
    d_head: int,
    d_value: int,
    *,
    key_length: str = "key",
    key_width: str = "head",
    value_width: str = "value",
    scores: str = "query key",
    output_length: str = "query",
    output_width: str = "value",
) -> dict[str, tuple]:
    size = {
        "query": n_query,
        "key": n_key,
        "model": d_model,
        "head": d_head,
        "value": d_value,
    }
    return {
        "queries": (batch, n_query, size[key_width]),
        "keys": (batch, size[key_length], size[key_width]),
        "values": (batch, size[key_length], size[value_width]),
        "scores": (batch, *(size[axis] for axis in scores.split())),
        "output": (batch, size[output_length], size[output_width]),
    }


def as_lists(*sizes):
    return {name: list(shape) for name, shape in wrong_shapes(*sizes).items()}


def without_names(*sizes):
    return tuple(wrong_shapes(*sizes).values())


def without_batch(*sizes):
    return {name: shape[1:] for name, shape in wrong_shapes(*sizes).items()}


def changed_shapes(*sizes, change):
    return wrong_shapes(*sizes) | change(*sizes)


def lengths_exchanged(batch, n_query, n_key, *widths):
    return wrong_shapes(batch, n_key, n_query, *widths)


def weights_for_scores(*sizes):
    made = wrong_shapes(*sizes)
    made["weights"] = made.pop("scores")
    return made


def weights_too(*sizes):
    made = wrong_shapes(*sizes)
    return made | {"weights": made["scores"]}


def in_singular(*sizes):
    names = {"queries": "query", "keys": "key", "values": "value"}
    return {names.get(name, name): shape for name, shape in wrong_shapes(*sizes).items()}


SHAPES_MISTAKES = [
    Mistake(
        "one-length",
        wrong_shapes,
        {"key_length": "query"},
        "your keys and values are as many as the queries, as in self-attention",
        (
            "Which sequence are the keys made from?",
            "The other sequence has its own length.",
            "Keys and values have n_key rows.",
        ),
    ),
    Mistake(
        "still-d-model",
        wrong_shapes,
        {"key_width": "model"},
        "your queries and keys are still d_model wide, as if nothing had projected them",
        (
            "What does a product with a (d_model, d_head) matrix do to the last axis?",
            "d_model is the width before the projection.",
            "Queries and keys are d_head wide; d_model shows up in none of the five shapes.",
        ),
    ),
    Mistake(
        "nothing-projected",
        wrong_shapes,
        {"key_width": "model", "value_width": "model"},
        "your queries, keys and values are still d_model wide, as if nothing had projected them",
        (
            "What does a product with a (d_model, d_head) matrix do to the last axis?",
            "d_model is the width before the projection.",
            "Queries and keys are d_head wide, values d_value; d_model shows up in no shape.",
        ),
    ),
    Mistake(
        "values-d-head",
        wrong_shapes,
        {"value_width": "head", "output_width": "head"},
        "your values are as wide as the keys, but they have a matrix of their own",
        (
            "Which matrix makes the values, and what is its second size?",
            "Only queries and keys have to agree in width.",
            "The values are d_value wide, and so is a mixture of them.",
        ),
    ),
    Mistake(
        "scores-turned",
        wrong_shapes,
        {"scores": "key query"},
        "your scores have a row for each key",
        (
            "Rows ask, columns are asked.",
            "Each query needs a row over which softmax can run.",
            "Write the scores as (batch, query, key).",
        ),
    ),
    Mistake(
        "scores-with-width",
        wrong_shapes,
        {"scores": "query key head"},
        "your scores still have the width as an axis, but a dot product sums over it",
        (
            "How many numbers come out of one dot product?",
            "One query and one key make one score.",
            "Drop the last axis.",
        ),
    ),
    Mistake(
        "output-per-key",
        wrong_shapes,
        {"output_length": "key"},
        "your output has a row for each key",
        (
            "Who gets an answer?",
            "Each query receives one mixture of all the values.",
            "The output has n_query rows.",
        ),
    ),
    Mistake(
        "output-d-head",
        wrong_shapes,
        {"output_width": "head"},
        "your output is as wide as a query, but it is a mixture of values",
        (
            "What is being added up with the weights?",
            "A mixture is as wide as the things that are mixed.",
            "The output is d_value wide.",
        ),
    ),
    Mistake(
        "output-d-model",
        wrong_shapes,
        {"output_width": "model"},
        "your output is as wide as `x`, but it is a mixture of values",
        (
            "What is being added up with the weights?",
            "Nothing in this exercise leads back to d_model.",
            "The output is d_value wide.",
        ),
    ),
    Mistake(
        "d-model-everywhere",
        wrong_shapes,
        {"key_width": "model", "value_width": "model", "output_width": "model"},
        "all your widths are d_model, as if nothing had been projected",
        (
            "What does a product with a (d_model, d_head) matrix do to the last axis?",
            "d_model is the width before the projection.",
            "d_model shows up in none of the five shapes.",
        ),
    ),
    Mistake(
        "values-d-model",
        wrong_shapes,
        {"value_width": "model", "output_width": "model"},
        "your values and output are still d_model wide",
        (
            "Which matrix makes the values, and what is its second size?",
            "d_model is the width before the projection.",
            "The values are d_value wide, and so is a mixture of them.",
        ),
    ),
    Mistake(
        "only-values-d-model",
        changed_shapes,
        {"change": lambda b, n, m, d, h, v: {"values": (b, m, d)}},
        "your values are still d_model wide, though you mix them to a width of d_value",
        (
            "Which matrix makes the values, and what is its second size?",
            "A mixture is as wide as the things that are mixed.",
            "The values are d_value wide.",
        ),
    ),
    Mistake(
        "scores-per-query",
        wrong_shapes,
        {"scores": "query query"},
        "your scores are queries by queries, as in self-attention",
        (
            "Which sequence is asked?",
            "A row of scores has one number for each key.",
            "Write the scores as (batch, query, key).",
        ),
    ),
    Mistake(
        "scores-by-width",
        wrong_shapes,
        {"scores": "head head"},
        "your scores are widths by widths, but a dot product sums over the width",
        (
            "How many numbers come out of one dot product?",
            "One query and one key make one score.",
            "Write the scores as (batch, query, key).",
        ),
    ),
    Mistake(
        "lengths-exchanged",
        lengths_exchanged,
        {},
        "the two lengths are exchanged everywhere",
        (
            "Who asks in cross-attention, and who is asked?",
            "Queries are as many as the words of `x`.",
            "n_query goes with queries and output, n_key with keys and values.",
        ),
    ),
    Mistake(
        "keys-per-query",
        changed_shapes,
        {"change": lambda b, n, m, d, h, v: {"keys": (b, n, h)}},
        "your keys are as many as the queries",
        (
            "Which sequence are the keys made from?",
            "Keys and values come from the same words.",
            "Keys have n_key rows.",
        ),
    ),
    Mistake(
        "values-per-query",
        changed_shapes,
        {"change": lambda b, n, m, d, h, v: {"values": (b, n, v)}},
        "your values are as many as the queries",
        (
            "Which sequence are the values made from?",
            "Keys and values come from the same words.",
            "Values have n_key rows.",
        ),
    ),
    Mistake(
        "scores-as-wide-as-queries",
        wrong_shapes,
        {"scores": "query head"},
        "your scores have d_head numbers for each query, as the queries have",
        (
            "What is one score about? Say it in words.",
            "The product of queries and keys adds up over d_head, so d_head is gone.",
            "One query has a score for each key.",
        ),
    ),
    Mistake(
        "matrices-for-results",
        changed_shapes,
        {
            "change": lambda b, n, m, d, h, v: {
                "queries": (d, h),
                "keys": (d, h),
                "values": (d, v),
            }
        },
        "your first three shapes are those of the matrices, not of what comes out",
        (
            "Do your queries know how many words asked?",
            "`w_q` is (d_model, d_head); the queries are `x @ w_q`.",
            "A product keeps the batch and the length, and replaces the last axis.",
        ),
    ),
    Mistake(
        "keys-turned",
        changed_shapes,
        {"change": lambda b, n, m, d, h, v: {"keys": (b, h, m)}},
        "your keys are already transposed",
        (
            "What does the projection itself return?",
            "Turning the keys is a step of the scores, not of the keys.",
            "Write the keys as (batch, key, d_head).",
        ),
    ),
    Mistake(
        "values-as-wide-as-keys",
        changed_shapes,
        {"change": lambda b, n, m, d, h, v: {"values": (b, m, h)}},
        "your values are as wide as the keys, but they have a matrix of their own",
        (
            "Which matrix makes the values, and what is its second size?",
            "A mixture is as wide as what is mixed: your output says d_value.",
            "The values are d_value wide.",
        ),
    ),
    Mistake(
        "scores-without-batch",
        changed_shapes,
        {"change": lambda b, n, m, d, h, v: {"scores": (n, m)}},
        "your scores lack the batch axis",
        (
            "How many sentences are there?",
            "Each sentence of the batch has its own table of scores.",
            "Batch comes first in all five shapes.",
        ),
    ),
    Mistake(
        "without-batch",
        without_batch,
        {},
        "all your shapes lack the batch axis",
        (
            "How many axes has `x` in the exercise above?",
            "Each sentence of the batch has its own tables.",
            "Batch comes first in all five shapes.",
        ),
    ),
    Mistake(
        "as-lists",
        as_lists,
        {},
        "your shapes are lists; tuples are asked for",
        (
            "Print one of your shapes. Which brackets does it have?",
            "The text asks for a dictionary of tuples.",
            "Write round brackets instead of square ones.",
        ),
    ),
    Mistake(
        "without-names",
        without_names,
        {},
        "you return the five shapes without their names",
        (
            'What would `result["scores"]` give?',
            "The text asks for a dictionary.",
            "Curly brackets, and a name with a colon before each shape.",
        ),
    ),
    Mistake(
        "weights-for-scores",
        weights_for_scores,
        {},
        'one of the names is "weights"; the text says "scores"',
        (
            "Print the keys of your dictionary beside those of the text.",
            "The text names five keys, letter by letter.",
            'Exactly "queries", "keys", "values", "scores" and "output".',
        ),
    ),
    Mistake(
        "weights-too",
        weights_too,
        {},
        'there is one name too many: the text asks for no "weights"',
        (
            "Print the keys of your dictionary beside those of the text.",
            "The text names five keys, letter by letter.",
            'Exactly "queries", "keys", "values", "scores" and "output".',
        ),
    ),
    Mistake(
        "names-in-singular",
        in_singular,
        {},
        "your names are in the singular; the text's are not",
        (
            "Print the keys of your dictionary beside those of the text.",
            "The text names five keys, letter by letter.",
            'Exactly "queries", "keys", "values", "scores" and "output".',
        ),
    ),
    nothing_returned("a dictionary"),
    Mistake(
        "queries-d-model",
        changed_shapes,
        {"change": lambda b, n, m, d, h, v: {"queries": (b, n, d)}},
        "your queries are still as wide as `x`",
        (
            "What does a product with a (d_model, d_head) matrix do to the last axis?",
            "A query and a key meet in a dot product, so they are equally wide.",
            "Queries are d_head wide, like the keys.",
        ),
    ),
]


def shapes_by_running(batch, n_query, n_key, d_model, d_head, d_value):
    x, context = torch.zeros(batch, n_query, d_model), torch.zeros(batch, n_key, d_model)
    q, k = x @ torch.zeros(d_model, d_head), context @ torch.zeros(d_model, d_head)
    v = context @ torch.zeros(d_model, d_value)
    made = {"queries": q, "keys": k, "values": v, "scores": q @ k.mT, "output": q @ k.mT @ v}
    return {name: tuple(tensor.shape) for name, tensor in made.items()}


def shapes_in_any_order(batch, n_query, n_key, d_model, d_head, d_value):
    asks, asked = (batch, n_query), (batch, n_key)
    return {
        "output": (*asks, d_value),
        "scores": (*asks, n_key),
        "values": (*asked, d_value),
        "keys": (*asked, d_head),
        "queries": torch.Size([*asks, d_head]),
    }


def shapes_by_meta(batch, n_query, n_key, d_model, d_head, d_value):
    q = torch.empty(batch, n_query, d_head, device="meta")
    k, v = (torch.empty(batch, n_key, width, device="meta") for width in (d_head, d_value))
    scores = torch.einsum("bnd,bmd->bnm", q, k)
    made = [q, k, v, scores, torch.bmm(scores, v)]
    names = ("queries", "keys", "values", "scores", "output")
    return dict(zip(names, (x.shape for x in made), strict=True))


# 03.self-lookup-bug


def bug_cases(generator: Generator) -> list[Case]:
    def one(
        label: str, batch: int, seq: int, d_model: int, d_head: int, by: float = 1.0, **more
    ) -> Case:
        x = by * randn(generator, batch, seq, d_model)
        return case(label, x, randn(generator, d_model, 3 * d_head), **more)

    return [
        one("a short sentence", 1, 3, 5, 4),
        one("every size different", 2, 5, 7, 3),
        one("small scores", 2, 7, 3, 11, by=0.1),
        one("d_head equals d_model", 3, 4, 6, 6),
        one("one word", 2, 1, 5, 3),
        one("heads of one number", 2, 5, 3, 1),
        one("all sizes equal", 3, 3, 3, 3),
        one("gradients", 2, 3, 5, 2, grad=True),
        in_dtype(one("sentences", 2, 3, 5, 2), torch.float64),
    ]


def wrong_fused(
    x: Tensor,
    w_qkv: Tensor,
    *,
    keys: int = 1,
    values: int = 2,
    queries: int = 0,
    interleaved: bool = False,
    hide: bool = False,
    scale: str = "head",
    axis: int = -1,
) -> Tensor:
    d_head = w_qkv.shape[-1] // 3
    fused = x @ w_qkv
    cut = [fused[..., i::3] if interleaved else fused.split(d_head, -1)[i] for i in range(3)]
    q, k, v = cut[queries], cut[keys], cut[values]
    width = {"head": d_head, "all": 3 * d_head, "none": 1, "model": x.shape[-1]}[scale]
    scores = q @ k.transpose(-2, -1) / width**0.5
    if hide:
        scores = scores.masked_fill(torch.eye(x.shape[-2], dtype=torch.bool), float("-inf"))
    return scores.softmax(dim=axis) @ v


def sliced(x, w_qkv, *, keys):
    """As found, with another slice for the keys."""
    d_head = w_qkv.shape[-1] // 3
    fused = x @ w_qkv
    q, k, v = fused[..., :d_head], keys(fused, d_head), fused[..., 2 * d_head :]
    return (q @ k.mT / d_head**0.5).softmax(dim=-1) @ v


def split_by_words(x, w_qkv):
    q, k, v = (x @ w_qkv).chunk(3, dim=1)
    return (q @ k.mT / (w_qkv.shape[-1] // 3) ** 0.5).softmax(dim=-1) @ v


def weights_returned_too(x, w_qkv):
    d_head = w_qkv.shape[-1] // 3
    q, k, _ = (x @ w_qkv).split(d_head, dim=-1)
    return wrong_fused(x, w_qkv), (q @ k.mT / d_head**0.5).softmax(dim=-1)


def fused_and_cut(x, w_qkv):
    return wrong_fused(x, w_qkv).detach()


def cut_in_pieces(x, w_qkv, *, how):
    fused = x @ w_qkv
    q, k, v = fused.split(3, dim=-1) if how == "of three" else fused.chunk(3)
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1) @ v


def other_fused(x, w_qkv, *, how):
    q, k, v = (x @ w_qkv).chunk(3, dim=-1)
    if how == "backwards":
        q, v = v, q
    divisor = q.shape[-1] if how == "no root" else q.shape[-1] ** 0.5
    return (q @ k.mT / divisor).softmax(dim=-1) @ v


BUG_MISTAKES = [
    Mistake(
        "still-tied",
        wrong_fused,
        {"keys": 0},
        "queries and keys are the same columns, so every word is most like itself",
        (
            "Print `(q == k).all()`.",
            "Which columns of the product belong to the keys?",
            "The keys start where the queries end, at column d_head.",
        ),
    ),
    Mistake(
        "diagonal-hidden",
        wrong_fused,
        {"keys": 0, "hide": True},
        "you hide the diagonal, and queries and keys are still the same columns",
        (
            "A word may look at itself. Why does it do so above all?",
            "You treated the symptom; the mistake stands further up.",
            "Leave the scores alone: the keys start at column d_head.",
        ),
    ),
    Mistake(
        "values-are-keys",
        wrong_fused,
        {"values": 1},
        "the values are now the keys' columns",
        (
            "You changed one slice too many, or the wrong one.",
            "Three slices must cover the product once, without overlap.",
            "The values are the last d_head columns, as they were.",
        ),
    ),
    Mistake(
        "keys-are-values",
        wrong_fused,
        {"keys": 2},
        "the keys are the values' columns",
        (
            "Queries and keys differ now, and still this isn't it.",
            "Three slices must cover the product once, without overlap.",
            "The keys are the middle third.",
        ),
    ),
    Mistake(
        "turned-round",
        wrong_fused,
        {"queries": 1, "keys": 0},
        "the first columns are used as keys and the second as queries",
        (
            "Everything is used once, but for what?",
            "Your scores are the transpose of the right ones.",
            "The order in the matrix is queries, keys, values.",
        ),
    ),
    Mistake(
        "interleaved",
        wrong_fused,
        {"interleaved": True},
        "you take every third column, but the three matrices stand side by side in blocks",
        (
            "Where is the second column of the queries' matrix?",
            "Side by side means: first all of one, then all of the next.",
            "Cut the last axis into three blocks of d_head columns.",
        ),
    ),
    Mistake(
        "key-slice-too-wide",
        sliced,
        {"keys": lambda fused, d: fused[..., d:]},
        "the keys' slice is wider than d_head: it ends too late, or cuts another axis",
        (
            "Print the shape of `k`. How wide should it be?",
            "A slice needs a start and an end. Where does the second third begin, where does it "
            "end?",
            "The keys' columns go from d_head up to, and without, 2 · d_head.",
        ),
    ),
    Mistake(
        "key-slice-too-narrow",
        sliced,
        {"keys": lambda fused, d: fused[..., d:2]},
        "the keys' slice ends too early: it is narrower than d_head",
        (
            "Print the shape of `k`. How wide should it be?",
            "A slice needs a start and an end. Where does the second third begin, where does it "
            "end?",
            "The keys' columns go from d_head up to, and without, 2 · d_head.",
        ),
    ),
    Mistake(
        "key-slice-shifted",
        sliced,
        {"keys": lambda fused, d: fused[..., d + 1 : 2 * d + 1]},
        "the keys' slice begins and ends one column too late",
        (
            "Print the shape of `k`. How wide should it be?",
            "A slice needs a start and an end. Where does the second third begin, where does it "
            "end?",
            "The keys' columns go from d_head up to, and without, 2 · d_head.",
        ),
    ),
    Mistake(
        "split-by-words",
        split_by_words,
        {},
        "the sentence is cut into three parts, not the columns",
        (
            "Print the shapes of `q`, `k` and `v`.",
            "`w_qkv` has the three side by side: which axis is that?",
            "Split along the last axis.",
        ),
    ),
    Mistake(
        "queries-are-keys",
        wrong_fused,
        {"queries": 1},
        "queries and keys are equal again: now both are the second third",
        (
            "Compare `q` with `k`.",
            "One line, one slice: only the keys were wrong.",
            "Queries are the first third.",
        ),
    ),
    Mistake(
        "softmax-axis-1",
        wrong_fused,
        {"axis": 1},
        "softmax runs over the queries now; it was right as you found it",
        (
            "Add up one row of the weights.",
            "There is one mistake, and it is not in the softmax.",
            "Put the softmax back, and look at where the keys come from.",
        ),
    ),
    Mistake(
        "no-scale",
        wrong_fused,
        {"scale": "none"},
        "the division by the root of d_head is gone; it was right as you found it",
        (
            "The weights are more extreme than they should be.",
            "There is one mistake, and it is not in the scale.",
            "Put the division back, and look at where the keys come from.",
        ),
    ),
    Mistake(
        "scale-by-all-three",
        wrong_fused,
        {"scale": "all"},
        "the root is of the width of all three together",
        (
            "`d_head` is a third of the columns.",
            "How many products does one score add up?",
            "Divide by the root of the width of a query.",
        ),
    ),
    Mistake(
        "scale-by-d-model",
        wrong_fused,
        {"scale": "model"},
        "the root is of d_model; it was right as you found it",
        (
            "The weights are off by a little: look at the number under the root.",
            "How many products does one score add up?",
            "Divide by the root of the width of a query.",
        ),
    ),
    Mistake(
        "hidden-as-well",
        wrong_fused,
        {"hide": True},
        "the keys are right now, but you also forbid words to look at themselves",
        (
            "What does your function return for a sentence of one word?",
            "A word may look at itself, if its key fits.",
            "Take out the mask: with the right keys it is not needed.",
        ),
    ),
    Mistake(
        "returns-both",
        weights_returned_too,
        {},
        "you return the weights too; the output alone is asked for",
        (
            "Count what you return.",
            "Read what the text says the function returns.",
            "Return the output alone.",
        ),
    ),
    Mistake(
        "no-gradient",
        fused_and_cut,
        {},
        "the numbers are right, but no gradient flows back to anything",
        (
            "Give the inputs `requires_grad=True`, call your function, and call `backward()` on a "
            "sum.",
            "The numbers are right. But a model learns by what flows back through them.",
            "`detach`, `.data`, `.item()`, `no_grad` and NumPy cut the way back: do without them.",
        ),
    ),
    nothing_returned("the output"),
    Mistake(
        "pieces-of-three",
        cut_in_pieces,
        {"how": "of three"},
        "`split(3)` cuts pieces that are three columns wide; three pieces were wanted",
        (
            "Print how many pieces come out, for d_head 5.",
            "`split` is told how wide a piece is, `chunk` how many there are.",
            "Hand `split` the width of one head.",
        ),
    ),
    Mistake(
        "pieces-of-the-batch",
        cut_in_pieces,
        {"how": "of the batch"},
        "`chunk(3)` cuts the first axis, the batch, unless it is told another",
        (
            "Print the shapes of the pieces.",
            "The three matrices stand side by side in the *last* axis.",
            "Name the axis, `dim=-1`.",
        ),
    ),
    Mistake(
        "no-root",
        other_fused,
        {"how": "no root"},
        "the scores are divided by d_head now, not by its root, which was right as you found it",
        (
            "Compare your last lines with those that you were given.",
            "The text says how many mistakes there are.",
            "Change where the keys are cut, and leave the rest.",
        ),
    ),
    Mistake(
        "values-first",
        other_fused,
        {"how": "backwards"},
        "the first columns are used as values and the last ones as queries",
        (
            "In which order do the three matrices stand side by side?",
            "The text names them from left to right.",
            "The first third asks, the second is asked, the last is mixed.",
        ),
    ),
    Mistake(
        "values-are-queries",
        wrong_fused,
        {"values": 0},
        "the values are now the queries' columns",
        (
            "The text says in which order the three stand.",
            "The values' slice was right as you found it.",
            "Leave `v` as it was, and change `k` alone.",
        ),
    ),
]


def fused_with_chunk(x, w_qkv):
    q, k, v = (x @ w_qkv).chunk(3, dim=-1)
    return F.scaled_dot_product_attention(q, k, v)


def fused_with_three_products(x, w_qkv):
    q, k, v = (x @ block for block in w_qkv.chunk(3, dim=1))
    return torch.einsum("bnm,bmd->bnd", (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1), v)


def fused_with_reshape(x, w_qkv):
    batch, seq, _ = x.shape
    q, k, v = (x @ w_qkv).view(batch, seq, 3, -1).unbind(dim=2)
    return F.scaled_dot_product_attention(q, k, v)


def fused_with_einsum(x, w_qkv):
    q, k, v = torch.einsum("bnd,dth->tbnh", x, w_qkv.unflatten(1, (3, -1)))
    weights = torch.einsum("bnh,bmh->bnm", q, k).mul(q.shape[-1] ** -0.5).softmax(-1)
    return torch.einsum("bnm,bmh->bnh", weights, v)


# 03.head-entropy


def entropy_cases(generator: Generator, base: float) -> list[Case]:
    hidden = soft_rows(generator, 2, 5, 6)
    hidden[:, :, 4:] = 0.0
    previous = torch.eye(7).roll(-1, dims=1)[None]
    sure = soft_rows(generator, 2, 3, 5)
    sure[:, 1] = torch.eye(5)[:2]
    hole = soft_rows(generator, 2, 3, 5)
    hole[0, 1, 2] = 0.0
    return [
        case("two heads, 3 queries, 4 keys", soft_rows(generator, 2, 3, 4)),
        case("every size different", soft_rows(generator, 3, 5, 11, sharp=4.0)),
        case("two keys that nobody looks at", hidden / hidden.sum(dim=-1, keepdim=True)),
        case(
            "all weight on one key, and even", torch.cat([previous, torch.full((1, 7, 7), 1 / 7)])
        ),
        case("one sure query among others", sure),
        case("a single weight is 0", hole / hole.sum(dim=-1, keepdim=True)),
        case("even over 2,003 keys", torch.full((1, 1, 2003), 1 / 2003)),
        case("one head, one query, one key", torch.ones(1, 1, 1)),
        in_dtype(case("two heads", soft_rows(generator, 2, 3, 5)), torch.float64),
    ]


def wrong_entropy(
    weights: Tensor,
    *,
    base: float,
    guard: bool = True,
    reduce: str = "mean",
    axis: int = -1,
    sign: float = -1.0,
    share: bool = False,
    spread: bool = False,
    average_first: bool = False,
    mean_over_keys: bool = False,
) -> Tensor:
    if average_first:
        weights = weights.mean(dim=-2, keepdim=True)
    logs = torch.where(weights > 0, weights, 1.0).log() if guard else weights.log()
    logs = logs / math.log(base)
    rows = sign * (weights * logs).sum(dim=axis)
    if mean_over_keys:
        rows = rows / weights.shape[axis]
    if share:
        rows = rows / (math.log(weights.shape[-1]) / math.log(base))
    rows = rows.sum(dim=-1) if reduce == "sum" else rows.mean(dim=-1)
    return base**rows if spread else rows


def terms(weights: Tensor, base: float) -> Tensor:
    return torch.special.entr(weights) / math.log(base)


def times_log_of_base(weights, *, base):
    return torch.special.entr(weights).sum(dim=-1).mean(dim=-1) * math.log(base)


def mean_over_heads(weights, *, base):
    return terms(weights, base).sum(dim=-1).mean(dim=0)


def one_entropy(weights, *, base):
    return terms(weights, base).sum(dim=-1).mean()


def mean_of_words(weights, *, base, log):
    words = (terms(weights, base) * math.log(base)).sum(dim=-1).exp().mean(dim=-1)
    return words.log() / math.log(base) if log else words


def entropy_of_rows(weights, *, base):
    return terms(weights, base).sum(dim=-1)


def nan_row_to_zero(weights, *, base):
    rows = -(weights * weights.log()).sum(dim=-1) / math.log(base)
    return rows.nan_to_num(0.0).mean(dim=-1)


def nan_row_left_out(weights, *, base):
    return (-(weights * weights.log()).sum(dim=-1) / math.log(base)).nanmean(dim=-1)


def nan_head_to_zero(weights, *, base):
    rows = -(weights * weights.log()).sum(dim=-1) / math.log(base)
    return rows.mean(dim=-1).nan_to_num(0.0)


def sure_rows_left_out(weights, *, base):
    rows = terms(weights, base).sum(dim=-1)
    return rows.sum(dim=-1) / (rows > 0).sum(dim=-1).clamp(min=1)


def mask_flattens(weights, *, base):
    there = weights[weights > 0]
    return -(there * there.log()).sum() / math.log(base)


def entropy_lifted(weights, *, base, by):
    return -(weights * (weights + by).log()).sum(dim=-1).mean(dim=-1) / math.log(base)


def zeros_edited(weights, *, base):
    weights[weights == 0] = 1.0
    return -(weights * weights.log()).sum(dim=-1).mean(dim=-1) / math.log(base)


def entropy_as_list(weights, *, base):
    return terms(weights, base).sum(dim=-1).mean(dim=-1).tolist()


def largest_row(weights, *, base):
    return terms(weights, base).sum(dim=-1).amax(dim=-1)


def softmaxed_again(weights, *, base):
    return terms(weights.softmax(dim=-1), base).sum(dim=-1).mean(dim=-1)


ENTROPY_MISTAKES = [
    Mistake(
        "nats",
        wrong_entropy,
        {"base": math.e},
        "you use the natural logarithm, whatever base the text names",
        (
            "Try the row that the text calls even. You should get 3.",
            "All your numbers are off by one factor.",
            "The logarithm to base b is the natural one, divided by that of b.",
        ),
    ),
    Mistake(
        "nan-at-zero",
        wrong_entropy,
        {"guard": False},
        "a weight of 0 turns the whole head into nan: 0 times minus infinity",
        (
            "Try the row 1, 0, 0.",
            "The logarithm of 0 is minus infinity, and 0 times that is nan.",
            "Keep the logarithm away from zeros, for instance by putting 1 in their place first.",
        ),
    ),
    Mistake(
        "sum-over-queries",
        wrong_entropy,
        {"reduce": "sum"},
        "you add the queries' entropies up instead of averaging them",
        (
            "Your numbers grow with the length of the sentence.",
            "A head's entropy is the one of a typical row.",
            "Take the mean over the queries.",
        ),
    ),
    Mistake(
        "mean-over-keys",
        wrong_entropy,
        {"mean_over_keys": True},
        "you average over the keys too, where the formula adds up",
        (
            "Try the row that the text calls even. You should get 3.",
            "The formula has a sum over j, and j runs over the keys.",
            "Sum over the last axis, then take the mean over the queries.",
        ),
    ),
    Mistake(
        "over-queries",
        wrong_entropy,
        {"axis": -2},
        "you sum over the queries, so you measure columns",
        (
            "Which of the two axes sums to 1?",
            "Rows are the distributions; a row runs over the keys.",
            "Sum over the last axis first, then average what is left.",
        ),
    ),
    Mistake(
        "sign",
        wrong_entropy,
        {"sign": 1.0},
        "the sign is missing: your entropies are negative",
        (
            "Can a head be less undecided than a single spike?",
            "The logarithm of a number below 1 is negative.",
            "Put the minus in front of the sum.",
        ),
    ),
    Mistake(
        "average-first",
        wrong_entropy,
        {"average_first": True},
        "you average the rows first, and take the entropy of the average",
        (
            "Try a head in which each word looks only at the word before it. You should get 0.",
            "Spikes at different places average to something flat.",
            "Entropy of each row first, then the mean.",
        ),
    ),
    Mistake(
        "spread",
        wrong_entropy,
        {"spread": True},
        "you return the effective number of words: the logarithm is undone already",
        (
            "Try a row with all its weight on one key. You should get 0.",
            "The effective number of words and the entropy are two things.",
            "Leave out the last step, the power.",
        ),
    ),
    Mistake(
        "mean-of-words",
        mean_of_words,
        {"log": False},
        "you return the mean effective number of words, which the chapter's maps carry",
        (
            "Try a row with all its weight on one key. You should get 0.",
            "The effective number of words and the entropy are two things.",
            "Take the entropy of each row, without the power, and then the mean.",
        ),
    ),
    Mistake(
        "log-of-mean-words",
        mean_of_words,
        {"log": True},
        "you average effective numbers of words before you take the logarithm",
        (
            "Try a head with one sure row, and one that is even over 4 keys.",
            "A logarithm of a mean is not the mean of the logarithms.",
            "Take the logarithm for each row, then the mean over the rows.",
        ),
    ),
    Mistake(
        "share-of-most",
        wrong_entropy,
        {"share": True},
        "you divide by the largest possible entropy: yours runs from 0 to 1",
        (
            "Try the row that the text calls even. You should get 3.",
            "You did one step more than was asked.",
            "Leave out the division by the logarithm of the number of keys.",
        ),
    ),
    Mistake(
        "times-log-of-base",
        times_log_of_base,
        {},
        "you multiply by the logarithm of the base; to change the base, one divides by it",
        (
            "Try a row that is even over as many keys as the base. It has the entropy 1.",
            "The larger the base, the smaller the logarithm.",
            "Divide the natural logarithm by that of the base.",
        ),
    ),
    Mistake(
        "mean-over-heads",
        mean_over_heads,
        {},
        "the mean is over the heads; it should be over the queries of each head",
        (
            "Compare the shape of your result with (heads,).",
            "Once the keys are summed away, the axes are heads and queries.",
            "Take the mean along the last axis that is left.",
        ),
    ),
    Mistake(
        "one-number",
        one_entropy,
        {},
        "heads and queries are averaged together into one number",
        (
            "Compare the shape of your result with (heads,).",
            "`mean` without an axis takes everything.",
            "Average along the queries only.",
        ),
    ),
    Mistake(
        "rows-not-averaged",
        entropy_of_rows,
        {},
        "you return one number for each query; a head's entropy is their mean",
        (
            "Compare the shape of your result with (heads,).",
            "Each head has several queries, and one entropy.",
            "Average over the queries at the end.",
        ),
    ),
    Mistake(
        "nan-row-to-zero",
        nan_row_to_zero,
        {},
        "a row that holds a weight of 0 becomes nan, and then counts as 0 altogether",
        (
            "Try a head with a row that gives two keys one half each, and a third key nothing.",
            "One nan in a sum makes the sum nan. The other weights of the row are lost then.",
            "Mend the single terms, before they are summed.",
        ),
    ),
    Mistake(
        "sure-rows-left-out",
        sure_rows_left_out,
        {},
        "your average leaves out the queries whose entropy is 0",
        (
            "How many rows did you divide by? How many queries are there?",
            "A query that looks at one key only has entropy 0, and that is a value like others.",
            "Take the mean over all queries.",
        ),
    ),
    Mistake(
        "nan-row-left-out",
        nan_row_left_out,
        {},
        "a row that holds a weight of 0 becomes nan, and is then left out of the mean",
        (
            "Try a head with a row that gives two keys one half each, and a third key nothing.",
            "One nan in a sum makes the sum nan. The other weights of the row are lost then.",
            "Mend the single terms, before they are summed.",
        ),
    ),
    Mistake(
        "nan-head-to-zero",
        nan_head_to_zero,
        {},
        "a head with a single weight of 0 becomes nan, and then counts as 0 altogether",
        (
            "Try a head with a row that gives two keys one half each, and a third key nothing.",
            "One nan in a sum makes the sum nan. The other weights of the row are lost then.",
            "Mend the single terms, before they are summed.",
        ),
    ),
    Mistake(
        "mask-flattens",
        mask_flattens,
        {},
        "picking the weights above 0 with a mask lines them all up: heads and rows are gone",
        (
            "Print the shape of what your mask picks.",
            "Rows with different numbers of weights can't stay a table.",
            "Keep the shape: `torch.where` puts a harmless number in place of each 0.",
        ),
    ),
    *(
        Mistake(
            f"lifted-by-{by:g}",
            partial(entropy_lifted, by=by),
            {},
            f"you add {by:g} under the logarithm, which is too much beside small weights",
            (
                "Try a row that is even over 2,000 keys.",
                "You add the same number under each logarithm. Beside which weights is it not "
                "small?",
                "Add far less, 0.000000001 or so, or treat weights of exactly 0 apart.",
            ),
        )
        for by in (1e-3, 1e-4, 1e-5, 1e-6)
    ),
    Mistake(
        "edits-weights",
        zeros_edited,
        {},
        "your code writes into `weights`, which belong to whoever calls",
        (
            "Print `weights` before and after a call of your function.",
            "Writing into an argument changes the tensor that the caller still needs.",
            "Make a new tensor (`clone`, `where`, `.T`) and leave the old one as it was.",
        ),
    ),
    Mistake(
        "as-list",
        entropy_as_list,
        {},
        "you return a list; a tensor of shape (heads,) is asked for",
        (
            "Print the type of what you return.",
            "A head's entropy may be computed with further: a list can't.",
            "Leave out `tolist`, or stack what your loop gathers.",
        ),
    ),
    Mistake(
        "largest-row",
        largest_row,
        {},
        "you take the largest entropy of a head's queries, not their mean",
        (
            "Read the text: what is a head's entropy?",
            "Every query counts for the same.",
            "Average over the queries.",
        ),
    ),
    Mistake(
        "softmax-again",
        softmaxed_again,
        {},
        "you take a softmax of the weights first, but they are shares already",
        (
            "What do you get for a row with all its weight on one key? It should be 0.",
            "The rows sum to 1 when you get them.",
            "Use the weights as they come.",
        ),
    ),
    nothing_returned("one number for each head"),
]


def entropy_with_entr(weights, *, base):
    return torch.special.entr(weights).sum(-1).mean(-1) / torch.tensor(float(base)).log()


def entropy_with_loops(weights, *, base):
    heads = []
    for head in weights:
        rows = [-sum(w * math.log(w, base) for w in row if w > 0) for row in head]
        heads.append(sum(rows) / len(rows))
    return torch.stack(heads)


def entropy_with_xlogy(weights, *, base):
    return torch.xlogy(weights, weights).sum(dim=2).div_(-math.log(base)).mean(dim=1)


def entropy_with_einsum(weights, *, base):
    logs = (weights + 1e-10).log2() / math.log2(base)
    return -torch.einsum("hqk,hqk->h", weights, logs) / weights.shape[1]


# 03.diagonal-share


def diagonal_cases(generator: Generator, offset: int) -> list[Case]:
    causal = soft_rows(generator, 2, 5, 5).tril()
    causal = causal / causal.sum(dim=-1, keepdim=True)
    causal[:, 3] = torch.eye(5)[3]  # so that one word gives the word before it exactly 0
    return [
        case("an offset that the call doesn't name", soft_rows(generator, 2, 6, 6)),
        case("two heads, 4 words, the word before", soft_rows(generator, 2, 4, 4), offset=-1),
        case("the word itself", soft_rows(generator, 3, 5, 5), offset=0),
        case("the word after the next", soft_rows(generator, 3, 7, 7), offset=2),
        case("three words before, sharp", soft_rows(generator, 2, 11, 11, sharp=5.0), offset=-3),
        case("a perfect previous-word head", torch.eye(6).roll(-1, dims=1)[None], offset=-1),
        case("looking ahead is forbidden, some weights are 0", causal, offset=-1),
        case("looking ahead is forbidden, the next word", causal, offset=1),
        case("one word", torch.ones(3, 1, 1), offset=0),
        case("one query is left", soft_rows(generator, 2, 5, 5), offset=4),
        case("eleven words before", soft_rows(generator, 2, 13, 13), offset=-11),
        in_dtype(case("two heads", soft_rows(generator, 2, 5, 5), offset=-2), torch.float64),
    ]


def wrong_diagonal(
    weights: Tensor,
    offset: int = 0,
    *,
    flip: bool = False,
    over: str = "there",
    top: bool = False,
    ignore: bool = False,
    wrap: bool = False,
    below_wraps: bool = False,
) -> Tensor:
    wrap = wrap or (below_wraps and offset < 0)
    offset = 0 if ignore else -offset if flip else offset
    if top:
        best = weights.argmax(dim=-1, keepdim=True)
        weights = torch.zeros_like(weights).scatter(-1, best, 1.0)
    if wrap:
        offset, weights = 0, weights.roll(-offset, dims=-1)
    line = weights.diagonal(offset, dim1=-2, dim2=-1)
    count = {"there": line.shape[-1], "all": weights.shape[-1], "none": 1}[over]
    return line.sum(dim=-1) / count


def line_of(weights: Tensor, offset: int) -> Tensor:
    return weights.diagonal(offset, dim1=-2, dim2=-1)


def first_axes(weights, offset=0):
    return weights.diagonal(offset).mean(dim=-1)


def heads_averaged(weights, offset=0):
    return line_of(weights, offset).mean(dim=0)


def one_share(weights, offset=0):
    return line_of(weights, offset).mean()


def counted(weights, offset=0, *, count):
    return line_of(weights, offset).sum(dim=-1) / count(weights.shape[-1], offset)


def triangle(weights, offset=0):
    return weights.tril(offset).sum(dim=-1).mean(dim=-1)


def both_sides(weights, offset=0):
    return (line_of(weights, offset).mean(dim=-1) + line_of(weights, -offset).mean(dim=-1)) / 2


def short_range(weights, offset=0):
    places = range(weights.shape[-1] - abs(offset))
    return torch.stack([weights[:, i, i + offset] for i in places]).mean(dim=0)


def clamped_places(weights, offset=0):
    place = torch.arange(weights.shape[-1])
    return weights[:, place, (place + offset).clamp(0, len(place) - 1)].mean(dim=-1)


def zeros_left_out(weights, offset=0):
    line = line_of(weights, offset)
    return line.sum(dim=-1) / (line > 0).sum(dim=-1)


def shares_as_list(weights, offset=0):
    return line_of(weights, offset).mean(dim=-1).tolist()


def whole_line(weights, offset=0):
    return line_of(weights, offset)


def loops_from_offset(weights, offset=0):
    places = range(max(0, offset), weights.shape[-1] - max(0, offset))
    return torch.stack([weights[:, i, i + offset] for i in places]).mean(dim=0)


def every_row(weights, offset=0):
    """Every query, with an index that wraps below 0 and stops behind the end."""
    places = range(weights.shape[-1])
    return torch.stack([weights[:, i, i + offset] for i in places]).mean(dim=0)


DIAGONAL_MISTAKES = [
    Mistake(
        "all-rows",
        wrong_diagonal,
        {"over": "all"},
        "you divide by the number of all words, also of those that have no such key",
        (
            "Try a head that always looks one word back. You should get exactly 1.",
            "The first word has nobody before it. Did you count it?",
            "Divide by how many weights you added up.",
        ),
    ),
    Mistake(
        "flipped",
        wrong_diagonal,
        {"flip": True},
        "you look to the other side: your -1 is the word after",
        (
            "Rows are queries and columns are keys. Where is the key before query 3?",
            "The word before query i is column i - 1, below the main diagonal.",
            "Change the sign of the offset.",
        ),
    ),
    Mistake(
        "sum",
        wrong_diagonal,
        {"over": "none"},
        "you add the weights up and never divide",
        (
            "Can a share be larger than 1?",
            "Your number grows with the length of the sentence.",
            "Take the mean of the weights on the diagonal.",
        ),
    ),
    Mistake(
        "only-the-top",
        wrong_diagonal,
        {"top": True},
        "you count how often that key has the largest weight; the weights themselves are lost",
        (
            "What does your function say about a head that gives this key 0.4, and another 0.5?",
            "Asked is the weight that the key gets, also where it is second.",
            "No argmax: read the weights and average them.",
        ),
    ),
    Mistake(
        "offset-ignored",
        wrong_diagonal,
        {"ignore": True},
        "the offset changes nothing: you always read the main diagonal",
        (
            "Call your function with two offsets and compare.",
            "The argument is never used.",
            "`diagonal` takes the offset as its first argument.",
        ),
    ),
    Mistake(
        "wraps-round",
        wrong_diagonal,
        {"wrap": True},
        "your sentence is a ring: the word before the first one is the last",
        (
            "What does your function do with a query that has no such key?",
            "`roll`, and an index of -1, come back in at the other end.",
            "Leave out the queries whose key would lie outside of the sentence.",
        ),
    ),
    Mistake(
        "negative-index",
        wrong_diagonal,
        {"below_wraps": True},
        "an index below 0 counts from the end, so your first word looks back at the last one",
        (
            "Which key does your function read for query 0 and offset -1?",
            "Python raises no error for an index of -1.",
            "Count a query only if its key's index is at least 0, and below seq.",
        ),
    ),
    Mistake(
        "first-axes",
        first_axes,
        {},
        "`diagonal` takes the first two axes unless you name others: heads and queries",
        (
            "Compare the shape of your result with (heads,).",
            "The tensor is (heads, query, key). Between which two axes does the diagonal run?",
            "`diagonal` takes `dim1` and `dim2`.",
        ),
    ),
    Mistake(
        "heads-averaged",
        heads_averaged,
        {},
        "the heads are averaged; each should keep its own number",
        (
            "Compare the shape of your result with (heads,).",
            "`diagonal` puts the diagonal into the last axis.",
            "Take the mean along the last axis.",
        ),
    ),
    Mistake(
        "one-number",
        one_share,
        {},
        "everything is averaged into one number",
        (
            "Compare the shape of your result with (heads,).",
            "`mean` without an axis takes everything.",
            "Average along the diagonal only.",
        ),
    ),
    Mistake(
        "line-not-averaged",
        whole_line,
        {},
        "you return all weights of the diagonal; their mean is asked for",
        (
            "Compare the shape of your result with (heads,).",
            "One number for each head.",
            "Average along the last axis.",
        ),
    ),
    Mistake(
        "seq-minus-offset",
        partial(counted, count=lambda seq, offset: seq - offset),
        {},
        "you divide by seq minus offset; for the words before, that is too many",
        (
            "Try a head that always looks one word back. You should get exactly 1.",
            "How many queries have such a key, for offset 2, and for offset -2?",
            "The number is seq minus the *size* of the offset. Or let `mean` count.",
        ),
    ),
    Mistake(
        "seq-minus-one",
        partial(counted, count=lambda seq, offset: seq - (offset != 0)),
        {},
        "you divide by seq minus 1 for every offset but 0",
        (
            "Try a head that always looks two words back. You should get exactly 1.",
            "How many queries have such a key, for offset 2, and for offset -2?",
            "The number is seq minus the *size* of the offset. Or let `mean` count.",
        ),
    ),
    Mistake(
        "seq-plus-offset",
        partial(counted, count=lambda seq, offset: seq + offset),
        {},
        "you divide by seq plus offset; for the words after, that is too many",
        (
            "Try a head that always looks one word back. You should get exactly 1.",
            "How many queries have such a key, for offset 2, and for offset -2?",
            "The number is seq minus the *size* of the offset. Or let `mean` count.",
        ),
    ),
    Mistake(
        "one-further",
        lambda weights, offset=0: line_of(weights, offset + 1).mean(dim=-1),
        {},
        "you look one key further than the offset says",
        (
            "Call it with offset 0 on a head that always looks at itself.",
            "Where is the key of query 0 for offset 0?",
            "The key stands at query + offset: no 1 is added.",
        ),
    ),
    Mistake(
        "triangle",
        triangle,
        {},
        "you add up all keys up to the offset, not the one that stands there",
        (
            "What does your function say of a head whose weight is even over all words before?",
            "`tril` and `triu` keep a whole triangle.",
            "Only the diagonal is asked for.",
        ),
    ),
    Mistake(
        "either-side",
        lambda weights, offset=0: line_of(weights, abs(offset)).mean(dim=-1),
        {},
        "the sign of the offset is lost: -1 gives the word after",
        (
            "Compare your results for offset 1 and offset -1.",
            "The word before is on the other side of the main diagonal.",
            "Hand in the offset with its sign.",
        ),
    ),
    Mistake(
        "both-sides",
        both_sides,
        {},
        "you average both sides of the diagonal; the offset names one",
        (
            "Try a head that always looks one word back. You should get exactly 1 for offset -1.",
            "Before and after are two different questions.",
            "One diagonal, that of the offset.",
        ),
    ),
    Mistake(
        "negative-pairs",
        short_range,
        {},
        "your range always begins at query 0, which has no key before it",
        (
            "Which keys does your function read for offset -1? Write the pairs down.",
            "Python raises no error for an index of -1: it counts from the end.",
            "A query i counts if i + offset is at least 0, and below seq.",
        ),
    ),
    Mistake(
        "range-by-offset",
        loops_from_offset,
        {},
        "your range fits neither side: it leaves queries out, or begins with those that have no "
        "key",
        (
            "Which keys does your function read for offset -1? Write the pairs down.",
            "Python raises no error for an index of -1: it counts from the end.",
            "A query i counts if i + offset is at least 0, and below seq.",
        ),
    ),
    Mistake(
        "pushed-inside",
        clamped_places,
        {},
        "queries without such a key read the nearest one instead of being left out",
        (
            "Which key does your query 0 read for offset -1?",
            "The text says what to do with queries that have no such key.",
            "Leave them out of the sum and of the count.",
        ),
    ),
    Mistake(
        "zeros-left-out",
        zeros_left_out,
        {},
        "you count only weights above 0, but a key that gets 0 is there all the same",
        (
            "One case has weights of exactly 0 on the diagonal.",
            "Left out are queries without such a key, not keys without weight.",
            "Divide by the length of the diagonal.",
        ),
    ),
    Mistake(
        "as-list",
        shares_as_list,
        {},
        "you return a list; a tensor of shape (heads,) is asked for",
        (
            "Print the type of what you return.",
            "A list can't be computed with further.",
            "Leave out `tolist`, or stack what your loop gathers.",
        ),
    ),
    nothing_returned("one number for each head"),
    Mistake(
        "rows-without-a-key",
        every_row,
        {},
        "your loop asks every query: below 0 an index counts from the end, and behind "
        "the last key there is none",
        (
            "With offset -1, which key does your first query read? With 1, which your last?",
            "Some queries have no key at that place; the text leaves them out.",
            "Take the queries whose place is at least 0 and less than the number of words.",
        ),
    ),
]


def diagonal_with_loops(weights, offset=0):
    seq = weights.shape[-1]
    pairs = [(i, i + offset) for i in range(seq) if 0 <= i + offset < seq]
    return torch.stack([torch.stack([head[i, j] for i, j in pairs]).mean() for head in weights])


def diagonal_with_eye(weights, offset=0):
    seq = weights.shape[-1]
    place = torch.arange(seq)
    wanted = place[None, :] - place[:, None] == offset
    return (weights * wanted).sum(dim=(-2, -1)) / wanted.sum()


def diagonal_with_gather(weights, offset=0):
    seq = weights.shape[-1]
    query = torch.arange(max(0, -offset), min(seq, seq - offset))
    return weights[:, query, query + offset].mean(dim=1)


def diagonal_with_einsum(weights, offset=0):
    seq = weights.shape[-1]
    first = max(0, -offset)
    shifted = weights[:, first : first + seq - abs(offset), max(0, offset) :]
    shifted = shifted[:, :, : shifted.shape[1]]
    return torch.einsum("hii->h", shifted) / shifted.shape[1]


# 03.no-cross-talk


def talk_cases(generator: Generator) -> list[Case]:
    def replaced(batch: int, seq: int, width: int, changed: int) -> tuple[Tensor, Tensor]:
        # Few digits, so that it does not depend on luck what rounding does.
        before = randn(generator, batch, seq, width).round(decimals=2)
        after = before.clone()
        # Up, and further down, in turn: or it were luck whether a test that knows one direction,
        # or looks at the mean, sees it.
        turns = (torch.arange(seq * width) % 2).reshape(seq, width)
        after[changed] += 1 - 4 * turns + torch.rand(seq, width, generator=generator) / 2
        return before, after

    cases = []
    before, after = replaced(3, 4, 2, 2)
    cases.append(case("only the last sentence changed", before, after, 2))
    before, after = replaced(4, 3, 5, 0)
    cases.append(case("only the first sentence changed", before, after, 0))
    before, after = replaced(3, 5, 4, 1)
    noise = 1e-6 * randn(generator, 3, 5, 4)
    cases.append(case("the rest differs by rounding", before, after + noise, 1))
    before, _ = replaced(2, 3, 4, 1)
    cases.append(case("the new sentence gives the same output", before, before.clone(), 1))
    before, after = replaced(3, 4, 5, 1)
    cases.append(case("all sentences changed", before, after + randn(generator, 3, 4, 5), 1))
    before, after = replaced(4, 5, 3, 1)
    after[3, 2, 0] += 0.01
    cases.append(case("one number of another sentence changed", before, after, 1))
    before, after = replaced(3, 4, 6, 0)
    after[1, :, 0] += 0.5
    after[1, :, 1] -= 0.5
    cases.append(
        case("in another sentence one column rose and one fell, by as much", before, after, 0)
    )
    before, after = replaced(4, 3, 2, 1)
    after[0] += 0.5
    after[3] -= 0.5
    cases.append(case("two other sentences changed, up and down", before, after, 1))
    before, after = replaced(3, 4, 2, 1)
    after[2, 1, 1] = float("nan")
    cases.append(case("another sentence became nan", before, after, 1))
    before, after = replaced(3, 5, 2, 2)
    before[0, 3, 1] = after[0, 3, 1] = float("nan")
    cases.append(case("another sentence was nan and still is", before, after, 2))
    before, after = replaced(4, 5, 3, 1)
    after[2, 1] += 1.0
    cases.append(case("another sentence changed at one position", before, after, 1))
    before, _ = replaced(3, 5, 4, 1)
    after = before.clone()
    after[1, 1] += 1.0
    cases.append(case("one position of the replaced sentence changed", before, after, 1))
    before, after = replaced(4, 7, 8, 2)
    after[1, 3, 5] -= 0.0005
    cases.append(case("one number of a long sentence changed a little", before, after, 2))
    before, after = replaced(4, 3, 6, 1)
    cases.append(case("all the others changed a little", before, after + 0.0005, 1))
    before, after = replaced(3, 4, 5, 2)
    after[0] = before[0].flip(0)
    cases.append(case("another sentence came back last word first", before, after, 2))
    before, after = replaced(3, 5, 4, 2)
    after[0, 2] -= 1.0
    cases.append(case("the first sentence changed in the middle", before, after, 2))
    before, after = replaced(3, 4, 2, 0)
    after[2] *= -1.0
    cases.append(case("another sentence changed its sign", before, after, 0))
    before, after = replaced(3, 4, 5, 1)
    after[1, 2, 2] = float("nan")
    cases.append(case("the replaced sentence became nan", before, after, 1))
    before, _ = replaced(3, 2, 4, 1)
    after = before.clone()
    after[2] += 1.0
    cases.append(case("another sentence changed, the replaced one did not", before, after, 1))
    before, after = replaced(1, 3, 2, 0)
    cases.append(case("a batch of one: there is no other sentence", before, after, 0))
    before, after = replaced(3, 1, 1, 1)
    cases.append(
        case("only one sentence changed, and each is one word of one number", before, after, 1)
    )
    before, after = replaced(3, 2, 5, 1)
    cases.append(in_dtype(case("only one sentence changed", before, after, 1), torch.float64))
    before, after = replaced(4, 251, 3, 2)
    signs = randn(generator, 4, 251, 3).sign()
    cases.append(
        case("the rest, many numbers, differs by rounding", before, after + 3e-6 * signs, 2)
    )
    after = after + 3e-6 * signs
    after[0, 247, 1] += 0.5
    cases.append(case("a late word of a long sentence changed", before, after, 2))
    cases += [
        case(
            f"a number of another sentence changed by {by} than the tolerance, beside {near:,}",
            *one_changed(near, number),
            1,
        )
        for near in (0.0, 1000.0)
        for by, number in zip(("less", "more"), around(1e-4, near), strict=True)
    ]
    cases.append(
        case(
            "a number of another sentence fell below 0, by more than the tolerance",
            *one_changed(0.0, -around(1e-4, 0.0)[1]),
            1,
        )
    )
    before, after = one_changed(0.0, 0.0)
    after[2, 1] = around(1e-4, 0.0)[0]
    cases.append(
        case(
            "two numbers of another word changed, each by less than the tolerance", before, after, 1
        )
    )
    edges = torch.tensor([0.5, 0.05, 0.005, 0.0005, 0.00005, 0.000005]).expand(3, 2, 6)
    after = edges + 1e-6
    after[1] += 1.0
    cases.append(
        case("the rest differs by rounding, on both sides of half a digit", edges - 1e-6, after, 1)
    )
    order = torch.randperm(len(cases), generator=generator).tolist()
    return [cases[i] for i in order]


def one_changed(near: float, number: float) -> tuple[Tensor, Tensor]:
    """Two batches of three sentences in which one number of the last is not the same."""
    before = torch.full((3, 2, 5), near)
    after = before.clone()
    after[2, 1, 3] = number
    after[1] += 1.0
    return before, after


def wrong_talk(
    before: Tensor,
    after: Tensor,
    changed: int,
    *,
    compare: str = "all",
    keep: str = "others",
    sentences: str = "all",
    tolerance: float = 1e-4,
) -> bool:
    others = [i for i in range(len(before)) if i != changed]
    if keep == "positions":
        places = [i for i in range(before.shape[1]) if i != changed]
        before, after = before[:, places], after[:, places]
    elif keep == "others":
        picked = others[:1] if sentences == "first" else others
        before, after = before[picked], after[picked]
    difference = after - before
    return {
        "all": torch.allclose(before, after, rtol=0, atol=tolerance),
        "exact": torch.equal(before, after),
        "no-abs": bool((before - after < 1e-4).all()),
        "no-abs-turned": bool((after - before < 1e-4).all()),
        "equal-nan": torch.allclose(before, after, rtol=0, atol=1e-4, equal_nan=True),
        "signed": bool(difference.mean().abs() < 1e-4),
        "any": not bool((difference.abs() > 1e-4).any()),
        "mean": bool(difference.abs().mean() < 1e-4),
        "summed": torch.allclose(before.mean(dim=1), after.mean(dim=1), rtol=0, atol=1e-4),
    }[compare]


def demanding_talk(before: Tensor, after: Tensor, changed: int) -> bool:
    return wrong_talk(before, after, changed) and not torch.equal(before[changed], after[changed])


def others_of(before: Tensor, after: Tensor, changed: int) -> tuple[Tensor, Tensor]:
    others = torch.arange(len(before)) != changed
    return before[others], after[others]


def close(before: Tensor, after: Tensor, **more: float) -> bool:
    return torch.allclose(before, after, **{"rtol": 0, "atol": 1e-4} | more)


def rtol_left_on(before, after, changed):
    return torch.allclose(*others_of(before, after, changed), atol=1e-4)


def default_tolerance(before, after, changed):
    return torch.allclose(*others_of(before, after, changed))


def differences_summed(before, after, changed):
    one, other = others_of(before, after, changed)
    return bool((one - other).abs().sum() < 1e-4)


def multiplied_by_zero(before, after, changed):
    difference = (before - after).abs()
    difference[changed] *= 0
    return bool((difference < 1e-4).all())


def only_after(before, after, changed):
    return close(before[changed + 1 :], after[changed + 1 :])


def only_before(before, after, changed):
    return close(before[:changed], after[:changed])


def sentence_before(before, after, changed):
    return close(before[changed - 1], after[changed - 1])


def one_number_will_do(before, after, changed):
    one, other = others_of(before, after, changed)
    return bool(((one - other).abs() < 1e-4).any())


def verdict_per_sentence(before, after, changed):
    one, other = others_of(before, after, changed)
    return ((one - other).abs() < 1e-4).all(dim=-1).all(dim=-1)


def edited_batches(before, after, changed):
    before[changed] = 0
    after[changed] = 0
    return close(before, after)


def sentence_averages(before, after, changed):
    one, other = others_of(before, after, changed)
    return bool(((one - other).abs().mean(dim=(1, 2)) < 1e-4).all())


def last_one_wins(before, after, changed):
    kept = True
    for i in range(len(before)):
        if i != changed:
            kept = close(before[i], after[i])
    return kept


def first_one_wins(before, after, changed):
    for i in range(len(before)):
        if i != changed:
            return close(before[i], after[i])


def sum_of_all(before, after, changed):
    one, other = others_of(before, after, changed)
    return bool((one - other).sum().abs() < 1e-4)


def sentence_sums(before, after, changed):
    one, other = others_of(before, after, changed)
    return bool(((one - other).sum(dim=(1, 2)).abs() < 1e-4).all())


def first_words(before, after, changed):
    one, other = others_of(before, after, changed)
    return close(one[:, 0], other[:, 0])


def true_missing(before, after, changed):
    return None if wrong_talk(before, after, changed) else False


def far_sentences(before: Tensor, after: Tensor) -> int:
    return int(((before - after).abs() > 1e-4).flatten(1).any(dim=1).sum())


def exactly_one_changed(before, after, changed):
    return far_sentences(before, after) == 1


def at_most_one_changed(before, after, changed):
    return far_sentences(before, after) <= 1


def first_skipped(before, after, changed):
    others = [i for i in range(1, len(before)) if i != changed]
    return close(before[others], after[others])


def rounded_first(before, after, changed):
    one, other = others_of(before, after, changed)
    return torch.equal(one.round(decimals=4), other.round(decimals=4))


def only_the_changed(before, after, changed):
    return close(before[changed], after[changed])


def changed_must_differ(before, after, changed):
    return not only_the_changed(before, after, changed)


def word_lengths(before, after, changed):
    one, other = others_of(before, after, changed)
    return bool(((one - other).norm(dim=-1) < 1e-4).all())


def one_is_none(before, after, changed):
    return len(before) > 1 and close(*others_of(before, after, changed))


def largest_of_none(before, after, changed):
    one, other = others_of(before, after, changed)
    return bool((one - other).abs().max() < 1e-4)


def bits_turned(before, after, changed):
    """`~1` is -2: one sentence, counted from the end."""
    return close(before[~changed], after[~changed])


def largest_with_sign(before, after, changed, *, turned):
    one, other = others_of(before, after, changed)
    return bool((other - one if turned else one - other).max() < 1e-4)


TALK_MISTAKES = [
    Mistake(
        "first-one-wins",
        first_one_wins,
        {},
        "your loop returns in its first turn: one sentence decides, and in a batch of one nothing "
        "is returned",
        (
            "How often does your loop turn, with three sentences?",
            "`return` ends the function, also in the middle of a loop.",
            "Return False as soon as a sentence differs, and True only behind the loop.",
        ),
    ),
    Mistake(
        "changed-one-too",
        wrong_talk,
        {"keep": "everything"},
        "you compare the replaced sentence too, and that one is meant to change",
        (
            "Which sentences must stay as they were?",
            "A healthy module fails your test.",
            "Leave the sentence at index `changed` out before you compare.",
        ),
    ),
    Mistake(
        "wrong-axis",
        wrong_talk,
        {"keep": "positions"},
        "you leave out a position instead of a sentence",
        (
            "Which axis counts the sentences?",
            "The tensors are (batch, seq, d_model).",
            "Leave out index `changed` of the first axis.",
        ),
    ),
    Mistake(
        "exact",
        wrong_talk,
        {"compare": "exact"},
        "a difference of a millionth fails your test, and that is only rounding",
        (
            "Two correct runs may differ in the seventh digit.",
            "The text says below which difference numbers count as equal.",
            "`torch.allclose` takes it as `atol`; left out, `atol` is far smaller.",
        ),
    ),
    *(
        Mistake(
            compare,
            wrong_talk,
            {"compare": compare},
            "you never take the absolute value, so a change in one direction passes your test",
            (
                "Is −5 smaller than 0.0001?",
                "A difference counts in either direction.",
                "Take `.abs()` of the difference before you compare.",
            ),
        )
        for compare in ("no-abs", "no-abs-turned")
    ),
    Mistake(
        "signs-cancel",
        wrong_talk,
        {"compare": "signed"},
        "you average signed differences, so that up and down cancel out",
        (
            "What is the mean of +0.5 and −0.5?",
            "A difference counts in either direction.",
            "Look at absolute values, and at the largest rather than at the mean.",
        ),
    ),
    Mistake(
        "nan-passes",
        wrong_talk,
        {"compare": "any"},
        "a nan passes your test: nan is not larger than anything",
        (
            "What is `float('nan') > 0.0001`?",
            "Ask whether all numbers are close, not whether any is far.",
            "Turn the comparison round: all differences must be small.",
        ),
    ),
    Mistake(
        "equal-nan",
        wrong_talk,
        {"compare": "equal-nan"},
        "two nan count as equal in your test",
        (
            "What is `float('nan') == float('nan')`?",
            "A sentence whose output is nan has not kept it.",
            "Leave `equal_nan` out.",
        ),
    ),
    Mistake(
        "averaged",
        wrong_talk,
        {"compare": "mean"},
        "you average the differences, so that one changed number drowns among many",
        (
            "A batch may hold thousands of numbers. What if a single one changed?",
            "The mean of a thousand zeros and one 0.0005 is very small.",
            "Every difference has to be small, so look at the largest.",
        ),
    ),
    *(
        Mistake(
            f"too-patient-{tolerance:g}",
            wrong_talk,
            {"tolerance": tolerance},
            "your tolerance is so wide that a small leak passes",
            (
                "How small a change does your test see?",
                "The text names a tolerance; a change of 0.0005 is above it.",
                "Compare with 0.0001.",
            ),
        )
        for tolerance in (1e-3, 0.1)
    ),
    Mistake(
        "words-averaged",
        wrong_talk,
        {"compare": "summed"},
        "you compare each sentence's mean over its words, and exchanged words pass",
        (
            "What if a sentence comes back with its words in another order?",
            "A mean over the words forgets which word had which output.",
            "Compare number by number, before you average anything.",
        ),
    ),
    Mistake(
        "one-neighbour",
        wrong_talk,
        {"sentences": "first"},
        "you look at one other sentence, and the rest may do as they like",
        (
            "How many sentences besides the replaced one does the batch hold?",
            "A leak may reach only some of them.",
            "Compare all sentences but the replaced one.",
        ),
    ),
    Mistake(
        "must-change",
        demanding_talk,
        {},
        "you also demand that the replaced sentence's output differs",
        (
            "Read the question again: it is about the others.",
            "A module may well give two sentences the same output.",
            "Drop the condition on sentence `changed`.",
        ),
    ),
    Mistake(
        "rtol-left-on",
        rtol_left_on,
        {},
        "`rtol` is left on: near 1,000 it lets a change of 0.0001 and much more pass",
        (
            "One case has numbers near 1,000, and one of them changed by a little more than "
            "0.0001.",
            "`allclose` adds `rtol` times the number itself to the tolerance.",
            "Set `rtol=0`.",
        ),
    ),
    Mistake(
        "default-tolerance",
        default_tolerance,
        {},
        "the tolerance is PyTorch's default: far smaller near 0, and larger near 1,000, than the "
        "text's",
        (
            "The text says below which difference numbers count as equal.",
            "Without numbers of yours, `allclose` allows 0.00000001 at 0, and 0.01 at 1,000.",
            "Hand in `atol`, and set `rtol=0`.",
        ),
    ),
    Mistake(
        "differences-summed",
        differences_summed,
        {},
        "differences are added up before they are judged, so much rounding looks like a leak",
        (
            "One case has 3,012 numbers, most of them off by three millionths.",
            "Each number by itself counts as equal.",
            "Look at the largest difference, not at the sum.",
        ),
    ),
    Mistake(
        "multiplied-by-zero",
        multiplied_by_zero,
        {},
        "the replaced sentence is multiplied by 0, but 0 times nan is nan",
        (
            "In one case the replaced sentence became nan. May it?",
            "Only the others have to keep their output.",
            "Leave the sentence out, or overwrite it, instead of multiplying.",
        ),
    ),
    Mistake(
        "only-after",
        only_after,
        {},
        "you compare only the sentences behind the replaced one",
        (
            "Which sentences does your comparison look at, for `changed` in the middle of the "
            "batch?",
            "A leak may reach sentences on either side.",
            "Compare all sentences but the replaced one.",
        ),
    ),
    Mistake(
        "only-before",
        only_before,
        {},
        "you compare only the sentences in front of the replaced one",
        (
            "Which sentences does your comparison look at, for `changed` in the middle of the "
            "batch?",
            "A leak may reach sentences on either side.",
            "Compare all sentences but the replaced one.",
        ),
    ),
    Mistake(
        "sentence-before",
        sentence_before,
        {},
        "you compare only the sentence in front of the replaced one",
        (
            "Which sentences does your comparison look at, for `changed` in the middle of the "
            "batch?",
            "A leak may reach sentences on either side.",
            "Compare all sentences but the replaced one.",
        ),
    ),
    Mistake(
        "one-number-will-do",
        one_number_will_do,
        {},
        "one number that agrees is enough for your test; all have to",
        (
            "You let through modules that mix everything.",
            "`any` asks for one, not for all.",
            "Ask that all differences are small.",
        ),
    ),
    Mistake(
        "verdict-per-sentence",
        verdict_per_sentence,
        {},
        "you return a verdict for each sentence; one for all is asked for",
        (
            "What is the shape of what you return?",
            "True or False, once.",
            "All sentences have to agree: one more `all`.",
        ),
    ),
    Mistake(
        "turned-round",
        lambda *given: not wrong_talk(*given),
        {},
        "your verdict is the wrong way round: True where a sentence leaks",
        (
            "Try your test on two equal batches.",
            "What does True mean in the text?",
            "Look for a `not`, or for two returns in each other's place.",
        ),
    ),
    Mistake(
        "edits-batches",
        edited_batches,
        {},
        "your code writes into `before`, which belongs to whoever calls",
        (
            "Print `before` before and after a call of your function.",
            "Writing into an argument changes the tensor that the caller still needs.",
            "Make a new tensor (`clone`, `where`, `.T`) and leave the old one as it was.",
        ),
    ),
    Mistake(
        "last-one-wins",
        last_one_wins,
        {},
        "each turn of your loop forgets the verdict before it: only the last sentence counts",
        (
            "You let through a leak into one of several sentences.",
            "A variable holds what was put into it last.",
            "Return False as soon as a sentence differs, and True after the loop.",
        ),
    ),
    Mistake(
        "sum-of-all",
        sum_of_all,
        {},
        "all differences are added up with their signs, so that one sentence cancels another",
        (
            "What is the sum of +0.5 and −0.5?",
            "A difference counts in either direction.",
            "Take `.abs()` before you add or compare.",
        ),
    ),
    Mistake(
        "sentence-sums",
        sentence_sums,
        {},
        "differences are added up within a sentence, so up and down cancel out",
        (
            "What is the sum of +0.5 and −0.5?",
            "A difference counts in either direction.",
            "Take `.abs()` before you add or compare.",
        ),
    ),
    Mistake(
        "first-words-only",
        first_words,
        {},
        "only the first word of each sentence is compared",
        (
            "A leak may reach any word.",
            "The tensors are (batch, seq, d_model): how much of seq do you read?",
            "Compare all words.",
        ),
    ),
    Mistake(
        "true-missing",
        true_missing,
        {},
        "where nothing differs your function ends without an answer",
        (
            "What does your function give for two equal batches?",
            "A function that reaches its end returns None.",
            "Add `return True` after the loop.",
        ),
    ),
    Mistake(
        "exactly-one-changed",
        exactly_one_changed,
        {},
        "you count how many sentences changed and want one, whichever it is",
        (
            "What if the module leaks into one sentence, and the replaced one stays the same?",
            "`changed` tells you which sentence may differ. Is it used?",
            "Leave out index `changed`, then compare all the rest.",
        ),
    ),
    Mistake(
        "at-most-one-changed",
        at_most_one_changed,
        {},
        "you count how many sentences changed and allow one, whichever it is",
        (
            "What if the module leaks into one sentence, and the replaced one stays the same?",
            "`changed` tells you which sentence may differ. Is it used?",
            "Leave out index `changed`, then compare all the rest.",
        ),
    ),
    Mistake(
        "first-skipped",
        first_skipped,
        {},
        "the first sentence is never compared",
        (
            "You let through a leak into the sentence at index 0.",
            "Where does your range begin?",
            "Indices begin at 0.",
        ),
    ),
    Mistake(
        "rounded-first",
        rounded_first,
        {},
        "numbers are rounded before they are compared, and two close ones can round apart",
        (
            "One case has 0.000049 beside 0.000051.",
            "Rounding has edges too: next to one, a millionth decides.",
            "Take the difference of the two numbers, and judge how large it is.",
        ),
    ),
    Mistake(
        "only-the-changed",
        only_the_changed,
        {},
        "you compare the replaced sentence alone; asked is whether the others kept their output",
        (
            "Which sentences do you look at?",
            "`changed` is the one that may differ.",
            "Compare all sentences but that one.",
        ),
    ),
    Mistake(
        "changed-must-differ",
        changed_must_differ,
        {},
        "you look at the replaced sentence alone, and want it to differ; the others are never "
        "compared",
        (
            "Which sentences do you look at?",
            "A healthy module may well leave the replaced sentence's output as it is.",
            "Compare all sentences but that one.",
        ),
    ),
    Mistake(
        "word-lengths",
        word_lengths,
        {},
        "your test adds up what differs in a word, and a few small differences come to more than "
        "0.0001",
        (
            "Change five numbers of another sentence by 0.00009 each.",
            "The tolerance holds for each number, not for several of them together.",
            "Look at the largest difference, or ask all of them.",
        ),
    ),
    Mistake(
        "stricter",
        wrong_talk,
        {"tolerance": 1e-5},
        "your tolerance is smaller than the text's: what is off by less than 0.0001 is equal",
        (
            "Compare 1 with 1.00008. The text calls them equal.",
            "Which number stands in your comparison, and which one in the text?",
            "0.0001 is 1e-4.",
        ),
    ),
    Mistake(
        "one-is-none",
        one_is_none,
        {},
        "a batch of one is judged False; no other sentence is there, so none has changed",
        (
            "One case is a batch of one sentence.",
            "Did any of no sentences change?",
            "`all` and `allclose` are True where there is nothing to compare.",
        ),
    ),
    Mistake(
        "largest-of-none",
        largest_of_none,
        {},
        "in a batch of one no other sentence is left, and `max` of nothing stops",
        (
            "One case is a batch of one sentence.",
            "Did any of no sentences change?",
            "`all` and `allclose` are True where there is nothing to compare.",
        ),
    ),
    Mistake(
        "always-true",
        lambda *given: True,
        {},
        "your test passes whatever it is given",
        (
            "Try your test on two batches that differ everywhere.",
            "A test that can't fail says nothing.",
            "Which line of your code can give False?",
        ),
    ),
    Mistake(
        "zero-or-one",
        lambda *given: int(wrong_talk(*given)),
        {},
        "you return 1 or 0; True or False is asked for",
        (
            "Print what you return.",
            "A comparison is True or False by itself.",
            "Leave out the `int`, or put `bool` around it.",
        ),
    ),
    nothing_returned("True or False"),
    Mistake(
        "sentence-averages",
        sentence_averages,
        {},
        "you average the differences of a sentence, so that one changed number drowns among many",
        (
            "A sentence may hold thousands of numbers. What if a single one changed?",
            "An average is small when one difference is large and the rest are 0.",
            "Every difference has to be small, so look at the largest.",
        ),
    ),
    Mistake(
        "one-from-the-end",
        bits_turned,
        {},
        "`x[~changed]` is one sentence, counted from the end: only a mask of truths "
        "is turned round by `~`",
        (
            "What does `~1` say?",
            "For a whole number, `~i` is `-i - 1`.",
            "Compare all places with `changed` first; that gives the mask.",
        ),
    ),
    Mistake(
        "largest-with-sign",
        largest_with_sign,
        {"turned": False},
        "the largest difference is taken without `.abs()`, so a large negative one is small; "
        "and in a batch of one it is the largest of nothing",
        (
            "Let one number fall by 5. What is the largest difference?",
            "A difference counts in either direction.",
            "Take the size of each difference, and ask for `all`, which is True of nothing.",
        ),
    ),
    Mistake(
        "largest-with-sign-turned",
        largest_with_sign,
        {"turned": True},
        "the largest difference is taken without `.abs()`, so a number that fell is not seen;"
        " and in a batch of one it is the largest of nothing",
        (
            "Let one number rise by 5, another time fall by 5. What is the largest difference?",
            "A difference counts in either direction.",
            "Take the size of each difference, and ask for `all`, which is True of nothing.",
        ),
    ),
]


def talk_with_loop(before, after, changed):
    for i in range(before.shape[0]):
        if i != changed and not bool(((before[i] - after[i]).abs() < 1e-4).all()):
            return False
    return True


def talk_with_max(before, after, changed):
    change = (before - after).abs().amax(dim=(1, 2))
    change[changed] = 0.0
    return bool(change.max() < 1e-4)


def talk_with_masks(before, after, changed):
    near = (after - before).abs().flatten(1).lt(1e-4).all(dim=1)
    near[changed] = True
    return near.all()


def talk_with_lists(before, after, changed):
    pairs = [*zip(before.tolist(), after.tolist(), strict=True)]
    del pairs[changed]
    numbers = [
        n for b, a in pairs for x, y in zip(b, a, strict=True) for n in zip(x, y, strict=True)
    ]
    return all(abs(x - y) < 1e-4 for x, y in numbers)


# 03.table-head


class BareLinear(nn.Linear):
    """Without first weights: each case hands its own in, and drawing them takes the most time."""

    def reset_parameters(self) -> None:
        pass


def head_state(
    generator: Generator, d_model: int, d_head: int, answers: int, spread: float = 1.0
) -> dict[str, Tensor]:
    rows = {"to_q": d_head, "to_k": d_head, "to_v": answers}
    weights = {f"{name}.weight": randn(generator, n, d_model) for name, n in rows.items()}
    weights |= {f"{name}.bias": randn(generator, n) for name, n in rows.items()}
    return {name: spread * weight for name, weight in weights.items()}


def games(
    generator: Generator, steps: int, batch: int, seats: int, dishes: int, whose: int
) -> tuple[Tensor, Tensor]:
    """Tables (steps, batch, seat, seats + dishes), and the dish of the guest `whose` seats on."""
    dish = torch.randint(dishes, (steps, batch, seats), generator=generator)
    seat = torch.eye(seats).expand(steps, batch, -1, -1)
    return torch.cat([seat, F.one_hot(dish, dishes)], dim=-1), dish.roll(-whose, dims=-1)


def table_cases(generator: Generator) -> list[Case]:
    def start(d_model: int, d_head: int, answers: int, spread: float = 1.0) -> dict:
        init = {"d_model": d_model, "d_head": d_head, "n_answers": answers}
        return {"init": init, "state": head_state(generator, d_model, d_head, answers, spread)}

    def asked(label: str, sizes: tuple[int, int, int], batch: int, seats: int) -> Case:
        x = randn(generator, batch, seats, sizes[0])
        return Case(label, [call(x)], **start(*sizes))

    def trained(
        label: str, steps: int, batch: int, seats: int, dishes: int, rate: float, spread: float = 1
    ) -> Case:
        tables, answers = games(generator, steps, batch, seats, dishes, whose=1)
        x = randn(generator, 2, seats, seats + dishes)
        calls = [call(tables, answers, rate, method="fit"), call(x)]
        return Case(label, calls, **start(seats + dishes, 2, dishes, spread))

    def learned(label: str, whose: int) -> Case:
        """Sizes and rate at which the reference gets all of them, with any of 60 seeds."""
        tables, answers = games(generator, 100, 8, 5, 3, whose)
        (x,), (y,) = games(generator, 1, 40, 5, 3, whose)
        calls = [call(tables, answers, 3.0, method="fit"), call(x)]
        return Case(label, calls, **start(8, 8, 3, 0.4), target=y, at_least=0.95)

    return [
        asked("scores for the answers", (5, 3, 2), 2, 4),
        asked("the same head, other tables", (5, 3, 2), 3, 5),
        asked("one guest alone", (3, 2, 4), 1, 1),
        asked("as many answers as numbers", (4, 4, 4), 2, 3),
        # Five, as three are played in order by chance too often where they are shuffled.
        trained("five steps, then new tables", 5, 4, 3, 2, 0.5),
        trained("one guest at one table, large weights", 5, 1, 1, 3, 0.5, 2.0),
        trained("one step", 1, 2, 4, 3, 1.0),
        trained("tables of one guest", 2, 3, 1, 3, 0.7),
        learned("unseen tables, one rule", 1),
        learned("unseen tables, another rule", 3),
    ]


class WrongHead(nn.Module):
    """The head with its steps exchangeable; `way` names the one that is."""

    def __init__(self, d_model: int, d_head: int, n_answers: int, *, way: str = "right"):
        super().__init__()
        self.way = way
        self.to_q = BareLinear(d_model, d_head)
        self.to_k = BareLinear(d_model, d_head)
        self.to_v = BareLinear(d_model, n_answers)

    def mix(self, x: Tensor) -> tuple[Tensor, Tensor]:
        q, k, v = self.to_q(x), self.to_k(x), self.to_v(x)
        if self.way == "tied":
            k = self.to_q(x)
        root = {
            "no-scale": 1.0,
            "no-root": q.shape[-1],
            "root-of-model": x.shape[-1] ** 0.5,
            "root-of-seats": x.shape[-2] ** 0.5,
            "root-of-values": v.shape[-1] ** 0.5,
        }.get(self.way, q.shape[-1] ** 0.5)
        scores = (k @ q.mT if self.way == "turned-round" else q @ k.mT) / root
        if self.way == "self-hidden" and x.shape[-2] > 1:
            scores = scores.masked_fill(torch.eye(x.shape[-2]).bool(), -torch.inf)
        axis = {"over-the-queries": -2, "over-the-batch": 0}.get(self.way, -1)
        weights = scores if self.way == "no-softmax" else scores.softmax(dim=axis)
        output = weights @ v
        if self.way in ("shares", "log-shares"):
            output = output.softmax(dim=-1) if self.way == "shares" else output.log_softmax(dim=-1)
        return output, weights

    def forward(self, x: Tensor):
        output, weights = self.mix(x)
        return {
            "with-weights": lambda: (output, weights),
            "pair-to-loss": lambda: (output, weights),
            "best-only": lambda: output.argmax(dim=-1),
            "averaged": lambda: output.mean(dim=-2),
            "forward-nothing": lambda: None,
        }.get(self.way, lambda: output)()

    def fit(self, tables: Tensor, answers: Tensor, rate: float) -> list[float]:
        losses = []
        for x, y in zip(tables, answers, strict=True):
            rows = self.mix(x)[0] if self.way == "with-weights" else self(x)
            loss = F.cross_entropy(rows.flatten(0, 1), y.flatten())
            descend(self, loss, rate)
            losses.append(loss.item())
        return losses


class WrongFit(WrongLoop, WrongHead):
    """Mistakes of the loop; forward is right."""

    moves = WrongLoop.moves | {
        "values-only": lambda name: "to_v" in name,
        "queries-only": lambda name: "to_q" in name,
    }

    def fit(self, inputs: Tensor, answers: Tensor, rate: float) -> list[float]:
        return super().fit(inputs, answers, {"rate-fixed": 0.1}.get(self.way, rate))

    def judged(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return self(x).flatten(0, 1), y.flatten()

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        scores, (rows, wanted) = self(x), self.judged(x, y)
        own = {
            "summed-over-seats": lambda: F.cross_entropy(rows, wanted, reduction="sum") / len(x),
            "summed-over-tables": lambda: (
                F.cross_entropy(rows, wanted, reduction="sum") / x.shape[1]
            ),
            "rows-mixed": lambda: F.cross_entropy(scores.mT.reshape(rows.shape), wanted),
            "not-flattened": lambda: F.cross_entropy(scores, y),
            "first-guest": lambda: F.cross_entropy(scores[:, 0], y[:, 0]),
            "first-table": lambda: F.cross_entropy(scores[0], y[0]),
            "last-guest": lambda: F.cross_entropy(scores[:, -1], y[:, -1]),
            "axes-viewed": lambda: F.cross_entropy(scores.reshape(len(x), scores.shape[-1], -1), y),
        }
        return own[self.way]() if self.way in own else super().loss(x, y)


class HeadWithoutSuper(WrongHead):
    """The line that every module starts with is missing."""

    def __init__(self, d_model, d_head, n_answers):
        self.to_q = nn.Linear(d_model, d_head)


class HeadWithoutBias(WrongHead):
    """Projections without a bias."""

    def __init__(self, d_model, d_head, n_answers):
        super().__init__(d_model, d_head, n_answers)
        for name, width in (("to_q", d_head), ("to_k", d_head), ("to_v", n_answers)):
            setattr(self, name, BareLinear(d_model, width, bias=False))


class NarrowValues(WrongHead):
    """Values as wide as queries: then one more layer would be needed for the answers."""

    def __init__(self, d_model, d_head, n_answers):
        super().__init__(d_model, d_head, n_answers)
        self.to_v = BareLinear(d_model, d_head)


class OneMatrix(WrongHead):
    """One layer for queries and keys."""

    def __init__(self, d_model, d_head, n_answers):
        nn.Module.__init__(self)
        self.to_q, self.to_v = BareLinear(d_model, d_head), BareLinear(d_model, n_answers)


class OptimHead(WrongHead):
    """Right: PyTorch's own step."""

    def forward(self, x):
        return F.scaled_dot_product_attention(self.to_q(x), self.to_k(x), self.to_v(x))

    def fit(self, tables, answers, rate):
        optimizer, losses = torch.optim.SGD(self.parameters(), lr=rate), []
        for i in range(len(tables)):
            optimizer.zero_grad()
            loss = nn.CrossEntropyLoss()(self(tables[i]).transpose(1, 2), answers[i])
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses


class AutogradHead(WrongHead):
    """Right: gradients asked for by name, the loss from logarithms."""

    def forward(self, x):
        scores = torch.einsum("bqh,bkh->bqk", self.to_q(x), self.to_k(x))
        weights = torch.softmax(scores / self.to_q.out_features**0.5, dim=2)
        return torch.einsum("bqk,bka->bqa", weights, self.to_v(x))

    def fit(self, tables, answers, rate):
        losses, weights = [], list(self.parameters())
        for x, y in zip(tables, answers, strict=True):
            logs = self(x).log_softmax(dim=-1).gather(-1, y[..., None])
            loss = -logs.mean()
            for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                weight.data -= rate * slope
            losses.append(loss.item())
        return losses


class LoopHead(WrongHead):
    """Right: table by table, the loss as an average of averages, gradients set to None."""

    def forward(self, x):
        tables = []
        for table in x:
            scores = self.to_q(table) @ self.to_k(table).T * self.to_k.out_features**-0.5
            tables.append(scores.softmax(dim=1) @ self.to_v(table))
        return torch.stack(tables)

    def fit(self, tables, answers, rate):
        losses = []
        for i in range(tables.shape[0]):
            each = [F.cross_entropy(s, y) for s, y in zip(self(tables[i]), answers[i], strict=True)]
            loss = sum(each) / len(each)
            loss.backward()
            for weight in self.parameters():
                weight.data.add_(weight.grad, alpha=-rate)
                weight.grad = None
            losses.append(loss.detach().item())
        return losses


FORWARD_HINTS = (
    "Make a head with 5, 3 and 2, call it with a tensor of shape (1, 4, 5), and print each shape.",
    "Three projections, scores, softmax along the keys, mix. Go through them one by one.",
    "The scores are divided by the root of d_head, and what comes back is the mix of the values.",
)
LOSS_HINTS = (
    "Print the loss of the first step, before anything moved, and work it out by hand.",
    "`cross_entropy` takes scores as they are, a row for each guest, and gives one mean.",
    "Flatten the first two axes of the scores, flatten the answers, and hand both in.",
)
STEP_HINTS = (
    "Print one weight and its gradient before and after a step.",
    "A step has three moves: old gradients away, new ones by `backward`, then all weights move.",
    "Each weight becomes itself minus rate times its gradient, in `torch.no_grad()`.",
)
BATCH_HINTS = (
    "Print which tables each turn of your loop works on, and how many turns there are.",
    "Step i plays `tables[i]` and is judged by `answers[i]`, from the first to the last.",
    "`for x, y in zip(tables, answers)` gives each batch once, in order.",
)
LOSSES_HINTS = (
    "Print what `fit` returns for three batches. How many numbers are there?",
    "A loss is a number for each step, as it was before the weights moved.",
    "Append `loss.item()` in each turn, and return the list after the loop.",
)
LOOP_HINTS = {
    "loss": LOSS_HINTS,
    "step": STEP_HINTS,
    "batch": BATCH_HINTS,
    "losses": LOSSES_HINTS,
}
PARTS_HINTS = (
    "Print `[(name, w.shape) for name, w in head.named_parameters()]`.",
    "The text names three linear layers, the width of each, and that they have a bias.",
    "`nn.Linear(d_model, d_head)` twice, and `nn.Linear(d_model, n_answers)` for the values.",
)


def ahead(name: str, says: str, hints: tuple[str, str, str] = FORWARD_HINTS) -> Mistake:
    return Mistake(name, WrongHead, {"way": name}, says, hints)


def looped(name: str, says: str, hints: tuple[str, str, str]) -> Mistake:
    return Mistake(name, WrongFit, {"way": name}, says, hints)


TABLE_MISTAKES = [
    ahead("no-scale", "the scores are not divided by the root of d_head"),
    ahead("no-root", "the scores are divided by d_head, not by its root"),
    ahead("root-of-model", "the divisor is the root of d_model, not of d_head"),
    ahead("root-of-seats", "the divisor is the root of the number of guests"),
    ahead("root-of-values", "the divisor is the root of the values' width"),
    ahead("tied", "the keys come out of `to_q`"),
    ahead("turned-round", "keys ask and queries are asked: the scores lie on their side"),
    ahead("over-the-queries", "softmax runs over the queries: columns sum to 1, not rows"),
    ahead("over-the-batch", "softmax runs over the batch: tables compete with each other"),
    ahead("no-softmax", "the values are mixed by the scores: the softmax is missing"),
    ahead("self-hidden", "no guest may look at itself; the text doesn't ask for that"),
    ahead("shares", "`forward` returns shares; the scores as they are were asked for"),
    ahead("log-shares", "`forward` returns logarithms of shares; the scores were asked for"),
    ahead("pair-to-loss", "`forward` returns the weights too, and `fit` goes on with the pair"),
    ahead("with-weights", "`forward` returns the weights too; the scores alone were asked for"),
    ahead("best-only", "`forward` returns the best answer; a score for each was asked for"),
    ahead("averaged", "`forward` averages over the guests; each gets scores of its own"),
    ahead("forward-nothing", "`forward` returns nothing: the result stays inside of it"),
    looped("summed-over-seats", "the loss is summed over the guests of a table", LOSS_HINTS),
    looped("summed-over-tables", "the loss is summed over the tables of a batch", LOSS_HINTS),
    looped("rows-mixed", "the scores are flattened across their axes: rows mix guests", LOSS_HINTS),
    looped("not-flattened", "`cross_entropy` takes one row for each guest", LOSS_HINTS),
    looped("first-guest", "only the first guest of each table is judged", LOSS_HINTS),
    looped("first-table", "only the first table of each batch is judged", LOSS_HINTS),
    looped("last-guest", "only the last guest of each table is judged", LOSS_HINTS),
    looped(
        "axes-viewed", "`view` or `reshape` deals the scores out anew: it turns no axes", LOSS_HINTS
    ),
    looped("queries-only", "only `to_q` moves; keys and values learn nothing", STEP_HINTS),
    looped("rate-fixed", "the steps have a rate of 0.1, whatever `rate` says", STEP_HINTS),
    looped("values-only", "only `to_v` moves; queries and keys learn nothing", STEP_HINTS),
    looped("unit-step", "each gradient is brought to length 1 before the step", STEP_HINTS),
    *loop_mistakes(WrongFit, LOOP_HINTS),
    Mistake(
        "no-super",
        HeadWithoutSuper,
        {},
        "`super().__init__()` is missing: nn.Module has to be set up before it can hold parts",
        (
            "Read the last line of the error: what was called too late, or never?",
            "Compare the first line of your `__init__` with the module of section 2.7.",
            "`super().__init__()` comes first, before any `self.… =`.",
        ),
    ),
    Mistake("no-bias", HeadWithoutBias, {}, "your projections have no bias", PARTS_HINTS),
    Mistake("narrow-values", NarrowValues, {}, "values are as wide as d_head", PARTS_HINTS),
    Mistake("one-matrix", OneMatrix, {}, "`to_k` is missing among the parts", PARTS_HINTS),
]


EXERCISES = [
    Exercise(
        id="03.project",
        any_sequence=True,
        title="Three vectors from one",
        kind="code",
        points=2,
        name="project",
        cases=project_cases,
        mistakes=PROJECT_MISTAKES,
        also_right=[
            project_with_linear,
            project_with_einsum,
            project_fused,
            project_with_loops,
            project_functionally,
        ],
        axes="batch seq d_head",
        hints=(
            "Make x, a weight and a bias of ones, of sizes that all differ, and look at the "
            "shapes.",
            "Read the first two points again: what does each pair hold, and in which shape?",
            "For each pair: turn the weight, multiply x with it, add the bias. Nothing else.",
        ),
        allows=Edges(dtypes=("float32", "float64"), axes=(3,), sizes=(1,), labels=("gradients",)),
    ),
    Exercise(
        id="03.self-lookup-bug",
        title="Everybody admires themselves",
        kind="bug",
        points=2,
        name="self_attention",
        cases=bug_cases,
        mistakes=BUG_MISTAKES,
        also_right=[
            fused_with_chunk,
            fused_with_three_products,
            fused_with_reshape,
            fused_with_einsum,
        ],
        axes="batch seq d_head",
        hints=(
            "Run it on a sentence of three words and print `q`, `k` and `v`, or their shapes.",
            "The text says in which order the columns stand. Follow the three slices with a "
            "finger.",
            "Only one of the three thirds is never read.",
        ),
        allows=Edges(
            dtypes=("float32", "float64"), axes=(3,), sizes=(1,), labels=("gradients", "one word")
        ),
    ),
    Exercise(
        id="03.table-head",
        title="A head that learns the game",
        kind="build",
        points=4,
        name="TableHead",
        cases=table_cases,
        mistakes=TABLE_MISTAKES,
        also_right=[OptimHead, AutogradHead, LoopHead],
        axes="batch seat answer",
        plain_numbers=True,
        hints=(
            "Make a head with 5, 3 and 2, and call `forward` and `fit` with small tensors.",
            "First `forward`: three projections and the formula. Then `fit`, step by step.",
            "Each turn of `fit`: scores, loss, clear, backward, move all weights, note the loss.",
        ),
        allows=Edges(
            axes=(3, 4), sizes=(1,), labels=("one step", "one guest", "new tables", "unseen")
        ),
        seconds=20.0,
        wall=60.0,
    ),
    Exercise(
        id="03.cross-shapes",
        title="Predict the shapes",
        kind="predict",
        points=1,
        name="cross_shapes",
        cases=shapes_cases,
        mistakes=SHAPES_MISTAKES,
        also_right=[shapes_by_running, shapes_in_any_order, shapes_by_meta],
        hints=(
            "Choose six different numbers, make tensors of these sizes, and print the shapes.",
            "The exercise above names the shape of each matrix. A product replaces the last axis.",
            "Go through the five in order: which sequence does it come from, and how wide is it?",
        ),
        allows=Edges(sizes=(1, 8), labels=("sizes",)),
    ),
    Exercise(
        id="03.cross-attention",
        any_sequence=True,
        title="Ask another sequence",
        kind="code",
        points=3,
        name="cross_attention",
        cases=cross_cases,
        mistakes=CROSS_MISTAKES,
        also_right=[
            cross_with_einsum,
            cross_with_loops,
            cross_mixes_first,
            cross_with_vmap,
            cross_with_sdpa,
        ],
        axes="batch query d_value",
        hints=(
            "Make two sequences of different lengths and widths, and print each shape on the way.",
            "The first sentence says who asks whom. The second point gives each matrix its two "
            "widths.",
            "Queries from one sequence, keys and values from the other; from there on as in "
            "chapter 02.",
        ),
        allows=Edges(
            dtypes=("float32", "float64"),
            axes=(3,),
            sizes=(1,),
            labels=("large scores", "gradients", "single key", "single query"),
        ),
    ),
    Exercise(
        id="03.no-cross-talk",
        title="A test that catches a mixed-up batch",
        kind="test",
        points=2,
        name="no_cross_talk",
        cases=talk_cases,
        mistakes=TALK_MISTAKES,
        also_right=[talk_with_loop, talk_with_max, talk_with_masks, talk_with_lists],
        hints=(
            "Make two batches of three sentences by hand, change one number, and call your test.",
            "Which sentences does the text want compared, and from where on is a difference one?",
            "Leave one sentence out, take the size of every difference that is left, and judge "
            "all.",
        ),
        allows=Edges(
            dtypes=("float32", "float64"),
            axes=(3,),
            sizes=(1, 251),
            special=("nan", "zeros"),
            labels=("beside 0", "beside 1,000", "batch of one", "the replaced sentence became nan"),
        ),
    ),
    Exercise(
        id="03.head-entropy",
        title="How undecided is a head?",
        kind="code",
        points=2,
        name="head_entropy",
        cases=entropy_cases,
        mistakes=ENTROPY_MISTAKES,
        also_right=[
            entropy_with_entr,
            entropy_with_loops,
            entropy_with_xlogy,
            entropy_with_einsum,
        ],
        choices={"base": (2, 3, 5, 10)},
        axes="heads",
        properties=("finite", "not-negative"),
        hints=(
            "Try the two values that the text says to know, in one head: they must give 0 and 3.",
            "Three steps: a term for each weight, a sum for each row, a mean for each head.",
            "Mind weights of exactly 0 before you sum, and divide the logarithm by that of the "
            "base.",
        ),
        allows=Edges(
            dtypes=("float32", "float64"),
            axes=(3,),
            sizes=(1, 2003),
            labels=("even", "all weight on one key", "nobody looks at"),
        ),
    ),
    Exercise(
        id="03.diagonal-share",
        title="Does a head look to its left?",
        kind="code",
        points=2,
        name="diagonal_share",
        cases=diagonal_cases,
        mistakes=DIAGONAL_MISTAKES,
        also_right=[
            diagonal_with_loops,
            diagonal_with_eye,
            diagonal_with_gather,
            diagonal_with_einsum,
        ],
        choices={"offset": (0, -1, 1, -2)},
        axes="heads",
        hints=(
            "Make one head by hand, 3 by 3 with the numbers 1 to 9, and say which ones you want.",
            "Read the second paragraph again: which queries count, for this offset?",
            "The key of query i is i + offset. Take those that exist, and average over them alone.",
        ),
        allows=Edges(
            dtypes=("float32", "float64"),
            axes=(3,),
            sizes=(-11, -1, 0, 1, 2, 4),
            labels=("one word", "one query is left", "some weights are 0"),
        ),
    ),
]
