"""Blocks and stacks against PyTorch's layers, norm last and norm first, and what must hold."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from pytorch_twins import decoder_weights, encoder_weights, layer_twin, transformer_twin
from torch import nn
from torch.testing import assert_close

from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PostNorm, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.stacks import Decoder, Encoder

BATCH, HEADS, QUERY, KEY, D_HEAD, D_FF = 2, 3, 5, 7, 11, 19
D_MODEL = HEADS * D_HEAD
SIZES = D_MODEL, HEADS, D_FF
LIMITS = {
    torch.float32: {"rtol": 0, "atol": 1e-5},
    torch.float64: {"rtol": 0, "atol": 1e-10},
}
SOURCE = torch.tensor([[5, 6, 7, 8, 9, 0, 0], [0, 0, 5, 6, 7, 8, 9]])
TARGET = torch.tensor([[5, 6, 7, 0, 0], [5, 6, 7, 8, 9]])
AHEAD = causal_mask(QUERY)
both_norms = pytest.mark.parametrize("residual", [PostNorm, PreNorm])
both_types = pytest.mark.parametrize("dtype", LIMITS, ids=str)


def around(residual, dropout=0.0):
    return lambda: residual(LayerNorm(D_MODEL), dropout)


def attention():
    return MultiHeadAttention(D_MODEL, HEADS)


def encoder_block(residual, **parts):
    return EncoderBlock(attention(), FeedForward(D_MODEL, D_FF), around(residual, **parts))


def decoder_block(residual):
    return DecoderBlock(attention(), attention(), FeedForward(D_MODEL, D_FF), around(residual))


def varied(part):
    """Weights as after training: norms and biases don't start at 1 and 0."""
    for parameter in part.parameters():
        nn.init.normal_(parameter, std=0.3)
    return part


def same(output, expected, leaves, dtype):
    """Equal outputs and equal gradients of the inputs."""
    assert_close(output, expected, **LIMITS[dtype])
    along = torch.randn_like(output)
    ours = torch.autograd.grad(output, leaves, along)
    for one, other in zip(ours, torch.autograd.grad(expected, leaves, along), strict=True):
        assert_close(one, other, **LIMITS[dtype])


def vectors(length, dtype):
    return torch.randn(BATCH, length, D_MODEL, dtype=dtype, requires_grad=True)


@both_norms
@both_types
@pytest.mark.parametrize("bend", [F.relu, F.gelu])
def test_encoder_block_agrees_with_pytorchs_layer(bend, residual, dtype):
    ours = varied(encoder_block(residual)).to(dtype)
    ours.feed_forward.activation = bend
    kind = partial(nn.TransformerEncoderLayer, activation=bend)
    theirs = layer_twin(kind, encoder_weights(ours), SIZES, dtype, residual is PreNorm)
    x = vectors(KEY, dtype)
    expected = theirs(x, src_key_padding_mask=SOURCE == 0)
    same(ours(x, padding_mask(SOURCE, 0)), expected, [x], dtype)


@both_norms
@both_types
def test_decoder_block_agrees_with_pytorchs_layer(residual, dtype):
    ours = varied(decoder_block(residual)).to(dtype)
    kind = nn.TransformerDecoderLayer
    theirs = layer_twin(kind, decoder_weights(ours), SIZES, dtype, residual is PreNorm)
    x, memory = vectors(QUERY, dtype), vectors(KEY, dtype)
    mask = combine_masks(AHEAD, padding_mask(TARGET, 0))
    expected = theirs(
        x,
        memory,
        tgt_mask=~AHEAD,
        tgt_key_padding_mask=TARGET == 0,
        memory_key_padding_mask=SOURCE == 0,
    )
    same(ours(x, memory, mask, padding_mask(SOURCE, 0)), expected, [x, memory], dtype)


@both_norms
@both_types
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_stacks_agree_with_pytorchs_transformer(residual, dtype):
    last = LayerNorm if residual is PreNorm else lambda d: None
    encoder = varied(Encoder([encoder_block(residual) for _ in range(2)], last(D_MODEL)))
    decoder = varied(Decoder([decoder_block(residual) for _ in range(3)], last(D_MODEL)))
    encoder, decoder = encoder.to(dtype), decoder.to(dtype)
    theirs = transformer_twin(encoder, decoder, SIZES, dtype, residual is PreNorm)
    source, target = vectors(KEY, dtype), vectors(QUERY, dtype)
    expected = theirs(
        source,
        target,
        tgt_mask=~AHEAD,
        src_key_padding_mask=SOURCE == 0,
        memory_key_padding_mask=SOURCE == 0,
    )
    seen = padding_mask(SOURCE, 0)
    output = decoder(target, encoder(source, seen), AHEAD, seen)
    same(output, expected, [source, target], dtype)


@both_norms
def test_the_weights_come_from_the_attention_inside(residual):
    block, x, memory = decoder_block(residual), vectors(QUERY, None), vectors(KEY, None)
    output, (back, over) = block(x, memory, AHEAD, return_weights=True)
    assert_close(output, block(x, memory, AHEAD))
    assert back.shape == (BATCH, HEADS, QUERY, QUERY) and over.shape == (BATCH, HEADS, QUERY, KEY)
    read = block.around_self.norm(x) if residual is PreNorm else x
    _, expected = block.self_attention(read, mask=AHEAD, return_weights=True)
    assert_close(back, expected)


def test_a_stack_returns_one_set_of_weights_for_each_block():
    x, memory = vectors(QUERY, None), vectors(KEY, None)
    _, weights = Encoder([encoder_block(PostNorm) for _ in range(3)])(x, return_weights=True)
    assert [w.shape for w in weights] == [(BATCH, HEADS, QUERY, QUERY)] * 3
    blocks = [decoder_block(PreNorm) for _ in range(2)]
    _, pairs = Decoder(blocks, LayerNorm(D_MODEL))(x, memory, return_weights=True)
    shapes = [(back.shape[-1], over.shape[-1]) for back, over in pairs]
    assert shapes == [(QUERY, KEY)] * 2


@both_norms
def test_nothing_written_later_changes_what_was_written(residual):
    decoder = Decoder([decoder_block(residual) for _ in range(2)], LayerNorm(D_MODEL)).eval()
    x, memory = vectors(QUERY, None), vectors(KEY, None)
    for cut in range(1, QUERY):
        other = torch.cat([x[:, :cut], torch.randn_like(x[:, cut:]) * 9], dim=1)
        before, after = decoder(x, memory, AHEAD), decoder(other, memory, AHEAD)
        assert torch.equal(before[:, :cut], after[:, :cut])  # exactly: no tolerance
        assert not torch.equal(before[:, cut:], after[:, cut:])


@both_norms
def test_what_padding_holds_never_reaches_a_real_token(residual):
    encoder = Encoder([encoder_block(residual) for _ in range(2)]).eval()
    x, seen = vectors(KEY, None).detach(), SOURCE != 0
    other = torch.where(seen[..., None], x, torch.randn_like(x) * 9)
    before, after = (encoder(each, padding_mask(SOURCE, 0)) for each in (x, other))
    assert torch.equal(before[seen], after[seen])


def test_a_sentence_means_the_same_alone_and_in_a_batch():
    encoder = Encoder([encoder_block(PostNorm) for _ in range(2)]).double()
    x = vectors(KEY, torch.float64)
    together = encoder(x, padding_mask(SOURCE, 0))
    alone = encoder(x[:1, :5])  # the first sentence, without its two pads
    assert_close(together[:1, :5], alone, **LIMITS[torch.float64])


def test_dropout_falls_on_what_a_sublayer_says_and_not_on_the_road_around_it():
    block, x = encoder_block(PreNorm, dropout=0.999999), vectors(QUERY, None)
    assert torch.equal(block(x), x)
    block.eval()
    assert not torch.equal(block(x), x)


def test_each_sublayer_has_its_own_norm():
    for block, count in ((encoder_block(PostNorm), 2), (decoder_block(PostNorm), 3)):
        norms = {id(part) for part in block.modules() if isinstance(part, LayerNorm)}
        assert len(norms) == count
