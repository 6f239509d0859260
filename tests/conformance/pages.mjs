#!/usr/bin/env node
// A real browser at an application with sign-in, terms and consent pages of its own (examples/oauth_server_own_pages.rs): an agent is
// let in, with scripts and without, and what somebody else makes of the links it leads through. $SCREENSHOTS names a folder for
// pictures of its pages (else a temporary one), $CHROMIUM the program.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Agent } from './browser/agent.mjs';
import { Stage, launch } from './browser/stage.mjs';
import { PASSWORD, Report, cleanEnvironment, stopProcess } from './harness.mjs';

const ADA = 'ada@example.org';
const screenshots = process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), 'belgie-screenshots-'));
const report = new Report('pages');
const browser = await launch();

async function startApplication() {
  const binary = process.env.BELGIE_CONFORMANCE_PAGES;
  if (!binary) throw new Error('BELGIE_CONFORMANCE_PAGES must name the example oauth_server_own_pages');
  const dataDir = mkdtempSync(join(tmpdir(), 'belgie-'));
  const log = join(dataDir, 'application.log');
  const env = { ...cleanEnvironment(), BELGIE_DATA_DIR: dataDir, BELGIE_SERVER_LISTEN: '127.0.0.1:0' };
  const child = spawn(binary, [], { cwd: dataDir, env, stdio: ['ignore', 'pipe', openSync(log, 'w')] });
  const ended = new Promise((_, reject) => child.once('exit', () => reject(new Error(`it ended: ${readFileSync(log, 'utf8')}`))));
  ended.catch(() => {});
  const line = new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  const [setupUrl] = /http:\/\/\S+/.exec(await Promise.race([line, ended]));
  const baseUrl = new URL(setupUrl).origin;
  return {
    baseUrl,
    mcpUrl: `${baseUrl}/mcp`,
    setupUrl,
    async stop() {
      await stopProcess(child);
      assert.doesNotMatch(readFileSync(log, 'utf8'), /panicked/);
      rmSync(dataDir, { recursive: true });
    },
  };
}

/** Somebody who never saw the application is led to a page of it. */
async function journey(stage, stranger) {
  const agent = await stage.check('an agent registers itself', () => Agent.register(stage.server, 'Notes & <b>more</b>'));
  let consent;
  await stage.check('a stranger signs in on the page of the application', async (page) => {
    await stage.visit(agent.authorizationUrl({ scope: 'connections:read demo:step-up' }));
    assert.equal(stage.path, '/welcome');
    assert.match(await page.locator('main').innerText(), /“?Notes & <b>more<\/b>”?/);
    await stage.look('own-welcome');
    await stage.fill({ 'E-mail address': ADA, Password: PASSWORD });
    await stage.press('button', 'Sign in');
    assert.equal(stage.path, '/terms');
  });
  await stage.check('the terms are between them and the agent until they are accepted', async (page) => {
    const terms = page.url();
    await stage.visit(terms.replace('/terms?', '/authorize/continue?'));
    assert.equal(stage.path, '/terms', 'the application is asked again');
    await stage.look('own-terms');
    await stage.press('button', 'I accept');
    assert.equal(stage.path, '/consent');
    consent = page.url();
  });
  await stage.check(
    'the link is worth nothing in another browser',
    async () => {
      await stranger.page.goto(consent);
      assert.match(await stranger.page.locator('body').innerText(), /another browser/);
    },
  );
  await stage.check('the consent page of the application answers, with one scope less', async (page) => {
    await stage.look('own-consent');
    await page.getByRole('checkbox').last().uncheck();
    await stage.press('button', 'Allow');
    await agent.redeem();
    assert.equal((await agent.whoami()).status, 200);
  });
  await stage.check(
    'it answers once',
    async (page) => {
      await page.goto(consent);
      assert.match(await page.locator('body').innerText(), /gone on with before/);
    },
    /status:? (of )?400/,
  );
  await stage.check('a no is a no', async () => {
    await stage.visit(agent.authorizationUrl({ scope: 'connections:read', prompt: 'consent' }));
    assert.equal(stage.path, '/consent', 'the terms are accepted');
    await stage.press('button', 'Deny');
    assert.equal((await agent.answer()).get('error'), 'access_denied');
  });
  agent.redirect.close();
}

for (const javaScriptEnabled of [true, false]) {
  const label = javaScriptEnabled ? 'with scripts' : 'without scripts';
  const server = await startApplication();
  const stage = await Stage.open(browser, { label, server, report, javaScriptEnabled, screenshots: javaScriptEnabled ? screenshots : null });
  const stranger = { context: await browser.newContext() };
  stranger.page = await stranger.context.newPage();
  try {
    await stage.check('the operator makes the first account', async () => {
      await stage.visit(server.setupUrl);
      await stage.fill({ 'Your name': 'Ada Lovelace', 'E-mail address': ADA, Password: PASSWORD });
      await stage.press('button', 'Create the administrator');
      await stage.context.clearCookies();
    });
    await journey(stage, stranger);
  } catch (error) {
    report.fail(label, error);
  }
  await stage.context.close();
  await stranger.context.close();
  await report.check(`${label}: the application ends in good order`, () => server.stop());
}

await browser.close();
console.log(`screenshots in ${screenshots}`);
report.close();
