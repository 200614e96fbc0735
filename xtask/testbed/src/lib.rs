//! What a test of the real binary needs around it: ports, a raw upstream that records, a raw client, an issuer with
//! keys, and the process itself. For tests and chores only; nothing that ships depends on it.

pub mod acting;
pub mod audit;
pub mod client;
pub mod clock;
pub mod entropy;
pub mod gateway;
pub mod issuer;
pub mod load;
pub mod message;
pub mod names;
pub mod port;
pub mod recorder;

pub use acting::Acting;
pub use client::{Client, Reply};
pub use gateway::{Gateway, Place};
pub use issuer::Issuer;
pub use load::{Answers, Load};
pub use names::Names;
pub use port::Port;
pub use recorder::{Recorder, Seen};
