"""What a media file declares of its own origin, if it declares anything.

`reading.read` finds the pieces that containers keep such words in (pieces.py), takes Content
Credentials to the library that checks their signature (credentials.py), and the unsigned labels of
cameras, sites and generators to marks.py, which lists their names. xmp.py and exif.py read the two
formats that most of them are written in; terms.py holds IPTC's vocabulary. Nothing here judges
pixels, and no verdict depends on it.
"""
