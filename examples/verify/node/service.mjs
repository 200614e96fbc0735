// A service that checks `Doorward-Identity` by itself, with what Node.js brings along (20 or newer).
//
//   node service.mjs PORT KEYS ISSUER AUDIENCE
//
// KEYS is the gate's JSON Web Key Set: a URL, or a file that something else keeps up to date.
import { createPublicKey, verify as verifySignature } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const HEADER = 'doorward-identity';
const TYP = 'doorward-identity+jwt';
const SKEW = 5; // seconds that the gate's clock may be from ours
const MAX_LIFETIME = 60; // seconds
const MAX_TOKEN = 16 * 1024; // characters
const KEPT = 60_000; // ms that keys are kept before they are read again
const UNKNOWN_EVERY = 10_000; // ms between readings for names that no key has: callers write those names
const BELIEVED = 600_000; // ms that keys are believed when no newer ones can be read

/** The gate's public keys by name: read anew when it is time, or for a name that is not among them. */
class Keys {
  #source;
  #keys = new Map();
  #read = -Infinity;
  #tried = -Infinity;
  #unknown = -Infinity;
  #reading = null;

  constructor(source) {
    this.#source = source;
    if (/^https?:/i.test(source)) {
      const url = new URL(source);
      const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
      // Whoever is on the way could put in keys.
      if (url.protocol !== 'https:' && !loopback) throw new Error('keys over plain HTTP come from this machine only');
    }
  }

  async get(name) {
    const now = performance.now();
    const due = now - this.#tried >= KEPT;
    if (due || (!this.#keys.has(name) && now - this.#unknown >= UNKNOWN_EVERY)) {
      this.#tried = now;
      if (!due) this.#unknown = now;
      this.#reading = this.#refresh(now).finally(() => { this.#reading = null; });
    }
    await this.#reading; // whoever comes meanwhile waits for the same reading
    return this.#keys.get(name);
  }

  async #refresh(now) {
    try {
      const set = JSON.parse(await this.#text());
      const usable = set.keys.filter((key) => typeof key.kid === 'string' && key.kty === 'EC' && key.crv === 'P-256'
        && (key.use ?? 'sig') === 'sig' && (key.alg ?? 'ES256') === 'ES256');
      this.#keys = new Map(usable.map((key) => [key.kid, createPublicKey({ key, format: 'jwk' })]));
      this.#read = now;
    } catch (error) {
      console.error(`the keys cannot be read: ${error.message}`);
      if (now - this.#read >= BELIEVED) this.#keys = new Map();
    }
  }

  async #text() {
    if (!/^https?:/i.test(this.#source)) return readFile(this.#source, 'utf8');
    const answer = await fetch(this.#source, { redirect: 'error', signal: AbortSignal.timeout(5000) });
    if (answer.status !== 200) throw new Error(`the answer is ${answer.status}`);
    return answer.text();
  }
}

/** Who calls, or an error that says why it is not believed. */
async function verify(headers, { keys, issuer, audience }) {
  const values = headers[HEADER] ?? []; // from `headersDistinct`: `headers` would join or drop what comes twice
  if (values.length !== 1) throw new Error(`expected one ${HEADER}, got ${values.length}`);
  const parts = values[0].split('.');
  if (values[0].length > MAX_TOKEN || parts.length !== 3 || !parts.every((part) => /^[A-Za-z0-9_-]+$/.test(part))) {
    throw new Error('it is not a token');
  }
  const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
  // The algorithm is ours to choose, not the token's.
  if (header?.alg !== 'ES256' || header.typ !== TYP || 'crit' in header) throw new Error('its header is not one of the gate');
  const key = typeof header.kid === 'string' ? await keys.get(header.kid) : undefined;
  if (!key) throw new Error('no key has its name');
  const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
  const signature = Buffer.from(parts[2], 'base64url');
  if (!verifySignature('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)) throw new Error('its signature is not good');
  if (claims?.iss !== issuer) throw new Error('another gate made it');
  if (claims.aud !== audience) throw new Error('it is for another service');
  const { iat, exp, sub } = claims;
  const now = Date.now() / 1000;
  if (!Number.isFinite(iat) || !Number.isFinite(exp) || exp - iat > MAX_LIFETIME) throw new Error('its times are not those of an identity');
  if (iat > now + SKEW) throw new Error('it is from the future');
  if (exp + SKEW <= now) throw new Error('it has expired');
  if (typeof sub !== 'string' || sub === '') throw new Error('it says of nobody who calls');
  return claims;
}

const [port, source, issuer, audience] = process.argv.slice(2);
if (!audience) throw new Error('usage: node service.mjs PORT KEYS ISSUER AUDIENCE');
const trust = { keys: new Keys(source), issuer, audience };

createServer(async (request, response) => {
  try {
    const caller = await verify(request.headersDistinct, trust);
    response.end(`hello ${caller.sub}\n`);
  } catch (error) {
    console.error(`refused: ${error.message}`); // for the log: callers learn nothing of it
    response.writeHead(401).end('unauthorized\n');
  }
}).listen(Number(port), '127.0.0.1');
