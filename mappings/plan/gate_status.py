"""How gated actions stand, for people in a sentence and for programs as the extension `gate-status` of their action.

The condition of the action stays what the protocol says; the extension tells how it stood on a day. As long as nothing
but the day would change it is left alone, so that a RequestGroup gets a new version only when there is news.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from mappings.plan.actions import leaves
from mappings.plan.verdict import Finding, Standing, Told, Verdict
from mappings.r4.build import Element, Resource, reference

NAME = "gate-status"

Where = Callable[[Told], str | None]
"""Reference of the stored resource that a fact became; None where there is none."""


def sentence(standing: Standing) -> str:
    """The verdict, then each criterion with its facts, e.g. `Gate not met. Not met: no active GVHD (...).`"""
    if standing.done:
        return f"Done: {fact(standing.done)}."
    order = (Verdict.NOT_MET, Verdict.UNKNOWN, Verdict.MET)
    parts = [_told(one) for verdict in order for one in standing.findings if one.verdict is verdict]
    begun = [f"Confirmed to have begun on {standing.begun}"] if standing.begun else []
    if standing.deviation:
        begun.append(against(standing.deviation))
    return ". ".join([*begun, f"Gate {standing.verdict.words}", *parts]) + "."


def against(why: str) -> str:
    """That something was done against the protocol, for a reader who must not overlook it."""
    return f"DEVIATION from the protocol: {why.rstrip('.')}"


def fact(told: Told) -> str:
    """One fact with its date, as it was told."""
    when = str(told.when) if told.when else ""
    return told.what if not when or when in told.what else f"{told.what}, {when}"


def extension(standing: Standing, on: date, where: Where, url: str) -> Element:
    """`gate-status` of one action, evaluated for the day `on`."""
    done = standing.done
    facts = [done] if done else [told for one in standing.findings for told in one.facts]
    targets = dict.fromkeys(target for told in facts if (target := where(told)))
    parts: list[Element] = [
        {"url": "status", "valueCode": standing.verdict.value},
        {"url": "asOf", "valueDate": on.isoformat()},
        {"url": "text", "valueString": sentence(standing)},
    ]
    if done:
        parts.append({"url": "done", "valueDateTime": str(done.when)})
    parts += [{"url": "fact", "valueReference": reference(target)} for target in targets]
    return {"url": url, "extension": parts}


def published(group: Resource, before: Resource | None, status: Mapping[str, Element], url: str) -> Resource:
    """The RequestGroup with the status of each gated action, by action id; `before`: its newest stored version."""
    old = {} if before is None else {action["id"]: action for action in leaves(before["action"])}
    return group | {"action": [_marked(action, old, status, url) for action in group["action"]]}


def _marked(action: Element, old: Mapping[str, Element], status: Mapping[str, Element], url: str) -> Element:
    if "action" in action:
        return action | {"action": [_marked(child, old, status, url) for child in action["action"]]}
    new = status.get(action["id"])
    if new is None:
        return action
    kept = next((one for one in old.get(action["id"], {}).get("extension", ()) if one["url"] == url), None)
    others = [one for one in action.get("extension", ()) if one["url"] != url]
    standing = kept if kept is not None and _undated(kept) == _undated(new) else new
    rest = {name: said for name, said in action.items() if name != "extension"}
    return {"id": action["id"], "extension": [*others, standing]} | rest


def _undated(status: Element) -> list[Element]:
    return [part for part in status["extension"] if part["url"] != "asOf"]


def _told(finding: Finding) -> str:
    out = f"{finding.verdict.words.capitalize()}: {finding.needs}"
    if finding.facts:
        out += " (" + "; ".join(dict.fromkeys(map(fact, finding.facts))) + ")"
    return out + (f"; to be told: {'; '.join(finding.missing)}" if finding.missing else "")
