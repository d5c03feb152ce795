"""Many documents in one call: each is kept, or refused with its reason, by itself; what is kept is kept durably."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.errors import Conflict, Invalid, NotAllowed, NotFound, Refused
from adapter.flows import answers, enrolment, follow_up, received
from adapter.flows.course import Receipt
from mappings.intake import schema
from mappings.intake.columns import Kind
from mappings.intake.entries import Entry, Refusal
from mappings.intake.paths import DOCUMENT
from mappings.r4.faults import Fault, FaultyInput

if TYPE_CHECKING:
    from adapter.store import Store
    from adapter.store.clients import Client

MOST = 500
"""Documents of one call: each is a transaction of its own, and the caller waits for all of them."""

PATIENCE = 15.0
"""Seconds of work after which no further document is begun: a web server ends a worker that is silent for long."""

_LATER = "was not reached in time: send the file again, what was taken is not doubled"

_CODES: tuple[tuple[type[Refused], str], ...] = (
    *((NotFound, "not-found"), (NotAllowed, "forbidden"), (Conflict, "conflict")),
)


class TooMany(Refused):
    """More documents than one call takes."""

    status = 413


@dataclass(frozen=True, slots=True)
class Taken:
    """A document that was kept."""

    entry: Entry
    kind: Kind
    receipt: Receipt

    @property
    def location(self) -> str:
        return f"/{'enrolments' if self.kind == 'enrolment' else 'follow-ups'}/{self.receipt.id}"

    def document(self) -> dict[str, Any]:
        row = {} if self.entry.row is None else {"row": self.entry.row}
        said = {"id": self.receipt.id, "location": self.location, "version": self.receipt.version}
        return {"line": self.entry.line, **row, "kind": self.kind, **said, "changed": self.receipt.changed}


@dataclass(frozen=True, slots=True)
class Report:
    """What became of each document, in the order of the file. `found`: how a table was read, in sentences."""

    taken: Sequence[Taken]
    refused: Sequence[Refusal]
    found: Sequence[str] = ()

    def document(self) -> dict[str, Any]:
        accepted, rejected = [one.document() for one in self.taken], [one.document() for one in self.refused]
        return {"accepted": accepted, "rejected": rejected} | ({"found": list(self.found)} if self.found else {})

    def faults(self) -> list[Fault]:
        """The refusals in sentences, for a batch of which nothing was kept, and how it was read."""
        told = [Fault(DOCUMENT, note, "informational", "information") for note in self.found] if self.refused else []
        return [*(Fault(one.column or one.path, _sentence(one), one.code) for one in self.refused), *told]


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
    waiting, refused = _sorted(entries)
    taken: list[Taken] = []
    spent = 0.0
    for kind in ("enrolment", "follow-up"):
        put = enrolment.enrol if kind == "enrolment" else follow_up.record
        for entry in waiting[kind]:
            if taken and spent > PATIENCE:
                refused += entry.refusals([Fault(DOCUMENT, _LATER, "timeout")])
                continue
            begun = seconds()
            try:
                said: dict[str, Any] = {"sender": sender, "store": store, "settings": settings, "now": now}
                answers.complete(entry, sender, store)
                receipt = put(entry.document, response=entry.response, **said)
                taken.append(Taken(entry, kind, receipt))
                # what was there already is passed over, so that the same batch again comes further each time
                spent += seconds() - begun if receipt.changed else 0
            except Refused as error:
                refused += entry.refusals(_faults(error))
    return Report(sorted(taken, key=_place), sorted(refused, key=lambda one: (one.line, one.row or 0)), found)


def _sorted(entries: Iterable[Entry]) -> tuple[dict[Kind, list[Entry]], list[Refusal]]:
    waiting: dict[Kind, list[Entry]] = {"enrolment": [], "follow-up": []}
    refused: list[Refusal] = []
    for number, entry in enumerate(entries, 1):
        if number > MOST:
            raise TooMany(f"more than {MOST} documents in one call: split the file")
        try:
            if entry.document is None and entry.faults:
                raise FaultyInput(entry.faults)
            waiting[schema.kind_of(entry.document)].append(entry)
        except FaultyInput as error:
            received.refused("batch", error)
            refused += entry.refusals(error.faults)
    return waiting, refused


def _faults(error: Refused) -> Sequence[Fault]:
    if isinstance(error, Invalid):
        return error.faults
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "processing")
    field = error.field if isinstance(error, NotFound) else "centre" if isinstance(error, NotAllowed) else "patient"
    return (Fault(field or "patient", str(error), code),)


def _place(one: Taken) -> tuple[int, int]:
    return one.entry.line, one.entry.row or 0


def _sentence(one: Refusal) -> str:
    where = f"line {one.line}" if one.row is None else f"row {one.row}"
    value = f" ({one.value!r})" if one.value else ""
    mend = f"; {one.mend}" if one.mend and "write" not in one.reason else ""
    return f"{where}{value}: {one.reason}{mend}"
