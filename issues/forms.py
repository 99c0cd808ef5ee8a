"""The inputs of ``issues.inputs`` as forms on a page, and what a browser sends of them.

The serializers say what there is to fill in; this module says only how it is drawn and read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework import serializers

from core import attachments
from core.choices import AttachmentKind
from core.errors import Refused
from core.models import Attachment
from issues.input_fields import MAX_PHOTOS, Input, PhotosField, UnitField
from people.choices import OrganisationKind
from people.models import Organisation

ROWS = 4  # empty rows offered where several may be filled in
FEW = 6  # so many choices are shown at once, more are folded into a list

Groups = Sequence[tuple[str, Sequence[tuple[Any, Any]]]]
"""Choices under headings; an empty heading stands for none."""


@dataclass(frozen=True)
class Option:
    """``label`` is words; of a case to choose, the ``duplicates.Candidate`` that its card shows."""

    value: str
    label: Any
    chosen: bool


@dataclass(frozen=True)
class OptionGroup:
    label: str
    options: list[Option]


@dataclass(frozen=True)
class PageField:
    """One field as its template ``issues/inputs/<kind>.html`` needs it."""

    kind: str
    name: str
    label: str
    help_text: str
    required: bool
    value: Any
    errors: list[str]
    groups: list[OptionGroup] = field(default_factory=list)
    limits: Mapping[str, Any] = field(default_factory=dict)
    rows: list[PageRow] = field(default_factory=list)

    @property
    def template(self) -> str:
        return f"issues/inputs/{self.kind}.html"

    @property
    def id(self) -> str:
        return "id_" + re.sub(r"\W", "_", self.name)

    @property
    def describedby(self) -> str:
        """The ids of the hint and the errors, for assistive technology."""
        parts = []
        if self.help_text:
            parts.append(f"{self.id}_hint")
        if self.errors:
            parts.append(f"{self.id}_error")
        return " ".join(parts)


@dataclass(frozen=True)
class PageRow:
    fields: list[PageField]
    is_open: bool


class InputForm:
    """An input on a page: what was entered so far, and what is wrong with it.

    ``choices`` gives the options of fields whose options depend on the person; ``initial`` what an
    untouched form shows; ``without`` names fields that a page does not ask for.
    """

    def __init__(
        self,
        given: Input,
        *,
        errors: Mapping[str, Any] | None = None,
        choices: Mapping[str, Groups] | None = None,
        initial: Mapping[str, Any] | None = None,
        without: Iterable[str] = (),
    ) -> None:
        self.given = given
        self.errors = errors or {}
        self.choices = choices or {}
        values = given.get_initial() if hasattr(given, "initial_data") else dict(initial or {})
        self.fields = [
            self._field(name, child, values.get(name, _initial(child)), self.errors.get(name))
            for name, child in given.fields.items()
            if name not in set(without)
        ]

    @property
    def general_errors(self) -> list[str]:
        return flat(self.errors.get("non_field_errors"))

    @property
    def is_multipart(self) -> bool:
        return any(one.kind == "photos" for one in self.fields)

    def _field(self, name: str, child: Any, value: Any, errors: Any) -> PageField:
        kind = "text"
        groups: list[OptionGroup] = []
        rows: list[PageRow] = []
        limits: dict[str, Any] = {}
        match child:
            case serializers.ListSerializer():
                kind, rows = "rows", self._rows(name, child.child, value or [], errors)
                errors = [] if _by_row(errors) else errors
            case PhotosField():
                kind, limits = "photos", {"max": MAX_PHOTOS}
            case serializers.ListField():
                kind, groups = "units", _options(self._units(), value)
            case UnitField():
                kind, groups = "select", _options(self._units(), value)
            case serializers.PrimaryKeyRelatedField():
                kind = "cases" if name == "master" else "select"
                groups = _options(self.choices[name], value)
            case serializers.DateField():
                kind = "date"
            case serializers.BooleanField(allow_null=True):
                kind = "radio"
                groups = _options([("", [("true", "是"), ("false", "否")])], value)
            case serializers.BooleanField():
                kind = "checkbox"
            case serializers.ChoiceField():
                kind = "radio" if len(child.choices) <= FEW else "select"
                groups = _options([("", list(child.choices.items()))], value)
            case serializers.IntegerField(min_value=int(low), max_value=int(high)):
                limits = {"min": low, "max": high}
                kind = "radio" if high - low < FEW else "number"
                scale = [(number, str(number)) for number in range(low, high + 1)]
                groups = _options([("", scale)], value) if kind == "radio" else []
            case serializers.UUIDField():
                kind = "hidden"
            case serializers.CharField():
                multiline = child.style.get("base_template") == "textarea.html"
                kind = "textarea" if multiline else "text"
                limits = {"maxlength": child.max_length}
        return PageField(
            kind=kind,
            name=name,
            label=str(child.label or ""),
            help_text=str(child.help_text or ""),
            required=child.required and "[" not in name,  # an optional row may stay empty
            value="" if value is None else value,
            errors=flat(errors),
            groups=groups,
            limits=limits,
            rows=rows,
        )

    def _units(self) -> Groups:
        return by_kind(self.given.choosable_units.values())

    def _rows(self, name: str, child: Any, values: Any, errors: Any) -> list[PageRow]:
        """The rows filled in so far, which stand open, and empty ones after them."""
        filled = list(values)
        wrong = errors if _by_row(errors) else {}
        rows = []
        for index in range(max(ROWS, len(filled))):
            fields = [
                self._field(
                    f"{name}[{index}]{key}",
                    inner,
                    filled[index].get(key) if index < len(filled) else _initial(inner),
                    wrong.get(index, {}).get(key),
                )
                for key, inner in child.fields.items()
            ]
            rows.append(PageRow(fields, is_open=index < len(filled)))
        return rows


def _initial(child: Any) -> Any:
    """What an untouched field shows: its default, if it has one."""
    return child.initial if child.default is serializers.empty else child.default


def _by_row(errors: Any) -> bool:
    """Whether a list's errors say which of its rows is at fault: {row: {field: messages}}."""
    return isinstance(errors, Mapping) and all(isinstance(row, int) for row in errors)


def flat(errors: Any) -> list[str]:
    """All messages of a field's errors, however deep they lie."""
    if not errors:
        return []
    if isinstance(errors, Mapping):
        errors = list(errors.values())
    if isinstance(errors, (list, tuple)):
        return list(dict.fromkeys(text for part in errors for text in flat(part)))
    return [str(errors)]


def _options(groups: Groups, value: Any) -> list[OptionGroup]:
    values = value if isinstance(value, (list, tuple)) else [value]
    chosen = {str(one) for one in values}
    return [
        OptionGroup(label, [Option(str(key), text, str(key) in chosen) for key, text in options])
        for label, options in groups
        if options
    ]


def by_kind(units: Iterable[Organisation]) -> Groups:
    groups: dict[str, list[tuple[int, str]]] = {kind: [] for kind in OrganisationKind}
    for unit in units:
        groups[unit.kind].append((unit.pk, unit.name))
    return [(OrganisationKind(kind).label, options) for kind, options in groups.items()]


# --- what a browser sends ---


def entered(post: QueryDict) -> QueryDict:
    """The fields that were filled in. A browser also sends the empty ones, and empty rows."""
    kept = QueryDict(mutable=True)
    for name, values in post.lists():
        if filled := [value for value in values if value.strip()]:
            kept.setlist(name, filled)
    rows: dict[str, set[str]] = {}
    for name in kept:
        if found := re.fullmatch(r"(\w+\[\d+\])(\w+)", name):
            rows.setdefault(found[1], set()).add(found[2])
    for row, names in rows.items():
        if names == {"reply_required"}:  # ticked in an untouched row too
            del kept[f"{row}reply_required"]
    return kept


def read(given: Input, files: Sequence[UploadedFile]) -> dict[str, Any]:
    """The validated input, with the uploaded photos taken in. Call it in the step's transaction.

    Raises Refused with the messages of every field.
    """
    if files and "photos" in given.fields:
        taken = _accept(files, by=given.context["user"])
        given.initial_data.setlist("photos", [str(photo.pk) for photo in taken])
    if not given.is_valid():
        raise Refused("请检查填写的内容。", code="invalid", fields=given.errors)
    return given.validated_data


def _accept(files: Sequence[UploadedFile], *, by: Any) -> list[Attachment]:
    if len(files) > MAX_PHOTOS:
        _refuse_photos(f"一次最多上传 {MAX_PHOTOS} 张照片。")
    taken = []
    for file in files:
        try:
            taken.append(attachments.accept(file, by=by, only=AttachmentKind.PHOTO))
        except Refused as error:
            raise type(error)(error.message, error.code, {"photos": [error.message]}) from error
    return taken


def _refuse_photos(message: str) -> None:
    raise Refused(message, code="invalid", fields={"photos": [message]})
