"""The loop against the same updates written out by hand."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import LambdaLR

from course_lib.training import (
    count_ids,
    evaluate,
    progress,
    train,
    warmup_stable_decay,
)


def model_and_batches(count=7):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Embedding(13, 5), nn.Flatten(), nn.Dropout(0.5), nn.Linear(15, 13))
    ids = torch.randint(13, (count, 2, 4))
    return model, [(each[:, :3], each[:, 3]) for each in ids]


def loss_of(model):
    return lambda batch: F.cross_entropy(model(batch[0]), batch[1])


def by_hand(model, batches, optimizer, max_norm, rate=None):
    seen = []
    for step, batch in enumerate(batches):
        if rate is not None:
            optimizer.param_groups[0]["lr"] = rate(step)
        optimizer.zero_grad()
        loss = loss_of(model)(batch)
        loss.backward()
        square = sum(p.grad.double().square().sum() for p in model.parameters())
        norm = square.sqrt().item()
        for p in model.parameters():
            p.grad *= min(1.0, max_norm / (norm + 1e-6))
        optimizer.step()
        seen.append((step, loss.item(), norm))
    return seen


@pytest.mark.parametrize("max_norm", [torch.inf, 0.1])
def test_it_makes_the_updates_that_one_writes_by_hand(max_norm):
    model, batches = model_and_batches()
    torch.manual_seed(5)
    optimizer = SGD(model.parameters(), lr=0.5)
    records = list(train(loss_of(model), batches, optimizer, max_norm=max_norm))
    other, _ = model_and_batches()
    torch.manual_seed(5)
    wanted = by_hand(other, batches, SGD(other.parameters(), lr=0.5), max_norm)
    found = [(r.step, r.loss, r.grad_norm) for r in records]
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert any(norm > 0.1 for _, _, norm in wanted)  # there was something to clip


def test_the_schedule_moves_after_each_update_and_its_rate_is_recorded():
    model, batches = model_and_batches()
    share = partial(warmup_stable_decay, total=7, warmup=2, decay=3)
    optimizer = SGD(model.parameters(), lr=0.4)
    records = list(train(loss_of(model), batches, optimizer, LambdaLR(optimizer, share)))
    assert [r.lr for r in records] == pytest.approx([0.4 * share(step) for step in range(7)])


def test_no_gradient_is_left_from_before():
    model, batches = model_and_batches(1)
    model.eval()  # no dropout: both losses are the same
    loss_of(model)(batches[0]).backward()
    [record] = train(loss_of(model), batches, SGD(model.parameters(), lr=0.0))
    [again] = train(loss_of(model), batches, SGD(model.parameters(), lr=0.0))
    assert record.grad_norm == again.grad_norm > 0


def test_nothing_happens_before_a_record_is_asked_for():
    model, batches = model_and_batches()
    before = [p.clone() for p in model.parameters()]
    records = train(loss_of(model), batches, AdamW(model.parameters()))
    assert all(map(torch.equal, before, model.parameters()))
    assert next(records).step == 0
    assert not all(map(torch.equal, before, model.parameters()))
    model.eval()  # what the caller does between two updates stays
    next(records)
    assert not model.training


def test_a_run_that_goes_on_counts_on():
    model, batches = model_and_batches(3)
    records = train(loss_of(model), batches, SGD(model.parameters()), first=40)
    assert [r.step for r in records] == [40, 41, 42]


def test_ids_are_counted_and_other_numbers_are_not():
    ids, mask = torch.zeros(3, 5, dtype=torch.long), torch.ones(3, 5, dtype=torch.bool)
    assert count_ids((ids, mask, torch.zeros(7))) == 15
    assert count_ids({"a": [ids, (ids[:2],)], "b": 3}) == 25
    model, batches = model_and_batches(2)
    counted = []
    for record in train(
        loss_of(model), batches, SGD(model.parameters()), tokens=lambda b: counted.append(b) or 6
    ):
        assert record.tokens_per_second > 0
    assert len(counted) == 2


@pytest.mark.parametrize("max_norm", [0, -1.0, float("nan")])
def test_a_norm_that_is_not_positive_is_refused(unchecked, max_norm):
    with pytest.raises(ValueError, match=f"max_norm={max_norm}"):
        next(train(lambda b: b, [torch.zeros(1)], SGD([torch.zeros(1)]), max_norm=max_norm))


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (lambda w: w * 2, r"a loss is one number in a tensor, got \(3,\)"),
        (lambda w: 2.0, "got float"),
        (lambda w: (w.sum(), 3), "got tuple"),
        (lambda w: w.detach().sum(), "depends on no parameter that learns"),
    ],
)
def test_what_is_no_loss_is_refused(unchecked, loss, told):
    weight = torch.zeros(3, requires_grad=True)
    with pytest.raises(ValueError, match=told):
        next(train(lambda b: loss(weight), [2.0], SGD([weight])))


def test_an_optimiser_of_another_model_is_refused():
    model, batches = model_and_batches()
    with pytest.raises(ValueError, match="no parameter of the optimiser got a gradient"):
        next(train(loss_of(model), batches, SGD(model_and_batches()[0].parameters())))


def test_without_a_bound_a_norm_that_overflows_spoils_nothing():
    weight = torch.zeros(3, requires_grad=True)
    [record] = train(lambda b: 1e30 * weight.sum(), [0], SGD([weight], lr=1e-30))
    assert record.grad_norm == torch.inf and weight.tolist() == pytest.approx([-1.0] * 3)


def test_a_rate_in_a_tensor_is_recorded_as_it_was():
    model, batches = model_and_batches(2)
    optimizer = AdamW(model.parameters(), lr=torch.tensor(0.5))
    schedule = LambdaLR(optimizer, lambda step: 1 / (step + 1))
    assert [r.lr for r in train(loss_of(model), batches, optimizer, schedule)] == [0.5, 0.25]


def test_evaluate_weighs_its_batches_and_learns_nothing():
    model, _ = model_and_batches()

    def loss(ids):
        assert not model.training and not model(ids).requires_grad
        return ids.float().mean()

    assert evaluate(model, loss, [torch.full((2, 3), 7)]) == 7.0
    assert model.training and torch.is_grad_enabled()
    mean = evaluate(model, torch.tensor, [3.0, 9.0], weight=lambda batch: batch)
    assert mean == pytest.approx((9 + 81) / 12)
    assert evaluate(model, torch.tensor, [3.0, 9.0]) == 6.0
    counts = {3.0: 1, torch.nan: 0}  # PyTorch's loss of a batch that is all padding
    assert evaluate(model, torch.tensor, counts, weight=counts.get) == 3.0
    with pytest.raises(ValueError, match="more than 0 in all, got 0"):
        evaluate(model, torch.tensor, [])


def test_the_bar_passes_records_on_and_is_silent_here(capfd):
    model, batches = model_and_batches(3)
    records = train(loss_of(model), batches, SGD(model.parameters()))
    assert [r.step for r in progress(records, 3)] == [0, 1, 2]
    assert capfd.readouterr() == ("", "")


def test_the_bar_shows_the_loss_elsewhere(capfd, monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    model, batches = model_and_batches(3)
    records = list(progress(train(loss_of(model), batches, SGD(model.parameters())), 3))
    told = capfd.readouterr().err
    assert "3/3" in told and f"loss={records[-1].loss:.3f}" in told
