//! `verify-identity ADDRESS KEYS ISSUER AUDIENCE`: the service, on an address.

use std::error::Error;
use std::sync::Arc;

use tokio::net::TcpListener;
use verify_identity::{Keys, Verifier, service};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [address, keys, issuer, audience] = words.as_slice() else {
        return Err("usage: verify-identity ADDRESS KEYS ISSUER AUDIENCE".into());
    };
    let verifier = Verifier::new(issuer, audience, Keys::new(keys)?)?;
    let listener = TcpListener::bind(address).await?;
    axum::serve(listener, service(Arc::new(verifier))).await?;
    Ok(())
}
