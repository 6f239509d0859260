// What the providers with a name do in their own way: Apple says a name once and hides addresses, Microsoft has a picture.

import assert from 'node:assert/strict';
import { readJwt } from '../idp/keys.mjs';
import { BUTTON, FIELD, PATHS, SAYS } from './ui.mjs';

const RELAY = 'edsgerx7@privaterelay.example';

export async function presets(visitor) {
  for (const one of visitor.world.idp.personalities) one.forgetSessions();
  await appleHides(visitor);
  await appleForgets(visitor);
  await appleShows(visitor);
  await picture(visitor);
}

async function appleHides(visitor) {
  const { idp, mail } = visitor.world;
  await visitor.check('Apple answers by form, says a name beside the code, and hides the address', async () => {
    idp.apple.set({ hidesEmail: true });
    await visitor.signInWith('apple', 'edsger');
    await visitor.seesAccountOf(RELAY);
    await visitor.says(/Edsger Dijkstra/);
    await visitor.says(SAYS.verified);
    await visitor.look('account-apple');
    const { response_mode, scope, nonce } = idp.apple.seen.authorize;
    assert.equal(response_mode, 'form_post');
    assert.deepEqual(new Set(scope.split(' ')), new Set(['openid', 'email', 'name']));
    assert.ok(nonce, 'no nonce was asked for');
  });
  await visitor.check('the secret that Apple gets is signed for this one request', async () => {
    const { header, claims } = readJwt(idp.apple.seen.token.client_secret);
    assert.equal(header.alg, 'ES256');
    assert.equal(claims.iss, idp.addresses.apple.team_id);
    assert.ok(claims.exp - claims.iat <= 300, 'it lasts for longer than a request takes');
  });
  await visitor.check('Apple again is the same account, which keeps its name though Apple says none', async () => {
    await visitor.visit(PATHS.profile);
    await visitor.write(FIELD.name, 'E. W. Dijkstra');
    await visitor.go(BUTTON.saveProfile);
    await visitor.signOut();
    await visitor.signInWith('apple', 'edsger');
    await visitor.seesAccountOf(RELAY);
    await visitor.says(/E\. W\. Dijkstra/);
    await visitor.signOut();
  });
  await visitor.check('an address that Apple hides takes mail like any other', async () => {
    await visitor.visit(PATHS.signIn);
    await visitor.write(FIELD.email, RELAY);
    await visitor.go(BUTTON.magicLink);
    await visitor.openLink(await visitor.takeMail(RELAY, /^Sign in to/), PATHS.openMagicLink);
    await visitor.go(BUTTON.openMagicLink);
    await visitor.seesAccountOf(RELAY);
    assert.equal(mail.unread.filter(({ to }) => to.includes(RELAY)).length, 0);
  });
}

async function appleForgets(visitor) {
  await visitor.check('whoever deletes the account and comes back by Apple has no name: Apple said it once', async () => {
    await visitor.signOut();
    await visitor.signInWith('apple', 'edsger');
    await visitor.visit(PATHS.delete);
    await visitor.write(FIELD.typeAddress, RELAY);
    await visitor.go(BUTTON.deleteAccount);
    await visitor.signInWith('apple', 'edsger');
    await visitor.seesAccountOf(RELAY);
    await visitor.says(SAYS.noName);
    await visitor.look('account-without-a-name');
    await visitor.signOut();
    visitor.world.idp.apple.reset();
  });
}

async function appleShows(visitor) {
  const { idp } = visitor.world;
  await visitor.check('an address that Apple shows and calls verified joins the account of that address', async () => {
    await visitor.signInWith('generic', 'ada');
    await visitor.visit(PATHS.account);
    const id = await visitor.accountId();
    await visitor.signOut();
    await visitor.signInWith('apple', 'ada');
    await visitor.seesAccountOf('ada@example.org');
    assert.equal(await visitor.accountId(), id);
    await visitor.signOut();
  });
  await visitor.check('an address that Apple does not call verified opens nothing, and its owner hears of it', async () => {
    await visitor.signInWith('apple', 'mallory');
    await visitor.says(SAYS.mailSent);
    assert.equal(await visitor.isSignedIn(), false);
    await visitor.takeMail('ada@example.org', /^You have an account/);
  });
  await visitor.check(
    'who says no at Apple is told so',
    async () => {
      idp.apple.forgetSessions();
      await visitor.signInWith('apple', 'newton', { deny: true });
      await visitor.says(/You did not let Apple sign you in here/);
      await visitor.look('apple-denied');
      assert.equal(await visitor.isSignedIn(), false);
    },
    /^status: 4|^console: Failed to load/,
  );
}

/** The picture of an account, as it is on its page. */
const pictureOf = (visitor) => visitor.page.locator('main img.picture');

async function picture(visitor) {
  const { idp } = visitor.world;
  await visitor.check('the picture that Microsoft has is on the account page', async () => {
    idp.microsoft.set({ edovClaim: true });
    await visitor.signInWith('microsoft', 'edsger');
    await visitor.visit(PATHS.account);
    assert.match(await pictureOf(visitor).getAttribute('src'), /^data:image\/png;base64,/);
    // The policy of the page lets it be shown, in the size that was asked for.
    assert.equal(await pictureOf(visitor).evaluate((image) => image.naturalWidth), 96);
    assert.ok(idp.microsoft.counts.photo > 0, 'Graph was not asked');
  });
  await visitor.check('a picture is removed, and no sign-in brings it back', async () => {
    await visitor.visit(PATHS.profile);
    await visitor.look('profile-with-picture');
    await visitor.page.getByLabel(FIELD.removePicture).check();
    await visitor.go(BUTTON.saveProfile);
    await visitor.visit(PATHS.account);
    assert.equal(await pictureOf(visitor).count(), 0);
    await visitor.signOut();
    await visitor.signInWith('microsoft', 'edsger');
    await visitor.visit(PATHS.account);
    assert.equal(await pictureOf(visitor).count(), 0);
    await visitor.signOut();
    idp.microsoft.reset();
  });
}
