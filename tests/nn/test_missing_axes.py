"""A missing axis, or one read as another, is refused with its numbers: never a wrong number."""

import pytest
import torch
from torch.testing import assert_close

from course_lib.models.bert import Bert, BertConfig
from course_lib.nn.attention import SelfAttention, scaled_dot_product_attention
from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PostNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.alibi import Alibi
from course_lib.nn.positions.frequencies import rotary_frequencies
from course_lib.nn.positions.learned import LearnedPositions
from course_lib.nn.positions.relative import RelativeBias
from course_lib.nn.positions.rotary import (
    Rotary,
    rotary_angles,
    rotate_half,
    rotate_interleaved,
)
from course_lib.nn.positions.sinusoidal import Sinusoidal

BATCH, HEADS, SEQ, D_HEAD = 5, 3, 5, 4  # as many sequences as tokens: shapes alone can't tell
D_MODEL = HEADS * D_HEAD
pytestmark = pytest.mark.usefixtures("unchecked")


def attention(**parts):
    return MultiHeadAttention(D_MODEL, HEADS, **parts)


def around():
    return PostNorm(LayerNorm(D_MODEL))


def encoder_block():
    return EncoderBlock(attention(), FeedForward(D_MODEL, 7), around)


def decoder_block():
    return DecoderBlock(attention(), attention(), FeedForward(D_MODEL, 7), around)


def tokens(*shape):
    return torch.randn(*(shape or (BATCH, SEQ)), D_MODEL)


@pytest.mark.parametrize("make", [lambda: SelfAttention(D_MODEL), attention, encoder_block])
@pytest.mark.parametrize("shape", [(SEQ,), (2, BATCH, SEQ)])
def test_tokens_without_batch_axis_are_refused(make, shape):
    got = ", ".join(map(str, (*shape, D_MODEL)))
    with pytest.raises(ValueError, match=rf"\(batch, seq, d_model=12\), got \({got}\)"):
        make()(tokens(*shape))


@pytest.mark.parametrize("return_weights", [False, True])
@pytest.mark.parametrize("memory", [(1, 7), (2, 7)])
def test_queries_and_keys_of_other_batches_are_refused(memory, return_weights):
    for look in (attention(), decoder_block()):
        with pytest.raises(ValueError, match=rf"don't fit: .*\(5, 5\), \({memory[0]}, 7\)"):
            look(tokens(), tokens(*memory), return_weights=return_weights)


def test_a_value_is_needed_for_every_key():
    with pytest.raises(ValueError, match=r"\(5, 5\), \(5, 7\), \(5, 6\)"):
        attention()(tokens(), tokens(5, 7), tokens(5, 6))


@pytest.mark.parametrize("place", [1, 2])
def test_a_mask_handed_in_as_keys_or_values_is_named(place):
    given = [tokens(), tokens(), tokens()]
    given[place] = torch.ones(BATCH, 1, 1, SEQ).bool()
    with pytest.raises(ValueError, match=r"is bool \(5, 1, 1, 5\): is it a mask\? .* mask=…"):
        attention()(*given)


def keep_masks():
    """A mask that hides two keys of the second sequence, or two of everyone's second query."""
    keep = torch.ones(BATCH, SEQ).bool()
    keep[1, 3:] = False
    return keep


@pytest.mark.parametrize("return_weights", [False, True])
@pytest.mark.parametrize("make", [lambda: SelfAttention(D_MODEL), attention, encoder_block])
def test_a_mask_that_may_be_of_the_batch_or_of_the_queries_is_refused(make, return_weights):
    layer, x, keep = make().double(), tokens().double(), keep_masks()
    with pytest.raises(ValueError, match=r"mask \(5, 5\) may be \(query, key\) or \(batch, key\)"):
        layer(x, mask=keep, return_weights=return_weights)
    by_batch, by_query = layer(x, mask=keep[:, None, None]), layer(x, mask=keep[None, None])
    for i in range(BATCH):
        one = layer(x[i : i + 1], mask=keep[i].expand(SEQ, SEQ))
        assert_close(by_batch[i : i + 1], one)
        assert_close(by_query[i : i + 1], layer(x[i : i + 1], mask=keep))


@pytest.mark.parametrize("return_weights", [False, True])
@pytest.mark.parametrize("make", [lambda: SelfAttention(D_MODEL), attention, encoder_block])
def test_a_rule_makes_its_mask_whatever_the_batch(make, return_weights):
    layer, x = make().double(), tokens().double()
    by_rule = layer(x, mask=causal_mask, return_weights=return_weights)
    by_rule = by_rule[0] if return_weights else by_rule
    assert_close(by_rule, layer(x, mask=causal_mask(SEQ)[None, None]))


@pytest.mark.parametrize("return_weights", [False, True])
def test_a_rule_with_fewer_queries_than_keys_is_aligned_bottom_right(return_weights):
    layer, x = attention().double(), tokens().double()
    last = layer(x[:, -2:], x, mask=causal_mask, return_weights=return_weights)
    last = last[0] if return_weights else last
    assert_close(last, layer(x, mask=causal_mask)[:, -2:])


def test_a_bias_of_the_batch_is_not_read_as_one_of_the_heads():
    q, k, v = torch.randn(3, HEADS, HEADS, SEQ, D_HEAD)
    bias = torch.randn(HEADS, SEQ, SEQ)
    with pytest.raises(ValueError, match=r"bias \(3, 5, 5\) does not fit scores \(3, 3, 5, 5\)"):
        scaled_dot_product_attention(q, k, v, None, bias)
    with pytest.raises(ValueError, match=r"bias \(5, 4\) does not fit scores \(3, 3, 5, 5\)"):
        scaled_dot_product_attention(q, k, v, None, bias[0, :, :4])
    output, _ = scaled_dot_product_attention(q, k, v, None, bias[:, None])
    alone, _ = scaled_dot_product_attention(q[1], k[1], v[1], None, bias[1])
    assert_close(output[1], alone)


@pytest.mark.parametrize("return_weights", [False, True])
def test_a_position_whose_bias_does_not_fit_is_refused(return_weights):
    def position(query, key):
        return query, key, torch.zeros(BATCH, SEQ, SEQ)

    with pytest.raises(ValueError, match=r"bias \(1, 5, 5, 5\) does not fit scores \(5, 3, 5, 5\)"):
        attention(position=position)(tokens(), return_weights=return_weights)


@pytest.mark.parametrize("position", [Alibi(SEQ), RelativeBias(SEQ)])
def test_a_bias_asks_for_all_four_axes(position):
    heads = torch.randn(HEADS, SEQ, D_HEAD)  # its second axis has the size of the heads
    with pytest.raises(ValueError, match=r"\(batch, heads, query, d_head\), got \(3, 5, 4\)"):
        position(heads, heads)


def test_angles_of_each_sequence_are_those_of_each_alone():
    frequencies = rotary_frequencies(10)  # five pairs, five places: a swapped pair would fit
    places = torch.randint(0, 99, (BATCH, 5))
    angles = rotary_angles(places, frequencies)
    for i in range(BATCH):
        assert torch.equal(angles[i], rotary_angles(places[i], frequencies))


@pytest.mark.parametrize("rotate", [rotate_half, rotate_interleaved])
def test_angles_of_each_sequence_are_not_read_as_those_of_each_head(rotate):
    x = torch.randn(HEADS, HEADS, SEQ, D_HEAD)
    angles = rotary_angles(torch.randint(0, 99, (HEADS, SEQ)), rotary_frequencies(D_HEAD).float())
    with pytest.raises(ValueError, match=r"got \(3, 5, 2\) for \(3, 3, 5, 4\)"):
        rotate(x, angles)
    assert_close(rotate(x, angles[:, None])[1], rotate(x[1], angles[1]))


@pytest.mark.parametrize("shape", [(7,), (1, SEQ), (2, SEQ), (BATCH, 4)])
@pytest.mark.parametrize("position", [Rotary(D_HEAD), Alibi(HEADS), RelativeBias(HEADS)])
def test_places_must_be_those_of_the_keys(position, shape):
    got = ", ".join(map(str, shape))
    with pytest.raises(ValueError, match=rf"\(5,\) or \(5, 5\), got \({got}"):
        attention(position=position)(tokens(), places=torch.zeros(shape, dtype=torch.int64))


@pytest.mark.parametrize("position", [Sinusoidal(D_MODEL, 7), LearnedPositions(D_MODEL, 7)])
def test_places_of_two_sequences_do_not_make_two_of_one(position):
    with pytest.raises(ValueError, match=r"\(5,\) or \(1, 5\), got \(2, 5\)"):
        position(tokens(1, SEQ), places=torch.zeros(2, SEQ, dtype=torch.int64))


SMALL = BertConfig(vocab_size=17, d_model=D_MODEL, num_heads=3, num_layers=2, d_ff=7, max_len=6)


@pytest.mark.parametrize("given", ["segments", "places"])
def test_segments_and_places_of_one_sequence_do_not_serve_five(given):
    ids = torch.randint(17, (BATCH, SEQ))
    with pytest.raises(ValueError, match=rf"{given} must be \(5, 5\), got \(5, 1\)"):
        Bert(SMALL)(ids, **{given: ids[:, :1] * 0})


def test_ids_of_bert_need_a_batch_axis_and_its_mask_four():
    ids = torch.randint(17, (BATCH, SEQ))
    with pytest.raises(ValueError, match=r"ids must be \(batch, seq\), got \(5,\)"):
        Bert(SMALL)(ids[0])
    with pytest.raises(ValueError, match=r"mask \(5, 5\) may be"):
        Bert(SMALL)(ids, keep_masks())
