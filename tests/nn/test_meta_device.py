"""Every module also runs on the meta device: a tensor made on the wrong device shows there.

And one that was built there is, once its weights are loaded, what it would have been.
"""

import importlib
import pkgutil
import sys
from functools import partial

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import course_lib.models
import course_lib.nn
from course_lib.models.bart import Bart, Marian, NormedPositions, ShiftedHead
from course_lib.models.bert import Bert, BertBlock, BertConfig, BertEmbedding
from course_lib.models.bert_heads import Classifier, MaskedHead, MaskedLM, Tagger
from course_lib.models.gpt import Gpt, GptConfig
from course_lib.models.seq2seq import Seq2Seq, Seq2SeqConfig
from course_lib.models.t5 import T5, ScaledHead, T5Config
from course_lib.models.vit import Vit, VitConfig
from course_lib.models.whisper import AudioFront, KeysWithoutBias, Whisper, WhisperConfig
from course_lib.nn.attention import QKVProjection, SelfAttention
from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PostNorm, PreNorm
from course_lib.nn.capped import CappedHead
from course_lib.nn.embeddings import TiedHead, TokenEmbedding
from course_lib.nn.feedforward import GEGLU, FeedForward, SwiGLU
from course_lib.nn.half import HalfLinear, HalfTable
from course_lib.nn.lora import LoRALinear
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.moe import MixtureOfExperts
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm, RMSNorm
from course_lib.nn.parallel import ParallelBlock
from course_lib.nn.positions.alibi import Alibi
from course_lib.nn.positions.learned import LearnedPositions
from course_lib.nn.positions.normed import QKNorm
from course_lib.nn.positions.relative import RelativeBias
from course_lib.nn.positions.rotary import Rotary
from course_lib.nn.positions.sinusoidal import Sinusoidal, sinusoidal_positions
from course_lib.nn.sandwich import SandwichNorm
from course_lib.nn.stacks import Decoder, Encoder
from course_lib.nn.windowed import WindowedAttention

BATCH, SEQ, D_MODEL = 2, 5, 12
SMALL = BertConfig(vocab_size=17, d_model=D_MODEL, num_heads=3, num_layers=2, d_ff=19, max_len=7)
SMALL_WHISPER = WhisperConfig(17, D_MODEL, 3, 2, 19, num_mels=5, audio_len=9, text_len=7)
SMALL_VIT = VitConfig(8, 4, D_MODEL, 3, 2, 19, 5, channels=1)


class OnlyMeta(TorchDispatchMode):
    """Refuse every tensor that an operation makes anywhere else.

    Mixing devices alone is no test: many operations let a meta tensor swallow a CPU tensor.
    """

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else [result]:
            if isinstance(tensor, torch.Tensor):
                assert tensor.device.type == "meta", f"{operation} made a tensor on {tensor.device}"
        return result


where = ["meta"]  # the device of the inputs


def vectors():
    return torch.randn(BATCH, SEQ, D_MODEL, device=where[-1])


def ids():
    return torch.randint(17, (BATCH, SEQ), device=where[-1])


def sound():
    return torch.randn(BATCH, 5, 14, device=where[-1])


def pictures():
    return torch.randn(BATCH, 1, 8, 8, device=where[-1])


def mask():
    return combine_masks(causal_mask(SEQ, device=where[-1]), padding_mask(ids(), pad_id=0))


def heads():
    return torch.randn(BATCH, 3, SEQ, 4, device=where[-1])


def attention():
    return MultiHeadAttention(D_MODEL, 6, 2, dropout=0.1)


def around(kind=PostNorm):
    return lambda: kind(LayerNorm(D_MODEL), 0.1)


def encoder_block():
    return EncoderBlock(attention(), FeedForward(D_MODEL, 19), around())


def parallel_block():
    return ParallelBlock(attention(), SwiGLU(D_MODEL, 19), around(PreNorm))


def mixture():
    return MixtureOfExperts(D_MODEL, 19, num_experts=5, top_k=2, shared=SwiGLU)


def mix(part):
    """Which expert gets how many tokens is in the data, of which there are none on meta."""
    return part.route(vectors()[0]) if where[-1] == "meta" else part(vectors())


def decoder_block():
    return DecoderBlock(attention(), attention(), FeedForward(D_MODEL, 19), around(PreNorm))


def both_ways(part, *inputs):
    return [part(*inputs, return_weights=asked) for asked in (False, True)]


def write(part):
    return both_ways(part, vectors(), vectors(), mask(), mask())


def seq2seq(part):
    return both_ways(part, ids(), ids())


def tied(head):
    both = nn.ModuleDict({"embedding": TokenEmbedding(17, D_MODEL)})
    both.head = head(both.embedding)
    return both


RUNS = {  # how to build each, and how to call it
    QKVProjection: (lambda: QKVProjection(D_MODEL), lambda part: part(vectors())),
    SelfAttention: (lambda: SelfAttention(D_MODEL), lambda part: part(vectors(), mask())),
    MultiHeadAttention: (
        attention,
        lambda part: both_ways(part, vectors(), None, None, mask()),
    ),
    Sinusoidal: (lambda: Sinusoidal(D_MODEL), lambda part: part(vectors(), 2)),
    LearnedPositions: (lambda: LearnedPositions(D_MODEL, 7), lambda part: part(vectors(), 2)),
    Rotary: (lambda: Rotary(4), lambda part: part(heads()[:, :, 1:], heads())),
    Alibi: (lambda: Alibi(3), lambda part: part(heads()[:, :, 1:], heads())),
    RelativeBias: (lambda: RelativeBias(3), lambda part: part(heads()[:, :, 1:], heads())),
    LayerNorm: (lambda: LayerNorm(D_MODEL), lambda part: part(vectors())),
    RMSNorm: (lambda: RMSNorm(D_MODEL), lambda part: part(vectors())),
    FeedForward: (lambda: FeedForward(D_MODEL, 19), lambda part: part(vectors())),
    SwiGLU: (lambda: SwiGLU(D_MODEL, 19), lambda part: part(vectors())),
    LoRALinear: (
        lambda: LoRALinear(nn.Linear(D_MODEL, 19), 5, 7),
        lambda part: part(vectors()),
    ),
    GEGLU: (lambda: GEGLU(D_MODEL, 19), lambda part: part(vectors())),
    MixtureOfExperts: (mixture, mix),
    QKNorm: (
        lambda: QKNorm(4, position=Rotary),
        lambda part: part(heads()[:, :, 1:], heads()),
    ),
    ParallelBlock: (parallel_block, lambda part: both_ways(part, vectors(), mask())),
    TokenEmbedding: (lambda: TokenEmbedding(17, D_MODEL), lambda part: part(ids())),
    TiedHead: (lambda: tied(partial(TiedHead, bias=True)), lambda part: part.head(vectors())),
    CappedHead: (
        lambda: tied(partial(CappedHead, cap=3.0)),
        lambda part: part.head(vectors()),
    ),
    HalfLinear: (lambda: HalfLinear(nn.Linear(D_MODEL, 19)), lambda part: part(vectors())),
    HalfTable: (lambda: HalfTable(nn.Embedding(17, D_MODEL)), lambda part: part(ids())),
    SandwichNorm: (around(SandwichNorm), lambda part: part(vectors(), torch.relu)),
    WindowedAttention: (
        lambda: WindowedAttention(D_MODEL, 6, 2, window=2),
        lambda part: both_ways(part, vectors(), None, None, mask()),
    ),
    PostNorm: (around(), lambda part: part(vectors(), torch.relu)),
    PreNorm: (around(PreNorm), lambda part: part(vectors(), torch.relu)),
    EncoderBlock: (encoder_block, lambda part: both_ways(part, vectors(), mask())),
    DecoderBlock: (decoder_block, write),
    Encoder: (
        lambda: Encoder([encoder_block(), encoder_block()]),
        lambda part: both_ways(part, vectors(), mask()),
    ),
    Decoder: (lambda: Decoder([decoder_block()], LayerNorm(D_MODEL)), write),
    Seq2Seq: (
        lambda: Seq2Seq(Seq2SeqConfig(17, 17, D_MODEL, 3, 2, 19, tied=True)),
        seq2seq,
    ),
    Gpt: (
        lambda: Gpt(GptConfig(17, D_MODEL, 3, 2, 19, max_len=7, window=3)),
        lambda part: both_ways(part, ids()),
    ),
    BertEmbedding: (lambda: BertEmbedding(SMALL), lambda part: part(ids())),
    BertBlock: (
        lambda: BertBlock(SMALL, MultiHeadAttention),
        lambda part: part(vectors(), mask()),
    ),
    Bert: (lambda: Bert(SMALL), lambda part: part(ids(), mask(), return_weights=True)),
    MaskedHead: (
        lambda: MaskedHead(SMALL),
        lambda part: part(
            vectors(), torch.ones(17, SMALL.d_model, device=next(part.parameters()).device)
        ),
    ),
    MaskedLM: (lambda: MaskedLM(SMALL), lambda part: part(ids(), mask())),
    Classifier: (lambda: Classifier(SMALL, 5), lambda part: part(ids(), mask())),
    ScaledHead: (lambda: tied(ScaledHead), lambda part: part.head(vectors())),
    ShiftedHead: (lambda: tied(ShiftedHead), lambda part: part.head(vectors())),
    NormedPositions: (lambda: NormedPositions(D_MODEL, 7), lambda part: part(vectors(), 2)),
    T5: (lambda: T5(T5Config(17, D_MODEL, 3, 2, 19, d_head=4)), seq2seq),
    Bart: (lambda: Bart(Seq2SeqConfig(17, 17, D_MODEL, 3, 2, 19, tied=True)), seq2seq),
    Marian: (lambda: Marian(Seq2SeqConfig(17, 17, D_MODEL, 3, 2, 19, tied=True)), seq2seq),
    KeysWithoutBias: (
        lambda: KeysWithoutBias(D_MODEL, 3),
        lambda part: both_ways(part, vectors(), vectors(), None, mask()),
    ),
    AudioFront: (lambda: AudioFront(SMALL_WHISPER), lambda part: part(sound())),
    Whisper: (
        lambda: Whisper(SMALL_WHISPER),
        lambda part: both_ways(part, sound(), ids()),
    ),
    Vit: (lambda: Vit(SMALL_VIT), lambda part: both_ways(part, pictures())),
    Tagger: (lambda: Tagger(SMALL, 5), lambda part: part(ids(), mask())),
}


def all_modules():
    """Every public nn.Module that the rooms `nn` and `models` define."""
    for room in (course_lib.nn, course_lib.models):
        for info in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
            file = importlib.import_module(info.name)
            for name, thing in vars(file).items():
                is_module = isinstance(thing, type) and issubclass(thing, nn.Module)
                if is_module and thing.__module__ == file.__name__ and not name.startswith("_"):
                    yield thing


@pytest.mark.parametrize("module", list(all_modules()), ids=lambda module: module.__name__)
def test_runs_on_meta(module):
    build, call = RUNS[module]
    part = build().to("meta")
    with OnlyMeta():
        call(part)


def test_the_watch_notices_a_tensor_on_another_device():
    with OnlyMeta(), pytest.raises(AssertionError, match="made a tensor on cpu"):
        torch.empty(3, device="meta") + torch.ones(())


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("module", list(all_modules()), ids=lambda module: module.__name__)
def test_built_on_meta_and_loaded_it_is_the_module(module, assign, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "where", ["cpu"])
    build, call = RUNS[module]
    real = build().eval()
    with torch.device("meta"):
        part = build().eval()
    if not assign:
        part = part.to_empty(device="cpu")
    part.load_state_dict(real.state_dict(), assign=assign)
    torch.manual_seed(1)
    expected = call(real)
    torch.manual_seed(1)
    torch.testing.assert_close(call(part), expected, rtol=0, atol=0)
    count = sum(p.numel() for p in real.parameters())
    assert sum(p.numel() for p in part.parameters()) == count  # what is tied stays tied


def test_an_emptied_table_of_waves_is_written_again_in_its_dtype():
    emptied = Sinusoidal(D_MODEL, 7).double()
    for buffer in emptied.buffers():
        buffer.fill_(float("nan"))  # as memory that nobody wrote may hold
    emptied.to_empty(device="cpu")
    exact = sinusoidal_positions(7, D_MODEL, dtype=torch.float64)
    assert torch.equal(emptied.table, exact)
