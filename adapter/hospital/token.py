"""
A token, kept until shortly before it ends, and shown on each request to one origin.

It goes to the origin of the server's `base_url` and nowhere else. A 401 is answered by one fresh token and one
repetition, because tokens are revoked and clocks differ; the second 401 is the answer.

Source: RFC 6749 sections 2.3.1, 4.3, 4.4 and 5.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from adapter.errors import HospitalUnavailable, Refused
from adapter.hospital import body
from adapter.hospital.answer import Answer, Distrusted, NoToken
from adapter.hospital.origin import distrust, origin

BEFORE_END = 30.0
"""Seconds before its end when a token is no longer used."""

UNSAID_LIFE = 60.0
"""Seconds that a token is used whose life the server did not tell (SMART asks it to)."""

TIMEOUT = (5.0, 30.0)
LARGEST = 4_000_000
"""Bytes; a CapabilityStatement may weigh two million."""

LONGEST = 60.0
"""Seconds that an answer may take: every worker of this server waits for the token."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What was agreed with the other side: who we are there, what we may ask for, where its tokens come from."""

    name: str
    base_url: str
    client_id: str
    scope: str
    token_url: str | None = None


class Token(AuthBase):
    """One for all threads of a process. `monotonic` gives seconds.

    Raises NoToken where none can be had, Distrusted where TLS is to blame for it: the content never is.
    """

    def __init__(
        self,
        registration: Registration,
        session: requests.Session | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._of, self._monotonic = registration, monotonic
        self._session = session or requests.Session()
        self._session.auth = _unsigned
        self._lock = threading.Lock()
        self._token: str | None = None
        self._until = 0.0
        self._endpoint = registration.token_url

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if origin(request.url or "") != origin(self._of.base_url):
            return request
        token = self.token()
        request.headers["Authorization"] = f"Bearer {token}"
        request.hooks["response"].append(lambda answer, **sending: self._again(answer, token, sending))
        return request

    def close(self) -> None:
        """Gives the connections to the token endpoint back."""
        self._session.close()

    def token(self, refused: str | None = None) -> str:
        """One that holds; not the `refused` one."""
        with self._lock:
            if self._token is None or self._token == refused or self._monotonic() >= self._until:
                self._token, self._until = None, 0.0
                asked = self._monotonic()
                token, life = self._fetch()
                self._token, self._until = token, asked + max(life - BEFORE_END, life / 2)
            return self._token

    def _discovered(self) -> str:
        """Where tokens come from, if the configuration does not say."""
        raise NoToken(f"{self._of.name}: says nowhere where tokens come from; set auth.token_url")

    def _shown(self, endpoint: str) -> dict[str, Any]:
        """How we show ourselves at the token endpoint: what goes with the POST."""
        raise NotImplementedError

    def _again(self, answer: requests.Response, refused: str, sending: Mapping[str, Any]) -> requests.Response:
        if answer.status_code != 401 or origin(answer.request.url or "") != origin(self._of.base_url):
            return answer
        again = answer.request.copy()
        again.headers["Authorization"] = f"Bearer {self.token(refused)}"
        _ = answer.content  # read to its end, so that the connection can be used again
        answer.close()
        connection: Any = answer.connection
        second: requests.Response = connection.send(again, **sending)  # below the hooks: no third try
        second.history.append(answer)
        second.request = again
        return second

    def _fetch(self) -> tuple[str, float]:
        self._endpoint = self._endpoint or self._discovered()
        try:
            shown = self._shown(self._endpoint)
        except Refused as error:  # a key or secret that cannot be read just now
            raise NoToken(f"{self._of.name}: no token: {error}") from error
        answer = self._ask("POST", self._endpoint, **shown)
        return self._held(self._content(answer))

    def _content(self, answer: Answer) -> dict[str, Any]:
        """The JSON object in an answer about tokens."""
        if not answer.ok:
            raise NoToken(f"{self._of.name}: no token: {_oauth_words(answer)}", answer.asked)
        try:
            return answer.content()
        except HospitalUnavailable as error:
            raise NoToken(f"{self._of.name}: no token: the answer is not a JSON object") from error

    def _held(self, said: Mapping[str, Any]) -> tuple[str, float]:
        token, kind, life = said.get("access_token"), str(said.get("token_type", "")), said.get("expires_in")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or kind.lower() != "bearer":
            raise NoToken(f"{self._of.name}: the token endpoint gave no bearer token")
        try:
            seconds = float(str(life)) if life is not None else UNSAID_LIFE
        except ValueError:
            seconds = UNSAID_LIFE
        return token, max(seconds, 0.0)

    def _ask(self, method: str, url: str, **content: Any) -> Answer:
        headers = {"Accept": "application/json", "User-Agent": "Engraft"}
        # the authority by name: else that of the environment would take its place (REQUESTS_CA_BUNDLE)
        how: dict[str, Any] = {"timeout": TIMEOUT, "allow_redirects": False, "verify": self._session.verify}
        try:
            with self._session.request(method, url, headers=headers, stream=True, **how, **content) as answer:
                said = body.read(answer, LARGEST, LONGEST)
                return Answer(self._of.name, answer.status_code, answer.reason or "", answer.headers, said)
        except body.Endless as error:
            raise NoToken(f"{self._of.name}: an answer about tokens that is {error}") from error
        except (requests.RequestException, OSError) as error:
            if why := distrust(error):
                raise Distrusted(f"{self._of.name}: no TLS where tokens come from: {why}") from error
            raise NoToken(f"{self._of.name}: no answer about a token ({type(error).__name__})") from error


class SecretToken(Token):
    """A token for a client secret, and, where `person` gives them, for a service account's name and password.

    `secret` and `person` are asked for at each token, so that a rotated secret counts without a restart. Without a
    person the grant is client_credentials, with one it is password, as CIBMTR's guide asks for.
    """

    def __init__(
        self,
        registration: Registration,
        secret: Callable[[], str],
        person: Callable[[], tuple[str, str]] | None = None,
        session: requests.Session | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(registration, session, monotonic)
        self._secret, self._person = secret, person

    def _shown(self, endpoint: str) -> dict[str, Any]:  # noqa: ARG002  the same at each
        form = {"grant_type": "client_credentials", "scope": self._of.scope}
        if self._person:
            user, password = self._person()
            form |= {"grant_type": "password", "username": user, "password": password}
        return {"data": form, "auth": HTTPBasicAuth(self._of.client_id.encode(), self._secret().encode())}


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No credentials but those of `_shown`. Without it requests would look for some in the user's ~/.netrc."""
    return request


def _oauth_words(answer: Answer) -> str:
    """`error` and `error_description` of RFC 6749, for a person."""
    try:
        said = Answer(answer.name, 200, "", {}, answer.body).content()
    except HospitalUnavailable:
        return f"status {answer.status}"
    return " ".join(str(said[key])[:200] for key in ("error", "error_description") if key in said) or str(answer.status)
