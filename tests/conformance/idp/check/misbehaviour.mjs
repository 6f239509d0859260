// The providers misbehave as tests ask them to: the client refuses what it has to, and the next sign-in is good again.

import assert from 'node:assert/strict';
import { ANSWER, ID_TOKEN, METADATA, TOKEN } from '../tamper.mjs';
import { Client } from './client.mjs';

// What this client accepts, as a client of providers in general may. A client that knows its provider refuses more.
const ACCEPTED = new Set([
  'key id missing', // one key of that algorithm is published
  'tenant of somebody else', // knows nothing of tenants
  'tenant missing',
  'issuer as template', // not Microsoft: nothing is replaced
  'audience as list',
  'at_hash wrong', // optional with a code
  'auth_time long ago', // nobody asked for max_age
  'lifetime missing',
  'lifetime as text',
  'azp wrong', // counts only beside several audiences
  'issued tomorrow', // what counts is the expiry
  'subject empty', // nobody looks a subject up
  'subject of somebody else', // nobody asks userinfo
]);

export async function misbehaviour(report, idp) {
  const { google } = idp;
  const discovery = idp.addresses.google.discovery_url;
  const client = await Client.open(google, discovery);
  await client.signIn('ada');
  for (const name of [ID_TOKEN, TOKEN, ANSWER].flatMap((table) => Object.keys(table))) {
    await report.check(`tampered, ${name}: ${ACCEPTED.has(name) ? 'accepted' : 'refused'}`, async () => {
      google.next(name);
      const outcome = await client.signIn('ada').then(
        () => 'accepted',
        (error) => error,
      );
      assert.equal(google.pending, 0, 'nothing was tampered with');
      if (ACCEPTED.has(name)) assert.equal(outcome, 'accepted', outcome?.cause?.message);
      else assert.ok(outcome instanceof Error, 'the client has accepted it');
      assert.equal((await client.signIn('ada')).claims().email, 'ada@example.org');
    });
  }
  for (const name of Object.keys(METADATA)) {
    await report.check(`tampered, ${name}: noticed`, async () => {
      google.next(name);
      await assert.rejects(async () => {
        const fresh = await Client.open(google, discovery);
        await fresh.signIn('ada').finally(() => fresh.close());
      });
    });
  }
  await faults(report, idp, client);
  client.close();
}

async function faults(report, { google, base }, client) {
  await report.check('down: everything answers 503, and it comes back', async () => {
    google.fault('*', { status: 503, body: 'down for maintenance' });
    assert.equal((await fetch(`${base}/google/.well-known/openid-configuration`)).status, 503);
    google.reset();
    assert.ok((await client.signIn('ada')).access_token);
  });
  await report.check('the token endpoint fails once, as told', async () => {
    google.fault('token', {
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: { error: 'invalid_grant' },
      times: 1,
    });
    await assert.rejects(client.signIn('ada'), (error) => error.error === 'invalid_grant');
    assert.ok((await client.signIn('ada')).access_token);
  });
  await report.check('slow: an answer takes as long as it was told to', async () => {
    google.fault('jwks', { delayMs: 300 });
    const begin = performance.now();
    assert.equal((await fetch(`${base}/google/oauth2/v3/certs`)).status, 200);
    assert.ok(performance.now() - begin >= 299);
    google.reset();
  });
}
