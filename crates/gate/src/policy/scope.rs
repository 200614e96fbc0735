//! Which issuer a name in a rule belongs to. Subjects and groups are never bare: `corp/support` is not
//! `partner/support`.

use tokens::{Absence, ClaimKind};

use super::RuleKind;
use super::names::scoped;
use crate::build::BuildError;
use crate::spec::{IssuerSpec, Place};

/// How the names in a rule are read, given the issuers that it can concern.
#[derive(Clone, Debug)]
pub(crate) struct ScopedNames<'a> {
    /// Every issuer there is.
    known: &'a [&'a IssuerSpec],
    /// The issuers that the rule's own route accepts; all, for `defaults`.
    accepted: Vec<&'a IssuerSpec>,
    /// The issuers that the rule can concern when it binds narrower routes too: what those accept, besides.
    bound: Vec<&'a IssuerSpec>,
}

/// A name that could not be read; to be placed by the caller.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    message: String,
    help: String,
}

impl Problem {
    pub(crate) fn at(self, place: Place) -> BuildError {
        BuildError::new(place, &self.message).with_help(&self.help)
    }
}

impl<'a> ScopedNames<'a> {
    pub(crate) const fn new(
        known: &'a [&'a IssuerSpec],
        accepted: Vec<&'a IssuerSpec>,
        bound: Vec<&'a IssuerSpec>,
    ) -> Self {
        Self { known, accepted, bound }
    }

    /// The issuers that a rule of this kind can concern.
    fn concerned(&self, kind: RuleKind) -> &[&'a IssuerSpec] {
        if kind == RuleKind::Allow { &self.accepted } else { &self.bound }
    }

    /// The id of a subject or group: with its issuer in front.
    pub(crate) fn resolve(
        &self,
        kind: RuleKind,
        name: &str,
    ) -> Result<(&'a IssuerSpec, String), Problem> {
        if name.is_empty() {
            return Err(problem("a name cannot be empty", "write `issuer/name`"));
        }
        if let Some((issuer, value)) =
            name.split_once('/').filter(|(prefix, _)| is_issuer_name(prefix))
        {
            let issuer = self.issuer(kind, issuer).map_err(|mut unknown| {
                if let [only] = self.accepted.as_slice() {
                    unknown.help = format!(
                        "write `{}/{name}` if `{name}` is the whole name at `{0}`",
                        only.name()
                    );
                }
                unknown
            })?;
            if value.is_empty() {
                return Err(problem(&format!("`{name}` names no one"), "write `issuer/name`"));
            }
            return Ok((issuer, name.to_owned()));
        }
        match self.accepted.as_slice() {
            [only] => Ok((only, scoped(only.name(), name))),
            many => {
                let first = many.first().map_or("issuer", |issuer| issuer.name());
                Err(problem(
                    &format!(
                        "`{name}` does not say whose it is, and more than one issuer is accepted here"
                    ),
                    &format!("write it with its issuer, as in `{first}/{name}`"),
                ))
            }
        }
    }

    /// Checks that an issuer is one that the rule can concern.
    pub(crate) fn issuer(&self, kind: RuleKind, name: &str) -> Result<&'a IssuerSpec, Problem> {
        let concerned = self.concerned(kind);
        if let Some(issuer) = concerned.iter().find(|issuer| &**issuer.name() == name) {
            return Ok(issuer);
        }
        if self.known.iter().any(|issuer| &**issuer.name() == name) {
            let message =
                format!("the issuer `{name}` is not accepted here, so this can never hold");
            return Err(problem(
                &message,
                &format!("add `{name}` to the route's `accept`, or drop it here"),
            ));
        }
        let names: Vec<_> =
            self.known.iter().map(|issuer| format!("`{}`", issuer.name())).collect();
        Err(problem(
            &format!("there is no issuer `{name}`"),
            &format!("the issuers are {}", names.join(", ")),
        ))
    }

    /// The declared type of a claim that a rule reads. Every issuer that the rule can concern must declare it, and for
    /// a `deny` its tokens must tell it: else a token that does not would slip past.
    pub(crate) fn claim(
        &self,
        kind: RuleKind,
        claim: &str,
        only: &[&str],
    ) -> Result<ClaimKind, Problem> {
        let mut declared = None;
        for issuer in self.concerned(kind) {
            if !only.is_empty() && !only.contains(&&**issuer.name()) {
                continue;
            }
            match issuer.claims().iter().find(|spec| &*spec.name == claim) {
                Some(spec) if kind == RuleKind::Deny && spec.absent == Absence::Ignore => {
                    return Err(problem(
                        &format!(
                            "a token of `{}` may leave the claim `{claim}` out, and would slip past this",
                            issuer.name()
                        ),
                        &format!(
                            "declare it `required: true` under `issuers.{}.claims`, or give it a `default`",
                            issuer.name()
                        ),
                    ));
                }
                Some(spec) => declared = Some(spec.kind),
                None => {
                    return Err(problem(
                        &format!(
                            "the issuer `{}` does not declare the claim `{claim}`",
                            issuer.name()
                        ),
                        &format!(
                            "declare it under `issuers.{}.claims`, or name the issuers that this rule is about in `issuers`",
                            issuer.name()
                        ),
                    ));
                }
            }
        }
        declared.ok_or_else(|| {
            problem(
                &format!("no issuer is accepted here that could tell the claim `{claim}`"),
                "add an issuer to `accept`",
            )
        })
    }
}

/// Whether a text could be an issuer's name in the configuration: `[a-z0-9][a-z0-9._-]*`. No `/`, so that `a/b` of the
/// issuer `c` is never `b` of an issuer `c/a`.
pub(crate) fn is_issuer_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'))
}

/// A problem, and what to write instead.
pub(super) fn problem(message: &str, help: &str) -> Problem {
    Problem { message: message.to_owned(), help: help.to_owned() }
}
