//! What a caller is told. One place turns denials into answers, for every door.

use http::{Method, StatusCode};

use crate::denial::{Denial, DenialKind};
use crate::request::RequestRefusal;
use crate::route::{Credentials, Exceeded, Sharing, StepUp};
use crate::sign_in_link::SignInLink;
use crate::spec::RateBy;

/// The challenge where only a client certificate helps. No scheme is registered for it, and an answer with 401 has a
/// challenge (RFC 9110 §15.5.2).
const CERTIFICATE: &str = "Certificate realm=\"doorward\"";

/// The same where only signing in helps.
const SESSION: &str = "Session realm=\"doorward\"";

/// An answer to a request that does not go through: an RFC 9457 problem, and the headers that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// A few words that are always the same for the same problem.
    pub title: &'static str,
    /// One sentence that is safe to tell the caller.
    pub detail: String,
    /// `WWW-Authenticate` (RFC 6750 §3).
    pub challenge: Option<Box<str>>,
    /// `Allow` (RFC 9110 §10.2.1).
    pub allow: Vec<Method>,
    /// Where the caller can sign in, on the host that it asked; none where that would not help.
    pub sign_in: Option<Box<SignInLink>>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u32>,
    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, §3 and §4).
    pub rate_limit: Option<Box<(String, String)>>,
    /// What a browser is told about which pages may read it; none where nothing is ours to say.
    pub sharing: Option<Box<Sharing>>,
}

impl Answer {
    /// An answer that is no more than its status and a sentence.
    #[must_use]
    pub fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            title,
            detail: detail.into(),
            challenge: None,
            allow: Vec::new(),
            sign_in: None,
            retry_after: None,
            rate_limit: None,
            sharing: None,
        }
    }

    /// The body: `application/problem+json`. `instance` is the request's id, which the caller can quote to an operator.
    #[must_use]
    pub fn body(&self, request_id: &str) -> String {
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": format!("urn:doorward:request:{request_id}"),
        });
        // An extension member (RFC 9457 §3.2), for what fetches in a page: it can send the page there.
        if let (Some(link), Some(members)) = (&self.sign_in, body.as_object_mut()) {
            members.insert("sign_in".to_owned(), link.to.as_str().into());
        }
        body.to_string()
    }

    /// The same, with what a browser is told about which pages may read it.
    #[must_use]
    pub fn shared(self, sharing: Option<Sharing>) -> Self {
        Self { sharing: sharing.map(Box::new), ..self }
    }

    fn challenged(mut self, parameters: &str) -> Self {
        self.challenge = Some(format!("Bearer realm=\"doorward\"{parameters}").into());
        self
    }
}

impl Denial {
    /// What the caller is told: enough to mend a mistake of its own, and nothing about rules or other callers.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let sign_in = self.sign_in();
        Answer { sign_in, ..self.shared_answer() }
    }

    /// Where the caller can sign in, if that can help.
    fn sign_in(&self) -> Option<Box<SignInLink>> {
        let helps = match &self.kind {
            DenialKind::NoCredential | DenialKind::SessionRefused(_) => true,
            // Who has shown a token is no browser.
            DenialKind::NotSureEnough(_) => {
                self.identity.as_ref().is_none_or(|identity| identity.session().is_some())
            }
            _ => false,
        };
        let can = self.route.as_ref().is_some_and(|route| route.credentials.sign_in);
        self.request().filter(|_| helps && can).map(SignInLink::back_to).map(Box::new)
    }

    fn shared_answer(&self) -> Answer {
        let refused = matches!(self.kind, DenialKind::PreflightRefused(_));
        let told = self.route.as_ref().zip(self.request()).filter(|_| !refused);
        self.told().shared(told.and_then(|(route, request)| route.sharing(request)))
    }

    fn told(&self) -> Answer {
        let unauthorized =
            |detail: &str| Answer::new(StatusCode::UNAUTHORIZED, "Unauthorized", detail);
        let invalid_token = |detail: &str| {
            let parameters = format!(", error=\"invalid_token\", error_description=\"{detail}\"");
            unauthorized(detail).challenged(&parameters)
        };
        match &self.kind {
            DenialKind::BadRequest(refusal) => {
                let (status, title) = match refusal {
                    RequestRefusal::TargetTooLong { .. } => {
                        (StatusCode::URI_TOO_LONG, "URI Too Long")
                    }
                    RequestRefusal::HeadTooLarge { .. } | RequestRefusal::TooManyHeaders { .. } => {
                        (
                            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                            "Request Header Fields Too Large",
                        )
                    }
                    RequestRefusal::Loop => (StatusCode::LOOP_DETECTED, "Loop Detected"),
                    _ => (StatusCode::BAD_REQUEST, "Bad Request"),
                };
                Answer::new(status, title, refusal.to_string())
            }
            DenialKind::NoRoute => {
                Answer::new(StatusCode::NOT_FOUND, "Not Found", "there is nothing here")
            }
            DenialKind::MethodNotAllowed(methods) => Answer {
                allow: methods.clone(),
                ..Answer::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "Method Not Allowed",
                    "this path does not take this method",
                )
            },
            DenialKind::NoCredential
            | DenialKind::BadCertificate(_)
            | DenialKind::SessionRefused(_) => {
                let known = self.route.as_ref();
                nobody(known.map_or_else(Credentials::default, |route| route.credentials))
            }
            DenialKind::NotSureEnough(wanted) => {
                unauthorized("a more recent or a stronger sign-in is needed here")
                    .challenged(&step_up(wanted))
            }
            DenialKind::CrossOrigin => Answer::new(
                StatusCode::FORBIDDEN,
                "Forbidden",
                "this is not allowed from a page of another origin",
            ),
            DenialKind::SessionNotAtHand | DenialKind::SessionsUnavailable => Answer {
                retry_after: Some(1),
                ..Answer::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Service Unavailable",
                    "your session cannot be checked at the moment",
                )
            },
            DenialKind::BadToken(refusal) | DenialKind::UnknownKey { refusal, .. } => {
                invalid_token(refusal.public_text())
            }
            DenialKind::IssuerNotAccepted { .. } => {
                invalid_token("the token's issuer is not accepted here")
            }
            DenialKind::WrongAudience { .. } => invalid_token("the token is for another audience"),
            DenialKind::Revoked => invalid_token("the credential was revoked"),
            DenialKind::SenderConstrained => {
                invalid_token("the token is bound to a proof of possession, which was not shown")
            }
            DenialKind::Forbidden(_) => {
                let known = "you are known, and this is not allowed";
                let anonymous = "this is not allowed";
                let detail = if self.identity.is_some() { known } else { anonymous };
                Answer::new(StatusCode::FORBIDDEN, "Forbidden", detail)
            }
            DenialKind::Relay(_) => {
                Answer::new(StatusCode::FORBIDDEN, "Forbidden", "this is not allowed")
            }
            DenialKind::PreflightRefused(_) => Answer::new(
                StatusCode::FORBIDDEN,
                "Forbidden",
                "this is not allowed from a page of another origin",
            ),
            DenialKind::RateLimited(exceeded) => too_early(exceeded),
            DenialKind::IssuerUnavailable(_) => Answer {
                retry_after: Some(5),
                ..Answer::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Service Unavailable",
                    "your token cannot be checked at the moment",
                )
            },
        }
    }
}

/// What who shows nothing is told: by what it could be known.
fn nobody(known: Credentials) -> Answer {
    let detail = match (known.sessions, known.tokens, known.certificates) {
        (true, false, _) => "you have to sign in to see this",
        (true, true, _) => "a sign-in or a bearer token is needed here",
        (false, true, true) => "a bearer token or a client certificate is needed here",
        (false, false, true) => "a client certificate that is known here is needed",
        (false, _, false) => "a bearer token is needed here",
    };
    let answer = Answer::new(StatusCode::UNAUTHORIZED, "Unauthorized", detail);
    match (known.sessions, known.tokens, known.certificates) {
        (true, false, _) => Answer { challenge: Some(SESSION.into()), ..answer },
        (false, false, true) => Answer { challenge: Some(CERTIFICATE.into()), ..answer },
        _ => answer.challenged(""),
    }
}

/// What a client can ask the issuer for (RFC 9470 §3).
fn step_up(wanted: &StepUp) -> String {
    let acr = if wanted.acr.is_empty() {
        String::new()
    } else {
        format!(", acr_values=\"{}\"", wanted.acr.join(" "))
    };
    let age = wanted.max_age.map(|age| format!(", max_age={}", age.as_secs()));
    let age = age.unwrap_or_default();
    format!(", error=\"insufficient_user_authentication\"{acr}{age}")
}

/// Neither who is meant nor how many others there are is told.
fn too_early(exceeded: &Exceeded) -> Answer {
    let (rate, wait) = (&exceeded.rate, exceeded.wait_seconds());
    let (by, quota, window) = (rate.by().name(), rate.requests(), rate.per().as_secs().max(1));
    let detail = match rate.by() {
        RateBy::Address => "there were too many requests from your address",
        RateBy::Identity => "there were too many requests of yours",
        RateBy::Route => "there are too many requests for this at the moment",
    };
    Answer {
        retry_after: Some(wait),
        rate_limit: Some(Box::new((
            format!("\"{by}\";q={quota};w={window}"),
            format!("\"{by}\";r=0;t={wait}"),
        ))),
        ..Answer::new(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests", detail)
    }
}
