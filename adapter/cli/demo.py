"""`engraft demo`: the whole job on synthetic patients, embedded: SQLite in a temporary folder, the sandbox hospital."""

from __future__ import annotations

import random
import secrets
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from adapter.cli.surroundings import now, today
from mappings.r4.build import Resource

PATIENTS = 5
CENTRE = "FR-SYN"
HOSPITAL = "sandbox"
SEED = 5


@dataclass(frozen=True, slots=True)
class Stage:
    """What the steps of the demo play on."""

    settings: Any
    store: Any
    web: Any
    hospital: Any
    token: str
    folder: Path


@click.command()
@click.option("--keep", is_flag=True, help="Stay up afterwards and print the URLs to open.")
def demo(keep: bool) -> None:
    """The whole job on embedded defaults: plan, forms, delivery, an outage, a registry bundle, survival.

    All patients are synthetic. Nothing is left behind.

    Example: engraft demo
    """
    with tempfile.TemporaryDirectory(prefix="engraft-demo-") as folder, _stage(Path(folder)) as stage:
        _protocol()
        _plan()
        _enrolments_and_forms(stage)
        _refusal(stage)
        _outage(stage)
        _plan_pulled(stage)
        _registry(stage)
        _next()
        if keep:
            _stay(stage)


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    # here, because only these commands need a server and a database
    from adapter.app import create_app, open_store
    from adapter.config import Centre, Hospital, Settings
    from adapter.hospital.sandbox import Sandbox

    with Sandbox() as hospital:
        settings = Settings(
            database_url=f"sqlite:///{folder}/engraft.sqlite",
            centres={CENTRE: Centre(CENTRE, "Synthetic centre", HOSPITAL)},
            hospitals={HOSPITAL: Hospital(HOSPITAL, hospital.base_url)},
            privacy_key=_key(folder),
        )
        store = open_store(settings)
        store.migrate()
        with store.transaction() as tx:
            token = tx.clients.add("demo", "centre", CENTRE, now())
        web = create_app(settings, store, now)
        try:
            yield Stage(settings, store, web, hospital, token, folder)
        finally:
            store.close()


def _key(folder: Path) -> Path:
    key = folder / "pseudonym.key"
    key.write_text(random.Random(SEED).randbytes(32).hex() + "\n", "ascii")  # noqa: S311  a demo's key protects nobody
    return key


def _say(step: int, title: str) -> None:
    click.secho(f"\n{step}. {title}", bold=True)


def _protocol() -> None:
    from mappings.plan.definition import definitions
    from mappings.protocol import load
    from mappings.r4.validate import require_valid

    protocol = load("set-haplo-pdli")
    resources = definitions(protocol)
    for resource in resources:
        require_valid(resource)
    _say(1, "The protocol, as data and as FHIR")
    click.echo(f"   {protocol.title}")
    lines, visits = len(protocol.lines), len(protocol.follow_up.visits)
    click.echo(f"   {lines} drug lines, {visits} visits, {len(protocol.endpoints)} endpoints, each with its sentence;")
    click.echo(f"   1 PlanDefinition and {len(resources) - 1} ActivityDefinitions, all valid R4")


def _plan() -> None:
    from click.testing import CliRunner

    from adapter.cli.apply import apply

    _say(2, "The plan of one patient: 70 kg, 175 cm, graft on 2026-03-02 (engraft apply ...)")
    asked = ["set-haplo-pdli", "--day-zero", "2026-03-02", "--weight", "70", "--height", "175"]
    table = CliRunner().invoke(apply, asked, catch_exceptions=False).output
    shown = [line[:109].rstrip() for line in table.splitlines()[3:]]  # without the notes, to fit a terminal
    for line in filter(None, shown):
        click.echo(f"   {line}")
    click.echo("   What has no amount is left to the centre. Tapers and donor lymphocytes wait for their gates.")


def _enrolments_and_forms(stage: Stage) -> None:
    from mappings.facts.synthetic import documents

    _say(3, f"{PATIENTS} synthetic patients enrolled, their follow-ups mapped to FHIR")
    forms, chance = 0, random.Random(SEED)  # noqa: S311  made-up patients need no secret chance
    for enrolment, follow_ups in documents(PATIENTS, chance, centre=CENTRE, as_of=today(), full=True):
        _post(stage, "/enrolments", enrolment, (200, 201))
        for follow_up in follow_ups:
            _post(stage, "/follow-ups", follow_up, (202,))
            forms += 1
    with stage.store.reading() as tx:
        kinds: dict[str, int] = {}
        for stored in tx.resources.stream(centres=[CENTRE]):
            kinds[stored.kind] = kinds.get(stored.kind, 0) + 1
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    click.echo(f"   {forms} forms; stored: {told}")


def _refusal(stage: Stage) -> None:
    _say(4, "A form that contradicts itself is refused, and nothing of it is stored")
    bad = {
        "centre": CENTRE,
        "patient": "SYN-0001",
        "visit": "unscheduled",
        "date": today().isoformat(),
        "gvhd": {"acute": [{"onset": "2024-01-01", "grade": "I", "skin": 4}]},
    }
    answer = _post(stage, "/follow-ups", bad, (422,))
    for issue in answer["issue"]:
        click.echo(f"   {issue.get('expression', ['?'])[0]}: {issue['diagnostics']}")


def _outage(stage: Stage) -> None:
    _say(5, "The hospital's server is down, then comes back (engraft deliver)")
    stage.hospital.stop()
    first = _drain(stage, now())
    click.echo(f"   down: {first.delivered} delivered, {first.waiting} change sets wait, none lost")
    stage.hospital.start()
    second = _drain(stage, now() + timedelta(hours=1))
    click.echo(f"   back: {second.delivered} delivered, {second.parked} parked, {second.waiting} wait")
    again = _drain(stage, now() + timedelta(hours=2))
    click.echo(f"   once more: {again.delivered} delivered, for nothing is sent twice")


def _drain(stage: Stage, at: datetime) -> Any:
    from adapter.flows.delivery import drain
    from adapter.hospital.connections import Connections

    connections = Connections(stage.settings)
    try:
        return drain(stage.store, connections, worker="demo", now=lambda: at, jitter=lambda: 0.5)
    finally:
        connections.close()


def _plan_pulled(stage: Stage) -> None:
    _say(6, "An EHR pulls a stored plan with every order, in one search")
    with stage.store.reading() as tx:
        patient = next(s.id for s in tx.resources.stream(centres=[CENTRE], kinds=["CarePlan"]))
        plan = tx.resources.get("CarePlan", patient).content
    found = _get(stage, f"/fhir/CarePlan?_id={plan['id']}&_include=CarePlan:activity-reference")
    click.echo(f"   {found['total']} CarePlan ({plan['status']}) and {len(found['entry']) - 1} included orders")


def _registry(stage: Stage) -> None:
    from adapter.flows import endpoints, registry
    from mappings.registry.judged import Row

    _say(7, "De-identified bundles and overall survival for the registry")
    key = bytes.fromhex(stage.settings.privacy_key.read_text("ascii"))
    bundles = list(registry.bundles(stage.store, key, now(), aside=[]))
    click.echo(f"   {len(bundles)} bundles of consenting patients, {sum(len(b['entry']) for b in bundles)} resources")
    report = endpoints.report_from_store(stage.store, endpoints.Question(endpoints=("os",), horizons=(180, 365, 730)))
    for row in (row for row in report.rows if isinstance(row, Row)):
        estimate = "beyond the follow-up" if row.estimate is None else f"{row.estimate:.1%}"
        told = f"{row.events} death{'' if row.events == 1 else 's'} among {row.n}, Kaplan-Meier, synthetic"
        click.echo(f"   overall survival at {row.horizon_days} days: {estimate} ({told})")


def _next() -> None:
    _say(8, "Where to look next")
    click.echo("   engraft apply set-haplo-pdli --day-zero 2026-03-02 --weight 70 --height 175 --format fhir")
    click.echo("   engraft --help; README.md; docs/conformance.md says which test proves which clause")


def _stay(stage: Stage) -> None:
    from werkzeug.serving import make_server

    from adapter.app import create_app

    server = make_server("127.0.0.1", 0, create_app(stage.settings, stage.store, now), threaded=True)
    base = f"http://127.0.0.1:{server.server_port}"
    public = replace(stage.settings, public_url=base)
    server.app = create_app(public, stage.store, now)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    click.echo(f"\n   Engraft   {base}/fhir/metadata\n   sandbox   {stage.hospital.base_url}/Patient")
    password = secrets.token_urlsafe(12)
    with stage.store.transaction() as tx:
        tx.people.add("demo", "Demo Pharmacist", "pharmacist", CENTRE, password, now())
    click.echo(f"   pages     {base}/ (sign in as demo, password {password})")
    click.echo(f'   curl -H "Authorization: Bearer {stage.token}" {base}/fhir/CarePlan')
    if _has_terminal():
        click.pause("   Any key stops it.")
    else:
        _until_told("   SIGTERM or SIGINT stops it.")
    server.shutdown()


def _has_terminal() -> bool:
    return sys.stdin.isatty()


def _until_told(says: str) -> None:
    """Without a terminal nobody can press a key."""
    stop, numbers = threading.Event(), (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    click.echo(says)
    try:
        stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _post(stage: Stage, path: str, document: dict[str, Any], expected: tuple[int, ...]) -> Resource:
    headers = {"Authorization": f"Bearer {stage.token}"}
    answer = stage.web.test_client().post(path, json=document, headers=headers)
    if answer.status_code not in expected:
        raise click.ClickException(f"POST {path} answered {answer.status_code}: {answer.get_data(as_text=True)[:500]}")
    content: Resource = answer.get_json(force=True, silent=True) or {}
    return content


def _get(stage: Stage, path: str) -> Resource:
    answer = stage.web.test_client().get(path, headers={"Authorization": f"Bearer {stage.token}"})
    if answer.status_code != 200:
        raise click.ClickException(f"GET {path} answered {answer.status_code}: {answer.get_data(as_text=True)[:500]}")
    content: Resource = answer.get_json(force=True)
    return content
