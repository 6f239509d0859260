// What the suite has written down: requests it sent to the stand-in, what that answered and told, and webhooks it signed.

import { readFileSync } from 'node:fs';

export function readRecord() {
  const file = process.env.SUITE_STRIPE_RECORD;
  if (!file) throw new Error('SUITE_STRIPE_RECORD must name what the suite has written down');
  return readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

/** Parameters of a form as an object: `a[b][0][c]=1`. */
export function nested(parameters) {
  const root = {};
  for (const [name, value] of parameters) {
    const path = name.split(/[[\]]+/).filter(Boolean);
    if (name.endsWith('[]')) path.push(String(Object.keys(at(root, path)).length));
    const last = path.pop();
    at(root, path)[last] = leaf(path, value);
  }
  return listed(root);
}

function at(root, path) {
  let here = root;
  for (const step of path) here = here[step] ??= {};
  return here;
}

/** Forms know texts alone; what is metadata, the payload of an event or free text stays one. */
function leaf(path, value) {
  if (path.includes('metadata') || path.includes('payload')) return value;
  if (value === 'true' || value === 'false') return value === 'true';
  return /^-?\d+$/.test(value) ? Number(value) : value;
}

function listed(value) {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, listed(inner)]);
  const isList = entries.length > 0 && entries.every(([name], index) => name === String(index));
  return isList ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}
