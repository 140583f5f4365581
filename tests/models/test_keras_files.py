"""Model files as people have them: any name, any ending, and many that are something else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")
from keras import layers  # noqa: E402

from models import keras_files  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


class Mine(layers.Layer):
    """A layer of somebody's own, which a file names and does not hold."""

    def call(self, x):
        return 2 * x


def small(*more):
    keras.utils.set_random_seed(7)
    return keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Flatten(), *more, layers.Dense(1, "sigmoid")]
    )


def saved(folder: Path, suffix: str) -> bytes:
    path = folder / f"saved{suffix}"
    small().save(path)
    content = path.read_bytes()
    path.unlink()
    return content


@pytest.mark.parametrize(
    ("suffix", "name"),
    [
        (".h5", "MODEL.H5"),
        (".h5", "model.hdf5"),
        (".keras", "Model.Keras"),
        (".h5", "of keras 2.keras"),  # Keras 2 wrote HDF5 under this ending
        (".keras", "renamed.h5"),
        (".keras", "without ending"),
        (".keras", "модель (1)+best [2].keras"),
        (".h5", ".hidden.h5"),
    ],
)
def test_the_content_decides_and_not_the_name(suffix, name, tmp_path) -> None:
    (tmp_path / name).write_bytes(saved(tmp_path, suffix))
    assert keras_files.load(tmp_path / name).output_shape == (None, 1)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def _saved_model(path: Path) -> None:
    small().export(str(path), verbose=False)


def _unpacked(path: Path) -> None:
    small().save(path.with_suffix(".keras"))
    zipfile.ZipFile(path.with_suffix(".keras")).extractall(path)


def _weights(path: Path) -> None:
    small().save_weights(path)


def _torch(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02.")


def _pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")


@pytest.mark.parametrize(
    ("build", "name", "says"),
    [
        (_saved_model, "saved", "is a TensorFlow SavedModel"),
        (_unpacked, "model", "is an unpacked .keras file"),
        (Path.mkdir, "folder", "is a folder"),
        (_weights, "model.weights.h5", "holds weights alone"),
        (_torch, "model.pt", "damaged or no .keras file"),
        (_pointer, "model.keras", "neither a .keras nor an HDF5 file"),
        (Path.touch, "model.keras", "is empty"),
        (lambda path: path.write_bytes(b"\x08\x03onnx"), "model.onnx", "is no Keras model"),
        (lambda path: None, "model.keras", "is not there"),
    ],
)
def test_what_is_no_model_is_called_what_it_is(build, name, says, tmp_path) -> None:
    build(tmp_path / name)
    with pytest.raises(keras_files.KerasFileError) as refusal:
        keras_files.load(tmp_path / name)
    assert says in str(refusal.value)


def test_a_class_of_somebodys_own_is_named(tmp_path) -> None:
    small(Mine()).save(tmp_path / "model.h5")
    with pytest.raises(keras_files.KerasFileError, match=r"Mine.*replace what is not Keras's own"):
        keras_files.load(tmp_path / "model.h5")


def test_links_lead_to_the_model(tmp_path) -> None:
    (tmp_path / "blob").write_bytes(saved(tmp_path, ".keras"))
    (tmp_path / "model.keras").symlink_to(tmp_path / "blob")
    model = keras_files.load(tmp_path / "model.keras")
    assert model.predict_on_batch(np.zeros((1, 8, 8, 3))).shape == (1, 1)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("binary_crossentropy", "binary_crossentropy"),
        ("mse", "mse"),
        (keras.losses.BinaryCrossentropy(), "BinaryCrossentropy"),
        (keras.losses.BinaryCrossentropy(from_logits=True), None),
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), None),
        (keras.losses.binary_crossentropy, "binary_crossentropy"),
        ("hinge", None),
        (None, None),
    ],
)
def test_a_loss_that_takes_probabilities_is_named(loss, expected, ending, tmp_path) -> None:
    model = small()
    if loss is not None:
        model.compile(loss=loss)
    model.save(tmp_path / f"model{ending}")
    assert keras_files.loss_of_probabilities(tmp_path / f"model{ending}") == expected
