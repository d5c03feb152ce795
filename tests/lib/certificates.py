"""Certificates for tests of TLS: an authority of one's own, what it signs, and a server that shows it."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.lib.beside import beside

HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
ELSEWHERE = x509.DNSName("elsewhere.example")


@dataclass(frozen=True)
class Signed:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Signs what it is asked to; `file`: its own certificate."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder, self._name = folder, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = self._of(self._name, self._key, timedelta(days=100))
        basic = x509.BasicConstraints(ca=True, path_length=None)
        made = own.add_extension(basic, critical=True).sign(self._key, hashes.SHA256())
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(made.public_bytes(Encoding.PEM))

    def signed(self, name: str, life: timedelta = timedelta(days=100), at: x509.GeneralName = HERE) -> Signed:
        """For whoever is reached at that place; `life` from now on, over where it is negative."""
        key = ec.generate_private_key(ec.SECP256R1())
        asked = self._of(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, life)
        made = asked.add_extension(x509.SubjectAlternativeName([at]), critical=False).sign(self._key, hashes.SHA256())
        found = Signed(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        found.certificate.write_bytes(made.public_bytes(Encoding.PEM))
        found.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return found

    def _of(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, life: timedelta) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(now - timedelta(days=400)).not_valid_after(now + life)


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._say(b'{"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._say(b'{"access_token": "abc", "token_type": "bearer", "expires_in": 300}')

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Who does not trust us hangs up."""


@contextmanager
def tls_server(shows: Signed, wants: Authority | None = None) -> Iterator[str]:
    """Address of a server that answers each GET with a CapabilityStatement and each POST with a token.

    `wants`: who does not show a certificate of this authority is refused.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shows.certificate, shows.key)
    if wants:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(wants.file)
    server = _Quiet(("127.0.0.1", 0), _Answers)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with beside(server):
        yield f"https://127.0.0.1:{server.server_port}"
