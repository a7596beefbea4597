"""How to try the demo, for a person: where it is, and one punch by each channel, ready to paste.

Printed by `manage.py demo` and, when everything runs, by `manage.py up`.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from config.demo.organization import OFFICE_POSITION, SSID
from config.demo.phone import signed_punch


def demo_instructions(credentials: dict[str, Any]) -> str:
    """How to try the demo, for a person."""
    base, admin = credentials["base_url"], credentials["admin"]
    return "\n".join(
        (
            f"Console:    {base}/admin/",
            f"Sign in:    {admin['username']} / {admin['password']}",
            "",
            f"Single sign-on: {_sso_line(credentials['sso'])}",
            "",
            "Send a punch through each channel:",
            "",
            *(
                line
                for name, command in punch_curl_commands(credentials).items()
                for line in (f"# {name}", command, "")
            ),
            "Watch it arrive at the customer's server, signed:",
            f"  {credentials['receiver']['url']}/           (as a page)",
            f"  {credentials['receiver']['received']}   (as JSON)",
            f"and in the console: {base}/admin/attendance/punch/",
            f"                    {base}/admin/webhooks/delivery/",
        )
    )


def _sso_line(sso: dict[str, Any]) -> str:
    if sso["available"]:
        return (
            f"on the console's sign-in page, at a local provider ({sso['issuer']}); choose who you"
            " are."
        )
    return f"off. {sso['why']}"


def punch_curl_commands(credentials: dict[str, Any]) -> dict[str, str]:
    """One punch by each channel, ready to paste, by the channel's name. Each is a new one: a punch
    sent before would be a repeat.
    """
    now, once = datetime.now(ZoneInfo("Asia/Kolkata")), secrets.token_hex(4)
    device, hr = credentials["device"], credentials["hr"]
    return {
        "device": _curl(
            f"{credentials['base_url']}/api/attendance/v1/punch",
            {"sn": device["sn"], "auth-token": device["auth_token"]},
            {
                "user_id": "1001",
                "att_time": f"{now:%Y-%m-%d %H:%M:%S}",
                "att_state": 1,
                "input_type": 50,
            },
        ),
        "biometric": _curl(
            f"{credentials['base_url']}/api/biometric/attendance",
            {"X-API-Key": credentials["biometric"]["api_key"]},
            {
                "scanId": f"SCAN_{once}",
                "employeeId": "EMP001",
                "eventType": "check_in",
                "timestamp": now.isoformat(timespec="seconds"),
                "temperature": 36.5,
                "maskDetected": True,
            },
        ),
        "HR clock": _curl(
            f"{credentials['base_url']}/api/v1/hr/attendance/clock",
            {
                "Authorization": f"Bearer {hr['access_token']}",
                "X-Fluide-Api-Key": hr["api_key"],
                "X-Fluide-Client-Id": hr["fluide_client_id"],
                "Idempotency-Key": once,
            },
            {"hrEmployeeId": hr["employee_id"], "kind": "CLOCK_IN"},
        ),
        "phone, signed just now; docs/samples/phone/punch.py signs as many as you like": _curl(
            f"{credentials['base_url']}/api/v1/punch",
            {"Authorization": f"Bearer {credentials['phone']['token']}"},
            signed_punch(credentials["phone"], *OFFICE_POSITION, SSID),
        ),
    }


def _curl(url: str, headers: dict[str, str], body: dict[str, Any]) -> str:
    sent = [
        f'-H "{name}: {value}"'
        for name, value in {**headers, "Content-Type": "application/json"}.items()
    ]
    return " \\\n  ".join((f"curl {url}", *sent, f"-d '{json.dumps(body)}'"))
