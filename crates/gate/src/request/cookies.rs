//! Cookies: ours are taken out, and the others go on as they came.

use std::fmt;

use http::HeaderValue;

use crate::session::{OUR_COOKIES, SESSION_COOKIE, SessionCookie};

/// The cookies of a request, sorted out.
#[derive(Debug, Default)]
pub(crate) struct SortedCookies {
    /// The session cookie.
    pub(super) session: Option<SessionCookie>,
    /// The lines that go on.
    pub(crate) theirs: Vec<HeaderValue>,
    /// Our other cookies.
    pub(super) own: OwnCookies,
    /// Whether there were two session cookies with different values: which one counts would be a guess (RFC 6265 §5.4
    /// gives no order that servers agree on).
    pub(super) doubled: bool,
}

/// Our cookies beside the session's: by which we know a browser again, and what was chosen in it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct OwnCookies(Vec<(String, String)>);

impl OwnCookies {
    /// The value of the one with this name, if it is there once.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        values.next().filter(|_| values.next().is_none()).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for OwnCookies {
    /// Never their values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl SortedCookies {
    /// Whether any of them is ours.
    pub(crate) fn are_some_ours(&self) -> bool {
        self.session.is_some() || !self.own.0.is_empty()
    }

    /// Takes a `Cookie` line.
    pub(crate) fn take(&mut self, line: &HeaderValue) {
        let bytes = line.as_bytes();
        if !bytes.windows(OUR_COOKIES.len()).any(|window| window == OUR_COOKIES.as_bytes()) {
            self.theirs.push(line.clone());
            return;
        }
        let mut rest = Vec::with_capacity(bytes.len());
        for pair in bytes.split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
            let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at_checked(end).unwrap_or((pair, b""));
            if !is_ours(name.trim_ascii_end()) {
                rest.push(pair);
                continue;
            }
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            let (name, value) = (name.trim_ascii_end(), value.get(1..).unwrap_or_default());
            let value = text(value.trim_ascii_start());
            if name == SESSION_COOKIE.as_bytes() {
                let cookie = SessionCookie::new(value);
                self.doubled |= self.session.as_ref().is_some_and(|other| *other != cookie);
                self.session = Some(cookie);
            } else {
                self.own.0.push((text(name), value));
            }
        }
        let rest = rest.join(b"; ".as_slice());
        // INVARIANT: parts of a header's value can stand in one.
        if let Ok(rest) = HeaderValue::from_bytes(&rest)
            && !rest.is_empty()
        {
            self.theirs.push(rest);
        }
    }
}

fn is_ours(name: &[u8]) -> bool {
    name.strip_prefix(OUR_COOKIES.as_bytes())
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(lines: &[&str]) -> SortedCookies {
        let mut sorted = SortedCookies::default();
        for line in lines {
            sorted.take(&HeaderValue::from_str(line).unwrap());
        }
        sorted
    }

    #[test]
    fn ours_are_taken_out_and_the_others_go_on_as_they_came() {
        let secret = || Some(SessionCookie::new("s3cret"));
        for (lines, session, theirs, ours) in [
            (&["a=1;b=2"][..], None, &["a=1;b=2"][..], false),
            (&["__Host-doorward=s3cret"], secret(), &[], true),
            (&["a=1; __Host-doorward=s3cret; b=2"], secret(), &["a=1; b=2"], true),
            (&["a=1", "__Host-doorward=s3cret;b=2"], secret(), &["a=1", "b=2"], true),
            (&["__Host-doorward = s3cret"], secret(), &[], true),
            (&["__Host-doorward-browser=x; a=1"], None, &["a=1"], true),
            (&["__Host-doorwardly=x"], None, &["__Host-doorwardly=x"], false),
            (&["a=__Host-doorward=s3cret"], None, &["a=__Host-doorward=s3cret"], false),
            (&["__Host-doorward=s3cret; __Host-doorward=s3cret"], secret(), &[], true),
            (&["__Host-doorward"], Some(SessionCookie::new("")), &[], true),
        ] {
            let sorted = sorted(lines);
            assert_eq!((&sorted.session, sorted.are_some_ours()), (&session, ours), "{lines:?}");
            assert_eq!(sorted.theirs, theirs, "{lines:?}");
            assert!(!sorted.doubled, "{lines:?}");
        }
    }

    #[test]
    fn two_sessions_are_noticed_in_one_line_and_in_two() {
        for lines in [
            &["__Host-doorward=a; __Host-doorward=b"][..],
            &["__Host-doorward=a", "x=1; __Host-doorward=b"],
            &["__Host-doorward=a; __Host-doorward"],
        ] {
            assert!(sorted(lines).doubled, "{lines:?}");
        }
    }

    #[test]
    fn our_other_cookies_are_told_by_name_if_they_are_there_once() {
        let own =
            |lines: &[&str]| sorted(lines).own.get("__Host-doorward-browser").map(str::to_owned);
        assert_eq!(own(&["a=1; __Host-doorward-browser=b; c=2"]).as_deref(), Some("b"));
        assert_eq!(own(&["a=1", "__Host-doorward-browser = b"]).as_deref(), Some("b"));
        assert_eq!(own(&["__Host-doorward-browser=b; __Host-doorward-browser=b"]), None);
        assert_eq!(own(&["__host-doorward-browser=b; x__Host-doorward-browser=c"]), None);
        assert_eq!(own(&[]), None);
        let shown = format!("{:?}", sorted(&["__Host-doorward-browser=s3cret"]).own);
        assert_eq!(shown, "[\"__Host-doorward-browser\"]");
    }
}
