"""The history of one resource: its versions, newest first, on pages that keep their place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from adapter.errors import Invalid
from adapter.store import Tx
from adapter.store.spans import span
from adapter.store.stored import Stored
from adapter.web import served
from adapter.web.search_request import LARGEST_PAGE, whole
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault

NAMES = ("_after", "_count", "_since")


@dataclass(frozen=True, slots=True)
class Wanted:
    """`since`: versions of that moment and later, as said in `said`; `after`: those before this version's number."""

    count: int
    after: int
    since: datetime | None
    said: str

    def query(self, after: int) -> str:
        parameters = [("_since", self.said), ("_count", str(self.count)), ("_after", str(after) if after else "")]
        return urlencode([(name, value) for name, value in parameters if value])


def read(asked: Iterable[tuple[str, str]], *, lenient: bool) -> Wanted:
    """Raises Invalid (400) naming each parameter that is not understood."""
    said = dict(asked)
    known = (*NAMES, *served.SHAPES)
    faults = [
        Fault(name, f"a history has no such parameter; known: {', '.join(known)}", "not-supported")
        for name in said
        if name not in known and not lenient
    ]
    since = said.get("_since", "")
    wanted = Wanted(
        min(whole(said, "_count", LARGEST_PAGE, faults), LARGEST_PAGE),
        whole(said, "_after", 0, faults),
        _moment(since, faults),
        since,
    )
    if faults:
        raise Invalid(faults, status=400)
    return wanted


def versions(tx: Tx, kind: str, id_: str, wanted: Wanted) -> tuple[int, list[Stored]]:
    """How many versions were asked for, and those of this page with one more where it is not the last."""
    total = tx.resources.versions_of(kind, id_, since=wanted.since)
    if not wanted.count:
        return total, []
    before = wanted.after or None
    return total, tx.resources.history(kind, id_, since=wanted.since, before=before, count=wanted.count + 1)


def bundle(base: str, reference: str, wanted: Wanted, total: int, found: Sequence[Stored]) -> Resource:
    """The page as a history Bundle."""
    shown = found[: wanted.count]
    links = [_link("self", base, reference, wanted.query(wanted.after))]
    if len(found) > len(shown) > 0:
        links.append(_link("next", base, reference, wanted.query(shown[-1].version)))
    return _bundle(total, links, [_entry(base, one) for one in shown])


def of_definition(base: str, resource: Resource) -> Resource:
    """A definition has the one version that came with the release."""
    reference = f"{resource['resourceType']}/{resource['id']}"
    return _bundle(1, [_link("self", base, reference, "")], [_told(base, reference, resource, "200", None)])


def _bundle(total: int, links: list[Element], entries: list[Element]) -> Resource:
    out: Resource = {"resourceType": "Bundle", "type": "history", "total": total, "link": links}
    return out | ({"entry": entries} if entries else {})


def _moment(text: str, faults: list[Fault]) -> datetime | None:
    """An instant has a zone; a plus sign in a query is a blank to many clients."""
    if not text:
        return None
    try:
        moment = span(text).low_at
    except ValueError:
        moment = None
    if moment is None:
        faults.append(Fault("_since", "is a moment with its zone, as 2026-03-02T10:00:00Z", "value"))
    return moment


def _link(relation: str, base: str, reference: str, query: str) -> Element:
    return {"relation": relation, "url": f"{base}/{reference}/_history" + (f"?{query}" if query else "")}


def _entry(base: str, one: Stored) -> Element:
    if not one.deleted:
        return _told(base, one.reference, one.content, "201" if one.version == 1 else "200", one.at)
    gone = {"status": "204", "etag": f'W/"{one.version}"', "lastModified": one.at.isoformat()}
    request = {"method": "DELETE", "url": one.reference}
    return {"fullUrl": f"{base}/{one.reference}", "request": request, "response": gone}


def _told(base: str, reference: str, resource: Resource, status: str, at: datetime | None) -> Element:
    response: Element = {"status": status, "etag": f'W/"{resource["meta"]["versionId"]}"'}
    if at:
        response["lastModified"] = at.isoformat()
    return {
        "fullUrl": f"{base}/{reference}",
        "resource": resource,
        "request": {"method": "PUT", "url": reference},
        "response": response,
    }
