"""Addresses of the channels. No trailing slashes and no redirects: terminals do not follow them."""

from django.urls import path, re_path

from attendance.channels import biometric, device, employee_punches, hr, phone
from attendance.corrections.api import RegularizationViewSet
from attendance.days.api import DayViewSet
from attendance.exceptions.api import AttendanceExceptionViewSet

urlpatterns = [
    path(
        "api/attendance/v1/punch",
        device.DeviceChannelViewSet.as_view({"post": "punch"}),
        name="device-punch",
    ),
    *(
        path(
            f"api/attendance/v1/{call}",
            device.DeviceChannelViewSet.as_view({"get": call, "post": call}),
            name=f"device-{call}",
        )
        for call in ("heartbeat", "validity", "config")
    ),
    re_path(r"^api/attendance/v1(?:/.*)?$", device.DeviceNotFoundView.as_view()),
    path("api/biometric/attendance", biometric.BiometricChannelView.as_view(), name="biometric"),
    re_path(r"^api/biometric(?:/.*)?$", biometric.BiometricNotFoundView.as_view()),
    path("api/v1/hr/attendance/clock", hr.HrClockChannelView.as_view(), name="hr-clock"),
    re_path(r"^api/v1/hr/attendance(?:/.*)?$", hr.HrNotFoundView.as_view()),
    path("api/v1/punch", phone.PhoneChannelView.as_view(), name="phone-punch"),
    path(
        "api/v1/punches/today",
        employee_punches.PunchesViewSet.as_view({"get": "today"}),
        name="punches-today",
    ),
    path(
        "api/v1/punches/month/<str:month>",
        employee_punches.PunchesViewSet.as_view({"get": "month"}),
        name="punches-month",
    ),
    path("api/v1/days", DayViewSet.as_view({"get": "list"}), name="days"),
    path(
        "api/v1/days/<str:date>/explain",
        DayViewSet.as_view({"get": "explain"}),
        name="day-explain",
    ),
    path(
        "api/v1/admin/exceptions",
        AttendanceExceptionViewSet.as_view({"get": "list"}),
        name="exceptions",
    ),
    path(
        "api/v1/admin/exceptions/<int:pk>/resolve",
        AttendanceExceptionViewSet.as_view({"post": "resolve"}),
        name="exception-resolve",
    ),
    path(
        "api/v1/regularizations",
        RegularizationViewSet.as_view({"get": "list", "post": "create"}),
        name="regularizations",
    ),
    path(
        "api/v1/regularizations/to-decide",
        RegularizationViewSet.as_view({"get": "to_decide"}),
        name="regularizations-to-decide",
    ),
    path(
        "api/v1/regularizations/<int:pk>/decide",
        RegularizationViewSet.as_view({"post": "decide"}),
        name="regularization-decide",
    ),
    path(
        "api/v1/regularizations/<int:pk>/withdraw",
        RegularizationViewSet.as_view({"post": "withdraw"}),
        name="regularization-withdraw",
    ),
]
