//! Raw HTTP/1.1 requests, sent over a socket to the real binary, with a service behind it that records every byte.
//!
//! Each row of the case files is refused, or forwarded exactly as judged; never more than one request reaches the
//! service for one that was judged, and what reaches it is what the audit log says was judged.

#![expect(clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::string_slice, reason = "case files are ASCII, and a test fails by panicking")]

mod raw;

#[test]
fn what_real_applications_need_passes_with_the_documented_option() {
    raw::run("applications", 30);
}

#[test]
fn credentials_are_read_one_way_and_told_as_an_identity() {
    raw::run("credentials", 25);
}

#[test]
fn a_body_ends_in_one_place_or_is_refused() {
    raw::run("framing", 40);
}

#[test]
fn headers_that_are_ours_or_between_peers_do_not_pass() {
    raw::run("headers", 50);
}

#[test]
fn a_host_has_one_spelling_or_is_refused() {
    raw::run("hosts", 50);
}

#[test]
fn a_path_has_one_spelling_or_is_refused() {
    raw::run("paths", 80);
}

#[test]
fn one_request_never_becomes_two() {
    raw::run("smuggling", 35);
}

#[test]
fn a_request_target_is_a_path_or_is_refused() {
    raw::run("targets", 35);
}
