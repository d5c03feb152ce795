"""Who may call: every request passes here, and an endpoint that declared nobody is refused."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from flask import Flask, Request, g, request

from adapter.config import Webhook
from adapter.errors import NotAllowed, Refused
from adapter.flows.ehr_trust import Trust
from adapter.store import Tx
from adapter.store.clients import Client
from adapter.web import session
from adapter.web.content import body
from adapter.web.routing import CARE, Access, Door, Role
from adapter.web.site import Site

SIGNATURE = "X-Hub-Signature-256"
"""`sha256=<hex>` of the body, the form that most webhook senders know."""

NO_TOKEN = "a bearer token is needed, made by `engraft client add`"  # noqa: S105 - a sentence
BAD_TOKEN = "this bearer token is not valid"  # noqa: S105 - a sentence
NO_JWT = "a JWT is needed that an EHR of the configuration signed"
NO_HOOK = "not a hospital of ours, or not its secret"


def caller() -> Client:
    """The client whose token came with this request."""
    client: Client = g.client
    return client


def centre() -> str:
    """Centre of the caller. Every ehr and centre token has one."""
    code: str | None = caller().centre
    if code is None:
        raise NotAllowed("this token belongs to no centre")
    return code


@contextmanager
def reading(site: Site) -> Iterator[Tx]:
    """The transaction in which the caller was looked up, where the route `reads`, once; else one of its own."""
    tx, opened = g.pop("reading", (None, None))
    if tx is None:
        with site.store.reading() as tx:
            yield tx
    else:
        with opened:
            yield tx


def give_back() -> None:
    """Ends the transaction that stays open for the view, which then begins its own: who waits to write keeps none."""
    _, opened = g.pop("reading", (None, None))
    if opened is not None:
        opened.close()


def guard(app: Flask, site: Site, access: Mapping[str, Access], reads: Collection[str] = ()) -> None:
    """Puts the doorkeeper before every view of the app. `reads`: the routes that go on reading where it has read."""
    trust = Trust(site.settings.ehrs, site.store)

    def check() -> None:
        if request.endpoint is None:
            return  # no such route: Flask answers 404 or 405
        match access.get(request.endpoint, frozenset()):
            case Door.OPEN:
                return
            case Door.SECRET:
                _check_webhook(request, site)
            case Door.PEOPLE:
                session.admit(site)
            case Door.EHR:
                g.client = _ehr(request, site, trust)
            case roles:
                g.client = _client(request, site, frozenset(roles), stays=request.endpoint in reads)

    app.before_request(check)


def _client(sent: Request, site: Site, roles: frozenset[Role], *, stays: bool = False) -> Client:
    """`stays`: the transaction stays open for the view, or to the end of the request."""
    token = _bearer(sent)
    if not token:
        raise NotAllowed(NO_TOKEN, 401)
    if stays and sent.method not in ("GET", "HEAD"):
        body()  # before, so that who sends slowly holds no connection to the database
    with ExitStack() as opened:
        tx = opened.enter_context(site.store.reading())
        client = tx.clients.find(token)
        if client is not None and stays:
            kept = opened.pop_all()
            g.reading = tx, kept
            g.around.push(kept)  # closed twice it is closed
    if client is None:
        raise NotAllowed(BAD_TOKEN, 401)
    if Role(client.role) not in roles:
        words = " or ".join(sorted(role.value for role in roles)) or "nobody"
        raise NotAllowed(f"this is for the role {words}; the token's role is {client.role}")
    return client


def _ehr(sent: Request, site: Site, trust: Trust) -> Client:
    """An EHR that signed the call. Our own tokens count only where no EHR is configured."""
    if not site.settings.ehrs:
        return _client(sent, site, CARE)
    token = _bearer(sent)
    if not token:
        raise NotAllowed(NO_JWT, 401)
    address = f"{site.settings.public_url}{sent.path.rstrip('/')}"
    # some EHRs name the service also where they tell what became of its cards
    return trust.check(token, {address, address.removesuffix("/feedback")}, site.clock())


def _bearer(sent: Request) -> str:
    scheme, _, token = sent.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _check_webhook(sent: Request, site: Site) -> None:
    name = (sent.view_args or {}).get("hospital", "")
    hospital = site.settings.hospitals.get(name)
    webhook = hospital.webhook if hospital else None
    # the comparison is made for an unknown hospital too, so that the time taken does not tell which ones exist
    if not _shown(sent, webhook) or webhook is None:
        raise NotAllowed(NO_HOOK, 401)


def _shown(sent: Request, webhook: Webhook | None) -> bool:
    secret = _secret_of(webhook)
    if webhook is None or webhook.kind == "bearer":
        shown, right = _bearer(sent), secret
    else:
        right = "sha256=" + hmac.new(secret.encode(), body(), hashlib.sha256).hexdigest()
        shown = sent.headers.get(SIGNATURE, "")
    return hmac.compare_digest(shown.encode(), right.encode()) and bool(secret)


def _secret_of(webhook: Webhook | None) -> str:
    try:
        return webhook.secret.read() if webhook else ""
    except Refused:
        return ""  # fails closed: `engraft config check` tells the operator which secret is missing
