"""The user alone, with no key to another app of ours: every other app may point to it."""

import django.core.validators
import django.utils.timezone
from django.db import migrations, models

import core.privacy


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                ),
                (
                    "username",
                    models.CharField(
                        error_messages={"unique": "这个用户名已被使用。"},
                        max_length=40,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9_.-]+$", "用户名只能用字母、数字和 _ . -"
                            )
                        ],
                        verbose_name="用户名",
                    ),
                ),
                ("full_name", models.CharField(max_length=30, verbose_name="姓名")),
                (
                    "phone",
                    core.privacy.EncryptedField(blank=True, default="", verbose_name="手机号"),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="启用")),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="创建时间"
                    ),
                ),
            ],
            options={
                "verbose_name": "用户",
                "verbose_name_plural": "用户",
                "ordering": ["username"],
            },
        ),
    ]
