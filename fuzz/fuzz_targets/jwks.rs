//! A key set, as an issuer publishes it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tokens::fuzz::fuzz_key_set(bytes));
