"""Invariants of a Bundle, which mostly join its type with its entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mappings.r4.rule import Finder, Node, Rule, repeated, rule

_CHANGES = {"batch", "transaction", "history"}
_ANSWERS = {"batch-response", "transaction-response", "history"}


def _entries(broken: Callable[[Node, str], bool], at: str = "") -> Finder:
    """Each entry that breaks a rule, given the type of the Bundle."""

    def find(bundle: Node) -> Iterable[str]:
        kind = bundle.get("type", "")
        found = (i for i, entry in enumerate(bundle.get("entry", ())) if broken(entry, kind))
        return [f"entry[{i}].{at}" if at else f"entry[{i}]" for i in found]

    return find


def _twice(bundle: Node) -> Iterable[str]:
    if bundle.get("type") == "history":
        return ()
    names = [_versioned(entry) for entry in bundle.get("entry", ())]
    return [f"entry[{i}].fullUrl" for i in repeated(names)]


def _versioned(entry: Node) -> tuple[str, str | None] | None:
    meta = entry.get("resource", {}).get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return (entry["fullUrl"], str(version)) if "fullUrl" in entry else None


def _begins_with(kind: str, first: str) -> Callable[[Node], bool]:
    def broken(bundle: Node) -> bool:
        entries = bundle.get("entry") or [{}]
        return bundle.get("type") == kind and entries[0].get("resource", {}).get("resourceType") != first

    return broken


RULES: dict[str, tuple[Rule, ...]] = {
    "Bundle": (
        rule("bdl-1", "only a search or a history has a total",
             lambda n: "total" in n and n.get("type") not in {"searchset", "history"}, "total"),
        Rule("bdl-2", "only a search has search information",
             _entries(lambda entry, kind: "search" in entry and kind != "searchset", "search")),
        Rule("bdl-3", "requests stand in a batch, transaction or history, and there in each entry",
             _entries(lambda entry, kind: ("request" in entry) != (kind in _CHANGES), "request")),
        Rule("bdl-4", "responses stand in an answer or a history, and there in each entry",
             _entries(lambda entry, kind: ("response" in entry) != (kind in _ANSWERS), "response")),
        Rule("bdl-5", "an entry has a resource, a request or a response",
             _entries(lambda entry, _: not {"resource", "request", "response"} & entry.keys())),
        Rule("bdl-7", "a fullUrl stands once in a Bundle, or each time with another version", _twice),
        Rule("bdl-8", "a fullUrl is not specific to a version",
             _entries(lambda entry, _: "/_history/" in entry.get("fullUrl", ""), "fullUrl")),
        rule("bdl-9", "a document has an identifier with system and value",
             lambda n: n.get("type") == "document" and not {"system", "value"} <= n.get("identifier", {}).keys(),
             "identifier"),
        rule("bdl-10", "a document has a date", lambda n: n.get("type") == "document" and "timestamp" not in n,
             "timestamp"),
        rule("bdl-11", "a document begins with a Composition", _begins_with("document", "Composition"), "entry[0]"),
        rule("bdl-12", "a message begins with a MessageHeader", _begins_with("message", "MessageHeader"), "entry[0]"),
    ),
}  # fmt: skip
