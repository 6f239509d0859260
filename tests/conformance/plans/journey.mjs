// From a refused call to a paid one, and to the end of what was paid.

import assert from 'node:assert/strict';
import { Stage } from '../browser/stage.mjs';
import { PASSWORD, until } from '../harness.mjs';
import { PayingAgent } from './agent.mjs';

const SUM = { a: 40, b: 2 };
/** How long what is cancelled still goes on, in seconds: enough for a call and a page. */
const REST = 5;

export async function journey(browser, world, kind, options) {
  const { server } = world;
  const stage = await Stage.open(browser, { server, ...options });
  const play = { ...world, stage };
  const agent = await stage.check('an agent is let in for an organization that pays nothing', () => letIn(play, kind));
  if (!agent) return await stage.context.close();
  const refused = await stage.check('its call is answered with a page for its person', () => refuse(play, agent));
  if (refused) {
    await stage.check('the person pays, and Stripe tells of it', () => pay(play, refused.url));
    await stage.check('the same call goes through, with the same token', () => goOn(agent, refused));
    await stage.check('it is counted once', () => countedOnce(play, agent));
    await stage.check('what is cancelled stays open until its period is over', () => cancel(play, agent));
    await stage.check('and is closed then, by the clock alone', () => close(play, agent));
  }
  await stage.context.close();
  await agent.close();
}

async function letIn({ server, stage, email }, kind) {
  const person = {
    async authorize(url) {
      await stage.visit(String(url));
      await stage.fill({ 'E-mail address': email, Password: PASSWORD });
      await stage.press('button', 'Sign in');
      await stage.page.getByRole('radio', { name: 'Acme' }).check();
      await stage.press('button', 'Allow');
    },
  };
  const agent = await PayingAgent.connect(server, kind, person);
  const { tools } = await agent.client.listTools();
  assert.ok(tools.some(({ name }) => name === 'add'), 'what a plan opens is shown');
  assert.equal((await planOf(agent)).plan, 'free');
  return agent;
}

async function refuse({ server, acme, email }, agent) {
  const refused = await agent.ask('add', SUM);
  const { origin, pathname } = new URL(refused.url);
  assert.deepEqual([origin, pathname], [server.baseUrl, '/billing/upgrade']);
  for (const secret of [acme.id, email]) assert.ok(!refused.url.includes(secret), 'the address says who it is for');
  return refused;
}

async function pay({ till, stage }, url) {
  await stage.visit(url);
  assert.equal(stage.path, '/billing/upgrade', 'the person is signed in here');
  assert.equal(await stage.page.getByRole('heading', { level: 1 }).innerText(), 'Choose the plan of Acme');
  await stage.look('billing-upgrade');
  await stage.press('button', 'Pro, $20.00 by the month');
  assert.ok(stage.page.url().startsWith(`${till.origin}/c/pay/`), stage.page.url());
  assert.deepEqual(await till.news(), [], 'nothing is paid yet');
  // With scripts the browser comes back, without them it does not: then nobody but Stripe says that it is paid.
  if (stage.javaScriptEnabled) await stage.press('button', 'Pretend to pay');
  else await payAndLeave(till, stage, url);
  assert.equal(stage.path, '/billing/upgrade');
  assert.equal(await stage.page.getByRole('heading', { level: 1 }).innerText(), 'Acme has Pro');
  assert.deepEqual(await till.news(), ['customer.subscription.created', 'checkout.session.completed']);
  await stage.look('billing-upgrade-done');
}

/** Somebody closes the page as soon as they have paid, and looks later. */
async function payAndLeave(till, stage, url) {
  const there = `${till.origin}/c/pay/*`;
  await stage.page.route(there, async (route) => {
    const { location } = (await route.fetch({ maxRedirects: 0 })).headers();
    assert.match(location, /\/auth\/subscription\/success/);
    const body = '<!doctype html><title>Closed</title><link rel="icon" href="data:,">';
    await route.fulfill({ contentType: 'text/html', body });
  });
  await stage.press('button', 'Pretend to pay');
  await stage.page.unroute(there);
  await stage.visit(url);
}

async function goOn(agent, refused) {
  const answer = await refused.afterwards();
  assert.ok(!answer.isError, JSON.stringify(answer));
  assert.equal(answer.content[0].text, '42');
  assert.deepEqual([agent.provider.saved.access_token, agent.provider.redirects], [agent.token, 1]);
  const { call, units, used, included, remaining } = usageIn(answer);
  assert.match(call, /^mtr_/);
  assert.deepEqual({ units, used, included, remaining }, { units: 1, used: 1, included: 100, remaining: 99 });
}

async function countedOnce({ server, till, stage, acme }, agent) {
  const { structuredContent: told } = await agent.run('usage');
  assert.deepEqual([told.account_id, told.plan, usedIn(told)], [acme.id, 'pro', 1]);
  assert.equal(usedIn((await server.command('usage', 'show', acme.id)).usage), 1);
  const { agrees, calls, units, used } = await server.command('usage', 'check');
  assert.deepEqual({ agrees, calls, units, used }, { agrees: true, calls: 1, units: 1, used: 1 });
  await stage.visit(`/billing/usage?account_id=${acme.id}`);
  assert.match(await stage.page.locator('main').innerText(), /1 of 100 used\s+99 left/);
  await stage.look('billing-usage');
  await until('Stripe is told', async () => (await till.ask('seen')).counted.length > 0);
  const { counted } = await till.ask('seen');
  const [kept] = (await server.command('usage', 'calls')).calls;
  assert.deepEqual(counted.map(({ identifier, payload }) => [identifier, payload.value]), [[kept.id, '1']]);
}

async function cancel({ till, stage, acme }, agent) {
  const before = (await till.news()).length;
  // The person presses the button of our page, and Stripe's portal asks once more.
  await stage.visit(`/billing/usage?account_id=${acme.id}`);
  await stage.press('button', 'Cancel the plan');
  assert.ok(stage.page.url().startsWith(`${till.origin}/p/session/`), stage.page.url());
  assert.equal((await till.news()).length, before, 'nothing is cancelled yet');
  await stage.press('button', 'Pretend to cancel');
  assert.equal(stage.path, '/billing/usage');
  await stage.page.getByRole('button', { name: 'Keep the plan' }).waitFor();
  assert.deepEqual((await till.news()).slice(before), ['customer.subscription.updated']);
  assert.equal(usageIn(await agent.run('add', SUM)).used, 2);
  assert.ok((await planOf(agent)).ends_at, 'nobody says that it ends');
}

async function close({ server, till, acme, stage }, agent) {
  const { ends_at: endsAt } = await till.ask('period', { ends_in: REST });
  const news = (await till.news()).length;
  assert.equal(usageIn(await agent.run('add', SUM)).used, 3);
  assert.ok(Date.now() < endsAt * 1000, 'the call took longer than the rest of the period');
  await until('the plan is closed', async () => (await planOf(agent)).plan === 'free');
  assert.ok(Date.now() >= endsAt * 1000, 'it was closed before its period was over');
  assert.equal((await till.news()).length, news, 'Stripe was to say nothing');
  const refused = await agent.ask('add', SUM);
  await stage.visit(refused.url);
  assert.equal(await stage.page.getByRole('heading', { level: 1 }).innerText(), 'Choose the plan of Acme');
  const declined = await refused.decline();
  if (declined) assert.match(declined.content[0].text, /^access\.plan_too_small: .*The page was not opened/s);
  const { agrees, calls, units } = await server.command('usage', 'check');
  assert.deepEqual({ agrees, calls, units }, { agrees: true, calls: 3, units: 3 });
  assert.equal((await server.command('usage', 'show', acme.id)).usage.plan, 'free');
}

/** What a tool sees of the plan. */
async function planOf(agent) {
  return (await agent.run('whoami')).structuredContent.subscription;
}

const usageIn = (answer) => answer._meta['belgie/usage'].exports;
const usedIn = ({ meters }) => meters.find(({ meter }) => meter === 'exports').used;
