//! An answer of a SAML provider.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| saml::fuzz::fuzz_response(bytes));
