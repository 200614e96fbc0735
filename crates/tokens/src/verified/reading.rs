//! From the payload of a token whose signature was verified to facts.

use super::{Rare, VerifiedToken};
use crate::actor::Actor;
use crate::claim::{Absence, ClaimSpec};
use crate::claims;
use crate::confirmation::Confirmation;
use crate::limits::MAX_TOKEN_BYTES;
use crate::pointed::Pointed;
use crate::profile::{Profile, TokenType};
use crate::refusal::{Part, TokenRefusal};
use crate::registered::Registered;
use crate::scope::scopes;
use crate::texts::Packer;
use crate::thumbprint::Thumbprint;
use crate::unverified::UnverifiedToken;
use crate::validity::Validity;

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;

impl VerifiedToken {
    /// Reads the claims. The caller has verified the signature with `key`, and the issuer.
    pub(crate) fn read(
        token: &UnverifiedToken<'_>,
        token_type: &TokenType,
        key: Thumbprint,
        profile: &Profile,
    ) -> Result<Self, TokenRefusal> {
        let part = Part::Payload;
        let object = token.claims().ok_or(TokenRefusal::NotAnObject { part })?;
        let registered = Registered::of(object);
        let pointed = Pointed::of(token.document(), object);
        let options = profile.options();

        let validity = Validity::read(registered)?;
        let rare = Rare {
            authorized_party: registered.identifier("azp")?,
            not_before: validity.not_before,
            acr: registered.identifier("acr")?,
            amr: registered.texts("amr")?,
            auth_time: registered.date("auth_time")?,
            actors: Actor::chain(registered)?,
            confirmation: Confirmation::read(registered)?,
        };

        let subject = registered.required("sub", registered.identifier("sub")?)?;
        let kind = pointed.subject_kind(&options.subjects)?;
        let audiences = registered.audiences()?;
        let scopes = scopes(registered)?;
        let groups = pointed.groups(options.groups.as_ref(), options.groups_required)?;
        let declared = pointed.claims(&options.claims)?;
        let client_id = registered.identifier("client_id")?;
        let jti = registered.identifier("jti")?;
        // What is there by default is not kept with every token.
        let said = |spec: &ClaimSpec| {
            let value = declared.get(&spec.name)?;
            (!matches!(&spec.absent, Absence::Default(default) if default == value))
                .then_some(value)
        };
        // In the order of `TextPart`.
        let pack = || {
            let packer = Packer::default().list(audiences)?.list([subject])?;
            let packer = packer.list(client_id)?.list(scopes)?;
            let mut specs = options.claims.iter();
            let packer = specs.try_fold(packer, |packer, spec| claims::pack(packer, said(spec)))?;
            Some(packer.list(groups)?.list(jti)?.list(token.key_id())?.pack())
        };
        let long = || TokenRefusal::TooLong { bytes: token.bytes(), limit: MAX_TOKEN_BYTES };

        let facts = Self {
            profile: profile.clone(),
            token_type: token_type.clone(),
            kind,
            texts: pack().ok_or_else(long)?,
            issued_at: validity.issued_at,
            expires_at: validity.expires_at,
            rare: (rare != Rare::default()).then(|| Box::new(rare)),
            algorithm: token.algorithm(),
            key_thumbprint: key,
            fingerprint: token.fingerprint(),
            presented: token.presented(),
        };
        facts.check_completeness()?;
        facts.check_lifetime()?;
        Ok(facts)
    }

    /// What must be there by the type of the token, and by the profile.
    fn check_completeness(&self) -> Result<(), TokenRefusal> {
        let options = self.profile.options();
        let (aud, iat) = (!self.audiences().is_empty(), self.issued_at.is_some());
        // RFC 9068 §2.2, and OpenID Connect Core §2.
        let required: &[(&str, bool)] = match self.token_type {
            TokenType::AtJwt if options.strict_rfc9068 => &[
                ("aud", aud),
                ("iat", iat),
                ("client_id", self.client_id().is_some()),
                ("jti", self.jti().is_some()),
            ],
            TokenType::IdToken => &[
                ("aud", aud),
                ("iat", iat),
                ("azp", self.audiences().len() < 2 || self.authorized_party().is_some()),
            ],
            _ => &[],
        };
        let aged = options.max_age.is_some() || options.max_lifetime.is_some();
        let mut required = required.iter().copied().chain([("iat", iat || !aged)]);
        match required.find(|(_, there)| !there) {
            Some((name, _)) => Err(TokenRefusal::MissingClaim { name: name.into() }),
            None => Ok(()),
        }
    }

    fn check_lifetime(&self) -> Result<(), TokenRefusal> {
        let lifetime = self.issued_at.map(|issued_at| self.expires_at.since(issued_at));
        match (lifetime, self.profile.options().max_lifetime) {
            (Some(lifetime), Some(limit)) if lifetime > limit => {
                Err(TokenRefusal::Lifetime { lifetime, limit })
            }
            _ => Ok(()),
        }
    }
}
