"""The assets of the pages come from packages, a few files each, and from nowhere else."""

import re
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.files.storage import FileSystemStorage
from django.template import Context, Template
from django.test import override_settings

from core.assets import PACKAGES, ManifestStorage, PackageFinder, icon_paths

TEMPLATES = Path(settings.BASE_DIR) / "templates"
STATIC = Path(settings.BASE_DIR) / "static"
TABLER = "vendor/@tabler/core/dist/css/tabler.min.css"


def test_only_allowed_files_of_a_package_are_served():
    assert finders.find(TABLER)
    for path in (
        "vendor/@tabler/core/package.json",
        "vendor/@tabler/core/dist/css/../../package.json",
        "vendor/bootstrap-icons/icons/house.svg",
        "@tabler/core/dist/css/tabler.min.css",
    ):
        assert finders.find(path) is None


def test_collecting_takes_a_handful_of_files():
    found = [f"{storage.prefix}/{path}" for path, storage in PackageFinder().list([])]
    assert TABLER in found
    assert len(found) == sum(len(globs) for globs in PACKAGES.values())


def test_a_package_that_is_not_installed_is_reported_with_what_to_do(tmp_path):
    with override_settings(BASE_DIR=tmp_path):
        errors = PackageFinder().check()
    assert [error.id for error in errors] == ["core.E001"] * len(PACKAGES)
    assert "npm ci" in errors[0].hint


def collect(tmp_path, name, css):
    """Run one stylesheet through the storage, as collectstatic does."""
    source = tmp_path / "source" / name
    source.parent.mkdir(parents=True)
    source.write_text(css, encoding="utf-8")
    shutil.copytree(tmp_path / "source", tmp_path / "static")
    storage = ManifestStorage(location=tmp_path / "static", base_url="/static/")
    files = {name: (FileSystemStorage(location=tmp_path / "source"), name)}
    return storage, list(storage.post_process(files))


def test_our_own_css_may_not_name_a_missing_file(tmp_path):
    _, results = collect(tmp_path, "css/own.css", "a { background: url(missing.png) }")
    assert any(isinstance(processed, Exception) for _, _, processed in results)


def test_a_package_css_may_name_a_missing_file_and_keeps_a_hashed_name(tmp_path):
    name = "vendor/thing/a.css"
    storage, results = collect(tmp_path, name, "a { background: url(missing.png) }" * 50)
    assert not any(isinstance(processed, Exception) for _, _, processed in results)
    hashed = storage.stored_name(name)
    assert re.fullmatch(r"vendor/thing/a\.[0-9a-f]{12}\.css", hashed)
    assert "url(missing.png)" in (tmp_path / "static" / hashed).read_text(encoding="utf-8")
    assert (tmp_path / "static" / f"{hashed}.gz").exists()


def test_an_icon_is_drawn_inline_and_hidden_from_screen_readers():
    html = Template('{% load kit %}{% icon "house" %}').render(Context())
    assert html.startswith("<svg")
    assert html.count("<svg") == 1
    assert 'aria-hidden="true"' in html
    assert "<path" in html


def test_an_icon_that_the_package_does_not_have_is_an_error():
    with pytest.raises(FileNotFoundError):
        icon_paths("no-such-icon")


@pytest.mark.parametrize(
    "name",
    sorted(
        {
            match
            for file in TEMPLATES.rglob("*.html")
            for match in re.findall(r'{% icon "([^"]+)"', file.read_text(encoding="utf-8"))
        }
    ),
)
def test_every_icon_that_a_template_names_exists(name):
    assert icon_paths(name)


@pytest.mark.parametrize(
    "file",
    [*TEMPLATES.rglob("*.html"), *STATIC.rglob("*.css"), *STATIC.rglob("*.js")],
    ids=lambda file: file.name,
)
def test_no_page_needs_another_server_or_an_inline_script(file):
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"""(src|href|action|url\()\s*=?\s*["']?(https?:)?//""", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", text)


def test_the_lock_file_holds_hashes_and_no_registry_address():
    lock = (Path(settings.BASE_DIR) / "package-lock.json").read_text(encoding="utf-8")
    assert '"integrity"' in lock
    assert '"resolved"' not in lock
