//! The cookies of a request, ours sorted out.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gate::fuzz::fuzz_cookies(bytes));
