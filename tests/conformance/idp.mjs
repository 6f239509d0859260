#!/usr/bin/env node
// What the part `signin` signs in with is itself checked here, by clients nobody here wrote: the providers by npm
// `openid-client`, the mail server by Python's own. What `openid-client` accepts a good client accepts, and what it refuses
// when the providers misbehave is worth refusing.

import { flows } from './idp/check/flows.mjs';
import { mail } from './idp/check/mail.mjs';
import { misbehaviour } from './idp/check/misbehaviour.mjs';
import { program } from './idp/check/program.mjs';
import { startIdp } from './idp/server.mjs';
import { Report } from './harness.mjs';

const report = new Report('idp');
const idp = await startIdp();
for (const part of [flows, misbehaviour, program, mail]) {
  try {
    await part(report, idp);
  } catch (error) {
    report.fail(part.name, error);
  }
}
idp.close();
report.close();
