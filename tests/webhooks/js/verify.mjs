// Verifies one signed body, given on standard input, as a customer's Node server would.
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const { secret, body, headers } = JSON.parse(readFileSync(0, "utf8"));
new Webhook(secret).verify(body, headers);
console.log("verified");
