// The administrator: sees everybody, shuts somebody out and lets them in again, and looks at the gateway through their eyes.

import assert from 'node:assert/strict';
import { PASSWORD } from '../harness.mjs';
import { errorPage } from '../browser/stage.mjs';
import { BUTTON, FIELD, PATHS, SAYS } from './ui.mjs';
import { Visitor } from './world.mjs';

const MARY = 'mary@example.org';
const REFUSED = /^status: 4|^console: Failed to load/;

export async function admin(visitor, browser) {
  const { world, label, report, javaScriptEnabled, screenshots } = visitor;
  const options = { label: `${label}, administrator`, report, javaScriptEnabled, screenshots };
  const root = await Visitor.open(browser, world, options);
  await root.check('the set-up link makes the administrator', async () => {
    await root.visit(world.server.setupUrl);
    await root.write(FIELD.name, 'Root');
    await root.write(FIELD.email, 'root@example.org');
    await root.write(FIELD.password, PASSWORD);
    await root.go(/^Create the administrator$/);
  });
  await visitor.check(
    'the pages of administrators are not there for others',
    async () => {
      await visitor.signUp('Mary Jackson', MARY);
      await visitor.visit(PATHS.adminUsers);
      await visitor.look('admin-not-found');
      await visitor.says(/Error 404/);
    },
    errorPage(404),
  );
  await root.check('the list shows everybody', async () => {
    await root.visit(PATHS.admin);
    await root.look('admin');
    await root.go(/^People$/);
    await root.says(/mary@example\.org/);
    await root.look('admin-users');
    await root.write('Beginning of an address or a name', 'mar');
    await root.go(BUTTON.find);
    await root.says(/mary@example\.org/);
    assert.ok(!(await root.words()).includes('root@example.org'), 'the search finds who was not looked for');
    await openMary(root);
    await root.look('admin-user');
  });
  await sessions(root, visitor, browser);
  await ban(root, visitor);
  await impersonation(root);
  await limits(root, visitor);
  await rights(root);
  await root.context.close();
}

async function openMary(root) {
  await root.visit(PATHS.adminUsers);
  await root.go(/Mary Jackson|mary@example\.org/);
}

/** Somebody lost a laptop, then everything. */
async function sessions(root, visitor, browser) {
  const { world, label, report, javaScriptEnabled } = visitor;
  const laptop = await Visitor.open(browser, world, { label: `${label}, laptop`, report, javaScriptEnabled });
  const telephone = await Visitor.open(browser, world, { label: `${label}, telephone`, report, javaScriptEnabled });
  const ends = () => root.page.getByRole('button', { name: BUTTON.endSession });
  await root.check('the administrator ends one session of a person, and that one only', async () => {
    await telephone.signIn(MARY);
    await laptop.signIn(MARY);
    await openMary(root);
    assert.equal(await ends().count(), 3);
    await root.look('admin-user-sessions');
    // The newest is on top.
    await root.go(BUTTON.endSession);
    assert.equal(await ends().count(), 2);
    assert.deepEqual([await laptop.isSignedIn(), await telephone.isSignedIn(), await visitor.isSignedIn()], [false, true, true]);
  });
  await root.check('the administrator ends all sessions of a person at once', async () => {
    await openMary(root);
    await root.go(BUTTON.endAllSessions);
    await root.says(SAYS.sessionsEnded);
    await root.look('admin-sessions-ended');
    assert.deepEqual([await telephone.isSignedIn(), await visitor.isSignedIn()], [false, false]);
    assert.equal(await root.isSignedIn(), true, 'the administrator is signed out as well');
  });
  await visitor.check('whose sessions ended signs in again', async () => {
    await visitor.signIn(MARY);
    await visitor.seesAccountOf(MARY);
  });
  await laptop.context.close();
  await telephone.context.close();
}

async function ban(root, visitor) {
  await root.check('a ban ends sessions at once and lets nobody in', async () => {
    await openMary(root);
    await root.go(BUTTON.ban);
    await root.write('Reason', 'Tries every door');
    await root.write('Notice', 'Call us about your invoices.');
    await root.look('admin-ban');
    await root.go(BUTTON.ban);
    await root.says(SAYS.banned);
    await root.says(/Tries every door.*Call us about your invoices/);
    await root.look('admin-user-banned');
  });
  await visitor.check(
    'who is banned is signed out and cannot sign in',
    async () => {
      assert.equal(await visitor.isSignedIn(), false);
      await visitor.signIn(MARY);
      await visitor.says(SAYS.suspended);
      await visitor.says(/“Call us about your invoices\.”/);
      assert.doesNotMatch(await visitor.words(), /every door/, 'the reason is for operators');
      await visitor.look('banned');
      assert.equal(await visitor.isSignedIn(), false);
    },
    REFUSED,
  );
  await root.check('the ban is lifted', async () => {
    await openMary(root);
    await root.go(BUTTON.unban);
    assert.doesNotMatch(await root.words(), SAYS.banned);
  });
  await visitor.check('who was banned signs in again', async () => {
    await visitor.signIn(MARY);
    await visitor.seesAccountOf(MARY);
    await visitor.signOut();
  });
}

async function impersonation(root) {
  await root.check(
    'impersonating says so on every page, until it ends',
    async () => {
      await openMary(root);
      await root.go(BUTTON.impersonate);
      await root.look('admin-impersonate');
      await root.go(BUTTON.impersonate);
      await root.seesAccountOf(MARY);
      for (const path of [PATHS.account, PATHS.profile]) {
        await root.visit(path);
        assert.match(await root.page.locator('body').textContent(), SAYS.impersonating);
      }
      await root.look('impersonating');
      await root.visit(PATHS.account);
      await root.look('impersonating-account');
      await root.visit(PATHS.adminUsers);
      await root.says(/Error 404/);
      await root.visit(PATHS.account);
      await root.go(BUTTON.stopImpersonating);
      await root.visit(PATHS.adminRecord);
      await root.says(/mary@example\.org/);
      await root.look('admin-record');
      await root.seesAccountOf('root@example.org');
      assert.doesNotMatch(await root.page.locator('body').textContent(), SAYS.impersonating);
    },
    errorPage(404),
  );
}

/** What proves that a person is there is nothing an administrator can do for them. */
async function limits(root, visitor) {
  await root.check(
    'whoever impersonates changes no way in, takes no data along, and deletes nothing',
    async () => {
      await openMary(root);
      await root.go(BUTTON.impersonate);
      await root.go(BUTTON.impersonate);
      for (const path of [PATHS.password, PATHS.email, PATHS.delete, PATHS.export, PATHS.link('google')]) {
        await root.visit(path);
        assert.match(await root.page.locator('body').textContent(), SAYS.impersonating, `no banner at ${path}`);
        await root.says(SAYS.notWhileImpersonating);
      }
      await root.look('impersonating-refused');
    },
    REFUSED,
  );
  await visitor.check('the person signs in meanwhile and sees nothing of it', async () => {
    await visitor.signIn(MARY);
    await visitor.seesAccountOf(MARY);
    assert.doesNotMatch(await visitor.page.locator('body').textContent(), SAYS.impersonating);
    await visitor.look('account-while-impersonated');
  });
  await root.check('the end of it leads back to the administrator’s own account, and the person stays signed in', async () => {
    await root.visit(PATHS.account);
    await root.go(BUTTON.stopImpersonating);
    await root.seesAccountOf('root@example.org');
    await visitor.seesAccountOf(MARY);
    await visitor.signOut();
  });
}

async function rights(root) {
  await root.check('permissions are given, and somebody is deleted', async () => {
    await openMary(root);
    await root.go(/^Set permissions$/);
    await root.look('admin-scopes');
    await openMary(root);
    await root.go(BUTTON.delete);
    await root.look('admin-delete');
    await root.write(/address/i, MARY);
    await root.go(BUTTON.delete);
    await root.look('admin-deleted');
    await root.visit(PATHS.adminUsers);
    assert.ok(!(await root.words()).includes(MARY));
  });
}
