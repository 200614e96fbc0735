//! Does one thing of the gate so many times, for `cargo xtask count` to count instructions: `counted_gate NAME TIMES`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a measurement, in the world of the tests")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use gate::spec::{Condition, PolicyFile, RateBy, RateSpec, RouteSpec};
use gate::{CanonicalRequest, Gate, Identity, IssuerKeys, Keys as _, Surroundings};
use serde_json::json;
use tokens::{Digest, KeySet, Profile, TokenCache, UnverifiedToken};

#[path = "../tests/invariants/support.rs"]
#[expect(dead_code, reason = "the tests need more of their world")]
mod support;

use support::{Ask, Ring, after, build, cache, get, in_groups, options, route, spec, token};

/// How many routes there are, each with rules of its own.
const ROUTES: usize = 1_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (name, times) = (arguments.next().unwrap(), arguments.next().unwrap());
    let world = World::new();
    let case: &dyn Fn() = match name.as_str() {
        "canonicalise" => &|| drop(black_box(world.ask.read())),
        "match-route" => &|| {
            black_box(world.gate.counted(&world.request));
        },
        "find-token" => &|| world.find_token(),
        "verify-es256" => &|| world.verify(),
        "decide-from-memory" => &|| world.judge(&world.ask),
        "decide-by-policies" => &|| world.judge(&world.ask_by_path),
        other => panic!("`{other}` is not counted"),
    };
    for _ in 0..times.parse().unwrap() {
        case();
    }
}

struct World {
    gate: Gate,
    keys: Ring,
    key_set: Arc<KeySet>,
    profile: Profile,
    cache: TokenCache<Identity>,
    token: String,
    /// Decided by who asks alone.
    ask: Ask,
    request: CanonicalRequest,
    /// Decided by its path too.
    ask_by_path: Ask,
}

impl World {
    fn new() -> Self {
        let routes = (0..ROUTES).map(|number| RouteSpec {
            allow: vec![Condition {
                scopes: vec!["orders:read".to_owned()],
                ..in_groups(&["corp/support"])
            }],
            ..route(&format!("route-{number}"), &format!("/v{number}/orders/{{id}}"))
        });
        let by_path = route("by-path", "/by-path/{id}");
        let mut spec = spec(routes.chain([by_path]).collect());
        spec.defaults.rates = vec![RateSpec {
            by: RateBy::Address,
            requests: 1_000_000,
            per: Duration::from_secs(1),
            burst: 1_000_000,
        }];
        spec.policies = vec![PolicyFile {
            name: "by-path.cedar".to_owned(),
            text:
                r#"permit(principal in Group::"corp/support", action, resource == Route::"by-path")
                when { context.path like "/by-path/*" };"#
                    .to_owned(),
        }];
        let claims = json!({ "groups": ["support", "oncall"], "scope": "orders:read" });
        let token = token("corp", claims);
        let asked = |target: &str| {
            get(target).by(&token).with("accept", "*/*").with("user-agent", "counted/1.0")
        };
        let ask = asked("/v500/orders/7");
        let keys = Ring::usual();
        let IssuerKeys::Usable(key_set) = keys.keys_of("corp") else {
            panic!("the issuer has keys")
        };
        let world = Self {
            gate: build(&spec),
            key_set,
            keys,
            profile: Profile::new(options("corp")).unwrap(),
            cache: cache(),
            request: ask.read(),
            ask_by_path: asked("/by-path/7"),
            ask,
            token,
        };
        for ask in [&world.ask, &world.ask_by_path] {
            assert_eq!(ask.outcome(&world.gate), "permit");
            world.judge(ask);
        }
        world
    }

    fn judge(&self, ask: &Ask) {
        let (keys, cache) = (&self.keys, Some(&self.cache));
        let around = Surroundings { now: after(0), keys, cache, sessions: None };
        drop(black_box(ask.admit(&self.gate, around)));
    }

    fn find_token(&self) {
        let digest = Digest::of(&self.token);
        let revision = self.profile.revision();
        black_box(self.cache.get(&digest, revision, &self.key_set, after(0)).unwrap());
    }

    fn verify(&self) {
        let parsed = UnverifiedToken::parse(&self.token).unwrap();
        black_box(parsed.verify(&self.profile, &self.key_set, after(0)).unwrap());
    }
}
