//! Keeps what is known of providers up to date, across reloads of the configuration.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use aws_lc_rs::rand::SecureRandom;
use egress::{Destination, Egress};
use ledger::Clock;
use saml::Metadata;
use tokens::{SignerCertificate, Timestamp};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::known::Known;
use super::pace::{self, Last};
use super::source::{self, Look, SourceError};
use super::{MetadataOptions, MetadataPlace, SamlMetadata};

/// How a look at the metadata of a provider went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// It says something else than before.
    Changed,
    /// It could not be had, or says nothing of the provider that counts.
    Failed,
    /// It says the same.
    Same,
}

impl Report {
    /// A label for metrics that never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Failed => "failed",
            Self::Same => "same",
        }
    }
}

/// Who is told of each look: the provider's name, and how it went.
type Told = Arc<dyn Fn(&str, Report) + Send + Sync>;

/// Starts what keeps metadata up to date, and finds again what runs.
pub struct MetadataKeeper {
    tools: Arc<Tools>,
    running: Mutex<Vec<Weak<Running>>>,
}

/// What every task uses.
struct Tools {
    egress: Arc<Egress>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom + Send + Sync>,
    told: Told,
}

impl MetadataKeeper {
    /// Metadata that is fetched through `egress` at the times of `clock`; `told` hears how each look went.
    #[must_use]
    pub fn new(
        egress: Arc<Egress>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom + Send + Sync>,
        told: impl Fn(&str, Report) + Send + Sync + 'static,
    ) -> Self {
        let tools = Tools { egress, clock, random, told: Arc::new(told) };
        Self { tools: Arc::new(tools), running: Mutex::default() }
    }

    /// The metadata of these providers, in the same order. Where the same is running, it is that; the rest is started, with
    /// what is known already. Files are read before this returns. To be called within a tokio runtime, which will run the
    /// tasks.
    #[must_use]
    pub fn reconcile(&self, wanted: Vec<MetadataOptions>) -> Vec<SamlMetadata> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let before: Vec<_> = running.iter().filter_map(Weak::upgrade).collect();
        let groups = grouped(&wanted);
        let groups = groups.into_iter().map(|group| {
            let same = |it: &&Arc<Running>| it.is_of(&group);
            let found = before.iter().find(same).cloned();
            found.unwrap_or_else(|| Running::start(group, &before, &self.tools))
        });
        let groups: Vec<_> = groups.collect();
        // Those of before go on until a model takes their place, which may fail.
        let new = groups.iter().filter(|it| !before.iter().any(|old| Arc::ptr_eq(old, it)));
        *running = before.iter().chain(new).map(Arc::downgrade).collect();
        let handle = |options: &MetadataOptions| {
            groups.iter().find_map(|group| {
                let (_, known) =
                    group.providers.iter().find(|(known, _)| known.is_same(options))?;
                Some(SamlMetadata { known: Arc::clone(known), running: Some(Arc::clone(group)) })
            })
        };
        // INVARIANT: each stands in one of the groups.
        wanted.iter().filter_map(handle).collect()
    }
}

/// Those that stand in one document.
struct Group {
    place: MetadataPlace,
    signed_by: Option<Vec<SignerCertificate>>,
    providers: Vec<MetadataOptions>,
}

fn grouped(wanted: &[MetadataOptions]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for options in wanted {
        let beside = |group: &&mut Group| group.providers.iter().any(|it| it.is_beside(options));
        match groups.iter_mut().find(beside) {
            Some(group) => group.providers.push(options.clone()),
            None => groups.push(Group {
                place: options.place.clone(),
                signed_by: options.signed_by.clone(),
                providers: vec![options.clone()],
            }),
        }
    }
    groups
}

impl fmt::Debug for MetadataKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataKeeper").finish_non_exhaustive()
    }
}

/// One document that is looked at, and the providers in it. Its end is the end of the task.
#[derive(Debug)]
pub(super) struct Running {
    providers: Vec<(MetadataOptions, Arc<Known>)>,
    /// Somebody has a reason to think that it changed.
    pub(super) doubted: Arc<Notify>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    /// Whether this is what is known of these, and of no others.
    fn is_of(&self, group: &Group) -> bool {
        self.providers.len() == group.providers.len()
            && self.providers.iter().zip(&group.providers).all(|((known, _), it)| known.is_same(it))
    }

    fn start(group: Group, before: &[Arc<Self>], tools: &Arc<Tools>) -> Arc<Self> {
        let known = |options: &MetadataOptions| {
            let mut all = before.iter().flat_map(|running| &running.providers);
            let same = all.find(|(known, _)| known.is_same(options));
            same.map_or_else(Arc::default, |(_, known)| Arc::clone(known))
        };
        let providers = group.providers.into_iter();
        let providers: Vec<_> = providers
            .map(|options| {
                let known = known(&options);
                (options, known)
            })
            .collect();
        let doubted = Arc::new(Notify::new());
        let (signed_by, tools) = (group.signed_by, Arc::clone(tools));
        let document = Document { signed_by, providers: providers.clone(), tools };
        let task = match group.place {
            MetadataPlace::File(path) => {
                let look = document.look(&path);
                tokio::spawn(document.follow_file(path, look))
            }
            MetadataPlace::Url(url) => tokio::spawn(document.follow_url(url, Arc::clone(&doubted))),
        };
        Arc::new(Self { providers, doubted, task: task.abort_handle() })
    }
}

/// A document, and those who stand in it.
struct Document {
    signed_by: Option<Vec<SignerCertificate>>,
    providers: Vec<(MetadataOptions, Arc<Known>)>,
    tools: Arc<Tools>,
}

impl Document {
    /// Reads a file. What it looked like before.
    fn look(&self, path: &Path) -> Option<Look> {
        let now = self.tools.clock.now();
        let look = Look::at(path, now);
        self.learn(source::read_file(path, self.signed_by.as_deref(), now), now);
        look
    }

    async fn follow_file(self, path: PathBuf, mut last: Option<Look>) {
        let document = Arc::new(self);
        loop {
            sleep(pace::of_file()).await;
            let look = Look::at(&path, document.tools.clock.now());
            if look.is_some() && look == last {
                continue;
            }
            let (reader, path) = (Arc::clone(&document), path.clone());
            let read = tokio::task::spawn_blocking(move || reader.look(&path));
            last = read.await.unwrap_or_default();
        }
    }

    async fn follow_url(self, url: Destination, doubted: Arc<Notify>) {
        let mut failures = 0_u32;
        loop {
            let now = self.tools.clock.now();
            let had = source::fetch(&self.tools.egress, &url, self.signed_by.as_deref(), now).await;
            let now = self.tools.clock.now();
            failures = if had.is_ok() { 0 } else { failures.saturating_add(1) };
            self.learn(had, now);
            let last =
                if failures == 0 { Last::Had(self.ends_at(now)) } else { Last::Failed(failures) };
            let earliest = Instant::now() + pace::SHORTEST;
            let doubt = async {
                doubted.notified().await;
                sleep_until(earliest).await;
            };
            tokio::select! {
                () = sleep(pace::of_url(last, self.chance(), now)) => {}
                () = doubt => {}
            }
        }
    }

    /// What of all that is known ends first, and has not yet.
    fn ends_at(&self, now: Timestamp) -> Option<Timestamp> {
        let known = self.providers.iter().filter_map(|(_, known)| known.provider.load_full());
        known.filter_map(|provider| provider.valid_until).filter(|until| *until > now).min()
    }

    fn chance(&self) -> u8 {
        let mut byte = [0];
        // Without it, gates fetch at the same moment.
        let _ = self.tools.random.fill(&mut byte);
        byte[0]
    }

    fn learn(&self, had: Result<Metadata, SourceError>, now: Timestamp) {
        for (options, known) in &self.providers {
            let report = known.learn(options, had.as_ref(), now);
            (self.tools.told)(&options.name, report);
        }
    }
}
