"""The weights that MesoNet's authors published, in our networks.

Afchar et al., "MesoNet" (WIFS 2018). Their .h5 files were written by Keras 2.1 and hold weights
alone, by layer; their networks take 0..1 and answer P(real). Users bring the file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.errors import ConversionError
from convert.ranges import InputRange

Array = NDArray[np.float32]
SIDE_PX = 256
RANGE: InputRange = "0..1"
POSITIVE = "real"
NORM = ("gamma", "beta", "moving_mean", "moving_variance")
# Our layers in the order in which theirs were numbered.
CONVOLUTIONS: dict[str, tuple[str, ...]] = {
    "meso4": ("conv1", "conv2", "conv3", "conv4"),
    "mesoinception4": (
        *(
            f"inception{n}_{part}"
            for n in (1, 2)
            for part in (
                "point", "narrow1", "dilated1", "narrow2", "dilated2", "narrow3", "dilated3"
            )
        ),
        "conv3",
        "conv4",
    ),
}  # fmt: skip
NORMS: dict[str, tuple[str, ...]] = {
    "meso4": ("conv1_norm", "conv2_norm", "conv3_norm", "conv4_norm"),
    "mesoinception4": ("inception1_norm", "inception2_norm", "conv3_norm", "conv4_norm"),
}
DENSE = ("hidden", "logit")


def read(path: Path, arch: str) -> Any:
    """Our network of that architecture with the weights of `path`.

    It takes RANGE and gives the logit of P(POSITIVE). Raises ConversionError.
    """
    from models import meso

    found = _weights(path)
    model = meso.BUILDERS[arch](SIDE_PX)
    for theirs, ours, parts in (
        ("conv2d", CONVOLUTIONS[arch], ("kernel", "bias")),
        ("batch_normalization", NORMS[arch], NORM),
        ("dense", DENSE, ("kernel", "bias")),
    ):
        given = found.get(theirs, [])
        if len(given) != len(ours):
            raise ConversionError(
                f"{path} has {len(given)} {theirs} layers, {arch} has {len(ours)}; "
                "is it the other architecture?"
            )
        for weights, name in zip(given, ours, strict=True):
            _set(model.get_layer(name), weights, parts, path)
    return model


def _set(layer: Any, weights: dict[str, Array], parts: tuple[str, ...], path: Path) -> None:
    wanted = [tuple(variable.shape) for variable in layer.weights]
    given = [weights[part].shape if part in weights else None for part in parts]
    if given != wanted:
        raise ConversionError(
            f"{path}: {layer.name} takes weights of shape {wanted}, the file has {given}"
        )
    if not all(np.isfinite(weights[part]).all() for part in parts):
        raise ConversionError(f"{path}: {layer.name} has weights that are not numbers")
    layer.set_weights([weights[part] for part in parts])


def _weights(path: Path) -> dict[str, list[dict[str, Array]]]:
    """By kind of layer, in order of their numbers: each layer's arrays by name."""
    import h5py

    if not path.is_file():
        raise ConversionError(f"{path} is not there")
    numbered: dict[str, dict[int, dict[str, Array]]] = {}
    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)
            for layer, group in root.items():
                if match := re.fullmatch(r"(.+?)(?:_(\d+))?", layer):
                    arrays = _arrays(group)
                    if arrays:
                        kind = numbered.setdefault(match[1], {})
                        kind[int(match[2] or 0)] = arrays
    except (OSError, RuntimeError, KeyError) as error:
        raise ConversionError(f"{path} is damaged or no HDF5 file: {error}") from error
    return {kind: [layers[n] for n in sorted(layers)] for kind, layers in numbered.items()}


def _arrays(group: Any) -> dict[str, Array]:
    """The arrays below one layer's group, by the last part of their names without its ":0"."""
    import h5py

    found: dict[str, Array] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.size < 10_000_000:
            found[name.rpartition("/")[2].partition(":")[0]] = np.asarray(item, np.float32)

    if isinstance(group, h5py.Group):
        group.visititems(visit)
    return found
