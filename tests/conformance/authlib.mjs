#!/usr/bin/env node
// A relying party nobody here wrote (Authlib, Python), against a real server: OpenID Connect, machines, devices, introspection,
// revocation, and signed access tokens as a resource server checks them.

import { AUTHLIB_CONFIG, authlib } from './clients/authlib.mjs';
import { Report, startServer } from './harness.mjs';

const report = new Report('authlib');
for (const format of ['opaque', 'jwt']) {
  const config = `[plugins.oauth-server]\naccess_token_format = "${format}"\n${AUTHLIB_CONFIG}`;
  const server = await startServer({ config, demoTools: true });
  await authlib(report, server, format);
  await report.check(`the server ends in good order (${format})`, () => server.stop(/a device code came twice/));
}
report.close();
