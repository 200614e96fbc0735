//! What a code or a refresh token buys.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| federation::fuzz::fuzz_token_answer(bytes));
