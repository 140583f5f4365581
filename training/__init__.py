"""Data preparation, training, evaluation and calibration. `python -m training --help`."""
