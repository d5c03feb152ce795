"""The least that a receiver of notifications can do: parse the body, insert it durably, answer.

`python -m tests.bench.bare_hook DATABASE` serves `POST /` on a free port and tells the URL on stdout.
"""

from __future__ import annotations

import sqlite3
import sys
import threading

from flask import Flask, Response, request
from werkzeug.serving import make_server

from mappings.r4 import wire


def main() -> None:
    here = threading.local()
    app = Flask("bare")

    def connection() -> sqlite3.Connection:
        if not hasattr(here, "connection"):
            here.connection = sqlite3.connect(sys.argv[1], timeout=10)
            here.connection.execute("PRAGMA journal_mode = WAL")
            here.connection.execute("PRAGMA synchronous = FULL")
        found: sqlite3.Connection = here.connection
        return found

    connection().execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, body BLOB)")

    @app.post("/")
    def keep() -> Response:
        body = request.get_data()
        wire.decode_strict(body)
        with connection() as writing:
            writing.execute("INSERT INTO kept (body) VALUES (?)", (body,))
        return Response(status=204)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
