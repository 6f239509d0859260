// The MCP Inspector on the command line, with a personal access token in place of a sign-in.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HERE, NODE, cleanEnvironment } from '../harness.mjs';

const run = promisify(execFile);
const INSPECTOR = join(HERE, 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');

export async function inspector(report, server) {
  const { email } = await server.person('inspector');
  const token = await server.personalToken(email, 'connections:read');
  // It keeps a catalogue of servers in the home directory.
  const home = mkdtempSync(join(tmpdir(), 'inspector-'));
  const inspect = async (bearer, ...args) => {
    const header = `Authorization: Bearer ${bearer}`;
    const fixed = [INSPECTOR, '--cli', server.mcpUrl, '--transport', 'http', '--header', header];
    const { stdout } = await run(NODE, [...fixed, ...args], { env: { ...cleanEnvironment(), HOME: home }, timeout: 60_000 });
    return JSON.parse(stdout);
  };

  await report.check('MCP Inspector: tools/list', async () => {
    const { tools } = await inspect(token, '--method', 'tools/list');
    const names = tools.map((tool) => tool.name);
    assert.ok(['whoami', 'echo', 'add'].every((name) => names.includes(name)), names.join());
  });
  await report.check('MCP Inspector: tools/call', async () => {
    const add = ['--method', 'tools/call', '--tool-name', 'add', '--tool-arg', 'a=2', 'b=3'];
    assert.deepEqual((await inspect(token, ...add)).structuredContent, { sum: 5 });
    const whoami = await inspect(token, '--method', 'tools/call', '--tool-name', 'whoami');
    assert.ok(JSON.stringify(whoami).includes(email));
  });
  await report.check('MCP Inspector: a token nobody issued is refused', async () => {
    // Refused, it wants to sign in, and has no terminal for that.
    await assert.rejects(inspect(`${token.slice(0, -1)}~`, '--method', 'tools/list'), /auth_required/);
  });
  rmSync(home, { recursive: true });
}
