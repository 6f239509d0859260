pub mod limits;
pub mod outbound;
pub mod pages;
pub mod tasks;
pub mod telemetry;
