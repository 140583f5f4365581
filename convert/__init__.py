"""Models in, TFLite files out, each proven to say the same. `python -m convert --help`."""
