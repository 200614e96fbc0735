//! A request, read into the one form that is judged and forwarded.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gate::fuzz::fuzz_request(bytes));
