"""Answer keys of chapter 03: cases, and the mistakes that learners write."""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from course_lib.grader.judging.key import Case, Exercise, Mistake, case


def randn(generator: Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


def soft_rows(generator: Generator, *shape: int, sharp: float = 2.0) -> Tensor:
    return (sharp * randn(generator, *shape)).softmax(dim=-1)


# 03.project


def linear(generator: Generator, d_out: int, d_in: int) -> tuple[Tensor, Tensor]:
    return randn(generator, d_out, d_in), randn(generator, d_out)


def project_cases(generator: Generator) -> list[Case]:
    def one(label: str, batch: int, seq: int, d_model: int, d_head: int, d_value: int) -> Case:
        parts = [linear(generator, d_out, d_model) for d_out in (d_head, d_head, d_value)]
        return case(label, randn(generator, batch, seq, d_model), *parts)

    return [
        one("as wide out as in", 2, 3, 5, 5, 5),
        one("as wide out as in, longer", 3, 4, 7, 7, 7),
        one("every size different", 2, 5, 7, 3, 11),
        one("one token", 1, 1, 4, 4, 4),
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


# 03.cross-attention


def cross_cases(generator: Generator) -> list[Case]:
    def one(label: str, batch: int, n: int, m: int, d: int, c: int, head: int, value: int, by=1.0):
        return case(
            label,
            by * randn(generator, batch, n, d),
            randn(generator, batch, m, c),
            randn(generator, d, head),
            randn(generator, c, head),
            randn(generator, c, value),
        )

    return [
        one("two sequences of one length and width", 2, 4, 4, 5, 5, 3, 7),
        one("one length, one width, large scores", 1, 3, 3, 6, 6, 5, 6, by=40.0),
        one("every size different", 2, 3, 5, 7, 11, 13, 17),
        one("a single key", 2, 5, 1, 3, 7, 4, 6),
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
    width = {"d_head": q.shape[-1], "none": 1, "d_model": x.shape[-1], "square": q.shape[-1] ** 2}
    scores = q @ k.transpose(-2, -1) / width[scale] ** 0.5
    weights = scores.softmax(dim=axis)
    output, second = weights @ v, scores if scores_out else weights
    return (second, output) if weights_first else (output, second)


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


# 03.cross-shapes


def shapes_cases(generator: Generator) -> list[Case]:
    def sizes() -> list[int]:
        # six different numbers, so that no shape is right by luck
        return (torch.randperm(40, generator=generator)[:6] + 2).tolist()

    even = [3, 8, 8, 32, 16, 16]  # a self-attention's sizes: many mistakes are right here
    return [case(f"sizes {s}", *s) for s in (sizes(), sizes(), sizes(), even)]


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


# 03.self-lookup-bug


def bug_cases(generator: Generator) -> list[Case]:
    def one(label: str, batch: int, seq: int, d_model: int, d_head: int, by: float = 1.0) -> Case:
        x = by * randn(generator, batch, seq, d_model)
        return case(label, x, randn(generator, d_model, 3 * d_head))

    return [
        one("a short sentence", 1, 3, 5, 4),
        one("every size different", 2, 5, 7, 3),
        one("small scores", 2, 7, 3, 11, by=0.1),
        one("d_head equals d_model", 3, 4, 6, 6),
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
) -> Tensor:
    d_head = w_qkv.shape[-1] // 3
    fused = x @ w_qkv
    cut = [fused[..., i::3] if interleaved else fused.split(d_head, -1)[i] for i in range(3)]
    q, k, v = cut[queries], cut[keys], cut[values]
    width = {"head": d_head, "all": 3 * d_head, "none": 1}[scale]
    scores = q @ k.transpose(-2, -1) / width**0.5
    if hide:
        scores = scores.masked_fill(torch.eye(x.shape[-2], dtype=torch.bool), float("-inf"))
    return scores.softmax(dim=-1) @ v


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
]


def fused_with_chunk(x, w_qkv):
    q, k, v = (x @ w_qkv).chunk(3, dim=-1)
    return F.scaled_dot_product_attention(q, k, v)


def fused_with_three_products(x, w_qkv):
    q, k, v = (x @ block for block in w_qkv.chunk(3, dim=1))
    return torch.einsum("bnm,bmd->bnd", (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1), v)


# 03.head-entropy


def entropy_cases(generator: Generator, base: float) -> list[Case]:
    hidden = soft_rows(generator, 2, 5, 6)
    hidden[:, :, 4:] = 0.0
    previous = torch.eye(7).roll(-1, dims=1)[None]
    return [
        case("two heads, 3 queries, 4 keys", soft_rows(generator, 2, 3, 4)),
        case("every size different", soft_rows(generator, 3, 5, 11, sharp=4.0)),
        case("two keys that nobody looks at", hidden / hidden.sum(dim=-1, keepdim=True)),
        case(
            "all weight on one key, and even", torch.cat([previous, torch.full((1, 7, 7), 1 / 7)])
        ),
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
            "Can a head be less spread out than a single spike?",
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
        "you return the spread, a number of keys: the logarithm is undone already",
        (
            "Try a row with all its weight on one key. You should get 0.",
            "The chapter's spread and the entropy are two things.",
            "Leave out the last step, the power.",
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
]


def entropy_with_entr(weights, *, base):
    return torch.special.entr(weights).sum(-1).mean(-1) / torch.tensor(float(base)).log()


def entropy_with_loops(weights, *, base):
    heads = []
    for head in weights:
        rows = [-sum(w * math.log(w, base) for w in row if w > 0) for row in head]
        heads.append(sum(rows) / len(rows))
    return torch.stack(heads)


# 03.diagonal-share


def diagonal_cases(generator: Generator, offset: int) -> list[Case]:
    return [
        case("an offset that the call doesn't name", soft_rows(generator, 2, 6, 6)),
        case("two heads, 4 words, the word before", soft_rows(generator, 2, 4, 4), offset=-1),
        case("the word itself", soft_rows(generator, 3, 5, 5), offset=0),
        case("the word after the next", soft_rows(generator, 3, 7, 7), offset=2),
        case("three words before, sharp", soft_rows(generator, 2, 11, 11, sharp=5.0), offset=-3),
        case("a perfect previous-word head", torch.eye(6).roll(-1, dims=1)[None], offset=-1),
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


# 03.no-cross-talk


def talk_cases(generator: Generator) -> list[Case]:
    def replaced(batch: int, seq: int, width: int, changed: int) -> tuple[Tensor, Tensor]:
        before = randn(generator, batch, seq, width)
        after = before.clone()
        after[changed] = randn(generator, seq, width)
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
    cases.append(case("everything changed", before, after + randn(generator, 3, 4, 5), 1))
    before, after = replaced(4, 5, 3, 1)
    after[3, 2, 0] += 0.01
    cases.append(case("one number of another sentence changed", before, after, 1))
    before, after = replaced(3, 4, 6, 0)
    after[1, :, 0] += 0.5
    after[1, :, 1] -= 0.5
    cases.append(case("another sentence changed up and down", before, after, 0))
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
    cases.append(case("another sentence is the same, last word first", before, after, 2))
    before, after = replaced(3, 5, 4, 2)
    after[0, 2] -= 1.0
    cases.append(case("the first sentence changed in the middle", before, after, 2))
    before, after = replaced(3, 4, 2, 0)
    after[2] *= -1.0
    cases.append(case("another sentence changed its sign", before, after, 0))
    order = torch.randperm(len(cases), generator=generator).tolist()
    return [cases[i] for i in order]


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


TALK_MISTAKES = [
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
        also_right=[project_with_linear, project_with_einsum, project_fused],
        axes="batch seq d_head",
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
        also_right=[cross_with_einsum, cross_with_loops, cross_mixes_first],
        axes="batch query d_value",
    ),
    Exercise(
        id="03.cross-shapes",
        title="Predict the shapes",
        kind="predict",
        points=1,
        name="cross_shapes",
        cases=shapes_cases,
        mistakes=SHAPES_MISTAKES,
        also_right=[shapes_by_running, shapes_in_any_order],
    ),
    Exercise(
        id="03.self-lookup-bug",
        title="Everybody admires themselves",
        kind="bug",
        points=2,
        name="self_attention",
        cases=bug_cases,
        mistakes=BUG_MISTAKES,
        also_right=[fused_with_chunk, fused_with_three_products],
        axes="batch seq d_head",
    ),
    Exercise(
        id="03.head-entropy",
        title="How spread out is a head?",
        kind="code",
        points=2,
        name="head_entropy",
        cases=entropy_cases,
        mistakes=ENTROPY_MISTAKES,
        also_right=[entropy_with_entr, entropy_with_loops],
        choices={"base": (2, 3, 5, 10)},
        axes="heads",
        properties=("finite", "not-negative"),
    ),
    Exercise(
        id="03.diagonal-share",
        title="Does a head look to its left?",
        kind="code",
        points=2,
        name="diagonal_share",
        cases=diagonal_cases,
        mistakes=DIAGONAL_MISTAKES,
        also_right=[diagonal_with_loops, diagonal_with_eye],
        choices={"offset": (0, -1, 1, -2)},
        axes="heads",
    ),
    Exercise(
        id="03.no-cross-talk",
        title="A test that catches a mixed-up batch",
        kind="test",
        points=2,
        name="no_cross_talk",
        cases=talk_cases,
        mistakes=TALK_MISTAKES,
        also_right=[talk_with_loop, talk_with_max],
    ),
]
