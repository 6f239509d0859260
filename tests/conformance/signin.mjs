#!/usr/bin/env node
// People sign in, in a real browser: by providers and by mail that live on this machine (idp/, mail/), and what others try
// on the way. All of it twice, with scripts and without. $SCREENSHOTS names a folder for pictures of every page (else a
// temporary one), $CHROMIUM the program. What the pages call things stands in signin/ui.mjs. Arguments are names of groups,
// when not all are wanted, and `scripts` or `no-scripts`.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch } from './browser/stage.mjs';
import { Report } from './harness.mjs';
import { account } from './signin/account.mjs';
import { admin } from './signin/admin.mjs';
import { application, openApplicationWorld } from './signin/application.mjs';
import { attacks } from './signin/attacks.mjs';
import { links } from './signin/links.mjs';
import { mails } from './signin/mails.mjs';
import { providerPages } from './signin/pages.mjs';
import { presets } from './signin/presets.mjs';
import { providers } from './signin/providers.mjs';
import { openStrictWorld, strict } from './signin/strict.mjs';
import { wishes } from './signin/wishes.mjs';
import { Visitor, openWorld } from './signin/world.mjs';

const screenshots = process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), 'belgie-screenshots-'));
const report = new Report('signin');
const browser = await launch();

/** One server for each group of journeys, so that none stumbles over the limits another has used up. */
const GROUPS = [
  { name: 'providers', journeys: [providers, links, presets, wishes] },
  { name: 'mail', journeys: [mails, account] },
  { name: 'administration', journeys: [admin] },
  { name: 'attacks', journeys: [attacks] },
  { name: 'strict', journeys: [strict], open: openStrictWorld },
  { name: 'application', journeys: [application], open: openApplicationWorld },
];

const MODES = { scripts: true, 'no-scripts': false };
const wanted = process.argv.slice(2);
const isWanted = ({ name }) => !wanted.some((one) => !(one in MODES)) || wanted.includes(name);
const modes = Object.keys(MODES).filter((mode) => !wanted.some((one) => one in MODES) || wanted.includes(mode));

for (const javaScriptEnabled of modes.map((mode) => MODES[mode])) {
  const label = `the providers' pages, ${javaScriptEnabled ? 'with scripts' : 'without scripts'}`;
  const pages = { label, report, javaScriptEnabled, screenshots: javaScriptEnabled ? screenshots : null };
  if (isWanted({ name: 'pages' })) await providerPages(browser, pages).catch((error) => report.fail(label, error));
  for (const { name, journeys, open = openWorld } of GROUPS.filter(isWanted)) {
    const label = `${name}, ${javaScriptEnabled ? 'with scripts' : 'without scripts'}`;
    const world = await open().catch((error) => report.fail(label, error));
    if (!world) continue;
    const options = { label, report, javaScriptEnabled, screenshots: javaScriptEnabled ? screenshots : null };
    const visitor = await Visitor.open(browser, world, options);
    for (const journey of journeys) {
      await journey(visitor, browser).catch((error) => report.fail(`${label}: ${journey.name}`, error));
    }
    await visitor.context.close();
    await report.check(`${label}: everything ends in good order`, () => world.close());
  }
}

await browser.close();
console.log(`screenshots in ${screenshots}`);
report.close();
