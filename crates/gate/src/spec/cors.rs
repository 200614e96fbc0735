use std::time::Duration;

/// Which pages of other origins may call a route from a browser (Fetch standard, CORS protocol).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsSpec {
    /// Exact origins, such as `https://app.example.com`, or `*` alone for any.
    pub origins: Vec<String>,
    /// The methods that a page may use; none for all of the route's.
    pub methods: Option<Vec<String>>,
    /// The headers that a page may set beside those that any page may.
    pub headers: Vec<String>,
    /// The headers of answers that a page may read beside those that any page may.
    pub expose: Vec<String>,
    /// Whether a page may send what the browser keeps for us, such as cookies and client certificates.
    pub credentials: bool,
    /// How long a browser may keep the answer to a preflight; none for its own choice.
    pub max_age: Option<Duration>,
}
