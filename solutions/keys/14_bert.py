"""Answer key of chapter 14: hidden tokens, packed texts, BERT itself, and three small heads."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.grader.judging.edges import in_dtype
from course_lib.grader.judging.key import Case, Edges, Exercise, call, case, told_of
from course_lib.nn.blocks import EncoderBlock, PostNorm, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.stacks import Encoder


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


def even(generator, low, high, *shape):
    """Numbers from low to high, evenly."""
    return low + (high - low) * torch.rand(*shape, generator=generator)


def ids_below(generator, limit, *shape, low=0):
    return torch.randint(low, limit, shape, generator=generator)


def numbers(generator, low, high, n):
    return torch.randint(low, high, (n,), generator=generator).tolist()


def shuffled(generator, values):
    order = torch.randperm(len(values), generator=generator)
    return values[order]


# --- 14.hide --------------------------------------------------------------------------------

SHARES = (0.15, 0.2, 0.25, 0.4)


def hide_cases(generator, share):
    def dice(shape, chosen):
        """Two throws for each token: none at a border, some near it; every way among the chosen."""
        n = shape[0] * shape[1]
        hit = round(chosen * n)
        low = even(generator, 0.0, share - 0.02, hit)
        low[1::2] = even(generator, share - 0.04, share - 0.02, hit // 2)
        high = even(generator, share + 0.02, 1.0, n - hit)
        high[1::2] = even(generator, share + 0.02, share + 0.04, (n - hit) // 2)
        ways = [even(generator, *each, n) for each in ((0.0, 0.78), (0.82, 0.88), (0.92, 1.0))]
        kinds = torch.tensor([0, 1, 2, 0]).repeat(n)[:n]
        ways = torch.stack(ways).gather(0, kinds[None])[0]
        order = torch.randperm(n, generator=generator)
        draws = torch.cat([low, high])
        return draws[order].reshape(shape), ways[order].reshape(shape)

    def tried(label, shape, special, mask_id, chosen=0.6, vocab=(20, 90), ids=None):
        if ids is None:
            ids = ids_below(generator, vocab[1], *shape, low=vocab[0])
            if special and shape[1] > 3:
                ids[:, 0], ids[:, -1] = special[0], special[-1]
                ids[0, shape[1] // 2] = special[1 % len(special)]
        others = ids_below(generator, vocab[1], *shape, low=vocab[0])
        draws, ways = dice(shape, chosen)
        return case(label, ids, special, draws, ways, others, mask_id)

    usual = tried("as in BERT", (3, 9), [101, 102, 0], 103, vocab=(1000, 1100))
    ends = torch.tensor([[7, 3, 3, 8, 3, 9, 5, 3], [4, 6, 3, 7, 3, 3, 9, 4]])
    odd = ids_below(generator, 60, 2, 6, low=20)
    same = odd.clone()
    same[:, ::2] = torch.tensor([2, 11, 5])
    dice_of_odd = torch.rand(2, 6, generator=generator) * 0.1, torch.full((2, 6), 0.85)
    dice_of_odd[1][1, ::3] = torch.tensor([0.4, 0.95])
    pads = ids_below(generator, 60, 2, 8, low=20)
    pads[:, 5:] = 9
    masks = ids_below(generator, 60, 2, 6, low=20)
    masks[:, ::2] = 12
    # A float32 of the share, or of 0.8, isn't below it in any spelling; one of 0.9 may be.
    draws, ways = torch.full((2, 2, 4), 0.05)
    draws[0, ::2] = share
    draws[:, 1::2] = torch.tensor([[0.175, 0.225], [0.3, 0.3]])  # one share from the other
    ways[1, ::2] = 0.8
    border = ids_below(generator, 60, 2, 4, low=20), [2, 5], draws, ways
    replaced = ids_below(generator, 90, 2, 4, low=60)
    return [
        usual,
        tried("specials in the middle, too", (2, 8), [3], 1, 0.7, (4, 50), ids=ends),
        tried("the list is empty", (2, 9), [], 4, 0.6, (0, 40)),
        tried("0 is a token, and so are 101 to 103", (3, 7), [55, 41], 40, 0.6, (99, 106)),
        tried("zeros among the tokens", (2, 8), [7], 6, 0.7, (0, 3)),
        tried("padding in a row", (2, 8), [9, 8], 7, 0.9, ids=pads),
        case("a replacement may be special, or the same", odd, [2, 5], *dice_of_odd, same, 11),
        case("throws right at a border", *border, replaced, 11),
        tried("[MASK] among the tokens", (2, 6), [3], 12, 1.0, ids=masks),
        tried("nothing chosen", (2, 5), [1, 2], 3, 0.0),
        tried("everything chosen", (3, 5), [1, 2], 3, 1.0),
        tried("one text of one token", (1, 1), [1], 2, 1.0),
        tried("no tokens", (2, 0), [1], 2),
        in_dtype(tried("a batch", (2, 8), [5, 6, 7], 8), torch.int32),
    ]  # fmt: skip


def isin(ids, special_ids):
    return torch.isin(ids, torch.tensor(special_ids, dtype=ids.dtype))


def wrong_hide(ids, special_ids, draws, ways, others, mask_id, *, share, slip):
    special = isin(ids, special_ids)
    if slip == "a list":
        torch.isin(ids, special_ids)
    if slip == "first special":
        special = isin(ids, special_ids[:1])
    elif slip == "only 0":
        special = ids == 0
    elif slip == "first row":
        special = isin(ids, special_ids)[:1].expand_as(ids)
    elif slip == "ends":
        special = torch.zeros_like(special)
        special[:, :1] = special[:, -1:] = True
    elif slip == "also mask":
        special = isin(ids, [*special_ids, mask_id]) | isin(others, special_ids)
    elif slip == "mask special":
        special = special | (ids == mask_id)
    elif slip == "specials chosen":
        special = torch.zeros_like(special)
    below = {
        "above": draws > share,
        "share too": draws <= share,
        "exchanged": ways < share,
        "everything": draws < 2,
        "top": draws > 1 - share,
    }
    chosen = below.get(slip, draws < share) & ~special
    if slip == "either":
        chosen = draws < share
        for each in special_ids:
            chosen = chosen | (ids != each)
    if slip == "exchanged":
        ways = draws
    if slip == "one throw":
        ways = draws / share
    if slip == "mask 103":
        mask_id = 103
    if slip in ("last special", "loop"):
        if slip == "loop" and not special_ids:
            chosen.at_all  # noqa: B018
        chosen = (draws < share) & ~isin(ids, special_ids[-1:])
    if slip == "ways times share":
        ways = ways / share
    hit = torch.ones_like(chosen) & ~special if slip == "ways of all" else chosen
    if slip == "ways of specials":
        hit = torch.ones_like(chosen)
    if slip == "specials hidden":
        hit = draws < share
    masked, wrong = ways < 0.8, (ways >= 0.8) & (ways < 0.9)
    if slip == "special others":
        wrong = wrong & ~isin(others, special_ids)
    if slip == "rarely":
        masked, wrong = ways > 0.8, (ways > 0.1) & (ways <= 0.8)
    elif slip == "all masked":
        masked, wrong = ways >= 0, ways < 0
    elif slip == "no others":
        wrong = ways < 0
    elif slip == "no stay":
        wrong = ways >= 0.8
    elif slip == "stay first":
        wrong = ways >= 0.9
    elif slip == "overlap":
        wrong = ways < 0.1
        masked = masked & ~wrong
    elif slip == "written over":
        masked, wrong = ways < 0, ways < 0.9
    elif slip == "0.8 too":
        masked = ways <= 0.8
    elif slip == "stay or others":
        masked, wrong = (ways >= 0.8) & (ways < 0.9), ways < 0.8
    if slip == "labels late":
        inputs = ids.where(~(hit & wrong), others).masked_fill(hit & masked, mask_id)
        return inputs, inputs.where(chosen, -100)
    if slip == "others whole":
        inputs = ids.clone()
        inputs[hit & masked] = mask_id
        inputs[hit & wrong] = others
    if slip in ("labels edited", "all edited"):
        before = ids.clone() if slip == "labels edited" else ids
        before[hit & wrong] = others[hit & wrong]
        before[hit & masked] = mask_id
        ids[~chosen] = -100
        return before, ids
    if slip in ("edited", "edited early"):
        before = ids.clone()
        ids[hit & wrong] = others[hit & wrong]
        ids[hit & masked] = mask_id
        return ids, (before if slip == "edited" else ids).where(chosen, -100)
    inputs = ids.where(~(hit & wrong), others).masked_fill(hit & masked, mask_id)
    if slip == "replaced by ways":
        inputs = ids.where(~wrong, others).masked_fill(hit & masked, mask_id)
    if slip == "all hidden":
        inputs = ids.masked_fill(masked, mask_id).where(~(hit & wrong), others)
    asked = {
        "specials asked": draws < share,
        "stay unasked": chosen & (ways < 0.9),
        "masked asked": chosen & masked,
        "changed asked": inputs != ids,
        "mask there": inputs == mask_id,
        "others unasked": chosen & ~wrong,
        "turned": ~chosen,
    }.get(slip, chosen)
    labels = {
        "all labelled": ids,
        "words labelled": ids.masked_fill(special, -100),
        "zeros": ids.where(chosen, 0),
        "minus one": ids.where(chosen, -1),
        "truths": chosen.to(ids.dtype),
        "whole": ids.where(chosen, mask_id),
        "replaced": others.where(chosen, -100),
        "hidden": torch.full_like(ids, mask_id).where(chosen, -100),
    }.get(slip, ids.where(asked, -100))
    if slip == "one tensor":
        inputs = labels = inputs.where(chosen, -100)
    if slip == "unasked too":
        inputs = inputs.where(chosen, -100)
    if slip == "inputs alone":
        return inputs
    return (labels, inputs) if slip == "order" else (inputs, labels)


def hide_one_by_one(ids, special_ids, draws, ways, others, mask_id, *, share):
    inputs, labels = ids.clone(), torch.full_like(ids, -100)
    for b in range(ids.shape[0]):
        for t in range(ids.shape[1]):
            if ids[b, t].item() in special_ids or draws[b, t] >= share:
                continue
            labels[b, t] = ids[b, t]
            if ways[b, t] < 0.8:
                inputs[b, t] = mask_id
            elif ways[b, t] < 0.9:
                inputs[b, t] = others[b, t]
    return inputs, labels


def hide_by_index(ids, special_ids, draws, ways, others, mask_id, *, share):
    chosen = draws < share
    for special in special_ids:
        chosen = chosen & (ids != special)
    inputs, labels = ids.clone(), ids.clone()
    labels[~chosen] = -100
    masked = chosen & (ways < 0.8)
    inputs[masked] = mask_id
    wrong = chosen & ~masked & (ways < 0.9)
    inputs[wrong] = others[wrong]
    return inputs, labels


hiding = told_of(wrong_hide, "slip")


CHOSEN_HINTS = (
    "Count the places where your input differs from `ids`. Are all of them chosen?",
    "First it is decided who is chosen; the ways are for these alone.",
    "Join every condition on `ways` with `chosen` by `&`.",
)
SPECIAL_HINTS = (
    "Take `[CLS] a b [SEP]` and draws of 0. Which places are chosen?",
    "Special tokens carry no meaning that could be guessed: never chosen means neither hidden nor "
    "asked.",
    "`torch.isin(ids, torch.tensor(special_ids))` says where one stands; the chosen are among the "
    "others.",
)
WAY_HINTS = (
    "Try one chosen token with the ways 0.05, 0.5, 0.85 and 0.95, and write down what becomes of "
    "it.",
    "Three stretches that don't overlap: below 0.8, from there to 0.9, from there on.",
    "Below 0.8 [MASK]; between 0.8 and 0.9 the id from `others`; else the token stays.",
)
BORDER_HINTS = (
    "Hand it a draw that is the share, and a way that is 0.8. What does the text say?",
    "Below a number means without it.",
    "Compare with `<`, not with `<=`.",
)
ASKED_HINTS = (
    "How many labels are not −100, and how many tokens were chosen?",
    "Whoever is chosen is asked, whatever became of it; nobody else is.",
    "The labels need `ids` and `chosen`, and nothing else.",
)

HIDE = Exercise(
    id="14.hide",
    title="What BERT is asked",
    kind="code",
    points=2,
    name="hide",
    cases=hide_cases,
    choices={"share": SHARES},
    any_sequence=True,  # the text asks for two tensors, not for a tuple
    mistakes=[
        hiding(
            "others-not-picked",
            "others whole",
            "all of `others` is written to the places that get another token; only those that "
            "stand there belong there",
            "How many numbers stand left of `=` in this line, and how many right of it?",
            "A mask on the left picks places; the right side must hold as many numbers.",
            "`inputs[wrong] = others[wrong]`, or `torch.where`.",
        ),
        hiding(
            "isin-of-a-list",
            "a list",
            "`torch.isin` is handed the list; it wants a tensor",
            "What does the error say that came in second?",
            "Functions of PyTorch take tensors.",
            "`torch.isin(ids, torch.tensor(special_ids))`.",
        ),
        hiding(
            "ways-of-all-tokens",
            "ways of all",
            "the ways decide about every token, not about the chosen ones alone: nearly the whole "
            "input is hidden",
            *CHOSEN_HINTS,
        ),
        hiding(
            "all-hidden",
            "all hidden",
            "[MASK] goes by the ways alone, whoever was chosen; only the wrong tokens ask for both",
            *CHOSEN_HINTS,
        ),
        hiding(
            "all-replaced",
            "replaced by ways",
            "wrong tokens go by the ways alone, whoever was chosen; only [MASK] asks for both",
            *CHOSEN_HINTS,
        ),
        hiding(
            "mask-for-label",
            "hidden",
            "the label of a chosen token is `mask_id`; it should be the id that stood there",
            *ASKED_HINTS,
        ),
        hiding(
            "ways-of-all-and-specials",
            "ways of specials",
            "the ways decide about every token, special ones too, whoever was chosen",
            *CHOSEN_HINTS,
        ),
        hiding(
            "ways-times-share",
            "ways times share",
            "the ways are compared with 0.8 and 0.9 *of the share*: they are throws of their own",
            *WAY_HINTS,
        ),
        hiding(
            "everything-chosen",
            "everything",
            "the draws make no difference: every token that isn't special is chosen",
            "Hand it draws of 1. Is anything chosen?",
            "Of the two throws, the first decides who is chosen.",
            "Chosen is where `draws` is below the share.",
        ),
        hiding(
            "chosen-above",
            "above",
            "the tokens whose draw is *above* the share are chosen: far too many",
            "Hand it draws of 1. Is anything chosen?",
            "A throw from 0 to 1 is below 0.1 in one of ten cases.",
            "Turn the comparison of the draws round.",
        ),
        hiding(
            "throws-exchanged",
            "exchanged",
            "the two throws have changed places: `ways` says who is chosen, `draws` how it is "
            "hidden",
            "Hand it draws of 0 and ways of 1. Every token should be chosen, and stay.",
            "`draws` is for who, `ways` is for how.",
            "Compare `draws` with the share, and `ways` with 0.8 and 0.9.",
        ),
        hiding(
            "one-throw-for-both",
            "one throw",
            "the draw decides about the way, too; `ways` is never asked",
            "Hand it draws of 0 and ways of 1. Every token should be chosen, and stay.",
            "There are two throws for each token.",
            "Compare `draws` with the share, and `ways` with 0.8 and 0.9.",
        ),
        hiding(
            "chosen-from-the-top",
            "top",
            "the *highest* draws are chosen, those above 1 less the share",
            "Hand it draws of 0. Is everything chosen?",
            "The share is right, and the text says on which side it lies.",
            "Chosen is where `draws` is below the share.",
        ),
        hiding(
            "chosen-or-not-special",
            "either",
            "a token is chosen when its draw is low *or* it isn't special",
            *CHOSEN_HINTS,
        ),
        hiding(
            "specials-of-the-first-row",
            "first row",
            "special tokens are looked for in the first row alone, and spared at these places in "
            "all",
            *SPECIAL_HINTS,
        ),
        hiding(
            "specials-chosen",
            "specials chosen",
            "special tokens are chosen, too: a [SEP] is hidden, and the model shall guess it",
            *SPECIAL_HINTS,
        ),
        hiding(
            "specials-hidden",
            "specials hidden",
            "special tokens are hidden or replaced, although they are not asked for",
            *SPECIAL_HINTS,
        ),
        hiding(
            "specials-asked",
            "specials asked",
            "special tokens are not hidden, but they have labels",
            *SPECIAL_HINTS,
        ),
        hiding(
            "first-special-only",
            "first special",
            "only the first of `special_ids` is spared",
            *SPECIAL_HINTS,
        ),
        hiding(
            "last-special-only",
            "last special",
            "only the last of `special_ids` is spared: each turn of your loop forgets the one "
            "before",
            *SPECIAL_HINTS,
        ),
        hiding(
            "last-special-only-and-no-empty-list",
            "loop",
            "only the last of `special_ids` is spared: each turn of your loop forgets the one "
            "before, and without a turn there is nothing at all",
            *SPECIAL_HINTS,
        ),
        hiding(
            "zero-is-special",
            "only 0",
            "the id 0 is spared, and `special_ids` is not asked",
            *SPECIAL_HINTS,
        ),
        hiding(
            "ends-are-special",
            "ends",
            "the first and the last place are spared, whatever stands there, and no other",
            *SPECIAL_HINTS,
        ),
        hiding(
            "mask-is-special",
            "mask special",
            "a token that is `mask_id` already is never chosen; only `special_ids` are spared",
            "Hand it `ids` that are all `mask_id`, and draws of 0. Is anything chosen?",
            "Never chosen is what stands in the list.",
            "Look for the ids of `special_ids`, and for no others.",
        ),
        hiding(
            "share-too",
            "share too",
            "a token whose draw *is* the share is chosen; chosen is who lies below it",
            *BORDER_HINTS,
        ),
        hiding(
            "0.8-too",
            "0.8 too",
            "a way of 0.8 gives [MASK]; that is for ways below 0.8",
            *BORDER_HINTS,
        ),
        hiding(
            "replacement-refused",
            "also mask",
            "a token is not chosen when its replacement is special; replacements are taken as they "
            "are",
            "Hand it `others` that are all [SEP], and ways of 0. Is nothing chosen?",
            "Who is chosen depends on `ids` and on `draws`.",
            "Look for the special ids in `ids` alone.",
        ),
        hiding(
            "special-replacement-left-out",
            "special others",
            "a token stays when its replacement is special; replacements are taken as they are",
            "Hand it `others` that are all [SEP], and ways of 0.85. What becomes of the chosen?",
            "The text says what may stand in `others`: whatever that is.",
            "Take the id from `others` without looking at it.",
        ),
        hiding(
            "everything-labelled",
            "all labelled",
            "every token has a label: the loss will count those that the model can read off",
            *ASKED_HINTS,
        ),
        hiding(
            "all-words-labelled",
            "words labelled",
            "every token that isn't special has a label, chosen or not",
            *ASKED_HINTS,
        ),
        hiding(
            "labels-turned-round",
            "turned",
            "the chosen tokens have −100, and all others have labels: it is the other way round",
            "`masked_fill(mask, x)` writes x where the mask is True; `where(mask, x)` where it is "
            "False.",
            "Whoever is chosen is asked; nobody else is.",
            "−100 belongs where a token is *not* chosen.",
        ),
        hiding(
            "who-stays-is-not-asked",
            "stay unasked",
            "a chosen token that stays has no label",
            *ASKED_HINTS,
        ),
        hiding(
            "only-masked-asked",
            "masked asked",
            "only tokens behind [MASK] have a label; the replaced and those that stay have none",
            *ASKED_HINTS,
        ),
        hiding(
            "asked-where-mask-stands",
            "mask there",
            "a label stands wherever the input is [MASK]; the replaced and those that stay have "
            "none",
            *ASKED_HINTS,
        ),
        hiding(
            "replaced-not-asked",
            "others unasked",
            "a chosen token that was replaced has no label",
            *ASKED_HINTS,
        ),
        hiding(
            "asked-where-changed",
            "changed asked",
            "a token has a label where the input changed; whoever stays is asked, too, and so is "
            "one that was replaced by itself",
            *ASKED_HINTS,
        ),
        hiding(
            "labels-of-the-hidden",
            "labels late",
            "the labels are taken from the changed input: the model is asked for [MASK]",
            "Print the labels of the chosen. Does [MASK] stand among them?",
            "Labels say what stood there before.",
            "Take the labels from `ids`, and change a copy.",
        ),
        hiding(
            "replacement-as-label",
            "replaced",
            "the label is the id from `others`, not the one that stood there",
            "Print the labels of the chosen beside `ids`.",
            "The model shall say what stood there before.",
            "Take the labels from `ids`.",
        ),
        hiding(
            "zero-for-no-label",
            "zeros",
            "where nothing is asked the label is 0, which is a token; it should be −100",
            "Which label does your function give to [CLS]?",
            "0 is an id like any other, and the loss would count it.",
            "Write −100 where a token is not chosen.",
        ),
        hiding(
            "minus-one-for-no-label",
            "minus one",
            "where nothing is asked the label is −1; it should be −100",
            "Which label does your function give to [CLS]?",
            "The text names the label that means: don't ask here.",
            "Write −100 where a token is not chosen.",
        ),
        hiding(
            "mask-for-no-label",
            "whole",
            "where nothing is asked the label is `mask_id`; it should be −100",
            "Which label does your function give to [CLS]?",
            "`mask_id` belongs into the input.",
            "Write −100 where a token is not chosen.",
        ),
        hiding(
            "truths-for-labels",
            "truths",
            "the labels are ones and zeros that say who is chosen, not what stood there",
            "Print one row of labels beside `ids`.",
            "The loss will ask: which token stood there?",
            "The label of a chosen token is its id, and −100 stands everywhere else.",
        ),
        hiding(
            "always-mask",
            "all masked",
            "every chosen token becomes [MASK]; a fifth of them should not",
            *WAY_HINTS,
        ),
        hiding(
            "never-replaced",
            "no others",
            "`others` is never used: what isn't masked stays",
            *WAY_HINTS,
        ),
        hiding(
            "never-stays",
            "no stay",
            "no chosen token stays: from 0.8 on all are replaced",
            *WAY_HINTS,
        ),
        hiding(
            "stay-and-replaced-exchanged",
            "stay first",
            "between 0.8 and 0.9 the token stays, and from 0.9 on it is replaced: it is the other "
            "way round",
            *WAY_HINTS,
        ),
        hiding(
            "replaced-below-a-tenth",
            "overlap",
            "tokens with a way below 0.1 are replaced; that stretch belongs to [MASK]",
            *WAY_HINTS,
        ),
        hiding(
            "mask-written-over",
            "written over",
            "all ways below 0.9 give a replacement, those below 0.8 too: what was [MASK] is "
            "written over",
            *WAY_HINTS,
        ),
        hiding(
            "mask-and-replaced-exchanged",
            "stay or others",
            "below 0.8 the token is replaced, and between 0.8 and 0.9 it becomes [MASK]: it is the "
            "other way round",
            *WAY_HINTS,
        ),
        hiding(
            "mask-above-0.8",
            "rarely",
            "[MASK] stands where the way is *above* 0.8, and most others are replaced",
            *WAY_HINTS,
        ),
        hiding(
            "mask-id-103",
            "mask 103",
            "[MASK] is taken to be 103, and `mask_id` is never asked",
            "Call it with another `mask_id`. Does it stand in your input?",
            "103 is [MASK] in one vocabulary.",
            "Write `mask_id`.",
        ),
        hiding(
            "one-tensor-for-both",
            "one tensor",
            "inputs and labels are one tensor: what is written into one is written into the other",
            "Print both results. Where do they differ?",
            "`a = b = x.clone()` makes one copy with two names.",
            "Clone twice, or let `where` make each of them.",
        ),
        hiding(
            "minus-100-in-the-input",
            "unasked too",
            "tokens that are not chosen become −100 in the input, too: the model has nothing to "
            "read",
            "Print one row of the input beside `ids`.",
            "−100 is for labels. An input must be an id everywhere.",
            "Who isn't chosen stays in the input.",
        ),
        hiding(
            "ids-edited",
            "edited",
            "what you return is right, but the `ids` that came in are changed",
            "Print `ids` before and after the call.",
            "The next epoch wants to hide other tokens of the same text.",
            "Begin with `inputs = ids.clone()`, or with `where`, which makes a new tensor.",
        ),
        hiding(
            "ids-edited-first",
            "edited early",
            "the `ids` that came in are changed, and the labels are taken from them afterwards: "
            "they hold [MASK]",
            "Print the labels of the chosen. Does [MASK] stand among them?",
            "A second name for a tensor is not a second tensor.",
            "Begin with `inputs = ids.clone()`, and take the labels from `ids`.",
        ),
        hiding(
            "labels-written-into-ids",
            "labels edited",
            "what you return is right, but −100 is written into the `ids` that came in",
            "Print `ids` before and after the call.",
            "`labels = ids` gives the same tensor a second name.",
            "Begin with `labels = ids.clone()`, or with `where`, which makes a new tensor.",
        ),
        hiding(
            "all-written-into-ids",
            "all edited",
            "inputs and labels are both the `ids` that came in: all is written into one tensor",
            "Print both results. Where do they differ?",
            "`inputs = labels = ids` gives one tensor two more names.",
            "`inputs, labels = ids.clone(), ids.clone()`, or let `where` make each of them.",
        ),
        hiding(
            "labels-first",
            "order",
            "the labels come first and the inputs second",
            "Print the first of the two. Does −100 stand in it?",
            "The text says in which order the two are returned.",
            "`return inputs, labels`.",
        ),
        hiding(
            "inputs-alone",
            "inputs alone",
            "only the inputs are returned; the labels are missing",
            "What can the model be asked without the ids that stood there?",
            "Two tensors are to be returned.",
            "`return inputs, labels`.",
        ),
    ],
    hints=(
        "Take one row of four tokens, the first of them special, draws of 0, and ways of 0.5, 0.5, "
        "0.85 and 0.95; write down by hand what comes out.",
        "Three questions in this order: who is chosen (second point), what becomes of it (third), "
        "what is asked (fourth).",
        "Make one mask `chosen` first. The input is changed where it meets a stretch of `ways`, "
        "the labels are `ids` where it is True.",
    ),
    allows=Edges(
        dtypes=("int64", "int32"),
        axes=(2,),
        sizes=(0, 1),
        labels=(
            "list is empty",
            "border",
            "[MASK]",
            "nothing chosen",
            "everything chosen",
            "may be special",
            "zeros",
        ),
    ),
    also_right=[hide_one_by_one, hide_by_index],
)


# --- 14.loss --------------------------------------------------------------------------------


def loss_cases(generator):
    def tried(label, asked, vocab, scale=2.0, dtype=torch.float32, **more):
        """`asked` holds, for each row, the places that are asked."""
        seq = more.pop("seq")
        labels = torch.full((len(asked), seq), -100)
        for row, places in zip(labels, asked, strict=True):
            row[places] = ids_below(generator, vocab, len(places), low=more.get("low", 0))
        more.pop("low", None)
        logits = (scale * normal(generator, len(asked), seq, vocab)).to(dtype)
        if scale > 10:  # the model is sure, and wrong: so sure that a share is 0 in float32
            there = labels.clamp(min=0)[..., None]
            logits = logits.scatter(-1, (there + 1) % vocab, scale).scatter(-1, there, -scale)
        return case(label, logits, labels, **more)

    first, zero = normal(generator, 2, 4, 5), torch.full((2, 4), -100)
    zero[0, 1] = zero[1, 3] = zero[1, 0] = 0
    zero[0, 2] = 3
    few = torch.tensor([[1, -100, 4, -100], [-100, 2, -100, 3]])
    right = 2 * normal(generator, 2, 4, 5)
    right[0, 2, 4] = right[1, 1, 2] = 200.0
    return [
        tried("some asked", [[1, 4], [0, 2, 5], [3]], 7, seq=6, low=1),
        tried("the first and the last place", [[0, 4], [0], [4]], 5, seq=5, low=1),
        tried("a row without a question", [[1, 2], [], [3]], 6, seq=4, low=1),
        case("the label 0 is asked", 2 * first, zero),
        tried("everything asked", [[0, 1, 2]] * 2, 5, seq=3),
        tried("nothing asked", [[], []], 5, seq=3),
        tried("one place", [[0]], 3, seq=1),
        tried("sure scores where nothing is asked", [[1], [0, 2]], 5, scale=100.0, seq=4, low=1),
        case("sure and right, and asked all the same", right, few),
        tried("gradients", [[1, 3], [2]], 5, seq=4, grad=True),
        tried("gradients, nothing asked", [[]], 5, seq=3, grad=True),
        tried("in float64", [[1, 3], [0]], 5, dtype=torch.float64, seq=4),
    ]


def wrong_masked(logits, labels, *, shift=0, counted="asked", empty="nothing"):
    """The loss with its faults as flags: they are tried in pairs."""
    if shift:
        logits = logits[:, :-1] if shift > 0 else logits[:, 1:]
        labels = labels[:, 1:] if shift > 0 else labels[:, :-1]
    asked = labels > 0 if counted == "above 0" else labels != -100
    right = logits.log_softmax(dim=-1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    if counted == "class 0":
        return -right.mean()
    if counted == "class 0, few":
        return -right.sum() / asked.sum().clamp(min=1)
    if counted == "all below":
        return -right.where(asked, 0).mean()
    if counted == "rows":
        rows = right.where(asked, 0).sum(dim=1) / asked.sum(dim=1).clamp(min=1)
        return -rows.mean()
    if counted == "rows, bare":
        return (-(right * asked).sum(dim=1) / asked.sum(dim=1)).mean()
    if counted == "texts":
        return -right.where(asked, 0).sum() / len(labels)
    if counted == "sum":
        return -right.where(asked, 0).sum()
    if empty in ("int", "float") and not asked.any():
        return 0 if empty == "int" else 0.0
    if empty == "bare" and not asked.any():
        return torch.zeros((), dtype=logits.dtype)
    if empty == "product":
        return -(right * asked).sum() / asked.sum()
    if empty == "one more":
        return -right.where(asked, 0).sum() / (asked.sum() + 1)
    below = asked.sum() if empty == "nan" else asked.sum().clamp(min=1)
    return -right.where(asked, 0).sum() / below


def slipped_masked(logits, labels, *, slip):
    asked = labels != -100
    safe = labels.where(asked, 0)

    def put(log_p):
        right = log_p.gather(-1, safe[..., None])[..., 0].where(asked, 0)
        return -right.sum() / asked.sum().clamp(min=1)

    def raw():
        right = logits.log_softmax(dim=-1).gather(-1, labels[..., None])[..., 0]
        return -right.where(asked, 0).sum() / asked.sum().clamp(min=1)

    def edited():
        labels[~asked] = 0
        return put(logits.log_softmax(dim=-1))

    def asked_rows():
        rows = asked.any(dim=1)
        right = logits.log_softmax(dim=-1).gather(-1, safe[..., None])[..., 0].where(asked, 0)
        return -(right.sum(dim=1) / asked.sum(dim=1).clamp(min=1)).sum() / rows.sum().clamp(min=1)

    def each():
        return -logits.log_softmax(dim=-1).gather(-1, safe[..., None])[..., 0].where(asked, 0)

    def zeroed():
        """Scores set to 0 where nothing is asked: each of these places costs ln V."""
        even = logits.masked_fill(~asked[..., None], 0)
        return -even.log_softmax(dim=-1).gather(-1, safe[..., None])[..., 0].mean()

    return {
        "zeroed": zeroed,
        "reshaped": lambda: put(
            logits.reshape(len(logits), logits.shape[2], -1).mT.log_softmax(dim=-1)
        ),
        "vocabulary": lambda: put(logits.log_softmax(dim=-1)) / logits.shape[-1],
        "asked rows": asked_rows,
        "raw": raw,
        "edited": edited,
        "places": lambda: put(logits.log_softmax(dim=1)),
        "no softmax": lambda: put(logits),
        "twice": lambda: put(logits.softmax(dim=-1).log_softmax(dim=-1)),
        "shares": lambda: put(logits.softmax(dim=-1)),
        "last cut": lambda: slipped_masked(logits[:, :-1], labels[:, :-1], slip="right"),
        "first cut": lambda: slipped_masked(logits[:, 1:], labels[:, 1:], slip="right"),
        "right": lambda: put(logits.log_softmax(dim=-1)),
        "share of 0": lambda: put(logits.softmax(dim=-1).log()),
        "losses above 0": lambda: each().sum() / (each() > 0).sum().clamp(min=1),
        "log of softmax": lambda: put((logits.softmax(dim=-1) + 1e-6).log()),
        "sign, nan": lambda: -put(logits.log_softmax(dim=-1)) / (1 if asked.any() else 0.0),
        "shares, nan": lambda: put(logits.softmax(dim=-1)) / asked.any(),
        "sign": lambda: -put(logits.log_softmax(dim=-1)),
        "number": lambda: put(logits.log_softmax(dim=-1)).item(),
        "detached": lambda: put(logits.detach().log_softmax(dim=-1)),
        "each": each,
        "turned": lambda: (
            -logits.log_softmax(dim=-1)[..., 0].where(~asked, 0).sum() / (~asked).sum().clamp(min=1)
        ),
    }[slip]()


def masked_by_library(logits, labels):
    total = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
    return total / max(1, int((labels != -100).sum()))


def masked_picked(logits, labels):
    rows, asked = logits[labels != -100], labels[labels != -100]
    if len(asked) == 0:
        return 0 * logits.sum()
    return (rows.logsumexp(dim=-1) - rows[torch.arange(len(asked)), asked]).mean()


losing = told_of(wrong_masked)


loss_slip = told_of(slipped_masked, "slip")


COUNT_HINTS = (
    "Let one place be asked, with three tokens and equal scores. Is your loss ln 3, and does a "
    "longer row change it?",
    "A place that isn't asked is missing above the line *and* below it.",
    "Make its loss 0, sum, and divide by how many places are asked.",
)
NOTHING_HINTS = (
    "Call it with labels that are all −100, and `backward` on what comes out.",
    "The mean of nothing is `nan`; a sum of zeros is 0, and has gradients of zeros.",
    "Divide the sum by at least 1: `clamp(min=1)`.",
)
LOGARITHM_HINTS = (
    "What is your loss for two tokens with scores of 0 and 0? It should be ln 2, 0.693.",
    "`log_softmax` takes the scores themselves and gives logarithms of shares.",
    "Call `log_softmax(dim=-1)` on the logits, once.",
)

LOSS = Exercise(
    id="14.loss",
    title="Only what was asked",
    kind="bug",
    points=2,
    name="masked_loss",
    cases=loss_cases,
    mistakes=[
        losing(
            "shifted",
            {"shift": 1},
            "the labels are shifted: each place is asked for the token that comes *next*, as in a "
            "model that continues texts",
            "Let the scores be right at every place. Is your loss near 0?",
            "BERT is asked for the token that belongs where it looks.",
            "Take logits and labels as they are, without cutting either.",
        ),
        losing(
            "shifted-the-other-way",
            {"shift": -1},
            "the labels are shifted: each place is asked for the token *before* it",
            "Let the scores be right at every place. Is your loss near 0?",
            "BERT is asked for the token that belongs where it looks.",
            "Take logits and labels as they are, without cutting either.",
        ),
        losing(
            "minus-100-is-class-0",
            {"counted": "class 0"},
            "−100 becomes the token 0: every place counts, and most of them ask for that token",
            *COUNT_HINTS,
        ),
        losing(
            "class-0-in-the-sum",
            {"counted": "class 0, few"},
            "−100 becomes the token 0 in the sum, which is divided by the asked places alone",
            *COUNT_HINTS,
        ),
        losing(
            "divided-by-all-places",
            {"counted": "all below"},
            "what isn't asked is 0 in the sum, but the sum is divided by all places: the fewer are "
            "asked, the better it looks",
            *COUNT_HINTS,
        ),
        losing(
            "zero-is-not-asked",
            {"counted": "above 0"},
            "a label of 0 doesn't count, although 0 is a token like any other",
            "Let the token 0 be hidden. Is the model asked for it?",
            "Only −100 means: don't ask here.",
            "Compare the labels with −100, not with 0.",
        ),
        losing(
            "rows-averaged",
            {"counted": "rows"},
            "each row's mean is taken first, then the mean of the rows: a place of a row with few "
            "questions weighs more",
            "How much does one place weigh in your mean, in a row with one question and with five?",
            "All places that are asked weigh the same, in all rows together.",
            "Sum over everything, then divide once.",
        ),
        losing(
            "rows-averaged-and-divided-by-0",
            {"counted": "rows, bare"},
            "each row's mean is taken first, then the mean of the rows; a row without a question "
            "makes `nan` of all",
            "How much does one place weigh in your mean, in a row with one question and with five?",
            "All places that are asked weigh the same, in all rows together.",
            "Sum over everything, then divide once, by at least 1.",
        ),
        losing(
            "divided-by-the-texts",
            {"counted": "texts"},
            "the sum is divided by the number of texts, not by how many places are asked",
            *COUNT_HINTS,
        ),
        losing(
            "summed",
            {"counted": "sum"},
            "the losses are added up; the mean was asked for",
            "Does your loss double when each row stands in the batch twice?",
            "A mean divides by how many there are.",
            "Divide by the number of places that are asked.",
        ),
        losing(
            "nothing-over-nothing",
            {"empty": "nan"},
            "where nothing is asked, you divide 0 by 0; the text asks for 0",
            *NOTHING_HINTS,
        ),
        losing(
            "nothing-over-nothing-by-product",
            {"empty": "product"},
            "where nothing is asked, you divide 0 by 0; the text asks for 0, and for gradients of "
            "0",
            *NOTHING_HINTS,
        ),
        losing(
            "one-more-below",
            {"empty": "one more"},
            "the sum is divided by one more than are asked: it keeps you from 0, and is too small "
            "everywhere else",
            *NOTHING_HINTS,
        ),
        losing(
            "bare-zero",
            {"empty": "bare"},
            "where nothing is asked, a new 0 comes out: `backward` has no way from it to the "
            "logits",
            *NOTHING_HINTS,
        ),
        *(
            losing(
                f"bare-zero-as-{kind}",
                {"empty": kind},
                f"where nothing is asked, a plain {zero} comes out: a loss is a tensor, and "
                "`backward` needs a way from it to the logits",
                *NOTHING_HINTS,
            )
            for kind, zero in (("int", "0"), ("float", "0.0"))
        ),
        loss_slip(
            "reshaped-not-transposed",
            "reshaped",
            "`reshape` or `view` puts the vocabulary in front, and mixes the scores of all places",
            "Print the scores of one place before and after.",
            "`reshape` reads the numbers in their old order; `transpose` moves an axis.",
            "`logits.transpose(1, 2)`, or flatten the first two axes of `logits` and all of "
            "`labels`.",
        ),
        loss_slip(
            "divided-by-the-vocabulary",
            "vocabulary",
            "the sum is divided by the size of the vocabulary, too",
            *LOGARITHM_HINTS,
        ),
        loss_slip(
            "scores-zeroed",
            "zeroed",
            "the scores are set to 0 where nothing is asked: such a place then costs the "
            "logarithm of the vocabulary's size",
            *COUNT_HINTS,
        ),
        loss_slip(
            "rows-with-questions-averaged",
            "asked rows",
            "each row's mean is taken first, then the mean of the rows that ask anything",
            "How much does one place weigh in your mean, in a row with one question and with five?",
            "All places that are asked weigh the same, in all rows together.",
            "Sum over everything, then divide once.",
        ),
        loss_slip(
            "minus-100-looked-up",
            "raw",
            "−100 is looked up among the tokens, although it doesn't count",
            "What does `gather` do with an index of −100?",
            "What is picked where nothing is asked makes no difference.",
            "Replace such labels by any token before you look them up.",
        ),
        loss_slip(
            "labels-edited",
            "edited",
            "the loss is right, but the labels that came in are written over",
            "Call it twice with the same labels, and compare them before and after.",
            "`labels[…] = 0` and `masked_fill_` change the tensor itself.",
            "Make a new one: `labels.where(asked, 0)` or `labels.clamp(min=0)`.",
        ),
        loss_slip(
            "softmax-over-places",
            "places",
            "the softmax runs over the places, not over the tokens of the vocabulary",
            *LOGARITHM_HINTS,
        ),
        loss_slip(
            "logits-as-logarithms",
            "no softmax",
            "the logits are used as if they were logarithms of shares",
            *LOGARITHM_HINTS,
        ),
        loss_slip(
            "softmax-twice",
            "twice",
            "softmax is taken twice: `log_softmax` wants scores, and gets shares",
            *LOGARITHM_HINTS,
        ),
        loss_slip(
            "no-logarithm",
            "shares",
            "shares are averaged; their logarithms were asked for",
            *LOGARITHM_HINTS,
        ),
        loss_slip(
            "last-place-cut",
            "last cut",
            "logits and labels fit now, and both lack the last place: it may be asked, too",
            "Let a single place be asked, the last one. Is your loss 0?",
            "Cutting is for a model that continues texts: at its last place nothing comes next.",
            "Take logits and labels as they are, without cutting either.",
        ),
        loss_slip(
            "first-place-cut",
            "first cut",
            "logits and labels fit now, and both lack the first place: it may be asked, too",
            "Let a single place be asked, the first one. Is your loss 0?",
            "Cutting is for a model that continues texts: nothing stands before its first place.",
            "Take logits and labels as they are, without cutting either.",
        ),
        loss_slip(
            "logarithm-of-softmax",
            "share of 0",
            "softmax first and the logarithm behind it: a very small share is rounded to 0, and "
            "the loss is infinite",
            "Try one place with scores of 200 and 0, where the second is asked. It costs 200.",
            "`log_softmax` never makes the share itself, only its logarithm.",
            "Call `log_softmax(dim=-1)` on the logits, once.",
        ),
        loss_slip(
            "losses-above-0-counted",
            "losses above 0",
            "the sum is divided by how many losses are above 0: a place that the model is sure "
            "of was asked, too",
            *COUNT_HINTS,
        ),
        loss_slip(
            "small-number-added",
            "log of softmax",
            "a small number is added before the logarithm: it hides how wrong a sure model is",
            *LOGARITHM_HINTS,
        ),
        loss_slip(
            "sign-turned",
            "sign",
            "the sign is turned: your loss is below 0",
            "Is a good model's loss lower than a bad one's in your code?",
            "A logarithm of a share is below 0, and a loss is above.",
            "Put the minus back.",
        ),
        loss_slip(
            "sign-turned-and-nothing-over-nothing",
            "sign, nan",
            "the sign is turned: your loss is below 0; and where nothing is asked, you divide 0 by "
            "0",
            "Is a good model's loss lower than a bad one's in your code?",
            "A logarithm of a share is below 0, and a loss is above.",
            "Put the minus back, and divide by at least 1.",
        ),
        loss_slip(
            "no-logarithm-and-nothing-over-nothing",
            "shares, nan",
            "shares are averaged; their logarithms were asked for. And where nothing is asked, you "
            "divide 0 by 0",
            *LOGARITHM_HINTS,
        ),
        loss_slip(
            "asked-turned-round",
            "turned",
            "the places that were *not* asked count, with the token 0, and the others don't",
            "Change the scores of a place that isn't asked. Does your loss change?",
            "`where(mask, x)` keeps what stands where the mask is True.",
            "Keep the places whose label is not −100.",
        ),
        loss_slip(
            "no-mean-at-all",
            "each",
            "one loss for each place comes out; a single number was asked for",
            "What is the shape of what you return?",
            "The mean is over all places that are asked.",
            "Sum everything, and divide by how many are asked.",
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
    ],
    hints=(
        "Try one row of three places, the middle one asked; change the scores of the others. The "
        "loss may not move.",
        "The faults sit in three places: which label belongs to which logits, what −100 stands "
        "for, and what the sum is divided by.",
        "Take log p of every token, pick the label's, keep what is asked, and divide the sum by "
        "how many are asked, at least 1.",
    ),
    allows=Edges(
        dtypes=("float32", "float64"),
        axes=(3,),
        sizes=(1,),
        labels=("nothing asked", "everything asked", "label 0", "row without", "gradients", "sure"),
    ),
    also_right=[masked_by_library, masked_picked],
)


# --- 14.pair --------------------------------------------------------------------------------


def pair_cases(generator):
    cls_id, sep_id = 101, 102

    def tried(label, n, m, max_len, marks=(cls_id, sep_id)):
        a, b = (numbers(generator, 200, 900, size) for size in (n, m))
        return case(label, a, b, max_len, *marks)

    return [
        tried("both fit", 4, 3, 20),
        tried("they fit exactly", 4, 3, 10),
        tried("one too many, a is longer", 6, 3, 11),
        tried("one too many, b is longer", 3, 6, 11),
        tried("a long first text", 17, 3, 12),
        tried("a long second text", 3, 17, 12),
        tried("both long", 16, 12, 14),
        tried("both long, and an odd number of places", 11, 13, 12),
        tried("equally long, one too many", 5, 5, 12),
        tried("equally long, far too many", 8, 8, 12),
        tried("b ends up shorter", 9, 4, 10),
        tried("room for one token", 4, 5, 4),
        tried("room for none", 3, 2, 3),
        tried("an empty first text", 0, 5, 7),
        tried("an empty second text", 5, 0, 9),
        tried("both empty", 0, 0, 8),
        tried("other special ids", 4, 7, 11, (1, 2)),
        tried("special ids 0 and 1", 3, 4, 30, (0, 1)),
    ]


def cut_longest(a, b, room, tie="b"):
    """How many tokens of each stay when the longer one is cut, token by token."""
    n, m = len(a), len(b)
    while n + m > max(room, 0) and n + m:
        longer = n > m or (n == m and tie == "a")
        n, m = (n - 1, m) if longer else (n, m - 1)
    return n, m


POPS = {
    "second pops": lambda a, b, turn: False,
    "first pops": lambda a, b, turn: True,
    "shorter pops": lambda a, b, turn: len(a) < len(b),
    "four pop": lambda a, b, turn: len(a) > len(b),
    "turns pop": lambda a, b, turn: turn % 2 == 1,
}


def popped(a, b, room, first):
    """Copies of both, cut by `pop`: it stops where nothing is left to take."""
    a, b, turn = list(a), list(b), 0
    while len(a) + len(b) > room:
        (a if first(a, b, turn) else b).pop()
        turn += 1
    return a, b


def popped_as_it_came(a, b, room):
    """Which text is longer is asked of the two as they came in."""
    kept = list(a), list(b)
    while len(kept[0]) + len(kept[1]) > room:
        kept[len(a) <= len(b)].pop()
    return kept


def wrong_pack(a, b, max_len, cls_id, sep_id, *, slip):
    room = max_len - 3
    if slip == "whole cut":
        ids = [cls_id, *a, sep_id, *b, sep_id]
        return ids[:max_len], ([0] * (len(a) + 2) + [1] * (len(b) + 1))[:max_len]
    if slip == "last kept":
        ids, which = wrong_pack(a, b, 10**6, cls_id, sep_id, slip="")
        if len(ids) > max_len:
            ids, which = [*ids[: max_len - 1], sep_id], which[:max_len]
        return ids, which
    cut = max(0, len(a) + len(b) - room)
    if slip == "no last, two counted":
        n, m = cut_longest(a, b, room + 1)
        return [cls_id, *a[:n], sep_id, *b[:m]], [0] * (n + 2) + [1] * m
    if slip == "nested":
        return [cls_id, a, sep_id, b, sep_id], [0] * (len(a) + 2) + [1] * (len(b) + 1)
    bare = {  # a slice that goes below 0 counts from the end
        "longer at once": lambda: (
            (a[: len(a) - cut], b) if len(a) > len(b) else (a, b[: len(b) - cut])
        ),
        "second by a slice": lambda: (a, b[: room - len(a)]),
        "first by a slice": lambda: (a[: room - len(b)], b),
        "longer as it came": lambda: popped_as_it_came(a, b, room),
    }
    if slip in bare:
        return wrong_pack(*bare[slip](), 10**6, cls_id, sep_id, slip="")
    if slip in POPS:
        a, b = popped(a, b, room - (slip == "four pop"), POPS[slip])
        return wrong_pack(a, b, 10**6, cls_id, sep_id, slip="")
    if slip == "bert's ids":
        cls_id, sep_id = 101, 102
    n, m = {
        "second only": lambda: (len(a), max(0, len(b) - cut)),
        "first only": lambda: (max(0, len(a) - cut), len(b)),
        "longer only": lambda: (
            (max(0, len(a) - cut), len(b)) if len(a) > len(b) else (len(a), max(0, len(b) - cut))
        ),
        "halves": lambda: (
            (min(len(a), room - room // 2), min(len(b), room // 2)) if cut else (len(a), len(b))
        ),
        "alternately": lambda: (
            max(0, len(a) - cut // 2), max(0, len(b) - cut + cut // 2)
        ),
        "share": lambda: (
            (len(a) * room // (len(a) + len(b)), room - len(a) * room // (len(a) + len(b)))
            if cut else (len(a), len(b))
        ),
        "halves down": lambda: (
            (min(len(a), room // 2), min(len(b), room // 2)) if cut else (len(a), len(b))
        ),
        "halves down always": lambda: (min(len(a), room // 2), min(len(b), room // 2)),
        "larger half second": lambda: (
            (min(len(a), room // 2), min(len(b), room - room // 2)) if cut else (len(a), len(b))
        ),
        "larger half second always": lambda: (
            min(len(a), room // 2), min(len(b), room - room // 2)
        ),
        "longer in a loop": lambda: longer_cut(a, b, room),
        "halves always": lambda: (min(len(a), room - room // 2), min(len(b), room // 2)),
        "by turns": lambda: cut_by_turns(a, b, room),
        "half first": lambda: (
            (min(len(a), room // 2), min(len(b), room - min(len(a), room // 2)))
            if cut
            else (len(a), len(b))
        ),
        "first fills": lambda: (min(len(a), room), min(len(b), max(0, room - len(a)))),
        "tie a": lambda: cut_longest(a, b, room, "a"),
        "tie a, edited": lambda: cut_longest(a, b, room, "a"),
        "no specials": lambda: cut_longest(a, b, max_len),
        "two specials": lambda: cut_longest(a, b, room + 1),
        "four specials": lambda: cut_longest(a, b, room - 1),
        "one": lambda: (
            (len(a) - (len(a) > len(b)), len(b) - (len(a) <= len(b))) if cut else (len(a), len(b))
        ),
        "shorter": lambda: cut_shorter(a, b, room),
        "never": lambda: (len(a), len(b)),
        "each": lambda: (min(len(a), room), min(len(b), room)),
    }.get(slip, lambda: cut_longest(a, b, room))()  # fmt: skip
    long = len(a), len(b)
    if slip == "minus 0":  # a[: -cut] of what isn't cut
        n, m = (0 if kept == each else kept for kept, each in zip((n, m), long, strict=True))
    if slip in ("edited", "tie a, edited"):
        del a[n:], b[m:]
    kept_a, kept_b = a[:n], b[:m]
    if slip == "from the front":
        kept_a, kept_b = a[len(a) - n :], b[len(b) - m :]
    second, last = (sep_id, cls_id), (sep_id,)
    if slip != "second cls":
        second = () if slip == "no middle" else (sep_id,)
    if slip == "two middle":
        second = (sep_id, sep_id)
    if slip == "cls between":
        second = (cls_id,)
    if slip == "no last" or (slip == "empty b" and not m):
        last = ()
    front = () if slip == "no cls" else (cls_id,)
    if slip == "sep for cls":
        front = (sep_id,)
    if slip == "cls for sep":
        second, last = (cls_id,), (cls_id,)
    ids = [*front, *kept_a, *second, *kept_b, *last]
    zeros = len(front) + n + min(1, len(second))
    if slip == "second cls":
        which = [0] * zeros + [1] * (len(ids) - zeros)
    else:
        which = {
            "middle 1": [0] * (n + 1) + [1] * (m + 2),
            "last 0": [0] * (n + 2) + [1] * m + [0],
            "seps 0": [0] * (n + 2) + [1] * m + [0],
            "all 0": [0] * len(ids),
            "words alone": [0] * n + [1] * m,
            "count": [0] * (n + 1) + [1] * (m + 1) + [2],
            "len a": [0] * n + [1] * (m + 3),
            "in half": [0] * (len(ids) // 2) + [1] * (len(ids) - len(ids) // 2),
            "from 1": [1] * (n + 2) + [2] * (m + 1),
            "turned": [1] * (n + 2) + [0] * (m + 1),
            "before cutting": [0] * (long[0] + 2) + [1] * (long[1] + 1),
            "long a": ([0] * (long[0] + 2) + [1] * (long[1] + 1))[: len(ids)],
            "cls 1": [1] + [0] * (n + 1) + [1] * (m + 1),
            "three": [0] * (n + 2) + [1] * m + [2],
            "last none": [0] * (n + 2) + [1] * m,
            "middle none": [0] * (n + 1) + [1] * (m + 1),
        }.get(slip, [0] * zeros + [1] * (len(ids) - zeros))
    if slip == "b first":
        ids = [cls_id, *kept_b, sep_id, *kept_a, sep_id]
        which = [0] * (m + 2) + [1] * (n + 1)
    if slip == "filled":
        ids, which = (x + [0] * (max_len - len(x)) for x in (ids, which))
    if slip == "filled segments":
        which = which + [0] * (max_len - len(which))
    if slip == "ids alone":
        return ids
    if slip == "order":
        return which, ids
    if slip == "pairs":
        return [list(two) for two in zip(ids, which, strict=True)]
    return ids, which


def longer_cut(a, b, room):
    n, m = len(a), len(b)
    while n + m > room:
        cut = n + m - room
        n, m = (max(0, n - cut), m) if n > m else (n, max(0, m - cut))
    return n, m


def cut_by_turns(a, b, room):
    n, m, turn = len(a), len(b), 0
    while n + m > room:
        n, m = (n - (n > 0), m) if turn % 2 else (n, m - (m > 0))
        turn += 1
    return n, m


def cut_shorter(a, b, room):
    n, m = len(a), len(b)
    while n + m > room and n + m:
        shorter = n if m == 0 else (n < m and n > 0)
        n, m = (n - 1, m) if shorter else (n, m - 1)
    return n, m


def pack_by_lengths(a, b, max_len, cls_id, sep_id):
    room = max_len - 3
    half = (room + 1) // 2  # of equally long ones, b is cut first
    if len(a) + len(b) > room:
        if len(b) <= room // 2:
            a = a[: room - len(b)]
        elif len(a) <= half:
            b = b[: room - len(a)]
        else:
            a, b = a[:half], b[: room // 2]
    first, second = [cls_id, *a, sep_id], [*b, sep_id]
    return first + second, [0 for _ in first] + [1 for _ in second]


def pack_by_itself(a, b, max_len, cls_id, sep_id):
    if len(a) + len(b) > max_len - 3:
        if len(b) >= len(a):
            return pack_by_itself(a, b[:-1], max_len, cls_id, sep_id)
        return pack_by_itself(a[:-1], b, max_len, cls_id, sep_id)
    ids = [cls_id, *a, sep_id, *b, sep_id]
    border = ids.index(sep_id)
    return ids, [int(place > border) for place in range(len(ids))]


packing = told_of(wrong_pack, "slip")


CUT_HINTS = (
    "Pack six tokens and two tokens into eight places, by hand. Which are left?",
    "One token at a time: look which text is longer *now*, and take its last token.",
    "`while` there are too many: cut `a` if it is longer, else `b`.",
)
ROOM_HINTS = (
    "How long is what you return when both texts are long?",
    "One [CLS] and two [SEP] stand in the result, too.",
    "The two texts together have `max_len - 3` places.",
)
LAYOUT_HINTS = (
    "Pack [5, 6] and [7] with plenty of room, and write the result beside the text's.",
    "[CLS], all of `a`, [SEP], all of `b`, [SEP]: three special tokens, whatever the texts are.",
    "`[cls_id, *a, sep_id, *b, sep_id]`.",
)
SEGMENT_HINTS = (
    "Pack [5, 6] and [7] with plenty of room: which segment has each of the six?",
    "The first [SEP] ends the first text and belongs to it; the last one belongs to the second.",
    "Of the cut texts: `len(a) + 2` zeros, then `len(b) + 1` ones.",
)

PAIR = Exercise(
    id="14.pair",
    title="Two texts in one",
    kind="code",
    points=2,
    name="pack_pair",
    cases=pair_cases,
    any_sequence=True,
    mistakes=[
        packing(
            "second-cls",
            "second cls",
            "the second text gets a [CLS] of its own",
            *LAYOUT_HINTS,
        ),
        packing(
            "cls-between",
            "cls between",
            "a second [CLS] stands between the texts; a [SEP] belongs there",
            *LAYOUT_HINTS,
        ),
        packing(
            "no-sep-between",
            "no middle",
            "there is no [SEP] between the two texts",
            *LAYOUT_HINTS,
        ),
        packing(
            "two-seps-between",
            "two middle",
            "two [SEP] stand between the texts, as RoBERTa has it; here it is one",
            *LAYOUT_HINTS,
        ),
        packing("no-sep-at-the-end", "no last", "the last [SEP] is missing", *LAYOUT_HINTS),
        packing(
            "no-sep-at-the-end-nor-room",
            "no last, two counted",
            "the last [SEP] is missing, and no place is kept for it",
            *LAYOUT_HINTS,
        ),
        packing(
            "lists-appended",
            "nested",
            "the texts stand in the row as two lists; it should hold their tokens",
            "Print what you return for [5] and [7].",
            "`append` puts one thing at the end, whatever it is, a list too.",
            "`ids += a`, `ids.extend(a)` or `[cls_id, *a, sep_id, *b, sep_id]`.",
        ),
        packing(
            "longer-pays-all-by-a-slice",
            "longer at once",
            "all that is too much is taken at once from the text that is longer; where it is more "
            "than that text has, the slice ends below 0 and counts from the end",
            *CUT_HINTS,
        ),
        packing(
            "second-pays-all-by-a-slice",
            "second by a slice",
            "`b` alone is cut, to what `a` leaves; where `a` leaves less than nothing, the slice "
            "counts from the end",
            *CUT_HINTS,
        ),
        packing(
            "first-pays-all-by-a-slice",
            "first by a slice",
            "`a` alone is cut, to what `b` leaves; where `b` leaves less than nothing, the slice "
            "counts from the end",
            *CUT_HINTS,
        ),
        packing(
            "longer-when-it-came",
            "longer as it came",
            "which text is longer is asked of the lists that came in, not of what is left of them",
            *CUT_HINTS,
        ),
        packing("no-cls", "no cls", "the [CLS] in front is missing", *LAYOUT_HINTS),
        packing(
            "sep-in-front",
            "sep for cls",
            "a [SEP] stands in front, where [CLS] belongs",
            *LAYOUT_HINTS,
        ),
        packing(
            "cls-for-sep",
            "cls for sep",
            "[CLS] stands where the two [SEP] belong",
            *LAYOUT_HINTS,
        ),
        packing(
            "texts-exchanged",
            "b first",
            "`b` stands first and `a` second",
            *LAYOUT_HINTS,
        ),
        packing(
            "middle-sep-in-segment-1",
            "middle 1",
            "the first [SEP] has segment 1; it ends the first text, and belongs to it",
            *SEGMENT_HINTS,
        ),
        packing(
            "seps-counted",
            "count",
            "each [SEP] begins a new segment, the last one a third; a [SEP] ends its segment",
            *SEGMENT_HINTS,
        ),
        packing(
            "last-sep-in-segment-0",
            "last 0",
            "the last [SEP] has segment 0; it belongs to the second text",
            *SEGMENT_HINTS,
        ),
        packing(
            "last-sep-in-segment-2",
            "three",
            "the last [SEP] has a segment 2; there are only two segments",
            *SEGMENT_HINTS,
        ),
        packing(
            "last-sep-without-segment",
            "last none",
            "the last [SEP] has no segment: there is one fewer than ids",
            *SEGMENT_HINTS,
        ),
        packing(
            "first-sep-without-segment",
            "middle none",
            "the first text has one segment too few: [CLS] and the first [SEP] both belong to it",
            *SEGMENT_HINTS,
        ),
        packing(
            "cls-in-segment-1",
            "cls 1",
            "the [CLS] has segment 1; the first segment begins with it",
            *SEGMENT_HINTS,
        ),
        packing(
            "one-segment",
            "all 0",
            "every token has segment 0: nothing tells the two texts apart",
            *SEGMENT_HINTS,
        ),
        packing(
            "specials-without-segment",
            "words alone",
            "the special tokens have no segment: the two lists are not equally long",
            *SEGMENT_HINTS,
        ),
        packing(
            "segments-without-specials-in-front",
            "len a",
            "there are as many zeros as `a` has tokens: [CLS] and the first [SEP] are not counted",
            *SEGMENT_HINTS,
        ),
        packing(
            "segments-in-half",
            "in half",
            "the first half of the row has segment 0, the second 1, wherever the [SEP] stands",
            *SEGMENT_HINTS,
        ),
        packing(
            "empty-text-without-sep",
            "empty b",
            "the last [SEP] is left out where `b` is empty",
            *LAYOUT_HINTS,
        ),
        packing(
            "segments-from-1",
            "from 1",
            "the segments are 1 and 2; they should be 0 and 1",
            *SEGMENT_HINTS,
        ),
        packing(
            "segments-turned-round",
            "turned",
            "the first text has segment 1 and the second 0: it is the other way round",
            *SEGMENT_HINTS,
        ),
        packing(
            "segments-of-the-uncut",
            "before cutting",
            "the segments are counted before the texts are cut: there are more of them than ids",
            *SEGMENT_HINTS,
        ),
        packing(
            "segments-cut-afterwards",
            "long a",
            "the segments are counted before the texts are cut, and then cut at the end: they "
            "change at the wrong place",
            *SEGMENT_HINTS,
        ),
        packing(
            "never-cut",
            "never",
            "`max_len` makes no difference: nothing is cut",
            *CUT_HINTS,
        ),
        packing(
            "end-cut-off",
            "whole cut",
            "the texts are packed first and then cut at the end: the last [SEP] goes first",
            *CUT_HINTS,
        ),
        packing(
            "end-cut-off-and-mended",
            "last kept",
            "the packed row is cut at the end, and a [SEP] is put there: only the second text pays",
            *CUT_HINTS,
        ),
        packing(
            "second-text-pays",
            "second only",
            "only `b` is cut, even when `a` is longer",
            *CUT_HINTS,
        ),
        packing(
            "first-text-pays",
            "first only",
            "only `a` is cut, even when `b` is longer",
            *CUT_HINTS,
        ),
        packing(
            "longer-pays-all",
            "longer only",
            "all that is too much is taken from the text that was longer at first, until it is the "
            "shorter one",
            *CUT_HINTS,
        ),
        packing(
            "half-for-each",
            "halves",
            "each text gets half of the places, even when the other doesn't need its half",
            *CUT_HINTS,
        ),
        packing(
            "second-text-pays-and-runs-out",
            "second pops",
            "only `b` is cut, even when `a` is longer, and `pop` stops where `b` is empty",
            *CUT_HINTS,
        ),
        packing(
            "first-text-pays-and-runs-out",
            "first pops",
            "only `a` is cut, even when `b` is longer, and `pop` stops where `a` is empty",
            *CUT_HINTS,
        ),
        packing(
            "shorter-pays-and-runs-out",
            "shorter pops",
            "the *shorter* text is cut first, and `pop` stops where it is empty",
            *CUT_HINTS,
        ),
        packing(
            "by-turns-and-runs-out",
            "turns pop",
            "the texts lose a token by turns, and `pop` stops where one is empty",
            *CUT_HINTS,
        ),
        packing(
            "four-specials-counted-and-runs-out",
            "four pop",
            "a token is cut even when everything just fits, and `pop` stops where none is left",
            *ROOM_HINTS,
        ),
        packing(
            "longer-pays-all-in-a-loop",
            "longer in a loop",
            "all that is too much is taken at once from the text that is longer, until it is the "
            "shorter one",
            *CUT_HINTS,
        ),
        packing(
            "half-for-each-rounded-down",
            "halves down",
            "each text gets half of the places, even when the other doesn't need its half, and one "
            "place may stay empty",
            *CUT_HINTS,
        ),
        packing(
            "half-for-each-always-rounded-down",
            "halves down always",
            "each text gets half of the places, rounded down, even when both would fit",
            *CUT_HINTS,
        ),
        packing(
            "half-for-each-larger-second",
            "larger half second",
            "each text gets half of the places, even when the other doesn't need its half, and an "
            "odd place goes to `b`",
            *CUT_HINTS,
        ),
        packing(
            "half-for-each-larger-second-always",
            "larger half second always",
            "each text gets half of the places, even when both would fit, and an odd place goes to "
            "`b`",
            *CUT_HINTS,
        ),
        packing(
            "ids-of-bert-itself",
            "bert's ids",
            "101 and 102 are written down; the special ids come in as arguments",
            *LAYOUT_HINTS,
        ),
        packing(
            "half-for-each-always",
            "halves always",
            "each text gets half of the places, even when both would fit",
            *CUT_HINTS,
        ),
        packing(
            "by-turns",
            "by turns",
            "the texts lose a token by turns, whichever is longer",
            *CUT_HINTS,
        ),
        packing(
            "nothing-cut-cuts-all",
            "minus 0",
            "a text from which nothing should be cut is lost: `[:-0]` is `[:0]`, which is empty",
            "Pack two short texts with plenty of room. What is left of them?",
            "A slice counted from the end has no way to say: nothing.",
            "Cut to a length, `a[:n]`, or use `pop()`.",
        ),
        packing(
            "half-for-the-first",
            "half first",
            "`a` is cut to half of the places, even when `b` needs less than its half",
            *CUT_HINTS,
        ),
        packing(
            "first-text-fills",
            "first fills",
            "`a` takes what it needs, and `b` gets what is left",
            *CUT_HINTS,
        ),
        packing(
            "both-pay-alike",
            "alternately",
            "both texts lose equally many tokens, whichever is longer",
            *CUT_HINTS,
        ),
        packing(
            "by-proportion",
            "share",
            "both texts are cut in proportion to their lengths",
            *CUT_HINTS,
        ),
        packing(
            "each-cut-alone",
            "each",
            "each text is cut to what there is room for, as if the other were empty",
            *CUT_HINTS,
        ),
        packing("shorter-pays", "shorter", "the *shorter* text is cut first", *CUT_HINTS),
        packing(
            "one-token-only",
            "one",
            "a single token is cut, however many are too many",
            *CUT_HINTS,
        ),
        packing(
            "a-pays-when-equal",
            "tie a",
            "of two equally long texts `a` is cut; it should be `b`",
            "Pack three tokens and three tokens into eight places. Which one is left alone?",
            "The text says which of two equally long ones loses its last token.",
            "Cut `a` only where it is longer: `>`, not `>=`.",
        ),
        packing(
            "a-pays-when-equal-and-lists-edited",
            "tie a, edited",
            "of two equally long texts `a` is cut, and the lists that came in are shortened",
            "Pack three tokens and three tokens into eight places, and print `a` and `b` "
            "afterwards.",
            "The text says which of two equally long ones loses its last token, and that the lists "
            "stay.",
            "Cut copies, and `a` only where it is longer: `>`, not `>=`.",
        ),
        packing(
            "cut-in-front",
            "from the front",
            "the first tokens of a text are cut off, not the last",
            "Pack ten tokens and none into eight places. Which tokens are left?",
            "A text loses its last token.",
            "`pop()` takes the last one, and so does a slice `[:n]`.",
        ),
        packing(
            "specials-not-counted",
            "no specials",
            "the special tokens are not counted: the row is up to three places too long",
            *ROOM_HINTS,
        ),
        packing(
            "two-specials-counted",
            "two specials",
            "two special tokens are counted, and there are three: the row is one place too long",
            *ROOM_HINTS,
        ),
        packing(
            "four-specials-counted",
            "four specials",
            "a token is cut even when everything just fits: four places are kept for special "
            "tokens",
            *ROOM_HINTS,
        ),
        packing(
            "lists-edited",
            "edited",
            "what you return is right, but a list that came in was shortened",
            "Print `a` and `b` before and after the call.",
            "`pop` and `del` change the list itself, and whoever called still has it.",
            "Cut copies: `a, b = list(a), list(b)`.",
        ),
        packing(
            "filled-up",
            "filled",
            "the row is filled up to `max_len`; nobody asked for padding",
            "How long is what you return when there is plenty of room?",
            "`ids` may have *at most* `max_len` places.",
            "Leave the padding to whoever makes a batch.",
        ),
        packing(
            "segments-filled-up",
            "filled segments",
            "the segments are filled up to `max_len`, and are longer than the ids",
            "How long are the two lists that you return?",
            "Each token has one segment.",
            "Leave the padding to whoever makes a batch.",
        ),
        packing(
            "segments-first",
            "order",
            "the segments come first and the ids second",
            "Print the first of the two lists.",
            "The text says in which order the two are returned.",
            "`return ids, segments`.",
        ),
        packing(
            "ids-alone",
            "ids alone",
            "only the ids are returned; the segments are missing",
            "How is the model told which text a token belongs to?",
            "Two lists are to be returned.",
            "`return ids, segments`.",
        ),
        packing(
            "pairs-not-lists",
            "pairs",
            "a list of (id, segment) is returned; two lists were asked for",
            "Print what you return.",
            "The model takes the ids and the segments apart.",
            "Return the two lists as they are, without `zip`.",
        ),
    ],
    hints=(
        "Pack [5, 6] and [7] into ten places, then ten tokens and one into eight, by hand; then "
        "run yours.",
        "Three steps: cut the two texts (third point), lay them out (first), count the segments of "
        "what is left (second).",
        "While `len(a) + len(b) + 3` is above `max_len`, cut the longer one of two copies; then "
        "put the row together.",
    ),
    allows=Edges(
        sizes=(0, 1, 3),
        labels=("exactly", "empty first", "empty second", "both empty", "equally long", "none"),
    ),
    also_right=[pack_by_lengths, pack_by_itself],
)


# --- 14.bert --------------------------------------------------------------------------------

SIZES = {
    "vocab_size": 13,
    "d_model": 14,
    "num_heads": 2,
    "num_layers": 1,
    "d_ff": 11,
    "max_len": 9,
    "pad_id": 5,
}


SMALL = ("words", "places", "segments", "norm.", "to_out", "down", "dense")


def learned(generator, model, small=False):
    """A state that has learned something: no zero biases, no norms that do nothing.

    With `small`, what each norm reads is near 0, as with real tables: its epsilon shows.
    """
    state = {}
    for name, value in model.state_dict().items():
        drawn = normal(generator, *value.shape)
        if "norm" in name and name.endswith("weight"):
            state[name] = 1 + 0.4 * drawn
        elif value.ndim == 1:
            state[name] = 0.4 * drawn
        elif name.split(".")[0] in ("words", "places", "segments"):
            state[name] = 0.7 * drawn
        else:
            state[name] = drawn * 1.5 / value.shape[1] ** 0.5
        if small and any(part in name for part in SMALL) and not name.startswith("head_norm"):
            state[name] *= 0.03
    return state


def sentences(generator, vocab, pad_id, seq, pads):
    """Rows of ids without `pad_id`, then padded (left, right) as told."""
    ids = ids_below(generator, vocab - 1, len(pads), seq)
    ids = ids + (ids >= pad_id)
    for row, (left, right) in zip(ids, pads, strict=True):
        row[:left] = pad_id
        row[seq - right :] = pad_id
    ids[0, seq // 2] = vocab - 1  # is no place: there are more tokens than places
    return ids


def bert_cases(generator):
    def tried(label, seq, pads, *, apart=False, twice=False, small=False, borders=None, **sizes):
        init = SIZES | sizes
        state = learned(generator, WrongBert(**init), small)
        ids = sentences(generator, init["vocab_size"], init["pad_id"], seq, pads)
        borders = borders or [1 + seq // 2 + n % 2 for n in range(len(pads))]
        segments = (torch.arange(seq) >= torch.tensor(borders)[:, None]).long()
        planned = [call(ids, segments, method="encode")] if apart else [call(ids, segments)]
        if twice:  # the same sizes, padded elsewhere: a mask that was kept is wrong
            planned.append(call(ids.flip(0), segments.flip(0)))
        return Case(label, planned, init=init, state=state)

    none = (0, 0)
    return [
        tried("no padding, two layers", 6, [none, none], num_layers=2),
        tried("padded on the right", 5, [none, (0, 3), (0, 1)], twice=True),
        tried("padded on the left, one segment", 6, [(2, 0), none], borders=[6, 2], twice=True),
        tried("one text, small tables as in real weights", 4, [(0, 1)], small=True, pad_id=0),
        tried("encoded only", 5, [none, (0, 2)], apart=True, num_heads=7, max_len=5),
    ]


@cache
def parts_of(
    vocab_size, d_model, num_heads, num_layers, d_ff, max_len, usual, around, bend, shared, extra
):
    """The parts of one model of these sizes; each case loads its weights before it runs.

    `usual` says which norms have the usual epsilon.
    """

    def norm(where="blocks"):
        return LayerNorm(d_model, eps=1e-5 if where in usual else 1e-12)

    def block():
        exchanged = extra == "heads exchanged"
        look = MultiHeadAttention(*(num_heads, d_model) if exchanged else (d_model, num_heads))
        bends = {"class of the bend": nn.GELU, "bend called": lambda x: x}
        if extra == "bend called":
            F.gelu()
        widths = (d_ff, d_model) if extra == "widths exchanged" else (d_model, d_ff)
        think = FeedForward(*widths, activation=bends.get(extra, bend))
        wraps = {"a class": around, "a norm": norm, "a width": lambda: around(d_model)}
        return EncoderBlock(
            look, think, wrap() if extra == "made residual" else wraps.get(extra, wrap)
        )

    def wrap():
        return around(norm())

    num_layers = 1 if extra == "one layer" else num_layers
    blocks = [block()] * num_layers if shared else [block() for _ in range(num_layers)]
    parts = {
        "words": nn.Embedding(vocab_size, d_model),
        "places": nn.Embedding(max_len, d_model),
        "segments": nn.Embedding(2, d_model),
        "norm": norm("front"),
        "encoder": Encoder(blocks),
        "dense": nn.Linear(d_model, d_model),
        "head_norm": norm("head"),
        "bias": nn.Parameter(torch.zeros(vocab_size)),
    }
    if extra == "segments":
        parts["segments"] = nn.Embedding(3, d_model)
    if extra == "places of tokens":
        parts["places"] = nn.Embedding(vocab_size, d_model)
    if extra == "tables exchanged":
        parts["words"], parts["places"] = parts["places"], parts["words"]
    if extra == "dense without bias":
        parts["dense"] = nn.Linear(d_model, d_model, bias=False)
    if extra == "bias of the width":
        parts["bias"] = nn.Parameter(torch.zeros(d_model))
    if extra == "decoder":
        parts["decoder"] = nn.Linear(d_model, vocab_size)
    if extra == "decoder for bias":
        parts["decoder"] = nn.Linear(d_model, vocab_size)
        del parts["bias"]
    if extra == "tied":
        parts["decoder"] = nn.Linear(d_model, vocab_size, bias=False)
    if extra == "last norm":
        parts["encoder"] = Encoder(blocks, norm())
    if extra == "plain bias":
        parts["bias"] = torch.zeros(vocab_size)
    return parts


def tanh_gelu(x):
    return F.gelu(x, approximate="tanh")


class WrongBert(nn.Module):
    """The model with its steps exchangeable, so that each mistake is one of them."""

    def __init__(
        self,
        vocab_size,
        d_model,
        num_heads,
        num_layers,
        d_ff,
        max_len,
        pad_id,
        *,
        usual=(),
        around=PostNorm,
        bend=F.gelu,
        shared=False,
        extra="",
        **step,
    ):
        super().__init__()
        self.pad_id, self.step = pad_id, step
        num_heads = 1 if step.get("one_head") else num_heads
        sizes = (vocab_size, d_model, num_heads, num_layers, d_ff, max_len)
        for name, part in parts_of(*sizes, usual, around, bend, shared, extra).items():
            setattr(self, name, part)

    def rows(self, ids, segments):
        """What is added for the places."""
        kind, seq = self.step.get("places", "learned"), ids.shape[1]
        place = torch.arange(seq).expand_as(ids)
        if kind == "padding left out":
            place = (ids != self.pad_id).cumsum(dim=1).sub(1).clamp(min=0)
        if kind == "anew":
            place = place - (1 - segments).sum(dim=1, keepdim=True) * segments
            place = place.clamp(min=0)
        if kind == "from one":
            place = place + 1
        if kind == "from the end":
            place = place + self.places.num_embeddings - seq
        if kind == "whole table":
            return self.places.weight
        place = {"of ids": ids, "of the batch": torch.arange(len(ids))}.get(kind, place)
        return self.places(place)

    def which(self, ids, segments):
        kind = self.step.get("which", "given")
        if kind == "zeros":
            return torch.zeros_like(segments)
        if kind == "ones":
            return torch.ones_like(segments)
        return 1 - segments if kind == "turned" else segments

    def embedded(self, ids, segments):
        x, kind = self.words(ids), self.step.get("embedding", "normed")
        if kind == "padding_idx":
            x = F.embedding(ids, self.words.weight, padding_idx=self.pad_id)
        if kind == "scaled":
            x = x * x.shape[-1] ** 0.5
        rows, which = self.rows(ids, segments), self.segments(self.which(ids, segments))
        if kind == "no places":
            rows = 0 * rows
        if kind == "no segments":
            which = 0 * which
        if kind == "segments multiplied":
            return self.norm((x + rows) * which)
        if kind == "words normed":
            return self.norm(x) + rows + which
        if kind == "places behind":
            return self.norm(x + which) + rows
        if kind == "segments behind":
            return self.norm(x + rows) + which
        x = x + rows + which
        if kind == "not normed":
            return x
        if kind in ("head's norm", "norms exchanged"):
            return self.head_norm(x)
        if kind == "padding 0":
            return self.norm(x) * (ids != self.pad_id)[..., None]
        return self.norm(self.norm(x)) if kind == "normed twice" else self.norm(x)

    def mask_of(self, ids, segments):
        real = ids != self.pad_id
        padding = padding_mask(ids, self.pad_id)
        return {
            "none": lambda: None,
            "inverted": lambda: ~padding,
            "causal": lambda: padding & causal_mask(ids.shape[1]),
            "causal alone": lambda: causal_mask(ids.shape[1])[None, None],
            "zero": lambda: padding_mask(ids, 0),
            "both ways": lambda: padding & padding.mT,
            "queries": lambda: padding.mT.expand(-1, -1, -1, ids.shape[1]),
            "own segment": lambda: (
                padding & (segments[:, None, :, None] == segments[:, None, None, :])
            ),
            "others": lambda: padding & ~torch.eye(ids.shape[1], dtype=torch.bool),
            "all rows": lambda: real.all(dim=0)[None, None, None],
            "first row": lambda: real[:1, None, None],
            "two axes": lambda: real,
        }.get(self.step.get("mask"), lambda: padding)()

    def encode(self, ids, segments):
        x = self.embedded(ids, segments)
        kind = self.step.get("encoder", "blocks")
        if kind == "left out":
            return x
        mask = self.mask_of(ids, segments)
        if kind == "last block":
            return self.encoder.blocks[-1](x, mask)
        if kind == "residual":
            return x + self.encoder(x, mask)
        x = self.encoder(x, mask)
        if kind == "normed again":
            return self.norm(x)
        if kind == "head's norm":
            return self.head_norm(x)
        if kind == "head":
            return self.head(x)
        if kind == "first token":
            return x[:, 0]
        if kind == "padding 0":
            return x * (ids != self.pad_id)[..., None]
        return x.detach() if kind == "detached" else x

    def head(self, x):
        kind = self.step.get("head", "all")
        bends = {
            "no bend": lambda h: h,
            "relu": F.relu,
            "tanh": torch.tanh,
            "tanh gelu": tanh_gelu,
            "silu": F.silu,
        }
        if self.step.get("every tanh"):
            bends[kind] = tanh_gelu
        if kind == "no transform":
            return x
        if kind == "no dense":
            return self.head_norm(F.gelu(x))
        if kind == "norm alone":
            return self.head_norm(x)
        if kind == "gelu first":
            return self.head_norm(self.dense(F.gelu(x)))
        if kind == "norm first":
            return F.gelu(self.dense(self.head_norm(x)))
        if kind == "norm before bend":
            return F.gelu(self.head_norm(self.dense(x)))
        h = bends.get(kind, F.gelu)(self.dense(x))
        if kind == "residual":
            h = h + x
        if kind == "no norm":
            return h
        return self.norm(h) if kind == "first norm" else self.head_norm(h)

    def forward(self, ids, segments):
        x = self.encode(ids, segments)
        if self.step.get("norm") == "in forward":
            x = self.norm(x)
        if self.step.get("twice"):
            x = self.encoder(x, self.mask_of(ids, segments))
        done = self.step.get("encoder") == "head"
        return self.finished(x if done else self.head(x), ids)

    def finished(self, h, ids):
        kind = self.step.get("finish", "all")
        rows = self.words.weight.detach() if kind == "table detached" else self.words.weight
        if kind == "bare":
            return h
        if kind == "places":
            return h @ self.places.weight.T
        if kind == "no bias":
            return h @ rows.T
        if kind == "first token":
            return h[:, 0] @ rows.T + self.bias
        if kind == "not turned":
            return h @ rows + self.bias
        if kind == "looked up":
            return self.words(h) + self.bias
        logits = h @ rows.T
        root = h.shape[-1] ** 0.5
        logits = {"divided": logits / root, "multiplied": logits * root}.get(kind, logits)
        logits = logits - self.bias if kind == "subtracted" else logits + self.bias
        last = {"softmax": torch.softmax, "log-softmax": torch.log_softmax}
        if kind == "best":
            return logits.argmax(dim=-1)
        if kind == "padding 0":
            return logits * (ids != self.pad_id)[..., None]
        return last[kind](logits, dim=-1) if kind in last else logits


class SpelledBert(nn.Module):
    """Right: its parts made by PyTorch where it has them, one block after the other."""

    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len, pad_id):
        super().__init__()
        self.words, self.places, self.segments = (
            nn.Embedding(n, d_model) for n in (vocab_size, max_len, 2)
        )
        self.norm, self.head_norm = (nn.LayerNorm(d_model, eps=1e-12) for _ in range(2))
        blocks = []
        for _ in range(num_layers):
            attention = MultiHeadAttention(d_model, num_heads)
            network = FeedForward(d_model, d_ff, activation=nn.GELU())
            blocks.append(
                EncoderBlock(attention, network, lambda: PostNorm(nn.LayerNorm(d_model, eps=1e-12)))
            )
        self.encoder = Encoder(blocks)
        self.dense = nn.Linear(d_model, d_model)
        self.register_parameter("bias", nn.Parameter(torch.randn(vocab_size)))
        self.padding = pad_id

    def encode(self, ids, segments):
        batch, seq = ids.shape
        where = torch.arange(seq).repeat(batch, 1)
        x = self.norm(
            sum((self.segments(segments), self.places(where), F.embedding(ids, self.words.weight)))
        )
        seen = (ids != self.padding).reshape(batch, 1, 1, seq).expand(batch, 1, seq, seq)
        for block in self.encoder.blocks:
            x = block(x, seen)
        return x

    def forward(self, ids, segments):
        h = self.dense(self.encode(ids, segments))
        h = self.head_norm(h * (1 + torch.erf(h / 2**0.5)) / 2)
        return F.linear(h, self.words.weight, self.bias)


class LonelyBert(WrongBert):
    """Right: one text at a time."""

    def encode(self, ids, segments):
        rows = zip(ids, segments, strict=True)
        return torch.cat([super(LonelyBert, self).encode(i[None], s[None]) for i, s in rows])


class WrongBertStep(WrongBert):
    """One mistake; these are not tried in pairs, so that the check stays fast."""

    def __init__(self, *sizes, step, **named_sizes):
        super().__init__(*sizes, **named_sizes, **step)


a_step = told_of(WrongBertStep, "step")


PLACE_ROW_HINTS = (
    "Which row of `places` is added to the first token, and which to the last?",
    "Counted from 0, padding included, in every text alike.",
    "The rows 0 to seq - 1: `self.places.weight[:seq]`, or `self.places(torch.arange(seq))`.",
)
SEGMENT_ROW_HINTS = (
    "Hand it the same ids with segments of 0, then of 1. Do the vectors change?",
    "Three rows are added for each token: of `words`, of `places` and of `segments`.",
    "Add `self.segments(segments)` to the sum, before the norm.",
)
FIRST_NORM_HINTS = (
    "Hand a norm what you give to the encoder: with weight 1 and bias 0, is it normed already?",
    "First the three rows are added, then comes a norm, then the encoder.",
    "`self.norm(words + places + segments)`.",
)
SEEN_HINTS = (
    "Pad a text by three more tokens, then change its last word. Which vectors move?",
    "What a mask says is who may be looked *at*: every token but padding, by everyone.",
    "`padding_mask(ids, self.pad_id)` as it comes, handed to the encoder.",
)
BLOCK_HINTS = (
    "Print one of your blocks, and compare its parts with the text's.",
    "Post-norm, GELU, an epsilon of 1e-12, and each block made anew.",
    "In a loop: `EncoderBlock(MultiHeadAttention(…), FeedForward(…, activation=F.gelu), "
    "lambda: PostNorm(LayerNorm(…)))`.",
)
EPSILON_HINTS = (
    "Print your model. Which epsilon does each of its norms show?",
    "*Every* norm has 1e-12: that of the embedding, two in each block, and the head's.",
    "`LayerNorm(d_model, eps=1e-12)`, everywhere.",
)
HEAD_HINTS = (
    "Work the head out step by step for one vector of `encode`, and print each step.",
    "In this order: linear layer, GELU, norm, table, bias.",
    "`self.head_norm(F.gelu(self.dense(x)))`, then the table and the bias.",
)
RESIDUAL_HINTS = (
    "How does `EncoderBlock` use its third argument? It calls it once for each sublayer.",
    "`residual` is a function without arguments, and what it returns goes around one sublayer.",
    "`lambda: PostNorm(LayerNorm(d_model, eps=1e-12))`, handed over without calling it.",
)
NAME_HINTS = (
    "Print the names and shapes of `state_dict()`. Which of them does the text not know?",
    "The check loads weights by the names and shapes of the text.",
    "`words` (vocab_size, d_model), `places` (max_len, d_model), `segments` (2, d_model), `bias` "
    "(vocab_size,); `dense` is `nn.Linear(d_model, d_model)`.",
)
LOGIT_HINTS = (
    "What are the shape and the smallest number of what you return?",
    "One score for each token of the vocabulary, at each place: a dot product with a row of "
    "`words`, plus a bias.",
    "`h @ self.words.weight.T + self.bias`, and nothing behind it.",
)

BERT = Exercise(
    id="14.bert",
    title="BERT, your own",
    kind="build",
    points=4,
    name="MaskedBert",
    cases=bert_cases,
    mistakes=[
        a_step(
            "segments-forgotten",
            {"embedding": "no segments"},
            "the segments make no difference: their row isn't added",
            *SEGMENT_ROW_HINTS,
        ),
        a_step(
            "always-segment-0",
            {"which": "zeros"},
            "every token gets the row of segment 0, whatever `segments` says",
            *SEGMENT_ROW_HINTS,
        ),
        a_step(
            "segments-turned-round",
            {"which": "turned"},
            "the two segments have changed places",
            *SEGMENT_ROW_HINTS,
        ),
        a_step(
            "segments-behind-the-norm",
            {"embedding": "segments behind"},
            "the segment's row is added behind the norm",
            *FIRST_NORM_HINTS,
        ),
        a_step(
            "segments-multiplied",
            {"embedding": "segments multiplied"},
            "the segment's row is multiplied with the others, not added",
            *SEGMENT_ROW_HINTS,
        ),
        a_step(
            "no-places",
            {"embedding": "no places"},
            "nobody knows where a token stands: the places are missing",
            *PLACE_ROW_HINTS,
        ),
        a_step(
            "places-from-one",
            {"places": "from one"},
            "places are counted from 1: the first token gets the second row",
            *PLACE_ROW_HINTS,
        ),
        a_step(
            "places-from-the-end",
            {"places": "from the end"},
            "the *last* rows of the table of places are taken, not the first",
            *PLACE_ROW_HINTS,
        ),
        a_step(
            "padding-has-no-place",
            {"places": "padding left out"},
            "places are counted without padding",
            *PLACE_ROW_HINTS,
        ),
        a_step(
            "places-begin-again",
            {"places": "anew"},
            "the places begin again with the second segment",
            *PLACE_ROW_HINTS,
        ),
        a_step(
            "places-behind-the-norm",
            {"embedding": "places behind"},
            "the places are added behind the norm",
            *FIRST_NORM_HINTS,
        ),
        a_step(
            "words-normed-alone",
            {"embedding": "words normed"},
            "the norm is taken of the tokens' rows alone; places and segments are added behind it",
            *FIRST_NORM_HINTS,
        ),
        a_step(
            "embedding-not-normed",
            {"embedding": "not normed"},
            "the norm of the embedding is never used",
            *FIRST_NORM_HINTS,
        ),
        a_step(
            "head's-norm-in-front",
            {"embedding": "head's norm"},
            "the embedding is normed by the head's norm",
            *FIRST_NORM_HINTS,
        ),
        a_step(
            "embedding-normed-twice",
            {"embedding": "normed twice"},
            "the embedding is normed twice",
            *FIRST_NORM_HINTS,
        ),
        a_step(
            "scaled-as-in-2017",
            {"embedding": "scaled"},
            "the tokens' rows are multiplied by the root of d_model, as the first Transformer's",
            "Which factor stands before the rows of `words` in your code?",
            "The text says what nothing is multiplied by.",
            "Add the three rows as they are.",
        ),
        a_step(
            "padding-embedded-as-zeros",
            {"embedding": "padding 0"},
            "the embedding of padding is set to 0",
            *SEEN_HINTS,
        ),
        a_step(
            "padding-seen",
            {"mask": "none"},
            "the encoder looks at padding: it was called without a mask",
            *SEEN_HINTS,
        ),
        a_step(
            "mask-turned-round",
            {"mask": "inverted"},
            "the encoder looks at nothing but padding: its mask is the wrong way round",
            *SEEN_HINTS,
        ),
        a_step(
            "looks-back-only",
            {"mask": "causal"},
            "no token looks ahead, as in a model that continues texts",
            *SEEN_HINTS,
        ),
        a_step(
            "causal-mask-alone",
            {"mask": "causal alone"},
            "no token looks ahead, and padding is seen: a causal mask alone",
            *SEEN_HINTS,
        ),
        a_step(
            "zero-is-pad",
            {"mask": "zero"},
            "the id 0 is hidden, and `pad_id` is never asked",
            "In some vocabularies 0 is an ordinary token.",
            "`__init__` is told the id of the padding. Where do you keep it?",
            "Give the mask `self.pad_id`.",
        ),
        a_step(
            "padding-looks-nowhere",
            {"mask": "both ways"},
            "a token of padding may look at nothing; it should look at the real tokens as all do",
            *SEEN_HINTS,
        ),
        a_step(
            "mask-of-queries",
            {"mask": "queries"},
            "the mask says who looks, not who is looked at: padding looks nowhere, and is seen by "
            "all",
            *SEEN_HINTS,
        ),
        a_step(
            "own-segment-only",
            {"mask": "own segment"},
            "a token looks at its own segment only; the two texts never meet",
            *SEEN_HINTS,
        ),
        a_step(
            "not-at-itself",
            {"mask": "others"},
            "a token may not look at itself",
            *SEEN_HINTS,
        ),
        a_step(
            "mask-of-the-first-text",
            {"mask": "first row"},
            "the first text's padding is taken for every text of the batch",
            *SEEN_HINTS,
        ),
        a_step(
            "pre-norm",
            {"around": PreNorm},
            "the blocks are pre-norm: they norm what a sublayer reads",
            *BLOCK_HINTS,
        ),
        a_step(
            "pre-norm-all-through",
            {"around": PreNorm, "embedding": "not normed"},
            "the blocks are pre-norm, and the embedding isn't normed",
            *BLOCK_HINTS,
        ),
        a_step(
            "pre-norm-and-the-norm-behind",
            {"around": PreNorm, "embedding": "not normed", "encoder": "normed again"},
            "this is a pre-norm model: the blocks norm what they read, and `self.norm` stands "
            "behind them",
            *BLOCK_HINTS,
        ),
        a_step(
            "relu-in-the-blocks",
            {"bend": F.relu},
            "the feed-forward networks have ReLU, which `FeedForward` takes unless it is told",
            *BLOCK_HINTS,
        ),
        a_step(
            "tanh-gelu-in-the-blocks",
            {"bend": tanh_gelu},
            "the feed-forward networks have GELU by `tanh`, as GPT-2 has; here it is the exact one",
            *BLOCK_HINTS,
        ),
        a_step(
            "tanh-gelu-everywhere",
            {"bend": tanh_gelu, "every tanh": True},
            "the GELU is that by `tanh`, in the blocks and in the head; here it is the exact one",
            *BLOCK_HINTS,
        ),
        a_step(
            "usual-epsilon",
            {"usual": ("front", "blocks", "head")},
            "the norms have an epsilon of 1e-5, which `LayerNorm` takes unless it is told: real "
            "tables hold small numbers, and it shows",
            *EPSILON_HINTS,
        ),
        a_step(
            "usual-epsilon-in-the-blocks",
            {"usual": ("blocks",)},
            "the norms in the blocks have an epsilon of 1e-5, which `LayerNorm` takes unless it "
            "is told",
            *EPSILON_HINTS,
        ),
        a_step(
            "usual-epsilon-outside",
            {"usual": ("front", "head")},
            "the two norms outside of the blocks have an epsilon of 1e-5, which `LayerNorm` takes "
            "unless it is told",
            *EPSILON_HINTS,
        ),
        a_step(
            "usual-epsilon-in-front",
            {"usual": ("front",)},
            "the norm of the embedding has an epsilon of 1e-5, which `LayerNorm` takes unless it "
            "is told",
            *EPSILON_HINTS,
        ),
        a_step(
            "usual-epsilon-in-the-head",
            {"usual": ("head",)},
            "the head's norm has an epsilon of 1e-5, which `LayerNorm` takes unless it is told",
            *EPSILON_HINTS,
        ),
        a_step(
            "blocks-shared",
            {"shared": True},
            "all layers are one block: whatever is loaded last is used in each of them",
            *BLOCK_HINTS,
        ),
        a_step(
            "last-block-alone",
            {"encoder": "last block"},
            "only the last block is used",
            *BLOCK_HINTS,
        ),
        a_step(
            "encoder-left-out",
            {"encoder": "left out"},
            "the encoder is never called: the vectors are the embedding",
            "Change one word of a text. How many vectors move?",
            "What does `encode` return in your code?",
            "Send the normed embedding through `self.encoder`.",
        ),
        a_step(
            "norm-moved-to-the-head",
            {"embedding": "not normed", "norm": "in forward"},
            "`encode` never norms: `self.norm` stands in `forward`, behind the encoder",
            *FIRST_NORM_HINTS,
        ),
        a_step(
            "one-head",
            {"one_head": True},
            "attention has one wide head, whatever `num_heads` says",
            "How many heads does `MultiHeadAttention` get from you?",
            "Every size of `__init__` is there to be used.",
            "`MultiHeadAttention(d_model, num_heads)`.",
        ),
        a_step(
            "norm-moved-behind-the-encoder",
            {"embedding": "not normed", "encoder": "normed again"},
            "`self.norm` stands behind the encoder, not in front of it",
            *FIRST_NORM_HINTS,
        ),
        a_step(
            "normed-behind-the-encoder",
            {"encoder": "normed again"},
            "a norm stands behind the encoder; post-norm blocks need none",
            "What comes behind the last block in your code?",
            "A pre-norm stack needs a last norm, and this is a post-norm one.",
            "Return what the encoder gives.",
        ),
        a_step(
            "head's-norm-behind-the-encoder",
            {"encoder": "head's norm"},
            "the head's norm stands behind the encoder already",
            "What comes behind the last block in your code?",
            "A pre-norm stack needs a last norm, and this is a post-norm one.",
            "Return what the encoder gives.",
        ),
        a_step(
            "padding's-vectors-zeroed",
            {"encoder": "padding 0"},
            "the vectors of padding are set to 0 behind the encoder",
            "What does your `encode` give at a token of padding?",
            "A token of padding is nobody's key, and a query like all others.",
            "Return what the encoder gives.",
        ),
        a_step(
            "first-token-encoded",
            {"encoder": "first token"},
            "only the first token's vector comes out, as for a classifier",
            "What is the shape of what `encode` returns?",
            "Every hidden token is asked, wherever it stands.",
            "Return the vectors of all tokens.",
        ),
        a_step(
            "encoder-learns-nothing",
            {"encoder": "detached"},
            "the numbers are right, but nothing flows back to the encoder: it can't learn",
            "Call backward on the logits, and look at the gradients of the encoder.",
            "`detach` and `no_grad` give the right numbers, and learn nothing.",
            "Return what the encoder gives, itself.",
        ),
        a_step(
            "no-transform",
            {"head": "no transform"},
            "the head is the table and the bias alone: linear layer, GELU and norm are missing",
            *HEAD_HINTS,
        ),
        a_step(
            "table-alone",
            {"head": "no transform", "finish": "no bias"},
            "the head is the bare table: linear layer, GELU, norm and bias are missing",
            *HEAD_HINTS,
        ),
        a_step(
            "gelu-before-dense",
            {"head": "gelu first"},
            "the head's GELU comes before its linear layer; it comes behind it",
            *HEAD_HINTS,
        ),
        a_step(
            "silu-in-the-head",
            {"head": "silu"},
            "the head has SiLU; it should be GELU",
            *HEAD_HINTS,
        ),
        a_step(
            "no-dense",
            {"head": "no dense"},
            "the head's linear layer is never used",
            *HEAD_HINTS,
        ),
        a_step(
            "no-dense-and-no-gelu",
            {"head": "norm alone"},
            "of the head's three steps before the table only the norm is there",
            *HEAD_HINTS,
        ),
        a_step(
            "no-gelu-in-the-head",
            {"head": "no bend"},
            "the head has no GELU between its linear layer and its norm",
            *HEAD_HINTS,
        ),
        a_step(
            "relu-in-the-head",
            {"head": "relu"},
            "the head has ReLU; it should be GELU",
            *HEAD_HINTS,
        ),
        a_step(
            "tanh-in-the-head",
            {"head": "tanh"},
            "the head has `tanh`, as BERT's layer for [CLS] has; this one has GELU",
            *HEAD_HINTS,
        ),
        a_step(
            "tanh-gelu-in-the-head",
            {"head": "tanh gelu"},
            "the head has GELU by `tanh`; here it is the exact one",
            *HEAD_HINTS,
        ),
        a_step(
            "no-norm-in-the-head",
            {"head": "no norm"},
            "the head's norm is never used",
            *HEAD_HINTS,
        ),
        a_step(
            "norm-before-gelu",
            {"head": "norm before bend"},
            "the head norms before GELU; the norm comes behind it",
            *HEAD_HINTS,
        ),
        a_step(
            "norm-before-dense",
            {"head": "norm first"},
            "the head norms first; the norm comes behind linear layer and GELU",
            *HEAD_HINTS,
        ),
        a_step(
            "embedding's-norm-in-the-head",
            {"head": "first norm"},
            "the head is normed by the embedding's norm",
            *HEAD_HINTS,
        ),
        a_step(
            "residual-in-the-head",
            {"head": "residual"},
            "the head adds what it read; there is no residual connection in it",
            *HEAD_HINTS,
        ),
        a_step(
            "no-bias",
            {"finish": "no bias"},
            "the bias for each token of the vocabulary is never added",
            *LOGIT_HINTS,
        ),
        a_step(
            "bias-subtracted",
            {"finish": "subtracted"},
            "the bias is subtracted",
            *LOGIT_HINTS,
        ),
        a_step(
            "softmax",
            {"finish": "softmax"},
            "probabilities come out, not logits: softmax is one step too many",
            *LOGIT_HINTS,
        ),
        a_step(
            "log-softmax",
            {"finish": "log-softmax"},
            "logarithms of probabilities come out, not logits",
            *LOGIT_HINTS,
        ),
        a_step(
            "best-tokens",
            {"finish": "best"},
            "the best token of each place comes out, not a score for each",
            *LOGIT_HINTS,
        ),
        a_step(
            "head-left-out",
            {"finish": "bare"},
            "vectors come out, not scores: the table is missing",
            *LOGIT_HINTS,
        ),
        a_step(
            "places-as-head",
            {"finish": "places"},
            "the scores are dot products with the places, not with the tokens",
            *LOGIT_HINTS,
        ),
        a_step(
            "first-token-scored",
            {"finish": "first token"},
            "only the first token is scored, as in a classifier",
            *LOGIT_HINTS,
        ),
        a_step(
            "scores-divided",
            {"finish": "divided"},
            "the dot products are divided by the root of d_model",
            *LOGIT_HINTS,
        ),
        a_step(
            "scores-multiplied",
            {"finish": "multiplied"},
            "the dot products are multiplied by the root of d_model",
            *LOGIT_HINTS,
        ),
        a_step(
            "padding's-scores-zeroed",
            {"finish": "padding 0"},
            "the scores at padding are set to 0; the loss doesn't ask there anyway",
            *LOGIT_HINTS,
        ),
        a_step(
            "row-of-padding-learns-nothing",
            {"embedding": "padding_idx"},
            "the values are right, but `padding_idx` keeps the row of padding from learning",
            "Call backward on the logits, and look at the gradient of the row `pad_id` of `words`.",
            "The text takes each `nn.Embedding` as it comes.",
            "Leave `padding_idx` out; the mask sees to it that nobody looks at padding.",
        ),
        a_step(
            "table-learns-nothing",
            {"finish": "table detached"},
            "the logits are right, but the table learns nothing in its job as a head",
            "Call backward on the logits, and look at the table's gradient for a token that occurs "
            "nowhere.",
            "`detach`, `.data` and `no_grad` give the right numbers, and learn nothing.",
            "Multiply with `self.words.weight` itself.",
        ),
        a_step(
            "encoded-twice",
            {"twice": True},
            "`forward` sends the vectors through the encoder a second time",
            "What does `encode` do already, and what does `forward` do with its result?",
            "The head is given what `encode` returns.",
            "`self.encode(ids, segments)` once, then the head.",
        ),
        a_step(
            "a-table-of-its-own",
            {"extra": "decoder for bias"},
            "the head has a linear layer of its own to the vocabulary: it isn't tied, and the "
            "bias is in it",
            "Print the names of `state_dict()`. Which of them does the text not know?",
            "The head's table *is* `words`; only the bias is a parameter more.",
            "`self.bias = nn.Parameter(torch.zeros(vocab_size))`, and `self.words.weight.T` in "
            "`forward`.",
        ),
        a_step(
            "a-layer-too-many",
            {"extra": "decoder"},
            "the model has a linear layer to the vocabulary besides its table and its bias",
            "Print the names of `state_dict()`. Which of them does the text not know?",
            "The head's table *is* `words`; only the bias is a parameter more.",
            "Leave the layer out: `h @ self.words.weight.T + self.bias`.",
        ),
        a_step(
            "table-named-twice",
            {"extra": "tied"},
            "the head has a linear layer of its own for the table (not tied to it): the weights "
            "are loaded by the names of the text, and that name isn't among them",
            "Print the names of `state_dict()`. Which of them does the text not know?",
            "The head needs no layer of its own to multiply with the table.",
            "`h @ self.words.weight.T + self.bias`.",
        ),
        a_step(
            "residual-made-already",
            {"extra": "made residual"},
            "a block gets one `PostNorm` that is made already; it wants to make two of its own",
            "How many norms has a block, and who makes them?",
            "`EncoderBlock` calls `residual()`, once for each sublayer, with nothing in the "
            "brackets.",
            "Hand it a function: `lambda: PostNorm(LayerNorm(d_model, eps=1e-12))`.",
        ),
        a_step(
            "residual-is-a-class",
            {"extra": "a class"},
            "`residual` is `PostNorm` itself, which wants a norm; it should be a function that "
            "needs nothing and makes a `PostNorm`",
            *RESIDUAL_HINTS,
        ),
        a_step(
            "residual-is-a-norm",
            {"extra": "a norm"},
            "`residual` makes a bare norm; it should make a `PostNorm` with a norm in it",
            *RESIDUAL_HINTS,
        ),
        a_step(
            "residual-of-a-width",
            {"extra": "a width"},
            "`PostNorm` is handed `d_model`; it wants a norm of that width",
            *RESIDUAL_HINTS,
        ),
        a_step(
            "heads-and-width-exchanged",
            {"extra": "heads exchanged"},
            "`MultiHeadAttention` is handed the number of heads first; the width comes first",
            "What stands in the brackets of your `MultiHeadAttention`, and what in the text?",
            "It cuts its first argument into as many heads as the second says.",
            "`MultiHeadAttention(d_model, num_heads)`.",
        ),
        a_step(
            "network's-widths-exchanged",
            {"extra": "widths exchanged"},
            "`FeedForward` is handed d_ff first; d_model comes first",
            "What stands in the brackets of your `FeedForward`, and what in the text?",
            "A network reads and gives d_model numbers, and is d_ff wide inside.",
            "`FeedForward(d_model, d_ff, activation=F.gelu)`.",
        ),
        a_step(
            "class-of-the-activation",
            {"extra": "class of the bend"},
            "`activation` is the class `nn.GELU`: called with numbers it makes a layer of them",
            "What does `nn.GELU(torch.ones(2))` give?",
            "A class of `nn` is made first, and what it makes is called.",
            "`activation=F.gelu`, or `nn.GELU()`.",
        ),
        a_step(
            "activation-called",
            {"extra": "bend called"},
            "`F.gelu()` is called where it should be handed over: there is nothing yet to bend",
            "What do the brackets behind a function's name do?",
            "`FeedForward` calls its activation itself, between its two layers.",
            "`activation=F.gelu`, without brackets.",
        ),
        a_step(
            "one-layer",
            {"extra": "one layer"},
            "a single block is made, whatever `num_layers` says",
            "Make it with `num_layers=2` and print the model.",
            "`Encoder` takes a list of blocks, each made anew.",
            "`Encoder([block() for _ in range(num_layers)])`.",
        ),
        a_step(
            "segments-of-another-size",
            {"extra": "segments"},
            "the table of segments has another number of rows: there are two segments",
            *NAME_HINTS,
        ),
        a_step(
            "places-for-tokens",
            {"extra": "places of tokens"},
            "`places` has a row for each token of the vocabulary; it needs one for each place, "
            "`max_len`",
            *NAME_HINTS,
        ),
        a_step(
            "sizes-of-tables-exchanged",
            {"extra": "tables exchanged"},
            "`words` has a row for each place, and `places` one for each token: their sizes are "
            "exchanged",
            *NAME_HINTS,
        ),
        a_step(
            "dense-without-bias",
            {"extra": "dense without bias"},
            "`dense` has no bias; a linear layer has one unless the text says otherwise",
            *NAME_HINTS,
        ),
        a_step(
            "bias-as-wide-as-the-model",
            {"extra": "bias of the width"},
            "`bias` has d_model numbers; it needs one for each token of the vocabulary",
            *NAME_HINTS,
        ),
        a_step(
            "places-of-ids",
            {"places": "of ids"},
            "places are looked up by the ids; a place is where a token stands, whatever it is",
            *PLACE_ROW_HINTS,
        ),
        a_step(
            "places-of-the-batch",
            {"places": "of the batch"},
            "places are counted along the batch: as many rows as there are texts, not tokens",
            "What are `len(ids)` and `ids.shape[1]` for two texts of five tokens?",
            "Axis 0 counts texts, axis 1 tokens.",
            "`torch.arange(ids.shape[1])`.",
        ),
        a_step(
            "places-not-cut",
            {"places": "whole table"},
            "the whole table of places is added, and texts are shorter",
            *PLACE_ROW_HINTS,
        ),
        a_step(
            "mask-of-two-axes",
            {"mask": "two axes"},
            "the mask is (batch, seq); attention wants (batch, heads, query, key)",
            "Print the shape of your mask, and that of what `padding_mask` gives.",
            "Two axes of length 1 stand for all heads and all queries.",
            "`padding_mask(ids, self.pad_id)`, or `(ids != self.pad_id)[:, None, None, :]`.",
        ),
        a_step(
            "head-in-encode",
            {"encoder": "head"},
            "`encode` gives what the head's first three steps make; it should give what the "
            "encoder gives",
            "Which line of yours stands behind the encoder, in `encode`?",
            "Chapter 14's other heads read the encoder's vectors, too.",
            "Linear layer, GELU and norm belong into `forward`.",
        ),
        a_step(
            "norms-exchanged",
            {"embedding": "norms exchanged", "head": "first norm"},
            "the two norms outside of the blocks are exchanged: `head_norm` is the embedding's",
            *FIRST_NORM_HINTS,
        ),
        a_step(
            "table-not-turned",
            {"finish": "not turned"},
            "the product is taken with the table's columns; the table has to be turned round",
            *LOGIT_HINTS,
        ),
        a_step(
            "head-looks-up",
            {"finish": "looked up"},
            "the table is called with vectors: it looks rows up by ids, and a head multiplies",
            *LOGIT_HINTS,
        ),
        a_step(
            "a-last-norm-too-many",
            {"extra": "last norm"},
            "the encoder was given a last norm; post-norm blocks need none",
            "Print the names of `state_dict()`. Which of them does the text not know?",
            "A pre-norm stack needs a last norm, and this is a post-norm one.",
            "`Encoder(blocks)`, without a second argument.",
        ),
        a_step(
            "bias-no-parameter",
            {"extra": "plain bias"},
            "`self.bias` is a plain tensor: no module owns it, and it would never learn",
            "Print the names of `state_dict()`. Is `bias` among them?",
            "What learns must be a parameter.",
            "`self.bias = nn.Parameter(torch.zeros(vocab_size))`.",
        ),
    ],
    hints=(
        "Do the names and shapes of `state_dict()` agree with the text's, none too many, none too "
        "few? Then print the shape after each line of `encode` and `forward`.",
        "Change one thing at a time and see what moves: a segment, a token of padding, the last "
        "word, two words exchanged.",
        "Sum of three rows, norm, encoder with its mask; then linear layer, GELU, norm, table and "
        "bias.",
    ),
    allows=Edges(labels=("no padding", "two layers", "on the left", "on the right", "encoded")),
    also_right=[SpelledBert, LonelyBert],
    axes="batch seq vocab",
    bans=("Bert", "BertBlock", "BertEmbedding", "MaskedHead", "MaskedLM", "TransformerEncoder"),
)


# --- 14.pool --------------------------------------------------------------------------------


def pool_cases(generator):
    def real_of(seq, rows):
        real = torch.zeros(len(rows), seq, dtype=torch.bool)
        for row, places in zip(real, rows, strict=True):
            row[list(places)] = True
        return real

    def tried(label, seq, d_model, rows, scale=1.0, dtype=torch.float32, **more):
        # A mean that isn't 0, as of real vectors, or its direction would be all noise.
        vectors = normal(generator, len(rows), seq, d_model) + normal(generator, d_model)
        return case(label, (scale * vectors).to(dtype), real_of(seq, rows), **more)

    full = range(5)
    return [
        tried("no padding", 5, 7, [full, full]),
        tried("padded on the right", 5, 7, [range(2), range(4), full]),
        tried("padded on the left", 6, 5, [range(3, 6), range(1, 6)]),
        tried("padding in the middle", 6, 5, [(0, 1, 4), (1, 3, 5)]),
        tried("one real token", 4, 6, [(0,), (2,)]),
        tried("a row of padding alone", 4, 5, [range(3), (), range(2)]),
        tried("nothing but padding", 3, 5, [()]),
        tried("large numbers at the padding", 5, 4, [range(2), range(3)], scale=100.0),
        tried("small numbers", 5, 7, [range(2), range(4)], scale=2e-6),
        tried("one text of one token", 1, 3, [(0,)]),
        tried("as many texts as tokens", 4, 4, [range(2), range(4), range(3), (1, 2)]),
        tried("gradients", 4, 5, [range(3), range(1)], grad=True),
        tried("gradients, a row of padding alone", 3, 5, [range(2), ()], grad=True),
        tried("in float64", 4, 5, [range(3), range(2)], dtype=torch.float64),
    ]


def wrong_pool(vectors, real, *, slip):
    kept = vectors.masked_fill(~real[..., None], 0)
    number = real.sum(dim=1, keepdim=True)
    mean = kept.sum(dim=1) / number.clamp(min=1)

    def unit(x, eps=1e-12, dim=-1):
        return x / x.norm(dim=dim, keepdim=True).clamp(min=eps)

    def unguarded(x):
        return x / x.norm(dim=-1, keepdim=True)

    def each_first():
        return unit(vectors / vectors.norm(dim=-1, keepdim=True)).masked_fill(
            ~real[..., None], 0
        ).sum(dim=1) / number.clamp(min=1)

    def last_token():
        return unit(vectors[torch.arange(len(vectors)), number[:, 0] - 1])

    def first_token():
        return unit(vectors[torch.arange(len(vectors)), real.int().argmax(dim=1)])

    def without_ends():
        inner = real.clone()
        at = torch.arange(real.shape[1])
        inner &= at != (real * at).argmax(dim=1, keepdim=True)
        inner &= at != real.int().argmax(dim=1, keepdim=True)
        return unit(vectors.masked_fill(~inner[..., None], 0).sum(dim=1))

    def nan_behind():
        total = (vectors * real[..., None]).sum(dim=1)
        return (total / total.norm(dim=-1, keepdim=True)).nan_to_num()

    def edited():
        vectors[~real] = 0
        return unit(vectors.sum(dim=1))

    return {
        "padding": lambda: unit(vectors.mean(dim=1)),
        "padding, zero row": lambda: unit(vectors.mean(dim=1)).where(real.any(dim=1)[:, None], 0),
        "padding alone": lambda: unit(vectors.masked_fill(real[..., None], 0).sum(dim=1)),
        "mean alone": lambda: mean,
        "sum alone": lambda: kept.sum(dim=1),
        "mean over seq": lambda: kept.mean(dim=1),
        "nan": lambda: unguarded((vectors * real[..., None]).sum(dim=1)),
        "nan, filled": lambda: unguarded(kept.sum(dim=1)),
        "so many": lambda: unit(
            vectors.masked_fill((torch.arange(real.shape[1]) >= number)[..., None], 0).sum(dim=1)
        ),
        "both": lambda: unit(each_first()),
        "root of d": lambda: mean / mean.shape[-1] ** 0.5,
        "added 5": lambda: mean / (mean.norm(dim=-1, keepdim=True) + 1e-5),
        "added 9": lambda: mean / (mean.norm(dim=-1, keepdim=True) + 1e-9),
        "length of all": lambda: mean / vectors.mean(dim=1).norm(dim=-1, keepdim=True),
        "nan behind": nan_behind,
        "all of it": lambda: unit(kept.sum(dim=1) / number.clamp(min=1)).where(
            real.any(dim=1)[:, None], unit(vectors.mean(dim=1))
        ),
        "one": lambda: unit(mean).where(real.any(dim=1)[:, None], 1.0),
        "added": lambda: mean / (mean.norm(dim=-1, keepdim=True) + 1e-6),
        "added, small": lambda: mean / (mean.norm(dim=-1, keepdim=True) + 1e-8),
        "sum and number": lambda: unit(kept.sum(dim=1)) / number.clamp(min=1),
        "under the root": lambda: mean * (mean.square().sum(-1, keepdim=True) + 1e-12).rsqrt(),
        "under the root, 8": lambda: mean * (mean.square().sum(-1, keepdim=True) + 1e-8).rsqrt(),
        "under the root, 6": lambda: mean * (mean.square().sum(-1, keepdim=True) + 1e-6).rsqrt(),
        "clamped under the root": lambda: mean
        * mean.square().sum(-1, keepdim=True).clamp(min=1e-8).rsqrt(),
        "whole, nan": lambda: mean / mean.norm(),
        "clamped": lambda: unit(mean, 1e-5),
        "each first": each_first,
        "first": first_token,
        "place 0": lambda: unit(vectors[:, 0]),
        "last": last_token,
        "place -1": lambda: unit(vectors[:, -1]),
        "max": lambda: unit(vectors.masked_fill(~real[..., None], -torch.inf).amax(dim=1)),
        "ends": without_ends,
        "squared": lambda: mean / mean.square().sum(dim=-1, keepdim=True).clamp(min=1e-24),
        "one norm": lambda: mean / mean.abs().sum(dim=-1, keepdim=True).clamp(min=1e-12),
        "largest": lambda: mean / mean.abs().amax(dim=-1, keepdim=True).clamp(min=1e-12),
        "batch": lambda: unit(mean, dim=0),
        "whole": lambda: mean / mean.norm().clamp(min=1e-12),
        "softmax": lambda: mean.softmax(dim=-1),
        "root mean": lambda: unit(mean) * mean.shape[-1] ** 0.5,
        "layer norm": lambda: (mean - mean.mean(dim=-1, keepdim=True))
        / mean.std(dim=-1, keepdim=True, correction=0).clamp(min=1e-12),
        "width": lambda: unit(kept.mean(dim=-1)),
        "texts": lambda: unit(kept.sum(dim=0)),
        "axis kept": lambda: unit(mean)[:, None],
        "detached": lambda: unit(mean.detach()),
        "one vector": lambda: unit(kept.sum(dim=(0, 1))),
        "edited": edited,
        "length alone": lambda: mean / mean.norm(dim=-1, keepdim=True).detach().clamp(min=1e-12),
    }[slip]()  # fmt: skip


def pool_by_product(vectors, real):
    """Right: a sum is as good as a mean, since only the direction is left."""
    total = torch.einsum("bsd,bs->bd", vectors, real.to(vectors.dtype))
    squares = total.square().sum(dim=-1, keepdim=True)
    return total * torch.where(squares > 0, squares, 1).rsqrt()


def pool_row_by_row(vectors, real):
    rows = []
    for row, there in zip(vectors, real, strict=True):
        if not there.any():
            rows.append(0 * row[0])
            continue
        mean = row[there].mean(dim=0)
        rows.append(mean / (mean @ mean) ** 0.5)
    return torch.stack(rows)


pooling = told_of(wrong_pool, "slip")


PADDING_HINTS = (
    "Put two more tokens of padding behind a sentence. Does its vector move?",
    "What stands at padding may not count, and its vectors aren't zeros.",
    "Make the vectors of padding 0 before you sum: the mask needs an axis more, `real[..., None]`.",
)
LENGTH_HINTS = (
    "Multiply one of your vectors with itself and sum: is it 1?",
    "The length of a vector is the root of the sum of its squares, one for each sentence.",
    "Divide by `norm(dim=-1, keepdim=True)` of the mean.",
)
EMPTY_ROW_HINTS = (
    "Call it with a row that is nothing but padding, and `backward` on the sum of what comes out.",
    "0 divided by 0 is `nan`, and `where` or `nan_to_num` behind it save the value, not the "
    "gradient.",
    "See to it before you divide: a divisor that is never 0, as by `clamp(min=1e-12)`.",
)
TINY_HINTS = (
    "Call it with vectors that are a millionth of the usual. Is the length still 1?",
    "What keeps the division away from 0 must be far below every real length.",
    "`clamp(min=1e-12)` leaves lengths alone that a sum would change.",
)
TOKEN_HINTS = (
    "Change the vector of a real token in the middle. Does your sentence's vector move?",
    "Every real token counts the same.",
    "Sum over the real tokens and divide by how many there are.",
)

POOL = Exercise(
    id="14.pool",
    title="One vector for a sentence",
    kind="code",
    points=2,
    name="sentence_vectors",
    cases=pool_cases,
    axes="batch d_model",
    bans=("normalize",),
    mistakes=[
        pooling(
            "padding-counted",
            "padding",
            "padding counts like any other token",
            *PADDING_HINTS,
        ),
        pooling(
            "padding-counted-but-in-empty-rows",
            "padding, zero row",
            "padding counts like any other token, and `real` is asked for empty rows alone",
            *PADDING_HINTS,
        ),
        pooling(
            "padding-taken-to-be-behind",
            "so many",
            "as many tokens are taken from the front as are real: padding may stand anywhere",
            "Put the padding in front. Does your sentence's vector stay the same?",
            "`real` says which tokens count, not only how many.",
            "Make the vectors of padding 0 by the mask itself.",
        ),
        pooling(
            "padding-alone",
            "padding alone",
            "the mean runs over the padding, and the real tokens are left out",
            "What does True mean in `real`?",
            "`masked_fill(mask, 0)` writes 0 where the mask is True.",
            "Write 0 where a token is *not* real: `~real`.",
        ),
        pooling(
            "not-of-length-one",
            "mean alone",
            "this is the mean as it is; it isn't brought to length one",
            *LENGTH_HINTS,
        ),
        pooling(
            "sum-not-of-length-one",
            "sum alone",
            "this is the sum as it is; it isn't brought to length one",
            *LENGTH_HINTS,
        ),
        pooling(
            "divided-by-seq-alone",
            "mean over seq",
            "the sum of the real tokens is divided by all places, and not brought to length one",
            *LENGTH_HINTS,
        ),
        pooling(
            "nothing-over-nothing",
            "nan",
            "a row of padding alone becomes `nan`: 0 is divided by 0",
            *EMPTY_ROW_HINTS,
        ),
        pooling(
            "nothing-over-nothing-filled",
            "nan, filled",
            "a row of padding alone becomes `nan`: its mean has the length 0, by which you divide",
            *EMPTY_ROW_HINTS,
        ),
        pooling(
            "nan-in-the-gradient",
            "nan behind",
            "no value is `nan`, but a gradient is: a division by 0, or a root of 0, took place "
            "and was hidden afterwards",
            *EMPTY_ROW_HINTS,
        ),
        pooling(
            "padding-when-alone",
            "all of it",
            "a row of padding alone becomes the mean of its padding; the text asks for zeros",
            "Call it with a row that is nothing but padding.",
            "A sentence without a token has nothing to say.",
            "The sum over no real tokens is 0 by itself.",
        ),
        pooling(
            "ones-for-an-empty-row",
            "one",
            "a row of padding alone becomes ones; the text asks for zeros",
            "Call it with a row that is nothing but padding.",
            "A sentence without a token has nothing to say.",
            "The sum over no real tokens is 0 by itself; divide it by anything but 0.",
        ),
        pooling(
            "tokens-to-length-one-first",
            "both",
            "each token is brought to length one before the mean, too: a token with large numbers "
            "then counts for less",
            "Double the vector of one token. Does your sentence's vector move? It should.",
            "First the mean, then its length.",
            "Divide once, at the end, by the length of the mean.",
        ),
        pooling(
            "divided-by-the-root-of-d_model",
            "root of d",
            "the mean is divided by the root of d_model, not by its own length",
            *LENGTH_HINTS,
        ),
        pooling(
            "length-with-padding",
            "length of all",
            "the mean is right, and the length is that of a mean with padding",
            *LENGTH_HINTS,
        ),
        pooling(
            "a-hundred-thousandth-added",
            "added 5",
            "0.00001 is added to the length: small vectors come out too short",
            *TINY_HINTS,
        ),
        pooling(
            "a-billionth-added",
            "added 9",
            "0.000000001 is added to the length: it still shows where vectors are small",
            *TINY_HINTS,
        ),
        pooling(
            "a-millionth-added",
            "added",
            "0.000001 is added to the length: small vectors come out too short",
            *TINY_HINTS,
        ),
        pooling(
            "a-little-added",
            "added, small",
            "0.00000001 is added to the length: it shows where the vectors are small",
            *TINY_HINTS,
        ),
        pooling(
            "divided-by-the-number-too",
            "sum and number",
            "the sum is divided by its own length *and* by the number of tokens: the more tokens, "
            "the shorter",
            *LENGTH_HINTS,
        ),
        pooling(
            "a-little-under-the-root",
            "under the root",
            "1e-12 is added under the root: there it weighs as much as a length of a millionth",
            *TINY_HINTS,
        ),
        pooling(
            "more-under-the-root",
            "under the root, 8",
            "1e-8 is added under the root: there it weighs as much as a length of 0.0001",
            *TINY_HINTS,
        ),
        pooling(
            "smallest-length-too-large",
            "clamped",
            "the length is kept above a number that is too large: small vectors come out too short",
            *TINY_HINTS,
        ),
        pooling(
            "tokens-to-length-one",
            "each first",
            "each token is brought to length one, and then the mean is taken: it is shorter than "
            "one",
            "Multiply one of your vectors with itself and sum: is it 1?",
            "First the mean, then its length.",
            "Divide at the end, by the length of the mean.",
        ),
        pooling(
            "first-real-token",
            "first",
            "the first real token speaks for the sentence; the mean of all was asked for",
            *TOKEN_HINTS,
        ),
        pooling(
            "place-0",
            "place 0",
            "the vector at place 0 speaks for the sentence, as [CLS] does; the mean was asked for",
            *TOKEN_HINTS,
        ),
        pooling(
            "last-real-token",
            "last",
            "the last token speaks for the sentence; the mean of all was asked for",
            *TOKEN_HINTS,
        ),
        pooling(
            "last-place",
            "place -1",
            "the vector at the last place speaks for the sentence; the mean was asked for",
            *TOKEN_HINTS,
        ),
        pooling(
            "largest-of-each",
            "max",
            "the largest number of all tokens is taken, one by one; the mean was asked for",
            *TOKEN_HINTS,
        ),
        pooling(
            "ends-left-out",
            "ends",
            "the first and the last real token are left out; all real tokens count",
            *TOKEN_HINTS,
        ),
        pooling(
            "divided-by-the-square",
            "squared",
            "the mean is divided by the sum of its squares, without the root",
            *LENGTH_HINTS,
        ),
        pooling(
            "absolute-values",
            "one norm",
            "the mean is divided by the sum of its absolute values, not by its length",
            *LENGTH_HINTS,
        ),
        pooling(
            "largest-is-one",
            "largest",
            "the mean is divided by its largest number, not by its length",
            *LENGTH_HINTS,
        ),
        pooling(
            "length-over-the-texts",
            "batch",
            "the length is taken over the texts, along the batch; each text has its own",
            *LENGTH_HINTS,
        ),
        pooling(
            "one-length-for-all",
            "whole",
            "one length is taken for the whole batch; each text has its own",
            *LENGTH_HINTS,
        ),
        pooling(
            "one-length-for-all-and-nothing-over-nothing",
            "whole, nan",
            "one length is taken for the whole batch; each text has its own. And padding alone "
            "becomes `nan`",
            *LENGTH_HINTS,
        ),
        pooling(
            "a-millionth-under-the-root",
            "under the root, 6",
            "a millionth is added to the *square* of the length: it shows where vectors are small",
            *TINY_HINTS,
        ),
        pooling(
            "squares-kept-too-large",
            "clamped under the root",
            "the square of the length is kept from being small: it shows where vectors are small",
            *TINY_HINTS,
        ),
        pooling(
            "softmax",
            "softmax",
            "softmax is taken: the numbers sum to 1, and their squares don't",
            *LENGTH_HINTS,
        ),
        pooling(
            "root-mean-square",
            "root mean",
            "the mean is divided by its root mean square: its length is the root of d_model",
            *LENGTH_HINTS,
        ),
        pooling(
            "normed-as-a-layer",
            "layer norm",
            "the mean is normed as in a layer norm; it was to be brought to length one",
            *LENGTH_HINTS,
        ),
        pooling(
            "mean-over-the-width",
            "width",
            "the mean runs over d_model, and leaves a number for each token",
            "What is the shape of what you return?",
            "Which of the three axes shall disappear?",
            "Sum over the tokens: `dim=1`.",
        ),
        pooling(
            "mean-over-the-texts",
            "texts",
            "the mean runs over the batch: texts are mixed",
            "Change one text of the batch. How many of your vectors move?",
            "Which of the three axes shall disappear?",
            "Sum over the tokens: `dim=1`.",
        ),
        pooling(
            "one-vector-for-all",
            "one vector",
            "one vector comes out for the whole batch",
            "What is the shape of what you return?",
            "Which of the three axes shall disappear?",
            "Sum over the tokens alone: `dim=1`.",
        ),
        pooling(
            "axis-kept",
            "axis kept",
            "the axis of the tokens is still there, with length 1",
            "What is the shape of what you return?",
            "`keepdim=True` is for what is divided by, so that it broadcasts.",
            "Sum the vectors without `keepdim`.",
        ),
        pooling(
            "nothing-to-learn-from",
            "detached",
            "the vectors are right, but no gradient flows back",
            "Call `backward` on the sum of what comes out. What is the gradient of `vectors`?",
            "`detach`, `.data` and `no_grad` give the right numbers, and nothing is learned.",
            "Work on the vectors themselves.",
        ),
        pooling(
            "length-without-gradient",
            "length alone",
            "the vectors are right, but the gradient ignores the division by the length",
            "Compare the gradient of `vectors` with that of a plain mean.",
            "`detach`, `.item()` and `no_grad` turn what they touch into a constant.",
            "Leave the length in the graph.",
        ),
        pooling(
            "vectors-edited",
            "edited",
            "the result is right, but the vectors that came in are written over",
            "Print `vectors` before and after the call.",
            "`vectors[~real] = 0` and `masked_fill_` change the tensor itself.",
            "Make a new one: `masked_fill`, or a product with the mask.",
        ),
    ],
    hints=(
        "Take one row of three tokens, the last of them padding, and work its vector out by hand.",
        "In this order: padding to zeros, the mean of what is real, its length, the division; and "
        "at each division the question whether it can be by 0.",
        "`real[..., None]` has the axis that a product with `vectors` needs; sum over `dim=1`; "
        "then `norm(dim=-1, keepdim=True)`, kept from 0.",
    ),
    allows=Edges(
        dtypes=("float32", "float64"),
        axes=(2, 3),
        sizes=(1,),
        special=("empty row", "full row"),
        labels=("on the left", "in the middle", "small", "nothing but padding", "gradients"),
    ),
    also_right=[pool_by_product, pool_row_by_row],
)


# --- 14.span --------------------------------------------------------------------------------


def span_cases(generator):
    def context_of(seq, low, high):
        place = torch.arange(seq)
        return (place >= low) & (place < high)

    def tried(label, seq, low, high, longest, start=(), end=(), scale=2.0, shift=0.0, dtype=None):
        """Scores with places that are raised: `start` and `end` hold (place, by how much)."""
        scores = [scale * normal(generator, seq) + shift for _ in range(2)]
        for row, raised in zip(scores, (start, end), strict=True):
            for place, by in raised:
                row[place] += scale * by
        scores = [row.to(dtype) if dtype else row for row in scores]
        return case(label, *scores, context_of(seq, low, high), longest)

    def lone_start(outside):
        """A sure start without an end, a sure end without a start, and a fair pair."""
        start, end = (0.2 * normal(generator, 12) - 8 for _ in range(2))
        start[[9, 4]] += torch.tensor([14.0, 11.0])
        end[[2, 5, 10]] += torch.tensor([12.0, 11.0, 4.0])
        start[0] += outside
        return start, end, context_of(12, 1, 11), 4

    def many(seq=54):
        """High ends in front, high starts behind, and a fair pair between them."""
        start, end = (0.2 * normal(generator, seq) - 3 for _ in range(2))
        start[-24:] += 6
        end[1:24] += 6
        start[26] += 4
        end[27] += 4
        start[24:30] -= 2
        return start, end, context_of(seq, 1, seq), 5

    return [
        case("many high starts behind many high ends", *many()),
        case("a sure start without an end", *lone_start(0.0)),
        case("a sure start without an end, a surer one outside", *lone_start(24.0)),
        tried("the best end is far in front", 12, 1, 11, 2, ((9, 6), (3, 2)), ((2, 6), (4, 2))),
        tried("all sums a little below zero", 9, 0, 8, 4, scale=0.3, shift=-2.0),
        tried("anything goes", 9, 0, 9, 9),
        tried("a question in front", 12, 5, 11, 12, start=((2, 4), (7, 2)), end=((3, 4), (9, 2))),
        tried("a question behind", 11, 1, 6, 11, start=((8, 4), (2, 2)), end=((9, 4), (4, 2))),
        tried("the best end comes before the best start", 10, 1, 9, 10, ((6, 5),), ((3, 5),)),
        tried("again, and far apart", 12, 2, 12, 10, ((9, 6), (3, 4)), ((4, 5), (10, 1))),
        tried("the best answer is one too long", 11, 1, 10, 4, ((2, 6), (4, 2)), ((6, 6),)),
        tried("the best answer is just short enough", 11, 1, 10, 5, ((2, 6),), ((6, 6),)),
        tried("the best answer is far too long", 14, 1, 13, 3, ((2, 5), (8, 2)), ((11, 5),)),
        tried("one token", 9, 2, 8, 6, ((4, 6),), ((4, 6),)),
        tried("only answers of one token", 9, 1, 9, 1, ((3, 3),), ((5, 3),)),
        tried("a text of one token", 8, 5, 6, 4),
        tried("the longest length is above seq", 6, 1, 5, 1000),
        tried("all scores are far below zero", 9, 2, 8, 4, scale=1.0, shift=-50.0),
        tried("all scores are below any that you would think of", 9, 2, 8, 4, ((0, 8), (4, 3)),
              ((0, 8), (6, 3)), scale=1e9, shift=-5e10),
        tried("scores outside that leave nothing to the others", 9, 2, 8, 4, ((0, 300), (4, 3)),
              ((1, 300), (6, 3))),
        tried("the answer ends at the last place", 8, 2, 8, 3, ((6, 4),), ((7, 6),)),
        tried("high scores", 9, 2, 8, 4, scale=1.0, shift=500.0),
        tried("[CLS] is best of all", 10, 4, 9, 5, ((0, 8), (5, 2)), ((0, 8), (6, 2))),
        tried("the best start is outside", 10, 4, 9, 5, ((2, 8), (5, 2)), ((6, 3),)),
        tried("the best end is outside", 10, 4, 9, 5, ((5, 3),), ((9, 8), (7, 3))),
        tried("a single place", 1, 0, 1, 1),
        tried("in float64", 9, 1, 8, 3, dtype=torch.float64),
    ]  # fmt: skip


def wrong_span(start, end, context, longest, *, slip):
    seq = len(start)
    place = torch.arange(seq)
    length = place - place[:, None] + 1
    shift = {"longer": 1, "shorter": -1, "endless": seq, "two shorter": -2}.get(slip, 0)
    reach = length <= longest + shift
    low, inside = length >= 1, context & context[:, None]
    if slip == "no single":
        low = length >= 2
    elif slip == "any order":
        low = length > -seq
    elif slip in ("backwards", "longest both ways"):
        low = length.abs() <= longest if slip == "longest both ways" else length <= 1
    elif slip == "near both ways":
        low = (length - 1).abs() < longest
    elif slip == "by context":
        reach = length <= min(longest, int(context.sum()) // 2 + 1)
    if slip == "order alone":
        inside, reach = torch.ones_like(inside), torch.ones_like(inside)
    if slip == "no context":
        inside = torch.ones_like(inside)
    elif slip == "start inside":
        inside = context[:, None].expand(seq, seq)
    elif slip == "end inside":
        inside = context.expand(seq, seq)
    elif slip == "context turned" and not context.all():
        inside = ~context & ~context[:, None]
    if slip == "last place":
        inside = inside & (place < seq - 1)
    elif slip == "last of the text":
        inside = inside & (place < context.nonzero().max())
    start_too, end_too = start[:, None], end
    scores = {
        "product": lambda: start_too * end_too,
        "shares": lambda: start.softmax(0)[:, None] + end.softmax(0),
        "shares multiplied": lambda: start.softmax(0)[:, None] * end.softmax(0),
        "inside shares": lambda: (
            start.masked_fill(~context, -torch.inf).softmax(0)[:, None]
            + end.masked_fill(~context, -torch.inf).softmax(0)
        ),
        "larger": lambda: torch.maximum(start_too, end_too),
        "start alone": lambda: start_too + 0 * end_too,
        "end alone": lambda: 0 * start_too + end_too,
        "difference": lambda: start_too - end_too,
        "transposed": lambda: start + end[:, None],
        "mean": lambda: (start_too + end_too) / length.clamp(min=1),
    }.get(slip, lambda: start_too + end_too)()
    allowed = low & reach & inside
    if slip == "place 0":
        allowed[0, 0] = True
    if slip == "zeros":
        scores = scores * allowed
    elif slip in ("triangle", "triangle, endless"):
        scores = scores.masked_fill(~inside, -torch.inf)
        scores = scores.masked_fill(~(low & reach if slip == "triangle" else low), 0)
    elif slip == "triangle in the text":
        scores = scores.masked_fill(~(low & reach), 0).masked_fill(~inside, -torch.inf)
    elif slip in ("factor", "factor, band"):
        scores = (start * context)[:, None] + end * context
        scores = scores.masked_fill(~(low & reach), 0 if "band" in slip else -torch.inf)
    elif slip == "not small enough":
        scores = scores.masked_fill(~allowed, -1e9)
    elif slip == "small":
        scores = scores.masked_fill(~allowed, -10.0)
    else:
        scores = scores.masked_fill(~allowed, -torch.inf)
    if slip == "lowest":
        scores = -(start_too + end_too).masked_fill(~allowed, torch.inf)
    if slip == "small loop" and scores.max() <= 0:
        return 0, 0
    if slip == "small loop, none" and scores.max() <= 0:
        return None
    if slip == "past the end" and any(context[i] for i in range(max(0, seq - longest + 1), seq)):
        return start[seq]
    if slip == "cut afterwards":
        free = (start_too + end_too).masked_fill(~(low & inside), -torch.inf)
        i, j = divmod(int(free.argmax()), seq)
        return i, min(j, i + longest - 1)
    if slip == "twenty":
        k = min(20, seq)
        rows = torch.zeros(seq, seq, dtype=torch.bool)
        rows[start.masked_fill(~context, -torch.inf).topk(k).indices] = True
        columns = torch.zeros(seq, dtype=torch.bool)
        columns[end.masked_fill(~context, -torch.inf).topk(k).indices] = True
        scores = scores.masked_fill(~(rows & columns), -torch.inf)
    i, j = divmod(int(scores.argmax()), seq)
    first = int(context.int().argmax())
    near = start.masked_fill(~context, -torch.inf), end.masked_fill(~context, -torch.inf)
    if slip == "flat":
        return int(scores.argmax())
    if slip == "tensor":
        return torch.tensor([i, j])
    if slip == "apart":
        return int(start.argmax()), int(end.argmax())
    if slip == "apart, in order":
        i, j = sorted((int(start.argmax()), int(end.argmax())))
        return i, j
    if slip == "apart inside":
        return int(near[0].argmax()), int(near[1].argmax())
    if slip == "sorted":
        i, j = sorted((int(near[0].argmax()), int(near[1].argmax())))
        return i, j
    if slip == "moved":
        i, j = int(near[0].argmax()), int(near[1].argmax())
        return i, max(i, j)
    if slip == "cut":
        i, j = int(near[0].argmax()), int(near[1].argmax())
        return i, min(max(i, j), i + longest - 1)
    if slip == "start first":
        i = int(near[0].argmax())
        return i, i + int(near[1][i : i + longest].argmax())
    if slip == "end first":
        j = int(near[1].argmax())
        low = max(0, j - longest + 1)
        return low + int(near[0][low : j + 1].argmax()), j
    if slip == "relative":
        return i - first, j - first
    if slip == "behind":
        return i, j + 1
    if slip == "length":
        return i, j - i + 1
    if slip == "turned":
        return j, i
    if slip == "score too":
        return i, j, float(scores.max())
    return i, j


def span_by_loops(start, end, context, longest):
    best, where = -torch.inf, None
    for i in range(len(start)):
        for j in range(i, min(len(start), i + longest)):
            if context[i] and context[j] and start[i] + end[j] > best:
                best, where = start[i] + end[j], (i, j)
    return where


def span_by_bands(start, end, context, longest):
    start, end = (x.masked_fill(~context, -torch.inf) for x in (start, end))
    scores = (start[:, None] + end[None]).triu()
    scores = scores.where(torch.ones_like(scores).triu().tril(longest - 1) > 0, -torch.inf)
    return tuple(int(i) for i in (scores == scores.max()).nonzero()[0])


spanning = told_of(wrong_span, "slip")


APART_HINTS = (
    "Let the highest start stand behind the highest end. What do you return?",
    "A start and an end are good together or not at all: it is their sum that counts.",
    "Look at all pairs (i, j) at once: `start[:, None] + end` is a table of their sums.",
)
LONGEST_HINTS = (
    "How many tokens has an answer from place 3 to place 5, both included? With longest 3 it is "
    "allowed.",
    "From i to j there are j - i + 1 tokens.",
    "Allowed is where `j - i + 1 <= longest`.",
)
CONTEXT_HINTS = (
    "Give a token of the question the highest scores of all. Where is your answer?",
    "Both ends of an answer stand in the text.",
    "Allowed is where `context[i]` and `context[j]` are both True.",
)
FILL_HINTS = (
    "Make all scores negative: subtract 50 from each. The answer may not move.",
    "What isn't allowed must be below everything that is.",
    "Write −infinity where a pair isn't allowed, or begin your search with it.",
)
PLACE_HINTS = (
    "Let the best answer be one token, at place 4. What do you return?",
    "Two places of the whole sequence, counted from 0; the end is the last token of the answer.",
    "Return `(i, j)` as they are.",
)

SPAN = Exercise(
    id="14.span",
    title="Where is the answer?",
    kind="code",
    points=2,
    name="best_span",
    cases=span_cases,
    any_sequence=True,
    mistakes=[
        spanning(
            "highest-apart",
            "apart",
            "the highest start and the highest end are taken, each by itself",
            *APART_HINTS,
        ),
        spanning(
            "highest-apart-inside",
            "apart inside",
            "the highest start and the highest end of the text are taken, each by itself",
            *APART_HINTS,
        ),
        spanning(
            "put-in-order",
            "sorted",
            "the highest start and the highest end are taken, and exchanged when they stand the "
            "wrong way round",
            *APART_HINTS,
        ),
        spanning(
            "anywhere-put-in-order",
            "apart, in order",
            "the highest start and end of the whole sequence are taken, and exchanged when they "
            "stand the wrong way round",
            *APART_HINTS,
        ),
        spanning(
            "cut-to-length",
            "cut",
            "the highest start and the highest end are taken, and the end is moved when it doesn't "
            "fit",
            *APART_HINTS,
        ),
        spanning(
            "end-moved-to-the-start",
            "moved",
            "the highest start and the highest end are taken, and an end in front of the start is "
            "moved there",
            *APART_HINTS,
        ),
        spanning(
            "cut-afterwards",
            "cut afterwards",
            "the best pair of any length is taken, and cut when it is too long; a shorter one may "
            "be better than what is left",
            *LONGEST_HINTS,
        ),
        spanning(
            "twenty-best-of-each",
            "twenty",
            "only the twenty highest starts and ends are looked at; none of them may fit together",
            *APART_HINTS,
        ),
        spanning(
            "past-the-end",
            "past the end",
            "your loop over the ends runs past the last token",
            "What is the largest j that your loop asks for, with `longest` 1000?",
            "An answer ends at the last token at the latest.",
            "`range(i, min(i + longest, seq))`.",
        ),
        spanning(
            "start-first",
            "start first",
            "the highest start is taken first, then the best end for it; another start may have a "
            "better one",
            *APART_HINTS,
        ),
        spanning(
            "end-first",
            "end first",
            "the highest end is taken first, then the best start for it; another end may have a "
            "better one",
            *APART_HINTS,
        ),
        spanning(
            "end-before-start-but-near",
            "near both ways",
            "an answer may end before it starts, as long as it isn't longer than `longest`",
            "Let the highest start stand behind the highest end. What do you return?",
            "An answer is read from left to right.",
            "Allowed is where `i <= j`: the upper triangle of the table.",
        ),
        spanning(
            "end-before-start",
            "any order",
            "an answer may end before it starts",
            "Let the highest start stand behind the highest end. What do you return?",
            "An answer is read from left to right.",
            "Allowed is where `i <= j`: the upper triangle of the table.",
        ),
        spanning(
            "either-direction",
            "longest both ways",
            "an answer may end before it starts, if the two are near each other",
            "Let the highest start stand behind the highest end. What do you return?",
            "`abs` forgets which of the two comes first.",
            "Allowed is where `i <= j` and the length fits.",
        ),
        spanning(
            "wrong-triangle",
            "backwards",
            "answers must end before they start: the wrong triangle of the table is kept",
            "Let the highest start stand right before the highest end. What do you return?",
            "In a table (i, j) with i downwards, `i <= j` is the upper right triangle.",
            "Keep what `triu` keeps.",
        ),
        spanning(
            "no-single-token",
            "no single",
            "an answer of one token is never found",
            "Let the best answer be a single token.",
            "A token may be the start and the end at once.",
            "Allowed is where `i <= j`, not `i < j`.",
        ),
        spanning(
            "one-too-long",
            "longer",
            "an answer may have one token more than `longest`",
            *LONGEST_HINTS,
        ),
        spanning(
            "one-too-short",
            "shorter",
            "an answer of exactly `longest` tokens is not found",
            *LONGEST_HINTS,
        ),
        spanning(
            "longest-ignored",
            "endless",
            "`longest` makes no difference",
            *LONGEST_HINTS,
        ),
        spanning(
            "context-ignored",
            "no context",
            "the question and the special tokens may be the answer, too",
            *CONTEXT_HINTS,
        ),
        spanning(
            "order-alone",
            "order alone",
            "only the order is asked: neither `context` nor `longest` makes a difference",
            *CONTEXT_HINTS,
        ),
        spanning(
            "start-inside-only",
            "start inside",
            "only the start must stand in the text; the end may be outside",
            *CONTEXT_HINTS,
        ),
        spanning(
            "end-inside-only",
            "end inside",
            "only the end must stand in the text; the start may be outside",
            *CONTEXT_HINTS,
        ),
        spanning(
            "context-turned-round",
            "context turned",
            "answers stand outside of the text: the mask is the wrong way round",
            *CONTEXT_HINTS,
        ),
        spanning(
            "product",
            "product",
            "the two scores are multiplied: two very low ones make a high product",
            "Let a start and an end both have −9. Is theirs the best answer?",
            "Scores are logarithms, but for a constant: where shares are multiplied, scores add "
            "up.",
            "Take the sum `start[i] + end[j]`.",
        ),
        spanning(
            "shares-added",
            "shares",
            "softmax is taken and the two shares are added; shares are multiplied, or scores added",
            "Is a start with 0.9 and an end with 0.01 better than 0.5 and 0.4? Their sum says so.",
            "The share of a pair is the *product* of its two shares.",
            "Take the sum of the scores as they came in, without softmax.",
        ),
        spanning(
            "shares-of-the-text-added",
            "inside shares",
            "softmax is taken over the text, and the two shares are added; scores are to be added",
            "Is a start with 0.9 and an end with 0.01 better than 0.5 and 0.4? Their sum says so.",
            "The share of a pair is the *product* of its two shares.",
            "Take the sum of the scores as they came in, without softmax.",
        ),
        spanning(
            "larger-of-both",
            "larger",
            "the larger of the two scores decides; it is their sum",
            *APART_HINTS,
        ),
        spanning(
            "start-alone",
            "start alone",
            "the end's score makes no difference",
            *APART_HINTS,
        ),
        spanning(
            "end-alone",
            "end alone",
            "the start's score makes no difference",
            *APART_HINTS,
        ),
        spanning(
            "difference",
            "difference",
            "the end's score is subtracted; the two are to be added",
            *APART_HINTS,
        ),
        spanning(
            "scores-exchanged",
            "transposed",
            "the scores have changed places: `end` is asked where an answer starts",
            "Which axis of your table is the start?",
            "`x[:, None]` goes downwards, a plain `x` to the right.",
            "`start[:, None] + end` has the start as its row.",
        ),
        spanning(
            "by-length",
            "mean",
            "the sum is divided by the answer's length; it should be the sum",
            "Let a long answer have the highest sum. What do you return?",
            "Nothing is averaged here.",
            "Take the sum `start[i] + end[j]` as it is.",
        ),
        spanning(
            "lowest",
            "lowest",
            "the lowest sum is taken, not the highest",
            "Raise both scores of one token by 100. Is it your answer?",
            "Which of two sums is better?",
            "`argmax`, and −infinity for what isn't allowed.",
        ),
        spanning(
            "zero-for-not-allowed",
            "zeros",
            "what isn't allowed has a sum of 0, which is more than a negative one",
            *FILL_HINTS,
        ),
        spanning(
            "triangle-of-zeros",
            "triangle",
            "pairs in the wrong order, or too long, have a sum of 0, which is more than a "
            "negative one",
            *FILL_HINTS,
        ),
        spanning(
            "triangle-of-zeros-any-length",
            "triangle, endless",
            "pairs in the wrong order have a sum of 0, which is more than a negative one; and "
            "`longest` makes no difference",
            *FILL_HINTS,
        ),
        spanning(
            "context-as-a-factor",
            "factor",
            "the scores outside of the text are multiplied by 0, and 0 is more than a negative "
            "score",
            *FILL_HINTS,
        ),
        spanning(
            "zeros-everywhere",
            "factor, band",
            "scores outside of the text become 0, and so do the sums of pairs that aren't allowed",
            *FILL_HINTS,
        ),
        spanning(
            "minus-ten-for-not-allowed",
            "small",
            "what isn't allowed has a low number, but there are lower ones",
            *FILL_HINTS,
        ),
        spanning(
            "not-below-every-score",
            "not small enough",
            "what isn't allowed has a fixed score, or the search begins with one: however low it "
            "is, all of the text's sums may be lower",
            *FILL_HINTS,
        ),
        spanning(
            "search-from-place-0",
            "place 0",
            "(0, 0) is allowed, or the search begins with its scores: [CLS] is no answer",
            *CONTEXT_HINTS,
        ),
        spanning(
            "triangle-in-the-text",
            "triangle in the text",
            "`triu` and `tril` make 0 of what is out of reach, and 0 wins against negative sums",
            *FILL_HINTS,
        ),
        spanning(
            "shares-multiplied",
            "shares multiplied",
            "softmax is taken over the whole sequence: a high score outside leaves shares of 0 to "
            "the text, and all of its answers are the same",
            "Give a token of the question a score of 300. What are the shares of the others?",
            "A product of shares is highest where the sum of the scores is: no softmax is needed.",
            "Add the scores themselves: `start[:, None] + end`.",
        ),
        spanning(
            "last-place-left-out",
            "last place",
            "no answer ends at the last place of the sequence",
            "Let the text reach to the end, and the best answer stand there. What do you return?",
            "`range(n)` ends at n - 1, and so does a slice `[:n]`.",
            "Let `j` run up to the last place, included.",
        ),
        spanning(
            "last-of-the-text-left-out",
            "last of the text",
            "no answer ends at the last token of the text",
            "Let the best answer stand at the end of the text. What do you return?",
            "A slice `[low:high]` ends before `high`.",
            "Take one more: `[low : high + 1]`.",
        ),
        spanning(
            "search-from-zero",
            "small loop",
            "the search begins with a best of 0: where all sums are negative, nothing is found",
            *FILL_HINTS,
        ),
        spanning(
            "nothing-found",
            "small loop, none",
            "the search begins with a best of 0: where all sums are negative, `None` comes out",
            *FILL_HINTS,
        ),
        spanning(
            "counted-in-the-text",
            "relative",
            "the places are counted from the first token of the text, not of the sequence",
            *PLACE_HINTS,
        ),
        spanning(
            "end-behind",
            "behind",
            "the second place is the one behind the answer, as in a slice",
            *PLACE_HINTS,
        ),
        spanning(
            "length-not-end",
            "length",
            "the second number is the answer's length, not its last place",
            *PLACE_HINTS,
        ),
        spanning(
            "end-comes-first",
            "turned",
            "the end comes first and the start second",
            *PLACE_HINTS,
        ),
        spanning(
            "place-in-the-table",
            "flat",
            "`argmax` counts through the whole table, row after row; the two places are hidden in "
            "it",
            "What is the highest number that your function can return for a sequence of 10?",
            "Row i, column j of a table with `seq` columns is number i · seq + j.",
            "`divmod(number, seq)` gives (i, j).",
        ),
        spanning(
            "score-returned-too",
            "score too",
            "three numbers come out; the two places were asked for",
            *PLACE_HINTS,
        ),
    ],
    hints=(
        "Take a text of three tokens and write down the table of all sums by hand; cross out what "
        "is not allowed.",
        "Three conditions on a pair (i, j): both in the text, the end not before the start, not "
        "more than `longest` tokens.",
        "A table `start[:, None] + end`, −infinity where one of the conditions fails, `argmax`, "
        "and `divmod` by the number of columns.",
    ),
    allows=Edges(
        dtypes=("float32", "float64"),
        axes=(1,),
        sizes=(1, 1000),
        labels=(
            "far below zero",
            "that you would think of",
            "last place",
            "text of one token",
            "one token",
            "anything goes",
            "above seq",
        ),
    ),
    also_right=[span_by_loops, span_by_bands],
)


# --- 14.pieces ------------------------------------------------------------------------------


def piece_cases(generator):
    def tried(label, sizes, front=1, back=1, limit=6, low=0, labels=None, extra=0):
        """`sizes` says how many pieces each word has."""
        words = [n for n, size in enumerate(sizes) for _ in range(size)]
        if labels is None:
            labels = numbers(generator, low, limit, len(sizes) + extra)
        return case(label, [None] * front + words + [None] * back, labels)

    mixed = [1 + n % 3 for n in numbers(generator, 0, 9, 7)]
    return [
        tried("one piece for each word", [1] * 5),
        tried("some words of several pieces", [1, 3, 1, 2, 1], low=1),
        tried("any words", mixed),
        tried("the first word is cut up", [3, 1, 2], labels=[4, 2, 3]),
        tried("the last word is cut up", [1, 2, 4], labels=[2, 5, 1]),
        tried("the label 0", [2, 2, 1, 2], labels=[0, 3, 0, 0]),
        tried("neighbours with the same label", [2, 3, 1, 2, 1], labels=[2, 2, 2, 5, 5]),
        tried("every word has the label of the first", [1, 2, 1, 3], labels=[3, 3, 3, 3]),
        tried("words without a piece", [1, 0, 2, 0, 0, 1], labels=[1, 2, 3, 4, 5, 6]),
        tried("the first word has no piece", [0, 2, 1], labels=[4, 1, 5]),
        tried("cut off: more labels than words", [1, 2, 2], extra=3),
        tried("padding on the right", [2, 1], back=5, labels=[3, 1]),
        tried("padding on the left", [2, 1, 1], front=4, labels=[3, 1, 2]),
        tried("no special tokens", [2, 1, 3], front=0, back=0, labels=[5, 4, 2]),
        tried("one word without special tokens", [1], front=0, back=0, labels=[3]),
        tried("one word of two pieces", [2], front=0, back=0, labels=[2]),
        tried("two special tokens at the end", [1, 2], back=2, labels=[4, 6]),
        tried("only special tokens", [], front=1, back=1, labels=[2]),
        tried("no pieces at all", [], front=0, back=0),
        tried("words far away", [0] * 300 + [2, 1, 2], labels=[n % 7 for n in range(303)]),
    ]


def wrong_pieces(words, labels, *, slip):
    if slip == "edited":
        for i in reversed(range(len(words))):
            first = words[i] is not None and (i == 0 or words[i - 1] != words[i])
            words[i] = labels[words[i]] if first else -100
        return words
    if slip == "specials left out":
        words = [word for word in words if word is not None]
    if slip == "zipped":
        pairs = zip(words, labels, strict=False)
        return [-100 if word is None else label for word, label in pairs]
    if slip == "counted along":
        out, turn = [], 0
        for word in words:
            out.append(labels[word] if word == turn else -100)
            turn += word == turn
        return out
    if slip == "none looked up":
        return [
            labels[word] if i == 0 or word != words[i - 1] else -100 for i, word in enumerate(words)
        ]
    out, seen, turn = [], set(), 0
    for i, word in enumerate(words):
        before = words[i - 1] if i else None
        after = words[i + 1] if i + 1 < len(words) else None
        if slip == "place 0":
            before = words[i - 1] if i else word
        if slip == "wraps":
            before = words[i - 1]
        first = word is not None and word != before
        label = labels[word] if word is not None and word < len(labels) else -100
        if slip == "every piece":
            first = word is not None
        elif slip == "last piece":
            first = word is not None and word != after
        elif slip == "not the first":
            first = word is not None and word == before
        elif slip == "alone":
            first = word is not None and word not in (before, after)
        elif slip == "zero is none":
            first = bool(word) and first
        elif slip == "zero label":
            first = first and bool(label)
        elif slip == "same label":
            kept = None if before is None or before >= len(labels) else labels[before]
            first = word is not None and label != kept
        elif slip == "label seen":
            first = word is not None and label not in seen
            seen.add(label)
        elif slip == "at places":
            label = labels[i] if i < len(labels) else -100
        elif slip in ("in turn", "used up"):
            label = labels[turn] if turn < len(labels) else -100
            turn += first
        elif slip == "next":
            label = labels[word + 1] if first and word + 1 < len(labels) else -100
        elif slip == "before":
            label = labels[word - 1] if first else -100
        elif slip == "word number":
            label = word
        else:
            label = label if first else -100
        rest = {"zeros": 0, "minus one": -1, "none": None, "text": "X"}.get(slip, -100)
        if slip == "specials zero" and word is None:
            rest = 0
        elif slip == "specials none" and word is None:
            rest = None
        elif slip == "pieces zero" and word is not None:
            rest = 0
        elif slip == "specials labelled" and word is None:
            rest = labels[0 if not i else -1] if labels else -100
        elif slip == "specials last":
            rest = labels[-1] if word is None and labels else -100
        out.append(label if first else rest)
    if slip == "used up":
        del labels[:turn]
    if slip == "from 1":
        return out[1:]
    if slip == "firsts alone":
        return [label for label in out if label != -100]
    if slip == "tensor":
        return torch.tensor(out)
    return out


def pieces_by_set(words, labels):
    seen = {None}
    return [-100 if word in seen or seen.add(word) else labels[word] for word in words]


def pieces_by_place(words, labels):
    out = [-100] * len(words)
    for word in set(words) - {None}:
        out[words.index(word)] = labels[word]
    return out


piecing = told_of(wrong_pieces, "slip")


FIRST_HINTS = (
    "Which labels do you give for the words [None, 0, 0, 1, None]?",
    "A word is asked once, at its first piece.",
    "A piece is the first of its word when the piece before it has another number.",
)
SPECIAL_PIECE_HINTS = (
    "Which labels do you give for the words [None, 0, None]?",
    "A special token and padding are no word, and nothing is asked of them.",
    "−100 where the entry `is None`.",
)
NUMBER_HINTS = (
    "Which labels do you give for the words [None, 0, 2, None] and the labels [5, 6, 7]?",
    "The number of a word says where its label stands.",
    "`labels[word]`, with the number as it is.",
)
REST_HINTS = (
    "What do you write at the second piece of a word?",
    "The text names the label that means: don't ask here.",
    "−100 at every place that isn't a first piece.",
)

PIECES = Exercise(
    id="14.pieces",
    title="A label for each word, not for each piece",
    kind="code",
    points=2,
    name="piece_labels",
    cases=piece_cases,
    any_sequence=True,
    mistakes=[
        piecing(
            "every-piece",
            "every piece",
            "every piece has its word's label: a long word is asked several times",
            *FIRST_HINTS,
        ),
        piecing(
            "first-place-never-asked",
            "place 0",
            "place 0 is never asked, as if a special token stood there; a word may begin the list",
            "Call it with the words [0, 0] and the labels [2]. Is anything asked?",
            "What stands before the first piece of all? Nothing, so it begins a word.",
            "Begin with `before = None`, which is no word.",
        ),
        piecing(
            "last-piece",
            "last piece",
            "the *last* piece of a word has its label",
            *FIRST_HINTS,
        ),
        piecing(
            "all-but-the-first",
            "not the first",
            "the first piece has −100, and the others have the label: it is the other way round",
            *FIRST_HINTS,
        ),
        piecing(
            "whole-words-only",
            "alone",
            "a word of several pieces has no label at all",
            *FIRST_HINTS,
        ),
        piecing(
            "word-0-is-none",
            "zero is none",
            "the word with the number 0 is taken for a special token",
            "Which labels do you give for the words [None, 0, 1, None]?",
            "In Python, 0 is as false as `None`.",
            "Ask `word is None`, not `not word`.",
        ),
        piecing(
            "label-0-is-none",
            "zero label",
            "a word with the label 0 isn't asked",
            "Give every word the label 0.",
            "In Python, 0 is as false as `None`, and here it is a label.",
            "Ask the word whether it is `None`, not its label.",
        ),
        piecing(
            "labels-compared",
            "same label",
            "a word isn't asked when its label is that of the word before: labels are compared, "
            "not words",
            "Give two neighbours the same label. Is the second asked?",
            "Another piece of the same word has the same *number*.",
            "Compare the entries of `words`.",
        ),
        piecing(
            "each-label-once",
            "label seen",
            "each label is given once: you remember the labels that were given, not the words",
            "Give two words the same label. Is the second asked?",
            "Another piece of the same word has the same *number*.",
            "Remember the entries of `words`.",
        ),
        piecing(
            "begins-at-1",
            "from 1",
            "the first entry of `words` is left out: the list is too short by one",
            "How long is your list, and how long is `words`?",
            "The first entry may be a special token, or the first piece of a word; it counts in "
            "both cases.",
            "Remember the number before in a variable that begins with `None`, and go through all "
            "entries.",
        ),
        piecing(
            "looks-round-the-end",
            "wraps",
            "the first piece is compared with the last: `words[-1]` is no error in Python",
            "Which labels do you give for the single word [0]?",
            "Nothing stands before the first piece.",
            "Remember the number before in a variable that begins with `None`.",
        ),
        piecing(
            "label-at-the-piece's-place",
            "at places",
            "the label is looked up by the piece's place, not by the word's number",
            *NUMBER_HINTS,
        ),
        piecing(
            "labels-in-turn",
            "in turn",
            "each new word takes the next label; a word without a piece puts all later ones out of "
            "step",
            *NUMBER_HINTS,
        ),
        piecing(
            "labels-used-up",
            "used up",
            "each new word takes the next label out of the list: `labels` is shorter afterwards, "
            "and a word without a piece puts all later ones out of step",
            *NUMBER_HINTS,
        ),
        piecing(
            "words-counted-along",
            "counted along",
            "you wait for word 0, then for word 1, and so on: behind a word without a piece "
            "nothing is asked any more",
            *NUMBER_HINTS,
        ),
        piecing(
            "zipped",
            "zipped",
            "pieces and labels go side by side: the label is that of the piece's place, and the "
            "list ends with the shorter one",
            *NUMBER_HINTS,
        ),
        piecing(
            "none-looked-up",
            "none looked up",
            "`None` is looked up among the labels",
            *SPECIAL_PIECE_HINTS,
        ),
        piecing(
            "next-word's-label",
            "next",
            "each word has the label of the word behind it",
            *NUMBER_HINTS,
        ),
        piecing(
            "word-before's-label",
            "before",
            "each word has the label of the word before it: numbers count from 0",
            *NUMBER_HINTS,
        ),
        piecing(
            "word-number-as-label",
            "word number",
            "the number of the word is given, not its label",
            *NUMBER_HINTS,
        ),
        piecing(
            "zeros-for-the-rest",
            "zeros",
            "where nothing is asked stands 0, which is a label",
            *REST_HINTS,
        ),
        piecing(
            "minus-one-for-the-rest",
            "minus one",
            "where nothing is asked stands −1; it should be −100",
            *REST_HINTS,
        ),
        piecing(
            "none-for-the-rest",
            "none",
            "where nothing is asked stands `None`; it should be −100",
            *REST_HINTS,
        ),
        piecing(
            "zero-for-other-pieces",
            "pieces zero",
            "the other pieces of a word have 0, which is a label; special tokens are right",
            *REST_HINTS,
        ),
        piecing(
            "zero-for-special-tokens",
            "specials zero",
            "special tokens have 0, which is a label; the other pieces of a word are right",
            *SPECIAL_PIECE_HINTS,
        ),
        piecing(
            "none-for-special-tokens",
            "specials none",
            "special tokens have `None`; it should be −100",
            *SPECIAL_PIECE_HINTS,
        ),
        piecing(
            "special-tokens-labelled",
            "specials labelled",
            "special tokens have the label of a word",
            *SPECIAL_PIECE_HINTS,
        ),
        piecing(
            "last-label-for-special-tokens",
            "specials last",
            "special tokens have the last word's label",
            *SPECIAL_PIECE_HINTS,
        ),
        piecing(
            "special-tokens-left-out",
            "specials left out",
            "special tokens are left out: the list is shorter than `words`",
            "How long is your list, and how long is `words`?",
            "The model gives scores for special tokens, too; each needs an entry.",
            "−100 where the entry `is None`.",
        ),
        piecing(
            "first-pieces-alone",
            "firsts alone",
            "only first pieces have an entry: the list is shorter than `words`",
            "How long is your list, and how long is `words`?",
            "The model gives scores for every piece; each needs an entry.",
            "−100 at every place that isn't a first piece.",
        ),
        piecing(
            "words-edited",
            "edited",
            "the labels are right, but they are written over the list that came in",
            "Print `words` before and after the call.",
            "Two names for one list are one list.",
            "Begin with an empty list, and append.",
        ),
        piecing(
            "a-tensor",
            "tensor",
            "a tensor comes out; a list was asked for",
            "What does `type` say of what you return?",
            "Lists of several texts are padded before they become a tensor.",
            "Return the list.",
        ),
    ],
    hints=(
        "Write down by hand what belongs to the words [None, 0, 0, 1, None] and the labels [3, 0].",
        "Two questions for each piece: is it a word's at all, and is it the first of this word?",
        "Go through `words` and remember the entry before; where a new number comes, take its "
        "label.",
    ),
    allows=Edges(
        sizes=(0, 1, 2),
        labels=("label 0", "same label", "without a piece", "cut off", "on the left", "no special"),
    ),
    also_right=[pieces_by_set, pieces_by_place],
)


EXERCISES = [HIDE, LOSS, BERT, PAIR, POOL, PIECES, SPAN]
