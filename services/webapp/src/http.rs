//! What the portal answers on its socket.

mod guard;
mod page;
mod refusal;
mod router;
pub mod server;

pub use router::router;
