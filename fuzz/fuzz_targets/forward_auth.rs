//! A question by HTTP, as a target and headers.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::fuzz::fuzz_forward_auth(bytes));
