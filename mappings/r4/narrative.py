"""The XHTML subset of a Narrative (R4, narrative): basic formatting of HTML 4.0, links and images, nothing active."""

from __future__ import annotations

from collections.abc import Iterable
from xml.parsers import expat

from mappings.r4.rule import Node

_XHTML = "http://www.w3.org/1999/xhtml"

_ELEMENTS = frozenset(
    """
    a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4
    h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var
    """.split()
)
_ATTRIBUTES = frozenset(
    """
    abbr accesskey align alt axis bgcolor border cellpadding cellspacing char charoff cite class colspan compact coords
    dir frame headers height href hreflang hspace id lang longdesc name noshade nowrap rel rev rowspan rules scope
    shape size span src start style summary tabindex title type usemap valign value vspace width
    """.split()
)
_LINKS = frozenset({"href", "src", "longdesc", "cite"})


def unsafe(node: Node) -> Iterable[str]:
    """txt-1: the div is not well-formed, or holds an element or attribute that R4 does not allow."""
    return () if "div" not in node or _read(node["div"]) is not None else ("div",)


def blank(node: Node) -> Iterable[str]:
    """txt-2: the div has neither text nor an image."""
    return ("div",) if "div" in node and _read(node["div"]) is False else ()


def _read(div: str) -> bool | None:
    """Whether the div says something; None when it is not in the subset."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.CharacterDataHandler = reader.text
    # A document type could declare entities that grow without end; a div has none.
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(div, True)
    except expat.ExpatError:
        return None
    return reader.says if reader.allowed else None


class _Reader:
    def __init__(self) -> None:
        self.allowed, self.says = True, False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        self.allowed = self.allowed and namespace == _XHTML and local in _ELEMENTS
        self.allowed = self.allowed and all(_is_plain(key, value) for key, value in attributes.items())
        self.says = self.says or local == "img"

    def text(self, data: str) -> None:
        self.says = self.says or not data.isspace()

    def refuse(self, *_: object) -> None:
        self.allowed = False


def _is_plain(attribute: str, value: str) -> bool:
    if attribute.startswith("http://www.w3.org/XML/1998/namespace "):
        return True
    target = "".join(value.split()).lower() if attribute in _LINKS else ""
    return attribute in _ATTRIBUTES and not target.startswith(("javascript:", "vbscript:"))
