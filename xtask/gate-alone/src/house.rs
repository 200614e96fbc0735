//! What is judged by: one issuer, one service, and as many routes and policies as are asked for; the same as in the
//! scenario of policies.

use anyhow::{Context, Result};
use aws_lc_rs::rand::SystemRandom;
use gate::spec::{
    Condition, GateSpec, IdentityForward, IssuerSpec, PolicyFile, RouteMatch, RouteSpec,
    ServiceSpec,
};
use http::HeaderValue;
use serde_json::json;
use tokens::{Algorithm, JsonPointer, Profile, ProfileOptions, SigningKey, Timestamp, TokenType};

/// The host of all routes.
pub(crate) const HOST: &str = "orders.test";
/// The issuer of all tokens.
const ISSUER: &str = "https://idp.test";
/// The moment at which all is judged, in seconds, and how long tokens live.
const NOW: u64 = 1_700_000_000;
const LIFETIME: u64 = 3_600;

/// How many policies there are, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct House {
    pub(crate) routes: usize,
    /// How many each route has, told apart by group.
    pub(crate) each: usize,
    /// How many there are besides that are about every request.
    pub(crate) unscoped: usize,
}

impl House {
    /// What the gate is built from.
    pub(crate) fn spec(&self) -> Result<GateSpec> {
        let mut options = ProfileOptions::new("corp", ISSUER);
        options.algorithms = vec![Algorithm::Es256];
        options.token_types = vec![TokenType::AtJwt];
        options.groups = Some(JsonPointer::parse("/groups")?);
        let closed = |number: usize| {
            format!(
                "@id(\"closed-{number}\")\nforbid (principal, action, resource)\nwhen {{ context.path like \"/closed/{number}/*\" }};\n"
            )
        };
        Ok(GateSpec {
            issuers: vec![IssuerSpec::of_tokens(Profile::new(options)?)],
            services: vec![ServiceSpec {
                name: "orders".to_owned(),
                audience: "orders".to_owned(),
                identity: IdentityForward::default(),
            }],
            routes: (0..self.routes).map(|route| self.route(route)).collect(),
            policies: vec![PolicyFile {
                name: "rules.cedar".to_owned(),
                text: (0..self.unscoped).map(closed).collect(),
            }],
            ..GateSpec::default()
        })
    }

    /// Where the caller of this number goes.
    pub(crate) fn path(&self, caller: usize) -> String {
        format!("/orders/{}/{caller}", caller % self.routes)
    }

    /// The group of the caller of this number, which one policy of its route allows.
    pub(crate) fn group(&self, caller: usize) -> String {
        group(caller % self.routes, caller / self.routes * 7 % self.each)
    }

    fn route(&self, route: usize) -> RouteSpec {
        let allows =
            |number| Condition { groups: vec![group(route, number)], ..Condition::default() };
        RouteSpec {
            name: format!("route-{route}"),
            matches: RouteMatch {
                host: HOST.to_owned(),
                path: format!("/orders/{route}/{{id}}"),
                methods: vec!["GET".to_owned()],
            },
            service: "orders".to_owned(),
            accept: vec!["corp".to_owned()],
            allow: (0..self.each).map(allows).collect(),
            ..RouteSpec::default()
        }
    }
}

fn group(route: usize, number: usize) -> String {
    format!("group-{route}-{number}")
}

/// The moment at which all is judged.
pub(crate) const fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

/// Who issues tokens.
pub(crate) struct Issuer {
    key: SigningKey,
    random: SystemRandom,
}

/// One with a new key.
#[expect(
    clippy::disallowed_methods,
    reason = "this is a process of its own, and real keys are signed with"
)]
pub(crate) fn issuer() -> Result<Issuer> {
    let random = SystemRandom::new();
    Ok(Issuer { key: SigningKey::generate(Algorithm::Es256, &random)?, random })
}

impl Issuer {
    /// Its public keys, as a JSON Web Key Set.
    pub(crate) fn keys(&self) -> String {
        json!({ "keys": [self.key.public_jwk()] }).to_string()
    }

    /// A token for the caller of this number in `group`, as it is shown.
    pub(crate) fn credential(&self, caller: usize, group: &str) -> Result<HeaderValue> {
        let claims = json!({
            "iss": ISSUER, "sub": format!("user-{caller}"), "aud": "orders", "client_id": "bench",
            "jti": caller.to_string(), "iat": NOW, "exp": NOW + LIFETIME, "groups": [group],
        });
        let token = self.key.sign("at+jwt", &claims, &self.random)?;
        HeaderValue::try_from(format!("Bearer {token}")).context("a token is text")
    }
}
