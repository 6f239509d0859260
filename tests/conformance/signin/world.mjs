// Everything a journey needs: providers, a mail server, a gateway that knows both, and people's hands.

import assert from 'node:assert/strict';
import { startIdp } from '../idp/server.mjs';
import { startMail } from '../mail/mail.mjs';
import { PASSWORD, startServer } from '../harness.mjs';
import { Stage } from '../browser/stage.mjs';
import { BUTTON, FIELD, PATHS, PROVIDERS } from './ui.mjs';

/** How long a page may take, or a button to be there. */
const PATIENCE_MS = 15_000;

export const FROM = 'gate@example.org';

/** Seconds a proof of presence counts on a server with `hasty`; minutes are too long to wait for. */
export const FRESH_SECONDS = 6;

export async function openWorld({ hasty = false } = {}) {
  const [idp, mail] = await Promise.all([startIdp(), startMail()]);
  const server = await startServer({ config: configOf(idp, mail, hasty) }).catch(async (error) => {
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

function configOf({ addresses }, mail, hasty) {
  const { google, microsoft, generic, github } = addresses;
  const sections = {
    outbound: { danger_allow_loopback: true },
    sign_up: { open: true },
    ...(hasty && { session: { fresh_age_seconds: FRESH_SECONDS } }),
    mail: {
      transport: 'smtp',
      from: FROM,
      smtp_host: '127.0.0.1',
      smtp_port: mail.port,
      smtp_security: 'danger_plain',
    },
    'plugins.google': credentials(google, { discovery_url: google.discovery_url }),
    'plugins.microsoft': credentials(microsoft, {
      authority: microsoft.authority,
      graph_url: microsoft.graph_url,
      response_mode: 'form_post',
    }),
    'plugins.oauth-client.generic': credentials(generic, {
      name: PROVIDERS.generic,
      discovery_url: generic.discovery_url,
      scopes: ['openid', 'email', 'profile'],
    }),
    'plugins.oauth-client.github': credentials(github, {
      name: PROVIDERS.github,
      authorization_endpoint: github.authorization_endpoint,
      token_endpoint: github.token_endpoint,
      userinfo_endpoint: github.userinfo_endpoint,
      scopes: ['read:user', 'user:email'],
    }),
  };
  const lines = Object.entries(sections).map(([name, values]) => {
    const entries = Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
    return `[${name}]\n${entries.join('')}`;
  });
  return lines.join('\n');
}

const credentials = ({ client_id, client_secret }, more) => ({ client_id, client_secret, ...more });

/** A person's browser with what they do in it. */
export class Visitor extends Stage {
  static async open(browser, world, options) {
    const visitor = Object.assign(await super.open(browser, { server: world.server, ...options }), { world });
    visitor.context.setDefaultTimeout(PATIENCE_MS);
    return visitor;
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

  async says(pattern) {
    assert.match(await this.page.locator('main').textContent(), pattern);
  }

  async signUp(name, email) {
    await this.visit(PATHS.signUp);
    await this.write(FIELD.name, name);
    await this.write(FIELD.email, email);
    await this.write(FIELD.password, PASSWORD);
    await this.go(BUTTON.signUp);
    assert.equal(this.path, PATHS.account);
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

  async isSignedIn() {
    await this.visit(PATHS.account);
    return this.path === PATHS.account;
  }

  /** Whose account this is, by the address on its page. */
  async seesAccountOf(email) {
    await this.visit(PATHS.account);
    assert.equal(this.path, PATHS.account, 'nobody is signed in');
    await this.says(new RegExp(email.replaceAll('.', '\\.')));
  }

  /** From the sign-in page to a provider and back. */
  async signInWith(provider, person, options) {
    await this.visit(PATHS.signIn);
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
