//! Callers who show a client certificate: workloads, on routes that accept its issuer.

use anyhow::{Context as _, Result};
use http_body_util::BodyExt as _;
use serde_json::Value;
use testbed::{audit, clock};
use tokio::time::timeout;

use super::house::{House, PATIENCE, whole};
use super::{endless, ok, request};

const BILLING: &str = "spiffe://corp.test/billing";

#[tokio::test]
async fn a_client_certificate_opens_what_its_workload_may_and_nothing_else() -> Result<()> {
    let house = House::open(ok).await?;
    let status = async |id: Option<&str>, path: &str| -> Result<u16> {
        let mut client = match id {
            Some(id) => house.http2_showing(&house.clients.sign_client(id)?).await?,
            None => house.http2().await?,
        };
        Ok(client.send_request(request(path)).await?.status().as_u16())
    };
    for (id, path, expected) in [
        (Some(BILLING), "/workloads/a", 200),
        (Some("spiffe://corp.test/orders"), "/workloads/a", 403),
        (Some("spiffe://other.test/billing"), "/workloads/a", 401),
        (None, "/workloads/a", 401),
        (Some(BILLING), "/guarded/a", 401),
        (Some(BILLING), "/open/a", 200),
    ] {
        assert_eq!(status(id, path).await?, expected, "{id:?} at {path}");
    }
    let told = |record: &Value, pointer: &str| {
        record.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned)
    };
    let records = audit::records(&house.place.path("audit"))?;
    let mut decisions = records
        .iter()
        .filter(|record| told(record, "/unmapped/doorward/record").as_deref() == Some("decision"));
    let first = decisions.next().context("expected a decision")?;
    assert_eq!(told(first, "/actor/user/uid").as_deref(), Some(BILLING));
    let certificate = told(first, "/unmapped/doorward/certificate");
    assert_eq!(certificate.map(|digest| digest.len()), Some(64));
    Ok(())
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_gets_no_connection() -> Result<()> {
    let house = House::open(ok).await?;
    let strange = house.authority.sign_client(BILLING)?;
    let asked = async {
        let mut client = house.http2_showing(&strange).await?;
        anyhow::Ok(client.send_request(request("/open/a")).await?)
    };
    // With TLS 1.3 the client learns of it only when it reads.
    assert!(asked.await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_workload_that_is_revoked_loses_its_open_streams_and_its_connection_opens_no_more()
-> Result<()> {
    let house = House::open(endless).await?;
    let mut client = house.http2_showing(&house.clients.sign_client(BILLING)?).await?;
    let answer = client.send_request(request("/workloads/a")).await?;
    assert_eq!(answer.status(), 200);
    let id = answer.headers().get("x-request-id").context("expected an id")?.clone();
    let mut body = answer.into_body();
    house.revoke(&format!("mesh/{BILLING}"))?;
    timeout(PATIENCE, async { while let Some(Ok(_)) = body.frame().await {} }).await?;
    let ended = clock::until("the outcome", PATIENCE, || {
        audit::ended(&house.place.path("audit"), id.to_str()?)
    })?;
    assert_eq!(ended, "revoked");
    assert_eq!(client.send_request(request("/workloads/a")).await?.status(), 401);
    Ok(())
}

#[tokio::test]
async fn a_client_certificate_asks_for_decisions_over_https() -> Result<()> {
    let house = House::open(ok).await?;
    for (id, expected) in [(BILLING, 200), ("spiffe://corp.test/orders", 403)] {
        let mut client = house.http2_showing(&house.clients.sign_client(id)?).await?;
        let mut asked = request("/access/v1/evaluation");
        *asked.method_mut() = http::Method::POST;
        *asked.body_mut() = whole(
            r#"{"subject":{"type":"user","id":"a"},"action":{"name":"read"},"resource":{"type":"note","id":"b"}}"#,
        );
        let json = http::HeaderValue::from_static("application/json");
        asked.headers_mut().insert(http::header::CONTENT_TYPE, json);
        asked.headers_mut().insert("x-request-id", http::HeaderValue::from_static("q-7"));
        let answer = client.send_request(asked).await?;
        assert_eq!(answer.status().as_u16(), expected, "{id}");
        assert_eq!(answer.headers().get("x-request-id").context("expected an id")?, "q-7");
        let body = answer.into_body().collect().await?.to_bytes();
        assert_eq!(body == r#"{"decision":true}"#, expected == 200, "{body:?}");
    }
    assert!(house.seen().is_empty());
    Ok(())
}
