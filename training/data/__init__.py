"""Data: which clips lie where, their faces cut out, split by people, read, and changed."""
