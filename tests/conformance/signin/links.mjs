// The account page: a further way in is added and taken away, and the last one cannot be.

import assert from 'node:assert/strict';
import { BUTTON, PATHS, PROVIDERS, SAYS } from './ui.mjs';

const EMAIL = 'hedy@example.org';
const REFUSED = /^status: 4|^console: Failed to load/;

export async function links(visitor) {
  const { idp } = visitor.world;
  for (const one of idp.personalities) one.forgetSessions();
  await visitor.check(
    'a provider is linked to an account with a password',
    async () => {
      await visitor.signUp('Hedy Lamarr', EMAIL);
      await visitor.look('account-links');
      await visitor.go(BUTTON.link(PROVIDERS.generic));
      await visitor.atProvider('newton');
      assert.equal(visitor.path, PATHS.account);
      await visitor.look('account-linked');
      await visitor.seesAccountOf(EMAIL);
      assert.equal(await visitor.page.getByRole('button', { name: BUTTON.unlink(PROVIDERS.generic) }).count(), 1);
      await visitor.signOut();
    },
    REFUSED,
  );
  await visitor.check('the linked provider opens the account', async () => {
    await visitor.signInWith('generic', 'newton');
    await visitor.seesAccountOf(EMAIL);
  });
  await visitor.check(
    'a provider account of somebody else cannot be linked',
    async () => {
      idp.generic.forgetSessions();
      await visitor.visit(PATHS.link('generic'));
      await visitor.go(BUTTON.goOnTo(PROVIDERS.generic));
      await visitor.atProvider('ada');
      await visitor.says(SAYS.alreadyLinked);
      await visitor.look('link-refused');
    },
    REFUSED,
  );
  await visitor.check(
    'an account of another address is not linked, unless the operator says so',
    async () => {
      // Where people are who had to prove first that they are there.
      await visitor.visit(PATHS.link('google'));
      await visitor.look('link');
      await visitor.go(BUTTON.goOnTo(PROVIDERS.google));
      await visitor.atProvider('edsger');
      await visitor.says(SAYS.otherAddress);
      await visitor.look('link-other-address');
    },
    REFUSED,
  );
  await visitor.check(
    'unlinked, it opens nothing',
    async () => {
      await visitor.visit(PATHS.account);
      await visitor.go(BUTTON.unlink(PROVIDERS.generic));
      assert.equal(visitor.path, PATHS.account);
      assert.equal(await visitor.page.getByRole('button', { name: BUTTON.unlink(PROVIDERS.generic) }).count(), 0);
      await visitor.seesAccountOf(EMAIL);
      await visitor.signOut();
      idp.generic.forgetSessions();
      await visitor.signInWith('generic', 'newton');
      if (await visitor.isSignedIn()) {
        assert.ok(!(await visitor.words()).includes(EMAIL));
        await visitor.signOut();
      }
    },
    REFUSED,
  );
  await visitor.check(
    'the last way in cannot be taken away',
    async () => {
      idp.google.forgetSessions();
      await visitor.signInWith('google', 'grace');
      await visitor.visit(PATHS.account);
      const buttons = () => visitor.page.getByRole('button', { name: BUTTON.unlink(PROVIDERS.google) }).count();
      // A link or a code by mail opens this account too.
      assert.equal(await buttons(), 1);
      await visitor.go(BUTTON.unlink(PROVIDERS.google));
      assert.equal(await buttons(), 0);
      await visitor.signOut();
      await visitor.signInWith('google', 'grace');
      await visitor.seesAccountOf('grace@navy.example');
      await visitor.signOut();
    },
    REFUSED,
  );
}
