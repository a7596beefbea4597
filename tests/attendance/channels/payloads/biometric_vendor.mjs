const response = await fetch('/api/biometric/attendance', {
method: 'POST',
headers: {
'Content-Type': 'application/json',
'X-API-Key': 'your_api_key'
},
body: JSON.stringify({
device_info: {
device_id: 'DEV001',
device_name: 'Main Gate Scanner',
location: 'Main Entrance'
},
events: [{
scanId: 'SCAN_001_20241201_001',
employeeId: 'EMP001',
eventType: 'check_in',
timestamp: new Date().toISOString(),
temperature: 36.5,
maskDetected: true
}]
})
});
const result = await response.json();
console.log(result);
