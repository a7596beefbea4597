"""Addresses of the doors. No trailing slashes and no redirects: terminals do not follow them."""

from django.urls import path, re_path

from attendance.doors.device import DeviceDoor, NoSuchCall

urlpatterns = [
    path("api/attendance/v1/punch", DeviceDoor.as_view({"post": "punch"}), name="device-punch"),
    *(
        path(f"api/attendance/v1/{call}", DeviceDoor.as_view({"get": call, "post": call}), name=f"device-{call}")
        for call in ("heartbeat", "validity", "config")
    ),
    re_path(r"^api/attendance/v1(?:/.*)?$", NoSuchCall.as_view()),
]
