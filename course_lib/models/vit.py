"""The Vision Transformer: an image is a sequence of patches, and an encoder reads them.

Checked against Hugging Face's in tests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.models.starting import init_small
from course_lib.nn.blocks import EncoderBlock, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.learned import LearnedPositions
from course_lib.nn.stacks import Encoder


@dataclass(frozen=True)
class VitConfig:
    """The sizes of a Vision Transformer; images and patches are squares, in pixels.

    Raises `ValueError` when patches don't fill an image.
    """

    image_size: int
    patch_size: int
    d_model: int
    num_heads: int
    num_layers: int
    d_ff: int
    num_classes: int
    channels: int = 3
    norm_eps: float = 1e-12
    dropout: float = 0.0

    def __post_init__(self):
        if self.patch_size < 1 or self.image_size % self.patch_size:
            image_size, patch_size = self.image_size, self.patch_size
            raise ValueError(f"patches must fill the image, got {image_size=}, {patch_size=}")

    @property
    def num_patches(self) -> int:
        """How many patches an image has."""
        return (self.image_size // self.patch_size) ** 2


def to_patches(
    images: Float[Tensor, "batch channels height width"], patch_size: int
) -> Float[Tensor, "batch patch numbers"]:
    """Cut images into squares, row by row; each becomes one vector of its pixels.

        patch[i] = all channels of one square, (channels patch_size patch_size) numbers

    Raises `ValueError` when the patches don't fill the images.

    Source: Dosovitskiy et al. 2020, section 3.1 (arXiv:2010.11929).
    """
    height, width = images.shape[-2:]
    if height % patch_size or width % patch_size:
        raise ValueError(f"patches must fill the image, got {height=}, {width=}, {patch_size=}")
    size = patch_size
    return rearrange(images, "b c (row i) (col j) -> b (row col) (c i j)", i=size, j=size)


def first_token(x: Float[Tensor, "batch seq d_model"]) -> Float[Tensor, "batch d_model"]:
    """Return the vector of [CLS], which has listened to all patches."""
    return x[:, 0]


def mean_of_patches(x: Float[Tensor, "batch seq d_model"]) -> Float[Tensor, "batch d_model"]:
    """Return the mean over the patches, [CLS] left out."""
    return x[:, 1:].mean(dim=1)


class Vit(nn.Module):
    """Score classes for an image: patches as tokens behind a [CLS], blocks, a norm, a head.

        x = [cls, patch_1 W + b, …, patch_N W + b] + position,   logits = head(pool(encoder(x)))

    `pool` makes one vector of all: `first_token`, `mean_of_patches` or one of your own.
    `attention` builds each block's attention, called as `MultiHeadAttention` is.

    Source: Dosovitskiy et al. 2020, section 3.1 and eq. 1 to 4 (arXiv:2010.11929).
    """

    def __init__(
        self,
        config: VitConfig,
        *,
        pool: Callable[[Tensor], Tensor] = first_token,
        attention: Callable[..., nn.Module] = MultiHeadAttention,
    ):
        super().__init__()
        self.config, self.pool = config, pool
        d_model, dropout = config.d_model, config.dropout
        norm = partial(LayerNorm, d_model, eps=config.norm_eps)

        def block():
            look = attention(d_model, config.num_heads, dropout=dropout)
            think = FeedForward(d_model, config.d_ff, activation=F.gelu)
            return EncoderBlock(look, think, lambda: PreNorm(norm(), dropout))

        self.embed = nn.Linear(config.channels * config.patch_size**2, d_model)
        self.cls = nn.Parameter(0.02 * torch.randn(d_model))
        self.position = LearnedPositions(d_model, 1 + config.num_patches)
        self.dropout = nn.Dropout(dropout)
        self.encoder = Encoder([block() for _ in range(config.num_layers)], norm())
        self.head = nn.Linear(d_model, config.num_classes)
        init_small(self)

    def forward(
        self, images: Float[Tensor, "batch channels height width"], *, return_weights: bool = False
    ) -> Float[Tensor, "batch classes"] | tuple[Tensor, list[Tensor]]:
        """Return the scores of the classes, or these and each block's weights.

        Token 0 is [CLS]; patches follow, row by row.

        Raises `ValueError` when the images are not of the size that the positions were made for.
        """
        config = self.config
        wanted = (config.channels, config.image_size, config.image_size)
        if tuple(images.shape[1:]) != wanted:
            raise ValueError(f"images must be (batch, *{wanted}), got {tuple(images.shape)}")
        patches = self.embed(to_patches(images, config.patch_size))
        x = torch.cat((self.cls.expand(len(images), 1, -1), patches), dim=1)
        x = self.encoder(self.dropout(self.position(x)), return_weights=return_weights)
        x, weights = x if return_weights else (x, None)
        logits = self.head(self.pool(x))
        return (logits, weights) if return_weights else logits


# Dosovitskiy et al. 2020, table 1 (arXiv:2010.11929), with the 1,000 classes of ImageNet
VITS = {
    "vit-base-patch16-224": VitConfig(224, 16, 768, 12, 12, 3072, 1000),
    "vit-base-patch32-224": VitConfig(224, 32, 768, 12, 12, 3072, 1000),
    "vit-large-patch16-224": VitConfig(224, 16, 1024, 16, 24, 4096, 1000),
    "vit-huge-patch14-224": VitConfig(224, 14, 1280, 16, 32, 5120, 1000),
}
