#!/usr/bin/env node
// A real browser, Chromium, at a real server: the life of an account and of an agent, and what other sites try. All of
// it twice, with scripts and without. $SCREENSHOTS names a folder for pictures of every page (else a temporary one),
// $CHROMIUM the program.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attacks } from './browser/attacks.mjs';
import { life } from './browser/life.mjs';
import { Stage, launch } from './browser/stage.mjs';
import { Report, startServer } from './harness.mjs';

const screenshots = process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), 'belgie-screenshots-'));
const report = new Report('browser');
const browser = await launch();

for (const javaScriptEnabled of [true, false]) {
  const label = javaScriptEnabled ? 'with scripts' : 'without scripts';
  const server = await startServer({ config: '[sign_up]\nopen = true\n', demoTools: true });
  // The pages have no scripts, so one set of pictures shows them all.
  const stage = await Stage.open(browser, {
    label,
    server,
    report,
    javaScriptEnabled,
    screenshots: javaScriptEnabled ? screenshots : null,
  });
  try {
    await life(stage, browser);
    await attacks(stage);
  } catch (error) {
    report.fail(label, error);
  }
  await stage.context.close();
  await report.check(`${label}: the server ends in good order`, () => server.stop());
}

await browser.close();
console.log(`screenshots in ${screenshots}`);
report.close();
