"""A batch of a scanner. MUSTER_URL is the server, MUSTER_API_KEY the key.

Check each result: an invalid event fails alone. A batch may be sent again unchanged: its scanIds
identify repeats.
"""

import os
import sys
import uuid
from datetime import UTC, datetime

import requests

scan, now = f"SCAN_{uuid.uuid4().hex}", datetime.now(UTC).isoformat()
reply = requests.post(
    f"{os.environ['MUSTER_URL']}/api/biometric/attendance",
    headers={"X-API-Key": os.environ["MUSTER_API_KEY"]},
    json={
        "device_info": {
            "device_id": "DEV001",
            "device_name": "Main Gate Scanner",
            "location": "Main Entrance",
        },
        "events": [
            {
                "scanId": f"{scan}_1",
                "employeeId": "EMP001",
                "eventType": "check_in",
                "timestamp": now,
                "temperature": 36.5,
            },
            {
                "scanId": f"{scan}_2",
                "employeeId": "1001",
                "eventType": "check_in",
                "timestamp": now,
                "maskDetected": True,
            },
        ],
    },
    timeout=15,
)
answer = reply.json()
print(reply.status_code, answer)
sys.exit(0 if answer["success"] and answer["failed"] == 0 else 1)
