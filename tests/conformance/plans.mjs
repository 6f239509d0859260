#!/usr/bin/env node
// A refused call becomes a paid one, with nothing in between but what people have: an agent (the official TypeScript SDKs), a
// browser (Chromium), and a stand-in for Stripe that is a process of its own. Then the plan is cancelled, stays open until its
// period is over, and is closed. Each SDK does it twice, for a browser with scripts and for one without.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch } from './browser/stage.mjs';
import { TYPESCRIPT } from './clients/typescript.mjs';
import { Report } from './harness.mjs';
import { journey } from './plans/journey.mjs';
import { openWorld } from './plans/world.mjs';

const screenshots = process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), 'belgie-screenshots-'));
const report = new Report('plans');
const browser = await launch();

for (const [at, kind] of TYPESCRIPT.entries()) {
  for (const javaScriptEnabled of [true, false]) {
    const label = `${kind.label}, ${javaScriptEnabled ? 'with scripts' : 'without scripts'}`;
    const world = await openWorld().catch((error) => report.fail(label, error));
    if (!world) continue;
    // The pages are the same for every agent, so one set of pictures shows them all.
    const pictures = javaScriptEnabled && at === 0 ? screenshots : null;
    const options = { label, report, javaScriptEnabled, screenshots: pictures };
    await journey(browser, world, kind, options).catch((error) => report.fail(label, error));
    await report.check(`${label}: everything ends in good order`, () => world.close());
  }
}

await browser.close();
console.log(`screenshots in ${screenshots}`);
report.close();
