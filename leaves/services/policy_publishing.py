"""Draft, save, compare and publish leave policies. A published version is fixed; a change is a
new version.

Publishing works the policy into all leave it affects in the same transaction;
`leave_policy_impact` shows the difference beforehand. Called by the console and the demo.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.errors import Conflict, RuleViolation
from employees.changes import record_change_of_many
from employees.models import Change, Employee, Organization
from leaves import ledger
from leaves.context import load_leave_context
from leaves.day_counting import MAX_CLOSURE_DAYS
from leaves.models import LeaveAccount, LeaveApplication, LeavePolicy, LeaveTypeRule, SanctionRule
from leaves.services.publishing_impact import (
    DebitChange,
    check_is_draft,
    debit_changes,
    recalculate_employee_leave,
)

CCS_1972_FILE: Final = Path(__file__).parent.parent / "ccs_1972.json"


def ccs_1972_rules() -> dict[str, Any]:
    """The central government's rules as plain data, to start from."""
    data: dict[str, Any] = json.loads(CCS_1972_FILE.read_text())
    return data


def draft_leave_policy(
    organization: Organization,
    data: Mapping[str, Any],
    effective_from: date,
    *,
    scheme: str = "standard",
) -> LeavePolicy:
    """Store a version of rules from plain data (the form of `ccs_1972.json`) as a draft. Raises
    ValidationError.
    """
    with transaction.atomic():
        policy = LeavePolicy(
            organization=organization,
            scheme=scheme,
            name=data.get("name", scheme),
            effective_from=effective_from,
            source=data.get("source", ""),
            combinations=data["combinations"],
            **data.get("switches", {}),
        )
        policy.full_clean()
        policy.save()
        add_leave_type_rules(policy, data["kinds"])
        for row in data.get("sanctions", ()):
            save_sanction_rule(SanctionRule(organization=organization, policy=policy, **row))
    return policy


def add_leave_type_rules(policy: LeavePolicy, kinds: Mapping[str, Mapping[str, Any]]) -> None:
    """Give a draft its kinds, from plain data. Raises ValidationError."""
    for kind, facts in kinds.items():
        rule = LeaveTypeRule(
            organization_id=policy.organization_id,
            policy=policy,
            kind=kind,
            **{"account": kind, **facts},
        )
        rule.full_clean()
        rule.save()


def draft_next_leave_policy(policy: LeavePolicy, effective_from: date) -> LeavePolicy:
    """A draft with the same rules for a later day, to be edited and published."""
    with transaction.atomic():
        rows: list[LeaveTypeRule | SanctionRule] = [*policy.rules.all(), *policy.sanctions.all()]
        copy = LeavePolicy.objects.get(pk=policy.pk)
        copy.pk, copy.effective_from, copy.published_at, copy.published_by = (
            None,
            effective_from,
            None,
            None,
        )
        copy._state.adding = True
        copy.full_clean()
        copy.save()
        for row in rows:
            row.pk, row.policy = None, copy
            row._state.adding = True
            row.save()
    return copy


def save_leave_policy(policy: LeavePolicy) -> LeavePolicy:
    """Validate and store a draft. Raises ValidationError for one that is published."""
    policy.full_clean()
    check_is_draft(LeavePolicy.objects.filter(pk=policy.pk).first())
    policy.save()
    return policy


def save_leave_type_rule(rule: LeaveTypeRule) -> LeaveTypeRule:
    """Validate and store a rule of a draft. Raises ValidationError for one of a published
    version.
    """
    rule.full_clean()
    check_is_draft(rule.policy)
    rule.save()
    return rule


def save_sanction_rule(sanction_rule: SanctionRule) -> SanctionRule:
    """Validate and store who may sanction what, in a draft. Raises ValidationError for one of a
    published version.
    """
    sanction_rule.full_clean()
    check_is_draft(sanction_rule.policy)
    sanction_rule.save()
    return sanction_rule


def delete_sanction_rule(sanction_rule: SanctionRule) -> None:
    """Take a row out of a draft."""
    check_is_draft(sanction_rule.policy)
    sanction_rule.delete()


def publish_leave_policy(policy: LeavePolicy, *, actor: User | None) -> LeavePolicy:
    """Put a version of rules into force and work it into all leave from its first day on, in one
    transaction.

    Accounts follow with the next run of the job, or the next change of that account. Raises
    Conflict when it is published already, RuleViolation when it contradicts itself.
    """
    _check_consistent(policy)
    with transaction.atomic():
        people, last = _affected_by_policy(policy)
        ledger.lock_policies(
            policy.organization_id,
            range(policy.effective_from.year, last.year + 1),
            publishing=True,
        )
        drafts = LeavePolicy.objects.of(policy.organization_id).filter(
            pk=policy.pk, published_at__isnull=True
        )
        if not drafts.update(published_at=timezone.now(), published_by=actor):
            raise Conflict(
                _("This version has already been published."), code="PUBLISHED", rule="VERSION"
            )
        # Applications that were under way until the gate opened are among them now.
        people, last = _affected_by_policy(policy)
        accounts = LeaveAccount.objects.of(policy.organization_id)
        # In the order of their ids, as everybody locks them.
        list(accounts.order_by("pk").select_for_update(no_key=True).values("pk"))
        accounts.update(settled_on=None)
        for employee in people:
            recalculate_employee_leave(employee, policy.effective_from, last, actor=actor)
        _mark_everybody_changed(policy)
    policy.refresh_from_db()
    return policy


def _check_consistent(policy: LeavePolicy) -> None:
    try:
        policy.to_version()
    except ValueError as error:
        raise RuleViolation(str(error), code="CONTRADICTION", rule="POLICY") from error


def _affected_by_policy(policy: LeavePolicy) -> tuple[list[Employee], date]:
    """People with live leave from the first day of a version on, in the order of locking; and the
    last day of that leave.
    """
    live = LeaveApplication.objects.of(policy.organization_id).live()
    rows = live.filter(ends_on__gte=policy.effective_from - timedelta(days=MAX_CLOSURE_DAYS))
    last = rows.aggregate(last=Max("ends_on"))["last"] or policy.effective_from
    people = Employee.objects.of(policy.organization_id).filter(pk__in=rows.values("employee"))
    return list(people.select_related("organization").order_by("pk")), max(
        last, policy.effective_from
    )


def _mark_everybody_changed(policy: LeavePolicy) -> None:
    """Past days may look different to the floors above: weekly offs and pay are among the rules."""
    organization = policy.organization
    day = datetime.now(ZoneInfo(organization.timezone)).date()
    if policy.effective_from <= day:
        record_change_of_many(organization.pk, Change.Kind.LEAVE, policy.effective_from, day)


def leave_policy_impact(policy: LeavePolicy) -> list[DebitChange]:
    """The applications that would cost something else if this draft held. Raises RuleViolation when
    it contradicts itself.
    """
    _check_consistent(policy)
    people, last = _affected_by_policy(policy)
    return [
        one
        for employee in people
        for one in debit_changes(
            load_leave_context(employee, policy.effective_from, last, draft_policy=policy)
        )
    ]
