// What goes by mail: a link, a code, a forgotten password, an address to be verified or changed.

import assert from 'node:assert/strict';
import { PASSWORD } from '../harness.mjs';
import { errorPage } from '../browser/stage.mjs';
import { BUTTON, FIELD, PATHS, SAYS } from './ui.mjs';
import { Visitor } from './world.mjs';

const JOAN = 'joan@example.org';
const MOVED = 'joan.clarke@example.org';
const OTHER_PASSWORD = `${PASSWORD} and more`;
const REFUSED = /^status: 4|^console: Failed to load/;

export async function mails(visitor, browser) {
  await joining(visitor, browser);
  await verification(visitor);
  await magicLink(visitor, browser);
  await code(visitor);
  await forgotten(visitor);
  await moving(visitor);
  await strangeDevice(visitor, browser);
}

/** Asks for a mail on a page, and takes it. */
async function ask(visitor, path, { button, email = JOAN, subject }) {
  await visitor.visit(path);
  await visitor.write(FIELD.email, email);
  await visitor.go(button);
  await visitor.says(SAYS.mailSent);
  return await visitor.takeMail(email, subject);
}

const ABOUT = {
  signUp: /^Finish your account/,
  taken: /^You have an account .* already$/,
  verify: /^Confirm your address/,
  link: /^Sign in to/,
  code: /^\d{6} is your code/,
  reset: /^Choose a new password/,
  passwordReset: /^Your password .* was reset$/,
  newDevice: /^A new sign-in/,
  changeEmail: /^Use this address/,
  emailChanged: /^Your address .* was changed$/,
  emailUndone: /^Your address .* is back$/,
};

async function joining(visitor, browser) {
  const { world, label, report, javaScriptEnabled } = visitor;
  let used;
  await visitor.check('an account is made by the link of a mail, and by its button alone', async () => {
    await visitor.visit(PATHS.signUp);
    await visitor.look('sign-up');
    await visitor.write(FIELD.name, 'Joan Clarke');
    await visitor.write(FIELD.email, JOAN);
    await visitor.write(FIELD.password, PASSWORD);
    await visitor.go(BUTTON.signUp);
    await visitor.says(SAYS.mailSent);
    await visitor.look('sign-up-sent');
    used = await visitor.openLink(await visitor.takeMail(JOAN, ABOUT.signUp), PATHS.finishSignUp);
    await visitor.look('sign-up-finish');
    // What a mail scanner does: it looks, and uses nothing up.
    await visitor.page.reload();
    await visitor.go(BUTTON.finishSignUp);
    await visitor.seesAccountOf(JOAN);
    await visitor.says(SAYS.verified);
    await visitor.signOut();
  });
  await visitor.check(
    'the link works once',
    async () => {
      await visitor.visit(used);
      await visitor.says(SAYS.linkUsedUp);
      await visitor.look('sign-up-used-up');
    },
    REFUSED,
  );
  await visitor.check('who signs up with an address that is taken sees the same, and its owner gets a mail', async () => {
    const other = await Visitor.open(browser, world, { label, report, javaScriptEnabled });
    const words = [];
    for (const email of ['new@example.org', JOAN]) {
      await other.visit(PATHS.signUp);
      await other.write(FIELD.name, 'Mallory');
      await other.write(FIELD.email, email);
      await other.write(FIELD.password, OTHER_PASSWORD);
      await other.go(BUTTON.signUp);
      words.push((await other.words()).replaceAll(email, '...'));
    }
    assert.equal(words[0], words[1]);
    await other.context.close();
    await visitor.takeMail(JOAN, ABOUT.taken);
    const mail = await visitor.takeMail('new@example.org', ABOUT.signUp);
    // The address is proven elsewhere than where the password was typed, so that password does not count.
    await visitor.openLink(mail, PATHS.finishSignUp);
    await visitor.look('sign-up-finish-elsewhere');
    await visitor.write(FIELD.newPassword, PASSWORD);
    await visitor.go(BUTTON.finishSignUp);
    await visitor.seesAccountOf('new@example.org');
    await visitor.signOut();
    await visitor.signIn('new@example.org', PASSWORD);
    await visitor.seesAccountOf('new@example.org');
    await visitor.signOut();
  });
}

/** Accounts that an operator makes have an address nobody has proven. */
async function verification(visitor) {
  const HEDY = 'hedy@example.org';
  await visitor.check('who has a password and no proven address proves it first', async () => {
    await visitor.world.server.person('Hedy');
    await visitor.signIn(HEDY);
    await visitor.says(SAYS.mailSent);
    await visitor.look('verify-first');
    await visitor.openLink(await visitor.takeMail(HEDY, ABOUT.verify), PATHS.verify);
    await visitor.look('verify');
    await visitor.page.reload();
    await visitor.go(BUTTON.verify);
    await visitor.look('verified');
    await visitor.go(BUTTON.signIn);
    await visitor.signIn(HEDY);
    await visitor.seesAccountOf(HEDY);
    await visitor.says(SAYS.verified);
    await visitor.signOut();
  });
}

async function magicLink(visitor, browser) {
  let used;
  await visitor.check('a magic link signs in', async () => {
    const mail = await ask(visitor, PATHS.signIn, { button: BUTTON.magicLink, subject: ABOUT.link });
    await visitor.look('magic-link-sent');
    used = await visitor.openLink(mail, PATHS.openMagicLink);
    await visitor.look('magic-link-open');
    await visitor.go(BUTTON.openMagicLink);
    await visitor.seesAccountOf(JOAN);
    await visitor.signOut();
  });
  await visitor.check(
    'a magic link works once',
    async () => {
      await visitor.visit(used);
      await visitor.says(SAYS.linkUsedUp);
      await visitor.look('magic-link-used-up');
      assert.equal(await visitor.isSignedIn(), false);
    },
    REFUSED,
  );
  await visitor.check('a link that was asked for in another browser warns', async () => {
    const { world, label, report, javaScriptEnabled } = visitor;
    const other = await Visitor.open(browser, world, { label, report, javaScriptEnabled });
    const mail = await ask(other, PATHS.signIn, { button: BUTTON.magicLink, subject: ABOUT.link });
    await other.context.close();
    await visitor.openLink(mail, PATHS.openMagicLink);
    await visitor.says(/You did not ask for this link in this browser/);
    await visitor.look('magic-link-elsewhere');
  });
  await visitor.check('nobody learns who has an account: the page says the same', async () => {
    const words = async (email) => {
      await visitor.visit(PATHS.forgot);
      await visitor.write(FIELD.email, email);
      await visitor.go(BUTTON.forgot);
      return (await visitor.words()).replaceAll(email, '...');
    };
    const toStranger = await words('nobody@example.org');
    assert.equal(await words(JOAN), toStranger);
    await visitor.takeMail(JOAN, ABOUT.reset);
    assert.deepEqual(
      visitor.world.mail.unread.filter(({ to }) => to.includes('nobody@example.org')),
      [],
    );
  });
}

async function code(visitor) {
  await visitor.check(
    'a one-time code signs in; a wrong one does not',
    async () => {
      await visitor.visit(PATHS.signIn);
      await visitor.write(FIELD.email, JOAN);
      await visitor.go(BUTTON.sendCode);
      const mail = await visitor.takeMail(JOAN, ABOUT.code);
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
    const mail = await ask(visitor, PATHS.forgot, { button: BUTTON.forgot, subject: ABOUT.reset });
    used = await visitor.openLink(mail, PATHS.reset);
    await visitor.look('reset');
    await visitor.write(FIELD.newPassword, OTHER_PASSWORD);
    await visitor.go(BUTTON.reset);
    await visitor.look('reset-done');
    await visitor.takeMail(JOAN, ABOUT.passwordReset);
    assert.equal(await visitor.isSignedIn(), false);
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
  let undo;
  await visitor.check('an address changes when the new one is proven, and the old one hears of it', async () => {
    await visitor.signIn(JOAN, OTHER_PASSWORD);
    await visitor.visit(PATHS.email);
    await visitor.look('change-address');
    await visitor.write(FIELD.newEmail, MOVED);
    await visitor.go(BUTTON.changeEmail);
    await visitor.look('change-address-sent');
    await visitor.seesAccountOf(JOAN);
    await visitor.openLink(await visitor.takeMail(MOVED, ABOUT.changeEmail), PATHS.confirmEmail);
    await visitor.look('change-address-confirm');
    await visitor.page.reload();
    await visitor.go(BUTTON.confirmEmail);
    await visitor.seesAccountOf(MOVED);
    undo = await visitor.takeMail(JOAN, ABOUT.emailChanged);
    await visitor.signOut();
  });
  await visitor.check('the old address takes the account back', async () => {
    await visitor.openLink(undo, PATHS.undoEmail);
    await visitor.look('undo-address');
    await visitor.go(BUTTON.undoEmail);
    await visitor.look('undone-address');
    await visitor.openLink(await visitor.takeMail(JOAN, ABOUT.emailUndone), PATHS.reset);
    await visitor.write(FIELD.newPassword, PASSWORD);
    await visitor.go(BUTTON.reset);
    await visitor.signIn(JOAN, PASSWORD);
    await visitor.seesAccountOf(JOAN);
    await visitor.signOut();
  });
}

async function strangeDevice(visitor, browser) {
  await visitor.check('a sign-in from another browser is told by mail', async () => {
    const { world, label, report, javaScriptEnabled } = visitor;
    // Nobody is told of a new device in the first minutes of an account.
    world.server.tamper('UPDATE core_users SET created_at = created_at - ? WHERE email = ?', 86_400_000_000, JOAN);
    const other = await Visitor.open(browser, world, { label, report, javaScriptEnabled });
    await other.signIn(JOAN, PASSWORD);
    await other.seesAccountOf(JOAN);
    await other.context.close();
    await visitor.takeMail(JOAN, ABOUT.newDevice);
  });
}
