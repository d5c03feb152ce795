"""A narrative shows text to people and does nothing else."""

from __future__ import annotations

import pytest

from mappings.r4.narrative import unsafe
from mappings.r4.validate import validate

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">%s</div>'


def keys(div):
    found = validate({"resourceType": "Patient", "text": {"status": "generated", "div": div}})
    assert {fault.path for fault in found} <= {"Patient.text.div"}
    return {fault.message.rpartition("(")[2].rstrip(")") for fault in found}


@pytest.mark.parametrize(
    "inside",
    [
        "plain",
        "<p>a <b>b</b><br/></p>",
        '<table border="1"><tr><td colspan="2">1</td></tr></table>',
        '<a href="https://h.example/x">x</a>',
        '<img src="#pic" alt="curve"/>',
        '<p xml:lang="fr" style="color: red">é &#160; &lt;</p>',
    ],
)
def test_formatting_links_and_images_pass(inside):
    assert keys(DIV % inside) == set()


@pytest.mark.parametrize(
    "div",
    [
        DIV % "<script>x</script>",
        DIV % '<p onclick="x()">a</p>',
        DIV % '<a href=" java\nscript:x()">a</a>',
        DIV % "<form>a</form>",
        DIV % '<iframe src="x">a</iframe>',
        DIV % "<ins>a</ins>",
        DIV % "&nbsp;",
        DIV % "<p>",
        DIV % '<svg xmlns="http://www.w3.org/2000/svg">a</svg>',
        "<div>a</div>",
        (DIV % "a") + (DIV % "b"),
    ],
)
def test_anything_active_foreign_or_malformed_is_refused(div):
    assert "txt-1" in keys(div)


@pytest.mark.parametrize("inside", ["", "  \n", "<p> </p>"])
def test_a_narrative_says_something(inside):
    assert keys(DIV % inside) == {"txt-2"}


def test_entities_are_never_expanded():
    bomb = '<!DOCTYPE div [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><div>&b;</div>'
    assert validate({"resourceType": "Patient", "text": {"status": "generated", "div": bomb}})
    assert list(unsafe({"div": '<!DOCTYPE div [<!ENTITY a "b">]>' + DIV % "&a;"})) == ["div"]


def test_a_narrative_without_a_div_is_the_schema_s_to_tell():
    found = validate({"resourceType": "Patient", "text": {"status": "generated", "_div": {"id": "x"}}})
    assert [fault.code for fault in found] == []
