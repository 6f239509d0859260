#!/usr/bin/env node
// Checks of a server's own authorization that the official suite has in branches and issues, and in no release yet. They have its
// names, so that they can be replaced by its own when those are released; README.md says which is where.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { audience } from './checks/audience.mjs';
import { baseline } from './checks/baseline.mjs';
import { codeGrant } from './checks/code-grant.mjs';
import { dpop, nonces } from './checks/dpop.mjs';
import { registration } from './checks/registration.mjs';
import { stepUp } from './checks/step-up.mjs';
import { TYPESCRIPT } from './clients/typescript.mjs';
import { Person, Report, cleanEnvironment, firstLine, startServer, stopProcess } from './harness.mjs';

const [first, legacy, modern] = TYPESCRIPT;
const report = new Report('checks');

/** Runs one part, so that what goes wrong in it stops no other. */
async function part(name, run) {
  try {
    await run();
  } catch (error) {
    report.fail(name, error);
  }
}

/** The gateway program with the tool `admin-action`, as far as clients need to know it. */
async function withAdminAction(run) {
  const dataDir = mkdtempSync(join(tmpdir(), 'belgie-'));
  const program = process.env.BELGIE_CONFORMANCE_GATEWAY;
  const child = spawn(program, [dataDir, 'admin-action'], { cwd: dataDir, env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'inherit'] });
  const { mcp_url: mcpUrl } = await firstLine(child);
  const server = { mcpUrl, baseUrl: new URL(mcpUrl).origin };
  await run(server, () => new Person(server, 'suite@example.org'));
  const code = await stopProcess(child);
  if (code !== 0) throw new Error(`the gateway ended with ${code}`);
  rmSync(dataDir, { recursive: true });
}

await part('auth-token-audience-validation', () => audience(report));
for (const format of ['opaque', 'jwt']) {
  const config = `[plugins.oauth-server]\naccess_token_format = "${format}"\n`;
  const server = await startServer({ config, demoTools: true });
  await part(`authorization baseline, ${format}`, () => baseline(report, server, format));
  await part(`server-auth/basic-dcr-flow, ${format}`, async () => {
    for (const kind of [first, modern]) await registration(report, server, kind, format);
  });
  await part(`authorization-code-grant, ${format}`, () => codeGrant(report, server, format));
  await part(`dpop, ${format}`, () => dpop(report, server, format));
  await report.check(`the server ends in good order (${format})`, () => server.stop(/an authorization code came twice/));
}
const server = await startServer({ config: '[plugins.oauth-server]\ndpop_nonces = true\n', demoTools: true });
await part('dpop, with nonces', () => nonces(report, server));
await report.check('the server ends in good order (with nonces)', () => server.stop());
await part('server-auth/step-up-auth', () =>
  withAdminAction(async (server, person) => {
    for (const kind of [legacy, modern]) await stepUp(report, server, kind, person());
  }),
);
report.close();
