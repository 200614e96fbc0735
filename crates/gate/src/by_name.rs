//! Maps by names of the configuration. Nobody but the operator chooses what stands in them, so they need no secret against
//! names that collide, and are asked at every request.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

/// A map by names of the configuration.
pub(crate) type ByName<K, V> = HashMap<K, V, FixedState>;

/// A set of names of the configuration.
pub(crate) type Names = HashSet<String, FixedState>;
