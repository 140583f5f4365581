"""Media in: any video or picture file as upright RGB frames with their times.

`MediaReader` (reader.py) chooses a source: FFmpeg for nearly everything (container.py opens,
refusals.py turns away what would decode to noise, source.py decodes), OpenCV for animated WebP
(webp.py), tiles.py for photos made of tiles (heif.py and items.py know how they lie, isobmff.py
walks through such files). sampling.py chooses the pictures to keep, upright.py turns them into RGB,
with tones.py for HDR, prefetch.py decodes ahead in a thread, files.py and headers.py know what the
first and last bytes of a file say.
"""

from server.analysis.video.reader import MediaReader

__all__ = ["MediaReader"]
