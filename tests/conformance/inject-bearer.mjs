// The conformance suite cannot send an access token. Preloaded into its process, this adds one to every request it makes
// to a given origin, so that it can be run through an authentication gate:
//
//   MCP_BEARER=... MCP_BEARER_ORIGIN=http://127.0.0.1:4000 NODE_OPTIONS="--import ./inject-bearer.mjs" conformance server ...
//
// The suite speaks HTTP through the global fetch, undici and node:http. Each announces a request on a diagnostics channel
// after it was built and before it is sent, and that is where the header goes in: nothing is replaced, and host names,
// the case of headers and streaming stay as the scenario wants them.
//
// A request that brings an Authorization header of its own keeps it.

import { subscribe } from 'node:diagnostics_channel';

const { MCP_BEARER: token, MCP_BEARER_ORIGIN: gate } = process.env;

if (token && gate) {
  const origin = new URL(gate).origin;
  const authorization = `Bearer ${token}`;

  // The global fetch and undici share this channel. `headers` is a flat list: name, value, name, value.
  subscribe('undici:request:create', ({ request }) => {
    const named = request.headers.some((entry, i) => i % 2 === 0 && /^authorization$/i.test(entry));
    if (new URL(request.origin).origin === origin && !named) request.addHeader('authorization', authorization);
  });

  // A node:http request tells its port only in its Host header. One that lies there goes without the token, rather than
  // the token to the wrong place.
  subscribe('http.client.request.created', ({ request }) => {
    const target = `${request.protocol}//${request.getHeader('host')}`;
    if (target === origin && !request.hasHeader('authorization')) request.setHeader('authorization', authorization);
  });
}
