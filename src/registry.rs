//! Puts plugins in order and refuses what clashes, before anything opens.

mod conflicts;
mod order;
mod surface;

pub use self::conflicts::{Mounted, conflicts};
pub use self::order::order;
pub use self::surface::{access, surface};
