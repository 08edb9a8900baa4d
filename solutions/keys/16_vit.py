"""Answer key of chapter 16: patches there and back, a kernel, a count, a ViT, and what it read."""

import math
from functools import cache

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from course_lib.grader.judging.key import Case, Edges, Exercise, call, case, told_of
from course_lib.nn.blocks import EncoderBlock, PostNorm, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.stacks import Encoder


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


def number(generator, low, high):
    """A whole number from low up to high, high left out."""
    return int(torch.randint(low, high, (), generator=generator))


# --- 16.patches -----------------------------------------------------------------------------


def patch_cases(generator):
    def tried(label, shape, size, dtype=torch.float32, **more):
        images = normal(generator, *shape)
        if not dtype.is_floating_point:
            images = torch.randint(1, 256, shape, generator=generator)
        return case(label, images.to(dtype), size, **more)

    return [
        tried("higher than wide, two channels", (2, 2, 9, 6), 3),
        tried("wider than high, three channels", (2, 3, 4, 10), 2),
        tried("a square image in one channel", (3, 1, 6, 6), 3),
        tried("as many channels as pixels a side", (2, 3, 6, 9), 3),
        tried("one column too many", (2, 2, 4, 7), 2),
        tried("one row too many", (1, 3, 7, 4), 2),
        tried("neither side fits", (2, 2, 7, 8), 3),
        tried("a square that doesn't fit, one channel", (1, 1, 5, 5), 4),
        tried("smaller than a patch", (2, 2, 2, 3), 5),
        tried("one patch", (2, 3, 4, 4), 4),
        tried("patches of one pixel", (1, 2, 3, 4), 1),
        tried("an image of one pixel", (1, 1, 1, 1), 2),
        tried("a strip of one row", (2, 1, 1, 6), 2),
        tried("bytes", (1, 3, 5, 4), 2, torch.uint8),
        tried("whole numbers", (1, 2, 4, 6), 2, torch.int64),
        tried("in float64", (1, 2, 6, 3), 3, torch.float64),
        tried("gradients", (1, 2, 4, 5), 2, grad=True),
    ]


def filled(images, size, kind="right"):
    """Images that patches fit into, filled up as `kind` says."""
    height, width = images.shape[-2:]
    down, across = -height % size, -width % size
    if kind == "cut off":
        return images[..., : height // size * size, : width // size * size]
    if kind == "not":
        return images
    if kind == "one patch more":
        down, across = size - height % size, size - width % size
    if kind == "either" and (down or across):
        down, across = size - height % size, size - width % size
    if kind == "remainder":
        down, across = height % size, width % size
    if kind == "sides swapped":
        down, across = across, down
    if kind == "square":
        side = -(-max(height, width) // size) * size
        down, across = side - height, side - width
    if kind == "front":
        return F.pad(images, (across, 0, down, 0))
    if kind == "around":
        return F.pad(images, (across // 2, across - across // 2, down // 2, down - down // 2))
    if kind == "right only":
        down = 0
    if kind == "bottom only":
        across = 0
    whole = F.pad(images, (0, across, 0, down))
    if kind == "ones":
        whole[..., height:, :] = 1
        whole[..., width:] = 1
    if kind in ("edge", "wrapped"):
        rows, cols = torch.arange(height + down), torch.arange(width + across)
        if kind == "edge":
            rows, cols = rows.clamp(max=height - 1), cols.clamp(max=width - 1)
        return images[..., rows % height, :][..., cols % width]
    return whole


LAYOUTS = {
    "right": "b c r i s j -> b (r s) (c i j)",
    "channels last": "b c r i s j -> b (r s) (i j c)",
    "pixels turned": "b c r i s j -> b (r s) (c j i)",
    "channels last, turned": "b c r i s j -> b (r s) (j i c)",
    "columns first": "b c r i s j -> b (s r) (c i j)",
    "all turned": "b c r i s j -> b (s r) (c j i)",
    "from everywhere": "b c i r j s -> b (r s) (c i j)",
    "apart": "b c r i s j -> b (c r s) (i j)",
    "apart, channels inside": "b c r i s j -> b (r s c) (i j)",
    "axes kept": "b c r i s j -> b (r s) c i j",
    "grid kept": "b c r i s j -> b r s (c i j)",
    "one list": "b c r i s j -> (b r s) (c i j)",
    "like unfold": "b c r i s j -> b (c i j) (r s)",
    "rows between": "b c r i s j -> b (r s) (i c j)",
}  # fmt: skip


def wrong_patches(images, size, *, fill="right", layout="right"):
    """A cut with its two steps exchangeable; they are tried in pairs."""
    return cut(filled(images, size, fill), size, layout)


def cut(images, size, layout="right"):
    batch, channels, height, width = images.shape
    rows, cols = height // size, width // size
    numbers = channels * size * size
    if layout == "stripes":
        return images.reshape(batch, rows * cols, numbers)
    if layout == "unfold, reshaped":
        return cut(images, size, "like unfold").reshape(batch, rows * cols, numbers)
    if layout == "pixels flat":
        return images.permute(0, 2, 3, 1).reshape(batch, rows * cols, numbers)
    if layout == "grid before pixels":
        x = images.reshape(batch, channels, rows, cols, size, size)
        return x.permute(0, 2, 3, 1, 4, 5).reshape(batch, rows * cols, numbers)
    if layout == "wrong axes":
        x = images.reshape(batch, channels, rows, size, cols, size)
        return x.permute(0, 2, 3, 1, 4, 5).reshape(batch, rows * cols, numbers)
    if layout == "from everywhere":
        x = images.reshape(batch, channels, size, rows, size, cols)
        return rearrange(x, LAYOUTS[layout])
    if layout == "channels outside":
        return cut(images, size, "apart").reshape(batch, rows * cols, numbers)
    if layout == "grid swapped":
        x = images.reshape(batch, channels, cols, size, rows, size)
        return x.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * cols, numbers)
    x = images.reshape(batch, channels, rows, size, cols, size)
    return rearrange(x, LAYOUTS[layout])


def slipped_patches(images, size, *, slip):
    whole = filled(images, size)
    if slip == "into rows":
        return images.reshape(len(images), -1, images.shape[1] * size * size)
    if slip in ("slices", "whole slices"):
        height, width = images.shape[2:]
        less = size - 1 if slip == "whole slices" else 0
        return torch.stack(
            [
                images[:, :, top : top + size, left : left + size].flatten(1)
                for top in range(0, height - less, size)
                for left in range(0, width - less, size)
            ],
            dim=1,
        )
    if slip in ("rows for both", "columns for both"):
        height, width = images.shape[2:]
        sides = math.ceil((height if slip == "rows for both" else width) / size)
        whole = F.pad(images, (0, sides * size - width, 0, sides * size - height))
        return cut(whole, size)
    if slip == "overlapping":
        return F.unfold(images.double(), size).mT.to(images.dtype)
    if slip == "grey":
        return cut(whole.double().mean(dim=1, keepdim=True).to(images.dtype), size)
    if slip == "first channel":
        return cut(whole[:, :1], size)
    if slip == "channels turned":
        return cut(whole.flip(1), size)
    if slip == "first image":
        return cut(whole[:1], size)
    if slip == "divided":
        return cut(whole, size) / 255
    if slip == "floats":
        return cut(whole, size).float()
    if slip == "detached":
        return cut(whole.detach(), size)
    raise ValueError(slip)


def patches_one_by_one(images, size):
    """Right: each pixel is written where it belongs."""
    batch, channels, height, width = images.shape
    rows, cols = math.ceil(height / size), math.ceil(width / size)
    out = images.new_zeros(batch, rows * cols, channels * size * size)
    for y in range(height):
        for x in range(width):
            patch = y // size * cols + x // size
            places = torch.arange(channels) * size * size + y % size * size + x % size
            out[:, patch, places] = images[:, :, y, x]
    return out


def patches_by_slices(images, size):
    height, width = images.shape[2:]
    rows = []
    for top in range(0, height, size):
        for left in range(0, width, size):
            piece = images[:, :, top : top + size, left : left + size]
            full = images.new_zeros(*piece.shape[:2], size, size)
            full[:, :, : piece.shape[2], : piece.shape[3]] = piece
            rows.append(full.flatten(1))
    return torch.stack(rows, dim=1)


def patches_by_words(images, size):
    height, width = images.shape[-2:]
    images = F.pad(images, (0, -width % size, 0, -height % size))
    return rearrange(images, "b c (r i) (s j) -> b (r s) (c i j)", i=size, j=size)


cutting = told_of(wrong_patches)


def lone_patches(images, size, *, flags):
    """Mistakes that are not tried in pairs."""
    return wrong_patches(images, size, **flags)


cutting_alone = told_of(lone_patches, "flags")


cut_slip = told_of(slipped_patches, "slip")


CUT_HINTS = (
    "Cut `torch.arange(16).view(1, 1, 4, 4)` into patches of 2. The first should be 0, 1, 4, 5.",
    "`reshape` reads the numbers in the order in which they lie; to bring rows of a patch "
    "together, axes must move.",
    "Give rows, rows in a patch, columns and columns in a patch an axis each; `permute`; then "
    "flatten.",
)
ORDER_HINTS = (
    "Cut one patch out of `torch.arange(8).view(1, 2, 2, 2)`. It should be 0, 1, …, 7.",
    "Channel by channel; in each, row by row; in each row from left to right.",
    "The last three axes before you flatten: channel, row in the patch, column in the patch.",
)
READING_HINTS = (
    "Cut `torch.arange(24).view(1, 1, 4, 6)` into patches of 2: the second should begin with 2.",
    "Patches are numbered as one reads: the whole top row first.",
    "Before you flatten, the rows of patches stand in front of the columns.",
)
FILL_HINTS = (
    "Cut an image of 3 by 5 ones into patches of 2, and look where the zeros are.",
    "At the right and at the bottom, each side for itself, and as few as will do: none where the "
    "patches fit.",
    "`-height % size` rows and `-width % size` columns; `F.pad` names the *last* axis first.",
)
SHAPE_HINTS = (
    "Print the shape of what you return beside that of the text.",
    "Every image has n patches; each is one row of all its numbers.",
    "Flatten to `(batch, n, channels * size * size)`.",
)
DTYPE_HINTS = (
    "Hand it an image of bytes, `torch.uint8`. What comes out?",
    "Cutting moves numbers, and changes none.",
    "Leave out whatever counts with the pixels.",
)

PATCHES = Exercise(
    id="16.patches",
    title="Cut an image into words",
    kind="code",
    points=2,
    name="patches",
    cases=patch_cases,
    axes="batch patch number",
    mistakes=[
        cutting(
            "reshape-alone",
            {"layout": "stripes"},
            "`reshape` alone cuts stripes: each patch holds pixels that follow one another in "
            "memory, whole rows of the image",
            *CUT_HINTS,
        ),
        cutting_alone(
            "pixels-flat",
            {"layout": "pixels flat"},
            "the channels stand last, and `reshape` alone cuts the rest: stripes of whole rows",
            *CUT_HINTS,
        ),
        cutting_alone(
            "pixels-from-everywhere",
            {"layout": "from everywhere"},
            "each patch takes pixels from all over the image, far apart: `size` must be the "
            "inner part of each side, not the outer",
            "Cut `torch.arange(16).view(1, 1, 4, 4)` into patches of 2. The first should be "
            "0, 1, 4, 5.",
            "A side is cut into `rows` pieces of `size` pixels, in this order.",
            "`reshape(batch, channels, rows, size, cols, size)`.",
        ),
        cutting_alone(
            "grid-before-pixels",
            {"layout": "grid before pixels"},
            "`reshape` is told rows, columns, `size`, `size`: but a side is cut where it stands, "
            "and `size` belongs behind its own rows or columns",
            *CUT_HINTS,
        ),
        cutting_alone(
            "wrong-axes-moved",
            {"layout": "wrong axes"},
            "the image is cut into six axes as it should be, but the wrong ones are put together: "
            "the rows of a patch stand where columns of patches belong",
            *CUT_HINTS,
        ),
        cutting_alone(
            "rows-and-columns-exchanged",
            {"layout": "grid swapped"},
            "the numbers of rows and columns have changed places in `reshape`: it shows when the "
            "image isn't a square",
            "Cut an image of 2 by 6 pixels into patches of 2.",
            "Height is cut into rows, width into columns.",
            "`reshape(batch, channels, rows, size, cols, size)`, with rows from the height.",
        ),
        cutting(
            "channels-last",
            {"layout": "channels last"},
            "within a patch the channels stand last: pixel by pixel, not channel by channel",
            *ORDER_HINTS,
        ),
        cutting_alone(
            "channels-between",
            {"layout": "rows between"},
            "within a patch the channels stand between rows and columns",
            *ORDER_HINTS,
        ),
        cutting(
            "patch-turned",
            {"layout": "pixels turned"},
            "within a patch it goes down the columns, not along the rows",
            *ORDER_HINTS,
        ),
        cutting_alone(
            "channels-last-and-turned",
            {"layout": "channels last, turned"},
            "within a patch it goes down the columns, with the channels last",
            *ORDER_HINTS,
        ),
        cutting(
            "down-the-columns",
            {"layout": "columns first"},
            "the patches are numbered down the columns; reading order is along the rows",
            *READING_HINTS,
        ),
        cutting_alone(
            "width-before-height",
            {"layout": "all turned"},
            "width and height have changed places: patches are numbered down the columns, and so "
            "are the pixels in them",
            *READING_HINTS,
        ),
        cutting_alone(
            "channels-as-patches",
            {"layout": "apart"},
            "each channel has patches of its own: they are too many and too short",
            *SHAPE_HINTS,
        ),
        cutting_alone(
            "channels-not-moved",
            {"layout": "channels outside"},
            "the channels are still in front when you flatten: each row holds several patches of "
            "one channel, not one patch with all channels",
            *ORDER_HINTS,
        ),
        cutting_alone(
            "channels-as-neighbours",
            {"layout": "apart, channels inside"},
            "the channels of a patch are rows of their own: they are too many and too short",
            *SHAPE_HINTS,
        ),
        cutting_alone(
            "patch-not-flat",
            {"layout": "axes kept"},
            "a patch is still a small image, with three axes; it should be one row of numbers",
            *SHAPE_HINTS,
        ),
        cutting_alone(
            "grid-not-flat",
            {"layout": "grid kept"},
            "rows and columns of patches are two axes; they should be one, in reading order",
            *SHAPE_HINTS,
        ),
        cutting_alone(
            "images-in-one-list",
            {"layout": "one list"},
            "the patches of all images stand in one list: the axis of the batch is gone",
            *SHAPE_HINTS,
        ),
        cutting_alone(
            "numbers-before-patches",
            {"layout": "like unfold"},
            "the numbers of a patch run down axis 1, and the patches along the last: the other "
            "way round",
            *SHAPE_HINTS,
        ),
        cutting_alone(
            "unfold-reshaped",
            {"layout": "unfold, reshaped"},
            "the numbers of a patch ran down axis 1, and `reshape` doesn't turn them: it mixes "
            "patches",
            "Cut `torch.arange(16).view(1, 1, 4, 4)` into patches of 2. The first should be "
            "0, 1, 4, 5.",
            "`reshape` writes other line breaks; `transpose` exchanges two axes.",
            "Move axes first, and flatten last.",
        ),
        cutting(
            "rest-cut-off",
            {"fill": "cut off"},
            "what doesn't fill a patch is cut off; it should be filled up with zeros",
            *FILL_HINTS,
        ),
        cutting_alone(
            "reshape-alone-and-not-filled",
            {"layout": "stripes", "fill": "not"},
            "`reshape` alone cuts stripes, whole rows of the image; and images that the patches "
            "don't fit aren't filled up",
            *CUT_HINTS,
        ),
        cutting_alone(
            "channels-last-and-not-filled",
            {"layout": "channels last", "fill": "not"},
            "within a patch the channels stand last; and images that the patches don't fit aren't "
            "filled up",
            *ORDER_HINTS,
        ),
        cutting_alone(
            "down-the-columns-and-not-filled",
            {"layout": "columns first", "fill": "not"},
            "the patches are numbered down the columns; and images that the patches don't fit "
            "aren't filled up",
            *READING_HINTS,
        ),
        cutting_alone(
            "not-filled",
            {"fill": "not"},
            "images that the patches don't fit aren't filled up: your code stops",
            *FILL_HINTS,
        ),
        cutting_alone(
            "one-patch-too-many",
            {"fill": "one patch more"},
            "where the patches fit already, a whole row or column of empty ones is added",
            *FILL_HINTS,
        ),
        cutting(
            "zeros-in-front",
            {"fill": "front"},
            "the zeros stand at the left and on top",
            *FILL_HINTS,
        ),
        cutting_alone(
            "zeros-all-round",
            {"fill": "around"},
            "the zeros are shared between both ends of a side, as for a convolution",
            *FILL_HINTS,
        ),
        cutting(
            "sides-exchanged",
            {"fill": "sides swapped"},
            "one side gets what the other one lacks; each has its own lack",
            *FILL_HINTS,
        ),
        cutting_alone(
            "side-that-fits-filled-too",
            {"fill": "either"},
            "where one side doesn't fit, the other gets a whole row or column of empty patches, "
            "though it fits",
            *FILL_HINTS,
        ),
        cutting_alone(
            "what-sticks-out-added",
            {"fill": "remainder"},
            "as much is added as sticks out, `height % size`; what is lacking is the rest of a "
            "patch",
            *FILL_HINTS,
        ),
        cutting_alone(
            "made-square",
            {"fill": "square"},
            "the image is filled up to a square: that is more than will do",
            *FILL_HINTS,
        ),
        cutting_alone(
            "filled-at-the-right-only",
            {"fill": "right only"},
            "only the width is filled up, not the height",
            *FILL_HINTS,
        ),
        cutting_alone(
            "filled-at-the-bottom-only",
            {"fill": "bottom only"},
            "only the height is filled up, not the width",
            *FILL_HINTS,
        ),
        cutting_alone(
            "ones-for-zeros",
            {"fill": "ones"},
            "the image is filled up with ones, not with zeros",
            *FILL_HINTS,
        ),
        cutting_alone(
            "edge-drawn-out",
            {"fill": "edge"},
            "the image is filled up with its last row and column, not with zeros",
            *FILL_HINTS,
        ),
        cutting_alone(
            "wrapped-around",
            {"fill": "wrapped"},
            "the image begins anew at the right and at the bottom; zeros belong there",
            *FILL_HINTS,
        ),
        cut_slip(
            "reshaped-into-rows",
            "into rows",
            "`reshape` alone cuts stripes, whole rows of the image, and makes as many of them as "
            "there are numbers for; nothing is filled up",
            *CUT_HINTS,
        ),
        cut_slip(
            "as-many-columns-as-rows",
            "rows for both",
            "as many columns of patches are cut as there are rows of them; each side has its own "
            "number",
            *CUT_HINTS,
        ),
        cut_slip(
            "as-many-rows-as-columns",
            "columns for both",
            "as many rows of patches are cut as there are columns of them; each side has its own "
            "number",
            *CUT_HINTS,
        ),
        cut_slip(
            "slices-not-filled",
            "slices",
            "the slices at the right and at the bottom are shorter than the others: nothing fills "
            "them up",
            *FILL_HINTS,
        ),
        cut_slip(
            "whole-slices-only",
            "whole slices",
            "the loop leaves out what doesn't fill a patch; it should be filled up with zeros",
            *FILL_HINTS,
        ),
        cut_slip(
            "overlapping",
            "overlapping",
            "the patches overlap: the next one begins a pixel further, not `size` pixels",
            "How many patches of 2 come out of an image of 4 by 4?",
            "Every pixel belongs to one patch.",
            "Step by `size`.",
        ),
        cut_slip(
            "grey",
            "grey",
            "the channels are averaged; all of them should stand in the patch",
            *SHAPE_HINTS,
        ),
        cut_slip(
            "first-channel",
            "first channel",
            "only the first channel is cut; all of them should stand in the patch",
            *SHAPE_HINTS,
        ),
        cut_slip(
            "channels-turned-round",
            "channels turned",
            "the channels stand in the order last to first",
            *ORDER_HINTS,
        ),
        cut_slip(
            "first-image",
            "first image",
            "only the first image of the batch is cut",
            *SHAPE_HINTS,
        ),
        cut_slip(
            "divided-by-255",
            "divided",
            "the pixels are divided by 255; cutting changes no number",
            *DTYPE_HINTS,
        ),
        cut_slip(
            "made-floats",
            "floats",
            "whatever the images are, float32 comes out; the dtype should stay",
            *DTYPE_HINTS,
        ),
        cut_slip(
            "nothing-flows-back",
            "detached",
            "the numbers are right, but no gradient flows back to the images",
            "Hand it images with `requires_grad`, and call `backward` on the sum.",
            "`detach`, `.data`, `numpy` and `torch.tensor` cut the way back.",
            "Use `reshape` and `permute`, or write into a new tensor.",
        ),
    ],
    hints=(
        "Cut `torch.arange(24).view(1, 1, 4, 6)` into patches of 2 by hand, and compare; then "
        "with two channels; then an image of 3 by 5.",
        "Three questions, one after the other: what is filled up, which patch comes when, which "
        "number comes when within a patch.",
        "Fill up; `reshape` to six axes (batch, channels, rows, size, cols, size); `permute`; "
        "`reshape` to three.",
    ),
    allows=Edges(
        dtypes=("float32", "float64", "uint8", "int64"),
        axes=(4,),
        sizes=(1,),
        labels=("smaller than", "neither side", "one patch", "higher", "wider", "gradients"),
    ),
    bans=(
        "unfold",
        "Unfold",
        "im2col",
        "pixel_unshuffle",
        "PixelUnshuffle",
        "conv2d",
        "Conv2d",
        "to_patches",
    ),
    also_right=[patches_one_by_one, patches_by_slices, patches_by_words],
)


# --- 16.reshape -----------------------------------------------------------------------------


def join_cases(generator):
    def tried(label, batch, rows, cols, channels, size, dtype=torch.float32, **more):
        x = normal(generator, batch, rows * cols, channels * size * size)
        if not dtype.is_floating_point:
            x = torch.randint(256, x.shape, generator=generator)
        return case(label, x.to(dtype), rows, channels, **more)

    return [
        tried("a square image in one channel", 2, 3, 3, 1, 2),
        tried("a square image in three channels", 2, 2, 2, 3, 2),
        tried("wider than high, one channel", 2, 2, 5, 1, 3),
        tried("wider than high, two channels", 2, 2, 3, 2, 2),
        tried("higher than wide, two channels", 1, 5, 3, 2, 2),
        tried("as many channels as pixels a side", 1, 2, 3, 3, 3),
        tried("one row of patches", 2, 1, 4, 2, 2),
        tried("one column of patches", 2, 3, 1, 2, 3),
        tried("one patch", 2, 1, 1, 2, 3),
        tried("patches of one pixel", 2, 3, 4, 2, 1),
        tried("larger patches", 1, 2, 3, 1, 7),
        tried("bytes", 1, 2, 3, 3, 2, torch.uint8),
        tried("in float64", 1, 3, 2, 2, 2, torch.float64),
        tried("gradients", 1, 2, 3, 2, 2, grad=True),
    ]


JOINS = {
    "right": "b (r s) (c i j) -> b c (r i) (s j)",
    "pixels turned": "b (r s) (c j i) -> b c (r i) (s j)",
    "columns first": "b (s r) (c i j) -> b c (r i) (s j)",
    "from everywhere": "b (r s) (c i j) -> b c (i r) (j s)",
    "image turned": "b (r s) (c i j) -> b c (s j) (r i)",
    "patches turned": "b (r s) (c i j) -> b c (r j) (s i)",
    "rows between": "b (r s) (i c j) -> b c (r i) (s j)",
    "channels behind": "b (r s) (c i j) -> b (r i) (s j) c",
    "one column": "b (r s) (c i j) -> b c (r s i) j",
    "one row": "b (r s) (c i j) -> b c i (r s j)",
    "six axes": "b (r s) (c i j) -> b c r i s j",
}  # fmt: skip


def wrong_join(patches, rows, channels, *, moves="right", grid="given", order="first"):
    """The three faults of the stub, and others in their place; they are tried in pairs."""
    n, size = patches.shape[1], round((patches.shape[2] // channels) ** 0.5)
    cols = n // rows
    if grid == "square":
        cols = round(n**0.5)
    if grid == "as many":
        cols = rows
    if grid == "both square":
        rows = cols = round(n**0.5)
    if grid == "exchanged":
        rows, cols = cols, rows
    return laid(patches, rows, cols, channels, size, moves, order)


def laid(patches, rows, cols, channels, size, moves="right", order="first"):
    batch = len(patches)
    shape = (batch, channels, rows * size, cols * size)
    inside = (size, size, channels) if order == "last" else (channels, size, size)
    x = patches.reshape(batch, rows, cols, *inside)
    if moves == "none":
        return x.reshape(shape)
    if moves == "channels never":
        x = patches.reshape(batch, rows, cols, size, size, channels)
        return x.permute(0, 1, 3, 2, 4, 5).reshape(shape)
    if order == "last":
        x = x.permute(0, 1, 2, 5, 3, 4)
    if moves == "channels only":
        return x.permute(0, 3, 1, 2, 4, 5).reshape(shape)
    if moves == "rows exchanged":  # rows in a patch before the rows of patches
        return x.permute(0, 3, 4, 1, 5, 2).reshape(shape)
    if moves == "columns exchanged":
        return x.permute(0, 3, 1, 4, 5, 2).reshape(shape)
    if moves == "grid exchanged":
        return x.permute(0, 3, 2, 4, 1, 5).reshape(shape)
    if moves == "channels between":
        return x.transpose(2, 4).reshape(shape)
    if moves == "channels behind, reshaped":
        return x.permute(0, 1, 4, 2, 5, 3).reshape(shape)
    if moves == "numbers in front":
        return patches.mT.reshape(shape)
    if moves == "channels taken first":
        x = patches.reshape(batch, channels, rows, cols, size, size)
        return x.permute(0, 1, 2, 4, 3, 5).reshape(shape)
    if moves == "other shape":
        turned = (batch, channels, cols * size, rows * size)
        return x.permute(0, 3, 1, 4, 2, 5).reshape(turned)
    if moves == "turned and reshaped":
        return x.permute(0, 3, 2, 5, 1, 4).reshape(shape)
    flat = x.reshape(batch, rows * cols, channels * size * size)
    return rearrange(flat, JOINS[moves], r=rows, c=channels, i=size, j=size)


def lone_join(patches, rows, channels, *, flags):
    return wrong_join(patches, rows, channels, **flags)


def slipped_join(patches, rows, channels, *, slip):
    whole = wrong_join(patches, rows, channels)
    if slip == "first row of channels":
        return whole[:, :1]
    if slip == "channels turned":
        return whole.flip(1)
    if slip == "floats":
        return whole.float()
    if slip == "detached":
        return whole.detach()
    if slip == "upside down":
        return whole.flip(2)
    if slip == "mean":
        return whole.double().mean(dim=1, keepdim=True).to(whole.dtype)
    if slip == "size without channels":  # the side of a patch as if it had one channel
        size = round(patches.shape[2] ** 0.5)
        return laid(patches, rows, patches.shape[1] // rows, channels, size)
    raise ValueError(slip)


def joined_by_slices(patches, rows, channels):
    """Right: each patch is written to its place."""
    batch, n, numbers = patches.shape
    size, cols = math.isqrt(numbers // channels), n // rows
    out = torch.zeros(batch, channels, rows * size, cols * size, dtype=patches.dtype)
    for place in range(n):
        top, left = place // cols * size, place % cols * size
        piece = patches[:, place].reshape(batch, channels, size, size)
        out[:, :, top : top + size, left : left + size] = piece
    return out


def joined_by_rows(patches, rows, channels):
    batch, n, numbers = patches.shape
    size = math.isqrt(numbers // channels)
    pieces = patches.reshape(batch, n, channels, size, size).unbind(1)
    cols = n // rows
    strips = [torch.cat(pieces[r * cols : (r + 1) * cols], dim=3) for r in range(rows)]
    return torch.cat(strips, dim=2)


def joined_by_words(patches, rows, channels):
    size = math.isqrt(patches.shape[2] // channels)
    words = JOINS["right"]
    return rearrange(patches, words, r=rows, c=channels, i=size, j=size)


def joined_by_shuffling(patches, rows, channels):
    """The text forbids no function of PyTorch's."""
    size = math.isqrt(patches.shape[2] // channels)
    return F.pixel_shuffle(patches.mT.unflatten(2, (rows, -1)), size)


joining = told_of(wrong_join)


joining_alone = told_of(lone_join, "flags")


join_slip = told_of(slipped_join, "slip")


STRIPE_HINTS = (
    "Join two patches of 2 by 2, [[[0, 1, 2, 3], [4, 5, 6, 7]]], in one row. The image's first row "
    "should be 0, 1, 4, 5.",
    "A row of the image takes one row out of each of its patches: axes must move before they are "
    "flattened.",
    "`permute` to (batch, channels, rows, size, cols, size), then `reshape`.",
)
INSIDE_HINTS = (
    "Join a single patch, `torch.arange(8).view(1, 1, 8)`, with two channels. Channel 0 should "
    "hold 0 to 3.",
    "Within a patch comes one channel after the other, and in each one row after the other.",
    "The last axis is cut into `(channels, size, size)`, in this order.",
)
GRID_HINTS = (
    "Join six patches in 2 rows. How many stand in each row?",
    "The patches needn't make a square; `rows` says how many rows there are.",
    "Each row has `n // rows` patches.",
)
JOIN_SHAPE_HINTS = (
    "Print the shape of what you return beside that of the text.",
    "An image is `(channels, height, width)`, its height that of `rows` patches.",
    "`(batch, channels, rows * size, cols * size)`.",
)

RESHAPE = Exercise(
    id="16.reshape",
    title="A picture in stripes",
    kind="bug",
    points=2,
    name="joined",
    cases=join_cases,
    axes="batch channel row column",
    mistakes=[
        joining(
            "reshape-alone",
            {"moves": "none"},
            "`reshape` alone lays the numbers out in their old order: each patch becomes stripes "
            "across the whole image",
            *STRIPE_HINTS,
        ),
        joining(
            "a-square-of-patches",
            {"grid": "square"},
            "the number of columns is taken to be the root of n, as in a square; `rows` says how "
            "many rows there are",
            *GRID_HINTS,
        ),
        joining(
            "channels-last",
            {"order": "last"},
            "within a patch the channels are taken to stand last; here they stand first",
            *INSIDE_HINTS,
        ),
        joining_alone(
            "stripes-and-a-square",
            {"moves": "none", "grid": "square"},
            "`reshape` alone lays the numbers out in their old order, in stripes; and the number "
            "of columns is taken to be the root of n",
            *STRIPE_HINTS,
        ),
        joining_alone(
            "channels-last-and-a-square",
            {"order": "last", "grid": "square"},
            "within a patch the channels are taken to stand last; and the number of columns is "
            "taken to be the root of n",
            *INSIDE_HINTS,
        ),
        joining_alone(
            "a-square-whatever-rows-says",
            {"grid": "both square"},
            "rows and columns are both taken to be the root of n; `rows` says how many rows there "
            "are",
            *GRID_HINTS,
        ),
        joining_alone(
            "as-many-columns-as-rows",
            {"grid": "as many"},
            "the number of columns is taken to be that of the rows; n tells how many there are",
            *GRID_HINTS,
        ),
        joining_alone(
            "rows-for-columns",
            {"grid": "exchanged"},
            "`rows` is taken for the number of columns",
            *GRID_HINTS,
        ),
        joining(
            "only-the-channels-moved",
            {"moves": "channels only"},
            "the channels are in front, but the rows of a patch are still beside the columns of "
            "patches: stripes in each channel",
            *STRIPE_HINTS,
        ),
        joining_alone(
            "rows-of-patches-inside",
            {"moves": "rows exchanged"},
            "a patch's own rows and columns come before those of the patches: its pixels are "
            "scattered all over the image",
            "Join two patches of 2 by 2, [[[0, 1, 2, 3], [4, 5, 6, 7]]], in one row. The image's "
            "first row should be 0, 1, 4, 5.",
            "Which row of patches comes first; which row within it, second.",
            "`permute` to (batch, channels, rows, size, cols, size), then `reshape`.",
        ),
        joining_alone(
            "columns-of-patches-inside",
            {"moves": "columns exchanged"},
            "a patch's own columns come before the columns of patches: its pixels are scattered "
            "along the row",
            *STRIPE_HINTS,
        ),
        joining_alone(
            "width-before-height",
            {"moves": "turned and reshaped"},
            "the columns are taken before the rows, and `reshape` gives them the image's shape all "
            "the same",
            *STRIPE_HINTS,
        ),
        joining_alone(
            "columns-of-patches-first",
            {"moves": "grid exchanged"},
            "the columns of patches come where their rows belong, and the other way round",
            *STRIPE_HINTS,
        ),
        joining_alone(
            "channels-left-behind",
            {"moves": "channels between"},
            "the channels don't stand in front when you flatten: rows of different channels are "
            "mixed",
            *INSIDE_HINTS,
        ),
        joining_alone(
            "channels-never-moved",
            {"moves": "channels never"},
            "the channels are taken to stand last, and are never brought to the front: right for "
            "one channel only",
            *INSIDE_HINTS,
        ),
        joining_alone(
            "channels-never-moved-and-a-square",
            {"moves": "channels never", "grid": "square"},
            "the channels are taken to stand last, and are never brought to the front; and the "
            "number of columns is taken to be the root of n",
            *INSIDE_HINTS,
        ),
        joining_alone(
            "channels-moved-to-the-end",
            {"moves": "channels behind, reshaped"},
            "the channels stand last when you flatten; in the image they are the second axis",
            *INSIDE_HINTS,
        ),
        joining_alone(
            "numbers-in-front",
            {"moves": "numbers in front"},
            "the numbers of a patch are moved in front of the patches, and `reshape` does the rest",
            *STRIPE_HINTS,
        ),
        joining_alone(
            "channels-taken-first",
            {"moves": "channels taken first"},
            "the channels are cut off in front of the patches; they are a part of each patch",
            *INSIDE_HINTS,
        ),
        joining_alone(
            "height-and-width-exchanged",
            {"moves": "other shape"},
            "the axes are in the right order, and height and width have changed places in the last "
            "`reshape`",
            *JOIN_SHAPE_HINTS,
        ),
        joining_alone(
            "image-turned",
            {"moves": "image turned"},
            "the image is turned: its columns are where its rows belong",
            *STRIPE_HINTS,
        ),
        joining_alone(
            "patches-turned",
            {"moves": "pixels turned"},
            "each patch is turned: its columns are where its rows belong",
            *INSIDE_HINTS,
        ),
        joining_alone(
            "channels-between",
            {"moves": "rows between"},
            "within a patch the channels are taken to stand between rows and columns",
            *INSIDE_HINTS,
        ),
        joining_alone(
            "down-the-columns",
            {"moves": "columns first"},
            "the patches are laid down the columns; reading order is along the rows",
            *GRID_HINTS,
        ),
        joining_alone(
            "channels-behind",
            {"moves": "channels behind"},
            "the channels are the last axis, as files store them; they should be the second",
            *JOIN_SHAPE_HINTS,
        ),
        joining_alone(
            "one-column-of-patches",
            {"moves": "one column"},
            "all patches stand in one column",
            *GRID_HINTS,
        ),
        joining_alone(
            "one-row-of-patches",
            {"moves": "one row"},
            "all patches stand in one row",
            *GRID_HINTS,
        ),
        joining_alone(
            "not-flattened",
            {"moves": "six axes"},
            "the axes are in the right order, but they are still six: the image has four",
            *JOIN_SHAPE_HINTS,
        ),
        join_slip(
            "channels-turned-round",
            "channels turned",
            "the channels come in the order last to first",
            *INSIDE_HINTS,
        ),
        join_slip(
            "one-channel",
            "first row of channels",
            "only the first channel comes out",
            *JOIN_SHAPE_HINTS,
        ),
        join_slip(
            "grey",
            "mean",
            "the channels are averaged; each of them should come out",
            *JOIN_SHAPE_HINTS,
        ),
        join_slip(
            "upside-down",
            "upside down",
            "the image stands on its head: row 0 is at the top",
            *STRIPE_HINTS,
        ),
        join_slip(
            "a-side-of-all-channels",
            "size without channels",
            "the side of a patch is the root of all its numbers; those of one channel make the "
            "square",
            "How long is the side of a patch with 12 numbers and three channels?",
            "A patch has `channels * size * size` numbers.",
            "Divide by `channels`, then take the root.",
        ),
        join_slip(
            "made-floats",
            "floats",
            "whatever the patches are, float32 comes out; the dtype should stay",
            *DTYPE_HINTS,
        ),
        join_slip(
            "nothing-flows-back",
            "detached",
            "the numbers are right, but no gradient flows back to the patches",
            "Hand it patches with `requires_grad`, and call `backward` on the sum.",
            "`detach`, `.data`, `numpy` and `torch.tensor` cut the way back.",
            "Use `reshape` and `permute`.",
        ),
    ],
    hints=(
        "Join `torch.arange(24).view(1, 6, 4)` in 2 rows, by hand and by your code; then with "
        "patches of two channels.",
        "The faults sit in three places: how many columns there are, in which order the numbers of "
        "a patch stand, and that axes must move.",
        "`reshape` to (batch, rows, cols, channels, size, size); `permute` so that size follows "
        "rows, and size follows cols; `reshape` to four axes.",
    ),
    allows=Edges(
        dtypes=("float32", "float64", "uint8"),
        axes=(3,),
        sizes=(1,),
        labels=("one row", "one column", "one patch", "wider", "higher", "gradients", "bytes"),
    ),
    also_right=[joined_by_slices, joined_by_rows, joined_by_words, joined_by_shuffling],
)


# --- 16.kernel ------------------------------------------------------------------------------


def kernel_cases(generator):
    def tried(label, d_model, size, channels, dtype=torch.float32, **more):
        weight = normal(generator, d_model, size * size * channels).to(dtype)
        return case(label, weight, channels, **more)

    return [
        tried("two channels", 5, 3, 2),
        tried("three channels", 4, 2, 3),
        tried("as many channels as pixels a side", 5, 3, 3),
        tried("as many outputs as channels", 2, 3, 2),
        tried("one channel", 3, 4, 1),
        tried("patches of one pixel", 4, 1, 3),
        tried("one output", 1, 2, 3),
        tried("more channels than pixels", 3, 2, 7),
        tried("a larger patch", 2, 5, 3),
        tried("in float64", 3, 2, 2, torch.float64),
        tried("in bfloat16", 3, 2, 3, torch.bfloat16),
        tried("gradients", 3, 2, 3, grad=True),
    ]


KERNELS = {
    "stays": "d (i j c) -> d i j c",
    "turned": "d (i j c) -> d c j i",
    "between": "d (i c j) -> d c i j",
    "outputs behind": "d (i j c) -> c d i j",
    "outputs last": "d (i j c) -> i j c d",
    "flat": "d (i j c) -> d (c i j)",
    "pixels flat": "d (i j c) -> d c (i j)",
    "as it is, turned": "d (c i j) -> d c j i",
}


def wrong_kernel(weight, channels, *, slip):
    size = round((weight.shape[1] // channels) ** 0.5)
    right = weight.reshape(-1, size, size, channels).permute(0, 3, 1, 2)
    if slip in KERNELS:
        return rearrange(weight, KERNELS[slip], i=size, c=channels, j=size)

    def three():
        side = round((weight.shape[1] // 3) ** 0.5)
        return weight.reshape(len(weight), side, side, 3).permute(0, 3, 1, 2)

    if slip == "edited":
        weight.copy_(right.reshape(weight.shape).clone())
        return right.clone()
    return {
        "reshape": lambda: weight.reshape(-1, channels, size, size),
        "flipped": lambda: right.flip(2, 3),
        "channels turned": lambda: right.flip(1),
        "numbers turned": lambda: weight.flip(1).reshape(-1, size, size, channels).permute(
            0, 3, 1, 2
        ),
        "transposed": lambda: weight.T.reshape(-1, channels, size, size),
        "scaled": lambda: right / (size * size),
        "summed": lambda: right.sum(dim=1, keepdim=True),
        "mean": lambda: right.mean(dim=1, keepdim=True).expand_as(right),
        "detached": lambda: right.detach(),
        "floats": lambda: right.float(),
        "three": three,
        "channels counted in": lambda: weight.reshape(
            len(weight), int(weight.shape[1] ** 0.5), int(weight.shape[1] ** 0.5), channels
        ).permute(0, 3, 1, 2),
        "turned first": lambda: weight.T.reshape(-1, size, size, channels).permute(0, 3, 1, 2),
        "not whole": lambda: weight.reshape(
            len(weight), (weight.shape[1] / channels) ** 0.5, -1, channels
        ),
        "copied": lambda: weight.clone(),
    }[slip]()  # fmt: skip


def kernel_by_steps(weight, channels):
    """Right: every so-many-th number belongs to one channel."""
    size = math.isqrt(weight.shape[1] // channels)
    rows = [weight[:, c::channels].reshape(len(weight), size, size) for c in range(channels)]
    return torch.stack(rows, dim=1)


def kernel_transposed(weight, channels):
    pixels = weight.shape[1] // channels
    size = math.isqrt(pixels)
    flat = weight.view(-1, pixels, channels).mT
    return flat.reshape(-1, channels, size, size).contiguous()


def kernel_one_by_one(weight, channels):
    d_model, numbers = weight.shape
    size = int((numbers / channels) ** 0.5 + 0.5)
    out = weight.new_empty(d_model, channels, size, size)
    for i in range(size):
        for j in range(size):
            start = (i * size + j) * channels
            out[:, :, i, j] = weight[:, start : start + channels]
    return out


as_kernel = told_of(wrong_kernel, "slip")


KERNEL_HINTS = (
    "Take one row of weights, `torch.arange(12).view(1, 12)`, and three channels: channel 0 should "
    "hold 0, 3, 6, 9.",
    "Cut the row as it is written: pixels outside, channels inside. Then move the axes.",
    "`reshape` to `(d_model, size, size, channels)`, then `permute`.",
)
AXES_HINTS = (
    "Print the shape of what you return beside that of `nn.Conv2d(…).weight`.",
    "A convolution's weight is `(outputs, inputs, rows, columns)`.",
    "`permute(0, 3, 1, 2)` of `(d_model, size, size, channels)`.",
)
AS_IS_HINTS = (
    "Convolve a patch of ones with your kernel, and compare with the layer's output for it.",
    "Every number of the layer stands in the kernel once, as it is.",
    "Only `reshape` and `permute` are needed.",
)

SIDE_HINTS = (
    "How many numbers does a row have for patches of 2 by 2 pixels in three channels?",
    "A row holds side · side · channels numbers.",
    "`round((weight.shape[1] // channels) ** 0.5)`.",
)

KERNEL = Exercise(
    id="16.kernel",
    title="A linear layer is a convolution",
    kind="code",
    points=2,
    name="kernel",
    cases=kernel_cases,
    axes="d_model channel row column",
    mistakes=[
        as_kernel(
            "reshape-alone",
            "reshape",
            "`reshape` alone takes the numbers for channel by channel; they stand pixel by pixel",
            *KERNEL_HINTS,
        ),
        as_kernel(
            "channels-stay-last",
            "stays",
            "the channels are still the last axis; a convolution has them second",
            *AXES_HINTS,
        ),
        as_kernel(
            "rows-and-columns-exchanged",
            "turned",
            "rows and columns of the patch have changed places: `permute(0, 3, 2, 1)` turns it",
            *KERNEL_HINTS,
        ),
        as_kernel(
            "channels-taken-between",
            "between",
            "the channels are taken to stand between rows and columns",
            *KERNEL_HINTS,
        ),
        as_kernel(
            "channel-by-channel-and-turned",
            "as it is, turned",
            "the numbers are taken for channel by channel, and the patch is turned",
            *KERNEL_HINTS,
        ),
        as_kernel(
            "inputs-before-outputs",
            "outputs behind",
            "the channels are the first axis and the outputs the second; it is the other way round",
            *AXES_HINTS,
        ),
        as_kernel(
            "as-elsewhere",
            "outputs last",
            "this is the order of other libraries: rows, columns, channels, outputs",
            *AXES_HINTS,
        ),
        as_kernel(
            "still-flat",
            "flat",
            "the numbers are in the right order, but still in one row",
            *AXES_HINTS,
        ),
        as_kernel(
            "pixels-still-flat",
            "pixels flat",
            "the pixels are still in one row: a kernel has rows and columns",
            *AXES_HINTS,
        ),
        as_kernel(
            "turned-upside-down",
            "flipped",
            "the kernel is turned round in both directions. That is convolution in mathematics; "
            "`nn.Conv2d` does not turn it",
            *AS_IS_HINTS,
        ),
        as_kernel(
            "channels-turned-round",
            "channels turned",
            "the channels come in the order last to first",
            *KERNEL_HINTS,
        ),
        as_kernel(
            "numbers-turned-round",
            "numbers turned",
            "all numbers come in the order last to first",
            *KERNEL_HINTS,
        ),
        as_kernel(
            "transposed",
            "transposed",
            "the weight is transposed first, and then cut: numbers of different outputs are mixed",
            "Which axis of `nn.Linear`'s weight names the outputs?",
            "`nn.Linear` and `nn.Conv2d` both have the outputs in front.",
            "Leave axis 0 where it is.",
        ),
        as_kernel(
            "divided-by-the-pixels",
            "scaled",
            "the numbers are divided by how many pixels a patch has",
            *AS_IS_HINTS,
        ),
        as_kernel(
            "channels-summed",
            "summed",
            "the channels are summed; each needs a kernel of its own",
            *AS_IS_HINTS,
        ),
        as_kernel(
            "channels-averaged",
            "mean",
            "every channel gets the mean of all; each needs a kernel of its own",
            *AS_IS_HINTS,
        ),
        as_kernel(
            "three-channels",
            "three",
            "three channels are taken for granted, and `channels` is not asked",
            "Call it with a weight of 8 numbers a row, and two channels.",
            "Images may be grey, or have an axis more.",
            "Write `channels`.",
        ),
        as_kernel(
            "side-of-all-numbers",
            "channels counted in",
            "the side of a patch is taken as the root of all numbers of a row; they are those of "
            "all channels",
            *SIDE_HINTS,
        ),
        as_kernel(
            "side-not-whole",
            "not whole",
            "the side of a patch is a float: `** 0.5` always gives one, and a shape wants whole "
            "numbers",
            *SIDE_HINTS,
        ),
        as_kernel(
            "turned-before-it-is-cut",
            "turned first",
            "the weight is turned round before it is cut: the numbers of one filter come from all "
            "filters",
            "Print the shape of the weight, and that of what you cut.",
            "One row of the weight is one filter.",
            "Cut `weight` as it comes: `weight.reshape(len(weight), size, size, channels)`.",
        ),
        as_kernel(
            "not-changed",
            "copied",
            "the layer's weight comes back as it was",
            *AXES_HINTS,
        ),
        as_kernel(
            "made-floats",
            "floats",
            "whatever the weight is, float32 comes out; the dtype should stay",
            "Hand it a weight in bfloat16. What comes out?",
            "Rearranging changes no number.",
            "Leave out whatever counts with the numbers.",
        ),
        as_kernel(
            "nothing-flows-back",
            "detached",
            "the numbers are right, but no gradient flows back to the layer",
            "Hand it a weight with `requires_grad`, and call `backward` on the sum.",
            "`detach`, `.data` and `nn.Parameter` cut the way back.",
            "Use `reshape` and `permute`.",
        ),
        as_kernel(
            "weight-edited",
            "edited",
            "the kernel is right, but the weight that came in is written over",
            "Print the weight before and after the call.",
            "The layer is still in use.",
            "Make a new tensor: `permute` and `reshape` do.",
        ),
    ],
    hints=(
        "Take `torch.arange(12).view(1, 12)` and three channels, and write down by hand which "
        "numbers are the red ones; compare with channel 0 of yours.",
        "Two things are to be known: in which order the numbers stand (second point), and in which "
        "a convolution has them (third).",
        "`size` is the root of numbers by channels; cut the row into (rows, columns, channels), "
        "and bring the channels to the front.",
    ),
    allows=Edges(
        dtypes=("float32", "float64", "bfloat16"),
        axes=(2,),
        sizes=(1,),
        labels=("one channel", "one pixel", "one output", "as many channels", "gradients"),
    ),
    also_right=[kernel_by_steps, kernel_transposed, kernel_one_by_one],
)


# --- 16.count -------------------------------------------------------------------------------


def count_cases(generator, registers):
    def tried(label, side, patch, channels, layers, **more):
        width, inner = number(generator, 11, 60), number(generator, 61, 200)
        classes = number(generator, 3, 10)
        sizes = {"d_model": width, "d_ff": inner, "num_classes": classes} | more
        order = (sizes["d_model"], layers, sizes["d_ff"], sizes["num_classes"])
        return case(label, side, patch, channels, *order)

    return [
        tried("three layers, colours", 30, 5, 3, 3),
        tried("two layers, grey", 28, 7, 1, 2),
        tried("one layer", 12, 4, 3, 1),
        tried("many layers", 32, 8, 2, 24),
        tried("one patch", 6, 6, 3, 2),
        tried("patches of one pixel", 7, 1, 2, 2),
        tried("a width of 1", 10, 5, 3, 2, d_model=1, d_ff=7, num_classes=4),
        tried("many classes", 20, 4, 3, 2, num_classes=1000),
        tried("a network narrower than the model", 18, 6, 4, 2, d_model=41, d_ff=13),
    ]


def wrong_count(
    image_size,
    patch_size,
    channels,
    d_model,
    num_layers,
    d_ff,
    num_classes,
    *,
    registers,
    patches="squares",
    read=True,
    own=True,
    placed=False,
    one_missing=False,
    embed="whole",
    a_place=None,
    places="rows",
    matrices=4,
    attention_biases=4,
    network_matrices=2,
    network_biases="both",
    wide=False,
    norms=2,
    norm_vectors=2,
    last=1,
    head="cls",
    times=None,
    grows="places",
):
    n = (image_size // patch_size) ** 2
    n = {"squares": n, "side": image_size // patch_size, "pixels": image_size**2}[patches]
    extra = registers if read else 0
    tokens = 1 + extra + n
    rows = n + 1 + (registers if placed else 0)
    a_place = d_model if a_place is None else a_place
    numbers = {
        "whole": channels * patch_size**2,
        "grey": patch_size**2,
        "a side": channels * patch_size,
        "of each": channels * patch_size**2 * n,
        "three": 3 * patch_size**2,
        "own layers": 0,
        "none": 0,
    }[embed]
    d_ff = 4 * d_model if wide else d_ff
    if embed == "own layers":
        numbers = n * (channels * patch_size**2 + 1) - 1
    embedding = numbers * d_model + (d_model if embed != "none" else 0)
    attention = matrices * d_model**2 + attention_biases * d_model
    bias = {
        "both": d_ff + d_model,
        "none": 0,
        "up": d_ff,
        "wide": 2 * d_ff,
        "narrow": 2 * d_model,
    }[network_biases]
    network = network_matrices * d_model * d_ff + bias
    norm = norm_vectors * d_model
    blocks = (num_layers if times is None else times) * (attention + network + norms * norm)
    scored = {
        "cls": d_model * num_classes + num_classes,
        "no bias": d_model * num_classes,
        "all tokens": tokens * d_model * num_classes + num_classes,
        "none": 0,
    }[head]
    table = {"rows": rows, "none": 0}[places] * a_place
    vectors = (1 + (registers if own and read else 0)) * d_model
    of_layers = (1 + registers * num_layers) * d_model
    kinds = {"nothing": 0, "one for all": 2 * d_model, "a number each": 1 + registers}
    vectors = (kinds | {"of each layer": of_layers}).get(own, vectors)
    learned = embedding + vectors + table + blocks + last * norm + scored
    learned -= d_model if one_missing else 0
    more = {
        "places": 3 * n * a_place,
        "as often": n * a_place,
        "whole table": 4 * n * a_place,
        "table with cls": 3 * (n + 1) * a_place,
        "new table": (4 * n + 1) * a_place,
        "patches": 3 * n,
        "nothing": 0,
        "everything": 3 * learned,
        "doubled": learned,
        "total": learned + 3 * n * a_place,
        "embedding": 3 * n * a_place + 3 * embedding,
        "registers, too": 3 * tokens * a_place,
    }[grows]
    return tokens, learned, more


def lone_count(*sizes, registers, flags):
    """Mistakes that are not tried in pairs."""
    return wrong_count(*sizes, registers=registers, **flags)


def slipped_count(*sizes, registers, slip):
    tokens, learned, more = wrong_count(*sizes, registers=registers)
    return {
        "swapped": lambda: (learned, tokens, more),
        "two": lambda: (tokens, learned),
        "millions": lambda: (tokens, learned / 1e6, more / 1e6),
        "patches": lambda: (tokens - 1 - registers, learned, more),
        "no registers read": lambda: (tokens - registers, learned, more),
        "no cls read": lambda: (tokens - 1, learned, more),
    }[slip]()


def count_by_shapes(
    image_size, patch_size, channels, d_model, num_layers, d_ff, num_classes, registers
):
    """Right: the shape of every tensor, written down."""

    def shapes(side):
        n = (side // patch_size) ** 2
        block = [(3 * d_model, d_model), (3 * d_model,), (d_model, d_model), (d_model,)]
        block += [(d_ff, d_model), (d_ff,), (d_model, d_ff), (d_model,)] + 4 * [(d_model,)]
        front = [(d_model, channels, patch_size, patch_size), (d_model,)]
        front += [(1 + registers, d_model), (1 + n, d_model)]
        return front + num_layers * block + 2 * [(d_model,)] + [(num_classes, d_model + 1)]

    small, large = (sum(map(math.prod, shapes(k * image_size))) for k in (1, 2))
    return [(image_size // patch_size) ** 2 + registers + 1, small, large - small]


def count_factored(
    image_size, patch_size, channels, d_model, num_layers, d_ff, num_classes, registers
):
    n = image_size * image_size // (patch_size * patch_size)
    block = d_model * (4 * d_model + 2 * d_ff + 9) + d_ff
    rows = channels * patch_size * patch_size + 1 + 1 + registers + 1 + n + 2 + num_classes
    learned = d_model * rows + num_layers * block + num_classes
    return n + 1 + registers, learned, d_model * (4 * n - n)


counting = told_of(wrong_count)


counting_alone = told_of(lone_count, "flags")


count_slip = told_of(slipped_count, "slip")


TOKEN_HINTS = (
    "An image of 8 pixels a side, patches of 4: draw it, and write down every token.",
    "The encoder reads [CLS], your registers and the patches, each of which is one token.",
    "1, the registers, and the square of `image_size // patch_size`.",
)
FRONT_HINTS = (
    "Name every vector of d_model numbers in front of the blocks, one after the other.",
    "The bias of the patches' layer, [CLS], each register; a place for [CLS] and for each patch.",
    "`(1 + registers) + (1 + n)` vectors, besides the layer's own matrix and bias.",
)
LAYER_HINTS = (
    "Count one block for a d_model of 1 and a d_ff of 1 by hand, layer by layer.",
    "An attention has four layers, a network two; each has a matrix and a bias.",
    "A layer from a to b has a · b + b numbers.",
)
NORM_HINTS = (
    "How many norms stand in a block, and how many outside of all blocks?",
    "Each norm has a weight and a bias of d_model numbers.",
    "Two norms a block, and one at the end: 2 · d_model numbers each.",
)
GROWTH_HINTS = (
    "Call your own function with `image_size` and with twice as much. What is the difference of "
    "your second results?",
    "Twice the height and twice the width make four times the patches; everything else stays.",
    "Only the table of places grows, by three times the patches it had.",
)

COUNT = Exercise(
    id="16.count",
    title="Count it before you build it",
    kind="predict",
    points=2,
    name="vit_count",
    cases=count_cases,
    any_sequence=True,
    choices={"registers": (4, 5, 6)},
    mistakes=[
        counting(
            "patches-of-one-side",
            {"patches": "side"},
            "the patches of one side are counted; the image has their square",
            *TOKEN_HINTS,
        ),
        counting_alone(
            "pixels-counted",
            {"patches": "pixels"},
            "every pixel is counted as a token",
            *TOKEN_HINTS,
        ),
        counting(
            "registers-forgotten",
            {"read": False},
            "the registers are missing, both among the tokens and among the numbers learned",
            *TOKEN_HINTS,
        ),
        counting_alone(
            "registers'-vectors-forgotten",
            {"own": False},
            "the registers are read, but the vectors that they start as are not counted",
            *FRONT_HINTS,
        ),
        counting_alone(
            "one-vector-for-all-registers",
            {"own": "one for all"},
            "[CLS] has a vector and all registers share one; each register starts as a vector of "
            "its own",
            *FRONT_HINTS,
        ),
        counting_alone(
            "registers-in-each-layer",
            {"own": "of each layer"},
            "the registers' vectors are counted once for each layer; they are put in front once",
            *FRONT_HINTS,
        ),
        counting_alone(
            "one-number-a-start",
            {"own": "a number each"},
            "[CLS] and the registers are counted as one number each; each is a vector",
            *FRONT_HINTS,
        ),
        counting_alone(
            "start-vectors-forgotten",
            {"own": "nothing"},
            "the vectors that [CLS] and the registers start as are not counted",
            *FRONT_HINTS,
        ),
        counting(
            "registers-with-places",
            {"placed": True},
            "each register is counted with a place; they stand nowhere",
            *FRONT_HINTS,
        ),
        counting(
            "one-vector-missing",
            {"one_missing": True},
            "d_model numbers are missing, once: those of [CLS], of its place, or the bias of the "
            "patches' layer",
            *FRONT_HINTS,
        ),
        count_slip(
            "patches-alone-read",
            "patches",
            "only the patches are counted as tokens; [CLS] and the registers are read, too",
            *TOKEN_HINTS,
        ),
        count_slip(
            "registers-not-read",
            "no registers read",
            "the registers are not counted as tokens; the encoder reads them as well",
            *TOKEN_HINTS,
        ),
        count_slip(
            "cls-not-read",
            "no cls read",
            "[CLS] is not counted as a token; the encoder reads it as well",
            *TOKEN_HINTS,
        ),
        counting_alone(
            "one-channel",
            {"embed": "grey"},
            "the layer over patches is counted for one channel",
            "How many numbers does a patch of 2 by 2 pixels in three channels hold?",
            "A patch holds all channels.",
            "`channels * patch_size ** 2` numbers go in.",
        ),
        counting_alone(
            "three-channels",
            {"embed": "three"},
            "the layer over patches is counted for three channels, whatever `channels` says",
            "How many numbers does a grey patch of 2 by 2 pixels hold?",
            "Images may be grey, or have an axis more.",
            "`channels * patch_size ** 2` numbers go in.",
        ),
        counting_alone(
            "patch-not-squared",
            {"embed": "a side"},
            "a patch is counted with the pixels of one of its sides",
            "How many numbers does a patch of 2 by 2 pixels in three channels hold?",
            "A patch is a square.",
            "`channels * patch_size ** 2` numbers go in.",
        ),
        counting_alone(
            "a-layer-for-each-patch",
            {"embed": "of each"},
            "the layer over patches is counted once for each patch; all share one",
            "Does the number of filters of a convolution hang on the size of the image?",
            "One layer reads every patch.",
            "Leave the number of patches out of it.",
        ),
        counting_alone(
            "a-layer-with-bias-for-each-patch",
            {"embed": "own layers"},
            "the layer over patches is counted once for each patch, with its bias; all share one",
            "Does the number of filters of a convolution hang on the size of the image?",
            "One layer reads every patch.",
            "Leave the number of patches out of it.",
        ),
        counting_alone(
            "no-layer-over-patches",
            {"embed": "none"},
            "the layer that makes a vector of each patch is not counted",
            *FRONT_HINTS,
        ),
        counting_alone(
            "no-places",
            {"places": "none"},
            "the table of places is not counted in the number learned",
            *FRONT_HINTS,
        ),
        counting_alone(
            "one-number-a-place",
            {"a_place": 1},
            "a place is counted as one number; it is a vector as wide as a token's",
            *FRONT_HINTS,
        ),
        counting_alone(
            "output-layer-forgotten",
            {"matrices": 3, "attention_biases": 3},
            "the attentions are counted without their output layer",
            *LAYER_HINTS,
        ),
        counting_alone(
            "output-matrix-forgotten",
            {"matrices": 3},
            "the attentions are counted without the matrix of their output layer",
            *LAYER_HINTS,
        ),
        counting_alone(
            "one-matrix-an-attention",
            {"matrices": 1, "attention_biases": 1},
            "each attention is counted as a single layer",
            *LAYER_HINTS,
        ),
        counting(
            "four-vectors-a-block-missing",
            {"attention_biases": 0},
            "4 · d_model numbers are missing in each block: the four biases of its attention, or "
            "its two norms",
            *LAYER_HINTS,
        ),
        counting_alone(
            "one-bias-an-attention",
            {"attention_biases": 1},
            "3 · d_model numbers are missing in each block: each of the attention's four layers "
            "has a bias",
            *LAYER_HINTS,
        ),
        counting_alone(
            "bias-down-forgotten",
            {"network_biases": "up"},
            "d_model numbers are missing in each block: the bias of one layer that ends in d_model",
            *LAYER_HINTS,
        ),
        counting(
            "network-biases-forgotten",
            {"network_biases": "none"},
            "the networks are counted without biases",
            *LAYER_HINTS,
        ),
        counting_alone(
            "both-biases-wide",
            {"network_biases": "wide"},
            "both biases of the network are counted as wide as its inner layer",
            *LAYER_HINTS,
        ),
        counting_alone(
            "both-biases-narrow",
            {"network_biases": "narrow"},
            "both biases of the network are counted with d_model numbers; its first layer has d_ff",
            *LAYER_HINTS,
        ),
        counting_alone(
            "no-biases",
            {"attention_biases": 0, "network_biases": "none"},
            "the blocks are counted without the biases of their linear layers",
            *LAYER_HINTS,
        ),
        counting_alone(
            "four-times-as-wide",
            {"wide": True},
            "the network's inner layer is counted as four times d_model, whatever `d_ff` says",
            *LAYER_HINTS,
        ),
        counting_alone(
            "network-up-only",
            {"network_matrices": 1, "network_biases": "up"},
            "the networks are counted with their first layer only",
            *LAYER_HINTS,
        ),
        counting_alone(
            "one-norm-a-block",
            {"norms": 1},
            "each block is counted with one norm",
            *NORM_HINTS,
        ),
        counting(
            "last-norm-forgotten",
            {"last": 0},
            "the norm behind the last block is not counted",
            *NORM_HINTS,
        ),
        counting_alone(
            "two-norms-outside",
            {"last": 2},
            "a second norm outside of the blocks is counted; there is one, behind the last",
            *NORM_HINTS,
        ),
        counting_alone(
            "no-norms",
            {"norms": 0, "last": 0},
            "no norm is counted",
            *NORM_HINTS,
        ),
        counting(
            "norms-without-bias",
            {"norm_vectors": 1},
            "each norm is counted with a weight only",
            *NORM_HINTS,
        ),
        counting_alone(
            "no-head",
            {"head": "none"},
            "the head is not counted",
            "What makes scores of the vector of [CLS]?",
            "The head is a linear layer with a bias.",
            "`d_model * num_classes + num_classes`.",
        ),
        counting_alone(
            "head-without-bias",
            {"head": "no bias"},
            "the head is counted without its bias",
            "What makes scores of the vector of [CLS]?",
            "The head is a linear layer with a bias.",
            "`d_model * num_classes + num_classes`.",
        ),
        counting_alone(
            "head-of-all-tokens",
            {"head": "all tokens"},
            "the head is counted as if it read all tokens side by side; it reads [CLS] alone",
            "Would the head have to change if the image grew?",
            "It makes scores of one vector.",
            "`d_model * num_classes + num_classes`.",
        ),
        counting(
            "one-block",
            {"times": 1},
            "a single block is counted, whatever `num_layers` says",
            "Does your number grow with `num_layers`?",
            "Every block has numbers of its own.",
            "Multiply what one block has by `num_layers`.",
        ),
        counting(
            "twice-the-patches",
            {"grows": "as often"},
            "the growth is that of twice the patches; twice both sides make four times as many",
            *GROWTH_HINTS,
        ),
        counting_alone(
            "whole-table-again",
            {"grows": "whole table"},
            "the growth is all places of the larger image; those of the old one are there already",
            *GROWTH_HINTS,
        ),
        counting_alone(
            "new-table",
            {"grows": "new table"},
            "the growth is the whole table of the larger image, [CLS] included",
            *GROWTH_HINTS,
        ),
        counting_alone(
            "cls-grows-too",
            {"grows": "table with cls"},
            "the growth is three times the whole table; the place of [CLS] stays one",
            *GROWTH_HINTS,
        ),
        counting_alone(
            "every-token-grows",
            {"grows": "registers, too"},
            "the growth is three times all tokens; [CLS] and the registers stay what they are",
            *GROWTH_HINTS,
        ),
        counting_alone(
            "growth-in-places",
            {"grows": "patches"},
            "the growth is in places; each has d_model numbers",
            *GROWTH_HINTS,
        ),
        counting_alone(
            "nothing-grows",
            {"grows": "nothing"},
            "the growth is 0, as if a ViT were a convolution: the table of places grows",
            *GROWTH_HINTS,
        ),
        counting_alone(
            "everything-grows",
            {"grows": "everything"},
            "the growth is three times the whole model",
            *GROWTH_HINTS,
        ),
        counting_alone(
            "model-doubled",
            {"grows": "doubled"},
            "the growth is the whole model once more",
            *GROWTH_HINTS,
        ),
        counting_alone(
            "total-for-growth",
            {"grows": "total"},
            "the third number is that of the larger model; it should be how many more",
            *GROWTH_HINTS,
        ),
        counting_alone(
            "layer-grows-too",
            {"grows": "embedding"},
            "the layer over patches grows in your count; patches stay as large as they are",
            *GROWTH_HINTS,
        ),
        count_slip(
            "exchanged",
            "swapped",
            "the number learned comes first, and the tokens second",
            "Print the three numbers for a small model.",
            "The text says in which order they are returned.",
            "Tokens, numbers learned, growth.",
        ),
        count_slip(
            "two-numbers",
            "two",
            "two numbers come out; how many more a larger image needs is missing",
            "How many numbers does the text ask for?",
            "Which of the parts have a size that hangs on the image?",
            "Tokens, numbers learned, growth.",
        ),
        count_slip(
            "in-millions",
            "millions",
            "the numbers learned are in millions",
            "Print the three numbers for a small model.",
            "Whole numbers are asked for.",
            "Leave the division out.",
        ),
    ],
    hints=(
        "Build the list for a model with a d_model of 1, one layer and one patch, and count by "
        "hand; then set every size to another number.",
        "Go through the points in order: layer over patches; [CLS] and registers; places; blocks; "
        "last norm; head.",
        "A layer from a to b has a · b + b numbers, a norm 2 · d_model, a vector d_model; only the "
        "places grow with the image.",
    ),
    allows=Edges(
        sizes=(1,),
        labels=("one layer", "one patch", "one pixel", "a width of 1", "grey", "narrower"),
    ),
    bans=("numel", "parameters", "named_parameters", "state_dict"),
    also_right=[count_by_shapes, count_factored],
)


# --- 16.vit ---------------------------------------------------------------------------------

SIZES = {
    "image_size": (6, 4),
    "patch_size": 2,
    "channels": 2,
    "d_model": 10,
    "num_heads": 2,
    "num_layers": 1,
    "d_ff": 7,
    "num_classes": 3,
}


def learned(generator, model, small=False):
    """A state that has learned something: no zero biases, no norms that do nothing.

    With `small`, what each norm reads is near 0: its epsilon shows.
    """
    state = {}
    for name, value in model.state_dict().items():
        drawn = normal(generator, *value.shape)
        if "norm" in name and name.endswith("weight"):
            state[name] = 1 + 0.4 * drawn
        elif name == "places":
            state[name] = 0.7 * drawn
        elif value.ndim == 1:
            state[name] = 0.5 * drawn
        else:
            state[name] = drawn * 1.5 / value[0].numel() ** 0.5
        if small and name.split(".")[0] in ("embed", "cls", "places"):
            state[name] *= 0.01
        if small and ("to_out" in name or "down" in name):
            state[name] *= 0.01
    return state


def vit_cases(generator):
    def tried(label, batch, *, cut=False, small=False, more=False, **sizes):
        init = SIZES | sizes
        state = learned(generator, WrongViT(**init), small)
        images = normal(generator, batch, init["channels"], *init["image_size"])
        planned = [call(images, method="tokens")] if cut else [call(images)]
        if more:  # what is kept of the first batch doesn't fit the second
            planned.append(call(images[1:].flip(0)))
        return Case(label, planned, init=init, state=state)

    return [
        tried("higher than wide, two layers", 2, num_layers=2),
        # As many patches as numbers in a vector: what mixes the two has the right shape.
        tried(
            "wider than high", 3, more=True, image_size=(4, 6), d_model=6, num_heads=3, channels=1
        ),
        tried("one image of one patch, small", 1, small=True, image_size=(3, 3), patch_size=3),
        tried("tokens only", 2, cut=True, image_size=(2, 8), channels=3),
    ]


@cache
def parts_of(sizes, eps, around, bend, shared, extra):
    """The parts of one model of these sizes; each case loads its weights before it runs.

    `eps` is that of the norms in the blocks, and of the last one.
    """
    (height, width), patch, channels, d_model, num_heads, num_layers, d_ff, num_classes = sizes

    def block():
        heads = 1 if extra == "one head" else num_heads
        exchanged = extra == "heads exchanged"
        look = MultiHeadAttention(*(heads, d_model) if exchanged else (d_model, heads))
        if extra == "bend called":
            F.gelu()
        bent = nn.GELU if extra == "class of the bend" else bend
        widths = (d_ff, d_model) if extra == "widths exchanged" else (d_model, d_ff)
        think = FeedForward(*widths, activation=bent)
        wraps = {"a class": around, "a norm": norm, "a width": lambda: around(d_model)}
        return EncoderBlock(
            look, think, wrap() if extra == "made residual" else wraps.get(extra, wrap)
        )

    def norm():
        return LayerNorm(d_model, eps=eps[0])

    def wrap():
        return around(norm())

    num_layers = 1 if extra == "one layer" else num_layers
    blocks = [block()] * num_layers if shared else [block() for _ in range(num_layers)]
    n = (height // patch) * (width // patch)
    if extra == "both sides at once":
        (height, width) // patch
    last = () if extra == "no last norm" else (LayerNorm(d_model, eps=eps[1]),)
    parts = {
        "embed": nn.Conv2d(
            channels, d_model, patch, stride=patch, bias=extra != "no bias in embed"
        ),
        "cls": nn.Parameter(torch.zeros(d_model)),
        "places": nn.Parameter(torch.zeros(1 + n, d_model)),
        "encoder": Encoder(blocks, *last),
        "head": nn.Linear(d_model, num_classes, bias=extra != "no bias in head"),
    }
    if extra == "embed exchanged":
        parts["embed"] = nn.Conv2d(d_model, channels, patch, stride=patch)
    if extra == "linear":
        parts["embed"] = nn.Linear(channels * patch * patch, d_model)
    if extra == "embeddings":
        parts["places"] = nn.Embedding(1 + n, d_model)
    if extra == "patches' places":
        parts["places"] = nn.Parameter(torch.zeros(n, d_model))
    if extra == "places of a square":
        parts["places"] = nn.Parameter(torch.zeros(1 + (height // patch) ** 2, d_model))
    if extra == "cls with axes":
        parts["cls"] = nn.Parameter(torch.zeros(1, 1, d_model))
    if extra == "cls in a row":
        parts["cls"] = nn.Parameter(torch.zeros(1, d_model))
    if extra == "places with an axis":
        parts["places"] = nn.Parameter(torch.zeros(1, 1 + n, d_model))
    if extra == "plain cls":
        parts["cls"] = torch.zeros(d_model)
    if extra == "plain places":
        parts["places"] = torch.zeros(1 + n, d_model)
    if extra == "norm of its own":
        parts["encoder"], parts["norm"] = Encoder(blocks), LayerNorm(d_model, eps=eps[1])
    if extra == "pooler":
        parts["pooler"] = nn.Linear(d_model, d_model)
    return parts


def tanh_gelu(x):
    return F.gelu(x, approximate="tanh")


class WrongViT(nn.Module):
    """The model with its steps exchangeable, so that each mistake is one of them."""

    def __init__(
        self,
        image_size,
        patch_size,
        channels,
        d_model,
        num_heads,
        num_layers,
        d_ff,
        num_classes,
        *,
        eps=(1e-6, 1e-6),
        around=PreNorm,
        bend=F.gelu,
        shared=False,
        extra="",
        **step,
    ):
        super().__init__()
        self.step, self.patch = step, patch_size
        sizes = (tuple(image_size), patch_size, channels, d_model, num_heads)
        sizes += (num_layers, d_ff, num_classes)
        for name, part in parts_of(sizes, eps, around, bend, shared, extra).items():
            setattr(self, name, part)

    def vectors(self, images):
        """One vector for each patch, (batch, n, d_model)."""
        kind = self.step.get("patches", "right")
        if kind == "scaled images":
            images = (images - 0.5) / 0.5
        if kind == "bytes":
            images = images / 255
        if kind == "stripes":
            pixels = images.reshape(len(images), -1, images.shape[1] * self.patch**2)
            return F.linear(pixels, self.embed.weight.flatten(1), self.embed.bias)
        if kind == "no stride":
            return F.conv2d(images, self.embed.weight, self.embed.bias).flatten(2).mT
        x = self.embed(images)
        if kind == "reshape":
            return x.reshape(len(x), -1, x.shape[1])
        if kind == "down the columns":
            return x.mT.flatten(2).mT
        if kind == "not moved":
            return x.flatten(2)
        if kind == "bent":
            x = F.gelu(x)
        if kind == "relu":
            x = F.relu(x)
        if kind == "detached":
            x = x.detach()
        if kind == "scaled":
            x = x * x.shape[1] ** 0.5
        return x.flatten(2).mT

    def tokens(self, images):
        x, kind = self.vectors(images), self.step.get("front", "right")
        cls = self.cls.expand(len(x), 1, -1)
        if kind == "cls once":
            cls = self.cls[None, None]
        if kind == "bare cls":
            cls = self.cls
        if kind == "cls of the mean":
            cls = x.mean(dim=1, keepdim=True)
        if kind == "cls detached":
            cls = cls.detach()
        rows = self.places
        if kind == "along the batch":
            return torch.cat((cls, x)) + rows
        if kind == "cls without a place":
            return torch.cat((cls, x + rows[1:]), dim=1)
        if kind == "first rows for patches":
            return torch.cat((cls, x + rows[:-1]), dim=1)
        if kind == "first rows for patches, last for cls":
            return torch.cat((cls + rows[-1], x + rows[:-1]), dim=1)
        if kind == "zeros for cls":
            cls = 0 * cls
        if kind == "cls added":
            return x + self.cls + rows[1:]
        if kind == "all in forward":
            return x
        if kind == "no cls":
            return x + rows[1:]
        if kind == "cls behind":
            return torch.cat((x, cls), dim=1) + rows
        x = torch.cat((cls, x), dim=1)
        if kind in ("no places", "places in forward"):
            return x
        if kind == "places detached":
            return x + rows.detach()
        if kind == "encoded":
            return self.encoder(x + rows)
        if kind == "normed":
            return self.encoder.norm(x + rows)
        if kind == "scaled":
            return x * x.shape[-1] ** 0.5 + rows
        return x + rows

    def encoded(self, x):
        kind, seq = self.step.get("encoder", "right"), x.shape[1]
        mask = torch.ones(1, 1, seq, seq, dtype=torch.bool).tril() if kind == "causal" else None
        if kind == "others":
            mask = ~torch.eye(seq, dtype=torch.bool)[None, None]
        if kind == "left out":
            return x
        blocks = list(self.encoder.blocks)
        blocks = {"last block": blocks[-1:], "first block": blocks[:1]}.get(kind, blocks)
        came = x
        for block in [*blocks, *blocks] if kind == "blocks twice" else blocks:
            x = block(x, mask)
        if kind == "twice":
            x = self.encoder(self.encoder(came))
        else:
            x = (self.norm if hasattr(self, "norm") else self.encoder.norm)(x)
        x = came + x if kind == "residual" else x
        return x.detach() if kind == "detached" else x

    def forward(self, images):
        x, kind = self.tokens(images), self.step.get("front")
        if kind == "all in forward":
            x = torch.cat((self.cls.expand(len(x), 1, -1), x), dim=1)
        if kind in ("places in forward", "all in forward", "places twice"):
            x = x + self.places
        x, kind = self.encoded(x), self.step.get("pool", "cls")
        pooled = {
            "mean": lambda: x.mean(dim=1),
            "mean of patches": lambda: x[:, 1:].mean(dim=1),
            "last": lambda: x[:, -1],
            "first patch": lambda: x[:, 1],
            "first image": lambda: x[0],
            "all": lambda: x,
            "normed twice": lambda: self.encoder.norm(x[:, 0]),
            "max": lambda: x.amax(dim=1),
            "sum": lambda: x.sum(dim=1),
            "tanh": lambda: torch.tanh(x[:, 0]),
        }.get(kind, lambda: x[:, 0])()
        return self.finished(pooled)

    def finished(self, x):
        kind = self.step.get("finish", "right")
        if kind == "bare":
            return x
        logits = self.head(x)
        if kind == "no bias":
            return F.linear(x, self.head.weight)
        root = x.shape[-1] ** 0.5
        return {
            "softmax": lambda: logits.softmax(dim=-1),
            "log-softmax": lambda: logits.log_softmax(dim=-1),
            "sigmoid": lambda: logits.sigmoid(),
            "best": lambda: logits.argmax(dim=-1),
            "bent": lambda: F.gelu(logits),
            "relu": lambda: F.relu(logits),
            "divided": lambda: logits / root,
            "multiplied": lambda: logits * root,
        }.get(kind, lambda: logits)()


class WrongViTStep(WrongViT):
    """One mistake; these are not tried in pairs, so that the check stays fast."""

    def __init__(self, *sizes, step, **named_sizes):
        super().__init__(*sizes, **named_sizes, **step)


class SpelledViT(nn.Module):
    """Right: PyTorch's own parts where it has them, one block after the other."""

    def __init__(
        self, image_size, patch_size, channels, d_model, num_heads, num_layers, d_ff, num_classes
    ):
        super().__init__()
        self.grid = [side // patch_size for side in image_size]
        self.embed = nn.Conv2d(channels, d_model, (patch_size, patch_size), (patch_size,) * 2)
        self.register_parameter("cls", nn.Parameter(torch.randn(d_model)))
        self.places = nn.Parameter(torch.randn(1 + math.prod(self.grid), d_model))
        blocks = []
        for _ in range(num_layers):
            attention = MultiHeadAttention(d_model, num_heads)
            network = FeedForward(d_model, d_ff, activation=nn.GELU())
            blocks.append(
                EncoderBlock(attention, network, lambda: PreNorm(nn.LayerNorm(d_model, eps=1e-6)))
            )
        self.encoder = Encoder(blocks, nn.LayerNorm(d_model, eps=1e-6))
        self.head = nn.Linear(d_model, num_classes)

    def tokens(self, images):
        x = rearrange(self.embed(images), "b d r s -> b (r s) d")
        rows = [(self.cls + self.places[0]).repeat(len(images), 1)]
        rows += [x[:, i] + self.places[1 + i] for i in range(x.shape[1])]
        return torch.stack(rows, dim=1)

    def forward(self, images):
        x = self.tokens(images)
        for block in self.encoder.blocks:
            x = block(x)
        return F.linear(self.encoder.norm(x[:, 0]), self.head.weight, self.head.bias)


class CutViT(WrongViT):
    """Right: patches cut by hand, and the convolution's weight used as a linear layer's."""

    def vectors(self, images):
        size = self.patch
        flat = rearrange(images, "b c (r i) (s j) -> b (r s) (c i j)", i=size, j=size)
        return flat @ self.embed.weight.flatten(1).T + self.embed.bias


class LonelyViT(WrongViT):
    """Right: one image at a time."""

    def tokens(self, images):
        return torch.cat([super(LonelyViT, self).tokens(image[None]) for image in images])


a_step = told_of(WrongViTStep, "step")


ROW_HINTS = (
    "Print the shapes: of the image, of what `self.embed` gives, of your tokens. Then change one "
    "pixel, and see which token moves.",
    "The convolution's output has d_model in axis 1, and the grid in the last two.",
    "`flatten(2)` makes one axis of the grid; then exchange the last two axes.",
)
FRONT_ROW_HINTS = (
    "Call `tokens` with an image of zeros. What should token 0 be, and what token 1?",
    "First [CLS] in front of the patches, then a row of the table for every token.",
    "`torch.cat((cls, patches), dim=1) + self.places`, with `cls` expanded to (batch, 1, d_model).",
)
LOOK_HINTS = (
    "Change the last patch, then the first. Do the scores move?",
    "Every token looks at every token.",
    "Call `self.encoder(x)`, without a mask.",
)
BLOCK_HINTS = (
    "Print one of your blocks, and compare its parts with the text's.",
    "Pre-norm, GELU, an epsilon of 1e-6, and each block made anew.",
    "In a loop: `EncoderBlock(MultiHeadAttention(…), FeedForward(…, activation=F.gelu), "
    "lambda: PreNorm(LayerNorm(…)))`.",
)
EPSILON_HINTS = (
    "Print your model. Which epsilon does each of its norms show?",
    "*Every* norm has 1e-6: two in each block, and the last one.",
    "`LayerNorm(d_model, eps=1e-6)`, everywhere.",
)
LAST_NORM_HINTS = (
    "Hand the encoder's output to a norm with weight 1 and bias 0: was it normed already?",
    "Pre-norm blocks leave their last sum as it is: one norm stands behind them.",
    "`Encoder(blocks, LayerNorm(d_model, eps=1e-6))`.",
)
POOL_HINTS = (
    "Which of the tokens does your head read?",
    "[CLS] has looked at all patches in every block: its vector stands for the image.",
    "`self.head(x[:, 0])`.",
)
LOGIT_HINTS = (
    "What are the shape and the smallest number of what you return?",
    "One score for each class, any number, below 0 too.",
    "`self.head(x[:, 0])`, and nothing behind it.",
)
RESIDUAL_HINTS = (
    "How does `EncoderBlock` use its third argument? It calls it once for each sublayer.",
    "`residual` is a function without arguments, and what it returns goes around one sublayer.",
    "`lambda: PreNorm(LayerNorm(d_model, eps=1e-6))`, handed over without calling it.",
)
NAME_HINTS = (
    "Print the names and shapes of `state_dict()`. Which of them does the text not know?",
    "The check loads weights by the names and shapes of the text.",
    "`embed`, `cls`, `places`, `encoder` and `head`, and nothing else that learns.",
)
LEARN_HINTS = (
    "Call backward on the logits, and print which parameters have no gradient.",
    "`detach`, `.data`, `no_grad` and `torch.tensor` give the right numbers, and learn nothing.",
    "Use the parameters and the outputs of the parts themselves.",
)

VIT = Exercise(
    id="16.vit",
    title="A Vision Transformer, your own",
    kind="build",
    points=4,
    name="OwnViT",
    cases=vit_cases,
    axes="batch class",
    mistakes=[
        a_step(
            "reshape-for-transpose",
            {"patches": "reshape"},
            "`reshape` makes the right shape of the convolution's output, and mixes the patches: "
            "each token gets one number of many places",
            *ROW_HINTS,
        ),
        a_step(
            "patches-as-stripes",
            {"patches": "stripes"},
            "the image is reshaped to rows of numbers: stripes, not patches",
            *ROW_HINTS,
        ),
        a_step(
            "down-the-columns",
            {"patches": "down the columns"},
            "the patches come down the columns; reading order is along the rows",
            *ROW_HINTS,
        ),
        a_step(
            "no-stride",
            {"patches": "no stride"},
            "the convolution has no stride: its patches overlap, and are far too many",
            "Print the shape of what `self.embed` gives for one image.",
            "A patch begins where the one before it ends.",
            "`nn.Conv2d(channels, d_model, patch_size, stride=patch_size)`.",
        ),
        a_step(
            "numbers-for-tokens",
            {"patches": "not moved"},
            "d_model is still in front of the patches when [CLS] is put before them",
            *ROW_HINTS,
        ),
        a_step(
            "patches-bent",
            {"patches": "bent"},
            "behind the convolution comes GELU; the patches are embedded linearly",
            *ROW_HINTS,
        ),
        a_step(
            "patches-scaled",
            {"patches": "scaled"},
            "the patches are multiplied by the root of d_model, as words are in the first "
            "Transformer; here nothing is",
            *ROW_HINTS,
        ),
        a_step(
            "images-normalised",
            {"patches": "scaled images"},
            "the images are brought to −1 to 1 inside of the model; it takes them as they come",
            "What does your model do to an image before the convolution?",
            "Whoever calls the model prepares the pixels.",
            "`self.embed(images)`.",
        ),
        a_step(
            "images-divided-by-255",
            {"patches": "bytes"},
            "the images are divided by 255 inside of the model; it takes them as they come",
            "What does your model do to an image before the convolution?",
            "Whoever calls the model prepares the pixels.",
            "`self.embed(images)`.",
        ),
        a_step(
            "no-cls",
            {"front": "no cls"},
            "there is no [CLS]: the first token is the first patch",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "patches-alone-from-tokens",
            {"front": "all in forward"},
            "the scores are right, but `tokens` gives the patches alone: [CLS] and the places come "
            "only in `forward`",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "places-added-in-forward",
            {"front": "places in forward"},
            "the scores are right, but `tokens` gives tokens without places: they are added only "
            "in `forward`",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "places-added-twice",
            {"front": "places twice"},
            "the places are added in `tokens`, and once more in `forward`",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "encoded-already",
            {"front": "encoded"},
            "`tokens` sends the tokens through the encoder already, and `forward` once more",
            "What does `tokens` return in your code, and what does the encoder read?",
            "`tokens` gives what the encoder *reads*.",
            "Call `self.encoder` in `forward`, once.",
        ),
        a_step(
            "cls-behind",
            {"front": "cls behind", "pool": "last"},
            "[CLS] stands behind the patches",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "cls-behind-and-first-read",
            {"front": "cls behind"},
            "[CLS] stands behind the patches, and the head reads the first token",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "cls-added",
            {"front": "cls added"},
            "[CLS] is added to every patch; it should stand in front of them, a token more",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "zeros-for-cls",
            {"front": "zeros for cls"},
            "zeros stand in front; [CLS] is a vector that is learned",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "cls-not-repeated",
            {"front": "cls once"},
            "there is one [CLS] for the whole batch; `torch.cat` wants one for each image",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "cls-without-a-place",
            {"front": "cls without a place"},
            "the places are added before [CLS] comes in front: it has none",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "patches-from-row-0",
            {"front": "first rows for patches"},
            "the first patch gets row 0 of the table, which belongs to [CLS]; [CLS] gets none",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "cls-has-the-last-row",
            {"front": "first rows for patches, last for cls"},
            "[CLS] gets the last row of the table and the first patch row 0",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "no-places",
            {"front": "no places"},
            "nobody knows where a patch stands: the places are missing",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "tokens-normed",
            {"front": "normed"},
            "the tokens are normed before the first block; each block norms what it reads",
            *LAST_NORM_HINTS,
        ),
        a_step(
            "looks-back-only",
            {"encoder": "causal"},
            "no token looks ahead, as in a model that continues texts: [CLS] sees itself alone",
            *LOOK_HINTS,
        ),
        a_step(
            "blocks-shared",
            {"shared": True},
            "all layers are one block: whatever is loaded last is used in each of them",
            *BLOCK_HINTS,
        ),
        a_step(
            "post-norm",
            {"around": PostNorm},
            "the blocks are post-norm: they norm the sum, not what a sublayer reads",
            *BLOCK_HINTS,
        ),
        a_step(
            "one-head",
            {"extra": "one head"},
            "the attention has one head, whatever `num_heads` says",
            *BLOCK_HINTS,
        ),
        a_step(
            "relu-in-the-blocks",
            {"bend": F.relu},
            "the feed-forward networks have ReLU, which `FeedForward` takes unless it is told",
            *BLOCK_HINTS,
        ),
        a_step(
            "tanh-gelu-in-the-blocks",
            {"bend": tanh_gelu},
            "the feed-forward networks have GELU by `tanh`; here it is the exact one",
            *BLOCK_HINTS,
        ),
        a_step(
            "usual-epsilon",
            {"eps": (1e-5, 1e-5)},
            "the norms have an epsilon of 1e-5, which `LayerNorm` takes unless it is told",
            *EPSILON_HINTS,
        ),
        a_step(
            "usual-epsilon-in-the-blocks",
            {"eps": (1e-5, 1e-6)},
            "the norms in the blocks have an epsilon of 1e-5, which `LayerNorm` takes unless it is "
            "told",
            *EPSILON_HINTS,
        ),
        a_step(
            "usual-epsilon-at-the-end",
            {"eps": (1e-6, 1e-5)},
            "the last norm has an epsilon of 1e-5, which `LayerNorm` takes unless it is told",
            *EPSILON_HINTS,
        ),
        a_step(
            "epsilon-of-bert",
            {"eps": (1e-12, 1e-12)},
            "the norms have BERT's epsilon, 1e-12; here it is 1e-6",
            *EPSILON_HINTS,
        ),
        a_step(
            "no-last-norm",
            {"extra": "no last norm"},
            "the encoder was given no norm for behind its last block",
            *LAST_NORM_HINTS,
        ),
        a_step(
            "last-norm-outside",
            {"extra": "norm of its own"},
            "the last norm stands beside the encoder, as `self.norm`; the text wants it inside of "
            "it, and the weights are loaded by these names",
            *LAST_NORM_HINTS,
        ),
        a_step(
            "normed-twice",
            {"pool": "normed twice"},
            "the vector of [CLS] is normed twice: the encoder has done it already",
            *LAST_NORM_HINTS,
        ),
        a_step(
            "mean-of-all",
            {"pool": "mean"},
            "the head reads the mean of all tokens, [CLS] among them",
            *POOL_HINTS,
        ),
        a_step(
            "mean-of-patches",
            {"pool": "mean of patches"},
            "the head reads the mean of the patches; it should read [CLS]",
            *POOL_HINTS,
        ),
        a_step(
            "last-token",
            {"pool": "last"},
            "the head reads the last token; [CLS] is the first",
            *POOL_HINTS,
        ),
        a_step(
            "first-patch",
            {"pool": "first patch"},
            "the head reads token 1, the first patch; [CLS] is token 0",
            *POOL_HINTS,
        ),
        a_step(
            "first-image",
            {"pool": "first image"},
            "`x[0]` is the first *image* with all its tokens; the first token of each is `x[:, 0]`",
            *POOL_HINTS,
        ),
        a_step(
            "all-tokens-scored",
            {"pool": "all"},
            "every token gets scores; only [CLS] should",
            *POOL_HINTS,
        ),
        a_step(
            "tanh-before-the-head",
            {"pool": "tanh"},
            "`tanh` stands before the head, as BERT has it; here the head comes at once",
            *POOL_HINTS,
        ),
        a_step(
            "softmax",
            {"finish": "softmax"},
            "probabilities come out, not logits: softmax is one step too many",
            *LOGIT_HINTS,
        ),
        a_step(
            "log-softmax",
            {"finish": "log-softmax"},
            "logarithms of probabilities come out, not logits",
            *LOGIT_HINTS,
        ),
        a_step(
            "sigmoid",
            {"finish": "sigmoid"},
            "the scores are squeezed to 0 to 1, not logits: the sigmoid is one step too many",
            *LOGIT_HINTS,
        ),
        a_step(
            "best-class",
            {"finish": "best"},
            "the best class comes out, not a score for each",
            *LOGIT_HINTS,
        ),
        a_step(
            "head-left-out",
            {"finish": "bare"},
            "the vector of [CLS] comes out, not scores: the head is missing",
            *LOGIT_HINTS,
        ),
        a_step(
            "linear-for-convolution",
            {"extra": "linear"},
            "`self.embed` is a linear layer; the text wants a convolution, whose weight has four "
            "axes",
            *NAME_HINTS,
        ),
        a_step(
            "convolution-without-bias",
            {"extra": "no bias in embed"},
            "the convolution was made without a bias",
            *NAME_HINTS,
        ),
        a_step(
            "head-without-bias",
            {"extra": "no bias in head"},
            "the head was made without a bias",
            *NAME_HINTS,
        ),
        a_step(
            "places-of-another-size",
            {"extra": "patches' places"},
            "the table of places has another size: a row for [CLS] and one for each patch are "
            "wanted, as wide as a token",
            "Print the shape of your table for images of 6 by 4 pixels and patches of 2.",
            "[CLS] has a row, too; there are as many patches as rows times columns of them.",
            "`1 + (height // patch_size) * (width // patch_size)` rows of d_model numbers.",
        ),
        a_step(
            "places-of-a-square",
            {"extra": "places of a square"},
            "the table of places is as long as if the images were squares",
            "Print the shape of your table for images of 6 by 4 pixels and patches of 2.",
            "`image_size` is `(height, width)`: each side has patches of its own.",
            "`(height // patch_size) * (width // patch_size)` patches.",
        ),
        a_step(
            "places-as-an-embedding",
            {"extra": "embeddings"},
            "`self.places` is an `nn.Embedding`; the text wants a parameter",
            *NAME_HINTS,
        ),
        a_step(
            "cls-with-axes",
            {"extra": "cls with axes"},
            "`self.cls` has axes in front, as in much published code; the text wants `(d_model,)`",
            *NAME_HINTS,
        ),
        a_step(
            "cls-in-a-row",
            {"extra": "cls in a row"},
            "`self.cls` has two axes, a row of a table; the text wants `(d_model,)`",
            *NAME_HINTS,
        ),
        a_step(
            "places-with-an-axis",
            {"extra": "places with an axis"},
            "`self.places` has an axis in front, as in much published code; the text wants "
            "`(1 + n, d_model)`",
            *NAME_HINTS,
        ),
        a_step(
            "cls-no-parameter",
            {"extra": "plain cls"},
            "`self.cls` is a plain tensor: no module owns it, and it would never learn",
            *NAME_HINTS,
        ),
        a_step(
            "places-no-parameter",
            {"extra": "plain places"},
            "`self.places` is a plain tensor: no module owns it, and it would never learn",
            *NAME_HINTS,
        ),
        a_step(
            "a-layer-too-many",
            {"extra": "pooler"},
            "the model has one more layer that learns, as BERT has for [CLS]",
            *NAME_HINTS,
        ),
        a_step(
            "residual-made-already",
            {"extra": "made residual"},
            "a block gets one `PreNorm` that is made already; it wants to make two of its own",
            "How many norms has a block, and who makes them?",
            "`EncoderBlock` calls `residual()`, once for each sublayer, with nothing in the "
            "brackets.",
            "Hand it a function: `lambda: PreNorm(LayerNorm(d_model, eps=1e-6))`.",
        ),
        a_step(
            "residual-is-a-class",
            {"extra": "a class"},
            "`residual` is `PreNorm` itself, which wants a norm; it should be a function that "
            "needs nothing and makes a `PreNorm`",
            *RESIDUAL_HINTS,
        ),
        a_step(
            "residual-is-a-norm",
            {"extra": "a norm"},
            "`residual` makes a bare norm; it should make a `PreNorm` with a norm in it",
            *RESIDUAL_HINTS,
        ),
        a_step(
            "residual-of-a-width",
            {"extra": "a width"},
            "`PreNorm` is handed `d_model`; it wants a norm of that width",
            *RESIDUAL_HINTS,
        ),
        a_step(
            "heads-and-width-exchanged",
            {"extra": "heads exchanged"},
            "`MultiHeadAttention` is handed the number of heads first; the width comes first",
            "What stands in the brackets of your `MultiHeadAttention`, and what in the text?",
            "It cuts its first argument into as many heads as the second says.",
            "`MultiHeadAttention(d_model, num_heads)`.",
        ),
        a_step(
            "network's-widths-exchanged",
            {"extra": "widths exchanged"},
            "`FeedForward` is handed d_ff first; d_model comes first",
            "What stands in the brackets of your `FeedForward`, and what in the text?",
            "A network reads and gives d_model numbers, and is d_ff wide inside.",
            "`FeedForward(d_model, d_ff, activation=F.gelu)`.",
        ),
        a_step(
            "class-of-the-activation",
            {"extra": "class of the bend"},
            "`activation` is the class `nn.GELU`: called with numbers it makes a layer of them",
            "What does `nn.GELU(torch.ones(2))` give?",
            "A class of `nn` is made first, and what it makes is called.",
            "`activation=F.gelu`, or `nn.GELU()`.",
        ),
        a_step(
            "activation-called",
            {"extra": "bend called"},
            "`F.gelu()` is called where it should be handed over: there is nothing yet to bend",
            "What do the brackets behind a function's name do?",
            "`FeedForward` calls its activation itself, between its two layers.",
            "`activation=F.gelu`, without brackets.",
        ),
        a_step(
            "one-layer",
            {"extra": "one layer"},
            "a single block is made, whatever `num_layers` says",
            "Make it with `num_layers=2` and print the model.",
            "`Encoder` takes a list of blocks, each made anew.",
            "`[block() for _ in range(num_layers)]`.",
        ),
        a_step(
            "sides-divided-at-once",
            {"extra": "both sides at once"},
            "`image_size` is divided as if it were one number; it is (height, width)",
            "Print `image_size`. How many numbers are it?",
            "The patches of a column and those of a row are counted apart.",
            "`height, width = image_size`, then `(height // patch_size) * (width // patch_size)`.",
        ),
        a_step(
            "channels-and-width-exchanged",
            {"extra": "embed exchanged"},
            "the convolution goes from d_model to the channels; it reads the channels and gives "
            "d_model",
            *NAME_HINTS,
        ),
        a_step(
            "cls-not-expanded",
            {"front": "bare cls"},
            "[CLS] has one axis, (d_model,), and is joined with tokens that have three",
            "Print the shapes of the two things that you join.",
            "Each image needs a [CLS] of its own: (batch, 1, d_model).",
            "`self.cls.expand(len(images), 1, -1)`.",
        ),
        a_step(
            "cls-joined-along-the-batch",
            {"front": "along the batch"},
            "[CLS] is joined along axis 0: it becomes one more image, not one more token",
            "Print the shape of what `cat` gives.",
            "The axis of tokens is axis 1.",
            "`torch.cat((cls, x), dim=1)`.",
        ),
        a_step(
            "mean-for-cls",
            {"front": "cls of the mean"},
            "in the place of [CLS] stands the mean of the patches; it should be the vector "
            "`self.cls`",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "tokens-scaled",
            {"front": "scaled"},
            "the vectors, [CLS] too, are multiplied by the root of d_model before the places are "
            "added; nobody asked for it",
            *FRONT_ROW_HINTS,
        ),
        a_step(
            "patches-bent-by-relu",
            {"patches": "relu"},
            "a ReLU stands behind the convolution; a patch's vector is what the convolution gives",
            *ROW_HINTS,
        ),
        a_step(
            "encoder-left-out",
            {"encoder": "left out"},
            "the head reads `tokens`: the encoder is never called",
            *LOOK_HINTS,
        ),
        a_step(
            "last-block-alone",
            {"encoder": "last block"},
            "only the last block is used",
            *LOOK_HINTS,
        ),
        a_step(
            "first-block-alone",
            {"encoder": "first block"},
            "only the first block is used",
            *LOOK_HINTS,
        ),
        a_step(
            "encoded-twice",
            {"encoder": "twice"},
            "the encoder reads its own output once more",
            *LOOK_HINTS,
        ),
        a_step(
            "tokens-added-behind",
            {"encoder": "residual"},
            "the tokens are added to what the encoder gives; each block has done so already",
            *LOOK_HINTS,
        ),
        a_step(
            "not-at-itself",
            {"encoder": "others"},
            "no token looks at itself",
            *LOOK_HINTS,
        ),
        a_step(
            "largest-of-all",
            {"pool": "max"},
            "the head reads the largest number of all tokens, in each of the places of a vector",
            *POOL_HINTS,
        ),
        a_step(
            "sum-of-all",
            {"pool": "sum"},
            "the head reads the sum of all tokens",
            *POOL_HINTS,
        ),
        a_step(
            "scores-bent",
            {"finish": "bent"},
            "a GELU stands behind the head",
            *LOGIT_HINTS,
        ),
        a_step(
            "scores-cut-at-0",
            {"finish": "relu"},
            "a ReLU stands behind the head: no score is below 0",
            *LOGIT_HINTS,
        ),
        a_step(
            "bias-of-the-head-unused",
            {"finish": "no bias"},
            "the head's bias isn't added",
            *LOGIT_HINTS,
        ),
        a_step(
            "scores-divided",
            {"finish": "divided"},
            "the scores are divided by the root of d_model",
            *LOGIT_HINTS,
        ),
        a_step(
            "scores-multiplied",
            {"finish": "multiplied"},
            "the scores are multiplied by the root of d_model",
            *LOGIT_HINTS,
        ),
        a_step(
            "patches-learn-nothing",
            {"patches": "detached"},
            "the values are right, but the convolution learns nothing",
            *LEARN_HINTS,
        ),
        a_step(
            "cls-learns-nothing",
            {"front": "cls detached"},
            "the values are right, but [CLS] learns nothing",
            *LEARN_HINTS,
        ),
        a_step(
            "places-learn-nothing",
            {"front": "places detached"},
            "the values are right, but the places learn nothing",
            *LEARN_HINTS,
        ),
        a_step(
            "encoder-learns-nothing",
            {"encoder": "detached"},
            "the values are right, but nothing flows back to the encoder",
            *LEARN_HINTS,
        ),
    ],
    hints=(
        "Do the names and shapes of `state_dict()` agree with the text's, none too many, none too "
        "few? Then print the shape after each line of `tokens` and `forward`.",
        "Print the shape behind each step of `tokens`; then change one pixel, and see which token "
        "moves.",
        "Convolution, grid to one axis, axes exchanged; [CLS] in front; places; encoder; token 0; "
        "head.",
    ),
    allows=Edges(
        sizes=(1,),
        labels=("higher", "wider", "two layers", "tokens only", "one patch", "small"),
    ),
    bans=("Vit", "ViTModel", "VisionTransformer", "vit_b_16", "TransformerEncoder", "load_vit"),
    also_right=[SpelledViT, CutViT, LonelyViT],
)


# --- 16.rollout -----------------------------------------------------------------------------


def rollout_cases(generator):
    def weights(batch, heads, tokens, sharp=2.0, causal=False):
        scores = sharp * normal(generator, batch, heads, tokens, tokens)
        if causal:
            ahead = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
            scores = scores.masked_fill(ahead, -torch.inf)
        return scores.softmax(dim=-1)

    def tried(label, layers, *sizes, blind=False, grad=False, **more):
        given = [weights(*sizes, **more) for _ in range(layers)]
        if blind:  # some tokens look at nothing: in all heads, in one of them
            given[0][:, :, -1] = 0
            given[-1][:, 0, 0] = 0
        return case(label, given, grad=grad)

    eye = torch.eye(3).expand(2, 2, 3, 3).clone()
    return [
        tried("two layers", 2, 2, 3, 5),
        tried("three layers", 3, 1, 2, 4),
        tried("one layer", 1, 2, 3, 4),
        tried("one head", 2, 2, 1, 5),
        tried("four layers of sharp weights", 4, 2, 2, 6, sharp=6.0),
        tried("as many heads as tokens", 2, 2, 4, 4),
        tried("as many images as tokens", 2, 3, 2, 3),
        tried("a token looks at nothing", 2, 2, 2, 4, blind=True),
        tried("one layer, and a token looks at nothing", 1, 1, 2, 3, blind=True),
        case("nobody looks at anything", [torch.zeros(1, 2, 3, 3)] * 2),
        case("every token looks at itself", [eye, eye]),
        tried("nobody looks ahead", 3, 1, 2, 5, causal=True),
        tried("one token", 2, 2, 2, 1),
        tried("gradients", 2, 1, 2, 3, grad=True),
    ]


def over_rows(x, dim=-1):
    return x / x.sum(dim=dim, keepdim=True)


def wrong_rollout(weights, *, heads="mean", residual="half", order="right", rows="divided"):
    """The steps exchangeable; they are tried in pairs."""
    layers = []
    for each in weights:
        looked = {
            "mean": lambda x: x.mean(dim=1),
            "max": lambda x: x.amax(dim=1),
            "min": lambda x: x.amin(dim=1),
            "sum": lambda x: x.sum(dim=1),
            "first": lambda x: x[:, 0],
            "product": lambda x: x.prod(dim=1),
        }[heads](each)
        eye = torch.eye(each.shape[-1], dtype=each.dtype)
        mixed = {
            "half": lambda looked, eye: (looked + eye) / 2,
            "none": lambda looked, eye: looked,
            "in full": lambda looked, eye: looked / 2 + eye,
            "half beside the whole": lambda looked, eye: looked + eye / 2,
            "a tenth": lambda looked, eye: 0.9 * looked + 0.1 * eye,
            "ones": lambda looked, eye: (looked + torch.ones_like(eye)) / 2,
            "multiplied": lambda looked, eye: looked * eye,
        }[residual](looked, eye)
        layers.append(
            {
                "divided": lambda mixed: over_rows(mixed),
                "not": lambda mixed: mixed,
                "whole": lambda mixed: 2 * mixed,
                "columns": lambda mixed: over_rows(mixed, -2),
                "softmax": lambda mixed: mixed.softmax(dim=-1),
                "softmax of the whole": lambda mixed: (2 * mixed).softmax(dim=-1),
                "all": lambda mixed: mixed / mixed.sum(dim=(1, 2), keepdim=True),
                "largest": lambda mixed: mixed / mixed.amax(dim=-1, keepdim=True),
            }[rows](mixed)
        )
    return multiplied(layers, order)


def multiplied(layers, order="right"):
    rolled = layers[0]
    for each in layers[1:]:
        rolled = {
            "right": lambda a, b: a @ b,
            "turned": lambda a, b: b @ a,
            "added": lambda a, b: a + b,
            "elementwise": lambda a, b: a * b,
            "last": lambda a, b: a,
            "first": lambda a, b: b,
            "transposed each": lambda a, b: a.mT @ b,
        }[order if order != "mean" else "added"](each, rolled)
    return rolled / len(layers) if order == "mean" else rolled


def lone_rollout(weights, *, flags):
    return wrong_rollout(weights, **flags)


def slipped_rollout(weights, *, slip):
    right = wrong_rollout(weights)
    eyes = [torch.eye(each.shape[-1], dtype=each.dtype) for each in weights]
    means = [each.mean(dim=1) for each in weights]

    def each_head():
        eye = eyes[0]
        heads = [over_rows((each + eye) / 2) for each in weights]
        return multiplied(heads).mean(dim=1)

    def at_the_end():
        return over_rows(multiplied([(x + eye) / 2 for x, eye in zip(means, eyes, strict=True)]))

    def residual_once():
        return over_rows((multiplied(means) + eyes[0]) / 2)

    def divided_first():
        return multiplied([(over_rows(x) + eye) / 2 for x, eye in zip(means, eyes, strict=True)])

    def zeros_kept():
        rows = [F.normalize(x, p=1, dim=-1) for x in means]
        return multiplied([(x + eye) / 2 for x, eye in zip(rows, eyes, strict=True)])

    def residual_of_what_came_in():
        rolled = eyes[0]
        for x in means:
            rolled = over_rows((x @ rolled + eyes[0]) / 2)
        return rolled

    def last_first():
        return multiplied([over_rows((x + eyes[0]) / 2) for x in means][::-1])

    def bare_first():
        return multiplied([means[0], *(over_rows((x + eyes[0]) / 2) for x in means[1:])])

    def laid_across():  # sums without `keepdim`
        mixed = [(x + eyes[0]) / 2 for x in means]
        return multiplied([x / x.sum(dim=-1) for x in mixed])

    def images_for_heads():
        return multiplied([over_rows((x.mean(dim=0) + eyes[0]) / 2) for x in weights])

    def edited():
        for each in weights:
            each.add_(eyes[0])
        return right

    return {
        "bare first": bare_first,
        "laid across": laid_across,
        "images for heads": images_for_heads,
        "averaged, bare": lambda: torch.stack(means).mean(dim=0),
        "last mean": lambda: means[-1],
        "zeros": lambda: 0 * right,
        "each head": each_head,
        "at the end": at_the_end,
        "residual once": residual_once,
        "divided first": divided_first,
        "divided first, zeros kept": zeros_kept,
        "last first, turned": lambda: last_first().mT,
        "residual of what came in": residual_of_what_came_in,
        "transposed": lambda: right.mT,
        "cls": lambda: right[:, 0],
        "patches of cls": lambda: right[:, 0, 1:],
        "batch": lambda: right.mean(dim=0),
        "column": lambda: right[:, :, 0],
        "heads kept": lambda: multiplied([over_rows((x + eyes[0]) / 2) for x in weights]),
        "one more": lambda: right @ over_rows((means[0] + eyes[0]) / 2),
        "first left out": lambda: (
            multiplied([over_rows((x + eyes[0]) / 2) for x in means[1:]])
            if means[1:]
            else eyes[0].expand_as(means[0])
        ),
        "scaled": lambda: right / right.amax(dim=-1, keepdim=True),
        "without itself": lambda: right * (1 - eyes[0]),
        "detached": lambda: right.detach(),
        "edited": edited,
    }[slip]()


def rollout_by_steps(weights):
    """Right: one row at a time, from the output back to the input."""
    batch, _, tokens, _ = weights[0].shape
    eye = torch.eye(tokens, dtype=weights[0].dtype)
    out = []
    for start in range(tokens):
        row = eye[start].expand(batch, 1, tokens)
        for each in reversed(weights):
            mixed = each.mean(dim=1) + eye
            row = row @ (mixed / mixed.sum(dim=2, keepdim=True))
        out.append(row)
    return torch.cat(out, dim=1)


def rollout_by_words(weights):
    rolled = None
    for each in weights:
        mean = torch.einsum("bhij->bij", each) / each.shape[1]
        mixed = 0.5 * mean + 0.5 * torch.eye(mean.shape[-1], dtype=mean.dtype)
        mixed = mixed / torch.einsum("bij->bi", mixed)[..., None]
        rolled = mixed if rolled is None else torch.einsum("bij,bjk->bik", mixed, rolled)
    return rolled


def rollout_backwards(weights):
    *before, last = weights
    eye = torch.eye(last.shape[-1], dtype=last.dtype)
    mixed = F.normalize(last.mean(1) + eye, p=1, dim=-1)
    return mixed @ rollout_backwards(before) if before else mixed


rolling = told_of(wrong_rollout)


rolling_alone = told_of(lone_rollout, "flags")


roll_slip = told_of(slipped_rollout, "slip")


LAYER_ORDER_HINTS = (
    "Two layers, three tokens: in the first token 1 copies token 2, in the second token 0 copies "
    "token 1. What arrives at token 0?",
    "The last layer mixes what the one before it gives: it multiplies from the *left*.",
    "From the first layer to the last: `rolled = mixed @ rolled`.",
)
HEAD_HINTS = (
    "Print the shape behind your first step. Where is the axis of the heads?",
    "The heads are averaged in each layer, before anything is multiplied.",
    "`each.mean(dim=1)`.",
)
RESIDUAL_HINTS = (
    "Nobody looks at anything: all weights are 0. What arrives at token 0 in your code?",
    "Beside what it looks at, a token keeps itself: half and half, in *every* layer.",
    "`(mean + eye) / 2`.",
)
SUM_HINTS = (
    "Call it with weights of which one row is all zeros, and sum your rows.",
    "The sum runs over what is looked *at*, and is that of the half and half.",
    "`mixed / mixed.sum(dim=-1, keepdim=True)`, in every layer.",
)
WHOLE_HINTS = (
    "Print the shape of what you return beside that of the text.",
    "Row i, column j: how much of input token j arrives at token i.",
    "Return the last product itself.",
)

ROLLOUT = Exercise(
    id="16.rollout",
    title="What has [CLS] read?",
    kind="code",
    points=2,
    name="rollout",
    cases=rollout_cases,
    axes="batch token token",
    any_sequence=True,
    mistakes=[
        rolling(
            "first-layer-from-the-left",
            {"order": "turned"},
            "the layers are multiplied in the wrong order: the first one stands at the left",
            *LAYER_ORDER_HINTS,
        ),
        rolling(
            "no-residual",
            {"residual": "none"},
            "the residual connection is missing: a token keeps nothing of itself",
            *RESIDUAL_HINTS,
        ),
        rolling(
            "rows-not-divided",
            {"rows": "not"},
            "the rows aren't divided by their sums: a token that looks at nothing loses half of "
            "itself in each layer",
            *SUM_HINTS,
        ),
        rolling(
            "identity-added-and-not-divided",
            {"rows": "whole"},
            "the identity is added in full and nothing is divided: the rows sum to 2, then to 4",
            *SUM_HINTS,
        ),
        rolling(
            "columns-divided",
            {"rows": "columns"},
            "the columns are divided by their sums, not the rows",
            *SUM_HINTS,
        ),
        rolling_alone(
            "softmax-for-division",
            {"rows": "softmax"},
            "softmax is taken of shares that are shares already; divide by the sum",
            *SUM_HINTS,
        ),
        rolling_alone(
            "softmax-of-the-sum",
            {"rows": "softmax of the whole"},
            "softmax is taken of mean plus identity, which are shares already; divide by the sum",
            *SUM_HINTS,
        ),
        rolling_alone(
            "divided-by-all",
            {"rows": "all"},
            "everything is divided by one sum; each row has its own",
            *SUM_HINTS,
        ),
        rolling_alone(
            "divided-by-the-largest",
            {"rows": "largest"},
            "each row is divided by its largest number, not by its sum",
            *SUM_HINTS,
        ),
        rolling(
            "heads'-largest",
            {"heads": "max"},
            "the largest of the heads is taken, as some programs do; the text asks for the mean",
            *HEAD_HINTS,
        ),
        rolling_alone(
            "heads'-smallest",
            {"heads": "min"},
            "the smallest of the heads is taken, as some programs do; the text asks for the mean",
            *HEAD_HINTS,
        ),
        rolling_alone(
            "heads-summed",
            {"heads": "sum"},
            "the heads are summed: beside them the residual connection weighs too little",
            *HEAD_HINTS,
        ),
        rolling_alone(
            "first-head",
            {"heads": "first"},
            "only the first head is asked",
            *HEAD_HINTS,
        ),
        rolling_alone(
            "heads-multiplied",
            {"heads": "product"},
            "the heads are multiplied with each other; the text asks for the mean",
            *HEAD_HINTS,
        ),
        roll_slip(
            "each-head-on-its-own",
            "each head",
            "each head is followed through the layers on its own, and the mean comes last: heads "
            "of different layers have nothing to do with each other",
            *HEAD_HINTS,
        ),
        roll_slip(
            "heads-kept",
            "heads kept",
            "the axis of the heads is still there",
            *HEAD_HINTS,
        ),
        rolling_alone(
            "a-tenth-of-itself",
            {"residual": "a tenth"},
            "the residual connection weighs a tenth; it should be half",
            *RESIDUAL_HINTS,
        ),
        rolling_alone(
            "ones-for-the-identity",
            {"residual": "ones"},
            "a matrix full of ones is added; the identity has them on its diagonal alone",
            *RESIDUAL_HINTS,
        ),
        rolling_alone(
            "times-the-identity",
            {"residual": "multiplied"},
            "the weights are multiplied with the identity: only the diagonal is left",
            *RESIDUAL_HINTS,
        ),
        rolling_alone(
            "half-the-identity-beside-the-whole",
            {"residual": "half beside the whole"},
            "half of the identity stands beside the *whole* mean: the residual connection weighs "
            "half as much as the weights",
            *RESIDUAL_HINTS,
        ),
        rolling_alone(
            "identity-in-full-beside-half",
            {"residual": "in full"},
            "half of the mean stands beside the *whole* identity: the residual connection weighs "
            "twice as much as the weights",
            *RESIDUAL_HINTS,
        ),
        roll_slip(
            "first-layer-without-residual",
            "bare first",
            "the first layer has no residual connection; each layer has one",
            *RESIDUAL_HINTS,
        ),
        roll_slip(
            "layers-averaged-without-residual",
            "averaged, bare",
            "all layers and heads are averaged; each layer mixes what the one before it gives",
            *LAYER_ORDER_HINTS,
        ),
        roll_slip(
            "last-layer-as-it-is",
            "last mean",
            "these are the weights of the last layer: what tokens look at there, not what has "
            "arrived there from the input",
            *LAYER_ORDER_HINTS,
        ),
        roll_slip(
            "begun-with-zeros",
            "zeros",
            "the product begins with zeros, and stays there",
            "What does your product hold before the first layer?",
            "Before the first layer every token holds itself.",
            "Begin with the identity, or with the first layer's matrix.",
        ),
        roll_slip(
            "sums-laid-across",
            "laid across",
            "the rows' sums lie across the columns: without `keepdim` they have one axis less, and "
            "are lined up with the last one",
            *SUM_HINTS,
        ),
        roll_slip(
            "images-for-heads",
            "images for heads",
            "the mean runs over axis 0, the images; the heads are axis 1",
            *HEAD_HINTS,
        ),
        roll_slip(
            "residual-once",
            "residual once",
            "the residual connection is added once, behind all layers; each layer has one",
            *RESIDUAL_HINTS,
        ),
        roll_slip(
            "divided-at-the-end",
            "at the end",
            "the rows are divided by their sums once, at the end; each layer's should be",
            *SUM_HINTS,
        ),
        roll_slip(
            "divided-too-early",
            "divided first",
            "the rows are divided before the identity is added: where a token looks at nothing, "
            "0 is divided by 0",
            *SUM_HINTS,
        ),
        roll_slip(
            "input-for-residual",
            "residual of what came in",
            "the identity is added to the product so far: each layer mixes in the tokens that "
            "came into the first, not those that it reads itself",
            *RESIDUAL_HINTS,
        ),
        roll_slip(
            "divided-first-zeros-kept",
            "divided first, zeros kept",
            "the rows are divided before the identity is added: a token that looks at nothing "
            "keeps half of itself, not all",
            *SUM_HINTS,
        ),
        rolling_alone(
            "last-layer-alone",
            {"order": "last"},
            "only the last layer counts: this is what the tokens look at, not what has arrived "
            "there",
            *LAYER_ORDER_HINTS,
        ),
        rolling_alone(
            "first-layer-alone",
            {"order": "first"},
            "only the first layer counts",
            *LAYER_ORDER_HINTS,
        ),
        rolling(
            "layers-added",
            {"order": "added"},
            "the layers are added up; each mixes what the one before it gives: multiply",
            *LAYER_ORDER_HINTS,
        ),
        rolling_alone(
            "layers-averaged",
            {"order": "mean"},
            "the layers are averaged; each mixes what the one before it gives: multiply",
            *LAYER_ORDER_HINTS,
        ),
        rolling(
            "number-by-number",
            {"order": "elementwise"},
            "the layers are multiplied number by number, `*`; a matrix product is `@`",
            *LAYER_ORDER_HINTS,
        ),
        rolling_alone(
            "each-layer-transposed",
            {"order": "transposed each"},
            "each further layer is transposed before it is multiplied: what is looked at and who "
            "looks have changed places",
            *LAYER_ORDER_HINTS,
        ),
        roll_slip(
            "transposed",
            "transposed",
            "rows and columns of the result have changed places",
            *WHOLE_HINTS,
        ),
        roll_slip(
            "last-first-and-transposed",
            "last first, turned",
            "the layers are multiplied in the wrong order, and the result is transposed",
            *LAYER_ORDER_HINTS,
        ),
        roll_slip(
            "first-layer-left-out",
            "first left out",
            "the first layer is left out",
            *LAYER_ORDER_HINTS,
        ),
        roll_slip(
            "first-layer-twice",
            "one more",
            "the first layer is multiplied twice",
            *LAYER_ORDER_HINTS,
        ),
        roll_slip(
            "cls-alone",
            "cls",
            "only the row of [CLS] comes out; all rows are asked for",
            *WHOLE_HINTS,
        ),
        roll_slip(
            "patches-of-cls-alone",
            "patches of cls",
            "only what arrives at [CLS] from the patches comes out; all rows are asked for",
            *WHOLE_HINTS,
        ),
        roll_slip(
            "column-of-cls",
            "column",
            "the column of [CLS] comes out; all of the matrix is asked for",
            *WHOLE_HINTS,
        ),
        roll_slip(
            "images-averaged",
            "batch",
            "the images of the batch are averaged",
            *WHOLE_HINTS,
        ),
        roll_slip(
            "largest-made-1",
            "scaled",
            "the result is scaled for a picture, its largest number 1; its rows should sum to 1",
            *WHOLE_HINTS,
        ),
        roll_slip(
            "without-itself",
            "without itself",
            "the diagonal of the result is set to 0",
            *WHOLE_HINTS,
        ),
        roll_slip(
            "nothing-flows-back",
            "detached",
            "the numbers are right, but no gradient flows back to the weights",
            "Hand it weights with `requires_grad`, and call `backward` on the sum.",
            "`detach`, `no_grad` and `numpy` cut the way back.",
            "Work with the weights themselves.",
        ),
        roll_slip(
            "weights-edited",
            "edited",
            "the result is right, but the weights that came in are changed",
            "Print a weight before and after the call.",
            "`+=`, `add_` and `fill_diagonal_` change the tensor itself.",
            "`mean / 2 + eye / 2` makes a new one.",
        ),
    ],
    hints=(
        "One layer, one head, two tokens, rows (1, 0) and (1, 0): write down by hand what arrives "
        "where; then the same layer twice.",
        "In each layer: mean over heads, half and half with the identity, rows divided by their "
        "sums. Only then a product.",
        "Begin with the first layer's matrix; each further one is multiplied from the left.",
    ),
    allows=Edges(
        axes=(4,),
        sizes=(1,),
        labels=("one layer", "one head", "nothing", "one token", "ahead", "gradients"),
    ),
    also_right=[rollout_by_steps, rollout_by_words, rollout_backwards],
)


# --- 16.resize ------------------------------------------------------------------------------


def resize_cases(generator):
    def tried(label, front, old, new, d_model, dtype=torch.float32, **more):
        table = normal(generator, front + old[0] * old[1], d_model).to(dtype)
        return case(label, table, list(old), list(new), **more)

    return [
        tried("larger, [CLS] in front", 1, (3, 4), (5, 7), 6),
        tried("twice as large", 1, (2, 3), (4, 6), 5),
        tried("a square grid", 1, (3, 3), (5, 5), 4),
        tried("as many places as numbers in each", 1, (2, 3), (3, 4), 6),
        tried("smaller", 1, (6, 5), (3, 2), 5),
        tried("higher and narrower", 1, (2, 5), (4, 3), 5),
        tried("three rows in front", 3, (2, 4), (3, 5), 4),
        tried("two rows in front, a square grid", 2, (3, 3), (4, 4), 5),
        tried("nothing in front", 0, (3, 2), (4, 5), 4),
        tried("the same grid", 1, (3, 2), (3, 2), 5),
        tried("the grid turned", 1, (2, 4), (4, 2), 3),
        tried("one row of patches", 1, (1, 4), (1, 6), 3),
        tried("from a single place", 1, (1, 1), (2, 3), 4),
        tried("to a single place", 1, (4, 3), (1, 1), 4),
        tried("one number a place", 1, (2, 3), (4, 5), 1),
        tried("in float64", 1, (2, 3), (3, 5), 4, torch.float64),
        tried("gradients", 1, (2, 2), (3, 3), 3, grad=True),
    ]


def grid_of(table, front, old):
    return table[front:].T.reshape(1, -1, *old)


def wrong_resize(table, old, new, *, mode="bilinear", grid="right", back="right", front="stay"):
    """The steps exchangeable; they are tried in pairs."""
    k, d_model = len(table) - old[0] * old[1], table.shape[1]
    if front == "one":
        k = 1
    rows, cols = new if mode != "turned" else new[::-1]
    x = {
        "right": lambda: grid_of(table, k, old),
        "reshape": lambda: table[k:].reshape(1, -1, *old),
        "turned": lambda: table[k:].T.reshape(1, d_model, *old[::-1]),
        "transposed": lambda: grid_of(table, k, old).mT,
        "front rows": lambda: grid_of(table[: len(table) - k], 0, old),
    }[grid]()
    x = scaled(x, (rows, cols), mode)
    flat = {
        "right": lambda: x[0].flatten(1).T,
        "reshape": lambda: x.reshape(-1, d_model),
        "down": lambda: x[0].mT.flatten(1).T,
    }[back]()
    first = table[:k]
    return {
        "stay": lambda: torch.cat((first, flat)),
        "one": lambda: torch.cat((first, flat)),
        "dropped": lambda: flat,
        "behind": lambda: torch.cat((flat, first)),
        "zeros": lambda: torch.cat((0 * first, flat)),
        "mean": lambda: torch.cat((flat.mean(dim=0).expand_as(first), flat)),
    }[front]()


def scaled(x, size, mode):
    if mode in ("nearest", "nearest-exact", "area"):
        return F.interpolate(x, size, mode=mode)
    if mode == "corners":
        return F.interpolate(x, size, mode="bilinear", align_corners=True)
    if mode == "smoothed":
        return F.interpolate(x, size, mode="bilinear", antialias=True)
    if mode in ("bicubic", "bicubic, smoothed"):
        return F.interpolate(x, size, mode="bicubic", antialias=mode != "bicubic")
    if mode == "fill":
        whole = x.new_zeros(*x.shape[:2], *size)
        rows, cols = (min(a, b) for a, b in zip(x.shape[2:], size, strict=True))
        whole[..., :rows, :cols] = x[..., :rows, :cols]
        return whole
    if mode in ("edge", "tiled"):
        rows, cols = (torch.arange(n) for n in size)
        if mode == "edge":
            rows, cols = rows.clamp(max=x.shape[2] - 1), cols.clamp(max=x.shape[3] - 1)
        return x[:, :, rows % x.shape[2]][..., cols % x.shape[3]]
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


def lone_resize(table, old, new, *, flags):
    return wrong_resize(table, old, new, **flags)


def slipped_resize(table, old, new, *, slip):
    k, places = len(table) - old[0] * old[1], new[0] * new[1]

    def line(rows, size):
        return F.interpolate(rows.T[None], size, mode="linear")[0].T

    def numbers_last():  # the two axes that `F.interpolate` takes are columns and numbers
        grid = F.interpolate(table[k:].reshape(1, *old, -1), tuple(new), mode="bilinear")
        return torch.cat((table[:k], grid.reshape(-1, table.shape[1])))

    def moved_back():  # as if the numbers had been moved forward before
        grid = F.interpolate(table[k:].reshape(1, *old, -1), tuple(new), mode="bilinear")
        return torch.cat((table[:k], grid.permute(0, 2, 3, 1).reshape(places, -1)))

    def no_batch():
        grid = table[k:].reshape(*old, -1).permute(2, 0, 1)
        return F.interpolate(grid, tuple(new), mode="bilinear")

    def by_factor_reshaped():
        factor = new[0] / old[0]
        grid = F.interpolate(grid_of(table, k, old), scale_factor=factor, mode="bilinear")
        return torch.cat((table[:k], grid.permute(0, 2, 3, 1).reshape(places, -1)))

    def by_factor():
        factor = (new[0] / old[0], new[0] / old[0])
        grid = F.interpolate(grid_of(table, k, old), scale_factor=factor, mode="bilinear")
        return torch.cat((table[:k], grid[0].flatten(1).T))

    def square():
        side = round((len(table) - k) ** 0.5)
        grid = scaled(grid_of(table, k, (side, side)), tuple(new), "bilinear")
        return torch.cat((table[:k], grid[0].flatten(1).T))

    def one_and_no_other():  # stops where `always-one-in-front` stops, with another error
        grid = table[1:].T.reshape(1, table.shape[1], *old)
        grid = scaled(grid, tuple(new), "bilinear")
        return torch.cat((table[:1], grid[0].flatten(1).T))

    def first_row():
        flat = wrong_resize(table[k:], old, new)
        return torch.cat((table[:1], flat))

    def edited():
        right = wrong_resize(table, old, new)
        table[k:] = 0
        return right

    return {
        "line": lambda: torch.cat((table[:k], line(table[k:], places))),
        "whole line": lambda: line(table, k + places),
        "grid only": lambda: scaled(grid_of(table, k, old), tuple(new), "bilinear"),
        "numbers last": numbers_last,
        "factor": by_factor,
        "moved back": moved_back,
        "no batch": no_batch,
        "factor, reshaped": by_factor_reshaped,
        "square": square,
        "one and no other": one_and_no_other,
        "first row": first_row,
        "repeated": lambda: table[
            torch.cat((torch.arange(k), k + torch.arange(places) % (old[0] * old[1])))
        ],
        "not changed": lambda: table.clone(),
        "detached": lambda: wrong_resize(table, old, new).detach(),
        "floats": lambda: wrong_resize(table, old, new).float(),
        "zeros behind": lambda: torch.cat(
            (
                table[: k + places],
                table.new_zeros(max(0, places - old[0] * old[1]), table.shape[1]),
            )
        ),
        "edited": edited,
    }[slip]()


def between(old, new):
    """The weights that read `new` places off `old` ones on a line, (new, old)."""
    where = ((torch.arange(new) + 0.5) * old / new - 0.5).clamp(min=0)
    left = where.long().clamp(max=old - 1)
    share = where - left
    weights = torch.zeros(new, old)
    weights[torch.arange(new), left] += 1 - share
    weights[torch.arange(new), (left + 1).clamp(max=old - 1)] += share
    return weights


def resize_by_matrices(table, old, new):
    """Right: rows and columns read off by a matrix each."""
    k = len(table) - old[0] * old[1]
    down, across = (between(*pair).to(table.dtype) for pair in zip(old, new, strict=True))
    grid = table[k:].reshape(*old, -1)
    grid = torch.einsum("ar,bs,rsd->abd", down, across, grid)
    return torch.cat((table[:k], grid.reshape(new[0] * new[1], -1)))


def resize_by_sampling(table, old, new):
    k = len(table) - old[0] * old[1]
    ticks = [((torch.arange(n) + 0.5) / n * 2 - 1).to(table.dtype) for n in new]
    y, x = torch.meshgrid(*ticks, indexing="ij")
    grid = rearrange(table[k:], "(r s) d -> 1 d r s", r=old[0])
    points = torch.stack((x, y), dim=-1)[None]
    read = F.grid_sample(grid, points, padding_mode="border", align_corners=False)
    return torch.cat((table[:k], rearrange(read, "1 d r s -> (r s) d")))


def resize_number_by_number(table, old, new):
    rows, cols = old
    front, grid = table.split([len(table) - rows * cols, rows * cols])
    numbers = [
        F.interpolate(column.reshape(1, 1, rows, cols), list(new), mode="bilinear").flatten()
        for column in grid.unbind(1)
    ]
    return torch.cat([front, torch.stack(numbers, dim=1)])


resizing = told_of(wrong_resize)


resizing_alone = told_of(lone_resize, "flags")


resize_slip = told_of(slipped_resize, "slip")


TABLE_HINTS = (
    "Let all numbers of a place be its row in the grid (0, 0, 0 …, 1, 1, 1 …). Are they still "
    "equal in each place of yours?",
    "`F.interpolate` wants the numbers of a place in axis 1 and the grid in the last two; in the "
    "table they stand last. `reshape` doesn't move them.",
    "`table[k:].T.reshape(1, d_model, rows, cols)`, and the same way back.",
)
READ_HINTS = (
    "A grid of 1 by 2 with the numbers 0 and 1, read off at 4 places: 0, 0.25, 0.75, 1.",
    "Bilinearly, corners not aligned, nothing smoothed: the text names the call.",
    '`F.interpolate(grid, tuple(new), mode="bilinear", align_corners=False)`.',
)
GRID_HINTS = (
    "Print the shape of the grid before and after `F.interpolate`.",
    "`old` and `new` are `(rows, cols)`; places are in reading order.",
    "Old rows by old cols go in, new rows by new cols come out.",
)
FRONT_HINTS_OF_TABLE = (
    "Which rows of your result belong to [CLS], and are they what they were?",
    "What stands nowhere in the image has no neighbours: it isn't part of the grid.",
    "k is `len(table) - rows * cols`: keep `table[:k]`, resize the rest, and `torch.cat`.",
)

RESIZE = Exercise(
    id="16.resize",
    title="Places for a larger image",
    kind="code",
    points=2,
    name="resize",
    cases=resize_cases,
    axes="place d_model",
    mistakes=[
        resizing(
            "table-reshaped",
            {"grid": "reshape"},
            "`reshape` makes an image of the table without moving an axis: each channel holds "
            "numbers of several places",
            *TABLE_HINTS,
        ),
        resizing(
            "reshaped-back",
            {"back": "reshape"},
            "on the way back `reshape` makes rows without moving an axis: each row holds one "
            "number of several places",
            *TABLE_HINTS,
        ),
        resizing(
            "reshaped-both-ways",
            {"grid": "reshape", "back": "reshape"},
            "`reshape` makes an image of the table and a table of the image; no axis was moved, "
            "and each place gets numbers of others",
            *TABLE_HINTS,
        ),
        resizing(
            "corners-aligned",
            {"mode": "corners"},
            "the corners are aligned: the first and last places stay exactly what they were",
            *READ_HINTS,
        ),
        resizing(
            "nearest",
            {"mode": "nearest"},
            "each place is copied from a neighbour: that is what `F.interpolate` does unless it is "
            "told",
            *READ_HINTS,
        ),
        resizing_alone(
            "nearest-exact",
            {"mode": "nearest-exact"},
            "each place is copied from the nearest one; it should lie between its neighbours",
            *READ_HINTS,
        ),
        resizing_alone(
            "area",
            {"mode": "area"},
            "areas are averaged; places should be read off between neighbours",
            *READ_HINTS,
        ),
        resizing(
            "bicubic",
            {"mode": "bicubic"},
            "the places are read off bicubically, as in much published code; the text asks for "
            "bilinear",
            *READ_HINTS,
        ),
        resizing_alone(
            "bicubic-and-smoothed",
            {"mode": "bicubic, smoothed"},
            "the places are read off bicubically, and the grid is smoothed before (`antialias`); "
            "the text asks for neither",
            *READ_HINTS,
        ),
        resizing_alone(
            "smoothed",
            {"mode": "smoothed"},
            "the grid is smoothed before it is made smaller (`antialias`); the text doesn't "
            "want it",
            *READ_HINTS,
        ),
        resizing_alone(
            "zeros-for-new-places",
            {"mode": "fill"},
            "the old grid stands in the corner of the new one, and the rest is zeros",
            *READ_HINTS,
        ),
        resizing_alone(
            "edge-drawn-out",
            {"mode": "edge"},
            "the last row and column of the old grid are drawn out",
            *READ_HINTS,
        ),
        resizing_alone(
            "tiled",
            {"mode": "tiled"},
            "the old grid is laid out again and again",
            *READ_HINTS,
        ),
        resizing_alone(
            "old-sides-exchanged",
            {"grid": "turned"},
            "rows and columns of the *old* grid have changed places",
            *GRID_HINTS,
        ),
        resizing_alone(
            "grid-transposed",
            {"grid": "transposed"},
            "the old grid is turned: its columns stand where its rows belong",
            *GRID_HINTS,
        ),
        resizing_alone(
            "new-sides-exchanged",
            {"mode": "turned"},
            "rows and columns of the *new* grid have changed places",
            *GRID_HINTS,
        ),
        resizing_alone(
            "both-sides-exchanged",
            {"grid": "turned", "mode": "turned"},
            "`old` and `new` are both taken for `(cols, rows)`",
            *GRID_HINTS,
        ),
        resizing_alone(
            "down-the-columns",
            {"back": "down"},
            "the new places come down the columns; reading order is along the rows",
            *GRID_HINTS,
        ),
        resizing_alone(
            "front-dropped",
            {"front": "dropped"},
            "the rows in front of the grid are gone: [CLS] has no place",
            *FRONT_HINTS_OF_TABLE,
        ),
        resizing_alone(
            "front-behind",
            {"front": "behind"},
            "the rows of [CLS] and others stand behind the grid; they should stay in front",
            *FRONT_HINTS_OF_TABLE,
        ),
        resizing_alone(
            "front-zeros",
            {"front": "zeros"},
            "the rows in front of the grid are zeros; they should stay as they are",
            *FRONT_HINTS_OF_TABLE,
        ),
        resizing_alone(
            "front-averaged",
            {"front": "mean"},
            "the rows in front of the grid are the mean of the new places; they should stay as "
            "they are",
            *FRONT_HINTS_OF_TABLE,
        ),
        resizing(
            "always-one-in-front",
            {"front": "one"},
            "one row in front is taken for granted; there may be none or several",
            *FRONT_HINTS_OF_TABLE,
        ),
        resizing_alone(
            "table-reshaped-and-one-in-front",
            {"grid": "reshape", "front": "one"},
            "`reshape` makes an image of the table without moving an axis; and one row in front is "
            "taken for granted",
            *TABLE_HINTS,
        ),
        resizing_alone(
            "reshaped-both-ways-and-one-in-front",
            {"grid": "reshape", "back": "reshape", "front": "one"},
            "`reshape` makes an image of the table and a table of the image, no axis was moved; "
            "and one row in front is taken for granted",
            *TABLE_HINTS,
        ),
        resizing_alone(
            "reshaped-back-and-one-in-front",
            {"back": "reshape", "front": "one"},
            "on the way back `reshape` makes rows without moving an axis; and one row in front is "
            "taken for granted",
            *TABLE_HINTS,
        ),
        resizing_alone(
            "corners-aligned-and-one-in-front",
            {"mode": "corners", "front": "one"},
            "the corners are aligned; and one row in front is taken for granted",
            *READ_HINTS,
        ),
        resizing_alone(
            "nearest-and-one-in-front",
            {"mode": "nearest", "front": "one"},
            "each place is copied from a neighbour; and one row in front is taken for granted",
            *READ_HINTS,
        ),
        resizing_alone(
            "bicubic-and-one-in-front",
            {"mode": "bicubic", "front": "one"},
            "the places are read off bicubically; and one row in front is taken for granted",
            *READ_HINTS,
        ),
        resize_slip(
            "one-in-front-and-no-other",
            "one and no other",
            "one row in front is taken for granted; there may be none, or several: then the rest "
            "is no grid",
            *FRONT_HINTS_OF_TABLE,
        ),
        resize_slip(
            "first-row-kept",
            "first row",
            "the grid is the right one, but in front of it always stands the table's first row; "
            "there may be none, or several",
            *FRONT_HINTS_OF_TABLE,
        ),
        resizing_alone(
            "grid-taken-from-the-front",
            {"grid": "front rows"},
            "the grid is taken from the table's first rows, [CLS] among them",
            *FRONT_HINTS_OF_TABLE,
        ),
        resize_slip(
            "as-a-line",
            "line",
            "the table is resized along its places alone, one line, as if they weren't a grid: the "
            "last of a row would be the neighbour of the next row's first",
            *GRID_HINTS,
        ),
        resize_slip(
            "as-a-line-with-cls",
            "whole line",
            "the whole table is read off along one line, [CLS] among the places",
            *FRONT_HINTS_OF_TABLE,
        ),
        resize_slip(
            "numbers-last",
            "numbers last",
            "`F.interpolate` is given the grid with the numbers of a place last: it resizes the "
            "columns and these numbers",
            *TABLE_HINTS,
        ),
        resize_slip(
            "numbers-not-moved-forward",
            "moved back",
            "`F.interpolate` is given the grid with the numbers of a place last, and resizes the "
            "columns and these numbers; they are moved back, and were never moved forward",
            *TABLE_HINTS,
        ),
        resize_slip(
            "no-batch-axis",
            "no batch",
            "the grid has three axes; `F.interpolate` wants (batch, channels, height, width)",
            "Print the shape of what you hand to `F.interpolate`.",
            "It resizes the last two axes of four.",
            "`[None]` puts an axis in front, and `[0]` takes it away again.",
        ),
        resize_slip(
            "one-factor-for-both-reshaped",
            "factor, reshaped",
            "both sides grow by the factor of the rows, so that there are more or fewer places "
            "than asked for; each side has its own factor",
            *GRID_HINTS,
        ),
        resize_slip(
            "grid-returned",
            "grid only",
            "the grid comes out as an image; a table is asked for, with the rows in front",
            *TABLE_HINTS,
        ),
        resize_slip(
            "one-factor-for-both",
            "factor",
            "both sides grow by the factor of the rows; each has its own",
            *GRID_HINTS,
        ),
        resize_slip(
            "a-square-taken-for-granted",
            "square",
            "the old grid is taken for a square, and `old` is not asked",
            *GRID_HINTS,
        ),
        resize_slip(
            "places-repeated",
            "repeated",
            "the old places are repeated in order until there are enough",
            *READ_HINTS,
        ),
        resize_slip(
            "zeros-behind",
            "zeros behind",
            "the table is cut off, or filled up with zeros at its end; nothing is read off",
            *READ_HINTS,
        ),
        resize_slip(
            "not-changed",
            "not changed",
            "the table comes back as it was",
            *READ_HINTS,
        ),
        resize_slip(
            "made-floats",
            "floats",
            "whatever the table is, float32 comes out; the dtype should stay",
            "Hand it a table in float64. What comes out?",
            "The text names no other dtype than the table's.",
            "Leave out `float()` and `dtype=`.",
        ),
        resize_slip(
            "nothing-flows-back",
            "detached",
            "the numbers are right, but no gradient flows back to the table",
            "Hand it a table with `requires_grad`, and call `backward` on the sum.",
            "`detach`, `.data` and `nn.Parameter` cut the way back.",
            "Work with the table itself.",
        ),
        resize_slip(
            "table-edited",
            "edited",
            "the result is right, but the table that came in is changed",
            "Print the table before and after the call.",
            "The old model may still be in use.",
            "Make a new one: `torch.cat` does.",
        ),
    ],
    hints=(
        "Take a table whose numbers tell where a place stands: its row in column 0, its column in "
        "column 1. Do yours grow evenly?",
        "Three steps: part what stands in front from the grid; read the grid off; put both "
        "together again.",
        "Table to (1, d_model, rows, cols), `F.interpolate`, back to (places, d_model): an axis "
        "moves both ways.",
    ),
    allows=Edges(
        dtypes=("float32", "float64"),
        axes=(2,),
        sizes=(1,),
        labels=("nothing in front", "three rows", "smaller", "single place", "same", "gradients"),
    ),
    also_right=[resize_by_matrices, resize_by_sampling, resize_number_by_number],
)

EXERCISES = [PATCHES, RESHAPE, KERNEL, COUNT, VIT, ROLLOUT, RESIZE]
