// One's own account: what is asked again before it counts, what is kept, and how it ends.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { PASSWORD } from '../harness.mjs';
import { BUTTON, FIELD, PATHS, SAYS } from './ui.mjs';

const KATHERINE = 'katherine@example.org';
const NEW_PASSWORD = `${PASSWORD} anew`;
const REFUSED = /^status: 4|^console: Failed to load/;

export async function account(visitor) {
  await visitor.check('a name is changed', async () => {
    await visitor.signUp('Katherine', KATHERINE);
    await visitor.visit(PATHS.profile);
    await visitor.look('profile');
    await visitor.write(FIELD.name, 'Katherine Johnson');
    await visitor.go(BUTTON.saveProfile);
    await visitor.visit(PATHS.account);
    await visitor.says(/Katherine Johnson/);
  });
  await visitor.check(
    'my data come as a file of JSON',
    async () => {
      const { page } = visitor;
      await visitor.visit(PATHS.account);
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: BUTTON.export }).click()]);
      const text = readFileSync(await download.path(), 'utf8');
      assert.ok(JSON.stringify(JSON.parse(text)).includes(KATHERINE));
      for (const secret of ['argon2', 'blg_', PASSWORD]) assert.ok(!text.includes(secret), `the file shows ${secret}`);
    },
    /ERR_ABORTED/,
  );
  await confirmation(visitor);
}

async function confirmation(visitor) {
  await visitor.check('what is dangerous asks again who it is, and goes on from there', async () => {
    await visitor.growStale(KATHERINE);
    await visitor.visit(PATHS.password);
    assert.equal(visitor.path, PATHS.confirm);
    await visitor.look('confirm');
    await visitor.write(FIELD.password, PASSWORD);
    await visitor.go(BUTTON.confirm);
    assert.equal(visitor.path, PATHS.password);
    await visitor.look('change-password');
    await changePassword(visitor);
    await visitor.takeMail(KATHERINE, /^Your password .* was changed$/);
    await visitor.look('password-changed');
    await visitor.signOut();
    await visitor.signIn(KATHERINE, NEW_PASSWORD);
    await visitor.seesAccountOf(KATHERINE);
  });
  await visitor.check(
    'a wrong password confirms nothing',
    async () => {
      await visitor.growStale(KATHERINE);
      await visitor.visit(`${PATHS.confirm}?return_to=${PATHS.password}`);
      await visitor.write(FIELD.password, 'not the password');
      await visitor.go(BUTTON.confirm);
      assert.equal(visitor.path, PATHS.confirm);
      await visitor.look('confirm-wrong');
    },
    REFUSED,
  );
  await visitor.check('a code by mail confirms as well', async () => {
    await visitor.visit(PATHS.password);
    await visitor.go(BUTTON.sendCode);
    const mail = await visitor.takeMail(KATHERINE, /^\d{6} is your code/);
    await visitor.look('confirm-code');
    await visitor.write(FIELD.code, /\b\d{6}\b/.exec(mail.text)[0]);
    await visitor.go(BUTTON.useCode);
    assert.equal(visitor.path, PATHS.password);
  });
  await withoutPassword(visitor);
  await visitor.check(
    'an account is deleted, and is gone',
    async () => {
      await visitor.visit(PATHS.delete);
      await visitor.look('delete');
      await visitor.write(FIELD.typeAddress, 'somebody.else@example.org');
      await visitor.go(BUTTON.deleteAccount);
      await visitor.look('delete-wrong');
      await visitor.write(FIELD.typeAddress, KATHERINE);
      await visitor.go(BUTTON.deleteAccount);
      await visitor.look('deleted');
      await visitor.takeMail(KATHERINE, /^Your account .* is deleted$/);
      assert.equal(await visitor.isSignedIn(), false);
      await visitor.signIn(KATHERINE, NEW_PASSWORD);
      assert.equal(await visitor.isSignedIn(), false);
    },
    REFUSED,
  );
}

/** The account stays open by mail. */
async function withoutPassword(visitor) {
  await visitor.check(
    'a password is removed, its owner is told by mail, and it opens nothing any more',
    async () => {
      await visitor.visit(PATHS.password);
      await visitor.go(BUTTON.removePassword);
      assert.equal(visitor.path, PATHS.account);
      await visitor.look('password-removed');
      const mail = await visitor.takeMail(KATHERINE, /^Your password .* was removed$/);
      assert.match(mail.text.replaceAll(/\s+/g, ' '), SAYS.passwordRemoved);
      await visitor.visit(PATHS.password);
      await visitor.says(SAYS.noPassword);
      assert.equal(await visitor.page.getByRole('button', { name: BUTTON.removePassword }).count(), 0);
      await visitor.signOut();
      await visitor.signIn(KATHERINE, NEW_PASSWORD);
      assert.equal(await visitor.isSignedIn(), false);
    },
    REFUSED,
  );
  await visitor.check('who has no password confirms by a code, and sets one again', async () => {
    await visitor.visit(PATHS.signIn);
    await visitor.write(FIELD.email, KATHERINE);
    await visitor.go(BUTTON.magicLink);
    await visitor.openLink(await visitor.takeMail(KATHERINE, /^Sign in to/), PATHS.openMagicLink);
    await visitor.go(BUTTON.openMagicLink);
    await visitor.growStale(KATHERINE);
    await visitor.visit(PATHS.password);
    assert.equal(visitor.path, PATHS.confirm);
    await visitor.look('confirm-without-password');
    await visitor.go(BUTTON.sendCode);
    const mail = await visitor.takeMail(KATHERINE, /^\d{6} is your code/);
    await visitor.write(FIELD.code, /\b\d{6}\b/.exec(mail.text)[0]);
    await visitor.go(BUTTON.useCode);
    await visitor.write(FIELD.newPassword, NEW_PASSWORD);
    await visitor.go(BUTTON.setPassword);
    await visitor.takeMail(KATHERINE, /^Your password .* was (set|changed)$/);
    assert.equal(visitor.path, PATHS.account);
  });
}

async function changePassword(visitor) {
  await visitor.write(FIELD.newPassword, NEW_PASSWORD);
  await visitor.go(BUTTON.changePassword);
  assert.equal(visitor.path, PATHS.account);
}
