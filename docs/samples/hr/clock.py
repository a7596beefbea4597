"""Get a machine token and clock an employee in.

FLUIDE_BASE_URL is the server; FLUIDE_CLIENT_ID, FLUIDE_CLIENT_SECRET and FLUIDE_API_KEY are the
credentials; FLUIDE_EMPLOYEE_ID is the employee. Keep the Idempotency-Key until there is an answer,
and send the same request again: it is one clock event, however often it is sent.
"""

import os
import sys
import uuid

import requests

BASE = os.environ["FLUIDE_BASE_URL"]
granted = requests.post(
    f"{BASE}/api/v1/oauth/token",
    data={
        "grant_type": "client_credentials",
        "client_id": os.environ["FLUIDE_CLIENT_ID"],
        "client_secret": os.environ["FLUIDE_CLIENT_SECRET"],
    },
    timeout=15,
)
granted.raise_for_status()
reply = requests.post(
    f"{BASE}/api/v1/hr/attendance/clock",
    headers={
        "Authorization": f"Bearer {granted.json()['access_token']}",
        "X-Fluide-Api-Key": os.environ["FLUIDE_API_KEY"],
        "X-Fluide-Client-Id": "fluide-developer",
        "Idempotency-Key": str(uuid.uuid4()),
    },
    json={"hrEmployeeId": os.environ["FLUIDE_EMPLOYEE_ID"], "kind": "CLOCK_IN", "source": "SYSTEM"},
    timeout=15,
)
print(reply.status_code, reply.json())
sys.exit(0 if reply.status_code == 201 else 1)
