"""Verbs on applications: apply, preview, decide, cancel, curtail, extend, rejoin, convert.

Each is one transaction under the lock of the employee's accounts, ends with the ledger settled, and
tells the floors above by `employees.Change`. The API and the console call these; rules are judged
in `judgement`, money moves in `ledger`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.abilities import may_decide, places_over
from accounts.models import User
from employees import daybook
from employees.models import Change, Employee
from employees.refusals import Conflict, Refused
from employees.services import note_change
from leaves import ledger
from leaves.charging import Half, Spell, total
from leaves.facts import File, child_facts, read, spell, today
from leaves.judgement import LONGEST_DAYS, Ask, Judgement, Person, Refusal, beyond, judge
from leaves.models import Certificate, Child, LeaveApplication, LeaveDay, LeaveEvent
from leaves.policies import Authority, Kind
from leaves.refusals import plain, refused

Status = LeaveApplication.Status
What = LeaveEvent.What

# Refusals that stand against an approval too: facts may have changed since the application.
_STILL: Final = frozenset(
    {
        "INSUFFICIENT_BALANCE",
        "RH_LIMIT",
        "NO_CHARGEABLE_DAYS",
        "NOT_EMPLOYED",
        "NO_POLICY",
        "SUSPENDED",
    }
)


@dataclass(frozen=True, slots=True)
class Withhold:
    """Off days beside leave that an authority does not let be free (G5): those before it, those
    after it.
    """

    prefix: bool = False
    suffix: bool = False


WITHHOLD: Final = {
    "none": Withhold(),
    "prefix": Withhold(prefix=True),
    "suffix": Withhold(suffix=True),
    "both": Withhold(True, True),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for. `waived`: rule id → the authority's reason for setting it aside; only
    staff may give any.
    """

    kind: str
    starts_on: date
    ends_on: date
    half: str = ""
    half_day: bool = False
    reason: str = ""
    study: bool = False
    child: Child | None = None
    certificate: Certificate | None = None
    extends: LeaveApplication | None = None
    waived: Mapping[str, str] = field(default_factory=dict)
    withhold: Withhold = WITHHOLD["none"]

    @classmethod
    def of(cls, one: LeaveApplication) -> Wish:
        """What an application asked for."""
        return cls(
            one.kind,
            one.starts_on,
            one.ends_on,
            one.half,
            bool(one.half),
            one.reason,
            one.study,
            one.child,
            one.certificate,
            one.extends,
            one.waived,
            Withhold(one.withhold_prefix, one.withhold_suffix),
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """What an application would cost, and all that stands against it."""

    judgement: Judgement
    factor: int
    conflict: Refusal | None
    before: int
    after: int

    @property
    def refusals(self) -> list[Refusal]:
        """Every reason, the first one first."""
        return [*self.judgement.refusals, *([self.conflict] if self.conflict else [])]


# --- Applying -------------------------------------------------------------------------------------
def preview(employee: Employee, wish: Wish, *, own_hand: bool = True) -> Preview:
    """Weigh an application without making it. Nothing is locked: the answer is good for looking."""
    _in_bounds(wish)
    with transaction.atomic():
        ledger.lock(employee)
        file = read(employee, wish.starts_on, wish.ends_on)
        judgement = judge(_ask(wish, _spell(wish), own_hand, employee), _person(file))
        rule = file.ground.rules.rule(Kind(wish.kind), wish.starts_on)
        account = file.ledgers.get(rule.account) if rule else None
        before = account.book.available(max(wish.starts_on, file.today)) if account else 0
        found = _conflict(employee, wish) if judgement.charges else None
        told = {one.code for one in judgement.refusals}
        conflict = None if found is None or found.code in told else found
        return Preview(
            judgement,
            rule.factor if rule else 1,
            conflict,
            before,
            before - total(judgement.charges),
        )


def apply(
    employee: Employee, wish: Wish, *, actor: User | None, own_hand: bool = True
) -> LeaveApplication:
    """Store an application: it waits for a decision, and holds what it would cost. Raises Refused
    by the first rule broken.
    """
    if own_hand and wish.waived:
        raise PermissionDenied
    _in_bounds(wish)
    with transaction.atomic():
        ledger.gate(employee.organization_id, range(wish.starts_on.year, wish.ends_on.year + 1))
        ledger.lock(employee)
        file = read(employee, wish.starts_on, wish.ends_on)
        judgement = judge(_ask(wish, _spell(wish), own_hand, employee), _person(file))
        _refuse_first(judgement.refusals)
        application = LeaveApplication(
            organization_id=employee.organization_id,
            employee=employee,
            kind=wish.kind,
            starts_on=wish.starts_on,
            ends_on=wish.ends_on,
            half=wish.half,
            reason=wish.reason,
            study=wish.study,
            child=wish.child,
            certificate=wish.certificate,
            extends=wish.extends,
            waived=dict(wish.waived),
            applied_by=actor,
        )
        application.full_clean()
        application.save()
        _claim(application)
        ledger.write_days(application, judgement.charges, file)
        _event(application, What.APPLIED, actor, wish.reason, waived=dict(wish.waived))
        _neighbours(application, actor)
    return application


def _spell(wish: Wish, identity: int = 0) -> Spell:
    paper = wish.certificate
    return Spell(
        identity,
        Kind(wish.kind),
        wish.starts_on,
        wish.ends_on,
        Half(wish.half) if wish.half else None,
        paper.sick_on if paper else None,
        paper.fit_on if paper else None,
        wish.withhold.prefix,
        wish.withhold.suffix,
    )


def _in_bounds(wish: Wish) -> None:
    """Nothing is read for dates that no rule could make sense of."""
    days = (wish.ends_on - wish.starts_on).days + 1
    about = {
        "kind": wish.kind,
        "start": wish.starts_on,
        "end": wish.ends_on,
        "days": days,
        "limit": LONGEST_DAYS,
    }
    if days < 1:
        raise refused(Refusal("DATES_REVERSED", "FORM", "end_date", about))
    if days > LONGEST_DAYS:
        raise refused(Refusal("TOO_LONG", "G4", "end_date", about))


def _study_used(employee: Employee, without: int) -> float:
    """Days of courses without a certificate in a career so far."""
    rows = LeaveDay.objects.of(employee.organization_id).filter(
        application__employee=employee,
        application__study=True,
        application__certificate__isnull=True,
        application__status__in=LeaveApplication.LIVE,
    )
    return (rows.exclude(application=without).aggregate(sum=Sum("counted"))["sum"] or 0) / 2


def _ask(wish: Wish, asked: Spell, own_hand: bool, employee: Employee) -> Ask:
    return Ask(
        asked,
        half_day=wish.half_day,
        certified=wish.certificate is not None,
        study=wish.study,
        study_used=_study_used(employee, asked.id) if wish.study else 0,
        child=child_facts(wish.child) if wish.child else None,
        own_hand=own_hand,
        waived=frozenset(wish.waived),
    )


def _person(file: File) -> Person:
    return Person(
        file.ground,
        file.service.joined_on,
        file.service.left_on,
        file.today,
        file.status_on,
        file.books,
        [spell(one) for one in file.applications],
        suspended=file.suspended,
    )


def _refuse_first(refusals: Iterable[Refusal]) -> None:
    for one in refusals:
        raise refused(one)


def _over(kind: str) -> str:
    """Casual leave may lie over a tour: the day is leave then, and the tour's again when the leave
    is cancelled.
    """
    return "tour" if kind in (Kind.CL, Kind.SCL) else ""


def _claim(application: LeaveApplication) -> None:
    slots = daybook.halves(application.starts_on, application.ends_on, application.half)
    try:
        daybook.claim(application.employee, slots, application.holder, over=_over(application.kind))
    except daybook.Taken as error:
        raise refused(_taken(error.holder, error.on, application.kind)) from error


def _conflict(employee: Employee, wish: Wish) -> Refusal | None:
    for row in daybook.taken(employee, daybook.halves(wish.starts_on, wish.ends_on, wish.half)):
        if not (_over(wish.kind) and row.holder.startswith("tour:")):
            return _taken(row.holder, row.date, wish.kind)
    return None


def _taken(holder: str, on: date, kind: str) -> Refusal:
    sort, _sep, number = holder.partition(":")
    about = {"kind": kind, "date": on, sort: int(number)}
    if sort == "tour":
        return Refusal("TOUR_CONFLICT", "T8", "start_date", about)
    return Refusal("OVERLAP", "CLAIM", "start_date", {**about, "application": int(number)})


def _event(
    application: LeaveApplication,
    what: LeaveEvent.What,
    actor: User | None,
    remarks: str = "",
    **details: Any,
) -> None:
    LeaveEvent.objects.create(
        organization_id=application.organization_id,
        application=application,
        at=timezone.now(),
        what=what,
        actor=actor,
        remarks=remarks,
        details=plain(details),
    )


def _neighbours(application: LeaveApplication, actor: User | None) -> None:
    """Work out anew what applications beside this one cost, then bring the accounts up to date."""
    employee = application.employee
    file = read(employee, application.starts_on, application.ends_on)
    for one in ledger.rework(file, actor=actor):
        if one.pk != application.pk:
            ledger.note(one)
    ledger.settle(employee)


# --- Deciding -------------------------------------------------------------------------------------
def _begin(application: LeaveApplication) -> LeaveApplication:
    """Lock, and read the application as it is now."""
    ledger.gate(
        application.organization_id, range(application.starts_on.year, application.ends_on.year + 1)
    )
    ledger.lock(application.employee)
    fresh = LeaveApplication.objects.of(application.organization_id).select_related(
        "employee__organization", "certificate"
    )
    return fresh.get(pk=application.pk)


def _authority(actor: User, application: LeaveApplication) -> None:
    """Raise PermissionDenied for one's own leave, and for somebody else's that is not theirs to
    decide.
    """
    if actor.employee_id == application.employee_id and actor.employee_id is not None:
        raise PermissionDenied(_("Nobody decides on their own leave."))
    if not (actor.is_superuser or may_decide(actor, application.employee)):
        raise PermissionDenied(_("This application is not yours to decide."))


def recommend(
    application: LeaveApplication, *, actor: User, favour: bool, remarks: str = ""
) -> LeaveApplication:
    """Say, once, whether leave that is pending should be sanctioned. It decides nothing. Raises
    Conflict.
    """
    with transaction.atomic():
        one = _begin(application)
        _authority(actor, one)
        _must_be_pending(one)
        said = (
            LeaveApplication.Recommendation.RECOMMENDED
            if favour
            else LeaveApplication.Recommendation.NOT_RECOMMENDED
        )
        silent = LeaveApplication.objects.of(one.organization_id).filter(
            pk=one.pk, recommendation=""
        )
        if not silent.update(
            recommendation=said, recommended_by=actor, recommended_at=timezone.now()
        ):
            raise Conflict(
                _("A recommendation was given already."),
                code="ALREADY_RECOMMENDED",
                rule="G10",
                field="recommendation",
                details={"recommendation": one.recommendation},
            )
        one.refresh_from_db()
        _event(one, What(said), actor, remarks)
    return one


def weighed(application: LeaveApplication) -> Judgement:
    """An application as the rules see it now. Nothing is locked or written: good for looking."""
    return _weighed(application)[0]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a decision on an application comes to. `refusal`: why it is not the asking person's to
    approve, if so.

    `days`: what is debited, by what is withheld (the keys of WITHHOLD); only "none" where off days
    do not count anyway.
    """

    judgement: Judgement
    refusal: Refusal | None
    days: Mapping[str, float]


def outlook(application: LeaveApplication, actor: User) -> Outlook:
    """Who decides on an application that is pending, and whether that is `actor`. Nothing is
    written.
    """
    judgement, file = _weighed(application)
    rule = file.ground.rules.rule(Kind(application.kind), application.starts_on)
    offered = WITHHOLD if rule is not None and rule.counts_off_days else {"none": WITHHOLD["none"]}
    days = {
        name: total(_judged(application, file, withhold).charges) / 2
        for name, withhold in offered.items()
    }
    return Outlook(judgement, _not_theirs(application, judgement, file, actor, approve=True), days)


def decide(
    application: LeaveApplication,
    *,
    actor: User,
    approve: bool,
    remarks: str = "",
    withhold: Withhold = WITHHOLD["none"],
) -> LeaveApplication:
    """Approve or reject what is pending; `withhold` makes off days beside it leave, and is charged
    for in the same transaction.

    Raises Conflict when it was decided before, Refused when it cannot stand any more, or is beyond
    the actor's authority (G11), or nobody has recommended it where the rules ask for that (G10), or
    when there is nothing to withhold (G5).
    """
    with transaction.atomic():
        one = _begin(application)
        _authority(actor, one)
        _must_be_pending(one)
        one.withhold_prefix, one.withhold_suffix = withhold.prefix, withhold.suffix
        judgement, file = _weighed(one)
        if withhold != WITHHOLD["none"]:
            _can_withhold(one, file, approve=approve)
        if (theirs := _not_theirs(one, judgement, file, actor, approve=approve)) is not None:
            raise refused(theirs)
        if approve:
            _refuse_first(refusal for refusal in judgement.refusals if refusal.code in _STILL)
            ledger.write_days(one, judgement.charges, file)
        one.status = Status.APPROVED if approve else Status.REJECTED
        one.decided_at, one.decided_by, one.remarks = timezone.now(), actor, remarks
        one.save(
            update_fields=[
                "status",
                "decided_at",
                "decided_by",
                "remarks",
                "withhold_prefix",
                "withhold_suffix",
            ]
        )
        if approve:
            ledger.post(one, actor=actor)
        else:
            daybook.let_go(one.employee, one.holder)
        said = {"withheld": [name for name in ("prefix", "suffix") if getattr(withhold, name)]}
        _event(
            one,
            What.APPROVED if approve else What.REJECTED,
            actor,
            remarks,
            **(said if said["withheld"] else {}),
        )
        _neighbours(one, actor)
        ledger.note(one)
    return one


def _weighed(one: LeaveApplication) -> tuple[Judgement, File]:
    """An application as the rules see it now."""
    file = read(one.employee, one.starts_on, one.ends_on, without=one)
    return _judged(one, file, Withhold(one.withhold_prefix, one.withhold_suffix)), file


def _judged(one: LeaveApplication, file: File, withhold: Withhold) -> Judgement:
    wish = replace(Wish.of(one), withhold=withhold)
    return judge(_ask(wish, _spell(wish, one.pk), False, one.employee), _person(file))


def _can_withhold(one: LeaveApplication, file: File, *, approve: bool) -> None:
    rule = file.ground.rules.rule(Kind(one.kind), one.starts_on)
    if not approve or rule is None or not rule.counts_off_days:
        raise refused(Refusal("NOTHING_TO_WITHHOLD", "G5", "decision", {"kind": one.kind}))


def _not_theirs(
    one: LeaveApplication, judgement: Judgement, file: File, actor: User, *, approve: bool
) -> Refusal | None:
    """Why a decision is not this officer's, by the rows of the rules; None when it is, and always
    without rows.
    """
    policy = file.ground.rules.on(one.starts_on)
    if policy is None or judgement.sanction is None:
        return None
    days = judgement.days_at_a_stretch
    if (
        found := beyond(Kind(one.kind), days, authority_over(actor, one.employee), policy)
    ) is not None:
        return found
    if approve and judgement.sanction.recommendation:
        if not one.recommendation:
            return Refusal(
                "RECOMMENDATION_MISSING", "G10", "decision", {"kind": one.kind, "days": days}
            )
        if one.recommended_by_id == actor.pk:
            return Refusal(
                "SAME_OFFICER", "G10", "decision", {"recommendation": one.recommendation}
            )
    return None


def _refuse_beyond(one: LeaveApplication, judgement: Judgement, file: File, actor: User) -> None:
    policy = file.ground.rules.on(one.starts_on)
    own = authority_over(actor, one.employee)
    if (
        policy is not None
        and (found := beyond(Kind(one.kind), judgement.days_at_a_stretch, own, policy)) is not None
    ):
        raise refused(found)


def authority_over(actor: User, employee: Employee) -> Authority | None:
    """The highest authority somebody has over an employee today; None for none at all."""
    if actor.is_superuser:
        return Authority.ADMIN
    return max(
        (Authority(place) for place in places_over(actor, employee)),
        key=lambda one: one.rank,
        default=None,
    )


def _must_be_pending(one: LeaveApplication) -> None:
    if one.status != Status.PENDING:
        raise Conflict(
            _("This application is %(status)s already.")
            % {"status": one.get_status_display().lower()},
            code="ALREADY_DECIDED",
            rule="G10",
            field="decision",
            details={"status": one.status},
        )


def cancel(application: LeaveApplication, *, actor: User, remarks: str = "") -> LeaveApplication:
    """Take an application back: the applicant while it has not begun, its authority at any time.
    All it took is restored.
    """
    with transaction.atomic():
        one = _begin(application)
        own = actor.employee_id is not None and actor.employee_id == one.employee_id
        if own and one.status == Status.APPROVED and one.starts_on <= today(one.employee):
            raise Refused(
                _("Leave that has begun is cut short by its authority."),
                code="ALREADY_BEGUN",
                rule="G12",
                field="status",
                details={"start": one.starts_on.isoformat()},
            )
        if not own:
            _authority(actor, one)
        _must_be_live(one)
        was = one.status
        one.status, one.decided_at, one.decided_by, one.remarks = (
            Status.CANCELLED,
            timezone.now(),
            actor,
            remarks,
        )
        one.save(update_fields=["status", "decided_at", "decided_by", "remarks"])
        ledger.reverse(one, actor=actor, reason=remarks)
        daybook.let_go(one.employee, one.holder)
        _event(one, What.CANCELLED, actor, remarks, was=was)
        _neighbours(one, actor)
        ledger.note(one)
    return one


def _must_be_live(one: LeaveApplication) -> None:
    if one.status not in LeaveApplication.LIVE:
        raise Conflict(
            _("This application is %(status)s already.")
            % {"status": one.get_status_display().lower()},
            code="ALREADY_DECIDED",
            rule="G10",
            field="status",
            details={"status": one.status},
        )


def curtail(
    application: LeaveApplication, *, ends_on: date, actor: User, remarks: str = ""
) -> LeaveApplication:
    """End leave earlier than granted: early return, or recall. Later days are given back, whatever
    the balance.
    """
    with transaction.atomic():
        one = _begin(application)
        _authority(actor, one)
        _must_be_live(one)
        if not one.starts_on <= ends_on < one.ends_on:
            raise Refused(
                _("Leave is cut short to a day within it: from %(first)s on and before %(last)s.")
                % {"first": one.starts_on, "last": one.ends_on},
                code="NOT_WITHIN",
                rule="G12",
                field="end_date",
                details={"start": one.starts_on.isoformat(), "end": one.ends_on.isoformat()},
            )
        was = one.ends_on
        daybook.let_go(one.employee, one.holder, daybook.halves(ends_on + timedelta(days=1), was))
        note_change(one.employee, Change.Kind.LEAVE, one.starts_on, was)
        one.ends_on = ends_on
        one.save(update_fields=["ends_on"])
        _event(one, What.CURTAILED, actor, remarks, was=was, ends_on=ends_on)
        _neighbours(one, actor)
    return one


def extend(
    application: LeaveApplication, *, ends_on: date, actor: User, reason: str, own_hand: bool = True
) -> LeaveApplication:
    """Ask for more of the same: a new application for the days after it, which is decided like any
    other.
    """
    _must_be_live(application)
    if application.half or ends_on <= application.ends_on:
        raise Refused(
            _("Leave is extended to a day after %(last)s.") % {"last": application.ends_on},
            code="NOT_AFTER",
            rule="G8",
            field="end_date",
            details={"end": application.ends_on.isoformat()},
        )
    wish = Wish(
        application.kind,
        application.ends_on + timedelta(days=1),
        ends_on,
        reason=reason,
        study=application.study,
        child=application.child,
        certificate=application.certificate,
        extends=application,
    )
    return apply(application.employee, wish, actor=actor, own_hand=own_hand)


def rejoin(application: LeaveApplication, *, on: date, actor: User) -> LeaveApplication:
    """Note the day on which somebody came back."""
    with transaction.atomic():
        one = _begin(application)
        _authority(actor, one)
        if one.status != Status.APPROVED or on <= one.starts_on:
            raise Refused(
                _("Give a day after the leave began."),
                code="NOT_AFTER",
                rule="G12",
                field="rejoined_on",
            )
        one.rejoined_on = on
        one.save(update_fields=["rejoined_on"])
        _event(one, What.REJOINED, actor, "", rejoined_on=on)
    return one


def convert(
    application: LeaveApplication,
    *,
    kind: str,
    actor: User,
    asked_on: date | None = None,
    certificate: Certificate | None = None,
    study: bool = False,
    remarks: str = "",
) -> LeaveApplication:
    """Change the kind of leave that was taken, on the employee's request within the window: the old
    debit is reversed.
    """
    with transaction.atomic():
        one = _begin(application)
        _authority(actor, one)
        if one.status != Status.APPROVED:
            raise Conflict(
                _("Only leave that was approved is converted."),
                code="NOT_APPROVED",
                rule="G2",
                field="status",
            )
        file = read(one.employee, one.starts_on, one.ends_on, without=one)
        _within_window(one, file, asked_on or file.today)
        was = one.kind
        one.kind, one.study = kind, study
        one.certificate = certificate or one.certificate
        wish = Wish.of(one)
        judgement = judge(_ask(wish, _spell(wish, one.pk), False, one.employee), _person(file))
        _refuse_first(judgement.refusals)
        _refuse_beyond(one, judgement, file, actor)
        one.save(update_fields=["kind", "study", "certificate"])
        ledger.reverse(one, actor=actor, reason=remarks)
        ledger.write_days(one, judgement.charges, file)
        ledger.post(one, actor=actor)
        _event(one, What.CONVERTED, actor, remarks, was=was, kind=kind)
        _neighbours(one, actor)
        ledger.note(one)
    return one


def _within_window(one: LeaveApplication, file: File, asked_on: date) -> None:
    back = one.rejoined_on or one.ends_on + timedelta(days=1)
    if one.rejoined_on is None:
        while file.ground.almanac.off(back):
            back += timedelta(days=1)
    policy = file.ground.rules.on(one.starts_on)
    limit = policy.conversion_days if policy else 0
    until = back + timedelta(days=limit)
    if asked_on > until:
        raise refused(
            Refusal(
                "CONVERSION_WINDOW",
                "G2",
                "leave_type",
                {"rejoined_on": back, "until": until, "limit": limit, "asked_on": asked_on},
            )
        )
