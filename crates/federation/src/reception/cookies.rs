//! The cookies that we set. All are `__Host-`: for one host, over TLS, and for no page's script (RFC 6265bis §4.1.3.2).

use std::time::Duration;

use gate::SESSION_COOKIE;
use http::HeaderValue;

/// By which we know a browser again that has begun to sign in: all its tabs have the same one.
pub(super) const BROWSER: &str = "__Host-doorward-browser";
/// The provider that was chosen last.
pub(super) const CHOICE: &str = "__Host-doorward-choice";
/// How long a choice is remembered.
pub(super) const CHOICE_KEPT: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// The value of a cookie, if it is there once.
pub(super) fn cookie(lines: &[HeaderValue], name: &str) -> Option<String> {
    let pairs = lines.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    let mut values = pairs.filter_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found.trim_end() == name).then(|| value.trim_start().to_owned())
    });
    values.next().filter(|_| values.next().is_none())
}

/// Sets a cookie, for a while or for as long as the browser is open. `value` is text of ours.
pub(super) fn set(name: &str, value: &str, lasts: Option<Duration>) -> Option<HeaderValue> {
    let lasts = lasts.map_or_else(String::new, |lasts| format!("; Max-Age={}", lasts.as_secs()));
    let line = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{lasts}");
    let mut line = HeaderValue::try_from(line).ok()?;
    line.set_sensitive(true);
    Some(line)
}

/// Takes the session's cookie away.
pub(super) fn clear_session() -> Option<HeaderValue> {
    set(SESSION_COOKIE, "", Some(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_if_it_is_there_once() {
        let line = |text: &'static str| HeaderValue::from_static(text);
        let found = |lines: &[HeaderValue]| cookie(lines, BROWSER);
        assert_eq!(found(&[line("a=1; __Host-doorward-browser=b; c=2")]).as_deref(), Some("b"));
        assert_eq!(found(&[line("a=1"), line("__Host-doorward-browser=b")]).as_deref(), Some("b"));
        assert_eq!(found(&[line("__Host-doorward-browser=b; __Host-doorward-browser=b")]), None);
        assert_eq!(found(&[line("__host-doorward-browser=b; x__Host-doorward-browser=c")]), None);
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn every_cookie_is_for_one_host_over_tls_and_for_no_script() {
        let line = set(BROWSER, "b", None).unwrap();
        assert_eq!(line, "__Host-doorward-browser=b; Path=/; Secure; HttpOnly; SameSite=Lax");
        let gone = clear_session().unwrap();
        assert_eq!(gone, "__Host-doorward=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}
