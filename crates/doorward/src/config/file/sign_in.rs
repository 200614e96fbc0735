use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Bounded, Caption, Color, FilePath, Site, Time, bound};

/// Sign-in: how people come by a session. It is what `providers` are for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SignIn {
    /// Where people sign in: an origin of its own, such as `https://id.example.com`, whose requests reach this Doorward.
    /// Providers send people back to its `/.doorward/callback/<provider>`.
    pub(in crate::config) url: Site,
    /// How long a session lasts.
    #[serde(default)]
    pub(in crate::config) session: SessionLimits,
    /// How the pages look.
    #[serde(default)]
    pub(in crate::config) page: Page,
}

/// How long a session lasts.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct SessionLimits {
    /// How long it lasts without a request.
    pub(in crate::config) idle: Bounded<SessionIdle>,
    /// How long it lasts, whatever happens.
    pub(in crate::config) lifetime: Bounded<SessionLifetime>,
}

/// How the pages look that people sign in and out with.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Page {
    /// Whose pages they are, such as `Example Inc.`; up to 80 characters.
    pub(in crate::config) title: Option<Caption>,
    /// The colour of what can be pressed, such as `"#1a7f5a"`.
    pub(in crate::config) color: Option<Color>,
    /// An image above the title: a file in PNG or SVG of at most 64 KiB.
    pub(in crate::config) logo: Option<FilePath>,
}

bound! {
    /// How long a session lasts without a request.
    SessionIdle: Time, Time::minutes(1), Time::days(30), Some(Time::hours(1));
    /// How long a session lasts.
    SessionLifetime: Time, Time::minutes(1), Time::days(30), Some(Time::hours(12));
}
