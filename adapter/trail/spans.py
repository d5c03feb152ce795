"""Spans by OpenTelemetry, for a deployment that collects them: on where `OTEL_TRACES_EXPORTER` names an exporter.

The packages come with the extra `telemetry` and are imported only then; without them every function here does nothing.
Attributes are numbers and words of ours, never content, an address with an id, or the message of an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from adapter.errors import Refused

EXPORTER = "OTEL_TRACES_EXPORTER"
EXTRA = "needs the packages of the extra telemetry: pip install 'engraft-fhir[telemetry]'"

Attribute = str | int | float | bool | list[str]
Mark = Callable[..., None]
"""Adds attributes to a span: takes a mapping."""

_provider: Any = None
_tracer: Any = None


def begin(environ: Mapping[str, str]) -> None:
    """Switches spans on where the environment says so. Raises Refused where it names what is not installed."""
    names = [name.strip() for name in environ.get(EXPORTER, "").split(",") if name.strip() not in ("", "none")]
    if not names or _tracer is not None:
        return
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError:
        raise Refused(f"{EXPORTER} {EXTRA}") from None
    named = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": "engraft"}
    provider = TracerProvider(resource=Resource.create(named))
    for name in names:
        provider.add_span_processor(BatchSpanProcessor(_exporter(name)))
    use(provider)


def use(provider: Any) -> None:
    """Gives the spans to this provider; None: nobody collects them any more."""
    global _provider, _tracer
    _provider, _tracer = provider, provider and provider.get_tracer("engraft")


def flush() -> None:
    """Hands over what is collected, in a process that ends without saying goodbye."""
    if _provider is not None:
        _provider.force_flush()


@contextmanager
def span(
    name: str, attributes: Mapping[str, Attribute], *, parent: str | None = None, kind: str = ""
) -> Iterator[Mark]:
    """A span around the block; what it yields adds attributes to it. `parent`: a `traceparent` of elsewhere.

    `kind`: server or client where the block answers or asks another program. An exception is told by its type only.
    """
    if _tracer is None:
        yield _nothing
        return
    from opentelemetry.trace import SpanKind, Status, StatusCode

    context = _context(parent)
    kinds = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT}
    quiet = {"record_exception": False, "set_status_on_exception": False}
    with _tracer.start_as_current_span(
        name, context=context, kind=kinds.get(kind, SpanKind.INTERNAL), attributes=dict(attributes), **quiet
    ) as made:
        try:
            yield made.set_attributes
        except BaseException as error:
            made.set_attributes({"error.type": type(error).__name__})
            made.set_status(Status(StatusCode.ERROR))
            raise


def traceparent() -> str | None:
    """The span at hand as a W3C `traceparent`; None where there is none."""
    if _tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def _context(parent: str | None) -> Any:
    if parent is None:
        return None
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent}, Context())


def _exporter(name: str) -> Any:
    from importlib.metadata import entry_points

    found = next(iter(entry_points(group="opentelemetry_traces_exporter", name=name)), None)
    if found is None:
        raise Refused(f"{EXPORTER} names {name}, which no installed package offers")
    return found.load()()


def _nothing(_: Mapping[str, Attribute]) -> None:
    """Nobody collects."""
