"""A run that was stopped goes on bit for bit; a file is whole or refused by name."""

import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import LambdaLR

from course_lib.nn import TiedHead, TokenEmbedding
from course_lib.training import cosine, load_checkpoint, save_checkpoint, train


class Run:
    """A small model with dropout and a tied table, its optimiser, schedule and random batches."""

    def __init__(self, seed, width=5, optimizer=AdamW):
        torch.manual_seed(seed)
        embedding = TokenEmbedding(13, width)
        self.model = nn.Sequential(embedding, nn.Dropout(0.3), TiedHead(embedding, bias=True))
        self.optimizer = optimizer(self.model.parameters(), lr=0.05)
        self.scheduler = LambdaLR(self.optimizer, partial(cosine, total=20, warmup=3))
        self.generator = torch.Generator().manual_seed(seed)

    @property
    def parts(self):
        names = ("model", "optimizer", "scheduler", "generator")
        return {name: getattr(self, name) for name in names}

    def batches(self, count):
        for _ in range(count):
            yield torch.randint(13, (3, 7), generator=self.generator)

    def losses(self, count, first=0):
        def loss(ids):
            return F.cross_entropy(self.model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())

        given = (loss, self.batches(count), self.optimizer, self.scheduler)
        return [record.loss for record in train(*given, first=first)]


@pytest.mark.parametrize("optimizer", [AdamW, partial(SGD, momentum=0.9), torch.optim.Adagrad])
def test_a_run_goes_on_bit_for_bit(tmp_path, optimizer):
    whole = Run(0, optimizer=optimizer).losses(11)
    first = Run(0, optimizer=optimizer)
    assert first.losses(4) == whole[:4]
    save_checkpoint(tmp_path / "run.safetensors", 4, **first.parts)
    second = Run(99, optimizer=optimizer)
    second.losses(2)  # it was somewhere else before
    assert load_checkpoint(tmp_path / "run.safetensors", **second.parts) == 4
    assert second.losses(7, first=4) == whole[4:]
    ours, theirs = first.model.state_dict(), second.model.state_dict()
    assert ours.keys() == theirs.keys() and "2.bias" in ours


def test_what_is_tied_stays_tied_and_is_stored_once(tmp_path):
    model = nn.ModuleDict({"a": nn.Linear(7, 7, bias=False), "b": nn.Linear(7, 7, bias=False)})
    model["b"].weight = model["a"].weight
    path = tmp_path / "x.safetensors"
    save_checkpoint(path, 0, model=model)
    assert path.stat().st_size < 2 * 49 * 4 + 5056 + 1000  # 5,056 bytes are the random state
    wanted = model["a"].weight.detach().clone()
    nn.init.zeros_(model["a"].weight)
    load_checkpoint(path, model=model)
    assert model["b"].weight is model["a"].weight and torch.equal(model["b"].weight, wanted)


def test_states_of_every_kind_come_back(tmp_path):
    class Anything:
        def state_dict(self):
            return self.state

        def load_state_dict(self, state):
            self.state = state

    part, path = Anything(), tmp_path / "x"
    part.state = {
        3: [1, 2.5, float("inf"), None, True, "ä"],
        "t": (torch.arange(3), {"x": torch.empty(0, 5)}),
        "half": torch.tensor([1.5], dtype=torch.bfloat16),
        "across": torch.arange(6).view(2, 3).T,
    }
    before = part.state
    save_checkpoint(path, 7, part=part)
    part.state = None
    assert load_checkpoint(path, part=part) == 7
    assert part.state[3] == before[3] and type(part.state["t"]) is tuple
    assert torch.equal(part.state["t"][0], before["t"][0])
    assert part.state["t"][1]["x"].shape == (0, 5)
    assert part.state["half"].dtype == torch.bfloat16
    assert torch.equal(part.state["across"], before["across"])


@pytest.mark.parametrize("keep", [0, 5, 200, 3000, -1])
def test_a_file_that_is_cut_short_is_refused_by_name(tmp_path, keep):
    run, path = Run(0), tmp_path / "run.safetensors"
    save_checkpoint(path, 1, **run.parts)
    path.write_bytes(path.read_bytes()[:keep])
    before = [p.clone() for p in run.model.parameters()]
    with pytest.raises(ValueError, match=r"run\.safetensors is no whole checkpoint"):
        load_checkpoint(path, **run.parts)
    assert all(map(torch.equal, before, run.model.parameters()))


def test_weights_alone_are_no_checkpoint(tmp_path):
    from safetensors.torch import save_file

    save_file({"w": torch.zeros(3)}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match=r"w\.safetensors is no checkpoint of a training run"):
        load_checkpoint(tmp_path / "w.safetensors")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_checkpoint(tmp_path / "nowhere")


def test_other_parts_and_other_sizes_are_named_and_nothing_changes(tmp_path):
    run, path = Run(0), tmp_path / "run.safetensors"
    save_checkpoint(path, 1, **run.parts)
    with pytest.raises(ValueError, match="asked for model"):
        load_checkpoint(path, model=run.model)
    other = Run(1, width=7)
    before = [p.clone() for p in other.model.parameters()]
    with pytest.raises(ValueError, match=r"0\.table\.weight \(13, 5\) for \(13, 7\)"):
        load_checkpoint(path, **other.parts)
    bigger = nn.Sequential(*Run(1).model, nn.Linear(13, 13, bias=False))
    with pytest.raises(ValueError, match=r"doesn't fit model: it lacks 3\.weight"):
        load_checkpoint(path, **Run(1).parts | {"model": bigger})
    assert all(map(torch.equal, before, other.model.parameters()))


@pytest.mark.parametrize("part", [3, len, object()])
def test_a_part_without_a_state_is_named(unchecked, tmp_path, part):
    with pytest.raises(TypeError, match=f"odd has no state to save: it is a {type(part).__name__}"):
        save_checkpoint(tmp_path / "x", 0, odd=part)
    assert not list(tmp_path.iterdir())


KILLED = """
import sys, torch
from torch import nn
from course_lib.training import save_checkpoint
model = nn.Linear(700, 700)
for step in range(10**6):
    nn.init.constant_(model.weight, step)
    save_checkpoint(sys.argv[1], step, model=model)
    print(step, flush=True)
"""


def test_a_kill_while_it_writes_loses_one_interval_at_most(tmp_path):
    path, script = tmp_path / "run.safetensors", [sys.executable, "-c", KILLED]
    for delay in (0.0, 0.003, 0.007, 0.011):
        child = subprocess.Popen([*script, path], stdout=subprocess.PIPE, text=True)
        last = max(int(child.stdout.readline()) for _ in range(3))
        time.sleep(delay)
        os.kill(child.pid, signal.SIGKILL)
        last = max([last, *map(int, child.stdout.read().split())])
        child.wait()
        model = nn.Linear(700, 700)
        assert load_checkpoint(path, model=model) >= last
        assert model.weight.unique().numel() == 1
