"""Selects drawn without templates, and choices that are rows kept in memory."""

from __future__ import annotations

from typing import Any

import django_filters
import pytest
from django import forms
from django.test import RequestFactory
from lxml import html

from areas.models import Place
from core import selects
from core.selects import RowField, RowFilter
from core.templatetags.kit import field
from tests.cast import Cast

GROUPS = [
    ("", "不限"),
    ("农贸 <市场>", [("1", '一 & "二"'), (2, "三")]),
    (None, "没有"),
    (True, "是"),
]


class Plain(forms.Form):
    one = forms.ChoiceField(choices=GROUPS, required=False)
    must = forms.ChoiceField(choices=GROUPS, help_text="选一个")
    off = forms.TypedChoiceField(choices=GROUPS, disabled=True, required=False)
    wide = forms.ChoiceField(
        choices=GROUPS, widget=forms.Select(attrs={"data-wide": True, "class": "mine"})
    )


@pytest.mark.parametrize("name", Plain.base_fields)
@pytest.mark.parametrize(
    "given", [None, {}, {"one": "1", "must": "2", "off": "True", "wide": "None"}]
)
def test_a_select_is_drawn_as_django_draws_it(name: str, given: Any) -> None:
    bound = Plain(given)[name]
    assert selects.is_plain(bound.field.widget)
    drawn = selects.draw(bound, "form-select")
    assert parts(drawn) == parts(bound.as_widget(attrs={"class": "form-select"}))


def test_what_is_no_plain_select_is_left_to_django() -> None:
    assert not selects.is_plain(forms.SelectMultiple())
    assert not selects.is_plain(forms.RadioSelect())
    assert not selects.is_plain(forms.NullBooleanSelect())


def parts(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Elements with their attributes and words, in order."""
    return [
        (element.tag, dict(element.attrib), (element.text or "").strip())
        for element in html.fragment_fromstring(str(text)).iter()
    ]


class PlaceFilters(django_filters.FilterSet):
    place = RowFilter(
        field_name="parent", rows=lambda: Place.objects.in_bulk(), label="上级", empty_label="不限"
    )

    class Meta:
        model = Place
        fields: list[str] = []


def filtered(given: str) -> PlaceFilters:
    return PlaceFilters({"place": given}, Place.objects.all(), request=RequestFactory().get("/"))


def test_a_filter_by_a_kept_row_finds_its_rows_and_keeps_the_choice(cast: Cast) -> None:
    filters = filtered(str(cast.changqiao.pk))
    assert set(filters.qs) == {cast.longxi, cast.xinjia}
    drawn = str(field(filters.form["place"], "sm")["control"])
    assert f'<option value="{cast.changqiao.pk}" selected>长桥街道</option>' in drawn
    assert drawn.count(" selected") == 1


@pytest.mark.parametrize("wrong", ["999999999", "x", "1.0", "9" * 5000, "-1", "１"])
def test_what_is_no_row_is_refused_in_chinese(cast: Cast, wrong: str) -> None:
    assert filtered(wrong).form.errors == {
        "place": [RowField.default_error_messages["invalid_choice"]]
    }


def test_nothing_chosen_leaves_all_rows(cast: Cast) -> None:
    assert filtered("").qs.count() == Place.objects.count()
