"""Bodies in and out: which content types are spoken, JSON read strictly, FHIR written with its Decimals."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask import Response, current_app, g, request
from werkzeug.exceptions import NotAcceptable, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.http import parse_options_header

from adapter.errors import Invalid
from mappings.r4 import wire
from mappings.r4.faults import Fault, FaultyInput

FHIR = "application/fhir+json"
JSON = "application/json"
NDJSON = "application/x-ndjson"
LINES = ("application/fhir+ndjson", "application/ndjson", NDJSON, "text/ndjson")
"""One resource a line, by all its names; FHIR's own (Bulk Data) first."""
CSV = "text/csv"
FORM = "application/x-www-form-urlencoded"
SPOKEN = (FHIR, JSON, "text/json")
FORMATS = ("json", *SPOKEN)
OF_THE_ANSWER = ("_format", "_pretty")
"""Parameters that every address knows: how the answer is written."""
LIMIT = 5 * 1024 * 1024
"""Bytes of the largest body that is read: a follow-up has some kilobytes, a Bundle of a patient's data some hundred."""


def body() -> bytes:
    """The body, read once. A longer one than LIMIT is refused with 413, a packed one with 415."""
    _require_unpacked()
    data = request.get_data()
    g.body_read = True
    if len(data) >= LIMIT and request.content_length is None:
        # a chunked body is cut off at the limit without a word
        raise RequestEntityTooLarge
    return data


def asked() -> list[tuple[str, str]]:
    """The parameters of the URL, and after them those of a form in the body."""
    found = list(request.args.items(multi=True))
    if request.mimetype == FORM:
        body()  # kept, for who reads a form first finds no body afterwards
        found += list(request.form.items(multi=True))
    return found


def json_body(*accepted: str) -> Any:
    """The body as plain values with Decimals; duplicate keys, NaN and bad UTF-8 are refused. `accepted`: its types."""
    require_type(*accepted)
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType("JSON is sent as UTF-8")
    try:
        return wire.decode_strict(body())
    except FaultyInput as error:
        raise Invalid(error.faults, status=400) from error


def require_type(*accepted: str) -> str:
    """The content type of the body, which is one of these. Raises UnsupportedMediaType."""
    kind = request.mimetype
    _require_unpacked()
    if kind not in accepted:
        raise UnsupportedMediaType(f"Content-Type {kind or 'missing'} is not read here; send {' or '.join(accepted)}")
    return kind


def _require_unpacked() -> None:
    packed = request.headers.get("Content-Encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise UnsupportedMediaType(f"Content-Encoding {packed} is not read here; send the body as it is")


def expected_version() -> int | None:
    """Version that the caller means to replace, from `If-Match`; None where it does not say."""
    return tagged_version(request.headers.get("If-Match"), "If-Match")


def tagged_version(said: str | None, place: str) -> int | None:
    """Version that an ETag names; None where there is none, or any will do. Raises Invalid (400) naming `place`."""
    if said is None or said.strip() == "*":
        return None
    tag = said.removeprefix("W/").strip('"')
    if not (tag.isascii() and tag.isdigit() and len(tag) < 10):
        raise Invalid([Fault(place, 'is one version, as W/"3"', "value")], status=400)
    return int(tag)


def negotiate(*, lines: bool = False) -> None:
    """Refuses with 406 what we do not write. `_format` goes before Accept. `lines`: NDJSON is written too."""
    spoken = (*SPOKEN, *LINES) if lines else SPOKEN
    g.pretty = dict(asked()).get("_pretty") == "true"
    wanted = _format()
    if wanted is not None:
        formats = (*FORMATS, "ndjson", *LINES) if lines else FORMATS
        if wanted not in formats:
            raise NotAcceptable(f"_format is not written here; ask for one of {', '.join(formats)}")
        return
    header = request.headers.get("Accept", "").strip()
    if header and accepted().keys().isdisjoint((*spoken, "*/*", "application/*", "text/*")):
        raise NotAcceptable(f"Accept names nothing that is written here; ask for one of {', '.join(spoken)}, FHIR 4.0")


def wanted_lines() -> str | None:
    """The name of NDJSON by which the caller asks for it; None where a resource is wanted more, or anything will do."""
    wanted = _format()
    if wanted is not None:
        return LINES[0] if wanted == "ndjson" else wanted if wanted in LINES else None
    weights = accepted()
    named = max(LINES, key=lambda kind: weights.get(kind, 0))
    other = max(weights.get(kind, 0) for kind in SPOKEN)
    return named if named in weights and weights[named] >= other else None


def _format() -> str | None:
    said = dict(asked()).get("_format")
    # a plus sign in a query is a blank to many clients
    return None if said is None else said.replace(" ", "+").partition(";")[0].strip()


def accepted() -> dict[str, float]:
    """Media types of the Accept header that are not ruled out, without parameters, with their weights; R4 only."""
    header = request.headers.get("Accept", "")
    parsed = [parse_options_header(part) for part in header.split(",") if part.strip()]
    weights = {kind.lower(): _weight(said.get("q", "1")) for kind, said in parsed if _is_r4(said)}
    return {kind: weight for kind, weight in weights.items() if weight > 0}


def lost_browser() -> bool:
    """Is it a browser, at an address that no rule has? Programs, and everybody under `/fhir`, get a resource."""
    weights = accepted()
    looks = weights.get("text/html", 0) > max(weights.get(kind, 0) for kind in SPOKEN)
    return looks and request.url_rule is None and request.path.split("/")[1] != "fhir"


def _weight(said: str) -> float:
    try:
        return float(said)
    except ValueError:
        return 1.0


def _is_r4(said: dict[str, str]) -> bool:
    return all(name.lower() != "fhirversion" or value.startswith("4.0") for name, value in said.items())


def fhir(resource: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A resource as answer."""
    return _answer(resource, status, headers, f"{FHIR}; charset=utf-8")


def plain(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Our own JSON as answer."""
    return _answer(document, status, headers, JSON)


def _answer(value: Any, status: int, headers: dict[str, str] | None, mimetype: str) -> Response:
    text = wire.pretty(value).encode() if g.get("pretty") else wire.encode(value)
    return current_app.response_class(text, status=status, headers=headers, content_type=mimetype)


def lenient() -> bool:
    """Did the caller ask that unknown parameters be ignored (`Prefer: handling=lenient`)?"""
    return (wishes("handling") or "").lower() == "lenient"


def wishes(name: str) -> str | None:
    """What the caller prefers, e.g. of `Prefer: return=minimal`; None where it does not say."""
    said = (part.strip() for value in request.headers.getlist("Prefer") for part in value.replace(";", ",").split(","))
    pairs = (part.partition("=") for part in said)
    return next((value.strip('"') for key, _, value in pairs if key.lower() == name), None)


def prefers(word: str) -> bool:
    """Does the caller prefer this, e.g. `Prefer: respond-async`?"""
    said = ",".join(request.headers.getlist("Prefer")).replace(";", ",")
    return word in {part.strip().lower() for part in said.split(",")}


def refuse_unknown(known: Collection[str]) -> None:
    """Raises Invalid (400) for query parameters that this write does not know, and would therefore not heed."""
    words = ", ".join(sorted(known)) or "none"
    text = f"there is no such parameter here (known: {words}), so nothing was done"
    faults = [Fault(name[:64], text, "not-supported") for name in request.args if name not in {*known, *OF_THE_ANSWER}]
    if faults:
        raise Invalid(faults, status=400)


def unknown_parameters(known: set[str]) -> list[Fault]:
    """Query parameters that mean nothing here, one fault each; none where the caller asked for leniency."""
    if lenient():
        return []
    words = ", ".join(sorted(known))
    return [
        Fault(name, f"this search or operation has no such parameter; known: {words}", "not-supported")
        for name in request.args
        if name not in known
    ]
