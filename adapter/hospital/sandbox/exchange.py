"""One request to the sandbox and its answer, free of sockets; Bundle entries are requests of the same shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

from adapter.hospital.sandbox.records import Version
from adapter.hospital.sandbox.refusal import Refusal
from adapter.hospital.sandbox.search import Params
from mappings.r4.build import Resource

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_ETAG = re.compile(r'(?:W/)?"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is what follows the base, split at the slashes; `headers` in lower case; `content` the decoded body."""

    method: str
    path: tuple[str, ...]
    params: Params = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Any = None

    def check_if_match(self, last: Version | None) -> None:
        """Refuses when `If-Match` names another version than `last`."""
        said = self.headers.get("if-match")
        if said is None:
            return
        etag = _ETAG.fullmatch(said.strip())
        if not etag:
            raise Refusal(400, "If-Match is not an ETag")
        if last is None or last.content is None or str(last.number) != etag[1]:
            raise Refusal(412, "the current version is another one")


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and headers."""

    status: int
    content: Resource | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def of_version(status: int, version: Version, base_url: str) -> Answer:
    """The answer that carries one version."""
    headers = {"ETag": version.etag, "Last-Modified": format_datetime(version.at.replace(microsecond=0), usegmt=True)}
    if status == 201:
        headers["Location"] = f"{base_url}/{version.address}"
    return Answer(status, version.content, headers)
