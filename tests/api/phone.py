"""A grid worker's phone: an HTTP client with a device token, and pictures to send."""

from __future__ import annotations

import uuid
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rest_framework.test import APIClient

from issues.models import Issue
from people.models import DeviceToken, User
from tests.cast import Cast

API = "/api/v1"


class Phone(APIClient):
    """Sends JSON with the token of its device. A bug in a view answers 500 here, as in service."""

    def __init__(self, user: User | None = None) -> None:
        super().__init__(raise_request_exception=False)
        if user is not None:
            _, key = DeviceToken.objects.create(user=user, device_name="测试机")
            self.credentials(HTTP_AUTHORIZATION=f"Token {key}")

    def read(self, path: str, **query: Any) -> Any:
        return self.get(f"{API}{path}", query)

    def send(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """POST a JSON body; ``key`` is the Idempotency-Key, a new one unless given ("": none)."""
        key = str(uuid.uuid4()) if key is None else key
        headers = {"Idempotency-Key": key} if key else {}
        return self.post(f"{API}{path}", body or {}, format="json", headers=headers)

    def upload(self, content: bytes, name: str = "现场.jpg", *, key: str | None = None) -> Any:
        return self.post(
            f"{API}/uploads",
            {"photo": SimpleUploadedFile(name, content)},
            format="multipart",
            headers={"Idempotency-Key": key or str(uuid.uuid4())},
        )

    def photo(self, colour: str = "navy") -> str:
        """Upload a picture and return its id."""
        return str(self.upload(picture(colour)).data["id"])

    def bytes_of(self, path: str) -> bytes:
        """Read a file to its end, or fail."""
        response = self.get(path)
        assert response.status_code == 200
        return b"".join(response.streaming_content)

    def step(self, issue: Issue, action: str, *, key: str | None = None, **body: Any) -> Any:
        """Take a step on the issue as the caller knows it."""
        body = {"version": issue.version, **body}
        return self.send(f"/issues/{issue.pk}/actions/{action}", body, key=key)


def picture(colour: str = "navy") -> bytes:
    content = BytesIO()
    Image.new("RGB", (64, 48), colour).save(content, "JPEG")
    return content.getvalue()


def report_body(cast: Cast, **changes: Any) -> dict[str, Any]:
    return {
        "client_id": str(uuid.uuid4()),
        "place": cast.longxi_grid_1.pk,
        "category": cast.sewage.pk,
        "text": "李家角北侧污水井盖松动，夜间行人易绊倒。",
        **changes,
    }
