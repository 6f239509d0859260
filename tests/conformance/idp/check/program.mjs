// The providers as a program of their own, steered over HTTP, with pages that answer themselves.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Browser, HERE, NODE, firstLine, listenForRedirect } from '../../harness.mjs';

export async function program(report) {
  const child = spawn(NODE, [join(HERE, 'idp/main.mjs')], { stdio: ['pipe', 'pipe', 'ignore'] });
  const { control, google } = await firstLine(child);
  const steer = async (body) => (await fetch(control, { method: 'POST', body: JSON.stringify(body) })).json();
  await report.check('the program: somebody signs in without a page', async () => {
    const redirect = await listenForRedirect({ path: '/auth/provider/google/callback' });
    await steer({ call: 'expect', arguments: [new URL(redirect.uri).origin] });
    await steer({ personality: 'google', call: 'set', arguments: [{ auto: { person: 'grace' } }] });
    const fields = {
      client_id: google.client_id,
      redirect_uri: redirect.uri,
      response_type: 'code',
      scope: 'openid email',
      state: 'kept',
    };
    const page = await new Browser().open(
      `${google.discovery_url.split('/.well')[0]}/o/oauth2/v2/auth?${new URLSearchParams(fields)}`,
    );
    assert.equal(page.url.origin, new URL(redirect.uri).origin);
    const answer = await redirect.next();
    assert.deepEqual([answer.get('state'), answer.get('hd')], ['kept', 'navy.example']);
    const state = await steer({});
    assert.equal(state.google.seen.authorize.state, 'kept');
    redirect.close();
  });
  await report.check('the program: refuses what it does not know', async () => {
    assert.match((await steer({ personality: 'google', call: 'next', arguments: ['nonsense'] })).error, /no tampering/);
    assert.match((await steer({ personality: 'google', call: 'constructor' })).error, /no google/);
  });
  await report.check('the program: ends with its standard input', async () => {
    child.stdin.end();
    assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 0);
  });
}
