"""The jobs table, the queue that carries its ids, and the runner that does the work."""
