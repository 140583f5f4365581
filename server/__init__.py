"""The Mesoscope service: a URL or a file in, one verdict per face out."""

__version__ = "0.2.0"
