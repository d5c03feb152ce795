"""A batch that is taken in after the answer: whoever sends it looks later what became of it.

The file is a row, so that it outlives the process that took it. Each document is kept in one transaction with the line
of the report that tells of it, so that whoever takes the batch over goes on behind the last one. Once nothing is left
the file goes; the report stays for a while.

Source: HL7 FHIR R4, "Asynchronous Request Pattern" (http://hl7.org/fhir/R4/async.html).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from adapter.errors import EngraftError, Invalid, Refused, TooOften, Unavailable
from adapter.flows import batch, uploads
from adapter.flows.batch import Dealt, Report
from adapter.flows.uploads import Upload
from adapter.store.batches import Batch, Item
from adapter.store.jobs import DONE, FAILED, TRIES, WAITING
from adapter.trail import correlation, journal
from mappings.intake.entries import Refusal
from mappings.intake.paths import DOCUMENT
from mappings.r4.faults import Fault

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.store import Store
    from adapter.store.clients import Client

MOST_UNFINISHED = 20
"""Batches of one client that wait at once: each is a file in the database. Our own number."""

ASK_AGAIN = 60.0
"""Seconds after which a client with that many may send the next."""

STRETCH, REST = 1.0, 0.15
"""Seconds of work after which others who write to the same file are let in, and for how long. Who waits for SQLite asks
every 0.1 s at most.
"""

_OURS = "a mistake of ours over this document, which is not kept; who runs this server finds it in the log by {0}"


class Lost(Exception):
    """Another process has it, or nobody wants it any more."""


def ask(upload: Upload, *, store: Store, client: Client, centre: str, now: datetime) -> Batch:
    """Keeps a file to be taken in; durable when this returns. Raises TooOften where too many of this client wait."""
    parts = [(name, len(data)) for name, data in upload.parts.items()]
    body = b"".join(upload.parts.values())
    who = (str(uuid4()), client.name, centre, upload.kind, upload.charset)
    new = Batch(*who, parts, body, now, None, WAITING, 0, None, [], None, None, correlation.current())
    with store.transaction() as tx:
        if tx.batches.unfinished(client.name) >= MOST_UNFINISHED:
            raise TooOften(f"{MOST_UNFINISHED} batches of this client wait: send the next when one is over", ASK_AGAIN)
        tx.batches.add(new)
        tx.audit.add(at=now, who=client.name, action="batch", target=new.id, centre=centre, detail=upload.kind)
    journal.note("batch-asked", batch=new.id, kind=upload.kind, caller=client.name, centre=centre, bytes=len(body))
    return new


def forget(job: Batch, *, store: Store, now: datetime) -> None:
    """The file, the report and itself go; what was taken in stays."""
    with store.transaction() as tx:
        tx.batches.remove(job.id)
        tx.audit.add(at=now, who=job.client, action="batch-deleted", target=job.id, centre=job.centre)


def sweep(*, store: Store, now: datetime) -> None:
    """What has expired goes."""
    with store.reading() as tx:
        over = tx.batches.expired(now)
    for id_ in over:
        with store.transaction() as tx:
            tx.batches.remove(id_)


def report(job: Batch, store: Store) -> Report:
    """What became of its documents. Raises Invalid where the file as a whole was refused."""
    if job.refused:
        raise Invalid([Fault(**said) for said in job.refused["faults"]], status=job.refused["status"])
    with store.reading() as tx:
        items = tx.batches.items(job.id)
    accepted = (one.taken for one in items if one.taken)
    return batch.report(accepted, (Refusal(**said) for one in items for said in one.refused), job.found)


def work(
    id_: str,
    *,
    worker: str,
    store: Store,
    clock: Callable[[], datetime],
    settings: Settings,
    stop: Callable[[], bool] = lambda: False,
    turn: float | None = None,
    rest: Callable[[float], None] = sleep,
) -> bool:
    """Takes in what is left of a batch that nobody works on. True: it was given back with more left.

    `worker` names this try and no other. Given back where `stop` says so, and after `turn` seconds. `rest` lets others
    write for so many seconds.
    Raises StoreUnavailable: whoever comes next takes it up.
    """
    with store.transaction() as tx:
        job = tx.batches.claim(id_, worker, clock())
    if job is None:
        return False
    this = _Work(job, worker, store, clock, settings, stop, turn, rest)
    with correlation.following(job.correlation or correlation.new()):
        try:
            return this.run()
        except Lost:
            return False
        except Unavailable:
            this.put_down()
            raise
        except Exception as error:  # kept and told, without its words, which may quote a patient
            this.stumble(error)
            return False


@dataclass(slots=True)
class _Work:
    """One try at one batch."""

    job: Batch
    name: str
    store: Store
    clock: Callable[[], datetime]
    settings: Settings
    stop: Callable[[], bool]
    turn: float | None
    rest: Callable[[float], None]

    def run(self) -> bool:
        """Raises Lost where it is no longer this one's, StoreUnavailable."""
        if self.job.attempts > TRIES:
            self._give_up(f"its process ended {TRIES} times over the same document")
            return False
        sender = self._sender()
        if sender is None:
            self._give_up("the token that sent it was revoked before it was taken in")
            return False
        try:
            entries, found = uploads.read(self._upload(), sender, self.store, self.settings)
            dealt = batch.deal(entries)
        except Invalid as error:
            self._finish(refused={"status": error.status, "faults": [asdict(one) for one in error.faults]})
            return False
        begun = rested = monotonic()
        for done, one in enumerate(self._left(dealt)):
            if self.stop() or (done and self.turn is not None and monotonic() - begun > self.turn):
                self._give_back()
                return True
            self._take(one, sender)
            if self.store.one_writer and monotonic() - rested > STRETCH:
                self.rest(REST)
                rested = monotonic()
        self._finish(found=list(found))
        journal.note("batch-taken-in", batch=self.job.id, documents=len(dealt))
        return False

    def put_down(self) -> None:
        """The database was away: gives it back without counting that, if it can be written by now."""
        with suppress(Lost, Unavailable), self.store.transaction() as tx:
            self._beat(tx.batches.beat, state=WAITING, attempts=self.job.attempts - 1)

    def stumble(self, error: Exception) -> None:
        """A mistake of ours outside of any document: tried again, so many times."""
        journal.unforeseen(error, batch=self.job.id, attempts=self.job.attempts)
        if self.job.attempts >= TRIES:
            self._give_up(f"a mistake of ours ({type(error).__name__})")
        else:
            self._give_back()

    def _sender(self) -> Client | None:
        with self.store.reading() as tx:
            active = tx.clients.listing()
        return next((one for one in active if (one.name, one.centre) == (self.job.client, self.job.centre)), None)

    def _upload(self) -> Upload:
        parts, begin, body = dict[str, bytes](), 0, self.job.body or b""
        for name, size in self.job.parts:
            parts[name], begin = body[begin : begin + size], begin + size
        return Upload(self.job.kind, parts, self.job.charset)

    def _left(self, dealt: list[Dealt]) -> list[Dealt]:
        with self.store.transaction() as tx:
            self._beat(tx.batches.beat, documents=len(dealt))
            done = tx.batches.numbers(self.job.id)
        return [one for one in dealt if one.number not in done]

    def _take(self, one: Dealt, sender: Client) -> None:
        """The document and its line of the report: both, or neither."""
        now = self.clock()
        try:
            # the row of the batch is held meanwhile, so that nobody takes it over in the midst of a document
            with self.store.together() as whole:
                with whole.transaction() as tx:
                    self._beat(tx.batches.beat, attempts=0)
                taken = batch.take(one, sender=sender, store=whole, settings=self.settings, now=now)
                with whole.transaction() as tx:
                    tx.batches.note(self.job.id, Item(one.number, _patient(one), taken, []))
            return
        except Refused as error:
            refusals = batch.refusals_of(one, error)
        except (Lost, EngraftError):
            raise
        except Exception as error:  # what one document breaks must not end the others
            number = correlation.current()
            journal.unforeseen(error, batch=self.job.id, document=one.number)
            refusals = one.entry.refusals([Fault(DOCUMENT, _OURS.format(number), "exception")])
        with self.store.transaction() as tx:
            self._beat(tx.batches.beat, attempts=0)
            tx.batches.note(self.job.id, Item(one.number, _patient(one), None, [asdict(said) for said in refusals]))

    def _give_back(self) -> None:
        with self.store.transaction() as tx:
            self._beat(tx.batches.beat, state=WAITING)

    def _give_up(self, why: str) -> None:
        journal.warn("batch-given-up", batch=self.job.id, attempts=self.job.attempts)
        self._finish(state=FAILED, error=why)

    def _finish(self, state: str = DONE, **said: Any) -> None:
        now = self.clock()
        expires = now + timedelta(hours=self.settings.exports.hours)
        with self.store.transaction() as tx:
            self._beat(tx.batches.finish, expires, state=state, **said)

    def _beat(self, beat: Callable[..., bool], *about: object, **said: Any) -> None:
        if not beat(self.job.id, self.name, self.clock(), *about, **said):
            raise Lost


def _patient(one: Dealt) -> str | None:
    """The centre's number in the document, where it says one."""
    said = one.entry.document.get("patient") if isinstance(one.entry.document, dict) else None
    return said if isinstance(said, str) else None
