//! Why a permitted request got no answer of its service, as the record and the caller are told.

use gate::Answer;
use http::StatusCode;
use ledger::audit::Ended;

use crate::answer::unavailable;
use crate::in_flight::InFlight;

/// Why there is no answer to pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The caller's body was malformed or broke off.
    BadBody,
    /// No endpoint could be reached, or none gave an answer that can be passed on.
    BadGateway,
    /// The service has as many requests under way and waiting as it may.
    Busy,
    /// The service says in more than one way, or in none that can be read, how long its answer is.
    BadLength,
    /// Something of ours is missing that it cannot be forwarded without.
    Incapable(&'static str),
    /// A WebSocket was asked for where any success would say that it is there, and it is not to be had.
    NoWebSocket,
    /// The permit ended or was revoked before there was anything to pass on; how, the in-flight request knows.
    PermitOver,
    /// No answer came in time.
    TimedOut,
    /// The body has more bytes than this.
    TooLarge(u64),
    /// The service went on with interim answers (1xx).
    TooManyInterim,
    /// The caller's body came too slowly.
    TooSlow,
}

impl Failure {
    /// Puts it on record as the request's end, and answers the caller.
    pub(super) fn tell(self, in_flight: &InFlight) -> Answer {
        let (ended, answer) = match self {
            Self::BadBody => {
                let detail = "the request's body is malformed or broke off";
                let answer = Answer::new(StatusCode::BAD_REQUEST, "Bad Request", detail);
                (Some(Ended::ClientGone), answer)
            }
            Self::BadGateway => {
                let detail = "the service could not be reached";
                let answer = Answer::new(StatusCode::BAD_GATEWAY, "Bad Gateway", detail);
                (Some(Ended::UpstreamFailed), answer)
            }
            Self::Busy => {
                let detail = "the service has too many requests waiting";
                (Some(Ended::UpstreamFailed), unavailable(detail))
            }
            Self::BadLength => {
                let detail = "the service's answer has no one length";
                let answer = Answer::new(StatusCode::BAD_GATEWAY, "Bad Gateway", detail);
                (Some(Ended::UpstreamFailed), answer)
            }
            Self::Incapable(detail) => (Some(Ended::UpstreamFailed), unavailable(detail)),
            Self::NoWebSocket => {
                let detail = "no WebSocket is to be had here";
                let answer = Answer::new(StatusCode::NOT_IMPLEMENTED, "Not Implemented", detail);
                (Some(Ended::Completed), answer)
            }
            Self::PermitOver => {
                let detail = "what permitted the request ended before it was served";
                (None, Answer::new(StatusCode::UNAUTHORIZED, "Unauthorized", detail))
            }
            Self::TimedOut => {
                let detail = "the service did not answer in time";
                let answer = Answer::new(StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout", detail);
                (Some(Ended::UpstreamTimedOut), answer)
            }
            Self::TooLarge(most) => {
                let detail = format!("the request's body has more than {most} bytes");
                let answer =
                    Answer::new(StatusCode::PAYLOAD_TOO_LARGE, "Content Too Large", detail);
                (Some(Ended::Completed), answer)
            }
            Self::TooManyInterim => {
                let detail = "the service gave too many interim answers";
                let answer = Answer::new(StatusCode::BAD_GATEWAY, "Bad Gateway", detail);
                (Some(Ended::UpstreamFailed), answer)
            }
            Self::TooSlow => {
                let detail = "the request's body came too slowly";
                let answer = Answer::new(StatusCode::REQUEST_TIMEOUT, "Request Timeout", detail);
                (Some(Ended::Completed), answer)
            }
        };
        in_flight.answered(answer.status.as_u16());
        if let Some(ended) = ended {
            in_flight.end(ended);
        }
        answer
    }
}
