"""No route of the web application is reachable without having said for whom it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapter.app import access_of, create_app
from adapter.config import Hospital, Secret, Settings, Webhook
from adapter.store import Store
from adapter.web.routing import CARE, Door, Role
from adapter.web.session import COOKIE, form_token
from mappings.r4.wire import decode

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
OPEN = {
    "/.well-known/jwks.json",
    "/fhir/metadata",
    "/healthz",
    "/readyz",
    "/cds-services",
    "/sign-in",
    "/static/engraft.css",
}
"""Everything that anyone may see. There is no smart-configuration as long as there is no token endpoint."""

PAGES = {
    ("/", "GET"),
    ("/endpoints", "GET"),
    ("/endpoints/table.csv", "GET"),
    ("/patients/<id_>", "GET"),
    ("/patients/<id_>/enrolment", "GET"),
    ("/patients/<id_>/enrolment", "POST"),
    ("/patients/<id_>/enrolment/stored", "GET"),
    ("/patients/<id_>/visits/<name>", "GET"),
    ("/patients/<id_>/visits/<name>", "POST"),
    ("/patients/<id_>/visits/<name>/stored", "GET"),
    ("/patients/new", "GET"),
    ("/patients/new", "POST"),
    ("/quality", "GET"),
    ("/queue", "GET"),
    ("/queue/answer", "POST"),
    ("/queue/discard", "POST"),
    ("/queue/retry", "POST"),
    ("/queue/try-now", "POST"),
    ("/regimens/<id_>/calendar", "GET"),
    ("/regimens/<id_>/calendar", "POST"),
    ("/regimens/<id_>/calendar.ics", "GET"),
    ("/regimens/<id_>/calendar/tapers/<action>", "POST"),
    ("/regimens/<id_>/calendar/tapers/<action>/withdrawal", "POST"),
    ("/regimens/<id_>/calendar/withdrawal", "POST"),
    ("/sign-out", "POST"),
}
"""Everything that people see once they have signed in."""

SECRET = {"/webhook/<hospital>", "/webhook/<hospital>/<kind>/<id_>"}
PARTS = {
    "kind": "Observation",
    "id_": "x",
    "version": "1",
    "hospital": "chu-a",
    "service": "order-check",
    "action": "x",
} | {
    "group": "x",
    "name": "m1",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('doors')}/engraft.sqlite")
    store.migrate()
    yield store
    store.close()


@pytest.fixture(scope="module")
def app(store):
    webhook = Webhook("bearer", Secret(env="HOOK", environ={"HOOK": "open sesame"}))
    return create_app(
        Settings(hospitals={"chu-a": Hospital("chu-a", "http://h/fhir", webhook=webhook)}), store, lambda: NOW
    )


@pytest.fixture(scope="module")
def tokens(store):
    with store.transaction() as tx:
        made = {r: tx.clients.add(r.value, r.value, _centre(r), NOW) for r in Role}
        revoked = tx.clients.add("gone", "centre", "FR-037", NOW)
        tx.clients.revoke("gone", NOW)
    return made | {"revoked": revoked}


@pytest.fixture(scope="module")
def sessions(store):
    with store.transaction() as tx:
        for name in ("ada", "gone"):
            tx.people.add(name, name, "pharmacist", "FR-037", "correct horse battery", NOW)
        ada, gone = tx.people.listing()
        made = {"ada": tx.people.open_session(ada, NOW), "revoked": tx.people.open_session(gone, NOW)}
        tx.people.revoke("gone", NOW)
    return made


def _centre(role):
    return "FR-037" if role in (Role.EHR, Role.CENTRE) else None


def doors(app):
    """(rule, method, path, access) of everything that the application answers."""
    urls = app.url_map.bind("engraft.test")
    for rule in app.url_map.iter_rules():
        path = urls.build(rule.endpoint, {name: PARTS[name] for name in rule.arguments})
        for method in sorted(rule.methods):
            yield rule.rule, method, path, access_of(app)[rule.endpoint]


def ask(app, method, path, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return app.test_client().open(path, method=method, headers=headers)


def refused(answer, method):
    if method == "HEAD":
        return True
    outcome = decode(answer.data)
    return outcome["resourceType"] == "OperationOutcome" and answer.content_type.startswith("application/fhir+json")


def test_every_rule_has_declared_who_may_call_it(app):
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(access_of(app))


def test_only_metadata_health_and_discovery_are_open(app):
    assert {rule for rule, _, _, access in doors(app) if access is Door.OPEN} == OPEN
    assert {rule for rule, _, _, access in doors(app) if access is Door.SECRET} == SECRET


def test_what_is_open_answers_anyone(app):
    for path in OPEN:
        assert ask(app, "GET", path).status_code == 200


def test_every_other_door_is_shut_without_a_token(app):
    for rule, method, path, access in doors(app):
        if access not in (Door.OPEN, Door.PEOPLE):
            answer = ask(app, method, path)
            assert answer.status_code == 401, f"{method} {rule}"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert refused(answer, method)


@pytest.mark.parametrize("which", ["revoked", "made up"])
def test_every_other_door_is_shut_for_a_token_that_is_not_valid(app, tokens, which):
    for rule, method, path, access in doors(app):
        if access not in (Door.OPEN, Door.PEOPLE):
            answer = ask(app, method, path, tokens.get(which, which))
            assert answer.status_code == 401, f"{method} {rule}"
            assert refused(answer, method)


def test_every_other_door_is_shut_for_the_wrong_role(app, tokens):
    tried = 0
    for rule, method, path, access in doors(app):
        if isinstance(access, Door) and access is not Door.EHR:
            continue
        for role in set(Role) - (CARE if access is Door.EHR else access):
            answer = ask(app, method, path, tokens[role])
            assert answer.status_code == 403, f"{method} {rule} as {role.value}"
            assert refused(answer, method)
            tried += 1
    assert tried > 50


def test_no_token_of_ours_opens_a_webhook(app, tokens):
    for _, method, path, access in doors(app):
        if access is Door.SECRET:
            assert {ask(app, method, path, token).status_code for token in tokens.values()} == {401}


def test_pages_are_for_people_who_have_signed_in(app):
    said = {(rule, method) for rule, method, _, access in doors(app) if access is Door.PEOPLE}
    assert {one for one in said if one[1] in ("GET", "POST")} == PAGES


@pytest.mark.parametrize("cookie", [None, "made up", "revoked"])
def test_whoever_has_not_signed_in_is_led_to_the_sign_in_page_and_nothing_is_done(app, sessions, tokens, cookie):
    for rule, method, path, access in doors(app):
        if access is Door.PEOPLE:
            client = app.test_client()
            if cookie:
                client.set_cookie(COOKIE, sessions.get(cookie, cookie))
            answer = client.open(path, method=method, headers={"Authorization": f"Bearer {tokens[Role.CENTRE]}"})
            assert answer.status_code == 303, f"{method} {rule}"
            assert answer.headers["Location"].startswith("/sign-in")
            assert answer.data == b""


def test_a_session_changes_nothing_without_the_token_of_our_form(app, sessions):
    tried = 0
    for rule, method, path, access in doors(app):
        if access is Door.PEOPLE and method not in ("GET", "HEAD", "OPTIONS"):
            client = app.test_client()
            client.set_cookie(COOKIE, sessions["ada"])
            for form in ({}, {"csrf": ""}, {"csrf": "made up"}, {"csrf": form_token("another session")}):
                answer = client.open(path, method=method, data=form)
                assert answer.status_code == 403, f"{method} {rule}"
                assert answer.content_type.startswith("text/html")
                tried += 1
    assert tried == 4 * sum(method == "POST" for _, method in PAGES)


def test_a_session_opens_no_door_of_programs(app, sessions):
    for rule, method, path, access in doors(app):
        if access not in (Door.OPEN, Door.PEOPLE):
            client = app.test_client()
            client.set_cookie(COOKIE, sessions["ada"])
            assert client.open(path, method=method).status_code == 401, f"{method} {rule}"


def test_an_endpoint_that_declared_nobody_is_refused_to_everybody(store):
    app = create_app(Settings(), store, lambda: NOW)
    app.add_url_rule("/forgotten", "forgotten", lambda: "secrets")
    assert ask(app, "GET", "/forgotten").status_code == 401
    with store.transaction() as tx:
        token = tx.clients.add("curious", "admin", None, NOW)
    assert ask(app, "GET", "/forgotten", token).status_code == 403


def test_admins_see_the_queue_and_no_patients(app, tokens):
    mine = {path for _, _, path, access in doors(app) if not isinstance(access, Door) and Role.ADMIN in access}
    assert mine == {"/admin/queue", "/metrics"}


def test_a_route_cannot_be_declared_for_two_publics(store):
    from flask import Flask

    from adapter.web.routing import ADMIN, CARE, Route, register

    routes = [Route("one", "/a", str, ADMIN), Route("one", "/b", str, CARE)]
    with pytest.raises((ValueError, AssertionError)):
        register(Flask("x"), routes)
