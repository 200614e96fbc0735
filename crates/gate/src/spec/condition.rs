//! The short form of a rule: a few facts that must all hold.

/// A short-form rule. All keys that are given must hold at once; how a list within a key counts is said at each key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Holds for every request, with or without a credential. Legal only in `allow`, and alone.
    pub anyone: bool,
    /// Holds for every identity of an accepted issuer.
    pub authenticated: bool,
    /// Holds for an identity that is in any of these groups: `corp/support`, or `support` where the route accepts
    /// exactly one issuer.
    pub groups: Vec<String>,
    /// Holds for any of these people: `corp/alice`, or `alice` where the route accepts exactly one issuer.
    pub users: Vec<String>,
    /// Holds for any of these workloads, written like `users`; a SPIFFE ID is taken whole.
    pub workloads: Vec<String>,
    /// Holds for identities of any of these issuers.
    pub issuers: Vec<String>,
    /// Holds for an identity with every one of these scopes.
    pub scopes: Vec<String>,
    /// Holds when every one of these declared claims has the value (or, for a list, one of the values).
    pub claims: Vec<ClaimTest>,
    /// Holds for any of these methods.
    pub methods: Vec<String>,
    /// Holds when the peer's address is in any of these networks (`10.0.0.0/8`).
    pub networks: Vec<String>,
}

/// A test of one declared claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimTest {
    /// The claim's declared name.
    pub claim: String,
    /// What it must be; any one of several.
    pub any_of: Vec<MatchValue>,
}

/// A value that a rule compares a claim with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatchValue {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// A text, compared exactly.
    String(String),
}
