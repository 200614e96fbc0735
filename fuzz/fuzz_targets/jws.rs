//! A token, as a caller shows it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tokens::fuzz::fuzz_token(bytes));
