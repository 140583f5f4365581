"""Folding batch norm changes the layers of a network and nothing that it computes."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")
from convert.fold import fold  # noqa: E402
from models import meso  # noqa: E402

pytestmark = pytest.mark.slow
SIDE_PX = 64


def lived_in(model, seed=5, lowest_gamma=0.3):
    """The same model with batch norms that do something."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            width = layer.moving_mean.shape[0]
            ranges = [(lowest_gamma, 2)] * layer.scale + [(-1, 1)] * layer.center
            ranges += [(-0.3, 0.3), (0.3, 2)]
            layer.set_weights([rng.uniform(*bounds, width) for bounds in ranges])
    return model


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def same_answers(one, other, side_px=SIDE_PX):
    rng = np.random.default_rng(0)
    pictures = rng.uniform(-1, 1, (3, side_px, side_px, 3)).astype(np.float32)
    np.testing.assert_allclose(
        one.predict_on_batch(pictures), other.predict_on_batch(pictures), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("build", [meso.meso4, meso.mesoinception4])
def test_mesonets_lose_every_batch_norm_and_nothing_else(build) -> None:
    model = lived_in(build(SIDE_PX))
    folded = fold(model)
    assert "BatchNormalization" in kinds(model)
    assert "BatchNormalization" not in kinds(folded)
    same_answers(model, folded)
    names = [layer.name for layer in folded.layers]
    assert names.index("conv4_pool_shift") == names.index("conv4_pool") + 1, "added after the pool"


def test_one_that_turns_its_input_around_stays() -> None:
    model = lived_in(meso.meso4(SIDE_PX))
    norm = model.get_layer("conv2_norm")
    gamma, *others = norm.get_weights()
    norm.set_weights([-gamma, *others])
    folded = fold(model)
    assert kinds(folded).count("BatchNormalization") == 1
    same_answers(model, folded)


def test_what_the_converter_folds_is_left_to_it() -> None:
    model = meso.meso3(SIDE_PX)
    assert fold(model) is model


def test_depthwise_branches_and_layers_of_their_own() -> None:
    """A convolution that somebody else reads too cannot take the scale."""
    layers = keras.layers
    image = keras.Input((SIDE_PX, SIDE_PX, 3))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", name="depth")(image)
    x = layers.Activation("relu")(x)
    x = layers.BatchNormalization(center=False)(x)
    shared = layers.Conv2D(4, 3, activation="relu", use_bias=False, name="shared")(x)
    y = layers.BatchNormalization(scale=False)(shared)
    z = layers.GlobalAveragePooling2D()(layers.Concatenate()([y, shared]))
    z = layers.Dense(5, activation="relu")(z)
    model = lived_in(keras.Model(image, layers.Dense(1)(layers.BatchNormalization()(z))))
    folded = fold(model)
    assert kinds(folded).count("BatchNormalization") == 1
    same_answers(model, folded)


def test_a_layer_used_twice_is_left_alone() -> None:
    layers = keras.layers
    image = keras.Input((SIDE_PX, SIDE_PX, 3))
    conv = layers.Conv2D(3, 3, padding="same", activation="relu")
    x = layers.BatchNormalization()(conv(conv(image)))
    model = lived_in(keras.Model(image, layers.Dense(1)(layers.Flatten()(x))))
    assert fold(model) is model


def test_what_a_function_reads_too_is_left_alone() -> None:
    layers = keras.layers
    image = keras.Input((SIDE_PX, SIDE_PX, 3))
    conv = layers.Conv2D(4, 3, activation="relu")(image)
    both = keras.ops.add(keras.ops.abs(conv), layers.BatchNormalization()(conv))
    model = lived_in(keras.Model(image, layers.GlobalAveragePooling2D()(both)))
    assert fold(model) is model


def test_norms_that_are_used_twice_are_left_alone() -> None:
    layers = keras.layers
    image = keras.Input((SIDE_PX, SIDE_PX, 3))
    conv, norm = layers.Conv2D(3, 3, padding="same", activation="relu"), layers.BatchNormalization()
    x = layers.Add()([norm(conv(image)), norm(conv(-image))])
    model = lived_in(keras.Model(image, layers.GlobalAveragePooling2D()(x)))
    assert fold(model) is model


def test_a_norm_of_another_axis_is_left_alone() -> None:
    layers = keras.layers
    image = keras.Input((SIDE_PX, SIDE_PX, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    model = keras.Model(image, layers.Flatten()(layers.BatchNormalization(axis=1)(x)))
    assert fold(lived_in(model)) is model


def test_a_normalization_keeps_what_it_was_fitted_to() -> None:
    layers = keras.layers
    norm = layers.Normalization()
    norm.build((None, SIDE_PX, SIDE_PX, 3))
    norm.set_weights([np.full(3, 0.3), np.full(3, 0.2), np.array(7)])
    norm.finalize_state()
    image = keras.Input((SIDE_PX, SIDE_PX, 3))
    x = layers.Conv2D(4, 3, activation="relu")(norm(image))
    x = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(x))
    model = lived_in(keras.Model(image, x))
    folded = fold(model)
    assert "BatchNormalization" not in kinds(folded)
    same_answers(model, folded)
