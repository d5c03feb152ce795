"""[ehrs.NAME]: EHRs that call CDS Hooks and show themselves by JWTs that they sign."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from adapter.config.reader import Reader, Table
from adapter.config.settings import Ehr

_HERE = ("127.0.0.1", "::1", "localhost")


def ehrs(reader: Reader, document: Table, centres: Collection[str]) -> dict[str, Ehr]:
    """By name. `centres`: the codes that one may call for; none where every centre is accepted."""
    found = {name: _ehr(reader, name, table, centres) for name, table in reader.tables(document, "ehrs")}
    by: dict[str, list[Ehr]] = {}
    for one in found.values():
        by.setdefault(one.issuer, []).append(one)
    for issuer, same in by.items():
        tenants = {one.tenant for one in same}
        if issuer and len(same) > 1 and (None in tenants or len(tenants) < len(same)):
            reader.fault(("ehrs", same[-1].name), "another EHR has this issuer: each of them names a tenant of its own")
    return found


def _ehr(reader: Reader, name: str, table: Table, centres: Collection[str]) -> Ehr:
    at = ("ehrs", name)
    reader.only(table, at, ("issuer", "centre", "tenant", "jwks"))
    centre = reader.text(table, at, "centre")
    if centre and centres and centre not in centres:
        reader.fault((*at, "centre"), f"no centre is called {centre}; known: {', '.join(centres)}")
    tenant = reader.text(table, at, "tenant") if "tenant" in table else None
    said, place = reader.inline(table, (*at, "jwks")) or {}, (*at, "jwks")
    if len(said) != 1 or not said.keys() <= {"url", "file"}:
        reader.fault(place, 'is where its public keys are: { url = "https://..." } or { file = "..." }')
        said = {}
    url = reader.url(said, place, "url") if "url" in said else None
    if url and urlsplit(url).scheme != "https" and urlsplit(url).hostname not in _HERE:
        reader.fault((*place, "url"), "keys are fetched by https: who can change them can be anybody")
    file = reader.path.parent / reader.text(said, place, "file") if "file" in said else None
    return Ehr(name, reader.text(table, at, "issuer"), centre, tenant, url, file)
