"""Who acts at the command line: the account of the machine, and for whom where that is said."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from typing import Any, TypeVar

import click

from adapter.flows.access import OPERATOR

LONGEST = 100
"""Characters of a name that are kept."""

Command = TypeVar("Command", bound=Callable[..., Any])


def acting(command: Command) -> Command:
    """`--as NAME`. The command gets `who`, as the access log has it: `operator:<account>[ for <NAME>]`."""
    says = "For whom, where several share this account; kept in the access log."
    return click.option("--as", "who", metavar="NAME", callback=_who, help=says)(command)


def account() -> str:
    """Of the process, not of its environment, which anybody can set."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        return str(os.getuid())


def _who(_: click.Context, __: click.Parameter, said: str | None) -> str:
    by = f"{OPERATOR}:{account()}"
    if said is None:
        return by
    name = said.strip()
    if not name or len(name) > LONGEST or not name.isprintable():
        raise click.BadParameter(f"a name is 1 to {LONGEST} printable characters")
    return f"{by} for {name}"
