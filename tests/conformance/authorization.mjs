#!/usr/bin/env node
// The official suite's mode for authorization servers (its scenarios `authorization-server-metadata-endpoint` and
// `authorization-code-grant`), once with a client the operator added and once with one that is
// known by its metadata document. The suite waits for a browser, which is played by the harness.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HERE, NODE, Report, cleanEnvironment, freePort, startServer } from './harness.mjs';

const SUITE = join(HERE, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');

/** Runs the mode, opens the address it prints as `person`, and returns what it printed. */
async function authorization(server, person, clientId, port) {
  const out = mkdtempSync(join(tmpdir(), 'authorization-'));
  const named = ['--client-id', clientId, '--resource', server.mcpUrl, '-p', String(port), '-o', out];
  const suite = spawn(NODE, [SUITE, 'authorization', '--url', server.baseUrl, ...named], {
    env: cleanEnvironment(),
    timeout: 120_000,
  });
  let said = '';
  let visit;
  const listen = (piece) => {
    said += piece;
    const [address] = said.match(/http:\S+\/authorize\?\S+(?=\s)/) ?? [];
    if (address) visit ??= person.authorize(address);
  };
  suite.stdout.on('data', listen);
  suite.stderr.on('data', listen);
  const code = await new Promise((resolve) => suite.once('close', resolve));
  await visit;
  rmSync(out, { recursive: true });
  return { said, code };
}

function assertGreen({ said, code }) {
  const total = said.match(/^Total: .*$/m)?.[0] ?? 'no total';
  console.log(`        ${total}`);
  assert.ok(code === 0 && /\b3 passed, 0 failed/.test(total), `exit code ${code}\n${said}`);
}

/** Serves a client's metadata document on this machine. */
async function serveDocument(redirectUri) {
  const documents = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document));
  });
  await new Promise((resolve) => documents.listen(0, '127.0.0.1', resolve));
  const clientId = `http://127.0.0.1:${documents.address().port}/client.json`;
  const document = {
    client_id: clientId,
    client_name: 'The conformance suite',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
  return { clientId, close: () => documents.close() };
}

const report = new Report('authorization');
const server = await startServer({
  config: '[outbound]\ndanger_allow_loopback = true\n[plugins.oauth-server]\ndanger_allow_loopback_clients = true\n',
});
const person = await server.person('Ada');

await report.check('a client the operator added', async () => {
  const port = await freePort();
  const redirect = `http://127.0.0.1:${port}/callback`;
  const client = await server.command('client', 'create', '--name', 'The conformance suite', '--redirect-uri', redirect);
  assertGreen(await authorization(server, person, client.client_id, port));
});
await report.check('a client known by its metadata document', async () => {
  const port = await freePort();
  const documents = await serveDocument(`http://127.0.0.1:${port}/callback`);
  assertGreen(await authorization(server, person, documents.clientId, port));
  documents.close();
});
await report.check('the server ends in good order', () => server.stop());
report.close();
