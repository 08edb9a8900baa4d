"""Folders of checkpoints: what is broken, hostile or not said is named with its file."""

import json

import pytest
import torch
from safetensors.torch import save_file

from course_lib.pretrained.sources import ONE, SEVERAL, read_config, read_tensors

WHOLE = {"a": torch.ones(2), "b": torch.zeros(3)}


@pytest.mark.parametrize(
    "data, told",
    [
        (b'{"a"', "config.json can't be read as JSON"),
        (b"\xff\xfe{}", "config.json can't be read as JSON"),
        (b"[1]", "config.json must hold names and values, got list"),
    ],
)
def test_a_config_that_can_not_be_read_is_named(data, told, tmp_path):
    (tmp_path / "config.json").write_bytes(data)
    with pytest.raises(ValueError, match=told):
        read_config(tmp_path)


def test_what_a_config_does_not_say_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"here": 3, "nothing": null}')
    config = read_config(tmp_path)
    assert config["here"] == 3 and config.get("nothing") is None
    for name in ("nothing", "hidden_size"):
        with pytest.raises(ValueError, match=rf"config\.json does not say {name}"):
            config[name]


@pytest.mark.parametrize("change", [lambda raw: raw[:-3], lambda raw: b"PK" + raw, lambda raw: b""])
def test_a_file_that_is_not_whole_is_named(change, tmp_path):
    save_file(WHOLE, tmp_path / ONE)
    (tmp_path / ONE).write_bytes(change((tmp_path / ONE).read_bytes()))
    with pytest.raises(ValueError, match=r"model\.safetensors is no whole safetensors file"):
        read_tensors(tmp_path)


def indexed(folder, *names):
    told = {"weight_map": dict(enumerate(names))}
    (folder / SEVERAL).write_text(json.dumps(told))


def test_an_index_does_not_lead_out_of_the_folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    save_file(WHOLE, tmp_path / "x.safetensors")
    for name in ("../x.safetensors", str(tmp_path / "x.safetensors")):
        indexed(folder, name)
        with pytest.raises(
            ValueError, match=r"names files outside of the folder: .*x\.safetensors"
        ):
            read_tensors(folder)


def test_a_tensor_in_two_files_is_named(tmp_path):
    save_file(WHOLE, tmp_path / "1.safetensors")
    save_file({"b": torch.ones(3)}, tmp_path / "2.safetensors")
    indexed(tmp_path, "1.safetensors", "2.safetensors")
    with pytest.raises(ValueError, match=r"2.safetensors has tensors that another .* too: \['b'\]"):
        read_tensors(tmp_path)


def test_numbers_become_float32_and_whole_ones_stay(tmp_path):
    save_file({"a": torch.ones(2).bfloat16(), "b": torch.ones(2).char()}, tmp_path / ONE)
    tensors = read_tensors(tmp_path)
    assert tensors["a"].dtype == torch.float32 and tensors["b"].dtype == torch.int8
