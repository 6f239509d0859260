// An application of somebody's own with the gateway inside (examples/oauth_client_plugin.rs): what it gives along to a
// provider comes back, once.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cleanEnvironment, freePort, stopProcess } from '../harness.mjs';
import { startIdp } from '../idp/server.mjs';
import { PATHS, PROVIDERS } from './ui.mjs';
import { credentials, tomlOf } from './world.mjs';

const GRACE = 'grace@navy.example';
/** The application's own answers are JSON without the gateway's headers, and it has no picture for the tab. */
const OWN_PAGES = /^header: |favicon|^console: Failed to load resource: .* 404 /;

export async function openApplicationWorld() {
  const idp = await startIdp();
  const server = await startApplication(idp).catch((error) => {
    idp.close();
    throw error;
  });
  idp.expect(server.baseUrl);
  return {
    idp,
    server,
    async close() {
      idp.close();
      await server.stop();
    },
  };
}

async function startApplication({ addresses: { google, generic } }) {
  const binary = process.env.BELGIE_CONFORMANCE_APPLICATION;
  if (!binary) throw new Error('BELGIE_CONFORMANCE_APPLICATION must name the example oauth_client_plugin');
  const dataDir = mkdtempSync(join(tmpdir(), 'belgie-'));
  const [config, log] = [join(dataDir, 'belgie.toml'), join(dataDir, 'application.log')];
  const sections = {
    server: { listen: `127.0.0.1:${await freePort()}` },
    sign_up: { open: true },
    outbound: { danger_allow_loopback: true },
    'plugins.google': credentials(google, { discovery_url: google.discovery_url }),
    'plugins.oauth-client.generic': credentials(generic, {
      name: PROVIDERS.generic,
      discovery_url: generic.discovery_url,
      scopes: ['openid', 'email', 'profile'],
      allow_different_link_emails: true,
    }),
  };
  writeFileSync(config, tomlOf(sections));
  const env = { ...cleanEnvironment(), BELGIE_CONFIG: config, BELGIE_DATA_DIR: dataDir };
  const child = spawn(binary, [], { cwd: dataDir, env, stdio: ['ignore', 'pipe', openSync(log, 'w')] });
  const ended = new Promise((_, reject) => child.once('exit', () => reject(new Error(`it ended: ${readFileSync(log, 'utf8')}`))));
  ended.catch(() => {});
  const line = new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  const [told] = /http:\/\/\S+/.exec(await Promise.race([line, ended]));
  return {
    baseUrl: new URL(told).origin,
    async stop() {
      await stopProcess(child);
      assert.doesNotMatch(readFileSync(log, 'utf8'), /panicked/);
      rmSync(dataDir, { recursive: true });
    },
  };
}

export async function application(visitor) {
  const { idp } = visitor.world;
  const answer = async () => JSON.parse(await visitor.page.locator('body').textContent());
  let landed;
  await visitor.check(
    'what an application gives along comes back with whoever signed in',
    async () => {
      await visitor.visit('/buy/google');
      await visitor.atProvider('grace');
      landed = visitor.page.url();
      assert.equal(visitor.path, '/basket');
      assert.deepEqual(await answer(), { buyer: GRACE, gave_along: { basket: ['tea'] } });
      assert.ok(!JSON.stringify(idp.google.seen.authorize).includes('tea'), 'the provider was shown it');
    },
    OWN_PAGES,
  );
  await visitor.check(
    'it comes back once',
    async () => {
      await visitor.visit(landed);
      assert.deepEqual(await answer(), { buyer: GRACE, gave_along: null });
    },
    OWN_PAGES,
  );
  await visitor.check(
    'an application links a further account for whoever is there',
    async () => {
      await visitor.visit('/connect/generic');
      await visitor.atProvider('newton');
      assert.equal(visitor.path, '/connected');
      const found = (await answer()).map(({ provider }) => provider).sort();
      assert.deepEqual(found, ['generic', 'google']);
      await visitor.signOut();
      await visitor.signInWith('generic', 'newton');
      await visitor.seesAccountOf(GRACE);
    },
    OWN_PAGES,
  );
  await visitor.check(
    'a stranger who comes to an application’s page signs in and is back',
    async () => {
      await visitor.signOut();
      await visitor.visit('/connected');
      assert.equal(visitor.path, PATHS.signIn);
      await visitor.signInFromHere('google', 'grace');
      assert.equal(visitor.path, '/connected');
    },
    OWN_PAGES,
  );
}
