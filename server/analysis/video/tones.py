"""HDR and wide gamuts as a screen of BT.709 shows them.

PQ and HLG as ITU-R BT.2100 defines them, white where BT.2408 puts it, and what is brighter rolled
off by the curve of BT.2390 (5.4.1). FFmpeg's scaler, which could do it too, cuts off all that is
brighter than white and needs seconds for its tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorTrc
from numpy import typing as npt

from server.analysis.records import Uint8

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Uint16 = npt.NDArray[np.uint16]

WHITE_CD = 203.0  # cd/m2 of what SDR shows as white (BT.2408, table 1)
PEAK_CD = 1000.0  # where HLG ends, and what PQ is mostly graded for; brighter light is cut off
HLG_GAMMA = 1.2  # of a screen of PEAK_CD
SCREEN_GAMMA = 2.4  # BT.1886
BAND_PIXELS = 1 << 16  # converted at once: what stays in a processor's cache

Gamut = tuple[tuple[float, float], ...]  # x and y of red, green and blue; white is D65

D65 = (0.3127, 0.3290)
BT709: Gamut = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
BT2020: Gamut = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
DISPLAY_P3: Gamut = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
WIDE = {int(ColorPrimaries.BT2020): BT2020, int(ColorPrimaries.SMPTE432): DISPLAY_P3}


@dataclass(frozen=True, slots=True)
class Tones:
    """From coded values to what a screen of BT.709 is given.

    light: float32 [65536], linear light, 1 is the brightest, for each 16-bit value.
    gains: float32 [65536], by which light is multiplied, by the square root of its luminance.
    luma: float32 [1, 3], how much red, green and blue add to luminance.
    to_709: float32 [3, 3], from these primaries to those of BT.709.
    """

    light: Float32
    gains: Float32
    luma: Float32
    to_709: Float32

    def __call__(self, rgb: Uint16) -> Uint8:
        """`rgb` uint16 [H, W, 3] of full range as uint8 [H, W, 3]."""
        shown = np.empty(rgb.shape, np.uint8)
        rows = max(1, BAND_PIXELS // rgb.shape[1])
        for top in range(0, len(rgb), rows):
            shown[top : top + rows] = self._band(rgb[top : top + rows])
        return shown

    def _band(self, rgb: Uint16) -> Uint8:
        light = self.light[rgb]
        luminance = cv2.transform(light, self.luma)
        light *= self.gains[_index(np.sqrt(luminance))].reshape(*rgb.shape[:2], 1)
        return np.asarray(_screen_values()[_index(cv2.transform(light, self.to_709))], np.uint8)


def tones_of(frame: VideoFrame) -> Tones | None:
    """What `frame`'s colours need, None if they are those of ordinary video."""
    if is_hdr(frame) or frame.color_primaries in WIDE:
        return _tones(frame.color_trc, frame.color_primaries)
    return None


def is_hdr(frame: VideoFrame) -> bool:
    return frame.color_trc in (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)


@lru_cache(maxsize=4)
def _tones(transfer: int, primaries: int) -> Tones:
    signal = np.linspace(0, 1, 1 << 16)
    luminance = np.maximum(signal**2, 1e-12)
    if transfer == ColorTrc.SMPTE2084:
        light = np.minimum(pq_light(signal) / PEAK_CD, 1)
        gains = rolled_off(luminance * PEAK_CD) / WHITE_CD / luminance
    elif transfer == ColorTrc.ARIB_STD_B67:
        light = hlg_light(signal)
        gains = rolled_off(luminance**HLG_GAMMA * PEAK_CD) / WHITE_CD / luminance
    else:
        light = signal**SCREEN_GAMMA
        gains = np.ones_like(signal)
    # HDR whose primaries are not told is taken to have those of BT.2100.
    gamut = BT709 if primaries == ColorPrimaries.BT709 else WIDE.get(primaries, BT2020)
    from_gamut = to_xyz(gamut)
    return Tones(
        light.astype(np.float32),
        gains.astype(np.float32),
        from_gamut[1:2].astype(np.float32),
        (np.linalg.inv(to_xyz(BT709)) @ from_gamut).astype(np.float32),
    )


def pq_light(signal: Float64) -> Float64:
    """PQ values 0..1 as cd/m2."""
    powered = signal ** (1 / 78.84375)
    scale = np.maximum(powered - 0.8359375, 0) / (18.8515625 - 18.6875 * powered)
    return np.asarray(10_000 * scale ** (1 / 0.1593017578125))


def pq_signal(light_cd: Float64 | float) -> Float64:
    """cd/m2 as PQ values 0..1."""
    powered = (np.asarray(light_cd) / 10_000) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * powered) / (1 + 18.6875 * powered)) ** 78.84375)


def hlg_light(signal: Float64) -> Float64:
    """HLG values 0..1 as linear light of the scene, 0..1."""
    bright = (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.asarray(np.where(signal <= 0.5, signal**2 / 3, bright))


def rolled_off(light_cd: Float64) -> Float64:
    """What a screen shows, in cd/m2 up to WHITE_CD, for light of up to PEAK_CD."""
    peak = pq_signal(PEAK_CD)
    white = pq_signal(WHITE_CD) / peak
    knee = 1.5 * white - 0.5
    signal = pq_signal(light_cd) / peak
    t = np.maximum(signal - knee, 0) / (1 - knee)
    bent = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * white
    )
    return pq_light(np.where(signal < knee, signal, bent) * peak)


def to_xyz(gamut: Gamut) -> Float64:
    """float64 [3, 3] from linear red, green and blue to XYZ, where white has the luminance 1."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in (*gamut, D65)]).T
    return np.asarray(columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3]))


@lru_cache(maxsize=1)
def _screen_values() -> Uint8:
    """uint8 [65536]: what a screen is given to show linear light."""
    light = np.linspace(0, 1, 1 << 16)
    return np.rint(255 * light ** (1 / SCREEN_GAMMA)).astype(np.uint8)


def _index(values: npt.ArrayLike) -> Uint16:
    """0..1 as 0..65535, what lies beyond cut off."""
    return np.asarray(np.clip(values, 0, 1) * np.float32(65535) + np.float32(0.5), np.uint16)
