//! Values of headers that are written for one request, as a rule in one piece of memory.

use std::fmt::{Display, Write as _};

use bytes::BytesMut;
use http::HeaderValue;

/// How much the values of a request need as a rule, in bytes. What is more takes memory of its own.
const ROOM: usize = 384;

/// Writes values of headers. Each by itself would take a piece of memory, and a copy of it another one; these share one.
pub(crate) struct HeaderValues(BytesMut);

impl HeaderValues {
    /// For one request.
    pub(crate) fn new() -> Self {
        Self(BytesMut::with_capacity(ROOM))
    }

    /// The value that is this text. Nothing if it cannot stand in a header.
    pub(crate) fn text(&mut self, text: &str) -> Option<HeaderValue> {
        self.0.extend_from_slice(text.as_bytes());
        self.written()
    }

    /// The value that is this, as it is shown. Nothing if it cannot stand in a header.
    pub(crate) fn shown(&mut self, it: impl Display) -> Option<HeaderValue> {
        let shown = write!(self.0, "{it}");
        self.written().filter(|_| shown.is_ok())
    }

    fn written(&mut self) -> Option<HeaderValue> {
        let value = HeaderValue::from_maybe_shared(self.0.split().freeze()).ok();
        if value.is_none() {
            // It may have been long: what stands in its memory would keep all of it.
            *self = Self::new();
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_by_themselves_however_many_there_are() {
        let mut values = HeaderValues::new();
        let texts: Vec<_> = (0..200).map(|number| "x".repeat(number)).collect();
        let written: Vec<_> = texts.iter().map(|text| values.text(text).unwrap()).collect();
        drop(values);
        assert!(written.iter().zip(&texts).all(|(value, text)| value == text));
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_none_and_spoils_none_beside_it() {
        let mut values = HeaderValues::new();
        let first = values.text("first");
        for bad in ["a\r\nb: c", "\0", "\u{7f}", "a\n"] {
            assert_eq!((values.text(bad), values.shown(bad)), (None, None), "{bad:?}");
        }
        let last = values.shown(7);
        assert_eq!(
            (first.unwrap(), last.unwrap()),
            ("first".parse().unwrap(), HeaderValue::from(7))
        );
    }

    #[test]
    fn the_memory_of_a_long_value_that_is_refused_is_not_kept_by_a_short_one() {
        let mut values = HeaderValues::new();
        // The first piece of memory is in use, so that the long one is in another.
        let first = values.text("first");
        assert_eq!(values.text(&"\0".repeat(100 * ROOM)), None);
        let short = values.text("short");
        assert!(values.0.capacity() <= ROOM, "{}", values.0.capacity());
        assert!(first.is_some() && short.is_some());
    }
}
