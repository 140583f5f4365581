"""Opening a file with FFmpeg as something hostile: nothing but its own bytes is ever read."""

from __future__ import annotations

import os
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from server.analysis.video.files import open_file
from server.analysis.video.headers import looks_like_media
from server.errors import CorruptMedia, NotMedia, NoVideo, TooLarge

MAX_PIXELS = 50_000_000  # of one picture: 8K video has 33 million, a large photo 48
DECODING = {"max_pixels": str(MAX_PIXELS)}  # options of every decoder

# Tracks that accompany the one that is shown.
BESIDE = (
    Disposition.attached_pic
    | Disposition.timed_thumbnails
    | Disposition.dependent
    | Disposition.metadata
)
STILL_CODECS = frozenset(("mjpeg", "png", "bmp", "gif", "webp"))

# What cameras, editors and sites write. Playlists (hls, dash, concat, sdp), numbered pictures
# (image2), devices and scripts are left out: they name other files or addresses.
FORMATS = (
    "aac,ac3,aiff,amr,ape,apng,asf,au,av1,avi,bmp_pipe,caf,cavsvideo,dirac,dnxhd,dv,evc,flac,flv,"
    "gif,gxf,h261,h263,h264,hevc,ivf,jpeg_pipe,jpegxl_anim,jpegxl_pipe,lxf,m4v,matroska,mjpeg,mov,"
    "mp3,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,pgm_pipe,png_pipe,ppm_pipe,qoi_pipe,rm,tiff_pipe,"
    "tta,vc1,vc1test,vvc,w64,wav,webp_pipe,wtv,wv,yuv4mpegpipe"
)


def open_container(path: Path, edited: bool = True) -> InputContainer:
    """Open `path` for reading; `edited` follows its edit list, which tells what of it is shown.

    FFmpeg is given a file descriptor and the `fd` protocol only, so that no path or address that
    stands in the file can be opened, and no file name decides what the file is taken for.
    Raises NotFound, Unreadable, EmptyFile, NotMedia or CorruptMedia.
    """
    descriptor = open_file(path)
    try:
        return av.open(
            "fd:",
            container_options={
                "fd": str(descriptor),
                "protocol_whitelist": "fd",
                "format_whitelist": FORMATS,
                **({} if edited else {"ignore_editlist": "1"}),
            },
            options=DECODING,
            metadata_errors="replace",
        )
    except (av.FFmpegError, ValueError) as error:
        if looks_like_media(os.pread(descriptor, 64, 0)):
            raise CorruptMedia(
                "The file starts like a video or picture, but what follows is damaged or missing. "
                "Get the file again from where it came from."
            ) from error
        raise NotMedia(
            "The file is of no kind that this check can read. "
            "Give it a video (for example MP4 or WebM) or a picture (JPEG, PNG, WebP)."
        ) from error
    finally:
        os.close(descriptor)  # FFmpeg keeps a duplicate


def video_stream(container: InputContainer) -> VideoStream:
    """The moving picture that a player shows, ready to decode in one thread.

    Raises CorruptMedia, NoVideo or TooLarge.
    """
    if not container.streams:
        raise CorruptMedia("The file ends before its first picture. Get the file again.")
    streams = [stream for stream in container.streams.video if not stream.disposition & BESIDE]
    if not streams:
        raise NoVideo("The file holds sound or data, but no picture to check.")
    readable = [stream for stream in streams if stream.codec_context is not None]
    if not readable:
        raise NoVideo("The picture is coded in a way that cannot be read here: convert it to MP4.")
    stream = max(readable, key=_shown)  # of equal ones the first
    check_size(stream.codec_context.width, stream.codec_context.height)
    stream.codec_context.options = DECODING
    stream.codec_context.thread_count = 1  # the second core belongs to the detector
    return stream


def _shown(stream: VideoStream) -> tuple[bool, bool, int]:
    """Greater for the track that a player rather shows: by the file's own mark, then a film rather
    than its poster or preview."""
    default = bool(stream.disposition & Disposition.default)
    moves = stream.frames != 1 and stream.codec_context.name not in STILL_CODECS
    return default, moves, stream.codec_context.width * stream.codec_context.height


def check_size(width_px: int, height_px: int) -> None:
    """Raise TooLarge for a picture that would not fit into the memory set aside for it."""
    if width_px * height_px > MAX_PIXELS:
        raise TooLarge(
            f"The picture claims {width_px} x {height_px} pixels; "
            f"at most {MAX_PIXELS // 1_000_000} million can be checked. Scale it down."
        )
