"""Keras models from files, opened without running anything that the file brings along.

Only `load` imports Keras. What `save` writes is half as large as what Keras writes.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

COMPRESSION = zipfile.ZIP_DEFLATED
MAX_BYTES = 1 << 30  # of a model's file, unpacked: the largest image classifiers are a half of it
CODE = frozenset({"Lambda", "TorchModuleWrapper", "TFSMLayer", "FlaxLayer", "JaxLayer"})
# Losses that take a probability, or a number close to 0 or 1, unless they are told otherwise.
OF_PROBABILITIES = frozenset({
    "binarycrossentropy", "binaryfocalcrossentropy", "categoricalcrossentropy",
    "categoricalfocalcrossentropy", "sparsecategoricalcrossentropy", "meanabsoluteerror",
    "meansquarederror", "mae", "mse",
})  # fmt: skip
SAVE_AGAIN = 'model.save("model.keras")'
# What Keras states of a class or function that it does not have.
UNKNOWN = ("could not locate", "unknown ", "could not interpret", "could not be deserialized")


class KerasFileError(Exception):
    """A file that is no Keras model, or one that must not be opened; the message names the cure."""


def load(path: Path) -> Any:
    """The model of a .keras or .h5 file with weights; raises KerasFileError.

    The content decides which of the two it is, not the name. What would run code of the file's own
    is refused before Keras sees it.
    """
    suffix = _suffix(path)
    config = _zipped_config(path) if suffix == ".keras" else _hdf5_config(path)
    if own := _class_names(config) & CODE:
        raise KerasFileError(
            f"{path} holds code of its own ({', '.join(sorted(own))}), which is never run; "
            "replace that by layers of Keras"
        )
    import keras

    try:
        with TemporaryDirectory() as folder:
            named = _under_suffix(path, suffix, Path(folder))
            return keras.models.load_model(named, compile=False, safe_mode=True)
    except Exception as error:  # whatever Keras stumbles upon in a strange file
        raise KerasFileError(f"Keras cannot load {path}: {_cause(error)}") from error


def save(network: Any, path: Path) -> None:
    """Write a .keras file of `network`, whose weights are rounded to float16 first: packed, they
    take half the bytes, and every file made of it computes what it computes."""
    network.set_weights([w.astype("float16").astype(w.dtype) for w in network.get_weights()])
    with TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.keras"
        network.save(plain)
        with zipfile.ZipFile(plain) as read, zipfile.ZipFile(path, "w", COMPRESSION) as written:
            for entry in read.infolist():
                written.writestr(entry.filename, read.read(entry))


def loss_of_probabilities(path: Path) -> str | None:
    """The loss that the model's file states, if it is one that takes probabilities; else None."""
    if _suffix(path) == ".keras":
        compiled = _zipped_config(path).get("compile_config")
    else:
        compiled = _hdf5_attribute(path, "training_config")
    loss = (compiled or {}).get("loss")
    if isinstance(loss, list) and len(loss) == 1:
        loss = loss[0]
    if isinstance(loss, dict):  # of a function the configuration is its name
        details = loss.get("config")
        if isinstance(details, dict) and details.get("from_logits"):
            return None
        loss = details if isinstance(details, str) else loss.get("class_name")
    is_known = re.sub("[^a-z]", "", str(loss).lower()) in OF_PROBABILITIES
    return str(loss) if is_known else None


def _suffix(path: Path) -> str:
    """ ".keras" or ".h5", by the content."""
    if path.is_dir():
        raise KerasFileError(f"{path} is {_folder(path)}")
    if not path.is_file():
        raise KerasFileError(f"{path} is not there")
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise KerasFileError(f"{path} cannot be read: {error.strerror}") from error
    if start.startswith(b"PK"):
        return ".keras"
    if start == b"\x89HDF\r\n\x1a\n":
        return ".h5"
    if not start:
        raise KerasFileError(f"{path} is empty; copy it again")
    if path.suffix.lower() in (".keras", ".h5", ".hdf5"):
        raise KerasFileError(f"{path} is damaged: it is neither a .keras nor an HDF5 file")
    raise KerasFileError(f"{path} is no Keras model; write one with {SAVE_AGAIN}")


def _folder(path: Path) -> str:
    if (path / "saved_model.pb").is_file():
        return (
            "a TensorFlow SavedModel, which may run code of its own; where the model was made, "
            f"write it with {SAVE_AGAIN}"
        )
    if (path / "config.json").is_file():
        return f"an unpacked .keras file; zip what is in it, or write it with {SAVE_AGAIN}"
    return f"a folder; name the .keras or .h5 file in it, or write one with {SAVE_AGAIN}"


def _under_suffix(path: Path, suffix: str, folder: Path) -> Path:
    """`path`, or where Keras does not accept its ending, the same file under a name that is."""
    if path.suffix == suffix:
        return path
    named = folder / f"model{suffix}"
    try:
        named.symlink_to(path.resolve())
    except OSError:  # Windows asks for a right to make links
        shutil.copyfile(path, named)
    return named


def _cause(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    first_line = lines[0][:300] if lines else repr(error)
    if any(part in first_line.lower() for part in UNKNOWN):
        return f"{first_line}; replace what is not Keras's own by its layers"
    return f"{first_line}; save it again with Keras 3"


def _zipped_config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise KerasFileError(f"{path} unpacks to over {MAX_BYTES >> 20} MiB")
            return json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, NotImplementedError) as error:
        raise KerasFileError(f"{path} is damaged or no .keras file: {error}") from error


def _hdf5_config(path: Path) -> Any:
    config = _hdf5_attribute(path, "model_config")
    if config is None:
        raise KerasFileError(
            f"{path} holds weights alone; for published MesoNet weights use `convert mesonet`, "
            "else save the whole model"
        )
    return config


def _hdf5_attribute(path: Path, name: str) -> Any | None:
    """A description that the file holds as JSON."""
    import h5py

    if path.stat().st_size > MAX_BYTES:
        raise KerasFileError(f"{path} is over {MAX_BYTES >> 20} MiB")
    try:
        with h5py.File(path, "r") as file:
            text = file.attrs.get(name)
        return None if text is None else json.loads(text)
    except OSError as error:
        raise KerasFileError(f"{path} is damaged or no HDF5 file: {error}") from error
    except ValueError as error:
        raise KerasFileError(f"{path} describes no model: {error}") from error


def _class_names(config: Any) -> set[str]:
    """Every class that a configuration names, at any depth."""
    found: set[str] = set()
    pending = [config]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if isinstance(name := item.get("class_name"), str):
                found.add(name.rpartition(">")[2])
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return found
