//! What an issuer says about itself (OpenID Connect Discovery 1.0, RFC 8414).

use serde::Deserialize;

use super::error::KeyFetchError;
use tokens::Excerpt;

/// The part of an issuer's metadata that is used. Its URLs are as published: whoever fetches one makes it a
/// [`egress::Destination::learned`].
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct IssuerMetadata {
    /// The issuer; equal to the pinned one.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Where people sign in.
    pub authorization_endpoint: Option<String>,
    /// Where tokens are had.
    pub token_endpoint: Option<String>,
    /// Where an access token buys claims.
    pub userinfo_endpoint: Option<String>,
    /// Where people sign out (OpenID Connect RP-Initiated Logout 1.0).
    pub end_session_endpoint: Option<String>,
    /// Where tokens are asked about (RFC 7662).
    pub introspection_endpoint: Option<String>,
    /// Where tokens are given back (RFC 7009).
    pub revocation_endpoint: Option<String>,
    /// Where authorization requests are left (RFC 9126).
    pub pushed_authorization_request_endpoint: Option<String>,
    /// The same places for clients that show a certificate (RFC 8705 §5).
    #[serde(default)]
    pub mtls_endpoint_aliases: EndpointAliases,
    /// How clients authenticate at the token endpoint; empty if not said.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// The PKCE methods (RFC 7636); empty if not said.
    #[serde(default)]
    pub code_challenge_methods_supported: Vec<String>,
    /// Whether authorization responses carry `iss` (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// Whether it sends logouts (OpenID Connect Back-Channel Logout 1.0).
    #[serde(default)]
    pub backchannel_logout_supported: bool,
}

/// Where an issuer is spoken to with a client certificate (RFC 8705 §5). A place that is not here is as everywhere.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct EndpointAliases {
    /// Where tokens are had.
    pub token_endpoint: Option<String>,
    /// Where an access token buys claims.
    pub userinfo_endpoint: Option<String>,
    /// Where authorization requests are left (RFC 9126).
    pub pushed_authorization_request_endpoint: Option<String>,
}

impl IssuerMetadata {
    /// Reads the metadata of `issuer`, exactly that one (RFC 8414 §3.3).
    ///
    /// # Errors
    /// If it is not JSON of the right shape, or of another issuer.
    pub fn parse(document: &[u8], issuer: &str) -> Result<Self, KeyFetchError> {
        let metadata: Self = serde_json::from_slice(document)
            .map_err(|cause| KeyFetchError::Metadata { cause: Excerpt::of(&cause.to_string()) })?;
        if metadata.issuer != issuer {
            let found = Excerpt::of(&metadata.issuer);
            return Err(KeyFetchError::OtherIssuer { expected: issuer.to_owned(), found });
        }
        Ok(metadata)
    }
}

/// Where the metadata of `issuer` may be, in the order to try: OpenID Connect Discovery 1.0 §4.1 appends, RFC 8414 §3.1
/// inserts before the path.
#[must_use]
pub fn well_known(issuer: &str) -> [String; 2] {
    let trimmed = issuer.strip_suffix('/').unwrap_or(issuer);
    let after_scheme = trimmed.find("://").map_or(0, |at| at + "://".len());
    let path = trimmed.char_indices().find(|(at, sign)| *at >= after_scheme && *sign == '/');
    let (origin, path) = trimmed.split_at(path.map_or(trimmed.len(), |(at, _)| at));
    [
        format!("{trimmed}/.well-known/openid-configuration"),
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
    ]
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
