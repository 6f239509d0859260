// A strict session cookie, and providers that are another site: the browser keeps the cookie at home when it comes back from
// them, and a page of ours in between has it come along.

import assert from 'node:assert/strict';
import { BUTTON, PATHS, PROVIDERS } from './ui.mjs';
import { openWorld } from './world.mjs';

const EMAIL = 'hedy@example.org';

export const openStrictWorld = () => openWorld({ idpHost: 'localhost', more: { cookie: { same_site: 'strict' } } });

/** Where the browser is once it has gone on by itself. */
async function arrives(visitor, path) {
  await visitor.page.waitForURL((url) => url.pathname === path);
  await visitor.page.waitForLoadState('load');
}

export async function strict(visitor) {
  await visitor.check('somebody signs up and links a provider of another site', async () => {
    await visitor.signUp('Hedy Lamarr', EMAIL);
    const [session] = (await visitor.context.cookies(visitor.server.baseUrl)).filter(({ sameSite }) => sameSite === 'Strict');
    assert.ok(session, 'the session cookie is not strict');
    const stops = [];
    visitor.page.on('response', (response) => {
      if (response.headers().refresh) stops.push(response.url());
    });
    await visitor.go(BUTTON.link(PROVIDERS.generic));
    await visitor.atProvider('newton');
    await arrives(visitor, PATHS.account);
    assert.equal(stops.length, 1, 'the browser came back with its cookie: this is no test of anything');
    assert.equal(await visitor.page.getByRole('button', { name: BUTTON.unlink(PROVIDERS.generic) }).count(), 1);
  });
  await visitor.check('who was not here lately confirms through that provider', async () => {
    await visitor.growStale(EMAIL);
    await visitor.visit(PATHS.password);
    assert.equal(visitor.path, PATHS.confirm);
    await visitor.go(BUTTON.confirmWith(PROVIDERS.generic));
    await visitor.atProvider('newton');
    await arrives(visitor, PATHS.password);
  });
  await visitor.check('the linked provider opens the account', async () => {
    await visitor.signOut();
    await visitor.signInWith('generic', 'newton');
    await arrives(visitor, PATHS.account);
    await visitor.seesAccountOf(EMAIL);
  });
}
