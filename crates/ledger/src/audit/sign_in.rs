//! What happens to sessions, as OCSF events of the class Authentication (3002).

use std::net::SocketAddr;

use tokens::{SubjectKind, Timestamp};

use super::json::{Json, hex};
use super::ocsf::{ALLOWED, DENIED, REVOKED, metadata, open_unmapped, source, split_port};

/// What happened to a session, or to an attempt to begin one.
///
/// There is no field for cookies, codes, states and tokens: they are secrets, and never reach the log.
#[derive(Clone, Copy, Debug)]
pub struct SignIn<'a> {
    /// The id of the request that it came with; of what no request has set off, an id of its own.
    pub request_id: &'a str,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: SignInEvent,
    /// Where they sign in: the provider's name in the configuration, if it is known.
    pub provider: Option<&'a str>,
    /// Who, as the provider writes it, if it is known.
    pub subject: Option<&'a str>,
    /// What the subject is, if it is known.
    pub kind: Option<SubjectKind>,
    /// The session, by its public id; never the cookie. One that was refused has none.
    pub session: Option<[u8; 16]>,
    /// Who is at the other end, if somebody is: the caller, or the one that a trusted peer names.
    pub peer: Option<SocketAddr>,
    /// The canonical host that the request came to, if one did; a port that is not the default one stands behind a colon.
    pub host: Option<&'a str>,
    /// What came of it and why, in one stable word, such as `signed_in` or `state_replayed`.
    pub code: &'a str,
    /// Why, in words for the operator, never for the caller; without secrets.
    pub reason: Option<&'a str>,
    /// How the provider has made sure who it is: the `acr` that it told (OpenID Connect Core 1.0 §2).
    pub acr: Option<&'a str>,
    /// By which methods: the `amr` that it told (RFC 8176).
    pub amr: &'a [String],
}

/// What happened to a session, or to an attempt to begin one. That one has reached its end by itself is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInEvent {
    /// A session was ended before its end.
    SessionEnded(EndedBy),
    /// The provider was asked anew about a session, and has vouched for it.
    SessionRefreshed,
    /// Nobody was signed in.
    SignInRefused,
    /// A session began.
    SignedIn,
    /// Nobody was signed out.
    SignOutRefused,
    /// Somebody ended their session.
    SignedOut,
}

impl SignInEvent {
    /// The word in records, such as `signed_in`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionEnded(_) => "session_ended",
            Self::SessionRefreshed => "session_refreshed",
            Self::SignInRefused => "sign_in_refused",
            Self::SignedIn => "signed_in",
            Self::SignOutRefused => "sign_out_refused",
            Self::SignedOut => "signed_out",
        }
    }

    const fn activity(self) -> &'static str {
        match self {
            Self::SignInRefused | Self::SignedIn => {
                r#""activity_id":1,"activity_name":"Logon","type_uid":300201"#
            }
            Self::SessionEnded(_) | Self::SignOutRefused | Self::SignedOut => {
                r#""activity_id":2,"activity_name":"Logoff","type_uid":300202"#
            }
            Self::SessionRefreshed => {
                r#""activity_id":99,"activity_name":"Refresh","type_uid":300299"#
            }
        }
    }

    const fn disposition(self) -> &'static str {
        match self {
            Self::SessionEnded(EndedBy::Administrator | EndedBy::Provider | EndedBy::Refresh) => {
                REVOKED
            }
            Self::SignInRefused | Self::SignOutRefused => DENIED,
            Self::SessionEnded(EndedBy::Person)
            | Self::SessionRefreshed
            | Self::SignedIn
            | Self::SignedOut => ALLOWED,
        }
    }
}

/// Who ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// One who runs this Doorward.
    Administrator,
    /// The person, from elsewhere: by signing in anew, or out of all sessions.
    Person,
    /// The provider, by a logout token (OpenID Connect Back-Channel Logout 1.0).
    Provider,
    /// The provider, by its answer when it was asked anew.
    Refresh,
}

impl EndedBy {
    /// The word in records, such as `administrator`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Person => "person",
            Self::Provider => "provider",
            Self::Refresh => "refresh",
        }
    }
}

impl SignIn<'_> {
    /// Appends the open body of the record.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut json = Json::open(out);
        json.number("time", self.at.as_millis());
        json.raw(r#""class_uid":3002,"class_name":"Authentication""#);
        json.raw(r#""category_uid":3,"category_name":"Identity & Access Management""#);
        json.raw(self.event.activity());
        json.raw(match self.event {
            SignInEvent::SignInRefused | SignInEvent::SignOutRefused => {
                r#""severity_id":2,"severity":"Low","status_id":2,"status":"Failure""#
            }
            _ => r#""severity_id":1,"severity":"Informational","status_id":1,"status":"Success""#,
        });
        json.some_text("status_detail", self.reason);
        json.raw(self.event.disposition());
        json.object("user", |json| self.user(json));
        if let Some(session) = self.session {
            json.object("session", |json| {
                json.hex("uid", &session);
                json.some_text("issuer", self.provider);
            });
        }
        // What they sign in to; OCSF wants it, or an address of its own.
        json.raw(r#""service":{"name":"Doorward"}"#);
        if let Some(peer) = self.peer {
            source(&mut json, peer);
        }
        if let Some(host) = self.host {
            json.object("dst_endpoint", |json| {
                let (host, port) = split_port(host);
                json.text("hostname", host);
                if let Some(port) = port {
                    json.number("port", port.into());
                }
            });
        }
        metadata(&mut json, self.request_id, &self.suffix());
        open_unmapped(&mut json, |json| {
            json.text("record", "sign_in");
            json.text("event", self.event.name());
            json.text("code", self.code);
            json.texts("reasons", self.reason);
            if let SignInEvent::SessionEnded(by) = self.event {
                json.text("by", by.name());
            }
            json.some_text("provider", self.provider);
            json.some_text("acr", self.acr);
            if !self.amr.is_empty() {
                json.texts("amr", self.amr.iter().map(String::as_str));
            }
        });
    }

    fn user(&self, json: &mut Json<'_>) {
        json.some_text("uid", self.subject);
        json.text("name", self.subject.unwrap_or("anonymous"));
        json.raw(match self.kind {
            Some(SubjectKind::User) => r#""type_id":1,"type":"User""#,
            Some(SubjectKind::Workload) => r#""type_id":4,"type":"Service""#,
            None => r#""type_id":0,"type":"Unknown""#,
        });
        json.some_text("domain", self.provider);
    }

    /// What tells the record from others of the same request, which can end many sessions.
    fn suffix(&self) -> String {
        let event = self.event.name();
        let Some(session) = self.session else { return event.to_owned() };
        let mut digits = Vec::with_capacity(32);
        hex(&mut digits, &session);
        [&String::from_utf8_lossy(&digits), ".", event].concat()
    }
}

#[cfg(test)]
#[path = "sign_in_tests.rs"]
mod tests;
