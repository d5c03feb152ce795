"""What credentials are bound to, the scheme, host and port of a URL; and how TLS is spoken there."""

from __future__ import annotations

import re
import ssl
from datetime import datetime
from urllib.parse import urlsplit

import requests

from adapter.config import Tls

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts that are, for everybody, the own machine."""


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port, the scheme's own port where none is written."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def speak(session: requests.Session, tls: Tls) -> None:
    """The session shows our certificate and trusts the configured authority, where there are any."""
    if tls.certificate:
        session.cert = (str(tls.certificate), str(tls.key)) if tls.key else str(tls.certificate)
    if tls.ca:
        session.verify = str(tls.ca)


def settle(session: requests.Session, url: str) -> None:
    """What the environment says of a proxy or of authorities for this address, read once and not for each request."""
    said = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies.update(said["proxies"])
    if session.verify is True:
        session.verify = said["verify"]
    session.trust_env = False


def tls_faults(tls: Tls) -> dict[str, str]:
    """What is wrong with each of the files, by its key in the configuration; nothing where all can be used."""
    context, found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), dict[str, str]()
    if tls.ca:
        try:
            context.load_verify_locations(**{"capath" if tls.ca.is_dir() else "cafile": str(tls.ca)})
        except OSError as error:
            found["ca"] = f"{tls.ca} cannot be used: {_words(error)}"
    if tls.certificate:
        try:
            context.load_cert_chain(tls.certificate, tls.key, password=_no_passphrase)
        except OSError as error:
            key = f" with {tls.key}" if tls.key else ""
            found["certificate"] = f"{tls.certificate}{key} cannot be used: {_words(error)}"
    return found


def ends(tls: Tls) -> datetime | None:
    """When our own certificate does; None where there is none. Only after `tls_faults` found nothing."""
    if tls.certificate is None:
        return None
    # here, because it brings cryptography
    from cryptography.x509 import load_pem_x509_certificates

    return load_pem_x509_certificates(tls.certificate.read_bytes())[0].not_valid_after_utc


def distrust(error: BaseException | None) -> str | None:
    """What TLS has against the other side, or that against us, in OpenSSL's words; None where TLS is not to blame."""
    while error is not None and not isinstance(error, ssl.SSLError):
        # urllib3 wraps what it caught without naming it as the cause
        held = (one for one in (*error.args, getattr(error, "reason", None)) if isinstance(one, BaseException))
        error = error.__cause__ or error.__context__ or next(held, None)
    return None if error is None else _words(error)


def _no_passphrase() -> str:
    """Without it OpenSSL would ask for one at the terminal."""
    return ""


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    said = error.strerror or "no reason given"
    # [SSL: KEY_VALUES_MISMATCH] key values mismatch (_ssl.c:3900)
    return re.sub(r"^\[[^\]]*\] | \(_ssl\.c:\d+\)$", "", said)
