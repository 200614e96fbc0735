//! A redirect of a SAML provider that asks for logout.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| saml::fuzz::fuzz_logout_request(bytes));
