"""`python -m benchmarks precision` lowers what it says it lowers, and sees what that changes."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import precision
from server.analysis.records import Faces
from server.gpu.keras import KerasNetworks


def faces(*boxes: tuple[int, int, int, int]) -> Faces:
    n = len(boxes)
    corners = np.array(boxes, np.float32).reshape(n, 4)
    return Faces(corners, np.ones(n, np.float32), np.zeros((n, 5, 2), np.float32))


def test_boxes_are_compared_with_the_nearest_and_the_others_are_counted() -> None:
    expected = faces((0, 0, 100, 100), (200, 0, 300, 100))
    changed, moved = precision.compared(faces((200, 3, 300, 100), (0, 0, 99, 100)), expected)
    assert changed == 0
    np.testing.assert_allclose(sorted(moved), [1, 3])
    changed, moved = precision.compared(faces((0, 0, 100, 100), (500, 0, 600, 100)), expected)
    assert changed == 2
    assert list(moved) == [0]
    assert precision.compared(faces(), expected)[0] == 2


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "at_least", "at_most"), [
    ("mixed_float16", 1e-5, 0.02), ("mixed_bfloat16", 1e-3, 0.2),
])  # fmt: skip
def test_only_the_lowered_networks_answer_otherwise(
    kind: str, at_least: float, at_most: float
) -> None:
    windows = np.random.default_rng(0).uniform(0, 255, (4, 24, 24, 3)).astype(np.float32)
    full = KerasNetworks()
    expected = full.open("rnet").run(windows)
    low = precision.lowered(kind)
    some = precision.Mixed(full, low, ["rnet"])
    apart = np.abs(some.open("rnet").run(windows) - expected).max()
    assert at_least < apart < at_most
    assert some.open("onet") is full.open("onet")
    np.testing.assert_array_equal(KerasNetworks().open("rnet").run(windows), expected)
