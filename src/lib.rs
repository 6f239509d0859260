pub mod limits;
pub mod outbound;
pub mod tasks;
pub mod telemetry;
