"""A key for each registry: none of two can match its patients with the other's."""

from __future__ import annotations

import pytest

from adapter.config import load
from adapter.errors import Invalid, Refused

ONE, OTHER = "0f" * 32, "f0" * 32


@pytest.fixture
def settings(tmp_path):
    def of(privacy="", **registries):
        (tmp_path / "pseudonym.key").write_text(ONE)
        (tmp_path / "own.key").write_text(OTHER)
        sections = [
            f'[registries.{name}]\nbase_url = "http://127.0.0.1:9/{name}"\n{said}\n'
            for name, said in registries.items()
        ]
        file = tmp_path / "engraft.toml"
        file.write_text(f'[privacy]\nkey = {{ file = "pseudonym.key" }}\n{privacy}\n' + "".join(sections))
        return load({"ENGRAFT_CONFIG": str(file)})

    return of


def test_without_a_word_each_has_a_key_of_its_own_and_it_stays(settings):
    made = settings(a="", b="")
    keys = {made.pseudonym_key(name) for name in ("a", "b", "a client of no section")} | {made.pseudonym_key()}
    assert len(keys) == 4
    assert all(len(key) == 32 for key in keys)
    assert settings(a="").pseudonym_key("a") == made.pseudonym_key("a")
    assert made.pseudonym_key().hex() == ONE  # what goes to no registry in particular is as it always was


def test_the_derived_key_is_an_hmac_that_others_can_compute_again(settings):
    """openssl: printf 'registry\\0a' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0f0f..."""
    assert settings(a="").pseudonym_key("a").hex() == DERIVED


DERIVED = "fc87e03c9a8549a7b2d158231c3d9b99f27471ae29a65de5006fa9a8a5c5c6aa"


def test_a_file_of_its_own_comes_first(settings):
    made = settings(a='key = { file = "own.key" }', b="", privacy='registries = "shared"')
    assert made.pseudonym_key("a").hex() == OTHER
    assert made.pseudonym_key("b").hex() == ONE


def test_all_can_be_told_to_share_the_one_as_before(settings):
    made = settings(a="", b="", privacy='registries = "shared"')
    assert {made.pseudonym_key(name).hex() for name in ("a", "b", "c")} == {ONE}


def test_two_registries_with_one_key_file_are_refused(settings):
    own = 'key = { file = "own.key" }'
    with pytest.raises(Invalid, match=r"engraft\.toml:9: registries\.b\.key: a has the same key file"):
        settings(a=own, b=own)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('key = { env = "KEY" }', "is kept in a file"),
        ('key = "own.key"', "a secret never stands in this file"),
    ],
)
def test_a_key_is_a_file(settings, said, why):
    with pytest.raises(Invalid, match=rf"registries\.a\.key: .*{why}"):
        settings(a=said)


def test_a_word_that_means_nothing_is_refused(settings):
    with pytest.raises(Invalid, match=r"privacy\.registries: unknown word none; known: own, shared"):
        settings(privacy='registries = "none"')


def test_a_key_that_could_be_guessed_is_refused(settings, tmp_path):
    made = settings(a='key = { file = "own.key" }')
    (tmp_path / "own.key").write_text("0f")
    with pytest.raises(Refused, match="at least 16 bytes"):
        made.pseudonym_key("a")
