"""What only people can judge is asked once for each thing that a hospital says, and does not get lost."""

from __future__ import annotations

import pytest

from adapter.errors import NotFound

DIED = {"deceased": {"date": "2026-05-02"}}
ABOUT = ("chu-a", "course-1", "Patient/p")


def kinds(tx, *courses):
    return [(one.kind, one.content) for one in tx.questions.open_of(list(courses) or None)]


def test_the_same_word_twice_is_one_question_and_another_word_is_another(store, noon):
    with store.transaction() as tx:
        tx.questions.settle(*ABOUT, DIED, noon)
        tx.questions.settle(*ABOUT, DIED, noon)
        assert kinds(tx) == [("deceased", {"date": "2026-05-02"})]
        tx.questions.settle(*ABOUT, {"deceased": {"date": "2026-05-03"}}, noon)
        assert kinds(tx) == [("deceased", {"date": "2026-05-03"})]
        assert kinds(tx, "course-1") == kinds(tx)
        assert kinds(tx, "course-2") == []


def test_what_the_hospital_says_no_more_lapses(store, noon):
    with store.transaction() as tx:
        tx.questions.settle(*ABOUT, DIED, noon)
        tx.questions.settle(*ABOUT, {}, noon)
        assert kinds(tx) == []
        tx.questions.settle(*ABOUT, DIED, noon)
        assert len(kinds(tx)) == 1, "it says so again"


def test_an_answer_holds_until_the_hospital_says_something_else(store, noon):
    with store.transaction() as tx:
        tx.questions.settle(*ABOUT, DIED, noon)
        (one,) = tx.questions.open_of()
        assert tx.questions.answer(one.id, who="dr a", answer="told by the m3 visit", at=noon) == one
        tx.questions.settle(*ABOUT, DIED, noon)
        assert kinds(tx) == []
        with pytest.raises(NotFound):
            tx.questions.answer(one.id, who="dr b", answer="no", at=noon)
        with pytest.raises(NotFound):
            tx.questions.answer(999, who="dr b", answer="no", at=noon)
