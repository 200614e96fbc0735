use tokens::Algorithm;

use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::suggest;
use crate::config::tree::shortened;

/// A signature algorithm, such as `ES256`.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct SignatureAlgorithm(pub(in crate::config) Algorithm);

written! { SignatureAlgorithm }

impl Written for SignatureAlgorithm {
    const TITLE: &'static str = "algorithm";
    const EXPECTED: &'static str = "an algorithm";
    const HELP: &'static str = "write a name such as `ES256`";
    const MAY_REFER: bool = false;
    const PATTERN: Option<&'static str> =
        Some("^(ES256|ES384|ES512|EdDSA|Ed25519|PS256|PS384|PS512|RS256|RS384|RS512)$");

    fn read(text: &str) -> Result<Self, Complaint> {
        text.parse().map(Self).map_err(|_| match text.to_ascii_uppercase().as_str() {
            "NONE" => Complaint::new(format!("the algorithm `{text}` means no signature at all"))
                .help("remove it; tokens are believed for their signature only"),
            upper if upper.starts_with("HS") => Complaint::new(format!(
                "the algorithm `{}` works with a shared secret",
                shortened(text)
            ))
            .help("use a public-key algorithm such as `ES256` or `RS256`"),
            _ => Complaint::new(format!("unknown algorithm `{}`", shortened(text)))
                .help(suggest::help(text, Algorithm::ALL.map(Algorithm::name), "algorithm")),
        })
    }
}
