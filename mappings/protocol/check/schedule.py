"""Days: what is kept free, what falls together, what comes in the wrong order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mappings.protocol.check.finding import Finding, warning
from mappings.protocol.model import Days, Infusions, Line, OpenLine, Phase, Protocol, Rest, Taper, Visit, placed


def rest_days_kept_free(protocol: Protocol) -> Iterator[Finding]:
    """No drug on a rest day."""
    for _, rest in placed(protocol, Rest):
        for path, line in _drugs(protocol):
            if taken := sorted(set(rest.days.listed) & set(_days(line, protocol))):
                yield Finding(f"{path}.days", line.key, f"is given on rest days {_said(taken)} of {rest.key}")


def one_line_per_drug_and_day(protocol: Protocol) -> Iterator[Finding]:
    """No drug twice on one day; told once for each pair of lines."""
    given: defaultdict[str, list[tuple[str, Line | OpenLine]]] = defaultdict(list)
    for path, line in _drugs(protocol):
        for _, other in given[line.drug]:
            if both := sorted(set(_days(line, protocol)) & set(_days(other, protocol))):
                message = f"{line.drug} is given by {other.key} too on {_said(both)}"
                yield Finding(f"{path}.days", line.key, message)
        given[line.drug].append((path, line))


def tapers_fit_their_lines(protocol: Protocol) -> Iterator[Finding]:
    """A taper opens after its line began, ends after it opens, and is what its line, and no other, goes on until."""
    lines = {line.key: line for line in protocol.lines}
    of = {taper.key: taper.of for taper in protocol.tapers}
    for path, line in placed(protocol, Line):
        if line.days.until is not None and of[line.days.until] != line.key:
            message = f"goes on until {line.days.until}, which tapers {of[line.days.until]}: nothing would end it"
            yield Finding(f"{path}.days.until", line.key, message)
    for path, taper in placed(protocol, Taper):
        line = lines[taper.of]
        if taper.first <= line.days.first:
            message = f"opens on day {taper.first}, before {taper.of} has begun (day {line.days.first})"
            yield Finding(f"{path}.window", taper.key, message)
        if taper.last < taper.first:
            message = f"its window ends on day {taper.last}, before it opens on day {taper.first}"
            yield Finding(f"{path}.window", taper.key, message)
        if line.days.until != taper.key:
            yield Finding(f"{path}.of", taper.key, f"tapers {line.key}, which does not go on until this taper")


def tapers_follow_each_other(protocol: Protocol) -> Iterator[Finding]:
    """What comes after another taper opens later, and no taper waits for itself."""
    tapers = {taper.key: taper for taper in protocol.tapers}
    for path, taper in placed(protocol, Taper):
        if taper.after is None:
            continue
        seen = {taper.key}
        before: str | None = taper.after
        while before is not None and before not in seen:
            seen.add(before)
            before = tapers[before].after
        if before is not None:
            yield Finding(f"{path}.after", taper.key, f"waits for {taper.after}, which in the end waits for it")
        elif taper.first <= tapers[taper.after].last:
            message = f"opens on day {taper.first}, while {taper.after} may still be under way"
            yield warning(f"{path}.window", taper.key, message)


def phases_in_order(protocol: Protocol) -> Iterator[Finding]:
    """Phases stand in the order of their first days: a sign that was lost shows here."""
    starts = [(path, phase, days[0]) for path, phase in placed(protocol, Phase) if (days := _of_phase(phase))]
    for (_, before, first), (path, phase, start) in pairwise(starts):
        if start < first:
            yield Finding(path, phase.key, f"begins on day {start}, before {before.key}, which begins on day {first}")


def days_on_one_side(protocol: Protocol) -> Iterator[Finding]:
    """Listed days before and after day zero, in one line or in one phase around no day zero, hint at a lost sign."""
    for path, phase in placed(protocol, Phase):
        mixed = False
        for line_path, line in _drugs(protocol):
            if line_path.startswith(f"{path}.") and _both_sides(line.days.listed):
                mixed = True
                yield warning(f"{line_path}.days", line.key, "has days before and after day zero: is a sign wrong?")
        if not mixed and phase.anchor is None and _both_sides(_of_phase(phase)):
            yield warning(path, phase.key, "has days before and after day zero: is a sign wrong?")


def infusions_wait_for_their_day(protocol: Protocol) -> Iterator[Finding]:
    """No infusion is planned before the day that its own gate asks for; the same for a taper's window."""
    opens = {gate.key: [c.at_least for c in gate.criteria if c.fact == "day" and c.at_least] for gate in protocol.gates}
    gated: list[tuple[str, str, Infusions | Taper]] = [
        *((f"{path}.from", "its first day is", infusions) for path, infusions in placed(protocol, Infusions)),
        *((f"{path}.window", "its window opens on", taper) for path, taper in placed(protocol, Taper)),
    ]
    for path, what, part in gated:
        for day in opens[part.gate]:
            if part.first < day:
                message = f"{what} day {part.first}, but its gate {part.gate} is shut until day {day}"
                yield Finding(path, part.key, message)


def gates_are_used(protocol: Protocol) -> Iterator[Finding]:
    """A condition of the protocol that nothing waits for was forgotten somewhere."""
    used = {part.gate for _, part in placed(protocol, Taper)} | {part.gate for _, part in placed(protocol, Infusions)}
    for place, gate in enumerate(protocol.gates):
        if gate.key not in used:
            yield Finding(f"gates.{place}", gate.key, "nothing waits for this gate")


def visits_in_order(protocol: Protocol) -> Iterator[Finding]:
    """Visits and assays ascend, none twice; an immune panel without assays is never drawn, and none without a panel."""
    plan = protocol.follow_up
    visits: list[tuple[str, str, int]] = [
        (f"{path}.months", visit.key, visit.months) for path, visit in placed(protocol, Visit) if visit.months
    ]
    assays = [(f"follow_up.assays.{place}.day", assay.key, assay.day) for place, assay in enumerate(plan.assays)]
    for what, dated in (("month", visits), ("day", assays)):
        for (_, before, first), (path, key, second) in pairwise(dated):
            if second <= first:
                yield Finding(path, key, f"{what} {second} does not come after {what} {first} of {before}")
    if plan.assays and plan.panel is None:
        yield Finding("follow_up.assays", plan.key, "there are assays, but no panel says what they count")
    if plan.panel and not plan.assays:
        yield warning("follow_up.panel", plan.key, "no assay counts this panel")


def _drugs(protocol: Protocol) -> list[tuple[str, Line | OpenLine]]:
    return [*placed(protocol, Line), *placed(protocol, OpenLine)]


def _days(line: Line | OpenLine, protocol: Protocol) -> Sequence[int]:
    """Every day of a line; one that goes on until its taper, to the nominal last day of its full dose."""
    if line.days.listed or isinstance(line, OpenLine):
        return line.days.listed
    return range(line.days.first, protocol.last_full_day(line) + 1)


def _of_phase(phase: Phase) -> list[int]:
    """Every day that the phase names, in order."""
    spans: list[Days] = [part.days for part in phase.lines]
    spans += [part.days for part in phase.open_lines]
    spans += [part.days for part in phase.rests]
    days = [day for span in spans for day in (span.first, *span.listed)]
    days += [day for taper in phase.tapers for day in (taper.first, taper.last)]
    days += [infusions.first for infusions in phase.infusions]
    return sorted(days + ([0] if phase.anchor else []))


def _both_sides(days: Sequence[int]) -> bool:
    return any(day < 0 for day in days) and any(day > 0 for day in days)


def _said(days: Sequence[int]) -> str:
    return ", ".join(f"D{day:+d}" if day else "D0" for day in days)
