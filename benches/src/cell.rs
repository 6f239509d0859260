//! What is compared: variants of a server, in both protocol eras, at several numbers of connections.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// A way to answer the same tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// (a) A bare axum route that parses and answers by hand
    Hand,
    /// (b) rmcp's own transport, without any gate
    Rmcp,
    /// (c) The gateway as it is shipped: plain calls take the short way
    Direct,
    /// (c) The gateway as it is shipped, but with no record of its decisions
    Unrecorded,
    /// (c) The gateway with every request by way of rmcp
    ThroughRmcp,
}

impl Variant {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 5] = [Self::Hand, Self::Rmcp, Self::Direct, Self::Unrecorded, Self::ThroughRmcp];

    /// The word on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hand => "hand",
            Self::Rmcp => "rmcp",
            Self::Direct => "direct",
            Self::Unrecorded => "unrecorded",
            Self::ThroughRmcp => "through-rmcp",
        }
    }

    /// As the table names it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hand => "(a) hand",
            Self::Rmcp => "(b) rmcp",
            Self::Direct => "(c) direct",
            Self::Unrecorded => "(c) direct, no record",
            Self::ThroughRmcp => "(c) through rmcp",
        }
    }
}

/// A revision of the protocol and with it the way requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Era {
    /// Every request stands alone.
    #[serde(rename = "2026-07-28")]
    Modern,
    /// Requests belong to a session that `initialize` opened; rmcp answers with event streams, the short way with
    /// JSON.
    #[serde(rename = "2025-11-25")]
    Legacy,
}

impl Era {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Modern, Self::Legacy];

    /// The revision, as the protocol writes it.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Modern => "2026-07-28",
            Self::Legacy => "2025-11-25",
        }
    }
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version())
    }
}

/// One place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Who answers.
    pub variant: Variant,
    /// How is asked.
    pub era: Era,
    /// How many ask at a time.
    pub connections: usize,
}
