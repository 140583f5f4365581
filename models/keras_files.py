"""Keras models from files, opened without running anything that the file brings along.

Only `load` imports Keras.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

MAX_BYTES = 1 << 30  # of a model's file, unpacked: the largest image classifiers are a half of it
CODE = frozenset({"Lambda", "TorchModuleWrapper", "TFSMLayer", "FlaxLayer", "JaxLayer"})


class KerasFileError(Exception):
    """A file that is no Keras model, or one that must not be opened; the message says the cure."""


def load(path: Path) -> Any:
    """The model of a .keras or .h5 file with weights; raises KerasFileError.

    What would run code of the file's own is refused before Keras sees it.
    """
    if not path.is_file():
        raise KerasFileError(f"{path} is not there")
    if path.suffix not in (".keras", ".h5", ".hdf5"):
        raise KerasFileError(f"{path} is no Keras model; save one as .keras or .h5")
    config = _zipped_config(path) if path.suffix == ".keras" else _hdf5_config(path)
    if own := _class_names(config) & CODE:
        raise KerasFileError(
            f"{path} holds code of its own ({', '.join(sorted(own))}), which is never run; "
            "replace that by layers of Keras"
        )
    import keras

    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever Keras stumbles upon in a strange file
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise KerasFileError(
            f"Keras cannot load {path}: {first_line[:300]}; save it again with Keras 3"
        ) from error


def _zipped_config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise KerasFileError(f"{path} unpacks to over {MAX_BYTES >> 20} MiB")
            return json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, NotImplementedError) as error:
        raise KerasFileError(f"{path} is damaged or no .keras file: {error}") from error


def _hdf5_config(path: Path) -> Any:
    import h5py

    if path.stat().st_size > MAX_BYTES:
        raise KerasFileError(f"{path} is over {MAX_BYTES >> 20} MiB")
    try:
        with h5py.File(path, "r") as file:
            config = file.attrs.get("model_config")
    except OSError as error:
        raise KerasFileError(f"{path} is damaged or no HDF5 file: {error}") from error
    if config is None:
        raise KerasFileError(
            f"{path} holds weights alone; for published MesoNet weights use `convert mesonet`, "
            "else save the whole model"
        )
    try:
        return json.loads(config)
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
