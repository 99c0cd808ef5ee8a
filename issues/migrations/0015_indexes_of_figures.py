from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """The figures of a quarter, and what helping units owe, no longer read whole tables."""

    dependencies = [
        ("areas", "0005_search_index"),
        ("issues", "0014_involvements"),
        ("people", "0005_editions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="issue",
            name="issue_closed_in_period",
        ),
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(
                condition=models.Q(
                    ("is_lead", False), ("left_seq__isnull", True), ("replied_at__isnull", True)
                ),
                fields=["unit", "issue"],
                name="assignment_unreplied",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", False)),
                fields=["closed_at", "status", "outcome"],
                name="issue_closed_in_period",
            ),
        ),
        migrations.AddIndex(
            model_name="issueevent",
            index=models.Index(
                condition=models.Q(
                    (
                        "action__in",
                        ("escalate_town", "escalate_district", "submit_completion", "reopen"),
                    )
                ),
                fields=["action", "at", "issue"],
                name="event_counted_in_period",
            ),
        ),
    ]
