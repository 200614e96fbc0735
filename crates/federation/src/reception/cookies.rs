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
    fn every_cookie_is_for_one_host_over_tls_and_for_no_script() {
        let line = set(BROWSER, "b", None).unwrap();
        assert_eq!(line, "__Host-doorward-browser=b; Path=/; Secure; HttpOnly; SameSite=Lax");
        let gone = clear_session().unwrap();
        assert_eq!(gone, "__Host-doorward=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}
