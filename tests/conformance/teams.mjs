#!/usr/bin/env node
// Somebody makes teams in a real browser and says there for which of them an agent acts; the agents are the official SDKs, and
// reach what those teams open and nothing else. Who is taken out of a team loses it at once, agents and all.

import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stage, launch } from './browser/stage.mjs';
import { pythonTools, typescriptTools } from './clients/bound.mjs';
import { PYTHON } from './clients/python.mjs';
import { TYPESCRIPT } from './clients/typescript.mjs';
import { PASSWORD, Report, startServer, until } from './harness.mjs';

// Both organizations have a team `red`; what is for that of Acme is not for that of Globex.
const RULES = `
[[access]]
tools = ["add"]
organizations = ["acme"]
teams = ["red"]

[[access]]
tools = ["slow"]
organizations = ["acme"]
teams = ["blue"]
`;
const CHOICES = [
  { organization: 'Acme', teams: ['Red'], seen: ['add', 'echo'], sum: '42' },
  { organization: 'Acme', teams: ['Blue'], seen: ['echo', 'slow'], sum: null },
  { organization: 'Acme', teams: ['Blue', 'Red'], seen: ['add', 'echo', 'slow'], sum: '42' },
  { organization: 'Acme', teams: [], seen: ['add', 'echo', 'slow'], sum: '42' },
  { organization: 'Globex', teams: ['Red'], seen: ['echo'], sum: null },
];
const HOME = '/organizations/acme/teams';

const screenshots = process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), 'belgie-screenshots-'));
const report = new Report('teams');
const server = await startServer({ config: RULES, demoTools: true });
const { email } = await server.person('Grace');
const { email: other } = await server.person('Linus');
for (const name of ['Acme', 'Globex']) {
  await server.command('org', 'create', '--name', name, '--slug', name.toLowerCase(), '--owner', email);
}
await server.command('org', 'add-member', 'acme', '--email', other, '--role', 'member');
await server.command('team', 'create', 'globex', '--name', 'Red', '--lead', email);
const browser = await launch();
const stage = await Stage.open(browser, { label: 'Chromium', server, report, javaScriptEnabled: true, screenshots });

async function signIn() {
  await stage.fill({ 'E-mail address': email, Password: PASSWORD });
  await stage.press('button', 'Sign in');
}

await stage.check('somebody finds the teams of an organization, and makes two', async () => {
  await stage.visit(HOME);
  await signIn();
  assert.equal(stage.path, HOME);
  await stage.look('teams-none');
  await stage.press('link', 'New team');
  await stage.look('team-new');
  await stage.fill({ Name: 'Red' });
  await stage.press('button', 'Make the team');
  assert.equal(stage.path, `${HOME}/red`);
  await stage.visit(`${HOME}/new`);
  await stage.fill({ Name: 'Blau', Address: 'blue' });
  await stage.press('button', 'Make the team');
  assert.equal(stage.path, `${HOME}/blue`);
});

await stage.check('it can be renamed, and its address stays', async () => {
  await stage.press('link', 'Rename');
  await stage.look('team-settings');
  await stage.fill({ Name: 'Blue' });
  await stage.press('button', 'Save');
  assert.equal(stage.path, `${HOME}/blue`);
  assert.equal(await stage.page.getByRole('heading', { level: 1 }).innerText(), 'Blue');
});

await stage.check('a member of the organization comes in, gets roles, and is taken out again', async () => {
  await stage.fill({ 'Add somebody': other });
  await stage.press('button', 'Add');
  await stage.look('team');
  await stage.press('link', 'Linus');
  await stage.fill({ 'Roles in the team': 'member, reviewer' });
  await stage.look('team-member');
  await stage.press('button', 'Set the roles');
  assert.equal(stage.path, `${HOME}/blue`);
  assert.ok((await stage.page.getByText('reviewer').count()) > 0);
  await stage.press('link', 'Linus');
  await stage.press('button', 'Take out of the team');
  assert.equal(await stage.page.getByRole('link', { name: 'Linus' }).count(), 0);
  await stage.visit(HOME);
  await stage.look('teams');
});

const looked = new Set();

/** Whoever sits in front of the browser and makes this choice. */
const choosing = ({ organization, teams }) => ({
  async authorize(url) {
    await stage.visit(String(url));
    if (stage.path === '/auth/signin') await signIn();
    assert.equal(stage.path, '/authorize');
    assert.equal(await stage.page.locator('input[name^="team."]').count(), 3, 'not every team is offered');
    assert.equal(await stage.page.locator('input[name^="team."]:checked').count(), 0, 'something is ticked already');
    const group = stage.page.locator('.choice-group').filter({ has: stage.page.getByRole('radio', { name: organization }) });
    await group.getByRole('radio').check();
    for (const team of teams) await group.getByRole('checkbox', { name: team }).check();
    const name = `consent-team-${[organization, ...teams].join('-').toLowerCase()}`;
    if (!looked.has(name)) await stage.look(name);
    looked.add(name);
    await stage.press('button', 'Allow');
  },
});

/** The names of the tools in question among all. */
const ofInterest = (names) => names.filter((name) => ['add', 'echo', 'slow'].includes(name)).toSorted();
const inWords = ({ organization, teams }) => `${organization}, ${teams.join(' and ') || 'all teams'}`;

const clients = [
  ...TYPESCRIPT.map((kind) => [kind.label, (choice) => typescriptTools(server, kind, choosing(choice), 'add')]),
  ...PYTHON.map((mode) => [`Python SDK, ${mode}`, (choice) => pythonTools(server, mode, choosing(choice), 'add')]),
];
for (const [label, connect] of clients) {
  for (const choice of CHOICES) {
    await stage.check(`${label} acts for ${inWords(choice)} and gets what that opens, no more`, async () => {
      const told = await connect(choice);
      assert.deepEqual(ofInterest(told.tools), choice.seen);
      assert.equal(told.sum, choice.sum);
    });
  }
}

for (const kind of TYPESCRIPT) {
  await stage.check(`${kind.label} loses what a team opens when its person leaves the team`, async () => {
    const [choice] = CHOICES;
    await typescriptTools(server, kind, choosing(choice), 'add', async ({ seen, sum }) => {
      await stage.visit(`${HOME}/red/leave`);
      await stage.look('team-leave');
      await stage.press('button', 'Leave');
      assert.deepEqual(ofInterest(await seen()), ['echo']);
      assert.equal(await sum(), null);
      // Back in the team the person reaches it again, and this agent does not: it was let in for a stay that is over.
      await server.command('team', 'add-member', 'acme', 'red', '--email', email, '--role', 'lead');
      assert.deepEqual(ofInterest(await seen()), ['echo']);
    });
    // Whoever is let in now was let in for the new stay.
    let told;
    await until('the command is heard of', async () => {
      told = await typescriptTools(server, kind, choosing(choice), 'add');
      return told.sum === '42';
    });
    assert.deepEqual(ofInterest(told.tools), choice.seen);
  });
}

await stage.check('a team is deleted after being asked', async () => {
  await stage.visit(`${HOME}/blue`);
  await stage.press('link', 'Delete');
  await stage.look('team-delete');
  await stage.press('button', 'Delete the team');
  assert.equal(stage.path, HOME);
  assert.equal(await stage.page.getByRole('link', { name: 'Blue' }).count(), 0);
});

await browser.close();
await report.check('the server ends in good order', () => server.stop());
console.log(`screenshots in ${screenshots}`);
report.close();
