"""Positions added to the input: the paper's waves, and learned vectors."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close
from transformers.models.marian.modeling_marian import MarianSinusoidalPositionalEmbedding

from course_lib.nn.positions.frequencies import rotary_frequencies
from course_lib.nn.positions.learned import LearnedPositions
from course_lib.nn.positions.rotary import rotary_angles, rotate_interleaved
from course_lib.nn.positions.sinusoidal import (
    Sinusoidal,
    sinusoidal_halves,
    sinusoidal_positions,
)

BATCH, SEQ, MAX_LEN, D_MODEL = 2, 5, 13, 14
EXACT = {"rtol": 0, "atol": 1e-10}
FLOAT32 = {"rtol": 0, "atol": 1e-5}
METHODS = {"sinusoidal": Sinusoidal, "learned": LearnedPositions}


def written_out(place, column, d_model, base):
    angle = place / base ** (2 * (column // 2) / d_model)
    return math.cos(angle) if column % 2 else math.sin(angle)


@pytest.mark.parametrize("base", [10_000, 17.0])
def test_the_table_follows_the_formula(base):
    expected = [
        [written_out(p, c, D_MODEL, base) for c in range(D_MODEL)] for p in range(0, 4999, 7)
    ]
    expected = torch.tensor(expected, dtype=torch.float64)
    table = sinusoidal_positions(4999, D_MODEL, base, dtype=torch.float64)[::7]
    assert_close(table, expected, **EXACT)
    assert_close(sinusoidal_positions(4999, D_MODEL, base)[::7], expected.float(), **FLOAT32)


def test_a_row_worked_out_by_hand():
    row = sinusoidal_positions(3, 4, base=100.0)[2]  # angles 2 and 2 / 10
    assert_close(row, torch.tensor([0.909297, -0.416147, 0.198669, 0.980067]), **FLOAT32)


def test_the_table_has_the_columns_of_hugging_face_in_the_papers_order():
    theirs = MarianSinusoidalPositionalEmbedding(MAX_LEN, D_MODEL).create_weight()
    table = sinusoidal_positions(MAX_LEN, D_MODEL)
    sines_first = torch.cat((table[:, 0::2], table[:, 1::2]), dim=1)
    assert_close(sines_first, theirs, **FLOAT32)


def turning(step, d_model):
    """The matrix that turns each (sine, cosine) by the angle of `step` places."""
    blocks = []
    for column in range(0, d_model, 2):
        angle = step / 10_000 ** (column / d_model)
        cos, sin = math.cos(angle), math.sin(angle)
        blocks.append(torch.tensor([[cos, sin], [-sin, cos]], dtype=torch.float64))
    return torch.block_diag(*blocks)


@pytest.mark.parametrize("step", [1, 11, -3])
def test_a_step_is_the_same_turn_from_every_place(step):
    table = sinusoidal_positions(101, D_MODEL, dtype=torch.float64)
    places = torch.arange(3, 90)
    assert_close(table[places + step], table[places] @ turning(step, D_MODEL).T, **EXACT)


def test_the_turn_is_the_one_that_rotary_positions_use():
    table = sinusoidal_positions(101, D_MODEL, dtype=torch.float64)
    angles = rotary_angles(torch.full((90,), 11), rotary_frequencies(D_MODEL))
    # (sine, cosine) is (cosine, sine) mirrored, so it turns the other way
    assert_close(rotate_interleaved(table[:90], -angles), table[11:], **EXACT)


@pytest.mark.parametrize("offset", [0, 3, MAX_LEN - SEQ])
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_each_token_gets_the_row_of_its_place(method, offset):
    positions, x = method(D_MODEL, MAX_LEN), torch.randn(BATCH, SEQ, D_MODEL)
    places = torch.arange(offset, offset + SEQ)
    expected = x + F.embedding(places, positions.table)
    assert_close(positions(x, offset), expected, rtol=0, atol=0)
    assert_close(positions(x[0], offset), expected[0], rtol=0, atol=0)  # without a batch too


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_one_token_at_a_time_gets_what_all_get_together(method):
    positions, x = method(D_MODEL, MAX_LEN), torch.randn(BATCH, SEQ, D_MODEL)
    one_by_one = [positions(x[:, p : p + 1], offset=p) for p in range(SEQ)]
    assert torch.equal(torch.cat(one_by_one, dim=1), positions(x))


@pytest.mark.parametrize("seq, offset", [(MAX_LEN + 1, 0), (SEQ, MAX_LEN - SEQ + 1), (SEQ, -1)])
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_past_the_table_there_are_no_places(method, seq, offset):
    positions = method(D_MODEL, MAX_LEN)
    message = f"the table has places 0 to 12, asked for seq={seq} of them from offset={offset}"
    with pytest.raises(ValueError, match=message):
        positions(torch.zeros(BATCH, seq, D_MODEL), offset)


@pytest.mark.parametrize("d_model", [0, 7])
def test_an_odd_width_is_refused(d_model):
    with pytest.raises(ValueError, match=f"need an even d_model={d_model}"):
        Sinusoidal(d_model)


def test_the_waves_are_neither_learned_nor_saved_but_move_along():
    positions = Sinusoidal(D_MODEL)
    assert not positions.state_dict() and not list(positions.parameters())
    assert positions.table.shape == (5000, D_MODEL)
    assert positions.double().table.dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_the_dtype_stays_that_of_the_input(method, dtype):
    positions, x = method(D_MODEL, MAX_LEN), torch.randn(BATCH, SEQ, D_MODEL)
    expected = positions(x)
    output = positions.to(dtype)(x.to(dtype))
    assert output.dtype == dtype
    # three roundings (table, input, sum) of numbers below 4; float32 rounds the expected value
    bound = 12 * max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps)
    assert_close(output.float(), expected, rtol=0, atol=bound)


def test_a_table_in_float32_does_not_widen_an_input_in_half():
    x = torch.randn(BATCH, SEQ, D_MODEL, dtype=torch.float16)
    assert Sinusoidal(D_MODEL)(x).dtype == torch.float16


def test_learned_rows_get_the_gradient_of_their_places_alone():
    positions = LearnedPositions(D_MODEL, MAX_LEN).double()
    x = torch.randn(BATCH, SEQ, D_MODEL, dtype=torch.float64, requires_grad=True)
    along = torch.randn_like(x)
    positions(x, offset=3).backward(along)
    expected = torch.zeros(MAX_LEN, D_MODEL, dtype=torch.float64)
    expected[3 : 3 + SEQ] = along.sum(dim=0)
    assert_close(positions.table.grad, expected, **EXACT)
    assert_close(x.grad, along, **EXACT)


def test_the_learned_table_is_saved_and_starts_small():
    positions = LearnedPositions(101, 103)
    assert list(positions.state_dict()) == ["table"]
    # 10,403 draws: four standard errors of their deviation are 0.0006
    assert abs(positions.table.std() - 0.02) < 0.0006


def test_the_halves_are_marians_table():
    theirs = MarianSinusoidalPositionalEmbedding(31, 14)
    theirs.weight.data = theirs.create_weight()
    assert_close(sinusoidal_halves(31, 14), theirs.weight.data, rtol=0, atol=1e-5)
    x = torch.randn(2, 5, 14)
    output = Sinusoidal(14, 31, make=sinusoidal_halves)(x)
    assert_close(output, x + theirs.weight[:5], rtol=0, atol=1e-5)


@pytest.mark.parametrize("position", [Sinusoidal(14, 31), LearnedPositions(14, 31)])
def test_given_places_take_their_rows(position):
    x, places = torch.randn(2, 5, 14), torch.tensor([[0, 0, 1, 2, 3], [30, 4, 4, 0, 1]])
    output = position(x, places=places)
    for i in range(2):
        for j in range(5):
            assert_close(output[i, j], position(x[i : i + 1, j : j + 1], int(places[i, j]))[0, 0])
    assert_close(position(x, places=torch.arange(3, 8)), position(x, 3))


@pytest.mark.parametrize("place", [-1, 31])
@pytest.mark.parametrize("position", [Sinusoidal(14, 31), LearnedPositions(14, 31)])
def test_a_given_place_past_either_end_is_refused(position, place):
    with pytest.raises(ValueError, match=f"places 0 to 30, got {min(place, 0)} to {max(place, 0)}"):
        position(torch.randn(1, 2, 14), places=torch.tensor([[0, place]]))


@pytest.mark.parametrize("position", [Sinusoidal(14, 31), LearnedPositions(14, 31)])
def test_places_and_an_offset_contradict_each_other(position):
    with pytest.raises(ValueError, match="can't be an offset=2 too"):
        position(torch.randn(1, 3, 14), 2, places=torch.arange(3))
