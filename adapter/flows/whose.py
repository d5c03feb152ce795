"""Of something that a hospital has: which version it is, and whose."""

from __future__ import annotations

from datetime import UTC, datetime

from adapter.errors import HospitalRefused
from adapter.hospital.answer import dicts
from adapter.hospital.client import HospitalClient
from adapter.store.copies import Copy
from mappings.r4.build import Resource

PAGE = 200
"""Matches of one page that are asked for, HAPI's largest. By its usual 20 the pages that we follow at most would end at
10,000 results, which a hospital's laboratory has in hours: the search would fail, and fail again.
"""


def as_copy(resource: Resource, client: HospitalClient) -> Copy:
    """What is kept of it."""
    meta = resource.get("meta") or {}
    return Copy(
        meta.get("versionId"), instant(meta.get("lastUpdated")), resource, subject(resource, client.base_url) or None
    )


def instant(text: object) -> datetime | None:
    """An aware time; None for what is none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def matches(client: HospitalClient, kind: str, sought: tuple[str, str]) -> list[Resource]:
    """What a search finds; nothing where a hospital has no such type at all."""
    try:
        return client.search(kind, [sought, ("_count", str(PAGE))])
    except HospitalRefused:
        if kind in _types(client.capability()):
            raise
        return []


def _types(capability: Resource) -> set[object]:
    return {one.get("type") for rest in dicts(capability.get("rest")) for one in dicts(rest.get("resource"))}


def concerns(resource: Resource, client: HospitalClient, ours: frozenset[str]) -> bool:
    """Is it about a patient of ours, or a Patient that says to be the same as one of ours?"""
    others = (named(str(other.get("reference"))) for other in _dicts_in(resource.get("link"), "other"))
    same = resource["resourceType"] == "Patient" and any(one in ours for one in others)
    return same or subject(resource, client.base_url) in ours


def named(reference: str) -> str:
    """`Patient/abc` of a reference, relative or with its whole address, with a version or without."""
    return "/".join(reference.partition("/_history/")[0].rsplit("/", 2)[-2:])


def _dicts_in(items: object, name: str) -> list[Resource]:
    return [item[name] for item in dicts(items) if isinstance(item.get(name), dict)]


def subject(resource: Resource, base_url: str) -> str:
    """Whose it is, as `Patient/abc`; an absolute reference to the hospital itself names the same."""
    if resource["resourceType"] == "Patient":
        return f"Patient/{resource.get('id')}"
    about = resource.get("subject")
    said = str(about.get("reference", "")) if isinstance(about, dict) else ""
    return said.removeprefix(f"{base_url}/").partition("/_history/")[0]
