"""Shapes in signatures are enforced while testing, and every test starts from the same seed."""

import os

import jaxtyping
import pytest
import torch
from jaxtyping import install_import_hook
from xdist.scheduler import LoadFileScheduling

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test asks the network for weights
ROOMS = ("nn", "models", "data", "pretrained", "training", "generation")
CHECKED_ROOMS = [f"course_lib.{room}" for room in ROOMS]

# Before the first import of these rooms: pytest loads this file first, in every worker.
install_import_hook(CHECKED_ROOMS, "beartype.beartype")


KEYS = "exercises/test_keys.py"  # a fifth of the whole run: minutes, on sheets that are drawn once


class ByFile(LoadFileScheduling):
    """A file stays with one worker, but for one: tests of answer keys are shared out by chapter, as
    all that are of one exercise need its sheets."""

    def _split_scope(self, nodeid):
        chapter = nodeid.partition("[")[2][:2] if KEYS in nodeid else ""
        return super()._split_scope(nodeid) + chapter


def pytest_xdist_make_scheduler(config, log):
    return ByFile(config, log)


@pytest.fixture(autouse=True)
def seed() -> int:
    """Seed torch before each test, so that a test gives the same alone and in any order."""
    torch.manual_seed(0)
    return 0


@pytest.fixture
def unchecked():
    """Run as a user does, without the check of signatures: our own messages must speak."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


# Small tensors on several threads wait for each other, the longer the busier the machine is.
torch.set_num_threads(1)
