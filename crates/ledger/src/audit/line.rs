//! One record, read back for people.

use std::fmt::Write as _;

use serde_json::Value;
use tokens::Timestamp;

/// A record as it stands in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    raw: String,
    event: Value,
}

impl Line {
    /// Reads a line; `None` if it is not a record of an audit log.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let event: Value = serde_json::from_str(raw).ok()?;
        event.pointer("/unmapped/doorward/record")?.as_str()?;
        Some(Self { raw: raw.to_owned(), event })
    }

    /// The line as it is in the file.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The whole event.
    #[must_use]
    pub const fn event(&self) -> &Value {
        &self.event
    }

    /// What kind of record it is: `decision`, `evaluation`, `outcome`, `sign_in`, or what the log says about itself: `header`, `opened`,
    /// `closed`, `gap`, `torn`.
    #[must_use]
    pub fn record(&self) -> &str {
        self.text("/unmapped/doorward/record").unwrap_or_default()
    }

    /// When it happened.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        Timestamp::from_millis(self.number("/time").unwrap_or_default())
    }

    /// Its number in the log.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.number("/unmapped/doorward/seq").unwrap_or_default()
    }

    /// The request's id.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.text("/metadata/correlation_uid")
    }

    /// `allow` or `deny`, of a decision or an evaluation.
    #[must_use]
    pub fn verdict(&self) -> Option<&str> {
        self.text("/unmapped/doorward/verdict")
    }

    /// The HTTP status of the answer: of a denial, and of an outcome if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.number("/http_response/code").and_then(|code| u16::try_from(code).ok())
    }

    /// The route that took the request.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.text("/unmapped/doorward/route")
    }

    /// The service that the route leads to.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.text("/unmapped/doorward/service")
    }

    /// The issuer of the caller's identity, or the provider that they sign in with.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.text("/actor/user/domain").or_else(|| self.text("/user/domain"))
    }

    /// The caller, as its issuer writes it.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.text("/actor/user/uid").or_else(|| self.text("/user/uid"))
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.text("/http_request/http_method").or_else(|| self.text("/activity_name"))
    }

    /// What happened to a session, such as `signed_in`.
    #[must_use]
    pub fn event_name(&self) -> Option<&str> {
        self.text("/unmapped/doorward/event")
    }

    /// How an outcome ended.
    #[must_use]
    pub fn ended(&self) -> Option<&str> {
        self.text("/unmapped/doorward/ended")
    }

    /// The record in one line for people, in UTC, as in
    /// `12:03:04.123 DENY 403 GET orders.example.com/orders/7 corp/alice read-order  no policy allows this`.
    /// Control characters are shown as their escapes, so that a record cannot write on the terminal.
    #[must_use]
    pub fn one_line(&self) -> String {
        let mut line = clock_time(self.time());
        match self.record() {
            "decision" => self.write_decision(&mut line),
            "evaluation" => self.write_evaluation(&mut line),
            "outcome" => self.write_outcome(&mut line),
            "sign_in" => self.write_sign_in(&mut line),
            record => {
                push(&mut line, &record.to_uppercase());
                push(&mut line, self.text("/message").unwrap_or_default());
            }
        }
        line
    }

    fn write_decision(&self, line: &mut String) {
        push(line, &self.verdict().unwrap_or_default().to_uppercase());
        if let Some(status) = self.status() {
            push(line, &status.to_string());
        }
        push(line, self.method().unwrap_or("-"));
        let mut target = self.text("/http_request/url/hostname").unwrap_or_default().to_owned();
        if let Some(port) = self.number("/http_request/url/port") {
            let _ = write!(target, ":{port}");
        }
        target.push_str(self.text("/http_request/url/path").unwrap_or_default());
        push(line, &target);
        self.push_caller(line);
        self.push_reasons(line);
    }

    /// As in `EVALUATED DENY user:bob write record:record-1 corp/gateway ask  no rule allows it`.
    fn write_evaluation(&self, line: &mut String) {
        let named = |what: &str| {
            let part = |name| self.text(&format!("/unmapped/doorward/{what}/{name}"));
            match (part("type"), part("id")) {
                (Some(kind), Some(id)) => format!("{kind}:{id}"),
                _ => "-".to_owned(),
            }
        };
        push(line, "EVALUATED");
        push(line, &self.verdict().unwrap_or_default().to_uppercase());
        push(line, &named("subject"));
        push(line, self.text("/unmapped/doorward/action").unwrap_or("-"));
        push(line, &named("resource"));
        self.push_caller(line);
        self.push_reasons(line);
    }

    /// As in `SIGN IN REFUSED corp/anonymous id.example.com  the state was used before`.
    fn write_sign_in(&self, line: &mut String) {
        push(line, &self.event_name().unwrap_or_default().replace('_', " ").to_uppercase());
        if let Some(by) = self.text("/unmapped/doorward/by") {
            push(line, &format!("by {by}"));
        }
        let who = self.subject().unwrap_or("anonymous");
        push(line, &format!("{}/{who}", self.issuer().unwrap_or("-")));
        push(line, self.text("/dst_endpoint/hostname").unwrap_or("-"));
        self.push_reasons(line);
    }

    fn push_reasons(&self, line: &mut String) {
        let reasons = self.event.pointer("/unmapped/doorward/reasons").and_then(Value::as_array);
        let reasons: Vec<_> = reasons.into_iter().flatten().filter_map(Value::as_str).collect();
        if !reasons.is_empty() {
            line.push(' ');
            push(line, &reasons.join("; "));
        }
        let policies = self.event.pointer("/actor/authorizations").and_then(Value::as_array);
        let denying = policies
            .into_iter()
            .flatten()
            .filter(|one| one.get("decision").and_then(Value::as_str) == Some("deny"))
            .filter_map(|one| one.pointer("/policy/uid")?.as_str());
        let policies: Vec<_> = denying.collect();
        if !policies.is_empty() {
            let _ = write!(line, " [{}]", policies.join(", "));
        }
    }

    fn write_outcome(&self, line: &mut String) {
        push(line, "DONE");
        push(line, &self.status().map_or("-".to_owned(), |status| status.to_string()));
        push(line, self.method().unwrap_or("-"));
        push(line, self.service().unwrap_or("-"));
        self.push_caller(line);
        let bytes = self.number("/unmapped/doorward/bytes_out").unwrap_or_default();
        let millis = self.number("/duration").unwrap_or_default();
        let ended = self.ended().unwrap_or_default();
        push(line, &format!(" {ended} after {millis} ms, {bytes} bytes"));
    }

    fn push_caller(&self, line: &mut String) {
        match (self.issuer(), self.subject()) {
            (Some(issuer), Some(subject)) => push(line, &format!("{issuer}/{subject}")),
            _ => push(line, "anonymous"),
        }
        push(line, self.route().unwrap_or("-"));
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.event.pointer(pointer)?.as_str()
    }

    fn number(&self, pointer: &str) -> Option<u64> {
        self.event.pointer(pointer)?.as_u64()
    }
}

/// Appends a space and `text`, without characters that would act on a terminal.
fn push(line: &mut String, text: &str) {
    line.push(' ');
    for character in text.chars() {
        if character.is_control() || is_directional(character) {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
    }
}

/// Characters that change in which direction others are shown (Unicode Standard Annex 9).
const fn is_directional(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The time of day in UTC, as in `12:03:04.123`.
fn clock_time(at: Timestamp) -> String {
    let millis = at.as_millis();
    let seconds = millis / 1000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{:03}", millis % 1000)
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
