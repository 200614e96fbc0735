// What the test does to sign_in.mjs, by GET:
//
//   /test/rotate                     a new signing key, before the old ones
//   /test/retire                     all keys go but the newest
//   /test/relapse                    tokens are signed with the key that was retired last, which is not published
//   /test/fault?path=P&how=H         requests for P: a status, `hang`, or `none`
//   /test/refuse?error=E             sign-ins end with error E; empty: no more
//   /test/end?user=U                 U's sessions end, and the clients are told (back-channel logout): what each said
//   /test/revoke?user=U              U's refresh tokens are revoked
//   /test/groups?user=U&groups=A,B   U's groups from now on
//   /test/counts                     requests by path since the last look
import { newKey } from './state.mjs';

const faults = new Map();
let counts = {};
let retired;

/** What shall go wrong with a request for `path`, which is counted. */
export const faultOf = (path) => {
  const place = path.replace(/^\/(auth|interaction)\/.*/, '/$1/*');
  counts[place] = (counts[place] ?? 0) + 1;
  return faults.get(place);
};

const endSessions = async (user, state, provider) => {
  const told = [];
  for (const id of state.of('Session', user)) {
    const session = await provider.Session.find(id);
    for (const [clientId, { grantId }] of Object.entries(session.authorizations ?? {})) {
      const client = await provider.Client.find(clientId);
      if (client.backchannelLogoutUri) {
        const answer = client.backchannelLogout(user, session.sidFor(clientId));
        told.push(await answer.then(() => `${clientId}: told`, (error) => `${clientId}: ${error}`));
      }
      state.drop((_key, payload) => payload.grantId === grantId);
    }
    await session.destroy();
  }
  return told;
};

export const control = async (path, query, { state, serve, provider }) => {
  const user = query.get('user');
  switch (path) {
    case '/test/rotate':
      serve([newKey(), ...state.keys]);
      return null;
    case '/test/retire':
      retired = state.keys.at(-1);
      serve(state.keys.slice(0, 1));
      return null;
    case '/test/relapse':
      serve(state.keys, [retired, ...state.keys]);
      return null;
    case '/test/fault':
      if (query.get('how') === 'none') faults.delete(query.get('path'));
      else faults.set(query.get('path'), query.get('how'));
      return null;
    case '/test/refuse':
      state.refusal = query.get('error') || undefined;
      return null;
    case '/test/end':
      return endSessions(user, state, provider);
    case '/test/revoke':
      state.drop((key, payload) => key.startsWith('RefreshToken:') && payload.accountId === user);
      return null;
    case '/test/groups':
      state.users[user].groups = query.get('groups').split(',').filter(Boolean);
      state.keep();
      return null;
    case '/test/counts': {
      const seen = counts;
      counts = {};
      return seen;
    }
    default:
      throw new Error(`there is no ${path}`);
  }
};
