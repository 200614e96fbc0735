//! The example of a service in Rust that checks `Doorward-Identity` (examples/verify/rust).

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use testbed::verifying::{Wanted, play};
use verify_identity::{Keys, Verifier, service};

#[test]
fn the_rust_example_believes_the_gate_and_nobody_else() -> Result<()> {
    play(Path::new(env!("CARGO_BIN_EXE_doorward")), start)
}

#[test]
fn keys_over_plain_http_come_from_this_machine_alone() {
    assert!(Keys::new("http://127.0.0.1:8080/.doorward/jwks.json").is_ok());
    let error = Keys::new("http://doorward.test/.doorward/jwks.json").err();
    assert!(error.is_some_and(|error| error.to_string().contains("plain")));
}

/// Starts it. It serves until the test's process ends.
fn start(wanted: &Wanted) -> Result<()> {
    let listener = TcpListener::bind(wanted.address).context("cannot listen")?;
    listener.set_nonblocking(true)?;
    let verifier = Verifier::new(&wanted.issuer, &wanted.audience, Keys::new(&wanted.keys)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, service(Arc::new(verifier))).await
        })
    });
    Ok(())
}
