"""Side-by-side measurements against the named peers. `python -m benchmarks --help`."""
