"""From an address to a file on disk, with nothing else reachable on the way."""
