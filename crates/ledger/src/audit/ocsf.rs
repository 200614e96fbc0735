//! Records as OCSF events: what stands in a line, all of it but its link in the chain.
//!
//! Decisions and outcomes are events of the class API Activity (6003), what the log says about itself of the class Event
//! Log Activity (1008), what happens to sessions of the class Authentication (3002). What OCSF has no place for stands in `unmapped.doorward`, which is last, so that the writer can
//! add the link and close the line.

use std::net::SocketAddr;

use tokens::SubjectKind;

use super::json::Json;
use super::record::{Credential, Decision, Ended, Evaluation, Outcome, Subject, Trace, Verdict};

/// The version of OCSF that every record keeps to.
pub const OCSF_VERSION: &str = "1.8.0";

/// `metadata` as far as it is always the same.
pub(super) const METADATA: &str = concat!(
    r#""version":"1.8.0","product":{"name":"Doorward","vendor_name":"Doorward","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""},"log_name":"audit""#
);
const CONTROLLED: &str = r#""profiles":["security_control"]"#;

/// Appends the open body of a decision.
pub(super) fn decision(out: &mut Vec<u8>, decision: &Decision<'_>) {
    let mut json = Json::open(out);
    json.number("time", decision.at.as_millis());
    activity(&mut json, decision.method);
    match decision.verdict {
        Verdict::Allow => {
            // Whether the call succeeds is for the outcome to say.
            json.raw(
                r#""severity_id":1,"severity":"Informational","status_id":0,"status":"Unknown""#,
            );
            json.raw(ALLOWED);
        }
        Verdict::Answer { status } => {
            json.raw(
                r#""severity_id":1,"severity":"Informational","status_id":1,"status":"Success""#,
            );
            json.text("status_code", &status.to_string());
            json.raw(ALLOWED);
        }
        Verdict::Deny { status } => {
            json.raw(r#""severity_id":2,"severity":"Low","status_id":2,"status":"Failure""#);
            json.text("status_code", &status.to_string());
            json.some_text("status_detail", decision.reasons.first().copied());
            json.raw(DENIED);
        }
    }
    json.object("actor", |json| {
        caller(json, decision.identity.as_ref(), Detail::All);
        let word = match decision.verdict {
            Verdict::Allow | Verdict::Answer { .. } => "permit",
            Verdict::Deny { .. } => "deny",
        };
        json.objects("authorizations", decision.policies, |json, policy| {
            json.text("decision", word);
            json.object("policy", |json| {
                json.text("uid", policy);
                json.text("version", decision.policy_set);
            });
        });
    });
    api(&mut json, decision.route, decision.service, decision.method, decision.request_id);
    json.object("http_request", |json| {
        method(json, decision.method);
        json.object("url", |json| {
            let (host, port) = split_port(decision.host);
            json.text("hostname", host);
            if let Some(port) = port {
                json.number("port", port.into());
            }
            json.text("path", decision.path);
        });
    });
    if let Some(status) = decision.verdict.status() {
        json.object("http_response", |json| json.number("code", status.into()));
    }
    source(&mut json, decision.peer);
    if let Some(service) = decision.service {
        json.object("dst_endpoint", |json| json.text("svc_name", service));
    }
    metadata(&mut json, decision.request_id, "decision");
    open_unmapped(&mut json, |json| {
        json.text("record", "decision");
        json.text("door", decision.door);
        json.text("verdict", decision.verdict.name());
        json.text("code", decision.code);
        json.texts("reasons", decision.reasons.iter().copied());
        json.some_text("route", decision.route);
        json.some_text("service", decision.service);
        json.text("policy_set", decision.policy_set);
        json.number("decided_us", micros(decision.took));
        if let Some(subject) = &decision.identity {
            extras(json, subject);
        }
        trace(json, decision.trace);
    });
}

/// Appends the open body of an evaluation. Its actor is who asks; about whom is asked stands beside the resource.
pub(super) fn evaluation(out: &mut Vec<u8>, evaluation: &Evaluation<'_>) {
    let mut json = Json::open(out);
    json.number("time", evaluation.at.as_millis());
    json.raw(r#""class_uid":6003,"class_name":"API Activity""#);
    json.raw(r#""category_uid":6,"category_name":"Application Activity""#);
    json.raw(r#""activity_id":99,"activity_name":"Evaluate","type_uid":600399"#);
    // The evaluation itself has succeeded, whatever it came to.
    json.raw(r#""severity_id":1,"severity":"Informational","status_id":1,"status":"Success""#);
    json.some_text("status_detail", evaluation.reason);
    json.raw(if evaluation.permitted { ALLOWED } else { DENIED });
    json.object("actor", |json| {
        caller(json, Some(&evaluation.identity), Detail::All);
        let word = if evaluation.permitted { "permit" } else { "deny" };
        json.objects("authorizations", evaluation.policies, |json, policy| {
            json.text("decision", word);
            json.object("policy", |json| {
                json.text("uid", policy);
                json.text("version", evaluation.policy_set);
            });
        });
    });
    json.object("api", |json| {
        json.text("operation", evaluation.action.unwrap_or("unknown"));
        json.object("service", |json| json.text("name", evaluation.service));
        json.object("request", |json| json.text("uid", evaluation.request_id));
    });
    json.objects("resources", evaluation.resource, |json, (kind, id)| {
        json.text("type", kind);
        json.text("uid", id);
    });
    source(&mut json, evaluation.peer);
    json.object("dst_endpoint", |json| json.text("svc_name", evaluation.service));
    let number = evaluation.number.to_string();
    metadata(&mut json, evaluation.request_id, &["evaluation", &number].join("."));
    open_unmapped(&mut json, |json| {
        json.text("record", "evaluation");
        json.text("door", evaluation.door);
        json.text("verdict", if evaluation.permitted { "allow" } else { "deny" });
        json.text("code", evaluation.code);
        json.texts("reasons", evaluation.reason);
        json.text("route", evaluation.route);
        json.text("service", evaluation.service);
        json.text("policy_set", evaluation.policy_set);
        json.some_text("asked_as", evaluation.asked_as);
        if let Some((kind, id)) = evaluation.subject {
            json.object("subject", |json| {
                json.text("type", kind);
                json.text("id", id);
            });
        }
        json.some_text("action", evaluation.action);
        if let Some((kind, id)) = evaluation.resource {
            json.object("resource", |json| {
                json.text("type", kind);
                json.text("id", id);
            });
        }
        extras(json, &evaluation.identity);
        trace(json, evaluation.trace);
    });
}

/// Appends the open body of an outcome.
pub(super) fn outcome(out: &mut Vec<u8>, outcome: &Outcome<'_>) {
    let mut json = Json::open(out);
    json.number("time", outcome.at.as_millis());
    activity(&mut json, outcome.method);
    let failed = outcome.ended != Ended::Completed || outcome.status.is_none_or(|code| code >= 400);
    json.raw(if failed {
        r#""severity_id":2,"severity":"Low","status_id":2,"status":"Failure""#
    } else {
        r#""severity_id":1,"severity":"Informational","status_id":1,"status":"Success""#
    });
    if let Some(status) = outcome.status {
        json.text("status_code", &status.to_string());
    }
    json.text("status_detail", outcome.ended.name());
    json.raw(match outcome.ended {
        Ended::AuditUnavailable => DENIED,
        Ended::Revoked => REVOKED,
        Ended::UpstreamFailed | Ended::UpstreamTimedOut => {
            r#""action_id":1,"action":"Allowed","disposition_id":27,"disposition":"Error""#
        }
        Ended::ClientGone | Ended::Completed | Ended::PermitEnded | Ended::ShuttingDown => ALLOWED,
    });
    json.number("duration", outcome.took.as_millis().try_into().unwrap_or(u64::MAX));
    json.object("actor", |json| caller(json, outcome.identity.as_ref(), Detail::Name));
    api(&mut json, outcome.route, outcome.service, outcome.method, outcome.request_id);
    json.object("http_request", |json| {
        method(json, outcome.method);
        json.number("body_length", outcome.bytes_in);
    });
    if let Some(status) = outcome.status {
        json.object("http_response", |json| {
            json.number("code", status.into());
            json.number("body_length", outcome.bytes_out);
        });
    }
    source(&mut json, outcome.peer);
    if outcome.service.is_some() || outcome.endpoint.is_some() {
        json.object("dst_endpoint", |json| {
            json.some_text("svc_name", outcome.service);
            json.some_text("name", outcome.endpoint);
        });
    }
    metadata(&mut json, outcome.request_id, "outcome");
    open_unmapped(&mut json, |json| {
        json.text("record", "outcome");
        json.text("door", outcome.door);
        json.text("ended", outcome.ended.name());
        json.some_text("route", outcome.route);
        json.some_text("service", outcome.service);
        json.number("bytes_in", outcome.bytes_in);
        json.number("bytes_out", outcome.bytes_out);
        json.number("took_us", micros(outcome.took));
        trace(json, outcome.trace);
    });
}

pub(super) const ALLOWED: &str =
    r#""action_id":1,"action":"Allowed","disposition_id":1,"disposition":"Allowed""#;
pub(super) const DENIED: &str =
    r#""action_id":2,"action":"Denied","disposition_id":2,"disposition":"Blocked""#;
pub(super) const REVOKED: &str =
    r#""action_id":1,"action":"Allowed","disposition_id":24,"disposition":"Access Revoked""#;

fn activity(json: &mut Json<'_>, method: &str) {
    json.raw(r#""class_uid":6003,"class_name":"API Activity""#);
    json.raw(r#""category_uid":6,"category_name":"Application Activity""#);
    match method {
        "POST" => json.raw(r#""activity_id":1,"activity_name":"Create","type_uid":600301"#),
        "GET" | "HEAD" | "OPTIONS" => {
            json.raw(r#""activity_id":2,"activity_name":"Read","type_uid":600302"#);
        }
        "PATCH" | "PUT" => {
            json.raw(r#""activity_id":3,"activity_name":"Update","type_uid":600303"#)
        }
        "DELETE" => json.raw(r#""activity_id":4,"activity_name":"Delete","type_uid":600304"#),
        other => {
            json.raw(r#""activity_id":99"#);
            json.text("activity_name", other);
            json.raw(r#""type_uid":600399"#);
        }
    }
}

/// OCSF knows these methods only; any other stands in `activity_name`.
fn method(json: &mut Json<'_>, method: &str) {
    if matches!(
        method,
        "CONNECT" | "DELETE" | "GET" | "HEAD" | "OPTIONS" | "PATCH" | "POST" | "PUT" | "TRACE"
    ) {
        json.text("http_method", method);
    }
}

/// How much of an identity is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    All,
    Name,
}

fn caller(json: &mut Json<'_>, subject: Option<&Subject<'_>>, detail: Detail) {
    let Some(subject) = subject else {
        json.raw(r#""user":{"name":"anonymous","type_id":0,"type":"Unknown"}"#);
        return;
    };
    json.object("user", |json| {
        json.text("uid", subject.subject);
        json.text("name", subject.subject);
        json.raw(match subject.kind {
            SubjectKind::User => r#""type_id":1,"type":"User""#,
            SubjectKind::Workload => r#""type_id":4,"type":"Service""#,
        });
        json.text("domain", subject.issuer);
        if detail == Detail::All && !subject.groups.is_empty() {
            json.objects("groups", subject.groups, |json, group| {
                json.text("name", group);
                json.text("domain", subject.issuer);
            });
        }
    });
    if detail == Detail::Name {
        return;
    }
    json.object("idp", |json| json.text("name", subject.issuer));
    if let Some(session) = subject.session {
        json.object("session", |json| {
            json.hex("uid", &session);
            json.text("issuer", subject.issuer);
        });
    }
    json.some_text("app_name", subject.actors.first().map(|actor| actor.subject));
    json.some_text("app_uid", subject.client_id);
}

fn extras(json: &mut Json<'_>, subject: &Subject<'_>) {
    match &subject.credential {
        Some(Credential::Certificate(fingerprint)) => {
            json.hex("certificate", fingerprint.as_bytes());
        }
        Some(Credential::Token(fingerprint)) => json.hex("token", fingerprint.as_bytes()),
        None => {}
    }
    if !subject.actors.is_empty() {
        json.objects("actors", subject.actors, |json, actor| {
            json.text("issuer", actor.issuer.unwrap_or(subject.issuer));
            json.text("subject", actor.subject);
        });
    }
}

fn api(
    json: &mut Json<'_>,
    route: Option<&str>,
    service: Option<&str>,
    method: &str,
    request_id: &str,
) {
    json.object("api", |json| {
        json.text("operation", route.unwrap_or(method));
        if let Some(service) = service {
            json.object("service", |json| json.text("name", service));
        }
        json.object("request", |json| json.text("uid", request_id));
    });
}

pub(super) fn source(json: &mut Json<'_>, peer: SocketAddr) {
    json.object("src_endpoint", |json| {
        json.address("ip", peer.ip().to_canonical());
        json.number("port", peer.port().into());
    });
}

pub(super) fn metadata(json: &mut Json<'_>, request_id: &str, record: &str) {
    let truncated = json.was_cut();
    json.object("metadata", |json| {
        json.raw(METADATA);
        json.raw(CONTROLLED);
        json.text("correlation_uid", request_id);
        // One request has at most one of each; evaluations are numbered, sign-ins have their session's id.
        json.text("uid", &[request_id, record].join("."));
        if truncated {
            json.flag("is_truncated", true);
        }
    });
}

fn trace(json: &mut Json<'_>, trace: Option<Trace>) {
    if let Some(trace) = trace {
        json.hex("trace_id", &trace.trace_id);
        json.hex("span_id", &trace.span_id);
    }
}

/// Writes `unmapped.doorward`, and leaves it open for the link.
pub(super) fn open_unmapped(json: &mut Json<'_>, members: impl FnOnce(&mut Json<'_>)) {
    json.open_member("unmapped", |json| json.open_member("doorward", members));
}

pub(super) fn split_port(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (host, None),
        },
        _ => (host, None),
    }
}

fn micros(duration: std::time::Duration) -> u64 {
    duration.as_micros().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "ocsf_tests.rs"]
mod tests;
