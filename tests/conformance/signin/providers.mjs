// In by a provider: the first time, again, by another door to the same account, and not at all.

import assert from 'node:assert/strict';
import { BUTTON, FIELD, PATHS, PROVIDERS, SAYS } from './ui.mjs';

const EDSGER = 'edsger.dijkstra@example.org';

export async function providers(visitor) {
  const { idp } = visitor.world;
  await visitor.check('the sign-in page offers the providers', async () => {
    await visitor.visit(PATHS.signIn);
    await visitor.look('sign-in-providers');
  });
  await visitor.check('Google makes an account, with name and verified address', async () => {
    await visitor.visit(PATHS.signIn);
    await visitor.signInWith('google', 'grace');
    await visitor.seesAccountOf('grace@navy.example');
    await visitor.says(/Grace Hopper/);
    await visitor.look('account-google');
    const { access_type, prompt, code_challenge_method, nonce, scope } = idp.google.seen.authorize;
    assert.deepEqual([access_type, prompt, code_challenge_method], ['offline', 'consent', 'S256']);
    assert.ok(nonce, 'no nonce was asked for');
    assert.deepEqual(new Set(scope.split(' ')), new Set(['openid', 'email', 'profile']));
  });
  await visitor.check('Google again is the same account', async () => {
    await visitor.visit(PATHS.account);
    const id = await visitor.accountId();
    await visitor.signOut();
    await visitor.signInWith('google', 'grace');
    await visitor.seesAccountOf('grace@navy.example');
    assert.equal(await visitor.accountId(), id);
    await visitor.signOut();
  });
  await visitor.check('a provider that cannot prove that somebody is there is not asked, where a mail can', async () => {
    await visitor.signInWith('google', 'grace');
    await visitor.growStale('grace@navy.example');
    await visitor.visit(PATHS.password);
    assert.equal(visitor.path, PATHS.confirm);
    await visitor.look('confirm-providers');
    await visitor.go(BUTTON.sendCode);
    const mail = await visitor.takeMail('grace@navy.example', /^\d{6} is your code/);
    await visitor.write(FIELD.code, /\b\d{6}\b/.exec(mail.text)[0]);
    await visitor.go(BUTTON.useCode);
    assert.equal(visitor.path, PATHS.password);
    await visitor.look('first-password');
    await visitor.signOut();
  });
  await visitor.check('after the provider people are where they wanted to go', async () => {
    await visitor.visit(PATHS.profile);
    assert.equal(visitor.path, PATHS.signIn);
    await visitor.go(BUTTON.provider(PROVIDERS.google));
    await visitor.atProvider('grace');
    assert.equal(visitor.path, PATHS.profile);
    await visitor.signOut();
  });
  await visitor.check('Microsoft does not prove addresses by itself, and the host wants them proven: a mail does', async () => {
    await visitor.signInWith('microsoft', 'edsger');
    assert.equal(idp.microsoft.seen.authorize.response_mode, 'form_post');
    await visitor.says(SAYS.mailSent);
    await visitor.look('provider-not-proven');
    assert.equal(await visitor.isSignedIn(), false);
    const mail = await visitor.takeMail(EDSGER, /^Finish your account/);
    await visitor.openLink(mail, PATHS.finishSignUp);
    await visitor.look('provider-finish');
    await visitor.go(BUTTON.finishSignUp);
    await visitor.seesAccountOf(EDSGER);
    await visitor.signOut();
    await visitor.signInWith('microsoft', 'edsger');
    await visitor.seesAccountOf(EDSGER);
    await visitor.signOut();
  });
  await visitor.check('Microsoft answers by form, and says that the owner of the domain has proven the address', async () => {
    idp.microsoft.set({ edovClaim: true });
    await visitor.signInWith('microsoft', 'edsger');
    await visitor.seesAccountOf(EDSGER);
    await visitor.look('account-microsoft');
    await visitor.signOut();
    idp.microsoft.reset();
  });
  await visitor.check('any OpenID provider, by what userinfo says', async () => {
    await visitor.signInWith('generic', 'ada');
    await visitor.seesAccountOf('ada@example.org');
    assert.ok(idp.generic.counts.userinfo > 0, 'userinfo was not asked');
    await visitor.signOut();
  });
  await visitor.check('a verified address at another provider leads to the same account', async () => {
    await visitor.signInWith('google', 'ada');
    await visitor.seesAccountOf('ada@example.org');
    await visitor.signOut();
  });
  await refusals(visitor);
  await changes(visitor);
}

async function refusals(visitor) {
  const { idp } = visitor.world;
  await visitor.check('an unverified address of somebody else lets nobody in, and its owner hears of it', async () => {
    await visitor.signInWith('google', 'mallory');
    await visitor.says(SAYS.mailSent);
    await visitor.look('provider-taken');
    assert.equal(await visitor.isSignedIn(), false);
    await visitor.takeMail('ada@example.org', /^You have an account/);
  });
  await visitor.check('an address of somebody else from a tenant of one’s own lets nobody in', async () => {
    await visitor.signInWith('microsoft', 'mallory');
    await visitor.says(SAYS.mailSent);
    assert.equal(await visitor.isSignedIn(), false);
    await visitor.takeMail('ada@example.org', /^You have an account/);
  });
  await visitor.check(
    'who says no at the provider is told so, and can try again',
    async () => {
      idp.google.forgetSessions();
      await visitor.signInWith('google', 'grace', { deny: true });
      await visitor.says(SAYS.denied);
      await visitor.look('provider-denied');
      assert.equal(await visitor.isSignedIn(), false);
    },
    /^status: 4|^console: Failed to load/,
  );
  await visitor.check('"true" is true: an address verified in so many letters counts', async () => {
    idp.google.set({ emailVerifiedAsString: true });
    await visitor.signInWith('google', 'ada');
    await visitor.seesAccountOf('ada@example.org');
    await visitor.signOut();
    idp.google.reset();
  });
}

async function changes(visitor) {
  const { idp } = visitor.world;
  await visitor.check('a provider may change its keys', async () => {
    await idp.google.rotateKeys();
    await visitor.signInWith('google', 'ada');
    await visitor.seesAccountOf('ada@example.org');
    await visitor.signOut();
  });
  await visitor.check('a provider without id tokens', async () => {
    await visitor.signInWith('github', 'grace');
    assert.ok(idp.github.counts.api > 0, 'the API was not asked');
    await visitor.seesAccountOf('grace@navy.example');
    await visitor.signOut();
  });
}
