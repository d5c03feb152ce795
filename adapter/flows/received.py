"""Each document that comes in leaves a line in the log, taken or refused, and a span for who collects them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from adapter.errors import EngraftError, Invalid, Refused
from adapter.trail import journal, spans
from mappings.r4.faults import FaultyInput

if TYPE_CHECKING:
    from adapter.store import Store
    from adapter.store.clients import Client

P = ParamSpec("P")
R = TypeVar("R")


def noted(kind: str, tell: Callable[[R], dict[str, journal.Told]]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """For a flow with the keywords `sender` and `store` that takes in documents of this kind.

    `tell`: what the line says of what it gives back.
    """

    def around(flow: Callable[P, R]) -> Callable[P, R]:
        @wraps(flow)
        def take(*args: P.args, **kwargs: P.kwargs) -> R:
            with spans.span("intake", {"engraft.kind": kind}):
                try:
                    done = flow(*args, **kwargs)
                except (Refused, FaultyInput) as error:
                    refused(kind, error)
                    raise
            sender: Client | None = kwargs.get("sender")  # type: ignore[assignment]  # every such flow has both
            store: Store = kwargs["store"]  # type: ignore[assignment]  # the same
            store.tell("intake-accepted", kind=kind, centre=sender.centre if sender else None, **tell(done))
            return done

        return take

    return around


def refused(kind: str, error: EngraftError | FaultyInput) -> None:
    """A document was refused. What it was refused for is told to the sender; the log has the issue types only."""
    faults = error.faults if isinstance(error, Invalid | FaultyInput) else ()
    codes: list[str] = sorted({fault.code for fault in faults})
    about: dict[str, journal.Told] = {"codes": codes, "faults": len(faults)} if faults else {}
    journal.note("intake-refused", kind=kind, error=type(error).__name__, **about)
