// An OpenID provider that we did not write, at which people sign in with a browser.
//
//   node sign_in.mjs OPTIONS
//
// OPTIONS is a file: { port, name, clients, state }. The provider answers at http://127.0.0.1:PORT. `name` begins the
// names of its cookies, so that two can share a host. `clients` are as in OpenID Connect Dynamic Client Registration.
// `state` is a file that keeps keys, sessions, tokens and groups across restarts. What is under /test is the test's own
// (control.mjs). Hosts that end in .test are at 127.0.0.1, and are called without the port at which they are.
import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import https from 'node:https';
import Provider, { interactionPolicy } from 'oidc-provider';
import { control, faultOf } from './control.mjs';
import { CODE, page, signInPage } from './pages.mjs';
import { State } from './state.mjs';

const { port, name, clients, state: file } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const issuer = `http://127.0.0.1:${port}`;
const PASSWORD_ONLY = 'urn:example:password';
const SECOND_FACTOR = 'urn:example:mfa';

const lookup = dns.lookup;
dns.lookup = (host, ...rest) => lookup(host.endsWith('.test') ? '127.0.0.1' : host, ...rest);

const isOurs = (url) => new URL(url).hostname.endsWith('.test');
/** Calls a host under .test, whose port is no part of its name. */
const call = (url, { method, headers, body }) => new Promise((resolve, reject) => {
  const { hostname } = new URL(url);
  const options = { method, agent: false, headers: { ...Object.fromEntries(new Headers(headers)), host: hostname } };
  const request = https.request(url, options, (response) => {
    response.resume().on('end', () => resolve(new Response(null, { status: response.statusCode })));
  });
  request.on('error', reject).end(String(body));
});

const state = new State(file);

const { Check, base } = interactionPolicy;
const policy = base();
const wantsSecondFactor = (params) => (params.acr_values ?? '').split(' ').includes(SECOND_FACTOR);
policy.get('login').checks.add(
  new Check('second_factor', 'a second factor is asked for', ({ oidc }) =>
    wantsSecondFactor(oidc.params) && oidc.session.acr !== SECOND_FACTOR));
policy.get('login').checks.add(
  new Check('refusal', 'the test wants an error', () => state.refusal !== undefined));

const configuration = (keys) => ({
  jwks: { keys },
  clients: clients.map((client) => ({
    grant_types: ['authorization_code', 'refresh_token'],
    id_token_signed_response_alg: 'ES256',
    ...client,
  })),
  adapter: state.adapter(),
  acrValues: [PASSWORD_ONLY, SECOND_FACTOR],
  scopes: ['openid', 'offline_access', 'profile', 'email', 'groups'],
  claims: {
    sid: null,
    iss: null,
    openid: ['sub', 'acr', 'amr', 'auth_time'],
    profile: ['name', 'preferred_username', 'department', 'updated_at'],
    email: ['email', 'email_verified'],
    groups: ['groups'],
  },
  // Claims are in the ID token as well as at the userinfo endpoint.
  conformIdTokenClaims: false,
  cookies: {
    keys: [`cookie key of ${name}`],
    names: { session: `${name}_session`, interaction: `${name}_interaction`, resume: `${name}_resume` },
  },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => {
        const button = '<button form="op.logoutForm" name="logout" value="yes">Sign out</button>';
        ctx.body = page(`Sign out of ${name}`, `${form}${button}`);
      },
    },
  },
  // The provider's own guard against calls to loopback is in the dispatcher; here, everything is on loopback.
  fetch: (url, { dispatcher, ...options }) => (isOurs(url) ? call(url, options) : fetch(url, options)),
  findAccount: (_ctx, id) => state.account(id),
  interactions: { policy, url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  // Nobody is asked for consent.
  loadExistingGrant: async ({ oidc }) => {
    const grant = new oidc.provider.Grant({
      clientId: oidc.client.clientId,
      accountId: oidc.session.accountId,
    });
    grant.addOIDCScope([...oidc.requestParamScopes].join(' '));
    await grant.save();
    return grant;
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
});

let provider;
let answer;
let answerKeys;
/** Signs with the first of `keys`, and publishes those of `published`. */
const serve = (published, keys = published) => {
  state.keep({ keys: published });
  provider = new Provider(issuer, configuration(keys));
  // Callers are not told what went wrong, so that it is in the log.
  for (const event of ['authorization.error', 'backchannel.error', 'grant.error', 'server_error']) {
    provider.on(event, (_ctx, error) => console.error(event, error));
  }
  answer = provider.callback();
  answerKeys = keys === published ? answer : new Provider(issuer, configuration(published)).callback();
};
serve(state.keys);

const body = async (request) => {
  let text = '';
  for await (const part of request) text += part;
  return Object.fromEntries(new URLSearchParams(text));
};

const html = (response, text) => response.setHeader('content-type', 'text/html; charset=utf-8').end(text);

/** The page at which someone signs in, and what comes back from it. */
const interact = async (request, response) => {
  const { params, prompt, session } = await provider.interactionDetails(request, response);
  if (state.refusal) {
    const error = { error: state.refusal, error_description: 'the test asked for it' };
    return provider.interactionFinished(request, response, error);
  }
  const needs = {
    password: prompt.reasons.some((reason) => reason !== 'second_factor'),
    code: wantsSecondFactor(params),
  };
  const user = needs.password ? undefined : session?.accountId;
  if (request.method === 'GET') return html(response, signInPage(name, needs, user));
  const said = await body(request);
  if (said.answer === 'cancel') {
    const error = { error: 'access_denied', error_description: 'the user said no' };
    return provider.interactionFinished(request, response, error);
  }
  const accountId = user ?? said.user;
  const isRight = state.users[accountId] !== undefined
    && (!needs.password || said.password === `${accountId}-password`)
    && (!needs.code || said.code === CODE);
  if (!isRight) return html(response, signInPage(name, needs, user, 'That was not right.'));
  const login = needs.code
    ? { accountId, acr: SECOND_FACTOR, amr: ['pwd', 'otp'] }
    : { accountId, acr: PASSWORD_ONLY, amr: ['pwd'] };
  return provider.interactionFinished(request, response, { login });
};

createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, issuer);
  try {
    if (pathname.startsWith('/test/')) {
      const result = await control(pathname, searchParams, { state, serve, provider });
      response.setHeader('content-type', 'application/json').end(JSON.stringify(result));
      return;
    }
    const fault = faultOf(pathname);
    // One that hangs is never answered.
    if (fault === 'hang') return;
    if (fault) {
      response.writeHead(Number(fault)).end('the test asked for it');
    } else if (pathname.startsWith('/interaction/')) {
      await interact(request, response);
    } else {
      (pathname === '/jwks' ? answerKeys : answer)(request, response);
    }
  } catch (error) {
    console.error(error);
    response.writeHead(500).end(String(error));
  }
}).listen(port, '127.0.0.1');
