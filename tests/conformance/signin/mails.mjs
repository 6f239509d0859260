// What goes by mail: a link, a code, a forgotten password, an address to be verified or changed.

import assert from 'node:assert/strict';
import { PASSWORD } from '../harness.mjs';
import { errorPage } from '../browser/stage.mjs';
import { BUTTON, FIELD, PATHS, SAYS } from './ui.mjs';
import { FROM } from './world.mjs';

const JOAN = 'joan@example.org';
const MOVED = 'joan.clarke@example.org';
const OTHER_PASSWORD = `${PASSWORD} and more`;
const REFUSED = /^status: 4|^console: Failed to load/;

export async function mails(visitor) {
  await verification(visitor);
  await magicLink(visitor);
  await code(visitor);
  await forgotten(visitor);
  await moving(visitor);
}

/** Asks for a mail on a page, and takes it. */
async function ask(visitor, path, button, email) {
  await visitor.visit(path);
  await visitor.write(FIELD.email, email);
  await visitor.go(button);
  await visitor.says(SAYS.mailSent);
  return await takeMail(visitor, email);
}

async function takeMail({ world }, email) {
  const mail = await world.mail.next({ to: email });
  assert.equal(mail.from, FROM);
  assert.deepEqual(mail.defects, []);
  assert.ok(mail.subject && mail.text && mail.html, 'a mail has a subject and both texts');
  assert.ok(mail.longest_line <= 998, 'a line is too long (RFC 5322 section 2.1.1)');
  return mail;
}

async function verification(visitor) {
  await visitor.check('a new address is verified by the link of a mail, and by its button alone', async () => {
    await visitor.signUp('Joan Clarke', JOAN);
    const mail = await takeMail(visitor, JOAN);
    await visitor.openLink(mail, '/auth/verify');
    await visitor.look('verify');
    // What a mail scanner does: it looks, and uses nothing up.
    await visitor.page.reload();
    await visitor.go(BUTTON.verify);
    await visitor.visit(PATHS.account);
    await visitor.says(SAYS.verified);
    await visitor.look('account-verified');
    await visitor.signOut();
  });
}

async function magicLink(visitor) {
  let used;
  await visitor.check('a magic link signs in', async () => {
    await visitor.visit(PATHS.magicLink);
    await visitor.look('magic-link');
    const mail = await ask(visitor, PATHS.magicLink, BUTTON.magicLink, JOAN);
    await visitor.look('magic-link-sent');
    used = await visitor.openLink(mail, '/auth/link/open');
    await visitor.look('magic-link-open');
    await visitor.go(BUTTON.openMagicLink);
    await visitor.seesAccountOf(JOAN);
    await visitor.signOut();
  });
  await visitor.check(
    'a magic link works once',
    async () => {
      await visitor.visit(used);
      const button = visitor.page.getByRole('button', { name: BUTTON.openMagicLink });
      if ((await button.count()) > 0) await visitor.go(BUTTON.openMagicLink);
      await visitor.says(SAYS.linkUsedUp);
      await visitor.look('magic-link-used-up');
      assert.equal(await visitor.isSignedIn(), false);
    },
    REFUSED,
  );
  await visitor.check('nobody learns who has an account: the page says the same, and no mail goes out', async () => {
    const { mail } = visitor.world;
    const words = async (email) => {
      await visitor.visit(PATHS.magicLink);
      await visitor.write(FIELD.email, email);
      await visitor.go(BUTTON.magicLink);
      return (await visitor.page.locator('main').textContent()).replaceAll(email, '...');
    };
    const toStranger = await words('nobody@example.org');
    assert.equal(await words(JOAN), toStranger);
    await takeMail(visitor, JOAN);
    assert.deepEqual(
      mail.unread.filter(({ to }) => to.includes('nobody@example.org')),
      [],
    );
  });
}

async function code(visitor) {
  await visitor.check(
    'a one-time code signs in; a wrong one does not',
    async () => {
      const mail = await ask(visitor, PATHS.code, BUTTON.sendCode, JOAN);
      const [right] = /\b\d{6}\b/.exec(mail.text);
      await visitor.look('code');
      await visitor.write(FIELD.code, right === '000000' ? '000001' : '000000');
      await visitor.go(BUTTON.useCode);
      await visitor.says(SAYS.wrongCode);
      await visitor.look('code-wrong');
      await visitor.write(FIELD.code, right);
      await visitor.go(BUTTON.useCode);
      await visitor.seesAccountOf(JOAN);
      await visitor.signOut();
    },
    errorPage(422),
  );
}

async function forgotten(visitor) {
  let used;
  await visitor.check('a forgotten password is set anew', async () => {
    await visitor.visit(PATHS.forgot);
    await visitor.look('forgot');
    const mail = await ask(visitor, PATHS.forgot, BUTTON.forgot, JOAN);
    used = await visitor.openLink(mail, '/auth/reset');
    await visitor.look('reset');
    await visitor.write(FIELD.newPassword, OTHER_PASSWORD);
    await visitor.go(BUTTON.reset);
    if (await visitor.isSignedIn()) await visitor.signOut();
    await visitor.signIn(JOAN, OTHER_PASSWORD);
    await visitor.seesAccountOf(JOAN);
    await visitor.signOut();
  });
  await visitor.check(
    'the old password is over, and so is the link',
    async () => {
      await visitor.signIn(JOAN, PASSWORD);
      assert.equal(await visitor.isSignedIn(), false);
      await visitor.visit(used);
      await visitor.says(SAYS.linkUsedUp);
      await visitor.look('reset-used-up');
    },
    REFUSED,
  );
}

async function moving(visitor) {
  await visitor.check('an address changes when the new one is proven, and the old one hears of it', async () => {
    await visitor.signIn(JOAN, OTHER_PASSWORD);
    await visitor.visit(PATHS.email);
    await visitor.look('change-address');
    await visitor.write(FIELD.newEmail, MOVED);
    await visitor.go(BUTTON.changeEmail);
    await visitor.seesAccountOf(JOAN);
    const proof = await takeMail(visitor, MOVED);
    await visitor.openLink(proof, '/auth/verify');
    await visitor.go(BUTTON.verify);
    await visitor.seesAccountOf(MOVED);
    const notices = [];
    while (visitor.world.mail.unread.some(({ to }) => to.includes(JOAN))) notices.push(await takeMail(visitor, JOAN));
    assert.ok(notices.length > 0, 'the old address heard nothing');
    await visitor.signOut();
  });
}
