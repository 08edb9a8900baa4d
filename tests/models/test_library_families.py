"""The families of docs/library.md: its table names what is there, and its code runs."""

import re

import torch

import course_lib.models
from course_lib.models.counting import count_parameters
from course_lib.paths import ROOT

TEXT = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
_, _, SECTION = TEXT.partition("\n## Published encoders and encoder–decoders\n")
(CODE,) = re.findall(r"^```python\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
PAGE: dict = {}
exec(CODE, PAGE)


def test_the_table_names_models_sizes_and_loaders_that_are_there():
    rows = [line for line in SECTION.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 8
    for name in re.findall(r"\b[A-Z]\w+", "".join(row.split("|")[2] for row in rows)):
        assert hasattr(course_lib.models, name), name
    loaders = re.findall(r"`(pretrained\.\w+)(?:\.(\w+))?`", SECTION)
    assert len(loaders) == 6
    for module, function in loaders:
        found = __import__(f"course_lib.{module}", fromlist=["x"])
        assert not function or callable(getattr(found, function))


def test_layers_that_share_a_block_cost_one():
    whole = count_parameters(PAGE["small_albert"], 97)
    (block,) = PAGE["small_albert"](97).bert.blocks
    assert whole < 2 * sum(p.numel() for p in block.parameters())


def test_hidden_tokens_are_filled_in_and_others_stay():
    model = PAGE["small_albert"](97).eval()
    ids = torch.tensor([[5, 1, 7, 0], [1, 9, 8, 6]])
    filled = PAGE["fill_in"](model, ids, mask_id=1, pad_id=0)
    assert torch.equal(filled[ids != 1], ids[ids != 1])
    scores = model(ids, (ids != 0)[:, None, None])
    assert torch.equal(filled[ids == 1], scores[ids == 1].argmax(-1))


def test_whisper_writes_what_it_hears():
    assert PAGE["transcribe"](torch.zeros(16_000)) == " you"  # in silence too, as it is known for
