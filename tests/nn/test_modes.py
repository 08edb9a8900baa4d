"""A module is in evaluation mode for a while, and gets its own modes back."""

import pytest
import torch
from torch import nn

from course_lib.nn import evaluating


def test_every_part_gets_its_own_mode_back():
    model = nn.Sequential(nn.Embedding(13, 5), nn.Dropout(0.5), nn.Sequential(nn.Linear(5, 3)))
    model[0].eval()
    before = [part.training for part in model.modules()]
    with pytest.raises(KeyError), evaluating(model) as given:
        assert given is model and not any(part.training for part in model.modules())
        raise KeyError
    assert [part.training for part in model.modules()] == before == [True, False, True, True, True]


def test_gradients_are_the_callers_own():
    model = nn.Linear(2, 3)
    with evaluating(model):
        assert model(torch.ones(1, 2)).requires_grad


class Merging(nn.Linear):
    """Merges something when it is evaluated, as a low-rank adapter does."""

    merged = False

    def train(self, mode=True):
        self.merged = not mode
        return super().train(mode)


def test_a_train_of_its_own_is_called_both_ways():
    model = Merging(2, 3)
    with evaluating(model):
        assert model.merged
    assert not model.merged and model.training
