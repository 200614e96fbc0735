//! Two services. They know nothing of tokens and sign-in: they are told who is calling.

use std::net::TcpListener;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::Ports;
use super::page::{page, text};
use super::requests::{Answer, Sent, mint, send};

/// The service `orders`.
pub(super) async fn orders(listener: TcpListener, ports: Ports) {
    let router = Router::new()
        .route("/", get(home))
        .route("/support", get(support))
        .route("/health", get(|| async { "well\n" }))
        .route("/orders/{id}", get(order))
        .route("/orders/{id}/invoice", get(order_with_invoice))
        .with_state(Arc::new(ports));
    serve(listener, router).await;
}

/// The service `billing`.
pub(super) async fn billing(listener: TcpListener) {
    serve(listener, Router::new().route("/invoices/{id}", get(invoice))).await;
}

async fn serve(listener: TcpListener, router: Router) {
    if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
        let _ = axum::serve(listener, router).await;
    }
}

/// For browsers: who has signed in, and where to go from here.
async fn home(headers: HeaderMap) -> Html<String> {
    let you = |name| text(&told(&headers, name));
    let content = format!(
        "<p>You are <b>{}</b> of <b>{}</b>.</p>
<ul>
<li><a href=\"/support\">The page of staff/support</a>
<li><a href=\"/.doorward/sign-out\">Sign out</a>
</ul>",
        you("x-forwarded-user"),
        you("x-forwarded-issuer"),
    );
    Html(page("Orders", &content))
}

/// For browsers: what only `staff/support` is shown.
async fn support(headers: HeaderMap) -> Html<String> {
    let user = text(&told(&headers, "x-forwarded-user"));
    Html(page(
        "Support",
        &format!("<p>Welcome to the support, {user}.</p>\n<p><a href=\"/\">Back</a></p>"),
    ))
}

async fn order(Path(id): Path<String>, headers: HeaderMap) -> Response {
    Json(json!({ "order": id, "you_are": told(&headers, "x-forwarded-user") })).into_response()
}

/// Asks `billing` through the gate, as itself.
async fn order_with_invoice(State(ports): State<Arc<Ports>>, Path(id): Path<String>) -> Response {
    let form =
        "grant_type=client_credentials&client_id=orders&client_secret=orders&audience=billing";
    let asked = async {
        let token = mint(*ports, "corp", form).await?;
        let target = format!("/invoices/{id}");
        let authorization = format!("Bearer {token}");
        send(
            ports.gate,
            &Sent {
                host: "billing.localhost",
                target: &target,
                headers: &[("Authorization", &authorization)],
                body: None,
            },
        )
        .await
    };
    match asked.await {
        Ok(Answer { status: 200, body, .. }) => {
            let invoice = serde_json::from_str(&body).unwrap_or(serde_json::Value::Null);
            Json(json!({ "order": id, "invoice": invoice })).into_response()
        }
        Ok(Answer { status, .. }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, format!("billing answered {status}\n")).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error).into_response(),
    }
}

async fn invoice(Path(id): Path<String>, headers: HeaderMap) -> Response {
    let identity = told(&headers, "doorward-identity");
    Json(json!({ "invoice": id, "total": "42.00", "signed_identity": !identity.is_empty() }))
        .into_response()
}

fn told(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
