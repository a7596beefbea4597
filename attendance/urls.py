"""Addresses of the doors. No trailing slashes and no redirects: terminals do not follow them."""

from django.urls import path, re_path

from attendance.days_api import DaysViewSet
from attendance.doors import biometric, device, hr, phone
from attendance.inbox_api import ExceptionsViewSet
from attendance.regularization_api import RegularizationsViewSet as Asked

urlpatterns = [
    path(
        "api/attendance/v1/punch", device.DeviceDoor.as_view({"post": "punch"}), name="device-punch"
    ),
    *(
        path(
            f"api/attendance/v1/{call}",
            device.DeviceDoor.as_view({"get": call, "post": call}),
            name=f"device-{call}",
        )
        for call in ("heartbeat", "validity", "config")
    ),
    re_path(r"^api/attendance/v1(?:/.*)?$", device.NoSuchCall.as_view()),
    path("api/biometric/attendance", biometric.BiometricDoor.as_view(), name="biometric"),
    re_path(r"^api/biometric(?:/.*)?$", biometric.NoSuchCall.as_view()),
    path("api/v1/hr/attendance/clock", hr.HrClockDoor.as_view(), name="hr-clock"),
    re_path(r"^api/v1/hr/attendance(?:/.*)?$", hr.NoSuchCall.as_view()),
    path("api/v1/punch", phone.PhoneDoor.as_view(), name="phone-punch"),
    path(
        "api/v1/punches/today", phone.PunchesViewSet.as_view({"get": "today"}), name="punches-today"
    ),
    path(
        "api/v1/punches/month/<str:month>",
        phone.PunchesViewSet.as_view({"get": "month"}),
        name="punches-month",
    ),
    path("api/v1/days", DaysViewSet.as_view({"get": "list"}), name="days"),
    path(
        "api/v1/days/<str:date>/explain",
        DaysViewSet.as_view({"get": "explain"}),
        name="day-explain",
    ),
    path("api/v1/admin/exceptions", ExceptionsViewSet.as_view({"get": "list"}), name="exceptions"),
    path(
        "api/v1/admin/exceptions/<int:pk>/resolve",
        ExceptionsViewSet.as_view({"post": "resolve"}),
        name="exception-resolve",
    ),
    path(
        "api/v1/regularizations",
        Asked.as_view({"get": "list", "post": "create"}),
        name="regularizations",
    ),
    path(
        "api/v1/regularizations/to-decide",
        Asked.as_view({"get": "to_decide"}),
        name="regularizations-to-decide",
    ),
    path(
        "api/v1/regularizations/<int:pk>/decide",
        Asked.as_view({"post": "decide"}),
        name="regularization-decide",
    ),
    path(
        "api/v1/regularizations/<int:pk>/withdraw",
        Asked.as_view({"post": "withdraw"}),
        name="regularization-withdraw",
    ),
]
