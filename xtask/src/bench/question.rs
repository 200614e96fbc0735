//! A question of Envoy (`envoy.service.auth.v3.CheckRequest`) and whether the answer is yes, in the encoding of Protocol
//! Buffers.

use anyhow::{Context, Result, bail};

use super::field::HOST;

/// A question about `GET /orders/1`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// Its header line with a credential.
    pub(crate) header: &'a str,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
}

/// `CheckResponse.denied_response` and `CheckResponse.ok_response`.
const DENIED: u8 = 2;
const OK: u8 = 3;
/// The bytes of gRPC before a message.
const PREFIX: usize = 5;

impl Question<'_> {
    /// The message, framed for gRPC. What is not told is what Envoy leaves to its default.
    pub(crate) fn framed(self) -> Result<Vec<u8>> {
        let (name, value) = self.header.split_once(": ").context("a header has a value")?;
        let name = name.to_ascii_lowercase();
        let headers = [
            (":authority", HOST),
            (":method", "GET"),
            (":path", "/orders/1"),
            (":scheme", "http"),
            ("accept", "*/*"),
            ("user-agent", "bench"),
            ("x-forwarded-proto", "http"),
            ("x-request-id", "2f1c5f0e-5a43-4b8e-9a4f-5c9bb2b0a7aa"),
            (&name, value),
        ];
        let header =
            |(key, value): (&str, &str)| field(1, &[text(1, key), text(3, value)].concat());
        let headers: Vec<u8> = headers.into_iter().flat_map(header).collect();
        let http = [
            text(2, "GET"),
            text(4, "/orders/1"),
            text(5, HOST),
            text(6, "http"),
            text(10, "HTTP/1.1"),
            field(13, &headers),
        ]
        .concat();
        // The port, 40000, is a number.
        let socket = [text(2, "127.0.0.1"), vec![3 << 3], varint(40_000)].concat();
        let source = field(1, &field(1, &field(1, &socket)));
        let extension = field(10, &[text(1, "service"), text(2, "orders")].concat());
        let message = field(1, &[source, field(4, &field(2, &http)), extension].concat());
        let length = u32::try_from(message.len())?.to_be_bytes();
        Ok([&[0][..], &length, &message].concat())
    }
}

impl Answer {
    /// Reads a framed `CheckResponse`.
    pub(crate) fn read(framed: &[u8]) -> Result<Self> {
        let mut rest = framed.get(PREFIX..).context("an answer without a message")?;
        while let [tag, after @ ..] = rest {
            match tag >> 3 {
                OK => return Ok(Self::Yes),
                DENIED => return Ok(Self::No),
                _ => {}
            }
            let [length @ 0..=0x7f, after @ ..] = after else { bail!("expected a short field") };
            rest = after.get(usize::from(*length)..).context("expected a whole field")?;
        }
        bail!("an answer that is neither yes nor no")
    }
}

/// A field of text.
fn text(number: u8, value: &str) -> Vec<u8> {
    field(number, value.as_bytes())
}

/// A field with a length; its number is below 16.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [vec![number << 3 | 2], varint(content.len()), content.to_vec()].concat()
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_lengths_are_those_of_protocol_buffers() {
        assert_eq!(varint(40_000), [0xc0, 0xb8, 2]);
        assert_eq!(text(2, "GET"), [0x12, 3, b'G', b'E', b'T']);
        let framed = Question { header: "Authorization: Bearer a" }.framed().unwrap();
        let length = u32::from_be_bytes(framed[1..5].try_into().unwrap());
        assert_eq!((framed[0], length as usize), (0, framed.len() - 5));
        assert!(framed.windows(13).any(|part| part == b"authorization"));
    }

    #[test]
    fn an_answer_is_yes_or_no_by_which_response_it_has() {
        let framed = |message: &[u8]| [&[0, 0, 0, 0, 0][..], message].concat();
        assert_eq!(Answer::read(&framed(&[0x0a, 0, 0x1a, 0])).unwrap(), Answer::Yes);
        assert_eq!(Answer::read(&framed(&[0x0a, 2, 8, 7, 0x12, 0])).unwrap(), Answer::No);
        let error = Answer::read(&framed(&[0x0a, 0])).unwrap_err();
        assert_eq!(error.to_string(), "an answer that is neither yes nor no");
    }
}
