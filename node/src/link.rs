//! Links: mutual TLS without a certificate authority (design section 6). The only user of rustls.

mod answers;
pub mod certificate;
mod connection;
mod crowd;
pub mod dial;
pub mod limits;
mod quiet;
pub mod server;
mod turnstile;
mod verifier;

pub use answers::{Held, Line};
pub use certificate::LinkIdentity;
pub use dial::{DialError, Dialler, Place, Proxies, Reached, dial, staggered};
pub use server::{Caller, LinkServer};
