"""A person confirms a taper: when it began, when it was over, or that it is taken back.

Its gate is asked on its first day. Where the gate is unknown somebody has to say why the taper begins all the same.
Where it is not met, outside the protocol's days and before the taper that comes first is over, it is refused, unless
the person says that it is a deviation, and why: what really happened can be recorded, and it is shown for what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.errors import Conflict, Invalid, NotFound
from adapter.flows import changes, course, decided, gates, regimen
from adapter.store.decisions import STOP, TAPER, TAPER_WITHDRAWN
from mappings.plan import gate_status, readiness
from mappings.plan.tapered import Confirmed
from mappings.plan.verdict import Standing, Verdict
from mappings.protocol import load
from mappings.protocol.model import Line, Taper
from mappings.r4.faults import Fault

if TYPE_CHECKING:
    from adapter.store import Store, Tx
    from adapter.store.clients import Client
    from adapter.store.submissions import Submission

FIRST, LAST, ALTHOUGH, DEVIATION = "first_day", "last_day", "although_unknown", "deviation"
_CONFIRM = (FIRST, LAST, ALTHOUGH, DEVIATION, "reason", "confirmed_by")
_WITHDRAW = ("reason", "confirmed_by")


@dataclass(frozen=True, slots=True)
class _Case:
    """One taper of one course as it is known before somebody decides."""

    tx: Tx
    enrolled: Submission
    known: regimen.Known
    taper: Taper
    confirmed: Mapping[str, Confirmed]
    today: date

    @property
    def now(self) -> Confirmed | None:
        return self.confirmed.get(self.taper.key)


def confirm(
    id_: str,
    action: str,
    document: Any,
    *,
    sender: Client | None,
    store: Store,
    settings: Settings,
    now: datetime,
) -> dict[str, Any]:
    """Says that a taper began, is over, or both; the same again writes nothing.

    `{"first_day": DATE, "last_day": DATE, "although_unknown": WHY, "deviation": WHY, "reason": TEXT, "confirmed_by":
    NAME}`: a day and the name are needed; the last day alone where the taper has begun.
    Raises NotFound (regimen, taper), Invalid naming the field, Conflict where the gate is not met or another taper
    comes first and no `deviation` says why, or where other days were confirmed before.
    """
    said = changes.read(document, _CONFIRM, needed=("confirmed_by",))
    _require_texts(said)
    with course.refusing(), store.transaction() as tx:
        case = _case(tx, id_, action, sender, settings, now)
        first, last = _days(said, case)
        if case.now is not None and (case.now.first, case.now.last) == (first, last):
            return changes.nothing(case.enrolled, TAPER, _content(case, first, last, None, said))
        standing = _judged(case, first) if case.now is None else None
        if standing:
            _require_open(standing, case, said)
        elif DEVIATION in said:
            raise Invalid([Fault(DEVIATION, f"is said of the first day, and that was confirmed: {first}")])
        content = _content(case, first, last, standing, said)
        return changes.decide(tx, case.enrolled, case.known, TAPER, content, _named(said, content), sender)


def withdraw(
    id_: str,
    action: str,
    document: Any,
    *,
    sender: Client | None,
    store: Store,
    settings: Settings,
    now: datetime,
) -> dict[str, Any]:
    """Takes the confirmation of a taper back: the full dose goes on again, without an end.

    `{"reason": TEXT, "confirmed_by": NAME}`. Raises as `confirm`; Conflict where nothing was confirmed, or where the
    next taper stands on it.
    """
    said = changes.read(document, _WITHDRAW)
    with course.refusing(), store.transaction() as tx:
        case = _case(tx, id_, action, sender, settings, now)
        if case.now is None:
            raise Conflict(f"{action} was not confirmed")
        tapers = load(case.known.enrolment.protocol).tapers
        later = [one.key for one in tapers if one.after == action and one.key in case.confirmed]
        if later:
            raise Conflict(f"{later[0]} was confirmed after it: take that back first")
        content = {"action": action}
        return changes.decide(tx, case.enrolled, case.known, TAPER_WITHDRAWN, content, said, sender)


def _require_texts(said: Mapping[str, Any]) -> None:
    optional = [name for name in (ALTHOUGH, DEVIATION, "reason") if name in said]
    faults = [Fault(name, "is a text") for name in optional if not isinstance(said[name], str) or not said[name]]
    if faults:
        raise Invalid(faults)


def _case(tx: Tx, id_: str, action: str, sender: Client | None, settings: Settings, now: datetime) -> _Case:
    enrolled = changes.held_at(tx, id_, sender)
    known = changes.known_at(tx, enrolled, settings, now)
    if any(one.kind == STOP for one in known.decisions):
        raise Conflict("this course was stopped")
    taper = next((one for one in load(known.enrolment.protocol).tapers if one.key == action), None)
    if taper is None:
        raise NotFound(f"the protocol has no taper {action[:80]}")
    return _Case(tx, enrolled, known, taper, decided.tapers(known.decisions), course.day_of(now))


def _days(said: Mapping[str, Any], case: _Case) -> tuple[date, date | None]:
    """First and last day as they will stand. Raises Invalid; Conflict where others were confirmed before."""
    if FIRST not in said and (case.now is None or LAST not in said):
        raise Invalid([Fault(FIRST, "is needed: the first day on which less than the full dose is given", "required")])
    first = changes.day(said, FIRST, case.now.first if case.now else case.today)
    last = changes.day(said, LAST, case.today) if LAST in said else case.now.last if case.now else None
    named = [(FIRST, first), *([(LAST, last)] if last else [])]
    faults = [Fault(name, f"{day} has not come: it is confirmed on the day or later") for name, day in named
              if day > case.today]  # fmt: skip
    if last and last < first:
        faults.append(Fault(LAST, f"is before the first day, {first}"))
    if faults:
        raise Invalid(faults)
    if case.now and (case.now.first != first or case.now.last not in (None, last)):
        days = f"{case.now.first} to {case.now.last or 'no end yet'}"
        raise Conflict(f"{case.taper.key} was confirmed for {days}: take that back first")
    return first, last


def _judged(case: _Case, first: date) -> Standing:
    """How the taper's gate stands on its first day."""
    known = case.known
    record = gates.record_of(case.tx, known.enrolment, known.follow_ups, known.ids)
    started = record.date_of(_line_of(case).days.first)
    if started and first <= started:
        raise Invalid([Fault(FIRST, f"is not after the first day of the full dose, {started}")])
    standings = readiness.standings(record, first, known.settings.gate_max_age)
    return next(one for one in standings if one.action == case.taper.key)


def _line_of(case: _Case) -> Line:
    return next(one for one in load(case.known.enrolment.protocol).lines if one.key == case.taper.of)


def _require_open(standing: Standing, case: _Case, said: Mapping[str, Any]) -> None:
    if standing.done:
        raise Conflict(f"{case.taper.key} is over: {gate_status.fact(standing.done)}")
    against = _against(standing, case)
    if against and DEVIATION not in said:
        raise Conflict(f"{against} If it began on that day all the same, deviation has to say why.")
    if DEVIATION in said and not against:
        raise Invalid([Fault(DEVIATION, f"is none: {gate_status.sentence(standing)}")])
    if not against and standing.verdict is Verdict.UNKNOWN and ALTHOUGH not in said:
        asked = f"is needed: why the taper begins all the same. {gate_status.sentence(standing)}"
        raise Invalid([Fault(ALTHOUGH, asked, "required")])


def _against(standing: Standing, case: _Case) -> str | None:
    """What of the protocol says that the taper may not begin on that day; None where nothing does."""
    before = next((one for one in standing.findings if one.criterion == readiness.AFTER), None)
    if before and before.verdict is not Verdict.MET:
        return f"{case.taper.after} comes first: confirm its last day, then {case.taper.key}."
    return gate_status.sentence(standing) if standing.verdict is Verdict.NOT_MET else None


def _content(
    case: _Case, first: date, last: date | None, standing: Standing | None, said: Mapping[str, Any]
) -> dict[str, Any]:
    """What is kept of the decision; `gate`: how the gate stood on the first day, when it was confirmed."""
    out: dict[str, Any] = {"action": case.taper.key, FIRST: first.isoformat()}
    if last:
        out[LAST] = last.isoformat()
    if standing:
        out["gate"] = {"status": standing.verdict.value, "text": gate_status.sentence(standing)}
    if DEVIATION in said:
        out[DEVIATION] = said[DEVIATION]
    return out


def _named(said: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """The reason that is kept: what the person gave, why although unknown or not met, and how the gate stood."""
    deviation = gate_status.against(said[DEVIATION]) if DEVIATION in said else None
    words = (said.get("reason"), said.get(ALTHOUGH), deviation, content.get("gate", {}).get("text"))
    reason = " ".join(f"{one}".rstrip(".") + "." for one in words if one) or "The taper is over."
    return {"reason": reason, "confirmed_by": said["confirmed_by"]}
