"""Roll-out: what arrives, followed from the top down, and where a token looks nowhere."""

import pytest
import torch

from course_lib.nn import rollout

BATCH, HEADS, TOKENS, LAYERS = 2, 3, 5, 4


def some_weights():
    generator = torch.Generator().manual_seed(0)
    shape = (LAYERS, BATCH, HEADS, TOKENS, TOKENS)
    return list(torch.randn(shape, generator=generator, dtype=torch.float64).softmax(dim=-1))


def test_it_is_what_a_walk_from_the_last_layer_down_finds():
    weights = some_weights()
    rolled = rollout(weights)
    for image in range(BATCH):
        for token in range(TOKENS):
            share = [float(place == token) for place in range(TOKENS)]
            for layer in reversed(weights):
                below = [0.0] * TOKENS
                for place, held in enumerate(share):
                    below[place] += held / 2
                    for other in range(TOKENS):
                        seen = sum(layer[image, h, place, other].item() for h in range(HEADS))
                        below[other] += held / 2 * seen / HEADS
                share = below
            assert rolled[image, token].tolist() == pytest.approx(share)


def test_rows_sum_to_one_also_where_a_token_looks_nowhere():
    weights = some_weights()
    for each in weights:
        each[:, :, 2] = 0.0
    rolled = rollout(weights)
    torch.testing.assert_close(rolled.sum(dim=-1), torch.ones(BATCH, TOKENS, dtype=torch.float64))
    assert rolled[:, 2].tolist() == [[0, 0, 1, 0, 0]] * BATCH


def test_the_order_of_the_layers_counts():
    weights = some_weights()
    assert not torch.allclose(rollout(weights), rollout(weights[::-1]))


def test_no_layer_is_refused():
    with pytest.raises(ValueError, match="at least one layer"):
        rollout([])
