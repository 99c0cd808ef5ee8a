"""The forms of the meeting pages: they check shape; ``meetings.actions`` checks rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from areas.models import Place
from issues.filters import DayField
from meetings.choices import Frequency
from meetings.managers import managed_places
from meetings.models import AgendaItem, Meeting, MeetingSeries
from people.choices import OrganisationKind
from people.models import Organisation, User
from projects.forms import DATE_INPUT, PersonField, PlaceField, responsible_persons


def lines(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class SeriesForm(forms.Form):
    """``user`` decides for which places a standing meeting can be set up."""

    place = PlaceField(label="地区", queryset=Place.objects.none())
    name = forms.CharField(label="名称", max_length=60)
    frequency = forms.ChoiceField(label="频次", choices=Frequency.choices)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        places = [place.pk for place in managed_places(user)]
        self.fields["place"].queryset = Place.objects.filter(  # type: ignore[attr-defined]
            pk__in=places
        ).select_related("town")


class ScheduleForm(forms.Form):
    """``user`` decides from which series a meeting can be planned."""

    series = forms.ModelChoiceField(label="联席会议", queryset=MeetingSeries.objects.none())
    title = forms.CharField(label="会议名称", max_length=80)
    planned_on = DayField(label="计划日期", widget=DATE_INPUT)
    location = forms.CharField(label="地点", max_length=80, required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["series"].queryset = MeetingSeries.objects.filter(  # type: ignore[attr-defined]
            place__in=[place.pk for place in managed_places(user)]
        ).select_related("place")


class ItemForm(forms.Form):
    title = forms.CharField(label="议题", max_length=100)
    reason = forms.CharField(label="列入理由", max_length=300, widget=lines(3))


class HoldForm(forms.Form):
    """``meeting`` decides which organisations can have taken part: those of its place and below."""

    held_on = DayField(label="召开日期", widget=DATE_INPUT)
    attendees = forms.ModelMultipleChoiceField(
        label="出席单位",
        queryset=Organisation.objects.none(),
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, meeting: Meeting, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["attendees"].queryset = members(meeting)  # type: ignore[attr-defined]


class CountersignForm(forms.Form):
    countersigned_on = DayField(label="会签日期", widget=DATE_INPUT)


class ResumeForm(forms.Form):
    text = forms.CharField(label="办理要求", max_length=500, widget=lines(3))


class ResolutionForm(forms.Form):
    agenda_item = forms.ModelChoiceField(
        label="对应议题",
        queryset=AgendaItem.objects.none(),
        required=False,
        help_text="没有列入议题的，可以不选。",
    )
    text = forms.CharField(label="议定事项", max_length=500, widget=lines(4))
    lead_unit = forms.ModelChoiceField(label="牵头单位", queryset=Organisation.objects.none())
    units = forms.ModelMultipleChoiceField(
        label="责任单位",
        queryset=Organisation.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="牵头单位以外的单位；选了即为跨部门事项。",
    )
    responsible_person = PersonField(label="负责人", queryset=User.objects.none(), required=False)
    due_date = DayField(label="完成时限", widget=DATE_INPUT)

    def __init__(self, *args: Any, meeting: Meeting, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        units = members(meeting)
        self.fields["agenda_item"].queryset = meeting.items.select_related(  # type: ignore[attr-defined]
            "issue", "project", "resolution"
        )
        self.fields["lead_unit"].queryset = units  # type: ignore[attr-defined]
        self.fields["units"].queryset = units  # type: ignore[attr-defined]
        self.fields["responsible_person"].queryset = responsible_persons()  # type: ignore[attr-defined]


class SolveForm(forms.Form):
    solved_on = DayField(label="销号日期", widget=DATE_INPUT)
    result = forms.CharField(label="落实情况", max_length=500, widget=lines(3))


def members(meeting: Meeting) -> Any:
    """The bodies that can sit at a meeting: the district's for its own; a town's sit with them.

    District departments also come to the meetings of a town or a community, so they are always
    offered; town offices and community bodies only where the meeting's place is theirs.
    """
    place = meeting.place
    below = Organisation.objects.assignable_in(place)
    departments = Organisation.objects.filter(
        kind__in=[OrganisationKind.DISTRICT_DEPARTMENT, OrganisationKind.PUBLIC_INSTITUTION],
        place_id=meeting.district_id,
        is_active=True,
    )
    rows = Organisation.objects.filter(
        pk__in=below.order_by().values("pk").union(departments.order_by().values("pk"))
    )
    if place.pk == meeting.district_id:
        rows = rows.exclude(kind=OrganisationKind.COMMUNITY)
    return rows.order_by("kind", "id")


def today_as_initial(name: str) -> dict[str, Any]:
    return {name: timezone.localdate()}
