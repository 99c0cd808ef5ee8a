"""Places, the complex areas that lie in them, and what their people ask for."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from areas import search
from areas.choices import AreaType, DemandCategory, Phase, PlaceLevel, ProblemKind
from areas.querysets import AreaQuerySet, PlaceQuerySet
from core.models import marks_its_edition
from core.search import SearchEntry as Entry


class Place(models.Model):
    """A territory of the district › town › community › grid tree.

    ``code`` is the statistical division code (6, 9, 12 or 15 digits). Codes are reissued, so the
    code is an attribute with a validity, never a key. ``district``, ``town`` and ``community``
    repeat the ancestors, so that a subtree is one indexed comparison.
    """

    level = models.CharField("层级", max_length=10, choices=PlaceLevel)
    name = models.CharField("名称", max_length=50)
    code = models.CharField("区划代码", max_length=15)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="上级"
    )
    district = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    town = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    community = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    valid_from = models.DateField("代码生效日", null=True, blank=True)
    valid_to = models.DateField("代码失效日", null=True, blank=True)
    synthetic = models.BooleanField("虚构代码", default=False)

    objects = PlaceQuerySet.as_manager()

    class Meta:
        verbose_name = "地区"
        verbose_name_plural = "地区"
        ordering = ["code"]
        triggers = [marks_its_edition(), *search.OF_PLACE]
        constraints = [
            models.UniqueConstraint(
                fields=["code"],
                condition=Q(valid_to__isnull=True),
                name="place_code_in_force_once",
                violation_error_message="这个区划代码已在使用。",
            ),
            models.CheckConstraint(
                condition=(
                    Q(level=PlaceLevel.DISTRICT, parent__isnull=True, district__isnull=True)
                    | Q(level=PlaceLevel.TOWN, district__isnull=False, town__isnull=True)
                    | Q(level=PlaceLevel.COMMUNITY, town__isnull=False, community__isnull=True)
                    | Q(level=PlaceLevel.GRID, community__isnull=False)
                ),
                name="place_has_the_ancestors_of_its_level",
            ),
            models.CheckConstraint(
                condition=Q(code__regex=r"^(\d{6}|\d{9}|\d{12}|\d{15})$"),
                name="place_code_is_a_division_code",
                violation_error_message="区划代码应为 6、9、12 或 15 位数字。",
            ),
        ]
        indexes = [
            # The pickers of grids and communities: children of one place by code.
            models.Index(fields=["parent", "code"], name="place_children"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def lineage_column(self) -> str:
        """The column in which rows below this place carry its id."""
        return f"{self.level}_id"

    def lineage(self) -> dict[str, int | None]:
        """The ids ``district_id, town_id, community_id, grid_id`` of a row at this place."""
        ids: dict[str, Any] = {
            "district_id": self.district_id,
            "town_id": self.town_id,
            "community_id": self.community_id,
            "grid_id": None,
        }
        ids[self.lineage_column] = self.pk
        return ids


class Located(models.Model):
    """A row that lies at a place and repeats its ancestors, so that a territory is one comparison.

    The action that sets the place sets all five. The columns have no index of their own: each
    list declares the one that it reads, ending in its sort key.
    """

    place = models.ForeignKey(
        Place, models.PROTECT, related_name="+", db_index=False, verbose_name="地点"
    )
    district = models.ForeignKey(Place, models.PROTECT, related_name="+", db_index=False)
    town = models.ForeignKey(Place, models.PROTECT, null=True, related_name="+", db_index=False)
    community = models.ForeignKey(
        Place, models.PROTECT, null=True, related_name="+", db_index=False
    )
    grid = models.ForeignKey(Place, models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        abstract = True

    def lineage(self) -> dict[str, int | None]:
        """The ids that tell in whose territory this lies."""
        return {
            "district_id": self.district_id,
            "town_id": self.town_id,
            "community_id": self.community_id,
            "grid_id": self.grid_id,
        }


class ComplexArea(models.Model):
    """A registered place of one of the four types. It may span communities of different towns."""

    code = models.CharField("编号", max_length=20, unique=True)
    name = models.CharField("名称", max_length=60)
    type = models.CharField("类型", max_length=20, choices=AreaType)
    phase = models.CharField("治理阶段", max_length=12, choices=Phase, default=Phase.SURVEYED)
    is_pilot = models.BooleanField("试点", default=False)
    is_named_pilot = models.BooleanField("首批试点", default=False)
    communities = models.ManyToManyField(Place, related_name="areas", verbose_name="所在村（社区）")
    lead_community = models.ForeignKey(
        Place, models.PROTECT, related_name="+", verbose_name="主责村（社区）"
    )
    summary = models.TextField("概况", blank=True)
    households = models.PositiveIntegerField("户数", default=0)
    registered_residents = models.PositiveIntegerField("户籍人口", default=0)
    migrant_residents = models.PositiveIntegerField("流动人口", default=0)
    registered_on = models.DateField("登记日期")
    retired_on = models.DateField("退出日期", null=True, blank=True)

    objects = AreaQuerySet.as_manager()

    class Meta:
        verbose_name = "复杂区域"
        verbose_name_plural = "复杂区域"
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(retired_on__isnull=True) | Q(retired_on__gte=F("registered_on")),
                name="area_retires_after_registration",
                violation_error_message="退出日期不能早于登记日期。",
            ),
        ]
        indexes = [
            # The area list sorted by name.
            models.Index(fields=["name", "id"], name="area_by_name"),
            # The area list filtered by type, in its usual order.
            models.Index(fields=["type", "code", "id"], name="area_by_type"),
        ]
        triggers = [*search.OF_AREA]

    def __str__(self) -> str:
        return self.name


class AreaCommunity(ComplexArea.communities.through):  # type: ignore[name-defined]
    """An area's community, as the search knows it: by its name."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = [*search.OF_COMMUNITIES]


class SearchEntry(Entry):
    area = models.OneToOneField(
        ComplexArea, models.CASCADE, primary_key=True, related_name="search_entry"
    )

    class Meta(Entry.Meta):
        verbose_name = "检索条目"
        verbose_name_plural = "检索条目"

    def __str__(self) -> str:
        return str(self.area_id)


class Counterpart(models.Model):
    """A body on the other side of the boundary of an adjoining area. It has no account here."""

    area = models.ForeignKey(ComplexArea, models.CASCADE, related_name="counterparts")
    name = models.CharField("单位", max_length=60)
    jurisdiction = models.CharField("所属辖区", max_length=60)

    class Meta:
        verbose_name = "毗邻方"
        verbose_name_plural = "毗邻方"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["area", "name"], name="counterpart_once_per_area"),
        ]

    def __str__(self) -> str:
        return self.name


class ResponsibilityLink(models.Model):
    """One named person of an area's responsibility chain, from the district down to the grid."""

    area = models.ForeignKey(ComplexArea, models.CASCADE, related_name="responsibility_chain")
    level = models.CharField("层级", max_length=10, choices=PlaceLevel)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="责任人"
    )
    duty = models.CharField("职责", max_length=60)

    class Meta:
        verbose_name = "责任链"
        verbose_name_plural = "责任链"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["area", "level", "user"], name="person_once_per_level_of_a_chain"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_level_display()} {self.user}"


class ProblemType(models.Model):
    """A kind of problem from the survey: common to all areas, or specific to one type."""

    kind = models.CharField("性质", max_length=10, choices=ProblemKind)
    area_type = models.CharField(
        "适用类型", max_length=20, choices=AreaType, blank=True, default=""
    )
    name = models.CharField("名称", max_length=60, unique=True)

    class Meta:
        verbose_name = "问题类型"
        verbose_name_plural = "问题类型"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(kind=ProblemKind.COMMON, area_type="")
                    | Q(kind=ProblemKind.SPECIFIC, area_type__in=AreaType.values)
                ),
                name="specific_problem_names_its_area_type",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Demand(models.Model):
    """What people of an area asked for in the survey. Not yet a case."""

    area = models.ForeignKey(ComplexArea, models.PROTECT, related_name="demands")
    category = models.CharField("类别", max_length=12, choices=DemandCategory)
    text = models.CharField("内容", max_length=200)
    is_pressing = models.BooleanField("急难愁盼", default=False)
    recorded_on = models.DateField("登记日期")
    withdrawn_on = models.DateField("撤销日期", null=True, blank=True)

    class Meta:
        verbose_name = "诉求"
        verbose_name_plural = "诉求"
        ordering = ["id"]
        indexes = [
            # The demand structure of one area, and of the district as of a day.
            models.Index(fields=["area", "category"], name="demand_of_area"),
            models.Index(fields=["recorded_on", "category"], name="demand_structure"),
        ]

    def __str__(self) -> str:
        return self.text
