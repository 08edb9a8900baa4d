"""Whisper: an encoder that hears and a decoder that writes what was said.

Checked against Hugging Face's in tests; `data.audio` makes what it hears of a recording.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.models.seq2seq import Padding, Places, Seq2Seq
from course_lib.models.seq2seq_sizes import Seq2SeqConfig
from course_lib.nn.blocks import PreNorm
from course_lib.nn.cache import Cache
from course_lib.nn.embeddings import TokenEmbedding
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.learned import LearnedPositions
from course_lib.nn.positions.sinusoidal import sinusoidal_halves


@dataclass(frozen=True)
class WhisperConfig:
    """The sizes of a Whisper; `num_layers` stand on each side, or (encoder, decoder).

    It hears `audio_len` vectors, each of two frames with `num_mels` numbers, and writes up to
    `text_len` tokens.
    """

    vocab_size: int
    d_model: int
    num_heads: int
    num_layers: int | tuple[int, int]
    d_ff: int
    num_mels: int = 80
    audio_len: int = 1500
    text_len: int = 448
    pad_id: int = 50_257
    dropout: float = 0.0


class KeysWithoutBias(MultiHeadAttention):
    """Attention whose keys have no bias: it would change all scores of a query alike.

    Source: Radford et al. 2022 (arXiv:2212.04356), the authors' code.
    """

    def __init__(self, d_model: int, num_heads: int, **given):
        super().__init__(d_model, num_heads, **given)
        self.to_k = nn.Linear(d_model, self.to_k.out_features, bias=False)


class AudioFront(nn.Module):
    """From frames of sound to vectors with places: two convolutions, the second in steps of two.

        x = gelu(conv_2(gelu(conv_1(mels)))) + waves

    The waves are a table that is never trained; a checkpoint brings its own.

    Source: Radford et al. 2022, section 2.2 and figure 1 (arXiv:2212.04356).
    """

    def __init__(self, config: WhisperConfig):
        super().__init__()
        d_model, audio_len = config.d_model, config.audio_len
        self.conv1 = nn.Conv1d(config.num_mels, d_model, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(d_model, d_model, kernel_size=3, stride=2, padding=1)
        self.places = LearnedPositions(d_model, audio_len)
        # 10,000 as the length of the last wave, not of the one after it: hence another base
        base = 10_000.0 ** (d_model / (d_model - 2))
        waves = sinusoidal_halves(audio_len, d_model, base)
        self.places.table = nn.Parameter(waves, requires_grad=False)

    def forward(
        self, mels: Float[Tensor, "batch mels frames"]
    ) -> Float[Tensor, "batch key d_model"]:
        """Return one vector for every two frames.

        Raises `ValueError` for more frames than there are places, or another number of pitches.
        """
        num_mels = self.conv1.in_channels
        if mels.ndim != 3 or mels.shape[1] != num_mels:
            raise ValueError(f"mels must be (batch, {num_mels}, frames), got {tuple(mels.shape)}")
        x = F.gelu(self.conv2(F.gelu(self.conv1(mels))))
        return self.places(x.transpose(1, 2))


class Whisper(Seq2Seq):
    """Hear frames of sound once, then score every next token of the text.

        memory = encoder(front(mels)),   logits = head(decoder(embed(text), memory))

    The decoder is that of `Seq2Seq`, in pre-norm, with learned places and one table for both of
    its ends. A `Writer(model, mels)` writes with it. `attention` builds every attention, called
    as `MultiHeadAttention` is.

    Source: Radford et al. 2022, section 2.2 (arXiv:2212.04356).
    """

    def __init__(
        self, config: WhisperConfig, *, attention: Callable[..., nn.Module] = KeysWithoutBias
    ):
        vocab_size = config.vocab_size
        sizes = Seq2SeqConfig(
            *(vocab_size, vocab_size, config.d_model, config.num_heads),
            *(config.num_layers, config.d_ff),
            dropout=config.dropout,
            max_len=config.text_len,
            pad_id=config.pad_id,
            tied=True,
        )
        super().__init__(
            sizes,
            attention=attention,
            feed_forward=partial(FeedForward, activation=F.gelu),
            residual=PreNorm,
            last_norm=LayerNorm,
            embedding=partial(TokenEmbedding, scale=1.0),
            position=None,
            decoder_position=LearnedPositions,
        )
        self.front = AudioFront(config)

    def encode(
        self,
        source: Float[Tensor, "batch mels frames"],
        *,
        source_mask: Padding | None = None,
        source_places: Places | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch key d_model"] | tuple[Tensor, list[Tensor]]:
        """Hear the frames: one vector for every two, or these and each block's weights.

        Raises `ValueError` for more frames than there are places, and for places: sound has none
        but its own.
        """
        if source_places is not None:
            raise ValueError("frames of sound follow each other: they can't be given places")
        x = self.dropout(self.front(source))
        return self.encoder(x, source_mask, return_weights=return_weights)

    def decode(
        self,
        target: Int[Tensor, "batch query"],
        memory: Float[Tensor, "_ key d_model"],
        source: Tensor | None = None,
        *,
        source_mask: Padding | None = None,
        target_mask: Padding | None = None,
        target_places: Places | None = None,
        cache: Cache | None = None,
        return_weights: bool = False,
    ) -> Float[Tensor, "batch new vocab"] | tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Score the token after each token of `target`, as `Seq2Seq` does; silence is heard too."""
        batch, key = memory.shape[:2]
        heard = torch.zeros(batch, key, dtype=torch.int64, device=memory.device)
        if source_mask is None:
            source_mask = torch.ones(batch, 1, 1, key, dtype=torch.bool, device=memory.device)
        given = {"target_mask": target_mask, "target_places": target_places, "cache": cache}
        given |= {"source_mask": source_mask, "return_weights": return_weights}
        return super().decode(target, memory, heard, **given)


# Radford et al. 2022, table 1 (arXiv:2212.04356); ".en" knows English alone
_EN, _ALL = partial(WhisperConfig, 51_864, pad_id=50_256), partial(WhisperConfig, 51_865)
WHISPERS = {
    "whisper-tiny.en": _EN(384, 6, 4, 1536),
    "whisper-tiny": _ALL(384, 6, 4, 1536),
    "whisper-base": _ALL(512, 8, 6, 2048),
    "whisper-small": _ALL(768, 12, 12, 3072),
    "whisper-medium": _ALL(1024, 16, 24, 4096),
    "whisper-large-v2": _ALL(1280, 20, 32, 5120),
}
