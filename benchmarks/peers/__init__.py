"""The two sides of each comparison, ours and the peers', as programs of their own.

Each module here is one side, run as `python -m benchmarks.peers.NAME OPTIONS` by an interpreter
that may be another than ours, since the peers' pins clash with ours. serve.py is what they have in
common, side.py talks to their processes, environments.py makes what they run in.
"""
