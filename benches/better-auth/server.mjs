// better-auth on a SQLite file, with somebody signed in:
//
//   node server.mjs <SQLite file> database|joins|cache
//
// It prints {"address", "path", "cookie", "email"} as a line of JSON and serves until its standard input ends. Everything
// is as its documentation has it for Node: the handler of `better-auth/node` in a plain HTTP server, better-sqlite3, production
// mode. What would only cost it time is off: telemetry, the rate limiter, logs.

import { createServer } from 'node:http';
import Database from 'better-sqlite3';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';

const [file, variant] = process.argv.slice(2);
const VARIANTS = {
  // A look-up for each request, by two queries.
  database: {},
  // The same by one query.
  joins: { advanced: { database: { joins: true } } },
  // No look-up: the session stands in a signed cookie, here for longer than any run.
  cache: { session: { cookieCache: { enabled: true, maxAge: 86_400 } } },
};

const database = new Database(file);
// As the gateway opens its own file.
database.pragma('journal_mode = WAL');
database.pragma('synchronous = NORMAL');

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address();
const origin = `http://127.0.0.1:${port}`;

const options = {
  database,
  baseURL: origin,
  secret: 'a secret of a benchmark, 32 characters or more',
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
  ...VARIANTS[variant],
};
const { runMigrations } = await getMigrations(options);
await runMigrations();
server.on('request', toNodeHandler(betterAuth(options)));

const email = 'bench@example.com';
const made = await fetch(`${origin}/api/auth/sign-up/email`, {
  method: 'POST',
  headers: { 'content-type': 'application/json', origin },
  body: JSON.stringify({ email, password: 'a password nobody guesses', name: 'Bench' }),
});
if (!made.ok) throw new Error(`no account: ${made.status} ${await made.text()}`);
const cookie = made.headers
  .getSetCookie()
  .map((line) => line.split(';')[0])
  .join('; ');

process.stdout.write(`${JSON.stringify({ address: `127.0.0.1:${port}`, path: '/api/auth/get-session', cookie, email })}\n`);
process.stdin.resume().once('end', () => process.exit());
