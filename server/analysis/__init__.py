"""From a media file to a verdict per face. Knows no Flask; read analyze.py first."""
