// Requests read before the library gets them, and answers held back before the browser does.

import { Readable } from 'node:stream';

export async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export const readForm = async (request) => new URLSearchParams(await readBody(request));

/** The same request for the library: at an address inside its mount, and with another body. */
export function replay(request, { mount, url, body = null }) {
  if (body === null) return Object.assign(request, { url, baseUrl: mount });
  const { method, socket, httpVersion, httpVersionMajor, httpVersionMinor } = request;
  const headers = { ...request.headers, 'content-length': String(Buffer.byteLength(body)) };
  const parts = {
    url,
    baseUrl: mount,
    method,
    socket,
    connection: socket,
    httpVersion,
    httpVersionMajor,
    httpVersionMinor,
    headers,
  };
  return Object.assign(Readable.from([Buffer.from(body)], { objectMode: false }), parts);
}

/** Runs a handler and gives back its answer instead of sending it. */
export function capture(handler, request, response) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    const keep = (chunk, encoding) => {
      if (typeof chunk === 'string') chunks.push(Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8'));
      else if (chunk && typeof chunk !== 'function') chunks.push(Buffer.from(chunk));
    };
    response.write = (chunk, encoding) => {
      keep(chunk, encoding);
      return true;
    };
    response.end = (chunk, encoding) => {
      keep(chunk, encoding);
      delete response.write;
      delete response.end;
      const headers = { ...response.getHeaders() };
      for (const name of Object.keys(headers)) response.removeHeader(name);
      resolve({ status: response.statusCode, headers, body: Buffer.concat(chunks).toString() });
      return response;
    };
    Promise.resolve(handler(request, response)).catch(reject);
  });
}

export function send(response, { status, headers = {}, body = '' }) {
  const { 'content-length': _, 'transfer-encoding': __, ...kept } = headers;
  response.writeHead(status, { ...kept, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

export const json = (body, status = 200) => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  body: JSON.stringify(body),
});
