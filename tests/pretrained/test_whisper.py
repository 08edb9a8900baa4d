"""Whisper is Hugging Face's: with random weights, forward and back, and with those of tiny.en."""

import json
from functools import partial

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from course_lib.data.audio import log_mel
from course_lib.generation import generate
from course_lib.models.counting import count_parameters
from course_lib.models.whisper import WHISPERS, AudioFront, KeysWithoutBias, Whisper, WhisperConfig
from course_lib.models.writer import Writer
from course_lib.nn.cache import GrowingCache
from course_lib.nn.multi_head import merge_heads
from course_lib.pretrained import whisper_tiny
from course_lib.pretrained.packages import MissingWeights
from course_lib.pretrained.whisper import load_whisper, whisper_table
from course_lib.pretrained.whisper_tiny import END, START, in_our_shapes, load_whisper_tiny

MELS = torch.randn(2, 5, 18, generator=torch.Generator().manual_seed(1))
TEXT = torch.tensor([[3, 6, 7, 8], [3, 9, 4, 2]])


def their_model(**more):
    sizes = {
        "vocab_size": 37,
        "d_model": 30,
        "encoder_layers": 3,
        "decoder_layers": 2,
        "encoder_attention_heads": 5,
        "decoder_attention_heads": 5,
        "encoder_ffn_dim": 19,
        "decoder_ffn_dim": 19,
        "num_mel_bins": 5,
        "max_source_positions": 9,
        "max_target_positions": 11,
        "attn_implementation": "eager",
    }
    ids = {"pad_token_id": 1, "bos_token_id": 1, "eos_token_id": 1, "decoder_start_token_id": 3}
    config = transformers.WhisperConfig(**sizes, **ids, **more)
    return transformers.WhisperForConditionalGeneration(config).eval()


def saved(folder):
    theirs = their_model()
    for parameter in theirs.parameters():  # a fresh norm or bias would hide a mix-up
        torch.nn.init.normal_(parameter, std=0.3)
    theirs.save_pretrained(folder)
    return theirs


def test_scores_weights_and_gradients_are_hugging_faces(tmp_path):
    theirs, ours = saved(tmp_path).double(), load_whisper(tmp_path).double()
    mels = MELS.double()
    logits, (read, wrote) = ours(mels, TEXT, return_weights=True)
    expected = theirs(mels, decoder_input_ids=TEXT, output_attentions=True)
    assert_close(logits, expected.logits, rtol=0, atol=1e-8)
    assert_close(ours(mels, TEXT), logits, rtol=0, atol=1e-8)
    for here, there in zip(read, expected.encoder_attentions, strict=True):
        assert_close(here, there, rtol=0, atol=1e-8)
    for (_, here), there in zip(wrote, expected.cross_attentions, strict=True):
        assert here.shape == (2, 5, 4, 9)
        assert_close(here, there, rtol=0, atol=1e-8)
    along = torch.randn_like(logits)
    filters = ours.front.conv1.weight, theirs.model.encoder.conv1.weight
    one, other = (
        torch.autograd.grad((out * along).sum(), weight)[0]
        for out, weight in zip((logits, expected.logits), filters, strict=True)
    )
    assert_close(one, other, rtol=0, atol=1e-6)


@torch.no_grad()
def test_a_writer_writes_from_sound_with_a_cache(tmp_path):
    saved(tmp_path)
    ours = load_whisper(tmp_path)
    given = {"max_new_tokens": 6, "end_id": 36}
    with_cache = generate(Writer(ours, MELS), TEXT[:, :1], cache=GrowingCache(), **given)
    assert torch.equal(with_cache, generate(Writer(ours, MELS), TEXT[:, :1], **given))
    assert len(with_cache) == 2 and with_cache.shape[1] > 1


def test_the_waves_are_hugging_faces_and_are_not_trained():
    front = AudioFront(WHISPERS["whisper-tiny.en"])
    theirs = transformers.models.whisper.modeling_whisper.sinusoids(1500, 384)
    assert_close(front.places.table.data, theirs, rtol=0, atol=1e-4)  # theirs counts in float32
    assert not front.places.table.requires_grad


def test_what_does_not_fit_is_named(tmp_path):
    saved(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    name = "model.encoder.conv1.bias"
    lost = tensors.pop(name)
    save_file(tensors | {"extra": torch.ones(1)}, path)
    with pytest.raises(ValueError, match=rf"missing=\['{name}'\], unexpected=\['extra'\]"):
        load_whisper(tmp_path)
    save_file(tensors | {name: lost[:-1].clone()}, path)
    with pytest.raises(ValueError, match=rf"{name} is \(29,\), not \(30,\)"):
        load_whisper(tmp_path)


def test_a_convention_that_ours_has_not_is_refused(tmp_path):
    saved(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"decoder_ffn_dim": 7}))
    with pytest.raises(ValueError, match="decoder_ffn_dim=7, only with 19"):
        load_whisper(tmp_path)


def test_places_and_too_many_frames_are_refused():
    model = Whisper(WHISPERS["whisper-tiny.en"])
    with pytest.raises(ValueError, match="can't be given places"):
        model.encode(torch.zeros(1, 80, 4), source_places=torch.arange(2))
    with pytest.raises(ValueError, match="asked for seq=1501"):
        model.front(torch.zeros(1, 80, 3002))


COUNTED = {  # Hugging Face's models of these names, their table of waves included
    "whisper-tiny.en": 37_760_256,
    "whisper-tiny": 37_760_640,
    "whisper-base": 72_593_920,
    "whisper-small": 241_734_912,
}


@pytest.mark.parametrize("shape", [(2, 4, 18), (5, 18)])
def test_sound_of_another_shape_is_refused(shape, unchecked):
    front = AudioFront(WhisperConfig(37, 30, 5, 1, 19, num_mels=5, audio_len=9))
    with pytest.raises(ValueError, match=r"mels must be \(batch, 5, frames\), got \("):
        front(torch.randn(shape))


@pytest.mark.parametrize("name", COUNTED)
def test_published_sizes_have_as_many_parameters(name):
    assert count_parameters(Whisper, WHISPERS[name]) == COUNTED[name]


def test_a_bias_of_keys_that_is_not_zero_is_refused():
    bias = torch.zeros(9, dtype=torch.float16)
    name = "encoder/layer_0/self_attention/linear_0/bias"
    assert in_our_shapes({name: bias})[name.replace("/", ".")].shape == (6,)
    bias[4] = 1
    with pytest.raises(ValueError, match=r"the keys' part of encoder\.layer_0.* is not zero"):
        in_our_shapes({name: bias})


def test_without_the_package_the_error_says_what_to_run(monkeypatch):
    monkeypatch.setattr(whisper_tiny, "PACKAGE", "no_such_package")
    with pytest.raises(MissingWeights, match=r"no-such-package is not .*python3 course.py setup"):
        load_whisper_tiny()


@torch.no_grad()
def test_an_own_attention_runs_the_real_weights():
    calls = []

    def merge(heads):
        calls.append(heads.shape[1:])
        return merge_heads(heads)

    model, _ = load_whisper_tiny(attention=partial(KeysWithoutBias, merge=merge))
    mels = torch.randn(1, 80, 20)
    logits = model(mels, torch.tensor([START]))
    assert calls == [(6, 10, 64)] * 4 + [(6, 2, 64)] * 8
    assert_close(logits, load_whisper_tiny()[0](mels, torch.tensor([START])))


@torch.no_grad()
def test_tiny_en_is_hugging_faces_with_the_same_tensors():
    ours, tokenizer = load_whisper_tiny()
    sizes = WHISPERS["whisper-tiny.en"]
    config = transformers.WhisperConfig(
        vocab_size=sizes.vocab_size, d_model=sizes.d_model, encoder_ffn_dim=sizes.d_ff
    )
    with torch.device("meta"):
        theirs = transformers.WhisperForConditionalGeneration(config)
    state, theirs_state = ours.state_dict(), {}
    for name, our in whisper_table(sizes).items():
        for kind in (".weight", ".bias", ""):
            if our + kind in state:
                theirs_state[name + kind] = state[our + kind]
    theirs.load_state_dict(theirs_state, assign=True)
    time = torch.arange(32_000) / 16_000
    sound = torch.sin(900 * time * (1 + torch.sin(9 * time)))[None]
    mels, ids = log_mel(sound), torch.tensor([[*START, 383, 393, 262]])
    expected = theirs.eval()(mels, decoder_input_ids=ids).logits
    assert_close(ours(mels, ids), expected, rtol=0, atol=2e-4)
    words = " It was the best of times"
    assert tokenizer.decode(tokenizer.encode(words, add_special_tokens=False).ids) == words
    special = ("<|startoftranscript|>", "<|notimestamps|>", "<|endoftext|>")
    assert [tokenizer.token_to_id(name) for name in special] == [*START, END]
