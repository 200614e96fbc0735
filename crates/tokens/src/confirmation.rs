//! What the sender of a token must prove to hold (RFC 7800 §3.1).

use crate::refusal::TokenRefusal;
use crate::registered::Registered;
use crate::thumbprint::Thumbprint;

#[cfg(test)]
#[path = "confirmation_tests.rs"]
mod tests;

/// The claim `cnf`. A token that has it is not a bearer token: it is worth nothing without the proof, and whoever
/// cannot check the proof must not accept the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    jwk_thumbprint: Option<Thumbprint>,
    certificate_thumbprint: Option<[u8; 32]>,
    has_others: bool,
}

impl Confirmation {
    /// `jkt`: the thumbprint of the key of the DPoP proof (RFC 9449 §6.1).
    #[must_use]
    pub fn jwk_thumbprint(&self) -> Option<&Thumbprint> {
        self.jwk_thumbprint.as_ref()
    }

    /// `x5t#S256`: SHA-256 of the DER form of the client certificate (RFC 8705 §3.1).
    #[must_use]
    pub fn certificate_thumbprint(&self) -> Option<&[u8; 32]> {
        self.certificate_thumbprint.as_ref()
    }

    /// Whether there are members besides these two: proofs that we do not know how to ask for.
    #[must_use]
    pub fn has_others(&self) -> bool {
        self.has_others
    }

    /// The claim `cnf` of a token, if it has one.
    pub(crate) fn read(token: Registered<'_>) -> Result<Option<Self>, TokenRefusal> {
        let Some(value) = token.get("cnf") else { return Ok(None) };
        let members = value.as_object().filter(|members| !members.is_empty());
        let members = members.ok_or_else(|| token.mistyped("cnf", "an object with members"))?;
        let cnf = Registered::within(members, "cnf/");
        let thumbprint = |name| {
            let digest = |text| {
                Thumbprint::parse(text)
                    .ok_or_else(|| cnf.mistyped(name, "a SHA-256 digest in base64url"))
            };
            cnf.text(name)?.map(digest).transpose()
        };
        let known = ["jkt", "x5t#S256"];
        Ok(Some(Self {
            jwk_thumbprint: thumbprint("jkt")?,
            certificate_thumbprint: thumbprint("x5t#S256")?.map(|digest| *digest.as_bytes()),
            has_others: members.iter().any(|(name, _)| !known.contains(&name)),
        }))
    }
}
