"""Answer key of chapter 09: counts, first weights, a tied table, the whole model, fair judging."""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from course_lib.grader.judging.edges import in_dtype
from course_lib.grader.judging.key import Case, Edges, Exercise, Mistake, call, case, told_of
from course_lib.nn.blocks import DecoderBlock, EncoderBlock, PostNorm, PreNorm
from course_lib.nn.feedforward import FeedForward
from course_lib.nn.masks import causal_mask, combine_masks, padding_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm
from course_lib.nn.positions.sinusoidal import sinusoidal_positions
from course_lib.nn.stacks import Decoder, Encoder


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator)


def ids_below(generator, limit, *shape, low=0):
    return torch.randint(low, limit, shape, generator=generator)


# --- 09.parameter-count ---------------------------------------------------------------------


def count_cases(generator):
    def size(low, high):
        return int(torch.randint(low, high, (), generator=generator))

    def sizes(heads, layers):
        vocabularies = size(100, 150), size(150, 200)
        return *vocabularies, heads * size(7, 20), heads, size(201, 300), layers

    vocab, _, *same = sizes(3, 2)
    return [
        case("three tables", *sizes(3, 2)),
        case("three tables, said so", *sizes(2, 5), tied=False),
        case("one table for all", vocab, vocab, *same, tied=True),
        case("one layer, one head", *sizes(1, 1)),
        case("one table, another number of target tokens", *sizes(2, 3), True),
        case("one layer, one table", 11, 11, 14, 7, 3, 1, True),
    ]


def wrong_count(
    source_vocab,
    target_vocab,
    d_model,
    num_heads,
    d_ff,
    num_layers,
    tied=False,
    *,
    bias=True,
    network_bias=True,
    norm_bias=True,
    matrices=4,
    attentions=2,
    norms=3,
    layers="both",
    untied=(1, 2),
    tied_tables=1,
    waves=0,
    head_bias=False,
    ever_untied=True,
    final_norms=0,
    heads=False,
):
    attention = matrices * (d_model * d_model + bias * d_model) * (num_heads if heads else 1)
    network = 2 * d_model * d_ff + bias * network_bias * (d_ff + d_model)
    norm = (1 + norm_bias) * d_model
    reader = attention + network + min(norms, 2) * norm
    writer = attentions * attention + network + norms * norm
    blocks = num_layers * (reader + writer)
    if layers == "once":
        blocks = reader + writer
    elif layers == "encoder":
        blocks = num_layers * reader
    elif layers == "halved":
        blocks = num_layers // 2 * (reader + writer)
    of_source, of_target = untied
    rows = of_source * source_vocab + of_target * target_vocab
    tied = tied or not ever_untied
    rows = source_vocab + (tied_tables - 1) * target_vocab if tied else rows
    rest = (
        head_bias * (source_vocab if tied else target_vocab)
        + final_norms * norm
        + waves * 512 * d_model
    )
    return blocks + rows * d_model + rest


def counted_shapes(source_vocab, target_vocab, d_model, num_heads, d_ff, num_layers, tied=False):
    """Right: the shape of every part, written down."""
    attention = [(d_model, d_model), (d_model,)] * 4
    network = [(d_ff, d_model), (d_ff,), (d_model, d_ff), (d_model,)]
    layer = 3 * attention + 2 * network + 5 * [(2, d_model)]
    tables = [(source_vocab, d_model)] + ([] if tied else 2 * [(target_vocab, d_model)])
    return sum(math.prod(shape) for shape in num_layers * layer + tables)


def other_count(
    source_vocab, target_vocab, d_model, num_heads, d_ff, num_layers, tied=False, *, slip
):
    """Mistakes that are not tried in pairs."""
    right = factored(source_vocab, target_vocab, d_model, num_heads, d_ff, num_layers, tied)
    one_head = (d_model + 1) * (d_model - d_model // num_heads) * 3
    tables = d_model * (source_vocab if tied else source_vocab + 2 * target_vocab)
    writer = 8 * d_model * (d_model + 1) + 2 * d_model * d_ff + d_ff + 7 * d_model
    return (
        right
        + {
            "tied to the target": tied * d_model * (target_vocab - source_vocab),
            "no attention biases": -num_layers * 12 * d_model,
            "one bias an attention": -num_layers * 9 * d_model,
            "one head": -num_layers * 3 * one_head,
            "thrice": tied * 2 * d_model * source_vocab,
            "biases of a head": -num_layers * 9 * (d_model - d_model // num_heads),
            "bias down": num_layers * 2 * (d_ff - d_model),
            "three times heads": num_layers * 9 * (num_heads - 1) * d_model * (d_model + 1),
            "one writer": (1 - num_layers) * writer,
            "halved": (num_layers // 2 - num_layers) * ((right - tables) // num_layers),
            "untied bias": (not tied) * target_vocab,
            "one norm a writer": -num_layers * 4 * d_model,
            "three norms a reader": num_layers * 2 * d_model,
            "one matrix": -num_layers * 2 * d_model * d_ff,
            "biases of d_model": num_layers * 2 * (d_model - d_ff),
            "four of a head": -num_layers * 4 * one_head,
            "matrices of a head": -num_layers * 12 * d_model * (d_model - d_model // num_heads),
            "bias always": target_vocab,
            "places": 512 * d_model,
            "turned": d_model * 2 * target_vocab * (1 if tied else -1),
            "tables in layers": (num_layers - 1) * tables,
            "float": 0.0,
        }[slip]
    )


def factored(source_vocab, target_vocab, d_model, num_heads, d_ff, num_layers, tied=False):
    layer = 12 * d_model * (d_model + 1) + 4 * d_model * d_ff + 2 * d_ff + 12 * d_model
    tables = d_model * ({True: 0, False: 2 * target_vocab}[tied] + source_vocab)
    return tables + layer * num_layers


counting = told_of(wrong_count)


COUNT = Exercise(
    id="09.parameter-count",
    title="Count it before you build it",
    kind="predict",
    points=2,
    name="transformer_parameters",
    cases=count_cases,
    mistakes=[
        counting(
            "never-untied",
            {"ever_untied": False},
            "one table is counted, whatever `tied` says",
            "What does your count do when `tied` is False?",
            "Without tying there are three tables.",
            "One of source_vocab rows, two of target_vocab rows.",
        ),
        Mistake(
            "matrices-of-one-head",
            other_count,
            {"slip": "matrices of a head"},
            "the attentions' matrices are counted for one head only, their biases for all",
            (
                "How wide are the queries of all heads together?",
                "All heads together are d_model wide: they share one layer and cut its output.",
                "num_heads doesn't appear in the count at all.",
            ),
        ),
        Mistake(
            "head-with-bias-of-the-target",
            other_count,
            {"slip": "bias always"},
            "the output head is counted with a bias for each token of the target",
            (
                "Which layer of this model has no bias?",
                "The text names it, after the positions.",
                "The head is a table and nothing else.",
            ),
        ),
        Mistake(
            "three-norms-in-the-encoder",
            other_count,
            {"slip": "three norms a reader"},
            "2 · d_model are too many in each layer: a block of the encoder is counted with three "
            "norms, as one of the decoder has them",
            (
                "How many sublayers does a block of the encoder have?",
                "Every sublayer has its own norm.",
                "The encoder's block has two sublayers, so two norms.",
            ),
        ),
        Mistake(
            "places-counted",
            other_count,
            {"slip": "places"},
            "512 rows of positions are counted",
            (
                "What of a wave is learned?",
                "Positions are sines and cosines here: they are computed, not learned.",
                "Leave them out.",
            ),
        ),
        Mistake(
            "tied-but-thrice",
            other_count,
            {"slip": "thrice"},
            "with tying, the one table is counted three times",
            (
                "Tied means the same numbers in several places. How often are they stored?",
                "The source, the target and the head read one and the same table.",
                "Tied, the tables are source_vocab rows of d_model, once.",
            ),
        ),
        Mistake(
            "biases-of-one-head",
            other_count,
            {"slip": "biases of a head"},
            "the biases of queries, keys and values are counted as long as one head",
            (
                "How long is what the layer for the queries gives?",
                "All heads together are d_model wide, and the bias is as long as they.",
                "Each of an attention's four layers has d_model * d_model + d_model numbers.",
            ),
        ),
        Mistake(
            "both-biases-of-d-ff",
            other_count,
            {"slip": "bias down"},
            "both biases of the feed-forward network are counted as d_ff long",
            (
                "How long is what the network's second layer gives?",
                "A bias is as long as its layer's output.",
                "The first layer's has d_ff numbers, the second's d_model.",
            ),
        ),
        counting(
            "all-tables-of-the-source",
            {"untied": (3, 0)},
            "without tying, all three tables are counted with `source_vocab` rows",
            "Into which words does the head turn a vector?",
            "The source has a table, the target has one, and the head has one.",
            "Those of the target and of the head have `target_vocab` rows.",
        ),
        Mistake(
            "queries-keys-values-times-heads",
            other_count,
            {"slip": "three times heads"},
            says="the layers for queries, keys and values are counted once for each head, at full "
            "width",
            hints=(
                "How wide is one head?",
                "All heads together are d_model wide: they share one layer and cut its output.",
                "One of the arguments makes no difference.",
            ),
        ),
        Mistake(
            "one-block-of-the-decoder",
            other_count,
            {"slip": "one writer"},
            says="a single block of the decoder is counted, whatever `num_layers` is",
            hints=(
                "How many blocks has the decoder?",
                "`num_layers` blocks on *each* side.",
                "Look at the brackets: what does num_layers multiply?",
            ),
        ),
        counting(
            "no-biases",
            {"bias": False},
            "the biases of the linear layers are not counted",
            "nn.Linear(a, b) holds more than one matrix.",
            "Count one attention by hand: four layers of d_model to d_model.",
            "Each linear layer has as many biases as it has outputs, in the attentions and in the "
            "networks.",
        ),
        counting(
            "network-biases-forgotten",
            {"network_bias": False},
            "the two biases of the feed-forward networks are not counted",
            "Attention's biases are there. Which other layers have some?",
            "The network goes up to d_ff and down to d_model; both layers have a bias.",
            "One network has d_ff biases on the way up and d_model on the way down.",
        ),
        counting(
            "norms-without-bias",
            {"norm_bias": False},
            "each norm is counted with a weight only",
            "What does LayerNorm multiply by, and what does it add?",
            "LayerNorm of chapter 07 has two vectors.",
            "A norm holds a weight and a bias: 2 · d_model numbers.",
        ),
        counting(
            "no-norms",
            {"norms": 0},
            "the norms are not counted",
            "Which parts of a block are neither attention nor network?",
            "Each sublayer is followed by a norm, and a norm learns two vectors.",
            "Two norms in a block of the encoder, three in one of the decoder.",
        ),
        counting(
            "no-cross-attention",
            {"attentions": 1},
            "a block of the decoder is counted with a single attention",
            "What does a block of the decoder have that a block of the encoder has not?",
            "The writer looks back, and it looks over at the source.",
            "A block of the decoder has two attentions with weights of their own.",
        ),
        counting(
            "two-norms-in-the-decoder",
            {"norms": 2},
            "2 · d_model are missing in each layer: a block of the decoder is counted with two "
            "norms, or neither of a layer's two networks with its biases on the way down",
            "How many sublayers does a block of the decoder have?",
            "Every sublayer has its own norm.",
            "The decoder's block has three sublayers, so three norms.",
        ),
        counting(
            "output-matrix-forgotten",
            {"matrices": 3},
            "the attentions are counted without their output matrix",
            "Which layer comes after the merge of the heads?",
            "Queries, keys, values, and one more.",
            "Four layers of d_model to d_model in each attention.",
        ),
        counting(
            "times-heads",
            {"heads": True},
            "the attentions are multiplied by the number of heads",
            "How wide is one head?",
            "Chapter 05 counted this: the heads share the width.",
            "num_heads doesn't appear in the count at all.",
        ),
        counting(
            "one-block-only",
            {"layers": "once"},
            "the blocks are counted once, not num_layers times",
            "How many blocks stand on each side?",
            "Every block learns its own numbers.",
            "Multiply both kinds of block by num_layers, and nothing else.",
        ),
        counting(
            "encoder-only",
            {"layers": "encoder"},
            "the decoder's blocks are missing",
            "Which half of the drawing did you count?",
            "There are num_layers blocks on each side.",
            "Add num_layers blocks with two attentions, a network and three norms.",
        ),
        counting(
            "head-forgotten",
            {"untied": (1, 1)},
            "without tying, there are two tables in your count; the head's is missing",
            "How do vectors become scores at the end?",
            "The head has one row of d_model weights for each token that it scores.",
            "Untied, there are three tables: source, target, head.",
        ),
        counting(
            "head-over-the-source",
            {"untied": (2, 1)},
            "your head scores the tokens of the source vocabulary",
            "What does the model write: source tokens or target tokens?",
            "The head has one row for each token that may be written.",
            "Untied: one table with source_vocab rows, two with target_vocab rows.",
        ),
        counting(
            "tied-but-twice",
            {"tied_tables": 2},
            "with tying, you still count two tables",
            "Tied means the same numbers in several places. How often are they stored?",
            "The source, the target and the head read one and the same table.",
            "Tied, the tables are source_vocab rows of d_model, once.",
        ),
        counting(
            "tying-ignored",
            {"tied_tables": 3},
            "`tied` makes no difference: three tables are counted either way",
            "What does `tied=True` change in your count?",
            "Shared numbers are stored, and learned, once.",
            "Tied, the tables are source_vocab rows of d_model, once.",
        ),
        counting(
            "head-with-bias",
            {"head_bias": True},
            "the head is counted with a bias",
            "Read the list once more: which layers have a bias?",
            "The head stands outside the blocks.",
            "The head has a matrix and nothing else.",
        ),
        counting(
            "norms-after-the-stacks",
            {"final_norms": 2},
            "one norm after each stack is counted, as pre-norm needs it",
            "Which order is it here, pre-norm or post-norm?",
            "A post-norm block ends with a norm.",
            "No norm stands outside the blocks.",
        ),
        Mistake(
            "tied-to-the-target",
            other_count,
            {"slip": "tied to the target"},
            says="the tied table is counted with `target_vocab` rows",
            hints=(
                "Read the third point of the text: whose rows does the one table have?",
                "The two vocabularies may differ in size; the tied table follows one of them.",
                "Tied, the tables are source_vocab rows of d_model, once.",
            ),
        ),
        Mistake(
            "attention-biases-forgotten",
            other_count,
            {"slip": "no attention biases"},
            says="the biases of the attentions are not counted",
            hints=(
                "The networks' biases are there. Which other layers have some?",
                "An attention has four linear layers, each with a bias.",
                "One attention has four times d_model biases.",
            ),
        ),
        Mistake(
            "one-bias-an-attention",
            other_count,
            {"slip": "one bias an attention"},
            says="each attention is counted with one bias; it has four",
            hints=(
                "Where do the brackets stand in your count of an attention?",
                "Each of the four layers has a bias of its own.",
                "Four times the sum of a matrix and its bias.",
            ),
        ),
        Mistake(
            "one-head-only",
            other_count,
            {"slip": "one head"},
            says="queries, keys and values are counted for one head only",
            hints=(
                "How many numbers do all heads together ask with?",
                "The heads share the width: together they are d_model wide.",
                "Queries, keys and values take d_model to d_model each, whatever num_heads is.",
            ),
        ),
        Mistake(
            "layers-shared-out",
            other_count,
            {"slip": "halved"},
            says="the layers are shared out between the two sides; each side has num_layers",
            hints=(
                "Count for one layer by hand. What does your function say?",
                "num_layers blocks stand on *each* side.",
                "Multiply the sum of both kinds of block by num_layers.",
            ),
        ),
        Mistake(
            "untied-head-with-bias",
            other_count,
            {"slip": "untied bias"},
            says="the head of a model that isn't tied is counted with a bias",
            hints=(
                "Take two target tokens more. By how much should the count grow?",
                "Read the second point of the text: which of the layers have a bias?",
                "The head is one more table: target_vocab rows of d_model, and nothing else.",
            ),
        ),
        Mistake(
            "attention-of-one-head",
            other_count,
            {"slip": "four of a head"},
            says="all four layers of an attention are counted for one head only",
            hints=(
                "How wide are the queries of all heads together?",
                "The heads share the width: num_heads times d_head is d_model.",
                "Each of the four layers goes from d_model to d_model, whatever num_heads is.",
            ),
        ),
        Mistake(
            "tied-turned-round",
            other_count,
            {"slip": "turned"},
            says="`tied` is read the wrong way round: one table is counted where there are three",
            hints=(
                "Which of your two branches runs when `tied` is True?",
                "Tied, there is a single table.",
                "Exchange the two branches.",
            ),
        ),
        Mistake(
            "tables-in-every-layer",
            other_count,
            {"slip": "tables in layers"},
            says="the tables are multiplied by `num_layers`, too",
            hints=(
                "Where do the brackets close in your last line?",
                "Tokens are looked up once, before the first block.",
                "Multiply the blocks by num_layers first, and add the tables then.",
            ),
        ),
        Mistake(
            "as-a-float",
            other_count,
            {"slip": "float"},
            says="you return a float; one whole number is asked for",
            hints=(
                "Print what you return: is there a point in it?",
                "`/` and `** 0.5` give floats, `//` and `*` of whole numbers don't.",
                "Count in whole numbers from the first line to the last.",
            ),
        ),
        Mistake(
            "one-norm-in-the-decoder",
            other_count,
            {"slip": "one norm a writer"},
            says="a block of the decoder is counted with one norm; it has three sublayers",
            hints=(
                "How many norms does a block of the decoder hold?",
                "Each sublayer has a norm of its own.",
                "Three norms in the decoder's block, two in the encoder's.",
            ),
        ),
        Mistake(
            "one-matrix-in-the-network",
            other_count,
            {"slip": "one matrix"},
            says="the feed-forward network is counted with one matrix: it goes up and down again",
            hints=(
                "How does a vector of d_ff numbers become one of d_model?",
                "There are two layers, up and down.",
                "Two matrices of d_model times d_ff, and a bias for each.",
            ),
        ),
        Mistake(
            "both-biases-of-d-model",
            other_count,
            {"slip": "biases of d_model"},
            says="both biases of the feed-forward network are counted as d_model long",
            hints=(
                "How many numbers come out of the first of its two layers?",
                "A bias is as long as what its layer returns.",
                "One bias of d_ff, one of d_model.",
            ),
        ),
    ],
    hints=(
        "Count one block of the encoder by hand, for d_model 2 and d_ff 3, and compare.",
        "Go through the three points of the text, and ask of each word what it adds to the count.",
        "Add up attention, network and norms of a block on either side, times num_layers; then "
        "the tables.",
    ),
    allows=Edges(sizes=(1, 11), labels=("one layer", "one table", "said so")),
    also_right=[counted_shapes, factored],
    bans=("numel", "parameters", "named_parameters", "Transformer"),
)


# --- 09.xavier ------------------------------------------------------------------------------


def xavier_cases(generator):
    def noise(*shape):
        return torch.rand(*shape, generator=generator)

    ends = torch.tensor([[0.0, 1.0, 0.5]])
    return [
        case("narrow to wide", noise(11, 3)),
        case("wide to narrow", noise(2, 7)),
        case("square", noise(5, 5)),
        case("one output, the ends of the range", ends),
        case("no noise but zeros", torch.zeros(3, 2)),
        case("a single weight", noise(1, 1)),
        in_dtype(case("fine", noise(3, 5)), torch.float64),
    ]


def wrong_xavier(noise, *, square=6.0, over="sum", root=True, centre="middle", width=2.0):
    n_out, n_in = noise.shape
    count = {"sum": n_in + n_out, "in": n_in, "out": n_out, "product": n_in * n_out}[over]
    bound = square / count
    bound = bound**0.5 if root else bound
    low = {"middle": 0.5, "start": 0.0}[centre]
    return width * (noise - low) * bound


def slipped_xavier(noise, *, slip):
    """Mistakes that are not tried in pairs."""
    n_out, n_in = noise.shape
    bound = (6 / (n_in + n_out)) ** 0.5
    return {
        "turned": lambda: wrong_xavier(noise).T,
        "single": lambda: wrong_xavier(noise).float(),
        "double": lambda: wrong_xavier(noise).double(),
        "brackets": lambda: (2 * noise - 1) * (6 / n_in + n_out) ** 0.5,
        "root below": lambda: (2 * noise - 1) * 6 / (n_in + n_out) ** 0.5,
        "mean": lambda: (2 * noise - 1) * 2**0.5 * bound,
        "minus 1": lambda: 2 * bound * noise - 1,
        "minus b": lambda: 2 * noise - bound,
        "moved": lambda: noise - bound,
        "not stretched": lambda: noise * bound - bound,
        "twice in": lambda: (2 * noise - 1) * (6 / (2 * n_in)) ** 0.5,
        "twice out": lambda: (2 * noise - 1) * (6 / (2 * n_out)) ** 0.5,
        "root of each": lambda: (2 * noise - 1) * 6**0.5 / (n_in**0.5 + n_out**0.5),
        "in place": lambda: noise.mul_(2).sub_(1).mul_(bound),
        "plain root": lambda: torch.sqrt(6 / (n_in + n_out)),
        "root of 6": lambda: (2 * noise - 1) * 6**0.5 / (n_in + n_out),
        "sign": lambda: (1 - 2 * noise) * bound,
    }[slip]()


def lerped_xavier(noise):
    bound = torch.tensor(math.sqrt(6.0 / sum(noise.shape)), dtype=noise.dtype)
    return torch.lerp(-bound, bound, noise)


def spread_xavier(noise):
    std = math.sqrt(2 / (noise.size(0) + noise.size(1)))
    return (noise - 0.5) * std * math.sqrt(12)


drawing = told_of(wrong_xavier)


XAVIER = Exercise(
    id="09.xavier",
    title="The first weights",
    kind="code",
    points=1,
    name="xavier",
    cases=xavier_cases,
    mistakes=[
        drawing(
            "half-the-variance",
            {"square": 3.0},
            "3 stands under your root, and 6 was asked for",
            "Compare your bound with the text's, number by number.",
            "Even noise between -b and b has a variance of b² / 3: that is where a 3 comes from.",
            "The square of the bound is 6 / (n_in + n_out).",
        ),
        Mistake(
            "minus-b-to-0",
            slipped_xavier,
            {"slip": "not stretched"},
            says="your weights lie between -b and 0: moved down by b, but only b wide",
            hints=(
                "What becomes of noise 1 in your code?",
                "From -b to b it is 2b.",
                "Stretch the noise to twice its width, then move it down by half of that.",
            ),
        ),
        Mistake(
            "twice-the-inputs",
            slipped_xavier,
            {"slip": "twice in"},
            says="the inputs are counted twice and the outputs not at all",
            hints=(
                "Which axis of the noise is n_out?",
                "A matrix that isn't square tells the two apart.",
                "Add both lengths of the shape.",
            ),
        ),
        Mistake(
            "root-of-6-only",
            slipped_xavier,
            {"slip": "root of 6"},
            says="the root covers the 6 only, not the fraction",
            hints=(
                "Write brackets around what stands under the root.",
                "`6 ** 0.5 / n` takes the root first.",
                "First divide, then take the root.",
            ),
        ),
        drawing(
            "not-centred",
            {"centre": "start", "width": 1.0},
            "your weights lie between 0 and b: all are positive",
            "What is the mean of your weights?",
            "Noise of 0 must become -b, not 0.",
            "Stretch the noise to twice its width, then move it down by half of that.",
        ),
        drawing(
            "twice-too-high",
            {"centre": "start"},
            "your weights lie between 0 and 2b: stretched, but not moved down",
            "What is the mean of your weights?",
            "Noise of 0 must become -b, not 0.",
            "Before or after the stretching, something has to be subtracted.",
        ),
        drawing(
            "half-the-range",
            {"width": 1.0},
            "your weights lie between -b/2 and b/2: the range is b wide, not 2b",
            "What does noise of 1 become?",
            "The noise is 1 wide, and the range from -b to b is …",
            "Multiply the centred noise by twice the bound.",
        ),
        drawing(
            "spread-as-bound",
            {"square": 2.0},
            "your bound is the standard deviation that the weights should have",
            "There are two numbers in Xavier's rule, one for a bell curve, one for an even range.",
            "The standard deviation is the root of 2 / (n_in + n_out); the bound is larger.",
            "An even range from -b to b has a standard deviation of b over the root of 3.",
        ),
        drawing(
            "no-root",
            {"root": False},
            "the root is missing: your bound is 6 / (n_in + n_out)",
            "Try a matrix of 3 by 3: what should its bound be, what is yours?",
            "6 / (n_in + n_out) is the square of the bound.",
            "Take the square root of that fraction.",
        ),
        drawing(
            "inputs-only",
            {"over": "in"},
            "only the inputs are counted: a wide output makes no difference",
            "What does your bound do when the layer gets more outputs?",
            "The rule keeps the size on the way forward and on the way back.",
            "The number under the fraction is the sum of both sizes of the matrix.",
        ),
        drawing(
            "outputs-only",
            {"over": "out"},
            "only the outputs are counted: a wide input makes no difference",
            "What does your bound do when the layer gets more inputs?",
            "Each output is a sum over the inputs; more of them make it larger.",
            "The number under the fraction is the sum of both sizes of the matrix.",
        ),
        drawing(
            "product-of-sizes",
            {"over": "product"},
            "the two sizes are multiplied, not added: `numel` counts the weights of the matrix",
            "What stands under the fraction in the rule?",
            "A matrix of 3 by 11 has 33 weights, 3 inputs and 11 outputs.",
            "Add the two sizes of the matrix.",
        ),
        drawing(
            "as-pytorch-draws-linear",
            {"square": 1.0, "over": "in"},
            "your bound is 1 over the root of the inputs, which is how PyTorch fills nn.Linear",
            "Which rule did you write down?",
            "PyTorch's default for nn.Linear is another rule than Xavier's.",
            "Xavier's fraction is 6 over the sum of both sizes of the matrix.",
        ),
        Mistake(
            "turned",
            slipped_xavier,
            {"slip": "turned"},
            says="your weights are (n_in, n_out); the shape of the noise was asked for",
            hints=(
                "Print both shapes.",
                "nn.Linear keeps its weight as (n_out, n_in), as the noise is.",
                "Leave out the transpose.",
            ),
        ),
        Mistake(
            "always-single",
            slipped_xavier,
            {"slip": "single"},
            says="float32 comes out whatever the noise is",
            hints=(
                "Hand in `noise.double()`. Which dtype comes back?",
                "The weights have the dtype of the noise.",
                "Convert nothing: a Python number takes the dtype of the tensor it meets.",
            ),
        ),
        Mistake(
            "always-double",
            slipped_xavier,
            {"slip": "double"},
            says="float64 comes out whatever the noise is",
            hints=(
                "Print the dtype of what you return.",
                "The weights have the dtype of the noise.",
                "Work with Python numbers and the noise itself; neither makes float64.",
            ),
        ),
        Mistake(
            "brackets-missing",
            slipped_xavier,
            {"slip": "brackets"},
            says="6 is divided by the inputs alone, and the outputs are added to that: brackets "
            "are missing",
            hints=(
                "Work out the bound for 3 inputs and 3 outputs by hand: it is 1. What is yours?",
                "Read the rule once more: what stands under the fraction, and what under the root?",
                "Add the two sizes in brackets; the root goes around the whole fraction.",
            ),
        ),
        Mistake(
            "root-below-only",
            slipped_xavier,
            {"slip": "root below"},
            says="the root is taken of the sum alone, not of the fraction",
            hints=(
                "Work out the bound for 3 inputs and 3 outputs by hand: it is 1. What is yours?",
                "Read the rule once more: what stands under the fraction, and what under the root?",
                "Add the two sizes in brackets; the root goes around the whole fraction.",
            ),
        ),
        Mistake(
            "mean-of-sizes",
            slipped_xavier,
            {"slip": "mean"},
            says="6 is divided by the mean of both sizes, not by their sum",
            hints=(
                "Work out the bound for 3 inputs and 3 outputs by hand: it is 1. What is yours?",
                "Read the rule once more: what stands under the fraction, and what under the root?",
                "Add the two sizes in brackets; the root goes around the whole fraction.",
            ),
        ),
        Mistake(
            "one-subtracted-last",
            slipped_xavier,
            {"slip": "minus 1"},
            says="the noise is stretched to 2b, and then 1 is subtracted, not b",
            hints=(
                "What do noise 0, noise 1 and noise one half become in your code?",
                "Stretch, then move: what is moved has to be measured in the same units.",
                "Either centre the noise first and stretch it, or stretch it to 2b and subtract b.",
            ),
        ),
        Mistake(
            "bound-subtracted-only",
            slipped_xavier,
            {"slip": "minus b"},
            says="the noise is stretched to 2, not to 2b, before b is subtracted",
            hints=(
                "What do noise 0, noise 1 and noise one half become in your code?",
                "Stretch, then move: what is moved has to be measured in the same units.",
                "Either centre the noise first and stretch it, or stretch it to 2b and subtract b.",
            ),
        ),
        Mistake(
            "moved-not-stretched",
            slipped_xavier,
            {"slip": "moved"},
            says="b is subtracted, but the noise is as wide as before",
            hints=(
                "What do noise 0, noise 1 and noise one half become in your code?",
                "Stretch, then move: what is moved has to be measured in the same units.",
                "Either centre the noise first and stretch it, or stretch it to 2b and subtract b.",
            ),
        ),
        Mistake(
            "sign-turned",
            slipped_xavier,
            {"slip": "sign"},
            says="the range is the wrong way round: noise 0 becomes b",
            hints=(
                "What do noise 0, noise 1 and noise one half become in your code?",
                "Stretch, then move: what is moved has to be measured in the same units.",
                "Either centre the noise first and stretch it, or stretch it to 2b and subtract b.",
            ),
        ),
        Mistake(
            "twice-the-outputs",
            slipped_xavier,
            {"slip": "twice out"},
            says="the outputs are counted twice and the inputs not at all",
            hints=(
                "Which axis of the noise is n_in?",
                "A matrix that isn't square tells the two apart.",
                "Add both lengths of the shape.",
            ),
        ),
        Mistake(
            "noise-overwritten",
            slipped_xavier,
            {"slip": "in place"},
            says="the noise itself is overwritten; it belongs to whoever calls",
            hints=(
                "Print the noise after your call. Is it still between 0 and 1?",
                "`mul_`, `*=` and the like change the tensor that came in.",
                "Write `noise * …`, without `=` behind the star: this makes a new tensor.",
            ),
        ),
        Mistake(
            "root-of-a-plain-number",
            slipped_xavier,
            {"slip": "plain root"},
            says="`torch.sqrt` takes a tensor, and your fraction is a plain number",
            hints=(
                "What kind of thing are the lengths of a shape?",
                "Plain numbers have `** 0.5`; `math.sqrt` would need an import.",
                "Write the fraction in brackets, and `** 0.5` behind it.",
            ),
        ),
        Mistake(
            "root-of-each-size",
            slipped_xavier,
            {"slip": "root of each"},
            says="the root is taken of each size by itself, and the roots are added",
            hints=(
                "Is the root of 9 + 16 the same as 3 + 4?",
                "First the sizes are added, then the fraction is made, and the root comes last.",
                "One pair of brackets holds the whole fraction.",
            ),
        ),
    ],
    hints=(
        "Hand in `torch.tensor([[0.0, 1.0, 0.5]])` and look at the three weights.",
        "Two things are to be found: the bound, from the shape, and the way from 0…1 to -b…b.",
        "Work out b from both sizes; then stretch the noise to twice b around 0.",
    ),
    allows=Edges(dtypes=("float64",), sizes=(1,), special=("zeros",), labels=("square",)),
    also_right=[lerped_xavier, spread_xavier],
    axes="n_out n_in",
    bans=("xavier_uniform_", "xavier_normal_"),
)


# --- 09.tied-head ---------------------------------------------------------------------------


def tied_cases(generator):
    def tried(label, vocab, d_model, *planned, **more):
        state = {"weight": normal(generator, vocab, d_model)}
        init = {"vocab_size": vocab, "d_model": d_model}
        return Case(label, planned, init=init, state=state, **more)

    def embed(*shape, vocab):
        return call(ids_below(generator, vocab, *shape), method="embed")

    def score(*shape):
        return call(normal(generator, *shape), method="score")

    return [
        tried("the way in", 11, 5, embed(2, 3, vocab=11)),
        tried("the way out", 11, 5, score(2, 3, 5), grad=True),
        tried("in, then out", 7, 13, embed(1, 5, vocab=7), score(1, 5, 13)),
        tried("in, then out, other sizes", 7, 13, embed(3, 1, vocab=7), score(2, 3, 13)),
        tried("more numbers than tokens", 3, 17, embed(2, 7, vocab=3), score(2, 7, 17)),
        tried("as many numbers as tokens", 6, 6, score(1, 2, 6)),
    ]


class WrongTable(nn.Module):
    def __init__(
        self,
        vocab_size,
        d_model,
        *,
        scale_in=lambda d: d**0.5,
        scale_out=lambda d: 1.0,
        then=None,
        unit=False,
        turned=False,
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(vocab_size, d_model))
        self.scale_in, self.scale_out = scale_in(d_model), scale_out(d_model)
        self.then, self.unit, self.turned = then, unit, turned

    def embed(self, ids):
        return self.weight[ids] * self.scale_in

    def score(self, x):
        table = F.normalize(self.weight, dim=-1) if self.unit else self.weight
        scores = x @ (table if self.turned else table.T) * self.scale_out
        return self.then(scores) if self.then else scores


class VocabularyScaled(WrongTable):
    """Scales by the other axis of the table."""

    def __init__(self, vocab_size, d_model):
        super().__init__(vocab_size, d_model)
        self.scale_in = vocab_size**0.5


class DetachedTable(WrongTable):
    """Reads the table beside the graph, on one of its two ways."""

    def __init__(self, vocab_size, d_model, *, way):
        super().__init__(vocab_size, d_model)
        self.way = way

    def embed(self, ids):
        rows = super().embed(ids)
        return rows.detach() if self.way == "in" else rows

    def score(self, x):
        return x @ self.weight.detach().T if self.way == "out" else super().score(x)


def of_scores(function):
    """A function of the scores over the vocabulary, the last axis."""
    return lambda scores: function(scores, dim=-1)


class FunctionalTable(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(vocab_size, d_model))

    def embed(self, ids):
        return math.sqrt(self.weight.size(-1)) * F.embedding(ids, self.weight)

    def score(self, x):
        return F.linear(x, self.weight)


class SummedTable(FunctionalTable):
    def embed(self, ids):
        one_hot = F.one_hot(ids, self.weight.shape[0]).float()
        return one_hot @ (self.weight * self.weight.shape[1] ** 0.5)

    def score(self, x):
        return torch.einsum("btd,vd->btv", x, self.weight)


tying = told_of(WrongTable)


class CalledTable(WrongTable):
    """Calls the table, as one calls an `nn.Embedding`, or hands it to `F.embedding` first."""

    def __init__(self, vocab_size, d_model, *, swapped):
        super().__init__(vocab_size, d_model)
        self.swapped = swapped

    def embed(self, ids):
        rows = F.embedding(self.weight, ids) if self.swapped else self.weight(ids)
        return rows * self.scale_in


class LengthScaled(WrongTable):
    """Scales by the number of tokens in a row."""

    def embed(self, ids):
        return self.weight[ids] * ids.shape[-1] ** 0.5


class SlippedTable(WrongTable):
    """Other ways in and out; not tried in pairs."""

    def __init__(self, vocab_size, d_model, *, slip):
        super().__init__(vocab_size, d_model)
        self.slip = slip

    def embed(self, ids):
        rows = {
            "columns": lambda: self.weight[:, ids],
            "turned": lambda: self.weight.T[ids],
            "narrow": lambda: F.one_hot(ids).to(self.weight.dtype) @ self.weight,
            "unit rows": lambda: F.normalize(self.weight[ids], dim=-1),
        }
        return rows.get(self.slip, lambda: self.weight[ids])() * self.scale_in

    def score(self, x):
        if self.slip == "cosine":
            return F.normalize(x, dim=-1) @ F.normalize(self.weight, dim=-1).T
        return super().score(x)


slipping = told_of(SlippedTable, "slip")


TIED = Exercise(
    id="09.tied-head",
    title="One table, two jobs",
    kind="code",
    points=2,
    name="TiedTable",
    cases=tied_cases,
    mistakes=[
        slipping(
            "columns-come-in",
            "columns",
            "your way in picks columns of the table: behind the comma stands the second axis",
            "What does the table's first axis count?",
            "A token's numbers are a row: `weight[ids]` picks rows, `weight[:, ids]` columns.",
            "Put the ids in the first place of the square brackets.",
        ),
        slipping(
            "table-turned-coming-in",
            "turned",
            "your way in reads the table turned round: each token gets a column",
            "What does the table's first axis count?",
            "The table is (vocab, d_model), and its rows are what a token gets.",
            "Only the way out needs the table turned.",
        ),
        slipping(
            "one-hot-too-narrow",
            "narrow",
            "`F.one_hot` is as wide as the largest id that occurs, and the table has more rows",
            "What shape does `F.one_hot(ids)` have, and what shape the table?",
            "It can't know how many tokens there are, unless it is told.",
            "Hand it the number of tokens, or pick the rows with square brackets.",
        ),
        slipping(
            "unit-rows-come-in",
            "unit rows",
            "the rows are made of length 1 on the way in; the text multiplies them as they are",
            "Double a row of the table. Does what comes in double?",
            "The text asks for the row, times the root of d_model, and nothing else.",
            "Leave the normalising out.",
        ),
        slipping(
            "cosines",
            "cosine",
            "both sides are made of length 1 before the product: those are cosines",
            "Double `x`. Do your scores double?",
            "A dot product is asked for: lengths count.",
            "Use both as they are.",
        ),
        tying(
            "not-scaled",
            {"scale_in": lambda d: 1.0},
            "the rows come in as they are, without the root of d_model",
            "How large is a number of your embedded tokens, how large one of the waves?",
            "The table is kept small for the head; the way in makes up for it.",
            "Multiply the rows by the root of the table's width.",
        ),
        tying(
            "scaled-by-the-width",
            {"scale_in": lambda d: d},
            "the rows are multiplied by d_model, not by its root",
            "A table of width 16: what should the factor be?",
            "A vector of d numbers of size 1 has a length of root d.",
            "Take the square root of the width.",
        ),
        tying(
            "divided",
            {"scale_in": lambda d: d**-0.5},
            "the rows are divided by the root of d_model",
            "Does your embedding grow or shrink the table's rows?",
            "In attention one divides by a root. Here the small table is made larger.",
            "Multiply by the root of the width.",
        ),
        Mistake(
            "scaled-by-the-vocabulary",
            VocabularyScaled,
            {},
            says="the rows are multiplied by the root of the number of tokens",
            hints=(
                "Which axis of the table has the width?",
                "The table is (vocab, d_model).",
                "The factor comes from the second axis of the table.",
            ),
        ),
        tying(
            "scaled-out-too",
            {"scale_out": lambda d: d**0.5},
            "the scores are multiplied by the root of d_model, too",
            "How large are your scores at width 512?",
            "The table is small so that the scores need no factor.",
            "Only the way in is scaled.",
        ),
        tying(
            "scaled-down-at-the-end",
            {"scale_out": lambda d: d**-0.5},
            "the scores are divided by the root of d_model, as in attention",
            "Where does the exercise speak of a root?",
            "Some models do that (T5). This one keeps its table small instead.",
            "The way out is a product and nothing else.",
        ),
        tying(
            "softmax",
            {"then": of_scores(torch.softmax)},
            "probabilities come out, not logits: softmax is one step too many",
            "Do your scores sum to 1?",
            "The loss of chapter 04 wants logits; it takes the softmax itself.",
            "Return the dot products as they are.",
        ),
        tying(
            "log-softmax",
            {"then": of_scores(torch.log_softmax)},
            "logarithms of probabilities come out, not logits",
            "Are all of your scores below 0?",
            "The loss of chapter 04 wants logits; it takes the softmax itself.",
            "Return the dot products as they are.",
        ),
        tying(
            "rows-of-length-one",
            {"unit": True},
            "the rows are made of length 1 before the product: only their direction counts",
            "Double a row of the table. Does its score double?",
            "A dot product is asked for, not a cosine.",
            "Use the table as it is.",
        ),
        tying(
            "table-not-turned",
            {"turned": True},
            "the product is taken with the table's columns: it fits only a square table, and is "
            "wrong there",
            "Which axis of the table has to meet the last axis of x?",
            "A square table hides it: try a table with more tokens than numbers.",
            "The table is (vocab, d_model); the product needs (d_model, vocab).",
        ),
        Mistake(
            "learns-nothing-coming-in",
            DetachedTable,
            {"way": "in"},
            says="the numbers are right, but on the way in nothing flows back to the table: it "
            "can't learn",
            hints=(
                "Call backward on what comes out, and print `weight.grad`.",
                "`detach`, `.data` and `no_grad` give the right numbers, and learn nothing.",
                "Use `self.weight` itself.",
            ),
        ),
        Mistake(
            "learns-nothing-going-out",
            DetachedTable,
            {"way": "out"},
            says="the numbers are right, but on the way out nothing flows back to the table: it "
            "can't learn",
            hints=(
                "Call backward on what comes out, and print `weight.grad`.",
                "`detach`, `.data` and `no_grad` give the right numbers, and learn nothing.",
                "Use `self.weight` itself.",
            ),
        ),
        Mistake(
            "table-called",
            CalledTable,
            {"swapped": False},
            says="the table is called like a function: it is a parameter, and has rows to pick",
            hints=(
                "What does `type(self.weight)` say?",
                "An `nn.Embedding` can be called; the table here is a bare parameter.",
                "Pick rows with square brackets, or with `F.embedding`.",
            ),
        ),
        Mistake(
            "ids-and-table-exchanged",
            CalledTable,
            {"swapped": True},
            says="`F.embedding` is given the table first; it wants the ids first",
            hints=(
                "Which of your two arguments holds whole numbers?",
                "The order is: what is looked up, then where.",
                "Hand in the ids, then the table, or use square brackets.",
            ),
        ),
        Mistake(
            "best-token",
            WrongTable,
            {"then": lambda scores: scores.argmax(dim=-1)},
            says="the best token comes back, not a score for each",
            hints=(
                "What shape does your result have?",
                "The loss wants a score for every token, and so does whoever draws one.",
                "Return the dot products as they are.",
            ),
        ),
        Mistake(
            "scaled-by-the-length",
            LengthScaled,
            {},
            says="the rows are multiplied by the root of the number of tokens in a row",
            hints=(
                "What does your factor become for a sentence twice as long?",
                "The text names d_model, the width of the table.",
                "The factor comes from the second axis of the table.",
            ),
        ),
    ],
    hints=(
        "Make a table of 3 tokens and 2 numbers, and work out both ways by hand.",
        "Write the axes under each tensor: the table is (vocab, d_model); what goes in, what "
        "comes out?",
        "The way in picks rows and makes them larger; the way out is a product with the table "
        "turned round.",
    ),
    allows=Edges(sizes=(1,), labels=("more numbers than tokens", "as many numbers as tokens")),
    also_right=[FunctionalTable, SummedTable],
)


# --- 09.transformer -------------------------------------------------------------------------

SIZES = {
    "vocab_size": 13,
    "d_model": 14,
    "num_heads": 2,
    "num_layers": 1,
    "d_ff": 11,
    "max_len": 9,
    "pad_id": 5,
}


def learned(generator, model):
    """A state that has learned something: no zero biases, no norms that do nothing."""
    state = {}
    for name, value in model.state_dict().items():
        drawn = normal(generator, *value.shape)
        if "norm" in name and name.endswith("weight"):
            state[name] = 1 + 0.4 * drawn
        elif value.ndim == 1:
            state[name] = 0.4 * drawn
        else:
            of_rows = "table" in name or "places" in name
            state[name] = drawn * (0.6 if of_rows else 1.3 / value.shape[1] ** 0.5)
    return state


def sentences(generator, vocab, pad_id, seq, pads):
    """Rows of ids without `pad_id`, then padded (left, right) as told."""
    ids = ids_below(generator, vocab - 1, len(pads), seq)
    ids = ids + (ids >= pad_id)
    for row, (left, right) in zip(ids, pads, strict=True):
        row[:left] = pad_id
        row[seq - right :] = pad_id
    ids[0, seq // 2] = vocab - 1  # is no place: there are more tokens than places
    return ids


def transformer_cases(generator):
    def tried(label, source, target, split=False, twice=False, **sizes):
        init = SIZES | sizes
        state = learned(generator, WrongTransformer(**init))

        def ids(seq, pads):
            return sentences(generator, init["vocab_size"], init["pad_id"], seq, pads)

        source, target = ids(*source), ids(*target)
        memory = normal(generator, *source.shape, init["d_model"])
        planned = [
            call(source, method="encode"),
            call(target, memory, source, method="decode"),
        ]
        whole = [call(source, target)]
        if twice:  # the same sizes, padded elsewhere: a mask that was kept is wrong
            whole.append(call(source.flip(0), target.flip(0)))
        return Case(label, planned if split else whole, init=init, state=state)

    none = (0, 0)
    return [
        tried("no padding, two layers", (7, [none, none]), (4, [none, none]), num_layers=2),
        tried("a padded source", (7, [none, (0, 3)]), (4, [none, none])),
        tried("equally long, padded on the left", (5, [(2, 0), none]), (5, [(1, 0), none])),
        tried(
            "padded on the right",
            (3, [(0, 1), none, (0, 2)]),
            (4, [none, (0, 2), (0, 1)]),
            twice=True,
        ),
        tried(
            "encode and decode apart, as long as may be",
            (4, [none, (0, 2)]),
            (4, [none, none]),
            True,
            pad_id=0,
            max_len=4,
        ),
    ]


@cache
def parts_of(
    vocab_size, d_model, num_heads, num_layers, d_ff, max_len, around=PreNorm, shared=False, made=""
):
    """The parts of one model of these sizes; each case loads its weights before it runs."""

    def look():
        exchanged = made == "heads exchanged"
        return MultiHeadAttention(*(num_heads, d_model) if exchanged else (d_model, num_heads))

    def think():
        bends = {"gelu": F.gelu, "class of the bend": nn.ReLU}
        if made == "widths exchanged":
            return FeedForward(d_ff, d_model)
        if made == "bend called":
            F.relu()
        return FeedForward(d_model, d_ff, **({"activation": bends[made]} if made in bends else {}))

    def norm():
        return LayerNorm(d_model)

    wraps = {"a class": around, "a norm": norm, "a width": lambda: around(d_model)}
    wrap = wraps.get(made, lambda: around(norm()))
    num_layers = 1 if made == "one layer" else num_layers

    def blocks(make):
        return [make()] * num_layers if shared else [make() for _ in range(num_layers)]

    readers = blocks(lambda: EncoderBlock(look(), think(), wrap))
    writers = blocks(lambda: DecoderBlock(look(), look(), think(), wrap))
    parts = {
        "table": nn.Embedding(vocab_size, d_model),
        "places_source": nn.Embedding(max_len, d_model),
        "places_target": nn.Embedding(max_len, d_model),
        "encoder": Encoder(readers, norm()),
        "decoder": Decoder(writers, norm()),
    }
    if made == "head":
        parts["head"] = nn.Linear(d_model, vocab_size, bias=False)
    if made == "head with bias":
        parts["head"] = nn.Linear(d_model, vocab_size)
    if made == "places of tokens":
        parts |= {f"places_{side}": nn.Embedding(vocab_size, d_model) for side in SIDES}
    return parts


SIDES = ("source", "target")


class WrongTransformer(nn.Module):
    """The model with its steps exchangeable, so that each mistake is one of them."""

    def __init__(
        self,
        vocab_size,
        d_model,
        num_heads,
        num_layers,
        d_ff,
        max_len,
        pad_id,
        *,
        scaled=(),
        places=("source", "target"),
        first=0,
        kind="learned",
        on=("source", "target"),
        one_head=False,
        source_mask="padding",
        target_masks=("padding", "future"),
        memory_mask="padding",
        read=True,
        memory="of the encoder",
        last_norms=("encoder", "decoder"),
        finish="table",
        reads_again=False,
        detached=(),
        around=PreNorm,
        shared=False,
        made="",
    ):
        super().__init__()
        self.pad_id, self.scaled, self.places = pad_id, scaled, places
        self.first, self.kind, self.on, self.source_mask = first, kind, on, source_mask
        self.target_masks, self.memory_mask, self.read = target_masks, memory_mask, read
        self.memory, self.last_norms, self.finish = memory, last_norms, finish
        self.reads_again, self.detached = reads_again, detached
        sizes = (vocab_size, d_model, 1 if one_head else num_heads, num_layers, d_ff, max_len)
        for name, part in parts_of(*sizes, around, shared, made).items():
            setattr(self, name, part)

    def placed(self, ids, side):
        x, seq = self.table(ids), ids.shape[1]
        if side in self.scaled:
            x = x * x.shape[-1] ** 0.5
        tables = {"source": self.places_source, "target": self.places_target}
        other = {"source": "target", "target": "source"}[side]
        which = {"source for both": "source", "exchanged": other}.get(self.kind, side)
        first = self.first if side in self.on else 0
        rows = tables[which](torch.arange(first, first + seq))
        if self.kind == "of the batch" and side in self.on:
            rows = tables[which](torch.arange(len(ids)))
        if self.kind == "length" and side in self.on:
            rows = tables[which](seq)
        if self.kind == "padding left out" and side in self.on:
            rows = tables[which]((ids != self.pad_id).cumsum(dim=1).sub(1).clamp(min=0))
        if self.kind == "none at padding" and side in self.on:
            rows = rows * (ids != self.pad_id)[..., None]
        if self.kind == "waves":
            rows = sinusoidal_positions(seq, x.shape[-1])
        if self.kind == "last row":
            rows = tables[which].weight[-seq:]
        return x + rows if side in self.places else x

    def padding(self, ids):
        return padding_mask(ids, self.pad_id)

    def stacked(self, name, stack, *given):
        if name in self.last_norms:
            x = stack(*given)
            return stack.norm(x) if name + " twice" in self.last_norms else x
        x, *rest = given
        for block in stack.blocks:
            x = block(x, *rest)
        return x

    def encode(self, source):
        x = self.placed(source, "source")
        causal = causal_mask(source.shape[1])
        mask = {"padding": self.padding(source), "none": None}
        mask["causal too"] = mask["padding"] & causal
        mask["inverted"] = ~mask["padding"]
        mask["of the queries"] = mask["padding"].mT
        mask["both ways"] = mask["padding"] & mask["padding"].mT
        mask["two axes"] = source != self.pad_id
        x = self.stacked("encoder", self.encoder, x, mask[self.source_mask]) if self.read else x
        return x.detach() if "memory" in self.detached else x

    def decode(self, target, memory, source):
        y = self.placed(target, "target")
        mask = torch.ones(1, 1, target.shape[1], target.shape[1], dtype=torch.bool)
        if "padding" in self.target_masks:
            mask = mask & self.padding(target)
        if "future" in self.target_masks:
            mask = mask & causal_mask(target.shape[1])
        if "past hidden" in self.target_masks:
            mask = mask & causal_mask(target.shape[1]).T
        if "either" in self.target_masks:
            mask = self.padding(target) | causal_mask(target.shape[1])
        if "self" in self.target_masks:
            mask = mask & ~torch.eye(target.shape[1], dtype=torch.bool)
        over = {"padding": self.padding(source), "none": None, "looking back": mask}
        over |= {"target's": self.padding(target), "inverted": ~self.padding(source)}
        if "padding inverted" in self.target_masks:
            mask = ~self.padding(target) & causal_mask(target.shape[1])
        if "two axes" in self.target_masks:
            mask = combine_masks(causal_mask(target.shape[1]), target != self.pad_id)
        if self.memory_mask == "memory's":
            padding_mask(memory, self.pad_id)
        if self.reads_again:
            memory = self.encode(source)
        if self.memory_mask == "past":
            place = torch.arange(target.shape[1])[:, None], torch.arange(source.shape[1])[None]
            over["past"] = over["padding"] & (place[1] <= place[0])
        if self.memory == "rows":
            memory = self.table(source)
        if self.memory == "rows and places":
            memory = self.placed(source, "source")
        memory = y if self.memory == "of itself" else memory
        y, memory = (memory, y) if self.memory == "exchanged" else (y, memory)
        over |= {"exchanged": over["padding"]}
        over_mask = mask if self.memory == "of itself" else over[self.memory_mask]
        masks = (over_mask, mask) if self.memory_mask == "exchanged" else (mask, over_mask)
        return self.finished(self.stacked("decoder", self.decoder, y, memory, *masks))

    def finished(self, y):
        rows = self.table.weight.detach() if "table" in self.detached else self.table.weight
        if self.finish == "bare":
            return y
        if self.finish == "places":
            return y @ self.places_target.weight.T
        if self.finish == "looked up":
            return self.table(y)
        if self.finish == "last place":
            return y[:, -1] @ rows.T
        logits = y @ rows.T
        root = y.shape[-1] ** 0.5
        logits = {"divided": logits / root, "multiplied": logits * root}.get(self.finish, logits)
        last = {"softmax": torch.softmax, "log-softmax": torch.log_softmax}
        if self.finish == "best":
            return logits.argmax(dim=-1)
        return last[self.finish](logits, dim=-1) if self.finish in last else logits

    def forward(self, source, target):
        return self.decode(target, self.encode(source), source)


class WrongMasks(WrongTransformer):
    """Mistakes of masks: a class of its own, so that pairs are tried among these only."""


class WrongStep(WrongTransformer):
    """One other mistake; these are not tried in pairs, so that the check stays fast."""

    def __init__(self, *sizes, step, **named_sizes):
        super().__init__(*sizes, **named_sizes, **step)


class ShiftsInside(WrongTransformer):
    """Cuts the last token of the target off, as whoever trains it has done before."""

    def decode(self, target, memory, source):
        return super().decode(target[:, :-1], memory, source)


class RollsInside(WrongTransformer):
    """Moves the target on by one place, as whoever trains it has done before."""

    def __init__(self, *sizes, front, **named_sizes):
        super().__init__(*sizes, **named_sizes)
        self.front = front

    def decode(self, target, memory, source):
        moved = target.roll(1, dims=1)
        if self.front == "padding":
            moved = F.pad(target, (1, -1), value=self.pad_id)
        return super().decode(moved, memory, source)


class IdlePadding(WrongTransformer):
    """Its table has a row that doesn't learn from what is looked up."""

    def placed(self, ids, side):
        rows = F.embedding(ids, self.table.weight, padding_idx=self.pad_id)
        return super().placed(ids, side) - self.table(ids) + rows


class ZeroIsPad(WrongTransformer):
    """Hides the id 0, whatever `pad_id` says."""

    def padding(self, ids):
        return padding_mask(ids, 0)


class TurnedPadding(WrongTransformer):
    """Shows padding and hides the rest, on both sides; the future stays hidden."""

    def padding(self, ids):
        return ~padding_mask(ids, self.pad_id)


class SplitTransformer(WrongTransformer):
    """Right: block by block, each mask spelled out, each product an einsum."""

    def encode(self, source):
        place = torch.arange(source.shape[1]).expand_as(source)
        x = F.embedding(source, self.table.weight)
        x = F.embedding(place, self.places_source.weight) + x
        for block in self.encoder.blocks:
            x = block(x, (source != self.pad_id)[:, None, None, :])
        return self.encoder.norm(x)

    def decode(self, target, memory, source):
        seq = target.shape[1]
        y = F.embedding(target, self.table.weight) + self.places_target.weight[None, :seq]
        back = torch.tensor([[j <= i for j in range(seq)] for i in range(seq)])
        back = back[None, None] & (target != self.pad_id)[:, None, None, :]
        for block in self.decoder.blocks:
            y = block(y, memory, back, (source != self.pad_id)[:, None, None, :])
        return torch.einsum("btd,vd->btv", self.decoder.norm(y), self.table.weight)


class LonelyTransformer(WrongTransformer):
    """Right: one sentence at a time."""

    def encode(self, source):
        read = super().encode
        return torch.cat([read(row[None]) for row in source])

    def decode(self, target, memory, source):
        write = super().decode
        rows = zip(target, memory, source, strict=True)
        return torch.cat([write(t[None], m[None], s[None]) for t, m, s in rows])


def building(name, function, flags, says, *hints):
    return Mistake(name, function, flags, says, hints)


one_step = told_of(WrongStep, "step")


class NormsForgotten(WrongTransformer):
    """Stacks that end with their last block: the check finds no weights for their norms."""

    def __init__(self, *sizes, sides, **named_sizes):
        super().__init__(*sizes, **named_sizes)
        for side in sides:
            stack = getattr(self, side)
            setattr(self, side, type(stack)(stack.blocks))


class WrongRows(WrongTransformer):
    """Tables that are read along the wrong axis, and stop the model by that."""

    def __init__(self, *sizes, which, **named_sizes):
        super().__init__(*sizes, **named_sizes)
        self.which = which

    def placed(self, ids, side):
        if self.which == "whole":
            return self.table(ids) + getattr(self, f"places_{side}").weight
        if self.which == "ids":
            return self.table(ids) + self.places_source(ids)
        return super().placed(ids, side)

    def finished(self, y):
        return y @ self.table.weight if self.which == "columns" else super().finished(y)


def around_called(vocab_size, d_model, num_heads, num_layers, d_ff, max_len, pad_id):
    parts = MultiHeadAttention(d_model, num_heads), FeedForward(d_model, d_ff)
    return EncoderBlock(*parts, PreNorm(LayerNorm(d_model)))


TURNED_HINTS = (
    "Print the mask of a source without padding. Who may look at whom?",
    "True means: may look.",
    "Compare with `!=`, not with `==`, or take `padding_mask` as it comes.",
)
BATCH_HINTS = (
    "What are `len(ids)` and `ids.shape[1]` for two sentences of five tokens?",
    "Axis 0 counts sentences, axis 1 tokens.",
    "`torch.arange(ids.shape[1])`.",
)
AXES_HINTS = (
    "Print the shape of your mask, and that of what `padding_mask` gives.",
    "Two axes of length 1 stand for all heads and all queries.",
    "`padding_mask(ids, self.pad_id)`, or `(ids != self.pad_id)[:, None, None, :]`.",
)
RESIDUAL_HINTS = (
    "How does `EncoderBlock` use `residual`? It calls it once for each sublayer.",
    "`residual` is a function without arguments, and what it returns goes around one sublayer.",
    "`lambda: PreNorm(LayerNorm(d_model))`, handed over without calling it.",
)
TIED_HINTS = (
    "Print the names of `state_dict()`. Which of them does the text not know?",
    "One table serves three times: both sides look rows up in it, and the scores are products "
    "with it.",
    "`x @ self.table.weight.T`.",
)

MODEL = Exercise(
    id="09.transformer",
    title="The whole model, your own",
    kind="build",
    points=4,
    name="Transformer",
    cases=transformer_cases,
    mistakes=[
        one_step(
            "past-hidden",
            {"target_masks": ("padding", "past hidden")},
            "the target's causal mask is transposed: each token sees itself and the future",
            "Which row of your mask has a single True?",
            "Rows are queries: the first one may see the first key only.",
            "Use `causal_mask` as it comes.",
        ),
        one_step(
            "encoder-mask-along-the-queries",
            {"source_mask": "of the queries"},
            "the encoder's mask lies along the queries: padding looks at nothing, and everybody "
            "looks at padding",
            "Change what stands at a padded place of the source. Does the memory of a word change?",
            "Who is looked at is the last axis of a mask, who looks the last but one.",
            "`[:, None, None, :]`, or `padding_mask`.",
        ),
        Mistake(
            "padding-masks-inverted",
            TurnedPadding,
            {},
            says="the padding masks are the wrong way round: padding is seen, and no word is",
            hints=(
                "Print the mask of a source without padding. Who may look at whom?",
                "True means: may look.",
                "Compare with `!=`, not with `==`.",
            ),
        ),
        one_step(
            "either-is-enough",
            {"target_masks": ("either",)},
            "the target's two masks are joined by *or*: what one of them shows is seen",
            "Change the last token of the target. Do logits before it change?",
            "A token is seen where both masks let it.",
            "Join them with `&`, or with `combine_masks`.",
        ),
        one_step(
            "padding-has-no-place",
            {"kind": "padding left out"},
            "places are counted without padding",
            "Which row of the table is added to the first word behind two tokens of padding?",
            "Counted from 0, padding included.",
            "`torch.arange(ids.shape[1])` for every sentence.",
        ),
        *(
            one_step(
                f"padding-has-no-place-in-the-{side}",
                {"kind": "padding left out", "on": (side,)},
                f"places are counted without padding, in the {side}",
                "Which row of the table is added to the first word behind two tokens of padding?",
                "Counted from 0, padding included.",
                "`torch.arange(ids.shape[1])` for every sentence.",
            )
            for side in ("source", "target")
        ),
        *(
            one_step(
                f"nothing-added-to-padding{''.join('-of-the-' + side for side in sides[1:])}",
                {"kind": "none at padding", "on": sides[:1] or ("source", "target")},
                "padding gets no place; the text adds a place to every token, padding included",
                "What is added to a token of padding?",
                "Counted from 0, padding included. Masks alone keep padding from being looked at.",
                "Add the rows of places as they are.",
            )
            for sides in ((), ("source", "source"), ("target", "target"))
        ),
        *(
            one_step(
                f"places-from-one-in-the-{side}",
                {"first": 1, "on": (side,)},
                f"the places of the {side} are counted from 1: the first token gets row 1",
                "Which row of the table belongs to the first token?",
                "Row t is added to token t, counted from 0.",
                "`torch.arange(n)` begins with 0.",
            )
            for side in ("source", "target")
        ),
        one_step(
            "one-head",
            {"one_head": True},
            "the attentions have one head each, whatever `num_heads` says",
            "Where in your code does `num_heads` occur?",
            "The number of heads changes no weight's shape, so nothing crashes without it.",
            "Hand `num_heads` to every `MultiHeadAttention`.",
        ),
        *(
            one_step(
                f"notes-are-{what.replace(' ', '-')}",
                {"memory": what},
                "the cross-attention reads the source's embedded tokens, not what the encoder made "
                "of them",
                "Change `memory` alone. Does your output move?",
                "`decode` is handed what `encode` returned; `source` is for the mask.",
                "Give the decoder `memory`.",
            )
            for what in ("rows", "rows and places")
        ),
        *(
            one_step(
                f"{side}-normed-twice",
                {"last_norms": ("encoder", "decoder", f"{side} twice")},
                f"what leaves the {side} is normed twice: the stack has its last norm inside",
                f"Print the parts of `self.{side}`. Which is its last?",
                "`Encoder(blocks, norm)` and `Decoder(blocks, norm)` end with their norm.",
                "Take the stack's result as it is.",
            )
            for side in ("encoder", "decoder")
        ),
        *(
            Mistake(
                f"rolled-inside-{front}-in-front",
                RollsInside,
                {"front": front},
                says="`decode` moves the target on by one place, which whoever calls it has done",
                hints=(
                    "Which token does your decoder see at place 0?",
                    "The target begins with its start mark: it comes shifted already.",
                    "Read the target as it comes.",
                ),
            )
            for front in ("last", "padding")
        ),
        Mistake(
            "padding-learns-nothing",
            IdlePadding,
            {},
            says="the values are right, but the table's row of padding doesn't learn from what is "
            "looked up, as with `padding_idx`; the text asks for a plain `nn.Embedding`",
            hints=(
                "Compare `table.weight.grad` of both ways, row by row.",
                "`padding_idx` keeps one row's gradient at 0. Masks hide padding already.",
                "Make the table with its two sizes alone.",
            ),
        ),
        Mistake(
            "shifts-inside",
            ShiftsInside,
            {},
            says="the last token of the target is cut off inside of the model: logits are one "
            "place short",
            hints=(
                "How many tokens has the target, and for how many do logits come out?",
                "Whoever trains the model shifts; `target` is what the decoder is given.",
                "Use `target` as it comes.",
            ),
        ),
        one_step(
            "scaled-as-in-2017",
            {"scaled": ("source", "target")},
            "the table's rows are multiplied by the root of d_model, as the paper's are",
            "Which of the paper's steps does this model leave out?",
            "The factor brought small rows up to the size of the waves. Here places are learned.",
            "Add the rows of the table and of the places as they are.",
        ),
        one_step(
            "source-scaled",
            {"scaled": ("source",)},
            "the source's rows are multiplied by the root of d_model; the target's are not",
            "Are `encode` and `decode` alike in what they do to a token's row?",
            "The factor brought small rows up to the size of the waves. Here places are learned.",
            "Add the rows of the table and of the places as they are, on both sides.",
        ),
        one_step(
            "no-places",
            {"places": ()},
            "nobody knows where a token stands: the places are missing on both sides",
            "Swap two tokens of the source. Does anything change but their places?",
            "Chapter 06 showed what attention knows about order.",
            "Add row t of the table of places to token t, on both sides.",
        ),
        one_step(
            "no-places-in-the-source",
            {"places": ("target",)},
            "the places are missing in the source: to your encoder it is a bag of tokens",
            "Swap two tokens of the source. Does the memory change but for their places?",
            "Which of the two sides gets places?",
            "Add `places_source` in `encode`.",
        ),
        one_step(
            "no-places-in-the-target",
            {"places": ("source",)},
            "the places are missing in the target",
            "Does your decoder know how many tokens it has written?",
            "Which of the two sides gets places?",
            "Add `places_target` in `decode`.",
        ),
        one_step(
            "places-from-one",
            {"first": 1},
            "places are counted from 1: the first token gets the second row",
            "Which row of the table of places does the first token get?",
            "The text says from where places are counted.",
            "Use `torch.arange(seq)`, which begins with 0.",
        ),
        one_step(
            "source-places-for-both",
            {"kind": "source for both"},
            "the target's tokens get the source's places",
            "How many tables of places has the model, and which of them does `decode` use?",
            "Each side has places of its own.",
            "Use `places_target` in `decode`.",
        ),
        one_step(
            "places-exchanged",
            {"kind": "exchanged"},
            "the two tables of places have changed sides",
            "Which table of places does `encode` use?",
            "Their names say whose places they are.",
            "Use `places_source` in `encode` and `places_target` in `decode`.",
        ),
        one_step(
            "places-from-the-end",
            {"kind": "last row"},
            "the *last* rows of the table of places are taken, not the first",
            "Which row does the first token of a short text get?",
            "How is your slice of the table cut?",
            "Take the rows 0 to seq - 1.",
        ),
        one_step(
            "waves",
            {"kind": "waves"},
            "waves are added, as in 2017; the learned places are never used",
            "Which parts of your `__init__` does `encode` use?",
            "Chapter 06 knows two ways to say where a token stands. Which one is asked for?",
            "Add rows of `places_source` and `places_target`.",
        ),
        one_step(
            "post-norm",
            {"around": PostNorm},
            "the blocks are post-norm: they norm after adding, as in 2017",
            "What goes around a sublayer in your blocks?",
            "`PostNorm` and `PreNorm` have weights of the same names, so both load.",
            "Give the blocks `lambda: PreNorm(LayerNorm(d_model))`.",
        ),
        one_step(
            "no-last-norms",
            {"last_norms": ()},
            "the last norm of both stacks is never used",
            "How large are the numbers that leave your stacks?",
            "Nothing norms the last sum of a pre-norm stack.",
            "Hand the norm to `Encoder` and `Decoder`, or call it behind the last block.",
        ),
        one_step(
            "no-last-norm-in-the-encoder",
            {"last_norms": ("decoder",)},
            "the encoder's last norm is never used",
            "How large are the numbers of your memory?",
            "Nothing norms the last sum of a pre-norm stack.",
            "Hand the norm to `Encoder`, or call it behind the last block.",
        ),
        one_step(
            "no-last-norm-in-the-decoder",
            {"last_norms": ("encoder",)},
            "the decoder's last norm is never used",
            "How large are the numbers that meet the table?",
            "Nothing norms the last sum of a pre-norm stack.",
            "Hand the norm to `Decoder`, or call it behind the last block.",
        ),
        one_step(
            "normed-twice",
            {"last_norms": ("encoder", "decoder", "encoder twice", "decoder twice")},
            "the last norms are applied twice: a stack that holds its norm calls it itself",
            "What does `Encoder(blocks, norm)` do behind its last block?",
            "Look at chapter 07: who calls the last norm?",
            "Call the stack, and leave its norm to it.",
        ),
        one_step(
            "blocks-shared",
            {"shared": True},
            "all layers are one block: whatever is loaded last is used in each of them",
            "How many parameters does your model have with one layer, with two?",
            "`[block] * n` is n times the same block.",
            "Make each block anew, in a loop or a comprehension.",
        ),
        building(
            "encoder-reads-padding",
            WrongMasks,
            {"source_mask": "none"},
            "the encoder looks at padding: it was called without a mask",
            "Pad a source by three more tokens. Does its memory change?",
            "Three attentions need a mask. Which one has none?",
            "Pass the source's padding mask to the encoder.",
        ),
        one_step(
            "encoder-sees-the-past-only",
            {"source_mask": "causal too"},
            "the encoder may not look ahead, although the whole source is known",
            "Does a word of your source know what comes after it?",
            "The causal mask keeps the writer from peeking. The reader may read on.",
            "The encoder's mask hides padding and nothing else.",
        ),
        one_step(
            "encoder-mask-turned-round",
            {"source_mask": "inverted"},
            "the encoder looks at nothing but padding: its mask is the wrong way round",
            "What does True mean in a mask of this course?",
            "`padding_mask` says True where a token may be looked at.",
            "Pass the padding mask as it comes, without ~.",
        ),
        building(
            "cross-attention-sees-padding",
            WrongMasks,
            {"memory_mask": "none"},
            "the cross-attention looks at padding of the source",
            "Pad a source by three more tokens. Do the logits change?",
            "The memory has a vector for every place of the source, padding too.",
            "Pass the source's padding mask as the decoder's memory_mask.",
        ),
        one_step(
            "cross-attention-is-causal",
            {"memory_mask": "past"},
            "the first written token may look at the first source token only, and so on: the "
            "cross-attention has a causal mask",
            "Can your first written token look at the last token of the source?",
            "The source is known from the start; nothing in it is the future.",
            "The memory_mask hides the source's padding and nothing else.",
        ),
        building(
            "future-seen",
            WrongMasks,
            {"target_masks": ("padding",)},
            "the target looks ahead: every token sees the one that it should guess",
            "Change the last token of the target. Do logits before it change?",
            "The target's self-attention needs two masks at once.",
            "Combine the causal mask with the target's padding mask.",
        ),
        building(
            "target-padding-seen",
            WrongMasks,
            {"target_masks": ("future",)},
            "the target looks at its own padding, which shows where it stands on the left",
            "What does the first real token see when padding stands before it?",
            "The target's self-attention needs two masks at once.",
            "Combine the causal mask with the target's padding mask.",
        ),
        building(
            "no-mask-for-the-target",
            WrongMasks,
            {"target_masks": ()},
            "the target's self-attention has no mask at all: it sees the future and the padding",
            "Change the last token of the target. Do logits before it change?",
            "Which argument of the decoder is for its self-attention?",
            "Combine the causal mask with the target's padding mask and pass it to the decoder.",
        ),
        one_step(
            "not-even-itself",
            {"target_masks": ("padding", "future", "self")},
            "a target token may not look at itself, so the first one sees nothing",
            "What does the first token of the target see?",
            "The target is shifted already: a token is known when the next one is guessed.",
            "Leave the diagonal open, as `causal_mask` does.",
        ),
        one_step(
            "encoder-left-out",
            {"read": False},
            "the memory is the embedded source: the encoder was not called",
            "What does `encode` return in your code?",
            "The decoder shall look at what was understood, not at bare tokens.",
            "Send the embedded source through `self.encoder`.",
        ),
        one_step(
            "memory-unused",
            {"memory": "of itself"},
            "the cross-attention looks at the target itself: the source makes no difference",
            "Change the source. Do the logits change?",
            "The decoder is called with two sequences. Which is the second in your code?",
            "The second argument of the decoder is the memory.",
        ),
        one_step(
            "softmax",
            {"finish": "softmax"},
            "probabilities come out, not logits: softmax is one step too many",
            "Do your rows sum to 1?",
            "The loss of chapter 04 wants logits; it takes the softmax itself.",
            "Return the dot products as they are.",
        ),
        one_step(
            "log-softmax",
            {"finish": "log-softmax"},
            "logarithms of probabilities come out, not logits",
            "Are all of your scores below 0?",
            "The loss of chapter 04 wants logits; it takes the softmax itself.",
            "Return the dot products as they are.",
        ),
        one_step(
            "head-left-out",
            {"finish": "bare"},
            "vectors come out, not scores: the head is missing",
            "What is the last axis of your output?",
            "One score for each token that may come next: how many are there?",
            "Return the dot product of each vector with every row of the table.",
        ),
        one_step(
            "places-as-head",
            {"finish": "places"},
            "the scores are dot products with the places, not with the tokens",
            "What is the last axis of your output?",
            "There is one score for each token of the vocabulary. Which table has a row for each?",
            "Multiply with `self.table.weight`, transposed.",
        ),
        one_step(
            "scores-divided",
            {"finish": "divided"},
            "the scores are divided by the root of d_model",
            "What is the dot product of the first output vector with the first row of the table?",
            "The root belongs into attention, between queries and keys.",
            "Return the dot products as they are.",
        ),
        one_step(
            "scores-multiplied",
            {"finish": "multiplied"},
            "the scores are multiplied by the root of d_model",
            "What is the dot product of the first output vector with the first row of the table?",
            "The paper's factor was for the way in, and this model has none.",
            "Return the dot products as they are.",
        ),
        one_step(
            "target-mask-over-the-source",
            {"memory_mask": "target's"},
            "the cross-attention has the target's padding mask: it fits only when both are "
            "equally long",
            "Which three attentions are there, and who is looked at in each?",
            "A mask is made from the ids of those who are looked at.",
            "Source's padding for the encoder and for the cross-attention; causal and target's "
            "padding for the target's self-attention.",
        ),
        one_step(
            "one-mask-for-both",
            {"memory_mask": "looking back"},
            "the mask of the self-attention is used for the cross-attention, too: it fits only "
            "when both are equally long",
            "Which three attentions are there, and who is looked at in each?",
            "A mask is made from the ids of those who are looked at.",
            "Source's padding for the encoder and for the cross-attention; causal and target's "
            "padding for the target's self-attention.",
        ),
        one_step(
            "masks-exchanged",
            {"memory_mask": "exchanged"},
            "the decoder's two masks have changed places",
            "Which three attentions are there, and who is looked at in each?",
            "A mask is made from the ids of those who are looked at.",
            "Source's padding for the encoder and for the cross-attention; causal and target's "
            "padding for the target's self-attention.",
        ),
        one_step(
            "no-masks",
            {"source_mask": "none", "target_masks": (), "memory_mask": "none"},
            "no mask is used anywhere",
            "Which three attentions are there, and who is looked at in each?",
            "A mask is made from the ids of those who are looked at.",
            "Source's padding for the encoder and for the cross-attention; causal and target's "
            "padding for the target's self-attention.",
        ),
        Mistake(
            "zero-is-pad",
            ZeroIsPad,
            {},
            says="the id 0 is hidden, and `pad_id` is never asked",
            hints=(
                "In some vocabularies 0 is an ordinary token.",
                "`__init__` is told the id of the padding. Where do you keep it?",
                "Give the masks `self.pad_id`.",
            ),
        ),
        one_step(
            "read-again",
            {"reads_again": True},
            "`decode` reads the source anew, and what it is handed as `memory` is not used",
            "Hand `decode` zeros for a memory. Do the logits change?",
            "Whoever writes token by token reads once and writes many times.",
            "Use the `memory` that comes in.",
        ),
        one_step(
            "encoder-learns-nothing",
            {"detached": ("memory",)},
            "the logits are right, but nothing flows back to the encoder: it can't learn",
            "Call backward on the logits, and look at the gradients of the encoder.",
            "`detach` and `no_grad` give the right numbers, and learn nothing.",
            "Let the memory be what the encoder returned.",
        ),
        one_step(
            "head-learns-nothing",
            {"detached": ("table",)},
            "the logits are right, but the table learns nothing in its job as a head",
            "Call backward on the logits, and look at the table's gradient for a token that occurs "
            "nowhere.",
            "`detach`, `.data` and `no_grad` give the right numbers, and learn nothing.",
            "Multiply with `self.table.weight` itself.",
        ),
        one_step(
            "source's-masks-turned-round",
            {"source_mask": "inverted", "memory_mask": "inverted"},
            "the source's padding masks are the wrong way round, in the encoder and in "
            "cross-attention: padding is seen, and no word is",
            *TURNED_HINTS,
        ),
        one_step(
            "memory's-mask-turned-round",
            {"memory_mask": "inverted"},
            "cross-attention's mask is the wrong way round: padding is seen, and no word is",
            *TURNED_HINTS,
        ),
        one_step(
            "target's-padding-turned-round",
            {"target_masks": ("padding inverted",)},
            "the target's padding mask is the wrong way round: padding is seen, and no word is",
            *TURNED_HINTS,
        ),
        one_step(
            "padding-looks-nowhere",
            {"source_mask": "both ways"},
            "the encoder's padding is hidden twice: nobody looks at it, and it looks at nothing, "
            "so that its own vectors change",
            "Print one row of your mask, that of a padded query. May it look anywhere?",
            "What a mask says is who may be looked *at*.",
            "`padding_mask(source, self.pad_id)` as it comes.",
        ),
        one_step(
            "mask-of-two-axes",
            {"source_mask": "two axes"},
            "the encoder's mask is (batch, source); attention wants (batch, heads, query, key)",
            *AXES_HINTS,
        ),
        one_step(
            "target's-padding-of-two-axes",
            {"target_masks": ("two axes",)},
            "the target's padding is (batch, target) when it is joined with the causal mask, "
            "(query, key): their axes don't mean the same",
            *AXES_HINTS,
        ),
        one_step(
            "padding-of-the-memory",
            {"memory_mask": "memory's"},
            "cross-attention's mask is made of the memory; padding is told by the source's ids",
            "What does `padding_mask` compare with `pad_id`?",
            "The memory holds vectors, and no vector says whether it stands for padding.",
            "`padding_mask(source, self.pad_id)`: `decode` is handed the source for it.",
        ),
        one_step(
            "places-of-the-batch",
            {"kind": "of the batch"},
            "places of the target are counted along the batch, or those of both sides: as many "
            "rows as there are sentences, not tokens",
            *BATCH_HINTS,
        ),
        one_step(
            "places-of-the-batch-in-the-source",
            {"kind": "of the batch", "on": ("source",)},
            "places of the source are counted along the batch: as many rows as there are "
            "sentences, not tokens",
            *BATCH_HINTS,
        ),
        one_step(
            "memory-and-target-exchanged",
            {"memory": "exchanged"},
            "the decoder is handed the memory first, and the target as its memory",
            "In which order does the text call `self.decoder`?",
            "What is written comes first; what is looked at is the memory.",
            "`self.decoder(x, memory, mask, memory_mask)`.",
        ),
        one_step(
            "network's-widths-exchanged",
            {"made": "widths exchanged"},
            "`FeedForward` is handed d_ff first; d_model comes first",
            "What stands in the brackets of your `FeedForward`, and what in the text?",
            "A network reads and gives d_model numbers, and is d_ff wide inside.",
            "`FeedForward(d_model, d_ff)`.",
        ),
        one_step(
            "place-of-the-length",
            {"kind": "length"},
            "the table of places is handed one number, the length; it looks up a tensor of rows",
            "Which rows does a sentence of three tokens need?",
            "An embedding is called with a tensor of whole numbers.",
            "`self.places_source(torch.arange(source.shape[1]))`.",
        ),
        one_step(
            "gelu",
            {"made": "gelu"},
            "the networks bend with GELU; the text asks for the usual ReLU",
            "Print your model. Which activation do its networks show?",
            "`FeedForward` takes ReLU unless it is told otherwise.",
            "`FeedForward(d_model, d_ff)`.",
        ),
        one_step(
            "class-of-the-activation",
            {"made": "class of the bend"},
            "`activation` is the class `nn.ReLU`: called with numbers it makes a layer of them",
            "What does `nn.ReLU(torch.ones(2))` give?",
            "A class of `nn` is made first, and what it makes is called.",
            "`FeedForward(d_model, d_ff)` takes ReLU by itself.",
        ),
        one_step(
            "activation-called",
            {"made": "bend called"},
            "`F.relu()` is called where it should be handed over: there is nothing yet to bend",
            "What do the brackets behind a function's name do?",
            "`FeedForward` calls its activation itself, between its two layers.",
            "`FeedForward(d_model, d_ff)` takes ReLU by itself.",
        ),
        one_step(
            "heads-and-width-exchanged",
            {"made": "heads exchanged"},
            "`MultiHeadAttention` is handed the number of heads first; the width comes first",
            "What stands in the brackets of your `MultiHeadAttention`, and what in the text?",
            "It cuts its first argument into as many heads as the second says.",
            "`MultiHeadAttention(d_model, num_heads)`.",
        ),
        one_step(
            "residual-is-a-class",
            {"made": "a class"},
            "`residual` is `PreNorm` itself, which wants a norm; it should be a function that "
            "needs nothing and makes a `PreNorm`",
            *RESIDUAL_HINTS,
        ),
        one_step(
            "residual-is-a-norm",
            {"made": "a norm"},
            "`residual` makes a bare norm; it should make a `PreNorm` with a norm in it",
            *RESIDUAL_HINTS,
        ),
        one_step(
            "residual-of-a-width",
            {"made": "a width"},
            "`PreNorm` is handed `d_model`; it wants a norm of that width",
            *RESIDUAL_HINTS,
        ),
        one_step(
            "one-layer",
            {"made": "one layer"},
            "a single block a side is made, whatever `num_layers` says",
            "Make it with `num_layers=2` and print the model.",
            "Each side takes a list of blocks, each made anew.",
            "`[EncoderBlock(…) for _ in range(num_layers)]`.",
        ),
        one_step(
            "head-of-its-own",
            {"made": "head"},
            "the model has a head of its own; here the table makes the scores, too",
            *TIED_HINTS,
        ),
        one_step(
            "head-of-its-own-with-bias",
            {"made": "head with bias"},
            "the model has a head of its own, with a bias; here the table makes the scores, too",
            *TIED_HINTS,
        ),
        one_step(
            "head-looks-up",
            {"finish": "looked up"},
            "the table is called with vectors: it looks rows up by ids, and a head multiplies",
            *TIED_HINTS,
        ),
        one_step(
            "places-for-tokens",
            {"made": "places of tokens"},
            "the tables of places have a row for each token of the vocabulary; they need one for "
            "each place, `max_len`",
            "Print the shapes of your two tables of places.",
            "A table's first number is how many different things it holds a row for.",
            "`nn.Embedding(max_len, d_model)`.",
        ),
        one_step(
            "last-place-only",
            {"finish": "last place"},
            "only the last token's scores come back; every token of the target gets some",
            "What shape does your result have?",
            "In training every token asks for the one behind it.",
            "Multiply all of the decoder's vectors with the table.",
        ),
        one_step(
            "best-tokens",
            {"finish": "best"},
            "the best token comes back, not a score for each",
            "What shape does your result have?",
            "The loss wants a score for every token, and so does whoever draws one.",
            "Return the products with the table as they are.",
        ),
        Mistake(
            "stacks-without-norms",
            NormsForgotten,
            {"sides": ("encoder", "decoder")},
            says="both stacks lack the norm behind their last block: pre-norm needs it",
            hints=(
                "What do `Encoder` and `Decoder` take besides the blocks?",
                "In pre-norm nobody norms what the last block adds.",
                "Hand each stack a `LayerNorm(d_model)` of its own behind its blocks.",
            ),
        ),
        Mistake(
            "encoder-without-norm",
            NormsForgotten,
            {"sides": ("encoder",)},
            says="the encoder lacks the norm behind its last block: pre-norm needs it",
            hints=(
                "What does `Encoder` take besides the blocks?",
                "In pre-norm nobody norms what the last block adds.",
                "Hand each stack a `LayerNorm(d_model)` of its own behind its blocks.",
            ),
        ),
        Mistake(
            "decoder-without-norm",
            NormsForgotten,
            {"sides": ("decoder",)},
            says="the decoder lacks the norm behind its last block: pre-norm needs it",
            hints=(
                "What does `Decoder` take besides the blocks?",
                "In pre-norm nobody norms what the last block adds.",
                "Hand each stack a `LayerNorm(d_model)` of its own behind its blocks.",
            ),
        ),
        Mistake(
            "places-not-cut",
            WrongRows,
            {"which": "whole"},
            says="the whole table of places is added: it has `max_len` rows, and the sentence "
            "is shorter",
            hints=(
                "Print the shapes of the two things that you add.",
                "Token t gets row t; the rows behind the last token are for nobody.",
                "Take as many rows from the start of the table as there are tokens.",
            ),
        ),
        Mistake(
            "places-of-ids",
            WrongRows,
            {"which": "ids"},
            says="the table of places is asked for the row of each id, not of each place",
            hints=(
                "Which row of the places does the first token get?",
                "What a token is and where it stands are two questions, for two tables.",
                "Ask the table of places for 0, 1, 2 and so on, as many as there are tokens.",
            ),
        ),
        Mistake(
            "table-not-turned",
            WrongRows,
            {"which": "columns"},
            says="the output vectors meet the table's columns; they have to meet its rows",
            hints=(
                "Which axis of the table is as long as an output vector?",
                "The table is (vocab, d_model); the product needs (d_model, vocab).",
                "Turn the table's weight round before the product.",
            ),
        ),
        Mistake(
            "around-handed-in",
            around_called,
            {},
            says="something finished is handed in as `residual`; a block calls it, once for "
            "each sublayer, to make one",
            hints=(
                "What does `EncoderBlock` do with `residual`?",
                "A finished `PreNorm` wants `x` when it is called.",
                "Hand in a function without arguments that makes a new `PreNorm` each time.",
            ),
        ),
    ],
    hints=(
        "Do the names and shapes of `state_dict()` agree with the text's, none too many, none too "
        "few? Then print the shape after each line of `encode` and `decode`.",
        "Change one thing at a time and see what moves: a padded source token, the last target "
        "token, two source tokens exchanged.",
        "Each side is: rows of the table, plus rows of its places, through its stack with its "
        "masks; the writer's side ends with the table again.",
    ),
    allows=Edges(
        labels=("no padding", "two layers", "on the left", "on the right", "equally long", "apart")
    ),
    also_right=[SplitTransformer, LonelyTransformer],
    axes="batch target vocab",
    bans=("Transformer", "TransformerEncoder", "TransformerDecoder"),
)


# --- 09.shared-blocks-bug -------------------------------------------------------------------


def stack_cases(generator):
    def tried(label, seq, d_model, num_heads, d_ff, num_layers):
        init = {
            "d_model": d_model,
            "num_heads": num_heads,
            "d_ff": d_ff,
            "num_layers": num_layers,
        }
        state = learned(generator, wrong_stack(**init))
        # some norms have the same name in every block, so all of them must differ
        return Case(label, [call(normal(generator, 2, seq, d_model))], init=init, state=state)

    return [
        tried("two blocks", 3, 6, 2, 5, 2),
        tried("three blocks", 5, 8, 4, 3, 3),
        tried("a single block", 4, 6, 1, 7, 1),
        tried("one word", 1, 6, 2, 5, 2),
    ]


def wrong_stack(
    d_model,
    num_heads,
    d_ff,
    num_layers,
    *,
    attention="each",
    network="each",
    norms="each sublayer",
    block="each",
    count=lambda n: n,
    order=PostNorm,
):
    """An encoder in which parts may be shared between blocks."""

    def look():
        return MultiHeadAttention(d_model, num_heads)

    def think():
        return FeedForward(d_model, d_ff)

    def around():
        norm = LayerNorm(d_model)
        return order(norm)

    one_look, one_think, one_norm = look(), think(), around()
    two_norms = [around(), around()]

    def make():
        of_block = around()
        in_turn = iter(two_norms)
        residual = {
            "each sublayer": around,
            "each block": lambda: of_block,
            "each kind": lambda: next(in_turn),
            "all": lambda: one_norm,
        }[norms]
        parts = (
            look() if attention == "each" else one_look,
            think() if network == "each" else one_think,
        )
        return EncoderBlock(*parts, residual)

    if block == "one":
        blocks = [make()] * count(num_layers)
    else:
        blocks = [make() for _ in range(count(num_layers))]
    return Encoder(blocks)


def one_block(d_model, num_heads, d_ff, num_layers):
    return wrong_stack(d_model, num_heads, d_ff, num_layers, count=lambda n: 1)


def pre_norm_stack(d_model, num_heads, d_ff, num_layers):
    return wrong_stack(d_model, num_heads, d_ff, num_layers, order=PreNorm)


def one_block_more(d_model, num_heads, d_ff, num_layers):
    return wrong_stack(d_model, num_heads, d_ff, num_layers, count=lambda n: n + 1)


def bare_blocks(d_model, num_heads, d_ff, num_layers, *, kind):
    return kind(wrong_stack(d_model, num_heads, d_ff, num_layers).blocks)


def norm_handed_in(d_model, num_heads, d_ff, num_layers):
    parts = MultiHeadAttention(d_model, num_heads), FeedForward(d_model, d_ff)
    return Encoder([EncoderBlock(*parts, PostNorm(LayerNorm(d_model)))])


def appended_stack(d_model, num_heads, d_ff, num_layers):
    def around():
        return PostNorm(LayerNorm(d_model))

    blocks = []
    while len(blocks) < num_layers:
        attention, network = MultiHeadAttention(d_model, num_heads), FeedForward(d_model, d_ff)
        blocks.append(EncoderBlock(attention, network, around))
    return Encoder(blocks)


def copied_stack(d_model, num_heads, d_ff, num_layers):
    """Copies of one block: alike at first, but each with numbers of its own."""
    import copy

    block = EncoderBlock(
        MultiHeadAttention(d_model, num_heads),
        FeedForward(d_model, d_ff),
        lambda: PostNorm(LayerNorm(d_model)),
    )
    return Encoder([copy.deepcopy(block) for _ in range(num_layers)])


sharing = told_of(wrong_stack)


def norm_at_the_end(d_model, num_heads, d_ff, num_layers):
    return Encoder(wrong_stack(d_model, num_heads, d_ff, num_layers).blocks, LayerNorm(d_model))


def bare_around(d_model, num_heads, d_ff, num_layers):
    parts = MultiHeadAttention(d_model, num_heads), FeedForward(d_model, d_ff)
    return Encoder(EncoderBlock(*parts, lambda: LayerNorm(d_model)) for _ in range(num_layers))


STACK = Exercise(
    id="09.shared-blocks-bug",
    title="Six blocks, the parameters of one",
    kind="bug",
    points=2,
    name="make_encoder",
    cases=stack_cases,
    mistakes=[
        sharing(
            "all-shared",
            {"attention": "one", "network": "one", "norms": "all"},
            "all blocks share one attention, one network and one norm",
            "Print the number of parameters for one layer and for six.",
            "A part that is made before the loop is made once.",
            "Make the attention and the network inside the loop; let `residual` make a new norm "
            "each time.",
        ),
        sharing(
            "attention-shared",
            {"attention": "one"},
            "all blocks share one attention",
            "Which parts are made once, before the loop?",
            "Print `len(set(map(id, encoder.parameters())))` for two layers and for three.",
            "Make the attention inside the loop.",
        ),
        sharing(
            "network-shared",
            {"network": "one"},
            "all blocks share one feed-forward network",
            "Which parts are made once, before the loop?",
            "Print `len(set(map(id, encoder.parameters())))` for two layers and for three.",
            "Make the network inside the loop.",
        ),
        sharing(
            "one-norm-for-all",
            {"norms": "all"},
            "every norm of every block is one and the same",
            "How often is `residual()` called, and what does it return each time?",
            "A function that returns a norm made elsewhere returns the same one each time.",
            "Make the norm inside the function.",
        ),
        sharing(
            "one-norm-for-each-block",
            {"norms": "each block"},
            "the two norms within a block are one and the same",
            "How many norms does a block of chapter 07 have?",
            "`residual()` is called twice in each block. Does it return two different things?",
            "Make the norm inside the function, not inside the loop.",
        ),
        sharing(
            "norms-shared-between-blocks",
            {"norms": "each kind"},
            "the blocks share their two norms",
            "Count the parameters of one block and of two.",
            "Every block has two norms that no other block has.",
            "Make the norm inside the function that is passed as `residual`.",
        ),
        sharing(
            "a-repeated-block",
            {"block": "one"},
            "there is one block, repeated: `[block] * n` and a block made before the loop copy "
            "the reference, not the block",
            "Print the number of parameters for one layer and for six.",
            "`[x] * 3` is a list of three times the same x.",
            "Make each block inside the loop.",
        ),
        Mistake(
            "pre-norm",
            pre_norm_stack,
            {},
            says="the norms come first: that is pre-norm, and post-norm was asked for",
            hints=(
                "Which class did the stub put around the sublayers?",
                "Post-norm: add, then norm.",
                "Use `PostNorm`, with a new norm each time.",
            ),
        ),
        Mistake(
            "one-block",
            one_block,
            {},
            says="there is one block, whatever `num_layers` says",
            hints=(
                "Print `len(encoder.blocks)` for six layers.",
                "Where does `num_layers` stand in your code?",
                "Make one block for each of `range(num_layers)`.",
            ),
        ),
        Mistake(
            "other-parts",
            one_block_more,
            {},
            says="your encoder doesn't hold the parameters of `num_layers` post-norm blocks: some "
            "are missing, too many, or of another name or size",
            hints=(
                "Print `[name for name, _ in encoder.named_parameters()]` for two layers.",
                "Each block: attention, feed-forward, two norms. The encoder: `num_layers` "
                "blocks, and nothing else.",
                "Keep the stub's calls as they are; move only where its three parts are made.",
            ),
        ),
        Mistake(
            "a-list",
            bare_blocks,
            {"kind": list},
            says="a list of blocks comes back, not an `Encoder`",
            hints=(
                "Print what your function returns.",
                "The text asks for an `Encoder`, which hands a mask from block to block.",
                "Put the blocks into `Encoder(…)`, as the stub did.",
            ),
        ),
        Mistake(
            "a-module-list",
            bare_blocks,
            {"kind": nn.ModuleList},
            says="the bare blocks come back, in a ModuleList or a Sequential, not in an `Encoder`",
            hints=(
                "Print what your function returns.",
                "The text asks for an `Encoder`, which hands a mask from block to block.",
                "Put the blocks into `Encoder(…)`, as the stub did.",
            ),
        ),
        Mistake(
            "a-norm-for-a-function",
            norm_handed_in,
            {},
            says="a finished `PostNorm` is handed in as `residual`; a function that makes one was "
            "asked for",
            hints=(
                "What does `EncoderBlock` do with `residual`?",
                "It calls it, once for each sublayer, without arguments.",
                "Hand in a function, `lambda: PostNorm(…)`.",
            ),
        ),
        Mistake(
            "a-norm-behind-the-stack",
            norm_at_the_end,
            {},
            says="one more norm stands behind the last block: pre-norm needs it, post-norm doesn't",
            hints=(
                "What did the stub hand to `Encoder` besides the blocks?",
                "The last thing that a post-norm block does is to norm.",
                "Give `Encoder` the blocks alone.",
            ),
        ),
        Mistake(
            "parts-missing",
            bare_around,
            {},
            says="parts of the blocks are missing: there is a block too few, or a bare `LayerNorm` "
            "where `PostNorm` belongs",
            hints=(
                "Print `len(encoder.blocks)`, and what stands around each sublayer.",
                "`range(1, n)` has n - 1 numbers; `PostNorm` holds a norm, and adds first.",
                "A block for each of `range(num_layers)`, and a new `PostNorm(LayerNorm(d_model))` "
                "each time that `residual` is called.",
            ),
        ),
    ],
    hints=(
        "Print the number of parameters for one layer and for two, and the names of what is "
        "shared.",
        "Read the last point of the text: how often is `residual()` called, and what should it "
        "return each time?",
        "Whatever is made inside the loop, or inside the function, is made anew each time.",
    ),
    allows=Edges(sizes=(1,), labels=("a single block",)),
    also_right=[appended_stack, copied_stack],
    axes="batch seq d_model",
)


# --- 09.exact-match -------------------------------------------------------------------------

END = 1


def words_of(generator, pad_id, lengths, seq, end):
    """(batch, seq): letters, END, padding; and letters that stand in nobody's way."""
    words = torch.full((len(lengths), seq), pad_id)
    for word, length in zip(words, lengths, strict=True):
        word[:length] = ids_below(generator, 29, length, low=10)
        word[length] = end
    return words


def match_cases(generator):
    def tried(label, pad_id, lengths, steps, *changes, after="letters", end=END):
        labels = words_of(generator, pad_id, lengths, max(lengths) + 1, end)
        noise = ids_below(generator, 29, len(lengths), steps, low=10)
        written = torch.full_like(noise, pad_id) if after == "padding" else noise
        for row, (length, word) in enumerate(zip(lengths, labels, strict=True)):
            written[row, : length + 1] = word[: length + 1]
        for row, place, token in changes:
            if token == "swap":
                first, second = written[row, place].item(), written[row, place + 1].item()
                written[row, place], written[row, place + 1] = second, first + (first == second)
            elif token == "put in":  # what follows moves on by one place
                written[row, place + 1 :] = written[row, place:-1].clone()
                written[row, place] = pad_id
            else:
                written[row, place] = {"pad": pad_id, "end": end}.get(token, 35)
        return case(label, written, labels, pad_id)

    wrong = "another letter"
    return [
        tried("all right, letters after END", 0, [3, 5, 2], 7),
        tried("one letter wrong in one of four", 0, [4, 2, 5, 3], 6, (0, 2, wrong)),
        tried(
            "one letter wrong in every word", 4, [4, 2, 5], 6, *((i, 1, wrong) for i in range(3))
        ),
        tried("END comes too late", 0, [3, 5, 4, 2, 3], 8, (1, 5, wrong), (3, 2, wrong)),
        tried("END is 2, and comes too late", 0, [3, 5, 4], 8, (0, 3, wrong), end=2),
        tried("END is 3, and comes too late", 1, [5, 2, 4], 7, (1, 2, wrong), end=3),
        tried("END comes too early", 0, [4, 5, 3], 6, (0, 3, "end"), after="padding"),
        tried("padding written in the middle", 7, [5, 3, 4], 6, (0, 2, "pad"), (2, 1, "pad")),
        tried("padding between the letters", 3, [3, 5, 4], 8, (0, 1, "put in"), (2, 3, "put in")),
        tried("two letters exchanged", 0, [5, 4, 3, 6, 2, 4, 5], 7, (3, 1, "swap"), (5, 1, "swap")),
        # letters after END may sort in between, and then any order is found out elsewhere too
        tried("exchanged, and padding after END", 6, [3, 6, 4], 7, (1, 2, "swap"), after="padding"),
        tried("the first letter wrong", 3, [5, 4], 6, (0, 0, wrong), after="padding"),
        tried("nothing right", 0, [2, 3], 4, (0, 0, wrong), (1, 0, wrong), after="padding"),
        tried("no steps to spare", 2, [3, 5, 5], 6, (1, 4, wrong)),
        tried("a single word", 0, [4], 7),
        in_dtype(tried("in small numbers", 3, [2, 4, 3], 6, (1, 0, wrong)), torch.int32),
    ]


def wrong_match(
    written,
    labels,
    pad_id,
    *,
    judged="words",
    ignore="labels",
    gather=torch.all,
    places=slice(None),
    pad=None,
    percent=False,
    whole=False,
):
    pad_id = pad_id if pad is None else pad
    steps = labels.shape[1]
    if whole:
        labels = F.pad(labels, (0, written.shape[1] - steps), value=pad_id)
        steps = labels.shape[1]
    written = written[:, :steps]
    ignored = {
        "labels": labels == pad_id,
        "written": written == pad_id,
        "either": (labels == pad_id) | (written == pad_id),
        "end too": (labels == pad_id) | (labels == END),
        "two too": (labels == pad_id) | (labels == 2),
        "three too": (labels == pad_id) | (labels == 3),
        "last too": (labels == pad_id) | (F.pad(labels, (0, 1), value=pad_id)[:, 1:] == pad_id),
        "nothing": torch.zeros_like(labels, dtype=torch.bool),
    }[ignore]
    same = written == labels
    if judged == "letters":
        return same[~ignored].float().mean().item()
    if judged == "places":
        return (same | ignored).float().mean().item()
    right = gather((same | ignored)[:, places], dim=1)
    return right.float().mean().item() * (100 if percent else 1)


def sorted_match(written, labels, pad_id):
    written = written[:, : labels.shape[1]]
    return wrong_match(written.sort(dim=1)[0], labels.sort(dim=1)[0], pad_id)


def slipped_match(written, labels, pad_id, *, slip):
    """Mistakes that are not tried in pairs."""
    same, filler = written[:, : labels.shape[1]] == labels, labels == pad_id
    right = (same | filler).all(dim=1)
    return {
        "count": lambda: int(right.sum()),
        "rounded": lambda: round(right.float().mean().item()),
        "sets": lambda: (
            sum(
                set(w.tolist()) >= set(x[x != pad_id].tolist())
                for w, x in zip(written, labels, strict=True)
            )
            / len(labels)
        ),
        "both": lambda: (same & ~filler).all(dim=1).float().mean().item(),
        "mean of rows": lambda: ((same & ~filler).sum(1) / (~filler).sum(1)).mean().item(),
        "all or nothing": lambda: float(right.all()),
        "a truth": lambda: bool(right.all()),
        "each": lambda: right.float(),
        "wrong axis": lambda: (same | filler).all(dim=0).float().mean().item(),
        "errors": lambda: 1 - right.float().mean().item(),
        "not cut": lambda: ((written == labels) | filler).all(dim=1).float().mean().item(),
        "first": lambda: float(right[0]),
        "last columns": lambda: (
            ((written[:, -labels.shape[1] :] == labels) | filler).all(dim=1).float().mean().item()
        ),
        "of the places": lambda: int(right.sum()) / labels.shape[1],
    }[slip]()


def joined_match(written, labels, pad_id):
    """Padding is left out of both, and what is left must begin with the word."""
    rows = zip(written.tolist(), labels.tolist(), strict=True)
    bare = [([w for w in a if w != pad_id], [x for x in b if x != pad_id]) for a, b in rows]
    return sum(a[: len(b)] == b for a, b in bare) / len(bare)


def bag_match(written, labels, pad_id):
    """As many tokens as the word has, in any order."""
    rows = zip(written.tolist(), labels.tolist(), strict=True)
    bare = [(a, [x for x in b if x != pad_id]) for a, b in rows]
    return sum(sorted(a[: len(b)]) == sorted(b) for a, b in bare) / len(bare)


def must_stop(written, labels, pad_id):
    """What was written, without its padding, must be the label without its padding."""
    rows = zip(written.tolist(), labels.tolist(), strict=True)
    right = [[w for w in a if w != pad_id] == [x for x in b if x != pad_id] for a, b in rows]
    return sum(right) / len(right)


def looping_match(written, labels, pad_id):
    right = 0
    for word, label in zip(written.tolist(), labels.tolist(), strict=True):
        right += all(w == x for w, x in zip(word, label, strict=False) if x != pad_id)
    return right / len(labels)


def masked_match(written, labels, pad_id):
    wrong = (written[:, : labels.shape[1]] != labels).masked_fill(labels.eq(pad_id), False)
    return 1 - wrong.any(dim=-1).double().mean()


def cut_match(written, labels, pad_id):
    rows = zip(written, labels, strict=True)
    lengths = labels.ne(pad_id).sum(dim=1).tolist()
    right = [torch.equal(w[:n], x[:n]) for (w, x), n in zip(rows, lengths, strict=True)]
    return sum(right) / len(right)


matching = told_of(wrong_match)


def overwriting_match(written, labels, pad_id):
    cut = written[:, : labels.shape[1]]
    cut[labels == pad_id] = pad_id
    return (cut == labels).all(dim=1).float().mean().item()


def mean_of_truths(written, labels, pad_id):
    cut = written[:, : labels.shape[1]]
    return ((cut == labels) | (labels == pad_id)).all(dim=1).mean().item()


MATCH = Exercise(
    id="09.exact-match",
    title="Right means right to the end",
    kind="code",
    points=2,
    name="exact_match",
    cases=match_cases,
    mistakes=[
        Mistake(
            "padding-taken-out",
            joined_match,
            {},
            says="padding is taken out of what was written, and the rest moves up: a word with "
            "padding between its letters counts as right",
            hints=(
                "Let a model write padding between two right letters. Do the others stand at "
                "their places?",
                "Only the labels say which places don't matter.",
                "Compare place by place.",
            ),
        ),
        Mistake(
            "any-order-of-the-word",
            bag_match,
            {},
            says="the letters are compared in sorted order, so that any order of them is right",
            hints=(
                "Is `drow` the same as `word`?",
                "Sorting throws away what the model had to learn.",
                "Compare place by place.",
            ),
        ),
        Mistake(
            "last-columns",
            slipped_match,
            {"slip": "last columns"},
            says="the *last* places of what was written are compared with the labels",
            hints=(
                "`written` is longer than `labels`. Which end is too long?",
                "The model wrote on after its END; the word stands in front.",
                "Cut `written` behind: `[:, :n]`, not `[:, -n:]`.",
            ),
        ),
        Mistake(
            "divided-by-the-places",
            slipped_match,
            {"slip": "of the places"},
            says="the right words are counted and divided by the number of places, not of words",
            hints=(
                "Which axis is the words, and how long is it?",
                "`labels.shape[1]` is how long a word may be.",
                "The share is the mean over the words.",
            ),
        ),
        matching(
            "share-of-letters",
            {"judged": "letters"},
            "you return the share of letters that are right, not of words",
            "A word of ten letters with one mistake: how right is it?",
            "A mean over all places asks about places. When is one word right?",
            "First decide for each word whether all of its places are right; then take the mean.",
        ),
        matching(
            "share-of-places",
            {"judged": "places"},
            "you return the share of places that are right, padding included",
            "A word of ten letters with one mistake: how right is it?",
            "A mean over all places asks about places. When is one word right?",
            "First decide for each word whether all of its places are right; then take the mean.",
        ),
        matching(
            "padding-judged",
            {"ignore": "nothing"},
            "what stands after END must be padding in your code, or the word counts as wrong",
            "What does the model write after its END?",
            "Where the label is padding, any token is fine.",
            "A place is fine if it agrees or if its label is padding.",
        ),
        matching(
            "padding-written-is-fine",
            {"ignore": "either"},
            "a model that writes padding in the middle of a word gets away with it",
            "Who decides which places matter, the label or what was written?",
            "Let a model write nothing but padding. Is it right?",
            "Only the labels say where padding is.",
        ),
        matching(
            "padding-of-what-was-written",
            {"ignore": "written"},
            "the places to be left out are looked up in what was written, not in the labels",
            "Who decides which places matter, the label or what was written?",
            "Let a model write nothing but padding. Is it right?",
            "Only the labels say where padding is.",
        ),
        *(
            matching(
                f"end-not-judged{whose}",
                {"ignore": ignored},
                "your code leaves END out: a model that never stops writing counts as right",
                "Does a model that never stops get full marks?",
                "END is a token like the letters: it has to come at its place.",
                "Leave out padding and nothing else.",
            )
            for whose, ignored in (
                ("", "last too"),
                ("-where-it-is-1", "end too"),
                ("-where-it-is-2", "two too"),
                ("-where-it-is-3", "three too"),
            )
        ),
        Mistake(
            "a-rounded-share",
            slipped_match,
            {"slip": "rounded"},
            says="the share is rounded to 0 or 1",
            hints=(
                "What comes back when one word of four is right?",
                "A share is a number from 0 to 1, with all its decimals.",
                "Return the mean as it is.",
            ),
        ),
        Mistake(
            "letters-as-sets",
            slipped_match,
            {"slip": "sets"},
            says="words are compared as sets of letters: neither their places nor how often they "
            "come counts",
            hints=(
                "Exchange two letters of a right word. Does it still count?",
                "A set knows neither order nor repeats.",
                "Compare place by place.",
            ),
        ),
        matching(
            "any-letter",
            {"gather": torch.any},
            "a word counts as right when any of its places is",
            "Which word tells you that all places must hold?",
            "`any` asks for one place.",
            "Use `all` along the places.",
        ),
        matching(
            "first-letter",
            {"places": slice(0, 1)},
            "only the first letter is judged",
            "Which places of a word do you compare?",
            "Is there a 0 where all places should stand?",
            "Compare whole rows.",
        ),
        matching(
            "pad-id-zero",
            {"pad": 0},
            "padding is taken to be id 0, whatever `pad_id` says",
            "What is the last argument for?",
            "Is there a 0 in your code?",
            "Compare the labels with `pad_id`.",
        ),
        Mistake(
            "any-order",
            sorted_match,
            {},
            says="the letters are compared in sorted order, so that any order of them is right",
            hints=(
                "Is `drow` the same as `word`?",
                "Sorting throws away what the model had to learn.",
                "Compare place by place.",
            ),
        ),
        matching(
            "percent",
            {"percent": True},
            "you return percent; a share from 0 to 1 was asked for",
            "How much is everything?",
            "A share of one half is 0.5.",
            "Leave out the factor 100.",
        ),
        Mistake(
            "a-count",
            slipped_match,
            {"slip": "count"},
            says="you return how many words are right; their share was asked for",
            hints=(
                "Work out by hand what your code returns for two words, one right and one wrong.",
                "Decide for each word, then take the mean over words.",
                "A word is one True or False; the share of True is the result.",
            ),
        ),
        Mistake(
            "padding-never-right",
            slipped_match,
            {"slip": "both"},
            says="a place of padding can't be right in your code: only full rows can",
            hints=(
                "What does your code say of a place whose label is padding?",
                "There, whatever was written is fine.",
                "A place is fine if it agrees *or* if its label is padding.",
            ),
        ),
        Mistake(
            "mean-of-shares",
            slipped_match,
            {"slip": "mean of rows"},
            says="you return the mean of each word's share of right letters",
            hints=(
                "Work out by hand what your code returns for two words, one right and one wrong.",
                "Decide for each word, then take the mean over words.",
                "A word is one True or False; the share of True is the result.",
            ),
        ),
        Mistake(
            "all-or-nothing",
            slipped_match,
            {"slip": "all or nothing"},
            says="one verdict for the whole batch comes back, 1 only if every word is right: from "
            "`all`, or from `//`, which drops the share",
            hints=(
                "Work out by hand what your code returns for two words, one right and one wrong.",
                "Decide for each word, then take the mean over words.",
                "A word is one True or False; the share of True is the result.",
            ),
        ),
        Mistake(
            "a-verdict-for-each-word",
            slipped_match,
            {"slip": "each"},
            says="a verdict for each word comes back; their mean is missing",
            hints=(
                "Work out by hand what your code returns for two words, one right and one wrong.",
                "Decide for each word, then take the mean over words.",
                "A word is one True or False; the share of True is the result.",
            ),
        ),
        Mistake(
            "over-the-words",
            slipped_match,
            {"slip": "wrong axis"},
            says="`all` runs over the words, not over the letters of a word",
            hints=(
                "Which axis are the letters of one word on?",
                "(batch, seq): the first axis is the words.",
                "Take `all` along the last axis.",
            ),
        ),
        Mistake(
            "share-of-errors",
            slipped_match,
            {"slip": "errors"},
            says="you return the share of words that are wrong",
            hints=(
                "Work out by hand what your code returns for two words, one right and one wrong.",
                "Decide for each word, then take the mean over words.",
                "A word is one True or False; the share of True is the result.",
            ),
        ),
        Mistake(
            "not-cut",
            slipped_match,
            {"slip": "not cut"},
            says="`written` is longer than `labels`, and they are compared as they are",
            hints=(
                "Print both shapes.",
                "The model wrote on after its END; nobody reads that.",
                "Cut `written` to the number of places that labels have.",
            ),
        ),
        Mistake(
            "first-word-only",
            slipped_match,
            {"slip": "first"},
            says="only the first word is judged",
            hints=(
                "Work out by hand what your code returns for two words, one right and one wrong.",
                "Decide for each word, then take the mean over words.",
                "A word is one True or False; the share of True is the result.",
            ),
        ),
        Mistake(
            "must-stop",
            must_stop,
            {},
            says="a word counts as wrong when the model wrote on after its END",
            hints=(
                "What does the model write after its END?",
                "Nobody reads what stands behind the last label.",
                "Compare only the places that have a label.",
            ),
        ),
        Mistake(
            "written-overwritten",
            overwriting_match,
            {},
            says="what was written is overwritten where the label is padding: a slice is no copy",
            hints=(
                "Print `written` after your call. Is it what it was?",
                "A slice looks at the same numbers as the tensor that it was cut from.",
                "Don't assign: ask for each place whether it agrees *or* its label is padding.",
            ),
        ),
        Mistake(
            "mean-of-truths",
            mean_of_truths,
            {},
            says="`mean` can't average True and False",
            hints=(
                "What dtype does `all` give?",
                "An average has digits behind the point; a truth has none.",
                "Make numbers of it first, with `.float()`.",
            ),
        ),
        Mistake(
            "a-truth",
            slipped_match,
            {"slip": "a truth"},
            says="one truth for the whole batch comes back; the share of right words was asked for",
            hints=(
                "Nine words of ten are right. What does your function say?",
                "`torch.equal` and `all` without an axis judge everything at once.",
                "Ask `all` along the letters only, and average what is left.",
            ),
        ),
    ],
    hints=(
        "Make a batch of two short words by hand, spoil one, and print what each of your lines "
        "gives.",
        "Three points of the text: which places count, when a word is right, and what is returned.",
        "A place is fine if it agrees or its label is padding; a word is right if all places are; "
        "then the mean.",
    ),
    allows=Edges(
        dtypes=("int32",),
        sizes=(1,),
        labels=("no steps to spare", "letters after end", "a single word", "in the middle"),
    ),
    also_right=[looping_match, masked_match, cut_match],
)


# --- 09.too-good ----------------------------------------------------------------------------


def fair_cases(generator):
    def words(lengths, width, pad_id):
        ids = torch.full((len(lengths), width), pad_id)
        for row, length in zip(ids, lengths, strict=True):
            row[:length] = ids_below(generator, 30, length, low=10)
        return ids

    def fitted(word, width, pad_id):
        word = word[word != pad_id]
        return F.pad(word, (0, width - len(word)), value=pad_id)

    def tried(label, pad_id=0, leak=None, train_width=9, test_width=9, at=(1, 3), whole=False):
        train = words([5, 7, 4, 8, 6], train_width, pad_id)
        test = words([6, 5, 7, 4], test_width, pad_id)
        if leak is not None:
            row, place = at
            known = train[row][train[row] != pad_id]
            if whole:
                test = torch.stack([fitted(leak(known), test_width, pad_id)] * 4)
            else:
                test[place] = fitted(leak(known), test_width, pad_id)
        return case(label, train, test, pad_id)

    def pair(label, train, test):
        return case(label, torch.tensor(train), torch.tensor(test), 0)

    def same(word):
        return word

    def turned(word):
        return word.flip(0)

    def longer(word):
        return torch.cat([word, word[:1]])

    def other_start(word):
        return torch.cat([(word[:1] - 9) % 20 + 10, word[1:]])

    def other_end(word):
        return torch.cat([word[:-1], (word[-1:] - 9) % 20 + 10])

    return [
        tried("nothing in common"),
        tried("a known word stands in the test, in another row", leak=same),
        tried("a known word stands in the test, in the same row", leak=same, at=(2, 2)),
        tried("the first word of the test is known", leak=same, at=(4, 0)),
        tried("the last word of the test is known", leak=same, at=(0, 3)),
        tried("a known word, padded wider in the test", leak=same, test_width=11),
        tried("a known word, padded wider in training", pad_id=4, leak=same, train_width=12),
        tried("the test is padded wider, nothing in common", test_width=11),
        tried("a known word, backwards", leak=turned),
        tried("a longer word that begins alike", leak=longer, at=(2, 1)),
        tried("a shorter word that begins alike", leak=lambda word: word[:3]),
        tried("a known word but for its first letter", leak=other_start, at=(1, 0)),
        tried("a known word but for its last letter", leak=other_end, at=(3, 2)),
        tried("every test word is known", leak=same, whole=True),
        tried("a known word, padded with another pad_id", pad_id=7, leak=same, test_width=10),
        pair(
            "ids of one digit and two: 1 11 12 is known, 11 1 12 is new",
            [[1, 11, 12], [20, 21, 0]],
            [[11, 1, 12], [13, 0, 0]],
        ),
        pair(
            "a word like a longer known one, alike as far as the narrower goes",
            [[11, 12, 13, 14]],
            [[11, 12, 13]],
        ),
        pair(
            "a word longer than training is wide, alike as far as that goes",
            [[11, 12, 13], [14, 0, 0]],
            [[11, 12, 13, 15]],
        ),
        pair("the same table twice", [[11, 12], [13, 0]], [[11, 12], [13, 0]]),
        pair(
            "a word twice in each, but not the same",
            [[11, 12], [11, 12], [14, 0]],
            [[13, 11], [13, 11]],
        ),
        pair(
            "letters repeated, nothing in common",
            [[11, 11, 12], [13, 14, 0]],
            [[12, 11, 0], [13, 13, 14]],
        ),
        pair(
            "the same sum, the same lengths, other words", [[11, 14], [20, 0]], [[12, 13], [16, 0]]
        ),
        in_dtype(tried("a known word, in small numbers", leak=same), torch.int32),
    ]


def rows_of(ids, pad_id):
    return [tuple(i for i in row if i != pad_id) for row in ids.tolist()]


def wrong_fair(train, test, pad_id, *, same, quantify=any, rows="all", keep_padding=False):
    seen, asked = (
        [tuple(row) for row in ids.tolist()] if keep_padding else rows_of(ids, pad_id)
        for ids in (train, test)
    )
    if rows == "aligned":
        return not any(same(a, b) for a, b in zip(seen, asked, strict=False))
    if rows == "first":
        asked = asked[:1]
    elif rows == "last":
        asked = asked[-1:]
    return not quantify(any(same(a, b) for a in seen) for b in asked)


def equal(a, b):
    return a == b


def same_letters(a, b):
    return sorted(a) == sorted(b)


def begins_alike(a, b):
    return a[: len(b)] == b


def same_start(a, b):
    return a[:3] == b[:3]


def any_letter(a, b):
    return bool(set(a) & set(b))


def slipped_fair(train, test, pad_id, *, slip):
    """Mistakes of other kinds than those of `wrong_fair`."""
    seen, asked = rows_of(train, pad_id), rows_of(test, pad_id)
    width = min(train.shape[1], test.shape[1])
    return {
        "tables": lambda: not torch.equal(train, test),
        "turned": lambda: bool(set(seen) & set(asked)),
        "zero": lambda: not set(rows_of(train, 0)) & set(rows_of(test, 0)),
        "as sets": lambda: not set(map(frozenset, seen)) & set(map(frozenset, asked)),
        "joined": lambda: (
            not {"".join(map(str, row)) for row in seen} & {"".join(map(str, row)) for row in asked}
        ),
        "cut": lambda: (
            not set(rows_of(train[:, :width], pad_id)) & set(rows_of(test[:, :width], pad_id))
        ),
        "cut to training": lambda: (
            not set(rows_of(train, pad_id)) & set(rows_of(test[:, : train.shape[1]], pad_id))
        ),
        "count": lambda: sum(row in seen for row in asked),
        "each word": lambda: [row not in seen for row in asked],
        "lists in a set": lambda: not any(row in set(train.tolist()) for row in test.tolist()),
        "sums": lambda: not set(map(sum, seen)) & set(map(sum, asked)),
        "aligned": lambda: (
            not any(
                a == b
                for a, b in zip(train[:, :width].tolist(), test[:, :width].tolist(), strict=False)
            )
        ),
        "twice": lambda: len(seen + asked) == len(set(seen + asked)),
        "same width": lambda: not bool((train[:, None] == test).all(dim=-1).any()),
        "in": lambda: not any(bool(row in train) for row in test),
        "always": lambda: True,
        "lengths": lambda: not set(map(len, seen)) & set(map(len, asked)),
        "firsts": lambda: not {row[0] for row in seen} & {row[0] for row in asked},
        "begins": lambda: not any(b[: len(a)] == a for a in seen for b in asked),
        "share": lambda: sum(row not in seen for row in asked) / len(asked),
        "share known": lambda: sum(row in seen for row in asked) / len(asked),
    }[slip]()


def looping_fair(train, test, pad_id):
    return all(not torch.equal(a[a != pad_id], b[b != pad_id]) for a in train for b in test)


def widened_fair(train, test, pad_id):
    width = max(train.shape[1], test.shape[1])
    a, b = (F.pad(ids, (0, width - ids.shape[1]), value=pad_id) for ids in (train, test))
    return not (a[:, None] == b[None]).all(dim=-1).any()


lenient = told_of(wrong_fair)


unfair = told_of(slipped_fair, "slip")


FAIR = Exercise(
    id="09.too-good",
    title="Was the test a fair one?",
    kind="test",
    points=1,
    name="is_fair_test",
    cases=fair_cases,
    mistakes=[
        *(
            unfair(
                name,
                slip,
                f"two words count as the same when they {told}",
                "Compare two words that share this and nothing else.",
                "Each letter has to agree, at its place.",
                "Compare the words themselves, without their padding.",
            )
            for name, slip, told in (
                ("lengths-compared", "lengths", "are equally long"),
                ("first-letters-compared", "firsts", "begin with the same letter"),
            )
        ),
        *(
            unfair(
                name,
                slip,
                "a share of the words comes back; one True or False was asked for",
                "Print what you return for a fair test. Is it True?",
                "A single known word makes the test unfair.",
                "`any` or `all` over the words makes one truth of them.",
            )
            for name, slip in (
                ("share-of-new-words", "share"),
                ("share-of-known-words", "share known"),
            )
        ),
        lenient(
            "row-by-row",
            {"same": equal, "rows": "aligned"},
            "row i is compared with row i only",
            "In which row of the training words might the third test word stand?",
            "Every test word has to be compared with every training word.",
            "Make a set of the training words, or compare all pairs.",
        ),
        lenient(
            "padding-compared",
            {"same": equal, "keep_padding": True},
            "padding takes part: the same word at another width counts as another word",
            "Pad the test words by two more places. Does your answer change?",
            "The padding does not belong to the word.",
            "Drop `pad_id` from each row before you compare.",
        ),
        lenient(
            "same-letters",
            {"same": same_letters},
            "two words count as the same when they have the same letters in any order",
            "Is `drow` the same as `word`?",
            "A set or a sorted list forgets the order.",
            "Compare the rows as sequences.",
        ),
        lenient(
            "beginnings",
            {"same": begins_alike},
            "a test word counts as known when a training word begins with it",
            "Is `the` a leak when `theatre` was trained?",
            "Both words have to end at the same place.",
            "Compare whole words, each without its padding.",
        ),
        lenient(
            "first-three",
            {"same": same_start},
            "only the first three tokens of each word are compared",
            "Two long words that begin alike: are they the same?",
            "Is there a fixed number in your slice?",
            "Compare whole words, each without its padding.",
        ),
        lenient(
            "any-letter",
            {"same": any_letter},
            "one letter in common is enough for you to call the test unfair",
            "Do two different words share a letter now and then?",
            "The question is about words, not about letters.",
            "Compare the rows as sequences.",
        ),
        lenient(
            "all-must-leak",
            {"same": equal, "quantify": all},
            "the test counts as fair until every one of its words is known",
            "One word of 500 was seen in training. Is the test fair?",
            "`all` and `any`: which one asks for a single leak?",
            "One known word makes the test unfair.",
        ),
        lenient(
            "first-test-word",
            {"same": equal, "rows": "first"},
            "only the first test word is looked up",
            "Which test words do you look up?",
            "Does your loop return before it has seen all of them?",
            "Answer True only after the last test word.",
        ),
        lenient(
            "last-test-word",
            {"same": equal, "rows": "last"},
            "only the last test word decides",
            "Which test words do you look up?",
            "Is a variable overwritten in each round of your loop?",
            "One leak must not be forgotten when the next word is clean.",
        ),
        unfair(
            "whole-tables",
            "tables",
            "the two tables are compared as wholes: one word in common goes unseen",
            "Does your code ever compare a single word?",
            "One known word makes the test unfair.",
            "Compare every test word with every training word.",
        ),
        unfair(
            "turned-round",
            "turned",
            "the two answers have changed places: you say True for a leak",
            "What does your test say when nothing is in common?",
            "The text says what True stands for.",
            "Turn your verdict round.",
        ),
        unfair(
            "zero-is-pad",
            "zero",
            "the id 0 counts as padding, and `pad_id` is never asked",
            "Pad the test words by two more places. Does your answer change?",
            "The padding does not belong to the word, and its id is handed to you.",
            "Drop `pad_id` from each row before you compare.",
        ),
        unfair(
            "letters-as-a-set",
            "as sets",
            "a word is taken for the set of its letters: order and repeats are lost",
            "Write down two words that your test takes for one, or one that it takes for two.",
            "Two words are the same if they hold the same tokens in the same order, padding aside.",
            "Make a tuple of each row's tokens without padding, and compare these.",
        ),
        unfair(
            "digits-run-together",
            "joined",
            "ids are written one behind the other: 1, 11 and 11, 1 become the same text",
            "Write down two words that your test takes for one, or one that it takes for two.",
            "Two words are the same if they hold the same tokens in the same order, padding aside.",
            "Make a tuple of each row's tokens without padding, and compare these.",
        ),
        unfair(
            "cut-to-the-narrower",
            "cut",
            "both are cut to the smaller width: words that differ behind it become the same",
            "Write down two words that your test takes for one, or one that it takes for two.",
            "Two words are the same if they hold the same tokens in the same order, padding aside.",
            "Make a tuple of each row's tokens without padding, and compare these.",
        ),
        unfair(
            "repeats-count",
            "twice",
            "a word that occurs twice on one side counts as a leak",
            "Give it a test with one word twice, and other words in training. Is it fair?",
            "A leak needs both sides.",
            "Make a set of each side first, and ask what they share.",
        ),
        unfair(
            "same-width-needed",
            "same width",
            "rows are compared at the width they come in: the same word padded wider is "
            "another, or doesn't fit at all",
            "Pad the test words by two more places. Does your answer change?",
            "The padding does not belong to the word, and its id is handed to you.",
            "Drop `pad_id` from each row before you compare.",
        ),
        unfair(
            "in-of-a-tensor",
            "in",
            "`row in table` asks whether any single number agrees, not whether a row does",
            "Try `torch.tensor([1, 9]) in torch.tensor([[1, 2]])`.",
            "For tensors, `in` compares number by number and takes any.",
            "Compare tuples or lists: for these, `in` asks for the whole.",
        ),
        unfair(
            "always-fair",
            "always",
            "your test always says True: tensors in a set are compared by what they are, not "
            "by what they hold",
            "Hand it the same table twice. What does it say?",
            "Two tensors with the same numbers are two things to a set.",
            "Turn each row into a tuple of numbers first.",
        ),
        unfair(
            "known-beginning",
            "begins",
            "a test word counts as known when it begins with a training word",
            "Write down two words that your test takes for one, or one that it takes for two.",
            "Two words are the same if they hold the same tokens in the same order, padding aside.",
            "Make a tuple of each row's tokens without padding, and compare these.",
        ),
        unfair(
            "cut-to-training",
            "cut to training",
            "the test is cut to the width of the training words: a longer word becomes "
            "the same as its beginning",
            "Train on words of 3 letters, and test on one of 4 that begins as one of them.",
            "`F.pad` by less than nothing cuts columns off.",
            "Compare whole words, each without its padding, or widen whichever side is narrower.",
        ),
        unfair(
            "sums",
            "sums",
            "the letters of a word are added up: other words have the same sum",
            "Which other words have the sum of 11, 14?",
            "One number cannot stand for a whole word.",
            "Make a tuple of each row's tokens without padding, and compare these.",
        ),
        unfair(
            "row-by-row-and-cut",
            "aligned",
            "row i is compared with row i only, as far as the narrower of the two goes",
            "In which row of the training words might the third test word stand?",
            "Every test word has to be compared with every training word, to its end.",
            "Make a set of the training words, each without its padding, and look each "
            "test word up.",
        ),
        unfair(
            "how-many",
            "count",
            "you return how many words were seen; True or False was asked for",
            "What does your test say when nothing is in common?",
            "The question is whether there is none.",
            "Compare the number with 0.",
        ),
        unfair(
            "a-verdict-for-each-word",
            "each word",
            "a verdict for each test word comes back; one for the whole test was asked for",
            "How many truths does your test return?",
            "The test is fair if *no* word was met.",
            "Join the verdicts with `all`.",
        ),
        unfair(
            "lists-in-a-set",
            "lists in a set",
            "a set can't hold lists, which may change later",
            "What does `set([[1, 2]])` say?",
            "A tuple is a list that stays as it is.",
            "Make a tuple of each row before it goes into the set.",
        ),
    ],
    hints=(
        "Hand it two words on each side, one in common, in different rows and at different widths.",
        "Ask what a word is: which of its row's ids belong to it, and when are two the same?",
        "Make each row a tuple without its padding, and see whether the two sides share one.",
    ),
    allows=Edges(
        dtypes=("int32",),
        labels=(
            "nothing in common",
            "padded wider",
            "another pad_id",
            "backwards",
            "one digit and two",
        ),
    ),
    also_right=[looping_fair, widened_fair],
)

EXERCISES = [TIED, COUNT, XAVIER, MODEL, MATCH, FAIR, STACK]
