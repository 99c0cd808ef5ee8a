"""The vocabulary of places and complex areas."""

from django.db.models import TextChoices


class PlaceLevel(TextChoices):
    DISTRICT = "district", "区"
    TOWN = "town", "镇（街道）"
    COMMUNITY = "community", "村（社区）"
    GRID = "grid", "网格"


class AreaType(TextChoices):
    URBAN_VILLAGE = "urban_village", "城中村"
    RESETTLEMENT_ESTATE = "resettlement_estate", "动迁安置小区"
    OPEN_BLOCK = "open_block", "开放式街区"
    ADJOINING_AREA = "adjoining_area", "毗邻区"


class Phase(TextChoices):
    SURVEYED = "surveyed", "摸排"
    PILOT = "pilot", "试点"
    TACKLING = "tackling", "攻坚"
    PROMOTED = "promoted", "推广"
    ROUTINE = "routine", "长效"


class DemandCategory(TextChoices):
    CONSTRUCTION = "construction", "建设"
    SAFETY = "safety", "安全"
    SERVICE = "service", "服务"
    ENVIRONMENT = "environment", "环境"
    SECURITY = "security", "治安"
    DISPUTE = "dispute", "矛盾纠纷"
    OTHER = "other", "其他"


class ProblemKind(TextChoices):
    COMMON = "common", "共性问题"
    SPECIFIC = "specific", "个性问题"
