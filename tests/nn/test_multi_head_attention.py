"""Several heads against PyTorch's module and its fused function, and what must hold."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention, merge_heads, split_heads

BATCH, HEADS, QUERY, KEY, D_HEAD = 2, 3, 5, 7, 11
D_MODEL = HEADS * D_HEAD
LIMITS = {
    torch.float32: {"rtol": 0, "atol": 1e-5},
    torch.float64: {"rtol": 0, "atol": 1e-10},
}
PADDING = padding_mask(torch.tensor([[5, 6, 7, 8, 9, 0, 0], [0, 0, 5, 6, 7, 8, 9]]), pad_id=0)


def one_row_hidden():
    mask = causal_mask(QUERY, KEY).clone()
    mask[1] = False
    return mask


MASKS = {
    "none": None,
    "causal": causal_mask(QUERY, KEY),
    "padding": PADDING,
    "both": combine_masks(causal_mask(QUERY, KEY, window=5), PADDING),
    "one row hidden": one_row_hidden(),
    "all hidden": torch.zeros(QUERY, KEY, dtype=torch.bool),
}


def inputs(dtype=torch.float64, grad=False):
    sizes = (QUERY, KEY, KEY)
    return [torch.randn(BATCH, n, D_MODEL, dtype=dtype, requires_grad=grad) for n in sizes]


def same_gradients(one, other, leaves, limits):
    along = torch.randn_like(one)
    pairs = zip(
        torch.autograd.grad(one, leaves, along, retain_graph=True),
        torch.autograd.grad(other, leaves, along, retain_graph=True),
        strict=True,
    )
    for left, right in pairs:
        assert left.isfinite().all()
        assert_close(left, right, **limits)


def pytorchs_twin(ours):
    """PyTorch's module with our weights; it keeps queries, keys and values in one matrix."""
    theirs = nn.MultiheadAttention(D_MODEL, HEADS, batch_first=True)
    projections = ours.to_q, ours.to_k, ours.to_v
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.cat([layer.weight for layer in projections]),
            "in_proj_bias": torch.cat([layer.bias for layer in projections]),
            "out_proj.weight": ours.to_out.weight,
            "out_proj.bias": ours.to_out.bias,
        }
    )
    return theirs.to(ours.to_q.weight.dtype)


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_agrees_with_pytorchs_module(causal, padded, dtype):
    ours = MultiHeadAttention(D_MODEL, HEADS).to(dtype)
    theirs = pytorchs_twin(ours)
    masks = [causal_mask(QUERY, KEY)] * causal + [PADDING] * padded
    qkv = inputs(dtype, grad=True)
    output, weights = ours(*qkv, combine_masks(*masks) if masks else None, return_weights=True)
    expected, their_weights = theirs(  # True hides in both of its masks
        *qkv,
        attn_mask=~causal_mask(QUERY, KEY) if causal else None,
        key_padding_mask=~PADDING[:, 0, 0] if padded else None,
        average_attn_weights=False,
    )
    assert_close(output, expected, **LIMITS[dtype])
    assert_close(weights, their_weights, **LIMITS[dtype])
    same_gradients(output, expected, qkv, LIMITS[dtype])

    along = torch.randn_like(output)
    output.backward(along, retain_graph=True)
    expected.backward(along)
    ours_together = torch.cat([part.weight.grad for part in (ours.to_q, ours.to_k, ours.to_v)])
    assert_close(ours_together, theirs.in_proj_weight.grad, **LIMITS[dtype])
    assert_close(ours.to_out.weight.grad, theirs.out_proj.weight.grad, **LIMITS[dtype])
    assert_close(ours.to_out.bias.grad, theirs.out_proj.bias.grad, **LIMITS[dtype])


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
@pytest.mark.parametrize("num_kv_heads", [1, 2, 6])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_the_fused_path_equals_the_readable_one(mask, num_kv_heads, dtype):
    layer = MultiHeadAttention(66, 6, num_kv_heads).to(dtype)
    qkv = [torch.randn(BATCH, n, 66, dtype=dtype, requires_grad=True) for n in (QUERY, KEY, KEY)]
    fused = layer(*qkv, mask)
    readable, _ = layer(*qkv, mask, return_weights=True)
    assert_close(fused, readable, **LIMITS[dtype])
    same_gradients(fused, readable, [*qkv, *layer.parameters()], LIMITS[dtype])


@pytest.mark.parametrize("return_weights", [False, True])
def test_a_query_that_may_look_nowhere_outputs_only_the_last_bias(return_weights):
    layer = MultiHeadAttention(D_MODEL, HEADS).double()
    output = layer(*inputs(), one_row_hidden(), return_weights=return_weights)
    output = output[0] if return_weights else output
    assert_close(output[:, 1], layer.to_out.bias.expand(BATCH, D_MODEL))


def test_the_fused_path_is_taken_only_when_nobody_asks_for_weights(monkeypatch):
    calls, fused = [], F.scaled_dot_product_attention
    monkeypatch.setattr(
        F, "scaled_dot_product_attention", lambda *a, **k: calls.append(1) or fused(*a, **k)
    )
    layer, x = MultiHeadAttention(D_MODEL, HEADS), torch.randn(BATCH, QUERY, D_MODEL)
    layer(x, return_weights=True)
    assert not calls
    layer(x)
    assert calls


@pytest.mark.parametrize("num_kv_heads", [1, 2])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_grouped_queries_agree_with_pytorchs_grouping(mask, num_kv_heads):
    layer = MultiHeadAttention(66, 6, num_kv_heads).double()
    query, context = torch.randn(BATCH, QUERY, 66).double(), torch.randn(BATCH, KEY, 66).double()

    def heads(layer, x, n):  # another way than `split_heads`
        return layer(x).view(BATCH, -1, n, 11).transpose(1, 2)

    theirs = F.scaled_dot_product_attention(
        heads(layer.to_q, query, 6),
        heads(layer.to_k, context, num_kv_heads),
        heads(layer.to_v, context, num_kv_heads),
        attn_mask=mask,
        enable_gqa=True,
    )
    expected = layer.to_out(theirs.transpose(1, 2).reshape(BATCH, QUERY, 66))
    output, weights = layer(query, context, mask=mask, return_weights=True)
    assert_close(output, expected, **LIMITS[torch.float64])
    assert weights.shape == (BATCH, 6, QUERY, KEY)


def test_key_defaults_to_query_and_value_to_key():
    layer, (query, key, _) = MultiHeadAttention(D_MODEL, HEADS).double(), inputs()
    assert_close(layer(query), layer(query, query, query))
    assert_close(layer(query, key), layer(query, key, key))


@pytest.mark.parametrize("return_weights", [False, True])
def test_the_future_cannot_change_the_past(return_weights):
    layer = MultiHeadAttention(D_MODEL, HEADS)
    x = torch.randn(BATCH, KEY, D_MODEL)
    changed = torch.cat([x[:, :4], torch.randn(BATCH, KEY - 4, D_MODEL)], dim=1)

    def run(x):
        output = layer(x, mask=causal_mask(KEY), return_weights=return_weights)
        return output[0] if return_weights else output

    assert_close(run(x)[:, :4], run(changed)[:, :4], rtol=0, atol=0)
    assert not torch.equal(run(x)[:, 4:], run(changed)[:, 4:])


def test_the_past_gets_no_gradient_from_the_future():
    layer, x = MultiHeadAttention(D_MODEL, HEADS), torch.randn(BATCH, KEY, D_MODEL)
    x.requires_grad_()
    layer(x, mask=causal_mask(KEY))[:, 3].sum().backward()
    assert (x.grad[:, 4:] == 0).all() and (x.grad[:, :4] != 0).any()


def test_padding_cannot_change_the_real_tokens():
    layer, (query, key, _) = MultiHeadAttention(D_MODEL, HEADS).double(), inputs()
    hidden = ~PADDING[:, 0, 0]
    changed = key.masked_fill(hidden[..., None], 9.0)
    assert_close(layer(query, key, mask=PADDING), layer(query, changed, mask=PADDING))
    assert not torch.allclose(layer(query, key), layer(query, changed))


def test_sequences_of_a_batch_do_not_see_each_other():
    layer, x = MultiHeadAttention(D_MODEL, HEADS), torch.randn(BATCH, KEY, D_MODEL)
    changed = torch.stack([x[0], torch.randn(KEY, D_MODEL)])
    assert_close(layer(x)[0], layer(changed)[0], rtol=0, atol=0)


def test_shuffling_the_tokens_shuffles_the_output():
    layer = MultiHeadAttention(D_MODEL, HEADS).double()
    x, order = torch.randn(BATCH, KEY, D_MODEL).double(), torch.randperm(KEY)
    assert_close(layer(x[:, order]), layer(x)[:, order], **LIMITS[torch.float64])


@pytest.mark.parametrize("return_weights", [False, True])
def test_derivatives_agree_with_finite_differences(return_weights):
    layer = MultiHeadAttention(6, 2, 1).double()
    x = torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True)
    mask = causal_mask(3).clone()
    mask[1] = False
    assert torch.autograd.gradcheck(lambda x: layer(x, mask=mask, return_weights=return_weights), x)


def weights_in_the_open(dropout):
    """A head whose output is its weights: values are the rows of the identity matrix."""
    layer = MultiHeadAttention(KEY, 1, dropout=dropout, bias=False)
    for projection in (layer.to_v, layer.to_out):
        projection.weight.data = torch.eye(KEY)
    query, value = torch.randn(101, 53, KEY), torch.eye(KEY).expand(101, KEY, KEY)
    return layer, query, torch.randn(101, KEY, KEY), value


@pytest.mark.parametrize("return_weights", [False, True])
def test_dropout_hides_its_share_of_weights_and_scales_the_rest(return_weights):
    dropout = 0.3
    layer, *qkv = weights_in_the_open(dropout)
    output = layer(*qkv, return_weights=return_weights)
    dropped = output[0] if return_weights else output
    whole = layer.eval()(*qkv)
    gone = dropped == 0
    # 101 * 53 * 7 = 37,471 draws: four standard deviations are 0.0095
    assert abs(gone.double().mean() - dropout) < 0.0095
    assert_close(dropped[~gone], (whole / (1 - dropout))[~gone])


@pytest.mark.parametrize("return_weights", [False, True])
def test_dropout_hides_a_key_as_a_whole_and_not_single_numbers_of_the_output(return_weights):
    layer, query, key, _ = weights_in_the_open(0.3)
    output = layer(query, key, torch.ones(101, KEY, KEY), return_weights=return_weights)
    output = output[0] if return_weights else output
    assert_close(output, output[..., :1].expand_as(output))
    assert output.std() > 0.1


def test_dropout_rests_outside_training_and_spares_the_returned_weights():
    layer, *qkv = weights_in_the_open(0.5)
    training = layer(*qkv, return_weights=True)[1]
    layer.eval()
    assert_close(training.sum(-1), torch.ones(101, 1, 53))
    assert_close(layer(*qkv), layer(*qkv, return_weights=True)[0])


@pytest.mark.parametrize("return_weights", [False, True])
def test_own_parts_are_used_with_the_signatures_of_the_defaults(return_weights):
    seen = []

    def attend(query, key, value, mask=None):
        seen.append([tuple(part.shape) for part in (query, key, value, mask)])
        return scaled_dot_product_attention(query, key, value, mask)

    def split(x, num_heads):
        seen.append(num_heads)
        return x.view(*x.shape[:2], num_heads, -1).transpose(1, 2)

    def merge(heads):
        seen.append(tuple(heads.shape))
        return heads.transpose(1, 2).flatten(2)

    plain = MultiHeadAttention(66, 6, 2)
    own = MultiHeadAttention(66, 6, 2, attend=attend, split=split, merge=merge)
    own.load_state_dict(plain.state_dict())
    x, mask = torch.randn(BATCH, QUERY, 66), causal_mask(QUERY)
    output = own(x, mask=mask, return_weights=return_weights)
    assert_close(output[0] if return_weights else output, plain(x, mask=mask))
    one = (BATCH, 6, QUERY, 11)  # keys and values come repeated: one for each query head
    assert seen == [6, 2, 2, [one, one, one, (QUERY, QUERY)], one]


def test_a_merge_that_silences_a_head_removes_just_its_share():
    layer = MultiHeadAttention(D_MODEL, HEADS).double()
    x = torch.randn(BATCH, QUERY, D_MODEL).double()
    share = layer.to_out.weight[:, D_HEAD : 2 * D_HEAD]
    value = layer.to_v(x)[..., D_HEAD : 2 * D_HEAD]
    output, weights = layer(x, return_weights=True)

    merge, layer.merge = (
        layer.merge,
        lambda heads: merge(heads * torch.tensor([1.0, 0.0, 1.0])[:, None, None]),
    )
    assert_close(layer(x), output - weights[:, 1] @ value @ share.T)


def test_a_copy_of_a_layer_behaves_like_it():
    layer, x = MultiHeadAttention(D_MODEL, HEADS), torch.randn(BATCH, QUERY, D_MODEL)
    assert torch.equal(copy.deepcopy(layer)(x), layer(x))


def test_parameters_have_the_names_that_checkpoints_are_mapped_to():
    names = MultiHeadAttention(12, 6, 2).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in names.items()} == {
        "to_q.weight": (12, 12),
        "to_q.bias": (12,),
        "to_k.weight": (4, 12),
        "to_k.bias": (4,),
        "to_v.weight": (4, 12),
        "to_v.bias": (4,),
        "to_out.weight": (12, 12),
        "to_out.bias": (12,),
    }
    assert all(
        name.endswith("weight") for name in MultiHeadAttention(12, 3, bias=False).state_dict()
    )


@pytest.mark.parametrize(
    "sizes, says",
    [
        ((12, 5), r"num_kv_heads=5, num_heads=5, d_model=12"),
        ((12, 6, 4), r"num_kv_heads=4, num_heads=6, d_model=12"),
        ((12, 0), r"num_heads=0, d_model=12"),
        ((12, 6, 0), r"num_kv_heads=0, num_heads=6"),
    ],
)
def test_uneven_heads_are_refused(sizes, says):
    with pytest.raises(ValueError, match=says):
        MultiHeadAttention(*sizes)


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_impossible_dropout_is_refused(dropout):
    with pytest.raises(ValueError, match=f"dropout={dropout}"):
        MultiHeadAttention(12, 3, dropout=dropout)


@pytest.mark.parametrize("return_weights", [False, True])
@pytest.mark.parametrize(
    "mask, says",
    [
        (torch.zeros(QUERY, QUERY), r"mask must be bool, True = may look; got torch\.float32"),
        (
            torch.ones(BATCH, QUERY, QUERY).bool(),
            r"got 3 axes \(2, 5, 5\) for scores \(2, 3, 5, 5\)",
        ),
        (torch.ones(BATCH, QUERY).bool(), r"a padding mask needs \(batch, 1, 1, key\)"),
    ],
)
def test_both_paths_refuse_a_mask_that_does_not_fit(mask, says, return_weights):
    layer = MultiHeadAttention(D_MODEL, HEADS)
    with pytest.raises(ValueError, match=says):
        layer(torch.randn(BATCH, QUERY, D_MODEL), mask=mask, return_weights=return_weights)


def test_splitting_cuts_each_vector_into_consecutive_slices():
    x = torch.randn(BATCH, QUERY, HEADS * D_HEAD)
    heads = split_heads(x, HEADS)
    for i in range(HEADS):
        assert torch.equal(heads[:, i], x[..., i * D_HEAD : (i + 1) * D_HEAD])
    assert torch.equal(merge_heads(heads), x)


@pytest.mark.parametrize("num_heads", [0, 5])
def test_heads_that_do_not_divide_the_width_are_refused(num_heads):
    with pytest.raises(ValueError, match=f"num_heads={num_heads}, d_model=33"):
        split_heads(torch.randn(BATCH, QUERY, 33), num_heads)


def shifted(query, key):
    """A stand-in for a position method: it turns queries and keys, and adds a bias."""
    torch.manual_seed(1)
    bias = torch.randn(HEADS, query.shape[-2], key.shape[-2]).to(query)
    return query.roll(1, -1) * 1.5, key.flip(-1), bias


@pytest.mark.parametrize("dtype", LIMITS, ids=str)
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
def test_the_position_step_gives_the_same_on_both_paths(mask, dtype):
    ours = MultiHeadAttention(D_MODEL, HEADS, position=shifted).to(dtype)
    leaves = inputs(dtype, grad=True)
    fused, (output, weights) = ours(*leaves, mask), ours(*leaves, mask, return_weights=True)
    assert_close(fused, output, **LIMITS[dtype])
    same_gradients(fused, output, leaves, LIMITS[dtype])
    q, k, v = (f(x) for f, x in zip((ours.to_q, ours.to_k, ours.to_v), leaves, strict=True))
    q, k, bias = shifted(split_heads(q, HEADS), split_heads(k, HEADS))
    _, expected = scaled_dot_product_attention(q, k, split_heads(v, HEADS), mask, bias[None])
    assert torch.equal(weights, expected)


def test_an_own_attend_gets_the_bias_last():
    got = []

    def attend(q, k, v, mask, *rest):
        got.append(rest)
        return scaled_dot_product_attention(q, k, v, mask, *rest)

    MultiHeadAttention(D_MODEL, HEADS, attend=attend)(*inputs(torch.float32))
    MultiHeadAttention(D_MODEL, HEADS, attend=attend, position=shifted)(*inputs(torch.float32))
    assert got[0] == () and got[1][0].shape == (1, HEADS, QUERY, KEY)
