// Everything a journey needs: providers, a mail server, a gateway that knows both, and people's hands.

import assert from 'node:assert/strict';
import { startIdp } from '../idp/server.mjs';
import { startMail } from '../mail/mail.mjs';
import { PASSWORD, startServer } from '../harness.mjs';
import { Stage } from '../browser/stage.mjs';
import { BUTTON, FIELD, PATHS, PROVIDERS, SAYS } from './ui.mjs';

/** How long a page may take, or a button to be there. */
const PATIENCE_MS = 15_000;

export const FROM = 'gate@example.org';

/** What links may ask Google for besides. */
export const CALENDAR = 'https://www.googleapis.com/auth/calendar.readonly';

const LIMITS = ['sign_in', 'sign_in_per_account', 'mails', 'sign_up']
  .map((what) => `${what}_per_minute`)
  .concat(['sign_in_from_new_devices_per_hour', 'mails_per_recipient_per_hour']);

/** `more`: further sections of settings. */
export async function openWorld({ idpHost, more = {} } = {}) {
  const [idp, mail] = await Promise.all([startIdp(idpHost), startMail()]);
  const server = await startServer({ config: `${configOf(idp, mail)}\n${tomlOf(more)}` }).catch(async (error) => {
    idp.close();
    await mail.stop();
    throw error;
  });
  idp.expect(server.baseUrl);
  return {
    idp,
    mail,
    server,
    async close() {
      idp.close();
      await mail.stop();
      await server.stop();
    },
  };
}

function configOf({ addresses }, mail) {
  const { google, microsoft, generic, github, apple } = addresses;
  const sections = {
    outbound: { danger_allow_loopback: true },
    sign_up: { open: true },
    // Everybody here comes from one address, and does in a minute what people do in a week.
    limits: Object.fromEntries(LIMITS.map((name) => [name, 10_000])),
    mail: {
      transport: 'smtp',
      from: FROM,
      smtp_host: '127.0.0.1',
      smtp_port: mail.port,
      smtp_security: 'danger_plain',
    },
    'plugins.google': credentials(google, { discovery_url: google.discovery_url, incremental_scopes: [CALENDAR] }),
    'plugins.microsoft': credentials(microsoft, {
      authority: microsoft.authority,
      graph_url: microsoft.graph_url,
      response_mode: 'form_post',
    }),
    'plugins.oauth-client.generic': credentials(generic, {
      name: PROVIDERS.generic,
      discovery_url: generic.discovery_url,
      scopes: ['openid', 'email', 'profile'],
      allow_different_link_emails: true,
    }),
    'plugins.github': credentials(github, {
      authorization_endpoint: github.authorization_endpoint,
      token_endpoint: github.token_endpoint,
      userinfo_endpoint: github.userinfo_endpoint,
    }),
    'plugins.apple': {
      client_id: apple.client_id,
      team_id: apple.team_id,
      key_id: apple.key_id,
      private_key: apple.private_key,
      discovery_url: apple.discovery_url,
    },
  };
  return tomlOf(sections);
}

/** Sections of settings, as the text of a `belgie.toml`. */
export function tomlOf(sections) {
  const lines = Object.entries(sections).map(([name, values]) => {
    const entries = Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
    return `[${name}]\n${entries.join('')}`;
  });
  return lines.join('\n');
}

export const credentials = ({ client_id, client_secret }, more) => ({ client_id, client_secret, ...more });

/** A person's browser with what they do in it. */
export class Visitor extends Stage {
  #lookedAt = new Set();
  /** Who is signed in at which provider, and would not be asked again. */
  #known = {};

  static async open(browser, world, options) {
    const visitor = Object.assign(await super.open(browser, { server: world.server, ...options }), { world });
    visitor.context.setDefaultTimeout(PATIENCE_MS);
    return visitor;
  }

  /** A check that fails leaves nobody signed in, so that the next one fares no worse for it. */
  async check(name, body, expected) {
    const guarded = async (page) => {
      try {
        return await body(page);
      } catch (error) {
        await this.context.clearCookies();
        throw error;
      }
    };
    return await super.check(name, guarded, expected);
  }

  /** Presses a button or follows a link of that name, and waits for the page it leads to. */
  async go(name) {
    const { page } = this;
    const target = page.getByRole('button', { name }).or(page.getByRole('link', { name })).first();
    await Promise.all([page.waitForEvent('framenavigated', (frame) => frame === page.mainFrame()), target.click()]);
    await page.waitForLoadState('load');
  }

  /** Fills in by label; here a label may be a pattern. */
  async write(label, value) {
    await this.page
      .getByLabel(label, typeof label === 'string' ? { exact: true } : {})
      .first()
      .fill(value);
  }

  /** What the page says, in one line. */
  async words() {
    return (await this.page.locator('main').textContent()).replaceAll(/\s+/g, ' ');
  }

  async says(pattern) {
    assert.match(await this.words(), pattern);
  }

  async signUp(name, email) {
    await this.visit(PATHS.signUp);
    await this.write(FIELD.name, name);
    await this.write(FIELD.email, email);
    await this.write(FIELD.password, PASSWORD);
    await this.go(BUTTON.signUp);
    await this.says(SAYS.mailSent);
    await this.openLink(await this.takeMail(email, /^Finish your account/), PATHS.finishSignUp);
    await this.go(BUTTON.finishSignUp);
    assert.equal(this.path, PATHS.account);
  }

  /** The next mail to this address with such a subject, once it has been looked through. */
  async takeMail(to, subject) {
    const mail = await this.world.mail.next({ to, subject });
    assert.equal(mail.from, FROM);
    assert.equal(mail.header_to, to);
    assert.deepEqual(mail.defects, []);
    assert.ok(mail.text && mail.html, 'a mail has both texts');
    assert.ok(mail.longest_line <= 998, 'a line is too long (RFC 5322 section 2.1.1)');
    assert.deepEqual(new Set(mail.html_links), new Set(mail.text_links), 'one text leads elsewhere than the other');
    for (const link of mail.links) assert.equal(new URL(link).origin, this.server.baseUrl, 'a mail leads elsewhere');
    await this.#lookAtMail(mail);
    return mail;
  }

  /** Pictures of the page in a mail, once for each subject. */
  async #lookAtMail({ subject, html }) {
    const name = subject.toLowerCase().replaceAll(/\d{6}/g, 'code').replaceAll(/[^a-z]+/g, '-');
    if (!this.screenshots || this.#lookedAt.has(name)) return;
    this.#lookedAt.add(name);
    const page = await this.context.newPage();
    await page.setContent(html);
    // Mail is shown inside the page of a mail program, which has the landmarks.
    await this.look(`mail-${name}`, { page, except: ['landmark-one-main', 'region'] });
    await page.close();
  }

  async signIn(email, password = PASSWORD) {
    if (this.path !== PATHS.signIn) await this.visit(PATHS.signIn);
    await this.write(FIELD.email, email);
    await this.write(FIELD.password, password);
    await this.go(BUTTON.signIn);
  }

  async signOut() {
    await this.visit(PATHS.account);
    await this.go(BUTTON.signOut);
  }

  /**
   * An hour goes by. Sessions are remembered for a minute, so the page that is opened next would know nothing of it; what
   * the person then says of themselves empties that memory.
   */
  async growStale(email) {
    const age = `UPDATE core_sessions SET authenticated_at = authenticated_at - ?
      WHERE user_id IN (SELECT id FROM core_users WHERE email = ?)`;
    this.server.tamper(age, 3_600_000_000, email);
    await this.visit(PATHS.profile);
    await this.go(BUTTON.saveProfile);
  }

  async isSignedIn() {
    await this.visit(PATHS.account);
    return this.path === PATHS.account;
  }

  /** What a script of our pages would get from an address of ours that answers in JSON. */
  async askAsScript(path, { method = 'GET' } = {}) {
    const headers = { 'sec-fetch-site': 'same-origin', origin: this.server.baseUrl };
    const response = await this.page.request.fetch(new URL(path, this.server.baseUrl).href, { method, headers });
    return { status: response.status(), body: await response.json() };
  }

  /** The id of the account whose page is open. */
  async accountId() {
    return /usr_\w+/.exec(await this.words())?.[0];
  }

  /** Whose account this is, by the address on its page. */
  async seesAccountOf(email) {
    await this.visit(PATHS.account);
    assert.equal(this.path, PATHS.account, 'nobody is signed in');
    await this.says(new RegExp(email.replaceAll('.', '\\.')));
  }

  /** From the sign-in page to a provider and back. */
  async signInWith(provider, person, options) {
    if (this.#known[provider] !== person) this.world.idp[provider].forgetSessions();
    this.#known[provider] = person;
    await this.visit(PATHS.signIn);
    await this.signInFromHere(provider, person, options);
  }

  /** The same from the sign-in page that is open, which may know where to go afterwards. */
  async signInFromHere(provider, person, options) {
    await this.go(BUTTON.provider(PROVIDERS[provider]));
    await this.atProvider(person, options);
  }

  /** Answers the provider's pages until the browser is back at the gateway. */
  async atProvider(person, { deny = false } = {}) {
    const { page, world } = this;
    const isThere = () => page.url().startsWith(world.idp.base);
    for (let pages = 0; isThere(); pages += 1) {
      assert.ok(pages < 8, `the provider does not let go: ${page.url()}`);
      const title = await page.title();
      if (/^Submitting/.test(title)) await this.#passOn(isThere);
      else if (/^Choose/.test(title)) await this.go(new RegExp(`^${nameOf(person)}`));
      else await this.go(deny ? 'Cancel' : 'Continue');
    }
    await page.waitForLoadState('load');
  }

  /** A form that posts itself with scripts, and has a button without. */
  async #passOn(isThere) {
    const { page } = this;
    if (!this.javaScriptEnabled) return await this.go('Continue');
    const here = page.url();
    await page.waitForURL((url) => url.href !== here || !isThere());
  }

  /** Opens the one link of a mail that leads to this path. */
  async openLink(mail, path) {
    const link = mail.links.find((one) => new URL(one).pathname === path);
    assert.ok(link, `no link to ${path} in ${JSON.stringify(mail.links)}`);
    assert.equal(new URL(link).origin, this.server.baseUrl);
    await this.visit(link);
    return link;
  }
}

const NAMES = { ada: 'Ada Lovelace', grace: 'Grace Hopper', edsger: 'Edsger Dijkstra', mallory: 'Mallory Malone' };
const nameOf = (person) => NAMES[person] ?? { noor: 'Noor Khan', newton: 'Isaac Newton' }[person];
