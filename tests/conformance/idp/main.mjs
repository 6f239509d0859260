#!/usr/bin/env node
// The providers as a program, for tests in other languages:
//
//   node idp/main.mjs
//
// It prints one line of JSON, all addresses and what clients need (`addresses` in server.mjs), and serves until its
// standard input ends. Tests steer it by POST to the address `control`:
//
//   { "call": "expect", "arguments": ["http://127.0.0.1:4000"] }                 register a gateway's callback addresses
//   { "personality": "google", "call": "set", "arguments": [{ "auto": { "person": "ada" } }] }     answer the pages itself
//   { "personality": "google", "call": "next", "arguments": ["nonce missing"] }  tamper once; the names are in tamper.mjs
//   { "personality": "google", "call": "fault", "arguments": ["token", { "status": 503, "times": 1 }] }
//   { "personality": "google", "call": "rotateKeys", "arguments": [{ "alg": "ES256" }] }
//   { "personality": "google", "call": "reset" }
//
// Every answer, and that to GET, says what each provider was asked: counts, the last parameters, tamperings that wait.

// The library gives advice on the standard output, which is for the one line alone.
for (const way of ['log', 'info', 'warn']) console[way] = console.error;

const { startIdp } = await import('./server.mjs');
const idp = await startIdp();
process.stdout.write(`${JSON.stringify(idp.addresses)}\n`);
process.stdin.resume().once('end', () => idp.close());
