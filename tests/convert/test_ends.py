"""A classifier's last sigmoid or softmax is found wherever it stands, or the model is refused."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")
from keras import layers, ops  # noqa: E402

from convert import network  # noqa: E402
from convert.errors import ConversionError  # noqa: E402
from server.analysis.scoring import sigmoid  # noqa: E402

pytestmark = pytest.mark.slow
SIDE_PX = 24


def picture(**more):
    return keras.Input((SIDE_PX, SIDE_PX, 3), **more)


def body(x, **more):
    x = layers.Conv2D(6, 3, strides=2, activation="relu", **more)(x)
    return layers.GlobalAveragePooling2D(**more)(x)


def ended(end=lambda x: x, units=1, **more):
    """A body, a Dense layer and an end."""
    x = picture()
    return keras.Model(x, end(layers.Dense(units, **more)(body(x))))


def pooled(*ends):
    """Fully convolutional: a 1x1 layer, pooled."""
    x = picture()
    y = layers.Conv2D(6, 3, strides=2, activation="relu")(x)
    for end in ends:
        y = end(y)
    return keras.Model(x, y)


def nested_head():
    x = picture()
    head = keras.Sequential(
        [keras.Input((6,)), layers.Dense(4, "relu"), layers.Dense(1, "sigmoid")]
    )
    return keras.Sequential([x, keras.Model(x, body(x)), head])


def wrapped():
    """A whole classifier inside of two models, its own batch norm frozen."""
    x, inner = picture(), ended(activation="sigmoid")
    return keras.Sequential([picture(), keras.Model(x, inner(x, training=False))])


def used_twice():
    """One network on a picture and its mirror image."""
    x, inner = picture(), ended()
    both = layers.Average()([inner(x), inner(x[:, :, ::-1])])
    return keras.Model(x, layers.Activation("sigmoid")(both))


def named_structures():
    x = picture(name="image")
    return keras.Model({"image": x}, {"p": layers.Dense(1, "sigmoid")(body(x))})


def in_16_bits(policy):
    x = picture()
    logit = layers.Dense(1, dtype=policy)(body(x, dtype=policy))
    return keras.Model(x, layers.Activation("sigmoid", dtype="float32")(logit))


def one_at_a_time():
    x = keras.Input(batch_shape=(1, SIDE_PX, SIDE_PX, 3))
    return keras.Model(x, layers.Dense(1, "sigmoid")(body(x)))


def strangely_named():
    x = keras.Input((SIDE_PX, SIDE_PX, 3), name="вход")
    y = layers.GlobalAveragePooling2D(name="_gap")(layers.Conv2D(6, 3, name="слой 1")(x))
    return keras.Model(x, layers.Dense(1, "sigmoid", name="out (1)")(y), name="модель (1)")


def same_names_inside():
    """Two nested models whose layers have the same names."""

    def part(channels):
        x = keras.Input((None, None, channels))
        return keras.Model(x, layers.Conv2D(6, 3, activation="relu", name="conv")(x))

    x = picture()
    y = layers.GlobalAveragePooling2D()(part(6)(part(3)(x)))
    return keras.Model(x, layers.Dense(1, "sigmoid")(y))


def our_names():
    """A model whose layers are called as those that are added."""
    x = picture(name="crop")
    y = layers.Conv2D(6, 3, activation="relu", name="picture")(x)
    y = layers.GlobalAveragePooling2D(name="answers")(y)
    y = layers.Dense(4, name="logits")(y)
    return keras.Model(x, layers.Dense(2, "softmax", name="logit")(y), name="classifier")


PROBABILITIES = {
    "sigmoid": lambda: ended(activation="sigmoid"),
    "softmax": lambda: ended(units=2, activation="softmax"),
    "sigmoid-layer": lambda: ended(layers.Activation("sigmoid")),
    "softmax-layer": lambda: ended(layers.Softmax(), 2),
    "sigmoid-function": lambda: ended(ops.sigmoid),
    "softmax-function": lambda: ended(ops.softmax, 2),
    "float32-tail": lambda: ended(
        layers.Activation("linear", dtype="float32"), activation="sigmoid"
    ),
    "cast": lambda: ended(lambda x: ops.cast(x, "float32"), activation="sigmoid"),
    "reshaped": lambda: ended(layers.Reshape((1, 1, 1)), activation="sigmoid"),
    "squeezed": lambda: ended(lambda x: ops.squeeze(x, -1), activation="sigmoid"),
    "dropout-behind": lambda: ended(layers.Dropout(0.5), activation="sigmoid"),
    "temperature": lambda: ended(lambda x: ops.sigmoid(x / 2.0)),
    "nested-head": nested_head,
    "wrapped": wrapped,
    "used-twice": used_twice,
    "same-names-inside": same_names_inside,
    "our-names": our_names,
    "structures": named_structures,
    "one-at-a-time": one_at_a_time,
    "strange-names": strangely_named,
    "pooled-logits": lambda: pooled(
        layers.Conv2D(1, 1), layers.GlobalAveragePooling2D(), layers.Activation("sigmoid")
    ),
    "convolution": lambda: pooled(layers.Conv2D(2, 11, activation="softmax")),
}
LOGITS = {
    "logit": ended,
    "two-logits": lambda: ended(units=2),
    "log-softmax": lambda: ended(ops.log_softmax, 2),
    "scaled": lambda: ended(lambda x: 2.0 * x),
    "pooled": lambda: pooled(layers.Conv2D(1, 1), layers.GlobalAveragePooling2D()),
}
NEITHER = {
    "slice": (lambda: ended(lambda x: x[:, 1:], 2, activation="softmax"), "GetItem"),
    "reversed": (lambda: ended(lambda x: 1 - x, activation="sigmoid"), "Subtract"),
    "clipped": (lambda: ended(lambda x: ops.clip(x, 0.01, 0.99), activation="sigmoid"), "Clip"),
    "by-hand": (lambda: ended(lambda x: 1 / (1 + ops.exp(-x))), "TrueDivide"),
    "mean-of-sigmoids": (
        lambda: pooled(layers.Conv2D(1, 1, activation="sigmoid"), layers.GlobalAveragePooling2D()),
        "GlobalAveragePooling2D",
    ),
    "tanh": (lambda: ended(activation="tanh"), "tanh"),
    "hard-sigmoid": (lambda: ended(activation="hard_sigmoid"), "hard_sigmoid"),
    "layer-as-activation": (lambda: ended(activation=layers.ReLU()), "activation of its own"),
    "two-sigmoids": (lambda: ended(units=2, activation="sigmoid"), "sigmoid over 2"),
    "softmax-over-one": (lambda: ended(activation="softmax"), "softmax along axis"),
    "log-softmax-over-one": (lambda: ended(ops.log_softmax), "log_softmax along axis"),
    "five-classes": (lambda: ended(units=5, activation="softmax"), "answers (5,)"),
    "features": (lambda: pooled(layers.ReLU()), "softmax over two classes"),
}


@pytest.fixture(scope="module")
def crops():
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (6, SIDE_PX, SIDE_PX, 3)).astype(np.float32)


def built(build):
    """The model, sure of some pictures and not of others."""
    keras.utils.set_random_seed(7)
    model = build()
    for weights in model.trainable_weights:
        if len(weights.shape) == 2:
            weights.assign(weights * 6)
    return model


def answers(model, crops):
    """What the model itself gives, [N, 1 or 2]."""
    given = {"image": crops} if model.inputs[0].name == "image" else crops
    values = keras.tree.flatten(model(given, training=False))[0]
    return np.asarray(values, np.float64).reshape(len(crops), -1)


def converted(classifier, crops):
    return sigmoid(np.asarray(classifier.form(crops, training=False), np.float64)[:, 0])


@pytest.mark.parametrize("build", PROBABILITIES.values(), ids=PROBABILITIES)
def test_probabilities_stay_what_they_are(build, crops) -> None:
    model = built(build)
    own = answers(model, crops)[:, -1]
    classifier = network.as_classifier(model)
    np.testing.assert_allclose(classifier.probability(crops), own, atol=1e-6)
    np.testing.assert_allclose(converted(classifier, crops), own, atol=1e-5)
    assert classifier.form.output_shape == (None, 1)


@pytest.mark.parametrize("build", LOGITS.values(), ids=LOGITS)
def test_logits_stay_what_they_are(build, crops) -> None:
    model = built(build)
    own = answers(model, crops)
    own = sigmoid(own[:, -1] - (own[:, 0] if own.shape[1] == 2 else 0))
    classifier = network.as_classifier(model)
    np.testing.assert_allclose(classifier.probability(crops), own, atol=1e-6)
    np.testing.assert_allclose(converted(classifier, crops), own, atol=1e-5)


@pytest.mark.parametrize(("build", "named"), NEITHER.values(), ids=NEITHER)
def test_what_is_neither_is_refused(build, named) -> None:
    with pytest.raises(ConversionError) as refusal:
        network.as_classifier(built(build))
    assert named in str(refusal.value)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "float64"])
def test_other_floats_become_float32(policy, crops) -> None:
    model = built(lambda: in_16_bits(policy))
    classifier = network.as_classifier(model)
    own = answers(model, crops)[:, -1]
    np.testing.assert_allclose(classifier.probability(crops), own, atol=1e-6)
    np.testing.assert_allclose(converted(classifier, crops), own, atol=0.02)
    assert classifier.rounds == ("16" in policy)
    assert {layer.compute_dtype for layer in classifier.form._flatten_layers()} == {"float32"}


def test_the_unmodified_model_stays_as_it_is(crops) -> None:
    model = built(wrapped)
    before = answers(model, crops)
    network.as_classifier(model)
    np.testing.assert_array_equal(answers(model, crops), before)


def test_pictures_of_any_size_take_the_size_that_is_stated(crops) -> None:
    x = keras.Input((None, None, 3))
    model = keras.Model(x, layers.Dense(1, "sigmoid")(body(x)))
    classifier = network.as_classifier(model, side_px=SIDE_PX)
    np.testing.assert_allclose(converted(classifier, crops), answers(model, crops)[:, 0], atol=1e-5)
    with pytest.raises(ConversionError, match="--input-px"):
        network.as_classifier(model)
    with pytest.raises(ConversionError, match="takes 24 px, not 32"):
        network.as_classifier(ended(), side_px=32)


def _several_inputs():
    x, age = picture(), keras.Input((4,))
    return keras.Model([x, age], layers.Dense(1)(layers.Concatenate()([body(x), age])))


def _two_outputs():
    x = picture()
    return keras.Model(x, [layers.Dense(1, "sigmoid")(body(x)), layers.Dense(3)(body(x))])


def _grey():
    x = keras.Input((SIDE_PX, SIDE_PX, 1))
    return keras.Model(x, layers.Dense(1)(body(x)))


def _channels_first():
    x = keras.Input((3, SIDE_PX, SIDE_PX))
    return keras.Model(x, layers.Dense(1)(body(layers.Permute((2, 3, 1))(x))))


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (_several_inputs, "2 inputs"),
        (_two_outputs, "2 outputs"),
        (_grey, "square RGB pictures"),
        (_channels_first, "channels last"),
    ],
)
def test_other_inputs_and_outputs_are_refused(build, says) -> None:
    with pytest.raises(ConversionError, match=says):
        network.as_classifier(build())
