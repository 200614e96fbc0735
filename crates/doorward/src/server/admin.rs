//! The operator's port: is it alive, is it ready, and what does it count.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use doors::Doorway;
use doors::proxy::ServerTls;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::{Registry, Unit};
use serde_json::{Value, json};
use tokens::Timestamp;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::acme::DomainStatus;
use super::reload::ReloadState;

struct Admin {
    registry: Registry,
    doorway: Arc<Doorway>,
    state: Arc<ReloadState>,
    draining: watch::Receiver<bool>,
}

/// Serves the operator's port, within the current runtime. To abort what is returned closes it; answers that are under
/// way go on.
pub(super) fn start(
    listeners: impl Iterator<Item = TcpListener>,
    mut registry: Registry,
    doorway: Arc<Doorway>,
    state: Arc<ReloadState>,
    draining: watch::Receiver<bool>,
) -> io::Result<Vec<AbortHandle>> {
    let own = registry.sub_registry_with_prefix("doorward");
    own.register(
        "config_reloads",
        "Configurations put in force since the start",
        state.reloads.clone(),
    );
    own.register(
        "config_reload_failures",
        "Configurations that were not good",
        state.failures.clone(),
    );
    let admin = Arc::new(Admin { registry, doorway, state, draining });
    let router = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(admin);
    let served = listeners.map(|listener| {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let router = router.clone();
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the operator's port has closed");
            }
        });
        Ok(serving.abort_handle())
    });
    served.collect()
}

async fn readyz(State(admin): State<Arc<Admin>>) -> Response {
    let (status, body) = readiness(&admin);
    let text = serde_json::to_string_pretty(&body).unwrap_or_default() + "\n";
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// What stands in the way (503), and what is worth knowing although requests flow (200).
fn readiness(admin: &Admin) -> (StatusCode, Value) {
    let now = admin.doorway.now();
    let model = admin.doorway.model.load();
    let status = admin.state.status();
    let (mut not_ready, mut degraded) = (Vec::new(), Vec::new());
    if *admin.draining.borrow() {
        not_ready.push("draining".to_owned());
    }
    let audit = admin.doorway.audit.health();
    if let Some(error) = &audit.error {
        not_ready.push(format!("audit: {error}"));
    }
    let mut names: Vec<_> = model.keys.keys().collect();
    names.sort();
    let mut issuers = Vec::new();
    for issuer in names.into_iter().filter_map(|name| model.keys.get(name)) {
        let keys = issuer.status(now);
        let state = keys.state;
        let told = || {
            let why = keys.last_error.as_deref().unwrap_or("its keys have not been fetched yet");
            let how = match state {
                ledger::keys::IssuerState::Starting => "has no keys yet",
                ledger::keys::IssuerState::Fresh => "has fresh keys",
                ledger::keys::IssuerState::Failing => "cannot be reached, its keys still hold",
                ledger::keys::IssuerState::Stale => {
                    "cannot be reached, its keys are past their time"
                }
                ledger::keys::IssuerState::Expired => "cannot be reached, and its keys are too old",
            };
            format!("issuer `{}` {how}: {why}", keys.name)
        };
        // An issuer that was never reached is waited for; one that is lost later must not take all others with it.
        // Without a provider, others sign people in, and who is signed in stays so.
        if !state.is_serving() && keys.fetches == 0 && !model.gate.is_provider(&keys.name) {
            not_ready.push(told());
        } else if state != ledger::keys::IssuerState::Fresh {
            degraded.push(told());
        }
        issuers.push(json!({
            "name": keys.name, "state": state.name(), "keys": keys.keys, "source": keys.source,
            "fetched_at": keys.fetched_at.map(tokens::Timestamp::as_secs), "last_error": keys.last_error,
        }));
    }
    let mut services = Vec::new();
    for service in &model.services {
        let endpoints = service.standing(now);
        let name = &service.options().name;
        let up = endpoints.iter().filter(|endpoint| endpoint.down.is_none()).count();
        if up < endpoints.len() {
            let all = endpoints.len();
            degraded.push(format!("service `{name}`: {up} of {all} endpoints are up"));
        }
        let down = endpoints.iter().filter_map(|endpoint| Some((endpoint, endpoint.down?)));
        let down: Vec<_> = down
            .map(|(endpoint, why)| json!({ "endpoint": &*endpoint.name, "why": why }))
            .collect();
        services.push(json!({
            "name": name, "endpoints_up": up, "endpoints": endpoints.len(), "down": down,
            "requests": endpoints.iter().map(|endpoint| endpoint.under_way).sum::<usize>(),
        }));
    }
    let sessions = admin.doorway.sessions.as_ref().map(|sessions| {
        let unseen = sessions.unconfirmed_for(now);
        if unseen > federation::OUT_OF_SIGHT {
            degraded.push("the ledger is out of sight, and no session is believed".to_owned());
        }
        json!({ "at_hand": sessions.at_hand(), "ledger_seen_ms_ago": u64::try_from(unseen.as_millis()).ok() })
    });
    if let Some(reception) = &model.reception {
        let told = reception.troubles(now);
        degraded.extend(told.map(|(name, why)| format!("provider `{name}`: {why}")));
    }
    let obtained = admin.state.acme_status();
    degraded.extend(obtained.iter().filter_map(|domain| lacking(domain, now)));
    if let Some(error) = &status.error {
        degraded.push(format!(
            "the configuration file is not good, and the one before it is in force: {error}"
        ));
    }
    if !status.restart_needed.is_empty() {
        degraded.push(format!(
            "changed and waiting for a restart: {}",
            status.restart_needed.join(", ")
        ));
    }
    let word = match (not_ready.is_empty(), degraded.is_empty()) {
        (true, true) => "ready",
        (true, false) => "degraded",
        (false, _) => "not ready",
    };
    let exceptions: Vec<_> = status
        .facts
        .exceptions
        .iter()
        .map(|e| json!({ "key": e.key, "meaning": e.meaning }))
        .collect();
    let body = json!({
        "status": word,
        "not_ready": not_ready,
        "degraded": degraded,
        "policy_set": &*status.facts.policy_set,
        "reloaded_at": status.loaded_at.map(tokens::Timestamp::as_secs),
        "exceptions": exceptions,
        "disabled_issuers": status.facts.disabled_issuers,
        "issuers": issuers,
        "services": services,
        "sessions": sessions,
        "acme": obtained.iter().map(domain_facts).collect::<Vec<_>>(),
        "audit": { "queued_records": audit.queued_records, "last_seq": audit.last_seq, "dropped_outcomes": audit.dropped_outcomes },
    });
    let code = if word == "not ready" { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, body)
}

/// What callers miss of a certificate that is obtained, or will. It is never a reason not to be ready: the ACME server
/// comes the way that callers come, and whoever sends nobody to a process that is not ready would keep it away for good.
fn lacking(domain: &DomainStatus, now: Timestamp) -> Option<String> {
    let name = &domain.name;
    let why = domain.error.as_deref();
    match domain.validity {
        None => Some(format!(
            "there is no certificate for `{name}` yet: {}",
            why.unwrap_or("it is being ordered")
        )),
        Some(validity) if validity.until <= now => Some(format!(
            "the certificate for `{name}` is over: {}",
            why.unwrap_or("the next is being ordered")
        )),
        Some(_) => why.map(|why| format!("the certificate for `{name}` is not renewed: {why}")),
    }
}

fn domain_facts(domain: &DomainStatus) -> Value {
    json!({
        "name": domain.name,
        "expires_at": domain.validity.map(|validity| validity.until.as_secs()),
        "due_at": domain.due.as_secs(),
        "failures": domain.failures,
        "last_error": domain.error,
    })
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    let mut text = String::new();
    if encode(&mut text, &admin.registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    // What is asked for rather than counted goes before the end mark.
    let text = text.trim_end().trim_end_matches("# EOF").to_owned() + &asked(&admin) + "# EOF\n";
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Gauges that other parts keep themselves.
fn asked(admin: &Admin) -> String {
    let now = admin.doorway.now();
    let mut registry = Registry::default();
    let own = registry.sub_registry_with_prefix("doorward");
    let gauge = |value: i64| {
        let gauge = prometheus_client::metrics::gauge::Gauge::<i64>::default();
        gauge.set(value);
        gauge
    };
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let labelled = |name: &str, pairs: Vec<(String, i64)>| {
        let family = prometheus_client::metrics::family::Family::<
            Vec<(String, String)>,
            prometheus_client::metrics::gauge::Gauge,
        >::default();
        for (label, value) in pairs {
            family.get_or_create(&vec![(name.to_owned(), label)]).set(value);
        }
        family
    };
    let model = admin.doorway.model.load();
    let issuers: Vec<_> = model.keys.values().map(|issuer| issuer.status(now)).collect();
    let of_issuers = |value: &dyn Fn(&ledger::keys::IssuerStatus) -> u64| {
        labelled("issuer", issuers.iter().map(|s| (s.name.clone(), number(value(s)))).collect())
    };
    own.register(
        "issuer_usable",
        "Whether tokens of the issuer can be verified",
        of_issuers(&|s| u64::from(s.state.is_serving())),
    );
    own.register("issuer_keys", "Keys of the issuer in use", of_issuers(&|s| s.keys as u64));
    own.register("issuer_key_fetches", "Key fetches that have ended", of_issuers(&|s| s.fetches));
    own.register(
        "issuer_key_fetch_failures",
        "Key fetches that failed",
        of_issuers(&|s| s.failures),
    );
    let ends = model.server_tls.as_ref().map(ServerTls::ends).unwrap_or_default();
    let ends = ends.into_iter().map(|(name, end)| (name, number(end.as_secs())));
    own.register(
        "certificate_expires_seconds",
        "When the certificate that callers are shown for a name expires, since 1970",
        labelled("name", ends.collect()),
    );
    let audit = admin.doorway.audit.health();
    own.register(
        "audit_queue_records",
        "Records waiting to be written",
        gauge(number(audit.queued_records as u64)),
    );
    own.register("audit_written_records", "Records written", gauge(number(audit.written_records)));
    own.register(
        "audit_failures",
        "Writes and syncs of the audit log that failed",
        gauge(number(audit.failures)),
    );
    own.register(
        "audit_refused_decisions",
        "Requests refused because they could not be recorded",
        gauge(number(audit.refused_decisions)),
    );
    own.register(
        "audit_dropped_outcomes",
        "Outcomes that were not recorded",
        gauge(number(audit.dropped_outcomes)),
    );
    own.register(
        "token_cache_entries",
        "Verified tokens kept",
        gauge(number(admin.doorway.cache.len() as u64)),
    );
    let exceptions = admin.state.status().facts.exceptions;
    let exceptions = labelled("key", exceptions.into_iter().map(|e| (e.key, 1)).collect());
    own.register("exception", "Exceptions to safe defaults in force", exceptions);
    own.register_with_unit(
        "config_error",
        "Whether the configuration file is not good",
        Unit::Other("bool".into()),
        gauge(i64::from(admin.state.status().error.is_some())),
    );
    let mut text = String::new();
    let _ = encode(&mut text, &registry);
    text.trim_end().trim_end_matches("# EOF").to_owned()
}
