//! How the caller's identity is told to a service, whoever forwards the request.

use std::borrow::Cow;

use gate::Caller;
use gate::route::ToldIdentity;
use gate::spec::IdentityField;
use http::header::{HeaderName, HeaderValue};
use tokens::{ClaimValue, SubjectKind};

use crate::header_values::HeaderValues;

/// The headers that tell a service who asks, as it wants to be told.
pub(crate) fn identity_headers(
    caller: &Caller,
    told: &ToldIdentity,
    signed: Option<HeaderValue>,
    values: &mut HeaderValues,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::with_capacity(1 + told.headers.len());
    headers.extend(told.token_header.clone().zip(signed));
    let Caller::Known(known) = caller else { return headers };
    for (name, field) in &told.headers {
        // A value that cannot stand in a header as it is, or that the service would read without its blanks, is left out
        // whole: it would be another identity.
        let value = identity_text(known, field)
            .filter(|text| text.trim() == text)
            .and_then(|text| values.text(&text));
        headers.extend(value.map(|value| (name.clone(), value)));
    }
    headers
}

fn identity_text<'a>(
    identity: &'a gate::Identity,
    field: &'a IdentityField,
) -> Option<Cow<'a, str>> {
    Some(match field {
        IdentityField::Claim(name) => match identity.claim(name)? {
            ClaimValue::Bool(value) => value.to_string().into(),
            ClaimValue::Long(value) => value.to_string().into(),
            ClaimValue::String(value) => value.into(),
            ClaimValue::Strings(values) => join(values.iter().map(AsRef::as_ref), ',')?.into(),
        },
        IdentityField::Groups => join(identity.groups().iter(), ',')?.into(),
        IdentityField::Issuer => Cow::Borrowed(&**identity.issuer()),
        IdentityField::Kind => match identity.kind() {
            SubjectKind::User => "user".into(),
            SubjectKind::Workload => "workload".into(),
        },
        IdentityField::Scopes => join(identity.scopes().iter(), ' ')?.into(),
        IdentityField::Subject => identity.subject().into(),
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
