"""Our BERT with MiniLM's weights equals Hugging Face's, and its famous heads are there."""

import huggingface_hub
import pytest
import torch
from torch.testing import assert_close
from transformers import AutoModel

from course_lib.nn.masks import padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.pretrained import minilm
from course_lib.pretrained.minilm import encode, encode_batch, load_minilm, minilm_folder
from course_lib.pretrained.packages import MissingWeights

SENTENCE = "The animal didn't cross the street because it was too tired"
TEXTS = [SENTENCE, "Yes.", "The cat sat on the mat"]


@pytest.fixture(scope="module")
def ours():
    return load_minilm()


@pytest.fixture(scope="module")
def theirs():
    return AutoModel.from_pretrained(minilm_folder(), attn_implementation="eager").eval()


@torch.no_grad()
def test_one_sentence_agrees_with_hugging_face(ours, theirs):
    model, tokenizer = ours
    ids, _ = encode(tokenizer, SENTENCE)
    hidden, weights = model(ids, return_weights=True)
    expected = theirs(ids, output_attentions=True)
    assert_close(hidden, expected.last_hidden_state, rtol=0, atol=1e-5)
    assert_close(model(ids), expected.last_hidden_state, rtol=0, atol=1e-5)
    for layer, expected_layer in zip(weights, expected.attentions, strict=True):
        assert layer.shape == (1, 12, 15, 15)
        assert_close(layer, expected_layer, rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_padded_batch_agrees_with_hugging_face(ours, theirs):
    model, tokenizer = ours
    ids, _ = encode_batch(tokenizer, TEXTS)
    real = ids != 0
    hidden, weights = model(ids, padding_mask(ids, pad_id=0), return_weights=True)
    expected = theirs(ids, attention_mask=real.long(), output_attentions=True)
    # What stands at a [PAD] is read by nobody, and rounds differently in the fifth digit.
    assert_close(hidden[real], expected.last_hidden_state[real], rtol=0, atol=1e-5)
    for layer, expected_layer in zip(weights, expected.attentions, strict=True):
        assert_close(layer, expected_layer, rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_padded_batch_agrees_everywhere_in_double_precision(theirs):
    model, tokenizer = load_minilm()
    ids, _ = encode_batch(tokenizer, TEXTS)
    double = AutoModel.from_pretrained(
        minilm_folder(), attn_implementation="eager", dtype=torch.float64
    ).eval()
    expected = double(ids, attention_mask=(ids != 0).long()).last_hidden_state
    assert_close(model.double()(ids, padding_mask(ids, 0)), expected, rtol=0, atol=1e-10)


@torch.no_grad()
def test_padding_does_not_change_a_sentence(ours):
    model, tokenizer = ours
    ids, tokens = encode_batch(tokenizer, TEXTS)
    together = model(ids, padding_mask(ids, pad_id=0))
    for row, text in enumerate(TEXTS):
        alone = model(encode(tokenizer, text)[0])[0]
        assert_close(together[row, : len(alone)], alone, rtol=0, atol=1e-5)
        assert tokens[row][len(alone) :] == ["[PAD]"] * (ids.shape[1] - len(alone))


@torch.no_grad()
def test_a_head_sends_it_to_the_animal_and_not_to_the_street(ours):
    model, tokenizer = ours
    ids, tokens = encode(tokenizer, SENTENCE)
    _, weights = model(ids, return_weights=True)
    it, animal, street = (tokens.index(word) for word in ("it", "animal", "street"))
    head = weights[3][0, 1]
    assert head[it, animal] == pytest.approx(0.64, abs=0.005)
    assert head[it, street] < 0.06
    assert head[it].argmax() == animal


@torch.no_grad()
def test_a_head_looks_at_the_previous_token(ours):
    model, tokenizer = ours
    _, weights = model(encode(tokenizer, SENTENCE)[0], return_weights=True)
    assert weights[0][0, 2].diagonal(-1).min() > 0.999


def test_tokens_and_ids_come_without_the_files_fixed_padding(ours):
    ids, tokens = encode(ours[1], "It was too tired")
    assert tokens == ["[CLS]", "it", "was", "too", "tired", "[SEP]"]
    assert ids.tolist() == [[101, 2009, 2001, 2205, 5458, 102]]


def test_long_texts_are_not_cut(ours):
    ids, tokens = encode(ours[1], "tired " * 200)
    assert ids.shape == (1, 202) and len(tokens) == 202


def test_a_batch_is_padded_on_the_right_to_its_longest(ours):
    ids, tokens = encode_batch(ours[1], ["tired", "it was too"])
    assert ids.tolist() == [[101, 5458, 102, 0, 0], [101, 2009, 2001, 2205, 102]]
    assert tokens[0] == ["[CLS]", "tired", "[SEP]", "[PAD]", "[PAD]"]


def test_no_texts_are_refused(ours):
    with pytest.raises(ValueError, match="at least one text"):
        encode_batch(ours[1], [])


def test_every_call_loads_a_model_of_its_own(ours):
    model, _ = load_minilm()
    with torch.no_grad():
        model.embedding.word.weight.zero_()
    assert ours[0].embedding.word.weight.any()
    assert not model.training


@torch.no_grad()
def test_an_own_attention_runs_the_real_weights(ours):
    class Readable(MultiHeadAttention):
        def forward(self, query, key=None, value=None, mask=None, *, return_weights=False):
            result = super().forward(query, key, value, mask, return_weights=True)
            return result if return_weights else result[0]

    model, tokenizer = load_minilm(attention=Readable)
    ids, _ = encode(tokenizer, SENTENCE)
    assert type(model.blocks[5].attention) is Readable
    assert_close(model(ids), ours[0](ids), rtol=0, atol=1e-5)


def test_without_the_package_the_hub_is_asked_by_name(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package")
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        lambda name, allow_patterns: asked.append((name, allow_patterns)) or str(tmp_path),
    )
    assert minilm_folder() == tmp_path
    assert asked == [
        ("sentence-transformers/all-MiniLM-L6-v2", ["model.safetensors", "tokenizer.json"])
    ]


def test_without_package_and_network_the_error_says_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package")
    monkeypatch.setattr(minilm, "HUB_NAME", "nobody/no-such-model")  # HF_HUB_OFFLINE: see conftest
    with pytest.raises(MissingWeights, match=r"no-such-package is not .*python3 course.py setup"):
        load_minilm()
