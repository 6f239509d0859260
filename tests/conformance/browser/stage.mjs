// A real browser that is watched: whatever it complains about fails the check in which it happened.

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'].concat([
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]);
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VARIANTS = {
  light: { width: 1280, height: 800, colorScheme: 'light' },
  dark: { width: 1280, height: 800, colorScheme: 'dark' },
  phone: { width: 360, height: 740, colorScheme: 'light' },
};

export const launch = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS, headless: true });

/** One person's browser, with or without scripts, at one server. */
export class Stage {
  #problems = [];
  #expected = null;

  static async open(browser, { label, server, report, javaScriptEnabled, screenshots = null }) {
    const context = await browser.newContext({ javaScriptEnabled, viewport: { width: 1280, height: 800 } });
    const stage = new this();
    Object.assign(stage, { context, label, server, report, javaScriptEnabled, screenshots });
    context.on('page', (page) => stage.#watch(page));
    stage.page = await context.newPage();
    return stage;
  }

  #watch(page) {
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#note(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.#note(`script: ${error}`));
    page.on('requestfailed', (request) => this.#note(`request: ${request.url()}: ${request.failure()?.errorText}`));
    page.on('response', (response) => this.#inspect(response));
  }

  #note(problem) {
    if (!this.#expected?.test(problem)) this.#problems.push(problem);
  }

  #inspect(response) {
    const url = new URL(response.url());
    if (!/^https?:$/.test(url.protocol)) return;
    if (response.status() >= 400) this.#note(`status: ${response.status()} for ${response.url()}`);
    if (url.origin !== this.server.baseUrl || response.request().resourceType() !== 'document') return;
    const headers = response.headers();
    const policy = headers['content-security-policy'] ?? '';
    const wanted = {
      'default-src': policy.includes("default-src 'none'"),
      'frame-ancestors': policy.includes("frame-ancestors 'none'"),
      'x-frame-options': headers['x-frame-options'] === 'DENY',
      'x-content-type-options': headers['x-content-type-options'] === 'nosniff',
      'cache-control': headers['cache-control'] === 'no-store',
    };
    for (const [name, isThere] of Object.entries(wanted)) {
      if (!isThere) this.#note(`header: ${name} of ${response.url()} is ${headers[name] ?? 'missing'}`);
    }
  }

  /** Runs a check; complaints of the browser fail it, except those that `expected` matches. */
  async check(name, body, expected = null) {
    this.#expected = expected;
    return await this.report.check(`${this.label}: ${name}`, async () => {
      const found = await body(this.page);
      // What the browser has said before it answers this has arrived here.
      await this.page.title();
      const problems = this.#problems.splice(0);
      if (problems.length > 0) throw new Error(`the browser complains:\n${problems.join('\n')}`);
      return found;
    });
  }

  /** Goes to a path of the server, or to any address. */
  async visit(path) {
    await this.page.goto(new URL(path, this.server.baseUrl).href);
  }

  /** Presses a button or a link and waits for the page it leads to. */
  async press(role, name) {
    const arrived = this.page.waitForEvent('framenavigated', (frame) => frame === this.page.mainFrame());
    await this.page.getByRole(role, { name }).click();
    await arrived;
    await this.page.waitForLoadState('load');
  }

  async fill(values) {
    for (const [label, value] of Object.entries(values)) await this.page.getByLabel(label, { exact: true }).fill(value);
  }

  get path() {
    return new URL(this.page.url()).pathname;
  }

  /**
   * Looks at the page by day, by night and on a phone, where nothing may stick out of the screen. Everywhere it
   * must be usable by everybody, as far as axe can tell.
   */
  async look(name, { page = this.page, except = [] } = {}) {
    if (!this.screenshots) return;
    mkdirSync(this.screenshots, { recursive: true });
    for (const [variant, { width, height, colorScheme }] of Object.entries(VARIANTS)) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(this.screenshots, `${name}-${variant}.png`), fullPage: true, animations: 'disabled' });
      const content = await page.evaluate(() => document.documentElement.scrollWidth);
      if (content > width) throw new Error(`${name} is ${content} px wide on a screen of ${width} px`);
      await assertUsable(page, `${name}, ${variant}`, except);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: 'light' });
  }
}

/** Playwright puts the script in from outside, where the page's own policy has no say. */
async function assertUsable(page, name, except) {
  await page.evaluate(AXE);
  const rules = Object.fromEntries(except.map((rule) => [rule, { enabled: false }]));
  const options = { resultTypes: ['violations'], rules };
  const { violations } = await page.evaluate((options) => globalThis.axe.run(document, options), options);
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map(({ html }) => html).join('\n  ')}`);
  if (found.length > 0) throw new Error(`${name} is not for everybody:\n${found.join('\n')}`);
}

/** What the console says when a page that is an error by intention arrives. */
export const errorPage = (status) =>
  new RegExp(`^status: ${status} for |^console: Failed to load resource: the server responded with a status of ${status} `);
