// What a link to a provider may ask for: more scopes, and where people come out in the end.

import assert from 'node:assert/strict';
import { BUTTON, PATHS, PROVIDERS, SAYS } from './ui.mjs';
import { CALENDAR } from './world.mjs';

const GRACE = 'grace@navy.example';
const REFUSED = /^status: 4|^console: Failed to load/;

export async function wishes(visitor) {
  for (const one of visitor.world.idp.personalities) one.forgetSessions();
  await scopes(visitor);
  await targets(visitor);
}

/** A link of a page to a provider, with wishes. */
async function start(visitor, provider, wishes) {
  await visitor.visit(`${PATHS.start(provider)}?${new URLSearchParams(wishes)}`);
}

async function grantedAtGoogle(visitor) {
  const { status, body } = await visitor.askAsScript(PATHS.accounts('google'));
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body.accounts.length, 1, 'there is one account at Google');
  return body.accounts[0].scope.split(' ');
}

async function scopes(visitor) {
  const { idp } = visitor.world;
  let before;
  await visitor.check('an account that is linked gets more scopes and keeps those it has', async () => {
    await visitor.signInWith('google', 'grace');
    await visitor.seesAccountOf(GRACE);
    const id = await visitor.accountId();
    before = await grantedAtGoogle(visitor);
    assert.ok(!before.includes(CALENDAR));
    await start(visitor, 'google', { scopes: CALENDAR, return_to: PATHS.account });
    await visitor.atProvider('grace');
    await visitor.seesAccountOf(GRACE);
    assert.equal(await visitor.accountId(), id);
    assert.equal(idp.google.seen.authorize.include_granted_scopes, 'true');
    assert.deepEqual(new Set(await grantedAtGoogle(visitor)), new Set([...before, CALENDAR]));
  });
  await visitor.check('a token with the new scope is handed to the scripts of our pages', async () => {
    const { status, body } = await visitor.askAsScript(PATHS.accessToken('google'), { method: 'POST' });
    assert.equal(status, 200, JSON.stringify(body));
    const [provider] = idp.google.providers.values();
    assert.match((await provider.AccessToken.find(body.access_token)).scope, new RegExp(CALENDAR));
  });
  await visitor.check('signing in as usual later takes nothing of it away', async () => {
    await visitor.signOut();
    await visitor.signInWith('google', 'grace');
    assert.ok(!idp.google.seen.authorize.scope.includes(CALENDAR), 'it was asked for again');
    assert.deepEqual(new Set(await grantedAtGoogle(visitor)), new Set([...before, CALENDAR]));
    await visitor.signOut();
  });
  await visitor.check(
    'a link may not ask for what the operator did not foresee',
    async () => {
      const asked = idp.google.counts.authorize;
      await start(visitor, 'google', { scopes: 'https://www.googleapis.com/auth/drive' });
      await visitor.says(SAYS.notForeseen);
      await visitor.look('scope-not-foreseen');
      assert.equal(idp.google.counts.authorize, asked, 'the provider was asked all the same');
    },
    REFUSED,
  );
}

async function targets(visitor) {
  const { idp } = visitor.world;
  const ways = { new_user_redirect_url: PATHS.profile, return_to: PATHS.password };
  await visitor.check('who is new here lands where new people are sent, others where they wanted to go', async () => {
    idp.microsoft.set({ edovClaim: true });
    await visitor.signInWith('microsoft', 'edsger');
    await visitor.visit(PATHS.delete);
    await visitor.write(/address/i, 'edsger.dijkstra@example.org');
    await visitor.go(BUTTON.deleteAccount);
    await start(visitor, 'microsoft', ways);
    await visitor.atProvider('edsger');
    assert.equal(visitor.path, PATHS.profile);
    await visitor.signOut();
    await start(visitor, 'microsoft', ways);
    await visitor.atProvider('edsger');
    assert.equal(visitor.path, PATHS.password);
    await visitor.signOut();
    idp.microsoft.reset();
  });
  await visitor.check('what goes wrong is told where the link wants it, by a code', async () => {
    idp.google.forgetSessions();
    await start(visitor, 'google', { error_redirect_url: '/auth/signup?from=shop', return_to: PATHS.profile });
    await visitor.atProvider('grace', { deny: true });
    assert.equal(visitor.path, PATHS.signUp);
    const { searchParams } = new URL(visitor.page.url());
    assert.deepEqual(Object.fromEntries(searchParams), { from: 'shop', error: 'access_denied' });
    assert.equal(await visitor.isSignedIn(), false);
  });
  await visitor.check(
    'it is told to no other site',
    async () => {
      await start(visitor, 'google', { error_redirect_url: 'https://evil.example/', new_user_redirect_url: '//evil.example' });
      await visitor.atProvider('grace', { deny: true });
      assert.equal(new URL(visitor.page.url()).origin, visitor.server.baseUrl);
      await visitor.says(SAYS.denied);
      await visitor.go(new RegExp(`${PROVIDERS.google}`));
      await visitor.atProvider('grace');
      await visitor.seesAccountOf(GRACE);
      await visitor.signOut();
    },
    REFUSED,
  );
}
