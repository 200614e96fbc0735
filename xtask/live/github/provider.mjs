// A provider in the shape of GitHub's: OAuth 2.0 as docs.github.com describes it, and no OpenID Connect.
//
//   node provider.mjs OPTIONS
//
// OPTIONS: JSON with `port`, `client_id`, `client_secret` and `callback`; pages and API are both at 127.0.0.1:PORT. Its
// own ways: the token endpoint answers a form unless JSON is asked for, and errors with 200; scopes are asked for with
// spaces and granted with commas; who is signed in and has agreed before is not asked again; the API wants a
// User-Agent, tells numbers for ids, and lists 30 at a time.
//
// The test's own, by GET: /test/fault?path=P&how=H (a status, `hang`, `none`), /test/counts (requests by path since the
// last look), /test/rename?id=N&login=L, /test/orgs?id=N&orgs=A,B, /test/revoke?id=N (tokens).
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

const { port, client_id, client_secret, callback } = JSON.parse(process.argv[2]);
const site = `http://127.0.0.1:${port}`;
const PER_PAGE = 30;
const MISMATCH = 'The redirect_uri MUST match the registered callback URL for this application.';

const numbered = (name, count) => Array.from({ length: count }, (_, index) => `${name}-${index + 1}`);
const users = [
  { id: 583231, login: 'alice', email: 'alice@corp.test', orgs: ['corp', 'labs'] },
  // One whose address is private, and who is in more organizations than one page lists.
  { id: 1024025, login: 'bob', email: null, orgs: numbered('org', 35) },
];

const codes = new Map(); // code: { user, scopes, redirect_uri, challenge, ends }
const tokens = new Map(); // token: { user, scopes }
const agreed = new Set(); // `${user.id} ${scopes}`
const faults = new Map();
let counts = {};

const html = (response, content) => response.setHeader('content-type', 'text/html; charset=utf-8').end(content);
const json = (response, status, value) => response
  .writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));
const withQuery = (url, fields) => {
  const target = new URL(url);
  for (const [key, value] of Object.entries(fields)) if (value != null) target.searchParams.set(key, value);
  return target.href;
};
const redirect = (response, url) => response.writeHead(302, { location: url }).end();
const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const body = async (request) => {
  let text = '';
  for await (const part of request) text += part;
  const isJson = (request.headers['content-type'] ?? '').includes('json');
  return isJson ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text));
};

const authorize = async (request, response, query) => {
  const { redirect_uri = callback, state, scope = '' } = query;
  if (query.client_id !== client_id) return response.writeHead(404).end('Not Found');
  if (redirect_uri !== callback && !redirect_uri.startsWith(`${callback}/`)) {
    return redirect(response, withQuery(callback, {
      error: 'redirect_uri_mismatch',
      error_description: MISMATCH,
      state,
    }));
  }
  const scopes = scope.split(/[ ,]+/).filter(Boolean);
  const known = /user_session=(\d+)/.exec(request.headers.cookie ?? '')?.[1];
  const said = request.method === 'POST' ? await body(request) : {};
  const user = users.find(({ id, login }) => (said.login ? login === said.login : String(id) === known));
  if (said.authorize === '0') {
    return redirect(response, withQuery(redirect_uri, {
      error: 'access_denied',
      error_description: 'The user has denied your application access.',
      state,
    }));
  }
  const isAgreed = user && agreed.has(`${user.id} ${scopes}`) && query.prompt !== 'select_account';
  if (user && (said.authorize === '1' || isAgreed)) {
    agreed.add(`${user.id} ${scopes}`);
    const code = randomBytes(10).toString('hex');
    const challenge = query.code_challenge;
    codes.set(code, { user, scopes, redirect_uri, challenge, ends: Date.now() + 600_000 });
    response.setHeader('set-cookie', `user_session=${user.id}; Path=/; HttpOnly; SameSite=Lax`);
    return redirect(response, withQuery(redirect_uri, { code, state }));
  }
  const note = said.login ? 'Incorrect username.' : '';
  return html(response, `<!doctype html><html lang="en"><title>Authorize application</title><h1>Authorize</h1>
<p role="alert">${note}</p><form method="post">
<p><label>Username <input name="login" value="${escaped(user?.login ?? '')}"></label></p>
<button name="authorize" value="1">Authorize</button><button name="authorize" value="0">Cancel</button></form></html>`);
};

const TROUBLE = '/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/#';

const redeem = (said) => {
  const wrong = (error, error_description) => ({
    error,
    error_description,
    error_uri: TROUBLE + error.replaceAll('_', '-'),
  });
  if (said.client_id !== client_id || said.client_secret !== client_secret) {
    return wrong('incorrect_client_credentials', 'The client_id and/or client_secret passed are incorrect.');
  }
  const granted = codes.get(said.code);
  codes.delete(said.code);
  const proof = said.code_verifier && createHash('sha256').update(said.code_verifier).digest('base64url');
  if (!granted || granted.ends < Date.now() || granted.challenge !== (granted.challenge && proof)) {
    return wrong('bad_verification_code', 'The code passed is incorrect or expired.');
  }
  if (said.redirect_uri && said.redirect_uri !== granted.redirect_uri) {
    return wrong('redirect_uri_mismatch', MISMATCH);
  }
  const access_token = `gho_${randomBytes(18).toString('hex')}`;
  tokens.set(access_token, granted);
  return { access_token, token_type: 'bearer', scope: granted.scopes.join(',') };
};

const accessToken = async (request, response) => {
  const answer = redeem(await body(request));
  if ((request.headers.accept ?? '').includes('application/json')) return json(response, 200, answer);
  response.setHeader('content-type', 'application/x-www-form-urlencoded; charset=utf-8');
  return response.end(new URLSearchParams(answer).toString());
};

const api = (request, response, path, query) => {
  if (!request.headers['user-agent']) {
    return response.writeHead(403).end('Request forbidden by administrative rules. '
      + 'Please make sure your request has a User-Agent header.');
  }
  const documentation_url = 'https://docs.github.com/rest';
  const refuse = (status, message) => json(response, status, { message, documentation_url, status: String(status) });
  const [, token] = /^(?:bearer|token) (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (!token) return refuse(401, 'Requires authentication');
  if (!tokens.has(token)) return refuse(401, 'Bad credentials');
  const { user, scopes } = tokens.get(token);
  response.setHeader('x-oauth-scopes', scopes.join(', '));
  if (path === '/user') {
    const { id, login, email } = user;
    const url = `${site}/users/${login}`;
    return json(response, 200, { login, id, node_id: `U_${id}`, url, type: 'User', site_admin: false, email });
  }
  if (!['read:org', 'user'].some((scope) => scopes.includes(scope))) {
    return refuse(403, 'You need at least read:org scope or user scope to list your organizations.');
  }
  const page = Number(query.page ?? 1);
  const size = Math.min(Number(query.per_page ?? PER_PAGE), 100);
  const link = (number, rel) => `<${site}/user/orgs?per_page=${size}&page=${number}>; rel="${rel}"`;
  const last = Math.max(Math.ceil(user.orgs.length / size), 1);
  if (page < last) response.setHeader('link', `${link(page + 1, 'next')}, ${link(last, 'last')}`);
  const listed = user.orgs.slice((page - 1) * size, page * size);
  return json(response, 200, listed.map((login, index) => ({ login, id: 9000 + index, description: null })));
};

const control = (path, { id, ...query }) => {
  const user = users.find((one) => String(one.id) === id);
  switch (path) {
    case '/test/fault': return query.how === 'none' ? faults.delete(query.path) : faults.set(query.path, query.how);
    case '/test/rename': return Object.assign(user, { login: query.login });
    case '/test/orgs': return Object.assign(user, { orgs: query.orgs.split(',').filter(Boolean) });
    case '/test/revoke': return tokens.forEach((granted, token) => granted.user === user && tokens.delete(token));
    default: throw new Error(`there is no ${path}`);
  }
};

createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, site);
  const query = Object.fromEntries(searchParams);
  try {
    if (pathname === '/test/counts') {
      const seen = counts;
      counts = {};
      return json(response, 200, seen);
    }
    if (pathname.startsWith('/test/')) {
      control(pathname, query);
      return json(response, 200, null);
    }
    counts[pathname] = (counts[pathname] ?? 0) + 1;
    const fault = faults.get(pathname);
    // One that hangs is never answered.
    if (fault === 'hang') return undefined;
    if (fault) return response.writeHead(Number(fault)).end('the test asked for it');
    switch (`${request.method} ${pathname}`) {
      case 'GET /login/oauth/authorize':
      case 'POST /login/oauth/authorize': return await authorize(request, response, query);
      case 'POST /login/oauth/access_token': return await accessToken(request, response);
      case 'GET /user':
      case 'GET /user/orgs': return api(request, response, pathname, query);
      default: return json(response, 404, { message: 'Not Found' });
    }
  } catch (error) {
    console.error(error);
    return response.writeHead(500).end(String(error));
  }
}).listen(port, '127.0.0.1');
