"""The forms of the project pages: they check shape; ``projects.actions`` checks rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from areas.choices import PlaceLevel
from areas.models import ComplexArea, Place
from core.privacy import scrub
from issues.filters import DayField
from issues.models import Issue
from people.choices import ADMINISTRATORS, OrganisationKind, Role
from people.models import Organisation, Posting, User
from projects.choices import FIVE_ELEMENTS
from projects.models import Project, ProjectAspect
from projects.querysets import DRAFTERS

DEPARTMENTS = (OrganisationKind.DISTRICT_DEPARTMENT, OrganisationKind.PUBLIC_INSTITUTION)
DATE_INPUT = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class AspectField(forms.ModelChoiceField):
    def label_from_instance(self, obj: ProjectAspect) -> str:
        return f"{obj.get_category_display()} — {obj.name}"


class PlaceField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Place) -> str:
        return f"{obj.town} · {obj.name}" if obj.town else obj.name


class PersonField(forms.ModelChoiceField):
    """A person with the first of the postings held today, so that two of one name differ."""

    def label_from_instance(self, obj: User) -> str:
        postings: list[Posting] = obj.postings_today  # type: ignore[attr-defined]
        return f"{obj.full_name}（{postings[0]}）" if postings else obj.full_name


def responsible_persons() -> QuerySet[User]:
    """Those who can answer for a project or a resolution: everybody at work except grid workers."""
    today = Posting.objects.in_force(timezone.localdate()).exclude(
        role__in=[*ADMINISTRATORS, Role.GRID_WORKER]
    )
    return (
        User.objects.filter(is_active=True, pk__in=today.values("user_id"))
        .prefetch_related(
            Prefetch("postings", today.select_related("place", "organisation"), "postings_today")
        )
        .order_by("full_name", "pk")
    )


class ProjectForm(forms.Form):
    """A draft. ``user`` decides which places can be chosen."""

    name = forms.CharField(label="项目名称", max_length=80)
    aspect = AspectField(label="类别与方面", queryset=ProjectAspect.objects.filter(is_active=True))
    year = forms.IntegerField(label="年度", min_value=2000, max_value=2100)
    place = PlaceField(label="实施地点", queryset=Place.objects.none())
    area = forms.ModelChoiceField(
        label="复杂区域", queryset=ComplexArea.objects.all(), required=False
    )
    content = forms.CharField(
        label="项目内容",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    lead_department = forms.ModelChoiceField(
        label="牵头部门",
        queryset=Organisation.objects.filter(is_active=True).exclude(
            kind=OrganisationKind.EXTERNAL
        ),
        required=False,
    )
    responsible_unit = forms.ModelChoiceField(
        label="责任单位", queryset=Organisation.objects.filter(is_active=True), required=False
    )
    project_owner = PersonField(label="项目负责人", queryset=User.objects.none(), required=False)
    due_date = DayField(label="完成时限", required=False, widget=DATE_INPUT)
    target = forms.CharField(
        label="量化目标",
        max_length=200,
        required=False,
        help_text="例如：新增停车泊位 300 个。",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["place"].queryset = draft_places(user)  # type: ignore[attr-defined]
        self.fields["project_owner"].queryset = responsible_persons()  # type: ignore[attr-defined]
        self.fields["area"].queryset = ComplexArea.objects.visible_to(user)  # type: ignore[attr-defined]

    @classmethod
    def initial_of(cls, project: Project) -> dict[str, Any]:
        return {name: getattr(project, name) for name in cls.base_fields}


def draft_places(user: User) -> QuerySet[Place]:
    """The district, towns and communities at which the person prepares projects."""
    territory = Q(pk__in=[])
    for posting in user.current_postings:
        if posting.role in DRAFTERS and posting.place:
            place = posting.place
            territory |= Q(pk=place.pk) | Q(**{place.lineage_column: place.pk})
    return (
        Place.objects.filter(territory, valid_to__isnull=True)
        .exclude(level=PlaceLevel.GRID)
        .select_related("town")
        .order_by("code")
    )


class ConversionForm(ProjectForm):
    """A case becomes a project: all five elements, and what the leader decided.

    ``issue`` decides which places can be chosen: its community, its town, the district.
    """

    text = forms.CharField(
        label="转为项目的意见",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="记入问题的办理过程。",
    )

    def __init__(self, *args: Any, user: User, issue: Issue, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        self.fields["place"].queryset = (  # type: ignore[attr-defined]
            Place.objects.filter(pk__in=[issue.district_id, issue.town_id, issue.community_id])
            .select_related("town")
            .order_by("-code")
        )
        for name in FIVE_ELEMENTS:
            self.fields[name].required = True

    @classmethod
    def known_of(cls, issue: Issue, unit: Organisation | None = None) -> dict[str, Any]:
        """What a case already says of the project that it becomes; its words without numbers of
        telephones and papers. ``unit`` is the one that shall carry it out, if not the lead unit."""
        unit = unit or issue.lead_unit
        is_department = unit is not None and unit.kind in DEPARTMENTS
        return {
            "name": scrub(issue.title),
            "year": timezone.localdate().year,
            "place": issue.community or issue.town or issue.district,
            "area": issue.area,
            "content": scrub(issue.description),
            "lead_department": unit if is_department else None,
            "responsible_unit": unit,
        }


class ProgressForm(forms.Form):
    percent = forms.IntegerField(label="完成率（%）", min_value=0, max_value=100)
    text = forms.CharField(
        label="进展情况", max_length=1000, widget=forms.Textarea(attrs={"rows": 4})
    )


class CompletionForm(forms.Form):
    completed_on = DayField(label="完成日期", widget=DATE_INPUT)
    text = forms.CharField(
        label="验收意见", max_length=1000, widget=forms.Textarea(attrs={"rows": 4})
    )
