"""Importing parts from their room, and what a part says of itself."""

import ast
import subprocess
import sys
from importlib import import_module
from importlib.resources import files

import pytest
import torch

import course_lib.generation
import course_lib.models
import course_lib.nn
import course_lib.training
from course_lib.nn import LayerNorm, MultiHeadAttention, Rotary

ROOMS = [course_lib.nn, course_lib.models, course_lib.generation, course_lib.training]
# What only other parts call.
INNER = {
    "check_mask", "check_padding", "mask_for", "aligned_places", "relative_places", "table_rows",
    "add_rows", "check_tokens", "check_looking", "check_bias", "check_rows", "check_seen",
    "check_heads", "Scorer", "at_rest", "Search", "lazily", "widened", "tensors", "taken_apart",
    "put_together", "checksum", "Stateful", "Look", "last_norm_after",
}  # fmt: skip


def public_names(room):
    """Functions and classes that the room's files define."""
    folder = files(room)
    for path in sorted(folder.rglob("*.py")):
        if path.stem != "__init__":
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_":
                    yield node.name


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_every_public_name_may_be_imported_from_its_room(room):
    given = {name: getattr(room, name) for name in room.__all__}
    constants = {name for name, x in given.items() if name.isupper() and not isinstance(x, type)}
    assert set(room.__all__) - constants == set(public_names(room)) - INNER
    assert dir(room) == room.__all__
    for file, names in room.PLACES.items():
        for name in names.split():
            assert getattr(room, name) is getattr(import_module(f"{room.__name__}.{file}"), name)
    with pytest.raises(ImportError, match="cannot import name 'Rotory'"):
        exec(f"from {room.__name__} import Rotory")


def test_a_part_imported_from_its_room_brings_no_other():
    script = (
        "import sys; from course_lib.nn import LayerNorm; "
        "print(*(m for m in sys.modules if m.startswith('course_lib.nn.')))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["course_lib.nn.norms"]


def test_type_checkers_are_told_that_there_are_annotations():
    assert files("course_lib").joinpath("py.typed").is_file()


@pytest.mark.parametrize(
    "part, says",
    [
        (
            MultiHeadAttention(12, 6, 2, d_head=5, dropout=0.1, scale=1.0),
            "d_model=12, num_heads=6, num_kv_heads=2, d_head=5, dropout=0.1, scale=1.0",
        ),
        (MultiHeadAttention(12, 3, position=Rotary(4)), "d_model=12, num_heads=3, d_head=4"),
        (Rotary(4), "Rotary(d_head=4, rotate_half)"),
        (LayerNorm(13, 1e-6, bias=False), "LayerNorm(13, eps=1e-06, bias=False)"),
        (course_lib.nn.RMSNorm(13), "RMSNorm(13, eps=1e-06)"),
        (course_lib.nn.Alibi(3), "Alibi(num_heads=3)"),
        (course_lib.nn.RelativeBias(3), "num_heads=3, num_buckets=32, max_distance=128, bid"),
        (course_lib.nn.Sinusoidal(6, 11), "Sinusoidal(d_model=6, max_len=11)"),
        (course_lib.nn.LearnedPositions(6, 11), "LearnedPositions(d_model=6, max_len=11)"),
        (course_lib.nn.TokenEmbedding(17, 4), "scale=2.0\n  (table): Embedding(17, 4)"),
        (
            course_lib.nn.TiedHead(course_lib.nn.TokenEmbedding(17, 4), bias=True),
            "TiedHead(d_model=4, vocab_size=17, bias=True)",
        ),
    ],
)
def test_a_part_prints_its_sizes(part, says):
    assert says in repr(part)


def test_sizes_are_printed_on_meta_too():
    with torch.device("meta"):
        assert "num_heads=3" in repr(MultiHeadAttention(12, 3))
