#!/usr/bin/env node
// A relying party nobody here wrote (openid-client), from discovery to the id token and userinfo, against a real server.

import { openid } from './clients/openid.mjs';
import { Report, startServer } from './harness.mjs';

const report = new Report('openid');
for (const format of ['opaque', 'jwt']) {
  const config = `[plugins.oauth-server]\nopenid_connect = true\naccess_token_format = "${format}"\n`;
  const server = await startServer({ config, demoTools: true });
  await openid(report, server, format);
  await report.check(`the server ends in good order (${format})`, () => server.stop());
}
report.close();
