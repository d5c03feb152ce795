"""What credentials are bound to, the scheme, host and port of a URL; and how TLS is spoken there."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from adapter.config import Tls


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
