"""Leave over REST: `/api/v1/leaves…` for people and their approvers, `/api/v1/holidays`,
`/api/v1/admin/holidays`.

Requests are translated into the verbs of `services`, their results into the contract's rows;
nothing is decided here.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.abilities import (
    APPROVE_LEAVE,
    KEEP_ATTENDANCE,
    IsEmployee,
    decides_for,
    has,
    requires,
    today,
)
from accounts.api import Fields
from accounts.authentication import BearerAuthentication
from accounts.limits import V1
from accounts.models import User
from employees.models import Assignment, DayClaim, Employee
from employees.pages import NewestFirst
from employees.papers import BoundedMultiPartParser
from leaves import records, services, statements
from leaves.filters import FIRST_YEAR, LAST_YEAR, HolidayFilter, LeaveFilter
from leaves.judgement import Judgement, Refusal
from leaves.models import Calendar, CalendarDay, Certificate, Child, Kind, LeaveApplication
from leaves.refusals import plain, refused
from leaves.replies import (
    HALVES,
    AdminHolidayReply,
    BalancesReply,
    ChildrenReply,
    HolidaysReply,
    IdReply,
    LeaveReply,
    OutlookReply,
    PreviewReply,
)

# The six of the contract; special casual leave is HR's.
KINDS: Final = [(kind.value, kind.label) for kind in Kind if kind != Kind.SCL]


def in_range(value: date) -> None:
    """Refuse dates no calendar is kept for."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise serializers.ValidationError(f"The year must be from {FIRST_YEAR} to {LAST_YEAR}.")


def _day(**more: Any) -> serializers.DateField:
    return serializers.DateField(validators=[in_range], **more)


# --- Bodies ---------------------------------------------------------------------------------------
class LeaveBody(Fields):
    """An application for leave. `half_day_session` says which half; a half day without it is the
    forenoon.
    """

    leave_type = serializers.ChoiceField(choices=KINDS)
    start_date = _day()
    end_date = _day()
    is_half_day = serializers.BooleanField(required=False, allow_null=True, default=None)
    half_day_session = serializers.ChoiceField(
        choices=HALVES, required=False, allow_null=True, default=None
    )
    reason = serializers.CharField(max_length=500)
    child_id = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2**63 - 1
    )
    certificate_id = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2**63 - 1
    )
    for_study = serializers.BooleanField(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A session without a half day contradicts itself."""
        if attrs["half_day_session"] and attrs["is_half_day"] is False:
            raise serializers.ValidationError({"half_day_session": ["A whole day has no session."]})
        attrs["is_half_day"] = bool(attrs["is_half_day"] or attrs["half_day_session"])
        if attrs["is_half_day"] and attrs["start_date"] != attrs["end_date"]:
            raise serializers.ValidationError({"end_date": ["A half day is taken on one date."]})
        return attrs


class DecisionBody(Fields):
    """A decision. `withhold_prefix`, `withhold_suffix`: off days just before, or after, are leave
    and are debited.
    """

    decision = serializers.ChoiceField(choices=["approve", "reject"])
    remarks = serializers.CharField(
        max_length=500, required=False, allow_blank=True, allow_null=True, default=""
    )
    withhold_prefix = serializers.BooleanField(required=False, default=False)
    withhold_suffix = serializers.BooleanField(required=False, default=False)


class RecommendationBody(Fields):
    """What an officer recommends to the one who decides."""

    recommendation = serializers.ChoiceField(choices=LeaveApplication.Recommendation.choices)
    remarks = serializers.CharField(
        max_length=500, required=False, allow_blank=True, allow_null=True, default=""
    )


class RemarksBody(Fields):
    """Why."""

    remarks = serializers.CharField(
        max_length=500, required=False, allow_blank=True, allow_null=True, default=""
    )


class CurtailBody(RemarksBody):
    """The new last day."""

    end_date = _day()


class ExtendBody(Fields):
    """The new last day, and why."""

    end_date = _day()
    reason = serializers.CharField(max_length=500)


class ConvertBody(RemarksBody):
    """The other kind, which was due then."""

    leave_type = serializers.ChoiceField(choices=KINDS)
    certificate_id = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2**63 - 1
    )


class CertificateBody(Fields):
    """A medical certificate: PDF, JPEG or PNG, at most 1 MiB with everything around it."""

    file = serializers.FileField(max_length=255)
    sick_on = _day(required=False, allow_null=True)
    fit_on = _day(required=False, allow_null=True)


class YearQuery(Fields):
    """Which year; without it this one."""

    year = serializers.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR, required=False)


# --- Views ----------------------------------------------------------------------------------------
class LeavesViewSet(GenericViewSet[LeaveApplication]):
    """`/api/v1/leaves`: one's own leave, and for approvers that of the people they decide for."""

    authentication_classes = (BearerAuthentication,)
    limits = (V1,)
    pagination_class = NewestFirst
    filter_backends = (DjangoFilterBackend,)
    filterset_class = LeaveFilter
    queryset = LeaveApplication.objects.none()
    serializer_class = LeaveReply  # type: ignore[assignment]
    for_approvers = ("to_decide", "outlook", "recommend", "approve", "curtail", "convert")

    def get_permissions(self) -> Any:
        """Deciding is for approvers; the rest for employees, and for approvers who are none."""
        if self.action in self.for_approvers:
            return [IsAuthenticated(), requires(APPROVE_LEAVE)()]
        return [IsAuthenticated()] if self.action == "cancel" else [IsAuthenticated(), IsEmployee()]

    def get_queryset(self) -> QuerySet[LeaveApplication]:
        """What the caller may know of: their own; what they may decide; nothing else of their
        organization.
        """
        user: User = self.request.user  # type: ignore[assignment]
        rows = LeaveApplication.objects.of(user.organization_id)
        mine = Q(employee=user.employee_id) if user.employee_id else Q(pk__in=[])
        if self.action == "to_decide":
            return _told(
                rows.filter(status=LeaveApplication.Status.PENDING, employee__in=_people(user))
            )
        if self.action in (*self.for_approvers, "cancel") and has(user, APPROVE_LEAVE):
            # Whose it is not to decide is told so: 403, by the verb.
            return _told(rows)
        return _told(rows.filter(mine))

    def _one(self, pk: int) -> LeaveApplication:
        found = self.get_queryset().filter(pk=pk).first() if pk < 2**63 else None
        if found is None:
            raise NotFound
        return found

    def _page(self) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([row(one) for one in page or []])

    @extend_schema(responses=LeaveReply(many=True))
    def list(self, request: Request) -> Response:
        """My applications, newest first."""
        return self._page()

    @extend_schema(responses=LeaveReply(many=True))
    def to_decide(self, request: Request) -> Response:
        """Pending applications that the caller may decide."""
        return self._page()

    @extend_schema(request=LeaveBody, responses={201: LeaveReply})
    def create(self, request: Request) -> Response:
        """Apply for leave. A refusal names its code, its rule and the numbers it used."""
        user, employee = _speaker(request)
        application = services.apply(employee, _wish(request, employee), actor=user)
        return Response(row(_again(application)), status=status.HTTP_201_CREATED)

    @extend_schema(request=LeaveBody, responses={200: PreviewReply})
    def preview(self, request: Request) -> Response:
        """What this would cost and why, without applying."""
        _user, employee = _speaker(request)
        seen = services.preview(employee, _wish(request, employee))
        charges = seen.judgement.charges
        return Response(
            {
                "allowed": not seen.refusals,
                "chargeable_days": sum(one.half_days for one in charges) / seen.factor / 2,
                "available_before": seen.before / 2,
                "available_after": seen.after / 2,
                "days": [
                    {
                        "date": one.day,
                        "session": one.half,
                        "day_class": str(one.day_class),
                        "part": str(one.part),
                        "days_debited": one.half_days / 2,
                    }
                    for one in charges
                ],
                "refusals": [_reason(one) for one in seen.refusals],
                "who_decides": _who_decides(seen.judgement),
            }
        )

    @extend_schema(parameters=[YearQuery], responses=BalancesReply, filters=False)
    def balances(self, request: Request) -> Response:
        """The year's balances of the six kinds, in days."""
        _user, employee = _speaker(request)
        year = _year(request, employee)
        as_of, standings = statements.statement(employee, year)
        return Response(
            {"year": year, "as_of": as_of, "data": [_balance(one) for one in standings]}
        )

    @extend_schema(responses=ChildrenReply, filters=False)
    def children(self, request: Request) -> Response:
        """One's own children on record: `child_id` of an application for child care leave."""
        _user, employee = _speaker(request)
        rows = Child.objects.of(employee.organization_id).filter(
            employee=employee, died_on__isnull=True
        )
        return Response(
            {
                "data": [
                    {"id": c.pk, "name": c.name, "born_on": c.born_on, "disabled": c.disabled}
                    for c in rows
                ]
            }
        )

    @extend_schema(responses={200: OutlookReply, 403: None}, filters=False)
    def outlook(self, request: Request, pk: int) -> Response:
        """What a decision would come to: who decides, why it is not the caller's to approve, and
        what withholding costs.
        """
        one = self._one(pk)
        seen = services.outlook(one, _user(request))
        return Response(
            {
                "status": one.status,
                "who_decides": _who_decides(seen.judgement),
                "recommendation": one.recommendation or None,
                "refusal": _reason(seen.refusal) if seen.refusal else None,
                "days_debited": {name: seen.days.get(name) for name in services.WITHHOLD},
            }
        )

    @extend_schema(request=RecommendationBody, responses={200: LeaveReply, 403: None, 409: None})
    def recommend(self, request: Request, pk: int) -> Response:
        """Say, once, whether pending leave should be sanctioned. Another officer decides."""
        body = checked(RecommendationBody, request)
        favour = body["recommendation"] == LeaveApplication.Recommendation.RECOMMENDED
        one = services.recommend(
            self._one(pk), actor=_user(request), favour=favour, remarks=body["remarks"] or ""
        )
        return Response(row(_again(one)))

    @extend_schema(request=DecisionBody, responses={200: LeaveReply, 403: None, 409: None})
    def approve(self, request: Request, pk: int) -> Response:
        """Decide a pending application, once."""
        body = checked(DecisionBody, request)
        one = services.decide(
            self._one(pk),
            actor=_user(request),
            approve=body["decision"] == "approve",
            remarks=body["remarks"] or "",
            withhold=services.Withhold(body["withhold_prefix"], body["withhold_suffix"]),
        )
        return Response(row(_again(one)))

    @extend_schema(request=RemarksBody, responses={200: LeaveReply, 403: None, 409: None})
    def cancel(self, request: Request, pk: int) -> Response:
        """Take an application back: one's own before it begins, or as its authority."""
        body = checked(RemarksBody, request)
        return Response(
            row(
                _again(
                    services.cancel(
                        self._one(pk), actor=_user(request), remarks=body["remarks"] or ""
                    )
                )
            )
        )

    @extend_schema(request=CurtailBody, responses={200: LeaveReply, 409: None})
    def curtail(self, request: Request, pk: int) -> Response:
        """End leave earlier; the days after it are given back."""
        body = checked(CurtailBody, request)
        one = services.curtail(
            self._one(pk),
            ends_on=body["end_date"],
            actor=_user(request),
            remarks=body["remarks"] or "",
        )
        return Response(row(_again(one)))

    @extend_schema(request=ExtendBody, responses={201: LeaveReply, 409: None})
    def extend(self, request: Request, pk: int) -> Response:
        """Ask for more of the same: a new application for the days after it."""
        body = checked(ExtendBody, request)
        one = services.extend(
            self._one(pk), ends_on=body["end_date"], actor=_user(request), reason=body["reason"]
        )
        return Response(row(_again(one)), status=status.HTTP_201_CREATED)

    @extend_schema(request=ConvertBody, responses={200: LeaveReply, 409: None})
    def convert(self, request: Request, pk: int) -> Response:
        """Change the kind of leave that was taken, within the window after rejoining."""
        body, one = checked(ConvertBody, request), self._one(pk)
        paper = _paper(body["certificate_id"], one.employee)
        done = services.convert(
            one,
            kind=body["leave_type"],
            actor=_user(request),
            certificate=paper,
            remarks=body["remarks"] or "",
        )
        return Response(row(_again(done)))


class CertificatesView(APIView):
    """`POST /api/v1/leaves/certificates`: papers are kept privately and named by id."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, IsEmployee)
    parser_classes = (BoundedMultiPartParser,)
    limits = (V1,)

    @extend_schema(request={"multipart/form-data": CertificateBody}, responses={201: IdReply})
    def post(self, request: Request) -> Response:
        """Upload a medical certificate."""
        _user, employee = _speaker(request)
        body = checked(CertificateBody, request)
        paper = records.keep_certificate(
            employee, body["file"].read(), sick_on=body.get("sick_on"), fit_on=body.get("fit_on")
        )
        return Response({"id": paper.pk}, status=status.HTTP_201_CREATED)


class HolidaysView(APIView):
    """`GET /api/v1/holidays?year=`: the list of one's own office."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)
    limits = (V1,)

    @extend_schema(parameters=[YearQuery], responses=HolidaysReply)
    def get(self, request: Request) -> Response:
        """The holidays of a year at the caller's office; the common list when it has none of its
        own.
        """
        user = _user(request)
        asked = YearQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        place = Assignment.current(user.employee) if user.employee else None
        site = place.site if place else None
        year = asked.validated_data.get("year") or (
            today(user.employee).year if user.employee else date.today().year  # noqa: DTZ011
        )
        published = (
            Calendar.objects.of(user.organization_id)
            .published()
            .filter(year=year)
            .order_by("-version")
        )
        calendar = (published.filter(site=site).first() if site else None) or published.filter(
            site__isnull=True
        ).first()
        days = calendar.days.all() if calendar else []
        return Response(
            {
                "year": year,
                "office": site.name if site else None,
                "data": [_holiday(day) for day in days],
            }
        )


class AdminHolidaysViewSet(GenericViewSet[CalendarDay]):
    """`GET /api/v1/admin/holidays`: every office's list in force, and drafts."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, requires(KEEP_ATTENDANCE))
    limits = (V1,)
    pagination_class = NewestFirst
    filter_backends = (DjangoFilterBackend,)
    filterset_class = HolidayFilter
    queryset = CalendarDay.objects.none()
    serializer_class = AdminHolidayReply  # type: ignore[assignment]

    def get_queryset(self) -> QuerySet[CalendarDay]:
        """Of the versions in force and of drafts; versions that were replaced are history."""
        later = Calendar.objects.published().filter(
            organization=OuterRef("calendar__organization"),
            year=OuterRef("calendar__year"),
            version__gt=OuterRef("calendar__version"),
        )
        of_site, common = (
            later.filter(site=OuterRef("calendar__site")),
            later.filter(site__isnull=True),
        )
        replaced = Exists(of_site) | (Q(calendar__site__isnull=True) & Exists(common))
        rows = CalendarDay.objects.of(_user(self.request).organization_id).exclude(
            Q(calendar__published_at__isnull=False) & replaced
        )
        return rows.select_related("calendar__site")

    @extend_schema(responses=AdminHolidayReply(many=True))
    def list(self, request: Request) -> Response:
        """Holidays by year, office, class and whether they are published."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(
            [
                _holiday(day)
                | {
                    "id": day.pk,
                    "office": day.calendar.site.name if day.calendar.site else None,
                    "year": day.calendar.year,
                    "version": day.calendar.version,
                    "published": day.calendar.published_at is not None,
                }
                for day in page or []
            ]
        )


# --- Translation ----------------------------------------------------------------------------------
def checked(kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The fields of a body. Raises ValidationError."""
    body = kind(data=request.data)
    body.is_valid(raise_exception=True)
    found: dict[str, Any] = body.validated_data
    return found


def _user(request: Request) -> User:
    user: User = request.user  # type: ignore[assignment]
    return user


def _speaker(request: Request) -> tuple[User, Employee]:
    user = _user(request)
    if user.employee is None:
        raise NotFound
    return user, user.employee


def _people(user: User) -> QuerySet[Employee]:
    day = today(user.employee) if user.employee else date.today()  # noqa: DTZ011
    return Employee.objects.of(user.organization_id).filter(decides_for(user, day))


def _told(rows: QuerySet[LeaveApplication]) -> QuerySet[LeaveApplication]:
    rows = rows.select_related(
        "employee__organization", "decided_by__employee", "recommended_by__employee"
    )
    return rows.annotate(counted=Sum("days__counted"))


def _again(application: LeaveApplication) -> LeaveApplication:
    return _told(LeaveApplication.objects.of(application.organization_id)).get(pk=application.pk)


def _wish(request: Request, employee: Employee) -> services.Wish:
    asked = checked(LeaveBody, request)
    half = (asked["half_day_session"] or DayClaim.Half.FN) if asked["is_half_day"] else ""
    return services.Wish(
        asked["leave_type"],
        asked["start_date"],
        asked["end_date"],
        half,
        asked["is_half_day"],
        asked["reason"],
        asked["for_study"],
        _child(asked["child_id"], employee),
        _paper(asked["certificate_id"], employee),
    )


def _child(pk: int | None, employee: Employee) -> Child | None:
    """One's own child. Another's id is answered like one that does not exist."""
    if pk is None:
        return None
    found = Child.objects.of(employee.organization_id).filter(employee=employee, pk=pk).first()
    if found is None:
        raise serializers.ValidationError({"child_id": ["There is no such child on record."]})
    return found


def _paper(pk: int | None, employee: Employee) -> Certificate | None:
    """A paper of that employee. Another's id is answered like one that does not exist."""
    if pk is None:
        return None
    found = (
        Certificate.objects.of(employee.organization_id).filter(employee=employee, pk=pk).first()
    )
    if found is None:
        raise serializers.ValidationError({"certificate_id": ["There is no such certificate."]})
    return found


def _year(request: Request, employee: Employee) -> int:
    asked = YearQuery(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return int(asked.validated_data.get("year") or today(employee).year)


def name_of(user: User | None) -> str | None:
    """Who decided, in words."""
    if user is None:
        return None
    return user.get_full_name() or (user.employee.name if user.employee else user.get_username())


def row(one: LeaveApplication) -> dict[str, Any]:
    """An application as the API tells it."""
    return {
        "id": one.pk,
        "employee": person(one.employee),
        "leave_type": one.kind,
        "start_date": one.starts_on,
        "end_date": one.ends_on,
        "is_half_day": bool(one.half),
        "half_day_session": one.half or None,
        "reason": one.reason,
        "child_id": one.child_id,
        "certificate_id": one.certificate_id,
        "for_study": one.study,
        "extends_id": one.extends_id,
        "status": one.status,
        "chargeable_days": (getattr(one, "counted", None) or 0) / 2,
        "applied_at": one.applied_at,
        "decided_by": name_of(one.decided_by),
        "decided_at": one.decided_at,
        "remarks": one.remarks,
        "withhold_prefix": one.withhold_prefix,
        "withhold_suffix": one.withhold_suffix,
        "recommendation": one.recommendation or None,
        "recommended_by": name_of(one.recommended_by),
        "recommended_at": one.recommended_at,
    }


def person(employee: Employee) -> dict[str, Any]:
    """Somebody, in short."""
    return {"id": str(employee.pk), "code": employee.code, "name": employee.name}


def _who_decides(judgement: Judgement) -> dict[str, Any]:
    one = judgement.sanction
    return {
        "authority": str(one.authority) if one else None,
        "days_at_a_stretch": judgement.days_at_a_stretch,
        "recommendation_needed": one is not None and one.recommendation,
    }


def _reason(refusal: Refusal) -> dict[str, Any]:
    error = refused(refusal)
    return {
        "code": refusal.code,
        "rule": refusal.rule,
        "field": refusal.field,
        "message": str(error.sentence),
        "details": plain(error.details),
    }


def _balance(one: statements.Standing) -> dict[str, Any]:
    names = ("opening", "credited", "debited", "lapsed", "held", "available")
    return {"leave_type": str(one.kind), **{name: getattr(one, name) / 2 for name in names}}


def _holiday(day: CalendarDay) -> dict[str, Any]:
    return {"date": day.date, "name": day.name, "class": day.mark}
