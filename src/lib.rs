pub mod limits;
pub mod outbound;
