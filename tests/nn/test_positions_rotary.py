"""Rotary positions against Hugging Face's, complex numbers, and what must hold."""

import math
from functools import partial

import pytest
import torch
from torch.testing import assert_close
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.gptj import modeling_gptj as gptj
from transformers.models.llama import modeling_llama as llama
from transformers.models.roformer import modeling_roformer as roformer

from course_lib.nn.positions.frequencies import (
    interpolated_frequencies,
    llama3_frequencies,
    ntk_frequencies,
    rotary_frequencies,
    yarn_frequencies,
)
from course_lib.nn.positions.rotary import (
    Rotary,
    half_order,
    rotary_angles,
    rotate_half,
    rotate_interleaved,
)
from course_lib.nn.positions.sinusoidal import Sinusoidal

BATCH, HEADS, KV_HEADS, QUERY, KEY, PAIRS = 2, 6, 3, 5, 11, 7
D_HEAD = 2 * PAIRS
LIMITS = {
    torch.float32: {"rtol": 0, "atol": 1e-5},
    torch.float64: {"rtol": 0, "atol": 1e-10},
}
EXACT = LIMITS[torch.float64]
ROTATIONS = {"half": rotate_half, "interleaved": rotate_interleaved}


def heads(dtype=torch.float64, n_query=QUERY, grad=False):
    sizes = (BATCH, HEADS, n_query, D_HEAD), (BATCH, KV_HEADS, KEY, D_HEAD)
    return [torch.randn(size, dtype=dtype, requires_grad=grad) for size in sizes]


def same_with_gradients(ours, theirs, leaves, limits):
    for our, their in zip(ours, theirs, strict=True):
        assert_close(our, their, **limits)
    along = [torch.randn_like(our) for our in ours]
    gradients = (torch.autograd.grad(outputs, leaves, along) for outputs in (ours, theirs))
    for our, their in zip(*gradients, strict=True):
        assert our.abs().sum() > 0
        assert_close(our, their, **limits)


def llamas_rotary(**scaling):
    config = LlamaConfig(
        hidden_size=HEADS * D_HEAD,
        num_attention_heads=HEADS,
        head_dim=D_HEAD,
        max_position_embeddings=KEY - 3,  # so that the dynamic kind has something to stretch
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0} | scaling,
    )
    return llama.LlamaRotaryEmbedding(config)


# The dynamic kind is NTK-aware, with a factor that grows with the text: at factor 5 and 11 of 8
# places it is 5 * 11 / 8 - 4.
NTK_FACTOR = 5 * 11 / 8 - 4
SCALINGS = {
    "plain": ({}, rotary_frequencies(D_HEAD)),
    "base": ({"rope_theta": 500_000.0}, rotary_frequencies(D_HEAD, 500_000.0)),
    "linear": ({"rope_type": "linear", "factor": 4.0}, interpolated_frequencies(D_HEAD, 4)),
    "llama 3.1": (
        {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 60}
        | {"low_freq_factor": 1.0, "high_freq_factor": 4.0},
        llama3_frequencies(D_HEAD, 8, trained_len=60),
    ),
    "llama 3.1 of a base": (
        {"rope_type": "llama3", "factor": 3.0, "original_max_position_embeddings": 25}
        | {"low_freq_factor": 0.5, "high_freq_factor": 2.0, "rope_theta": 50.0},
        llama3_frequencies(D_HEAD, 3, 50, trained_len=25, slow=0.5, fast=2),
    ),
    "ntk": ({"rope_type": "dynamic", "factor": 5.0}, ntk_frequencies(D_HEAD, NTK_FACTOR)),
    "ntk of a base": (
        {"rope_type": "dynamic", "factor": 5.0, "rope_theta": 700.0},
        ntk_frequencies(D_HEAD, NTK_FACTOR, 700),
    ),
}


@pytest.mark.parametrize("scaling, frequencies", SCALINGS.values(), ids=SCALINGS)
def test_halves_agree_with_llama_in_float32(scaling, frequencies):
    (query, key), theirs = heads(torch.float32, n_query=KEY, grad=True), llamas_rotary(**scaling)
    cos, sin = theirs(key, torch.arange(KEY)[None])
    assert_close(frequencies.float(), theirs.inv_freq, rtol=1e-6, atol=0)
    turned = Rotary(D_HEAD, frequencies=frequencies)(query, key)
    assert turned[2] is None
    expected = llama.apply_rotary_pos_emb(query, key, cos, sin)
    same_with_gradients(turned[:2], expected, [query, key], LIMITS[torch.float32])


def test_halves_agree_with_llama_in_float64():
    query, key = heads(n_query=KEY, grad=True)
    angles = torch.arange(KEY)[:, None] * rotary_frequencies(D_HEAD).repeat(2)
    expected = llama.apply_rotary_pos_emb(query, key, angles.cos()[None], angles.sin()[None])
    same_with_gradients(Rotary(D_HEAD)(query, key)[:2], expected, [query, key], EXACT)


def test_interleaved_pairs_agree_with_gpt_j_in_float64():
    query, key = heads(n_query=KEY, grad=True)
    angles = torch.arange(KEY)[:, None] * rotary_frequencies(D_HEAD)

    def theirs(x):  # (batch, seq, heads, d_head)
        turned = gptj.apply_rotary_pos_emb(
            x.transpose(1, 2), angles.sin()[None], angles.cos()[None]
        )
        return turned.transpose(1, 2)

    turned = Rotary(D_HEAD, rotate=rotate_interleaved)(query, key)[:2]
    same_with_gradients(turned, [theirs(query), theirs(key)], [query, key], EXACT)


def test_interleaved_pairs_agree_with_the_authors_model_in_float32():
    query, key = heads(torch.float32, n_query=KEY, grad=True)
    table = roformer.RoFormerSinusoidalPositionalEmbedding(KEY, D_HEAD).create_weight()
    turn = roformer.RoFormerSelfAttention.apply_rotary_position_embeddings
    turned = Rotary(D_HEAD, rotate=rotate_interleaved)(query, key)[:2]
    expected = turn(table[None, None], query, key)
    same_with_gradients(turned, expected, [query, key], LIMITS[torch.float32])


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
def test_a_pair_turns_like_a_complex_number(dtype):
    x, angles = torch.randn(BATCH, HEADS, KEY, D_HEAD, dtype=dtype), torch.randn(KEY, PAIRS)
    angles = angles.double()
    pairs = torch.view_as_complex(x.double().unflatten(-1, (PAIRS, 2)))
    expected = torch.view_as_real(pairs * torch.exp(1j * angles)).flatten(-2)
    assert_close(rotate_interleaved(x, angles).double(), expected, **LIMITS[dtype])


def test_turns_worked_out_by_hand():
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    quarter = torch.tensor([[math.pi / 2, math.pi]])  # a quarter turn, and half a turn
    assert_close(rotate_interleaved(x, quarter), torch.tensor([[-2.0, 1.0, -3.0, -4.0]]))
    assert_close(rotate_half(x, quarter), torch.tensor([[-3.0, -2.0, 1.0, -4.0]]))


def test_angles_worked_out_by_hand():
    frequencies = rotary_frequencies(4, base=100.0)
    assert_close(frequencies, torch.tensor([1.0, 0.1], dtype=torch.float64), **EXACT)
    angles = rotary_angles(torch.tensor([0, 3]), frequencies)
    assert_close(angles, torch.tensor([[0, 0], [3, 0.3]], dtype=torch.float64), **EXACT)


@pytest.mark.parametrize("rotate", ROTATIONS.values(), ids=ROTATIONS)
def test_a_turn_keeps_lengths_and_place_zero_keeps_everything(rotate):
    query, key = heads()
    turned = Rotary(D_HEAD, rotate=rotate)(query, key)
    for before, after in zip((query, key), turned[:2], strict=True):
        assert_close(after.norm(dim=-1), before.norm(dim=-1), **EXACT)
    assert_close(turned[1][:, :, 0], key[:, :, 0], **EXACT)


def scores(position, query, key):
    query, key, _ = position(query, key)
    return query @ key.transpose(-2, -1)


def sees_distance_alone(position, limit=1e-10):
    """Does the score of one query and one key depend on their distance, and on nothing else?

    The same query stands at every place, and so does the same key: the scores then may differ
    from diagonal to diagonal, must do so, and must not differ along one.
    """
    n = 101
    query, key = torch.randn(2, D_HEAD, dtype=torch.float64).unbind()
    table = scores(position, query.expand(1, 1, n, -1), key.expand(1, 1, n, -1))[0, 0]
    along = [table.diagonal(distance) for distance in range(1 - n, n)]
    starts = torch.stack([diagonal[0] for diagonal in along])
    same_within = all((diagonal - diagonal[0]).abs().max() < limit for diagonal in along)
    differ = (starts[:, None] - starts).abs() + torch.eye(len(starts))
    return same_within and bool(differ.min() > 1e-6)


@pytest.mark.parametrize("rotate", ROTATIONS.values(), ids=ROTATIONS)
@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_score_sees_distance_alone(scaling, rotate):
    frequencies = SCALINGS[scaling][1]
    assert sees_distance_alone(Rotary(D_HEAD, rotate=rotate, frequencies=frequencies))


def only_queries_turn(query, key):
    return Rotary(D_HEAD)(query, key)[0], key, None


def places_added(query, key):
    add = Sinusoidal(D_HEAD)
    return add(query), add(key), None


def opposite_turns(query, key):
    against = Rotary(D_HEAD, frequencies=-rotary_frequencies(D_HEAD))
    return Rotary(D_HEAD)(query, key)[0], against(query, key)[1], None


@pytest.mark.parametrize(
    "position",
    [lambda query, key: (query, key, None), only_queries_turn, places_added, opposite_turns],
    ids=["nothing", "only queries", "added", "opposite"],
)
def test_what_does_nothing_or_is_not_relative_is_told_apart(position):
    assert not sees_distance_alone(position)


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
@pytest.mark.parametrize("rotate", ROTATIONS.values(), ids=ROTATIONS)
def test_a_shift_of_all_places_changes_no_score(rotate, dtype):
    query, key = heads(dtype, n_query=KEY)
    key = key.repeat_interleave(HEADS // KV_HEADS, dim=1)
    frequencies = rotary_frequencies(D_HEAD).to(dtype)

    def shifted(shift):
        angles = rotary_angles(torch.arange(shift, shift + KEY), frequencies)
        return rotate(query, angles) @ rotate(key, angles).transpose(-2, -1)

    for shift in (1, 29):
        assert_close(shifted(shift), shifted(0), **LIMITS[dtype])
    assert not torch.allclose(shifted(0), query @ key.transpose(-2, -1))


@pytest.mark.parametrize("rotate", ROTATIONS.values(), ids=ROTATIONS)
def test_the_queries_are_the_last_of_the_keys(rotate):
    position = Rotary(D_HEAD, rotate=rotate)
    query, key = heads(n_query=KEY)
    turned, turned_key, _ = position(query, key)
    for n_query in range(1, KEY + 1):
        last, same_key, _ = position(query[:, :, -n_query:], key)
        assert_close(last, turned[:, :, -n_query:], **EXACT)
        assert_close(same_key, turned_key, **EXACT)


@pytest.mark.parametrize("d_head", [2, 6, D_HEAD])
def test_both_pairings_are_one_turn_with_the_columns_in_another_order(d_head):
    order = half_order(d_head)
    assert sorted(order.tolist()) == list(range(d_head))
    x, angles = torch.randn(BATCH, HEADS, KEY, d_head), torch.randn(KEY, d_head // 2)
    interleaved = rotate_interleaved(x, angles)
    assert_close(rotate_half(x[..., order], angles), interleaved[..., order], rtol=0, atol=0)
    if d_head > 2:
        assert not torch.allclose(rotate_half(x, angles), interleaved)


def test_both_pairings_give_the_same_scores_once_the_columns_are_ordered():
    (query, key), order = heads(n_query=KEY), half_order(D_HEAD)
    key = key.repeat_interleave(HEADS // KV_HEADS, dim=1)
    interleaved = scores(Rotary(D_HEAD, rotate=rotate_interleaved), query, key)
    halves = scores(Rotary(D_HEAD), query[..., order], key[..., order])
    assert_close(halves, interleaved, **EXACT)


@pytest.mark.parametrize("base", [10_000, 23.0])
def test_frequencies_follow_the_formula(base):
    expected = [base ** (-2 * i / D_HEAD) for i in range(PAIRS)]
    expected = torch.tensor(expected, dtype=torch.float64)
    assert_close(rotary_frequencies(D_HEAD, base), expected, rtol=1e-14, atol=0)
    assert_close(Rotary(D_HEAD, base).frequencies, expected, rtol=1e-14, atol=0)


def test_interpolation_divides_the_places():
    frequencies = interpolated_frequencies(D_HEAD, 3, base=700)
    squeezed = rotary_angles(torch.arange(KEY) / 3, rotary_frequencies(D_HEAD, 700))
    assert_close(rotary_angles(torch.arange(KEY), frequencies), squeezed, rtol=1e-6, atol=0)


def test_ntk_leaves_the_first_pair_alone_and_slows_the_last_by_the_factor():
    slower = rotary_frequencies(D_HEAD, 700) / ntk_frequencies(D_HEAD, 3, base=700)
    assert_close(slower[[0, -1]], torch.tensor([1.0, 3.0], dtype=torch.float64), **EXACT)
    assert (slower.diff() > 0).all()


@pytest.mark.parametrize("given", [{}, {"fast": 5.0, "slow": 2.0}, {"fast": 90.0, "slow": 80.0}])
@pytest.mark.parametrize(
    "d_head, base, trained_len", [(64, 1e4, 2048), (10, 50.0, 7), (2, 9.0, 99)]
)
def test_yarn_agrees_with_hugging_face(d_head, base, trained_len, given):
    told = {f"beta_{name}": value for name, value in given.items()}
    told |= {"rope_type": "yarn", "factor": 5.0, "rope_theta": base}
    theirs, growth = ROPE_INIT_FUNCTIONS["yarn"](
        LlamaConfig(
            head_dim=d_head,
            max_position_embeddings=5 * trained_len,
            rope_parameters=told | {"original_max_position_embeddings": trained_len},
        )
    )
    ours = yarn_frequencies(d_head, 5, base, trained_len=trained_len, **given)
    assert_close(ours.float(), theirs, rtol=1e-5, atol=0)
    assert growth == pytest.approx(0.1 * math.log(5) + 1)


@pytest.mark.parametrize("scaled", [llama3_frequencies, yarn_frequencies])
def test_fast_pairs_keep_their_speed_and_slow_ones_are_slowed_by_the_factor(scaled):
    slower = rotary_frequencies(64) / scaled(64, 4.0, trained_len=2048)
    assert slower[0] == 1 and slower[-1] == pytest.approx(4.0)
    assert (slower.diff() >= -1e-12).all() and len(slower.unique()) > 4


@pytest.mark.parametrize(
    "scaled",
    [
        ntk_frequencies,
        interpolated_frequencies,
        partial(llama3_frequencies, trained_len=60),
        partial(yarn_frequencies, trained_len=60),
    ],
)
def test_a_factor_of_one_changes_nothing(scaled):
    assert_close(scaled(D_HEAD, 1.0), rotary_frequencies(D_HEAD), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_rounds_the_vectors_and_not_the_angles(dtype):
    n = 3001
    x = torch.randn(1, 1, n, D_HEAD).to(dtype)
    exact = Rotary(D_HEAD)(x.double(), x.double())[0]
    turned, also, _ = Rotary(D_HEAD).to(dtype)(x, x)
    assert turned.dtype == also.dtype == dtype
    bound = 2 * torch.finfo(dtype).eps * x.abs().max().item()  # angles of half would give 2
    assert_close(turned.double(), exact, rtol=0, atol=bound)


def test_nothing_is_learned_or_saved():
    assert not Rotary(D_HEAD).state_dict() and not list(Rotary(D_HEAD).parameters())


@pytest.mark.parametrize("rotate", ROTATIONS.values(), ids=ROTATIONS)
def test_derivatives_agree_with_finite_differences(rotate):
    query, key = (torch.randn(1, 1, n, 6, dtype=torch.float64, requires_grad=True) for n in (2, 3))
    position = Rotary(6, rotate=rotate)
    assert torch.autograd.gradcheck(lambda q, k: position(q, k)[:2], (query, key))


def test_an_own_rotation_is_called_as_the_default_is():
    seen = []

    def rotate(x, angles):
        seen.append((tuple(x.shape), angles))
        return rotate_half(x, angles)

    query, key = heads()
    turned = Rotary(D_HEAD, rotate=rotate)(query, key)
    assert_close(turned[0], Rotary(D_HEAD)(query, key)[0])
    (query_shape, at_query), (key_shape, at_key) = seen
    assert (query_shape, key_shape) == (tuple(query.shape), tuple(key.shape))
    assert_close(at_key, rotary_angles(torch.arange(KEY), rotary_frequencies(D_HEAD)))
    assert_close(at_query, at_key[-QUERY:])


@pytest.mark.parametrize(
    "call, message",
    [
        (partial(rotary_frequencies, 7), "need an even d_head=7"),
        (partial(rotary_frequencies, 0), "need an even d_head=0"),
        (partial(Rotary, 7), "need an even d_head=7"),
        (partial(rotary_frequencies, 6, base=0.0), "base must be positive, got base=0.0"),
        (partial(ntk_frequencies, 6, 0.0), "factor must be positive, got factor=0.0"),
        (partial(interpolated_frequencies, 6, -2.0), "factor must be positive, got factor=-2.0"),
        (partial(llama3_frequencies, 6, 0.0, trained_len=9), "factor must be positive, got factor"),
        (partial(yarn_frequencies, 6, 2.0, trained_len=0), "need trained_len > 0.*trained_len=0"),
        (partial(yarn_frequencies, 6, 2.0, 1.0, trained_len=9), "base must be above 1, got base=1"),
        (
            partial(llama3_frequencies, 6, 2.0, trained_len=9, slow=4.0),
            "0 < slow < fast, got trained_len=9, slow=4.0, fast=4.0",
        ),
        (partial(ntk_frequencies, 2, 4.0), "needs two pairs or more, got d_head=2"),
        (
            partial(Rotary, 6, frequencies=torch.ones(5)),
            "d_head=6 needs 3 frequencies, got 5",
        ),
        (
            partial(rotate_half, torch.ones(2, 6), torch.ones(2, 6)),
            "6 angles don't fit a width of 6",
        ),
        (
            partial(rotate_interleaved, torch.ones(2, 7), torch.ones(2, 3)),
            "3 angles don't fit a width of 7",
        ),
        (
            partial(Rotary(6), torch.ones(1, 1, 4, 6), torch.ones(1, 1, 3, 6)),
            "the queries are the last of the keys, got n_query=4, n_key=3",
        ),
    ],
)
def test_a_wrong_size_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
