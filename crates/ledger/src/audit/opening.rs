//! Opening a log: finding its end, saying so in it, and starting the two threads that keep it.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::chain::Tip;
use super::disk::Disk;
use super::error::AuditError;
use super::keeper::Keeper;
use super::note::Note;
use super::options::{AuditOptions, MAX_SYNC_INTERVAL, Sync};
use super::progress::{Closing, Position, Progress, Shared};
use super::queue::Queue;
use super::recovery::Recovered;
use super::segment;
use super::signing::CheckpointSigner;
use super::statement::{Claim, FILE, StatementError, Statements};
use super::writer::{Writer, header};
use crate::Clock;

/// Refuses options that are out of range.
pub(super) fn check(options: &AuditOptions) -> Result<(), AuditError> {
    let wrong = |setting, found, expected| Err(AuditError::Setting { setting, found, expected });
    match options.sync {
        Sync::Interval(interval) if interval > MAX_SYNC_INTERVAL || interval == Duration::ZERO => {
            wrong("sync interval", format!("{interval:?}"), "more than 0 and at most 100ms")
        }
        _ if options.queue_records == 0 => wrong("queue", "0 records".into(), "at least 1 record"),
        _ if options.segment_bytes == 0 => {
            wrong("segment size", "0 bytes".into(), "at least 1 byte")
        }
        _ => Ok(()),
    }
}

/// Opens the log and starts its threads.
pub(super) fn start(
    options: AuditOptions,
    disk: Arc<dyn Disk>,
    signer: Arc<dyn CheckpointSigner>,
    clock: Arc<dyn Clock>,
) -> Result<(Arc<Shared>, Vec<JoinHandle<()>>), AuditError> {
    let now = clock.now();
    let key_id = signer.key_id();
    let (mut statements, reach) = Statements::open(&*disk, &options.dir, signer)
        .map_err(AuditError::io("open", &options.dir.join(FILE)))?;
    let found = Recovered::find(&*disk, &options.dir, now)
        .map_err(AuditError::io("recover", &options.dir))?;
    let missing = reach.saturating_sub(found.tip.seq);
    // Numbers are never given twice: if records are gone, there is a hole where they were.
    let tip = Tip { seq: found.tip.seq.max(reach), ..found.tip };
    let mut notes = Vec::new();
    let (at, since) = match &found.last {
        Some(last) => {
            let (file, name) = (Arc::clone(&last.file), last.segment.name.clone());
            let (first_seq, bytes) = (last.segment.first_seq, last.bytes);
            (Position { tip, file, name, first_seq, bytes }, last.since.unwrap_or(now))
        }
        None => {
            let first_seq = tip.seq + 1;
            let name = segment::name(first_seq);
            let file = disk
                .open(&name)
                .and_then(|file| file.truncate(0).map(|()| file))
                .map_err(AuditError::io("make", &options.dir.join(&name)))?;
            (Position { tip, file, name, first_seq, bytes: 0 }, now)
        }
    };
    // States how far the log reached when it was opened, and that there is somebody who signs.
    let claim = Claim::Checkpoint {
        seq: found.tip.seq,
        hash: found.tip.hash,
        segment: found.last.as_ref().map_or_else(|| at.name.clone(), |it| it.segment.name.clone()),
    };
    if !found.damaged {
        statements.state(now, claim).map_err(|error| match error {
            StatementError::Io(error) => AuditError::io("write", &options.dir.join(FILE))(error),
            StatementError::Signer(error) => error.into(),
        })?;
    }
    if found.last.is_none() {
        notes.push(header(now, &options.policy_set, statements.count(), &key_id));
    }
    let mut body = Vec::new();
    Note::Opened.write(&mut body, now, "the audit log was opened", |json| {
        json.text("policy_set", &options.policy_set);
        json.text("key", &key_id);
        json.number("statements", statements.count().statements);
        json.text("statement", &statements.count().last.to_string());
        json.number("missing", missing);
        json.flag("damaged", found.damaged);
    });
    notes.push(body);
    notes.extend(found.torn.iter().map(|torn| torn.note(now)));
    let shared = Arc::new(Shared::new(
        Queue::new(options.queue_records, options.queue_bytes),
        Progress {
            written: at.clone(),
            followed: Vec::new(),
            synced_seq: 0,
            synced_at: None,
            statements: statements.count(),
            policy_set: options.policy_set.clone(),
            write_error: None,
            follow_error: None,
            keep_error: None,
            keeper_idle: false,
            closing: Closing::Open,
            failure: None,
        },
    ));
    let mut writer = Writer {
        shared: Arc::clone(&shared),
        disk: Arc::clone(&disk),
        clock: Arc::clone(&clock),
        options: options.clone(),
        key_id,
        at,
        since,
        lines: Vec::new(),
    };
    writer
        .write_notes(&notes)
        .and_then(|()| disk.sync())
        .map_err(AuditError::io("write", &options.dir.join(&writer.at.name)))?;
    let synced = writer.at.clone();
    {
        let mut progress = shared.progress();
        progress.synced_seq = synced.tip.seq;
        progress.synced_at = Some(now);
    }
    let kept = found.kept;
    let checkpoint = (found.tip.seq, now);
    let dir = options.dir.clone();
    let keeper = Keeper {
        shared: Arc::clone(&shared),
        disk,
        clock,
        options,
        statements,
        synced,
        checkpoint,
        kept,
    };
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .map_err(AuditError::io("start a thread for", &dir))
    };
    let threads = vec![
        spawn("audit-keeper", Box::new(move || keeper.run()))?,
        spawn("audit-writer", Box::new(move || writer.run()))?,
    ];
    Ok((shared, threads))
}
