//! Where a provider is spoken to, at one moment.

use egress::{Destination, UrlError};
use ledger::keys::{IssuerKeys, IssuerMetadata};
use thiserror::Error;
use tokens::{Excerpt, Timestamp};

use super::client_auth::ClientAuth;
use super::options::{Openid, Protocol, ProviderOptions};

/// The places of a provider.
#[derive(Debug)]
pub(crate) struct Endpoints {
    /// Where browsers are sent: checked, and not fetched by us.
    pub(crate) authorization: String,
    pub(crate) end_session: Option<String>,
    pub(crate) pushed: Option<Destination>,
    pub(crate) token: Destination,
    /// With OpenID Connect.
    pub(crate) userinfo: Option<Destination>,
    /// Whether every answer has `iss`.
    pub(crate) issuer_in_answers: bool,
}

impl Endpoints {
    /// The places as they are now. What the operator named comes first; what the metadata names is learned from it: on
    /// the issuer's own origin as good as configured, elsewhere https and on the public internet.
    pub(crate) async fn at(
        options: &ProviderOptions,
        keys: Option<&IssuerKeys>,
        now: Timestamp,
    ) -> Result<Self, EndpointsError> {
        let openid = match &options.protocol {
            Protocol::Openid(openid) => openid,
            Protocol::OAuth(oauth) => {
                return Ok(Self {
                    authorization: oauth.authorization.clone(),
                    end_session: None,
                    pushed: None,
                    token: configured(options, "token_endpoint", &oauth.token)?,
                    userinfo: None,
                    issuer_in_answers: false,
                });
            }
        };
        let Some(keys) = keys else { return Err(EndpointsError::Unavailable) };
        let Some(place) = keys.options().metadata_place() else {
            return Self::of(options, openid, None);
        };
        if keys.snapshot().keys_at(now).is_err() {
            // Joins the fetch that is due, which is bounded in time; at most one is begun in the interval.
            keys.refetch_for_unknown_key("", now).await;
        }
        let snapshot = keys.snapshot();
        match (snapshot.keys_at(now), snapshot.metadata()) {
            (Ok(_), Some(metadata)) => Self::of(options, openid, Some((metadata, place))),
            _ => Err(EndpointsError::Unavailable),
        }
    }

    fn of(
        options: &ProviderOptions,
        openid: &Openid,
        found: Option<(&IssuerMetadata, &Destination)>,
    ) -> Result<Self, EndpointsError> {
        let own = &openid.endpoints;
        let metadata = found.map(|(metadata, _)| metadata);
        let place = |name, own: &Option<String>, named: Option<&String>| match (own, named, found) {
            (Some(own), _, _) => configured(options, name, own).map(Some),
            (None, Some(url), Some((_, from))) => {
                let learned = Destination::learned(url, from);
                learned.map(Some).map_err(|cause| EndpointsError::unfit(name, url, cause))
            }
            _ => Ok(None),
        };
        let browser = |name, own: &Option<String>, named: Option<&String>| {
            let checked = place(name, own, named)?;
            Ok(checked.and(own.as_ref().or(named)).cloned())
        };
        let missing = |name| EndpointsError::Missing { name };
        let aliases = metadata
            .filter(|_| matches!(options.client_auth, ClientAuth::MutualTls))
            .map(|metadata| &metadata.mtls_endpoint_aliases);
        let shown = |alias: Option<&'_ Option<String>>| alias.and_then(Option::as_ref).cloned();
        let token = shown(aliases.map(|aliases| &aliases.token_endpoint))
            .or_else(|| metadata?.token_endpoint.clone());
        let userinfo = shown(aliases.map(|aliases| &aliases.userinfo_endpoint))
            .or_else(|| metadata?.userinfo_endpoint.clone());
        let pushed = shown(aliases.map(|aliases| &aliases.pushed_authorization_request_endpoint))
            .or_else(|| metadata?.pushed_authorization_request_endpoint.clone());
        let named = |url: fn(&IssuerMetadata) -> Option<&String>| metadata.and_then(url);
        Ok(Self {
            authorization: browser(
                "authorization_endpoint",
                &own.authorization,
                named(|metadata| metadata.authorization_endpoint.as_ref()),
            )?
            .ok_or(missing("authorization_endpoint"))?,
            end_session: browser(
                "end_session_endpoint",
                &own.end_session,
                named(|metadata| metadata.end_session_endpoint.as_ref()),
            )?,
            pushed: place("pushed_authorization_request_endpoint", &own.pushed, pushed.as_ref())?,
            token: place("token_endpoint", &own.token, token.as_ref())?
                .ok_or(missing("token_endpoint"))?,
            userinfo: place("userinfo_endpoint", &own.userinfo, userinfo.as_ref())?,
            issuer_in_answers: openid.issuer_in_answers
                || metadata.is_some_and(|said| said.authorization_response_iss_parameter_supported),
        })
    }
}

fn configured(
    options: &ProviderOptions,
    name: &'static str,
    url: &str,
) -> Result<Destination, EndpointsError> {
    options.place(url).map_err(|cause| EndpointsError::unfit(name, url, cause))
}

/// Why a provider cannot be spoken to.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EndpointsError {
    /// Nobody says where.
    #[error("the provider has no `{name}`; name it in the configuration")]
    Missing {
        /// What is missing, as metadata call it.
        name: &'static str,
    },
    /// The issuer has no metadata or no keys that may be believed now; the status of its keys says why.
    #[error("the provider's metadata and keys are not available")]
    Unavailable,
    /// A place is not one.
    #[error("the provider's `{name}` `{url}` cannot be used: {cause}")]
    Unfit {
        /// The place, as metadata call it.
        name: &'static str,
        /// What was named.
        url: Excerpt,
        /// What is wrong with it.
        cause: UrlError,
    },
}

impl EndpointsError {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "endpoint_missing",
            Self::Unavailable => "metadata_unavailable",
            Self::Unfit { .. } => "endpoint_unfit",
        }
    }

    fn unfit(name: &'static str, url: &str, cause: UrlError) -> Self {
        Self::Unfit { name, url: Excerpt::of(url), cause }
    }
}

#[cfg(test)]
#[path = "endpoints_tests.rs"]
mod tests;
