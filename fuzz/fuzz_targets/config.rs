//! A configuration, read and checked against itself.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doorward::config::fuzz::fuzz_config(bytes));
