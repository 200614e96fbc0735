use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method, Uri};
use thiserror::Error;

/// Where decisions are asked for, and what is said of it. All of it is configured, and none taken from a request.
#[derive(Debug)]
pub struct DecisionPoint {
    host: String,
    metadata_path: String,
    evaluation_path: String,
    evaluations_path: String,
    metadata: Bytes,
    reasons: bool,
}

/// What is asked of a decision point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Evaluation,
    Evaluations,
    Metadata,
}

/// A text that identifies no decision point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "expected a URL of `https` without query and fragment, in small letters, and without `/` at its end"
)]
pub struct DecisionPointError;

impl DecisionPoint {
    /// The decision point that `url` identifies, such as `https://pdp.example.com` or `https://pdp.example.com/tenant1`.
    /// With `reasons`, all who may ask are told why.
    ///
    /// # Errors
    /// When a caller could not find it by that identifier as it is written.
    pub fn new(url: &str, reasons: bool) -> Result<Self, DecisionPointError> {
        let uri: Uri = url.parse().map_err(|_| DecisionPointError)?;
        let host = uri.host().unwrap_or_default();
        let path = url
            .strip_prefix("https://")
            .and_then(|rest| rest.strip_prefix(uri.authority()?.as_str()))
            .ok_or(DecisionPointError)?;
        let segments = path.strip_prefix('/').map(|rest| rest.split('/'));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
        let sound =
            |segment: &str| !matches!(segment, "" | "." | "..") && segment.chars().all(plain);
        let named = |c: char| {
            c.is_ascii_lowercase()
                || c.is_ascii_digit()
                || matches!(c, '-' | '.' | '_' | '[' | ']' | ':')
        };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if host.is_empty()
            || !authority.chars().all(named)
            || !(path.is_empty() || path.starts_with('/'))
            || !segments.into_iter().flatten().all(sound)
        {
            return Err(DecisionPointError);
        }
        let at = |path: &str| format!("{url}{path}");
        let metadata = serde_json::json!({
            "policy_decision_point": url,
            "access_evaluation_endpoint": at(EVALUATION),
            "access_evaluations_endpoint": at(EVALUATIONS),
        });
        Ok(Self {
            host: host.to_owned(),
            metadata_path: format!("{METADATA}{path}"),
            evaluation_path: format!("{path}{EVALUATION}"),
            evaluations_path: format!("{path}{EVALUATIONS}"),
            metadata: Bytes::from(metadata.to_string()),
            reasons,
        })
    }

    /// Its metadata (§9.1). What it cannot answer honestly, the search for what might be permitted, is not in there.
    pub(super) fn metadata(&self) -> Bytes {
        self.metadata.clone()
    }

    /// Whether those who ask are told why.
    pub(super) const fn tells_reasons(&self) -> bool {
        self.reasons
    }

    /// What is asked for at a canonical path.
    pub(super) fn endpoint(&self, path: &str) -> Option<Endpoint> {
        match path {
            _ if path == self.evaluation_path => Some(Endpoint::Evaluation),
            _ if path == self.evaluations_path => Some(Endpoint::Evaluations),
            _ if path == self.metadata_path => Some(Endpoint::Metadata),
            _ => None,
        }
    }

    /// Whether a request is meant for it, as far as its head says. Only in which words it is answered depends on this.
    pub(crate) fn is_meant(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let named = uri.authority().map(|authority| authority.as_str());
        let named = named.or_else(|| headers.get(HOST)?.to_str().ok()).unwrap_or_default();
        let port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let host =
            named.rsplit_once(':').filter(|(_, rest)| port(rest)).map_or(named, |(host, _)| host);
        host.eq_ignore_ascii_case(&self.host) && self.endpoint(uri.path()).is_some()
    }
}

/// The paths behind the identifier (§10.1), and the one before its path (§9.2).
const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";
const METADATA: &str = "/.well-known/authzen-configuration";

impl Endpoint {
    pub(super) fn methods(self) -> &'static [Method] {
        match self {
            Self::Evaluation | Self::Evaluations => &[Method::POST],
            Self::Metadata => &[Method::GET, Method::HEAD],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_found_as_it_is_written_or_refused() {
        for (url, metadata, evaluation) in [
            (
                "https://pdp.example.com",
                "/.well-known/authzen-configuration",
                "/access/v1/evaluation",
            ),
            (
                "https://pdp.example.com:8443/tenant1",
                "/.well-known/authzen-configuration/tenant1",
                "/tenant1/access/v1/evaluation",
            ),
        ] {
            let point = DecisionPoint::new(url, false).unwrap();
            assert_eq!(point.endpoint(metadata), Some(Endpoint::Metadata), "{url}");
            assert_eq!(point.endpoint(evaluation), Some(Endpoint::Evaluation), "{url}");
        }
        for url in [
            "",
            "pdp.example.com",
            "http://pdp.example.com",
            "https://",
            "https://pdp.example.com/",
            "https://pdp.example.com/a/",
            "https://pdp.example.com/a//b",
            "https://pdp.example.com/a/../b",
            "https://pdp.example.com/%61",
            "https://pdp.example.com?a=b",
            "https://pdp.example.com/a?b",
            "https://pdp.example.com#a",
            "https://user@pdp.example.com",
            "https://PDP.example.com",
            "HTTPS://pdp.example.com",
        ] {
            assert_eq!(DecisionPoint::new(url, false).unwrap_err(), DecisionPointError, "{url}");
        }
    }
}
