"""How the command line says no: a table on stderr for people, an OperationOutcome on stdout for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from adapter.errors import EngraftError, Unavailable
from mappings.r4.faults import Fault, FaultyInput, Unsound

REFUSED, UNREACHABLE = 1, 3
"""Exit codes; 0 is done and 2 wrong usage."""

Command = TypeVar("Command", bound=Callable[..., Any])


def refuse(error: EngraftError | FaultyInput | Unsound, *, as_json: bool) -> int:
    """Says what is wrong; the exit code."""
    # here, because a command that succeeds needs none of it
    from adapter.web.outcome import faults_of

    show(faults_of(error), as_json=as_json)
    return UNREACHABLE if isinstance(error, Unavailable) else REFUSED


def show(faults: Sequence[Fault], *, as_json: bool) -> None:
    """The faults, told to whoever asked."""
    if as_json:
        from adapter.web.outcome import operation_outcome
        from mappings.r4.wire import pretty

        click.echo(pretty(operation_outcome(faults)))
        return
    width = max((len(fault.path) for fault in faults), default=0)
    for fault in faults:
        told = f"{fault.path.ljust(width)}  {fault.message}" if width else fault.message
        click.echo(_placed(fault) if fault.place else told, err=True)


def _placed(fault: Fault) -> str:
    """`FILE:LINE: path: message`, as editors read it."""
    severity = "" if fault.severity == "error" else fault.severity
    return ": ".join(filter(None, (fault.place, severity, fault.path, fault.message)))


def json_option(command: Command) -> Command:
    """`--json`: machine-readable on stdout and nothing else there, refusals too. The command gets `as_json`."""
    return _json(command, "Machine-readable, on stdout.", expose=True)


def json_refusals(command: Command) -> Command:
    """`--json` for a command that has nothing to tell when all is well, or tells it in a machine's words anyway."""
    return _json(command, "Refusals as an OperationOutcome, on stdout.", expose=False)


def _json(command: Command, text: str, *, expose: bool) -> Command:
    option = click.option("--json", "as_json", is_flag=True, callback=_remember, expose_value=expose, help=text)
    return option(command)


def _remember(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    ctx.meta["json"] = value
    return value
