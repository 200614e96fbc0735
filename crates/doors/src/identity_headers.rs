//! How the caller's identity is told to a service, whoever forwards the request.

use gate::Caller;
use gate::route::ToldIdentity;
use gate::spec::IdentityField;
use http::header::{HeaderName, HeaderValue};
use tokens::{ClaimValue, SubjectKind};

/// The headers that tell a service who asks, as it wants to be told.
pub(crate) fn identity_headers(
    caller: &Caller,
    told: &ToldIdentity,
    signed: Option<HeaderValue>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::with_capacity(1 + told.headers.len());
    headers.extend(told.token_header.clone().zip(signed));
    let Caller::Known(known) = caller else { return headers };
    for (name, field) in &told.headers {
        // A value that cannot stand in a header as it is, or that the service would read without its blanks, is left out
        // whole: it would be another identity.
        let value = identity_text(known, field)
            .filter(|text| text.trim() == text)
            .and_then(|text| HeaderValue::from_str(&text).ok());
        headers.extend(value.map(|value| (name.clone(), value)));
    }
    headers
}

fn identity_text(identity: &gate::Identity, field: &IdentityField) -> Option<String> {
    Some(match field {
        IdentityField::Claim(name) => match identity.claim(name)? {
            ClaimValue::Bool(value) => value.to_string(),
            ClaimValue::Long(value) => value.to_string(),
            ClaimValue::String(value) => value.to_string(),
            ClaimValue::Strings(values) => join(values.iter().map(AsRef::as_ref), ',')?,
        },
        IdentityField::Groups => join(identity.groups().iter(), ',')?,
        IdentityField::Issuer => identity.issuer().to_string(),
        IdentityField::Kind => match identity.kind() {
            SubjectKind::User => "user".to_owned(),
            SubjectKind::Workload => "workload".to_owned(),
        },
        IdentityField::Scopes => join(identity.scopes().iter(), ' ')?,
        IdentityField::Subject => identity.subject().to_owned(),
    })
}

/// A list in one header; nothing when an item is empty, is framed by blanks or holds the separator, because the list
/// would read as another one.
fn join<'a>(items: impl Iterator<Item = &'a str>, separator: char) -> Option<String> {
    let mut text = String::new();
    for item in items {
        if item.is_empty() || item.trim() != item || item.contains(separator) {
            return None;
        }
        if !text.is_empty() {
            text.push(separator);
        }
        text.push_str(item);
    }
    Some(text)
}
