"""Muon and AdamW as one, against the two side by side."""

import copy

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from course_lib.training import Both, Muon, load_checkpoint, save_checkpoint, train


class Tower(nn.Module):
    """A table, two blocks, and a head that is called as blocks are, but is none."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(7, 6)
        self.blocks = nn.ModuleList(nn.Linear(6, 6) for _ in range(2))
        self.after_blocks = nn.Linear(6, 7)

    def forward(self, ids):
        x = self.table(ids)
        for block in self.blocks:
            x = x + block(x).tanh()
        return self.after_blocks(x)


def tower():
    torch.manual_seed(0)
    return Tower()


def batches(first, last):
    for i in range(first, last):
        yield torch.randint(7, (4, 5), generator=torch.Generator().manual_seed(i))


def learn(model, optimizer, first=0, last=6):
    """The losses of some updates."""

    def loss(ids):
        return nn.functional.cross_entropy(model(ids).flatten(0, 1), ids.roll(1).flatten())

    return [record.loss for record in train(loss, batches(first, last), optimizer)]


def test_each_parameter_moves_as_its_own_optimiser_moves_it():
    one, two = tower(), tower()
    matrices = [block.weight for block in two.blocks]
    rest = [p for p in two.parameters() if not any(p is m for m in matrices)]
    apart = [
        torch.optim.AdamW(rest, 0.01, betas=(0.9, 0.98), weight_decay=0.0),
        Muon(matrices, 0.05),
    ]
    both = Both(one, 0.05, 0.01, betas=(0.9, 0.98))
    assert [len(group["params"]) for group in both.param_groups] == [len(rest), len(matrices)]
    for ids in batches(0, 4):
        for model, optimizers in ((one, [both]), (two, apart)):
            model.zero_grad()
            model(ids).square().mean().backward()
            for optimizer in optimizers:
                optimizer.step()
    for got, wanted in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(got, wanted)


def test_a_schedule_turns_both_rates():
    both = Both(tower(), 0.05, 0.01)
    rate = LambdaLR(both, lambda step: 0.5**step)
    both.step()
    rate.step()
    assert [part.param_groups[0]["lr"] for part in both.parts] == [0.005, 0.025]


def test_a_run_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(tmp_path):
    whole = tower()
    wanted = learn(whole, Both(whole))
    begun = tower()
    optimizer = Both(begun)
    learn(begun, optimizer, last=3)
    save_checkpoint(tmp_path / "run", 3, model=begun, optimizer=optimizer)
    resumed = tower()
    optimizer = Both(resumed)
    load_checkpoint(tmp_path / "run", model=resumed, optimizer=optimizer)
    assert learn(resumed, optimizer, 3) == wanted[3:]
    for got, known in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(got, known)


def test_a_closure_is_called_once_with_gradients():
    model, calls = tower(), []
    both = Both(model)

    def closure():
        calls.append(torch.is_grad_enabled())
        both.zero_grad()
        loss = model(torch.arange(7)[None]).square().mean()
        loss.backward()
        return loss

    with torch.no_grad():
        loss = both.step(closure)
    assert calls == [True] and loss > model(torch.arange(7)[None]).square().mean()


def test_a_model_without_blocks_is_named():
    with pytest.raises(ValueError, match="Linear has no matrix under a module named blocks"):
        Both(nn.Linear(3, 3))


def test_a_group_that_neither_would_move_is_refused():
    model = tower()
    both = Both(model)
    new = nn.Parameter(torch.ones(2))
    with pytest.raises(ValueError, match="Both has all groups"):
        both.add_param_group({"params": [new]})
    assert len(both.param_groups) == 2


def test_a_copy_of_model_and_optimiser_goes_on_as_they_do():
    model = tower()
    both = Both(model)
    learn(model, both, last=2)
    twin, copied = copy.deepcopy((model, both))
    assert learn(twin, copied, 2) == learn(model, both, 2)
