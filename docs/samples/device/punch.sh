#!/bin/sh
# One punch of a terminal. MUSTER_URL is the server, MUSTER_SN the terminal's serial number, MUSTER_TOKEN its token.
curl -sS --fail-with-body "$MUSTER_URL/api/attendance/v1/punch" \
  -H "sn: $MUSTER_SN" \
  -H "auth-token: $MUSTER_TOKEN" \
  -H "Content-Type: application/json" \
  -d "{\"user_id\":\"1001\",\"att_time\":\"$(date '+%Y-%m-%d %H:%M:%S GMT %z')\",\"att_state\":1,\"input_type\":50}"
