//! An issuer's metadata, as it publishes them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| federation::fuzz::fuzz_discovery(bytes));
