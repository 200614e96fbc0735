//! Which page sent a request, as far as browsers tell.

use http::header::ORIGIN;

use super::CanonicalRequest;

impl CanonicalRequest {
    /// Whether a page of the request's own origin sent it, or none; nothing where a browser says neither. What no page can
    /// write comes first (Fetch Metadata, §2.3): by `Origin` alone, a page that tells no referrer would be nobody's.
    #[must_use]
    pub fn is_from_own_page(&self) -> Option<bool> {
        let mut sites = self.headers().get_all("sec-fetch-site").iter().peekable();
        if sites.peek().is_some() {
            return Some(sites.all(|site| site == "same-origin" || site == "none"));
        }
        let mut origins = self.headers().get_all(ORIGIN).iter().peekable();
        origins.peek()?;
        let own = self.origin();
        Some(origins.all(|origin| origin.as_bytes() == own.as_bytes()))
    }

    /// Its origin: `https://orders.example.com`, with a port that is not the default one.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme().as_str(), self.host())
    }
}
