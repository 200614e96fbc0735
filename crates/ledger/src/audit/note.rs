//! What the log says about itself, as OCSF events of the class Event Log Activity (1008).

use tokens::Timestamp;

use super::json::Json;
use super::ocsf::{METADATA, open_unmapped};

/// What the log says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// The log was closed in good order.
    Closed,
    /// Outcomes were dropped because the queue was full.
    Gap,
    /// A segment begins.
    Header,
    /// The log was opened.
    Opened,
    /// A half-written line was cut off.
    Torn,
}

impl Note {
    /// The word in `record`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Gap => "gap",
            Self::Header => "header",
            Self::Opened => "opened",
            Self::Torn => "torn",
        }
    }

    /// Appends the open body of the note; `members` adds what is its own.
    pub(super) fn write(
        self,
        out: &mut Vec<u8>,
        at: Timestamp,
        message: &str,
        members: impl FnOnce(&mut Json<'_>),
    ) {
        let mut json = Json::open(out);
        json.number("time", at.as_millis());
        json.raw(r#""class_uid":1008,"class_name":"Event Log Activity""#);
        json.raw(r#""category_uid":1,"category_name":"System Activity""#);
        json.raw(match self {
            Self::Closed => r#""activity_id":7,"activity_name":"Stop","type_uid":100807"#,
            Self::Gap => r#""activity_id":99,"activity_name":"Drop","type_uid":100899"#,
            Self::Header => r#""activity_id":5,"activity_name":"Rotate","type_uid":100805"#,
            Self::Opened => r#""activity_id":6,"activity_name":"Start","type_uid":100806"#,
            Self::Torn => r#""activity_id":99,"activity_name":"Repair","type_uid":100899"#,
        });
        json.raw(match self {
            Self::Gap | Self::Torn => {
                r#""severity_id":3,"severity":"Medium","status_id":2,"status":"Failure""#
            }
            Self::Closed | Self::Header | Self::Opened => {
                r#""severity_id":1,"severity":"Informational","status_id":1,"status":"Success""#
            }
        });
        json.text("message", message);
        json.raw(r#""log_name":"audit","log_provider":"Doorward","log_type_id":2"#);
        json.object("metadata", |json| json.raw(METADATA));
        open_unmapped(&mut json, |json| {
            json.text("record", self.name());
            members(json);
        });
    }
}
