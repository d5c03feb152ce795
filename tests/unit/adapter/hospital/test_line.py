"""Who waits before places that become more and fewer, and in which order they are called."""

from __future__ import annotations

import threading
import time

import pytest

from adapter.hospital.line import Line


class Queue:
    """Threads that come one after the other, each of which stays until it is told to go."""

    def __init__(self, line, unless=lambda: False):
        self.line, self.unless, self.came = line, unless, []
        self.threads, self.goes, self.changed = [], [], threading.Condition()

    def comes(self):
        number, go = len(self.threads), threading.Event()
        thread = threading.Thread(target=self._stay, args=(number, go))
        self.threads.append(thread)
        self.goes.append(go)
        waiting = len(self.line._waiting)
        thread.start()
        self.sees(lambda: len(self.came) > number or number in self.came or len(self.line._waiting) > waiting)

    def _stay(self, number, go):
        with self.line.place(self.unless) as mine:
            with self.changed:
                self.came.append(number if mine else ~number)
                self.changed.notify_all()
            go.wait(30)

    def sees(self, condition):
        until = time.monotonic() + 10  # before anybody goes home by himself
        with self.changed:
            while not condition():
                assert time.monotonic() < until, "nobody came"
                self.changed.wait(0.01)
        return self.came

    def goes_home(self, number):
        self.goes[number].set()
        self.threads[number].join(30)

    def end(self):
        for number in range(len(self.threads)):
            self.goes[number].set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def queue():
    made = []

    def of(*about):
        made.append(Queue(*about))
        return made[-1]

    yield of
    for one in made:
        one.end()


def test_who_has_waited_longest_is_next(queue):
    there = queue(Line(1))
    for _ in range(4):
        there.comes()
    assert there.came == [0]
    for number in range(3):
        there.goes_home(number)
        assert there.sees(lambda number=number: len(there.came) == number + 2) == list(range(number + 2))


def test_nobody_who_comes_just_now_takes_the_place_of_one_who_was_called():
    line, order = Line(1), []

    def second():
        with line.place():
            order.append("second")

    thread, waiting = threading.Thread(target=second), threading.Event()
    with line.place():
        thread.start()
        while not line._waiting:
            waiting.wait(0.001)
    with line.place():
        order.append("first again")
    thread.join(30)
    assert order == ["second", "first again"]


def test_more_places_call_more_and_fewer_put_nobody_out(queue):
    line = Line(1)
    there = queue(line)
    for _ in range(5):
        there.comes()
    line.hold(3)
    # two are called at once: which of them says so first is the scheduler's
    assert sorted(there.sees(lambda: len(there.came) == 3)) == [0, 1, 2]
    line.hold(1)
    there.goes_home(0)
    there.goes_home(1)
    assert len(there.came) == 3, "the third is still in"
    there.goes_home(2)
    assert there.sees(lambda: len(there.came) == 4)[3] == 3


def test_all_are_sent_home_where_no_place_is_needed_any_more_and_nobody_waits_for_one(queue):
    over = []
    line = Line(1)
    there = queue(line, lambda: bool(over))
    for _ in range(3):
        there.comes()
    over.append(True)
    line.dismiss()
    assert sorted(there.sees(lambda: len(there.came) == 3)[1:]) == [~2, ~1]
    there.comes()
    assert there.came[-1] == ~3
    over.clear()
    for number in range(4):
        there.goes_home(number)
    there.comes()
    assert there.came[-1] == 4, "as many places as before"
