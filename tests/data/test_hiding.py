"""Hiding tokens: as many as asked for, in the three ways, and never a special one."""

import pytest
import torch

from course_lib.data.hiding import hide

IDS = torch.randint(3, 41, (200, 97), generator=torch.Generator().manual_seed(0))


def hidden(seed=0, **how):
    generator = torch.Generator().manual_seed(seed)
    return hide(IDS, 1, 41, specials=(0, 2), generator=generator, **how)


def test_shares():
    given, chosen = hidden()
    assert chosen.float().mean().item() == pytest.approx(0.15, abs=0.01)
    assert torch.equal(given[~chosen], IDS[~chosen])
    masked, kept = given[chosen] == 1, given[chosen] == IDS[chosen]
    assert masked.float().mean().item() == pytest.approx(0.8, abs=0.02)
    # one in 38 of the random tokens is the old one
    assert kept.float().mean().item() == pytest.approx(0.1 + 0.1 / 38, abs=0.02)
    drawn = given[chosen & (given != 1) & (given != IDS)]
    assert len(drawn.unique()) == 38 and drawn.min() > 2
    assert torch.equal(given, hidden()[0]) and not torch.equal(given, hidden(seed=1)[0])


def test_one_way_alone():
    given, chosen = hidden(share=0.5, masked=1.0, swapped=0.0)
    assert (given[chosen] == 1).all() and 0.48 < chosen.float().mean() < 0.52
    given, chosen = hidden(masked=0.0, swapped=0.0)
    assert torch.equal(given, IDS) and chosen.any()
    assert not hidden(share=0.0)[1].any() and hidden(share=1.0)[1].all()


def test_special_tokens_stay():
    ids = IDS.clone()
    ids[:, 0], ids[:, -2:] = 2, 0
    given, chosen = hide(ids, 1, 41, specials=(0, 2), share=1.0, masked=0.0, swapped=1.0)
    assert torch.equal(chosen, ids > 2) and torch.equal(given[ids < 3], ids[ids < 3])
    assert (given[ids > 2] > 2).all()


@pytest.mark.parametrize("how", [{"share": 1.2}, {"masked": -0.1}, {"masked": 0.8, "swapped": 0.3}])
def test_shares_that_are_none(how):
    with pytest.raises(ValueError, match="these are no shares: share="):
        hidden(**how)


def test_nothing_left_to_draw():
    with pytest.raises(ValueError, match="of 3 tokens all are special"):
        hide(torch.tensor([[0, 2]]), 1, 3, specials=(0, 2))
