"""`engraft`: one file per command group, each imported only when it is asked for.

Exit codes: 0 done, 1 refused or faults found, 2 wrong usage, 3 a server or database could not be reached.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

from adapter.cli.refusal import refuse
from adapter.errors import EngraftError
from adapter.trail import correlation
from adapter.version import VERSION
from mappings.r4.faults import FaultyInput, Unsound

gc.set_threshold(20_000)
"""Most of what a command makes before it is done is its modules; at 700 the collector looks through them a hundred
times, an eighth of what `engraft apply` takes."""


class Entry(NamedTuple):
    """Where a command stands, and its one line in `engraft --help`."""

    place: str
    says: str


COMMANDS: Mapping[str, Entry] = {
    "apply": Entry("adapter.cli.apply:apply", "Date and dose a protocol for one patient; no database."),
    "audit": Entry("adapter.cli.audit:audit", "Who read, exported, changed or erased what."),
    "client": Entry("adapter.cli.client:client", "Bearer tokens: add, list, revoke."),
    "cohort": Entry("adapter.cli.cohort:cohort", "Synthetic enrolments and follow-ups."),
    "config": Entry("adapter.cli.config:config", "Check the settings, or write a first file."),
    "backup": Entry("adapter.cli.backup:backup", "A copy of a running SQLite database."),
    "deliver": Entry("adapter.cli.deliver:deliver", "Send what waits to the hospitals and registries."),
    "demo": Entry("adapter.cli.demo:demo", "The whole job on embedded defaults, in a minute."),
    "doctor": Entry("adapter.cli.doctor:doctor", "Look whether everything can do its work, and what to do."),
    "export": Entry("adapter.cli.export:export", "Everything stored as NDJSON, identified or not."),
    "hospital": Entry(
        "adapter.cli.hospital:hospital", "A hospital's notifications, and whether it has what it should."
    ),
    "init-db": Entry("adapter.cli.serve:init_db", "Create or migrate the database; safe to repeat."),
    "map": Entry("adapter.cli.map:map_", "Enrolments and follow-ups to FHIR, offline."),
    "patient": Entry("adapter.cli.patient:patient", "Erase a patient's record."),
    "protocol": Entry("adapter.cli.protocol:protocol", "Check or show a protocol definition."),
    "queue": Entry("adapter.cli.queue:queue", "Look at deliveries; retry or discard parked ones."),
    "regimen": Entry("adapter.cli.regimen:regimen", "What changed in a regimen, or would change."),
    "registry": Entry("adapter.cli.registry:registry", "De-identified bundles and endpoint reports."),
    "serve": Entry("adapter.cli.serve:serve", "The web application, for trying out."),
    "user": Entry("adapter.cli.user:user", "Accounts of people: add, list, revoke."),
    "validate": Entry("adapter.cli.validate:validate", "Check FHIR files: R4 and our profiles."),
}


class LazyGroup(click.Group):
    """Knows its commands by name and imports one only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - same
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.place.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - same
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].says) for name in sorted(COMMANDS)])

    def main(self, *args: Any, **kwargs: Any) -> Any:
        if sys.excepthook is sys.__excepthook__:
            sys.excepthook = _unforeseen
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with correlation.following(correlation.new()):
                return super().invoke(ctx)
        except (EngraftError, FaultyInput, Unsound) as error:
            ctx.exit(refuse(error, as_json=bool(ctx.meta.get("json"))))


def _unforeseen(_: type[BaseException], error: BaseException, __: Any) -> None:
    """Instead of a traceback, whose message may quote a patient."""
    # here, because most commands end as foreseen
    from adapter.trail import journal

    journal.begin("text", "error")
    journal.unforeseen(error)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="engraft")
def main() -> None:
    """A transplant protocol as FHIR R4: dated and dosed orders out, follow-up in, de-identified outcomes on.

    \b
    Settings: ENGRAFT_DATABASE_URL, ENGRAFT_CONFIG, ENGRAFT_PUBLIC_URL (engraft config check --help).
    Exit codes: 0 done, 1 refused or faults found, 2 wrong usage, 3 a server or database could not be reached.

    \b
    Example: engraft apply set-haplo-pdli --day-zero 2026-03-02 --weight 70 --height 175
    """
