//! HTTP/1.1 as a test server needs it: strict enough to notice a broken client, free enough to break the rules on purpose.

mod request;
mod response;

pub use request::Request;
pub(crate) use response::Connection;
pub use response::{Delivery, Response};
