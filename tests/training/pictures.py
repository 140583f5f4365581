"""A data folder in the shape of the real one, with generated faces of nobody."""

from __future__ import annotations

import csv
import io
import tarfile
from pathlib import Path

import cv2
import numpy as np

SIDE_PX = 64


def picture(rng: np.random.Generator, fake: bool, side_px: int = SIDE_PX) -> np.ndarray:
    """Smooth colours; the fake has a fine stripe pattern, which is easy to learn."""
    coarse = rng.integers(60, 200, (4, 4, 3), np.uint8)
    smooth = cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC)
    stripes = np.where(np.arange(side_px) % 4 < 2, 40, -40) * fake
    return (smooth.astype(int) + stripes[None, :, None]).clip(0, 255).astype(np.uint8)


def write_part(folder: Path, part: str, pairs: int, side_px: int = SIDE_PX) -> list[dict[str, str]]:
    """dfdc224-PART.tar with `pairs` reals and their fakes, two pairs a person; returns its rows."""
    rng = np.random.default_rng(len(part))
    rows = []
    with tarfile.open(folder / f"dfdc224-{part}.tar", "w") as tar:
        for n in range(pairs):
            for label in ("real", "fake"):
                name = f"{label}/{part}{n}{label[0]}.jpg"
                rgb = picture(rng, label == "fake", side_px)
                content = cv2.imencode(".jpg", rgb[..., ::-1])[1].tobytes()
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
                group, person = f"{part}{n}", f"{part}-person{n // 2}"
                rows.append({"file": name, "group_original": group, "identity": person})
    return rows


def unpack(archive: Path, folder: Path) -> None:
    """The members of a tar as files. Python before 3.11.4 knows no filters of extractall()."""
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())


def write_data(
    folder: Path, train_pairs: int = 16, val_pairs: int = 8, side_px: int = SIDE_PX
) -> Path:
    pairs = {"train": train_pairs, "val": val_pairs}
    rows = [row for part in pairs for row in write_part(folder, part, pairs[part], side_px)]
    with (folder / "manifest.csv").open("w", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return folder
