curl -X POST "https://your-domain.com/api/biometric/attendance" \
-H "Content-Type: application/json" \
-H "X-API-Key: your_api_key" \
-d '{
"events": [{
"scanId": "SCAN_001_20241201_001",
"employeeId": "EMP001",
"eventType": "check_in",
"timestamp": "2024-12-01T08:30:00Z",
"temperature": 36.5,
"maskDetected": true
}]
}'
