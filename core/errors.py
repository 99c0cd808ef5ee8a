"""What a rule says when it refuses. Raised inside a transaction, each of these rolls it back.

``message`` is Chinese and meant for the person who tried; ``code`` is stable and meant for
programs; ``fields`` names the inputs at fault. Pages show the message (core.pages), the API answers
all three (core.api).
"""

from collections.abc import Mapping


class Refused(Exception):
    """A rule of the domain forbids this. HTTP 422."""

    http_status = 422
    default_code = "refused"
    default_message = "当前不能这样操作。"

    def __init__(
        self, message: str = "", code: str = "", fields: Mapping[str, list[str]] | None = None
    ) -> None:
        self.message = message or self.default_message
        self.code = code or self.default_code
        self.fields = dict(fields or {})
        super().__init__(self.message)


class Malformed(Refused):
    """What came in cannot be understood at all. HTTP 400."""

    http_status = 400
    default_code = "malformed"
    default_message = "提交的内容格式不正确。"


class NotAllowed(Refused):
    """This person may not do this. HTTP 403."""

    http_status = 403
    default_code = "not_allowed"
    default_message = "您没有权限进行这项操作。"


class NotFoundHere(Refused):
    """It does not exist, or not for this person. HTTP 404."""

    http_status = 404
    default_code = "not_found"
    default_message = "没有找到这条记录，或您无权查看。"


class Stale(Refused):
    """It was changed by someone else since it was read. HTTP 409."""

    http_status = 409
    default_code = "stale"
    default_message = "这条记录刚被他人更新，请刷新后再操作。"


class TooLarge(Refused):
    """More bytes or pixels than we take. HTTP 413."""

    http_status = 413
    default_code = "too_large"
    default_message = "提交的内容过大。"


class Busy(Refused):
    """As much of this as we do at a time is being done. HTTP 429."""

    http_status = 429
    default_code = "busy"
    default_message = "系统正忙，请稍后再试。"
