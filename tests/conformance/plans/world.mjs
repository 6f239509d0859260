// A gateway that sells a plan, the stand-in it sells it through (the program $BELGIE_TILL), and somebody with an organization.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cleanEnvironment, firstLine, startServer } from '../harness.mjs';

// `add` is for those who pay, and counted; `echo` is for everybody.
const PLANS = `
[[meter]]
name = "exports"
title = "Exports"
event_name = "belgie_exports"

[[plan]]
name = "free"
title = "Free"

[[plan]]
name = "pro"
title = "Pro"
description = "For people who export."
monthly_price = "price_pro_month"

[plan.quotas.exports]
included = 100

[[access]]
tools = ["add"]
plans = ["pro"]
meter = "exports"
`;

export async function openWorld() {
  const till = await openTill();
  try {
    const server = await startServer({ config: till.settings + PLANS, demoTools: true });
    await till.ask('webhooks', { url: `${server.baseUrl}/auth/stripe/webhook` });
    const { email } = await server.person('Grace');
    const acme = await server.command('org', 'create', '--name', 'Acme', '--slug', 'acme', '--owner', email);
    const close = async () => {
      till.close();
      await server.stop();
    };
    return { till, server, email, acme, close };
  } catch (error) {
    till.close();
    throw error;
  }
}

async function openTill() {
  const binary = process.env.BELGIE_TILL;
  assert.ok(binary, 'BELGIE_TILL must name the stand-in');
  const child = spawn(binary, { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'inherit'] });
  const { origin, settings } = await firstLine(child);
  return Object.assign(new Till(), { child, origin, settings });
}

/** Stripe, and what one plays at there. */
class Till {
  /** Asks for what tests/till/src/main.rs has under `/stand-in/`. */
  async ask(what, body) {
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`${this.origin}/stand-in/${what}`, body ? post : {});
    assert.ok(response.ok, `${what}: ${response.status}`);
    return await response.json();
  }

  /** Which news the gateway has taken; none may have been refused. */
  async news() {
    const { news } = await this.ask('seen');
    for (const { type, status } of news) assert.equal(status, 200, `${type} was answered with ${status}`);
    return news.map(({ type }) => type);
  }

  close() {
    this.child.kill();
  }
}
