//! A question of Envoy's, in the encoding of Protocol Buffers.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::fuzz::fuzz_ext_authz(bytes));
