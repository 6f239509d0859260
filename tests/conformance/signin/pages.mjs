// The providers' own pages in a real browser, with `openid-client` in the gateway's place: what goes wrong in the journeys after
// this is not the providers' doing.

import assert from 'node:assert/strict';
import { Client } from '../idp/check/client.mjs';
import { startIdp } from '../idp/server.mjs';
import { Visitor } from './world.mjs';

export async function providerPages(browser, { label, report, javaScriptEnabled, screenshots }) {
  const idp = await startIdp();
  const { google, microsoft, generic } = idp.addresses;
  const tenant = `${microsoft.authority}/${microsoft.tenants.work}/v2.0/.well-known/openid-configuration`;
  const world = { idp, server: { baseUrl: 'http://127.0.0.1:1' } };
  const visitor = await Visitor.open(browser, world, { label, report, javaScriptEnabled, screenshots });
  const walk = async (address, person, options) => {
    await visitor.visit(address);
    await visitor.look('at-the-provider');
    await visitor.atProvider(person, options);
  };
  const open = (personality, metadata) => Client.open(personality, metadata, { walk });
  await visitor.check('Google, by redirect', async () => {
    const client = await open(idp.google, google.discovery_url);
    assert.equal((await client.signIn('grace')).claims().hd, 'navy.example');
    client.close();
  });
  await visitor.check('Google, with a denial, and with another account after the first', async () => {
    const client = await open(idp.google, google.discovery_url);
    const denied = await client.authorize('grace', { deny: true, prompt: 'consent' });
    assert.equal(new URL(denied.url).searchParams.get('error'), 'access_denied');
    assert.equal((await client.signIn('ada', { prompt: 'select_account' })).claims().email, 'ada@example.org');
    client.close();
  });
  await visitor.check('Microsoft, by form', async () => {
    const client = await open(idp.microsoft, tenant);
    const tokens = await client.signIn('grace', { response_mode: 'form_post', scope: 'openid profile email User.Read' });
    assert.equal(tokens.claims().tid, microsoft.tenants.work);
    client.close();
  });
  await visitor.check('any provider', async () => {
    const client = await open(idp.generic, generic.issuer);
    const tokens = await client.signIn('edsger');
    assert.equal((await client.userinfo(tokens)).email, 'Edsger.Dijkstra@Example.ORG');
    client.close();
  });
  await visitor.context.close();
  idp.close();
}
