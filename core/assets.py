"""Page assets without a bundler: files of npm packages, served as they are.

``package.json`` names the packages, ``npm ci`` puts them into ``node_modules``, and
``PackageFinder`` shows staticfiles the few files which the pages use, under ``vendor/<package>/``.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.contrib.staticfiles.utils import matches_patterns
from django.core.checks import CheckMessage, Error
from django.core.files.storage import FileSystemStorage
from django.utils.safestring import SafeString, mark_safe
from whitenoise.storage import CompressedManifestStaticFilesStorage

VENDOR = "vendor"

# What the pages use of each package: paths inside the package, wildcards allowed. Whole packages
# would be thousands of files.
PACKAGES: dict[str, tuple[str, ...]] = {
    "@tabler/core": ("dist/css/tabler.min.css", "dist/js/tabler.min.js"),
    "htmx.org": ("dist/htmx.min.js",),
}


def modules() -> Path:
    """Return the folder into which ``npm ci`` installs."""
    return Path(settings.BASE_DIR) / "node_modules"


class PackageFinder(BaseFinder):
    """Find the files which ``PACKAGES`` allows, as ``vendor/<package>/<path in the package>``."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return [
            Error(
                f"The npm package {package} is not installed.",
                hint="Run `npm ci --ignore-scripts` in the checkout.",
                id="core.E001",
            )
            for package in PACKAGES
            if not (modules() / package).is_dir()
        ]

    def find(  # type: ignore[override]  # the stubs say None where Django's own finders say []
        self, path: str, find_all: bool = False, **kwargs: Any
    ) -> str | list[str]:
        """Return the absolute path of a vendor file; an empty list where there is none."""
        for package, globs in PACKAGES.items():
            prefix = f"{VENDOR}/{package}/"
            inner = path.removeprefix(prefix)
            # Without the second test a wildcard could be walked out of by "..".
            if inner == path or ".." in Path(inner).parts or not matches_patterns(inner, globs):
                continue
            found = modules() / package / inner
            if found.is_file():
                return [str(found)] if find_all else str(found)
        return []

    def list(
        self, ignore_patterns: Iterable[str] | None
    ) -> Iterator[tuple[str, FileSystemStorage]]:
        """Yield each allowed file and the storage which reads it, for collectstatic."""
        for package, globs in PACKAGES.items():
            root = modules() / package
            storage = FileSystemStorage(location=root)
            storage.prefix = f"{VENDOR}/{package}"  # type: ignore[attr-defined]
            for glob in globs:
                for file in sorted(root.glob(glob)):
                    inner = file.relative_to(root).as_posix()
                    if not matches_patterns(inner, ignore_patterns or ()):
                        yield inner, storage


class ManifestStorage(CompressedManifestStaticFilesStorage):
    """WhiteNoise's storage: hashed names, compressed copies.

    A reference in our own CSS to a file that does not exist stops collectstatic. A package's CSS
    may keep such a reference: packages name files that they do not ship. Source maps are ignored.
    """

    keep_intermediate_files = False
    patterns = (
        (
            "*.css",
            (
                r"""(?P<matched>url\(['"]{0,1}\s*(?P<url>.*?)["']{0,1}\))""",
                (
                    r"""(?P<matched>@import\s*["']\s*(?P<url>.*?)["'])""",
                    '@import url("%(url)s")',
                ),
            ),
        ),
    )

    def url_converter(self, name: str, hashed_files: Any, template: str | None = None) -> Any:
        convert = super().url_converter(name, hashed_files, template)
        if not name.startswith(f"{VENDOR}/"):
            return convert

        def lenient(match: re.Match[str]) -> str:
            try:
                return str(convert(match))
            except ValueError:  # what the storage raises for a file it does not have
                return match["matched"]

        return lenient


@cache
def icon_paths(name: str) -> SafeString:
    """Return the inside of an icon's ``<svg>`` (16 × 16 units), read once from its package.

    ``name`` is a file name of bootstrap-icons without its ending. Raises FileNotFoundError for a
    name that the package does not have.
    """
    svg = (modules() / "bootstrap-icons" / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    inner = re.sub(r"^\s*<svg[^>]*>|</svg>\s*$", "", svg)
    # The text is a file of an installed package, never of a caller.
    return mark_safe(" ".join(inner.split()))  # noqa: S308
