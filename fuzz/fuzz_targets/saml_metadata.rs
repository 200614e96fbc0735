//! The metadata of SAML providers.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| saml::fuzz::fuzz_metadata(bytes));
