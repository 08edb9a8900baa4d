"""A checkpoint is a folder with a configuration and tensors, in one file or in several."""

import json

import huggingface_hub
import pytest
import torch
from safetensors.torch import save_file

from course_lib.pretrained.checkpoints import checkpoint_folder, read_config, read_tensors
from course_lib.pretrained.packages import MissingWeights


def test_a_folder_is_itself(tmp_path):
    assert checkpoint_folder(tmp_path) == checkpoint_folder(str(tmp_path)) == tmp_path


def test_a_name_is_the_hubs_and_no_pickle_is_asked_for(monkeypatch, tmp_path):
    asked = []

    def give(name, allow_patterns):
        asked.append((name, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", give)
    assert checkpoint_folder("someone/a-model") == tmp_path
    (asked,) = asked
    assert asked == ("someone/a-model", ["*.json", "*.safetensors", "*.txt", "*.model"])


def test_offline_the_error_says_what_to_run():
    with pytest.raises(MissingWeights, match="hf download nobody/no-such-model"):
        checkpoint_folder("nobody/no-such-model")


def test_tensors_come_from_one_file_or_from_several(tmp_path):
    one, other = {"a": torch.ones(2)}, {"b": torch.zeros(3)}
    save_file(one | other, tmp_path / "model.safetensors")
    assert read_tensors(tmp_path).keys() == {"a", "b"}
    (tmp_path / "model.safetensors").unlink()
    save_file(one, tmp_path / "first.safetensors")
    index = {"weight_map": {"a": "first.safetensors", "b": "second.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(MissingWeights, match=r"missing from .*'second\.safetensors'"):
        read_tensors(tmp_path)
    save_file(other, tmp_path / "second.safetensors")
    assert torch.equal(read_tensors(tmp_path)["b"], torch.zeros(3))


def test_what_is_not_there_is_named(tmp_path):
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(MissingWeights, match=r"'model\.safetensors'.*it has \['pytorch_model\.bin"):
        read_tensors(tmp_path)
    with pytest.raises(MissingWeights, match=r"no config\.json in"):
        read_config(tmp_path)
