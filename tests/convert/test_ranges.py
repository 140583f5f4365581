"""The range of a model's pictures is told by its first layers, where they scale."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")
from keras import layers, ops  # noqa: E402

from convert import network  # noqa: E402
from tests.convert.test_ends import SIDE_PX, body, converted  # noqa: E402

pytestmark = pytest.mark.slow


def headed(front, **more):
    keras.utils.set_random_seed(7)
    x = keras.Input((SIDE_PX, SIDE_PX, 3), **more)
    return keras.Model(x, layers.Dense(1, "sigmoid")(body(front(x))))


def normalization(mean, variance):
    """As adapt() leaves it."""
    layer = layers.Normalization()
    layer.build((None, SIDE_PX, SIDE_PX, 3))
    layer.set_weights([np.full(3, mean), np.full(3, variance), np.array(9)])
    layer.finalize_state()
    return layer


def caffe(x):
    return x[..., ::-1] - ops.convert_to_tensor(np.array([103.9, 116.8, 123.7], np.float32))


NOTICED = {
    "by-255": (layers.Rescaling(1 / 255), "0..255"),
    "by-127": (layers.Rescaling(1 / 127.5, -1), "0..255"),
    "of-0-to-1": (layers.Rescaling(2, -1), "0..1"),
    "to-0-to-1": (layers.Rescaling(0.5, 0.5), "-1..1"),
    "functions": (lambda x: x / 127.5 - 1, "0..255"),
    "mean-of-255": (normalization(115, 3300), "0..255"),
    "mean-of-1": (normalization(0.45, 0.05), "0..1"),
    "caffe": (caffe, "0..255"),
    "behind-augmentation": (
        keras.Sequential([layers.RandomFlip("horizontal"), layers.Rescaling(1 / 255)]),
        "0..255",
    ),
    "two-in-a-row": (
        keras.Sequential([layers.Rescaling(1 / 255), normalization(0.45, 0.05)]),
        "0..255",
    ),
}


@pytest.fixture(scope="module")
def crops():
    pictures = np.random.default_rng(0).integers(0, 256, (6, SIDE_PX, SIDE_PX, 3))
    return (pictures / 127.5 - 1).astype(np.float32)


def own(model, crops, input_range):
    low, high = map(int, input_range.split(".."))
    pictures = low + (high - low) * (crops + 1) / 2
    return np.asarray(model(pictures.astype(np.float32), training=False))[:, 0]


@pytest.mark.parametrize(("front", "expected"), NOTICED.values(), ids=NOTICED)
def test_layers_in_front_tell_the_range(front, expected, crops) -> None:
    model = headed(front)
    classifier = network.as_classifier(model)
    assert classifier.noticed == classifier.input_range == expected
    np.testing.assert_allclose(converted(classifier, crops), own(model, crops, expected), atol=1e-5)
    np.testing.assert_allclose(
        classifier.probability(crops), own(model, crops, expected), atol=1e-6
    )


@pytest.mark.parametrize(
    "front", [layers.ZeroPadding2D(2), layers.RandomFlip(), layers.Conv2D(3, 3)]
)
def test_without_them_it_is_assumed(front) -> None:
    classifier = network.as_classifier(headed(front))
    assert (classifier.noticed, classifier.input_range) == (None, "-1..1")


def test_what_is_stated_counts(crops) -> None:
    model = headed(layers.Rescaling(1 / 255))
    classifier = network.as_classifier(model, "0..1")
    assert (classifier.noticed, classifier.input_range) == ("0..255", "0..1")
    np.testing.assert_allclose(classifier.probability(crops), own(model, crops, "0..1"), atol=1e-6)


def test_integers_are_given_whole(crops) -> None:
    model = headed(layers.Rescaling(1 / 255), dtype="uint8")
    pictures = np.rint((crops + 1) * 127.5).astype(np.uint8)
    expected = np.asarray(model(pictures, training=False))[:, 0]
    classifier = network.as_classifier(model)
    np.testing.assert_allclose(classifier.probability(crops), expected, atol=1e-6)
    np.testing.assert_allclose(converted(classifier, crops), expected, atol=1e-5)
