"""A face's scores over time, as the drawing that a report shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.words import Words

JOIN_S = 1.5  # samples farther apart are not joined: the face may have been away in between
WIDTH, HEIGHT, EDGE = 640, 72, 6


@dataclass(frozen=True, slots=True)
class Lane:
    """P(fake) over time as a drawing: the bounds as heights, lines and dots in its own pixels."""

    width: int
    height: int
    bounds: list[float]
    curves: list[str]
    dots: list[tuple[float, float, str, str]]  # x, y, level, tooltip


def clock(seconds: float) -> str:
    """Minutes and seconds with tenths, as 1:02.5."""
    tenths = round(seconds * 10)
    hours, rest = divmod(tenths, 36_000)
    minutes, tenths = divmod(rest, 600)
    if hours:
        return f"{hours}:{minutes:02}:{tenths / 10:04.1f}"
    return f"{minutes}:{tenths / 10:04.1f}"


def lane_of(scored: list[dict[str, Any]], verdict: dict[str, Any], words: Words) -> Lane:
    """The lane of a face's scored samples, at least one, in the verdict's span of time."""
    media, model = verdict["media"], verdict["model"]
    start_s = min(media["analyzed_s"][0], scored[0]["t"])
    span_s = max(media["analyzed_s"][1], scored[-1]["t"], start_s + 0.001) - start_s

    def x(t: float) -> float:
        return float(round(EDGE + (WIDTH - 2 * EDGE) * (t - start_s) / span_s, 1))

    def y(p: float) -> float:
        return round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * p, 1)

    stretches: list[list[dict[str, Any]]] = []
    for sample in scored:
        if not stretches or sample["t"] - stretches[-1][-1]["t"] > JOIN_S:
            stretches.append([])
        stretches[-1].append(sample)
    return Lane(
        WIDTH,
        HEIGHT,
        bounds=[y(model["fake_at"]), y(model["real_at"])],
        curves=[" ".join(f"{x(s['t'])},{y(s['p_fake'])}" for s in part) for part in stretches],
        dots=[
            (x(s["t"]), y(s["p_fake"]), level_of(s["p_fake"], model),
             f"{clock(s['t'])}: {words.percent(s['p_fake'])}")
            for s in scored
        ],
    )  # fmt: skip


def level_of(p_fake: float, model: dict[str, Any]) -> str:
    """Where a score lies: `high`, `middle` or `low`, by the model's thresholds."""
    if p_fake >= model["fake_at"]:
        return "high"
    return "low" if p_fake <= model["real_at"] else "middle"
