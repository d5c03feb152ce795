"""Notifications of hospitals: kept before they are answered, and only from who shows the secret."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from adapter.errors import StoreUnavailable
from mappings.r4.wire import decode

HAPI = json.loads((Path(__file__).parents[3] / "data/hapi_notifications.json").read_text("utf-8"))["notifications"]
SESAME = {"Authorization": "Bearer open sesame"}
PING = {"method": "POST", "path": "/webhook/chu-a"}


def notices(ward):
    with ward.store.reading() as tx:
        return tx.inbox.listing()


def notify(ward, method, path, headers=SESAME, data=b"", **sent):
    return ward.ask(method, path, None, headers=headers, data=data, **sent)


def signature(body, key=b"shared key"):
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()}


@pytest.mark.parametrize("notification", HAPI, ids=[one["note"].partition(":")[0] for one in HAPI])
def test_a_notification_as_hapi_sends_it_is_kept(ward, notification):
    _, _, _, *resource = notification["path"].split("/")
    path = "/".join(["/webhook/chu-a", *resource])
    data = json.dumps(notification["body"]).encode() if notification["body"] else b""
    kept = {k: v for k, v in notification["headers"].items() if k not in ("Content-Length", "Host", "Connection")}
    answer = notify(ward, notification["method"], path, kept | SESAME, data)
    assert answer.status_code == 204
    (notice,) = notices(ward)
    assert (notice.hospital, notice.method, notice.body) == ("chu-a", notification["method"], data)
    assert [notice.kind, notice.resource_id] == (resource or [None, None])
    assert "open sesame" not in str(notice.headers)


def test_what_the_sender_would_understand_does_not_matter(ward):
    assert notify(ward, "POST", "/webhook/chu-a", SESAME | {"Accept": "text/plain"}).status_code == 204


def test_a_version_in_if_match_is_no_condition(ward):
    answer = notify(ward, "PUT", "/webhook/chu-a/Observation/o-1", SESAME | {"If-Match": 'W/"7"'}, b"")
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("hospital", "headers"),
    [
        ("chu-a", {}),
        ("chu-a", {"Authorization": "Bearer open sesam"}),
        ("chu-a", {"Authorization": "Basic open sesame"}),
        ("chu-a", {"Authorization": "Bearer \u00e9"}),
        ("chu-a", signature(b"")),
        ("nobody", SESAME),
        ("nobody", {}),
        ("mute", SESAME),
        ("lost", {"Authorization": "Bearer "}),
        ("lost", {}),
        ("chu-b", {"Authorization": "Bearer shared key"}),
        ("chu-b", {}),
        ("chu-b", signature(b"", b"another key")),
        ("chu-b", signature(b"another body")),
    ],
)
def test_who_does_not_show_the_secret_learns_nothing(ward, hospital, headers):
    answer = notify(ward, "POST", f"/webhook/{hospital}", headers)
    assert answer.status_code == 401
    assert answer.data == notify(ward, "POST", "/webhook/no-such-hospital", {}).data
    assert notices(ward) == []


def test_a_signed_body_is_kept(ward):
    data = b'{"resourceType": "Observation", "id": "o-1"}'
    assert notify(ward, "POST", "/webhook/chu-b", signature(data), data).status_code == 204
    assert notices(ward)[0].body == data


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/webhook/chu-a", b"{"),
        ("/webhook/chu-a", b'{"a": 1, "a": 2}'),
        ("/webhook/chu-a", b'"text"'),
        ("/webhook/chu-a/Observation/o-2", b'{"resourceType": "Observation", "id": "o-1"}'),
        ("/webhook/chu-a/observation/o-1", b""),
    ],
)
def test_what_is_no_notification_is_refused_and_not_kept(ward, path, data):
    answer = notify(ward, "PUT", path, SESAME, data)
    assert answer.status_code == 400
    assert decode(answer.data)["resourceType"] == "OperationOutcome"
    assert notices(ward) == []


def test_what_cannot_be_kept_is_not_acknowledged(ward, monkeypatch):
    def full(*_, **__):
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(ward.store, "transaction", full)
    assert notify(ward, "POST", "/webhook/chu-a").status_code == 503


def test_a_large_notification_is_refused(ward):
    assert notify(ward, "POST", "/webhook/chu-a", data=b" " * (6 * 1024 * 1024)).status_code == 413
    assert notices(ward) == []
