"""Answer key of chapter 15: holes in a text, T5's bias and T5, labels by likelihood, and a path."""

import math
from functools import cache, partial
from heapq import heappop, heappush
from itertools import groupby, pairwise

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.grader.judging.edges import in_dtype
from course_lib.grader.judging.key import Case, Edges, Exercise, call, case, told_of
from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PostNorm, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention, merge_heads, split_heads
from course_lib.nn.norms import LayerNorm, RMSNorm
from course_lib.nn.positions.relative import RelativeBias, t5_bucket
from course_lib.nn.stacks import Decoder, Encoder


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


def ids_below(generator, limit, *shape, low=0):
    return torch.randint(low, limit, shape, generator=generator)


def numbers(generator, low, high, n):
    return torch.randint(low, high, (n,), generator=generator).tolist()


# --- 15.corrupt -----------------------------------------------------------------------------


def corrupt_cases(generator):
    def tried(label, n, spans, *, low=20, high=90, first=None):
        first = numbers(generator, 100, 200, 1)[0] if first is None else first
        return case(label, numbers(generator, low, high, n), spans, first)

    return [
        tried("three holes", 12, [(1, 3), (5, 6), (8, 11)]),
        tried("ids that repeat", 14, [(4, 6), (8, 11)], low=1, high=4),
        tried("zeros among the ids", 9, [(2, 4), (6, 7)], low=0, high=2),
        tried("a hole at the start", 8, [(0, 2), (4, 5)]),
        tried("a hole at the end", 9, [(2, 3), (6, 9)]),
        tried("a hole at both ends", 10, [(0, 3), (8, 10)]),
        tried("holes that touch", 11, [(2, 4), (4, 5), (5, 8)]),
        tried("the whole text in holes that touch", 6, [(0, 1), (1, 4), (4, 6)]),
        tried("one hole, all of the text", 5, [(0, 5)]),
        tried("one hole in the middle", 7, [(3, 5)]),
        tried("no holes", 6, []),
        tried("no text", 0, []),
        tried("one token, hidden", 1, [(0, 1)]),
        tried("holes of one token", 7, [(1, 2), (3, 4), (6, 7)]),
        tried("a dozen holes", 40, [(3 * n, 3 * n + 1 + n % 2) for n in range(12)]),
        tried("sentinels below the ids", 9, [(1, 2), (4, 7)], low=40, first=9),
    ]


def hidden(ids, spans, first_sentinel):
    inputs, targets, seen = [], [], 0
    for number, (start, stop) in enumerate(spans):
        inputs += [*ids[seen:start], first_sentinel - number]
        targets += [first_sentinel - number, *ids[start:stop]]
        seen = stop
    return inputs + list(ids[seen:]), [*targets, first_sentinel - len(spans)]


def joined(spans):
    """Holes that touch as one."""
    out = []
    for start, stop in spans:
        if out and out[-1][1] == start:
            out[-1] = (out[-1][0], stop)
        else:
            out.append((start, stop))
    return out


def of_stretches(ids, spans, first_sentinel):
    """The target as the text with each stretch that was kept behind a sentinel."""
    holes = {place for start, stop in spans for place in range(start, stop)}
    targets, sentinel = [], first_sentinel
    for place, token in enumerate(ids):
        if place in holes:
            targets.append(token)
        elif place == 0 or place - 1 in holes:
            targets.append(sentinel)
            sentinel -= 1
    return targets


def without_sentinels(ids, spans, first_sentinel):
    """The inputs where the places were moved by the holes, but not by their sentinels."""
    inputs, moved = list(ids), 0
    for number, (start, stop) in enumerate(spans):
        inputs[start - moved : stop - moved] = [first_sentinel - number]
        moved += stop - start
    return inputs


def shifted_holes(ids, spans, first_sentinel):
    """Cut one hole after the other out of a text that gets shorter."""
    left, targets = list(ids), []
    for number, (start, stop) in enumerate(spans):
        targets += [first_sentinel - number, *left[start:stop]]
        left[start:stop] = [first_sentinel - number]
    return left, [*targets, first_sentinel - len(spans)]


def looked_for(ids, spans, first_sentinel):
    """The inputs where each hole is looked for by its first id in what is left of the text."""
    inputs = list(ids)
    for number, (start, stop) in enumerate(spans):
        where = inputs.index(ids[start])
        inputs[where : where + stop - start] = [first_sentinel - number]
    return inputs


def removed(ids, spans, first_sentinel):
    """The first token of a hole is looked for, and the others are removed by their value."""
    inputs = list(ids)
    for number, (start, stop) in enumerate(spans):
        inputs[inputs.index(ids[start])] = first_sentinel - number
        for token in ids[start + 1 : stop]:
            inputs.remove(token)
    return inputs


def numbered_from_behind(ids, spans, first_sentinel):
    """Cut from the last hole to the first, and numbered on the way."""
    inputs, holes = list(ids), []
    for number, (start, stop) in enumerate(reversed(spans)):
        inputs[start:stop] = [first_sentinel - number]
        holes.append([first_sentinel - number, *ids[start:stop]])
    return inputs, [*(x for hole in holes for x in hole), first_sentinel - len(spans)]


def marked(ids, spans, first_sentinel):
    """The text with a sentinel in each hidden place."""
    inputs = list(ids)
    for number, (start, stop) in enumerate(spans):
        inputs[start:stop] = [first_sentinel - number] * (stop - start)
    return inputs


def without_zeros(ids, spans, first_sentinel):
    """The inputs where 0 marks what is to be dropped, and ids that are 0 go with it."""
    return [token for token in hidden(ids, spans, first_sentinel)[0] if token]


def never_moved(ids, spans, first_sentinel):
    """The inputs where each hole begins again with the text's first token, and so does the rest."""
    pieces = [[*ids[:start], first_sentinel - n] for n, (start, _) in enumerate(spans)]
    return [token for piece in pieces for token in piece] + list(ids)


def moved_at_last(ids, spans, first_sentinel):
    """The same, but for the rest, which comes from behind the last hole."""
    whole = never_moved(ids, spans, first_sentinel)
    last = spans[-1][1] if spans else 0
    return whole[: len(whole) - len(ids)] + list(ids[last:])


FOUND_AGAIN = {
    "removed": removed,
    "never moved": never_moved,
    "moved at last": moved_at_last,
    "inputs by value": looked_for,
    "alike joined": lambda *given: [token for token, _ in groupby(marked(*given))],
    "each once": lambda *given: list(dict.fromkeys(marked(*given))),
    "zeros dropped": without_zeros,
}


def wrong_corrupt(ids, spans, first_sentinel, *, slip):
    right = hidden(ids, spans, first_sentinel)
    if slip == "stop included":
        spans = [(start, stop + 1) for start, stop in spans]
    elif slip == "start and length":
        spans = [(start, start + length) for start, length in spans]
    elif slip == "merged":
        spans = joined(spans)
    elif slip == "one below":
        first_sentinel -= 1
    elif slip == "start kept":
        spans = [(start + 1, stop) for start, stop in spans]
    elif slip == "stop short":
        spans = [(start, stop - 1) for start, stop in spans]
    elif slip == "by value":
        starts = [ids.index(ids[start]) for start, _ in spans]
        spans = [(a, a + stop - start) for a, (start, stop) in zip(starts, spans, strict=True)]
    whole = ("stop included", "start and length", "merged", "one below", "by value")
    if slip in (*whole, "start kept", "stop short"):
        return hidden(ids, spans, first_sentinel)
    if slip == "first hole alone":
        return hidden(ids, spans[:1], first_sentinel)
    if slip == "lowered between":
        lower = hidden(ids, spans, first_sentinel - 1)[1]
        return right[0], lower
    if slip == "with what was kept":
        ends = [0, *(stop for _, stop in spans)]
        longer = [(end, stop) for end, (_, stop) in zip(ends, spans, strict=False)]
        return right[0], hidden(ids, longer, first_sentinel)[1]
    if slip == "closed in the loop":
        closed = [
            [first_sentinel - n, *ids[start:stop], first_sentinel - n - 1]
            for n, (start, stop) in enumerate(spans)
        ]
        return right[0], [token for hole in closed for token in hole]
    if slip in ("</s> behind both", "</s> behind the target"):
        return right[0] + [1] * slip.endswith("both"), [*right[1], 1]
    if slip == "from behind":
        return numbered_from_behind(ids, spans, first_sentinel)
    if slip == "target stop included":
        longer = [(start, stop + 1) for start, stop in spans]
        return right[0], hidden(ids, longer, first_sentinel)[1]
    if slip == "one lost in front":
        starts = [0, *(stop for _, stop in spans)]
        pieces = [
            [*ids[seen : start - 1], first_sentinel - n]
            for n, (seen, (start, _)) in enumerate(zip(starts, spans, strict=False))
        ]
        return [x for piece in pieces for x in piece] + list(ids[starts[-1] :]), right[1]
    if slip in FOUND_AGAIN:
        return FOUND_AGAIN[slip](ids, spans, first_sentinel), right[1]
    if slip == "moved":
        return shifted_holes(ids, spans, first_sentinel)
    if slip == "moved inputs":
        return shifted_holes(ids, spans, first_sentinel)[0], right[1]
    if slip == "sentinels not moved":
        return without_sentinels(ids, spans, first_sentinel), right[1]
    if slip == "targets backwards":
        holes = [(first_sentinel - n, *ids[a:b]) for n, (a, b) in enumerate(spans)]
        return right[0], [*(x for hole in holes[::-1] for x in hole), right[1][-1]]
    if slip == "stretches":
        return right[0], of_stretches(ids, spans, first_sentinel)
    if slip == "edited":
        ids[:] = right[0]
        return ids, right[1]
    if slip == "spans used up":
        spans.clear()
        return right
    inputs, targets, seen, last = [], [], 0, len(spans) - 1
    for number, (start, stop) in enumerate(spans):
        count = {
            "upwards": -number,
            "one sentinel": 0,
            "backwards": last - number,
            "by place": start,
            "two apart": 2 * number,
            "skips one": number + bool(number),
        }.get(slip, number)
        sentinel = first_sentinel - count
        hole = [sentinel]
        if slip in ("a sentinel each", "as long"):
            hole = [sentinel] * (stop - start)
        elif slip == "left out":
            hole = []
        elif slip == "beside":
            hole = [sentinel, *ids[start:stop]]
        elif slip == "first token kept":
            hole = [ids[start], sentinel]
        elif slip == "first token hidden":
            hole = [sentinel, *ids[start + 1 : stop]]
        elif slip == "last token left":
            hole = [ids[stop - 1]]
        before = ids[seen:start]
        if slip in ("inputs nested", "both nested"):
            inputs.append(before)
        elif slip != "head lost" or number:
            inputs += before
        inputs += hole
        tokens = ids[start:stop]
        if slip == "a sentinel each":
            targets += [x for token in tokens for x in (sentinel, token)]
        elif slip in ("bare", "bare, closed"):
            targets += tokens
        elif slip in ("behind", "behind, closed"):
            targets += [*tokens, sentinel]
        elif slip in ("targets nested", "both nested"):
            targets += [sentinel, tokens]
        elif slip == "closed each":
            targets += [sentinel, *tokens, sentinel - 1]
        elif slip == "both sides":
            targets += [sentinel, *tokens, sentinel]
        elif slip == "sentinels first":
            targets.append(sentinel)
        elif slip == "one of each":
            targets += [sentinel, *tokens[:1]]
        else:
            targets += [sentinel, *tokens]
        seen = stop + (slip == "one lost behind")
        if slip == "rest each time":
            inputs += ids[seen:]
            seen = stop
    if slip == "sentinels first":
        targets += [token for start, stop in spans for token in ids[start:stop]]
    tail = ids[seen:]
    if slip in ("inputs nested", "both nested"):
        inputs.append(tail)
    elif slip not in ("tail lost", "rest each time"):
        inputs += tail
    closing = {
        "closed one above": first_sentinel - len(spans) + 1,
        "closed one below": first_sentinel - len(spans) - 1,
        "closed by </s>": 1,
        "closed by -1": -1,
        "upwards": first_sentinel + len(spans),
        "one sentinel": first_sentinel,
        "two apart": first_sentinel - 2 * len(spans),
        "closed by the last": first_sentinel - max(last, 0),
        "closed by the first": first_sentinel,
        "closed by the end": first_sentinel - len(ids),
        "skips one": first_sentinel - len(spans) - bool(spans),
    }.get(slip, first_sentinel - len(spans))
    open_end = {
        "unclosed": True,
        "bare": True,
        "behind": True,
        "unclosed at the end": not tail and bool(spans),
        "nothing for no holes": not spans,
    }
    if not open_end.get(slip):
        targets.append(closing)
    if slip == "closed twice":
        inputs.append(closing)
    if slip == "nothing read" and not spans:
        inputs = []
    if slip == "with the kept":
        targets = list(ids)
    if slip == "minus 100":
        holes = {place for start, stop in spans for place in range(start, stop)}
        targets = [token if n in holes else -100 for n, token in enumerate(ids)]
    if slip == "exchanged":
        return targets, inputs
    if slip == "one list":
        return inputs + targets
    if slip == "inputs alone":
        return inputs
    if slip == "tensors":
        return torch.tensor(inputs), torch.tensor(targets)
    return inputs, targets


def corrupt_by_place(ids, spans, first_sentinel):
    """Right: token by token."""
    starts = {start: n for n, (start, _) in enumerate(spans)}
    inside = {place: n for n, span in enumerate(spans) for place in range(*span)}
    inputs, targets = [], []
    for place, token in enumerate(ids):
        if place in starts:
            inputs.append(first_sentinel - starts[place])
            targets.append(first_sentinel - starts[place])
        (targets if place in inside else inputs).append(token)
    targets.append(first_sentinel - len(spans))
    return inputs, targets


def corrupt_from_behind(ids, spans, first_sentinel):
    """Right: the last hole first, so that no place moves."""
    inputs, targets = list(ids), [first_sentinel - len(spans)]
    for n in reversed(range(len(spans))):
        hole = slice(*spans[n])
        targets[:0] = [first_sentinel - n, *inputs[hole]]
        inputs[hole] = [first_sentinel - n]
    return inputs, targets


corrupting = told_of(wrong_corrupt, "slip")


BORDER_HINTS = (
    "Cut the hole (1, 3) out of [10, 11, 12, 13]. What should be in it?",
    "A hole is written as a slice of Python is: `stop` is the first place that stays.",
    "`ids[start:stop]` is hidden, and the text goes on at `stop`.",
)
MOVED_HINTS = (
    "Cut two holes, the first three tokens long. Where does the second begin in your list?",
    "The places in `spans` are those of the text as it came in.",
    "Leave `ids` as it is, and build a new list: from the last hole's end to this one's start.",
)
SENTINEL_HINTS = (
    "Write down the sentinels of your inputs for three holes, from left to right.",
    "The first hole has `first_sentinel`, and each further hole the id below the one before.",
    "The sentinel of hole n, counted from 0, is `first_sentinel - n`.",
)
CLOSING_HINTS = (
    "What does your target end with: for two holes, for a hole at the end, and for no holes?",
    "The target always ends with one more sentinel: the next one.",
    "`first_sentinel - len(spans)` closes every target.",
)
TARGET_HINTS = (
    "Read your target aloud. Does it say which token belongs into which hole?",
    "For each hole: first its sentinel, then what stood in it.",
    "`targets += [sentinel, *ids[start:stop]]`, hole by hole.",
)
INPUT_HINTS = (
    "Read your input aloud, for [10, 11, 12, 13] with the hole (1, 3).",
    "The text as it came, with one sentinel in the place of each hole.",
    "From the last hole's end to this one's start, then the sentinel; at last the rest.",
)

CORRUPT = Exercise(
    id="15.corrupt",
    title="Holes in a text",
    kind="code",
    points=2,
    name="corrupt",
    cases=corrupt_cases,
    any_sequence=True,
    mistakes=[
        corrupting(
            "numbered-from-behind",
            "from behind",
            "you go through the holes from the last to the first, and number them on the way: the "
            "last hole of the text gets the first sentinel, and the target begins with it",
            "Cut two holes. Which sentinel stands first in your input?",
            "To cut from behind is fine; the sentinels are still counted from the front.",
            "With `for n in reversed(range(len(spans)))` the sentinel is `first_sentinel - n`.",
        ),
        corrupting(
            "removed-by-value",
            "removed",
            "`index` and `remove` look for a token by its number, and take its first place in the "
            "text: tokens repeat",
            *MOVED_HINTS,
        ),
        corrupting(
            "one-token-more-in-the-target",
            "target stop included",
            "in the target each hole has one token more than was cut out: `stop` itself stays in "
            "the input",
            *BORDER_HINTS,
        ),
        corrupting(
            "token-lost-in-front",
            "one lost in front",
            "the token in front of each hole is lost: the piece before a hole goes up to `start`, "
            "and a slice leaves its end out already",
            *BORDER_HINTS,
        ),
        corrupting(
            "closed-by-minus-1",
            "closed by -1",
            "the target ends with −1; it ends with one more sentinel",
            *CLOSING_HINTS,
        ),
        corrupting(
            "stop-included",
            "stop included",
            "the token at `stop` is hidden, too: every hole is too long by one",
            *BORDER_HINTS,
        ),
        corrupting(
            "start-and-length",
            "start and length",
            "the second number of a pair is taken for a length; it is the place where the hole "
            "ends",
            *BORDER_HINTS,
        ),
        corrupting(
            "places-have-moved",
            "moved",
            "behind the first hole everything is cut at the wrong place: the list gets shorter, "
            "and the places are still the old ones",
            *MOVED_HINTS,
        ),
        corrupting(
            "places-of-the-inputs-have-moved",
            "moved inputs",
            "the targets are right, but the inputs are cut from a list that gets shorter with each "
            "hole",
            *MOVED_HINTS,
        ),
        corrupting(
            "sentinels-move-places-too",
            "sentinels not moved",
            "places are moved by the length of each hole, but a sentinel stands in its place, and "
            "that is one token",
            *MOVED_HINTS,
        ),
        corrupting(
            "first-hidden-token-kept",
            "start kept",
            "the token at `start` stays in the text: every hole begins one place too late",
            *BORDER_HINTS,
        ),
        corrupting(
            "last-hidden-token-kept",
            "stop short",
            "the token in front of `stop` stays in the text: every hole ends one place too early",
            *BORDER_HINTS,
        ),
        corrupting(
            "text-goes-on-too-late",
            "one lost behind",
            "behind each hole one token is lost from the inputs: the text goes on at `stop`, not "
            "behind it",
            *BORDER_HINTS,
        ),
        corrupting(
            "rest-of-a-hole-stays",
            "first token hidden",
            "the input hides only the first token of each hole: the text goes on at `stop`",
            *INPUT_HINTS,
        ),
        corrupting(
            "last-of-a-hole-stays",
            "last token left",
            "the input has each hole's last token in its place: the sentinel was put in, and then "
            "deleted with the tokens",
            *INPUT_HINTS,
        ),
        corrupting(
            "rest-behind-each-hole",
            "rest each time",
            "the rest of the text is added behind *each* hole, inside of the loop; it comes once, "
            "behind the last",
            *INPUT_HINTS,
        ),
        corrupting(
            "inputs-found-by-id",
            "inputs by value",
            "the targets are right, but in the inputs a hole is looked for by its first id, and an "
            "id may stand in the text several times",
            "Cut a hole into [5, 6, 5, 7], at (2, 3). Which 5 is hidden?",
            "`spans` says where, so nothing must be looked for.",
            "Take slices: `ids[start:stop]`.",
        ),
        corrupting(
            "neighbours-that-are-alike-joined",
            "alike joined",
            "neighbours that are alike became one token in the inputs: of the sentinels that is "
            "meant, but ids may repeat, too",
            *INPUT_HINTS,
        ),
        corrupting(
            "each-id-once",
            "each once",
            "each id stands in the inputs only once; a text may hold it several times",
            *INPUT_HINTS,
        ),
        corrupting(
            "zeros-dropped",
            "zeros dropped",
            "the id 0 is dropped from the inputs; in some vocabularies it is a token like others",
            *INPUT_HINTS,
        ),
        corrupting(
            "a-list-in-the-targets",
            "targets nested",
            "what was hidden stands in the targets as lists within the list: `append` puts the "
            "whole list in as one entry",
            "Print your targets. How many brackets do you see?",
            "A list of ids is asked for, and nothing in it is a list.",
            "`+=` and `extend` add the entries of a list one by one.",
        ),
        corrupting(
            "a-list-in-the-inputs",
            "inputs nested",
            "what is kept stands in the inputs as lists within the list: `append` puts the whole "
            "list in as one entry",
            "Print your inputs. How many brackets do you see?",
            "A list of ids is asked for, and nothing in it is a list.",
            "`+=` and `extend` add the entries of a list one by one.",
        ),
        corrupting(
            "lists-in-both",
            "both nested",
            "inputs and targets hold lists within the list: `append` puts a whole list in as one "
            "entry",
            "Print both. How many brackets do you see?",
            "Lists of ids are asked for, and nothing in them is a list.",
            "`+=` and `extend` add the entries of a list one by one.",
        ),
        corrupting(
            "closing-one-too-high",
            "closed one above",
            "the closing sentinel is one too high: it is the last hole's again, and without holes "
            "the one above `first_sentinel`",
            *CLOSING_HINTS,
        ),
        corrupting(
            "closing-one-too-low",
            "closed one below",
            "the closing sentinel is one too low: an id is left out in front of it",
            *CLOSING_HINTS,
        ),
        corrupting(
            "closed-by-1",
            "closed by </s>",
            "the target ends with the id 1, which is `</s>` in T5; its closing sentinel was asked "
            "for",
            *CLOSING_HINTS,
        ),
        corrupting(
            "each-hole-closed",
            "closed each",
            "in the target each hole is closed by the next sentinel, which then begins the next "
            "hole, too; only the last hole is closed",
            *TARGET_HINTS,
        ),
        corrupting(
            "first-hole-alone",
            "first hole alone",
            "only the first hole is cut: a `return` within the loop ends the function in its "
            "first turn",
            "How many turns does your loop take for three holes?",
            "`return` ends the whole function, wherever it stands.",
            "Let `return` stand behind the loop, as far left as the `for`.",
        ),
        corrupting(
            "sentinel-lowered-between",
            "lowered between",
            "the targets' sentinels are one below those of the inputs: the sentinel is lowered "
            "between the two lists",
            *SENTINEL_HINTS,
        ),
        corrupting(
            "kept-tokens-in-the-targets",
            "with what was kept",
            "in the target a hole holds what was kept in front of it, too: it begins where the "
            "last hole ended",
            *TARGET_HINTS,
        ),
        corrupting(
            "closed-in-the-loop",
            "closed in the loop",
            "each hole is closed within the loop, by the sentinel that begins the next one, "
            "too; the closing one comes once, behind the loop",
            *CLOSING_HINTS,
        ),
        corrupting(
            "end-of-text-behind-both",
            "</s> behind both",
            "`</s>`, the id 1, stands behind both lists; it isn't asked for here",
            *CLOSING_HINTS,
        ),
        corrupting(
            "end-of-text-behind-the-target",
            "</s> behind the target",
            "`</s>`, the id 1, stands behind the target; its closing sentinel is its end here",
            *CLOSING_HINTS,
        ),
        corrupting(
            "text-begins-again",
            "never moved",
            "before each hole the text begins again with its first token: nothing remembers "
            "where the last hole ended",
            *INPUT_HINTS,
        ),
        corrupting(
            "text-begins-again-but-for-the-rest",
            "moved at last",
            "before each hole the text begins again with its first token; it goes on where the "
            "last hole ended",
            *INPUT_HINTS,
        ),
        corrupting(
            "targets-from-behind",
            "targets backwards",
            "the target begins with the *last* hole; holes stand there in the order of the text",
            *TARGET_HINTS,
        ),
        corrupting(
            "holes-found-by-id",
            "by value",
            "a hole is looked for by its first id, and an id may stand in the text several times",
            "Cut a hole into [5, 6, 5, 7], at (2, 3). Which 5 is hidden?",
            "`spans` says where, so nothing must be looked for.",
            "Take slices: `ids[start:stop]`.",
        ),
        corrupting(
            "sentinels-upwards",
            "upwards",
            "the sentinels count upwards; each further one is the id *below*",
            *SENTINEL_HINTS,
        ),
        corrupting(
            "one-sentinel-for-all",
            "one sentinel",
            "all holes have the same sentinel, so nobody knows which is which",
            *SENTINEL_HINTS,
        ),
        corrupting(
            "begins-one-below",
            "one below",
            "the first hole's sentinel is one below `first_sentinel`",
            *SENTINEL_HINTS,
        ),
        corrupting(
            "sentinels-from-behind",
            "backwards",
            "the *last* hole has `first_sentinel`: sentinels are counted from behind",
            *SENTINEL_HINTS,
        ),
        corrupting(
            "sentinels-by-place",
            "by place",
            "a sentinel is counted by the place of its hole in the text, not by the hole's number",
            *SENTINEL_HINTS,
        ),
        corrupting(
            "sentinels-two-apart",
            "two apart",
            "two ids are used up for each hole: inputs and targets share one sentinel a hole",
            *SENTINEL_HINTS,
        ),
        corrupting(
            "an-id-skipped",
            "skips one",
            "behind the first sentinel an id is left out",
            *SENTINEL_HINTS,
        ),
        corrupting(
            "a-sentinel-for-each-token",
            "a sentinel each",
            "each hidden token has a sentinel of its own place, as [MASK] in BERT: the input says "
            "how long a hole is",
            *INPUT_HINTS,
        ),
        corrupting(
            "input-as-long-as-the-text",
            "as long",
            "the sentinel stands in the input once for each hidden token; it should stand there "
            "once for each hole",
            *INPUT_HINTS,
        ),
        corrupting(
            "inputs-without-sentinels",
            "left out",
            "the holes are cut out of the input and leave no mark",
            *INPUT_HINTS,
        ),
        corrupting(
            "nothing-hidden",
            "beside",
            "the hidden tokens still stand in the input, behind their sentinel",
            *INPUT_HINTS,
        ),
        corrupting(
            "first-token-not-hidden",
            "first token kept",
            "the first token of each hole still stands in the input",
            *INPUT_HINTS,
        ),
        corrupting(
            "rest-of-the-text-lost",
            "tail lost",
            "what stands behind the last hole is missing in the input",
            *INPUT_HINTS,
        ),
        corrupting(
            "no-input-for-no-holes",
            "nothing read",
            "without holes the input is empty; it should be the whole text",
            *INPUT_HINTS,
        ),
        corrupting(
            "beginning-lost",
            "head lost",
            "what stands in front of the first hole is missing in the input",
            *INPUT_HINTS,
        ),
        corrupting(
            "holes-that-touch-joined",
            "merged",
            "two holes that touch became one; each has a sentinel of its own",
            "Cut the holes (1, 2) and (2, 3). How many sentinels has your input?",
            "One hole may begin where another ends, and they are two even so.",
            "Go through `spans` pair by pair, whatever stands between them.",
        ),
        corrupting(
            "target-not-closed",
            "unclosed",
            "the closing sentinel is missing: nothing tells where the last hole's text ends",
            *CLOSING_HINTS,
        ),
        corrupting(
            "not-closed-at-the-end-of-the-text",
            "unclosed at the end",
            "the target isn't closed when the last hole reaches the end of the text",
            *CLOSING_HINTS,
        ),
        corrupting(
            "nothing-for-no-holes",
            "nothing for no holes",
            "without holes the target is empty; it should be one closing sentinel",
            *CLOSING_HINTS,
        ),
        corrupting(
            "closed-by-the-last",
            "closed by the last",
            "the target is closed by the last hole's own sentinel, not by the next one",
            *CLOSING_HINTS,
        ),
        corrupting(
            "closed-by-the-first",
            "closed by the first",
            "the target is closed by `first_sentinel` again",
            *CLOSING_HINTS,
        ),
        corrupting(
            "closed-by-the-text's-length",
            "closed by the end",
            "the closing sentinel is counted by the tokens of the text, not by the holes",
            *CLOSING_HINTS,
        ),
        corrupting(
            "input-closed-too",
            "closed twice",
            "the closing sentinel stands in the input, too; it belongs to the target alone",
            *CLOSING_HINTS,
        ),
        corrupting(
            "target-without-sentinels",
            "bare",
            "the target is nothing but the hidden tokens, without sentinels",
            *TARGET_HINTS,
        ),
        corrupting(
            "target-with-a-closing-alone",
            "bare, closed",
            "the target has the hidden tokens and a closing sentinel, but none for each hole",
            *TARGET_HINTS,
        ),
        corrupting(
            "sentinel-behind-its-hole",
            "behind",
            "in the target a sentinel stands *behind* what was in its hole",
            *TARGET_HINTS,
        ),
        corrupting(
            "sentinel-behind-its-hole-and-closed",
            "behind, closed",
            "in the target a sentinel stands *behind* what was in its hole, and one more at the "
            "end",
            *TARGET_HINTS,
        ),
        corrupting(
            "sentinel-on-both-sides",
            "both sides",
            "in the target a sentinel stands before and behind what was in its hole",
            *TARGET_HINTS,
        ),
        corrupting(
            "sentinels-then-tokens",
            "sentinels first",
            "the target lists all sentinels first and all tokens then",
            *TARGET_HINTS,
        ),
        corrupting(
            "first-token-of-each-hole",
            "one of each",
            "the target has only the first token of each hole",
            *TARGET_HINTS,
        ),
        corrupting(
            "a-sentinel-for-each-stretch-kept",
            "stretches",
            "the target has a sentinel for each stretch of the text that was *kept*: that is the "
            "same only while the text begins and ends with one and no holes touch",
            *TARGET_HINTS,
        ),
        corrupting(
            "whole-text-as-target",
            "with the kept",
            "the target is the whole text, as with BART; T5 writes only what was hidden",
            *TARGET_HINTS,
        ),
        corrupting(
            "minus-100-for-the-kept",
            "minus 100",
            "the target is as long as the text, with −100 for what was kept, as with BERT",
            *TARGET_HINTS,
        ),
        corrupting(
            "exchanged",
            "exchanged",
            "the targets come first and the inputs second",
            "Print the first of the two lists.",
            "The text says in which order the two are returned.",
            "`return inputs, targets`.",
        ),
        corrupting(
            "inputs-alone",
            "inputs alone",
            "only the inputs are returned; the targets are missing",
            "What shall the model write?",
            "Two lists are to be returned.",
            "`return inputs, targets`.",
        ),
        corrupting(
            "one-list",
            "one list",
            "inputs and targets are one long list; two lists were asked for",
            "How many results does your function have?",
            "The encoder reads one of them, the decoder writes the other.",
            "`return inputs, targets`, with a comma.",
        ),
        corrupting(
            "tensors",
            "tensors",
            "two tensors come out; lists were asked for",
            "What does `type` say of what you return?",
            "Lists of several texts are padded before they become a tensor.",
            "Return the lists.",
        ),
        corrupting(
            "ids-edited",
            "edited",
            "the lists are right, but `ids` was changed on the way",
            "Print `ids` before and after the call.",
            "Two names for one list are one list.",
            "Work on a copy: `list(ids)`, or build a new list.",
        ),
        corrupting(
            "spans-used-up",
            "spans used up",
            "the lists are right, but `spans` is empty afterwards",
            "Print `spans` before and after the call.",
            "`pop` takes from the list that the caller still holds.",
            "Go through them with `for start, stop in spans`.",
        ),
    ],
    hints=(
        "Cut [10, 11, 12, 13, 14] by hand, with the holes (0, 2) and (3, 4) and the first sentinel "
        "99.",
        "Three things grow hole by hole: the inputs, the targets, and the place up to which the "
        "text is done.",
        "For each hole: the text up to it and its sentinel to the inputs; the sentinel and the "
        "hole's tokens to the targets. Then the rest, and the closing sentinel.",
    ),
    allows=Edges(
        sizes=(0, 1),
        labels=("repeat", "start", "end", "touch", "no holes", "all of the text", "below the ids"),
    ),
    also_right=[corrupt_by_place, corrupt_from_behind],
    bans=("corrupt_spans",),
)


# --- 15.lengths -----------------------------------------------------------------------------


MEAN = 3  # tokens in a hole


def lengths_cases(generator, density):
    def far(x):
        return abs(x % 1 - 0.5) > 0.04

    def plain(n):
        return far(n * density) and far(max(1, round(n * density)) / MEAN)

    def way(x):
        """Which way a number is rounded: not at all, down, up."""
        part = round(x % 1, 6)
        return (part > 0) + (part > 0.5)

    def kind(n):
        cut = max(1, round(n * density))
        return way(n * density), way(cut / MEAN)

    long = [n for n in range(40, 900) if plain(n)]
    chosen = [
        fitting[numbers(generator, 0, len(fitting), 1)[0]]
        for each in sorted({kind(n) for n in long})
        if any(each) and (fitting := [n for n in long if kind(n) == each])
    ]
    small = [n for n in range(3, 9) if plain(n)]
    huge = next(n for n in numbers(generator, 10_000, 99_999, 50) if plain(n))
    cases = [case(f"{n} tokens", n) for n in dict.fromkeys(chosen)]
    # One token more or less is one cut more or less.
    edges = [n for n in range(9, 40) if plain(n) and round(n * density) != round((n + 1) * density)]
    edges += [
        n for n in range(9, 40) if plain(n) and round(n * density) != round((n - 1) * density)
    ]
    # And rounding all up, or all down, is not to be mistaken for that.
    plain_ones = [n for n in range(9, 99) if plain(n)]
    up = [n for n in plain_ones if round(n * density) == round((n + 1) * density) < n * density]
    down = [n for n in plain_ones if round(n * density) == round((n - 1) * density) > n * density]
    edges = [*edges[:2], *edges[-2:], up[0], down[0]]
    cases += [case(f"{n} tokens", n) for n in dict.fromkeys(edges)]
    cases += [case("two tokens", 2), *(case(f"a short text of {n}", n) for n in small[:2])]
    return [*cases, case("a long text", huge)]


def wrong_lengths(n, *, density, slip):
    share = n * density
    cut = max(1, round(share))
    if slip == "cut floor":
        cut = max(1, int(share))
    elif slip == "cut ceil":
        cut = math.ceil(share)
    elif slip == "cut unbounded":
        cut = round(share)
    elif slip == "kept":
        cut = max(1, round(n * (1 - density)))
    elif slip == "cut of one more":
        cut = max(1, round((n + 1) * density))
    elif slip == "cut of one less":
        cut = max(1, round((n - 1) * density))
    elif slip == "cut at most 1":
        cut = min(1, round(share))
    elif slip == "cut a whole hole":
        cut = max(MEAN, round(share))
    elif slip in ("cut unrounded", "unrounded, bounded"):
        cut = max(1, share)
    elif slip == "cut unrounded and unbounded":
        cut = share
    holes = max(1, round(cut / MEAN))
    holes = {
        "holes at most 1": lambda: min(1, round(cut / MEAN)),
        "holes of the kept": lambda: max(1, round((n - cut) / MEAN)),
        "holes of the share, down": lambda: max(1, int(share / MEAN)),
        "holes of the share, up": lambda: math.ceil(share / MEAN),
        "holes unrounded": lambda: max(1, cut / MEAN),
        "holes unrounded and unbounded": lambda: cut / MEAN,
        "unrounded, bounded": lambda: max(1, cut / MEAN),
        "a hole more": lambda: cut // MEAN + 1,
    }.get(slip, lambda: holes)()
    if slip == "holes floor":
        holes = max(1, cut // MEAN)
    elif slip == "holes ceil":
        holes = math.ceil(cut / MEAN)
    elif slip == "holes unbounded":
        holes = round(cut / MEAN)
    elif slip == "holes of all":
        holes = max(1, round(n / MEAN))
    elif slip == "holes times":
        holes = cut * MEAN
    elif slip == "holes per token":
        holes = cut
    elif slip == "starts":
        holes = max(1, round(share))
        cut = holes * MEAN
    elif slip == "whole holes":
        cut = holes * MEAN
    elif slip == "one hole":
        holes = 1
    elif slip == "three holes":
        holes = 3
    elif slip == "at most 1":
        cut = min(1, round(share))
        holes = min(1, round(cut / MEAN))
    if slip == "unbounded":
        cut = round(share)
        holes = round(cut / MEAN)
    if slip == "floors":
        cut = max(1, int(share))
        holes = max(1, cut // MEAN)
    inputs, targets = n - cut + holes + 1, cut + holes + 1
    told = {
        "written by holes": (inputs, holes * MEAN + holes + 1),
        "holes for what was cut": (n - holes + 1, targets),
        "kept, down": (int(n * (1 - density)) + holes + 1, targets),
        "no sentinels read": (inputs - holes, targets),
        "no sentinels written": (inputs, targets - holes),
        "no sentinels": (inputs - holes, targets - holes),
        "no end read": (inputs - 1, targets),
        "no end written": (inputs, targets - 1),
        "no ends": (inputs - 1, targets - 1),
        "two ends written": (inputs, targets + 1),
        "two ends": (inputs + 1, targets + 1),
        "as BERT": (n + 1, targets),
        "two ends read": (inputs + 1, targets),
        "twice": (inputs + holes, targets + holes),
        "read twice": (inputs + holes, targets),
        "written twice": (inputs, targets + holes),
        "taken away": (inputs - 2 * holes, targets),
        "both ends written": (inputs - 1, targets + 1),
        "whole target": (inputs, n + 1),
        "not cut": (n + holes + 1, targets),
        "exchanged": (targets, inputs),
        "sum": inputs + targets,
        "floats": (float(inputs) + 0.5, float(targets) + 0.5),
        "inputs alone": inputs,
    }
    if slip == "unrounded":
        holes = share / MEAN
        return n - share + holes + 1, share + holes + 1
    return told.get(slip, (inputs, targets))


def lengths_by_lists(n, *, density):
    """Right: counted in lists of that length."""
    cut = ["x"] * (round(n * density) or 1)
    holes = ["<>"] * (round(len(cut) / MEAN) or 1)
    kept = ["."] * (n - len(cut))
    return [len(kept + holes + ["</s>"]), len(holes + cut + ["<>"])]


def lengths_by_sum(n, *, density):
    cut = max(int(n * density + 0.5), 1)
    holes = max(int(cut / MEAN + 0.5), 1)
    target = cut + holes + 1
    return n + 2 + 2 * holes - target, target


measuring = told_of(wrong_lengths, "slip")


CUT_HINTS = (
    "How many tokens do you cut out of a text of 104? And of 97?",
    "The share of the tokens, rounded to the *nearest* whole number; at least one.",
    "`cut = max(1, round(n * density))`.",
)
HOLE_HINTS = (
    "How many holes do you count in a text of 100 tokens?",
    "The number that is cut out, already rounded, divided by a hole's mean length; then the "
    "nearest whole number, at least one.",
    "`holes = max(1, round(cut / 3))`.",
)
COUNT_HINTS = (
    "Write an input and a target down for ten tokens and one hole of two, and count.",
    "Each hole has a sentinel in the input, and one in the target; each of the two has one token "
    "more at its end.",
    "Input: what is kept, the holes, 1. Target: what was cut, the holes, 1.",
)

LENGTHS = Exercise(
    id="15.lengths",
    title="How long is what is left?",
    kind="predict",
    points=2,
    name="span_lengths",
    cases=lengths_cases,
    choices={"density": (0.15, 0.1, 0.2, 0.22)},
    any_sequence=True,
    rtol=0.0,
    atol=0.0,
    mistakes=[
        measuring(
            "end-counted-among-the-tokens",
            "cut of one more",
            "`</s>` is counted among the tokens: the share is taken of n + 1",
            *CUT_HINTS,
        ),
        measuring(
            "share-of-one-less",
            "cut of one less",
            "the share is taken of n − 1 tokens; the text has n",
            *CUT_HINTS,
        ),
        measuring(
            "min-for-max",
            "at most 1",
            "`min` stands where `max` is meant: at most one token is cut out, in at most one hole",
            "What is `min(1, 15)`, and what `max(1, 15)`?",
            "At *least* one means: the larger of 1 and what you reckoned.",
            "`max(1, round(…))`, in both lines.",
        ),
        measuring(
            "always-three-holes",
            "three holes",
            "there are always three holes; 3 is how many tokens a hole has on average",
            *HOLE_HINTS,
        ),
        measuring(
            "three-tokens-a-hole-written",
            "written by holes",
            "the target counts three tokens for each hole; that is the average, and what was cut "
            "out is a number that you have already",
            *COUNT_HINTS,
        ),
        measuring(
            "holes-taken-from-the-text",
            "holes for what was cut",
            "the input is the text less its *holes*; what goes are the tokens in them, and a "
            "sentinel comes in for each hole",
            *COUNT_HINTS,
        ),
        measuring(
            "kept-rounded-down",
            "kept, down",
            "what the input keeps is reckoned by itself and rounded down; it is n less what was "
            "cut out",
            *COUNT_HINTS,
        ),
        measuring(
            "cut-rounded-down", "cut floor", "the tokens cut out are rounded down", *CUT_HINTS
        ),
        measuring("cut-rounded-up", "cut ceil", "the tokens cut out are rounded up", *CUT_HINTS),
        measuring(
            "nothing-cut",
            "cut unbounded",
            "of a short text nothing is cut out; it should be one token at least",
            *CUT_HINTS,
        ),
        measuring(
            "short-texts-stay-whole",
            "unbounded",
            "of a short text nothing is cut out, and it has no hole; it should be one of each at "
            "least",
            *CUT_HINTS,
        ),
        measuring(
            "share-kept",
            "kept",
            "the share is what you *keep*; it should be cut out",
            *CUT_HINTS,
        ),
        measuring("holes-rounded-down", "holes floor", "the holes are rounded down", *HOLE_HINTS),
        measuring("holes-rounded-up", "holes ceil", "the holes are rounded up", *HOLE_HINTS),
        measuring(
            "both-rounded-down",
            "floors",
            "the tokens cut out and the holes are rounded down",
            *HOLE_HINTS,
        ),
        measuring(
            "no-hole",
            "holes unbounded",
            "a short text has no hole; it should have one at least",
            *HOLE_HINTS,
        ),
        measuring(
            "holes-of-the-whole-text",
            "holes of all",
            "the whole text is divided by a hole's length, not what is cut out",
            *HOLE_HINTS,
        ),
        measuring(
            "multiplied-by-the-mean",
            "holes times",
            "the tokens cut out are *multiplied* by a hole's length",
            *HOLE_HINTS,
        ),
        measuring(
            "a-hole-for-each-token",
            "holes per token",
            "each token that is cut out counts as a hole; a hole holds several",
            *HOLE_HINTS,
        ),
        measuring(
            "share-of-starts",
            "starts",
            "the share counts where holes *begin*; then far more is cut out",
            *CUT_HINTS,
        ),
        measuring(
            "whole-holes-only",
            "whole holes",
            "what is cut out is counted again from the holes; their length is only a mean",
            *CUT_HINTS,
        ),
        measuring(
            "one-hole", "one hole", "one hole is counted, however long the text", *HOLE_HINTS
        ),
        measuring(
            "never-rounded",
            "unrounded",
            "nothing is rounded, and a length isn't a whole number",
            "What is half a token?",
            "Both numbers are rounded on the way: the tokens that are cut out, then the holes.",
            "Use `round` twice.",
        ),
        measuring(
            "never-rounded-but-one-at-least",
            "unrounded, bounded",
            "nothing is rounded, and a length isn't a whole number",
            "What is half a token?",
            "Both numbers are rounded on the way: the tokens that are cut out, then the holes.",
            "Use `round` twice.",
        ),
        measuring(
            "holes-never-rounded",
            "holes unrounded",
            "the holes are not rounded, and a third of a hole is none",
            *HOLE_HINTS,
        ),
        measuring(
            "holes-neither-rounded-nor-one",
            "holes unrounded and unbounded",
            "the holes are not rounded, and a third of a hole is none",
            *HOLE_HINTS,
        ),
        measuring(
            "cut-never-rounded",
            "cut unrounded",
            "the tokens cut out are not rounded; only the holes are",
            *CUT_HINTS,
        ),
        measuring(
            "cut-neither-rounded-nor-one",
            "cut unrounded and unbounded",
            "the tokens cut out are not rounded; only the holes are",
            *CUT_HINTS,
        ),
        measuring(
            "one-token-at-most",
            "cut at most 1",
            "one token is cut out at *most*: `min` stands where `max` belongs",
            *CUT_HINTS,
        ),
        measuring(
            "one-hole-at-most",
            "holes at most 1",
            "there is one hole at *most*: `min` stands where `max` belongs",
            *HOLE_HINTS,
        ),
        measuring(
            "a-whole-hole-at-least",
            "cut a whole hole",
            "of a short text three tokens are cut out; one is enough, 3 is only a hole's mean",
            *CUT_HINTS,
        ),
        measuring(
            "holes-of-what-is-kept",
            "holes of the kept",
            "what is *kept* is divided by a hole's length, not what is cut out",
            *HOLE_HINTS,
        ),
        measuring(
            "holes-of-the-share-rounded-down",
            "holes of the share, down",
            "the holes are made of the share before it was rounded, and are rounded down",
            *HOLE_HINTS,
        ),
        measuring(
            "holes-of-the-share-rounded-up",
            "holes of the share, up",
            "the holes are made of the share before it was rounded, and are rounded up",
            *HOLE_HINTS,
        ),
        measuring(
            "a-hole-more",
            "a hole more",
            "the holes are rounded down, and then one is added",
            *HOLE_HINTS,
        ),
        measuring(
            "input-has-two-ends",
            "two ends read",
            "the input has one token too many: it ends with `</s>`, and the closing sentinel is "
            "the target's",
            *COUNT_HINTS,
        ),
        measuring(
            "sentinels-twice",
            "twice",
            "each hole counts two sentinels in the input and two in the target; it has one in each",
            *COUNT_HINTS,
        ),
        measuring(
            "sentinels-read-twice",
            "read twice",
            "each hole counts two sentinels in the input; it has one",
            *COUNT_HINTS,
        ),
        measuring(
            "sentinels-written-twice",
            "written twice",
            "each hole counts two sentinels in the target; it has one",
            *COUNT_HINTS,
        ),
        measuring(
            "sentinels-taken-away",
            "taken away",
            "the sentinels are taken away from the input's length; they are added, as each stands "
            "in it",
            *COUNT_HINTS,
        ),
        measuring(
            "sentinels-not-read",
            "no sentinels read",
            "the sentinels are missing in the input",
            *COUNT_HINTS,
        ),
        measuring(
            "sentinels-not-written",
            "no sentinels written",
            "the sentinels of the holes are missing in the target",
            *COUNT_HINTS,
        ),
        measuring(
            "no-sentinels", "no sentinels", "the sentinels of the holes are missing", *COUNT_HINTS
        ),
        measuring(
            "input-has-no-end", "no end read", "the input's last token is missing", *COUNT_HINTS
        ),
        measuring(
            "target-has-no-end",
            "no end written",
            "the target's closing token is missing",
            *COUNT_HINTS,
        ),
        measuring(
            "no-ends", "no ends", "the last tokens of input and target are missing", *COUNT_HINTS
        ),
        measuring(
            "target-has-two-ends",
            "two ends written",
            "the target has two tokens at its end: a closing sentinel and `</s>`; count one",
            *COUNT_HINTS,
        ),
        measuring(
            "both-ends-in-the-target",
            "both ends written",
            "the input has no token at its end, and the target has two; each has one",
            *COUNT_HINTS,
        ),
        measuring(
            "two-ends-each",
            "two ends",
            "input and target have two tokens at their ends; count one each",
            *COUNT_HINTS,
        ),
        measuring(
            "input-as-long-as-in-bert",
            "as BERT",
            "the input has a sentinel for each token cut out, so it never gets shorter",
            *COUNT_HINTS,
        ),
        measuring(
            "target-is-the-text",
            "whole target",
            "the target is as long as the text, as with BART; T5 writes only what was cut out",
            *COUNT_HINTS,
        ),
        measuring(
            "nothing-taken-away",
            "not cut",
            "the sentinels come in addition, and what was cut out still stands in the input",
            *COUNT_HINTS,
        ),
        measuring(
            "exchanged",
            "exchanged",
            "the target's length comes first and the input's second",
            "Which of the two is longer in your answer?",
            "The text says in which order the two are returned.",
            "`return inputs, targets`.",
        ),
        measuring(
            "sum",
            "sum",
            "the two lengths are one number; two were asked for",
            "How many results does your function have?",
            "The encoder reads the one, the decoder writes the other.",
            "`return inputs, targets`, with a comma.",
        ),
        measuring(
            "inputs-alone",
            "inputs alone",
            "only the input's length is returned",
            "How many results does your function have?",
            "Two lengths are asked for.",
            "`return inputs, targets`.",
        ),
    ],
    hints=(
        "Take a text of 100 tokens and write both lists down, with dots for tokens.",
        "Two roundings (first and second point), then two sums (third point).",
        "`cut`, then `holes`; the input is n − cut + holes + 1, and the target holds the rest.",
    ),
    allows=Edges(sizes=(2,), labels=("short", "long", "two tokens")),
    also_right=[lengths_by_lists, lengths_by_sum],
    bans=("corrupt_spans", "random_spans"),
)


# --- 15.bias --------------------------------------------------------------------------------


def bias_cases(generator):
    def tried(label, buckets, heads, n_query, n_key, max_distance, both, **terms):
        table = normal(generator, buckets, heads)
        return case(label, table, n_query, n_key, max_distance, both, grad=True, **terms)

    return [
        tried("an encoder", 16, 3, 9, 9, 20, True),
        tried("a decoder in training", 12, 3, 7, 7, 10, False),
        tried("a decoder that writes: one query, a cache", 8, 5, 1, 11, 13, False),
        tried("a decoder, several queries and a cache", 12, 3, 4, 10, 9, False),
        tried("both directions, the last queries", 16, 2, 3, 8, 20, True),
        tried("far beyond the largest distance", 8, 3, 25, 25, 6, True),
        tried("far beyond it, looking back", 8, 2, 2, 30, 7, False),
        tried("as in T5: 32 buckets, 128", 32, 2, 5, 47, 128, True),
        tried("32 buckets, 20", 32, 2, 5, 47, 20, False),
        tried("one head", 8, 1, 5, 6, 11, True),
        tried("as many heads as queries", 8, 4, 4, 4, 9, True),
        tried("one token", 8, 3, 1, 1, 10, False),
        tried("four buckets", 4, 3, 5, 5, 5, True),
        in_dtype(tried("a decoder", 12, 2, 4, 6, 9, False), torch.float64),
        in_dtype(tried("an encoder", 12, 3, 4, 5, 9, True), torch.bfloat16),
    ]


def wrong_bias(table, n_query, n_key, max_distance, bidirectional, *, slip):
    places = torch.arange(n_key)
    at_query = places[n_key - n_query :, None]
    size = table.shape[1] if slip == "columns" else len(table)
    if slip == "first":
        at_query = places[:n_query, None]
    relative = places - at_query
    if slip == "all queries":
        relative = places - places[:, None]
    elif slip == "turned":
        relative = -relative
    elif slip == "distance":
        relative = relative.abs()
    elif slip == "past as distance":
        relative = -relative.abs()
    elif slip == "distance for a decoder":
        relative = relative if bidirectional else -relative.clamp(max=0)
    elif slip == "other way":
        relative = places - torch.arange(n_query)[:, None] + (n_key - n_query)
    elif slip == "one further":
        relative = relative - 1
    elif slip == "one earlier":
        relative = relative + 1
    elif slip == "from n_query on":
        relative = places - places[n_query:, None]
    elif slip == "turned for a decoder":
        relative = relative if bidirectional else -relative
    elif slip == "floats":
        relative = relative.float()
    both = {"both": True, "one": False, "other": not bidirectional}.get(slip, bidirectional)
    limit = 128 if slip == "usual limit" else max_distance
    if slip == "usual":
        buckets = t5_bucket(relative, bidirectional=bidirectional)
    elif slip == "usual buckets":
        buckets = t5_bucket(relative, 32, limit, both)
    elif slip == "half of them":
        buckets = t5_bucket(relative, size // 2 if size > 4 else size, limit, both)
    elif slip == "half for both":
        buckets = t5_bucket(relative, size // 2 if bidirectional else size, limit, both)
    elif slip == "one bucket less":
        buckets = t5_bucket(relative, size - 1, limit, both)
    elif slip == "limits exchanged":
        buckets = t5_bucket(relative, limit, size, both)
    elif slip == "direction as distance":
        buckets = t5_bucket(relative, size, both)
    elif slip == "clamped places":
        buckets = relative.clamp(-limit, limit)
    elif slip == "bare places":
        buckets = relative
    elif slip == "no buckets":
        buckets = (relative + size // 2).clamp(0, size - 1)
    elif slip == "distances":
        buckets = (at_query - places).clamp(0, size - 1)
    elif slip == "distances both ways":
        buckets = relative.abs().clamp(max=size - 1)
    else:
        buckets = t5_bucket(relative, size, limit, both)
    if slip == "from behind":
        buckets = size - 1 - buckets
    if slip == "detached":
        table = table.detach()
    if slip == "columns looked up":
        return table[:, buckets]
    bias = table[buckets].movedim(-1, 0)
    if slip == "reshaped":
        return table[buckets].reshape(table.shape[1], *buckets.shape)
    if slip == "table reshaped":
        return table.reshape(table.shape[1], -1)[:, buckets]
    ahead = places > at_query
    if slip == "hidden":
        return bias if bidirectional else bias.masked_fill(ahead, -torch.inf)
    if slip == "zeros ahead":
        return bias if bidirectional else bias.masked_fill(ahead, 0)
    if slip == "always hidden":
        return bias.masked_fill(ahead, -torch.inf)
    if slip == "always zeros ahead":
        return bias.tril(n_key - n_query)
    if slip == "lower triangle":
        return bias.tril()
    root = table.shape[1] ** 0.5
    told = {
        "buckets": lambda: buckets.to(table.dtype).expand(table.shape[1], *buckets.shape),
        "heads last": lambda: table[buckets],
        "transposed": lambda: bias.mT,
        "negative": lambda: -bias,
        "absolute": lambda: bias.abs(),
        "float32": lambda: bias.float(),
        "one head": lambda: bias[:1].expand_as(bias),
        "mean": lambda: bias.mean(dim=0),
        "batch": lambda: bias[None],
        "softmax": lambda: bias.softmax(dim=-1),
        "exp": lambda: bias.exp(),
        "times distance": lambda: bias * (places - at_query).abs(),
        "last query": lambda: bias[:, -1:],
        "divided": lambda: bias / root,
    }
    return told.get(slip, lambda: bias)()


def bias_by_lookup(table, n_query, n_key, max_distance, bidirectional):
    """Right: a product with one-hot rows."""
    where = torch.arange(n_key)[None, :] - torch.arange(n_key - n_query, n_key)[:, None]
    which = F.one_hot(t5_bucket(where, table.shape[0], max_distance, bidirectional), len(table))
    return torch.einsum("qkb,bh->hqk", which.to(table.dtype), table)


def bias_by_rows(table, n_query, n_key, max_distance, bidirectional):
    """Right: query by query, the whole square cut off."""
    rows = []
    for i in range(n_key):
        row = torch.tensor([j - i for j in range(n_key)])
        rows.append(table.T[:, t5_bucket(row, table.size(0), max_distance, bidirectional)])
    return torch.stack(rows, dim=1)[:, n_key - n_query :]


biasing = told_of(wrong_bias, "slip")


WHERE_HINTS = (
    "Print the relative places for 2 queries and 5 keys. Which entry is 0 in each row?",
    "The queries are the *last* keys, and relative is the key's place minus the query's.",
    "`torch.arange(n_key) - torch.arange(n_key - n_query, n_key)[:, None]`.",
)
BUCKET_HINTS = (
    "Print the buckets for 5 queries and 5 keys, and compare them with chapter 06.",
    "`t5_bucket` has four arguments, and the text says where each comes from.",
    "`t5_bucket(relative, len(table), max_distance, bidirectional)`.",
)
AXES_HINTS = (
    "Fill a table so that each row holds its own number. What does your bias hold?",
    "`table[buckets]` has the heads last; they shall come first, with nothing else moved.",
    "`movedim(-1, 0)` or `permute(2, 0, 1)`: a reshape doesn't move axes.",
)
NUMBER_HINTS = (
    "Take a table with 1 in row 0 and 0 elsewhere. Which entries of your bias are 1?",
    "Each entry is a number of the table as it stands there, and the mask is somebody else's work.",
    "Return what was looked up, with the heads first.",
)

BIAS = Exercise(
    id="15.bias",
    title="Near and far, for each head",
    kind="code",
    points=2,
    name="position_bias",
    cases=bias_cases,
    axes="heads query key",
    bans=("RelativeBias",),
    mistakes=[
        biasing(
            "columns-for-buckets",
            "columns",
            "the table's columns are counted as buckets; they are the heads, its rows the buckets",
            *NUMBER_HINTS,
        ),
        biasing(
            "distances-for-buckets",
            "distances both ways",
            "the distance itself is the row of the table, cut off at its last, whether before or "
            "after; `t5_bucket` says which row",
            *NUMBER_HINTS,
        ),
        biasing(
            "first-queries",
            "first",
            "the queries stand at 0, 1, 2, …; with a cache they are the *last* of the keys",
            *WHERE_HINTS,
        ),
        biasing(
            "cache-counted-the-wrong-way",
            "other way",
            "the past is added to the distance, not taken away: the queries stand *before* the "
            "first key",
            *WHERE_HINTS,
        ),
        biasing(
            "a-row-for-each-key",
            "all queries",
            "there is a row for each key; only the last `n_query` rows are asked for",
            *WHERE_HINTS,
        ),
        biasing(
            "query-minus-key",
            "turned",
            "relative is the query's place minus the key's: past and future have changed places",
            *WHERE_HINTS,
        ),
        biasing(
            "distance-without-sign",
            "distance",
            "relative is a distance without its sign, so past and future look alike",
            *WHERE_HINTS,
        ),
        biasing(
            "future-as-past",
            "past as distance",
            "a key ahead gets the bucket of one as far behind: the distance lost its sign",
            *WHERE_HINTS,
        ),
        biasing(
            "queries-one-late",
            "one further",
            "the queries stand one place too late",
            *WHERE_HINTS,
        ),
        biasing(
            "queries-one-early",
            "one earlier",
            "the queries stand one place too early",
            *WHERE_HINTS,
        ),
        biasing(
            "queries-from-n-query-on",
            "from n_query on",
            "the queries stand from `n_query` to the end; `n_query` is how *many* they are",
            *WHERE_HINTS,
        ),
        biasing(
            "query-minus-key-for-a-decoder",
            "turned for a decoder",
            "for a decoder relative is the query's place minus the key's; it is the same for both",
            *WHERE_HINTS,
        ),
        biasing(
            "half-of-the-buckets-for-an-encoder",
            "half for both",
            "for an encoder `t5_bucket` is told half of the buckets; it halves them by itself",
            *BUCKET_HINTS,
        ),
        biasing(
            "one-bucket-less",
            "one bucket less",
            "`t5_bucket` is told one bucket too few: it wants their number, not the last one's",
            *BUCKET_HINTS,
        ),
        biasing(
            "limits-exchanged",
            "limits exchanged",
            "`max_distance` and the number of buckets are exchanged",
            *BUCKET_HINTS,
        ),
        biasing(
            "direction-as-distance",
            "direction as distance",
            "`bidirectional` stands where `t5_bucket` takes `max_distance`: there are four "
            "arguments",
            *BUCKET_HINTS,
        ),
        biasing(
            "places-cut-off-as-rows",
            "clamped places",
            "rows are taken by relative place, cut off at `max_distance`; `t5_bucket` says "
            "which row",
            *BUCKET_HINTS,
        ),
        biasing(
            "places-as-rows",
            "bare places",
            "rows are taken by relative place, and what is below 0 counts from the table's end; "
            "`t5_bucket` says which row",
            *BUCKET_HINTS,
        ),
        biasing(
            "places-in-decimals",
            "floats",
            "the places are decimal numbers, and so are the buckets: no row can be looked up by "
            "them",
            "Which dtype do your buckets have?",
            "A place is a whole number, and `torch.arange` gives such.",
            "Leave `.float()` and `/` out of the places.",
        ),
        biasing(
            "columns-looked-up",
            "columns looked up",
            "buckets are looked up among the table's *columns*, which are the heads; its rows "
            "are the buckets",
            *AXES_HINTS,
        ),
        biasing(
            "future-always-hidden",
            "always hidden",
            "all that lies ahead is minus infinity, for an encoder, too: that is the mask's work",
            *NUMBER_HINTS,
        ),
        biasing(
            "future-always-zeroed",
            "always zeros ahead",
            "all that lies ahead is 0, for an encoder, too; it gets the number of its bucket "
            "like all others",
            *NUMBER_HINTS,
        ),
        biasing(
            "lower-triangle",
            "lower triangle",
            "only a lower triangle is left of the bias; hiding what lies ahead is the mask's work",
            *NUMBER_HINTS,
        ),
        biasing(
            "distance-for-a-decoder",
            "distance for a decoder",
            "for a decoder a *distance* is handed to `t5_bucket`, which takes what is above 0 "
            "for the future; the place of a key behind is below 0",
            *WHERE_HINTS,
        ),
        biasing(
            "last-query-alone",
            "last query",
            "only the last query has a row; `n_query` may be larger than 1",
            *WHERE_HINTS,
        ),
        biasing(
            "usual-limits",
            "usual",
            "the buckets are those of 32 rows and a distance of 128, which `t5_bucket` takes "
            "unless it is told",
            *BUCKET_HINTS,
        ),
        biasing(
            "usual-distance",
            "usual limit",
            "`max_distance` never reaches `t5_bucket`, which takes 128 then",
            *BUCKET_HINTS,
        ),
        biasing(
            "usual-buckets",
            "usual buckets",
            "there are always 32 buckets; the table says how many",
            *BUCKET_HINTS,
        ),
        biasing(
            "half-of-the-buckets",
            "half of them",
            "`t5_bucket` is told half of the buckets; it halves them for two directions by itself",
            *BUCKET_HINTS,
        ),
        biasing(
            "always-both-directions",
            "both",
            "both directions are always told apart; a decoder has one",
            *BUCKET_HINTS,
        ),
        biasing(
            "always-one-direction",
            "one",
            "all that lies ahead shares one bucket, in an encoder too",
            *BUCKET_HINTS,
        ),
        biasing(
            "directions-exchanged",
            "other",
            "an encoder gets the buckets of a decoder, and a decoder those of an encoder",
            *BUCKET_HINTS,
        ),
        biasing(
            "places-without-buckets",
            "no buckets",
            "rows are taken by relative place, without any buckets",
            *BUCKET_HINTS,
        ),
        biasing(
            "distances-without-buckets",
            "distances",
            "rows are taken by distance, without any buckets",
            *BUCKET_HINTS,
        ),
        biasing(
            "rows-from-behind",
            "from behind",
            "the table's rows are counted from its end",
            *BUCKET_HINTS,
        ),
        biasing(
            "reshaped",
            "reshaped",
            "the shape is right, but the axes were not moved: the numbers were poured into a new "
            "shape",
            *AXES_HINTS,
        ),
        biasing(
            "table-reshaped",
            "table reshaped",
            "the table was reshaped to (heads, buckets), not transposed: heads and buckets are "
            "mixed",
            *AXES_HINTS,
        ),
        biasing(
            "heads-last",
            "heads last",
            "the heads are the last axis; they come first",
            *AXES_HINTS,
        ),
        biasing(
            "keys-as-rows",
            "transposed",
            "the rows are keys and the columns queries; it is the other way round",
            *AXES_HINTS,
        ),
        biasing(
            "axis-for-the-batch",
            "batch",
            "there is an axis too many in front; all sequences share this bias",
            *AXES_HINTS,
        ),
        biasing(
            "first-head-for-all",
            "one head",
            "all heads get the numbers of the first",
            *AXES_HINTS,
        ),
        biasing(
            "heads-averaged",
            "mean",
            "the heads are averaged; each has a bias of its own",
            *AXES_HINTS,
        ),
        biasing(
            "buckets-not-numbers",
            "buckets",
            "the numbers of the buckets come out; they only say which row of the table is meant",
            *NUMBER_HINTS,
        ),
        biasing(
            "future-hidden",
            "hidden",
            "a decoder's future is minus infinity: that is the mask's work",
            *NUMBER_HINTS,
        ),
        biasing(
            "future-zeroed",
            "zeros ahead",
            "a decoder's future is 0; it gets the number of its bucket like all others",
            *NUMBER_HINTS,
        ),
        biasing(
            "subtracted",
            "negative",
            "all signs are turned: the bias is *added* to the scores",
            *NUMBER_HINTS,
        ),
        biasing(
            "without-signs",
            "absolute",
            "the signs are gone; a bias may be negative",
            *NUMBER_HINTS,
        ),
        biasing(
            "times-the-distance",
            "times distance",
            "the number is multiplied by the distance, as ALiBi's slope is",
            *NUMBER_HINTS,
        ),
        biasing(
            "softmax",
            "softmax",
            "softmax comes after the bias was added to the scores, and isn't asked for here",
            *NUMBER_HINTS,
        ),
        biasing(
            "exponentials",
            "exp",
            "the numbers were exponentiated; softmax does that later, once",
            *NUMBER_HINTS,
        ),
        biasing(
            "divided-by-a-root",
            "divided",
            "the numbers were divided by a root",
            *NUMBER_HINTS,
        ),
        biasing(
            "always-float32",
            "float32",
            "the bias is float32, whatever the table is",
            "Hand it a table in float64. Which dtype comes out?",
            "The text names the dtype of what you return.",
            "Look up, move the axis, and leave the numbers as they are.",
        ),
        biasing(
            "table-learns-nothing",
            "detached",
            "the numbers are right, but no gradient reaches the table",
            "Call backward on the sum of your bias, and print the table's gradient.",
            "`detach`, `.data`, `no_grad` and `torch.tensor(x)` cut gradients off.",
            "Index the table itself.",
        ),
    ],
    hints=(
        "Write the relative places down for 2 queries and 4 keys, then the buckets, then look "
        "them up in a table of one head.",
        "Three steps: places (second point), buckets (third), numbers (fourth).",
        "`table[buckets]` gives (query, key, heads): only the axes must change their order.",
    ),
    allows=Edges(
        dtypes=("float64", "bfloat16"),
        sizes=(1, 4, 32),
        labels=("encoder", "training", "cache", "beyond", "one head", "one token"),
    ),
    also_right=[bias_by_lookup, bias_by_rows],
)


# --- 15.label -------------------------------------------------------------------------------


def label_cases(generator):
    def drawn(sizes, lengths, vocab, pad_id, scale, alike):
        texts = ids_below(generator, vocab - 1, len(lengths), max(lengths))
        texts = texts + (texts >= pad_id)
        if alike:
            texts[:, 0] = texts[0, 0]
        texts[torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]] = pad_id
        return scale * normal(generator, *sizes, len(lengths), max(lengths), vocab), texts

    def tried(label, batch, lengths, vocab, pad_id, mean, *, scale=2.0, alike=False, change=None):
        for _ in range(50):  # until no two scores are nearly equal
            logits, texts = drawn((batch,), lengths, vocab, pad_id, scale, alike)
            logits = logits if change is None else change(logits, texts != pad_id)
            scores = label_scores(logits, texts, pad_id, mean).sort(dim=-1).values
            if len(lengths) == 1 or not (scores.diff(dim=-1) < 0.05).any():
                break
        return case(label, logits, texts, pad_id, mean)

    def nan(logits, real):
        return logits.masked_fill(~real[..., None], torch.nan)

    def banned(logits, real):
        best = logits.argmax(dim=-1, keepdim=True)  # not a token of a text: that would be -inf
        worst = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, best, True)
        return logits.masked_fill(worst & ~real[..., None], -torch.inf)

    def shifted(logits, real):
        return logits + 300 * real.cumsum(dim=-1)[..., None]

    usual = (5, [2, 4, 3], 11, 7)
    return [
        tried("sums", *usual, False),
        tried("means", *usual, True),
        tried("pad_id is 0, sums", 4, [1, 5], 13, 0, False),
        tried("pad_id is 0, means", 4, [1, 5, 2], 13, 0, True),
        tried("no padding", 3, [3, 3], 7, 2, False),
        tried("no padding, means", 2, [3, 3, 3, 3], 7, 2, True),
        tried("texts of one token", 4, [1, 1, 1], 9, 4, True),
        tried("texts that begin alike", 3, [3, 2, 5], 8, 5, False, alike=True),
        tried("one label", 3, [3], 7, 1, False),
        tried("one example", 1, [2, 4], 7, 1, True),
        tried("nan where padding is", 3, [2, 5], 7, 3, True, change=nan),
        tried("nan where padding is, sums", 3, [4, 1], 7, 3, False, change=nan),
        tried("minus infinity where padding is", 3, [2, 4], 7, 3, False, change=banned),
        tried("large scores", 3, [2, 4, 3], 7, 3, False, scale=60.0),
        tried("scores far from 0", 3, [2, 4, 3], 7, 3, True, change=shifted),
        in_dtype(tried("half precision", 3, [2, 4, 3], 7, 3, False), torch.bfloat16),
    ]


def label_scores(logits, texts, pad_id, mean):
    real = texts != pad_id
    tokens = texts.expand(logits.shape[:-1])[..., None]
    each = logits.float().log_softmax(dim=-1).gather(-1, tokens)[..., 0].where(real, 0)
    return each.sum(dim=-1) / (real.sum(dim=-1) if mean else 1)


CHANCES = {
    "product divided": lambda chances, real, length, mean: chances.prod(dim=-1) / length,
    "product of zeros": lambda chances, real, length, mean: (
        chances.where(real, 0).prod(dim=-1) / length
    ),
    "logarithm of the mean": lambda chances, real, length, mean: (
        (chances.where(real, 0).sum(dim=-1) / length).log()
        if mean
        else chances.log().where(real, 0).sum(dim=-1)
    ),
}


def wrong_label(logits, texts, pad_id, mean, *, slip):
    pad_id = {"pad 0": 0, "pad -100": -100}.get(slip, pad_id)
    mean = {"always mean": True, "always sum": False, "other": not mean}.get(slip, mean)
    real = texts != pad_id
    if slip == "first text":
        texts = texts[:1].expand_as(texts)
    if slip == "no end":
        real = real & F.pad(real, (0, 1))[:, 1:]
    elif slip == "not the first":
        real = real & (torch.arange(real.shape[1]) > 0)
    elif slip == "first token":
        real = real & (torch.arange(real.shape[1]) == 0)
    elif slip == "last column":
        real = real & (torch.arange(real.shape[1]) < real.shape[1] - 1)
    elif slip == "above pad":
        real = texts > pad_id
    elif slip == "padding alone":
        real = texts == pad_id
    elif slip == "last token":
        real = real & ~F.pad(real, (0, 1))[:, 1:]
    elif slip == "shortest":
        real = real & (torch.arange(real.shape[1]) < real.sum(dim=1).min())
    wide = logits if slip in ("half", "half, widened") else logits.float()
    if slip == "first example":
        wide = wide[:1]
    log_p = {
        "raw": lambda: wide,
        "chances": lambda: wide.softmax(dim=-1),
        "over labels": lambda: wide.log_softmax(dim=1),
        "over places": lambda: wide.log_softmax(dim=2),
        "over the batch": lambda: wide.log_softmax(dim=0),
        "in two steps": lambda: wide.softmax(dim=-1).log(),
        "unstable": lambda: (wide.exp() / wide.exp().sum(dim=-1, keepdim=True)).log(),
        "guarded": lambda: (wide.softmax(dim=-1) + 1e-9).log(),
        "base 2": lambda: wide.log_softmax(dim=-1) / math.log(2),
        "base 10": lambda: wide.log_softmax(dim=-1) / math.log(10),
        "twice": lambda: wide.softmax(dim=-1).log_softmax(dim=-1),
    }.get(slip, lambda: wide.log_softmax(dim=-1))()
    tokens = texts.expand(wide.shape[:-1])
    if slip == "rolled":
        tokens = tokens.roll(-1, -1)
    if slip == "rolled back":
        tokens = tokens.roll(1, -1)
    if slip == "shifted":
        log_p, tokens, real = log_p[:, :, :-1], tokens[..., 1:], real[:, 1:]
    if slip == "shifted back":
        log_p, tokens, real = log_p[:, :, 1:], tokens[..., :-1], real[:, :-1]
    each = log_p.gather(-1, tokens[..., None])[..., 0]
    if slip == "over a text's tokens":
        each = wide.gather(-1, tokens[..., None])[..., 0].log_softmax(dim=-1)
    if slip == "best tokens":
        each = log_p.amax(dim=-1)
    if slip == "multiplied":
        each = each * real
    elif slip == "minus infinity":
        each = each.where(real, -torch.inf)
    elif slip == "mask turned round":
        each = each.where(~real, 0)
    elif slip == "first of all":
        each = each.where(real, 0)[..., :1]
    elif slip == "last of all":
        each = each.where(real & ~F.pad(real, (0, 1))[:, 1:], 0)
    elif slip == "last place":
        each = each.where(real, 0)[..., -1:]
    elif slip == "shifted, whole length":
        shifted = log_p[:, :, :-1].gather(-1, tokens[..., 1:, None])[..., 0]
        each = shifted.where(real[:, 1:], 0)
    elif slip not in ("padding", "padding summed"):
        each = each.where(real, 0)
    length = real.sum(dim=-1)
    length = {
        "whole length": torch.full_like(length, max(1, real.shape[1])),
        "all tokens": length.sum().expand_as(length),
        "root": length.float().sqrt(),
        "length and one": length + 1,
        "length less one": length - 1,
        "first length": length[:1].expand_as(length),
        "longest": length.max().expand_as(length),
    }.get(slip, length)
    scores = each.sum(dim=1 if slip == "sum over labels" else -1)
    if slip == "product":
        return scores.argmax(dim=-1), scores.exp()
    if slip in CHANCES:
        scores = CHANCES[slip](each.exp(), real, length if mean else 1, mean)
        return scores.argmax(dim=-1), scores
    if slip in ("choice by sums", "choice by means"):
        by = scores if slip == "choice by sums" else scores / length
        return by.argmax(dim=-1), scores / length if mean else scores
    if slip == "worst token":
        scores = each.amin(dim=-1)
    if slip == "whole mean":
        scores = each.mean(dim=-1)
    elif mean:
        scores = scores / length
    if slip == "padding" and mean:
        scores = each.mean(dim=-1)
    last = {
        "whole product": lambda: scores.exp(),
        "among labels": lambda: scores.log_softmax(dim=-1),
        "shares": lambda: scores.softmax(dim=-1),
        "losses": lambda: -scores,
        "half, widened": lambda: scores.float(),
        "perplexity": lambda: (-scores).exp(),
    }
    scores = last.get(slip, lambda: scores)()
    choice = scores.argmax(dim=-1)
    if slip in ("smallest", "losses", "perplexity"):
        choice = scores.argmin(dim=-1)
    elif slip == "losses, largest":
        scores = -scores
        choice = scores.argmax(dim=-1)
    elif slip == "best example":
        choice = scores.argmax(dim=0)
    elif slip == "of all":
        choice = scores.argmax()
    elif slip == "its text":
        choice = texts[choice]
    elif slip == "one-hot":
        choice = F.one_hot(choice, scores.shape[1])
    elif slip == "best score":
        choice = scores.amax(dim=-1)
    told = {
        "choice alone": choice,
        "scores alone": scores,
        "exchanged": (scores, choice),
        "list": (choice.tolist(), scores),
        "sorted": (choice, scores.sort(dim=-1, descending=True).values),
        "max alone": (scores.amax(dim=-1), choice),
        "max and scores": (tuple(scores.max(dim=-1)), scores),
    }
    return told.get(slip, (choice, scores))


def label_by_loops(logits, texts, pad_id, mean):
    """Right: token by token."""
    choice, scores = [], torch.zeros(*logits.shape[:2])
    for b, of_example in enumerate(logits.float()):
        for n, (rows, text) in enumerate(zip(of_example, texts.tolist(), strict=True)):
            kept = [(row, token) for row, token in zip(rows, text, strict=True) if token != pad_id]
            told = [row[token] - row.logsumexp(dim=0) for row, token in kept]
            scores[b, n] = sum(told) / (len(told) if mean else 1)
        choice.append(int(scores[b].argmax()))
    return torch.tensor(choice), scores


def label_by_loss(logits, texts, pad_id, mean):
    """Right: PyTorch's loss, which leaves out what it is told."""
    tokens = texts.expand(logits.shape[:-1])
    scores = -F.cross_entropy(
        logits.float().movedim(-1, 1), tokens, ignore_index=pad_id, reduction="none"
    )
    scores = scores.sum(dim=-1)
    if mean:
        scores = scores / (texts != pad_id).float().sum(dim=-1)
    return scores.max(dim=-1).indices, scores


labelling = told_of(wrong_label, "slip")


LIKELY_HINTS = (
    "Add 5 to all logits of a place. Does your score change? It shouldn't.",
    "Of each place you need the log-softmax over the vocabulary, at the text's token.",
    "`logits.float().log_softmax(dim=-1)`, then `gather` along the last axis.",
)
PADDED_HINTS = (
    "Add a column of padding to all texts. Do your scores change?",
    "Padding doesn't count: neither in the sum nor in the number of tokens, and not if its logits "
    "are nan.",
    "`log_p.where(texts != pad_id, 0)` puts zeros there, whatever stood there before.",
)
MEAN_HINTS = (
    "Score a text of one token and one of five by hand, with `mean` and without.",
    "If `mean` is true: the sum divided by the number of *this* text's tokens besides padding.",
    "`scores / (texts != pad_id).sum(dim=-1)`, and only if `mean`.",
)
TOKEN_HINTS = (
    "Take a text of two tokens. Which entries of the logits do you read?",
    "The logits at place t are for the token at place t, and all tokens of a text count.",
    "`gather(-1, texts.expand(logits.shape[:-1])[..., None])`, without cutting anything off.",
)
CHOICE_HINTS = (
    "Print your scores for one example, and the number that you choose.",
    "For each example the number of the label with the *highest* score; then all the scores.",
    "`return scores.argmax(dim=-1), scores`.",
)

LABEL = Exercise(
    id="15.label",
    title="Choose a label by its text",
    kind="code",
    points=2,
    name="choose_label",
    cases=label_cases,
    any_sequence=True,
    mistakes=[
        *(
            labelling(
                f"tokens-moved-{way}",
                slip,
                f"the texts are moved by one place, so that each token is read one place too {way}",
                *TOKEN_HINTS,
            )
            for way, slip in (("early", "rolled"), ("late", "rolled back"))
        ),
        labelling(
            "next-token-asked-of-each-place",
            "shifted, whole length",
            "the logits of each place are asked for the next token, and the first token is asked "
            "of none",
            *TOKEN_HINTS,
        ),
        labelling(
            "mask-turned-round",
            "mask turned round",
            "the mask is the wrong way round: real tokens are set to 0, and padding is added up",
            *PADDED_HINTS,
        ),
        labelling(
            "first-token-alone-by-its-length",
            "first of all",
            "only the first token of each text is scored, and a mean divides it by all of them",
            *TOKEN_HINTS,
        ),
        labelling(
            "last-token-alone-by-its-length",
            "last of all",
            "only the last real token of each text is scored, and a mean divides it by all of them",
            *TOKEN_HINTS,
        ),
        labelling(
            "last-place-alone",
            "last place",
            "only the last place is scored, where most texts have padding",
            *TOKEN_HINTS,
        ),
        labelling(
            "raw-logits",
            "raw",
            "logits are added up as they are; they are no log-probabilities",
            *LIKELY_HINTS,
        ),
        labelling(
            "probabilities-added",
            "chances",
            "probabilities are added up, not their logarithms",
            *LIKELY_HINTS,
        ),
        labelling(
            "probabilities-multiplied",
            "product",
            "probabilities are multiplied, whatever `mean` says; logarithms are added up",
            *LIKELY_HINTS,
        ),
        labelling(
            "softmax-over-labels",
            "over labels",
            "softmax runs over the labels; it belongs over the vocabulary",
            *LIKELY_HINTS,
        ),
        labelling(
            "softmax-over-places",
            "over places",
            "softmax runs over the places of a text; it belongs over the vocabulary",
            *LIKELY_HINTS,
        ),
        labelling(
            "softmax-over-the-batch",
            "over the batch",
            "softmax runs over the examples; it belongs over the vocabulary",
            *LIKELY_HINTS,
        ),
        labelling(
            "softmax-twice",
            "twice",
            "softmax is taken twice: log-softmax is given probabilities, not logits",
            *LIKELY_HINTS,
        ),
        labelling(
            "exponentials-overflow",
            "unstable",
            "large logits are exponentiated, and overflow",
            *LIKELY_HINTS,
        ),
        labelling(
            "softmax-then-logarithm",
            "in two steps",
            "the softmax comes first and then the logarithm: unlikely tokens get a probability of "
            "0, and its logarithm is minus infinity",
            "What is `torch.tensor([0.0, 200.0]).softmax(0).log()`, and what should it be?",
            "In one step the logarithm is taken of nothing that was rounded to 0.",
            "`logits.float().log_softmax(dim=-1)`, then `gather` along the last axis.",
        ),
        labelling(
            "a-little-added",
            "guarded",
            "a little was added before the logarithm, and unlikely texts all look alike",
            *LIKELY_HINTS,
        ),
        labelling(
            "base-2",
            "base 2",
            "these are bits: logarithms to base 2; the natural one is meant",
            *LIKELY_HINTS,
        ),
        labelling(
            "base-10",
            "base 10",
            "these are logarithms to base 10; the natural one is meant",
            *LIKELY_HINTS,
        ),
        labelling(
            "padding-counted",
            "padding",
            "padding counts like a token, so short labels lose",
            *PADDED_HINTS,
        ),
        labelling(
            "padding-counted-in-the-sum",
            "padding summed",
            "padding is added up, too, though the mean divides by the right number of tokens",
            *PADDED_HINTS,
        ),
        labelling(
            "pad-is-0",
            "pad 0",
            "the id 0 is left out, whatever `pad_id` says",
            *PADDED_HINTS,
        ),
        labelling(
            "padding-minus-infinity",
            "minus infinity",
            "padding was given minus infinity as its log-probability, and a sum with that is minus "
            "infinity; 0 changes no sum",
            *PADDED_HINTS,
        ),
        labelling(
            "multiplied-by-0",
            "multiplied",
            "padding is multiplied by 0, and 0 times nan is nan",
            *PADDED_HINTS,
        ),
        labelling(
            "cut-to-the-shortest",
            "shortest",
            "every text is cut to the length of the shortest",
            *PADDED_HINTS,
        ),
        labelling(
            "always-the-mean",
            "always mean",
            "the mean is taken, whatever `mean` says",
            *MEAN_HINTS,
        ),
        labelling(
            "always-the-sum",
            "always sum",
            "the sum is taken, whatever `mean` says",
            *MEAN_HINTS,
        ),
        labelling(
            "mean-turned-round",
            "other",
            "the sum is taken when `mean` is true, and the mean when it isn't",
            *MEAN_HINTS,
        ),
        labelling(
            "divided-by-the-whole-length",
            "whole length",
            "the mean divides by the length with padding",
            *MEAN_HINTS,
        ),
        labelling(
            "mean-over-padding-always",
            "whole mean",
            "padding is left out, and then a mean over all places is taken, whatever `mean` says",
            *MEAN_HINTS,
        ),
        labelling(
            "divided-by-all-tokens",
            "all tokens",
            "the mean divides by the tokens of all labels together",
            *MEAN_HINTS,
        ),
        labelling(
            "divided-by-a-root",
            "root",
            "the mean divides by the root of the length",
            *MEAN_HINTS,
        ),
        labelling(
            "divided-by-one-more",
            "length and one",
            "the mean divides by one token too many; the end token is in the text already",
            *MEAN_HINTS,
        ),
        labelling(
            "shifted",
            "shifted",
            "logits and tokens were shifted against each other, as for a model that continues; "
            "that is done already",
            *TOKEN_HINTS,
        ),
        labelling(
            "shifted-the-other-way",
            "shifted back",
            "each token is looked up in the logits of the place *behind* it",
            *TOKEN_HINTS,
        ),
        labelling(
            "end-left-out",
            "no end",
            "each text's last token is left out; its end counts, too",
            *TOKEN_HINTS,
        ),
        labelling(
            "first-left-out",
            "not the first",
            "each text's first token is left out, as if a start stood there",
            *TOKEN_HINTS,
        ),
        labelling(
            "first-token-alone",
            "first token",
            "only the first token of each text counts",
            *TOKEN_HINTS,
        ),
        labelling(
            "last-token-alone",
            "last token",
            "only the last token of each text counts",
            *TOKEN_HINTS,
        ),
        labelling(
            "first-text-for-all",
            "first text",
            "the first label's tokens are looked up for every label",
            *TOKEN_HINTS,
        ),
        labelling(
            "model's-own-best",
            "best tokens",
            "at each place the likeliest token is scored, not the text's",
            *TOKEN_HINTS,
        ),
        labelling(
            "worst-token",
            "worst token",
            "a label is scored by its least likely token; all of them count",
            *TOKEN_HINTS,
        ),
        labelling(
            "last-column-left-out",
            "last column",
            "the last *column* is left out, which holds the last token of the longest text",
            *TOKEN_HINTS,
        ),
        labelling(
            "first-example-for-all",
            "first example",
            "only the first example is scored: along the batch, the index of `gather` is one long",
            "Score a batch of three. How many rows have your scores?",
            "`gather` gives as many numbers as its index has, so that must have the examples, too.",
            "`texts.expand(logits.shape[:-1])[..., None]` is the index.",
        ),
        labelling(
            "ids-above-pad",
            "above pad",
            "only ids *above* `pad_id` count as tokens; padding is the one id alone",
            *PADDED_HINTS,
        ),
        labelling(
            "divided-by-one-less",
            "length less one",
            "the mean divides by one token too few; the end token counts, too",
            *MEAN_HINTS,
        ),
        labelling(
            "length-of-the-first-label",
            "first length",
            "the mean divides every label's sum by the length of the *first* label",
            *MEAN_HINTS,
        ),
        labelling(
            "probabilities-multiplied-and-divided",
            "product divided",
            "probabilities are multiplied, and their product is divided by the length; "
            "logarithms are added up, and their sum is divided",
            *LIKELY_HINTS,
        ),
        labelling(
            "padding-makes-it-0",
            "product of zeros",
            "probabilities are multiplied, and a 0 for padding makes the whole product 0; "
            "logarithms are added up, and there 0 changes nothing",
            *LIKELY_HINTS,
        ),
        labelling(
            "logarithm-of-a-mean",
            "logarithm of the mean",
            "the mean is that of the probabilities, and its logarithm is taken then; the mean "
            "of the logarithms was asked for",
            *LIKELY_HINTS,
        ),
        labelling(
            "summed-over-labels",
            "sum over labels",
            "the sum runs over the labels; it belongs over the tokens of each text",
            *TOKEN_HINTS,
        ),
        labelling(
            "choice-by-sums",
            "choice by sums",
            "the scores are right, but the choice is always that of the sums: it was made "
            "before the mean was",
            *CHOICE_HINTS,
        ),
        labelling(
            "choice-by-means",
            "choice by means",
            "the scores are right, but the choice is always that of the means",
            *CHOICE_HINTS,
        ),
        labelling(
            "highest-score-first",
            "max alone",
            "`max` gives the highest score and then its place: the place is the choice, and "
            "*all* scores come second",
            *CHOICE_HINTS,
        ),
        labelling(
            "both-of-max",
            "max and scores",
            "the choice is a pair, as `max` gives the highest score and its place: the place "
            "alone is the choice",
            *CHOICE_HINTS,
        ),
        labelling(
            "softmax-over-a-text's-tokens",
            "over a text's tokens",
            "softmax runs over the scores of a text's own tokens; first comes softmax over the "
            "vocabulary, then a text's tokens are looked up",
            *LIKELY_HINTS,
        ),
        labelling(
            "padding-alone-counts",
            "padding alone",
            "padding counts, and nothing else does: `==` stands where `!=` belongs",
            *PADDED_HINTS,
        ),
        labelling(
            "scores-sorted",
            "sorted",
            "the choice is right, but the scores are sorted; they stand in the labels' order",
            *CHOICE_HINTS,
        ),
        labelling(
            "smallest-chosen",
            "smallest",
            "the label with the *lowest* score is chosen",
            *CHOICE_HINTS,
        ),
        labelling(
            "losses",
            "losses",
            "the choice is right, but the scores are losses: their sign is turned",
            *CHOICE_HINTS,
        ),
        labelling(
            "largest-loss",
            "losses, largest",
            "the scores are losses, and the largest of them is chosen: the least likely label",
            *CHOICE_HINTS,
        ),
        labelling(
            "perplexities",
            "perplexity",
            "the choice is right, but the scores are perplexities",
            *CHOICE_HINTS,
        ),
        labelling(
            "scores-exponentiated",
            "whole product",
            "the choice is right, but the scores are probabilities; long texts go down to 0",
            *CHOICE_HINTS,
        ),
        labelling(
            "among-the-labels",
            "among labels",
            "the choice is right, but the scores were normed over the labels",
            *CHOICE_HINTS,
        ),
        labelling(
            "shares-of-the-labels",
            "shares",
            "the choice is right, but a softmax over the labels comes out, not their scores",
            *CHOICE_HINTS,
        ),
        labelling(
            "an-example-for-each-label",
            "best example",
            "for each label an example is chosen; it should be a label for each example",
            *CHOICE_HINTS,
        ),
        labelling(
            "one-choice-for-all",
            "of all",
            "one number is chosen for the whole batch",
            *CHOICE_HINTS,
        ),
        labelling(
            "text-not-number",
            "its text",
            "the chosen label's text comes out, not its number",
            *CHOICE_HINTS,
        ),
        labelling(
            "one-hot",
            "one-hot",
            "the choice is a row of zeros and a one; the label's number was asked for",
            *CHOICE_HINTS,
        ),
        labelling(
            "best-score-not-number",
            "best score",
            "the highest score comes out as the choice, not the number of its label",
            *CHOICE_HINTS,
        ),
        labelling(
            "choice-as-a-list",
            "list",
            "the choice is a list; a tensor `(batch,)` was asked for",
            *CHOICE_HINTS,
        ),
        labelling(
            "choice-alone",
            "choice alone",
            "only the choice is returned; the scores are missing",
            *CHOICE_HINTS,
        ),
        labelling(
            "scores-alone",
            "scores alone",
            "only the scores are returned; the choice is missing",
            *CHOICE_HINTS,
        ),
        labelling(
            "exchanged",
            "exchanged",
            "the scores come first and the choice second",
            *CHOICE_HINTS,
        ),
        labelling(
            "half-precision",
            "half",
            "half-precision logits were not widened: the scores are bfloat16, and coarse",
            "Hand it logits in bfloat16. Which dtype do your scores have?",
            "The last but one point names the dtype of the scores.",
            "`logits.float()` before anything else.",
        ),
        labelling(
            "widened-too-late",
            "half, widened",
            "the scores are float32, but they were worked out in half precision, and are coarse",
            "Hand it logits in bfloat16, and the same in float32. How far apart are the scores?",
            "What was rounded to eight bits stays rounded: where does your `.float()` stand?",
            "`logits.float()` before anything else.",
        ),
    ],
    hints=(
        "Work out one label of two tokens by hand, with a vocabulary of three.",
        "Three steps: log-probabilities of all tokens, those of the text's tokens, their sum or "
        "mean without padding.",
        "`log_softmax`, `gather`, `where`, `sum`; then `argmax` over the labels.",
    ),
    allows=Edges(
        dtypes=("bfloat16",),
        sizes=(0, 1),
        special=("nan", "-inf"),
        labels=("sums", "means", "no padding", "pad_id is 0", "one label", "one example"),
    ),
    also_right=[label_by_loops, label_by_loss],
)


# --- 15.scale -------------------------------------------------------------------------------


def sublayer_cases(generator):
    def tried(label, batch, seq, d_model, heads, d_head, *, size=1.0, lift=0.0, rows=1.0, **more):
        inner = heads * d_head
        weights = {"norm": 1 + 0.4 * normal(generator, d_model)}
        for name in "qkv":
            weights[name] = normal(generator, inner, d_model) / d_model**0.5
        weights["o"] = normal(generator, d_model, inner) / inner**0.5
        x = size * (normal(generator, batch, seq, d_model) + lift) * rows
        return case(label, x, weights, normal(generator, heads, seq, seq), **{"grad": True} | more)

    empty = torch.ones(4, 1)
    empty[1] = 0
    return [
        tried("heads as wide as the model", 2, 5, 6, 2, 3, lift=0.7),
        tried("heads wider than the model", 2, 4, 3, 2, 5, lift=-0.6),
        tried("narrow heads, one text", 1, 5, 7, 2, 3, lift=0.5),
        tried("one head", 3, 4, 5, 1, 6, lift=0.5),
        tried("one token", 2, 1, 3, 2, 4, lift=0.5),
        tried("small numbers", 2, 4, 5, 2, 3, size=2e-3, lift=0.5),
        tried("large numbers, far from 0", 2, 4, 5, 2, 3, size=20.0, lift=2.0),
        tried("a token of zeros", 2, 4, 5, 3, 2, rows=empty, lift=0.4),
        tried("heads one number wide", 2, 3, 5, 4, 1, lift=0.5),
        tried("nothing is learned", 2, 3, 4, 2, 3, lift=0.5, grad=False),  # what is edited, shows
    ]


def wrong_sublayer(x, weights, bias, *, step):
    if step.get("grown"):
        x = x * x.shape[-1] ** 0.5
    squares = x.pow(2).mean(dim=-1, keepdim=True)
    centred = x - x.mean(dim=-1, keepdim=True)
    spread = centred.pow(2).mean(dim=-1, keepdim=True)
    h = {
        "layer": lambda: centred / (spread + 1e-6).sqrt(),
        "layer 1e-5": lambda: centred / (spread + 1e-5).sqrt(),
        "centred": lambda: centred / (squares + 1e-6).sqrt(),
        "spread": lambda: x / (spread + 1e-6).sqrt(),
        "length": lambda: x / (x.pow(2).sum(dim=-1, keepdim=True) + 1e-6).sqrt(),
        "no root": lambda: x / (squares + 1e-6),
        "sample spread": lambda: x / (x.var(dim=-1, keepdim=True) + 1e-6).sqrt(),
        "std": lambda: x / x.std(dim=-1, keepdim=True),
        "std, epsilon behind": lambda: x / (x.std(dim=-1, keepdim=True) + 1e-6),
        "centred std": lambda: centred / (x.std(dim=-1, keepdim=True) + 1e-6),
        "mean squared": lambda: x / (x.mean(dim=-1, keepdim=True).pow(2) + 1e-6).sqrt(),
        "sizes": lambda: x / (x.abs().mean(dim=-1, keepdim=True) + 1e-6),
        "1e-8": lambda: x / (squares + 1e-8).sqrt(),
        "1e-12": lambda: x / (squares + 1e-12).sqrt(),
        "finfo": lambda: F.rms_norm(x, x.shape[-1:]),
        "no keepdim": lambda: x / (x.pow(2).mean(dim=-1) + 1e-6).sqrt(),
        "epsilon behind": lambda: x / (squares.sqrt() + 1e-6),
        "no epsilon": lambda: x / squares.sqrt(),
        "1e-5": lambda: x / (squares + 1e-5).sqrt(),
        "over tokens": lambda: x / (x.pow(2).mean(dim=1, keepdim=True) + 1e-6).sqrt(),
        "over all": lambda: x / (x.pow(2).mean() + 1e-6).sqrt(),
        "none": lambda: x,
        "unbiased": lambda: centred / (centred.var(dim=-1, keepdim=True) + 1e-6).sqrt(),
    }.get(step.get("norm"), lambda: x / (squares + 1e-6).sqrt())()
    normed = h * (weights["norm"] + bool(step.get("one more")))
    h = h if step.get("unweighted") else normed
    read = x if step.get("reads") == "x" else h
    values = x if step.get("reads") in ("x", "values of x") else h
    turned = step.get("not turned", "")
    maps = {name: weights[name] if name in turned else weights[name].T for name in "qkvo"}
    heads = bias.shape[-1] if step.get("heads of seq") else len(bias)

    def split(numbers):
        if step.get("split") == "view":
            return numbers.reshape(len(x), heads, x.shape[1], -1)
        if step.get("split") == "width of the model":
            return numbers.unflatten(-1, (heads, x.shape[-1] // heads)).transpose(1, 2)
        return split_heads(numbers, heads)

    q, k = (split(read @ maps[name]) for name in "qk")
    v = split(values @ maps["v"])
    factor = {
        "d_head": q.shape[-1] ** -0.5,
        "d_model": x.shape[-1] ** -0.5,
        "d_head whole": 1 / q.shape[-1],
        "multiplied": q.shape[-1] ** 0.5,
        "heads": len(bias) ** -0.5,
    }.get(step.get("scale"), 1)
    told = step.get("bias", "added")
    scores = q @ k.mT
    if told == "added first":
        scores = (scores + bias) * factor
    elif told == "subtracted":
        scores = scores * factor - bias
    elif told == "mT":
        scores = scores * factor + bias.mT
    elif told == "multiplied":
        scores = scores * factor * bias
    elif told in ("none", "behind"):
        scores = scores * factor
    else:
        scores = scores * factor + bias
    if step.get("causal"):
        scores = scores.masked_fill(~causal_mask(x.shape[1]), -torch.inf)
    looked = scores.softmax(dim=step.get("axis", -1))
    if told == "behind":
        looked = looked + bias
    mixed = looked @ v
    if step.get("not merged"):
        said = mixed.reshape(*x.shape[:2], -1) @ maps["o"]
    else:
        said = merge_heads(mixed) @ maps["o"]
    kept = {
        "normed": h,
        "nothing": 0,
        "divided": h / weights["norm"],
        "twice": 2 * x,
        "detached": x.detach(),
        "both": x + h,
    }.get(step.get("kept"), x)
    if step.get("kept") == "said normed":
        return x + said * (said.pow(2).mean(-1, keepdim=True) + 1e-6).rsqrt() * weights["norm"]
    if step.get("kept") == "post":
        total = x + said
        return total * (total.pow(2).mean(dim=-1, keepdim=True) + 1e-6).rsqrt() * weights["norm"]
    if step.get("edits"):
        x += said
        return x
    return kept + said


def spelled_sublayer(x, weights, bias):
    """Right: einsum, head by head."""
    h = F.rms_norm(x, x.shape[-1:], weights["norm"], eps=1e-6)
    heads, said = len(bias), torch.zeros_like(x)
    rows = {name: weights[name].chunk(heads) for name in "qkv"}
    for n, columns in enumerate(weights["o"].chunk(heads, dim=1)):
        q, k, v = (h @ rows[name][n].T for name in "qkv")
        looked = (torch.einsum("bid,bjd->bij", q, k) + bias[n]).softmax(dim=-1)
        said = said + torch.einsum("bij,bjd,ed->bie", looked, v, columns)
    return said + x


def fused_sublayer(x, weights, bias):
    """Right: by PyTorch's own attention."""
    batch, seq, _ = x.shape
    h = weights["norm"] * x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt()
    q, k, v = (
        F.linear(h, weights[name]).view(batch, seq, len(bias), -1).transpose(1, 2) for name in "qkv"
    )
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None], scale=1.0)
    return x + F.linear(mixed.transpose(1, 2).flatten(2), weights["o"])


mending = told_of(wrong_sublayer, "step")


RMS_HINTS = (
    "Norm the vector [3, 4] with weights of 1. RMSNorm gives about [0.85, 1.13].",
    "RMSNorm divides by the root of the mean of the squares; nothing is taken away first.",
    "`x / (x.pow(2).mean(dim=-1, keepdim=True) + 1e-6).sqrt() * weights['norm']`.",
)
SCALE_HINTS = (
    "What is done to `q @ k.mT` before softmax, in your code and in the text?",
    "T5's scores are the dot product and the bias, and nothing is divided.",
    "`(q @ k.mT + bias).softmax(dim=-1)`.",
)
KEPT_HINTS = (
    "Set `weights['o']` to zeros. What should come out then?",
    "What attention says is added to `x` *as it came*, not to what was normed.",
    "`return x + …`.",
)
READ_HINTS = (
    "Which tensor do queries, keys and values come from, in your code?",
    "What is read is normed first: all three come from the normed `x`.",
    "`h @ weights[name].T` for q, k and v, where `h` is the normed `x`.",
)

SCALE = Exercise(
    id="15.scale",
    title="The weights fit, the sentences don't",
    kind="bug",
    points=2,
    name="t5_attention",
    cases=sublayer_cases,
    axes="batch seq d_model",
    mistakes=[
        mending(
            "nothing-mended",
            {"norm": "layer", "scale": "d_head", "kept": "normed"},
            "all three faults are still there",
            "Norm [3, 4] by hand as the text says, and compare.",
            "One fault is in the norm, one in the scores, one in the last line.",
            "Compare each line with one point of the text: the third, the fourth, the first.",
        ),
        mending(
            "norm-alone-mended",
            {"scale": "d_head", "kept": "normed"},
            "the norm is right now; the scores are still divided, and the last line adds to what "
            "was normed",
            *SCALE_HINTS,
        ),
        mending(
            "scores-alone-mended",
            {"norm": "layer", "kept": "normed"},
            "the scores are right now; the norm still takes the mean away, and the last line adds "
            "to what was normed",
            *RMS_HINTS,
        ),
        mending(
            "last-line-alone-mended",
            {"norm": "layer", "scale": "d_head"},
            "the last line is right now; the norm still takes the mean away, and the scores are "
            "divided",
            *RMS_HINTS,
        ),
        mending(
            "mean-taken-away",
            {"norm": "layer"},
            "the norm still takes the mean away: that is LayerNorm",
            *RMS_HINTS,
        ),
        mending(
            "pytorch's-layer-norm",
            {"norm": "layer 1e-5"},
            "the norm is PyTorch's layer norm: it takes the mean away, and its epsilon is 1e-5",
            *RMS_HINTS,
        ),
        mending(
            "mean-taken-away-above-the-line",
            {"norm": "centred"},
            "the mean is taken away from what is divided, though not from what it is divided by",
            *RMS_HINTS,
        ),
        mending(
            "divided-by-the-spread",
            {"norm": "spread"},
            "`x` is divided by its standard deviation, from which the mean was taken away",
            *RMS_HINTS,
        ),
        mending(
            "sample-variance",
            {"norm": "unbiased"},
            "the norm takes the mean away, and divides by `var`, which counts one number less",
            *RMS_HINTS,
        ),
        mending(
            "brought-to-length-1",
            {"norm": "length"},
            "each vector is divided by its length: a *sum* of squares, not their mean",
            *RMS_HINTS,
        ),
        mending(
            "no-root",
            {"norm": "no root"},
            "the norm divides by the mean of the squares, without a root",
            *RMS_HINTS,
        ),
        mending(
            "divided-by-the-sample-spread",
            {"norm": "sample spread"},
            "`x` is divided by the root of `var`, from which the mean was taken away; RMSNorm "
            "takes nothing away",
            *RMS_HINTS,
        ),
        mending(
            "divided-by-std",
            {"norm": "std"},
            "`x` is divided by `std`, from which the mean was taken away; RMSNorm takes nothing "
            "away",
            *RMS_HINTS,
        ),
        mending(
            "divided-by-std-and-epsilon",
            {"norm": "std, epsilon behind"},
            "`x` is divided by `std`, from which the mean was taken away; RMSNorm takes nothing "
            "away",
            *RMS_HINTS,
        ),
        mending(
            "centred-and-divided-by-std",
            {"norm": "centred std"},
            "the norm takes the mean away, and divides by `std`: that is LayerNorm",
            *RMS_HINTS,
        ),
        mending(
            "mean-squared",
            {"norm": "mean squared"},
            "the mean is squared, not the numbers: first the squares, then their mean",
            *RMS_HINTS,
        ),
        mending(
            "divided-by-the-mean-size",
            {"norm": "sizes"},
            "`x` is divided by the mean of its numbers without their signs; RMSNorm takes the "
            "root of the mean of the squares",
            *RMS_HINTS,
        ),
        mending(
            "axis-of-the-mean-lost",
            {"norm": "no keepdim"},
            "the mean of the squares has lost its axis, and what each token is divided by is "
            "another token's",
            "What shape has the mean of the squares, and what shape has `x`?",
            "Each token is divided by one number, so that number needs an axis of length 1.",
            "`x.pow(2).mean(dim=-1, keepdim=True)`.",
        ),
        mending(
            "smaller-epsilon",
            {"norm": "1e-8"},
            "the epsilon is 1e-8; T5 has 1e-6, and small numbers show it",
            *RMS_HINTS,
        ),
        mending(
            "smallest-epsilon",
            {"norm": "1e-12"},
            "the epsilon is 1e-12; T5 has 1e-6, and small numbers show it",
            *RMS_HINTS,
        ),
        mending(
            "pytorch's-epsilon",
            {"norm": "finfo"},
            "the epsilon is the one that PyTorch's RMSNorm takes unless it is told, about 1e-7; "
            "T5 has 1e-6, and small numbers show it",
            *RMS_HINTS,
        ),
        mending(
            "norm's-weights-plus-1",
            {"one more": True},
            "1 is added to the weights of the norm, as some models do; T5 multiplies by them as "
            "they are",
            *RMS_HINTS,
        ),
        mending(
            "weights-not-turned",
            {"not turned": "qkv"},
            "q, k and v multiply by the weights as they are held, (outputs, inputs); a product "
            "wants them turned",
            "What shape has `weights['q']`, and what does `nn.Linear` do with it?",
            "An `nn.Linear` holds (outputs, inputs), and multiplies by the transposed.",
            "`h @ weights[name].T`.",
        ),
        mending(
            "last-weights-not-turned",
            {"not turned": "o"},
            "the last product takes `weights['o']` as it is held, (outputs, inputs); it wants "
            "it turned",
            "What shape has `weights['o']`, and what does `nn.Linear` do with it?",
            "An `nn.Linear` holds (outputs, inputs), and multiplies by the transposed.",
            "`merge_heads(looked @ v) @ weights['o'].T`.",
        ),
        mending(
            "as-many-heads-as-tokens",
            {"heads of seq": True},
            "the number of heads is read from the last axis of `bias`; it is the first",
            "What is `bias.shape`, and which of the three is the heads?",
            "The text names the axes of `bias`.",
            "`len(bias)` is the number of heads.",
        ),
        mending(
            "future-hidden",
            {"causal": True},
            "no token sees what lies ahead; this is an encoder's layer, and nothing is hidden",
            *SCALE_HINTS,
        ),
        mending(
            "softmax-over-heads",
            {"axis": 1},
            "softmax runs over the heads; it belongs over the keys",
            *SCALE_HINTS,
        ),
        mending(
            "heads-poured-together",
            {"not merged": True},
            "the heads were reshaped together, not merged: numbers of several tokens are mixed",
            "Which axes has `looked @ v`, and in which order must they stand before two of them "
            "become one?",
            "Of one token, the heads' numbers belong side by side.",
            "`merge_heads(looked @ v)`.",
        ),
        mending(
            "epsilon-behind-the-root",
            {"norm": "epsilon behind"},
            "the epsilon stands behind the root; it belongs under it, and small numbers show it",
            *RMS_HINTS,
        ),
        mending(
            "no-epsilon",
            {"norm": "no epsilon"},
            "the norm has no epsilon, and a token of zeros is divided by 0",
            *RMS_HINTS,
        ),
        mending(
            "another-epsilon",
            {"norm": "1e-5"},
            "the epsilon is 1e-5; T5 has 1e-6, and small numbers show it",
            *RMS_HINTS,
        ),
        mending(
            "normed-over-tokens",
            {"norm": "over tokens"},
            "the squares are averaged over the tokens; each token is normed by itself",
            *RMS_HINTS,
        ),
        mending(
            "one-norm-for-all",
            {"norm": "over all"},
            "one number norms the whole batch; each token is normed by itself",
            *RMS_HINTS,
        ),
        mending(
            "not-normed",
            {"norm": "none"},
            "nothing is normed: only the weights of the norm are left",
            *RMS_HINTS,
        ),
        mending(
            "norm's-weights-forgotten",
            {"unweighted": True},
            "the norm has lost its weights",
            *RMS_HINTS,
        ),
        mending(
            "norm-left-out",
            {"reads": "x"},
            "queries, keys and values are made of `x` as it came: nothing is normed",
            *READ_HINTS,
        ),
        mending(
            "values-not-normed",
            {"reads": "values of x"},
            "the values are made of `x` as it came; queries and keys are right",
            *READ_HINTS,
        ),
        mending(
            "scores-still-divided",
            {"scale": "d_head"},
            "the scores are still divided by the root of d_head",
            *SCALE_HINTS,
        ),
        mending(
            "bias-divided-too",
            {"scale": "d_head", "bias": "added first"},
            "the bias is added first, and then both are divided; nothing is to be divided",
            *SCALE_HINTS,
        ),
        mending(
            "divided-by-the-root-of-d-model",
            {"scale": "d_model"},
            "the scores are divided by the root of d_model; nothing is to be divided",
            *SCALE_HINTS,
        ),
        mending(
            "divided-by-d-head",
            {"scale": "d_head whole"},
            "the scores are divided by d_head; nothing is to be divided",
            *SCALE_HINTS,
        ),
        mending(
            "multiplied-by-the-root",
            {"scale": "multiplied"},
            "the scores are multiplied by the root of d_head, as if to undo a division",
            *SCALE_HINTS,
        ),
        mending(
            "divided-by-the-root-of-the-heads",
            {"scale": "heads"},
            "the scores are divided by the root of the number of heads",
            *SCALE_HINTS,
        ),
        mending(
            "bias-forgotten",
            {"bias": "none"},
            "the bias is never added",
            *SCALE_HINTS,
        ),
        mending(
            "bias-behind-softmax",
            {"bias": "behind"},
            "the bias is added to the weights, behind softmax; it belongs to the scores",
            *SCALE_HINTS,
        ),
        mending(
            "bias-subtracted",
            {"bias": "subtracted"},
            "the bias is subtracted",
            *SCALE_HINTS,
        ),
        mending(
            "bias-transposed",
            {"bias": "mT"},
            "the bias is transposed: its rows are queries already",
            *SCALE_HINTS,
        ),
        mending(
            "bias-multiplied",
            {"bias": "multiplied"},
            "the scores are multiplied by the bias; it is added",
            *SCALE_HINTS,
        ),
        mending(
            "softmax-over-queries",
            {"axis": -2},
            "softmax runs over the queries; it belongs over the keys",
            *SCALE_HINTS,
        ),
        mending(
            "added-to-what-was-normed",
            {"kept": "normed"},
            "what attention says is still added to the normed `x`",
            *KEPT_HINTS,
        ),
        mending(
            "added-to-both",
            {"kept": "both"},
            "`x` and the normed `x` are both added to what attention says; `x` alone goes on",
            *KEPT_HINTS,
        ),
        mending(
            "added-to-the-bare-norm",
            {"kept": "divided"},
            "what attention says is added to the normed `x`, without the norm's weights",
            *KEPT_HINTS,
        ),
        mending(
            "nothing-added",
            {"kept": "nothing"},
            "what attention says comes out alone; `x` is missing",
            *KEPT_HINTS,
        ),
        mending(
            "added-twice",
            {"kept": "twice"},
            "`x` is added twice",
            *KEPT_HINTS,
        ),
        mending(
            "normed-behind",
            {"reads": "x", "kept": "post"},
            "the norm stands behind the sum, as in 2017; T5 norms what is read",
            *KEPT_HINTS,
        ),
        mending(
            "normed-before-and-behind",
            {"kept": "post"},
            "the sum is normed, too; T5 norms what is read, and nothing else",
            *KEPT_HINTS,
        ),
        mending(
            "x-edited",
            {"edits": True},
            "the numbers are right, but they are written over `x`",
            "Print `x` before and after the call.",
            "`+=` on a tensor writes into the one that came in.",
            "`return x + …`.",
        ),
        mending(
            "split-without-a-transpose",
            {"split": "view"},
            "`view` or `reshape` cuts (batch, seq, …) into (batch, heads, seq, …) at once: "
            "numbers of "
            "several tokens are mixed",
            "Which numbers of one token get into head 0? The first d_head.",
            "`reshape` keeps the order of the numbers and cuts it elsewhere.",
            "First (batch, seq, heads, d_head), then exchange axes 1 and 2; or `split_heads`.",
        ),
        mending(
            "heads-as-wide-as-the-model",
            {"split": "width of the model"},
            "a head's width is taken for d_model / heads; T5's heads may have another",
            "How many numbers has q for one token, and how many heads are there?",
            "The weights say how wide a head is: their rows, divided by the heads.",
            "`unflatten(-1, (heads, -1))`, or `split_heads`.",
        ),
        mending(
            "normed-behind-attention",
            {"kept": "said normed"},
            "what attention says is normed once more before it is added to `x`",
            *KEPT_HINTS,
        ),
        mending(
            "x-multiplied-by-the-root",
            {"grown": True},
            "`x` is multiplied by the root of d_model, as the first Transformer's embeddings; T5 "
            "takes it as it is",
            *KEPT_HINTS,
        ),
        mending(
            "residual-detached",
            {"kept": "detached"},
            "the numbers are right, but no gradient flows back along `x` itself",
            "Set `weights['o']` to zeros, call backward, and print the gradient of `x`.",
            "`detach`, `.data` and `no_grad` cut gradients off.",
            "`return x + …`, with `x` as it came.",
        ),
    ],
    hints=(
        "Work out one token of two numbers by hand; with a single token softmax gives 1, so only "
        "the norm and the last line are left.",
        "Each point of the text is a line of the code: norm (third), scores (fourth), sum (first).",
        "Nothing is taken away in the norm, nothing is divided in the scores, and the sum takes "
        "`x`.",
    ),
    allows=Edges(sizes=(1,), labels=("wider", "narrow", "small", "large", "of zeros", "one head")),
    also_right=[spelled_sublayer, fused_sublayer],
)


# --- 15.path --------------------------------------------------------------------------------

STEPS = ((1, 1), (1, 0), (0, 1))


def path_cases(generator):
    def lone(cost):
        """Is there one cheapest path, and is it so by more than rounding?"""
        rows, columns = cost.shape
        ahead, back = sums_of(cost.tolist()), sums_of(cost.flip(0, 1).tolist())
        best, on = ahead[rows - 1, columns - 1], path_of(cost)
        used = set(pairwise(on))
        for i, j in ahead:
            for down, right in STEPS:
                to = (i + down, j + right)
                if to in ahead and ((i, j), to) not in used:
                    over = ahead[i, j] + back[rows - 1 - to[0], columns - 1 - to[1]]
                    if over - best < 1e-3:
                        return False
        return True

    def tried(label, rows, columns, make):
        cost = next(filter(lone, (make(normal(generator, rows, columns)) for _ in range(100))))
        return case(label, cost)

    def band(x):
        """Cheap near a bent line, as a table of attention is."""
        rows, columns = x.shape
        at = torch.linspace(0, 1, rows)[:, None].pow(1.6) * (columns - 1)
        return 0.3 * x - 2 * (-((torch.arange(columns) - at) ** 2) / 4).exp()

    def flat(x):
        """Cheap steps in sight, a dear place behind them."""
        x = x.abs() + 0.5
        x[2, 2:], x[3:, 3] = 6.0 + x[2, 2:], 7.0 + x[3:, 3]
        return x

    return [
        tried("any numbers", 5, 7, lambda x: x),
        tried("above 0", 6, 4, lambda x: x.abs() + 0.2),
        tried("all far above 0", 4, 6, lambda x: x + 8),
        tried("all far below 0", 5, 6, lambda x: x - 6),
        tried("a bent line of attention", 7, 17, band),
        tried("the next step misleads", 6, 7, flat),
        tried("more rows than columns", 9, 3, lambda x: x),
        tried("one row", 1, 6, lambda x: x),
        tried("one column", 5, 1, lambda x: x),
        tried("a single place", 1, 1, lambda x: x),
        tried("two by two", 2, 2, lambda x: x),
        tried("numbers in the ten thousands", 4, 6, lambda x: 1e4 * (x.abs() + 1)),
        tried("a thousand places", 26, 41, lambda x: x + 0.4),
        in_dtype(tried("any numbers", 4, 5, lambda x: x), torch.float64),
    ]


def sums_of(costs, steps=STEPS, double=1.0, came=None, worse=False):
    """What the best way to each place costs; with `came` also where it comes from."""
    best = {}
    for i, row in enumerate(costs):
        for j, cost in enumerate(row):
            before = [(i - down, j - right) for down, right in steps]
            ways = [
                (best[b] + cost * (double if b == (i - 1, j - 1) else 1), b)
                for b in before
                if b in best
            ]
            if not ways and (i or j):
                continue
            total, origin = (max if worse else min)(ways) if ways else (cost, None)
            best[i, j] = total
            if came is not None:
                came[i, j] = origin
    return best


def path_of(cost, **given):
    costs = cost.tolist()
    came = {}
    sums_of(costs, came=came, **given)
    path = [(len(costs) - 1, len(costs[0]) - 1)]
    while came.get(path[-1]):
        path.append(came[path[-1]])
    return path[::-1]


def greedy(costs, start, steps, goal, pick=min):
    """From place to place, always by what looks best next."""
    path = [start]
    while path[-1] != goal:
        i, j = path[-1]
        ways = [(i + down, j + right) for down, right in steps]
        path.append(pick((w for w in ways if w in costs), key=costs.get))
    return path


def bordered(costs, border=0.0, column=None):
    """The path where the border of the table of sums is low, so that a path may begin there.

    `column` gives the values in front of column 0, by place, and those above row 0, too, where
    there is no `border`.
    """
    best = {(-1, j): column(j) if border is None else border for j in range(len(costs[0]))}
    best |= {(i, -1): column(i) if column else border for i in range(len(costs))}
    best[-1, -1] = 0.0
    came = {}
    for i, row in enumerate(costs):
        for j, cost in enumerate(row):
            before = ((i - 1, j - 1), (i - 1, j), (i, j - 1))
            came[i, j] = min(before, key=best.get)
            best[i, j] = cost + best[came[i, j]]
    path = [(len(costs) - 1, len(costs[0]) - 1)]
    while came[path[-1]] in came:
        path.append(came[path[-1]])
    return path[::-1]


ALWAYS = {
    "always the diagonal": STEPS,
    "always the row above": ((1, 0), (1, 1), (0, 1)),
    "always the column before": ((0, 1), (1, 1), (1, 0)),
}


def untidy(costs, slip):
    """The path over sums whose border went wrong, walked back inside of the table."""
    rows, columns = len(costs), len(costs[0])
    sums = [list(row) for row in costs]
    for i in range(rows):
        for j in range(columns):
            if (i and j) or (slip == "wraps" and (i or j)):
                sums[i][j] += min(sums[i - 1][j - 1], sums[i - 1][j], sums[i][j - 1])
    path = [(rows - 1, columns - 1)]
    while path[-1] != (0, 0):
        i, j = path[-1]
        before = [place for place in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if min(place) >= 0]
        path.append(min(before, key=lambda place: sums[place[0]][place[1]]))
    return path[::-1]


def inside(costs, row, column, fills=STEPS, steps=STEPS):
    """The path walked back inside of the table, over sums beyond whose edges a border lies.

    `row` and `column` give the border's values in front of row 0 and of column 0, by place.
    """
    rows, columns = len(costs), len(costs[0])
    sums = {(-1, j): row(j) for j in range(columns)} | {(i, -1): column(i) for i in range(rows)}
    sums[-1, -1] = 0.0
    for i in range(rows):
        for j in range(columns):
            least = min(sums[i - a, j - b] for a, b in fills) if i or j else 0.0
            sums[i, j] = costs[i][j] + least
    return walked(sums, rows, columns, steps)


def walked(sums, rows, columns, steps=STEPS):
    """The way back inside of the table to the least sum before each place."""
    path = [(rows - 1, columns - 1)]
    while path[-1] != (0, 0):
        i, j = path[-1]
        before = [(i - a, j - b) for a, b in steps if i >= a and j >= b]
        path.append(min(before, key=sums.get))
    return path[::-1]


def half_summed(costs, slip):
    """The path over sums of which row 0 and column 0, or a place's own cost, are otherwise."""
    sums = {}
    for i, row in enumerate(costs):
        for j, cost in enumerate(row):
            before = [b for b in ((i - a, j - b) for a, b in STEPS) if b in sums]
            least = min((sums[b] for b in before), default=0.0)
            edge = {
                "row not summed": None if i else cost,
                "column not summed": None if j else cost,
                "edges stay 0": None if i and j else 0.0 if i or j else cost,
                "edges of two": None if i and j else sum(costs[a][b] for a, b in before) + cost,
            }.get(slip)
            sums[i, j] = least + cost if edge is None else edge
            if slip == "paid behind":
                sums[i, j] = min((sums[b] + costs[b[0]][b[1]] for b in before), default=0.0)
    return walked(sums, len(costs), len(costs[0]))


HALF_SUMMED = (
    "row not summed",
    "column not summed",
    "edges stay 0",
    "edges of two",
    "paid behind",
)


def endless(_):
    return math.inf


def counted(place):
    return place + 1.0


def nothing(_):
    return 0.0


INSIDE = {
    "zeros, inside": (nothing, nothing),
    "zeros in front of the rows, inside": (endless, nothing),
    "zeros above the columns, inside": (nothing, endless),
    "border counted, inside": (counted, counted),
    "border 999, inside": (lambda _: 999.0, lambda _: 999.0),
    "walk without diagonal": (endless, endless, STEPS, STEPS[1:]),
    "sums without diagonal": (endless, endless, STEPS[1:], STEPS),
}


def always(rows, columns, order):
    """The way back that takes the first of the three places before which there is."""
    path = [(rows - 1, columns - 1)]
    while path[-1] != (0, 0):
        i, j = path[-1]
        path.append(next((i - a, j - b) for a, b in order if i >= a and j >= b))
    return path[::-1]


def wrapped(costs):
    """Walked back by indices that go below 0, where Python counts from the end."""
    rows, columns = len(costs), len(costs[0])
    best = sums_of(costs)
    sums = [[best[i, j] for j in range(columns)] for i in range(rows)]
    path = [(rows - 1, columns - 1)]
    while path[-1] != (0, 0) and len(path) < rows * columns + 9:
        i, j = path[-1]
        path.append(min(((i - a, j - b) for a, b in STEPS), key=lambda p: sums[p[0]][p[1]]))
    if path[-1] != (0, 0):
        return [][0]
    return path[::-1]


def pointed(costs):
    """The ways as the sums found them, with indices that went below 0 among them."""
    rows, columns = len(costs), len(costs[0])
    sums, came = [[math.inf] * columns for _ in costs], {}
    for i in range(rows):
        for j in range(columns):
            if i or j:
                came[i, j] = min(((i - a, j - b) for a, b in STEPS), key=lambda p: sums[p[0]][p[1]])
            a, b = came.get((i, j), (i, j))
            sums[i][j] = costs[i][j] + (sums[a][b] if i or j else 0.0)
    path = [(rows - 1, columns - 1)]
    while path[-1] != (0, 0):
        path.append(came[path[-1]])
    return path[::-1]


def dijkstra(costs):
    """Dijkstra's way, which takes a place for done once it comes out of the heap."""
    goal = (len(costs) - 1, len(costs[0]) - 1)
    came, heap = {}, [(costs[0][0], (0, 0), None)]
    while goal not in came:
        total, at, before = heappop(heap)
        if at in came:
            continue
        came[at] = before
        for down, right in STEPS:
            i, j = at[0] + down, at[1] + right
            if i <= goal[0] and j <= goal[1]:
                heappush(heap, (total + costs[i][j], (i, j), at))
    path = [goal]
    while came[path[-1]]:
        path.append(came[path[-1]])
    return path[::-1]


def twice_behind(costs):
    """The path where a diagonal's place counts twice, though the choice doesn't ask for that."""
    best, came = {(0, 0): costs[0][0]}, {}
    for i, row in enumerate(costs):
        for j, cost in enumerate(row):
            before = [b for b in ((i - a, j - b) for a, b in STEPS) if b in best]
            if i or j:
                came[i, j] = min(before, key=best.get)
                twice = came[i, j] == (i - 1, j - 1)
                best[i, j] = best[came[i, j]] + cost * (2 if twice else 1)
    path = [(len(costs) - 1, len(costs[0]) - 1)]
    while path[-1] in came:
        path.append(came[path[-1]])
    return path[::-1]


def stopped(cost, slip):
    """Paths of what stops for some tables, by the very error, or doesn't reach into all of them."""
    rows, columns = cost.shape
    if slip == "square by rows":
        if rows > columns:
            return [][0]
        return path_of(cost[:, :rows])
    if slip == "square by columns":
        if columns > rows:
            return [][0]
        return path_of(cost[:columns])
    if slip == "sizes exchanged":
        if rows != columns:
            return [][0]
        return path_of(cost)
    if slip in ("no way down", "no way right"):
        if (rows if slip == "no way down" else columns) > 1:
            return min([])
        return path_of(cost)
    if slip == "border 999, walked out":
        if float(cost.max()) > 5000:
            return [][0]
        return path_of(cost)
    if slip == "no end, and stops":
        path = path_of(cost)
        if len(path) == 1:
            return {}[0, 0]
        return path[:-1]
    if min(rows, columns) == 1:  # "border left out"
        if rows == columns:
            return [(0, 0)]
        return {}[0, 0]
    return [(0, 0)] + [(i + 1, j + 1) for i, j in path_of(cost[1:, 1:])]


STOPPED = (
    "square by rows",
    "square by columns",
    "sizes exchanged",
    "no way down",
    "no way right",
    "border 999, walked out",
    "no end, and stops",
    "border left out",
)


def by_rows(cost, how):
    """For each row its cheapest column: as it is, or never going back."""
    columns = cost.argmin(dim=1)
    if how == "rising":
        columns = columns.cummax(dim=0).values
    return list(enumerate(columns.tolist()))


def wrong_path(cost, *, slip):
    costs = cost.tolist()
    rows, columns = cost.shape
    goal = (rows - 1, columns - 1)
    table = {(i, j): costs[i][j] for i in range(rows) for j in range(columns)}
    if slip == "greedy":
        return greedy(table, (0, 0), STEPS, goal)
    if slip == "greedy from behind":
        steps = [(-down, -right) for down, right in STEPS]
        return greedy(table, goal, steps, (0, 0))[::-1]
    if slip == "forward along sums":
        return greedy(sums_of(costs), (0, 0), STEPS, goal)
    if slip in INSIDE:
        return inside(costs, *INSIDE[slip])
    if slip in HALF_SUMMED:
        return half_summed(costs, slip)
    if slip in STOPPED:
        return stopped(cost, slip)
    if slip == "dijkstra":
        return dijkstra(costs)
    if slip == "diagonal twice, chosen before":
        return twice_behind(costs)
    if slip == "wraps, walking":
        return wrapped(costs)
    if slip == "wraps, pointed":
        return pointed(costs)
    if slip in ALWAYS:
        return always(rows, columns, ALWAYS[slip])
    if slip == "border 0":
        return bordered(costs)
    if slip == "zeros in front of the rows":
        return bordered(costs, math.inf, nothing)
    if slip == "zeros above the columns":
        return bordered(costs, 0.0, endless)
    if slip == "border counted":
        return bordered(costs, None, counted)
    if slip == "border 999":
        return bordered(costs, 999.0)
    if slip == "corner inf":  # all sums are infinite, and the first of three equal ones is taken
        last = (len(costs) - 1, len(costs[0]) - 1)
        return [(last[0] - k, last[1] - k) for k in range(min(last), -1, -1)]
    if slip in ("wraps", "border not summed"):
        return untidy(costs, slip)
    if slip == "each row":
        return by_rows(cost, "as it is")
    if slip == "each row, rising":
        return by_rows(cost, "rising")
    if slip == "each column, rising":
        rising = cost.argmin(dim=0).cummax(dim=0).values.tolist()
        return [(i, j) for j, i in enumerate(rising)]
    if slip == "every place":
        return [(i, j) for i in range(rows) for j in range(columns)]
    if slip == "each column":
        return [(i, j) for j, i in enumerate(cost.argmin(dim=0).tolist())]
    if slip == "straight":
        steps = max(rows, columns) - 1
        return [
            (round(n * (rows - 1) / max(steps, 1)), round(n * (columns - 1) / max(steps, 1)))
            for n in range(steps + 1)
        ]
    if slip == "first diagonal":
        n = min(rows, columns)
        path = [(i, i) for i in range(n)]
        return path + [(i, columns - 1) for i in range(n, rows)] + [
            (rows - 1, j) for j in range(n, columns)
        ]  # fmt: skip
    if slip == "edited":
        path = path_of(cost)
        for place, total in sums_of(costs).items():
            cost[place] = total
        return path
    given = {
        "no diagonal": {"steps": ((1, 0), (0, 1))},
        "a column each": {"steps": ((1, 1), (0, 1))},
        "a row each": {"steps": ((1, 1), (1, 0))},
        "two columns": {"steps": ((1, 1), (1, 0), (0, 1), (1, 2))},
        "two rows": {"steps": ((1, 1), (1, 0), (0, 1), (2, 1))},
        "two of each": {"steps": ((1, 1), (1, 0), (0, 1), (1, 2), (2, 1))},
        "any jump": {"steps": tuple((1, n) for n in range(columns)) if rows > 1 else STEPS},
        "diagonal twice": {"double": 2.0},
        "diagonal free": {"double": 0.0},
        "diagonal by a root": {"double": 2**0.5},
        "dearest": {"worse": True},
    }.get(slip, {})
    told = {
        "no signs": cost.abs(),
        "no negative": cost.clamp(min=0),
        "whole": cost.round(),
        "cut to whole": cost.trunc(),
        "squares": cost.pow(2),
        "shifted up": cost - cost.min(),
    }
    path = path_of(told.get(slip, cost), **given)
    if slip == "free start":
        begin = min(range(columns), key=lambda j: costs[0][j])
        path = [(i, j + begin) for i, j in path_of(cost[:, begin:])]
    if slip == "free end":
        sums = sums_of(costs)
        end = min(range(columns), key=lambda j: sums[rows - 1, j])
        path = path_of(cost[:, : end + 1])
    if slip == "stops at the border":
        while len(path) > 1 and 0 in path[1]:
            path = path[1:]
    if slip in ("stops in row 0", "stops in column 0"):
        axis = 0 if slip == "stops in row 0" else 1
        while len(path) > 1 and path[1][axis] == 0:
            path = path[1:]
    if slip == "jumps to the start":
        while len(path) > 1 and 0 in path[1]:
            path = path[1:]
        path = path if path[0] == (0, 0) else [(0, 0), *path]
    if slip == "last value":
        return sums_of(costs)[goal]
    if slip == "sums":
        sums = sums_of(costs)
        return torch.tensor([[sums[i, j] for j in range(columns)] for i in range(rows)])
    ends = {
        "reversed": path[::-1],
        "edges dropped": [(0, 0), *(p for p in path if min(p))],
        "edges and start dropped": [p for p in path if min(p)],
        "end twice": [*path, goal],
        "start twice": [(0, 0), *path],
        "with the corner": [(0, 0), *((i + 1, j + 1) for i, j in path)],
        "corner below 0": [(-1, -1), *path],
        "no start": path[1:],
        "no end": path[:-1],
        "exchanged": [(j, i) for i, j in path],
        "from 1": [(i + 1, j + 1) for i, j in path],
        "two lists": [[i for i, _ in path], [j for _, j in path]],
        "columns alone": [j for _, j in path],
        "flat": [i * columns + j for i, j in path],
        "with costs": [(i, j, costs[i][j]) for i, j in path],
        "path and cost": (path, sum(costs[i][j] for i, j in path)),
        "first of each row": [p for n, p in enumerate(path) if not n or p[0] != path[n - 1][0]],
        "tensor": torch.tensor(path),
    }
    return ends.get(slip, path)


def path_from_behind(cost):
    """Right: what is left to pay from each place on, then forwards."""
    rows, columns = cost.shape
    left = sums_of(cost.flip(0, 1).double().tolist())
    places = {(i, j): left[rows - 1 - i, columns - 1 - j] for i, j in left}
    return greedy(places, (0, 0), STEPS, (rows - 1, columns - 1))


def path_with_border(cost):
    """Right: a border of infinity, as Whisper's authors wrote it."""
    n, m = cost.shape
    total = torch.full((n + 1, m + 1), torch.inf, dtype=torch.float64)
    total[0, 0] = 0
    total, values = total.tolist(), cost.double().tolist()
    for j in range(1, m + 1):
        for i in range(1, n + 1):
            least = min(total[i - 1][j - 1], total[i - 1][j], total[i][j - 1])
            total[i][j] = values[i - 1][j - 1] + least
    i, j, path = n, m, []
    while i > 0 or j > 0:
        path.append([i - 1, j - 1])
        i, j = min([(i - 1, j - 1), (i - 1, j), (i, j - 1)], key=lambda p: total[p[0]][p[1]])
    return path[::-1]


warping = told_of(wrong_path, "slip")


SUM_HINTS = (
    "Put a wall of 100s into a table, and leave one gap. Does your path find the gap?",
    "What counts is the sum of the whole path, and a cheap step may lead to dear ones.",
    "best[i, j] = cost[i, j] + the least of best at the three places before; then walk back from "
    "the end.",
)
STEP_HINTS = (
    "Which steps are there in your path, for a table of three rows and six columns?",
    "Three steps: next row, next column, or both at once; each place costs what stands in it.",
    "The three places before (i, j): (i - 1, j - 1), (i - 1, j) and (i, j - 1).",
)
BORDER_PATH_HINTS = (
    "What are the first and the last pair of your path?",
    "Every path begins at (0, 0) and ends at the last row and column, whatever these cost.",
    "Nothing lies before row 0 or column 0: infinite costs there, and walk back until (0, 0).",
)
FORM_HINTS = (
    "Print your path for a table of two rows and three columns.",
    "A list of pairs (row, column) from beginning to end, counted from 0.",
    "Walk back from the end with `append`, then turn the list round.",
)
COST_HINTS = (
    "Give your function a table of negative numbers. Which path does it find?",
    "Costs may be negative, and count as they are.",
    "Add `cost[i, j]` itself.",
)

PATH = Exercise(
    id="15.path",
    title="When was it said?",
    kind="code",
    points=3,
    name="cheapest_path",
    cases=path_cases,
    any_sequence=True,
    mistakes=[
        warping(
            "stops-before-the-border",
            "edges and start dropped",
            "the way back ends as soon as row 0 or column 0 is reached, and what lies there is "
            "left out, the start too",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "greedy",
            "greedy",
            "each step goes to the cheapest of the next three places, whatever comes behind it",
            *SUM_HINTS,
        ),
        warping(
            "greedy-from-behind",
            "greedy from behind",
            "you walk back by the cheapest *place* before; it should be the best *way* to it",
            *SUM_HINTS,
        ),
        warping(
            "forwards-along-the-sums",
            "forward along sums",
            "the sums are right, but you walk forwards along them; a small sum says how to get to "
            "a place, not where to go from it",
            *SUM_HINTS,
        ),
        warping(
            "dearest",
            "dearest",
            "this is the *dearest* path",
            *SUM_HINTS,
        ),
        warping(
            "each-row's-cheapest",
            "each row",
            "for each row its cheapest column is taken: that is no path, it goes back",
            *SUM_HINTS,
        ),
        warping(
            "each-row's-cheapest-rising",
            "each row, rising",
            "for each row its cheapest column is taken, never going back: that leaves columns out",
            *SUM_HINTS,
        ),
        warping(
            "each-column's-cheapest",
            "each column",
            "for each column its cheapest row is taken: that is no path, it goes back",
            *SUM_HINTS,
        ),
        warping(
            "straight-line",
            "straight",
            "the path is a straight line; the costs are never asked",
            *SUM_HINTS,
        ),
        warping(
            "diagonal-first",
            "first diagonal",
            "the path goes down the diagonal, then along the border; the costs are never asked",
            *SUM_HINTS,
        ),
        warping(
            "no-diagonal-step",
            "no diagonal",
            "the step to the next row and column at once is missing",
            *STEP_HINTS,
        ),
        warping(
            "each-column-once",
            "a column each",
            "the step to the next row alone is missing: each column occurs once",
            *STEP_HINTS,
        ),
        warping(
            "each-row-once",
            "a row each",
            "the step to the next column alone is missing: each row occurs once",
            *STEP_HINTS,
        ),
        warping(
            "a-column-jumped-over",
            "two columns",
            "there is a fourth step, which jumps over a column",
            *STEP_HINTS,
        ),
        warping(
            "diagonal-counts-twice",
            "diagonal twice",
            "a place that is reached by a diagonal step counts twice",
            *STEP_HINTS,
        ),
        warping(
            "diagonal-by-its-length",
            "diagonal by a root",
            "a diagonal step is weighted by its length, the root of 2",
            *STEP_HINTS,
        ),
        warping(
            "diagonal-is-free",
            "diagonal free",
            "a place that is reached by a diagonal step costs nothing",
            *STEP_HINTS,
        ),
        warping(
            "border-of-zeros",
            "border 0",
            "the border of your sums is 0, so a path may begin anywhere in the first row or column",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "corner-of-the-border-infinite",
            "corner inf",
            "all your sums are infinite: the border is, and nothing says where a path begins",
            "Print the table of your sums. Which of them are numbers?",
            "Each sum adds to the least of three before it. What does the very first one add to?",
            "The border stays infinite but for one of its places.",
        ),
        warping(
            "border-too-low",
            "border 999",
            "the border of your sums is a large number, and here the sums are larger still",
            "Multiply all costs by 1000. The cheapest path is the same; is yours?",
            "A number that no sum of costs reaches: there is one, whatever the costs are.",
            "`float('inf')`.",
        ),
        warping(
            "border-wraps-round",
            "wraps",
            "at row 0 and column 0 the sums look at index −1, which in Python is the other end of "
            "the table",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "border-not-summed",
            "border not summed",
            "in row 0 and column 0 the costs are never added up",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "zeros-beyond-the-edges",
            "zeros, inside",
            "beyond the edges your sums find 0, so a way may begin anywhere in the first row or "
            "column as if all before it were free",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "zeros-in-front-of-the-rows",
            "zeros in front of the rows",
            "in front of column 0 your sums find 0: a path may begin in any row",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "zeros-in-front-of-the-rows-walked-inside",
            "zeros in front of the rows, inside",
            "in front of column 0 your sums find 0, so that a way may begin in any row as if all "
            "before it were free",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "zeros-above-the-columns",
            "zeros above the columns",
            "above row 0 your sums find 0: a path may begin in any column",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "zeros-above-the-columns-walked-inside",
            "zeros above the columns, inside",
            "above row 0 your sums find 0, so that a way may begin in any column as if all before "
            "it were free",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "border-of-an-edit-distance",
            "border counted",
            "the border of your sums counts 1, 2, 3, …, as in an edit distance; nothing but "
            "infinity keeps a path off it",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "border-of-an-edit-distance-walked-inside",
            "border counted, inside",
            "the border of your sums counts 1, 2, 3, …, as in an edit distance; beyond the edges "
            "there is no way at all",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "border-left-out",
            "border left out",
            "row 0 and column 0 are never filled, so that no path runs along them",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "border-too-low-walked-inside",
            "border 999, inside",
            "the border of your sums is a large number, and here the sums are larger still",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "border-too-low-walked-out",
            "border 999, walked out",
            "the border of your sums is a large number, and here the sums are larger still: the "
            "way back leaves the table",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "way-back-without-diagonal",
            "walk without diagonal",
            "the sums know the diagonal step, but walking back never takes it",
            *STEP_HINTS,
        ),
        warping(
            "sums-without-diagonal",
            "sums without diagonal",
            "the sums don't know the diagonal step, though walking back takes it",
            *STEP_HINTS,
        ),
        warping(
            "always-the-diagonal",
            "always the diagonal",
            "walking back always takes the diagonal, until row 0 or column 0: is each place's own "
            "cost in your sums, and is their least the place where you go?",
            *SUM_HINTS,
        ),
        warping(
            "always-the-row-above",
            "always the row above",
            "walking back always goes to the row above, until row 0: is each place's own cost in "
            "your sums, and is their least the place where you go?",
            *SUM_HINTS,
        ),
        warping(
            "always-the-column-before",
            "always the column before",
            "walking back always goes to the column before, until column 0: is each place's own "
            "cost in your sums, and is their least the place where you go?",
            *SUM_HINTS,
        ),
        warping(
            "walked-over-the-edge",
            "wraps, walking",
            "in row 0 and column 0 walking back looks at index −1, which in Python is the other "
            "end of the table",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "pointed-over-the-edge",
            "wraps, pointed",
            "in row 0 and column 0 the least of three places is found at index −1, which in "
            "Python is the other end of the table",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "dijkstra",
            "dijkstra",
            "this is Dijkstra's way, which takes a place for done once it is the cheapest in "
            "sight: with costs below 0 a better way may come later",
            *SUM_HINTS,
        ),
        warping(
            "diagonal-counts-twice-later",
            "diagonal twice, chosen before",
            "a place that is reached by a diagonal step counts twice",
            *STEP_HINTS,
        ),
        warping(
            "square-by-rows",
            "square by rows",
            "the table is taken for a square, with as many columns as rows",
            *FORM_HINTS,
        ),
        warping(
            "square-by-columns",
            "square by columns",
            "the table is taken for a square, with as many rows as columns",
            *FORM_HINTS,
        ),
        warping(
            "sizes-exchanged",
            "sizes exchanged",
            "rows are counted as columns, and columns as rows: `len(cost)` and the first of "
            "`cost.shape` are the rows",
            *FORM_HINTS,
        ),
        warping(
            "no-way-down",
            "no way down",
            "the step to the next row alone is missing, so that nothing leads to the places below "
            "(0, 0)",
            *STEP_HINTS,
        ),
        warping(
            "no-way-right",
            "no way right",
            "the step to the next column alone is missing, so that nothing leads to the places "
            "right of (0, 0)",
            *STEP_HINTS,
        ),
        warping(
            "a-row-jumped-over",
            "two rows",
            "there is a fourth step, which jumps over a row",
            *STEP_HINTS,
        ),
        warping(
            "a-row-or-column-jumped-over",
            "two of each",
            "there are five steps, two of which jump over a row or a column",
            *STEP_HINTS,
        ),
        warping(
            "columns-jumped-over",
            "any jump",
            "each row occurs once, and from one to the next any number of columns is jumped over",
            *STEP_HINTS,
        ),
        warping(
            "jumps-to-the-start",
            "jumps to the start",
            "walking back stops at row 0 or column 0 and jumps to (0, 0); the way along the "
            "border is missing",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "end-missing-and-stops",
            "no end, and stops",
            "the last place is missing: the list begins with the one before it, and a single "
            "place has none",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "end-twice",
            "end twice",
            "the last place is there twice",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "start-twice",
            "start twice",
            "the first place, (0, 0), is there twice",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "corner-of-the-border",
            "with the corner",
            "the border's corner is in the path: rows and columns are counted from 1, and (0, 0) "
            "comes in addition",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "corner-below-0",
            "corner below 0",
            "the border's corner, (−1, −1), is in the path",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "each-column's-cheapest-rising",
            "each column, rising",
            "for each column its cheapest row is taken, never going back: that leaves rows out",
            *SUM_HINTS,
        ),
        warping(
            "every-place",
            "every place",
            "all places of the table come out: one list is shared by all ways, and each appends "
            "to it",
            *SUM_HINTS,
        ),
        warping(
            "costs-cut",
            "cut to whole",
            "the costs are cut down to whole numbers",
            *COST_HINTS,
        ),
        warping(
            "row-0-not-summed",
            "row not summed",
            "in row 0 the costs are never added up",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "column-0-not-summed",
            "column not summed",
            "in column 0 the costs are never added up",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "edges-stay-0",
            "edges stay 0",
            "row 0 and column 0 of your sums stay 0 but for the first place",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "edges-of-two-costs",
            "edges of two",
            "in row 0 and column 0 each sum is that of two costs; all on the way are to be added "
            "up",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "paid-behind",
            "paid behind",
            "your sums leave each place's own cost out, and walking back compares them: what "
            "counts is the best way to a place with its cost",
            *SUM_HINTS,
        ),
        warping(
            "edges-dropped",
            "edges dropped",
            "of row 0 and column 0 nothing but the start is in the path; the way along them is "
            "missing",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "free-start",
            "free start",
            "the path begins at the first row's cheapest column, not at (0, 0)",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "free-end",
            "free end",
            "the path ends where the last row is cheapest, not in the last column",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "stops-at-the-border",
            "stops at the border",
            "walking back stops as soon as row 0 or column 0 is reached; the way along the border "
            "is missing",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "stops-in-row-0",
            "stops in row 0",
            "walking back stops where row 0 is reached; its way to the left is missing",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "stops-in-column-0",
            "stops in column 0",
            "walking back stops where column 0 is reached; its way up is missing",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "start-missing",
            "no start",
            "the first place, (0, 0), is missing",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "end-missing",
            "no end",
            "the last place is missing",
            *BORDER_PATH_HINTS,
        ),
        warping(
            "from-end-to-beginning",
            "reversed",
            "the path goes from its end to its beginning: it was walked back and never turned",
            *FORM_HINTS,
        ),
        warping(
            "pairs-exchanged",
            "exchanged",
            "the pairs are (column, row); they should be (row, column)",
            *FORM_HINTS,
        ),
        warping(
            "counted-from-1",
            "from 1",
            "rows and columns are counted from 1",
            *FORM_HINTS,
        ),
        warping(
            "two-lists",
            "two lists",
            "a list of rows and a list of columns come out; a list of pairs was asked for",
            *FORM_HINTS,
        ),
        warping(
            "columns-alone",
            "columns alone",
            "only the columns come out; a list of pairs was asked for",
            *FORM_HINTS,
        ),
        warping(
            "numbers-not-pairs",
            "flat",
            "each place is one number, counted through the table; pairs were asked for",
            *FORM_HINTS,
        ),
        warping(
            "costs-in-the-pairs",
            "with costs",
            "each place brings its cost along; pairs of whole numbers were asked for",
            *FORM_HINTS,
        ),
        warping(
            "path-and-its-cost",
            "path and cost",
            "the path's cost comes out, too; the path was asked for",
            *FORM_HINTS,
        ),
        warping(
            "first-of-each-row",
            "first of each row",
            "each row occurs once, where the path enters it; all places of the path were asked for",
            *FORM_HINTS,
        ),
        warping(
            "a-tensor",
            "tensor",
            "a tensor comes out; a list of pairs was asked for",
            *FORM_HINTS,
        ),
        warping(
            "cost-not-path",
            "last value",
            "the cheapest path's *cost* comes out; the path was asked for",
            *FORM_HINTS,
        ),
        warping(
            "table-of-sums",
            "sums",
            "the table of sums comes out; what is missing is the way back through it",
            *FORM_HINTS,
        ),
        warping(
            "signs-lost",
            "no signs",
            "costs lose their signs; negative ones are cheap",
            *COST_HINTS,
        ),
        warping(
            "negative-as-0",
            "no negative",
            "negative costs count as 0",
            *COST_HINTS,
        ),
        warping(
            "costs-squared",
            "squares",
            "the costs are squared",
            *COST_HINTS,
        ),
        warping(
            "lowest-set-to-0",
            "shifted up",
            "the lowest cost was set to 0; then a longer path costs more than it should",
            *COST_HINTS,
        ),
        warping(
            "costs-rounded",
            "whole",
            "the costs are rounded to whole numbers",
            *COST_HINTS,
        ),
        warping(
            "cost-edited",
            "edited",
            "the path is right, but the sums are written over `cost`",
            "Print `cost` before and after the call.",
            "The caller still holds the table that you write to.",
            "Keep the sums in a table of your own.",
        ),
    ],
    hints=(
        "Fill a table of 2 × 3 by hand with the sum of the best way to each place, then walk back.",
        "Two passes: first the sums with where each came from, row by row; then back from the end.",
        "For each place the least of the three sums before it, plus its own cost. Remember which "
        "of the three it was.",
    ),
    allows=Edges(
        dtypes=("float64",),
        sizes=(1, 2),
        labels=("above 0", "below 0", "thousand", "misleads", "one row", "one column", "single"),
    ),
    also_right=[path_from_behind, path_with_border],
)


# --- 15.t5 ----------------------------------------------------------------------------------

SIZES = {
    "vocab_size": 13,
    "d_model": 10,
    "num_heads": 2,
    "d_head": 3,
    "num_layers": 1,
    "d_ff": 7,
    "num_buckets": 8,
    "max_distance": 6,
    "pad_id": 5,
}


def t5_learned(generator, model):
    """A state that has learned something; a table of buckets by its first name alone."""
    state = {}
    for name, value in model.named_parameters():
        drawn = normal(generator, *value.shape)
        if "norm" in name:
            state[name] = 1 + 0.4 * drawn
        elif name == "table.weight" or "buckets" in name:
            state[name] = drawn
        else:
            state[name] = drawn / value.shape[1] ** 0.5
    return state


def t5_cases(generator):
    def text(seq, pads, vocab, pad_id):
        ids = ids_below(generator, vocab - 1, len(pads), seq)
        ids = ids + (ids >= pad_id)
        for row, (left, right) in zip(ids, pads, strict=True):
            row[:left] = pad_id
            row[seq - right :] = pad_id
        return ids

    def tried(label, read, write, pads, after, *, start=None, apart=False, again=False, **sizes):
        init = SIZES | sizes
        vocab, pad_id = init["vocab_size"], init["pad_id"]
        state = t5_learned(generator, WrongT5(**init))
        source = text(read, pads, vocab, pad_id)
        target = text(write, [(0, right) for right in after], vocab, pad_id)
        target[:, 0] = pad_id if start is None else start
        planned = [call(source, method="encode")] if apart else [call(source, target)]
        if again:  # what is kept of the first texts doesn't fit the next, or fits and is wrong
            planned.append(call(source[:, 1:], target[:, :-1]))
            planned.append(call(source.flip(0), target.flip(0)))
        return Case(label, planned, init=init, state=state)

    def handed_in(label):
        """What `decode` gets is neither what was encoded last nor of the text encoded last.

        Source and target are as long, so that the mask of one fits the other.
        """
        state = t5_learned(generator, WrongT5(**SIZES))
        pads = [(0, 2), (1, 0)]
        other, source = (text(seq, pads, SIZES["vocab_size"], SIZES["pad_id"]) for seq in (8, 7))
        target = text(7, [(0, 2), (0, 1)], SIZES["vocab_size"], SIZES["pad_id"])
        memory = normal(generator, 2, 7, SIZES["d_model"])
        planned = [call(other, method="encode"), call(target, memory, source, method="decode")]
        return Case(label, planned, init=SIZES, state=state)

    none = (0, 0)
    return [
        tried(
            "padded on the left and on the right",
            6,
            4,
            [(2, 0), (0, 3)],
            [0, 2],
            again=True,
        ),
        tried(
            "no padding, two layers, another start, beyond the largest distance",
            9,
            8,
            [none],
            [0],
            start=2,
            pad_id=0,
            num_layers=2,
        ),
        tried("encoded only", 7, 1, [none, (1, 2)], [0, 0], apart=True),
        handed_in("another text is encoded between, and a memory is handed in"),
    ]


@cache
def t5_parts(
    vocab_size, d_model, num_heads, d_head, num_layers, d_ff, num_buckets, max_distance, made
):
    """The parts of one model of these sizes; each case loads its weights before it runs.

    `made` says, as pairs, what is made otherwise.
    """
    made = dict(made)
    plain = {"d_head": d_head, "bias": made.get("bias", False), "scale": made.get("scale", 1.0)}
    if made.get("no d_head"):
        del plain["d_head"]
    heads = num_heads
    if made.get("heads exchanged"):
        heads, plain["d_head"] = d_head, num_heads
    look = partial(MultiHeadAttention, d_model, heads, **plain)
    limits = {
        "exchanged": (max_distance, num_buckets),
        "usual distance": (num_buckets, 128),
        "usual": (32, 128),
    }.get(made.get("limits"), (num_buckets, max_distance))
    read_both, write_both = made.get("both", (True, False))

    first, buckets = num_heads, limits[0]
    if made.get("heads for buckets"):
        first, buckets = buckets, first

    def near():
        return RelativeBias(first, buckets, limits[1], read_both)

    def past():
        return RelativeBias(first, buckets, limits[1], write_both)

    one_near, one_past = near(), past()
    if made.get("one module"):
        one_past = one_near
    each = made.get("a table each")
    norm = made.get("norm", RMSNorm)

    widths = (d_ff, d_model) if made.get("widths exchanged") else (d_model, d_ff)
    thinks = {"bias": made.get("network bias", made.get("bias", False))}
    if "activation" in made:
        thinks["activation"] = made["activation"]
    one_network = FeedForward(*widths, **thinks)

    def think():
        return one_network if made.get("one network") else FeedForward(*widths, **thinks)

    one_around = PreNorm(norm(d_model))

    def around():
        fresh = made.get("around", PreNorm)(norm(d_model))
        return one_around if made.get("one around") else fresh

    residual = {
        "called": one_around,
        "class": PreNorm,
        "norm": lambda: norm(d_model),
    }.get(made.get("residual"), around)

    def with_bias(which, fresh, n):
        without = made.get("no bias") in (True, which)
        if without or (n and made.get("first layer alone")):
            return look()
        return look(position=fresh() if each else (one_near if which == "read" else one_past))

    def reader(n):
        return EncoderBlock(with_bias("read", near, n), think(), residual)

    def writer(n):
        over = look(position=near()) if made.get("cross") else look()
        if made.get("scaled over"):
            over.scale = None
        return DecoderBlock(with_bias("write", past, n), over, think(), residual)

    def several(make):
        if made.get("shared"):
            return [make(0)] * num_layers
        return [make(n) for n in range(1 if made.get("one layer") else num_layers)]

    last = made.get("last norms", ("read", "write"))
    parts = {
        "table": nn.Embedding(vocab_size, d_model),
        "encoder": Encoder(several(reader), norm(d_model) if "read" in last else None),
        "decoder": Decoder(several(writer), norm(d_model) if "write" in last else None),
    }
    if made.get("head"):
        parts["head"] = nn.Linear(d_model, vocab_size, bias=False)
    return parts


def by_length(real):
    """As many places from the first on as there are tokens, wherever these stand."""
    return torch.arange(real.shape[-1]) < real.sum(dim=-1, keepdim=True)


class WrongT5(nn.Module):
    """The model with its steps exchangeable, so that each mistake is one of them."""

    def __init__(
        self,
        vocab_size,
        d_model,
        num_heads,
        d_head,
        num_layers,
        d_ff,
        num_buckets,
        max_distance,
        pad_id,
        *,
        made=(),
        **step,
    ):
        super().__init__()
        self.pad_id, self.step, self.d_head = pad_id, step, d_head
        sizes = (vocab_size, d_model, num_heads, d_head, num_layers, d_ff)
        limits = (num_buckets, max_distance)
        for name, part in t5_parts(*sizes, *limits, made).items():
            setattr(self, name, part)

    def embedded(self, ids):
        kind = self.step.get("embedding")
        x = self.table(ids)
        if kind == "padding_idx":
            x = F.embedding(ids, self.table.weight, padding_idx=self.pad_id)
        if kind == "scaled":
            return x * x.shape[-1] ** 0.5
        return x

    def padding(self, ids):
        real = padding_mask(ids, 0 if self.step.get("zero is pad") else self.pad_id)
        return ~real if self.step.get("turned") else real

    def read_mask(self, source):
        real, kind = self.padding(source), self.step.get("read mask")
        seq = source.shape[1]
        return {
            "none": lambda: None,
            "first seen": lambda: real | (torch.arange(seq) == 0),
            "causal": lambda: real & causal_mask(seq),
            "turned": lambda: ~real,
            "by length": lambda: by_length(real),
            "queries too": lambda: real & real.mT,
        }.get(kind, lambda: real)()

    def write_mask(self, target):
        seq = target.shape[1]
        first, ahead = torch.arange(seq) == 0, causal_mask(seq)
        real, kind = self.padding(target), self.step.get("write mask")
        return {
            "start hidden": lambda: real & ahead,
            "causal alone": lambda: ahead[None, None],
            "padding alone": lambda: real | first,
            "either": lambda: real | ahead,
            "none": lambda: None,
            "padding, start hidden": lambda: real,
            "start sees all": lambda: ((real | first) & ahead) | first[:, None],
            "turned": lambda: (~real | first) & ahead,
            "two axes": lambda: (real[:, 0, 0] | first) & ahead,
            "first text": lambda: (
                (real | (torch.arange(len(real)) == 0)[:, None, None, None]) & ahead
            ),
            "start of the first text": lambda: (
                (real | (first & (torch.arange(len(real)) == 0)[:, None, None, None])) & ahead
            ),
            "last seen": lambda: (real | first.flip(0)) & ahead,
            "each itself": lambda: (real & ahead) | torch.eye(seq).bool(),
            "start and each itself": lambda: ((real | first) & ahead) | torch.eye(seq).bool(),
            "all if the start is padding": lambda: (real | ~real[..., :1]) & ahead,
            "start counted twice": lambda: (
                (torch.arange(seq) <= real.sum(dim=-1, keepdim=True)) & ahead
            ),
            "queries too": lambda: (real | first) & (real | first).mT & ahead,
            "start sees itself": lambda: (real & ahead) | (first[:, None] & first),
        }.get(kind, lambda: (real | first) & ahead)()

    def encode(self, source):
        if self.step.get("no encoder"):
            return self.embedded(source)
        return self.encoder(self.embedded(source), self.read_mask(source))

    def decode(self, target, memory, source):
        if self.step.get("decoder") == "shifts":
            target = F.pad(target, (1, 0), value=self.pad_id)[:, :-1]
        elif self.step.get("decoder") == "cuts":
            target = target[:, :-1]
        memory = {
            "encoded again": lambda: self.encode(source),
            "table": lambda: self.embedded(source),
        }.get(self.step.get("memory"), lambda: memory)()
        shifts = self.step.get("decoder") == "shifts behind its mask"
        mask, over = self.write_mask(target), self.padding(source)
        over = {
            "none": None,
            "first seen": over | (torch.arange(source.shape[1]) == 0),
            "the target's": mask,
            "exchanged": mask,
            "the target's padding": self.padding(target),
            "turned": ~over,
            "by length": by_length(over),
        }.get(self.step.get("over mask"), over)
        if self.step.get("over mask") == "exchanged":
            mask = self.padding(source)
        if shifts:
            target = F.pad(target, (1, 0), value=self.pad_id)[:, :-1]
        x = self.embedded(target)
        if self.step.get("decoder") == "exchanged":
            x, memory = memory, x
        return self.finished(self.decoder(x, memory, mask, over))

    def finished(self, y):
        kind, root = self.step.get("finish"), y.shape[-1] ** 0.5
        if kind == "no head":
            return y / root
        if kind == "looked up":
            return self.table(y / root)
        if kind == "not turned":
            return y / root @ self.table.weight
        factor = {
            "plain": 1.0,
            "multiplied": root,
            "whole": 1 / y.shape[-1],
            "d_head": 1 / self.d_head**0.5,
        }.get(kind, 1 / root)
        y = y[:, -1] if kind == "last" else y
        logits = factor * y @ self.table.weight.T
        if kind == "best":
            return logits.argmax(dim=-1)
        logits = logits.log_softmax(dim=-1) if kind == "log-softmax" else logits
        return logits.softmax(dim=-1) if kind == "softmax" else logits

    def forward(self, source, target):
        return self.decode(target, self.encode(source), source)


class WrongT5Step(WrongT5):
    """One mistake; these are not tried in pairs, so that the check stays fast."""

    def __init__(self, *sizes, step, **named_sizes):
        super().__init__(*sizes, **named_sizes, **step)


class SpelledT5(WrongT5):
    """Right: block by block, each mask and product spelled out."""

    def encode(self, source):
        x, real = F.embedding(source, self.table.weight), source != self.pad_id
        for block in self.encoder.blocks:
            x = block(x, real[:, None, None, :].expand(-1, 1, source.shape[1], -1))
        return self.encoder.norm(x)

    def decode(self, target, memory, source):
        n = target.shape[1]
        back = torch.tensor([[j <= i for j in range(n)] for i in range(n)])
        real = torch.cat(
            [torch.ones_like(target[:, :1], dtype=torch.bool), target[:, 1:] != self.pad_id], 1
        )
        y = self.table.weight[target]
        for block in self.decoder.blocks:
            y = block(y, memory, back & real[:, None, None], (source != self.pad_id)[:, None, None])
        y = self.decoder.norm(y)
        return torch.einsum("btd,vd->btv", y, self.table.weight) / math.sqrt(y.shape[-1])


class NamedT5(WrongT5):
    """Right: the tables of buckets have a name of their own besides."""

    def __init__(self, *sizes, **named):
        super().__init__(*sizes, **named)
        self.near = self.encoder.blocks[0].attention.position
        self.past = self.decoder.blocks[0].self_attention.position


a_t5_step = told_of(WrongT5Step, "step")


def made_so(name, made, says, *hints):
    return a_t5_step(name, {"made": tuple(made.items())}, says, *hints)


TABLE_HINTS = (
    "Which numbers come out of your embedding for one id, and which stand in its row?",
    "The rows of the table are taken as they are, for the source and for the target.",
    "`self.table(ids)`, and nothing else.",
)
BLOCK_HINTS = (
    "Print your model, and compare each part with the text.",
    "Pre-norm with RMSNorm, ReLU, `bias=False` everywhere, and each block made anew.",
    "`EncoderBlock(look(position=near), FeedForward(d_model, d_ff, bias=False), "
    "lambda: PreNorm(RMSNorm(d_model)))`, in a loop.",
)
NORM_HINTS = (
    "How many norms has your model with one layer? There should be seven.",
    "A pre-norm stack needs one more norm, behind its last block: one for each stack.",
    "`Encoder(blocks, RMSNorm(d_model))`, and the same for the decoder; they are called by the "
    "stack.",
)
SCORE_HINTS = (
    "Print one of your attentions. Which `scale` and which `d_head` does it show?",
    "Scores are not divided, in *no* attention, and a head is `d_head` wide.",
    "`MultiHeadAttention(d_model, num_heads, d_head=d_head, bias=False, scale=1.0)`.",
)
BUCKETS_HINTS = (
    "How many `RelativeBias` does your `__init__` make for five layers? There should be two.",
    "One table for all layers of the encoder (both directions), one for all of the decoder (one "
    "direction), none in cross-attention.",
    "Make each once, in front of the loop, and hand it to every self-attention as `position`.",
)
READ_MASK_HINTS = (
    "Pad a source by three more tokens. Do the logits change?",
    "Whoever looks at the source, in the encoder or from the decoder, doesn't see its padding.",
    "`padding_mask(source, self.pad_id)`, for the encoder and as the decoder's `memory_mask`.",
)
WRITE_MASK_HINTS = (
    "Print the target's mask for the ids [pad, 3, 4, pad]. Which columns are hidden?",
    "Padding is hidden, the future is hidden, and the first token is seen whatever its id.",
    "`(padding_mask(target, self.pad_id) | first) & causal_mask(n)`, where only `first[0]` is "
    "True.",
)
HEAD_HINTS = (
    "How large are your logits, compared with those of a table that isn't scaled?",
    "The last norm's output times 1 / √d_model, then the dot product with every row of the table.",
    "`x * x.shape[-1] ** -0.5 @ self.table.weight.T`.",
)
T5_MODEL = Exercise(
    id="15.t5",
    title="T5, your own",
    kind="build",
    points=4,
    name="SmallT5",
    cases=t5_cases,
    axes="batch target vocab",
    mistakes=[
        made_so(
            "scores-divided",
            {"scale": None},
            "scores are divided by the root of d_head, as `MultiHeadAttention` does unless it is "
            "told",
            *SCORE_HINTS,
        ),
        made_so(
            "scores-of-cross-attention-divided",
            {"scaled over": True},
            "the cross-attention divides its scores; the self-attentions are right",
            *SCORE_HINTS,
        ),
        made_so(
            "usual-width-of-heads",
            {"no d_head": True},
            "a head is d_model / num_heads wide; its width is handed in",
            *SCORE_HINTS,
        ),
        made_so(
            "with-bias-vectors",
            {"bias": True},
            "the layers have bias vectors; T5's have none",
            *BLOCK_HINTS,
        ),
        made_so(
            "a-table-for-each-layer",
            {"a table each": True},
            "each layer has a table of buckets of its own; those of a stack share one",
            *BUCKETS_HINTS,
        ),
        made_so(
            "encoder's-bias-in-the-decoder",
            {"one module": True},
            "the decoder has the encoder's relative bias, table and directions",
            *BUCKETS_HINTS,
        ),
        made_so(
            "bias-in-cross-attention",
            {"cross": True},
            "the cross-attention has a relative bias: it is made with one, or one attention serves "
            "for both; places in a source are no places in a target",
            "Print `model.decoder.blocks[0].cross_attention`. Has it a `position`? Is it the "
            "self-attention itself?",
            *BUCKETS_HINTS[1:2],
            "Two attentions for each block: `look(position=past)` and `look()`.",
        ),
        made_so(
            "bias-in-the-first-layer-alone",
            {"first layer alone": True},
            "only the first layer of each stack has the bias; its table serves all of them",
            *BUCKETS_HINTS,
        ),
        made_so(
            "encoder-in-one-direction",
            {"both": (False, False)},
            "the encoder's buckets are those of one direction: all that comes later shares one",
            *BUCKETS_HINTS,
        ),
        made_so(
            "decoder-in-both-directions",
            {"both": (True, True)},
            "the decoder's buckets are those of both directions; half of them are never used",
            *BUCKETS_HINTS,
        ),
        made_so(
            "usual-largest-distance",
            {"limits": "usual distance"},
            "`max_distance` never reaches the bias, which takes 128 then",
            *BUCKETS_HINTS,
        ),
        made_so(
            "no-bias-at-all",
            {"no bias": True},
            "no attention has a `position`: nobody knows the order of the tokens",
            *BUCKETS_HINTS,
        ),
        made_so(
            "blocks-shared",
            {"shared": True},
            "all layers of a stack are one block: whatever is loaded last is used in each of them",
            *BLOCK_HINTS,
        ),
        made_so(
            "one-norm-for-all-sublayers",
            {"one around": True},
            "all sublayers share one norm: what `residual()` returns was made once",
            *BLOCK_HINTS,
        ),
        made_so(
            "networks-with-bias-vectors",
            {"network bias": True},
            "the feed-forward networks have bias vectors, which they have unless they are told",
            *BLOCK_HINTS,
        ),
        made_so(
            "layer-norm",
            {"norm": LayerNorm},
            "the norms are `LayerNorm`, which takes the mean away and has a bias vector besides",
            *BLOCK_HINTS,
        ),
        made_so(
            "layer-norm-without-bias",
            {"norm": partial(LayerNorm, bias=False)},
            "the norms are `LayerNorm` without its bias vector: they still take the mean away",
            *BLOCK_HINTS,
        ),
        made_so(
            "gelu",
            {"activation": F.gelu},
            "the networks have GELU; T5's have ReLU",
            *BLOCK_HINTS,
        ),
        made_so(
            "one-network-for-all",
            {"one network": True},
            "all blocks share one feed-forward network, which was made once",
            *BLOCK_HINTS,
        ),
        made_so(
            "network's-widths-exchanged",
            {"widths exchanged": True},
            "`FeedForward` gets `d_ff` and `d_model` the wrong way round",
            *BLOCK_HINTS,
        ),
        made_so(
            "attention-with-bias-vectors",
            {"bias": True, "network bias": False},
            "the attentions have bias vectors; T5's have none",
            *BLOCK_HINTS,
        ),
        made_so(
            "residual-called",
            {"residual": "called"},
            "`residual` was called before it was handed over; it goes in as a function that "
            "makes a `PreNorm`",
            "How does `EncoderBlock` use its third argument? It calls it once for each sublayer.",
            "`residual` is a function without arguments, and what it returns goes around one "
            "sublayer.",
            "`lambda: PreNorm(RMSNorm(d_model))`, handed over without calling it.",
        ),
        made_so(
            "residual-is-a-class",
            {"residual": "class"},
            "`residual` is `PreNorm` itself, which wants a norm; it should be a function that "
            "needs nothing and makes a `PreNorm`",
            "How does `EncoderBlock` use its third argument? It calls it once for each sublayer.",
            "`residual` is a function without arguments, and what it returns goes around one "
            "sublayer.",
            "`lambda: PreNorm(RMSNorm(d_model))`, handed over without calling it.",
        ),
        made_so(
            "residual-is-a-norm",
            {"residual": "norm"},
            "`residual` makes a bare norm; it should make a `PreNorm` with a norm in it",
            "How does `EncoderBlock` use its third argument? It calls it once for each sublayer.",
            "`residual` is a function without arguments, and what it returns goes around one "
            "sublayer.",
            "`lambda: PreNorm(RMSNorm(d_model))`, handed over without calling it.",
        ),
        made_so(
            "one-layer",
            {"one layer": True},
            "each stack has one block; it should have `num_layers`",
            *BLOCK_HINTS,
        ),
        made_so(
            "encoder's-last-norm-missing",
            {"last norms": ("write",)},
            "the norm behind the encoder's last block is missing",
            *NORM_HINTS,
        ),
        made_so(
            "decoder's-last-norm-missing",
            {"last norms": ("read",)},
            "the norm behind the decoder's last block is missing",
            *NORM_HINTS,
        ),
        made_so(
            "no-bias-in-the-encoder",
            {"no bias": "read"},
            "the encoder's attention has no relative bias",
            *BUCKETS_HINTS,
        ),
        made_so(
            "no-bias-in-the-decoder",
            {"no bias": "write"},
            "the decoder's self-attention has no relative bias",
            *BUCKETS_HINTS,
        ),
        made_so(
            "buckets-and-distance-exchanged",
            {"limits": "exchanged"},
            "`num_buckets` and `max_distance` are exchanged in `RelativeBias`",
            *BUCKETS_HINTS,
        ),
        made_so(
            "usual-buckets",
            {"limits": "usual"},
            "`num_buckets` and `max_distance` never reach `RelativeBias`, which takes 32 and 128 "
            "then",
            *BUCKETS_HINTS,
        ),
        made_so(
            "directions-exchanged",
            {"both": (False, True)},
            "the directions are exchanged: the encoder's buckets are those of one direction, the "
            "decoder's those of both",
            *BUCKETS_HINTS,
        ),
        made_so(
            "activation-is-a-class",
            {"activation": nn.ReLU},
            "the activation is the class `nn.ReLU`; a function is wanted, such as `F.relu`, or an "
            "object, `nn.ReLU()`",
            *BLOCK_HINTS,
        ),
        made_so(
            "heads-and-buckets-exchanged",
            {"heads for buckets": True},
            "`num_heads` and `num_buckets` are exchanged in `RelativeBias`",
            *BUCKETS_HINTS,
        ),
        made_so(
            "heads-and-their-width-exchanged",
            {"heads exchanged": True},
            "`num_heads` and `d_head` are exchanged in `MultiHeadAttention`",
            *SCORE_HINTS,
        ),
        made_so(
            "post-norm",
            {"around": PostNorm},
            "the blocks are post-norm: they norm the sum",
            *BLOCK_HINTS,
        ),
        made_so(
            "no-last-norms",
            {"last norms": ()},
            "the norms behind the last blocks are missing",
            *NORM_HINTS,
        ),
        made_so(
            "head-of-its-own",
            {"head": True},
            "the head has a matrix of its own; it should be the table",
            *HEAD_HINTS,
        ),
        a_t5_step(
            "embedding-scaled",
            {"embedding": "scaled"},
            "the rows are multiplied by the root of d_model, as the first Transformer's",
            *TABLE_HINTS,
        ),
        a_t5_step(
            "head-not-scaled",
            {"finish": "plain"},
            "what the head reads is not multiplied by 1 / √d_model",
            *HEAD_HINTS,
        ),
        a_t5_step(
            "head-multiplied-by-the-root",
            {"finish": "multiplied"},
            "what the head reads is *multiplied* by √d_model; it should be divided by it",
            *HEAD_HINTS,
        ),
        a_t5_step(
            "head-divided-by-d-model",
            {"finish": "whole"},
            "what the head reads is divided by d_model; it should be its root",
            *HEAD_HINTS,
        ),
        a_t5_step(
            "head-divided-by-the-root-of-d-head",
            {"finish": "d_head"},
            "what the head reads is divided by √d_head; it should be √d_model",
            *HEAD_HINTS,
        ),
        a_t5_step(
            "no-head",
            {"finish": "no head"},
            "what the last norm gives comes out; the dot products with the table's rows are "
            "missing",
            *HEAD_HINTS,
        ),
        a_t5_step(
            "head-looks-up",
            {"finish": "looked up"},
            "the head calls the table, which looks rows up by whole numbers; a dot product with "
            "each row is asked for",
            *HEAD_HINTS,
        ),
        a_t5_step(
            "table-not-turned",
            {"finish": "not turned"},
            "the head multiplies by the table as it is, (vocab, d_model); a product wants it "
            "turned",
            *HEAD_HINTS,
        ),
        a_t5_step(
            "encoded-again",
            {"memory": "encoded again"},
            "`decode` encodes the source once more; the memory that it gets may be another's",
            "Hand `decode` a memory of zeros. Does that change its logits?",
            "The memory comes in ready; the source is there for its padding alone.",
            "`self.decoder(self.table(target), memory, …)`.",
        ),
        a_t5_step(
            "memory-of-embeddings",
            {"memory": "table"},
            "the decoder looks at the source's embeddings, not at the memory",
            "Hand `decode` a memory of zeros. Does that change its logits?",
            "The memory comes in ready; the source is there for its padding alone.",
            "`self.decoder(self.table(target), memory, …)`.",
        ),
        a_t5_step(
            "no-mask-at-all",
            {"read mask": "none", "write mask": "none", "over mask": "none"},
            "no mask is handed over anywhere: the target looks ahead, and all padding is seen",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "causal-encoder",
            {"read mask": "causal"},
            "the encoder's tokens don't look ahead; only the target is causal",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "source's-masks-turned-round",
            {"read mask": "turned", "over mask": "turned"},
            "the source's padding is seen and its tokens are hidden: True means *may be seen*, "
            "as in `padding_mask`",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "encoder's-mask-turned-round",
            {"read mask": "turned"},
            "the encoder sees padding and no tokens: True means *may be seen*, as in "
            "`padding_mask`",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "memory's-mask-turned-round",
            {"over mask": "turned"},
            "the decoder sees the source's padding and none of its tokens: True means *may be "
            "seen*, as in `padding_mask`",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "target's-mask-turned-round",
            {"write mask": "turned"},
            "the target's padding is seen and its tokens are hidden: True means *may be seen*, "
            "as in `padding_mask`",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "source's-mask-by-length",
            {"read mask": "by length", "over mask": "by length"},
            "the source's mask shows its first places, as many as there are tokens; padding may "
            "stand on the left",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "masks-exchanged",
            {"over mask": "exchanged"},
            "the decoder's two masks are exchanged: first comes the target's, then the source's",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "target's-padding-over-the-source",
            {"over mask": "the target's padding"},
            "`memory_mask` is made of the target's padding; the memory has the source's tokens",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "first-token-seen-by-the-encoder",
            {"read mask": "first seen"},
            "the encoder sees the source's first token even if it is padding; only a target has "
            "a start",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "first-token-seen-by-the-decoder",
            {"over mask": "first seen"},
            "the decoder sees the source's first token even if it is padding; only a target has "
            "a start",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "start-sees-all",
            {"write mask": "start sees all"},
            "the first *row* of the mask was opened: the start sees what comes; its column "
            "should be, so that all see the start",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "padding-alone-and-start-hidden",
            {"write mask": "padding, start hidden"},
            "the target's mask is that of padding alone: it looks ahead, and its start is "
            "hidden, since it has the padding's id",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "mask-of-two-axes",
            {"write mask": "two axes"},
            "the target's padding is (batch, key) where it meets the causal mask, (query, key): "
            "its rows are taken for queries",
            "What shape has each of the two masks, and what shape should both have together?",
            "`padding_mask` gives (batch, 1, 1, key), which fits any (query, key).",
            "Without it: `(target != self.pad_id)[:, None, None, :]`.",
        ),
        a_t5_step(
            "target-cut",
            {"decoder": "cuts"},
            "`decode` cuts the target's last token off; whoever calls it has done what is to be "
            "done",
            "What is the last token of `target` in `decode`?",
            "The text says what the target begins with, and asks for logits at each of its places.",
            "Embed `target` as it comes.",
        ),
        a_t5_step(
            "scaled-at-both-ends",
            {"embedding": "scaled", "finish": "plain"},
            "the scaling stands at the wrong end: the rows are multiplied by the root, and the "
            "head isn't scaled",
            *HEAD_HINTS,
        ),
        a_t5_step(
            "softmax",
            {"finish": "softmax"},
            "probabilities come out, not logits: softmax is one step too many",
            *HEAD_HINTS,
        ),
        a_t5_step(
            "log-softmax",
            {"finish": "log-softmax"},
            "logarithms of probabilities come out, not logits: `log_softmax` is one step too many",
            *HEAD_HINTS,
        ),
        a_t5_step(
            "no-mask-in-the-decoder",
            {"write mask": "none", "over mask": "none"},
            "the decoder gets no mask: the target looks ahead, and all padding is seen",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "target's-mask-over-the-source",
            {"over mask": "the target's"},
            "`memory_mask` is the target's own mask; the memory has the source's tokens",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "encoder-left-out",
            {"no encoder": True},
            "`encode` returns the rows of the table; the encoder is never called",
            "Which numbers of your model take part in `encode`?",
            "The memory is what the encoder makes of the rows.",
            "`self.encoder(self.table(source), mask)`.",
        ),
        a_t5_step(
            "target-and-memory-exchanged",
            {"decoder": "exchanged"},
            "the decoder gets the memory first and the target's rows second; it is the other way "
            "round",
            "How many places have your logits: those of the target, or of the source?",
            "The decoder writes the target, and looks at the memory.",
            "`self.decoder(self.table(target), memory, mask, memory_mask)`.",
        ),
        a_t5_step(
            "target-shifted-behind-its-mask",
            {"decoder": "shifts behind its mask"},
            "`decode` puts a start in front of the target's ids, though not in its mask; whoever "
            "calls it has done so",
            "What is the first token of `target` in `decode`?",
            "The text says what the target begins with.",
            "Embed `target` as it comes.",
        ),
        a_t5_step(
            "last-place-alone",
            {"finish": "last"},
            "logits come out for the target's last place alone; they are asked for at each",
            "Which shape have your logits? (batch, target, vocab_size) is asked for.",
            "While a text is written one looks at the last place; in training at each of them.",
            "Take all places of what the decoder gives.",
        ),
        a_t5_step(
            "best-tokens",
            {"finish": "best"},
            "the best tokens come out; the logits were asked",
            "Which shape have your results? (batch, target, vocab_size) is asked for.",
            "Whoever calls your model chooses, or learns from all logits.",
            "Leave `argmax` out.",
        ),
        a_t5_step(
            "padding-looks-nowhere",
            {"read mask": "queries too", "write mask": "queries too"},
            "your masks hide padding as a *query*, too; a mask says what is looked at, and padding "
            "itself may look",
            "Print your mask of [3, 4, pad]. What stands in its last row?",
            "What padding sees does no harm, as nobody looks at padding.",
            "`padding_mask(ids, self.pad_id)` alone: (batch, 1, 1, key).",
        ),
        a_t5_step(
            "source's-padding-looks-nowhere",
            {"read mask": "queries too"},
            "the encoder's mask hides padding as a *query*, too; a mask says what is looked at, "
            "and padding itself may look",
            "Print your mask of [3, 4, pad]. What stands in its last row?",
            "What padding sees does no harm, as nobody looks at padding.",
            "`padding_mask(source, self.pad_id)` alone: (batch, 1, 1, key).",
        ),
        a_t5_step(
            "target's-padding-looks-nowhere",
            {"write mask": "queries too"},
            "the target's mask hides padding as a *query*, too; a mask says what is looked at, "
            "and padding itself may look",
            "Print your mask of [pad, 3, 4, pad]. What stands in its last row?",
            "What padding sees does no harm, as nobody looks at padding.",
            *WRITE_MASK_HINTS[2:],
        ),
        a_t5_step(
            "first-text-seen-whole",
            {"write mask": "first text"},
            "the whole mask of the *first text* of a batch was opened; what is to be seen is the "
            "first token of each: axis 0 is the batch",
            *WRITE_MASK_HINTS[:2],
            "`seen[..., 0] = True`, or `seen | first`, where only `first[0]` is True.",
        ),
        a_t5_step(
            "start-of-the-first-text-alone",
            {"write mask": "start of the first text"},
            "the start is seen in the first text of a batch alone; those of the others are hidden",
            *WRITE_MASK_HINTS[:2],
            "`seen[..., 0] = True`, or `seen | first`, where only `first[0]` is True.",
        ),
        a_t5_step(
            "last-token-seen",
            {"write mask": "last seen"},
            "the *last* token of a target is seen whatever it is, and the start is hidden",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "each-sees-itself",
            {"write mask": "each itself"},
            "each token sees itself whatever it is, and no later token sees the start",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "padding-sees-itself",
            {"write mask": "start and each itself"},
            "each token sees itself whatever it is, so padding behind a text sees padding",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "all-padding-seen-like-the-start",
            {"write mask": "all if the start is padding"},
            "where the start has the padding's id, all padding of that text is seen; only the "
            "first place is meant",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "start-counted-twice",
            {"write mask": "start counted twice"},
            "as many places are seen as a target has tokens, and one more for the start: where the "
            "start isn't padding it is counted twice, and a padding is seen",
            "Print your mask for the ids [2, 3, 4, pad, pad]. Which columns are hidden?",
            *WRITE_MASK_HINTS[1:],
        ),
        a_t5_step(
            "padding-masks-turned-round",
            {"turned": True},
            "padding is seen and tokens are hidden: True means *may be seen*, as in `padding_mask`",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "start-hidden",
            {"write mask": "start hidden"},
            "the start is hidden, since it has the padding's id: the first token sees nothing",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "start-sees-itself-alone",
            {"write mask": "start sees itself"},
            "the start sees itself, but no later token sees it",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "target's-padding-seen",
            {"write mask": "causal alone"},
            "the target's mask is causal alone: padding behind a text is seen by padding",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "future-seen",
            {"write mask": "padding alone"},
            "the target looks ahead: its causal mask is missing",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "either-is-enough",
            {"write mask": "either"},
            "the target's two masks are joined by *or*: what one of them shows is seen",
            *WRITE_MASK_HINTS,
        ),
        a_t5_step(
            "source's-padding-seen-by-the-encoder",
            {"read mask": "none"},
            "the encoder looks at padding: it was called without a mask",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "memory's-padding-seen",
            {"over mask": "none"},
            "the decoder looks at the source's padding: its `memory_mask` is missing",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "source's-padding-seen-by-all",
            {"read mask": "none", "over mask": "none"},
            "the source's padding is seen by the encoder and by the decoder",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "source's-first-token-seen",
            {"read mask": "first seen", "over mask": "first seen"},
            "the first token of a *source* is seen even if it is padding; only a target has a "
            "start",
            *READ_MASK_HINTS,
        ),
        a_t5_step(
            "zero-is-pad",
            {"zero is pad": True},
            "the id 0 is hidden, and `pad_id` is never asked",
            "In some vocabularies 0 is an ordinary token.",
            "`__init__` is told the id of the padding. Where do you keep it?",
            "Give each mask `self.pad_id`.",
        ),
        a_t5_step(
            "target-shifted",
            {"decoder": "shifts"},
            "`decode` puts a start in front of the target; whoever calls it has done so",
            "What is the first token of `target` in `decode`?",
            "The text says what the target begins with.",
            "Embed `target` as it comes.",
        ),
        a_t5_step(
            "row-of-padding-learns-nothing",
            {"embedding": "padding_idx"},
            "the values are right, but `padding_idx` keeps the row of padding, which is the "
            "start's, from learning",
            "Call backward on the logits, and look at the gradient of the row `pad_id`.",
            "The text takes `nn.Embedding` as it comes.",
            "Leave `padding_idx` out; the masks see to it that nobody looks at padding.",
        ),
    ],
    hints=(
        "Print your model beside chapter 09's. Which lines differ, and does the text ask for it?",
        "Five points differ from 09: the norm, the bias vectors, the scale, where places come "
        "from, and what the head reads.",
        "Make the two `RelativeBias` once, then the blocks in a loop; in `decode` the mask is "
        "(padding or first) and causal.",
    ),
    allows=Edges(
        labels=("no padding", "two layers", "left", "right", "beyond", "another start", "encoded"),
    ),
    also_right=[SpelledT5, NamedT5],
    bans=("T5", "T5Config", "Seq2Seq", "ScaledHead", "Transformer", "TransformerEncoder"),
)


EXERCISES = [CORRUPT, LENGTHS, BIAS, T5_MODEL, SCALE, LABEL, PATH]
