"""The API document is complete and sound, and its page opens without a network."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from issues.choices import Action
from issues.inputs import INPUTS
from issues.workflow import TAKEN_ELSEWHERE


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    response = Client().get("/api/v1/schema/")
    return yaml.safe_load(response.content)


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_is_valid_and_made_without_a_warning(tmp_path: Any) -> None:
    target = tmp_path / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(target))
    assert target.stat().st_size > 10_000


def test_every_operation_has_a_chinese_summary(operations: dict[str, dict[str, Any]]) -> None:
    silent = [
        name
        for name, operation in operations.items()
        if not re.search("[\u4e00-\u9fff]", operation.get("summary", ""))
    ]
    assert silent == []


def test_every_error_is_documented_in_the_one_shape(operations: dict[str, dict[str, Any]]) -> None:
    for name, operation in operations.items():
        errors = {code: r for code, r in operation["responses"].items() if int(code) >= 400}
        assert "429" in errors, name
        for code, response in errors.items():
            schema = response["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}, (name, code)
            assert response["description"], (name, code)


def test_all_but_signing_in_need_a_token(operations: dict[str, dict[str, Any]]) -> None:
    for name, operation in operations.items():
        if name == "POST /api/v1/tokens":
            assert operation.get("security", []) in ([], [{}])
        else:
            assert {"device_token": []} in operation["security"], name
            assert "401" in operation["responses"], name


def test_every_step_has_its_own_entry_with_version_and_key(
    operations: dict[str, dict[str, Any]], document: dict[str, Any]
) -> None:
    for step in set(INPUTS) - {Action.CREATE, *TAKEN_ELSEWHERE}:
        operation = operations[f"POST /api/v1/issues/{{id}}/actions/{step.value}"]
        assert operation["summary"] == step.label
        keys = {p["name"]: p for p in operation["parameters"]}
        assert keys["Idempotency-Key"]["required"]
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        shape = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
        assert "version" in shape["required"]
        assert {"400", "401", "403", "404", "409", "422"} <= set(operation["responses"])


def test_a_batch_is_documented_with_what_becomes_of_each_report(
    operations: dict[str, dict[str, Any]], document: dict[str, Any]
) -> None:
    schemas = document["components"]["schemas"]

    def named(schema: dict[str, Any]) -> str:
        [inner] = schema.get("allOf", [schema])
        return str(inner["$ref"]).rsplit("/", 1)[1]

    operation = operations["POST /api/v1/issues/batch"]
    content = operation["requestBody"]["content"]["application/json"]
    reports = schemas[named(content["schema"])]["properties"]["reports"]
    single = operations["POST /api/v1/issues"]["requestBody"]["content"]["application/json"]
    assert reports["items"] == single["schema"]
    assert reports["maxItems"] == 200

    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    result = schemas[named(schemas[named(answer)]["properties"]["results"]["items"])]
    assert set(result["required"]) == {"client_id", "status", "replayed"}
    assert named(result["properties"]["issue"]) == "IssueState"
    assert named(result["properties"]["error"]) == "Problem"


def test_the_page_takes_nothing_from_elsewhere() -> None:
    page = Client().get("/api/v1/docs/").content.decode()
    addresses = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert addresses
    assert all(re.match(r"/(static|api)/", address) for address in addresses)
    assert "<script>" not in page
    assert "<style>" not in page
    assert "复杂区域治理平台 API" in page
