//! One log, two processes: while one ends and the next has the log already, the one sends its last records to the
//! other, and goes on by what that one confirms. So there is one chain, and nothing is forwarded that is not on it.
//!
//! On the wire: the number of records; then each with its length before it; both are 32 bits, the highest first. The
//! answer is one byte, once they are written.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::error::AuditError;
use super::log::AuditLog;
use super::progress::{Closing, Shared, add, count};
use super::queue::Group;
use super::writer::gap;
use crate::Clock;

/// The largest record that is taken: far more than the limits on a request let one become.
const MAX_RECORD_BYTES: u32 = 16 << 20;

/// That the records of a group are written.
const WRITTEN: u8 = 1;

/// What sends records, in the place of the writer.
pub(super) struct Relay {
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stream: UnixStream,
}

impl Relay {
    /// Sends until the queue is closed and empty.
    pub(super) fn run(mut self) {
        self.shared.queue.writer_changed();
        let mut group = Group::default();
        let mut failure = None;
        while let Some(next) = self.shared.queue.take(group) {
            group = next;
            if let Err(source) = self.send(&group) {
                self.shared.queue.abandon();
                count(&self.shared.counters.failures);
                let error = AuditError::Relay { source };
                self.shared.progress().write_error = Some(error.to_string());
                failure = Some(error);
                break;
            }
            self.shared.queue.written(&mut group);
        }
        let mut progress = self.shared.progress();
        progress.closing = Closing::Done;
        progress.failure = failure;
        drop(progress);
        self.shared.announce();
    }

    fn send(&mut self, group: &Group) -> io::Result<()> {
        let gap = (group.dropped > 0).then(|| gap(self.clock.now(), group.dropped));
        let (mut frame, mut records) = (vec![0; 4], 0_u32);
        for body in group.bodies().chain(gap.as_deref()) {
            let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
            frame.extend_from_slice(&length.to_be_bytes());
            frame.extend_from_slice(body);
            records += 1;
        }
        if let Some(head) = frame.first_chunk_mut() {
            *head = records.to_be_bytes();
        }
        self.stream.write_all(&frame)?;
        let mut answer = [0];
        self.stream.read_exact(&mut answer)?;
        if answer != [WRITTEN] {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let counters = &self.shared.counters;
        count(&counters.writes);
        add(&counters.written_records, u64::from(records));
        add(&counters.written_bytes, frame.len() as u64);
        Ok(())
    }
}

/// Records in `log` what comes over `stream`, until it ends.
pub(super) async fn take(log: &AuditLog, stream: UnixStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let mut stream = tokio::net::UnixStream::from_std(stream)?;
    loop {
        let records = match stream.read_u32().await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            records => records?,
        };
        let mut receipts = Vec::new();
        for _ in 0..records {
            let length = stream.read_u32().await?;
            if length > MAX_RECORD_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut body = vec![0; usize::try_from(length).unwrap_or_default()];
            stream.read_exact(&mut body).await?;
            let receipt = log.queued(|record| record.extend_from_slice(&body)).await;
            receipts.push(receipt.map_err(io::Error::other)?);
            // Room may be waited for next.
            log.shared.queue.wake();
        }
        for receipt in receipts {
            if !receipt.await {
                return Err(io::Error::other("the log is closed"));
            }
        }
        stream.write_u8(WRITTEN).await?;
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
