import pytest
import torch

from course_lib.device import device


@pytest.fixture
def found(monkeypatch):
    """Pretend that the machine has the devices named."""

    def pretend(*kinds):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in kinds)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in kinds)

    monkeypatch.delenv("COURSE_DEVICE", raising=False)
    return pretend


@pytest.mark.parametrize(
    ("kinds", "picked"), [((), "cpu"), (("mps",), "mps"), (("mps", "cuda"), "cuda")]
)
def test_the_fastest_device_present_is_picked(found, kinds, picked):
    found(*kinds)
    assert device() == torch.device(picked)


@pytest.mark.parametrize("wanted", ["cpu", "cuda:1", " mps "])
def test_the_environment_overrides(found, monkeypatch, wanted):
    found("cuda", "mps")
    monkeypatch.setenv("COURSE_DEVICE", wanted)
    assert device() == torch.device(wanted.strip())


@pytest.mark.parametrize("wanted", ["gpu", "cuda:x", "CUDA", "cpu:"])
def test_an_unknown_device_is_named(found, monkeypatch, wanted):
    found("cuda")
    monkeypatch.setenv("COURSE_DEVICE", wanted)
    with pytest.raises(ValueError, match=f"COURSE_DEVICE='{wanted}' is none of cpu, cuda, mps"):
        device()


def test_a_device_that_is_not_there_is_named(found, monkeypatch):
    found()
    monkeypatch.setenv("COURSE_DEVICE", "cuda")
    with pytest.raises(ValueError, match="COURSE_DEVICE='cuda', but PyTorch finds no cuda"):
        device()
