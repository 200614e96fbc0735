//! An explanation, for people and for programs.

use std::fmt::Write as _;
use std::sync::Arc;

use gate::route::Route;
use gate::spec::Place;
use gate::{
    CanonicalRequest, ConditionTrace, DenialKind, Explanation, Identity, PolicyTrace, Preflight,
    TraceResult, Verdict,
};
use serde_json::{Value, json};
use tokens::{ClaimValue, SubjectKind, Texts, Timestamp, VerifiedToken};

use super::asked::Asked;
use crate::commands::moment::Moment;
use crate::config::Config;

/// A judgement, with all that is told of it.
pub(super) struct Told {
    pub(super) config: Config,
    pub(super) asked: Asked,
    pub(super) explanation: Explanation,
    pub(super) now: Timestamp,
    pub(super) at: Option<Moment>,
    pub(super) notes: Vec<String>,
}

impl Told {
    pub(super) const fn is_granted(&self) -> bool {
        matches!(self.explanation.verdict, Verdict::Permit(_) | Verdict::Preflight(_))
    }

    /// The explanation, for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a text never fails.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        match self.request() {
            Some(request) => {
                let (method, host) = (request.method(), request.host());
                writeln!(text, "request   {method} {host}{}", request.target())?;
                writeln!(text, "  client  {}", request.client())?;
            }
            None => {
                let raw = self.asked.raw();
                writeln!(text, "request   {} {}: has no one reading", raw.method, raw.path)?;
            }
        }
        if let Some(at) = self.at {
            writeln!(text, "  at      {at}")?;
        }
        self.write_route(text)?;
        writeln!(text, "identity  {}", self.identity_line())?;
        for note in &self.notes {
            writeln!(text, "  note    {note}")?;
        }
        if !self.explanation.policies.is_empty() {
            writeln!(text, "policies  + holds, - misses, ? could not be evaluated")?;
        }
        for policy in &self.explanation.policies {
            let effect = if policy.permits { "permit" } else { "forbid" };
            let line = self.line_of(&policy.id);
            let line = line.map_or_else(String::new, |line| format!("  ({line})"));
            writeln!(text, "  {} {} {effect}{line}", mark(&policy.result), policy.id)?;
            for condition in &policy.conditions {
                write_condition(text, condition, 3)?;
            }
        }
        writeln!(text, "verdict   {}", self.verdict_line())
    }

    fn write_route(&self, text: &mut String) -> std::fmt::Result {
        let Some(route) = &self.explanation.route else {
            let why = match &self.explanation.verdict {
                Verdict::Denial(denial) => denial.reason(),
                Verdict::Permit(_) | Verdict::Preflight(_) => String::new(),
            };
            return writeln!(text, "route     none: {why}");
        };
        let line = self.route_index(route.name()).and_then(|index| {
            self.config.locate(&Place::key("routes").at(index)).map(|at| at.line())
        });
        let line = line
            .map_or_else(String::new, |line| format!("  ({}:{line})", self.config.source().name()));
        writeln!(text, "route     {}: {}{line}", route.name(), described(route))?;
        writeln!(
            text,
            "  service {} (audience `{}`)",
            route.service().name,
            route.service().audience
        )?;
        for broader in self.broader(route) {
            writeln!(
                text,
                "  bound   by the deny and require of the broader {}: {}",
                broader.name,
                written(broader)
            )?;
        }
        Ok(())
    }

    /// The explanation, for programs.
    pub(super) fn json(&self) -> String {
        let request = self.request().map(|request| {
            json!({
                "method": request.method().as_str(), "host": request.host().to_string(),
                "path": request.path().as_str(), "query": request.query(),
                "client": request.client().to_string(),
            })
        });
        let route = self.explanation.route.as_ref().map(|route| {
            let broader = self.broader(route);
            json!({
                "name": &**route.name(), "match": described(route),
                "service": &*route.service().name, "audience": &*route.service().audience,
                "bound_by": broader.iter().map(|route| route.name.as_str()).collect::<Vec<_>>(),
            })
        });
        let identity = self.identity().map(|identity| {
            json!({
                "subject": identity.scoped_subject(), "kind": kind(identity.kind()),
                "groups": identity.groups().to_vec(), "scopes": identity.scopes().to_vec(),
                "audiences": identity.token().map(|token| token.audiences().to_vec()),
                "usable_until": Moment(identity.usable_until()).to_string(),
            })
        });
        let policies: Vec<_> = self.explanation.policies.iter().map(|p| self.policy(p)).collect();
        let whole = json!({
            "at": Moment(self.now).to_string(), "request": request, "route": route,
            "identity": identity, "notes": self.notes, "policies": policies,
            "verdict": self.verdict(),
        });
        format!("{whole:#}\n")
    }

    fn policy(&self, policy: &PolicyTrace) -> Value {
        json!({
            "id": &*policy.id, "effect": if policy.permits { "permit" } else { "forbid" },
            "result": word(&policy.result), "error": error(&policy.result),
            "written_at": self.line_of(&policy.id),
            "conditions": policy.conditions.iter().map(condition).collect::<Vec<_>>(),
        })
    }

    fn verdict(&self) -> Value {
        match &self.explanation.verdict {
            Verdict::Permit(permit) => json!({
                "permit": true, "code": "permit", "policies": texts(permit.policies()),
            }),
            Verdict::Denial(denial) => json!({
                "permit": false, "code": denial.code(), "reason": denial.reason(),
                "status": denial.answer().status.as_u16(), "policies": texts(denial.policies()),
            }),
            Verdict::Preflight(preflight) => json!({
                "permit": false, "code": Preflight::CODE,
                "status": preflight.answer().status.as_u16(), "policies": [],
            }),
        }
    }

    fn verdict_line(&self) -> String {
        match &self.explanation.verdict {
            Verdict::Permit(permit) => format!("permit, by {}", permit.policies().join(", ")),
            Verdict::Denial(denial) => {
                let (status, code) = (denial.answer().status.as_u16(), denial.code());
                let by = match denial.policies() {
                    [] => String::new(),
                    policies => format!(", by {}", policies.join(", ")),
                };
                format!("denial, {status} {code}: {}{by}", denial.reason())
            }
            Verdict::Preflight(preflight) => {
                let status = preflight.answer().status.as_u16();
                format!("{}, answered here with {status}", Preflight::CODE)
            }
        }
    }

    fn identity_line(&self) -> String {
        let Some(identity) = self.identity() else {
            return match &self.explanation.verdict {
                Verdict::Denial(denial) => match denial.kind() {
                    DenialKind::NoCredential => "anonymous: no credential was shown".to_owned(),
                    _ if self.asked.bearer().is_some() => {
                        "unknown: the token was not verified".to_owned()
                    }
                    DenialKind::BadCertificate(_) => {
                        "unknown: the certificate was not verified".to_owned()
                    }
                    _ => "none was needed to decide".to_owned(),
                },
                Verdict::Permit(_) => "anonymous: no credential was shown".to_owned(),
                Verdict::Preflight(_) => "none was needed to decide".to_owned(),
            };
        };
        let audiences = identity.token().map_or(Texts::NONE, VerifiedToken::audiences);
        let listed = |name: &str, list: Texts<'_>| match list.is_empty() {
            true => format!("no {name}"),
            false => format!("{name} {}", list.to_vec().join(" ")),
        };
        let claims = identity.claims();
        let claims = claims.iter().map(|(name, value)| format!("{name}={}", shown(value)));
        let claims: Vec<_> = claims.collect();
        let mut parts = vec![
            format!("{} ({})", identity.scoped_subject(), kind(identity.kind())),
            listed("groups", identity.groups()),
            listed("scopes", identity.scopes()),
            listed("audiences", audiences),
        ];
        if !claims.is_empty() {
            parts.push(listed("claims", claims.as_slice().into()));
        }
        parts.join("; ")
    }

    fn request(&self) -> Option<&CanonicalRequest> {
        match &self.explanation.verdict {
            Verdict::Denial(denial) => denial.request(),
            Verdict::Permit(permit) => Some(permit.request()),
            Verdict::Preflight(preflight) => Some(preflight.request()),
        }
    }

    fn identity(&self) -> Option<&Arc<Identity>> {
        match &self.explanation.verdict {
            Verdict::Denial(denial) => denial.identity(),
            Verdict::Permit(permit) => permit.caller().identity(),
            Verdict::Preflight(_) => None,
        }
    }

    /// The routes whose `deny` and `require` bind this one as well.
    fn broader(&self, route: &Route) -> Vec<&gate::spec::RouteSpec> {
        use gate::route::{HostPattern, PathPattern};
        let covers = |other: &gate::spec::RouteSpec| {
            let host = HostPattern::parse(&other.matches.host).ok();
            let path = PathPattern::parse(&other.matches.path).ok();
            let all = other.matches.methods.iter().any(|method| method == "*");
            let taken = |method: &http::Method| {
                let standard = gate::STANDARD_METHODS.contains(&method.as_str());
                (all && standard) || other.matches.methods.iter().any(|m| m == method.as_str())
            };
            other.name != **route.name()
                && host.is_some_and(|host| host.covers(route.host()))
                && path.is_some_and(|path| path.covers(route.path()))
                && route.methods().iter().any(taken)
        };
        self.config.gate.routes.iter().filter(|other| covers(other)).collect()
    }

    fn route_index(&self, name: &str) -> Option<usize> {
        self.config.gate.routes.iter().position(|route| route.name == name)
    }

    /// Where a rule of the short form is written.
    fn line_of(&self, id: &str) -> Option<String> {
        let mut parts = id.rsplitn(3, '/');
        let index: usize = parts.next()?.parse().ok()?;
        let (kind, owner) = (parts.next()?, parts.next()?);
        let place = match owner {
            "defaults" => Place::key("defaults"),
            name => Place::key("routes").at(self.route_index(name)?),
        };
        let location = self.config.locate(&place.then(kind).at(index))?;
        Some(format!("{}:{}", self.config.source().name(), location.line()))
    }
}

fn described(route: &Route) -> String {
    let methods: Vec<_> = route.methods().iter().map(http::Method::as_str).collect();
    format!("{} {}{}", methods.join(" "), route.host(), route.path())
}

fn written(route: &gate::spec::RouteSpec) -> String {
    let matches = &route.matches;
    format!("{} {}{}", matches.methods.join(" "), matches.host, matches.path)
}

fn write_condition(text: &mut String, part: &ConditionTrace, depth: usize) -> std::fmt::Result {
    let (indent, mark) = ("  ".repeat(depth), mark(&part.result));
    let why = error(&part.result).map_or_else(String::new, |why| format!("  ({why})"));
    writeln!(text, "{indent}{mark} {}{why}", part.text)?;
    part.within.iter().try_for_each(|within| write_condition(text, within, depth.saturating_add(1)))
}

fn condition(part: &ConditionTrace) -> Value {
    json!({
        "text": part.text, "result": word(&part.result), "error": error(&part.result),
        "within": part.within.iter().map(condition).collect::<Vec<_>>(),
    })
}

const fn mark(result: &TraceResult) -> char {
    match result {
        TraceResult::Error(_) => '?',
        TraceResult::Holds => '+',
        TraceResult::Misses => '-',
    }
}

const fn word(result: &TraceResult) -> &'static str {
    match result {
        TraceResult::Error(_) => "error",
        TraceResult::Holds => "holds",
        TraceResult::Misses => "misses",
    }
}

fn error(result: &TraceResult) -> Option<&str> {
    match result {
        TraceResult::Error(why) => Some(why),
        TraceResult::Holds | TraceResult::Misses => None,
    }
}

const fn kind(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::User => "user",
        SubjectKind::Workload => "workload",
    }
}

fn shown(value: &ClaimValue) -> String {
    match value {
        ClaimValue::Bool(value) => value.to_string(),
        ClaimValue::Long(value) => value.to_string(),
        ClaimValue::String(text) => text.clone(),
        ClaimValue::Strings(texts) => texts.join(","),
    }
}

fn texts(list: &[Arc<str>]) -> Vec<&str> {
    list.iter().map(AsRef::as_ref).collect()
}
