//! `Via` (RFC 9110 §7.6.3): which way a request has come.

use http::HeaderMap;
use http::header::VIA;

/// Whether a request has been where this pseudonym stands before. Hosts and pseudonyms are alike in either case.
pub(super) fn has_passed(headers: &HeaderMap, pseudonym: &str) -> bool {
    headers.get_all(VIA).iter().any(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let received_by = |member: &str| {
            let name = member.split_ascii_whitespace().nth(1);
            name.is_some_and(|name| name.eq_ignore_ascii_case(pseudonym))
        };
        text.split(',').any(received_by)
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_loop_is_known_by_our_own_name_alone() {
        for (values, expected) in [
            (&["1.1 gate"][..], true),
            (&["2.0 a, HTTP/1.1 GATE (a comment), 1.1 b"], true),
            (&["1.1 a", "2 gate"], true),
            (&["1.1 gate2, 1.1 a (gate)"], false),
            (&["gate 1.1", "1.1"], false),
            (&[], false),
        ] {
            let values = values.iter().map(|value| (VIA, HeaderValue::from_static(value)));
            let mut headers = HeaderMap::new();
            for (name, value) in values {
                headers.append(name, value);
            }
            assert_eq!(has_passed(&headers, "gate"), expected, "{headers:?}");
        }
    }
}
