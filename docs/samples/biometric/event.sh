#!/bin/sh
# One event of a scanner. MUSTER_URL is the server, MUSTER_API_KEY the key.
curl -sS --fail-with-body "$MUSTER_URL/api/biometric/attendance" \
  -H "X-API-Key: $MUSTER_API_KEY" \
  -H "Content-Type: application/json" \
  -d "{\"scanId\":\"SCAN_$(date +%s)_$$\",\"employeeId\":\"EMP001\",\"eventType\":\"check_in\",\"timestamp\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\",\"temperature\":36.5,\"maskDetected\":true}"
