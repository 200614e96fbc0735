//! What a browser brings back from a provider.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| federation::fuzz::fuzz_answer(bytes));
