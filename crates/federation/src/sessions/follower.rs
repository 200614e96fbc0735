//! Following the ledger's log, and keeping house.

use std::sync::Arc;
use std::time::Duration;

use ledger::state::{LedgerError, MAX_ROWS, Position};
use tokens::{SessionId, Timestamp};
use tokio::time::sleep;

use super::Sessions;

/// How often the log is looked at when nothing hints that it has grown.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long it is left alone at least, however often it grows.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(20);
/// How often uses of sessions are noted in the ledger, and what has expired is swept.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(5);
/// How many times the ledger is swept in one turn, at most: as many marks and sessions can be made in it.
const SWEEPS: usize = 20;

/// Follows the ledger's log and keeps house, for as long as it is polled.
pub async fn follow(sessions: Arc<Sessions>) {
    tokio::join!(follow_log(&sessions), keep_house(&sessions));
}

async fn follow_log(sessions: &Sessions) {
    let mut position = None;
    let mut failing = false;
    loop {
        match look(sessions, &mut position).await {
            Ok(()) => {
                if std::mem::take(&mut failing) {
                    tracing::info!("the ledger's log is in sight again");
                }
            }
            Err(error) if !failing => {
                failing = true;
                tracing::error!(%error, "the ledger's log is out of sight; sessions wait for it");
            }
            Err(_) => {}
        }
        sleep(LOOK_AT_MOST_EVERY).await;
        tokio::select! {
            () = sessions.ledger.hint() => {}
            () = sleep(LOOK_EVERY) => {}
        }
    }
}

/// Looks at the log once, from `position` on; what is known of sessions is then as good as it was at the beginning of that.
pub(super) async fn look(
    sessions: &Sessions,
    position: &mut Option<Position>,
) -> Result<(), LedgerError> {
    let began = sessions.clock.now();
    *position = Some(catch_up(sessions, *position, began).await?);
    sessions.confirm(began);
    Ok(())
}

/// Reads the log to its end, from `position` or, the first time, from its end.
async fn catch_up(
    sessions: &Sessions,
    position: Option<Position>,
    now: Timestamp,
) -> Result<Position, LedgerError> {
    let Some(mut position) = position else {
        let end = sessions.ledger.log_position().await?;
        sessions.recent.restart(end);
        return Ok(end);
    };
    loop {
        let changes = sessions.ledger.log_after(position, MAX_ROWS).await?;
        if changes.truncated {
            tracing::warn!("the ledger's log was lost sight of; all sessions are read anew");
            sessions.entries.clear();
            sessions.recent.restart(changes.upto);
            return Ok(changes.upto);
        }
        let more = changes.upto > position && changes.entries.len() >= MAX_ROWS as usize;
        sessions.recent.take(&changes.entries, changes.upto, now);
        position = changes.upto;
        if !more {
            return Ok(position);
        }
    }
}

async fn keep_house(sessions: &Sessions) {
    loop {
        sleep(HOUSEKEEPING_EVERY).await;
        sessions.note_seen().await;
        let now = sessions.clock.now();
        sessions.sweep(now).await;
        sessions.recent.tidy(now);
    }
}

impl Sessions {
    /// Sweeps what has expired from the ledger, until nothing is left or enough was done for one turn.
    async fn sweep(&self, now: Timestamp) {
        for _ in 0..SWEEPS {
            match self.ledger.sweep(now, MAX_ROWS).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "what has expired could not be swept from the ledger");
                    return;
                }
            }
        }
    }

    /// Notes in the ledger when sessions were seen.
    pub async fn note_seen(&self) {
        let seen: Vec<(SessionId, Timestamp)> = self.recent.take_seen().into_iter().collect();
        for rows in seen.chunks(MAX_ROWS as usize) {
            if let Err(error) = self.ledger.touch(rows).await {
                tracing::warn!(%error, "the use of sessions could not be noted");
                // They are noted with the next use, or with this.
                for (id, at) in rows {
                    self.recent.seen(*id, *at);
                }
                return;
            }
        }
    }
}
