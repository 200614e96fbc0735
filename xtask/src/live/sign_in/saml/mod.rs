//! People sign in with SAML, with SimpleSAMLphp and LemonLDAP::NG.

mod ends;
mod federation;
mod house;
mod people;
mod rollover;

pub(super) use self::ends::everywhere;
pub(super) use self::federation::federation;
pub(super) use self::people::{encrypted, signed};
pub(super) use self::rollover::rollover;
