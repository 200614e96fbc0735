//! Who the provider knows: people and clients. Their passwords and secrets are their names.

use super::super::Ports;

/// A person.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: &'static str,
    /// Where.
    pub(super) issuer: &'static str,
    pub(super) groups: &'static [&'static str],
    pub(super) scope: &'static str,
}

/// The people.
pub(super) const PEOPLE: [Person; 3] = [
    Person { name: "alice", issuer: "corp", groups: &["support"], scope: "orders:read" },
    Person { name: "bob", issuer: "corp", groups: &["support"], scope: "profile" },
    Person { name: "carol", issuer: "partner", groups: &["support"], scope: "orders:read" },
];

/// The services that have tokens of their own, all of `corp`.
pub(super) const SERVICES: [&str; 1] = ["orders"];

/// The gate, where people sign in: a client of both issuers.
pub(super) const GATE: &str = "doorward";

/// The people of an issuer.
pub(super) fn people(issuer: &str) -> impl Iterator<Item = &'static Person> {
    PEOPLE.iter().filter(move |person| person.issuer == issuer)
}

/// Where the gate takes the answers of an issuer: there alone are people sent back to.
pub(super) fn callback(issuer: &str, ports: Ports) -> String {
    let provider = if issuer == "corp" { "staff" } else { "guests" };
    format!("{}/.doorward/callback/{provider}", ports.sign_in())
}

/// Where people are sent who have signed out.
pub(super) fn signed_out(ports: Ports) -> String {
    format!("{}/.doorward/signed-out", ports.sign_in())
}
