"""A child like any other, but a guard resolves the names of the tests and no others."""

from __future__ import annotations

import sys

from server.processes import fetch_main, main

COMMAND = (sys.executable, "-m", "tests.server.fetch_child")
NAMES = {"internal.test": ["127.0.0.1"], "mixed.test": ["127.0.0.1", "10.0.0.1"]}


def resolve(host: str, port: int) -> list[str]:
    from tests.server.fetch_site import numeric_resolver  # a download needs none of it

    return list(numeric_resolver(NAMES)(host, port))


if __name__ == "__main__":
    fetch_main.resolver = resolve
    main.main()
