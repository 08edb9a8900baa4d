"""Answer key of chapter 10: loss, rate, AdamW, clipping, what to expect, a batch in pieces."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.grader.judging.edges import in_dtype, in_front
from course_lib.grader.judging.key import Case, Edges, Exercise, Mistake, call, case, told_of


def normal(generator, *shape):
    return torch.randn(shape, generator=generator)


def share(generator, low, high):
    return low + (high - low) * float(torch.rand((), generator=generator))


# --- 10.smoothing ---------------------------------------------------------------------------


def loss_cases(generator):
    def tried(label, lengths, seq, vocab, pad_id, smoothing, scale=2.0, **more):
        logits = scale * normal(generator, len(lengths), seq, vocab)
        low = 1 if pad_id == 0 else 0
        labels = torch.randint(low, vocab, (len(lengths), seq), generator=generator)
        labels = labels.where(labels != pad_id, low if pad_id != low else low + 1)
        labels = labels.where(torch.arange(seq) < torch.tensor(lengths)[:, None], pad_id)
        return case(label, logits, labels, smoothing, pad_id, **more)

    usual = tried("some padding", (5, 2, 3), 5, 7, 2, 0.1)
    flat = tried("one axis in front", (4,), 6, 5, 1, 0.25).calls[0].args
    alone = normal(generator, 6), torch.tensor(4), 0.3, 0
    return [
        usual,
        tried("no padding, the pad id 0", (3, 3), 3, 5, 0, 0.2),
        tried("padding with the id 0", (4, 1, 2), 4, 6, 0, 0.3),
        tried("the pad id is no token", (2, 6), 6, 5, -100, 0.15),
        tried("the pad id is behind the last token", (1, 3, 2), 3, 5, 999, 0.2),
        tried("no smoothing", (4, 2), 4, 7, 3, 0.0),
        tried("much smoothing, a row of padding alone", (3, 0, 1), 3, 5, 4, 0.6),
        tried("nothing but padding", (0, 0), 3, 5, 2, 0.1),
        tried("gradients", (3, 1), 3, 5, 2, 0.2, grad=True),
        tried("gradients of nothing but padding", (0,), 2, 5, 1, 0.2, grad=True),
        tried("ten thousands", (3, 2), 3, 7, 1, 0.1, scale=1e4),
        case("one axis in front", flat[0][0], flat[1][0], *flat[2:]),
        case("a single label", *alone),
        in_front(tried("a batch", (2, 3), 3, 5, 4, 0.1), 2),
        in_dtype(tried("a batch", (4, 2), 4, 11, 3, 0.1, scale=3.0), torch.float64),
        _rounded(lambda: tried("a batch", (2, 1), 3, 11, 3, 0.1, scale=3.0), torch.float16),
        _rounded(lambda: tried("a batch", (1, 3), 3, 13, 6, 0.2, scale=3.0), torch.bfloat16),
        _half(tried("nothing but padding", (0,), 2, 5, 3, 0.1), torch.float16),
    ]


def _half(given, dtype):
    logits, *others = given.calls[0].args
    name = str(dtype).removeprefix("torch.")
    return case(f"{given.label}, {name}", logits.to(dtype), *others)


def _rounded(draw, dtype):
    """A case in half precision, drawn until what is widened too late shows."""
    while True:
        given = _half(draw(), dtype)
        args = given.calls[0].args
        right, late = float(wrong_loss(*args)), float(other_loss(*args, slip="widened late"))
        if abs(late - right) > 2.5 * (SMOOTHING.atol + SMOOTHING.rtol * abs(right)):
            return given


def wrong_loss(
    logits,
    labels,
    smoothing,
    pad_id,
    *,
    spread="all",
    keep="less",
    padding="out",
    mean="tokens",
    empty="nothing",
    width="wide",
):
    """The loss with its common mistakes as flags."""
    wide = torch.promote_types(logits.dtype, torch.float32)
    dtype = {"wide": wide, "narrow": logits.dtype, "single": torch.float32}[width]
    log_p = logits.to(dtype).log_softmax(dim=-1)
    counts, vocab = labels != pad_id, logits.shape[-1]
    asked = labels if padding == "in" else labels.where(counts, 0)
    right = log_p.gather(-1, asked[..., None])[..., 0]
    every = {
        "all": lambda: log_p.mean(dim=-1),
        "others": lambda: (log_p.sum(dim=-1) - right) / (vocab - 1),
        "beside": lambda: (log_p.sum(dim=-1) - right) / vocab,
        "sum": lambda: log_p.sum(dim=-1),
        "none": lambda: right,
    }[spread]()
    loss = -(1 - smoothing if keep == "less" else 1) * right - smoothing * every
    counts_above = torch.ones_like(counts) if padding in ("in", "below") else counts
    if padding == "smoothed":
        total = -(1 - smoothing) * right.where(counts, 0) - smoothing * every
    else:
        total = loss.where(counts_above, 0)
    number = counts if padding in ("out", "below", "smoothed") else torch.ones_like(counts)
    if empty == "bare" and not counts.any():
        return torch.zeros((), dtype=log_p.dtype)
    if mean == "sum":
        return total.sum()
    if mean == "rows":
        return (total.sum(dim=-1) / number.sum(dim=-1).clamp(min=1)).mean()
    below = number.sum()
    return total.sum() / (below if empty == "nan" else below.clamp(min=1))


def other_loss(logits, labels, smoothing, pad_id, *, slip):
    """Mistakes that are not tried in pairs."""
    counts, vocab = labels != pad_id, logits.shape[-1]
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    asked = labels.where(counts, 0)[..., None]
    below = counts.sum().clamp(min=1)

    def put(log_p, main=1 - smoothing, rest=smoothing / vocab):
        loss = -main * log_p.gather(-1, asked)[..., 0] - rest * log_p.sum(dim=-1)
        return loss.where(counts, 0).sum() / below

    def without_pad():
        target = torch.full_like(wide, smoothing / (vocab - 2))
        target = target.scatter(-1, asked, 1 - smoothing)
        if 0 <= pad_id < vocab:
            target = target * (torch.arange(vocab) != pad_id)
        loss = -(target * wide.log_softmax(dim=-1)).sum(dim=-1)
        return loss.where(counts, 0).sum() / below

    def bare_pad():
        target = torch.full_like(wide, smoothing / vocab)
        target = target.scatter_add(-1, asked, torch.full_like(wide, 1 - smoothing))
        loss = -(target * (torch.arange(vocab) != pad_id) * wide.log_softmax(dim=-1)).sum(dim=-1)
        return loss.where(counts, 0).sum() / below

    def words_only():
        log_p = wide.log_softmax(dim=-1)
        even = log_p[..., torch.arange(vocab) != pad_id].mean(dim=-1)
        loss = -(1 - smoothing) * log_p.gather(-1, asked)[..., 0] - smoothing * even
        return loss.where(counts, 0).sum() / below

    def even_part_of_all():
        log_p = wide.log_softmax(dim=-1)
        right = log_p.gather(-1, asked)[..., 0].where(counts, 0).sum() / below
        return -(1 - smoothing) * right - smoothing * log_p.mean()

    def divergence():
        target = torch.full_like(wide, smoothing / vocab)
        target = target.scatter_add(-1, asked, torch.full_like(wide, 1 - smoothing))
        loss = F.kl_div(wide.log_softmax(dim=-1), target, reduction="none").sum(dim=-1)
        return loss.where(counts, 0).sum() / below

    def zero_hidden():
        seen = labels != 0
        log_p = wide.log_softmax(dim=-1)
        loss = -(1 - smoothing) * log_p.gather(-1, labels[..., None])[..., 0]
        loss = loss - smoothing * log_p.mean(dim=-1)
        return loss.where(seen, 0).sum() / seen.sum().clamp(min=1)

    def masked_by_product(log_p, below=below):
        """Padding is made 0 by a product, as many write it: 0 times infinity is NaN."""
        loss = -(1 - smoothing) * log_p.gather(-1, asked)[..., 0] - smoothing * log_p.mean(dim=-1)
        return (loss * counts).sum() / below

    def rows_by_product():
        log_p = wide.log_softmax(dim=-1)
        loss = -(1 - smoothing) * log_p.gather(-1, asked)[..., 0] - smoothing * log_p.mean(dim=-1)
        return ((loss * counts).sum(dim=-1) / counts.sum(dim=-1)).mean()

    def all_as_token_0():
        log_p = wide.log_softmax(dim=-1)
        right = log_p.gather(-1, asked)[..., 0]
        return (-(1 - smoothing) * right - smoothing * log_p.mean(dim=-1)).mean()

    def each():
        log_p = wide.log_softmax(dim=-1)
        loss = -(1 - smoothing) * log_p.gather(-1, asked)[..., 0] - smoothing * log_p.mean(dim=-1)
        return loss.where(counts, 0)

    def sure(log_p, ids=labels):
        """Raw labels: what is no token can't be looked up."""
        loss = -(1 - smoothing) * log_p.gather(-1, ids[..., None])[..., 0]
        loss = loss - smoothing * log_p.mean(dim=-1)
        return loss.where(counts, 0).sum() / below

    def in_place():
        labels[~counts] = 0
        return sure(wide.log_softmax(dim=-1))

    return {
        "in place": in_place,
        "no pad class": without_pad,
        "bare pad": bare_pad,
        "words only": words_only,
        "even part of all": even_part_of_all,
        "from 0": lambda: sure(wide.log_softmax(dim=-1), labels.clamp(min=0)),
        "widened late": lambda: put(logits.log_softmax(dim=-1).to(wide.dtype)),
        "divergence": divergence,
        "zero hidden": zero_hidden,
        "each": each,
        "raw": lambda: sure(wide.log_softmax(dim=-1)),
        "places": lambda: put(wide.log_softmax(dim=1)),
        "twice": lambda: put(wide.softmax(dim=-1).log_softmax(dim=-1)),
        "no softmax": lambda: put(wide),
        "shares": lambda: put(wide.softmax(dim=-1)),
        "sign": lambda: -put(wide.log_softmax(dim=-1)),
        "log of softmax": lambda: put(wide.softmax(dim=-1).log()),
        "small added": lambda: put((wide.softmax(dim=-1) + 1e-9).log()),
        "log of softmax, times": lambda: masked_by_product(wide.softmax(dim=-1).log()),
        "nothing over nothing, times": lambda: masked_by_product(
            wide.log_softmax(dim=-1), counts.sum()
        ),
        "rows, times": rows_by_product,
        "all as token 0": all_as_token_0,
        "usual share": lambda: put(wide.log_softmax(dim=-1), 0.9, 0.1 / vocab),
        "exchanged": lambda: put(wide.log_softmax(dim=-1), smoothing, (1 - smoothing) / vocab),
        "number": lambda: put(wide.log_softmax(dim=-1)).item(),
        "bits": lambda: put(wide.log_softmax(dim=-1)) / math.log(2),
        "detached": lambda: put(wide.detach().log_softmax(dim=-1)),
        "even part added": lambda: put(wide.log_softmax(dim=-1), rest=-smoothing / vocab),
        "half if nothing": lambda: (
            put(wide.log_softmax(dim=-1)) if counts.any() else (logits * 0).sum()
        ),
        "one more below": lambda: put(wide.log_softmax(dim=-1)) * below / (counts.sum() + 1),
    }[slip]()


def loss_by_target(logits, labels, smoothing, pad_id):
    """Right: the smoothed target, spelled out."""
    wide = logits.float() if logits.element_size() == 2 else logits
    counts = labels != pad_id
    one = F.one_hot(labels.where(counts, 0), wide.shape[-1]).to(wide.dtype)
    target = (1 - smoothing) * one + smoothing / wide.shape[-1]
    loss = -(target * (wide - wide.logsumexp(dim=-1, keepdim=True))).sum(dim=-1)
    return (loss * counts).sum() / max(1, int(counts.sum()))


def loss_picked(logits, labels, smoothing, pad_id):
    """Right: only what counts is looked at."""
    vocab = logits.shape[-1]
    rows, ids = logits.reshape(-1, vocab), labels.reshape(-1)
    rows, ids = rows[ids != pad_id], ids[ids != pad_id]
    rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
    if not len(ids):
        return rows.sum()
    log_p = rows.log_softmax(dim=-1)
    right = log_p[torch.arange(len(ids)), ids].mean()
    return -((1 - smoothing) * right + smoothing * log_p.mean())


smoothing_by = told_of(wrong_loss)


loss_slip = told_of(other_loss, "slip")


SPREAD_HINTS = (
    "Work one label out by hand: three tokens, equal scores but for one, smoothing 0.3.",
    "The even share is epsilon / V for each of the V tokens, the right one too.",
    "(1 - smoothing) times the label's term, and smoothing times the *mean* of all V terms.",
)
PADDING_HINTS = (
    "Give each row three more places of padding. Does your loss change?",
    "A place that doesn't count is missing above the line *and* below it.",
    "Make the whole loss of such a place 0, sum, and divide by how many places count.",
)
EMPTY_HINTS = (
    "Call it with labels that are all `pad_id`, and `backward` on what comes out.",
    "The mean of an empty selection is `nan`; a sum of zeros is 0, and has gradients of zeros.",
    "Divide the sum by at least 1: `clamp(min=1)`.",
)
LOG_HINTS = (
    "What are your log p for logits of 0, 10,000 and 0?",
    "`log_softmax` takes the scores themselves and gives logarithms, without a detour.",
    "Call `log_softmax(dim=-1)` on the logits, once, and leave the softmax out.",
)

SMOOTHING = Exercise(
    id="10.smoothing",
    title="A loss that forgives a little",
    kind="code",
    points=2,
    name="smoothed_cross_entropy",
    cases=loss_cases,
    mistakes=[
        smoothing_by(
            "spread-over-the-others",
            {"spread": "others"},
            "the share is spread over the V - 1 wrong tokens; the right one gets its part, too",
            *SPREAD_HINTS,
        ),
        smoothing_by(
            "right-one-without-its-part",
            {"spread": "beside"},
            "each wrong token gets epsilon / V, and the right one only 1 - epsilon: its part is "
            "missing",
            *SPREAD_HINTS,
        ),
        smoothing_by(
            "summed-not-averaged",
            {"spread": "sum"},
            "every token gets the whole share: the sum over the vocabulary is not divided by V",
            *SPREAD_HINTS,
        ),
        smoothing_by(
            "no-smoothing",
            {"spread": "none"},
            "`smoothing` makes no difference: this is the plain cross-entropy",
            *SPREAD_HINTS,
        ),
        smoothing_by(
            "label-keeps-all",
            {"keep": "all"},
            "the right token keeps its whole share of 1, and the even share comes on top",
            *SPREAD_HINTS,
        ),
        smoothing_by(
            "padding-counts",
            {"padding": "in"},
            "padding counts like any other label",
            *PADDING_HINTS,
        ),
        loss_slip(
            "padding-counts-as-token-0",
            "all as token 0",
            "padding counts as if its label were token 0: the mean is over all places",
            *PADDING_HINTS,
        ),
        smoothing_by(
            "divided-by-all-places",
            {"padding": "above"},
            "the loss of padding is 0, but the sum is divided by all places",
            *PADDING_HINTS,
        ),
        smoothing_by(
            "padding-in-the-sum",
            {"padding": "below"},
            "the sum runs over all places, and is divided by those that count",
            *PADDING_HINTS,
        ),
        smoothing_by(
            "padding-smoothed",
            {"padding": "smoothed"},
            "of a place that is padding, the even part is still in the sum",
            *PADDING_HINTS,
        ),
        smoothing_by(
            "rows-averaged",
            {"mean": "rows"},
            "each row's mean is taken first, then the mean of the rows: a label of a short row "
            "weighs more",
            "How much does one label of a row of two weigh in your mean, and one of a row of five?",
            "All labels that count weigh the same, wherever they stand.",
            "Sum over everything, then divide once.",
        ),
        smoothing_by(
            "sum-over-labels",
            {"mean": "sum"},
            "the losses are added up; the mean was asked for",
            "Does your loss double when each row stands in the batch twice?",
            "A mean divides by how many there are.",
            "Divide by the number of labels that count.",
        ),
        smoothing_by(
            "nothing-over-nothing",
            {"empty": "nan"},
            "where no label counts, you divide 0 by 0; the text asks for 0",
            *EMPTY_HINTS,
        ),
        loss_slip(
            "nothing-over-nothing-times-the-mask",
            "nothing over nothing, times",
            "where no label counts, you divide 0 by 0; the text asks for 0",
            *EMPTY_HINTS,
        ),
        loss_slip(
            "rows-over-nothing",
            "rows, times",
            "each row's mean is taken first, then the mean of the rows; and a row of padding alone "
            "is 0 divided by 0",
            *EMPTY_HINTS,
        ),
        smoothing_by(
            "bare-zero",
            {"empty": "bare"},
            "where no label counts, a new 0 comes out: `backward` has no way from it to the logits",
            *EMPTY_HINTS,
        ),
        smoothing_by(
            "half-stays-half",
            {"width": "narrow"},
            "half precision is counted as it is; the text asks for float32",
            "Print the dtype of your loss for logits in float16.",
            "A sum of many logarithms needs more digits than half precision has.",
            "Widen before `log_softmax`: `torch.promote_types(logits.dtype, torch.float32)`.",
        ),
        smoothing_by(
            "always-single",
            {"width": "single"},
            "float64 is counted in float32, too; only half precision is to be widened",
            "Print the dtype of your loss for logits in float64.",
            "`.float()` makes float32 of everything, also of what was finer.",
            "`torch.promote_types(logits.dtype, torch.float32)` is the wider of the two.",
        ),
        loss_slip(
            "pad-token-left-out",
            "no pad class",
            "the padding token gets no share, and the others share by V - 2; here every token of "
            "the vocabulary has its part",
            *SPREAD_HINTS,
        ),
        loss_slip(
            "pad-token-without-its-share",
            "bare pad",
            "the padding token's share is set to 0; it is a token like every other here",
            *SPREAD_HINTS,
        ),
        loss_slip(
            "even-share-without-the-pad-token",
            "words only",
            "the even share is spread over all tokens but the padding token",
            *SPREAD_HINTS,
        ),
        loss_slip(
            "even-part-over-all-places",
            "even part of all",
            "the even part is averaged over all places, padding too; the label's part isn't",
            *PADDING_HINTS,
        ),
        loss_slip(
            "only-negative-ids-replaced",
            "from 0",
            "`pad_id` may be a number behind the last token, too; only negative ones are replaced",
            "What does `gather` do with an index of 999 among five tokens?",
            "What is picked where a label doesn't count makes no difference.",
            "Replace the labels that are `pad_id`: `labels.where(counts, 0)`.",
        ),
        loss_slip(
            "widened-too-late",
            "widened late",
            "half precision is widened after `log_softmax`: the digits are lost by then",
            "Compare your loss for float16 with that for the same logits in float32.",
            "What is once rounded stays rounded, in whatever dtype it is stored.",
            "Widen the logits, then take `log_softmax`.",
        ),
        loss_slip(
            "one-more-below",
            "one more below",
            "1 is added to how many labels count: every mean is too small",
            "One label that counts: is your mean its loss?",
            "Only where nothing counts is there something to guard against.",
            "`clamp(min=1)` leaves every other number of labels as it is.",
        ),
        loss_slip(
            "divergence",
            "divergence",
            "this is the KL divergence: the entropy of the smoothed labels is subtracted",
            "What is your loss for a model that gives exactly the smoothed shares? Not 0, says the "
            "formula.",
            "KL divergence is cross-entropy less the entropy of what is asked; gradients agree.",
            "Multiply the target by log p alone, not by log p - log target.",
        ),
        loss_slip(
            "zero-is-padding",
            "zero hidden",
            "labels of 0 are taken for padding, and `pad_id` is not asked",
            "Which token has the id 0? In some vocabularies it is a word.",
            "Compare the labels with the argument.",
            "`labels != pad_id` says what counts.",
        ),
        loss_slip(
            "no-mean-at-all",
            "each",
            "one loss for each label comes out; a single number was asked for",
            "What is the shape of what you return?",
            "The mean is over all labels that count.",
            "Sum everything, and divide by how many count.",
        ),
        loss_slip(
            "padding-looked-up",
            "raw",
            "a label that is `pad_id` is looked up among the tokens, although it doesn't count",
            "What does `gather` do with an index of −100, or of 999 among five tokens?",
            "What is picked where a label doesn't count makes no difference.",
            "Replace such labels by any token before you look them up.",
        ),
        loss_slip(
            "labels-in-place",
            "in place",
            "the loss is right, but padding among the labels that came in is written over",
            "Call it twice with the same labels, and compare them before and after.",
            "`labels[…] = 0` and `masked_fill_` change the tensor itself.",
            "Make a new one: `labels.where(counts, 0)` or `labels.masked_fill(…)`.",
        ),
        loss_slip(
            "softmax-over-places",
            "places",
            "the softmax runs over the places, not over the tokens",
            "Sum your shares over the last axis. Is it 1?",
            "There may be more axes in front, or fewer. Which one is always the vocabulary?",
            "The vocabulary is axis -1.",
        ),
        loss_slip(
            "softmax-twice",
            "twice",
            "softmax is taken twice: `log_softmax` wants scores, and gets shares",
            *LOG_HINTS,
        ),
        loss_slip(
            "logits-as-logarithms",
            "no softmax",
            "the logits are used as if they were logarithms of shares",
            *LOG_HINTS,
        ),
        loss_slip(
            "no-logarithm",
            "shares",
            "shares are averaged; their logarithms were asked for",
            *LOG_HINTS,
        ),
        loss_slip(
            "logarithm-of-zero",
            "log of softmax",
            "softmax and then a logarithm: a share that is rounded to 0 becomes infinite",
            *LOG_HINTS,
        ),
        loss_slip(
            "logarithm-of-zero-times-the-mask",
            "log of softmax, times",
            "softmax and then a logarithm: a share that is rounded to 0 becomes infinite, and at "
            "padding infinity times 0 is NaN",
            *LOG_HINTS,
        ),
        loss_slip(
            "small-number-added",
            "small added",
            "a small number is added before the logarithm: it hides how wrong a sure model is",
            *LOG_HINTS,
        ),
        loss_slip(
            "sign-turned",
            "sign",
            "the sign is turned: your loss is below 0",
            "Is a good model's loss lower than a bad one's in your code?",
            "A logarithm of a share is below 0, and a loss is above.",
            "Both terms of the formula have a minus.",
        ),
        loss_slip(
            "shares-exchanged",
            "exchanged",
            "epsilon goes to the label, and 1 - epsilon is spread: it is the other way round",
            *SPREAD_HINTS,
        ),
        loss_slip(
            "usual-smoothing-only",
            "usual share",
            "0.1 is used for `smoothing`, whatever comes in",
            "Call it with a smoothing of 0, and with one of 0.6. Does your loss change?",
            "0.1 is what papers use; here it is an argument.",
            "Multiply by `1 - smoothing` and by `smoothing`.",
        ),
        loss_slip(
            "in-bits",
            "bits",
            "your loss is in bits: the logarithm has the base 2",
            "What is your loss for equal scores of two tokens?",
            "Logarithms are natural in this chapter.",
            "Leave out the division by ln 2.",
        ),
        loss_slip(
            "nothing-to-learn-from",
            "detached",
            "the number is right, but no gradient flows back to the logits",
            "Call `backward` on your loss. What is the gradient of the logits?",
            "`detach`, `.data` and `no_grad` give the right number, and nothing is learned.",
            "Work on the logits themselves.",
        ),
        loss_slip(
            "plain-number",
            "number",
            "the loss is a plain number, which has no `backward`",
            "Call `backward` on what you return.",
            "`.item()` takes a number out of its tensor, and cuts the gradients off.",
            "Return the tensor.",
        ),
        loss_slip(
            "even-part-turned",
            "even part added",
            "the even part has the other sign: what should cost is a gain",
            "Equal scores for five tokens: is your loss ln 5, whatever the smoothing?",
            "Both sums of logarithms are below 0, and both are turned.",
            "Minus in front of both parts.",
        ),
        loss_slip(
            "half-where-nothing-counts",
            "half if nothing",
            "all is right, but where no label counts the 0 comes out in half precision",
            "Print the dtype of your loss for float16 and labels that are all `pad_id`.",
            "A sum of the logits has their dtype; the loss is float32 in every case.",
            "Widen first, before you ask whether anything counts.",
        ),
    ],
    hints=(
        "Try one label, three tokens and smoothing 0 first: your loss must be minus the logarithm "
        "of one share.",
        "In this order: widen, log p for every token, the term of the label, the mean over the "
        "vocabulary, what counts, the mean over labels.",
        "A label that doesn't count must change nothing: not the sum, nor what it is divided by.",
    ),
    allows=Edges(
        dtypes=("float32", "float64", "float16", "bfloat16"),
        axes=(1, 2, 3, 4),
        sizes=(1,),
        special=("huge",),
        labels=(
            "no smoothing",
            "nothing but padding",
            "no token",
            "behind the last token",
            "row of padding",
            "gradients",
        ),
    ),
    also_right=[loss_by_target, loss_picked],
    bans=("cross_entropy", "CrossEntropyLoss"),
)


# --- 10.rate --------------------------------------------------------------------------------

WARMUPS = (4000, 400, 1000, 8000)


def rate_cases(generator, warmup):
    def width():
        return int(torch.randint(3, 40, (), generator=generator)) * 16

    far = int(torch.randint(20_000, 200_000, (), generator=generator))
    return [
        case("the first update", 0, width()),
        case("the second update", 1, width()),
        case("while it rises", warmup // 3, width()),
        case("the last update of the warm-up", warmup - 1, width()),
        case("one update later", warmup, width()),
        case("far behind", far, width()),
        case("another warm-up, rising", 4, width(), warmup=12),
        case("another warm-up, falling", 30, width(), warmup=7),
        case("a warm-up of one update", 0, width(), warmup=1),
        case("another model, far behind", far + 17, 3, warmup=50),
    ]


def wrong_rate(step, d_model, warmup, *, slip):
    n = step + 1
    scale = d_model**-0.5
    rise, fall = n * warmup**-1.5, n**-0.5
    late = max(step, 1)
    return {
        "zero at first": lambda: 0.0 if step == 0 else scale * min(step**-0.5, step * warmup**-1.5),
        "guarded": lambda: scale * min(late**-0.5, late * warmup**-1.5),
        "unguarded": lambda: scale * min(step**-0.5, step * warmup**-1.5),
        "two ahead": lambda: scale * min((n + 1) ** -0.5, (n + 1) * warmup**-1.5),
        "larger": lambda: scale * max(rise, fall),
        "no width": lambda: min(rise, fall),
        "root of width": lambda: d_model**0.5 * min(rise, fall),
        "over width": lambda: min(rise, fall) / d_model,
        "width on one": lambda: min(scale * fall, rise),
        "width on the other": lambda: min(fall, scale * rise),
        "root only": lambda: scale * min(fall, n * warmup**-0.5),
        "brackets": lambda: scale * min(fall, (n * warmup) ** -1.5),
        "over warmup": lambda: scale * min(fall, n / warmup),
        "no warm-up": lambda: scale * fall,
        "no end": lambda: scale * rise,
        "stays": lambda: scale * min(warmup**-0.5, rise),
        "over n": lambda: scale * min(1 / n, rise),
        "peak of 1": lambda: min(n / warmup, (warmup / n) ** 0.5),
        "base model": lambda: 512**-0.5 * min(rise, fall),
        "base warm-up": lambda: scale * min(fall, n * 4000**-1.5),
        "dropped at the end": lambda: scale * (rise if n < warmup else fall / n**0.5),
        "shifted fall": lambda: scale * (rise if n < warmup else max(1, n - warmup) ** -0.5),
        "whole": lambda: scale * min(fall, (n // warmup) * warmup**-0.5),
        "rise from 0": lambda: scale * min(fall, step * warmup**-1.5),
        "fall from 0": lambda: scale * min(late**-0.5, rise),
        "fall from 0, stops": lambda: scale * min(step**-0.5, rise),
        "warm-up outside": lambda: scale * min(fall, n) * warmup**-1.5,
        "whole, by power": lambda: scale * min(fall, n // warmup**1.5),
        "minus outside": lambda: -(d_model**0.5) * min(fall, rise),
        "one more on the line": lambda: scale * (rise if step <= warmup else fall),
    }[slip]()


def rate_in_parts(step, d_model, warmup):
    """Right: by cases."""
    n = 1 + step
    over = math.sqrt(d_model) * math.sqrt(warmup)
    return n / warmup / over if n <= warmup else math.sqrt(warmup / n) / over


def rate_by_product(step, d_model, warmup):
    """Right, with one root at the end."""
    n = step + 1.0
    return (min(1 / n, n * n / warmup**3) / d_model) ** 0.5


rating = told_of(wrong_rate, "slip")


STEP_HINTS = (
    "What does your function give for steps 0, 1 and 2, with a warm-up of 4?",
    "`step` counts the updates made before; the formula's n counts this one, too.",
    "Start with `n = step + 1`, and use n from there on.",
)
WIDTH_HINTS = (
    "How does your rate change when d_model is four times as large?",
    "The root of d_model stands under the fraction line, before both parts.",
    "`d_model ** -0.5 * min(…)`: one factor, outside of the brackets.",
)
RISE_HINTS = (
    "At n = warmup both parts of the minimum are the same number. Are yours?",
    "Two parts: a falling curve, and a line through zero.",
    "The line is n times `warmup ** -1.5`; power binds before product.",
)
FALL_HINTS = (
    "Draw your rate for 50 updates with a warm-up of 10, and look at both ends.",
    "Up to the warm-up it is a line; from there on it goes by one over the root of n.",
    "Take the smaller of `n ** -0.5` and the line.",
)

RATE = Exercise(
    id="10.rate",
    title="Up in a line, down in a curve",
    kind="code",
    points=1,
    name="learning_rate",
    cases=rate_cases,
    mistakes=[
        rating(
            "first-update-wasted",
            "zero at first",
            "the rate of step 0 is 0, so the first update moves nothing; and all others come late",
            *STEP_HINTS,
        ),
        rating(
            "first-update-twice",
            "guarded",
            "steps 0 and 1 have the same rate: 0 is replaced by 1, and 1 stays",
            *STEP_HINTS,
        ),
        rating(
            "counts-from-0",
            "unguarded",
            "the formula is used with `step` as it comes: it starts with 0, which has no power",
            *STEP_HINTS,
        ),
        rating(
            "one-update-ahead",
            "two ahead",
            "the rate is one update ahead: that of step 0 belongs to n = 1, not to n = 2",
            *STEP_HINTS,
        ),
        rating(
            "line-counts-from-0",
            "rise from 0",
            "the falling part has n = step + 1, the line has `step`: both want the same n",
            *STEP_HINTS,
        ),
        rating(
            "fall-counts-from-0",
            "fall from 0",
            "the line has n = step + 1, the falling part `step`: both want the same n",
            *STEP_HINTS,
        ),
        rating(
            "fall-counts-from-0-and-stops",
            "fall from 0, stops",
            "the line has n = step + 1, the falling part `step`, and 0 has no negative power",
            *STEP_HINTS,
        ),
        rating(
            "line-goes-one-further",
            "one more on the line",
            "the line goes on for one update more: n = warmup is its last",
            *STEP_HINTS,
        ),
        rating(
            "the-larger-one",
            "larger",
            "the larger of the two parts is taken: the first steps are the largest",
            *FALL_HINTS,
        ),
        rating("no-width", "no width", "`d_model` makes no difference", *WIDTH_HINTS),
        rating(
            "root-of-width",
            "root of width",
            "the rate grows with the root of d_model; wider models want smaller steps",
            *WIDTH_HINTS,
        ),
        rating("over-width", "over width", "you divide by d_model, not by its root", *WIDTH_HINTS),
        rating(
            "width-in-the-fall-only",
            "width on one",
            "the factor of d_model is in the falling part only: brackets are missing",
            *WIDTH_HINTS,
        ),
        rating(
            "width-in-the-rise-only",
            "width on the other",
            "the factor of d_model is in the rising part only",
            *WIDTH_HINTS,
        ),
        rating(
            "minus-in-front-of-the-power",
            "minus outside",
            "the minus stands in front of the power: your rates are below 0; it belongs to the "
            "power, -0.5",
            *WIDTH_HINTS,
        ),
        rating(
            "base-model-only",
            "base model",
            "512 is used for d_model, whatever comes in",
            *WIDTH_HINTS,
        ),
        rating(
            "base-warm-up-only",
            "base warm-up",
            "4000 is used for warmup, whatever comes in",
            "Call it with a warm-up of 4. When does your rate begin to fall?",
            "The text's number is what a call gets that doesn't say.",
            "Take the power of the argument.",
        ),
        rating("rises-too-fast", "root only", "the line has warmup to the power −0.5", *RISE_HINTS),
        rating(
            "power-of-both",
            "brackets",
            "the power −1.5 is taken of n, too: brackets around the product",
            *RISE_HINTS,
        ),
        rating("over-warmup", "over warmup", "the line is n / warmup", *RISE_HINTS),
        rating(
            "warmup-outside-of-the-brackets",
            "warm-up outside",
            "the power of warmup multiplies both parts: it belongs to the line alone, inside of "
            "the brackets",
            *RISE_HINTS,
        ),
        rating(
            "whole-quotient",
            "whole, by power",
            "`//` gives whole numbers: there is no rate at all until n is as large as "
            "warmup to the power 1.5",
            *RISE_HINTS,
        ),
        rating(
            "whole-shares",
            "whole",
            "`//` gives whole numbers: there is no rate at all before the warm-up is over",
            *RISE_HINTS,
        ),
        rating("no-warm-up", "no warm-up", "there is no warm-up: the rate only falls", *FALL_HINTS),
        rating("never-falls", "no end", "the rate rises for ever", *FALL_HINTS),
        rating("stays-at-the-top", "stays", "after the warm-up the rate stays", *FALL_HINTS),
        rating("falls-as-1-over-n", "over n", "the falling part is 1 / n", *FALL_HINTS),
        rating(
            "square-root-twice",
            "dropped at the end",
            "behind the warm-up the rate falls twice as fast as it should: by n, not by its root",
            *FALL_HINTS,
        ),
        rating(
            "fall-counts-anew",
            "shifted fall",
            "behind the warm-up n is counted anew: the rate jumps up there",
            *FALL_HINTS,
        ),
        rating(
            "peak-of-1",
            "peak of 1",
            "your rate is 1 at its top: a share, as other schedules return; here the rate itself",
            "What is your rate at n = warmup?",
            "At the top the rate is one over the root of d_model * warmup.",
            "Leave out what you divided by, and bring in `d_model ** -0.5`.",
        ),
    ],
    hints=(
        "Work out n = 1 and n = 4 by hand, for a warm-up of 4 and d_model of 16: 1/32 and 1/8.",
        "`step` is not the formula's n. What is n for the first update?",
        "Two numbers, the smaller of them, times one over the root of d_model.",
    ),
    allows=Edges(
        sizes=(0, 1),
        labels=("first update", "last update", "another warm-up", "far behind", "one update"),
    ),
    choices={"warmup": WARMUPS},
    rtol=1e-6,
    atol=1e-12,
    also_right=[rate_in_parts, rate_by_product],
    bans=("noam", "LambdaLR"),
)


# --- 10.adam --------------------------------------------------------------------------------


def adam_cases(generator):
    def tried(label, shape, step, rate, betas, eps, decay, **other):
        def drawn(scale=1.0):
            return scale * normal(generator, *shape)

        given = {
            "weight": drawn(),
            "gradient": drawn(2.0),
            "mean": drawn(0.5),
            "square": drawn().square() + 0.1,
        }
        return case(label, *(given | other).values(), step, rate, *betas, eps, decay)

    zeros, none_yet = torch.zeros(3, 2), {"mean": torch.zeros(4), "square": torch.zeros(4)}
    usual = tried("a matrix", (3, 5), 3, 0.2, (0.9, 0.98), 1e-9, 0.3)
    return [
        usual,
        tried("the first step", (4,), 1, 0.1, (0.8, 0.95), 1e-8, 0.2, **none_yet),
        tried("a large eps", (2, 3), 2, 0.3, (0.7, 0.9), 0.5, 0.1),
        tried("no decay", (5,), 4, 0.2, (0.9, 0.98), 1e-9, 0.0),
        tried("much decay, eps too", (2, 2), 5, 0.4, (0.6, 0.75), 0.2, 0.9),
        tried("a late step", (3,), 100_000, 0.1, (0.9, 0.98), 1e-3, 0.1),
        tried("a gradient of zeros", (3, 2), 6, 0.2, (0.9, 0.98), 1e-3, 0.1, gradient=zeros),
        tried("one number", (), 2, 0.5, (0.5, 0.8), 0.1, 0.2),
        tried("nothing at all", (0, 3), 2, 0.5, (0.5, 0.8), 0.1, 0.2),
        tried("three axes", (2, 1, 3), 2, 0.05, (0.3, 0.6), 0.05, 0.5),
        in_dtype(tried("fine", (3, 2), 7, 0.2, (0.9, 0.98), 1e-2, 0.4), torch.float64),
    ]


def wrong_step(
    weight,
    gradient,
    mean,
    square,
    step,
    rate,
    beta1,
    beta2,
    eps,
    decay,
    *,
    corrects="both",
    decays="by the old weight",
    where="outside",
    slip="",
):
    """One step with its common mistakes as flags; those named `slip` are not tried in pairs."""
    old = mean, square
    if decays == "in the gradient":
        gradient = gradient + decay * weight
    if slip == "betas exchanged":
        beta1, beta2 = beta2, beta1
    new1, new2 = (1.0 if slip == "new one whole" else 1 - beta for beta in (beta1, beta2))
    if slip == "shares exchanged":
        beta1, beta2, new1, new2 = new1, new2, beta1, beta2
    new1 = 1.0 if slip == "new gradient whole" else new1
    new2 = 1.0 if slip == "new square whole" else new2
    mean = beta1 * mean + new1 * gradient
    squared = {"square of the mean": mean**2, "size": gradient.abs(), "not squared": gradient}
    if slip == "first beta alone":
        beta2, new2 = beta1, new1
    if slip == "share squared, too":
        new2 = new2**2
    square = beta2 * square + new2 * squared.get(slip, gradient**2)
    if slip == "shares exchanged":
        beta1, beta2 = new1, new2
    if slip == "shares of the mean exchanged":
        mean = new1 * old[0] + beta1 * gradient
    if slip == "shares of the square exchanged":
        square = new2 * old[1] + beta2 * gradient**2
    if slip == "averages by the other beta":
        mean = beta2 * old[0] + new2 * gradient
        square = beta1 * old[1] + new1 * gradient**2
    power = {"one step behind": step - 1, "one step ahead": step + 1}.get(slip, step)
    under1 = 1 - beta1**power if corrects in ("both", "mean") else 1.0
    under2 = 1 - beta2**power if corrects in ("both", "square") else 1.0
    if slip == "times step":
        under1, under2 = 1 - beta1 * step, 1 - beta2 * step
    if slip == "no power":
        under1, under2 = 1 - beta1, 1 - beta2
    if slip == "power outside":
        under1, under2 = (1 - beta1) ** step, (1 - beta2) ** step
    if slip == "power outside, mean":
        under1 = (1 - beta1) ** step
    if slip == "power outside, square":
        under2 = (1 - beta2) ** step
    if slip == "power swapped":
        under1, under2 = 1 - step**beta1, 1 - step**beta2
    if slip == "first beta corrects both":
        under2 = under1
    if slip == "second beta corrects both":
        under1 = under2
    if slip == "multiplied":
        under1, under2 = 1 / under1, 1 / under2
    hat1, hat2 = old if slip == "old averages" else (mean, square)
    hat2 = old[1] if slip == "old square" else hat2
    hat1, hat2 = hat1 / under1, hat2 / under2
    if where == "inside":
        below = (hat2 + eps).sqrt()
    elif where == "before the correction":
        below = (square.sqrt() + eps) / under2**0.5
    else:
        below = hat2.sqrt() + eps
    if slip == "no root":
        below = hat2 + eps
    if slip == "no eps":
        below = hat2.sqrt()
    if slip == "corrected root":
        below = square.sqrt() / under2 + eps
    move = gradient / below if slip == "bare gradient" else hat1 / below
    if slip == "eps added to the quotient":
        move = hat1 / hat2.sqrt() + eps
    if slip == "signs":
        move = hat1.sign()
    if decays == "by the old weight":
        new = weight - rate * move - rate * decay * weight
    elif decays == "without the rate":
        new = weight - rate * move - decay * weight
    elif decays == "by the new weight":
        new = (weight - rate * move) * (1 - rate * decay)
    elif decays == "grows":
        new = weight - rate * move + rate * decay * weight
    else:
        new = weight - rate * move
    if slip == "eps added to the weight":
        new = weight - rate * hat1 / hat2.sqrt() + eps - rate * decay * weight
    if slip == "decay by the mean":
        new = weight - rate * move - rate * decay * hat1
    if slip == "decay unasked":
        new = weight - rate * move - rate * weight
    if slip == "decay over the root":
        new = weight - rate * (hat1 + decay * weight) / below
    if slip.startswith("rate corrected"):
        root = under2**0.5
        small = eps if slip == "rate corrected" else eps * root
        new = weight - rate * root / under1 * (mean / (square.sqrt() + small) + decay * weight)
    if slip == "uphill":
        new = weight + rate * move - rate * decay * weight
    if slip == "change only":
        new = new - weight
    return {
        "stored corrected": (new, mean / under1, square / under2),
        "mean stored corrected": (new, mean / under1, square),
        "square stored corrected": (new, mean, square / under2),
        "weight alone": new,
        "exchanged": (mean, square, new),
        "averages exchanged": (new, square, mean),
        "old ones returned": (new, *old),
    }.get(slip, (new, mean, square))


def step_in_place(weight, gradient, mean, square, step, rate, beta1, beta2, eps, decay, *, which):
    """Right numbers, written over what came in: as an optimizer does it to its own tensors."""
    if which == "averages":
        with torch.no_grad():
            mean.mul_(beta1).add_((1 - beta1) * gradient)
            square.mul_(beta2).add_((1 - beta2) * gradient**2)
    else:
        mean = beta1 * mean + (1 - beta1) * gradient
        square = beta2 * square + (1 - beta2) * gradient**2
    move = (mean / (1 - beta1**step)) / ((square / (1 - beta2**step)).sqrt() + eps)
    move = rate * (move + decay * weight)
    if which == "weight":
        with torch.no_grad():
            weight -= move
        return weight, mean, square
    return weight - move, mean, square


def step_by_lerp(weight, gradient, mean, square, step, rate, beta1, beta2, eps, decay):
    """Right, in PyTorch's order: the weight shrinks first."""
    mean = torch.lerp(mean, gradient, 1 - beta1)
    square = torch.lerp(square, gradient * gradient, 1 - beta2)
    below = square.sqrt() / math.sqrt(1 - beta2**step) + eps
    kept = weight * (1 - rate * decay)
    return kept - rate / (1 - beta1**step) * mean / below, mean, square


def step_by_parts(weight, gradient, mean, square, step, rate, beta1, beta2, eps, decay):
    """Right, with the correction brought to the rate."""
    mean = mean + (1 - beta1) * (gradient - mean)
    square = square + (1 - beta2) * (gradient.pow(2) - square)
    root = (1 - beta2**step) ** 0.5
    move = root / (1 - beta1**step) * mean / (square**0.5 + eps * root)
    return weight - rate * (move + decay * weight), mean, square


stepping = told_of(wrong_step)


def step_slip(name, slip, says, *hints):
    """One that is not tried in pairs: it fixes all that the others may change."""
    usual = {"corrects": "both", "decays": "by the old weight", "where": "outside"}
    return Mistake(name, wrong_step, usual | {"slip": slip}, says, hints)


CORRECTION_HINTS = (
    "In the first step, with averages of zeros, the corrected ones are the gradient and its "
    "square. Are yours?",
    "Each average has its own beta, and its own correction with it.",
    "Divide m by `1 - beta1 ** step`, v by `1 - beta2 ** step`; step counts from 1.",
)
DECAY_HINTS = (
    "Hand in a gradient and averages of zeros: what should the weight become?",
    "Decoupled: a step of its own, away from the averages, with the rate in it.",
    "Subtract `rate * decay * weight`, where weight is what came in.",
)
EPS_HINTS = (
    "Which of your brackets closes first, that of the root or that of the sum?",
    "Epsilon keeps the division sound when v is nearly 0; it has no part in v itself.",
    "First correct, then take the root, then add epsilon.",
)
AVERAGE_HINTS = (
    "With beta 0.9, nine tenths of the average stay. What comes in?",
    "m averages gradients, v their squares; both get the newest before they are used.",
    "`beta * old + (1 - beta) * new`, for each with its own beta.",
)
RETURN_HINTS = (
    "Read the list again: three tensors, in which order?",
    "What is stored goes into the next step as `mean` and `square`, uncorrected.",
    "Return the new weight, the new mean, the new square.",
)

ADAM = Exercise(
    id="10.adam",
    title="One step, by hand",
    kind="code",
    points=3,
    name="adamw_step",
    cases=adam_cases,
    mistakes=[
        stepping(
            "no-correction",
            {"corrects": "none"},
            "neither average is corrected: the first steps are too small or too large",
            *CORRECTION_HINTS,
        ),
        stepping(
            "mean-corrected-only",
            {"corrects": "mean"},
            "only the mean is corrected, not the square",
            *CORRECTION_HINTS,
        ),
        stepping(
            "square-corrected-only",
            {"corrects": "square"},
            "only the square is corrected, not the mean",
            *CORRECTION_HINTS,
        ),
        stepping(
            "decay-in-the-gradient",
            {"decays": "in the gradient"},
            "the decay is added to the gradient, and goes into both averages: that is Adam with a "
            "penalty, not AdamW",
            *DECAY_HINTS,
        ),
        stepping(
            "decay-without-the-rate",
            {"decays": "without the rate"},
            "the decay is not multiplied by the rate",
            *DECAY_HINTS,
        ),
        stepping(
            "decay-of-the-new-weight",
            {"decays": "by the new weight"},
            "the decay goes by the weight after the step; the text's goes by the one before",
            *DECAY_HINTS,
        ),
        stepping("no-decay", {"decays": "never"}, "`decay` makes no difference", *DECAY_HINTS),
        stepping(
            "decay-grows",
            {"decays": "grows"},
            "the decay is added: weights grow by it",
            *DECAY_HINTS,
        ),
        stepping(
            "eps-inside-the-root",
            {"where": "inside"},
            "epsilon is added under the root; it comes after the root",
            *EPS_HINTS,
        ),
        stepping(
            "eps-before-the-correction",
            {"where": "before the correction"},
            "epsilon is added before the square is corrected, and is corrected with it",
            *EPS_HINTS,
        ),
        step_slip(
            "power-one-behind",
            "one step behind",
            "the powers go by step - 1: the first step divides by 0",
            *CORRECTION_HINTS,
        ),
        step_slip(
            "power-one-ahead",
            "one step ahead",
            "the powers go by step + 1, but step counts from 1 already",
            *CORRECTION_HINTS,
        ),
        step_slip(
            "product-for-power",
            "times step",
            "beta is multiplied by step; a power was asked for",
            *CORRECTION_HINTS,
        ),
        step_slip(
            "no-power",
            "no power",
            "both averages are divided by 1 - beta, in every step: `step` makes no difference",
            *CORRECTION_HINTS,
        ),
        step_slip(
            "power-of-the-rest",
            "power outside",
            "the power is taken of 1 - beta: brackets are in the wrong place",
            *CORRECTION_HINTS,
        ),
        step_slip(
            "power-of-the-rest-for-the-mean",
            "power outside, mean",
            "for m the power is taken of 1 - beta1: brackets are in the wrong place",
            *CORRECTION_HINTS,
        ),
        step_slip(
            "power-of-the-rest-for-the-square",
            "power outside, square",
            "for v the power is taken of 1 - beta2: brackets are in the wrong place",
            *CORRECTION_HINTS,
        ),
        step_slip(
            "power-turned-round",
            "power swapped",
            "step is raised to the power beta; it is beta to the power step",
            *CORRECTION_HINTS,
        ),
        step_slip(
            "corrected-mean-stored",
            "mean stored corrected",
            "the corrected mean is returned: the next step would correct it once more",
            *RETURN_HINTS,
        ),
        step_slip(
            "corrected-square-stored",
            "square stored corrected",
            "the corrected square is returned: the next step would correct it once more",
            *RETURN_HINTS,
        ),
        step_slip(
            "root-then-correction",
            "corrected root",
            "the root is taken first, and then corrected as if it were v: the root of 1 - beta2 ** "
            "step belongs there",
            *EPS_HINTS,
        ),
        step_slip(
            "no-eps",
            "no eps",
            "`eps` makes no difference",
            *EPS_HINTS,
        ),
        step_slip(
            "eps-behind-the-division",
            "eps added to the quotient",
            "epsilon is added to the whole step, behind the division: brackets are missing around "
            "the root and epsilon",
            *EPS_HINTS,
        ),
        step_slip(
            "eps-added-to-the-weight",
            "eps added to the weight",
            "epsilon is added to the weight, behind the division: brackets are missing around the "
            "root and epsilon",
            *EPS_HINTS,
        ),
        step_slip(
            "decay-of-the-mean",
            "decay by the mean",
            "the decay is that of the corrected mean; it is the weight that shrinks",
            *DECAY_HINTS,
        ),
        step_slip(
            "decay-unasked",
            "decay unasked",
            "`decay` isn't used: the whole weight, times the rate, is subtracted",
            *DECAY_HINTS,
        ),
        step_slip(
            "decay-over-the-root",
            "decay over the root",
            "the decay is divided by the root, together with the mean: brackets are in the wrong "
            "place",
            *DECAY_HINTS,
        ),
        step_slip(
            "decay-by-the-corrected-rate",
            "rate corrected",
            "the corrections are brought to the rate, and the decay goes by that, too; epsilon "
            "stands beside a root that isn't corrected",
            *DECAY_HINTS,
        ),
        step_slip(
            "decay-alone-by-the-corrected-rate",
            "rate corrected, eps too",
            "the corrections are brought to the rate, and the decay goes by that rate, too",
            *DECAY_HINTS,
        ),
        step_slip(
            "beta1-corrects-both",
            "first beta corrects both",
            "beta1 corrects both averages; v has a beta of its own",
            *CORRECTION_HINTS,
        ),
        step_slip(
            "beta2-corrects-both",
            "second beta corrects both",
            "beta2 corrects both averages; m has a beta of its own",
            *CORRECTION_HINTS,
        ),
        step_slip(
            "beta1-for-both",
            "first beta alone",
            "beta1 is used for both averages; v goes by beta2, and is corrected by it",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "no-root",
            "no root",
            "the root of the square is missing",
            "Double all gradients, from the first on. Does your step change? It should not.",
            "A square has other units than a gradient; its root has the same.",
            "Divide by the root of the corrected square, plus epsilon.",
        ),
        step_slip(
            "bare-gradient",
            "bare gradient",
            "the step goes along the newest gradient; the running mean is kept but not used",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "sign-only",
            "signs",
            "the weights move by the sign of the mean, all by the same length",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "old-averages-used",
            "old averages",
            "the step uses the averages as they came in, without the newest gradient",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "betas-exchanged",
            "betas exchanged",
            "beta1 and beta2 are exchanged: beta1 belongs to the mean",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "averages-by-the-other-beta",
            "averages by the other beta",
            "m is averaged with beta2 and v with beta1; the corrections have the right ones",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "shares-of-the-mean-exchanged",
            "shares of the mean exchanged",
            "`1 - beta1` of the old mean stays and `beta1` of the gradient comes in: exchange them",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "shares-of-the-square-exchanged",
            "shares of the square exchanged",
            "`1 - beta2` of the old square stays and `beta2` of the new one comes in: exchange "
            "them",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "multiplied-by-the-correction",
            "multiplied",
            "the averages are multiplied by `1 - beta ** step`, which makes them smaller still; "
            "divide",
            *CORRECTION_HINTS,
        ),
        step_slip(
            "old-square-used",
            "old square",
            "the root is that of `square` as it came in, without the newest gradient",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "shares-exchanged",
            "shares exchanged",
            "`1 - beta` of the old average stays, and `beta` of the new comes in: the other way "
            "round",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "new-one-whole",
            "new one whole",
            "the new gradient comes in whole, not by its share of 1 - beta",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "new-gradient-whole",
            "new gradient whole",
            "the new gradient comes whole into m, not by its share of 1 - beta1",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "new-square-whole",
            "new square whole",
            "the new square comes whole into v, not by its share of 1 - beta2",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "share-squared-too",
            "share squared, too",
            "`1 - beta2` is squared together with the gradient; the gradient alone is",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "square-of-the-mean",
            "square of the mean",
            "v averages the square of the *mean*; it is the gradient that is squared",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "size-for-square",
            "size",
            "v averages the size of the gradient, not its square",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "not-squared",
            "not squared",
            "v averages the gradient itself: its square is missing",
            *AVERAGE_HINTS,
        ),
        step_slip(
            "uphill",
            "uphill",
            "the weight moves along the gradient: the loss rises",
            "Hand in a positive gradient. Does the weight grow?",
            "Steps go down.",
            "Subtract the step from the weight.",
        ),
        step_slip(
            "change-only",
            "change only",
            "the change comes out, not the new weight",
            *RETURN_HINTS,
        ),
        step_slip(
            "corrected-ones-stored",
            "stored corrected",
            "the corrected averages are returned: the next step would correct them once more",
            *RETURN_HINTS,
        ),
        step_slip(
            "weight-alone",
            "weight alone",
            "only the weight comes out: the averages are lost for the next step",
            *RETURN_HINTS,
        ),
        step_slip(
            "weight-last",
            "exchanged",
            "the weight comes last; it is the first of the three",
            *RETURN_HINTS,
        ),
        step_slip(
            "averages-exchanged",
            "averages exchanged",
            "mean and square are returned in the other order",
            *RETURN_HINTS,
        ),
        step_slip(
            "old-ones-returned",
            "old ones returned",
            "the averages are returned as they came in",
            *RETURN_HINTS,
        ),
        Mistake(
            "averages-in-place",
            step_in_place,
            {"which": "averages"},
            "the numbers are right, but `mean` and `square` are written over",
            (
                "Keep a copy of `mean` before the call, and compare it after.",
                "`mul_`, `add_`, `*=` and `+=` change the tensor itself.",
                "Write `mean = beta1 * mean + …`: that makes a new one.",
            ),
        ),
        Mistake(
            "weight-in-place",
            step_in_place,
            {"which": "weight"},
            "the numbers are right, but the weight that came in is written over",
            (
                "Keep a copy of `weight` before the call, and compare it after.",
                "`-=` and `sub_` change the tensor itself.",
                "Return `weight - …`: that makes a new one.",
            ),
        ),
    ],
    hints=(
        "Take one number for each, betas of 0.8 and 0.5, step 2, rate 1, eps and decay 0: go by "
        "hand.",
        "Five lines: two averages, two corrections, one weight. Print each, and compare the first "
        "that is off.",
        "The new averages are made first, from the old ones and the gradient; corrected copies of "
        "them are used in the step, and the uncorrected ones returned.",
    ),
    allows=Edges(
        dtypes=("float32", "float64"),
        axes=(0, 1, 2, 3),
        sizes=(0, 1, 100_000),
        special=("zeros",),
        labels=("first step", "no decay", "late step", "large eps"),
    ),
    any_sequence=True,
    also_right=[step_by_lerp, step_by_parts],
    bans=("AdamW", "Adam", "NAdam", "RAdam", "Adamax", "adamw", "adam", "optim"),
)


# --- 10.clip --------------------------------------------------------------------------------


def clip_cases(generator):
    def drawn(*shapes, scale=1.0):
        return [scale * normal(generator, *shape) for shape in shapes]

    three = drawn((3, 5), (5,), (2, 2))
    long = 0.3 * math.sqrt(sum(float(g.square().sum()) for g in three))
    return [
        case("three layers, too long", drawn((3, 5), (5,), (2, 3, 2)), share(generator, 0.4, 0.9)),
        case("one long, one short", [*drawn((4,)), *drawn((3, 2), scale=0.01)], 0.5),
        case("short enough", drawn((2, 3), (4,), scale=0.1), share(generator, 3.0, 9.0)),
        case("one tensor, too long", drawn((7,), scale=3.0), share(generator, 1.1, 2.0)),
        case("one tensor, short enough", drawn((5,), scale=0.1), 2.5),
        case("each is short, all are too long", [g / g.norm() * 0.8 for g in three], 1.0),
        case("short, but not by the sum of sizes", three, long * 4),
        case("zeros", [torch.zeros(2, 3), torch.zeros(2)], 0.7),
        case("zeros among others", [torch.zeros(3), *drawn((2, 2))], 0.6),
        case("no limit", drawn((2, 3), (2,)), math.inf),
        case("no limit, zeros", [torch.zeros(4)], math.inf),
        case("one number", [torch.tensor(-3.0 - share(generator, 0.1, 0.9))], 2.0),
        case("faint, and too long", [F.normalize(normal(generator, 2), dim=0) * 0.02], 0.01),
        in_dtype(case("fine", drawn((3, 2), (3,)), 0.8), torch.float64),
    ]


def wrong_clip(gradients, max_norm, *, norm="all", scale="down"):
    """Clipping with its common mistakes as flags."""
    norms = torch.stack([g.norm() for g in gradients])
    flat = torch.cat([g.flatten() for g in gradients])
    found = {
        "all": lambda: flat.norm(),
        "sum": lambda: norms.sum(),
        "largest": lambda: norms.max(),
        "mean": lambda: norms.mean(),
        "means": lambda: torch.stack([g.square().mean() for g in gradients]).sum().sqrt(),
        "sizes": lambda: flat.abs().sum(),
        "square": lambda: flat.square().sum(),
        "root mean": lambda: flat.square().mean().sqrt(),
        "largest number": lambda: flat.abs().max(),
        "first": lambda: norms[0],
        "last": lambda: norms[-1],
    }[norm]()
    factor = {
        "down": lambda: (max_norm / found).clamp(max=1) if found > 0 else torch.tensor(1.0),
        "always": lambda: max_norm / found,
        "always, stops": lambda: torch.tensor(max_norm / found.item()),
        "always, small number": lambda: max_norm / (found + 1e-6),
        "always, zeros kept": lambda: max_norm / found if found else torch.tensor(1.0),
        "always, no limit kept": lambda: (
            torch.tensor(1.0) if max_norm == math.inf else max_norm / found
        ),
        "always, no limit kept, small number": lambda: (
            torch.tensor(1.0) if max_norm == math.inf else max_norm / (found + 1e-6)
        ),
        "up": lambda: (max_norm / found).clamp(min=1),
        "to one": lambda: 1 / found if found > max_norm else torch.tensor(1.0),
        "never": lambda: torch.tensor(1.0),
        "square": lambda: (max_norm / found**2).clamp(max=1) if found else torch.tensor(1.0),
        "dropped": lambda: torch.tensor(0.0 if found > max_norm else 1.0),
        "upside down": lambda: (found / max_norm).clamp(min=1),
    }[scale]()
    return [g * factor.to(g.dtype) for g in gradients], found.item()


def other_clip(gradients, max_norm, *, slip):
    """Mistakes that are not tried in pairs."""
    if slip in ADDED:
        return clip_by_norms(gradients, max_norm, float(slip))
    flat = torch.cat([g.flatten() for g in gradients])
    whole = flat.norm().item()
    factor = max_norm / whole if whole > max_norm else 1.0
    right = [g * factor for g in gradients]
    rooted = math.sqrt(sum(float(g.norm()) for g in gradients))
    each = [g * min(1.0, max_norm / max(float(g.norm()), 1e-12)) for g in gradients]
    if slip == "in place":
        with torch.no_grad():
            for g in gradients:
                g *= factor
        return gradients, whole
    return {
        "each": lambda: (each, whole),
        "each, norms": lambda: (each, [g.norm().item() for g in gradients]),
        "shared limit": lambda: (
            [
                g * min(1.0, max_norm / len(gradients) / max(float(g.norm()), 1e-12))
                for g in gradients
            ],
            whole,
        ),
        "each to the limit": lambda: (
            [g / g.norm() * max_norm for g in gradients] if whole > max_norm else gradients,
            whole,
        ),
        "values": lambda: ([g.clamp(-max_norm, max_norm) for g in gradients], whole),
        "norm after": lambda: (right, whole * factor),
        "norm alone": lambda: whole,
        "list alone": lambda: right,
        "one vector": lambda: (torch.cat([g.flatten() for g in right]), whole),
        "exchanged": lambda: (whole, right),
        "each, last": lambda: (each, gradients[-1].norm().item()),
        "zeros are nan": lambda: (
            [g / flat.norm() * min(max_norm, whole) for g in gradients],
            whole,
        ),
        "zeros stop": lambda: ([g * min(1.0, max_norm / whole) for g in gradients], whole),
        "no limit is nan": lambda: (
            [g * (min(max_norm, whole) / whole if whole else max_norm) for g in gradients],
            whole,
        ),
        "larger of both": lambda: (
            [g * (max_norm / max(whole, max_norm)) for g in gradients],
            whole,
        ),
        "root of norms": lambda: (
            [g * (min(1.0, max_norm / rooted) if rooted else 1.0) for g in gradients],
            rooted,
        ),
        "root of norms, stops": lambda: (
            [g * min(1.0, max_norm / rooted) for g in gradients],
            rooted,
        ),
        "soft": lambda: (
            [g * (1 / (1 + whole / max_norm)) for g in gradients],
            whole,
        ),
    }[slip]()


def clip_by_vector(gradients, max_norm):
    """Right: one long vector."""
    norm = torch.linalg.vector_norm(torch.cat([g.reshape(-1) for g in gradients]))
    if norm <= max_norm:
        return list(gradients), norm
    return [g * (max_norm / norm) for g in gradients], norm


ADDED = ("1e-4", "1e-3", "1e-2")


def clip_by_norms(gradients, max_norm, small=1e-6):
    """Right: the norm of the norms, and PyTorch's small number below."""
    norm = math.sqrt(sum(float(g.norm()) ** 2 for g in gradients))
    scale = min(1.0, max_norm / (norm + small))
    return tuple(g * scale for g in gradients), norm


clipping = told_of(wrong_clip)


clip_slip = told_of(other_clip, "slip")


NORM_HINTS = (
    "Cut a tensor in two and hand in both halves. Does the norm change?",
    "The norm of (3, 4) is 5; so is that of [3] and [4] together.",
    "Add up the squares of all numbers of all tensors, then take one root.",
)
SCALE_HINTS = (
    "Hand in one gradient far below the limit and one far above. What comes out?",
    "What is too long becomes `max_norm` long; the rest stays as it is.",
    "The factor is max_norm / norm where norm is above max_norm, and 1 everywhere else.",
)
ONE_FACTOR_HINTS = (
    "Is what comes out a multiple of what went in, by one and the same factor?",
    "All gradients together give a direction. It should stay.",
    "One norm over all tensors, one factor for all of them.",
)
BACK_HINTS = (
    "Two things come out: a list of as many tensors, and one number.",
    "The norm is for the curve that you look at: it should show what came in.",
    "Return the list first, then the norm before clipping.",
)
BORDER_HINTS = (
    "Hand in zeros, then an infinite limit.",
    "Zero over zero is `nan`, and so is infinity times zero.",
    "Ask whether the norm is above the limit before you divide.",
)
SMALL_HINTS = (
    "Clip a gradient that is 0.02 long to 0.01. How long is yours now?",
    "Such a number keeps zeros from a division by 0; beside a faint norm it isn't small.",
    "Divide by the norm alone, and only where it is above the limit: it is never 0 there.",
)

CLIP = Exercise(
    id="10.clip",
    title="Clipped, and worse",
    kind="bug",
    points=2,
    name="clip_gradients",
    cases=clip_cases,
    mistakes=[
        clipping(
            "sum-of-norms-scaled-up",
            {"norm": "sum", "scale": "always"},
            "the norms of the tensors are added up, and what is short enough is scaled up: as the "
            "author left it",
            "Two things are wrong. Hand in one tensor first, and look at the factor alone.",
            "Then cut a tensor in two, and look at the norm.",
            "One root over all squares; and no factor above 1.",
        ),
        clipping(
            "sum-of-norms",
            {"norm": "sum"},
            "the norms of the tensors are added up; the norm of all is shorter than that",
            *NORM_HINTS,
        ),
        clipping(
            "scaled-up-too",
            {"scale": "always"},
            "what is short enough is scaled up to the limit: near the end of a run, steps never "
            "become small",
            *SCALE_HINTS,
        ),
        clipping(
            "scaled-up-too-zeros-stop",
            {"scale": "always, stops"},
            "what is short enough is scaled up to the limit; and zeros stop it, by a division by 0",
            *SCALE_HINTS,
        ),
        clipping(
            "scaled-up-too-over-a-small-number",
            {"scale": "always, small number"},
            "what is short enough is scaled up to the limit; the small number below keeps zeros "
            "from a division by 0, and no more",
            *SCALE_HINTS,
        ),
        clipping(
            "scaled-up-too-but-zeros",
            {"scale": "always, zeros kept"},
            "what is short enough is scaled up to the limit; zeros alone are left as they are",
            *SCALE_HINTS,
        ),
        clipping(
            "scaled-up-too-with-a-limit",
            {"scale": "always, no limit kept"},
            "what is short enough is scaled up to the limit, unless that is infinite",
            *SCALE_HINTS,
        ),
        clipping(
            "scaled-up-too-with-a-limit-over-a-small-number",
            {"scale": "always, no limit kept, small number"},
            "what is short enough is scaled up to the limit; zeros and an infinite limit alone are "
            "seen to",
            *SCALE_HINTS,
        ),
        clipping(
            "largest-norm",
            {"norm": "largest"},
            "the norm is that of the longest tensor alone",
            *NORM_HINTS,
        ),
        clipping(
            "mean-of-norms",
            {"norm": "mean"},
            "the norm is the mean of the tensors' norms",
            *NORM_HINTS,
        ),
        clipping(
            "sum-of-sizes",
            {"norm": "sizes"},
            "sizes are added up, not squares",
            *NORM_HINTS,
        ),
        clipping(
            "root-missing",
            {"norm": "square"},
            "the root of the sum of squares is missing",
            *NORM_HINTS,
        ),
        clipping(
            "mean-of-squares",
            {"norm": "root mean"},
            "squares are averaged, not added up: a larger model has no longer gradients for you",
            *NORM_HINTS,
        ),
        clipping(
            "mean-of-squares-by-tensor",
            {"norm": "means"},
            "each tensor's squares are averaged before they are added up; a sum over all numbers "
            "belongs there",
            *NORM_HINTS,
        ),
        clipping(
            "largest-number",
            {"norm": "largest number"},
            "the largest single number is taken for the norm",
            *NORM_HINTS,
        ),
        clipping(
            "first-tensor", {"norm": "first"}, "the norm is that of the first tensor", *NORM_HINTS
        ),
        clipping(
            "last-tensor", {"norm": "last"}, "the norm is that of the last tensor", *NORM_HINTS
        ),
        clipping(
            "scaled-up-only",
            {"scale": "up"},
            "the larger of 1 and the factor is taken: short ones grow, long ones stay",
            *SCALE_HINTS,
        ),
        clipping(
            "upside-down",
            {"scale": "upside down"},
            "long gradients are made longer: the factor is `norm / max_norm`, upside down",
            *SCALE_HINTS,
        ),
        clipping(
            "length-one",
            {"scale": "to one"},
            "what is too long becomes 1 long, not `max_norm`",
            *SCALE_HINTS,
        ),
        clipping("never-clipped", {"scale": "never"}, "nothing is ever clipped", *SCALE_HINTS),
        clipping(
            "divided-twice",
            {"scale": "square"},
            "the factor is max_norm over the norm's square",
            *SCALE_HINTS,
        ),
        clipping(
            "too-long-is-dropped",
            {"scale": "dropped"},
            "what is too long becomes zeros: the step is skipped",
            *SCALE_HINTS,
        ),
        clip_slip(
            "one-by-one",
            "each",
            "each tensor is clipped by its own norm: the direction turns",
            *ONE_FACTOR_HINTS,
        ),
        clip_slip(
            "one-by-one-with-the-last",
            "each, last",
            "each tensor is clipped by its own norm, and the norm returned is that of the last",
            *ONE_FACTOR_HINTS,
        ),
        clip_slip(
            "one-by-one-with-norms",
            "each, norms",
            "each tensor is clipped by its own norm, and has one in what you return",
            *ONE_FACTOR_HINTS,
        ),
        clip_slip(
            "one-by-one-to-the-limit",
            "each to the limit",
            "where all together are too long, each tensor is divided by its own norm: each becomes "
            "`max_norm` long",
            *ONE_FACTOR_HINTS,
        ),
        clip_slip(
            "limit-shared-out",
            "shared limit",
            "the limit is shared out between the tensors, and each is clipped by itself",
            *ONE_FACTOR_HINTS,
        ),
        clip_slip(
            "single-numbers-cut-off",
            "values",
            "each number is cut off at the limit: the direction turns",
            *ONE_FACTOR_HINTS,
        ),
        clip_slip(
            "soft-limit",
            "soft",
            "even short gradients shrink: the factor is max_norm / (max_norm + norm)",
            *SCALE_HINTS,
        ),
        *(
            clip_slip(
                f"{number}-added",
                number,
                f"{number} is added to the norm before you divide: what is too long becomes "
                "shorter than `max_norm`, and faint gradients by much",
                *SMALL_HINTS,
            )
            for number in ADDED
        ),
        clip_slip("norm-after", "norm after", "the norm is that after clipping", *BACK_HINTS),
        clip_slip("norm-alone", "norm alone", "only the norm comes out", *BACK_HINTS),
        clip_slip("list-alone", "list alone", "only the gradients come out", *BACK_HINTS),
        clip_slip("exchanged", "exchanged", "the norm comes first, the list second", *BACK_HINTS),
        clip_slip(
            "one-vector",
            "one vector",
            "one long vector comes out; each tensor should keep its shape",
            *BACK_HINTS,
        ),
        clip_slip(
            "zeros-become-nan",
            "zeros are nan",
            "gradients of zeros become `nan`: you divide by a norm of 0",
            *BORDER_HINTS,
        ),
        clip_slip(
            "zeros-stop-it",
            "zeros stop",
            "gradients of zeros stop it: you divide by a norm of 0",
            *BORDER_HINTS,
        ),
        clip_slip(
            "no-limit-becomes-nan",
            "no limit is nan",
            "gradients of zeros without a limit become `nan`: zero times infinity",
            *BORDER_HINTS,
        ),
        clip_slip(
            "infinity-over-infinity",
            "larger of both",
            "without a limit all becomes `nan`: infinity divided by infinity",
            *BORDER_HINTS,
        ),
        clip_slip(
            "in-place",
            "in place",
            "the numbers are right, but the gradients that came in are written over",
            "Keep a copy of the list's tensors before the call, and compare.",
            "`*=` and `mul_` change the tensor itself.",
            "Make new ones: `gradient * scale`.",
        ),
        clip_slip(
            "root-of-the-norms",
            "root of norms",
            "the root is taken of a sum of norms; the squares of the norms belong there",
            *NORM_HINTS,
        ),
        clip_slip(
            "root-of-the-norms-stops",
            "root of norms, stops",
            "the root is taken of a sum of norms; the squares of the norms belong there. And zeros "
            "stop it",
            *NORM_HINTS,
        ),
    ],
    hints=(
        "Hand in `[torch.tensor([3.0]), torch.tensor([4.0])]` with limits of 1 and 100.",
        "Take the author's symptoms one by one. Which line could make a small gradient large? "
        "Which line sees where a tensor ends?",
        "One norm over all numbers; a factor that is never above 1.",
    ),
    allows=Edges(
        dtypes=("float32", "float64"),
        axes=(0, 1, 2, 3),
        sizes=(1,),
        special=("zeros",),
        labels=("no limit", "short enough", "too long", "zeros among others", "faint"),
    ),
    any_sequence=True,
    also_right=[clip_by_vector, clip_by_norms],
    bans=(
        "clip_grad_norm_",
        "clip_grad_norm",
        "clip_grads_with_norm_",
        "get_total_norm",
        "clip_grad_value_",
    ),
)


# --- 10.first-loss --------------------------------------------------------------------------


def first_cases(generator, vocab):
    size = int(torch.randint(50, 900, (), generator=generator))
    return [
        case("the usual share", 0.1),
        case("no smoothing", 0.0),
        case("more of it", share(generator, 0.15, 0.4)),
        case("nearly all", 0.95),
        case("another vocabulary", share(generator, 0.05, 0.3), vocab=size),
        case("two tokens", share(generator, 0.2, 0.6), vocab=2),
        case("another vocabulary, no smoothing", 0.0, vocab=size + 7),
    ]


def wrong_first(smoothing, vocab, *, slip):
    first = math.log(vocab)
    other = smoothing / vocab
    right = 1 - smoothing + other

    def term(p):
        return -p * math.log(p) if p else 0.0

    least = term(right) + (vocab - 1) * term(other)
    return {
        "smoothed first": lambda: ((1 - smoothing) * first, least),
        "smoothed twice": lambda: ((1 + smoothing) * first, least),
        "both smoothed": lambda: (first + smoothing, least),
        "entropy first": lambda: (least, first),
        "bits": lambda: (first / math.log(2), least / math.log(2)),
        "tens": lambda: (first / math.log(10), least / math.log(10)),
        "share": lambda: (1 / vocab, least),
        "perplexity": lambda: (float(vocab), math.exp(least)),
        "sign": lambda: (-first, -least),
        "zero": lambda: (first, 0.0),
        "same": lambda: (first, first),
        "part": lambda: (first, smoothing * first),
        "right only": lambda: (first, term(right)),
        "right only, bare": lambda: (first, -math.log(right)),
        "right without": lambda: (first, -math.log(1 - smoothing)),
        "others": lambda: (
            first,
            term(1 - smoothing) + (vocab - 1) * term(smoothing / (vocab - 1)),
        ),
        "no part back": lambda: (first, term(1 - smoothing) + vocab * term(other)),
        "short of one": lambda: (first, term(1 - smoothing) + (vocab - 1) * term(other)),
        "two outcomes": lambda: (first, term(1 - smoothing) + term(smoothing)),
        "one other": lambda: (first, term(right) + term(other)),
        "all others": lambda: (first, term(right) + vocab * term(other)),
        "divergence": lambda: (first - least, 0.0),
        "less first": lambda: (first, first - least),
        "others turned": lambda: (first, term(right) - (vocab - 1) * term(other)),
        "label turned": lambda: (first, (vocab - 1) * term(other) - term(right)),
        "first of 37000": lambda: (math.log(37000), least),
        "least of 37000": lambda: (first, wrong_first(smoothing, 37000, slip="none")[1]),
        "share of the first": lambda: (first, other * first),
        "both 0": lambda: (first, least) if smoothing else (0.0, 0.0),
        "logarithms alone": lambda: (
            first,
            -math.log(right) - (math.log(other) if other else 0.0),
        ),
        "zero over zero": lambda: (
            first,
            -right * math.log(right) - (vocab - 1) * other * math.log(other),
        ),
        "zero over zero, nan": lambda: (first, least if smoothing else math.nan),
        "kept share": lambda: (first, -(1 - smoothing) * math.log(right)),
        "no part back, stops": lambda: (
            first,
            term(1 - smoothing) - smoothing * math.log(other),
        ),
        "even part once": lambda: ((1 - smoothing + other) * first, least),
        "base vocabulary": lambda: wrong_first(smoothing, 37000, slip="none"),
        "none": lambda: (first, least),
        "first only": lambda: first,
        "least only": lambda: least,
        "one less": lambda: (math.log(vocab - 1), least),
    }[slip]()


def first_by_tensor(smoothing, vocab):
    """Right: the smoothed label's entropy."""
    asked = torch.full((vocab,), smoothing / vocab, dtype=torch.float64)
    asked[0] += 1 - smoothing
    return math.log(vocab), -torch.xlogy(asked, asked).sum().item()


def first_by_formula(smoothing, vocab):
    """Right: by splitting the logarithms."""
    even = -math.log(1 / vocab)
    if smoothing == 0:
        return even, 0.0
    right = 1 - smoothing * (vocab - 1) / vocab
    wrong = smoothing * (vocab - 1) / vocab
    return even, wrong * (even - math.log(smoothing)) - right * math.log(right)


expecting = told_of(wrong_first, "slip")


FIRST_HINTS = (
    "Equal scores: which share has each token, and what is minus its logarithm?",
    "Put one and the same log p into every place of the formula, and add up.",
    "(1 - smoothing) and smoothing add up to 1, so the first loss doesn't see the smoothing.",
)
LEAST_HINTS = (
    "Which shares would a perfect model have to give, if 1 on the label is not what is asked?",
    "The loss is least when p is exactly what is asked: then it is the entropy of what is asked.",
    "One token is asked for 1 - smoothing + smoothing / vocab, each other for smoothing / vocab.",
)

FIRST = Exercise(
    id="10.first-loss",
    title="Before the run begins",
    kind="predict",
    points=1,
    name="first_and_least",
    cases=first_cases,
    mistakes=[
        expecting(
            "first-one-smoothed",
            "smoothed first",
            "the first loss is multiplied by 1 - smoothing; the even part is missing",
            *FIRST_HINTS,
        ),
        expecting(
            "even-part-on-top",
            "smoothed twice",
            "the even part is added to a whole cross-entropy: together the shares are above 1",
            *FIRST_HINTS,
        ),
        expecting(
            "smoothing-added",
            "both smoothed",
            "the smoothing is added to the first loss",
            *FIRST_HINTS,
        ),
        expecting(
            "even-part-of-one-token",
            "even part once",
            "the even part is counted for one token; it runs over all V, and their shares add up "
            "to smoothing",
            *FIRST_HINTS,
        ),
        expecting(
            "always-37000-tokens",
            "base vocabulary",
            "37000 is used for the vocabulary, whatever comes in",
            "Call it with a vocabulary of 2 and no smoothing: ln 2 and 0.",
            "The text's number is what a call gets that doesn't say.",
            "Take the logarithm of the argument.",
        ),
        expecting(
            "always-37000-tokens-in-the-first",
            "first of 37000",
            "37000 is used for the vocabulary in the first loss, whatever comes in",
            "Call it with a vocabulary of 2 and no smoothing: ln 2 and 0.",
            "The text's number is what a call gets that doesn't say.",
            "Take the logarithm of the argument.",
        ),
        expecting(
            "always-37000-tokens-in-the-least",
            "least of 37000",
            "37000 is used for the vocabulary in the least loss, whatever comes in",
            "Call it with a vocabulary of 2 and a smoothing of 0.5: what is asked of each token?",
            "The text's number is what a call gets that doesn't say.",
            "Count tokens, and share out, by the argument.",
        ),
        expecting(
            "first-is-zero-without-smoothing",
            "both 0",
            "without smoothing both numbers are 0; only the least loss is, whatever a model knows",
            *FIRST_HINTS,
        ),
        expecting("one-token-less", "one less", "the first loss counts V - 1 tokens", *FIRST_HINTS),
        expecting(
            "share-for-loss",
            "share",
            "1 / vocab is the share of each token; the loss is minus its logarithm",
            *FIRST_HINTS,
        ),
        expecting(
            "perplexity",
            "perplexity",
            "these are e to the losses (perplexities), not the losses",
            *FIRST_HINTS,
        ),
        expecting(
            "in-bits", "bits", "your numbers are in bits: natural logarithms, please", *FIRST_HINTS
        ),
        expecting("base-ten", "tens", "your logarithms have the base 10", *FIRST_HINTS),
        expecting(
            "sign-turned", "sign", "both numbers are below 0; losses are above", *FIRST_HINTS
        ),
        expecting("exchanged", "entropy first", "the least loss comes first", *LEAST_HINTS),
        expecting("first-alone", "first only", "only the first loss comes out", *LEAST_HINTS),
        expecting("least-alone", "least only", "only the least loss comes out", *LEAST_HINTS),
        expecting(
            "least-is-zero",
            "zero",
            "0 is what plain cross-entropy could reach; smoothed labels leave something",
            *LEAST_HINTS,
        ),
        expecting(
            "least-is-the-first",
            "same",
            "both are the same: as if nothing could be learned",
            *LEAST_HINTS,
        ),
        expecting(
            "part-of-the-first",
            "part",
            "`smoothing * ln V` is what the even part costs a model that knows nothing",
            *LEAST_HINTS,
        ),
        expecting(
            "part-of-one-token",
            "share of the first",
            "`smoothing / vocab * ln V` is what one token's even share costs a model that knows "
            "nothing",
            *LEAST_HINTS,
        ),
        expecting(
            "others-subtracted",
            "others turned",
            "in the least loss the part of the other tokens is subtracted: each term of an entropy "
            "is above 0",
            *LEAST_HINTS,
        ),
        expecting(
            "label-subtracted",
            "label turned",
            "in the least loss the part of the label is subtracted: each term of an entropy is "
            "above 0",
            *LEAST_HINTS,
        ),
        expecting(
            "logarithms-without-shares",
            "logarithms alone",
            "two logarithms are added up; each token has one, with its share in front",
            *LEAST_HINTS,
        ),
        expecting(
            "label-only",
            "right only",
            "the least loss has the label's part only; the other tokens are asked for, too",
            *LEAST_HINTS,
        ),
        expecting(
            "label-only-without-its-share",
            "right only, bare",
            "the least loss is minus one logarithm; it should be a sum over all tokens, each with "
            "its share in front",
            *LEAST_HINTS,
        ),
        expecting(
            "logarithm-of-the-rest",
            "right without",
            "-ln(1 - smoothing) is one logarithm; the least loss is a sum over all tokens",
            *LEAST_HINTS,
        ),
        expecting(
            "spread-over-the-others",
            "others",
            "the share is spread over V - 1 tokens; here the right one gets its part, too",
            *LEAST_HINTS,
        ),
        expecting(
            "label-without-its-part",
            "no part back",
            "the label is asked for 1 - smoothing here; its part of the even share is counted as "
            "another token's",
            *LEAST_HINTS,
        ),
        expecting(
            "shares-short-of-one",
            "short of one",
            "the label is asked for 1 - smoothing, the others for smoothing / vocab each: together "
            "that is less than 1",
            *LEAST_HINTS,
        ),
        expecting(
            "two-outcomes",
            "two outcomes",
            "all wrong tokens are taken for one that has the whole share; there are V - 1 of them",
            *LEAST_HINTS,
        ),
        expecting(
            "one-other-token",
            "one other",
            "there are V - 1 other tokens; you count one",
            *LEAST_HINTS,
        ),
        expecting(
            "v-other-tokens",
            "all others",
            "too many other tokens are counted: the label itself is none of them",
            *LEAST_HINTS,
        ),
        expecting(
            "divergence",
            "divergence",
            "the entropy of the labels is subtracted from both: that is the KL divergence",
            *LEAST_HINTS,
        ),
        expecting(
            "how-far-it-can-fall",
            "less first",
            "the second number is how far the loss can fall, not where it ends",
            *LEAST_HINTS,
        ),
        expecting(
            "zero-times-infinity",
            "zero over zero",
            "without smoothing your code takes the logarithm of 0",
            "What is `math.log(0)`? And 0 times its limit, on paper?",
            "A token that nobody asks for costs nothing.",
            "Leave its term out where the share is 0.",
        ),
        expecting(
            "zero-times-infinity-is-nan",
            "zero over zero, nan",
            "without smoothing your second number is `nan`: 0 times the logarithm of 0",
            "What is 0 times minus infinity, to a tensor?",
            "A token that nobody asks for costs nothing.",
            "Leave its term out where the share is 0; `torch.xlogy` does.",
        ),
        expecting(
            "kept-share-of-the-label",
            "kept share",
            "the least loss has the label's part only, and of that not its even share; the other "
            "tokens are asked for, too",
            *LEAST_HINTS,
        ),
        expecting(
            "label-without-its-part-stops",
            "no part back, stops",
            "the label is asked for 1 - smoothing here; its part of the even share is counted as "
            "another token's. And without smoothing there is a logarithm of 0",
            *LEAST_HINTS,
        ),
    ],
    hints=(
        "Begin with two tokens and no smoothing: ln 2 and 0.",
        "Write down what each token is asked for, with smoothing 0.1 and five tokens. They add up "
        "to 1.",
        "The loss is a sum over tokens: asked share times minus log p. First p is even, then p is "
        "what is asked.",
    ),
    allows=Edges(
        sizes=(2,), labels=("no smoothing", "two tokens", "nearly all", "another vocabulary")
    ),
    any_sequence=True,
    choices={"vocab": (37000, 8000, 30522, 50257)},
    atol=1e-6,  # who lets float32 add up the shares is right, too
    also_right=[first_by_tensor, first_by_formula],
)


# --- 10.softest -----------------------------------------------------------------------------


def sharp_cases(generator):
    def keys(low, high):
        return int(torch.randint(low, high, (), generator=generator))

    n = keys(20, 300)
    return [
        case("some keys", keys(5, 20), share(generator, 0.5, 1.5), share(generator, 0.4, 0.9)),
        case("two keys", 2, share(generator, 0.2, 0.9), share(generator, 0.6, 0.9)),
        case("many keys", 100_000, share(generator, 4.0, 7.0), share(generator, 0.9, 0.99)),
        case("a cap of 0", keys(3, 9), 0, 0.5 + share(generator, 0.0, 0.2)),
        case("a cap of 1,000", keys(3, 9), 1000, 0.999),
        case("an even weight", n, share(generator, 1.0, 2.0), 1 / n),
        case("a small weight", n, share(generator, 2.0, 3.0), 2.5 / n),
    ]


def wrong_sharp(n_keys, cap, weight, *, slip):
    def largest(top=1.0, low=-1.0, others=n_keys - 1):
        return 1 / (1 + others * math.exp((low - top) * cap))

    odds = weight / (1 - weight)
    first, needed = largest(), math.log((n_keys - 1) * odds) / 2
    high = min(cap, 700.0)
    return {
        "others at 0": lambda: (largest(low=0.0), 2 * needed),
        "others at 0, first": lambda: (largest(low=0.0), needed),
        "others at 0, second": lambda: (first, 2 * needed),
        "all keys": lambda: (largest(others=n_keys), math.log(n_keys * odds) / 2),
        "all keys, first": lambda: (largest(others=n_keys), needed),
        "all keys, second": lambda: (first, math.log(n_keys * odds) / 2),
        "two keys": lambda: (largest(others=1), math.log(odds) / 2),
        "two keys, first": lambda: (largest(others=1), needed),
        "even": lambda: (1 / n_keys, needed),
        "certain": lambda: (1.0, needed),
        "overflow": lambda: (
            math.exp(cap) / (math.exp(cap) + (n_keys - 1) * math.exp(-cap)),
            needed,
        ),
        "overflow, others at 0": lambda: (
            math.exp(cap) / (math.exp(cap) + n_keys - 1),
            2 * needed,
        ),
        "overflow, all keys": lambda: (
            math.exp(cap) / (math.exp(cap) + n_keys * math.exp(-cap)),
            math.log(n_keys * odds) / 2,
        ),
        "overflow, half missing": lambda: (
            math.exp(cap) / (math.exp(cap) + (n_keys - 1) * math.exp(-cap)),
            2 * needed,
        ),
        "tensors overflow": lambda: (
            float(torch.tensor(1.0 * cap).exp() / (torch.tensor(1.0 * cap).exp() + n_keys - 1)),
            needed,
        ),
        "tensors overflow, low": lambda: (
            float("nan") if cap > 88 else first,  # e to the 89 is above float32
            needed,
        ),
        "smallest": lambda: (largest(top=-1.0, low=1.0), needed) if cap < 300 else (0.0, needed),
        "one low": lambda: (1 / (n_keys - 1 + math.exp(-2 * high)), needed),
        "below 0": lambda: (first, -needed),
        "rest only": lambda: (first, math.log((n_keys - 1) / (1 - weight)) / 2),
        "odds turned": lambda: (first, math.log((n_keys - 1) / odds) / 2),
        "weight only": lambda: (first, math.log((n_keys - 1) * weight) / 2),
        "logit": lambda: (first, math.log(n_keys - 1) + math.log(odds)),
        "no keys": lambda: (first, math.log(odds) / 2),
        "keys below": lambda: (first, math.log(odds / (n_keys - 1)) / 2),
        "bits": lambda: (first, needed / math.log(2)),
        "no logarithm": lambda: (first, (n_keys - 1) * odds / 2),
        "square": lambda: (first, math.sqrt(max(0.0, 2 * needed))),
        "exchanged": lambda: (needed, first),
        "first alone": lambda: first,
        "second alone": lambda: needed,
        "added": lambda: (
            1 / (n_keys * math.exp(-2 * cap)) if cap < 300 else 1.0,
            needed,
        ),
        "no softmax": lambda: (cap / (cap + n_keys - 1), needed),
    }[slip]()


def sharp_by_tensor(n_keys, cap, weight):
    """Right: the softmax itself, and its odds."""
    scores = torch.full((n_keys,), -float(cap), dtype=torch.float64)
    scores[0] = cap
    rest = (1 - weight) / (n_keys - 1)
    return scores.softmax(dim=0)[0].item(), (math.log(weight) - math.log(rest)) / 2


def sharp_by_tanh(n_keys, cap, weight):
    """Right: as a sigmoid of the lead over all others together."""
    lead = 2 * cap - math.log(n_keys - 1)
    return (1 + math.tanh(lead / 2)) / 2, math.log((n_keys - 1) / (1 / weight - 1)) / 2


sharpening = told_of(wrong_sharp, "slip")


OTHERS_HINTS = (
    "For two keys and a cap of 1: which two scores are furthest apart?",
    "A score may be negative. Which score of the *others* leaves most to the favourite?",
    "One key at cap, all others at -cap: a lead of twice the cap.",
)
KEYS_HINTS = (
    "With a cap of 0 all scores are equal. Is your first number 1 / n_keys then?",
    "The favourite is one of the keys. How many are left?",
    "There are n_keys - 1 others.",
)
INVERSE_HINTS = (
    "Put your second number in as the cap: is the first one `weight` then?",
    "Solve weight = 1 / (1 + (n_keys - 1) * exp(-2 * cap)) for cap.",
    "The odds weight / (1 - weight), times the number of others, are e to twice the cap.",
)
BOTH_HINTS = (
    "Two numbers come out.",
    "First a weight, between 1 / n_keys and 1; then a cap, from 0 on.",
    "Return the largest weight, then the cap that it takes.",
)

SOFTEST = Exercise(
    id="10.softest",
    title="How sure may a head be?",
    kind="code",
    points=2,
    name="sharpest",
    cases=sharp_cases,
    mistakes=[
        sharpening(
            "others-at-zero",
            "others at 0",
            "the others are one cap away, as if they scored 0; they may score less",
            *OTHERS_HINTS,
        ),
        sharpening(
            "others-at-zero-and-overflow",
            "overflow, others at 0",
            "the others are one cap away, as if they scored 0; and e to the 1,000 is too large for "
            "any number",
            *OTHERS_HINTS,
        ),
        sharpening(
            "all-keys-and-overflow",
            "overflow, all keys",
            "the favourite is counted among the others; and e to the 1,000 is too large for any "
            "number",
            *KEYS_HINTS,
        ),
        sharpening(
            "others-at-zero-in-the-cap-and-overflow",
            "overflow, half missing",
            "your cap is twice what it takes, as if the others scored 0; and e to the 1,000 is too "
            "large for any number",
            *INVERSE_HINTS,
        ),
        sharpening(
            "others-at-zero-in-the-weight",
            "others at 0, first",
            "for the weight the other keys score 0, for the cap -cap",
            *OTHERS_HINTS,
        ),
        sharpening(
            "others-at-zero-in-the-cap",
            "others at 0, second",
            "for the cap the other keys score 0 (or a half is missing), for the weight -cap",
            *OTHERS_HINTS,
        ),
        sharpening(
            "even-weights", "even", "all keys score the same in your first number", *OTHERS_HINTS
        ),
        sharpening(
            "always-certain",
            "certain",
            "your first number is 1, whatever the cap: no softmax gives that",
            *OTHERS_HINTS,
        ),
        sharpening(
            "smallest-weight",
            "smallest",
            "this is the smallest weight that a key can have",
            *OTHERS_HINTS,
        ),
        sharpening(
            "one-low-key",
            "one low",
            "one key scores low, and all others high: the favourite has too many equals",
            *OTHERS_HINTS,
        ),
        sharpening(
            "no-exponential",
            "no softmax",
            "scores are divided by their sum: softmax takes e to their power first",
            *OTHERS_HINTS,
        ),
        sharpening(
            "n-others",
            "all keys",
            "n_keys others are counted beside the favourite",
            *KEYS_HINTS,
        ),
        sharpening(
            "n-others-in-the-weight",
            "all keys, first",
            "for the weight, n_keys others are counted beside the favourite",
            *KEYS_HINTS,
        ),
        sharpening(
            "n-others-in-the-cap",
            "all keys, second",
            "for the cap, n_keys others are counted beside the favourite",
            *KEYS_HINTS,
        ),
        sharpening(
            "two-keys-only",
            "two keys",
            "your numbers are those for two keys, whatever `n_keys` is",
            *KEYS_HINTS,
        ),
        sharpening(
            "two-keys-only-in-the-weight",
            "two keys, first",
            "your weight is that for two keys, whatever `n_keys` is; your cap isn't",
            *KEYS_HINTS,
        ),
        sharpening(
            "favourite-left-out",
            "added",
            "the favourite is missing below the fraction line: your weight can be above 1",
            *KEYS_HINTS,
        ),
        sharpening(
            "overflow",
            "overflow",
            "e to the 1,000 is too large for any number: only the difference of two scores counts",
            "What does your first line give for a cap of 1,000?",
            "Chapter 00 subtracts the maximum before the softmax. What is left of the favourite?",
            "Divide above and below by e to the cap: 1 / (1 + … · exp(-2 · cap)).",
        ),
        sharpening(
            "infinity-over-infinity",
            "tensors overflow",
            "the other keys score 0; and with a cap of 1,000 infinity is divided by infinity",
            "What does your first line give for a cap of 1,000?",
            "The others may score below 0; and only the difference of two scores counts.",
            "Divide above and below by e to the cap: 1 / (1 + … · exp(-2 · cap)).",
        ),
        sharpening(
            "infinity-over-infinity-in-the-weight",
            "tensors overflow, low",
            "with a cap of 1,000 infinity is divided by infinity: only the difference of two "
            "scores counts",
            "What does your first line give for a cap of 1,000?",
            "Chapter 00 subtracts the maximum before the softmax. What is left of the favourite?",
            "Divide above and below by e to the cap: 1 / (1 + … · exp(-2 · cap)).",
        ),
        sharpening(
            "divided-by-the-others",
            "keys below",
            "the odds are divided by the number of others; more keys take a larger cap",
            *INVERSE_HINTS,
        ),
        sharpening(
            "cap-below-zero",
            "below 0",
            "your cap is right but for its sign: what stands in the logarithm is upside down",
            *INVERSE_HINTS,
        ),
        sharpening(
            "odds-turned", "odds turned", "the odds of the weight are upside down", *INVERSE_HINTS
        ),
        sharpening(
            "weight-for-odds",
            "weight only",
            "the weight is used for its odds: it is compared with the whole, not with the rest",
            *INVERSE_HINTS,
        ),
        sharpening(
            "number-of-keys-ignored",
            "no keys",
            "`n_keys` makes no difference to the cap",
            *INVERSE_HINTS,
        ),
        sharpening("cap-in-bits", "bits", "the cap has a logarithm with base 2", *INVERSE_HINTS),
        sharpening(
            "no-logarithm", "no logarithm", "the logarithm is missing in the cap", *INVERSE_HINTS
        ),
        sharpening(
            "root-for-half", "square", "a root is taken where a half was asked for", *INVERSE_HINTS
        ),
        sharpening("exchanged", "exchanged", "the cap comes first", *BOTH_HINTS),
        sharpening("weight-alone", "first alone", "only the weight comes out", *BOTH_HINTS),
        sharpening("cap-alone", "second alone", "only the cap comes out", *BOTH_HINTS),
        sharpening(
            "odds-without-the-weight",
            "rest only",
            "`weight` is missing above the line: odds are weight / (1 - weight)",
            *INVERSE_HINTS,
        ),
    ],
    hints=(
        "Begin with two keys and a cap of 1, and write down both scores and both powers of e.",
        "One key is favoured. Which scores may the others have, and which of them helps it most?",
        "A softmax of one `cap` and n_keys - 1 times `-cap`; then that equation, solved for cap.",
    ),
    allows=Edges(
        sizes=(0, 2, 1000, 100_000), labels=("two keys", "cap of 0", "even weight", "cap of 1,000")
    ),
    any_sequence=True,
    rtol=1e-4,
    atol=1e-8,
    also_right=[sharp_by_tensor, sharp_by_tanh],
)


# --- 10.train -------------------------------------------------------------------------------


class Guesser(nn.Module):
    """As in the exercise's first cell."""

    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.table = nn.Embedding(vocab_size, d_model)
        self.mix = nn.Linear(3 * d_model, d_model)
        self.to_scores = nn.Linear(d_model, vocab_size)
        self.calls = 0

    def hide(self, x):
        if not self.training:
            return x
        self.calls += 1
        kept = (torch.arange(x.numel()).view_as(x) + 3 * self.calls) % 8 > 0
        return x * kept * 8 / 7

    def score(self, ids):
        x = F.pad(self.table(ids), (0, 0, 2, 0))  # nothing stands before the first letter
        three = torch.cat([x[:, :-2], x[:, 1:-1], x[:, 2:]], dim=-1)
        return self.to_scores(self.hide(self.mix(three).tanh()))


def train_cases(generator):
    def pair(*lengths, seq=None):
        """Rows of ids with their next ones as labels; 0 is padding."""
        ids = torch.randint(1, 9, (len(lengths), 1 + (seq or max(lengths))), generator=generator)
        behind = torch.arange(ids.shape[1]) > torch.tensor(lengths)[:, None]
        ids = ids.masked_fill(behind, 0)
        return ids[:, :-1], ids[:, 1:]

    def tried(label, pieces, every, rate, warmup, max_norm, smoothing, unseen=(3, 2)):
        init = {"vocab_size": 9, "d_model": 5}
        state = {
            name: normal(generator, *value.shape) * (0.9 if value.ndim == 2 else 0.3)
            for name, value in Guesser(**init).state_dict().items()
        }
        held_out = pair(*unseen, seq=4)
        asked = call(pieces, held_out, every, rate, warmup, max_norm, smoothing, method="fit")
        after = call(pair(2, 3)[0], method="score")
        calls = [asked, after] if pieces else [asked]  # without one, nobody has asked for a mode
        return Case(label, calls, init=init, state=state)

    alone = pair(4, 1), pair(2)
    return [
        tried(
            "unequal pieces, one of padding alone, the last batch short",
            [pair(5, 2), pair(0, 0, seq=3), pair(3, 4, 6), pair(2, 1, seq=5), pair(7)],
            2, 0.5, 2, 0.45, 0.1,
        ),
        # A limit far above any norm, and no farther: whoever scales up to it should stay finite.
        tried("a piece a batch, nothing to clip", [*alone], 1, 0.4, 1, 12.0, 0.0),
        tried("fewer pieces than a batch holds", [*alone], 5, 0.6, 3, 0.3, 0.3),
        tried("no piece at all", [], 2, 0.5, 2, 1.0, 0.1),
    ]  # fmt: skip


BY_PIECE = (
    "stepped-by-piece",
    "stepped-unclipped",
    "stepped-once-more",
    "pieces-as-updates",
    "stepped-at-the-old-rate",
)


class PartlyTrainer(Guesser):
    """The loop with its steps exchangeable, so that each mistake is one of them."""

    def __init__(self, vocab_size, d_model, *, way=None, rest="unseen", ends="as it is"):
        super().__init__(vocab_size, d_model)
        self.way, self.rest, self.ends = way, rest, ends

    def judged(self, ids, labels, smoothing, reduction="sum", ignored=0):
        scores = self.score(ids)
        if self.way == "shifted-again" and self.training:
            scores, labels = scores[:, :-1], labels[:, 1:]
        scores = scores.flatten(0, 1)
        if self.way == "softmax-first":
            scores = scores.softmax(dim=-1)
        more = {"ignore_index": ignored, "label_smoothing": smoothing, "reduction": reduction}
        return F.cross_entropy(scores, labels.flatten(), **more)

    def share(self, ids, labels, smoothing, batch):
        """What one piece gives to the loss of its batch."""
        way = self.way
        tokens = sum(int((each != 0).sum()) for _, each in batch)
        own, whole = int((labels != 0).sum()), sum(each.numel() for _, each in batch)
        rows = sum(len(each) for each, _ in batch)
        smoothing = 0.0 if way == "no-smoothing" else smoothing
        if way in ("padding-counts", "padding-in-the-sum"):
            below = whole if way == "padding-counts" else tokens
            return self.judged(ids, labels, smoothing, ignored=-100) / below
        total = self.judged(ids, labels, smoothing)
        self.summed += total.item()
        return {
            "mean-of-means": lambda: total / max(own, 1) / len(batch),
            "means-added-up": lambda: total / own,
            "means-by-every": lambda: total / own / self.every,
            "means-divided-by-every": lambda: total / max(own, 1) / self.every,
            "divided-twice": lambda: total / max(own, 1) / tokens,
            "weighed-by-rows": lambda: total / max(own, 1) * len(ids) / rows,
            "never-divided": lambda: total,
            "gradients-never-divided": lambda: total,
            "never-cleared-late": lambda: total,
            "tokens-never-reset": lambda: total / (tokens + self.before),
            "divided-by-pieces": lambda: total / len(batch),
            "divided-by-all-places": lambda: total / whole,
            "all-places-counted": lambda: total / whole,
            "divided-by-the-last": lambda: total / max(1, int((batch[-1][1] != 0).sum())),
            "last-piece-counted": lambda: total / int((batch[-1][1] != 0).sum()),
            "mean-of-nothing": lambda: total / own / len(batch),
            "tutorial-loop": lambda: total / own / self.every,
            "tutorial-loop-with-the-share": lambda: total / own / self.every,
            "gradients-of-means": lambda: total / max(own, 1),
            "gradients-of-means-averaged": lambda: total / max(own, 1) / len(batch),
            "gradients-of-means-by-every": lambda: total / max(own, 1) / self.every,
            "mean-of-nothing-weighed": lambda: total / own * own / tokens,
            "ids-counted": lambda: total / sum(int((each != 0).sum()) for each, _ in batch),
        }.get(way, lambda: total if self.rest == "kept" else total / tokens)()

    def rate_of(self, n, rate, warmup):
        shares = {
            "no-warm-up": lambda: 1 / max(1, n / warmup) ** 0.5,
            "no-fall": lambda: min(1, n / warmup),
            "rises-for-ever": lambda: n / warmup,
            "one-update-late": lambda: min((n - 1) / warmup, (warmup / max(n - 1, 1)) ** 0.5),
            "counts-from-0": lambda: min((n - 1) / warmup, (warmup / (n - 1)) ** 0.5),
            "first-update-twice": lambda: min(
                max(n - 1, 1) / warmup, (warmup / max(n - 1, 1)) ** 0.5
            ),
            "one-update-ahead": lambda: min((n + 1) / warmup, (warmup / (n + 1)) ** 0.5),
            "falls-without-a-root": lambda: min(n / warmup, warmup / n),
            "root-of-n-alone": lambda: min(n / warmup, warmup / n**0.5),
            "set-after-the-step": lambda: (
                1 if n == 1 else min((n - 1) / warmup, (warmup / (n - 1)) ** 0.5)
            ),
            "rate-of-the-paper": lambda: min(n**-0.5, n * warmup**-1.5),
            "the-larger-rate": lambda: max(n / warmup, (warmup / n) ** 0.5),
            "plain-rate": lambda: 1,
            "rate-left-out": lambda: min(n / warmup, (warmup / n) ** 0.5) / rate,
            "root-turned": lambda: min(n / warmup, (n / warmup) ** 0.5),
        }
        return rate * shares.get(self.way, lambda: min(n / warmup, (warmup / n) ** 0.5))()

    def clip(self, limit):
        found = [p for p in self.parameters() if p.grad is not None]
        norm = torch.stack([p.grad.norm() for p in found]).norm().item()
        kind = self.way
        for parameter in found:
            if kind == "clipped-by-value":
                parameter.grad.clamp_(-limit, limit)
            elif kind == "clipped-each":
                parameter.grad *= min(1.0, limit / (parameter.grad.norm().item() + 1e-6))
            elif kind == "scaled-up-too":
                parameter.grad *= limit / norm
            elif kind == "clipped-to-one":
                parameter.grad /= norm if norm > limit else 1.0
            elif kind not in ("clipped-after-the-step", "never-clipped"):
                parameter.grad *= min(1.0, limit / (norm + 1e-6))
        return min(norm, limit) if kind == "norm-after-clipping" else norm

    def groups(self, pieces, every):
        """Pieces by batch."""
        if self.way in ("first-batch-short", "first-batch-short-only"):
            rest = [pieces[i : i + every] for i in range(1, len(pieces), every)]
            if self.way == "first-batch-short":
                rest = [group for group in rest if len(group) == every]
            return [pieces[:1], *rest] if pieces else []
        if self.way == "pieces-as-batches":
            return [[piece] for piece in pieces]
        if self.way == "all-at-once":
            return [pieces] if pieces else []
        cut = [pieces[i : i + every] for i in range(0, len(pieces), every)]
        if self.way == "last-batch-dropped":
            return [group for group in cut if len(group) == every]
        if self.way == "last-batch-left-over":
            return cut[:-1] if len(cut) > 1 else cut
        return cut

    def fit(self, micro_batches, held_out, every, rate, warmup, max_norm, smoothing):
        way, records, seen, last = self.way, [], 0, rate
        self.every, self.before = every, 0
        kinds = {"adam": torch.optim.Adam}
        more = {"momentum": 0.9} if way == "momentum" else {}
        optimizer = kinds.get(way, torch.optim.SGD)(self.parameters(), lr=rate, **more)
        if way in ("cleared-once", "never-cleared-late"):
            optimizer.zero_grad()
        for n, batch in enumerate(self.groups(micro_batches, every), 1):
            seen += len(batch)
            counted = {
                "steps-count-pieces": seen,
                "steps-count-earlier-pieces": seen - len(batch) + 1,
            }
            now = self.rate_of(counted.get(way, n), rate, warmup)
            if way == "rate-compounds":
                rate = now
            used = {
                "rate-never-set": rate,
                "set-too-late": last,
                "compounds-untold": last * now / rate,
            }.get(way, now)
            optimizer.param_groups[0]["lr"] = used
            earlier, last = last, used if way == "compounds-untold" else now
            if way != "never-training" and (way != "train-once" or n == 1):
                self.train()
            if (
                way
                not in (
                    "never-cleared",
                    "cleared-once",
                    "never-cleared-late",
                    "cleared-by-piece",
                    "pieces-as-updates",
                )
                and self.rest != "kept"
            ):
                optimizer.zero_grad()
            self.summed, total, norm = 0.0, 0.0, 0.0
            for ids, labels in batch:
                if way == "padding-skipped" and not labels.any():
                    continue
                if way in ("cleared-by-piece", "pieces-as-updates"):
                    optimizer.zero_grad()
                loss = self.share(ids, labels, smoothing, batch)
                loss.backward()
                last_alone = way == "last-loss" or way.startswith("tutorial-loop")
                total = loss.item() if last_alone else total + loss.item()
                if way == "tutorial-loop":
                    total *= every
                if way in ("clipped-by-piece", "stepped-by-piece", "pieces-as-updates"):
                    norm = self.clip(max_norm)
                if way in BY_PIECE:
                    optimizer.param_groups[0]["lr"] = used if way != BY_PIECE[-1] else earlier
                    optimizer.step()
            optimizer.param_groups[0]["lr"] = used
            tokens = sum(int((labels != 0).sum()) for _, labels in batch)
            for parameter in self.parameters():
                if way.startswith("clipped-before-division"):
                    parameter.grad *= tokens
                if way == "never-cleared-late" or self.rest == "kept":
                    parameter.grad /= tokens
            if way.startswith("gradients-of-means"):
                total = self.summed / tokens
            if way in ("gradients-never-divided", "never-cleared-late") or self.rest == "kept":
                total /= tokens
            if way == "tokens-never-reset":
                self.before = tokens = self.before + tokens
            if way not in ("clipped-by-piece", "stepped-by-piece", "pieces-as-updates"):
                norm = self.clip(max_norm)
            if way.startswith("clipped-before-division"):
                for parameter in self.parameters():
                    parameter.grad /= tokens
                norm /= tokens if way.endswith("norm-too") else 1
            if way == "cleared-too-soon":
                optimizer.zero_grad(set_to_none=False)
            if way == "judged-too-early":
                unseen = self.judge(held_out, smoothing)
            if way not in ("stepped-by-piece", "stepped-unclipped", "pieces-as-updates"):
                optimizer.step()
            if self.rest == "kept":
                optimizer.zero_grad()
            if way == "loss-afterwards":
                self.eval()
                with torch.no_grad():
                    total = sum(self.share(*piece, smoothing, batch).item() for piece in batch)
            if way != "judged-too-early":
                unseen = self.judge(
                    batch[-1] if way == "judged-on-the-batch" else held_out, smoothing
                )
            if way == "learns-from-held-out":
                optimizer.zero_grad()
                (self.judged(*held_out, 0.0) / int((held_out[1] != 0).sum())).backward()
                optimizer.step()
            if way == "loss-summed":
                total = total * tokens
            if way == "loss-told-by-pieces":
                total /= len(batch)
            if way in ("tokens-with-padding", "all-places-counted"):
                tokens = sum(labels.numel() for _, labels in batch)
            if way == "tokens-of-the-run":
                tokens += records[-1]["tokens"] if records else 0
            if way in ("tokens-of-the-last", "last-piece-counted"):
                tokens = int((batch[-1][1] != 0).sum())
            if way == "ids-counted":
                tokens = sum(int((ids != 0).sum()) for ids, _ in batch)
            if way == "plain-rate-told":
                now = rate
            if way == "rate-of-the-next":
                now = self.rate_of(n + 1, rate, warmup)
            told = {"loss": total, "norm": norm, "rate": now, "tokens": tokens}
            records.append(told | {"held_out": unseen})
        if self.rest in (
            "seen",
            "kept",
        ):  # what is left goes through the model, and no step follows
            for ids, labels in micro_batches[len(records) * every :]:
                self.train()
                self.judged(ids, labels, smoothing).backward()
        if way == "ends-in-training" or self.ends == "evaluating":
            self.train(self.ends != "evaluating")
        return {
            "nothing-returned": lambda: None,
            "last-record-only": lambda: records[-1] if records else {},
            "last-record-or-none": lambda: records[-1],
            "tuples": lambda: [tuple(record.values()) for record in records],
        }.get(way, lambda: records)()

    @torch.no_grad()
    def judge(self, held_out, smoothing):
        way = self.way
        if way not in ("judged-with-dropout", "never-evaluating"):
            self.eval()
        counted = (
            held_out[1].numel() if way == "held-out-with-padding" else (held_out[1] != 0).sum()
        )
        if way == "held-out-summed":
            counted = 1
        if way == "held-out-over-all-places":
            counted = held_out[1].numel()
        smoothing = smoothing if way == "held-out-smoothed" else 0.0
        ignored = -100 if way == "held-out-with-padding" else 0
        found = (self.judged(*held_out, smoothing, ignored=ignored) / counted).item()
        if way == "judged-with-dropout":
            self.eval()
        return found


class LateDivider(Guesser):
    """Right: sums of losses, one division of the gradients, a scheduler."""

    def fit(self, micro_batches, held_out, every, rate, warmup, max_norm, smoothing):
        optimizer = torch.optim.SGD(self.parameters(), lr=rate)

        def share(before):
            return min((before + 1) / warmup, math.sqrt(warmup / (before + 1)))

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
        records, total, tokens = [], 0.0, 0
        optimizer.zero_grad()
        for number, (ids, labels) in enumerate(micro_batches, 1):
            self.train()
            log_p = self.score(ids).log_softmax(dim=-1)
            right = log_p.gather(-1, labels[..., None])[..., 0]
            each = -(1 - smoothing) * right - smoothing * log_p.mean(dim=-1)
            loss = (each * (labels != 0)).sum()
            loss.backward()
            total, tokens = total + loss.item(), tokens + (labels > 0).sum().item()
            if number % every and number < len(micro_batches):
                continue
            for parameter in self.parameters():
                parameter.grad /= tokens
            norm = nn.utils.clip_grad_norm_(self.parameters(), max_norm)
            now = scheduler.get_last_lr()[0]
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
            self.eval()
            with torch.no_grad():
                scores = self.score(held_out[0]).transpose(1, 2)
                unseen = F.cross_entropy(scores, held_out[1], ignore_index=0)
            found = (total / tokens, norm.item(), now, tokens, unseen.item())
            records.append(
                dict(zip(("loss", "norm", "rate", "tokens", "held_out"), found, strict=True))
            )
            total, tokens = 0.0, 0
        return records


class HandStepper(Guesser):
    """Right: without an optimizer, gradients gathered by hand."""

    def fit(self, micro_batches, held_out, every, rate, warmup, max_norm, smoothing):
        weights, records = list(self.parameters()), []
        for n in range(1, 1 + math.ceil(len(micro_batches) / every)):
            batch = micro_batches[(n - 1) * every : n * every]
            counted = [int(torch.count_nonzero(labels)) for _, labels in batch]
            gathered, loss = [torch.zeros_like(w) for w in weights], 0.0
            self.train()
            for (ids, labels), own in zip(batch, counted, strict=True):
                scores = self.score(ids)
                if own:
                    mean = F.cross_entropy(
                        scores[labels != 0], labels[labels != 0], label_smoothing=smoothing
                    )
                    found = torch.autograd.grad(mean, weights)
                    for one, more in zip(gathered, found, strict=True):
                        one += more * own / sum(counted)
                    loss += mean.item() * own / sum(counted)
            norm = float(torch.cat([one.flatten() for one in gathered]).norm())
            now = rate * (n / warmup if n < warmup else (warmup / n) ** 0.5)
            with torch.no_grad():
                for weight, one in zip(weights, gathered, strict=True):
                    weight -= now * one * min(1.0, max_norm / norm)
                self.eval()
                ids, labels = held_out
                unseen = F.cross_entropy(self.score(ids)[labels != 0], labels[labels != 0])
            told = {"held_out": float(unseen), "loss": loss, "norm": norm, "rate": now}
            records.append(told | {"tokens": sum(counted)})
        return records


def accumulating(name, says, *hints):
    return Mistake(name, PartlyTrainer, {"way": name}, says, hints)


MEAN_HINTS = (
    "Two pieces, one with a single label, one with nine. What does each label weigh in your loss?",
    "The batch as one piece would be a sum over ten labels, divided by ten.",
    "Count the labels of the whole batch first; then each piece gives its *sum* divided by that.",
)
CLEAR_HINTS = (
    "Print the norm of the gradients before the first `backward` of a batch, and after each.",
    "`backward` adds. Within a batch that is what you want; from batch to batch it isn't.",
    "`zero_grad` once for each batch, before its first piece.",
)
CLIP_HINTS = (
    "How often do you clip in an update, and what has been divided by then?",
    "backward for all pieces, one norm of all parameters, one step.",
    "`clip_grad_norm_` once, between the last `backward` and the step; it returns the norm before.",
)
GROUP_HINTS = (
    "Write down by hand which pieces make which batch, for five pieces and `every` of 2.",
    "The first `every` pieces, the next `every`, and what is left.",
    "`range(0, len(micro_batches), every)` gives the first piece of each batch.",
)
RATE_HINTS = (
    "Compare your rates with rate · min(n / warmup, root of warmup / n), for n = 1, 2, 3.",
    "n counts updates, from 1; it doesn't count pieces.",
    "Set `optimizer.param_groups[0]['lr']` before the step, or step a scheduler once an update.",
)
MODE_HINTS = (
    "In which mode is the model at its first piece, at the second batch, when it is judged?",
    "`eval()` holds until somebody calls `train()`.",
    "`self.train()` at the start of each batch, `self.eval()` before judging.",
)
JUDGE_HINTS = (
    "Which model, which pair, which loss does your `held_out` belong to?",
    "The number should be comparable between runs with different smoothing.",
    "After the step: the plain cross-entropy on `held_out`, the mean over labels that aren't 0.",
)
RECORD_HINTS = (
    "Compare a record of yours with the five names of the text, one by one.",
    "Each entry belongs to the batch: not to a piece, and not to the run so far.",
    "A dict with loss, norm, rate, tokens and held_out, for each update.",
)
LOSS_HINTS = (
    "Take a single piece as the batch, and compare your loss with one worked out by hand.",
    "Label-smoothed, over labels that aren't 0, straight from the scores.",
    "`F.cross_entropy` with ignore_index=0, label_smoothing, reduction='sum'; then divide.",
)
STEP_HINTS_OF_FIT = (
    "By how much does a weight move in the first update? It should be the rate times its gradient.",
    "Plain steps, one for each batch.",
    "`torch.optim.SGD` with its defaults; `step` after the clipping.",
)


def dropping(name, **how):
    """The last batch left out, in the ways that a loop can end."""
    flags = {"way": "last-batch-dropped"} | how
    says = "the last batch is dropped when it holds fewer pieces"
    return Mistake(name, PartlyTrainer, flags, says, GROUP_HINTS)


TRAIN = Exercise(
    id="10.train",
    title="Build: a batch larger than the memory",
    kind="build",
    points=4,
    name="Trainer",
    cases=train_cases,
    mistakes=[
        accumulating(
            "mean-of-means",
            "the means of the pieces are averaged: a token of a short piece counts for more",
            *MEAN_HINTS,
        ),
        accumulating(
            "mean-of-nothing",
            "the means of the pieces are averaged, and that of a piece without labels is `nan`",
            *MEAN_HINTS,
        ),
        accumulating(
            "padding-skipped",
            "a piece of nothing but padding is skipped: the text sends it through `score`, too",
            *GROUP_HINTS,
        ),
        accumulating(
            "mean-of-nothing-weighed",
            "each piece's mean is weighed rightly, but that of a piece without labels is `nan`",
            *MEAN_HINTS,
        ),
        accumulating(
            "ids-counted",
            "the sum is divided by how many *ids* aren't padding; it is the labels that count",
            *MEAN_HINTS,
        ),
        accumulating(
            "divided-twice",
            "each piece's *mean* is divided by the labels of the batch: that divides twice",
            *MEAN_HINTS,
        ),
        accumulating(
            "weighed-by-rows",
            "the means of the pieces are weighed by their rows; it is labels that count",
            *MEAN_HINTS,
        ),
        accumulating(
            "means-added-up",
            "the means of the pieces are added up: the loss grows with their number",
            *MEAN_HINTS,
        ),
        accumulating(
            "means-divided-by-every",
            "each piece's mean is divided by `every`, also in a last batch that holds fewer",
            *MEAN_HINTS,
        ),
        accumulating(
            "means-by-every",
            "each piece's mean is divided by `every`, in a shorter last batch, too; and without "
            "labels it is `nan`",
            *MEAN_HINTS,
        ),
        accumulating(
            "tutorial-loop",
            "each piece's mean is divided by `every`, and the loss told is that of the last piece "
            "alone",
            *MEAN_HINTS,
        ),
        accumulating(
            "tutorial-loop-with-the-share",
            "each piece's mean is divided by `every`, and the loss told is what the last piece "
            "alone gives",
            *MEAN_HINTS,
        ),
        accumulating(
            "gradients-of-means",
            "the loss told is right, but the gradients are those of the pieces' *means*, added up",
            *MEAN_HINTS,
        ),
        accumulating(
            "gradients-of-means-averaged",
            "the loss told is right, but the gradients are those of the pieces' *means*, averaged",
            *MEAN_HINTS,
        ),
        accumulating(
            "gradients-of-means-by-every",
            "the loss told is right, but the gradients are those of the pieces' *means*, divided "
            "by `every`",
            *MEAN_HINTS,
        ),
        accumulating(
            "shifted-again",
            "the labels are shifted by one place more; they stand one further on already",
            *LOSS_HINTS,
        ),
        accumulating(
            "tokens-never-reset",
            "the labels are counted from the start of the run, not anew for each batch",
            *MEAN_HINTS,
        ),
        accumulating(
            "never-divided",
            "the losses are added up over all labels, and never divided",
            *MEAN_HINTS,
        ),
        accumulating(
            "gradients-never-divided",
            "the loss told is right, but the gradients are those of the sum, never divided",
            *MEAN_HINTS,
        ),
        accumulating(
            "divided-by-pieces",
            "the sum over labels is divided by the number of pieces",
            *MEAN_HINTS,
        ),
        accumulating(
            "divided-by-all-places",
            "the sum is divided by all places of the batch, padding included",
            *MEAN_HINTS,
        ),
        accumulating(
            "all-places-counted",
            "padding counts in `tokens`, and the sum is divided by that",
            *MEAN_HINTS,
        ),
        accumulating(
            "padding-in-the-sum",
            "padding is in the sum, and the sum is divided by the labels that aren't padding",
            *LOSS_HINTS,
        ),
        accumulating(
            "divided-by-the-last",
            "every piece is divided by the number of labels of the last one",
            *MEAN_HINTS,
        ),
        accumulating(
            "last-piece-counted",
            "only the labels of the batch's last piece are counted, for the division and in "
            "`tokens`",
            *MEAN_HINTS,
        ),
        accumulating(
            "padding-counts", "padding is learned and counted like any label", *LOSS_HINTS
        ),
        accumulating(
            "no-smoothing",
            "the training loss is not smoothed",
            *LOSS_HINTS,
        ),
        accumulating(
            "softmax-first",
            "softmax is taken twice: `cross_entropy` wants scores",
            *LOSS_HINTS,
        ),
        accumulating(
            "cleared-once",
            "gradients are cleared before the loop only: each batch adds to those before",
            *CLEAR_HINTS,
        ),
        accumulating(
            "never-cleared",
            "gradients are never cleared: each batch adds to those before",
            *CLEAR_HINTS,
        ),
        accumulating(
            "never-cleared-late",
            "gradients are divided by the batch's labels, but never cleared for the next",
            *CLEAR_HINTS,
        ),
        accumulating(
            "cleared-by-piece",
            "gradients are cleared before each piece: only the last one of a batch counts",
            *CLEAR_HINTS,
        ),
        accumulating(
            "cleared-too-soon",
            "gradients are cleared before the step: no weight moves",
            *CLEAR_HINTS,
        ),
        accumulating(
            "clipped-by-piece",
            "the gradients are clipped after each piece; the limit is for the batch",
            *CLIP_HINTS,
        ),
        accumulating(
            "clipped-before-division",
            "the sum's gradients are clipped, and divided afterwards",
            *CLIP_HINTS,
        ),
        accumulating(
            "clipped-before-division-norm-too",
            "the sum's gradients are clipped, and divided afterwards, and so is the norm told",
            *CLIP_HINTS,
        ),
        accumulating(
            "clipped-after-the-step",
            "the clipping has no effect: it comes after the step, or never",
            *CLIP_HINTS,
        ),
        accumulating(
            "clipped-by-value",
            "each number of the gradients is cut off at the limit",
            *CLIP_HINTS,
        ),
        accumulating("clipped-each", "each parameter is clipped by its own norm", *CLIP_HINTS),
        accumulating(
            "clipped-to-one", "what is too long becomes 1 long, not `max_norm`", *CLIP_HINTS
        ),
        accumulating("scaled-up-too", "gradients below the limit are scaled up to it", *CLIP_HINTS),
        accumulating("norm-after-clipping", "the norms told are those after clipping", *CLIP_HINTS),
        accumulating(
            "stepped-by-piece",
            "there is a step after each piece, while the gradients of the batch still add up",
            *GROUP_HINTS,
        ),
        accumulating(
            "stepped-unclipped",
            "there is a step after each piece, before anything is clipped: `step` stands in the "
            "inner loop, and the clipping behind it",
            *GROUP_HINTS,
        ),
        accumulating(
            "stepped-once-more",
            "there is a step after each piece, and one more for the batch",
            *GROUP_HINTS,
        ),
        accumulating(
            "stepped-at-the-old-rate",
            "there is a step after each piece, at the rate of the update before, and one more for "
            "the batch",
            *GROUP_HINTS,
        ),
        accumulating(
            "pieces-as-updates",
            "each piece is an update of its own, with `zero_grad` and a step; the records alone go "
            "by batches",
            *GROUP_HINTS,
        ),
        accumulating(
            "pieces-as-batches",
            "there is a step after each piece: nothing is accumulated",
            *GROUP_HINTS,
        ),
        accumulating(
            "first-batch-short",
            "the first step comes after the first piece: `i % every == 0` is true for 0, too; and "
            "what is left at the end is never used",
            *GROUP_HINTS,
        ),
        accumulating(
            "first-batch-short-only",
            "the first step comes after the first piece: `i % every == 0` is true for 0, too",
            *GROUP_HINTS,
        ),
        dropping("last-batch-dropped", rest="unseen", ends="as it is"),
        dropping("last-batch-dropped-at-rest", rest="unseen", ends="evaluating"),
        dropping("last-batch-never-stepped", rest="seen", ends="as it is"),
        dropping("last-batch-never-stepped-at-rest", rest="seen", ends="evaluating"),
        dropping("last-batch-kept-for-the-next-run", rest="kept", ends="as it is"),
        dropping("last-batch-kept-for-the-next-run-at-rest", rest="kept", ends="evaluating"),
        accumulating(
            "last-batch-left-over",
            "the last batch is never used",
            *GROUP_HINTS,
        ),
        accumulating("all-at-once", "all pieces make one batch", *GROUP_HINTS),
        accumulating(
            "steps-count-pieces",
            "the rate goes by how many pieces were seen, not by updates",
            *RATE_HINTS,
        ),
        accumulating(
            "steps-count-earlier-pieces",
            "the rate goes by the number of the batch's first piece, not by updates",
            *RATE_HINTS,
        ),
        accumulating(
            "rate-of-the-paper",
            "`rate` is multiplied by the curve of 10.rate; here the curve is 1 at its top",
            *RATE_HINTS,
        ),
        accumulating(
            "the-larger-rate",
            "the larger of the two parts is taken: the first steps are the largest",
            *RATE_HINTS,
        ),
        accumulating(
            "rate-left-out",
            "the curve alone is the rate; it is to be multiplied by `rate`",
            *RATE_HINTS,
        ),
        accumulating(
            "rate-never-set",
            "the rates told are right, but every step is taken with `rate`",
            *RATE_HINTS,
        ),
        accumulating(
            "rate-compounds",
            "each update multiplies the rate of the one before; each begins with `rate` anew",
            *RATE_HINTS,
        ),
        accumulating("no-warm-up", "the rate doesn't rise: there is no warm-up", *RATE_HINTS),
        accumulating("no-fall", "the rate never falls behind the warm-up", *RATE_HINTS),
        accumulating("rises-for-ever", "the rate rises for ever", *RATE_HINTS),
        accumulating(
            "one-update-late",
            "n counts from 0: the first update has no rate, and all others come late",
            *RATE_HINTS,
        ),
        accumulating(
            "root-of-n-alone",
            "behind the warm-up the root is taken of n alone: it belongs to warmup / n",
            *RATE_HINTS,
        ),
        accumulating(
            "compounds-untold",
            "the rates told are right, but each step's is made from the one before, and shrinks",
            *RATE_HINTS,
        ),
        accumulating(
            "counts-from-0",
            "n counts from 0: the first update divides by 0",
            *RATE_HINTS,
        ),
        accumulating(
            "first-update-twice",
            "n counts from 0, and 0 is replaced by 1: all updates but the first come one late",
            *RATE_HINTS,
        ),
        accumulating(
            "one-update-ahead",
            "the rate is one update ahead: the scheduler steps before the optimizer",
            *RATE_HINTS,
        ),
        accumulating("falls-without-a-root", "the root is missing in the fall", *RATE_HINTS),
        accumulating(
            "set-after-the-step",
            "the rate is set after the step: each update has that of the one before",
            *RATE_HINTS,
        ),
        accumulating(
            "set-too-late",
            "the rates told are right, but each is set after its step, and moves the next one",
            *RATE_HINTS,
        ),
        accumulating(
            "rate-of-the-next",
            "the steps are right, but the rate told is that of the next update",
            "When do you read the rate, before or after the scheduler moves on?",
            "A record says what the update did.",
            "Read it before `scheduler.step()`.",
        ),
        accumulating(
            "root-turned",
            "the root is that of n / warmup: after the warm-up the rate goes on rising",
            *RATE_HINTS,
        ),
        accumulating(
            "plain-rate-told",
            "every step has its rate, but `rate` itself stands in each record",
            *RATE_HINTS,
        ),
        accumulating("plain-rate", "the rate stays `rate` all the time", *RATE_HINTS),
        accumulating("never-training", "the model never is in training mode", *MODE_HINTS),
        accumulating(
            "train-once",
            "after the first judgement the model stays in evaluation mode",
            *MODE_HINTS,
        ),
        accumulating("judged-with-dropout", "the model is judged in training mode", *MODE_HINTS),
        accumulating(
            "never-evaluating",
            "the model never is in evaluation mode: not when it is judged, and not in the end",
            *MODE_HINTS,
        ),
        accumulating(
            "ends-in-training",
            "the model is in training mode when `fit` returns",
            *MODE_HINTS,
        ),
        accumulating(
            "judged-too-early",
            "the model is judged before the step",
            *JUDGE_HINTS,
        ),
        accumulating(
            "judged-on-the-batch",
            "the model is judged on what it has just learned from",
            *JUDGE_HINTS,
        ),
        accumulating(
            "learns-from-held-out",
            "the model learns from `held_out`",
            *JUDGE_HINTS,
        ),
        accumulating(
            "held-out-smoothed",
            "the loss on `held_out` is smoothed as well",
            *JUDGE_HINTS,
        ),
        accumulating(
            "held-out-summed",
            "the loss on `held_out` is a sum over labels; the mean was asked for",
            *JUDGE_HINTS,
        ),
        accumulating(
            "held-out-over-all-places",
            "the sum on `held_out` is divided by all its places, padding too",
            *JUDGE_HINTS,
        ),
        accumulating(
            "held-out-with-padding",
            "padding counts in the loss on `held_out`",
            *JUDGE_HINTS,
        ),
        accumulating("adam", "the steps are Adam's; plain ones were asked for", *STEP_HINTS_OF_FIT),
        accumulating(
            "momentum",
            "the steps remember earlier ones; plain ones were asked for",
            *STEP_HINTS_OF_FIT,
        ),
        accumulating("last-loss", "the loss told is that of the last piece alone", *RECORD_HINTS),
        accumulating(
            "loss-told-by-pieces",
            "the gradients are right, but the loss told is divided by the number of pieces",
            *RECORD_HINTS,
        ),
        accumulating("loss-summed", "the loss told is a sum over labels", *RECORD_HINTS),
        accumulating(
            "loss-afterwards",
            "the loss told is measured after the step",
            *RECORD_HINTS,
        ),
        accumulating("tokens-with-padding", "`tokens` counts padding", *RECORD_HINTS),
        accumulating(
            "tokens-of-the-run", "`tokens` counts from the start of the run", *RECORD_HINTS
        ),
        accumulating("tokens-of-the-last", "`tokens` is that of the last piece", *RECORD_HINTS),
        accumulating("nothing-returned", "`fit` returns nothing", *RECORD_HINTS),
        accumulating("last-record-only", "only the last record comes out", *RECORD_HINTS),
        accumulating(
            "last-record-or-none",
            "only the last record comes out, and where there is none your code stops",
            *RECORD_HINTS,
        ),
        accumulating("tuples", "the records are tuples; dicts were asked for", *RECORD_HINTS),
    ],
    hints=(
        "Begin with `every` of 1: then a batch is one piece, and the loop is that of 10.4.",
        "For each line of your loop, ask: once a piece, once a batch, or once a run?",
        "Once a batch: count labels, set the rate, train(), zero_grad. Once a piece: score, its "
        "part of the loss, backward. Once a batch: clip, step, eval(), judge, record. A piece's "
        "part is its *sum* over labels divided by the labels of the whole batch.",
    ),
    allows=Edges(
        sizes=(0, 1),
        labels=("last batch short", "padding alone", "a piece a batch", "fewer", "no piece"),
    ),
    any_sequence=True,
    also_right=[LateDivider, HandStepper],
    seconds=5.0,
)

EXERCISES = [ADAM, RATE, CLIP, SMOOTHING, FIRST, TRAIN, SOFTEST]
