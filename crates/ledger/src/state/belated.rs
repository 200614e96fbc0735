//! Sessions that would begin too late: all that they belong to was ended after their provider had vouched for them.

use tokens::{Digest, Timestamp};

use super::bounds::ENDING_KEPT;
use super::database::Transaction;
use super::row::{Value, values};
use super::stored::Stored;
use super::used::ENDING;
use super::{Ending, LedgerError, NewSession};

impl Stored {
    /// Remembers an ending for those who are about to begin.
    pub(super) async fn remember(&self, which: &Ending, now: Timestamp) -> Result<(), LedgerError> {
        let insert = "INSERT INTO doorward_used (digest, purpose, until) VALUES ($1, $2, $3) \
                      ON CONFLICT (digest, purpose) DO UPDATE SET until = excluded.until \
                      WHERE doorward_used.until < excluded.until";
        let marks = which.marks();
        if marks.is_empty() {
            return Ok(());
        }
        let mut transaction = self.database.begin().await?;
        for mark in marks {
            let values = values![mark, ENDING, now.plus(ENDING_KEPT)];
            transaction.change(insert, values).await?;
        }
        transaction.commit().await
    }

    /// Takes a session back that has just begun and should not have: nobody has its cookie yet. Whether it was one.
    pub(super) async fn take_back_if_belated(&self, new: &Belonging) -> Result<bool, LedgerError> {
        let (query, values) = new.query();
        if self.database.row(query, values).await?.is_none() {
            return Ok(false);
        }
        let mut transaction = self.database.begin().await?;
        let delete = "DELETE FROM doorward_sessions WHERE id = $1";
        transaction.change(delete, values![new.id]).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// What a session that begins belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Belonging {
    id: super::SessionId,
    vouched_at: Timestamp,
    marks: [Digest; 5],
}

impl Belonging {
    pub(super) fn of(new: &NewSession) -> Self {
        let own = match &new.provider_session {
            Some(session) => named(&new.provider, session),
            None => nameless(&new.provider, &new.subject),
        };
        let subject = of_subject(&new.provider, &new.subject);
        // One without an alias belongs to no mark besides.
        let alias = new.alias.map_or(own, |alias| of_alias(&new.provider, alias));
        let marks = [mark(&["all"]), of_provider(&new.provider), subject, own, alias];
        Self { id: new.id, vouched_at: new.vouched_at, marks }
    }

    /// Whether all that it belongs to was ended already.
    pub(super) async fn is_belated(
        &self,
        transaction: &mut Transaction,
    ) -> Result<bool, LedgerError> {
        let (query, values) = self.query();
        Ok(transaction.row(query, values).await?.is_some())
    }

    fn query(&self) -> (&'static str, Vec<Value>) {
        let [all, provider, subject, own, alias] = self.marks;
        let query = "SELECT 1 FROM doorward_used WHERE purpose = $1 AND until >= $2 \
                     AND digest IN ($3, $4, $5, $6, $7) LIMIT 1";
        let since = self.vouched_at.plus(ENDING_KEPT);
        (query, values![ENDING, since, all, provider, subject, own, alias])
    }
}

impl Ending {
    fn marks(&self) -> Vec<Digest> {
        match self {
            Self::Alias { provider, alias } => vec![of_alias(provider, *alias)],
            Self::All => vec![mark(&["all"])],
            Self::Provider(provider) => vec![of_provider(provider)],
            Self::Subject { provider, subject } => vec![of_subject(provider, subject)],
            Self::ProviderSession { provider, session, subject } => {
                let nameless = subject.as_ref().map(|subject| nameless(provider, subject));
                nameless.into_iter().chain([named(provider, session)]).collect()
            }
            // Whoever knows its id knows that it has begun.
            Self::Session(_) => Vec::new(),
        }
    }
}

fn of_alias(provider: &str, alias: Digest) -> Digest {
    mark(&["alias", provider, &alias.to_string()])
}

fn of_provider(provider: &str) -> Digest {
    mark(&["provider", provider])
}

fn of_subject(provider: &str, subject: &str) -> Digest {
    mark(&["subject", provider, subject])
}

fn named(provider: &str, session: &str) -> Digest {
    mark(&["session", provider, session])
}

/// A subject's sessions that the provider has given no name.
fn nameless(provider: &str, subject: &str) -> Digest {
    mark(&["nameless", provider, subject])
}

/// No part has a NUL in it, as the bounds of the ledger say.
fn mark(parts: &[&str]) -> Digest {
    Digest::of(&parts.join("\0"))
}
