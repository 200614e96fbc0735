//! Commands to the browser and its answers, as lines of JSON. Threads may share it: their commands run side by side.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::tab::Page;

/// How long an answer may take; longer than anything that is waited for in the browser.
const PATIENCE: Duration = Duration::from_secs(60);

/// The two pipes.
#[derive(Debug)]
pub(super) struct Wire {
    asking: Mutex<Asking>,
    waiting: Mutex<Waiting>,
    log: PathBuf,
}

#[derive(Debug)]
struct Asking {
    last: u64,
    input: Option<ChildStdin>,
}

/// Who waits for the answer to which command; `None` once there will be none.
type Waiting = Option<HashMap<u64, Sender<Value>>>;

impl Wire {
    /// Over `input` and `output`; what goes wrong beside them is in the file `log`.
    pub(super) fn new(input: ChildStdin, output: ChildStdout, log: PathBuf) -> Arc<Self> {
        let asking = Mutex::new(Asking { last: 0, input: Some(input) });
        let wire = Arc::new(Self { asking, waiting: Mutex::new(Some(HashMap::new())), log });
        let listening = Arc::clone(&wire);
        std::thread::spawn(move || listening.listen(output));
        wire
    }

    /// Has `what` done with the fields of `command`, and hands over the answer's value.
    pub(super) fn ask(&self, what: &str, mut command: Value) -> Result<Value> {
        let shown = command.clone();
        let (answer, answered) = channel();
        {
            let mut asking = lock(&self.asking);
            asking.last += 1;
            let id = asking.last;
            let fields = command.as_object_mut().context("a command has fields")?;
            fields.insert("id".to_owned(), id.into());
            fields.insert("do".to_owned(), what.into());
            lock(&self.waiting).as_mut().with_context(|| self.gone(what))?.insert(id, answer);
            let input = asking.input.as_mut().with_context(|| self.gone(what))?;
            writeln!(input, "{command}").with_context(|| self.gone(what))?;
        }
        let mut answer = answered.recv_timeout(PATIENCE).with_context(|| self.gone(what))?;
        if let Some(error) = answer.get("error") {
            let page = answer.get("page").filter(|page| page.is_object()).map(Page::read);
            let page = page.map(|page| format!("\n{page}")).unwrap_or_default();
            bail!("the browser cannot do `{what}` {shown}: {error}{page}");
        }
        Ok(answer.get_mut("value").map(Value::take).unwrap_or_default())
    }

    /// Asks nothing more: the browser ends.
    pub(super) fn hang_up(&self) {
        lock(&self.asking).input = None;
    }

    fn listen(&self, output: ChildStdout) {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let answer: Value = serde_json::from_str(&line).unwrap_or_default();
            let asker = answer.get("id").and_then(Value::as_u64).and_then(|id| {
                let mut waiting = lock(&self.waiting);
                waiting.as_mut().and_then(|waiting| waiting.remove(&id))
            });
            if let Some(asker) = asker {
                // Who no longer waits has failed already.
                let _ = asker.send(answer);
            }
        }
        *lock(&self.waiting) = None;
    }

    fn gone(&self, what: &str) -> String {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        format!("the browser has not answered `{what}`; it said: {said}")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
