pub mod limits;
pub mod outbound;
pub mod tasks;
