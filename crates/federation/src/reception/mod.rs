//! Reception: our own pages under `/.doorward/`, where people sign in, are let on to the host they came from, and sign
//! out.
//!
//! ```text
//! any host:       sign-in?to=… ─▶ sealed: who asks for what
//! sign-in host:   sign-in?request=… ─▶ a session that will do? ── yes ─▶ pass
//!                        └▶ choose a provider ─▶ provider ─▶ callback/corp ─▶ session ─▶ pass
//! any host:       enter?pass=… ─▶ a cookie of its own ─▶ to
//! ```

mod arrival;
mod assertion;
mod back_channel;
mod callback;
mod choosing;
mod cookies;
mod entering;
mod leaving;
mod page;
mod records;
mod refreshing;
mod saml_underway;
mod seals;
mod single_logout;
mod tending;
mod trouble;
mod visit;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use aws_lc_rs::rand::SecureRandom;
use bytes::Bytes;
use gate::CanonicalRequest;
use gate::request::CanonicalHost;
use http::{Method, Response};
use ledger::audit::AuditLog;
use ledger::{Clock, OperatorKey};
use tokens::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

pub use self::tending::tend;
pub use self::visit::Visit;

use self::seals::{Seal, Stamp};
use self::trouble::Trouble;
use crate::pages::{PageOptions, Pages};
use crate::provider::{Party, SamlProvider};
use crate::sessions::Sessions;

/// How many calls of one kind there are of one provider at once, at most.
const CALLS_AT_ONCE: usize = 64;
/// How many messages of SAML are verified at once.
const VERIFIED_AT_ONCE: usize = 2;
/// How long one more waits for a place.
const PLACE_WITHIN: Duration = Duration::from_secs(5);

/// How people sign in.
#[derive(Debug)]
pub struct ReceptionOptions {
    /// The origin where people sign in, such as `https://id.example.com`.
    pub url: String,
    /// The host of that.
    pub host: CanonicalHost,
    /// How long a session lasts without being seen.
    pub idle: Duration,
    /// How long a session lasts at most.
    pub lifetime: Duration,
    /// How our pages look.
    pub page: PageOptions,
    /// The providers that are not disabled, in the order in which they are offered.
    pub providers: Vec<Offered>,
    /// The names of those that are, whose sessions end.
    pub disabled: Vec<String>,
}

/// One provider, at the reception.
#[derive(Debug)]
pub struct Offered {
    /// The provider.
    pub provider: Party,
    /// What people know it by.
    pub title: String,
    /// The domains of e-mail addresses that lead to it, in lower case.
    pub domains: Vec<String>,
    /// How often it is asked anew about a session; none for never.
    pub refresh: Option<Duration>,
    /// How long a session goes on when it cannot be asked.
    pub grace: Duration,
    /// What tells its options from all others, in every process.
    pub revision: String,
}

/// What the reception uses of its house.
#[derive(Clone)]
pub struct Household {
    /// The sessions.
    pub sessions: Arc<Sessions>,
    /// Seals what browsers carry.
    pub key: OperatorKey,
    /// The audit log.
    pub audit: Arc<AuditLog>,
    /// How long a record may wait.
    pub audit_budget: Duration,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where ids and cookies come from.
    pub random: Arc<dyn SecureRandom + Send + Sync>,
    /// Where the work is done: the runtime that opened the ledger.
    pub runtime: Handle,
}

/// Receives people who sign in and out.
pub struct Reception {
    options: ReceptionOptions,
    house: Household,
    pages: Pages,
    asked: Seal,
    underway: Seal,
    pass: Seal,
    leaving: Seal,
    saml_state: Stamp,
    saml_underway: Seal,
    /// How many messages of SAML are verified at once, which takes a thread each: anybody can send them.
    verifying: Semaphore,
    /// Whether the ledger remembers which providers are disabled.
    marked: AtomicBool,
    /// For each provider, how many calls there may be at once: for people who are sent there, who come back, and for
    /// what it says itself.
    calls: BTreeMap<String, Calls>,
}

impl Reception {
    /// Receives by these options.
    #[must_use]
    pub fn new(options: ReceptionOptions, house: Household) -> Self {
        let pages = Pages::new(&options.page);
        let names = options.providers.iter().map(|offered| offered.name().to_owned());
        let calls = names.map(|name| (name, Calls::default())).collect();
        Self {
            asked: Seal::new(&house.key, "sign-in request"),
            underway: Seal::new(&house.key, "sign-in under way"),
            pass: Seal::new(&house.key, "sign-in pass"),
            leaving: Seal::new(&house.key, "sign-out under way"),
            saml_state: Stamp::new(&house.key, "SAML state"),
            saml_underway: Seal::new(&house.key, "SAML sign-in under way"),
            verifying: Semaphore::new(VERIFIED_AT_ONCE),
            marked: AtomicBool::new(false),
            pages,
            calls,
            options,
            house,
        }
    }

    /// Whether `path` is one of our pages.
    #[must_use]
    pub fn has(path: &str) -> bool {
        Place::of(path).is_some()
    }

    /// What stands in the way of signing in, or soon may, by the name of the provider.
    pub fn troubles(&self, now: Timestamp) -> impl Iterator<Item = (&str, String)> {
        self.options.providers.iter().filter_map(move |offered| {
            Some((offered.name(), offered.provider.saml()?.trouble(now)?))
        })
    }

    /// How many bytes the form of a request may have: what a provider with SAML says comes in one.
    #[must_use]
    pub fn form_limit(&self, request: &CanonicalRequest) -> usize {
        match Place::of(request.path().as_str()) {
            Some(Place::Callback(name))
                if self.saml(name).is_some() && request.origin() == self.options.url =>
            {
                visit::MAX_ANSWER_BYTES
            }
            _ => visit::MAX_FORM_BYTES,
        }
    }

    /// Answers a visit.
    pub async fn attend(self: &Arc<Self>, visit: Visit) -> Response<Bytes> {
        let reception = Arc::clone(self);
        let id = visit.id.clone();
        let task = self.house.runtime.spawn(async move {
            let now = reception.house.clock.now();
            match reception.answer(&visit, now).await {
                Ok(response) => response,
                Err(trouble) => reception.tell(&visit, &trouble, now).await,
            }
        });
        // Whoever leaves meanwhile does not undo what was begun.
        match task.await {
            Ok(response) => response,
            Err(_) => self.show(&Trouble::ours("the task was cancelled"), &id),
        }
    }

    async fn answer(&self, visit: &Visit, now: Timestamp) -> Result<Response<Bytes>, Trouble> {
        let place = Place::of(visit.request.path().as_str()).ok_or(Trouble::NOWHERE)?;
        let reads = [Method::GET, Method::HEAD].contains(visit.method());
        let posts = visit.method() == Method::POST;
        // Whatever is good once is not used up by who only looks.
        let gets = visit.method() == Method::GET;
        if place.is_central() && visit.request.origin() != self.options.url {
            return Err(Trouble::NOWHERE);
        }
        match place {
            Place::SignIn if reads => self.sign_in(visit, now).await,
            Place::Callback(name) if posts => self.take_answer(visit, name, now).await,
            Place::Callback(name) if gets => match visit.ticket() {
                Some(ticket) => self.land(visit, name, ticket, now).await,
                None => self.callback(visit, name, now).await,
            },
            Place::Enter if gets => self.enter(visit, now).await,
            Place::SignOut if reads => Ok(self.ask_to_sign_out(visit)),
            Place::SignOut if posts => self.sign_out(visit, now).await,
            Place::SignedOut if reads => self.signed_out(visit, now).await,
            Place::Logout(name) => match self.saml(name) {
                Some(saml) if gets || posts => self.single_logout(visit, saml, now).await,
                None if posts => Ok(self.back_channel(visit, name, now).await),
                _ => Err(Trouble::METHOD),
            },
            Place::Saml(name) if reads => self.our_metadata(name),
            Place::Session if reads => self.who_am_i(visit, now).await,
            _ => Err(Trouble::METHOD),
        }
    }

    /// The provider of this name, if it speaks SAML and is not disabled.
    fn saml(&self, name: &str) -> Option<(&Offered, &Arc<SamlProvider>)> {
        let offered = self.offered(name)?;
        Some((offered, offered.provider.saml()?))
    }

    /// The provider of this name, unless it is disabled.
    fn offered(&self, name: &str) -> Option<&Offered> {
        self.options.providers.iter().find(|offered| offered.name() == name)
    }
}

/// Calls of one provider.
#[derive(Debug)]
struct Calls {
    begun: Semaphore,
    answered: Semaphore,
    logouts: Semaphore,
}

impl Default for Calls {
    fn default() -> Self {
        let new = || Semaphore::new(CALLS_AT_ONCE);
        Self { begun: new(), answered: new(), logouts: new() }
    }
}

impl Reception {
    /// Verifies something, where it keeps nobody waiting who is signed in.
    async fn verified<T: Send + 'static>(
        &self,
        verify: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let busy = || Trouble::busy("too many messages of SAML are to be verified");
        let place = timeout(PLACE_WITHIN, self.verifying.acquire()).await;
        let place = place.map_err(|_| busy())?.map_err(|_| busy())?;
        let verified = self.house.runtime.spawn_blocking(verify).await;
        drop(place);
        verified.map_err(|_| Trouble::ours("the task was cancelled"))
    }
}

/// Waits for a place among the calls of a provider.
async fn place<'a>(
    calls: Option<&'a Calls>,
    which: impl FnOnce(&'a Calls) -> &'a Semaphore,
) -> Result<SemaphorePermit<'a>, Trouble> {
    let busy = || Trouble::busy("too many calls of the provider are under way");
    let places = calls.map(which).ok_or_else(busy)?;
    let place = timeout(PLACE_WITHIN, places.acquire()).await;
    place.map_err(|_| busy())?.map_err(|_| busy())
}

impl Offered {
    /// The provider's name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        self.provider.name()
    }
}

/// One of our pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place<'a> {
    Callback(&'a str),
    Enter,
    Logout(&'a str),
    Saml(&'a str),
    Session,
    SignIn,
    SignOut,
    SignedOut,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let place = path.strip_prefix(gate::RESERVED_PREFIX)?.strip_prefix('/')?;
        match place.split_once('/') {
            Some(("callback", name)) if !name.contains('/') => Some(Self::Callback(name)),
            Some(("logout", name)) if !name.contains('/') => Some(Self::Logout(name)),
            Some(("saml", name)) if !name.contains('/') => Some(Self::Saml(name)),
            Some(_) => None,
            None => match place {
                "enter" => Some(Self::Enter),
                "session" => Some(Self::Session),
                "sign-in" => Some(Self::SignIn),
                "sign-out" => Some(Self::SignOut),
                "signed-out" => Some(Self::SignedOut),
                _ => None,
            },
        }
    }

    /// Whether it is on the sign-in host alone.
    const fn is_central(self) -> bool {
        matches!(self, Self::Callback(_) | Self::Logout(_) | Self::Saml(_) | Self::SignedOut)
    }
}

impl fmt::Debug for Reception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reception").field("url", &self.options.url).finish_non_exhaustive()
    }
}

impl fmt::Debug for Household {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Household").finish_non_exhaustive()
    }
}
