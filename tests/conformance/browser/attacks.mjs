// What other sites try with the browser of somebody who is signed in.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { Agent } from './agent.mjs';
import { errorPage } from './stage.mjs';

const INSIDE = '/inside';

/** A site of somebody else. It answers with the page it was given last, but for one that may be framed. */
async function openSite() {
  let html = '';
  const site = createServer(({ url }, response) => {
    const body = url === INSIDE ? '<form>Inside</form>' : html;
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(`<!doctype html><html lang="en"><title>You have won</title><link rel="icon" href="data:,">${body}`);
  });
  await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
  const { port } = site.address();
  return {
    // Another port is another origin of the same site, which gets even strict cookies; another name is another site.
    origins: { 'the same site': `http://127.0.0.1:${port}`, 'another site': `http://localhost:${port}` },
    show: (page) => (html = page),
    close: () => site.close(),
  };
}

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');

export async function attacks(stage) {
  const site = await openSite();
  const agent = await Agent.register(stage.server, 'Notes');
  for (const [kind, origin] of Object.entries(site.origins)) {
    await framing(stage, agent, site, kind, origin);
    await forgery(stage, agent, site, kind, origin);
  }
  agent.redirect.close();
  site.close();
}

async function framing(stage, agent, site, kind, origin) {
  const { baseUrl } = stage.server;
  const ours = [agent.authorizationUrl(), `${baseUrl}/account`, `${baseUrl}/auth/signin`, `${baseUrl}/`];
  await stage.check(
    `a frame on another origin of ${kind} shows nothing`,
    async (page) => {
      // The last frame shows what the others would look like if they could.
      const targets = [...ours, `${origin}${INSIDE}`];
      site.show(targets.map((url) => `<iframe width="600" height="300" src="${escape(url)}"></iframe>`).join(''));
      await page.goto(origin);
      const frames = page.frames().filter((frame) => frame !== page.mainFrame());
      const forms = await Promise.all(frames.map((frame) => frame.locator('form, main').count()));
      assert.deepEqual(forms, [...ours.map(() => 0), 1]);
      if (stage.screenshots) await page.screenshot({ path: `${stage.screenshots}/attack-frames-${new URL(origin).hostname}.png` });
    },
    /frame-ancestors|X-Frame-Options|ERR_BLOCKED_BY_RESPONSE|Refused to (frame|display)|Framing/,
  );
}

// The attacker even knows what stands in the form, which only a page of ours can tell.
async function forgery(stage, agent, site, kind, origin) {
  await stage.check(
    `a consent form sent from another origin of ${kind} is refused`,
    async (page) => {
      await page.goto(agent.authorizationUrl());
      const form = page.locator('form[action="/authorize"]');
      const stolen = {};
      for (const name of ['csrf_token', 'request']) stolen[name] = await form.locator(`input[name="${name}"]`).inputValue();
      const fields = Object.entries({ ...stolen, decision: 'allow' });
      const inputs = fields.map(([name, value]) => `<input type="hidden" name="${name}" value="${escape(value)}">`);
      site.show(`<form method="post" action="${stage.server.baseUrl}/authorize">${inputs.join('')}<button>Claim</button></form>`);
      await page.goto(origin);
      await stage.press('button', 'Claim');
      assert.match(await page.textContent('main'), /sent by another site/);
      assert.equal(agent.redirect.unread, 0, 'a code was given out');
    },
    errorPage(403),
  );
}
