//! What a probe says and is told in the gRPC Health Checking Protocol (`grpc.health.v1`).

use bytes::{BufMut as _, Bytes, BytesMut};

/// The method that a probe calls.
pub(super) const PATH: &str = "/grpc.health.v1.Health/Check";

/// The field `service` of `HealthCheckRequest`, a text: number 1, wire type 2.
const SERVICE: u8 = 1 << 3 | 2;
/// The field `status` of `HealthCheckResponse`, an enum: number 1, wire type 0.
const STATUS: u8 = 1 << 3;
/// `ServingStatus.SERVING`.
const SERVING: u8 = 1;
/// The flag before a message that is not compressed.
const PLAIN: u8 = 0;

/// The longest name of a service that can be asked for: its length is written in one byte.
pub const MAX_GRPC_SERVICE_BYTES: usize = 127;

/// The message that asks for `service`, with gRPC's prefix of a flag and a length.
pub(super) fn question(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if let Some(length) = u8::try_from(service.len()).ok().filter(|length| *length > 0) {
        message.put_slice(&[SERVICE, length]);
        message.put_slice(service.as_bytes());
    }
    let mut framed = BytesMut::new();
    framed.put_u8(PLAIN);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(&message);
    framed.freeze()
}

/// Whether an answer says `SERVING`. A message that says more than that, or says it in another way, does not.
pub(super) fn is_serving(answer: &[u8]) -> bool {
    *answer == [PLAIN, 0, 0, 0, 2, STATUS, SERVING]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_the_service_or_nothing() {
        assert_eq!(&question("")[..], [0, 0, 0, 0, 0]);
        assert_eq!(&question("a.B")[..], [0, 0, 0, 0, 5, 0x0a, 3, b'a', b'.', b'B']);
    }

    #[test]
    fn only_the_one_answer_is_good() {
        assert!(is_serving(&[0, 0, 0, 0, 2, 8, 1]));
        for bad in [
            [].as_slice(),
            &[0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 2, 8, 2],
            &[1, 0, 0, 0, 2, 8, 1],
            &[0, 0, 0, 0, 2, 8, 1, 0],
        ] {
            assert!(!is_serving(bad), "{bad:?}");
        }
    }
}
