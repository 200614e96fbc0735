//! The Cedar schema, generated from the configuration. Every policy is validated strictly against it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use http::Method;
use tokens::ClaimKind;

use super::names::quoted;
use crate::route::{PathPattern, Segment};
use crate::spec::IssuerSpec;

/// What the schema is generated from.
#[derive(Clone, Debug, Default)]
pub(crate) struct SchemaInput {
    claims: BTreeMap<String, ClaimKind>,
    parameters: BTreeSet<String>,
    methods: BTreeSet<String>,
}

impl SchemaInput {
    /// Adds the claims of an issuer; gives back a claim that another issuer declares with another type.
    pub(crate) fn add_issuer(&mut self, issuer: &IssuerSpec) -> Result<(), String> {
        for claim in issuer.claims() {
            let kind = *self.claims.entry(claim.name.to_string()).or_insert(claim.kind);
            if kind != claim.kind {
                return Err(claim.name.to_string());
            }
        }
        Ok(())
    }

    pub(crate) fn add_route(&mut self, path: &PathPattern, methods: &[Method]) {
        for segment in path.segments() {
            if let Segment::Parameter(name) = segment {
                self.parameters.insert(name.clone());
            }
        }
        self.methods.extend(methods.iter().map(|method| method.as_str().to_owned()));
    }

    /// Whether policies can name this method: some route takes it, or it is one of the usual ones.
    pub(crate) fn has_method(&self, method: &str) -> bool {
        super::STANDARD_METHODS.contains(&method) || self.methods.contains(method)
    }

    /// The schema, in Cedar's own syntax.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from(
            "// Generated from the configuration.\n\
             entity Issuer;\nentity Group;\nentity Service;\nentity Route in [Route, Service];\n\
             // Names with their values, such as headers: `context.headers.hasTag(\"x-team\")`. Header names are in lower\n\
             // case. A header is told line by line and, beside that, in its parts between commas; a header with `_` in\n\
             // its name also under the name with `-`.\n\
             entity Names tags Set<String>;\n",
        );
        text.push_str("type Claims = {\n");
        for (name, kind) in &self.claims {
            let _ = writeln!(text, "  {}?: {},", quoted(name), kind_name(*kind));
        }
        text.push_str("};\ntype Parameters = {\n");
        for name in &self.parameters {
            let _ = writeln!(text, "  {}?: String,", quoted(name));
        }
        text.push_str("};\n");
        text.push_str(
            "// The client certificate that the connection showed, if one of our issuers vouches for it.\n\
             type Certificate = { issuer: String, subject: String };\n\
             entity User, Workload, Anonymous in [Group, Issuer] = {\n  \
             issuer: String,\n  subject: String,\n  scopes: Set<String>,\n  claims: Claims,\n  \
             actors: Set<String>,\n  client?: String,\n  acr?: String,\n  amr: Set<String>,\n  auth_time?: datetime,\n};\n",
        );
        let mut methods: BTreeSet<&str> = self.methods.iter().map(String::as_str).collect();
        methods.extend(super::STANDARD_METHODS);
        let actions: Vec<_> = methods.iter().map(|method| quoted(method)).collect();
        let _ = write!(
            text,
            "action {} appliesTo {{\n  principal: [User, Workload, Anonymous],\n  resource: [Route],\n  context: {{\n    \
             method: String,\n    scheme: String,\n    host: String,\n    path: String,\n    door: String,\n    \
             peer: ipaddr,\n    client: ipaddr,\n    time: datetime,\n    parameters: Parameters,\n    \
             query: Names,\n    headers: Names,\n    certificate?: Certificate,\n  }},\n}};\n",
            actions.join(", ")
        );
        text
    }
}

/// A type of claims, as Cedar calls it.
pub(crate) const fn kind_name(kind: ClaimKind) -> &'static str {
    match kind {
        ClaimKind::Bool => "Bool",
        ClaimKind::Long => "Long",
        ClaimKind::String => "String",
        ClaimKind::Strings => "Set<String>",
    }
}
