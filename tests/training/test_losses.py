"""The loss against PyTorch's own, forward and gradient."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy as theirs

from course_lib.training import cross_entropy

VOCAB = 11


def drawn(*shape, dtype=torch.float32, large=1.0):
    logits = (large * torch.randn(*shape, VOCAB, dtype=torch.float64)).to(dtype)
    return logits.requires_grad_(), torch.randint(VOCAB, shape)


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 5), (1,)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("pad_id", [None, 0, 7, -100])
def test_it_is_pytorchs(shape, smoothing, pad_id):
    logits, targets = drawn(*shape, dtype=torch.float64)
    if pad_id is not None and targets.numel() > 1:
        targets.view(-1)[1::3] = pad_id
    ours = cross_entropy(logits, targets, smoothing=smoothing, pad_id=pad_id)
    ignored = {} if pad_id is None else {"ignore_index": pad_id}
    flat = (logits.view(-1, VOCAB), targets.view(-1))
    wanted = theirs(*flat, label_smoothing=smoothing, **ignored)
    torch.testing.assert_close(ours, wanted, rtol=1e-12, atol=0)
    ours_grad, their_grad = (torch.autograd.grad(x, logits)[0] for x in (ours, wanted))
    torch.testing.assert_close(ours_grad, their_grad, rtol=1e-10, atol=1e-15)


def test_equal_scores_give_the_logarithm_of_the_vocabulary():
    loss = cross_entropy(torch.zeros(3, 5, VOCAB), torch.zeros(3, 5, dtype=torch.long))
    assert loss.item() == pytest.approx(math.log(VOCAB), abs=1e-6)


def test_by_hand():
    logits = torch.tensor([[math.log(3.0), 0.0]])  # shares 3/4 and 1/4
    loss = cross_entropy(logits, torch.tensor([0]), smoothing=0.2)
    wanted = -0.8 * math.log(3 / 4) - 0.1 * (math.log(3 / 4) + math.log(1 / 4))
    assert loss.item() == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("targets", [torch.full((2, 3), 5), torch.empty(0, 3, dtype=torch.long)])
def test_where_nothing_counts_it_is_zero_and_teaches_nothing(targets):
    logits = torch.randn(*targets.shape, VOCAB, requires_grad=True)
    loss = cross_entropy(logits, targets, pad_id=5, smoothing=0.1)
    loss.backward()
    assert loss.item() == 0.0 and not logits.grad.any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_counted_in_float32(dtype):
    logits, targets = drawn(3, 37, dtype=dtype, large=40.0)
    loss = cross_entropy(logits, targets, smoothing=0.1)
    exact = cross_entropy(logits.double(), targets, smoothing=0.1)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss.double(), exact, rtol=1e-6, atol=0)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.dtype == dtype and gradient.isfinite().all()


def test_a_forbidden_token_that_is_padding_spoils_nothing():
    logits = torch.randn(2, VOCAB)
    logits[1, 3:] = -torch.inf
    loss = cross_entropy(logits, torch.tensor([4, 7]), pad_id=7)
    torch.testing.assert_close(loss, theirs(logits[:1], torch.tensor([4])))


def test_targets_of_any_whole_numbers():
    logits, targets = drawn(3, 5)
    wanted = cross_entropy(logits, targets)
    assert torch.equal(cross_entropy(logits, targets.to(torch.int32)), wanted)


@pytest.mark.parametrize(
    ("shapes", "more", "told"),
    [
        (((3, 5, VOCAB), (3, 4)), {}, r"the shapes \(3, 5, 11\) and \(3, 4\)"),
        (((3, VOCAB, 5), (3, 5)), {}, r"the shapes \(3, 11, 5\) and \(3, 5\)"),
        (((3, VOCAB), (3,)), {"smoothing": 1.0}, "smoothing=1.0"),
        (((3, VOCAB), (3,)), {"smoothing": -0.1}, "smoothing=-0.1"),
    ],
)
def test_what_it_refuses(unchecked, shapes, more, told):
    logits, targets = torch.randn(shapes[0]), torch.zeros(shapes[1], dtype=torch.long)
    with pytest.raises(ValueError, match=told):
        cross_entropy(logits, targets, **more)


@pytest.mark.parametrize("wrong", [VOCAB, -1, 100])
def test_ids_outside_the_vocabulary_are_named(wrong):
    with pytest.raises(ValueError, match=f"targets must be 0 to 10, got .*{wrong}"):
        cross_entropy(torch.randn(3, VOCAB), torch.tensor([1, wrong, 3]))


def test_it_runs_without_numbers_and_in_one_compiled_graph(unchecked):
    logits, targets = drawn(3, 5)
    assert cross_entropy(logits.to("meta"), targets.to("meta"), pad_id=0).shape == ()
    compiled = torch.compile(cross_entropy, backend="eager", fullgraph=True)
    torch.testing.assert_close(
        compiled(logits, targets, smoothing=0.1, pad_id=3),
        cross_entropy(logits, targets, smoothing=0.1, pad_id=3),
    )
