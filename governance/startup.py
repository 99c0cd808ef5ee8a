"""The one check before anything else: are the settings complete?"""

import os
import re
from typing import NoReturn

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from governance.embedded import Trouble


def require_settings() -> None:
    """Read the settings; end the program with a sentence when something is missing."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")
    try:
        settings.INSTALLED_APPS  # noqa: B018 - the first access reads the environment
    except (ImproperlyConfigured, ValueError) as error:
        _end(error)
    except Trouble as trouble:
        raise SystemExit(str(trouble)) from None


def _end(error: Exception) -> NoReturn:
    missing = re.search(r"Set the (\w+) environment variable", str(error))
    if missing:
        raise SystemExit(
            f"缺少环境变量 {missing[1]}，平台没有启动：设置了 DATABASE_URL 的生产环境必须给出它。"
            f"（The environment variable {missing[1]} is not set.）"
        ) from None
    raise SystemExit(f"配置有误，平台没有启动：{error}") from None
