// What people do: the first account, signing up, out and in, letting an agent in, looking at it, cutting it off.

import assert from 'node:assert/strict';
import { PASSWORD } from '../harness.mjs';
import { Agent } from './agent.mjs';
import { Stage, errorPage } from './stage.mjs';

const GRACE = 'grace@example.org';

export async function life(stage, browser) {
  const { server } = stage;
  await firstStart(stage);
  await comeAndGo(stage);
  const agent = await Agent.register(server, 'Trip planner');
  await letIn(stage, agent);
  await cutOff(stage, agent);
  await deny(stage, agent);
  await errors(stage, agent);
  await otherDevice(stage, browser);
  agent.redirect.close();
}

async function firstStart(stage) {
  const { server } = stage;
  await stage.check('the set-up link makes the administrator', async () => {
    await stage.visit(server.setupUrl);
    await stage.look('setup');
    await stage.fill({ 'Your name': 'Ada Lovelace', 'E-mail address': 'ada@example.org', Password: PASSWORD });
    await stage.press('button', 'Create the administrator');
    assert.equal(stage.path, '/account');
    await stage.look('account-new');
  });
  await stage.check(
    'the set-up link works once',
    async (page) => {
      await stage.visit(server.setupUrl);
      assert.match(await page.textContent('main'), /not good any more/);
      await stage.look('error-setup-used-up');
    },
    errorPage(404),
  );
}

async function comeAndGo(stage) {
  await stage.check('signs out', async (page) => {
    await stage.visit('/account');
    await stage.press('button', 'Sign out');
    assert.equal(stage.path, '/');
    await stage.look('home');
    await stage.visit('/account');
    assert.equal(stage.path, '/auth/signin', 'the account page is open to strangers');
    assert.equal(await page.getByRole('button', { name: 'Sign out' }).count(), 0);
  });
  await stage.check('signs up', async () => {
    await stage.visit('/');
    await stage.press('link', 'Create an account');
    await stage.look('sign-up');
    await stage.fill({ 'Your name': 'Grace Hopper', 'E-mail address': GRACE, Password: PASSWORD });
    await stage.press('button', 'Create the account');
    assert.equal(stage.path, '/account');
    await stage.press('button', 'Sign out');
  });
  await stage.check(
    'a second account of one address is not made',
    async (page) => {
      await stage.visit('/auth/signup');
      await stage.fill({ 'Your name': 'Mallory', 'E-mail address': GRACE, Password: `${PASSWORD} too` });
      await stage.press('button', 'Create the account');
      assert.ok((await page.getByRole('alert').count()) > 0);
      await stage.look('sign-up-taken');
    },
    errorPage(422),
  );
  await stage.check(
    'a wrong password does not sign in',
    async (page) => {
      await stage.visit('/auth/signin');
      await stage.look('sign-in');
      await stage.fill({ 'E-mail address': GRACE, Password: 'not the password' });
      await stage.press('button', 'Sign in');
      assert.match(await page.getByRole('alert').textContent(), /do not go together/);
      await stage.look('sign-in-wrong');
    },
    errorPage(422),
  );
  await stage.check('signs in', async () => {
    await signIn(stage);
    assert.equal(stage.path, '/account');
    await stage.press('button', 'Sign out');
  });
}

async function signIn(stage) {
  if (stage.path !== '/auth/signin') await stage.visit('/auth/signin');
  await stage.fill({ 'E-mail address': GRACE, Password: PASSWORD });
  await stage.press('button', 'Sign in');
}

async function letIn(stage, agent) {
  await stage.check('an agent sends the person over sign-in and consent back to itself', async (page) => {
    await stage.visit(agent.authorizationUrl());
    assert.equal(stage.path, '/auth/signin');
    await stage.look('sign-in-for-agent');
    await signIn(stage);
    assert.equal(stage.path, '/authorize');
    const main = await page.textContent('main');
    for (const said of [agent.name, '127.0.0.1', GRACE, agent.server.mcpUrl]) assert.ok(main.includes(said), `not shown: ${said}`);
    await stage.look('consent');
    await stage.press('button', 'Allow');
    assert.ok(page.url().startsWith(agent.redirect.uri), page.url());
    await agent.redeem();
    const { status, text } = await agent.whoami();
    assert.equal(status, 200);
    assert.ok(text.includes(GRACE), text);
  });
}

async function cutOff(stage, agent) {
  await stage.check('the account page shows the agent, and cutting it off ends its token at once', async (page) => {
    await stage.visit('/account');
    assert.ok((await page.textContent('main')).includes(agent.name));
    await page.locator('details summary').first().click();
    await stage.look('account-connected');
    await stage.press('button', 'Disconnect');
    assert.equal(stage.path, '/account');
    assert.match(await page.textContent('main'), /No agent is connected yet/);
    assert.equal((await agent.whoami()).status, 401);
  });
}

async function deny(stage, agent) {
  await stage.check('a denial goes back to the agent', async (page) => {
    await stage.visit(agent.authorizationUrl({ scope: 'connections:read demo:step-up' }));
    await stage.look('consent-scopes');
    await stage.press('button', 'Deny');
    assert.ok(page.url().startsWith(agent.redirect.uri), page.url());
    assert.equal((await agent.answer()).get('error'), 'access_denied');
  });
  await stage.check('a request without PKCE goes back to the agent as an error', async () => {
    await stage.visit(agent.authorizationUrl({ code_challenge: null, code_challenge_method: null }));
    assert.equal((await agent.answer()).get('error'), 'invalid_request');
  });
}

async function errors(stage, agent) {
  const pages = {
    'error-not-found': ['/nowhere', 404],
    'error-unknown-client': [agent.authorizationUrl({ client_id: 'cli_nobody' }), 400],
    'error-foreign-redirect': [agent.authorizationUrl({ redirect_uri: 'https://evil.example/cb' }), 400],
    'error-bad-setup': ['/auth/setup?token=nonsense', 404],
  };
  for (const [name, [address, status]] of Object.entries(pages)) {
    await stage.check(
      `${name}: ${status}, on a page of our own`,
      async (page) => {
        await stage.visit(address);
        assert.ok(page.url().startsWith(agent.server.baseUrl), page.url());
        assert.match(await page.textContent('main'), new RegExp(`Error ${status}`));
        await stage.look(name);
      },
      errorPage(status),
    );
  }
  await stage.check('a form that is out of date is refused', async () => {
    const url = `${agent.server.baseUrl}/account/sessions/revoke-others`;
    const stale = await stage.context.request.post(url, { form: { csrf_token: 'of yesterday' } });
    assert.equal(stale.status(), 403);
    assert.match(await stale.text(), /out of date/);
  });
}

async function otherDevice(stage, browser) {
  const { label, server, report, javaScriptEnabled } = stage;
  const other = await Stage.open(browser, { label: `${label}, second device`, server, report, javaScriptEnabled });
  await other.check('signs in', () => signIn(other));
  await stage.check('the account page shows both devices and signs the other one out', async (page) => {
    await stage.visit('/account');
    await stage.look('account-devices');
    await stage.press('button', 'Sign out this device');
    assert.equal(await page.getByRole('button', { name: 'Sign out this device' }).count(), 0);
  });
  await other.check('is signed out', async () => {
    await other.visit('/account');
    assert.equal(other.path, '/auth/signin');
  });
  await other.context.close();
}
