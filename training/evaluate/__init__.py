"""Measuring: tables of one model on one set, all of one shape; probabilities and thresholds."""
