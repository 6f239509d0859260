// One's own account: what is asked again before it counts, what is kept, and how it ends.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { PASSWORD, until } from '../harness.mjs';
import { BUTTON, FIELD, PATHS } from './ui.mjs';
import { FRESH_SECONDS } from './world.mjs';

const KATHERINE = 'katherine@example.org';
const NEW_PASSWORD = `${PASSWORD} anew`;
const REFUSED = /^status: 4|^console: Failed to load/;

export async function account(visitor) {
  await visitor.check('a name is changed', async () => {
    await visitor.signUp('Katherine', KATHERINE);
    await visitor.visit(PATHS.profile);
    await visitor.look('profile');
    await visitor.write(/name/i, 'Katherine Johnson');
    await visitor.go(BUTTON.saveProfile);
    await visitor.visit(PATHS.account);
    await visitor.says(/Katherine Johnson/);
  });
  await visitor.check(
    'my data come as a file of JSON',
    async () => {
      const { page } = visitor;
      await visitor.visit(PATHS.account);
      const coming = page.waitForEvent('download');
      await page
        .getByRole('link', { name: BUTTON.export })
        .or(page.getByRole('button', { name: BUTTON.export }))
        .first()
        .click();
      const download = await coming;
      const text = readFileSync(await download.path(), 'utf8');
      assert.ok(JSON.stringify(JSON.parse(text)).includes(KATHERINE));
      for (const secret of ['argon2', 'blg_', PASSWORD]) assert.ok(!text.includes(secret), `the file shows ${secret}`);
    },
    /ERR_ABORTED/,
  );
}

/** On a server where proofs of presence count for seconds. */
export async function confirmation(visitor) {
  await visitor.check('what is dangerous asks again who it is, and goes on from there', async () => {
    await visitor.signUp('Katherine', KATHERINE);
    await grownStale();
    await visitor.visit(PATHS.password);
    if (visitor.path !== PATHS.confirm) await changePassword(visitor, PASSWORD);
    assert.equal(visitor.path, PATHS.confirm);
    await visitor.look('confirm');
    await visitor.write(FIELD.password, PASSWORD);
    await visitor.go(BUTTON.confirm);
    assert.equal(visitor.path, PATHS.password);
    await visitor.look('change-password');
    await changePassword(visitor, PASSWORD);
    await visitor.signOut();
    await visitor.signIn(KATHERINE, NEW_PASSWORD);
    await visitor.seesAccountOf(KATHERINE);
  });
  await visitor.check(
    'a wrong password confirms nothing',
    async () => {
      await grownStale();
      await visitor.visit(`${PATHS.confirm}?return_to=${PATHS.password}`);
      await visitor.write(FIELD.password, 'not the password');
      await visitor.go(BUTTON.confirm);
      assert.equal(visitor.path, PATHS.confirm);
      await visitor.look('confirm-wrong');
    },
    REFUSED,
  );
  await visitor.check(
    'an account is deleted, and is gone',
    async () => {
      await visitor.signOut();
      await visitor.signIn(KATHERINE, NEW_PASSWORD);
      await visitor.visit(PATHS.delete);
      await visitor.look('delete');
      const typed = visitor.page.getByLabel(FIELD.email, { exact: true });
      if ((await typed.count()) > 0) await typed.fill(KATHERINE);
      await visitor.go(BUTTON.deleteAccount);
      await visitor.look('deleted');
      assert.equal(await visitor.isSignedIn(), false);
      await visitor.signIn(KATHERINE, NEW_PASSWORD);
      assert.equal(await visitor.isSignedIn(), false);
    },
    REFUSED,
  );
}

async function changePassword(visitor, current) {
  const old = visitor.page.getByLabel(FIELD.currentPassword);
  if ((await old.count()) > 0) await old.first().fill(current);
  await visitor.write(FIELD.newPassword, NEW_PASSWORD);
  await visitor.go(BUTTON.changePassword);
}

async function grownStale() {
  const stale = Date.now() + (FRESH_SECONDS + 1) * 1000;
  await until('the proof of presence is old', () => Date.now() > stale);
}
