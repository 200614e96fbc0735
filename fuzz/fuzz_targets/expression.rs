//! An expression over what a provider says.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tokens::fuzz::fuzz_expression(bytes));
