"""Several processes with shares of a batch learn what one learns from the whole of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from course_lib.training import mean_over_ranks, on_every_rank, share_of
from course_lib.training import ranks as module

SCRIPT = Path(__file__).with_name("ranked_run.py")
LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]


def ran(out, *launch):
    env = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, *launch, str(SCRIPT), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(out.read_text())


def test_two_processes_reach_the_losses_of_one(tmp_path):
    alone = ran(tmp_path / "one.json")
    together = ran(tmp_path / "two.json", *LAUNCH, "2")
    assert len(alone) == 5 and alone[0] != alone[-1]
    for ours, theirs in zip(together, alone, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)


def test_alone_nothing_changes():
    model = torch.nn.Linear(3, 5)
    assert on_every_rank(model) is model
    value = torch.tensor(7.0)
    assert mean_over_ranks(value) is value
    assert share_of(11) == range(11)


def test_shares_are_equal_or_refused(monkeypatch):
    monkeypatch.setattr(module.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(module.distributed, "get_world_size", lambda: 3)
    monkeypatch.setattr(module.distributed, "get_rank", lambda: 1)
    assert list(share_of(6)) == [2, 3]
    with pytest.raises(ValueError, match="3 processes can't share 7 rows equally"):
        share_of(7)
