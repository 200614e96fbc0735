//! The PROXY protocol's header, as a balancer sends it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doors::fuzz::fuzz_proxy_protocol(bytes));
