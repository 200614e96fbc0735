//! W3C Trace Context: the trace that a request belongs to, and our span in it.

use http::{HeaderMap, HeaderValue};

use crate::header_values::HeaderValues;
use crate::request_id::RequestIds;

/// A place in a trace (W3C Trace Context §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The whole trace.
    pub trace_id: [u8; 16],
    /// The span that called us, if the caller told one.
    pub parent: Option<[u8; 8]>,
    /// Our span.
    pub span_id: [u8; 8],
    /// Whether the trace is recorded.
    pub sampled: bool,
}

/// The header's name.
pub(crate) const TRACEPARENT: &str = "traceparent";

impl TraceContext {
    /// Continues the trace that the headers tell of, or begins one. `sample` decides for a trace that begins here.
    pub(crate) fn of(
        headers: &HeaderMap,
        ids: &RequestIds,
        sample: impl FnOnce(&[u8; 16]) -> bool,
    ) -> Self {
        let span_id = ids.next_u64().to_be_bytes();
        let told = headers.get(TRACEPARENT).and_then(|value| Self::parse(value.as_bytes()));
        if let Some((trace_id, parent, sampled)) = told {
            return Self { trace_id, parent: Some(parent), span_id, sampled };
        }
        let mut trace_id = [0; 16];
        let (high, low) = trace_id.split_at_mut(8);
        high.copy_from_slice(&ids.next_u64().to_be_bytes());
        low.copy_from_slice(&(ids.next_u64() | 1).to_be_bytes());
        Self { trace_id, parent: None, span_id, sampled: sample(&trace_id) }
    }

    /// The same, as records tell it.
    pub(crate) const fn for_audit(&self) -> ledger::audit::Trace {
        ledger::audit::Trace { trace_id: self.trace_id, span_id: self.span_id }
    }

    /// The header that tells the service of our span.
    pub(crate) fn header(&self, values: &mut HeaderValues) -> Option<HeaderValue> {
        let mut text = [0; 55];
        let parts: [(usize, &[u8]); 4] =
            [(0, &[0]), (3, &self.trace_id), (36, &self.span_id), (53, &[u8::from(self.sampled)])];
        text.iter_mut().for_each(|byte| *byte = b'-');
        for (start, bytes) in parts {
            for (place, byte) in text.get_mut(start..)?.chunks_mut(2).zip(bytes) {
                let digit = |nibble: u32| char::from_digit(nibble, 16).map(|c| c as u32);
                let pair = [digit(u32::from(byte >> 4))?, digit(u32::from(byte & 15))?];
                for (cell, digit) in place.iter_mut().zip(pair) {
                    *cell = u8::try_from(digit).ok()?;
                }
            }
        }
        values.text(std::str::from_utf8(&text).ok()?)
    }

    fn parse(text: &[u8]) -> Option<([u8; 16], [u8; 8], bool)> {
        let text = std::str::from_utf8(text).ok()?;
        let mut parts = text.split('-');
        let version = parts.next()?;
        let (trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?);
        // Later versions may say more after the flags; this one may not (§3.2.2.1).
        if version.len() != 2 || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let mut trace_id = [0; 16];
        let mut parent_id = [0; 8];
        let mut flag = [0; 1];
        unhex(trace, &mut trace_id)?;
        unhex(parent, &mut parent_id)?;
        unhex(flags, &mut flag)?;
        (trace_id != [0; 16] && parent_id != [0; 8]).then_some((
            trace_id,
            parent_id,
            flag[0] & 1 == 1,
        ))
    }
}

fn unhex(text: &str, bytes: &mut [u8]) -> Option<()> {
    let lower_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if text.len() != bytes.len() * 2 || !text.bytes().all(lower_hex) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(header: &str) -> TraceContext {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static(TRACEPARENT),
            HeaderValue::from_str(header).unwrap(),
        )]);
        TraceContext::of(&headers, &RequestIds::new(1), |_| false)
    }

    #[test]
    fn a_trace_is_continued_with_a_span_of_our_own() {
        let told = context("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert!(told.sampled && told.parent.is_some());
        let header = told.header(&mut HeaderValues::new()).unwrap();
        let text = header.to_str().unwrap();
        assert!(text.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && text.ends_with("-01"));
        assert_eq!(text.len(), 55);
        assert!(!text.contains("b7ad6b7169203331"));
    }

    #[test]
    fn what_is_not_a_trace_begins_a_new_one() {
        for header in [
            "",
            "00",
            "junk",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        ] {
            assert_eq!(context(header).parent, None, "{header}");
        }
    }
}
