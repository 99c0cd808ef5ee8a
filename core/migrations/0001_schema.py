import uuid

import django.core.serializers.json
import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="WorkDay",
            fields=[
                ("date", models.DateField(primary_key=True, serialize=False, verbose_name="日期")),
                ("is_working", models.BooleanField(verbose_name="工作日")),
                ("name", models.CharField(blank=True, max_length=40, verbose_name="节假日")),
            ],
            options={
                "verbose_name": "工作日历",
                "verbose_name_plural": "工作日历",
                "ordering": ["date"],
            },
        ),
        migrations.CreateModel(
            name="CalendarYear",
            fields=[
                (
                    "year",
                    models.PositiveSmallIntegerField(
                        primary_key=True, serialize=False, verbose_name="年份"
                    ),
                ),
                (
                    "published",
                    models.BooleanField(
                        default=False,
                        help_text="国务院办公厅放假通知已录入全年日历后勾选；未勾选的年份按周一至周五暂算。",
                        verbose_name="已按通知录入",
                    ),
                ),
                ("notice", models.CharField(blank=True, max_length=100, verbose_name="依据文件")),
                (
                    "edition",
                    models.UUIDField(default=uuid.uuid4, editable=False, verbose_name="版本"),
                ),
            ],
            options={
                "verbose_name": "年度日历",
                "verbose_name_plural": "年度日历",
                "ordering": ["year"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("year__gte", 2000), ("year__lte", 2100)),
                        name="calendar_year_is_plausible",
                        violation_error_message="年份须在 2000 至 2100 之间。",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=200, verbose_name="键")),
                ("route", models.CharField(max_length=300, verbose_name="接口")),
                ("body_hash", models.CharField(max_length=64, verbose_name="内容摘要")),
                ("status", models.PositiveSmallIntegerField(verbose_name="状态码")),
                ("response", models.TextField(verbose_name="答复")),
                ("forever", models.BooleanField(default=False, verbose_name="永久保留")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="时间"),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="账号",
                    ),
                ),
            ],
            options={"verbose_name": "幂等键", "verbose_name_plural": "幂等键", "ordering": ["id"]},
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=200, unique=True, verbose_name="唯一键")),
                ("kind", models.CharField(max_length=40, verbose_name="类别")),
                ("title", models.CharField(max_length=120, verbose_name="标题")),
                ("body", models.TextField(blank=True, verbose_name="内容")),
                ("url", models.CharField(blank=True, max_length=300, verbose_name="链接")),
                ("urgent", models.BooleanField(default=False, verbose_name="紧急")),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="生成时间"
                    ),
                ),
                ("not_before", models.DateTimeField(blank=True, null=True, verbose_name="不早于")),
                (
                    "delivered_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="送达时间"),
                ),
                ("read_at", models.DateTimeField(blank=True, null=True, verbose_name="阅读时间")),
                (
                    "recipient",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="收件人",
                    ),
                ),
            ],
            options={
                "verbose_name": "消息",
                "verbose_name_plural": "消息",
                "ordering": ["-delivered_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Attachment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                        verbose_name="编号",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("photo", "照片"), ("file", "文件")],
                        max_length=10,
                        verbose_name="类型",
                    ),
                ),
                ("file", models.FileField(max_length=120, upload_to="", verbose_name="文件")),
                ("original_name", models.CharField(max_length=100, verbose_name="原文件名")),
                ("content_type", models.CharField(max_length=60, verbose_name="内容类型")),
                ("size", models.PositiveIntegerField(verbose_name="字节数")),
                ("sha256", models.CharField(max_length=64, verbose_name="原文件摘要")),
                ("width", models.PositiveIntegerField(blank=True, null=True, verbose_name="宽")),
                ("height", models.PositiveIntegerField(blank=True, null=True, verbose_name="高")),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="上传时间"
                    ),
                ),
                (
                    "uploaded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="上传人",
                    ),
                ),
            ],
            options={
                "verbose_name": "附件",
                "verbose_name_plural": "附件",
                "ordering": ["created_at", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "photo"), _negated=True),
                            models.Q(("height__isnull", False), ("width__isnull", False)),
                            _connector="OR",
                        ),
                        name="attachment_photo_has_dimensions",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="时间"),
                ),
                ("action", models.CharField(max_length=60, verbose_name="操作")),
                (
                    "target_type",
                    models.CharField(blank=True, max_length=60, verbose_name="对象类型"),
                ),
                ("target_id", models.CharField(blank=True, max_length=60, verbose_name="对象编号")),
                (
                    "detail",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        encoder=django.core.serializers.json.DjangoJSONEncoder,
                        verbose_name="详情",
                    ),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="操作人",
                    ),
                ),
            ],
            options={
                "verbose_name": "审计记录",
                "verbose_name_plural": "审计记录",
                "ordering": ["-at", "-id"],
                "indexes": [
                    models.Index(
                        models.OrderBy(models.F("at"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        name="audit_newest_first",
                    ),
                    models.Index(fields=["target_type", "target_id", "id"], name="audit_of_a_row"),
                    models.Index(fields=["actor", "-at"], name="audit_of_a_person"),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditentry",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="6b2652b5bb5129424469034ae53d5116f56d3e42",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_97da0",
                    table="core_auditentry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditentry",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;",
                    hash="32ad1fa45d135f1e6102fce98094dea7ca9a7f7a",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_append_only_truncate_336b1",
                    table="core_auditentry",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="idempotencykey",
            index=models.Index(
                condition=models.Q(("forever", False)),
                fields=["created_at"],
                name="idempotency_forgettable",
            ),
        ),
        migrations.AddConstraint(
            model_name="idempotencykey",
            constraint=models.UniqueConstraint(
                fields=("account", "key"), name="idempotency_key_per_account"
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("delivered_at__isnull", True)),
                fields=["id"],
                name="message_undelivered",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                models.F("recipient"),
                models.OrderBy(models.F("delivered_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                name="message_inbox",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                models.F("recipient"),
                models.OrderBy(models.F("delivered_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("delivered_at__isnull", False), ("read_at__isnull", True)),
                name="message_unread",
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("read_at__isnull", True), ("delivered_at__isnull", False), _connector="OR"
                ),
                name="message_is_read_only_after_delivery",
            ),
        ),
    ]
