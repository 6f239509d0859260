#!/usr/bin/env node
// Clients nobody here wrote, against a real server: the official SDKs sign in by themselves, the inspector brings a token.

import { inspector } from './clients/inspector.mjs';
import { PYTHON, python } from './clients/python.mjs';
import { TYPESCRIPT, typescript } from './clients/typescript.mjs';
import { Report, startServer } from './harness.mjs';

// In seconds: every client waits for the end of an access token.
const ACCESS_TOKEN_TTL = 5;

const report = new Report('clients');
const server = await startServer({
  config: `[plugins.oauth-server]\naccess_token_ttl_seconds = ${ACCESS_TOKEN_TTL}\nrefresh_grace_seconds = 2\n`,
  demoTools: true,
});
// All at once, because they spend their time waiting for tokens to expire.
const runs = [
  ...TYPESCRIPT.map((kind) => [kind.label, () => typescript(report, server, kind)]),
  ...PYTHON.map((mode) => [`Python SDK, ${mode}`, () => python(report, server, mode)]),
  ['MCP Inspector', () => inspector(report, server)],
];
await Promise.all(runs.map(([label, run]) => run().catch((error) => report.fail(label, error))));
await report.check('the server ends in good order', () => server.stop());
report.close();
