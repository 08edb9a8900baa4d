"""The whole Transformer against PyTorch's, counted by hand, and what must hold."""

import copy
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from pytorch_twins import transformer_twin
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import nn
from torch.testing import assert_close

from course_lib.models.seq2seq import BASE, BIG, Seq2Seq, Seq2SeqConfig
from course_lib.nn.blocks import PostNorm, PreNorm
from course_lib.nn.masks import causal_mask
from course_lib.nn.multi_head import MultiHeadAttention
from course_lib.nn.norms import LayerNorm, RMSNorm
from course_lib.nn.positions.rotary import Rotary

PAD = 3  # not 0, so that a forgotten pad_id shows
SMALL = Seq2SeqConfig(17, 23, 66, 6, 2, 19, dropout=0.0, max_len=11, pad_id=PAD)
SIZES = SMALL.d_model, SMALL.num_heads, SMALL.d_ff
SOURCE = torch.tensor([[5, 6, 7, 8, 9, 3, 3], [3, 3, 5, 6, 7, 8, 9]])
TARGET = torch.tensor([[1, 6, 7, 8, 3], [1, 5, 6, 22, 8]])
LIMITS = {
    torch.float32: {"rtol": 0, "atol": 1e-5},
    torch.float64: {"rtol": 0, "atol": 1e-10},
}
both_norms = pytest.mark.parametrize("residual", [PostNorm, PreNorm])


def made(residual):
    """Blocks of PreNorm need a norm at the end of each stack."""
    return Seq2Seq(SMALL, residual=residual, last_norm=LayerNorm if residual is PreNorm else None)


def parameters(model):
    return sum(p.numel() for p in model.parameters())


@both_norms
@pytest.mark.parametrize("dtype", LIMITS, ids=str)
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_agrees_with_pytorchs_transformer(residual, dtype):
    ours = made(residual).to(dtype)
    theirs = transformer_twin(ours.encoder, ours.decoder, SIZES, dtype, residual is PreNorm)
    x, y = ours.position(ours.embed_source(SOURCE)), ours.position(ours.embed_target(TARGET))
    hidden = theirs(
        x,
        y,
        tgt_mask=~causal_mask(TARGET.shape[1]),
        src_key_padding_mask=SOURCE == PAD,
        tgt_key_padding_mask=TARGET == PAD,
        memory_key_padding_mask=SOURCE == PAD,
    )
    logits, expected = ours(SOURCE, TARGET), hidden @ ours.head.weight.T
    assert_close(logits, expected, **LIMITS[dtype])
    tables = [ours.embed_source.table.weight, ours.embed_target.table.weight]
    along = torch.randn_like(logits)
    one, other = (
        torch.autograd.grad(out, tables, along, retain_graph=True) for out in (logits, expected)
    )
    for mine, torchs in zip(one, other, strict=True):
        scale = 1 + torchs.abs().max().item()  # sqrt(d_model) stands in front of the tables
        assert_close(mine / scale, torchs / scale, **LIMITS[dtype])


def by_hand(c, tables):
    """Parameters counted from the sizes: 4 square matrices an attention, 2 a feed-forward."""
    d, f = c.d_model, c.d_ff
    attention, network, norm = 4 * (d * d + d), 2 * d * f + f + d, 2 * d
    encoder, decoder = attention + network + 2 * norm, 2 * attention + network + 3 * norm
    return c.num_layers * (encoder + decoder) + tables * d


def test_the_parameters_are_those_counted_by_hand():
    assert parameters(Seq2Seq(SMALL)) == by_hand(SMALL, 17 + 23 + 23)
    tied = replace(SMALL, target_vocab=17, tied=True)
    assert parameters(Seq2Seq(tied)) == by_hand(tied, 17)
    last_norms = 2 * 2 * SMALL.d_model
    assert parameters(made(PreNorm)) == by_hand(SMALL, 63) + last_norms


def test_the_published_sizes_come_near_the_papers_65_and_213_million():
    with torch.device("meta"):
        counts = [parameters(Seq2Seq(config)) for config in (BASE, BIG)]
    assert counts == [63_082_496, 214_245_376]
    assert [round(count / 1e6) for count in counts] == [63, 214]  # the paper rounds: 65, 213


@both_norms
def test_nothing_later_in_the_target_changes_an_earlier_score(residual):
    model = made(residual).eval()
    logits = model(SOURCE, TARGET)
    for cut in range(1, TARGET.shape[1]):
        other = TARGET.clone()
        other[:, cut:] = (other[:, cut:] + 5) % 23
        other[other == PAD] = 4
        assert torch.equal(model(SOURCE, other)[:, :cut], logits[:, :cut])


def test_padding_changes_no_score_on_either_side():
    model = Seq2Seq(SMALL).double()
    alone = model(SOURCE[:1, :5], TARGET[:1, :4])
    assert_close(model(SOURCE, TARGET)[:1, :4], alone, **LIMITS[torch.float64])


def test_what_the_encoder_returns_serves_every_target():
    model = Seq2Seq(SMALL)
    memory = model.encode(SOURCE)
    assert torch.equal(model.decode(TARGET, memory, SOURCE), model(SOURCE, TARGET))
    assert_close(model.decode(TARGET[:, :2], memory, SOURCE), model(SOURCE, TARGET)[:, :2])


def test_the_weights_of_every_block_come_along():
    model = Seq2Seq(SMALL)
    logits, (read, wrote) = model(SOURCE, TARGET, return_weights=True)
    assert_close(logits, model(SOURCE, TARGET))
    assert [w.shape for w in read] == [(2, 6, 7, 7)] * 2
    assert [(b.shape, o.shape) for b, o in wrote] == [((2, 6, 5, 5), (2, 6, 5, 7))] * 2
    assert not wrote[0][1][0, :, :, 5:].any()  # nobody looks at the source's padding


def test_tied_tables_are_one_tensor_and_stay_one_in_a_copy():
    model = copy.deepcopy(Seq2Seq(replace(SMALL, target_vocab=17, tied=True)))
    assert model.head.weight is model.embed_source.table.weight is model.embed_target.table.weight
    with pytest.raises(ValueError, match=r"source_vocab=17, target_vocab=23 and tied"):
        replace(SMALL, tied=True)


TIED = replace(SMALL, target_vocab=17, tied=True)


@pytest.mark.parametrize("assign", [False, True])
def test_a_tied_model_is_saved_and_loaded_and_stays_tied(assign, tmp_path):
    model, path = Seq2Seq(TIED), tmp_path / "model.safetensors"
    save_file(model.state_dict(), path)
    with torch.device("meta" if assign else "cpu"):
        loaded = Seq2Seq(TIED)
    loaded.load_state_dict(load_file(path), assign=assign)
    target = TARGET % 17
    logits = loaded(SOURCE, target)
    assert torch.equal(logits, model(SOURCE, target))
    assert loaded.head.weight is loaded.embed_source.table.weight
    logits.sum().backward()
    (whole,) = (p.grad for n, p in loaded.named_parameters() if n.endswith("table.weight"))
    model(SOURCE, target).sum().backward()
    assert_close(whole, model.embed_source.table.weight.grad)  # from both ends


def test_a_tied_model_survives_safetensors_own_functions(tmp_path):
    model, loaded, path = Seq2Seq(TIED), Seq2Seq(TIED), tmp_path / "model.safetensors"
    save_model(model, str(path))
    load_model(loaded, str(path))
    assert torch.equal(loaded(SOURCE, TARGET % 17), model(SOURCE, TARGET % 17))


def test_matrices_start_by_xavier():
    model = Seq2Seq(replace(SMALL, d_model=306, d_ff=607))
    weight = model.encoder.blocks[0].feed_forward.up.weight
    bound = (6 / (306 + 607)) ** 0.5
    assert weight.abs().max() <= bound
    assert abs(weight.std().item() / (bound / 3**0.5) - 1) < 0.01
    assert not model.encoder.blocks[0].feed_forward.up.bias.any()


def test_a_norm_is_a_part_like_any_other():
    norms = {type(part) for part in Seq2Seq(SMALL, norm=RMSNorm).modules()}
    assert RMSNorm in norms and LayerNorm not in norms and nn.LayerNorm not in norms


@pytest.mark.parametrize(
    "source, target, message",
    [
        (torch.full((1, 12), 5), TARGET[:1], "places 0 to 10, asked for seq=12"),
        (SOURCE[:1], torch.full((1, 12), 5), "places 0 to 10, asked for seq=12"),
        (torch.tensor([[5, 17]]), TARGET[:1], "0 to 16, got 5 to 17"),
        (SOURCE[:1], torch.tensor([[5, 23]]), "0 to 22, got 5 to 23"),
    ],
)
def test_bad_ids_are_refused_with_their_numbers(source, target, message):
    with pytest.raises(ValueError, match=message):
        Seq2Seq(SMALL)(source, target)


def test_memory_of_another_source_is_refused():
    model = Seq2Seq(SMALL)
    with pytest.raises(ValueError, match=r"memory \(2, 7, 66\) does not belong to source \(2, 5\)"):
        model.decode(TARGET, model.encode(SOURCE), SOURCE[:, :5])


STARTED = torch.tensor([[3, 6, 7, 8, 9], [3, 5, 6, 22, 3]])  # each begins with the padding's id


def test_a_start_token_with_the_paddings_id_is_seen():
    model = Seq2Seq(SMALL).double()
    other = Seq2Seq(replace(SMALL, pad_id=4)).double()  # to which 3 is a token like any other
    other.load_state_dict(model.state_dict())
    source = SOURCE[:, 2:5]
    assert_close(model(source, STARTED)[:, :4], other(source, STARTED)[:, :4])
    _, (_, wrote) = model(source, STARTED, return_weights=True)
    assert (wrote[0][0][0, :, :, 0] > 0).all()  # all look at the start
    assert not wrote[0][0][1, :, :, 4].any()  # and nobody at the padding


def test_masks_of_the_caller_replace_those_from_the_ids():
    model = Seq2Seq(SMALL).double()
    seen, given = torch.ones(2, 1, 1, 7).bool(), torch.ones(2, 1, 1, 5).bool()
    seen[:, :, :, 2], given[:, :, :, 1] = False, False
    masks = {"source_mask": seen, "target_mask": given}
    logits, (read, wrote) = model(SOURCE, STARTED, **masks, return_weights=True)
    assert_close(logits, model(SOURCE, STARTED, **masks))
    for weights, hidden in ((read[0], 2), (wrote[0][0], 1), (wrote[0][1], 2)):
        looked = weights.sum(dim=(0, 1, 2)) > 0
        assert [i for i, seen in enumerate(looked.tolist()) if not seen] == [hidden]


@pytest.mark.parametrize("name", ["source_mask", "target_mask"])
@pytest.mark.parametrize(
    "mask, says",
    [
        (torch.ones(5, 5).bool(), r"\(batch, 1, 1, key\) = \(5, 1, 1, 5\), got \(5, 5\)"),
        (torch.ones(5, 1, 1, 5), r"must be bool, True = may look; got torch\.float32"),
    ],
)
def test_a_mask_that_is_no_padding_mask_is_refused(name, mask, says, unchecked):
    ids = torch.full((5, 5), 6)
    with pytest.raises(ValueError, match=says):
        Seq2Seq(SMALL)(ids, ids, **{name: mask})


def test_one_source_does_not_serve_two_targets_unseen(unchecked):
    with pytest.raises(ValueError, match="2 targets for 1 sources"):
        Seq2Seq(SMALL)(SOURCE[:1], TARGET)


def test_both_sides_may_have_their_own_depth():
    model = Seq2Seq(replace(SMALL, num_layers=(3, 1)))
    assert (len(model.encoder.blocks), len(model.decoder.blocks)) == (3, 1)


def test_any_callable_goes_around_a_sublayer_and_a_last_norm_is_asked_for():
    def around(norm, dropout):
        return lambda x, sublayer: x + sublayer(x) / 2

    model = Seq2Seq(SMALL, residual=around, last_norm=nn.Identity)
    block, memory = model.encoder.blocks[0], model.position(model.embed_source(SOURCE[:, 2:5]))
    mixed = memory + block.attention(memory) / 2
    assert_close(block(memory), mixed + block.feed_forward(mixed) / 2)
    assert isinstance(model.encoder.norm, nn.Identity) and model(SOURCE, TARGET).shape[-1] == 23
    for unknown, name in ((PreNorm, "PreNorm"), (around, "around")):
        with pytest.raises(ValueError, match=f"last_norm comes after blocks of {name}, or nn.Ide"):
            Seq2Seq(SMALL, residual=unknown)
    assert isinstance(made(PreNorm).decoder.norm, LayerNorm)


@pytest.mark.parametrize("position", [None, Rotary(22)])
def test_padding_on_the_left_with_its_masks_and_places_changes_nothing(position):
    look = MultiHeadAttention
    own = {"attention": partial(look, position=position), "cross_attention": look}
    model = Seq2Seq(replace(SMALL, num_heads=3), **own).double()
    source, target = torch.tensor([[5, 6, 7, 8]]), torch.tensor([[1, 5, 6]])
    lefts = {"source": F.pad(source, (3, 0), value=PAD), "target": F.pad(target, (2, 0), value=PAD)}
    given = {}
    for name, ids in lefts.items():
        given[f"{name}_mask"] = (ids != PAD)[:, None, None]
        given[f"{name}_places"] = ((ids != PAD).cumsum(-1) - 1).clamp(min=0)
    output = model(lefts["source"], lefts["target"], **given)
    assert_close(output[:, 2:], model(source, target))
