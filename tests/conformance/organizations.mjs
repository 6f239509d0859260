#!/usr/bin/env node
// Somebody with two organizations says in a real browser for which of them an agent acts; the agents are the official SDKs, and
// see and reach the tools of that organization alone.

import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stage, launch } from './browser/stage.mjs';
import { pythonTools, typescriptTools } from './clients/bound.mjs';
import { PYTHON } from './clients/python.mjs';
import { TYPESCRIPT } from './clients/typescript.mjs';
import { PASSWORD, Report, startServer } from './harness.mjs';

// `add` is a tool of Acme, `slow` one of Globex; `echo` is for everybody.
const RULES = `
[[access]]
tools = ["add"]
organizations = ["acme"]

[[access]]
tools = ["slow"]
organizations = ["globex"]
`;
const CHOICES = [
  { choice: 'Acme', seen: ['add', 'echo'], sum: '42' },
  { choice: 'Globex', seen: ['echo', 'slow'], sum: null },
  { choice: 'Only for you', seen: ['echo'], sum: null },
];

const screenshots = process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), 'belgie-screenshots-'));
const report = new Report('organizations');
const server = await startServer({ config: RULES, demoTools: true });
const { email } = await server.person('Grace');
for (const name of ['Acme', 'Globex']) {
  await server.command('org', 'create', '--name', name, '--slug', name.toLowerCase(), '--owner', email);
}
const browser = await launch();
const stage = await Stage.open(browser, { label: 'Chromium', server, report, javaScriptEnabled: true, screenshots });

/** Whoever sits in front of the browser and makes this choice. */
const choosing = (choice) => ({
  async authorize(url) {
    await stage.visit(String(url));
    if (stage.path === '/auth/signin') {
      await stage.fill({ 'E-mail address': email, Password: PASSWORD });
      await stage.press('button', 'Sign in');
    }
    assert.equal(stage.path, '/authorize');
    const offered = stage.page.locator('input[name="organization"]');
    assert.equal(await offered.count(), CHOICES.length, 'not every organization is offered');
    assert.equal(await stage.page.locator('input[name="organization"]:checked').count(), 0, 'something is chosen already');
    await stage.page.getByRole('radio', { name: choice }).check();
    await stage.look(`consent-organization-${choice.toLowerCase().replaceAll(' ', '-')}`);
    await stage.press('button', 'Allow');
  },
});

/** The names of the tools in question among all. */
const ofInterest = (names) => names.filter((name) => ['add', 'echo', 'slow'].includes(name)).toSorted();

const clients = [
  ...TYPESCRIPT.map((kind) => [kind.label, (choice) => typescriptTools(server, kind, choosing(choice), 'add')]),
  ...PYTHON.map((mode) => [`Python SDK, ${mode}`, (choice) => pythonTools(server, mode, choosing(choice), 'add')]),
];
for (const [label, connect] of clients) {
  for (const { choice, seen, sum } of CHOICES) {
    await stage.check(`${label} acts for "${choice}" and gets the tools of that and no others`, async () => {
      const told = await connect(choice);
      assert.deepEqual(ofInterest(told.tools), seen);
      assert.equal(told.sum, sum);
    });
  }
}
await browser.close();
await report.check('the server ends in good order', () => server.stop());
console.log(`screenshots in ${screenshots}`);
report.close();
