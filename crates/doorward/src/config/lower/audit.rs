use gate::spec::Place;

use super::{Lowering, count, time};
use crate::config::{file, model};

/// Where the log is kept unless the configuration says otherwise; beside the configuration.
const DEFAULT_DIRECTORY: &str = "audit";

impl Lowering<'_> {
    pub(super) fn audit(&mut self, audit: file::Audit) -> model::Audit {
        let directory = audit.directory.as_ref().map_or(DEFAULT_DIRECTORY, |path| &path.0);
        let retain = audit.retain.unwrap_or_default();
        let segment = audit.segment_bytes.value();
        if let Some(bytes) = &retain.bytes
            && bytes.value() < segment
        {
            let message = format!("`{}` is less than one file of `{segment}`", bytes.value());
            let problem = self.problem(&Place::key("audit").then("retain").then("bytes"), message);
            self.report(
                problem.help(format!("write at least `{segment}`, or a smaller `segment_bytes`")),
            );
        }
        model::Audit {
            directory: self.path(directory),
            segment_bytes: segment.get(),
            segment_age: time(&audit.segment_age),
            retain: model::Retain {
                segments: retain.segments.as_ref().map(count),
                age: retain.age.as_ref().map(time),
                bytes: retain.bytes.as_ref().map(|bytes| bytes.value().get()),
            },
            sync: match &audit.sync {
                file::Sync::Every(every) => model::Sync::Every(time(every)),
                file::Sync::EveryRecord => model::Sync::EveryRecord,
            },
            budget: time(&audit.budget),
            queue_records: count(&audit.queue_records),
        }
    }
}
