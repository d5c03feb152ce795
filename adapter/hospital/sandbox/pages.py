"""Search results in pages: what matched is kept, so that later pages show the same search and not a newer one."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Sequence
from urllib.parse import urlencode

from adapter.hospital.sandbox.records import Version
from adapter.hospital.sandbox.refusal import Refusal
from adapter.hospital.sandbox.search import Params
from mappings.r4.build import Element, Resource

PAGE = 20
"""Entries of a page where nobody asked for another number, as in HAPI."""

KEPT = 200
"""Searches that can still be paged through; the oldest is forgotten."""


class Pages:
    """`first` answers a search, `later` what its `next` link leads to."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._kept: OrderedDict[str, tuple[str, Sequence[Version]]] = OrderedDict()

    def first(self, kind: str, params: Params, found: Sequence[Version]) -> Resource:
        """First page of a searchset."""
        url = f"{self._base_url}/{kind}?{urlencode(list(params))}"
        count = _count(params)
        if count == 0 or len(found) <= count:
            return self._page(url, found[:count], len(found), None)
        key = str(uuid.uuid4())
        self._kept[key] = (url, found)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._page(url, found[:count], len(found), self._link(key, count, count))

    def later(self, params: Params) -> Resource:
        """A page by the parameters of a `next` link. 410 where it is forgotten."""
        said = dict(params)
        if said.get("_getpages") not in self._kept:
            raise Refusal(410, "this page is no longer kept")
        key = said["_getpages"]
        url, found = self._kept[key]
        offset, count = _number(said.get("_getpagesoffset", "0")), _number(said.get("_count", str(PAGE)))
        end = offset + count
        following = self._link(key, end, count) if end < len(found) and count else None
        return self._page(url, found[offset:end], len(found), following)

    def _link(self, key: str, offset: int, count: int) -> str:
        return f"{self._base_url}?_getpages={key}&_getpagesoffset={offset}&_count={count}"

    def _page(self, url: str, shown: Sequence[Version], total: int, following: str | None) -> Resource:
        links = [{"relation": "self", "url": url}]
        if following:
            links.append({"relation": "next", "url": following})
        page: Resource = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
        return page | ({"entry": [self._entry(version) for version in shown]} if shown else {})

    def _entry(self, version: Version) -> Element:
        url = f"{self._base_url}/{version.kind}/{version.id}"
        return {"fullUrl": url, "resource": version.content, "search": {"mode": "match"}}


def _count(params: Params) -> int:
    return _number(dict(params).get("_count", str(PAGE)))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400, "not a whole number")
    return int(text[:9])
