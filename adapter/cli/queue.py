"""`engraft queue`: what waits for the hospitals, and what a person has to decide."""

from __future__ import annotations

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import json_option, json_refusals
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import load
from adapter.flows import access
from adapter.flows import queue as flow
from adapter.flows.crew import policies_of
from adapter.web.waiting import STATES, UNFINISHED, age, row
from mappings.r4.wire import pretty


@click.group()
def queue() -> None:
    """Deliveries to hospitals and registries. What is parked was refused and waits until you decide.

    Example: engraft queue list --state parked
    """


@queue.command(name="list")
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Repeatable; default: unfinished.")
@click.option("--hospital", help="Only what is for this hospital or registry.")
@click.option("--correlation", metavar="ID", help="Only what this request brought (X-Request-Id), delivered or not.")
@json_option
def list_(states: tuple[str, ...], hospital: str | None, correlation: str | None, as_json: bool) -> None:
    """What waits, is under way or parked, and since when.

    \b
    Example: engraft queue list --state parked --state waiting
             engraft queue list --correlation 4bf92f3577b34da6a3ce929d0e0e4736
    """
    usual = STATES if correlation else UNFINISHED
    with store_of(load(environment())) as store, store.reading() as tx:
        found = tx.outbox.listing(states or usual, destination=hospital, correlation=correlation, whole=False)
        backlog = tx.outbox.backlog()
    if as_json:
        click.echo(pretty([row(one) for one in found]))
        return
    # here, because only people need it
    from tabulate import tabulate

    rows = [
        (
            *(o.id, o.destination, o.course, o.state, age(o.created, now()), o.attempts, o.due),
            *((o.error or "")[:60], o.correlation),
        )
        for o in found
    ]
    head = ("id", "destination", "course", "state", "age", "attempts", "due", "error", "correlation")
    click.echo(tabulate(rows, headers=head) if rows else "nothing here")
    for name, (number, oldest) in backlog.items():
        click.echo(f"{name}: {number} not finished, the oldest for {age(oldest, now())}", err=True)


@queue.command()
@click.argument("id_", metavar="ID", type=int)
@click.option("--request", "exact", is_flag=True, help="The exact request that would be sent now; nothing is sent.")
@acting
@json_option
def show(id_: int, exact: bool, who: str, as_json: bool) -> None:
    """One delivery with its resources, what the other server said, and the request that would be sent.

    Example: engraft queue show 12 --request
    """
    settings = load(environment())
    with store_of(settings) as store:
        with store.reading() as tx:
            found = tx.outbox.show(id_)
        request = flow.request_of(store, id_, policies_of(settings))
        access.looked_at(store, f"delivery/{id_}", now(), len(found.content), "resources", who=who)
    there = settings.hospitals.get(found.destination) or settings.registries.get(found.destination)
    address = there.base_url if there else None
    if as_json:
        told = {"outcome": found.outcome, "content": found.content, "url": address, "request": request}
        click.echo(pretty(row(found) | told))
        return
    if exact:
        click.echo(f"POST {address or found.destination}\nContent-Type: application/fhir+json\n\n{pretty(request)}")
        return
    for key, value in row(found).items():
        click.echo(f"{key}: {'' if value is None else value}")
    for resource in found.content:
        click.echo(f"  {resource['resourceType']}/{resource['id']}")
    if found.outcome:
        click.echo(pretty(found.outcome))


@queue.command()
@acting
@json_option
def questions(who: str, as_json: bool) -> None:
    """What hospitals say of patients that only people can judge: died, merged, gone. Nothing was changed because of it.

    Example: engraft queue questions
    """
    # here, because only these commands ask it
    from adapter.flows import hospital_patients

    with store_of(load(environment())) as store:
        with store.reading() as tx:
            found = tx.questions.open_of()
        access.looked_at(store, "questions", now(), len(found), "questions", who=who)
    if as_json:
        names = ("id", "hospital", "course", "about", "kind", "content")
        click.echo(pretty([{name: getattr(one, name) for name in names} | {"since": one.at} for one in found]))
        return
    for one in found:
        click.echo(f"{one.id}: course {one.course}, {age(one.at, now())} ago: {hospital_patients.words(one)}")
    if not found:
        click.echo("nothing here")


@queue.command()
@click.argument("id_", metavar="ID", type=int)
@click.option("--reason", required=True, help="What came of it; kept with the question.")
@click.option("--relink", is_flag=True, help="The merged record is the same person's: it is theirs from now on.")
@acting
@json_refusals
def answer(id_: int, reason: str, relink: bool, who: str) -> None:
    """Answer a question about a hospital's Patient.

    Example: engraft queue answer 3 --reason "told by the m3 visit"
    """
    # here, because only these commands ask it
    from adapter.flows import hospital_patients

    if not reason.strip():
        raise click.UsageError("--reason says what came of it")
    with store_of(load(environment())) as store:
        hospital_patients.answer(store, id_, reason, who=who, centre=None, now=now(), relink=relink)
    click.echo(f"answered {id_}", err=True)


@queue.command()
@click.argument("ids", metavar="ID...", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Whatever is parked.")
@click.option("--hospital", help="With --all: only what is for this hospital or registry.")
@acting
@json_option
@click.pass_context
def retry(
    ctx: click.Context, ids: tuple[int, ...], everything: bool, hospital: str | None, who: str, as_json: bool
) -> None:
    """Try parked or waiting deliveries again, at once.

    Example: engraft queue retry --all --hospital chu-a
    """
    if bool(ids) == everything or (hospital and not everything):
        raise click.UsageError("name deliveries, or say --all [--hospital NAME]")
    wanted = None if everything else ids
    with store_of(load(environment())) as store:
        done = flow.retry(store, wanted, who=who, centre=None, now=now(), destination=hospital)
    left = [id_ for id_ in ids if id_ not in done]
    if as_json:
        click.echo(pretty({"retried": done, "refused": left}))
    for id_ in done:
        click.echo(f"{id_}: will be tried again", err=True)
    for id_ in left:
        click.echo(f"{id_}: is not there, or neither waiting nor parked", err=True)
    if left:
        ctx.exit(1)


@queue.command(name="try-now")
@click.argument("name", metavar="HOSPITAL")
@acting
@json_refusals
def try_now(name: str, who: str) -> None:
    """Ask a silent hospital or registry at once, by one request, instead of waiting for its next turn.

    \b
    When it answers, the rest follows; when it does not, the next wait is as long as it would have been.
    Example: engraft queue try-now chu-a
    """
    with store_of(load(environment())) as store:
        waiting = flow.try_now(store, name, who=who, centre=None, now=now())
    click.echo(
        f"{name} will be asked at once; {waiting} {'patient waits' if waiting == 1 else 'patients wait'}", err=True
    )


@queue.command()
@click.argument("id_", metavar="ID", type=int)
@click.option("--reason", required=True, help="Kept with the delivery.")
@acting
@json_refusals
def discard(id_: int, reason: str, who: str) -> None:
    """Never send a parked or waiting delivery.

    Example: engraft queue discard 12 --reason "entered by hand at the hospital"
    """
    if not reason.strip():
        raise click.UsageError("--reason says why")
    with store_of(load(environment())) as store:
        flow.discard(store, id_, reason, who=who, centre=None, now=now())
    click.echo(f"discarded {id_}", err=True)
