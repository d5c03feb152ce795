"""A token endpoint for SMART Backend Services, made with Authlib, and the JWK Set of who issues its tokens.

It takes an assertion only by a key that the client publishes, gives short tokens as JWT, and counts what it gave.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, jsonify
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from werkzeug.serving import make_server

from tests.lib.beside import beside

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Authlib tells that its own parts will move
    from authlib.integrations.flask_oauth2 import AuthorizationServer
    from authlib.oauth2.rfc6749 import ClientMixin
    from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
    from authlib.oauth2.rfc7523 import JWTBearerClientAssertion

AUDIENCE = "https://hospital.example/fhir"
LIFE = 300


@dataclass
class TokenServer:
    """Where it is, and what it gave. `published` fetches the client's JWK Set."""

    url: str
    published: Callable[[], dict[str, Any]]
    issuer: ECKey = field(default_factory=lambda: ECKey.generate_key("P-384", {"kid": "issuer", "use": "sig"}))
    given: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    @property
    def token_endpoint(self) -> str:
        return f"{self.url}/token"

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/jwks"


class _Client(ClientMixin):
    def __init__(self, client_id: str) -> None:
        self.client_id = client_id

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "private_key_jwt"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class _Grant(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("private_key_jwt",)


def _application(server: TokenServer, client_id: str) -> Flask:
    app = Flask("token endpoint")

    class Assertion(JWTBearerClientAssertion):
        CLIENT_AUTH_METHOD = "private_key_jwt"

        def get_audiences(self):
            return [server.token_endpoint]

        def validate_jti(self, claims, jti):
            fresh = jti not in server.seen
            server.seen.add(jti)
            return fresh

        def resolve_client_public_key(self, client):
            return KeySet.import_key_set(server.published())

        def process_assertion_claims(self, assertion, keys):
            # Authlib's own asks joserfc for its few recommended algorithms, and SMART's are not among them
            claims = jwt.decode(assertion, keys, algorithms=["ES384", "RS384"]).claims
            self.verify_claims(claims)
            return claims

    def issue(client, grant_type, user=None, scope=None, expires_in=None, include_refresh_token=False):
        now = int(time.time())
        claims = {"iss": server.url, "aud": AUDIENCE, "sub": client.client_id, "client_id": client.client_id}
        claims |= {"iat": now, "exp": now + LIFE, "jti": str(len(server.given)), "scope": scope}
        token = jwt.encode({"alg": "ES384", "kid": "issuer"}, claims, server.issuer, algorithms=["ES384"])
        server.given.append(token)
        return {"access_token": token, "token_type": "bearer", "expires_in": LIFE, "scope": scope}

    known = _Client(client_id)
    oauth = AuthorizationServer(app, lambda name: known if name == client_id else None, lambda token, request: None)
    oauth.register_client_auth_method("private_key_jwt", Assertion())
    oauth.register_grant(_Grant)
    oauth.register_token_generator("default", issue)
    app.add_url_rule("/token", "token", oauth.create_token_response, methods=["POST"])
    app.add_url_rule("/jwks", "jwks", lambda: jsonify(keys=[server.issuer.as_dict(private=False)]))
    return app


@contextmanager
def token_server(client_id: str, published: Callable[[], dict[str, Any]]) -> Iterator[TokenServer]:
    """Runs while the block lasts, for one client."""
    served = make_server("127.0.0.1", 0, Flask("starting"), threaded=True)
    server = TokenServer(f"http://127.0.0.1:{served.server_port}", published)
    served.app = _application(server, client_id)
    with beside(served):
        yield server
