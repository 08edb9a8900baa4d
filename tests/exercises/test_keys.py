"""What every answer key must hold, for every exercise of every chapter."""

import copy
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from course_lib.grader.course.files import exercises, load_solution, sheet_for
from course_lib.grader.judging.again import other_sizes
from course_lib.grader.judging.bake import save_sheet, sheet_file
from course_lib.grader.judging.key import Exercise
from course_lib.grader.judging.making import bare_sheet
from course_lib.grader.judging.outcome import Outcome
from course_lib.grader.judging.trees import leaves, tree_map
from course_lib.grader.judging.verdict import judge, judge_outcomes
from course_lib.paths import ROOT

ALL = exercises(ROOT)
SEEDS = (None, 1, 2)
USUAL = Exercise.seconds  # that an answer may take
LARGEST = 500_000  # a course has a sheet an exercise, and every learner downloads them all
each = pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.id)


def test_ids_are_unique():
    assert len({e.id for e in ALL}) == len(ALL) > 0


@each
def test_the_solution_passes_on_many_seeds(exercise):
    """Twenty; five where cases build or train a module, or a key gives an answer more time than
    usual: those cost a hundred times as much."""
    solution = load_solution(ROOT, exercise)
    drawn = exercise.cases(torch.Generator().manual_seed(0))
    costly = any(case.state or case.at_least for case in drawn) or exercise.seconds > USUAL
    for seed in range(5 if costly else 20):
        verdict = judge(bare_sheet(exercise, solution, seed), solution)
        assert verdict.state == "right", (seed, verdict)


@each
def test_right_answers_written_differently_pass(exercise):
    assert len(exercise.also_right) >= (2 if exercise.kind in ("code", "build") else 1)
    for other in exercise.also_right:
        for seed in SEEDS:
            sheet = sheet_for(ROOT, exercise.id, seed)
            assert judge(sheet, other).state == "right", (other.__name__, judge(sheet, other))


@each
def test_the_stub_fails(exercise):
    verdict = judge(sheet_for(ROOT, exercise.id), load_solution(ROOT, exercise, stub=True))
    assert verdict.state == ("wrong" if exercise.kind == "bug" else "not attempted")
    assert verdict.points == 0


@each
def test_enough_mistakes_are_named(exercise):
    assert len(exercise.mistakes) >= (5 if exercise.kind in ("code", "build") else 3)
    finite = [m for m in exercise.mistakes if runs_to_the_end(exercise, m)]
    assert 2 * len(finite) > len(exercise.mistakes), "most mistakes must return values"


def runs_to_the_end(exercise, mistake):
    sheet = sheet_for(ROOT, exercise.id)
    outcomes = next(known.outcomes for known in sheet.mistakes if known.name == mistake.name)
    pairs = zip(outcomes, sheet.expected, strict=True)
    return not any(got.raised for got, expected in pairs if not expected.raised)


@each
def test_every_mistake_fails_and_is_the_one_named(exercise):
    for seed in SEEDS:
        sheet = sheet_for(ROOT, exercise.id, seed)
        recorded = {known.name: known.outcomes for known in sheet.mistakes}
        compared = without_scored(sheet)
        for mistake in exercise.mistakes:
            # What it does on the other seeds is on their sheets.
            again = judge(compared, mistake.answer) if seed is None else None
            verdict = again or judge_outcomes(sheet, recorded[mistake.name])
            assert verdict.state != "right", mistake.name
            assert verdict.mistake_name == mistake.name
            assert verdict.hints == mistake.hints


def without_scored(sheet):
    """A sheet without what is only scored: that names no mistake, and trains for each of them."""
    kept = [i for i, terms in enumerate(sheet.terms) if not terms.at_least]

    def of(row):
        return tuple(row[i] for i in kept)

    mistakes = tuple(replace(known, outcomes=of(known.outcomes)) for known in sheet.mistakes)
    rows = {"cases": of(sheet.cases), "expected": of(sheet.expected), "terms": of(sheet.terms)}
    return replace(sheet, mistakes=mistakes, **rows)


@each
def test_a_name_does_not_depend_on_the_seed(exercise):
    named = [names(sheet_for(ROOT, exercise.id, seed)) for seed in SEEDS]
    for name in set().union(*named):
        assert len({each.get(name) for each in named}) == 1, (name, [n.get(name) for n in named])


def test_every_module_is_called_twice_with_inputs_of_different_sizes():
    drawn = {e.id: sheet_for(ROOT, e.id).cases for e in ALL}
    modules = {id: cases[:-1] for id, cases in drawn.items() if any(c.init for c in cases)}
    missing = [
        id
        for id, cases in modules.items()
        if not any(other_sizes(a, b) for a in cases for b in cases)
        and not any(first_and_second_differ(case) for case in cases)
    ]
    assert modules and not missing, missing


def first_and_second_differ(case):
    """Is one object called twice in a case, by the same method, with inputs of other sizes?"""
    calls = [replace(case, calls=(call,)) for call in case.calls]
    return any(other_sizes(a, b) for a, b in pairwise(calls))


def names(sheet):
    """What each mistake and each pair of a sheet is called when it is handed in."""
    rows = [sketch(m.outcomes, sheet.terms) for m in sheet.mistakes]
    near = torch.cdist(torch.stack(rows), torch.stack(rows), p=torch.inf) < 0.03
    told = {}
    for one, row in zip(sheet.mistakes, near.tolist(), strict=True):
        wanted = {m.name for m, ok in zip(sheet.mistakes, row, strict=True) if ok}
        wanted |= {part for m in sheet.mistakes if m.name in wanted for part in m.parts}
        like = tuple(m for m in sheet.mistakes if m.name in wanted)
        told[one.name] = replace(sheet, mistakes=like).named(one.outcomes).name
    return told


def sketch(outcomes, terms):
    """A number a case, near for outcomes that agree: so that few must be compared in full."""
    return torch.tensor([mean(*pair) for pair in zip(outcomes, terms, strict=True)])


def mean(outcome, terms):
    found = leaves(outcome.values)
    tensors = [x.double().flatten() for x in found if isinstance(x, torch.Tensor)]
    plain = torch.tensor([float(x) for x in found if isinstance(x, int | float)]).double()
    numbers = torch.cat([*tensors, plain]).nan_to_num(posinf=0.0, neginf=0.0)
    rounds = outcome.raised or terms.noise > 1e-3 or not len(numbers)
    return 0.0 if rounds else float(numbers.tanh().mean())


@each
def test_mistakes_are_pairwise_separable(exercise):
    sheet = sheet_for(ROOT, exercise.id)
    singles = [mistake for mistake in sheet.mistakes if not mistake.pair]
    for i, one in enumerate(singles):
        for other in singles[i + 1 :]:
            assert not sheet.agrees(one.outcomes, other.outcomes), (one.name, other.name)


@each
def test_answers_that_need_no_thought_fail(exercise):
    sheet = sheet_for(ROOT, exercise.id)
    other_seed = sheet_for(ROOT, exercise.id, SEEDS[1])
    for name, outcomes in lazy_answers(sheet, other_seed).items():
        assert not sheet.agrees(sheet.expected, outcomes), name


def lazy_answers(sheet, other_seed):
    """Outcomes without work: a constant, nan, another seed's answers, an input handed back."""

    def replaced(change):
        return tuple(Outcome(tree_map(change, e.values), e.gradients) for e in sheet.expected)

    def input_back(case, expected):
        inputs = [a for c in case.calls for a in [*c.args, *c.kwargs.values()]]
        first = next((a for a in inputs if isinstance(a, torch.Tensor)), inputs[0])
        return Outcome((first,) * len(case.calls), expected.gradients)

    constants = {f"always {x}": replaced(lambda leaf, x=x: constant(leaf, x)) for x in (0, 1)}
    return constants | {
        "nan": replaced(lambda leaf: constant(leaf, float("nan"))),
        "another seed": copy.copy(other_seed.expected),
        "the input": tuple(map(input_back, sheet.cases, sheet.expected)),
    }


def constant(leaf, value):
    if isinstance(leaf, torch.Tensor):
        return torch.full_like(leaf, value) if leaf.is_floating_point() else torch.zeros_like(leaf)
    return bool(value) if isinstance(leaf, bool) else value


@each
def test_a_sheet_is_made_of_plain_data(exercise):
    """So that it can be written as safetensors and JSON, and be read without any code."""
    sheet = sheet_for(ROOT, exercise.id)
    for case, expected in zip(sheet.cases, sheet.expected, strict=True):
        tree_map(plain, [[c.args, c.kwargs] for c in case.calls])
        tree_map(plain, expected.values)


def plain(leaf):
    kinds = torch.Tensor | int | float | str | bool | None
    assert isinstance(leaf, kinds), f"{type(leaf)} can't be on a sheet"


@each
def test_a_baked_sheet_gives_the_same_verdicts_and_holds_no_answer(exercise, tmp_path):
    id = exercise.id
    sheet = sheet_for(ROOT, id)
    save_sheet(sheet_file(tmp_path, id), sheet)
    assert sheet_file(tmp_path, id).stat().st_size <= LARGEST
    baked = sheet_for(tmp_path, id)
    assert judge(baked, load_solution(ROOT, exercise)).state == "right"
    for known in (m for m in sheet.mistakes if not m.pair):
        verdict = judge_outcomes(baked, known.outcomes)
        assert (verdict.mistake_name, verdict.hints) == (known.name, known.hints)
    assert baked.solution == "" and baked.stub == sheet.stub


@each
def test_texts_help_and_do_not_hand_over_the_answer(exercise):
    for mistake in exercise.mistakes:
        assert mistake.says[0].islower() or not mistake.says[0].isalpha(), mistake.says
        assert len(mistake.says) > 12 and all(len(hint) > 8 for hint in mistake.hints)
        assert len(set(mistake.hints)) == 3
