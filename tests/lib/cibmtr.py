"""A stand-in for CIBMTR's token endpoint and CRID service, by its public guide. It knows synthetic people only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server

from tests.lib.beside import beside

CLIENT, SECRET, ACCOUNT, PASSWORD, SCOPE = "engraft-client", "client-secret", "service", "account-secret", "cibmtr"


@dataclass
class Cibmtr:
    """`tokens` that it gave; `asked` for a number; `refuse`: a status for whom it refuses, by last name."""

    url: str = ""
    tokens: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    known: dict[tuple[str, ...], int] = field(default_factory=dict)
    refuse: dict[str, int] = field(default_factory=dict)

    @property
    def crid_url(self) -> str:
        return f"{self.url}/v1/CRID"


def _application(server: Cibmtr) -> Flask:
    app = Flask("cibmtr")

    @app.post("/oauth2/v1/token")
    def token() -> Any:
        shown, form = request.authorization, request.form
        if not shown or (shown.username, shown.password) != (CLIENT, SECRET):
            return jsonify(error="invalid_client"), 401
        if (form.get("grant_type"), form.get("username"), form.get("password")) != ("password", ACCOUNT, PASSWORD):
            return jsonify(error="invalid_grant"), 400
        if form.get("scope") != SCOPE:
            return jsonify(error="invalid_scope"), 400
        server.tokens.append(f"t-{len(server.tokens) + 1}")
        return jsonify(access_token=server.tokens[-1], token_type="Bearer", expires_in=1800, scope=SCOPE)

    @app.put("/v1/CRID")
    def crid() -> Any:
        if not server.tokens or request.headers.get("Authorization") != f"Bearer {server.tokens[-1]}":
            return Response(status=401)
        body = request.get_json()
        server.asked.append(body)
        patient = body["patient"]
        if status := server.refuse.get(patient["lastName"]):
            return jsonify(message=f"not {patient['lastName']}"), status
        who = tuple(patient[name] for name in ("firstName", "lastName", "birthDate", "gender"))
        if who in server.known:
            return jsonify(perfectMatch=[{"crid": server.known[who]}], fuzzyMatch=[])
        server.known[who] = 9_990_000 + len(server.known)
        return jsonify(crid=server.known[who])

    return app


@contextmanager
def cibmtr() -> Iterator[Cibmtr]:
    """It serves while the block lasts."""
    made = Cibmtr()
    server = make_server("127.0.0.1", 0, _application(made))
    made.url = f"http://127.0.0.1:{server.server_port}"
    with beside(server):
        yield made
