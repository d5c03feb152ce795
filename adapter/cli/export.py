"""`engraft export`: everything that is stored as NDJSON, a file a type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adapter.cli import unfinished
from adapter.cli.acting import acting
from adapter.cli.progress import bar
from adapter.cli.refusal import json_option
from adapter.cli.surroundings import environment, now, store_of
from adapter.cli.unfinished import Note, Unfinished
from adapter.config import Settings, load
from adapter.errors import Invalid, Refused
from adapter.flows import access, registry
from adapter.flows import export as flow
from adapter.flows.export import Leaving, Step
from adapter.flows.registry import Aside
from adapter.store.streaming import Wanted
from mappings.r4 import wire
from mappings.r4.faults import Fault
from mappings.r4.typenames import RESOURCE_TYPES

if TYPE_CHECKING:
    from adapter.store import Store

SAVE_EVERY = 5_000
"""Resources between two places from which an interrupted export goes on."""


@dataclass(frozen=True, slots=True)
class Call:
    """What one call asks for. `note`: where an interrupted one stands, or a new one."""

    settings: Settings
    kinds: frozenset[str] | None
    since: datetime | None
    deidentified: bool
    note: Note
    registry: str | None = None

    @property
    def begun(self) -> datetime:
        return datetime.fromisoformat(self.note.begun)

    def steps(self, store: Store, aside: list[Aside]) -> Iterator[Step]:
        """What is still to be written."""
        if self.deidentified:
            return flow.deidentified_steps(store, self.leaving, aside=aside, kinds=self.kinds, after=self.note.place)
        return flow.identified_steps(store, self.wanted, after=self.note.place)

    def units(self, store: Store) -> int:
        """How much there is of it, in units of a step."""
        if self.deidentified:
            return registry.courses_to_see(store)
        with store.reading() as tx:
            return tx.resources.count(self.wanted)

    @property
    def wanted(self) -> Wanted:
        return Wanted(kinds=self.kinds, since=self.since)

    @property
    def leaving(self) -> Leaving:
        return Leaving(self.settings.pseudonym_key(self.registry), self.begun, self.settings.canonicals, self.since)


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="<ResourceType>.ndjson.")
@click.option("--type", "types", metavar="T,...", default="", help="Only these resource types.")
@click.option("--since", metavar="INSTANT", help="Only what changed then or later, e.g. 2026-03-02T10:00:00Z.")
@click.option("--deidentified", is_flag=True, help="As a registry may see it: who agrees today, without identity.")
@click.option("--registry", "name", metavar="NAME", help="With --deidentified: under the pseudonyms of this registry.")
@acting
@json_option
def export(
    out: Path, types: str, since: str | None, deidentified: bool, name: str | None, who: str, as_json: bool
) -> None:
    """Write everything that is stored to a folder, a file a type. What an earlier call left there is replaced.

    A call that was interrupted goes on where it stopped, when it is called again with the same words. Who is set aside
    because of a record at fault is named on stderr when the others are written, and the command exits 1.

    Without --registry the pseudonyms are those of the centre's one key: give such files to one recipient only.
    Without --deidentified the files hold patients' data of every centre: keep them as you keep the database.

    \b
    Example: engraft export --out bulk/ --type Patient,Observation --since 2026-03-02T10:00:00Z
    """
    kinds, instant = _types(types), _instant(since)
    settings = load(environment())
    if name and not deidentified:
        raise click.UsageError("--registry goes with --deidentified")
    if name and name not in settings.registries:
        raise Refused(f"no registry is called {name}; known: {', '.join(sorted(settings.registries)) or 'none'}")
    with store_of(settings) as store:
        asked = {"types": types, "since": since, "deidentified": deidentified, "registry": name}
        note = _note(store, settings, out, asked)
        call = Call(settings, kinds, instant, deidentified, note, name)
        kind = "de-identified" if deidentified else "identified"
        access.taken_out(store, kind, now(), types or "every type", who=who)
        _write(call, store, out)
        access.done(store, kind, now(), sum(note.counts.values()), "resources", who=who)
    if as_json:
        told = {"transaction_time": note.begun, "resources": dict(sorted(note.counts.items()))}
        click.echo(wire.pretty(told))
    click.echo(f"{sum(note.counts.values())} resources in {out}", err=True)
    if note.told:
        raise Invalid([Fault(path, message, code) for path, message, code in note.told])


def _note(store: Store, settings: Settings, out: Path, said: dict[str, str | bool | None]) -> Note:
    """That of an interrupted call with the same words; a new one where there is none that holds.

    De-identified, one holds on its day only, and until a consent changes: nobody may leave who does not agree now.
    """
    begun = now()
    if said["deidentified"]:
        key = registry.keyed(settings.pseudonym_key(_name(said))).value("export", "")
        said |= {"key": key, "on": begun.date().isoformat(), "consents": _consents(store)}
    note = unfinished.read(out)
    if note is None or note.asked != said:
        with store.transaction() as tx:
            return Note(said, tx.resources.settle(begun).isoformat())
    click.echo(f"goes on after {sum(note.counts.values())} resources of an interrupted export", err=True)
    return note


def _name(said: dict[str, str | bool | None]) -> str | None:
    name = said["registry"]
    return name if isinstance(name, str) else None


def _consents(store: Store) -> str:
    """Another text where any consent has changed, whatever the clocks say."""
    digest = sha256()
    with store.reading() as tx:
        for one in tx.resources.stream(centres=None, kinds=["Consent"]):
            digest.update(f"{one.id}/{one.version} ".encode())
    return digest.hexdigest()


def _write(call: Call, store: Store, out: Path) -> None:
    """The files of an earlier call go only when the new ones are whole."""
    try:
        with Unfinished(out, call.note) as files:
            if not call.note.whole:
                with bar("exporting", call.units(store), items=True) as tick:
                    _write_steps(call, store, files, tick)
            files.show()
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from error


def _write_steps(call: Call, store: Store, files: Unfinished, tick: Callable[[int], None]) -> None:
    note, aside, unsaved = call.note, list[Aside](), 0
    tick(note.units)
    for step in call.steps(store, aside):
        files.write(step.lines)
        note.place, note.units = step.place, note.units + step.units
        note.told += [[fault.path, fault.message, fault.code] for one in aside for fault in one.for_the_centre()]
        aside.clear()
        tick(step.units)
        unsaved += len(step.lines)
        if unsaved >= SAVE_EVERY:
            files.save()
            unsaved = 0


def _types(text: str) -> frozenset[str] | None:
    named = frozenset(part.strip() for part in text.split(",") if part.strip())
    if unknown := sorted(named - RESOURCE_TYPES):
        raise click.BadParameter(f"no resource type of R4: {', '.join(unknown)}", param_hint="--type")
    return named or None


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        said = None
    if said is None or said.tzinfo is None:
        raise click.BadParameter("write an instant with its zone, e.g. 2026-03-02T10:00:00Z", param_hint="--since")
    return said
