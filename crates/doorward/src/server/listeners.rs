//! Whose listening sockets Doorward starts with.

use super::StartError;
use super::hand_over::Predecessor;
use super::inherited::Inherited;
use super::sockets::Sockets;
use crate::config::Config;

/// Where the listening sockets come from.
#[derive(Debug)]
pub enum Listeners {
    /// A service manager has opened them.
    Inherited(Inherited),
    /// They are opened here.
    Own,
    /// The process before this one has them, if there is one.
    TakenOver,
}

impl Listeners {
    /// The sockets that are there already and wanted, and the process that has them too.
    pub(super) fn open(
        self,
        config: &Config,
    ) -> Result<(Sockets, Option<Predecessor>), StartError> {
        match self {
            Self::Inherited(inherited) => Ok((inherited.sockets(&config.listen)?, None)),
            Self::Own => Ok((Sockets::default(), None)),
            Self::TakenOver => match Predecessor::find(&config.audit.directory)? {
                Some((predecessor, mut sockets)) => {
                    sockets.keep_wanted(&config.listen);
                    Ok((sockets, Some(predecessor)))
                }
                None => {
                    tracing::info!("there is no process to take over from");
                    Ok((Sockets::default(), None))
                }
            },
        }
    }
}
