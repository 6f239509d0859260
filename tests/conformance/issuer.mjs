#!/usr/bin/env node
// An issuer nobody here wrote (npm oidc-provider) whose assertions the token endpoint takes (RFC 7523 section 2.1): its access tokens for
// programs as workload assertions, and ID-JAGs for people. Whatever is presented was signed by the library.

import { idJag } from './issuer/id-jag.mjs';
import { Issuer } from './issuer/provider.mjs';
import { workloads } from './issuer/workloads.mjs';
import { Report, startServer } from './harness.mjs';

const report = new Report('issuer');
const issuer = await Issuer.start();
// One that nobody trusts, and one that says it is the first and has other keys.
const [stranger, impostor] = await Promise.all([Issuer.start(), Issuer.start({ name: issuer.name })]);
let machine;
const server = await startServer({
  demoTools: true,
  config: async (command) => {
    const made = await command('client', 'create', '--name', 'Deployer', '--machine', '--scope', 'connections:read');
    machine = made.client_id;
    return `[outbound]
danger_allow_loopback = true
[plugins.oauth-server]
danger_allow_loopback_clients = true
[[plugins.oauth-server.issuers]]
issuer = "${issuer.name}"
jwks_uri = "${issuer.base}/jwks"
id_jag = true
email_domains = ["example.org"]
[[plugins.oauth-server.issuers.workloads]]
client = "${machine}"
claims = { sub = "deployer", environment = "production" }
`;
  },
});
const cast = { server, issuer, stranger, impostor, machine };
for (const part of [workloads, idJag]) await part(report, cast).catch((error) => report.fail(part.name, error));
await report.check('the server ends in good order', () => server.stop());
for (const one of [issuer, stranger, impostor]) one.close();
report.close();
