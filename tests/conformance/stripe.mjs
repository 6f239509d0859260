#!/usr/bin/env node
// What we say to Stripe, checked by what Stripe itself publishes: every request the suite has sent, and every answer and event of its
// stand-in, against the types of the official SDK (npm `stripe`), signatures by that library in both directions, and our program
// against `localstripe` (PyPI) for what that covers. $SUITE_STRIPE_RECORD names what the suite has written down (see run.sh).

import { localstripe } from './stripe/localstripe.mjs';
import { signatures } from './stripe/signatures.mjs';
import { types } from './stripe/types.mjs';
import { Report } from './harness.mjs';

const report = new Report('stripe');
for (const part of [types, signatures, localstripe]) {
  try {
    await part(report);
  } catch (error) {
    report.fail(part.name, error);
  }
}
report.close();
