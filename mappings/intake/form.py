"""Objects and lists of what a centre sends: unknown keys refused, `other` explained, missing said to be missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple, cast

from marshmallow import Schema, ValidationError, fields, post_load

from mappings.facts import Measured, Missing, Word
from mappings.intake.fields import Number, OneOf, Scalar, Strict, Text, expected, is_missing, refusal
from mappings.intake.words import COMPARATORS, OTHER, REASONS_MISSING
from mappings.r4.faults import Fault
from mappings.terminology.units import convertible


class Form(Schema):
    """Reads one object into the class `into` of facts, then asks `contradictions` about it."""

    into: ClassVar[Callable[..., Any]]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.error_messages |= {
            "unknown": f"unknown key; allowed here: {', '.join(self.fields)}",
            "type": f"expected an object with the keys {', '.join(self.fields)}",
        }

    def contradictions(self, made: Any) -> Iterable[Fault]:  # noqa: ARG002  most forms have nothing to contradict
        """Faults of the whole object; paths inside it."""
        return ()

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Any:
        made = self.into(**explained(data))
        wrong = self._against(made)
        if wrong:
            raise ValidationError(wrong)
        return made

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **kwargs: Any) -> None:  # noqa: ARG002  marshmallow's hook
        """Adds what the readable parts of an object already contradict, so that its sender hears of all at once."""
        messages, read = cast("tuple[dict[str, Any], dict[str, Any]]", (error.messages, error.valid_data))
        sound = {key: value for key, value in read.items() if key not in messages and key != "text"}
        if all(part.required <= ((part.attribute or name) in sound) for name, part in self.fields.items()):
            error.messages = self._against(self.into(**sound)) | messages

    def _against(self, made: Any) -> dict[str, Any]:
        wrong: dict[str, Any] = {}
        for fault in self.contradictions(made):
            wrong.setdefault(fault.path, []).append(fault)
        return wrong


class Section(Strict[Any], fields.Nested):
    """An object inside an object."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if is_missing(value) and "not_done" not in self.schema.fields:
            raise refusal("an item of a list is not missing as a whole: leave it out, or say so of the list")
        return self.finish(super()._deserialize(value, *args, **kwargs))

    def finish(self, made: Any) -> Any:
        """What the object means where it stands."""
        return made


class Items(Strict[Any], fields.List[Any]):
    """A list as a tuple. Two items that nothing tells apart are refused: the later would replace the earlier."""

    def __init__(self, inner: fields.Field[Any], known_by: Callable[[Any], object] | None = None, **kw: Any) -> None:
        super().__init__(inner, **kw)
        self.known_by = known_by

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, list):
            raise expected("a list", value)
        items = tuple(super()._deserialize(value, attr, data, **kwargs))
        if self.known_by:
            refuse_twins([self.known_by(item) for item in items])
        return items


def known_by(*kind: str) -> Callable[[Any], object]:
    """What tells an item of a list from its neighbours: the centre's `id`, else its kind and first date.

    Whatever is not told is alike in all items, whyever it is not.
    """

    def told(item: Any, name: str) -> object:
        value = getattr(item, name)
        return None if isinstance(value, Missing) else value

    return lambda item: ("id", item.id) if item.id else tuple(told(item, name) for name in kind)


def refuse_twins(names: Sequence[object]) -> None:
    """Refuses a list in which two items have one name."""
    first: dict[object, int] = {}
    places = ((later, first.setdefault(name, later)) for later, name in enumerate(names))
    if twins := {later: n for later, n in places if n < later}:
        told = "is the same as item {} of this list; give each its own id"
        raise ValidationError({later: [Fault("", told.format(n + 1), "duplicate")] for later, n in twins.items()})


class Said(Scalar[Any]):
    """A value, or an object that says why there is none."""

    def __init__(self, inner: fields.Field[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner

    def read(self, value: Any) -> Any:
        return (_NOT_DONE if is_missing(value) else self.inner).deserialize(value)


class _MissingForm(Form):
    into = Missing
    not_done = OneOf(REASONS_MISSING, required=True, attribute="reason")
    note = Text()


_NOT_DONE = Section(_MissingForm())


class _Nothing(NamedTuple):
    """An amount whose value is missing, with what was said of it nevertheless."""

    value: Missing
    comparator: str | None


def _amount(value: Decimal | Missing, unit: str, comparator: str | None = None) -> Measured | _Nothing:
    return _Nothing(value, comparator) if isinstance(value, Missing) else Measured(value, unit, comparator)


class _Quantity(Section):
    """A quantity whose value is missing is missing: a unit alone says nothing."""

    def finish(self, made: Measured | _Nothing) -> Measured | Missing:
        return made.value if isinstance(made, _Nothing) else made


def quantity(wanted: str) -> Said:
    """A Measured in any unit that converts safely to `wanted`, kept as it was written; or Missing."""

    class QuantityForm(Form):
        into = staticmethod(_amount)
        value = Said(Number(low=0), required=True)
        unit = OneOf(convertible(wanted), required=True)
        comparator = OneOf(COMPARATORS)

        class Meta:
            register = False

        def contradictions(self, made: Measured | _Nothing) -> Iterable[Fault]:
            if isinstance(made, _Nothing):
                return (
                    (Fault("comparator", "belongs to a value, and there is none", "invariant"),)
                    if made.comparator
                    else ()
                )
            if made.comparator == "<" and not made.value:
                return (Fault("value", "nothing is below 0: after < comes the limit of detection", "invariant"),)
            return ()

    return Said(_Quantity(QuantityForm()))


def explained(data: dict[str, Any]) -> dict[str, Any]:
    """Joins the `text` of an object to each of its words that is `other`."""
    text = data.pop("text", None)
    for value in data.values():
        if _has_other(value):
            if text is None:
                raise ValidationError(
                    {"text": [Fault("", "missing: the word other needs a text beside it", "required")]}
                )
            return {key: _with_text(value, text) for key, value in data.items()}
    if text is not None:
        raise _against_text("explains the word other, which is not here", "structure")
    return data


def _against_text(message: str, code: str) -> ValidationError:
    return ValidationError({"text": [Fault("", message, code)]})


def _has_other(value: Any) -> bool:
    if value.__class__ is Word:
        return value.key == OTHER and value.text is None
    return value.__class__ is tuple and any(_has_other(one) for one in value)


def _with_text(value: Any, text: str) -> Any:
    if isinstance(value, tuple):
        return tuple(_with_text(item, text) for item in value)
    return replace(value, text=text) if _has_other(value) else value
