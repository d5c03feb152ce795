"""The least that a server here can do: read the same body as strictly, write an answer that is at hand.

`python -m tests.bench.floor FILE` serves FILE's JSON at `/` on a free port and tells the URL on stdout.
"""

from __future__ import annotations

import sys
from pathlib import Path

from flask import Flask, Response, request
from werkzeug.serving import make_server

from mappings.r4 import wire


def main() -> None:
    answer = wire.decode(Path(sys.argv[1]).read_bytes())
    app = Flask("floor")

    @app.post("/")
    def echo() -> Response:
        wire.decode_strict(request.get_data())
        return Response(wire.encode(answer), content_type="application/fhir+json")

    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
