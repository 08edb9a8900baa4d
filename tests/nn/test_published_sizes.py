"""Sizes and conventions of published models: what attention can be told; a cache of the past."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from course_lib.nn.attention import scaled_dot_product_attention
from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PreNorm
from course_lib.nn.cache import Cache
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.grouped import grouped_query_attention, share_heads
from course_lib.nn.masks import causal_mask, combine_masks
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.alibi import Alibi
from course_lib.nn.positions.relative import RelativeBias
from course_lib.nn.positions.rotary import Rotary
from course_lib.nn.stacks import Decoder, Encoder

BATCH, HEADS, QUERY, KEY, D_MODEL, D_HEAD = 2, 6, 5, 7, 13, 8
POSITIONS = {
    "none": lambda: None,
    "rotary": lambda: Rotary(D_HEAD),
    "alibi": lambda: Alibi(HEADS),
    "t5": lambda: RelativeBias(HEADS),
}
both_paths = pytest.mark.parametrize("return_weights", [False, True], ids=["fused", "explicit"])
positions = pytest.mark.parametrize("position", POSITIONS.values(), ids=POSITIONS)


def attention(position=None, **sizes):
    sizes = {"num_kv_heads": 2, "d_head": D_HEAD} | sizes
    return MultiHeadAttention(D_MODEL, HEADS, position=position, **sizes).double()


def tokens(seq=KEY, batch=BATCH):
    return torch.randn(batch, seq, D_MODEL, dtype=torch.float64, requires_grad=True)


def output_of(layer, *inputs, return_weights=False, **given):
    output = layer(*inputs, return_weights=return_weights, **given)
    return output[0] if return_weights else output


@both_paths
@pytest.mark.parametrize("scale", [None, 1.0, 0.3])
@pytest.mark.parametrize("num_kv_heads", [1, 2, 6])
def test_a_width_of_heads_and_a_scale_of_ones_own(num_kv_heads, scale, return_weights):
    layer = attention(num_kv_heads=num_kv_heads, scale=scale)
    x, memory = tokens(QUERY), tokens(KEY)
    output = output_of(layer, x, memory, return_weights=return_weights)

    q = layer.to_q(x).view(BATCH, QUERY, HEADS, D_HEAD)
    k = layer.to_k(memory).view(BATCH, KEY, num_kv_heads, D_HEAD)
    v = layer.to_v(memory).view(BATCH, KEY, num_kv_heads, D_HEAD)
    parts = []
    for h in range(HEADS):
        g = h * num_kv_heads // HEADS
        scores = q[:, :, h] @ k[:, :, g].mT * (D_HEAD**-0.5 if scale is None else scale)
        parts.append(scores.softmax(-1) @ v[:, :, g])
    expected = torch.cat(parts, -1) @ layer.to_out.weight.T + layer.to_out.bias
    assert_close(output, expected)
    along = torch.randn_like(output)
    leaves = [x, memory, *layer.parameters()]
    ours, theirs = (torch.autograd.grad(y, leaves, along) for y in (output, expected))
    for one, other in zip(ours, theirs, strict=True):
        assert_close(one, other)


def test_biases_can_be_had_on_one_side_alone():
    for bias, bias_out in ((True, False), (False, True)):
        layer = attention(bias=bias, bias_out=bias_out)
        has = [part.bias is not None for part in (layer.to_q, layer.to_k, layer.to_v, layer.to_out)]
        assert has == [bias, bias, bias, bias_out]


def test_a_head_without_numbers_is_refused():
    with pytest.raises(ValueError, match="at least one number, got d_head=0"):
        attention(d_head=0)


def test_grouped_queries_are_a_function_too():
    q = torch.randn(BATCH, HEADS, QUERY, D_HEAD).double()
    k, v = torch.randn(2, BATCH, 2, KEY, D_HEAD).double()
    mask, bias = causal_mask(QUERY, KEY), torch.randn(1, HEADS, QUERY, KEY).double()
    output, weights = grouped_query_attention(q, k, v, mask, bias, scale=0.3)
    added = bias.masked_fill(~mask, float("-inf"))
    theirs = F.scaled_dot_product_attention(q, k, v, attn_mask=added, scale=0.3, enable_gqa=True)
    assert_close(output, theirs)
    assert_close(weights @ share_heads(v, HEADS), output)
    same, _ = grouped_query_attention(q, q, q)
    assert torch.equal(same, scaled_dot_product_attention(q, q, q)[0])


@pytest.mark.parametrize("num_heads", [0, 5])
def test_heads_that_can_not_be_shared_out_are_refused(num_heads):
    with pytest.raises(ValueError, match=f"num_kv_heads=2, num_heads={num_heads}"):
        share_heads(torch.randn(BATCH, 2, KEY, D_HEAD), num_heads)


@both_paths
@positions
def test_with_its_places_padding_on_the_left_changes_nothing(position, return_weights):
    layer, x = attention(position()), tokens()
    left = torch.tensor([0, 3])  # how much padding each sequence has in front
    padded = torch.cat((torch.full((BATCH, 3, D_MODEL), 9.0).double(), x), dim=1)
    padded = torch.stack([row[3 - n : 3 - n + KEY] for row, n in zip(padded, left, strict=True)])
    places = (torch.arange(KEY) - left[:, None]).clamp(min=0)
    seen = (torch.arange(KEY) >= left[:, None])[:, None, None]
    mask = combine_masks(causal_mask(KEY), seen)
    output = output_of(layer, padded, mask=mask, places=places, return_weights=return_weights)
    for i, n in enumerate(left):
        alone = layer(x[i : i + 1, : KEY - n], mask=causal_mask)
        assert_close(output[i : i + 1, n:], alone)


@both_paths
@positions
def test_given_places_that_count_from_0_are_the_places_not_given(position, return_weights):
    layer, x = attention(position()), tokens()
    places = torch.arange(KEY)
    expected = output_of(layer, x[:, -2:], x, mask=causal_mask, return_weights=return_weights)
    for given in (places, places.expand(BATCH, KEY)):
        output = output_of(
            layer, x[:, -2:], x, mask=causal_mask, places=given, return_weights=return_weights
        )
        assert_close(output, expected)


class Kept:
    """The smallest cache: one list grown by concatenation for each layer."""

    def __init__(self):
        self.kept, self.length = {}, 0

    def append(self, layer, key, value):
        if id(layer) in self.kept:
            past = self.kept[id(layer)]
            key, value = (torch.cat(pair, dim=2) for pair in zip(past, (key, value), strict=True))
        self.kept[id(layer)], self.length = (key, value), key.shape[2]
        return key, value


def block_of(position):
    return EncoderBlock(attention(position()), FeedForward(D_MODEL, 11), around).double()


def around():
    return PreNorm(LayerNorm(D_MODEL).double())


@both_paths
@positions
def test_reading_piece_by_piece_from_a_cache_is_reading_at_once(position, return_weights):
    stack, x, cache = Encoder([block_of(position), block_of(position)]), tokens(), Kept()
    assert isinstance(cache, Cache)
    whole = output_of(stack, x, mask=causal_mask, return_weights=return_weights)
    pieces = [
        output_of(stack, piece, mask=causal_mask, cache=cache, return_weights=return_weights)
        for piece in x.split([3, 1, 2, 1], dim=1)
    ]
    assert cache.length == KEY and len(cache.kept) == 2
    assert_close(torch.cat(pieces, dim=1), whole)


@positions
def test_a_decoder_reads_its_own_past_from_a_cache_and_the_memory_as_ever(position):
    network = FeedForward(D_MODEL, 11)
    block = DecoderBlock(attention(position()), attention(), network, around).double()
    decoder, memory, x, cache = Decoder([block]), tokens(3), tokens(), Kept()
    whole = decoder(x, memory, causal_mask)
    pieces = [decoder(p, memory, causal_mask, cache=cache) for p in x.split([3, 4], dim=1)]
    assert_close(torch.cat(pieces, dim=1), whole)
    places = torch.arange(KEY) * 2  # the places reach the self-attention alone
    stretched = decoder(x, memory, causal_mask, places=places)
    assert torch.allclose(stretched, whole) == (block.self_attention.position is None)
