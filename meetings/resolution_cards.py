"""A resolution as the pages show it: with its case, and the forms of what may be done about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse

from meetings import cases
from meetings.choices import Step
from meetings.forms import ResumeForm, SolveForm, today_as_initial
from meetings.models import Resolution
from people.requests import signed_in

RESOLUTION_FORMS: dict[Step, type[forms.Form]] = {
    Step.APPLY: forms.Form,
    Step.RESUME: ResumeForm,
}
HINTS = {
    Step.APPLY: "问题交牵头单位主办、责任单位协办，办理时限按议定的完成时限，总时限恢复计时。",
    Step.RESUME: "问题回到挂起前的环节，停表的时限恢复，剩余时间继续计算。",
}


def card(
    request: HttpRequest,
    row: Resolution,
    awaiting: Collection[int],
    bound: Mapping[tuple[int, Step], forms.Form],
    *,
    may_solve: bool,
) -> dict[str, Any]:
    """A resolution as a page shows it, with what this person may do about it now."""
    steps = cases.ways(row, by=signed_in(request), awaiting=awaiting)
    return {
        "row": row,
        "lamp": row.lamp(),
        "units": row.units.all(),
        "form": bound.get((row.pk, Step.SOLVE)) or SolveForm(initial=today_as_initial("solved_on"))
        if may_solve and row.solved_on is None
        else None,
        "ways": [
            {
                "name": step.label,
                "url": reverse(f"meetings:{step}", args=[row.pk]),
                "form": bound.get((row.pk, step)) or form(),
                "hint": HINTS[step],
                "open": step == Step.APPLY,
            }
            for step, form in RESOLUTION_FORMS.items()
            if step in steps
        ],
        "may_convert": Step.CONVERT in steps,
        # A refusal of a step that is gone meanwhile has no card of its own to stand in.
        "errors": [
            error
            for (pk, step), form in bound.items()
            if pk == row.pk and step in RESOLUTION_FORMS and step not in steps
            for error in form.non_field_errors()
        ],
    }
