//! Callers who are slow, too many, or speak another way: through the real binary, with a service that does what the test
//! says.

#[path = "callers/crowding.rs"]
mod crowding;
#[path = "callers/house.rs"]
mod house;
#[path = "callers/pace.rs"]
mod pace;
#[path = "callers/shedding.rs"]
mod shedding;
#[path = "callers/taking.rs"]
mod taking;
#[path = "callers/websocket.rs"]
mod websocket;
