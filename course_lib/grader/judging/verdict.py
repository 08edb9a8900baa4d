"""The verdict on one answer: right or wrong, what differs, which mistake it is, what to try."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from .again import AGAIN, TRAINING
from .bans.banned import banned_name
from .causes.cause import cause, sound
from .causes.far import far
from .causes.mixed import comparable, elsewhere
from .causes.nearest import mostly, named, nearest
from .causes.truths import other_truths
from .compare import compare, differences
from .edits import edited, only_returned
from .errors.crash import RAISED, brief, meaning, unwritten_stub
from .inputs import came_in, size
from .outcome import Outcome, run_case
from .properties import broken
from .scored import only_scored
from .sheet import Sheet
from .spelt import spelt
from .stopped import run_cases
from .trees import leaves

KEEPS = "each call by itself is right: what does your code keep from one call to the next?"
VARIES = (
    "the same call gives another result each time: what is drawn at random, as by a dropout with a "
    "rate of its own, what is kept, or made by `empty` and never filled?"
)
DROPS = "right in evaluation mode, not in training mode: is there a dropout that nobody asked for?"
BANNED = "`{}` stands in your code, and the exercise asks you to write it without"


@dataclass(frozen=True)
class Verdict:
    """What a check found. It is data: `views.panel` shows it, the gradebook stores it."""

    id: str
    title: str
    state: str  # "right", "wrong", "crashed" or "not attempted"; "earlier" only in `check`
    summary: str
    details: tuple[str, ...] = ()
    mistake: str | None = None
    mistake_name: str | None = None
    hints: tuple[str, ...] = ()
    crash: tuple[str, ...] = ()
    points: int = 0
    out_of: int = 0
    solution: str | None = None
    where: str = ""  # of the definition that was judged
    notes: tuple[str, ...] = ()  # what else to know, whatever the verdict
    case: str = ""  # the smallest failing one as lines of Python


def judge(sheet: Sheet, answer: object) -> Verdict:
    """Run `answer` on every case of the sheet and say what came of it."""
    if not callable(answer):
        return verdict_of(sheet, "wrong", _not_callable(sheet, answer))
    found = run_cases(sheet, answer)
    verdict = judge_outcomes(sheet, found)
    if verdict.details[:1] == (KEEPS,) and _right_in_evaluation(sheet, answer, found):
        return replace(verdict, details=(DROPS, *verdict.details[1:]))
    if verdict.state == "wrong" and verdict.mistake is None and _varies(sheet, answer, found):
        return replace(verdict, details=(VARIES, *verdict.details))
    return verdict


def judge_outcomes(sheet: Sheet, found: tuple[Outcome, ...]) -> Verdict:
    """The verdict on what an answer did with the sheet's cases, wherever it ran."""
    # PyTorch raises it, too, of code that is written: only an own `raise` is a stub's.
    if all(each.raised == "NotImplementedError" and each.what == RAISED for each in found):
        told = unwritten_stub(found[0].crash, sheet.others)
        return verdict_of(sheet, "not attempted", told or "not written yet")
    failing = _failing(sheet, found)
    if not failing:
        passed = f"agrees with the reference on {_count(len(sheet.cases), 'case')}"
        return verdict_of(sheet, "right", passed, points=sheet.points)
    return _wrong(sheet, found, failing)


def without_bans(sheet: Sheet, verdict: Verdict, source: str) -> Verdict:
    """A right answer that uses a banned name is not right yet; an unknown wrong one is told it."""
    looked = verdict.state in ("right", "wrong", "crashed") and verdict.mistake is None
    name = banned_name(source, sheet.bans, sheet.others) if looked else ""
    if not name:
        return verdict
    if verdict.state != "right":
        return replace(verdict, details=(BANNED.format(name), *verdict.details))
    told = f"the values are right, but the exercise asks you to write it without `{name}`"
    # Its hints are for wrong values.
    return replace(verdict_of(sheet, "wrong", told, notes=verdict.notes), hints=())


def _failing(sheet: Sheet, found: tuple[Outcome, ...]) -> list[tuple[int, tuple[str, ...]]]:
    """Failing cases with what differs, the smallest case first."""
    rows = zip(sheet.expected, found, sheet.terms, strict=True)
    failing = [(i, told) for i, row in enumerate(rows) if (told := differences(*row))]
    return sorted(failing, key=lambda pair: size(sheet.cases[pair[0]]))


def _wrong(sheet: Sheet, found: tuple[Outcome, ...], failing: list) -> Verdict:
    known = sheet.named(found)
    index, told = failing[0]
    crash = () if sheet.expected[index].raised else found[index].crash
    case = sheet.cases[index]
    # The call that raised is the one without a value.
    number = min(len(found[index].values), len(case.calls) - 1) if crash else 0
    inputs = came_in(sheet.parameters, case, number)
    place = f"smallest of {len(failing)} failing cases" if len(failing) > 1 else "failing case"
    aside = [*_edited(sheet, found), *_only_again(sheet, found, failing)]
    compared = [i for i, _ in failing if not sheet.terms[i].at_least]
    unnamed = known is None and compared and not crash and not aside
    why = cause(sheet, found, compared) if unnamed else only_scored(sheet, found, failing)
    alike = comparable(sheet, found, compared) if known is None and not why and not aside else ()
    near = nearest(sheet, found, alike) if alike else None
    details = [
        *aside,
        *(told if not crash else () if known else meaning(crash, sheet.others, found[index].what)),
        why,
        *(() if known else elsewhere(sheet, found, failing)),
        *broken(sheet, found, [i for i, _ in failing], told),
        *(() if not unnamed or why else other_truths(sheet, found, compared)),
        f"{place}: {case.label}{f' ({inputs})' if inputs else ''}",
    ]
    state = "crashed" if crash and known is None else "wrong"
    passed = len(sheet.cases) - len(failing)
    summary = f"{passed} of {_count(len(sheet.cases), 'case')} agree with the reference"
    return verdict_of(
        sheet,
        state,
        summary,
        details=tuple(filter(None, dict.fromkeys(details))),
        crash=brief(crash),
        case=spelt(sheet.name, sheet.parameters, case),
        **(mostly(*near, len(failing)) if near else named(known)),
    )


def _edited(sheet: Sheet, found: tuple[Outcome, ...]) -> list[str]:
    """Said first: whoever edits an input in place may have everything else wrong because of it."""
    rows = zip(sheet.expected, found, sheet.terms, strict=True)
    said = [edited(want, got) for want, got, terms in rows if not terms.at_least]
    return list(min(filter(None, said), key=only_returned, default=()))


def _varies(sheet: Sheet, answer: Callable, found: tuple[Outcome, ...]) -> bool:
    """Does the first failing case, or the largest, come out otherwise in one of two more runs?"""
    failing = [i for i, _ in _failing(sheet, found) if not sheet.terms[i].at_least]
    once = [i for i in failing if not sheet.cases[i].label.startswith(AGAIN)]
    return any(_otherwise(sheet, answer, found, i) for i in (*once[-1:], *once[:1]) * 2)


def _otherwise(sheet: Sheet, answer: Callable, found: tuple[Outcome, ...], index: int) -> bool:
    again = run_case(answer, sheet.cases[index])
    told = all(map(sound, [*leaves(found[index].values), *leaves(again.values)]))
    return told and bool(differences(found[index], again, sheet.terms[index]))


def _only_again(sheet: Sheet, found: tuple[Outcome, ...], failing: list) -> list[str]:
    """The cause, where nothing fails but what a case of its own has right."""
    index, told = failing[0]
    if not all(sheet.cases[i].label.startswith(AGAIN) for i, _ in failing):
        return []
    values = sheet.expected[index].values, found[index].values
    if told[0].startswith("call "):
        return [KEEPS] if far(*map(leaves, values), sheet.terms[index]) else []
    firsts = [] if found[index].raised else [value[0] for value in values]
    training = firsts and sheet.cases[index].label.startswith(TRAINING)
    return [DROPS] if training and compare(*firsts, sheet.terms[index]) else []


def _right_in_evaluation(sheet: Sheet, answer: Callable, found: tuple[Outcome, ...]) -> bool:
    """Are all calls of what fails in training mode right in evaluation mode? So nothing is kept."""
    failing = [i for i, _ in _failing(sheet, found)]
    again = [replace(sheet.cases[i], training=False) for i in failing if sheet.cases[i].training]
    if len(again) < len(failing):
        return False
    rows = zip(failing, again, strict=True)
    tried = ((sheet.expected[i], run_case(answer, case), sheet.terms[i]) for i, case in rows)
    return not any(differences(*row) for row in tried)


def _not_callable(sheet: Sheet, answer: object) -> str:
    got = type(answer).__name__
    return f"check wants `{sheet.name}` itself, got a {got}: hand in the name, without calling it"


def verdict_of(sheet: Sheet, state: str, summary: str, **more: object) -> Verdict:
    """A verdict with what its sheet says; hints and the solution where an answer isn't right."""
    more = {"out_of": sheet.points} | more
    if state in ("wrong", "crashed"):
        more = {"solution": sheet.solution or None, "hints": sheet.hints} | more
    return Verdict(sheet.id, sheet.title, state, summary, **more)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
