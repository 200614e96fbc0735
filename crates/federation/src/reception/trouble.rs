//! What goes wrong at the reception: one page for whatever an attacker could learn from, another where people can help
//! themselves. Why it went wrong is for the records.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::Reception;
use crate::pages::Html;
use crate::provider::{SamlRefusal, SignInRefusal, SignOutRefusal};

/// Why a visit does not end as it should.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What the visitor is shown.
    pub(super) shown: Shown,
    /// A stable label for records.
    pub(super) code: &'static str,
    /// In words for the operator.
    pub(super) reason: String,
    /// The provider, where it is known.
    pub(super) provider: Option<String>,
    /// Where the visitor can begin anew, if that is known for sure.
    pub(super) again: Option<String>,
}

/// What a visitor is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// The person, or the provider for them, said no.
    Declined,
    /// Cookies are not kept on a host that is asked without TLS.
    Insecure,
    /// The way is not for this method.
    Method,
    /// There is no such page, or none on this host.
    Nowhere,
    /// It did not work; why is not for the visitor to know.
    Refused,
    /// A page of another origin has sent it.
    Sent,
    /// A sign-out did not work; why is not for the visitor to know.
    NotSignedOut,
    /// Something that is needed is not to be had.
    Unavailable,
}

impl Trouble {
    pub(super) const METHOD: Self = Self::new(Shown::Method, "method_not_allowed");
    pub(super) const NOWHERE: Self = Self::new(Shown::Nowhere, "no_such_page");

    const fn new(shown: Shown, code: &'static str) -> Self {
        Self { shown, code, reason: String::new(), provider: None, again: None }
    }

    /// A sign-in that is refused.
    pub(super) fn refused(code: &'static str, reason: &str) -> Self {
        Self { reason: reason.to_owned(), ..Self::new(Shown::Refused, code) }
    }

    /// A sign-out that is refused.
    pub(super) fn sign_out_refused(code: &'static str, reason: &str) -> Self {
        Self { reason: reason.to_owned(), ..Self::new(Shown::NotSignedOut, code) }
    }

    /// What fails on our side.
    pub(super) fn ours(reason: &str) -> Self {
        Self { reason: reason.to_owned(), ..Self::new(Shown::Unavailable, "failed") }
    }

    /// There is too much to do.
    pub(super) fn busy(reason: &str) -> Self {
        Self { reason: reason.to_owned(), ..Self::new(Shown::Unavailable, "provider_busy") }
    }

    /// The ledger cannot be had.
    pub(super) fn ledger(error: &dyn std::fmt::Display) -> Self {
        Self { reason: error.to_string(), ..Self::new(Shown::Unavailable, "ledger_unavailable") }
    }

    /// A browser would not keep our cookies here.
    pub(super) fn insecure() -> Self {
        let reason = "people sign in over HTTPS, or on this machine itself".to_owned();
        Self { reason, ..Self::new(Shown::Insecure, "insecure") }
    }

    /// The provider is not there as it was when somebody began.
    pub(super) fn changed() -> Self {
        let reason = "the provider is disabled, or set up otherwise by now";
        Self::refused("provider_changed", reason)
    }

    /// A page of another origin has sent it.
    pub(super) fn sent_from_elsewhere() -> Self {
        let reason = "a page of another origin sent it".to_owned();
        Self { reason, ..Self::new(Shown::Sent, "cross_origin") }
    }

    /// Nobody can be sent to the provider.
    pub(super) fn not_begun(code: &'static str, error: &dyn std::fmt::Display) -> Self {
        Self { reason: error.to_string(), ..Self::new(Shown::Unavailable, code) }
    }

    /// The provider's answer signs nobody in.
    pub(super) fn not_finished(refusal: &SignInRefusal) -> Self {
        let shown = match refusal {
            refusal if refusal.retry_may_help() => Shown::Unavailable,
            SignInRefusal::Declined { .. } => Shown::Declined,
            _ => Shown::Refused,
        };
        Self { reason: refusal.to_string(), ..Self::new(shown, refusal.code()) }
    }

    /// The answer of a provider with SAML signs nobody in.
    pub(super) fn not_believed(refusal: &SamlRefusal) -> Self {
        let shown = match refusal {
            SamlRefusal::Metadata(_) => Shown::Unavailable,
            refusal if refusal.is_declined() => Shown::Declined,
            _ => Shown::Refused,
        };
        Self { reason: refusal.to_string(), ..Self::new(shown, refusal.code()) }
    }

    /// What came to our place for signing out ends nothing.
    pub(super) fn not_ended(refusal: &SignOutRefusal) -> Self {
        let shown = match refusal {
            SignOutRefusal::Metadata(_) => Shown::Unavailable,
            _ => Shown::NotSignedOut,
        };
        Self { reason: refusal.to_string(), ..Self::new(shown, refusal.code()) }
    }

    pub(super) fn at(self, provider: &str) -> Self {
        Self { provider: Some(provider.to_owned()), ..self }
    }

    pub(super) fn again_at(self, origin: &str, to: &str) -> Self {
        Self { again: Some(format!("{origin}{to}")), ..self }
    }

    const fn status(&self) -> StatusCode {
        match self.shown {
            Shown::Declined | Shown::Sent => StatusCode::FORBIDDEN,
            Shown::Insecure | Shown::Refused | Shown::NotSignedOut => StatusCode::BAD_REQUEST,
            Shown::Method => StatusCode::METHOD_NOT_ALLOWED,
            Shown::Nowhere => StatusCode::NOT_FOUND,
            Shown::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Reception {
    /// The page about it.
    pub(super) fn show(&self, trouble: &Trouble, id: &str) -> Response<Bytes> {
        let (title, text) = match trouble.shown {
            Shown::Declined => (
                "You are not signed in",
                "The sign-in was cancelled, or your account may not sign in here. If you think that it should, ask who runs it.",
            ),
            Shown::Insecure => {
                ("This takes HTTPS", "You can sign in only where the address begins with https.")
            }
            Shown::Method => ("That is not done here", "This page does not take what was sent."),
            Shown::Nowhere => {
                ("Not Found", "There is nothing here. Check the address for mistakes.")
            }
            Shown::Refused => (
                "The sign-in did not work",
                "It may have taken too long, been done already, or been begun in another browser. Cookies have to be allowed. Go to the page that you want to see, and sign in anew.",
            ),
            Shown::Sent => {
                ("That is not done here", "Another page has sent you. Nothing was done.")
            }
            Shown::NotSignedOut => (
                "The sign-out did not work",
                "You may still be signed in here. Go to the page that you want to leave, and sign out there.",
            ),
            Shown::Unavailable => (
                "This does not work at the moment",
                "It is not your fault. Try again in a minute; whoever is signed in stays so.",
            ),
        };
        let mut content = Html::default().paragraph(text);
        if let Some(again) = &trouble.again {
            content = content.link(again, "Try again");
        }
        self.page(trouble.status(), title, &content, Some(id))
    }
}
