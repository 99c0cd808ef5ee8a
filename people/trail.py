"""What about accounts goes into the audit trail: the codes, and who wrote them."""

from django.db.models import TextChoices


class Trail(TextChoices):
    """Codes and labels of this app's audit entries. A code never changes: old rows have it."""

    SIGNED_IN = "account.signed_in", "登录"
    SIGN_IN_FAILED = "account.sign_in_failed", "登录失败"
    LOCKED_OUT = "account.locked_out", "登录锁定"
    SIGNED_OUT = "account.signed_out", "退出登录"
    CREATED = "account.created", "创建账号"
    RENAMED = "account.renamed", "修改姓名"
    PASSWORD_RESET = "account.password_reset", "重置密码"
    PASSWORD_CHANGED = "account.password_changed", "修改密码"
    DEACTIVATED = "account.deactivated", "停用账号"
    ACTIVATED = "account.activated", "启用账号"
    APPOINTED = "posting.appointed", "任命"
    POSTING_ENDED = "posting.ended", "结束任职"
    DEPUTY_APPOINTED = "posting.deputy_appointed", "任命代理人"
    DEPUTY_WITHDRAWN = "posting.deputy_withdrawn", "撤回代理人"
    WORK_HANDED_OVER = "posting.work_handed_over", "移交工作"
    DEVICE_ADDED = "device.added", "登录设备"
    DEVICE_REMOVED = "device.removed", "注销设备"
