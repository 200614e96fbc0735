//! Doorward, put together: configuration, command line, and the process that runs the doors.

#![warn(clippy::print_stdout)]

pub mod clock;
pub mod commands;
pub mod config;
pub mod demo;
pub mod entropy;
pub mod server;
