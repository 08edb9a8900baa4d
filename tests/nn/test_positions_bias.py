"""Biases on the scores, ALiBi and T5's: against Hugging Face's, hand work, and what must hold."""

import math
from functools import partial

import pytest
import torch
from torch.testing import assert_close
from transformers import T5Config
from transformers.models.bloom import modeling_bloom as bloom
from transformers.models.t5.modeling_t5 import T5Attention

from course_lib.nn.masks import causal_mask
from course_lib.nn.positions.alibi import Alibi, alibi_slopes
from course_lib.nn.positions.relative import RelativeBias, t5_bucket

BATCH, HEADS, KV_HEADS, QUERY, KEY, D_HEAD = 2, 12, 3, 5, 11, 7
LIMITS = {
    torch.float32: {"rtol": 0, "atol": 1e-5},
    torch.float64: {"rtol": 0, "atol": 1e-10},
}
EXACT = LIMITS[torch.float64]
METHODS = {
    "alibi": Alibi,
    "t5": RelativeBias,
    "t5 causal": partial(RelativeBias, bidirectional=False),
}


def heads(dtype=torch.float64, n_query=QUERY, n_key=KEY):
    query = torch.randn(BATCH, HEADS, n_query, D_HEAD, dtype=dtype)
    return query, torch.randn(BATCH, KV_HEADS, n_key, D_HEAD, dtype=dtype)


def bias_of(position, *args, **kwargs):
    return position(*heads(*args, **kwargs))[2]


@pytest.mark.parametrize("num_heads", [*range(1, 34), 40, 64, 71, 112])
def test_slopes_agree_with_bloom(num_heads):
    theirs = bloom._get_alibi_slopes(num_heads, torch.device("cpu"))
    assert_close(alibi_slopes(num_heads).float(), theirs, rtol=1e-6, atol=0)


def test_slopes_of_the_paper():
    eight = [1 / 2**n for n in range(1, 9)]
    sixteen = [1 / 2 ** (n / 2) for n in range(1, 17)]
    for slopes in (eight, sixteen):
        expected = torch.tensor(slopes, dtype=torch.float64)
        assert_close(alibi_slopes(len(slopes)), expected, rtol=1e-15, atol=0)
    # twelve heads: the slopes of eight, then the first, third, fifth and seventh of sixteen
    expected = torch.tensor(eight + sixteen[0:8:2], dtype=torch.float64)
    assert_close(alibi_slopes(12), expected, rtol=1e-15, atol=0)


def test_a_bias_worked_out_by_hand():
    query, key = torch.zeros(1, 8, 2, 1), torch.zeros(1, 8, 3, 1)
    bias = Alibi(8)(query, key)[2]  # two queries, at places 1 and 2
    assert_close(bias[0], torch.tensor([[-0.5, 0.0, -0.5], [-1.0, -0.5, 0.0]]))
    assert_close(bias[7], bias[0] / 128)


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
def test_under_a_causal_mask_alibi_weighs_as_bloom_does(dtype):
    allowed = causal_mask(KEY)
    query, key = heads(dtype, n_query=KEY)
    theirs = bloom.build_alibi_tensor(torch.ones(BATCH, KEY, dtype=torch.int64), HEADS, dtype)
    theirs = theirs.view(BATCH, HEADS, 1, KEY)
    if dtype == torch.float64:  # Bloom's slopes are float32
        theirs = (alibi_slopes(HEADS)[:, None, None] * torch.arange(KEY)).expand(BATCH, -1, -1, -1)
    scores = query @ key.repeat_interleave(HEADS // KV_HEADS, dim=1).transpose(-2, -1)

    def weights(bias):
        return (scores + bias).masked_fill(~allowed, float("-inf")).softmax(dim=-1)

    ours = Alibi(HEADS)(query, key)[2]
    assert_close(weights(ours), weights(theirs), **LIMITS[dtype])
    difference = (ours - theirs).masked_fill(~allowed, 0)
    row = torch.arange(KEY) * alibi_slopes(HEADS)[:, None]
    constant = (-row[..., None] * allowed).to(dtype).expand_as(difference)
    assert_close(difference, constant, **LIMITS[dtype])


def test_alibi_looks_both_ways_alike():
    bias = bias_of(Alibi(HEADS), n_query=KEY)
    assert_close(bias, bias.transpose(-2, -1), rtol=0, atol=0)
    expected = torch.tensor(
        [[[-s * abs(j - i) for j in range(KEY)] for i in range(KEY)] for s in alibi_slopes(HEADS)],
        dtype=torch.float64,
    )
    assert_close(bias, expected, **EXACT)


BUCKETS = [(32, 128), (32, 20), (16, 64), (20, 100), (64, 512), (4, 3), (18, 128), (26, 288)]


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_buckets, max_distance", BUCKETS)
def test_buckets_agree_with_hugging_face(num_buckets, max_distance, bidirectional):
    relative = torch.arange(-1009, 1014)
    ours = t5_bucket(relative, num_buckets, max_distance, bidirectional)
    theirs = T5Attention._relative_position_bucket(
        relative, bidirectional, num_buckets, max_distance
    )
    assert torch.equal(ours, theirs)
    assert ours.min() >= 0 and ours.max() == num_buckets - 1


def test_buckets_of_one_direction_worked_out_by_hand():
    # 8 buckets: distances 0-3 one by one; then 4 * 2^(1/2) = 5.7, 8, 11.3 and 16 are borders
    assert t5_bucket(-torch.arange(19), 8, 16, bidirectional=False).tolist() == (
        [0, 1, 2, 3] + 2 * [4] + 2 * [5] + 4 * [6] + 7 * [7]
    )
    assert t5_bucket(torch.arange(19), 8, 16, bidirectional=False).tolist() == 19 * [0]


def test_buckets_of_both_directions_worked_out_by_hand():
    # 8 buckets, 4 each way: distances 0 and 1 one by one, then 2 * 4^(1/2) = 4 is a border
    past = t5_bucket(-torch.arange(11), 8, 8).tolist()
    assert past == [0, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3]
    future = t5_bucket(torch.arange(11), 8, 8).tolist()
    assert future == [0, *(bucket + 4 for bucket in past[1:])]


def t5s_attention(decoder, dtype):
    config = T5Config(
        d_model=19, d_kv=D_HEAD, num_heads=HEADS, relative_attention_num_buckets=10,
        relative_attention_max_distance=8, is_decoder=decoder,
    )  # fmt: skip
    return T5Attention(config, has_relative_attention_bias=True, layer_idx=0).to(dtype)


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
@pytest.mark.parametrize("n_query", [1, QUERY, 31])
@pytest.mark.parametrize("decoder", [False, True])
def test_the_learned_bias_agrees_with_t5(decoder, n_query, dtype):
    theirs = t5s_attention(decoder, dtype)
    ours = RelativeBias(HEADS, 10, 8, bidirectional=not decoder).to(dtype)
    ours.buckets.load_state_dict(theirs.relative_attention_bias.state_dict())
    query, key = heads(dtype, n_query, n_key=31)
    same_query, same_key, bias = ours(query, key)
    assert same_query is query and same_key is key
    expected = theirs.compute_bias(n_query, 31, past_seen_tokens=31 - n_query)[0]
    assert_close(bias, expected, **LIMITS[dtype])

    along = torch.randn_like(bias)
    bias.backward(along)
    expected.backward(along)
    gradient = ours.buckets.weight.grad
    assert_close(gradient, theirs.relative_attention_bias.weight.grad, **LIMITS[dtype])
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_bias_sees_distance_alone(method):
    bias = bias_of(method(HEADS), n_query=KEY)
    assert_close(bias[:, 1:, 1:], bias[:, :-1, :-1], rtol=0, atol=0)
    near_and_far = bias[:, -1, -1], bias[:, -1, 0]
    assert (near_and_far[0] != near_and_far[1]).all()
    assert len(set(bias[:, -1, 0].tolist())) == HEADS  # each head has its own


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_the_queries_are_the_last_of_the_keys(method):
    position = method(HEADS)
    whole = bias_of(position, n_query=KEY)
    for n_query in range(1, KEY + 1):
        bias = bias_of(position, n_query=n_query)
        assert_close(bias, whole[:, -n_query:], rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_the_bias_has_the_dtype_of_the_queries_and_is_rounded_once(method, dtype):
    position = method(HEADS).double()
    exact = bias_of(position, n_key=1009)
    bias = bias_of(position.to(dtype), dtype, n_key=1009)
    assert bias.dtype == dtype
    # to the nearest number, by way of float32, where slope and product are rounded
    once = max(0.501 * torch.finfo(dtype).eps, torch.finfo(torch.float32).eps)
    assert_close(bias.double(), exact, rtol=once, atol=1e-7)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_module_in_float32_does_not_widen_scores_in_half(method):
    assert bias_of(method(HEADS), torch.float16).dtype == torch.float16


def test_alibi_learns_nothing_and_t5_one_number_for_each_head_and_bucket():
    assert not Alibi(HEADS).state_dict()
    saved = RelativeBias(HEADS, 10).state_dict()
    assert {name: tuple(x.shape) for name, x in saved.items()} == {"buckets.weight": (10, HEADS)}


def test_the_learned_bias_starts_small():
    start = RelativeBias(101, 104).buckets.weight
    # 10,504 draws: four standard errors of their deviation are 0.0006
    assert abs(start.std() - 0.02) < 0.0006


def test_derivatives_agree_with_finite_differences():
    position = RelativeBias(2, 6, 5).double()
    x = torch.zeros(1, 2, 5, 1, dtype=torch.float64)

    def bias(weight):
        return torch.func.functional_call(position, {"buckets.weight": weight}, (x, x))[2]

    weight = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(bias, weight)


@pytest.mark.parametrize(
    "num_buckets, max_distance, bidirectional, rule",
    [
        (2, 128, True, "need 4 buckets or more, a multiple of 2"),
        (9, 128, True, "need 4 buckets or more, a multiple of 2"),
        (1, 128, False, "need 2 buckets or more, a multiple of 1"),
        (32, 8, True, r"a max_distance above 8 \(the distances with a bucket each\)"),
        (32, 16, False, r"a max_distance above 16 \(the distances with a bucket each\)"),
    ],
)
def test_buckets_that_do_not_divide_are_refused(num_buckets, max_distance, bidirectional, rule):
    message = f"{rule}.*got num_buckets={num_buckets}, max_distance={max_distance}"
    with pytest.raises(ValueError, match=message):
        t5_bucket(torch.arange(3), num_buckets, max_distance, bidirectional)
    with pytest.raises(ValueError, match=message):
        RelativeBias(HEADS, num_buckets, max_distance, bidirectional)


def test_no_heads_are_refused():
    with pytest.raises(ValueError, match="need at least one head, got num_heads=0"):
        Alibi(0)


@pytest.mark.parametrize("num_heads", [1, 3])
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_bias_for_other_heads_is_refused(method, num_heads):
    message = f"a bias for num_heads={num_heads} can't serve 12 heads of queries"
    with pytest.raises(ValueError, match=message):
        method(num_heads)(*heads())


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_more_queries_than_keys_are_refused(method):
    with pytest.raises(ValueError, match="last of the keys, got n_query=13, n_key=11"):
        method(HEADS)(*heads(n_query=13))


def test_scores_fall_by_a_constant_ratio_with_distance():
    weights = bias_of(Alibi(HEADS), n_query=1).exp()[:, 0]
    ratio = weights[:, 1:] / weights[:, :-1]
    expected = torch.tensor([math.exp(slope) for slope in alibi_slopes(HEADS)]).double()
    assert_close(ratio, expected[:, None].expand_as(ratio), rtol=1e-6, atol=0)
