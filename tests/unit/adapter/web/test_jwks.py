"""What is published of the keys that we sign with."""

from __future__ import annotations

from datetime import UTC, datetime

from adapter import keys
from adapter.app import create_app
from adapter.config import Secret, Settings
from adapter.store import Store


def asked(tmp_path, *secrets: Secret):
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    app = create_app(Settings(signing_keys=secrets), store, lambda: datetime(2026, 9, 3, tzinfo=UTC))
    answer = app.test_client().get("/.well-known/jwks.json")
    store.close()
    return answer


def test_anyone_may_fetch_the_public_keys_and_keep_them_for_a_while(tmp_path):
    file = tmp_path / "es384.pem"
    file.write_text(keys.new("ES384"))
    answer = asked(tmp_path, Secret(file=file))
    (published,) = answer.json["keys"]
    assert published["kid"] == keys.read(Secret(file=file)).kid
    assert "d" not in published
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_without_keys_the_set_is_empty(tmp_path):
    assert asked(tmp_path).json == {"keys": []}


def test_a_key_that_cannot_be_read_is_not_left_out_silently(tmp_path):
    answer = asked(tmp_path, Secret(file=tmp_path / "absent.pem"))
    assert answer.status_code == 503
    assert str(tmp_path) not in answer.text
