// Punch from a phone, in JavaScript: the same file in a browser (or a web view) and in Node 20.
//
//   const key = await newKey();
//   await send(url, token, "/api/v1/devices/register",
//              { device_uuid, platform: "web", model: "Firefox", public_key: await publicKey(key) });
//   await send(url, token, "/api/v1/punch", await sign(key, newPunch(device_uuid, "IN", position, ssid)));

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };
const FLAGS = ["mock_location", "rooted", "emulator", "vpn"];
const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));

/** A fresh key pair. The private key can sign, but no script can read it, not even an attacker's. */
export const newKey = () => crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);

/** The public key for `register`: base64 of the SubjectPublicKeyInfo. */
export const publicKey = async (key) => base64(await crypto.subtle.exportKey("spki", key.publicKey));

/** The ten lines to sign. A number is written exactly as in the JSON, so JSON.stringify writes both. */
export function signedText(punch) {
  const numbers = [punch.lat, punch.lng, punch.accuracy_m].map((number) => JSON.stringify(number));
  const flags = FLAGS.map((flag) => (punch.anti_spoof[flag] ? "1" : "0")).join("");
  return ["MUSTER-PUNCH-1", punch.device_uuid.toLowerCase(), punch.punch_type, punch.punched_at, ...numbers,
    punch.ssid_seen ?? "", punch.nonce, flags].join("\n");
}

/** The same punch with its signature. WebCrypto gives r and s in the required form: 64 bytes, no ASN.1. */
export async function sign(key, punch) {
  const raw = await crypto.subtle.sign(SIGNING, key.privateKey, new TextEncoder().encode(signedText(punch)));
  return { ...punch, signature: base64(raw) };
}

/** A punch of this moment. Keep it until the server has answered, and send it again unchanged: its nonce identifies a repeat. */
export function newPunch(deviceUuid, type, { latitude, longitude, accuracy }, ssid = null) {
  const nonce = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    device_uuid: deviceUuid, punch_type: type, punched_at: new Date().toISOString(), lat: latitude, lng: longitude,
    accuracy_m: accuracy, ssid_seen: ssid, nonce, anti_spoof: Object.fromEntries(FLAGS.map((flag) => [flag, false])),
  };
}

/** POST `body` with the employee's token; the status and the answer. */
export async function send(url, token, path, body) {
  const reply = await fetch(url + path, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: reply.status, answer: await reply.json() };
}

/** r‖s, 32 bytes each, from the ASN.1 form in which Android's and Apple's keystores give a signature. */
export function derToRaw(der) {
  const raw = new Uint8Array(64);
  let at = 2; // 30 LEN: a P-256 signature is always shorter than 128 bytes.
  for (const end of [32, 64]) {
    let length = der[at + 1]; // 02 LEN VALUE
    let from = at + 2;
    at = from + length;
    // A zero goes first where the number would look negative; leading zeros of the number itself are left out.
    if (length === 33) [from, length] = [from + 1, 32];
    raw.set(der.subarray(from, from + length), end - length);
  }
  return raw;
}
