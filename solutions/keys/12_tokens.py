"""Answer key of chapter 12: pairs counted and joined, merges learned and used, a round trip."""

import math
import unicodedata
from collections import Counter
from functools import partial
from itertools import pairwise

import torch

from course_lib.grader.judging.key import Edges, Exercise, Mistake, case, told_of


def number(generator, low, high):
    """A whole number from `low` to below `high`."""
    return int(torch.randint(low, high, (), generator=generator))


def numbers(generator, low, high, n):
    return torch.randint(low, high, (n,), generator=generator).tolist()


def neighbours(ids):
    return list(pairwise(ids))


def joined(ids, pair, new_id):
    """Right: the pair joined from left to right; an id made just now is none of the pair."""
    out = []
    for each in ids:
        if out and (out[-1], each) == tuple(pair):
            out[-1] = new_id
        else:
            out.append(each)
    return out


# --- 12.count-pairs -------------------------------------------------------------------------


def count_cases(generator):
    def row(low, high, n):
        return numbers(generator, low, high, n), number(generator, 2, 9)

    def some(low, high, *lengths):
        return [row(low, high, n) for n in lengths]

    one = row(97, 101, 6)
    low, other = numbers(generator, 97, 109, 2)
    return [
        case("the last word of chapter 12's text", [([108, 111, 119], 5)]),
        case("some words", some(97, 101, 5, 3, 6, 4)),
        case("larger ids", some(254, 259, 4, 7, 5, 6)),
        case("the same id three times in a row", [([low] * 3, 4)]),
        case("long runs", [([low] * 5 + [other + 20], 3), ([low, low, other + 20], 2)]),
        case("no pair across a border", [([1, 2], 3), ([3, 1], 4), ([2, 3], 5)]),
        case("order within a pair", [([1, 2, 1], 3), ([2, 1, 1], 2)]),
        case("a word twice in the list", [one, row(97, 101, 4), (one[0], 7)]),
        case("words of one id and of none", [([98], 9), ([], 5), *some(97, 100, 3, 4)]),
        case("no pairs at all", [([97], 4), ([98], 2)]),
        case("no words", []),
        case("all equally common", [([9, 4, 9, 7, 4, 2], 3), ([5, 3, 8, 1], 3)]),
        case("rare, but held by many words", [([1, 2], 9), ([3, 4, 5], 4), ([3, 4, 6], 4)]),
        case("of two ids, three words", [([2, 1], 2), ([1, 2], 2), ([1, 2], 3)]),
        case("pairs that occur once", [([3, 1, 2], 1), ([1, 2], 1), ([2, 1], 1)]),
        case("many times", [([1, 2, 3], 270), ([2, 1], 300), ([2, 3], 1_000)]),
        case("ids far away", [([1, 1001, 1, 50256], 2), ([1001, 1, 100277], 3)]),
    ]


def ordered(counts):
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def wrong_pairs(words, *, of_word=neighbours, weigh=True, order=ordered):
    counts = Counter()
    for ids, times in words:
        for pair in of_word(ids):
            counts[pair] += times if weigh else 1
    return order(counts)


def run_together(ids):
    """Runs such as 7 7 7 counted as a merge would join them."""
    found, last = [], None
    for i, pair in enumerate(neighbours(ids)):
        if pair[0] == pair[1] and last == (i - 1, pair):
            last = None
            continue
        found.append(pair)
        last = (i, pair)
    return found


def past_twins(ids):
    """The pairs that a loop meets which goes on by two after two equal ids."""
    found, i = [], 0
    while i < len(ids) - 1:
        found.append((ids[i], ids[i + 1]))
        i += 2 if ids[i] == ids[i + 1] else 1
    return found


def by_left(counts):
    return sorted(counts.items(), key=lambda item: (-item[1], item[0][0]))


def slipped_pairs(words, *, slip):
    counts = Counter()
    flat = [i for ids, _ in words for i in ids]
    whole = [i for ids, times in words for i in ids * times]
    if slip == "across once":
        counts.update(neighbours(flat))
    elif slip == "across times":
        counts.update(neighbours(whole))
    elif slip == "borders too":
        for (ids, times), follower in zip(words, [*words[1:], ([], 0)], strict=True):
            for pair in neighbours(ids + follower[0][:1]):
                counts[pair] += times
    elif slip == "last id kept":
        before = []
        for ids, times in words:
            for pair in neighbours(before + ids):
                counts[pair] += times
            before = ids[-1:] or before
    elif slip == "by left":
        return wrong_pairs(words, order=by_left)
    elif slip == "overwritten":
        for ids, times in words:
            for pair in neighbours(ids):
                counts[pair] = times
    elif slip == "first stays":
        for ids, times in words:
            for pair in neighbours(ids):
                counts.setdefault(pair, times)
    elif slip in ("first is 0", "first is 1"):
        for ids, times in words:
            for pair in neighbours(ids):
                counts[pair] = counts[pair] + times if pair in counts else int(slip[-1])
    elif slip == "times twice":
        for ids, times in words:
            for pair in neighbours(ids) * times:
                counts[pair] += times
    elif slip == "past the end":
        for ids, times in words:
            for i in range(len(ids)):
                counts[ids[i], ids[i + 1]] += times
    elif slip == "a word once":
        last = {tuple(ids): times for ids, times in words}
        return wrong_pairs([(list(ids), times) for ids, times in last.items()])
    elif slip == "counted in word":
        for ids, times in words:
            for pair, n in Counter(neighbours(ids)).items():
                counts[pair] = n * times
    elif slip == "last word":
        return wrong_pairs(words[-1:])
    elif slip == "first word":
        return wrong_pairs(words[:1])
    elif slip == "first turn":
        return wrong_pairs(words[:1]) if words else None
    elif slip == "first time":
        first = {tuple(ids): times for ids, times in reversed(words)}
        return wrong_pairs([([*ids], first[ids]) for ids in {tuple(ids) for ids, _ in words}])
    elif slip == "word in a row":
        for ids, times in words:
            counts.update(neighbours(ids * times))
    elif slip == "first place":
        for ids, times in words:
            for left in ids[:-1]:
                counts[left, ids[ids.index(left) + 1]] += times
    elif slip == "three in a row":
        return [(*pair, n) for pair, n in wrong_pairs(words)]
    elif slip == "commonest only":
        return wrong_pairs(words)[:1]
    elif slip == "turned":
        return [(n, pair) for pair, n in wrong_pairs(words)]
    elif slip == "pairs alone":
        return [pair for pair, _ in wrong_pairs(words)]
    return ordered(counts)


def lone_pairs(words, **flags):
    """Mistakes that are not tried in pairs."""
    return wrong_pairs(words, **flags)


def count_by_places(words):
    counts = {}
    for ids, times in words:
        for i in range(len(ids) - 1):
            pair = ids[i], ids[i + 1]
            counts[pair] = counts.get(pair, 0) + times
    found = sorted(counts)
    found.sort(key=counts.get, reverse=True)  # a stable sort keeps the order of equals
    return [(pair, counts[pair]) for pair in found]


def count_by_asking(words):
    there = {(*ids[i : i + 2],) for ids, _ in words for i in range(len(ids) - 1)}
    found = [
        (-sum(n * neighbours(ids).count(pair) for ids, n in words), list(pair)) for pair in there
    ]
    return [[pair, -n] for n, pair in sorted(found)]


pairs_mistake = told_of(wrong_pairs)


pairs_slip = told_of(slipped_pairs, "slip")


COUNT = Exercise(
    id="12.count-pairs",
    title="Who stands beside whom?",
    kind="code",
    points=2,
    name="count_pairs",
    cases=count_cases,
    any_sequence=True,
    mistakes=[
        pairs_mistake(
            "times-forgotten",
            {"weigh": False},
            "each word counts once, however often the text holds it",
            "What does your count say for one word that the text holds five times?",
            "Each word comes with its `times`.",
            "Add `times`, not 1, for each place where a pair begins.",
        ),
        pairs_slip(
            "words-run-together",
            "across once",
            "all words are put one behind the other, once each: pairs across a border count, and "
            "`times` doesn't",
            "Count the two words [1, 2] and [3, 1] by hand. Is (2, 3) among your pairs?",
            "A pair lies within one word.",
            "Begin anew with the neighbours of each word, and add `times` for each.",
        ),
        pairs_slip(
            "repeated-words-run-together",
            "across times",
            "each word is written `times` times, all in one row: pairs across the borders count",
            "Count the single word [1, 2], held three times. Is (2, 1) among your pairs?",
            "A word that occurs three times doesn't stand beside itself.",
            "Count within the word, and multiply by `times`.",
        ),
        pairs_slip(
            "next-word-too",
            "borders too",
            "the last id of a word is paired with the first of the next word",
            "Count the two words [1, 2] and [3, 1] by hand. Is (2, 3) among your pairs?",
            "A pair lies within one word.",
            "Let the loop over neighbours see one word and nothing else.",
        ),
        pairs_slip(
            "last-id-kept",
            "last id kept",
            "the id before is remembered from one word to the next: pairs across a border count",
            "Count the two words [1, 2] and [3, 1] by hand. Is (2, 3) among your pairs?",
            "A pair lies within one word.",
            "What you remember of a word must be forgotten where the next one begins.",
        ),
        pairs_mistake(
            "once-per-word",
            {"of_word": lambda ids: sorted(set(neighbours(ids)))},
            "a pair counts once in a word, even where it stands there twice",
            "How often does [1, 2, 1, 2] hold (1, 2)?",
            "A set forgets how often.",
            "Add `times` for every place where a pair begins.",
        ),
        pairs_mistake(
            "no-overlap",
            {"of_word": run_together},
            "in a run such as [7, 7, 7] the pair (7, 7) is counted once",
            "At how many places does (7, 7) begin in [7, 7, 7]?",
            "This is how a pair is joined; the text says how it is counted.",
            "Two places: the first and the second. No place is skipped.",
        ),
        pairs_mistake(
            "id-behind-twins-passed-over",
            {"of_word": past_twins},
            "after two equal ids your loop goes on by two places: the pair that begins with the "
            "second is left out",
            "Write down all pairs of [7, 7, 8]. There are two.",
            "This is how a pair is joined; the text says how it is counted.",
            "Each place where a pair begins counts. No place is skipped.",
        ),
        pairs_slip(
            "ties-by-left-alone",
            "by left",
            "of equally common pairs with the same `left`, the one that was met first goes first",
            "Count the single word [1, 3, 1, 2]. Which of (1, 2) and (1, 3) comes first?",
            "Equal `left` is a tie once more, and the text says what decides it.",
            "Let the whole pair be the second part of your sorting key.",
        ),
        pairs_mistake(
            "either-order",
            {"of_word": lambda ids: [tuple(sorted(pair)) for pair in neighbours(ids)]},
            "(1, 2) and (2, 1) are counted as one pair",
            "What does your count say for the word [2, 1]?",
            "Which one of the two stands left makes a difference.",
            "Don't sort within a pair.",
        ),
        pairs_mistake(
            "last-pair-lost",
            {"of_word": lambda ids: neighbours(ids[:-1])},
            "the last pair of each word is left out",
            "How many pairs has a word of two ids, and how many do you count?",
            "A word of n ids has n - 1 pairs.",
            "Where does your range end? The last pair begins at the last place but one.",
        ),
        pairs_mistake(
            "first-pair-lost",
            {"of_word": lambda ids: neighbours(ids[1:])},
            "the first pair of each word is left out",
            "How many pairs has a word of two ids, and how many do you count?",
            "A word of n ids has n - 1 pairs.",
            "Where does your range begin? Places count from 0.",
        ),
        pairs_mistake(
            "ends-meet",
            {"of_word": lambda ids: [(ids[i - 1], each) for i, each in enumerate(ids)]},
            "the last id of a word is paired with its own first",
            "How many pairs has a word of two ids, and how many do you count?",
            "What does the index -1 mean in Python?",
            "Begin at the second id when you look back, or end at the last but one.",
        ),
        pairs_mistake(
            "every-second-place",
            {"of_word": lambda ids: list(zip(ids[::2], ids[1::2], strict=False))},
            "the word is cut into twos: pairs that begin at every second place are left out",
            "Write down all pairs of [1, 2, 3, 4]. There are three.",
            "An id in the middle has a neighbour on each side, and belongs to two pairs.",
            "Go on by one place, not by two.",
        ),
        pairs_mistake(
            "not-only-neighbours",
            {
                "of_word": lambda ids: [
                    (left, right) for i, left in enumerate(ids) for right in ids[i + 1 :]
                ]
            },
            "every two ids of a word are counted, however far apart they stand",
            "Write down all pairs of [1, 2, 3]. There are two.",
            "Only neighbours make a pair.",
            "There is one loop too many over the word.",
        ),
        pairs_slip(
            "overwritten",
            "overwritten",
            "a pair's count is replaced when the pair comes again, not added to",
            "Hand it two words that share a pair. Whose `times` do you get?",
            "`=` and `+=` are not the same.",
            "Add to what was counted before.",
        ),
        pairs_slip(
            "overwritten-by-the-next-word",
            "counted in word",
            "within a word the count is right, but the next word with the same pair replaces it",
            "Hand it two words that share a pair. Whose count do you get?",
            "One table of counts serves all words, and only grows.",
            "Add the word's count to what is there: `+=`, not `=`; `update` of a dictionary "
            "replaces.",
        ),
        pairs_slip(
            "word-given-twice",
            "a word once",
            "a word that stands in the list twice counts with its last `times` alone",
            "Hand it the same word twice. What do you get?",
            "A dictionary holds each key once, and the last value wins.",
            "Go through the list as it is.",
        ),
        pairs_slip(
            "word-given-again",
            "first time",
            "a word that stands in the list twice counts with its first `times` alone",
            "Hand it the same word twice. What do you get?",
            "What is given twice adds up.",
            "Leave no word out: add the times of each entry.",
        ),
        pairs_slip(
            "returned-in-the-loop",
            "first turn",
            "`return` stands in the loop over the words: the first word alone is counted",
            "Hand it two words with different pairs.",
            "What stands in the loop happens in its first turn.",
            "Move the `return` to the left, behind the loop.",
        ),
        pairs_slip(
            "word-behind-itself",
            "word in a row",
            "each word is written `times` times in a row: its last id meets its own first",
            "Count the pairs of one word of two ids that the text holds five times.",
            "What is written in a row has borders that are no borders any more.",
            "Count the pairs of the word once, and add `times` for each.",
        ),
        pairs_slip(
            "place-by-index",
            "first place",
            "`ids.index` finds the first place where an id stands, not the one where you are",
            "Count the pairs of [1, 2, 1, 3] by hand. There are three.",
            "An id may stand in a word more than once.",
            "Go over the places, or over `pairwise(ids)`.",
        ),
        pairs_slip(
            "first-count-kept",
            "first stays",
            "a pair keeps the `times` of the first place where it was met",
            "Hand it two words that share a pair. Whose `times` do you get?",
            "Something must happen when a pair comes again, too.",
            "Add to what was counted before.",
        ),
        pairs_slip(
            "first-place-counts-1",
            "first is 1",
            "the first place where a pair is met counts 1, not `times`",
            "Hand it one word of two ids that the text holds five times.",
            "What do you write when a pair is new?",
            "A new pair begins at 0, and then `times` are added as for any other.",
        ),
        pairs_slip(
            "first-place-counts-0",
            "first is 0",
            "the first place where a pair is met doesn't count",
            "Hand it one word of two ids that the text holds five times.",
            "What do you write when a pair is new?",
            "A new pair begins at 0, and then `times` are added as for any other.",
        ),
        pairs_slip(
            "times-twice",
            "times twice",
            "a word is gone through `times` times, and `times` is added each time",
            "Hand it one word of two ids that the text holds five times.",
            "Once through each word is enough.",
            "Leave out the loop over the times.",
        ),
        pairs_slip(
            "past-the-end",
            "past the end",
            "your loop asks for the neighbour of a word's last id, which has none on its right",
            "How many pairs has a word of two ids, and how many turns has your loop?",
            "A word of n ids has n - 1 pairs.",
            "`pairwise(ids)` gives them, or a range up to `len(ids) - 1`.",
        ),
        pairs_slip(
            "first-word-only",
            "first word",
            "only the first word of the list is counted",
            "Hand it two words without a common pair. What is left of the second?",
            "Where does your `return` stand, inside the loop or behind it?",
            "Return when all words have been counted.",
        ),
        pairs_slip(
            "last-word-only",
            "last word",
            "only the last word of the list is counted",
            "Hand it two words without a common pair. What is left of the first?",
            "Where does your table of counts begin, inside the loop or before it?",
            "Make one table before the loop over the words.",
        ),
        pairs_mistake(
            "larger-pair-first",
            {"order": lambda counts: sorted(counts.items(), key=lambda x: (x[1], x[0]))[::-1]},
            "of equally common pairs, yours puts the larger first",
            "What comes first in your list when all counts are equal?",
            "The count goes down, the pair goes up.",
            "Sort by minus the count, then by the pair; `reverse=True` turns both round.",
        ),
        Mistake(
            "ties-by-the-right-one",
            lone_pairs,
            {"order": lambda counts: sorted(counts.items(), key=lambda x: (-x[1], x[0][::-1]))},
            "of equally common pairs, yours puts the one with the smaller `right` first",
            (
                "What comes first in your list when all counts are equal?",
                "The smaller `left` goes first; only between equals does `right` decide.",
                "Sort by minus the count, then by the pair as it is.",
            ),
        ),
        pairs_mistake(
            "ties-as-they-came",
            {"order": lambda counts: counts.most_common()},
            "equally common pairs stand in the order in which they were met",
            "What comes first in your list when all counts are equal?",
            "`most_common`, and a sort by the count alone, leave equals as they came.",
            "Sort by two things: the count downwards, then the pair upwards.",
        ),
        pairs_mistake(
            "rarest-first",
            {"order": lambda counts: sorted(counts.items(), key=lambda x: (x[1], x[0]))},
            "the rarest pair comes first",
            "Which count stands at the head of your list?",
            "`sorted` goes upwards unless told otherwise.",
            "Sort by minus the count.",
        ),
        pairs_mistake(
            "sorted-by-pair",
            {"order": lambda counts: sorted(counts.items())},
            "the list goes by the pairs, whatever their counts",
            "Which count stands at the head of your list?",
            "`sorted` compares the first part of each tuple first.",
            "Give it a key: the count downwards, then the pair upwards.",
        ),
        pairs_mistake(
            "not-sorted",
            {"order": lambda counts: list(counts.items())},
            "the pairs stand in the order in which they were met, whatever their counts",
            "Which count stands at the head of your list?",
            "A dictionary keeps the order in which its keys came.",
            "Sort by two things: the count downwards, then the pair upwards.",
        ),
        pairs_slip(
            "commonest-only",
            "commonest only",
            "only the commonest pair is returned",
            "How many pairs has a word of three different ids, and how many do you return?",
            "The text asks for all of them.",
            "Return the whole list, sorted.",
        ),
        pairs_slip(
            "count-first",
            "turned",
            "each entry holds the count first and the pair second",
            "Print one entry of your list beside the text's.",
            "The text says `((left, right), count)`.",
            "Turn each entry round after sorting.",
        ),
        pairs_slip(
            "three-in-a-row",
            "three in a row",
            "each entry holds three numbers, `(left, right, count)`",
            "Print one entry of your list beside the text's.",
            "The text says `((left, right), count)`: a pair within a pair.",
            "Keep the pair together; `items()` of your table gives the entries as they should be.",
        ),
        pairs_slip(
            "counts-not-returned",
            "pairs alone",
            "the pairs are returned without their counts",
            "Print one entry of your list beside the text's.",
            "The text says `((left, right), count)`.",
            "Sort the items of your table, not its keys.",
        ),
    ],
    hints=(
        "Count the two words [1, 2, 1, 2] and [2, 3] by hand, with times 3 and 5, then run yours.",
        "Two things to get right: what is added and where (second point), and in which order it is "
        "returned (third point).",
        "One table for all words; for each word its neighbours, each adding `times`; then sort by "
        "minus the count and by the pair.",
    ),
    allows=Edges(
        sizes=(0, 1, 2, 3),
        labels=("in a row", "border", "twice in the list", "equally common", "no pairs", "larger"),
    ),
    also_right=[count_by_places, count_by_asking],
)


# --- 12.merge -------------------------------------------------------------------------------


def merge_cases(generator):
    left, right, new = 97 + number(generator, 0, 5), 104, 256 + number(generator, 0, 9)
    pair = left, right
    some = numbers(generator, 110, 120, 4)
    tokens = 261, 259
    return [
        case("in the middle", [some[0], left, right, some[1], some[2]], pair, new),
        case("at the beginning", [left, right, *some[:3]], pair, new),
        case("at the end", [*some[:3], left, right], pair, new),
        case("nothing but the pair", [left, right], pair, new),
        case(
            "several times",
            [left, right, *some, left, right, left, some[0], left, right],
            pair,
            new,
        ),
        case("twice in a row", [some[0], left, right, left, right, some[1]], pair, new),
        case("the same id three times", [7, 7, 7], (7, 7), new),
        case("the same id four times, then others", [7, 7, 7, 7, 8, 9], (7, 7), new),
        case("runs of seven and three", [9, *[7] * 7, 8, *[7] * 3, 9], (7, 7), new),
        case("not there", [*some, right, left], pair, new),
        case("left without right", [left, some[0], left, left], pair, new),
        case("right without left", [right, right, some[0], right], pair, new),
        case("left twice, then right", [left, left, right, right], pair, new),
        case("a pair of tokens", [*tokens, some[0], 259, 261, *tokens, 97], tokens, 262 + new % 7),
        case("digits of others", [1, 12, 11, 2, 21, 2, 1, 2, 3], (1, 2), 256),
        case("the new id is there already", [new, left, right, new, some[0]], pair, new),
        case("a free id far away", [*some, left, right, some[3]], pair, 50257),
        # Equal numbers, each an object of its own, as under seal: `is` is not `==`.
        case("large ids", [int(f"{i}") for i in (500, 400, 300, 400)], (int("300"), 400), 600),
        case("a single id", [left], pair, new),
        case("no ids", [], pair, new),
    ]


def wrong_merge(
    ids,
    pair,
    new_id,
    *,
    edits=False,
    short=0,
    keep_rest=True,
    skip=2,
    once=False,
    writes=None,
    fits=None,
):
    """The loop of the stub's kind, with what can go wrong in it."""
    left, right = pair
    write = writes or (lambda: [new_id])
    fits = fits or (lambda a, b: a == left and b == right)
    merged, i, done = [], 0, False
    while i < len(ids) - 1 - short:
        if fits(ids[i], ids[i + 1]) and not (once and done):
            merged, i, done = merged + write(), i + skip, True
        else:
            merged, i = [*merged, ids[i]], i + 1
    merged += ids[i:] if keep_rest else []
    if edits:
        ids[:] = merged
    return ids if edits else merged


def slipped_merge(ids, pair, new_id, *, slip):
    left, right = pair
    if slip == "list and tuple":
        return wrong_merge(ids, pair, new_id, fits=lambda a, b: [a, b] == pair)
    if slip == "from the right":
        return wrong_merge(ids[::-1], (right, left), new_id)[::-1]
    if slip == "left stays":
        return wrong_merge(ids, pair, new_id, writes=lambda: [left, new_id])
    if slip == "behind":
        return wrong_merge(ids, pair, new_id, writes=lambda: [left, right, new_id])
    if slip == "largest":
        return wrong_merge(ids, pair, max([255, *ids]) + 1)
    if slip == "fixed":
        return wrong_merge(ids, pair, 256)
    if slip == "either order":
        return wrong_merge(ids, pair, new_id, fits=lambda a, b: {a, b} == {left, right})
    if slip == "either id":
        return wrong_merge(ids, pair, new_id, fits=lambda a, b: a == left or b == right)
    if slip == "left alone":
        return wrong_merge(ids, pair, new_id, fits=lambda a, b: a == left)
    if slip == "each alone":
        return [new_id if i in pair else i for i in ids]
    if slip == "dropped":
        return wrong_merge(ids, pair, new_id, writes=list)
    if slip == "nothing":
        ids[:] = wrong_merge(ids, pair, new_id)
        return None
    if slip == "as text":
        text = " ".join(map(str, ids)).replace(f"{left} {right}", str(new_id))
        return [int(i) for i in text.split()]
    if slip in ("past the end", "shrinks"):
        out, i = list(ids), 0
        while i < (len(out) if slip == "past the end" else len(ids) - 1):
            if out[i] == left and out[i + 1] == right:
                out[i : i + 2] = [new_id]
            i += 1
        return out
    if slip == "looks back":
        out = []
        for i, each in enumerate(ids):
            if i and (ids[i - 1], each) == pair:
                out[-1] = new_id
            else:
                out.append(each)
        return out
    if slip == "twos":
        halves = [ids[i : i + 2] for i in range(0, len(ids), 2)]
        return [i for two in halves for i in ([new_id] if tuple(two) == pair else two)]
    if slip == "passes over":
        out, i = list(ids), 0
        while i < len(out) - 1:
            if (out[i], out[i + 1]) == pair:
                out[i : i + 2] = [new_id]
                i += 1
            i += 1
        return out
    if slip == "end added":
        return [*wrong_merge(ids, pair, new_id, keep_rest=False), *ids[-1:]]
    if slip == "index":
        out = list(ids)
        if left in out and out[out.index(left) + 1 : out.index(left) + 2] == [right]:
            out[out.index(left) : out.index(left) + 2] = [new_id]
        return out
    # "overlap": each place is asked by itself, so that 7 7 7 holds the pair twice
    hits = [i for i, two in enumerate(neighbours(ids)) if two == (left, right)]
    taken = {i + 1 for i in hits}
    return [
        new_id if i in hits else each for i, each in enumerate(ids) if i in hits or i not in taken
    ]


def merge_in_a_copy(ids, pair, new_id):
    ids, i = list(ids), 0
    while i < len(ids) - 1:
        if [ids[i], ids[i + 1]] == list(pair):
            ids[i : i + 2] = [new_id]
        i += 1
    return ids


def merge_with_a_flag(ids, pair, new_id):
    merged, skip = [], False
    for left, right in zip(ids, [*ids, None][1:], strict=True):
        if skip:
            skip = False
        elif (left, right) == pair:
            merged.append(new_id)
            skip = True
        else:
            merged.append(left)
    return merged


def merge_by_itself(ids, pair, new_id):
    if len(ids) < 2:
        return ids[:]
    if ids[0] == pair[0] and ids[1] == pair[1]:
        return [new_id, *merge_by_itself(ids[2:], pair, new_id)]
    return [ids[0], *merge_by_itself(ids[1:], pair, new_id)]


merging = told_of(wrong_merge)


merge_slip = told_of(slipped_merge, "slip")


MERGE = Exercise(
    id="12.merge",
    title="Two become one",
    kind="bug",
    points=2,
    name="merge",
    cases=merge_cases,
    mistakes=[
        merge_slip(
            "list-for-tuple",
            "list and tuple",
            "nothing is joined: a slice of `ids` is a list, `pair` a tuple, and the two are never "
            "equal",
            "What does `[1, 2] == (1, 2)` say?",
            "A slice of a list is a list, and a list is never equal to a tuple.",
            "`tuple(ids[i : i + 2]) == pair`, or `(ids[i], ids[i + 1]) == pair`.",
        ),
        merging(
            "input-edited",
            {"edits": True},
            "the result is right, but the list that came in is changed as well",
            "Print `ids` before and after a call.",
            "`merged = ids` gives one list two names.",
            "Begin with a copy, `list(ids)`, or with an empty list.",
        ),
        merging(
            "end-not-seen",
            {"short": 1},
            "a pair at the very end is not joined",
            "Try `[1, 2]` with the pair (1, 2).",
            "Where may the last pair begin?",
            "Of n ids, the last pair begins at place n - 2, so the loop must still reach it.",
        ),
        merging(
            "last-id-lost",
            {"keep_rest": False},
            "the last id vanishes unless it is joined",
            "Try `[3, 4]` with a pair that isn't there. What is left?",
            "A loop over pairs has one turn less than there are ids.",
            "After the loop, add what is left over; or let the loop go over all ids.",
        ),
        merge_slip(
            "last-id-doubled",
            "end added",
            "the last id is added at the end even where it was joined",
            "Try `[1, 2]` with the pair (1, 2).",
            "When is there something left over after the loop?",
            "Add the rest only if the last pair wasn't joined.",
        ),
        merging(
            "right-one-stays",
            {"skip": 1},
            "`new_id` is written, and `right` stays behind it",
            "Try `[1, 2]` with the pair (1, 2).",
            "The new id stands for both.",
            "After joining, go on by two places.",
        ),
        merge_slip(
            "left-one-stays",
            "left stays",
            "`left` stays, and `new_id` follows it",
            "Try `[1, 2]` with the pair (1, 2).",
            "The new id stands for both.",
            "Write `left` only where nothing is joined.",
        ),
        merge_slip(
            "both-stay",
            "behind",
            "`new_id` is written behind the pair, which stays",
            "Try `[1, 2]` with the pair (1, 2).",
            "The new id stands for both, in their place.",
            "Write either the new id or the old ones, never both.",
        ),
        merge_slip(
            "overlap-joined-twice",
            "overlap",
            "in `[7, 7, 7]` the middle id is joined with both of its neighbours",
            "Try `[7, 7, 7]` with the pair (7, 7).",
            "An id is joined once.",
            "After joining, go on behind the pair: by two places.",
        ),
        merge_slip(
            "from-the-right",
            "from the right",
            "the pair is joined from right to left",
            "Try `[7, 7, 7]` with the pair (7, 7).",
            "From left to right, the first two are joined and the third is left.",
            "Begin at the first place.",
        ),
        merge_slip(
            "joined-looking-back",
            "looks back",
            "in `[7, 7, 7]` the last id is joined with one that is joined already",
            "Try `[7, 7, 7]` with the pair (7, 7).",
            "An id is joined once.",
            "Compare with what stands last in your new list, not with what stood there in `ids`.",
        ),
        merge_slip(
            "one-passed-over",
            "passes over",
            "the id after a joined pair is passed over: a pair that begins there stays",
            "Try `[1, 2, 1, 2]` with the pair (1, 2).",
            "In a list that has been shortened, the next id has moved up by one.",
            "Where the list shrinks, go on by one place; where it doesn't, by two.",
        ),
        merge_slip(
            "every-second-place",
            "twos",
            "the list is cut into twos: a pair that begins at an odd place is not seen",
            "Try `[3, 1, 2]` with the pair (1, 2).",
            "A pair may begin at any place.",
            "Go on by two places only after joining, else by one.",
        ),
        merge_slip(
            "past-the-end",
            "past the end",
            "your loop asks for the neighbour of the last id, which has none on its right",
            "Try `[1]` with the pair (1, 2).",
            "Where may the last pair begin?",
            "Ask whether there is a neighbour before you compare it.",
        ),
        merge_slip(
            "list-shrinks-under-the-loop",
            "shrinks",
            "the list becomes shorter, and the loop goes on to where its end was",
            "Try `[1, 2, 3]` with the pair (1, 2).",
            "`range(len(…))` is worked out once, before the first turn.",
            "Take `while` with the length as it is now, or collect a new list.",
        ),
        merging(
            "first-place-only",
            {"once": True},
            "only the first place where the pair stands is joined",
            "Try `[1, 2, 1, 2]` with the pair (1, 2).",
            "The text says: wherever it stands.",
            "Does your loop end, or return, after the first hit?",
        ),
        merge_slip(
            "index-of-left",
            "index",
            "only the first `left` of the list is looked at",
            "Try `[1, 3, 1, 2]` with the pair (1, 2).",
            "`index` always finds the first.",
            "Go through the list place by place.",
        ),
        merge_slip(
            "own-new-id",
            "largest",
            "the new id is one more than the largest in the list, not `new_id`",
            "Try an id that is far away, such as 50257.",
            "The caller says which id is free.",
            "Write `new_id`.",
        ),
        merge_slip(
            "always-256",
            "fixed",
            "256 is written, whatever `new_id` is",
            "Try an id that is far away, such as 50257.",
            "The caller says which id is free.",
            "Write `new_id`.",
        ),
        merge_slip(
            "either-order",
            "either order",
            "`right` before `left` is joined, too",
            "Try `[2, 1]` with the pair (1, 2).",
            "Which one of the two stands left makes a difference.",
            "Compare the left one with `left` and the right one with `right`.",
        ),
        merge_slip(
            "one-of-two-is-enough",
            "either id",
            "two neighbours are joined when only one of them fits",
            "Try `[1, 3]` with the pair (1, 2).",
            "`or` and `and` are not the same.",
            "Both must fit.",
        ),
        merge_slip(
            "right-never-asked",
            "left alone",
            "`left` is joined with whatever follows it",
            "Try `[1, 3]` with the pair (1, 2).",
            "Which of your lines asks for `right`?",
            "Both must fit.",
        ),
        merge_slip(
            "each-by-itself",
            "each alone",
            "every `left` and every `right` becomes `new_id` by itself",
            "Try `[1, 2]` with the pair (1, 2): one id, not two.",
            "A pair is two ids side by side.",
            "Look at two places at a time.",
        ),
        merge_slip(
            "pair-deleted",
            "dropped",
            "the pair is taken out, and nothing is written for it",
            "Try `[1, 2]` with the pair (1, 2).",
            "A slice that is replaced by an empty list is gone.",
            "Write `new_id` in the pair's place.",
        ),
        merge_slip(
            "nothing-returned",
            "nothing",
            "the list that came in is edited, and nothing is returned",
            "What does your function hand back?",
            "The text asks for a new list, and leaves the old one alone.",
            "Collect the ids in a list of your own, and return it.",
        ),
        merge_slip(
            "ids-as-text",
            "as text",
            "ids are joined as text: in `11 2` the text `1 2` is found as well",
            "Try `[11, 2]` with the pair (1, 2).",
            "A text knows no borders between numbers.",
            "Compare numbers, place by place.",
        ),
    ],
    hints=(
        "Print what goes in and what comes out for [7, 7, 7] and (7, 7), for [1, 2] and (1, 2).",
        "Two points of the text name what the author never tried: the third, and where a pair may "
        "stand.",
        "Walk through your own list or a copy, up to the last place at which a pair can begin.",
    ),
    allows=Edges(
        sizes=(0, 1, 2, 3, 256, 50257),
        labels=("at the end", "three times", "not there", "there already", "pair of tokens"),
    ),
    also_right=[merge_in_a_copy, merge_with_a_flag, merge_by_itself],
)


# --- 12.train -------------------------------------------------------------------------------


def train_cases(generator):
    def word(letters, low, high):
        return "".join(
            letters[i] for i in numbers(generator, 0, len(letters), number(generator, low, high))
        )

    def text(letters, n, low=2, high=7, most=9):
        return {word(letters, low, high): number(generator, 1, most) for _ in range(n)}

    run, other = "ab" if number(generator, 0, 2) else "ba"
    few = text("eilnorst", 7, 4, 8)
    return [
        case("Sennrich's four words", {"low": 5, "lower": 2, "newest": 6, "widest": 3}, 9),
        case("words of few letters", text("abc", 8), 8),
        case("words of more letters", few, 10),
        case("the same words, one merge", few, 1),
        case("two letters", text("xy", 6, 3, 9), 7),
        case("words after a space", {f" {w}": n for w, n in text("ehot", 6, 1, 6).items()}, 7),
        case("one letter, over and over", {run * 11: 2, run * 3 + other: 3}, 5),
        case("runs at a border", {run * 3: 4, run + other: 5, other + run: 5, other * 3: 2}, 4),
        case("all pairs equally common", {"dcba": 3, "zy": 3, "bx": 3}, 4),
        case("a pair that occurs once", {"abcd": 1, "ab": 1}, 3),
        case("fewer merges than asked for", {"aba": 2, "bab": 3, "c": 7}, 40),
        case("rare word, often; many words, seldom", {"ab": 9, "cdx": 2, "cdy": 2, "cdz": 2}, 3),
        case("an end that no word shares", {"ab": 5, "ba": 4, "aab": 1}, 3),
        case(
            "capitals, and accents apart",
            {"The": 3, "the": 2, "THe": 4, "e\u0301n": 2, "\xe9n": 1},
            8,
        ),
        case("a common language", {"ab": 270, "cd": 300, "bcd": 520, "dc": 290}, 5),
        case("a neighbour is joined", {"abcd": 5, "abcx": 2, "cd": 6, "ab": 5}, 6),
        case("not English", {"été": 4, "thé": 6, "日本": 5, "日": 2, "🙂🙃": 3}, 8),
        case("one byte each", {"a": 9, "b": 4}, 3),
        case("no words", {}, 4),
        case("no merges asked for", {"low": 5, "lower": 2}, 0),
    ]


def ords(word):
    return [*map(ord, word)]


def smallest(counts):
    return min(counts, key=lambda pair: (-counts[pair], pair))


def wrong_learn(
    words,
    num_merges,
    *,
    base=lambda word: list(word.encode()),
    of_word=neighbours,
    weigh=True,
    choose=smallest,
    join=joined,
    more=0,
    first=256,
    least=1,
):
    rows = [(base(word), times) for word, times in words.items()]
    merges = []
    while len(merges) < num_merges + more:
        counts = Counter()
        for ids, times in rows:
            for pair in of_word(ids):
                counts[pair] += times if weigh else 1
        if not counts or max(counts.values()) < least:
            break
        pair = choose(counts)
        rows = [(join(ids, pair, first + len(merges)), times) for ids, times in rows]
        merges.append(pair)
    return merges


def first_only(ids, pair, new_id):
    return wrong_merge(ids, pair, new_id, once=True)


def written(texts, pair, new_id):
    """Texts for ids: what is joined is the longer text."""
    return joined(texts, pair, "".join(pair))


def from_the_right(ids, pair, new_id):
    return slipped_merge(ids, pair, new_id, slip="from the right")


def both_joined(ids, pair, new_id):
    return slipped_merge(ids, pair, new_id, slip="overlap")


def without_order(ids):
    return [tuple(sorted(pair)) for pair in neighbours(ids)]


def after_a_space(word):
    return [*f" {word}".encode()]


def ascii_only(word):
    return [*word.encode("ascii", "ignore")]


def only_bytes(ids):
    return [pair for pair in neighbours(ids) if max(pair) < 256]


def in_a_row(words, *, times):
    """All words one behind the other, as bytes."""
    return [i for word, n in words.items() for i in list(word.encode()) * (n if times else 1)]


def slipped_learn(words, num_merges, *, slip):
    rows = [(list(word.encode()), times) for word, times in words.items()]
    if slip in ("across", "across once"):
        ids, merges = in_a_row(words, times=slip == "across"), []
        while len(merges) < num_merges and (counts := Counter(neighbours(ids))):
            merges.append(smallest(counts))
            ids = joined(ids, merges[-1], 255 + len(merges))
        return merges
    if slip == "first count":
        return [pair for pair, _ in wrong_pairs(rows)][:num_merges]
    if slip == "never joined":
        best = wrong_pairs(rows)[:1]
        return [pair for pair, _ in best] * num_merges
    if slip == "with counts":
        merges, found = wrong_learn(words, num_merges), []
        for i, pair in enumerate(merges):
            found.append((pair, dict(wrong_pairs(rows))[pair]))
            rows = [(joined(ids, pair, 256 + i), times) for ids, times in rows]
        return found
    if slip == "vocabulary":
        return wrong_learn(words, num_merges - 256)
    if slip in ("adds up", "adds up but", "old counts stay", "old counts stay of bytes"):
        return carried(rows, num_merges, slip)
    if slip == "times twice":
        return wrong_learn({word: times**2 for word, times in words.items()}, num_merges)
    if slip == "spaces":
        return wrong_learn({" ".join(" ".join([w] * n) for w, n in words.items()): 1}, num_merges)
    if slip == "letters":
        return wrong_learn(words, num_merges, base=list, join=written)
    if slip == "end stays":
        return wrong_learn(words, num_merges, join=partial(wrong_merge, short=1))
    if slip == "largest id":
        return by_largest_id(rows, num_merges)
    if slip == "one pair left":
        merges = wrong_learn(words, num_merges)
        for i, pair in enumerate(merges):
            if len(wrong_pairs(rows)) == 1:
                return merges[:i]
            rows = [(joined(ids, pair, 256 + i), times) for ids, times in rows]
        return merges
    if slip == "new ids returned":
        return [(pair, 256 + i) for i, pair in enumerate(wrong_learn(words, num_merges))]
    if slip == "triples":
        return [(*pair, 256 + i) for i, pair in enumerate(wrong_learn(words, num_merges))]
    if slip == "spaces once":
        return wrong_learn({" ".join(words): 1}, num_merges)
    if slip == "joins one word":
        return in_one_word(rows, num_merges)
    return all_of_the_top(rows, num_merges)  # "top k a round"


def carried(rows, num_merges, slip):
    """The table of counts is made once; later rounds only add to it."""
    counts, merges = Counter(dict(wrong_pairs(rows))), []
    while len(merges) < num_merges and +counts:
        pair = smallest(counts)
        merges.append(pair)
        rows = [(joined(ids, pair, 255 + len(merges)), times) for ids, times in rows]
        if slip == "adds up but":
            del counts[pair]
        if slip.startswith("old counts stay"):  # only what the new token made is counted anew
            del counts[pair]
            new = 256 if slip.endswith("of bytes") else 255 + len(merges)
            for found, n in wrong_pairs(rows):
                if max(found) >= new:
                    counts[found] = n
        else:
            counts.update(dict(wrong_pairs(rows)))
    return merges


def in_one_word(rows, num_merges):
    """The pair is joined in the first word that holds it."""
    merges = []
    while len(merges) < num_merges and (counted := wrong_pairs(rows)):
        pair = counted[0][0]
        at = next(i for i, (ids, _) in enumerate(rows) if pair in neighbours(ids))
        rows[at] = (joined(rows[at][0], pair, 256 + len(merges)), rows[at][1])
        merges.append(pair)
    return merges


def by_largest_id(rows, num_merges):
    """The new id is one more than the largest that stands in the words."""
    merges = []
    while len(merges) < num_merges and (counted := wrong_pairs(rows)):
        new = 1 + max(max(ids, default=0) for ids, _ in rows)
        merges.append(counted[0][0])
        rows = [(joined(ids, merges[-1], new), times) for ids, times in rows]
    return merges


def at_the_head(counts):
    return ordered(counts)[0][0]


def largest(counts):
    return max(counts, key=lambda pair: (counts[pair], -pair[0], -pair[1]))


def without_stop(words, num_merges, *, choose):
    """Whatever the choice does where there is nothing to choose from."""
    rows, merges = [(list(word.encode()), times) for word, times in words.items()], []
    for i in range(num_merges):
        pair = choose(Counter(dict(wrong_pairs(rows))))
        rows = [(joined(ids, pair, 256 + i), times) for ids, times in rows]
        merges.append(pair)
    return merges


def all_of_the_top(rows, num_merges):
    """Every equally common pair is taken in the same round."""
    merges = []
    while len(merges) < num_merges and (counted := wrong_pairs(rows)):
        top = [pair for pair, n in counted if n == counted[0][1]]
        for pair in top[: num_merges - len(merges)]:
            rows = [(joined(ids, pair, 256 + len(merges)), times) for ids, times in rows]
            merges.append(pair)
    return merges


def learn_in_one_table(words, num_merges):
    """Right: one row of ids with borders in it, and the times beside them."""
    ids = [i for word in words for i in [*word.encode(), -1]]
    times = [n for word, n in words.items() for _ in [*word.encode(), -1]]
    merges = []
    for new in range(256, 256 + num_merges):
        counts = {}
        for left, right, n in zip(ids, ids[1:], times, strict=False):
            if left >= 0 and right >= 0:
                counts[left, right] = counts.get((left, right), 0) + n
        if not counts:
            return merges
        most = max(counts.values())
        pair = min(each for each, n in counts.items() if n == most)
        merges.append(pair)
        i = 0
        while i + 1 < len(ids):
            if (ids[i], ids[i + 1]) == pair:
                ids[i] = new
                del ids[i + 1], times[i + 1]
            i += 1
    return merges


def learn_one_more(words, num_merges, rows=None, new=256):
    """Right: one merge, then the others by the same function."""
    rows = [([*w.encode()], n) for w, n in words.items()] if rows is None else rows
    counts = Counter({})
    for ids, n in rows:
        for i in range(1, len(ids)):
            counts[ids[i - 1], ids[i]] += n
    if new == 256 + num_merges or not counts:
        return []
    pair = sorted(counts, key=lambda each: (counts[each] * -1, *each))[0]
    rows = [(merge_with_a_flag(ids, pair, new), n) for ids, n in rows]
    return [list(pair), *learn_one_more(words, num_merges, rows, new + 1)]


learning = told_of(wrong_learn)


def lone_learn(words, num_merges, *, flags):
    """Mistakes that are not tried in pairs."""
    return wrong_learn(words, num_merges, **flags)


learning_alone = told_of(lone_learn, "flags")


learn_slip = told_of(slipped_learn, "slip")


TRAIN = Exercise(
    id="12.train",
    title="Learn the merges",
    kind="build",
    points=4,
    name="learn_merges",
    cases=train_cases,
    any_sequence=True,
    mistakes=[
        learning(
            "times-forgotten",
            {"weigh": False},
            "each word counts once, however often the text holds it",
            "Give one word a thousand times and look whether the first merge changes.",
            "Every word is counted as often as the text holds it.",
            "Add the word's times, not 1, for each place where a pair begins.",
        ),
        learn_slip(
            "times-twice",
            "times twice",
            "a word counts with the square of its times",
            "Give one word twice the times and look at its pairs' counts.",
            "Every word is counted as often as the text holds it.",
            "Either repeat the word or add its times, not both.",
        ),
        learn_slip(
            "spaces-between-words",
            "spaces",
            "the words are written into one text with spaces between, and pairs with a space count",
            "Train on `{'ab': 9}` with two merges. There is only one.",
            "Nothing is ever joined across the border of two words.",
            "Keep one list of ids for each word.",
        ),
        learn_slip(
            "across-borders",
            "across",
            "the words are written one behind the other, and pairs across their borders are joined",
            "Train on `{'ab': 9}` with two merges. There is only one.",
            "Nothing is ever joined across the border of two words.",
            "Keep one list of ids for each word.",
        ),
        learn_slip(
            "across-borders-once",
            "across once",
            "the words are put in one row, once each: borders are crossed and the times forgotten",
            "Train on `{'ab': 9, 'cd': 1}` with three merges. There are only two.",
            "Nothing is ever joined across the border of two words.",
            "Keep one list of ids for each word, with its times beside it.",
        ),
        learn_slip(
            "first-count-only",
            "first count",
            "all merges come from the first count: nothing is joined before the next is chosen",
            "Does any of your merges hold an id above 255?",
            "Each round takes the pair that is commonest *now*.",
            "Within the loop: count, choose, join; then count what came out of it.",
        ),
        learn_slip(
            "never-joined",
            "never joined",
            "the same pair is chosen in every round: the words stay as they were",
            "Print your words after the first round.",
            "What does your function for joining return, and who keeps it?",
            "Put the joined lists in the place of the old ones.",
        ),
        learn_slip(
            "counts-add-up",
            "adds up",
            "the counts of all rounds add up: the table is not begun anew",
            "Print the counts of the second round for a single word.",
            "A merge changes its neighbours' counts, down as well as up.",
            "Make the table of counts inside the loop over rounds.",
        ),
        learn_slip(
            "counts-add-up-but-one",
            "adds up but",
            "the merged pair is taken out of the table, and the other counts of all rounds add up",
            "Print the counts of the second round for a single word.",
            "A merge changes its neighbours' counts, down as well as up.",
            "Make the table of counts inside the loop over rounds.",
        ),
        learn_slip(
            "stale-counts",
            "old counts stay",
            "pairs of the new token are counted, but what the merge took away from its neighbours "
            "stays in the table",
            "Train on `{'abc': 5}` with two merges: after (a, b), how often does (b, c) occur?",
            "A merge changes its neighbours' counts, down as well as up.",
            "Count again from the words in each round; or take off what was there before each "
            "join.",
        ),
        learn_slip(
            "one-word-joined",
            "joins one word",
            "the pair is joined in the first word that holds it, and in no other",
            "Print your words after the first round.",
            "Join it in all words.",
            "Does your loop over the words end too early?",
        ),
        learning_alone(
            "letters-and-ids",
            {"base": list},
            "a word begins as its letters, and your code stops where a letter meets a number",
            "Print what a word is before the first merge.",
            "A word begins as its bytes: whole numbers from 0 to 255.",
            "`list(word.encode())`.",
        ),
        learning_alone(
            "order-forgotten",
            {"of_word": without_order},
            "(a, b) and (b, a) are counted as one pair",
            "Count the pairs of `abab` by hand.",
            "`(left, right)`: which of the two stands first is part of the pair.",
            "Count the two neighbours as they stand.",
        ),
        learning_alone(
            "space-in-front",
            {"base": after_a_space},
            "a space is put in front of every word; the text's words begin with their first byte",
            "Is 32, the byte of a space, in your merges? It isn't in `low`.",
            "A word is handed over as it is.",
            "Encode the word alone.",
        ),
        learning_alone(
            "ascii-only",
            {"base": ascii_only},
            "letters that are not ASCII are left out",
            "What does your code make of `été`?",
            "A word begins as its bytes in UTF-8, every one of them.",
            "`word.encode()`: UTF-8 knows all letters.",
        ),
        learning_alone(
            "first-place-only",
            {"join": first_only},
            "in each word only the first place where the pair stands is joined",
            "What becomes of `abab` after (a, b)?",
            "A pair is joined wherever it stands.",
            "Go on behind the place that was joined, up to the word's end.",
        ),
        learning_alone(
            "from-the-right",
            {"join": from_the_right},
            "a run such as `aaa` is joined from right to left",
            "What becomes of `aaab` after (a, a)?",
            "From left to right, the first two are joined and the third is left.",
            "Begin at the word's first place.",
        ),
        learning_alone(
            "overlap-joined-twice",
            {"join": both_joined},
            "in a run such as `aaa` the middle one is joined with both of its neighbours",
            "What becomes of `aaab` after (a, a)?",
            "An id is joined once.",
            "After joining, go on behind the pair.",
        ),
        learning(
            "no-overlap-in-counts",
            {"of_word": run_together},
            "in a run such as `aaa` the pair (a, a) is counted once",
            "At how many places does (a, a) begin in `aaa`?",
            "Each place where a pair begins counts; joining is another matter.",
            "No place is skipped in counting.",
        ),
        learning_alone(
            "once-per-word",
            {"of_word": lambda ids: sorted(set(neighbours(ids)))},
            "a pair counts once in a word, even where it stands there twice",
            "What is counted for (a, b) in `abab`?",
            "Each place where a pair begins counts.",
            "A set forgets how often: take all neighbours.",
        ),
        learning_alone(
            "only-bytes-joined",
            {"of_word": only_bytes},
            "tokens that were made are never joined again: pairs with an id above 255 are left out",
            "How long is your longest token?",
            "What is made may be joined again, with a byte, with another token, or with itself.",
            "Count every pair of neighbours, whatever its ids.",
        ),
        learning(
            "larger-pair-first",
            {"choose": lambda counts: max(counts, key=lambda pair: (counts[pair], pair))},
            "of equally common pairs, yours takes the larger",
            "Train on two words that occur equally often, such as `{'ab': 1, 'cd': 1}`.",
            "The smaller pair goes first.",
            "Take the minimum by minus the count and the pair; or sort the pairs first.",
        ),
        learning(
            "tie-to-the-first",
            {"choose": lambda counts: max(counts, key=counts.get)},
            "of equally common pairs, yours takes the one that was met first",
            "Train on `{'cd': 1, 'ab': 1}`.",
            "`max` and `most_common` keep the first of equals as it came. The text has another "
            "rule.",
            "Compare by count and pair together.",
        ),
        learning_alone(
            "tie-to-the-last",
            {"choose": lambda counts: max(reversed(counts), key=counts.get)},
            "of equally common pairs, yours takes the one that was met last",
            "Train on `{'ab': 1, 'cd': 1}`.",
            "`>=` in a search for the largest lets the last of equals win.",
            "Compare by count and pair together.",
        ),
        learning_alone(
            "tie-by-the-right-one",
            {"choose": lambda counts: min(counts, key=lambda pair: (-counts[pair], pair[::-1]))},
            "of equally common pairs, yours takes the one with the smaller `right`",
            "Train on `{'ad': 1, 'bc': 1}`.",
            "The smaller `left` goes first; only between equals does `right` decide.",
            "Compare the pairs as they are.",
        ),
        learning_alone(
            "rarest-first",
            {"choose": lambda counts: min(counts, key=lambda pair: (counts[pair], pair))},
            "the rarest pair is joined, not the commonest",
            "Print the count of what you choose beside the largest count.",
            "`min` or `max`, up or down?",
            "The commonest goes first; of equals the smaller pair.",
        ),
        learning(
            "one-too-many",
            {"more": 1},
            "one merge more than `num_merges` is learned",
            "Ask for one merge, and for none.",
            "When does your loop look at the number: before or after it learns?",
            "Go on while there are fewer than `num_merges`.",
        ),
        learning_alone(
            "one-too-few",
            {"more": -1},
            "one merge less than `num_merges` is learned",
            "Ask for one merge.",
            "How many turns does your loop have?",
            "Go on while there are fewer than `num_merges`.",
        ),
        learn_slip(
            "vocabulary-size",
            "vocabulary",
            "`num_merges` is taken for the size of the whole vocabulary: 256 are taken off",
            "Ask for three merges.",
            "The bytes are no merges.",
            "`num_merges` is what your loop counts to.",
        ),
        learning(
            "stops-at-one",
            {"least": 2},
            "you stop when the commonest pair occurs once",
            "Train on `{'abcd': 1}`. There are three merges.",
            "A pair that occurs once is still a pair.",
            "Stop only when there is no pair at all.",
        ),
        learn_slip(
            "stops-at-one-pair",
            "one pair left",
            "you stop while there is still one pair to join",
            "Train on `{'ab': 5}`. There is one merge.",
            "Stop only when no word has two ids left.",
            "Stop when there is no pair at all.",
        ),
        *(
            Mistake(
                name,
                without_stop,
                {"choose": choose},
                "your code stops with an error when every word has become one token",
                (
                    "Train on `{'ab': 1}` with five merges.",
                    "What does your choice do when the table of counts is empty?",
                    "Leave the loop when there is no pair left.",
                ),
            )
            for name, choose in (
                ("no-stop-max", largest),
                ("no-stop-min", smallest),
                ("no-stop-first", at_the_head),
            )
        ),
        learning_alone(
            "second-stays",
            {"join": partial(wrong_merge, skip=1)},
            "where a pair is joined its second id stays, behind the new one",
            "Print the ids of `ab` after the merge of `a` and `b`.",
            "The new id stands for both.",
            "After a join go on two places further, not one.",
        ),
        learning_alone(
            "last-id-lost",
            {"join": partial(wrong_merge, keep_rest=False)},
            "a word loses its last id when pairs are joined, unless it was joined itself",
            "Print the ids of `abc` after the merge of `a` and `b`.",
            "A loop up to the last pair never copies the last id alone.",
            "What is left behind the loop belongs to the word.",
        ),
        learning_alone(
            "one-id-for-all",
            {"join": lambda ids, pair, new_id: joined(ids, pair, 256)},
            "every merge writes the same id, 256",
            "Print the ids of `abcd` after two merges.",
            "Each merge makes a token of its own.",
            "The first new id is 256, the next 257.",
        ),
        learning_alone(
            "latin-1-for-utf-8",
            {"base": lambda word: list(word.encode("latin-1", "replace"))},
            "a word begins as its bytes in Latin-1, which knows few letters; UTF-8 knows all",
            "How many ids has `é` in your code?",
            "Characters above 127 are two, three or four bytes.",
            "`word.encode()` without an argument is UTF-8.",
        ),
        learn_slip(
            "triples",
            "triples",
            "the new id comes back as a third member of each pair",
            "Print your first merge.",
            "The k-th merge makes 256 + k, so nobody needs to say it.",
            "Return pairs alone.",
        ),
        learn_slip(
            "all-words-in-one-text",
            "spaces once",
            "the words are written into one text with spaces, each once, whatever its times",
            "Train on `{'ab': 1, 'cd': 5}` with one merge.",
            "Each word has a list of its own, and counts as often as the text holds it.",
            "Keep one list of ids for each word, and its times beside it.",
        ),
        learning(
            "characters-for-bytes",
            {"base": ords},
            "a word begins as its characters, not as its bytes",
            "How many ids has `é` in your code?",
            "Characters above 127 are two, three or four bytes.",
            "`word.encode()` gives the bytes, and a list of them is a list of numbers.",
        ),
        learning_alone(
            "new-ids-from-0",
            {"first": 0},
            "new tokens are numbered from 0, where the bytes stand",
            "Which ids do your later merges name?",
            "0 to 255 are taken.",
            "The first new token has the id 256.",
        ),
        learning_alone(
            "new-ids-from-257",
            {"first": 257},
            "the first new token has the id 257",
            "Which ids do your later merges name?",
            "How many merges are there when you make the first token, and when you count them?",
            "The first new token has the id 256, the next one 257.",
        ),
        learning_alone(
            "new-ids-from-255",
            {"first": 255},
            "the first new token has the id 255, which is a byte's",
            "Which ids do your later merges name?",
            "How many merges are there when you make the first token, and when you count them?",
            "The first new token has the id 256, the next one 257.",
        ),
        learn_slip(
            "texts-for-ids",
            "letters",
            "the merges are pairs of texts, not of ids",
            "Print one entry of what you return beside the text's.",
            "A word begins as its bytes, which are numbers, and a new token is a number, too.",
            "Begin with `list(word.encode())`, and write 256 and onwards for what is joined.",
        ),
        learn_slip(
            "end-not-joined",
            "end stays",
            "a pair at the end of a word is counted, and never joined",
            "Train on `{'ab': 3}` with two merges. There is only one.",
            "Does your `merge` pass its own check?",
            "Of n ids, the last pair begins at place n - 2, so the loop must still reach it.",
        ),
        learn_slip(
            "one-more-than-the-largest",
            "largest id",
            "a new id is one more than the largest in the words: it may be a byte's",
            "Train on `{'abab': 2}` with two merges. Which id has the first token?",
            "Bytes have the ids 0 to 255, whether they occur or not.",
            "The next free id is `256 + len(merges)`.",
        ),
        learn_slip(
            "stale-counts-of-bytes",
            "old counts stay of bytes",
            "pairs of two bytes keep the counts of the first round, whatever was joined since",
            "Train on `{'abc': 5}` with two merges: after (a, b), how often does (b, c) occur?",
            "A merge takes away from the counts of its neighbours.",
            "Count all pairs anew in each round; it is slower, and right.",
        ),
        learn_slip(
            "counts-returned-too",
            "with counts",
            "each merge is returned together with its count",
            "Print one entry of what you return beside the text's.",
            "The text asks for `(left, right)`.",
            "Append the pair alone.",
        ),
        learn_slip(
            "new-ids-returned-too",
            "new ids returned",
            "each merge is returned together with its new id",
            "Print one entry of what you return beside the text's.",
            "The text asks for `(left, right)`: the place in the list says the id.",
            "Return a list of the pairs, in their order.",
        ),
        learn_slip(
            "all-of-a-round",
            "top k a round",
            "all equally common pairs are taken in one round, without counting in between",
            "Train on `{'abc': 1}` with two merges: after (a, b), is there a (b, c) left?",
            "One merge may take away the pair that was as common.",
            "One merge a round, then count again.",
        ),
    ],
    hints=(
        "Train on `{'abab': 2, 'ab': 1}` with three merges by hand, round by round, then print "
        "yours.",
        "Go through the five points: bytes and borders, the commonest now, joining, stopping, what "
        "is returned.",
        "A list of (ids, times); in a loop: count all pairs, take the best by count and pair, join "
        "it in every word, append it.",
    ),
    bans=("train_bpe",),
    allows=Edges(
        sizes=(0, 1, 40),
        labels=(
            "not English",
            "occurs once",
            "equally common",
            "fewer merges",
            "no words",
            "one byte",
            "over and over",
        ),
    ),
    also_right=[learn_in_one_table, learn_one_more],
)


# --- 12.encode ------------------------------------------------------------------------------


def drawn_merges(generator, base, n):
    """Any `n` merges over these bytes, each of what is made before it."""
    there, merges = list(base), []
    while len(merges) < n:
        left, right = (there[number(generator, 0, len(there))] for _ in "ab")
        if (left, right) not in merges:
            merges.append((left, right))
            there.append(255 + len(merges))
    return merges


CHAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def chained(text):
    """Merges of which each adds a letter to the one before."""
    first, second, *others = text.encode()
    return [(first, second), *((256 + i, other) for i, other in enumerate(others))]


def encode_cases(generator):
    a, b, c, d = b"abcd"
    few = [(c, d), (b, c), (a, b), (256, c), (257, d), (b, 256), (a, 261)]
    learned = wrong_learn({"low": 5, "lower": 2, "newest": 6, "widest": 3}, 11)

    def drawn(label, letters, n, length):
        base = list(letters.encode())
        word = "".join(letters[i] for i in numbers(generator, 0, len(letters), length))
        return case(label, word, drawn_merges(generator, base, n))

    return [
        case("learned from four words", "lowest", learned),
        case("learned from four words, longer", "newerlowerwidestlow", learned),
        case("the first met is not the first learned", "abc", [(b, c), (a, b)]),
        case("the longest token is not reached", "abc", [(b, c), (a, b), (257, c)]),
        case("later merges alone", "abcd", [(97, 99), (98, 99), (100, 97), (97, 257), (258, 98)]),
        case("built up from both sides", "abcdabd", few),
        case(
            "what is joined may be joined again", "aaaaaaaaaaab", [(a, a), (256, 256), (257, 257)]
        ),
        case("a run of five", "aaaaab", [(a, a), (a, b), (256, a)]),
        case("a run of three before another", "baaab", [(a, b), (a, a), (257, b), (b, 257)]),
        case("twice in one word", "abcabcab", [(a, b), (256, c), (257, 257)]),
        case("commoner, but learned later", "ababcbab", [(b, c), (a, b), (257, 257)]),
        case("a later pair opens an earlier one's neighbour", "cabab", [(c, a), (a, b), (256, b)]),
        drawn("any merges of two letters", "xy", 7, 14),
        drawn("any merges of three letters", "abc", 9, 15),
        drawn("more merges of three letters", "lmn", 14, 20),
        case("two bytes", "ab", [(a, b)]),
        case("many merges, one after the other", CHAIN, chained(CHAIN)),
        case(
            "a space before, and capitals",
            " The thE ",
            [(116, 104), (32, 84), (104, 101), (256, 69)],
        ),
        case(
            "an accent apart from its letter", "e\u0301\xe9", [(204, 129), (101, 256), (195, 169)]
        ),
        case("few tokens are not the aim", "abcde", [(a, b), (256, c), (c, d), (258, 101)]),
        case("not English", "été", [(195, 169), (116, 256), (256, 116)]),
        case("half a character", "日本日", [(151, 165), (230, 256), (165, 230), (230, 156)]),
        case("no merge fits", "dcba", [(a, b), (b, c)]),
        case("no merges", "abc", []),
        case("one byte", "a", [(a, a)]),
        case("an empty word", "", [(a, b)]),
    ]


def texts_of(merges):
    """The bytes of each token, by id."""
    tokens = [bytes([b]) for b in range(256)]
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    return tokens


def wrong_encode(
    word, merges, *, base=str.encode, first=256, pick=min, join=joined, rounds=10**6, known=None
):
    """The rule of the text, with what can go wrong in it."""
    ids, made = list(base(word)), {pair: i for i, pair in enumerate(merges)}
    for _ in range(rounds):
        ranks = [made[pair] for pair in neighbours(ids) if pair in made]
        ranks = [rank for rank in ranks if known is None or max(merges[rank]) < known]
        if not ranks:
            break
        rank = pick(ranks)
        ids = join(ids, merges[rank], first + rank)
    return ids


def commonest(ranks):
    return min(ranks, key=lambda rank: (-ranks.count(rank), rank))


def longest_first(word, merges):
    left, tokens, found = word.encode(), texts_of(merges), []
    while left:
        fits = [i for i, token in enumerate(tokens) if left.startswith(token)]
        found.append(max(fits, key=lambda i: (len(tokens[i]), -i)))
        left = left[len(tokens[found[-1]]) :]
    return found


def fewest(word, merges):
    """The way through the word that takes the fewest tokens."""
    data, tokens = word.encode(), texts_of(merges)
    best = [[]]
    for end in range(1, len(data) + 1):
        ways = [
            [*best[end - len(token)], i]
            for i, token in enumerate(tokens)
            if len(token) <= end and data[:end].endswith(token)
        ]
        best.append(min(ways, key=lambda way: (len(way), way)))
    return best[-1]


def in_one_sweep(ids, merges, *, back):
    """From left to right once; with `back`, what was joined is asked again with what is before."""
    made, out = {pair: 256 + i for i, pair in enumerate(merges)}, []
    for each in ids:
        out.append(each)
        while len(out) > 1 and tuple(out[-2:]) in made:
            out[-2:] = [made[tuple(out[-2:])]]
            if not back:
                break
    return out


def sweeps(ids, merges, most):
    """Sweeps from left to right until nothing changes; a joined pair is passed over."""
    made = {pair: 256 + i for i, pair in enumerate(merges)}
    before = None
    while ids != before and most:
        before, ids, i, most = ids, [], 0, most - 1
        while i < len(before):
            pair = tuple(before[i : i + 2])
            ids.append(made.get(pair, before[i]))
            i += 2 if pair in made else 1
    return ids


def slipped_encode(word, merges, *, slip):
    ids, made = list(word.encode()), {pair: 256 + i for i, pair in enumerate(merges)}
    if slip == "list and tuple":
        return ids
    if slip == "first met":
        while hits := [i for i, pair in enumerate(neighbours(ids)) if pair in made]:
            ids[hits[0] : hits[0] + 2] = [made[tuple(ids[hits[0] : hits[0] + 2])]]
        return ids
    if slip == "last met":
        while hits := [i for i, pair in enumerate(neighbours(ids)) if pair in made]:
            ids[hits[-1] : hits[-1] + 2] = [made[tuple(ids[hits[-1] : hits[-1] + 2])]]
        return ids
    if slip == "one sweep":
        return in_one_sweep(ids, merges, back=False)
    if slip in ("sweeps", "one sweep of twos"):
        return sweeps(ids, merges, 1 if slip == "one sweep of twos" else 10**6)
    if slip == "smallest pair":
        while known := [pair for pair in neighbours(ids) if pair in made]:
            ids = joined(ids, min(known), made[min(known)])
        return ids
    if slip == "as many rounds":
        for _ in merges:
            if known := [(made[p], i) for i, p in enumerate(neighbours(ids)) if p in made]:
                new, i = min(known)
                ids[i : i + 2] = [new]
        return ids
    if slip == "shrinks":
        for pair in merges:
            for i in range(len(ids) - 1):
                if (ids[i], ids[i + 1]) == pair:
                    ids[i : i + 2] = [made[pair]]
        return ids
    if slip == "backwards":
        for pair in reversed(merges):
            ids = joined(ids, pair, made[pair])
        return ids
    if slip == "each once":
        for pair in merges:
            ids = wrong_merge(ids, pair, made[pair], once=True)
        return ids
    if slip == "texts":
        tokens = texts_of(merges)
        return [tokens[i].decode(errors="replace") for i in wrong_encode(word, merges)]
    if slip == "either order":
        both = made | {pair[::-1]: new for pair, new in made.items() if pair[::-1] not in made}
        while known := [(both[pair], i) for i, pair in enumerate(neighbours(ids)) if pair in both]:
            new, i = min(known)
            ids[i : i + 2] = [new]
        return ids
    if slip == "in pairs of two":
        while known := [
            (made[tuple(ids[i : i + 2])], i)
            for i in range(0, len(ids) - 1, 2)
            if tuple(ids[i : i + 2]) in made
        ]:
            new, i = min(known)
            ids[i : i + 2] = [new]
        return ids
    if slip == "learned last":
        while known := [(made[pair], -i) for i, pair in enumerate(neighbours(ids)) if pair in made]:
            new, i = max(known)
            ids[-i : 2 - i] = [new]
        return ids
    if slip == "index":
        while len(ids) > 1:
            pair = min(neighbours(ids), key=merges.index)
            ids = joined(ids, pair, made[pair])
        return ids
    # "no pairs": the least of nothing is asked for
    if not merges:
        return ids
    while True:
        pair = min(neighbours(ids), key=lambda pair: made.get(pair, math.inf))
        if pair not in made:
            return ids
        ids = joined(ids, pair, made[pair])


def encode_in_order(word, merges):
    """Right: a token's own merges come after it, so one pass in their order is enough."""
    ids = list(word.encode())
    for new, pair in enumerate(merges, 256):
        ids = merge_with_a_flag(ids, pair, new)
    return ids


def encode_leftmost(word, merges):
    """Right: one join at a time."""
    merges, ids = list(merges), list(bytes(word, "utf-8"))
    while True:
        best = None
        for i in range(len(ids) - 1):
            pair = ids[i], ids[i + 1]
            if pair in merges and (best is None or merges.index(pair) < best[0]):
                best = merges.index(pair), i
        if best is None:
            return ids
        ids[best[1] : best[1] + 2] = [256 + best[0]]


encoding = told_of(wrong_encode)


def lone_encode(word, merges, *, flags):
    """Mistakes that are not tried in pairs."""
    return wrong_encode(word, merges, **flags)


encoding_alone = told_of(lone_encode, "flags")


encode_slip = told_of(slipped_encode, "slip")


ENCODE = Exercise(
    id="12.encode",
    title="Split a word that nobody has met",
    kind="code",
    points=2,
    name="encode",
    cases=encode_cases,
    mistakes=[
        encode_slip(
            "list-for-tuple",
            "list and tuple",
            "nothing is joined, and the bytes come back: is a slice of `ids`, a list, looked for "
            "among the merges? They are tuples, and a list is never equal to one",
            "What does `[1, 2] == (1, 2)` say?",
            "A slice of a list is a list, and a list is never equal to a tuple.",
            "`tuple(ids[i : i + 2])` may be in `merges`.",
        ),
        encode_slip(
            "first-met",
            "first met",
            "the first pair from the left that is a merge is joined, whenever it was learned",
            "Try `abc` with the merges (b, c), (a, b).",
            "What decides is when a merge was learned, not where it stands in the word.",
            "Look at all neighbours before you join, and take the one with the smallest number.",
        ),
        encode_slip(
            "last-met",
            "last met",
            "the last pair of the word that is a merge is joined, whenever it was learned",
            "Try `abc` with the merges (a, b), (b, c).",
            "What decides is when a merge was learned, not where it stands in the word.",
            "Look at all neighbours before you join, and take the one with the smallest number.",
        ),
        encode_slip(
            "one-sweep",
            "one sweep",
            "you go over the word once and join whatever is a merge on the way",
            "Try `abc` with the merges (b, c), (a, b).",
            "Repeat until no neighbours are a merge, and each time take what was learned first.",
            "Look at all neighbours before you join, and take the one with the smallest number.",
        ),
        encode_slip(
            "one-sweep-past-the-joined",
            "one sweep of twos",
            "you go over the word once, join what is a merge, and never ask what was joined again",
            "Try `abc` with the merges (b, c), (a, b).",
            "Repeat until no neighbours are a merge, and each time take what was learned first.",
            "Look at all neighbours before you join, and take the one with the smallest number.",
        ),
        encode_slip(
            "smallest-pair-first",
            "smallest pair",
            "the pair with the smallest ids goes first, not the one that was learned first",
            "Try `abc` with the merges (b, c), (a, b).",
            "`min` of pairs compares their ids; what decides is their place in `merges`.",
            "Compare by the number of the merge.",
        ),
        encode_slip(
            "as-many-rounds-as-merges",
            "as many rounds",
            "you join one place a round, for as many rounds as there are merges",
            "Try `abababab` with the single merge (a, b).",
            "Repeat until no neighbours are a merge.",
            "Let the search decide when it is over, not a count.",
        ),
        encode_slip(
            "list-shrinks-under-the-loop",
            "shrinks",
            "the list becomes shorter, and the loop goes on to where its end was",
            "Try `abc` with the merge (a, b).",
            "`range(len(…))` is worked out once, before the first turn.",
            "Take `while` with the length as it is now, or collect a new list.",
        ),
        encode_slip(
            "sweep-after-sweep",
            "sweeps",
            "you go over the word again and again, and join every merge that you meet on the way",
            "Try `abc` with the merges (b, c), (a, b).",
            "In each round only *one* merge is joined: the one that was learned first.",
            "Look at all neighbours before you join, and take the one with the smallest number.",
        ),
        Mistake(
            "longest-token",
            longest_first,
            {},
            "the longest token that fits is taken, from left to right",
            (
                "Try `abc` with the merges (b, c), (a, b), (257, c).",
                "WordPiece does it so. Byte-pair encoding repeats what training did.",
                "Begin with bytes, and join pair by pair in the order of learning.",
            ),
        ),
        Mistake(
            "fewest-tokens",
            fewest,
            {},
            "the way with the fewest tokens is taken",
            (
                "Try `abc` with the merges (b, c), (a, b), (257, c).",
                "Byte-pair encoding doesn't look for the shortest; it repeats what training did.",
                "Begin with bytes, and join pair by pair in the order of learning.",
            ),
        ),
        encoding(
            "last-learned-first",
            {"pick": max},
            "the merge that was learned last goes first",
            "Try `abc` with the merges (b, c), (a, b).",
            "The small numbers are those that were learned first.",
            "`min` and `max`: which one belongs here?",
        ),
        encoding_alone(
            "commonest-first",
            {"pick": commonest},
            "the merge that stands in the word most often goes first",
            "Try `ababcb` with the merges (b, c), (a, b).",
            "Counting belongs to training; here the order is settled.",
            "Take the one that was learned first.",
        ),
        encode_slip(
            "list-backwards",
            "backwards",
            "the merges are gone through from the last to the first",
            "Try `abc` with the merges (b, c), (a, b).",
            "Which merge was learned first?",
            "Begin at the head of the list.",
        ),
        encoding(
            "one-round",
            {"rounds": 1},
            "only one merge is joined, and then you stop",
            "Try `abc` with the merges (a, b), (256, c).",
            "Repeat until no neighbours are a merge.",
            "A loop around the search and the join, which ends when nothing is found.",
        ),
        encoding(
            "only-bytes-joined",
            {"known": 256},
            "what was joined is never joined again",
            "Try `abc` with the merges (a, b), (256, c).",
            "A merge may name a token that an earlier one made.",
            "Look at the neighbours anew after each join.",
        ),
        encoding(
            "first-place-only",
            {"join": first_only, "rounds": 1},
            "a single place is joined, once, and then you stop",
            "Try `abab` with the merge (a, b).",
            "Repeat until no neighbours are a merge.",
            "A loop around the search and the join, which ends when nothing is found.",
        ),
        encode_slip(
            "each-merge-at-one-place",
            "each once",
            "each merge is joined at one place of the word and then forgotten",
            "Try `abab` with the merge (a, b).",
            "A merge may stand in a word more than once.",
            "Go on with the same merge until it is nowhere left.",
        ),
        encoding_alone(
            "from-the-right",
            {"join": from_the_right},
            "in a run such as `aaa` the two on the right are joined",
            "Try `aaa` with the merge (a, a).",
            "The leftmost goes first.",
            "Join from left to right.",
        ),
        encoding_alone(
            "overlap-joined-twice",
            {"join": both_joined},
            "in a run such as `aaa` the middle one is joined with both of its neighbours",
            "Try `aaa` with the merge (a, a).",
            "What is joined is gone, and has a new neighbour.",
            "After joining, go on behind the pair.",
        ),
        encode_slip(
            "either-order",
            "either order",
            "a pair is joined in the other order, too",
            "Try `ba` with the merge (a, b).",
            "Which one of the two stands left makes a difference.",
            "Look for the pair as it is.",
        ),
        encode_slip(
            "word-cut-into-twos",
            "in pairs of two",
            "only pairs that begin at an even place are looked at",
            "Try `abc` with the merge (b, c).",
            "An id in the middle has a neighbour on each side.",
            "Go on by one place, not by two.",
        ),
        encode_slip(
            "nothing-to-choose-from",
            "no pairs",
            "your code stops with an error when a word has no two ids (left)",
            "Try a word of one letter, and an empty one.",
            "What does `min` do with nothing?",
            "Leave the loop when there are no neighbours.",
        ),
        encoding(
            "characters-for-bytes",
            {"base": ords},
            "a word begins as its characters, not as its bytes",
            "What does your code give for `é` without any merges?",
            "Characters above 127 are two, three or four bytes.",
            "`word.encode()` gives the bytes, and a list of them is a list of numbers.",
        ),
        encoding(
            "new-ids-from-0",
            {"first": 0},
            "the number of the merge is written, without the 256 before it",
            "Try `ab` with the merge (a, b).",
            "0 to 255 are the bytes.",
            "Number `i` makes the token 256 + i.",
        ),
        encoding_alone(
            "new-ids-from-255",
            {"first": 255},
            "the first merge makes 255, which is a byte",
            "Try `ab` with the merge (a, b).",
            "0 to 255 are the bytes.",
            "Number `i` makes the token 256 + i.",
        ),
        encode_slip(
            "learned-last-goes-first",
            "learned last",
            "of all pairs that are known the one that was learned *last* is joined",
            "Which of two pairs is the older one, that with the smaller number or with the larger?",
            "`min` and `max` of the numbers give different words.",
            "The smallest number goes first.",
        ),
        encoding_alone(
            "new-ids-from-257",
            {"first": 257},
            "the first merge makes 257",
            "Try `ab` with the merge (a, b).",
            "Merges are counted from 0.",
            "Number `i` makes the token 256 + i.",
        ),
        encode_slip(
            "index-of-no-merge",
            "index",
            "`merges.index` stops with an error at neighbours that are no merge",
            "Try `ab` without any merges.",
            "Most neighbours are no merge.",
            "Ask only those that are: a dictionary from pair to number knows which.",
        ),
        encode_slip(
            "texts-not-ids",
            "texts",
            "the tokens are returned as texts, not as ids",
            "Print what you return beside the text's.",
            "The text asks for a list of ids.",
            "Leave the bytes as numbers, and write 256 + i for merge i.",
        ),
    ],
    hints=(
        "Try `abc` with the merges (b, c), (a, b), (257, c), by hand and with your code.",
        "Go through the second point word by word: which pair, at which place, and how often.",
        "A loop: which neighbours are merges? None: done. Else join the one with the smallest "
        "number.",
    ),
    bans=("BytePairEncoding",),
    allows=Edges(
        sizes=(0, 1, 2),
        labels=(
            "not English",
            "no merges",
            "one byte",
            "empty word",
            "run of five",
            "no merge fits",
        ),
    ),
    also_right=[encode_in_order, encode_leftmost],
)


# --- 12.decode ------------------------------------------------------------------------------


def merges_for(text, most=40):
    return wrong_learn({text: 1}, most)


def decode_cases(generator):
    def spelt(label, text, merges=()):
        return case(label, wrong_encode(text, merges), list(merges))

    def drawn(label, letters, n=12):
        text = "".join(letters[i] for i in numbers(generator, 0, len(letters), n))
        return spelt(label, text, merges_for(text, 6))

    low, other = numbers(generator, 97, 123, 2)
    nested = [(low, other), (256, 32), (257, 256), (32, 258)]
    return [
        drawn("bytes and tokens of English", "the cat "),
        case("tokens made of tokens", [258, 257, low, 259, 256], nested),
        case("a merge of different sides", [256, low, 257], [(low, 126), (256, 33)]),
        spelt("accents, byte by byte", "été à la crème"),
        drawn("Japanese, in tokens that cut characters", "日本語は難しい"),
        spelt("Japanese, byte by byte", "東京"),
        spelt("an emoji, byte by byte", "a🙂b"),
        case("a character over two tokens", [256, 257, 98], [(240, 159), (153, 130)]),
        case("half a character, then a letter", [195, 98, 99], []),
        case("half a character at the end", [97, 230, 151], []),
        case("half a character at the beginning", [169, 97], []),
        case("no UTF-8 at all", [255, 254, 98, 128, 128], []),
        case("no UTF-8, in tokens", [256, 98, 257, 195, 169], [(195, 40), (98, 192)]),
        case("a character that nothing needs so long", [192, 175, 97], []),
        case("half of a pair, which is no UTF-8", [237, 160, 189, 97], []),
        spelt("spaces and line ends", "  two \n\r\n\tlines  \n "),
        spelt("signs between words", "\ufeffmark, \u200bnone, \xa0\x00zero"),
        spelt("a replaced sign in the text itself", "a\ufffdb"),
        spelt("letters and accents apart", "e\u0301 is not \xe9"),
        case("a single byte", [low], nested),
        case("no ids", [], nested),
        case("no merges", [104, 105], []),
    ]


def whole(data):
    return data.decode("utf-8", errors="replace")


def wrong_decode(ids, merges, *, alone=False, errors="replace", build=texts_of, glue="", after=str):
    tokens = build(merges)
    parts = [tokens[i] for i in ids]
    if alone:
        return after(glue.join(part.decode("utf-8", errors) for part in parts))
    return after(glue.encode().join(parts).decode("utf-8", errors))


def tokens_turned(merges):
    tokens = [bytes([b]) for b in range(256)]
    for left, right in merges:
        tokens.append(tokens[right] + tokens[left])
    return tokens


def tokens_of_bytes(merges):
    """Each merge from its two sides as one byte each: what lies above 255 counts as nothing."""
    tokens = [bytes([b]) for b in range(256)]
    return tokens + [b"".join(tokens[i] for i in pair if i < 256) for pair in merges]


def slipped_decode(ids, merges, *, slip):
    data = b"".join(texts_of(merges)[i] for i in ids)
    if slip == "latin":
        return data.decode("latin-1")
    if slip == "ascii":
        return data.decode("ascii", errors="replace")
    if slip == "chr":
        tokens = [chr(b) for b in range(256)]
        for left, right in merges:
            tokens.append(tokens[left] + tokens[right])
        return "".join(tokens[i] for i in ids)
    if slip == "bytes signs":
        return whole(data).encode("unicode_escape").decode()
    if slip == "asked":
        return whole(data).replace("\ufffd", "?")
    if slip == "once a run":
        out = []
        for sign in whole(data):
            out += [] if out and sign == "\ufffd" == out[-1] else [sign]
        return "".join(out)
    if slip == "tail":
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            return data[: error.start].decode()
    if slip == "one for all":
        try:
            return data.decode()
        except UnicodeDecodeError:
            return "\ufffd"
    if slip == "every byte":
        text = data.decode("utf-8", errors="surrogateescape")
        return "".join("\ufffd" if "\udc80" <= sign <= "\udcff" else sign for sign in text)
    if slip == "nothing where wrong":
        try:
            return data.decode()
        except UnicodeDecodeError:
            return ""
    if slip == "a sign a token":
        parts = [texts_of(merges)[i].decode(errors="replace") for i in ids]
        return "".join("\ufffd" if "\ufffd" in part else part for part in parts)
    if slip == "str":
        return str(data)
    if slip == "ids as bytes":
        return whole(bytes(ids))
    if slip == "taken out":
        return whole(data).replace("\ufffd", "")
    if slip == "latin where wrong":
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("latin-1")
    if slip == "in letters":
        return [*whole(data)]
    if slip == "merges skipped":
        return whole(bytes(i for i in ids if i < 256))
    return "".join(reversed(whole(data)))


def decode_by_unfolding(ids, merges):
    """Right: ids taken apart until only bytes are left."""
    left, data = list(ids)[::-1], bytearray()
    while left:
        i = left.pop()
        if i < 256:
            data.append(i)
        else:
            left += [*merges[i - 256]][::-1]
    return str(data, "utf-8", "replace")


def decode_by_itself(ids, merges):
    def flat(i):
        return [i] if i < 256 else flat(merges[i - 256][0]) + flat(merges[i - 256][1])

    return bytes([b for i in ids for b in flat(i)]).decode(errors="replace")


decoding = told_of(wrong_decode)


def lone_decode(ids, merges, *, flags):
    """Mistakes that are not tried in pairs."""
    return wrong_decode(ids, merges, **flags)


decoding_alone = told_of(lone_decode, "flags")


decode_slip = told_of(slipped_decode, "slip")


VANISHED = (
    "Try the ids [97, 255, 98] without merges. What stands between a and b?",
    "Nothing vanishes: what is no UTF-8 is shown as a sign.",
    "Look up what `errors=` may be. One of its values writes U+FFFD.",
)
DECODE = Exercise(
    id="12.decode",
    title="Half a letter is no letter",
    kind="bug",
    points=2,
    name="decode",
    cases=decode_cases,
    mistakes=[
        decoding(
            "each-token-alone",
            {"alone": True},
            "each token is turned into text by itself: letters spread over two tokens are lost",
            "Try the ids [195, 169] without merges.",
            "One of two tokens may hold half a letter, which is no text.",
            "Put all bytes together first, then decode once.",
        ),
        decode_slip(
            "a-sign-a-token",
            "a sign a token",
            "each token is turned into text by itself, and is a single U+FFFD where that fails",
            "Try the ids [195, 169] without merges.",
            "One of two tokens may hold half a letter, which is no text.",
            "Put all bytes together first, then decode once.",
        ),
        decoding(
            "bad-bytes-vanish",
            {"errors": "ignore"},
            "bytes that are no UTF-8 vanish without a trace",
            *VANISHED,
        ),
        decoding_alone(
            "bad-bytes-crash",
            {"errors": "strict"},
            "your code stops with an error at bytes that are no UTF-8",
            *VANISHED,
        ),
        decoding_alone(
            "bad-bytes-escaped",
            {"errors": "backslashreplace"},
            "bytes that are no UTF-8 are written as `\\xff`, not as U+FFFD",
            *VANISHED,
        ),
        decoding_alone(
            "bad-bytes-smuggled",
            {"errors": "surrogateescape"},
            "bytes that are no UTF-8 become surrogates, which no file or screen takes",
            *VANISHED,
        ),
        decode_slip(
            "question-marks",
            "asked",
            "a question mark stands where U+FFFD should",
            *VANISHED,
        ),
        decode_slip(
            "one-sign-a-run",
            "once a run",
            "several U+FFFD in a row become one",
            "Try the ids [255, 255] without merges.",
            'The text says: as Python\'s `errors="replace"` writes it.',
            "Leave the signs as `decode` makes them.",
        ),
        decode_slip(
            "one-sign-a-byte",
            "every byte",
            "each bad byte becomes a U+FFFD; Python writes one for the begun letter that was cut "
            "off",
            "Try the ids [97, 230, 151] without merges, and compare with `bytes.decode`.",
            'The text says: as Python\'s `errors="replace"` writes it.',
            "Let `decode` write the signs.",
        ),
        decode_slip(
            "cut-at-the-first-bad-byte",
            "tail",
            "the text ends at the first byte that is no UTF-8",
            *VANISHED,
        ),
        decode_slip(
            "all-or-nothing",
            "one for all",
            "one bad byte turns the whole text into a single U+FFFD",
            *VANISHED,
        ),
        decode_slip(
            "nothing-where-bad",
            "nothing where wrong",
            "one bad byte turns the whole text into nothing",
            *VANISHED,
        ),
        decode_slip(
            "signs-taken-out",
            "taken out",
            "every U+FFFD is taken out again, even one that the text itself holds",
            *VANISHED,
        ),
        decode_slip(
            "bytes-shown",
            "str",
            "`str` of bytes shows them as code would write them: b'…'",
            "Print the result for [104, 105].",
            "Bytes become text by decoding.",
            "`.decode`, not `str(…)` alone.",
        ),
        decode_slip(
            "ids-as-bytes",
            "ids as bytes",
            "the ids are taken for bytes: 256 and above are none, and your code stops",
            "Try the id [256] with the merge (97, 98).",
            "A token above 255 is several bytes.",
            "Look each id up in `tokens`.",
        ),
        decode_slip(
            "latin-1",
            "latin",
            "bytes are read as Latin-1: each becomes a character of its own",
            "Try the ids [195, 169] without merges.",
            "The bytes were made by UTF-8.",
            "Decode with UTF-8.",
        ),
        decode_slip(
            "latin-1-where-bad",
            "latin where wrong",
            "the whole text is read as Latin-1 as soon as a byte is no UTF-8",
            *VANISHED,
        ),
        decode_slip(
            "ascii",
            "ascii",
            "bytes are read as ASCII: all above 127 are lost",
            "Try the ids [195, 169] without merges.",
            "The bytes were made by UTF-8.",
            "Decode with UTF-8.",
        ),
        decode_slip(
            "merges-skipped",
            "merges skipped",
            "ids above 255 are left out",
            "Try the id [256] with the merge (97, 98).",
            "A merged token is the bytes of its left and of its right.",
            "Keep the loop that makes the tokens.",
        ),
        decoding_alone(
            "right-before-left",
            {"build": tokens_turned},
            "in a merged token the right half stands before the left",
            "Try the id [256] with the merge (97, 98).",
            "A merged token is the bytes of its left, then of its right.",
            "Look at the order of the sum.",
        ),
        decoding_alone(
            "merges-of-bytes-only",
            {"build": tokens_of_bytes},
            "a merge that names another merged token loses it",
            "Try the id [257] with the merges (97, 98), (256, 99).",
            "A merge may name a token that an earlier one made.",
            "Look up left and right in the list of tokens made so far.",
        ),
        decoding_alone(
            "spaces-between-tokens",
            {"glue": " "},
            "a space is put between the tokens",
            "Try the ids [97, 98] without merges.",
            "The spaces of a text are bytes like any other.",
            "Join with nothing between.",
        ),
        decoding_alone(
            "stripped",
            {"after": str.strip},
            "spaces and line ends at both ends of the text are taken off",
            "Try the ids [32, 97, 10] without merges.",
            "Every other text comes back exactly.",
            "Leave `strip` out.",
        ),
        decoding_alone(
            "line-ends-changed",
            {"after": lambda text: "\n".join(text.splitlines())},
            "line ends are replaced, and the last one is lost",
            "Try the ids [97, 13, 10] without merges.",
            "Every other text comes back exactly.",
            "Touch nothing after decoding.",
        ),
        decoding_alone(
            "normalised",
            {"after": partial(unicodedata.normalize, "NFC")},
            "letters and their accents are put together, which changes the text",
            "Try the text e, then U+0301, and count its characters.",
            "Every other text comes back exactly.",
            "Touch nothing after decoding.",
        ),
        decoding_alone(
            "mark-removed",
            {"after": lambda text: text.removeprefix("\ufeff")},
            "a byte order mark at the beginning is taken off, as `utf-8-sig` does",
            "Try the text that begins with U+FEFF.",
            "Every other text comes back exactly.",
            "Decode with `utf-8`.",
        ),
        decode_slip(
            "list-of-letters",
            "in letters",
            "a list of characters is returned, not a text",
            "What is the type of what you return?",
            "The text asks for one text.",
            "Join the characters.",
        ),
        decode_slip(
            "escaped",
            "bytes signs",
            "signs that are no English letters are written as `\\u65e5` and the like",
            "Print the result for [195, 169].",
            "The text asks for the characters themselves.",
            "`str(…)`, `repr` and `unicode_escape` show bytes; `decode` reads them.",
        ),
    ],
    hints=(
        "Try [195, 169], then [97, 255, 98], both without merges. What comes out of each line?",
        "A letter may be spread over several tokens: at which moment are its bytes all there?",
        "All bytes together first; then one `decode`, told what to write for bytes that are no "
        "UTF-8.",
    ),
    allows=Edges(
        sizes=(0, 1, 2),
        labels=(
            "over two tokens",
            "at the end",
            "at the beginning",
            "no UTF-8",
            "emoji",
            "line ends",
            "no merges",
            "no ids",
            "made of tokens",
        ),
    ),
    also_right=[decode_by_unfolding, decode_by_itself],
)


# --- 12.cost --------------------------------------------------------------------------------


def price_cases(generator, per_character):
    def text(label, characters, bytes_per_token, english):
        return case(label, characters, bytes_per_token, english)

    some = number(generator, 3, 40)
    return [
        text("nothing left over", 5 * number(generator, 7, 20), 5, number(generator, 20, 30)),
        text("a token that is not full", 77 + 5 * some, 5, number(generator, 20, 30)),
        text("one byte left over", 7 * some - per_character + 1, 7, number(generator, 31, 60)),
        text("a byte a token", number(generator, 30, 90), 1, number(generator, 5, 29)),
        text("as many tokens as in English", 28, 4, 7 * per_character),
        text("fewer tokens than in English", 11 + some, 6, 600 + some),
        text("a long text", 4011 + some, 4, 1009),
        text("a single character", 1, 5, 1),
        text("one byte left over of long tokens", 7, 7 * per_character - 1, 3),
        text("half a token left over", 5, 2 * per_character, 2),
        text("a hundred thousand tokens", 100_000, 2, 30_011),
    ]


def wrong_price(
    characters,
    bytes_per_token,
    english,
    *,
    per_character,
    n_bytes=None,
    up=True,
    power=2,
    whole_times=False,
    causal=False,
    turn=False,
    shift=0,
    of="tokens",
    tokens=None,
):
    total = n_bytes(characters, bytes_per_token) if n_bytes else characters * per_character
    count = -(-total // bytes_per_token) if up is True else up_by(total, bytes_per_token, up)
    count = tokens(characters, bytes_per_token) if tokens else count
    ours, theirs = {"tokens": count, "bytes": total, "characters": characters}[of], english
    if causal:
        times = ours * (ours + 1) / (theirs * (theirs + 1))
    else:
        times = (theirs / ours if turn else ours / theirs) ** power
    return total, count, (math.floor(times) if whole_times else times + shift)


def up_by(total, size, how):
    if how == "round":
        return round(total / size)
    if how == "half up":
        return math.floor(total / size + 0.5)
    return {"down": total // size, "exact": total / size, "one more": total // size + 1}[how]


def slipped_price(characters, bytes_per_token, english, *, per_character, slip):
    """Mistakes that are not tried in pairs."""
    n_bytes, tokens, times = wrong_price(
        characters, bytes_per_token, english, per_character=per_character
    )
    each = characters * -(-per_character // bytes_per_token)
    return {
        "english once": (n_bytes, tokens, tokens**2 / english),
        "difference": (n_bytes, tokens, tokens**2 - english**2),
        "alone": (n_bytes, tokens, tokens**2),
        "of fractions": (n_bytes, tokens, (n_bytes / bytes_per_token / english) ** 2),
        "multiplied": (
            n_bytes,
            n_bytes * bytes_per_token,
            (n_bytes * bytes_per_token / english) ** 2,
        ),
        "tokens first": (tokens, n_bytes, times),
        "doubled": (n_bytes, tokens, 2 * tokens / english),
        "two places": (n_bytes, tokens, round(times, 2)),
        "one place": (n_bytes, tokens, round(times, 1)),
        "to whole": (n_bytes, tokens, round(times)),
        "whole before": (n_bytes, tokens, (tokens // english) ** 2),
        "a character each": (n_bytes, each, (each / english) ** 2),
    }[slip]


price_slip = told_of(slipped_price, "slip")


def price_of_characters(characters, bytes_per_token, english, *, per_character):
    """Right: bytes handed out token by token."""
    n_bytes = sum(per_character for _ in range(characters))
    tokens = len(range(0, n_bytes, bytes_per_token))
    return n_bytes, tokens, tokens * tokens / (english * english)


def price_by_ceil(characters, bytes_per_token, english, *, per_character):
    n_bytes = per_character * characters
    tokens = math.ceil(n_bytes / bytes_per_token)
    return [n_bytes, tokens, math.pow(tokens / english, 2)]


pricing = told_of(wrong_price)


PRICE = Exercise(
    id="12.cost",
    title="The price of a language",
    kind="predict",
    points=1,
    name="language_cost",
    cases=price_cases,
    any_sequence=True,
    choices={"per_character": (3, 2, 4)},
    mistakes=[
        pricing(
            "characters-for-bytes",
            {"n_bytes": lambda characters, _: characters},
            "each character is counted as one byte",
            "How many bytes has one character of this script?",
            "Your text names the number of bytes a character.",
            "Multiply the characters by it.",
        ),
        pricing(
            "times-bytes-a-token",
            {"n_bytes": lambda characters, size: characters * size},
            "the bytes are counted as characters times `bytes_per_token`",
            "How many bytes has one character of this script?",
            "`bytes_per_token` says how long a token is, not how long a character is.",
            "The bytes don't depend on the tokenizer.",
        ),
        pricing(
            "rounded-down",
            {"up": "down"},
            "the last token, which is not full, is left out",
            "How many tokens do 11 bytes make, at 5 bytes each?",
            "What is left over is a token, too.",
            "Round up.",
        ),
        pricing(
            "rounded-to-the-nearest",
            {"up": "round"},
            "the number of tokens is rounded to the nearest whole number",
            "How many tokens do 11 bytes make, at 5 bytes each?",
            "What is left over is a token, too, however short.",
            "Round up.",
        ),
        pricing(
            "rounded-to-the-nearest-half-up",
            {"up": "half up"},
            "the number of tokens is rounded to the nearest whole number",
            "How many tokens do 11 bytes make, at 5 bytes each?",
            "What is left over is a token, too, however short.",
            "Round up.",
        ),
        pricing(
            "not-rounded",
            {"up": "exact"},
            "the number of tokens is no whole number",
            "How many tokens do 11 bytes make, at 5 bytes each?",
            "A token is there or not.",
            "Round up, and return an int.",
        ),
        pricing(
            "always-one-more",
            {"up": "one more"},
            "there is one token too many where nothing is left over",
            "How many tokens do 10 bytes make, at 5 bytes each?",
            "A last token of no bytes is no token.",
            "Round up; `// + 1` is something else.",
        ),
        pricing(
            "characters-per-token",
            {"tokens": lambda characters, size: -(-characters // size)},
            "the tokens are counted as if each held `bytes_per_token` characters",
            "How many tokens does one character make, at one byte a token?",
            "A token is measured in bytes.",
            "Divide the bytes.",
        ),
        pricing(
            "a-token-a-character",
            {"tokens": lambda characters, _: characters},
            "each character is counted as a token",
            "How many tokens do 11 bytes make, at 5 bytes each?",
            "How many bytes does a token hold here?",
            "Divide the bytes by `bytes_per_token`, and round up.",
        ),
        pricing(
            "not-squared",
            {"power": 1},
            "the weights are counted as growing like the tokens",
            "Twice as many tokens: how many entries has the table of weights?",
            "Every token looks at every token.",
            "n tokens have n · n weights.",
        ),
        pricing(
            "cubed",
            {"power": 3},
            "the third power is taken",
            "Twice as many tokens: how many entries has the table of weights?",
            "The table has two sides.",
            "n tokens have n · n weights.",
        ),
        pricing(
            "other-way-round",
            {"turn": True},
            "the English text is divided by the other one",
            "Twice as many tokens: is your number above 1, or below?",
            "How many times as many does *it* need as the English text?",
            "Turn the fraction round.",
        ),
        pricing(
            "how-many-more",
            {"shift": -1},
            "one is taken off: you say how many times *more*",
            "For two texts of equally many tokens, what do you say?",
            "As many is once as many.",
            "Return the ratio itself.",
        ),
        pricing(
            "ratio-cut-off",
            {"whole_times": True},
            "the ratio is cut to a whole number",
            "Is the ratio of 5 to 3 a whole number?",
            "`//` and `int` cut off.",
            "Divide with `/`.",
        ),
        price_slip(
            "english-not-squared",
            "english once",
            "your tokens are squared, the English ones are not",
            "For two texts of equally many tokens, what do you say?",
            "Both texts have a table of weights.",
            "Divide table by table.",
        ),
        price_slip(
            "difference",
            "difference",
            "you say how many weights more, not how many times as many",
            "For two texts of equally many tokens, what do you say?",
            "As many is once as many.",
            "Divide, don't subtract.",
        ),
        price_slip(
            "not-compared",
            "alone",
            "the weights of this text are returned, not compared with the English ones",
            "For two texts of equally many tokens, what do you say?",
            "How many times as many as for the English text?",
            "Divide by the weights of the English text.",
        ),
        price_slip(
            "ratio-of-fractions",
            "of fractions",
            "the ratio is worked out with tokens that were not rounded",
            "Is there half a row in a table of weights?",
            "Attention sees whole tokens.",
            "Use your second number.",
        ),
        price_slip(
            "multiplied",
            "multiplied",
            "bytes are multiplied by `bytes_per_token`, not divided",
            "How many tokens do 10 bytes make, at 5 bytes each?",
            "Longer tokens are fewer.",
            "Divide, and round up.",
        ),
        price_slip(
            "tokens-first",
            "tokens first",
            "bytes and tokens have changed places",
            "Which of your numbers comes first?",
            "The text numbers them.",
            "Bytes, tokens, times.",
        ),
        *(
            price_slip(
                f"rounded-{name}",
                slip,
                f"the third number is rounded to {told}",
                "How many places has your third number?",
                "The text asks for whole numbers in the first point and the second only.",
                "Return the ratio as it is, without `round`.",
            )
            for name, slip, told in (
                ("twice", "two places", "two places"),
                ("once", "one place", "one place"),
                ("whole", "to whole", "a whole number"),
            )
        ),
        price_slip(
            "cut-before-squaring",
            "whole before",
            "the ratio of the tokens is cut to a whole number before it is squared",
            "Is the ratio of 5 to 3 a whole number?",
            "`//` cuts off what is behind the point.",
            "Divide with `/`.",
        ),
        price_slip(
            "each-character-by-itself",
            "a character each",
            "each character gets tokens of its own, rounded up",
            "How many tokens do 2 characters of 3 bytes make, at 6 bytes each?",
            "A token may hold bytes of several characters.",
            "Divide all bytes at once, and round up at the end.",
        ),
        price_slip(
            "doubled",
            "doubled",
            "the ratio is doubled, not squared",
            "For two texts of equally many tokens, what do you say?",
            "Every token looks at every token.",
            "n tokens have n · n weights.",
        ),
        pricing(
            "causal",
            {"causal": True},
            "only weights of earlier tokens are counted, as under a causal mask",
            "Who looks at whom, by the third point?",
            "Every token looks at every token, at those behind it as well.",
            "n tokens have n · n weights.",
        ),
        pricing(
            "ratio-of-bytes",
            {"of": "bytes"},
            "bytes are compared with English tokens",
            "Between what does attention compute its weights?",
            "It sees tokens and knows nothing of bytes.",
            "Use your second number.",
        ),
        pricing(
            "ratio-of-characters",
            {"of": "characters"},
            "characters are compared with English tokens",
            "Between what does attention compute its weights?",
            "It sees tokens and knows nothing of characters.",
            "Use your second number.",
        ),
    ],
    hints=(
        "Take 4 characters and 5 bytes a token, and count bytes and tokens on paper.",
        "Three numbers, each from the one before: bytes, tokens, weights.",
        "Multiply, divide and round up, then compare two square tables.",
    ),
    allows=Edges(sizes=(1, 5, 100_000), labels=("left over", "as many", "fewer")),
    also_right=[price_of_characters, price_by_ceil],
)


# --- 12.round-trip --------------------------------------------------------------------------


def utf8(text):
    return list(text.encode("utf-8", "surrogatepass"))


def copied(text):
    """An equal text that is another object, as what comes back from a tokenizer is."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")


def trip(label, texts, change=lambda text: text, vocab_size=256, ids=None):
    ids = [utf8(text) for text in texts] if ids is None else ids
    decoded = [copied(change(text)) for text in texts]
    return case(label, list(texts), ids, decoded, vocab_size)


def trip_of(label, texts, decoded):
    ids = [utf8(text) for text in texts]
    return case(label, list(texts), ids, [*map(copied, decoded)], 256)


def trip_cases(generator):
    words = ["The", "animal", "didn't", "cross", "it", "was", "too", "tired", "wide"]

    def drawn(n=3):
        return [
            " ".join(words[i] for i in numbers(generator, 0, len(words), 4)) + f" {i}"
            for i in range(n)
        ]

    def lost(label, text, change, at=1):
        texts = drawn()
        texts[at] = text
        assert change(text) != text
        return trip(f"a text came back otherwise: {label}", texts, change)

    def with_ids(label, ids, vocab_size):
        return trip(label, drawn(len(ids)), ids=ids, vocab_size=vocab_size)

    some, top = drawn(), number(generator, 300, 400)
    low = numbers(generator, 0, 256, 5)
    kept = [
        "",
        " two  spaces ",
        "e\u0301 and \xe9",
        "a\r\nb\n",
        "日本 🙂",
        "\ufeffx\u200b\x00",
        "A a",
    ]
    return [
        trip("nothing lost", some),
        trip("nothing lost of rarer texts", kept),
        trip("nothing lost, one text alone", some[:1]),
        trip("no texts", []),
        trip("an empty text", [""]),
        trip("the same text twice", [some[0], some[0]]),
        trip("an id kept for the sign that stands for loss", ["a\ufffdb"]),
        lost("another case", "The Animal", str.lower),
        lost("another case beyond English", "STRASSE, Straße", str.casefold, 0),
        lost("with a capital", "it was", str.capitalize, 2),
        lost("a space at the beginning", " too tired", str.strip),
        lost("a space at the end", "too tired ", str.rstrip, 2),
        lost("two spaces in the middle", "too  tired", lambda text: " ".join(text.split()), 0),
        lost("all spaces", "it was too", lambda text: text.replace(" ", "")),
        lost("a space more", "it was", lambda text: f" {text}", 0),
        lost("a tab", "too\ttired", lambda text: text.replace("\t", " ")),
        lost("a space that does not break", "10\xa0km", lambda text: text.replace("\xa0", " ")),
        lost("Windows' line ends", "one\r\ntwo", lambda text: text.replace("\r\n", "\n")),
        lost("the last line end", "one\ntwo\n", lambda text: text.removesuffix("\n"), 2),
        lost("an accent put on its letter", "cafe\u0301", partial(unicodedata.normalize, "NFC")),
        lost("an accent taken off its letter", "café", partial(unicodedata.normalize, "NFD")),
        lost("a ligature undone", "ﬁne", partial(unicodedata.normalize, "NFKC")),
        lost("without an accent", "café", lambda text: text.replace("é", "e")),
        lost("without an emoji", "tired 🙂", lambda text: text.replace("🙂", "")),
        lost("an emoji, replaced", "tired 🙂", lambda text: text.replace("🙂", "\ufffd"), 0),
        lost("an emoji's colour", "👍🏽", lambda text: text[:1]),
        lost("a sign that is not seen", "a\u200bb", lambda text: text.replace("\u200b", "")),
        lost("other quotes", "didn’t", lambda text: text.replace("’", "'"), 2),
        lost("two letters changed places", "it was", lambda text: text[::-1]),
        lost("one letter is another", "tired", lambda text: text.replace("d", "t")),
        lost(
            "one letter of a long text is another",
            "wide " * 400,
            lambda text: f"{text[:999]}W{text[1000:]}",
        ),
        lost("a mark at the beginning", "\ufeffit was", lambda text: text.removeprefix("\ufeff")),
        lost("a zero at the end", "it was\0", lambda text: text.rstrip("\0"), 2),
        lost("the end of a long text", "wide " * 40, lambda text: text[:150], 2),
        lost("nothing is left of it", "wide", lambda text: "", 0),
        lost("empty before, a space now", "", lambda text: text or " "),
        trip_of(
            "a letter went to the next text", ["it was", "too", some[0]], ["it wa", "stoo", some[0]]
        ),
        trip_of("a word went to the next text", ["it was", "too"], ["it", "was too"]),
        trip_of("a line went to the next text", ["it\nwas", "too"], ["it", "was\ntoo"]),
        lost("an unknown word", "cross it", lambda text: text.replace("cross", "<unk>")),
        trip_of("two texts came back exchanged", some, [*some[1::-1], some[2]]),
        trip_of("every text came back in capitals", some, map(str.upper, some)),
        trip_of("one text twice, another not", [some[0], some[0], some[1]], [*some[:2], some[1]]),
        trip_of("one text twice, lost the first time", [some[0]] * 2, [some[0].upper(), some[0]]),
        trip_of("a text did not come back", some, some[:2]),
        case("a text and its ids are missing", some, [utf8(t) for t in some[:2]], some[:2], 256),
        case(
            "one text, and the ids and texts of two came back",
            some[:1],
            [utf8(t) for t in some[:2]],
            some[:2],
            256,
        ),
        trip_of("a text more came back", some, [*some, "more"]),
        case("ids of one text are missing", some, [utf8(t) for t in some[:2]], some, 256),
        case("ids of one more text than there is", some, [utf8(t) for t in [*some, ""]], some, 256),
        with_ids("the largest id that there is", [[1, top - 1], low], top),
        with_ids("the smallest id that there is", [[0, 5], low], top),
        with_ids("an id just outside", [low, [1, top]], top),
        with_ids("an id far outside", [[1, 5 * top, 2], low], top),
        with_ids("a text of ids outside", [low, [top, top + 7]], top),
        with_ids("an id below 0", [low, low, [4, -1, 2]], top),
        with_ids("an id outside in the first place", [[top, 1, 2], low], top),
        with_ids("a vocabulary of one, all ids are 0", [[0], [0, 0]], 1),
        with_ids("the largest id of a larger vocabulary", [[50256, 7], low], 50257),
    ]


def wrong_trip(
    texts,
    ids,
    decoded,
    vocab_size,
    *,
    see=lambda text: text,
    rows=None,
    inside=lambda row, size: all(0 <= i < size for i in row),
    combine=all,
    lengths=(True, True),
):
    """The right test, with what can go wrong in it."""
    if (lengths[0] and len(decoded) != len(texts)) or (lengths[1] and len(ids) != len(texts)):
        return False
    pairs = list(zip(texts, decoded, strict=False))
    pairs = pairs if rows is None else pairs[rows]
    same = [see(text) == see(back) for text, back in pairs]
    fits = [inside(row, vocab_size) for row in ids]
    return (combine(same) if same else True) and all(fits)


def slipped_trip(texts, ids, decoded, vocab_size, *, slip):
    right = wrong_trip(texts, ids, decoded, vocab_size)
    inside = all(0 <= i < vocab_size for row in ids for i in row)
    if slip == "turned":
        return not right
    if slip == "texts alone":
        return decoded == texts
    if slip == "too large by one, or below 0":
        return (
            decoded == texts
            and len(ids) == len(texts)
            and all(i <= vocab_size for row in ids for i in row)
        )
    if slip == "max of nothing":
        same = decoded == texts and len(ids) == len(texts)
        return same and max(max(row) for row in ids) < vocab_size and min(map(min, ids)) >= 0
    if slip == "max of each":
        same = decoded == texts and len(ids) == len(texts)
        return same and all(max(row) < vocab_size and min(row) >= 0 for row in ids)
    if slip == "max of all":
        flat, same = [i for row in ids for i in row], decoded == texts and len(ids) == len(texts)
        return same and max(flat) < vocab_size and min(flat) >= 0
    if slip == "last turn":
        same = len(texts) == len(ids) == len(decoded)
        for text, row, back in zip(texts, ids, decoded, strict=False):
            same = text == back and all(0 <= i < vocab_size for i in row)
        return same
    if slip == "letter by letter":
        pairs = [
            both for rows in zip(texts, decoded, strict=False) for both in zip(*rows, strict=False)
        ]
        same = len(texts) == len(ids) == len(decoded) and all(a == b for a, b in pairs)
        return same and inside
    if slip == "not nested":
        return decoded == texts and len(ids) == len(texts) and all(0 <= i < vocab_size for i in ids)
    if slip == "not nested, in range":
        same = decoded == texts and len(ids) == len(texts)
        return same and all(i in range(vocab_size) for i in ids)
    if slip == "one each":
        rows = zip(texts, ids, decoded, strict=False)
        return [a == b and all(0 <= i < vocab_size for i in row) for a, row, b in rows]
    if slip == "strict":
        rows = zip(texts, decoded, ids, strict=True)
        return all(a == b and all(0 <= i < vocab_size for i in row) for a, b, row in rows)
    if slip == "assert":
        assert decoded == texts
        return right
    if slip == "shortest turn":
        for text, row, back in zip(texts, ids, decoded, strict=False):
            return text == back and all(0 <= i < vocab_size for i in row)
        return True
    if slip == "any order":
        return sorted(texts) == sorted(decoded) and len(ids) == len(texts) and inside
    if slip == "as a set":
        return set(texts) == set(decoded) and len(ids) == len(texts) and inside
    if slip == "in one":
        return "".join(texts) == "".join(decoded) and len(ids) == len(texts) and inside
    if slip == "lengths":
        return [*map(len, texts)] == [*map(len, decoded)] and len(ids) == len(texts) and inside
    if slip == "empty fails":
        return right and all(row and text for row, text in zip(ids, texts, strict=True))
    if slip == "none fails":
        return right and len(texts) > 0
    if slip == "as ids":
        return [utf8(text) for text in decoded] == ids and inside
    if slip == "utf-8 of bytes":
        return right and all(i < 256 for row in ids for i in row)
    if slip == "either":
        return (decoded == texts and len(ids) == len(texts)) or inside
    if slip == "mark is loss":
        return right and not any("\ufffd" in text for text in decoded)
    if slip == "unknown only":
        signs = ("\ufffd", "<unk>", "[UNK]")
        return inside and not any(sign in text for text in decoded for sign in signs)
    if slip == "substring":
        pairs = zip(texts, decoded, strict=False)
        same = all(text in back for text, back in pairs)
        return same and len(texts) == len(ids) == len(decoded) and inside
    # "first turn": the loop over the texts returns in its first turn
    if not len(texts) == len(ids) == len(decoded):
        return False
    for text, row, back in zip(texts, ids, decoded, strict=True):
        return text == back and all(0 <= i < vocab_size for i in row)
    return True


def trip_by_loop(texts, ids, decoded, vocab_size):
    if not len(texts) == len(ids) == len(decoded):
        return False
    for text, row, back in zip(texts, ids, decoded, strict=True):
        if text != back or any(i not in range(vocab_size) for i in row):
            return False
    return True


def trip_by_bytes(texts, ids, decoded, vocab_size):
    flat = [i for row in ids for i in row] or [0]
    sizes = {len(texts), len(ids), len(decoded)}
    wide = [[text.encode("utf-32", "surrogatepass") for text in each] for each in (texts, decoded)]
    return len(sizes) == 1 and wide[0] == wide[1] and min(flat) >= 0 and max(flat) < vocab_size


lenient = told_of(wrong_trip)


def lone_trip(texts, ids, decoded, vocab_size, *, flags):
    """Mistakes that are not tried in pairs."""
    return wrong_trip(texts, ids, decoded, vocab_size, **flags)


lenient_alone = told_of(lone_trip, "flags")


trip_slip = told_of(slipped_trip, "slip")


EXACTLY = (
    "Which losses does the text name? Make a record of each, and ask your test.",
    "Exactly is exactly: whatever you do to both texts before comparing hides a loss.",
    "Compare the texts as they are, with `==`.",
)
OF_ALL = (
    "Make a record of three texts of which one is lost: the first, the second, the third.",
    "*Every* text has to come back.",
    "Answer True only after the last text.",
)
INSIDE = (
    "Make a record in which a single id is -1, or 0, or `vocab_size`, and ask your test.",
    "A vocabulary of 256 has the ids 0 to 255.",
    "Every id of every text: not below 0, and below `vocab_size`.",
)
TRIP = Exercise(
    id="12.round-trip",
    title="The test that a tokenizer must pass",
    kind="test",
    points=2,
    name="is_lossless",
    cases=trip_cases,
    mistakes=[
        lenient(
            "case-ignored", {"see": str.lower}, "another case is no loss to your test", *EXACTLY
        ),
        lenient_alone(
            "case-folded",
            {"see": str.casefold},
            "another case, or ss for ß, is no loss to your test",
            *EXACTLY,
        ),
        lenient_alone(
            "ends-stripped",
            {"see": str.strip},
            "spaces and line ends at both ends of a text may come and go in your test",
            *EXACTLY,
        ),
        lenient_alone(
            "right-end-stripped",
            {"see": str.rstrip},
            "spaces and line ends at the end of a text may come and go in your test",
            *EXACTLY,
        ),
        lenient_alone(
            "words-compared",
            {"see": str.split},
            "only the words are compared: all kinds of space are alike to your test",
            *EXACTLY,
        ),
        lenient_alone(
            "spaces-taken-out",
            {"see": lambda text: "".join(text.split())},
            "all kinds of space are taken out before you compare",
            *EXACTLY,
        ),
        lenient_alone(
            "single-spaces-taken-out",
            {"see": lambda text: text.replace(" ", "")},
            "spaces are taken out before you compare",
            *EXACTLY,
        ),
        lenient_alone(
            "lines-compared",
            {"see": str.splitlines},
            "the lines are compared: the kind of line end is lost on your test",
            *EXACTLY,
        ),
        lenient_alone(
            "line-ends-made-alike",
            {"see": lambda text: text.replace("\r\n", "\n")},
            "line ends are made alike before you compare",
            *EXACTLY,
        ),
        lenient(
            "accents-made-alike",
            {"see": partial(unicodedata.normalize, "NFC")},
            "both texts are normalised before you compare: an accent may be stored otherwise",
            *EXACTLY,
        ),
        lenient_alone(
            "all-made-alike",
            {"see": partial(unicodedata.normalize, "NFKC")},
            "both texts are normalised (NFKC) before you compare, which undoes ligatures, too",
            *EXACTLY,
        ),
        lenient_alone(
            "only-ascii-compared",
            {"see": lambda text: text.encode("ascii", "ignore")},
            "whatever is no ASCII is left out before you compare",
            *EXACTLY,
        ),
        lenient_alone(
            "only-letters-compared",
            {"see": lambda text: [sign for sign in text if sign.isalnum()]},
            "only letters and digits are compared",
            *EXACTLY,
        ),
        lenient_alone(
            "what-is-not-seen-left-out",
            {"see": lambda text: [sign for sign in text if sign.isprintable()]},
            "signs that print nothing, line ends among them, are left out before you compare",
            *EXACTLY,
        ),
        lenient_alone(
            "letters-in-any-order",
            {"see": sorted},
            "the characters of a text may come back in any order",
            *EXACTLY,
        ),
        lenient_alone(
            "letters-as-a-set",
            {"see": set},
            "the characters of a text may come back in any order, and as often as they like",
            *EXACTLY,
        ),
        lenient_alone(
            "beginnings-compared",
            {"see": lambda text: text[:100]},
            "only the beginning of each text is compared",
            *EXACTLY,
        ),
        trip_slip(
            "lengths-compared",
            "lengths",
            "only the lengths of the texts are compared",
            *EXACTLY,
        ),
        trip_slip(
            "found-inside",
            "substring",
            "a text passes when it is somewhere within what came back",
            *EXACTLY,
        ),
        trip_slip(
            "only-signs-of-loss",
            "unknown only",
            "you look for �, <unk> and [UNK] in what came back, and never compare",
            *EXACTLY,
        ),
        trip_slip(
            "sign-is-loss",
            "mark is loss",
            "a text that holds � itself is a loss to your test, even when it came back exactly",
            "Make a record of the text `a�b` that came back as it was.",
            "The sign may stand in a text like any other.",
            "Compare, and look for nothing else.",
        ),
        lenient(
            "first-text-only",
            {"rows": slice(1)},
            "only the first text is compared",
            *OF_ALL,
        ),
        lenient_alone(
            "last-text-only",
            {"rows": slice(-1, None)},
            "only the last text is compared",
            *OF_ALL,
        ),
        lenient_alone(
            "one-is-enough",
            {"combine": any},
            "one text that came back is enough for your test",
            *OF_ALL,
        ),
        trip_slip(
            "returned-too-early",
            "first turn",
            "your loop returns in its first turn, whatever it found",
            *OF_ALL,
        ),
        trip_slip(
            "returned-too-early-unmeasured",
            "shortest turn",
            "your loop returns in its first turn, and the lengths are never compared",
            *OF_ALL,
        ),
        trip_slip(
            "joined-before-comparing",
            "in one",
            "all texts are joined before you compare: a letter may move to the next text",
            "Make a record of `ab` and `c` that came back as `a` and `bc`.",
            "Every text has to come back by itself.",
            "Compare text by text.",
        ),
        trip_slip(
            "texts-in-any-order",
            "any order",
            "the texts may come back in any order",
            *OF_ALL,
        ),
        trip_slip(
            "texts-as-a-set",
            "as a set",
            "the texts are compared as sets",
            *OF_ALL,
        ),
        trip_slip(
            "texts-alone",
            "texts alone",
            "only the texts are compared: neither the ids nor their number is looked at",
            "Make a record of kept texts with an id of -1, and one with a list of ids less.",
            "Two questions in the text, and both have to be answered yes.",
            "Go through the ids as well, and compare the three lengths.",
        ),
        trip_slip(
            "largest-id-by-one",
            "too large by one, or below 0",
            "`vocab_size` itself passes as an id, and so does what is below 0",
            *INSIDE,
        ),
        lenient_alone(
            "ids-never-asked",
            {"inside": lambda row, size: True},
            "the ids are never looked at",
            *INSIDE,
        ),
        lenient(
            "one-id-too-many",
            {"inside": lambda row, size: all(0 <= i <= size for i in row)},
            "`vocab_size` itself passes as an id",
            *INSIDE,
        ),
        lenient_alone(
            "below-0-passes",
            {"inside": lambda row, size: all(i < size for i in row)},
            "ids below 0 pass",
            *INSIDE,
        ),
        lenient_alone(
            "0-fails",
            {"inside": lambda row, size: all(0 < i < size for i in row)},
            "the id 0 does not pass",
            *INSIDE,
        ),
        lenient_alone(
            "last-id-fails",
            {"inside": lambda row, size: all(0 <= i < size - 1 for i in row)},
            "the last id of the vocabulary does not pass",
            *INSIDE,
        ),
        lenient_alone(
            "first-id-only",
            {"inside": lambda row, size: all(0 <= i < size for i in row[:1])},
            "only the first id of each text is looked at",
            *INSIDE,
        ),
        lenient_alone(
            "one-id-is-enough",
            {"inside": lambda row, size: not row or any(0 <= i < size for i in row)},
            "one id of the vocabulary is enough for a text",
            *INSIDE,
        ),
        trip_slip(
            "or-for-and",
            "either",
            "texts that came back *or* ids of the vocabulary are enough for your test",
            "Make one record with lost text and good ids, one with kept text and bad ids.",
            "Both have to hold.",
            "`and`, not `or`.",
        ),
        trip_slip(
            "ids-taken-for-bytes",
            "utf-8 of bytes",
            "ids above 255 do not pass, whatever the vocabulary",
            *INSIDE,
        ),
        lenient_alone(
            "lengths-never-asked",
            {"lengths": (False, False)},
            "`zip` stops at the shorter list: a text, or ids, may be missing or too many",
            "Make a record with a text less in `decoded`, and one with a list less in `ids`.",
            "A record of another length is broken.",
            "Compare the three lengths first.",
        ),
        lenient_alone(
            "ids-may-be-missing",
            {"lengths": (True, False)},
            "there may be more or fewer lists of ids than texts",
            "Make a record with a list less in `ids`.",
            "A record of another length is broken.",
            "Compare the three lengths first.",
        ),
        lenient_alone(
            "texts-may-be-missing",
            {"lengths": (False, True)},
            "there may be more or fewer texts in `decoded` than in `texts`",
            "Make a record with a text less in `decoded`.",
            "A record of another length is broken.",
            "Compare the three lengths first.",
        ),
        trip_slip(
            "empty-fails",
            "empty fails",
            "an empty text, or one without ids, does not pass",
            "Make a record of one empty text.",
            "An empty text may have no ids.",
            "Don't ask whether something is there; compare.",
        ),
        trip_slip(
            "largest-of-nothing",
            "max of nothing",
            "your code stops with an error where there are no ids",
            "Make a record of one empty text, and one of no texts.",
            "`max` and `min` of nothing raise an error.",
            "Ask every id by itself: `all` of nothing is True.",
        ),
        trip_slip(
            "largest-of-an-empty-text",
            "max of each",
            "your code stops with an error at a text without ids: `max` of nothing",
            "Make a record of one empty text, without ids.",
            "An empty text may have no ids.",
            "`all(…)` of no ids is True; `max(…, default=0)` knows what to say, too.",
        ),
        trip_slip(
            "largest-of-no-ids",
            "max of all",
            "your code stops with an error where there are no ids at all: `max` of nothing",
            "Make a record of one empty text, without ids.",
            "An empty text may have no ids.",
            "`all(…)` of no ids is True; `max(…, default=0)` knows what to say, too.",
        ),
        trip_slip(
            "last-text-decides",
            "last turn",
            "each turn of your loop forgets the turn before: the last text alone decides",
            *OF_ALL,
        ),
        trip_slip(
            "letter-by-letter",
            "letter by letter",
            "`zip` stops at the end of the shorter text: letters at the end may be lost",
            "Make a record of `wide` that came back as `wid`.",
            "Two texts of different lengths are not the same.",
            "Compare the texts as they are, with `==`.",
        ),
        trip_slip(
            "ids-not-nested",
            "not nested",
            "your code compares a whole list of ids with a number",
            "What is the type of `ids[0]`?",
            "`ids` is a list of lists: one of each text.",
            "Two loops: over the lists, and over the ids of each.",
        ),
        trip_slip(
            "lists-sought-among-ids",
            "not nested, in range",
            "whole lists of ids are sought among the numbers of the vocabulary: none is there",
            "What is the type of `ids[0]`?",
            "`ids` is a list of lists: one of each text.",
            "Two loops: over the lists, and over the ids of each.",
        ),
        trip_slip(
            "an-answer-for-each-text",
            "one each",
            "a list comes back, with an answer for each text, and one answer is asked for",
            "What is the type of what you return?",
            "The text asks for one True or False of the whole record.",
            "Put `all(…)` round it, and compare the lengths first.",
        ),
        trip_slip(
            "strict-zip-stops",
            "strict",
            "a record of another length stops your code with an error",
            "Make a record with a text less in `decoded`.",
            "The text asks for False there.",
            "Compare the three lengths before you go through them.",
        ),
        trip_slip(
            "assert-for-an-answer",
            "assert",
            "a lost text stops your code with an AssertionError",
            "What does your function return for a lost text?",
            "It is asked for True or False, not for an error.",
            "Return what you compare.",
        ),
        trip_slip(
            "no-texts-fail",
            "none fails",
            "a record without texts does not pass",
            "Make a record of no texts.",
            "With no texts at all, nothing was lost.",
            "`all` of nothing is True.",
        ),
        trip_slip(
            "turned-round",
            "turned",
            "the two answers have changed places: you say True for a loss",
            "What does your test say when everything came back?",
            "The text says what True stands for.",
            "Turn your verdict round.",
        ),
    ],
    hints=(
        "Make small records by hand: one without a loss, one for each loss that the text names.",
        "Two questions in the text, and both have to be answered yes; then its two special cases.",
        "Compare lists of texts as they are, three lengths, and every id with both ends of the "
        "vocabulary.",
    ),
    allows=Edges(
        sizes=(0, 1, 2, 256, 50257),
        labels=(
            "no texts",
            "empty text",
            "just outside",
            "below 0",
            "line ends",
            "accent put on",
            "emoji",
            "did not come back",
            "ids of one text are missing",
            "largest id",
            "smallest id",
        ),
    ),
    also_right=[trip_by_loop, trip_by_bytes],
)

EXERCISES = [COUNT, MERGE, TRAIN, ENCODE, TRIP, DECODE, PRICE]
