"""A run that was stopped goes on bit for bit; a file is whole or refused by name."""

import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import LambdaLR

from course_lib.data.batches import windows
from course_lib.nn import TiedHead, TokenEmbedding
from course_lib.training import checkpoints, cosine, load_checkpoint, save_checkpoint, train
from course_lib.training.states import KNOWN


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


def test_a_run_over_windows_of_a_text_goes_on_by_passing_over_them(tmp_path):
    def losses(run, first, last):
        drawn = windows(torch.arange(103) % 13, 5, 4, torch.Generator().manual_seed(0))
        batches = islice(drawn, first, last)

        def loss(pair):
            return F.cross_entropy(run.model(pair[0]).flatten(0, 1), pair[1].flatten())

        return [r.loss for r in train(loss, batches, run.optimizer, run.scheduler, first=first)]

    whole = losses(Run(0), 0, 15)
    stopped = Run(0)
    assert losses(stopped, 0, 7) == whole[:7]  # in the middle of a pass
    save_checkpoint(tmp_path / "run", 7, **stopped.parts)
    other = Run(1)
    assert losses(other, load_checkpoint(tmp_path / "run", **other.parts), 15) == whole[7:]


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
        "every": [torch.ones(2).to(dtype) for dtype in KNOWN],
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
    assert {x.dtype for x in part.state["every"]} == KNOWN
    assert all(x.to(torch.complex64).sum() == 2 for x in part.state["every"])
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


def test_a_file_in_which_one_bit_changed_is_refused_by_name(tmp_path):
    path, model, draw = tmp_path / "run.safetensors", nn.Linear(3, 5), random.Random(0)
    save_checkpoint(path, 1, model=model, optimizer=AdamW(model.parameters()))
    whole, wanted = path.read_bytes(), model.weight.detach().clone()
    for place in draw.sample(range(len(whole)), 300):
        bit = 1 << draw.randrange(8)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"run\.safetensors is no"):
            load_checkpoint(path, model=model, optimizer=AdamW(model.parameters()))
    assert torch.equal(model.weight, wanted)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: None])
def test_what_is_no_file_is_named(tmp_path, make):
    make(tmp_path / "odd")
    with pytest.raises(OSError, match="odd"):
        load_checkpoint(tmp_path / "odd")


def test_a_full_disk_names_the_file_and_keeps_the_last_one(tmp_path):
    path, run = tmp_path / "run.safetensors", Run(0)
    save_checkpoint(path, 1, **run.parts)
    whole = path.read_bytes()
    resource = pytest.importorskip("resource")  # Windows has no limit to set
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"too large: '.*/run\.safetensors'$"):
            save_checkpoint(path, 2, **run.parts)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == whole and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ({1, 2}, r"hold a set: it\.parts\.scheduler\.lr_lambdas\.0\.x"),
        (torch.zeros(2, dtype=torch.complex128), "hold a tensor of torch.complex128"),
        (torch.ones(2).to(torch.float8_e8m0fnu), "hold a tensor of torch.float8_e8m0fnu"),
        (torch.eye(2).to_sparse(), "torch.sparse_coo, on cpu"),
        (torch.zeros(2, device="meta"), "on meta"),
    ],
)
def test_what_can_not_be_written_is_named_with_its_place(tmp_path, held, told):
    class Share:
        def __init__(self):
            self.x = held

        def __call__(self, step):
            return 1.0

    scheduler = LambdaLR(Run(0).optimizer, Share())
    with pytest.raises(TypeError, match=told):
        save_checkpoint(tmp_path / "x", 0, scheduler=scheduler)
    assert not list(tmp_path.iterdir())


def test_a_view_that_conjugates_is_written_as_it_reads(tmp_path):
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("a", torch.tensor([1 + 2j]))
            self.register_buffer("b", self.a.conj())

    save_checkpoint(tmp_path / "x", 0, model=Both())
    model = Both()
    model.a.zero_()
    load_checkpoint(tmp_path / "x", model=model)
    assert model.b.tolist() == [1 - 2j]


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


def other_optimizer(run):
    return {"optimizer": SGD(run.model.parameters(), lr=0.1)}


def other_groups(run):
    groups = [{"params": [p]} for p in run.model.parameters()]
    return {"optimizer": AdamW(groups)}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (other_optimizer, "optimizer: AdamW, .* asked for .*optimizer: SGD"),
        (other_groups, r"doesn't fit optimizer: it has groups of \[2\] parameters for \[1, 1\]"),
        (lambda run: {"model": run.generator}, "asked for model: Generator"),
        (lambda run: {"model": run.model.double()}, r"bias torch\.float32 for torch\.float64"),
        (lambda run: {"model": run.model.to("meta")}, "no place to go for .* on meta"),
    ],
)
def test_parts_of_another_kind_are_named_and_nothing_changes(tmp_path, change, told):
    run, path = Run(0), tmp_path / "run.safetensors"
    run.losses(2)
    save_checkpoint(path, 1, **run.parts)
    other = Run(1)
    given = other.parts | change(other)
    before, rng = [p.clone() for p in other.model.parameters()], torch.get_rng_state()
    with pytest.raises(ValueError, match=told):
        load_checkpoint(path, **given)
    assert torch.equal(rng, torch.get_rng_state())
    if not before[0].is_meta:
        assert all(map(torch.equal, before, other.model.parameters()))


@pytest.mark.parametrize("part", [3, len, object(), nn.Linear])
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


def test_a_file_that_is_replaced_while_it_is_read_is_one_of_the_two(tmp_path, monkeypatch):
    path, other, model = tmp_path / "run", tmp_path / "other", nn.Linear(2, 2)
    for step, place in enumerate((path, other)):
        nn.init.constant_(model.weight, step)
        save_checkpoint(place, step, model=model)

    def replacing(content, before=checkpoints.load):
        os.replace(other, path)
        return before(content)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "load", replacing)
        assert load_checkpoint(path, model=model) == 0 and not model.weight.any()
    assert load_checkpoint(path, model=model) == 1 and model.weight.all()
