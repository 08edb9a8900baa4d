"""BERT, RoBERTa and ALBERT with their heads are Hugging Face's, forward and back, and counted."""

import json
from dataclasses import replace

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from course_lib.models.bert import Bert, BertConfig
from course_lib.models.bert_heads import Classifier, MaskedLM, Tagger
from course_lib.models.bert_sizes import BERTS
from course_lib.models.counting import count_parameters
from course_lib.nn.masks import padding_mask
from course_lib.pretrained.bert import bert_config, bert_table, load_masked_lm
from course_lib.pretrained.names import load_renamed

SIZES = {  # in Hugging Face's words
    "vocab_size": 29,
    "hidden_size": 33,
    "num_attention_heads": 3,
    "num_hidden_layers": 4,
    "intermediate_size": 19,
    "max_position_embeddings": 13,
    "attn_implementation": "eager",
}
MORE = {
    "Bert": {"type_vocab_size": 2},
    "Roberta": {"type_vocab_size": 1, "pad_token_id": 1, "layer_norm_eps": 1e-5},
    "Albert": {"embedding_size": 7, "num_hidden_groups": 2, "hidden_act": "gelu_new"},
}
PAD = {"Bert": 0, "Roberta": 1, "Albert": 0}
families = pytest.mark.parametrize("family", MORE)
# what stands where in the sequence: all are words, but for the padding at the first one's end
IDS = torch.tensor([[5, 6, 7, 8, 9, 4, 4], [3, 4, 5, 6, 7, 8, 9]])
REAL = torch.tensor([[1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1]])


def config(family):
    return getattr(transformers, f"{family}Config")(**SIZES, **MORE[family])


def shaken(family, kind, **more):
    """Hugging Face's model with all of its numbers drawn anew; a fresh bias would hide a mix-up."""
    made = config(family)
    for name, value in more.items():
        setattr(made, name, value)
    theirs = getattr(transformers, f"{family}For{kind}")(made).eval()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return theirs


def filled(ours, theirs, family):
    unused = (f"{family.lower()}.embeddings.position_ids",)
    load_renamed(ours, theirs.state_dict(), bert_table(family.lower(), ours), unused)
    return ours.double().eval(), theirs.double()


def inputs(family):
    ids = torch.where(REAL == 1, IDS, PAD[family])
    segments = torch.zeros_like(ids)
    if family != "Roberta":
        segments[:, 3:5] = 1
    ours = {"mask": padding_mask(ids, PAD[family]), "segments": segments}
    return ids, ours, {"attention_mask": REAL, "token_type_ids": segments}


def sizes(family, **more):
    made = config(family)
    return replace(bert_config(made.to_dict()), **more)


@families
def test_scores_of_hidden_tokens_are_hugging_faces_and_so_are_their_gradients(family):
    ours, theirs = filled(MaskedLM(sizes(family)), shaken(family, "MaskedLM"), family)
    ids, mine, given = inputs(family)
    logits, expected = ours(ids, **mine), theirs(ids, **given).logits
    real = REAL.bool()
    assert_close(logits[real], expected[real], rtol=0, atol=1e-10)
    along = torch.randn_like(logits) * REAL[..., None]
    words = ours.bert.embedding.word.weight, theirs.get_input_embeddings().weight
    one, other = (
        torch.autograd.grad((out * along).sum(), table)[0]
        for out, table in zip((logits, expected), words, strict=True)
    )
    assert_close(one[2:], other[2:], rtol=0, atol=1e-9)  # theirs keeps a padding's row as it is


@families
def test_classes_of_a_text_are_hugging_faces(family):
    theirs = shaken(family, "SequenceClassification", num_labels=5)
    ours, theirs = filled(Classifier(sizes(family), 5), theirs, family)
    ids, mine, given = inputs(family)
    assert_close(ours(ids, **mine), theirs(ids, **given).logits, rtol=0, atol=1e-10)


@families
def test_classes_of_tokens_are_hugging_faces(family):
    theirs = shaken(family, "TokenClassification", num_labels=5)
    ours, theirs = filled(Tagger(sizes(family), 5), theirs, family)
    ids, mine, given = inputs(family)
    logits, expected = ours(ids, **mine), theirs(ids, **given).logits
    assert_close(logits[REAL.bool()], expected[REAL.bool()], rtol=0, atol=1e-10)


@torch.no_grad()
def test_a_roberta_with_padding_on_the_left_is_hugging_faces():
    ours, theirs = filled(MaskedLM(sizes("Roberta")), shaken("Roberta", "MaskedLM"), "Roberta")
    ids = torch.tensor([[1, 1, 5, 6, 7], [3, 4, 5, 6, 7]])
    real = ids != 1
    places = (real.cumsum(-1) - 1).clamp(min=0)
    logits = ours(ids, padding_mask(ids, 1), places=places)
    expected = theirs(ids, attention_mask=real.long()).logits
    assert_close(logits[real], expected[real], rtol=0, atol=1e-10)


COUNTED = {  # Hugging Face's models of these names
    "bert-base-uncased": 109_514_298,
    "bert-large-uncased": 335_174_458,
    "roberta-base": 124_697_433,
    "albert-base-v2": 11_221_680,
}


@pytest.mark.parametrize("name", COUNTED)
def test_published_sizes_have_as_many_parameters(name):
    assert count_parameters(MaskedLM, BERTS[name]) == COUNTED[name]


def test_the_papers_count_the_pooler_instead():
    def millions(name):
        pooler = BERTS[name].d_model ** 2 + BERTS[name].d_model
        return round((count_parameters(Bert, BERTS[name]) + pooler) / 1e6, 1)

    # Devlin et al. 2018: 110M and 340M, rounded; Lan et al. 2019, table 1: 12M, 18M, 60M and 235M
    assert [millions(f"bert-{size}-uncased") for size in ("base", "large")] == [109.5, 335.1]
    alberts = [millions(f"albert-{size}-v2") for size in ("base", "large", "xlarge", "xxlarge")]
    assert alberts == [11.7, 17.7, 58.7, 222.6]


@families
def test_a_folder_is_loaded_and_what_does_not_fit_is_named(family, tmp_path):
    theirs = shaken(family, "MaskedLM")
    theirs.save_pretrained(tmp_path)
    model = load_masked_lm(tmp_path)
    ids, mine, given = inputs(family)
    with torch.no_grad():
        logits, expected = model(ids, **mine), theirs(ids, **given).logits
    assert_close(logits[REAL.bool()], expected[REAL.bool()], rtol=0, atol=1e-4)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    lost = next(name for name in tensors if "LayerNorm.weight" in name)
    whole = tensors.pop(lost)
    save_file(tensors | {"extra": torch.ones(1)}, path)
    with pytest.raises(ValueError, match=rf"missing=\['{lost}'\], unexpected=\['extra'\]"):
        load_masked_lm(tmp_path)
    save_file(tensors | {lost: whole[:-1].contiguous()}, path)
    with pytest.raises(ValueError, match=rf"{lost} is \({len(whole) - 1},\), not \({len(whole)},"):
        load_masked_lm(tmp_path)


def test_old_files_say_gamma_and_beta(tmp_path):
    theirs = shaken("Bert", "MaskedLM")
    theirs.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    old = {
        name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): tensor
        for name, tensor in load_file(path).items()
    }
    save_file(old | {"bert.pooler.dense.bias": torch.ones(33)}, path)
    model = load_masked_lm(tmp_path)
    norm = theirs.bert.embeddings.LayerNorm.weight
    assert torch.equal(model.bert.embedding.norm.weight, norm)


def test_a_family_or_a_bend_that_ours_has_not_is_refused(tmp_path):
    known = config("Bert").to_dict()
    for change, message in (
        ({"model_type": "gpt2"}, "model_type='gpt2', only with .*'albert'"),
        ({"hidden_act": "relu"}, "hidden_act='relu', only with 'gelu'"),
    ):
        (tmp_path / "config.json").write_text(json.dumps(known | change))
        with pytest.raises(ValueError, match=message):
            load_masked_lm(tmp_path)


def test_ids_and_segments_that_no_table_has_are_named():
    model = MaskedLM(sizes("Bert"))
    with pytest.raises(ValueError, match="ids must be 0 to 28, got 3 to 29"):
        model(torch.tensor([[3, 29]]))
    with pytest.raises(ValueError, match="segments must be 0 to 1, got 0 to 2"):
        model(torch.tensor([[3, 4]]), segments=torch.tensor([[0, 2]]))


def test_layers_that_can_not_be_shared_out_are_refused():
    with pytest.raises(ValueError, match="num_layers=4 can't be shared out evenly to num_blocks=3"):
        BertConfig(17, 12, 3, 4, 19, num_blocks=3)


def test_layers_share_a_block_and_one_table_serves_both_ends():
    model = MaskedLM(sizes("Albert"))
    assert len(model.bert.blocks) == 2 and len(model.bert.layers) == 4
    assert model.bert.layers[0] is model.bert.layers[1] is not model.bert.layers[2]
    names = [name for name, p in model.named_parameters() if p.shape[0] == 29]
    assert names == ["bert.embedding.word.weight", "head.bias"]


@torch.no_grad()
def test_the_head_reads_the_table_of_a_body_that_was_put_in_later():
    made, other = MaskedLM(sizes("Bert")).eval(), Bert(sizes("Bert")).eval()
    torch.nn.init.normal_(other.embedding.word.weight)
    made.bert = other
    again = MaskedLM(sizes("Bert")).eval()
    again.load_state_dict(made.state_dict())
    assert_close(made(IDS), again(IDS))


def test_a_model_starts_with_no_opinion():
    model = MaskedLM(sizes("Bert")).eval()
    loss = torch.nn.functional.cross_entropy(model(IDS).flatten(0, 1), IDS.flatten())
    assert abs(loss.item() - torch.tensor(29.0).log().item()) < 0.1
