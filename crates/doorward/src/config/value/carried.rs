use gate::spec::IdentityField;

use super::{Name, Written, written};
use crate::config::decode::Complaint;
use crate::config::suggest;
use crate::config::tree::shortened;

/// What an identity header carries, such as `subject` or `claim:email`.
#[derive(Clone, Debug)]
pub(in crate::config) struct Carried(pub(in crate::config) IdentityField);

written! { Carried }

impl Written for Carried {
    const TITLE: &'static str = "identity field";
    const EXPECTED: &'static str = "a fact about the caller";
    const HELP: &'static str =
        "write `subject`, `issuer`, `kind`, `groups`, `scopes` or `claim:name`";
    const MAY_REFER: bool = false;
    const PATTERN: Option<&'static str> =
        Some("^(subject|issuer|kind|groups|scopes|claim:[a-z0-9][a-z0-9._-]{0,62})$");

    fn read(text: &str) -> Result<Self, Complaint> {
        let field = match text {
            "groups" => IdentityField::Groups,
            "issuer" => IdentityField::Issuer,
            "kind" => IdentityField::Kind,
            "scopes" => IdentityField::Scopes,
            "subject" => IdentityField::Subject,
            _ => match text.strip_prefix("claim:") {
                Some(claim) => IdentityField::Claim(Name::read(claim)?.into()),
                None => {
                    let known = ["subject", "issuer", "kind", "groups", "scopes", "claim:<name>"];
                    let message = format!("`{}` is no fact about the caller", shortened(text));
                    return Err(Complaint::new(message).help(suggest::help(text, known, "field")));
                }
            },
        };
        Ok(Self(field))
    }
}
