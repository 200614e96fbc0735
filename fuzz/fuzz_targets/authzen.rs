//! What a decision point is asked.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::fuzz::fuzz_authzen(bytes));
