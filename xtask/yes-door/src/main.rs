//! A door that always says yes: `envoy.service.auth.v3.Authorization` on a bare tonic server, which reads each question and
//! asks nobody. `cargo xtask bench` measures what Doorward's door costs beside it.

mod wire;

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Context as _;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use self::wire::{CheckRequest, CheckResponse};

fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).context("expected the address to listen at")?;
    let address: SocketAddr = address.parse().context("expected an address")?;
    // As many threads as Doorward's door has with `data_threads: 1`.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        Server::builder().tcp_nodelay(true).add_service(Door).serve(address).await
    })?;
    Ok(())
}

/// The service.
#[derive(Clone)]
struct Door;

impl NamedService for Door {
    const NAME: &'static str = "envoy.service.auth.v3.Authorization";
}

impl Service<http::Request<Body>> for Door {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    /// There is one method; whichever is called is taken for it.
    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let codec = ProstCodec::<CheckResponse, CheckRequest>::default();
            Ok(Grpc::new(codec).unary(Check, request).await)
        })
    }
}

/// The method.
struct Check;

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future = Ready<Result<Response<CheckResponse>, Status>>;

    fn call(&mut self, request: Request<CheckRequest>) -> Self::Future {
        drop(request.into_inner());
        ready(Ok(Response::new(CheckResponse::yes())))
    }
}
