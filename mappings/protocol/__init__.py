"""The trial as data: `load("set-haplo-pdli")` gives the model, `wording` the trial's own text; `parse` reads others.

A deployment may have protocols of its own. It says so once, at its start (`know`), and from then on they are loaded by
their keys like those that ship (docs/adr/0027).
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from mappings.protocol.model import Protocol
from mappings.protocol.packed import unpack
from mappings.r4.faults import Fault, FaultyInput

__all__ = ["Protocol", "definition", "know", "load", "names", "parse", "shipped", "wording"]

_OWN: dict[str, Protocol] = {}


@cache
def shipped() -> tuple[str, ...]:
    """Protocols that ship with Engraft."""
    return tuple(sorted(f.name[:-5] for f in files(__package__).iterdir() if f.name.endswith(".yaml")))


def know(own: Iterable[Protocol]) -> None:
    """From now on these, and no others, are known beside those that ship. For the start of a process."""
    found = {protocol.key: protocol for protocol in own}
    _OWN.clear()
    _OWN.update(found)


def names() -> tuple[str, ...]:
    """Every protocol that is known here."""
    return (*shipped(), *sorted(_OWN))


def load(name: str) -> Protocol:
    """The protocol `name`. Raises FaultyInput (not-found) for one that is not known."""
    own = _OWN.get(name)
    return _shipped(name) if own is None else own


@cache
def _shipped(name: str) -> Protocol:
    text, packed = definition(name), files(__package__).joinpath(f"{name}.json")
    found = unpack(packed.read_bytes(), text) if packed.is_file() else None
    return found or parse(text, f"{name}.yaml")


def parse(text: str, file: str = "") -> Protocol:
    """The protocol that a YAML text defines. `file` is what faults call the text.

    Raises FaultyInput with the path and line of every fault: not YAML, unknown key, wrong type, or a name that nothing
    bears. What such a reading cannot see is for `check`.
    """
    # here, because what ships is packed
    from mappings.protocol.bearers import dangling
    from mappings.protocol.document import read
    from mappings.protocol.schema import shape

    document = read(text, file)
    protocol = shape(document)
    lost = list(dangling(protocol, document))
    if lost:
        raise FaultyInput(lost)
    return protocol


def definition(name: str) -> str:
    """YAML text of the shipped protocol `name`."""
    if name not in shipped():
        known = ", ".join(names())
        raise FaultyInput([Fault("protocol", f"no protocol is called {name}; known: {known}", "not-found")])
    return files(__package__).joinpath(f"{name}.yaml").read_text("utf-8")


def wording(name: str) -> str:
    """The trial's own text, from which every `source` is quoted."""
    return files(__package__).joinpath(f"{name}.txt").read_text("utf-8")
