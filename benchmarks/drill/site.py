"""A site for the drill: the sample picture under many names, as slow as its address asks for.

`/7.jpg?s=0.6` answers after 0.6 s. Each name has other bytes: none is answered from another's.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from server.launch import SAMPLE


def marked(comment: bytes) -> bytes:
    """The sample picture with a comment in it: other bytes, the same picture."""
    picture = SAMPLE.read_bytes()
    return picture[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + picture[2:]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        time.sleep(float(parse_qs(urlsplit(self.path).query)["s"][0]))
        body = marked(self.path.encode())
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):  # the client was killed
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def pictures() -> Iterator[str]:
    """The site's host:port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
