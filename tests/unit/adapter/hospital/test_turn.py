"""When a request has its turn. The tests play the server, byte by byte."""

from __future__ import annotations

import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
import requests

from adapter.hospital import turn
from adapter.hospital.line import Line
from adapter.hospital.turn import at_once, take_turns, waited_for
from tests.lib.certificates import Authority

WAIT = 10.0
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WAIT)
        yield listener


@pytest.fixture
def threads():
    with ThreadPoolExecutor(3) as threads:
        yield threads


@pytest.fixture
def session():
    with requests.Session() as session:
        session.trust_env = False
        take_turns(session)
        yield session


def url(listener, scheme="http"):
    return f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/"


def post(session, to, asking=at_once, body=b"synthetic"):
    with waited_for(asking):
        return session.post(to, data=body, timeout=WAIT)


def taken(listener):
    connection, _ = listener.accept()
    connection.settimeout(WAIT)
    return connection


def heard(connection, body=b"synthetic"):
    """All that a request says."""
    said = b""
    while not said.endswith(b"\r\n\r\n" + body):
        piece = connection.recv(65_536)
        assert piece, said
        said += piece
    return said


def test_nothing_is_said_before_its_turn_and_all_is_ready_then(listener, threads, session):
    line = Line(1)
    with line.place():
        answer = threads.submit(post, session, url(listener), line.place)
        connection = taken(listener)
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(WAIT)
    assert connection.recv(65_536).endswith(b"\r\n\r\nsynthetic"), "in one piece"
    connection.sendall(HEAD + b"{}")
    assert answer.result(WAIT).text == "{}"
    connection.close()


def test_the_first_byte_of_the_answer_ends_it(listener, threads, session):
    line, other = Line(1), requests.Session()
    take_turns(other)
    first = threads.submit(post, session, url(listener), line.place)
    one = taken(listener)
    heard(one)
    with closing(other):
        second = threads.submit(post, other, url(listener), line.place)
        two = taken(listener)
        one.sendall(HEAD[:1])
        heard(two)
        assert not first.done()
        two.sendall(HEAD + b"{}")
        assert second.result(WAIT).ok
        one.sendall(HEAD[1:] + b"{}")
        assert first.result(WAIT).text == "{}"
    one.close()
    two.close()


def test_a_connection_given_up_meanwhile_is_made_anew_and_the_request_said_once(
    monkeypatch, listener, threads, session
):
    monkeypatch.setattr(turn, "LOOK_SECONDS", 0.0)
    line = Line(1)
    first = threads.submit(post, session, url(listener))
    old = taken(listener)
    heard(old)
    old.sendall(HEAD + b"{}")
    assert first.result(WAIT).ok
    waiting = threading.Event()

    @contextmanager
    def asking():
        waiting.set()
        with line.place():
            yield lambda: None

    with line.place():
        answer = threads.submit(post, session, url(listener), asking)
        assert waiting.wait(WAIT)
        old.close()
    new = taken(listener)
    heard(new)
    new.sendall(HEAD + b"{}")
    assert answer.result(WAIT).ok
    new.settimeout(0.05)
    with pytest.raises(TimeoutError):
        new.recv(1)
    new.close()


@pytest.mark.parametrize("how", ["hangs up", "says nothing"])
def test_who_gets_no_answer_gives_its_turn_back(listener, threads, session, how):
    line = Line(1)

    def ask():
        with waited_for(line.place):
            return session.post(url(listener), data=b"synthetic", timeout=(WAIT, 0.1))

    asked = threads.submit(ask)
    connection = taken(listener)
    heard(connection)
    if how == "hangs up":
        connection.close()
    error = requests.ConnectionError if how == "hangs up" else requests.ReadTimeout
    with pytest.raises(error):
        asked.result(WAIT)
    with line.place() as free:
        assert free
    connection.close()


def test_who_need_not_ask_any_more_says_nothing_and_the_next_is_not_hurt(listener, threads, session):
    class LeftAlone(Exception):
        pass

    @contextmanager
    def nobody():
        raise LeftAlone
        yield

    left = threads.submit(post, session, url(listener), nobody)
    old = taken(listener)
    with pytest.raises(LeftAlone):
        left.result(WAIT)
    assert old.recv(1) == b""
    answer = threads.submit(post, session, url(listener), body=b"again")
    new = taken(listener)
    assert heard(new, b"again").count(b"POST") == 1
    new.sendall(HEAD + b"{}")
    assert answer.result(WAIT).ok
    old.close()
    new.close()


def test_what_a_server_says_before_it_hangs_up_on_us_is_read(listener, threads, session):
    large = bytes(30_000_000)
    answer = threads.submit(post, session, url(listener), body=large)
    connection = taken(listener)
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    connection.close()
    assert answer.result(WAIT).status_code == 413


def test_under_tls_a_ticket_is_no_answer_and_a_used_connection_has_none(tmp_path, listener, threads, session):
    authority = Authority(tmp_path)
    shown = authority.signed("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)
    session.verify = str(authority.file)
    over = threading.Event()

    @contextmanager
    def asking():
        yield lambda: None
        over.set()

    answer = threads.submit(post, session, url(listener, "https"), asking)
    with context.wrap_socket(taken(listener), server_side=True) as connection:
        connection.settimeout(WAIT)
        heard(connection)
        assert not over.wait(0.05)
        connection.sendall(HEAD + b"{}")
        assert answer.result(WAIT).ok
        over.clear()
        answer = threads.submit(post, session, url(listener, "https"), asking)
        heard(connection)
        assert not over.wait(0.05)
        connection.sendall(HEAD[:1])
        assert over.wait(WAIT)
        connection.sendall(HEAD[1:] + b"{}")
        assert answer.result(WAIT).ok


def test_a_proxy_is_asked_to_connect_before_it_is_our_turn(tmp_path, listener, threads, session):
    authority = Authority(tmp_path)
    shown = authority.signed("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)
    session.verify, session.proxies["https"] = str(authority.file), url(listener)
    line = Line(1)
    with line.place():
        answer = threads.submit(post, session, "https://127.0.0.1:443/", line.place)
        plain = taken(listener)
        assert heard(plain, b"").startswith(b"CONNECT 127.0.0.1:443 ")
        plain.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        sealed = context.wrap_socket(plain, server_side=True)
    with sealed as connection:
        assert heard(connection).startswith(b"POST / ")
        connection.sendall(HEAD + b"{}")
        assert answer.result(WAIT).ok
