"""A part of one's own is used wholly, or refused: never half, and never unseen."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_lib.models.seq2seq import Seq2Seq, Seq2SeqConfig
from course_lib.nn.attention import SelfAttention, scaled_dot_product_attention
from course_lib.nn.blocks import DecoderBlock, PostNorm
from course_lib.nn.masks import causal_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.relative import RelativeBias
from course_lib.nn.positions.rotary import Rotary

BATCH, HEADS, SEQ, D_MODEL = 2, 3, 5, 12
SOURCE = torch.tensor([[5, 6, 7], [8, 9, 4]])
TARGET = torch.tensor([[1, 6, 7, 8, 9], [1, 5, 6, 2, 3]])  # longer than the source
SMALL = Seq2SeqConfig(17, 17, D_MODEL, HEADS, 2, 19, dropout=0.0, pad_id=16)


def negative(query, key, value, mask=None):
    """An output that is not its weights times the values."""
    output, weights = scaled_dot_product_attention(query, key, value, mask)
    return -output, weights


def blind(query, key, value, mask=None):
    """As fused kernels are: they have no weights to return."""
    return scaled_dot_product_attention(query, key, value, mask)[0], None


@pytest.mark.parametrize("return_weights", [False, True])
def test_the_output_of_an_own_attend_is_what_comes_out_in_training_too(return_weights):
    own = MultiHeadAttention(D_MODEL, HEADS, attend=negative, bias=False).train()
    plain = MultiHeadAttention(D_MODEL, HEADS, bias=False)
    plain.load_state_dict(own.state_dict())
    x = torch.randn(BATCH, SEQ, D_MODEL)
    output = own(x, return_weights=return_weights)
    assert_close(output[0] if return_weights else output, -plain(x))


@pytest.mark.parametrize("attend", [negative, blind])
def test_an_own_attend_can_not_be_given_dropout_in_training(attend):
    own, x = MultiHeadAttention(D_MODEL, HEADS, attend=attend, dropout=0.1), torch.randn(1, 5, 12)
    with pytest.raises(ValueError, match=r"own attend brings its own dropout: .* dropout=0\.1"):
        own(x)
    own.eval()
    assert own(x).shape == x.shape


@pytest.mark.parametrize(
    "layer", [MultiHeadAttention(12, 3, attend=blind), SelfAttention(12, attend=blind)]
)
def test_an_attend_without_weights_serves_whoever_does_not_ask(layer):
    x = torch.randn(BATCH, SEQ, D_MODEL)
    plain = type(layer)(D_MODEL, *([HEADS] if isinstance(layer, MultiHeadAttention) else []))
    plain.load_state_dict(layer.state_dict())
    assert_close(layer(x), plain(x))
    with pytest.raises(ValueError, match="this attend returns no weights"):
        layer(x, return_weights=True)


def test_an_own_attend_can_not_be_given_a_scale():
    with pytest.raises(ValueError, match=r"an own attend scales as it likes.*scale=1\.0"):
        MultiHeadAttention(D_MODEL, HEADS, attend=negative, scale=1.0)


ROTARY = partial(MultiHeadAttention, position=Rotary(4))


def test_positions_of_one_sequence_do_not_reach_across_to_another():
    with pytest.raises(ValueError, match=r"cross-attention can't have a position, got Rotary"):
        Seq2Seq(SMALL, attention=ROTARY)
    look, network = ROTARY(D_MODEL, HEADS), nn.Identity()
    with pytest.raises(ValueError, match=r"cross-attention can't have a position, got Rotary"):
        DecoderBlock(look, look, network, lambda: PostNorm(LayerNorm(D_MODEL)))


def test_each_of_the_three_attentions_can_be_made_its_own_way():
    back = RelativeBias(HEADS, bidirectional=False)
    model = Seq2Seq(
        SMALL,
        attention=ROTARY,
        decoder_attention=partial(MultiHeadAttention, position=back),
        cross_attention=partial(MultiHeadAttention, num_kv_heads=1),
    )
    assert isinstance(model.encoder.blocks[1].attention.position, Rotary)
    block = model.decoder.blocks[1]
    assert block.self_attention.position is back and block.cross_attention.num_kv_heads == 1
    logits, (_, wrote) = model(SOURCE, TARGET, return_weights=True)
    assert_close(logits, model(SOURCE, TARGET))

    # by hand: the cross-attention of the first block, on what it read
    memory = model.encode(SOURCE)
    x = model.position(model.embed_target(TARGET))
    first = model.decoder.blocks[0]
    looked = first.self_attention(x, mask=causal_mask(5)) + x
    x = first.around_self.norm(looked)
    cross = first.cross_attention
    q = cross.to_q(x).unflatten(-1, (HEADS, 4)).transpose(1, 2)
    scores = q @ cross.to_k(memory)[:, None].mT / 2
    assert_close(wrote[0][1], scores.softmax(-1))


def test_a_partial_swaps_every_attention_where_nothing_else_is_said():
    model = Seq2Seq(SMALL, attention=partial(MultiHeadAttention, num_kv_heads=1))
    kinds = [part.num_kv_heads for part in model.modules() if isinstance(part, MultiHeadAttention)]
    assert kinds == [1] * 6
