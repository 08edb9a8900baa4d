"""The Vision Transformer is Hugging Face's, and patches are what a convolution sees."""

import json

import pytest
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from course_lib.models.counting import count_parameters
from course_lib.models.vit import VITS, Vit, VitConfig, mean_of_patches, to_patches
from course_lib.pretrained.vit import load_vit

SMALL = VitConfig(6, 2, 33, 3, 2, 19, 5, channels=2)
IMAGES = torch.randn(4, 2, 6, 6, generator=torch.Generator().manual_seed(1))


def their_model(**more):
    config = transformers.ViTConfig(
        image_size=6,
        patch_size=2,
        num_channels=2,
        hidden_size=33,
        num_attention_heads=3,
        num_hidden_layers=2,
        intermediate_size=19,
        num_labels=5,
        attn_implementation="eager",
        **more,
    )
    theirs = transformers.ViTForImageClassification(config).eval()
    for parameter in theirs.parameters():  # a fresh norm or bias would hide a mix-up
        torch.nn.init.normal_(parameter, std=0.5)
    return theirs


def test_scores_weights_and_gradients_are_hugging_faces(tmp_path):
    theirs = their_model()
    theirs.save_pretrained(tmp_path)
    ours = load_vit(tmp_path)
    assert ours.config == SMALL
    ours, theirs, images = ours.double(), theirs.double(), IMAGES.double()
    logits, weights = ours(images, return_weights=True)
    expected = theirs(images, output_attentions=True)
    assert_close(
        logits,
        expected.logits,
        rtol=0,
        atol=1e-5,  # their softmax is in float32
    )
    assert_close(ours(images), logits, rtol=0, atol=1e-10)
    for here, there in zip(weights, expected.attentions, strict=True):
        assert here.shape == (4, 3, 10, 10)
        assert_close(here, there, rtol=0, atol=1e-5)
    along = torch.randn_like(logits)
    (logits * along).sum().backward()
    (expected.logits * along).sum().backward()
    filters = theirs.vit.embeddings.patch_embeddings.projection.weight.grad
    assert_close(ours.embed.weight.grad, filters.flatten(1), rtol=0, atol=1e-4)


def test_what_does_not_fit_is_named(tmp_path):
    their_model().save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    cls = tensors.pop("vit.embeddings.cls_token")
    save_file(tensors | {"extra": cls}, path)
    with pytest.raises(ValueError, match=r"missing=\['vit.*cls_token'\], unexpected=\['extra'\]"):
        load_vit(tmp_path)


def test_another_bend_is_refused(tmp_path):
    their_model(hidden_act="relu").save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="hidden_act='relu', only with 'gelu'"):
        load_vit(tmp_path)


def test_squares_may_be_told_by_both_sides_and_others_are_refused(tmp_path):
    theirs = their_model()
    theirs.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told | {"image_size": [6, 6], "patch_size": [2, 2]}))
    assert load_vit(tmp_path).config == SMALL
    path.write_text(json.dumps(told | {"image_size": [6, 8]}))
    with pytest.raises(ValueError, match=r"image_size=\[6, 8\], only with squares"):
        load_vit(tmp_path)


def test_patches_times_a_matrix_are_a_convolution_and_unfolded_columns():
    weight, bias = torch.randn(7, 2, 2, 2), torch.randn(7)
    patches = to_patches(IMAGES, 2)
    assert torch.equal(patches, F.unfold(IMAGES, 2, stride=2).mT)
    convolved = F.conv2d(IMAGES, weight, bias, stride=2).flatten(2).mT  # (batch, patch, 7)
    assert_close(patches @ weight.flatten(1).T + bias, convolved)
    assert not torch.equal(patches, IMAGES.reshape(4, 9, 8))  # which mixes rows of several


def test_a_patch_is_a_square_of_the_image_row_by_row():
    image = torch.arange(36.0).view(1, 1, 6, 6)
    assert to_patches(image, 2)[0, 4].tolist() == [14.0, 15.0, 20.0, 21.0]


COUNTED = {"vit-base-patch16-224": 86_567_656, "vit-large-patch16-224": 304_326_632}


@pytest.mark.parametrize("name", COUNTED)
def test_published_sizes_have_as_many_parameters(name):
    assert count_parameters(Vit, VITS[name]) == COUNTED[name]


def test_the_mean_leaves_the_first_token_out():
    model = Vit(SMALL, pool=mean_of_patches).eval()
    x = model.encoder(model.position(torch.randn(1, 10, 33)))
    assert_close(model.pool(x), x[:, 1:].sum(1) / 9)
    assert not torch.equal(model(IMAGES), Vit(SMALL).eval()(IMAGES))


def test_images_and_patches_that_do_not_fit_are_refused(unchecked):
    with pytest.raises(ValueError, match="image_size=6, patch_size=4"):
        VitConfig(6, 4, 33, 3, 2, 19, 5)
    with pytest.raises(ValueError, match="height=6, width=6, patch_size=4"):
        to_patches(IMAGES, 4)
    with pytest.raises(ValueError, match=r"\(batch, \*\(2, 6, 6\)\), got \(4, 2, 6, 4\)"):
        Vit(SMALL)(IMAGES[..., :4])
