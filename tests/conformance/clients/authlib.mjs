// Starts authlib_party.py, makes its clients as an operator would, and is its browser.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeKeys, publicJwk } from '../idp/keys.mjs';
import { runScript } from './python.mjs';

/** The settings a server needs for everything that is tried. */
export const AUTHLIB_CONFIG = 'openid_connect = true\ndevice_authorization = true\n';

async function makeClients(server) {
  const create = (name, ...more) => server.command('client', 'create', '--name', name, ...more);
  const keys = await makeKeys();
  const jwks = join(server.dataDir, 'authlib.jwks.json');
  writeFileSync(jwks, JSON.stringify({ keys: Object.values(keys).map(publicJwk) }));
  const signing = await create('Signing', '--machine', '--scope', 'connections:read', '--jwks', jwks);
  const privately = Object.entries(keys).map(([alg, { jwk }]) => [alg, jwk]);
  return {
    web: await create('Authlib', '--confidential', '--redirect-uri', 'http://127.0.0.1/callback'),
    machine: await create('Nightly', '--machine', '--scope', 'connections:read'),
    signing: { ...signing, keys: Object.fromEntries(privately) },
    asker: await create('Resource server', '--resource-server', server.mcpUrl),
    device: await create('Television', '--device'),
  };
}

/** Opens the address a device shows, and lets it in. */
async function letIn(person, address) {
  const page = await (await person.browser.open(address)).submit('/device');
  const done = await page.submit('/authorize', {}, 'allow');
  assert.equal(done.url.pathname, '/device/allowed');
}

export async function authlib(report, server, format) {
  const label = `Authlib, ${format} access tokens`;
  const person = await server.person(`authlib-${format}`);
  // Once with an address that is proven, once without.
  const verified = format === 'jwt';
  if (verified) await server.command('user', 'verify', '--email', person.email, '--is-theirs');
  const given = { issuer: server.baseUrl, mcp: server.mcpUrl, email: person.email, verified, format, ...(await makeClients(server)) };
  await runScript('authlib_party.py', [JSON.stringify(given)], async (event, say) => {
    if (event.passed) report.pass(`${label}: ${event.passed}`);
    if (event.authorize) {
      await person.authorize(event.authorize).catch((error) => report.fail(`${label}: the consent page`, error));
    }
    if (event.device) {
      await letIn(person, event.device).catch((error) => report.fail(`${label}: the page for devices`, error));
      say('done');
    }
  }).catch((error) => report.fail(label, error));
}
