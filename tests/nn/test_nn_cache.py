"""What was read piece by piece into a cache is what is read at once: 200 random configurations."""

import random
from functools import partial

import pytest
import torch
from small_decoder import MAX_LEN, POSITIONS, SmallDecoder, small_ids
from torch.testing import assert_close

from course_lib.nn import (
    Cache,
    Decoder,
    DecoderBlock,
    FeedForward,
    GrowingCache,
    LayerNorm,
    MultiHeadAttention,
    PreNorm,
    StaticCache,
    causal_mask,
    hide_unseen,
    lean,
)

LIMITS = {torch.float32: 2e-5, torch.float64: 1e-11}
both = pytest.mark.parametrize("make", [GrowingCache, partial(StaticCache, 23)])


def pieces(draw, seq):
    """Cut 0 ... seq into chunks of random sizes: prefills of several tokens, and single steps."""
    return [*sorted(draw.sample(range(1, seq), draw.randint(0, seq - 1))), seq]


def left_padding(draw, batch, seq):
    """How much padding each row has in front; None where there is none."""
    if draw.random() < 0.5:
        return None
    starts = torch.tensor([draw.randrange(seq) for _ in range(batch)])
    return torch.arange(seq) >= starts[:, None]


@pytest.mark.parametrize("number", range(200))
def test_piece_by_piece_is_at_once(number):
    draw = random.Random(number)
    kv_heads, group = draw.choice([1, 2, 3]), draw.choice([1, 2])
    window = draw.choice([None, 1, 2, 3, 5])
    rule = causal_mask if window is None else partial(causal_mask, window=window)
    dtype = draw.choice(list(LIMITS))
    sizes = {"num_heads": kv_heads * group, "num_kv_heads": kv_heads, "d_head": 2 * group + 2}
    model = SmallDecoder(draw.choice(POSITIONS), num_layers=draw.choice([1, 2, 3]), **sizes)
    model = model.to(dtype).eval()

    batch, seq = draw.choice([1, 2, 5]), draw.choice([1, 2, 7, 11])
    ids, seen = small_ids(batch, seq), left_padding(draw, batch, seq)
    given, rows = {"mask": rule}, torch.ones_like(ids, dtype=torch.bool)
    if seen is not None:
        places = (seen.cumsum(-1) - 1).clamp(min=0)
        given, rows = {"mask": hide_unseen(rule, seen), "places": places}, seen
    kept = draw.choice([None, window])
    cache = draw.choice([GrowingCache(kept), StaticCache(seq + draw.randint(0, 3), kept)])
    with torch.no_grad():
        whole = model(ids, **given)
        read = []
        for end in pieces(draw, seq):
            if seen is not None:
                given = {"mask": hide_unseen(rule, seen[:, :end]), "places": places[:, :end]}
            read.append(model(ids[:, :end], cache=cache, **given))
    assert cache.length == seq
    assert_close(torch.cat(read, dim=1)[rows], whole[rows], rtol=0, atol=LIMITS[dtype])


def step_by_step(model, ids, cache, first=1):
    ends = range(first, ids.shape[1] + 1)
    return torch.cat([model(ids[:, :end], cache=cache) for end in ends], dim=1)


@both
@pytest.mark.parametrize("dtype, limit", [(torch.float16, 0.02), (torch.bfloat16, 0.2)], ids=str)
def test_half_precision_is_read_piece_by_piece_too(make, dtype, limit):
    model, ids = SmallDecoder("rotary").to(dtype).eval(), small_ids(seq=11)
    whole, cache = model(ids), make()
    read = step_by_step(model, ids, cache)
    assert read.dtype == dtype and all(x.key.dtype == dtype for x in cache.layers.values())
    assert_close(read, whole, rtol=0, atol=limit)


@pytest.mark.parametrize("make", [GrowingCache, partial(StaticCache, 6)])
@pytest.mark.parametrize("position", ["alibi", "rotary", "t5", "learned"])
def test_a_window_overflows_again_and_again(make, position):
    window = 3
    model = SmallDecoder(position, rule=partial(causal_mask, window=window)).double().eval()
    ids, cache = small_ids(seq=41), make(window=window)
    with torch.no_grad():
        read = [model(ids[:, :end], cache=cache) for end in (1, 2, 6, *range(7, 30), 33, 37, 41)]
        assert_close(torch.cat(read, dim=1), model(ids))
    assert cache.length == 41
    for past in cache.layers.values():
        assert past.read == 41 and past.key.shape[2] <= 6


def test_a_new_token_sees_a_window_of_keys_itself_among_them():
    for cache in (GrowingCache(3), StaticCache(5, 3)):
        seen = []
        for step in range(9):
            key = torch.full((1, 1, 1, 1), float(step))
            keys, values = cache.append("layer", key, -key)
            seen.append(keys.flatten().tolist())
            assert torch.equal(values, -keys)
        assert seen[:4] == [[0], [0, 1], [0, 1, 2], [1, 2, 3]] and seen[-1] == [6, 7, 8]


@both
def test_layers_do_not_mix(make):
    cache, one, other = make(), torch.randn(2, 3, 5, 7), torch.randn(2, 4, 5, 11)
    assert isinstance(cache, Cache) and cache.length == 0
    cache.append("one", one[:, :, :3], one[:, :, :3])
    assert cache.length == 3
    cache.append("other", other, other)
    keys, values = cache.append("one", one[:, :, 3:], one[:, :, 3:])
    assert torch.equal(keys, one) and torch.equal(values, one)


@both
def test_keys_and_values_may_have_other_widths_and_no_tokens(make):
    cache, key, value = make(), torch.randn(2, 3, 5, 7), torch.randn(2, 3, 5, 11)
    for part in (slice(0, 0), slice(0, 2), slice(2, 2), slice(2, 5)):
        keys, values = cache.append("layer", key[:, :, part], value[:, :, part])
        assert keys.shape[2] == values.shape[2] == part.stop
    assert torch.equal(keys, key) and torch.equal(values, value)


@both
@pytest.mark.parametrize("rows", [[2, 0, 0, 1], [1], [2, 1, 0], []])
def test_rows_are_put_in_another_order_and_go_on(make, rows):
    model, ids, rows = SmallDecoder("rotary").eval(), small_ids(3, 7), torch.tensor(rows).long()
    cache = make()
    with torch.no_grad():
        model(ids[:, :5], cache=cache)
        cache.reorder(rows)
        beams = torch.cat((ids[rows, :5], small_ids(len(rows), 4)), dim=1)
        read = step_by_step(model, beams, cache, first=6)
        assert_close(read, model(beams)[:, 5:], rtol=0, atol=2e-5)


@both
def test_the_memory_is_projected_once_and_follows_its_rows(make):
    d_model, heads, calls = 12, 3, []

    class Counted(MultiHeadAttention):
        def project(self, key, value):
            calls.append(self)
            return super().project(key, value)

    def block():
        parts = MultiHeadAttention(d_model, heads), Counted(d_model, heads)
        return DecoderBlock(*parts, FeedForward(d_model, 17), lambda: PreNorm(LayerNorm(d_model)))

    decoder = Decoder([block(), block()]).eval()
    x, memory, cache = torch.randn(2, 7, d_model), torch.randn(2, 5, d_model), make()
    with torch.no_grad():
        whole = decoder(x, memory, causal_mask)
        calls.clear()
        parts = [decoder(part, memory, causal_mask, cache=cache) for part in x.split([3, 1, 3], 1)]
        assert_close(torch.cat(parts, dim=1), whole)
        assert len(calls) == len(set(calls)) == 2
        cache.reorder(torch.tensor([1, 1, 0]))
        again = torch.randn(3, 1, d_model)
        expected = decoder(torch.cat((x[[1, 1, 0]], again), 1), memory[[1, 1, 0]], causal_mask)
        output, weights = decoder(
            again, memory[[1, 1, 0]], causal_mask, cache=cache, return_weights=True
        )
        assert_close(output, expected[:, -1:])
        assert weights[0][1].shape == (3, heads, 1, 5)
    with pytest.raises(ValueError, match=r"a memory of \(batch, key\) = \(3, 5\), got \(3, 4\)"):
        decoder(again, memory[[1, 1, 0], :4], causal_mask, cache=cache)


def test_gradients_flow_through_a_growing_cache():
    model, ids = SmallDecoder("rotary").double(), small_ids(seq=7)
    along = torch.randn(3, 7, 13).double()
    (model(ids) * along).sum().backward()
    expected = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    (step_by_step(model, ids, GrowingCache()) * along).sum().backward()
    for p, grad in zip(model.parameters(), expected, strict=True):
        assert_close(p.grad, grad)


def test_a_static_cache_writes_where_it_is_and_returns_views():
    cache = StaticCache(7)
    keys, _ = cache.append("layer", *torch.ones(2, 2, 3, 5, 11))
    again, _ = cache.append("layer", *torch.ones(2, 2, 3, 2, 11))
    assert keys.data_ptr() == again.data_ptr() and again.shape == (2, 3, 7, 11)
    assert cache.nbytes == 2 * 2 * 3 * 7 * 11 * 4


def test_bytes_are_those_of_what_is_kept():
    cache = GrowingCache()
    assert cache.nbytes == 0
    cache.append("layer", torch.ones(2, 3, 5, 7).half(), torch.ones(2, 3, 5, 11).half())
    cache.once("other", lambda: (torch.ones(2, 1, 1, 1), torch.ones(2, 1, 1, 1)))
    assert cache.nbytes == 2 * 3 * 5 * (7 + 11) * 2 + 16
    windowed = GrowingCache(window=3)
    windowed.append("layer", *torch.ones(2, 2, 3, 5, 7))
    assert windowed.nbytes == 2 * 2 * 3 * 2 * 7 * 4


def test_a_cache_has_a_size():
    with pytest.raises(ValueError, match="max_len=0"):
        StaticCache(0)
    for make in (GrowingCache, partial(StaticCache, 5)):
        with pytest.raises(ValueError, match="window=0"):
            make(window=0)


def test_what_does_not_fit_is_refused(unchecked):
    for cache in (GrowingCache(), StaticCache(7)):
        cache.append("layer", *torch.ones(2, 2, 3, 5, 11))
        for shape in ((1, 3, 1, 11), (2, 1, 1, 11), (2, 3, 1, 1)):
            had, got = r"= \(2, 3, 11\)", f"got \\({shape[0]}, {shape[1]}, {shape[3]}\\)"
            with pytest.raises(ValueError, match=f"{had}, {got}"):
                cache.append("layer", *torch.ones(2, *shape))
        with pytest.raises(ValueError, match=r"rows 0 to 1, asked for \[0, 2\]"):
            cache.reorder(torch.tensor([0, 2]))
        with pytest.raises(ValueError, match=r"rows must be \(rows,\), got shape \(1, 2\)"):
            cache.reorder(torch.tensor([[0, 1]]))
        assert cache.length == 5
    with pytest.raises(ValueError, match="max_len=7 that holds 5 tokens can't take 3"):
        cache.append("layer", *torch.ones(2, 2, 3, 3, 11))
    assert cache.length == 5 and cache.append("layer", *torch.ones(2, 2, 3, 2, 11))[0].shape[2] == 7
    narrow = StaticCache(4, window=3)
    with pytest.raises(ValueError, match="max_len=4 that holds 0 tokens can't take 5"):
        narrow.append("layer", *torch.ones(2, 2, 3, 5, 11))
    narrow.append("layer", *torch.ones(2, 2, 3, 4, 11))
    with pytest.raises(ValueError, match="max_len=4 that holds 2 tokens can't take 3"):
        narrow.append("layer", *torch.ones(2, 2, 3, 3, 11))


def test_places_shorter_than_the_keys_are_refused(unchecked):
    model, ids, cache = SmallDecoder("rotary").eval(), small_ids(3, 7), GrowingCache()
    model(ids[:, :5], cache=cache)
    with pytest.raises(ValueError, match=r"need a place for each key, \(7,\) or \(3, 7\), got"):
        model(ids, places=torch.arange(6), cache=cache)


def test_past_the_table_of_places_there_are_none():
    model, cache = SmallDecoder("learned").eval(), GrowingCache(window=2)
    ids = small_ids(1, MAX_LEN + 1)
    model(ids[:, :MAX_LEN], cache=cache)
    with pytest.raises(ValueError, match="places 0 to 63, asked for seq=1 of them from offset=64"):
        model(ids, cache=cache)


@both
def test_a_cache_does_not_change_its_model(make):
    model, ids, cache = SmallDecoder("rotary").eval(), small_ids(3, 7), make()
    model(ids[:, :5], cache=cache)
    for other in (SmallDecoder("rotary").eval(), lean(model)):
        with pytest.raises(ValueError, match=r"it has read 5 tokens, and a layer comes that .* 2"):
            other(ids, cache=cache)
    assert_close(model(ids, cache=cache), model(ids)[:, 5:], rtol=0, atol=2e-5)


def test_a_block_that_stands_in_a_stack_twice_is_refused():
    stack = SmallDecoder("rotary", num_layers=1).stack
    stack.blocks.extend(2 * [stack.blocks[0]])
    x = torch.randn(2, 3, 8)
    assert stack(x, causal_mask).shape == x.shape
    with pytest.raises(ValueError, match="3 blocks are 1 modules"):
        stack(x, causal_mask, cache=GrowingCache())
