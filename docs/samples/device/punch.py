"""One punch of a terminal. MUSTER_URL is the server, MUSTER_SN the terminal's serial number,
MUSTER_TOKEN its token.

Send a punch again, unchanged, until the answer is 200: it is one punch, however often it is sent.
"""

import os
import sys
from datetime import UTC, datetime

import requests

reply = requests.post(
    f"{os.environ['MUSTER_URL']}/api/attendance/v1/punch",
    headers={"sn": os.environ["MUSTER_SN"], "auth-token": os.environ["MUSTER_TOKEN"]},
    json={
        "user_id": "1001",
        "att_time": datetime.now(UTC).isoformat(),
        "att_state": 1,
        "input_type": 50,
    },
    timeout=15,
)
print(reply.status_code, reply.text)
sys.exit(0 if reply.ok else 1)
