"""Serve a built book as a web host would: compressed, with fingerprints honoured, under a content security policy.

    python book/_tools/serve.py [FOLDER] [PORT]

FOLDER is where the pages are, _build/html when it is not given. The live pictures need a server: a browser does
not load JavaScript modules from `file://` addresses.
"""

import functools
import gzip
import http.server
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What the pages need: nothing from elsewhere and no inline script. The face sampler is fast with WebAssembly and
# slow without, MathJax writes style sheets into the page, and the theme's style sheets carry their small pictures.
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
COMPRESSED = {".html", ".css", ".js", ".json", ".svg", ".txt", ".xml", ".ipynb", ".woff"}


@functools.lru_cache(maxsize=512)
def compressed(path, changed):
    """Give a file's bytes as gzip transfers them; `changed`, its time, makes a changed file be read again."""
    return gzip.compress(Path(path).read_bytes(), 6)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder in silence."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or a body waits until the browser has acknowledged its headers
    wbufsize = -1
    policy = POLICY

    def log_message(self, *args):
        pass

    def end_headers(self):
        self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file() or path.suffix not in COMPRESSED:
            return super().do_GET()
        body = compressed(path, path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(folder, port=0):
    """Serve a folder on this machine while a block runs; gives the address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def main(folder=ROOT / "_build" / "html", port="8000"):
    with serving(folder, int(port)) as address:
        print(f"The book is at {address} until Ctrl-C.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main(*sys.argv[1:])
