// An OpenID provider that we did not write, with its keys under the test's control.
//
//   node provider.mjs PORT KEYS
//
// The provider answers at http://127.0.0.1:PORT. KEYS is a file that keeps its keys across restarts. Two endpoints are
// the test's own: POST /test/rotate puts a new signing key before the old ones, POST /test/retire drops all but the first.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, keysFile] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const newKey = () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256', use: 'sig' };
};

const configuration = (keys) => ({
  jwks: { keys },
  clients: [{
    client_id: 'reporter',
    client_secret: 'reporter-secret-of-the-live-test',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    id_token_signed_response_alg: 'ES256',
  }],
  scopes: ['orders:read'],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://orders.test',
      getResourceServerInfo: () => ({
        scope: 'orders:read',
        audience: 'orders',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: 'ES256' } },
      }),
      useGrantedResource: () => true,
    },
  },
});

let keys = existsSync(keysFile) ? JSON.parse(readFileSync(keysFile, 'utf8')) : [newKey()];
let answer;
const serve = (next) => {
  keys = next;
  writeFileSync(keysFile, JSON.stringify(keys));
  answer = new Provider(issuer, configuration(keys)).callback();
};
serve(keys);

createServer((request, response) => {
  if (request.url === '/test/rotate') {
    serve([newKey(), ...keys]);
    response.end();
  } else if (request.url === '/test/retire') {
    serve(keys.slice(0, 1));
    response.end();
  } else {
    answer(request, response);
  }
}).listen(Number(port), '127.0.0.1');
