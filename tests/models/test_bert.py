"""BERT with random weights: against Hugging Face's, and what must hold. Real ones: MiniLM."""

from functools import partial

import pytest
import torch
from torch.testing import assert_close
from transformers import BertConfig as TheirConfig
from transformers import BertModel

from course_lib.models.bert import Bert, BertConfig
from course_lib.nn.masks import padding_mask
from course_lib.nn.multi_head import MultiHeadAttention, merge_heads
from course_lib.pretrained.bert import BERT
from course_lib.pretrained.minilm import UNUSED
from course_lib.pretrained.names import expand_layers, load_renamed

BATCH, SEQ, HEADS, LAYERS = 2, 7, 3, 2
SMALL = BertConfig(
    vocab_size=29, d_model=33, num_heads=HEADS, num_layers=LAYERS, d_ff=19, max_len=11
)
IDS = torch.tensor([[5, 6, 7, 8, 9, 0, 0], [3, 4, 5, 6, 7, 8, 9]])
SEGMENTS = torch.tensor([[0, 0, 0, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1, 1]])


def twins():
    """Hugging Face's model of the same sizes with random weights, and ours with these."""
    theirs = BertModel(
        TheirConfig(
            vocab_size=SMALL.vocab_size,
            hidden_size=SMALL.d_model,
            num_attention_heads=SMALL.num_heads,
            num_hidden_layers=SMALL.num_layers,
            intermediate_size=SMALL.d_ff,
            max_position_embeddings=SMALL.max_len,
            attn_implementation="eager",
        )
    ).eval()
    for parameter in theirs.parameters():  # a fresh LayerNorm or bias would hide a mix-up
        torch.nn.init.normal_(parameter, std=0.5)
    ours = Bert(SMALL).eval()
    load_renamed(ours, theirs.state_dict(), expand_layers(BERT, LAYERS), UNUSED)
    return ours.double(), theirs.double()


@torch.no_grad()
def test_two_segments_and_padding_agree_with_hugging_face():
    ours, theirs = twins()
    hidden, weights = ours(IDS, padding_mask(IDS, 0), segments=SEGMENTS, return_weights=True)
    expected = theirs(
        IDS, attention_mask=(IDS != 0).long(), token_type_ids=SEGMENTS, output_attentions=True
    )
    assert_close(hidden, expected.last_hidden_state, rtol=0, atol=1e-10)
    assert len(weights) == LAYERS
    for ours_here, theirs_here in zip(weights, expected.attentions, strict=True):
        assert_close(ours_here, theirs_here, rtol=0, atol=1e-10)


@torch.no_grad()
def test_asking_for_the_weights_changes_nothing():
    model = Bert(SMALL).eval()
    assert_close(model(IDS), model(IDS, return_weights=True)[0])


@torch.no_grad()
def test_everything_is_the_first_segment_unless_said():
    model = Bert(SMALL).eval()
    assert torch.equal(model(IDS), model(IDS, segments=torch.zeros_like(IDS)))
    assert not torch.allclose(model(IDS), model(IDS, segments=SEGMENTS))


def test_dropout_acts_in_training_and_rests_in_evaluation():
    model = Bert(SMALL)
    assert not torch.equal(model(IDS), model(IDS))
    model.eval()
    assert torch.equal(model(IDS), model(IDS))


def test_too_many_tokens_are_refused():
    with pytest.raises(ValueError, match="seq=12 is more than max_len=11"):
        Bert(SMALL)(torch.zeros(1, 12, dtype=torch.int64))


@torch.no_grad()
def test_an_own_attention_takes_the_place_of_ours_in_every_block():
    calls = []

    def merge(heads):
        calls.append(tuple(heads.shape))
        return merge_heads(heads)

    plain = Bert(SMALL).eval()
    own = Bert(SMALL, attention=partial(MultiHeadAttention, merge=merge)).eval()
    own.load_state_dict(plain.state_dict())
    assert torch.equal(own(IDS), plain(IDS))
    assert calls == [(BATCH, HEADS, SEQ, 11)] * LAYERS


def test_sizes_cannot_be_changed_afterwards():
    with pytest.raises(AttributeError):
        SMALL.d_model = 5


def test_parameters_have_the_names_that_checkpoints_are_mapped_to():
    names = {name.rpartition(".")[0] for name in Bert(SMALL).state_dict()}
    assert names == set(expand_layers(BERT, LAYERS).values())
