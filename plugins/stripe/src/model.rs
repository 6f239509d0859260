//! What the plugin is about, without a database or a network.

pub mod ask;
pub mod lapse;
pub mod meter;
pub mod money;
pub mod period;
pub mod refusal;
pub mod return_to;
pub mod settings;
pub mod signature;
pub mod subject;
pub mod subscription;
