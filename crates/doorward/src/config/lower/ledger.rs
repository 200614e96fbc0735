use std::path::{Path, PathBuf};

use gate::spec::Place;
use ledger::OperatorKey;
use ledger::state::{KeyPlace, LedgerPlace, PostgresUrl};

use super::Lowering;
use crate::config::tree::Value;
use crate::config::{file, model};

/// Where the ledger is kept unless the configuration says otherwise; beside the configuration.
const DEFAULT_FILE: &str = "ledger/ledger.db";

impl Lowering<'_> {
    pub(super) fn ledger(&mut self, ledger: Option<file::Ledger>) -> Option<model::Ledger> {
        let place = Place::key("ledger");
        let Some(ledger) = ledger else {
            let wanted = self.tree.has("sign_in") && !self.tree.has("ledger");
            return wanted.then(|| in_file(self.path(DEFAULT_FILE), None));
        };
        let kinds = ["sqlite", "postgres"];
        let written = kinds.iter().filter(|kind| self.tree.find(&place.then(kind)).is_some());
        if written.count() != 1 {
            let expected = "expected exactly one of `sqlite` and `postgres`";
            let problem = self.key_problem(&place, expected);
            self.report(problem.help(format!("write `sqlite: {DEFAULT_FILE}`")));
        }
        let key_place = place.then("key");
        let key_written = self.tree.find(&key_place).is_some();
        let key = ledger.key.map(|key| KeyPlace::Given(OperatorKey::new(&key.0)));
        match (ledger.sqlite, ledger.postgres) {
            (Some(path), None) => Some(in_file(self.path(&path.0), key)),
            (None, Some(url)) => {
                if !key_written {
                    let message = "the key `key` is missing: replicas share it";
                    let problem = self.key_problem(&place, message);
                    self.report(problem.help(
                        "make one with `openssl rand -hex 32`, keep it in a file, and add `key: ${file:secrets/ledger}`",
                    ));
                }
                let at = LedgerPlace::Postgres(self.database(&url.0, &place.then("postgres"))?);
                Some(model::Ledger { at, key: key? })
            }
            _ => None,
        }
    }

    /// The database that a URL leads to, whose password must not stand in the file.
    fn database(&mut self, url: &str, place: &Place) -> Option<PostgresUrl> {
        if self.holds_password(place) {
            let message = "a password stands in the configuration itself";
            let problem = self.problem(place, message);
            self.report(problem.help(
                "put it into a file or a variable, and write `postgres://user:${file:path}@host/database`",
            ));
            return None;
        }
        match PostgresUrl::parse(url) {
            Ok(url) => Some(url),
            Err(error) => {
                let problem = self.problem(place, error.to_string());
                self.report(
                    problem.help("write `postgres://user:${file:secrets/database}@host/database`"),
                );
                None
            }
        }
    }

    /// Whether the URL at `place` has a password, as it is written, and no reference for it.
    fn holds_password(&self, place: &Place) -> bool {
        let Some(Value::Text(url)) = self.tree.find(place).map(|node| &node.value) else {
            return false;
        };
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let named = query.split('&').filter_map(|part| part.strip_prefix("password="));
        // Up to the last `@`: a password may hold anything.
        let user = url.rsplit_once('@').and_then(|(before, _)| before.split_once("://"));
        let beside = user.and_then(|(_, user)| Some(user.split_once(':')?.1));
        named.chain(beside).any(|password| !password.contains("${"))
    }
}

/// The ledger in a file, with a key file beside it unless there is a key.
fn in_file(path: PathBuf, key: Option<KeyPlace>) -> model::Ledger {
    let key = key.unwrap_or_else(|| KeyPlace::File(beside(&path)));
    model::Ledger { at: LedgerPlace::Sqlite(path), key }
}

/// The key file of the ledger at `path`: its name with `.key` behind it, as SQLite names what it keeps beside it.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".key");
    name.into()
}
