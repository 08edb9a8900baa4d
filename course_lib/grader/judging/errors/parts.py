"""What an error of a module means: how it is made, what it stores, what it is handed."""

import re
from collections.abc import Sequence

PARTS = (
    (r"'Tensor'.* '(append|extend)'", "a tensor doesn't grow: `torch.cat` makes a longer one"),
    (
        r"'(int|float|bool)' object is not callable",
        "a number is called as if it were a function or a layer: what was its name given last?",
    ),
    (
        r"indexing tensors could not be broadcast",
        "places along two axes come in pairs, one of each for every value: is one of the two "
        "counted along another axis?",
    ),
    (
        r"Module \[Module(List|Dict)\] is missing",
        "a list of modules isn't called itself: go through it with `for`, or take one of it",
    ),
    (
        r"is missing the required \"forward\"|_forward_unimplemented",
        "your class has no `forward`: is it misspelt, or indented into another method?",
    ),
    (r"before Module\.__init__", "the first line of `__init__` is missing: `super().__init__()`"),
    (
        r"'(Linear|Embedding)' object has no attribute '(T|mT|t|transpose|shape|size|dtype)'"
        r"|unsupported operand .*'(Linear|Embedding)'|must be Tensor, not (Linear|Embedding)",
        "a layer is no tensor: its numbers are in its `.weight`",
    ),
    (
        r"operand .*'\w*(LU|Tanh|Norm)'|must be Tensor, not \w*(LU|Tanh|Norm)",
        "a class of `nn` is made first, as `nn.ReLU()(x)`; what its call makes is no tensor",
    ),
    (
        r"embedding\(\): argument 'indices' .*must be Tensor, not int",
        "an embedding looks up a tensor of row numbers, and one number came in: all rows up to n "
        "are `table(torch.arange(n))`",
    ),
    (
        r"^IndexError: index out of range in self",
        "an embedding has no row of this number: are too few made, or is it handed something else "
        "than it holds rows for?",
    ),
    (
        r"a norm for d_model=\d+ can't serve",
        "a norm reads vectors as long as d_model, and what came in has another last axis: is it "
        "handed ids, or what another layer gives?",
    ),
    (
        r"num_heads \| d_model|num_heads must divide d_model",
        "the number of heads must divide d_model: are two arguments exchanged?",
    ),
    (
        r"ids must be \(batch, key\)",
        "padding is told by the ids: hand these in, not the vectors that were made of them",
    ),
    (
        r"^ValueError: mask must be bool",
        "a mask holds True and False: compare, or end with `.bool()`",
    ),
    (
        r"these masks don't fit together: "
        r"(\((\d+), \2\), \(\d+, \d+, \d|\(\d+, \d+, \d[\d, ]*\), \((\d+), \3\))",
        "these masks differ in length: is one made of a row that is cut, and the other of the "
        "whole row?",
    ),
    (
        r"these masks don't fit together",
        "a mask of padding, (batch, key), gets two axes before it is joined with another: "
        "`[:, None, None, :]`, as `padding_mask` gives it",
    ),
    (
        r"mask \((\d+, ){3}\d+\) does not broadcast to scores",
        "a mask of four axes is longer or shorter than queries or keys: is it another text's?",
    ),
    (
        r"for each of the scores' axes|does not broadcast to scores",
        "the mask's axes are not (batch, heads, query, key): `(batch, key)` gets two axes by "
        "`[:, None, None, :]`, and a mask that has four is handed on as it is",
    ),
    (
        r"same number of spatial dimensions",
        "`interpolate` wants (batch, channels, height, width): `permute` puts the axes in this "
        "order, and `[None]` gives one more in front",
    ),
)


def never_stored(crash: Sequence[str]) -> str:
    """That a method asks its own object for what it doesn't hold; "" for every other error."""
    found = re.search(r"^AttributeError: '(\w+)' object has no attribute '(\w+)'", crash[0])
    own = found and any(
        re.search(rf"(in|from) {found[1]}\.\w+, .*\bself\.{found[2]}\b", line) for line in crash[1:]
    )
    if not own:
        return ""
    name = f"`self.{found[2]}`"
    return f"{name} was never stored: does `__init__` say {name[:-1]} = …`, spelt like that?"
