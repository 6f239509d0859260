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
      await visitor.seesAccountOf(EMAIL);
      assert.ok((await visitor.page.getByRole('button', { name: BUTTON.unlink(PROVIDERS.generic) }).count()) > 0);
      await visitor.look('account-linked');
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
      await visitor.go(BUTTON.link(PROVIDERS.google));
      await visitor.atProvider('grace');
      await visitor.says(SAYS.alreadyLinked);
      await visitor.look('link-refused');
    },
    REFUSED,
  );
  await visitor.check(
    'unlinked, it opens nothing',
    async () => {
      await visitor.visit(PATHS.account);
      await visitor.go(BUTTON.unlink(PROVIDERS.generic));
      await visitor.seesAccountOf(EMAIL);
      await visitor.signOut();
      idp.generic.forgetSessions();
      await visitor.signInWith('generic', 'newton');
      if (await visitor.isSignedIn()) {
        assert.ok(!(await visitor.page.locator('main').textContent()).includes(EMAIL));
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
      const button = visitor.page.getByRole('button', { name: BUTTON.unlink(PROVIDERS.google) });
      if ((await button.count()) > 0 && (await button.first().isEnabled())) await visitor.go(BUTTON.unlink(PROVIDERS.google));
      await visitor.signOut();
      await visitor.signInWith('google', 'grace');
      await visitor.seesAccountOf('grace@navy.example');
      await visitor.signOut();
    },
    REFUSED,
  );
}
