"""Many documents in one file: each is kept, or refused with its reason, by itself; what is kept is kept durably."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.errors import Conflict, Invalid, NotAllowed, NotFound, Refused
from adapter.flows import answers, enrolment, follow_up, received
from mappings.intake import schema
from mappings.intake.columns import Kind
from mappings.intake.entries import Entry, Refusal
from mappings.intake.paths import DOCUMENT
from mappings.r4.faults import Fault, FaultyInput

if TYPE_CHECKING:
    from adapter.store import Store
    from adapter.store.clients import Client

MOST = 500
"""Documents of one call that waits: each is a transaction of its own, and the caller waits for all of them."""

PATIENCE = 15.0
"""Seconds of work after which no further document is begun: a web server ends a worker that is silent for long."""

_ASYNC = "or send it with Prefer: respond-async"
_LATER = f"was not reached in time: send the file again, what was taken is not doubled, {_ASYNC}"

_CODES: tuple[tuple[type[Refused], str], ...] = (
    *((NotFound, "not-found"), (NotAllowed, "forbidden"), (Conflict, "conflict")),
)


class TooMany(Refused):
    """More documents than one call takes."""

    status = 413


@dataclass(frozen=True, slots=True)
class Dealt:
    """A document by its place in the file, which begins with 1. `kind` None: it is none, and `faults` say why."""

    number: int
    entry: Entry
    kind: Kind | None
    faults: Sequence[Fault] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What became of each document, in the order of the file. `accepted`: as `take` tells of each.

    `found`: how the file was read, in sentences.
    """

    accepted: Sequence[Mapping[str, Any]]
    refused: Sequence[Refusal]
    found: Sequence[str] = ()

    def document(self) -> dict[str, Any]:
        rejected = [one.document() for one in self.refused]
        return {"accepted": list(self.accepted), "rejected": rejected} | (
            {"found": list(self.found)} if self.found else {}
        )

    def faults(self) -> list[Fault]:
        """The refusals in sentences, for a batch of which nothing was kept, and how it was read."""
        told = [Fault(DOCUMENT, note, "informational", "information") for note in self.found] if self.refused else []
        found = [*(Fault(one.column or one.path, _sentence(one), one.code) for one in self.refused), *told]
        return found or [Fault(DOCUMENT, "the batch holds no document", "required")]


def record(
    entries: Iterable[Entry],
    *,
    sender: Client | None,
    store: Store,
    settings: Settings,
    now: datetime,
    found: Sequence[str] = (),
    seconds: Callable[[], float] = monotonic,
) -> Report:
    """Keeps what can be kept, enrolments before visits wherever they stand; the same again doubles nothing.

    What is not reached within PATIENCE is refused as such.
    Raises TooMany before anything is kept; Unavailable where the store goes away in between, and the same batch again
    then keeps the rest.
    """
    accepted: list[Mapping[str, Any]] = []
    refused: list[Refusal] = []
    spent = 0.0
    for one in deal(entries, MOST):
        if accepted and spent > PATIENCE and one.kind:
            refused += one.entry.refusals([Fault(DOCUMENT, _LATER, "timeout")])
            continue
        begun = seconds()
        try:
            taken = take(one, sender=sender, store=store, settings=settings, now=now)
            # what was there already is passed over, so that the same batch again comes further each time
            spent += seconds() - begun if taken["changed"] else 0
            accepted.append(taken)
        except Refused as error:
            refused += refusals_of(one, error)
    return report(accepted, refused, found)


def report(accepted: Iterable[Mapping[str, Any]], refused: Iterable[Refusal], found: Sequence[str]) -> Report:
    """In the order of the file."""
    lines = sorted(accepted, key=lambda one: (one["line"], one.get("row", 0)))
    return Report(lines, sorted(refused, key=lambda one: (one.line, one.row or 0)), found)


def deal(entries: Iterable[Entry], most: int | None = None) -> list[Dealt]:
    """What is no document, then enrolments, then visits, each in the order of the file. Raises TooMany."""
    rooms: dict[Kind | None, list[Dealt]] = {None: [], "enrolment": [], "follow-up": []}
    for number, entry in enumerate(entries, 1):
        if most is not None and number > most:
            raise TooMany(f"more than {most} documents in one call: split the file, {_ASYNC}")
        try:
            if entry.document is None and entry.faults:
                raise FaultyInput(entry.faults)
            kind = schema.kind_of(entry.document)
            rooms[kind].append(Dealt(number, entry, kind))
        except FaultyInput as error:
            received.refused("batch", error)
            rooms[None].append(Dealt(number, entry, None, error.faults))
    return [one for room in rooms.values() for one in room]


def take(one: Dealt, *, sender: Client | None, store: Store, settings: Settings, now: datetime) -> dict[str, Any]:
    """Keeps a document; how the report tells of it. Raises Refused."""
    if one.kind is None:
        raise Invalid(one.faults)
    answers.complete(one.entry, sender, store)
    put = enrolment.enrol if one.kind == "enrolment" else follow_up.record
    said: dict[str, Any] = {"sender": sender, "store": store, "settings": settings, "now": now}
    receipt = put(one.entry.document, response=one.entry.response, **said)
    place = {"line": one.entry.line} | ({} if one.entry.row is None else {"row": one.entry.row})
    location = f"/{'enrolments' if one.kind == 'enrolment' else 'follow-ups'}/{receipt.id}"
    known = {"id": receipt.id, "location": location, "version": receipt.version, "changed": receipt.changed}
    return {**place, "kind": one.kind, **known}


def refusals_of(one: Dealt, error: Refused) -> list[Refusal]:
    """Why a document was not kept, where its sender finds it."""
    return one.entry.refusals(_faults(error))


def _faults(error: Refused) -> Sequence[Fault]:
    if isinstance(error, Invalid):
        return error.faults
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "processing")
    field = error.field if isinstance(error, NotFound) else "centre" if isinstance(error, NotAllowed) else "patient"
    return (Fault(field or "patient", str(error), code),)


def _sentence(one: Refusal) -> str:
    where = f"line {one.line}" if one.row is None else f"row {one.row}"
    value = f" ({one.value!r})" if one.value else ""
    mend = f"; {one.mend}" if one.mend and "write" not in one.reason else ""
    return f"{where}{value}: {one.reason}{mend}"
