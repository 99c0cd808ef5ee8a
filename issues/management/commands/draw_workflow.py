from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from issues import diagram


class Command(BaseCommand):
    help = "按流转表重画 docs/workflow.md 中的状态图和表格。"

    def handle(self, *args: Any, **options: Any) -> None:
        page = Path(settings.BASE_DIR) / "docs" / "workflow.md"
        page.write_text(diagram.renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
        self.stdout.write(f"已更新 {page}")
