// What a provider keeps: in memory, and in a file so that an outage forgets nothing.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

export const newKey = () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256', use: 'sig' };
};

const person = (name, groups, claims) => ({
  name,
  preferred_username: name.toLowerCase(),
  email: `${name.toLowerCase()}@corp.test`,
  email_verified: true,
  groups,
  ...claims,
});

const USERS = {
  alice: person('Alice', ['support', 'engineering'], { department: 'orders' }),
  bob: person('Bob', ['support'], { department: 'billing' }),
  carol: person('Carol', [], { email_verified: false }),
};

export class State {
  /** The error that sign-ins end with, while the test wants one. */
  refusal;

  constructor(file) {
    this.file = file;
    const kept = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
    this.keys = kept.keys ?? [newKey()];
    this.users = kept.users ?? structuredClone(USERS);
    /** Entries of oidc-provider by kind and id: { payload, ends }. */
    this.entries = new Map(kept.entries ?? []);
  }

  /** Takes in what changes, and writes all of it down. */
  keep(changes = {}) {
    Object.assign(this, changes);
    const { keys, users, entries } = this;
    writeFileSync(`${this.file}.new`, JSON.stringify({ keys, users, entries: [...entries] }));
    renameSync(`${this.file}.new`, this.file);
  }

  account(id) {
    const claims = this.users[id];
    return claims && { accountId: id, claims: () => ({ sub: id, ...claims }) };
  }

  /** The ids of the entries of `kind` that are `user`'s. */
  of(kind, user) {
    return [...this.entries]
      .filter(([key, { payload }]) => key.startsWith(`${kind}:`) && payload.accountId === user)
      .map(([key]) => key.slice(kind.length + 1));
  }

  /** Drops the entries for which `condition` holds of their key and payload. */
  drop(condition) {
    for (const [key, { payload }] of this.entries) {
      if (condition(key, payload)) this.entries.delete(key);
    }
    this.keep();
  }

  /** The class that oidc-provider stores entries of a kind with. */
  adapter() {
    const state = this;
    return class {
      constructor(kind) {
        this.kind = kind;
      }

      async upsert(id, payload, seconds) {
        const ends = seconds ? Date.now() + seconds * 1000 : null;
        state.entries.set(`${this.kind}:${id}`, { payload, ends });
        state.keep();
      }

      async find(id) {
        const entry = state.entries.get(`${this.kind}:${id}`);
        return entry && (entry.ends ?? Infinity) > Date.now() ? entry.payload : undefined;
      }

      async findByUid(uid) {
        const found = [...state.entries].find(([key, { payload }]) =>
          key.startsWith(`${this.kind}:`) && payload.uid === uid);
        return found && this.find(found[0].slice(this.kind.length + 1));
      }

      async consume(id) {
        state.entries.get(`${this.kind}:${id}`).payload.consumed = Math.floor(Date.now() / 1000);
        state.keep();
      }

      async destroy(id) {
        state.entries.delete(`${this.kind}:${id}`);
        state.keep();
      }

      async revokeByGrantId(grant) {
        state.drop((key, payload) => key.startsWith(`${this.kind}:`) && payload.grantId === grant);
      }
    };
  }
}
