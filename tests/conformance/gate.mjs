#!/usr/bin/env node
// The official suite through the gateway: the fixture stands behind a rule, and every request carries an access token.
// The gateway is $BELGIE_CONFORMANCE_GATEWAY (crate `gateway`).

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HERE, NODE, Report, cleanEnvironment, firstLine, stopProcess } from './harness.mjs';

// The suite is pinned, so a check that is not made any more is as telling as one that fails. Bare, the fixture passes one
// more of the newest revision: there it answers `tools/list` with a stream, and whether three streams at once work
// counts. The gateway answers with plain JSON, which the suite notes as allowed.
const TOTALS = { '2026-07-28': 196, '2025-11-25': 83, '2025-06-18': 56 };

const binary = process.env.BELGIE_CONFORMANCE_GATEWAY;
if (!binary) throw new Error('BELGIE_CONFORMANCE_GATEWAY must name the belgie-conformance-gateway binary');
const report = new Report('suite');

/** Runs all revisions through a gateway with these settings. */
async function through(label, settings) {
  const dataDir = mkdtempSync(join(tmpdir(), 'belgie-'));
  const env = { ...cleanEnvironment(), ...settings };
  const gateway = spawn(binary, [dataDir], { cwd: dataDir, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const { mcp_url: url, token } = await firstLine(gateway);
  for (const [revision, total] of Object.entries(TOTALS)) {
    await report.check(`${label}: ${revision}, ${total} passed, 0 failed`, async () => {
      const { code, said } = await suite(url, token, revision);
      if (code !== 0 || !said.includes(`Total: ${total} passed, 0 failed`)) throw new Error(said);
    });
  }
  await report.check(`${label}: the gateway ends in good order`, async () => {
    const code = await stopProcess(gateway);
    if (code !== 0) throw new Error(`it ended with ${code}`);
  });
  rmSync(dataDir, { recursive: true });
}

async function suite(url, token, revision) {
  const env = { ...cleanEnvironment(), MCP_BEARER: token };
  const child = spawn(NODE, [join(HERE, 'suite.mjs'), url, revision], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (said += piece));
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, said };
}

await through('the usual way', {});
await through('the long way', { BELGIE_MCP_DIRECT_PATH: 'false' });
report.close();
