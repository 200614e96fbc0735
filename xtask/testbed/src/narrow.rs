//! A service with a fixed capacity: so many requests at a time, each of which takes so long.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

use crate::acting::Acting;
use crate::clock::let_pass;
use crate::message::Unframed;

/// The service. It stops when it is dropped.
#[derive(Debug)]
pub struct Narrow(Acting);

impl Narrow {
    /// Starts one that serves `at_a_time` requests at a time, `each` long. The others wait.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(at_a_time: usize, each: Duration) -> Result<Self> {
        let places = Arc::new((Mutex::new(at_a_time), Condvar::new()));
        let acting = Acting::start(move |_, reader| {
            reader.stream().set_nodelay(true)?;
            while let Some(head) = reader.head()? {
                reader.body(head, Unframed::Empty)?;
                let (free, freed) = &*places;
                {
                    let free = free.lock().unwrap_or_else(PoisonError::into_inner);
                    let free = freed.wait_while(free, |free| *free == 0);
                    *free.unwrap_or_else(PoisonError::into_inner) -= 1;
                }
                let_pass(each);
                *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                freed.notify_one();
                reader.stream().write_all(crate::recorder::ANSWER.as_bytes())?;
            }
            Ok(())
        })?;
        Ok(Self(acting))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}
