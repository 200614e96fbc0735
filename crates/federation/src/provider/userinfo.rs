//! What an access token buys about the person (OpenID Connect Core §5.3), or what a provider without OpenID Connect says
//! to it.

use std::collections::BTreeMap;

use bytes::Bytes;
use egress::{Destination, UrlError};
use http::Response;
use http::header::CONTENT_TYPE;
use thiserror::Error;
use tokens::json::{self, JsonError, Limits, Object, Value};

use super::call::{CallError, Caller, is_passing};
use super::options::{OAuth, ProviderOptions};
use super::pages::{self, MAX_PAGES};
use super::secret::Secret;

/// The member that says which claims are kept elsewhere (§5.6.2).
const ELSEWHERE: &str = "_claim_names";

/// Fetches the claims of the userinfo endpoint.
pub(crate) async fn claims(
    caller: &Caller,
    from: &Destination,
    access_token: &Secret,
) -> Result<Object, UserinfoRefusal> {
    let answer = caller.get(from, access_token).await?;
    match document(&answer)? {
        Value::Object(claims) => Ok(claims),
        _ => Err(UserinfoRefusal::NotAnObject),
    }
}

/// Asks each place of a provider without OpenID Connect; the answers by the names of the places.
pub(crate) async fn answers(
    caller: &Caller,
    options: &ProviderOptions,
    oauth: &OAuth,
    access_token: &Secret,
) -> Result<Object, UserinfoRefusal> {
    let mut answers = BTreeMap::new();
    for (name, url) in &oauth.userinfo {
        let answer = whole(caller, options, url, access_token).await?;
        answers.insert(name.clone(), answer);
    }
    Ok(answers.into())
}

/// The claims of an ID token, with those of the userinfo endpoint that it does not have (§5.3.2: only if both are about
/// the same subject). What either says is kept elsewhere is not absent.
pub(crate) fn together(id_token: &Object, userinfo: Object) -> Result<Object, UserinfoRefusal> {
    let sub = userinfo.get("sub").ok_or(UserinfoRefusal::NoSubject)?;
    if sub.as_str().is_none() || Some(sub) != id_token.get("sub") {
        return Err(UserinfoRefusal::OtherSubject);
    }
    let mut all = userinfo.into_members();
    let elsewhere = all.remove(ELSEWHERE);
    all.extend(id_token.iter().map(|(name, value)| (name.to_owned(), value.clone())));
    let both = match (all.remove(ELSEWHERE), elsewhere) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let mut names = other.into_members();
            names.extend(one.into_members());
            Some(Value::Object(names.into()))
        }
        // One that is no object is refused by the mapping, whichever it is.
        (Some(Value::Object(_)), Some(mistyped)) => Some(mistyped),
        (one, other) => one.or(other),
    };
    all.extend(both.map(|names| (ELSEWHERE.to_owned(), names)));
    Ok(all.into())
}

/// All pages of an answer.
async fn whole(
    caller: &Caller,
    options: &ProviderOptions,
    url: &str,
    access_token: &Secret,
) -> Result<Value, UserinfoRefusal> {
    let mut url = url.to_owned();
    let mut elements = Vec::new();
    for page in 0..MAX_PAGES {
        let answer = caller.get(&options.place(&url)?, access_token).await?;
        let next =
            pages::next(answer.headers(), &url).map_err(|_| UserinfoRefusal::Unfollowable)?;
        match (document(&answer)?, next) {
            (whole, None) if page == 0 => return Ok(whole),
            (Value::Array(more), next) => {
                elements.extend(more);
                let Some(next) = next else { return Ok(Value::Array(elements)) };
                url = next;
            }
            _ => return Err(UserinfoRefusal::Unfollowable),
        }
    }
    Err(UserinfoRefusal::TooManyPages)
}

fn document(answer: &Response<Bytes>) -> Result<Value, UserinfoRefusal> {
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(UserinfoRefusal::Status { status });
    }
    let kind = answer.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    if kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"application/jwt")) {
        return Err(UserinfoRefusal::Signed);
    }
    Ok(without_nulls(json::parse(answer.body(), &Limits::DOCUMENT)?))
}

/// A claim that is not there "SHOULD NOT be present with a null" (§5.3.2), and where it is nevertheless, it is absent.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Array(elements) => Value::Array(elements.into_iter().map(without_nulls).collect()),
        Value::Object(members) => {
            let there = members.into_members().into_iter();
            let there = there.filter(|(_, value)| *value != Value::Null);
            let there: BTreeMap<_, _> =
                there.map(|(name, value)| (name, without_nulls(value))).collect();
            Value::Object(there.into())
        }
        other => other,
    }
}

/// Why nothing is known about the person.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum UserinfoRefusal {
    /// The place did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It is not strict JSON.
    #[error("the userinfo answer is not strict JSON: {0}")]
    Json(#[from] JsonError),
    /// It says nothing about whom it is.
    #[error("the userinfo answer has no `sub`")]
    NoSubject,
    /// It is no claims.
    #[error("the userinfo answer is not a JSON object")]
    NotAnObject,
    /// It is about somebody else.
    #[error("`sub` of the userinfo answer is not that of the ID token")]
    OtherSubject,
    /// It is a JWT.
    #[error(
        "the userinfo answer is signed or encrypted (`application/jwt`); have the provider answer JSON to this client"
    )]
    Signed,
    /// The place answers something else than 200.
    #[error("the userinfo endpoint answered {status}; expected 200")]
    Status {
        /// The status.
        status: u16,
    },
    /// The list is too long.
    #[error("a list of the provider's has more than {MAX_PAGES} pages")]
    TooManyPages,
    /// The list goes on elsewhere.
    #[error("a list of the provider's goes on at a place that is not followed")]
    Unfollowable,
    /// A place is not one.
    #[error("the place of a page cannot be used: {0}")]
    Url(#[from] UrlError),
}

impl UserinfoRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Call(error) => error.code(),
            Self::Json(_) => "userinfo_json",
            Self::NoSubject => "userinfo_no_subject",
            Self::NotAnObject => "userinfo_not_an_object",
            Self::OtherSubject => "userinfo_other_subject",
            Self::Signed => "userinfo_signed",
            Self::Status { .. } => "userinfo_status",
            Self::TooManyPages => "userinfo_too_many_pages",
            Self::Unfollowable => "userinfo_unfollowable",
            Self::Url(_) => "userinfo_url",
        }
    }

    /// Whether the same may succeed later, with nothing changed on our side.
    #[must_use]
    pub fn retry_may_help(&self) -> bool {
        match self {
            Self::Call(error) => error.retry_may_help(),
            Self::Status { status } => is_passing(*status),
            _ => false,
        }
    }
}

#[cfg(test)]
#[path = "userinfo_tests.rs"]
mod tests;
