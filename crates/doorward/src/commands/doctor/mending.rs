//! What would mend a refusal: the line to write, and the profile as it would then be.

use std::time::Duration;

use serde_json::Value;
use tokens::{
    Absence, ClaimKind, JsonPointer, MAX_SKEW, ProfileOptions, Timestamp, TokenRefusal, TokenType,
};

use crate::commands::moment::Moment;

/// What would mend a refusal.
pub(super) struct Mending {
    /// What to do.
    pub(super) remedy: String,
    /// The key of the issuer that it is about, if it is about the configuration.
    pub(super) key: Option<String>,
    /// The options and the time under which the next check is reached; nothing where none would be.
    pub(super) mended: Option<(ProfileOptions, Timestamp)>,
}

impl Mending {
    pub(super) fn of(
        refusal: &TokenRefusal,
        options: &ProfileOptions,
        document: &Value,
        now: Timestamp,
    ) -> Self {
        let mut better = options.clone();
        let (remedy, key) = match refusal {
            TokenRefusal::TypeNotAllowed { typ } => {
                // What has no `typ` is told as JWT.
                let typ = typ.to_string();
                let typ = typ.split('`').nth(1).unwrap_or("JWT");
                better.token_types.push(TokenType::of_typ(typ));
                let all: Vec<_> = better.token_types.iter().map(type_name).collect();
                (format!("write `token_types: [{}]`", all.join(", ")), "token_types".to_owned())
            }
            TokenRefusal::AlgorithmNotAllowed { algorithm } => {
                better.algorithms.push(*algorithm);
                let all: Vec<_> = better.algorithms.iter().map(|a| a.name()).collect();
                (format!("write `algorithms: [{}]`", all.join(", ")), "algorithms".to_owned())
            }
            TokenRefusal::MissingClaim { name } => return missing(name, better, document, now),
            TokenRefusal::MistypedClaim { name, .. } => {
                return mistyped(name, better, document, now);
            }
            TokenRefusal::Expired { expired_at } => {
                let ago = now.since(*expired_at).as_secs();
                let at = Moment(*expired_at);
                let remedy = format!("it ended at {at}, {ago} s ago: get a new one");
                let then = expired_at.minus(Duration::from_secs(1));
                return Self { remedy, key: None, mended: Some((better, then)) };
            }
            TokenRefusal::NotYetValid { not_before: from }
            | TokenRefusal::IssuedInFuture { issued_at: from } => {
                let ahead = from.since(now);
                let remedy = if ahead <= MAX_SKEW {
                    let seconds = ahead.as_secs().saturating_add(1);
                    format!("set the clocks by NTP, or write `skew: {seconds}s`")
                } else {
                    format!("it begins {} s from now: set the clocks by NTP", ahead.as_secs())
                };
                return Self { remedy, key: Some("skew".into()), mended: Some((better, *from)) };
            }
            TokenRefusal::TooOld { issued_at, .. } => {
                better.max_age = None;
                let age = now.since(*issued_at).as_secs();
                let remedy = format!("it is {age} s old: get a new one, or allow more `max_age`");
                (remedy, "max_age".to_owned())
            }
            TokenRefusal::Lifetime { lifetime, .. } => {
                better.max_lifetime = None;
                let seconds = lifetime.as_secs();
                (
                    format!(
                        "write `max_lifetime: {seconds}s`, or let the issuer issue shorter ones"
                    ),
                    "max_lifetime".to_owned(),
                )
            }
            TokenRefusal::UnknownKey { kid: Some(_) } => {
                return Self::none(
                    "the issuer does not publish the key that signed it: a token of another issuer or realm, or a key that was withdrawn",
                );
            }
            TokenRefusal::UnknownKey { kid: None } => {
                return Self::none(
                    "let the issuer name the key (`kid`), and check that it published it",
                );
            }
            TokenRefusal::BadSignature => {
                return Self::none(
                    "it was changed, or copied in part, or another issuer has a key of this name",
                );
            }
            TokenRefusal::KeyUnfit { .. } => {
                return Self::none(
                    "let the issuer publish the key with the `alg` that it signs with",
                );
            }
            TokenRefusal::ScopesDiffer => {
                return Self::none(
                    "let the issuer write the same scopes in `scope` and in `scp`, or only one of them",
                );
            }
            _ => return Self::none("this is the issuer's to mend"),
        };
        Self { remedy, key: Some(key), mended: Some((better, now)) }
    }

    fn none(remedy: &str) -> Self {
        Self { remedy: remedy.to_owned(), key: None, mended: None }
    }
}

/// A claim that is not there: one of the standard's, one that is declared, or the groups.
fn missing(name: &str, mut better: ProfileOptions, document: &Value, now: Timestamp) -> Mending {
    let at_groups = better.groups.as_ref().is_some_and(|groups| groups.as_str() == name);
    let declared = better.claims.iter_mut().find(|claim| claim.from.as_str() == name);
    let (remedy, key) = if let Some(claim) = declared {
        claim.absent = Absence::Ignore;
        let key = format!("claims.{}", claim.name);
        let last = name.rsplit('/').next().unwrap_or_default();
        match elsewhere(document, last).first() {
            Some(found) => (format!("it may be at `{found}`: write `from: {found}`"), key),
            None => ("if not every token has it, write `absent: ignore`".to_owned(), key),
        }
    } else if at_groups {
        let found = group_places(document).into_iter().next();
        let remedy = match &found {
            Some(found) => format!("they may be at `{found}`: write `groups: {found}`"),
            None => "let the issuer add them, or remove `groups_required`".to_owned(),
        };
        better.groups_required = false;
        if let Some(found) = found.and_then(|found| JsonPointer::parse(&found).ok()) {
            better.groups = Some(found);
        }
        (remedy, "groups".to_owned())
    } else if name == "iat" && (better.max_age.is_some() || better.max_lifetime.is_some()) {
        better.max_age = None;
        better.max_lifetime = None;
        let remedy = "let the issuer write it, or remove `max_age` and `max_lifetime`";
        (remedy.to_owned(), String::new())
    } else if better.strict_rfc9068 && ["aud", "client_id", "iat", "jti"].contains(&name) {
        better.strict_rfc9068 = false;
        let remedy = "RFC 9068 requires it in an `at+jwt`: let the issuer write it, or write `strict_rfc9068: false`";
        (remedy.to_owned(), "strict_rfc9068".to_owned())
    } else {
        return Mending::none("let the issuer write it: every token needs it");
    };
    Mending { remedy, key: Some(key), mended: Some((better, now)) }
}

/// A claim that is of another type than it was declared with.
fn mistyped(name: &str, mut better: ProfileOptions, document: &Value, now: Timestamp) -> Mending {
    let actual = document.pointer(name).and_then(kind_of);
    if let Some(claim) = better.claims.iter_mut().find(|claim| claim.from.as_str() == name) {
        let key = format!("claims.{}", claim.name);
        let Some((kind, written)) = actual else {
            let remedy = "it is of a type that no rule reads: point `from` at another claim";
            return Mending { remedy: remedy.to_owned(), key: Some(key), mended: None };
        };
        claim.kind = kind;
        claim.absent = Absence::Ignore;
        let remedy = format!("write `type: {written}`");
        return Mending { remedy, key: Some(key), mended: Some((better, now)) };
    }
    if better.groups.as_ref().is_some_and(|groups| groups.as_str() == name) {
        let found = group_places(document).into_iter().next();
        let remedy = match &found {
            Some(found) => format!("they may be at `{found}`: write `groups: {found}`"),
            None => "let the issuer write an array of texts".to_owned(),
        };
        better.groups = found.and_then(|found| JsonPointer::parse(&found).ok());
        return Mending { remedy, key: Some("groups".to_owned()), mended: Some((better, now)) };
    }
    Mending::none("this is the issuer's to mend")
}

fn kind_of(value: &Value) -> Option<(ClaimKind, &'static str)> {
    match value {
        Value::Bool(_) => Some((ClaimKind::Bool, "bool")),
        Value::Number(number) if number.is_i64() => Some((ClaimKind::Long, "long")),
        Value::String(_) => Some((ClaimKind::String, "string")),
        Value::Array(all) if all.iter().all(Value::is_string) => {
            Some((ClaimKind::Strings, "strings"))
        }
        _ => None,
    }
}

fn type_name(token_type: &TokenType) -> String {
    match token_type {
        TokenType::AtJwt => "at+jwt".to_owned(),
        TokenType::IdToken => "id_token".to_owned(),
        TokenType::Jwt => "JWT".to_owned(),
        TokenType::Other(typ) => typ.to_string(),
    }
}

/// Where groups may stand: lists of texts under a name that sounds like it, the likeliest first.
pub(super) fn group_places(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(document, "", &mut |pointer, name, value| {
        let texts =
            value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(Value::is_string));
        let name = name.to_ascii_lowercase();
        let rank = ["group", "role", "team"].iter().position(|part| name.contains(part));
        found.extend(rank.filter(|_| texts).map(|rank| (rank, pointer.len(), pointer.to_owned())));
    });
    found.sort();
    found.into_iter().map(|(_, _, pointer)| pointer).collect()
}

/// Where else something of this name stands.
fn elsewhere(document: &Value, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(document, "", &mut |pointer, last, _| {
        let last = last.rsplit(['/', ':']).next().unwrap_or(last);
        if last.eq_ignore_ascii_case(name) {
            found.push(pointer.to_owned());
        }
    });
    found
}

/// Visits every member of every object. The payload was parsed within the depth that serde_json allows.
fn walk(value: &Value, pointer: &str, visit: &mut impl FnMut(&str, &str, &Value)) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        visit(&pointer, name, member);
        walk(member, &pointer, visit);
    }
}
