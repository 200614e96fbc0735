//! What a test of the real binary needs around it: ports, a raw upstream that records, a raw client, an issuer with
//! keys, and the process itself. For tests and chores only; nothing that ships depends on it.

pub mod acting;
pub mod audit;
pub mod browser;
pub mod bulk;
pub mod client;
pub mod clock;
pub mod demo;
pub mod entropy;
pub mod faulty;
pub mod gateway;
pub mod identities;
pub mod issuer;
pub mod load;
pub mod message;
pub mod misbehaving;
pub mod names;
pub mod narrow;
pub mod offered;
pub mod port;
pub mod postgres;
pub mod recorder;
pub mod rsa_pair;
pub mod saml_party;
pub mod tls;
pub mod tls_load;
pub mod verifying;

pub use acting::Acting;
pub use browser::Browser;
pub use client::{Client, Reply};
pub use demo::Demo;
pub use faulty::{Behaviour, Deliveries, Faulty};
pub use gateway::{Gateway, Place};
pub use issuer::Issuer;
pub use load::{Answers, Load};
pub use misbehaving::{Habit, Misbehaving};
pub use names::Names;
pub use narrow::Narrow;
pub use offered::{Offer, Offered};
pub use port::Port;
pub use postgres::Postgres;
pub use recorder::{Recorder, Seen};
pub use rsa_pair::RsaPair;
pub use saml_party::{Said, SamlParty};
pub use tls::Authority;
pub use tls_load::{Manner, Target, TlsClient};
