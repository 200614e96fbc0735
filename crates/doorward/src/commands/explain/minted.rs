//! Claims made into a token with a throwaway key, so that they go through the same verification as any token.

use std::sync::Arc;
use std::time::Duration;

use gate::spec::IssuerSpec;
use serde_json::{Map, Value, json};
use tokens::{Algorithm, KeySet, Profile, SigningKey, Timestamp, TokenType};

use crate::config::Config;
use crate::entropy;

/// How long a token lives whose claims do not say.
const LIFETIME: Duration = Duration::from_secs(300);

/// A token that nobody issued, and the keys that verify it.
pub(super) struct Minted {
    pub(super) token: String,
    pub(super) issuer: String,
    pub(super) keys: Arc<KeySet>,
    pub(super) notes: Vec<String>,
}

impl Minted {
    pub(super) fn new(
        config: &Config,
        issuer: Option<&str>,
        claims: &str,
        audience: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, String> {
        let profile = chosen(config, issuer)?;
        let claims: Value = serde_json::from_str(claims)
            .map_err(|error| format!("the claims are not JSON: {error}"))?;
        let Value::Object(claims) = claims else {
            return Err("the claims are not a JSON object".to_owned());
        };
        let mut filling = Filling { claims, notes: Vec::new() };
        let typ = filling.complete(profile, audience, now);
        let allowed = &profile.options().algorithms;
        let usual = allowed.iter().find(|algorithm| **algorithm == Algorithm::Es256);
        let algorithm = usual.or(allowed.first()).copied().unwrap_or(Algorithm::Es256);
        let entropy = entropy::system();
        let key = SigningKey::generate(algorithm, &*entropy).map_err(|error| error.to_string())?;
        let token =
            key.sign(&typ, &filling.claims, &*entropy).map_err(|error| error.to_string())?;
        let set = json!({ "keys": [key.public_jwk()] }).to_string();
        let keys = KeySet::parse(set.as_bytes()).map_err(|error| error.to_string())?.set;
        filling.notes.insert(
            0,
            format!("signed as `{}` with a throwaway {algorithm} key, `typ` {typ}", profile.name()),
        );
        let issuer = profile.name().to_string();
        Ok(Self { token, issuer, keys: Arc::new(keys), notes: filling.notes })
    }
}

fn chosen<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a Profile, String> {
    let profiles = || config.gate.issuers.iter().filter_map(IssuerSpec::tokens);
    let names: Vec<_> = profiles().map(|profile| profile.name().to_string()).collect();
    match (name, names.len()) {
        (None, 1) => profiles().next().ok_or_else(String::new),
        (None, 0) => Err("the configuration has no issuer that could issue a token".to_owned()),
        (None, _) => Err(format!(
            "there are several issuers: add `--issuer`, one of `{}`",
            names.join("`, `")
        )),
        (Some(name), _) => profiles().find(|profile| **profile.name() == *name).ok_or_else(|| {
            let known = config.gate.issuers.iter().any(|issuer| **issuer.name() == *name);
            let what = if known {
                format!("`{name}` issues client certificates, and no tokens")
            } else {
                format!("there is no issuer `{name}`")
            };
            format!("{what}; expected one of `{}`", names.join("`, `"))
        }),
    }
}

/// Claims that are being completed.
struct Filling {
    claims: Map<String, Value>,
    notes: Vec<String>,
}

impl Filling {
    /// Fills in what every token of the issuer has, and hands over the `typ`. Who it is for and what it may is left to
    /// the claims.
    fn complete(&mut self, profile: &Profile, audience: Option<&str>, now: Timestamp) -> String {
        let options = profile.options();
        self.fill("iss", json!(profile.issuer()));
        if let Some(audience) = audience {
            self.fill("aud", json!(audience));
        }
        let lifetime = options.max_lifetime.map_or(LIFETIME, |most| most.min(LIFETIME));
        self.fill("iat", json!(now.as_secs()));
        self.fill("exp", json!(now.plus(lifetime).as_secs()));
        let Some(token_type) = options.token_types.first() else { return "JWT".to_owned() };
        match token_type {
            TokenType::AtJwt => {
                if options.strict_rfc9068 {
                    self.fill("client_id", json!("doorward-explain"));
                    self.fill("jti", json!("doorward-explain"));
                }
                "at+jwt".to_owned()
            }
            TokenType::IdToken | TokenType::Jwt => "JWT".to_owned(),
            TokenType::Other(typ) => typ.to_string(),
        }
    }

    fn fill(&mut self, name: &str, value: Value) {
        if !self.claims.contains_key(name) {
            self.notes.push(format!("filled in `{name}`: {value}"));
            self.claims.insert(name.to_owned(), value);
        }
    }
}
