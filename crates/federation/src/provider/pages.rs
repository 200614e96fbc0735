//! Lists that come in pages (RFC 8288): GitHub and GitLab say in `Link` where the next one is.

use http::HeaderMap;
use http::header::LINK;

/// How many pages of one list are read.
pub(crate) const MAX_PAGES: usize = 10;

/// Where the list goes on, if it does. A list that goes on in a way that we cannot follow is no whole list, and a group
/// that is denied may be behind it.
pub(crate) fn next(headers: &HeaderMap, from: &str) -> Result<Option<String>, Unfollowable> {
    let mut next = None;
    for line in headers.get_all(LINK) {
        let line = line.to_str().map_err(|_| Unfollowable)?;
        for link in line.split(',') {
            let mut parts = link.split(';').map(str::trim);
            let target = parts.next().unwrap_or_default();
            if !parts.any(|part| part == "rel=\"next\"" || part == "rel=next") {
                continue;
            }
            let target = target.strip_prefix('<').and_then(|target| target.strip_suffix('>'));
            let target = target.filter(|target| origin(target) == origin(from));
            let target = target.ok_or(Unfollowable)?;
            if next.replace(target.to_owned()).is_some() {
                return Err(Unfollowable);
            }
        }
    }
    // What is split at a comma within a target loses its relation: then it is seen here.
    let lines = headers.get_all(LINK).iter().filter_map(|line| line.to_str().ok());
    if next.is_none() && lines.into_iter().any(|line| line.contains("next")) {
        return Err(Unfollowable);
    }
    Ok(next)
}

/// The next page is elsewhere, or nowhere that we can make out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfollowable;

/// Scheme and authority, byte for byte.
fn origin(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    Some((scheme, rest.split(['/', '?']).next()?))
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
