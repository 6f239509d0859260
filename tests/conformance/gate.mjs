#!/usr/bin/env node
// The official suite through the gateway: the fixture stands behind a rule, and every request carries an access token.
// The gateway is $BELGIE_CONFORMANCE_GATEWAY (crate `gateway`). Arguments are protocol revisions, as for suite.mjs.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HERE, NODE, cleanEnvironment, firstLine, stopProcess } from './harness.mjs';

const binary = process.env.BELGIE_CONFORMANCE_GATEWAY;
if (!binary) throw new Error('BELGIE_CONFORMANCE_GATEWAY must name the belgie-conformance-gateway binary');
const dataDir = mkdtempSync(join(tmpdir(), 'belgie-'));
const gateway = spawn(binary, [dataDir], { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'inherit'] });
const { mcp_url: url, token } = await firstLine(gateway);

const suite = spawn(NODE, [join(HERE, 'suite.mjs'), url, ...process.argv.slice(2)], {
  env: { ...cleanEnvironment(), MCP_BEARER: token },
  stdio: 'inherit',
});
const failed = await new Promise((resolve) => suite.once('exit', resolve));
const ended = await stopProcess(gateway);
rmSync(dataDir, { recursive: true });
console.log(`suite: ${failed === 0 ? 'passed' : 'FAILED'}; the gateway ended with ${ended}`);
process.exitCode = failed === 0 && ended === 0 ? 0 : 1;
