"""HDR and wide gamuts reach the networks in the colours that an ordinary screen shows.

The judge is written out here once more, from ITU-R BT.2100 the other way round: pictures of SDR as
they stand in HDR, where BT.2408 puts its white.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest

from server.analysis.video import MediaReader
from server.analysis.video.tones import BT709, BT2020, DISPLAY_P3, pq_signal, rolled_off, to_xyz
from tests.heif import box, tiled

PQ, HLG, SDR_10, SDR = 16, 18, 14, 1  # transfer functions (ITU-T H.273)
IN_709, UNTOLD, IN_2020, IN_P3 = 1, 2, 9, 12  # primaries, and the first three also matrices
WHITE_CD, PEAK_CD = 203, 1000
GAMUTS = {IN_709: BT709, UNTOLD: BT2020, IN_2020: BT2020, IN_P3: DISPLAY_P3}
CLOSE = 4  # of 255, as a mean; coding alone costs about 2, the roll-off of the brightest 1


@pytest.fixture(scope="module")
def face(astronaut: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(astronaut[:256, 96:352])


def hdr(rgb: np.ndarray, transfer: int, primaries: int) -> np.ndarray:
    """`rgb` uint8 as coded values uint16 [H, W, 3] of full range."""
    matrix = np.linalg.inv(to_xyz(GAMUTS[primaries])) @ to_xyz(BT709)
    light = np.clip((rgb / 255) ** 2.4 @ matrix.T, 0, 1)
    if transfer == PQ:
        signal = pq_signal(light * WHITE_CD)
    elif transfer == HLG:
        luma = to_xyz(GAMUTS[primaries])[1]
        shown = light * WHITE_CD / PEAK_CD
        scene = shown * np.maximum(shown @ luma, 1e-9)[..., None] ** (1 / 1.2 - 1)
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        dark, bright = np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
        signal = np.where(scene <= 1 / 12, dark, bright)
    else:
        signal = light ** (1 / 2.4)
    return np.rint(65535 * np.clip(signal, 0, 1)).astype(np.uint16)


def film(
    path: Path,
    signal: np.ndarray,
    transfer: int,
    primaries: int = IN_2020,
    *,
    codec: str = "libx265",
    pixels: str = "yuv420p10le",
    full: bool = False,
) -> Path:
    fine = {
        "libx265": {"preset": "ultrafast", "crf": "8", "bf": "0", "x265-params": "log-level=none"},
        "libx264": {"crf": "8"},
    }
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width = signal.shape[:2]
        stream.pix_fmt, stream.options = pixels, fine.get(codec, {})
        matrix = IN_2020 if pixels.startswith("yuv") else 0
        told = stream.codec_context
        told.color_trc, told.color_primaries = transfer, primaries
        told.colorspace, told.color_range = matrix, 1 + full
        frame = av.VideoFrame.from_ndarray(signal, format="rgb48le").reformat(
            format=pixels, dst_colorspace=matrix or None, dst_color_range=1 + full
        )
        for n in range(3):
            frame.pts = n
            frame.color_trc, frame.color_primaries = transfer, primaries
            frame.colorspace, frame.color_range = matrix, 1 + full
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def off_by(path: Path, rgb: np.ndarray) -> float:
    with MediaReader(path) as reader:
        seen = next(reader.frames(1, 1)).rgb
    return float(np.abs(seen.astype(int) - rgb).mean())


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize(
    ("name", "codec", "pixels", "full"),
    [
        ("a.mp4", "libx265", "yuv420p10le", False),
        ("a.mp4", "libx265", "yuv420p10le", True),
        ("a.mkv", "libx265", "yuv444p12le", False),
        ("a.ts", "libx264", "yuv420p10le", False),
        ("a.mov", "prores_ks", "yuv422p10le", False),
        ("a.mkv", "ffv1", "gbrp10le", True),
    ],
)
def test_hdr_video(
    tmp_path: Path,
    face: np.ndarray,
    transfer: int,
    name: str,
    codec: str,
    pixels: str,
    full: bool,
) -> None:
    signal = hdr(face, transfer, IN_2020)
    path = film(tmp_path / name, signal, transfer, codec=codec, pixels=pixels, full=full)
    assert off_by(path, face) < CLOSE


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("primaries", [IN_709, UNTOLD, IN_P3])
def test_hdr_of_other_primaries(
    tmp_path: Path, face: np.ndarray, transfer: int, primaries: int
) -> None:
    """Those of BT.2020 where none are told."""
    path = film(tmp_path / "a.mp4", hdr(face, transfer, primaries), transfer, primaries)
    assert off_by(path, face) < CLOSE


@pytest.mark.parametrize(("transfer", "primaries"), [(SDR_10, IN_2020), (SDR, IN_P3)])
def test_wide_gamuts_of_sdr(
    tmp_path: Path, face: np.ndarray, transfer: int, primaries: int
) -> None:
    path = film(tmp_path / "a.mp4", hdr(face, transfer, primaries), transfer, primaries)
    assert off_by(path, face) < CLOSE


def png(path: Path, signal: np.ndarray, transfer: int) -> Path:
    """Sixteen bits, and the chunk that tells what they mean."""
    height, width = signal.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in signal)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)),
        (b"cICP", bytes([IN_2020, transfer, 0, 1])),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
    )
    return path


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_an_hdr_picture(tmp_path: Path, face: np.ndarray, transfer: int) -> None:
    path = png(tmp_path / "a.png", hdr(face, transfer, IN_2020), transfer)
    assert off_by(path, face) < 2


def test_what_only_the_container_tells(tmp_path: Path, face: np.ndarray) -> None:
    """The pictures themselves leave open how they are coded."""
    path = film(tmp_path / "a.mp4", hdr(face, PQ, IN_2020), PQ)
    silent = "colour_primaries=2:transfer_characteristics=2:matrix_coefficients=2"
    with av.open(str(path)) as given, av.open(str(tmp_path / "b.mp4"), "w") as made:
        source = given.streams.video[0]
        stream = made.add_stream_from_template(source)
        unsaid = av.bitstream.BitStreamFilterContext(f"hevc_metadata={silent}", source, stream)
        for packet in given.demux(source):
            if packet.dts is not None:
                for changed in unsaid.filter(packet):
                    changed.stream = stream
                    made.mux(changed)
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert next(container.decode(video=0)).color_trc == UNTOLD
    assert off_by(tmp_path / "b.mp4", face) < CLOSE


def test_brighter_than_white_is_rolled_off() -> None:
    """Half of white stays as it is; nothing is cut off, and order is kept, up to the peak."""
    light_cd = np.array([0, 1, 10, 50, 90, 203, 400, 700, PEAK_CD], float)
    shown_cd = rolled_off(light_cd)
    assert shown_cd[:4] == pytest.approx(light_cd[:4], rel=1e-6)
    assert np.all(np.diff(shown_cd) > 0)
    assert shown_cd[-1] == pytest.approx(WHITE_CD)


def test_the_brightest_of_each_transfer_is_white(tmp_path: Path) -> None:
    for transfer in (PQ, HLG):
        brightest = np.full((64, 64, 3), 65535, np.uint16)
        path = png(tmp_path / f"{transfer}.png", brightest, transfer)
        assert off_by(path, np.full((64, 64, 3), 255)) == 0


def test_tiles_of_hdr(tmp_path: Path, face: np.ndarray) -> None:
    """What the file tells of a picture's colours counts for its tiles."""
    signal = (hdr(face, PQ, IN_2020) >> 8).astype(np.uint8)
    told = box(b"colr", struct.pack(">4sHHHB", b"nclx", IN_2020, PQ, 6, 0))
    path = tiled(tmp_path / "a.heic", signal, 128, pixels="yuv444p10le", colours=[told])
    assert off_by(path, face) < 6
